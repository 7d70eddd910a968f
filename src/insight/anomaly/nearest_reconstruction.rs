use std::iter::repeat;

use super::{AnomalyScore, Numbers, Reconstructs, Reference, ScoreFor, Seen};
use crate::error::{Result, require, require_count};
use crate::layer::Part;
use crate::numbers::scalar::{Float, is_nan, sum_pairs};
use crate::numbers::vector::vectorize;

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
    reconstructions: Vec<f64>,
    /// The same in blocks of [`BLOCK`], feature by feature, the last filled up with ∞.
    blocks: Vec<f64>,
}

impl NearestReconstruction {
    /// With the mean over the k ≥ 1 nearest; 1 is a good choice where normal samples are clean, more where
    /// anomalies may hide among them.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(k: usize) -> Result<Self> {
        require_count("NearestReconstruction k", k)?;
        Ok(Self { k, reconstructions: Vec::new(), blocks: Vec::new() })
    }

    /// With the reconstructions of the reference samples, one after the other.
    fn keep(&mut self, reconstructions: Vec<f64>, features: usize) {
        let samples = reconstructions.len() / features.max(1);
        self.blocks = Vec::with_capacity(samples.next_multiple_of(BLOCK) * features);
        for block in reconstructions.chunks(BLOCK * features.max(1)) {
            for feature in 0..features {
                let of_feature = block[feature..].iter().step_by(features).copied();
                // Nothing is near a place that is not taken.
                self.blocks.extend(of_feature.chain(repeat(f64::INFINITY)).take(BLOCK));
            }
        }
        self.reconstructions = reconstructions;
    }

    /// The least squared distances in ascending order, and which reconstructions they are to; one may be left out.
    fn find(&self, x: &[f64], left_out: Option<usize>, distances: &mut [f64], indices: &mut [f64]) {
        let d = x.len();
        // More than what rounding can make of a sum of so many in another order.
        let slack = 1.0 + 4.0 * d as f64 * f64::EPSILON;
        distances.fill(f64::INFINITY);
        indices.fill(0.0);
        let mut squares = [0.0; BLOCK];
        for (block, columns) in self.blocks.chunks_exact(BLOCK * d.max(1)).enumerate() {
            let limit = distances[self.k - 1] * slack;
            let is_near = squared_distances(x, columns, &mut squares, limit);
            if !is_near {
                continue;
            }
            let first = block * BLOCK;
            for (index, &square) in (first..).zip(&squares) {
                // A comparison with NaN is false, which makes a candidate.
                if square > limit || left_out == Some(index) {
                    continue;
                }
                let Some(y) = self.reconstructions.get(index * d..(index + 1) * d) else { break };
                let distance = sum_pairs(
                    x,
                    y,
                    #[inline(always)]
                    |x, y| {
                        let squared = (x - y) * (x - y);
                        if is_nan(x) { 0.0 } else { squared }
                    },
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
}

/// Reconstructions whose distances are taken together: the first feature of each, then the second, and so on.
const BLOCK: usize = 32;

/// The squared distances from x of a block of reconstructions, and whether any is at most the limit.
fn squared_distances(x: &[f64], block: &[f64], squares: &mut [f64; BLOCK], limit: f64) -> bool {
    vectorize(
        #[inline(always)]
        || {
            let mut sums = [0.0; BLOCK];
            for (x, of_feature) in x.iter().zip(block.chunks_exact(BLOCK)) {
                // What is missing tells of no distance.
                if is_nan(*x) {
                    continue;
                }
                for (sum, y) in sums.iter_mut().zip(of_feature) {
                    *sum += (x - y) * (x - y);
                }
            }
            *squares = sums;
            // Counted without a branch; a comparison with NaN is false, which makes a candidate.
            let beyond: u32 = sums.iter().map(|&sum| u32::from(sum > limit)).sum();
            beyond as usize != BLOCK
        },
    )
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
        self.keep(values.map(|y| y.to_double()).collect(), reference.features());
        Ok(())
    }

    fn skips_missing(&self) -> bool {
        true
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
            for ((to, &x), y) in features.iter_mut().zip(&*x).zip(y) {
                *to += if is_nan(x) { 0.0 } else { (x - y).powi(2) / self.k as f64 };
            }
        }
        let scale = seen.scale();
        features.iter_mut().for_each(|part| *part *= scale);
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
        self.keep(values.to_vec(), features);
        Ok(())
    }
}
