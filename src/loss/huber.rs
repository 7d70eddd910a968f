use nalgebra::ComplexField;

use super::{Compared, Loss, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::code::decoder::Decoder;
use crate::error::{Result, require_positive};
use crate::numbers::scalar::Scalar;

/// Squared near zero, absolute far away, so that outliers pull with a bounded force.
///
/// # Formula
/// Σ ½ e² for |e| ≤ δ, δ (|e| − δ/2) beyond; e = y − x. Gradient e, held within [−δ, δ].
///
/// # References
/// P. J. Huber (1964), Robust estimation of a location parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Huber {
    delta: f64,
}

impl Huber {
    /// With the error δ > 0, in units of the data, where it turns from squared to absolute.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(delta: f64) -> Result<Self> {
        require_positive("Huber delta", delta)?;
        Ok(Self { delta })
    }
}

/// δ = 1.
impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl<D: Decoder> Loss<D> for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }

    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        let delta = D::Scalar::of(self.delta);
        let half = D::Scalar::of(0.5);
        sum_features(
            at,
            values,
            #[inline(always)]
            |x, y| {
                let size = (y - x).abs();
                // The part within δ, squared, and the part beyond it.
                let within = if size > delta { delta } else { size };
                within * (size - half * within)
            },
        );
    }

    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        dy: BatchViewMut<'_, D::Scalar, D::Output>,
    ) {
        let delta = D::Scalar::of(self.delta);
        weigh_features(
            at,
            weights,
            dy,
            #[inline(always)]
            move |x, y| {
                let error = y - x;
                let error = if error > delta { delta } else { error };
                if error < -delta { -delta } else { error }
            },
        );
    }
}
