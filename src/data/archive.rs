//! Zip archives, as far as NumPy writes them: members that are stored or deflated, with or without
//! 64-bit sizes. A streaming reader of our own, because a source must own its member's reader.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use super::input::{Input, Packing, Stream};
use super::signature::{self, is_of_torch};
use crate::error::{Found, Number, Place, Result};

/// Length of the record at an archive's end, without its comment.
const END: usize = 22;
const LONGEST_COMMENT: u64 = 0xffff;
/// In place of a size that is elsewhere in 64 bits.
const ELSEWHERE: u64 = 0xffff_ffff;
/// Deflate packs at most so many bytes into one.
const MOST_PACKED: u64 = 1032;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Numbers of a record, one after the other. What lies behind its end reads as 0; every record is
/// read in whole before.
struct Record<'a>(&'a [u8]);

impl Record<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((&bytes, rest)) => {
                self.0 = rest;
                bytes
            }
            None => [0; N],
        }
    }
    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }
    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}

/// An archive with the place of its directory.
#[derive(Debug)]
pub(crate) struct Archive {
    input: Input,
    directory: u64,
    length: u64,
    entries: u64,
}

/// What the directory says of a member.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    name: Vec<u8>,
    is_encrypted: bool,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

impl Entry {
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

impl Archive {
    /// Finds the directory from the archive's end.
    pub(crate) fn new(input: Input) -> Result<Self> {
        let expected = "an archive of arrays (NPZ)";
        if !input.beginning(2)?.starts_with(b"PK") {
            input.refuse_another_kind(expected)?;
        }
        input.refuse_pickle(&input.beginning(signature::LENGTH)?)?;
        let no_archive = || {
            let found = "no end of an archive, as if it were cut off or continued";
            input.malformed(Place::File, Found::Thing(found), expected)
        };
        let mut tail = vec![0; input.len().min(END as u64 + LONGEST_COMMENT) as usize];
        let tail_at = input.len() - tail.len() as u64;
        let stream = Stream::new(input.clone(), Packing::Plain);
        stream.read_at(tail_at, &mut tail)?;
        // From the end, because a member may hold an archive.
        let end = (0..(tail.len() + 1).saturating_sub(END)).rev().find(|&at| {
            let record = &tail[at..];
            let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
            record.starts_with(b"PK\x05\x06") && at + END + comment == tail.len()
        });
        let end = end.ok_or_else(no_archive)?;
        let mut end_at = tail_at + end as u64;

        let mut record = Record(&tail[end + 4..]);
        let disks = (record.u16(), record.u16());
        let counts = (record.u16(), record.u16());
        let (mut length, mut directory) = (u64::from(record.u32()), u64::from(record.u32()));
        let mut entries = u64::from(counts.1);
        let mut is_split = disks != (0, 0) || counts.0 != counts.1;
        let mut locator = [0; 20];
        if let Some(at) = end_at.checked_sub(20) {
            stream.read_at(at, &mut locator)?;
        }
        if locator.starts_with(b"PK\x06\x07") {
            let narrow = (u64::from(counts.1), length, directory);
            end_at = Record(&locator[8..]).u64();
            let mut record = [0; 56];
            stream.read_at(end_at, &mut record)?;
            if !record.starts_with(b"PK\x06\x06") {
                return Err(no_archive());
            }
            let mut fields = Record(&record[32..]);
            (entries, length, directory) = (fields.u64(), fields.u64(), fields.u64());
            is_split |= narrow.0 != entries.min(0xffff)
                || narrow.1 != ELSEWHERE && narrow.1 != length
                || narrow.2 != ELSEWHERE && narrow.2 != directory;
        }
        if is_split || directory.checked_add(length) != Some(end_at) {
            let found = Found::Thing("an end record that does not follow the directory");
            return Err(input.malformed(Place::Byte(end_at), found, "an archive in one file"));
        }
        let archive = Self { input, directory, length, entries };
        let mut is_pickle = false;
        archive.each(|entry| is_pickle |= is_of_torch(&entry.name))?;
        if is_pickle { Err(archive.input.pickle()) } else { Ok(archive) }
    }

    /// Reads the directory, entry by entry.
    pub(crate) fn each(&self, mut visit: impl FnMut(Entry)) -> Result<()> {
        let mut stream = Stream::new(self.input.clone(), Packing::Plain);
        stream.seek(self.directory)?;
        for _ in 0..self.entries {
            let at = stream.at();
            let mut fixed = [0; 46];
            stream.fill(&mut fixed)?;
            if !fixed.starts_with(b"PK\x01\x02") {
                let (found, expected) = (Found::text(&fixed[..4]), "an entry of the directory");
                return Err(self.input.malformed(Place::Byte(at), found, expected));
            }
            let mut record = Record(&fixed[8..]);
            let (flags, method) = (record.u16(), record.u16());
            let _time_and_date = record.u32();
            let (crc, packed, size) = (record.u32(), record.u32().into(), record.u32().into());
            let (name, extra, comment) = (record.u16(), record.u16(), record.u16());
            let _disk_and_attributes: [u8; 8] = record.bytes();
            let offset = record.u32().into();
            let mut name = vec![0; name.into()];
            stream.fill(&mut name)?;
            let mut extra = vec![0; extra.into()];
            stream.fill(&mut extra)?;
            if comment > 0 {
                stream.seek(stream.at() + u64::from(comment))?;
            }
            let is_encrypted = flags & 1 != 0;
            let mut entry = Entry { name, is_encrypted, method, crc, packed, size, offset };
            entry.widen(&extra);
            visit(entry);
        }
        let found = stream.at() - self.directory;
        if found != self.length {
            let place = Place::Byte(self.directory);
            return Err(self.input.mismatch(place, "bytes of the directory", self.length, found));
        }
        Ok(())
    }

    /// A member, unpacked; its checksum is checked at its end.
    pub(crate) fn member(&self, name: &str) -> Result<Stream> {
        let mut found = Vec::new();
        self.each(|entry| {
            if entry.name == name.as_bytes() && found.len() < 2 {
                found.push(entry);
            }
        })?;
        let path = self.input.path().join(name);
        let entry = match found.as_slice() {
            [entry] => entry,
            [] => {
                let (place, found) = (Place::Name(name.to_owned()), Found::Thing("no such member"));
                return Err(self.input.malformed(place, found, "the name of a member"));
            }
            _ => {
                let (place, found) =
                    (Place::Name(name.to_owned()), Found::Thing("several members"));
                return Err(self.input.malformed(place, found, "one member of that name"));
            }
        };
        let refuse = |found: Found, expected| {
            let member = self.input.range(&path, 0, 0);
            Err(member.malformed(Place::File, found, expected))
        };
        if entry.is_encrypted {
            return refuse(Found::Thing("encrypted data"), "a member that is not encrypted");
        }
        let method = entry.method;
        if method != STORED && method != DEFLATED {
            let found = Found::Number(Number(method.into()));
            return refuse(found, "a method that NumPy uses: 0 (stored) or 8 (deflated)");
        }

        let mut local = [0; 30];
        let stream = Stream::new(self.input.clone(), Packing::Plain);
        stream.read_at(entry.offset, &mut local)?;
        let mut record = Record(&local[6..]);
        let flags = record.u16();
        let local_method = record.u16();
        let _time_and_date = record.u32();
        let crc = record.u32();
        let (packed, size) = (u64::from(record.u32()), u64::from(record.u32()));
        let (name_length, extra) = (record.u16(), record.u16());
        let mut local_name = vec![0; name_length.into()];
        stream.read_at(entry.offset + 30, &mut local_name)?;
        // With this flag, sizes and checksum follow the data.
        let is_later = flags & 8 != 0;
        let agrees = local.starts_with(b"PK\x03\x04")
            && local_name == entry.name
            && local_method == method
            && (is_later || crc == entry.crc)
            && (is_later || packed == ELSEWHERE || packed == entry.packed)
            && (is_later || size == ELSEWHERE || size == entry.size);
        if !agrees {
            return refuse(Found::Thing("another header"), "the header that the directory names");
        }
        let start = entry.offset + 30 + u64::from(name_length) + u64::from(extra);
        let end = start.checked_add(entry.packed);
        let fits = match method {
            STORED => entry.packed == entry.size,
            _ => entry.size <= entry.packed.saturating_mul(MOST_PACKED),
        };
        if !fits || end.is_none_or(|end| end > self.directory) {
            let found = Found::Thing("a size that does not fit");
            return refuse(found, "a member that fits the archive");
        }
        let input = self.input.range(&path, start, entry.packed);
        let (is_deflated, crc, size) = (method == DEFLATED, entry.crc, entry.size);
        Ok(Stream::new(input, Packing::Member(Member { is_deflated, crc, size })))
    }
}

impl Entry {
    /// Takes those sizes that do not fit 32 bits from the entry's extra fields.
    fn widen(&mut self, mut extra: &[u8]) {
        while extra.len() >= 4 {
            let mut record = Record(extra);
            let (id, length) = (record.u16(), usize::from(record.u16()));
            let (field, rest) = record.0.split_at(length.min(record.0.len()));
            if id == 1 {
                let mut field = Record(field);
                for size in [&mut self.size, &mut self.packed, &mut self.offset] {
                    if *size == ELSEWHERE {
                        *size = field.u64();
                    }
                }
                return;
            }
            extra = rest;
        }
    }
}

/// How a member is packed, and what it must unpack to.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    is_deflated: bool,
    crc: u32,
    size: u64,
}

impl Member {
    pub(crate) fn reader(&self, packed: BufReader<Input>) -> Box<dyn super::input::Bytes> {
        let (left, crc) = (self.size, Crc::new());
        let expected = self.crc;
        if self.is_deflated {
            Box::new(Checked { reader: DeflateDecoder::new(packed), left, crc, expected })
        } else {
            Box::new(Checked { reader: packed, left, crc, expected })
        }
    }
}

/// A reader of what must have a given length and checksum.
#[derive(Debug)]
struct Checked<B> {
    reader: B,
    left: u64,
    crc: Crc,
    expected: u32,
}

/// Whether all packed bytes have been read.
trait IsUsedUp {
    fn is_used_up(&mut self) -> io::Result<bool>;
}
impl IsUsedUp for BufReader<Input> {
    fn is_used_up(&mut self) -> io::Result<bool> {
        Ok(self.fill_buf()?.is_empty())
    }
}
impl IsUsedUp for DeflateDecoder<BufReader<Input>> {
    fn is_used_up(&mut self) -> io::Result<bool> {
        Ok(self.read(&mut [0])? == 0 && self.get_mut().is_used_up()?)
    }
}

impl<B: Read + IsUsedUp> Read for Checked<B> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let is_right = self.reader.is_used_up()? && self.crc.sum() == self.expected;
            return if is_right { Ok(0) } else { Err(ErrorKind::InvalidData.into()) };
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(to.len());
        let count = self.reader.read(&mut to[..wanted])?;
        if count == 0 && wanted > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.crc.update(&to[..count]);
        self.left -= count as u64;
        Ok(count)
    }
}
