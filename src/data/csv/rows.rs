//! Rows of numbers, with a label perhaps.

use std::marker::PhantomData;

use super::cells::{Cells, End};
use super::diagnosis::of_cell;
use super::dialect::Dialect;
use super::features::Features;
use super::missing::Missing;
use super::names::{column_of, name_of};
use super::number::{Numbers, Seeming, Value};
use super::options::{Column, CsvOptions};
use super::passes::{ReadRows, Row};
use super::remedies::ROW;
use crate::data::input::Input;
use crate::error::{Error, Found, Place, Result};
use crate::numbers::scalar::Float;

/// What a label must be.
const LABEL: &str = "a label in UTF-8 (a file in Latin-1 or Windows-1252 must be converted first)";

/// Rows of which the cells of some columns are numbers.
#[derive(Debug)]
pub(super) struct NumberRows<T> {
    input: Input,
    cells: Cells,
    has_header: bool,
    dialect: Dialect,
    numbers: Numbers,
    scratch: Vec<u8>,
    width: usize,
    features: Features,
    count: usize,
    label: Option<usize>,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Float> NumberRows<T> {
    /// Rows of so many cells.
    pub(super) fn new(input: &Input, options: &CsvOptions, width: usize) -> Result<Self> {
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
        Ok(Self {
            cells: Cells::new(input, options.dialect)?,
            input: input.clone(),
            has_header: options.has_header.unwrap_or(true),
            dialect: options.dialect,
            numbers: options.numbers.clone(),
            scratch: Vec::new(),
            width,
            features,
            count,
            label,
            scalar: PhantomData,
        })
    }

    pub(super) fn has_label(&self) -> bool {
        self.label.is_some()
    }

    /// Reads the features of the next row, and its label if wanted, and says what the row is.
    pub(super) fn row_with(
        &mut self,
        mut to: Option<&mut [T]>,
        mut label: Option<&mut String>,
    ) -> Result<Row> {
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
                    let (found, expected) = of_cell(cells.cell(), numbers, name.as_deref());
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

    /// Refuses a header in which each feature has a number or a mark of a missing value for a name: a file without a
    /// header, as a rule.
    pub(super) fn require_names(&self) -> Result<()> {
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

impl<T: Float> ReadRows for NumberRows<T> {
    type Scalar = T;
    fn input(&self) -> &Input {
        &self.input
    }
    fn features(&self) -> usize {
        self.count
    }
    fn begin(&mut self) -> Result<()> {
        self.cells = Cells::new(&self.input, self.dialect)?;
        let mut column = 0;
        while self.has_header && self.cells.next(column, false)? == Some(End::Delimiter) {
            column += 1;
        }
        Ok(())
    }
    fn row(&mut self, to: Option<&mut [T]>) -> Result<Row> {
        self.row_with(to, None)
    }
}

/// Reads a row of so many cells and shows those that are kept; says whether there was one.
pub(super) fn row(
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
