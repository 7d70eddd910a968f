//! Losses that are sums over features, each of its own input and output.

use super::Compared;
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::scalar::{Float, LANES, is_nan, sum_pairs};
use crate::numbers::vector::vectorize;

/// A loss Σ l(xᵢ, yᵢ) + c(x) over the features whose target is not missing; [`by_feature!`] makes it a
/// [`Loss`](super::Loss).
pub(super) trait ByFeature: Copy {
    /// l(x, y).
    fn value<T: Float>(self, x: T, y: T) -> T;

    /// ∂l/∂y.
    fn slope<T: Float>(self, x: T, y: T) -> T;

    /// Makes the losses of samples of their Σ l; a value of x that is missing, NaN, adds nothing.
    fn complete<T: Float>(self, _x: BatchView<'_, T>, _sums: &mut [T]) {}

    /// The reconstruction of a feature.
    fn output<T: Float>(self, y: T) -> T {
        y
    }
}

/// l(x, y), and 0 where x is missing: chosen and not branched, so that loops stay vectors.
#[inline(always)]
fn value_at<T: Float>(loss: impl ByFeature, x: T, y: T) -> T {
    let value = loss.value(x, y);
    if is_nan(x) { T::ZERO } else { value }
}

/// ∂l/∂y times a weight, and 0 where x is missing.
#[inline(always)]
fn slope_at<T: Float>(loss: impl ByFeature, x: T, y: T, weight: T) -> T {
    let slope = weight * loss.slope(x, y);
    if is_nan(x) { T::ZERO } else { slope }
}

pub(super) fn values<T: Float>(
    loss: impl ByFeature,
    Compared { x, y, .. }: Compared<'_, T>,
    values: &mut [T],
) {
    for ((x, y), value) in x.iter().zip(y.iter()).zip(&mut *values) {
        *value = sum_pairs(
            x,
            y,
            #[inline(always)]
            move |x, y| value_at(loss, x, y),
        );
    }
    loss.complete(x, values);
}

pub(super) fn gradient<T: Float>(
    loss: impl ByFeature,
    Compared { x, y, .. }: Compared<'_, T>,
    weights: &[T],
    mut dy: BatchViewMut<'_, T>,
) {
    let columns = dy.as_mut_slice().chunks_exact_mut(x.features());
    for (((x, y), &weight), dy) in x.iter().zip(y.iter()).zip(weights).zip(columns) {
        vectorize(
            #[inline(always)]
            move || {
                for ((&x, &y), dy) in x.iter().zip(y).zip(dy) {
                    *dy = slope_at(loss, x, y, weight);
                }
            },
        );
    }
}

/// Both at once, so that what they have in common, such as an exponential, is computed once.
pub(super) fn values_and_gradient<T: Float>(
    loss: impl ByFeature,
    Compared { x, y, .. }: Compared<'_, T>,
    weights: &[T],
    values: &mut [T],
    mut dy: BatchViewMut<'_, T>,
) {
    let columns = dy.as_mut_slice().chunks_exact_mut(x.features());
    let samples = x.iter().zip(y.iter()).zip(columns).zip(weights.iter().zip(&mut *values));
    vectorize(
        #[inline(always)]
        || {
            for (((x, y), dy), (&weight, value)) in samples {
                *value = value_and_slopes(loss, x, y, weight, dy);
            }
        },
    );
    loss.complete(x, values);
}

/// Σ l(xᵢ, yᵢ) of a sample, summed in the order of [`sum_pairs`], and its gradient times the weight.
#[inline(always)]
fn value_and_slopes<T: Float>(
    loss: impl ByFeature,
    x: &[T],
    y: &[T],
    weight: T,
    dy: &mut [T],
) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (x, x_rest) = x.as_chunks::<LANES>();
    let (y, y_rest) = y.as_chunks::<LANES>();
    let (dy, dy_rest) = dy.as_chunks_mut::<LANES>();
    for ((&x, &y), dy) in x.iter().zip(y).zip(dy) {
        let mut slopes = [T::ZERO; LANES];
        for lane in 0..LANES {
            lanes[lane] += value_at(loss, x[lane], y[lane]);
            slopes[lane] = slope_at(loss, x[lane], y[lane], weight);
        }
        *dy = slopes;
    }
    let mut rest = T::ZERO;
    for ((&x, &y), dy) in x_rest.iter().zip(y_rest).zip(dy_rest) {
        rest += value_at(loss, x, y);
        *dy = slope_at(loss, x, y, weight);
    }
    lanes.iter().fold(rest, |sum, &lane| sum + lane)
}

pub(super) fn reconstruct<T: Float>(loss: impl ByFeature, mut y: BatchViewMut<'_, T>) {
    vectorize(
        #[inline(always)]
        || y.as_mut_slice().iter_mut().for_each(|y| *y = loss.output(*y)),
    );
}

/// What a sum over features does for a [`Loss`](super::Loss), compiled once.
macro_rules! by_feature {
    ($loss:ty) => {
        fn skips_missing(&self) -> bool {
            true
        }

        fn values(&self, at: $crate::loss::Compared<'_, T>, values: &mut [T]) {
            $crate::numbers::once::once! {
                fn once(loss: $loss, at: $crate::loss::Compared<'a, T>, values: &'a mut [T])
                    = $crate::loss::by_feature::values;
            }
            once(*self, at, values);
        }

        fn gradient(
            &self,
            at: $crate::loss::Compared<'_, T>,
            weights: &[T],
            dy: $crate::batch::BatchViewMut<'_, T>,
        ) {
            $crate::numbers::once::once! {
                fn once(
                    loss: $loss,
                    at: $crate::loss::Compared<'a, T>,
                    weights: &'a [T],
                    dy: $crate::batch::BatchViewMut<'a, T>,
                ) = $crate::loss::by_feature::gradient;
            }
            once(*self, at, weights, dy);
        }

        fn values_and_gradient(
            &self,
            at: $crate::loss::Compared<'_, T>,
            weights: &[T],
            values: &mut [T],
            dy: $crate::batch::BatchViewMut<'_, T>,
        ) {
            $crate::numbers::once::once! {
                fn once(
                    loss: $loss,
                    at: $crate::loss::Compared<'a, T>,
                    weights: &'a [T],
                    values: &'a mut [T],
                    dy: $crate::batch::BatchViewMut<'a, T>,
                ) = $crate::loss::by_feature::values_and_gradient;
            }
            once(*self, at, weights, values, dy);
        }
    };
    ($loss:ty, reconstruct) => {
        $crate::loss::by_feature::by_feature!($loss);

        fn reconstruct(&self, y: $crate::batch::BatchViewMut<'_, T>) {
            $crate::numbers::once::once! {
                fn once(loss: $loss, y: $crate::batch::BatchViewMut<'a, T>)
                    = $crate::loss::by_feature::reconstruct;
            }
            once(*self, y);
        }
    };
}
pub(super) use by_feature;
