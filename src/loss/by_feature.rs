//! Losses that are sums over features, each of its own input and output.

use super::Compared;
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::scalar::{Float, sum_pairs};
use crate::numbers::vector::vectorize;

/// A loss Σ l(xᵢ, yᵢ) + c(x); [`by_feature!`] makes it a [`Loss`](super::Loss).
pub(super) trait ByFeature: Copy {
    /// l(x, y).
    fn value<T: Float>(self, x: T, y: T) -> T;

    /// ∂l/∂y.
    fn slope<T: Float>(self, x: T, y: T) -> T;

    /// Makes the losses of samples of their Σ l.
    fn complete<T: Float>(self, _x: BatchView<'_, T>, _sums: &mut [T]) {}

    /// The reconstruction of a feature.
    fn output<T: Float>(self, y: T) -> T {
        y
    }
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
            move |x, y| loss.value(x, y),
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
                    *dy = weight * loss.slope(x, y);
                }
            },
        );
    }
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
