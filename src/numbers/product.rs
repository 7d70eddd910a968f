//! The one place where matrices are multiplied.
//!
//! Sizes are passed on as run-time numbers even where types know them: nalgebra hands such
//! products to a blocked, vectorised kernel, and the bits of a result do not depend on whether
//! a size was `Const` or `Dyn`.

use nalgebra::{DMatrixViewMut, Dyn, MatrixView};

use crate::numbers::once::once;
use crate::numbers::parallel;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// A matrix over a slice, stored column by column, or the transpose of one; transposing moves nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    is_transposed: bool,
}

type View<'a, T> = MatrixView<'a, T, Dyn, Dyn, Dyn, Dyn>;

impl<'a, T: Float> Matrix<'a, T> {
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns);
        Self { data, rows, columns, is_transposed: false }
    }

    pub(crate) fn transposed(self) -> Self {
        let Self { data, rows, columns, is_transposed } = self;
        Self { data, rows: columns, columns: rows, is_transposed: !is_transposed }
    }

    /// The distances in memory from one row to the next and from one column to the next.
    fn strides(&self) -> (usize, usize) {
        if self.is_transposed { (self.columns, 1) } else { (1, self.rows) }
    }

    fn view(self) -> View<'a, T> {
        let (rows, columns) = (Dyn(self.rows), Dyn(self.columns));
        let (row_stride, column_stride) = self.strides();
        let strides = (Dyn(row_stride), Dyn(column_stride));
        View::from_slice_with_strides_generic(self.data, rows, columns, strides.0, strides.1)
    }
}

/// Below this size of any side nalgebra leaves its blocked kernel for one that, in 0.35, writes
/// past the end of the result if A is transposed; such products are done here.
const SMALL: usize = 6;

once! {
    /// C ← A B + β C. With β = 0 the old C is not read.
    ///
    /// For β = 0 a column of C depends on the same column of B only, to the bit, as long as the number
    /// of columns stays on one side of [`SMALL`].
    pub(crate) fn multiply(a: Matrix<'a, T>, b: Matrix<'a, T>, beta: T, c: &'a mut [T]) = multiply_generic;
}

fn multiply_generic<T: Float>(a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    assert_eq!((a.columns, c.len()), (b.rows, a.rows * b.columns), "sizes of a product");
    if a.rows.min(a.columns).min(b.columns) < SMALL {
        return multiply_small(a, b, beta, c);
    }
    let cost = c.len().saturating_mul(a.columns);
    let c = DMatrixViewMut::from_slice(c, a.rows, b.columns);
    multiply_blocks(a.view(), b.view(), beta, c, parallel::parts(cost));
}

/// Blocks of C, each a product of its own: the longer side is halved until there are enough. Every
/// element is the same sum in the same order as in the undivided product.
fn multiply_blocks<T: Float>(
    a: View<'_, T>,
    b: View<'_, T>,
    beta: T,
    mut c: DMatrixViewMut<'_, T>,
    parts: usize,
) {
    /// Blocks begin at multiples of this: whole tiles of the kernel, and never too small for it.
    const TILE: usize = 32;
    let (rows, columns) = c.shape();
    let left_parts = parts / 2;
    let at = (rows.max(columns) * left_parts).checked_div(parts).unwrap_or(0) / TILE * TILE;
    if at == 0 {
        return c.gemm(T::ONE, &a, &b, beta);
    }
    let right_parts = parts - left_parts;
    if rows >= columns {
        let (left, right) = c.rows_range_pair_mut(..at, at..);
        let (a_left, a_right) = (a.rows_range(..at), a.rows_range(at..));
        parallel::both(
            || multiply_blocks(a_left, b, beta, left, left_parts),
            || multiply_blocks(a_right, b, beta, right, right_parts),
        );
    } else {
        let (left, right) = c.columns_range_pair_mut(..at, at..);
        let (b_left, b_right) = (b.columns_range(..at), b.columns_range(at..));
        parallel::both(
            || multiply_blocks(a, b_left, beta, left, left_parts),
            || multiply_blocks(a, b_right, beta, right, right_parts),
        );
    }
}

fn multiply_small<T: Float>(a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    let b_strides = b.strides();
    for (j, c) in c.chunks_exact_mut(a.rows.max(1)).enumerate() {
        if beta == T::ZERO {
            c.fill(T::ZERO);
        } else {
            c.iter_mut().for_each(|c| *c *= beta);
        }
        let b_column = b.data[j * b_strides.1..].iter().step_by(b_strides.0).take(b.rows);
        if !a.is_transposed {
            add_columns(a, b_column, c);
        } else {
            for (a_row, c) in a.data.chunks_exact(a.columns).zip(c) {
                let products = a_row.iter().zip(b_column.clone());
                *c += products.fold(T::ZERO, |sum, (&a, &b)| sum + a * b);
            }
        }
    }
}

/// c ← c + A b for A stored column by column: one sample, as a rule.
fn add_columns<'a, T: Float>(
    a: Matrix<'_, T>,
    b: impl Iterator<Item = &'a T> + Clone,
    c: &mut [T],
) {
    vectorize(
        #[inline(always)]
        || {
            let rest = add_rows::<T, 128>(a, 0, b.clone(), c);
            let rest = add_rows::<T, 32>(a, rest, b.clone(), c);
            let rest = add_rows::<T, 8>(a, rest, b.clone(), c);
            add_rows::<T, 1>(a, rest, b, c);
        },
    );
}

/// Does whole blocks of so many rows, whose sums stay in registers, and returns the first row left.
#[inline(always)]
fn add_rows<'a, T: Float, const ROWS: usize>(
    a: Matrix<'_, T>,
    first: usize,
    b: impl Iterator<Item = &'a T> + Clone,
    c: &mut [T],
) -> usize {
    /// Columns that are summed by themselves: sums of sums lose less to rounding than one long one.
    const TOGETHER: usize = 32;
    let mut row = first;
    for c in c[first..].chunks_exact_mut(ROWS) {
        let mut b = b.clone();
        for columns in a.data.chunks(TOGETHER * a.rows) {
            let mut sums = [T::ZERO; ROWS];
            for (column, &b) in columns.chunks_exact(a.rows).zip(&mut b) {
                for (sum, &a) in sums.iter_mut().zip(&column[row..row + ROWS]) {
                    *sum = a.mul_add(b, *sum);
                }
            }
            c.iter_mut().zip(&sums).for_each(|(c, &sum)| *c += sum);
        }
        row += ROWS;
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_small_shape_equals_the_definition() {
        let value = |seed: usize, index: usize| ((seed * 31 + index * 17) % 23) as f64 - 11.0;
        for (m, k, n, which) in
            (0..9 * 9 * 9 * 4).map(|i| (i % 9 + 1, i / 9 % 9 + 1, i / 81 % 9 + 1, i / 729))
        {
            let (a_data, b_data): (Vec<f64>, Vec<f64>) = (
                (0..m * k).map(|i| value(1, i)).collect(),
                (0..k * n).map(|i| value(2, i)).collect(),
            );
            let (at, bt) = (which & 1 == 1, which & 2 == 2);
            let a = if at {
                Matrix::new(&a_data, k, m).transposed()
            } else {
                Matrix::new(&a_data, m, k)
            };
            let b = if bt {
                Matrix::new(&b_data, n, k).transposed()
            } else {
                Matrix::new(&b_data, k, n)
            };
            let mut c: Vec<f64> = (0..m * n).map(|i| value(3, i)).collect();
            let before = c.clone();
            multiply(a, b, 2.0, &mut c);
            for (i, j) in (0..m * n).map(|index| (index % m, index / m)) {
                let a_at = |p: usize| if at { a_data[p + k * i] } else { a_data[i + m * p] };
                let b_at = |p: usize| if bt { b_data[j + n * p] } else { b_data[p + k * j] };
                let sum: f64 = (0..k).map(|p| a_at(p) * b_at(p)).sum();
                // Small integers: exact in any order.
                assert_eq!(c[i + m * j], sum + 2.0 * before[i + m * j], "{m}x{k}x{n} {at} {bt}");
            }
        }
    }
}
