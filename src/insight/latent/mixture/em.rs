use nalgebra::{DMatrix, Dyn};
use rand::Rng;

use super::start::k_means;
use super::{Covariances, MixtureOptions, Parts};
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::insight::latent::normal::{
    Normal, Spread, add_scatter, weighted_mean, weighted_variances,
};
use crate::numbers::parallel;

/// A component whose shares sum to less has lost all its codes.
const EMPTY: f64 = 1e-100;

/// The shares of every code in the components, and its ln p(z).
pub(super) fn expectation(
    parts: &Parts,
    codes: BatchView<'_, f64>,
    shares: BatchViewMut<'_, f64>,
    densities: &mut [f64],
) {
    let units = codes.features();
    let log_weights: Vec<f64> = parts.weights.iter().map(|weight| weight.ln()).collect();
    let column_cost = parts.weights.len() * (units * units + parallel::ELEMENT);
    let data = (codes, shares, densities);
    parallel::in_parts(codes.samples(), column_cost, data, |(codes, mut shares, densities)| {
        let mut difference = vec![0.0; units];
        let columns = shares.as_mut_slice().chunks_exact_mut(parts.weights.len());
        for ((code, shares), density) in codes.iter().zip(columns).zip(densities) {
            let joint = log_weights.iter().zip(&parts.components);
            for (share, (log_weight, component)) in shares.iter_mut().zip(joint) {
                *share = log_weight + component.log_density(code, &mut difference);
            }
            *density = normalize(shares, &parts.weights);
        }
    });
}

/// Shares from their logarithms, and the logarithm of the sum they are divided by.
fn normalize(shares: &mut [f64], weights: &[f64]) -> f64 {
    let largest = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        shares.copy_from_slice(weights);
        return largest;
    }
    shares.iter_mut().for_each(|share| *share = (*share - largest).exp());
    let all: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= all);
    largest + all.ln()
}

/// One fit of a mixture, from one start.
pub(super) struct Fit<'a> {
    pub(super) codes: BatchView<'a, f64>,
    pub(super) spread: &'a Spread,
    pub(super) options: &'a MixtureOptions,
}

impl Fit<'_> {
    /// The mixture, the mean log-likelihoods from the start on, and whether it has converged.
    pub(super) fn run(&self, components: usize, rng: &mut dyn Rng) -> (Parts, Vec<f64>, bool) {
        let samples = self.codes.samples();
        let mut parts = self.start(components, rng);
        let mut shares = Batch::zeros(Dyn(components), samples);
        let mut densities = vec![0.0; samples];
        let mut expectation = |parts: &Parts, shares: &mut Batch<f64, Dyn>| {
            expectation(parts, self.codes, shares.view_mut(), &mut densities);
            densities.iter().sum::<f64>() / samples as f64
        };
        let mut before = expectation(&parts, &mut shares);
        let mut log_likelihoods = vec![before];
        for _ in 0..self.options.max_iterations {
            self.maximize(&mut parts, &shares);
            let after = expectation(&parts, &mut shares);
            log_likelihoods.push(after);
            if after - before <= self.options.tolerance {
                return (parts, log_likelihoods, true);
            }
            before = after;
        }
        (parts, log_likelihoods, false)
    }

    /// The clusters of k-means, all with the covariance within clusters: one that has a single code is not
    /// caught at it.
    fn start(&self, components: usize, rng: &mut dyn Rng) -> Parts {
        let (centres, nearest) = k_means(self.codes, components, rng);
        let mut counts = vec![0.0; components];
        nearest.iter().for_each(|&index| counts[index] += 1.0);
        // Without a code at first, but not without a chance.
        let counts: Vec<f64> = counts.iter().map(|count: &f64| count.max(1.0)).collect();
        let all: f64 = counts.iter().sum();
        let within = |code: (&[f64], &usize)| -> Vec<f64> {
            code.0.iter().zip(&centres[*code.1]).map(|(x, centre)| x - centre).collect()
        };
        let differences: Vec<f64> = self.codes.iter().zip(&nearest).flat_map(within).collect();
        let differences = BatchView::new(&differences, self.codes.features());
        let ones = vec![1.0; self.codes.samples()];
        let zero = vec![0.0; self.codes.features()];
        let pooled = self.normal(zero, differences, &ones, self.codes.samples() as f64);
        Parts {
            weights: counts.iter().map(|count| count / all).collect(),
            components: centres.into_iter().map(|centre| pooled.around(centre)).collect(),
        }
    }

    /// Weights, means and covariances of the shares.
    fn maximize(&self, parts: &mut Parts, shares: &Batch<f64, Dyn>) {
        let count = parts.weights.len();
        let mut r = Vec::with_capacity(self.codes.samples());
        let all = parts.weights.iter_mut().zip(&mut parts.components).enumerate();
        for (k, (weight, component)) in all {
            r.clear();
            r.extend(shares.as_slice()[k..].iter().step_by(count));
            let sum: f64 = r.iter().sum();
            *weight = sum / self.codes.samples() as f64;
            if sum < EMPTY {
                continue;
            }
            let mean = weighted_mean(self.codes, &r, sum);
            *component = self.normal(mean, self.codes, &r, sum);
        }
        // Of shares that were rounded.
        let sum: f64 = parts.weights.iter().sum();
        parts.weights.iter_mut().for_each(|weight| *weight /= sum);
    }

    /// The most likely normal with this mean for so large shares of codes, whose sum is given.
    fn normal(&self, mean: Vec<f64>, codes: BatchView<'_, f64>, r: &[f64], sum: f64) -> Normal {
        let (spread, floor) = (self.spread, self.options.variance_floor);
        match self.options.covariances {
            Covariances::Full => {
                let mut scatter = DMatrix::zeros(mean.len(), mean.len());
                add_scatter(codes, &mean, r, &mut scatter);
                scatter /= sum;
                Normal::full(mean, scatter, spread, floor)
            }
            Covariances::Diagonal => {
                let variances = weighted_variances(codes, &mean, r, sum);
                Normal::diagonal(mean, variances, spread, floor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_without_codes_keeps_its_place_and_loses_its_weight() {
        let codes = Batch::from_iter([[0.0], [1.0], [3.0], [4.0]]);
        let spread = Spread::of("spread", &codes).unwrap();
        let options = &MixtureOptions::new();
        let fit = Fit { codes: codes.view(), spread: &spread, options };
        let at = |mean: f64| {
            let variance = DMatrix::from_element(1, 1, 0.01);
            Normal::full(vec![mean], variance, &spread, 1e-6)
        };
        let far = at(1000.0);
        let mut parts = Parts { weights: vec![0.5, 0.5], components: vec![at(2.0), far.clone()] };
        let mut shares = Batch::zeros(Dyn(2), 4);
        let mut densities = [0.0; 4];
        for _ in 0..2 {
            expectation(&parts, codes.view(), shares.view_mut(), &mut densities);
            assert!(densities.iter().all(|density| density.is_finite()));
            fit.maximize(&mut parts, &shares);
            assert_eq!(parts.weights, [1.0, 0.0]);
            assert_eq!(parts.components[1], far);
            // That of all codes: mean 2, variance (4 + 1 + 1 + 4) / 4.
            assert_eq!(parts.components[0].mean, [2.0]);
            assert_eq!(parts.components[0].covariance()[(0, 0)], 2.5);
        }
    }
}
