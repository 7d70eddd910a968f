//! The range of an activation, as a type; what ends in the activation has its range too.

/// Where values lie.
pub trait Range {
    /// The ends of it.
    const ENDS: (f64, f64);
}

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
/// Of what is chosen at run time: what types do not tell is asked when the model is built.
#[derive(Debug, Clone, Copy)]
pub struct AnyRange;

impl Range for Real {
    const ENDS: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
}
impl Range for NonNegative {
    const ENDS: (f64, f64) = (0.0, f64::INFINITY);
}
impl Range for UnitInterval {
    const ENDS: (f64, f64) = (0.0, 1.0);
}
impl Range for Symmetric {
    const ENDS: (f64, f64) = (-1.0, 1.0);
}
impl Range for AnyRange {
    const ENDS: (f64, f64) = Real::ENDS;
}

/// A range with two ends, on which a mean activation has a meaning as a rate.
#[diagnostic::on_unimplemented(
    message = "KL sparsity needs a bounded code, but the range of this code is `{Self}`",
    label = "the code is not bounded",
    note = "end the encoder in `Sigmoid` or `Tanh`, or use `CodeL1`, which takes any code"
)]
pub trait Bounded {}
impl Bounded for UnitInterval {}
impl Bounded for Symmetric {}
impl Bounded for AnyRange {}

/// A range that can hold logits, ln(p / (1 − p)): the whole real line.
#[diagnostic::on_unimplemented(
    message = "a Bernoulli loss takes logits, but the range of this decoder's output is `{Self}`",
    label = "the decoder's output are not logits",
    note = "end the decoder in `Identity`: the loss applies the sigmoid itself"
)]
pub trait Logits {}
impl Logits for Real {}
impl Logits for AnyRange {}
