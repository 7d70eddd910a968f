use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
use crate::batch::BatchView;
use crate::layer::Part;
use crate::numbers::scalar::Float;
use crate::numbers::vector::exp;

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

impl<D: Part> LossFor<D> for PoissonLikelihood {
    type Target = WithInput;
}

impl ByFeature for PoissonLikelihood {
    #[inline(always)]
    fn value<T: Float>(self, x: T, a: T) -> T {
        exp(a) - a * x
    }

    #[inline(always)]
    fn slope<T: Float>(self, x: T, a: T) -> T {
        exp(a) - x
    }

    fn complete<T: Float>(self, x: BatchView<'_, T>, sums: &mut [T]) {
        for (x, sum) in x.iter().zip(sums) {
            let log_factorials = x.iter().map(|&x| libm::lgamma(x.to_double() + 1.0));
            *sum += T::of(log_factorials.sum());
        }
    }

    #[inline(always)]
    fn output<T: Float>(self, a: T) -> T {
        exp(a)
    }
}

impl<T: Float> Loss<T> for PoissonLikelihood {
    fn name(&self) -> &'static str {
        "poisson_likelihood"
    }

    fn describe(&self) -> String {
        "PoissonLikelihood".to_owned()
    }

    fn accepts(&self, x: T, _feature: usize) -> bool {
        x >= T::ZERO && x.fract() == T::ZERO
    }

    fn domain(&self, _feature: usize) -> &'static str {
        "a whole number from 0"
    }

    fn nearest_accepted(&self, x: T, _feature: usize) -> T {
        x.round().max(T::ZERO)
    }

    by_feature!(PoissonLikelihood, reconstruct);
}
