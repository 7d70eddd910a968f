mod cells;
mod diagnosis;
mod dialect;
mod features;
mod missing;
mod names;
mod number;
mod options;
#[cfg(feature = "table")]
mod raw;

use std::marker::PhantomData;
use std::path::Path;

use super::file_size::{FileSize, of_file};
use super::input::Input;
use super::signature::{self, kind_of_file};
use super::{Refusal, Source, require_left};
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Error, Found, Place, Result, require_size};
use crate::numbers::scalar::Float;

use cells::{Cells, End};
use dialect::Dialect;
use features::Features;
pub use missing::Missing;
use names::{ROW, column_of, name_of, refuse_line_of_excel, width, with_first_line};
pub(in crate::data) use number::Numbers;
use number::{Seeming, Value};
pub use options::{Column, CsvOptions};
#[cfg(feature = "table")]
pub(super) use {
    dialect::trimmed,
    names::distance,
    raw::{Misfit, RawRows, WritingMarks, in_view_of_first_line, is_in_single_quotes, no_text},
};

/// What a label must be.
const LABEL: &str = "a label in UTF-8 (a file in Latin-1 or Windows-1252 must be converted first)";

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
    input: Input,
    cells: Cells,
    has_header: bool,
    dialect: Dialect,
    numbers: Numbers,
    scratch: Vec<u8>,
    width: usize,
    features: Features,
    label: Option<usize>,
    size: R,
    samples: usize,
    dropped: usize,
    next: usize,
    refusal: Refusal,
    scalar: PhantomData<fn() -> T>,
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
        let find = |column: &Column| match column {
            Column::Index(index) if *index < width => Ok(*index),
            Column::Index(index) => {
                let expected = (*index as u64).saturating_add(1);
                let unit = "columns or more (`Column::Index` counts from 0)";
                Err(input.mismatch(Place::File, unit, expected, width as u64))
            }
            Column::Name(name) => column_of(input, options, name),
        };
        let label = options.label.as_ref().map(find).transpose()?;
        let (features, count) = match &options.columns {
            None => (Features::All { except: label }, width - usize::from(label.is_some())),
            Some(columns) => {
                let chosen: Result<Vec<usize>> = columns.iter().map(find).collect();
                let chosen = chosen?.into_iter().enumerate();
                let mut chosen: Vec<(usize, usize)> = chosen.map(|(to, from)| (from, to)).collect();
                chosen.sort_unstable();
                (Features::Chosen(chosen), columns.len())
            }
        };
        if count == 0 {
            let found = Found::Thing("no column that is a feature");
            return Err(input.malformed(Place::File, found, "at least one"));
        }
        let size = of_file(input, &[count])?;
        let is_named = |column: &Column| matches!(column, Column::Name(_));
        let knows_header = options.columns.iter().flatten().chain(&options.label).any(is_named);
        let mut table = Self {
            cells: Cells::new(input, options.dialect)?,
            input: input.clone(),
            has_header: options.has_header.unwrap_or(true),
            dialect: options.dialect,
            numbers: options.numbers.clone(),
            scratch: Vec::new(),
            width,
            features,
            label,
            size,
            samples: 0,
            dropped: 0,
            next: 0,
            refusal: Refusal::default(),
            scalar: PhantomData,
        };
        if options.has_header.is_none() && !knows_header {
            table.require_names()?;
        }
        table.begin()?;
        loop {
            match table.row(None, None)? {
                Row::Sample => table.samples += 1,
                Row::Dropped => table.dropped += 1,
                Row::End => break,
            }
        }
        if table.samples == 0 {
            let found = Found::Thing(match table.dropped {
                0 => "no samples",
                _ => "a missing value in every row, which was dropped for it",
            });
            return Err(input.malformed(Place::File, found, "at least one sample"));
        }
        table.begin()?;
        Ok(table)
    }
}

impl<T: Float, R: Size> Csv<T, R> {
    /// How many rows are left out because a value is missing in them, which only happens with
    /// [`Missing::DropRow`].
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The text in the label column of every sample, in their order, and none if there is no such
    /// column. Rewinds.
    ///
    /// It is the text as it stands in the file: only features can be missing, and [`Missing`] says nothing of labels. An
    /// empty label is `""`, and `?` and `NA` are labels like any other, which would be counted as classes: leave out the
    /// samples that have them. Rows that are dropped for a feature have no label here.
    ///
    /// # Errors
    /// As [`CsvOptions::open`], and [`Error::Malformed`] if a label is no UTF-8 or longer than 65,536
    /// bytes.
    pub fn labels(&mut self) -> Result<Vec<String>> {
        self.rewind()?;
        let mut labels = Vec::new();
        if self.label.is_some() {
            loop {
                let mut label = String::new();
                match self.row(None, Some(&mut label))? {
                    Row::Sample => labels.push(label),
                    Row::Dropped => {}
                    Row::End => break,
                }
            }
        }
        self.rewind()?;
        Ok(labels)
    }

    /// Goes to the first row after the header.
    fn begin(&mut self) -> Result<()> {
        self.cells = Cells::new(&self.input, self.dialect)?;
        self.next = 0;
        let mut column = 0;
        while self.has_header && self.cells.next(column, false)? == Some(End::Delimiter) {
            column += 1;
        }
        Ok(())
    }

    /// Reads the features of the next row, and its label if wanted, and says what the row is.
    fn row(&mut self, mut to: Option<&mut [T]>, mut label: Option<&mut String>) -> Result<Row> {
        let Self { cells, features, numbers, scratch, input, dialect, has_header, .. } = self;
        let wanted = self.label.filter(|_| label.is_some());
        let is_feature = |column| features.of(column).next().is_some();
        let mut is_dropped = false;
        let is_kept = |column| wanted == Some(column) || is_feature(column);
        let has_row = row(cells, self.width, numbers, is_kept, |column, cells| {
            if let (true, Some(label)) = (wanted == Some(column), &mut label) {
                let text = str::from_utf8(cells.cell());
                let text =
                    text.map_err(|_| cells.refuse(column, Found::text(cells.cell()), LABEL))?;
                label.push_str(text);
            }
            if !is_feature(column) {
                return Ok(());
            }
            match numbers.read(cells.cell(), scratch) {
                Some(Value::Number(value)) => {
                    if let Some(to) = to.as_deref_mut() {
                        features.of(column).for_each(|feature| to[feature] = value);
                    }
                }
                Some(Value::Dropped) => is_dropped = true,
                None => {
                    let name = has_header.then(|| name_of(input, *dialect, column)).flatten();
                    let (found, expected) =
                        diagnosis::of_cell(cells.cell(), numbers, name.as_deref());
                    return Err(cells.refuse(column, found, expected));
                }
            }
            Ok(())
        });
        match has_row {
            Ok(false) => Ok(Row::End),
            Ok(true) if is_dropped => Ok(Row::Dropped),
            Ok(true) => Ok(Row::Sample),
            Err(error) => Err(self.named(error)),
        }
    }

    /// Reads the next sample, and says whether there was one.
    fn sample(&mut self, mut to: Option<&mut [T]>) -> Result<bool> {
        loop {
            match self.row(to.as_deref_mut(), None)? {
                Row::Sample => return Ok(true),
                Row::Dropped => {}
                Row::End => return Ok(false),
            }
        }
    }

    /// The next samples, as many as fit, and with the last one the end.
    fn fill(&mut self, to: &mut [T]) -> Result<usize> {
        let features = self.size.value();
        let count = (to.len() / features).min(self.samples - self.next);
        for to in to.chunks_exact_mut(features).take(count) {
            if !self.sample(Some(to))? {
                return Err(self.has_changed(self.next));
            }
            self.next += 1;
        }
        if count > 0 && self.next == self.samples && self.sample(None)? {
            return Err(self.has_changed(self.next + 1));
        }
        Ok(count)
    }

    /// Passes over samples, which were checked when the file was opened.
    fn pass_over(&mut self, samples: usize) -> Result<()> {
        for _ in 0..samples {
            if !self.sample(None)? {
                return Err(self.has_changed(self.next));
            }
            self.next += 1;
        }
        Ok(())
    }

    /// Refuses a header in which each feature has a number or a mark of a missing value for a name: a file without a
    /// header, as a rule.
    fn require_names(&self) -> Result<()> {
        let mut cells = Cells::new(&self.input, self.dialect)?;
        let (mut numbers, mut missing, mut names) = (false, false, false);
        let mut scratch = Vec::new();
        let is_feature = |column| self.features.of(column).next().is_some();
        row(&mut cells, self.width, &self.numbers, is_feature, |_, cells| {
            match self.numbers.seems(cells.cell(), &mut scratch) {
                Seeming::Number => numbers = true,
                Seeming::Missing => missing = true,
                Seeming::Text => names = true,
            }
            Ok(())
        })?;
        if !names {
            let found = Found::Thing(match (numbers, missing) {
                (_, false) => "a number for each feature",
                (true, true) => "a number or a missing value for each feature",
                (false, true) => "a missing value for each feature",
            });
            let expected = "the names of columns (`CsvOptions::header(false)` if these are values, \
                            `header(true)` if they are names)";
            return Err(self.input.malformed(Place::Line(cells.cell_line()), found, expected));
        }
        Ok(())
    }

    /// The file has another number of rows than when it was opened.
    fn has_changed(&self, rows: usize) -> Error {
        self.input.mismatch(Place::File, "rows", self.samples as u64, rows as u64)
    }

    /// The refusal of a cell with the name of its column.
    fn named(&self, mut error: Error) -> Error {
        if let Error::Malformed { place: Place::Cell { column, name, .. }, .. } = &mut error
            && self.has_header
        {
            *name = name_of(&self.input, self.dialect, *column);
        }
        error
    }
}

impl<T: Float, R: Size> Source for Csv<T, R> {
    type Scalar = T;
    type Features = R;
    fn size(&self) -> R {
        self.size
    }
    fn samples(&self) -> usize {
        self.samples
    }
    fn rewind(&mut self) -> Result<()> {
        self.refusal.forget();
        let begun = self.begin();
        self.refusal.note(begun)
    }
    fn read(&mut self, mut to: BatchViewMut<'_, T>) -> Result<usize> {
        require_size("Source::read", "features", self.size.value(), to.features())?;
        self.refusal.check()?;
        let read = self.fill(to.as_mut_slice());
        self.refusal.note(read)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.refusal.check()?;
        require_left(samples, self.samples - self.next)?;
        let skipped = self.pass_over(samples);
        self.refusal.note(skipped)
    }
}

/// The number of cells of the first row; refuses what is no table in a text.
fn first_row(input: &Input, dialect: Dialect) -> Result<usize> {
    refuse_line_of_excel(input, dialect)?;
    if let Some(kind) = kind_of_file(&input.beginning(signature::LENGTH)?) {
        let expected = "a table in text in UTF-8 (unpack, export or convert the file first)";
        return Err(input.malformed(Place::File, Found::Thing(kind), expected));
    }
    width(input, dialect)
}

/// What a row of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// A sample.
    Sample,
    /// A row that is left out, because a value is missing in it.
    Dropped,
    /// No row: the end.
    End,
}

/// Reads a row of so many cells and shows those that are kept; says whether there was one.
fn row(
    cells: &mut Cells,
    width: usize,
    numbers: &Numbers,
    is_kept: impl Fn(usize) -> bool,
    mut visit: impl FnMut(usize, &Cells) -> Result<()>,
) -> Result<bool> {
    let (mut column, mut line) = (0, 0);
    loop {
        let is_kept = column < width && is_kept(column);
        let Some(end) = cells.next(column, is_kept)? else {
            return Ok(false);
        };
        if column == 0 {
            line = cells.cell_line();
            // Of a table of one column it is a cell, whose value is missing.
            if cells.is_blank_line() && (width > 1 || numbers.missing == Missing::Refuse) {
                let found = Found::Thing("an empty line");
                return Err(cells.input().malformed(Place::Line(line), found, ROW));
            }
        }
        if is_kept {
            visit(column, cells)?;
        }
        column += 1;
        if end == End::Row {
            if column == width {
                return Ok(true);
            }
            let (expected, found) = (width as u64, column as u64);
            return Err(cells.input().mismatch(Place::Line(line), "cells", expected, found));
        }
    }
}
