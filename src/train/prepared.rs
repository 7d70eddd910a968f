//! From examples that a model has looked at to a training under way.

use std::time::Instant;

use super::Report;
use super::agreement;
use super::blocks::{Beside, Blocks, Sources, Whole, streamed};
use super::course::Course;
use super::dealt::Dealt;
use super::examples::{Rows, Stream};
use super::run::Run;
use super::schedules::Schedules;
use super::settings::Plan;
use super::survey::{Survey, Variances};
use super::team::Team;
use super::trainable::Trainee;
use super::training::Training;
use crate::error::{Error, Result, require, require_fit, require_size};
use crate::loss::Target;
use crate::numbers::parallel::{self, ELEMENT};
use crate::numbers::scalar::Float;
use crate::optimizer::Kind;

/// Examples as a model takes them.
pub(crate) struct Prepared<'a, T: Float> {
    pub(crate) data: Data<'a, T>,
    /// What the model is validated on, checked and normalized; without it, a share of the data may be held out.
    pub(crate) held_out: Option<Rows<'a, T>>,
    /// How much each sample of the data counts, if not alike. Not looked at yet.
    pub(crate) weights: Option<&'a [f64]>,
}

/// What a model is trained on.
pub(crate) enum Data<'a, T: Float> {
    /// Checked and normalized. Targets are classes, a number for each sample.
    Memory(Rows<'a, T>),
    /// Looked at block by block, when it is met.
    Stream { x: Box<dyn Stream<T> + 'a>, beside: Vec<(Beside, Box<dyn Stream<T> + 'a>)> },
}

/// Trains a model as planned, whose settings [were checked](super::settings::Settings::check).
pub(crate) fn run<T: Float>(
    mut plan: Plan<'_, '_, T>,
    model: &mut dyn Trainee<T>,
    prepared: Prepared<'_, T>,
) -> Result<Report> {
    let Prepared { data, held_out, weights } = prepared;
    let together = plan.settings.collective.size() > 1;
    if together {
        let mut facts = agreement::of_plan(&plan, model);
        facts.extend(agreement::of_rows(agreement::HELD_OUT, held_out));
        let is_streamed = matches!(data, Data::Stream { .. });
        let place = if is_streamed { "a stream" } else { "memory" };
        facts.push(("where the samples come from", place.to_owned()));
        if let Data::Memory(rows) = &data {
            facts.extend(agreement::of_rows(agreement::TRAINED_ON, Some(*rows)));
            let weights = weights.map_or("none".to_owned(), agreement::digest);
            facts.push(("a weight of a sample", weights));
        }
        agreement::require_alike(&mut *plan.settings.collective, &facts)?;
    }
    match data {
        Data::Memory(rows) => {
            let (rows, held_out) = plan.settings.split(rows, held_out, weights)?;
            let mut whole = Whole::new(rows, model.target());
            on_threads(&mut plan, model, &mut whole, held_out, weights)
        }
        Data::Stream { x, beside } => {
            run_stream(plan, model, Sources { call: "fit", x, beside }, held_out, weights)
        }
    }
}

fn run_stream<T: Float>(
    mut plan: Plan<'_, '_, T>,
    model: &mut dyn Trainee<T>,
    mut sources: Sources<'_, T>,
    held_out: Option<Rows<'_, T>>,
    weights: Option<&[f64]>,
) -> Result<Report> {
    let call = "fit";
    let settings = &plan.settings;
    settings.check_unsplit(
        "left unset for a stream, such as a file or a folder, which has no end to hold out: give other samples to validate \
         on, by `Examples::of(&mut stream).held_out(&others)`, or read the stream into memory (`Source::load`), of which \
         the last samples are held out",
    )?;
    let fault = "are not for a stream, whose samples count alike";
    let remedy = "leave them out, or read the stream into memory (`Source::load`)";
    require_fit(weights.is_none(), "Examples::weights", fault, remedy)?;
    require_size(call, "features", model.features(), sources.x.features())?;
    let samples = sources.x.samples();
    if samples == 0 {
        return Err(Error::NoSamples { call });
    }
    sources.check(samples)?;
    let batch_size = settings.samples_of_step(&plan.method, samples);
    let batches = settings.shuffle_buffer.div_ceil(batch_size);
    // A buffer for all samples may be given as the largest number there is.
    let block = batches.saturating_mul(batch_size).min(samples);
    let epochs = settings.epochs;
    let normalizer = model.normalizer().cloned();
    let collective = &mut *plan.settings.collective;
    let share = (collective.rank(), collective.size());
    agreement::require_same_streams(collective, &mut sources, block)?;
    streamed(sources, normalizer.as_ref(), (block, share), epochs, |stream| {
        on_threads(&mut plan, model, stream, held_out, None)
    })
}

fn on_threads<T: Float>(
    plan: &mut Plan<'_, '_, T>,
    model: &mut dyn Trainee<T>,
    blocks: &mut (dyn Blocks<T> + Send),
    held_out: Option<Rows<'_, T>>,
    weights: Option<&[f64]>,
) -> Result<Report> {
    // The largest piece of work in a step: where even that is not divided, threads only cost.
    let widest = model.layout().tensors().iter().map(|tensor| tensor.range.len()).max();
    let widest = widest.unwrap_or(0).max(ELEMENT * model.features());
    let samples = blocks.samples();
    let step = plan.settings.samples_of_step(&plan.method, samples).min(samples);
    let threads = if parallel::is_divided(widest * step) { plan.settings.threads } else { 1 };
    parallel::on_threads(threads, || train(plan, model, blocks, held_out, weights))?
}

fn train<T: Float>(
    Plan { settings, method }: &mut Plan<'_, '_, T>,
    model: &mut dyn Trainee<T>,
    blocks: &mut (dyn Blocks<T> + Send),
    held_out: Option<Rows<'_, T>>,
    weights: Option<&[f64]>,
) -> Result<Report> {
    if model.layout().num_trained() == 0 {
        return Err(Error::NothingToTrain);
    }
    let requirement = "at most the samples of a step, each of which is in one shard";
    let of_step = settings.samples_of_step(method, blocks.samples());
    let fits = settings.shards <= of_step.min(blocks.samples());
    require(fits, "Trainer shards", settings.shards as f64, requirement)?;
    let team = Team::new(settings.shards, &*settings.collective, model);
    let run = Run::new(model, method, team);
    let weights_follow = match method {
        Kind::Optimizer(_) => model.schedules(),
        // Has the final weights throughout.
        Kind::Lbfgs(_) => Vec::new(),
    };
    let schedules = Schedules::new(settings.schedule.clone(), weights_follow);
    let samples = blocks.samples();
    let weight_of_all = weights.map_or(samples as f64, |weights| weights[..samples].iter().sum());
    let batch_size = settings.samples_of_step(method, samples);
    let shuffles = settings.shuffle.unwrap_or(matches!(method, Kind::Optimizer(_)));
    #[cfg(feature = "safetensors")]
    let fingerprint = settings.checkpoints.as_ref().and_then(|_| blocks.fingerprint());
    let range = model.compared_range();
    let of_target = |target: Target| range.filter(|_| model.target() == target);
    let survey = Survey::new(model.features(), of_target(Target::Input));
    let survey_of_targets =
        of_target(Target::Given).map(|range| Survey::new(model.num_outputs(), Some(range)));
    let variances = Some(Variances::new(model));
    let training = Training {
        settings,
        method,
        model,
        validation: held_out,
        weights,
        samples,
        block: blocks.block(),
        dealt: blocks.is_shared().then(Dealt::default),
        #[cfg(feature = "safetensors")]
        fingerprint,
        #[cfg(feature = "safetensors")]
        required: String::new(),
        batch_size,
        shuffles,
        run,
        schedules,
        survey,
        is_surveyed: false,
        survey_of_targets,
        suspect_held_out: None,
        variances,
        warnings: Vec::new(),
        course: Course::new(),
        start: Instant::now(),
        weight_of_all,
        counted: Vec::new(),
    };
    training.complete(blocks)
}
