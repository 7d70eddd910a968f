use super::{Compared, Loss, LossFor, WithInput, sum_features, weigh_features};
use crate::batch::BatchViewMut;
use crate::layer::Part;
use crate::numbers::scalar::Float;
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

impl<D: Part> LossFor<D> for PoissonLikelihood {
    type Target = WithInput;
}

impl<T: Float> Loss<T> for PoissonLikelihood {
    fn name(&self) -> &'static str {
        "poisson_likelihood"
    }

    fn describe(&self) -> String {
        "PoissonLikelihood".to_owned()
    }

    fn values(&self, at: Compared<'_, T>, values: &mut [T]) {
        sum_features(
            at,
            values,
            #[inline(always)]
            |x, a| exp(a) - a * x,
        );
        for (x, value) in at.x.iter().zip(values) {
            let log_factorials = x.iter().map(|&x| libm::lgamma(x.to_double() + 1.0));
            *value += T::of(log_factorials.sum());
        }
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], da: BatchViewMut<'_, T>) {
        weigh_features(
            at,
            weights,
            da,
            #[inline(always)]
            |x, a| exp(a) - x,
        );
    }

    fn reconstruct(&self, mut a: BatchViewMut<'_, T>) {
        vectorize(
            #[inline(always)]
            || a.as_mut_slice().iter_mut().for_each(|a| *a = exp(*a)),
        );
    }

    fn accepts(&self, x: T, _feature: usize) -> bool {
        x >= T::ZERO && x.fract() == T::ZERO
    }

    fn domain(&self, _feature: usize) -> &'static str {
        "a whole number from 0"
    }
}
