use std::marker::PhantomData;

use nalgebra::{Const, Dyn};
use rand::Rng;

use super::jacobian::{Asked, JacobianGradient};
use super::layout::Layout;
use super::tied::Detach;
use super::{
    DualViewMut, Layer, Module, Part, Pass, SameCondition, TangentPass, Unconditioned, field_by,
    layer_by, module_by,
};
use crate::batch::size::Size;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_count, require_size};
use crate::numbers::scalar::Float;

/// An encoder or a decoder that is given a condition of `K` numbers beside its `N` inputs: of an
/// encoder the features, of a decoder the code units.
///
/// The part inside has `N + K` inputs: first those `N`, then the condition. From outside it has `N`, so that
/// encoder and decoder fit as those of any model do. Both halves of a model are told the same.
///
/// # Example
/// ```
/// use autoencoder::{Conditioned, Dense, activation::Tanh};
/// let encoder = Conditioned::<64, 10, _>::new(Dense::<74, 16>::new(Tanh));
/// let decoder = Conditioned::<16, 10, _>::new(Dense::<26, 64>::new(Tanh));
/// # let _ = (encoder, decoder);
/// ```
/// An encoder of images that begins with a convolution takes the condition as further channels, by
/// [`ConditionPlanes`](super::ConditionPlanes).
///
/// Sizes that do not add up are refused by the compiler, once it makes a program and not only checks it:
/// ```compile_fail
/// use autoencoder::{Conditioned, Dense, activation::Tanh};
/// let encoder = Conditioned::<64, 10, _>::new(Dense::<64, 16>::new(Tanh)); // where would the condition go?
/// ```
#[derive(Debug)]
pub struct Conditioned<const N: usize, const K: usize, P>(PhantomData<P>);

impl<const N: usize, const K: usize, P: Part> Conditioned<N, K, P> {
    /// Of a part with `N + K` inputs, any that a model can have but a [`Tied`](crate::Tied) decoder.
    #[allow(clippy::new_ret_no_self)] // As for `Dense`.
    pub fn new<const INPUTS: usize>(part: P) -> ConditionedPart<P, Const<N>, Const<K>>
    where
        P: Part<Input = Const<INPUTS>>,
        P::Condition: SameCondition<Unconditioned>,
    {
        const {
            assert!(
                N > 0 && K > 0,
                "`Conditioned::<N, K, _>` needs at least one input and a condition"
            );
            assert!(
                N + K == INPUTS,
                "the part in `Conditioned::<N, K, _>` must have N + K inputs: of an encoder the features, \
                 of a decoder the code units, and then the K numbers of the condition"
            );
        }
        ConditionedPart { part, inputs: Const, condition: Const }
    }
}

impl<P: Part> Conditioned<0, 0, P> {
    /// With a condition of so many numbers, known at run time only, that come last among the inputs of the part.
    pub fn dynamic(condition: usize, part: P) -> ConditionedPart<P, Dyn, Dyn>
    where
        P: Part<Input = Dyn>,
        P::Condition: SameCondition<Unconditioned>,
    {
        let inputs = Dyn(part.num_inputs().saturating_sub(condition));
        ConditionedPart { part, inputs, condition: Dyn(condition) }
    }
}

/// What [`Conditioned`] makes.
#[derive(Debug, Clone)]
pub struct ConditionedPart<P, N, K> {
    part: P,
    inputs: N,
    condition: K,
}

impl<P, N, K> ConditionedPart<P, N, K> {
    /// The part inside, with as many inputs as there are inputs and numbers of a condition.
    pub fn part(&self) -> &P {
        &self.part
    }
}

impl<P: Module, N: Size, K: Size> Module for ConditionedPart<P, N, K> {
    module_by!(part);
    field_by!(part);
    fn check_sizes(&self) -> Result<()> {
        self.part.check_sizes()?;
        require_count("Conditioned inputs", self.inputs.value())?;
        require_count("the numbers of a condition", self.condition.value())?;
        let inputs = self.inputs.value() + self.condition.value();
        let place = "the part in `Conditioned`";
        require_size(place, "inputs and numbers of a condition", inputs, self.part.num_inputs())
    }
}

impl<P: Part, N: Size, K: Size> Part for ConditionedPart<P, N, K> {
    type Input = N;
    type Output = P::Output;
    type Range = P::Range;
    type Posterior = P::Posterior;
    type Condition = K;
    fn input(&self) -> N {
        self.inputs
    }
    fn output(&self) -> P::Output {
        self.part.output()
    }
}

impl<T: Float, P: Layer<T> + Clone + 'static, N: Size, K: Size> Layer<T>
    for ConditionedPart<P, N, K>
{
    fn layout(&self, layout: &mut Layout) {
        self.part.layout(layout);
        layout.setting(format_args!("given a condition of {} numbers", self.condition.value()));
    }
    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        self.part.draw_parameters(parameters, rng);
    }
    layer_by!(part);
}

impl<T: Float, P: Detach<T> + Clone + 'static, N: Size, K: Size> Detach<T>
    for ConditionedPart<P, N, K>
{
    type Detached = ConditionedPart<P::Detached, N, K>;
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self::Detached {
        let (inputs, condition) = (self.inputs, self.condition);
        ConditionedPart { part: self.part.detach(parameters, to), inputs, condition }
    }
}
