//! A model as the training loop sees it.

use std::ops::Range;

use super::inference::InMemory;
use super::network::Network;
use super::scalar;
use super::step::{Seen, Stretch, some_of_step};
use super::whole::{InWhole, Whole};
use super::workspace::Workspace;
use super::{AutoEncoder, Scalar};
use crate::batch::BatchView;
use crate::batch::size::Size;
use crate::data::Normalizer;
use crate::error::{Error, Number, Result, require_fit, require_size};
#[cfg(feature = "safetensors")]
use crate::file::stored::{Saved, Stored};
use crate::layer::Part;
use crate::layer::layout::Layout;
use crate::layer::part::End;
use crate::loss::{LossFor, Target};
use crate::numbers::scalar::{Float, is_nan};
use crate::optimizer::Kind;
use crate::random::Streams;
use crate::random::schedule::Schedule;
use crate::regularizer::Auxiliary;
use crate::terms::Terms;
use crate::train::blocks::Beside;
use crate::train::examples::{Examples, Rows, Samples, Stream};
use crate::train::prepared::{self, Data, Prepared};
use crate::train::settings::Plan;
use crate::train::trainable::{Chosen, Shard, Trainee};
use crate::train::{Report, Takes, Trainable, Warning};

impl<E, D, R, L, T> Trainable for AutoEncoder<E, D, R, L, T>
where
    E: Part,
    D: Part,
    L: LossFor<D>,
    T: Scalar,
    (L::Target, E::Condition): Takes,
{
    type Scalar = T;
    type Input = E::Input;
    type Wanted = <(L::Target, E::Condition) as Takes>::Wanted;

    fn train<I: Size, G>(
        &mut self,
        plan: Plan<'_, '_, T>,
        examples: Examples<'_, T, I, G>,
    ) -> Result<Report> {
        let Examples { samples, weights, held_out, size, .. } = examples;
        let (inputs, given) = (self.network().inputs(), End::of(size));
        self.network().require_trained_on("fit", given)?;
        let held_out = held_out.map(|held_out| held_out.checked(inputs.or(given))).transpose()?;
        scalar::train(self.network_mut(), plan, samples, weights, held_out)
    }
}

/// Trains a network as planned.
pub(super) fn train<T: Float>(
    network: &mut Network<T>,
    plan: Plan<'_, '_, T>,
    samples: Samples<'_, T>,
    weights: Option<&[f64]>,
    held_out: Option<Samples<'_, T>>,
) -> Result<Report> {
    let part = "a model with thresholds, atoms of length 1 or units ranked by norm";
    let fault = "is brought back to them after each step, which Lbfgs does not expect";
    let remedy = "take Adam, or `Dictionary::free` and a selection that has no thresholds and is not by norm";
    let is_lbfgs = matches!(plan.method, Kind::Lbfgs(_));
    require_fit(!is_lbfgs || !network.settles(), part, fault, remedy)?;
    if plan.settings.shards() > 1
        && let Some(part) = network.not_in_shards()
    {
        return Err(Error::NotInShards { part });
    }
    let can_revive = !is_lbfgs && !network.encoder.is_frozen() && !network.decoder.is_frozen();
    let (part, fault) = ("Resampling", "gives encoder and decoder new parameters between steps");
    let remedy = "freeze neither, and take Adam";
    require_fit(can_revive || !network.revives(), part, fault, remedy)?;
    let (mut x, mut targets) = (Vec::new(), Vec::new());
    let data = match samples {
        Samples::Memory { .. } => {
            let given = InMemory::of("fit", samples)?;
            Data::Memory(given.compared(network, "fit", (&mut x, &mut targets))?)
        }
        Samples::Stream { x, beside: streams } => {
            x.check_schema(network.normalizer.as_ref())?;
            Data::Stream { x, beside: beside(network, streams) }
        }
    };
    let (mut x, mut targets) = (Vec::new(), Vec::new());
    let held_out = match held_out {
        None => None,
        Some(samples) => {
            let given = InMemory::of("validation", samples)?;
            Some(given.compared(network, "validation", (&mut x, &mut targets))?)
        }
    };
    let workspace = network.workspace();
    let is_streamed = matches!(data, Data::Stream { .. });
    let whole = Whole::new(network);
    let mut trainee = InTraining { network, workspace, whole, is_gathered: false, is_streamed };
    prepared::run(plan, &mut trainee, Prepared { data, held_out, weights })
}

/// What streams in step with that of the samples give: a condition, a class or a target, or both in this order.
pub(super) fn beside<'a, T: Float>(
    network: &Network<T>,
    streams: Vec<Box<dyn Stream<T> + 'a>>,
) -> Vec<(Beside, Box<dyn Stream<T> + 'a>)> {
    let of_class = match network.loss.target() {
        Target::Input => None,
        Target::Class => Some(Beside::Classes),
        Target::Given => Some(Beside::Targets),
    };
    let of_condition = (network.facts.condition > 0).then_some(Beside::Conditions);
    of_condition.into_iter().chain(of_class).zip(streams).collect()
}

/// A network and the memory of its passes.
struct InTraining<'a, T: Float> {
    network: &'a mut Network<T>,
    workspace: Workspace<T>,
    /// The codes of a batch in shards, if they are gathered.
    whole: Whole<T>,
    is_gathered: bool,
    /// Whether values that are not finite may be in the samples.
    is_streamed: bool,
}

impl<T: Float> Trainee<T> for InTraining<'_, T> {
    fn features(&self) -> usize {
        self.network.facts.features
    }

    fn num_outputs(&self) -> usize {
        self.network.outputs()
    }

    fn layout(&self) -> &Layout {
        &self.network.layout
    }

    fn parameters(&self) -> &[T] {
        &self.network.parameters
    }

    fn parameters_mut(&mut self) -> &mut Vec<T> {
        &mut self.network.parameters
    }

    fn state(&self) -> &[T] {
        &self.network.state
    }

    fn state_mut(&mut self) -> &mut [T] {
        &mut self.network.state
    }

    fn terms(&self) -> &Terms {
        &self.workspace.terms
    }

    fn pass(&mut self, at: Option<&[T]>, chosen: &Chosen<'_, T>, mut gradient: Option<&mut [T]>) {
        let &Chosen { rows, shares, streams, shard } = chosen;
        let whole = &self.whole;
        let within = shard.map(|Shard { first, share, .. }| InWhole { whole, first, share });
        let seen = Seen { rows, shares, streams, within };
        let is_encoded = shard.is_some_and(|shard| shard.is_encoded);
        let stretch = if is_encoded { Stretch::FromCodes } else { Stretch::All };
        let parameters = at.unwrap_or(&self.network.parameters);
        let workspace = &mut self.workspace;
        let to = gradient.as_deref_mut();
        some_of_step(self.network, parameters, workspace, seen, to, stretch);
        let Some(gradient) = gradient else { return };
        self.network.project(parameters, gradient);
        // A loss skips what is missing: where nothing may be, and for infinity, the step has failed.
        let may_miss = self.network.fills().is_some();
        let is_right = |x: &T| x.is_finite() || may_miss && is_nan(*x);
        let of_targets =
            |targets: BatchView<'_, T>| targets.as_slice().iter().all(|target| target.is_finite());
        let are_right =
            || rows.x.as_slice().iter().all(is_right) && rows.targets.is_none_or(of_targets);
        if self.is_streamed && !are_right() {
            self.workspace.terms.scale(f64::NAN);
        }
    }

    fn gathers(&self) -> bool {
        self.network.gathers()
    }

    fn begin_batch(&mut self, samples: usize, is_drawn: bool) {
        self.whole.begin(self.network, samples, is_drawn);
        self.is_gathered = true;
    }

    fn encode(&mut self, at: Option<&[T]>, chosen: &Chosen<'_, T>, to: &mut Vec<u8>) {
        let &Chosen { rows, shares, streams, .. } = chosen;
        let seen = Seen { rows, shares, streams, within: None };
        let parameters = at.unwrap_or(&self.network.parameters);
        let (workspace, stretch) = (&mut self.workspace, Stretch::ToCodes);
        some_of_step(self.network, parameters, workspace, seen, None, stretch);
        self.whole.write(self.network, workspace, to);
    }

    fn take_codes(&mut self, place: (usize, usize), codes: &[u8]) -> Option<()> {
        self.whole.take(self.network, place, codes)
    }

    fn end_batch(
        &mut self,
        at: Option<&[T]>,
        all: (Option<&[T]>, Option<Streams<'_>>),
        wants_gradient: bool,
    ) {
        let parameters = at.unwrap_or(&self.network.parameters);
        self.whole.penalise(self.network, parameters, all, wants_gradient);
    }

    fn update_state(&mut self, shares: Option<&[T]>) {
        let Self { network, workspace, whole, is_gathered, .. } = self;
        let (posterior, codes) = match is_gathered {
            true => (whole.posterior(), whole.pairs()),
            false => (&workspace.encoding.posterior, &workspace.pairs.codes),
        };
        network.settle(posterior, codes, shares);
    }

    fn revive(&mut self, streams: Streams<'_>, places: &mut Vec<Range<usize>>) {
        self.network.revive(&mut self.workspace, streams, places);
    }

    fn compared_range(&self) -> Option<(f64, f64)> {
        let Network { loss, decoder, .. } = &*self.network;
        let is_compared = loss.target() != Target::Class && !loss.takes_logits();
        is_compared.then(|| decoder.range())
    }

    fn warning(&self) -> Option<Warning> {
        let network = &*self.network;
        let has_gates = network.facts.has_gates && network.facts.has_pairs;
        let are_trained =
            || network.leaves.iter().any(|leaf| leaf.needs.auxiliary == Auxiliary::Gates);
        let is_meant = !has_gates || network.encoder.is_frozen() || are_trained();
        (!is_meant).then_some(Warning::UntrainedGates)
    }

    fn target(&self) -> Target {
        self.network.loss.target()
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.network.schedules()
    }

    fn describe(&self) -> String {
        let Network { layout, regularizer, loss, .. } = &*self.network;
        format!("{layout}, {regularizer}, {}", loss.describe())
    }

    fn collapsed_units(&self) -> Vec<usize> {
        let posterior = match self.is_gathered {
            true => self.whole.posterior(),
            false => &self.workspace.encoding.posterior,
        };
        self.network.collapsed_units(posterior)
    }

    fn check(
        &self,
        call: &'static str,
        block: Rows<'_, T>,
        lets_not_finite_through: bool,
    ) -> Result<()> {
        let network = &*self.network;
        let checked = network.check_samples(call, block.x);
        let lets_through = match checked {
            Err(Error::NotFinite { .. }) if lets_not_finite_through => true,
            Err(error) => return Err(error),
            Ok(()) => false,
        };
        network.check_conditions(call, block.conditions, block.x.samples())?;
        match (network.loss.target(), block.targets) {
            (Target::Input, _) => {
                let is_left_out = |x: T| lets_through && !x.to_double().is_finite();
                network.check_domain(call, block.x, is_left_out)
            }
            (Target::Class, Some(targets)) => check_classes(call, network.outputs(), targets),
            (Target::Given, targets) => {
                let (samples, lets_through) = (block.x.samples(), lets_not_finite_through);
                network.check_targets(call, targets, samples, lets_through).map(|_| ())
            }
            (Target::Class, None) => Ok(()),
        }
    }

    fn normalizer(&self) -> Option<&Normalizer> {
        self.network.normalizer.as_ref()
    }

    #[cfg(feature = "safetensors")]
    fn stored(&self) -> Stored<'_, T> {
        self.network.stored()
    }

    #[cfg(feature = "safetensors")]
    fn replace(&mut self, saved: Saved<T>) {
        self.network.replace(saved);
    }
}

/// Refuses classes of a stream that are none.
pub(super) fn check_classes<T: Float>(
    call: &'static str,
    classes: usize,
    targets: BatchView<'_, T>,
) -> Result<()> {
    require_size("the classes of a stream", "number a sample", 1, targets.features())?;
    let values = || targets.as_slice().iter().map(|x| x.to_double());
    let is_class = |x: f64| x >= 0.0 && x < classes as f64 && x.fract() == 0.0;
    let Some((sample, found)) = values().enumerate().find(|&(_, x)| !is_class(x)) else {
        return Ok(());
    };
    // Beyond that, a whole number is not the one that was given.
    if found.fract() == 0.0 && found.abs() < 2f64.powi(53) {
        return Err(Error::Label { call, sample, label: found as i128, classes });
    }
    Err(Error::NoClass { call, sample, value: Number(found), classes })
}
