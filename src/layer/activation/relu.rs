use super::{Activation, Ranged, slice_forms};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;

/// The rectifier. At the kink z = 0 its derivative is taken as 0.
///
/// # Formula
/// s(z) = max(z, 0), s′ = 1 for z > 0 and 0 otherwise, s″ = 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relu;

impl Ranged for Relu {
    type Range = range::NonNegative;
}

impl<T: Float> Activation<T> for Relu {
    fn describe(&self) -> String {
        "Relu".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        range::NonNegative::ENDS
    }
    #[inline(always)]
    fn value(&self, z: T) -> T {
        // Written so that NaN stays NaN.
        if z <= T::ZERO { T::ZERO } else { z }
    }
    #[inline(always)]
    fn derivative(&self, _z: T, h: T) -> T {
        if h > T::ZERO { T::ONE } else { T::ZERO }
    }
    #[inline(always)]
    fn second_derivative(&self, _z: T, _h: T) -> T {
        T::ZERO
    }
    fn reads_preactivation(&self) -> bool {
        false
    }
    slice_forms!(Relu);
}
