//! The bytes of a file or of memory, plain or packed, as a stream with a place.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::signature::{self, is_pickle, kind_of_binary};
use crate::error::{Error, Found, Place, Result};

/// What is read from a file in one go.
const BUFFER: usize = 1 << 16;

#[derive(Debug, Clone)]
enum Store {
    /// One handle for all readers of a file, so it is sought before each read, under a lock.
    File(Arc<Mutex<File>>),
    Memory(Arc<Vec<u8>>),
}

/// A range of the bytes of a file or of memory, read from its start; a clone reads on its own.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    path: Arc<Path>,
    store: Store,
    start: u64,
    end: u64,
    at: u64,
}

impl Input {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |action| {
            move |error: io::Error| Error::File {
                path: path.to_owned(),
                action,
                reason: error.kind(),
            }
        };
        // Asked before opening, because to open a pipe waits for its writer.
        let kind = fs::metadata(path).map_err(failed("open"))?;
        if kind.is_dir() {
            return Err(failed("open")(ErrorKind::IsADirectory.into()));
        }
        if !kind.is_file() {
            return Err(failed("open")(ErrorKind::Unsupported.into()));
        }
        let file = File::open(path).map_err(failed("open"))?;
        let end = file.metadata().map_err(failed("read"))?.len();
        let store = Store::File(Arc::new(Mutex::new(file)));
        Ok(Self { path: path.into(), store, start: 0, end, at: 0 })
    }

    /// Reads from memory; errors call it `<memory>`.
    pub(crate) fn memory(bytes: Vec<u8>) -> Self {
        let end = bytes.len() as u64;
        let path = Path::new("<memory>").into();
        Self { path, store: Store::Memory(Arc::new(bytes)), start: 0, end, at: 0 }
    }

    /// The bytes from `start` on, `length` of them or all that there are, under another name.
    #[cfg(any(feature = "npz", feature = "safetensors"))]
    pub(crate) fn range(&self, path: &Path, start: u64, length: u64) -> Self {
        let start = self.start.saturating_add(start).min(self.end);
        let end = start.saturating_add(length).min(self.end);
        Self { path: path.into(), store: self.store.clone(), start, end, at: start }
    }

    /// The same bytes, read from `at` on.
    pub(crate) fn from(&self, at: u64) -> Self {
        Self { at: self.start.saturating_add(at).min(self.end), ..self.clone() }
    }

    /// The first bytes, as many as wanted or all that there are.
    pub(crate) fn beginning(&self, wanted: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; wanted.min(usize::try_from(self.len()).unwrap_or(wanted))];
        Stream::new(self.clone(), Packing::Plain).read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Refuses a file whose first bytes are those of another kind that is known; what is no table in a text.
    pub(crate) fn refuse_another_kind(&self, expected: &'static str) -> Result<()> {
        let beginning = self.beginning(signature::LENGTH)?;
        self.refuse_pickle(&beginning)?;
        match kind_of_binary(&beginning) {
            Some(kind) => Err(self.malformed(Place::File, Found::Thing(kind), expected)),
            None => Ok(()),
        }
    }

    /// Refuses a file that begins as a pickle does.
    pub(crate) fn refuse_pickle(&self, beginning: &[u8]) -> Result<()> {
        if is_pickle(beginning) { Err(self.pickle()) } else { Ok(()) }
    }

    /// The refusal of a pickle.
    pub(crate) fn pickle(&self) -> Error {
        Error::Pickle { path: self.path.to_path_buf() }
    }

    /// What errors call it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> u64 {
        self.end - self.start
    }

    /// A refusal of what is at a place.
    pub(crate) fn malformed(&self, place: Place, found: Found, expected: &'static str) -> Error {
        Error::Malformed { path: self.path.to_path_buf(), place, found, expected }
    }

    /// A refusal of a count.
    pub(crate) fn mismatch(
        &self,
        place: Place,
        unit: &'static str,
        expected: u64,
        found: u64,
    ) -> Error {
        Error::FileMismatch { path: self.path.to_path_buf(), place, unit, expected, found }
    }

    /// What the system did not do.
    pub(crate) fn failed(&self, error: &io::Error) -> Error {
        let path: PathBuf = self.path.to_path_buf();
        Error::File { path, action: "read", reason: error.kind() }
    }
}

impl Read for Input {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = left.min(to.len());
        let to = &mut to[..wanted];
        let count = match &self.store {
            Store::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(self.at))?;
                file.read(to)?
            }
            Store::Memory(bytes) => {
                let from = usize::try_from(self.at).unwrap_or(usize::MAX);
                bytes.get(from..).unwrap_or_default().read(to)?
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

pub(super) trait Bytes: Read + Debug + Send {}
impl<B: Read + Debug + Send> Bytes for B {}

/// How the bytes of an input are packed.
#[derive(Debug, Clone)]
pub(crate) enum Packing {
    /// Not at all.
    Plain,
    /// A gzip file.
    #[cfg(feature = "gzip")]
    Gzip,
    /// A member of an archive.
    #[cfg(feature = "npz")]
    Member(super::archive::Member),
}

/// The bytes of an input one after the other, unpacked.
#[derive(Debug)]
pub(crate) struct Stream {
    input: Input,
    packing: Packing,
    reader: Box<dyn Bytes>,
    at: u64,
}

impl Stream {
    /// Begins at the first byte.
    pub(crate) fn new(input: Input, packing: Packing) -> Self {
        let reader = Self::reader(&input, &packing, 0);
        Self { input, packing, reader, at: 0 }
    }

    fn reader(input: &Input, packing: &Packing, at: u64) -> Box<dyn Bytes> {
        let capacity = usize::try_from(input.len()).unwrap_or(BUFFER).clamp(1, BUFFER);
        let packed = BufReader::with_capacity(capacity, input.from(at));
        match packing {
            Packing::Plain => Box::new(packed),
            #[cfg(feature = "gzip")]
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            #[cfg(feature = "npz")]
            Packing::Member(member) => member.reader(packed),
        }
    }

    /// The bytes as they are, where they are not packed.
    pub(crate) fn plain(&self) -> Option<&Input> {
        matches!(self.packing, Packing::Plain).then_some(&self.input)
    }

    /// What is read from.
    pub(crate) fn input(&self) -> &Input {
        &self.input
    }

    /// The next byte, counted from 0.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Goes to a byte; a packed stream unpacks everything before it.
    pub(crate) fn seek(&mut self, at: u64) -> Result<()> {
        if matches!(self.packing, Packing::Plain) {
            self.reader = Self::reader(&self.input, &self.packing, at);
            self.at = at;
            return Ok(());
        }
        if at < self.at {
            self.reader = Self::reader(&self.input, &self.packing, 0);
            self.at = 0;
        }
        let mut dropped = [0; 1 << 12];
        while self.at < at {
            let left = usize::try_from(at - self.at).unwrap_or(usize::MAX);
            let count = left.min(dropped.len());
            self.fill(&mut dropped[..count])?;
        }
        Ok(())
    }

    /// Fills all of `to` with the next bytes.
    pub(crate) fn fill(&mut self, to: &mut [u8]) -> Result<()> {
        let mut filled = 0;
        while filled < to.len() {
            match self.read(&mut to[filled..])? {
                0 => return Err(self.damaged(self.at, ErrorKind::UnexpectedEof)),
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Fills all of `to` with the bytes from a place of a plain stream on.
    pub(crate) fn read_at(&self, at: u64, mut to: &mut [u8]) -> Result<()> {
        let mut input = self.input.from(at);
        while !to.is_empty() {
            match input.read(to) {
                Ok(0) => return Err(self.damaged(input.at - input.start, ErrorKind::UnexpectedEof)),
                Ok(count) => to = &mut to[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.input.failed(&error)),
            }
        }
        Ok(())
    }

    /// The same bytes, unpacked into memory, from the first one on.
    #[cfg(feature = "npz")]
    pub(crate) fn into_memory(mut self) -> Result<Self> {
        self.seek(0)?;
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            bytes.resize(start + BUFFER.max(start), 0);
            let mut filled = start;
            while filled < bytes.len() {
                match self.read(&mut bytes[filled..])? {
                    0 => {
                        bytes.truncate(filled);
                        let input = Input { path: self.input.path, ..Input::memory(bytes) };
                        return Ok(Self::new(input, Packing::Plain));
                    }
                    count => filled += count,
                }
            }
        }
    }

    /// Refuses bytes after the last one; a packed stream has been checked in whole after it.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let at = self.at;
        match self.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(self.input.malformed(
                Place::Byte(at),
                Found::Thing("more bytes"),
                "the end of the file",
            )),
        }
    }

    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        loop {
            match self.reader.read(to) {
                Ok(count) => {
                    self.at += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Only the system's errors have a number; the others are of those who unpack.
                Err(error) if error.raw_os_error().is_some() => {
                    return Err(self.input.failed(&error));
                }
                Err(error) => return Err(self.damaged(self.at, error.kind())),
            }
        }
    }

    fn damaged(&self, at: u64, kind: ErrorKind) -> Error {
        let found = match kind {
            ErrorKind::UnexpectedEof => "the end of the file",
            _ => "damaged data",
        };
        let expected = match self.packing {
            Packing::Plain => "more bytes",
            #[cfg(feature = "gzip")]
            Packing::Gzip => "more bytes, packed with gzip",
            #[cfg(feature = "npz")]
            Packing::Member(_) => "more bytes, packed and with their checksum",
        };
        self.input.malformed(Place::Byte(at), Found::Thing(found), expected)
    }
}
