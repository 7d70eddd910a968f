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

use crate::numbers::scalar::Scalar;
use crate::numbers::vector::vectorize;

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

/// Sets a random `fraction` of the elements, one half of it to the first value and one to the second.
///
/// Each element takes 16 bits; only where these do not decide, 16 more are drawn, so that the rate
/// is exact to 2⁻³².
fn set_fraction<T: Scalar>(sample: &mut [T], fraction: f64, to: [T; 2], rng: &mut dyn Rng) {
    const TWO_TO_32: f64 = 4_294_967_296.0;
    let end = (fraction * TWO_TO_32).round() as u64;
    let middle = end / 2;
    let value_at = |place: u64, x: T| match place {
        place if place < middle => to[0],
        place if place < end => to[1],
        _ => x,
    };
    let (middle_bits, end_bits) = ((middle >> 16) as u32, (end >> 16) as u32);
    let mut bytes = [0_u8; 2 * 256];
    let mut words = [0_u32; 256];
    for elements in sample.chunks_mut(256) {
        let bytes = &mut bytes[..2 * elements.len()];
        let words = &mut words[..elements.len()];
        rng.fill_bytes(bytes);
        for (word, two) in words.iter_mut().zip(bytes.chunks_exact(2)) {
            *word = u32::from(two[1]) << 8 | u32::from(two[0]);
        }
        vectorize(
            #[inline(always)]
            || set_below(elements, words, [middle_bits, end_bits], to),
        );
        let is_open = |word: u32| word == middle_bits || word == end_bits;
        let undecided = words.iter().fold(false, |any, &word| any | is_open(word));
        if undecided {
            for (x, &word) in elements.iter_mut().zip(&*words) {
                if is_open(word) {
                    *x = value_at(u64::from(word << 16 | rng.next_u32() >> 16), *x);
                }
            }
        }
    }
}

/// Sets elements whose word is below the first bound to the first value, and others below the
/// second bound to the second.
#[inline(always)]
fn set_below<T: Scalar>(elements: &mut [T], words: &[u32], bounds: [u32; 2], to: [T; 2]) {
    let ([first, second], [middle, end]) = (to, bounds);
    for (x, &word) in elements.iter_mut().zip(words) {
        let kept = *x;
        let changed = if word < middle { first } else { second };
        *x = if word < end { changed } else { kept };
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand::rand_core::TryRng;

    use super::*;

    /// Gives the 16 bits that decide first, then the 16 that decide where those do not.
    struct Words {
        high: u16,
        low: u16,
    }

    impl TryRng for Words {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(u32::from(self.low) << 16)
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(0)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            for two in bytes.chunks_exact_mut(2) {
                two.copy_from_slice(&self.high.to_le_bytes());
            }
            Ok(())
        }
    }

    #[test]
    fn the_rate_is_exact_to_the_last_of_32_bits() {
        let draw = |fraction: f64, word: u64| {
            let mut x = [0.5_f64];
            let mut rng = Words { high: (word >> 16) as u16, low: word as u16 };
            set_fraction(&mut x, fraction, [0.0, 1.0], &mut rng);
            x[0]
        };
        for count in [0_u64, 1, 2, 3, 65_535, 65_536, 65_537, 1 << 31, 1_288_490_189, 1 << 32] {
            let fraction = count as f64 / 4_294_967_296.0;
            for word in [0, count / 2, count / 2 + 1, count, count + 1, (1 << 32) - 1] {
                for word in [word.saturating_sub(1), word].map(|word| word.min((1 << 32) - 1)) {
                    let expected = if word < count / 2 {
                        0.0
                    } else if word < count {
                        1.0
                    } else {
                        0.5
                    };
                    assert_eq!(draw(fraction, word), expected, "{word} of {count}");
                }
            }
        }
    }
}
