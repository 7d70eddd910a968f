//! Gemma Scope: five arrays, and hardly any settings.

use std::path::{Path, PathBuf};

use super::config::Config;
use super::weights::Weights;
use super::{SCOPE, SCOPE_2, dictionary};
use crate::code::dictionary::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
use crate::error::{Error, Found, Place, Result};
use crate::numbers::scalar::Float;

pub(super) fn load<T: Float>(path: &Path) -> Result<SparseDictionary<T>> {
    let path = file(path)?;
    let mut weights = match path.extension() {
        Some(ending) if ending == "npz" => read_npz(&path)?,
        _ => {
            check_config(&path)?;
            Weights::read(&path, &TENSORS)?
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
        activation: SparseActivation::JumpReLU { thresholds: weights.take("threshold", &[units])? },
        input_scale: InputScale::Plain,
    };
    weights.finish()?;
    dictionary(&path, parts)
}

/// What either generation has.
const TENSORS: [&str; 9] = [
    "W_enc",
    "w_enc",
    "W_dec",
    "w_dec",
    "b_enc",
    "b_dec",
    "threshold",
    "affine_skip_connection",
    "scaling_factor",
];

/// The one file of weights in a folder, or the path itself.
fn file(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let there = [SCOPE, SCOPE_2].map(|name| Some(path.join(name)).filter(|path| path.exists()));
    let found = match there {
        [Some(one), None] | [None, Some(one)] => return Ok(one),
        [None, None] => "a folder without both",
        [Some(_), Some(_)] => "a folder with both",
    };
    let (found, expected) = (Found::Thing(found), "params.npz or params.safetensors (Gemma Scope)");
    Err(Error::Malformed { path: path.to_owned(), place: Place::File, found, expected })
}

#[cfg(feature = "npz")]
fn read_npz<T: Float>(path: &Path) -> Result<Weights<T>> {
    Weights::read_npz(path, &TENSORS)
}

#[cfg(not(feature = "npz"))]
fn read_npz<T: Float>(path: &Path) -> Result<Weights<T>> {
    super::pickle::refuse(path)?;
    let (kind, feature) = ("an archive of arrays", "npz");
    Err(Error::MissingFeature { path: path.to_owned(), kind, feature })
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
