//! Layers: differentiable maps with typed sizes, over parameters that are passed in.
//!
//! | layer | map |
//! |---|---|
//! | [`Dense`] | s(W x + b) |
//! | [`Elementwise`] | s(x), without parameters |
//! | [`Chain`] | one layer after the other, written `first.then(second)` |
//!
//! A layer has sizes and functions but holds no numbers: parameters come in as a flat slice, what
//! a backward pass needs lies on a flat *tape* that the forward pass has written, and temporary
//! room comes in as *scratch*. So a layer allocates nothing, can be shared between threads, and
//! can read another's parameters (tied weights).
//!
//! Four passes, each the derivative of an earlier one:
//!
//! | pass | computes |
//! |---|---|
//! | [`forward`](Layer::forward) | y = f(θ, x) |
//! | [`backward`](Layer::backward) | dθ = Jθᵀ dy, dx = Jᵀ dy |
//! | [`tangent`](Layer::tangent) | J v, the change of y as x moves along v |
//! | [`tangent_backward`](Layer::tangent_backward) | gradients of ⟨dy, y⟩ + ⟨d(Jv), J v⟩ |
//!
//! The last two make the contractive penalty exact for layers of any depth.
//!
//! # Laws
//! 1. `backward` agrees with finite differences of `forward`, for parameters and inputs.
//! 2. `tangent` agrees with finite differences of `forward` along v, and `tangent_backward` with
//!    those of `tangent`.
//! 3. `backward` writes its gradients over whatever was there; `tangent_backward`, which runs once for
//!    each of many directions, *adds* those of parameters.
//!    A frozen layer leaves them alone.
//! 4. A column of the output depends on the same column of the input only.

pub mod activation;
mod chain;
mod dense;
mod elementwise;
pub mod init;
pub mod jacobian;
pub mod layout;
mod mirror;
pub mod range;
pub(crate) mod trained;

use nalgebra::Dim;
use rand::Rng;
use std::fmt::Debug;

pub use chain::{Chain, ChainLayer, Then};
pub use dense::{Dense, DenseDescription, DenseLayer};
pub use elementwise::{Elementwise, ElementwiseDescription, ElementwiseLayer};
use jacobian::{Jacobian, JacobianGradient};
pub use mirror::{Mirror, MirrorGradient};

use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::layer::layout::Layout;
use crate::numbers::scalar::Scalar;
use crate::random::Streams;

/// What every trained part has: a scalar type, parameters, and its need of memory.
pub trait Module: Debug + Send + Sync {
    /// The number type it computes in.
    type Scalar: Scalar;

    /// Writes its tensors, in the order in which they lie in its parameter slice.
    fn layout(&self, layout: &mut Layout);

    /// The length of its parameter slice.
    fn num_parameters(&self) -> usize;

    /// Draws its first parameters.
    fn draw_parameters(&self, parameters: &mut [Self::Scalar], rng: &mut dyn Rng);

    /// The length of the tape that a forward pass over this many samples writes.
    fn tape_len(&self, samples: usize) -> usize;

    /// The length of the scratch that its backward passes need for this many samples.
    fn scratch_len(&self, samples: usize) -> usize;

    /// Whether it is frozen: its passes then leave their part of the parameters' gradient alone.
    fn is_frozen(&self) -> bool {
        false
    }

    /// Freezes it or lets it be trained again. What is frozen in a model stays as it is whatever its
    /// gradient says; a part that heeds this saves the time to compute it.
    fn set_frozen(&mut self, _is_frozen: bool) {}

    /// Compares sizes that are known at run time only; called once, when the model is built.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) where two neighbours disagree.
    fn check_sizes(&self) -> Result<()> {
        Ok(())
    }
}

/// What a forward pass read and left behind, for the passes that go back over it.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a, T, I, O> {
    /// The layer's parameters.
    pub parameters: &'a [T],
    /// The inputs.
    pub x: BatchView<'a, T, I>,
    /// The outputs.
    pub y: BatchView<'a, T, O>,
    /// The tape that the forward pass has written.
    pub tape: &'a [T],
}

/// A differentiable map from inputs to outputs, column by column.
///
/// The slices passed in have the lengths that [`Module`] states; batches have one column a sample.
pub trait Layer: Module {
    /// The number of inputs.
    type Input: Dim;
    /// The number of outputs.
    type Output: Dim;
    /// Where the outputs lie: a type of [`range`].
    type Range;

    /// The number of inputs.
    fn input_dim(&self) -> Self::Input;

    /// The number of outputs.
    fn output_dim(&self) -> Self::Output;

    /// y = f(θ, x); writes the tape.
    fn forward(
        &self,
        parameters: &[Self::Scalar],
        x: BatchView<'_, Self::Scalar, Self::Input>,
        y: BatchViewMut<'_, Self::Scalar, Self::Output>,
        tape: &mut [Self::Scalar],
    );

    /// Writes Jθᵀ dy into `gradient` and Jᵀ dy into `dx`, each if wanted. Uses up `dy`.
    fn backward(
        &self,
        pass: Pass<'_, Self::Scalar, Self::Input, Self::Output>,
        dy: BatchViewMut<'_, Self::Scalar, Self::Output>,
        dx: Option<BatchViewMut<'_, Self::Scalar, Self::Input>>,
        gradient: Option<&mut [Self::Scalar]>,
        scratch: &mut [Self::Scalar],
    );

    /// The length of the tape that a tangent pass over this many samples writes.
    fn tangent_tape_len(&self, samples: usize) -> usize;

    /// J v, with the Jacobian at the pass's inputs; writes the tangent tape.
    fn tangent(
        &self,
        pass: Pass<'_, Self::Scalar, Self::Input, Self::Output>,
        v: BatchView<'_, Self::Scalar, Self::Input>,
        jv: BatchViewMut<'_, Self::Scalar, Self::Output>,
        tangent_tape: &mut [Self::Scalar],
    );

    /// Goes back over a forward and a tangent pass at once: from gradients at y and at J v to
    /// those of the parameters (added), of x and of v (written, if wanted). Uses up `d`.
    fn tangent_backward(
        &self,
        pass: Pass<'_, Self::Scalar, Self::Input, Self::Output>,
        tangent: TangentPass<'_, Self::Scalar, Self::Input>,
        d: DualViewMut<'_, Self::Scalar, Self::Output>,
        d_input: Option<DualViewMut<'_, Self::Scalar, Self::Input>>,
        gradient: &mut [Self::Scalar],
        scratch: &mut [Self::Scalar],
    );

    /// The mean over samples of ‖∂y/∂x‖²_F and, if wanted, `weight` times its gradient. With
    /// `shares`, one a sample and together 1, it is the mean that counts each sample by its share.
    ///
    /// The default goes through tangent passes and serves every layer; override it where there is
    /// a closed form.
    fn squared_jacobian(
        &self,
        pass: Pass<'_, Self::Scalar, Self::Input, Self::Output>,
        shares: Option<&[Self::Scalar]>,
        jacobian: Jacobian,
        streams: Option<Streams<'_>>,
        gradient: Option<JacobianGradient<'_, Self::Scalar, Self::Output>>,
        scratch: &mut [Self::Scalar],
    ) -> Self::Scalar {
        jacobian::by_passes(self, pass, shares, jacobian, streams, gradient, scratch)
    }

    /// The length of the scratch that [`squared_jacobian`](Layer::squared_jacobian) needs.
    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        jacobian::scratch_len(self, samples)
    }
}

/// The direction of a tangent pass and the tape it has written.
#[derive(Debug, Clone, Copy)]
pub struct TangentPass<'a, T, I> {
    /// The direction, a column a sample.
    pub v: BatchView<'a, T, I>,
    /// The tape that the tangent pass has written.
    pub tape: &'a [T],
}

/// Gradients at a value and at its tangent.
#[derive(Debug)]
pub struct DualViewMut<'a, T, R> {
    /// The gradient at the value.
    pub value: BatchViewMut<'a, T, R>,
    /// The gradient at the tangent.
    pub tangent: BatchViewMut<'a, T, R>,
}

/// What points to a part is that part.
macro_rules! module_for_pointer {
    ($pointer:ty $(, $set_frozen:item)?) => {
        impl<M: Module + ?Sized> Module for $pointer {
            type Scalar = M::Scalar;
            fn layout(&self, layout: &mut Layout) {
                (**self).layout(layout);
            }
            fn num_parameters(&self) -> usize {
                (**self).num_parameters()
            }
            fn draw_parameters(&self, parameters: &mut [M::Scalar], rng: &mut dyn Rng) {
                (**self).draw_parameters(parameters, rng);
            }
            fn tape_len(&self, samples: usize) -> usize {
                (**self).tape_len(samples)
            }
            fn scratch_len(&self, samples: usize) -> usize {
                (**self).scratch_len(samples)
            }
            fn is_frozen(&self) -> bool {
                (**self).is_frozen()
            }
            $($set_frozen)?
            fn check_sizes(&self) -> Result<()> {
                (**self).check_sizes()
            }
        }
    };
}
module_for_pointer!(
    Box<M>,
    fn set_frozen(&mut self, is_frozen: bool) {
        (**self).set_frozen(is_frozen);
    }
);
module_for_pointer!(&M);

/// What points to a layer is that layer.
macro_rules! layer_for_pointer {
    ($pointer:ty) => {
        impl<L: Layer + ?Sized> Layer for $pointer {
            type Input = L::Input;
            type Output = L::Output;
            type Range = L::Range;
            fn input_dim(&self) -> L::Input {
                (**self).input_dim()
            }
            fn output_dim(&self) -> L::Output {
                (**self).output_dim()
            }
            fn forward(
                &self,
                parameters: &[L::Scalar],
                x: BatchView<'_, L::Scalar, L::Input>,
                y: BatchViewMut<'_, L::Scalar, L::Output>,
                tape: &mut [L::Scalar],
            ) {
                (**self).forward(parameters, x, y, tape);
            }
            fn backward(
                &self,
                pass: Pass<'_, L::Scalar, L::Input, L::Output>,
                dy: BatchViewMut<'_, L::Scalar, L::Output>,
                dx: Option<BatchViewMut<'_, L::Scalar, L::Input>>,
                gradient: Option<&mut [L::Scalar]>,
                scratch: &mut [L::Scalar],
            ) {
                (**self).backward(pass, dy, dx, gradient, scratch);
            }
            fn tangent_tape_len(&self, samples: usize) -> usize {
                (**self).tangent_tape_len(samples)
            }
            fn tangent(
                &self,
                pass: Pass<'_, L::Scalar, L::Input, L::Output>,
                v: BatchView<'_, L::Scalar, L::Input>,
                jv: BatchViewMut<'_, L::Scalar, L::Output>,
                tangent_tape: &mut [L::Scalar],
            ) {
                (**self).tangent(pass, v, jv, tangent_tape);
            }
            fn tangent_backward(
                &self,
                pass: Pass<'_, L::Scalar, L::Input, L::Output>,
                tangent: TangentPass<'_, L::Scalar, L::Input>,
                d: DualViewMut<'_, L::Scalar, L::Output>,
                d_input: Option<DualViewMut<'_, L::Scalar, L::Input>>,
                gradient: &mut [L::Scalar],
                scratch: &mut [L::Scalar],
            ) {
                (**self).tangent_backward(pass, tangent, d, d_input, gradient, scratch);
            }
            fn squared_jacobian(
                &self,
                pass: Pass<'_, L::Scalar, L::Input, L::Output>,
                shares: Option<&[L::Scalar]>,
                jacobian: Jacobian,
                streams: Option<Streams<'_>>,
                gradient: Option<JacobianGradient<'_, L::Scalar, L::Output>>,
                scratch: &mut [L::Scalar],
            ) -> L::Scalar {
                (**self).squared_jacobian(pass, shares, jacobian, streams, gradient, scratch)
            }
            fn jacobian_scratch_len(&self, samples: usize) -> usize {
                (**self).jacobian_scratch_len(samples)
            }
        }
    };
}
layer_for_pointer!(Box<L>);
layer_for_pointer!(&L);
