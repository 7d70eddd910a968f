use super::points::Points;
use super::{AnomalyScore, Numbers, Reconstructs, Reference, ScoreFor, Seen};
use crate::error::{Result, require_count};
use crate::layer::Part;
use crate::numbers::scalar::{Float, is_nan};

/// How far a sample lies from the nearest reconstructions of normal samples, squared.
///
/// A sample is odd if the decoder cannot make it, and also if the decoder could make it, but only from a
/// code that lies where no normal code does. This is one distance for both, in the units of the model's
/// inputs, normalized where the model has a normalizer: the decoder measures how far apart two codes are, so that it does not matter how the code is scaled or
/// bent. The reconstructions of normal samples are also less noisy than the samples themselves.
///
/// Of a conditional model the reconstructions are those of all conditions, so that a sample is not odd for coming
/// under a condition that is not its own.
///
/// Reference samples can be those that the model was trained on. A score takes one pass over all reconstructions,
/// which are kept twice.
///
/// # Formula
/// 1/k Σ ‖x − x̂ᵢ‖², over the k nearest x̂ᵢ of the reference
#[derive(Debug, Clone, PartialEq)]
pub struct NearestReconstruction {
    k: usize,
    reconstructions: Points,
}

/// What is refused.
const NAME: &str = "NearestReconstruction k";

impl NearestReconstruction {
    /// With the mean over the k ≥ 1 nearest; 1 is a good choice where normal samples are clean, more where
    /// anomalies may hide among them.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(k: usize) -> Result<Self> {
        require_count(NAME, k)?;
        Ok(Self { k, reconstructions: Points::default() })
    }
}

impl<E: Part, M: Reconstructs> ScoreFor<E, M> for NearestReconstruction {}

impl<T: Float> AnomalyScore<T> for NearestReconstruction {
    fn describe(&self) -> String {
        format!("NearestReconstruction({})", self.k)
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        let values = reference.iter().flat_map(|seen| seen.reconstruction);
        let points = values.map(|y| y.to_double()).collect();
        self.reconstructions = Points::of_more_than(self.k, NAME, points, reference.features())?;
        Ok(())
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn scratch_len(&self, features: usize) -> usize {
        features + 2 * self.k
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], scratch: &mut [f64]) -> f64 {
        let (x, nearest) = scratch.split_at_mut(seen.x.len());
        x.iter_mut().zip(seen.x).for_each(|(to, x)| *to = x.to_double());
        features.fill(0.0);
        let room = &mut nearest[..2 * self.k];
        for (_, y) in self.reconstructions.by_squares(x, seen.place, room) {
            for ((to, &x), y) in features.iter_mut().zip(&*x).zip(y) {
                *to += if is_nan(x) { 0.0 } else { (x - y).powi(2) / self.k as f64 };
            }
        }
        let scale = seen.scale();
        features.iter_mut().for_each(|part| *part *= scale);
        features.iter().sum()
    }

    fn numbers(&self) -> Numbers {
        Numbers::new().with("reconstructions", self.reconstructions.all())
    }

    fn restore(&mut self, numbers: &Numbers, features: usize, _: usize) -> Result<()> {
        let points = Points::list(numbers, "reconstructions", features)?;
        self.reconstructions = Points::of_more_than(self.k, NAME, points, features)?;
        Ok(())
    }
}
