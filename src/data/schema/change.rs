//! Changes of single columns, which read the table again where they must.

use super::column::{Coding, Range, TableColumn};
use super::dates::{DatePart, Dates, Form, Seen};
use super::infer::category;
use super::levels::{Levels, Sought, has_leading_zeros};
use super::profile::{End, Profile};
use super::{Kind, Schema};
use crate::data::Column;
use crate::data::csv::{self, Misfit, Numbers, RawRows, trimmed, trimmed_text};
use crate::error::{Error, Found, Names, Result, beginning};

const A_LEVEL: &str = "one of the levels that were given (`Schema::ordinal` and `boolean` name all of a column; a text that \
                       means a missing value is named by `CsvOptions::missing_marks` of `SchemaOptions::csv`)";
const A_NUMBER: &str = "a finite number (a text that means a missing value is named by `CsvOptions::missing_marks` of \
                        `SchemaOptions::csv`)";

impl Schema {
    /// Takes a column for the label, which is no feature; [`Table::labels`](super::Table::labels) gives it. A column
    /// that was the label before is left out.
    ///
    /// # Errors
    /// [`Error::NoColumn`] if there is none of this name or place.
    pub fn label(mut self, column: impl Into<Column>) -> Result<Self> {
        let at = self.place("Schema::label", &column.into())?;
        for (_, other) in self.columns.iter_mut().enumerate().filter(|(place, _)| *place != at) {
            if other.kind() == Kind::Label {
                other.change(Coding::LeftOut, "left out, as another column is the label");
            }
        }
        let column = &self.columns[at];
        let (numbers, mut scratch) = (self.numbers(), Vec::new());
        // With zeros before it, it is a code.
        let is_number = |level: &String| {
            let text = level.as_bytes();
            numbers.value(text, &mut scratch).is_some() && !has_leading_zeros(text)
        };
        let are_numbers = match column.coding {
            Coding::Number(_) => true,
            Coding::Boolean(_) | Coding::Category(_) | Coding::Ordinal(_) => {
                column.levels().iter().chain(column.rare_levels()).all(is_number)
            }
            Coding::Label { are_numbers } => are_numbers,
            Coding::Date(_) | Coding::LeftOut => false,
        };
        self.columns[at].change(Coding::Label { are_numbers }, "chosen");
        Ok(self)
    }

    /// Leaves a column out: it is no feature.
    ///
    /// # Errors
    /// [`Error::NoColumn`] if there is none of this name or place.
    pub fn leave_out(mut self, column: impl Into<Column>) -> Result<Self> {
        let at = self.place("Schema::leave_out", &column.into())?;
        self.columns[at].change(Coding::LeftOut, "chosen");
        Ok(self)
    }

    /// Takes a column for a number.
    ///
    /// # Errors
    /// [`Error::NoColumn`]; [`Error::Malformed`] with line, column and cell if one is no number;
    /// [`Error::TableColumn`] if no cell has a value; [`Error::NotSet`] of a schema from a model file, as the table is
    /// needed; and what a table may be refused for where it is read.
    pub fn number(mut self, column: impl Into<Column>) -> Result<Self> {
        let at = self.place("Schema::number", &column.into())?;
        let mut profile = Profile::new(&[]);
        let mut scratch = Vec::new();
        self.scan("Schema::number", at, |cell, line, numbers| {
            if numbers.number::<f64>(cell, &mut scratch).is_none() {
                return Err(numbers.misfit(cell, A_NUMBER));
            }
            profile.add(cell, line, numbers, &mut scratch, 0)
        })?;
        if profile.present() == 0 {
            return Err(self.has_no_value(at));
        }
        let Profile { least, greatest, decimals, missing, .. } = profile;
        self.columns[at].missing = missing;
        self.columns[at].change(Coding::Number(Range { least, greatest, decimals }), "chosen");
        Ok(self)
    }

    /// Takes a column for a category, of all the texts it has in the table, of which rare ones become "other" as
    /// [`SchemaOptions`](super::SchemaOptions::rare) say.
    ///
    /// # Errors
    /// As [`number`](Schema::number), and [`Error::TableColumn`] if it has more different texts than
    /// [`most_levels`](super::SchemaOptions::most_levels), or one of more than 256 bytes.
    pub fn category(mut self, column: impl Into<Column>) -> Result<Self> {
        let at = self.place("Schema::category", &column.into())?;
        let mut profile = Profile::new(&[]);
        let (mut scratch, most) = (Vec::new(), self.options.most_levels);
        self.scan("Schema::category", at, |cell, line, numbers| {
            profile.add(cell, line, numbers, &mut scratch, most)
        })?;
        if profile.present() == 0 {
            return Err(self.has_no_value(at));
        }
        let Some(levels) = profile.counter.levels() else {
            let (fault, remedy) = match profile.counter.end() {
                Some(End::TooLong) => (
                    "has a text of more than 256 bytes, as no level may have",
                    "`Schema::leave_out` leaves it out",
                ),
                _ => (
                    "has more different texts than a category may have levels",
                    "`SchemaOptions::most_levels` allows more, `Schema::leave_out` leaves it out",
                ),
            };
            return Err(self.columns[at].refuse(fault, remedy));
        };
        let category = category(levels, profile.present(), &self.options);
        self.columns[at].missing = profile.missing;
        self.columns[at].change(Coding::Category(category), "chosen");
        Ok(self)
    }

    /// Takes a column for an ordinal one, with its levels from the lowest to the highest, at least two. It has two
    /// features, and not one a level: the rank, from 0 to 1 in equal steps, and whether the level is none of these.
    ///
    /// # Errors
    /// As [`number`](Schema::number) for a cell that is none of the levels, and [`Error::TableColumn`] for fewer than
    /// two levels or one that is named twice.
    pub fn ordinal<L: Into<String>>(
        self,
        column: impl Into<Column>,
        levels: impl IntoIterator<Item = L>,
    ) -> Result<Self> {
        let levels = levels.into_iter().map(Into::into).collect();
        self.with_levels("Schema::ordinal", &column.into(), levels, Coding::Ordinal)
    }

    /// Takes a column for a boolean one, with the level that becomes 0 and the one that becomes 1. It has two features,
    /// and not one a level: which of the two it is, and whether it is neither.
    ///
    /// # Errors
    /// As [`ordinal`](Schema::ordinal).
    pub fn boolean(
        self,
        column: impl Into<Column>,
        no: impl Into<String>,
        yes: impl Into<String>,
    ) -> Result<Self> {
        let levels = vec![no.into(), yes.into()];
        self.with_levels("Schema::boolean", &column.into(), levels, Coding::Boolean)
    }

    fn with_levels(
        mut self,
        call: &'static str,
        column: &Column,
        levels: Vec<String>,
        coding: fn(Levels) -> Coding,
    ) -> Result<Self> {
        let at = self.place(call, column)?;
        let levels: Vec<String> =
            levels.iter().map(|level| trimmed_text(level).to_owned()).collect();
        let levels = Levels::new(levels, &self.numbers());
        let refuse = |fault| {
            let remedy = "name each of its levels once, from the lowest to the highest";
            Err(self.columns[at].refuse(fault, remedy))
        };
        if levels.len() < 2 {
            return refuse("needs at least two levels");
        }
        if levels.twice().is_some() {
            return refuse("has a level that is named twice");
        }
        let (mut missing, mut scratch) = (0, Vec::new());
        self.scan(call, at, |cell, _, numbers| {
            let text = trimmed(cell);
            match levels.find(text, numbers, &mut scratch) {
                Sought::Level(_) => {}
                Sought::Missing => missing += 1,
                Sought::Nothing => {
                    return Err(Misfit { found: Found::text(text), expected: A_LEVEL });
                }
            }
            Ok(())
        })?;
        self.columns[at].missing = missing;
        self.columns[at].change(coding(levels), "chosen");
        Ok(self)
    }

    /// Takes a column for a date, in a format as strptime has it: `"%d.%m.%Y"`, `"%m/%d/%y %I:%M %p"`, `"%s"` for
    /// seconds since 1970. With an offset (`%z`) dates are told in UTC; without a day (`"%H:%M"`) they are times.
    ///
    /// Its features are the parts that vary in the table, as [`DatePart`] has them, and the elapsed time;
    /// [`date_parts`](Schema::date_parts) chooses others.
    ///
    /// # Errors
    /// As [`number`](Schema::number) for a cell that is no such date, and [`Error::DateFormat`] for a format that tells no
    /// date.
    ///
    /// # Example
    /// ```
    /// use autoencoder::data::Schema;
    /// let schema = Schema::infer_bytes("when\n07.03.2021\n08.03.2021\n")?.date("when", "%d.%m.%Y")?;
    /// let names = ["when (sine of day of the week)", "when (cosine of day of the week)"];
    /// assert_eq!(schema.feature_names()[..2], names);
    /// let batch = schema.batch::<f32>(&[["08.03.2021"]])?; // a Monday, one day after the first
    /// assert_eq!(batch.sample(0)[..2], [0.0, 1.0]);
    /// assert_eq!(batch.sample(0)[4], 1.0);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn date(mut self, column: impl Into<Column>, format: &str) -> Result<Self> {
        let at = self.place("Schema::date", &column.into())?;
        let form = Form::of_format(format)?;
        let expected = form.expected();
        let mut seen = Seen::new(form);
        let (mut missing, mut present, mut scratch) = (0, 0, Vec::new());
        self.scan("Schema::date", at, |cell, _, numbers| {
            let text = trimmed(cell);
            // A mark may be a date too, such as 1900-01-01.
            if numbers.stands_for_missing(text, &mut scratch) {
                missing += 1;
                return Ok(());
            }
            present += 1;
            match seen.add(text) {
                true => Ok(()),
                false => Err(Misfit { found: Found::text(text), expected }),
            }
        })?;
        if present == 0 {
            return Err(self.has_no_value(at));
        }
        self.columns[at].missing = missing;
        self.columns[at].change(Coding::Date(seen.dates()), "chosen");
        Ok(self)
    }

    /// Chooses the parts of a date that become features, at least one; by default those that vary, and the elapsed
    /// time. Without [`DatePart::Elapsed`] the way back leads to the parts and to no date.
    ///
    /// # Errors
    /// [`Error::NoColumn`]; [`Error::TableColumn`] if the column is no date, no part is named, or it is a time without a
    /// day and another part than [`DatePart::TimeOfDay`] is.
    pub fn date_parts(
        mut self,
        column: impl Into<Column>,
        parts: impl IntoIterator<Item = DatePart>,
    ) -> Result<Self> {
        let at = self.place("Schema::date_parts", &column.into())?;
        let column = &self.columns[at];
        let Coding::Date(dates) = &column.coding else {
            let remedy = "first call `Schema::date`, with the format of its dates";
            return Err(column.refuse("is no date", remedy));
        };
        let mut chosen: Vec<DatePart> = parts.into_iter().collect();
        chosen.sort_unstable();
        chosen.dedup();
        if chosen.is_empty() {
            let remedy = "name one, or leave the column out";
            return Err(column.refuse("has no part that becomes a feature", remedy));
        }
        if !chosen.iter().all(|&part| dates.may_have(part)) {
            let remedy = "take `DatePart::TimeOfDay` alone";
            return Err(column.refuse("has times without a day", remedy));
        }
        let coding = Coding::Date(Dates { parts: chosen, ..dates.clone() });
        self.columns[at].coding = coding;
        Ok(self)
    }

    /// Adds a feature to each column of which cells are missing in the table: 1 where the cell is missing, else 0.
    /// Call it last: a column that is changed afterwards loses it.
    pub fn indicate_missing(mut self) -> Self {
        for column in &mut self.columns {
            let has_features = !matches!(column.kind(), Kind::LeftOut | Kind::Label);
            column.has_indicator = has_features && column.missing > 0;
        }
        self
    }

    /// The place of a column.
    pub(super) fn place(&self, call: &'static str, column: &Column) -> Result<usize> {
        let (found, wanted) = match column {
            Column::Index(index) => (
                (*index < self.columns.len()).then_some(*index),
                format!("{index} (counted from 0)"),
            ),
            Column::Name(name) => {
                let is = |column: &TableColumn| column.name == trimmed_text(name);
                (self.columns.iter().position(is), format!("`{name}`"))
            }
        };
        found.ok_or_else(|| {
            let names = self.columns.iter().map(TableColumn::name);
            let name = if let Column::Name(name) = column { name } else { "" };
            Error::NoColumn { call, column: wanted, names: Box::new(listed(names, name)) }
        })
    }

    /// How numbers are written in the table, and what stands for a missing one.
    fn numbers(&self) -> Numbers {
        RawRows::numbers_of(&self.options.csv)
    }

    /// Reads a column of the table again.
    fn scan(
        &self,
        call: &'static str,
        at: usize,
        mut visit: impl FnMut(&[u8], u64, &Numbers) -> std::result::Result<(), Misfit>,
    ) -> Result<()> {
        let Some(input) = &self.source else {
            let missing =
                "the table that the schema was inferred from, which a model file does not hold";
            return Err(Error::NotSet { call, missing, remedy: "`Schema::infer`" });
        };
        let mut rows = RawRows::new(input, &self.options.csv)?;
        let numbers = rows.numbers().clone();
        while rows.next(|column| column == at, |_, cell, line| visit(cell, line, &numbers))? {}
        Ok(())
    }

    fn has_no_value(&self, at: usize) -> Error {
        let remedy = "leave the column out (`Schema::leave_out`)";
        self.columns[at].refuse("has no value in any row", remedy)
    }
}

/// Names as a refusal lists them, with the one that is perhaps meant.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Names {
    let names: Vec<String> = names.map(|name| beginning(name.as_bytes())).collect();
    let all = names.len();
    csv::listed(names, all, wanted)
}

impl TableColumn {
    /// The refusal of a column that is not what a call needs.
    pub(super) fn refuse(&self, fault: &'static str, remedy: &'static str) -> Error {
        Error::TableColumn { column: self.name.clone(), fault, remedy }
    }

    /// Makes it another kind.
    fn change(&mut self, coding: Coding, why: &str) {
        self.coding = coding;
        self.why = why.to_owned();
        self.has_indicator = false;
    }
}
