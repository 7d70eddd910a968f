use nalgebra::ComplexField;

use super::{Compared, Loss, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::code::decoder::Decoder;
use crate::error::{Result, require_positive};
use crate::numbers::scalar::Scalar;

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

impl<D: Decoder> Loss<D> for LaplaceLikelihood {
    fn name(&self) -> &'static str {
        "laplace_likelihood"
    }

    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        let rate = D::Scalar::of(1.0 / self.scale);
        let constant = D::Scalar::of(at.x.features() as f64 * (2.0 * self.scale).ln());
        sum_features(
            at,
            values,
            #[inline(always)]
            move |x, y| rate * (x - y).abs(),
        );
        values.iter_mut().for_each(|value| *value += constant);
    }

    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        dy: BatchViewMut<'_, D::Scalar, D::Output>,
    ) {
        let rate = D::Scalar::of(1.0 / self.scale);
        weigh_features(
            at,
            weights,
            dy,
            #[inline(always)]
            move |x, y| {
                let upper = if y > x { rate } else { D::Scalar::ZERO };
                if y < x { -rate } else { upper }
            },
        );
    }
}
