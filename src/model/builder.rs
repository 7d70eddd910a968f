//! From descriptions to a model.
//!
//! A *description* has sizes and activations, but no scalar type and no weights; several models
//! can be built from clones of it. [`Builder::build`] draws the weights.

use std::fmt;
use std::ops::Range;

use nalgebra::{Const, Dim};
use rand::Rng;

use crate::batch::size::SameSize;
use crate::code::decoder::{BoxedDecoder, Decoder, Tied, TiedDecoder};
use crate::code::encoder::{BoxedEncoder, Encoder, GaussianDescription};
use crate::code::posterior::Posterior;
use crate::data::Normalizer;
use crate::error::{Result, require_size};
use crate::layer::activation::Activation;
use crate::layer::activation::Identity;
use crate::layer::layout::Layout;
use crate::layer::trained::Trained;
use crate::layer::{
    Chain, ChainLayer, DenseDescription, DenseLayer, ElementwiseDescription, Layer, Mirror, Module,
};
use crate::loss::{Loss, SquaredError};
use crate::model::AutoEncoder;
use crate::numbers::scalar::Scalar;
use crate::random::keyed;
use crate::regularizer::{NoRegularizer, Regularizer};

/// A part with known sizes: a description or a built part.
pub trait Describe {
    /// The number of inputs.
    type Input: Dim;
    /// The number of outputs; of an encoder, of code units.
    type Output: Dim;
}

/// What a model starts with, collected as its parts are built one after the other.
pub struct Start<'a, T> {
    parameters: Vec<T>,
    frozen: Vec<Range<usize>>,
    rng: &'a mut dyn Rng,
}

impl<T> fmt::Debug for Start<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("num_parameters", &self.parameters.len()).finish()
    }
}

impl<'a, T: Scalar> Start<'a, T> {
    pub(crate) fn new(rng: &'a mut dyn Rng) -> Self {
        Self { parameters: Vec::new(), frozen: Vec::new(), rng }
    }

    /// Appends the first parameters of a part, drawn by it.
    pub fn draw<M: Module<Scalar = T> + ?Sized>(&mut self, part: &M) {
        let start = self.parameters.len();
        self.parameters.resize(start + part.num_parameters(), T::ZERO);
        // Wrong sizes are refused when all is built.
        if part.check_sizes().is_ok() {
            part.draw_parameters(&mut self.parameters[start..], self.rng);
        }
    }

    /// Appends parameters that are known, to stay as they are if they are frozen.
    pub(crate) fn take(&mut self, parameters: Vec<T>, is_frozen: bool) {
        let start = self.parameters.len();
        self.parameters.extend(parameters);
        if is_frozen {
            self.frozen.push(start..self.parameters.len());
        }
    }

    /// The parameters, and the generator that has drawn them; marks those that are frozen.
    pub(crate) fn finish(self, layout: &mut Layout) -> (Vec<T>, &'a mut dyn Rng) {
        self.frozen.into_iter().for_each(|range| layout.freeze(range, true));
        (self.parameters, self.rng)
    }
}

/// Appends the regularizer's own parameters.
pub(crate) fn add_own<E: Encoder, R: Regularizer<E>>(
    encoder: &E,
    regularizer: &R,
    layout: &mut Layout,
    parameters: &mut Vec<E::Scalar>,
    rng: &mut dyn Rng,
) {
    let start = parameters.len();
    parameters.resize(start + regularizer.num_parameters(encoder), E::Scalar::ZERO);
    let own = &mut parameters[start..];
    layout.kind("regularizer");
    layout.scope("regularizer", |layout| regularizer.layout(encoder, layout, own, rng));
}

/// A description that can be built in the number type `T`.
pub trait Build<T: Scalar>: Describe {
    /// What is built.
    type Built;

    /// Builds it and appends its first parameters, in the order of its [`Layout`]: most
    /// often by [`Start::draw`].
    fn build_into(self, start: &mut Start<'_, T>) -> Self::Built;

    /// Builds it alone; the model it becomes a part of draws its parameters.
    fn build(self) -> Self::Built
    where
        Self: Sized + Drawn,
    {
        self.build_into(&mut Start::new(&mut keyed(0, 0, 0)))
    }
}

/// A description whose parameters are drawn, so that nothing is lost when it is built alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has parameters of its own, which it would lose if it were built alone",
    label = "a trained part is built by the model it becomes a part of",
    note = "give it to `AutoEncoder::builder` or `Classifier::builder` as it is"
)]
pub trait Drawn {}
impl<L: Layer> Drawn for L {}
impl<I, O, A> Drawn for DenseDescription<I, O, A> {}
impl<N, A> Drawn for ElementwiseDescription<N, A> {}
impl<A: Drawn, B: Drawn> Drawn for Chain<A, B> {}
impl<B: Drawn, M: Drawn, V: Drawn> Drawn for GaussianDescription<B, M, V> {}

/// A built layer describes itself.
impl<L: Layer> Describe for L {
    type Input = L::Input;
    type Output = L::Output;
}
impl<T: Scalar, L: Layer<Scalar = T>> Build<T> for L {
    type Built = Self;
    fn build_into(self, start: &mut Start<'_, T>) -> Self {
        start.draw(&self);
        self
    }
}

impl<T: Scalar, I: Dim, C: Dim, P, R> Describe for BoxedEncoder<T, I, C, P, R> {
    type Input = I;
    type Output = C;
}
impl<T: Scalar, I: Dim, C: Dim, P: Posterior, R> Build<T> for BoxedEncoder<T, I, C, P, R> {
    type Built = Self;
    fn build_into(self, start: &mut Start<'_, T>) -> Self {
        start.draw(&self);
        self
    }
}

impl<T: Scalar, C: Dim, O: Dim, R> Describe for BoxedDecoder<T, C, O, R> {
    type Input = C;
    type Output = O;
}
impl<T: Scalar, C: Dim, O: Dim, R> Build<T> for BoxedDecoder<T, C, O, R> {
    type Built = Self;
    fn build_into(self, start: &mut Start<'_, T>) -> Self {
        start.draw(&self);
        self
    }
}

/// A description of a decoder for an encoder whose description is `E`: of sizes that fit it, or with
/// [tied weights](Tied), which take theirs from it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no decoder for this encoder",
    label = "not a decoder for this encoder",
    note = "a decoder is a `Dense` layer, a chain of layers, a trained or a boxed one, or `Tied`; tied \
            weights need an encoder of dense layers, so that a `Gaussian` or a boxed encoder takes \
            another decoder"
)]
pub trait DecoderFor<E: Describe> {}
impl<E: Describe, D: Describe> DecoderFor<E> for D
where
    D::Input: SameSize<E::Output>,
    D::Output: SameSize<E::Input>,
{
}
impl<E: Describe + Shareable, A> DecoderFor<E> for Tied<A> {}

/// A description of an encoder whose weights a decoder can share: a dense layer or a chain of them.
pub trait Shareable {}
impl<I, O, A> Shareable for DenseDescription<I, O, A> {}
impl<A: Shareable, B: Shareable> Shareable for Chain<A, B> {}
impl<M: Mirror> Shareable for Trained<M> {}
impl<T, I, O, A> Shareable for DenseLayer<T, I, O, A> {}
impl<A: Shareable, B: Shareable> Shareable for ChainLayer<A, B> {}

/// A description that can be built as the decoder of an encoder.
pub trait BuildDecoder<E: Encoder> {
    /// What is built.
    type Built;
    /// Builds it and appends its first parameters.
    fn build_decoder(self, encoder: &E, start: &mut Start<'_, E::Scalar>) -> Self::Built;
}
impl<E: Encoder, D: Build<E::Scalar>> BuildDecoder<E> for D {
    type Built = D::Built;
    fn build_decoder(self, _encoder: &E, start: &mut Start<'_, E::Scalar>) -> D::Built {
        self.build_into(start)
    }
}
impl<E: Mirror, A: Activation<E::Scalar>> BuildDecoder<E> for Tied<A> {
    type Built = TiedDecoder<E, A>;
    fn build_decoder(self, encoder: &E, start: &mut Start<'_, E::Scalar>) -> TiedDecoder<E, A> {
        let decoder = self.mirror(encoder);
        start.draw(&decoder);
        decoder
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
///
/// Then [`build`](Builder::build), or, of [`Conditioned`](crate::Conditioned) halves,
/// [`build_conditional`](Builder::build_conditional).
#[derive(Debug, Clone)]
pub struct Builder<E = Unset, D = Unset, R = NoRegularizer, L = SquaredError> {
    pub(crate) encoder: E,
    pub(crate) decoder: D,
    pub(crate) regularizer: R,
    pub(crate) loss: L,
    /// What the loss's own parameters begin as, where they were trained before.
    pub(crate) loss_parameters: Vec<f64>,
    pub(crate) normalizer: Option<Normalizer>,
    pub(crate) seed: u64,
}

impl AutoEncoder<DenseLayer<f32, Const<1>, Const<1>, Identity>, Unset> {
    /// Starts to collect the parts of a model of any type.
    pub fn builder() -> Builder {
        Builder {
            encoder: Unset,
            decoder: Unset,
            regularizer: NoRegularizer,
            loss: SquaredError,
            loss_parameters: Vec::new(),
            normalizer: None,
            seed: 0,
        }
    }
}

impl<E, D, L> Builder<E, D, NoRegularizer, L> {
    /// With parts whose sizes are known to fit.
    pub(crate) fn of(
        (encoder, decoder): (E, D),
        (loss, loss_parameters): (L, Vec<f64>),
        normalizer: Option<Normalizer>,
    ) -> Self {
        let regularizer = NoRegularizer;
        Self { encoder, decoder, regularizer, loss, loss_parameters, normalizer, seed: 0 }
    }
}

impl<R, L> Builder<Unset, Unset, R, L> {
    /// The encoder: a layer, a chain of layers, a [`Gaussian`](crate::Gaussian), or a boxed encoder.
    pub fn encoder<E: Describe>(self, encoder: E) -> Builder<E, Unset, R, L> {
        let Self { decoder, regularizer, loss, loss_parameters, normalizer, seed, .. } = self;
        Builder { encoder, decoder, regularizer, loss, loss_parameters, normalizer, seed }
    }
}

impl<E: Describe, R, L> Builder<E, Unset, R, L> {
    /// The decoder, from the encoder's code back to the encoder's input: a layer, a chain of layers, or
    /// [`Tied`].
    pub fn decoder<D: DecoderFor<E>>(self, decoder: D) -> Builder<E, D, R, L> {
        let Self { encoder, regularizer, loss, loss_parameters, normalizer, seed, .. } = self;
        Builder { encoder, decoder, regularizer, loss, loss_parameters, normalizer, seed }
    }
}

impl<E, D, R, L> Builder<E, D, R, L> {
    /// What keeps the model from learning the identity; a tuple for several.
    pub fn regularizer<R2>(self, regularizer: R2) -> Builder<E, D, R2, L> {
        let Self { encoder, decoder, loss, loss_parameters, normalizer, seed, .. } = self;
        Builder { encoder, decoder, regularizer, loss, loss_parameters, normalizer, seed }
    }

    /// What compares the decoder's output with the clean input.
    pub fn loss<L2>(self, loss: L2) -> Builder<E, D, R, L2> {
        let Self { encoder, decoder, regularizer, normalizer, seed, .. } = self;
        let loss_parameters = Vec::new();
        Builder { encoder, decoder, regularizer, loss, loss_parameters, normalizer, seed }
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
    /// not fit together, [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a size of 0, and for
    /// what a regularizer [refuses](Regularizer::check).
    #[allow(clippy::type_complexity)]
    pub fn build<T: Scalar>(self) -> Result<AutoEncoder<E::Built, D::Built, R, L>>
    where
        E: Build<T>,
        E::Built: Encoder<Scalar = T, Input = E::Input, Code = E::Output>,
        D: BuildDecoder<E::Built>,
        D::Built: Decoder<
                Scalar = T,
                Code = <E::Built as Encoder>::Code,
                Output = <E::Built as Encoder>::Input,
            >,
        R: Regularizer<E::Built>,
        L: Loss<D::Built>,
    {
        let Self { encoder, decoder, regularizer, loss, loss_parameters, normalizer, seed } = self;
        let mut rng = keyed(seed, 0, 0);
        let mut start = Start::new(&mut rng);
        let encoder = encoder.build_into(&mut start);
        let decoder = decoder.build_decoder(&encoder, &mut start);
        let loss = (loss, loss_parameters);
        assemble((encoder, decoder), regularizer, loss, normalizer, start)
    }
}

/// A model of built parts, once their sizes are found to fit.
pub(crate) fn assemble<E, D, R, L>(
    (encoder, decoder): (E, D),
    regularizer: R,
    (loss, loss_parameters): (L, Vec<f64>),
    normalizer: Option<Normalizer>,
    start: Start<'_, E::Scalar>,
) -> Result<AutoEncoder<E, D, R, L>>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    encoder.check_sizes()?;
    decoder.check_sizes()?;
    if let Some(parameters) = decoder.tied_to() {
        let place = "the encoder that a decoder with tied weights was made for";
        require_size(place, "parameters", parameters, encoder.num_parameters())?;
    }
    let (code, input) = (encoder.code_dim().value(), encoder.input_dim().value());
    require_size("the decoder's input", "code units", code, decoder.code_dim().value())?;
    require_size("the decoder's output", "features", input, decoder.output_dim().value())?;
    if let Some(features) = normalizer.as_ref().and_then(Normalizer::features) {
        require_size("the normalizer", "features", input, features)?;
    }
    loss.check_size(input)?;
    regularizer.check(&encoder)?;
    let mut model = AutoEncoder::assemble(encoder, decoder, regularizer, loss, normalizer, start);
    let own = model.loss_parameters();
    let own = model.parameters[own].iter_mut();
    own.zip(loss_parameters).for_each(|(own, value)| *own = E::Scalar::of(value));
    Ok(model)
}
