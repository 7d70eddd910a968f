use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Divergence, Warning};
use crate::terms::Terms;
use crate::train::{EpochReport, Report};

/// Where a training begins: before its first step, or where it goes on from a checkpoint.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Start<'a> {
    /// The epoch that comes next, counted from 1.
    pub epoch: usize,
    /// Its batches that are done: 0, unless the checkpoint was written in the middle of the epoch.
    pub batches_done: usize,
    /// The epochs that were done before the checkpoint, in order; none in a training that begins anew.
    pub epochs: &'a [EpochReport],
}

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
    /// The training begins, or goes on from a checkpoint.
    Start(Start<'a>),
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

/// What an observer wants of the training. Nothing, `()`, is [`Continue`](Self::Continue).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub enum Control {
    /// The training goes on, unless another observer wants it to stop.
    #[default]
    Continue,
    /// The training ends. Where it ends depends on the event that the observer was told of:
    ///
    /// | event | the training ends |
    /// |---|---|
    /// | `Start`, `Recovered` | before its first step |
    /// | `Batch`, `Diverged` | after this step, or after this epoch if the step was its last |
    /// | `Epoch` | after this epoch |
    /// | `Warning` of samples, which comes before a step | after that step |
    /// | `Warning` of parameters, which comes after an epoch | after that epoch |
    /// | `End` | it has ended |
    ///
    /// The [`Report`] says so, by [`StopReason::Asked`](super::StopReason::Asked), and the model has the parameters of the
    /// last step (with early stopping those of the best epoch, as at any other end). Where checkpoints are on, one is
    /// written, unless no step was taken: the one that the training went on from stays then, if there is one. So a
    /// resumed training ends with the bits of one that was never stopped.
    Stop,
}

impl From<()> for Control {
    fn from((): ()) -> Self {
        Self::Continue
    }
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
///
/// # Stop a training
/// One that gives a [`Control`] can end the training, by a criterion of its own, or because a key was pressed:
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use autoencoder::train::{Control, Event, StopReason};
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
///
/// static STOP: AtomicBool = AtomicBool::new(false); // set by a signal, another thread, a button
///
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let mut trainer = Trainer::new(Adam::new(1e-2)?).epochs(1000).observer(|event: &Event<'_>| match event {
///     _ if STOP.load(Ordering::Relaxed) => Control::Stop,
///     Event::Epoch(epoch) if epoch.terms.total() < 3.0 => Control::Stop, // good enough
///     _ => Control::Continue,
/// });
/// let report = trainer.fit(&mut model, &datasets::digits().train)?;
/// assert!(matches!(report.stopped, StopReason::Asked { .. }) && report.epochs.len() < 1000);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub trait Observer {
    /// Is told of one event, and says whether the training goes on.
    fn observe(&mut self, event: &Event<'_>) -> Control;
}

/// A closure, which gives a [`Control`] or nothing.
impl<F, C> Observer for F
where
    F: FnMut(&Event<'_>) -> C,
    C: Into<Control>,
{
    fn observe(&mut self, event: &Event<'_>) -> Control {
        self(event).into()
    }
}

/// Chosen at run time.
impl Observer for Box<dyn Observer + Send + '_> {
    fn observe(&mut self, event: &Event<'_>) -> Control {
        (**self).observe(event)
    }
}

/// An observer that a trainer has and that can be read meanwhile: a clone goes to the trainer, and both are the same
/// observer.
///
/// # Example
/// ```
/// use autoencoder::train::{Log, Shared};
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let log = Shared::new(Log::csv(Vec::new()));
/// let mut trainer = Trainer::new(Adam::new(1e-2)?).epochs(2).observer(log.clone());
/// trainer.fit(&mut model, &datasets::digits().train)?;
/// log.with(Log::finish)?;
/// assert_eq!(log.with(|log| log.writer().iter().filter(|&&byte| byte == b'\n').count()), 1 + 2 + 1);
/// trainer.fit(&mut model, &datasets::digits().train)?; // the trainer is still there
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct Shared<O>(Arc<Mutex<O>>);

impl<O> Shared<O> {
    /// Of this observer.
    pub fn new(observer: O) -> Self {
        Self(Arc::new(Mutex::new(observer)))
    }

    /// Lends the observer to a closure; an event that happens meanwhile, on another thread, waits until it is done.
    /// A training that the closure itself starts must not have this observer: it would wait for ever.
    pub fn with<R>(&self, read: impl FnOnce(&mut O) -> R) -> R {
        // One that panicked in a training is read as it is.
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<O> Clone for Shared<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O: fmt::Debug> fmt::Debug for Shared<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&self.0).finish()
    }
}

impl<O: Observer> Observer for Shared<O> {
    fn observe(&mut self, event: &Event<'_>) -> Control {
        self.with(|observer| observer.observe(event))
    }
}
