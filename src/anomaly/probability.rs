use super::{AnomalyScore, Draws, Seen};
use crate::encoder::Encoder;
use crate::error::{Result, require_count};
use crate::posterior::Gaussianlike;

/// The reconstruction probability of a variational model: the mean loss over reconstructions from codes
/// that are drawn from the sample's posterior. With a likelihood as the loss it is −E ln p(x|z) in nats.
/// A code of which the encoder is not sure counts against the sample, which the mean code does not show.
///
/// The noise is fixed by the seed and the same for every sample, so that scores are reproducible and
/// comparable. Columns contribute in proportion to their mean squared residual over the draws, as far as the
/// score is positive; to a Gaussian likelihood of fixed deviation that is exact but for the constant.
///
/// # Formula
/// 1/K Σₖ loss(x, decode(zₖ)), zₖ ~ q(z|x)
///
/// # References
/// J. An, S. Cho (2015), Variational autoencoder based anomaly detection using reconstruction
/// probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReconstructionProbability {
    draws: Draws,
}

impl ReconstructionProbability {
    /// With so many draws, 1 or more, and their seed. The paper takes 10 to 100.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no draws.
    pub fn new(draws: usize, seed: u64) -> Result<Self> {
        require_count("ReconstructionProbability draws", draws)?;
        Ok(Self { draws: Draws { count: draws, seed } })
    }
}

impl<E: Encoder> AnomalyScore<E> for ReconstructionProbability
where
    E::Posterior: Gaussianlike,
{
    fn describe(&self) -> String {
        format!("ReconstructionProbability({}, seed {})", self.draws.count, self.draws.seed)
    }

    fn draws(&self) -> Option<Draws> {
        Some(self.draws)
    }

    fn score(&self, seen: &Seen<'_, E::Scalar>, features: &mut [f64], _: &mut [f64]) -> f64 {
        features.fill(0.0);
        let Some(drawn) = seen.drawn else { return 0.0 };
        let all: f64 = drawn.squared_errors.iter().sum();
        if all > 0.0 {
            let share = drawn.loss.max(0.0) / all;
            for (to, error) in features.iter_mut().zip(drawn.squared_errors) {
                *to = share * error;
            }
        }
        drawn.loss
    }
}
