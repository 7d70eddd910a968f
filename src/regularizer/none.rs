use super::Regularizer;
use crate::code::encoder::Encoder;

/// No regularizer: only a code narrower than the input keeps the model from the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoRegularizer;

impl<E: Encoder> Regularizer<E> for NoRegularizer {
    fn adds_to_parameters(&self) -> bool {
        false
    }
}
