use super::Activation;
use crate::layer::range;
use crate::numbers::scalar::Scalar;
use crate::numbers::vector::tanh;

/// The hyperbolic tangent, from −1 to 1.
///
/// # Formula
/// s(z) = tanh z, s′ = 1 − h², s″ = −2h (1 − h²).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tanh;

impl<T: Scalar> Activation<T> for Tanh {
    type Range = range::Symmetric;
    fn name(&self) -> &'static str {
        "tanh"
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
}
