//! What schedules mean for a training as a whole: when all warm-ups are over, and whether another number of epochs
//! would change what lies behind.

use crate::random::schedule::{Progress, Schedule};

/// The schedules of a training: the learning rate's, and those of the weights of regularizers.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    rate: Option<Box<dyn Schedule>>,
    weights: Vec<Box<dyn Schedule>>,
}

impl Schedules {
    pub(super) fn new(rate: Option<Box<dyn Schedule>>, weights: Vec<Box<dyn Schedule>>) -> Self {
        Self { rate, weights }
    }

    /// Whether the objective of this step is the one that the training comes to.
    pub(super) fn are_final(&self, at: &Progress) -> bool {
        self.weights.iter().all(|weight| weight.factor(at) == 1.0)
    }

    /// Whether the learning rate of the next step is higher than that of this one.
    pub(super) fn rate_rises(&self, at: &Progress) -> bool {
        let next = Progress { step: at.step + 1, ..*at };
        self.rate.as_ref().is_some_and(|rate| rate.factor(&next) > rate.factor(at))
    }

    /// The first schedule that would have been another in steps that lie behind, or in the next one, if all steps
    /// were so many.
    #[cfg(feature = "safetensors")]
    pub(super) fn changed_by(&self, at: &Progress, total_steps: u64) -> Option<&dyn Schedule> {
        let probes = [0, at.step / 3, at.step / 2, at.step.saturating_sub(1), at.step];
        let differs = |by: &&dyn Schedule| {
            probes.iter().any(|&step| {
                let planned = Progress { step, ..*at };
                by.factor(&planned) != by.factor(&Progress { total_steps, ..planned })
            })
        };
        self.rate.iter().chain(&self.weights).map(|by| &**by).find(differs)
    }
}

/// Which epochs early stopping looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counting {
    /// The first epoch that counts, once all warm-ups are over; 0 before.
    pub(super) from: usize,
    /// Whether a step of this epoch had weights that are not final.
    pub(super) is_mixed: bool,
    /// Epochs that did not count.
    pub(super) uncounted: usize,
    /// Epochs that did since the best one.
    pub(super) without_improvement: usize,
}

impl Counting {
    /// Takes a step.
    pub(super) fn step(&mut self, schedules: &Schedules, at: &Progress) {
        self.is_mixed |= !schedules.are_final(at);
    }

    /// Whether the epoch that ends with this step counts, where none does before `first`; monitored on samples held
    /// out or on its own steps.
    pub(super) fn end_epoch(
        &mut self,
        (epoch, first): (usize, usize),
        (schedules, last): (&Schedules, &Progress),
        is_validated: bool,
    ) -> bool {
        let is_mixed = std::mem::take(&mut self.is_mixed);
        if self.from == 0
            && epoch >= first
            && schedules.are_final(last)
            && !schedules.rate_rises(last)
        {
            self.from = epoch;
        }
        let counts = self.from > 0 && (is_validated || !is_mixed);
        self.uncounted += usize::from(!counts);
        counts
    }
}
