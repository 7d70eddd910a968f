use crate::batch::{BatchView, check_finite};
use crate::error::{Result, require};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;

/// At most so many passes over the samples.
const PASSES: usize = 1000;
/// The sum of the unit vectors to all samples, a share of their number, below which a point is the median.
const TOLERANCE: f64 = 1e-10;

/// The point whose distances to all samples add up to the least: a centre that few far samples do not move. It is what the
/// pre-bias of a sparse dictionary begins with; of one feature it is a median.
///
/// Where many points are (an even number of samples on a line), it is one of them.
///
/// # Formula
/// argmin_y Σᵢ ‖xᵢ − y‖, by Weiszfeld's iteration y ← y + Σ wᵢ(xᵢ − y) / Σ wᵢ with wᵢ = 1/‖xᵢ − y‖, in double precision, from the
/// mean on. Where y is a sample of η copies, the others draw it away with max(0, 1 − η/‖R‖) of the step, R the sum of the
/// unit vectors to them; where steps shrink slowly it goes to the limit of their geometric series, if the sum is less there. It ends where ‖R‖ ≤ η, or where ‖R‖ is 10⁻¹⁰ of the number of samples, and after 1,000 passes at
/// the latest, of which samples that are not nearly on a line need tens; what the sum is above the least by falls at least as
/// 1/passes (Beck & Sabach).
///
/// # Shapes
/// One value a feature.
///
/// # Errors
/// [`Error::NoSamples`](crate::Error::NoSamples), [`Error::NotFinite`](crate::Error::NotFinite), and
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) where differences of values are not finite.
///
/// # Example
/// ```
/// use autoencoder::{Batch, metrics::geometric_median};
/// // Of the corners of a convex quadrilateral it is where the diagonals cross, however far one corner is.
/// let corners = Batch::from_iter([[0.0_f64, 0.0], [1.0, 0.0], [100.0, 100.0], [0.0, 1.0]]);
/// let median = geometric_median(corners.view())?;
/// assert!((median[0] - 0.5).abs() < 1e-8 && (median[1] - 0.5).abs() < 1e-8);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// E. Weiszfeld (1937), Sur le point pour lequel la somme des distances de n points donnés est minimum. Y. Vardi, C.-H. Zhang
/// (2000), The multivariate L1-median and associated data depth. A. Beck, S. Sabach (2015), Weiszfeld's method: old and new
/// results.
pub fn geometric_median<T: Float>(samples: BatchView<'_, T>) -> Result<Vec<T>> {
    check_finite("geometric_median", samples.features(), samples)?;
    let (centre, scale) = centre_and_scale(samples);
    let name = "the range of the values of geometric_median";
    require(scale.is_finite(), name, scale, "finite")?;
    let point = if scale > 0.0 { median(samples, centre, scale) } else { centre };
    Ok(point.into_iter().map(T::of).collect())
}

once! {
    /// The mean, and the largest difference of a value from it.
    fn centre_and_scale(samples: BatchView<'a, T>) -> (Vec<f64>, f64) = centre_and_scale_generic;
    fn median(samples: BatchView<'a, T>, start: Vec<f64>, scale: f64) -> Vec<f64> = median_generic;
}

fn centre_and_scale_generic<T: Float>(samples: BatchView<'_, T>) -> (Vec<f64>, f64) {
    let mut centre = vec![0.0; samples.features()];
    for (at, sample) in samples.iter().enumerate() {
        let share = 1.0 / (at + 1) as f64;
        centre.iter_mut().zip(sample).for_each(|(c, x)| *c += share * (x.to_double() - *c));
    }
    let mut scale = 0.0_f64;
    for sample in samples.iter() {
        for (c, x) in centre.iter().zip(sample) {
            let off = (x.to_double() - c).abs();
            // NaN and infinity stay.
            scale = if off <= scale { scale } else { off };
        }
    }
    (centre, scale)
}

/// What the samples do to a point. Distances are in units of the scale, so that no square is lost.
struct Pull {
    /// R = Σ (x − y)/‖x − y‖ over samples that are elsewhere.
    sum: Vec<f64>,
    /// ‖R‖.
    norm: f64,
    /// Σ 1/‖x − y‖ over them.
    weight: f64,
    /// Σ ‖x − y‖.
    distances: f64,
    /// How many samples are at the point.
    here: f64,
    /// The sample that is nearest.
    nearest: usize,
}

impl Pull {
    fn new<T: Float>(samples: BatchView<'_, T>, point: &[f64], scale: f64) -> Self {
        let sum = vec![0.0; point.len()];
        let mut pull = Self { sum, norm: 0.0, weight: 0.0, distances: 0.0, here: 0.0, nearest: 0 };
        let (mut off, mut least) = (vec![0.0; point.len()], f64::INFINITY);
        for (index, sample) in samples.iter().enumerate() {
            for ((off, x), y) in off.iter_mut().zip(sample).zip(point) {
                *off = (x.to_double() - y) / scale;
            }
            let distance = off.iter().map(|off| off * off).sum::<f64>().sqrt();
            if distance < least {
                (least, pull.nearest) = (distance, index);
            }
            if distance > 0.0 {
                let weight = 1.0 / distance;
                pull.weight += weight;
                pull.distances += distance;
                pull.sum.iter_mut().zip(&off).for_each(|(sum, off)| *sum += weight * off);
            } else {
                pull.here += 1.0;
            }
        }
        pull.norm = norm(&pull.sum);
        pull
    }

    /// The step from here.
    fn step(&self) -> Vec<f64> {
        let length = (1.0 - self.here / self.norm).max(0.0) / self.weight;
        self.sum.iter().map(|sum| length * sum).collect()
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn median_generic<T: Float>(samples: BatchView<'_, T>, start: Vec<f64>, scale: f64) -> Vec<f64> {
    let least = TOLERANCE * samples.samples() as f64;
    let moved = |point: &[f64], step: &[f64], times: f64| -> Vec<f64> {
        point.iter().zip(step).map(|(y, step)| y + times * step * scale).collect()
    };
    let (mut point, mut looked_at, mut last) = (start, usize::MAX, Vec::new());
    let mut there = Pull::new(samples, &point, scale);
    for _ in 0..PASSES {
        if there.norm <= there.here.max(least) {
            break;
        }
        // Towards a sample that is the median the way grows long: so the nearest is asked, once.
        if there.here == 0.0 && there.nearest != looked_at {
            looked_at = there.nearest;
            let sample = samples.iter().nth(looked_at).unwrap_or_default();
            let sample: Vec<f64> = sample.iter().map(|x| x.to_double()).collect();
            let at_sample = Pull::new(samples, &sample, scale);
            if at_sample.norm <= at_sample.here {
                return sample;
            }
        }
        let step = there.step();
        // Beside a sample that nearly is, steps shrink as a geometric series: where that leads is tried.
        let along = step.iter().zip(&last).map(|(step, last)| step * last).sum::<f64>();
        let ratio = along / norm(&last).powi(2);
        if ratio > 0.5 && ratio < 1.0 {
            let far = moved(&point, &step, 1.0 / (1.0 - ratio));
            let from_there = Pull::new(samples, &far, scale);
            // Below rounding sums are alike.
            let is_below = from_there.distances <= there.distances * (1.0 + 1e-14);
            if is_below && from_there.norm < there.norm {
                (point, there, last) = (far, from_there, Vec::new());
                continue;
            }
        }
        let next = moved(&point, &step, 1.0);
        if next == point {
            break;
        }
        (point, last) = (next, step);
        there = Pull::new(samples, &point, scale);
    }
    point
}
