use nalgebra::{Const, Dim};
use rand::RngExt;

use super::{Generator, side_of};
use crate::batch::Batch;
use crate::batch::check_finite;
use crate::error::{Result, require};
use crate::numbers::scalar::Scalar;

/// Squares at random places of square images.
///
/// # Shapes
/// The images are side² pixels × images, row by row; the patches `N` pixels × patches, row by row.
/// Both are squares, for instance 300² = 90,000 and 8² = 64.
///
/// # Errors
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless both are squares,
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if a patch is larger than an image,
/// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::NotFinite`](crate::Error::NotFinite) for the
/// images.
///
/// # Example
/// ```
/// use autoencoder::{Batch, datasets::patches, nalgebra::Const};
/// let image = Batch::new(Const::<9>, (0..9).map(f64::from).collect())?;
/// for patch in patches::<f64, _, 4>(&image, 5, 1)?.iter() {
///     assert_eq!([patch[1] - patch[0], patch[2] - patch[0]], [1.0, 3.0]);
/// }
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn patches<T: Scalar, R: Dim, const N: usize>(
    images: &Batch<T, R>,
    patches: usize,
    seed: u64,
) -> Result<Batch<T, Const<N>>> {
    let (patch, image) = (side_of("patches", N)?, side_of("images of patches", images.features())?);
    let fits = 1 <= patch && patch <= image;
    require(fits, "patches side", patch as f64, "at least 1, and at most that of the images")?;
    check_finite("patches", images.dim(), images.view())?;
    let cut = (0..patches).map(|index| {
        let mut rng = Generator::Patches.sample(seed, index);
        let pixels = images.sample(rng.random_range(0..images.samples()));
        let corner: [usize; 2] = std::array::from_fn(|_| rng.random_range(0..=image - patch));
        std::array::from_fn(|at| pixels[(corner[0] + at / patch) * image + corner[1] + at % patch])
    });
    Ok(cut.collect())
}
