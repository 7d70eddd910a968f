//! What the training loop knows of what it trains.

use std::ops::Range;

use super::Report;
use super::examples::{
    Examples, Rows, SamplesAlone, WithConditions, WithConditionsAndLabels, WithLabels, WithTargets,
};
use super::settings::Plan;
use super::warning::Warning;
use crate::batch::size::{Refused, Size};
use crate::data::Normalizer;
use crate::error::Result;
#[cfg(feature = "safetensors")]
use crate::file::stored::{Saved, Stored};
use crate::layer::Unconditioned;
use crate::layer::layout::Layout;
use crate::loss::{Target, WithClass, WithInput, WithTarget};
use crate::numbers::scalar::Float;
use crate::random::Streams;
use crate::random::schedule::Schedule;
use crate::terms::Terms;

/// The samples of one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen<'a, T> {
    /// Their values and what belongs to each, a column each.
    pub(crate) rows: Rows<'a, T>,
    /// How much each counts, together 1, if they do not count alike.
    pub(crate) shares: Option<&'a [T]>,
    /// The randomness of a training step; none of a validation.
    pub(crate) streams: Option<Streams<'a>>,
    /// Where they lie in a batch that they are a shard of, if its [codes are gathered](Trainee::gathers).
    pub(crate) shard: Option<Shard>,
}

/// The place of a shard in its batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard {
    /// Its first sample.
    pub(crate) first: usize,
    /// What its objective counts in that of the batch.
    pub(crate) share: f64,
    /// Whether it was the last that was encoded.
    pub(crate) is_encoded: bool,
}

/// Parameters with an objective, and the memory of its passes: all that the loop knows of a model.
///
/// # Laws
/// 1. [`pass`](Self::pass) is a function of its arguments alone, whatever the memory was used for
///    before; that is what makes a resumed training equal to one that was never stopped.
/// 2. It leaves the parameters alone, and the gradient of those that must not move is 0.
pub(crate) trait Trainee<T: Float>: Send {
    /// The number of values of a sample.
    fn features(&self) -> usize;

    /// The number of values of an output.
    fn num_outputs(&self) -> usize;

    /// Where each tensor lies in the parameters.
    fn layout(&self) -> &Layout;

    fn parameters(&self) -> &[T];

    /// As a vector, since a step exchanges all of them.
    fn parameters_mut(&mut self) -> &mut Vec<T>;

    /// What a step changes beside the parameters; of fixed length, and empty for most.
    fn state(&self) -> &[T];

    fn state_mut(&mut self) -> &mut [T];

    /// The objective of the last pass, term by term.
    fn terms(&self) -> &Terms;

    /// The objective at these parameters, its own if none are given, and its gradient, if wanted, which is written
    /// over `gradient`.
    fn pass(&mut self, at: Option<&[T]>, chosen: &Chosen<'_, T>, gradient: Option<&mut [T]>);

    /// Whether a shard's pass needs the codes of its whole batch, in this order: room for them, those of each shard, taken
    /// in the order of the shards, and what is found of all.
    fn gathers(&self) -> bool;

    /// Makes room for the codes of so many samples, of which codes are drawn where there is randomness.
    fn begin_batch(&mut self, samples: usize, is_drawn: bool);

    /// Appends the codes of a shard.
    fn encode(&mut self, at: Option<&[T]>, chosen: &Chosen<'_, T>, to: &mut Vec<u8>);

    /// Takes the codes of a shard that begins at this sample and has so many; `None` if these are of another one.
    fn take_codes(&mut self, place: (usize, usize), codes: &[u8]) -> Option<()>;

    /// Finds what shards are to know of their batch.
    fn end_batch(
        &mut self,
        at: Option<&[T]>,
        all: (Option<&[T]>, Option<Streams<'_>>),
        wants_gradient: bool,
    );

    /// Takes the samples of the last pass, or those whose codes were gathered, into the state.
    fn update_state(&mut self, shares: Option<&[T]>);

    /// Behind [`update_state`](Self::update_state): gives parts that do nothing any more new parameters, where a part wants
    /// that, and appends the places of these, of which an optimizer is to remember nothing.
    fn revive(&mut self, streams: Streams<'_>, places: &mut Vec<Range<usize>>) {
        let _ = (streams, places);
    }

    /// The ends of what its outputs lie in, if they are compared with values.
    fn compared_range(&self) -> Option<(f64, f64)>;

    /// What is hardly meant, of the model itself.
    fn warning(&self) -> Option<Warning>;

    /// What its outputs are compared with.
    fn target(&self) -> Target;

    /// The schedules that the weights of its regularizers follow.
    fn schedules(&self) -> Vec<Box<dyn Schedule>>;

    /// What makes it another model than others beside its numbers.
    fn describe(&self) -> String;

    /// Code units that tell hardly anything about the samples of the last pass or validation.
    fn collapsed_units(&self) -> Vec<usize>;

    /// Refuses samples of a stream that cannot be trained on; those that are not finite may be let
    /// through, to make their batch diverge.
    fn check(
        &self,
        call: &'static str,
        block: Rows<'_, T>,
        lets_not_finite_through: bool,
    ) -> Result<()>;

    /// What the values of a stream go through before they are samples.
    fn normalizer(&self) -> Option<&Normalizer>;

    /// What goes into its file.
    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, T>;

    /// Takes back what was in a file that fits.
    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<T>);
}

/// A model as [`Trainer::fit`](super::Trainer::fit) takes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model that can be trained",
    label = "not a model",
    note = "a model is what `build` gives, behind its `?`"
)]
pub trait Trainable {
    /// The number type.
    type Scalar: Float;
    /// The size of a sample.
    type Input: Size;
    /// What is given with each sample.
    type Wanted;

    /// Trains it as the plan says.
    #[doc(hidden)]
    fn train<I: Size, G>(
        &mut self,
        plan: Plan<'_, '_, Self::Scalar>,
        examples: Examples<'_, Self::Scalar, I, G>,
    ) -> Result<Report>;
}

/// What is given with each sample, from what a model's outputs are compared with and what it is told: a
/// [`LossFor::Target`](crate::loss::LossFor::Target) and a [`Part::Condition`](crate::layer::Part::Condition).
pub trait Takes {
    /// A kind of examples.
    type Wanted;
}
impl Takes for (WithInput, Unconditioned) {
    type Wanted = SamplesAlone;
}
impl Takes for (WithClass, Unconditioned) {
    type Wanted = WithLabels;
}
impl<O> Takes for (WithTarget<O>, Unconditioned) {
    type Wanted = WithTargets<O>;
}
impl<const K: usize> Takes for (WithInput, nalgebra::Const<K>) {
    type Wanted = WithConditions<nalgebra::Const<K>>;
}
impl Takes for (WithInput, nalgebra::Dyn) {
    type Wanted = WithConditions<nalgebra::Dyn>;
}
impl<const K: usize> Takes for (WithClass, nalgebra::Const<K>) {
    type Wanted = WithConditionsAndLabels<nalgebra::Const<K>>;
}
impl Takes for (WithClass, nalgebra::Dyn) {
    type Wanted = WithConditionsAndLabels<nalgebra::Dyn>;
}
// Of what was refused already nothing more is said.
impl<O> Takes for (WithTarget<O>, Refused) {
    type Wanted = Refused;
}
impl Takes for (WithInput, Refused) {
    type Wanted = Refused;
}
impl Takes for (WithClass, Refused) {
    type Wanted = Refused;
}
impl<C> Takes for ((), C) {
    type Wanted = Refused;
}
