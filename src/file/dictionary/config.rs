//! The settings beside the weights: a small JSON file.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Error, Found, Place, Result, beginning};

/// Longer ones are refused before they are read.
const LONGEST: u64 = 1 << 20;

/// What a file says, with its path for errors.
#[derive(Debug)]
pub(super) struct Config {
    path: PathBuf,
    values: Map<String, Value>,
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let failed =
            |reason| Error::File { path: path.to_owned(), action: "read the file", reason };
        let metadata = std::fs::metadata(path).map_err(|error| failed(error.kind()))?;
        if !metadata.is_file() {
            let is_folder = metadata.is_dir();
            return Err(failed(if is_folder {
                ErrorKind::IsADirectory
            } else {
                ErrorKind::Unsupported
            }));
        }
        let mut text = Vec::new();
        let file = File::open(path).map_err(|error| failed(error.kind()))?;
        file.take(LONGEST + 1).read_to_end(&mut text).map_err(|error| failed(error.kind()))?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Self> {
        let refuse = |place, found, expected| {
            Err(Error::Malformed {
                path: path.to_owned(),
                place,
                found: Found::Thing(found),
                expected,
            })
        };
        if text.len() as u64 > LONGEST {
            return refuse(
                Place::File,
                "more than a million bytes",
                "settings in JSON, at most 1 MiB",
            );
        }
        match serde_json::from_slice(text) {
            Ok(Value::Object(values)) => Ok(Self { path: path.to_owned(), values }),
            Ok(_) => refuse(Place::File, "another value", "an object of JSON, { … }"),
            Err(error) => {
                let place = Place::Line(error.line() as u64);
                refuse(place, "what is no JSON", "settings in JSON")
            }
        }
    }

    /// The settings that are an object under a name.
    pub(super) fn inside(&self, key: &str) -> Result<Self> {
        match self.object(key) {
            Some(values) => Ok(Self { path: self.path.clone(), values: values.clone() }),
            None => self.refuse(key, "an object of JSON, { … }"),
        }
    }

    /// What is there under a name; nothing where it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// The object under a name.
    pub(super) fn object(&self, key: &str) -> Option<&Map<String, Value>> {
        self.get(key).and_then(Value::as_object)
    }

    /// A refusal of a setting.
    pub(super) fn refuse<V>(&self, key: &str, expected: &'static str) -> Result<V> {
        let found = match self.get(key) {
            None => Found::Thing("nothing"),
            Some(Value::String(text)) => Found::text(text.as_bytes()),
            Some(value) => Found::text(value.to_string().as_bytes()),
        };
        let place = Place::Name(beginning(key.as_bytes()));
        Err(Error::Malformed { path: self.path.clone(), place, found, expected })
    }

    /// A count that must be there; a whole number with a point is one too.
    pub(super) fn count(&self, key: &str) -> Result<usize> {
        match self.get(key).and_then(whole) {
            Some(count) => Ok(count),
            None => self.refuse(key, "a whole number, at least 0"),
        }
    }

    /// A count that must be there, and not be 0.
    pub(super) fn size(&self, key: &str) -> Result<usize> {
        match self.count(key)? {
            0 => self.refuse(key, "a whole number, at least 1"),
            size => Ok(size),
        }
    }

    /// A count that must be there, from 1 to `most`.
    pub(super) fn count_up_to(&self, key: &str, most: usize) -> Result<usize> {
        match self.count(key)? {
            count if (1..=most).contains(&count) => Ok(count),
            _ => self.refuse(key, "at least 1, and at most the number of units"),
        }
    }

    pub(super) fn count_or(&self, key: &str, default: usize) -> Result<usize> {
        if self.get(key).is_none() { Ok(default) } else { self.count(key) }
    }

    pub(super) fn flag_or(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => self.refuse(key, "true or false"),
        }
    }

    pub(super) fn text_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::String(text)) => Ok(text),
            Some(_) => self.refuse(key, "a text"),
        }
    }

    pub(super) fn number_or(&self, key: &str, default: f64) -> Result<f64> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(number),
                None => self.refuse(key, "a number"),
            },
        }
    }
}

/// A whole number that is not negative.
pub(super) fn whole(value: &Value) -> Option<usize> {
    /// Beyond it numbers with a point have gaps.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let of_point = |number: f64| {
        let is_whole = (0.0..=EXACT).contains(&number) && number.fract() == 0.0;
        is_whole.then_some(number as u64)
    };
    let count = value.as_u64().or_else(|| value.as_f64().and_then(of_point))?;
    usize::try_from(count).ok()
}

/// A value as a note has it.
pub(super) fn note(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
