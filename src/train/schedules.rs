//! What schedules mean for a training as a whole: when all warm-ups are over, which epochs can be compared, and whether
//! another number of epochs would change what lies behind.

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

    /// The rate's, as a description.
    #[cfg(feature = "safetensors")]
    pub(super) fn of_rate(&self) -> String {
        self.rate.as_ref().map_or("Constant".to_owned(), |rate| rate.describe())
    }

    fn all(&self) -> impl Iterator<Item = &dyn Schedule> {
        self.rate.iter().chain(&self.weights).map(|by| &**by)
    }

    /// A number that steps have in common if the weights are the same in them.
    fn weights_at(&self, at: &Progress) -> u64 {
        let mix = |key: u64, factor: f64| {
            (key.rotate_left(23) ^ factor.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        self.weights.iter().map(|weight| weight.factor(at)).fold(1, mix)
    }

    /// Whether the rate or a weight is higher in the next step than in this one.
    pub(super) fn rise(&self, at: &Progress) -> bool {
        let next = Progress { step: at.step + 1, ..*at };
        self.all().any(|by| by.factor(&next) > by.factor(at))
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
        self.all().find(differs)
    }
}

/// Which epochs early stopping looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counting {
    /// The first epoch that counts, once all warm-ups are over; 0 before.
    pub(super) from: usize,
    /// The [weights](Schedules::weights_at) of this epoch's first step, 0 before it.
    pub(super) weights: u64,
    /// Whether a later step of this epoch had others.
    pub(super) is_mixed: bool,
    /// The weights of the best epoch.
    pub(super) weights_of_best: u64,
    /// Epochs that did not count.
    pub(super) uncounted: usize,
    /// Epochs that did since the best one.
    pub(super) without_improvement: usize,
}

/// What an epoch is to early stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// Nothing.
    Not,
    /// To be compared with the best one.
    Compared,
    /// The first of its weights, with which those before cannot be compared.
    Anew,
}

impl Counting {
    /// Takes a step.
    pub(super) fn step(&mut self, schedules: &Schedules, at: &Progress) {
        let weights = schedules.weights_at(at);
        self.is_mixed |= self.weights != 0 && self.weights != weights;
        self.weights = weights;
    }

    /// What the epoch that ends with this step is, where none counts before `first`; monitored on samples held
    /// out, for which the weights are the same at any time, or on its own steps.
    pub(super) fn end_epoch(
        &mut self,
        (epoch, first): (usize, usize),
        (schedules, last): (&Schedules, &Progress),
        is_validated: bool,
    ) -> Counts {
        let is_mixed = std::mem::take(&mut self.is_mixed);
        let weights = std::mem::take(&mut self.weights);
        if self.from == 0 && epoch >= first && !schedules.rise(last) {
            self.from = epoch;
        }
        if self.from == 0 || is_mixed && !is_validated {
            self.uncounted += 1;
            return Counts::Not;
        }
        let before = self.weights_of_best;
        if weights != 0 {
            self.weights_of_best = weights;
        }
        // Nothing is known of them before the first epoch that counts, and of a method that has whole ones throughout.
        let is_known = before != 0 && weights != 0;
        if is_known && before != weights && !is_validated { Counts::Anew } else { Counts::Compared }
    }
}
