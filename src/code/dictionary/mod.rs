//! Sparse dictionaries as plain weights: an overcomplete code of few active units, and the directions they stand for.
//!
//! A [`SparseDictionary`] is what is left of a sparse autoencoder or transcoder when it is trained, whoever trained it:
//! an encoder, a decoder, and a rule of which units are active. It encodes, decodes, and is
//! [folded](SparseDictionary::fold_norms) into simpler weights.
#![cfg_attr(feature = "safetensors", doc = "")]
#![cfg_attr(feature = "safetensors", doc = include_str!("../../file/dictionary/formats.md"))]

mod activation;
mod decode;
mod encode;
mod fold;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use activation::SparseActivation;
pub(crate) use encode::require_finite;

use crate::batch::BatchView;
use crate::error::{Error, Number, Result, require_count, require_fit, require_size};
use crate::layer::sparse::column_norms;
use crate::numbers::scalar::Float;

/// How each sample is scaled before it is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputScale {
    /// Not at all.
    #[default]
    Plain,
    /// By one factor for all samples, which is not known yet: [`SparseDictionary::fold_input_factor`] takes it. SAELens
    /// calls it `expected_average_only_in`; the factor is √d over the mean norm of the samples trained on.
    Factor,
    /// Each sample to the norm √d: x √d/‖x‖. SAELens calls it `constant_norm_rescale`.
    Norm {
        /// Whether a reconstruction is brought back to the norm of its sample; that of a transcoder is not.
        is_undone: bool,
    },
    /// Each sample to mean 0 and variance 1: (x − μ)/(σ + 10⁻⁵), with σ² the sum of squares over d − 1. SAELens calls it
    /// `layer_norm`.
    LayerNorm {
        /// Whether a reconstruction is brought back, ŷ σ + μ; that of a transcoder is not.
        is_undone: bool,
    },
}

/// What a [`SparseDictionary`] is made of.
///
/// # Shapes
/// d inputs, n units, m outputs; of an autoencoder m = d. Matrices lie row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct DictionaryParts<T> {
    /// d.
    pub inputs: usize,
    /// m.
    pub outputs: usize,
    /// n.
    pub units: usize,
    /// n × d: of each unit one weight an input. For [`SparseActivation::MatchingPursuit`] the same as `decoder`.
    pub encoder: Vec<T>,
    /// n; for [`SparseActivation::Gated`] that of the gate, for [`SparseActivation::MatchingPursuit`] zeros.
    pub encoder_bias: Vec<T>,
    /// n × m: the direction of each unit.
    pub decoder: Vec<T>,
    /// m.
    pub decoder_bias: Vec<T>,
    /// d: subtracted from a sample before it is encoded. Autoencoders often take `decoder_bias` for it.
    pub pre_bias: Option<Vec<T>>,
    /// m × d: a linear map of the sample itself that is added to the output.
    pub skip: Option<Vec<T>>,
    /// Which units are active, and how much.
    pub activation: SparseActivation<T>,
    /// What is done to a sample first.
    pub input_scale: InputScale,
}

/// A trained sparse dictionary as plain weights: code, reconstruction, and nothing to train.
///
/// # Formula
/// π = W_e (x̄ − p) + b_e, f = s(π), ŷ = W_dᵀ f + b_d + W_s x, with x̄ the sample behind its [scale](InputScale), p the
/// pre-bias, s the [activation](SparseActivation), rows of W_d the units' directions and W_s a skip, if there is one.
/// Where the scale [is undone](InputScale::Norm::is_undone), that is before the skip is added.
///
/// # Shapes
/// x: d inputs × samples; f: n units × samples, of which few are not 0; ŷ: m outputs × samples.
///
/// # Example
/// ```
/// use autoencoder::dictionary::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
/// use autoencoder::Batch;
///
/// // Three directions in the plane, of which at most one is active.
/// let directions = vec![1.0, 0.0, 0.0, 1.0, -1.0, 0.0];
/// let dictionary = SparseDictionary::new(DictionaryParts {
///     inputs: 2,
///     outputs: 2,
///     units: 3,
///     encoder: directions.clone(),
///     encoder_bias: vec![0.0; 3],
///     decoder: directions,
///     decoder_bias: vec![0.0; 2],
///     pre_bias: None,
///     skip: None,
///     activation: SparseActivation::TopK { k: 1, by_norm: false },
///     input_scale: InputScale::Plain,
/// })?;
/// let x = Batch::from_iter([[0.2, 0.9], [-3.0, 0.5]]);
/// let code = dictionary.encode(x.view())?;
/// assert_eq!(code.sample(0).iter().collect::<Vec<_>>(), [(1, 0.9)]);
/// assert_eq!(dictionary.reconstruct(x.view())?.sample(1), [-3.0, 0.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// L. Gao and others (2024), Scaling and evaluating sparse autoencoders. S. Rajamanoharan and others (2024), Jumping
/// Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse Autoencoders.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseDictionary<T> {
    parts: DictionaryParts<T>,
    /// Of the decoder's rows, where the activation ranks by them; else none.
    norms: Vec<T>,
    notes: BTreeMap<String, String>,
}

impl<T: Float> SparseDictionary<T> {
    /// Checks that all parts have the sizes they should have.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a size or a k that is 0 or too large; [`Error::SizeMismatch`] for a part of
    /// another length; [`Error::EntryNotFinite`] for a weight that is NaN or infinite; [`Error::Unfit`] for parts that
    /// do not go together.
    pub fn new(parts: DictionaryParts<T>) -> Result<Self> {
        check(&parts)?;
        let norms = if parts.activation.is_by_norm() { norms_of(&parts) } else { Vec::new() };
        Ok(Self { parts, norms, notes: BTreeMap::new() })
    }

    /// The number of inputs, d.
    pub fn inputs(&self) -> usize {
        self.parts.inputs
    }

    /// The number of outputs, m.
    pub fn outputs(&self) -> usize {
        self.parts.outputs
    }

    /// The number of units, n.
    pub fn units(&self) -> usize {
        self.parts.units
    }

    /// The encoder's weights, n × d, unit after unit.
    pub fn encoder(&self) -> &[T] {
        &self.parts.encoder
    }

    /// The encoder's bias, n; that of the gate, where there is one.
    pub fn encoder_bias(&self) -> &[T] {
        &self.parts.encoder_bias
    }

    /// The directions of the units, n × m, unit after unit.
    pub fn decoder(&self) -> &[T] {
        &self.parts.decoder
    }

    /// The decoder's bias, m.
    pub fn decoder_bias(&self) -> &[T] {
        &self.parts.decoder_bias
    }

    /// What is subtracted from a sample before it is encoded, d.
    pub fn pre_bias(&self) -> Option<&[T]> {
        self.parts.pre_bias.as_deref()
    }

    /// The map of a sample itself that is added to the output, m × d, output after output.
    pub fn skip(&self) -> Option<&[T]> {
        self.parts.skip.as_deref()
    }

    /// Which units are active, and how much.
    pub fn activation(&self) -> &SparseActivation<T> {
        &self.parts.activation
    }

    /// What is done to a sample first.
    pub fn input_scale(&self) -> InputScale {
        self.parts.input_scale
    }

    /// The parts, without a copy.
    pub fn into_parts(self) -> DictionaryParts<T> {
        self.parts
    }

    /// What a file says of where the dictionary belongs, by name: `model_name`, `hook_name`. What is no text there is
    /// written here as JSON has it: `true`, `1024`.
    pub fn notes(&self) -> &BTreeMap<String, String> {
        &self.notes
    }

    /// The same for changing; they go into the file that is written.
    pub fn notes_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.notes
    }
}

fn check<T: Float>(parts: &DictionaryParts<T>) -> Result<()> {
    let DictionaryParts { inputs, outputs, units, .. } = *parts;
    require_count("SparseDictionary inputs", inputs)?;
    require_count("SparseDictionary outputs", outputs)?;
    require_count("SparseDictionary units", units)?;
    if u32::try_from(units).is_err() {
        let (name, value) = ("SparseDictionary units", Number(units as f64));
        return Err(Error::InvalidParameter { name, value, requirement: "below 2³²" });
    }
    // What is longer than the address space has no slice of that length.
    let (encoder, decoder) = (units.saturating_mul(inputs), units.saturating_mul(outputs));
    list("weights of the encoder", encoder, &parts.encoder)?;
    list("values of the encoder's bias", units, &parts.encoder_bias)?;
    list("weights of the decoder", decoder, &parts.decoder)?;
    list("values of the decoder's bias", outputs, &parts.decoder_bias)?;
    if let Some(pre_bias) = &parts.pre_bias {
        list("values of the pre-bias", inputs, pre_bias)?;
    }
    if let Some(skip) = &parts.skip {
        list("weights of the skip", outputs.saturating_mul(inputs), skip)?;
    }
    parts.activation.check(parts)?;
    let (is_undone, is_layer_norm) = match parts.input_scale {
        InputScale::Plain | InputScale::Factor => (false, false),
        InputScale::Norm { is_undone } => (is_undone, false),
        InputScale::LayerNorm { is_undone } => (is_undone, true),
    };
    require_fit(
        !is_layer_norm || inputs > 1,
        "SparseDictionary",
        "has a layer norm, which one input has no variance for",
        "take more inputs or another scale",
    )?;
    require_fit(
        !is_undone || inputs == outputs,
        "SparseDictionary",
        "brings outputs back to the scale of inputs that are not as many",
        "set is_undone to false",
    )
}

/// Refuses a list of another length, or with a value that is not finite.
fn list<T: Float>(unit: &'static str, expected: usize, values: &[T]) -> Result<()> {
    require_size("SparseDictionary", unit, expected, values.len())?;
    require_finite("SparseDictionary", unit, values)
}

/// The norms of the decoder's rows.
fn norms_of<T: Float>(parts: &DictionaryParts<T>) -> Vec<T> {
    let mut norms = vec![T::ZERO; parts.units];
    column_norms(BatchView::new(&parts.decoder, parts.outputs), &mut norms);
    norms
}
