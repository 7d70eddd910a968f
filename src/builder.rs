//! From descriptions to a model.
//!
//! A *description* has sizes and activations, but no scalar type and no weights; several models
//! can be built from clones of it. [`Builder::build`] draws the weights.

use nalgebra::{Const, Dim};

use crate::activation::Identity;
use crate::decoder::{BoxedDecoder, Decoder};
use crate::encoder::{BoxedEncoder, Encoder};
use crate::error::{Result, require_size};
use crate::layer::{DenseLayer, Layer, Module};
use crate::loss::{Loss, SquaredError};
use crate::posterior::Posterior;
use crate::regularizer::{NoRegularizer, Regularizer};
use crate::{AutoEncoder, Normalizer, Scalar, size::SameSize};

/// A part with known sizes: a description or a built part.
pub trait Describe {
    /// The number of inputs.
    type Input: Dim;
    /// The number of outputs; of an encoder, of code units.
    type Output: Dim;
}

/// A description that can be built in the number type `T`.
pub trait Build<T: Scalar>: Describe {
    /// What is built.
    type Built;
    /// Builds it. Its parameters are drawn later, by the model it becomes a part of.
    fn build(self) -> Self::Built;
}

/// A built layer describes itself.
impl<L: Layer> Describe for L {
    type Input = L::Input;
    type Output = L::Output;
}
impl<T: Scalar, L: Layer<Scalar = T>> Build<T> for L {
    type Built = Self;
    fn build(self) -> Self {
        self
    }
}

impl<T: Scalar, I: Dim, C: Dim, P, R> Describe for BoxedEncoder<T, I, C, P, R> {
    type Input = I;
    type Output = C;
}
impl<T: Scalar, I: Dim, C: Dim, P: Posterior, R> Build<T> for BoxedEncoder<T, I, C, P, R> {
    type Built = Self;
    fn build(self) -> Self {
        self
    }
}

impl<T: Scalar, C: Dim, O: Dim, R> Describe for BoxedDecoder<T, C, O, R> {
    type Input = C;
    type Output = O;
}
impl<T: Scalar, C: Dim, O: Dim, R> Build<T> for BoxedDecoder<T, C, O, R> {
    type Built = Self;
    fn build(self) -> Self {
        self
    }
}

/// Not chosen yet.
#[derive(Debug, Clone, Copy)]
pub struct Unset;

/// Collects the parts of an [`AutoEncoder`]: first the encoder, then the decoder, then the rest.
///
/// | part | purpose | default |
/// |---|---|---|
/// | [`encoder`](Builder::encoder) | input → code | required |
/// | [`decoder`](Builder::decoder) | code → reconstruction | required |
/// | [`regularizer`](Builder::regularizer) | keeps the model from the identity | [`NoRegularizer`] |
/// | [`loss`](Builder::loss) | compares reconstruction and input | [`SquaredError`] |
/// | [`normalizer`](Builder::normalizer) | takes features to one scale and back | none |
/// | [`seed`](Builder::seed) | of the first weights | 0 |
#[derive(Debug, Clone)]
pub struct Builder<E = Unset, D = Unset, R = NoRegularizer, L = SquaredError> {
    encoder: E,
    decoder: D,
    regularizer: R,
    loss: L,
    normalizer: Option<Normalizer>,
    seed: u64,
}

impl AutoEncoder<DenseLayer<f32, Const<1>, Const<1>, Identity>, Unset> {
    /// Starts to collect the parts of a model of any type.
    pub fn builder() -> Builder {
        Builder {
            encoder: Unset,
            decoder: Unset,
            regularizer: NoRegularizer,
            loss: SquaredError,
            normalizer: None,
            seed: 0,
        }
    }
}

impl<R, L> Builder<Unset, Unset, R, L> {
    /// The encoder: a layer, a chain of layers, a [`Gaussian`](crate::Gaussian), or a boxed encoder.
    pub fn encoder<E: Describe>(self, encoder: E) -> Builder<E, Unset, R, L> {
        let Self { decoder, regularizer, loss, normalizer, seed, .. } = self;
        Builder { encoder, decoder, regularizer, loss, normalizer, seed }
    }
}

impl<E: Describe, R, L> Builder<E, Unset, R, L> {
    /// The decoder: from the encoder's code back to the encoder's input.
    pub fn decoder<D: Describe>(self, decoder: D) -> Builder<E, D, R, L>
    where
        D::Input: SameSize<E::Output>,
        D::Output: SameSize<E::Input>,
    {
        let Self { encoder, regularizer, loss, normalizer, seed, .. } = self;
        Builder { encoder, decoder, regularizer, loss, normalizer, seed }
    }
}

impl<E, D, R, L> Builder<E, D, R, L> {
    /// What keeps the model from learning the identity; a tuple for several.
    pub fn regularizer<R2>(self, regularizer: R2) -> Builder<E, D, R2, L> {
        let Self { encoder, decoder, loss, normalizer, seed, .. } = self;
        Builder { encoder, decoder, regularizer, loss, normalizer, seed }
    }

    /// What compares the decoder's output with the clean input.
    pub fn loss<L2>(self, loss: L2) -> Builder<E, D, R, L2> {
        let Self { encoder, decoder, regularizer, normalizer, seed, .. } = self;
        Builder { encoder, decoder, regularizer, loss, normalizer, seed }
    }

    /// What was fitted to the training data, for features of different scale: inputs go through it
    /// before the encoder sees them, and reconstructions back through it, so that the user speaks in
    /// their own units. It is stored with the model.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Batch, Dense, Normalizer, activation::{Identity, Tanh}, data::Normalization};
    ///
    /// let data = Batch::from_iter([[20.0, 1013.0], [24.0, 1009.0], [22.0, 1011.0]]); // °C, hPa
    /// let model = AutoEncoder::builder()
    ///     .encoder(Dense::<2, 1>::new(Tanh))
    ///     .decoder(Dense::<1, 2>::new(Identity))
    ///     .normalizer(Normalizer::fit(Normalization::Standardize, &data)?)
    ///     .build::<f64>()?;
    /// let pressure = model.reconstruct(&data)?.sample(0)[1];
    /// assert!((pressure - 1011.0).abs() < 10.0); // hPa, though nothing is trained yet
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn normalizer(self, normalizer: Normalizer) -> Self {
        Self { normalizer: Some(normalizer), ..self }
    }

    /// The seed of the first weights.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Builds the model in the number type `T`, `f32` or `f64`, and draws its weights.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) where sizes known only at run time do
    /// not fit together, [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a size of 0.
    #[allow(clippy::type_complexity)]
    pub fn build<T: Scalar>(self) -> Result<AutoEncoder<E::Built, D::Built, R, L>>
    where
        E: Build<T>,
        D: Build<T>,
        E::Built: Encoder<Scalar = T, Input = E::Input, Code = E::Output>,
        D::Built: Decoder<
                Scalar = T,
                Code = <E::Built as Encoder>::Code,
                Output = <E::Built as Encoder>::Input,
            >,
        R: Regularizer<E::Built>,
        L: Loss<D::Built>,
    {
        let (encoder, decoder) = (self.encoder.build(), self.decoder.build());
        encoder.check_sizes()?;
        decoder.check_sizes()?;
        let (code, input) = (encoder.code_dim().value(), encoder.input_dim().value());
        require_size("the decoder's input", "code units", code, decoder.code_dim().value())?;
        require_size("the decoder's output", "features", input, decoder.output_dim().value())?;
        if let Some(features) = self.normalizer.as_ref().and_then(Normalizer::features) {
            require_size("the normalizer", "features", input, features)?;
        }
        let Self { regularizer, loss, normalizer, seed, .. } = self;
        Ok(AutoEncoder::assemble(encoder, decoder, regularizer, loss, normalizer, seed))
    }
}
