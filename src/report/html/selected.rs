//! Some samples of those that are given.

use nalgebra::Dyn;

use crate::batch::{Batch, BatchView};
use crate::error::Result;
use crate::model::inference::InMemory;
use crate::numbers::scalar::Float;

/// Samples with their conditions, copied.
pub(super) struct Selected<T> {
    x: Batch<T, Dyn>,
    conditions: Option<Batch<T, Dyn>>,
}

impl<T: Float> Selected<T> {
    /// Those with these indices, in this order.
    pub(super) fn new(given: &InMemory<'_, T>, indices: &[usize]) -> Result<Self> {
        let conditions = given.conditions.map(|all| select(all, indices)).transpose()?;
        Ok(Self { x: select(given.x, indices)?, conditions })
    }

    /// As a model takes them.
    pub(super) fn given(&self) -> InMemory<'_, T> {
        let conditions = self.conditions.as_ref().map(Batch::view);
        InMemory { x: self.x.view(), conditions, labels: None }
    }
}

fn select<T: Float>(columns: BatchView<'_, T>, indices: &[usize]) -> Result<Batch<T, Dyn>> {
    let rows = columns.features();
    let column = |&index: &usize| &columns.as_slice()[index * rows..][..rows];
    Batch::from_samples(Dyn(rows), indices.iter().map(column))
}
