use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
use crate::layer::Part;
use crate::layer::range::Logits;
use crate::numbers::scalar::Float;
use crate::numbers::vector::{sigmoid, softplus};

/// Cross-entropy of binary or grey inputs in [0, 1], from a decoder that gives logits.
///
/// # Formula
/// Σ max(a, 0) − a x + ln(1 + e^−|a|), gradient σ(a) − x. The reconstruction is σ(a).
///
/// # Errors
/// Data outside [0, 1] is refused with [`Error::OutsideDomain`](crate::Error::OutsideDomain).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BernoulliCrossEntropy;

impl<D: Part> LossFor<D> for BernoulliCrossEntropy
where
    D::Range: Logits,
{
    type Target = WithInput;
}

impl ByFeature for BernoulliCrossEntropy {
    #[inline(always)]
    fn value<T: Float>(self, x: T, a: T) -> T {
        // Where x is 1 the true value is ln(1 + e⁻ᵃ); max(a, 0) − a x alone would cancel only
        // up to rounding there, so the two are taken together.
        let rest = if a > T::ZERO { a * (T::ONE - x) } else { -a * x };
        rest + softplus(-a.abs())
    }

    #[inline(always)]
    fn slope<T: Float>(self, x: T, a: T) -> T {
        sigmoid(a) - x
    }

    #[inline(always)]
    fn output<T: Float>(self, a: T) -> T {
        sigmoid(a)
    }
}

impl<T: Float> Loss<T> for BernoulliCrossEntropy {
    fn name(&self) -> &'static str {
        "bernoulli_cross_entropy"
    }

    fn describe(&self) -> String {
        "BernoulliCrossEntropy".to_owned()
    }

    fn takes_logits(&self) -> bool {
        true
    }

    fn accepts(&self, x: T, _feature: usize) -> bool {
        x >= T::ZERO && x <= T::ONE
    }

    fn domain(&self, _feature: usize) -> &'static str {
        "a value in [0, 1]"
    }

    fn nearest_accepted(&self, x: T, _feature: usize) -> T {
        x.clamp(T::ZERO, T::ONE)
    }

    by_feature!(BernoulliCrossEntropy, reconstruct);
}
