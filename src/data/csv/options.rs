use std::path::Path;

use super::{Csv, FileSize, Input};
use crate::error::Result;
use crate::numbers::scalar::Float;

/// A column of a table in a text, by its name in the header or by its place, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// The name in the header.
    Name(String),
    /// The place, counted from 0.
    Index(usize),
}
impl From<usize> for Column {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}
impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}
impl From<String> for Column {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

/// How a text with delimiters is read.
///
/// | option | default | purpose |
/// |---|---|---|
/// | [`header`](CsvOptions::header) | yes; refused if it cannot be one | whether the first row has the columns' names |
/// | [`delimiter`](CsvOptions::delimiter) | `,` | what stands between cells |
/// | [`columns`](CsvOptions::columns) | all | the columns that are features, in their order |
/// | [`label`](CsvOptions::label) | none | the column that is no feature but a label |
///
/// # Example
/// ```
/// use autoencoder::data::{Csv, CsvOptions, Source};
/// use autoencoder::{Batch, nalgebra::Dyn};
///
/// let text = "1.5;2;iris\n3;4;rose\n";
/// let options = CsvOptions::new().header(false).delimiter(b';')?.label(2);
/// let mut table: Csv<f64, Dyn> = options.from_bytes(text)?;
/// assert_eq!(table.load()?.sample(1), [3.0, 4.0]);
/// assert_eq!(table.labels()?, ["iris", "rose"]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    pub(super) has_header: Option<bool>,
    pub(super) delimiter: u8,
    pub(super) columns: Option<Vec<Column>>,
    pub(super) label: Option<Column>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl CsvOptions {
    /// Commas, a header, and every column a feature.
    pub fn new() -> Self {
        Self { has_header: None, delimiter: b',', columns: None, label: None }
    }

    /// Whether the first row has the columns' names. Where it is not said, it has; but a first row with a number for
    /// each feature is refused then, as it would be lost if it were a sample.
    pub fn header(mut self, has_header: bool) -> Self {
        self.has_header = Some(has_header);
        self
    }

    /// What stands between cells: `b'\t'`, `b';'`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a quote, a line end, or what is no ASCII.
    pub fn delimiter(mut self, delimiter: u8) -> Result<Self> {
        let is_valid = delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\n' | b'\r');
        let requirement = "ASCII, and neither a quote nor a line end";
        crate::error::require(is_valid, "CsvOptions delimiter", delimiter.into(), requirement)?;
        self.delimiter = delimiter;
        Ok(self)
    }

    /// The columns that are features, in this order, and no others.
    pub fn columns<C: Into<Column>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// The column that holds the labels. It is left out where every other column is a feature; where
    /// [`columns`](CsvOptions::columns) are chosen, they alone say what is one.
    pub fn label(mut self, column: impl Into<Column>) -> Self {
        self.label = Some(column.into());
        self
    }

    /// Opens a file and reads it once from end to end, so that what cannot be used is refused here
    /// and not in the middle of a training.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read it; [`Error::Malformed`](crate::Error::Malformed) with line, column
    /// and its name if a cell is no finite number, is empty, or is wrongly quoted, and if a column
    /// does not exist or is ambiguous; [`Error::FileMismatch`](crate::Error::FileMismatch) if a row has another number of cells
    /// than the first one, or the file samples of another [size](FileSize) than `R`.
    pub fn open<T: Float, R: FileSize>(&self, path: impl AsRef<Path>) -> Result<Csv<T, R>> {
        Csv::new(Input::open(path.as_ref())?, self)
    }

    /// Reads a text that is in memory.
    ///
    /// # Errors
    /// As [`open`](CsvOptions::open).
    pub fn from_bytes<T: Float, R: FileSize>(&self, text: impl Into<Vec<u8>>) -> Result<Csv<T, R>> {
        Csv::new(Input::memory(text.into()), self)
    }
}
