//! One multivariate normal in double precision: what both densities are made of.

use nalgebra::{Cholesky, DMatrix};
use rand::Rng;

use crate::batch::size::Size;
use crate::batch::{Batch, BatchView, check_finite};
use crate::error::{Result, require};
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::{Float, sum, sum_pairs};
use crate::numbers::vector::fill_normal;

/// The least variance in any direction, as a share of the units' own variances, unless another is set.
pub(super) const VARIANCE_FLOOR: f64 = 1e-6;

/// Refuses a floor that rounding would swallow, or that is more than the variance itself.
pub(super) fn require_floor(name: &'static str, floor: f64) -> Result<()> {
    require((1e-12..=1.0).contains(&floor), name, floor, "from 1e-12 to 1")
}

/// Codes in double precision.
pub(super) fn in_double<T: Float, C: Size>(codes: &Batch<T, C>) -> Batch<f64, C> {
    let mut doubles = Batch::zeros(codes.size(), codes.samples());
    for (double, code) in doubles.as_mut_slice().iter_mut().zip(codes.as_slice()) {
        *double = code.to_double();
    }
    doubles
}

/// Draws codes one after the other, so that the first ones do not depend on how many there are; refuses
/// values that the number type cannot hold.
pub(super) fn draw_codes<T: Float, C: Size>(
    call: &'static str,
    size: C,
    samples: usize,
    mut draw: impl FnMut(&mut [f64]),
) -> Result<Batch<T, C>> {
    let mut codes = Batch::zeros(size, samples);
    let mut one = vec![0.0; size.value()];
    for code in codes.as_mut_slice().chunks_exact_mut(size.value().max(1)) {
        draw(&mut one);
        for (code, one) in code.iter_mut().zip(&one) {
            *code = T::of(*one);
        }
    }
    check_finite(call, size.value(), codes.view())?;
    Ok(codes)
}

/// What codes are like on the whole: the scale that floors are shares of.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    pub(super) mean: Vec<f64>,
    /// The variance of each unit; of one that never varies, the mean of all.
    pub(super) variances: Vec<f64>,
}

impl Spread {
    /// Refuses codes that are all the same, and variances that double precision cannot work with.
    pub(super) fn of<C: Size>(name: &'static str, codes: &Batch<f64, C>) -> Result<Self> {
        let share = vec![1.0; codes.samples()];
        let mean = weighted_mean(codes.view(), &share, codes.samples() as f64);
        let mut variances = weighted_variances(codes.view(), &mean, &share, codes.samples() as f64);
        // What is always the same differs from its mean by rounding.
        let first = codes.sample(0);
        for (unit, variance) in variances.iter_mut().enumerate() {
            if codes.iter().all(|code| code[unit] == first[unit]) {
                *variance = 0.0;
            }
        }
        let average = variances.iter().sum::<f64>() / variances.len() as f64;
        // No sum of squares overflows, and no share of a variance vanishes.
        let largest = f64::MAX / 16.0 / codes.as_slice().len() as f64;
        let is_scale = average >= 1e-100 && average <= largest;
        require(
            is_scale,
            name,
            average,
            "at least 1e-100 (codes that differ), and not near overflow",
        )?;
        let varies = |variance: f64| variance > average * 1e-200;
        variances.iter_mut().filter(|v| !varies(**v)).for_each(|v| *v = average);
        Ok(Self { mean, variances })
    }
}

/// Σ rᵢ xᵢ / Σ rᵢ, where the sum of r is given.
pub(super) fn weighted_mean(codes: BatchView<'_, f64>, r: &[f64], all: f64) -> Vec<f64> {
    let mut mean = vec![0.0; codes.features()];
    for (code, r) in codes.iter().zip(r) {
        for (mean, x) in mean.iter_mut().zip(code) {
            *mean += r * x;
        }
    }
    mean.iter_mut().for_each(|mean| *mean /= all);
    mean
}

/// Σ rᵢ (xᵢ − μ)² / Σ rᵢ, unit by unit.
pub(super) fn weighted_variances(
    codes: BatchView<'_, f64>,
    mean: &[f64],
    r: &[f64],
    all: f64,
) -> Vec<f64> {
    let mut variances = vec![0.0; codes.features()];
    for (code, r) in codes.iter().zip(r) {
        for ((variance, x), mean) in variances.iter_mut().zip(code).zip(mean) {
            *variance += r * (x - mean).powi(2);
        }
    }
    variances.iter_mut().for_each(|variance| *variance /= all);
    variances
}

/// Adds Σ rᵢ (xᵢ − μ)(xᵢ − μ)ᵀ to `scatter`.
pub(super) fn add_scatter(
    codes: BatchView<'_, f64>,
    mean: &[f64],
    r: &[f64],
    scatter: &mut DMatrix<f64>,
) {
    /// Codes whose products are taken together.
    const TOGETHER: usize = 1024;
    let units = codes.features();
    let mut roots = Vec::with_capacity(TOGETHER.min(codes.samples()) * units);
    for (codes, r) in codes.chunks(TOGETHER).zip(r.chunks(TOGETHER)) {
        roots.clear();
        for (code, r) in codes.iter().zip(r) {
            let root = r.sqrt();
            roots.extend(code.iter().zip(mean).map(|(x, mean)| root * (x - mean)));
        }
        let roots = Matrix::new(&roots, units, codes.samples());
        multiply(roots, roots.transposed(), 1.0, scatter.as_mut_slice());
    }
}

/// N(μ, Σ), with Σ full or diagonal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Normal {
    pub(super) mean: Vec<f64>,
    shape: Shape,
    /// ln of the density at the mean.
    log_peak: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// Σ = L Lᵀ; L and L⁻¹ are stored row by row.
    Full { covariance: DMatrix<f64>, factor: Vec<f64>, inverse: Vec<f64> },
    /// The variances.
    Diagonal(Vec<f64>),
}

impl Normal {
    /// With the covariance that is most likely among those that are at least floor · D in every
    /// direction, where D is the diagonal of the spread's variances.
    pub(super) fn full(
        mean: Vec<f64>,
        covariance: DMatrix<f64>,
        spread: &Spread,
        floor: f64,
    ) -> Self {
        let units = mean.len();
        let covariance = floored(covariance, &spread.variances, floor);
        // With a floor that rounding has eaten, a pivot of its size.
        let substitute = floor * spread.variances.iter().copied().fold(f64::INFINITY, f64::min);
        let lower = Cholesky::new_with_substitute(covariance.clone(), substitute)
            .map_or_else(|| diagonal_root(&spread.variances), |cholesky| cholesky.unpack());
        let mut inverse = DMatrix::identity(units, units);
        lower.solve_lower_triangular_mut(&mut inverse);
        let log_root: f64 = lower.diagonal().iter().map(|pivot| pivot.ln()).sum();
        let shape = Shape::Full {
            covariance,
            factor: lower.transpose().data.into(),
            inverse: inverse.transpose().data.into(),
        };
        Self { log_peak: log_peak(units, log_root), mean, shape }
    }

    /// With these variances, or floor · D where they are less.
    pub(super) fn diagonal(
        mean: Vec<f64>,
        variances: Vec<f64>,
        spread: &Spread,
        floor: f64,
    ) -> Self {
        let least = spread.variances.iter().map(|v| v * floor);
        let variances: Vec<f64> = variances.into_iter().zip(least).map(|(v, l)| v.max(l)).collect();
        let log_root = 0.5 * variances.iter().map(|v| v.ln()).sum::<f64>();
        Self { log_peak: log_peak(mean.len(), log_root), mean, shape: Shape::Diagonal(variances) }
    }

    /// The same around another mean.
    pub(super) fn around(&self, mean: Vec<f64>) -> Self {
        Self { mean, ..self.clone() }
    }

    pub(super) fn covariance(&self) -> DMatrix<f64> {
        match &self.shape {
            Shape::Full { covariance, .. } => covariance.clone(),
            Shape::Diagonal(variances) => diagonal_of(variances),
        }
    }

    /// ln N(x; μ, Σ). `difference` is memory for one code.
    pub(super) fn log_density(&self, x: &[f64], difference: &mut [f64]) -> f64 {
        for ((difference, x), mean) in difference.iter_mut().zip(x).zip(&self.mean) {
            *difference = x - mean;
        }
        let squares: f64 = match &self.shape {
            Shape::Full { inverse, .. } => {
                let rows = inverse.chunks_exact(self.mean.len()).enumerate();
                // (L⁻¹ (x − μ))ᵢ² for all i.
                rows.map(|(i, row)| dot(&row[..=i], &difference[..=i]).powi(2)).sum()
            }
            Shape::Diagonal(variances) => sum_pairs(
                difference,
                variances,
                #[inline(always)]
                |d, v| d * d / v,
            ),
        };
        // Farther than numbers go, where a sum may also be of infinities of both signs.
        if squares.is_finite() { self.log_peak - 0.5 * squares } else { f64::NEG_INFINITY }
    }

    /// Draws x = μ + L ε. `noise` is memory for one code.
    pub(super) fn draw(&self, x: &mut [f64], noise: &mut [f64], rng: &mut dyn Rng) {
        fill_normal(noise, rng);
        match &self.shape {
            Shape::Full { factor, .. } => {
                let rows = factor.chunks_exact(self.mean.len()).enumerate();
                for ((x, mean), (i, row)) in x.iter_mut().zip(&self.mean).zip(rows) {
                    *x = mean + dot(&row[..=i], &noise[..=i]);
                }
            }
            Shape::Diagonal(variances) => {
                let parts = self.mean.iter().zip(variances).zip(noise);
                for (x, ((mean, variance), noise)) in x.iter_mut().zip(parts) {
                    *x = mean + variance.sqrt() * *noise;
                }
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum_pairs(
        a,
        b,
        #[inline(always)]
        |a, b| a * b,
    )
}

/// ‖x‖, of numbers of any size.
pub(super) fn norm(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 {
        return 0.0;
    }
    let squares = sum(
        x,
        #[inline(always)]
        |x| (x / largest) * (x / largest),
    );
    largest * squares.sqrt()
}

/// −½ (d ln 2π + ln |Σ|), given ½ ln |Σ|.
fn log_peak(units: usize, log_root: f64) -> f64 {
    -0.5 * units as f64 * std::f64::consts::TAU.ln() - log_root
}

fn diagonal_of(variances: &[f64]) -> DMatrix<f64> {
    let mut matrix = DMatrix::zeros(variances.len(), variances.len());
    for (i, &variance) in variances.iter().enumerate() {
        matrix[(i, i)] = variance;
    }
    matrix
}

fn diagonal_root(variances: &[f64]) -> DMatrix<f64> {
    diagonal_of(&variances.iter().map(|v| v.sqrt()).collect::<Vec<_>>())
}

/// S, if S ⪰ floor · D; otherwise the Σ that maximizes −ln |Σ| − tr Σ⁻¹ S among all that are: with the
/// eigenvalues of D^(−½) S D^(−½) raised to the floor.
fn floored(mut s: DMatrix<f64>, d: &[f64], floor: f64) -> DMatrix<f64> {
    s.fill_upper_triangle_with_lower_triangle();
    let mut above = s.clone();
    for (i, d) in d.iter().enumerate() {
        above[(i, i)] -= floor * d;
    }
    if Cholesky::new(above).is_some() {
        return s;
    }
    let root = |i: usize| d[i].sqrt();
    let scaled = DMatrix::from_fn(d.len(), d.len(), |i, j| s[(i, j)] / root(i) / root(j));
    let mut eigen = scaled.symmetric_eigen();
    eigen.eigenvalues.iter_mut().for_each(|value| *value = value.max(floor));
    let mut raised = eigen.recompose();
    for j in 0..d.len() {
        for i in 0..d.len() {
            raised[(i, j)] *= root(i) * root(j);
        }
    }
    raised.fill_upper_triangle_with_lower_triangle();
    raised
}
