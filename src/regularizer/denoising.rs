use super::Regularizer;
use crate::batch::BatchViewMut;
use crate::code::encoder::Encoder;
use crate::random::Streams;
use crate::regularizer::corruption::Corruption;

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

impl<E: Encoder, C: Corruption<E::Scalar>> Regularizer<E> for Denoising<C> {
    fn adds_to_parameters(&self) -> bool {
        false
    }

    fn corrupts(&self) -> bool {
        true
    }

    fn corrupt(&self, mut x: BatchViewMut<'_, E::Scalar, E::Input>, streams: Streams<'_>) {
        let features = x.features();
        for (column, sample) in x.as_mut_slice().chunks_exact_mut(features).enumerate() {
            self.corruption.corrupt(sample, &mut streams.sample(column));
        }
    }
}
