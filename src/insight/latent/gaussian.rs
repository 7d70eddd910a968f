use nalgebra::DMatrix;
use rand::Rng;

use super::normal::{
    Normal, Spread, VARIANCE_FLOOR, add_scatter, draw_codes, in_double, require_floor,
};
use crate::batch::size::Size;
use crate::batch::{Batch, check_finite};
use crate::error::{Result, require_count};
use crate::numbers::scalar::Float;

/// A Gaussian with a full covariance, fitted to codes: a simple prior for any autoencoder.
///
/// Its mean and covariance are those of the codes. A covariance without variance in some direction (a
/// unit that is dead, two units that are the same, fewer codes than units) has no density; it is raised
/// there to the *variance floor*, a share of the units' variances.
///
/// # Formula
/// μ = Σ z / n, S = Σ (z − μ)(z − μ)ᵀ / n. Σ is the most likely covariance among those with
/// vᵀ Σ v ≥ floor · vᵀ D v for all v, where D has the units' variances (and for a unit that never varies,
/// their mean): S itself where it is one of them; otherwise the eigenvalues of D^(−½) S D^(−½) are raised
/// to the floor. So the floor does not depend on the units' scale, and covariances that are not singular
/// are left alone.
///
/// # Example
/// ```
/// use autoencoder::{Batch, latent::CodeGaussian, random::seeded};
///
/// let codes = Batch::from_iter([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0], [2.0, 3.0]]);
/// let gaussian = CodeGaussian::fit(&codes)?;
/// assert_eq!(gaussian.mean(), [2.0, 3.0]);
/// assert_eq!(gaussian.covariance().as_slice(), [2.0, 1.0, 1.0, 2.0]);
/// // ln of the density at the mean: −ln 2π − ½ ln |Σ|, with |Σ| = 3.
/// let density = gaussian.log_density(&Batch::from_iter([[2.0, 3.0]]))?[0];
/// assert!((density + (6.283185307_f64 * 3.0_f64.sqrt()).ln()).abs() < 1e-9);
/// let drawn: Batch<f32, _> = gaussian.sample(10, &mut seeded(1))?; // for `model.decode`
/// assert_eq!((drawn.features(), drawn.samples()), (2, 10));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CodeGaussian<C> {
    size: C,
    normal: Normal,
}

impl<C: Size> CodeGaussian<C> {
    /// Fits mean and covariance to codes, with a variance floor of 1e-6 (a thousandth of a standard
    /// deviation).
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite), [`Error::NoSamples`](crate::Error::NoSamples), and
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the codes have no variance: one code,
    /// or all the same.
    pub fn fit<T: Float>(codes: &Batch<T, C>) -> Result<Self> {
        Self::fit_with_floor(codes, VARIANCE_FLOOR)
    }

    /// As [`fit`](Self::fit), with this variance floor, from 1e-12 to 1.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for another
    /// floor.
    pub fn fit_with_floor<T: Float>(codes: &Batch<T, C>, variance_floor: f64) -> Result<Self> {
        check_finite("CodeGaussian::fit", codes.features(), codes.view())?;
        require_floor("CodeGaussian variance_floor", variance_floor)?;
        let codes = in_double(codes);
        let spread = Spread::of("CodeGaussian variance of the codes", &codes)?;
        let (units, samples) = (codes.features(), codes.samples());
        let mut covariance = DMatrix::zeros(units, units);
        add_scatter(codes.view(), &spread.mean, &vec![1.0; samples], &mut covariance);
        covariance /= samples as f64;
        let normal = Normal::full(spread.mean.clone(), covariance, &spread, variance_floor);
        Ok(Self { size: codes.size(), normal })
    }

    /// The mean of each unit.
    pub fn mean(&self) -> &[f64] {
        &self.normal.mean
    }

    /// The covariance, units × units; sums are divided by n, not by n − 1.
    pub fn covariance(&self) -> DMatrix<f64> {
        self.normal.covariance()
    }

    /// Draws codes. The first ones are the same however many are drawn.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no samples,
    /// [`Error::NotFinite`](crate::Error::NotFinite) for a value that the number type cannot hold.
    pub fn sample<T: Float>(&self, samples: usize, rng: &mut impl Rng) -> Result<Batch<T, C>> {
        require_count("number of samples to draw", samples)?;
        let mut noise = vec![0.0; self.mean().len()];
        draw_codes("CodeGaussian::sample", self.size, samples, |code| {
            self.normal.draw(code, &mut noise, rng);
        })
    }

    /// ln of the density of each code, in nats.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite), [`Error::NoSamples`](crate::Error::NoSamples) and
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for the codes.
    pub fn log_density<T: Float>(&self, codes: &Batch<T, C>) -> Result<Vec<f64>> {
        check_finite("CodeGaussian::log_density", self.size.value(), codes.view())?;
        let mut difference = vec![0.0; self.mean().len()];
        let density = |code: &[f64]| self.normal.log_density(code, &mut difference);
        Ok(in_double(codes).iter().map(density).collect())
    }
}
