//! A training that is stopped and resumed gives the bits of one that never was, wherever it stops,
//! whatever it is made of, and also when its process is killed or its newest file is damaged.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use autoencoder::activation::{Identity, Tanh};
use autoencoder::corruption::{self, Masking, SaltAndPepper};
use autoencoder::data::{Csv, CsvOptions, InMemory, Normalization};
use autoencoder::layer::ConditionedPart;
use autoencoder::optimizer::{Method, Trains};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::{StreamRng, Streams, seeded};
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::train::schedule::{Constant, Cosine, Cyclical, StepDecay, Warmup};
use autoencoder::train::{
    Checkpoints, DivergenceAction, Event, GoesWith, IntoExamples, Recovered, Report, StopReason,
    Suits, Trainable,
};
use autoencoder::*;
use common::Folder;
use nalgebra::{Const, Dyn};
use rand::RngExt;

const FEATURES: usize = 5;
const CODE: usize = 3;
const BATCH: usize = 4;
const EPOCHS: usize = 4;
/// The last batch of an epoch is smaller, and so is the last block of a stream.
const SAMPLES: usize = 22;
const BATCHES: usize = SAMPLES.div_ceil(BATCH);

type Net<S> = AutoEncoder<
    <S as Subject>::Encoder,
    <S as Subject>::Decoder,
    Boxed<<S as Subject>::Scalar>,
    <S as Subject>::Loss,
    <S as Subject>::Scalar,
>;
type Boxed<T> = Box<dyn Regularizer<T>>;
type AnyOptimizer<T> = Box<dyn Optimizer<T>>;
/// How the regularizer and the optimizer of a training are made.
type Parts<'a, S> = (
    &'a dyn Fn() -> Boxed<<S as Subject>::Scalar>,
    &'a dyn Fn() -> AnyOptimizer<<S as Subject>::Scalar>,
);

/// What is trained: in both number types, with both posteriors, and what is given with each sample.
trait Subject: 'static {
    type Scalar: Scalar;
    type Encoder;
    type Decoder;
    type Loss;

    fn net(regularizer: Boxed<Self::Scalar>, normalizer: Option<Normalizer>) -> Net<Self>;

    /// Trains on samples from where the settings say, with what belongs to each; the others may be held out.
    fn fit<O: Method<Self::Scalar>>(
        trainer: &mut Trainer<'_, O>,
        model: &mut Net<Self>,
        samples: Samples,
        data: [&Batch<Self::Scalar, Dyn>; 2],
    ) -> Result<Report>;
}

/// Trains on these examples in memory, or on these from a stream.
fn fit<'a, M, O, A, B>(
    trainer: &mut Trainer<'_, O>,
    model: &mut M,
    samples: Samples,
    [memory, held_out]: [A; 2],
    stream: B,
) -> Result<Report>
where
    M: Trainable<Input = Dyn>,
    O: Method<M::Scalar>,
    A: IntoExamples<'a, M::Scalar, Input = Dyn>,
    B: IntoExamples<'a, M::Scalar, Input = Dyn>,
    A::Given: Suits<M::Wanted> + GoesWith<A::Given> + GoesWith<B::Given>,
    B::Given: Suits<M::Wanted>,
{
    match samples {
        Samples::Memory | Samples::Split => trainer.fit(model, memory),
        Samples::Validated => trainer.fit(model, Examples::of(memory).held_out(held_out)),
        Samples::Stream | Samples::Csv => trainer.fit(model, stream),
        Samples::StreamValidated => trainer.fit(model, Examples::of(stream).held_out(held_out)),
    }
}

/// The samples as a stream, from memory or from a table.
fn stream<'a, T: Scalar>(
    samples: Samples,
    x: &'a Batch<T, Dyn>,
) -> Box<dyn Source<Scalar = T, Features = Dyn> + 'a> {
    if samples != Samples::Csv {
        return Box::new(InMemory::from(x));
    }
    let rows = x.iter().map(|sample| {
        let cells: Vec<String> = sample.iter().map(|x| format!("{x:?}")).collect();
        cells.join(",") + "\n"
    });
    let rows: String = rows.collect();
    let source: Csv<T, Dyn> = CsvOptions::new().header(false).from_bytes(rows).unwrap();
    Box::new(source)
}

/// Two numbers that belong to each sample.
fn conditions<T: Scalar>(x: &Batch<T, Dyn>) -> Batch<T, Dyn> {
    let rows = x.iter().map(|x| [T::of(0.5) - x[0], x[1] * x[2]]);
    Batch::from_samples(Dyn(2), rows).unwrap()
}

/// The class of each sample, of three.
fn labels<T: Scalar>(x: &Batch<T, Dyn>) -> Vec<u8> {
    let class = |x: &[T]| u8::from(x[0] > x[1]) + u8::from(x[0] > x[2]);
    x.iter().map(class).collect()
}

type AnyPoint<T, R> = Any<T, Dyn, Dyn, R, Point>;
/// An autoencoder.
struct Plain;
/// One whose code is drawn.
struct Drawn;
/// A conditional one.
struct Told;
/// A classifier.
struct Sorting;

macro_rules! net {
    ($builder:expr, $regularizer:expr, $normalizer:expr) => {{
        let builder = $builder.regularizer($regularizer).seed(3);
        match $normalizer {
            Some(normalizer) => builder.normalizer(normalizer).build().unwrap(),
            None => builder.build().unwrap(),
        }
    }};
}

impl Subject for Plain {
    type Scalar = f32;
    type Encoder = AnyPoint<f32, range::Symmetric>;
    type Decoder = AnyPoint<f32, range::Real>;
    type Loss = SquaredError;

    fn net(regularizer: Boxed<f32>, normalizer: Option<Normalizer>) -> Net<Self> {
        let builder = AutoEncoder::builder()
            .encoder(Dense::dynamic(FEATURES, CODE, Tanh).boxed_as())
            .decoder(Dense::dynamic(CODE, FEATURES, Identity).boxed_as());
        net!(builder, regularizer, normalizer)
    }

    fn fit<O: Method<f32>>(
        trainer: &mut Trainer<'_, O>,
        model: &mut Net<Self>,
        samples: Samples,
        [x, held_out]: [&Batch<f32, Dyn>; 2],
    ) -> Result<Report> {
        fit(trainer, model, samples, [x, held_out], &mut stream(samples, x))
    }
}

impl Subject for Drawn {
    type Scalar = f64;
    type Encoder = Any<f64, Dyn, Dyn, range::Real, DiagonalGaussian>;
    type Decoder = AnyPoint<f64, range::Real>;
    type Loss = SquaredError;

    fn net(regularizer: Boxed<f64>, normalizer: Option<Normalizer>) -> Net<Self> {
        let head = || Dense::dynamic(4, CODE, Identity);
        let encoder = Gaussian::new(Dense::dynamic(FEATURES, 4, Tanh), head(), head());
        let builder = AutoEncoder::builder()
            .encoder(encoder.boxed_as())
            .decoder(Dense::dynamic(CODE, FEATURES, Identity).boxed_as());
        net!(builder, regularizer, normalizer)
    }

    fn fit<O: Method<f64>>(
        trainer: &mut Trainer<'_, O>,
        model: &mut Net<Self>,
        samples: Samples,
        [x, held_out]: [&Batch<f64, Dyn>; 2],
    ) -> Result<Report> {
        fit(trainer, model, samples, [x, held_out], &mut stream(samples, x))
    }
}

impl Subject for Told {
    type Scalar = f32;
    type Encoder = ConditionedPart<AnyPoint<f32, range::Symmetric>, Dyn, Dyn>;
    type Decoder = ConditionedPart<AnyPoint<f32, range::Real>, Dyn, Dyn>;
    type Loss = SquaredError;

    fn net(regularizer: Boxed<f32>, normalizer: Option<Normalizer>) -> Net<Self> {
        let encoder = Dense::dynamic(FEATURES + 2, CODE, Tanh).boxed_as();
        let decoder = Dense::dynamic(CODE + 2, FEATURES, Identity).boxed_as();
        let builder = AutoEncoder::builder()
            .encoder(Conditioned::dynamic(2, encoder))
            .decoder(Conditioned::dynamic(2, decoder));
        net!(builder, regularizer, normalizer)
    }

    fn fit<O: Method<f32>>(
        trainer: &mut Trainer<'_, O>,
        model: &mut Net<Self>,
        samples: Samples,
        [x, held_out]: [&Batch<f32, Dyn>; 2],
    ) -> Result<Report> {
        let [told, also] = [x, held_out].map(conditions);
        let streams = (&mut stream(samples, x), &mut InMemory::from(&told));
        fit(trainer, model, samples, [(x, &told), (held_out, &also)], streams)
    }
}

impl Subject for Sorting {
    type Scalar = f64;
    type Encoder = AnyPoint<f64, range::Symmetric>;
    type Decoder = AnyPoint<f64, range::Real>;
    type Loss = CrossEntropy;

    fn net(regularizer: Boxed<f64>, normalizer: Option<Normalizer>) -> Net<Self> {
        let builder = AutoEncoder::builder()
            .encoder(Dense::dynamic(FEATURES, CODE, Tanh).boxed_as())
            .head(Dense::dynamic(CODE, 3, Identity).boxed_as());
        net!(builder, regularizer, normalizer)
    }

    fn fit<O: Method<f64>>(
        trainer: &mut Trainer<'_, O>,
        model: &mut Net<Self>,
        samples: Samples,
        [x, held_out]: [&Batch<f64, Dyn>; 2],
    ) -> Result<Report> {
        let [classes, others] = [x, held_out].map(labels);
        let numbers = classes.iter().map(|&class| f64::from(class)).collect();
        let numbers = Batch::new(Const::<1>, numbers).unwrap();
        let streams = (&mut stream(samples, x), &mut InMemory::from(&numbers));
        fit(trainer, model, samples, [(x, &classes), (held_out, &others)], streams)
    }
}

fn data<T: Scalar>(samples: usize) -> Batch<T, Dyn> {
    let rng = &mut seeded(8);
    let values = (0..FEATURES * samples).map(|_| T::draw_uniform(rng)).collect();
    Batch::new(Dyn(FEATURES), values).unwrap()
}

/// Faults that come again at the same batches: now a term is not a number, now the gradient alone.
#[derive(Debug, Clone)]
struct Faults;
impl<E> SuitedTo<E> for Faults {}
impl<T: Float> Regularizer<T> for Faults {
    fn describe(&self) -> String {
        "Faults".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::default()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        _: &mut [T],
        terms: &mut Terms,
    ) {
        let draw = |streams: Streams<'_>| streams.sample(0).random::<f64>();
        let drawn = at.streams.map_or(1.0, draw);
        terms.add("faults", if drawn < 0.06 { f64::NAN } else { 0.0 });
        if let (Some(gradient), 0.06..0.15) = (gradient, drawn) {
            gradient.posterior.mean_mut().as_mut_slice()[0] = T::of(f64::NAN);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Samples {
    Memory,
    Split,
    Validated,
    Stream,
    StreamValidated,
    Csv,
}

/// Everything about one training but its regularizer and optimizer.
#[derive(Debug, Clone)]
struct Settings {
    samples: Samples,
    /// Samples of a stream that are shuffled together.
    buffer: usize,
    shuffle: bool,
    schedule: usize,
    clip: Option<f64>,
    patience: Option<usize>,
    min_delta: f64,
    on_divergence: OnDivergence,
    normalization: Option<Normalization>,
    seed: u64,
}

impl Settings {
    const PLAIN: Self = Self {
        samples: Samples::Memory,
        buffer: 8,
        shuffle: true,
        schedule: 0,
        clip: None,
        patience: None,
        min_delta: 0.0,
        on_divergence: OnDivergence::Stop,
        normalization: None,
        seed: 1,
    };

    fn drawn(rng: &mut StreamRng) -> Self {
        use Samples::*;
        let mut pick = |count: usize| rng.random_range(0..count);
        let samples = [Memory, Split, Validated, Stream, StreamValidated, Csv][pick(6)];
        let limit = 1000;
        let normalizations = [
            Normalization::Standardize,
            Normalization::MinMax { low: -1.0, high: 1.0 },
            Normalization::Truncate { centre_samples: true },
        ];
        Self {
            samples,
            buffer: [8, 9, 100][pick(3)],
            shuffle: pick(5) > 0,
            schedule: pick(5),
            clip: (pick(2) == 0).then_some(0.4),
            patience: [None, Some(1), Some(2)][pick(3)],
            min_delta: 0.02,
            on_divergence: [OnDivergence::SkipBatch { limit }, OnDivergence::RestoreBest { limit }]
                [pick(2)],
            normalization: [None, Some(normalizations[pick(3)])][pick(2)],
            seed: pick(1000) as u64,
        }
    }
}

/// What comes out of a training: of the model its file, which has all of its numbers.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    file: Vec<u8>,
    report: Report,
}

/// What was heard of a training, up to where it was stopped.
#[derive(Debug, Default, Clone, PartialEq)]
struct Heard {
    events: usize,
    /// Each step's epoch and batch.
    steps: Vec<(usize, usize)>,
    recovered: Vec<Recovered>,
}

fn file_of<E, D, R, L, T: Float>(model: &AutoEncoder<E, D, R, L, T>, folder: &Path) -> Vec<u8> {
    let path = folder.join("outcome.safetensors");
    model.save(&path).unwrap();
    fs::read(path).unwrap()
}

/// One training of a fresh model, stopped by the event of this number, if there is one.
fn train<E: Subject>(
    (regularizer, optimizer): Parts<'_, E>,
    settings: &Settings,
    checkpoints: Option<Checkpoints>,
    stop: Option<usize>,
    folder: &Path,
) -> (Option<Result<Outcome>>, Heard) {
    let x = data::<E::Scalar>(SAMPLES);
    let held_out = data::<E::Scalar>(SAMPLES + 9).select(SAMPLES..SAMPLES + 9);
    let normalizer =
        settings.normalization.map(|normalization| Normalizer::fit(normalization, &x).unwrap());
    let mut model = E::net(regularizer(), normalizer);
    let heard = Mutex::new(Heard::default());
    let mut trainer = Trainer::new(optimizer())
        .epochs(EPOCHS)
        .batch_size(BATCH)
        .shuffle(settings.shuffle)
        .shuffle_buffer(settings.buffer)
        .seed(settings.seed)
        .on_divergence(settings.on_divergence)
        .observer(|event: &Event<'_>| {
            let mut heard = heard.lock().unwrap();
            heard.events += 1;
            match event {
                Event::Batch(batch) => heard.steps.push((batch.epoch, batch.batch)),
                Event::Recovered(recovered) => heard.recovered.push((*recovered).clone()),
                _ => {}
            }
            if Some(heard.events) == stop {
                drop(heard);
                resume_unwind(Box::new("stopped")); // a panic that is not printed
            }
        });
    trainer = match settings.schedule {
        1 => trainer.schedule(StepDecay::new(1, 0.7).unwrap()),
        2 => trainer.schedule(Cosine::new(0.1).unwrap()),
        3 => trainer.schedule(Warmup::new(9, Constant).unwrap()),
        4 => trainer.schedule(Warmup::new(5, Cosine::new(0.0).unwrap()).unwrap()),
        _ => trainer,
    };
    if let Some(norm) = settings.clip {
        trainer = trainer.clip_norm(norm);
    }
    if let Some(patience) = settings.patience {
        let stopping = EarlyStopping::new(patience).unwrap().min_delta(settings.min_delta);
        trainer = trainer.early_stopping(stopping.unwrap());
    }
    if settings.samples == Samples::Split {
        trainer = trainer.validation_split(0.3);
    }
    if let Some(checkpoints) = checkpoints {
        trainer = trainer.checkpoints(checkpoints);
    }
    let run = || E::fit(&mut trainer, &mut model, settings.samples, [&x, &held_out]);
    let ended = catch_unwind(AssertUnwindSafe(run)).ok();
    drop(trainer);
    let outcome = ended.map(|ended| {
        ended.map(|mut report| {
            for epoch in &mut report.epochs {
                (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
            }
            Outcome { file: file_of(&model, folder), report }
        })
    });
    (outcome, heard.into_inner().unwrap())
}

fn optimizers<T: Scalar>() -> Vec<fn() -> AnyOptimizer<T>> {
    vec![
        || Box::new(Sgd::new(0.2).unwrap().weight_decay(0.01).unwrap()),
        || Box::new(Sgd::new(0.1).unwrap().momentum(0.9).unwrap()),
        || Box::new(Sgd::new(0.1).unwrap().nesterov(0.9).unwrap()),
        || {
            Box::new(
                Sgd::new(0.1)
                    .unwrap()
                    .nesterov_schedule(0.9)
                    .unwrap()
                    .at_most_from(5, 0.3)
                    .unwrap(),
            )
        },
        || Box::new(RmsProp::new(0.01).unwrap().momentum(0.5).unwrap()),
        || Box::new(Adam::new(0.05).unwrap()),
        || Box::new(AdamW::new(0.05, 0.1).unwrap()),
    ]
}

fn regularizers() -> Vec<fn() -> Boxed<f32>> {
    fn denoising(corruption: impl corruption::Corruption<f32> + Clone + 'static) -> Boxed<f32> {
        Box::new(Denoising::new(corruption))
    }
    vec![
        || Box::new(NoRegularizer),
        || Box::new(SparseKl::new(0.2, 0.5).unwrap()),
        || Box::new(SparseKl::new(0.2, 0.5).unwrap().running(0.9).unwrap()),
        || Box::new(Contractive::new(0.1).unwrap()),
        || Box::new(CodeL1::new(0.1).unwrap()),
        || Box::new(WeightDecay::new(0.1).unwrap()),
        || denoising(Masking::new(0.3).unwrap()),
        || denoising(SaltAndPepper::new(0.3).unwrap()),
        || denoising(corruption::Gaussian::new(0.2).unwrap()),
        || {
            Box::new((
                Denoising::new((Masking::new(0.2).unwrap(), SaltAndPepper::new(0.1).unwrap())),
                SparseKl::new(0.2, 0.5).unwrap().running(0.5).unwrap(),
                WeightDecay::new(0.01).unwrap(),
                SparseKl::new(0.3, 0.1).unwrap().running(0.8).unwrap(),
            ))
        },
    ]
}

fn drawing_regularizers() -> Vec<fn() -> Boxed<f64>> {
    vec![
        || Box::new(Variational::new(1.0).unwrap()),
        || {
            Box::new((
                Variational::new(0.5).unwrap(),
                Denoising::new(corruption::Gaussian::new(0.1).unwrap()),
                Contractive::new(0.05).unwrap().hutchinson(1).unwrap(),
            ))
        },
        // Parameters of their own, weights that go with the step, several draws.
        || {
            let rising = Variational::default().schedule(Cyclical::new(7, 0.5).unwrap());
            Box::new(rising.prior(VampPrior::new(3).unwrap()))
        },
        || {
            let capacity = Warmup::epochs(3, Constant).unwrap();
            Box::new(Variational::default().capacity(2.0, capacity).unwrap())
        },
        || {
            let mixture = GaussianMixture::new(3).unwrap();
            Box::new(ImportanceWeighted::new(3).unwrap().prior(mixture))
        },
        || {
            Box::new((
                Variational::default().free_bits(0.2).unwrap().draws(2).unwrap(),
                Mmd::new(0.5).unwrap(),
                TotalCorrelation::new(0.5, SAMPLES).unwrap(),
                Binarize,
            ))
        },
    ]
}

fn sorting_regularizers() -> Vec<fn() -> Boxed<f64>> {
    vec![|| Box::new(NoRegularizer), || {
        Box::new((
            Denoising::new(Masking::new(0.2).unwrap()),
            SparseKl::new(0.2, 0.5).unwrap().running(0.5).unwrap(),
        ))
    }]
}

/// How often what was tested happened.
#[derive(Debug, Default)]
struct Tally {
    stops: usize,
    within_epochs: usize,
    skipped: usize,
    restored: usize,
    stopped_early: usize,
    of_samples: [usize; 6],
}

/// Trains with each optimizer and each regularizer, under settings drawn by chance: once without a
/// stop, and once stopped by random events, up to three times on the way.
fn resumes_anywhere<E: Subject>(regularizers: &[fn() -> Boxed<E::Scalar>], tally: &mut Tally) {
    let folder = Folder::new(&format!("resume-{}", std::any::type_name::<E>().replace("::", "-")));
    let path = folder.join("run.safetensors");
    let rng = &mut seeded(2026);
    for (r, regularizer) in regularizers.iter().enumerate() {
        for (o, optimizer) in optimizers::<E::Scalar>().iter().enumerate() {
            let settings = Settings::drawn(rng);
            let faulty = rng.random_range(0..3) > 0;
            let regularizer = || -> Boxed<E::Scalar> {
                let faults = || -> Boxed<E::Scalar> { Box::new(Faults) };
                if faulty { Box::new(vec![regularizer(), faults()]) } else { regularizer() }
            };
            let parts: Parts<'_, E> = (&regularizer, optimizer);
            let (at_once, all) = train::<E>(parts, &settings, None, None, folder.path());
            let at_once = at_once.unwrap().unwrap();
            for divergence in &at_once.report.divergences {
                match divergence.action {
                    DivergenceAction::Restored { .. } => tally.restored += 1,
                    _ => tally.skipped += 1,
                }
            }
            let is_early = matches!(at_once.report.stopped, StopReason::NoImprovement { .. });
            tally.stopped_early += usize::from(is_early);
            let _ = fs::remove_file(&path);
            let _ = fs::remove_file(folder.join("run.safetensors.previous"));
            let epochs = rng.random_range(1..=3);
            let mut checkpoints = Checkpoints::new(&path).resume(true).every_epochs(epochs);
            if rng.random_range(0..5) > 0 {
                checkpoints = checkpoints.every_steps(rng.random_range(1..=8));
            }
            let case = format!("{r}, {o}: {settings:?}, {checkpoints:?}");
            let mut stops = Vec::new();
            let resumed = loop {
                let stop = (stops.len() < 3).then(|| rng.random_range(1..=all.events));
                let checkpoints = Some(checkpoints.clone());
                let (ended, heard) = train::<E>(parts, &settings, checkpoints, stop, folder.path());
                assert_eq!(heard.recovered, [], "{case}");
                if let Some(ended) = ended {
                    break ended.unwrap_or_else(|error| panic!("{case}: {error}"));
                }
                stops.push(stop);
                tally.stops += 1;
                let last = heard.steps.last().map_or(0, |step| step.1);
                tally.within_epochs += usize::from(0 < last && last < BATCHES);
            };
            assert_eq!(resumed.report, at_once.report, "{case}, stopped at {stops:?}");
            assert!(resumed.file == at_once.file, "{case}, stopped at {stops:?}");
            tally.of_samples[settings.samples as usize] += 1;
        }
    }
}

#[test]
fn resumed_is_uninterrupted_wherever_it_stops() {
    let start = Instant::now();
    let mut tally = Tally::default();
    resumes_anywhere::<Plain>(&regularizers(), &mut tally);
    resumes_anywhere::<Drawn>(&drawing_regularizers(), &mut tally);
    println!("{tally:?} in {:?}", start.elapsed());
    assert!(tally.stops >= 100 && tally.within_epochs >= 60, "{tally:?}");
    assert!(tally.skipped >= 20 && tally.restored >= 20 && tally.stopped_early >= 6, "{tally:?}");
    assert!(tally.of_samples.iter().all(|&count| count >= 4), "{tally:?}");
}

/// So does one with conditions, and one of a classifier.
#[test]
fn resumed_is_uninterrupted_with_what_is_given_beside_the_samples() {
    let mut tally = Tally::default();
    resumes_anywhere::<Told>(&regularizers()[8..], &mut tally);
    resumes_anywhere::<Sorting>(&sorting_regularizers(), &mut tally);
    assert!(tally.stops >= 30 && tally.within_epochs >= 15, "{tally:?}");
    assert!(tally.of_samples.iter().all(|&count| count >= 2), "{tally:?}");
}

/// A plain training of SparseKl and Adam, for what is tested one by one.
fn parts() -> (impl Fn() -> Boxed<f32>, impl Fn() -> AnyOptimizer<f32>) {
    (
        || -> Boxed<f32> { Box::new(SparseKl::new(0.2, 0.5).unwrap().running(0.9).unwrap()) },
        || -> AnyOptimizer<f32> { Box::new(Adam::new(0.05).unwrap()) },
    )
}

/// Trains that, with these settings.
fn plain(
    settings: &Settings,
    checkpoints: Option<Checkpoints>,
    stop: Option<usize>,
    folder: &Path,
) -> (Option<Result<Outcome>>, Heard) {
    let (regularizer, optimizer) = parts();
    train::<Plain>((&regularizer, &optimizer), settings, checkpoints, stop, folder)
}

#[test]
fn early_stopping_knows_its_best_epoch_again() {
    let folder = Folder::new("resume-early");
    // So much patience that the training goes on for two epochs after its best one.
    let settings = Settings { samples: Samples::Validated, patience: Some(2), ..Settings::PLAIN };
    let (regularizer, _) = parts();
    let optimizer =
        || -> AnyOptimizer<f32> { Box::new(Sgd::new(0.9).unwrap().momentum(0.8).unwrap()) };
    let run = |checkpoints, stop| {
        train::<Plain>((&regularizer, &optimizer), &settings, checkpoints, stop, folder.path())
    };
    let (at_once, all) = run(None, None);
    let at_once = at_once.unwrap().unwrap();
    let StopReason::NoImprovement { best_epoch } = at_once.report.stopped else {
        panic!("it is to stop early: {}", at_once.report);
    };
    assert_eq!(
        (at_once.report.kept_epoch, at_once.report.epochs.len()),
        (best_epoch, best_epoch + 2)
    );
    let per_epoch = BATCHES + 1;
    // Before the best epoch's end, after it, in the last epoch, and when all was done.
    let best = best_epoch * per_epoch;
    for stop in [2, best - 1, best + 1, best + per_epoch + 3, all.events - 1, all.events] {
        let path = folder.join(format!("{stop}.safetensors"));
        let checkpoints = Some(Checkpoints::new(path).every_steps(1).resume(true));
        assert_eq!(run(checkpoints.clone(), Some(stop)).0, None);
        let (resumed, heard) = run(checkpoints, None);
        assert_eq!(resumed, Some(Ok(at_once.clone())), "stopped at {stop}");
        assert!(heard.steps.len() + stop <= all.events + 1, "goes on, not anew");
    }
}

#[test]
fn an_optimizer_that_has_forgotten_counts_its_steps_anew() {
    /// Writes down the numbers of steps.
    #[derive(Debug)]
    struct Counting<'a>(Adam, &'a Mutex<Vec<u64>>);
    impl Trains for Counting<'_> {}
    impl Optimizer<f64> for Counting<'_> {
        fn describe(&self) -> String {
            format!("Counting({})", Optimizer::<f64>::describe(&self.0))
        }
        fn rate(&self) -> f64 {
            Optimizer::<f64>::rate(&self.0)
        }
        fn states(&self) -> usize {
            2
        }
        fn step(&self, step: &optimizer::Step, p: &[f64], state: &mut [f64], g: &mut [f64]) {
            if p.len() == CODE {
                self.1.lock().unwrap().push(step.number); // once a step, for the encoder's bias
            }
            self.0.step(step, p, state, g);
        }
    }
    let model = || {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(FEATURES, CODE, Tanh))
            .decoder(Dense::dynamic(CODE, FEATURES, Identity))
            .build::<f64>()
            .unwrap()
    };
    // The stream's third batch of five is not finite, in each epoch.
    let mut x = data::<f64>(5);
    x.as_mut_slice()[2 * FEATURES] = f64::NAN;
    let folder = Folder::new("resume-forgets");
    let run = |policy, epochs| {
        let numbers = Mutex::new(Vec::new());
        let path = folder.join("run.safetensors");
        Trainer::new(Counting(Adam::new(0.01).unwrap(), &numbers))
            .epochs(epochs)
            .batch_size(1)
            .shuffle(false)
            .on_divergence(policy)
            .checkpoints(Checkpoints::new(path).resume(epochs > 1))
            .fit(&mut model(), &mut InMemory::from(&x))
            .unwrap();
        numbers.into_inner().unwrap()
    };
    // Its memory is finite where a batch is skipped for a term: nothing is forgotten.
    let skip = OnDivergence::SkipBatch { limit: 9 };
    assert_eq!(run(skip, 1), [1, 2, 3, 4]);
    assert_eq!(run(skip, 2), [5, 6, 7, 8]);
    let restore = OnDivergence::RestoreBest { limit: 9 };
    assert_eq!(run(restore, 1), [1, 2, 1, 2]);
    assert_eq!(run(restore, 2), [3, 4, 1, 2]);
}

/// Changes one bit of a file's last number but one.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.len() - 9;
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_newest_file_costs_a_step_and_two_cost_nothing_but_the_call() {
    let folder = Folder::new("resume-damage");
    let path = folder.join("run.safetensors");
    let previous = folder.join("run.safetensors.previous");
    let settings = Settings { samples: Samples::Validated, patience: Some(2), ..Settings::PLAIN };
    let at_once = plain(&settings, None, None, folder.path()).0;
    let checkpoints = || Some(Checkpoints::new(&path).every_steps(1).resume(true));
    // Stopped in the 17th step, so the files are of the 16th and the 15th.
    let stop = 1 + 17 + 2; // after the start, and the ends of two epochs
    assert_eq!(plain(&settings, checkpoints(), Some(stop), folder.path()).0, None);
    let (newest, older) = (fs::read(&path).unwrap(), fs::read(&previous).unwrap());

    damage(&path);
    let digest = |path: &Path| Error::Damaged { path: path.to_owned(), problem: Problem::Digest };
    let (ended, heard) = plain(&settings, checkpoints(), None, folder.path());
    assert_eq!(ended, at_once);
    assert_eq!((heard.recovered.len(), heard.steps[0]), (1, (3, 4)), "the 16th again");
    assert_eq!((&heard.recovered[0].path, &heard.recovered[0].error), (&previous, &digest(&path)));

    // The newest is missing, and then cut off.
    fs::remove_file(&path).unwrap();
    fs::write(&previous, &older).unwrap();
    let (ended, heard) = plain(&settings, checkpoints(), None, folder.path());
    assert_eq!(ended, at_once);
    let missing = Error::File {
        path: path.clone(),
        action: "read the file",
        reason: std::io::ErrorKind::NotFound,
    };
    assert_eq!((&heard.recovered[0].path, &heard.recovered[0].error), (&previous, &missing));
    fs::write(&path, &newest[..newest.len() - 1]).unwrap();
    fs::write(&previous, &older).unwrap();
    let (ended, heard) = plain(&settings, checkpoints(), None, folder.path());
    assert_eq!((ended, heard.recovered.len()), (at_once.clone(), 1));

    // An intact newest one is taken whatever the previous one is.
    fs::write(&path, &newest).unwrap();
    damage(&previous);
    let (ended, heard) = plain(&settings, checkpoints(), None, folder.path());
    assert_eq!((ended, heard.recovered.len(), heard.steps[0]), (at_once, 0, (3, 5)));

    // Both are damaged: the newest one's error, the model as it was, the files too.
    fs::write(&path, &newest).unwrap();
    fs::write(&previous, &older).unwrap();
    damage(&path);
    damage(&previous);
    let files = (fs::read(&path).unwrap(), fs::read(&previous).unwrap());
    let mut model = Plain::net(parts().0(), None);
    let before = file_of(&model, folder.path());
    let mut trainer = Trainer::new(Adam::new(0.05).unwrap()).checkpoints(checkpoints().unwrap());
    assert_eq!(trainer.fit(&mut model, &data(SAMPLES)), Err(digest(&path)));
    assert!(file_of(&model, folder.path()) == before);
    assert!((fs::read(&path).unwrap(), fs::read(&previous).unwrap()) == files);
}

#[test]
fn a_training_with_other_settings_is_refused() {
    let folder = Folder::new("resume-settings");
    let path = folder.join("run.safetensors");
    let checkpoints = || Some(Checkpoints::new(&path).resume(true));
    let of_stream = Settings {
        samples: Samples::Stream,
        normalization: Some(Normalization::Standardize),
        ..Settings::PLAIN
    };
    plain(&of_stream, checkpoints(), None, folder.path()).0.unwrap().unwrap();
    let file = fs::read(&path).unwrap();

    let refused = |settings: Settings| {
        let error = plain(&settings, checkpoints(), None, folder.path()).0.unwrap().unwrap_err();
        assert!(fs::read(&path).unwrap() == file, "the file is untouched");
        let text = error.to_string();
        text.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&text).to_owned()
    };
    let has = "the training (which goes on only with the settings that it was stopped with): the file has";
    let cases = [
        (Settings { seed: 2, ..of_stream.clone() }, format!("{has} seed 1, but seed 2 is needed")),
        (
            Settings { shuffle: false, ..of_stream.clone() },
            format!("{has} shuffle true in blocks of 8, but shuffle false is needed"),
        ),
        (
            Settings { buffer: 9, ..of_stream.clone() },
            format!(
                "{has} shuffle true in blocks of 8, but shuffle true in blocks of 12 is needed"
            ),
        ),
        (
            Settings { samples: Samples::Memory, ..of_stream.clone() },
            format!("{has} shuffle true in blocks of 8, but shuffle true is needed"),
        ),
        (
            Settings { samples: Samples::Split, ..of_stream.clone() },
            format!(
                "{has} shuffle true in blocks of 8, 22 samples, but shuffle true, 15 samples is needed"
            ),
        ),
        (
            Settings { normalization: None, ..of_stream.clone() },
            "the normalizer: the file has standardize, but no normalizer is needed".to_owned(),
        ),
        (
            Settings {
                normalization: Some(Normalization::MinMax { low: 0.0, high: 1.0 }),
                ..of_stream.clone()
            },
            "the normalizer: the file has standardize, but least and greatest is needed".to_owned(),
        ),
    ];
    for (settings, expected) in cases {
        assert_eq!(refused(settings), expected);
    }
    // Any number of epochs, and all that only steers: the rate, its schedule, the clipping, the patience.
    let steered = Settings { schedule: 2, clip: Some(0.1), patience: Some(1), ..of_stream.clone() };
    plain(&steered, checkpoints(), None, folder.path()).0.unwrap().unwrap();

    // Batch size, optimizer and model.
    let normalizer =
        |samples| Normalizer::fit(Normalization::Standardize, &data::<f32>(samples)).unwrap();
    let net = |samples| Plain::net(parts().0(), Some(normalizer(samples)));
    fn refuse<E: Subject>(
        mut model: Net<E>,
        optimizer: impl Optimizer<E::Scalar> + Trains,
        batch: usize,
        path: &Path,
    ) -> String {
        let before = file_of(&model, path.parent().unwrap());
        let mut trainer = Trainer::new(optimizer).batch_size(batch).seed(1).shuffle_buffer(8);
        trainer = trainer.checkpoints(Checkpoints::new(path).resume(true));
        let x = data::<E::Scalar>(SAMPLES);
        let error = E::fit(&mut trainer, &mut model, Samples::Stream, [&x, &x]).unwrap_err();
        assert!(file_of(&model, path.parent().unwrap()) == before, "the model is untouched");
        error.to_string().strip_prefix(&format!("{}: ", path.display())).unwrap().to_owned()
    }
    let adam = Adam::new(0.05).unwrap();
    assert_eq!(
        refuse::<Plain>(net(SAMPLES), adam, 5, &path),
        format!(
            "{has} batch size 4, shuffle true in blocks of 8, but batch size 5, shuffle true in blocks of 10 is \
             needed"
        )
    );
    assert_eq!(
        refuse::<Plain>(net(SAMPLES), AdamW::new(0.05, 0.1).unwrap(), 4, &path),
        format!("{has} Adam, but AdamW is needed")
    );
    assert_eq!(
        refuse::<Plain>(net(SAMPLES + 1), adam, 4, &path),
        "the normalizer: the file has standardize, fitted to other samples, but standardize is needed"
    );
    assert_eq!(
        refuse::<Plain>(
            Plain::net(Box::new(NoRegularizer), Some(normalizer(SAMPLES))),
            adam,
            4,
            &path
        ),
        "the kind of regularizer: the file has SparseKl { target: …, weight: …, decay: … }, but \
         NoRegularizer is needed; \
         `load_encoder` and `load_decoder` take one part each, whatever the regularizer"
    );
    assert_eq!(
        refuse::<Drawn>(Drawn::net(Box::new(NoRegularizer), None), adam, 4, &path),
        "the number type: the file has F32, but F64 is needed"
    );
    // Another kind of the same optimizer remembers something else.
    let sgd = folder.join("sgd.safetensors");
    let mut trainer = Trainer::new(Sgd::new(0.1).unwrap()).batch_size(4).seed(1).shuffle_buffer(8);
    trainer = trainer.checkpoints(Checkpoints::new(&sgd));
    trainer.fit(&mut net(SAMPLES), &mut InMemory::from(&data(SAMPLES))).unwrap();
    assert_eq!(
        refuse::<Plain>(net(SAMPLES), Sgd::new(0.1).unwrap().momentum(0.9).unwrap(), 4, &sgd),
        "the tensor `optimizer`: the file has none, but one of shape [38] is needed"
    );
    // A model file is no checkpoint.
    let model = folder.join("model.safetensors");
    net(SAMPLES).save(&model).unwrap();
    assert_eq!(
        refuse::<Plain>(net(SAMPLES), adam, 4, &model),
        "the kind of file: the file has model, but checkpoint is needed"
    );
}

#[test]
fn saves_as_often_as_it_was_told_and_not_more() {
    let folder = Folder::new("resume-often");
    let path = folder.join("run.safetensors");
    // After each event, the number of steps that the newest file is of.
    let saved = |checkpoints: fn(Checkpoints) -> Checkpoints| {
        let _ = fs::remove_file(&path);
        let mut moments = Vec::new();
        let mut last = Vec::new();
        let mut trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(5).batch_size(BATCH);
        let mut step = 0;
        trainer = trainer.checkpoints(checkpoints(Checkpoints::new(&path))).observer(
            |event: &Event<'_>| {
                // What is there now was saved after the step before, or after the epoch before.
                let now = fs::read(&path).unwrap_or_default();
                if now != last {
                    moments.push(step);
                    last = now;
                }
                if let Event::Batch(batch) = event {
                    step = BATCHES * (batch.epoch - 1) + batch.batch;
                }
            },
        );
        trainer.fit(&mut Plain::net(parts().0(), None), &data(SAMPLES)).unwrap();
        drop(trainer);
        moments
    };
    assert_eq!(saved(|checkpoints| checkpoints), [6, 12, 18, 24, 30]);
    assert_eq!(saved(|checkpoints| checkpoints.every_epochs(2)), [12, 24]);
    assert_eq!(saved(|checkpoints| checkpoints.every_epochs(6)), [0; 0]);
    let often = saved(|checkpoints| checkpoints.every_epochs(3).every_steps(4));
    assert_eq!(often, [4, 8, 12, 16, 18, 20, 24, 28]);

    // Without `resume` a training begins anew, over the file that is there.
    let run = |resume| {
        let checkpoints = Checkpoints::new(&path).resume(resume);
        plain(&Settings::PLAIN, Some(checkpoints), None, folder.path()).1.steps.len()
    };
    fs::remove_file(&path).unwrap();
    fs::remove_file(folder.join("run.safetensors.previous")).unwrap();
    assert_eq!((run(true), run(true), run(false)), (24, 0, 24));
    assert_eq!(
        [Checkpoints::new(&path).every_epochs(0), Checkpoints::new(&path).every_steps(0)].map(
            |none| {
                plain(&Settings::PLAIN, Some(none), None, folder.path())
                    .0
                    .unwrap()
                    .unwrap_err()
                    .to_string()
            }
        ),
        [
            "Checkpoints every_epochs is 0, but must be at least 1",
            "Checkpoints every_steps is 0, but must be at least 1"
        ]
    );
    let nowhere = folder.join("missing/run.safetensors");
    let refused = plain(&Settings::PLAIN, Some(Checkpoints::new(&nowhere)), None, folder.path()).0;
    assert_eq!(
        refused.unwrap().unwrap_err(),
        Error::File {
            path: nowhere,
            action: "create a temporary file beside the file",
            reason: std::io::ErrorKind::NotFound
        }
    );
}

/// The seconds of an epoch that was stopped are those before the stop and those after it.
#[test]
fn seconds_before_a_stop_are_counted() {
    let folder = Folder::new("resume-seconds");
    let checkpoints = Checkpoints::new(folder.join("run.safetensors")).every_steps(1).resume(true);
    let pause = Duration::from_millis(200);
    let run = |slow: bool| {
        let mut model = Plain::net(parts().0(), None);
        let trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(1).batch_size(BATCH);
        let observer = |event: &Event<'_>| {
            if let (true, Event::Batch(batch)) = (slow, event) {
                if batch.batch == 3 {
                    resume_unwind(Box::new("stopped"));
                }
                std::thread::sleep(pause);
            }
        };
        let mut trainer = trainer.checkpoints(checkpoints.clone()).observer(observer);
        catch_unwind(AssertUnwindSafe(|| trainer.fit(&mut model, &data(SAMPLES)).unwrap()))
    };
    assert!(run(true).is_err());
    let report = run(false).unwrap();
    assert!(report.epochs[0].seconds >= 2.0 * pause.as_secs_f64(), "{:?}", report.epochs);
}

const CHILD: &str = "AUTOENCODER_RESUME_FOLDER";
const KILLS: usize = 20;
/// So many that a child is killed several times before its training is done.
const CHILD_EPOCHS: usize = 40;

/// Does nothing by itself: the child of the test below.
#[test]
fn child_that_trains() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let folder = Path::new(&folder);
    let checkpoints = Checkpoints::new(folder.join("run.safetensors")).every_steps(1).resume(true);
    let masked: Boxed<f32> = Box::new((
        Denoising::new(Masking::new(0.2).unwrap()),
        SparseKl::new(0.2, 0.5).unwrap().running(0.9).unwrap(),
    ));
    let mut model = Plain::net(masked, None);
    Trainer::new(Adam::new(0.01).unwrap())
        .epochs(CHILD_EPOCHS)
        .batch_size(BATCH)
        .schedule(Cosine::new(0.0).unwrap())
        .early_stopping(EarlyStopping::new(CHILD_EPOCHS).unwrap())
        .checkpoints(checkpoints)
        .fit(&mut model, Examples::of(&data(SAMPLES)).held_out(&data(SAMPLES + 9)))
        .unwrap();
    let hex: String = model.parameters().iter().map(|p| format!("{:08x}", p.to_bits())).collect();
    let draft = folder.join("draft");
    fs::write(&draft, hex).unwrap();
    fs::rename(draft, folder.join("parameters")).unwrap();
}

fn child(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "resume::child_that_trains", "--test-threads", "1"])
        .env(CHILD, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_training_whose_process_is_killed_again_and_again_gives_the_same_bits() {
    let at_once = Folder::new("resume-at-once");
    assert!(child(at_once.path()).wait().unwrap().success());
    let expected = fs::read_to_string(at_once.join("parameters")).unwrap();
    assert_eq!(expected.len(), 8 * 38);

    let rng = &mut seeded(77);
    let (mut kills, mut trainings) = (0, 0);
    while kills < KILLS {
        trainings += 1;
        let folder = Folder::new(&format!("resume-killed-{trainings}"));
        let path = folder.join("run.safetensors");
        let found = loop {
            let before = fs::read(&path).unwrap_or_default();
            let mut child = child(folder.path());
            if kills < KILLS {
                // It is killed a random time after its first step.
                let start = Instant::now();
                while fs::read(&path).unwrap_or_default() == before
                    && child.try_wait().unwrap().is_none()
                {
                    assert!(start.elapsed() < Duration::from_secs(60), "the child does not get on");
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_micros(rng.random_range(0..40_000)));
                let _ = child.kill();
            }
            let status = child.wait().unwrap();
            if status.success() {
                break fs::read_to_string(folder.join("parameters")).unwrap();
            }
            assert_eq!(status.code(), None, "killed, and nothing else went wrong");
            kills += 1;
        };
        assert_eq!(found, expected, "after {kills} kills");
    }
    println!("{kills} kills in {trainings} trainings");
}
