//! Regularizers: everything that keeps an autoencoder from learning the identity.
//!
//! | regularizer | works by | for | term |
//! |---|---|---|---|
//! | [`NoRegularizer`] | nothing: the code must be narrow | any encoder | |
//! | [`SparseKl`] | a penalty: each unit's mean activation is pulled to a target | a bounded code | `sparse_kl` |
//! | [`CodeL1`] | a penalty: λ Σ ∣h∣ | any encoder | `code_l1` |
//! | [`Contractive`] | a penalty: λ ‖∂h/∂x‖² | any encoder | `contractive` |
//! | [`WeightDecay`] | a penalty: ½ λ Σ W² | any encoder | `weight_decay` |
//! | [`Denoising`] | a corruption of the input | any encoder | |
//! | [`Variational`] | a draw of the code and a penalty: β KL to the prior | a Gaussian posterior | `kl` |
//! | [`ImportanceWeighted`] | several draws, each weighed by its importance | a Gaussian posterior | `importance_weighted` |
//! | [`Mmd`] | a penalty: the distance of all codes from draws of the prior | any encoder | `mmd` |
//! | [`TotalCorrelation`] | a penalty: λ KL of the codes from independent units | a Gaussian posterior | `total_correlation` |
//! | [`Binarize`] | a draw of the input itself, black or white | any encoder | |
//! | a tuple, or a `Vec` | all of its parts | what all parts need | each part's |
//! | `Box<dyn Regularizer<E>>` | chosen at run time | what it was made for | its own |
//!
//! # Laws
//! 1. The gradient of [`penalty`](Regularizer::penalty) is that of the sum of the terms it adds, at
//!    fixed randomness, for parameters and posterior.
//! 2. A penalty depends on state but does not change it; [`update_state`](Regularizer::update_state)
//!    does, once a training step.
//! 3. A mean over samples counts each by its [`share`](Encoded::share), so that a sample of weight 2
//!    does what the same sample twice does.
//! 4. With every weight zero, a model trains to the same bits as without the regularizer, if that draws and
//!    corrupts nothing.
//!
//! # Write your own
//! ```
//! use autoencoder::posterior::Posterior;
//! use autoencoder::regularizer::{Encoded, PenaltyGradient};
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::{AutoEncoder, Dense, Encoder, Regularizer, Scalar, Terms};
//!
//! /// ½ λ · mean ‖h‖²: keeps codes small.
//! #[derive(Debug)]
//! struct CodeL2(f64);
//! impl<E: Encoder> Regularizer<E> for CodeL2 {
//!     fn penalty(
//!         &self,
//!         at: &Encoded<'_, E>,
//!         gradient: Option<&mut PenaltyGradient<'_, E>>,
//!         _scratch: &mut [E::Scalar],
//!         terms: &mut Terms,
//!     ) {
//!         let code = at.posterior.mean();
//!         let (units, lambda) = (code.features(), E::Scalar::of(self.0));
//!         let size = |h: &[E::Scalar]| h.iter().fold(E::Scalar::ZERO, |sum, &h| sum + h * h);
//!         let sizes: Vec<_> = code.iter().map(size).collect();
//!         terms.add("code_l2", E::Scalar::of(0.5) * lambda * at.mean(&sizes));
//!         if let Some(gradient) = gradient {
//!             let mut d_code = gradient.posterior.mean_mut();
//!             let columns = d_code.as_mut_slice().chunks_exact_mut(units).zip(code.iter());
//!             for (column, (d_code, code)) in columns.enumerate() {
//!                 let scale = lambda * at.share(column);
//!                 d_code.iter_mut().zip(code).for_each(|(d, &h)| *d += scale * h);
//!             }
//!         }
//!     }
//! }
//!
//! let model = AutoEncoder::builder()
//!     .encoder(Dense::<8, 3>::new(Tanh))
//!     .decoder(Dense::<3, 8>::new(Identity))
//!     .regularizer(CodeL2(0.1))
//!     .build::<f64>()?;
//! let data = autoencoder::Batch::from_iter([[0.5; 8], [-0.5; 8]]);
//! autoencoder::gradcheck::model(&model, &data, 1)?.assert();
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod binarize;
mod code_l1;
mod combined;
mod contractive;
pub mod corruption;
mod denoising;
mod importance_weighted;
mod mmd;
mod none;
mod sparse_kl;
mod total_correlation;
mod variational;
mod weight_decay;

use std::fmt::Debug;

use rand::Rng;

pub use binarize::Binarize;
pub use code_l1::CodeL1;
pub use contractive::Contractive;
pub use denoising::Denoising;
pub use importance_weighted::ImportanceWeighted;
pub use mmd::{Kernel, Mmd};
pub use none::NoRegularizer;
pub use sparse_kl::SparseKl;
pub use total_correlation::TotalCorrelation;
pub use variational::Variational;
pub use weight_decay::WeightDecay;

use crate::batch::{BatchView, BatchViewMut};
use crate::code::encoder::{Encoder, Inference};
use crate::code::prior::Prior;
use crate::error::Result;
use crate::layer::layout::Layout;
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use crate::random::schedule::Progress;
use crate::terms::Terms;

/// A batch after the encoder has seen it: what a penalty may look at.
#[derive(Debug)]
pub struct Encoded<'a, E: Encoder> {
    /// The encoder.
    pub encoder: &'a E,
    /// All parameters of the model, the encoder's first.
    pub parameters: &'a [E::Scalar],
    /// Where each tensor lies among the parameters.
    pub layout: &'a Layout,
    /// The inputs as the encoder saw them: corrupted in training, if there is a corruption.
    pub x: BatchView<'a, E::Scalar, E::Input>,
    /// What the encoder said.
    pub posterior: &'a E::Posterior,
    /// The tape that the encoder has written.
    pub tape: &'a [E::Scalar],
    /// The regularizer's own parameters.
    pub own: &'a [E::Scalar],
    /// The regularizer's own state.
    pub state: &'a [E::Scalar],
    /// The drawn codes, where codes are drawn: all first ones, then all second ones, and so on.
    pub codes: Option<BatchView<'a, E::Scalar, E::Code>>,
    /// What [`draw_code`](crate::posterior::Posterior::draw_code) has kept of them, in that order; of a
    /// Gaussian posterior z − μ.
    pub noise: &'a [E::Scalar],
    /// The loss of each drawn code, in that order; without draws that of each sample.
    pub losses: &'a [E::Scalar],
    /// What the encoder says about the pseudo-inputs of the prior, if it has some.
    pub pseudo: Option<&'a E::Posterior>,
    /// The share of each sample in a mean over samples, together 1; none where all count alike.
    pub shares: Option<&'a [E::Scalar]>,
    /// Randomness of this step; none outside training, where nothing is drawn.
    pub streams: Option<Streams<'a>>,
}

impl<E: Encoder> Copy for Encoded<'_, E> {}
impl<E: Encoder> Clone for Encoded<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, E: Encoder> Encoded<'a, E> {
    /// What the encoder needs to go back over its pass.
    pub fn inference(&self) -> Inference<'a, E::Scalar, E::Input, E::Posterior> {
        let parameters = &self.parameters[..self.encoder.num_parameters()];
        Inference { parameters, x: self.x, posterior: self.posterior, tape: self.tape }
    }

    /// How many codes are drawn for each sample, 0 where the posterior's mean is the code.
    pub fn draws(&self) -> usize {
        self.codes.map_or(0, |codes| codes.samples() / self.x.samples().max(1))
    }

    /// How far the training has come; none where everything has its final value.
    pub fn progress(&self) -> Option<Progress> {
        self.streams.and_then(|streams| streams.progress())
    }

    /// The share of the sample in this column in a mean over samples: 1 / samples, or by its
    /// [weight](crate::Trainer::sample_weights).
    pub fn share(&self, column: usize) -> E::Scalar {
        let alike = || E::Scalar::of(1.0 / self.x.samples() as f64);
        self.shares.map_or_else(alike, |shares| shares[column])
    }

    /// The mean over samples of these values, one a sample, each by its [`share`](Self::share).
    pub fn mean(&self, values: &[E::Scalar]) -> E::Scalar {
        crate::batch::sample_weights::mean(values, self.shares)
    }
}

/// Where the gradient of a penalty goes; all parts are added to.
#[derive(Debug)]
pub struct PenaltyGradient<'a, E: Encoder> {
    /// The gradient at the posterior, which the encoder's backward pass takes further.
    pub posterior: &'a mut E::Posterior,
    /// The gradient at the drawn codes, where codes are drawn. What the loss says is in it already.
    pub codes: Option<BatchViewMut<'a, E::Scalar, E::Code>>,
    /// The gradient of encoder and decoder; empty unless the regularizer
    /// [adds to it](Regularizer::adds_to_parameters).
    pub parameters: &'a mut [E::Scalar],
    /// The gradient of the regularizer's own parameters.
    pub own: &'a mut [E::Scalar],
    /// The gradient at what the encoder says about the pseudo-inputs.
    pub pseudo: Option<&'a mut E::Posterior>,
}

impl<E: Encoder> PenaltyGradient<'_, E> {
    /// The same, with the part of its own parameters that belongs to one of several.
    pub(crate) fn part(&mut self, own: std::ops::Range<usize>) -> PenaltyGradient<'_, E> {
        PenaltyGradient {
            posterior: &mut *self.posterior,
            codes: self.codes.as_mut().map(BatchViewMut::reborrow),
            parameters: &mut *self.parameters,
            own: &mut self.own[own],
            pseudo: self.pseudo.as_deref_mut(),
        }
    }
}

/// Keeps a model from learning the identity: a corruption of the input, a draw of the code, a
/// penalty, or several of them. Every method has a default that does nothing.
pub trait Regularizer<E: Encoder>: Debug + Send + Sync {
    /// Whether [`corrupt`](Regularizer::corrupt) changes anything.
    fn corrupts(&self) -> bool {
        false
    }

    /// Corrupts what the encoder sees in training, in place.
    fn corrupt(&self, x: BatchViewMut<'_, E::Scalar, E::Input>, streams: Streams<'_>) {
        let _ = (x, streams);
    }

    /// Whether [`penalty`](Regularizer::penalty) adds to the gradient of the parameters themselves,
    /// and not only to that of the posterior. Where it does not, a step is spared a buffer.
    fn adds_to_parameters(&self) -> bool {
        true
    }

    /// Whether [`penalty`](Regularizer::penalty) asks the encoder for its
    /// [Jacobian](Encoder::squared_jacobian), which not every encoder can give.
    fn needs_jacobian(&self) -> bool {
        false
    }

    /// Whether [`corrupt_target`](Regularizer::corrupt_target) changes anything.
    fn corrupts_target(&self) -> bool {
        false
    }

    /// Changes the clean samples themselves in training, in place: what the encoder sees and what the loss
    /// compares with; of a classifier, what the encoder sees.
    fn corrupt_target(&self, x: BatchViewMut<'_, E::Scalar, E::Input>, streams: Streams<'_>) {
        let _ = (x, streams);
    }

    /// How many codes are drawn from each posterior in training; 0 takes its mean.
    fn draws(&self) -> usize {
        0
    }

    /// Whether [`weigh_draws`](Regularizer::weigh_draws) changes anything.
    fn weighs_draws(&self) -> bool {
        false
    }

    /// Adds to how much each draw's loss counts in the gradient what the [`penalty`](Regularizer::penalty) says
    /// of it: the derivative of the terms it adds at that loss. Given is what it counts in the mean over draws
    /// and samples, and what parts before have added. Only where there are draws.
    fn weigh_draws(
        &self,
        at: &Encoded<'_, E>,
        weights: &mut [E::Scalar],
        scratch: &mut [E::Scalar],
    ) {
        let _ = (at, weights, scratch);
    }

    /// The prior that the posterior is compared with, if it is compared with one, and the place of the prior's
    /// first parameter among the regularizer's own. Of several parts, at most one may have another prior than
    /// N(0, I).
    fn prior(&self, encoder: &E) -> Option<(usize, &dyn Prior<E>)> {
        let _ = encoder;
        None
    }

    /// Refuses an encoder that it was not made for, and parts that do not go together; called once, when the
    /// model is built.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) or
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) then.
    fn check(&self, encoder: &E) -> Result<()> {
        self.prior(encoder).map_or(Ok(()), |(_, prior)| prior.check_size(encoder))
    }

    /// How many parameters of its own are trained.
    fn num_parameters(&self, encoder: &E) -> usize {
        let _ = encoder;
        0
    }

    /// Names its parameters, in their order, and gives them their first values.
    fn layout(
        &self,
        encoder: &E,
        layout: &mut Layout,
        parameters: &mut [E::Scalar],
        rng: &mut dyn Rng,
    ) {
        let _ = (encoder, layout, parameters, rng);
    }

    /// Adds its terms to the loss and, if wanted, their gradients.
    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
        scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        let _ = (at, gradient, scratch, terms);
    }

    /// The length of the scratch that [`penalty`](Regularizer::penalty) and
    /// [`weigh_draws`](Regularizer::weigh_draws) need for so many samples with so many codes drawn for each.
    fn scratch_len(&self, encoder: &E, samples: usize, draws: usize) -> usize {
        let _ = (encoder, samples, draws);
        0
    }

    /// The code units, by their numbers, that have collapsed to the prior: those that tell hardly anything about
    /// these samples, so that the decoder does without them. A training's [`Report`](crate::Report) says
    /// which.
    fn collapsed_units(&self, posterior: &E::Posterior) -> Vec<usize> {
        let _ = posterior;
        Vec::new()
    }

    /// How many numbers it remembers from step to step, zero at first; a model keeps them.
    fn state_len(&self, encoder: &E) -> usize {
        let _ = encoder;
        0
    }

    /// Takes a training step's batch into its state. `shares` are those of [`Encoded`].
    fn update_state(
        &self,
        encoder: &E,
        posterior: &E::Posterior,
        shares: Option<&[E::Scalar]>,
        state: &mut [E::Scalar],
    ) {
        let _ = (encoder, posterior, shares, state);
    }
}
