use nalgebra::Dyn;
use rand::RngExt;

use super::Generator;
use crate::batch::Batch;
use crate::batch::size::{Image, Size};
use crate::error::{Result, require_fraction};
use crate::numbers::scalar::Float;

/// Images of bars. See [`bars`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Bars<T, const H: usize, const W: usize> {
    /// Images of one channel, `H` rows and `W` columns: 1 on a bar, 0 elsewhere.
    pub images: Batch<T, Image<1, H, W>>,
    /// Which bars each image has, 1 or 0: first each row from the top, then each column from the left.
    /// `H + W` × images.
    pub active: Batch<T, Dyn>,
}

/// Images in which each row and each column is a bar with this probability, independently: a code that
/// finds the causes has one unit a bar.
///
/// # Formula
/// P(pixel = 1) = 1 − (1 − p)², as it lies on a row and on a column; an image has (H + W) p bars on
/// average.
///
/// # Shapes
/// Images of 1 × `H` × `W` pixels; 8 × 8 and p = 1/8 in the paper.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a probability outside [0, 1].
///
/// # Example
/// ```
/// let bars = autoencoder::datasets::bars::<f32, 4, 4>(10, 0.25, 1)?;
/// assert_eq!((bars.images.features(), bars.active.features()), (16, 8));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// P. Földiák (1990), Forming sparse representations by local anti-Hebbian learning.
pub fn bars<T: Float, const H: usize, const W: usize>(
    images: usize,
    probability: f64,
    seed: u64,
) -> Result<Bars<T, H, W>> {
    require_fraction("bars probability", probability)?;
    let (size, bars) = (Image, Dyn(H.saturating_add(W)));
    let mut active = Vec::with_capacity(images.saturating_mul(bars.0));
    let mut pixels = Vec::with_capacity(images.saturating_mul(size.value()));
    for image in 0..images {
        let mut rng = Generator::Bars.sample(seed, image);
        let is_bar: Vec<bool> = (0..bars.0).map(|_| rng.random::<f64>() < probability).collect();
        let ink = |is_ink: bool| if is_ink { T::ONE } else { T::ZERO };
        active.extend(is_bar.iter().map(|&is_bar| ink(is_bar)));
        let (rows, columns) = is_bar.split_at(H);
        for is_row in rows {
            pixels.extend(columns.iter().map(|is_column| ink(*is_row || *is_column)));
        }
    }
    Ok(Bars { images: Batch::new(size, pixels)?, active: Batch::new(bars, active)? })
}
