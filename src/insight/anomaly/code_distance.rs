use nalgebra::{Cholesky, DMatrix};

use super::{AnomalyScore, Numbers, Reference, ScoreFor, Seen};
use crate::error::{Result, require};
use crate::layer::Part;
use crate::numbers::scalar::Float;

/// The share of the mean variance that is added to every variance, against rounding.
const JITTER: f64 = 1e-10;

/// How far the code lies from normal codes: the squared Mahalanobis distance from their mean.
///
/// The covariance is shrunk towards a multiple of the identity as far as Ledoit and Wolf's estimate of
/// its error asks for, so that fewer samples than code units, and units that are always the same, do no
/// harm. Nothing of the score is any column's own; [`explain`](super::AnomalyDetector::explain) finds by
/// exchange which columns moved the code.
///
/// # Formula
/// (z − z̄)ᵀ Σ⁻¹ (z − z̄), Σ = (1 − δ) S + δ tr(S)/d I, with δ = min(1, b²/d²) of the paper
///
/// # References
/// O. Ledoit, M. Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CodeDistance {
    mean: Vec<f64>,
    /// The lower Cholesky factor of the covariance, row by row.
    factor: Vec<f64>,
}

impl CodeDistance {
    /// Not fitted yet.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The mean of rows of `d` values and their shrunk covariance.
fn shrunk_covariance(rows: &[f64], d: usize) -> (Vec<f64>, DMatrix<f64>) {
    let n = (rows.len() / d) as f64;
    let mut mean = vec![0.0; d];
    for row in rows.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(mean, z)| *mean += z / n);
    }
    let centred = DMatrix::from_fn(d, rows.len() / d, |i, k| rows[k * d + i] - mean[i]);
    let s = &centred * centred.transpose() / n;
    let average = s.trace() / d as f64;
    // The paper's d², the distance of S from the target, and b², its expected error; each over d.
    let mut target = s.clone();
    target.fill_diagonal(0.0);
    let off_diagonal = target.norm_squared();
    let diagonal = s.diagonal().iter().map(|v| (v - average).powi(2)).sum::<f64>();
    let distance = off_diagonal + diagonal;
    let fourth = centred.column_iter().map(|z| z.norm_squared().powi(2)).sum::<f64>() / n;
    let error = ((fourth - s.norm_squared()) / n).max(0.0);
    let shrinkage = if distance > error { error / distance } else { 1.0 };
    let mut covariance = s * (1.0 - shrinkage);
    for i in 0..d {
        covariance[(i, i)] += (shrinkage + JITTER) * average;
    }
    (mean, covariance)
}

/// For any model: of a classifier too.
impl<E: Part, M> ScoreFor<E, M> for CodeDistance {}

impl<T: Float> AnomalyScore<T> for CodeDistance {
    fn describe(&self) -> String {
        "CodeDistance".to_owned()
    }

    fn needs_reconstruction(&self) -> bool {
        false
    }

    /// A code is one of the whole sample: nothing is scaled.
    fn skips_missing(&self) -> bool {
        true
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        let samples = reference.samples();
        let name = "reference samples of CodeDistance";
        require(samples >= 2, name, samples as f64, "at least 2")?;
        let d = reference.code_units();
        let codes = reference.iter().flat_map(|seen| seen.code).map(|z| z.to_double());
        let (mean, covariance) = shrunk_covariance(&codes.collect::<Vec<_>>(), d);
        let variance = covariance.trace();
        require(variance.is_finite(), "CodeDistance variance of the codes", variance, "finite")?;
        // Codes that are all the same have no covariance; distances are then Euclidean.
        let factor = Cholesky::new(covariance).map_or(DMatrix::identity(d, d), |c| c.unpack());
        self.factor = factor.transpose().as_slice().to_vec();
        self.mean = mean;
        Ok(())
    }

    fn scratch_len(&self, _: usize) -> usize {
        self.mean.len()
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], scratch: &mut [f64]) -> f64 {
        features.fill(0.0);
        let d = self.mean.len();
        // L y = z − z̄, from the top.
        for (i, row) in self.factor.chunks_exact(d.max(1)).enumerate() {
            let (known, rest) = scratch.split_at_mut(i);
            let below: f64 = row.iter().zip(&*known).map(|(l, y)| l * y).sum();
            rest[0] = (seen.code[i].to_double() - self.mean[i] - below) / row[i];
        }
        scratch[..d].iter().map(|y| y * y).sum()
    }

    fn numbers(&self) -> Numbers {
        Numbers::new().with("mean", &self.mean[..]).with("factor", &self.factor[..])
    }

    fn restore(&mut self, numbers: &Numbers, _: usize, code_units: usize) -> Result<()> {
        let mean = numbers.exactly("mean", code_units)?;
        let factor = numbers.exactly("factor", code_units * code_units)?;
        for &diagonal in factor.iter().step_by(code_units + 1) {
            let valid = diagonal > 0.0 && diagonal.is_finite();
            let requirement = "finite and greater than 0";
            require(valid, "CodeDistance factor's diagonal", diagonal, requirement)?;
        }
        (self.mean, self.factor) = (mean.to_vec(), factor.to_vec());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By scikit-learn 1.9:
    /// ```python
    /// import numpy as np; from sklearn.covariance import ledoit_wolf
    /// x = np.array([[(7*i + 3*j*j + i*i*j) % 11 for j in range(3)] for i in range(6)], float)
    /// s, delta = ledoit_wolf(x); print(delta, s)
    /// ```
    #[test]
    fn the_covariance_is_shrunk_as_scikit_learn_shrinks_it() {
        let rows: Vec<f64> = (0..6_u32)
            .flat_map(|i| (0..3).map(move |j| f64::from((7 * i + 3 * j * j + i * i * j) % 11)))
            .collect();
        let (_, found) = shrunk_covariance(&rows, 3);
        for i in 0..3 {
            for j in 0..3 {
                assert!((found[(i, j)] - EXPECTED[i][j]).abs() < 1e-8, "{found}");
            }
        }
    }

    const EXPECTED: [[f64; 3]; 3] = [
        [12.124_707_301_162_925, -3.126_580_573_720_206, 2.496_921_985_957_109],
        [-3.126_580_573_720_206, 13.340_599_746_498_562, -2.149_524_144_432_642],
        [2.496_921_985_957_109, -2.149_524_144_432_642, 12.645_804_063_449_628],
    ];
}
