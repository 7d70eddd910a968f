//! The model: encoder, decoder, regularizer and loss over one flat buffer of parameters.
//!
//! Here is what it holds; `inference` is its use, `objective` what training makes small,
//! `generation` what only a model with a prior can do.

pub mod builder;
pub mod classifier;
pub mod conditional;
pub mod contract;
#[cfg(feature = "safetensors")]
pub(crate) mod file;
mod generation;
pub mod gradcheck;
mod inference;
mod objective;
pub(crate) mod pass;
pub mod stack;
pub(crate) mod workspace;

use std::fmt;
use std::ops::Range;

use nalgebra::Dim;

pub(crate) use generation::Parts;
pub use generation::{AggregatedPosterior, Elbo};
pub(crate) use inference::one;

use crate::batch::{BatchView, BatchViewMut};
use crate::batch::{check_domain, check_finite, taken};
use crate::code::decoder::{Decoder, Detach};
use crate::code::encoder::Encoder;
use crate::data::Normalizer;
use crate::error::{Result, require_size};
use crate::layer::layout::Layout;
use crate::layer::trained::Trained;
use crate::loss::{Loss, SquaredError};
use crate::model::builder::{Start, add_own};
use crate::model::workspace::Workspace;
use crate::numbers::scalar::Scalar;
use crate::regularizer::{NoRegularizer, Regularizer};

/// Encoder, decoder, regularizer and loss, with their parameters: a trained or trainable model.
///
/// Made by [`AutoEncoder::builder`], trained by a [`Trainer`](crate::Trainer).
///
/// | call | gives | draws? |
/// |---|---|---|
/// | [`encode`](Self::encode) | the code: of a Gaussian posterior, its mean | no |
/// | [`decode`](Self::decode) | the reconstruction of a code | no |
/// | [`reconstruct`](Self::reconstruct) | decode after encode | no |
/// | [`score`](Self::score) | the loss of each sample's reconstruction | no |
/// | [`loss`](Self::loss) | the objective, term by term; this is what drives validation | no |
/// | [`elbo`](Self::elbo) | the evidence lower bound, with drawn codes | yes |
/// | [`sample`](Self::sample) | reconstructions of codes drawn from the prior | yes |
///
/// # Shapes
/// Inputs and reconstructions are `Input × samples`, codes are `Code × samples`. `encode_one` and its
/// like take and give one sample.
///
/// # Units
/// With a [`normalizer`](crate::Builder::normalizer) inputs and reconstructions are in the user's units, on
/// the way in and on the way out. Losses, scores and Jacobians are those of normalized inputs: that
/// is what is trained, and it weighs features of different scale alike.
///
/// # Errors
/// All calls that take data refuse NaN and infinity, a wrong width and zero samples, naming the
/// place, and then have changed nothing. The calls that compute a loss also refuse what the loss
/// is not defined on.
#[derive(Clone)]
pub struct AutoEncoder<E: Encoder, D, R = NoRegularizer, L = SquaredError> {
    encoder: E,
    decoder: D,
    regularizer: R,
    loss: L,
    pub(crate) normalizer: Option<Normalizer>,
    pub(crate) layout: Layout,
    pub(crate) parameters: Vec<E::Scalar>,
    pub(crate) state: Vec<E::Scalar>,
}

/// Its parts and the number of its parameters, not their values.
impl<E, D, R, L> fmt::Debug for AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: fmt::Debug,
    R: fmt::Debug,
    L: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AutoEncoder")
            .field("encoder", &self.encoder)
            .field("decoder", &self.decoder)
            .field("regularizer", &self.regularizer)
            .field("loss", &self.loss)
            .field("normalizer", &self.normalizer.as_ref().map(Normalizer::normalization))
            .field("num_parameters", &self.parameters.len())
            .finish()
    }
}

impl<E: Encoder, D, R, L> AutoEncoder<E, D, R, L> {
    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// The decoder.
    pub fn decoder(&self) -> &D {
        &self.decoder
    }

    /// The regularizer.
    pub fn regularizer(&self) -> &R {
        &self.regularizer
    }

    /// The loss.
    pub fn loss_function(&self) -> &L {
        &self.loss
    }

    /// What inputs go through before the encoder sees them, and reconstructions go back through.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    /// Where each tensor lies in [`parameters`](Self::parameters); prints as a summary table.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of trained parameters.
    pub fn num_parameters(&self) -> usize {
        self.parameters.len()
    }

    /// All parameters: those of encoder, decoder, loss and regularizer; [`layout`](Self::layout) says where each lies.
    pub fn parameters(&self) -> &[E::Scalar] {
        &self.parameters
    }

    /// One tensor by its path name, such as `encoder.0.weight`, stored column by column.
    pub fn parameter(&self, name: &str) -> Option<&[E::Scalar]> {
        self.layout.get(name).map(|tensor| &self.parameters[tensor.range.clone()])
    }

    pub(crate) fn encoder_parameters(&self) -> &[E::Scalar] {
        &self.parameters[..self.encoder.num_parameters()]
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for another number of parameters, [`Error::NotFinite`](crate::Error::NotFinite) (row: the
    /// index) for one that is not finite.
    pub fn set_parameters(&mut self, parameters: &[E::Scalar]) -> Result<()> {
        let call = "set_parameters";
        require_size(call, "parameters", self.parameters.len(), parameters.len())?;
        let rows = nalgebra::Dyn(parameters.len());
        check_finite(call, rows, BatchView::new(parameters, rows))?;
        self.parameters.copy_from_slice(parameters);
        Ok(())
    }
}

impl<E, D, R, L> AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
{
    /// What a decoder is given: the encoder's parameters and its own.
    pub(crate) fn decoder_parameters(&self) -> &[E::Scalar] {
        &self.parameters[..self.encoder.num_parameters() + self.decoder.num_parameters()]
    }

    /// Freezes the encoder, so that training leaves its parameters as they are and does not compute
    /// their gradient, or lets all of it be trained again, layers that were described as frozen too. Weights
    /// that a decoder shares are frozen with it. It makes no difference to files, and the entries of a
    /// [gradient](Self::objective) that belong to it are 0.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets};
    /// let digits = datasets::digits();
    /// let mut model = AutoEncoder::builder()
    ///     .encoder(Dense::<64, 16>::new(Sigmoid))
    ///     .decoder(Dense::<16, 64>::new(Sigmoid))
    ///     .build::<f32>()?;
    /// let before = model.parameters().to_vec();
    /// model.set_encoder_frozen(true);
    /// Trainer::new(Adam::new(1e-2)?).epochs(1).fit(&mut model, &digits.train)?;
    /// let encoder = 65 * 16;
    /// assert_eq!(model.parameters()[..encoder], before[..encoder]);
    /// assert_ne!(model.parameters()[encoder..], before[encoder..]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn set_encoder_frozen(&mut self, is_frozen: bool) {
        self.encoder.set_frozen(is_frozen);
        self.decoder.set_encoder_frozen(is_frozen);
        self.layout.freeze(0..self.encoder.num_parameters(), is_frozen);
    }

    /// As [`set_encoder_frozen`](Self::set_encoder_frozen), for the decoder. Of a decoder with tied
    /// weights that is its biases: the weights are the encoder's.
    pub fn set_decoder_frozen(&mut self, is_frozen: bool) {
        self.decoder.set_frozen(is_frozen);
        let own = self.encoder.num_parameters();
        self.layout.freeze(own..own + self.decoder.num_parameters(), is_frozen);
    }

    /// A copy of the encoder with its parameters, to be a part of another model. The normalizer is not a
    /// part of it: give the other model the same one.
    pub fn trained_encoder(&self) -> Trained<E>
    where
        E: Clone,
    {
        let is_frozen = self.layout.is_frozen(0..self.encoder.num_parameters());
        let trained = Trained::new(self.encoder.clone(), self.encoder_parameters().to_vec());
        if is_frozen { trained.frozen() } else { trained }
    }

    /// A copy of the decoder with its parameters, to be a part of another model. Of a decoder with tied
    /// weights it is an untied one: the same map with weights of its own, from now on free of the encoder.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Dense, activation::Sigmoid, datasets, decoder::Tied};
    /// let digits = datasets::digits();
    /// let tied = AutoEncoder::builder()
    ///     .encoder(Dense::<64, 16>::new(Sigmoid))
    ///     .decoder(Tied::new(Sigmoid))
    ///     .build::<f32>()?;
    /// let untied = AutoEncoder::builder()
    ///     .encoder(tied.trained_encoder())
    ///     .decoder(tied.trained_decoder())
    ///     .build::<f32>()?;
    /// assert_eq!(tied.num_parameters() + 16 * 64, untied.num_parameters());
    /// assert_eq!(tied.reconstruct(&digits.test)?, untied.reconstruct(&digits.test)?);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn trained_decoder(&self) -> Trained<D::Detached>
    where
        D: Detach,
    {
        let own = self.encoder.num_parameters();
        let is_frozen = self.layout.is_frozen(own..own + self.decoder.num_parameters());
        let trained = self.decoder.detach(self.decoder_parameters());
        if is_frozen { trained.frozen() } else { trained }
    }
}

impl<E, D, R, L> AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    pub(crate) fn assemble(
        encoder: E,
        decoder: D,
        regularizer: R,
        loss: L,
        normalizer: Option<Normalizer>,
        start: Start<'_, E::Scalar>,
    ) -> Self {
        let mut layout = Layout::new();
        layout.scope("encoder", |layout| encoder.layout(layout));
        layout.scope("decoder", |layout| decoder.layout(layout));
        let (mut parameters, rng) = start.finish(&mut layout);
        let (at, features) = (parameters.len(), encoder.input_dim().value());
        parameters.resize(at + loss.num_parameters(features), E::Scalar::ZERO);
        layout.kind(loss.name());
        layout.scope("loss", |layout| loss.layout(features, layout, &mut parameters[at..]));
        add_own(&encoder, &regularizer, &mut layout, &mut parameters, rng);
        let state = vec![E::Scalar::ZERO; regularizer.state_len(&encoder)];
        Self { encoder, decoder, regularizer, loss, normalizer, layout, parameters, state }
    }

    /// The place of the loss's parameters.
    pub(crate) fn loss_parameters(&self) -> Range<usize> {
        let start = self.decoder_parameters().len();
        start..start + self.loss.num_parameters(self.encoder.input_dim().value())
    }

    /// The samples as the encoder takes them: checked, and normalized into the buffer if the model has
    /// a normalizer.
    pub(crate) fn taken<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, E::Scalar, E::Input>,
        buffer: &'a mut Vec<E::Scalar>,
    ) -> Result<BatchView<'a, E::Scalar, E::Input>> {
        taken(call, self.encoder.input_dim(), self.normalizer.as_ref(), x, buffer)
    }

    /// As [`taken`](Self::taken), and refuses values on which the loss is not defined.
    pub(crate) fn compared<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, E::Scalar, E::Input>,
        buffer: &'a mut Vec<E::Scalar>,
    ) -> Result<BatchView<'a, E::Scalar, E::Input>> {
        let x = self.taken(call, x, buffer)?;
        check_domain::<D, L>(call, &self.loss, x, |_| false)?;
        Ok(x)
    }

    /// Takes the decoder's outputs to the user's units: what the loss compares, then what was
    /// normalized.
    pub(crate) fn restore(&self, mut outputs: BatchViewMut<'_, E::Scalar, E::Input>) -> Result<()> {
        self.loss.reconstruct(outputs.reborrow());
        self.normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.undo(outputs))
    }

    /// Memory for the calls whose name ends in `_into`, and for training steps; empty at first.
    pub fn workspace(&self) -> Workspace<E> {
        Workspace::new(&self.encoder)
    }

    /// Takes a training step's batch into the regularizer's state.
    pub(crate) fn update_state(&mut self, posterior: &E::Posterior, shares: Option<&[E::Scalar]>) {
        self.regularizer.update_state(&self.encoder, posterior, shares, &mut self.state);
    }
}
