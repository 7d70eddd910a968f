use super::{Encoded, PenaltyGradient, Regularizer};
use crate::encoder::Encoder;
use crate::error::{Result, require_weight};
use crate::posterior::Gaussianlike;
use crate::{Scalar, Terms};

/// Draws the code from the encoder's Gaussian posterior, and keeps that posterior near the prior
/// N(0, I).
///
/// # Formula
/// z = μ + e^(lv/2) ε in training, z = μ in use; the penalty is β · mean over samples of
/// KL(N(μ, e^lv) ‖ N(0, I)) = −½ Σ (1 + lv − μ² − e^lv), in nats per sample: summed over the code,
/// as the loss is summed over features. With β = 1 and a likelihood as the loss, the objective is
/// the negative evidence lower bound.
///
/// Its term is `kl`, times β.
///
/// # References
/// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes. I. Higgins and others (2017),
/// beta-VAE (for β other than 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variational {
    beta: f64,
}

impl Variational {
    /// With the weight β of the divergence, finite and not negative; 1 is the evidence lower bound.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(beta: f64) -> Result<Self> {
        require_weight("Variational beta", beta)?;
        Ok(Self { beta })
    }
}

/// β = 1.
impl Default for Variational {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl<E: Encoder> Regularizer<E> for Variational
where
    E::Posterior: Gaussianlike,
{
    fn adds_to_parameters(&self) -> bool {
        false
    }

    fn draws_code(&self) -> bool {
        true
    }

    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
        scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        let samples = at.x.samples();
        let beta = E::Scalar::of(self.beta);
        let scale = E::Scalar::of(self.beta / samples as f64);
        let values = &mut scratch[..samples];
        at.posterior.kl_to_prior(values);
        terms.add(
            "kl",
            match at.shares {
                None => scale * crate::scalar::sum(values, |kl| kl),
                Some(_) => beta * at.mean(values),
            },
        );
        let Some(gradient) = gradient else { return };
        match at.shares {
            None => at.posterior.kl_to_prior_backward_alike(scale, gradient.posterior),
            Some(shares) => {
                values.iter_mut().zip(shares).for_each(|(scale, &share)| *scale = beta * share);
                at.posterior.kl_to_prior_backward(values, gradient.posterior);
            }
        }
    }

    fn scratch_len(&self, _encoder: &E, samples: usize) -> usize {
        samples
    }
}
