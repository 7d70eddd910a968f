mod missing;

use std::ops::Range;
#[cfg(feature = "table")]
use std::sync::Arc;

#[cfg(feature = "table")]
use super::Schema;
use super::{InMemory, Source};
use crate::batch::size::Size;
use crate::batch::{Batch, BatchViewMut};
use crate::error::{Error, Number, Result, require, require_count, require_size, reserved};
use crate::numbers::scalar::{Float, is_nan};
use crate::numbers::vector::vectorize;

/// What is fitted where values may be missing, in errors.
const FIT_WITH_MISSING: &str = "Normalizer::fit_with_missing";
/// Samples that are read in one go when a normalizer is fitted.
const BLOCK: usize = 64;
/// Values that are normalized together.
const TOGETHER: usize = 512;

/// How values are brought into a range that suits a model.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Normalization {
    /// Values stay as they are.
    None,
    /// Each feature to mean 0 and standard deviation 1.
    ///
    /// # Formula
    /// y = (x − mean) / σ, with σ² = Σ (x − mean)² / n
    Standardize,
    /// Each feature from its least and greatest value to `low` and `high`; values beyond those it was
    /// fitted on go beyond.
    ///
    /// # Formula
    /// y = low + (high − low) (x − min) / (max − min)
    MinMax {
        /// What the least value becomes; less than `high`.
        low: f64,
        /// What the greatest value becomes.
        high: f64,
    },
    /// All values together, cut off at three standard deviations, to \[0.1, 0.9\]: natural images for
    /// a sigmoid decoder.
    ///
    /// # Formula
    /// y = 0.1 + 0.4 (1 + clamp((v − mean) / 3σ, −1, 1)), with σ² = Σ (v − mean)² / (n − 1) over all n
    /// values v. With `centre_samples`, v is x minus the mean of its own sample, and the mean is 0.
    ///
    /// # References
    /// A. Ng, J. Ngiam, C. Y. Foo, Y. Mai, C. Suen (2011), UFLDL Tutorial, exercise Sparse
    /// Autoencoder, `normalizeData`.
    Truncate {
        /// Whether each sample first loses its own mean.
        centre_samples: bool,
    },
}

/// A [`Normalization`] with what it was fitted on.
///
/// All is computed in double precision, and also for values near the end of their type's range,
/// whose differences and squares are beyond it. Where all values of a feature are equal, their scale
/// is 1: they become 0 (or `low`) and come back exactly. A later change of such a feature keeps the user's unit; an
/// [`AnomalyDetector`](crate::anomaly::AnomalyDetector) finds it odd in any.
///
/// # Example
/// ```
/// use autoencoder::data::{Normalization, Normalizer};
/// use autoencoder::Batch;
///
/// let mut batch = Batch::from_iter([[1.0, 7.0], [3.0, 7.0], [5.0, 7.0]]);
/// let normalizer = Normalizer::fit(Normalization::MinMax { low: 0.0, high: 1.0 }, &batch)?;
/// normalizer.apply(batch.view_mut())?;
/// assert_eq!(batch, Batch::from_iter([[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]));
/// normalizer.undo(batch.view_mut())?;
/// assert_eq!(batch.sample(2), [5.0, 7.0]);
///
/// // What a file needs to hold.
/// let (least, greatest) = normalizer.parts();
/// assert_eq!((least, greatest), ([1.0, 7.0].as_slice(), [5.0, 7.0].as_slice()));
/// let again = Normalizer::from_parts(normalizer.normalization(), least, greatest)?;
/// assert_eq!(again, normalizer);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Normalizer {
    normalization: Normalization,
    /// Means, or the least values.
    first: Vec<f64>,
    /// Standard deviations, or the greatest values.
    second: Vec<f64>,
    /// What stands for a missing value of each feature, normalized, if values may be missing.
    fills: Option<Vec<f64>>,
    /// What the features are, if they are those of a table: words that go where the normalizer goes.
    #[cfg(feature = "table")]
    schema: Option<Arc<Schema>>,
}

impl Normalizer {
    /// Fits to a batch.
    ///
    /// # Errors
    /// [`Error::NoSamples`]; [`Error::NotFinite`]; [`Error::InvalidParameter`] unless `low` and
    /// `high` are finite and `low` is less.
    pub fn fit<T: Float, R: Size>(
        normalization: Normalization,
        batch: &Batch<T, R>,
    ) -> Result<Self> {
        Self::fit_source(normalization, &mut InMemory::from(batch))
    }

    /// Fits to all samples of a source, in two passes (one for [`Normalization::MinMax`]), in memory
    /// for a few samples.
    ///
    /// # Errors
    /// As [`fit`](Normalizer::fit), and what the source refuses.
    ///
    /// # References
    /// B. P. Welford (1962), Note on a Method for Calculating Corrected Sums of Squares and Products.
    pub fn fit_source<S: Source + ?Sized>(
        normalization: Normalization,
        source: &mut S,
    ) -> Result<Self> {
        Self::fit_present(normalization, source, false)
    }

    /// Fits to all values that are there, where some may be missing, or else must not.
    fn fit_present<S: Source + ?Sized>(
        normalization: Normalization,
        source: &mut S,
        takes_missing: bool,
    ) -> Result<Self> {
        let features = source.size().value();
        let is_pooled = matches!(normalization, Normalization::Truncate { .. });
        let centres = normalization == Normalization::Truncate { centre_samples: true };
        let columns = match normalization {
            Normalization::None if !takes_missing => {
                return Self::from_parts(normalization, [], []);
            }
            Normalization::MinMax { low, high } => {
                require_range(low, high)?;
                features
            }
            Normalization::None | Normalization::Standardize => features,
            Normalization::Truncate { .. } => 1,
        };
        let column = |feature: usize| if is_pooled { 0 } else { feature };

        let mut least = vec![f64::INFINITY; columns];
        let mut greatest = vec![f64::NEG_INFINITY; columns];
        each_sample(source, centres, takes_missing, |sample| {
            for (feature, x) in present(sample) {
                let k = column(feature);
                (least[k], greatest[k]) = (least[k].min(x), greatest[k].max(x));
            }
        })?;
        if let Some(feature) = least.iter().position(|&least| least == f64::INFINITY) {
            return Err(Error::EmptyFeature { call: FIT_WITH_MISSING, feature });
        }
        if matches!(normalization, Normalization::MinMax { .. }) && !takes_missing {
            return Self::from_parts(normalization, least, greatest);
        }

        // Values are taken to [−1, 1] before they are squared. Nothing here leaves the range.
        let ranges: Vec<(f64, f64)> = least.iter().zip(&greatest).map(centre_and_half).collect();
        let (mut n, mut mean) = (vec![0.0; columns], vec![0.0; columns]);
        let mut squares = vec![0.0; columns];
        each_sample(source, centres, takes_missing, |sample| {
            for (feature, x) in present(sample) {
                let k = column(feature);
                let (centre, half) = ranges[k];
                let u = if half > 0.0 { (x - centre) / half } else { 0.0 };
                n[k] += 1.0;
                let delta = u - mean[k];
                mean[k] += delta / n[k];
                squares[k] += delta * (u - mean[k]);
            }
        })?;
        // A sample that loses its mean comes in halves.
        let unit = if centres { 2.0 } else { 1.0 };
        let statistics = (0..columns).map(|k| {
            let (centre, half) = ranges[k];
            let degrees = if is_pooled { (n[k] - 1.0_f64).max(1.0) } else { n[k] };
            let deviation = unit * (half * f64::sqrt(squares[k] / degrees));
            let mean = unit * (centre + half * mean[k]).clamp(least[k], greatest[k]);
            let scale = if deviation > 0.0 { deviation.min(f64::MAX) } else { 1.0 };
            (if centres { 0.0 } else { mean }, scale)
        });
        let (mean, scale): (Vec<f64>, Vec<f64>) = statistics.unzip();
        let mut fills = mean.clone();
        let fitted = match normalization {
            Normalization::None => Self::from_parts(normalization, [], []),
            Normalization::MinMax { .. } => Self::from_parts(normalization, least, greatest),
            _ => Self::from_parts(normalization, mean, scale),
        }?;
        if !takes_missing {
            return Ok(fitted);
        }
        fitted.apply_columns(features, &mut fills)?;
        fitted.with_fills(fills)
    }

    /// Leaves these columns as they are: categories, counts, or yes and no beside measures, each with a loss of
    /// its own in [`Mixed`](crate::Mixed). Scaled to a range other than [0, 1], they may change by rounding.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for columns beyond the features; [`Error::InvalidParameter`] for a range that
    /// runs backwards, and for a normalization that has one scale for all columns.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{Batch, Normalizer, data::Normalization};
    /// let mut batch = Batch::from_iter([[20.0, 0.0, 1.0], [30.0, 1.0, 0.0]]); // °C, and one of two categories
    /// let normalizer = Normalizer::fit(Normalization::Standardize, &batch)?.leaving(1..3)?;
    /// normalizer.apply(batch.view_mut())?;
    /// assert_eq!(batch, Batch::from_iter([[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]));
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn leaving(mut self, columns: Range<usize>) -> Result<Self> {
        let (first, second) = match self.normalization {
            Normalization::None => return Ok(self),
            Normalization::Standardize => (0.0, 1.0),
            Normalization::MinMax { low, high } => (low, high),
            Normalization::Truncate { .. } => {
                let requirement = "none, as the normalization has one scale for all columns";
                return require(
                    false,
                    "Normalizer columns to leave",
                    columns.len() as f64,
                    requirement,
                )
                .map(|()| self);
            }
        };
        let (start, end) = (columns.start as f64, columns.end);
        require(
            columns.start <= end,
            "Normalizer first column to leave",
            start,
            "not behind the last one",
        )?;
        if end > self.first.len() {
            require_size("Normalizer::leaving", "columns", self.first.len(), end)?;
        }
        if let Some(mut means) = self.fills.clone() {
            self.undo_columns(means.len(), &mut means, false)?;
            let fills = self.fills.iter_mut().flatten().zip(means);
            let left = fills.skip(columns.start).take(columns.len());
            left.for_each(|(fill, mean)| *fill = mean);
        }
        self.first[columns.clone()].fill(first);
        self.second[columns].fill(second);
        Ok(self)
    }

    /// With what its features are: those of one row, or of several, as in a window.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of features.
    #[cfg(feature = "table")]
    pub(crate) fn with_schema(mut self, schema: Schema) -> Result<Self> {
        let (of_row, features) = (schema.features(), self.features().unwrap_or(0));
        if of_row == 0 || features == 0 || features % of_row != 0 {
            require_size("the normalizer of a schema", "features", of_row, features)?;
        }
        self.schema = Some(Arc::new(schema));
        Ok(self)
    }

    /// The schema of the table that it was [made for](Schema::normalizer), if it was: it goes with the normalizer into a
    /// model and into the model's file.
    #[cfg(feature = "table")]
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_deref()
    }

    /// The same for windows or images, where this one was fitted to their steps or pixels: each channel alike at every
    /// place. Fitted to windows themselves, each step of a window would have a scale of its own.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of channels, where each has a scale; [`Error::InvalidParameter`] for
    /// [`Truncate`](Normalization::Truncate) with centred samples, whose scale is of steps less their own means, and for a
    /// size of 0 or beyond all memory.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::{InMemory, Normalization, Source, Windows};
    /// use autoencoder::{Batch, Normalizer, size::Window};
    ///
    /// let series = Batch::from_iter([[1.0, 500.0], [2.0, 700.0], [3.0, 600.0]]); // V, W
    /// let mut windows = Windows::new(InMemory::from(&series), Window::<2, 2>)?;
    /// let per_step = Normalizer::fit(Normalization::MinMax { low: 0.0, high: 1.0 }, &series)?;
    /// let mut batch = windows.load()?;
    /// per_step.per_channel(windows.size())?.apply(batch.view_mut())?;
    /// assert_eq!(batch.sample(0), [0.0, 0.0, 0.5, 1.0]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn per_channel(&self, size: impl Size) -> Result<Self> {
        let requirement = "features of one scale each, or one scale for all: with centred samples, it is that of a step";
        let centres = self.normalization == Normalization::Truncate { centre_samples: true };
        require(!centres, "Normalizer::per_channel, centred samples", 1.0, requirement)?;
        let Some(channels) = self.features() else { return Ok(self.clone()) };
        let shape = size.shape();
        require_size("Normalizer::per_channel", "channels", channels, shape.channels)?;
        let places = shape.height.saturating_mul(shape.width);
        require_count("places of Normalizer::per_channel", places)?;
        let spread = |of_channels: &[f64]| {
            let mut spread = reserved("the values of a sample", size.value())?;
            if size.is_interleaved() {
                (0..places).for_each(|_| spread.extend_from_slice(of_channels));
            } else {
                for &value in of_channels {
                    spread.extend(std::iter::repeat_n(value, places));
                }
            }
            Ok(spread)
        };
        let of_features = self.per_feature().is_some();
        let parts = |parts: &[f64]| if of_features { spread(parts) } else { Ok(parts.to_vec()) };
        let (first, second) = (parts(&self.first)?, parts(&self.second)?);
        let fills = self.fills.as_deref().map(spread).transpose()?;
        Ok(Self {
            first,
            second,
            fills,
            normalization: self.normalization,
            // In planes a row of the table no longer lies together.
            #[cfg(feature = "table")]
            schema: self.schema.clone().filter(|_| size.is_interleaved() || places == 1),
        })
    }

    /// Makes one from the [`parts`](Normalizer::parts) of another.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if their lengths differ, or are not those of the normalization;
    /// [`Error::InvalidParameter`] if a number is not finite, a standard deviation not greater than 0,
    /// or a range empty.
    pub fn from_parts(
        normalization: Normalization,
        first: impl Into<Vec<f64>>,
        second: impl Into<Vec<f64>>,
    ) -> Result<Self> {
        let (first, second) = (first.into(), second.into());
        let call = "Normalizer::from_parts";
        require_size(call, "values in the second part", first.len(), second.len())?;
        let is_scale = match normalization {
            Normalization::None => {
                require_size(call, "values", 0, first.len())?;
                true
            }
            Normalization::Standardize => true,
            Normalization::MinMax { low, high } => {
                require_range(low, high)?;
                false
            }
            Normalization::Truncate { .. } => {
                require_size(call, "values", 1, first.len())?;
                true
            }
        };
        for (&first, &second) in first.iter().zip(&second) {
            require(first.is_finite(), "Normalizer mean or least value", first, "finite")?;
            if is_scale {
                let name = "Normalizer standard deviation";
                let valid = second > 0.0 && second.is_finite();
                require(valid, name, second, "finite and greater than 0")?;
            } else {
                let valid = second >= first && second.is_finite();
                let requirement = "finite and not less than the least value";
                require(valid, "Normalizer greatest value", second, requirement)?;
            }
        }
        Ok(Self {
            normalization,
            first,
            second,
            fills: None,
            #[cfg(feature = "table")]
            schema: None,
        })
    }

    /// What it does.
    pub fn normalization(&self) -> Normalization {
        self.normalization
    }

    /// What it was fitted on: means and standard deviations of the features for `Standardize`, their
    /// least and greatest values for `MinMax`, one mean and one standard deviation for `Truncate`,
    /// and nothing for `None`.
    pub fn parts(&self) -> (&[f64], &[f64]) {
        (&self.first, &self.second)
    }

    /// The number of features, if only that number fits.
    pub fn features(&self) -> Option<usize> {
        self.per_feature().or(self.fills.as_ref().map(Vec::len))
    }

    /// The number of features, if something was fitted to each.
    fn per_feature(&self) -> Option<usize> {
        match self.normalization {
            Normalization::Standardize | Normalization::MinMax { .. } => Some(self.first.len()),
            Normalization::None | Normalization::Truncate { .. } => None,
        }
    }

    /// Whether a feature was constant in the samples that this was fitted to, but for rounding by this share of it, as
    /// far as that can be told: a scale of 1 may be that of a constant, one that was found, or one that was
    /// [left](Self::leaving).
    pub(crate) fn was_constant(&self, feature: usize, rounding: f64) -> Option<bool> {
        let (&first, &second) = (self.first.get(feature)?, self.second.get(feature)?);
        match self.normalization {
            Normalization::Standardize if second != 1.0 => Some(second <= rounding * first.abs()),
            Normalization::MinMax { low, high } if (first, second) != (low, high) => {
                let size = first.abs().max(second.abs());
                Some(second / 2.0 - first / 2.0 <= rounding * size / 2.0)
            }
            _ => None,
        }
    }

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
    fn apply_columns<T: Float>(&self, features: usize, values: &mut [T]) -> Result<()> {
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
    fn undo_columns<T: Float>(
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

/// Reads a pass and shows each sample in double precision; if wanted, half of each value less half
/// of the sample's mean.
fn each_sample<S: Source + ?Sized>(
    source: &mut S,
    centres: bool,
    takes_missing: bool,
    mut visit: impl FnMut(&[f64]),
) -> Result<()> {
    let call = if takes_missing { FIT_WITH_MISSING } else { "Normalizer::fit" };
    source.rewind()?;
    let features = source.size().value();
    let mut block = Batch::zeros(source.size(), BLOCK.min(source.samples()));
    let mut sample = vec![0.0; features];
    let mut column = 0;
    loop {
        let count = source.read(block.view_mut())?;
        for values in block.iter().take(count) {
            let is_missing = |x: &S::Scalar| takes_missing && is_nan(*x);
            let is_refused = |x: &S::Scalar| !(x.to_double().is_finite() || is_missing(x));
            if let Some(feature) = values.iter().position(is_refused) {
                let value = Number(values[feature].to_double());
                return Err(Error::NotFinite { call, feature, sample: column, value });
            }
            let mean = if centres { half_mean(values) } else { 0.0 };
            for (to, x) in sample.iter_mut().zip(values) {
                let x = x.to_double();
                *to = if centres { x / 2.0 - mean } else { x };
            }
            visit(&sample);
            column += 1;
        }
        if count == 0 {
            break;
        }
    }
    if column == 0 { Err(Error::NoSamples { call }) } else { Ok(()) }
}

/// The values of a sample that are there, with their features.
fn present(sample: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    sample.iter().copied().enumerate().filter(|(_, x)| !x.is_nan())
}

/// Half the mean of a sample: exact if all values are equal, and never beyond the range.
fn half_mean<T: Float>(sample: &[T]) -> f64 {
    let Some(first) = sample.first().map(|x| x.to_double() / 2.0) else {
        return 0.0;
    };
    let n = sample.len() as f64;
    first + sample.iter().map(|x| (x.to_double() / 2.0 - first) / n).sum::<f64>()
}

/// The centre of a range and half its width, which fit where the width does not.
fn centre_and_half((&least, &greatest): (&f64, &f64)) -> (f64, f64) {
    if least == greatest {
        return (least, 0.0);
    }
    (least / 2.0 + greatest / 2.0, greatest / 2.0 - least / 2.0)
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

fn require_range(low: f64, high: f64) -> Result<()> {
    require(low.is_finite(), "MinMax low", low, "finite")?;
    let valid = high > low && high.is_finite();
    require(valid, "MinMax high", high, "finite and greater than low")
}
