//! Checkpoints: a training that can be taken up again as if it had never stopped.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Warning;
use super::agreement::require_alike;
use super::course::{Course, progress};
use super::run::Run;
use super::training::Training;
use crate::error::{Error, Result, require_count};
use crate::file::atomic;
use crate::file::atomic::Recovered;
use crate::file::stored::{Parts, parameter_tensors, require_normalizer, save, take_parameters};
use crate::file::tensors::read;
use crate::layer::layout::Role;
use crate::numbers::bytes::Tensor;
use crate::numbers::scalar::{Float, digest_of_values};
use crate::optimizer::Kind;

/// Where and how often a training is saved, and whether it goes on from there.
///
/// A checkpoint holds the model and all that the rest of the training depends on: the optimizer's
/// memory, the place in the data, the best parameters, the report so far. A resumed training gives the
/// bits of one that was never stopped, in the report too (but for seconds), on the same type of
/// processor. It is a model file as well: [`AutoEncoder::load`](crate::AutoEncoder::load) takes the model alone.
/// Where an observer [stops](super::Control::Stop) the training, a checkpoint is written besides those of the table, if a
/// step was taken.
///
/// | in a resumed training | |
/// |---|---|
/// | samples in memory, labels, targets, conditions, weights; their number in a stream | must be the same |
/// | seed, batch size, number of [shards](crate::Trainer::shards), shuffling and its blocks, kind of optimizer, normalizer, what is frozen | must be the same |
/// | epochs | more or fewer, but not fewer than were begun, and not if a schedule would then have been another from the beginning, such as a [`Cosine`](super::schedule::Cosine) that ends with the last one |
/// | numbers of the optimizer and of the regularizer, learning-rate schedule, `clip_norm`, early stopping | may be others, with a [warning](super::Warning::ResumedWith) |
/// | threads, [processes](crate::Trainer::collective), observers, how often it is saved | may be others |
///
/// Of processes that [train together](crate::Trainer::collective), process 0 writes the file, and all read it: it must lie
/// where all reach it. In a resumed training there may be another number of them.
///
/// The file is replaced as a whole, and the one before stays beside it as `{name}.previous`. If the
/// newest is damaged, a resumed training goes on from the previous one and says so by
/// [`Event::Recovered`](super::Event::Recovered).
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`every_epochs`](Self::every_epochs) | saves after so many epochs | 1 | at least 1 |
/// | [`every_steps`](Self::every_steps) | saves after so many steps as well, within epochs too | never | at least 1 |
/// | [`resume`](Self::resume) | goes on from the file, if it is there | false | |
///
/// # Example
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets, train::Checkpoints};
///
/// # let folder = std::env::temp_dir().join(format!("autoencoder-checkpoint-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let file = folder.join("run.safetensors");
/// let digits = datasets::digits();
/// let build = || {
///     AutoEncoder::builder()
///         .encoder(Dense::<64, 16>::new(Sigmoid))
///         .decoder(Dense::<16, 64>::new(Sigmoid))
///         .build::<f32>()
/// };
/// let trainer = |epochs| Trainer::new(Adam::new(1e-2).unwrap()).epochs(epochs);
///
/// let mut stopped = build()?;
/// trainer(2).checkpoints(Checkpoints::new(&file)).fit(&mut stopped, &digits.train)?;
/// let mut resumed = build()?;
/// trainer(4).checkpoints(Checkpoints::new(&file).resume(true)).fit(&mut resumed, &digits.train)?;
///
/// let mut at_once = build()?;
/// trainer(4).fit(&mut at_once, &digits.train)?;
/// assert_eq!(resumed.parameters(), at_once.parameters());
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    path: PathBuf,
    every_epochs: usize,
    every_steps: Option<u64>,
    resume: bool,
}

impl Checkpoints {
    /// In this file, after each epoch.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), every_epochs: 1, every_steps: None, resume: false }
    }

    /// Saves after so many epochs, at least 1. Default: 1.
    pub fn every_epochs(self, epochs: usize) -> Self {
        Self { every_epochs: epochs, ..self }
    }

    /// Saves after so many steps as well, at least 1. Default: never.
    pub fn every_steps(self, steps: u64) -> Self {
        Self { every_steps: Some(steps), ..self }
    }

    /// Goes on from the file, if it is there; else the training begins anew. Default: false.
    pub fn resume(self, resume: bool) -> Self {
        Self { resume, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        require_count("Checkpoints every_epochs", self.every_epochs)?;
        require_count("Checkpoints every_steps", self.every_steps.unwrap_or(1) as usize)
    }

    /// What processes that train together must have in common.
    pub(super) fn plan(&self) -> String {
        let Self { every_epochs, every_steps, resume, .. } = self;
        let steps = every_steps.map_or(String::new(), |steps| format!(" and {steps} steps"));
        let how = if *resume { "resumed" } else { "begun anew" };
        format!("`after {every_epochs} epochs{steps}, {how}`")
    }

    fn exists(&self) -> bool {
        let exists = |path: &Path| std::fs::symlink_metadata(path).is_ok();
        let mut previous = self.path.clone().into_os_string();
        previous.push(".previous");
        exists(&self.path) || exists(Path::new(&previous))
    }
}

impl<T: Float> Training<'_, '_, T> {
    /// Saves if it is time, after a step or after an epoch, or if the training stops there.
    pub(super) fn save_if_due(&mut self, is_epoch_over: bool, stops: bool) -> Result<()> {
        let Some(checkpoints) = &self.settings.checkpoints else { return Ok(()) };
        let course = &self.course;
        let is_due = if is_epoch_over {
            course.epochs.len().is_multiple_of(checkpoints.every_epochs)
        } else {
            checkpoints.every_steps.is_some_and(|steps| course.steps.is_multiple_of(steps))
        };
        if !is_due && !stops {
            return Ok(());
        }
        let path = checkpoints.path.clone();
        // Each process remembers what belongs to the parameters that it moves.
        let Self { settings, method, run, .. } = &mut *self;
        let Run { team, optimizer_state, .. } = run;
        if let Kind::Optimizer(optimizer) = method {
            let all = &mut *settings.collective;
            team.complete_states(all, optimizer.states(), optimizer_state)?;
        }
        let rank = settings.collective.rank();
        let saved = if rank == 0 { self.save(&path) } else { Ok(()) };
        let Self { settings, run, .. } = self;
        let has_failed = run.team.any(&mut *settings.collective, saved.is_err())?;
        let reason = "process 0 could not save its checkpoint".to_owned();
        let failed = Error::Collective { call: "gather", rank, reason };
        saved.and(if has_failed { Err(failed) } else { Ok(()) })
    }

    /// Takes up the training of the checkpoint, if there is one to resume.
    pub(super) fn resume(&mut self) -> Result<Option<Recovered>> {
        let recovered = self.take_up()?;
        if self.settings.collective.size() == 1 {
            return Ok(recovered);
        }
        let Course { epoch, batch, steps, .. } = &self.course;
        let (parameters, memory) = (self.model.parameters(), &self.run.optimizer_state);
        let digests = (digest_of_values(parameters), digest_of_values(memory));
        let place = format!("at epoch {epoch}, batch {batch}, step {steps}");
        let found = format!("{place} with digests {:016x} and {:016x}", digests.0, digests.1);
        require_alike(&mut *self.settings.collective, &vec![("the checkpoint", found)])?;
        Ok(recovered)
    }

    fn take_up(&mut self) -> Result<Option<Recovered>> {
        let Some(checkpoints) = self.settings.checkpoints.clone() else { return Ok(None) };
        if !checkpoints.resume || !checkpoints.exists() {
            return Ok(None);
        }
        let (contents, recovered) = atomic::read_or_previous(&checkpoints.path, read)?;
        let path = recovered.as_ref().map_or(&checkpoints.path, |recovered| &recovered.path);
        self.take(&mut Parts::new(path, contents))?;
        Ok(recovered)
    }

    /// What a resumed training must have in common with the one that was stopped, with what lies beside the
    /// samples.
    pub(super) fn required(&self, beside: &str) -> String {
        let Self { settings, samples, block, .. } = self;
        let optimizer = self.method.describe();
        let kind = optimizer.split([' ', '{', '(']).next().unwrap_or_default();
        // The blocks of a stream make no difference where there is one, or no order but theirs.
        let blocks = match self.shuffles && block < samples {
            true => format!(" in blocks of {block}"),
            false => String::new(),
        };
        let weights = self.weights.map_or(String::new(), |weights| {
            format!(", {} sample weights with digest {}", weights.len(), digest_of(&[weights]))
        });
        let shards = match settings.shards {
            1 => String::new(),
            shards => format!(", {shards} shards"),
        };
        format!(
            "{}seed {}, batch size {}{shards}, shuffle {}{blocks}, {samples} samples, {kind}{weights}{beside}{}",
            settings.stage,
            settings.seed,
            self.batch_size,
            self.shuffles,
            self.frozen()
        )
    }

    /// What tells the samples from others, where they are in memory.
    fn data(&self) -> Option<String> {
        self.fingerprint.map(|digest| format!("samples with digest {digest:016x}"))
    }

    /// What is frozen, and as what: a resumed training would replace it by what is in the file.
    fn frozen(&self) -> String {
        // Norms follow the atoms, also in an encoder that is frozen.
        let tensors = self.model.layout().tensors().iter();
        let tensors = tensors.filter(|tensor| tensor.is_frozen && tensor.role != Role::Norm);
        let names: Vec<&str> = tensors.clone().map(|tensor| tensor.name.as_str()).collect();
        if names.is_empty() {
            return String::new();
        }
        let values = tensors.map(|tensor| &self.model.parameters()[tensor.range.clone()]);
        let digest = digest_of(&values.collect::<Vec<_>>());
        format!(", frozen {} with digest {digest}", names.join(" "))
    }

    fn save(&self, path: &Path) -> Result<()> {
        let Self { model, run, course, .. } = self;
        let stored = model.stored();
        let mut texts = stored.metadata("checkpoint");
        texts.insert("training".to_owned(), self.required.clone());
        for (key, _, text) in self.changeable() {
            texts.insert(key.to_owned(), text);
        }
        texts.insert(EPOCHS.to_owned(), self.settings.epochs.to_string());
        if let Some(data) = self.data() {
            texts.insert(DATA.to_owned(), data);
        }
        course.texts(&mut texts);
        let mut tensors = stored.tensors();
        if !run.optimizer_state.is_empty() {
            let length = run.optimizer_state.len();
            tensors.push(Tensor::new("optimizer", &[length], &run.optimizer_state));
        }
        if let Some(best) = &course.best {
            tensors.extend(parameter_tensors(model.layout(), &best.parameters, "best."));
            if !best.state.is_empty() {
                let length = best.state.len();
                tensors.push(Tensor::new("best.regularizer.state", &[length], &best.state));
            }
        }
        let (place, history) = (course.place(self.start), course.history());
        tensors.push(Tensor::new("course.place", &[place.len()], &place));
        if !history.is_empty() {
            tensors.push(Tensor::new("course.history", &[history.len()], &history));
        }
        let evaluations = course.evaluations(run.is_known());
        tensors.push(Tensor::new("course.evaluations", &[evaluations.len()], &evaluations));
        save(path, true, &texts, &tensors)
    }

    fn take(&mut self, file: &mut Parts<'_>) -> Result<()> {
        file.require("the kind of file", "checkpoint", file.text("kind")?)?;
        let parts = self.model.stored().fitting(file)?;
        // The samples have gone through the model's own already.
        require_normalizer(file, self.model.normalizer(), parts.normalizer.as_ref())?;
        self.require_same(file, file.text("training")?)?;
        // A stream is not looked at, and a file of an early version does not know.
        if let (Some(ours), Ok(theirs)) = (self.data(), file.text(DATA)) {
            let what = "the data, which are not those of the training that was stopped";
            file.require(what, &ours, theirs)?;
        }
        let optimizer = match self.run.optimizer_state.len() {
            0 => Vec::new(),
            length => file.take("optimizer", &[length])?,
        };
        let (mut course, is_known) = Course::of(file)?;
        if file.text(METHOD).is_ok_and(|saved| saved != self.method.describe()) {
            (course.ended, course.ended_batches) = (None, 0);
        }
        if let Some(best) = &mut course.best {
            best.parameters = take_parameters(self.model.layout(), file, "best.")?;
            match self.model.state().len() {
                0 => {}
                length => best.state = file.take("best.regularizer.state", &[length])?,
            }
        }
        self.check_epochs(file, &course)?;
        let changed = self.changed(file);
        self.model.replace(parts);
        self.run.optimizer_state = optimizer;
        self.run.set_known(is_known);
        self.course = course;
        self.warn(changed);
        Ok(())
    }

    /// Refuses another training, by what is different in it.
    fn require_same(&self, file: &Parts<'_>, theirs: &str) -> Result<()> {
        let what = "the training (which goes on only with the settings that it was stopped with)";
        // What one has and the other has not.
        let beyond = |these: &str, others: &str| {
            let is_other = |item: &&str| !others.split(", ").any(|other| other == *item);
            let items: Vec<&str> = these.split(", ").filter(is_other).collect();
            if items.is_empty() { "nothing in its place".to_owned() } else { items.join(", ") }
        };
        let (ours, saved) = (beyond(&self.required, theirs), beyond(theirs, &self.required));
        // The same items in another number or order are another training too.
        match ours == saved {
            true => file.require(what, &self.required, theirs),
            false => file.require(what, &ours, &saved),
        }
    }

    /// What may be another in a resumed training, and is told of: its name, and how it is set.
    fn changeable(&self) -> [(&'static str, &'static str, String); 4] {
        let settings = &self.settings;
        let stopping = settings.early_stopping.map_or("none".to_owned(), |by| format!("{by:?}"));
        let clip_norm = settings.clip_norm.map_or("none".to_owned(), |norm| format!("{norm:?}"));
        [
            (METHOD, "the optimizer", self.method.describe()),
            ("schedule", "the schedule of the learning rate", self.schedules.of_rate()),
            ("clip_norm", "clip_norm", clip_norm),
            ("early_stopping", "early stopping", stopping),
        ]
    }

    /// What is set in another way than in the training that was stopped.
    fn changed(&self, file: &Parts<'_>) -> Vec<Warning> {
        let regularizer =
            ("regularizer", "the regularizer", self.model.stored().regularizer.clone());
        let all = self.changeable().into_iter().chain([regularizer]);
        let different = all.filter_map(|(key, what, now)| {
            // A file of an early version does not say it.
            let before = file.text(key).ok().filter(|&before| before != now)?.to_owned();
            Some(Warning::ResumedWith { what: what.to_owned(), before, now })
        });
        different.collect()
    }

    /// Refuses fewer epochs than were begun, and another number of epochs where schedules would then have been others
    /// from the beginning: a rate that fell towards the end of 10 epochs would jump back in the eleventh of 20.
    fn check_epochs(&self, file: &Parts<'_>, course: &Course<T>) -> Result<()> {
        let steps = course.steps;
        let begun = course.epochs.len() + usize::from(course.batch > 0);
        if begun > self.settings.epochs {
            let what = "the number of epochs (those that were begun cannot be taken back; load its model to use it as \
                        it is)";
            let wanted = format!("{} at most", self.settings.epochs);
            return file.require(what, &wanted, &begun.to_string());
        }
        // A file of an early version does not know.
        let Some(planned) = file.text(EPOCHS).ok().and_then(|epochs| epochs.parse().ok()) else {
            return Ok(());
        };
        let batches = self.samples.div_ceil(self.batch_size);
        let at = progress(steps, batches, planned);
        let wanted = progress(steps, batches, self.settings.epochs).total_steps;
        let Some(schedule) = self.schedules.changed_by(&at, wanted) else { return Ok(()) };
        let epochs = |epochs: usize| format!("{epochs} epochs");
        let what = format!(
            "the schedule {}, which goes by the number of epochs (resume with as many as the file has, or load its \
             model and train that anew)",
            schedule.describe()
        );
        file.require(&what, &epochs(self.settings.epochs), &epochs(planned))
    }
}

/// As [`digest`], of numbers, one slice after the other.
pub(crate) fn digest_of<T: Float>(slices: &[&[T]]) -> String {
    let mut bytes = Vec::new();
    for values in slices {
        for value in *values {
            bytes.extend_from_slice(&value.to_double().to_le_bytes());
        }
    }
    digest(&bytes)
}

/// The beginning of the SHA-256 of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The samples, where they were in memory.
const DATA: &str = "samples";

/// The method and its settings: with others, what has converged may not have.
const METHOD: &str = "method";

/// The number of epochs that were planned.
const EPOCHS: &str = "epochs";
