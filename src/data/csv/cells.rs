//! Text with delimiters, cell by cell, in memory that does not grow with it (RFC 4180, without its
//! leniency: a quote opens and closes a whole cell, and every line is a row; but a line ends in CR, LF
//! or both).

use std::io::{ErrorKind, Read};
use std::ops::Range;

use super::dialect::{Delimiter, Dialect, Ends, is_line_end, is_space};
use super::remedies::{CLOSED, TRIM, WHOLE};
use crate::data::input::Input;
use crate::error::{Error, Found, Place, Result};

/// What is read from a file in one go.
const BUFFER: usize = 1 << 16;
/// The longest cell that is kept.
const LONGEST: usize = 1 << 16;
/// How a text in UTF-8 may begin.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What ends a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The delimiter: another cell of the row follows.
    Delimiter,
    /// The end of a row.
    Row,
}

/// The first cell of a row, before its text.
struct Begun {
    has_spaces: bool,
}

/// The cells of a text, one after the other.
#[derive(Debug)]
pub(super) struct Cells {
    input: Input,
    dialect: Dialect,
    /// For each of [`Ends`], which bytes are among them.
    ends: [[bool; 256]; 3],
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    /// The line that comes next, and the one the latest cell began in, counted from 1.
    line: u64,
    cell_line: u64,
    /// Where the latest cell is in the buffer, or `None` if it had to be put together in `cell`.
    plain: Option<Range<usize>>,
    cell: Vec<u8>,
    is_at_row_start: bool,
    is_blank_line: bool,
}

impl Cells {
    /// The text of an input from its beginning on, without a byte-order mark and the lines that do not count.
    pub(super) fn new(input: &Input, dialect: Dialect) -> Result<Self> {
        let mut cells = Self {
            input: input.from(0),
            dialect,
            ends: dialect.ends(),
            buffer: Vec::new(),
            at: 0,
            filled: 0,
            line: 1,
            cell_line: 1,
            plain: None,
            cell: Vec::new(),
            is_at_row_start: true,
            is_blank_line: false,
        };
        if cells.input.beginning(BYTE_ORDER_MARK.len())? == BYTE_ORDER_MARK {
            cells.input = input.from(BYTE_ORDER_MARK.len() as u64);
        }
        for _ in 0..dialect.skipped_lines {
            if cells.peek()?.is_none() {
                break;
            }
            cells.pass_over_line()?;
            cells.take_line_end(false)?;
        }
        Ok(cells)
    }

    /// What is read from.
    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// The latest cell, if it was to be kept.
    pub(super) fn cell(&self) -> &[u8] {
        match &self.plain {
            Some(range) => &self.buffer[range.clone()],
            None => &self.cell,
        }
    }

    /// The line the latest cell began in.
    pub(super) fn cell_line(&self) -> u64 {
        self.cell_line
    }

    /// Whether the latest cell is the only one of its line, and has nothing in it.
    pub(super) fn is_blank_line(&self) -> bool {
        self.is_blank_line
    }

    /// The next byte, which stays the next one.
    fn peek(&mut self) -> Result<Option<u8>> {
        if self.at == self.filled {
            let capacity = usize::try_from(self.input.len()).unwrap_or(BUFFER).clamp(1, BUFFER);
            self.buffer.resize(capacity, 0);
            self.at = 0;
            self.filled = loop {
                match self.input.read(&mut self.buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    result => break result.map_err(|error| self.input.failed(&error))?,
                }
            };
        }
        Ok(self.buffer[..self.filled].get(self.at).copied())
    }

    /// Takes the next bytes up to one that ends them, or to the end of what has been read, and adds
    /// them to the cell if wanted.
    fn take(&mut self, column: usize, is_kept: bool, ends: Ends) -> Result<()> {
        let rest = &self.buffer[self.at..self.filled];
        let ends = &self.ends[ends as usize];
        let length = rest.iter().position(|&byte| ends[usize::from(byte)]).unwrap_or(rest.len());
        if is_kept {
            self.cell.extend_from_slice(&rest[..length]);
            if self.cell.len() > LONGEST {
                let found = Found::Thing("a longer cell");
                let expected = "a cell of at most 65536 bytes (is a closing quote missing?)";
                return Err(self.refuse(column, found, expected));
            }
        }
        self.at += length;
        Ok(())
    }

    /// Passes over all bytes of a kind that come next.
    fn pass_over(&mut self, is_passed: impl Fn(u8) -> bool) -> Result<()> {
        while self.peek()?.is_some_and(&is_passed) {
            self.at += 1;
        }
        Ok(())
    }

    /// Passes over the rest of a line, up to its end.
    fn pass_over_line(&mut self) -> Result<()> {
        self.pass_over(|byte| !is_line_end(byte))
    }

    /// Reads the next cell, and keeps its text if wanted; `None` after the last row.
    pub(super) fn next(&mut self, column: usize, is_kept: bool) -> Result<Option<End>> {
        if let Some(end) = self.plain(is_kept) {
            return Ok(Some(end));
        }
        self.plain = None;
        self.cell.clear();
        let mut has_spaces = false;
        if !self.is_at_row_start {
            self.cell_line = self.line;
            self.is_blank_line = false;
        } else if let Some(begun) = self.begin_row(is_kept)? {
            has_spaces = begun.has_spaces;
        } else {
            return Ok(None);
        }
        let dialect = self.dialect;
        if dialect.trims_cells() {
            self.pass_over(|byte| dialect.is_blank(byte))?;
            has_spaces = false;
        }
        let first = self.peek()?;
        let end = if first.is_some() && first == dialect.quote && !has_spaces {
            self.quoted(column, is_kept)?
        } else {
            self.unquoted(column, is_kept)?
        };
        self.is_at_row_start = end == End::Row;
        Ok(Some(end))
    }

    /// Takes a cell that is not the first of its row, has no quotes, and lies in the buffer with what ends it, as nearly
    /// all do. They stay where they are.
    #[inline]
    fn plain(&mut self, is_kept: bool) -> Option<End> {
        if self.is_at_row_start || self.dialect.trims_cells() {
            return None;
        }
        let rest = &self.buffer[self.at..self.filled];
        let ends = &self.ends[Ends::Unquoted as usize];
        let length = rest.iter().position(|&byte| ends[usize::from(byte)])?;
        let (end, after) = match &rest[length..] {
            [b'\n', ..] => (End::Row, 1),
            [b'\r', b'\n', ..] => (End::Row, 2),
            &[byte, ..] if self.dialect.delimiter == Delimiter::Byte(byte) => (End::Delimiter, 1),
            _ => return None,
        };
        if length > LONGEST {
            return None;
        }
        self.cell_line = self.line;
        self.is_blank_line = false;
        let kept = if is_kept { length } else { 0 };
        self.plain = Some(self.at..self.at + kept);
        self.at += length + after;
        if end == End::Row {
            self.line += 1;
            self.is_at_row_start = true;
        }
        Some(end)
    }

    /// Goes to the next line that is a row, if there is one, and takes the spaces it begins with.
    fn begin_row(&mut self, is_kept: bool) -> Result<Option<Begun>> {
        let dialect = self.dialect;
        while self.peek()?.is_some() {
            self.cell_line = self.line;
            self.cell.clear();
            let mut has_spaces = false;
            while self.peek()?.is_some_and(|byte| dialect.is_blank(byte)) {
                has_spaces = true;
                self.take(0, is_kept && !dialect.trims_cells(), Ends::Spaces)?;
            }
            let next = self.peek()?;
            let is_comment = next.is_some() && next == dialect.comment;
            self.is_blank_line = next.is_none_or(is_line_end);
            let is_skipped = is_comment || self.is_blank_line && dialect.skips_blank_lines;
            if !is_skipped {
                return Ok(Some(Begun { has_spaces }));
            }
            self.pass_over_line()?;
            self.take_line_end(false)?;
        }
        Ok(None)
    }

    fn unquoted(&mut self, column: usize, is_kept: bool) -> Result<End> {
        // Whether there is more than spaces before a quote; it cannot be seen in a cell that is not kept.
        let mut has_text = false;
        loop {
            // Gives a byte, or the end.
            self.peek()?;
            let from = self.at;
            self.take(column, is_kept, Ends::Unquoted)?;
            has_text |= !self.buffer[from..self.at].iter().all(|&byte| is_space(byte));
            match self.peek()? {
                Some(byte) if !self.ends[Ends::Unquoted as usize][usize::from(byte)] => {}
                Some(byte) if self.dialect.quote == Some(byte) => {
                    let found = Found::Thing(if has_text {
                        "a quote inside a cell"
                    } else {
                        "spaces before a quote"
                    });
                    return Err(self.refuse(column, found, if has_text { WHOLE } else { TRIM }));
                }
                end => {
                    self.trim();
                    return self.end_of_cell(end);
                }
            }
        }
    }

    fn quoted(&mut self, column: usize, is_kept: bool) -> Result<End> {
        self.at += 1;
        let quote = self.dialect.quote;
        loop {
            self.take(column, is_kept, Ends::Quoted)?;
            match self.peek()? {
                None => {
                    let found = Found::Thing("the end of the file");
                    return Err(self.refuse(column, found, CLOSED));
                }
                Some(byte) if quote == Some(byte) => {
                    self.at += 1;
                    if self.peek()? != quote {
                        return self.after_quotes(column);
                    }
                    self.at += 1;
                    if is_kept {
                        self.cell.push(byte);
                    }
                }
                Some(byte) if is_line_end(byte) => self.take_line_end(is_kept)?,
                // More has been read.
                Some(_) => {}
            }
        }
    }

    /// What follows a closing quote must end the cell.
    fn after_quotes(&mut self, column: usize) -> Result<End> {
        let dialect = self.dialect;
        if dialect.trims {
            self.pass_over(|byte| dialect.is_blank(byte) && !dialect.is_delimiter(byte))?;
        }
        match self.peek()? {
            Some(byte) if !self.ends[Ends::Unquoted as usize][usize::from(byte)] => {
                let (found, expected) = if is_space(byte) {
                    ("spaces after a closing quote", TRIM)
                } else {
                    ("text after a closing quote", WHOLE)
                };
                Err(self.refuse(column, Found::Thing(found), expected))
            }
            end => self.end_of_cell(end),
        }
    }

    /// Takes what ends a cell: a delimiter, a remark, or the end of the line.
    fn end_of_cell(&mut self, mut next: Option<u8>) -> Result<End> {
        if next.is_some_and(|byte| self.dialect.is_delimiter(byte)) {
            if let Delimiter::Byte(_) = self.dialect.delimiter {
                self.at += 1;
                return Ok(End::Delimiter);
            }
            // A run of spaces at the end of a line means nothing.
            self.pass_over(is_space)?;
            next = self.peek()?;
        }
        if next.is_some() && next == self.dialect.comment {
            self.pass_over_line()?;
            next = self.peek()?;
        }
        if next.is_some_and(|byte| !is_line_end(byte)) {
            return Ok(End::Delimiter);
        }
        self.take_line_end(false)?;
        Ok(End::Row)
    }

    /// Takes spaces from the end of a cell without quotes where they are no part of it.
    fn trim(&mut self) {
        if self.dialect.trims_cells() {
            while self.cell.last().is_some_and(|&byte| is_space(byte)) {
                self.cell.pop();
            }
        }
    }

    /// Takes the line end that comes next, if the text does not end there: CR, LF or both. Of a cell that is kept
    /// it is a part.
    fn take_line_end(&mut self, is_kept: bool) -> Result<()> {
        let Some(first) = self.peek()? else { return Ok(()) };
        self.at += 1;
        if is_kept {
            self.cell.push(first);
        }
        if first == b'\r' && self.peek()? == Some(b'\n') {
            self.at += 1;
            if is_kept {
                self.cell.push(b'\n');
            }
        }
        self.line += 1;
        Ok(())
    }

    /// A refusal of the latest cell.
    pub(super) fn refuse(&self, column: usize, found: Found, expected: &'static str) -> Error {
        let place = Place::Cell { line: self.cell_line, column, name: None };
        self.input.malformed(place, found, expected)
    }
}
