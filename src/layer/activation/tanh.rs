use super::{Activation, Ranged, slice_forms};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;
use crate::numbers::vector::tanh;

/// The hyperbolic tangent, from −1 to 1.
///
/// # Formula
/// s(z) = tanh z, s′ = 1 − h², s″ = −2h (1 − h²).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tanh;

impl Ranged for Tanh {
    type Range = range::Symmetric;
}

impl<T: Float> Activation<T> for Tanh {
    fn describe(&self) -> String {
        "Tanh".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        range::Symmetric::ENDS
    }
    #[inline(always)]
    fn value(&self, z: T) -> T {
        tanh(z)
    }
    #[inline(always)]
    fn derivative(&self, _z: T, h: T) -> T {
        T::ONE - h * h
    }
    #[inline(always)]
    fn second_derivative(&self, _z: T, h: T) -> T {
        -(h + h) * (T::ONE - h * h)
    }
    fn reads_preactivation(&self) -> bool {
        false
    }
    slice_forms!(Tanh);
}
