use std::fmt::Debug;

use super::activation::Ranged;
use super::{Layer, Part};
use crate::numbers::scalar::Float;

/// A decoder that shares the encoder's weights: the encoder's layers backwards, each with
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
/// use autoencoder::{AutoEncoder, Dense, Then, Tied, activation::{Identity, Sigmoid}};
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
    pub(crate) fn mirror<E: Shareable>(self, encoder: &E) -> E::Mirror<A>
    where
        A: Ranged + Clone + Debug + Send + Sync + 'static,
    {
        let all = encoder.num_parameters();
        encoder.mirror(self.activation, Place { all, parameters: 0, biases: 0 })
    }
}

/// Layers whose weights a decoder can share: a dense or convolutional layer, or a chain of them.
///
/// The mirror of y = s(W x + b) is x̂ = t(Wᵀ y + c), with biases c of its own. In the mirror of a chain
/// the last layer comes first, and between two layers lies the activation that lies there in the chain;
/// only the very last activation, t, is new.
#[diagnostic::on_unimplemented(
    message = "this encoder's weights cannot be shared by a tied decoder",
    label = "tied weights need an encoder of dense or convolutional layers",
    note = "a `Gaussian`, a conditional or a boxed encoder takes a decoder of its own"
)]
pub trait Shareable: Part + Clone + 'static {
    /// The activation of its last layer.
    type Last: Ranged + Clone + Debug + Send + Sync + 'static;
    /// What its mirror is.
    type Mirror<S: Ranged + Clone + Debug + Send + Sync + 'static>: Part<Input = Self::Output, Output = Self::Input, Range = S::Range>
        + Clone
        + 'static;

    /// The activation of its last layer.
    fn last(&self) -> &Self::Last;

    /// The number of the mirror's biases.
    fn num_mirror_biases(&self) -> usize;

    /// Its mirror, which ends in this activation.
    fn mirror<S: Ranged + Clone + Debug + Send + Sync + 'static>(
        &self,
        activation: S,
        at: Place,
    ) -> Self::Mirror<S>;
}

/// Where the parameters lie that a layer of the encoder and its mirror have.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Parameters of the whole encoder.
    pub(super) all: usize,
    /// The first of the layer's among them.
    pub(super) parameters: usize,
    /// The first of the mirror's biases among all biases of the decoder.
    pub(super) biases: usize,
}

/// What can become a part of another model: the same map, with all its weights its own.
pub trait Detach<T: Float>: Layer<T> + Part {
    /// The part.
    type Detached: Layer<T> + Part<Input = Self::Input, Output = Self::Output> + Clone + 'static;

    /// The part, with its parameters appended, out of those that it is given in the model.
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self::Detached;
}
