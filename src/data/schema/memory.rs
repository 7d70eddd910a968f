//! Tables in memory: rows of cells, and columns.

use nalgebra::Dyn;

use super::cell::{Cell, Values};
use super::column::{Raw, TableColumn};
use super::words::write_row;
use super::{Kind, Schema, SchemaOptions};
use crate::batch::Batch;
use crate::data::csv::{Misfit, RawRows};
use crate::data::input::Input;
use crate::data::{Column, CsvOptions};
use crate::error::{Error, Found, Place, Result, require_size};
use crate::numbers::scalar::Float;

impl Schema {
    /// Proposes a schema for a table in memory: the names of its columns, and its rows, each of as many cells. Lines in
    /// refusals count the names as the first.
    ///
    /// # Errors
    /// As [`infer_with`](Schema::infer_with).
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::{Cell, Kind, Schema};
    /// let rows = [[Cell::from("red"), 1.5.into()], ["red".into(), 2.5.into()], ["blue".into(), None::<f64>.into()]];
    /// let schema = Schema::infer_rows(["colour", "weight"], &rows)?;
    /// assert_eq!(schema.columns()[1].kind(), Kind::Number);
    /// assert_eq!(schema.batch::<f32>(&rows)?.sample(0), [1.0, 0.0, 1.5]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn infer_rows<'a, N: AsRef<str>>(
        names: impl IntoIterator<Item = N>,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = impl Into<Cell<'a>>>>,
    ) -> Result<Self> {
        let mut text = String::new();
        let marks = CsvOptions::new().marks();
        let names: Vec<N> = names.into_iter().collect();
        write_row(&mut text, names.iter().map(|name| Cell::from(name.as_ref())), marks);
        for row in rows {
            write_row(&mut text, row.into_iter().map(Into::into), marks);
        }
        let options = SchemaOptions::new();
        let csv = options.csv.clone().header(true);
        Self::infer_bytes_with(&options.csv(csv), text)
    }

    /// Proposes a schema for columns in memory, by their names, each of as many cells. Lines in refusals count the names
    /// as the first.
    ///
    /// # Errors
    /// As [`infer_with`](Schema::infer_with); [`Error::SizeMismatch`] for columns of several lengths.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::{Kind, Schema};
    /// let (colours, weights) = (["red", "red", "blue"], [Some(1.5), Some(2.5), None]);
    /// let columns = [("colour", (&colours).into()), ("weight", (&weights).into())];
    /// let schema = Schema::infer_columns(columns)?;
    /// assert_eq!(schema.columns()[1].kind(), Kind::Number);
    /// assert_eq!(schema.batch_of_columns::<f32>(columns)?.sample(0), [1.0, 0.0, 1.5]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn infer_columns<'a>(
        columns: impl IntoIterator<Item = (&'a str, Values<'a>)>,
    ) -> Result<Self> {
        let (names, columns): (Vec<&str>, Vec<Values<'a>>) = columns.into_iter().unzip();
        let rows = rows_of("Schema::infer_columns", &columns)?;
        Self::infer_rows(names, (0..rows).map(|row| columns.iter().map(move |of| of.cell(row))))
    }

    /// Samples of rows in memory, each of one cell for each column of the table, or one for each that has features, as
    /// [`rows`](Schema::rows) gives them.
    ///
    /// # Errors
    /// [`Error::Malformed`] with row, column and cell if one is no number or no date where the schema has one;
    /// [`Error::SizeMismatch`] for another number of cells; [`Error::NoSamples`] for no rows; [`Error::Unfit`] if no
    /// column is a feature.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::Schema;
    /// let schema = Schema::infer_bytes("age,eyes\n20,blue\n31,green\n42,brown\n")?;
    /// let batch = schema.batch::<f32>([["25", "green"], ["?", "violet"]])?;
    /// // By how frequent they are, else by the alphabet: blue, brown, green; and any other.
    /// assert_eq!(batch.sample(0), [25.0, 0.0, 0.0, 1.0, 0.0]);
    /// assert!(batch.sample(1)[0].is_nan());
    /// assert_eq!(batch.sample(1)[1..], [0.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn batch<'a, T: Float>(
        &self,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = impl Into<Cell<'a>>>>,
    ) -> Result<Batch<T, Dyn>> {
        let mut samples = Samples::new("Schema::batch", self)?;
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let with_features: Vec<usize> = self.with_features().collect();
        let mut cells: Vec<Cell<'a>> = Vec::new();
        for (number, row) in rows.into_iter().enumerate() {
            cells.clear();
            cells.extend(row.into_iter().map(Into::into));
            let columns = if cells.len() == all.len() { &all } else { &with_features };
            if cells.len() != columns.len() {
                let unit =
                    "cells in a row, one for each column of the table or each that has features";
                require_size("Schema::batch", unit, all.len(), cells.len())?;
            }
            samples.begin();
            for (&column, cell) in columns.iter().zip(&cells) {
                samples.put(number, column, cell)?;
            }
        }
        samples.finish()
    }

    /// Samples of columns in memory, by their names in any order: all that have features, each of as many cells. The
    /// label and columns that are left out are passed over.
    ///
    /// # Errors
    /// As [`batch`](Schema::batch); [`Error::NoColumn`] for a name that the schema does not have, and
    /// [`Error::TableColumn`] if a column with features is not given, or given twice.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::Schema;
    /// let schema = Schema::infer_bytes("age,eyes\n20,blue\n31,green\n42,brown\n")?;
    /// let (ages, eyes) = (vec![25.0, 52.0], ["green", "blue"]);
    /// let batch = schema.batch_of_columns::<f32>([("eyes", (&eyes).into()), ("age", (&ages).into())])?;
    /// assert_eq!(batch.sample(1), [52.0, 1.0, 0.0, 0.0, 0.0]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn batch_of_columns<'a, T: Float>(
        &self,
        columns: impl IntoIterator<Item = (&'a str, Values<'a>)>,
    ) -> Result<Batch<T, Dyn>> {
        let call = "Schema::batch_of_columns";
        let mut samples = Samples::new(call, self)?;
        let mut given: Vec<Option<Values<'a>>> = vec![None; self.columns.len()];
        for (name, values) in columns {
            let at = self.place(call, &Column::from(name))?;
            if given[at].replace(values).is_some() {
                return Err(self.columns[at].refuse("is given twice", "give it once"));
            }
        }
        let mut own: Vec<(usize, Values<'a>)> = Vec::new();
        for at in self.with_features() {
            let column = &self.columns[at];
            let missing = || {
                column.refuse(
                    "has features, but is not given",
                    "give it, or leave it out of the schema",
                )
            };
            own.push((at, given[at].ok_or_else(missing)?));
        }
        let rows = rows_of(call, own.iter().map(|(_, values)| values))?;
        for row in 0..rows {
            samples.begin();
            for &(at, values) in &own {
                samples.put(row, at, &values.cell(row))?;
            }
        }
        samples.finish()
    }

    /// The places of the columns that have features.
    pub(super) fn with_features(&self) -> impl Iterator<Item = usize> {
        let columns = self.columns.iter().enumerate();
        let has = |column: &TableColumn| !matches!(column.kind(), Kind::LeftOut | Kind::Label);
        columns.filter(move |(_, column)| has(column)).map(|(at, _)| at)
    }
}

/// How many rows columns have, which must be as long as the first.
fn rows_of<'v, 'a: 'v>(
    call: &'static str,
    columns: impl IntoIterator<Item = &'v Values<'a>>,
) -> Result<usize> {
    let mut lengths = columns.into_iter().map(|values| values.len());
    let rows = lengths.next().unwrap_or(0);
    for found in lengths {
        require_size(call, "cells, as in the first column", rows, found)?;
    }
    Ok(rows)
}

/// Samples as they are made of rows in memory.
struct Samples<'a, T> {
    call: &'static str,
    schema: &'a Schema,
    numbers: crate::data::csv::Numbers,
    /// Where the features of each column begin.
    starts: Vec<usize>,
    features: usize,
    values: Vec<T>,
    scratch: Vec<u8>,
}

impl<'a, T: Float> Samples<'a, T> {
    fn new(call: &'static str, schema: &'a Schema) -> Result<Self> {
        schema.require_features()?;
        let mut end = 0;
        let starts = schema.columns.iter().map(|column| {
            let start = end;
            end += column.features();
            start
        });
        let starts = starts.collect();
        let numbers = RawRows::numbers_of(&schema.options.csv);
        let (values, scratch) = (Vec::new(), Vec::new());
        Ok(Self { call, schema, numbers, starts, features: end, values, scratch })
    }

    fn begin(&mut self) {
        self.values.resize(self.values.len() + self.features, T::ZERO);
    }

    /// Writes the features of a cell into the latest sample.
    fn put(&mut self, row: usize, at: usize, cell: &Cell<'_>) -> Result<()> {
        let column = &self.schema.columns[at];
        let raw = match cell {
            Cell::Text(text) => Raw::Text(text.as_bytes()),
            Cell::Number(number) if number.is_nan() => Raw::Missing,
            Cell::Number(number) => Raw::Number(*number),
            Cell::Missing => Raw::Missing,
        };
        let misfit = |misfit: Misfit| {
            let Misfit { found, expected } = match cell {
                Cell::Text(text) => misfit.in_column(text.as_bytes(), Some(&column.name)),
                _ => misfit,
            };
            let place = Place::Row { row, column: column.name.clone() };
            Input::memory(Vec::new()).malformed(place, found, expected)
        };
        if let Cell::Text(text) = cell
            && self.schema.options.csv.is_in_quotes(text.as_bytes())
            && !column.levels().iter().any(|level| level == text)
        {
            let found = Found::known("a text in the quotes of the file", text.as_bytes());
            let expected = "a cell without them, as a reader of the file gives it";
            return Err(misfit(Misfit { found, expected }));
        }
        let start = self.values.len() - self.features + self.starts[at];
        let to = &mut self.values[start..start + column.features()];
        let encoded = column.encode(raw, &self.numbers, &mut self.scratch, to);
        encoded.map_err(misfit)
    }

    fn finish(self) -> Result<Batch<T, Dyn>> {
        if self.values.is_empty() {
            return Err(Error::NoSamples { call: self.call });
        }
        Batch::new(Dyn(self.features), self.values)
    }
}
