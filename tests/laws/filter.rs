//! A linear map of one's own, as a user would write it: its outputs share biases in runs, and its passes need scratch.

use autoencoder::init::Initializer;
use autoencoder::layer::{Adjoint, Channels, Linear};
use autoencoder::{BatchView, BatchViewMut, Float, Module};
use rand::Rng;

/// Several filters over the same series of values, with zeros around it: yᶜᵢ = Σₖ wᶜₖ xᵢ₊ₖ₋ₕ, where h is half of the
/// taps, rounded down. Weights lie tap by tap.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub length: usize,
    pub channels: usize,
    pub taps: usize,
}

impl Filter {
    /// Runs over all weights: number of the weight, and the places of output and input it connects.
    fn connections(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { length, channels, taps } = self;
        let pairs = (0..taps).flat_map(move |tap| (0..channels).map(move |channel| (tap, channel)));
        pairs.flat_map(move |(tap, channel)| {
            (0..length).filter_map(move |at| {
                let from = (at + tap).checked_sub(taps / 2).filter(|&from| from < length)?;
                Some((tap * channels + channel, channel * length + at, from))
            })
        })
    }
}

impl Module for Filter {
    fn num_inputs(&self) -> usize {
        self.length
    }
    fn num_outputs(&self) -> usize {
        self.channels * self.length
    }
    fn num_parameters(&self) -> usize {
        self.channels * self.taps
    }
}

impl Channels for Filter {
    fn channels(&self) -> usize {
        self.channels
    }
    fn input_channels(&self) -> usize {
        1
    }
}

impl<T: Float> Linear<T> for Filter {
    type Own = Self;
    type Transposed = Adjoint<Self>;

    fn kind(&self) -> &'static str {
        "Filter"
    }
    fn weight_shape(&self) -> (usize, usize) {
        (self.channels, self.taps)
    }
    fn draw_weights(&self, initializer: &dyn Initializer, weights: &mut [T], rng: &mut dyn Rng) {
        let mut of_channel = vec![0.0; self.taps];
        for channel in 0..self.channels {
            initializer.draw_unit(&mut of_channel, self.channels, rng);
            let places = weights[channel..].iter_mut().step_by(self.channels);
            places.zip(&of_channel).for_each(|(weight, &drawn)| *weight = T::of(drawn));
        }
    }
    /// A column, so that sums are not read back from where they go.
    fn scratch_len(&self, _samples: usize) -> usize {
        self.num_outputs()
    }
    fn apply(
        &self,
        weights: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        scratch: &mut [T],
    ) {
        let column = &mut scratch[..self.num_outputs()];
        let to = y.as_mut_slice().chunks_exact_mut(self.num_outputs());
        for (x, y) in x.iter().zip(to) {
            column.fill(T::ZERO);
            for (weight, output, input) in self.connections() {
                column[output] += weights[weight] * x[input];
            }
            y.copy_from_slice(column);
        }
    }
    fn pull_back(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        mut dx: BatchViewMut<'_, T>,
        scratch: &mut [T],
    ) {
        let column = &mut scratch[..self.length];
        let to = dx.as_mut_slice().chunks_exact_mut(self.length);
        for (dy, dx) in dy.iter().zip(to) {
            column.fill(T::ZERO);
            for (weight, output, input) in self.connections() {
                column[input] += weights[weight] * dy[output];
            }
            dx.copy_from_slice(column);
        }
    }
    fn add_weight_gradient(
        &self,
        x: BatchView<'_, T>,
        dy: BatchView<'_, T>,
        beta: T,
        gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        if beta == T::ZERO {
            gradient.fill(T::ZERO);
        }
        for (x, dy) in x.iter().zip(dy.iter()) {
            for (weight, output, input) in self.connections() {
                gradient[weight] += dy[output] * x[input];
            }
        }
    }
    fn own(&self, weights: &[T], to: &mut Vec<T>) -> Self {
        to.extend_from_slice(weights);
        *self
    }
    fn transpose(&self, weights: &[T], to: &mut Vec<T>) -> Adjoint<Self> {
        to.extend_from_slice(weights);
        Adjoint(*self)
    }
}
