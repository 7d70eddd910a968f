//! What the sentences of errors say of their data.

use std::io::ErrorKind;

use super::{Number, Outlier};

/// What to try where a training has diverged.
pub(super) fn or_smaller_rate(outlier: Option<&Outlier>) -> String {
    const RATE: &str = "try a smaller learning rate or `clip_norm`";
    outlier.map_or(RATE.to_owned(), |outlier| format!("{outlier}: look at that first; else {RATE}"))
}

/// What the system says, in the words of files.
pub(super) fn in_words(reason: ErrorKind) -> String {
    match reason {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::IsADirectory => "it is a folder, and a file is needed".to_owned(),
        ErrorKind::Unsupported => {
            "it is a device or a pipe, or the system cannot do this; a plain file is needed"
                .to_owned()
        }
        reason => reason.to_string(),
    }
}

/// Names of terms, as a sentence lists them.
pub(super) fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The sides of the image of so many pixels that is most like a square.
#[cfg(feature = "plot")]
pub(super) fn sides(pixels: usize) -> (usize, usize) {
    let height = (1..=pixels.isqrt()).rev().find(|height| pixels.is_multiple_of(*height));
    height.map_or((pixels, 1), |height| (height, pixels / height))
}

/// How a picture is broken, and what helps first.
#[cfg(feature = "image")]
pub(super) fn broken(is_cut: bool) -> &'static str {
    if is_cut {
        "is cut short: the file ends in the middle of it, as where a copy or download broke off; fetch it again"
    } else {
        "is damaged: fetch it again"
    }
}

/// So many there are.
pub(super) fn are(count: usize) -> String {
    if count == 1 { "is 1".to_owned() } else { format!("are {count}") }
}

/// What each of the held-out scores is of.
pub(super) fn samples_or_blocks(block: usize) -> String {
    if block == 1 { "samples".to_owned() } else { format!("blocks of {block} samples") }
}

/// A share to three digits, the last one rounded up so that it is not below the share.
pub(super) fn rounded_up(share: f64) -> String {
    let unit = 10f64.powi(2 - share.log10().floor() as i32);
    format!("{}", (share * unit).ceil() / unit)
}

/// What to do where a value is outside the domain of a loss.
pub(super) fn into_the_domain(is_normalized: bool) -> &'static str {
    if is_normalized {
        "take a normalization to that range (`Normalization::MinMax`), keep the normalizer off the columns that have it \
         (`Normalizer::leaving`), or take another loss"
    } else {
        "scale the data, or take another loss"
    }
}

/// What to do about NaN in samples, where it may stand for a value that is missing.
pub(super) fn or_missing(call: &str, value: Number) -> &'static str {
    /// What takes samples of a model; all else that refuses NaN takes none for a missing value.
    const CALLS: [&str; 31] = [
        "encode",
        "reconstruct",
        "score",
        "loss",
        "objective",
        "objective_at",
        "elbo",
        "negative_log_likelihood",
        "aggregated_posterior",
        "squared_jacobian",
        "encode_one",
        "reconstruct_one",
        "score_one",
        "probabilities",
        "predict",
        "cross_entropy",
        "scores",
        "feature_scores",
        "explain",
        "p_values",
        "detect",
        "calibrate",
        "AnomalyDetector::fit",
        "Checkup::of",
        "kl_per_unit",
        "impute",
        "fit",
        "validation",
        "Stack::fit",
        "Normalizer::fit",
        "Normalizer::apply",
    ];
    if value.0.is_nan() && CALLS.contains(&call) {
        "; where NaN stands for a missing value, fit the model's normalizer by `Normalizer::fit_with_missing`"
    } else {
        ""
    }
}

/// A byte as code has it: `b'a'`.
pub(super) fn in_quotes(byte: u8) -> String {
    match byte {
        b'"' => "`b'\"'`".to_owned(),
        _ => format!("`b'{}'`", byte.escape_ascii()),
    }
}
