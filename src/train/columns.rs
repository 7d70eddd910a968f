//! The samples of a step: chosen from a block, dealt out beforehand, or one after the other.

use std::ops::Range;

use super::examples::Rows;
use crate::batch::sample_weights;
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::Float;

/// Where the samples of a batch are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Columns<'a, T> {
    /// Those of these numbers, in a block whose first sample has the given one; the weights are those of all samples.
    Chosen { block: Rows<'a, T>, first: usize, numbers: &'a [usize], weights: Option<&'a [f64]> },
    /// Those of this process's shards, one after the other; in all shards there are so many.
    Dealt { rows: Rows<'a, T>, samples: usize },
    /// All of them, one after the other, with how much each counts where they do not count alike and are one shard.
    InOrder { rows: Rows<'a, T>, shares: Option<&'a [T]> },
}

impl<T: Float> Columns<'_, T> {
    /// How many samples all shards have together.
    pub(super) fn samples(&self) -> usize {
        match self {
            Self::Chosen { numbers, .. } => numbers.len(),
            Self::Dealt { samples, .. } => *samples,
            Self::InOrder { rows, .. } => rows.x.samples(),
        }
    }

    /// What this part of them counts in all.
    pub(super) fn share(&self, part: &Range<usize>) -> f64 {
        if let Self::Chosen { numbers, weights: Some(weights), .. } = self {
            let sum =
                |numbers: &[usize]| numbers.iter().map(|&sample| weights[sample]).sum::<f64>();
            return sum(&numbers[part.clone()]) / sum(numbers);
        }
        part.len() as f64 / self.samples() as f64
    }

    /// What each counts in all, if they do not count alike.
    pub(super) fn shares<'s>(&self, shares: &'s mut Vec<T>) -> Option<&'s [T]> {
        let Self::Chosen { numbers, weights: Some(weights), .. } = self else { return None };
        sample_weights::shares(weights, numbers, shares)
    }
}

/// Memory for chosen samples, one buffer for each kind of columns and one for their shares.
pub(super) struct Gathered<T> {
    x: Vec<T>,
    conditions: Vec<T>,
    targets: Vec<T>,
    shares: Vec<T>,
}

impl<T: Float> Gathered<T> {
    pub(super) fn new() -> Self {
        Self { x: Vec::new(), conditions: Vec::new(), targets: Vec::new(), shares: Vec::new() }
    }

    /// A part of a batch, with how much each of its samples counts in it, if they do not count alike. Of samples that were
    /// dealt out this process has had so many `before`.
    pub(super) fn take<'a>(
        &'a mut self,
        columns: &Columns<'a, T>,
        part: Range<usize>,
        before: usize,
    ) -> (Rows<'a, T>, Option<&'a [T]>) {
        match *columns {
            Columns::Chosen { block, first, numbers, weights } => {
                let chosen = &numbers[part];
                let Self { x, conditions, targets, shares } = self;
                let rows = Rows {
                    x: gather(block.x, first, chosen, x),
                    conditions: block
                        .conditions
                        .map(|view| gather(view, first, chosen, conditions)),
                    targets: block.targets.map(|view| gather(view, first, chosen, targets)),
                };
                let shares = weights.and_then(|all| sample_weights::shares(all, chosen, shares));
                (rows, shares)
            }
            Columns::Dealt { rows, .. } => (rows.split_at(before).1.split_at(part.len()).0, None),
            Columns::InOrder { rows, shares } => {
                (rows.split_at(part.end).0.split_at(part.start).1, shares)
            }
        }
    }
}

/// Copies the chosen columns of a block, whose first column has this number.
fn gather<'a, T: Float>(
    block: BatchView<'_, T>,
    first: usize,
    chosen: &[usize],
    to: &'a mut Vec<T>,
) -> BatchView<'a, T> {
    let features = block.features();
    to.resize(chosen.len() * features, T::ZERO);
    let gathered = BatchViewMut::new(to, features);
    in_parts(chosen.len(), ELEMENT / 4 * features, (chosen, gathered), |(chosen, mut to)| {
        let samples = to.as_mut_slice().chunks_exact_mut(features);
        for (&number, to) in chosen.iter().zip(samples) {
            to.copy_from_slice(&block.as_slice()[(number - first) * features..][..features]);
        }
    });
    BatchView::new(to, features)
}
