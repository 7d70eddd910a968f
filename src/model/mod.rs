//! The model: encoder, decoder, regularizer and loss over one flat buffer of parameters.
//!
//! | file | holds |
//! |---|---|
//! | `mod` | the model as the user has it: its types, its parts |
//! | `builder` | from parts to a model |
//! | `parts` | whether parts fit together, before there is a network of them |
//! | `network` | what is inside, without types |
//! | `given` | what a call gives it: samples, conditions, targets, as it takes them |
//! | `passes` | what it makes of them |
//! | `step` | one pass forward and one back |
//! | `whole` | the codes of a batch whose shards have passes of their own |
//! | `inference` | codes, reconstructions, scores |
//! | `objective` | what training makes small |
//! | `generation` | what only a model with a prior can do |
//! | `classifier` | what only a model with a head can do |
//! | `predict` | what only a model with a target decoder can do |
//! | `training` | a model as the training loop sees it |
//! | `file` | saving and loading |
//! | `stack` | models one on the other |
//! | `gradcheck`, `contract` | proofs about a model |

pub(crate) mod blocks;
pub mod builder;
mod calls;
pub(crate) mod classifier;
pub mod contract;
mod draws;
#[cfg(feature = "safetensors")]
pub(crate) mod file;
mod generation;
mod given;
pub mod gradcheck;
pub(crate) mod inference;
pub(crate) mod lots;
pub(crate) mod network;
mod objective;
mod parts;
pub(crate) mod passes;
mod plain;
mod predict;
pub(crate) mod scalar;
mod settle;
mod sparse;
pub mod stack;
pub(crate) mod step;
mod training;
pub(crate) mod whole;
pub(crate) mod workspace;

use std::fmt;

pub use classifier::Classifier;
pub use generation::{AggregatedPosterior, Elbo, HowMany};
pub use inference::{OneInput, Unlabelled};
pub use scalar::Scalar;
pub use workspace::Workspace;

use crate::batch::size::Size;
use crate::code::Facts;
use crate::data::Normalizer;
use crate::error::Result;
use crate::layer::layout::Layout;
use crate::layer::trained::Trained;
use crate::layer::{Detach, Module, Part};
use crate::loss::SquaredError;
use crate::numbers::scalar::Float;
use crate::regularizer::NoRegularizer;
use network::Network;

/// Encoder, decoder, regularizer and loss, with their parameters: a trained or trainable model.
///
/// Made by [`AutoEncoder::builder`], trained by a [`Trainer`](crate::Trainer).
///
/// | call | gives | draws? |
/// |---|---|---|
/// | [`encode`](Self::encode) | the code: of a Gaussian posterior, its mean | no |
/// | [`decode`](Self::decode) | the reconstruction of a code | no |
/// | [`reconstruct`](Self::reconstruct) | decode after encode | no |
/// | [`impute`](Self::impute) | samples with what is expected of their missing values | no |
/// | [`score`](Self::score) | the loss of each sample's reconstruction | no |
/// | [`loss`](Self::loss) | the objective, term by term; this is what drives validation | no |
/// | [`elbo`](Self::elbo) | the evidence lower bound, with drawn codes | yes |
/// | [`predict`](Self::predict) | of a model with targets, the target of each sample; of a classifier, its class | no |
/// | [`encode_sparse`](Self::encode_sparse) | a sparse code as pairs of a unit and a value | no |
/// | [`sparse_dictionary`](Self::sparse_dictionary) | a model of sparse codes as plain weights; [and back](Self::set_sparse_dictionary) | no |
/// | [`sample`](Self::sample) | reconstructions of codes drawn from the prior | yes |
///
/// A [`Classifier`] is the same with a head in place of the decoder, a transcoder with a
/// [`target_decoder`](crate::Builder::target_decoder), which [predicts](Self::predict); a conditional model has [`Conditioned`](crate::Conditioned)
/// halves and takes `(&x, &conditions)` where others take `&x`.
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
/// All calls that take data refuse NaN and infinity, a wrong width or shape and zero samples, naming the
/// place, and then have changed nothing. The calls that compute a loss also refuse what the loss
/// is not defined on. A model whose normalizer [takes missing values](crate::Normalizer::fit_with_missing) takes NaN for
/// one; infinity it refuses too.
///
/// Training, [`encode`](Self::encode) and [`score`](Self::score) take streams, as do a detector's `scores`, `p_values` and
/// `detect`; what gives samples back does not ([`Error::Stream`](crate::Error::Stream)): load them, or lot by lot. Only
/// training takes [held-out samples](crate::Examples::held_out), and only training, [`loss`](Self::loss),
/// [`objective`](Self::objective) and its like take [weights](crate::Examples::weights). The others refuse them with
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter), as they would leave them out.
#[derive(Clone)]
pub struct AutoEncoder<E, D, R = NoRegularizer, L = SquaredError, T: Float = f32> {
    network: Network<T>,
    encoder: E,
    decoder: D,
    regularizer: R,
    loss: L,
}

/// An autoencoder of which only the number type is known: what a user stores whose layers, losses and regularizers
/// are chosen at run time.
pub type AnyAutoEncoder<T = f32> = AutoEncoder<
    crate::layer::Any<T>,
    crate::layer::Any<T>,
    Box<dyn crate::regularizer::Regularizer<T>>,
    Box<dyn crate::loss::Loss<T>>,
    T,
>;

/// Its parts and the number of its parameters, not their values.
impl<E, D, R, L, T: Float> fmt::Debug for AutoEncoder<E, D, R, L, T>
where
    E: fmt::Debug,
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
            .field("normalizer", &self.normalizer().map(Normalizer::normalization))
            .field("num_parameters", &self.num_parameters())
            .finish()
    }
}

impl<E, D, R, L, T: Float> AutoEncoder<E, D, R, L, T> {
    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    /// The decoder; of a classifier, the head.
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

    /// What is inside, without types.
    pub(crate) fn network(&self) -> &Network<T> {
        &self.network
    }

    pub(crate) fn network_mut(&mut self) -> &mut Network<T> {
        &mut self.network
    }

    /// What losses, priors and regularizers are told of it.
    pub fn facts(&self) -> &Facts {
        &self.network.facts
    }

    /// What inputs go through before the encoder sees them, and reconstructions go back through.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        self.network.normalizer.as_ref()
    }

    /// Where each tensor lies in [`parameters`](Self::parameters); prints as a summary table.
    pub fn layout(&self) -> &Layout {
        &self.network.layout
    }

    /// The number of trained parameters.
    pub fn num_parameters(&self) -> usize {
        self.network.parameters.len()
    }

    /// All parameters: those of encoder, decoder, loss and regularizer; [`layout`](Self::layout) says where each lies.
    pub fn parameters(&self) -> &[T] {
        &self.network.parameters
    }

    /// One tensor by its path name, such as `encoder.0.weight`, stored column by column. Of a conditional model the
    /// columns of a first weight are those of the inputs, then those of the condition.
    pub fn parameter(&self, name: &str) -> Option<&[T]> {
        let tensor = self.layout().get(name)?;
        Some(&self.parameters()[tensor.range.clone()])
    }

    /// Replaces all parameters. An encoder that ranks units [by norm](crate::layer::sparse::TopK::by_norm) takes the norms
    /// of the atoms that are given, whatever it is given for them.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for another number of parameters, [`Error::EntryNotFinite`](crate::Error::EntryNotFinite)
    /// for one that is not finite.
    pub fn set_parameters(&mut self, parameters: &[T]) -> Result<()> {
        self.network.set_parameters(parameters)
    }

    /// Memory for the calls whose name ends in `_into`, and for training steps; empty at first.
    pub fn workspace(&self) -> Workspace<T> {
        self.network.workspace()
    }
}

impl<E: Module, D: Module, R, L, T: Float> AutoEncoder<E, D, R, L, T> {
    /// Freezes the encoder, so that training leaves its parameters as they are and does not compute
    /// their gradient, or lets all of it be trained again, layers that were frozen one by one too. Weights
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
        self.decoder.set_shared_frozen(is_frozen);
        self.network.set_encoder_frozen(is_frozen);
    }

    /// As [`set_encoder_frozen`](Self::set_encoder_frozen), for the decoder. Of a decoder with tied
    /// weights that is its biases: the weights are the encoder's.
    pub fn set_decoder_frozen(&mut self, is_frozen: bool) {
        self.decoder.set_frozen(is_frozen);
        self.network.set_decoder_frozen(is_frozen);
    }
}

impl<E: Part, D: Part, R, L, T: Float> AutoEncoder<E, D, R, L, T> {
    /// A copy of the encoder with its parameters, to be a part of another model. The normalizer is not a
    /// part of it: give the other model the same one.
    pub fn trained_encoder(&self) -> Trained<E::Detached, T>
    where
        E: Detach<T>,
    {
        trained(&self.network, &self.encoder, self.network.places().encoder)
    }

    /// A copy of the decoder with its parameters, to be a part of another model. Of a decoder with tied
    /// weights it is an untied one: the same map with weights of its own, from now on free of the encoder.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Dense, Tied, activation::Sigmoid, datasets};
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
    pub fn trained_decoder(&self) -> Trained<D::Detached, T>
    where
        D: Detach<T>,
    {
        trained(&self.network, &self.decoder, self.network.places().decoder)
    }

    /// The size of a code.
    pub(crate) fn code_size(&self) -> E::Output {
        self.encoder.output()
    }

    /// The number of code units.
    pub(crate) fn units(&self) -> usize {
        self.encoder.output().value()
    }
}

/// A part of a network with its parameters, which lie at this place.
fn trained<T: Float, P: Detach<T>>(
    network: &Network<T>,
    part: &P,
    place: std::ops::Range<usize>,
) -> Trained<P::Detached, T> {
    let is_frozen = network.layout.is_frozen(place.clone());
    let given = if part.num_shared() > 0 { 0..place.end } else { place };
    let mut parameters = Vec::new();
    let part = part.detach(&network.parameters[given], &mut parameters);
    let trained = Trained::new(part, parameters);
    if is_frozen { trained.frozen() } else { trained }
}
