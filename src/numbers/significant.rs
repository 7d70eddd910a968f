//! How a number reads in a sentence or a table.

/// A number with at most four significant digits, and with an exponent where that is shorter and the number not of
/// everyday size: `0.5`, `1235`, `3e-7`.
pub(crate) fn short(value: f64) -> String {
    with_digits(value, 4)
}

/// A number to five decimals, as totals stand under each other, and with an exponent where these would not tell it or
/// it would be long.
pub(crate) fn to_five_decimals(value: f64) -> String {
    let size = value.abs();
    let is_everyday = size == 0.0 || (1e-3..1e7).contains(&size) || !size.is_finite();
    if is_everyday { format!("{value:.5}") } else { format!("{value:.5e}") }
}

/// Two numbers, with so many more digits that they differ if the numbers do.
pub(crate) fn short_and_apart(a: f64, b: f64) -> [String; 2] {
    // Seventeen significant digits tell any two numbers apart.
    let pairs = (4..=17).map(|digits| [a, b].map(|value| with_digits(value, digits)));
    let mut apart = pairs.skip_while(|[first, second]| first == second && a != b);
    apart.next().unwrap_or_else(|| [a, b].map(short))
}

/// Of at most this many significant digits, at least one.
fn with_digits(value: f64, digits: usize) -> String {
    // To a reader −0.0 is 0.
    if value == 0.0 || !value.is_finite() {
        return (value + 0.0).to_string();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let mantissa = trimmed(mantissa);
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // A whole number shows all of its digits, as long as that is not longer.
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    let plain = format!("{value:.decimals$}");
    let plain = trimmed(&plain);
    let scientific = format!("{mantissa}e{exponent}");
    // 1000 is no 1e3 to a reader.
    let is_everyday = (-3..5).contains(&exponent);
    if is_everyday || plain.len() <= scientific.len() { plain.to_owned() } else { scientific }
}

/// Without zeros that say nothing.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_stay_short() {
        let texts = [0.0, 0.07621, -12.5, 1e-3, 9.9e-4, 9_999_999.0, 1e7, 6.09e35, f64::NAN];
        assert_eq!(
            texts.map(to_five_decimals).join(" "),
            "0.00000 0.07621 -12.50000 0.00100 9.90000e-4 9999999.00000 1.00000e7 6.09000e35 NaN"
        );
    }

    #[test]
    fn numbers_have_four_digits_and_an_exponent_where_it_is_shorter() {
        let pairs = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.5, "0.5"),
            (-2.0 / 3.0, "-0.6667"),
            (8.8604, "8.86"),
            (9.99996, "10"),
            (12.345, "12.35"),
            (1234.56, "1235"),
            (123_456.7, "123457"),
            (1000.0, "1000"),
            (20_000.0, "20000"),
            (0.001, "0.001"),
            (0.000_1, "1e-4"),
            (100_000.0, "1e5"),
            (3e-7, "3e-7"),
            (0.001_663_89, "0.001664"),
            (0.000_166_389, "1.664e-4"),
            (677_239_734_860_965_886_129_002_659_733_187_854_336.0, "6.772e38"),
            (100_000_002_004_087_734_272.0, "1e20"),
            (f64::MAX, "1.798e308"),
            (-f64::MIN_POSITIVE, "-2.225e-308"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in pairs {
            assert_eq!(short(value), expected, "{value:e}");
        }
    }

    #[test]
    fn what_differs_reads_differently() {
        assert_eq!(short_and_apart(8.8604, 8.8604), ["8.86", "8.86"]);
        assert_eq!(short_and_apart(8.86041, 8.86049), ["8.8604", "8.8605"]);
        assert_eq!(short_and_apart(1.0, 1.0_f64.next_up()), ["1", "1.0000000000000002"]);
        assert_eq!(short_and_apart(1.0, 2e30), ["1", "2e30"]);
        assert_eq!(short_and_apart(f64::INFINITY, 2.0), ["inf", "2"]);
    }
}
