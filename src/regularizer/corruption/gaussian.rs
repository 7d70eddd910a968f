use rand::Rng;

use super::Corruption;
use crate::error::{Result, require_positive};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::numbers::vector::fill_normal;

/// Adds independent normal noise to every feature.
///
/// # Formula
/// x̃ = x + sd · ε, ε ~ N(0, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    sd: f64,
}

impl Gaussian {
    /// With the standard deviation, greater than 0, in units of the data.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(sd: f64) -> Result<Self> {
        require_positive("Gaussian corruption sd", sd)?;
        Ok(Self { sd })
    }
}

once! {
    /// Adds N(0, sd²) to each value.
    fn add_normal(sample: &'a mut [T], sd: f64, rng: &'a mut dyn Rng) = add_normal_generic;
}

fn add_normal_generic<T: Float>(sample: &mut [T], sd: f64, rng: &mut dyn Rng) {
    /// Values that get their noise together.
    const TOGETHER: usize = 256;
    let sd = T::of(sd);
    let mut noise = [T::ZERO; TOGETHER];
    for x in sample.chunks_mut(TOGETHER) {
        let noise = &mut noise[..x.len()];
        fill_normal(noise, rng);
        for (x, &noise) in x.iter_mut().zip(&*noise) {
            *x += sd * noise;
        }
    }
}

impl<T: Float> Corruption<T> for Gaussian {
    fn describe(&self) -> String {
        format!("Gaussian {{ sd: {:?} }}", self.sd)
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        add_normal(sample, self.sd, rng);
    }
}
