use std::time::Instant;

use nalgebra::{Dim, Dyn};

use super::blocks::{Blocks, Whole, streamed};
use super::run::Run;
use super::trainable::{Trainable, Trainee, WithWorkspace};
use super::training::{Course, Training};
use super::{EarlyStopping, Event, Observer, OnDivergence, Report, Schedule};
use crate::batch::sample_weights;
use crate::batch::{Batch, BatchView};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::data::Source;
use crate::error::{Error, Result, require, require_count, require_positive, require_size};
use crate::loss::Loss;
use crate::model::AutoEncoder;
use crate::numbers::parallel;
use crate::numbers::parallel::ELEMENT;
use crate::numbers::scalar::Scalar;
use crate::optimizer::{Kind, Method};
use crate::regularizer::Regularizer;

/// Trains a model: epochs of shuffled batches, one optimizer step each; with [`Lbfgs`](crate::Lbfgs), of all
/// samples in one batch.
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`epochs`](Self::epochs) | passes over the data | 10 | at least 1 |
/// | [`batch_size`](Self::batch_size) | samples of a step; the last batch of an epoch may be smaller | 64; [`Lbfgs`](crate::Lbfgs): all | at least 1 |
/// | [`seed`](Self::seed) | of the order, the corruptions and the draws | 0 | any |
/// | [`shuffle`](Self::shuffle) | a new order each epoch | true; [`Lbfgs`](crate::Lbfgs): false | |
/// | [`shuffle_buffer`](Self::shuffle_buffer) | samples of a stream that are shuffled together | 8192 | at least 1 |
/// | [`sample_weights`](Self::sample_weights) | how much each sample counts | all alike | finite, not negative |
/// | [`validation_split`](Self::validation_split) | share of the samples held out, from the end | none | (0, 1) |
/// | [`early_stopping`](Self::early_stopping) | stop without improvement, keep the best | none | |
/// | [`schedule`](Self::schedule) | factor on the learning rate | constant | |
/// | [`clip_norm`](Self::clip_norm) | longest gradient | none | greater than 0 |
/// | [`on_divergence`](Self::on_divergence) | what happens when a number is not finite | stop | |
/// | [`observer`](Self::observer) | is told of every step and epoch | none | |
/// | `checkpoints`, with the feature `safetensors` | saves the training and resumes it | none | |
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
    batch_size: Option<usize>,
    pub(super) seed: u64,
    shuffle: Option<bool>,
    shuffle_buffer: usize,
    pub(super) sample_weights: Option<Vec<f64>>,
    validation_split: Option<f64>,
    pub(super) early_stopping: Option<EarlyStopping>,
    pub(super) schedule: Option<Box<dyn Schedule>>,
    pub(super) clip_norm: Option<f64>,
    pub(super) on_divergence: OnDivergence,
    #[cfg(feature = "safetensors")]
    pub(super) checkpoints: Option<super::Checkpoints>,
    /// What this training is within a larger one, such as a level of a stack.
    #[cfg(feature = "safetensors")]
    pub(crate) stage: String,
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
            .field("shuffle_buffer", &self.shuffle_buffer)
            .field("sample_weights", &self.sample_weights.as_ref().map(Vec::len))
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
    /// With an [`Optimizer`](crate::Optimizer) or [`Lbfgs`](crate::Lbfgs), and the defaults.
    pub fn new(optimizer: O) -> Self {
        Self {
            optimizer,
            epochs: 10,
            batch_size: None,
            seed: 0,
            shuffle: None,
            shuffle_buffer: 8192,
            sample_weights: None,
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
            threads: 1,
        }
    }

    /// Passes over the data, at least 1. Default: 10.
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// Samples of a step, at least 1. Default: 64; for [`Lbfgs`](crate::Lbfgs), all samples.
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size: Some(batch_size), ..self }
    }

    /// The seed of order, corruptions and draws. Default: 0.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Whether each epoch has a new order. Default: true; for [`Lbfgs`](crate::Lbfgs), whose batches are
    /// fixed, false and nothing else.
    pub fn shuffle(self, shuffle: bool) -> Self {
        Self { shuffle: Some(shuffle), ..self }
    }

    /// Samples of a stream that are in memory and shuffled together, at least 1, rounded up to whole
    /// batches. Default: 8192.
    pub fn shuffle_buffer(self, samples: usize) -> Self {
        Self { shuffle_buffer: samples, ..self }
    }

    /// How much each sample of the data counts, in their order: one weight a sample, finite and not
    /// negative, not all 0. Default: all alike.
    ///
    /// The objective of a batch is Σᵢ wᵢ lossᵢ / Σᵢ wᵢ, and whatever else is a mean over samples (in
    /// penalties too) counts them alike, so that in one batch of all samples a weight of 2 does what
    /// the same sample twice does. A sample of weight 0 is left out. Weights count for training only:
    /// validation samples, held out or given, count alike. Not for streams.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Batch, Dense, Sgd, Trainer, activation::{Identity, Tanh}};
    ///
    /// let train = |samples: &[[f64; 2]], weights: Option<Vec<f64>>| -> autoencoder::Result<_> {
    ///     let mut model = AutoEncoder::builder()
    ///         .encoder(Dense::<2, 1>::new(Tanh))
    ///         .decoder(Dense::<1, 2>::new(Identity))
    ///         .build::<f64>()?;
    ///     let mut trainer = Trainer::new(Sgd::new(0.1)?);
    ///     if let Some(weights) = weights {
    ///         trainer = trainer.sample_weights(weights);
    ///     }
    ///     trainer.fit(&mut model, &samples.iter().copied().collect())?;
    ///     Ok(model.parameters()[0])
    /// };
    /// let (one, other) = ([0.1, 0.2], [0.9, 0.3]);
    /// let weighted = train(&[one, other], Some(vec![1.0, 2.0]))?;
    /// let repeated = train(&[one, other, other], None)?;
    /// assert!((weighted - repeated).abs() < 1e-14);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn sample_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        Self { sample_weights: Some(weights.into()), ..self }
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

    /// The learning rate's course. Default: [`Constant`](crate::random::schedule::Constant). Not for [`Lbfgs`](crate::Lbfgs).
    pub fn schedule(self, schedule: impl Schedule + 'static) -> Self {
        Self { schedule: Some(Box::new(schedule)), ..self }
    }

    /// Shortens every gradient that is longer than this, greater than 0, to this length. Not for
    /// [`Lbfgs`](crate::Lbfgs).
    pub fn clip_norm(self, norm: f64) -> Self {
        Self { clip_norm: Some(norm), ..self }
    }

    /// What happens when a number stops being finite. Default: [`OnDivergence::Stop`].
    pub fn on_divergence(self, on_divergence: OnDivergence) -> Self {
        Self { on_divergence, ..self }
    }

    /// Saves the training as it goes, and can take it up again. Default: never.
    #[cfg(feature = "safetensors")]
    pub fn checkpoints(self, checkpoints: super::Checkpoints) -> Self {
        Self { checkpoints: Some(checkpoints), ..self }
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
    /// - [`Error::InvalidParameter`] for a setting out of its range, before anything is changed;
    /// - [`Error::NotFinite`], [`Error::OutsideDomain`], [`Error::NoSamples`] and [`Error::SizeMismatch`]
    ///   for data, before anything is changed;
    /// - [`Error::SampleWeight`] and [`Error::SizeMismatch`] for `sample_weights`, before anything is
    ///   changed;
    /// - [`Error::Diverged`] in the step in which a number stops being finite; the model then has
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
        O: Method<E::Scalar>,
    {
        self.check::<E::Scalar>()?;
        let mut buffer = Vec::new();
        let data = model.compared("fit", data.view(), &mut buffer)?;
        match self.held_out(data.samples())? {
            0 => self.train(model, data, None),
            held_out => {
                let (train, held_out) = data.split_at(data.samples() - held_out);
                self.train(model, train, Some(held_out))
            }
        }
    }

    /// Trains the model on `data` and validates it on `validation` after each epoch.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); and [`Error::InvalidParameter`] if there is a `validation_split` as well.
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
        O: Method<E::Scalar>,
    {
        self.check_without_split::<E::Scalar>("left unset where validation samples are given")?;
        let (mut buffer, mut held_out) = (Vec::new(), Vec::new());
        let data = model.compared("fit", data.view(), &mut buffer)?;
        let validation = model.compared("validation", validation.view(), &mut held_out)?;
        self.check_weights(data.samples(), 0)?;
        self.train(model, data, Some(validation))
    }

    /// Trains the model on a stream, which is passed over once an epoch and need not fit into
    /// memory: three blocks of [`shuffle_buffer`](Self::shuffle_buffer) samples do, one of which a
    /// thread reads ahead.
    ///
    /// Blocks come in the order of the stream, and are shuffled one by one. In the same order the bits
    /// are those of [`fit`](Self::fit): without shuffling, or with a buffer for all samples.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and whatever the source refuses; the model then has the parameters of
    /// the last step. What `fit` refuses in the data is found here when it is met.
    /// [`Error::InvalidParameter`] if there is a `validation_split` or if there are `sample_weights`.
    ///
    /// # Example
    /// ```
    /// use autoencoder::activation::{Identity, Tanh};
    /// use autoencoder::data::{Csv, CsvOptions};
    /// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, nalgebra::Const};
    ///
    /// let rows = "1,2,3\n2,4,6\n3,6,9\n4,8,12\n";
    /// let mut stream: Csv<f64, Const<3>> = CsvOptions::new().header(false).from_bytes(rows)?;
    /// let mut model = AutoEncoder::builder()
    ///     .encoder(Dense::<3, 1>::new(Tanh))
    ///     .decoder(Dense::<1, 3>::new(Identity))
    ///     .build::<f64>()?;
    /// let report = Trainer::new(Adam::new(1e-2)?).epochs(5).fit_stream(&mut model, &mut stream)?;
    /// assert_eq!(report.epochs.len(), 5);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn fit_stream<E, D, R, L, S>(
        &mut self,
        model: &mut AutoEncoder<E, D, R, L>,
        source: &mut S,
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
        O: Method<E::Scalar>,
        S: Source<Scalar = E::Scalar, Features = E::Input> + ?Sized,
    {
        self.check::<E::Scalar>()?;
        self.run_stream(model, source, None)
    }

    /// As [`fit_stream`](Self::fit_stream), and validates the model on `validation`, which is in memory,
    /// after each epoch.
    ///
    /// # Errors
    /// As [`fit_stream`](Self::fit_stream).
    pub fn fit_stream_validated<E, D, R, L, S>(
        &mut self,
        model: &mut AutoEncoder<E, D, R, L>,
        source: &mut S,
        validation: &Batch<E::Scalar, E::Input>,
    ) -> Result<Report>
    where
        E: Encoder,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
        O: Method<E::Scalar>,
        S: Source<Scalar = E::Scalar, Features = E::Input> + ?Sized,
    {
        self.check::<E::Scalar>()?;
        let mut held_out = Vec::new();
        let validation = model.compared("validation", validation.view(), &mut held_out)?;
        self.run_stream(model, source, Some(validation))
    }

    fn run_stream<M, S>(
        &mut self,
        model: &mut M,
        source: &mut S,
        validation: Option<BatchView<'_, M::Scalar, M::Input>>,
    ) -> Result<Report>
    where
        M: Trainable,
        O: Method<M::Scalar>,
        S: Source<Scalar = M::Scalar, Features = M::Input> + ?Sized,
    {
        let call = "fit_stream";
        self.check_without_split::<M::Scalar>(
            "left unset for a stream, which has no end to hold out",
        )?;
        let weights = self.sample_weights.as_ref().map_or(0, Vec::len);
        let requirement = "left unset for a stream, whose samples count alike";
        let is_unset = self.sample_weights.is_none();
        require(is_unset, "the number of Trainer sample_weights", weights as f64, requirement)?;
        let (expected, found) = (model.input_dim().value(), source.dim().value());
        require_size(call, "features", expected, found)?;
        if source.samples() == 0 {
            return Err(Error::NoSamples { call });
        }
        let batch_size = self.samples_of_step::<M::Scalar>(source.samples());
        let batches = self.shuffle_buffer.div_ceil(batch_size);
        // A buffer for all samples may be given as the largest number there is.
        let block = batches.saturating_mul(batch_size).min(source.samples());
        let normalizer = model.normalizer().cloned();
        streamed(source, normalizer.as_ref(), block, self.epochs, |stream| {
            let validation = validation.map(|held_out| held_out.dynamic());
            self.run_on_threads(&mut WithWorkspace::new(model), stream, validation)
        })
    }

    /// Refuses settings out of their range.
    pub(crate) fn check<T: Scalar>(&self) -> Result<()>
    where
        O: Method<T>,
    {
        require_count("Trainer epochs", self.epochs)?;
        require_count("Trainer batch_size", self.batch_size.unwrap_or(1))?;
        require_count("Trainer threads", self.threads)?;
        require_count("Trainer shuffle_buffer", self.shuffle_buffer)?;
        self.on_divergence.check()?;
        #[cfg(feature = "safetensors")]
        self.checkpoints.as_ref().map_or(Ok(()), super::Checkpoints::check)?;
        self.clip_norm.map_or(Ok(()), |norm| require_positive("Trainer clip_norm", norm))?;
        let Kind::Lbfgs(_) = self.optimizer.kind() else { return Ok(()) };
        let requirement = "left unset for Lbfgs, which looks for the length of its steps by itself";
        let norm = self.clip_norm;
        require(norm.is_none(), "Trainer clip_norm", norm.unwrap_or_default(), requirement)?;
        let is_unset = self.schedule.is_none();
        require(is_unset, "the number of Trainer schedules", 1.0, requirement)?;
        let requirement = "false or left unset for Lbfgs, whose batches are fixed";
        require(self.shuffle != Some(true), "Trainer shuffle", 1.0, requirement)
    }

    /// Samples of a step, where there are so many.
    fn samples_of_step<T: Scalar>(&self, samples: usize) -> usize
    where
        O: Method<T>,
    {
        let default = match self.optimizer.kind() {
            Kind::Optimizer(_) => 64,
            Kind::Lbfgs(_) => samples,
        };
        self.batch_size.unwrap_or(default)
    }

    /// As [`check`](Self::check), where nothing can be split off.
    pub(crate) fn check_without_split<T: Scalar>(&self, requirement: &'static str) -> Result<()>
    where
        O: Method<T>,
    {
        self.check::<T>()?;
        let (name, share) = ("Trainer validation_split", self.validation_split);
        require(share.is_none(), name, share.unwrap_or_default(), requirement)
    }

    /// How many of so many samples, the last ones, are held out. Refuses weights that do not fit the
    /// samples.
    pub(crate) fn held_out(&self, samples: usize) -> Result<usize> {
        self.check_weights(samples, 0)?;
        let Some(share) = self.validation_split else { return Ok(0) };
        require(share > 0.0 && share < 1.0, "Trainer validation_split", share, "in (0, 1)")?;
        require(samples > 1, "samples to split", samples as f64, "at least 2")?;
        let held_out = ((share * samples as f64).round() as usize).clamp(1, samples - 1);
        self.check_weights(samples, held_out)?;
        Ok(held_out)
    }

    /// Refuses weights that do not fit so many samples, of which the last ones are held out.
    pub(crate) fn check_weights(&self, samples: usize, held_out: usize) -> Result<()> {
        let Some(weights) = &self.sample_weights else { return Ok(()) };
        let place = "Trainer sample_weights";
        sample_weights::check(place, weights, samples)?;
        sample_weights::check(place, &weights[..samples - held_out], samples - held_out)
    }

    pub(super) fn tell(&mut self, event: &Event<'_>) {
        self.observers.iter_mut().for_each(|observer| observer.observe(event));
    }

    /// Says what this training is within a larger one, and what it starts from, so that a checkpoint of
    /// another stage is not taken for one of this.
    #[cfg(feature = "safetensors")]
    pub(crate) fn within<T: crate::numbers::scalar::Scalar>(&mut self, stage: &str, start: &[T]) {
        self.stage = format!("{stage} from {}, ", super::checkpoint::digest_of(&[start]));
    }

    /// Trains on samples that [were checked](Self::check), and validates on the others.
    pub(crate) fn train<M: Trainable>(
        &mut self,
        model: &mut M,
        data: BatchView<'_, M::Scalar, M::Input>,
        validation: Option<BatchView<'_, M::Scalar, M::Input>>,
    ) -> Result<Report>
    where
        O: Method<M::Scalar>,
    {
        let validation = validation.map(|held_out| held_out.dynamic());
        let model = &mut WithWorkspace::new(model);
        self.run_on_threads(model, &mut Whole::new(data.dynamic()), validation)
    }

    fn run_on_threads<T: Scalar>(
        &mut self,
        model: &mut dyn Trainee<T>,
        blocks: &mut (dyn Blocks<T> + Send),
        validation: Option<BatchView<'_, T, Dyn>>,
    ) -> Result<Report>
    where
        O: Method<T>,
    {
        // The largest piece of work in a step: where even that is not divided, threads only cost.
        let widest = model.layout().tensors().iter().map(|tensor| tensor.range.len()).max();
        let widest = widest.unwrap_or(0).max(ELEMENT * model.features());
        let samples = blocks.samples();
        let divides = parallel::is_divided(widest * self.samples_of_step(samples).min(samples));
        let threads = if divides { self.threads } else { 1 };
        parallel::on_threads(threads, || self.run(model, blocks, validation))?
    }

    fn run<T: Scalar>(
        &mut self,
        model: &mut dyn Trainee<T>,
        blocks: &mut (dyn Blocks<T> + Send),
        validation: Option<BatchView<'_, T, Dyn>>,
    ) -> Result<Report>
    where
        O: Method<T>,
    {
        let run = Run::new(model, &self.optimizer.kind());
        let samples = blocks.samples();
        let weights = self.sample_weights.as_ref();
        let weight_of_all =
            weights.map_or(samples as f64, |weights| weights[..samples].iter().sum());
        let batch_size = self.samples_of_step(samples);
        let shuffles = matches!(self.optimizer.kind(), Kind::Optimizer(_));
        let shuffles = self.shuffle.unwrap_or(shuffles);
        #[cfg(feature = "safetensors")]
        let fingerprint = self.checkpoints.as_ref().and_then(|_| blocks.fingerprint());
        let training = Training {
            trainer: self,
            model,
            validation,
            samples,
            block: blocks.block(),
            #[cfg(feature = "safetensors")]
            fingerprint,
            #[cfg(feature = "safetensors")]
            settings: String::new(),
            batch_size,
            shuffles,
            run,
            course: Course::new(),
            start: Instant::now(),
            weight_of_all,
            counted: Vec::new(),
        };
        training.complete(blocks)
    }
}
