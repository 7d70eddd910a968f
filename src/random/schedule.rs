//! Schedules: a factor, step by step, on the optimizer's rate, or on the weight or the capacity of a
//! [`Variational`](crate::Variational) divergence.
//!
//! | schedule | factor |
//! |---|---|
//! | [`Constant`] | 1 |
//! | [`StepDecay`] | multiplied by so much every so many epochs |
//! | [`Cosine`] | falls along half a cosine from 1 towards a floor |
//! | [`Warmup`] | that of another schedule, times one that rises to 1 in a straight line |
//! | [`Cyclical`] | rises to 1 and stays there, again and again |
//! | `Box<dyn Schedule>` | what was chosen at run time |
//!
//! # Laws
//! A factor depends on the [`Progress`] alone, so that a resumed training has the factors of one that never stopped.
//!
//! # Write your own
//! ```
//! use autoencoder::train::schedule::{Progress, Schedule, Warmup};
//! use autoencoder::{Adam, Trainer};
//!
//! /// 1 / √(1 + step / steps).
//! #[derive(Debug, Clone)]
//! struct InverseRoot {
//!     steps: f64,
//! }
//! impl Schedule for InverseRoot {
//!     fn describe(&self) -> String {
//!         format!("InverseRoot {{ steps: {:?} }}", self.steps)
//!     }
//!     fn factor(&self, progress: &Progress) -> f64 {
//!         (1.0 + progress.step as f64 / self.steps).sqrt().recip()
//!     }
//! }
//!
//! let schedule = InverseRoot { steps: 100.0 };
//! assert_eq!(schedule.factor(&Progress::new(300, 50, 1000)), 0.5);
//! let trainer = Trainer::new(Adam::new(1e-2)?).schedule(Warmup::new(20, schedule)?);
//! # let _ = trainer;
//! # Ok::<(), autoencoder::Error>(())
//! ```

use std::fmt::Debug;

use crate::error::{Forgotten, Result, Unwrapped, require, require_count, require_fraction};

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
pub trait Schedule: Debug + Send + Sync + ScheduleClone {
    /// Its name and its settings, as a file of a model has them that goes by it.
    fn describe(&self) -> String;

    /// The factor of the coming step.
    fn factor(&self, progress: &Progress) -> f64;
}

/// A copy in a box, which every schedule that is `Clone` can give.
pub trait ScheduleClone {
    /// The copy.
    fn boxed(&self) -> Box<dyn Schedule>;
}
impl<S: Schedule + Clone + 'static> ScheduleClone for S {
    fn boxed(&self) -> Box<dyn Schedule> {
        Box::new(self.clone())
    }
}
impl Clone for Box<dyn Schedule> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// Chosen at run time.
impl Schedule for Box<dyn Schedule> {
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn factor(&self, progress: &Progress) -> f64 {
        (**self).factor(progress)
    }
}

/// Says that a `?` is missing.
impl<S, X> Schedule for std::result::Result<S, X>
where
    Forgotten<X>: Unwrapped,
    Self: Debug + Send + Sync + Clone + 'static,
{
    fn describe(&self) -> String {
        String::new()
    }
    fn factor(&self, _progress: &Progress) -> f64 {
        1.0
    }
}

/// The same rate throughout. The default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Constant;
impl Schedule for Constant {
    fn describe(&self) -> String {
        "Constant".to_owned()
    }
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
    fn describe(&self) -> String {
        format!("StepDecay {{ epochs: {}, factor: {:?} }}", self.epochs, self.factor)
    }
    fn factor(&self, progress: &Progress) -> f64 {
        self.factor.powf((progress.epoch() / self.epochs) as f64)
    }
}

/// Falls along half a cosine from 1 at the first step towards a floor at the end of the last epoch. It goes by the number
/// of epochs, so that a training with it is not resumed with another one.
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
    fn describe(&self) -> String {
        format!("Cosine {{ floor: {:?} }}", self.floor)
    }
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
impl<S: Schedule + Clone + 'static> Schedule for Warmup<S> {
    fn describe(&self) -> String {
        format!("Warmup {{ length: {}, then: {} }}", self.length.describe(), self.then.describe())
    }
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
    fn describe(&self) -> String {
        format!("Cyclical {{ length: {}, rising: {:?} }}", self.length.describe(), self.rising)
    }
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
    fn describe(self) -> String {
        match self {
            Self::Steps(steps) => format!("Steps({steps})"),
            Self::Epochs(epochs) => format!("Epochs({epochs})"),
        }
    }

    fn steps(self, progress: &Progress) -> u64 {
        match self {
            Self::Steps(steps) => steps,
            Self::Epochs(epochs) => epochs.saturating_mul(progress.steps_per_epoch.max(1)),
        }
    }
}
