//! The first row: how many columns there are, and what they are called.

use super::cells::{Cells, End};
use super::diagnosis::perhaps;
use super::dialect::{Delimiter, Dialect, is_line_end, is_space, trimmed};
use super::options::CsvOptions;
use super::remedies::{
    EXCEL_BAR, EXCEL_COMMA, EXCEL_OTHER, EXCEL_SEMICOLON, EXCEL_TAB, MORE_LINES,
    REMARK_EXCLAMATION, REMARK_HASH, REMARK_PERCENT, ROW, TITLE, TITLE_OR_SPACES,
};
use crate::data::input::Input;
use crate::data::signature::{self, kind_of_file};
use crate::error::{Error, Found, Names, Place, Result, beginning};

/// How many names a refusal lists.
const LISTED: usize = 20;
/// How many names are compared with one that is not there.
const COMPARED: usize = 1000;

/// The number of cells of the first row; refuses what is no table in a text.
pub(super) fn first_row(input: &Input, dialect: Dialect) -> Result<usize> {
    refuse_line_of_excel(input, dialect)?;
    let beginning = input.beginning(signature::LENGTH)?;
    input.refuse_pickle(&beginning)?;
    if let Some(kind) = kind_of_file(&beginning) {
        let expected = "a table in text in UTF-8 (unpack, export or convert the file first)";
        return Err(input.malformed(Place::File, Found::Thing(kind), expected));
    }
    width(input, dialect)
}

/// The number of cells of the first row.
fn width(input: &Input, dialect: Dialect) -> Result<usize> {
    let mut cells = Cells::new(input, dialect)?;
    let mut column = 0;
    loop {
        match cells.next(column, false)? {
            None => {
                let found = Found::Thing(if dialect.skipped_lines > 0 {
                    "no line after those that are skipped"
                } else {
                    "no line that counts"
                });
                return Err(input.malformed(Place::File, found, "a row"));
            }
            Some(End::Delimiter) => column += 1,
            Some(End::Row) if cells.is_blank_line() => {
                let found = Found::Thing("an empty line");
                return Err(input.malformed(Place::Line(cells.cell_line()), found, ROW));
            }
            Some(End::Row) => return Ok(column + 1),
        }
    }
}

/// What the header calls a column, if that can be read.
pub(super) fn name_of(input: &Input, dialect: Dialect, wanted: usize) -> Option<String> {
    let mut cells = Cells::new(input, dialect).ok()?;
    for column in 0..wanted {
        cells.next(column, false).ok()?;
    }
    cells.next(wanted, true).ok()??;
    Some(String::from_utf8_lossy(cells.cell()).into_owned())
}

/// The one column of that name.
pub(super) fn column_of(input: &Input, options: &CsvOptions, name: &str) -> Result<usize> {
    let refuse =
        |found, expected| Err(input.malformed(Place::Name(name.to_owned()), found, expected));
    if options.has_header == Some(false) {
        let expected = "a header with that name (or the column's place, counted from 0)";
        return refuse(Found::Thing("no header"), expected);
    }
    let mut cells = Cells::new(input, options.dialect)?;
    let (mut column, mut found) = (0, None);
    while let Some(end) = cells.next(column, true)? {
        if cells.cell() == name.as_bytes() && found.replace(column).is_some() {
            let expected = "one column of that name (or its place, counted from 0)";
            return refuse(Found::Thing("several columns"), expected);
        }
        column += 1;
        if end == End::Row {
            break;
        }
    }
    match found {
        Some(column) => Ok(column),
        None => refuse(names(input, options.dialect, name, column)?, "a name in the header"),
    }
}

/// What the header of so many columns has, where the name that is wanted is not.
fn names(input: &Input, dialect: Dialect, wanted: &str, columns: usize) -> Result<Found> {
    let mut cells = Cells::new(input, dialect)?;
    let mut names = Vec::new();
    for column in 0..columns.min(COMPARED) {
        cells.next(column, true)?;
        names.push(beginning(cells.cell()));
    }
    Ok(Found::Names(Box::new(listed(names, columns, wanted))))
}

/// The first of so many names as a refusal lists them, with the one that is perhaps meant.
pub(in crate::data) fn listed(names: Vec<String>, all: usize, wanted: &str) -> Names {
    let distances = names.iter().take(COMPARED).map(|name| (distance(name, wanted), name));
    let nearest = distances.min_by_key(|&(distance, _)| distance);
    let is_like = |distance| 3 * distance <= wanted.chars().count();
    let nearest = nearest.filter(|&(distance, _)| !wanted.is_empty() && is_like(distance));
    let nearest = nearest.map(|(_, name)| name.clone());
    let mut first = names;
    first.truncate(LISTED);
    Names { unit: "columns", more: all - first.len(), first, nearest }
}

/// How many characters two names differ by (V. I. Levenshtein), capitals and the spaces around them aside.
fn distance(one: &str, other: &str) -> usize {
    // Longer names are compared by their beginning: this is a hint, and it must be quick.
    let plain = |name: &str| -> Vec<char> { name.trim().to_lowercase().chars().take(80).collect() };
    let (one, other) = (plain(one), plain(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[other.len()]
}

/// How Excel marks the delimiter in a line before the table.
const EXCEL: &[u8] = b"sep=";

/// Refuses a first line in which Excel says what the delimiter is, as it is no row.
fn refuse_line_of_excel(input: &Input, dialect: Dialect) -> Result<()> {
    let beginning = input.beginning(12)?;
    let line = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&beginning);
    let line = line.split(|&byte| is_line_end(byte)).next().unwrap_or_default();
    let (start, delimiter) = line.split_at(line.len().min(EXCEL.len()));
    let &[delimiter] = delimiter else { return Ok(()) };
    if dialect.skipped_lines > 0 || !start.eq_ignore_ascii_case(EXCEL) {
        return Ok(());
    }
    let expected = match delimiter {
        b';' => EXCEL_SEMICOLON,
        b'\t' => EXCEL_TAB,
        b'|' => EXCEL_BAR,
        b',' => EXCEL_COMMA,
        _ => EXCEL_OTHER,
    };
    let found = Found::known("Excel's line that names the delimiter", line);
    Err(input.malformed(Place::Line(1), found, expected))
}

/// What was refused about a file of so many columns, as far as its first line is to blame: perhaps it is no row of the
/// table, or another delimiter stands in it.
pub(super) fn with_first_line(
    error: Error,
    input: &Input,
    options: &CsvOptions,
    width: usize,
) -> Error {
    let second = second_row(input, options.dialect);
    let may_be_remark = second.as_ref().is_some_and(|second| match &error {
        Error::FileMismatch { place: Place::Line(line), .. } => *line == second.line,
        Error::Malformed { place: Place::Cell { line, .. }, found: Found::Text(_), .. } => {
            *line == second.line && (width == 1 || width != second.width)
        }
        Error::Malformed { place: Place::Name(_), .. } => width != second.width,
        _ => false,
    });
    if may_be_remark && let Some(remark) = remark(input, options.dialect) {
        return remark;
    }
    let has_wider_rows = second.is_some_and(|second| second.width > 1);
    if width == 1 { with_delimiter(error, input, options, has_wider_rows) } else { error }
}

/// The row after the first one.
struct Second {
    line: u64,
    width: usize,
}

fn second_row(input: &Input, dialect: Dialect) -> Option<Second> {
    let mut cells = Cells::new(input, dialect).ok()?;
    while cells.next(0, false).ok()?? == End::Delimiter {}
    let mut end = cells.next(0, false).ok()??;
    let mut second = Second { line: cells.cell_line(), width: 1 };
    while end == End::Delimiter {
        end = cells.next(0, false).ok()??;
        second.width += 1;
    }
    Some(second)
}

/// The refusal of a first line that is a remark, if it seems to be one.
fn remark(input: &Input, dialect: Dialect) -> Option<Error> {
    let mut cells = Cells::new(input, dialect).ok()?;
    cells.next(0, true).ok()??;
    let text = trimmed(cells.cell());
    let expected = match text.first()? {
        b'#' => REMARK_HASH,
        b'%' => REMARK_PERCENT,
        b'!' => REMARK_EXCLAMATION,
        _ => return None,
    };
    let found = Found::known("a remark", text);
    Some(input.malformed(Place::Line(cells.cell_line()), found, expected))
}

/// What was refused about a file whose first row is one cell: perhaps another delimiter stands in it, or it is a title.
fn with_delimiter(
    error: Error,
    input: &Input,
    options: &CsvOptions,
    has_wider_rows: bool,
) -> Error {
    let another = || another_delimiter(input, options.dialect, has_wider_rows);
    let Error::Malformed { ref place, ref found, .. } = error else {
        return match error {
            Error::FileMismatch { .. } => another().unwrap_or(error),
            error => error,
        };
    };
    // What a cell was recognised as says more.
    let is_recognised = matches!(place, Place::Cell { .. }) && !matches!(found, Found::Text(_));
    let is_of_cells = matches!(place, Place::Cell { .. } | Place::Name(_));
    if is_recognised || !is_of_cells {
        return error;
    }
    another().unwrap_or(error)
}

/// The refusal of a first row that is one cell, if there is a delimiter in it, or wider rows follow.
pub(super) fn another_delimiter(
    input: &Input,
    dialect: Dialect,
    has_wider_rows: bool,
) -> Option<Error> {
    let mut cells = Cells::new(input, dialect).ok()?;
    if cells.next(0, true).ok()?? != End::Row {
        return None;
    }
    let text = trimmed(cells.cell());
    let is_used = |&byte: &u8| dialect.delimiter != Delimiter::Byte(byte) && text.contains(&byte);
    let marks = [b';', b'\t', b'|', b','].into_iter().find(is_used);
    let has_spaces = text.iter().any(|&byte| is_space(byte));
    let expected = match (marks, has_wider_rows, dialect.skipped_lines) {
        (Some(delimiter), ..) => perhaps(delimiter),
        (None, true, 0) if has_spaces => TITLE_OR_SPACES,
        (None, true, 0) => TITLE,
        (None, true, _) => MORE_LINES,
        (None, false, _) => perhaps(has_spaces.then_some(b' ')?),
    };
    let found = Found::known("a single cell", text);
    Some(input.malformed(Place::Line(cells.cell_line()), found, expected))
}

#[cfg(test)]
mod tests {
    use super::distance;

    /// The examples of Levenshtein's paper are of codes; these are counted by hand.
    #[test]
    fn names_differ_by_characters() {
        for (one, other, expected) in [
            ("kitten", "sitting", 3),
            ("", "abc", 3),
            ("width", "width", 0),
            (" Width", "width", 0),
            ("lenght", "length", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{one} {other}");
        }
    }
}
