//! The model inside: parts without types over one flat buffer of parameters. It is compiled once for each number
//! type, in this crate; what the user holds, an [`AutoEncoder`](super::AutoEncoder), adds the types.

#[cfg(feature = "safetensors")]
use std::collections::BTreeMap;
use std::ops::Range;

use rand::Rng;

use super::blocks::blocks;
use super::settle::are_pairs;
use super::workspace::{Workspace, fit};
use crate::batch::{BatchView, BatchViewMut, check_finite, check_present};
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::code::prior::Prior;
use crate::data::Normalizer;
use crate::error::{
    Error, Number, Result, require, require_count, require_fit, require_size, reserved,
};
use crate::layer::jacobian::{Asked, Jacobian};
use crate::layer::layout::Layout;
use crate::layer::part::End;
use crate::layer::sparse::PairDecoder;
use crate::layer::{Layer, Pass, require_point};
use crate::loss::{Compared, Loss, Target, wrong_total};
use crate::numbers::scalar::{Float, count_present, is_nan};
use crate::regularizer::combined;
use crate::regularizer::{Corrupts, Leaf};
use crate::train::blocks::{conditions_of, targets_of};
use crate::train::examples::Rows;

/// Encoder, decoder, regularizers and loss, with their parameters.
#[derive(Debug, Clone)]
pub(crate) struct Network<T: Float> {
    pub(crate) encoder: Box<dyn Layer<T>>,
    pub(crate) decoder: Box<dyn Layer<T>>,
    pub(crate) loss: Box<dyn Loss<T>>,
    pub(crate) leaves: Vec<Leaf<T>>,
    /// What tells the regularizer from others, in files.
    pub(crate) regularizer: String,
    pub(crate) facts: Facts,
    pub(crate) normalizer: Option<Normalizer>,
    pub(crate) layout: Layout,
    pub(crate) parameters: Vec<T>,
    /// The regularizer's.
    pub(crate) state: Vec<T>,
    /// The user's, for its file.
    #[cfg(feature = "safetensors")]
    pub(crate) metadata: BTreeMap<String, String>,
}

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
    fn check(&self) -> Result<()> {
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
    fn facts(&self) -> Facts {
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

impl<T: Float> Network<T> {
    /// Checks that all fits together, and draws the parameters.
    pub(crate) fn new(mut parts: Parts<T>, rng: &mut dyn Rng) -> Result<Self> {
        let loss_parameters = std::mem::take(&mut parts.loss_parameters);
        let mut network = Self::undrawn(parts)?;
        network.state.resize(Leaf::ends(&network.leaves).1, T::ZERO);
        network.parameters.resize(network.places().regularizer.end, T::ZERO);
        network.draw(&loss_parameters, rng);
        Ok(network)
    }

    /// Refuses what [`new`](Self::new) would, and draws nothing; and samples of this place that the network could not be
    /// trained on.
    pub(crate) fn check(parts: Parts<T>, samples: Option<(&'static str, End)>) -> Result<()> {
        let network = Self::undrawn(parts)?;
        samples.map_or(Ok(()), |(place, samples)| network.require_trained_on(place, samples))
    }

    /// With room for its numbers, and none of them.
    fn undrawn(parts: Parts<T>) -> Result<Self> {
        parts.check()?;
        let facts = parts.facts();
        let Parts { encoder, decoder, loss, mut leaves, regularizer, normalizer, .. } = parts;
        Leaf::place(&mut leaves, &facts);
        combined::check(&leaves, &facts)?;
        check_missing(normalizer.as_ref(), &*loss, &leaves)?;
        let fault =
            "gives atoms the directions of samples, and this model makes something else of them";
        let is_possible =
            loss.target() == Target::Input || !leaves.iter().any(|leaf| leaf.needs.revives);
        require_fit(is_possible, "Resampling", fault, "take AuxK")?;
        // Without one it may come from a file.
        if normalizer.is_some() {
            combined::check_normalizer(&leaves, normalizer.as_ref())?;
        }
        let (own, state) = Leaf::ends(&leaves);
        let of_loss = loss.num_parameters(decoder.num_outputs());
        let all = facts.parameters.saturating_add(of_loss).saturating_add(own);
        Ok(Self {
            state: reserved("the numbers that regularizers remember", state)?,
            parameters: reserved("the number of parameters", all)?,
            encoder,
            decoder,
            loss,
            leaves,
            regularizer,
            facts,
            normalizer,
            layout: Layout::new(),
            #[cfg(feature = "safetensors")]
            metadata: BTreeMap::new(),
        })
    }

    /// Lays out the parameters and draws them, part after part.
    fn draw(&mut self, loss_parameters: &[f64], rng: &mut dyn Rng) {
        let (places, outputs) = (self.places(), self.outputs());
        let Self { encoder, decoder, loss, layout, parameters, .. } = self;
        layout.scope("encoder", |layout| encoder.layout(layout));
        encoder.draw_parameters(&mut parameters[places.encoder.clone()], rng);
        let scope = if loss.target() == Target::Class { "classifier" } else { "decoder" };
        layout.scope(scope, |layout| decoder.layout(layout));
        decoder.draw_parameters(&mut parameters[places.decoder.clone()], rng);
        let (of_encoder, of_decoder) = parameters.split_at_mut(places.encoder.end);
        decoder.begin_as(of_encoder, &mut of_decoder[..places.decoder.len()]);
        self.take_norms();

        let Self { loss, leaves, facts, layout, parameters, .. } = self;
        layout.kind(loss.name());
        let own = &mut parameters[places.loss];
        layout.scope("loss", |layout| loss.layout(outputs, layout, own));
        for (own, &value) in own.iter_mut().zip(loss_parameters) {
            *own = T::of(value);
        }

        layout.kind("regularizer");
        let own = &mut parameters[places.regularizer];
        layout.scope("regularizer", |layout| {
            for leaf in &*leaves {
                let own = &mut own[leaf.own.clone()];
                within(layout, leaf.path(), |layout| leaf.part.layout(facts, layout, own, rng));
            }
        });
    }

    /// What it is called in files.
    #[cfg(feature = "safetensors")]
    pub(crate) fn kind(&self) -> &'static str {
        match self.loss.target() {
            Target::Input => "model",
            Target::Class => "classifier",
            Target::Given => "model with targets",
        }
    }

    /// The number of the decoder's outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.decoder.num_outputs()
    }

    pub(crate) fn workspace(&self) -> Workspace<T> {
        Workspace::new(self.facts.units, self.facts.is_gaussian)
    }

    /// The places of the parameters of encoder, decoder, loss and regularizer, one behind the other.
    pub(crate) fn places(&self) -> Places {
        let encoder = self.encoder.num_parameters();
        let decoder = encoder + self.decoder.num_parameters();
        let loss = decoder + self.loss.num_parameters(self.outputs());
        let own = loss + Leaf::ends(&self.leaves).0;
        Places {
            encoder: 0..encoder,
            decoder: encoder..decoder,
            loss: decoder..loss,
            regularizer: loss..own,
        }
    }

    /// The place of what the decoder is given: its own or, where weights are shared, the encoder's too.
    pub(crate) fn given_to_decoder(&self) -> Range<usize> {
        let Places { encoder, decoder, .. } = self.places();
        if self.decoder.num_shared() > 0 { encoder.start..decoder.end } else { decoder }
    }

    /// The prior, if the regularizer has one, and the place of its parameters among the regularizer's.
    pub(crate) fn prior(&self) -> Option<(Range<usize>, &dyn Prior<T>)> {
        let (first, prior) = combined::prior(&self.leaves)?;
        Some((first..first + prior.num_parameters(&self.facts), prior))
    }

    /// The place of the prior's pseudo-inputs among the regularizer's parameters, a column each.
    pub(crate) fn pseudo_inputs(&self) -> Range<usize> {
        self.prior().map_or(0..0, |(place, prior)| {
            let inputs = prior.pseudo_inputs(&self.facts);
            place.start + inputs.start..place.start + inputs.end
        })
    }

    /// The most codes that a part wants drawn of each sample.
    pub(crate) fn draws(&self) -> usize {
        self.leaves.iter().map(|leaf| leaf.needs.draws).max().unwrap_or(0)
    }

    pub(crate) fn set_encoder_frozen(&mut self, is_frozen: bool) {
        self.encoder.set_frozen(is_frozen);
        self.decoder.set_shared_frozen(is_frozen);
        self.layout.freeze(self.places().encoder, is_frozen);
    }

    pub(crate) fn set_decoder_frozen(&mut self, is_frozen: bool) {
        self.decoder.set_frozen(is_frozen);
        self.layout.freeze(self.places().decoder, is_frozen);
    }

    pub(crate) fn set_parameters(&mut self, parameters: &[T]) -> Result<()> {
        let call = "set_parameters";
        require_size(call, "parameters", self.parameters.len(), parameters.len())?;
        if let Some(index) = parameters.iter().position(|x| !x.is_finite()) {
            let (entry, value) = ("parameter", Number(parameters[index].to_double()));
            return Err(Error::EntryNotFinite { call, entry, index, value });
        }
        self.parameters.copy_from_slice(parameters);
        self.take_norms();
        Ok(())
    }

    /// Code units that have collapsed to N(0, 1), where the posterior is compared with it.
    pub(crate) fn collapsed_units(&self, posterior: &Posterior<T>) -> Vec<usize> {
        let mut priors = self.leaves.iter().filter_map(|leaf| leaf.part.prior());
        let is_compared = priors.any(|prior| prior.num_components() == 0);
        if is_compared { posterior.collapsed_units() } else { Vec::new() }
    }

    /// What samples are held against: boxes hide of their images and windows what facts know.
    pub(crate) fn inputs(&self) -> End {
        End::new(self.facts.features, self.facts.lies)
    }

    /// Refuses samples that are another image or window than those of the model or, where it does not know whether they are
    /// any, than a regularizer that goes over them is made for.
    pub(crate) fn require_trained_on(&self, call: &'static str, samples: End) -> Result<()> {
        self.inputs().require(call, samples)?;
        combined::check_normalizer(&self.leaves, self.normalizer.as_ref())?;
        let are_counted = samples.values() == self.facts.features;
        match (self.facts.lies, samples.lies()) {
            (None, lies @ Some(_)) if are_counted => {
                combined::check(&self.leaves, &Facts { lies, ..self.facts })
            }
            _ => Ok(()),
        }
    }

    /// The normalizer, if samples may have missing values.
    pub(crate) fn fills(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref().filter(|normalizer| normalizer.fills().is_some())
    }

    /// Refuses a normalizer that is not for this network, and is to take the place of its own.
    #[cfg(feature = "safetensors")]
    pub(crate) fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        if let Some(given) = normalizer.and_then(Normalizer::features) {
            require_size("the normalizer", "features", self.facts.features, given)?;
        }
        check_missing(normalizer, &*self.loss, &self.leaves)
    }

    /// Refuses samples of another width, none at all, and values that are not finite, but for those that may be missing.
    pub(crate) fn check_samples(&self, call: &'static str, x: BatchView<'_, T>) -> Result<()> {
        let features = self.facts.features;
        match self.fills() {
            None => check_finite(call, features, x),
            Some(_) => check_present(call, features, x),
        }
    }

    /// The samples as the encoder takes them: checked, and normalized into the buffer if there is a normalizer, with
    /// what stands for missing values in their place.
    pub(crate) fn taken<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, T>,
        buffer: &'a mut Vec<T>,
    ) -> Result<BatchView<'a, T>> {
        self.normalized(call, x, buffer, true)
    }

    /// The samples, checked and normalized, with their missing values filled, or as NaN.
    fn normalized<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, T>,
        buffer: &'a mut Vec<T>,
        fills: bool,
    ) -> Result<BatchView<'a, T>> {
        self.check_samples(call, x)?;
        let Some(normalizer) = &self.normalizer else { return Ok(x) };
        buffer.clear();
        buffer.extend_from_slice(x.as_slice());
        let mut samples = BatchViewMut::new(buffer, x.features());
        normalizer.apply(samples.reborrow())?;
        if fills {
            normalizer.fill(samples);
        }
        Ok(BatchView::new(buffer, x.features()))
    }

    /// Checks the conditions of so many samples: one for each, finite, of the right width, and only where the
    /// model takes some.
    pub(crate) fn check_conditions(
        &self,
        call: &'static str,
        conditions: Option<BatchView<'_, T>>,
        samples: usize,
    ) -> Result<()> {
        let call = conditions_of(call);
        let Some(conditions) = conditions else {
            return require_size(call, "numbers of a condition", self.facts.condition, 0);
        };
        require_size(call, "conditions", samples, conditions.samples())?;
        check_finite(call, self.facts.condition, conditions)
    }

    /// The targets of so many samples: one for each, of the right width, finite, and such that the loss is defined on
    /// them; what is not finite may be let through.
    pub(crate) fn check_targets<'a>(
        &self,
        call: &'static str,
        targets: Option<BatchView<'a, T>>,
        samples: usize,
        lets_not_finite_through: bool,
    ) -> Result<BatchView<'a, T>> {
        let call = targets_of(call);
        let targets = targets.unwrap_or(BatchView::new(&[], self.outputs()));
        require_size(call, "targets", samples, targets.samples())?;
        match check_finite(call, self.outputs(), targets) {
            Err(Error::NotFinite { .. }) if lets_not_finite_through => {}
            checked => checked?,
        }
        let is_left_out = |x: T| !x.to_double().is_finite();
        self.check_values(call, targets, |x, _| is_left_out(x))?;
        self.check_wholes(call, targets, is_left_out)?;
        Ok(targets)
    }

    /// Refuses targets on which the loss is not defined, but for values that are left out or may be missing.
    pub(crate) fn check_domain(
        &self,
        call: &'static str,
        targets: BatchView<'_, T>,
        is_left_out: impl Fn(T) -> bool + Copy,
    ) -> Result<()> {
        let takes_missing = self.fills().is_some();
        self.check_values(call, targets, |x, _| is_left_out(x) || takes_missing && is_nan(x))?;
        self.check_wholes(call, targets, is_left_out)
    }

    /// Refuses single values on which the loss is not defined.
    pub(crate) fn check_values(
        &self,
        call: &'static str,
        targets: BatchView<'_, T>,
        is_left_out: impl Fn(T, usize) -> bool,
    ) -> Result<()> {
        let loss = &self.loss;
        for (sample, x) in targets.iter().enumerate() {
            let mut values = x.iter().enumerate();
            let is_refused =
                |(feature, &x): (usize, &T)| !loss.accepts(x, feature) && !is_left_out(x, feature);
            if let Some(feature) = values.position(is_refused) {
                return Err(Error::OutsideDomain {
                    call,
                    loss: loss.name(),
                    feature,
                    sample,
                    value: Number(x[feature].to_double()),
                    is_normalized: self.normalizer.is_some() && self.loss.target() == Target::Input,
                    requirement: loss.domain(feature),
                });
            }
        }
        Ok(())
    }

    /// Refuses samples with a group that must add up to 1 and does not, or of which only a part is missing.
    pub(crate) fn check_wholes(
        &self,
        call: &'static str,
        targets: BatchView<'_, T>,
        is_left_out: impl Fn(T) -> bool,
    ) -> Result<()> {
        let takes_missing = self.fills().is_some();
        let mut found: Option<(usize, Range<usize>, f64)> = None;
        self.loss.each_whole(&mut |group| {
            for (sample, x) in targets.iter().enumerate() {
                // The first sample is told of, as for single values.
                if found.as_ref().is_some_and(|(first, ..)| *first <= sample) {
                    break;
                }
                let shares = &x[group.clone()];
                let missing = if takes_missing { shares.len() - count_present(shares) } else { 0 };
                if missing > 0 && missing < shares.len() {
                    found = Some((sample, group.clone(), f64::NAN));
                } else if let Some(total) = wrong_total(shares)
                    && !shares.iter().any(|&x| is_left_out(x))
                {
                    found = Some((sample, group.clone(), total));
                }
            }
        });
        let Some((sample, group, total)) = found else { return Ok(()) };
        let (loss, first, last) = (self.loss.name(), group.start, group.end.saturating_sub(1));
        if total.is_nan() {
            return Err(Error::PartlyMissing { call, loss, first, last, sample });
        }
        Err(Error::NotShares { call, loss, first, last, sample, total: Number(total) })
    }

    /// The samples as a step takes them: as [`taken`](Self::taken), but what is missing is still NaN, and where the loss
    /// compares with them refused are values on which it is not defined.
    pub(crate) fn compared<'a>(
        &self,
        call: &'static str,
        x: BatchView<'a, T>,
        buffer: &'a mut Vec<T>,
    ) -> Result<BatchView<'a, T>> {
        let x = self.normalized(call, x, buffer, false)?;
        if self.loss.target() == Target::Input {
            self.check_domain(call, x, |_| false)?;
        }
        Ok(x)
    }

    /// Takes the decoder's outputs to the user's units: what the loss compares, then what was
    /// normalized.
    pub(crate) fn restore(&self, mut outputs: BatchViewMut<'_, T>) -> Result<()> {
        self.loss.reconstruct(outputs.reborrow());
        match &self.normalizer {
            Some(normalizer) if self.loss.target() == Target::Input => {
                normalizer.undo_complete(outputs)
            }
            _ => Ok(()),
        }
    }

    /// Writes the posterior of these samples into the workspace.
    pub(crate) fn infer(&self, workspace: &mut Workspace<T>, rows: Rows<'_, T>) {
        let Workspace { encoding, scratch, .. } = workspace;
        let samples = rows.x.samples();
        let x = match self.fills() {
            Some(normalizer) => {
                let shown = fit(&mut encoding.corrupted, rows.x.as_slice().len());
                shown.copy_from_slice(rows.x.as_slice());
                normalizer.fill(BatchViewMut::new(shown, rows.x.features()));
                BatchView::new(shown, rows.x.features())
            }
            None => rows.x,
        };
        let x = match rows.conditions {
            Some(conditions) => joined(x, conditions, &mut encoding.joined),
            None => x,
        };
        encoding.posterior.resize(samples);
        let tape = fit(&mut encoding.tape, self.encoder.tape_len(samples));
        let scratch = fit(scratch, self.encoder.scratch_len(samples));
        let parameters = &self.parameters[self.places().encoder];
        self.encoder.forward(parameters, x, encoding.posterior.values_mut(), tape, scratch);
    }

    /// Writes what the decoder makes of these codes into the workspace.
    pub(crate) fn generate(
        &self,
        workspace: &mut Workspace<T>,
        codes: BatchView<'_, T>,
        conditions: Option<BatchView<'_, T>>,
    ) {
        let Workspace { decoding, scratch, .. } = workspace;
        let samples = codes.samples();
        let z = match conditions {
            Some(conditions) => joined(codes, conditions, &mut decoding.joined),
            None => codes,
        };
        let outputs = self.outputs();
        let tape = fit(&mut decoding.tape, self.decoder.tape_len(samples));
        let scratch = fit(scratch, self.decoder.scratch_len(samples));
        let y = BatchViewMut::new(fit(&mut decoding.output, outputs * samples), outputs);
        let parameters = &self.parameters[self.given_to_decoder()];
        self.decoder.forward(parameters, z, y, tape, scratch);
    }

    /// The same from the posterior's mean of these samples, which is in the workspace already.
    pub(crate) fn generate_from_mean(&self, workspace: &mut Workspace<T>, rows: Rows<'_, T>) {
        let units = self.facts.units;
        let posterior = std::mem::replace(
            &mut workspace.encoding.posterior,
            Posterior::new(units, self.facts.is_gaussian),
        );
        self.generate(workspace, posterior.mean(), rows.conditions);
        workspace.encoding.posterior = posterior;
        if let Some(decoder) = self.skipping() {
            let Workspace { encoding, decoding, .. } = workspace;
            let x = match self.fills() {
                Some(_) => BatchView::new(&encoding.corrupted, rows.x.features()),
                None => rows.x,
            };
            let y = BatchViewMut::new(&mut decoding.output, self.outputs());
            decoder.add_skip(&self.parameters[self.given_to_decoder()], x, y);
        }
    }

    /// The decoder, if its outputs depend on the inputs beside the code.
    pub(crate) fn skipping(&self) -> Option<&dyn PairDecoder<T>> {
        self.decoder.pair_decoder().filter(|_| self.decoder.skips().is_some())
    }

    /// Refuses a decoder that needs more than codes.
    pub(crate) fn require_decodes_alone(&self) -> Result<()> {
        let fault = "has a skip, so that a code alone says nothing of its output";
        require_fit(self.skipping().is_none(), "the decoder", fault, "take `predict`")
    }

    /// The loss of each output against its target.
    pub(crate) fn losses(&self, x: BatchView<'_, T>, y: BatchView<'_, T>, values: &mut [T]) {
        let parameters = &self.parameters[self.places().loss];
        self.loss.values(Compared { x, y, parameters }, values);
    }

    /// The mean over these samples of ‖∂ code / ∂x‖²_F, exact.
    pub(crate) fn squared_jacobian(&self, rows: Rows<'_, T>) -> T {
        let mut workspace = self.workspace();
        let mut total = T::ZERO;
        let all = rows.x.samples();
        for block in blocks(rows) {
            let samples = block.x.samples();
            self.infer(&mut workspace, block);
            fit(&mut workspace.scratch, self.encoder.jacobian_scratch_len(samples));
            let Workspace { encoding, scratch, .. } = &mut workspace;
            let x = match block.conditions {
                Some(_) => BatchView::new(&encoding.joined, self.encoder.num_inputs()),
                None if self.fills().is_some() => {
                    BatchView::new(&encoding.corrupted, block.x.features())
                }
                None => block.x,
            };
            let parameters = &self.parameters[self.places().encoder];
            let (y, tape) = (encoding.posterior.values(), &encoding.tape[..]);
            let inputs = self.facts.features;
            let asked = Asked { how: Jacobian::Exact, inputs, shares: None, streams: None };
            let pass = Pass { parameters, x, y, tape };
            let mean = self.encoder.squared_jacobian(pass, asked, None, scratch);
            total += mean * T::of(samples as f64);
        }
        total / T::of(all as f64)
    }

    /// Refuses a workspace that was made for codes of another size or kind.
    pub(crate) fn check_workspace(&self, workspace: &Workspace<T>) -> Result<()> {
        let posterior = &workspace.encoding.posterior;
        let place = "the workspace, which another model made";
        let each = |units: usize, is_gaussian: bool| if is_gaussian { 2 * units } else { units };
        require_size(place, "code units", self.facts.units, posterior.units())?;
        let expected = each(self.facts.units, self.facts.is_gaussian);
        let found = each(posterior.units(), posterior.is_gaussian());
        require_size(place, "numbers that are said of a code", expected, found)
    }
}

/// Refuses parts that do not go together with whether the normalizer takes missing values.
fn check_missing<T: Float>(
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

/// Where the parameters of each part lie.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) encoder: Range<usize>,
    pub(crate) decoder: Range<usize>,
    pub(crate) loss: Range<usize>,
    pub(crate) regularizer: Range<usize>,
}

/// Writes what `part` writes under these numbers, one in the other.
fn within(layout: &mut Layout, path: &[u64], part: impl FnOnce(&mut Layout)) {
    match path {
        [] => part(layout),
        [first, rest @ ..] => {
            layout.scope(&first.to_string(), |layout| within(layout, rest, part));
        }
    }
}

/// Each column with its condition under it. Where there are several columns for a sample, because several codes
/// are drawn, each has the sample's condition.
pub(crate) fn joined<'a, T: Float>(
    columns: BatchView<'_, T>,
    conditions: BatchView<'_, T>,
    to: &'a mut Vec<T>,
) -> BatchView<'a, T> {
    let (upper, lower) = (columns.features(), conditions.features());
    let rows = upper + lower;
    let places = fit(to, rows * columns.samples()).chunks_exact_mut(rows);
    for ((to, column), condition) in places.zip(columns.iter()).zip(conditions.iter().cycle()) {
        to[..upper].copy_from_slice(column);
        to[upper..].copy_from_slice(condition);
    }
    BatchView::new(to, rows)
}
