//! What is multiplied: numbers of a slice, seen as a matrix. Transposing one, and taking rows or columns, moves nothing.

use super::kernel::WIDEST;
use crate::numbers::scalar::Float;

/// Columns in a slice, each `stride` numbers long, of which what begins with number `first` is meant.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a, T> {
    pub data: &'a [T],
    pub stride: usize,
    pub first: usize,
}

impl<'a, T> Stored<'a, T> {
    /// Columns one after the other.
    pub fn new(data: &'a [T], stride: usize) -> Self {
        Self { data, stride, first: 0 }
    }

    /// From the row given on.
    pub fn rows(self, first: usize) -> Self {
        Self { first: self.first + first, ..self }
    }

    /// Some of the columns.
    pub fn columns(self, first: usize, count: usize) -> Self {
        Self { data: &self.data[first * self.stride..][..count * self.stride], ..self }
    }

    /// A column, and what lies behind it.
    #[inline(always)]
    pub fn column(&self, column: usize) -> &'a [T] {
        &self.data[column * self.stride + self.first..]
    }
}

/// A matrix over a slice, stored column by column, or the transpose of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(super) stored: Stored<'a, T>,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) is_transposed: bool,
}

impl<'a, T: Float> Matrix<'a, T> {
    /// Columns one after the other.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns);
        Self { stored: Stored::new(data, rows), rows, columns, is_transposed: false }
    }

    pub(crate) fn transposed(self) -> Self {
        let Self { stored, rows, columns, is_transposed } = self;
        Self { stored, rows: columns, columns: rows, is_transposed: !is_transposed }
    }

    /// Some of its columns.
    pub(crate) fn columns(self, first: usize, count: usize) -> Self {
        let stored = if self.is_transposed {
            self.stored.rows(first)
        } else {
            self.stored.columns(first, count)
        };
        Self { stored, columns: count, ..self }
    }

    /// Some of its rows.
    pub(crate) fn rows(self, first: usize, count: usize) -> Self {
        self.transposed().columns(first, count).transposed()
    }

    /// The same as a column, where it is one that is stored as a row.
    pub(super) fn upright(self) -> Self {
        if !(self.is_transposed && self.columns == 1 && self.stored.stride == 1) {
            return self;
        }
        let stored = Stored { stride: self.stored.data.len(), ..self.stored };
        Self { stored, is_transposed: false, ..self }
    }

    /// Whether it is less wide than a tile, and stored across its columns.
    pub(super) fn is_narrow(&self) -> bool {
        self.is_transposed && self.columns < WIDEST
    }

    /// The same, stored along its columns.
    #[cold]
    pub(super) fn copied(self, to: &mut [T]) -> Matrix<'_, T> {
        let (a, to) = (self.stored, &mut to[..self.rows * self.columns]);
        for (step, row) in a.data.chunks_exact(a.stride).enumerate() {
            let columns = to.chunks_exact_mut(self.rows);
            columns.zip(&row[a.first..]).for_each(|(column, &number)| column[step] = number);
        }
        Matrix::new(to, self.rows, self.columns)
    }
}
