//! Sample weights: in one batch of all samples, whole numbers do what repeated samples do, for every
//! plugin; gradients of the weighted objective against finite differences.

#![allow(clippy::type_complexity)] // Lists of constructors.

use autoencoder::activation::*;
use autoencoder::corruption::{Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::gradcheck;
use autoencoder::layer::DenseLayer;
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::RegularizerFor;
use autoencoder::*;
use common::each_kind;
use common::kinds::Data;
use nalgebra::Const;

/// Rounding between a weighted sum and the sum of repeated values.
const ROUNDING: f64 = 1e-12;

const WEIGHTS: [f64; 6] = [1.0, 3.0, 0.0, 2.0, 1.0, 4.0];

fn data() -> Batch<f64, Const<5>> {
    let rng = &mut seeded(3);
    let sample = |_| std::array::from_fn(|_| 0.05 + 0.9 * f64::draw_uniform(rng));
    (0..WEIGHTS.len()).map(sample).collect()
}

/// Each sample as often as its weight says, by its index.
fn repeated() -> Vec<usize> {
    let times = WEIGHTS.iter().enumerate();
    times.flat_map(|(sample, &weight)| vec![sample; weight as usize]).collect()
}

fn assert_near(found: &[f64], expected: &[f64], name: &str) {
    assert_eq!(found.len(), expected.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied());
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    assert!(difference <= ROUNDING * size.max(1.0), "{name}: off by {difference:e} of {size:e}");
}

/// Objective, gradient and training by weights against those by repetition, and the gradient check: of a model that
/// is built so, and of six samples that are selected from what is known and given to it.
macro_rules! check {
    ($build:expr, $trains_alike:expr $(,)?) => {
        check!($build, $trains_alike, data(), |x| x)
    };
    ($build:expr, $trains_alike:expr, $known:expr, |$of:ident| $given:expr) => {{
        let (build, repeated) = ($build, repeated());
        let once = $known;
        let many = once.select(repeated.iter().copied());
        macro_rules! given {
            ($from:expr) => {{
                let $of = $from;
                $given
            }};
        }
        let model = build();
        let name = format!("{:?}, {:?}", model.regularizer(), model.encoder());

        // The same sample has the same randomness wherever it stands.
        for streams in [None, Some((Streams::new(4, 1, &[]), Streams::new(4, 1, &repeated)))] {
            let (by_weight, by_repetition) = streams.unzip();
            let (mut found, mut expected) =
                (vec![0.0; model.num_parameters()], vec![0.0; model.num_parameters()]);
            let examples = Examples::of(given!(&once)).weights(&WEIGHTS);
            let weighted = model.objective(examples, by_weight, Some(&mut found)).unwrap();
            let plain = model.objective(given!(&many), by_repetition, Some(&mut expected)).unwrap();
            assert_near(&values(&weighted), &values(&plain), &name);
            assert_near(&found, &expected, &name);
        }
        for weights in [WEIGHTS, [0.3, 1e-3, 7.0, 0.0, 2.5, 1.0], [0.0, 0.0, 5.0, 0.0, 0.0, 0.0]] {
            let examples = Examples::of(given!(&once)).weights(&weights);
            gradcheck::model(&model, examples, 9).unwrap().assert();
        }

        // Equal weights have the bits of no weights; in small batches too.
        let train = |known, weights: Option<&[f64]>, batch_size| {
            let mut model = build();
            let trainer = Trainer::new(Adam::new(1e-2).unwrap());
            let mut trainer = trainer.epochs(20).batch_size(batch_size).shuffle(batch_size < 100);
            let mut examples = Examples::of(given!(known));
            if let Some(weights) = weights {
                examples = examples.weights(weights);
            }
            let report = trainer.fit(&mut model, examples).unwrap();
            (model.parameters().to_vec(), report.epochs[19].terms.total())
        };
        for batch_size in [4, 100] {
            let plain = train(&once, None, batch_size).0;
            assert_eq!(train(&once, Some(&[0.7; 6]), batch_size).0, plain, "{name}");
            assert_ne!(train(&once, Some(&WEIGHTS), batch_size).0, plain, "{name}");
        }
        if $trains_alike {
            let (found, expected) = (train(&once, Some(&WEIGHTS), 100), train(&many, None, 100));
            // Adam divides by the gradient's size, which enlarges rounding where that is small.
            let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
            let apart: Vec<f64> = found.0.iter().zip(&expected.0).map(|(a, b)| a - b).collect();
            assert!(norm(&apart) <= 1e-9 * norm(&expected.0), "{name}: {:e}", norm(&apart));
            assert!((found.1 - expected.1).abs() <= 1e-9 * expected.1, "{name}");
        }
    }};
}

fn values(terms: &Terms) -> Vec<f64> {
    terms.iter().map(|(_, value)| value).collect()
}

/// A batch of so many values that the loss goes over it in several blocks.
#[test]
fn every_sample_of_a_large_batch_has_its_own_weight() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<5, 4>::new(Sigmoid))
        .decoder(Dense::<4, 5>::new(Identity))
        .build::<f64>()
        .unwrap();
    let rng = &mut seeded(8);
    let sample = |_| std::array::from_fn(|_| f64::draw_uniform(rng));
    let x: Batch<f64, Const<5>> = (0..1500).map(sample).collect();
    let weights: Vec<f64> = (0..1500).map(|k| f64::from(k * 7 % 4)).collect();
    let times = weights.iter().enumerate();
    let many = x.select(times.flat_map(|(sample, &weight)| vec![sample; weight as usize]));
    let (mut found, mut expected) =
        (vec![0.0; model.num_parameters()], vec![0.0; model.num_parameters()]);
    let examples = Examples::of(&x).weights(&weights);
    let weighted = model.objective(examples, None, Some(&mut found)).unwrap();
    let plain = model.objective(&many, None, Some(&mut expected)).unwrap();
    assert_near(&[weighted.total()], &[plain.total()], "objective");
    assert_near(&found, &expected, "gradient");
}

type Shallow = DenseLayer<Const<5>, Const<4>, Sigmoid>;
type Output = DenseLayer<Const<4>, Const<5>, Identity>;

fn kl() -> SparseKl {
    SparseKl::new(0.2, 0.7).unwrap()
}

fn contractive() -> Contractive {
    Contractive::new(0.3).unwrap()
}

#[test]
fn every_regularizer() {
    let plugins: [(fn() -> Box<dyn RegularizerFor<Shallow, f64>>, bool); 12] = [
        (|| Box::new(NoRegularizer), true),
        (|| Box::new(kl()), true),
        (|| Box::new(kl().running(0.9).unwrap()), true),
        (|| Box::new(contractive()), true),
        (|| Box::new(CodeL1::new(0.2).unwrap()), true),
        (|| Box::new(WeightDecay::new(0.1).unwrap()), true),
        (|| Box::new(Denoising::new(GaussianNoise::new(0.1).unwrap())), false),
        (|| Box::new(Denoising::new(Masking::new(0.3).unwrap())), false),
        (|| Box::new(Denoising::new(SaltAndPepper::new(0.3).unwrap())), false),
        (|| Box::new((kl(), contractive(), WeightDecay::new(0.1).unwrap())), true),
        (|| Box::new(vec![kl(), kl().running(0.5).unwrap()]), true),
        (|| Box::new((contractive(), Denoising::new(Masking::new(0.3).unwrap()))), false),
    ];
    let losses: [fn() -> Box<dyn Loss<f64>>; 3] = [
        || Box::new(SquaredError),
        || Box::new(BernoulliCrossEntropy),
        || Box::new(Huber::new(3.0).unwrap()),
    ];
    for (regularizer, trains_alike) in plugins {
        for loss in losses {
            let build = || {
                AutoEncoder::builder()
                    .encoder(Dense::<5, 4>::new(Sigmoid))
                    .decoder(Dense::<4, 5>::new(Identity))
                    .regularizer(regularizer())
                    .loss(loss())
                    .build::<f64>()
                    .unwrap()
            };
            check!(build, trains_alike);
        }
    }
}

#[test]
fn every_route_to_the_jacobian() {
    macro_rules! run {
        ($encoder:expr, $trains_alike:expr, $contractive:expr) => {
            check!(
                || {
                    AutoEncoder::builder()
                        .encoder($encoder)
                        .decoder(Dense::<4, 5>::new(Identity))
                        .regularizer($contractive)
                        .build::<f64>()
                        .unwrap()
                },
                $trains_alike,
            );
        };
    }
    // In closed form, by cotangents, by tangents, by random directions.
    run!(Dense::<5, 4>::new(Gelu), true, contractive());
    run!(Dense::<5, 3>::new(Tanh).then(Dense::<3, 4>::new(Softplus)), true, contractive());
    let estimate = contractive().hutchinson(2).unwrap();
    run!(Dense::<5, 3>::new(Tanh).then(Dense::<3, 4>::new(Softplus)), false, estimate);
    check!(
        || {
            AutoEncoder::builder()
                .encoder(Dense::<5, 3>::new(Tanh).then(Dense::<3, 7>::new(Sigmoid)))
                .decoder(Dense::<7, 5>::new(Identity))
                .regularizer((contractive(), kl()))
                .build::<f64>()
                .unwrap()
        },
        true,
    );
}

#[test]
fn variational_models() {
    let encoder = || {
        Gaussian::new(
            Dense::<5, 4>::new(Tanh),
            Dense::<4, 2>::new(Identity),
            Dense::<4, 2>::new(Identity),
        )
    };
    let build = || {
        AutoEncoder::builder()
            .encoder(encoder())
            .decoder(Dense::<2, 5>::new(Identity))
            .regularizer((Variational::new(0.8).unwrap(), contractive()))
            .loss(BernoulliCrossEntropy)
            .build::<f64>()
            .unwrap()
    };
    check!(build, false);
    let build = || {
        AutoEncoder::builder()
            .encoder(encoder())
            .decoder(Dense::<2, 5>::new(Identity))
            .regularizer(contractive())
            .build::<f64>()
            .unwrap()
    };
    check!(build, true);
}

/// Conditional models and classifiers as plain ones.
#[test]
fn every_kind_of_model() {
    let plugins: [(fn() -> Box<dyn Regularizer<f64>>, bool); 5] = [
        (|| Box::new((kl(), contractive(), WeightDecay::new(0.1).unwrap())), true),
        (|| Box::new(vec![kl(), kl().running(0.5).unwrap()]), true),
        (|| Box::new(contractive().hutchinson(2).unwrap()), false),
        (|| Box::new((CodeL1::new(0.2).unwrap(), Mmd::new(0.3).unwrap())), false),
        (|| Box::new(Denoising::new(Masking::new(0.3).unwrap())), false),
    ];
    let of_gaussian: [(fn() -> Box<dyn Regularizer<f64>>, bool); 4] = [
        (|| Box::new(contractive()), true),
        (|| Box::new((Variational::new(0.8).unwrap().draws(2).unwrap(), contractive())), false),
        (|| Box::new(ImportanceWeighted::new(3).unwrap()), false),
        (|| Box::new((Variational::default(), TotalCorrelation::new(0.1, 6).unwrap())), false),
    ];
    each_kind!(|kind| {
        for (regularizer, trains_alike) in plugins {
            let build = || kind::build(regularizer());
            check!(build, trains_alike, Data::new(6, 3), |data| kind::examples(data));
        }
        for (regularizer, trains_alike) in of_gaussian {
            let build = || kind::gaussian(regularizer());
            check!(build, trains_alike, Data::new(6, 3), |data| kind::examples(data));
        }
    });
}

fn plain() -> AutoEncoder<Shallow, Output, NoRegularizer, SquaredError, f64> {
    AutoEncoder::builder()
        .encoder(Dense::<5, 4>::new(Sigmoid))
        .decoder(Dense::<4, 5>::new(Identity))
        .build()
        .unwrap()
}

fn trainer<'a>() -> Trainer<'a, Sgd> {
    Trainer::new(Sgd::new(0.1).unwrap()).epochs(3)
}

#[test]
fn a_sample_of_weight_zero_is_not_there() {
    // Its huge values would overflow everything if they were looked at.
    let mut huge = data();
    huge.as_mut_slice()[10..15].fill(1e300);
    let train = |x: &Batch<f64, Const<5>>, batch_size: usize, weights: &[f64]| {
        let mut model = plain();
        let mut trainer = trainer().batch_size(batch_size);
        let report = trainer.fit(&mut model, Examples::of(x).weights(weights)).unwrap();
        assert!(report.epochs.iter().all(|epoch| epoch.terms.total().is_finite()));
        (
            model.parameters().to_vec(),
            report.epochs.into_iter().map(|e| e.terms).collect::<Vec<_>>(),
        )
    };
    for batch_size in [1, 2, 6] {
        assert_eq!(train(&huge, batch_size, &WEIGHTS), train(&data(), batch_size, &WEIGHTS));
    }
    // Batches of nothing but such samples are passed over, and the epoch is the mean of the rest.
    let mut one = plain();
    let weights = [0.0, 0.0, 0.0, 0.0, 0.0, 2.0];
    let before = one.loss(&data().select([5])).unwrap();
    let (mut trainer, x) = (trainer().epochs(1).batch_size(1), data());
    let report = trainer.fit(&mut one, Examples::of(&x).weights(&weights)).unwrap();
    assert_eq!(report.epochs[0].terms, before);
    assert!(report.epochs[0].gradient_norm > 0.0);
}

#[test]
fn the_epoch_is_the_weighted_mean_of_its_batches() {
    let mut model = plain();
    let x = data();
    let examples = || Examples::of(&x).weights(&WEIGHTS);
    let expected = model.objective(examples(), None, None).unwrap().total();
    let mut trainer = Trainer::new(Sgd::new(1e-300).unwrap()).epochs(1).batch_size(2);
    let found = trainer.fit(&mut model, examples()).unwrap().epochs[0].terms.total();
    assert!((found - expected).abs() <= ROUNDING * expected);
}

#[test]
fn held_out_samples_count_alike_and_need_a_weight_too() {
    let mut model = plain();
    let x = data();
    let mut split = trainer().validation_split(0.5);
    let report = split.fit(&mut model, Examples::of(&x).weights(&WEIGHTS)).unwrap();
    let held_out = model.loss(&data().select([3, 4, 5])).unwrap();
    assert_eq!(report.epochs[2].validation, Some(held_out));
    let mut given = plain();
    let (first, last) = (data().select([0, 1, 2]), data().select([3, 4, 5]));
    let examples = Examples::of(&first).weights(&WEIGHTS[..3]).held_out(&last);
    trainer().fit(&mut given, examples).unwrap();
    assert_eq!(given.parameters(), model.parameters());
}

#[test]
fn what_is_refused() {
    let fit = |weights: &[f64]| {
        let mut model = plain();
        let before = model.parameters().to_vec();
        let x = data();
        let refused = trainer().fit(&mut model, Examples::of(&x).weights(weights));
        assert_eq!(model.parameters(), before);
        refused.unwrap_err()
    };
    let place = "the weights of the examples";
    for value in [-1.0, -1e-300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut weights = WEIGHTS;
        weights[3] = value;
        let error = Error::SampleWeight { place, sample: 3, value: Number(value) };
        assert_eq!(fit(&weights), error);
    }
    assert_eq!(
        fit(&[1.0, 1.0, 1.0, 1.0, 1.0, -2.5]).to_string(),
        "the weights of the examples: the weight of sample 5 (counted from 0) is -2.5, but must \
         be finite and not negative"
    );
    let error =
        Error::SizeMismatch { place, unit: "weights (one a sample)", expected: 6, found: 2 };
    assert_eq!(fit(&[1.0, 2.0]), error);
    for (weights, sum) in [([0.0; 6], 0.0), ([1e308; 6], f64::INFINITY)] {
        let Error::InvalidParameter { name, value, .. } = fit(&weights) else { panic!() };
        assert_eq!((name, value), ("the sum of all sample weights", Number(sum)));
    }
    // The training part must have a weight of its own.
    let only_held_out = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    let (mut split, x) = (trainer().validation_split(0.5), data());
    let refused = split.fit(&mut plain(), Examples::of(&x).weights(&only_held_out));
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
    let mut stream = data::InMemory::from(&x);
    let refused = trainer().fit(&mut plain(), Examples::of(&mut stream).weights(&WEIGHTS));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Examples::weights are not for a stream, whose samples count alike: leave them out, or read the \
         stream into memory (`Source::load`)"
    );
    let objective = plain().objective(Examples::of(&x).weights(&[1.0]), None, None).unwrap_err();
    assert!(matches!(objective, Error::SizeMismatch { place: "objective", .. }));
    // Held-out samples count alike, and have none of their own.
    for held_out in [Examples::of(&x).weights(&WEIGHTS), Examples::of(&x).held_out(&x)] {
        let refused = trainer().fit(&mut plain(), Examples::of(&x).held_out(held_out));
        assert!(matches!(refused, Err(Error::Unfit { part: "Examples::held_out", .. })));
    }
}

#[cfg(feature = "safetensors")]
#[test]
fn a_checkpoint_knows_its_weights() {
    use autoencoder::train::Checkpoints;
    let folder = std::env::temp_dir().join(format!("autoencoder-weights-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("run.safetensors");
    let train = |epochs, weights: Option<[f64; 6]>, checkpoints: Option<Checkpoints>| {
        let mut model = plain();
        let (mut trainer, x) = (trainer().epochs(epochs).batch_size(2), data());
        let mut examples = Examples::of(&x);
        if let Some(weights) = &weights {
            examples = examples.weights(weights);
        }
        if let Some(checkpoints) = checkpoints {
            trainer = trainer.checkpoints(checkpoints);
        }
        trainer.fit(&mut model, examples).map(|_| model.parameters().to_vec())
    };
    train(2, Some(WEIGHTS), Some(Checkpoints::new(&file))).unwrap();
    let resume = || Some(Checkpoints::new(&file).resume(true));
    let mut others = WEIGHTS;
    others[0] = 1.5;
    for weights in [None, Some(others)] {
        let refused = train(4, weights, resume()).unwrap_err();
        assert!(
            matches!(&refused, Error::DoesNotFit { what, .. } if what.starts_with("the training"))
        );
    }
    assert_eq!(train(4, Some(WEIGHTS), resume()), train(4, Some(WEIGHTS), None));
    std::fs::remove_dir_all(&folder).unwrap();
}
