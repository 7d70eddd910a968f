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
/// Features that are looked at together, and values of a block of samples, which stays in the cache meanwhile.
const WIDTH: usize = 8;
const TOGETHER: usize = 8192;
/// The sizes of values that nets learn from; beyond them all are warned of.
const SIZES: (f64, f64) = (1e-4, 1e4);

/// Sums over samples, of each feature as the model takes it. Its greatest and its least value stand apart, as beside them
/// others could be lost in rounding; they begin at 0.
#[derive(Debug)]
pub(super) struct Survey {
    /// The ends of the decoder's outputs, if they are compared with the values.
    range: Option<(f64, f64)>,
    samples: usize,
    /// The number of the next sample.
    next: usize,
    greatest: Vec<f64>,
    least: Vec<f64>,
    /// The samples of the greatest and of the least value, with these.
    places: Vec<[(usize, f64); 2]>,
    sums: Vec<f64>,
    squares: Vec<f64>,
    /// How many values are not 0, the greatest and the least among them.
    counts: Vec<f64>,
    /// Squared distances from the range, of all values.
    outside: Vec<f64>,
    /// How many values are missing, or not finite.
    missing: Vec<f64>,
}

impl Survey {
    pub(super) fn new(features: usize, range: Option<(f64, f64)>) -> Self {
        let zeros = || vec![0.0; features];
        Self {
            range,
            samples: 0,
            next: 0,
            greatest: zeros(),
            least: zeros(),
            places: vec![[(0, 0.0); 2]; features],
            sums: zeros(),
            squares: zeros(),
            counts: zeros(),
            outside: zeros(),
            missing: zeros(),
        }
    }

    /// As [`look_at`](Self::look_at), where the first sample has this number.
    pub(super) fn look_at_from<T: Float>(&mut self, first: usize, x: BatchView<'_, T>) {
        self.next = first;
        self.look_at(x);
    }

    /// Takes samples that follow those before. What is not finite, which a stream may hold, is passed over.
    pub(super) fn look_at<T: Float>(&mut self, x: BatchView<'_, T>) {
        for block in x.chunks(TOGETHER.div_ceil(x.features())) {
            vectorize(
                #[inline(always)]
                || {
                    for first in (0..x.features()).step_by(WIDTH) {
                        self.add(block, first);
                    }
                },
            );
            self.find_places(block);
            self.samples += block.samples();
            self.next += block.samples();
        }
    }

    /// Adds some features of a block, the first of them given, whose sums stay in registers from sample to sample.
    #[inline(always)]
    fn add<T: Float>(&mut self, block: BatchView<'_, T>, first: usize) {
        let features = block.features();
        let range = first..features.min(first + WIDTH);
        let (low, high) = self.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let mut greatest = padded(&self.greatest[range.clone()], 0.0);
        let mut least = padded(&self.least[range.clone()], 0.0);
        let mut sums = padded(&self.sums[range.clone()], 0.0);
        let mut squares = padded(&self.squares[range.clone()], 0.0);
        let mut counts = padded(&self.counts[range.clone()], 0.0);
        let mut outside = padded(&self.outside[range.clone()], 0.0);
        let mut missing = padded(&self.missing[range.clone()], 0.0);
        for sample in block.as_slice().chunks_exact(features) {
            let values = padded(&sample[range.clone()], T::ZERO);
            for (feature, x) in values.into_iter().enumerate() {
                let x = x.to_double();
                let is_there = x.abs() < f64::INFINITY;
                let x = if is_there { x } else { 0.0 };
                missing[feature] += if is_there { 0.0 } else { 1.0 };
                let beyond = (x - high).max(0.0) + (low - x).max(0.0);
                let (is_greatest, is_least) = (x > greatest[feature], x < least[feature]);
                let other = if is_greatest { greatest[feature] } else { x };
                let other = if is_least { least[feature] } else { other };
                greatest[feature] = if is_greatest { x } else { greatest[feature] };
                least[feature] = if is_least { x } else { least[feature] };
                sums[feature] += other;
                squares[feature] += other * other;
                counts[feature] += if x == 0.0 { 0.0 } else { 1.0 };
                outside[feature] += beyond * beyond;
            }
        }
        let count = range.len();
        self.greatest[range.clone()].copy_from_slice(&greatest[..count]);
        self.least[range.clone()].copy_from_slice(&least[..count]);
        self.sums[range.clone()].copy_from_slice(&sums[..count]);
        self.squares[range.clone()].copy_from_slice(&squares[..count]);
        self.counts[range.clone()].copy_from_slice(&counts[..count]);
        self.outside[range.clone()].copy_from_slice(&outside[..count]);
        self.missing[range].copy_from_slice(&missing[..count]);
    }

    /// Looks in a block for the ends that are not those of before.
    fn find_places<T: Float>(&mut self, block: BatchView<'_, T>) {
        for (feature, places) in self.places.iter_mut().enumerate() {
            let ends = [self.greatest[feature], self.least[feature]];
            for (end, place) in ends.into_iter().zip(places) {
                if end != place.1 {
                    let mut of_feature = block.iter().map(|sample| sample[feature].to_double());
                    let sample = of_feature.position(|value| value == end).unwrap_or_default();
                    *place = (self.next + sample, end);
                }
            }
        }
    }

    /// What is to be warned of; single values are named in the user's units.
    pub(super) fn warnings(&self, normalizer: Option<&Normalizer>) -> Vec<Warning> {
        let warned = |outlier| Warning::Outlier { outlier, is_held_out: false };
        // Beside one such value all others are as nothing.
        match self.outlier_beyond(FAR, normalizer) {
            Some(outlier) => vec![warned(outlier)],
            None => {
                let of_sizes = self.scales().or_else(|| self.magnitude());
                of_sizes.into_iter().chain(self.outside_range()).collect()
            }
        }
    }

    /// What is to be warned of in samples that are held out.
    pub(super) fn warning_of_held_out(&self, normalizer: Option<&Normalizer>) -> Option<Warning> {
        let outlier = self.outlier_beyond(FAR, normalizer)?;
        Some(Warning::Outlier { outlier, is_held_out: true })
    }

    /// The value to be looked at where a training diverges.
    pub(super) fn suspect(&self, normalizer: Option<&Normalizer>) -> Option<Outlier> {
        self.outlier_beyond(LARGE, normalizer)
    }

    /// The value that is largest beside others of its feature, if it is so many times as large. A feature without
    /// others is compared with other features. All is in the user's units: a normalizer that was fitted to such a value
    /// has shrunk it. As it has shrunk the others to their rounding, these are then compared with other features too.
    fn outlier_beyond(&self, times: f64, normalizer: Option<&Normalizer>) -> Option<Outlier> {
        let features = self.sums.len();
        let units = normalizer.and_then(|normalizer| units(normalizer, features));
        let given = |feature: usize, x: f64| {
            units.as_ref().map_or(x, |units| units[feature].0 + x * units[feature].1)
        };
        // Beside the greatest and beside the least value of each feature.
        let typical: Vec<[f64; 2]> = (0..features)
            .map(|feature| {
                [self.least[feature], self.greatest[feature]].map(|other_end| match &units {
                    None => self.size_with(feature, other_end),
                    Some(units) => {
                        let (mean, deviation) = self.mean_and_deviation_with(feature, other_end);
                        given(feature, mean).abs() + deviation * units[feature].1.abs()
                    }
                })
            })
            .collect();
        let sizes = typical.iter().map(|[a, b]| a.min(*b));
        let mut sizes: Vec<f64> = sizes.filter(|&size| size > 0.0).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        let of_features = sizes.get(sizes.len() / 2).copied()?;
        let compared = |feature: usize, end: usize| match typical[feature][end] {
            size if units.is_some() => size.max(of_features),
            size if size > 0.0 => size,
            _ => of_features,
        };
        let ends = (0..features).flat_map(|feature| [(feature, 0), (feature, 1)]);
        let value = |(feature, end): (usize, usize)| given(feature, self.places[feature][end].1);
        let ratio = |at: (usize, usize)| value(at).abs() / compared(at.0, at.1);
        // Of equal ones the first.
        let (feature, end) = ends.reduce(|a, b| if ratio(b) > ratio(a) { b } else { a })?;
        (ratio((feature, end)) >= times).then(|| Outlier {
            sample: self.places[feature][end].0,
            feature,
            value: Number(value((feature, end))),
            typical: Number(compared(feature, end)),
        })
    }

    /// The root mean square of a feature's values but one end, of those that are not 0; given is the other end.
    fn size_with(&self, feature: usize, other_end: f64) -> f64 {
        let squares = self.squares[feature] + other_end * other_end;
        let is_end = |end: f64| if end == 0.0 { 0.0 } else { 1.0 };
        let ends = is_end(self.greatest[feature]) + is_end(self.least[feature]) - is_end(other_end);
        (squares / (self.counts[feature] - ends).max(1.0)).sqrt()
    }

    /// Of a feature's values but one end; given is the other end.
    fn mean_and_deviation_with(&self, feature: usize, other_end: f64) -> (f64, f64) {
        let n = (self.samples as f64 - self.missing[feature] - 1.0).max(1.0);
        let mean = (self.sums[feature] + other_end) / n;
        let squares = self.squares[feature] + other_end * other_end;
        (mean, (squares / n - mean * mean).max(0.0).sqrt())
    }

    /// The features of the largest and the smallest values, with these; those of 0 have no size.
    fn sizes(&self) -> Option<[(usize, f64); 2]> {
        let ends = self.greatest.iter().zip(&self.least);
        let sizes = ends.map(|(greatest, least)| greatest.max(-least)).enumerate();
        let sizes = sizes.filter(|(_, size)| *size > 0.0);
        let by_size = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
        Some([sizes.clone().max_by(by_size)?, sizes.min_by(by_size)?])
    }

    fn scales(&self) -> Option<Warning> {
        let [(large, most), (small, least)] = self.sizes()?;
        let ratio = most / least;
        (ratio >= FAR).then_some(Warning::Scales { large, small, ratio })
    }

    fn magnitude(&self) -> Option<Warning> {
        let [(feature, size), _] = self.sizes()?;
        let is_far = !(SIZES.0..=SIZES.1).contains(&size);
        is_far.then_some(Warning::Magnitude { feature, size })
    }

    pub(super) fn outside_range(&self) -> Option<Warning> {
        let range = self.range?;
        let outside: f64 = self.outside.iter().sum();
        let around_mean = |feature: usize| {
            let n = (self.samples as f64 - self.missing[feature]).max(1.0);
            let (greatest, least) = (self.greatest[feature], self.least[feature]);
            let sum = self.sums[feature] + greatest + least;
            let squares = self.squares[feature] + greatest * greatest + least * least;
            (squares - sum * sum / n).max(0.0)
        };
        let to_learn: f64 = (0..self.sums.len()).map(around_mean).sum();
        let share = outside / to_learn;
        (outside > 0.0 && share >= OUTSIDE).then_some(Warning::OutsideRange { share, range })
    }
}

/// The value of these samples, as they were given, that is a million times as large as others, if one is.
pub(crate) fn outlier<T: Float>(x: BatchView<'_, T>) -> Option<Outlier> {
    let mut survey = Survey::new(x.features(), None);
    survey.look_at(x);
    survey.outlier_beyond(FAR, None)
}

/// Some numbers and, where they are fewer than [`WIDTH`], others behind them.
#[inline(always)]
fn padded<T: Copy>(some: &[T], others: T) -> [T; WIDTH] {
    some.first_chunk().copied().unwrap_or_else(
        #[inline(always)]
        || {
            let mut all = [others; WIDTH];
            all[..some.len()].copy_from_slice(some);
            all
        },
    )
}

/// What a normalizer makes 0 and by how much it has divided, of each feature.
fn units(normalizer: &Normalizer, features: usize) -> Option<Vec<(f64, f64)>> {
    let (mut zeros, mut ones) = (vec![0.0; features], vec![1.0; features]);
    for row in [&mut zeros, &mut ones] {
        normalizer.undo(BatchViewMut::new(row, features)).ok()?;
    }
    Some(zeros.iter().zip(&ones).map(|(&zero, one)| (zero, one - zero)).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, whose sums are exact; one end in the last sample, others where what is not finite lies.
    fn column(feature: usize, samples: usize) -> Vec<f32> {
        let value = |sample: usize| match sample * (feature + 3) {
            at if at % 97 == 5 => f32::NAN,
            at if at % 89 == 7 => f32::NEG_INFINITY,
            at => (at * 7919 % 1009) as f32 - 500.0,
        };
        let mut column: Vec<f32> = (0..samples).map(value).collect();
        column[samples - 1 - feature] = [600.0, -600.0][feature % 2];
        column
    }

    #[test]
    fn every_value_is_looked_at_once() {
        for features in [1, 3, 8, 9, 30] {
            // Several blocks, the last ones not full.
            let samples = 2 * TOGETHER.div_ceil(features) + 5;
            let columns: Vec<_> = (0..features).map(|feature| column(feature, samples)).collect();
            let at = |place: usize| columns[place % features][place / features];
            let all: Vec<f32> = (0..samples * features).map(at).collect();
            let (range, part) = ((-10.0, 20.0), features * (samples / 3));
            let mut survey = Survey::new(features, Some(range));
            for part in [&all[..part], &all[part..]] {
                survey.look_at(BatchView::new(part, features));
            }
            assert_eq!(survey.samples, samples);
            for (feature, column) in columns.iter().enumerate() {
                let missing = column.iter().filter(|x| !x.is_finite()).count();
                assert_eq!(survey.missing[feature], missing as f64);
                let finite = |x: &f32| if x.is_finite() { f64::from(*x) } else { 0.0 };
                let column: Vec<f64> = column.iter().map(finite).collect();
                let greatest = column.iter().copied().fold(0.0, f64::max);
                let least = column.iter().copied().fold(0.0, f64::min);
                let ends = (survey.greatest[feature], survey.least[feature]);
                assert_eq!(ends, (greatest, least), "{features} {feature}");
                let place = |end: f64| (column.iter().position(|&x| x == end).unwrap(), end);
                assert_eq!(survey.places[feature], [place(greatest), place(least)]);
                let sum = |of: fn(f64) -> f64| column.iter().map(|&x| of(x)).sum::<f64>();
                let with_ends = |sum: f64, of: fn(f64) -> f64| sum + of(greatest) + of(least);
                assert_eq!(with_ends(survey.sums[feature], |x| x), sum(|x| x));
                assert_eq!(with_ends(survey.squares[feature], |x| x * x), sum(|x| x * x));
                assert_eq!(survey.counts[feature], sum(|x| f64::from(u8::from(x != 0.0))));
                let outside = |x: f64| (x - 20.0).max(0.0).powi(2) + (-10.0 - x).max(0.0).powi(2);
                assert_eq!(survey.outside[feature], sum(outside));
            }
        }
    }
}
