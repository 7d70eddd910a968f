use super::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::code::Facts;
use crate::error::{Result, require_weight};
use crate::layer::Part;
use crate::layer::layout::{Role, Tensor};
use crate::numbers::scalar::{Float, sum};
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

    /// Adds the term and, if wanted, its gradient.
    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        mut gradient: Option<&mut PenaltyGradient<'_, T>>,
        _scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let lambda = T::of(self.weight);
        let mut total = T::ZERO;
        // What losses and priors learn comes behind the parameters of the model, and is not decayed.
        let decays = |tensor: &&Tensor| {
            tensor.role == Role::Weight && tensor.range.end <= at.parameters.len()
        };
        for tensor in at.layout.tensors().iter().filter(decays) {
            let weights = &at.parameters[tensor.range.clone()];
            total += sum(weights, |w| w * w);
            if let Some(gradient) = &mut gradient {
                for (d, &w) in gradient.parameters[tensor.range.clone()].iter_mut().zip(weights) {
                    *d += lambda * w;
                }
            }
        }
        terms.add("weight_decay", T::of(0.5) * lambda * total);
    }
}

impl<E: Part> SuitedTo<E> for WeightDecay {}

impl<T: Float> Regularizer<T> for WeightDecay {
    fn describe(&self) -> String {
        format!("WeightDecay {{ weight: {:?} }}", self.weight)
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs {
            adds_to_parameters: true,
            takes_pairs: true,
            across: Across::Nothing,
            ..Needs::nothing()
        }
    }

    penalty!(WeightDecay);
}
