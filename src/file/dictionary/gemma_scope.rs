//! Gemma Scope: five arrays, and hardly any settings.

use std::path::Path;

use super::config::Config;
use super::weights::Weights;
use super::{SCOPE, SCOPE_2, dictionary};
use crate::code::dictionary::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
use crate::error::Result;
use crate::numbers::scalar::Float;

pub(super) fn load<T: Float>(path: &Path) -> Result<SparseDictionary<T>> {
    let in_folder = |name| Some(path.join(name)).filter(|path| path.exists());
    let path = in_folder(SCOPE).or_else(|| in_folder(SCOPE_2)).unwrap_or(path.to_owned());
    let mut weights = match path.extension() {
        Some(ending) if ending == "npz" => read_npz(&path)?,
        _ => {
            check_config(&path)?;
            Weights::read(&path)?
        }
    };
    weights.drop_ones()?;
    let (w_enc, w_dec) = (weights.one_of(&["W_enc", "w_enc"]), weights.one_of(&["W_dec", "w_dec"]));
    let (inputs, units) = weights.matrix(w_enc)?;
    // A cross-layer transcoder has one direction a layer, and so three sizes.
    let (_, outputs) = weights.matrix(w_dec)?;
    let skip = match weights.has("affine_skip_connection") {
        true => Some(weights.take_transposed("affine_skip_connection", inputs, outputs)?),
        false => None,
    };
    let parts = DictionaryParts {
        inputs,
        outputs,
        units,
        encoder: weights.take_transposed(w_enc, inputs, units)?,
        encoder_bias: weights.take("b_enc", &[units])?,
        decoder: weights.take(w_dec, &[units, outputs])?,
        decoder_bias: weights.take("b_dec", &[outputs])?,
        pre_bias: None,
        skip,
        activation: SparseActivation::JumpRelu { thresholds: weights.take("threshold", &[units])? },
        input_scale: InputScale::Plain,
    };
    weights.finish()?;
    dictionary(&path, parts)
}

#[cfg(feature = "npz")]
fn read_npz<T: Float>(path: &Path) -> Result<Weights<T>> {
    Weights::read_npz(path)
}

#[cfg(not(feature = "npz"))]
fn read_npz<T: Float>(path: &Path) -> Result<Weights<T>> {
    super::pickle::refuse(path)?;
    let (kind, feature) = ("an archive of arrays", "npz");
    Err(crate::error::Error::MissingFeature { path: path.to_owned(), kind, feature })
}

/// What the second generation says beside its weights, where it says something.
fn check_config(path: &Path) -> Result<()> {
    let path = path.with_file_name("config.json");
    if !path.exists() {
        return Ok(());
    }
    let config = Config::read(&path)?;
    match config.text_or("architecture", "jump_relu")? {
        "jump_relu" => Ok(()),
        _ => config.refuse("architecture", "`jump_relu`, which all of Gemma Scope has"),
    }
}
