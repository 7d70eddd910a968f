//! The header of a safetensors file: a JSON object of names, types, shapes and places.
//!
//! There is exactly one way to write it: the digest first, then our version, then the caller's
//! metadata by name, then the tensors in the order of their values, without spaces but those at the
//! end that make its length a multiple of 8. The `safetensors` crate keeps both metadata and tensors
//! in hash maps, so it writes the first in any order and cannot see a name given twice; it defines
//! types and checks places here, and order and duplicates are ours.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use safetensors::tensor::{Dtype, Metadata, SafeTensorError, TensorInfo};

use crate::data::safetensors::raw::{
    MAX_DIMENSIONS, MAX_HEADER, MAX_TENSORS, MAX_TEXTS, METADATA, OURS, Raw, RawInfo, RawMetadata,
    Unread,
};
use crate::error::Problem;
use crate::numbers::bytes::{Tensor, Values};

/// The newest version that is understood, and the one that is written.
pub(crate) const VERSION: u32 = 1;
/// What is left beside the longest schema is enough for all else.
#[cfg(feature = "table")]
const _: () = assert!(crate::data::schema::LONGEST as u64 + (1 << 20) <= MAX_HEADER);
/// How every header begins; the hexadecimal digits of the digest follow.
pub(super) const PREFIX: &str = r#"{"__metadata__":{"digest":"sha256:"#;
/// The number of these digits.
pub(super) const DIGITS: usize = 64;

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
        let Raw { metadata, entries, tensors, two_metadata, .. } = raw(text)?;
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

    /// Reads what the header of any safetensors file says, whoever wrote it: the tensors in the order of their values,
    /// which may be of any type.
    pub fn parse_any(text: &[u8]) -> Result<Vec<(String, TensorInfo)>, Problem> {
        let Raw { metadata, entries, tensors, two_metadata, .. } = raw(text)?;
        limit("tensors", tensors, MAX_TENSORS)?;
        if let Some(key) = two_metadata.then(|| METADATA.to_owned()).or(metadata.duplicate) {
            return Err(Problem::DuplicateMetadata { key });
        }
        let mut checked = Vec::with_capacity(entries.len());
        for (name, RawInfo { dtype, shape, data_offsets }) in entries {
            limit("dimensions", shape.found, MAX_DIMENSIONS)?;
            checked.push((name, TensorInfo { dtype, shape: shape.sizes, data_offsets }));
        }
        checked.sort_by_key(|(_, info)| info.data_offsets);
        check_places(&checked, |_| true)?;
        Ok(checked)
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

    /// Names once each, types that are ours, places without gap and overlap, and as long as the shapes say.
    fn check(&self) -> Result<(), Problem> {
        check_places(&self.entries, |dtype| Values::empty(dtype).is_some())
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

/// What a header says, before it is checked.
fn raw(text: &[u8]) -> Result<Raw, Problem> {
    Raw::parse(text).map_err(|Unread { at, is_json }| match is_json {
        true => Problem::NotAHeader { at },
        false => Problem::NotJson { at },
    })
}

/// Names once each, places without gap and overlap, and as long as the shapes say.
fn check_places(
    entries: &[(String, TensorInfo)],
    is_read: impl Fn(Dtype) -> bool,
) -> Result<(), Problem> {
    let mut names = BTreeSet::new();
    let mut next = 0_u64;
    for (name, info) in entries {
        let tensor = || name.clone();
        if !names.insert(name.as_str()) {
            return Err(Problem::DuplicateTensor { name: tensor() });
        }
        limit("dimensions", info.shape.len(), MAX_DIMENSIONS)?;
        if !is_read(info.dtype) {
            let found = info.dtype.to_string();
            return Err(Problem::UnsupportedType { tensor: tensor(), found });
        }
        let (start, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
        if start < next {
            return Err(Problem::Overlap { tensor: tensor(), expected: next, found: start });
        }
        if start > next {
            return Err(Problem::Gap { tensor: tensor(), expected: next, found: start });
        }
        // Some types have less than a byte, or a part of one; ours have none of these.
        let bits = info.dtype.bitsize() as u64;
        let (size, parts) = if bits.is_multiple_of(8) { (bits / 8, 1) } else { (bits, 8) };
        let needed = info.shape.iter().try_fold(size, |size, &n| size.checked_mul(n as u64));
        let needed = needed.filter(|n| n.is_multiple_of(parts)).map(|n| n / parts);
        let (expected, found) = (needed.unwrap_or(u64::MAX), end.saturating_sub(start));
        if needed != Some(found) || end < start {
            return Err(Problem::WrongLength { tensor: tensor(), expected, found });
        }
        next = end;
    }
    Ok(())
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
