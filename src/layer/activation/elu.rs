use super::{Activation, Ranged, slice_forms};
use crate::error::{Result, require_positive};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;
use crate::numbers::vector::exp_m1;

/// The exponential linear unit: a rectifier whose negative side levels off at −a.
///
/// # Formula
/// s(z) = z for z > 0, a (eᶻ − 1) otherwise; s′ = 1 or h + a; s″ = 0 or h + a.
///
/// # References
/// D.-A. Clevert, T. Unterthiner, S. Hochreiter (2015), Fast and accurate deep network learning by
/// exponential linear units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elu {
    scale: f64,
}

impl Elu {
    /// With the scale a of the negative side, greater than 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(scale: f64) -> Result<Self> {
        require_positive("Elu scale", scale)?;
        Ok(Self { scale })
    }
}

/// Scale 1.
impl Default for Elu {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Ranged for Elu {
    type Range = range::Real;
}

impl<T: Float> Activation<T> for Elu {
    fn describe(&self) -> String {
        format!("Elu {{ scale: {:?} }}", self.scale)
    }
    fn range(&self) -> (f64, f64) {
        range::Real::ENDS
    }
    #[inline(always)]
    fn value(&self, z: T) -> T {
        if z > T::ZERO { z } else { T::of(self.scale) * exp_m1(z) }
    }
    #[inline(always)]
    fn derivative(&self, _z: T, h: T) -> T {
        if h > T::ZERO { T::ONE } else { h + T::of(self.scale) }
    }
    #[inline(always)]
    fn second_derivative(&self, _z: T, h: T) -> T {
        if h > T::ZERO { T::ZERO } else { h + T::of(self.scale) }
    }
    fn reads_preactivation(&self) -> bool {
        false
    }
    slice_forms!(Elu);
}
