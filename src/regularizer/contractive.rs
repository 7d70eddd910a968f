use super::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo};
use crate::code::Facts;
use crate::error::{Result, require_count, require_weight};
use crate::layer::jacobian::{Asked, Jacobian, JacobianGradient};
use crate::layer::{Layer, Part};
use crate::numbers::scalar::Float;
use crate::terms::Terms;

/// Penalises how fast the code changes as the input moves, so that it keeps only the directions
/// in which the data varies.
///
/// # Formula
/// λ · mean over samples of ‖∂h/∂x‖²_F. The Jacobian is taken at what the encoder saw: the
/// corrupted input, if there is a corruption. For a Gaussian posterior, h is its mean; in a conditional model, x is
/// the sample alone, and its condition is held fixed.
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

impl<E: Part> SuitedTo<E> for Contractive {}

impl<T: Float> Regularizer<T> for Contractive {
    fn describe(&self) -> String {
        let jacobian = match self.jacobian {
            Jacobian::Exact => "Exact".to_owned(),
            Jacobian::Hutchinson { directions } => {
                format!("Hutchinson {{ directions: {directions} }}")
            }
        };
        format!("Contractive {{ weight: {:?}, jacobian: {jacobian} }}", self.weight)
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs { adds_to_parameters: true, across: Across::Nothing, ..Needs::nothing() }
    }

    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let weight = T::of(self.weight);
        let own = at.encoder.num_parameters();
        let gradient = gradient.map(|gradient| JacobianGradient {
            weight,
            d_output: gradient.posterior.mean_mut(),
            parameters: &mut gradient.parameters[..own],
        });
        let (how, inputs) = (self.jacobian, at.facts.features);
        let asked = Asked { how, inputs, shares: at.shares, streams: at.streams };
        let squared_norm = at.encoder.squared_jacobian(at.pass(), asked, gradient, scratch);
        terms.add("contractive", weight * squared_norm);
    }

    fn scratch_len(
        &self,
        encoder: &dyn Layer<T>,
        _facts: &Facts,
        samples: usize,
        _draws: usize,
    ) -> usize {
        encoder.jacobian_scratch_len(samples)
    }
}
