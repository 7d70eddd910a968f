//! What a file in NumPy's format says of its array, before the first number.

use crate::data::element::{Element, Kind};
use crate::data::input::Stream;
use crate::data::signature;
use crate::data::table::Order;
use crate::error::{Found, Place, Result};

/// How every file begins, before two bytes of its version.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read. The format allows more, for types that we do not read.
const LONGEST_HEADER: u32 = 0xffff;

/// What a file says of its array.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) order: Order,
    pub(super) shape: Vec<u64>,
}

impl Header {
    /// Reads everything before the first number.
    pub(super) fn read(stream: &mut Stream) -> Result<Self> {
        let refuse = |stream: &Stream, at, bytes: &[u8], expected| {
            Err(stream.input().malformed(Place::Byte(at), Found::text(bytes), expected))
        };
        if let Some(input) = stream.plain()
            && !input.beginning(MAGIC.len())?.starts_with(MAGIC)
        {
            input.refuse_pickle(&input.beginning(signature::LENGTH)?)?;
            #[cfg(not(feature = "npz"))]
            if input.beginning(4)? == b"PK\x03\x04" {
                let (kind, feature) = ("an archive of arrays", "npz");
                let path = input.path().to_path_buf();
                return Err(crate::error::Error::MissingFeature { path, kind, feature });
            }
            input
                .refuse_another_kind("an NPY file (`Npz` opens archives of arrays, `Csv` texts)")?;
        }
        let mut start = [0; 8];
        stream.fill(&mut start)?;
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
        let mut literal = Literal { text: &text, at: 0, kind: None };
        literal.header().map_err(|expected| {
            let found = match (&text[literal.at..], literal.kind) {
                ([], _) => Found::Thing("the end of the header"),
                (rest, None) => Found::text(&rest[..rest.len().min(16)]),
                (rest, Some(kind)) => Found::known(kind, word(rest)),
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
    /// What a type is that is refused, if that is known.
    kind: Option<&'static str>,
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
        self.skip_spaces();
        let start = self.at;
        if matches!(self.text.get(start), Some(b'[' | b'(')) {
            self.kind = Some("a structured type");
            return Err("a type of numbers: take one field of the array, `array[\"field\"]`");
        }
        let name = self.string("a type of numbers, in quotes")?;
        let (order, code) = match name.split_first() {
            Some((order @ (b'<' | b'>' | b'|' | b'='), code)) => (*order, code),
            _ => (b'=', name),
        };
        // No mark, and those for the order of the machine or for none, are the order of this machine.
        let is_big_endian =
            if matches!(order, b'<' | b'>') { order == b'>' } else { cfg!(target_endian = "big") };
        let kind = match code {
            b"b1" => Kind::Bool,
            b"u1" => Kind::U8,
            b"i1" => Kind::I8,
            b"u2" => Kind::U16,
            b"i2" => Kind::I16,
            b"u4" => Kind::U32,
            b"i4" => Kind::I32,
            b"u8" => Kind::U64,
            b"i8" => Kind::I64,
            b"f2" => Kind::F16,
            b"f4" => Kind::F32,
            b"f8" => Kind::F64,
            b"f12" => Kind::F80 { bytes: 12 },
            b"f16" => Kind::F80 { bytes: 16 },
            _ => {
                self.at = start;
                let (kind, said) = refused(code);
                self.kind = kind;
                return Err(said);
            }
        };
        Ok(Element { kind, is_big_endian })
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
        // As Python 2 wrote long integers.
        if self.text.get(self.at) == Some(&b'L') {
            self.at += 1;
        }
        Ok(size)
    }
}

/// A word in quotes without them, or the beginning of what is none.
fn word(text: &[u8]) -> &[u8] {
    let is_quote = |byte: &u8| matches!(byte, b'\'' | b'"');
    match text.split(is_quote).nth(1) {
        Some(word) if text.first().is_some_and(is_quote) => word,
        _ => &text[..text.len().min(16)],
    }
}

/// What a type is that is no type of numbers, and what is to be done.
fn refused(code: &[u8]) -> (Option<&'static str>, &'static str) {
    let numbers = "a type of numbers: `array.astype(\"f8\")` makes one of it if it holds numbers";
    let kind = match code.first() {
        Some(b'c') => {
            let said = "real numbers: save `array.real` and `array.imag`, or `abs(array)`";
            return (Some("complex numbers"), said);
        }
        Some(b'M') => {
            let said = "a type of numbers: save `array.astype(\"i8\")`";
            return (Some("dates"), said);
        }
        Some(b'm') => {
            let said = "a type of numbers: save `array.astype(\"i8\")`";
            return (Some("spans of time"), said);
        }
        Some(b'O') => "objects of Python",
        Some(b'U') => "text",
        Some(b'S' | b'a') => "bytes of text",
        Some(b'V') => "bytes without a type",
        _ => {
            return (
                None,
                "a type of numbers: `b1`, `i` or `u` of 1, 2, 4 or 8 bytes, `f2`, `f4`, `f8`, `f16`",
            );
        }
    };
    (Some(kind), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> std::result::Result<Header, (usize, &'static str)> {
        let mut literal = Literal { text: text.as_bytes(), at: 0, kind: None };
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
            read(element(Kind::U8, cfg!(target_endian = "big")), Order::Samples, &[3])
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
        let of_kind = |kind: &str| {
            let text = format!("{{'descr': {kind}, 'fortran_order': False, 'shape': (1L, 2L)}}");
            let mut literal = Literal { text: text.as_bytes(), at: 0, kind: None };
            literal.header().map_err(|_| (literal.at, literal.kind))
        };
        for (kind, named) in [
            ("'<c16'", Some("complex numbers")),
            ("'|O'", Some("objects of Python")),
            ("'O'", Some("objects of Python")),
            ("'<U3'", Some("text")),
            ("'|S3'", Some("bytes of text")),
            ("'|V4'", Some("bytes without a type")),
            ("'<M8[ns]'", Some("dates")),
            ("'<m8[s]'", Some("spans of time")),
            ("[('a', '<f8')]", Some("a structured type")),
            ("('<f8', (2,))", Some("a structured type")),
            ("'<f3'", None),
            ("''", None),
        ] {
            assert_eq!(of_kind(kind), Err((10, named)), "{kind}");
        }
        // Native orders, no mark, and Python 2's long integers.
        let is_big_endian = cfg!(target_endian = "big");
        for (kind, expected) in [
            ("'=f8'", Kind::F64),
            ("'|f8'", Kind::F64),
            ("'f2'", Kind::F16),
            ("'|b1'", Kind::Bool),
            ("'=f16'", Kind::F80 { bytes: 16 }),
        ] {
            let read = read(element(expected, is_big_endian), Order::Samples, &[1, 2]);
            assert_eq!(of_kind(kind), read.map_err(|_: (usize, &str)| (0, None)), "{kind}");
        }
    }
}
