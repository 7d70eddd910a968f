//! Numbers as texts write them.

use super::dialect::trimmed;
use super::missing::{Marks, Missing};
use crate::numbers::scalar::Float;

/// How numbers are written, and what becomes of those that are missing.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data) struct Numbers {
    pub(super) decimal: u8,
    pub(super) thousands: Option<u8>,
    pub(super) missing: Missing,
    pub(super) marks: Marks,
}

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<T> {
    /// A number.
    Number(T),
    /// Nothing, and its row is to be left out.
    Dropped,
}

/// What a cell of the first row seems to be, before it is known whether that is a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seeming {
    /// A number, also one that is not finite.
    Number,
    /// A mark of a missing value, or nothing.
    Missing,
    /// Something else: a name.
    Text,
}

impl Numbers {
    pub(super) fn new() -> Self {
        let (missing, marks) = (Missing::Refuse, Marks::default());
        Self { decimal: b'.', thousands: None, missing, marks }
    }

    /// The same with a further mark of missing values, or another one in numbers.
    pub(super) fn changed(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        let mut marks = std::mem::take(&mut self.marks);
        let mut scratch = Vec::new();
        // As the file writes it, or else as Rust does.
        marks.find_numbers(|mark| {
            let as_in_file = self.plain(mark.as_bytes(), &mut scratch).and_then(finite);
            as_in_file.or_else(|| finite(mark.as_bytes()))
        });
        Self { marks, ..self }
    }

    /// What a cell says; `None` for one that is to be refused. `scratch` is for what numbers are rewritten in.
    #[inline]
    pub(super) fn read<T: Float>(&self, cell: &[u8], scratch: &mut Vec<u8>) -> Option<Value<T>> {
        // As nearly all cells are.
        if self.is_plain()
            && let Some(number) = short(cell)
        {
            return Some(Value::Number(number));
        }
        self.read_any(cell, scratch)
    }

    /// Whether a short decimal is nothing but a number.
    fn is_plain(&self) -> bool {
        self.decimal == b'.' && self.thousands.is_none() && self.marks.own().is_empty()
    }

    fn read_any<T: Float>(&self, cell: &[u8], scratch: &mut Vec<u8>) -> Option<Value<T>> {
        let text = trimmed(cell);
        let plain = self.plain(text, scratch);
        if let Some(value) = plain.and_then(finite) {
            if !self.marks.has_number(text, || plain.and_then(finite)) {
                return Some(Value::Number(value));
            }
        } else if !self.marks.has(text) {
            return None;
        }
        match self.missing {
            Missing::Refuse => None,
            Missing::DropRow => Some(Value::Dropped),
            Missing::Value(value) => Some(Value::Number(T::of(value))),
            Missing::NotANumber => Some(Value::Number(T::of(f64::NAN))),
        }
    }

    /// The finite number that a text without spaces around it is, also one that stands for a missing value.
    pub(in crate::data) fn value(&self, text: &[u8], scratch: &mut Vec<u8>) -> Option<f64> {
        self.plain(text, scratch).and_then(finite)
    }

    /// Whether a text without spaces around it stands for a missing value: as a word, or as a number however it is
    /// written.
    pub(in crate::data) fn stands_for_missing(&self, text: &[u8], scratch: &mut Vec<u8>) -> bool {
        match self.value(text, scratch) {
            Some(value) => self.marks.has_number(text, || Some(value)),
            None => self.marks.has(text),
        }
    }

    /// What a cell seems to be, whatever becomes of missing values.
    pub(super) fn seems(&self, cell: &[u8], scratch: &mut Vec<u8>) -> Seeming {
        let text = trimmed(cell);
        let is_number =
            |text: &[u8]| str::from_utf8(text).is_ok_and(|text| f64::parse(text).is_some());
        if self.marks.has(text) {
            Seeming::Missing
        } else if self.plain(text, scratch).is_some_and(is_number) {
            Seeming::Number
        } else {
            Seeming::Text
        }
    }

    /// A number without marks of thousands, and with a point. The marks must be where they belong, before three digits
    /// each, so that `1,5` does not become 15.
    pub(super) fn plain<'a>(&self, text: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        if self.decimal == b'.' && self.thousands.is_none() {
            return Some(text);
        }
        let sign = text.iter().take_while(|byte| matches!(byte, b'+' | b'-')).count();
        let (sign, mut rest) = text.split_at(sign);
        scratch.clear();
        scratch.extend_from_slice(sign);
        // How many digits there are since the last mark, if there was one.
        let (mut digits, mut is_grouped) = (0, false);
        loop {
            match (rest, self.thousands_mark(rest)) {
                (&[digit @ b'0'..=b'9', ref after @ ..], _) => {
                    scratch.push(digit);
                    (digits, rest) = (digits + 1, after);
                }
                (_, 0) => break,
                (_, length) => {
                    let is_right = if is_grouped { digits == 3 } else { (1..=3).contains(&digits) };
                    if !is_right {
                        return None;
                    }
                    (digits, is_grouped, rest) = (0, true, &rest[length..]);
                }
            }
        }
        if is_grouped && digits != 3 {
            return None;
        }
        for &byte in rest {
            match byte {
                _ if byte == self.decimal => scratch.push(b'.'),
                b'.' => return None,
                _ => scratch.push(byte),
            }
        }
        Some(scratch)
    }

    /// How many bytes of the mark between thousands a text begins with. A space may be one that does not break, as the
    /// French write it.
    fn thousands_mark(&self, text: &[u8]) -> usize {
        match self.thousands {
            Some(mark) if text.first() == Some(&mark) => 1,
            Some(b' ') => NO_BREAK_SPACES
                .iter()
                .find(|space| text.starts_with(space))
                .map_or(0, |space| space.len()),
            _ => 0,
        }
    }
}

/// Spaces at which no line may break, U+00A0 and U+202F, in UTF-8.
pub(super) const NO_BREAK_SPACES: [&[u8]; 2] = [b"\xc2\xa0", b"\xe2\x80\xaf"];

/// The number of a short decimal without an exponent, as most are: its digits as a whole number over a power of ten. Both
/// are numbers of single precision, so the quotient is the nearest number of either type, which parsing gives too.
///
/// # References
/// W. D. Clinger (1990), How to Read Floating Point Numbers Accurately.
#[inline]
fn short<T: Float>(text: &[u8]) -> Option<T> {
    const TENS: [f64; 8] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // Seven digits are less than 2²⁴.
    if digits.len() > TENS.len() {
        return None;
    }
    let (mut whole, mut count, mut decimals) = (0_u32, 0, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = 10 * whole + u32::from(byte - b'0');
                count += 1;
            }
            b'.' if decimals.is_none() => decimals = Some(count),
            _ => return None,
        }
    }
    if !(1..TENS.len()).contains(&count) {
        return None;
    }
    let value = T::of(f64::from(whole));
    let value = match decimals {
        Some(before) => value / T::of(TENS[count - before]),
        None => value,
    };
    Some(if is_negative { -value } else { value })
}

/// The finite number that a text is.
pub(super) fn finite<T: Float>(text: &[u8]) -> Option<T> {
    if let Some(number) = short(text) {
        return Some(number);
    }
    str::from_utf8(text).ok().and_then(T::parse).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, decimal: u8, thousands: Option<u8>) -> Option<f64> {
        let numbers = Numbers { decimal, thousands, ..Numbers::new() };
        match numbers.read(text.as_bytes(), &mut Vec::new()) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// Against the parser of the standard library.
    #[test]
    fn short_decimals_are_the_nearest_numbers() {
        let mut texts: Vec<String> =
            ["", ".", "-", "-.", "+1", "1.2.3", "1e3", "00", "-0", "5.", ".5", "-.25"]
                .map(str::to_owned)
                .to_vec();
        for k in 0..200_000_u32 {
            let digits = (k.wrapping_mul(2_654_435_761) % 10_000_000).to_string();
            let point = k as usize % (digits.len() + 1);
            let sign = if k % 3 == 0 { "-" } else { "" };
            texts.push(format!("{sign}{}.{}", &digits[..point], &digits[point..]));
            texts.push(format!("{sign}{digits}"));
        }
        for text in &texts {
            if let Some(number) = short::<f32>(text.as_bytes()) {
                assert_eq!(text.parse().map(f32::to_bits), Ok(number.to_bits()), "{text}");
            }
            if let Some(number) = short::<f64>(text.as_bytes()) {
                assert_eq!(text.parse().map(f64::to_bits), Ok(number.to_bits()), "{text}");
            }
        }
        let are_short = texts.iter().filter(|text| short::<f32>(text.as_bytes()).is_some()).count();
        assert_eq!(are_short, 400_000 + 5);
    }

    #[test]
    fn marks_of_thousands_and_of_the_fraction() {
        for (text, number) in [
            ("1.234,5", Some(1234.5)),
            ("-12.345.678", Some(-12_345_678.0)),
            ("1,5e3", Some(1500.0)),
            (" ,5 ", Some(0.5)),
            ("7", Some(7.0)),
            ("1234,5", Some(1234.5)),
            ("1.23,4", None),
            ("1234.567,8", None),
            (".123", None),
            ("1,234.567", None),
            ("1,2,3", None),
            ("1..234", None),
            ("", None),
        ] {
            assert_eq!(read(text, b',', Some(b'.')), number, "{text}");
        }
        assert_eq!(read("1,234.5", b'.', Some(b',')), Some(1234.5));
        // What pandas takes for 15.
        assert_eq!(read("1,5", b'.', Some(b',')), None);
        assert_eq!(read("1 234", b'.', Some(b' ')), Some(1234.0));
        for space in [" ", "\u{a0}", "\u{202f}"] {
            let text = format!("1{space}234{space}567,5");
            assert_eq!(read(&text, b',', Some(b' ')), Some(1_234_567.5), "{text}");
            assert_eq!(read(&format!("1{space}23"), b',', Some(b' ')), None);
            assert_eq!(read(&text, b',', Some(b'\'')), None);
        }
        assert_eq!(read("1'234.5", b'.', Some(b'\'')), Some(1234.5));
        assert_eq!(read("1,5", b',', None), Some(1.5));
        assert_eq!(read("1.5", b',', None), None);
        assert_eq!(read("1.5", b'.', None), Some(1.5));
    }
}
