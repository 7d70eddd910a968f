use rand::Rng;

use super::Module;
use super::init::Initializer;
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::parallel::{ELEMENT, in_parts};
pub use crate::numbers::product::Finish;
use crate::numbers::scalar::Float;

/// How the outputs of a [`Linear`] map share biases.
pub trait Channels: Module {
    /// How many biases there are: its outputs come in so many equal runs, each with one bias, unless they are
    /// [interleaved](Self::is_interleaved).
    fn channels(&self) -> usize {
        self.num_outputs()
    }

    /// The same for what it is fed, and so for the outputs of its adjoint.
    fn input_channels(&self) -> usize {
        self.num_inputs()
    }

    /// Whether the channels of each place lie one beside the other, as those of a window: then output i has the bias i
    /// modulo [`channels`](Self::channels), on both sides of the map.
    fn is_interleaved(&self) -> bool {
        false
    }

    /// How many outputs that lie one beside the other have the same bias.
    fn run(&self) -> usize {
        if self.is_interleaved() { 1 } else { self.num_outputs() / self.channels().max(1) }
    }
}

/// A map that is linear in its inputs and in its weights: y = W(w) x. [`Activated`](super::Activated) makes a layer of
/// it, and [`Adjoint`](super::Adjoint) the map that goes back, Wᵀ.
///
/// # Laws
/// 1. ⟨[`apply`](Self::apply)(x), dy⟩ = ⟨x, [`pull_back`](Self::pull_back)(dy)⟩ for all x and dy.
/// 2. [`add_weight_gradient`](Self::add_weight_gradient) is the derivative of ⟨apply(x), dy⟩ by the weights.
pub trait Linear<T: Float>: Channels {
    /// The same map with weights that lie as its own: itself, but for an adjoint.
    type Own: Linear<T> + Clone + 'static;
    /// The map that goes back, with weights that lie as its own.
    type Transposed: Linear<T> + Clone + 'static;

    /// What it is called in summaries and files: `Dense`.
    fn kind(&self) -> &'static str;

    /// What its adjoint is called.
    fn adjoint_kind(&self) -> &'static str {
        "Adjoint"
    }

    /// The rows and columns of its weights, which are stored column by column.
    fn weight_shape(&self) -> (usize, usize);

    /// How the columns are divided in a file, which has the weights row by row: those of a convolution are
    /// `[channels, rows, columns]` of the kernel.
    fn weight_columns(&self) -> Vec<usize> {
        vec![self.weight_shape().1]
    }

    /// What can be set of it and does not show in the shape of its weights: a model file is compared with it.
    fn settings(&self) -> Option<String> {
        None
    }

    /// Draws its first weights.
    fn draw_weights(&self, initializer: &dyn Initializer, weights: &mut [T], rng: &mut dyn Rng);

    /// The length of the scratch of the three maps below.
    fn scratch_len(&self, samples: usize) -> usize {
        let _ = samples;
        0
    }

    /// y ← W x.
    fn apply(&self, weights: &[T], x: BatchView<'_, T>, y: BatchViewMut<'_, T>, scratch: &mut [T]);

    /// y ← W x, and `finish` on every part of y as soon as it is there, while it is in the cache. By default when all
    /// of it is there.
    fn apply_then(
        &self,
        weights: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        self.apply(weights, x, y.reborrow(), scratch);
        finish_all(y, finish);
    }

    /// dx ← Wᵀ dy.
    fn pull_back(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        dx: BatchViewMut<'_, T>,
        scratch: &mut [T],
    );

    /// As [`apply_then`](Self::apply_then), for dx ← Wᵀ dy.
    fn pull_back_then(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        mut dx: BatchViewMut<'_, T>,
        scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        self.pull_back(weights, dy, dx.reborrow(), scratch);
        finish_all(dx, finish);
    }

    /// dw ← ∂⟨W x, dy⟩/∂w + β dw, with β = 0 (what was there is not read) or 1.
    fn add_weight_gradient(
        &self,
        x: BatchView<'_, T>,
        dy: BatchView<'_, T>,
        beta: T,
        gradient: &mut [T],
        scratch: &mut [T],
    );

    /// ‖∂yⱼ/∂x‖² of each output over the inputs that come first, where that has a closed form; whether it has.
    fn squared_norms(&self, weights: &[T], inputs: usize, norms: &mut [T]) -> bool {
        let _ = (weights, inputs, norms);
        false
    }

    /// Whether [`squared_norms`](Self::squared_norms) has a closed form.
    fn has_squared_norms(&self) -> bool {
        false
    }

    /// Adds the gradient of ½ Σⱼ scaleⱼ ‖∂yⱼ/∂x‖², where there is a closed form.
    fn add_squared_norms_gradient(
        &self,
        weights: &[T],
        inputs: usize,
        scales: &[T],
        gradient: &mut [T],
    ) {
        let _ = (weights, inputs, scales, gradient);
    }

    /// The same map with weights of its own, which are appended.
    fn own(&self, weights: &[T], to: &mut Vec<T>) -> Self::Own;

    /// The map that goes back, with weights of its own, which are appended.
    fn transpose(&self, weights: &[T], to: &mut Vec<T>) -> Self::Transposed;
}

fn finish_all<T: Float>(y: BatchViewMut<'_, T>, finish: Finish<'_, T>) {
    let rows = y.features();
    in_parts(y.samples(), ELEMENT * rows, y, |mut y| finish(0..rows, y.as_mut_slice()));
}
