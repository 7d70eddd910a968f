use super::by_feature::{ByFeature, by_feature};
use super::{Loss, LossFor, WithInput};
use crate::layer::Part;
use crate::layer::range::Logits;
use crate::numbers::scalar::Float;
use crate::numbers::vector::{exp, exp_m1};

/// Negative log-likelihood of inputs in [0, 1] that are not binary: a density, where
/// [`BernoulliCrossEntropy`](crate::BernoulliCrossEntropy) is one only up to a factor that depends on the
/// parameter. From a decoder that gives logits.
///
/// # Formula
/// p(x | a) = a e^(a x) / (e^a − 1) on [0, 1], so the loss is Σ ln((e^a − 1)/a) − a x, and its gradient
/// m(a) − x with the mean m(a) = 1/(1 − e^−a) − 1/a, which is the reconstruction. Near 0 both go by their
/// series. Values can be negative, as those of a density.
///
/// # Errors
/// Data outside [0, 1] is refused with [`Error::OutsideDomain`](crate::Error::OutsideDomain).
///
/// # References
/// G. Loaiza-Ganem, J. Cunningham (2019), The continuous Bernoulli: fixing a pervasive error in
/// variational autoencoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContinuousBernoulli;

/// Below this size of a logit the series are closer than the formulas.
const NEAR: f64 = 0.25;

/// ln((1 − e^−t)/t) for t ≥ 0, from 0 at 0 down.
#[inline(always)]
fn log_normalizer<T: Float>(t: T) -> T {
    // −t/2 + t²/24 − t⁴/2880 + t⁶/181440 − t⁸/9676800 + t¹⁰/479001600
    let s = t * t;
    let tail = [-1.0 / 2880.0, 1.0 / 181_440.0, -1.0 / 9_676_800.0, 1.0 / 479_001_600.0];
    let [a, b, c, d] = tail.map(T::of);
    let series = s * (T::of(1.0 / 24.0) + s * (a + s * (b + s * (c + s * d)))) - T::of(0.5) * t;
    let safe = if t < T::of(NEAR) { T::ONE } else { t };
    let formula = (-exp_m1(-safe) / safe).ln();
    if t < T::of(NEAR) { series } else { formula }
}

/// The mean 1/(1 − e^−a) − 1/a.
#[inline(always)]
fn mean<T: Float>(a: T) -> T {
    // ½ + a/12 − a³/720 + a⁵/30240 − a⁷/1209600 + a⁹/47900160
    let s = a * a;
    let tail = [-1.0 / 720.0, 1.0 / 30_240.0, -1.0 / 1_209_600.0, 1.0 / 47_900_160.0];
    let [c, d, e, f] = tail.map(T::of);
    let series = T::of(0.5) + a * (T::of(1.0 / 12.0) + s * (c + s * (d + s * (e + s * f))));
    let size = a.abs();
    let safe = if size < T::of(NEAR) { T::ONE } else { size };
    // Of |a|, in which nothing overflows; m(−a) = 1 − m(a), which must not cancel.
    let rest = -exp_m1(-safe);
    let upper = T::ONE / rest - T::ONE / safe;
    let lower = T::ONE / safe - exp(-safe) / rest;
    let formula = if a > T::ZERO { upper } else { lower };
    if size < T::of(NEAR) { series } else { formula }
}

impl<D: Part> LossFor<D> for ContinuousBernoulli
where
    D::Range: Logits,
{
    type Target = WithInput;
}

impl ByFeature for ContinuousBernoulli {
    #[inline(always)]
    fn value<T: Float>(self, x: T, a: T) -> T {
        // max(a, 0) − a x without cancellation, as for the Bernoulli loss.
        let rest = if a > T::ZERO { a * (T::ONE - x) } else { -a * x };
        rest + log_normalizer(a.abs())
    }

    #[inline(always)]
    fn slope<T: Float>(self, x: T, a: T) -> T {
        mean(a) - x
    }

    #[inline(always)]
    fn output<T: Float>(self, a: T) -> T {
        mean(a)
    }
}

impl<T: Float> Loss<T> for ContinuousBernoulli {
    fn name(&self) -> &'static str {
        "continuous_bernoulli"
    }

    fn describe(&self) -> String {
        "ContinuousBernoulli".to_owned()
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

    by_feature!(ContinuousBernoulli, reconstruct);
}
