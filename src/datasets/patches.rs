use rand::RngExt;

use super::Generator;
use crate::batch::size::{Image, Shape, Size};
use crate::batch::{Batch, check_finite};
use crate::error::{Result, require, require_size};
use crate::numbers::scalar::Float;

/// Patches at random places of images.
///
/// # Shapes
/// The images are of one channel, of any size; plain features are taken for squares, row by row. The
/// patches are images of 1 × `H` × `W` pixels.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for images of more than one channel, and for plain
/// features whose number is no square,
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if a patch is larger than an image,
/// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::NotFinite`](crate::Error::NotFinite) for the
/// images.
///
/// # Example
/// ```
/// use autoencoder::{Batch, datasets::patches, size::Image};
/// let image = Batch::new(Image::<1, 3, 3>, (0..9).map(f64::from).collect())?;
/// for patch in patches::<f64, _, 2, 2>(&image, 5, 1)?.iter() {
///     assert_eq!([patch[1] - patch[0], patch[2] - patch[0]], [1.0, 3.0]);
/// }
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn patches<T: Float, R: Size, const H: usize, const W: usize>(
    images: &Batch<T, R>,
    patches: usize,
    seed: u64,
) -> Result<Batch<T, Image<1, H, W>>> {
    let (height, width) = sides(images.size())?;
    for (name, patch, image) in [("patches height", H, height), ("patches width", W, width)] {
        let fits = 1 <= patch && patch <= image;
        require(fits, name, patch as f64, "at least 1, and at most that of the images")?;
    }
    check_finite("patches", images.features(), images.view())?;
    let mut cut = Batch::zeros(Image, patches);
    for (index, patch) in cut.as_mut_slice().chunks_exact_mut(H * W).enumerate() {
        let mut rng = Generator::Patches.sample(seed, index);
        let pixels = images.sample(rng.random_range(0..images.samples()));
        let row = rng.random_range(0..=height - H);
        let column = rng.random_range(0..=width - W);
        let rows = pixels.chunks_exact(width).skip(row);
        for (to, from) in patch.chunks_exact_mut(W).zip(rows) {
            to.copy_from_slice(&from[column..][..W]);
        }
    }
    Ok(cut)
}

/// Rows and columns of images.
fn sides(size: impl Size) -> Result<(usize, usize)> {
    const CALL: &str = "images of patches";
    let Shape { channels, height, width } = size.shape();
    if (height, width) == (1, 1) {
        let side = channels.isqrt();
        require_size(CALL, "pixels (the square of a side)", side * side, channels)?;
        return Ok((side, side));
    }
    require_size(CALL, "channels", 1, channels)?;
    Ok((height, width))
}
