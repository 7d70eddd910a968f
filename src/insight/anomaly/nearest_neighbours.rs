use super::points::{Points, size, square as squared};
use super::{AnomalyScore, Numbers, Reference, ScoreFor, Seen};
use crate::error::{Result, require_count};
use crate::layer::Part;
use crate::numbers::scalar::Float;

/// How far a sample lies from the nearest normal samples, in its own columns: what a model has to be better than.
///
/// Of a model it takes the normalizer only, so that it is for any, a classifier too. With
/// [`Standardize`](crate::data::Normalization::Standardize) each column counts in its deviations.
///
/// Reference samples can be those that the model was trained on. The search is exact: a score takes one pass over all
/// reference samples, which are kept twice. A sample of the reference is not its own neighbour where the
/// score is fitted, to the others in [`Both`](super::Both) say; given again, it is one like any other, and its distance 0.
///
/// | setting | meaning | default | range |
/// |---|---|---|---|
/// | [`new`](Self::new)'s k | how many of the nearest | none | 1 to the number of reference samples less one |
/// | [`by_sizes`](Self::by_sizes) | sums of absolute differences of columns (the distance of Manhattan) in place of Euclidean ones: less weight on a column that is off by far | Euclidean | |
///
/// k = 1 is for normal samples that lie in groups, small or thin, and are clean; a k of 5 or more is steadier where
/// normal samples are noisy, or anomalies may hide among them.
///
/// # Formula
/// 1/k Σ ‖x − xᵢ‖, over the k nearest xᵢ of the reference. Of a sample with missing values only the others count, and the
/// squares are scaled up to all of them; a missing value of the reference is its column's mean there, and a column that is
/// missing in all of the reference is refused, by its name
///
/// # Example
/// ```
/// use autoencoder::activation::Identity;
/// use autoencoder::anomaly::{AnomalyDetector, NearestNeighbours};
/// use autoencoder::nalgebra::Const;
/// use autoencoder::{AutoEncoder, Batch, Dense};
///
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<2, 1>::new(Identity))
///     .decoder(Dense::<1, 2>::new(Identity))
///     .build::<f64>()?;
/// let normal = Batch::new(Const::<2>, vec![0.0, 0.0, 4.0, 0.0, 0.0, 9.0])?;
/// let detector = AnomalyDetector::fit(model, NearestNeighbours::new(2)?, &normal)?;
/// assert_eq!(detector.score_one(&[4.0, 3.0])?, 4.0); // 3 from one, 5 from another
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// S. Ramaswamy, R. Rastogi, K. Shim, 2000, *Efficient algorithms for mining outliers from large data sets*;
/// F. Angiulli, C. Pizzuti, 2002, *Fast outlier detection in high dimensional spaces* (the sum over k).
#[derive(Debug, Clone, PartialEq)]
pub struct NearestNeighbours {
    k: usize,
    is_by_sizes: bool,
    samples: Points,
}

/// What is refused.
const NAME: &str = "NearestNeighbours k";

impl NearestNeighbours {
    /// With the mean distance to the k ≥ 1 nearest.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(k: usize) -> Result<Self> {
        require_count(NAME, k)?;
        Ok(Self { k, is_by_sizes: false, samples: Points::default() })
    }

    /// By sums of absolute differences.
    pub fn by_sizes(self) -> Self {
        Self { is_by_sizes: true, ..self }
    }
}

/// For any model: of a classifier too.
impl<E: Part, M> ScoreFor<E, M> for NearestNeighbours {}

impl<T: Float> AnomalyScore<T> for NearestNeighbours {
    fn describe(&self) -> String {
        let distance = if self.is_by_sizes { ", by sizes" } else { "" };
        format!("NearestNeighbours({}{distance})", self.k)
    }

    fn needs_reconstruction(&self) -> bool {
        false
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        let values = reference.iter().flat_map(|seen| seen.x);
        let points = values.map(|x| x.to_double()).collect();
        self.samples = Points::of_more_than(self.k, NAME, points, reference.features())?;
        Ok(())
    }

    fn scratch_len(&self, features: usize) -> usize {
        features + 2 * self.k
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], scratch: &mut [f64]) -> f64 {
        let (x, nearest) = scratch.split_at_mut(seen.x.len());
        x.iter_mut().zip(seen.x).for_each(|(to, x)| *to = x.to_double());
        let room = &mut nearest[..2 * self.k];
        let share = 1.0 / self.k as f64;
        features.fill(0.0);
        if self.is_by_sizes {
            let share = share * seen.scale();
            for (_, y) in self.samples.by_sizes(x, seen.place, room) {
                for ((to, &x), &y) in features.iter_mut().zip(&*x).zip(y) {
                    *to += share * size(x, y);
                }
            }
        } else {
            for (square, y) in self.samples.by_squares(x, seen.place, room) {
                if square > 0.0 {
                    let share = share * seen.scale().sqrt() / square.sqrt();
                    for ((to, &x), &y) in features.iter_mut().zip(&*x).zip(y) {
                        *to += share * squared(x, y);
                    }
                }
            }
        }
        features.iter().sum()
    }

    fn numbers(&self) -> Numbers {
        Numbers::new().with("samples", self.samples.all())
    }

    fn restore(&mut self, numbers: &Numbers, features: usize, _: usize) -> Result<()> {
        let points = Points::list(numbers, "samples", features)?;
        self.samples = Points::of_more_than(self.k, NAME, points, features)?;
        Ok(())
    }
}
