use std::path::Path;

use super::Csv;
use super::dialect::{Delimiter, Dialect};
use super::missing::Missing;
use super::number::Numbers;
use crate::data::file_size::FileSize;
use crate::data::input::Input;
use crate::error::{Result, require, require_mark};
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
/// | option | default | purpose | in pandas' `read_csv` |
/// |---|---|---|---|
/// | [`header`](CsvOptions::header) | yes; refused if it cannot be one | whether the first row has the columns' names | `header` |
/// | [`delimiter`](CsvOptions::delimiter) | `,` | what stands between cells | `sep` |
/// | [`whitespace`](CsvOptions::whitespace) | no | runs of spaces and tabs stand between cells | `sep=r"\s+"` |
/// | [`quote`](CsvOptions::quote) | `"` | what opens and closes a cell | `quotechar`, `quoting` |
/// | [`trim`](CsvOptions::trim) | no | spaces around a cell are no part of it | `skipinitialspace` |
/// | [`comment`](CsvOptions::comment) | none | what begins a remark that goes on to the end of the line | `comment` |
/// | [`skip_lines`](CsvOptions::skip_lines) | 0 | lines at the start that do not count | `skiprows` |
/// | [`skip_blank_lines`](CsvOptions::skip_blank_lines) | no: they are refused | whether empty lines are passed over | `skip_blank_lines` |
/// | [`missing`](CsvOptions::missing) | [`Missing::Refuse`] | what becomes of a missing value | `dropna`, `fillna` |
/// | [`missing_marks`](CsvOptions::missing_marks) | empty, `?`, `NA`, `NaN`, `null` and others | further texts that stand for one | `na_values` |
/// | [`decimal`](CsvOptions::decimal) | `.` | what stands before a fraction | `decimal` |
/// | [`thousands`](CsvOptions::thousands) | none | what stands between thousands | `thousands` |
/// | [`columns`](CsvOptions::columns) | all | the columns that are features, in their order | `usecols` |
/// | [`label`](CsvOptions::label) | none | the column that is no feature but a label | |
///
/// # Example
/// ```
/// use autoencoder::data::{Csv, CsvOptions, Missing, Source};
/// use autoencoder::{Batch, nalgebra::Dyn};
///
/// let text = "1,5;2;iris\n3;4;rose\n?;1;rose\n";
/// let options = CsvOptions::new().header(false).delimiter(b';')?.decimal(b',')?.label(2);
/// let mut table: Csv<f64, Dyn> = options.missing(Missing::DropRow)?.from_bytes(text)?;
/// assert_eq!(table.load()?.sample(0), [1.5, 2.0]);
/// assert_eq!(table.labels()?, ["iris", "rose"]);
/// assert_eq!(table.dropped(), 1);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CsvOptions {
    pub(super) has_header: Option<bool>,
    pub(super) dialect: Dialect,
    pub(super) numbers: Numbers,
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
        let (dialect, numbers) = (Dialect::new(), Numbers::new());
        Self { has_header: None, dialect, numbers, columns: None, label: None }
    }

    /// Whether the first row has the columns' names. Where it is not said, it has; but a first row with a number or a
    /// missing value for each feature is refused then, as it would be lost if it were a sample.
    pub fn header(mut self, has_header: bool) -> Self {
        self.has_header = Some(has_header);
        self
    }

    /// What stands between cells, `b','` by default: `b'\t'`, `b';'`. Takes the place of
    /// [`whitespace`](CsvOptions::whitespace).
    ///
    /// # Errors
    /// [`Error::InvalidMark`](crate::Error::InvalidMark) for a quote `"`, a line end, or what is no ASCII.
    pub fn delimiter(mut self, delimiter: u8) -> Result<Self> {
        let is_valid = delimiter.is_ascii() && !matches!(delimiter, b'"' | b'\n' | b'\r');
        let requirement = "ASCII, and neither a quote nor a line end";
        require_mark(is_valid, "CsvOptions delimiter", delimiter, requirement)?;
        self.dialect.delimiter = Delimiter::Byte(delimiter);
        Ok(self)
    }

    /// Runs of spaces and tabs stand between cells, and mean nothing at the ends of a line: tables that are set in
    /// columns. Takes the place of [`delimiter`](CsvOptions::delimiter).
    pub fn whitespace(mut self) -> Self {
        self.dialect.delimiter = Delimiter::Whitespace;
        self
    }

    /// What opens and closes a cell, `b'"'` by default; `None` if quotes mean nothing and are text like any other.
    ///
    /// # Errors
    /// [`Error::InvalidMark`](crate::Error::InvalidMark) for a letter, a digit, a space, a control
    /// character, or what is no ASCII.
    pub fn quote(mut self, quote: impl Into<Option<u8>>) -> Result<Self> {
        self.dialect.quote = quote.into();
        if let Some(quote) = self.dialect.quote {
            let requirement = "a mark in ASCII, and neither a letter, a digit nor a space";
            let is_valid = quote.is_ascii_punctuation();
            require_mark(is_valid, "CsvOptions quote", quote, requirement)?;
        }
        Ok(self)
    }

    /// Whether spaces and tabs around a cell are no part of it, before and behind quotes, and around names and labels;
    /// no by default. Around numbers without quotes they never are.
    pub fn trim(mut self, trim: bool) -> Self {
        self.dialect.trims = trim;
        self
    }

    /// What begins a remark that goes on to the end of its line, outside of quotes; none by default. A line with
    /// nothing else is passed over.
    ///
    /// # Errors
    /// [`Error::InvalidMark`](crate::Error::InvalidMark) for what may stand in a number, a line end, or what
    /// is no ASCII.
    pub fn comment(mut self, comment: impl Into<Option<u8>>) -> Result<Self> {
        self.dialect.comment = comment.into();
        if let Some(comment) = self.dialect.comment {
            let is_of_number = comment.is_ascii_alphanumeric() || b"+-.".contains(&comment);
            let is_valid = comment.is_ascii_graphic() && !is_of_number;
            let requirement = "a mark in ASCII that no number has in it";
            require_mark(is_valid, "CsvOptions comment", comment, requirement)?;
        }
        Ok(self)
    }

    /// How many lines at the start of the file do not count, 0 by default; the header, if there is one, comes after
    /// them.
    pub fn skip_lines(mut self, lines: u64) -> Self {
        self.dialect.skipped_lines = lines;
        self
    }

    /// Whether lines without anything but spaces are passed over; by default they are refused, as they may stand for
    /// what was lost.
    pub fn skip_blank_lines(mut self, skip: bool) -> Self {
        self.dialect.skips_blank_lines = skip;
        self
    }

    /// What becomes of a missing value in a column that is a feature; [`Missing::Refuse`] by default. A value is
    /// missing where its cell is empty or has a mark for that: `?`, `NA`, `N/A`, `NaN`, `null`, `None`, and whatever
    /// else pandas knows, in capitals or not, and those of [`missing_marks`](CsvOptions::missing_marks).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a [`Missing::Value`] that is not finite, as
    /// `f64` or as `f32`.
    pub fn missing(mut self, missing: Missing) -> Result<Self> {
        if let Missing::Value(value) = missing {
            let requirement = "finite (`Missing::NotANumber` keeps NaN)";
            require((value as f32).is_finite(), "CsvOptions missing", value, requirement)?;
        }
        self.numbers.missing = missing;
        Ok(self)
    }

    /// Further texts that stand for a missing value: `"-999"`, `"unknown"`. One that is a number, written as in the
    /// file (`"-999,5"` with [`decimal(b',')`](CsvOptions::decimal)) or as in Rust, stands for all ways to write it.
    pub fn missing_marks<M: Into<String>>(mut self, marks: impl IntoIterator<Item = M>) -> Self {
        let add = |numbers: &mut Numbers| {
            marks.into_iter().for_each(|mark| numbers.marks.add(mark.into()));
        };
        self.numbers = self.numbers.changed(add);
        self
    }

    /// What stands before a fraction, `b'.'` by default: `b','`.
    ///
    /// # Errors
    /// [`Error::InvalidMark`](crate::Error::InvalidMark) for any but a point or a comma.
    pub fn decimal(mut self, decimal: u8) -> Result<Self> {
        let is_valid = matches!(decimal, b'.' | b',');
        require_mark(is_valid, "CsvOptions decimal", decimal, "a point or a comma")?;
        self.numbers = self.numbers.changed(|numbers| numbers.decimal = decimal);
        Ok(self)
    }

    /// What stands between thousands, none by default: `b','`, `b'.'`, `b' '`, `b'\''`. It must stand before three
    /// digits each, or nowhere in a number. A space means no-break spaces too, U+00A0 and U+202F.
    ///
    /// # Errors
    /// [`Error::InvalidMark`](crate::Error::InvalidMark) for a letter, a digit, a sign, a line end, or what
    /// is no ASCII.
    pub fn thousands(mut self, thousands: impl Into<Option<u8>>) -> Result<Self> {
        let thousands = thousands.into();
        self.numbers = self.numbers.changed(|numbers| numbers.thousands = thousands);
        if let Some(mark) = thousands {
            let is_valid = mark == b' ' || mark.is_ascii_punctuation() && !b"+-".contains(&mark);
            let requirement = "a mark in ASCII or a space, and no sign";
            require_mark(is_valid, "CsvOptions thousands", mark, requirement)?;
        }
        Ok(self)
    }

    /// The columns that are features, in this order, and no others. One that is named twice is two features.
    pub fn columns<C: Into<Column>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// The column that holds the labels. They are texts as they stand, and never missing: see
    /// [`Csv::labels`](super::Csv::labels). It is left out where every other column is a feature; where
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
    /// and its name if a cell is no finite number, is missing, or is wrongly quoted, and if a column
    /// does not exist or is ambiguous, or the file is no text; [`Error::FileMismatch`](crate::Error::FileMismatch) if a row has another number of
    /// cells than the first one, or the file samples of another [size](FileSize) than `R`;
    /// [`Error::InvalidMark`](crate::Error::InvalidMark) if delimiter, quote, comment and the marks of numbers are not
    /// different from each other. Between delimiter and the marks of numbers that is not asked, as a cell in quotes
    /// may have both.
    pub fn open<T: Float, R: FileSize>(&self, path: impl AsRef<Path>) -> Result<Csv<T, R>> {
        self.check()?;
        Csv::new(Input::open(path.as_ref())?, self)
    }

    /// Reads a text that is in memory.
    ///
    /// # Errors
    /// As [`open`](CsvOptions::open).
    pub fn from_bytes<T: Float, R: FileSize>(&self, text: impl Into<Vec<u8>>) -> Result<Csv<T, R>> {
        self.check()?;
        Csv::new(Input::memory(text.into()), self)
    }

    /// Refuses options that contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        let Self { dialect, numbers, .. } = self;
        let differs = |byte: Option<u8>, name, others: &[Option<u8>], requirement| match byte {
            Some(byte) => require_mark(!others.contains(&Some(byte)), name, byte, requirement),
            None => Ok(()),
        };
        let delimiter = match dialect.delimiter {
            Delimiter::Byte(delimiter) => Some(delimiter),
            Delimiter::Whitespace => None,
        };
        let (decimal, thousands) = (Some(numbers.decimal), numbers.thousands);
        let requirement = "another mark than the delimiter and those of numbers";
        differs(dialect.quote, "CsvOptions quote", &[delimiter, decimal], requirement)?;
        let others = [delimiter, dialect.quote, decimal, thousands];
        let requirement = "another mark than the delimiter, the quote and those of numbers";
        differs(dialect.comment, "CsvOptions comment", &others, requirement)?;
        let requirement = "another mark than the quote and that before a fraction";
        differs(thousands, "CsvOptions thousands", &[dialect.quote, decimal], requirement)
    }
}
