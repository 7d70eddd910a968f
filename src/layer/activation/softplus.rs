use super::Activation;
use crate::layer::range;
use crate::numbers::scalar::Scalar;
use crate::numbers::vector::{sigmoid, softplus};

/// A smooth rectifier.
///
/// # Formula
/// s(z) = ln(1 + eᶻ), s′ = σ(z), s″ = σ(z)(1 − σ(z)), with the logistic function σ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Softplus;

impl<T: Scalar> Activation<T> for Softplus {
    type Range = range::NonNegative;
    fn name(&self) -> &'static str {
        "softplus"
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
}
