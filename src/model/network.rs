//! The model inside: parts without types over one flat buffer of parameters. It is compiled once for each number
//! type, in this crate; what the user holds, an [`AutoEncoder`](super::AutoEncoder), adds the types.

#[cfg(feature = "safetensors")]
use std::collections::BTreeMap;
use std::ops::Range;

use rand::Rng;

use super::parts::{Parts, check_missing};
use super::workspace::Workspace;
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::code::prior::Prior;
use crate::data::Normalizer;
use crate::error::{Error, Number, Result, require_fit, require_size, reserved};
use crate::layer::Layer;
use crate::layer::layout::Layout;
use crate::layer::part::End;
use crate::loss::{Loss, Target};
use crate::numbers::scalar::Float;
use crate::regularizer::Leaf;
use crate::regularizer::combined;

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
