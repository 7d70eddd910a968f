//! A score at work on what a network makes of samples. No type here knows more of a model than its numbers.

use super::passes::{AnomalyWorkspace, Asked, Blocks};
use super::{AnomalyScore, Column, Conformal, Explanation, Reference, Threshold};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require};
use crate::loss::Target;
use crate::model::inference::InMemory;
use crate::model::network::Network;
use crate::numbers::scalar::{Float, quantile_of_sorted};
use crate::train::examples::Rows;

/// What a detector has learned of normal samples, beside what its score has.
#[derive(Debug, Clone, Default)]
pub(super) struct Learned {
    /// Of each feature, as the encoder takes it, over the reference.
    pub(super) medians: Vec<f64>,
    pub(super) conformal: Option<Conformal>,
    pub(super) threshold: Option<Threshold>,
}

/// A network, and a score of what it makes of samples.
#[derive(Debug)]
pub(super) struct Judge<'a, T: Float> {
    pub(super) network: &'a Network<T>,
    pub(super) score: &'a dyn AnomalyScore<T>,
}

/// Fits a score to normal samples.
pub(super) fn fit<T: Float>(
    network: &Network<T>,
    score: &mut dyn AnomalyScore<T>,
    given: InMemory<'_, T>,
) -> Result<Learned> {
    let judge = Judge { network, score: &*score };
    judge.check()?;
    let mut buffer = Vec::new();
    let rows = judge.taken("AnomalyDetector::fit", given, &mut buffer)?;
    let mut reference = Reference::new(network.facts.features, network.facts.units);
    let mut workspace = AnomalyWorkspace::new(network);
    let asked = judge.asked();
    for block in Blocks::of(rows) {
        for seen in workspace.passes.over(block, network, asked, true) {
            reference.push(seen);
        }
    }
    score.fit(&reference)?;
    let mut column = Vec::with_capacity(reference.samples());
    let medians = (0..reference.features()).map(|feature| {
        column.clear();
        column.extend(reference.iter().map(|seen| seen.x[feature].to_double()));
        column.sort_unstable_by(f64::total_cmp);
        quantile_of_sorted(&column, 0.5)
    });
    Ok(Learned { medians: medians.collect(), ..Learned::default() })
}

impl<T: Float> Judge<'_, T> {
    fn asked(&self) -> Asked {
        let (reconstruction, draws) = (self.score.needs_reconstruction(), self.score.draws());
        Asked { reconstruction, draws }
    }

    /// Refuses a network that the score is not for, as types do where they can tell.
    pub(super) fn check(&self) -> Result<()> {
        let Asked { reconstruction, draws } = self.asked();
        let has_classes = self.network.loss.target() == Target::Class;
        let is_possible = !has_classes || !reconstruction && draws.is_none();
        let classes = self.network.outputs() as f64;
        let requirement = "none: this score compares a sample with its reconstruction, and a classifier makes none";
        require(is_possible, "the number of classes of the model", classes, requirement)?;
        self.score.check(&self.network.facts)
    }

    /// The samples of a call, checked and as the encoder takes them.
    fn taken<'x>(
        &self,
        call: &'static str,
        given: InMemory<'x, T>,
        buffer: &'x mut Vec<T>,
    ) -> Result<Rows<'x, T>> {
        let x = self.network.compared(call, given.x, buffer)?;
        self.network.check_conditions(call, given.conditions, x.samples())?;
        Ok(Rows { x, conditions: given.conditions, targets: None })
    }

    /// Writes the score of each sample and, where they are wanted, what its features contribute. A score that is
    /// no number is as odd as can be.
    fn rate(
        &self,
        rows: Rows<'_, T>,
        is_padded: bool,
        workspace: &mut AnomalyWorkspace<T>,
        scores: &mut [f64],
        contributions: Option<&mut [f64]>,
    ) {
        let AnomalyWorkspace { passes, features, scratch } = workspace;
        let width = rows.x.features();
        features.resize(width, 0.0);
        scratch.resize(self.score.scratch_len(width), 0.0);
        let mut contributions = contributions.map(|all| all.chunks_exact_mut(width));
        let (mut scores, asked) = (scores.iter_mut(), self.asked());
        for block in Blocks::of(rows) {
            let samples = passes.over(block, self.network, asked, is_padded);
            for (seen, to) in samples.zip(&mut scores) {
                let score = self.score.score(&seen, features, scratch);
                *to = if score.is_nan() { f64::INFINITY } else { score };
                if let Some(to) = contributions.as_mut().and_then(Iterator::next) {
                    to.copy_from_slice(features);
                }
            }
        }
    }

    /// The score of each sample.
    pub(super) fn scores(&self, call: &'static str, given: InMemory<'_, T>) -> Result<Vec<f64>> {
        let mut buffer = Vec::new();
        let rows = self.taken(call, given, &mut buffer)?;
        let mut scores = vec![0.0; rows.x.samples()];
        self.rate(rows, true, &mut AnomalyWorkspace::new(self.network), &mut scores, None);
        Ok(scores)
    }

    /// What the features of each sample contribute.
    pub(super) fn contributions(
        &self,
        call: &'static str,
        given: InMemory<'_, T>,
    ) -> Result<Vec<f64>> {
        let mut buffer = Vec::new();
        let rows = self.taken(call, given, &mut buffer)?;
        let mut scores = vec![0.0; rows.x.samples()];
        let mut all = vec![0.0; rows.x.as_slice().len()];
        let workspace = &mut AnomalyWorkspace::new(self.network);
        self.rate(rows, true, workspace, &mut scores, Some(&mut all));
        Ok(all)
    }

    /// The score of one sample, and what its features contribute.
    pub(super) fn score_one(
        &self,
        given: InMemory<'_, T>,
        features: &mut [f64],
        workspace: &mut AnomalyWorkspace<T>,
    ) -> Result<f64> {
        let mut buffer = std::mem::take(&mut workspace.passes.model.taken);
        let score = self.taken("score_one", given, &mut buffer).map(|rows| {
            let mut score = [0.0];
            self.rate(rows, false, workspace, &mut score, Some(features));
            score[0]
        });
        workspace.passes.model.taken = buffer;
        score
    }

    /// Which columns made a sample odd.
    pub(super) fn explain(&self, learned: &Learned, given: InMemory<'_, T>) -> Result<Explanation> {
        let (row, mut buffer) = (given.x.as_slice(), Vec::new());
        let rows = self.taken("explain", given, &mut buffer)?;
        let mut workspace = AnomalyWorkspace::new(self.network);
        let (mut score, mut contributions) = ([0.0], vec![0.0; rows.x.features()]);
        self.rate(rows, true, &mut workspace, &mut score, Some(&mut contributions));
        let [score] = score;
        let mut of_code = rest(score, &contributions).max(0.0);
        // Rounding is no code.
        if of_code > 1e-9 * score.abs() {
            let falls = self.falls(of_code, rows, &learned.medians, &mut workspace);
            let all: f64 = falls.iter().sum();
            if all > 0.0 && all.is_finite() {
                for (to, fall) in contributions.iter_mut().zip(&falls) {
                    *to += of_code * fall / all;
                }
                of_code = 0.0;
            }
        }
        let expected = self.expected(rows, &learned.medians)?;
        let infinite = contributions.iter().filter(|part| part.is_infinite()).count();
        let share = |part: f64| match part / score {
            _ if score <= 0.0 => 0.0,
            share if share.is_nan() => 1.0 / infinite as f64,
            share => share,
        };
        let columns = contributions.iter().enumerate().map(|(feature, &contribution)| Column {
            feature,
            value: row[feature].to_double(),
            reconstruction: expected[feature].to_double(),
            contribution,
            share: share(contribution),
        });
        let mut columns: Vec<Column> = columns.collect();
        columns.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        Ok(Explanation {
            score,
            threshold: learned.threshold.map(Threshold::value),
            p_value: learned.conformal.as_ref().map(|conformal| conformal.p_value(score)),
            columns,
            code_share: if of_code > 0.0 { share(of_code) } else { 0.0 },
        })
    }

    /// By how much the code's part of the score of one sample falls when a column takes its median.
    fn falls(
        &self,
        of_code: f64,
        rows: Rows<'_, T>,
        medians: &[f64],
        workspace: &mut AnomalyWorkspace<T>,
    ) -> Vec<f64> {
        let features = rows.x.features();
        let mut exchanged = rows.x.as_slice().repeat(features);
        for (feature, &median) in medians.iter().enumerate() {
            exchanged[feature * features + feature] = T::of(median);
        }
        let repeat = |view: BatchView<'_, T>| view.as_slice().repeat(features);
        let conditions = rows.conditions.map(repeat);
        let conditions = conditions.as_deref();
        let rows = Rows {
            x: BatchView::new(&exchanged, features),
            conditions: conditions.map(|all| BatchView::new(all, self.network.facts.condition)),
            targets: None,
        };
        let (mut scores, mut contributions) = (vec![0.0; features], vec![0.0; features * features]);
        self.rate(rows, true, workspace, &mut scores, Some(&mut contributions));
        let exchanged = scores.iter().zip(contributions.chunks_exact(features));
        exchanged.map(|(&score, features)| (of_code - rest(score, features)).max(0.0)).collect()
    }

    /// What the model expects of one sample, in the user's units: its reconstruction or, of a classifier, which makes
    /// none, medians.
    fn expected(&self, rows: Rows<'_, T>, medians: &[f64]) -> Result<Vec<T>> {
        let (network, features) = (self.network, rows.x.features());
        if network.loss.target() == Target::Input {
            let mut workspace = network.workspace();
            network.infer(&mut workspace, rows);
            network.generate_from_mean(&mut workspace, rows.conditions);
            let mut outputs = workspace.decoding.output;
            network.restore(BatchViewMut::new(&mut outputs, features))?;
            return Ok(outputs);
        }
        let mut medians: Vec<T> = medians.iter().map(|&median| T::of(median)).collect();
        if let Some(normalizer) = &network.normalizer {
            normalizer.undo(BatchViewMut::new(&mut medians, features))?;
        }
        Ok(medians)
    }
}

/// What is in a score beyond what features contribute.
fn rest(score: f64, contributions: &[f64]) -> f64 {
    score - contributions.iter().sum::<f64>()
}
