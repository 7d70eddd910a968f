use super::residual::FLOOR;
use super::{AnomalyScore, Draws, Numbers, Reconstructs, Reference, ScoreFor, Seen};
use crate::code::Facts;
use crate::code::prior::require_gaussian;
use crate::error::{Result, require, require_count};
use crate::layer::{Gaussianlike, Part};
use crate::numbers::scalar::{Float, is_nan};

/// The reconstruction probability of a variational model: the mean loss over reconstructions from codes
/// that are drawn from the sample's posterior. With a likelihood as the loss it is −E ln p(x|z) in nats.
/// A code of which the encoder is not sure counts against the sample, which the mean code does not show.
///
/// The loss weighs all columns alike, so that one that is reconstructed badly outweighs the others. With
/// [`by_column`](Self::by_column) each column has a deviation of its own, and columns of different scale
/// count alike.
///
/// The noise is fixed by the seed and the same for every sample, so that scores are reproducible and
/// comparable. Columns contribute in proportion to their mean squared residual over the draws, as far as the
/// score is positive; to a Gaussian likelihood of fixed deviation that is exact but for the constant, and by
/// column it is exact.
///
/// # Formula
/// 1/K Σₖ loss(x, decode(zₖ)), zₖ ~ q(z|x)
///
/// By column: Σⱼ 1/K Σₖ ½ (xⱼ − x̂ⱼ(zₖ))² / σⱼ², with σⱼ² the mean of (xⱼ − x̂ⱼ(zₖ))² over reference samples
/// and draws. That is −E ln p(x|z) of a Gaussian likelihood with the most likely variance of each column,
/// but for the constant Σⱼ ln σⱼ + ½ ln 2π.
///
/// # References
/// J. An, S. Cho (2015), Variational autoencoder based anomaly detection using reconstruction
/// probability.
#[derive(Debug, Clone, PartialEq)]
pub struct ReconstructionProbability {
    draws: Draws,
    is_by_column: bool,
    variances: Vec<f64>,
}

impl ReconstructionProbability {
    /// With so many draws, 1 or more, and their seed. The paper takes 10 to 100.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no draws.
    pub fn new(draws: usize, seed: u64) -> Result<Self> {
        require_count("ReconstructionProbability draws", draws)?;
        let draws = Draws { count: draws, seed };
        Ok(Self { draws, is_by_column: false, variances: Vec::new() })
    }

    /// The Gaussian likelihood of each column's own deviation in place of the model's loss, fitted to the
    /// reference; best samples that the model was not trained on. The deviation is at least 0.05 of the root
    /// mean square of all residuals, as for [`ScaledResidual`](super::ScaledResidual), and 1 where all
    /// residuals are 0.
    pub fn by_column(self) -> Self {
        Self { is_by_column: true, ..self }
    }

    /// The variance of each column, after fitting by column; else empty.
    pub fn variances(&self) -> &[f64] {
        &self.variances
    }
}

impl<E: Part, M: Reconstructs> ScoreFor<E, M> for ReconstructionProbability where
    E::Posterior: Gaussianlike
{
}

impl<T: Float> AnomalyScore<T> for ReconstructionProbability {
    fn describe(&self) -> String {
        let by_column = if self.is_by_column { ", by column" } else { "" };
        let Draws { count, seed } = self.draws;
        format!("ReconstructionProbability({count}, seed {seed}{by_column})")
    }

    fn needs_reconstruction(&self) -> bool {
        false // but those of draws
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn draws(&self) -> Option<Draws> {
        Some(self.draws)
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        let name = "ReconstructionProbability";
        require_gaussian(name, facts)
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        self.variances.clear();
        if !self.is_by_column {
            return Ok(());
        }
        let mut variances = vec![0.0; reference.features()];
        let share = 1.0 / reference.samples() as f64;
        let mut missing = vec![0.0; variances.len()];
        for seen in reference.iter() {
            let errors = seen.drawn.map_or(&[][..], |drawn| drawn.squared_errors);
            variances.iter_mut().zip(errors).for_each(|(mean, error)| *mean += share * error);
            let counts = missing.iter_mut().zip(seen.x);
            counts.for_each(|(count, &x)| *count += if is_nan(x) { share } else { 0.0 });
        }
        // Over those that are there; of a column without any nothing is known.
        let there = variances.iter_mut().zip(missing);
        there.for_each(|(mean, missing)| *mean /= (1.0 - missing).max(0.5 * share));
        let mean = variances.iter().sum::<f64>() / variances.len() as f64;
        let name = "ReconstructionProbability residuals of the reference";
        require(mean.is_finite(), name, mean, "finite")?;
        for variance in &mut variances {
            *variance = variance.max(FLOOR * FLOOR * mean);
            // Nothing is known of a column without any residual.
            if *variance <= f64::MIN_POSITIVE {
                *variance = 1.0;
            }
        }
        self.variances = variances;
        Ok(())
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], _: &mut [f64]) -> f64 {
        features.fill(0.0);
        let Some(drawn) = seen.drawn else { return 0.0 };
        let scale = seen.scale();
        if self.is_by_column {
            let errors = drawn.squared_errors.iter().zip(&self.variances);
            for (to, (error, variance)) in features.iter_mut().zip(errors) {
                *to = scale * (0.5 * error / variance);
            }
            return features.iter().sum();
        }
        let all: f64 = drawn.squared_errors.iter().sum();
        let loss = scale * drawn.loss;
        if all > 0.0 {
            let share = loss.max(0.0) / all;
            for (to, error) in features.iter_mut().zip(drawn.squared_errors) {
                *to = share * error;
            }
        }
        loss
    }

    fn numbers(&self) -> Numbers {
        if self.is_by_column {
            Numbers::new().with("variances", &self.variances[..])
        } else {
            Numbers::new()
        }
    }

    fn restore(&mut self, numbers: &Numbers, features: usize, _: usize) -> Result<()> {
        let length = if self.is_by_column { features } else { 0 };
        let variances = numbers.exactly("variances", length)?;
        for &variance in variances {
            let valid = variance > 0.0 && variance.is_finite();
            let name = "ReconstructionProbability variance";
            require(valid, name, variance, "finite and greater than 0")?;
        }
        self.variances = variances.to_vec();
        Ok(())
    }
}
