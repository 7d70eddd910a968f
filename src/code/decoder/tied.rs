use std::fmt::Debug;

use rand::Rng;

use super::{Decoder, Detach};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::layer::activation::Activation;
use crate::layer::layout::Layout;
use crate::layer::trained::Trained;
use crate::layer::{Mirror, Module, Pass};
use crate::numbers::scalar::Scalar;

/// Describes a decoder that shares the encoder's weights: the encoder's layers backwards, each with
/// its weight matrix transposed and a bias of its own.
///
/// # Formula
/// For an encoder h = s(W x + b): x̂ = t(Wᵀ h + c), with the activation t given here. For a chain
/// h₁ = s₁(W₁ x + b₁), h₂ = s₂(W₂ h₁ + b₂): x̂ = t(W₁ᵀ s₁(W₂ᵀ h₂ + c₂) + c₁); the activations inside
/// are the chain's own.
///
/// Its sizes and most of its type follow from the encoder's, so they cannot be wrong. It has as many
/// parameters as the encoder's layers have inputs.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, Then, activation::{Identity, Sigmoid}, decoder::Tied};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<784, 256>::new(Sigmoid).then(Dense::<256, 32>::new(Identity)))
///     .decoder(Tied::new(Sigmoid))
///     .build::<f32>()?;
/// assert_eq!(model.decoder().num_parameters(), 256 + 784);
/// # use autoencoder::Module;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// G. Hinton, R. Salakhutdinov (2006), Reducing the dimensionality of data with neural networks;
/// P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol (2008), Extracting and composing robust
/// features with denoising autoencoders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tied<A> {
    activation: A,
}

impl<A> Tied<A> {
    /// With the activation of the reconstruction.
    pub fn new(activation: A) -> Self {
        Self { activation }
    }

    /// The decoder of an encoder.
    pub(crate) fn mirror<E: Mirror>(self, encoder: &E) -> TiedDecoder<E, A>
    where
        A: Activation<E::Scalar>,
    {
        TiedDecoder { encoder: encoder.clone(), activation: self.activation, is_frozen: false }
    }
}

/// A decoder with tied weights. Described by [`Tied`].
///
/// Its own parameters are the biases, in the order in which a code passes them.
#[derive(Debug, Clone)]
pub struct TiedDecoder<E, A> {
    /// The layers it mirrors; they hold no numbers. What is frozen in the encoder is frozen in them too,
    /// so that the gradient of its weights is not computed here either.
    encoder: E,
    activation: A,
    is_frozen: bool,
}

impl<E: Mirror, A: Activation<E::Scalar>> TiedDecoder<E, A> {
    /// The encoder's part and its own of a slice that lies as the parameters do.
    fn parts<'a>(&self, slice: &'a [E::Scalar]) -> (&'a [E::Scalar], &'a [E::Scalar]) {
        slice.split_at(self.encoder.num_parameters())
    }
}

/// The same map, with weights of its own.
impl<E: Mirror, A: Activation<E::Scalar> + Clone> Detach for TiedDecoder<E, A> {
    type Detached = E::Untied<A>;
    fn detach(&self, parameters: &[E::Scalar]) -> Trained<E::Untied<A>> {
        let (activation, mut untied) = (self.activation.clone(), Vec::new());
        let layer = self.encoder.untie(activation, self.parts(parameters), &mut untied);
        Trained::new(layer, untied)
    }
}

impl<E: Mirror, A: Activation<E::Scalar>> Module for TiedDecoder<E, A> {
    type Scalar = E::Scalar;

    fn layout(&self, layout: &mut Layout) {
        layout.frozen(self.is_frozen, |layout| {
            self.encoder.mirror_layout(&self.activation, layout);
        });
    }

    fn num_parameters(&self) -> usize {
        self.encoder.num_biases()
    }

    fn draw_parameters(&self, parameters: &mut [E::Scalar], _rng: &mut dyn Rng) {
        parameters.fill(E::Scalar::ZERO);
    }

    fn tape_len(&self, samples: usize) -> usize {
        self.encoder.mirror_tape_len(&self.activation, samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        self.encoder.mirror_scratch_len(samples)
    }

    fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }

    fn check_sizes(&self) -> Result<()> {
        self.encoder.check_sizes()
    }
}

impl<E: Mirror, A: Activation<E::Scalar>> Decoder for TiedDecoder<E, A> {
    type Code = E::Output;
    type Output = E::Input;
    type Range = A::Range;

    fn code_dim(&self) -> E::Output {
        self.encoder.output_dim()
    }

    fn output_dim(&self) -> E::Input {
        self.encoder.input_dim()
    }

    fn decode(
        &self,
        parameters: &[E::Scalar],
        code: BatchView<'_, E::Scalar, E::Output>,
        y: BatchViewMut<'_, E::Scalar, E::Input>,
        tape: &mut [E::Scalar],
    ) {
        let parts = self.parts(parameters);
        self.encoder.mirror_forward(&self.activation, parts, code, y, tape);
    }

    fn tied_to(&self) -> Option<usize> {
        Some(self.encoder.num_parameters())
    }

    fn set_encoder_frozen(&mut self, is_frozen: bool) {
        self.encoder.set_frozen(is_frozen);
    }

    fn backward(
        &self,
        pass: Pass<'_, E::Scalar, E::Output, E::Input>,
        dy: BatchViewMut<'_, E::Scalar, E::Input>,
        d_code: Option<BatchViewMut<'_, E::Scalar, E::Output>>,
        gradient: Option<&mut [E::Scalar]>,
        scratch: &mut [E::Scalar],
    ) {
        let pass = Pass { parameters: self.parts(pass.parameters).0, ..pass };
        let (weights, biases) =
            gradient.map(|gradient| gradient.split_at_mut(self.encoder.num_parameters())).unzip();
        let gradient = (weights, biases.filter(|_| !self.is_frozen));
        self.encoder.mirror_backward(&self.activation, pass, dy, d_code, gradient, scratch);
    }
}
