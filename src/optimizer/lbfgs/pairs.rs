//! What L-BFGS remembers: the last steps and how the gradient changed over them, in a flat slice.
//!
//! Pair k, counted from the newest, is s (2k-th slice of the length of the parameters) and y (the
//! next one). Unused pairs are zero. Where parameters do not move, s and y are zero, and so is the
//! direction.

use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// Lanes of a running sum.
const LANES: usize = 16;

once! {
    /// Σ aᵢ bᵢ in double precision, in a fixed order that depends on the length alone.
    pub(super) fn dot(a: &'a [T], b: &'a [T]) -> f64 = dot_generic;
    /// `to` += `factor` · `by`.
    fn add(to: &'a mut [T], factor: f64, by: &'a [T]) = add_generic;
    /// `to` = `from` + `factor` · `by`.
    pub(super) fn sum_into(to: &'a mut [T], from: &'a [T], factor: f64, by: &'a [T]) = sum_into_generic;
}

fn dot_generic<T: Float>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len());
    vectorize(
        #[inline(always)]
        || {
            let mut lanes = [0.0; LANES];
            let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
            let tail = a_chunks.remainder().iter().zip(b_chunks.remainder());
            let tail = tail.fold(0.0, |sum, (&a, &b)| sum + a.to_double() * b.to_double());
            for (a, b) in a_chunks.zip(b_chunks) {
                for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                    *lane += a.to_double() * b.to_double();
                }
            }
            lanes.iter().fold(tail, |sum, &lane| sum + lane)
        },
    )
}

fn add_generic<T: Float>(to: &mut [T], factor: f64, by: &[T]) {
    let factor = T::of(factor);
    vectorize(
        #[inline(always)]
        || to.iter_mut().zip(by).for_each(|(to, &by)| *to += factor * by),
    );
}

fn sum_into_generic<T: Float>(to: &mut [T], from: &[T], factor: f64, by: &[T]) {
    let factor = T::of(factor);
    vectorize(
        #[inline(always)]
        || {
            for (to, (&from, &by)) in to.iter_mut().zip(from.iter().zip(by)) {
                *to = from + factor * by;
            }
        },
    );
}

/// Writes −H g over `direction`, where H is the inverse of the curvature that the pairs have seen (the
/// two-loop recursion), times 1 if there are none. Returns whether there are any.
///
/// `factors` has room for one pair of numbers a pair.
pub(super) fn direction<T: Float>(
    pairs: &[T],
    gradient: &[T],
    direction: &mut [T],
    factors: &mut [(f64, f64)],
) -> bool {
    let len = gradient.len();
    direction.iter_mut().zip(gradient).for_each(|(d, &g)| *d = -g);
    let pair = |k: usize| pairs[2 * k * len..][..2 * len].split_at(len);
    let mut used = 0;
    for (k, factors) in factors.iter_mut().enumerate() {
        let (s, y) = pair(k);
        let curvature = dot(s, y);
        let is_used = curvature > 0.0;
        if !is_used {
            break;
        }
        let along = dot(s, direction) / curvature;
        add(direction, -along, y);
        *factors = (curvature, along);
        used = k + 1;
    }
    if used == 0 {
        return false;
    }
    let (_, newest) = pair(0);
    let scale = T::of(factors[0].0 / dot(newest, newest));
    direction.iter_mut().for_each(|d| *d *= scale);
    for (k, &(curvature, along)) in factors[..used].iter().enumerate().rev() {
        let (s, y) = pair(k);
        let back = dot(y, direction) / curvature;
        add(direction, along - back, s);
    }
    true
}

/// Puts the step between two points and the change of the gradient in front of the other pairs, of which the
/// oldest is forgotten, unless it shows no curvature.
pub(super) fn remember<T: Float>(
    pairs: &mut [T],
    (parameters, next): (&[T], &[T]),
    (gradient, next_gradient): (&[T], &[T]),
) {
    let len = parameters.len();
    let steps = || next.iter().zip(parameters).map(|(&next, &last)| next - last);
    let changes = || next_gradient.iter().zip(gradient).map(|(&next, &last)| next - last);
    let (mut curvature, mut fall) = (0.0, 0.0);
    for ((step, change), &slope) in steps().zip(changes()).zip(gradient) {
        curvature += step.to_double() * change.to_double();
        fall -= step.to_double() * slope.to_double();
    }
    let is_curved = curvature > T::default_epsilon().to_double() * fall;
    if !is_curved {
        return;
    }
    pairs.copy_within(..pairs.len() - 2 * len, 2 * len);
    let (s, y) = pairs[..2 * len].split_at_mut(len);
    s.iter_mut().zip(steps()).for_each(|(s, step)| *s = step);
    y.iter_mut().zip(changes()).for_each(|(y, change)| *y = change);
}
