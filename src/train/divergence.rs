use std::fmt;

use crate::error::{Result, require_count};

/// What a training does when a number stops being finite: a term of the loss, the gradient, a
/// parameter, the objective on the validation samples.
///
/// Whatever is chosen, the batch in which it happened changes no parameter, and the model ends with
/// finite ones. Each occurrence is an entry of the [`Report`](crate::Report) and an
/// [`Event`](super::Event).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnDivergence {
    /// Ends the training with [`Error::Diverged`](crate::Error::Diverged). The default.
    #[default]
    Stop,
    /// Leaves the batch out and goes on with the next one; after a validation objective that is not
    /// finite it just goes on. If the optimizer remembers a number that is
    /// not finite, it forgets all it remembers.
    SkipBatch {
        /// How often; beyond that the training ends as with [`Stop`](Self::Stop).
        limit: usize,
    },
    /// Gives the model the parameters of its best epoch back (before the first one has ended, those
    /// it began with), lets the optimizer forget all it remembers, and goes on with the next batch.
    RestoreBest {
        /// How often; beyond that the training ends as with [`Stop`](Self::Stop).
        limit: usize,
    },
}

impl OnDivergence {
    /// Whether this many occurrences are too many.
    pub(super) fn ends_after(self, count: usize) -> bool {
        match self {
            Self::Stop => true,
            Self::SkipBatch { limit } | Self::RestoreBest { limit } => count > limit,
        }
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Stop => Ok(()),
            Self::SkipBatch { limit } => require_count("OnDivergence::SkipBatch limit", limit),
            Self::RestoreBest { limit } => require_count("OnDivergence::RestoreBest limit", limit),
        }
    }
}

/// A number stopped being finite in a training.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The batch within the epoch, counted from 1.
    pub batch: usize,
    /// What was not finite: a term of the loss, the gradient, the parameters.
    pub quantity: String,
    /// What was done.
    pub action: DivergenceAction,
}

/// What a training did when it diverged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DivergenceAction {
    /// It ended.
    Stopped,
    /// It left the batch out.
    SkippedBatch,
    /// It went on, with the same parameters: what was not finite is the validation objective, and the
    /// epoch does not count as the best.
    Continued,
    /// It went back to these parameters.
    Restored {
        /// The epoch they are of; 0 for those it began with.
        epoch: usize,
    },
}

/// `epoch 2, batch 7: the gradient was not finite; the batch was skipped`
impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, batch, quantity, action } = self;
        write!(f, "epoch {epoch}, batch {batch}: {quantity} was not finite; ")?;
        match action {
            DivergenceAction::Stopped => write!(f, "training stopped"),
            DivergenceAction::SkippedBatch => write!(f, "the batch was skipped"),
            DivergenceAction::Continued => write!(f, "training went on"),
            DivergenceAction::Restored { epoch: 0 } => {
                write!(f, "the first parameters were restored")
            }
            DivergenceAction::Restored { epoch } => {
                write!(f, "the parameters of epoch {epoch} were restored")
            }
        }
    }
}
