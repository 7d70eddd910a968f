//! What is drawn of a sample: which features are on, and how strong each is.

use std::f64::consts::FRAC_1_SQRT_2;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::hierarchy::Families;
use crate::datasets::Generator;
use crate::error::{Result, reserved};
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;
use crate::random::StreamRng;

/// Least variance that features have of their own beside what they share.
const OWN: f64 = 0.01;

/// Probabilities that fall with the rank as a power of it, from the greatest to the least.
pub(super) fn zipf(features: usize, exponent: f64, least: f64, greatest: f64) -> Vec<f64> {
    let power = |rank: usize| (rank as f64).powf(-exponent);
    let last = power(features);
    let share = |rank: usize| {
        if features == 1 { 1.0 } else { (power(rank) - last) / (1.0 - last) }
    };
    (1..=features).map(|rank| least + (greatest - least) * share(rank)).collect()
}

/// A Gaussian copula of low rank: features fire where zᵢ = fᵢ·ε + √(1 − ‖fᵢ‖²) ηᵢ is above a threshold.
#[derive(Debug)]
pub(super) struct Copula {
    rank: usize,
    /// fᵢ of all features, dimension by dimension, so that all are multiplied together.
    factor: Vec<f64>,
    /// √(1 − ‖fᵢ‖²).
    own: Vec<f64>,
    threshold: Vec<f64>,
}

impl Copula {
    pub(super) fn new(
        rank: usize,
        scale: f64,
        probabilities: &[f64],
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let len = rank.saturating_mul(probabilities.len());
        let mut factor: Vec<f64> = reserved("the values of SyntheticFeatures correlation", len)?;
        factor.extend((0..len).map(|_| scale * f64::draw_normal(rng)));
        let features = probabilities.len();
        let mut shared = vec![0.0; features];
        for dimension in factor.chunks_exact(features) {
            shared.iter_mut().zip(dimension).for_each(|(sum, f)| *sum += f * f);
        }
        let most = 1.0 - OWN;
        for dimension in factor.chunks_exact_mut(features) {
            for (f, &shared) in dimension.iter_mut().zip(&shared).filter(|(_, s)| **s > most) {
                *f *= (most / shared).sqrt();
            }
        }
        let own = shared.iter().map(|&shared| (1.0 - shared.min(most)).sqrt()).collect();
        let threshold = probabilities.iter().map(|&p| upper_quantile(p)).collect();
        Ok(Self { rank, factor, own, threshold })
    }

    /// The correlation of zᵢ and zⱼ.
    pub(super) fn correlation(&self, i: usize, j: usize) -> f64 {
        let products = self.factor.chunks_exact(self.own.len()).map(|f| f[i] * f[j]);
        if i == j { 1.0 } else { products.sum() }
    }

    /// F ε of all features.
    fn share(&self, rng: &mut StreamRng, to: &mut [f64]) {
        to.fill(0.0);
        for dimension in self.factor.chunks_exact(to.len()) {
            let epsilon = normal(rng);
            vectorize(
                #[inline(always)]
                || to.iter_mut().zip(dimension).for_each(|(z, f)| *z += epsilon * f),
            );
        }
    }
}

/// Draws from N(0, 1) as [`Float::draw_normal`] does, without asking which generator it is: there are many draws.
#[inline]
fn normal(rng: &mut StreamRng) -> f64 {
    StandardNormal.sample(rng)
}

/// Where the upper tail of N(0, 1) has this probability: halved down to neighbouring numbers.
fn upper_quantile(probability: f64) -> f64 {
    let (mut below, mut above) = (-40.0, 40.0);
    loop {
        let middle = 0.5 * (below + above);
        if middle <= below || middle >= above {
            return middle;
        }
        if 0.5 * libm::erfc(middle * FRAC_1_SQRT_2) > probability {
            below = middle;
        } else {
            above = middle;
        }
    }
}

/// All that is known of the features: drawn once, in double precision.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) seed: u64,
    pub(super) dimensions: usize,
    /// One a column.
    pub(super) directions: Vec<f64>,
    pub(super) bias: Vec<f64>,
    pub(super) wanted: Vec<f64>,
    pub(super) drawn: Vec<f64>,
    pub(super) means: Vec<f64>,
    pub(super) deviations: Vec<f64>,
    pub(super) families: Families,
    pub(super) is_scaled: bool,
    pub(super) copula: Option<Copula>,
}

/// What drawing needs room for; at the end a sample and its code.
#[derive(Debug)]
pub(super) struct Drawn {
    values: Vec<f64>,
    shared: Vec<f64>,
    /// The features that are on, in ascending order, and how strong each is.
    pub(super) code: Vec<(usize, f64)>,
    pub(super) sample: Vec<f64>,
}

impl Core {
    pub(super) fn features(&self) -> usize {
        self.wanted.len()
    }

    /// About what a sample costs, in multiply-adds.
    pub(super) fn cost(&self) -> usize {
        let rank = self.copula.as_ref().map_or(0, |copula| copula.rank);
        self.features().saturating_mul(rank + 16).saturating_add(16 * self.dimensions)
    }

    /// Room for a sample.
    pub(super) fn room(&self) -> Drawn {
        let shared = vec![0.0; self.copula.as_ref().map_or(0, |_| self.features())];
        let (values, sample) = (vec![0.0; self.features()], vec![0.0; self.dimensions]);
        Drawn { values, shared, code: Vec::new(), sample }
    }

    /// The sum of the values that all features have so many deviations above their means.
    pub(super) fn largest(&self, deviations: f64) -> f64 {
        let own = self.means.iter().zip(&self.deviations);
        let mut most: Vec<f64> = own.map(|(mean, of)| mean + deviations * of).collect();
        // Parents come before their children.
        for (parent, children) in self.families.children.iter().enumerate() {
            if self.is_scaled {
                let strength = most[parent] / self.means[parent];
                most[children.clone()].iter_mut().for_each(|value| *value *= strength);
            }
        }
        most.into_iter().sum()
    }

    /// Draws the code of the sample of this number.
    pub(super) fn draw_code(&self, index: usize, to: &mut Drawn) {
        let mut rng = Generator::SyntheticFeatures.sample(self.seed, index);
        let Drawn { values, shared, code, .. } = to;
        values.fill(0.0);
        code.clear();
        match &self.copula {
            None => {
                for (feature, &p) in self.drawn.iter().enumerate() {
                    if rng.random::<f64>() < p {
                        code.push((feature, 0.0));
                    }
                }
            }
            Some(copula) => {
                copula.share(&mut rng, shared);
                for (feature, &threshold) in copula.threshold.iter().enumerate() {
                    let own = copula.own[feature] * normal(&mut rng);
                    if shared[feature] + own > threshold {
                        code.push((feature, 0.0));
                    }
                }
            }
        }
        for &(feature, _) in &*code {
            let value = self.means[feature] + self.deviations[feature] * normal(&mut rng);
            values[feature] = value.max(0.0);
        }
        self.keep_order(values, &mut rng);
        code.retain_mut(|(feature, value)| {
            *value = values[*feature];
            *value > 0.0
        });
    }

    /// Children are off where their parent is, or another child that excludes them is on.
    fn keep_order(&self, values: &mut [f64], rng: &mut dyn Rng) {
        // Parents come before their children.
        for (parent, children) in self.families.children.iter().enumerate() {
            if children.is_empty() {
                continue;
            }
            // All children lie behind their parent.
            let (before, behind) = values.split_at_mut(children.start);
            let (of_parent, children) = (before[parent], &mut behind[..children.len()]);
            if of_parent <= 0.0 {
                children.fill(0.0);
                continue;
            }
            let on = children.iter().filter(|&&value| value > 0.0).count();
            if on > 1 && self.families.is_exclusive[parent] {
                let stays = rng.random_range(0..on);
                let those_on = children.iter_mut().filter(|value| **value > 0.0);
                let others = those_on.enumerate().filter(|&(place, _)| place != stays);
                others.for_each(|(_, value)| *value = 0.0);
            }
            if self.is_scaled {
                let strength = of_parent / self.means[parent];
                children.iter_mut().for_each(|value| *value *= strength);
            }
        }
    }

    /// Mixes the sample of the code that was drawn: b + Σ cᵢ dᵢ.
    pub(super) fn mix(&self, to: &mut Drawn) {
        to.sample.copy_from_slice(&self.bias);
        for &(feature, value) in &to.code {
            let direction = &self.directions[feature * self.dimensions..][..self.dimensions];
            to.sample.iter_mut().zip(direction).for_each(|(x, d)| *x += value * d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.norm.isf([0.4, 5e-4, 0.5, 0.975, 1e-12])`.
    #[test]
    fn thresholds_are_quantiles() {
        let expected = [
            (0.4, 0.2533471031357997),
            (5e-4, 3.2905267314918945),
            (0.5, 0.0),
            (0.975, -1.959963984540054),
            (1e-12, 7.034483825301131),
        ];
        for (p, expected) in expected {
            let found = upper_quantile(p);
            assert!((found - expected).abs() < 1e-13, "{p}: {found}, not {expected}");
        }
        assert!(upper_quantile(1.0) < -8.0); // below all that is ever drawn
    }

    #[test]
    fn zipf_probabilities_end_where_they_should() {
        let found = zipf(4, 0.5, 0.1, 0.7);
        // 1/√2, 1/√3, ½ between 1 and ½, so 2/√2 − 1 and 2/√3 − 1 of the way from 0.1 to 0.7.
        let expected = [
            0.7,
            0.1 + 0.6 * (2.0_f64.sqrt() - 1.0),
            0.1 + 0.6 * (2.0 / 3.0_f64.sqrt() - 1.0),
            0.1,
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found}, not {expected}");
        }
        assert!((zipf(1, 2.0, 0.1, 0.7)[0] - 0.7).abs() < 1e-15); // one feature is the first
    }
}
