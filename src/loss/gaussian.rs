use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
use crate::batch::BatchView;
use crate::error::{Result, require_positive};
use crate::layer::Part;
use crate::numbers::scalar::{Float, count_present};

/// Negative log-likelihood under a Gaussian of fixed standard deviation around the decoder's output, with
/// its constants, so that a bound is in nats and comparable between models.
///
/// # Formula
/// Σ ½ ((x − y)/σ)² + ln σ + ½ ln 2π, gradient (y − x)/σ². With σ = 1 it is
/// [`SquaredError`](crate::SquaredError) and a constant; a smaller σ weighs the reconstruction higher
/// against the divergence of a variational model, as 1/β = σ⁻² would.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianLikelihood {
    deviation: f64,
}

impl GaussianLikelihood {
    /// With the standard deviation σ > 0, in units of the data.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(deviation: f64) -> Result<Self> {
        require_positive("GaussianLikelihood deviation", deviation)?;
        Ok(Self { deviation })
    }
}

impl<D: Part> LossFor<D> for GaussianLikelihood {
    type Target = WithInput;
}

impl ByFeature for GaussianLikelihood {
    #[inline(always)]
    fn value<T: Float>(self, x: T, y: T) -> T {
        let error = T::of(1.0 / self.deviation) * (x - y);
        T::of(0.5) * error * error
    }

    #[inline(always)]
    fn slope<T: Float>(self, x: T, y: T) -> T {
        T::of(self.deviation.powi(-2)) * (y - x)
    }

    fn complete<T: Float>(self, x: BatchView<'_, T>, sums: &mut [T]) {
        let of_feature = self.deviation.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln();
        for (x, sum) in x.iter().zip(sums) {
            *sum += T::of(count_present(x) as f64 * of_feature);
        }
    }
}

impl<T: Float> Loss<T> for GaussianLikelihood {
    fn name(&self) -> &'static str {
        "gaussian_likelihood"
    }

    fn describe(&self) -> String {
        format!("GaussianLikelihood {{ deviation: {:?} }}", self.deviation)
    }

    by_feature!(GaussianLikelihood);
}
