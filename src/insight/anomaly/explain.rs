//! Which columns made a sample odd.

#[cfg(feature = "table")]
use super::in_words::cells;
use super::judge::{Judge, Learned, Taken};
use super::{AnomalyWorkspace, Column, Explanation, Threshold};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Error, Result};
use crate::loss::Target;
use crate::model::blocks::BLOCK;
use crate::model::inference::InMemory;
use crate::numbers::scalar::{Float, is_nan};
use crate::train::examples::Rows;

/// Passes in which what the model expects of a column comes to rest.
const PASSES: usize = 10;

/// A score among columns and the code.
struct Divided {
    contributions: Vec<f64>,
    of_code: f64,
    is_novel: Vec<bool>,
}

impl<T: Float> Judge<'_, T> {
    /// Which columns made a sample odd.
    pub(crate) fn explain(&self, learned: &Learned, given: InMemory<'_, T>) -> Result<Explanation> {
        let (mut buffer, mut held_buffer) = (Vec::new(), Vec::new());
        let Taken { given, rows } = self.taken("explain", given, &mut buffer)?;
        let row = given.as_slice();
        let mut workspace = AnomalyWorkspace::new(self.network);
        let (mut score, mut contributions) = ([0.0], vec![0.0; rows.x.features()]);
        self.rate(rows, Some(given), &mut workspace, &mut score, None);
        let [score] = score;
        // What the model makes of a change of a constant column, which it was never trained on, means nothing, and would
        // be blamed on others. So these are explained without, and the rest is the change's.
        let taken = rows.x.as_slice();
        let x = self.normalized(given, true, &mut held_buffer)?;
        let rows = Rows { x, ..rows };
        let mut of_others = [0.0];
        self.rate(rows, None, &mut workspace, &mut of_others, Some(&mut contributions));
        let [of_others] = of_others;
        let mut falls = self.falls(of_others, rows, &learned.medians, &mut workspace)?;
        if of_others.is_infinite() && falls.iter().any(|fall| fall.is_infinite()) {
            // Beyond all measure is what makes the score so, and not what the model then makes of the others.
            let pairs = contributions.iter_mut().zip(&falls);
            pairs.for_each(|(to, fall)| *to = if fall.is_infinite() { *fall } else { 0.0 });
        }
        // What is missing made nothing odd.
        let missing = falls.iter_mut().zip(rows.x.as_slice()).filter(|(_, x)| is_nan(**x));
        missing.for_each(|(fall, _)| *fall = 0.0);
        let all: f64 = falls.iter().sum();
        let mut of_code = (of_others - contributions.iter().sum::<f64>()).max(0.0);
        if all > 0.0 && (all + of_others).is_finite() {
            let divided = contributions.iter_mut().zip(&falls);
            divided.for_each(|(to, fall)| *to = of_others.max(0.0) * (fall / all));
            of_code = 0.0;
        }
        // Another level of a group makes room for one that was never seen: what it seems to lack is that one's.
        let loss = &*self.network.loss;
        self.novelty.gather(row, taken, loss, &mut contributions);
        let without = contributions.clone();
        // Shares add up with what has changed, or do not: it is not taken from their sum.
        let of_others = self.with_outside(taken, of_others, &mut contributions);
        let is_outside = contributions.iter().zip(&without).map(|(with, without)| with > without);
        let mut is_novel: Vec<bool> = is_outside.collect();
        let changed: f64 = self.novelty.changes(row).map(|(_, amount)| amount).sum();
        if changed > 0.0 {
            // What the score has beyond the others, and at least as much of it as the change asks for beside them.
            let others = of_others.max(0.0);
            let of_change = (score - others).max(score * (changed / (changed + others)));
            if others > 0.0 && score.is_finite() {
                let share = (score - of_change) / others;
                contributions.iter_mut().chain([&mut of_code]).for_each(|part| *part *= share);
            }
            for (feature, amount) in self.novelty.changes(row) {
                contributions[feature] += of_change * (amount / changed);
                is_novel[feature] = true;
            }
        }
        let parts = Divided { contributions, of_code, is_novel };
        self.told(learned, (row, rows), score, parts, &falls)
    }

    /// The same by the score's own terms: in a pass or two, and with columns blamed for what the fault of another has made
    /// of their reconstruction.
    #[cfg(feature = "html")]
    pub(crate) fn explain_by_terms(
        &self,
        learned: &Learned,
        given: InMemory<'_, T>,
    ) -> Result<Explanation> {
        let mut buffer = Vec::new();
        let Taken { given, rows } = self.taken("explain", given, &mut buffer)?;
        let row = given.as_slice();
        let mut workspace = AnomalyWorkspace::new(self.network);
        let (mut score, mut contributions) = ([0.0], vec![0.0; row.len()]);
        self.rate(rows, Some(given), &mut workspace, &mut score, Some(&mut contributions));
        let [score] = score;
        let mut outside = vec![0.0; row.len()];
        self.with_outside(rows.x.as_slice(), 0.0, &mut outside);
        let mut is_novel: Vec<bool> = outside.iter().map(|&part| part > 0.0).collect();
        self.novelty.changes(row).for_each(|(feature, _)| is_novel[feature] = true);
        let of_code = (score - contributions.iter().sum::<f64>()).max(0.0);
        let parts = Divided { contributions, of_code, is_novel };
        self.told(learned, (row, rows), score, parts, &[])
    }

    /// An explanation from a score that is divided; columns that contribute alike are in the order of what it falls by.
    fn told(
        &self,
        learned: &Learned,
        (row, rows): (&[T], Rows<'_, T>),
        score: f64,
        divided: Divided,
        falls: &[f64],
    ) -> Result<Explanation> {
        let Divided { mut contributions, of_code, is_novel } = divided;
        let not_a_number = contributions.iter_mut().filter(|part| part.is_nan());
        not_a_number.for_each(|part| *part = f64::INFINITY);
        let expected = self.expected(rows, &learned.medians)?;
        let parts = contributions.iter().chain([&of_code]);
        let infinite = parts.filter(|part| part.is_infinite()).count();
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
            is_novel: is_novel[feature],
            is_missing: is_nan(row[feature]),
        });
        let mut columns: Vec<Column> = columns.collect();
        // Of a score that is not positive nothing is divided; the falls still tell the columns apart.
        columns.sort_by(|a, b| {
            let fall = |column: &Column| falls.get(column.feature).copied().unwrap_or(0.0);
            let by_fall = || fall(b).total_cmp(&fall(a));
            b.contribution.total_cmp(&a.contribution).then_with(by_fall)
        });
        // Rounding is no code; of a score beyond all numbers nothing is rounding.
        let is_of_code = of_code.is_infinite() || of_code > 1e-9 * score.abs();
        #[cfg(feature = "table")]
        let cells = {
            let normalizer = self.network.normalizer.as_ref();
            let schema = normalizer.and_then(|normalizer| normalizer.schema());
            let cells = schema.map(|schema| cells(schema, row, &expected, &columns));
            cells.transpose()?.unwrap_or_default()
        };
        Ok(Explanation {
            score,
            threshold: learned.threshold.map(Threshold::value),
            p_value: learned.conformal.as_ref().map(|conformal| conformal.p_value(score)),
            columns,
            code_share: if is_of_code { share(of_code) } else { 0.0 },
            #[cfg(feature = "table")]
            cells,
        })
    }

    /// By how much the score of one sample falls, novelties apart, when a column alone takes another value: the median
    /// of the reference, and what the model expects of it. The two together: of a value that is far off the model
    /// expects something that is off too, and a median does not fit the other columns.
    fn falls(
        &self,
        score: f64,
        rows: Rows<'_, T>,
        medians: &[f64],
        workspace: &mut AnomalyWorkspace<T>,
    ) -> Result<Vec<f64>> {
        let features = rows.x.features();
        // All columns at once would take memory for their square.
        let block = features.min(BLOCK);
        let repeat = |view: BatchView<'_, T>| view.as_slice().repeat(block);
        let conditions = rows.conditions.map(repeat);
        let conditions = conditions.as_deref();
        let conditions = conditions.map(|all| BatchView::new(all, self.network.facts.condition));
        let compares = self.network.loss.target() == Target::Input;
        let mut exchanged = repeat(rows.x);
        let mut outputs = vec![T::ZERO; if compares { exchanged.len() } else { 0 }];
        let (mut scores, mut falls) = (vec![0.0; block], vec![0.0; features]);
        for first in (0..features).step_by(block) {
            // The last block is as large as the others; some columns are in two.
            let first = first.min(features - block);
            let own = |row: usize| row * features + first + row;
            let falls = &mut falls[first..first + block];
            falls.fill(0.0);
            let mut add_falls = |exchanged: &[T], workspace: &mut AnomalyWorkspace<T>| {
                let x = BatchView::new(exchanged, features);
                let rows = Rows { x, conditions, targets: None };
                self.rate(rows, None, workspace, &mut scores, None);
                let each = falls.iter_mut().zip(&scores);
                each.for_each(|(fall, exchanged)| *fall += (score - exchanged).max(0.0));
            };
            if compares {
                let model = &mut workspace.passes.model;
                for _ in 0..PASSES {
                    let x = BatchView::new(&exchanged, features);
                    let rows = Rows { x, conditions, targets: None };
                    let mut outputs = BatchViewMut::new(&mut outputs, features);
                    self.network.pass(rows, outputs.reborrow(), model)?;
                    self.network.loss.reconstruct(outputs.reborrow());
                    let outputs = outputs.as_mut_slice();
                    (0..block).map(own).for_each(|at| exchanged[at] = outputs[at]);
                }
                add_falls(&exchanged, workspace);
            }
            for (row, &median) in medians[first..first + block].iter().enumerate() {
                exchanged[own(row)] = T::of(median);
            }
            add_falls(&exchanged, workspace);
            for row in 0..block {
                exchanged[own(row)] = rows.x.as_slice()[first + row];
            }
        }
        Ok(falls)
    }

    /// What the model expects of one sample, in the user's units: its reconstruction or, of a classifier, which makes
    /// none, medians; also where a reconstruction is beyond all numbers.
    fn expected(&self, rows: Rows<'_, T>, medians: &[f64]) -> Result<Vec<T>> {
        let (network, features) = (self.network, rows.x.features());
        if network.loss.target() == Target::Input {
            let mut workspace = network.workspace();
            network.infer(&mut workspace, rows);
            network.generate_from_mean(&mut workspace, rows);
            let mut outputs = workspace.decoding.output;
            network.loss.reconstruct(BatchViewMut::new(&mut outputs, features));
            for (y, &median) in outputs.iter_mut().zip(medians) {
                *y = if y.to_double().is_finite() { *y } else { T::of(median) };
            }
            let Some(normalizer) = &network.normalizer else { return Ok(outputs) };
            let mut is_median = vec![false; features];
            loop {
                match normalizer.undo_complete(BatchViewMut::new(&mut outputs, features)) {
                    Err(Error::NotFinite { feature, .. }) if !is_median[feature] => {
                        outputs[feature] = T::of(medians[feature]);
                        is_median[feature] = true;
                    }
                    undone => return undone.map(|()| outputs),
                }
            }
        }
        let mut medians: Vec<T> = medians.iter().map(|&median| T::of(median)).collect();
        if let Some(normalizer) = &network.normalizer {
            normalizer.undo(BatchViewMut::new(&mut medians, features))?;
        }
        Ok(medians)
    }
}
