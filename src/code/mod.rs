//! What lies between encoder and decoder: how a code is found, what is said of it, and where it may lie.

pub mod dictionary;
mod gaussian;
pub mod posterior;
pub mod prior;

pub use gaussian::Gaussian;

use crate::layer::field::Lies;

/// What losses, priors and regularizers are told of a model: everything that types may have said, as values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Values of a sample; of a conditional model without the condition.
    pub features: usize,
    /// Values of an output of the decoder: the same again, or those of a target, or the logits of classes.
    pub outputs: usize,
    /// How a sample's values lie, where they are an image or a window; nothing of plain features, of which only the number is known.
    pub lies: Option<Lies>,
    /// Code units.
    pub units: usize,
    /// Whether the encoder says more about a code than a point.
    pub is_gaussian: bool,
    /// Whether codes come as pairs of a unit and a value in training, and a dictionary decodes them.
    pub has_pairs: bool,
    /// Whether the loss takes what the decoder gives for logits.
    pub takes_logits: bool,
    /// Whether the encoder has thresholds that are trained.
    pub trains_thresholds: bool,
    /// Whether it has gates.
    pub has_gates: bool,
    /// The ends of what the code lies in.
    pub range: (f64, f64),
    /// Numbers of the condition, 0 if there is none.
    pub condition: usize,
    /// Parameters of encoder and decoder.
    pub parameters: usize,
}
