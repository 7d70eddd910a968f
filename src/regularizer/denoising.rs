use super::corruption::{Corruption, each_corrupted};
use super::{Across, Corrupts, Needs, Regularizer, SuitedTo};
use crate::batch::BatchViewMut;
use crate::code::Facts;
use crate::data::Normalizer;
use crate::error::Result;
use crate::layer::Part;
use crate::numbers::scalar::Float;
use crate::random::Streams;

/// Shows the encoder a corrupted input, while the loss compares with the clean one.
///
/// The corruption is new at every visit of a sample, and only in training.
///
/// # Example
/// ```
/// use autoencoder::{Denoising, corruption::{Gaussian, Masking}};
/// let lost_pixels = Denoising::new(Masking::new(0.3)?);
/// let noise_then_lost = Denoising::new((Gaussian::new(0.1)?, Masking::new(0.3)?));
/// # let _ = (lost_pixels, noise_then_lost);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol (2008), Extracting and composing robust
/// features with denoising autoencoders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Denoising<C> {
    corruption: C,
}

impl<C> Denoising<C> {
    /// With a corruption, or a tuple of them for one after the other.
    pub fn new(corruption: C) -> Self {
        Self { corruption }
    }
}

impl<E: Part, C> SuitedTo<E> for Denoising<C> {}

impl<T: Float, C: Corruption<T> + Clone + 'static> Regularizer<T> for Denoising<C> {
    fn describe(&self) -> String {
        format!("Denoising {{ corruption: {} }}", self.corruption.describe())
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        let makes_missing = self.corruption.makes_missing();
        Needs {
            corrupts: Corrupts::Input,
            makes_missing,
            takes_pairs: true,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        self.corruption.check(facts)
    }

    fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        self.corruption.check_normalizer(normalizer)
    }

    fn corrupt(&self, x: BatchViewMut<'_, T>, streams: Streams<'_>) {
        each_corrupted(&self.corruption, x, streams);
    }
}
