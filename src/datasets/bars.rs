use nalgebra::{Const, Dyn};
use rand::RngExt;

use super::{Generator, side_of};
use crate::batch::Batch;
use crate::error::{Result, require_fraction};
use crate::numbers::scalar::Scalar;

/// Images of bars. See [`bars`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Bars<T, const N: usize> {
    /// `N` pixels × images, row by row: 1 on a bar, 0 elsewhere.
    pub images: Batch<T, Const<N>>,
    /// Which bars each image has, 1 or 0: first each row from the top, then each column from the left.
    /// Twice the side × images.
    pub active: Batch<T, Dyn>,
}

/// Square images in which each row and each column is a bar with this probability, independently: a
/// code that finds the causes has one unit a bar.
///
/// # Formula
/// P(pixel = 1) = 1 − (1 − p)², as it lies on a row and on a column; an image has 2 · side · p bars on
/// average.
///
/// # Shapes
/// `N` pixels × images; `N` is a square, 64 and p = 1/8 in the paper.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless `N` is a square,
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a probability outside [0, 1].
///
/// # Example
/// ```
/// let bars = autoencoder::datasets::bars::<f32, 16>(10, 0.25, 1)?;
/// assert_eq!((bars.images.features(), bars.active.features()), (16, 8));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// P. Földiák (1990), Forming sparse representations by local anti-Hebbian learning.
pub fn bars<T: Scalar, const N: usize>(
    images: usize,
    probability: f64,
    seed: u64,
) -> Result<Bars<T, N>> {
    let side = side_of("bars", N)?;
    require_fraction("bars probability", probability)?;
    let mut active = Vec::with_capacity(images * 2 * side);
    let images = (0..images).map(|image| {
        let mut rng = Generator::Bars.sample(seed, image);
        let is_bar: Vec<bool> = (0..2 * side).map(|_| rng.random::<f64>() < probability).collect();
        let ink = |is_ink: bool| if is_ink { T::ONE } else { T::ZERO };
        active.extend(is_bar.iter().map(|&is_bar| ink(is_bar)));
        std::array::from_fn(|pixel| ink(is_bar[pixel / side] || is_bar[side + pixel % side]))
    });
    Ok(Bars { images: images.collect(), active: Batch::new(Dyn(2 * side), active)? })
}
