//! The loops over the numbers of images, for all that is done to rows and columns one after the other.

use super::side::{Pattern, Side};
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::room::with_room;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// What an image becomes: planes, which are all resized alike, by rows and by columns.
///
/// An image has a plane for each channel. A window is one plane with a row for each step, so that its channels, which lie
/// one beside the other, are columns that stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Planes {
    pub count: usize,
    pub rows: Side,
    pub columns: Side,
}

impl Planes {
    /// The way back.
    pub fn transposed(&self) -> Self {
        let (rows, columns) = (self.rows.transposed(), self.columns.transposed());
        Self { count: self.count, rows, columns }
    }

    /// Values of a plane on either side.
    pub fn sizes(&self) -> (usize, usize) {
        (self.rows.inputs * self.columns.inputs, self.rows.outputs * self.columns.outputs)
    }

    /// What it costs to go over a sample.
    pub fn cost(&self) -> usize {
        let (inputs, outputs) = self.sizes();
        ELEMENT / 4 * self.count * inputs.max(outputs)
    }
}

/// How the inputs of an output become one number.
trait Fold {
    /// Of the first one.
    fn first<T: Float>(weight: T, x: T) -> T;
    /// Of those so far and of one more.
    fn next<T: Float>(so_far: T, weight: T, x: T) -> T;
}

/// The weighted sum.
struct Sum;
impl Fold for Sum {
    #[inline(always)]
    fn first<T: Float>(weight: T, x: T) -> T {
        weight * x
    }
    #[inline(always)]
    fn next<T: Float>(so_far: T, weight: T, x: T) -> T {
        so_far + weight * x
    }
}

/// The largest, whatever the weights; NaN where there is one.
struct Largest;
impl Fold for Largest {
    #[inline(always)]
    fn first<T: Float>(_weight: T, x: T) -> T {
        x
    }
    #[inline(always)]
    #[allow(clippy::eq_op)] // NaN alone differs from itself.
    fn next<T: Float>(so_far: T, _weight: T, x: T) -> T {
        let largest = if x > so_far { x } else { so_far };
        if x != x { x } else { largest }
    }
}

once! {
    /// Weighted sums, of rows and of columns.
    pub fn sums(planes: &'a Planes, x: BatchView<'a, T>, y: BatchViewMut<'a, T>) = fold_all::<Sum, _>;
    /// The largest of each window.
    pub fn maxima(planes: &'a Planes, x: BatchView<'a, T>, y: BatchViewMut<'a, T>) = fold_all::<Largest, _>;
}

fn fold_all<F: Fold, T: Float>(planes: &Planes, x: BatchView<'_, T>, y: BatchViewMut<'_, T>) {
    let (inputs, outputs) = planes.sizes();
    let Planes { rows, columns, .. } = planes;
    // What makes it smaller comes first, what makes it larger last.
    let is_by_rows = rows.outputs <= rows.inputs;
    let between =
        if is_by_rows { rows.outputs * columns.inputs } else { rows.inputs * columns.outputs };
    in_parts(x.samples(), planes.cost(), (x, y), |(x, mut y)| {
        let of_planes = x.as_slice().chunks_exact(inputs);
        let of_planes = of_planes.zip(y.as_mut_slice().chunks_exact_mut(outputs));
        with_room(between, |between| {
            vectorize(
                #[inline(always)]
                || {
                    for (x, y) in of_planes {
                        if columns.pattern == Pattern::Whole {
                            fold_rows::<F, T>(rows, columns.inputs, x, y);
                        } else if rows.pattern == Pattern::Whole {
                            fold_columns::<F, T>(columns, x, y);
                        } else if is_by_rows {
                            fold_rows::<F, T>(rows, columns.inputs, x, between);
                            fold_columns::<F, T>(columns, between, y);
                        } else {
                            fold_columns::<F, T>(columns, x, between);
                            fold_rows::<F, T>(rows, columns.outputs, between, y);
                        }
                    }
                },
            );
        });
    });
}

/// Rows of so many columns, each of which becomes part of other rows.
#[inline(always)]
fn fold_rows<F: Fold, T: Float>(side: &Side, width: usize, x: &[T], y: &mut [T]) {
    for ((first, weights), y) in side.bands().zip(y.chunks_exact_mut(width)) {
        let mut x = x[first * width..].chunks_exact(width);
        let mut next = || x.next().unwrap_or_default();
        let rest = match *weights {
            [] => {
                y.fill(T::ZERO);
                continue;
            }
            [weight] => {
                let weight = T::of(weight);
                y.iter_mut().zip(next()).for_each(|(y, &x)| *y = F::first(weight, x));
                continue;
            }
            [one, two, ref rest @ ..] => {
                let (one, two) = (T::of(one), T::of(two));
                let pairs = next().iter().zip(next());
                for (y, (&a, &b)) in y.iter_mut().zip(pairs) {
                    *y = F::next(F::first(one, a), two, b);
                }
                rest
            }
        };
        for &weight in rest {
            let weight = T::of(weight);
            y.iter_mut().zip(next()).for_each(|(y, &x)| *y = F::next(*y, weight, x));
        }
    }
}

/// The numbers of each row, which become other numbers of the same row.
#[inline(always)]
fn fold_columns<F: Fold, T: Float>(side: &Side, x: &[T], y: &mut [T]) {
    match side.pattern {
        // Blocks do not mind where a row ends.
        Pattern::Blocks(2, weight) => fold_blocks::<F, T, 2>(T::of(weight), x, y),
        Pattern::Blocks(3, weight) => fold_blocks::<F, T, 3>(T::of(weight), x, y),
        Pattern::Blocks(4, weight) => fold_blocks::<F, T, 4>(T::of(weight), x, y),
        Pattern::Copies(2, weight) => copy_to_blocks::<F, T, 2>(T::of(weight), x, y),
        Pattern::Copies(3, weight) => copy_to_blocks::<F, T, 3>(T::of(weight), x, y),
        Pattern::Copies(4, weight) => copy_to_blocks::<F, T, 4>(T::of(weight), x, y),
        _ => {
            let rows = x.chunks_exact(side.inputs).zip(y.chunks_exact_mut(side.outputs));
            for (x, y) in rows {
                for ((first, weights), y) in side.bands().zip(y) {
                    let x = &x[first..];
                    // Most have two.
                    if let ([one, two], [a, b, ..]) = (weights, x) {
                        *y = F::next(F::first(T::of(*one), *a), T::of(*two), *b);
                        continue;
                    }
                    let mut terms = weights.iter().map(|&weight| T::of(weight)).zip(x);
                    let first = terms.next().map(|(weight, &x)| F::first(weight, x));
                    let fold = |so_far, (weight, &x): (T, &T)| F::next(so_far, weight, x);
                    *y = first.map_or(T::ZERO, |first| terms.fold(first, fold));
                }
            }
        }
    }
}

#[inline(always)]
fn fold_blocks<F: Fold, T: Float, const N: usize>(weight: T, x: &[T], y: &mut [T]) {
    let (blocks, _) = x.as_chunks::<N>();
    for (x, y) in blocks.iter().zip(y) {
        let mut sum = F::first(weight, x[0]);
        for &x in &x[1..] {
            sum = F::next(sum, weight, x);
        }
        *y = sum;
    }
}

#[inline(always)]
fn copy_to_blocks<F: Fold, T: Float, const N: usize>(weight: T, x: &[T], y: &mut [T]) {
    let (blocks, _) = y.as_chunks_mut::<N>();
    for (&x, y) in x.iter().zip(blocks) {
        *y = [F::first(weight, x); N];
    }
}
