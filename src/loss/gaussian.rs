use super::{Compared, Loss, LossFor, WithInput, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::error::{Result, require_positive};
use crate::layer::Part;
use crate::numbers::scalar::Float;

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

impl<T: Float> Loss<T> for GaussianLikelihood {
    fn name(&self) -> &'static str {
        "gaussian_likelihood"
    }

    fn describe(&self) -> String {
        format!("GaussianLikelihood {{ deviation: {:?} }}", self.deviation)
    }

    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        let (scale, half) = (T::of(1.0 / self.deviation), T::of(0.5));
        let of_feature = self.deviation.ln() + 0.5 * (2.0 * std::f64::consts::PI).ln();
        let constant = T::of(at.x.features() as f64 * of_feature);
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

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        let precision = T::of(self.deviation.powi(-2));
        weigh_features(
            at,
            weights,
            dy,
            #[inline(always)]
            move |x, y| precision * (y - x),
        );
    }
}
