use super::{Encoded, PenaltyGradient, Regularizer};
use crate::code::encoder::Encoder;
use crate::code::posterior::Posterior;
use crate::error::{Result, require_count, require_weight};
use crate::layer::jacobian::{Jacobian, JacobianGradient};
use crate::numbers::scalar::Scalar;
use crate::terms::Terms;

/// Penalises how fast the code changes as the input moves, so that it keeps only the directions
/// in which the data varies.
///
/// # Formula
/// λ · mean over samples of ‖∂h/∂x‖²_F. The Jacobian is taken at what the encoder saw: the
/// corrupted input, if there is a corruption. For a Gaussian posterior, h is its mean.
///
/// One dense layer has a closed form, Σⱼ s′(zⱼ)² ‖Wⱼ‖². Deeper encoders are exact too, by as many
/// passes as there are inputs or code units, whichever are fewer; [`hutchinson`](Self::hutchinson)
/// estimates it by a few.
///
/// Its term is `contractive`.
///
/// # References
/// S. Rifai, P. Vincent, X. Muller, X. Glorot, Y. Bengio (2011), Contractive auto-encoders: explicit
/// invariance during feature extraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contractive {
    weight: f64,
    jacobian: Jacobian,
}

impl Contractive {
    /// With the weight λ, finite and not negative; exact.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(weight: f64) -> Result<Self> {
        require_weight("Contractive weight", weight)?;
        Ok(Self { weight, jacobian: Jacobian::Exact })
    }

    /// Estimates the norm, without bias, by this many random directions a sample (1 is usual).
    /// Only in training, and only where there is no closed form.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn hutchinson(self, directions: usize) -> Result<Self> {
        require_count("Contractive directions", directions)?;
        Ok(Self { jacobian: Jacobian::Hutchinson { directions }, ..self })
    }
}

impl<E: Encoder> Regularizer<E> for Contractive {
    fn needs_jacobian(&self) -> bool {
        true
    }

    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
        scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        let weight = E::Scalar::of(self.weight);
        let own = at.encoder.num_parameters();
        let gradient = gradient.map(|gradient| JacobianGradient {
            weight,
            d_output: gradient.posterior.mean_mut(),
            parameters: &mut gradient.parameters[..own],
        });
        let (encoder, inference) = (at.encoder, at.inference());
        let (shares, jacobian) = (at.shares, self.jacobian);
        let squared_norm =
            encoder.squared_jacobian(inference, shares, jacobian, at.streams, gradient, scratch);
        terms.add("contractive", weight * squared_norm);
    }

    fn scratch_len(&self, encoder: &E, samples: usize, _draws: usize) -> usize {
        encoder.jacobian_scratch_len(samples)
    }
}
