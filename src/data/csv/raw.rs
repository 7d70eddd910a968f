//! The rows of a text as they stand, for whoever reads more in them than numbers: tables of mixed columns.

use super::cells::Cells;
use super::diagnosis::{NAME, of_cell};
use super::dialect::{Delimiter, Dialect, trimmed};
use super::missing::Missing;
use super::names::{another_delimiter, first_row, with_first_line};
use super::number::{Numbers, Value};
use super::options::CsvOptions;
use super::remedies::{self, of_schema};
use super::rows::row;
use crate::data::input::Input;
use crate::error::{Error, Found, Place, Result, require_fit};
use crate::numbers::scalar::Float;

/// What is wrong with a cell, before it is said where it stands.
#[derive(Debug, PartialEq)]
pub(in crate::data) struct Misfit {
    pub(in crate::data) found: Found,
    pub(in crate::data) expected: &'static str,
}

impl Misfit {
    /// The same of a cell in a column of this name: a name is no value that is wrong, but a header that comes again.
    pub(in crate::data) fn in_column(self, cell: &[u8], name: Option<&str>) -> Self {
        const EXPECTED: &str = "a value (if the header comes again in this row, as where files were joined, take the row \
                                out)";
        let text = trimmed(cell);
        if name.is_none_or(|name| trimmed(name.as_bytes()) != text) {
            return self;
        }
        Self { found: Found::known(NAME, text), expected: EXPECTED }
    }
}

/// The rows of a text, cell by cell as they stand.
#[derive(Debug)]
pub(in crate::data) struct RawRows {
    input: Input,
    cells: Cells,
    dialect: Dialect,
    numbers: Numbers,
    names: Option<Vec<String>>,
    /// The line the header stands in, if there is one.
    header_line: u64,
    width: usize,
}

impl RawRows {
    /// Goes to the first row after the header. A header that is not spoken of is taken for granted.
    pub(in crate::data) fn new(input: &Input, options: &CsvOptions) -> Result<Self> {
        options.check()?;
        let dialect = options.dialect;
        let width = first_row(input, dialect)?;
        let cells = Cells::new(input, dialect)?;
        let numbers = Self::numbers_of(options);
        let (input, names, header_line) = (input.clone(), None, 1);
        let mut rows = Self { input, cells, dialect, numbers, names, header_line, width };
        if options.has_header.unwrap_or(true) {
            let mut names = Vec::new();
            rows.next(
                |_| true,
                |_, cell, _| {
                    let name = str::from_utf8(trimmed(cell));
                    names.push(name.map_err(|_| no_text(cell))?.to_owned());
                    Ok(())
                },
            )?;
            (rows.names, rows.header_line) = (Some(names), rows.cells.cell_line());
        }
        Ok(rows)
    }

    /// How numbers are written, and what stands for a missing one, by these options.
    pub(in crate::data) fn numbers_of(options: &CsvOptions) -> Numbers {
        Numbers { missing: Missing::NotANumber, ..options.numbers.clone() }
    }

    /// Goes back to the first row after the header.
    pub(in crate::data) fn begin(&mut self) -> Result<()> {
        self.cells = Cells::new(&self.input, self.dialect)?;
        if self.names.is_some() {
            self.next(|_| false, |_, _, _| Ok(()))?;
        }
        Ok(())
    }

    /// The refusal of a single column whose first line and this cell have the same other delimiter in them.
    pub(in crate::data) fn another_delimiter(&self, cell: &str) -> Option<Error> {
        if self.width > 1 || !cell.contains([';', '\t', '|', ',']) {
            return None;
        }
        another_delimiter(&self.input, self.dialect, false).map(said_of_schema)
    }

    /// What the header calls the columns, if there is one.
    pub(in crate::data) fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    pub(in crate::data) fn header_line(&self) -> u64 {
        self.header_line
    }

    pub(in crate::data) fn width(&self) -> usize {
        self.width
    }

    pub(in crate::data) fn input(&self) -> &Input {
        &self.input
    }

    pub(in crate::data) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Shows the kept cells of the next row with the line each begins in, and says whether there was one.
    pub(in crate::data) fn next(
        &mut self,
        is_kept: impl Fn(usize) -> bool,
        mut visit: impl FnMut(usize, &[u8], u64) -> std::result::Result<(), Misfit>,
    ) -> Result<bool> {
        let Self { cells, numbers, names, width, .. } = self;
        let has_row = row(cells, *width, numbers, is_kept, |column, cells| {
            visit(column, cells.cell(), cells.cell_line()).map_err(|misfit| {
                let own = names.as_ref().and_then(|names| names.get(column));
                let misfit = misfit.in_column(cells.cell(), own.map(String::as_str));
                let mut error = cells.refuse(column, misfit.found, misfit.expected);
                if let Error::Malformed { place: Place::Cell { name, .. }, .. } = &mut error {
                    *name = own.cloned();
                }
                error
            })
        });
        has_row.map_err(said_of_schema)
    }
}

/// What was refused, in view of the first line, where that is to blame.
pub(in crate::data) fn in_view_of_first_line(
    error: Error,
    input: &Input,
    options: &CsvOptions,
) -> Error {
    said_of_schema(match first_row(input, options.dialect) {
        Ok(width) => with_first_line(error, input, options, width),
        Err(_) => error,
    })
}

/// A refusal that says where a schema's user gives the options it names.
fn said_of_schema(mut error: Error) -> Error {
    if let Error::Malformed { expected, .. } = &mut error {
        *expected = of_schema(expected);
    }
    error
}

/// The refusal of a text that is none.
pub(in crate::data) fn no_text(cell: &[u8]) -> Misfit {
    let expected = "a text in UTF-8 (a file in Latin-1 or Windows-1252 must be converted first)";
    Misfit { found: Found::text(cell), expected }
}

impl Numbers {
    /// The number that a cell is, NaN if it is missing, and `None` for anything else.
    pub(in crate::data) fn number<T: Float>(
        &self,
        cell: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Option<T> {
        match self.read(cell, scratch)? {
            Value::Number(value) => Some(value),
            Value::Dropped => None,
        }
    }

    /// Whether a number in memory stands for a missing value.
    pub(in crate::data) fn number_stands_for_missing(&self, number: f64) -> bool {
        number.is_nan() || self.marks.has_value(number)
    }

    /// Why a cell is no number, and what to do; `plain` is what to do about a text that is nothing that is known.
    pub(in crate::data) fn misfit(&self, cell: &[u8], plain: &'static str) -> Misfit {
        let (found, expected) = of_cell(cell, self, None);
        let expected = if expected == remedies::TEXT { plain } else { of_schema(expected) };
        Misfit { found, expected }
    }

    /// How many digits stand behind the point of a number, and whether that can be told.
    pub(in crate::data) fn decimals(&self, text: &[u8]) -> Option<usize> {
        if text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
            return None;
        }
        let point = text.iter().rposition(|&byte| byte == self.decimal);
        Some(point.map_or(0, |point| text.len() - point - 1))
    }
}

impl CsvOptions {
    /// Refuses what says how a table of numbers is made of columns, where a schema says it.
    pub(in crate::data) fn require_no_columns(&self) -> Result<()> {
        let part = "a schema's CsvOptions";
        let remedy = "`Schema::leave_out` and `label` say it of single columns";
        let says = self.columns.is_some() || self.label.is_some();
        require_fit(!says, part, "say which columns are features or the label", remedy)?;
        let is_kept = matches!(self.numbers.missing, Missing::Refuse | Missing::NotANumber);
        let remedy = "leave `CsvOptions::missing` out, as a schema keeps them missing";
        require_fit(is_kept, part, "say what becomes of missing cells", remedy)
    }

    /// Whether there is a header, if that was said.
    pub(in crate::data) fn says_header(&self) -> Option<bool> {
        self.has_header
    }

    /// Whether a cell is in quotes that mean something.
    pub(in crate::data) fn is_in_quotes(&self, cell: &[u8]) -> bool {
        matches!(cell, [first, .., last] if first == last && self.dialect.quote == Some(*first))
    }

    /// Whether quotes mean something.
    pub(in crate::data) fn has_quotes(&self) -> bool {
        self.dialect.quote.is_some()
    }

    /// How a text is written that these options read.
    pub(in crate::data) fn marks(&self) -> WritingMarks {
        let Self { dialect, numbers, .. } = self;
        let (delimiter, is_whitespace) = match dialect.delimiter {
            Delimiter::Byte(delimiter) => (delimiter, false),
            Delimiter::Whitespace => (b' ', true),
        };
        WritingMarks {
            delimiter: char::from(delimiter),
            is_whitespace,
            quote: dialect.quote.map(char::from),
            comment: dialect.comment.map(char::from),
            decimal: char::from(numbers.decimal),
        }
    }
}

/// The marks that a text is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) struct WritingMarks {
    pub(in crate::data) delimiter: char,
    /// Whether cells without quotes are told by spaces, so that none may be empty.
    pub(in crate::data) is_whitespace: bool,
    /// None where cells stand as they are.
    pub(in crate::data) quote: Option<char>,
    pub(in crate::data) comment: Option<char>,
    pub(in crate::data) decimal: char,
}

/// As a model file keeps them.
#[cfg(feature = "safetensors")]
impl CsvOptions {
    /// Everything that a schema keeps of them, as words of a file.
    pub(in crate::data) fn to_words(&self) -> Vec<String> {
        let Self { has_header, dialect, numbers, .. } = self;
        let byte = |byte: Option<u8>| byte.map_or_else(|| "-".to_owned(), |byte| byte.to_string());
        let delimiter = match dialect.delimiter {
            Delimiter::Byte(delimiter) => Some(delimiter),
            Delimiter::Whitespace => None,
        };
        let mut words = vec![
            has_header.unwrap_or(true).to_string(),
            byte(delimiter),
            byte(dialect.quote),
            byte(dialect.comment),
            dialect.skipped_lines.to_string(),
            dialect.skips_blank_lines.to_string(),
            dialect.trims.to_string(),
            byte(Some(numbers.decimal)),
            byte(numbers.thousands),
        ];
        words.extend(numbers.marks.own().iter().cloned());
        words
    }

    /// The options of such words.
    pub(in crate::data) fn from_words(words: &[String]) -> Option<Self> {
        let (known, marks) = words.split_at_checked(9)?;
        let byte = |at: usize| match known[at].as_str() {
            "-" => Some(None),
            byte => byte.parse::<u8>().ok().map(Some),
        };
        let yes = |at: usize| known[at].parse::<bool>().ok();
        let mut options = Self::new().header(yes(0)?);
        options = match byte(1)? {
            Some(delimiter) => options.delimiter(delimiter).ok()?,
            None => options.whitespace(),
        };
        options = options.quote(byte(2)?).ok()?.comment(byte(3)?).ok()?;
        options = options.skip_lines(known[4].parse().ok()?).skip_blank_lines(yes(5)?);
        options = options.trim(yes(6)?).decimal(byte(7)??).ok()?.thousands(byte(8)?).ok()?;
        options = options.missing_marks(marks.iter().cloned());
        options.check().ok().map(|()| options)
    }
}

/// Whether a text is in single quotes.
pub(in crate::data) fn is_in_single_quotes(text: &[u8]) -> bool {
    matches!(text, [b'\'', .., b'\''])
}
