//! A look at the samples of a training as a model takes them: what in them is hardly what was meant.

use std::ops::Range;

use super::trainable::Trainee;
use super::warning::Warning;
use crate::batch::{BatchView, BatchViewMut};
use crate::data::Normalizer;
use crate::error::{Number, Outlier};
use crate::layer::layout::{Role, Tensor};
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// From how many times the size of others on a value is warned of, and features beside each other.
const FAR: f64 = 1e6;
/// From how many times the size of others on a value is named where a training diverges.
const LARGE: f64 = 1e3;
/// From which share of what there is to learn on values outside the outputs are warned of.
const OUTSIDE: f64 = 0.1;

/// Sums over samples, of each feature.
#[derive(Debug)]
pub(super) struct Survey {
    /// The ends of the decoder's outputs, if they are compared with the values.
    range: Option<(f64, f64)>,
    samples: usize,
    sums: Vec<f64>,
    /// Of all |x| but the largest, beside which others would be lost in rounding.
    sizes: Vec<f64>,
    squares: Vec<f64>,
    /// Squared distances from the range.
    outside: Vec<f64>,
    /// The largest |x|, and the sample it is of, with its sign.
    largest: Vec<f64>,
    places: Vec<(usize, f64)>,
}

impl Survey {
    pub(super) fn new(features: usize, range: Option<(f64, f64)>) -> Self {
        let zeros = || vec![0.0; features];
        Self {
            range,
            samples: 0,
            sums: zeros(),
            sizes: zeros(),
            squares: zeros(),
            outside: zeros(),
            largest: zeros(),
            places: vec![(0, 0.0); features],
        }
    }

    /// Takes samples that follow those before. What is not finite, which a stream may hold, is passed over.
    pub(super) fn look_at<T: Float>(&mut self, x: BatchView<'_, T>) {
        x.iter().for_each(|sample| self.add(sample));
        for (feature, (&largest, place)) in self.largest.iter().zip(&mut self.places).enumerate() {
            if largest > place.1.abs() {
                let of_feature = x.iter().map(|sample| sample[feature].to_double());
                let found = of_feature.enumerate().find(|(_, value)| value.abs() == largest);
                let in_all = |(sample, value)| (self.samples + sample, value);
                *place = found.map_or(*place, in_all);
            }
        }
        self.samples += x.samples();
    }

    fn add<T: Float>(&mut self, sample: &[T]) {
        let Self { range, sums, sizes, squares, outside, largest, .. } = self;
        let (low, high) = range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let sums = sums.iter_mut().zip(sizes).zip(squares.iter_mut().zip(outside));
        let values = sample.iter().zip(largest).zip(sums);
        vectorize(
            #[inline(always)]
            move || {
                for ((&x, largest), ((sum, size), (square, outside))) in values {
                    let x = x.to_double();
                    let x = if x.abs() < f64::INFINITY { x } else { 0.0 };
                    let beyond = (x - high).max(0.0) + (low - x).max(0.0);
                    *sum += x;
                    *size += x.abs().min(*largest);
                    *largest = largest.max(x.abs());
                    *square += x * x;
                    *outside += beyond * beyond;
                }
            },
        );
    }

    /// How many samples it has looked at.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// What is to be warned of; values are named in the user's units.
    pub(super) fn warnings<T: Float>(&self, normalizer: Option<&Normalizer>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let outlier = self.outlier_beyond(FAR);
        warnings.extend(outlier.map(|at| Warning::Outlier(self.named::<T>(at, normalizer))));
        warnings.extend(self.scales(outlier));
        // Beside one such value all others are as nothing.
        warnings.extend(self.outside_range().filter(|_| outlier.is_none()));
        warnings
    }

    /// The value to be looked at where a training diverges.
    pub(super) fn suspect<T: Float>(&self, normalizer: Option<&Normalizer>) -> Option<Outlier> {
        self.outlier_beyond(LARGE).map(|feature| self.named::<T>(feature, normalizer))
    }

    /// The feature with the largest value, if that is so many times as large as others of its feature, and as others
    /// of all features.
    fn outlier_beyond(&self, times: f64) -> Option<usize> {
        let all = self.largest.iter().enumerate();
        let (feature, &value) = all.max_by(|a, b| a.1.total_cmp(b.1))?;
        let not_it = |&(other, _): &(usize, &f64)| other != feature;
        let largest = self.largest.iter().enumerate().filter(not_it).map(|(_, size)| size);
        let others: f64 = self.sizes.iter().chain(largest).sum();
        let cells = (self.samples * self.sizes.len()).saturating_sub(1);
        let typical = (others / cells as f64).max(self.typical(feature));
        (typical > 0.0 && value >= times * typical).then_some(feature)
    }

    /// The mean |x| of a feature without its largest.
    fn typical(&self, feature: usize) -> f64 {
        self.sizes[feature] / self.samples.saturating_sub(1).max(1) as f64
    }

    /// The largest value of a feature, as the user gave it.
    fn named<T: Float>(&self, feature: usize, normalizer: Option<&Normalizer>) -> Outlier {
        let (sample, value) = self.places[feature];
        let mut values = [value, self.typical(feature)];
        if let Some(normalizer) = normalizer {
            for value in &mut values {
                let mut row = vec![T::ZERO; self.sums.len()];
                row[feature] = T::of(*value);
                let features = row.len();
                // What cannot be taken back is told as the model takes it.
                if normalizer.undo(BatchViewMut::new(&mut row, features)).is_ok() {
                    *value = row[feature].to_double();
                }
            }
        }
        let [value, typical] = values.map(Number);
        Outlier { sample, feature, value, typical }
    }

    fn scales(&self, outlier: Option<usize>) -> Option<Warning> {
        let size = |feature: usize| match outlier {
            Some(of) if of == feature => self.typical(feature),
            _ => self.largest[feature],
        };
        let sizes = (0..self.sums.len()).map(|feature| (feature, size(feature)));
        let sizes = sizes.filter(|(_, size)| *size > 0.0);
        let (large, most) = sizes.clone().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let (small, least) = sizes.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let ratio = most / least;
        (ratio >= FAR).then_some(Warning::Scales { large, small, ratio })
    }

    fn outside_range(&self) -> Option<Warning> {
        let range = self.range?;
        let outside: f64 = self.outside.iter().sum();
        let n = self.samples as f64;
        let around_mean = |(sum, squares): (&f64, &f64)| (squares - sum * sum / n).max(0.0);
        let to_learn: f64 = self.sums.iter().zip(&self.squares).map(around_mean).sum();
        let share = outside / to_learn;
        (outside > 0.0 && share >= OUTSIDE).then_some(Warning::OutsideRange { share, range })
    }
}

/// The biases of a Gaussian encoder's log-variances, as they were.
#[derive(Debug)]
pub(super) struct Variances<T>(Vec<(Range<usize>, Vec<T>)>);

impl<T: Float> Variances<T> {
    pub(super) fn new(model: &dyn Trainee<T>) -> Self {
        let is_one = |tensor: &&Tensor| {
            tensor.name.starts_with("encoder.log_variance.")
                && tensor.role == Role::Bias
                && !tensor.is_frozen
        };
        let biases = model.layout().tensors().iter().filter(is_one);
        let values = |range: &Range<usize>| model.parameters()[range.clone()].to_vec();
        Self(biases.map(|bias| (bias.range.clone(), values(&bias.range))).collect())
    }

    /// Whether there are some, and none has moved: nothing decays them, so that only a gradient does.
    pub(super) fn are_untrained(&self, model: &dyn Trainee<T>) -> bool {
        let stays = |(range, values): &(Range<usize>, Vec<T>)| {
            model.parameters()[range.clone()] == values[..]
        };
        !self.0.is_empty() && self.0.iter().all(stays)
    }
}
