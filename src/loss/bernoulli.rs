use nalgebra::ComplexField;

use super::{Compared, Loss, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::code::decoder::Decoder;
use crate::layer::range::Logits;
use crate::numbers::scalar::Scalar;
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

impl<D: Decoder> Loss<D> for BernoulliCrossEntropy
where
    D::Range: Logits,
{
    fn name(&self) -> &'static str {
        "bernoulli_cross_entropy"
    }

    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        // Where x is 1 the true value is ln(1 + e⁻ᵃ); max(a, 0) − a x alone would cancel only
        // up to rounding there, so the two are taken together.
        sum_features(
            at,
            values,
            #[inline(always)]
            |x, a| {
                let rest = if a > D::Scalar::ZERO { a * (D::Scalar::ONE - x) } else { -a * x };
                rest + softplus(-a.abs())
            },
        );
    }

    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        da: BatchViewMut<'_, D::Scalar, D::Output>,
    ) {
        weigh_features(
            at,
            weights,
            da,
            #[inline(always)]
            |x, a| sigmoid(a) - x,
        );
    }

    fn reconstruct(&self, mut a: BatchViewMut<'_, D::Scalar, D::Output>) {
        vectorize(
            #[inline(always)]
            || a.as_mut_slice().iter_mut().for_each(|a| *a = sigmoid(*a)),
        );
    }

    fn accepts(&self, x: D::Scalar, _feature: usize) -> bool {
        x >= D::Scalar::ZERO && x <= D::Scalar::ONE
    }

    fn domain(&self, _feature: usize) -> &'static str {
        "a value in [0, 1]"
    }
}
