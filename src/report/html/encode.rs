//! Text and numbers as a page can hold them.

use serde_json::Value;

use crate::numbers::significant;

/// Text between tags or in a quoted attribute, at most `most` characters of it.
pub(super) fn escape(text: &str, most: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        if index == most {
            escaped.push('…');
            break;
        }
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{2028}' | '\u{2029}' => escaped.push_str(&format!("&#{};", u32::from(character))),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The most bytes that a text takes on the page, as [`escape`] or as [`json`] has it.
pub(super) fn bytes(text: &str) -> usize {
    let of = |character: char| match character {
        '\u{2028}' | '\u{2029}' => 7,
        '&' | '<' | '>' | '"' | '\'' => 6,
        control if control.is_ascii_control() => 6,
        '\\' => 2,
        other => other.len_utf8(),
    };
    text.chars().map(of).sum()
}

/// JSON that cannot end the element it stands in: what HTML or old scripts would read is escaped, which
/// can only occur inside of strings.
pub(super) fn json(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => text.push(other),
        }
    }
    text
}

/// A text for the page's script, at most 120 characters of it.
pub(super) fn text(text: &str) -> Value {
    Value::from(text.chars().take(120).collect::<String>())
}

/// A number with five significant digits; null if it is not finite.
pub(super) fn number(value: f64) -> Value {
    with_digits(value, 5)
}

fn with_digits(value: f64, digits: usize) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    let rounded: f64 = format!("{value:.*e}", digits - 1).parse().unwrap_or(value);
    if rounded == 0.0 { Value::from(0) } else { Value::from(rounded) }
}

/// Numbers as [`number`] has them.
pub(super) fn numbers(values: impl IntoIterator<Item = f64>) -> Value {
    values.into_iter().map(number).collect()
}

/// Numbers of an axis, with so many more digits that five tell where each lies between the least and the greatest.
pub(super) fn coordinates(values: &[f64]) -> Value {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let size = finite().fold(0.0, |size: f64, value| size.max(value.abs()));
    let low = finite().fold(f64::INFINITY, f64::min);
    let range = finite().fold(f64::NEG_INFINITY, f64::max) - low;
    // A cast takes what is no number or negative to 0, and what is beyond, of values that are all the same, to the greatest.
    let more = (size / range).log10().ceil() as usize;
    let digits = 5 + more.min(12);
    values.iter().map(|&value| with_digits(value, digits)).collect()
}

/// Bytes as base64, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= three.len() { DIGITS[value as usize] as char } else { '=' });
        }
    }
    text
}

/// Weights as bytes, 0 in the middle, as far as the greatest.
pub(super) fn diverging(weights: impl Iterator<Item = f64> + Clone, to: &mut Vec<u8>) {
    let scale = weights.clone().fold(0.0, |scale: f64, w| scale.max(w.abs()));
    let scale = if scale > 0.0 { 127.0 / scale } else { 0.0 };
    to.extend(weights.map(|w| (128.0 + w * scale).round() as u8));
}

/// How a number reads in a sentence or a cell; a dash where there is none.
pub(super) fn short(value: f64) -> String {
    match value {
        _ if value.is_nan() => "–".into(),
        f64::INFINITY => "∞".into(),
        f64::NEG_INFINITY => "-∞".into(),
        _ => significant::short(value),
    }
}

/// A whole number with a comma between thousands.
pub(super) fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, encoded) in pairs {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[255, 254, 253]), "//79");
    }

    #[test]
    fn nothing_in_a_text_ends_what_it_stands_in() {
        let hostile = "</script><!--&'\"\u{2028}";
        let escaped = json(&Value::from(hostile));
        assert!(!escaped.contains(['<', '>', '&', '\u{2028}']), "{escaped}");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), hostile);
        assert_eq!(escape("<a b='\"'>&", 99), "&lt;a b=&#39;&quot;&#39;&gt;&amp;");
        assert_eq!(escape("\u{2028}\u{2029}", 2), "&#8232;&#8233;");
        assert_eq!(escape("abc", 2), "ab…");
        for text in [hostile, "a\\\n\u{1}字", "'\u{2029}"] {
            let longest = escape(text, 99).len().max(json(&Value::from(text)).len() - 2);
            assert!((longest..=2 * longest + 9).contains(&bytes(text)), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(0.123456789).to_string(), "0.12346");
        assert_eq!(number(f64::NAN), Value::Null);
        assert_eq!(coordinates(&[-0.123456789, 1.0]).to_string(), "[-0.12346,1.0]");
        let near = coordinates(&[1000.001, 1000.00123456789, f64::NAN, 1000.009]);
        assert_eq!(near.to_string(), "[1000.001,1000.0012346,null,1000.009]");
        for one in [vec![], vec![f64::INFINITY], vec![0.0], vec![-f64::MAX, f64::MAX]] {
            assert_eq!(coordinates(&one).as_array().unwrap().len(), one.len());
        }
        assert_eq!(number(-0.0).to_string(), "0");
        assert_eq!(
            [0.5, 12.345, 1e-9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(short),
            ["0.5", "12.35", "1e-9", "–", "∞", "-∞"].map(String::from)
        );
        assert_eq!(
            [count(7), count(1234), count(1_000_000)],
            ["7", "1,234", "1,000,000"].map(String::from)
        );
    }
}
