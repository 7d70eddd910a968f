use super::{Encoded, PenaltyGradient, Regularizer};
use crate::code::encoder::Encoder;
use crate::error::{Result, require_weight};
use crate::layer::layout::Role;
use crate::numbers::scalar::{Scalar, sum};
use crate::terms::Terms;

/// Keeps the weights of encoder and decoder small; biases are left alone.
///
/// # Formula
/// ½ λ Σ W², once a batch (not a sample). Its term is `weight_decay`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightDecay {
    weight: f64,
}

impl WeightDecay {
    /// With the weight λ, finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(weight: f64) -> Result<Self> {
        require_weight("WeightDecay weight", weight)?;
        Ok(Self { weight })
    }
}

impl<E: Encoder> Regularizer<E> for WeightDecay {
    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        mut gradient: Option<&mut PenaltyGradient<'_, E>>,
        _scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        let lambda = E::Scalar::of(self.weight);
        let mut total = E::Scalar::ZERO;
        for tensor in at.layout.tensors().iter().filter(|tensor| tensor.role == Role::Weight) {
            let weights = &at.parameters[tensor.range.clone()];
            total += sum(weights, |w| w * w);
            if let Some(gradient) = &mut gradient {
                for (d, &w) in gradient.parameters[tensor.range.clone()].iter_mut().zip(weights) {
                    *d += lambda * w;
                }
            }
        }
        terms.add("weight_decay", E::Scalar::of(0.5) * lambda * total);
    }
}
