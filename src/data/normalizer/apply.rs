//! The way there and back: samples through a normalizer, in place.

use super::{Normalization, Normalizer, half_mean};
use crate::batch::BatchViewMut;
use crate::error::{Error, Number, Result, require_size};
use crate::numbers::scalar::{Float, is_nan};
use crate::numbers::vector::vectorize;

/// Values that are normalized together.
const TOGETHER: usize = 512;

impl Normalizer {
    /// Normalizes in place. If it was [fitted to samples with missing values](Self::fit_with_missing), NaN stays NaN.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of features; [`Error::NotFinite`] if a value is not
    /// finite, or becomes so because it lies far beyond those that were fitted. Nothing has changed
    /// then.
    pub fn apply<T: Float>(&self, mut batch: BatchViewMut<'_, T>) -> Result<()> {
        self.apply_columns(batch.features(), batch.as_mut_slice())
    }

    /// The same of columns of so many features, whatever says how many they are.
    pub(super) fn apply_columns<T: Float>(&self, features: usize, values: &mut [T]) -> Result<()> {
        let call = "Normalizer::apply";
        let most = T::max_value().map_or(f64::MAX, T::to_double) / 4.0;
        let ranges = self.first.iter().zip(&self.second);
        let columns = (features, values, self.fills.is_some());
        match self.normalization {
            Normalization::None => self.map(call, columns, most, |_, x, _| x),
            Normalization::Standardize => {
                let safe = ranges.map(|(mean, scale)| most * scale.min(1.0) - mean.abs());
                self.map(
                    call,
                    columns,
                    safe.fold(most, f64::min),
                    #[inline(always)]
                    |(mean, scale), x, _| over(x, mean, scale),
                )
            }
            Normalization::MinMax { low, high } => {
                let most = most - low.abs().max(high.abs());
                let safe = ranges.map(|(&least, &greatest)| {
                    // By the place in the range, and by the result.
                    let shrinks =
                        (greatest / 2.0 - least / 2.0) / (high / 2.0 - low / 2.0).max(0.5);
                    most * if least < greatest { shrinks.min(1.0) } else { 1.0 } - least.abs()
                });
                self.map(
                    call,
                    columns,
                    safe.fold(most, f64::min),
                    #[inline(always)]
                    move |from, x, _| between(from, (low, high), x),
                )
            }
            Normalization::Truncate { .. } => self.map(
                call,
                columns,
                most,
                #[inline(always)]
                |(mean, scale), x, half_mean| {
                    // In halves, because a difference may be twice as large as any number.
                    let halved = x / 2.0 - half_mean - mean / 2.0;
                    let clamped = (halved / scale / 1.5).clamp(-1.0, 1.0);
                    0.1 + 0.4 * (1.0 + clamped)
                },
            ),
        }
    }

    /// As [`apply`](Self::apply), but leaves a sample that it refuses as it is, with the value that is not
    /// finite in its place: for those who look at the values later.
    pub(crate) fn apply_to_finite<T: Float>(&self, mut batch: BatchViewMut<'_, T>) {
        if self.apply(batch.reborrow()).is_ok() {
            return;
        }
        for mut sample in batch.chunks_mut(1) {
            if let Err(Error::NotFinite { feature, value, .. }) = self.apply(sample.reborrow()) {
                sample.as_mut_slice()[feature] = T::of(value.0);
            }
        }
    }

    /// As [`apply`](Self::apply), but what lies so far beyond those that were fitted that it has no number becomes the
    /// greatest there is, or the least: for those who look for what is far away.
    pub(crate) fn apply_within_range<T: Float>(
        &self,
        mut batch: BatchViewMut<'_, T>,
    ) -> Result<()> {
        let Err(refused) = self.apply(batch.reborrow()) else { return Ok(()) };
        let is_missing = |x: f64| x.is_nan() && self.fills.is_some();
        let mut values = batch.as_slice().iter().map(|x| x.to_double());
        if values.any(|x| !x.is_finite() && !is_missing(x)) {
            return Err(refused);
        }
        let most = T::max_value().map_or(f64::MAX, T::to_double);
        for mut sample in batch.chunks_mut(1) {
            match self.apply(sample.reborrow()) {
                Ok(()) => {}
                Err(Error::NotFinite { .. }) => {
                    let fitted = self.first.iter().zip(&self.second);
                    for (x, (&first, &second)) in sample.as_mut_slice().iter_mut().zip(fitted) {
                        let value = x.to_double();
                        if value.is_nan() {
                            continue;
                        }
                        let y = match self.normalization {
                            Normalization::Standardize => over(value, first, second),
                            Normalization::MinMax { low, high } => {
                                between((first, second), (low, high), value)
                            }
                            // These have a number for each value.
                            Normalization::None | Normalization::Truncate { .. } => value,
                        };
                        // Infinity times 0, which a range may begin with, is none.
                        let y = if y.is_nan() { (value - first).signum() * most } else { y };
                        *x = T::of(y.clamp(-most, most));
                    }
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Takes normalized values back, in place. If it was
    /// [fitted to samples with missing values](Self::fit_with_missing), NaN stays NaN.
    ///
    /// For `Truncate`, values that were cut off come back as the bound, and samples without the mean
    /// they have lost.
    ///
    /// # Errors
    /// As [`apply`](Normalizer::apply).
    pub fn undo<T: Float>(&self, mut batch: BatchViewMut<'_, T>) -> Result<()> {
        self.undo_columns(batch.features(), batch.as_mut_slice(), self.fills.is_some())
    }

    /// The same of what a model makes, in which nothing is missing: NaN is refused.
    pub(crate) fn undo_complete<T: Float>(&self, mut batch: BatchViewMut<'_, T>) -> Result<()> {
        self.undo_columns(batch.features(), batch.as_mut_slice(), false)
    }

    /// As [`apply_columns`](Self::apply_columns), with or without missing values.
    pub(super) fn undo_columns<T: Float>(
        &self,
        features: usize,
        values: &mut [T],
        takes_missing: bool,
    ) -> Result<()> {
        let call = "Normalizer::undo";
        let most = T::max_value().map_or(f64::MAX, T::to_double) / 4.0;
        let ranges = self.first.iter().zip(&self.second);
        let columns = (features, values, takes_missing);
        match self.normalization {
            Normalization::None => self.map(call, columns, most, |_, y, _| y),
            Normalization::Standardize => {
                let safe = ranges.map(|(mean, scale)| (most - mean.abs()) / scale.max(1.0));
                self.map(
                    call,
                    columns,
                    safe.fold(most, f64::min),
                    #[inline(always)]
                    |(mean, scale), y, _| y * scale + mean,
                )
            }
            Normalization::MinMax { low, high } => {
                let safe = ranges.map(|(&least, &greatest)| {
                    let grows = (greatest / 2.0 - least / 2.0).max(0.5) / (high / 2.0 - low / 2.0);
                    (most - least.abs().max(greatest.abs())) / grows.max(1.0) - low.abs()
                });
                self.map(
                    call,
                    columns,
                    safe.fold(most, f64::min),
                    #[inline(always)]
                    move |to, y, _| between((low, high), to, y),
                )
            }
            Normalization::Truncate { .. } => {
                // |((y − 0.1) / 0.4 − 1) · 3| ≤ 7.5 |y| + 3.75
                let safe =
                    ranges.map(|(mean, scale)| ((most - mean.abs()) / scale.max(1.0) - 3.75) / 7.5);
                self.map(
                    call,
                    columns,
                    safe.fold(most, f64::min),
                    #[inline(always)]
                    |(mean, scale), y, _| ((y - 0.1) / 0.4 - 1.0) * 3.0 * scale + mean,
                )
            }
        }
    }

    /// Replaces every value of every feature by f(what was fitted, value, half the mean of its sample),
    /// unless one of them is not finite, or missing where it may be. Values up to `safe` need no second look.
    fn map<T: Float>(
        &self,
        call: &'static str,
        (features, values, takes_missing): (usize, &mut [T], bool),
        safe: f64,
        f: impl Fn((f64, f64), f64, f64) -> f64 + Copy,
    ) -> Result<()> {
        if let Some(expected) = self.features() {
            require_size(call, "features", expected, features)?;
        }
        let features = features.max(1);
        let safe = T::of(safe);
        let are_safe = vectorize(
            #[inline(always)]
            || {
                let is_safe = |x: T| (x.abs() <= safe) | (takes_missing & is_nan(x));
                values.iter().fold(true, |all, &x| all & is_safe(x))
            },
        );
        if !are_safe {
            self.require_finite(call, (features, values, takes_missing), &f)?;
        }
        // Where one range serves all features it is repeated.
        if self.per_feature().is_none() {
            let fitted = self.fitted(0);
            for sample in values.chunks_exact_mut(features) {
                let mean = self.half_mean(sample);
                vectorize(
                    #[inline(always)]
                    || sample.iter_mut().for_each(|x| *x = T::of(f(fitted, x.to_double(), mean))),
                );
            }
            return Ok(());
        }
        // Several samples at a time, so that vectors are full where samples are short.
        let repeats = (TOGETHER / features).min(values.len() / features);
        let (mut firsts, mut seconds);
        let (first, second) = if repeats > 1 {
            (firsts, seconds) = ([0.0; TOGETHER], [0.0; TOGETHER]);
            let of_samples =
                firsts.chunks_exact_mut(features).zip(seconds.chunks_exact_mut(features));
            for (first, second) in of_samples.take(repeats) {
                first.copy_from_slice(&self.first);
                second.copy_from_slice(&self.second);
            }
            (&firsts[..repeats * features], &seconds[..repeats * features])
        } else {
            (&self.first[..], &self.second[..])
        };
        for values in values.chunks_mut(first.len().max(1)) {
            vectorize(
                #[inline(always)]
                || {
                    for ((x, &first), &second) in values.iter_mut().zip(first).zip(second) {
                        // Only what is the same for all features takes the mean.
                        *x = T::of(f((first, second), x.to_double(), 0.0));
                    }
                },
            );
        }
        Ok(())
    }

    /// That all values are finite, before and after, but for what may be missing.
    fn require_finite<T: Float>(
        &self,
        call: &'static str,
        (features, values, takes_missing): (usize, &[T], bool),
        f: &dyn Fn((f64, f64), f64, f64) -> f64,
    ) -> Result<()> {
        for (sample, values) in values.chunks_exact(features).enumerate() {
            let is_missing = |x: &T| takes_missing && is_nan(*x);
            let require = |feature, value: f64| match value.is_finite() {
                true => Ok(()),
                false => Err(Error::NotFinite { call, feature, sample, value: Number(value) }),
            };
            let there = || values.iter().enumerate().filter(|(_, x)| !is_missing(x));
            for (feature, x) in there() {
                require(feature, x.to_double())?;
            }
            let mean = self.half_mean(values);
            for (feature, x) in there() {
                let y = T::of(f(self.fitted(feature), x.to_double(), mean));
                require(feature, y.to_double())?;
            }
        }
        Ok(())
    }

    /// What was fitted to a feature, or to all of them.
    fn fitted(&self, feature: usize) -> (f64, f64) {
        let of = |fitted: &[f64], default| match (self.per_feature(), fitted.first()) {
            (Some(_), _) => fitted[feature],
            (None, Some(&pooled)) => pooled,
            (None, None) => default,
        };
        (of(&self.first, 0.0), of(&self.second, 1.0))
    }

    /// Half of a sample's mean, where that is taken off.
    fn half_mean<T: Float>(&self, sample: &[T]) -> f64 {
        match self.normalization {
            Normalization::Truncate { centre_samples: true } => half_mean(sample),
            _ => 0.0,
        }
    }
}

/// (x − shift) / scale, also where the difference is larger than any number.
#[inline(always)]
fn over(x: f64, shift: f64, scale: f64) -> f64 {
    let (difference, halves) = (x - shift, x / 2.0 - shift / 2.0);
    let is_finite = difference.abs() <= f64::MAX;
    let numerator = if is_finite { difference } else { halves };
    numerator / if is_finite { scale } else { scale / 2.0 }
}

/// Takes x from one range to another, ends to ends; a range without width has the scale 1.
#[inline(always)]
fn between(from: (f64, f64), to: (f64, f64), x: f64) -> f64 {
    let width = from.1 - from.0;
    let halves = (x / 2.0 - from.0 / 2.0) / (from.1 / 2.0 - from.0 / 2.0);
    let t = if width <= f64::MAX { over(x, from.0, width) } else { halves };
    let y = to.0 * (1.0 - t) + to.1 * t;
    // Rounding must not take a value of the range out of it.
    let y = if (0.0..=1.0).contains(&t) { y.max(to.0).min(to.1) } else { y };
    if (from.0 == from.1) | (to.0 == to.1) { to.0 + (x - from.0) } else { y }
}
