//! Borrowed batches, of which no type knows the size: what passes from layer to layer.

use nalgebra::{Dyn, MatrixView, MatrixViewMut};

use crate::numbers::parallel::Divide;
use crate::numbers::scalar::Float;

/// A borrowed batch: a slice and its number of rows.
#[derive(Debug, Clone, Copy)]
pub struct BatchView<'a, T> {
    data: &'a [T],
    rows: usize,
}

impl<'a, T: Float> BatchView<'a, T> {
    /// Views a slice that holds one sample after the other.
    ///
    /// # Panics
    /// In debug builds, if its length is no multiple of the rows.
    pub fn new(data: &'a [T], rows: usize) -> Self {
        debug_assert!(data.len().is_multiple_of(rows));
        Self { data, rows }
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.rows
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.data.len().checked_div(self.features()).unwrap_or(0)
    }

    /// All values, one sample after the other.
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    /// The samples one after the other.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, T> {
        self.data.chunks_exact(self.features().max(1))
    }

    /// The samples before `at`, and those from there on.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let rows = self.rows;
        let (left, right) = self.data.split_at(at * rows);
        (Self { data: left, rows }, Self { data: right, rows })
    }

    /// The samples in blocks of so many, the last one maybe smaller.
    pub(crate) fn chunks(&self, samples: usize) -> impl Iterator<Item = Self> + use<'a, T> {
        let rows = self.rows;
        self.data.chunks(samples * rows).map(move |data| Self { data, rows })
    }

    /// The same memory as a nalgebra view.
    pub fn matrix(&self) -> MatrixView<'a, T, Dyn, Dyn> {
        MatrixView::from_slice_generic(self.data, Dyn(self.rows), Dyn(self.samples()))
    }
}

/// A borrowed batch for writing: a mutable slice and its number of rows.
#[derive(Debug)]
pub struct BatchViewMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
}

impl<'a, T: Float> BatchViewMut<'a, T> {
    /// Views a slice that holds one sample after the other.
    ///
    /// # Panics
    /// In debug builds, if its length is no multiple of the rows.
    pub fn new(data: &'a mut [T], rows: usize) -> Self {
        debug_assert!(data.len().is_multiple_of(rows));
        Self { data, rows }
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.rows
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.data.len().checked_div(self.features()).unwrap_or(0)
    }

    /// All values, one sample after the other.
    pub fn as_slice(&self) -> &[T] {
        self.data
    }

    /// All values, one sample after the other, for writing.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.data
    }

    /// The same view for a shorter time, so that it can be used again.
    pub fn reborrow(&mut self) -> BatchViewMut<'_, T> {
        BatchViewMut { data: self.data, rows: self.rows }
    }

    /// The samples in blocks of so many, the last one maybe smaller.
    pub(crate) fn chunks_mut(
        &mut self,
        samples: usize,
    ) -> impl Iterator<Item = BatchViewMut<'_, T>> {
        let rows = self.rows;
        self.data.chunks_mut(samples * rows).map(move |data| BatchViewMut { data, rows })
    }

    /// The samples before `at`, and those from there on.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let rows = self.rows;
        let (left, right) = self.data.split_at_mut(at * rows);
        (Self { data: left, rows }, Self { data: right, rows })
    }

    /// The same memory, for reading.
    pub fn as_view(&self) -> BatchView<'_, T> {
        BatchView { data: self.data, rows: self.rows }
    }

    /// The same memory as a nalgebra view.
    pub fn matrix_mut(&mut self) -> MatrixViewMut<'_, T, Dyn, Dyn> {
        let samples = Dyn(self.samples());
        MatrixViewMut::from_slice_generic(self.data, Dyn(self.rows), samples)
    }
}

impl<T: Float> Divide for BatchView<'_, T> {
    fn divide(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}

impl<T: Float> Divide for BatchViewMut<'_, T> {
    fn divide(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}
