//! dictionary_learning: its settings, and its weights once they are no pickle any more.

use std::path::Path;

use super::config::Config;
use super::weights::Weights;
use super::{LEARNING, PICKLED, dictionary, pickle};
use crate::code::dictionary::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
use crate::error::Result;
use crate::numbers::scalar::Float;

pub(super) fn load<T: Float>(folder: &Path) -> Result<SparseDictionary<T>> {
    let path = folder.join(LEARNING);
    if !path.exists() && folder.join(PICKLED).exists() {
        pickle::refuse(&folder.join(PICKLED))?;
    }
    let config = Config::read(&folder.join("config.json"))?.inside("trainer")?;
    let mut weights = Weights::<T>::read(&path, &TENSORS)?;
    let kind = Kind::of(&config)?;
    // Of nn.Linear the rows are the outputs.
    let is_linear = weights.has("encoder.weight");
    let (inputs, units) = match is_linear {
        true => {
            let (units, inputs) = weights.matrix("encoder.weight")?;
            (inputs, units)
        }
        false => weights.matrix("W_enc")?,
    };
    let encoder = match is_linear {
        true => weights.take("encoder.weight", &[units, inputs])?,
        false => weights.take_transposed("W_enc", inputs, units)?,
    };
    let decoder = match is_linear {
        true => weights.take_transposed("decoder.weight", inputs, units)?,
        false => weights.take("W_dec", &[units, inputs])?,
    };
    let b_enc = weights.one_of(&["b_enc", "encoder.bias", "gate_bias"]);
    let b_dec = weights.one_of(&["b_dec", "bias", "decoder.bias", "decoder_bias"]);
    let decoder_bias = weights.take(b_dec, &[inputs])?;
    let activation = match kind {
        Kind::Relu | Kind::Uncentred => SparseActivation::ReLU,
        Kind::TopK => {
            // What its training keeps beside k is for another use.
            let _ = weights.take("threshold", &[])?;
            SparseActivation::TopK { k: config.count_up_to("k", units)?, by_norm: false }
        }
        Kind::BatchTopK => {
            let threshold = weights.take("threshold", &[])?;
            if !matches!(threshold.as_slice(), [threshold] if *threshold >= T::ZERO) {
                let expected =
                    "one of at least 0: training ended before there was one; set it in Python";
                return Err(weights.wrong(
                    "threshold",
                    expected.to_owned(),
                    "one below 0".to_owned(),
                ));
            }
            SparseActivation::JumpReLU { thresholds: threshold.repeat(units) }
        }
        Kind::JumpRelu => {
            SparseActivation::JumpReLU { thresholds: weights.take("threshold", &[units])? }
        }
        Kind::Gated => SparseActivation::Gated {
            magnitude_bias: weights.take("mag_bias", &[units])?,
            log_scale: weights.take("r_mag", &[units])?,
        },
    };
    let is_centred = !matches!(kind, Kind::Uncentred | Kind::JumpRelu);
    let parts = DictionaryParts {
        inputs,
        outputs: inputs,
        units,
        encoder,
        encoder_bias: weights.take(b_enc, &[units])?,
        decoder,
        pre_bias: is_centred.then(|| decoder_bias.clone()),
        decoder_bias,
        skip: None,
        activation,
        input_scale: InputScale::Plain,
    };
    weights.finish()?;
    let mut dictionary = dictionary(&path, parts)?;
    // As reading it there does, so that codes are the same.
    if kind == Kind::Relu && !dictionary.has_unit_norms() {
        dictionary.fold_norms()?;
    }
    for (key, note) in [("lm_name", "model_name"), ("submodule_name", "hook_name")] {
        let text = config.text_or(key, "")?;
        if !text.is_empty() {
            dictionary.notes_mut().insert(note.to_owned(), text.to_owned());
        }
    }
    Ok(dictionary)
}

/// What any of the classes has.
const TENSORS: [&str; 14] = [
    "encoder.weight",
    "decoder.weight",
    "W_enc",
    "W_dec",
    "b_enc",
    "encoder.bias",
    "gate_bias",
    "b_dec",
    "bias",
    "decoder.bias",
    "decoder_bias",
    "threshold",
    "mag_bias",
    "r_mag",
];

/// What the name of a class says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Relu,
    Uncentred,
    TopK,
    BatchTopK,
    JumpRelu,
    Gated,
}

impl Kind {
    fn of(config: &Config) -> Result<Self> {
        Ok(match config.text_or("dict_class", "")? {
            "AutoEncoder" => Self::Relu,
            "AutoEncoderNew" => Self::Uncentred,
            "AutoEncoderTopK" => Self::TopK,
            "BatchTopKSAE" | "MatryoshkaBatchTopKSAE" => Self::BatchTopK,
            "JumpReluAutoEncoder" => Self::JumpRelu,
            "GatedAutoEncoder" => Self::Gated,
            _ => {
                let expected = "`AutoEncoder`, `AutoEncoderNew`, `AutoEncoderTopK`, `BatchTopKSAE`, \
                                `MatryoshkaBatchTopKSAE`, `JumpReluAutoEncoder` or `GatedAutoEncoder`";
                return config.refuse("dict_class", expected);
            }
        })
    }
}
