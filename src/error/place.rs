//! Where in a file something is that does not belong there, and what it is.

use std::fmt;

use super::Number;

/// A place in a file, inside an [`Error`](super::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The file as a whole.
    File,
    /// A byte, counted from 0; in a compressed file, of what it unpacks to.
    Byte(u64),
    /// A value of a table of numbers.
    Value {
        /// The sample, counted from 0 along the first dimension.
        sample: u64,
        /// The feature, counted from 0.
        feature: u64,
    },
    /// A line of a text, counted from 1 as editors do.
    Line(u64),
    /// A cell of a table in a text.
    Cell {
        /// The line it begins in, counted from 1 as editors do.
        line: u64,
        /// Its column, counted from 0 as in [`Column::Index`](crate::data::Column::Index); texts count it from 1.
        column: usize,
        /// What the header calls the column, if there is a header.
        name: Option<String>,
    },
    /// A cell of a table in memory.
    #[cfg(feature = "table")]
    Row {
        /// The row, counted from 0 as the samples of a batch are.
        row: usize,
        /// The name of its column.
        column: String,
    },
    /// A column of a table or a member of an archive, by its name.
    Name(String),
}

/// Follows a file's name in a sentence.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Byte(at) => write!(f, ", byte {at} (counted from 0)"),
            Self::Value { sample, feature } => {
                write!(f, ", sample {sample}, feature {feature} (counted from 0)")
            }
            Self::Line(line) => write!(f, ", line {line} (counted from 1)"),
            Self::Cell { line, column, name } => {
                write!(f, ", line {line}, column {}", column.saturating_add(1))?;
                match name {
                    None => f.write_str(" (counted from 1)"),
                    Some(name) => write!(f, " (`{name}`; counted from 1)"),
                }
            }
            #[cfg(feature = "table")]
            Self::Row { row, column } => {
                write!(f, ", row {row} (counted from 0), column `{column}`")
            }
            Self::Name(name) => write!(f, ", `{name}`"),
        }
    }
}

/// What is in a file where something else belongs, inside an [`Error`](super::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// This text, at most 80 characters of it.
    Text(String),
    /// A number that does not fit.
    Number(Number),
    /// Something that has a name: `the end of the file`.
    Thing(&'static str),
    /// A text that is known to be something.
    Known(Box<Known>),
    /// The names of a table's columns or of a file's tensors, where one that is not among them is wanted.
    Names(Box<Names>),
}

/// A text that is known to be something, inside an [`Error`](super::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// What it is: `a decimal comma`.
    pub kind: &'static str,
    /// The text, at most 80 characters of it.
    pub text: String,
}

/// The names of a table's columns or of a file's tensors, inside an [`Error`](super::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Names {
    /// What has these names: `columns`, `tensors`.
    pub unit: &'static str,
    /// The first of them, at most 20, and at most 80 characters of each.
    pub first: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// The one that is most like the wanted one, if any is.
    pub nearest: Option<String>,
}

impl Found {
    /// The beginning of a text, in which what is no UTF-8 is replaced.
    pub(crate) fn text(bytes: &[u8]) -> Self {
        Self::Text(beginning(bytes))
    }

    /// A text that is known to be something.
    pub(crate) fn known(kind: &'static str, bytes: &[u8]) -> Self {
        Self::Known(Box::new(Known { kind, text: beginning(bytes) }))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Thing(thing) => f.write_str(thing),
            Self::Known(known) => write!(f, "{} ({:?})", known.kind, known.text),
            Self::Names(names) => write!(f, "{names}"),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only the {} ", self.unit)?;
        for (k, name) in self.first.iter().enumerate() {
            let before = if k == 0 { "" } else { ", " };
            write!(f, "{before}`{name}`")?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        match &self.nearest {
            Some(nearest) => write!(f, " (perhaps `{nearest}` is meant)"),
            None => Ok(()),
        }
    }
}

/// At most 80 characters from the beginning of a text, in which what is no UTF-8 is replaced.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    // A character has at most four bytes.
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * 80)]);
    beginning.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_say_from_where_they_count() {
        let cell = |name| Place::Cell { line: 3, column: 0, name };
        for (place, said) in [
            (Place::File, ""),
            (Place::Byte(0), ", byte 0 (counted from 0)"),
            (Place::Value { sample: 0, feature: 2 }, ", sample 0, feature 2 (counted from 0)"),
            (Place::Line(1), ", line 1 (counted from 1)"),
            (cell(None), ", line 3, column 1 (counted from 1)"),
            (cell(Some("a".to_owned())), ", line 3, column 1 (`a`; counted from 1)"),
            (Place::Name("a".to_owned()), ", `a`"),
        ] {
            assert_eq!(place.to_string(), said);
        }
    }

    #[test]
    fn names_are_listed_as_far_as_they_go() {
        let names = |more, nearest| {
            let first = vec!["a".to_owned(), "b c".to_owned()];
            Found::Names(Box::new(Names { unit: "columns", first, more, nearest }))
        };
        let all = names(0, None);
        assert_eq!(all.to_string(), "only the columns `a`, `b c`");
        let some = names(5, Some("d".to_owned()));
        let said = "only the columns `a`, `b c` and 5 more (perhaps `d` is meant)";
        assert_eq!(some.to_string(), said);
        let long = Found::text("é".repeat(100).as_bytes());
        assert_eq!(long, Found::Text("é".repeat(80)));
    }
}
