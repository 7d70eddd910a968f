//! Encoders of sparse codes, many units and few of them active, and the dictionary that decodes them.
//!
//! A code of 16,384 units of which 32 are active is 32 numbers and their places. In training nothing else is held: the
//! encoder keeps of its pre-activations only what may still be active, the decoder adds up the atoms of active units,
//! and gradients go to the weights of these units alone. In use such a model is like any other; its codes come with
//! their zeros by [`encode`](crate::AutoEncoder::encode), and as pairs by
//! [`encode_sparse`](crate::AutoEncoder::encode_sparse).
//!
//! | selection | active are | to be penalised by |
//! |---|---|---|
//! | [`TopK`] | the k largest of each sample | nothing |
//! | [`BatchTopK`] | the k·samples largest of a batch; in use what is above a threshold | nothing |
//! | [`AbsTopK`] | the k largest in size, with their sign | nothing |
//! | [`JumpRelu`] | what is above a threshold of the unit, which is trained | [`JumpReluSparsity`](crate::regularizer::JumpReluSparsity) |
//! | [`GatedEncoder`], an encoder of its own | what a gate lets through | [`GateSparsity`](crate::regularizer::GateSparsity) |
//! | [`Relu`](crate::activation::Relu) | what is above 0 | [`DictionaryL1`](crate::regularizer::DictionaryL1) |
//!
//! Where atoms are [free](Dictionary::free), a large pre-activation says little of how much a unit adds to the output: the
//! first three then can rank units by pre-activation times the norm of the atom ([`TopK::by_norm`]).
//!
//! # Transcoders
//! The dictionary of a transcoder makes another thing of the code than the encoder's inputs, such as what a layer of a
//! network makes of them: [`Dictionary::to`] a target of any size, given to
//! [`target_decoder`](crate::Builder::target_decoder), maybe with a [skip](TargetDictionary::with_skip).
//!
//! # Speed
//! A training step of 768 inputs with batches of 1,024, f32, Adam and atoms of length 1, on one core of an Intel Xeon with
//! AVX-512 (`cargo bench -p autoencoder-benches --bench dictionaries`). At 16,384 units and k = 32 a dense step, of a
//! rectifier and two dense layers, takes 3.9 times as long in the same run, and beyond parameters, gradient, optimizer and
//! samples less than 20 MiB are held. PyTorch 2.15 (eager, fused Adam, free atoms) takes 2.7, 4.4 and 6.1 times as long by dense
//! codes in three rounds beside ours, and 2.0, 4.7 and 5.7 times by `embedding_bag` (`benches/peers/run.py --kinds dictionaries`).
//!
//! | units, at k = 32 | 2,048 | 4,096 | 8,192 | 16,384 | 32,768 | 65,536 |
//! |---|---:|---:|---:|---:|---:|---:|
//! | ms | 92 | 163 | 257 | 458 | 990 | 1,713 |
//!
//! | k, at 16,384 units | 8 | 32 | 64 | 128 | 256 |
//! |---|---:|---:|---:|---:|---:|
//! | ms | 554 | 458 | 545 | 638 | 722 |
//!
//! # Example
//! ```
//! use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
//! use autoencoder::{Adam, AutoEncoder, Trainer, datasets};
//!
//! let digits = datasets::digits();
//! let mut model = AutoEncoder::builder()
//!     .encoder(SparseEncoder::<64, 256>::new(TopK::new(8)?))
//!     .decoder(Dictionary::new())
//!     .build::<f32>()?;
//! Trainer::new(Adam::new(1e-3)?).epochs(5).fit(&mut model, &digits.train)?;
//!
//! let codes = model.encode_sparse(&digits.test)?;
//! assert!(codes.iter().all(|code| code.count() <= 8));
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod atoms;
mod dictionary;
mod encoder;
mod gated;
mod passes;
mod select;
mod selection;

pub(crate) use atoms::add_atoms;
pub use dictionary::{Dictionary, DictionaryLayer, TargetDictionary};
pub use encoder::{SparseEncoder, SparseLayer};
pub use gated::{GatedEncoder, GatedLayer};
pub(crate) use passes::column_norms;
pub use select::Room;
pub(crate) use select::{Preactivations, select};
pub use selection::{AbsTopK, BatchTopK, By, JumpRelu, Moment, Rule, Selection, Selects, TopK};

use std::ops::Range;

use super::trained::Trained;
use super::{Any, AnyPosterior, DiagonalGaussian, Point};
use crate::batch::by_feature::ByFeature;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::numbers::scalar::Float;
use crate::random::schedule::Schedule;

/// A code of which only active units are kept: what a [`SparseEncoder`] gives. A [`Dictionary`] decodes it.
#[derive(Debug, Clone, Copy)]
pub struct Pairs;

/// The posterior of what has a sparse code, and so a dictionary behind it.
#[diagnostic::on_unimplemented(
    message = "this needs a sparse code and the dictionary that decodes it, but the posterior is `{Self}`",
    label = "the encoder is no `SparseEncoder`",
    note = "describe the encoder as `SparseEncoder::<64, 256>::new(TopK::new(8)?)` and the decoder as \
            `Dictionary::new()`"
)]
pub trait SparseCode {}
impl SparseCode for Pairs {}
impl SparseCode for AnyPosterior {}

/// An encoder with gates.
#[diagnostic::on_unimplemented(
    message = "this trains the gates of an encoder, and `{Self}` has none",
    label = "not an encoder with gates",
    note = "describe the encoder as `GatedEncoder::<64, 256>::new()`"
)]
pub trait Gates {}
impl<I, O> Gates for GatedLayer<I, O> {}
impl<P: Gates, T> Gates for Trained<P, T> {}
/// Chosen at run time: whether it has some is asked when the model is built.
impl<T, I, O, R> Gates for Any<T, I, O, R, AnyPosterior> {}
impl<T, I, O, R> Gates for Any<T, I, O, R, Pairs> {}

/// An encoder whose thresholds are trained.
#[diagnostic::on_unimplemented(
    message = "this moves thresholds that are trained, and `{Self}` has none",
    label = "not an encoder with trained thresholds",
    note = "describe the encoder as `SparseEncoder::<64, 256>::new(JumpRelu::default())`"
)]
pub trait TrainedThresholds {}
impl<I, O> TrainedThresholds for SparseLayer<I, O, JumpRelu> {}
impl<P: TrainedThresholds, T> TrainedThresholds for Trained<P, T> {}
/// Chosen at run time: whether it has some is asked when the model is built.
impl<T, I, O, R> TrainedThresholds for Any<T, I, O, R, AnyPosterior> {}
impl<T, I, O, R> TrainedThresholds for Any<T, I, O, R, Pairs> {}

/// A decoder of sparse codes, already made: that of a trained model, say.
#[diagnostic::on_unimplemented(
    message = "a sparse code is decoded by a dictionary, which is linear",
    label = "not a dictionary",
    note = "give `.decoder(Dictionary::new())`, or `.target_decoder(Dictionary::new().to::<64>())`"
)]
pub trait MadeDictionary {}
impl<I, O> MadeDictionary for DictionaryLayer<I, O> {}
impl<P: MadeDictionary, T> MadeDictionary for Trained<P, T> {}
/// Chosen at run time: whether it is one is asked when the model is built.
impl<T, I, O, R, P> MadeDictionary for Any<T, I, O, R, P> {}

/// A posterior that the decoder `D` can decode: any can, but for that of a sparse code, which needs a dictionary.
pub trait DecodedBy<D> {}
impl<D> DecodedBy<D> for Point {}
impl<D> DecodedBy<D> for DiagonalGaussian {}
impl<D> DecodedBy<D> for AnyPosterior {}
impl<D: MadeDictionary> DecodedBy<D> for Pairs {}

/// Where what a dictionary has in common with its encoder lies among the encoder's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InCommon {
    /// All of the encoder's parameters.
    pub all: usize,
    /// What is taken off the inputs and added to the outputs again, if it is.
    pub pre_bias: Option<Range<usize>>,
    /// A column of weights for each unit, which the atoms begin as.
    pub weights: Range<usize>,
}

/// A batch that has been encoded, for the way back.
#[derive(Debug, Clone, Copy)]
pub struct PairsPass<'a, T> {
    /// The parameters.
    pub parameters: &'a [T],
    /// The active units of each sample and their values.
    pub codes: &'a SparseBatch<T>,
    /// The samples of each unit.
    pub(crate) by_unit: &'a ByFeature,
}

/// An encoder of sparse codes as plain weights.
#[derive(Debug, Clone, Copy)]
pub struct PlainEncoder<'a, T> {
    /// A column for each unit.
    pub weights: BatchView<'a, T>,
    /// One for each unit.
    pub biases: &'a [T],
    /// What is taken off the inputs; empty for nothing.
    pub pre_bias: &'a [T],
    /// Which units are active in use.
    pub rule: Rule<'a, T>,
    /// What pre-activations are multiplied by before the rule is asked, one for each unit; empty where they are ranked as
    /// they are.
    pub norms: &'a [T],
    /// Of an encoder with gates for each unit the logarithm of the scale of its magnitude, and its bias.
    pub magnitudes: Option<[&'a [T]; 2]>,
}

/// An encoder whose codes come as pairs.
pub trait PairEncoder<T: Float> {
    /// Itself as plain weights.
    fn plain<'a>(&self, parameters: &'a [T]) -> PlainEncoder<'a, T>;

    /// Takes plain weights whose rule in use it can have, but for the norms of atoms, of which it is asked only whether it
    /// ranks by them; if it cannot, parameters may be anything then.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) for a rule of another kind or with another k.
    fn take_plain(&self, parameters: &mut [T], plain: PlainEncoder<'_, T>) -> Result<()>;

    /// Writes the code of each sample.
    fn encode_pairs(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        at: Moment,
        codes: &mut SparseBatch<T>,
        room: &mut Room<T>,
    );

    /// Writes of each sample the largest pre-activations among some units, so many of them, whatever their sign; units
    /// ascend, and the samples are those that were encoded last. They are ranked as those of codes are, if by norm, by norm.
    fn encode_among(
        &self,
        parameters: &[T],
        among: (&[u32], usize),
        codes: &mut SparseBatch<T>,
        room: &mut Room<T>,
    );

    /// Adds to the gradient of the parameters what the gradient at each value of the code says; the samples are those
    /// that were encoded last.
    fn encode_pairs_backward(
        &self,
        pass: PairsPass<'_, T>,
        d_codes: &[T],
        gradient: &mut [T],
        room: &mut Room<T>,
    );

    /// The same for a second code, of pre-activations themselves.
    fn second_backward(
        &self,
        pass: PairsPass<'_, T>,
        d_codes: &[T],
        gradient: &mut [T],
        room: &mut Room<T>,
    );

    /// The norm that the weights of units that are revived get: a fifth of the mean of all others'.
    fn revived_norm(&self, parameters: &[T], units: &[u32]) -> T;

    /// Gives a unit weights of this direction and norm and a bias of 0, and appends the places of both.
    fn revive(
        &self,
        parameters: &mut [T],
        unit: usize,
        direction: &[T],
        norm: T,
        places: &mut Vec<Range<usize>>,
    );

    /// Whether there are gates, of which pre-activations are above 0 where they are open.
    fn has_gates(&self) -> bool {
        false
    }

    /// Writes these for each pair of the codes that were encoded last.
    fn encode_gates(&self, codes: &SparseBatch<T>, gates: &mut SparseBatch<T>, room: &Room<T>) {
        let _ = (codes, gates, room);
    }

    /// After a training step with these codes: brings parameters back to where they may be.
    fn settle(&self, parameters: &mut [T], codes: &SparseBatch<T>);

    /// Whether [`settle`](Self::settle) ever does anything.
    fn settles(&self) -> bool;

    /// Whether units are ranked by pre-activation times the norm of their atom.
    fn is_by_norm(&self) -> bool {
        false
    }

    /// Keeps the norms of these atoms, a column for each unit, if units are ranked by them.
    fn take_norms(&self, parameters: &mut [T], atoms: BatchView<'_, T>) {
        let _ = (parameters, atoms);
    }

    /// What in training ranks units of all samples of a batch together, if it does that.
    fn looks_across(&self, parameters: &[T]) -> Option<String>;

    /// Thresholds that are trained, and the bandwidth of the kernel that they are trained by.
    fn trained_thresholds(&self) -> Option<(Range<usize>, f64)>;

    /// The schedules that it follows.
    fn schedules(&self) -> Vec<Box<dyn Schedule>>;
}

/// A decoder of codes that come as pairs: y = Σ fᵢ dᵢ + b, with an atom dᵢ for each unit.
pub trait PairDecoder<T: Float> {
    /// What is added to all outputs.
    fn bias<'a>(&self, parameters: &'a [T]) -> &'a [T];

    /// The atoms, a column each, among the parameters that it is given.
    fn atoms<'a>(&self, parameters: &'a [T]) -> BatchView<'a, T>;

    /// Takes atoms, bias and skip, of which the last is there exactly if it has one: a column for each input.
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) for atoms of other lengths than 1 where they are kept at it.
    fn take_plain(
        &self,
        parameters: &mut [T],
        atoms: &[T],
        bias: &[T],
        skip: Option<&[T]>,
    ) -> Result<()>;

    /// The place of the atoms among the parameters that it is given.
    fn place_of_atoms(&self) -> Range<usize>;

    /// y ← Σ fᵢ dᵢ over the first so many units, and b if it is to be there.
    fn decode_pairs(
        &self,
        parameters: &[T],
        codes: &SparseBatch<T>,
        units: usize,
        has_bias: bool,
        y: BatchViewMut<'_, T>,
    );

    /// Adds the gradient at each value of the code of the first so many units, and that of the parameters that it is
    /// given, if wanted.
    fn decode_pairs_backward(
        &self,
        pass: PairsPass<'_, T>,
        units: usize,
        has_bias: bool,
        dy: BatchView<'_, T>,
        d_codes: &mut [T],
        gradient: Option<&mut [T]>,
    );

    /// W of the encoder's inputs, of which W x is added to the outputs: a column for each input, if there is a skip.
    fn skip<'a>(&self, parameters: &'a [T]) -> Option<BatchView<'a, T>> {
        let _ = parameters;
        None
    }

    /// y ← y + W x, if there is a skip.
    fn add_skip(&self, parameters: &[T], x: BatchView<'_, T>, y: BatchViewMut<'_, T>) {
        let _ = (parameters, x, y);
    }

    /// Adds the gradient of W, if there is a skip.
    fn add_skip_gradient(&self, x: BatchView<'_, T>, dy: BatchView<'_, T>, gradient: &mut [T]) {
        let _ = (x, dy, gradient);
    }

    /// Takes off the gradient of what it is given what would only change the norms of atoms that have a fixed one.
    fn project(&self, parameters: &[T], gradient: &mut [T]);

    /// Gives a unit an atom of this direction, and appends its place.
    fn revive(
        &self,
        parameters: &mut [T],
        unit: usize,
        direction: &[T],
        places: &mut Vec<Range<usize>>,
    );

    /// After a training step: brings parameters back to where they may be.
    fn settle(&self, parameters: &mut [T]);

    /// Whether [`settle`](Self::settle) ever does anything.
    fn settles(&self) -> bool;
}
