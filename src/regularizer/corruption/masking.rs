use rand::Rng;

use super::{Corruption, set_fraction};
use crate::error::{Result, require_fraction};
use crate::numbers::scalar::Float;

/// Sets each feature to 0 with a given probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Masking {
    fraction: f64,
}

impl Masking {
    /// With the fraction of features that are lost, in [0, 1].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(fraction: f64) -> Result<Self> {
        require_fraction("Masking fraction", fraction)?;
        Ok(Self { fraction })
    }
}

impl<T: Float> Corruption<T> for Masking {
    fn describe(&self) -> String {
        format!("Masking {{ fraction: {:?} }}", self.fraction)
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        set_fraction(sample, self.fraction, [T::ZERO; 2], rng);
    }
}
