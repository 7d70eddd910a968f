use std::ops::Range;
use std::path::Path;

use nalgebra::Dyn;

use super::cell::Cell;
use super::change::listed;
use super::column::{Coding, Raw, TableColumn};
use super::{Kind, Schema};
use crate::batch::BatchViewMut;
use crate::data::Source;
use crate::data::csv::{
    Misfit, Numbers, Passes, RawRows, ReadRows, Row, in_view_of_first_line, no_text, trimmed,
};
use crate::data::input::Input;
use crate::error::{Error, Found, Place, Result};
use crate::numbers::scalar::Float;

/// What the reader does with a column of the file.
#[derive(Debug, Clone, PartialEq)]
enum Use {
    Nothing,
    /// The features of this column of the schema.
    Features {
        column: usize,
        range: Range<usize>,
    },
    Label,
}

/// A table in a text, read by a [`Schema`] from disk as it goes: a row is a sample.
///
/// Columns are found by the header's names, in any order; the label and what is left out need not be there, and other
/// columns are passed over. Without a header they must be those of the schema, place by place.
#[derive(Debug)]
pub struct Table<T> {
    passes: Passes<SchemaRows<T>>,
}

/// Rows whose cells become features by a schema.
#[derive(Debug)]
struct SchemaRows<T> {
    rows: RawRows,
    numbers: Numbers,
    schema: Schema,
    uses: Vec<Use>,
    features: usize,
    scratch: Vec<u8>,
    /// For the features of a row that is checked and no more.
    dropped: Vec<T>,
}

impl Schema {
    /// Opens a table and reads it once from end to end, so that what does not fit is refused here and not in the middle
    /// of a training.
    ///
    /// # Errors
    /// [`Error::File`] if the system does not let us read it; [`Error::Malformed`] with line, column and cell if one is
    /// no number or no date where the schema has one, and with its name if a column is not there;
    /// [`Error::FileMismatch`] if a row has another number of cells; [`Error::Unfit`] if no column is a feature.
    pub fn open<T: Float>(&self, path: impl AsRef<Path>) -> Result<Table<T>> {
        Table::new(&Input::open(path.as_ref())?, self)
    }

    /// Reads a text that is in memory.
    ///
    /// # Errors
    /// As [`open`](Schema::open).
    pub fn from_bytes<T: Float>(&self, text: impl Into<Vec<u8>>) -> Result<Table<T>> {
        Table::new(&Input::memory(text.into()), self)
    }
}

impl<T: Float> Table<T> {
    fn new(input: &Input, schema: &Schema) -> Result<Self> {
        schema.require_features()?;
        let options = &schema.options.csv;
        let table = Self::of(input, schema);
        table.map_err(|error| in_view_of_first_line(error, input, options))
    }

    fn of(input: &Input, schema: &Schema) -> Result<Self> {
        let rows = RawRows::new(input, &schema.options.csv)?;
        let features = schema.features();
        let rows = SchemaRows {
            uses: schema.uses(&rows)?,
            numbers: rows.numbers().clone(),
            rows,
            schema: schema.clone(),
            features,
            scratch: Vec::new(),
            dropped: vec![T::ZERO; features],
        };
        Ok(Self { passes: Passes::new(rows)? })
    }

    /// The schema it is read by.
    pub fn schema(&self) -> &Schema {
        &self.passes.rows().schema
    }

    /// The cell of the label column of every row, in their order: numbers if all labels of the table of the schema were
    /// such, else texts as they stand. A label that is missing is [`Cell::Missing`]. Rewinds.
    ///
    /// # Errors
    /// [`Error::NotSet`] if the schema has no label; [`Error::Malformed`] if the file does not have that column, or a
    /// label is no number or no UTF-8; [`Error::FileMismatch`] if the file no longer has as many rows as when it was opened.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::Schema;
    /// let text = "a,class\n1,good\n2,bad\n3,good\n";
    /// let schema = Schema::infer_bytes(text)?.label("class")?;
    /// let is_bad: Vec<bool> =
    ///     schema.from_bytes::<f32>(text)?.labels()?.iter().map(|label| *label == "bad").collect();
    /// assert_eq!(is_bad, [false, true, false]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn labels(&mut self) -> Result<Vec<Cell<'static>>> {
        const EXPECTED: &str = "the column of the labels (`Schema::label` takes another one)";
        let rows = self.passes.rows();
        let label = rows.schema.columns.iter().find(|column| column.kind() == Kind::Label);
        let Some(TableColumn { name, coding: Coding::Label { are_numbers }, .. }) = label else {
            let missing = "a column that is the label";
            return Err(Error::NotSet {
                call: "Table::labels",
                missing,
                remedy: "`Schema::label`",
            });
        };
        let Some(at) = rows.uses.iter().position(|of| *of == Use::Label) else {
            let found = Found::Thing("no such column");
            let place = Place::Name(name.clone());
            return Err(rows.input().malformed(place, found, EXPECTED));
        };
        let are_numbers = *are_numbers;
        self.passes.collect(|rows| rows.label(at, are_numbers))
    }
}

impl<T: Float> SchemaRows<T> {
    /// The label of the next row, if there is one.
    fn label(&mut self, at: usize, are_numbers: bool) -> Result<(Row, Cell<'static>)> {
        let Self { rows, numbers, scratch, .. } = self;
        let mut label = Cell::Missing;
        let has_row = rows.next(
            |column| column == at,
            |_, cell, _| {
                label = label_of(cell, are_numbers, numbers, scratch)?;
                Ok(())
            },
        )?;
        Ok((if has_row { Row::Sample } else { Row::End }, label))
    }
}

impl<T: Float> ReadRows for SchemaRows<T> {
    type Scalar = T;
    fn input(&self) -> &Input {
        self.rows.input()
    }
    fn features(&self) -> usize {
        self.features
    }
    fn begin(&mut self) -> Result<()> {
        self.rows.begin()
    }
    fn row(&mut self, to: Option<&mut [T]>) -> Result<Row> {
        let Self { rows, numbers, schema, uses, scratch, dropped, .. } = self;
        let to = to.unwrap_or(dropped);
        let has_row = rows.next(
            |column| matches!(uses[column], Use::Features { .. }),
            |column, cell, _| match &uses[column] {
                Use::Features { column, range } => {
                    let to = &mut to[range.clone()];
                    schema.columns[*column].encode(Raw::Text(cell), numbers, scratch, to)
                }
                Use::Nothing | Use::Label => Ok(()),
            },
        )?;
        Ok(if has_row { Row::Sample } else { Row::End })
    }
    fn pass_over(&mut self) -> Result<Row> {
        let has_row = self.rows.next(|_| false, |_, _, _| Ok(()))?;
        Ok(if has_row { Row::Sample } else { Row::End })
    }
}

/// A label as it is given to the user.
fn label_of(
    cell: &[u8],
    are_numbers: bool,
    numbers: &Numbers,
    scratch: &mut Vec<u8>,
) -> std::result::Result<Cell<'static>, Misfit> {
    const LABEL: &str = "a number, as all labels of the schema are";
    let text = trimmed(cell);
    if numbers.stands_for_missing(text, scratch) {
        return Ok(Cell::Missing);
    }
    if are_numbers {
        let number = numbers.number::<f64>(text, scratch);
        return number.map(Cell::from).ok_or_else(|| numbers.misfit(text, LABEL));
    }
    let text = str::from_utf8(text).map_err(|_| no_text(text))?;
    Ok(Cell::from(text.to_owned()))
}

impl Schema {
    /// Refuses a schema that makes samples of no features.
    pub(crate) fn require_features(&self) -> Result<()> {
        let fault = "has no column that is a feature";
        let remedy = "`Schema::number`, `category` and the like make one of a column";
        crate::error::require_fit(self.features() > 0, "the schema", fault, remedy)
    }

    /// What becomes of each column of a file.
    fn uses(&self, rows: &RawRows) -> Result<Vec<Use>> {
        let mut uses = vec![Use::Nothing; rows.width()];
        let mut end = 0;
        for (index, column) in self.columns.iter().enumerate() {
            let start = end;
            end += column.features();
            let own = match column.kind() {
                Kind::LeftOut => continue,
                Kind::Label => Use::Label,
                _ => Use::Features { column: index, range: start..end },
            };
            if let Some(at) = self.find(index, own != Use::Label, rows)? {
                uses[at] = own;
            }
        }
        Ok(uses)
    }

    /// Where a column of the schema is in a file; refuses a file without it if it is needed.
    fn find(&self, index: usize, is_needed: bool, rows: &RawRows) -> Result<Option<usize>> {
        let Some(names) = rows.names() else {
            let (expected, found) = (self.columns.len() as u64, rows.width() as u64);
            let unit = "columns, as the table of the schema has";
            let mismatch = || rows.input().mismatch(Place::File, unit, expected, found);
            return if expected == found { Ok(Some(index)) } else { Err(mismatch()) };
        };
        let name = &self.columns[index].name;
        // A column without a name is called by its place.
        let is =
            |(at, of): (usize, &String)| of == name || of.is_empty() && *name == format!("#{at}");
        let mut places = (0..).zip(names).filter(|&(at, of)| is((at, of)));
        let place = places.next().map(|(at, _)| at);
        let refuse = |found, expected| {
            Err(rows.input().malformed(Place::Name(name.clone()), found, expected))
        };
        match (place, places.next()) {
            (Some(_), Some(_)) => {
                refuse(Found::Thing("several columns"), "one column of that name")
            }
            (None, _) if is_needed => {
                let names = names.iter().map(String::as_str);
                let found = Found::Names(Box::new(listed(names, name)));
                refuse(found, "a column of the schema")
            }
            (place, _) => Ok(place),
        }
    }
}

impl<T: Float> Source for Table<T> {
    type Scalar = T;
    type Features = Dyn;
    fn size(&self) -> Dyn {
        Dyn(self.passes.rows().features)
    }
    fn samples(&self) -> usize {
        self.passes.samples()
    }
    fn schema(&self) -> Option<&Schema> {
        Some(Table::schema(self))
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
