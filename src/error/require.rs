//! Checks of parameters, parts and sizes.

use super::{Error, Number, Result};

/// Refuses a parameter unless `valid`; comparisons are written so that NaN is refused.
pub(crate) fn require(
    valid: bool,
    name: &'static str,
    value: f64,
    requirement: &'static str,
) -> Result<()> {
    if valid {
        return Ok(());
    }
    Err(invalid(name, value, requirement))
}

/// Why a parameter is refused.
pub(crate) fn invalid(name: &'static str, value: f64, requirement: &'static str) -> Error {
    Error::InvalidParameter { name, value: Number(value), requirement }
}

/// Refuses parts that do not go together.
pub(crate) fn require_fit(
    is_fit: bool,
    part: &'static str,
    fault: &'static str,
    remedy: &'static str,
) -> Result<()> {
    if is_fit { Ok(()) } else { Err(Error::Unfit { part, fault, remedy }) }
}

/// Refuses a parameter that is not finite and positive.
pub(crate) fn require_positive(name: &'static str, value: f64) -> Result<()> {
    require(value > 0.0 && value.is_finite(), name, value, "finite and greater than 0")
}

/// Refuses a weight that is negative (−0.0 included) or not finite.
pub(crate) fn require_weight(name: &'static str, value: f64) -> Result<()> {
    let valid = value >= 0.0 && value.is_finite() && value.is_sign_positive();
    require(valid, name, value, "finite and not negative")
}

/// Refuses a share outside [0, 1], and −0.0.
pub(crate) fn require_fraction(name: &'static str, value: f64) -> Result<()> {
    require((0.0..=1.0).contains(&value) && value.is_sign_positive(), name, value, "in [0, 1]")
}

/// Refuses a momentum or decay rate outside [0, 1), and −0.0.
pub(crate) fn require_decay_rate(name: &'static str, value: f64) -> Result<()> {
    require((0.0..1.0).contains(&value) && value.is_sign_positive(), name, value, "in [0, 1)")
}

/// Refuses a count of zero.
pub(crate) fn require_count(name: &'static str, value: usize) -> Result<()> {
    require(value > 0, name, value as f64, "at least 1")
}

/// Refuses a length that differs from what is expected.
pub(crate) fn require_size(
    place: &'static str,
    unit: &'static str,
    expected: usize,
    found: usize,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::SizeMismatch { place, unit, expected, found })
}

/// Refuses a mark of a text unless `valid`.
pub(crate) fn require_mark(
    valid: bool,
    name: &'static str,
    mark: u8,
    requirement: &'static str,
) -> Result<()> {
    if valid { Ok(()) } else { Err(Error::InvalidMark { name, mark, requirement }) }
}

/// Room for so many numbers: more than there is memory for is refused, not died of.
pub(crate) fn reserved<T>(name: &'static str, len: usize) -> Result<Vec<T>> {
    let mut numbers = Vec::new();
    let fits = numbers.try_reserve_exact(len).is_ok();
    require(fits, name, len as f64, "no more than memory holds")?;
    Ok(numbers)
}
