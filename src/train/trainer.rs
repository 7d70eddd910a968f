use super::blocks::Whole;
use super::run::Run;
use super::schedule::Constant;
use super::training::{Course, Training};
use super::{EarlyStopping, Event, Observer, OnDivergence, Report, Schedule};
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::{Result, require, require_count, require_positive};
use crate::parallel::{self, ELEMENT};
use crate::regularizer::Regularizer;
use crate::{AutoEncoder, Batch, BatchView, Loss, Optimizer};

/// Trains a model: epochs of shuffled batches, one optimizer step each.
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`epochs`](Self::epochs) | passes over the data | 10 | at least 1 |
/// | [`batch_size`](Self::batch_size) | samples of a step; the last batch of an epoch may be smaller | 64 | at least 1 |
/// | [`seed`](Self::seed) | of the order, the corruptions and the draws | 0 | any |
/// | [`shuffle`](Self::shuffle) | a new order each epoch | true | |
/// | [`validation_split`](Self::validation_split) | share of the samples held out, from the end | none | (0, 1) |
/// | [`early_stopping`](Self::early_stopping) | stop without improvement, keep the best | none | |
/// | [`schedule`](Self::schedule) | factor on the learning rate | constant | |
/// | [`clip_norm`](Self::clip_norm) | longest gradient | none | greater than 0 |
/// | [`on_divergence`](Self::on_divergence) | what happens when a number is not finite | stop | |
/// | [`observer`](Self::observer) | is told of every step and epoch | none | |
/// | `threads`, with the feature `parallel` | threads that large steps are divided among | 1 | at least 1 |
///
/// The same seed gives the same bits, on any number of threads. Settings out of range are refused by [`fit`](Self::fit).
///
/// # Example
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
///
/// let digits = datasets::digits();
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let report = Trainer::new(Adam::new(1e-2)?).epochs(3).fit(&mut model, &digits.train)?;
/// assert!(report.epochs[2].terms.total() < report.epochs[0].terms.total());
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct Trainer<'a, O> {
    pub(super) optimizer: O,
    pub(super) epochs: usize,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
    pub(super) shuffle: bool,
    validation_split: Option<f64>,
    pub(super) early_stopping: Option<EarlyStopping>,
    pub(super) schedule: Box<dyn Schedule>,
    pub(super) clip_norm: Option<f64>,
    pub(super) on_divergence: OnDivergence,
    observers: Vec<Box<dyn Observer + Send + 'a>>,
    threads: usize,
}

impl<O: std::fmt::Debug> std::fmt::Debug for Trainer<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("optimizer", &self.optimizer)
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("seed", &self.seed)
            .field("shuffle", &self.shuffle)
            .field("validation_split", &self.validation_split)
            .field("early_stopping", &self.early_stopping)
            .field("schedule", &self.schedule)
            .field("clip_norm", &self.clip_norm)
            .field("on_divergence", &self.on_divergence)
            .field("observers", &self.observers.len())
            .field("threads", &self.threads)
            .finish()
    }
}

impl<'a, O> Trainer<'a, O> {
    /// With an optimizer and the defaults.
    pub fn new(optimizer: O) -> Self {
        Self {
            optimizer,
            epochs: 10,
            batch_size: 64,
            seed: 0,
            shuffle: true,
            validation_split: None,
            early_stopping: None,
            schedule: Box::new(Constant),
            clip_norm: None,
            on_divergence: OnDivergence::Stop,
            observers: Vec::new(),
            threads: 1,
        }
    }

    /// Passes over the data, at least 1. Default: 10.
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// Samples of a step, at least 1. Default: 64.
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// The seed of order, corruptions and draws. Default: 0.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Whether each epoch has a new order. Default: true.
    pub fn shuffle(self, shuffle: bool) -> Self {
        Self { shuffle, ..self }
    }

    /// Holds out this share of the samples, in (0, 1), from the end of the data (which is not
    /// shuffled before), rounded to whole samples; at least one sample stays on either side.
    pub fn validation_split(self, share: f64) -> Self {
        Self { validation_split: Some(share), ..self }
    }

    /// Stops without improvement and keeps the best parameters.
    pub fn early_stopping(self, early_stopping: EarlyStopping) -> Self {
        Self { early_stopping: Some(early_stopping), ..self }
    }

    /// The learning rate's course. Default: [`Constant`].
    pub fn schedule(self, schedule: impl Schedule + 'static) -> Self {
        Self { schedule: Box::new(schedule), ..self }
    }

    /// Shortens every gradient that is longer than this, greater than 0, to this length.
    pub fn clip_norm(self, norm: f64) -> Self {
        Self { clip_norm: Some(norm), ..self }
    }

    /// What happens when a number stops being finite. Default: [`OnDivergence::Stop`].
    pub fn on_divergence(self, on_divergence: OnDivergence) -> Self {
        Self { on_divergence, ..self }
    }

    /// Adds an observer; a closure can be one.
    pub fn observer(mut self, observer: impl Observer + Send + 'a) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// How many threads the work of a step is divided among, at least 1; small steps stay on one.
    /// The bits of the result do not depend on it. Default: 1.
    #[cfg(feature = "parallel")]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Trains the model on these samples.
    ///
    /// # Errors
    /// - [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a setting out of its range, before anything is changed;
    /// - [`Error::NotFinite`](crate::Error::NotFinite), [`Error::OutsideDomain`](crate::Error::OutsideDomain), [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::SizeMismatch`](crate::Error::SizeMismatch)
    ///   for data, before anything is changed;
    /// - [`Error::Diverged`](crate::Error::Diverged) in the step in which a number stops being finite; the model then has
    ///   the last finite parameters;
    /// - with the feature `parallel`, `Error::Threads` if the system does not start its threads.
    pub fn fit<E, D, R, L>(
        &mut self,
        model: &mut AutoEncoder<E, D, R, L>,
        data: &Batch<E::Scalar, E::Input>,
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
        O: Optimizer<E::Scalar>,
    {
        self.check()?;
        let mut buffer = Vec::new();
        let data = model.compared("fit", data.view(), &mut buffer)?;
        let Some(share) = self.validation_split else {
            return self.run_on_threads(model, data, None);
        };
        require(share > 0.0 && share < 1.0, "Trainer validation_split", share, "in (0, 1)")?;
        let samples = data.samples();
        require(samples > 1, "samples to split", samples as f64, "at least 2")?;
        let held_out = ((share * samples as f64).round() as usize).clamp(1, samples - 1);
        let (train, held_out) = data.split_at(samples - held_out);
        self.run_on_threads(model, train, Some(held_out))
    }

    /// Trains the model on `data` and validates it on `validation` after each epoch.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); and [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is a `validation_split` as well.
    pub fn fit_validated<E, D, R, L>(
        &mut self,
        model: &mut AutoEncoder<E, D, R, L>,
        data: &Batch<E::Scalar, E::Input>,
        validation: &Batch<E::Scalar, E::Input>,
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
        O: Optimizer<E::Scalar>,
    {
        self.check()?;
        let share = self.validation_split;
        let requirement = "left unset where validation samples are given";
        let name = "Trainer validation_split";
        require(share.is_none(), name, share.unwrap_or_default(), requirement)?;
        let (mut buffer, mut held_out) = (Vec::new(), Vec::new());
        let data = model.compared("fit", data.view(), &mut buffer)?;
        let validation = model.compared("validation", validation.view(), &mut held_out)?;
        self.run_on_threads(model, data, Some(validation))
    }

    fn check(&self) -> Result<()> {
        require_count("Trainer epochs", self.epochs)?;
        require_count("Trainer batch_size", self.batch_size)?;
        require_count("Trainer threads", self.threads)?;
        self.on_divergence.check()?;
        self.clip_norm.map_or(Ok(()), |norm| require_positive("Trainer clip_norm", norm))
    }

    pub(super) fn tell(&mut self, event: &Event<'_>) {
        self.observers.iter_mut().for_each(|observer| observer.observe(event));
    }

    fn run_on_threads<E, D, R, L>(
        &mut self,
        model: &mut AutoEncoder<E, D, R, L>,
        data: BatchView<'_, E::Scalar, E::Input>,
        validation: Option<BatchView<'_, E::Scalar, E::Input>>,
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
        O: Optimizer<E::Scalar>,
    {
        // The largest piece of work in a step: where even that is not divided, threads only cost.
        let widest = model.layout().tensors().iter().map(|tensor| tensor.range.len()).max();
        let widest = widest.unwrap_or(0).max(ELEMENT * data.features());
        let divides = parallel::is_divided(widest * self.batch_size.min(data.samples()));
        let threads = if divides { self.threads } else { 1 };
        parallel::on_threads(threads, || self.run(model, data, validation))?
    }

    fn run<E, D, R, L>(
        &mut self,
        model: &mut AutoEncoder<E, D, R, L>,
        data: BatchView<'_, E::Scalar, E::Input>,
        validation: Option<BatchView<'_, E::Scalar, E::Input>>,
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
        O: Optimizer<E::Scalar>,
    {
        let run = Run::new(model, self.optimizer.states());
        let training = Training { trainer: self, model, validation, run, course: Course::new() };
        training.complete(&mut Whole::new(data))
    }
}
