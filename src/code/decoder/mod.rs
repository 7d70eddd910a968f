//! Decoders: from a code back to an input.
//!
//! | decoder | map |
//! |---|---|
//! | every [`Layer`] | its own |
//! | [`Tied`] | the encoder's layers backwards, with the encoder's weights transposed |
//! | [`BoxedDecoder`] | chosen at run time |
//! | [`ConditionedPart`](crate::conditional::ConditionedPart) | that of a decoder that is given a condition too |
//!
//! # Laws
//! `backward` agrees with finite differences of `decode`, for parameters and codes.

mod boxed;
mod tied;

use nalgebra::Dim;

pub use boxed::{BoxedDecoder, DynDecoder};
pub use tied::{Tied, TiedDecoder};

use crate::batch::{BatchView, BatchViewMut};
use crate::layer::trained::Trained;
use crate::layer::{Layer, Module, Pass};

/// A differentiable map from codes to what the loss compares with the inputs.
///
/// # Parameters
/// A decoder is given the model's parameters up to the end of its own: its own are the *last*
/// [`num_parameters`](Module::num_parameters) of the slice, and what comes before, if anything, is
/// the encoder's, which a decoder with tied weights reads. Gradients are laid out alike.
pub trait Decoder: Module {
    /// The number of code units.
    type Code: Dim;
    /// The number of outputs.
    type Output: Dim;
    /// Where the outputs lie: a type of [`range`](crate::range).
    type Range;

    /// The number of code units.
    fn code_dim(&self) -> Self::Code;

    /// The number of outputs.
    fn output_dim(&self) -> Self::Output;

    /// Decodes each sample's code; writes the tape.
    fn decode(
        &self,
        parameters: &[Self::Scalar],
        code: BatchView<'_, Self::Scalar, Self::Code>,
        y: BatchViewMut<'_, Self::Scalar, Self::Output>,
        tape: &mut [Self::Scalar],
    );

    /// How many parameters of the encoder it reads, which are all; none if it has all of its own.
    fn tied_to(&self) -> Option<usize> {
        None
    }

    /// Hears that all of the encoder has been frozen or is to be trained again. Who reads the encoder's
    /// parameters does not compute their gradient while they are frozen.
    fn set_encoder_frozen(&mut self, _is_frozen: bool) {}

    /// From the gradient at the outputs (which is used up) to those of the parameters and of the code,
    /// each if wanted. They are written, but for what a tied decoder has to say about the encoder's
    /// parameters: that is *added*.
    fn backward(
        &self,
        pass: Pass<'_, Self::Scalar, Self::Code, Self::Output>,
        dy: BatchViewMut<'_, Self::Scalar, Self::Output>,
        d_code: Option<BatchViewMut<'_, Self::Scalar, Self::Code>>,
        gradient: Option<&mut [Self::Scalar]>,
        scratch: &mut [Self::Scalar],
    );
}

/// A decoder that can become a layer of its own, to be a part of another model.
#[diagnostic::on_unimplemented(
    message = "the decoder `{Self}` cannot become a part of another model",
    label = "not a layer that can be cloned",
    note = "layers and chains of them can, and `Tied` decoders"
)]
pub trait Detach: Decoder {
    /// The layer.
    type Detached: Layer<Scalar = Self::Scalar, Input = Self::Code, Output = Self::Output>;

    /// The layer with a copy of its parameters, out of those of the model.
    fn detach(&self, parameters: &[Self::Scalar]) -> Trained<Self::Detached>;
}

impl<L: Layer + Clone> Detach for L {
    type Detached = L;
    fn detach(&self, parameters: &[L::Scalar]) -> Trained<L> {
        let own = parameters.len() - self.num_parameters();
        Trained::new(self.clone(), parameters[own..].to_vec())
    }
}

/// Every layer is a decoder.
impl<L: Layer> Decoder for L {
    type Code = L::Input;
    type Output = L::Output;
    type Range = L::Range;

    fn code_dim(&self) -> L::Input {
        Layer::input_dim(self)
    }

    fn output_dim(&self) -> L::Output {
        Layer::output_dim(self)
    }

    fn decode(
        &self,
        parameters: &[L::Scalar],
        code: BatchView<'_, L::Scalar, L::Input>,
        y: BatchViewMut<'_, L::Scalar, L::Output>,
        tape: &mut [L::Scalar],
    ) {
        let own = parameters.len() - self.num_parameters();
        self.forward(&parameters[own..], code, y, tape);
    }

    fn backward(
        &self,
        pass: Pass<'_, L::Scalar, L::Input, L::Output>,
        dy: BatchViewMut<'_, L::Scalar, L::Output>,
        d_code: Option<BatchViewMut<'_, L::Scalar, L::Input>>,
        gradient: Option<&mut [L::Scalar]>,
        scratch: &mut [L::Scalar],
    ) {
        let own = pass.parameters.len() - self.num_parameters();
        let gradient = gradient.map(|gradient| &mut gradient[own..]);
        let pass = Pass { parameters: &pass.parameters[own..], ..pass };
        Layer::backward(self, pass, dy, d_code, gradient, scratch);
    }
}
