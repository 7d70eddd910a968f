use super::{AnomalyScore, Numbers, Reconstructs, Reference, ScoreFor, Seen};
use crate::error::{Result, require, require_count};
use crate::layer::Part;
use crate::numbers::scalar::{Float, sum_pairs};

/// How far a sample lies from the nearest reconstructions of normal samples, squared.
///
/// A sample is odd if the decoder cannot make it, and also if the decoder could make it, but only from a
/// code that lies where no normal code does. This is one distance for both, in the units of the inputs:
/// the decoder measures how far apart two codes are, so that it does not matter how the code is scaled or
/// bent. The reconstructions of normal samples are also less noisy than the samples themselves.
///
/// Of a conditional model the reconstructions are those of all conditions, so that a sample is not odd for coming
/// under a condition that is not its own.
///
/// Reference samples can be those that the model was trained on. Time and memory of a score are those
/// of one pass over all reconstructions.
///
/// # Formula
/// 1/k Σ ‖x − x̂ᵢ‖², over the k nearest x̂ᵢ of the reference
#[derive(Debug, Clone, PartialEq)]
pub struct NearestReconstruction {
    k: usize,
    reconstructions: Vec<f64>,
}

impl NearestReconstruction {
    /// With the mean over the k ≥ 1 nearest; 1 is a good choice where normal samples are clean, more where
    /// anomalies may hide among them.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(k: usize) -> Result<Self> {
        require_count("NearestReconstruction k", k)?;
        Ok(Self { k, reconstructions: Vec::new() })
    }

    /// The least squared distances in ascending order, and which reconstructions they are to; one may be left out.
    fn find(&self, x: &[f64], left_out: Option<usize>, distances: &mut [f64], indices: &mut [f64]) {
        distances.fill(f64::INFINITY);
        indices.fill(0.0);
        for (index, y) in self.reconstructions.chunks_exact(x.len()).enumerate() {
            if left_out == Some(index) {
                continue;
            }
            let distance = sum_pairs(
                x,
                y,
                #[inline(always)]
                |x, y| (x - y) * (x - y),
            );
            if distance < distances[self.k - 1] {
                let at = distances.partition_point(|&other| other <= distance);
                distances[at..].rotate_right(1);
                indices[at..].rotate_right(1);
                (distances[at], indices[at]) = (distance, index as f64);
            }
        }
    }
}

impl<E: Part, M: Reconstructs> ScoreFor<E, M> for NearestReconstruction {}

impl<T: Float> AnomalyScore<T> for NearestReconstruction {
    fn describe(&self) -> String {
        format!("NearestReconstruction({})", self.k)
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        let is_enough = self.k < reference.samples();
        let requirement = "less than the number of reference samples";
        require(is_enough, "NearestReconstruction k", self.k as f64, requirement)?;
        let values = reference.iter().flat_map(|seen| seen.reconstruction);
        self.reconstructions = values.map(|y| y.to_double()).collect();
        Ok(())
    }

    fn scratch_len(&self, features: usize) -> usize {
        features + 2 * self.k
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], scratch: &mut [f64]) -> f64 {
        let d = seen.x.len();
        let (x, nearest) = scratch.split_at_mut(d);
        let (distances, indices) = nearest.split_at_mut(self.k);
        x.iter_mut().zip(seen.x).for_each(|(to, x)| *to = x.to_double());
        self.find(x, seen.place, distances, indices);
        features.fill(0.0);
        for &index in &*indices {
            let y = &self.reconstructions[index as usize * d..][..d];
            for ((to, x), y) in features.iter_mut().zip(&*x).zip(y) {
                *to += (x - y).powi(2) / self.k as f64;
            }
        }
        features.iter().sum()
    }

    fn numbers(&self) -> Numbers {
        Numbers::new().with("reconstructions", &self.reconstructions[..])
    }

    fn restore(&mut self, numbers: &Numbers, features: usize, _: usize) -> Result<()> {
        let values = numbers.list("reconstructions");
        let samples = values.len() / features.max(1);
        let values = numbers.exactly("reconstructions", samples * features)?;
        let requirement = "less than the number of reference samples";
        require(self.k < samples, "NearestReconstruction k", self.k as f64, requirement)?;
        self.reconstructions = values.to_vec();
        Ok(())
    }
}
