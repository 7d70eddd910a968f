use super::Activation;
use crate::layer::range;
use crate::numbers::scalar::Scalar;

/// s(z) = z: for linear layers, and for decoders whose loss takes logits.
///
/// # Formula
/// s′ = 1, s″ = 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity;

impl<T: Scalar> Activation<T> for Identity {
    type Range = range::Real;
    fn name(&self) -> &'static str {
        "identity"
    }
    fn value(&self, z: T) -> T {
        z
    }
    fn derivative(&self, _z: T, _h: T) -> T {
        T::ONE
    }
    fn second_derivative(&self, _z: T, _h: T) -> T {
        T::ZERO
    }
    fn reads_preactivation(&self) -> bool {
        false
    }
    fn apply(&self, _z: &mut [T]) {}
    fn backward(&self, _z: &[T], _h: &[T], _dh: &mut [T]) {}
}
