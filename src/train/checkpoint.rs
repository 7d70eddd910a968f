//! Checkpoints: a training that can be taken up again as if it had never stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::run::Ended;
use super::schedules::Counting;
use super::training::{Best, Course, Training, progress};
use super::{Convergence, Divergence, DivergenceAction, EpochReport};
use crate::error::Problem;
use crate::error::{Result, require_count};
use crate::file::atomic;
use crate::file::atomic::Recovered;
use crate::file::stored::{Parts, parameter_tensors, require_normalizer, save, take_parameters};
use crate::file::tensors::read;
use crate::numbers::bytes::Tensor;
use crate::numbers::scalar::Float;
use crate::optimizer::Kind;
use crate::terms::Terms;

/// Where and how often a training is saved, and whether it goes on from there.
///
/// A checkpoint holds the model and all that the rest of the training depends on: the optimizer's
/// memory, the place in the data, the best parameters, the report so far. A resumed training gives the
/// bits of one that was never stopped, in the report too (but for seconds), on the same type of
/// processor. It is a model file as well: [`AutoEncoder::load`](crate::AutoEncoder::load) takes the model alone.
/// Where an observer [stops](super::Control::Stop) the training, a checkpoint is written besides those of the table.
///
/// It may go on for more epochs than were planned, or fewer, unless a schedule would then have been another from the
/// beginning, such as a [`Cosine`](super::schedule::Cosine) that ends with the last epoch: that is refused.
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

    fn exists(&self) -> bool {
        let exists = |path: &Path| std::fs::symlink_metadata(path).is_ok();
        let mut previous = self.path.clone().into_os_string();
        previous.push(".previous");
        exists(&self.path) || exists(Path::new(&previous))
    }
}

impl<T: Float> Training<'_, '_, T> {
    /// Saves if it is time, after a step or after an epoch, or if the training stops there.
    pub(super) fn save_if_due(&self, is_epoch_over: bool, stops: bool) -> Result<()> {
        let Some(checkpoints) = &self.settings.checkpoints else { return Ok(()) };
        let course = &self.course;
        let is_due = if is_epoch_over {
            course.epochs.len().is_multiple_of(checkpoints.every_epochs)
        } else {
            checkpoints.every_steps.is_some_and(|steps| course.steps.is_multiple_of(steps))
        };
        if is_due || stops { self.save(&checkpoints.path) } else { Ok(()) }
    }

    /// Takes up the training of the checkpoint, if there is one to resume.
    pub(super) fn resume(&mut self) -> Result<Option<Recovered>> {
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
        let optimizer = self.method();
        let kind = optimizer.split([' ', '{', '(']).next().unwrap_or_default();
        // The blocks of a stream make no difference where there is one, or no order but theirs.
        let blocks = match self.shuffles && block < samples {
            true => format!(" in blocks of {block}"),
            false => String::new(),
        };
        let weights = self.weights.map_or(String::new(), |weights| {
            format!(", {} sample weights with digest {}", weights.len(), digest_of(&[weights]))
        });
        format!(
            "{}seed {}, batch size {}, shuffle {}{blocks}, {samples} samples, {kind}{weights}{beside}{}",
            settings.stage,
            settings.seed,
            self.batch_size,
            self.shuffles,
            self.frozen()
        )
    }

    /// The method with its settings.
    fn method(&self) -> String {
        match self.method {
            Kind::Optimizer(optimizer) => optimizer.describe(),
            Kind::Lbfgs(lbfgs) => lbfgs.describe(),
        }
    }

    /// What tells the samples from others, where they are in memory.
    fn data(&self) -> Option<String> {
        self.fingerprint.map(|digest| format!("samples with digest {digest:016x}"))
    }

    /// What is frozen, and as what: a resumed training would replace it by what is in the file.
    fn frozen(&self) -> String {
        let tensors = self.model.layout().tensors().iter().filter(|tensor| tensor.is_frozen);
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
        texts.insert(METHOD.to_owned(), self.method());
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
        file.require("the training", &self.required, file.text("training")?)?;
        // A stream is not looked at, and a file of an early version does not know.
        if let (Some(ours), Ok(theirs)) = (self.data(), file.text(DATA)) {
            file.require("the training", &ours, theirs)?;
        }
        let optimizer = match self.run.optimizer_state.len() {
            0 => Vec::new(),
            length => file.take("optimizer", &[length])?,
        };
        let (mut course, is_known) = Course::of(file)?;
        if file.text(METHOD).is_ok_and(|saved| saved != self.method()) {
            (course.ended, course.ended_batches) = (None, 0);
        }
        if let Some(best) = &mut course.best {
            best.parameters = take_parameters(self.model.layout(), file, "best.")?;
            match self.model.state().len() {
                0 => {}
                length => best.state = file.take("best.regularizer.state", &[length])?,
            }
        }
        self.check_epochs(file, course.steps)?;
        self.model.replace(parts);
        self.run.optimizer_state = optimizer;
        self.run.set_known(is_known);
        self.course = course;
        Ok(())
    }
}

impl<T: Float> Training<'_, '_, T> {
    /// Refuses a training of another number of epochs whose schedules would have been others from the beginning: a
    /// rate that fell towards the end of 10 epochs would jump back in the eleventh of 20.
    fn check_epochs(&self, file: &Parts<'_>, steps: u64) -> Result<()> {
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

/// The names of terms, once for all epochs.
const TERMS: &str = "course.terms";
const VALIDATION: &str = "course.validation";
const DIVERGENCES: &str = "course.divergences";

/// Numbers are kept as the bits of doubles, so that they come back as they were.
impl<T> Course<T> {
    fn texts(&self, texts: &mut BTreeMap<String, String>) {
        let names = |terms: Option<&Terms>| {
            terms
                .map_or(Vec::new(), |terms| terms.iter().map(|(name, _)| name.to_owned()).collect())
        };
        let trained = self.epochs.iter().map(|epoch| &epoch.terms).chain([&self.terms]);
        let longest = trained.max_by_key(|terms| terms.iter().count());
        let validation = self.epochs.iter().find_map(|epoch| epoch.validation.as_ref());
        let divergences: Vec<_> = self.divergences.iter().map(stored_divergence).collect();
        texts.insert(TERMS.to_owned(), json(&names(longest)));
        texts.insert(VALIDATION.to_owned(), json(&names(validation)));
        texts.insert(DIVERGENCES.to_owned(), json(&divergences));
    }

    fn place(&self, start: Instant) -> Vec<u64> {
        let best = self.best.as_ref();
        let seconds = self.seconds + start.elapsed().as_secs_f64();
        let mut place = vec![
            self.epoch as u64,
            self.batch as u64,
            self.steps,
            self.forgotten,
            self.norms.to_bits(),
            self.rate.to_bits(),
            self.skipped.0 as u64,
            self.skipped.1.to_bits(),
            if self.batch == 0 { 0 } else { seconds.to_bits() },
            u64::from(best.is_some()),
            best.map_or(0, |best| best.epoch as u64),
            best.map_or(0, |best| best.monitored.to_bits()),
        ];
        push_terms(&self.terms, &mut place);
        let Counting { from, is_mixed, uncounted, without_improvement } = self.counting;
        let counting = [from, usize::from(is_mixed), uncounted, without_improvement];
        place.extend(counting.map(|count| count as u64));
        place
    }

    fn history(&self) -> Vec<u64> {
        let mut history = Vec::new();
        for epoch in &self.epochs {
            let numbers =
                [epoch.gradient_norm, epoch.rate, epoch.seconds, epoch.samples_per_second];
            history.push(epoch.epoch as u64);
            history.extend(numbers.map(f64::to_bits));
            push_terms(&epoch.terms, &mut history);
            history.push(u64::from(epoch.validation.is_some()));
            epoch.validation.iter().for_each(|terms| push_terms(terms, &mut history));
        }
        history
    }

    /// What methods that evaluate the objective by themselves add: of this epoch, of the training, and
    /// of each epoch before.
    fn evaluations(&self, is_known: bool) -> Vec<u64> {
        let ended = match self.ended {
            None => 0,
            Some(Ended::Converged(Convergence::Gradient)) => 1,
            Some(Ended::Converged(Convergence::Objective)) => 2,
            Some(Ended::Stuck) => 3,
        };
        let now = [self.evaluations, self.ended_batches, ended, usize::from(is_known)];
        let before = self.epochs.iter().map(|epoch| epoch.evaluations);
        now.into_iter().chain(before).map(|count| count as u64).collect()
    }
}

impl<T> Course<T> {
    /// What a file says, and whether the next step can do without its first evaluation; the best
    /// parameters are not there yet.
    fn of(file: &mut Parts<'_>) -> Result<(Self, bool)> {
        let names: Vec<String> = parsed(file, TERMS)?;
        let validation: Vec<String> = parsed(file, VALIDATION)?;
        let divergences: Vec<StoredDivergence> = parsed(file, DIVERGENCES)?;
        let (place, history) = (file.take_list("course.place")?, file.take_list("course.history")?);
        let evaluations = file.take_list("course.evaluations")?;
        let incomplete = || file.damaged(Problem::MissingMetadata { key: TERMS });
        let mut course = Self::new();
        course.divergences = divergences.into_iter().map(divergence).collect();
        course.read_place(&mut Words(&place), &names).ok_or_else(incomplete)?;
        let mut history = Words(&history);
        while !history.0.is_empty() {
            let epoch = read_epoch(&mut history, &names, &validation).ok_or_else(incomplete)?;
            course.epochs.push(epoch);
        }
        let is_known = course.read_evaluations(&mut Words(&evaluations)).ok_or_else(incomplete)?;
        Ok((course, is_known))
    }

    fn read_place(&mut self, words: &mut Words<'_>, names: &[String]) -> Option<()> {
        self.epoch = words.count()?;
        self.batch = words.count()?;
        self.steps = words.next()?;
        self.forgotten = words.next().filter(|&steps| steps <= self.steps)?;
        self.norms = words.number()?;
        self.rate = words.number()?;
        self.skipped = (words.count()?, words.number()?);
        self.seconds = words.number()?;
        let (has_best, epoch, monitored) = (words.next()?, words.count()?, words.number()?);
        if has_best == 1 {
            let (parameters, state) = (Vec::new(), Vec::new());
            self.best = Some(Best { epoch, monitored, parameters, state });
        }
        self.terms = words.terms(names)?;
        self.counting = match words.count() {
            Some(from) => Counting {
                from,
                is_mixed: words.next()? == 1,
                uncounted: words.count()?,
                without_improvement: words.count()?,
            },
            // Of a version in which every epoch counted.
            None => Counting {
                from: 1,
                without_improvement: self
                    .best
                    .as_ref()
                    .map_or(0, |best| self.epoch.saturating_sub(1).saturating_sub(best.epoch)),
                ..Counting::default()
            },
        };
        Some(())
    }

    fn read_evaluations(&mut self, words: &mut Words<'_>) -> Option<bool> {
        if words.0.is_empty() {
            return Some(false); // of a version that did not count
        }
        self.evaluations = words.count()?;
        self.ended_batches = words.count()?;
        self.ended = match words.next()? {
            1 => Some(Ended::Converged(Convergence::Gradient)),
            2 => Some(Ended::Converged(Convergence::Objective)),
            3 => Some(Ended::Stuck),
            _ => None,
        };
        let is_known = words.next()? == 1;
        for epoch in &mut self.epochs {
            epoch.evaluations = words.count()?;
        }
        Some(is_known)
    }
}

fn read_epoch(
    words: &mut Words<'_>,
    names: &[String],
    validation: &[String],
) -> Option<EpochReport> {
    let epoch = words.count()?;
    let gradient_norm = words.number()?;
    let rate = words.number()?;
    let seconds = words.number()?;
    let samples_per_second = words.number()?;
    let terms = words.terms(names)?;
    let validation = if words.next()? == 1 { Some(words.terms(validation)?) } else { None };
    Some(EpochReport {
        epoch,
        terms,
        validation,
        gradient_norm,
        rate,
        seconds,
        samples_per_second,
        evaluations: 0,
    })
}

fn push_terms(terms: &Terms, to: &mut Vec<u64>) {
    to.push(terms.iter().count() as u64);
    to.extend(terms.iter().map(|(_, value)| value.to_bits()));
}

/// Words that are read one after the other.
struct Words<'a>(&'a [u64]);

impl Words<'_> {
    fn next(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn count(&mut self) -> Option<usize> {
        self.next()?.try_into().ok()
    }

    fn number(&mut self) -> Option<f64> {
        self.next().map(f64::from_bits)
    }

    fn terms(&mut self, names: &[String]) -> Option<Terms> {
        let names = names.get(..self.count()?)?;
        let (values, rest) = self.0.split_at_checked(names.len())?;
        self.0 = rest;
        let values = values.iter().map(|&bits| f64::from_bits(bits));
        Some(Terms::of(names.iter().cloned().zip(values)))
    }
}

/// Epoch, batch, quantity, and the epoch that was restored, −1 for none, −2 for an end, −3 if the
/// training went on.
type StoredDivergence = (usize, usize, String, i64);

fn stored_divergence(divergence: &Divergence) -> StoredDivergence {
    let action = match divergence.action {
        DivergenceAction::Restored { epoch } => epoch as i64,
        DivergenceAction::SkippedBatch => -1,
        DivergenceAction::Stopped => -2,
        DivergenceAction::Continued => -3,
    };
    (divergence.epoch, divergence.batch, divergence.quantity.clone(), action)
}

fn divergence((epoch, batch, quantity, action): StoredDivergence) -> Divergence {
    let action = match action {
        -2 => DivergenceAction::Stopped,
        -3 => DivergenceAction::Continued,
        epoch if epoch >= 0 => DivergenceAction::Restored { epoch: epoch as usize },
        _ => DivergenceAction::SkippedBatch,
    };
    Divergence { epoch, batch, quantity, action }
}

/// Texts and whole numbers always become JSON.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<V: serde::de::DeserializeOwned>(file: &Parts<'_>, key: &'static str) -> Result<V> {
    let wrong = |_| file.damaged(Problem::MissingMetadata { key });
    serde_json::from_str(file.text(key)?).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_comes_back_as_it_was_stored() {
        for action in [
            DivergenceAction::Stopped,
            DivergenceAction::SkippedBatch,
            DivergenceAction::Continued,
            DivergenceAction::Restored { epoch: 0 },
            DivergenceAction::Restored { epoch: 3 },
        ] {
            let found = Divergence { epoch: 2, batch: 7, quantity: "the gradient".into(), action };
            assert_eq!(divergence(stored_divergence(&found)), found);
        }
    }
}
