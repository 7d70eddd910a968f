//! What types say of a part: its sizes, the range of its outputs, and what goes in and comes out beside them.

use nalgebra::Const;

use super::Module;
use super::field::Lies;
use super::range::Range;
use crate::batch::size::{Refused, Size};
use crate::error::{Result, require_fit};

/// All that the compiler knows of a part: of a layer, an encoder and a decoder alike.
///
/// What a part does is in [`Layer`](super::Layer), where no size is a type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer, encoder or decoder",
    label = "not a part of a model",
    note = "a part is a layer (`Dense::<64, 32>::new(Relu)`), a chain of layers (`first.then(second)`), a `Gaussian` \
            or an `Any`; an activation belongs into a layer, and a `Result` needs a `?`"
)]
pub trait Part: Module + Sized {
    /// The size of its inputs; of a conditional part without the condition.
    type Input: Size;
    /// The size of its outputs; of an encoder, of a code.
    type Output: Size;
    /// Where its outputs lie.
    type Range: Range;
    /// What it says about a code as an encoder: [`Point`], [`DiagonalGaussian`] or [`AnyPosterior`].
    type Posterior;
    /// The size of the condition that it takes beside each input; [`Unconditioned`] if it takes none.
    type Condition;

    /// The size of its inputs.
    fn input(&self) -> Self::Input;

    /// The size of its outputs.
    fn output(&self) -> Self::Output;

    /// How its inputs lie, where they are an image or a window: by default as the size of its inputs says. A part that
    /// holds another, as a box does, knows more than its own size where the other does. [`Module::lies`] says the same of
    /// the outputs.
    fn inputs_lie(&self) -> Option<Lies> {
        Lies::of(self.input())
    }
}

/// What meets another: samples, or one end of a part, of which its type says how many values it has and how they lie or,
/// where that has no shape, what is inside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    values: usize,
    lies: Option<Lies>,
}

impl End {
    pub(crate) fn new(values: usize, lies: Option<Lies>) -> Self {
        Self { values, lies }
    }

    /// Samples of this size.
    pub(crate) fn of(size: impl Size) -> Self {
        Self::new(size.value(), Lies::of(size))
    }

    pub(crate) fn input(part: &impl Part) -> Self {
        Self::new(part.input().value(), part.inputs_lie())
    }

    pub(crate) fn output(part: &impl Part) -> Self {
        let output = part.output();
        Self::new(output.value(), Lies::of(output).or_else(|| part.lies()))
    }

    /// What is behind `part`, or before it, where this is the other end: see [`Lies::behind`].
    pub(crate) fn behind(self, before: Self, part: &impl Module) -> Self {
        let lies = Lies::behind(before.lies, self.lies, part.keeps_places());
        Self { lies, ..self }
    }

    /// This, and where it does not know how its values lie, as those of the other do.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { lies: self.lies.or(other.lies), ..self }
    }

    /// The number of values.
    pub(crate) fn values(self) -> usize {
        self.values
    }

    /// How they lie, if they are an image or a window.
    pub(crate) fn lies(self) -> Option<Lies> {
        self.lies
    }

    /// Refuses an image or a window beside another of as many values; the values themselves are counted elsewhere.
    pub(crate) fn require(self, place: &'static str, found: Self) -> Result<()> {
        Lies::require(place, self.lies, found.lies)
    }
}

/// A posterior that is the code itself, without spread.
#[derive(Debug, Clone, Copy)]
pub struct Point;

/// N(μ, diag e^lv): a mean and a log-variance for each code unit.
///
/// # References
/// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
#[derive(Debug, Clone, Copy)]
pub struct DiagonalGaussian;

/// Of what is chosen at run time: which one it is, is asked when the model is built.
#[derive(Debug, Clone, Copy)]
pub struct AnyPosterior;

/// A posterior with a spread: it can be compared with a prior, and codes drawn from that prior can be decoded.
#[diagnostic::on_unimplemented(
    message = "this needs an encoder with a Gaussian posterior, but the posterior is `{Self}`",
    label = "the encoder gives a point, not a distribution",
    note = "describe the encoder as `Gaussian::new(body, mean, log_variance)`: only such a model has \
            a prior, so only it can be variational and only it can `sample`"
)]
pub trait Gaussianlike {}
impl Gaussianlike for DiagonalGaussian {}
impl Gaussianlike for AnyPosterior {}

/// The posterior of what can be followed by a layer, and be a decoder.
#[diagnostic::on_unimplemented(
    message = "what gives a `{Self}` can be neither a decoder nor be followed by a layer",
    label = "gives a distribution or a sparse code, not values",
    note = "layers before a Gaussian are its body: `Gaussian::new(first.then(second), mean, log_variance)`; a sparse code \
            is decoded by `Dictionary::new()`"
)]
pub trait Pointlike {}
impl Pointlike for Point {}
impl Pointlike for AnyPosterior {}

/// The same, asked when the model is built, where types could not tell.
pub(crate) fn require_point(place: &'static str, part: &(impl Module + ?Sized)) -> Result<()> {
    let fault = "gives a distribution, where a layer that gives a value for each unit is needed";
    let remedy = "a `Gaussian`, which gives a mean and a log-variance, can only be a whole encoder";
    require_fit(!part.is_gaussian(), place, fault, remedy)?;
    let fault = "gives a sparse code, which only a dictionary behind it takes";
    let remedy = "a `SparseEncoder` can only be a whole encoder";
    require_fit(part.in_common().is_none(), place, fault, remedy)
}

/// Refuses what can only be a whole encoder or decoder, where a link of others is needed.
pub(crate) fn require_link(place: &'static str, part: &(impl Module + ?Sized)) -> Result<()> {
    require_point(place, part)?;
    let fault = "has a skip, which only the whole decoder of a model can have";
    require_fit(part.skips().is_none(), place, fault, "leave out the skip")
}

/// Takes no condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unconditioned;
impl Size for Unconditioned {
    fn value(&self) -> usize {
        0
    }
}

/// Two parts that are told the same beside each sample.
#[diagnostic::on_unimplemented(
    message = "one half of this model is told `{Self}` and the other `{Other}` beside each sample",
    label = "one half is `Conditioned`, the other is not, or on another number of values",
    note = "wrap both halves: `Conditioned::<64, 10, _>::new(…)` and `Conditioned::<4, 10, _>::new(…)`, the \
            second as `.decoder(…)`, or, of a classifier, as `.head(…)` in place of `.classes::<K>()`"
)]
pub trait SameCondition<Other> {}
impl SameCondition<Self> for Unconditioned {}
impl<const K: usize> SameCondition<Self> for Const<K> {}
impl SameCondition<Self> for nalgebra::Dyn {}
// With a single candidate the compiler would unify and report bare types instead of our words.
#[diagnostic::do_not_recommend]
impl SameCondition<Refused> for Unconditioned {}
#[diagnostic::do_not_recommend]
impl<const K: usize> SameCondition<Refused> for Const<K> {}
#[diagnostic::do_not_recommend]
impl SameCondition<Refused> for nalgebra::Dyn {}
#[diagnostic::do_not_recommend]
impl<C> SameCondition<C> for Refused {}
