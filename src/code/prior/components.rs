use rand::{Rng, RngExt};

use crate::batch::BatchView;
use crate::numbers::once::once;
use crate::numbers::scalar::{
    Float, exponentials, exponentials_of, log_sum_exp, sum, sum_pairs, sum_triples,
};
use crate::numbers::vector::{exp, fill_normal, vectorize};

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

impl<'a, T: Float> Codes<'a, T> {
    pub(crate) fn drawn(codes: BatchView<'a, T>) -> Self {
        Self { units: codes.features(), means: codes.as_slice(), log_variances: None }
    }
}

impl<T: Float> Codes<'_, T> {
    /// σ² of a unit of a code, 0 where it is a point.
    fn spread(&self, at: usize) -> T {
        self.log_variances.map_or(T::ZERO, |lvs| exp(lvs[at]))
    }
}

/// Where the gradient at [`Codes`] goes; it is added to.
pub(crate) struct CodesMut<'a, T> {
    pub(crate) means: &'a mut [T],
    pub(crate) log_variances: Option<&'a mut [T]>,
}

impl<'a, T: Float> Components<'a, T> {
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
        log_density(self, codes, values, scratch);
    }

    fn log_density_generic(&self, codes: Codes<'_, T>, values: &mut [T], scratch: &mut [T]) {
        if self.is_standard_normal() {
            return standard_log_density(codes, values);
        }
        let mut prepared = self.prepare(codes.units, scratch);
        for (column, value) in values.iter_mut().enumerate() {
            prepared.joint(codes, column);
            let most = exponentials(prepared.joint);
            *value = most + sum(prepared.joint, |share| share).ln();
        }
    }

    /// Adds the gradient of Σ weight · ln p(z) at codes and components.
    pub(crate) fn log_density_backward(
        &self,
        codes: Codes<'_, T>,
        weights: &[T],
        d_codes: CodesMut<'_, T>,
        d: &mut ComponentsMut<'_, T>,
        scratch: &mut [T],
    ) {
        log_density_backward(self, codes, weights, d_codes, d, scratch);
    }

    fn log_density_backward_generic(
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
        let (half, count) = (T::of(0.5), self.count(units));
        let mut prepared = self.prepare(units, scratch);
        prepared.d_means.fill(T::ZERO);
        prepared.d_log_variances.fill(T::ZERO);
        let mut total_weight = T::ZERO;
        for (column, &weight) in weights.iter().enumerate() {
            prepared.joint(codes, column);
            exponentials(prepared.joint);
            let norm = weight / sum(prepared.joint, |share| share);
            prepared.joint.iter_mut().for_each(|share| *share *= norm);
            total_weight += weight;
            d.logits.iter_mut().zip(&*prepared.joint).for_each(|(d, &pull)| *d += pull);
            for unit in 0..units {
                let (place, code) = (unit * count..(unit + 1) * count, column * units + unit);
                let (z, spread) = (codes.means[code], codes.spread(code));
                let (means, precisions) =
                    (&prepared.means[place.clone()], &prepared.precisions[place.clone()]);
                let (pulls, moments) = (&*prepared.joint, means.iter().zip(precisions));
                let d = prepared.d_means[place.clone()].iter_mut();
                let d = d.zip(&mut prepared.d_log_variances[place]);
                vectorize(
                    #[inline(always)]
                    || {
                        for (((d_mean, d_lv), (&mean, &precision)), &pull) in
                            d.zip(moments).zip(pulls)
                        {
                            let away = z - mean;
                            *d_mean += pull * precision * away;
                            let squared = (away * away + spread) * precision;
                            *d_lv += half * pull * (squared - T::ONE);
                        }
                    },
                );
                let away = |pull: T, mean: T, precision: T| pull * precision * (z - mean);
                d_codes.means[code] -= sum_triples(pulls, means, precisions, away);
                if let Some(d) = &mut d_codes.log_variances {
                    d[code] -= half * spread * sum_pairs(pulls, precisions, |pull, p| pull * p);
                }
            }
        }
        let (low, high) = (T::of(CLAMP.0), T::of(CLAMP.1));
        for (at, lv) in self.log_variances.iter().enumerate() {
            let place = at % units * count + at / units;
            d.means[at] += prepared.d_means[place];
            if *lv >= low && *lv <= high {
                d.log_variances[at] += prepared.d_log_variances[place];
            }
        }
        if !d.logits.is_empty() {
            let norm = log_sum_exp(self.logits);
            let logits = d.logits.iter_mut().zip(self.logits);
            logits.for_each(|(d, &logit)| *d -= total_weight * exp(logit - norm));
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
        let mut moments = rest.chunks_exact_mut(count * units);
        let mut next = || moments.next().unwrap_or_default();
        let (means, precisions, d_means, d_log_variances) = (next(), next(), next(), next());
        let (norm, half) = (log_sum_exp(self.logits), T::of(0.5));
        let equal = T::of(-(count as f64).ln());
        for (i, constant) in constants.iter_mut().enumerate() {
            let lvs = &self.log_variances[i * units..(i + 1) * units];
            let sum = lvs.iter().fold(T::ZERO, |sum, &lv| sum + clamped(lv) + T::of(LN_TAU));
            *constant = self.logits.get(i).map_or(equal, |&logit| logit - norm) - half * sum;
        }
        for (at, (&mean, &lv)) in self.means.iter().zip(self.log_variances).enumerate() {
            let place = at % units * count + at / units;
            (means[place], precisions[place]) = (mean, -clamped(lv));
        }
        exponentials_of(precisions);
        Prepared { joint, constants, means, precisions, d_means, d_log_variances }
    }
}

once! {
    fn log_density(
        components: &'a Components<'a, T>, codes: Codes<'a, T>, values: &'a mut [T], scratch: &'a mut [T],
    ) = Components::log_density_generic;
    fn log_density_backward(
        components: &'a Components<'a, T>, codes: Codes<'a, T>, weights: &'a [T], d_codes: CodesMut<'a, T>,
        d: &'a mut ComponentsMut<'b, T>, scratch: &'a mut [T],
    ) = Components::log_density_backward_generic;
}

fn clamped<T: Float>(log_variance: T) -> T {
    let (low, high) = (T::of(CLAMP.0), T::of(CLAMP.1));
    if log_variance < low {
        low
    } else if log_variance > high {
        high
    } else {
        log_variance
    }
}

/// What is the same for all codes. Moments are in the order of units: that of each component for the first
/// unit, then for the second, so that components lie side by side.
struct Prepared<'a, T> {
    /// ln πᵢ Nᵢ(z) of one code.
    joint: &'a mut [T],
    /// ln πᵢ and the norm of Nᵢ.
    constants: &'a mut [T],
    means: &'a mut [T],
    precisions: &'a mut [T],
    d_means: &'a mut [T],
    d_log_variances: &'a mut [T],
}

/// The length of the scratch for so many components.
pub(crate) fn scratch_len(components: usize, units: usize) -> usize {
    components * (2 + 4 * units)
}

impl<T: Float> Prepared<'_, T> {
    fn joint(&mut self, codes: Codes<'_, T>, column: usize) {
        let (units, count, half) = (codes.units, self.joint.len(), T::of(0.5));
        self.joint.copy_from_slice(self.constants);
        for unit in 0..units {
            let (place, code) = (unit * count..(unit + 1) * count, column * units + unit);
            let (z, spread) = (codes.means[code], codes.spread(code));
            let moments = self.means[place.clone()].iter().zip(&self.precisions[place]);
            vectorize(
                #[inline(always)]
                || {
                    for (joint, (&mean, &precision)) in self.joint.iter_mut().zip(moments) {
                        *joint -= half * ((z - mean) * (z - mean) + spread) * precision;
                    }
                },
            );
        }
    }
}

fn standard_log_density<T: Float>(codes: Codes<'_, T>, values: &mut [T]) {
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

fn standard_log_density_backward<T: Float>(codes: Codes<'_, T>, weights: &[T], d: CodesMut<'_, T>) {
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
