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
//! | [`Augment`] | a change of the samples themselves: what a [corruption] does to encoder and loss alike | any encoder | |
//! | a tuple, or a `Vec` | all of its parts | what all parts need | each part's |
//! | `Box<dyn Regularizer<T>>` | chosen at run time | what it was made for | its own |
//!
//! # Which for what
//! | you want | take |
//! |---|---|
//! | a narrow code | a code smaller than the input, no regularizer |
//! | many units, few of them active | [`SparseKl`] on a sigmoid or tanh code |
//! | a code that survives noise or missing values | [`Denoising`] |
//! | more samples than there are, such as images mirrored or moved | [`Augment`] |
//! | a code that does not move with the input's noise | [`Contractive`], exact for encoders of any depth |
//! | to generate new samples | [`Variational`] with a [`Gaussian`](crate::Gaussian) encoder and a [likelihood](crate::loss) |
//! | to generate samples of a class that is asked for | the same with [`Conditioned`](crate::Conditioned) halves |
//!
//! What a model makes small is the loss and all terms, each with its weight; a report has them by name.
//!
//! # What they cost
//! A variational step is 1. Batches of 128, medians of one run beside other work; runs differ by up to 0.2, and by
//! about an eighth where it is above 2. In the table are [priors](crate::prior) and [losses](crate::loss) too.
//!
//! | instead of `Variational` and a Bernoulli loss | 784-400-20 | 32-64-8 |
//! |---|---:|---:|
//! | 5 draws; `ImportanceWeighted` with 5 | 2.60; 2.73 | 3.04; 3.84 |
//! | `ImportanceWeighted` with 1 | 0.94 | 1.11 |
//! | and `Mmd`, inverse multiquadratic or Gaussian, 7 widths | 1.01; 0.99 | 2.29; 2.96 |
//! | and `TotalCorrelation` | 1.05 | 2.88 |
//! | and `Binarize` | 1.13 | 1.31 |
//! | the prior `GaussianMixture` of 10 | 1.02 | 1.79 |
//! | the prior `VampPrior` of 10; of 500 | 1.17; 2.99 | 1.87; 7.40 |
//! | the loss `LearnedGaussian`, shared; per feature | 0.98; 0.99 | 0.98; 1.04 |
//! | the loss `Categorical`, groups of 4; `Mixed`, of four kinds | 1.19; 1.03 | 1.39; 1.47 |
//!
//! [`Mmd`] and [`TotalCorrelation`] compare each code with each other one of the batch: 0.2 to 0.3 ms in a step,
//! however small the net.
//!
//! # Laws
//! 1. The gradient of [`penalty`](Regularizer::penalty) is that of the sum of the terms it adds, at
//!    fixed randomness, for parameters and posterior.
//! 2. A penalty depends on state but does not change it; [`update_state`](Regularizer::update_state)
//!    does, once a training step.
//! 3. A mean over samples counts each by its [`share`](Encoded::share), so that a sample of weight 2
//!    does what the same sample twice does.
//! 4. A penalty depends on other samples in no other way than it [says](Needs::across).
//! 5. With every weight zero, a model trains to the same bits as without the regularizer, if that draws and
//!    corrupts nothing.
//!
//! # Write your own
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::layer::Part;
//! use autoencoder::regularizer::{Across, Encoded, Needs, PenaltyGradient, SuitedTo};
//! use autoencoder::{AutoEncoder, Dense, Facts, Float, Regularizer, Terms};
//!
//! /// ½ λ · mean ‖h‖²: keeps codes small.
//! #[derive(Debug, Clone)]
//! struct CodeL2(f64);
//! impl<E: Part> SuitedTo<E> for CodeL2 {} // for any encoder
//! impl<T: Float> Regularizer<T> for CodeL2 {
//!     fn describe(&self) -> String {
//!         format!("CodeL2 {{ weight: {:?} }}", self.0)
//!     }
//!     fn needs(&self, _facts: &Facts) -> Needs {
//!         // No draws, no parameters of its own, a gradient at the code alone, and a mean over samples.
//!         Needs { across: Across::Nothing, ..Needs::nothing() }
//!     }
//!     fn penalty(
//!         &self,
//!         at: &Encoded<'_, T>,
//!         gradient: Option<&mut PenaltyGradient<'_, T>>,
//!         _scratch: &mut [T],
//!         terms: &mut Terms,
//!     ) {
//!         let code = at.posterior.mean();
//!         let (units, lambda) = (code.features(), T::of(self.0));
//!         let size = |h: &[T]| h.iter().fold(T::ZERO, |sum, &h| sum + h * h);
//!         let sizes: Vec<_> = code.iter().map(size).collect();
//!         terms.add("code_l2", T::of(0.5) * lambda * at.mean(&sizes));
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

mod augment;
mod binarize;
mod code_l1;
pub(crate) mod combined;
mod contractive;
pub mod corruption;
mod denoising;
mod dictionary;
pub(crate) mod divergence;
mod importance_weighted;
mod mmd;
mod none;
mod sparse_kl;
mod total_correlation;
mod variational;
mod weight_decay;

use std::fmt::Debug;
use std::ops::Range;

use rand::Rng;

pub use augment::Augment;
pub use binarize::Binarize;
pub use code_l1::CodeL1;
pub(crate) use combined::Leaf;
pub use combined::{RegularizerFor, SuitedTo};
pub use contractive::Contractive;
pub use denoising::Denoising;
pub use dictionary::{AuxK, DictionaryL1, GateSparsity, JumpReluSparsity, Matryoshka, Resampling};
pub use importance_weighted::ImportanceWeighted;
pub use mmd::{Kernel, Mmd};
pub use none::NoRegularizer;
pub use sparse_kl::SparseKl;
pub use total_correlation::TotalCorrelation;
pub use variational::Variational;
pub use weight_decay::WeightDecay;

use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut, sample_weights};
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::code::prior::Prior;
use crate::data::Normalizer;
use crate::error::Result;
use crate::layer::layout::Layout;
use crate::layer::sparse::PairsPass;
use crate::layer::{Layer, Pass};
use crate::numbers::scalar::Float;
use crate::random::Streams;
use crate::random::schedule::{Progress, Schedule};
use crate::terms::Terms;

/// A batch after the encoder has seen it: what a penalty may look at.
#[derive(Debug, Clone, Copy)]
pub struct Encoded<'a, T: Float> {
    /// What is known of the model.
    pub facts: &'a Facts,
    /// The encoder.
    pub encoder: &'a dyn Layer<T>,
    /// The decoder.
    pub decoder: &'a dyn Layer<T>,
    /// The parameters of encoder and decoder, the encoder's first.
    pub parameters: &'a [T],
    /// Where each tensor lies among the parameters.
    pub layout: &'a Layout,
    /// The inputs as the encoder saw them: corrupted in training, if there is a corruption, and with the
    /// condition, if there is one. None where a penalty [across codes](Across::Codes) is given those of all shards of a
    /// batch.
    pub x: BatchView<'a, T>,
    /// What the encoder said; of a code that comes as [pairs](Self::pairs) without samples, if all parts of the
    /// regularizer [take these](Needs::takes_pairs).
    pub posterior: &'a Posterior<T>,
    /// What the decoder made of the codes.
    pub output: BatchView<'a, T>,
    /// What the loss compares that with.
    pub target: BatchView<'a, T>,
    /// The codes as pairs of a unit and a value, where they come so, with the parameters that the decoder is given.
    pub pairs: Option<PairsPass<'a, T>>,
    /// The second code, if the regularizer [wants one](Needs::auxiliary).
    pub auxiliary: Option<PairsPass<'a, T>>,
    /// The tape that the encoder has written.
    pub tape: &'a [T],
    /// The regularizer's own parameters.
    pub own: &'a [T],
    /// The regularizer's own state.
    pub state: &'a [T],
    /// The drawn codes, where codes are drawn: all first ones, then all second ones, and so on.
    pub codes: Option<BatchView<'a, T>>,
    /// What [`draw_code`](Posterior::draw_code) has kept of them, in that order; of a
    /// Gaussian posterior z − μ.
    pub noise: &'a [T],
    /// The loss of each drawn code, in that order; without draws that of each sample.
    pub losses: &'a [T],
    /// What the encoder says about the pseudo-inputs of the prior, if it has some.
    pub pseudo: Option<&'a Posterior<T>>,
    /// The share of each sample in a mean over samples, together 1; none where all count alike.
    pub shares: Option<&'a [T]>,
    /// Randomness of this step; none outside training, where nothing is drawn.
    pub streams: Option<Streams<'a>>,
}

impl<'a, T: Float> Encoded<'a, T> {
    /// What the encoder needs to go back over its pass.
    pub fn pass(&self) -> Pass<'a, T> {
        let parameters = &self.parameters[..self.encoder.num_parameters()];
        Pass { parameters, x: self.x, y: self.posterior.values(), tape: self.tape }
    }

    /// Where the parameters that the decoder is given lie among those of encoder and decoder.
    pub fn given_to_decoder(&self) -> Range<usize> {
        let first = if self.decoder.num_shared() > 0 { 0 } else { self.encoder.num_parameters() };
        first..self.parameters.len()
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.x.samples().max(self.posterior.samples())
    }

    /// How many codes are drawn for each sample, 0 where the posterior's mean is the code.
    pub fn draws(&self) -> usize {
        self.codes.map_or(0, |codes| codes.samples() / self.samples().max(1))
    }

    /// How far the training has come; none where everything has its final value.
    pub fn progress(&self) -> Option<Progress> {
        self.streams.and_then(|streams| streams.progress())
    }

    /// The share of the sample in this column in a mean over samples: 1 / samples, or by its
    /// [weight](crate::train::Examples::weights).
    pub fn share(&self, column: usize) -> T {
        let alike = || T::of(1.0 / self.samples() as f64);
        self.shares.map_or_else(alike, |shares| shares[column])
    }

    /// The mean over samples of these values, one a sample, each by its [`share`](Self::share).
    pub fn mean(&self, values: &[T]) -> T {
        sample_weights::mean(values, self.shares)
    }
}

/// Where the gradient of a penalty goes; all parts are added to.
#[derive(Debug)]
pub struct PenaltyGradient<'a, T> {
    /// The gradient at the posterior, which the encoder's backward pass takes further.
    pub posterior: &'a mut Posterior<T>,
    /// The gradient at the drawn codes, where codes are drawn. What the loss says is in it already.
    pub codes: Option<BatchViewMut<'a, T>>,
    /// The gradient at each value of a code that comes as pairs. What the loss says is in it already.
    pub pairs: &'a mut [T],
    /// The gradient at each value of the second code, if there is one.
    pub auxiliary: &'a mut [T],
    /// The gradient of encoder and decoder; empty unless the regularizer
    /// [adds to it](Needs::adds_to_parameters), or codes come as pairs.
    pub parameters: &'a mut [T],
    /// The gradient of the regularizer's own parameters.
    pub own: &'a mut [T],
    /// The gradient at what the encoder says about the pseudo-inputs.
    pub pseudo: Option<&'a mut Posterior<T>>,
}

/// What a regularizer changes before a model sees a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corrupts {
    /// Nothing.
    #[default]
    Nothing,
    /// What the encoder sees; the loss still compares with the clean sample.
    Input,
    /// The samples themselves: what the encoder sees and what the loss compares with; of a classifier, what the
    /// encoder sees.
    Sample,
}

/// A second code, of pre-activations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auxiliary {
    /// None.
    #[default]
    Nothing,
    /// So many of each sample, the largest among the units that [`candidates`](Regularizer::candidates) names.
    Among(usize),
    /// Those of gates that are open.
    Gates,
}

/// What a [`penalty`](Regularizer::penalty) looks at of other samples than the one at hand: what a batch that is cut into
/// [shards](crate::Trainer::shards) has to know of its whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Across {
    /// Maybe anything: a batch is not cut. What is not said otherwise.
    #[default]
    Batch,
    /// [Posterior](Encoded::posterior), [drawn codes](Encoded::codes), [shares](Encoded::shares) and
    /// [randomness](Encoded::streams), and the gradient at the first two: of these it is given the whole batch, and nothing
    /// else, neither samples nor outputs nor parameters of its own.
    Codes,
    /// Nothing: it is a mean over samples, each by its share, or of parameters alone.
    Nothing,
}

/// More codes a sample than anyone draws: what is above is a mistake, and its sizes would overflow.
pub(crate) const MOST_DRAWS: usize = 1 << 20;

/// What a regularizer asks of a step, so that those that ask for nothing do not pay. A combination asks for what
/// its parts ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// What [`corrupt`](Regularizer::corrupt) changes.
    pub corrupts: Corrupts,
    /// Whether [`corrupt`](Regularizer::corrupt) makes values missing, NaN; for models that
    /// [take such values](crate::Normalizer::fit_with_missing).
    pub makes_missing: bool,
    /// How many codes are drawn from each posterior in training; 0 takes its mean. Of several parts, the most.
    pub draws: usize,
    /// Whether [`weigh_draws`](Regularizer::weigh_draws) changes anything.
    pub weighs_draws: bool,
    /// Whether [`penalty`](Regularizer::penalty) adds to the gradient of the parameters themselves,
    /// and not only to that of the posterior. Where it does not, a step is spared a buffer.
    pub adds_to_parameters: bool,
    /// Whether codes that come as [pairs](Encoded::pairs) are all that [`penalty`](Regularizer::penalty) and
    /// [`update_state`](Regularizer::update_state) look at of them, or nothing is: where all parts do so, no code with
    /// its zeros is made.
    pub takes_pairs: bool,
    /// What second code it wants of an encoder whose codes come as pairs. At most one part may want one.
    pub auxiliary: Auxiliary,
    /// What of other samples it looks at. [`Across::Batch`] unless it is said.
    pub across: Across,
    /// Whether [`revives`](Regularizer::revives) ever names a unit.
    pub revives: bool,
    /// How many parameters of its own are trained.
    pub parameters: usize,
    /// How many numbers it remembers from step to step, zero at first; a model keeps them.
    pub state: usize,
}

/// Nothing, but that it may add to the gradient of the parameters.
impl Default for Needs {
    fn default() -> Self {
        Self { adds_to_parameters: true, ..Self::nothing() }
    }
}

impl Needs {
    /// Whether a penalty has, or gives a gradient to, more than codes.
    pub(crate) fn looks_beyond_codes(&self) -> bool {
        let adds = self.adds_to_parameters || self.weighs_draws || self.parameters > 0;
        adds || self.takes_pairs || self.auxiliary != Auxiliary::Nothing
    }

    /// Nothing at all: of a penalty, only the posterior. What it looks at [across](Self::across) samples is not said.
    pub fn nothing() -> Self {
        Self {
            corrupts: Corrupts::Nothing,
            makes_missing: false,
            draws: 0,
            weighs_draws: false,
            adds_to_parameters: false,
            takes_pairs: false,
            auxiliary: Auxiliary::Nothing,
            across: Across::Batch,
            revives: false,
            parameters: 0,
            state: 0,
        }
    }
}

/// Keeps a model from learning the identity: a corruption of the input, a draw of the code, or a
/// penalty. Several of them go together as a tuple or a list.
pub trait Regularizer<T: Float>: Debug + Send + Sync + RegularizerClone<T> {
    /// What tells it from others in files and checkpoints: `SparseKl { target: 0.05, weight: 0.1 }`.
    fn describe(&self) -> String;

    /// Its parts, if it is a combination of several: a tuple or a list, of which nothing else is then asked, neither
    /// [`check`](Self::check) nor [`penalty`](Self::penalty). So what is added to a combination goes beside it, as
    /// another part of a tuple, and not around it.
    fn parts(&self) -> Option<Vec<Box<dyn Regularizer<T>>>> {
        None
    }

    /// What it asks of a step with a model of which this is known.
    fn needs(&self, facts: &Facts) -> Needs;

    /// The schedules that its weights, or what they pull to, follow: factors that are 1 in a
    /// [`penalty`](Self::penalty) without [`progress`](Encoded::progress). Early stopping waits until they no longer
    /// rise, and a training is not resumed with a number of epochs with which they would have been others.
    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        Vec::new()
    }

    /// Refuses an encoder that it was not made for; called when the model is built, and of a model of plain features again
    /// when it is trained on samples that are images or windows, with their [shape](Facts::lies). By default it refuses what
    /// its [prior](Self::prior) refuses.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch), [`Error::Unfit`](crate::Error::Unfit) or
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) then.
    fn check(&self, facts: &Facts) -> Result<()> {
        self.prior().map_or(Ok(()), |prior| prior.check_size(facts))
    }

    /// Refuses the normalizer of a model that its corruption was not made for, or none. Called when a model with one is
    /// built, and when a model is trained. By default it refuses none.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) then.
    fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        let _ = normalizer;
        Ok(())
    }

    /// Corrupts what it [says](Corrupts) it corrupts in training, in place.
    fn corrupt(&self, x: BatchViewMut<'_, T>, streams: Streams<'_>) {
        let _ = (x, streams);
    }

    /// Adds to how much each draw's loss counts in the gradient what the [`penalty`](Regularizer::penalty) says
    /// of it: the derivative of the terms it adds at that loss. Given is what it counts in the mean over draws
    /// and samples, and what parts before have added. Only where there are draws.
    fn weigh_draws(&self, at: &Encoded<'_, T>, weights: &mut [T], scratch: &mut [T]) {
        let _ = (at, weights, scratch);
    }

    /// The prior that the posterior is compared with, if it is compared with one; its parameters come first among
    /// the regularizer's own. Of several parts, at most one may have another prior than N(0, I).
    fn prior(&self) -> Option<&dyn Prior<T>> {
        None
    }

    /// Names its parameters, in their order, and gives them their first values.
    fn layout(&self, facts: &Facts, layout: &mut Layout, parameters: &mut [T], rng: &mut dyn Rng) {
        let _ = (facts, layout, parameters, rng);
    }

    /// Adds its terms to the loss and, if wanted, their gradients.
    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let _ = (at, gradient, scratch, terms);
    }

    /// The length of the scratch that [`penalty`](Regularizer::penalty) and
    /// [`weigh_draws`](Regularizer::weigh_draws) need for so many samples with so many codes drawn for each.
    fn scratch_len(
        &self,
        encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        draws: usize,
    ) -> usize {
        let _ = (encoder, facts, samples, draws);
        0
    }

    /// Takes a training step's batch into its state. `shares` are those of [`Encoded`].
    fn update_state(
        &self,
        facts: &Facts,
        posterior: &Posterior<T>,
        shares: Option<&[T]>,
        state: &mut [T],
    ) {
        let _ = (facts, posterior, shares, state);
    }

    /// The same of codes that come as pairs.
    fn update_state_of_pairs(&self, facts: &Facts, codes: &SparseBatch<T>, state: &mut [T]) {
        let _ = (facts, codes, state);
    }

    /// Names the units that are to begin anew after a training step, in ascending order, and takes that into its state;
    /// for codes that come as pairs. By default none.
    fn revives(&self, facts: &Facts, state: &mut [T], units: &mut Vec<u32>) {
        let _ = (facts, state, units);
    }

    /// Hears that a unit that it named has begun anew; others did not where no sample was left for them.
    fn revived(&self, facts: &Facts, state: &mut [T], unit: usize) {
        let _ = (facts, state, unit);
    }

    /// Names the units among which a [second code](Needs::auxiliary) is chosen, in ascending order.
    fn candidates(&self, facts: &Facts, state: &[T], units: &mut Vec<u32>) {
        let _ = (facts, state, units);
    }
}

/// A copy in a box, which every regularizer that is `Clone` can give.
pub trait RegularizerClone<T> {
    /// The copy.
    fn boxed(&self) -> Box<dyn Regularizer<T>>;
}
impl<T: Float, R: Regularizer<T> + Clone + 'static> RegularizerClone<T> for R {
    fn boxed(&self) -> Box<dyn Regularizer<T>> {
        Box::new(self.clone())
    }
}
impl<T: Float> Clone for Box<dyn Regularizer<T>> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// [`Regularizer::penalty`] of a regularizer of this crate: its `penalize`, compiled once.
macro_rules! penalty {
    ($regularizer:ty) => {
        fn penalty(
            &self,
            at: &$crate::regularizer::Encoded<'_, T>,
            gradient: Option<&mut $crate::regularizer::PenaltyGradient<'_, T>>,
            scratch: &mut [T],
            terms: &mut $crate::terms::Terms,
        ) {
            $crate::numbers::once::once! {
                fn penalty(
                    regularizer: &'a $regularizer,
                    at: &'a $crate::regularizer::Encoded<'a, T>,
                    gradient: Option<&'a mut $crate::regularizer::PenaltyGradient<'b, T>>,
                    scratch: &'a mut [T],
                    terms: &'a mut $crate::terms::Terms,
                ) = <$regularizer>::penalize;
            }
            penalty(self, at, gradient, scratch, terms);
        }
    };
}
use penalty;
