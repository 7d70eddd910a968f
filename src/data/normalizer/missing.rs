//! A normalizer of samples in which values may be missing: what the encoder sees in their place.

use super::{FIT_WITH_MISSING, Normalization, Normalizer};
use crate::batch::size::Size;
use crate::batch::{Batch, BatchViewMut};
use crate::data::{InMemory, Source};
use crate::error::{Result, require, require_fit, require_size};
use crate::numbers::scalar::{Float, is_nan};
use crate::numbers::vector::vectorize;

impl Normalizer {
    /// Fits to a batch in which NaN stands for a value that is missing, and makes the model that it is given to one that
    /// takes such values, also if there are none in this batch.
    ///
    /// What is missing is not guessed: it counts in no statistic, in no loss and in no score. In its place the encoder
    /// sees the mean of its feature, and so learns from what is there; [`Denoising`](crate::Denoising) with
    /// [`Absences`](crate::corruption::Absences) shows it more such samples than there are. All calls of such a model
    /// take samples with NaN: training, [`encode`](crate::AutoEncoder::encode),
    /// [`reconstruct`](crate::AutoEncoder::reconstruct), [`score`](crate::AutoEncoder::score), an
    /// [`AnomalyDetector`](crate::anomaly::AnomalyDetector); [`impute`](crate::AutoEncoder::impute) completes them. A
    /// [`Csv`](crate::data::Csv) file is read so by [`Missing::NotANumber`](crate::data::Missing::NotANumber).
    ///
    /// A category in one-hot features is missing if all of them are NaN.
    ///
    /// # Errors
    /// As [`fit`](Normalizer::fit), for infinity only; [`Error::EmptyFeature`](crate::Error::EmptyFeature) for a feature without any value;
    /// [`Error::Unfit`](crate::Error::Unfit) for [`Normalization::Truncate`], which is for images and takes all features together.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Batch, Dense, Normalizer, activation::{Identity, Tanh}, data::Normalization};
    /// let x = Batch::from_iter([[1.0, 10.0], [3.0, f64::NAN], [f64::NAN, 30.0]]);
    /// let normalizer = Normalizer::fit_with_missing(Normalization::Standardize, &x)?;
    /// assert_eq!(normalizer.parts().0, [2.0, 20.0]); // the means of what is there
    /// let model = AutoEncoder::builder()
    ///     .encoder(Dense::<2, 1>::new(Tanh))
    ///     .decoder(Dense::<1, 2>::new(Identity))
    ///     .normalizer(normalizer)
    ///     .build::<f64>()?;
    /// // The encoder sees the mean, and so the code is that of the mean.
    /// assert_eq!(model.encode_one(&[3.0, f64::NAN])?, model.encode_one(&[3.0, 20.0])?);
    /// // The loss is of the first feature alone.
    /// let first = model.reconstruct_one(&[3.0, f64::NAN])?[0];
    /// assert!((model.score_one(&[3.0, f64::NAN])? - 0.5 * (3.0 - first).powi(2)).abs() < 1e-15); // σ = 1
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    ///
    /// # References
    /// P. J. García-Laencina, J.-L. Sancho-Gómez, A. R. Figueiras-Vidal (2010), Pattern classification with missing data:
    /// a review.
    pub fn fit_with_missing<T: Float, R: Size>(
        normalization: Normalization,
        batch: &Batch<T, R>,
    ) -> Result<Self> {
        Self::fit_source_with_missing(normalization, &mut InMemory::from(batch))
    }

    /// As [`fit_with_missing`](Self::fit_with_missing), to all samples of a source, in two passes, in memory for a few
    /// samples.
    ///
    /// # Errors
    /// As [`fit_with_missing`](Self::fit_with_missing), and what the source refuses.
    pub fn fit_source_with_missing<S: Source + ?Sized>(
        normalization: Normalization,
        source: &mut S,
    ) -> Result<Self> {
        let is_of_features = !matches!(normalization, Normalization::Truncate { .. });
        let call = FIT_WITH_MISSING;
        let fault = "takes features one by one, and `Normalization::Truncate` takes all together";
        let remedy = "take `Normalization::Standardize` or `MinMax`";
        require_fit(is_of_features, call, fault, remedy)?;
        Self::fit_present(normalization, source, true)
    }

    /// The same normalizer, for samples with missing values: with [`fills`](Self::fills) of another, or of one's own
    /// choice, one for each feature.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for another number of them, or none; [`Error::InvalidParameter`](crate::Error::InvalidParameter) for one that is not
    /// finite; [`Error::Unfit`](crate::Error::Unfit) for [`Normalization::Truncate`], as
    /// [`fit_with_missing`](Self::fit_with_missing).
    ///
    /// # Example
    /// ```
    /// use autoencoder::{Batch, Normalizer, data::Normalization};
    /// let x = Batch::from_iter([[1.0, 10.0], [3.0, f64::NAN]]);
    /// let range = Normalization::MinMax { low: 0.0, high: 1.0 };
    /// let normalizer = Normalizer::fit_with_missing(range, &x)?;
    /// let (least, greatest) = normalizer.parts();
    /// let fills = normalizer.fills().unwrap_or_default();
    /// assert_eq!(fills, [0.5, 0.0]); // a range without width begins at 10
    /// assert_eq!(Normalizer::from_parts(range, least, greatest)?.with_fills(fills)?, normalizer);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn with_fills(self, fills: impl Into<Vec<f64>>) -> Result<Self> {
        let fills = fills.into();
        let call = "Normalizer::with_fills";
        let is_of_features = !matches!(self.normalization, Normalization::Truncate { .. });
        let fault = "is for features one by one, and `Normalization::Truncate` takes all together";
        require_fit(is_of_features, call, fault, "take `Normalization::Standardize` or `MinMax`")?;
        let expected = self.per_feature().unwrap_or(fills.len()).max(1);
        require_size(call, "values", expected, fills.len())?;
        for &fill in &fills {
            require(fill.is_finite(), "Normalizer value for what is missing", fill, "finite")?;
        }
        Ok(Self { fills: Some(fills), ..self })
    }

    /// What the encoder sees of each feature where it is missing, normalized: the mean that was found there. `None`
    /// unless it was [fitted to samples with missing values](Self::fit_with_missing), or
    /// [given](Self::with_fills) them; then NaN is refused everywhere.
    pub fn fills(&self) -> Option<&[f64]> {
        self.fills.as_deref()
    }

    /// Puts its [fill](Self::fills) in the place of every value that is missing in normalized samples.
    pub(crate) fn fill<T: Float>(&self, mut batch: BatchViewMut<'_, T>) {
        let Some(fills) = &self.fills else { return };
        let samples = batch.as_mut_slice().chunks_exact_mut(fills.len());
        vectorize(
            #[inline(always)]
            || {
                for sample in samples {
                    for (x, &fill) in sample.iter_mut().zip(fills) {
                        *x = if is_nan(*x) { T::of(fill) } else { *x };
                    }
                }
            },
        );
    }
}
