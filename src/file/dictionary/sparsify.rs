//! sparsify: settings and weights as its training has them.

use std::path::Path;

use super::config::Config;
use super::weights::Weights;
use super::{CONFIG, SPARSIFY, dictionary};
use crate::code::dictionary::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
use crate::error::Result;
use crate::numbers::scalar::Float;

pub(super) fn load<T: Float>(folder: &Path) -> Result<SparseDictionary<T>> {
    let config = Config::read(&folder.join(CONFIG))?;
    let path = folder.join(SPARSIFY);
    const TENSORS: [&str; 5] = ["encoder.weight", "encoder.bias", "W_dec", "b_dec", "W_skip"];
    let mut weights = Weights::<T>::read(&path, &TENSORS)?;
    let inputs = config.size("d_in")?;
    let units = match config.count_or("num_latents", 0)? {
        0 => inputs.saturating_mul(config.size("expansion_factor")?),
        units => units,
    };
    if config.flag_or("signed", false)? {
        return config
            .refuse("signed", "false: what old versions made of codes below 0 is not read");
    }
    let k = config.count_up_to("k", units)?;
    let activation = match config.text_or("activation", "topk")? {
        "topk" => SparseActivation::TopK { k, by_norm: false },
        "groupmax" if units.is_multiple_of(k) => SparseActivation::GroupMax { groups: k },
        "groupmax" => return config.refuse("k", "a divisor of the number of units"),
        _ => return config.refuse("activation", "`topk` or `groupmax`"),
    };
    let decoder_bias = weights.take("b_dec", &[inputs])?;
    let is_centred = !config.flag_or("transcode", false)?;
    let skip = match config.flag_or("skip_connection", false)? {
        true => Some(weights.take("W_skip", &[inputs, inputs])?),
        false => None,
    };
    let parts = DictionaryParts {
        inputs,
        outputs: inputs,
        units,
        encoder: weights.take("encoder.weight", &[units, inputs])?,
        encoder_bias: weights.take("encoder.bias", &[units])?,
        decoder: weights.take("W_dec", &[units, inputs])?,
        pre_bias: is_centred.then(|| decoder_bias.clone()),
        decoder_bias,
        skip,
        activation,
        input_scale: InputScale::Plain,
    };
    weights.finish()?;
    dictionary(&path, parts)
}
