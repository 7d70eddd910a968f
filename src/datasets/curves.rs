use nalgebra::Const;
use rand::RngExt;

use super::Generator;
use crate::batch::Batch;
use crate::batch::size::Image;
use crate::numbers::scalar::Float;

/// Rows and columns.
const SIDE: usize = 28;
/// The points lie at least so far from the edges, in pixels, so that no curve leaves its image.
const MARGIN: f64 = 4.5;
/// The width of the pen: the standard deviation of its profile, in pixels.
const PEN: f64 = 0.7;
/// Straight pieces that a curve is drawn of.
const PIECES: usize = 48;

/// Images of curves. See [`curves`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Curves<T> {
    /// Images of one channel, 28 rows and 28 columns, each value in [0, 1]; the background is 0.
    pub images: Batch<T, Image<1, 28, 28>>,
    /// The three points behind each image, x and y of each in turn, in pixels from the upper left
    /// corner: 6 × images.
    pub points: Batch<T, Const<6>>,
}

/// Images of 28×28 pixels of curves through three random points: 784 numbers that follow from six.
///
/// # Formula
/// The curve is the parabola P(t) with P(0), P(½) and P(1) at the three points, which are drawn
/// uniformly from the image without a margin of 4.5 pixels. A pixel whose centre is d pixels away
/// from the curve is e^(−d² / 2·0.7²).
///
/// # Shapes
/// Images of 1 × 28 × 28 pixels, as their type says; the points, which are no image, are plain features.
///
/// # Example
/// ```
/// let curves = autoencoder::datasets::curves::<f32>(3, 1);
/// assert_eq!((curves.images.samples(), curves.points.features()), (3, 6));
/// // More images begin with the fewer.
/// assert_eq!(autoencoder::datasets::curves::<f32>(2, 1).images.sample(1), curves.images.sample(1));
/// ```
///
/// # References
/// After G. Hinton, R. Salakhutdinov (2006), Reducing the dimensionality of data with neural networks,
/// whose curves are of this kind but come from another program.
pub fn curves<T: Float>(images: usize, seed: u64) -> Curves<T> {
    let mut points = Batch::zeros(Const, images);
    let mut pixels = Batch::zeros(Image, images);
    let columns = points.as_mut_slice().chunks_exact_mut(6);
    let columns = columns.zip(pixels.as_mut_slice().chunks_exact_mut(SIDE * SIDE));
    for (image, (points, pixels)) in columns.enumerate() {
        let mut rng = Generator::Curves.sample(seed, image);
        let free = SIDE as f64 - 2.0 * MARGIN;
        let drawn: [[f64; 2]; 3] =
            std::array::from_fn(|_| std::array::from_fn(|_| MARGIN + free * rng.random::<f64>()));
        points.iter_mut().zip(drawn.as_flattened()).for_each(|(to, &at)| *to = T::of(at));
        let nodes: [[f64; 2]; PIECES + 1] =
            std::array::from_fn(|node| parabola(&drawn, node as f64 / PIECES as f64));
        for (pixel, to) in pixels.iter_mut().enumerate() {
            let centre = [(pixel % SIDE) as f64 + 0.5, (pixel / SIDE) as f64 + 0.5];
            let pieces = nodes.windows(2).map(|piece| squared_distance(centre, piece));
            let nearest = pieces.fold(f64::INFINITY, f64::min);
            *to = T::of(libm::exp(-nearest / (2.0 * PEN * PEN)));
        }
    }
    Curves { images: pixels, points }
}

/// The parabola through three points at t = 0, ½ and 1.
fn parabola(points: &[[f64; 2]; 3], t: f64) -> [f64; 2] {
    let weights = [(2.0 * t - 1.0) * (t - 1.0), 4.0 * t * (1.0 - t), t * (2.0 * t - 1.0)];
    std::array::from_fn(|axis| weights.iter().zip(points).map(|(w, p)| w * p[axis]).sum())
}

/// From a point to the nearest one of a straight piece.
fn squared_distance(point: [f64; 2], piece: &[[f64; 2]]) -> f64 {
    let along = [piece[1][0] - piece[0][0], piece[1][1] - piece[0][1]];
    let to = [point[0] - piece[0][0], point[1] - piece[0][1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = if length > 0.0 { (to[0] * along[0] + to[1] * along[1]) / length } else { 0.0 };
    let share = share.clamp(0.0, 1.0);
    let off = [to[0] - share * along[0], to[1] - share * along[1]];
    off[0] * off[0] + off[1] * off[1]
}
