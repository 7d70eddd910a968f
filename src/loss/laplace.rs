use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
use crate::batch::BatchView;
use crate::error::{Result, require_positive};
use crate::layer::Part;
use crate::numbers::scalar::{Float, count_present};

/// Negative log-likelihood under a Laplace distribution of fixed scale around the decoder's output: an
/// absolute error in nats, which outliers do not dominate.
///
/// # Formula
/// Σ |x − y|/b + ln 2b, gradient ±1/b, and 0 where x = y.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaplaceLikelihood {
    scale: f64,
}

impl LaplaceLikelihood {
    /// With the scale b > 0, the mean absolute error it expects, in units of the data.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(scale: f64) -> Result<Self> {
        require_positive("LaplaceLikelihood scale", scale)?;
        Ok(Self { scale })
    }
}

impl<D: Part> LossFor<D> for LaplaceLikelihood {
    type Target = WithInput;
}

impl ByFeature for LaplaceLikelihood {
    #[inline(always)]
    fn value<T: Float>(self, x: T, y: T) -> T {
        T::of(1.0 / self.scale) * (x - y).abs()
    }

    #[inline(always)]
    fn slope<T: Float>(self, x: T, y: T) -> T {
        let rate = T::of(1.0 / self.scale);
        let upper = if y > x { rate } else { T::ZERO };
        if y < x { -rate } else { upper }
    }

    fn complete<T: Float>(self, x: BatchView<'_, T>, sums: &mut [T]) {
        let of_feature = (2.0 * self.scale).ln();
        for (x, sum) in x.iter().zip(sums) {
            *sum += T::of(count_present(x) as f64 * of_feature);
        }
    }
}

impl<T: Float> Loss<T> for LaplaceLikelihood {
    fn name(&self) -> &'static str {
        "laplace_likelihood"
    }

    fn describe(&self) -> String {
        format!("LaplaceLikelihood {{ scale: {:?} }}", self.scale)
    }

    by_feature!(LaplaceLikelihood);
}
