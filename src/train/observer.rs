use super::{Divergence, Warning};
use crate::terms::Terms;
use crate::train::{EpochReport, Report};

/// One training step, as an observer sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BatchReport<'a> {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The batch within the epoch, counted from 1.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// Epochs of the training, if nothing ends it before.
    pub epochs: usize,
    /// Samples of the batch.
    pub samples: usize,
    /// The objective before the step, term by term.
    pub terms: &'a Terms,
    /// The norm of its gradient, before clipping.
    pub gradient_norm: f64,
    /// The learning rate of the step; of [`Lbfgs`](crate::Lbfgs), the length of its last step along its
    /// direction, 0 if there was none.
    pub rate: f64,
    /// How often the objective and its gradient were computed, once but for [`Lbfgs`](crate::Lbfgs).
    pub evaluations: usize,
}

/// What happens in a training, in order.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step was taken.
    Batch(BatchReport<'a>),
    /// A number stopped being finite.
    Diverged(&'a Divergence),
    /// The newest checkpoint could not be read, and the training goes on from the one before.
    #[cfg(feature = "safetensors")]
    Recovered(&'a super::Recovered),
    /// Something is hardly what was meant.
    Warning(&'a Warning),
    /// An epoch is over.
    Epoch(&'a EpochReport),
    /// Training is over.
    End(&'a Report),
}

/// Is told of every [`Event`] of a training. A closure can be one:
///
/// ```
/// use autoencoder::{Adam, Trainer, train::Event};
/// let mut losses = Vec::new();
/// let trainer = Trainer::new(Adam::new(1e-3)?).observer(|event: &Event<'_>| {
///     if let Event::Epoch(epoch) = event {
///         losses.push(epoch.terms.total());
///     }
/// });
/// # drop(trainer);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub trait Observer {
    /// Is told of one event.
    fn observe(&mut self, event: &Event<'_>);
}

impl<F: FnMut(&Event<'_>)> Observer for F {
    fn observe(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// Chosen at run time.
impl Observer for Box<dyn Observer + Send + '_> {
    fn observe(&mut self, event: &Event<'_>) {
        (**self).observe(event);
    }
}
