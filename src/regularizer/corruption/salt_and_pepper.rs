use rand::Rng;

use super::{Corruption, set_fraction};
use crate::error::{Result, require, require_fraction};
use crate::numbers::scalar::Float;

/// Sets each feature, with a given probability, to the lowest or the highest value, half each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SaltAndPepper {
    fraction: f64,
    low: f64,
    high: f64,
}

impl SaltAndPepper {
    /// With the fraction of features that are hit, in [0, 1]; they become 0 or 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(fraction: f64) -> Result<Self> {
        require_fraction("SaltAndPepper fraction", fraction)?;
        Ok(Self { fraction, low: 0.0, high: 1.0 })
    }

    /// With other values for pepper and salt. Default: 0 and 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless both are finite and `low < high`.
    pub fn values(self, low: f64, high: f64) -> Result<Self> {
        require(low.is_finite(), "SaltAndPepper low", low, "finite")?;
        let valid = high.is_finite() && low < high;
        require(valid, "SaltAndPepper high", high, "finite and greater than the low value")?;
        Ok(Self { low, high, ..self })
    }
}

impl<T: Float> Corruption<T> for SaltAndPepper {
    fn describe(&self) -> String {
        let Self { fraction, low, high } = self;
        format!("SaltAndPepper {{ fraction: {fraction:?}, low: {low:?}, high: {high:?} }}")
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        set_fraction(sample, self.fraction, [self.low, self.high].map(T::of), rng);
    }
}
