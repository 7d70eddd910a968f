use std::f64::consts::PI;

use nalgebra::Const;
use rand::RngExt;

use super::Generator;
use crate::batch::Batch;
use crate::error::{Result, require_weight};
use crate::numbers::scalar::Float;

/// How wide the sheet is, along the axis of the roll.
const WIDTH: f64 = 21.0;

/// Points on a rolled-up sheet. See [`swiss_roll`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SwissRoll<T> {
    /// x, y and z of each point: 3 × points.
    pub points: Batch<T, Const<3>>,
    /// Where each lies on the sheet: the angle in radians, from 1.5 π to 4.5 π, and the place along the
    /// axis, from 0 to 21. 2 × points.
    pub sheet: Batch<T, Const<2>>,
}

/// Points of a plane sheet that is rolled up in space: two numbers make three, and what is near in
/// space can be far on the sheet.
///
/// # Formula
/// (t cos t, w, t sin t) + noise · N(0, 1), with t = 1.5 π (1 + 2u), w = 21 v, and u and v uniform
/// in [0, 1).
///
/// # Shapes
/// 3 coordinates × points, of a length of about 10.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless `noise`, the standard deviation
/// of what is added to each coordinate, is finite and not negative.
///
/// # Example
/// ```
/// let roll = autoencoder::datasets::swiss_roll::<f64>(100, 0.0, 1)?;
/// let ([x, _, z], [angle, _]) = (roll.points.sample(7), roll.sheet.sample(7)) else { panic!() };
/// assert!((x.hypot(*z) - angle).abs() < 1e-12);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// J. Tenenbaum, V. de Silva, J. Langford (2000), A global geometric framework for nonlinear
/// dimensionality reduction. Numbers as in scikit-learn's `make_swiss_roll`.
pub fn swiss_roll<T: Float>(points: usize, noise: f64, seed: u64) -> Result<SwissRoll<T>> {
    require_weight("swiss_roll noise", noise)?;
    let drawn = (0..points).map(|point| {
        let mut rng = Generator::SwissRoll.sample(seed, point);
        let angle = 1.5 * PI * (1.0 + 2.0 * rng.random::<f64>());
        let along = WIDTH * rng.random::<f64>();
        let exact = [angle * libm::cos(angle), along, angle * libm::sin(angle)];
        let noisy = exact.map(|at| T::of(at + noise * f64::draw_normal(&mut rng)));
        (noisy, [T::of(angle), T::of(along)])
    });
    let (points, sheet): (Vec<_>, Vec<_>) = drawn.unzip();
    Ok(SwissRoll { points: points.into_iter().collect(), sheet: sheet.into_iter().collect() })
}
