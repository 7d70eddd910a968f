//! A score at work on what a network makes of samples. No type here knows more of a model than its numbers.

use std::ops::Range;

use super::conformal::length_of;
use super::fingerprints::{fingerprints, shared, unrepeated};
use super::novelty::{LOOKED_AT, Novelty, nearest};
use super::outlier::{check_magnitudes, check_normalized};
use super::passes::{AnomalyWorkspace, Asked};
use super::{AnomalyScore, Conformal, Reference, Threshold};
use crate::batch::{
    BatchView, BatchViewMut, check_finite, check_not_empty, check_present, check_shape,
};
use crate::data::Normalizer;
use crate::error::{Error, Result, require, require_fit};
use crate::loss::Target;
use crate::model::blocks::{blocks, in_blocks, shares};
use crate::model::inference::InMemory;
use crate::model::lots::in_lots;
use crate::model::network::Network;
use crate::numbers::scalar::{Float, is_nan, quantile_of_sorted};
use crate::train::examples::{Rows, Samples};

/// What a detector has learned of normal samples, beside what its score has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    /// Of each feature, as the encoder takes it, over the reference.
    pub(super) medians: Vec<f64>,
    pub(crate) conformal: Option<Conformal>,
    pub(crate) threshold: Option<Threshold>,
    pub(super) novelty: Novelty,
    /// The [`fingerprints`] of the reference.
    pub(super) reference: Vec<f64>,
    /// How many of the calibrating samples are of the reference too.
    pub(crate) shared: usize,
}

impl Learned {
    /// Sets the threshold, above which changes of constant columns are too.
    pub(super) fn set_threshold(&mut self, threshold: Threshold) {
        self.threshold = Some(threshold);
        self.novelty.rise_above(threshold.value());
    }
}

/// A network, and a score of what it makes of samples.
#[derive(Debug)]
pub(crate) struct Judge<'a, T: Float> {
    pub(crate) network: &'a Network<T>,
    pub(crate) score: &'a dyn AnomalyScore<T>,
    pub(super) novelty: &'a Novelty,
}

/// Samples of a call as the user gave them, and as the encoder takes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken<'a, T> {
    pub(super) given: BatchView<'a, T>,
    pub(super) rows: Rows<'a, T>,
}

/// Fits a score to normal samples.
pub(super) fn fit<T: Float>(
    network: &Network<T>,
    score: &mut dyn AnomalyScore<T>,
    given: InMemory<'_, T>,
) -> Result<Learned> {
    let call = "AnomalyDetector::fit";
    let judge = Judge { network, score: &*score, novelty: &Novelty::default() };
    judge.check()?;
    let (prints, mut buffer) = (fingerprints(&given), Vec::new());
    let Taken { given, rows } = judge.taken(call, given, &mut buffer)?;
    check_magnitudes(call, given)?;
    if network.normalizer.is_some() {
        check_normalized(call, rows.x)?;
    }
    if network.loss.target() == Target::Input {
        // Normal samples have a level of each category; what is new is for those that are scored.
        network.check_wholes(call, rows.x, |_| false)?;
    }
    let mut reference = Reference::new(network.facts.features, network.facts.units);
    let mut workspace = AnomalyWorkspace::new(network);
    let asked = judge.asked();
    for block in blocks(rows) {
        for seen in workspace.passes.over(block, network, asked) {
            reference.push(seen);
        }
    }
    score.fit(&reference).map_err(|error| in_words_of_table(error, network))?;
    let mut column = Vec::with_capacity(reference.samples());
    let medians = (0..reference.features()).map(|feature| {
        column.clear();
        let there = reference.iter().filter(|seen| !seen.is_missing(feature));
        column.extend(there.map(|seen| seen.x[feature].to_double()));
        column.sort_unstable_by(f64::total_cmp);
        let fills = network.fills().and_then(Normalizer::fills).filter(|_| column.is_empty());
        fills.map_or_else(|| quantile_of_sorted(&column, 0.5), |fills| fills[feature])
    });
    let medians = medians.collect();
    let mut features = vec![0.0; reference.features()];
    let mut scratch = vec![0.0; score.scratch_len(features.len())];
    let few = reference.iter().step_by(reference.samples().div_ceil(LOOKED_AT).max(1));
    let scores = few.map(|seen| score.score(&seen, &mut features, &mut scratch));
    let novelty = Novelty::of(given, network.normalizer.as_ref()).weighed(scores);
    Ok(Learned { medians, novelty, reference: prints, ..Learned::default() })
}

/// The refusal of a feature without any value, with the name of its column if the samples are rows of a table.
fn in_words_of_table<T: Float>(error: Error, network: &Network<T>) -> Error {
    #[cfg(feature = "table")]
    if let Error::EmptyFeature { feature, .. } = error
        && let Some(schema) = network.normalizer.as_ref().and_then(Normalizer::schema)
        // Of a window one step is missing, and not the column.
        && network.facts.features == schema.features()
    {
        return schema.missing_throughout(feature);
    }
    let _ = network;
    error
}

impl<T: Float> Judge<'_, T> {
    fn asked(&self) -> Asked {
        let (reconstruction, draws) = (self.score.needs_reconstruction(), self.score.draws());
        Asked { reconstruction, draws }
    }

    /// Refuses a network that the score is not for, as types do where they can tell.
    pub(super) fn check(&self) -> Result<()> {
        let Asked { reconstruction, draws } = self.asked();
        let target = self.network.loss.target();
        let is_possible = target == Target::Input || !reconstruction && draws.is_none();
        let fault =
            "compares a sample with its reconstruction, and a model with targets makes none";
        let remedy = "take `CodeDistance` or `NearestNeighbours`";
        require_fit(is_possible || target == Target::Class, "this score", fault, remedy)?;
        let classes = self.network.outputs() as f64;
        let requirement = "none: this score compares a sample with its reconstruction, and a classifier makes none";
        require(is_possible, "the number of classes of the model", classes, requirement)?;
        self.score.check(&self.network.facts)
    }

    /// The samples of a call, checked and as the encoder takes them.
    pub(super) fn taken<'x>(
        &self,
        call: &'static str,
        given: InMemory<'x, T>,
        buffer: &'x mut Vec<T>,
    ) -> Result<Taken<'x, T>> {
        let given = self.checked(call, given)?;
        Ok(Taken { given: given.x, rows: self.accepted(call, given, buffer)? })
    }

    /// The samples of a call as the user gave them, whose values are not looked at yet, with conditions as the model
    /// takes them.
    fn checked<'x>(&self, call: &'static str, given: InMemory<'x, T>) -> Result<Rows<'x, T>> {
        let InMemory { x, conditions, .. } = given;
        check_shape(call, self.network.facts.features, x)?;
        self.network.check_conditions(call, conditions, x.samples())?;
        Ok(Rows { x, conditions, targets: None })
    }

    /// Samples as the encoder takes them, if they are finite. Of what the loss is not defined on only that is refused
    /// which the score compares by it and the loss has no other value for.
    fn accepted<'x>(
        &self,
        call: &'static str,
        given: Rows<'x, T>,
        buffer: &'x mut Vec<T>,
    ) -> Result<Rows<'x, T>> {
        let network = self.network;
        self.check_missing(call, given.x)?;
        let x = self.normalized(given.x, false, buffer)?;
        if self.compares() {
            let has_other = |x, feature| {
                let loss = &*network.loss;
                is_nan(x) || loss.accepts(nearest(loss, x, feature), feature)
            };
            network.check_values(call, x, has_other)?;
        }
        if network.fills().is_some() && network.loss.target() == Target::Input {
            // Whatever shares add up to, a category is there or it is missing.
            network.check_wholes(call, x, |_| true)?;
        }
        Ok(Rows { x, ..given })
    }

    /// Refuses samples with values that are not finite, unless these are missing and model and score let them be; and those
    /// without any.
    fn check_missing(&self, call: &'static str, x: BatchView<'_, T>) -> Result<()> {
        let features = self.network.facts.features;
        if self.network.fills().is_none() {
            return check_finite(call, features, x);
        }
        check_present(call, features, x)?;
        check_not_empty(call, x)?;
        let can_be = self.score.skips_missing() || !x.as_slice().iter().any(|&x| is_nan(x));
        let (part, fault) = ("the score", "does not skip missing values, and samples have some");
        let remedy = "give it `AnomalyScore::skips_missing`, or take a score of this crate";
        require_fit(can_be, part, fault, remedy)
    }

    /// Samples as the encoder takes them, in the buffer if they are not the same, with constant columns held that are
    /// off by rounding, or all. What would be beyond all numbers is the greatest of them.
    pub(super) fn normalized<'x>(
        &self,
        given: BatchView<'x, T>,
        holds_all: bool,
        buffer: &'x mut Vec<T>,
    ) -> Result<BatchView<'x, T>> {
        let features = given.features();
        if self.network.normalizer.is_none() && !given.iter().any(|x| self.novelty.is_off(x)) {
            return Ok(given);
        }
        buffer.clear();
        buffer.extend_from_slice(given.as_slice());
        self.novelty.hold(features, buffer, holds_all);
        if let Some(normalizer) = &self.network.normalizer {
            normalizer.apply_within_range(BatchViewMut::new(buffer, features))?;
        }
        Ok(BatchView::new(buffer, features))
    }

    /// Whether the loss compares samples for the score.
    pub(super) fn compares(&self) -> bool {
        self.score.draws().is_some() && self.network.loss.target() == Target::Input
    }

    /// The score of a sample with what lies outside the loss, which goes to what its features contribute too.
    pub(super) fn with_outside(&self, x: &[T], score: f64, contributions: &mut [f64]) -> f64 {
        self.novelty.add(x, &*self.network.loss, self.compares(), score, contributions)
    }

    /// Writes the score of each sample of a block and, where they are wanted, what its features contribute; with their
    /// novelties, if the samples are given as the user gave them. A score that is no number is as odd as can be.
    pub(super) fn rate(
        &self,
        rows: Rows<'_, T>,
        given: Option<BatchView<'_, T>>,
        workspace: &mut AnomalyWorkspace<T>,
        scores: &mut [f64],
        contributions: Option<&mut [f64]>,
    ) {
        let AnomalyWorkspace { passes, features, scratch } = workspace;
        let width = rows.x.features();
        features.resize(width, 0.0);
        scratch.resize(self.score.scratch_len(width), 0.0);
        let mut contributions = contributions.map(|all| all.chunks_exact_mut(width));
        let is_possible = self.novelty.is_possible(&*self.network.loss, self.compares());
        let given = given.filter(|_| is_possible);
        let mut given = given.map(|given| given.iter());
        for (seen, to) in passes.over(rows, self.network, self.asked()).zip(scores) {
            let mut score = self.score.score(&seen, features, scratch);
            if let Some(given) = given.as_mut().and_then(Iterator::next) {
                score = self.with_outside(seen.x, score, features);
                score = self.novelty.lift(given, score, features);
            }
            if score.is_nan() {
                score = f64::INFINITY;
                let parts = features.iter_mut().filter(|part| part.is_nan());
                parts.for_each(|part| *part = f64::INFINITY);
            }
            *to = score;
            if let Some(to) = contributions.as_mut().and_then(Iterator::next) {
                to.copy_from_slice(features);
            }
        }
    }

    /// The same of samples as the user gave them, in blocks.
    fn rate_given(
        &self,
        call: &'static str,
        given: Rows<'_, T>,
        workspaces: &mut [AnomalyWorkspace<T>],
        (scores, contributions): (&mut [f64], Option<BatchViewMut<'_, f64>>),
    ) -> Result<()> {
        let samples = (given.x.samples(), self.network.block());
        let data = (given, scores, contributions);
        in_blocks(workspaces, samples, data, |workspace, (given, scores, mut contributions)| {
            let mut buffer = std::mem::take(&mut workspace.passes.model.taken);
            let accepted = self.accepted(call, given, &mut buffer).map(|rows| {
                let contributions = contributions.as_mut().map(BatchViewMut::as_mut_slice);
                self.rate(rows, Some(given.x), workspace, scores, contributions);
            });
            workspace.passes.model.taken = buffer;
            accepted
        })
    }

    /// A workspace for each share of so many samples.
    fn workspaces(&self, samples: usize) -> Vec<AnomalyWorkspace<T>> {
        let draws = self.asked().draws.map_or(1, |draws| draws.count);
        let shares =
            shares(samples, self.network.block(), self.network.cost().saturating_mul(draws));
        (0..shares).map(|_| AnomalyWorkspace::new(self.network)).collect()
    }

    /// The score of each sample.
    pub(crate) fn scores(&self, call: &'static str, samples: Samples<'_, T>) -> Result<Vec<f64>> {
        let (mut scores, mut workspaces) = (Vec::new(), Vec::new());
        in_lots(call, self.network, samples, &mut |first, given| {
            let given = self.checked(call, given)?;
            let samples = given.x.samples();
            if first == 0 {
                workspaces = self.workspaces(samples);
            }
            scores.resize(first + samples, 0.0);
            self.rate_given(call, given, &mut workspaces, (&mut scores[first..], None))
        })?;
        Ok(scores)
    }

    /// What the features of each sample contribute.
    pub(super) fn contributions(
        &self,
        call: &'static str,
        given: InMemory<'_, T>,
    ) -> Result<Vec<f64>> {
        let given = self.checked(call, given)?;
        let (samples, features) = (given.x.samples(), given.x.features());
        let (mut scores, mut all) = (vec![0.0; samples], vec![0.0; samples * features]);
        let to = (&mut scores[..], Some(BatchViewMut::new(&mut all, features)));
        self.rate_given(call, given, &mut self.workspaces(samples), to)?;
        Ok(all)
    }

    /// The score of one sample, and what its features contribute.
    pub(super) fn score_one(
        &self,
        given: InMemory<'_, T>,
        features: &mut [f64],
        workspace: &mut AnomalyWorkspace<T>,
    ) -> Result<f64> {
        let given = self.checked("score_one", given)?;
        let mut score = [0.0];
        let contributions = BatchViewMut::new(features, given.x.features());
        let workspaces = std::slice::from_mut(workspace);
        self.rate_given("score_one", given, workspaces, (&mut score, Some(contributions)))?;
        Ok(score[0])
    }

    /// What is known with held-out normal samples beside the reference: their scores, or the greatest of each block, how
    /// many of these samples the score was fitted to, and how odd normal samples can be. Samples in no block tell nothing.
    pub(super) fn calibration(
        &self,
        call: &'static str,
        reference: &[f64],
        given: InMemory<'_, T>,
        blocks: Option<&[Range<usize>]>,
    ) -> Result<(Conformal, usize, Novelty)> {
        let Rows { x, conditions, .. } = self.checked(call, given)?;
        let all = 0..x.samples();
        let counted = blocks.unwrap_or(std::slice::from_ref(&all));
        if blocks.is_some() {
            length_of(counted, x.samples())?;
        }
        let mut buffers = (Vec::new(), Vec::new());
        let inside = match blocks {
            None => InMemory { x, conditions, labels: None },
            Some(blocks) => InMemory {
                x: selected(x, blocks, &mut buffers.0),
                conditions: conditions.map(|given| selected(given, blocks, &mut buffers.1)),
                labels: None,
            },
        };
        let prints = fingerprints(&inside);
        // Without the changes that normal samples turn out to have.
        let novelty = self.novelty.clone().unchanged_by(inside.x);
        let given = InMemory { x, conditions, labels: None };
        let scores = Judge { novelty: &novelty, ..*self }.scores(call, given.into())?;
        let of_counted = counted.iter().flat_map(|block| &scores[block.clone()]);
        let novelty = novelty.weighed_again(of_counted.copied());
        let conformal = match blocks {
            None => Conformal::new(scores)?,
            Some(blocks) => Conformal::of_blocks(&scores, blocks)?,
        };
        let count = shared(&prints, reference);
        // Where samples repeat, as those of a few categories do, others may have the same values. Of kinds with the
        // shares p, others have those of n samples that do not repeat with probability Σ p n p (1 − p)ⁿ⁻¹, at most about 1/e.
        let seen = shared(&prints, &unrepeated(reference));
        let are_same = count == prints.len() && prints.len() == reference.len();
        let name = match blocks {
            None => "the number of samples of `calibrate` that the score was fitted to",
            Some(_) => {
                "the number of samples in blocks of `calibrate_blocks` that the score was fitted to"
            }
        };
        let requirement = "less than half of them: of samples that the score has seen there is no guarantee, so take \
                           other normal ones";
        require(2 * seen < prints.len() && !are_same, name, count as f64, requirement)?;
        Ok((conformal, count, novelty))
    }
}

/// The samples of these blocks, one after the other.
fn selected<'a, T: Float>(
    all: BatchView<'_, T>,
    blocks: &[Range<usize>],
    buffer: &'a mut Vec<T>,
) -> BatchView<'a, T> {
    let features = all.features();
    for block in blocks {
        buffer.extend_from_slice(&all.as_slice()[block.start * features..block.end * features]);
    }
    BatchView::new(buffer, features)
}
