use crate::batch::size::{Size, require_alike};
use crate::batch::{Batch, check_finite};
use crate::error::{Result, require, require_size};
use crate::numbers::scalar::Float;

/// The share of the data's variance that a reconstruction misses: 0 for a perfect one, 1 for one that
/// is no better than the mean of all samples, more for a worse one. The explained share is 1 minus it.
///
/// It is a ratio of sums over samples and features, not a mean of ratios: features count by their
/// variance.
///
/// # Formula
/// Σ ‖x − x̂‖² / Σ ‖x − x̄‖², where x̄ is the mean of x over the samples.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless both have as many features and samples,
/// [`Error::NoSamples`](crate::Error::NoSamples), [`Error::NotFinite`](crate::Error::NotFinite), and
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if x has no variance: one sample, or all
/// the same.
///
/// # Example
/// ```
/// use autoencoder::{Batch, metrics::unexplained_variance};
/// let x = Batch::from_iter([[0.0, 1.0], [2.0, 1.0]]); // the variance is all in the first feature
/// let reconstruction = Batch::from_iter([[0.5, 1.0], [2.0, 1.5]]);
/// assert_eq!(unexplained_variance(&x, &reconstruction)?, 0.25); // (0.5² + 0.5²) / (1² + 1²)
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn unexplained_variance<T: Float, R: Size>(
    x: &Batch<T, R>,
    reconstruction: &Batch<T, R>,
) -> Result<f64> {
    const CALL: &str = "unexplained_variance";
    check_finite(CALL, x.features(), x.view())?;
    require_size(CALL, "features", x.features(), reconstruction.features())?;
    require_alike(CALL, x.size(), reconstruction.size())?;
    require_size(CALL, "samples", x.samples(), reconstruction.samples())?;
    check_finite(CALL, x.features(), reconstruction.view())?;
    // From the first sample, so that what does not vary has exactly no variance.
    let first = x.sample(0);
    let samples = x.samples() as f64;
    let mut mean = vec![0.0; x.features()];
    for sample in x.iter() {
        for ((mean, x), first) in mean.iter_mut().zip(sample).zip(first) {
            *mean += (x.to_double() - first.to_double()) / samples;
        }
    }
    let (mut missed, mut all) = (0.0, 0.0);
    for (x, y) in x.iter().zip(reconstruction.iter()) {
        for (((x, y), first), mean) in x.iter().zip(y).zip(first).zip(&mean) {
            let x = x.to_double();
            missed += (x - y.to_double()).powi(2);
            all += (x - first.to_double() - mean).powi(2);
        }
    }
    let is_scale = all > 0.0 && all.is_finite();
    require(is_scale, "unexplained_variance variance of x", all, "finite and greater than 0")?;
    Ok(missed / all)
}
