//! The one place where matrices are multiplied.
//!
//! Sizes are passed on as run-time numbers even where types know them: nalgebra hands such
//! products to a blocked, vectorised kernel, and the bits of a result do not depend on whether
//! a size was `Const` or `Dyn`.

use nalgebra::{DMatrixViewMut, Dyn, MatrixView};

use crate::Scalar;

/// A matrix over a slice, by its strides; transposing it moves nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T: Scalar> Matrix<'a, T> {
    /// Column by column, as everything in this crate is stored.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        debug_assert_eq!(data.len(), rows * columns);
        Self { data, rows, columns, row_stride: 1, column_stride: rows }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn view(self) -> MatrixView<'a, T, Dyn, Dyn, Dyn, Dyn> {
        MatrixView::from_slice_with_strides_generic(
            self.data,
            Dyn(self.rows),
            Dyn(self.columns),
            Dyn(self.row_stride),
            Dyn(self.column_stride),
        )
    }
}

/// Below this size of any side nalgebra leaves its blocked kernel for one that, in 0.35, writes
/// past the end of the result if A is transposed; such products are done here.
const SMALL: usize = 6;

/// C ← A B + β C. With β = 0 the old C is not read.
///
/// For β = 0 a column of C depends on the same column of B only, to the bit, as long as the number
/// of columns stays on one side of [`SMALL`].
pub(crate) fn multiply<T: Scalar>(a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    assert_eq!((a.columns, c.len()), (b.rows, a.rows * b.columns), "sizes of a product");
    if a.rows.min(a.columns).min(b.columns) < SMALL {
        return multiply_small(a, b, beta, c);
    }
    DMatrixViewMut::from_slice(c, a.rows, b.columns).gemm(T::ONE, &a.view(), &b.view(), beta);
}

fn multiply_small<T: Scalar>(a: Matrix<'_, T>, b: Matrix<'_, T>, beta: T, c: &mut [T]) {
    for (j, c) in c.chunks_exact_mut(a.rows.max(1)).enumerate() {
        if beta == T::ZERO {
            c.fill(T::ZERO);
        } else {
            c.iter_mut().for_each(|c| *c *= beta);
        }
        let b_column = b.data[j * b.column_stride..].iter().step_by(b.row_stride).take(b.rows);
        if a.row_stride == 1 {
            for (a_column, &b) in a.data.chunks_exact(a.column_stride).zip(b_column) {
                for (c, &a) in c.iter_mut().zip(a_column) {
                    *c += a * b;
                }
            }
        } else {
            for (a_row, c) in a.data.chunks_exact(a.row_stride).zip(c) {
                let products = a_row.iter().zip(b_column.clone());
                *c += products.fold(T::ZERO, |sum, (&a, &b)| sum + a * b);
            }
        }
    }
}
