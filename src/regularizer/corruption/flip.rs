use rand::{Rng, RngExt};

use super::{Corruption, require_images};
use crate::batch::size::{ImageSize, Shape};
use crate::code::Facts;
use crate::error::{Result, require_fraction};
use crate::numbers::scalar::Float;

/// Mirrors an image, all of its channels alike, with a given probability.
///
/// # Shapes
/// Samples of the image's size, channel by channel, which they keep. Other samples are refused when a model is built:
/// images of other sides, rows exchanged for columns among them, and plain features of another number, with
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch); windows, whose values lie in another order, with
/// [`Error::Unfit`](crate::Error::Unfit). Plain features of the same number are taken to be such images.
///
/// # Example
/// ```
/// use autoencoder::{Augment, corruption::Flip, size::Image};
/// let left_for_right = Augment::new(Flip::horizontal(Image::<3, 32, 32>));
/// let always_upside_down = Flip::vertical(Image::<3, 32, 32>).probability(1.0)?;
/// # let _ = (left_for_right, always_upside_down);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip {
    shape: Shape,
    is_horizontal: bool,
    probability: f64,
}

impl Flip {
    /// Left for right: each row is turned round.
    pub fn horizontal(size: impl ImageSize) -> Self {
        Self { shape: size.shape(), is_horizontal: true, probability: 0.5 }
    }

    /// Upside down: the last row becomes the first.
    pub fn vertical(size: impl ImageSize) -> Self {
        Self { is_horizontal: false, ..Self::horizontal(size) }
    }

    /// With another probability, in [0, 1]. Default: 0.5.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn probability(self, probability: f64) -> Result<Self> {
        require_fraction("Flip probability", probability)?;
        Ok(Self { probability, ..self })
    }
}

impl<T: Float> Corruption<T> for Flip {
    fn describe(&self) -> String {
        let Self { shape, is_horizontal, probability } = self;
        let way = if *is_horizontal { "horizontal" } else { "vertical" };
        format!("Flip {{ size: {shape}, way: {way}, probability: {probability:?} }}")
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_images("Flip", self.shape, facts)
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        if rng.random::<f64>() >= self.probability {
            return;
        }
        let Shape { height, width, .. } = self.shape;
        if self.is_horizontal {
            sample.chunks_exact_mut(width.max(1)).for_each(<[T]>::reverse);
            return;
        }
        for plane in sample.chunks_exact_mut((height * width).max(1)) {
            let (upper, lower) = plane.split_at_mut(height / 2 * width);
            let lower = lower.chunks_exact_mut(width).rev();
            for (above, below) in upper.chunks_exact_mut(width).zip(lower) {
                above.swap_with_slice(below);
            }
        }
    }
}
