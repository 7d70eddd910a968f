//! KL(q(z|x) ‖ p(z)) for any prior: the entropy of q in closed form, ln p at the drawn codes, or, where
//! none are drawn, in closed form for N(0, I) and bounded for mixtures.

use super::{Encoded, PenaltyGradient};
use crate::batch::BatchView;
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::code::prior::{self, Codes, CodesMut, Components, LN_TAU, Prior};
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, sum};
use crate::numbers::vector::{exp, vectorize};

/// ½ (1 + ln 2π).
const HALF_LN_TAU_E: f64 = 1.418_938_533_204_672_7;

/// The length of the scratch of what follows.
pub(crate) fn scratch_len<T: Float>(prior: &dyn Prior<T>, facts: &Facts, samples: usize) -> usize {
    samples + prior::scratch_len(prior.num_components(), facts.units)
}

once! {
    /// −ln q's norm: the negative entropy of each posterior in nats, −½ Σ (1 + ln 2π + lv).
    pub(crate) fn negative_entropies(posterior: &'a Posterior<T>, values: &'a mut [T]) = negative_entropies_generic;
}

fn negative_entropies_generic<T: Float>(posterior: &Posterior<T>, values: &mut [T]) {
    let half = T::of(0.5);
    for (lv, value) in posterior.log_variance().iter().zip(values) {
        let constant = T::of(HALF_LN_TAU_E * lv.len() as f64);
        *value = -half * sum(lv, |lv| lv) - constant;
    }
}

once! {
    /// ln q(z|x) in nats of each code, given z − μ of all first ones, then all second ones, and so on. It is given
    /// as it was drawn: where σ is below the precision of μ, the codes do not say it any more.
    pub(crate) fn log_posterior(posterior: &'a Posterior<T>, deviations: &'a [T], values: &'a mut [T]) = log_posterior_generic;
}

fn log_posterior_generic<T: Float>(posterior: &Posterior<T>, deviations: &[T], values: &mut [T]) {
    let (half, lvs) = (T::of(0.5), posterior.log_variance());
    let constant = T::of(0.5 * LN_TAU * lvs.features() as f64);
    let columns = deviations.chunks_exact(lvs.features());
    for ((d, lv), value) in columns.zip(lvs.iter().cycle()).zip(values) {
        vectorize(
            #[inline(always)]
            || {
                let mut sum = T::ZERO;
                for (&d, &lv) in d.iter().zip(lv) {
                    sum += lv + d * d * exp(-lv);
                }
                *value = -half * sum - constant;
            },
        );
    }
}

/// The divergence of each sample's posterior from the prior.
pub(crate) fn values<T: Float>(
    components: Components<'_, T>,
    posterior: &Posterior<T>,
    codes: Option<BatchView<'_, T>>,
    values: &mut [T],
    scratch: &mut [T],
) {
    if components.is_standard_normal() {
        return posterior.kl_to_prior(values);
    }
    let samples = values.len();
    let (log_densities, scratch) = scratch.split_at_mut(samples);
    negative_entropies(posterior, values);
    let units = posterior.mean().features();
    let Some(codes) = codes else {
        let (means, lvs) = (posterior.mean(), posterior.log_variance());
        let codes = Codes { units, means: means.as_slice(), log_variances: Some(lvs.as_slice()) };
        components.log_density(codes, log_densities, scratch);
        values.iter_mut().zip(&*log_densities).for_each(|(value, &ln_p)| *value -= ln_p);
        return;
    };
    let share = T::of(samples as f64 / codes.samples() as f64);
    for block in codes.chunks(samples) {
        components.log_density(Codes::drawn(block), log_densities, scratch);
        values.iter_mut().zip(&*log_densities).for_each(|(value, &ln_p)| *value -= share * ln_p);
    }
}

/// Adds the gradient of Σ weight · divergence; a weight a sample.
pub(crate) fn backward<T: Float>(
    prior: &dyn Prior<T>,
    at: &Encoded<'_, T>,
    weights: &[T],
    gradient: &mut PenaltyGradient<'_, T>,
    scratch: &mut [T],
) {
    let components = prior.components(at.own, at.pseudo);
    if components.is_standard_normal() {
        return at.posterior.kl_to_prior_backward(weights, gradient.posterior);
    }
    let (posterior, samples) = (at.posterior, weights.len());
    let (of_draw, scratch) = scratch.split_at_mut(samples);
    let (units, half) = (posterior.mean().features(), T::of(0.5));
    let (d_means, d_lvs) = gradient.posterior.moments_mut();
    for (at, d) in d_lvs.iter_mut().enumerate() {
        *d -= half * weights[at / units];
    }
    let mut d = prior.components_mut(gradient.own, gradient.pseudo.as_deref_mut());
    match (at.codes, &mut gradient.codes) {
        (Some(codes), Some(d_codes)) => {
            let share = T::of(samples as f64 / codes.samples() as f64);
            of_draw.iter_mut().zip(weights).for_each(|(of_draw, &w)| *of_draw = -share * w);
            let d_blocks = d_codes.as_mut_slice().chunks_mut(samples * units);
            for (block, d_block) in codes.chunks(samples).zip(d_blocks) {
                let codes = Codes::drawn(block);
                let d_codes = CodesMut { means: d_block, log_variances: None };
                components.log_density_backward(codes, of_draw, d_codes, &mut d, scratch);
            }
        }
        _ => {
            of_draw.iter_mut().zip(weights).for_each(|(of_draw, &w)| *of_draw = -w);
            let (means, lvs) = (posterior.mean(), posterior.log_variance());
            let codes =
                Codes { units, means: means.as_slice(), log_variances: Some(lvs.as_slice()) };
            let d_codes = CodesMut { means: d_means, log_variances: Some(d_lvs) };
            components.log_density_backward(codes, of_draw, d_codes, &mut d, scratch);
        }
    }
}
