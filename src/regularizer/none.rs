use super::{Across, Needs, Regularizer, SuitedTo};
use crate::code::Facts;
use crate::layer::Part;
use crate::numbers::scalar::Float;

/// No regularizer: only a code narrower than the input keeps the model from the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoRegularizer;

impl<E: Part> SuitedTo<E> for NoRegularizer {}

impl<T: Float> Regularizer<T> for NoRegularizer {
    fn describe(&self) -> String {
        "NoRegularizer".to_owned()
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs { takes_pairs: true, across: Across::Nothing, ..Needs::nothing() }
    }
}
