use super::{Compared, Loss, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::code::decoder::Decoder;
use crate::error::{Result, require_positive};
use crate::numbers::scalar::Scalar;

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

impl<D: Decoder> Loss<D> for GaussianLikelihood {
    fn name(&self) -> &'static str {
        "gaussian_likelihood"
    }

    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        let (scale, half) = (D::Scalar::of(1.0 / self.deviation), D::Scalar::of(0.5));
        let of_feature = self.deviation.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln();
        let constant = D::Scalar::of(at.x.features() as f64 * of_feature);
        sum_features(
            at,
            values,
            #[inline(always)]
            move |x, y| {
                let error = scale * (x - y);
                half * error * error
            },
        );
        values.iter_mut().for_each(|value| *value += constant);
    }

    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        dy: BatchViewMut<'_, D::Scalar, D::Output>,
    ) {
        let precision = D::Scalar::of(self.deviation.powi(-2));
        weigh_features(
            at,
            weights,
            dy,
            #[inline(always)]
            move |x, y| precision * (y - x),
        );
    }
}
