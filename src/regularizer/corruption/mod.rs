//! Corruptions: random changes to what the encoder sees, while the loss compares with the clean input
//! ([`Denoising`](crate::Denoising)), or to what both see ([`Augment`](crate::Augment)).
//!
//! | corruption | does |
//! |---|---|
//! | [`Gaussian`] | adds N(0, sd²) to every feature |
//! | [`Masking`] | sets a fraction of the features to 0 |
//! | [`SaltAndPepper`] | sets a fraction to the lowest or the highest value, half each |
//! | [`Absences`] | makes a fraction of the cells of a row missing |
//! | [`SwapNoise`] | puts values of other rows into a fraction of the cells |
//! | [`Flip`] | mirrors an image with a given probability |
//! | [`Shift`] | moves an image by some rows and columns |
//! | [`Crop`] | stretches a piece of an image to the whole |
//! | a tuple, or a `Vec` | one after the other |
//! | `Box<dyn Corruption<T>>` | what was chosen at run time |
//!
//! # Laws
//! 1. Features that are not hit keep their bits, and pixels that are only moved too.
//! 2. What is missing, NaN, stays so, but where [`Masking`] or [`SaltAndPepper`] set it: in a model that
//!    [takes missing values](crate::Normalizer::fit_with_missing) corruptions come before what stands for them.
//! 3. The same generator gives the same corruption; a new one is handed in at every visit of a sample.
//!
//! # Write your own
//! One that is made for samples of some size says so in [`check`](Corruption::check), which is told what is
//! [known](Facts) of the model, so that `build` refuses others; this one is for any.
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::corruption::{Corruption, Masking};
//! use autoencoder::{AutoEncoder, Batch, Denoising, Dense, Float, contract};
//!
//! /// Shifts the whole sample by one random amount.
//! #[derive(Debug, Clone)]
//! struct Drift(f64);
//! impl<T: Float> Corruption<T> for Drift {
//!     fn describe(&self) -> String {
//!         format!("Drift {{ sd: {:?} }}", self.0)
//!     }
//!     fn corrupt(&self, sample: &mut [T], rng: &mut dyn rand::Rng) {
//!         let shift = T::of(self.0) * T::draw_normal(rng);
//!         sample.iter_mut().for_each(|x| *x += shift);
//!     }
//! }
//!
//! let build = || {
//!     AutoEncoder::builder()
//!         .encoder(Dense::<3, 2>::new(Tanh))
//!         .decoder(Dense::<2, 3>::new(Identity))
//!         .regularizer(Denoising::new(Drift(0.1)))
//!         .build::<f64>()
//!         .unwrap()
//! };
//! let x = Batch::from_iter([[0.1, 0.5, 0.9], [0.4, 0.3, 0.2], [0.8, 0.6, 0.7], [0.2, 0.9, 0.4]]);
//! contract::model(build, &x).assert();
//! // Chosen at run time, as many as are wanted:
//! let chosen: Vec<Box<dyn Corruption<f32>>> = vec![Box::new(Drift(0.1)), Box::new(Masking::new(0.3)?)];
//! let several = Denoising::new(chosen);
//! # let _ = several;
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! # References
//! P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol (2008), Extracting and composing robust
//! features with denoising autoencoders; and with I. Lajoie (2010), Stacked denoising autoencoders.

mod absences;
mod cells;
mod crop;
mod flip;
mod gaussian;
mod masking;
mod salt_and_pepper;
mod shift;
mod swap_noise;

use std::fmt::Debug;

use rand::{Rng, RngExt};

pub use absences::Absences;
pub use crop::Crop;
pub use flip::Flip;
pub use gaussian::Gaussian;
pub use masking::Masking;
pub use salt_and_pepper::SaltAndPepper;
pub use shift::Shift;
pub use swap_noise::SwapNoise;

use crate::batch::BatchViewMut;
use crate::batch::size::{Shape, require_sides};
use crate::code::Facts;
use crate::data::Normalizer;
use crate::error::{Result, require_fit, require_size};
use crate::layer::field::Lies;
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;
use crate::random::Streams;

/// A random change to one sample.
pub trait Corruption<T: Float>: Debug + Send + Sync + CorruptionClone<T> {
    /// What tells it from others in files and checkpoints: `Masking { fraction: 0.3 }`.
    fn describe(&self) -> String;

    /// Refuses samples that it was not made for: of another number of [features](Facts::features) or, where they are images
    /// or windows, of another [shape](Facts::lies). Called when the model is built; of a model of plain features again when
    /// it is trained on samples that are images or windows, with their shape. By default it refuses none.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) or [`Error::Unfit`](crate::Error::Unfit) then.
    fn check(&self, facts: &Facts) -> Result<()> {
        let _ = facts;
        Ok(())
    }

    /// Refuses the normalizer of a model that it was not made for, or none: samples are corrupted behind it. Called when a
    /// model with one is built, and when a model is trained. By default it refuses none.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) then.
    fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        let _ = normalizer;
        Ok(())
    }

    /// Whether it makes values missing, by NaN in their place: then it is for models that
    /// [take such values](crate::Normalizer::fit_with_missing). By default not.
    fn makes_missing(&self) -> bool {
        false
    }

    /// Corrupts one sample in place, with the randomness of this visit of this sample.
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng);
}

/// A copy in a box, which every corruption that is `Clone` can give.
pub trait CorruptionClone<T> {
    /// The copy.
    fn boxed(&self) -> Box<dyn Corruption<T>>;
}
impl<T: Float, C: Corruption<T> + Clone + 'static> CorruptionClone<T> for C {
    fn boxed(&self) -> Box<dyn Corruption<T>> {
        Box::new(self.clone())
    }
}
impl<T: Float> Clone for Box<dyn Corruption<T>> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// Chosen at run time.
impl<T: Float> Corruption<T> for Box<dyn Corruption<T>> {
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn check(&self, facts: &Facts) -> Result<()> {
        (**self).check(facts)
    }
    fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        (**self).check_normalizer(normalizer)
    }
    fn makes_missing(&self) -> bool {
        (**self).makes_missing()
    }
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        (**self).corrupt(sample, rng);
    }
}

macro_rules! tuple {
    ($($part:ident $index:tt),+) => {
        /// One after the other.
        impl<T: Float, $($part: Corruption<T> + Clone + 'static),+> Corruption<T> for ($($part,)+) {
            fn describe(&self) -> String {
                format!("({})", [$(self.$index.describe()),+].join(", "))
            }
            fn check(&self, facts: &Facts) -> Result<()> {
                $(self.$index.check(facts)?;)+
                Ok(())
            }
            fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
                $(self.$index.check_normalizer(normalizer)?;)+
                Ok(())
            }
            fn makes_missing(&self) -> bool {
                $(self.$index.makes_missing())||+
            }
            fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
                $(self.$index.corrupt(sample, rng);)+
            }
        }
    };
}
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

/// One after the other, as many as there are.
impl<T: Float, C: Corruption<T> + Clone + 'static> Corruption<T> for Vec<C> {
    fn describe(&self) -> String {
        let parts: Vec<_> = self.iter().map(C::describe).collect();
        format!("[{}]", parts.join(", "))
    }
    fn check(&self, facts: &Facts) -> Result<()> {
        self.iter().try_for_each(|corruption| corruption.check(facts))
    }
    fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        self.iter().try_for_each(|corruption| corruption.check_normalizer(normalizer))
    }
    fn makes_missing(&self) -> bool {
        self.iter().any(C::makes_missing)
    }
    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        self.iter().for_each(|corruption| corruption.corrupt(sample, rng));
    }
}

/// Corrupts every sample of a batch, each with its own stream.
pub(super) fn each_corrupted<T: Float>(
    corruption: &dyn Corruption<T>,
    mut x: BatchViewMut<'_, T>,
    streams: Streams<'_>,
) {
    let features = x.features();
    for (column, sample) in x.as_mut_slice().chunks_exact_mut(features).enumerate() {
        corruption.corrupt(sample, &mut streams.sample(column));
    }
}

/// Refuses samples that are no images of this shape; plain features may be.
fn require_images(corruption: &'static str, shape: Shape, facts: &Facts) -> Result<()> {
    let (values, found) = (shape.values(), facts.features);
    require_size(corruption, "features of a sample, for its images", values, found)?;
    let Some(found) = facts.lies else { return Ok(()) };
    let fault = "is made for images, and the samples of this model are windows, whose values lie step by step";
    let remedy = "leave it out, or let the model take an `Image` or a `DynImage`, which lies channel by channel";
    require_fit(
        Lies { shape, is_interleaved: false }.is_ordered_as(found),
        corruption,
        fault,
        remedy,
    )?;
    let sides = [
        "channels of a sample, for its images",
        "rows of a sample, for its images",
        "columns of a sample, for its images",
    ];
    require_sides(corruption, sides, shape, found.shape)
}

/// Draws a whole number below another, which is at least 1 and much less than 2⁵³; each is as likely.
fn below(end: usize, rng: &mut dyn Rng) -> usize {
    ((rng.random::<f64>() * end as f64) as usize).min(end - 1)
}

once! {
    /// Sets a random `fraction` of the elements, one half of it to the first value and one to the second.
    ///
    /// Each element takes 16 bits; only where these do not decide, 16 more are drawn, so that the rate
    /// is exact to 2⁻³².
    fn set_fraction(sample: &'a mut [T], fraction: f64, to: [T; 2], rng: &'a mut dyn Rng) = set_fraction_generic;
}

fn set_fraction_generic<T: Float>(sample: &mut [T], fraction: f64, to: [T; 2], rng: &mut dyn Rng) {
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
fn set_below<T: Float>(elements: &mut [T], words: &[u32], bounds: [u32; 2], to: [T; 2]) {
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
    use std::result::Result;

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
