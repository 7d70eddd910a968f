use nalgebra::ComplexField;

use super::{Compared, Loss, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::code::decoder::Decoder;
use crate::numbers::scalar::Scalar;
use crate::numbers::vector::{exp, vectorize};

/// Negative log-likelihood of counts under Poisson distributions, from a decoder that gives the
/// logarithm of their rates.
///
/// # Formula
/// Σ e^a − a x + ln x!, gradient e^a − x. The reconstruction is the rate e^a.
///
/// # Errors
/// Data that are no whole numbers from 0 are refused with
/// [`Error::OutsideDomain`](crate::Error::OutsideDomain).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoissonLikelihood;

impl<D: Decoder> Loss<D> for PoissonLikelihood {
    fn name(&self) -> &'static str {
        "poisson_likelihood"
    }

    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        sum_features(
            at,
            values,
            #[inline(always)]
            |x, a| exp(a) - a * x,
        );
        for (x, value) in at.x.iter().zip(values) {
            let log_factorials = x.iter().map(|&x| libm::lgamma(x.to_double() + 1.0));
            *value += D::Scalar::of(log_factorials.sum());
        }
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
            |x, a| exp(a) - x,
        );
    }

    fn reconstruct(&self, mut a: BatchViewMut<'_, D::Scalar, D::Output>) {
        vectorize(
            #[inline(always)]
            || a.as_mut_slice().iter_mut().for_each(|a| *a = exp(*a)),
        );
    }

    fn accepts(&self, x: D::Scalar, _feature: usize) -> bool {
        x >= D::Scalar::ZERO && x.fract() == D::Scalar::ZERO
    }

    fn domain(&self, _feature: usize) -> &'static str {
        "a whole number from 0"
    }
}
