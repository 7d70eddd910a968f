//! Text with delimiters, cell by cell, in memory that does not grow with it (RFC 4180, without its
//! leniency: a quote opens and closes a whole cell, and every line is a row).

use std::io::{ErrorKind, Read};

use crate::data::input::{Input, Packing, Stream};
use crate::error::{Found, Place, Result};

/// What is read from a file in one go.
const BUFFER: usize = 1 << 16;
/// The longest cell that is kept.
const LONGEST: usize = 1 << 16;

/// What ends a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The delimiter: another cell of the row follows.
    Delimiter,
    /// The end of a row.
    Row,
}

/// The cells of a text, one after the other.
#[derive(Debug)]
pub(crate) struct Cells {
    input: Input,
    delimiter: u8,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    /// The line that comes next, and the one the latest cell began in, counted from 1.
    line: u64,
    cell_line: u64,
    cell: Vec<u8>,
    is_at_row_start: bool,
}

impl Cells {
    /// The text of an input from its beginning on, without a byte-order mark.
    pub(crate) fn new(input: &Input, delimiter: u8) -> Result<Self> {
        let mut cells = Self {
            input: input.from(0),
            delimiter,
            buffer: Vec::new(),
            at: 0,
            filled: 0,
            line: 1,
            cell_line: 1,
            cell: Vec::new(),
            is_at_row_start: true,
        };
        let mut start = [0; 3];
        let length = input.len().min(3) as usize;
        let stream = Stream::new(input.clone(), Packing::Plain);
        stream.read_at(0, &mut start[..length])?;
        if start == [0xef, 0xbb, 0xbf] {
            cells.input = input.from(3);
        }
        Ok(cells)
    }

    /// What is read from.
    pub(crate) fn input(&self) -> &Input {
        &self.input
    }

    /// The latest cell, if it was to be kept.
    pub(crate) fn cell(&self) -> &[u8] {
        &self.cell
    }

    /// The line the latest cell began in.
    pub(crate) fn cell_line(&self) -> u64 {
        self.cell_line
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
    fn take_until(
        &mut self,
        column: usize,
        is_kept: bool,
        ends: impl Fn(u8) -> bool,
    ) -> Result<()> {
        let rest = &self.buffer[self.at..self.filled];
        let length = rest.iter().position(|&byte| ends(byte)).unwrap_or(rest.len());
        if is_kept {
            self.cell.extend_from_slice(&rest[..length]);
            if self.cell.len() > LONGEST {
                let found = Found::Thing("a longer cell");
                return Err(self.refuse(column, found, "a cell of at most 65536 bytes"));
            }
        }
        self.at += length;
        Ok(())
    }

    /// Reads the next cell, and keeps its text if wanted; `None` after the last row.
    pub(crate) fn next(&mut self, column: usize, is_kept: bool) -> Result<Option<End>> {
        self.cell.clear();
        self.cell_line = self.line;
        let first = self.peek()?;
        if self.is_at_row_start && first.is_none() {
            return Ok(None);
        }
        self.is_at_row_start = false;
        let end = if first == Some(b'"') {
            self.quoted(column, is_kept)?
        } else {
            self.unquoted(column, is_kept)?
        };
        self.is_at_row_start = end == End::Row;
        Ok(Some(end))
    }

    fn unquoted(&mut self, column: usize, is_kept: bool) -> Result<End> {
        let delimiter = self.delimiter;
        loop {
            self.take_until(column, is_kept, |byte| {
                byte == delimiter || byte == b'\n' || byte == b'"'
            })?;
            match self.peek()? {
                None => return Ok(End::Row),
                Some(b'\n') => {
                    self.take_line_end();
                    // The line may have ended in `\r\n`.
                    if self.cell.last() == Some(&b'\r') {
                        self.cell.pop();
                    }
                    return Ok(End::Row);
                }
                Some(b'"') => {
                    let found = Found::Thing("a quote inside a cell");
                    return Err(self.refuse(column, found, "quotes around the whole cell"));
                }
                Some(byte) if byte == delimiter => {
                    self.at += 1;
                    return Ok(End::Delimiter);
                }
                // More has been read.
                Some(_) => {}
            }
        }
    }

    fn quoted(&mut self, column: usize, is_kept: bool) -> Result<End> {
        self.at += 1;
        loop {
            self.take_until(column, is_kept, |byte| byte == b'"' || byte == b'\n')?;
            match self.peek()? {
                None => {
                    let found = Found::Thing("the end of the file");
                    return Err(self.refuse(column, found, "a closing quote"));
                }
                Some(b'\n') => {
                    self.take_line_end();
                    if is_kept {
                        self.cell.push(b'\n');
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    if self.peek()? != Some(b'"') {
                        return self.after_quotes(column);
                    }
                    self.at += 1;
                    if is_kept {
                        self.cell.push(b'"');
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// What follows a closing quote must end the cell.
    fn after_quotes(&mut self, column: usize) -> Result<End> {
        let mut next = self.peek()?;
        if next == Some(b'\r') {
            self.at += 1;
            next = self.peek()?.filter(|&byte| byte == b'\n').or(Some(b'\r'));
        }
        match next {
            None => Ok(End::Row),
            Some(b'\n') => {
                self.take_line_end();
                Ok(End::Row)
            }
            Some(byte) if byte == self.delimiter => {
                self.at += 1;
                Ok(End::Delimiter)
            }
            Some(_) => {
                let found = Found::Thing("text after a closing quote");
                Err(self.refuse(column, found, "quotes around the whole cell"))
            }
        }
    }

    fn take_line_end(&mut self) {
        self.at += 1;
        self.line += 1;
    }

    /// A refusal of the latest cell.
    pub(crate) fn refuse(
        &self,
        column: usize,
        found: Found,
        expected: &'static str,
    ) -> crate::error::Error {
        let place = Place::Cell { line: self.cell_line, column, name: None };
        self.input.malformed(place, found, expected)
    }
}
