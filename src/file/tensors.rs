//! One safe container of named tensors: a safetensors file that carries a digest of itself.
//!
//! ```text
//! 8 bytes     length of the header, little-endian
//! header      {"__metadata__":{"digest":"sha256:…","version":"1",…},"name":{…},…}, padded with spaces
//! data        the values of all tensors, one after the other, little-endian
//! ```
//! The digest is the SHA-256 of all of it, with zeros for its own 64 digits, so that no bit can change
//! unseen. It guards against damage; it is no signature, since whoever changes a file on purpose can
//! make a new one. So everything else is checked as well, before memory is taken for it: the header's
//! length, numbers of tensors and dimensions, names, types, shapes and places against the length of
//! the real file. A file is read only if writing its content gives the same bytes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::header::{DIGITS, Header, PREFIX};
use crate::data::safetensors::raw::MAX_HEADER;
use crate::data::signature::{self, kind_of_no_model};
use crate::error::Problem;
use crate::error::{Error, Number};
use crate::numbers::bytes::{CHUNK, Tensor, Values};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contents {
    /// The caller's texts by name, without the digest and the version.
    pub metadata: BTreeMap<String, String>,
    /// In the order of the file.
    pub tensors: Vec<Tensor<'static>>,
}

/// A file about to be written: checked, and its digest known, so that only the system can still
/// refuse.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    header: Vec<u8>,
    tensors: &'a [Tensor<'a>],
    #[cfg(test)]
    data_length: u64,
}

impl<'a> Image<'a> {
    /// Checks what is to be written; `digest` and `version` are no names for the caller's metadata.
    pub fn new(
        metadata: &BTreeMap<String, String>,
        tensors: &'a [Tensor<'a>],
    ) -> Result<Self, Problem> {
        let header = Header::of(metadata, tensors)?;
        check_finite(tensors)?;
        let mut text = header.text()?;
        let mut hash = start_hash(&text);
        for tensor in tensors {
            let Ok(()) = tensor.values.try_each_chunk(|bytes| {
                hash.update(bytes);
                Ok::<_, Infallible>(())
            });
        }
        let place = PREFIX.len()..PREFIX.len() + DIGITS;
        text[place].copy_from_slice(digits(hash).as_bytes());
        Ok(Self {
            header: text,
            tensors,
            #[cfg(test)]
            data_length: header.data_length(),
        })
    }

    /// Bytes of the file.
    #[cfg(test)]
    pub fn length(&self) -> u64 {
        8 + self.header.len() as u64 + self.data_length
    }

    /// Writes the file from its first byte to its last; the whole is never in memory.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&(self.header.len() as u64).to_le_bytes())?;
        to.write_all(&self.header)?;
        self.tensors.iter().try_for_each(|tensor| tensor.values.try_each_chunk(|b| to.write_all(b)))
    }
}

/// Reads a file that [`Image`] wrote.
///
/// # Errors
/// [`Error::File`] when the system refuses, [`Error::Damaged`] when it is not such a file.
pub(crate) fn read(path: &Path) -> crate::error::Result<Contents> {
    open(path)
        .and_then(|(file, length)| read_from(BufReader::with_capacity(CHUNK, file), length))
        .map_err(|failure| failure.at(path))
}

/// Reads such a file from memory; `path` is for the error.
#[cfg(any(test, fuzzing))]
pub(crate) fn parse(bytes: &[u8], path: &Path) -> crate::error::Result<Contents> {
    read_from(bytes, bytes.len() as u64).map_err(|failure| failure.at(path))
}

enum Failure {
    System(ErrorKind),
    Problem(Problem),
}
impl Failure {
    fn at(self, path: &Path) -> Error {
        let path = path.to_owned();
        match self {
            Self::System(reason) => Error::File { path, action: "read the file", reason },
            Self::Problem(problem) => Error::Damaged { path, problem },
        }
    }
}
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error.kind())
    }
}
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Opens a file and asks for its length. A pipe or a device is refused before it can block.
fn open(path: &Path) -> Result<(File, u64), Failure> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(Failure::System(ErrorKind::IsADirectory));
    }
    if !kind.is_file() {
        return Err(Failure::System(ErrorKind::Unsupported));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn read_from(mut from: impl Read, length: u64) -> Result<Contents, Failure> {
    let mut beginning = Vec::new();
    from.by_ref().take(signature::LENGTH as u64).read_to_end(&mut beginning)?;
    // Every header begins so after its length.
    if beginning.get(8) != Some(&b'{')
        && let Some(kind) = kind_of_no_model(&beginning)
    {
        return Err(Problem::AnotherKind { kind }.into());
    }
    let mut from = beginning.as_slice().chain(from);
    let long_enough = |expected| match length < expected {
        true => Err(Problem::Truncated { expected, found: length }),
        false => Ok(()),
    };
    let mut header_length = [0; 8];
    long_enough(8)?;
    from.read_exact(&mut header_length)?;
    let header_length = u64::from_le_bytes(header_length);
    // Of a file of another kind the first bytes are a length that no header has.
    if header_length > MAX_HEADER && header_length > length - 8 {
        return Err(Problem::AnotherKind { kind: "a file of an unknown kind" }.into());
    }
    if header_length > MAX_HEADER {
        return Err(Problem::HeaderTooLong { length: header_length, limit: MAX_HEADER }.into());
    }
    long_enough(8 + header_length)?;
    let mut text = vec![0; header_length as usize];
    from.read_exact(&mut text)?;
    let (header, expected_digits) = Header::parse(&mut text)?;
    let expected = header.data_length().saturating_add(8 + header_length);
    long_enough(expected)?;
    if length > expected {
        return Err(Problem::TrailingBytes { expected, found: length }.into());
    }
    let mut hash = start_hash(&text);
    drop(text);
    // Ours is the narrower judgement, so this refuses only what a later version of theirs would.
    header.recheck().map_err(|_| Problem::NotAHeader { at: 0 })?;

    let mut tensors = Vec::with_capacity(header.entries.len());
    let mut chunk = Vec::new();
    for (name, info) in header.entries {
        let Some((mut values, size)) = Values::empty(info.dtype) else {
            return Err(
                Problem::UnsupportedType { tensor: name, found: info.dtype.to_string() }.into()
            );
        };
        let mut left = info.data_offsets.1 - info.data_offsets.0;
        values.reserve(left / size).ok_or(Failure::System(ErrorKind::OutOfMemory))?;
        while left > 0 {
            chunk.resize(left.min(CHUNK), 0);
            from.read_exact(&mut chunk)?;
            hash.update(&chunk);
            values.extend(&chunk);
            left -= chunk.len();
        }
        tensors.push(Tensor { name: name.into(), shape: info.shape, values });
    }
    // Someone may have appended since the length was asked for.
    if from.read(&mut [0])? > 0 {
        return Err(Problem::TrailingBytes { expected, found: expected + 1 }.into());
    }
    if digits(hash).as_bytes() != expected_digits {
        return Err(Problem::Digest.into());
    }
    check_finite(&tensors)?;
    Ok(Contents { metadata: header.metadata, tensors })
}

/// Begins the digest with the header, in which zeros stand for the digest itself.
fn start_hash(text: &[u8]) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
    hash
}

fn digits(hash: Sha256) -> String {
    let mut digits = String::with_capacity(DIGITS);
    for byte in hash.finalize() {
        // A String takes all.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn check_finite(tensors: &[Tensor<'_>]) -> Result<(), Problem> {
    for tensor in tensors {
        if let Some((index, value)) = tensor.values.not_finite() {
            let (tensor, value) = (tensor.name.clone().into_owned(), Number(value));
            return Err(Problem::NotFinite { tensor, index, value });
        }
    }
    Ok(())
}

/// Puts the right digest into a file, so that tests and fuzzing reach what lies behind it.
#[cfg(any(test, fuzzing))]
pub(super) fn redigest(bytes: &mut [u8]) {
    let Some((length, rest)) = bytes.split_first_chunk_mut() else { return };
    let Ok(length) = usize::try_from(u64::from_le_bytes(*length)) else { return };
    let Some((text, data)) = rest.split_at_mut_checked(length) else { return };
    let place = PREFIX.len()..PREFIX.len() + DIGITS;
    if !text.starts_with(PREFIX.as_bytes()) || text.get(place.end) != Some(&b'"') {
        return;
    }
    text[place.clone()].fill(b'0');
    let mut hash = start_hash(text);
    hash.update(data);
    text[place].copy_from_slice(digits(hash).as_bytes());
}

/// Reads bytes as a file, and writes what was accepted: the result must equal the bytes.
///
/// With `redigested`, the digest is made right first; the bytes are changed.
#[cfg(any(test, fuzzing))]
pub fn fuzz_model(bytes: &mut [u8], redigested: bool) -> Option<Vec<u8>> {
    if redigested {
        redigest(bytes);
    }
    let Contents { metadata, tensors } = parse(bytes, Path::new("fuzzed")).ok()?;
    let mut again = Vec::new();
    if let Ok(image) = Image::new(&metadata, &tensors) {
        let _ = image.write(&mut again);
    }
    Some(again)
}
