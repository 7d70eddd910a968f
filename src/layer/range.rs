//! The range of an activation, as a type; what ends in the activation has its range too.

/// All real numbers.
#[derive(Debug, Clone, Copy)]
pub struct Real;
/// Zero and all positive numbers.
#[derive(Debug, Clone, Copy)]
pub struct NonNegative;
/// From 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct UnitInterval;
/// From −1 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Symmetric;

/// A range with two ends, on which a mean activation has a meaning as a rate.
#[diagnostic::on_unimplemented(
    message = "KL sparsity needs a bounded code, but the range of this code is `{Self}`",
    label = "the code is not bounded",
    note = "end the encoder in `Sigmoid` or `Tanh`, or use `CodeL1`, which takes any code"
)]
pub trait Bounded {
    /// The lower end.
    const LOW: f64;
    /// The upper end.
    const HIGH: f64;
}
impl Bounded for UnitInterval {
    const LOW: f64 = 0.0;
    const HIGH: f64 = 1.0;
}
impl Bounded for Symmetric {
    const LOW: f64 = -1.0;
    const HIGH: f64 = 1.0;
}

/// A range that can hold logits, ln(p / (1 − p)): the whole real line.
#[diagnostic::on_unimplemented(
    message = "a Bernoulli loss takes logits, but the range of this decoder's output is `{Self}`",
    label = "the decoder's output are not logits",
    note = "end the decoder in `Identity`: the loss applies the sigmoid itself"
)]
pub trait Logits {}
impl Logits for Real {}
