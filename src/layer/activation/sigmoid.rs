use super::{Activation, Ranged, slice_forms};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;
use crate::numbers::vector::sigmoid;

/// The logistic function, from 0 to 1.
///
/// # Formula
/// s(z) = 1 / (1 + e⁻ᶻ), s′ = h (1 − h), s″ = h (1 − h)(1 − 2h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sigmoid;

impl Ranged for Sigmoid {
    type Range = range::UnitInterval;
}

impl<T: Float> Activation<T> for Sigmoid {
    fn describe(&self) -> String {
        "Sigmoid".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        range::UnitInterval::ENDS
    }
    #[inline(always)]
    fn value(&self, z: T) -> T {
        sigmoid(z)
    }
    #[inline(always)]
    fn derivative(&self, _z: T, h: T) -> T {
        h * (T::ONE - h)
    }
    #[inline(always)]
    fn second_derivative(&self, _z: T, h: T) -> T {
        h * (T::ONE - h) * (T::ONE - h - h)
    }
    fn reads_preactivation(&self) -> bool {
        false
    }
    slice_forms!(Sigmoid);
}
