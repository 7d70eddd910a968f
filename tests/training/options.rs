//! Every option changes the result, and in the way its documentation says.

use std::sync::{Arc, Mutex};

use autoencoder::activation::*;
use autoencoder::corruption::{Corruption, Masking, SaltAndPepper};
use autoencoder::init::{Glorot, He, Initializer, PyTorch, Sparse, Ufldl, Zeros};
use autoencoder::layer::{DenseLayer, Layer};
use autoencoder::loss::Compared;
use autoencoder::optimizer::Trains;
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, RegularizerFor, SuitedTo};
use autoencoder::train::schedule::{Constant, Cosine, Schedule, StepDecay, Warmup};
use autoencoder::train::{Event, Report, StopReason};
use autoencoder::*;
use common::{each_kind, kinds};
use nalgebra::{Const, Dyn};

/// Rounding between two ways to compute the same number.
const ROUNDING: f64 = 1e-12;

type Encoder5 = DenseLayer<Const<6>, Const<5>, Sigmoid>;
type Decoder5 = DenseLayer<Const<5>, Const<6>, Identity>;
type Model<R> = AutoEncoder<Encoder5, Decoder5, R, SquaredError, f64>;

fn model<R: Regularizer<f64> + SuitedTo<Encoder5>>(regularizer: R) -> Model<R> {
    AutoEncoder::builder()
        .encoder(Dense::<6, 5>::new(Sigmoid))
        .decoder(Dense::<5, 6>::new(Identity))
        .regularizer(regularizer)
        .seed(2)
        .build()
        .unwrap()
}

fn data(samples: usize) -> Batch<f64, Const<6>> {
    let rng = &mut seeded(8);
    (0..samples).map(|_| std::array::from_fn(|_| f64::draw_uniform(rng))).collect()
}

fn sgd(rate: f64) -> Sgd {
    Sgd::new(rate).unwrap()
}

/// Trains a fresh plain model; returns its report and parameters.
fn train(trainer: Trainer<'_, impl Optimizer<f64>>, samples: usize) -> (Report, Vec<f64>) {
    train_with(trainer, NoRegularizer, samples)
}

fn train_with(
    mut trainer: Trainer<'_, impl Optimizer<f64>>,
    regularizer: impl Regularizer<f64> + SuitedTo<Encoder5>,
    samples: usize,
) -> (Report, Vec<f64>) {
    let mut model = model(regularizer);
    let report = trainer.fit(&mut model, &data(samples)).unwrap();
    (report, model.parameters().to_vec())
}

/// Writes down the first feature of every sample that it is shown in training.
#[derive(Debug, Default, Clone)]
struct Recorder(Arc<Mutex<Vec<Vec<f64>>>>);
impl Recorder {
    fn seen(&self) -> Vec<Vec<f64>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
impl<E> SuitedTo<E> for Recorder {}
impl Regularizer<f64> for Recorder {
    fn describe(&self) -> String {
        "Recorder".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::default()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        _: Option<&mut PenaltyGradient<'_, f64>>,
        _: &mut [f64],
        _: &mut Terms,
    ) {
        let seen = at.x.iter().map(|x| x[0]).collect();
        if at.streams.is_some() {
            self.0.lock().unwrap().push(seen);
        }
    }
}

fn seen(trainer: Trainer<'_, Sgd>, samples: usize) -> Vec<Vec<f64>> {
    let recorder = Recorder::default();
    train_with(trainer, recorder.clone(), samples);
    recorder.seen()
}

#[test]
fn epochs_batches_and_shuffle() {
    let trainer = || Trainer::new(sgd(0.1)).epochs(3).batch_size(4);
    let features: Vec<f64> = data(10).iter().map(|x| x[0]).collect();
    let mut sorted = features.clone();
    sorted.sort_by(f64::total_cmp);

    let batches = seen(trainer(), 10);
    let lens: Vec<usize> = batches.iter().map(Vec::len).collect();
    assert_eq!(lens, [4, 4, 2, 4, 4, 2, 4, 4, 2], "the partial batch is trained on");
    let epochs: Vec<Vec<f64>> = batches.chunks(3).map(|epoch| epoch.concat()).collect();
    for epoch in &epochs {
        let mut epoch = epoch.clone();
        epoch.sort_by(f64::total_cmp);
        assert_eq!(epoch, sorted, "every sample once an epoch");
    }
    assert_ne!(epochs[0], epochs[1], "a new order each epoch");
    assert_eq!(seen(trainer(), 10), batches, "the same seed, the same order");
    assert_ne!(seen(trainer().seed(1), 10), batches);
    let in_order = seen(trainer().shuffle(false), 10);
    assert_eq!(in_order[..3].concat(), features);
    assert_eq!(in_order[3..6].concat(), features);

    // Defaults: 10 epochs, batches of 64.
    let lens: Vec<usize> = seen(Trainer::new(sgd(0.1)), 70).iter().map(Vec::len).collect();
    assert_eq!(lens, [64, 6].repeat(10));
}

/// The order of samples in a training on a stream of `samples`, by their first features' places.
fn seen_in_stream(trainer: Trainer<'_, Sgd>, samples: usize) -> Vec<Vec<usize>> {
    let (recorder, x) = (Recorder::default(), data(samples));
    let mut model = model(recorder.clone());
    let mut trainer = trainer;
    trainer.fit(&mut model, &mut data::InMemory::from(&x)).unwrap();
    let place = |value: &f64| x.iter().position(|sample| sample[0] == *value).unwrap();
    recorder.seen().iter().map(|batch| batch.iter().map(place).collect()).collect()
}

#[test]
fn a_shuffle_buffer_is_shuffled_by_itself() {
    let trainer = |buffer| {
        let trainer = Trainer::new(sgd(1e-3)).epochs(2).batch_size(4).seed(1);
        trainer.shuffle_buffer(buffer)
    };
    // Rounded up to whole batches: 5 and 8 are two batches each.
    let batches = seen_in_stream(trainer(5), 22);
    assert_eq!(batches, seen_in_stream(trainer(8), 22));
    let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 4, 4, 4, 2, 4, 4, 4, 4, 4, 2]);
    for (index, blocks) in batches.chunks(2).enumerate() {
        let mut block = blocks.concat();
        let in_order = block.clone();
        block.sort_unstable();
        let first = 8 * (index % 3);
        assert_eq!(block, Vec::from_iter(first..(first + 8).min(22)), "each block for itself");
        assert_ne!(block, in_order, "and shuffled");
    }
    assert_ne!(batches[..6], batches[6..], "a new order each epoch");
    // Another size is another order, up to a buffer for all.
    assert_ne!(batches, seen_in_stream(trainer(12), 22));
    let all = seen_in_stream(trainer(22), 22);
    assert_ne!(batches, all);
    assert_eq!(all, seen_in_stream(trainer(usize::MAX), 22));
    let default = Trainer::new(sgd(1e-3)).epochs(2).batch_size(4).seed(1);
    assert_eq!(all, seen_in_stream(default, 22), "the default of 8192 is more than there are");
    // Not shuffled, it does not matter.
    let in_order = seen_in_stream(trainer(5).shuffle(false), 22);
    assert_eq!(in_order[..6].concat(), Vec::from_iter(0..22));
    assert_eq!(in_order, seen_in_stream(trainer(100).shuffle(false), 22));
}

/// Descends, but at one step makes a number that is not finite.
#[derive(Debug)]
struct Stumbles(Mutex<u64>);
impl Trains for Stumbles {}
impl Optimizer<f64> for Stumbles {
    fn describe(&self) -> String {
        "Stumbles".to_owned()
    }
    fn rate(&self) -> f64 {
        0.1
    }
    fn states(&self) -> usize {
        0
    }
    fn step(&self, step: &optimizer::Step, p: &[f64], _: &mut [f64], gradient: &mut [f64]) {
        let mut calls = self.0.lock().unwrap();
        *calls += 1;
        for (g, p) in gradient.iter_mut().zip(p) {
            *g = p - step.rate * *g;
        }
        // Four tensors a step: the eighth step is the last but one of the second epoch's.
        if *calls == 4 * 8 {
            gradient[0] = f64::NAN;
        }
    }
}

#[test]
fn on_divergence_decides_how_it_goes_on() {
    let run = |policy: Option<OnDivergence>| {
        let mut model = model(NoRegularizer);
        let mut trainer = Trainer::new(Stumbles(Mutex::new(0))).epochs(3).batch_size(3);
        if let Some(policy) = policy {
            trainer = trainer.on_divergence(policy);
        }
        let result = trainer.fit(&mut model, &data(12)).map(|report| report.divergences);
        (result, model.parameters().to_vec())
    };
    let quantity = || "the parameters after the step".to_owned();
    let stopped = Err(Error::Diverged { epoch: 2, batch: 4, quantity: quantity(), outlier: None });
    assert_eq!(run(None), run(Some(OnDivergence::Stop)), "the default");
    assert_eq!(run(None).0, stopped);
    let skip = run(Some(OnDivergence::SkipBatch { limit: 1 }));
    let restore = run(Some(OnDivergence::RestoreBest { limit: 1 }));
    let actions = |result: &Result<Vec<train::Divergence>>| -> Vec<String> {
        result.as_ref().unwrap().iter().map(ToString::to_string).collect()
    };
    let text =
        "epoch 2, batch 4: the parameters after the step was not finite; the batch was skipped";
    assert_eq!(actions(&skip.0), [text]);
    let text = "epoch 2, batch 4: the parameters after the step was not finite; the parameters of epoch 1 were restored";
    assert_eq!(actions(&restore.0), [text]);
    let parameters = [run(None).1, skip.1, restore.1];
    assert!(parameters.iter().flatten().all(|p| p.is_finite()));
    assert_ne!(parameters[0], parameters[1]);
    assert_ne!(parameters[1], parameters[2]);
}

#[test]
fn one_step_of_sgd_is_the_gradient_times_the_rate() {
    let x = data(7);
    let mut trained = model(NoRegularizer);
    let before = trained.parameters().to_vec();
    let mut gradient = vec![0.0; before.len()];
    trained.objective(&x, Some(Streams::new(0, 1, &[])), Some(&mut gradient)).unwrap();
    let report = Trainer::new(sgd(0.3)).epochs(1).shuffle(false).fit(&mut trained, &x).unwrap();
    for ((after, before), g) in trained.parameters().iter().zip(&before).zip(&gradient) {
        assert!((after - (before - 0.3 * g)).abs() <= ROUNDING);
    }
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!((report.epochs[0].gradient_norm - norm).abs() <= ROUNDING);

    // Clipped: a step of length rate × norm, in the same direction; a longer norm changes nothing.
    let clipped = |norm| {
        let trainer = Trainer::new(sgd(0.3)).epochs(1).shuffle(false).clip_norm(norm);
        train(trainer, 7).1
    };
    let step =
        |after: &[f64]| -> Vec<f64> { after.iter().zip(&before).map(|(a, b)| a - b).collect() };
    let length = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let short = step(&clipped(norm / 4.0));
    assert!((length(&short) - 0.3 * norm / 4.0).abs() <= ROUNDING);
    for (short, g) in short.iter().zip(&gradient) {
        assert!((short + 0.3 * g / 4.0).abs() <= ROUNDING);
    }
    assert_eq!(clipped(norm * 2.0), trained.parameters());
}

#[test]
fn same_seed_same_bits() {
    let regularizer = || {
        (
            SparseKl::new(0.1, 0.5).unwrap().running(0.9).unwrap(),
            Denoising::new(Masking::new(0.3).unwrap()),
        )
    };
    let run = |seed| {
        train_with(
            Trainer::new(Adam::new(0.01).unwrap()).batch_size(3).seed(seed),
            regularizer(),
            10,
        )
    };
    let (first, second, other) = (run(1), run(1), run(2));
    assert_eq!(first.1, second.1);
    let totals =
        |report: &Report| -> Vec<Terms> { report.epochs.iter().map(|e| e.terms.clone()).collect() };
    assert_eq!(totals(&first.0), totals(&second.0));
    assert_ne!(first.1, other.1);
    // The builder's seed draws the weights.
    let weights = |seed| {
        let builder =
            AutoEncoder::builder()
                .encoder(Dense::<6, 5>::new(Sigmoid))
                .decoder(Dense::<5, 6>::new(Identity));
        builder.seed(seed).build::<f64>().unwrap().parameters().to_vec()
    };
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}

#[test]
fn sizes_as_types_or_as_numbers_give_the_same_bits() {
    macro_rules! run {
        ($encoder:expr, $body:expr, $decoder:expr, $x:expr) => {{
            let x = $x;
            let regularizer = (
                SparseKl::new(0.1, 0.5).unwrap(),
                Contractive::new(0.01).unwrap(),
                Denoising::new(Masking::new(0.3).unwrap()),
            );
            let mut model = AutoEncoder::builder()
                .encoder($encoder.then($body))
                .decoder($decoder)
                .regularizer(regularizer)
                .seed(4)
                .build::<f32>()
                .unwrap();
            let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).batch_size(7).epochs(3);
            let report = trainer.fit(&mut model, &x).unwrap();
            let terms: Vec<Terms> = report.epochs.into_iter().map(|epoch| epoch.terms).collect();
            let code = model.encode(&x).unwrap().into_vec();
            let one = model.encode_one(x.sample(3)).unwrap();
            (model.parameters().to_vec(), terms, code, one, model.score(&x).unwrap())
        }};
    }
    let digits = datasets::digits::<f32>().test.select(0..30);
    let dynamic = Batch::from(nalgebra::DMatrix::from(digits.clone()));
    let by_type = run!(
        Dense::<64, 20>::new(Gelu),
        Dense::<20, 9>::new(Tanh),
        Dense::<9, 64>::new(Identity),
        digits
    );
    let by_number = run!(
        Dense::dynamic(64, 20, Gelu),
        Dense::dynamic(20, 9, Tanh),
        Dense::dynamic(9, 64, Identity),
        dynamic
    );
    assert_eq!(by_type, by_number);
}

#[test]
fn boxes_give_the_same_bits_as_what_is_in_them() {
    let x = data(10);
    macro_rules! fit {
        ($model:expr, $optimizer:expr, $x:expr) => {{
            let mut model = $model;
            Trainer::new($optimizer).batch_size(4).fit(&mut model, $x).unwrap();
            (model.parameters().to_vec(), model.loss($x).unwrap())
        }};
    }
    let kl = SparseKl::new(0.1, 0.5).unwrap();
    let plain = fit!(model(kl.clone()), sgd(0.1), &x);
    let unboxed = || (Dense::<6, 5>::new(Sigmoid), Dense::<5, 6>::new(Identity));
    type E = Any<f64, Const<6>, Const<5>, range::UnitInterval, Point>;
    type D = Any<f64, Const<5>, Const<6>, range::Real, Point>;
    let typed = || -> (E, D) { (unboxed().0.boxed_as(), unboxed().1.boxed_as()) };
    let room = |encoder: &dyn Layer<f64>, samples| encoder.jacobian_scratch_len(samples);
    for samples in [1, 4] {
        let expected = room(&unboxed().0, samples);
        assert!(expected > 1);
        assert_eq!(room(&typed().0, samples), expected);
    }
    let loss = || -> Box<dyn Loss<f64>> { Box::new(SquaredError) };
    let regularizer: Box<dyn Regularizer<f64>> = Box::new(kl.clone());
    let optimizer = || -> Box<dyn Optimizer<f64>> { Box::new(sgd(0.1)) };
    let builder = AutoEncoder::builder().encoder(typed().0).decoder(typed().1);
    let boxed = builder.regularizer(regularizer.clone()).loss(loss()).seed(2);
    assert_eq!(fit!(boxed.build::<f64>().unwrap(), optimizer(), &x), plain);
    // A box that is still for this encoder only.
    let suited: Box<dyn RegularizerFor<E, f64>> = Box::new(kl.clone());
    let builder = AutoEncoder::builder().encoder(typed().0).decoder(typed().1);
    let boxed = builder.regularizer(suited).seed(2).build::<f64>().unwrap();
    assert_eq!(fit!(boxed, optimizer(), &x), plain);
    // Without any types.
    let builder = AutoEncoder::builder();
    let builder = builder.encoder(unboxed().0.boxed::<f64>()).decoder(unboxed().1.boxed::<f64>());
    let boxed: AnyAutoEncoder<f64> =
        builder.regularizer(regularizer).loss(loss()).seed(2).build().unwrap();
    assert_eq!(fit!(boxed, optimizer(), &x.clone().into_dynamic()), plain);
    let activation: Box<dyn Activation<f64>> = Box::new(Sigmoid);
    let by_activation = AutoEncoder::builder()
        .encoder(Dense::<6, 5>::new(activation))
        .decoder(Dense::<5, 6>::new(Identity))
        .regularizer((kl.clone(),))
        .seed(2)
        .build::<f64>()
        .unwrap();
    assert_eq!(fit!(by_activation, sgd(0.1), &x), plain);
    assert_eq!(fit!(model(vec![kl]), sgd(0.1), &x), plain);
}

#[test]
fn a_weight_of_zero_trains_to_the_same_bits_as_no_regularizer() {
    let trainer = || Trainer::new(Adam::new(0.01).unwrap()).batch_size(4);
    let (_, plain) = train(trainer(), 10);
    let zero: [Box<dyn RegularizerFor<Encoder5, f64>>; 6] = [
        Box::new(SparseKl::new(0.1, 0.0).unwrap()),
        Box::new(Contractive::new(0.0).unwrap()),
        Box::new(CodeL1::new(0.0).unwrap()),
        Box::new(WeightDecay::new(0.0).unwrap()),
        Box::new(Denoising::new(Masking::new(0.0).unwrap())),
        Box::new((CodeL1::new(0.0).unwrap(), WeightDecay::new(0.0).unwrap())),
    ];
    for regularizer in zero {
        let name = format!("{regularizer:?}");
        assert_eq!(train_with(trainer(), regularizer, 10).1, plain, "{name}");
    }
    // And weights other than zero do not.
    let some: [Box<dyn RegularizerFor<Encoder5, f64>>; 6] = [
        Box::new(SparseKl::new(0.1, 0.1).unwrap()),
        Box::new(Contractive::new(0.1).unwrap()),
        Box::new(CodeL1::new(0.1).unwrap()),
        Box::new(WeightDecay::new(0.1).unwrap()),
        Box::new(Denoising::new(Masking::new(0.1).unwrap())),
        Box::new(Denoising::new(SaltAndPepper::new(0.1).unwrap())),
    ];
    for regularizer in some {
        let name = format!("{regularizer:?}");
        assert_ne!(train_with(trainer(), regularizer, 10).1, plain, "{name}");
    }
}

#[test]
fn each_term_is_reported_under_its_name_and_in_order() {
    let regularizer = (
        WeightDecay::new(0.1).unwrap(),
        SparseKl::new(0.1, 0.5).unwrap(),
        (CodeL1::new(0.2).unwrap(), Contractive::new(0.3).unwrap()),
    );
    let terms = model(regularizer).loss(&data(5)).unwrap();
    let names: Vec<_> = terms.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["squared_error", "weight_decay", "sparse_kl", "code_l1", "contractive"]);
    assert!(terms.iter().all(|(_, value)| value > 0.0));
    let sum: f64 = terms.iter().map(|(_, value)| value).sum();
    assert_eq!(terms.total(), sum);
    // Each is what it is alone.
    for (name, alone) in [
        ("weight_decay", model(WeightDecay::new(0.1).unwrap()).loss(&data(5)).unwrap()),
        ("code_l1", model(CodeL1::new(0.2).unwrap()).loss(&data(5)).unwrap()),
    ] {
        assert_eq!(alone.get(name), terms.get(name));
    }
}

#[test]
fn weights_and_targets_scale_the_terms() {
    let x = data(9);
    let term = |regularizer: Box<dyn RegularizerFor<Encoder5, f64>>, name| {
        model(regularizer).loss(&x).unwrap().get(name).unwrap()
    };
    let twice = |one: f64, two: f64| assert!((two - 2.0 * one).abs() <= ROUNDING * two);
    let kl = |target, weight| term(Box::new(SparseKl::new(target, weight).unwrap()), "sparse_kl");
    twice(kl(0.1, 1.0), kl(0.1, 2.0));
    // By hand, from the codes.
    let code = model(NoRegularizer).encode(&x).unwrap();
    let by_hand: f64 = (0..5)
        .map(|unit| {
            let p = code.iter().map(|h| h[unit]).sum::<f64>() / 9.0;
            0.3 * (0.3 / p).ln() + 0.7 * (0.7 / (1.0 - p)).ln()
        })
        .sum();
    assert!((kl(0.3, 1.0) - by_hand).abs() <= ROUNDING);
    let contractive = |w| term(Box::new(Contractive::new(w).unwrap()), "contractive");
    twice(contractive(1.0), contractive(2.0));
    let l1 = |w| term(Box::new(CodeL1::new(w).unwrap()), "code_l1");
    twice(l1(1.0), l1(2.0));
    let sum: f64 = code.as_slice().iter().map(|h| h.abs()).sum();
    assert!((l1(1.0) - sum / 9.0).abs() <= ROUNDING);
    let decay = |w| term(Box::new(WeightDecay::new(w).unwrap()), "weight_decay");
    twice(decay(1.0), decay(2.0));
}

#[test]
fn a_running_mean_activation_remembers() {
    let x = data(8);
    let kl = SparseKl::new(0.2, 1.0).unwrap();
    let p = |model: &Model<SparseKl>, batch: &Batch<f64, Const<6>>| -> Vec<f64> {
        let code = model.encode(batch).unwrap();
        let samples = batch.samples() as f64;
        (0..5).map(|unit| code.iter().map(|h| h[unit]).sum::<f64>() / samples).collect()
    };
    let divergence = |p: &[f64]| p.iter().map(|&p| kl.divergence(p)).sum::<f64>();
    let mut running = model(kl.clone().running(0.75).unwrap());
    // Before the first step the correction makes it the mean of the batch.
    let first = p(&running, &x);
    assert!(
        (running.loss(&x).unwrap().get("sparse_kl").unwrap() - divergence(&first)).abs()
            <= ROUNDING
    );
    // A step with a rate so small that the codes stay, on one half; then the other half is seen.
    let (one, two) = (x.select(0..4), x.select(4..8));
    let past = p(&running, &one);
    Trainer::new(sgd(1e-300)).epochs(1).fit(&mut running, &one).unwrap();
    let now = p(&running, &two);
    let corrected: Vec<f64> = past
        .iter()
        .zip(&now)
        .map(|(past, now)| (0.75 * 0.25 * past + 0.25 * now) / (1.0 - 0.75_f64.powi(2)))
        .collect();
    let found = running.loss(&two).unwrap().get("sparse_kl").unwrap();
    assert!((found - divergence(&corrected)).abs() <= ROUNDING);
    // Looking does not change it.
    assert_eq!(running.loss(&two).unwrap().get("sparse_kl"), Some(found));
}

#[test]
fn validation_samples() {
    let trainer = || Trainer::new(sgd(0.1)).epochs(2).batch_size(4);
    let x = data(10);
    // The last three of ten are held out, and never trained on.
    let batches = seen(trainer().validation_split(0.3), 10);
    let mut trained = batches[..2].concat();
    trained.sort_by(f64::total_cmp);
    let mut first: Vec<f64> = x.iter().take(7).map(|x| x[0]).collect();
    first.sort_by(f64::total_cmp);
    assert_eq!(trained, first);
    let mut split = model(NoRegularizer);
    let report = trainer().validation_split(0.3).fit(&mut split, &x).unwrap();
    let held_out = x.select(7..10);
    assert_eq!(report.epochs[1].validation, Some(split.loss(&held_out).unwrap()));
    // The same as a set of its own.
    let mut given = model(NoRegularizer);
    let same =
        trainer().fit(&mut given, Examples::of(&x.select(0..7)).held_out(&held_out)).unwrap();
    assert_eq!(given.parameters(), split.parameters());
    assert_eq!(same.epochs[1].validation, report.epochs[1].validation);
    assert_eq!(train(trainer(), 10).0.epochs[0].validation, None);
    // However large the share, one is left to train on; however small, one is held out.
    for (share, trained) in [(0.99, 1), (0.01, 9)] {
        let (mut split, mut given) = (model(NoRegularizer), model(NoRegularizer));
        trainer().validation_split(share).fit(&mut split, &x).unwrap();
        trainer().fit(&mut given, &x.select(0..trained)).unwrap();
        assert_eq!(split.parameters(), given.parameters(), "{share}");
    }
}

#[test]
fn examples_of_every_kind_are_weighed_and_held_out() {
    let (data, held_out) = (kinds::Data::new(10, 1), kinds::Data::new(4, 2));
    let trainer = || Trainer::new(sgd(0.1)).epochs(3).batch_size(4).shuffle(false);
    each_kind!(|kind| {
        let train = |trainer: Trainer<'_, Sgd>, examples| {
            let (mut trainer, mut model) = (trainer, kind::build(NoRegularizer));
            let report = trainer.fit(&mut model, examples);
            (report, model)
        };
        let all = || Examples::of(kind::examples(&data));
        let beside = all().held_out(kind::examples(&held_out));
        let (report, model) = train(trainer(), beside);
        let expected = model.loss(kind::examples(&held_out)).unwrap();
        assert_eq!(report.unwrap().epochs[2].validation, Some(expected), "{}", kind::NAME);
        assert_eq!(model.parameters(), train(trainer(), all()).1.parameters());

        // The last ones by number, or by themselves.
        let (report, model) = train(trainer().validation_split(0.3), all());
        let (first, last) = (data.select(0..7), data.select(7..10));
        let beside = Examples::of(kind::examples(&first)).held_out(kind::examples(&last));
        let (other, same) = train(trainer(), beside);
        assert_eq!(model.parameters(), same.parameters());
        let validation = |report: Result<Report>| report.unwrap().epochs[2].validation.clone();
        assert_eq!(validation(report), validation(other));

        // Those of weight 0 are not there, and those of weight 2 are there twice.
        let weights = [2.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let (report, weighed) = train(trainer().batch_size(10), all().weights(&weights));
        let twice = data.select([0, 0, 2, 3]);
        let (_, repeated) = train(trainer(), Examples::of(kind::examples(&twice)));
        let pairs = weighed.parameters().iter().zip(repeated.parameters());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() <= ROUNDING), "{}", kind::NAME);
        assert!(report.unwrap().epochs[0].validation.is_none());

        // All of them count alike, and are held out by one of the two ways.
        let text = |trained: (Result<Report>, _)| trained.0.unwrap_err().to_string();
        let more = "Examples::held_out takes samples alone, which all count alike: leave out their \
                    weights, and samples held out from them";
        let nested = || Examples::of(kind::examples(&held_out));
        let twice = all().held_out(nested().held_out(kind::examples(&held_out)));
        assert_eq!(text(train(trainer(), twice)), more);
        let ones = [1.0; 4];
        assert_eq!(text(train(trainer(), all().held_out(nested().weights(&ones)))), more);
        let both = train(trainer().validation_split(0.3), all().held_out(nested()));
        let expected = "Trainer validation_split is 0.3, but must be left unset where validation \
                        samples are given";
        assert_eq!(text(both), expected);

        let mut sources = data.sources();
        let streams = Examples::of(kind::streams(&mut sources)).weights(&weights);
        let refused = trainer().fit(&mut kind::build(NoRegularizer), streams).unwrap_err();
        let expected = "Examples::weights are not for a stream, whose samples count alike: leave them \
                        out, or read the stream into memory (`Source::load`)";
        assert_eq!(refused.to_string(), expected);
    });
}

#[test]
fn early_stopping_keeps_the_best_parameters() {
    let (x, held_out) = (data(12), data(30).select(20..30));
    // A rate so large that it soon stops improving.
    let run = |epochs, stopping: Option<EarlyStopping>| {
        let mut model = model(NoRegularizer);
        let mut trainer = Trainer::new(Adam::new(0.3).unwrap()).epochs(epochs).batch_size(3);
        if let Some(stopping) = stopping {
            trainer = trainer.early_stopping(stopping);
        }
        let report = trainer.fit(&mut model, Examples::of(&x).held_out(&held_out)).unwrap();
        (report, model.parameters().to_vec())
    };
    let (report, kept) = run(200, Some(EarlyStopping::new(4).unwrap()));
    let StopReason::NoImprovement { best_epoch } = report.stopped else { panic!("did not stop") };
    assert_eq!(report.epochs.len(), best_epoch + 4);
    assert_eq!(report.kept_epoch, best_epoch);
    let totals: Vec<f64> = report.epochs.iter().map(|epoch| epoch.monitored()).collect();
    assert!(totals.iter().all(|&total| total >= totals[best_epoch - 1]));
    assert_eq!(run(best_epoch, None).1, kept, "bit for bit those of the best epoch");
    // Without it all epochs are done.
    let (all, _) = run(report.epochs.len() + 3, None);
    assert_eq!((all.stopped, all.epochs.len()), (StopReason::Completed, report.epochs.len() + 3));
    // An improvement that no fall can reach: stops after the patience.
    let (strict, _) = run(200, Some(EarlyStopping::new(2).unwrap().min_delta(1e9).unwrap()));
    assert_eq!((strict.epochs.len(), strict.kept_epoch), (3, 1));
    assert!(report.to_string().contains("no improvement since epoch"));
}

#[test]
fn schedules_are_their_formulas_and_reach_the_optimizer() {
    use autoencoder::train::schedule::Progress;
    let at = |schedule: &dyn Schedule, step| schedule.factor(&Progress::new(step, 10, 100));
    let decay = StepDecay::new(3, 0.5).unwrap();
    for (step, expected) in [(0, 1.0), (29, 1.0), (30, 0.5), (60, 0.25), (99, 0.125)] {
        assert_eq!(at(&decay, step), expected);
    }
    let cosine = Cosine::new(0.2).unwrap();
    for step in [0, 1, 50, 99] {
        let expected = 0.2 + 0.4 * (1.0 + (std::f64::consts::PI * step as f64 / 100.0).cos());
        assert!((at(&cosine, step) - expected).abs() <= ROUNDING);
    }
    let warm = Warmup::new(4, decay).unwrap();
    for (step, expected) in [(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (30, 0.5)] {
        assert_eq!(at(&warm, step), expected);
    }
    assert_eq!(at(&Constant, 77), 1.0);

    let mut rates = Vec::new();
    let trainer =
        Trainer::new(sgd(0.5)).epochs(2).batch_size(5).schedule(Warmup::new(3, Constant).unwrap());
    let trainer = trainer.observer(|event: &Event<'_>| {
        if let Event::Batch(batch) = event {
            rates.push(batch.rate);
        }
    });
    let (report, warmed) = train(trainer, 10);
    let expected = [0.5 / 3.0, 1.0 / 3.0, 0.5, 0.5];
    assert!(rates.iter().zip(expected).all(|(a, b)| (a - b).abs() <= ROUNDING));
    assert_eq!(report.epochs[1].rate, 0.5);
    assert_ne!(train(Trainer::new(sgd(0.5)).epochs(2).batch_size(5), 10).1, warmed);
}

#[test]
fn observers_hear_of_everything_in_order() {
    let mut heard = Vec::new();
    let trainer = Trainer::new(sgd(0.1)).epochs(2).batch_size(4).observer(|event: &Event<'_>| {
        heard.push(match event {
            Event::Batch(batch) => {
                assert_eq!(batch.batches, 3);
                assert!(batch.gradient_norm > 0.0 && batch.terms.total() > 0.0);
                (batch.epoch, batch.batch)
            }
            Event::Epoch(epoch) => (epoch.epoch, 0),
            Event::End(report) => (report.epochs.len(), 99),
            Event::Start(start) => (start.epochs.len(), start.epoch + start.batches_done),
            _ => (0, 0),
        });
    });
    let (report, _) = train(trainer, 10);
    for epoch in &report.epochs {
        // The rate is of a part of these seconds; validation is not counted.
        assert!(epoch.samples_per_second * epoch.seconds >= 9.99, "{epoch:?}");
    }
    let steps = [(1, 1), (1, 2), (1, 3), (1, 0), (2, 1), (2, 2), (2, 3), (2, 0)];
    assert_eq!(heard, [&[(0, 1)], &steps[..], &[(2, 99)]].concat());
}

#[test]
fn a_report_adds_up_and_reads_back() {
    let regularizer =
        (SparseKl::new(0.1, 0.5).unwrap(), CodeL1::new(0.1).unwrap(), CodeL1::new(0.2).unwrap());
    let trainer = Trainer::new(sgd(0.1)).epochs(3).batch_size(4).validation_split(0.3);
    let (report, _) = train_with(trainer, regularizer, 10);
    let csv = report.to_csv();
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let terms = ["squared_error", "sparse_kl", "code_l1", "code_l1_2"];
    assert_eq!(header[..6], [&["epoch", "total"], &terms[..]].concat());
    assert_eq!(header[6], "validation_total");
    for (line, epoch) in lines.zip(&report.epochs) {
        let values: Vec<f64> = line.split(',').map(|value| value.parse().unwrap()).collect();
        assert_eq!(values.len(), header.len());
        assert_eq!(values[0], epoch.epoch as f64);
        assert_eq!(values[1], epoch.terms.total());
        let sum: f64 = values[2..6].iter().sum();
        assert!((sum - values[1]).abs() <= ROUNDING);
        assert_eq!(values[6], epoch.validation.as_ref().unwrap().total());
        let tail = [epoch.gradient_norm, epoch.rate, epoch.seconds, epoch.samples_per_second];
        assert_eq!(values[11..15], tail);
        assert_eq!(values[15..], [epoch.evaluations as f64]);
        assert!(epoch.seconds > 0.0 && epoch.samples_per_second > 0.0);
    }
    assert_eq!(csv.lines().count(), 4);
    let table = report.to_string();
    for word in ["epoch", "sparse_kl", "code_l1_2", "validation", "samples/s"] {
        assert!(table.contains(word), "{table}");
    }
    assert!(table.ends_with("\nall 3 epochs done"), "{table}");
}

#[test]
fn optimizers_differ_by_their_options() {
    let run =
        |optimizer: Box<dyn Optimizer<f64>>| train(Trainer::new(optimizer).batch_size(3), 10).1;
    let adam = Adam::new(0.01).unwrap();
    let rms = RmsProp::new(0.01).unwrap();
    let results = [
        run(Box::new(sgd(0.01))),
        run(Box::new(sgd(0.02))),
        run(Box::new(sgd(0.01).momentum(0.9).unwrap())),
        run(Box::new(sgd(0.01).nesterov(0.9).unwrap())),
        run(Box::new(sgd(0.01).weight_decay(0.1).unwrap())),
        run(Box::new(sgd(0.01).momentum_schedule(0.9).unwrap())),
        run(Box::new(sgd(0.01).momentum_schedule(0.4).unwrap())),
        run(Box::new(sgd(0.01).nesterov_schedule(0.9).unwrap())),
        run(Box::new(sgd(0.01).nesterov_schedule(0.9).unwrap().at_most_from(2, 0.2).unwrap())),
        run(Box::new(sgd(0.01).nesterov_schedule(0.9).unwrap().at_most_from(2, 0.3).unwrap())),
        run(Box::new(sgd(0.01).nesterov_schedule(0.9).unwrap().at_most_from(3, 0.3).unwrap())),
        run(Box::new(rms)),
        run(Box::new(RmsProp::new(0.02).unwrap())),
        run(Box::new(rms.decay(0.5).unwrap())),
        run(Box::new(rms.epsilon(1e-2).unwrap())),
        run(Box::new(rms.momentum(0.5).unwrap())),
        run(Box::new(rms.weight_decay(0.1).unwrap())),
        run(Box::new(adam)),
        run(Box::new(adam.betas(0.8, 0.999).unwrap())),
        run(Box::new(adam.betas(0.9, 0.9).unwrap())),
        run(Box::new(adam.epsilon(1e-2).unwrap())),
        run(Box::new(AdamW::new(0.01, 0.1).unwrap())),
        run(Box::new(AdamW::new(0.01, 0.1).unwrap().betas(0.5, 0.5).unwrap())),
        run(Box::new(AdamW::new(0.01, 0.1).unwrap().epsilon(0.1).unwrap())),
    ];
    for (index, one) in results.iter().enumerate() {
        assert!(results[..index].iter().all(|other| other != one), "{index} equals another");
    }
    // No decay is no decay.
    assert_eq!(run(Box::new(AdamW::new(0.01, 0.0).unwrap())), run(Box::new(adam)));
    assert_eq!(run(Box::new(sgd(0.01).weight_decay(0.0).unwrap())), results[0]);
    assert_eq!(
        run(Box::new(rms.weight_decay(0.0).unwrap().momentum(0.0).unwrap())),
        run(Box::new(rms))
    );
    // What is said last about momentum holds, and a limit that comes after the end does nothing.
    let nesterov = sgd(0.01).momentum(0.2).unwrap().nesterov_schedule(0.9).unwrap();
    let late = nesterov.at_most_from(1000, 0.1).unwrap();
    assert_eq!(run(Box::new(late)), run(Box::new(sgd(0.01).nesterov_schedule(0.9).unwrap())));
    assert_eq!(run(Box::new(nesterov.momentum(0.9).unwrap())), results[2]);
    assert_eq!(run(Box::new(nesterov.nesterov(0.9).unwrap())), results[3]);
}

#[test]
fn initialisers_have_their_ranges_and_variances() {
    const UNITS: usize = 400;
    const INPUTS: usize = 100;
    let weights = |initializer: &dyn Initializer| -> Vec<f64> {
        let rng = &mut seeded(1);
        let mut all = Vec::new();
        for _ in 0..UNITS {
            let mut unit = vec![f64::NAN; INPUTS];
            initializer.draw_unit(&mut unit, UNITS, rng);
            all.extend(unit);
        }
        all
    };
    let variance = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>() / w.len() as f64;
    let largest = |w: &[f64]| w.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
    // Variance of a uniform on ±a is a²/3; five standard errors of 40,000 draws are 3 %.
    for (found, limit) in [
        (weights(&Glorot), (6.0 / 500.0_f64).sqrt()),
        (weights(&Ufldl), (6.0 / 501.0_f64).sqrt()),
        (weights(&PyTorch), 0.1),
    ] {
        assert!(largest(&found) <= limit && largest(&found) > 0.999 * limit);
        assert!((variance(&found) / (limit * limit / 3.0) - 1.0).abs() < 0.03);
    }
    // Biases: zero, and 1 / √inputs as those of PyTorch's `Linear`, with a box around them as well.
    let biases = |initializer: &dyn Initializer| {
        let mut biases = vec![f64::NAN; 40_000];
        initializer.draw_biases(&mut biases, INPUTS, &mut seeded(2));
        biases
    };
    for zero in [&Glorot as &dyn Initializer, &He, &Ufldl, &Sparse::default(), &Zeros] {
        assert_eq!(largest(&biases(zero)), 0.0, "{zero:?}");
    }
    let boxed: Box<dyn Initializer> = Box::new(PyTorch);
    let found = biases(&boxed);
    assert!(largest(&found) <= 0.1 && largest(&found) > 0.0999);
    assert!((variance(&found) / (0.01 / 3.0) - 1.0).abs() < 0.03);
    assert_eq!(found, biases(&std::sync::Arc::new(PyTorch)));

    let he = weights(&He);
    assert!((variance(&he) / 0.02 - 1.0).abs() < 0.04);
    assert!(largest(&he) > 3.0 * 0.02_f64.sqrt(), "normal draws have tails");
    assert_eq!(largest(&weights(&Zeros)), 0.0);

    // Sparse: so many inputs a unit, all of them where there are fewer, each equally often.
    for (sparse, inputs, scale) in [
        (Sparse::default(), 15, 1.0),
        (Sparse::new(1).unwrap(), 1, 1.0),
        (Sparse::new(40).unwrap().scale(0.1).unwrap(), 40, 0.1),
        (Sparse::new(100).unwrap(), 100, 1.0),
        (Sparse::new(1000).unwrap(), 100, 1.0),
    ] {
        let found = weights(&sparse);
        let chosen = |weights: &[f64]| weights.iter().filter(|&&w| w != 0.0).count();
        assert!(found.chunks(INPUTS).all(|unit| chosen(unit) == inputs), "{sparse:?}");
        let share = inputs as f64 / INPUTS as f64;
        // Five standard errors, for each input and for the variance of a normal.
        let error = 5.0 * (UNITS as f64 * share * (1.0 - share)).sqrt();
        for input in 0..INPUTS {
            let count = found.iter().skip(input).step_by(INPUTS).filter(|&&w| w != 0.0).count();
            assert!((count as f64 - UNITS as f64 * share).abs() <= error, "{sparse:?}: {count}");
        }
        let error = 5.0 * (2.0 / (UNITS * inputs) as f64).sqrt();
        let ratio = variance(&found) / (share * scale * scale);
        assert!((ratio - 1.0).abs() <= error, "{sparse:?}: {ratio}");
        assert!(largest(&found) > 2.5 * scale, "normal draws have tails");
    }
    // Inputs are drawn independently: neighbours are together as often as chance has it.
    let found = weights(&Sparse::default());
    let pairs = found.chunks(INPUTS).flat_map(|unit| unit.windows(2));
    let together = pairs.filter(|pair| pair[0] * pair[1] != 0.0).count() as f64;
    let expected = (UNITS * (INPUTS - 1)) as f64 * (15.0 * 14.0) / (100.0 * 99.0);
    assert!((together - expected).abs() <= 5.0 * expected.sqrt(), "{together}, not {expected}");

    // In a layer: weights are drawn, biases are zero.
    let build = |zero: bool| {
        let encoder = Dense::<6, 5>::new(Sigmoid);
        let encoder = if zero { encoder.init(Zeros) } else { encoder.init(He) };
        AutoEncoder::builder()
            .encoder(encoder)
            .decoder(Dense::<5, 6>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
    assert!(build(true).parameter("encoder.0.weight").unwrap().iter().all(|&w| w == 0.0));
    assert!(build(false).parameter("encoder.0.weight").unwrap().iter().all(|&w| w != 0.0));
    assert!(build(false).parameter("encoder.0.bias").unwrap().iter().all(|&b| b == 0.0));
    assert_ne!(
        build(false).parameters(),
        model(NoRegularizer).parameters(),
        "the default is Glorot"
    );
}

#[test]
fn parameters_of_activations_losses_and_corruptions() {
    let slope = LeakyRelu::new(0.25).unwrap();
    assert_eq!((Activation::<f64>::value(&slope, -2.0), slope.value(3.0)), (-0.5, 3.0));
    assert_eq!(LeakyRelu::default().value(-1.0), -0.01);
    let elu = Elu::new(2.0).unwrap();
    assert!((elu.value(-1.0_f64) - 2.0 * ((-1.0_f64).exp() - 1.0)).abs() <= ROUNDING);
    assert_eq!(Elu::default().value(-1.0_f64) * 2.0, elu.value(-1.0));

    // Huber: ½ e² within δ, δ (|e| − δ/2) beyond.
    let huber = |delta, error: f64| {
        let mut value = [0.0];
        let (zero, error) = ([0.0; 6], [error, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let loss: &dyn Loss<f64> = &Huber::new(delta).unwrap();
        let (x, y) = (BatchView::new(&zero, 6), BatchView::new(&error, 6));
        loss.values(Compared { x, y, parameters: &[] }, &mut value);
        value[0]
    };
    assert_eq!((huber(1.0, 0.5), huber(1.0, 3.0), huber(2.0, 3.0)), (0.125, 2.5, 4.0));

    let mut sample = vec![0.5_f64; 1000];
    let salt = SaltAndPepper::new(0.5).unwrap();
    salt.values(-1.0, 2.0).unwrap().corrupt(&mut sample, &mut seeded(1));
    assert!(sample.contains(&-1.0) && sample.contains(&2.0) && !sample.contains(&0.0));
    salt.corrupt(&mut sample, &mut seeded(2));
    assert!(sample.contains(&0.0) && sample.contains(&1.0), "the default values");
}

#[test]
fn the_log_variance_is_clamped_once_for_all_uses() {
    let build = |clamp: Option<(f64, f64)>| {
        let mut encoder = Gaussian::new(
            Dense::<6, 4>::new(Tanh),
            Dense::<4, 2>::new(Identity),
            Dense::<4, 2>::new(Identity),
        );
        if let Some((low, high)) = clamp {
            encoder = encoder.clamp(low, high).unwrap();
        }
        let mut model = AutoEncoder::builder()
            .encoder(encoder)
            .decoder(Dense::<2, 6>::new(Identity))
            .regularizer(Variational::default())
            .build::<f64>()
            .unwrap();
        // Log-variances far outside any clamp: biases of ±1e4.
        let mut parameters = model.parameters().to_vec();
        let bias = model.layout().get("encoder.log_variance.0.bias").unwrap().range.clone();
        parameters[bias].copy_from_slice(&[1e4, -1e4]);
        model.set_parameters(&parameters).unwrap();
        model
    };
    let x = data(3);
    for (clamp, low, high) in [(None, -30.0, 20.0), (Some((-2.0, 1.0)), -2.0, 1.0)] {
        let model = build(clamp);
        let encoder: &dyn Layer<f64> = model.encoder();
        let mut tape = vec![0.0; encoder.tape_len(3)];
        let mut scratch = vec![0.0; encoder.scratch_len(3)];
        let own = &model.parameters()[..encoder.num_parameters()];
        // All means, then all log-variances.
        let mut values = [f64::NAN; 3 * 4];
        let view = BatchViewMut::new(&mut values, 4);
        encoder.forward(own, x.view(), view, &mut tape, &mut scratch);
        let (means, log_variances) = values.split_at(3 * 2);
        for lv in log_variances.chunks(2) {
            assert_eq!(lv, [high, low]);
        }
        assert_eq!(means, model.encode(&x).unwrap().as_slice());
        let mean = means.iter().map(|mu| mu * mu).sum::<f64>() / 3.0;
        let expected = 0.5 * (mean + low.exp() - 1.0 - low + high.exp() - 1.0 - high);
        let found = model.loss(&x).unwrap().get("kl").unwrap();
        assert!((found - expected).abs() <= 1e-12 * expected);
        let mut gradient = vec![f64::NAN; model.num_parameters()];
        let terms =
            model.objective(&x, Some(Streams::new(1, 0, &[])), Some(&mut gradient)).unwrap();
        assert!(terms.total().is_finite() && gradient.iter().all(|g| g.is_finite()));
        let head = model.layout().get("encoder.log_variance.0.weight").unwrap().range.clone();
        assert!(gradient[head].iter().all(|&g| g == 0.0), "nothing flows through a clamped value");
    }
    let beta = |beta| {
        let builder = AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::<6, 4>::new(Tanh),
                Dense::<4, 2>::new(Identity),
                Dense::<4, 2>::new(Identity),
            ))
            .decoder(Dense::<2, 6>::new(Identity));
        let model = builder.regularizer(Variational::new(beta).unwrap()).build::<f64>().unwrap();
        model.loss(&data(3)).unwrap().get("kl").unwrap()
    };
    assert!((beta(4.0) - 4.0 * beta(1.0)).abs() <= ROUNDING);
}

#[test]
fn corruption_is_new_at_each_visit_and_the_target_stays_clean() {
    let seen_twice = |seed| {
        let recorder = Recorder::default();
        let regularizer =
            (Denoising::new(corruption::Gaussian::new(0.1).unwrap()), recorder.clone());
        let trainer = Trainer::new(sgd(1e-300)).epochs(2).shuffle(false).seed(seed);
        let report = train_with(trainer, regularizer, 10).0;
        (recorder.seen(), report)
    };
    let (seen, _) = seen_twice(1);
    let clean: Vec<f64> = data(10).iter().map(|x| x[0]).collect();
    assert_ne!(seen[0], clean);
    assert_ne!(seen[0], seen[1], "new noise in the second epoch");
    assert_eq!(seen_twice(1).0, seen);
    assert_ne!(seen_twice(2).0, seen);
    // With everything masked the model sees only zeros; what it errs by is the clean input.
    let masked = model(Denoising::new(Masking::new(1.0).unwrap()));
    let x = data(10);
    let terms = masked.objective(&x, Some(Streams::new(1, 1, &[])), None).unwrap();
    let output = masked.reconstruct(&Batch::zeros(Const, 1)).unwrap();
    let expected: f64 = x
        .iter()
        .map(|x| x.iter().zip(output.sample(0)).map(|(x, y)| 0.5 * (x - y).powi(2)).sum::<f64>())
        .sum();
    assert!((terms.reconstruction() - expected / 10.0).abs() <= ROUNDING);
}

#[test]
fn names_counts_and_the_summary() {
    let model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<6, 4>::new(Relu).then(Dense::<4, 3>::new(Tanh)),
            Dense::<3, 2>::new(Identity),
            Dense::<3, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 6>::new(Identity))
        .build::<f32>()
        .unwrap();
    let names: Vec<&str> = model.layout().tensors().iter().map(|t| t.name.as_str()).collect();
    let expected = [
        "encoder.body.0.weight",
        "encoder.body.0.bias",
        "encoder.body.1.weight",
        "encoder.body.1.bias",
        "encoder.mean.0.weight",
        "encoder.mean.0.bias",
        "encoder.log_variance.0.weight",
        "encoder.log_variance.0.bias",
        "decoder.0.weight",
        "decoder.0.bias",
    ];
    assert_eq!(names, expected);
    assert_eq!(model.num_parameters(), 28 + 15 + 8 + 8 + 18);
    let mut end = 0;
    for tensor in model.layout().tensors() {
        assert_eq!(tensor.range.start, end, "without a gap");
        assert_eq!(tensor.range.len(), tensor.shape.0 * tensor.shape.1);
        assert_eq!(model.parameter(&tensor.name).unwrap().len(), tensor.range.len());
        end = tensor.range.end;
    }
    let table = model.layout().to_string();
    for part in ["Dense(Relu)", "encoder.body.1.weight", "3×4", "77"] {
        assert!(table.contains(part), "{table}");
    }
    assert_eq!(model.parameter("encoder.9.weight"), None);
}

#[test]
fn batches_convert_without_a_copy() {
    let values: Vec<f64> = (0..12).map(f64::from).collect();
    let address = values.as_ptr();
    let batch = Batch::new(Dyn(3), values).unwrap();
    let matrix = nalgebra::DMatrix::from(batch);
    assert_eq!((matrix.nrows(), matrix.ncols(), matrix[(1, 2)]), (3, 4, 7.0));
    let batch = Batch::<f64, Const<3>>::try_from(matrix).unwrap();
    let matrix = nalgebra::OMatrix::<f64, Const<3>, Dyn>::from(batch);
    assert_eq!(matrix[(2, 3)], 11.0);
    let batch = Batch::from(matrix).into_dynamic().with_features::<3>().unwrap();
    assert_eq!(batch.view().matrix()[(0, 1)], 3.0);
    assert_eq!(batch.iter().map(|sample| sample[0]).collect::<Vec<_>>(), [0.0, 3.0, 6.0, 9.0]);
    let values = batch.into_vec();
    assert_eq!(values.as_ptr(), address, "one buffer all the way");
}

#[test]
fn what_is_public_can_be_sent_and_shared() {
    fn check<T: Send + Sync + std::fmt::Debug>() {}
    check::<Model<SparseKl>>();
    check::<Batch<f32, Const<3>>>();
    check::<Error>();
    check::<Report>();
    check::<Box<dyn Regularizer<f64>>>();
    check::<Box<dyn RegularizerFor<Encoder5, f64>>>();
    check::<Box<dyn Loss<f64>>>();
    check::<Box<dyn Optimizer<f32>>>();
    check::<Box<dyn Corruption<f32>>>();
    check::<Box<dyn Activation<f32>>>();
    check::<Box<dyn Layer<f64>>>();
    check::<Any<f64>>();
    check::<AnyAutoEncoder<f64>>();
    check::<Trained<Decoder5, f64>>();
}
