//! What a normalizer is fitted on: one pass or two over the samples.

use super::{FIT_WITH_MISSING, Normalization, Normalizer, half_mean, require_range};
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::data::{InMemory, Source};
use crate::error::{Error, Number, Result};
use crate::numbers::scalar::{Float, is_nan};

/// Samples that are read in one go when a normalizer is fitted.
const BLOCK: usize = 64;

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

    /// One factor for all features, and nothing taken off: the mean length of a sample becomes √d, with d features. So the
    /// same thresholds, penalties and rates serve activations of any size.
    ///
    /// # Formula
    /// y = x √d / mean ‖x‖; where all samples are 0, y = x.
    ///
    /// # Errors
    /// As [`fit`](Normalizer::fit), and what the source refuses.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{Batch, Normalizer, data::InMemory};
    /// let mut x = Batch::from_iter([[3.0, 4.0], [0.0, 15.0]]); // of lengths 5 and 15
    /// let normalizer = Normalizer::fit_mean_norm(&mut InMemory::from(&x))?;
    /// normalizer.apply(x.view_mut())?;
    /// assert!((x.sample(0)[0] - 0.3 * 2f64.sqrt()).abs() < 1e-15);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    ///
    /// # References
    /// T. Conerly and others (2024), Update on how we train SAEs.
    pub fn fit_mean_norm<S: Source + ?Sized>(source: &mut S) -> Result<Self> {
        let features = source.size().value();
        let (mut mean, mut count) = (0.0, 0.0);
        each_sample(source, false, false, |sample| {
            let largest = sample.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
            let scale = if largest > 0.0 { largest } else { 1.0 };
            let norm = scale * sample.iter().map(|x| (x / scale).powi(2)).sum::<f64>().sqrt();
            count += 1.0;
            mean += (norm.min(f64::MAX) - mean) / count;
        })?;
        let scale = if mean > 0.0 { mean / (features as f64).sqrt() } else { 1.0 };
        Self::from_parts(Normalization::Standardize, vec![0.0; features], vec![scale; features])
    }

    /// Fits to all values that are there, where some may be missing, or else must not.
    pub(super) fn fit_present<S: Source + ?Sized>(
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

/// The centre of a range and half its width, which fit where the width does not.
fn centre_and_half((&least, &greatest): (&f64, &f64)) -> (f64, f64) {
    if least == greatest {
        return (least, 0.0);
    }
    (least / 2.0 + greatest / 2.0, greatest / 2.0 - least / 2.0)
}
