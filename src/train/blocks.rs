//! Where a training's samples come from: memory, or a stream that is read block by block.

use nalgebra::Dim;

use crate::error::Result;
use crate::{BatchView, Scalar};

/// The samples of an epoch in blocks, each in memory as a whole; every block but the last holds
/// whole batches.
pub(super) trait Blocks<T, R> {
    /// Samples of an epoch.
    fn samples(&self) -> usize;

    /// Begins another epoch.
    fn rewind(&mut self) -> Result<()>;

    /// The next block, none after the last.
    fn next(&mut self) -> Result<Option<BatchView<'_, T, R>>>;
}

/// All samples as one block.
pub(super) struct Whole<'a, T, R> {
    data: BatchView<'a, T, R>,
    is_taken: bool,
}

impl<'a, T, R> Whole<'a, T, R> {
    pub(super) fn new(data: BatchView<'a, T, R>) -> Self {
        Self { data, is_taken: false }
    }
}

impl<T: Scalar, R: Dim> Blocks<T, R> for Whole<'_, T, R> {
    fn samples(&self) -> usize {
        self.data.samples()
    }

    fn rewind(&mut self) -> Result<()> {
        self.is_taken = false;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<BatchView<'_, T, R>>> {
        let is_new = !std::mem::replace(&mut self.is_taken, true);
        Ok(is_new.then_some(self.data))
    }
}
