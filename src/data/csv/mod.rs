mod cells;
mod options;

use std::marker::PhantomData;
use std::path::Path;

use super::file_size::{FileSize, of_file};
use super::input::Input;
use super::{Refusal, Source, require_left};
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Error, Found, Place, Result, require_size};
use crate::numbers::scalar::Float;

use cells::{Cells, End};
pub use options::{Column, CsvOptions};

/// A table in a text with delimiters: a row is a sample, a column a feature.
///
/// Cells may be quoted; spaces around a number are passed over. A number is what Rust reads as one
/// (`1`, `-.5`, `1e3`) if it is finite. A missing value is refused, and so is an empty line. How
/// long a row or a text that is no feature may be is not limited; a number or label has at most
/// 65,536 bytes.
///
/// # Example
/// ```
/// use autoencoder::data::{Csv, Source};
/// use autoencoder::{Batch, nalgebra::Dyn};
///
/// let refused = Csv::<f32, Dyn>::from_bytes("a,b\n1,2\n3,n/a\n").unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "<memory>, line 3, column 1 (`b`): found \"n/a\", expected a finite number"
/// );
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug)]
pub struct Csv<T, R> {
    input: Input,
    cells: Cells,
    has_header: bool,
    delimiter: u8,
    width: usize,
    features: Features,
    label: Option<usize>,
    size: R,
    samples: usize,
    next: usize,
    refusal: Refusal,
    scalar: PhantomData<fn() -> T>,
}

/// Which columns are features.
#[derive(Debug)]
enum Features {
    /// All, except perhaps one.
    All { except: Option<usize> },
    /// For each of these columns the feature it is, in the order of the file.
    Chosen(Vec<(usize, usize)>),
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
        let width = width(&input, options.delimiter)?;
        let find = |column: &Column| match column {
            Column::Index(index) if *index < width => Ok(*index),
            Column::Index(index) => {
                let expected = (*index as u64).saturating_add(1);
                Err(input.mismatch(Place::Line(1), "columns or more", expected, width as u64))
            }
            Column::Name(name) => column_of(&input, options, name),
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
            return Err(input.malformed(Place::Line(1), found, "at least one"));
        }
        let size = of_file(&input, &[count])?;
        let is_named = |column: &Column| matches!(column, Column::Name(_));
        let knows_header = options.columns.iter().flatten().chain(&options.label).any(is_named);
        if options.has_header.is_none() && !knows_header {
            require_names(&input, options.delimiter, width, &features)?;
        }
        let mut table = Self {
            cells: Cells::new(&input, options.delimiter)?,
            input,
            has_header: options.has_header.unwrap_or(true),
            delimiter: options.delimiter,
            width,
            features,
            label,
            size,
            samples: 0,
            next: 0,
            refusal: Refusal::default(),
            scalar: PhantomData,
        };
        table.begin()?;
        while table.row(None)? {
            table.samples += 1;
        }
        if table.samples == 0 {
            let found = Found::Thing("no samples");
            return Err(table.input.malformed(Place::File, found, "at least one sample"));
        }
        table.begin()?;
        Ok(table)
    }
}

impl<T: Float, R: Size> Csv<T, R> {
    /// The text in the label column of every row, in their order, and none if there is no such
    /// column. Rewinds.
    ///
    /// # Errors
    /// As [`CsvOptions::open`], and [`Error::Malformed`] if a label is no UTF-8 or longer than 65,536
    /// bytes.
    pub fn labels(&mut self) -> Result<Vec<String>> {
        self.rewind()?;
        let mut labels = Vec::new();
        if let Some(label) = self.label {
            let is_label = |column| column == label;
            let mut keep = |column, cells: &Cells| {
                let text = str::from_utf8(cells.cell());
                let text = text.map_err(|_| {
                    cells.refuse(column, Found::text(cells.cell()), "a label in UTF-8")
                })?;
                labels.push(text.to_owned());
                Ok(())
            };
            loop {
                let read = row(&mut self.cells, self.width, is_label, &mut keep);
                if !read.map_err(|error| self.named(error))? {
                    break;
                }
            }
        }
        self.rewind()?;
        Ok(labels)
    }

    /// Goes to the first row after the header.
    fn begin(&mut self) -> Result<()> {
        self.cells = Cells::new(&self.input, self.delimiter)?;
        self.next = 0;
        let mut column = 0;
        while self.has_header && self.cells.next(column, false)? == Some(End::Delimiter) {
            column += 1;
        }
        Ok(())
    }

    /// Reads the features of the next row, and says whether there was one.
    fn row(&mut self, mut to: Option<&mut [T]>) -> Result<bool> {
        let features = &self.features;
        let is_feature = |column| features.of(column).next().is_some();
        let read = row(&mut self.cells, self.width, is_feature, |column, cells| {
            let value = number(cells, column)?;
            if let Some(to) = to.as_deref_mut() {
                features.of(column).for_each(|feature| to[feature] = value);
            }
            Ok(())
        });
        read.map_err(|error| self.named(error))
    }

    /// The next rows, as many as fit, and with the last one the end.
    fn rows(&mut self, to: &mut [T]) -> Result<usize> {
        let features = self.size.value();
        let count = (to.len() / features).min(self.samples - self.next);
        for to in to.chunks_exact_mut(features).take(count) {
            if !self.row(Some(to))? {
                return Err(self.has_changed(self.next));
            }
            self.next += 1;
        }
        if count > 0 && self.next == self.samples && self.row(None)? {
            return Err(self.has_changed(self.next + 1));
        }
        Ok(count)
    }

    /// Passes over rows, which were checked when the file was opened.
    fn pass_over(&mut self, samples: usize) -> Result<()> {
        for _ in 0..samples {
            if !self.row(None)? {
                return Err(self.has_changed(self.next));
            }
            self.next += 1;
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
            *name = name_of(&self.input, self.delimiter, *column);
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
        let read = self.rows(to.as_mut_slice());
        self.refusal.note(read)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.refusal.check()?;
        require_left(samples, self.samples - self.next)?;
        let skipped = self.pass_over(samples);
        self.refusal.note(skipped)
    }
}

impl Features {
    /// The features that a column is.
    fn of(&self, column: usize) -> impl Iterator<Item = usize> {
        let (one, chosen) = match self {
            Self::All { except: Some(label) } if column == *label => (None, [].as_slice()),
            Self::All { except: Some(label) } => {
                (Some(column - usize::from(column > *label)), [].as_slice())
            }
            Self::All { except: None } => (Some(column), [].as_slice()),
            Self::Chosen(chosen) => {
                let start = chosen.partition_point(|&(from, _)| from < column);
                (None, &chosen[start..])
            }
        };
        let chosen = chosen.iter().take_while(move |&&(from, _)| from == column);
        one.into_iter().chain(chosen.map(|&(_, to)| to))
    }
}

/// Reads a row of so many cells and shows those that are kept; says whether there was one.
fn row(
    cells: &mut Cells,
    width: usize,
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

/// The latest cell as a number.
fn number<T: Float>(cells: &Cells, column: usize) -> Result<T> {
    let spaces = |byte: &u8| matches!(byte, b' ' | b'\t');
    let cell = cells.cell();
    let start = cell.iter().take_while(|byte| spaces(byte)).count();
    let end = cell.len() - cell[start..].iter().rev().take_while(|byte| spaces(byte)).count();
    let text = str::from_utf8(&cell[start..end]).ok();
    match text.and_then(T::parse).filter(|value| value.is_finite()) {
        Some(value) => Ok(value),
        None if start == end => {
            Err(cells.refuse(column, Found::Thing("an empty cell"), "a finite number"))
        }
        None => Err(cells.refuse(column, Found::text(cell), "a finite number")),
    }
}

/// The number of cells of the first row.
fn width(input: &Input, delimiter: u8) -> Result<usize> {
    let mut cells = Cells::new(input, delimiter)?;
    let mut column = 0;
    loop {
        match cells.next(column, false)? {
            None => {
                let found = Found::Thing("the end of the file");
                return Err(input.malformed(Place::Line(1), found, "a row"));
            }
            Some(End::Delimiter) => column += 1,
            Some(End::Row) => return Ok(column + 1),
        }
    }
}

/// Refuses a header in which each feature has a number for a name: a file without a header, as a rule.
fn require_names(input: &Input, delimiter: u8, width: usize, features: &Features) -> Result<()> {
    let mut cells = Cells::new(input, delimiter)?;
    let mut are_numbers = true;
    let is_feature = |column| features.of(column).next().is_some();
    row(&mut cells, width, is_feature, |column, cells| {
        are_numbers &= number::<f64>(cells, column).is_ok();
        Ok(())
    })?;
    if are_numbers {
        let found = Found::Thing("a number for each feature");
        let expected = "the names of columns (`CsvOptions::header(false)` if these are values, \
                        `header(true)` if they are names)";
        return Err(input.malformed(Place::Line(1), found, expected));
    }
    Ok(())
}

/// What the header calls a column, if that can be read.
fn name_of(input: &Input, delimiter: u8, wanted: usize) -> Option<String> {
    let mut cells = Cells::new(input, delimiter).ok()?;
    for column in 0..wanted {
        cells.next(column, false).ok()?;
    }
    cells.next(wanted, true).ok()??;
    Some(String::from_utf8_lossy(cells.cell()).into_owned())
}

/// The one column of that name.
fn column_of(input: &Input, options: &CsvOptions, name: &str) -> Result<usize> {
    let refuse = |found, expected| {
        Err(input.malformed(Place::Name(name.to_owned()), Found::Thing(found), expected))
    };
    if options.has_header == Some(false) {
        return refuse("no header", "a header with that name");
    }
    let mut cells = Cells::new(input, options.delimiter)?;
    let (mut column, mut found) = (0, None);
    while let Some(end) = cells.next(column, true)? {
        if cells.cell() == name.as_bytes() && found.replace(column).is_some() {
            return refuse("several columns", "one column of that name");
        }
        if end == End::Row {
            break;
        }
        column += 1;
    }
    match found {
        Some(column) => Ok(column),
        None => refuse("no such column", "a name in the header"),
    }
}
