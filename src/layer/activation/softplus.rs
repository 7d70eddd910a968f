use super::{Activation, Ranged, slice_forms};
use crate::layer::range::{self, Range};
use crate::numbers::scalar::Float;
use crate::numbers::vector::{sigmoid, softplus};

/// A smooth rectifier.
///
/// # Formula
/// s(z) = ln(1 + eᶻ), s′ = σ(z), s″ = σ(z)(1 − σ(z)), with the logistic function σ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Softplus;

impl Ranged for Softplus {
    type Range = range::NonNegative;
}

impl<T: Float> Activation<T> for Softplus {
    fn describe(&self) -> String {
        "Softplus".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        range::NonNegative::ENDS
    }
    #[inline(always)]
    fn value(&self, z: T) -> T {
        softplus(z)
    }
    #[inline(always)]
    fn derivative(&self, z: T, _h: T) -> T {
        sigmoid(z)
    }
    #[inline(always)]
    fn second_derivative(&self, z: T, _h: T) -> T {
        sigmoid(z) * sigmoid(-z)
    }
    slice_forms!(Softplus);
}
