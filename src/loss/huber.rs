use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
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

impl ByFeature for Huber {
    #[inline(always)]
    fn value<T: Float>(self, x: T, y: T) -> T {
        let (delta, size) = (T::of(self.delta), (y - x).abs());
        // The part within δ, squared, and the part beyond it.
        let within = if size > delta { delta } else { size };
        within * (size - T::of(0.5) * within)
    }

    #[inline(always)]
    fn slope<T: Float>(self, x: T, y: T) -> T {
        let (delta, error) = (T::of(self.delta), y - x);
        let error = if error > delta { delta } else { error };
        if error < -delta { -delta } else { error }
    }
}

impl<T: Float> Loss<T> for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }

    fn describe(&self) -> String {
        format!("Huber {{ delta: {:?} }}", self.delta)
    }

    by_feature!(Huber);
}
