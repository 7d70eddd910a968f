use std::fmt;

/// A number inside an [`Error`](super::Error). Unlike `f64` it equals itself when it is NaN, and −0.0 differs
/// from 0.0, so that errors can be compared.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits() || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Eq for Number {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_count = self.0.fract() == 0.0 && self.0.abs() < 1e15 && self.0.is_sign_positive();
        if is_count {
            return write!(f, "{}", self.0);
        }
        // `{:?}` keeps the sign of −0.0 and a short form of tiny and huge numbers.
        write!(f, "{:?}", self.0)
    }
}
