//! Rows of a table: scored as they come, and explained in their own words.

use std::fmt::Write;
use std::path::Path;

use nalgebra::Dyn;

use super::explanation::{NOVEL, SHOWN};
use super::{AnomalyDetector, AnomalyScore, Column, Explanation};
use crate::batch::Batch;
use crate::data::{Cell, Schema};
use crate::error::{Error, Result};
use crate::layer::Part;
use crate::model::Scalar;
use crate::model::inference::InMemory;
use crate::model::network::Network;
use crate::numbers::scalar::Float;
use crate::train::examples::Samples;

/// What one cell of a table contributes to the score of its row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CellExplanation {
    /// The name of its column.
    pub column: String,
    /// Of a window, the step that it belongs to, counted from 0, and of how many.
    pub step: Option<(usize, usize)>,
    /// What is there, in the user's words; a level that was never seen is `unknown`. It is told by the features, in the
    /// model's number type: of a number in `f32` some seven digits, and a date as far as
    /// [`DatePart`](crate::data::DatePart#precision) says.
    pub value: Cell<'static>,
    /// What the model expected there.
    pub expected: Cell<'static>,
    /// Its part of the score: the sum of its features' parts.
    pub contribution: f64,
    /// The same as a share of the score; 0 where that is not positive.
    pub share: f64,
    /// Whether normal samples [never show](AnomalyDetector#what-normal-samples-never-show) such a value.
    pub is_novel: bool,
}

/// The cells of a row, or of the steps of a window, of which these are the features; the one that contributes most first.
pub(super) fn cells<T: Float>(
    schema: &Schema,
    row: &[T],
    expected: &[T],
    columns: &[Column],
) -> Result<Vec<CellExplanation>> {
    let of_step = schema.features();
    let steps = |features: &[T]| Batch::new(Dyn(of_step), features.to_vec());
    let (values, expected) = (schema.rows_as_read(&steps(row)?)?, schema.rows(&steps(expected)?)?);
    let steps = values.len();
    let mut by_feature: Vec<&Column> = columns.iter().collect();
    by_feature.sort_by_key(|column| column.feature);
    let mut cells = Vec::new();
    for (step, (values, expected)) in values.iter().zip(expected.iter()).enumerate() {
        let of_row = schema.cells().into_iter().zip(values.iter().zip(expected));
        for ((name, range), (value, expected)) in of_row {
            let own = &by_feature[step * of_step..][range];
            cells.push(CellExplanation {
                column: name.to_owned(),
                step: (steps > 1).then_some((step, steps)),
                value: value.clone(),
                expected: expected.clone(),
                contribution: own.iter().map(|column| column.contribution).sum(),
                share: own.iter().map(|column| column.share).sum(),
                is_novel: own.iter().any(|column| column.is_novel),
            });
        }
    }
    cells.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    Ok(cells)
}

impl Explanation {
    /// As a table of cells.
    pub(super) fn in_words(&self) -> String {
        let mut text = self.head();
        let shown = &self.cells[..self.cells.len().min(SHOWN)];
        let there = |cell: &Cell<'_>| match cell {
            Cell::Missing => "missing".to_owned(),
            cell => cell.to_string(),
        };
        let line = |cell: &CellExplanation| {
            let step = cell.step.map(|(step, steps)| format!(", step {} of {steps}", step + 1));
            let name = cell.column.clone() + &step.unwrap_or_default();
            [name, there(&cell.value), there(&cell.expected)]
        };
        let heads = ["column", "value", "expected"].map(str::to_owned);
        let lines: Vec<[String; 3]> = [heads].into_iter().chain(shown.iter().map(line)).collect();
        let width =
            |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
        let [name, value, expected] = [0, 1, 2].map(width);
        for (at, [of_name, of_value, of_expected]) in lines.iter().enumerate() {
            let _ = write!(text, "\n{of_name:name$}  {of_value:value$}  {of_expected:expected$}  ");
            let _ = match at.checked_sub(1).map(|at| &shown[at]) {
                None => write!(text, "{:>6}", "share"),
                Some(cell) => {
                    let novel = if cell.is_novel { NOVEL } else { "" };
                    write!(text, "{:>5.1}%{novel}", 100.0 * cell.share)
                }
            };
        }
        if self.code_share > 0.0 {
            let before = name + value + expected + 6;
            let _ = write!(text, "\n{:before$}{:>5.1}%", "the code", 100.0 * self.code_share);
        }
        text
    }
}

/// The schema of a model's table.
fn schema_of<'a, T: Float>(call: &'static str, network: &'a Network<T>) -> Result<&'a Schema> {
    let (missing, remedy) =
        ("the schema of a table", "`Schema::normalizer`, and build the model with that normalizer");
    let schema = network.normalizer.as_ref().and_then(|normalizer| normalizer.schema());
    schema.ok_or(Error::NotSet { call, missing, remedy })
}

/// Of a model whose normalizer is that of a [schema](crate::data::Schema::normalizer).
impl<E: Part, D, R, L, S, T: Scalar> AnomalyDetector<E, D, R, L, S, T>
where
    S: AnomalyScore<T>,
{
    /// How odd each row of a table in a file is: read by the model's schema, in memory that does not grow with the file.
    /// Columns are found by their names, if the table has names. Cells are read in the model's number type; of dates in
    /// `f32` see [`DatePart`](crate::data::DatePart#precision).
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; [`Error::NotSet`] for a model without a schema, and as
    /// [`Schema::open`](crate::data::Schema::open) what does not fit the schema, by row, column and cell.
    pub fn score_rows(&self, path: impl AsRef<Path>) -> Result<Vec<f64>> {
        let (call, network) = ("score_rows", self.model().network());
        let mut table = schema_of(call, network)?.open::<T>(path)?;
        let samples = Samples::Stream { x: Box::new(&mut table), beside: Vec::new() };
        self.judge().scores(call, samples)
    }

    /// Which cells made a row of a table odd, from the row's cells: [`explain`](Self::explain) in the table's words.
    ///
    /// # Errors
    /// See [`AnomalyDetector`]; [`Error::NotSet`] for a model without a schema, and as
    /// [`Schema::batch`](crate::data::Schema::batch).
    pub fn explain_row<'a>(
        &self,
        row: impl IntoIterator<Item = impl Into<Cell<'a>>>,
    ) -> Result<Explanation> {
        let schema = schema_of("explain_row", self.model().network())?;
        let x = schema.batch::<T>([row])?;
        let given = InMemory { x: x.view(), conditions: None, labels: None };
        self.judge().explain(self.learned(), given)
    }
}
