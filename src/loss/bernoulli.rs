use super::{Compared, Loss, LossFor, WithInput, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::layer::Part;
use crate::layer::range::Logits;
use crate::numbers::scalar::Float;
use crate::numbers::vector::{sigmoid, softplus, vectorize};

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

    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        // Where x is 1 the true value is ln(1 + e⁻ᵃ); max(a, 0) − a x alone would cancel only
        // up to rounding there, so the two are taken together.
        sum_features(
            at,
            values,
            #[inline(always)]
            |x, a| {
                let rest = if a > T::ZERO { a * (T::ONE - x) } else { -a * x };
                rest + softplus(-a.abs())
            },
        );
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], da: BatchViewMut<'_, T>) {
        weigh_features(
            at,
            weights,
            da,
            #[inline(always)]
            |x, a| sigmoid(a) - x,
        );
    }

    fn reconstruct(&self, mut a: BatchViewMut<'_, T>) {
        vectorize(
            #[inline(always)]
            || a.as_mut_slice().iter_mut().for_each(|a| *a = sigmoid(*a)),
        );
    }

    fn accepts(&self, x: T, _feature: usize) -> bool {
        x >= T::ZERO && x <= T::ONE
    }

    fn domain(&self, _feature: usize) -> &'static str {
        "a value in [0, 1]"
    }
}
