//! A course in a checkpoint: its numbers as the bits of doubles, so that they come back as they were.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Best, Course};
use crate::error::{Problem, Result};
use crate::file::stored::Parts;
use crate::terms::Terms;
use crate::train::run::Ended;
use crate::train::schedules::Counting;
use crate::train::{Convergence, Divergence, DivergenceAction, EpochReport};

/// The names of terms, once for all epochs.
const TERMS: &str = "course.terms";
const VALIDATION: &str = "course.validation";
const DIVERGENCES: &str = "course.divergences";

/// Numbers are kept as the bits of doubles, so that they come back as they were.
impl<T> Course<T> {
    pub(in crate::train) fn texts(&self, texts: &mut BTreeMap<String, String>) {
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

    pub(in crate::train) fn place(&self, start: Instant) -> Vec<u64> {
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
        let counting = &self.counting;
        place.extend([
            counting.from as u64,
            counting.weights,
            u64::from(counting.is_mixed),
            counting.weights_of_best,
            counting.uncounted as u64,
            counting.without_improvement as u64,
        ]);
        place
    }

    pub(in crate::train) fn history(&self) -> Vec<u64> {
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
    pub(in crate::train) fn evaluations(&self, is_known: bool) -> Vec<u64> {
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
    pub(in crate::train) fn of(file: &mut Parts<'_>) -> Result<(Self, bool)> {
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
                weights: words.next()?,
                is_mixed: words.next()? == 1,
                weights_of_best: words.next()?,
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
