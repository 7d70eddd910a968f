use nalgebra::Dim;

use super::normal::norm;
use super::{Code, size_of};
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::error::{Result, require, require_size};
use crate::numbers::scalar::Float;

/// The sine of an angle below which two codes are taken as parallel.
const PARALLEL: f64 = 1e-6;

/// Codes on the straight line between two codes, in equal steps, both ends among them.
///
/// # Formula
/// (1 − t) a + t b for t = 0, 1/(steps − 1), …, 1.
///
/// # Shapes
/// Code × `steps`.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for less than two steps,
/// [`Error::NotFinite`](crate::Error::NotFinite) for a code (feature: the unit; sample 0: the first code, 1: the
/// second), [`Error::SizeMismatch`](crate::Error::SizeMismatch) for slices of other lengths than the code
/// has.
///
/// # Example
/// ```
/// use autoencoder::latent::interpolate;
/// let path = interpolate(&[0.0, 2.0], &[4.0, 0.0], 3)?;
/// assert_eq!(path.as_slice(), [0.0, 2.0, 2.0, 1.0, 4.0, 0.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn interpolate<T: Float, C: Size + Dim>(
    from: &(impl Code<T, C> + ?Sized),
    to: &(impl Code<T, C> + ?Sized),
    steps: usize,
) -> Result<Batch<T, C>> {
    let (from, to) = (from.features(), to.features());
    path("interpolate", "interpolate steps", (from, to), steps, linear)
}

/// Codes on the arc between two codes, in steps of equal angle, both ends among them.
///
/// Codes of many units that are drawn from a Gaussian N(0, I) have nearly all the same norm, √units; the
/// middle of a straight line between two of them is shorter by about √2, where there are next to no
/// codes, and a decoder has not learned what to make of it. The arc keeps the norm.
///
/// # Formula
/// With the angle ω between a and b, the direction is (sin((1 − t) ω) a/‖a‖ + sin(t ω) b/‖b‖) / sin ω, and
/// the norm is (1 − t) ‖a‖ + t ‖b‖. For codes of the same norm this is White's formula; for others, his
/// norms in between grow without bound as the codes become opposite.
///
/// Where one code is zero, or both are parallel or opposite (sin ω below 1e-6), there is no arc, and it is
/// the line of [`interpolate`].
///
/// # Shapes
/// Code × `steps`.
///
/// # Errors
/// As [`interpolate`].
///
/// # Example
/// ```
/// use autoencoder::latent::interpolate_spherically;
/// let arc = interpolate_spherically(&[2.0, 0.0], &[0.0, 2.0], 3)?;
/// let middle: &[f64] = arc.sample(1); // of the line it would be [1, 1]
/// assert!((middle[0] - 2.0_f64.sqrt()).abs() < 1e-15 && (middle[1] - 2.0_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// T. White (2016), Sampling generative networks. K. Shoemake (1985), Animating rotation with quaternion
/// curves.
pub fn interpolate_spherically<T: Float, C: Size + Dim>(
    from: &(impl Code<T, C> + ?Sized),
    to: &(impl Code<T, C> + ?Sized),
    steps: usize,
) -> Result<Batch<T, C>> {
    let (from, to) = (from.features(), to.features());
    let double = |code: &[T]| -> Vec<f64> { code.iter().map(|x| x.to_double()).collect() };
    let (from_norm, to_norm) = (norm(&double(from)), norm(&double(to)));
    let unit = |code: &[T], norm| -> Vec<f64> { double(code).iter().map(|x| x / norm).collect() };
    let (u, v) = (unit(from, from_norm), unit(to, to_norm));
    // Exact for small angles too, where the arc cosine of u · v is not.
    let zip = || u.iter().zip(&v);
    let apart = norm(&zip().map(|(u, v)| u - v).collect::<Vec<_>>());
    let together = norm(&zip().map(|(u, v)| u + v).collect::<Vec<_>>());
    let angle = 2.0 * apart.atan2(together);
    // NaN for a code that is zero.
    let has_arc = angle.sin() >= PARALLEL;
    let call = ("interpolate_spherically", "interpolate_spherically steps");
    path(call.0, call.1, (from, to), steps, |a, b, t| {
        if !has_arc {
            return linear(a, b, t);
        }
        let norm = (1.0 - t) * from_norm + t * to_norm;
        let (a, b) = (a / from_norm, b / to_norm);
        (((1.0 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin() * norm
    })
}

fn linear(a: f64, b: f64, t: f64) -> f64 {
    (1.0 - t) * a + t * b
}

/// The ends as they are, and between them what `between` makes of their units.
fn path<T: Float, C: Size + Dim>(
    call: &'static str,
    steps_name: &'static str,
    (from, to): (&[T], &[T]),
    steps: usize,
    between: impl Fn(f64, f64, f64) -> f64,
) -> Result<Batch<T, C>> {
    let size: C = size_of(call, from)?;
    require_size(call, "code units", from.len(), to.len())?;
    size_of::<T, C>(call, to).map_err(|error| error.in_samples_from(1))?;
    require(steps >= 2, steps_name, steps as f64, "at least 2")?;
    let mut codes = Batch::zeros(size, steps);
    for (step, code) in codes.as_mut_slice().chunks_exact_mut(from.len()).enumerate() {
        let t = step as f64 / (steps - 1) as f64;
        for ((code, &a), &b) in code.iter_mut().zip(from).zip(to) {
            *code = if step == 0 {
                a
            } else if step == steps - 1 {
                b
            } else {
                T::of(between(a.to_double(), b.to_double(), t))
            };
        }
    }
    Ok(codes)
}
