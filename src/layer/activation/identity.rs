use super::{Activation, Ranged};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;

/// s(z) = z: for linear layers, and for decoders whose loss takes logits.
///
/// # Formula
/// s′ = 1, s″ = 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity;

impl Ranged for Identity {
    type Range = range::Real;
}

impl<T: Float> Activation<T> for Identity {
    fn describe(&self) -> String {
        "Identity".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        range::Real::ENDS
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
