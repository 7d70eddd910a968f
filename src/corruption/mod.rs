//! Corruptions: random changes to what the encoder sees, while the loss compares with the clean input.
//!
//! | corruption | does |
//! |---|---|
//! | [`Gaussian`] | adds N(0, sd²) to every feature |
//! | [`Masking`] | sets a fraction of the features to 0 |
//! | [`SaltAndPepper`] | sets a fraction to the lowest or the highest value, half each |
//! | a tuple, or a `Vec<Box<dyn Corruption<T>>>` | one after the other |
//!
//! # Laws
//! 1. Features that are not hit keep their bits.
//! 2. The same generator gives the same corruption; a new one is handed in at every visit of a sample.
//!
//! # Write your own
//! ```
//! use autoencoder::{Corruption, Scalar};
//! /// Shifts the whole sample by one random amount.
//! #[derive(Debug)]
//! struct Drift(f64);
//! impl<T: Scalar> Corruption<T> for Drift {
//!     fn corrupt(&self, sample: &mut [T], rng: &mut dyn rand::Rng) {
//!         let shift = T::of(self.0) * T::draw_normal(rng);
//!         sample.iter_mut().for_each(|x| *x += shift);
//!     }
//! }
//! let _regularizer = autoencoder::Denoising::new(Drift(0.1));
//! ```
//!
//! # References
//! P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol (2008), Extracting and composing robust
//! features with denoising autoencoders; and with I. Lajoie (2010), Stacked denoising autoencoders.

mod gaussian;
mod masking;
mod salt_and_pepper;

use std::fmt::Debug;

use rand::Rng;

pub use gaussian::Gaussian;
pub use masking::Masking;
pub use salt_and_pepper::SaltAndPepper;

use crate::Scalar;

/// A random change to one sample.
pub trait Corruption<T: Scalar>: Debug + Send + Sync {
    /// Corrupts one sample in place, with the randomness of this visit of this sample.
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng);
}

impl<T: Scalar, C: Corruption<T> + ?Sized> Corruption<T> for Box<C> {
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        (**self).corrupt(sample, rng);
    }
}

/// One after the other.
impl<T: Scalar, A: Corruption<T>, B: Corruption<T>> Corruption<T> for (A, B) {
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        self.0.corrupt(sample, rng);
        self.1.corrupt(sample, rng);
    }
}

/// One after the other.
impl<T, A, B, C> Corruption<T> for (A, B, C)
where
    T: Scalar,
    A: Corruption<T>,
    B: Corruption<T>,
    C: Corruption<T>,
{
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        self.0.corrupt(sample, rng);
        self.1.corrupt(sample, rng);
        self.2.corrupt(sample, rng);
    }
}

/// One after the other, as many as there are.
impl<T: Scalar, C: Corruption<T>> Corruption<T> for Vec<C> {
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        self.iter().for_each(|corruption| corruption.corrupt(sample, rng));
    }
}

/// Calls `hit` for a random `fraction` of the elements, each with one random word.
///
/// Every element takes one 64-bit word: 32 bits decide whether it is hit (the rate is exact to
/// 2⁻³²), the others are handed on.
fn hit_fraction<T>(sample: &mut [T], fraction: f64, rng: &mut dyn Rng, hit: impl Fn(&mut T, u32)) {
    const TWO_TO_32: f64 = 4_294_967_296.0;
    let threshold = (fraction * TWO_TO_32).round() as u64;
    let mut words = [0_u8; 8 * 32];
    for elements in sample.chunks_mut(32) {
        let words = &mut words[..8 * elements.len()];
        rng.fill_bytes(words);
        for (element, word) in elements.iter_mut().zip(words.chunks_exact(8)) {
            let word = word.iter().rev().fold(0_u64, |word, &byte| word << 8 | u64::from(byte));
            if word >> 32 < threshold {
                hit(element, word as u32);
            }
        }
    }
}
