use std::sync::LazyLock;

use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
use crate::batch::BatchView;
use crate::layer::Part;
use crate::numbers::scalar::{Float, is_nan};
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

/// ln x!.
fn log_factorial(x: f64) -> f64 {
    libm::lgamma(x + 1.0)
}

/// Those of the counts that are met most: to compute one takes longer than all else that the loss does.
static LOG_FACTORIALS: LazyLock<[f64; 256]> =
    LazyLock::new(|| std::array::from_fn(|x| log_factorial(x as f64)));

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
        let known = &*LOG_FACTORIALS;
        let found = |x: f64| match known.get(x as usize) {
            Some(&known) if (x as usize) as f64 == x => known,
            _ => log_factorial(x),
        };
        for (x, sum) in x.iter().zip(sums) {
            let there = x.iter().filter(|&&x| !is_nan(x));
            *sum += T::of(there.map(|&x| found(x.to_double())).sum());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::Compared;

    /// At a = 0 the loss is 1 + ln x!, which is a sum of logarithms; on both sides of the end of the list.
    #[test]
    fn log_factorials_are_sums_of_logarithms() {
        for x in [0, 1, 2, 20, 170, 254, 255, 256, 257, 1000] {
            let expected = 1.0 + (1..=x).map(|k| f64::from(k).ln()).sum::<f64>();
            let mut value = [f64::NAN];
            let x = [f64::from(x)];
            let at = Compared {
                x: BatchView::new(&x, 1),
                y: BatchView::new(&[0.0], 1),
                parameters: &[],
            };
            PoissonLikelihood.values(at, &mut value);
            assert!((value[0] - expected).abs() <= 1e-14 * expected, "{x:?}: {value:?} {expected}");
        }
    }
}
