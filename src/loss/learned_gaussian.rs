use std::fmt;

use super::{Compared, Loss, LossFor, WithInput};
use crate::batch::BatchViewMut;
use crate::code::prior::LN_TAU;
use crate::error::{Result, require};
use crate::layer::Part;
use crate::layer::layout::{Layout, Role};
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, count_present, is_nan, sum_pairs, sum_triples};
use crate::numbers::vector::{exp, vectorize};

/// Negative log-likelihood under a Gaussian around the decoder's output whose variance is trained with the
/// model: one for all features, or one for each.
///
/// # Formula
/// Σ ½ (x − y)² e^(−lv) + ½ lv + ½ ln 2π in nats, with the parameter lv = ln σ². At the least loss σ² is the mean
/// squared error, so that nothing has to be chosen between reconstruction and divergence. lv is held in
/// [−12, 12], where data of which a feature is constant would drive it to −∞.
///
/// # References
/// O. Rybkin, K. Daniilidis, S. Levine (2021), Simple and effective VAE training with calibrated decoders.
#[derive(Clone, Copy, PartialEq)]
pub struct LearnedGaussian {
    per_feature: bool,
    deviation: f64,
}

/// Where ln σ² is held.
const CLAMP: (f64, f64) = (-12.0, 12.0);

/// Without where it begins, which a trained model has left behind.
impl fmt::Debug for LearnedGaussian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearnedGaussian").field("per_feature", &self.per_feature).finish()
    }
}

impl LearnedGaussian {
    /// With one variance for all features, at first 1.
    pub fn shared() -> Self {
        Self { per_feature: false, deviation: 1.0 }
    }

    /// With a variance for each feature, at first 1.
    pub fn per_feature() -> Self {
        Self { per_feature: true, deviation: 1.0 }
    }

    /// With this standard deviation σ at first, in [e^−6, e⁶], which is about [0.0025, 403]: beyond, ln σ² would
    /// have no gradient, and never change.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn starting_at(self, deviation: f64) -> Result<Self> {
        let is_held = ((0.5 * CLAMP.0).exp()..=(0.5 * CLAMP.1).exp()).contains(&deviation);
        require(is_held, "LearnedGaussian deviation", deviation, "in [e^-6, e^6]")?;
        Ok(Self { deviation, ..self })
    }

    fn values_generic<T: Float>(&self, at: Compared<'_, T>, values: &mut [T]) {
        let half = T::of(0.5);
        let shared = clamped(at.parameters[0]);
        let precision = exp(-shared);
        for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(values) {
            let features = T::of(count_present(x) as f64);
            let (constant, ln_norm) = (half * features * T::of(LN_TAU), features * shared);
            let twice = if self.per_feature {
                sum_triples(
                    x,
                    y,
                    at.parameters,
                    #[inline(always)]
                    |x, y, lv| {
                        let lv = clamped(lv);
                        let twice = (x - y) * (x - y) * exp(-lv) + lv;
                        if is_nan(x) { T::ZERO } else { twice }
                    },
                )
            } else {
                precision * squares(x, y) + ln_norm
            };
            *value = half * twice + constant;
        }
    }

    fn gradient_generic<T: Float>(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        mut dy: BatchViewMut<'_, T>,
    ) {
        let features = at.x.features();
        let samples = at.x.iter().zip(at.y.iter()).zip(weights);
        if !self.per_feature {
            let precision = exp(-clamped(at.parameters[0]));
            let columns = dy.as_mut_slice().chunks_exact_mut(features);
            return vectorize(
                #[inline(always)]
                || {
                    for (((x, y), &weight), dy) in samples.zip(columns) {
                        let places = dy.iter_mut().zip(x.iter().zip(y));
                        places.for_each(|(dy, (&x, &y))| *dy = slope(x, y, weight * precision));
                    }
                },
            );
        }
        each_block(
            at.parameters,
            #[inline(always)]
            |block, lvs, precisions| {
                let columns = dy.as_mut_slice().chunks_exact_mut(features);
                for (((x, y), &weight), dy) in samples.clone().zip(columns) {
                    let places = x[block..].iter().zip(&y[block..]).zip(precisions);
                    for (((&x, &y), &precision), dy) in places.zip(&mut dy[block..][..lvs.len()]) {
                        *dy = slope(x, y, weight * precision);
                    }
                }
            },
        );
    }

    fn parameter_gradient_generic<T: Float>(
        &self,
        at: Compared<'_, T>,
        weights: &[T],
        gradient: &mut [T],
    ) {
        let shared = at.parameters[0];
        let samples = at.x.iter().zip(at.y.iter()).zip(weights);
        if !self.per_feature {
            let precision = exp(-clamped(shared));
            for ((x, y), &weight) in samples {
                let features = T::of(count_present(x) as f64);
                let rest = features - squares(x, y) * precision;
                gradient[0] += half_within(shared) * weight * rest;
            }
            return;
        }
        each_block(
            at.parameters,
            #[inline(always)]
            |block, lvs, precisions| {
                let gradient = &mut gradient[block..][..lvs.len()];
                for ((x, y), &weight) in samples.clone() {
                    let places = x[block..].iter().zip(&y[block..]).zip(lvs.iter().zip(precisions));
                    for (((&x, &y), (&lv, &precision)), d) in places.zip(&mut *gradient) {
                        let squared = (x - y) * (x - y) * precision;
                        let rest = if is_nan(x) { T::ZERO } else { T::ONE - squared };
                        *d += half_within(lv) * weight * rest;
                    }
                }
            },
        );
    }
}

/// Σ (x − y)² over what is there of x.
fn squares<T: Float>(x: &[T], y: &[T]) -> T {
    sum_pairs(
        x,
        y,
        #[inline(always)]
        |x, y| {
            let squared = (x - y) * (x - y);
            if is_nan(x) { T::ZERO } else { squared }
        },
    )
}

/// The gradient at y by what it is multiplied with, and 0 where x is missing.
#[inline(always)]
fn slope<T: Float>(x: T, y: T, factor: T) -> T {
    let slope = factor * (y - x);
    if is_nan(x) { T::ZERO } else { slope }
}

/// Calls `work` with some features after the other: the number of the first, lv of each, and e^−lv, which is
/// computed once for all samples.
#[inline(always)]
fn each_block<T: Float>(parameters: &[T], mut work: impl FnMut(usize, &[T], &[T])) {
    const TOGETHER: usize = 256;
    vectorize(
        #[inline(always)]
        || {
            let mut precisions = [T::ZERO; TOGETHER];
            for (block, lvs) in parameters.chunks(TOGETHER).enumerate() {
                let precisions = &mut precisions[..lvs.len()];
                precisions
                    .iter_mut()
                    .zip(lvs)
                    .for_each(|(precision, &lv)| *precision = exp(-clamped(lv)));
                work(block * TOGETHER, lvs, precisions);
            }
        },
    );
}

#[inline(always)]
fn clamped<T: Float>(lv: T) -> T {
    let (low, high) = (T::of(CLAMP.0), T::of(CLAMP.1));
    if lv < low {
        low
    } else if lv > high {
        high
    } else {
        lv
    }
}

/// ½, and 0 beyond where ln σ² is held.
#[inline(always)]
fn half_within<T: Float>(lv: T) -> T {
    if lv < T::of(CLAMP.0) || lv > T::of(CLAMP.1) { T::ZERO } else { T::of(0.5) }
}

impl<D: Part> LossFor<D> for LearnedGaussian {
    type Target = WithInput;
}

once! {
    fn values(loss: &'a LearnedGaussian, at: Compared<'a, T>, values: &'a mut [T])
        = LearnedGaussian::values_generic;
    fn gradient(loss: &'a LearnedGaussian, at: Compared<'a, T>, weights: &'a [T], dy: BatchViewMut<'a, T>)
        = LearnedGaussian::gradient_generic;
    fn parameter_gradient(loss: &'a LearnedGaussian, at: Compared<'a, T>, weights: &'a [T], gradient: &'a mut [T])
        = LearnedGaussian::parameter_gradient_generic;
}

impl<T: Float> Loss<T> for LearnedGaussian {
    fn name(&self) -> &'static str {
        "learned_gaussian"
    }

    /// Without where it begins, which a trained model has left behind.
    fn describe(&self) -> String {
        format!("LearnedGaussian {{ per_feature: {:?} }}", self.per_feature)
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn values(&self, at: Compared<'_, T>, to: &mut [T]) {
        values(self, at, to);
    }

    fn gradient(&self, at: Compared<'_, T>, weights: &[T], dy: BatchViewMut<'_, T>) {
        gradient(self, at, weights, dy);
    }

    fn num_parameters(&self, features: usize) -> usize {
        if self.per_feature { features } else { 1 }
    }

    fn layout(&self, features: usize, layout: &mut Layout, parameters: &mut [T]) {
        let count = Loss::<T>::num_parameters(self, features);
        layout.kind("LearnedGaussian");
        layout.tensor("log_variance", (count, 1), Role::Own);
        // At the very end rounding could take it beyond.
        parameters.fill(clamped(T::of(2.0 * self.deviation.ln())));
    }

    fn parameter_gradient(&self, at: Compared<'_, T>, weights: &[T], gradient: &mut [T]) {
        parameter_gradient(self, at, weights, gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BatchView;

    /// Features have nothing to do with each other, so that a third of them has the gradients that it has in the whole.
    #[test]
    fn many_features_have_the_gradients_of_few() {
        const FEATURES: usize = 3 * PART;
        const PART: usize = 200;
        let loss = LearnedGaussian::per_feature();
        let numbers = |step: usize, count: usize| -> Vec<f64> {
            (0..count).map(|at| (at * step % 101) as f64 / 25.0 - 2.0).collect()
        };
        let (x, y) = (numbers(7, 2 * FEATURES), numbers(11, 2 * FEATURES));
        // Some lie where they are held.
        let parameters: Vec<f64> = numbers(13, FEATURES).iter().map(|lv| 7.0 * lv).collect();
        let gradients = |block: std::ops::Range<usize>| {
            let features = block.len();
            let of_block = |all: &[f64]| -> Vec<f64> {
                all.chunks(FEATURES).flat_map(|sample| &sample[block.clone()]).copied().collect()
            };
            let (x, y, parameters) = (of_block(&x), of_block(&y), &parameters[block.clone()]);
            let (x, y) = (BatchView::new(&x, features), BatchView::new(&y, features));
            let at = Compared { x, y, parameters };
            let (mut dy, mut own) = (vec![f64::NAN; 2 * features], vec![0.5; features]);
            loss.gradient(at, &[0.25, 0.75], BatchViewMut::new(&mut dy, features));
            loss.parameter_gradient(at, &[0.25, 0.75], &mut own);
            (dy, own)
        };
        let (dy, own) = gradients(0..FEATURES);
        for first in (0..FEATURES).step_by(PART) {
            let (some_dy, some_own) = gradients(first..first + PART);
            assert_eq!(some_own, own[first..][..PART]);
            assert_eq!(some_dy[..PART], dy[first..][..PART]);
            assert_eq!(some_dy[PART..], dy[FEATURES + first..][..PART]);
        }
    }
}
