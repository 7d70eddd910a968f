mod cells;
mod diagnosis;
mod dialect;
mod features;
mod missing;
mod names;
mod number;
mod options;
mod passes;
#[cfg(feature = "table")]
mod raw;
mod remedies;
mod rows;

use std::path::Path;

use super::Source;
use super::file_size::{FileSize, of_file};
use super::input::Input;
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::Result;
use crate::numbers::scalar::Float;

pub use missing::Missing;
#[cfg(any(feature = "table", feature = "safetensors"))]
pub(super) use names::listed;
use names::{first_row, with_first_line};
pub use options::{Column, CsvOptions};
pub(super) use passes::{Passes, ReadRows};
use rows::NumberRows;
#[cfg(feature = "table")]
pub(super) use {
    dialect::{trimmed, trimmed_text},
    number::Numbers,
    passes::Row,
    raw::{Misfit, RawRows, WritingMarks, in_view_of_first_line, is_in_single_quotes, no_text},
};

/// A table in a text with delimiters: a row is a sample, a column a feature.
///
/// Cells may be quoted; spaces around a number are passed over. A number is what Rust reads as one
/// (`1`, `-.5`, `1e3`) if it is finite. Lines end in LF, CR LF or CR, also mixed. A missing value is refused, and so is
/// an empty line, unless [`CsvOptions`] says what becomes of them. How long a row or a text that is no feature may be is
/// not limited; a number or label has at most 65,536 bytes.
///
/// # Example
/// ```
/// use autoencoder::data::{Csv, CsvOptions, Missing, Source};
/// use autoencoder::{Batch, nalgebra::Dyn};
///
/// let text = "a,b\n1,2\n3,n/a\n";
/// let refused = Csv::<f32, Dyn>::from_bytes(text).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "<memory>, line 3, column 2 (`b`; counted from 1): found a missing value (\"n/a\"), expected a \
///      finite number (`CsvOptions::missing` says what becomes of missing values: `Missing::DropRow`, \
///      `Missing::Value` or `Missing::NotANumber`)"
/// );
/// let options = CsvOptions::new().missing(Missing::Value(0.0))?;
/// assert_eq!(options.from_bytes::<f32, Dyn>(text)?.load()?.sample(1), [3.0, 0.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug)]
pub struct Csv<T, R> {
    passes: Passes<NumberRows<T>>,
    size: R,
}

impl<T: Float, R: FileSize> Csv<T, R> {
    /// Opens a file with the default [`CsvOptions`].
    ///
    /// # Errors
    /// As [`CsvOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        CsvOptions::new().open(path)
    }

    /// Reads a text that is in memory, with the default [`CsvOptions`].
    ///
    /// # Errors
    /// As [`CsvOptions::open`].
    pub fn from_bytes(text: impl Into<Vec<u8>>) -> Result<Self> {
        CsvOptions::new().from_bytes(text)
    }

    fn new(input: Input, options: &CsvOptions) -> Result<Self> {
        let width = first_row(&input, options.dialect)?;
        let table = Self::of_width(&input, options, width);
        table.map_err(|error| with_first_line(error, &input, options, width))
    }

    fn of_width(input: &Input, options: &CsvOptions, width: usize) -> Result<Self> {
        let rows = NumberRows::new(input, options, width)?;
        let size = of_file(input, &[rows.features()])?;
        let is_named = |column: &Column| matches!(column, Column::Name(_));
        let knows_header = options.columns.iter().flatten().chain(&options.label).any(is_named);
        if options.has_header.is_none() && !knows_header {
            rows.require_names()?;
        }
        Ok(Self { passes: Passes::new(rows)?, size })
    }
}

impl<T: Float, R: Size> Csv<T, R> {
    /// How many rows are left out because a value is missing in them, which only happens with
    /// [`Missing::DropRow`].
    pub fn dropped(&self) -> usize {
        self.passes.dropped()
    }

    /// The text in the label column of every sample, in their order, and none if there is no such
    /// column. Rewinds.
    ///
    /// It is the text as it stands in the file: only features can be missing, and [`Missing`] says nothing of labels. An
    /// empty label is `""`, and `?` and `NA` are labels like any other, which would be counted as classes: leave out the
    /// samples that have them. Rows that are dropped for a feature have no label here.
    ///
    /// # Errors
    /// As [`CsvOptions::open`]; [`Error::Malformed`](crate::Error::Malformed) if a label is no UTF-8 or longer than 65,536
    /// bytes; [`Error::FileMismatch`](crate::Error::FileMismatch) if the file no longer has as many rows as when it was
    /// opened.
    pub fn labels(&mut self) -> Result<Vec<String>> {
        if !self.passes.rows().has_label() {
            return self.rewind().map(|()| Vec::new());
        }
        self.passes.collect(|rows| {
            let mut label = String::new();
            let row = rows.row_with(None, Some(&mut label))?;
            Ok((row, label))
        })
    }
}

impl<T: Float, R: Size> Source for Csv<T, R> {
    type Scalar = T;
    type Features = R;
    fn size(&self) -> R {
        self.size
    }
    fn samples(&self) -> usize {
        self.passes.samples()
    }
    fn rewind(&mut self) -> Result<()> {
        self.passes.rewind()
    }
    fn read(&mut self, to: BatchViewMut<'_, T>) -> Result<usize> {
        self.passes.read(to)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.passes.skip(samples)
    }
}
