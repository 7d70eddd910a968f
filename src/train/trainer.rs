use std::fmt;

#[cfg(feature = "safetensors")]
use super::Checkpoints;
use super::examples::{HeldOut, IntoExamples, Suits};
use super::settings::{Plan, Settings};
use super::trainable::Trainable;
use super::{EarlyStopping, Observer, OnDivergence, Report};
use crate::batch::size::SameSize;
use crate::collective::Collective;
use crate::error::Result;
use crate::numbers::scalar::Float;
use crate::optimizer::{Method, Trains};
use crate::random::schedule::Schedule;

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
/// | [`validation_split`](Self::validation_split) | share of the samples held out, from the end | none | (0, 1) |
/// | [`early_stopping`](Self::early_stopping) | stop without improvement, keep the best | none | |
/// | [`schedule`](Self::schedule) | factor on the learning rate | constant | |
/// | [`clip_norm`](Self::clip_norm) | longest gradient | none | greater than 0 |
/// | [`on_divergence`](Self::on_divergence) | what happens when a number is not finite | stop | |
/// | [`observer`](Self::observer) | is told of every step and epoch, and can [stop](super::Control::Stop) the training | none | |
/// | `checkpoints`, with the feature `safetensors` | saves the training and resumes it | none | |
/// | [`shards`](Self::shards) | parts of a batch, each with a gradient of its own | 1 | from 1 to the samples of a step |
/// | [`collective`](Self::collective) | what connects the processes that train together | one process | |
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
    optimizer: O,
    settings: Settings<'a>,
}

impl<O: fmt::Debug> fmt::Debug for Trainer<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Trainer");
        text.field("optimizer", &self.optimizer);
        self.settings.show(&mut text);
        text.finish()
    }
}

impl<'a, O> Trainer<'a, O> {
    /// With an [`Optimizer`](crate::Optimizer) or [`Lbfgs`](crate::Lbfgs), and the defaults.
    pub fn new(optimizer: O) -> Self
    where
        O: Trains,
    {
        Self { optimizer, settings: Settings::default() }
    }

    /// Passes over the data, at least 1. Default: 10.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.settings.epochs = epochs;
        self
    }

    /// Samples of a step, at least 1. Default: 64; for [`Lbfgs`](crate::Lbfgs), all samples.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.settings.batch_size = Some(batch_size);
        self
    }

    /// The seed of order, corruptions and draws. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Whether each epoch has a new order. Default: true; for [`Lbfgs`](crate::Lbfgs), whose batches are
    /// fixed, false and nothing else.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.settings.shuffle = Some(shuffle);
        self
    }

    /// Samples of a stream that are in memory and shuffled together, at least 1, rounded up to whole
    /// batches. Default: 8192. Neighbours stay in one block; where they are alike, as the tokens of a text are, a
    /// [`Shuffled`](crate::data::Shuffled) before it parts them.
    pub fn shuffle_buffer(mut self, samples: usize) -> Self {
        self.settings.shuffle_buffer = samples;
        self
    }

    /// Holds out this share of the samples, in (0, 1), from the end of the data (which is not
    /// shuffled before), rounded to whole samples; at least one sample stays on either side.
    pub fn validation_split(mut self, share: f64) -> Self {
        self.settings.validation_split = Some(share);
        self
    }

    /// Stops without improvement and keeps the best parameters.
    pub fn early_stopping(mut self, early_stopping: EarlyStopping) -> Self {
        self.settings.early_stopping = Some(early_stopping);
        self
    }

    /// The learning rate's course. Default: [`Constant`](crate::random::schedule::Constant). Not for [`Lbfgs`](crate::Lbfgs).
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.settings.schedule = Some(Box::new(schedule));
        self
    }

    /// Shortens every gradient that is longer than this, greater than 0, to this length. Not for
    /// [`Lbfgs`](crate::Lbfgs).
    pub fn clip_norm(mut self, norm: f64) -> Self {
        self.settings.clip_norm = Some(norm);
        self
    }

    /// What happens when a number stops being finite. Default: [`OnDivergence::Stop`].
    pub fn on_divergence(mut self, on_divergence: OnDivergence) -> Self {
        self.settings.on_divergence = on_divergence;
        self
    }

    /// Saves the training as it goes, and can take it up again. Default: never.
    #[cfg(feature = "safetensors")]
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.settings.checkpoints = Some(checkpoints);
        self
    }

    /// Adds an observer; a closure can be one. It can [stop](Observer#stop-a-training) the training; a
    /// [shared](super::Shared) one can be read while the trainer has it.
    pub fn observer(mut self, observer: impl Observer + Send + 'a) -> Self {
        self.settings.observers.push(Box::new(observer));
        self
    }

    /// How many threads the work of a step is divided among, at least 1; small steps stay on one.
    /// The bits of the result do not depend on it. More than one need the feature `parallel`. Default: 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.settings.threads = threads;
        self
    }

    /// Cuts each batch into so many shards, at least 1 and at most the samples of a step, as equal as they can be. Each
    /// shard's gradient is a pass of its own, and they are added in the order of the shards: the training is the same but
    /// for rounding, and its bits depend on the number of shards alone, however many [processes](Self::collective) take
    /// them. A multiple of all numbers of processes that are to train, such as 12, divides well. What looks at a whole
    /// batch at once is given the codes of all shards, or refused. Default: 1.
    pub fn shards(mut self, shards: usize) -> Self {
        self.settings.shards = shards;
        self
    }

    /// Trains together with other processes, each of which calls [`fit`](Self::fit) with the same model, settings and
    /// data, and takes its part of the [shards](Self::shards), of which there must be as many. That all are alike is seen
    /// to before the first step. All end with the same model and the same objectives; a checkpoint is written by process 0
    /// and read by all. Of a stream each process reads its part alone. Default: [`Alone`](crate::collective::Alone).
    pub fn collective(mut self, collective: impl Collective + 'a) -> Self {
        self.settings.collective = Box::new(collective);
        self
    }

    /// Trains the model on these examples: samples, with what the model is to be told beside each, from memory or
    /// from a stream.
    ///
    /// | examples | train |
    /// |---|---|
    /// | `&x` | an autoencoder |
    /// | `(&x, &labels)` | a classifier; labels are whole numbers from 0, of any integer type |
    /// | `(&x, &conditions)` | a conditional model, whose conditions are a batch with a column a sample |
    /// | `(&x, &conditions, &labels)` | a classifier whose encoder is conditional |
    /// | `&mut x`, `(&mut x, &mut classes)`, `(&mut x, &mut conditions)`, `(&mut x, &mut conditions, &mut classes)` | the same from a [`Source`](crate::Source) each, in step |
    /// | [`Examples::of`](super::Examples::of) one of these | any, with weights, and with samples to validate on after each epoch |
    ///
    /// A stream is passed over once an epoch and need not fit into memory: three blocks of
    /// [`shuffle_buffer`](Self::shuffle_buffer) samples do, one of which a thread reads ahead. Blocks come in the
    /// order of the stream, and are shuffled one by one. In the same order the bits are those of the same samples
    /// in memory: without shuffling, or with a buffer for all samples.
    ///
    /// # Errors
    /// - [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a setting out of its range, before anything
    ///   is changed; and for a `validation_split` where samples to validate on are given, or of a stream;
    /// - [`Error::Unfit`](crate::Error::Unfit) for weights of a stream, for settings that
    ///   [`Lbfgs`](crate::Lbfgs) has no use for, and for samples held out that come with more;
    ///   [`Error::NothingToTrain`](crate::Error::NothingToTrain) if everything is frozen;
    /// - [`Error::NotFinite`](crate::Error::NotFinite), [`Error::OutsideDomain`](crate::Error::OutsideDomain),
    ///   [`Error::NotShares`](crate::Error::NotShares), [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::SizeMismatch`](crate::Error::SizeMismatch) for
    ///   samples and conditions, [`Error::Label`](crate::Error::Label) for a label that is no class, and
    ///   [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is one label, or one condition, for each
    ///   sample: before anything is changed; in a stream, when it is met;
    /// - [`Error::SampleWeight`](crate::Error::SampleWeight) and
    ///   [`Error::SizeMismatch`](crate::Error::SizeMismatch) for weights, before anything is changed;
    /// - [`Error::Diverged`](crate::Error::Diverged) in the step in which a number stops being finite; the model
    ///   then has the last finite parameters;
    /// - whatever a stream refuses; the model then has the parameters of the last step;
    /// - in [shards](Self::shards), [`Error::NotInShards`](crate::Error::NotInShards) for what looks at whole batches; among
    ///   [processes](Self::collective), [`Error::Process`](crate::Error::Process) and [`Error::Apart`](crate::Error::Apart)
    ///   for one that is not like the others, before anything is changed, and
    ///   [`Error::Collective`](crate::Error::Collective) where one is gone;
    /// - with the feature `parallel`, `Error::Threads` if the system does not start its threads.
    ///
    /// # Example
    /// ```
    /// use autoencoder::activation::{Identity, Tanh};
    /// use autoencoder::data::{Csv, CsvOptions};
    /// use autoencoder::{Adam, AutoEncoder, Batch, Dense, Trainer, nalgebra::Const, train::Examples};
    ///
    /// let mut model = AutoEncoder::builder()
    ///     .encoder(Dense::<3, 1>::new(Tanh))
    ///     .decoder(Dense::<1, 3>::new(Identity))
    ///     .build::<f64>()?;
    /// let mut trainer = Trainer::new(Adam::new(1e-2)?).epochs(5);
    ///
    /// let x = Batch::from_iter([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6]]);
    /// let examples = Examples::of(&x).weights(&[1.0, 3.0]).held_out(&x);
    /// assert!(trainer.fit(&mut model, examples)?.epochs[4].validation.is_some());
    ///
    /// let rows = "1,2,3\n2,4,6\n3,6,9\n4,8,12\n";
    /// let mut stream: Csv<f64, Const<3>> = CsvOptions::new().header(false).from_bytes(rows)?;
    /// assert_eq!(trainer.fit(&mut model, &mut stream)?.epochs.len(), 5);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn fit<'e, M, X>(&mut self, model: &mut M, examples: X) -> Result<Report>
    where
        M: Trainable,
        O: Method<M::Scalar>,
        X: IntoExamples<'e, M::Scalar>,
        X::Input: SameSize<M::Input>,
        X::Given: Suits<M::Wanted>,
    {
        const { <X::Input as SameSize<M::Input>>::FITS };
        let plan = Plan { settings: &mut self.settings, method: self.optimizer.kind() };
        let examples = examples.into_examples();
        plan.check(&examples.samples, examples.held_out.as_ref().map(HeldOut::samples))?;
        model.train(plan, examples)
    }

    /// Refuses settings out of their range.
    pub(crate) fn check<T: Float>(&self) -> Result<()>
    where
        O: Method<T>,
    {
        self.settings.check(&self.optimizer.kind())
    }

    /// The epoch and the batch after which the last training ended, if an observer had asked for that by then, be it
    /// that it ended there anyway.
    pub(crate) fn stopped_at(&self) -> Option<(usize, usize)> {
        self.settings.stopped_at
    }

    /// Says what this training is within a larger one, and what it starts from, so that a checkpoint of
    /// another stage is not taken for one of this.
    #[cfg(feature = "safetensors")]
    pub(crate) fn within<T: Float>(&mut self, stage: &str, start: &[T]) {
        let start = super::checkpoint::digest_of(&[start]);
        self.settings.stage = format!("{stage} from {start}, ");
    }
}

#[cfg(all(test, not(feature = "parallel")))]
mod tests {
    use super::*;
    use crate::optimizer::Sgd;

    #[test]
    fn threads_need_the_feature() {
        let threads = |count| Trainer::new(Sgd::new(0.1).unwrap()).threads(count).check::<f32>();
        assert_eq!(threads(1), Ok(()));
        let expected = "Trainer threads is 2, but must be 1 without the feature `parallel`";
        assert_eq!(threads(2).unwrap_err().to_string(), expected);
    }
}
