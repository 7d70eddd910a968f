//! How the cells of a text are told from each other.

/// What stands between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// One byte, each time.
    Byte(u8),
    /// Runs of spaces and tabs, which at the ends of a line mean nothing.
    Whitespace,
}

/// How the cells of a text are told from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: Delimiter,
    /// What opens and closes a cell, if anything does.
    pub(super) quote: Option<u8>,
    /// What begins a remark that goes on to the end of the line.
    pub(super) comment: Option<u8>,
    /// Lines before the first one that counts.
    pub(super) skipped_lines: u64,
    pub(super) skips_blank_lines: bool,
    /// Whether spaces and tabs around a cell are no part of it.
    pub(super) trims: bool,
}

impl Dialect {
    /// Commas and quotes, and every line is a row.
    pub(super) const fn new() -> Self {
        Self {
            delimiter: Delimiter::Byte(b','),
            quote: Some(b'"'),
            comment: None,
            skipped_lines: 0,
            skips_blank_lines: false,
            trims: false,
        }
    }

    /// Whether a byte ends a cell.
    pub(super) fn is_delimiter(self, byte: u8) -> bool {
        match self.delimiter {
            Delimiter::Byte(delimiter) => byte == delimiter,
            Delimiter::Whitespace => is_space(byte),
        }
    }

    /// Whether a byte is a space that is no delimiter.
    pub(super) fn is_blank(self, byte: u8) -> bool {
        is_space(byte) && self.delimiter != Delimiter::Byte(byte)
    }

    /// Whether spaces around a cell are no part of it.
    pub(super) fn trims_cells(self) -> bool {
        self.trims || self.delimiter == Delimiter::Whitespace
    }

    /// For each of [`Ends`], which bytes are among them.
    pub(super) fn ends(self) -> [[bool; 256]; 3] {
        let mut ends = [[false; 256]; 3];
        for byte in 0..=u8::MAX {
            let at = usize::from(byte);
            let is_quote = self.quote == Some(byte);
            ends[Ends::Quoted as usize][at] = is_quote || is_line_end(byte);
            ends[Ends::Unquoted as usize][at] = is_quote
                || self.comment == Some(byte)
                || self.is_delimiter(byte)
                || is_line_end(byte);
            ends[Ends::Spaces as usize][at] = !self.is_blank(byte);
        }
        ends
    }
}

/// What the text of a cell is taken up to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ends {
    /// Within quotes: a quote or a line end.
    Quoted,
    /// Without: whatever ends a cell, and a quote, which is not allowed there.
    Unquoted,
    /// What is no space.
    Spaces,
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// What [`trimmed`] makes of a text that is no cell but is compared with cells.
pub(in crate::data) fn trimmed_text(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A text without the spaces and tabs around it.
pub(in crate::data) fn trimmed(text: &[u8]) -> &[u8] {
    let start = text.iter().take_while(|&&byte| is_space(byte)).count();
    let end = text.len() - text[start..].iter().rev().take_while(|&&byte| is_space(byte)).count();
    &text[start..end]
}
