use std::marker::PhantomData;
use std::path::Path;

use super::Source;
use super::element::{Element, Kind};
use super::file_size::{FileSize, of_file};
use super::input::{Input, Packing, Stream};
use super::table::{Order, Table};
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Found, Place, Result, require};
use crate::numbers::scalar::Float;

/// How every file begins, before two bytes of its version.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read. The format allows more, for types that we do not read.
const LONGEST_HEADER: u32 = 0xffff;

/// A file in NumPy's format of one array: its first dimension counts the samples, all others together
/// are the features.
///
/// Versions 1 to 3, integers of 8 to 64 bits, `float32` and `float64`, in both orders of bytes, are
/// read. An array of one dimension has samples of one feature. An array in Fortran order is read here
/// and there, which takes one access to the file for each feature and read; inside an
/// `Npz` it is unpacked into memory. Integers beyond 2⁵³ become the nearest number.
///
/// # Example
/// ```no_run
/// use autoencoder::data::{Npy, Source};
/// use autoencoder::{Batch, nalgebra::Dyn};
///
/// // numpy.save("samples.npy", numpy.zeros((100, 8)))
/// let samples: Batch<f64, Dyn> = Npy::open("samples.npy")?.load()?;
/// assert_eq!((samples.features(), samples.samples()), (8, 100));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// R. Kern (2007), A Simple File Format for NumPy Arrays, NumPy Enhancement Proposal 1.
#[derive(Debug)]
pub struct Npy<T, R> {
    table: Table,
    size: R,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Float, R: FileSize> Npy<T, R> {
    /// Opens a file and checks its header against its length.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if the system does not let us read it; [`Error::Malformed`](crate::Error::Malformed) if it is no NPY
    /// file or of a type that is not read; [`Error::FileMismatch`](crate::Error::FileMismatch) if it has another length than its
    /// header says, or samples of another [size](FileSize) than `R`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::new(Stream::new(Input::open(path.as_ref())?, Packing::Plain))
    }

    /// Reads a file that is in memory.
    ///
    /// # Errors
    /// As [`open`](Npy::open).
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Self::new(Stream::new(Input::memory(bytes.into()), Packing::Plain))
    }

    pub(super) fn new(mut stream: Stream) -> Result<Self> {
        let header = Header::read(&mut stream)?;
        #[cfg(feature = "npz")]
        if header.order == Order::Features && stream.plain().is_none() {
            let start = stream.at();
            stream = stream.into_memory()?;
            stream.seek(start)?;
        }
        let table = Table::new(stream, header.element, header.order, &header.shape)?;
        let size = of_file(table.stream().input(), &table.shape()[1..])?;
        Ok(Self { table, size, scalar: PhantomData })
    }
}

impl<T: Float, R: Size> Npy<T, R> {
    /// Multiplies every value by a number, which is 1 by default.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite and not 0.
    pub fn scale(mut self, scale: f64) -> Result<Self> {
        require(scale != 0.0 && scale.is_finite(), "Npy scale", scale, "finite and not 0")?;
        self.table.set_scale(scale);
        Ok(self)
    }

    /// The sizes in the file's header, the number of samples first.
    pub fn shape(&self) -> &[usize] {
        self.table.shape()
    }
}

impl<T: Float, R: Size> Source for Npy<T, R> {
    type Scalar = T;
    type Features = R;
    fn size(&self) -> R {
        self.size
    }
    fn samples(&self) -> usize {
        self.table.samples()
    }
    fn rewind(&mut self) -> Result<()> {
        self.table.rewind()
    }
    fn read(&mut self, mut to: BatchViewMut<'_, T>) -> Result<usize> {
        self.table.read(to.features(), to.as_mut_slice())
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.table.skip(samples)
    }
}

/// What a file says of its array.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    element: Element,
    order: Order,
    shape: Vec<u64>,
}

impl Header {
    /// Reads everything before the first number.
    fn read(stream: &mut Stream) -> Result<Self> {
        let refuse = |stream: &Stream, at, bytes: &[u8], expected| {
            Err(stream.input().malformed(Place::Byte(at), Found::text(bytes), expected))
        };
        let mut start = [0; 8];
        stream.fill(&mut start)?;
        #[cfg(not(feature = "npz"))]
        if start.starts_with(b"PK\x03\x04") {
            let (kind, feature) = ("an archive of arrays", "npz");
            let path = stream.input().path().to_path_buf();
            return Err(crate::error::Error::MissingFeature { path, kind, feature });
        }
        let (magic, version) = start.split_at(MAGIC.len());
        if magic != MAGIC {
            return refuse(stream, 0, magic, "the first bytes of an NPY file");
        }
        let length = match version {
            [1, 0] => {
                let mut length = [0; 2];
                stream.fill(&mut length)?;
                u16::from_le_bytes(length).into()
            }
            [2 | 3, 0] => {
                let mut length = [0; 4];
                stream.fill(&mut length)?;
                u32::from_le_bytes(length)
            }
            _ => return refuse(stream, 6, version, "version 1.0, 2.0 or 3.0 of the format"),
        };
        let at = stream.at();
        if length > LONGEST_HEADER {
            let found = Found::Number(crate::error::Number(length.into()));
            let expected = "a header of at most 65535 bytes";
            return Err(stream.input().malformed(Place::Byte(at), found, expected));
        }
        let mut text = vec![0; length as usize];
        stream.fill(&mut text)?;
        let mut literal = Literal { text: &text, at: 0 };
        literal.header().map_err(|expected| {
            let found = match &text[literal.at..] {
                [] => Found::Thing("the end of the header"),
                rest => Found::text(&rest[..rest.len().min(16)]),
            };
            stream.input().malformed(Place::Byte(at + literal.at as u64), found, expected)
        })
    }
}

/// The Python literal in a header, read from `at` on. What is refused stands at `at`, and the refusal
/// is what belongs there.
struct Literal<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Literal<'a> {
    fn header(&mut self) -> std::result::Result<Header, &'static str> {
        let (mut element, mut is_fortran, mut shape) = (None, None, None);
        self.token(b"{", "`{`")?;
        while !self.take(b"}") {
            let start = self.at;
            let key = self.string("a key in quotes")?;
            let is_new = match key {
                b"descr" => element.is_none(),
                b"fortran_order" => is_fortran.is_none(),
                b"shape" => shape.is_none(),
                _ => false,
            };
            if !is_new {
                self.at = start;
                return Err("one each of the keys `descr`, `fortran_order` and `shape`");
            }
            self.token(b":", "`:`")?;
            match key {
                b"descr" => element = Some(self.element()?),
                b"fortran_order" => is_fortran = Some(self.boolean()?),
                _ => shape = Some(self.shape()?),
            }
            if !self.take(b",") {
                self.token(b"}", "`,` or `}`")?;
                break;
            }
        }
        self.skip_spaces();
        if self.at < self.text.len() {
            return Err("spaces up to the end of the header");
        }
        let (Some(element), Some(is_fortran), Some(shape)) = (element, is_fortran, shape) else {
            return Err("the keys `descr`, `fortran_order` and `shape`");
        };
        // An array of one dimension is the same in both orders.
        let order = if is_fortran && shape.len() > 1 { Order::Features } else { Order::Samples };
        Ok(Header { element, order, shape })
    }

    fn skip_spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    /// Takes a word if it comes next.
    fn take(&mut self, word: &[u8]) -> bool {
        self.skip_spaces();
        let comes = self.text[self.at..].starts_with(word);
        if comes {
            self.at += word.len();
        }
        comes
    }

    fn token(&mut self, word: &[u8], said: &'static str) -> std::result::Result<(), &'static str> {
        if self.take(word) { Ok(()) } else { Err(said) }
    }

    fn string(&mut self, said: &'static str) -> std::result::Result<&'a [u8], &'static str> {
        self.skip_spaces();
        let (quote, rest) = match self.text[self.at..].split_first() {
            Some((&quote @ (b'\'' | b'"'), rest)) => (quote, rest),
            _ => return Err(said),
        };
        let Some(length) = rest.iter().position(|&byte| byte == quote) else {
            return Err(said);
        };
        self.at += length + 2;
        Ok(&rest[..length])
    }

    fn boolean(&mut self) -> std::result::Result<bool, &'static str> {
        if self.take(b"True") {
            return Ok(true);
        }
        self.token(b"False", "`True` or `False`")?;
        Ok(false)
    }

    fn element(&mut self) -> std::result::Result<Element, &'static str> {
        let said = "a type that is read: `i` or `u` of 1, 2, 4 or 8 bytes, `f4` or `f8`, after `<`, \
                    `>` or `|`";
        let start = self.at;
        let name = self.string(said)?;
        let known = name.split_first().and_then(|(&order, name)| {
            let kind = match name {
                b"u1" => Kind::U8,
                b"i1" => Kind::I8,
                b"u2" => Kind::U16,
                b"i2" => Kind::I16,
                b"u4" => Kind::U32,
                b"i4" => Kind::I32,
                b"u8" => Kind::U64,
                b"i8" => Kind::I64,
                b"f4" => Kind::F32,
                b"f8" => Kind::F64,
                _ => return None,
            };
            let element = Element { kind, is_big_endian: order == b'>' };
            let is_ordered = matches!(order, b'<' | b'>') || (order == b'|' && element.size() == 1);
            is_ordered.then_some(element)
        });
        known.ok_or_else(|| {
            self.at = start;
            said
        })
    }

    fn shape(&mut self) -> std::result::Result<Vec<u64>, &'static str> {
        let mut shape = Vec::new();
        self.token(b"(", "`(`")?;
        while !self.take(b")") {
            shape.push(self.size()?);
            if !self.take(b",") {
                // A tuple of one size has a comma.
                let said = if shape.len() == 1 { "`,`" } else { "`,` or `)`" };
                if shape.len() == 1 {
                    return Err(said);
                }
                self.token(b")", said)?;
                break;
            }
        }
        Ok(shape)
    }

    fn size(&mut self) -> std::result::Result<u64, &'static str> {
        self.skip_spaces();
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let size = str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse().ok());
        let size = size.ok_or("a size")?;
        self.at += digits;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> std::result::Result<Header, (usize, &'static str)> {
        let mut literal = Literal { text: text.as_bytes(), at: 0 };
        literal.header().map_err(|said| (literal.at, said))
    }

    #[test]
    fn headers() {
        let element = |kind, is_big_endian| Element { kind, is_big_endian };
        let read =
            |element, order, shape: &[u64]| Ok(Header { element, order, shape: shape.into() });
        assert_eq!(
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }     \n"),
            read(element(Kind::F64, false), Order::Samples, &[3, 4])
        );
        assert_eq!(
            header("{\"shape\":(3,4,5),\"fortran_order\":True,\"descr\":\">i2\"}"),
            read(element(Kind::I16, true), Order::Features, &[3, 4, 5])
        );
        assert_eq!(
            header("{'descr': '|u1', 'fortran_order': True, 'shape': (3,)}"),
            read(element(Kind::U8, false), Order::Samples, &[3])
        );
        let keys = "one each of the keys `descr`, `fortran_order` and `shape`";
        let all = "the keys `descr`, `fortran_order` and `shape`";
        for (text, at, said) in [
            ("", 0, "`{`"),
            ("{", 1, "a key in quotes"),
            ("{}", 2, all),
            ("{'descr", 1, "a key in quotes"),
            ("{'order': 1}", 1, keys),
            ("{'shape': (1,), 'shape': (1,)}", 16, keys),
            ("{'shape' (1,)}", 9, "`:`"),
            ("{'shape': (1)}", 12, "`,`"),
            ("{'shape': (1, 2", 15, "`,` or `)`"),
            ("{'shape': (-1,)}", 11, "a size"),
            ("{'shape': (99999999999999999999,)}", 11, "a size"),
            ("{'fortran_order': 1}", 18, "`True` or `False`"),
            ("{'shape': (1,)} 'x'", 16, "spaces up to the end of the header"),
            ("{'shape': (1,)}", 15, all),
            ("{'shape': (1,) 'x': 1}", 15, "`,` or `}`"),
        ] {
            assert_eq!(header(text), Err((at, said)), "{text}");
        }
        for kind in ["<f2", "|f8", "|b1", "<c16", "O", "", "<U3", "=f8"] {
            let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': (1,)}}");
            assert_eq!(header(&text).unwrap_err().0, 9, "{kind}");
        }
    }
}
