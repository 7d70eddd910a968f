//! A dictionary as SAELens reads it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use safetensors::tensor::TensorInfo;
use serde_json::{Map, Value, json};

use super::sae_lens::HEADS;
use super::weights::transposed;
use super::{CONFIG, SAE_LENS};
use crate::code::dictionary::{InputScale, SparseActivation, SparseDictionary, require_finite};
use crate::error::{Error, Result, require_fit};
use crate::file::atomic::replace;
use crate::numbers::bytes::Tensor;
use crate::numbers::scalar::Float;

/// The version of SAELens whose format this is.
const VERSION: &str = "6.54.12";

pub(super) fn save<T: Float>(dictionary: &SparseDictionary<T>, folder: &Path) -> Result<()> {
    let architecture = architecture(dictionary)?;
    let (inputs, outputs, units) = (dictionary.inputs(), dictionary.outputs(), dictionary.units());
    let (encoder_bias, magnitude_bias, is_centred) = centred(dictionary)?;
    let encoder = transposed(dictionary.encoder(), inputs);
    let gate = &encoder_bias;
    let mut tensors = vec![
        Tensor::new("W_dec", &[units, outputs], dictionary.decoder()),
        Tensor::new("b_dec", &[outputs], dictionary.decoder_bias()),
    ];
    if architecture != "matching_pursuit" {
        tensors.push(Tensor::new("W_enc", &[inputs, units], &encoder));
    }
    match dictionary.activation() {
        SparseActivation::Gated { log_scale, .. } => tensors.extend([
            Tensor::new("b_gate", &[units], gate),
            Tensor::new("b_mag", &[units], &magnitude_bias),
            Tensor::new("r_mag", &[units], log_scale),
        ]),
        SparseActivation::MatchingPursuit { .. } => {}
        _ => tensors.push(Tensor::new("b_enc", &[units], &encoder_bias)),
    }
    if let SparseActivation::JumpReLU { thresholds } = dictionary.activation() {
        tensors.push(Tensor::new("threshold", &[units], thresholds));
    }
    if let Some(skip) = dictionary.skip() {
        tensors.push(Tensor::new("W_skip", &[outputs, inputs], skip));
    }
    let config = config(dictionary, architecture, is_centred).to_string();
    write(folder, &tensors, config.as_bytes())
}

/// What SAELens calls such a dictionary.
fn architecture<T: Float>(dictionary: &SparseDictionary<T>) -> Result<&'static str> {
    let refuse = |fault, remedy| Err(Error::Unfit { part: "save_sae_lens", fault, remedy });
    let own = "keep its parts in a file of your own";
    let (is_undone, is_plain) = match dictionary.input_scale() {
        InputScale::Plain => (true, true),
        InputScale::Factor => (true, false),
        InputScale::Norm { is_undone } | InputScale::LayerNorm { is_undone } => (is_undone, false),
    };
    let is_transcoder = dictionary.skip().is_some()
        || dictionary.inputs() != dictionary.outputs()
        || !is_undone && !is_plain;
    if is_transcoder
        && matches!(
            dictionary.input_scale(),
            InputScale::Norm { is_undone: true } | InputScale::LayerNorm { is_undone: true }
        )
    {
        return refuse(
            "cannot write a skip beside a scale of the input that is undone, which SAELens does not have",
            own,
        );
    }
    Ok(match (dictionary.activation(), is_transcoder, dictionary.skip().is_some()) {
        (SparseActivation::ReLU, false, _) => "standard",
        (SparseActivation::TopK { .. }, false, _) => "topk",
        (SparseActivation::AbsTopK { .. }, false, _) => "abstopk",
        (SparseActivation::JumpReLU { .. }, false, _) => "jumprelu",
        (SparseActivation::Gated { .. }, false, _) => "gated",
        (SparseActivation::MatchingPursuit { .. }, false, _) => {
            let is_tied = match dictionary.pre_bias() {
                Some(pre_bias) => pre_bias == dictionary.decoder_bias(),
                None => dictionary.decoder_bias().iter().all(|&bias| bias == T::ZERO),
            };
            let fault = "can write matching pursuit only with the same bias taken off and put back";
            require_fit(
                is_tied,
                "save_sae_lens",
                fault,
                "take the decoder's bias as the pre-bias",
            )?;
            "matching_pursuit"
        }
        (SparseActivation::ReLU, true, false) => "transcoder",
        (SparseActivation::ReLU, true, true) => "skip_transcoder",
        (SparseActivation::JumpReLU { .. }, true, false) => "jumprelu_transcoder",
        (SparseActivation::JumpReLU { .. }, true, true) => "jumprelu_skip_transcoder",
        (SparseActivation::GroupMax { .. }, ..) => {
            return refuse("cannot write GroupMax, which SAELens does not have", own);
        }
        _ => {
            let fault = "cannot write a transcoder (other outputs than inputs, a skip, or a scale that is not undone) of this rule, \
                         as SAELens has only those of ReLU and JumpReLU";
            return refuse(fault, own);
        }
    })
}

/// The biases of encoder and magnitude, and whether the decoder's bias is taken off a sample: any other bias that is
/// taken off is in the two, which are refused where they cannot hold it.
fn centred<T: Float>(dictionary: &SparseDictionary<T>) -> Result<(Vec<T>, Vec<T>, bool)> {
    let is_transcoder = dictionary.skip().is_some() || dictionary.inputs() != dictionary.outputs();
    let decoder_bias = dictionary.decoder_bias();
    let is_tied = !is_transcoder && dictionary.pre_bias() == Some(decoder_bias);
    let (bias, magnitude) = dictionary.biases_behind(if is_tied { decoder_bias } else { &[] });
    require_finite("save_sae_lens", "the encoder's bias of unit", &bias)?;
    require_finite("save_sae_lens", "the magnitude's bias of unit", &magnitude)?;
    Ok((bias, magnitude, is_tied))
}

fn config<T: Float>(
    dictionary: &SparseDictionary<T>,
    architecture: &str,
    is_centred: bool,
) -> Value {
    let mut notes = Map::new();
    for (key, text) in dictionary.notes().iter().filter(|(key, _)| *key != HEADS) {
        // What was no text is none again.
        let value = serde_json::from_str(text).ok().filter(|value: &Value| !value.is_string());
        notes.insert(key.clone(), value.unwrap_or_else(|| Value::String(text.clone())));
    }
    notes.insert("sae_lens_version".to_owned(), json!(VERSION));
    let mut config = json!({
        "architecture": architecture,
        "d_in": dictionary.inputs(),
        "d_sae": dictionary.units(),
        "dtype": if size_of::<T>() == 4 { "float32" } else { "float64" },
        "device": "cpu",
        "apply_b_dec_to_input": is_centred,
        "normalize_activations": match dictionary.input_scale() {
            InputScale::Plain => "none",
            InputScale::Factor => "expected_average_only_in",
            InputScale::Norm { .. } => "constant_norm_rescale",
            InputScale::LayerNorm { .. } => "layer_norm",
        },
        HEADS: match dictionary.notes().get(HEADS).map(String::as_str) {
            Some("hook_z") => "hook_z",
            _ => "none",
        },
        "metadata": notes,
    });
    if architecture.ends_with("transcoder") {
        config["d_out"] = json!(dictionary.outputs());
    }
    match dictionary.activation() {
        SparseActivation::TopK { k, by_norm } | SparseActivation::AbsTopK { k, by_norm } => {
            config["k"] = json!(k);
            config["rescale_acts_by_decoder_norm"] = json!(by_norm);
        }
        SparseActivation::MatchingPursuit { residual, most, ends_on_repetition } => {
            config["residual_threshold"] = json!(residual.to_double());
            config["max_iterations"] = json!(most);
            config["stop_on_duplicate_support"] = json!(ends_on_repetition);
        }
        _ => {}
    }
    config
}

/// What lies in the place of settings while the weights are replaced; no reader takes it for settings.
const UNFINISHED: &[u8] = br#"{"architecture": "unfinished"}"#;

/// Both files, in an order in which weights never lie beside the settings of others. What is in their way is found before
/// either is touched.
fn write(folder: &Path, tensors: &[Tensor<'_>], config: &[u8]) -> Result<()> {
    let (settings, weights) = (folder.join(CONFIG), folder.join(SAE_LENS));
    let failed = |path: &Path, action| {
        let path = path.to_owned();
        move |error: io::Error| Error::File { path, action, reason: error.kind() }
    };
    fs::create_dir_all(folder).map_err(failed(folder, "make the folder"))?;
    for path in [&settings, &weights] {
        if path.is_dir() {
            return Err(failed(path, "replace the folder")(io::ErrorKind::IsADirectory.into()));
        }
    }
    let old = match settings.is_file() {
        true => Some(fs::read(&settings).map_err(failed(&settings, "read the old file"))?),
        false => None,
    };
    if old.is_some() {
        replace(&settings, false, |to| to.write_all(UNFINISHED))?;
    }
    let written = replace(&weights, false, |to| write_tensors(tensors, to));
    if let (Err(_), Some(old)) = (&written, &old) {
        // The error that is reported is the first one.
        let _ = replace(&settings, false, |to| to.write_all(old));
    }
    written?;
    replace(&settings, false, |to| to.write_all(config))
}

fn write_tensors(tensors: &[Tensor<'_>], to: &mut dyn Write) -> io::Result<()> {
    let mut header = Map::new();
    let mut start = 0;
    for Tensor { name, shape, values } in tensors {
        let end = start + values.len() * (values.dtype().bitsize() / 8);
        let info =
            TensorInfo { dtype: values.dtype(), shape: shape.clone(), data_offsets: (start, end) };
        header.insert(name.clone().into_owned(), serde_json::to_value(info)?);
        start = end;
    }
    let mut header = Value::Object(header).to_string();
    // So that the values lie as their type wants them.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    to.write_all(&(header.len() as u64).to_le_bytes())?;
    to.write_all(header.as_bytes())?;
    tensors.iter().try_for_each(|tensor| tensor.values.try_each_chunk(|bytes| to.write_all(bytes)))
}
