//! How values are brought into a range that suits a model: what is fitted, and the way there and back.

mod apply;
mod fit;
mod missing;

use std::ops::Range;
#[cfg(feature = "table")]
use std::sync::Arc;

#[cfg(feature = "table")]
use super::Schema;
use crate::batch::size::Size;
use crate::error::{Result, require, require_count, require_size, reserved};
use crate::numbers::scalar::Float;

/// What is fitted where values may be missing, in errors.
const FIT_WITH_MISSING: &str = "Normalizer::fit_with_missing";

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
    /// Leaves these columns as they are: categories, counts, or yes and no beside measures, each with a loss of
    /// its own in [`Mixed`](crate::Mixed). Scaled to a range other than [0, 1], they may change by rounding.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for columns beyond the features;
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a range that runs backwards, and for a
    /// normalization that has one scale for all columns.
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
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for another number of features;
    /// [`Error::Unfit`](crate::Error::Unfit) for one that no model file has room for.
    #[cfg(feature = "table")]
    pub(crate) fn with_schema(mut self, schema: Schema) -> Result<Self> {
        #[cfg(feature = "safetensors")]
        schema.require_room()?;
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
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for another number of channels, where each has a scale;
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for [`Truncate`](Normalization::Truncate) with
    /// centred samples, whose scale is of steps less their own means, and for a size of 0 or beyond all memory.
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
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if their lengths differ, or are not those of the
    /// normalization; [`Error::InvalidParameter`](crate::Error::InvalidParameter) if a number is not finite, a standard
    /// deviation not greater than 0, or a range empty.
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

    /// Whether it does with values that are there what another does, or what is done without one.
    pub(crate) fn does_as(&self, other: Option<&Self>) -> bool {
        match other {
            None => self.leaves_all(),
            Some(other) if self.leaves_all() => other.leaves_all(),
            Some(other) => {
                self.normalization == other.normalization && self.parts() == other.parts()
            }
        }
    }

    /// Whether it leaves all values as they are.
    fn leaves_all(&self) -> bool {
        let (first, second) = match self.normalization {
            Normalization::None => return true,
            Normalization::Standardize => (0.0, 1.0),
            Normalization::MinMax { low, high } => (low, high),
            Normalization::Truncate { .. } => return false,
        };
        self.first.iter().all(|&x| x == first) && self.second.iter().all(|&x| x == second)
    }
}

/// Half the mean of a sample: exact if all values are equal, and never beyond the range.
fn half_mean<T: Float>(sample: &[T]) -> f64 {
    let Some(first) = sample.first().map(|x| x.to_double() / 2.0) else {
        return 0.0;
    };
    let n = sample.len() as f64;
    first + sample.iter().map(|x| (x.to_double() / 2.0 - first) / n).sum::<f64>()
}

fn require_range(low: f64, high: f64) -> Result<()> {
    require(low.is_finite(), "MinMax low", low, "finite")?;
    let valid = high > low && high.is_finite();
    require(valid, "MinMax high", high, "finite and greater than low")
}
