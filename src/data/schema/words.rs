use std::fmt;

use super::Schema;
use super::cell::Cell;
use super::print::aligned;
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::data::csv::WritingMarks;
use crate::error::{Error, Number, Result, require_size};
use crate::numbers::scalar::Float;

/// Rows of a table in the user's words: levels, dates, numbers in their units, of the columns that have features.
///
/// It prints as a table; [`to_csv`](Rows::to_csv) gives the text of a file. [`Schema::batch`] takes it back.
///
/// # Example
/// ```
/// use autoencoder::data::Schema;
/// let schema = Schema::infer_bytes("age,eyes\n20,blue\n31,green\n42,brown\n")?;
/// let batch = schema.batch::<f32>([["25", "green"], ["", "violet"]])?;
/// let rows = schema.rows(&batch)?;
/// assert_eq!(rows.to_csv(), "age,eyes\n25,green\n,unknown\n");
/// assert_eq!(rows.row(0)[1], "green");
/// assert_eq!(rows.to_string(), "age  eyes\n25   green\n     unknown\n");
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    names: Vec<String>,
    /// Whether the table has a header.
    has_names: bool,
    cells: Vec<Cell<'static>>,
    marks: WritingMarks,
}

/// A missing cell where an empty one cannot be seen; any options read it as missing.
const NOTHING: &str = "NA";

impl Schema {
    /// Samples in the user's words: what was read, a model's reconstructions, or what it drew. Of a category it is the
    /// likeliest level, of an ordinal column the nearest; a number has as many decimals as the table had, and a
    /// date is whole in days, hours, minutes or seconds as its dates were; NaN is a missing cell. Numbers that a model makes
    /// up may lie beyond those of the table, and the likeliest level of each row is not one that was drawn: rare levels
    /// are rarer in such rows than in the table.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of features; [`Error::NotFinite`] for an infinite value.
    pub fn rows<T: Float, R: Size>(&self, samples: &Batch<T, R>) -> Result<Rows> {
        self.rows_of(samples, false)
    }

    /// The same of samples that were read: numbers and dates as they are, and not rounded as those of the table are.
    pub(crate) fn rows_as_read<T: Float, R: Size>(&self, samples: &Batch<T, R>) -> Result<Rows> {
        self.rows_of(samples, true)
    }

    fn rows_of<T: Float, R: Size>(&self, samples: &Batch<T, R>, were_read: bool) -> Result<Rows> {
        let call = "Schema::rows";
        require_size(call, "features", self.features(), samples.features())?;
        let is_infinite = |x: &T| !x.to_double().is_nan() && !x.is_finite();
        if let Some(at) = samples.as_slice().iter().position(is_infinite) {
            let (sample, feature) = (at / samples.features(), at % samples.features());
            let value = Number(samples.as_slice()[at].to_double());
            return Err(Error::NotFinite { call, feature, sample, value });
        }
        let places: Vec<usize> = self.with_features().collect();
        let mut cells = Vec::with_capacity(places.len() * samples.samples());
        for sample in samples.iter() {
            let mut rest = sample;
            for &at in &places {
                let column = &self.columns[at];
                let (own, after) = rest.split_at(column.features());
                cells.push(column.decode(own, were_read));
                rest = after;
            }
        }
        let names = places.iter().map(|&at| self.columns[at].name.clone()).collect();
        Ok(Rows { names, has_names: self.has_names, cells, marks: self.options.csv.marks() })
    }
}

impl Rows {
    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.cells.len() / self.names.len().max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cells of a row.
    ///
    /// # Panics
    /// If there is no such row, as indexing a slice does.
    pub fn row(&self, index: usize) -> &[Cell<'static>] {
        &self.cells[index * self.names.len()..][..self.names.len()]
    }

    /// The rows one after the other.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, Cell<'static>> {
        self.cells.chunks_exact(self.names.len().max(1))
    }

    /// The text of a file: a header if the table of the schema has one, then a line for each row, with the delimiter, the
    /// quotes and the decimal mark of that table. Quotes stand only where a cell needs them; without quotes
    /// ([`CsvOptions::quote(None)`](crate::data::CsvOptions::quote)) each cell stands as it is, and a missing one is `NA`
    /// where an empty one could not be seen.
    ///
    /// Columns that are left out, and the label, are not in it. A file without a header is read by places, so only that
    /// of a schema without such columns can be read by it again.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        if self.has_names {
            write_row(&mut text, self.names.iter().map(Cell::from), self.marks);
        }
        for row in self {
            write_row(&mut text, row.iter().map(Cell::from), self.marks);
        }
        text
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a [Cell<'static>];
    type IntoIter = std::slice::ChunksExact<'a, Cell<'static>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A table, with its columns under each other.
impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.iter().map(|row| row.iter().map(Cell::to_string).collect());
        aligned(f, std::iter::once(self.names.clone()).chain(rows).collect())
    }
}

/// Writes a line of cells, each in quotes if there is something in it that means something else without them.
pub(super) fn write_row<'a>(
    to: &mut String,
    cells: impl Iterator<Item = Cell<'a>>,
    marks: WritingMarks,
) {
    let WritingMarks { delimiter, is_whitespace, quote, comment, decimal } = marks;
    let is_plain = |c: char| {
        c != delimiter
            && Some(c) != quote
            && Some(c) != comment
            && !matches!(c, '\n' | '\r')
            && !(is_whitespace && matches!(c, ' ' | '\t'))
    };
    let (start, mut count) = (to.len(), 0);
    for cell in cells {
        if count > 0 {
            to.push(delimiter);
        }
        count += 1;
        let text = match cell {
            Cell::Number(_) => cell.to_string().replace('.', decimal.encode_utf8(&mut [0; 4])),
            cell => cell.to_string(),
        };
        let is_seen = !(is_whitespace && text.is_empty());
        match quote {
            Some(quote) if !is_seen || !text.chars().all(is_plain) => {
                let twice = [quote, quote].iter().collect::<String>();
                to.push(quote);
                to.push_str(&text.replace(quote, &twice));
                to.push(quote);
            }
            None if !is_seen => to.push_str(NOTHING),
            _ => to.push_str(&text),
        }
    }
    // A line without anything is no row.
    if to.len() == start {
        match quote {
            Some(quote) => to.extend([quote, quote]),
            None => to.push_str(NOTHING),
        }
    }
    to.push('\n');
}
