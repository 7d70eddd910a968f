//! The memory of a pass: made once, used for every batch.

use crate::batch::by_feature::ByFeature;
use crate::batch::sparse::SparseBatch;
use crate::code::posterior::Posterior;
use crate::layer::sparse::Room;
use crate::numbers::scalar::Float;
use crate::terms::Terms;

/// The memory of a model's passes: everything between an input and a gradient. It grows to the largest
/// batch it has served and is kept, so that calls with a workspace of the caller's allocate nothing.
///
/// Made by [`AutoEncoder::workspace`](crate::AutoEncoder::workspace); it serves any model with codes of the same
/// size and kind.
#[derive(Debug, Clone)]
pub struct Workspace<T> {
    /// The normalized inputs of a call, where the model has a normalizer.
    pub(crate) taken: Vec<T>,
    /// The clean samples, where they are drawn anew.
    pub(crate) clean: Vec<T>,
    pub(crate) encoding: Encoding<T>,
    /// The same for the pseudo-inputs of a prior that has some.
    pub(crate) pseudo: Encoding<T>,
    pub(crate) drawing: Drawing<T>,
    pub(crate) decoding: Decoding<T>,
    pub(crate) comparing: Comparing<T>,
    pub(crate) back: Back<T>,
    pub(crate) pairs: Pairs<T>,
    pub(crate) scratch: Vec<T>,
    pub(crate) terms: Terms,
    /// Those of a batch call's shares, where it is shared out among threads.
    pub(crate) others: Vec<Self>,
}

/// From what the encoder sees to what it says.
#[derive(Debug, Clone)]
pub(crate) struct Encoding<T> {
    /// The corrupted inputs, where they are corrupted, and with what is missing filled.
    pub(crate) corrupted: Vec<T>,
    /// Inputs and conditions, where there are conditions.
    pub(crate) joined: Vec<T>,
    pub(crate) posterior: Posterior<T>,
    pub(crate) tape: Vec<T>,
}

/// The drawn codes, where they are drawn: all first ones, then all second ones, …
#[derive(Debug, Clone)]
pub(crate) struct Drawing<T> {
    pub(crate) codes: Vec<T>,
    pub(crate) noise: Vec<T>,
}

/// From codes to outputs.
#[derive(Debug, Clone)]
pub(crate) struct Decoding<T> {
    /// Codes and conditions, where there are conditions.
    pub(crate) joined: Vec<T>,
    pub(crate) output: Vec<T>,
    pub(crate) tape: Vec<T>,
}

/// What the loss says.
#[derive(Debug, Clone)]
pub(crate) struct Comparing<T> {
    /// The loss of each sample, or of each of its draws.
    pub(crate) values: Vec<T>,
    /// What each of them counts, where they do not count alike.
    pub(crate) weights: Vec<T>,
}

/// Codes that come as pairs of a unit and a value.
#[derive(Debug, Clone)]
pub(crate) struct Pairs<T> {
    pub(crate) codes: SparseBatch<T>,
    pub(crate) by_unit: ByFeature,
    /// The gradient at each value.
    pub(crate) d_codes: Vec<T>,
    /// The same of a second code, of units among which a regularizer wants some, and these units.
    pub(crate) auxiliary: SparseBatch<T>,
    pub(crate) auxiliary_by_unit: ByFeature,
    pub(crate) d_auxiliary: Vec<T>,
    pub(crate) candidates: Vec<u32>,
    pub(crate) room: Room<T>,
}

/// Gradients on the way back.
#[derive(Debug, Clone)]
pub(crate) struct Back<T> {
    pub(crate) output: Vec<T>,
    /// At codes and conditions, where there are conditions.
    pub(crate) joined: Vec<T>,
    pub(crate) codes: Vec<T>,
    pub(crate) posterior: Posterior<T>,
    pub(crate) pseudo: Posterior<T>,
    /// What is added to the gradient of encoder and decoder, where something is.
    pub(crate) parameters: Vec<T>,
    /// What the pseudo-inputs add to the gradient of the encoder.
    pub(crate) of_pseudo: Vec<T>,
}

impl<T: Float> Back<T> {
    pub(crate) fn new(units: usize, is_gaussian: bool) -> Self {
        let posterior = || Posterior::new(units, is_gaussian);
        Self {
            output: Vec::new(),
            joined: Vec::new(),
            codes: Vec::new(),
            posterior: posterior(),
            pseudo: posterior(),
            parameters: Vec::new(),
            of_pseudo: Vec::new(),
        }
    }
}

impl<T: Float> Encoding<T> {
    fn new(units: usize, is_gaussian: bool) -> Self {
        Self {
            corrupted: Vec::new(),
            joined: Vec::new(),
            posterior: Posterior::new(units, is_gaussian),
            tape: Vec::new(),
        }
    }
}

impl<T: Float> Workspace<T> {
    /// For codes of so many units, with a spread or without.
    pub(crate) fn new(units: usize, is_gaussian: bool) -> Self {
        Self {
            taken: Vec::new(),
            clean: Vec::new(),
            encoding: Encoding::new(units, is_gaussian),
            pseudo: Encoding::new(units, is_gaussian),
            drawing: Drawing { codes: Vec::new(), noise: Vec::new() },
            decoding: Decoding { joined: Vec::new(), output: Vec::new(), tape: Vec::new() },
            comparing: Comparing { values: Vec::new(), weights: Vec::new() },
            back: Back::new(units, is_gaussian),
            pairs: Pairs {
                codes: SparseBatch::empty(units),
                by_unit: ByFeature::default(),
                d_codes: Vec::new(),
                auxiliary: SparseBatch::empty(units),
                auxiliary_by_unit: ByFeature::default(),
                d_auxiliary: Vec::new(),
                candidates: Vec::new(),
                room: Room::new(),
            },
            scratch: Vec::new(),
            terms: Terms::new(),
            others: Vec::new(),
        }
    }
}

/// Gives a buffer this length; memory once held is kept, and values are arbitrary.
pub(crate) fn fit<T: Float>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    buffer.resize(len, T::ZERO);
    buffer
}
