use super::{Activation, Ranged, slice_forms};
use crate::error::{Result, require};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;

/// A rectifier that lets a share of negative values through. At z = 0 its derivative is the slope.
///
/// # Formula
/// s(z) = z for z > 0, a z otherwise; s′ = 1 or a; s″ = 0.
///
/// # References
/// A. Maas, A. Hannun, A. Ng (2013), Rectifier nonlinearities improve neural network acoustic models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyRelu {
    slope: f64,
}

impl LeakyRelu {
    /// With the slope a of the negative side, in (0, 1).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(slope: f64) -> Result<Self> {
        require(slope > 0.0 && slope < 1.0, "LeakyRelu slope", slope, "in (0, 1)")?;
        Ok(Self { slope })
    }
}

/// Slope 0.01.
impl Default for LeakyRelu {
    fn default() -> Self {
        Self { slope: 0.01 }
    }
}

impl Ranged for LeakyRelu {
    type Range = range::Real;
}

impl<T: Float> Activation<T> for LeakyRelu {
    fn describe(&self) -> String {
        format!("LeakyRelu {{ slope: {:?} }}", self.slope)
    }
    fn range(&self) -> (f64, f64) {
        range::Real::ENDS
    }
    #[inline(always)]
    fn value(&self, z: T) -> T {
        z * self.derivative(z, z)
    }
    #[inline(always)]
    fn derivative(&self, _z: T, h: T) -> T {
        // h has the sign of z.
        if h > T::ZERO { T::ONE } else { T::of(self.slope) }
    }
    #[inline(always)]
    fn second_derivative(&self, _z: T, _h: T) -> T {
        T::ZERO
    }
    fn reads_preactivation(&self) -> bool {
        false
    }
    slice_forms!(LeakyRelu);
}
