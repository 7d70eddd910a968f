use super::{Compared, Loss, LossFor, WithInput, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::error::{Result, require_positive};
use crate::layer::Part;
use crate::numbers::scalar::Float;

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

impl<D: Part> LossFor<D> for Huber {
    type Target = WithInput;
}

impl<T: Float> Loss<T> for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }

    fn describe(&self) -> String {
        format!("Huber {{ delta: {:?} }}", self.delta)
    }

    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        let delta = T::of(self.delta);
        let half = T::of(0.5);
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

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        let delta = T::of(self.delta);
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
