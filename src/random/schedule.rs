//! Learning-rate schedules: a factor on the optimizer's rate, by step.

use std::fmt::Debug;

use crate::error::{Result, require, require_count, require_fraction};

/// How far training has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Steps taken before this one.
    pub step: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps of the whole training, if it is not stopped early.
    pub total_steps: u64,
}

impl Progress {
    /// For tests of schedules.
    pub fn new(step: u64, steps_per_epoch: u64, total_steps: u64) -> Self {
        Self { step, steps_per_epoch, total_steps }
    }

    /// The epoch, counted from 0.
    pub fn epoch(&self) -> u64 {
        self.step / self.steps_per_epoch.max(1)
    }

    /// The share of the training that lies behind, from 0 to nearly 1.
    pub fn fraction(&self) -> f64 {
        self.step as f64 / self.total_steps.max(1) as f64
    }
}

/// A factor on the optimizer's learning rate.
///
/// # Example
/// ```
/// use autoencoder::train::schedule::{Cosine, Progress, Schedule};
/// let schedule = Cosine::new(0.0)?;
/// assert_eq!(schedule.factor(&Progress::new(0, 100, 1000)), 1.0);
/// assert_eq!(schedule.factor(&Progress::new(500, 100, 1000)), 0.5);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub trait Schedule: Debug + Send + Sync {
    /// The factor of the coming step.
    fn factor(&self, progress: &Progress) -> f64;
}

/// The same rate throughout. The default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Constant;
impl Schedule for Constant {
    fn factor(&self, _progress: &Progress) -> f64 {
        1.0
    }
}

/// Multiplies the rate by a factor every so many epochs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepDecay {
    epochs: u64,
    factor: f64,
}
impl StepDecay {
    /// Every `epochs` (at least 1) the rate is multiplied by `factor`, in (0, 1].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn new(epochs: usize, factor: f64) -> Result<Self> {
        require_count("StepDecay epochs", epochs)?;
        require(factor > 0.0 && factor <= 1.0, "StepDecay factor", factor, "in (0, 1]")?;
        Ok(Self { epochs: epochs as u64, factor })
    }
}
impl Schedule for StepDecay {
    fn factor(&self, progress: &Progress) -> f64 {
        self.factor.powf((progress.epoch() / self.epochs) as f64)
    }
}

/// Falls along half a cosine from 1 at the first step towards a floor at the end.
///
/// # References
/// I. Loshchilov, F. Hutter (2016), SGDR: stochastic gradient descent with warm restarts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    floor: f64,
}
impl Cosine {
    /// With the factor at the end, in [0, 1].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(floor: f64) -> Result<Self> {
        require_fraction("Cosine floor", floor)?;
        Ok(Self { floor })
    }
}
impl Schedule for Cosine {
    fn factor(&self, progress: &Progress) -> f64 {
        let wave = 0.5 * (1.0 + (std::f64::consts::PI * progress.fraction()).cos());
        self.floor + (1.0 - self.floor) * wave
    }
}

/// Rises in a straight line to the full factor over the first steps or epochs; on top of another schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warmup<S> {
    length: Length,
    then: S,
}
impl<S> Warmup<S> {
    /// Over `steps` steps, at least 1: the first has the factor 1/steps, times that of `then`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(steps: usize, then: S) -> Result<Self> {
        require_count("Warmup steps", steps)?;
        Ok(Self { length: Length::Steps(steps as u64), then })
    }

    /// Over `epochs` epochs, at least 1, step by step.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn epochs(epochs: usize, then: S) -> Result<Self> {
        require_count("Warmup epochs", epochs)?;
        Ok(Self { length: Length::Epochs(epochs as u64), then })
    }
}
impl<S: Schedule> Schedule for Warmup<S> {
    fn factor(&self, progress: &Progress) -> f64 {
        let rise = (progress.step + 1) as f64 / self.length.steps(progress) as f64;
        rise.min(1.0) * self.then.factor(progress)
    }
}

/// Rises in a straight line to 1 over the first part of every cycle, stays there, and begins anew: for the
/// weight of a [`Variational`](crate::Variational) divergence.
///
/// # References
/// H. Fu and others (2019), Cyclical annealing schedule: a simple approach to mitigating KL vanishing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cyclical {
    length: Length,
    rising: f64,
}
impl Cyclical {
    /// In cycles of `steps` steps, at least 1, of which the part `rising`, in (0, 1], rises.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn new(steps: usize, rising: f64) -> Result<Self> {
        require_count("Cyclical steps", steps)?;
        Self::of(Length::Steps(steps as u64), rising)
    }

    /// In cycles of `epochs` epochs, at least 1.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn epochs(epochs: usize, rising: f64) -> Result<Self> {
        require_count("Cyclical epochs", epochs)?;
        Self::of(Length::Epochs(epochs as u64), rising)
    }

    fn of(length: Length, rising: f64) -> Result<Self> {
        require(rising > 0.0 && rising <= 1.0, "Cyclical rising", rising, "in (0, 1]")?;
        Ok(Self { length, rising })
    }
}
impl Schedule for Cyclical {
    fn factor(&self, progress: &Progress) -> f64 {
        let cycle = self.length.steps(progress);
        let place = (progress.step % cycle) as f64 / cycle as f64;
        (place / self.rising).min(1.0)
    }
}

/// A number of steps, or of epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Steps(u64),
    Epochs(u64),
}
impl Length {
    fn steps(self, progress: &Progress) -> u64 {
        match self {
            Self::Steps(steps) => steps,
            Self::Epochs(epochs) => epochs.saturating_mul(progress.steps_per_epoch.max(1)),
        }
    }
}
