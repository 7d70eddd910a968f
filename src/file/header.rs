//! The header of a safetensors file: a JSON object of names, types, shapes and places.
//!
//! There is exactly one way to write it: the digest first, then our version, then the caller's
//! metadata by name, then the tensors in the order of their values, without spaces but those at the
//! end that make its length a multiple of 8. The `safetensors` crate keeps both metadata and tensors
//! in hash maps, so it writes the first in any order and cannot see a name given twice; it defines
//! types and checks places here, and order and duplicates are ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};

use safetensors::tensor::{Metadata, SafeTensorError, TensorInfo};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::Problem;
use crate::numbers::bytes::{Tensor, Values};

/// The newest version that is understood, and the one that is written.
pub(crate) const VERSION: u32 = 1;
/// Longer headers are refused before anything is allocated for them. Nearly all are for the schema of a table with many
/// levels; other readers of safetensors take six times as much.
pub(super) const MAX_HEADER: u64 = 16 << 20;
/// What is left beside the longest schema is enough for all else.
#[cfg(feature = "table")]
const _: () = assert!(crate::data::schema::LONGEST as u64 + (1 << 20) <= MAX_HEADER);
/// Limits that keep what a header of that length needs in memory near its length.
pub(super) const MAX_TENSORS: usize = 4096;
pub(super) const MAX_TEXTS: usize = 1024;
pub(super) const MAX_DIMENSIONS: usize = 8;
/// How every header begins; the hexadecimal digits of the digest follow.
pub(super) const PREFIX: &str = r#"{"__metadata__":{"digest":"sha256:"#;
/// The number of these digits.
pub(super) const DIGITS: usize = 64;

const METADATA: &str = "__metadata__";
/// The texts that are not the caller's.
const OURS: [&str; 2] = ["digest", "version"];

/// What a header says; the digest aside, which is known only when all else is.
#[derive(Debug)]
pub(super) struct Header {
    pub metadata: BTreeMap<String, String>,
    pub entries: Vec<(String, TensorInfo)>,
}

impl Header {
    /// The header of a file with these tensors.
    pub fn of(
        metadata: &BTreeMap<String, String>,
        tensors: &[Tensor<'_>],
    ) -> Result<Self, Problem> {
        if let Some(key) = OURS.into_iter().find(|&key| metadata.contains_key(key)) {
            return Err(Problem::DuplicateMetadata { key: key.to_owned() });
        }
        limit("texts", metadata.len(), MAX_TEXTS)?;
        limit("tensors", tensors.len(), MAX_TENSORS)?;
        let mut entries = Vec::with_capacity(tensors.len());
        let mut start = 0_usize;
        for tensor in tensors {
            if tensor.name == METADATA {
                return Err(Problem::DuplicateMetadata { key: METADATA.to_owned() });
            }
            let dtype = tensor.values.dtype();
            // What lies in memory is not longer than that; their sum might be, if memory is shared.
            let length = tensor.values.len() * (dtype.bitsize() / 8);
            let end = start.saturating_add(length);
            let info =
                TensorInfo { dtype, shape: tensor.shape.clone(), data_offsets: (start, end) };
            entries.push((tensor.name.clone().into_owned(), info));
            start = end;
        }
        let header = Self { metadata: metadata.clone(), entries };
        header.check()?;
        Ok(header)
    }

    /// Reads what a header says, and refuses any that [`of`](Self::of) does not make.
    ///
    /// Also gives the digits of the digest, and puts zeros in their place.
    pub fn parse(text: &mut [u8]) -> Result<(Self, [u8; DIGITS]), Problem> {
        let Raw { metadata, entries, tensors, two_metadata } =
            serde_json::from_slice(text).map_err(|error| refused(text, &error))?;
        limit("tensors", tensors, MAX_TENSORS)?;
        let RawMetadata { mut texts, found, duplicate } = metadata;
        if let Some(key) = two_metadata.then(|| METADATA.to_owned()).or(duplicate) {
            return Err(Problem::DuplicateMetadata { key });
        }
        limit("texts", found.saturating_sub(OURS.len()), MAX_TEXTS)?;
        let missing = |key| Problem::MissingMetadata { key };
        texts.remove("digest").ok_or(missing("digest"))?;
        let found = texts.remove("version").ok_or(missing("version"))?;
        if found != VERSION.to_string() {
            return Err(Problem::UnsupportedVersion { found, newest: VERSION });
        }
        let mut checked = Vec::with_capacity(entries.len());
        for (name, RawInfo { dtype, shape, data_offsets }) in entries {
            limit("dimensions", shape.found, MAX_DIMENSIONS)?;
            checked.push((name, TensorInfo { dtype, shape: shape.sizes, data_offsets }));
        }
        let header = Self { metadata: texts, entries: checked };
        header.check()?;
        let digits = header.take_digits(text)?;
        Ok((header, digits))
    }

    /// The header as it stands in the file, with zeros for the digest.
    pub fn text(&self) -> Result<Vec<u8>, Problem> {
        let mut text = Limited { text: Vec::new(), length: 0 };
        // Memory takes all, so nothing fails here.
        let _ = self.render(&mut text);
        let padding = text.length.next_multiple_of(8) - text.length;
        text.length += padding;
        if text.length > MAX_HEADER {
            return Err(Problem::HeaderTooLong { length: text.length, limit: MAX_HEADER });
        }
        text.text.resize(text.text.len() + padding as usize, b' ');
        Ok(text.text)
    }

    /// Bytes of all values.
    pub fn data_length(&self) -> u64 {
        self.entries.last().map_or(0, |(_, info)| info.data_offsets.1 as u64)
    }

    fn render(&self, to: &mut impl Write) -> io::Result<()> {
        let zeros = [b'0'; DIGITS];
        to.write_all(PREFIX.as_bytes())?;
        to.write_all(&zeros)?;
        write!(to, r#"","version":"{VERSION}""#)?;
        for (key, value) in &self.metadata {
            to.write_all(b",")?;
            serde_json::to_writer(&mut *to, key)?;
            to.write_all(b":")?;
            serde_json::to_writer(&mut *to, value)?;
        }
        to.write_all(b"}")?;
        for (name, info) in &self.entries {
            to.write_all(b",")?;
            serde_json::to_writer(&mut *to, name)?;
            to.write_all(b":")?;
            serde_json::to_writer(&mut *to, info)?;
        }
        to.write_all(b"}")
    }

    /// Names once each, places without gap and overlap, and as long as the shapes say.
    fn check(&self) -> Result<(), Problem> {
        let mut names = BTreeSet::new();
        let mut next = 0_u64;
        for (name, info) in &self.entries {
            let tensor = || name.clone();
            if !names.insert(name.as_str()) {
                return Err(Problem::DuplicateTensor { name: tensor() });
            }
            limit("dimensions", info.shape.len(), MAX_DIMENSIONS)?;
            let Some((_, size)) = Values::empty(info.dtype) else {
                let found = info.dtype.to_string();
                return Err(Problem::UnsupportedType { tensor: tensor(), found });
            };
            let (start, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
            if start < next {
                return Err(Problem::Overlap { tensor: tensor(), expected: next, found: start });
            }
            if start > next {
                return Err(Problem::Gap { tensor: tensor(), expected: next, found: start });
            }
            let needed =
                info.shape.iter().try_fold(size as u64, |size, &n| size.checked_mul(n as u64));
            let (expected, found) = (needed.unwrap_or(u64::MAX), end.saturating_sub(start));
            if needed != Some(found) || end < start {
                return Err(Problem::WrongLength { tensor: tensor(), expected, found });
            }
            next = end;
        }
        Ok(())
    }

    /// Compares with the one way to write this header, and takes the digest out.
    fn take_digits(&self, text: &mut [u8]) -> Result<[u8; DIGITS], Problem> {
        let mut digits = [b'0'; DIGITS];
        if let Some((start, rest)) = text.split_at_mut_checked(PREFIX.len())
            && start == PREFIX.as_bytes()
            && let Some(place) = rest.first_chunk_mut()
        {
            std::mem::swap(&mut digits, place);
        }
        let mut same = Same { text, at: 0 };
        let matches = self.render(&mut same).is_ok();
        let at = same.at;
        let padding = &text[at..];
        if matches
            && text.len().is_multiple_of(8)
            && padding.len() < 8
            && padding.iter().all(|&b| b == b' ')
        {
            return Ok(digits);
        }
        Err(Problem::NotCanonical { at })
    }

    /// The judgement of the `safetensors` crate, so that nothing is read that others would refuse.
    pub fn recheck(&self) -> Result<(), SafeTensorError> {
        Metadata::new(None, self.entries.clone()).map(|_| ())
    }
}

fn limit(unit: &'static str, found: usize, limit: usize) -> Result<(), Problem> {
    if found <= limit {
        return Ok(());
    }
    Err(Problem::TooMany { unit, found, limit })
}

/// Keeps what is written to it up to the greatest allowed length, and counts the rest.
struct Limited {
    text: Vec<u8>,
    length: u64,
}
impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len() as u64;
        if self.length <= MAX_HEADER {
            self.text.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes only what stands in `text` from `at` on, so that a header is compared without a copy of it.
struct Same<'a> {
    text: &'a [u8],
    at: usize,
}
impl Write for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let rest = &self.text[self.at..];
        let same = rest.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        self.at += same;
        Ok(same) // Less than all, at the end nothing, which `write_all` takes for an error.
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where and why the JSON reader refuses.
fn refused(text: &[u8], error: &serde_json::Error) -> Problem {
    let lines = text.split_inclusive(|&byte| byte == b'\n').take(error.line().saturating_sub(1));
    let at = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
    match error.is_data() {
        true => Problem::NotAHeader { at },
        false => Problem::NotJson { at },
    }
}

/// A header as it stands in JSON, in order and with duplicates.
#[derive(Default)]
struct Raw {
    metadata: RawMetadata,
    entries: Vec<(String, RawInfo)>,
    /// How many there are; only the allowed number is kept.
    tensors: usize,
    two_metadata: bool,
}

#[derive(Default)]
struct RawMetadata {
    texts: BTreeMap<String, String>,
    /// How many there are; only the allowed number is kept.
    found: usize,
    duplicate: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInfo {
    dtype: safetensors::Dtype,
    shape: RawShape,
    data_offsets: (usize, usize),
}

#[derive(Default)]
struct RawShape {
    sizes: Vec<usize>,
    /// How many there are; only the allowed number is kept.
    found: usize,
}

macro_rules! deserialize {
    ($t:ty, $from:ident, $access:ident, $visit:ident, $expected:literal, $take:expr) => {
        impl<'de> Deserialize<'de> for $t {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Take;
                impl<'de> Visitor<'de> for Take {
                    type Value = $t;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn $visit<A: $access<'de>>(self, mut from: A) -> Result<$t, A::Error> {
                        let mut all = <$t>::default();
                        let take: fn(&mut $t, &mut A) -> Result<bool, A::Error> = $take;
                        while take(&mut all, &mut from)? {}
                        Ok(all)
                    }
                }
                from.$from(Take)
            }
        }
    };
}
deserialize!(Raw, deserialize_map, MapAccess, visit_map, "a header", |all, from| {
    let Some(name) = from.next_key::<String>()? else { return Ok(false) };
    if name == METADATA {
        all.two_metadata |= !all.metadata.texts.is_empty();
        all.metadata = from.next_value()?;
        return Ok(true);
    }
    all.tensors += 1;
    if all.tensors > MAX_TENSORS {
        from.next_value::<IgnoredAny>()?;
    } else {
        all.entries.push((name, from.next_value()?));
    }
    Ok(true)
});
deserialize!(RawMetadata, deserialize_map, MapAccess, visit_map, "metadata", |all, from| {
    let Some((key, value)) = from.next_entry::<String, String>()? else { return Ok(false) };
    all.found += 1;
    if all.texts.contains_key(&key) {
        all.duplicate.get_or_insert(key);
    } else if all.found <= MAX_TEXTS + OURS.len() {
        all.texts.insert(key, value);
    }
    Ok(true)
});
deserialize!(RawShape, deserialize_seq, SeqAccess, visit_seq, "a shape", |all, from| {
    let Some(size) = from.next_element()? else { return Ok(false) };
    all.found += 1;
    if all.found <= MAX_DIMENSIONS {
        all.sizes.push(size);
    }
    Ok(true)
});
