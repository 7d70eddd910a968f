//! Why a cell is no number, in the words of whoever has the file before them, and what to do.

use super::dialect::{is_space, trimmed};
use super::number::Numbers;
use super::remedies::{
    BAR, BOTH, COMMA, COMMAS, DECIMAL, GROUPED_DECIMAL, INFINITE, MARK, OTHER_MARKS, QUOTE,
    SEMICOLON, TAB, TEXT, THOUSANDS, THOUSANDS_NO_BREAK, THOUSANDS_QUOTE, THOUSANDS_SPACE,
    THOUSANDS_UNDERSCORE, UNIT, WHITESPACE,
};
use crate::error::Found;

const MISSING: &str = "a finite number (`CsvOptions::missing` says what becomes of missing values: \
                       `Missing::DropRow`, `Missing::Value` or `Missing::NotANumber`)";
/// What the name of its column is where a cell should be.
pub(super) const NAME: &str = "the name of its column, as if the header came again";
const HEADER: &str = "a finite number (if the header comes again in this line, as where files were joined, take the \
                      line out of the file)";
const MINUS: &str = "a finite number (write the minus sign as a hyphen, `-`, in the file)";
const NO_BREAK: &str =
    "a finite number (take the no-break space, U+00A0 or U+202F, out of the file)";

/// What is in a cell that is no number, and what belongs there; `name` is what the header calls its column.
pub(super) fn of_cell(cell: &[u8], numbers: &Numbers, name: Option<&str>) -> (Found, &'static str) {
    let text = trimmed(cell);
    if text.is_empty() {
        return (Found::Thing("an empty cell, a missing value"), MISSING);
    }
    let mut scratch = Vec::new();
    let is_number = numbers.value(text, &mut scratch).is_some();
    if numbers.stands_for_missing(text, &mut scratch) {
        return (Found::known("a missing value", text), MISSING);
    }
    if name.is_some_and(|name| trimmed(name.as_bytes()) == text) {
        return (Found::known(NAME, text), HEADER);
    }
    if text.contains(&0) {
        let expected =
            "text in UTF-8 (a file of another kind, or in UTF-16, must be converted first)";
        return (Found::known("a NUL byte", text), expected);
    }
    if let Some((kind, expected)) = of_signs(text).or_else(|| of_marks(text, numbers)) {
        return (Found::known(kind, text), expected);
    }
    if str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok()) {
        let is_spelt_out = text.iter().any(|byte| matches!(byte, b'i' | b'I'));
        return match is_spelt_out {
            true => (Found::known("an infinite number", text), INFINITE),
            false if is_number => {
                let expected = "a number within the range of `f32` (`f64` has a wider one)";
                (Found::known("a number that is too large", text), expected)
            }
            false if numbers.decimal == b'.' && numbers.thousands.is_none() => {
                let expected = "a number within the range of `f64`";
                (Found::known("a number that is too large", text), expected)
            }
            false => (Found::known("a number with other marks", text), OTHER_MARKS),
        };
    }
    if is_with_unit(text) {
        return (Found::known("a number with a unit", text), UNIT);
    }
    (Found::text(text), TEXT)
}

/// What a text of signs beyond those of numbers is.
fn of_signs(text: &[u8]) -> Option<(&'static str, &'static str)> {
    if let [b'\'', .., b'\''] = text {
        return Some(("a text in single quotes", QUOTE));
    }
    let text = str::from_utf8(text).ok()?;
    // Of delimiters in place of numbers there is more to say.
    let is_mark = |c: char| !c.is_alphanumeric() && !c.is_control() && !",;|".contains(c);
    if text.chars().all(is_mark) {
        return Some(("a mark and no number", MARK));
    }
    // The minus sign of mathematics and the dash that stands for it.
    let number = text.strip_prefix(['\u{2212}', '\u{2013}'])?;
    is_numeric(number.as_bytes()).then_some(("a minus sign that is no hyphen", MINUS))
}

/// Whether a text is a number with a currency before it or a unit behind it.
fn is_with_unit(text: &[u8]) -> bool {
    const CURRENCIES: [char; 5] = ['$', '€', '£', '¥', '₹'];
    let Ok(text) = str::from_utf8(text) else { return false };
    let is_number = |text: &str| {
        let text = text.trim().replace(',', "");
        is_numeric(text.as_bytes()) && text.parse::<f64>().is_ok()
    };
    let unsigned = text.trim_start_matches(['-', '+']);
    if unsigned.strip_prefix(CURRENCIES).is_some_and(is_number) {
        return true;
    }
    let is_of_number = |c: char| c.is_ascii_digit() || ".,+-".contains(c);
    let end = text.find(|c| !is_of_number(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    let is_of_unit =
        |c: char| c.is_alphabetic() || "%‰°/·²³\"'".contains(c) || CURRENCIES.contains(&c);
    let is_ordinal = ["st", "nd", "rd", "th"].contains(&unit);
    let is_unit = (1..=8).contains(&unit.chars().count()) && unit.chars().all(is_of_unit);
    is_number(number) && is_unit && !is_ordinal
}

/// The text with plain spaces in place of those at which no line may break, if it has such.
fn with_plain_spaces(text: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(text).ok()?;
    let plain = text.replace(['\u{a0}', '\u{202f}'], " ");
    (plain != text).then(|| plain.into_bytes())
}

/// What a text of digits and marks is.
fn of_marks(text: &[u8], numbers: &Numbers) -> Option<(&'static str, &'static str)> {
    let other = [b';', b'\t', b'|'].into_iter().find(|byte| text.contains(byte));
    if let Some(byte) = other {
        let has_number = text.split(|&of| of == byte).any(|part| is_numeric(trimmed(part)));
        return has_number.then(|| (SEVERAL, perhaps(byte)));
    }
    if let Some(plain) = with_plain_spaces(text) {
        let joined: Vec<u8> = plain.iter().copied().filter(|&byte| !is_space(byte)).collect();
        let found = match of_marks(&plain, numbers) {
            Some(("a thousands mark", _)) => {
                ("a no-break space between thousands", THOUSANDS_NO_BREAK)
            }
            Some((kind, expected)) if kind != SEVERAL_SPACES => (kind, expected),
            _ => ("a no-break space", NO_BREAK),
        };
        return is_numeric(&joined).then_some(found);
    }
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if let Some(byte) = [b' ', b'\'', b'_'].into_iter().find(|byte| digits.contains(byte))
        && is_grouped(digits, byte)
    {
        if text.contains(&b',') && numbers.decimal != b',' {
            return Some(("a decimal comma and a thousands mark", GROUPED_DECIMAL));
        }
        let expected = match byte {
            b' ' => THOUSANDS_SPACE,
            b'\'' => THOUSANDS_QUOTE,
            _ => THOUSANDS_UNDERSCORE,
        };
        return Some(("a thousands mark", expected));
    }
    if text.iter().any(|&byte| is_space(byte)) {
        let mut parts = text.split(|&byte| is_space(byte)).filter(|part| !part.is_empty());
        return parts.all(is_numeric).then(|| (SEVERAL_SPACES, perhaps(b' ')));
    }
    if !is_numeric(text) {
        return None;
    }
    let places = |byte: u8| text.iter().filter(|&&of| of == byte).count();
    let last = |byte: u8| text.iter().rposition(|&of| of == byte);
    match (places(b','), places(b'.')) {
        (0, 0 | 1) => None,
        (0, _) => is_grouped(digits, b'.').then_some(("a thousands mark", THOUSANDS)),
        (1, 0) if numbers.decimal == b',' => None,
        (1, 0) if is_grouped(digits, b',') => Some(("a comma", COMMA)),
        (1, 0) => Some(("a decimal comma", DECIMAL)),
        (_, 0) => is_grouped(digits, b',').then_some(("a thousands mark", THOUSANDS)),
        (1, _) if last(b',') > last(b'.') => Some(("a decimal comma and a thousands mark", BOTH)),
        (_, 1) if last(b'.') > last(b',') => Some(("a thousands mark", THOUSANDS)),
        _ => None,
    }
}

const SEVERAL: &str = "several cells";
const SEVERAL_SPACES: &str = "several numbers with spaces between";

/// What to do about a delimiter that is perhaps another one.
pub(super) fn perhaps(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => SEMICOLON,
        b'\t' => TAB,
        b'|' => BAR,
        b',' => COMMAS,
        _ => WHITESPACE,
    }
}

/// Whether a text has digits, and besides only what numbers may have.
fn is_numeric(text: &[u8]) -> bool {
    let is_of_number = |&byte: &u8| byte.is_ascii_digit() || b".,+-eE".contains(&byte);
    text.iter().all(is_of_number) && text.iter().any(u8::is_ascii_digit)
}

/// Whether this mark stands before each three of the digits, whatever follows a point or comma.
fn is_grouped(digits: &[u8], mark: u8) -> bool {
    let end = digits
        .iter()
        .position(|&byte| byte != mark && b".,".contains(&byte))
        .unwrap_or(digits.len());
    if !digits[..end].contains(&mark) {
        return false;
    }
    let mut groups = digits[..end].split(|&byte| byte == mark);
    let are_digits = |group: &[u8]| group.iter().all(u8::is_ascii_digit);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && are_digits(first)
        && groups.all(|group| group.len() == 3 && are_digits(group))
}
