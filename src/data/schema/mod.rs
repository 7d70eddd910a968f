//! Tables of mixed columns: a schema says what each column is, makes features of its cells, and words of features.

mod cell;
mod change;
mod column;
mod dates;
mod infer;
mod levels;
mod memory;
mod normal;
mod options;
mod print;
mod profile;
mod table;
// What a model file holds of a schema.
#[cfg(feature = "safetensors")]
mod text;
mod words;

use std::fmt;
use std::ops::Range;
use std::path::Path;

pub use cell::{Cell, Values};
pub(crate) use column::Part;
pub use column::{Kind, TableColumn};
pub use dates::DatePart;
pub use options::SchemaOptions;
pub use table::Table;
#[cfg(feature = "safetensors")]
pub(crate) use text::LONGEST;
pub use words::Rows;

use super::input::Input;
use crate::error::Result;

/// What each column of a table is: number, category, ordinal, boolean, date, label, or left out. It makes samples of
/// rows, the normalizer and the loss that suit them, and rows in the user's words of samples.
///
/// [`infer`](Schema::infer) reads a table and proposes a schema, which prints as a table that a person can check; single
/// columns are then changed in code:
///
/// | call | makes a column |
/// |---|---|
/// | [`number`](Schema::number) | a number |
/// | [`category`](Schema::category) | a category: levels without an order |
/// | [`ordinal`](Schema::ordinal) | levels in an order, from the lowest to the highest |
/// | [`boolean`](Schema::boolean) | one of two levels |
/// | [`date`](Schema::date), [`date_parts`](Schema::date_parts) | a date in a format, and which parts of it are features |
/// | [`leave_out`](Schema::leave_out) | no feature |
/// | [`label`](Schema::label) | the label, which is no feature |
/// | [`indicate_missing`](Schema::indicate_missing) | for all columns: a feature that says whether the cell is missing |
///
/// # How a kind is inferred
/// The first line that holds; “few” levels are at most [`most_levels`](SchemaOptions::most_levels), and with fewer than
/// 20 rows nothing is an identifier or a text.
///
/// | the cells that are there are | kind |
/// |---|---|
/// | none | left out |
/// | whole numbers, some with zeros before them (`00742`) | category, if half of them come again; else left out |
/// | one number | number; another one would be odd |
/// | whole numbers, each greater than the one before it | left out: an identifier |
/// | two whole numbers | boolean |
/// | the whole numbers from 1 to 9 or less, ten rows of each on average, in a table without categories in texts | category: codes |
/// | numbers | number |
/// | dates in ISO 8601 or in one of the [formats](SchemaOptions::date_formats) | date |
/// | more than few texts, or one of more than 256 bytes | left out |
/// | one text | category; another one would be odd |
/// | two texts | boolean, `no` before `yes`, else by the alphabet |
/// | all different, or more than half of them | left out: an identifier, text |
/// | ranges of numbers (`40-49`) | ordinal |
/// | other texts | category |
///
/// # Features
/// [`Kind`] has them in a table. A missing cell is NaN in all features of its column, but for the indicator. A level that
/// was never seen is “unknown”: of a category, this is a feature of its own, which is never 1 in training; of an ordinal
/// or boolean column, whose value is then 0.5, a feature beside it. So it is never an error, and its loss is great.
/// Spaces around a cell mean nothing, and a level that is a number is found however it is written, `1` as `1.0` too, but
/// not `007` as `7`. Where a table has a level `unknown` or `other`, or a mark of a missing value of that name, our own
/// words are `(unknown)` and `(other)`.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::data::{Schema, Source};
/// use autoencoder::{AutoEncoder, Dense};
///
/// let text = "size,colour,weight,ripe\nS,red,1.5,no\nL,red,3.25,yes\nM,green,2.0,yes\nS,blue,1.75,no\n";
/// let schema = Schema::infer_bytes(text)?.ordinal("size", ["S", "M", "L"])?;
/// println!("{schema}");
/// let rows = schema.from_bytes::<f32>(text)?.load()?; // or `open` a file
/// assert_eq!(schema.features(), 9);
/// let model = AutoEncoder::builder()
///     .encoder(Dense::dynamic(schema.features(), 3, Tanh))
///     .decoder(Dense::dynamic(3, schema.features(), Identity))
///     .loss(schema.loss()?)
///     .normalizer(schema.normalizer(&rows)?)
///     .build::<f32>()?; // and trained
/// let words = schema.rows(&model.reconstruct(&rows)?)?;
/// assert_eq!(words.names(), ["size", "colour", "weight", "ripe"]);
///
/// // The samples themselves are the table again.
/// let row = schema.rows(&rows)?.iter().nth(1).map(<[_]>::to_vec).unwrap_or_default();
/// assert_eq!(row.iter().map(|cell| cell.to_string()).collect::<Vec<_>>(), ["L", "red", "3.25", "yes"]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone)]
pub struct Schema {
    pub(super) columns: Vec<TableColumn>,
    options: SchemaOptions,
    has_names: bool,
    /// The table it was inferred from, which changes of columns read again.
    source: Option<Input>,
}

/// Without the table it was inferred from, which may be all in memory.
impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { columns, options, has_names, .. } = self;
        let mut debug = f.debug_struct("Schema");
        debug.field("columns", columns).field("options", options).field("has_names", has_names);
        debug.finish_non_exhaustive()
    }
}

/// Whatever table it was inferred from, and by which options.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self.has_names == other.has_names
            && self.options.csv == other.options.csv
    }
}

impl Schema {
    /// Reads a table from a file in one pass, in memory that does not grow with it, and proposes a schema: commas,
    /// quotes, and a header.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read it; [`Error::Malformed`](crate::Error::Malformed)
    /// with the place if it is no table in a text, a cell is wrongly quoted or no UTF-8, texts are all in single quotes,
    /// two columns have one name, or the first row is none of names and it was not said that there is a header;
    /// [`Error::FileMismatch`](crate::Error::FileMismatch) if a row has another number of cells than the first one.
    pub fn infer(path: impl AsRef<Path>) -> Result<Self> {
        Self::infer_with(&SchemaOptions::new(), path)
    }

    /// The same with other options: delimiter, header, what is missing, formats of dates.
    ///
    /// # Errors
    /// As [`infer`](Schema::infer); [`Error::DateFormat`](crate::Error::DateFormat) for a format that tells no date, and
    /// [`Error::Unfit`](crate::Error::Unfit) for [`CsvOptions`](super::CsvOptions) that choose columns or fill missing cells.
    pub fn infer_with(options: &SchemaOptions, path: impl AsRef<Path>) -> Result<Self> {
        Self::of_input(&Input::open(path.as_ref())?, options)
    }

    /// The same of a text in memory.
    ///
    /// # Errors
    /// As [`infer`](Schema::infer).
    pub fn infer_bytes(text: impl Into<Vec<u8>>) -> Result<Self> {
        Self::infer_bytes_with(&SchemaOptions::new(), text)
    }

    /// The same of a text in memory with other options.
    ///
    /// # Errors
    /// As [`infer_with`](Schema::infer_with).
    pub fn infer_bytes_with(options: &SchemaOptions, text: impl Into<Vec<u8>>) -> Result<Self> {
        Self::of_input(&Input::memory(text.into()), options)
    }

    /// The columns of the table, in its order.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// The number of features of a sample.
    pub fn features(&self) -> usize {
        self.columns.iter().map(TableColumn::features).sum()
    }

    /// What the features are called: `age`, `colour=red`, `colour=unknown`, `when (sine of time of day)`,
    /// `age is missing`.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.features());
        self.columns.iter().for_each(|column| column.feature_names(&mut names));
        names
    }

    /// The columns that have features, each with the range of them: what belongs to one cell, for corruptions by
    /// cell and for explanations.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::Schema;
    /// let schema = Schema::infer_bytes("age,eyes\n20,blue\n31,green\n42,brown\n")?;
    /// assert_eq!(schema.cells(), [("age", 0..1), ("eyes", 1..5)]); // three levels, and one for any other
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn cells(&self) -> Vec<(&str, Range<usize>)> {
        let mut end = 0;
        let columns = self.columns.iter().filter_map(|column| {
            let start = end;
            end += column.features();
            (end > start).then_some((column.name.as_str(), start..end))
        });
        columns.collect()
    }

    /// What the features are, in their order, as far as losses and normalizers ask.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let columns = self.columns.iter();
        let of = |column: &TableColumn| {
            let indicator = column.has_indicator.then_some(Part::YesNo);
            column.parts().into_iter().chain(indicator).collect::<Vec<_>>()
        };
        columns.flat_map(of).collect()
    }
}
