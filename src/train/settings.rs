//! What a training is set to, whatever its method.

use std::fmt;

use super::examples::{Rows, Samples};
use super::{Control, EarlyStopping, Event, Observer, OnDivergence};
use crate::batch::sample_weights;
use crate::collective::{Alone, Collective};
use crate::error::{Result, require, require_count, require_fit, require_positive};
use crate::numbers::scalar::Float;
use crate::optimizer::Kind;
use crate::random::schedule::Schedule;

/// The settings of a [`Trainer`](super::Trainer), as its table lists them.
pub(crate) struct Settings<'a> {
    pub(super) epochs: usize,
    pub(super) batch_size: Option<usize>,
    pub(super) seed: u64,
    pub(super) shuffle: Option<bool>,
    pub(super) shuffle_buffer: usize,
    pub(super) validation_split: Option<f64>,
    pub(super) early_stopping: Option<EarlyStopping>,
    pub(super) schedule: Option<Box<dyn Schedule>>,
    pub(super) clip_norm: Option<f64>,
    pub(super) on_divergence: OnDivergence,
    #[cfg(feature = "safetensors")]
    pub(super) checkpoints: Option<super::Checkpoints>,
    /// What this training is within a larger one, such as a level of a stack.
    #[cfg(feature = "safetensors")]
    pub(super) stage: String,
    pub(super) observers: Vec<Box<dyn Observer + Send + 'a>>,
    /// Whether an observer wants the training under way to stop.
    pub(super) is_asked_to_stop: bool,
    /// The epoch and the batch after which the last training ended, if it was asked to by then.
    pub(super) stopped_at: Option<(usize, usize)>,
    pub(super) threads: usize,
    /// Parts of a batch, each with a gradient of its own.
    pub(super) shards: usize,
    pub(super) collective: Box<dyn Collective + 'a>,
}

/// A training to be done: by these settings, with this method.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plan<'p, 'o, T: Float> {
    pub(crate) settings: &'p mut Settings<'o>,
    pub(crate) method: Kind<'p, T>,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: None,
            seed: 0,
            shuffle: None,
            shuffle_buffer: 8192,
            validation_split: None,
            early_stopping: None,
            schedule: None,
            clip_norm: None,
            on_divergence: OnDivergence::Stop,
            #[cfg(feature = "safetensors")]
            checkpoints: None,
            #[cfg(feature = "safetensors")]
            stage: String::new(),
            observers: Vec::new(),
            is_asked_to_stop: false,
            stopped_at: None,
            threads: 1,
            shards: 1,
            collective: Box::new(Alone),
        }
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Settings");
        self.show(&mut text);
        text.finish()
    }
}

impl Settings<'_> {
    /// Adds its fields to what is shown of a trainer.
    pub(super) fn show(&self, text: &mut fmt::DebugStruct<'_, '_>) {
        text.field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("seed", &self.seed)
            .field("shuffle", &self.shuffle)
            .field("shuffle_buffer", &self.shuffle_buffer)
            .field("validation_split", &self.validation_split)
            .field("early_stopping", &self.early_stopping)
            .field("schedule", &self.schedule)
            .field("clip_norm", &self.clip_norm)
            .field("on_divergence", &self.on_divergence)
            .field("observers", &self.observers.len())
            .field("threads", &self.threads)
            .field("shards", &self.shards)
            .field("processes", &self.collective.size());
    }

    /// Into how many shards a batch is cut.
    pub(crate) fn shards(&self) -> usize {
        self.shards
    }

    /// Refuses settings out of their range.
    pub(crate) fn check<T: Float>(&self, method: &Kind<'_, T>) -> Result<()> {
        require_count("Trainer epochs", self.epochs)?;
        require_count("Trainer batch_size", self.batch_size.unwrap_or(1))?;
        require_count("Trainer threads", self.threads)?;
        let can = cfg!(feature = "parallel") || self.threads == 1;
        require(can, "Trainer threads", self.threads as f64, "1 without the feature `parallel`")?;
        require_count("Trainer shuffle_buffer", self.shuffle_buffer)?;
        require_count("Trainer shards", self.shards)?;
        let (rank, size) = (self.collective.rank(), self.collective.size());
        require_count("Collective size", size)?;
        require(rank < size, "Collective rank", rank as f64, "below the number of processes")?;
        let requirement = "at least as many as there are processes, each of which takes one or more of every batch";
        let has_enough = self.shards >= size;
        require(has_enough, "Trainer shards", self.shards as f64, requirement)?;
        self.on_divergence.check()?;
        #[cfg(feature = "safetensors")]
        self.checkpoints.as_ref().map_or(Ok(()), super::Checkpoints::check)?;
        self.clip_norm.map_or(Ok(()), |norm| require_positive("Trainer clip_norm", norm))?;
        let Kind::Lbfgs(_) = method else { return Ok(()) };
        let requirement = "left unset for Lbfgs, which looks for the length of its steps by itself";
        let norm = self.clip_norm;
        require(norm.is_none(), "Trainer clip_norm", norm.unwrap_or_default(), requirement)?;
        let fault = "is not for Lbfgs, which looks for the length of its steps by itself";
        require_fit(self.schedule.is_none(), "Trainer::schedule", fault, "leave it unset")?;
        let (fault, remedy) =
            ("is not for Lbfgs, whose batches are fixed", "give false, or leave it unset");
        require_fit(self.shuffle != Some(true), "Trainer::shuffle", fault, remedy)
    }

    /// Refuses a share of the samples to hold out, where that cannot be.
    pub(crate) fn check_unsplit(&self, requirement: &'static str) -> Result<()> {
        let (name, share) = ("Trainer validation_split", self.validation_split);
        require(share.is_none(), name, share.unwrap_or_default(), requirement)
    }

    /// How many of so many samples, the last ones, are held out. Refuses weights that do not fit the
    /// samples.
    pub(crate) fn held_out(&self, samples: usize, weights: Option<&[f64]>) -> Result<usize> {
        check_weights(weights, samples, 0)?;
        let Some(share) = self.validation_split else { return Ok(0) };
        require(share > 0.0 && share < 1.0, "Trainer validation_split", share, "in (0, 1)")?;
        require(samples > 1, "samples to split", samples as f64, "at least 2")?;
        let held_out = ((share * samples as f64).round() as usize).clamp(1, samples - 1);
        check_weights(weights, samples, held_out)?;
        Ok(held_out)
    }

    /// The rows that are trained on, and those that are held out: others, if there are some, or the last ones.
    pub(super) fn split<'a, T: Float>(
        &self,
        rows: Rows<'a, T>,
        held_out: Option<Rows<'a, T>>,
        weights: Option<&[f64]>,
    ) -> Result<(Rows<'a, T>, Option<Rows<'a, T>>)> {
        let samples = rows.x.samples();
        if held_out.is_some() {
            check_weights(weights, samples, 0)?;
            return Ok((rows, held_out));
        }
        match self.held_out(samples, weights)? {
            0 => Ok((rows, None)),
            last => {
                let (rows, held_out) = rows.split_at(samples - last);
                Ok((rows, Some(held_out)))
            }
        }
    }

    /// Samples of a step, where there are so many.
    pub(super) fn samples_of_step<T: Float>(&self, method: &Kind<'_, T>, samples: usize) -> usize {
        let default = match method {
            Kind::Optimizer(_) => 64,
            Kind::Lbfgs(_) => samples,
        };
        self.batch_size.unwrap_or(default)
    }

    /// Tells all observers, those too that come after one that wants to stop.
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        for observer in &mut self.observers {
            self.is_asked_to_stop |= observer.observe(event) == Control::Stop;
        }
    }
}

impl<T: Float> Plan<'_, '_, T> {
    /// Refuses settings out of their range, and those that do not go with such examples.
    pub(super) fn check(
        &self,
        samples: &Samples<'_, T>,
        held_out: Option<&Samples<'_, T>>,
    ) -> Result<()> {
        self.settings.check(&self.method)?;
        match (samples, held_out) {
            (Samples::Memory { .. }, Some(_)) => {
                self.settings.check_unsplit("left unset where validation samples are given")
            }
            _ => Ok(()),
        }
    }
}

/// The weights, as errors name them.
const WEIGHTS: &str = "the weights of the examples";

/// Refuses weights that do not fit so many samples, of which the last ones are held out.
fn check_weights(weights: Option<&[f64]>, samples: usize, held_out: usize) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    sample_weights::check(WEIGHTS, weights, samples)?;
    sample_weights::check(WEIGHTS, &weights[..samples - held_out], samples - held_out)
}
