use std::ops::RangeInclusive;

use rand::RngExt;

use super::Generator;
use crate::batch::Batch;
use crate::batch::size::DynImage;
use crate::error::{Result, require, require_count};
use crate::numbers::scalar::Float;

/// Points of a pixel's side at which it is looked at; their mean is the pixel.
const POINTS: usize = 2;

/// Square images of discs of all sizes that hide each other, as leaves on the ground do: like natural
/// images they have edges, look alike at all scales, and their power falls as about 1/f².
///
/// # Formula
/// Discs fall from above until they hide everything. Their centres are uniform, their radii have the
/// density r⁻³ between the two ends of `radii`, in pixels, and each has one grey value, uniform
/// in [0, 1). A pixel is the mean at four points.
///
/// # Shapes
/// Images of 1 × side × side pixels. [`patches`](super::patches) cuts samples of a typed size out of them.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a side of 0 or above 4,096, and unless
/// the radii are finite, begin at ½ or above, and end at most at the side (or at 1, for a side of 1).
///
/// # Example
/// ```
/// use autoencoder::datasets::{dead_leaves, patches};
/// let images = dead_leaves::<f32>(2, 64, 1.0..=16.0, 1)?;
/// let patches = patches::<f32, _, 8, 8>(&images, 1000, 1)?;
/// assert_eq!((patches.features(), patches.samples()), (64, 1000));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Lee, D. Mumford, J. Huang (2001), Occlusion models for natural images: a statistical study of a
/// scale-invariant dead leaves model.
pub fn dead_leaves<T: Float>(
    images: usize,
    side: usize,
    radii: RangeInclusive<f64>,
    seed: u64,
) -> Result<Batch<T, DynImage>> {
    let (least, greatest) = (*radii.start(), *radii.end());
    require_count("dead_leaves side", side)?;
    require(side <= 4096, "dead_leaves side", side as f64, "at most 4096")?;
    let is_least = least >= 0.5 && least.is_finite();
    require(is_least, "dead_leaves least radius", least, "finite and at least 0.5")?;
    let is_greatest = greatest >= least && greatest <= side as f64;
    let requirement = "from the least radius to the side of the image";
    require(is_greatest, "dead_leaves greatest radius", greatest, requirement)?;

    let mut pixels = Vec::with_capacity(images.saturating_mul(side * side));
    for image in 0..images {
        let points =
            fallen(side, (least, greatest), &mut Generator::DeadLeaves.sample(seed, image));
        pixels.extend((0..side * side).map(|pixel| {
            let corner = (pixel / side * side * POINTS + pixel % side) * POINTS;
            let rows = (0..POINTS).map(|row| &points[corner + row * side * POINTS..][..POINTS]);
            let sum: f64 = rows.flatten().sum();
            T::of(sum / (POINTS * POINTS) as f64)
        }));
    }
    Batch::new(DynImage { channels: 1, height: side, width: side }, pixels)
}

/// The grey value of the uppermost disc at each point, of which there are [`POINTS`] times as many a
/// side as there are pixels.
fn fallen(
    side: usize,
    (least, greatest): (f64, f64),
    rng: &mut crate::random::StreamRng,
) -> Vec<f64> {
    let points = side * POINTS;
    let mut values = vec![f64::NAN; points * points]; // NaN: nothing is there yet
    let mut left = values.len();
    let (near, far) = (least.powi(-2), greatest.powi(-2));
    let reach = side as f64 + 2.0 * greatest;
    // From the uppermost disc downwards, so that the image is done once every point is hidden.
    while left > 0 {
        let radius = (near - (near - far) * rng.random::<f64>()).sqrt().recip();
        let centre: [f64; 2] = std::array::from_fn(|_| reach * rng.random::<f64>() - greatest);
        let value = rng.random::<f64>();
        let place = |point: usize| (point as f64 + 0.5) / POINTS as f64;
        let bounds = |centre: f64, reach: f64| {
            // Point k lies at (k + ½) / POINTS; what is below 0 becomes 0.
            let first = ((centre - reach) * POINTS as f64 - 0.5).ceil() as usize;
            let last = ((centre + reach) * POINTS as f64 - 0.5).floor() + 1.0;
            first..(last as usize).min(points)
        };
        for row in bounds(centre[1], radius) {
            let off = place(row) - centre[1];
            let half = (radius * radius - off * off).max(0.0).sqrt();
            for column in bounds(centre[0], half) {
                let at = &mut values[row * points + column];
                if at.is_nan() {
                    *at = value;
                    left -= 1;
                }
            }
        }
    }
    values
}
