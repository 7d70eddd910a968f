//! Cells that stand for a value that is not there.

use super::dialect::trimmed_text;

/// Texts that stand for a missing value, whether in capitals or not: those of pandas' `read_csv`, and `?`.
const MARKS: &[&str] = &[
    "", "?", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NaN", "None", "NULL",
];

/// What becomes of a missing value.
///
/// | member | a missing value | in pandas |
/// |---|---|---|
/// | `Refuse` (default) | is refused, with its place | |
/// | `DropRow` | drops its row, and the label of that row | `dropna()` |
/// | `Value(x)` | becomes `x` | `fillna(x)` |
/// | `NotANumber` | becomes NaN, for a model whose normalizer [takes missing values](crate::Normalizer::fit_with_missing) | as read |
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Missing {
    /// Refused, with its place.
    Refuse,
    /// Its row is left out, with its label; [`Csv::dropped`](super::Csv::dropped) counts them.
    DropRow,
    /// It becomes this finite number.
    Value(f64),
    /// It becomes NaN: for a model whose normalizer [takes missing values](crate::Normalizer::fit_with_missing), or for
    /// whoever fills it after loading. Any other model refuses it.
    NotANumber,
}

/// The texts that stand for a missing value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Marks {
    own: Vec<String>,
    /// Those of them that are numbers: `-999` stands for `-999.0` too.
    numbers: Vec<f64>,
}

impl Marks {
    /// A further text.
    pub(super) fn add(&mut self, mark: String) {
        self.own.push(mark);
    }

    /// Takes those for numbers that this finds to be some.
    pub(super) fn find_numbers(&mut self, number: impl FnMut(&str) -> Option<f64>) {
        self.numbers = self.own.iter().map(|mark| trimmed_text(mark)).filter_map(number).collect();
    }

    /// Whether a text without spaces around it is one of them.
    pub(super) fn has(&self, text: &[u8]) -> bool {
        MARKS.iter().any(|mark| mark.as_bytes().eq_ignore_ascii_case(text)) || self.is_own(text)
    }

    /// Whether a text that is a number is one of them.
    pub(super) fn has_number(&self, text: &[u8], number: impl FnOnce() -> Option<f64>) -> bool {
        if self.own.is_empty() {
            return false;
        }
        self.is_own(text) || number().is_some_and(|number| self.has_value(number))
    }

    /// Whether a number is one of them.
    pub(super) fn has_value(&self, number: f64) -> bool {
        self.numbers.contains(&number)
    }

    /// The further texts.
    pub(super) fn own(&self) -> &[String] {
        &self.own
    }

    fn is_own(&self, text: &[u8]) -> bool {
        self.own.iter().any(|mark| trimmed_text(mark).as_bytes() == text)
    }
}
