//! The parts of a network before it is made: whether they fit together, and what is known of a model of them.

use super::settle::are_pairs;
use crate::code::Facts;
use crate::data::Normalizer;
use crate::error::{Error, Result, require, require_count, require_fit, require_size};
use crate::layer::part::End;
use crate::layer::{Layer, require_point};
use crate::loss::{Loss, Target};
use crate::numbers::scalar::Float;
use crate::regularizer::{Corrupts, Leaf};

/// The parts of a network that is to be made.
pub(crate) struct Parts<T: Float> {
    pub(crate) encoder: Box<dyn Layer<T>>,
    pub(crate) decoder: Box<dyn Layer<T>>,
    pub(crate) loss: Box<dyn Loss<T>>,
    pub(crate) leaves: Vec<Leaf<T>>,
    pub(crate) regularizer: String,
    /// What the encoder takes and what it gives, without a condition, and the same of the decoder.
    pub(crate) encoder_ends: [End; 2],
    pub(crate) decoder_ends: [End; 2],
    /// The numbers of a condition.
    pub(crate) condition: usize,
    pub(crate) normalizer: Option<Normalizer>,
    /// What the loss's own parameters begin as, where they were trained before.
    pub(crate) loss_parameters: Vec<f64>,
}

impl<T: Float> Parts<T> {
    /// Refuses what does not fit together, where types could not tell.
    pub(super) fn check(&self) -> Result<()> {
        let Self { encoder, decoder, loss, condition, encoder_ends, decoder_ends, .. } = self;
        let ([input, given], [taken, _]) = (encoder_ends, decoder_ends);
        let (features, code) = (input.values(), taken.values());
        encoder.check_sizes()?;
        decoder.check_sizes()?;
        require_count("the encoder's features", features)?;
        require_size("the encoder's inputs", "values", features + condition, encoder.num_inputs())?;
        let (fault, remedy) =
            ("has tied weights", "a part with tied weights can only be a decoder");
        require_fit(encoder.num_shared() == 0, "the encoder", fault, remedy)?;
        if decoder.num_shared() > 0 {
            let place = "the encoder that a decoder with tied weights was made for";
            require_size(place, "parameters", decoder.num_shared(), encoder.num_parameters())?;
        }
        require_point("the decoder", &**decoder)?;
        let units = encoder.num_units();
        require_count("the units of a code", units)?;
        let found = decoder.num_inputs().saturating_sub(code);
        require_size("the decoder's condition", "numbers", *condition, found)?;
        require_size("the decoder's input", "code units", units, code)?;
        let is_sparse = encoder.pair_encoder().is_some() && loss.target() != Target::Class;
        let fault = "is none that a sparse code can be decoded by";
        let remedy = "take `Dictionary::new()`";
        let decodes = !is_sparse || decoder.pair_decoder().is_some();
        require_fit(decodes, "the decoder", fault, remedy)?;
        given.require("the decoder's input", *taken)?;
        if let Some(inputs) = decoder.skips() {
            let fault = "has a skip, which is for a target of a sparse code without a condition";
            let remedy = "take a `SparseEncoder` and `target_decoder`, or leave out the skip";
            let target = (*condition, loss.target());
            let is_trained = are_pairs(&**encoder, &**decoder, target) && target.1 == Target::Given;
            require_fit(is_trained, "the decoder", fault, remedy)?;
            require_size("the skip of the decoder", "features", features, inputs)?;
        }
        self.check_loss()
    }

    /// Refuses a loss, or a normalizer, that is for other numbers.
    fn check_loss(&self) -> Result<()> {
        let Self { decoder, loss, encoder_ends, decoder_ends, normalizer, .. } = self;
        let ([input, _], [_, output]) = (encoder_ends, decoder_ends);
        let features = input.values();
        let outputs = decoder.num_outputs();
        match loss.target() {
            Target::Input => {
                require_size("the decoder's output", "features", features, outputs)?;
                input.require("the decoder's output", *output)?;
            }
            Target::Class => {
                require(outputs > 1, "Classifier classes", outputs as f64, "at least 2")?;
            }
            Target::Given => require_count("the values of a target", outputs)?,
        }
        if let Some(given) = normalizer.as_ref().and_then(Normalizer::features) {
            require_size("the normalizer", "features", features, given)?;
        }
        let (low, high) = decoder.range();
        if loss.takes_logits() && (low.is_finite() || high.is_finite()) {
            let (part, remedy) = ("the decoder", "end the decoder in `Identity`");
            let fault = "gives values in a bounded range, and this loss takes logits";
            return Err(Error::Unfit { part, fault, remedy });
        }
        // Of the loss itself, and not of the box that holds every loss here.
        (**loss).check_size(outputs)
    }

    /// What is known of a model of these parts.
    pub(super) fn facts(&self) -> Facts {
        let Self { encoder, decoder, loss, encoder_ends, decoder_ends, condition, .. } = self;
        let ([input, _], [_, output]) = (encoder_ends, decoder_ends);
        Facts {
            features: input.values(),
            outputs: decoder.num_outputs(),
            // Plain features of which a decoder makes images are images too.
            lies: input.lies().or(output.lies().filter(|_| loss.target() == Target::Input)),
            units: encoder.num_units(),
            is_gaussian: encoder.is_gaussian(),
            has_pairs: are_pairs(&**encoder, &**decoder, (*condition, loss.target())),
            takes_logits: loss.takes_logits(),
            has_gates: encoder.pair_encoder().is_some_and(|encoder| encoder.has_gates()),
            trains_thresholds: encoder
                .pair_encoder()
                .is_some_and(|encoder| encoder.trained_thresholds().is_some()),
            range: encoder.range(),
            condition: *condition,
            parameters: encoder.num_parameters().saturating_add(decoder.num_parameters()),
        }
    }
}

/// Refuses parts that do not go together with whether the normalizer takes missing values.
pub(super) fn check_missing<T: Float>(
    normalizer: Option<&Normalizer>,
    loss: &dyn Loss<T>,
    leaves: &[Leaf<T>],
) -> Result<()> {
    if normalizer.and_then(Normalizer::fills).is_none() {
        let makes_missing = leaves.iter().any(|leaf| leaf.needs.makes_missing);
        let fault = "makes values missing, and the model takes none";
        let remedy =
            "give it a normalizer of `Normalizer::fit_with_missing`, also where none are missing";
        return require_fit(!makes_missing, "the corruption", fault, remedy);
    }
    let skips = loss.target() != Target::Input || loss.skips_missing();
    let fault = "does not skip missing values, which the normalizer takes";
    let remedy = "give it `Loss::skips_missing`, take a loss of this crate, or fit the normalizer by `Normalizer::fit`";
    require_fit(skips, "the loss", fault, remedy)?;
    let draws_anew = leaves.iter().any(|leaf| leaf.needs.corrupts == Corrupts::Sample);
    let fault = "changes what samples are compared with, and so could make values of those that are missing";
    let remedy = "take `Denoising`, or fit the normalizer by `Normalizer::fit`";
    require_fit(!draws_anew, "the regularizer", fault, remedy)
}
