use nalgebra::Dim;
use rand::{Rng, RngExt};

use crate::scalar::log_sum_exp;
use crate::vector::{exp, fill_normal};
use crate::{BatchView, Scalar};

/// ln 2π.
pub(crate) const LN_TAU: f64 = 1.837_877_066_409_345_5;

/// Where log-variances are held, as those of a [`Gaussian`](crate::Gaussian) encoder are.
const CLAMP: (f64, f64) = (-30.0, 20.0);

/// The components of a mixture of Gaussians, one after the other; none stand for N(0, I).
#[derive(Debug, Clone, Copy)]
pub struct Components<'a, T> {
    /// Weights before their softmax; empty for equal ones.
    pub logits: &'a [T],
    /// The mean of each.
    pub means: &'a [T],
    /// ln σ² of each; they are held in [−30, 20].
    pub log_variances: &'a [T],
}

/// Where the gradient of [`Components`] goes; it is added to.
#[derive(Debug)]
pub struct ComponentsMut<'a, T> {
    /// Empty where the weights are.
    pub logits: &'a mut [T],
    /// The gradient at the means.
    pub means: &'a mut [T],
    /// The gradient at ln σ².
    pub log_variances: &'a mut [T],
}

/// Codes, and where they are not points but Gaussians, ln σ² of each unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codes<'a, T> {
    pub(crate) units: usize,
    pub(crate) means: &'a [T],
    pub(crate) log_variances: Option<&'a [T]>,
}

impl<'a, T: Scalar> Codes<'a, T> {
    pub(crate) fn drawn<C: Dim>(codes: BatchView<'a, T, C>) -> Self {
        Self { units: codes.features(), means: codes.as_slice(), log_variances: None }
    }
}

/// Where the gradient at [`Codes`] goes; it is added to.
pub(crate) struct CodesMut<'a, T> {
    pub(crate) means: &'a mut [T],
    pub(crate) log_variances: Option<&'a mut [T]>,
}

impl<'a, T: Scalar> Components<'a, T> {
    /// No components: N(0, I).
    pub fn standard_normal() -> Self {
        Self { logits: &[], means: &[], log_variances: &[] }
    }

    /// Whether it is N(0, I).
    pub fn is_standard_normal(&self) -> bool {
        self.means.is_empty()
    }

    fn count(&self, units: usize) -> usize {
        self.means.len() / units.max(1)
    }

    /// ln p(z) of each code in nats. Of a Gaussian code it is a lower bound of E ln p(z), exact for one
    /// component: ln Σ πᵢ exp(E ln Nᵢ(z)).
    ///
    /// # References
    /// J. Hershey, P. Olsen (2007), Approximating the Kullback Leibler divergence between Gaussian mixture
    /// models (the variational bound).
    pub(crate) fn log_density(&self, codes: Codes<'_, T>, values: &mut [T], scratch: &mut [T]) {
        if self.is_standard_normal() {
            return standard_log_density(codes, values);
        }
        let mut prepared = self.prepare(codes.units, scratch);
        for (column, value) in values.iter_mut().enumerate() {
            prepared.joint(codes, column);
            *value = log_sum_exp(prepared.joint);
        }
    }

    /// Adds the gradient of Σ weight · ln p(z) at codes and components.
    pub(crate) fn log_density_backward(
        &self,
        codes: Codes<'_, T>,
        weights: &[T],
        mut d_codes: CodesMut<'_, T>,
        d: &mut ComponentsMut<'_, T>,
        scratch: &mut [T],
    ) {
        let units = codes.units;
        if self.is_standard_normal() {
            return standard_log_density_backward(codes, weights, d_codes);
        }
        let half = T::of(0.5);
        let mut prepared = self.prepare(units, scratch);
        let (low, high) = (T::of(CLAMP.0), T::of(CLAMP.1));
        for (column, &weight) in weights.iter().enumerate() {
            prepared.joint(codes, column);
            let total = log_sum_exp(prepared.joint);
            let place = column * units..(column + 1) * units;
            let z = &codes.means[place.clone()];
            let spreads = codes.log_variances.map(|lv| &lv[place.clone()]);
            for (i, joint) in prepared.joint.iter_mut().enumerate() {
                let share = exp(*joint - total);
                *joint = share;
                let pull = weight * share;
                for (unit, &z) in z.iter().enumerate() {
                    let (at, code) = (i * units + unit, column * units + unit);
                    let precision = prepared.precisions[at];
                    let away = z - self.means[at];
                    let spread = spreads.map_or(T::ZERO, |lv| exp(lv[unit]));
                    d_codes.means[code] -= pull * precision * away;
                    d.means[at] += pull * precision * away;
                    if let Some(d) = &mut d_codes.log_variances {
                        d[code] -= half * pull * precision * spread;
                    }
                    let lv = self.log_variances[at];
                    if lv >= low && lv <= high {
                        let squared = (away * away + spread) * precision;
                        d.log_variances[at] += half * pull * (squared - T::ONE);
                    }
                }
            }
            if !d.logits.is_empty() {
                let norm = log_sum_exp(self.logits);
                for ((d, &logit), &share) in
                    d.logits.iter_mut().zip(self.logits).zip(&*prepared.joint)
                {
                    *d += weight * (share - exp(logit - norm));
                }
            }
        }
    }

    /// Draws codes.
    pub(crate) fn draw(&self, units: usize, codes: &mut [T], rng: &mut dyn Rng) {
        fill_normal(codes, rng);
        let count = self.count(units);
        if count == 0 {
            return;
        }
        let half = T::of(0.5);
        let weights = self.weights(count);
        for code in codes.chunks_exact_mut(units) {
            let mut rest = rng.random::<f64>();
            let fits = |weight: &f64| {
                rest -= weight;
                rest < 0.0
            };
            let i = weights.iter().position(fits).unwrap_or(count - 1);
            for (unit, z) in code.iter_mut().enumerate() {
                let at = i * units + unit;
                *z = self.means[at] + exp(half * clamped(self.log_variances[at])) * *z;
            }
        }
    }

    fn weights(&self, count: usize) -> Vec<f64> {
        if self.logits.is_empty() {
            return vec![1.0 / count as f64; count];
        }
        let norm = log_sum_exp(self.logits);
        self.logits.iter().map(|&logit| exp(logit - norm).to_double()).collect()
    }

    fn prepare<'s>(&self, units: usize, scratch: &'s mut [T]) -> Prepared<'s, T>
    where
        'a: 's,
    {
        let count = self.count(units);
        let (joint, rest) = scratch.split_at_mut(count);
        let (constants, rest) = rest.split_at_mut(count);
        let precisions = &mut rest[..self.means.len()];
        let (norm, half) = (log_sum_exp(self.logits), T::of(0.5));
        let equal = T::of(-(count as f64).ln());
        for (i, constant) in constants.iter_mut().enumerate() {
            let lvs = &self.log_variances[i * units..(i + 1) * units];
            let sum = lvs.iter().fold(T::ZERO, |sum, &lv| sum + clamped(lv) + T::of(LN_TAU));
            *constant = self.logits.get(i).map_or(equal, |&logit| logit - norm) - half * sum;
        }
        for (precision, &lv) in precisions.iter_mut().zip(self.log_variances) {
            *precision = exp(-clamped(lv));
        }
        Prepared { means: self.means, joint, constants, precisions }
    }
}

fn clamped<T: Scalar>(log_variance: T) -> T {
    let (low, high) = (T::of(CLAMP.0), T::of(CLAMP.1));
    if log_variance < low {
        low
    } else if log_variance > high {
        high
    } else {
        log_variance
    }
}

/// What is the same for all codes.
struct Prepared<'a, T> {
    means: &'a [T],
    /// ln πᵢ Nᵢ(z) of one code.
    joint: &'a mut [T],
    /// ln πᵢ and the norm of Nᵢ.
    constants: &'a mut [T],
    precisions: &'a mut [T],
}

impl<T: Scalar> Prepared<'_, T> {
    fn joint(&mut self, codes: Codes<'_, T>, column: usize) {
        let units = codes.units;
        let place = column * units..(column + 1) * units;
        let z = &codes.means[place.clone()];
        let half = T::of(0.5);
        for (i, joint) in self.joint.iter_mut().enumerate() {
            let of_component = i * units..(i + 1) * units;
            let means = &self.means[of_component.clone()];
            let precisions = &self.precisions[of_component];
            let mut sum = T::ZERO;
            for ((&z, &m), &precision) in z.iter().zip(means).zip(precisions) {
                sum += (z - m) * (z - m) * precision;
            }
            if let Some(lvs) = codes.log_variances {
                for (&lv, &precision) in lvs[place.clone()].iter().zip(precisions) {
                    sum += exp(lv) * precision;
                }
            }
            *joint = self.constants[i] - half * sum;
        }
    }
}

fn standard_log_density<T: Scalar>(codes: Codes<'_, T>, values: &mut [T]) {
    let (half, units) = (T::of(0.5), codes.units);
    let constant = T::of(0.5 * LN_TAU * units as f64);
    for (column, value) in values.iter_mut().enumerate() {
        let place = column * units..(column + 1) * units;
        let mut sum = T::ZERO;
        codes.means[place.clone()].iter().for_each(|&z| sum += z * z);
        if let Some(lvs) = codes.log_variances {
            lvs[place].iter().for_each(|&lv| sum += exp(lv));
        }
        *value = -half * sum - constant;
    }
}

fn standard_log_density_backward<T: Scalar>(
    codes: Codes<'_, T>,
    weights: &[T],
    d: CodesMut<'_, T>,
) {
    let (half, units) = (T::of(0.5), codes.units);
    for (at, (d, &z)) in d.means.iter_mut().zip(codes.means).enumerate() {
        *d -= weights[at / units] * z;
    }
    if let (Some(d), Some(lvs)) = (d.log_variances, codes.log_variances) {
        for (at, (d, &lv)) in d.iter_mut().zip(lvs).enumerate() {
            *d -= half * weights[at / units] * exp(lv);
        }
    }
}
