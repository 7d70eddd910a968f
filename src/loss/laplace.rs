use super::{Compared, Loss, LossFor, WithInput, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::error::{Result, require_positive};
use crate::layer::Part;
use crate::numbers::scalar::Float;

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

impl<T: Float> Loss<T> for LaplaceLikelihood {
    fn name(&self) -> &'static str {
        "laplace_likelihood"
    }

    fn describe(&self) -> String {
        format!("LaplaceLikelihood {{ scale: {:?} }}", self.scale)
    }

    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        let rate = T::of(1.0 / self.scale);
        let constant = T::of(at.x.features() as f64 * (2.0 * self.scale).ln());
        sum_features(
            at,
            values,
            #[inline(always)]
            move |x, y| rate * (x - y).abs(),
        );
        values.iter_mut().for_each(|value| *value += constant);
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        let rate = T::of(1.0 / self.scale);
        weigh_features(
            at,
            weights,
            dy,
            #[inline(always)]
            move |x, y| {
                let upper = if y > x { rate } else { T::ZERO };
                if y < x { -rate } else { upper }
            },
        );
    }
}
