use std::fmt;

use rand::Rng;

use super::{
    Across, Encoded, MOST_DRAWS, Needs, PenaltyGradient, Regularizer, SuitedTo, divergence,
};
use crate::code::Facts;
use crate::code::prior::{Prior, StandardNormal, require_gaussian};
use crate::error::{Result, require, require_weight};
use crate::layer::layout::Layout;
use crate::layer::{Gaussianlike, Layer, Part};
use crate::numbers::scalar::{Float, sum};
use crate::numbers::vector::{exp_m1, vectorize};
use crate::random::schedule::{Progress, Schedule};
use crate::random::scheduled::Scheduled;
use crate::terms::Terms;

/// Draws the code from the encoder's Gaussian posterior, and keeps that posterior near the prior.
///
/// # Formula
/// z = μ + e^(lv/2) ε in training, z = μ in use; the penalty is β · mean over samples of
/// KL(N(μ, e^lv) ‖ p(z)), in nats per sample: summed over the code, as the loss is summed over features.
/// For the prior N(0, I) that is −½ Σ (1 + lv − μ² − e^lv); for [others](crate::prior) the entropy is in
/// closed form and ln p(z) taken at the drawn codes. With β = 1 and a likelihood as the loss, the objective
/// is the negative evidence lower bound.
///
/// | option | changes the penalty to |
/// |---|---|
/// | [`schedule`](Self::schedule) | β(t) KL: warm-up, linear or cyclical |
/// | [`capacity`](Self::capacity) | β ∣KL − C(t)∣ |
/// | [`free_bits`](Self::free_bits) | β Σ max(κ, mean KL of a unit) |
/// | [`draws`](Self::draws) | the mean over several draws a sample |
///
/// Its term is `kl`, times β. Outside training, and with [`Lbfgs`](crate::Lbfgs), whose objective has to stay the
/// same, schedules have the factor 1.
///
/// # Example
/// ```
/// use autoencoder::{Variational, prior::GaussianMixture, train::schedule::{Constant, Warmup}};
/// let rising = Variational::new(1.0)?.schedule(Warmup::epochs(10, Constant)?);
/// let clustered = Variational::new(1.0)?.prior(GaussianMixture::new(10)?);
/// # let _ = (rising, clustered);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes. I. Higgins and others (2017),
/// beta-VAE (for β other than 1). C. Burgess and others (2018), Understanding disentangling in β-VAE
/// (capacity). D. Kingma and others (2016), Improved variational inference with inverse autoregressive
/// flow (free bits). H. Fu and others (2019), Cyclical annealing schedule.
#[derive(Clone)]
pub struct Variational<P = StandardNormal> {
    beta: Scheduled,
    prior: P,
    draws: usize,
    free_bits: f64,
    capacity: Option<Scheduled>,
}

impl Variational {
    /// With the weight β of the divergence, finite and not negative; 1 is the evidence lower bound.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(beta: f64) -> Result<Self> {
        require_weight("Variational beta", beta)?;
        Ok(Self { beta: Scheduled::constant(beta), ..Self::default() })
    }

    /// Leaves a divergence of up to κ ≥ 0 nats in each code unit free, as a mean over the batch: below it a
    /// unit is not pushed further to the prior, so that it stays in use. Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn free_bits(self, nats: f64) -> Result<Self> {
        require_weight("Variational free bits", nats)?;
        Ok(Self { free_bits: nats, ..self })
    }

    /// Compares with another prior than N(0, I). It has no units of its own, so that a model with such a prior
    /// and [free bits](Self::free_bits) is refused when it is built.
    pub fn prior<P>(self, prior: P) -> Variational<P> {
        let Self { beta, draws, free_bits, capacity, .. } = self;
        Variational { beta, prior, draws, free_bits, capacity }
    }
}

/// β = 1.
impl Default for Variational {
    fn default() -> Self {
        let beta = Scheduled::constant(1.0);
        Self { beta, prior: StandardNormal, draws: 1, free_bits: 0.0, capacity: None }
    }
}

impl<P> Variational<P> {
    /// Draws this many codes a sample, from 1 to 2²⁰, and takes the mean of their losses. Default: 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn draws(self, draws: usize) -> Result<Self> {
        require(
            (1..=MOST_DRAWS).contains(&draws),
            "Variational draws",
            draws as f64,
            "from 1 to 2²⁰",
        )?;
        Ok(Self { draws, ..self })
    }

    /// Multiplies β by a factor that changes in the course of the training, such as
    /// [`Warmup`](crate::train::schedule::Warmup) or [`Cyclical`](crate::train::schedule::Cyclical).
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.beta.follow(schedule);
        self
    }

    /// Pulls the divergence to a capacity that comes to `nats` ≥ 0, rising by the schedule.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn capacity(self, nats: f64, schedule: impl Schedule + 'static) -> Result<Self> {
        require_weight("Variational capacity", nats)?;
        let mut capacity = Scheduled::constant(nats);
        capacity.follow(schedule);
        Ok(Self { capacity: Some(capacity), ..self })
    }

    /// β and the capacity at this point.
    fn weights_at(&self, progress: Option<Progress>) -> (f64, Option<f64>) {
        (self.beta.at(progress), self.capacity.as_ref().map(|capacity| capacity.at(progress)))
    }
}

/// Its parameters that are not the default.
impl<P: fmt::Debug> fmt::Debug for Variational<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Variational");
        text.field("beta", &self.beta.value);
        let prior = format!("{:?}", self.prior);
        if prior != "StandardNormal" {
            text.field("prior", &format_args!("{prior}"));
        }
        if self.draws != 1 {
            text.field("draws", &self.draws);
        }
        if self.free_bits > 0.0 {
            text.field("free_bits", &self.free_bits);
        }
        self.capacity.iter().for_each(|capacity| {
            text.field("capacity", &(capacity.value, &capacity.by));
        });
        self.beta.by.iter().for_each(|schedule| {
            text.field("schedule", schedule);
        });
        text.finish()
    }
}

impl<E: Part, P> SuitedTo<E> for Variational<P> where E::Posterior: Gaussianlike {}

impl<T: Float, P: Prior<T> + Clone + 'static> Regularizer<T> for Variational<P> {
    /// As `Debug` has it: what is not the default.
    fn describe(&self) -> String {
        let mut text = format!("Variational {{ beta: {:?}", self.beta.value);
        let prior = self.prior.describe();
        if prior != "StandardNormal" {
            text += &format!(", prior: {prior}");
        }
        if self.draws != 1 {
            text += &format!(", draws: {}", self.draws);
        }
        if self.free_bits > 0.0 {
            text += &format!(", free_bits: {:?}", self.free_bits);
        }
        if let Some(Scheduled { value, by: Some(schedule) }) = &self.capacity {
            text += &format!(", capacity: ({value:?}, {})", schedule.describe());
        }
        text + &self.beta.describe() + " }"
    }

    fn needs(&self, facts: &Facts) -> Needs {
        let (draws, parameters) = (self.draws, self.prior.num_parameters(facts));
        // Free bits are of the mean over samples, and so is the capacity.
        let across = match self.free_bits > 0.0 || self.capacity.is_some() {
            true if self.prior.num_components() == 0 => Across::Codes,
            true => Across::Batch,
            false => Across::Nothing,
        };
        Needs { draws, parameters, across, ..Needs::nothing() }
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        let scheduled = [Some(&self.beta), self.capacity.as_ref()];
        scheduled.into_iter().flatten().filter_map(Scheduled::schedule).collect()
    }

    fn prior(&self) -> Option<&dyn Prior<T>> {
        Some(&self.prior)
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_gaussian("Variational", facts)?;
        let requirement = "0 with another prior than N(0, I)";
        let is_possible = self.free_bits == 0.0 || self.prior.num_components() == 0;
        require(is_possible, "Variational free bits", self.free_bits, requirement)?;
        self.prior.check_size(facts)
    }

    fn layout(&self, facts: &Facts, layout: &mut Layout, parameters: &mut [T], rng: &mut dyn Rng) {
        self.prior.layout(facts, layout, parameters, rng);
    }

    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let samples = at.samples();
        let (beta, capacity) = self.weights_at(at.progress());
        if self.free_bits > 0.0 {
            return self.with_free_bits(at, gradient, beta, capacity, scratch, terms);
        }
        let (values, scratch) = scratch.split_at_mut(samples);
        let components = self.prior.components(at.own, at.pseudo);
        divergence::values(components, at.posterior, at.codes, values, scratch);
        let (alike, scale) = (at.shares.is_none(), T::of(beta / samples as f64));
        let (term, beta) = match capacity {
            None if alike => (scale * sum(values, |kl| kl), beta),
            None => (T::of(beta) * at.mean(values), beta),
            Some(capacity) => to_capacity(at.mean(values), beta, capacity),
        };
        terms.add("kl", term);
        let Some(gradient) = gradient else { return };
        if alike && components.is_standard_normal() {
            let scale = T::of(beta / samples as f64);
            return at.posterior.kl_to_prior_backward_alike(scale, gradient.posterior);
        }
        let beta = T::of(beta);
        let weights = values.iter_mut().enumerate();
        weights.for_each(|(sample, weight)| *weight = beta * at.share(sample));
        divergence::backward(&self.prior, at, values, gradient, scratch);
    }

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        _draws: usize,
    ) -> usize {
        facts.units.max(samples + divergence::scratch_len(&self.prior, facts, samples))
    }
}

impl<P> Variational<P> {
    /// Free bits: a unit whose mean divergence is below κ counts κ, and is not pushed.
    fn with_free_bits<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        beta: f64,
        capacity: Option<f64>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let units = at.posterior.mean().features();
        let (free, of_units) = (T::of(self.free_bits), &mut scratch[..units]);
        at.posterior.kl_of_units(|sample| at.share(sample), of_units);
        let counted = |&kl: &T| if kl > free { kl } else { free };
        let total = of_units.iter().map(counted).fold(T::ZERO, |sum, kl| sum + kl);
        let (term, beta) = match capacity {
            None => (T::of(beta) * total, beta),
            Some(capacity) => to_capacity(total, beta, capacity),
        };
        terms.add("kl", term);
        let Some(gradient) = gradient else { return };
        let (beta, half) = (T::of(beta), T::of(0.5));
        let (d_means, d_lvs) = gradient.posterior.moments_mut();
        let (means, lvs) = (at.posterior.mean().as_slice(), at.posterior.log_variance().as_slice());
        let columns = d_means.chunks_exact_mut(units).zip(d_lvs.chunks_exact_mut(units));
        let moments = means.chunks_exact(units).zip(lvs.chunks_exact(units));
        for (sample, ((d_means, d_lvs), (means, lvs))) in columns.zip(moments).enumerate() {
            let scale = beta * at.share(sample);
            let d = d_means.iter_mut().zip(d_lvs).zip(means.iter().zip(lvs));
            vectorize(
                #[inline(always)]
                || {
                    for (((d_mean, d_lv), (&mean, &lv)), &kl) in d.zip(&*of_units) {
                        let scale = if kl > free { scale } else { T::ZERO };
                        *d_mean += scale * mean;
                        *d_lv += half * scale * exp_m1(lv);
                    }
                },
            );
        }
    }
}

/// γ |KL − C| and its derivative at KL.
fn to_capacity<T: Float>(kl: T, gamma: f64, capacity: f64) -> (T, f64) {
    let away = kl - T::of(capacity);
    let sign = if away > T::ZERO {
        1.0
    } else if away < T::ZERO {
        -1.0
    } else {
        0.0
    };
    (T::of(gamma * sign) * away, gamma * sign)
}
