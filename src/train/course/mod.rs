//! How far a training has come.

#[cfg(feature = "safetensors")]
mod stored;

use super::run::Ended;
use super::schedules::Counting;
use super::{Divergence, EpochReport};
use crate::random::schedule::Progress;
use crate::terms::Terms;

/// How far a training has come: all that the rest of it depends on, beside the model and the
/// optimizer's memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Course<T> {
    /// The epoch under way, from 1.
    pub(super) epoch: usize,
    /// Its batches that are done, the skipped ones among them.
    pub(super) batch: usize,
    /// Steps taken so far, in all epochs.
    pub(super) steps: u64,
    /// How many of them the optimizer has forgotten, because a divergence emptied its memory.
    pub(super) forgotten: u64,
    /// Sums over the steps of this epoch.
    pub(super) terms: Terms,
    pub(super) norms: f64,
    /// The learning rate of the last step.
    pub(super) rate: f64,
    /// Batches of this epoch that were left out, and the samples in them or the weights of these.
    pub(super) skipped: (usize, f64),
    /// Evaluations of the objective in this epoch, and its batches on which the method ended.
    pub(super) evaluations: usize,
    pub(super) ended_batches: usize,
    /// Why the training needs no further epoch.
    pub(super) ended: Option<Ended>,
    /// Seconds of this epoch before the training was last resumed.
    pub(super) seconds: f64,
    pub(super) epochs: Vec<EpochReport>,
    pub(super) divergences: Vec<Divergence>,
    pub(super) best: Option<Best<T>>,
    pub(super) counting: Counting,
}

/// The best parameters so far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Best<T> {
    /// The epoch they are of, 0 for those before the first.
    pub(super) epoch: usize,
    /// Infinite where no epoch has counted yet; they are then the newest.
    pub(super) monitored: f64,
    pub(super) parameters: Vec<T>,
    pub(super) state: Vec<T>,
}

impl<T> Course<T> {
    pub(super) fn new() -> Self {
        Self {
            epoch: 1,
            batch: 0,
            steps: 0,
            forgotten: 0,
            terms: Terms::new(),
            norms: 0.0,
            rate: 0.0,
            skipped: (0, 0.0),
            evaluations: 0,
            ended_batches: 0,
            ended: None,
            seconds: 0.0,
            epochs: Vec::new(),
            divergences: Vec::new(),
            best: None,
            counting: Counting::default(),
        }
    }
}

/// Before the step that follows so many, in a training of epochs of so many batches.
pub(super) fn progress(steps: u64, batches: usize, epochs: usize) -> Progress {
    // Whoever counts on early stopping may ask for any number of epochs.
    Progress::new(steps, batches as u64, (batches as u64).saturating_mul(epochs as u64))
}
