use super::Activation;
use crate::layer::range;
use crate::numbers::scalar::Scalar;

/// The rectifier. At the kink z = 0 its derivative is taken as 0.
///
/// # Formula
/// s(z) = max(z, 0), s′ = 1 for z > 0 and 0 otherwise, s″ = 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relu;

impl<T: Scalar> Activation<T> for Relu {
    type Range = range::NonNegative;
    fn name(&self) -> &'static str {
        "relu"
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
}
