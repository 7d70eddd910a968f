//! SAELens: settings by name, weights, and what versions before 6 called otherwise.

use std::collections::BTreeMap;
use std::path::Path;

use super::config::{Config, note, whole};
use super::weights::Weights;
use super::{CONFIG, SAE_LENS, dictionary};
use crate::code::dictionary::{DictionaryParts, InputScale, SparseActivation, SparseDictionary};
use crate::error::Result;
use crate::numbers::scalar::Float;

/// What any of its architectures has.
const TENSORS: [&str; 11] = [
    "W_enc",
    "b_enc",
    "W_dec",
    "b_dec",
    "W_skip",
    "threshold",
    "log_threshold",
    "b_gate",
    "b_mag",
    "r_mag",
    "scaling_factor",
];

/// What versions before 6 said among the settings of where a dictionary belongs.
const OLD_NOTES: [&str; 13] = [
    "model_name",
    "hook_name",
    "hook_point",
    "model_class_name",
    "hook_head_index",
    "hook_point_head_index",
    "prepend_bos",
    "neuronpedia_id",
    "context_size",
    "seqpos_slice",
    "dataset_path",
    "sae_lens_training_version",
    "model_from_pretrained_kwargs",
];

pub(super) fn load<T: Float>(folder: &Path) -> Result<SparseDictionary<T>> {
    let config = Config::read(&folder.join(CONFIG))?;
    let kind = Kind::of(&config)?;
    let path = folder.join(SAE_LENS);
    let mut weights = Weights::<T>::read(&path, &TENSORS)?;
    weights.drop_ones()?;
    let (inputs, units) = (config.size("d_in")?, config.size("d_sae")?);
    let outputs = if kind.is_transcoder { config.size("d_out")? } else { inputs };
    let is_centred = config.flag_or("apply_b_dec_to_input", !kind.is_transcoder)?;
    if kind.is_transcoder && is_centred {
        return config.refuse("apply_b_dec_to_input", "false, as outputs are no inputs here");
    }
    let decoder = weights.take("W_dec", &[units, outputs])?;
    let mut decoder_bias = weights.take("b_dec", &[outputs])?;
    let encoder = match kind.rule {
        Rule::MatchingPursuit => decoder.clone(),
        _ => weights.take_transposed("W_enc", inputs, units)?,
    };
    let encoder_bias = match kind.rule {
        Rule::MatchingPursuit => vec![T::ZERO; units],
        Rule::Gated => weights.take("b_gate", &[units])?,
        _ => weights.take("b_enc", &[units])?,
    };
    let pre_bias = is_centred.then(|| decoder_bias.clone());
    // It is tied, also in this: what is not taken off is not put back.
    if kind.rule == Rule::MatchingPursuit && !is_centred {
        decoder_bias.fill(T::ZERO);
    }
    let parts = DictionaryParts {
        inputs,
        outputs,
        units,
        encoder,
        encoder_bias,
        decoder,
        decoder_bias,
        pre_bias,
        skip: match kind.has_skip {
            true => Some(weights.take("W_skip", &[outputs, inputs])?),
            false => None,
        },
        activation: activation(&config, kind.rule, &mut weights, units)?,
        input_scale: input_scale(&config, kind.is_transcoder)?,
    };
    weights.finish()?;
    let mut dictionary = dictionary(&path, parts)?;
    *dictionary.notes_mut() = notes(&config)?;
    Ok(dictionary)
}

/// How units become active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Relu,
    TopK,
    AbsTopK,
    JumpRelu,
    Gated,
    MatchingPursuit,
}

/// What the name of an architecture says.
#[derive(Debug, Clone, Copy)]
struct Kind {
    rule: Rule,
    is_transcoder: bool,
    has_skip: bool,
}

impl Kind {
    fn of(config: &Config) -> Result<Self> {
        let is_old = is_old(config)?;
        let default = if is_old { "standard" } else { "" };
        let name = config.text_or("architecture", default)?;
        // There the activation was a setting of its own, and TopK a standard one with it.
        let is_topk = is_old && is_old_topk(config, name)?;
        let (rule, is_transcoder, has_skip) = match name {
            "standard" if is_topk => (Rule::TopK, false, false),
            "standard" => (Rule::Relu, false, false),
            "topk" => (Rule::TopK, false, false),
            "abstopk" => (Rule::AbsTopK, false, false),
            "jumprelu" => (Rule::JumpRelu, false, false),
            "gated" => (Rule::Gated, false, false),
            "matching_pursuit" => (Rule::MatchingPursuit, false, false),
            "transcoder" => (Rule::Relu, true, false),
            "skip_transcoder" => (Rule::Relu, true, true),
            "jumprelu_transcoder" => (Rule::JumpRelu, true, false),
            "jumprelu_skip_transcoder" => (Rule::JumpRelu, true, true),
            "batchtopk" | "matryoshka_batchtopk" => {
                let expected = "`jumprelu`: this one is in the midst of its training; write it for use, by \
                                save_inference_model in Python";
                return config.refuse("architecture", expected);
            }
            "temporal" => {
                let expected = "an architecture that codes each sample on its own";
                return config.refuse("architecture", expected);
            }
            _ => {
                let expected = "`standard`, `topk`, `abstopk`, `jumprelu`, `gated`, `matching_pursuit`, `transcoder`, \
                                `skip_transcoder`, `jumprelu_transcoder` or `jumprelu_skip_transcoder`";
                return config.refuse("architecture", expected);
            }
        };
        Ok(Self { rule, is_transcoder, has_skip })
    }
}

/// Whether the activation of a version before 6 is TopK; what goes with it is refused otherwise.
fn is_old_topk(config: &Config, architecture: &str) -> Result<bool> {
    let keys = ["activation_fn", "activation_fn_str"];
    let key = keys.into_iter().find(|key| config.get(key).is_some()).unwrap_or(keys[0]);
    match config.text_or(key, "relu")? {
        "relu" => Ok(false),
        "topk" if matches!(architecture, "standard" | "topk") => Ok(true),
        "topk" => config.refuse(key, "`relu` with this architecture"),
        _ => config.refuse(key, "`relu` or `topk`"),
    }
}

/// Whether a version before 6 wrote it, or none that says so.
fn is_old(config: &Config) -> Result<bool> {
    let own = config.text_or("sae_lens_version", "")?;
    let beside = config.object("metadata").and_then(|notes| notes.get("sae_lens_version"));
    let version =
        if own.is_empty() { beside.and_then(|text| text.as_str()).unwrap_or("") } else { own };
    let first = version.split('.').next().unwrap_or("");
    Ok(first.parse::<u32>().map_or(true, |first| first < 6))
}

fn activation<T: Float>(
    config: &Config,
    rule: Rule,
    weights: &mut Weights<T>,
    units: usize,
) -> Result<SparseActivation<T>> {
    let by_norm = || config.flag_or("rescale_acts_by_decoder_norm", false);
    Ok(match rule {
        Rule::Relu => SparseActivation::ReLU,
        Rule::TopK => SparseActivation::TopK { k: k(config, units)?, by_norm: by_norm()? },
        Rule::AbsTopK => SparseActivation::AbsTopK { k: k(config, units)?, by_norm: by_norm()? },
        Rule::JumpRelu => SparseActivation::JumpReLU {
            thresholds: match weights.has("log_threshold") && !weights.has("threshold") {
                true => {
                    let logarithms = weights.take("log_threshold", &[units])?;
                    logarithms.into_iter().map(|x| x.exp()).collect()
                }
                false => weights.take("threshold", &[units])?,
            },
        },
        Rule::Gated => SparseActivation::Gated {
            magnitude_bias: weights.take("b_mag", &[units])?,
            log_scale: weights.take("r_mag", &[units])?,
        },
        Rule::MatchingPursuit => SparseActivation::MatchingPursuit {
            residual: T::of(config.number_or("residual_threshold", 1e-2)?.max(0.0)),
            most: match config.get("max_iterations") {
                None => None,
                Some(_) if config.count("max_iterations")? <= 1 << 16 => {
                    Some(config.count("max_iterations")?)
                }
                Some(_) => {
                    return config.refuse("max_iterations", "a whole number, at most 65,536");
                }
            },
            ends_on_repetition: config.flag_or("stop_on_duplicate_support", true)?,
        },
    })
}

/// k, which versions before 6 gave to the activation.
fn k(config: &Config, units: usize) -> Result<usize> {
    let given = config.object("activation_fn_kwargs").and_then(|given| given.get("k"));
    match given.and_then(whole).filter(|k| (1..=units).contains(k)) {
        Some(k) if is_old(config)? => Ok(k),
        _ => config.count_up_to("k", units),
    }
}

fn input_scale(config: &Config, is_transcoder: bool) -> Result<InputScale> {
    let key = "normalize_activations";
    let is_undone = !is_transcoder;
    let name = match config.get(key) {
        None => "none",
        // Versions before 6.
        Some(serde_json::Value::Bool(false)) => "none",
        Some(serde_json::Value::Bool(true)) => "expected_average_only_in",
        Some(_) => config.text_or(key, "none")?,
    };
    Ok(match name {
        "none" => InputScale::Plain,
        "expected_average_only_in" => InputScale::Factor,
        "constant_norm_rescale" => InputScale::Norm { is_undone },
        "layer_norm" => InputScale::LayerNorm { is_undone },
        "covariance_whitening" => {
            let expected = "`none`: put the whitening into the weights first, by fold_activation_whitening in Python";
            return config.refuse(key, expected);
        }
        _ => {
            let expected =
                "`none`, `expected_average_only_in`, `constant_norm_rescale` or `layer_norm`";
            return config.refuse(key, expected);
        }
    })
}

/// What it says of where the dictionary belongs.
fn notes(config: &Config) -> Result<BTreeMap<String, String>> {
    let mut notes = BTreeMap::new();
    for (key, value) in config.object("metadata").into_iter().flatten() {
        // That of the format, which whoever writes it says.
        if !value.is_null() && key != "sae_lens_version" {
            notes.insert(key.clone(), note(value));
        }
    }
    if is_old(config)? {
        for key in OLD_NOTES {
            if let Some(value) = config.get(key) {
                let name = match key {
                    "hook_point" => "hook_name",
                    "hook_point_head_index" => "hook_head_index",
                    key => key,
                };
                notes.insert(name.to_owned(), note(value));
            }
        }
    }
    // Heads of attention side by side; of samples here the same. Versions before 6 told them by the hook's name.
    let is_of_heads =
        is_old(config)? && notes.get("hook_name").is_some_and(|hook| hook.contains("hook_z"));
    match config.text_or(HEADS, if is_of_heads { "hook_z" } else { "none" })? {
        "none" => {}
        "hook_z" => drop(notes.insert(HEADS.to_owned(), "hook_z".to_owned())),
        _ => return config.refuse(HEADS, "`none` or `hook_z`"),
    }
    Ok(notes)
}

/// The setting that says how samples lie in the model.
pub(super) const HEADS: &str = "reshape_activations";
