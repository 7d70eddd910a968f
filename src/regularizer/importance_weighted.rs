use rand::Rng;

use super::{
    Across, Encoded, MOST_DRAWS, Needs, PenaltyGradient, Regularizer, SuitedTo, divergence,
};
use crate::batch::BatchView;
use crate::code::Facts;
use crate::code::prior::{Codes, CodesMut, Prior, StandardNormal, require_gaussian, scratch_len};
use crate::error::{Result, require};
use crate::layer::layout::Layout;
use crate::layer::{Gaussianlike, Layer, Part};
use crate::numbers::scalar::{Float, exponentials_of, log_sum_exp_of};
use crate::terms::Terms;

/// Draws several codes from the encoder's Gaussian posterior and weighs each by its importance: the objective
/// is the importance-weighted bound, nearer to −ln p(x) the more are drawn, where [`Variational`] with several
/// draws only has less noise.
///
/// # Formula
/// The mean over samples of −ln 1/K Σₖ wₖ, with ln wₖ = ln p(x∣zₖ) + ln p(zₖ) − ln q(zₖ∣x); the loss has to
/// be a likelihood. Each draw's share in the gradient is w̃ₖ = wₖ / Σ w.
///
/// Its term is `importance_weighted`: the bound less the loss, which stands in the report as its mean over
/// draws. With K = 1 it is an estimate of the divergence by the drawn code. Outside training, where nothing is
/// drawn, it is the divergence of the posterior, as that of [`Variational`]. The bound holds the divergence
/// already: a [`Variational`] beside it counts it again.
///
/// [`Variational`]: crate::Variational
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, BernoulliCrossEntropy, Dense, Gaussian, ImportanceWeighted};
/// use autoencoder::activation::{Identity, Tanh};
/// let model = AutoEncoder::builder()
///     .encoder(Gaussian::new(
///         Dense::<64, 32>::new(Tanh),
///         Dense::<32, 4>::new(Identity),
///         Dense::<32, 4>::new(Identity),
///     ))
///     .decoder(Dense::<4, 64>::new(Identity))
///     .regularizer(ImportanceWeighted::new(5)?)
///     .loss(BernoulliCrossEntropy)
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// Y. Burda, R. Grosse, R. Salakhutdinov (2015), Importance weighted autoencoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportanceWeighted<P = StandardNormal> {
    draws: usize,
    prior: P,
}

impl ImportanceWeighted {
    /// With the number K of codes drawn for a sample, from 1 to 2²⁰.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(draws: usize) -> Result<Self> {
        require(
            (1..=MOST_DRAWS).contains(&draws),
            "ImportanceWeighted draws",
            draws as f64,
            "from 1 to 2²⁰",
        )?;
        Ok(Self { draws, prior: StandardNormal })
    }

    /// With another prior than N(0, I).
    pub fn prior<P>(self, prior: P) -> ImportanceWeighted<P> {
        ImportanceWeighted { draws: self.draws, prior }
    }
}

impl<P> ImportanceWeighted<P> {
    /// ln w of each draw.
    fn log_weights<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        codes: BatchView<'_, T>,
        ln_w: &mut [T],
        scratch: &mut [T],
    ) where
        P: Prior<T>,
    {
        let (ln_q, scratch) = scratch.split_at_mut(ln_w.len());
        let components = self.prior.components(at.own, at.pseudo);
        components.log_density(Codes::drawn(codes), ln_w, scratch);
        divergence::log_posterior(at.posterior, at.noise, ln_q);
        for ((ln_w, &ln_q), &loss) in ln_w.iter_mut().zip(&*ln_q).zip(at.losses) {
            *ln_w -= ln_q + loss;
        }
    }
}

/// ln Σₖ wₖ of this sample, one of so many.
fn log_sum<T: Float>(ln_w: &[T], sample: usize, samples: usize) -> T {
    log_sum_exp_of(ln_w[sample..].iter().step_by(samples).copied())
}

/// Turns ln w into w̃, which adds up to 1 over the draws of a sample.
fn normalize<T: Float>(weights: &mut [T], samples: usize) {
    for sample in 0..samples {
        let total = log_sum(weights, sample, samples);
        let of_sample = weights[sample..].iter_mut().step_by(samples);
        of_sample.for_each(|weight| *weight -= total);
    }
    exponentials_of(weights);
}

impl<E: Part, P> SuitedTo<E> for ImportanceWeighted<P> where E::Posterior: Gaussianlike {}

impl<T: Float, P: Prior<T> + Clone + 'static> Regularizer<T> for ImportanceWeighted<P> {
    fn describe(&self) -> String {
        let (draws, prior) = (self.draws, self.prior.describe());
        format!("ImportanceWeighted {{ draws: {draws}, prior: {prior} }}")
    }

    fn needs(&self, facts: &Facts) -> Needs {
        let (draws, parameters) = (self.draws, self.prior.num_parameters(facts));
        Needs { draws, weighs_draws: true, parameters, across: Across::Nothing, ..Needs::nothing() }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_gaussian("ImportanceWeighted", facts)?;
        self.prior.check_size(facts)
    }

    fn weigh_draws(&self, at: &Encoded<'_, T>, weights: &mut [T], scratch: &mut [T]) {
        let (Some(codes), samples) = (at.codes, at.x.samples()) else { return };
        let (own, scratch) = scratch.split_at_mut(codes.samples());
        self.log_weights(at, codes, own, scratch);
        normalize(own, samples);
        // The term has the mean over draws taken away, so that two bounds in one objective count twice.
        let of_draw = T::of(1.0 / at.draws() as f64);
        for (column, (weight, &own)) in weights.iter_mut().zip(&*own).enumerate() {
            *weight += (own - of_draw) * at.share(column % samples);
        }
    }

    fn prior(&self) -> Option<&dyn Prior<T>> {
        Some(&self.prior)
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
        let samples = at.x.samples();
        let components = self.prior.components(at.own, at.pseudo);
        let Some(codes) = at.codes else {
            let (values, scratch) = scratch.split_at_mut(samples);
            divergence::values(components, at.posterior, None, values, scratch);
            terms.add("importance_weighted", at.mean(values));
            let Some(gradient) = gradient else { return };
            (0..samples).for_each(|sample| values[sample] = at.share(sample));
            return divergence::backward(&self.prior, at, values, gradient, scratch);
        };
        let (bounds, scratch) = scratch.split_at_mut(samples);
        let (weights, scratch) = scratch.split_at_mut(codes.samples());
        self.log_weights(at, codes, weights, scratch);
        let of_draw = T::of(1.0 / at.draws() as f64);
        for (sample, bound) in bounds.iter_mut().enumerate() {
            let losses = at.losses[sample..].iter().step_by(samples);
            let loss = losses.fold(T::ZERO, |sum, &loss| sum + of_draw * loss);
            *bound = -(log_sum(weights, sample, samples) + of_draw.ln()) - loss;
        }
        terms.add("importance_weighted", at.mean(bounds));

        // The losses' part of the gradient is in the weights of the draws.
        let Some(gradient) = gradient else { return };
        normalize(weights, samples);
        let columns = weights.iter_mut().enumerate();
        columns.for_each(|(column, weight)| *weight *= -at.share(column % samples));
        let Some(d_codes) = &mut gradient.codes else { return };
        let d_codes = CodesMut { means: d_codes.as_mut_slice(), log_variances: None };
        let mut d = self.prior.components_mut(gradient.own, gradient.pseudo.as_deref_mut());
        components.log_density_backward(Codes::drawn(codes), weights, d_codes, &mut d, scratch);
        // ln q of a draw at fixed noise has lv alone in it.
        let (half, units) = (T::of(0.5), codes.features());
        let (_, d_lvs) = gradient.posterior.moments_mut();
        for (at_lv, d) in d_lvs.iter_mut().enumerate() {
            *d -= half * at.share(at_lv / units);
        }
    }

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        draws: usize,
    ) -> usize {
        let of_prior = scratch_len(self.prior.num_components(), facts.units);
        2 * samples + 2 * samples * draws.max(1) + of_prior
    }
}
