use super::Activation;
use crate::{
    Scalar, range,
    scalar::{sigmoid, softplus},
};

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
    fn value(&self, z: T) -> T {
        softplus(z)
    }
    fn derivative(&self, z: T, _h: T) -> T {
        sigmoid(z)
    }
    fn second_derivative(&self, z: T, _h: T) -> T {
        sigmoid(z) * sigmoid(-z)
    }
}
