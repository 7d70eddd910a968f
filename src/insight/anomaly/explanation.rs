use std::fmt;

#[cfg(feature = "table")]
use super::in_words::CellExplanation;
use crate::error::{Result, require_size};
use crate::numbers::significant::{short, short_and_apart};

/// Why a row has its score. Displayed as a table of the columns that matter most, in the user's words where the model
/// knows them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The score.
    pub score: f64,
    /// The detector's threshold, if it has one.
    pub threshold: Option<f64>,
    /// The p-value, if the detector is calibrated.
    pub p_value: Option<f64>,
    /// All columns, the one that contributes most first.
    pub columns: Vec<Column>,
    /// The share of the score that lies in the code and in no column alone, in \[0, 1\].
    pub code_share: f64,
    /// The same in the words of the table, cell by cell, the one that contributes most first: what a
    /// [category](crate::data::Kind) has in several columns here is one cell. Empty unless the model's normalizer is that of
    /// a [schema](crate::data::Schema::normalizer).
    #[cfg(feature = "table")]
    pub cells: Vec<CellExplanation>,
}

/// What one column contributes to a score.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// Its index.
    pub feature: usize,
    /// Its value in the row, in the user's units; NaN if it is missing.
    pub value: f64,
    /// What the model expected there, in the user's units: its reconstruction; of a classifier, which makes none, or where
    /// it is beyond all numbers, the median over the reference.
    pub reconstruction: f64,
    /// Its part of the score, which [`explain`](super::AnomalyDetector::explain) says how to divide.
    pub contribution: f64,
    /// The same as a share of the score; 0 where that is not positive.
    pub share: f64,
    /// Whether normal samples [never show](super::AnomalyDetector#what-normal-samples-never-show) such a value.
    pub is_novel: bool,
    /// Whether it is missing in the row: then it contributes nothing, and the model's expectation is all there is.
    pub is_missing: bool,
}

impl Column {
    /// The value less what the model expected, in the user's units; NaN if it is missing.
    pub fn residual(&self) -> f64 {
        self.value - self.reconstruction
    }
}

/// What is said of what normal samples never show.
pub(super) const NOVEL: &str = "  never seen in normal samples";
/// Columns that a table shows.
pub(super) const SHOWN: usize = 5;

impl Explanation {
    /// The table with a name for each column, in the order of the data. Without names it is what `Display` gives.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is one name for each column of the data.
    pub fn table<N: AsRef<str>>(&self, names: &[N]) -> Result<String> {
        require_size("Explanation::table", "names", self.columns.len(), names.len())?;
        Ok(self.text(|column| names[column].as_ref().to_owned()))
    }

    /// What is said of the whole row.
    pub(super) fn head(&self) -> String {
        let mut text = match self.threshold {
            Some(threshold) => {
                let than = if self.score <= threshold { "not above" } else { "above" };
                let [score, threshold] = short_and_apart(self.score, threshold);
                format!("score {score}, {than} the threshold {threshold}")
            }
            None => format!("score {}", short(self.score)),
        };
        if let Some(p) = self.p_value {
            text += &format!(", p = {}", short(p));
        }
        text
    }

    fn text(&self, name: impl Fn(usize) -> String) -> String {
        let mut text = self.head();
        let shown = &self.columns[..self.columns.len().min(SHOWN)];
        let width = shown.iter().map(|column| name(column.feature).chars().count()).max();
        let width = width.unwrap_or(0).max("column".len());
        let (data, score) = ("data's units", "of score");
        text += &format!(
            "\n{:width$} {:>12} {:>12} {:>12} {:>8}",
            "column", "value", "expected", "residual", "share"
        );
        text += &format!("\n{:width$} {data:>12} {data:>12} {data:>12} {score:>8}", "");
        for column in shown {
            let there = |value: f64| match column.is_missing {
                true => "missing".to_owned(),
                false => short(value).to_string(),
            };
            text += &format!(
                "\n{:width$} {:>12} {:>12} {:>12} {:>7.1}%{}",
                name(column.feature),
                there(column.value),
                short(column.reconstruction),
                there(column.residual()),
                100.0 * column.share,
                if column.is_novel { NOVEL } else { "" }
            );
        }
        if self.code_share > 0.0 {
            text +=
                &format!("\n{:width$} {:>38} {:>7.1}%", "the code", "", 100.0 * self.code_share);
        }
        text
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "table")]
        if !self.cells.is_empty() {
            return f.write_str(&self.in_words());
        }
        f.write_str(&self.text(|column| format!("column {column}")))
    }
}
