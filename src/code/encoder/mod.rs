//! Encoders: from an input to a posterior over its code.
//!
//! | encoder | posterior |
//! |---|---|
//! | every [`Layer`] | [`Point`]: the layer's outputs are the code |
//! | [`Gaussian`] | [`DiagonalGaussian`](crate::posterior::DiagonalGaussian): a body with one head for the mean, one for the log-variance |
//! | [`BoxedEncoder`] | either, chosen at run time |
//! | [`ConditionedPart`](crate::conditional::ConditionedPart) | that of an encoder that is given a condition too |
//!
//! # Laws
//! 1. `backward` agrees with finite differences of `infer`, for parameters and inputs.
//! 2. A sample's posterior depends on that sample only.

mod boxed;
mod gaussian;

use nalgebra::Dim;

pub use boxed::{BoxedEncoder, DynEncoder};
pub use gaussian::{Gaussian, GaussianDescription, GaussianEncoder};

use crate::batch::{BatchView, BatchViewMut};
use crate::code::posterior::{Point, Posterior};
use crate::layer::jacobian::{Jacobian, JacobianGradient};
use crate::layer::{Layer, Module, Pass};
use crate::random::Streams;

/// What an inference read and left behind, for the passes that go back over it.
#[derive(Debug)]
pub struct Inference<'a, T, I, P> {
    /// The encoder's parameters.
    pub parameters: &'a [T],
    /// The inputs, as the encoder saw them.
    pub x: BatchView<'a, T, I>,
    /// What the encoder said.
    pub posterior: &'a P,
    /// The tape that the inference has written.
    pub tape: &'a [T],
}

impl<T: Copy, I: Copy, P> Copy for Inference<'_, T, I, P> {}
impl<T: Copy, I: Copy, P> Clone for Inference<'_, T, I, P> {
    fn clone(&self) -> Self {
        *self
    }
}

/// A differentiable map from inputs to posteriors over their codes.
pub trait Encoder: Module {
    /// The number of inputs.
    type Input: Dim;
    /// The number of code units.
    type Code: Dim;
    /// Where the code lies: a type of [`range`](crate::range).
    type Range;
    /// What it says about a code.
    type Posterior: Posterior<Scalar = Self::Scalar, Code = Self::Code>;

    /// The number of inputs.
    fn input_dim(&self) -> Self::Input;

    /// The number of code units.
    fn code_dim(&self) -> Self::Code;

    /// A posterior of the right size, with no samples yet.
    fn posterior(&self) -> Self::Posterior;

    /// Infers the posterior of each sample; writes the tape.
    fn infer(
        &self,
        parameters: &[Self::Scalar],
        x: BatchView<'_, Self::Scalar, Self::Input>,
        posterior: &mut Self::Posterior,
        tape: &mut [Self::Scalar],
    );

    /// From the gradient at the posterior (which is used up) to that of the parameters and of the
    /// inputs, each written if wanted.
    fn backward(
        &self,
        inference: Inference<'_, Self::Scalar, Self::Input, Self::Posterior>,
        d_posterior: &mut Self::Posterior,
        dx: Option<BatchViewMut<'_, Self::Scalar, Self::Input>>,
        gradient: Option<&mut [Self::Scalar]>,
        scratch: &mut [Self::Scalar],
    );

    /// The mean over samples of ‖∂ code / ∂x‖²_F and, if wanted, `weight` times its gradient.
    /// The code is the posterior's mean. With `shares`, one a sample and together 1, it is the mean
    /// that counts each sample by its share.
    fn squared_jacobian(
        &self,
        inference: Inference<'_, Self::Scalar, Self::Input, Self::Posterior>,
        shares: Option<&[Self::Scalar]>,
        jacobian: Jacobian,
        streams: Option<Streams<'_>>,
        gradient: Option<JacobianGradient<'_, Self::Scalar, Self::Code>>,
        scratch: &mut [Self::Scalar],
    ) -> Self::Scalar;

    /// The length of the scratch that [`squared_jacobian`](Encoder::squared_jacobian) needs.
    fn jacobian_scratch_len(&self, samples: usize) -> usize;
}

#[allow(clippy::type_complexity)]
fn layer_pass<'a, L: Layer + ?Sized>(
    inference: Inference<'a, L::Scalar, L::Input, Point<L::Scalar, L::Output>>,
) -> Pass<'a, L::Scalar, L::Input, L::Output> {
    let Inference { parameters, x, posterior, tape } = inference;
    Pass { parameters, x, y: posterior.mean(), tape }
}

/// Every layer is an encoder whose outputs are the code.
impl<L: Layer> Encoder for L {
    type Input = L::Input;
    type Code = L::Output;
    type Range = L::Range;
    type Posterior = Point<L::Scalar, L::Output>;

    fn input_dim(&self) -> L::Input {
        Layer::input_dim(self)
    }

    fn code_dim(&self) -> L::Output {
        Layer::output_dim(self)
    }

    fn posterior(&self) -> Self::Posterior {
        Point::new(Layer::output_dim(self))
    }

    fn infer(
        &self,
        parameters: &[L::Scalar],
        x: BatchView<'_, L::Scalar, L::Input>,
        posterior: &mut Self::Posterior,
        tape: &mut [L::Scalar],
    ) {
        self.forward(parameters, x, posterior.mean_mut(), tape);
    }

    fn backward(
        &self,
        inference: Inference<'_, L::Scalar, L::Input, Self::Posterior>,
        d_posterior: &mut Self::Posterior,
        dx: Option<BatchViewMut<'_, L::Scalar, L::Input>>,
        gradient: Option<&mut [L::Scalar]>,
        scratch: &mut [L::Scalar],
    ) {
        let pass = layer_pass::<L>(inference);
        Layer::backward(self, pass, d_posterior.mean_mut(), dx, gradient, scratch);
    }

    fn squared_jacobian(
        &self,
        inference: Inference<'_, L::Scalar, L::Input, Self::Posterior>,
        shares: Option<&[L::Scalar]>,
        jacobian: Jacobian,
        streams: Option<Streams<'_>>,
        gradient: Option<JacobianGradient<'_, L::Scalar, L::Output>>,
        scratch: &mut [L::Scalar],
    ) -> L::Scalar {
        let pass = layer_pass::<L>(inference);
        Layer::squared_jacobian(self, pass, shares, jacobian, streams, gradient, scratch)
    }

    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        Layer::jacobian_scratch_len(self, samples)
    }
}
