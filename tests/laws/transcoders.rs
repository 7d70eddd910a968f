//! Models that make of their inputs something else: a target of another size, with a dense or a sparse code.

use autoencoder::activation::{Identity, Relu, Tanh};
use autoencoder::data::{InMemory, Normalization};
use autoencoder::health::Checkup;
use autoencoder::layer::sparse::*;
use autoencoder::layer::{Any, AnyPart};
use autoencoder::loss::{Huber, Loss, PoissonLikelihood, Targeted};
use autoencoder::rand::RngExt;
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{AuxK, GateSparsity, Matryoshka, Resampling, SuitedTo};
use autoencoder::*;
use nalgebra::{Const, Dyn};

const X: usize = 5;
const Y: usize = 3;
const UNITS: usize = 12;
const SAMPLES: usize = 7;

fn drawn<const N: usize, T: Float>(samples: usize, seed: u64) -> Batch<T, Const<N>> {
    let mut rng = seeded(seed);
    let mut x = Batch::zeros(Const, samples);
    x.as_mut_slice().iter_mut().for_each(|x| *x = T::of(rng.random_range(-1.0..1.0)));
    x
}

fn pairs(seed: u64) -> (Batch<f64, Const<X>>, Batch<f64, Const<Y>>) {
    (drawn(SAMPLES, seed), drawn(SAMPLES, seed + 100))
}

type Transcoder<E, R = NoRegularizer> =
    AutoEncoder<E, DictionaryLayer<Const<UNITS>, Const<Y>>, R, Targeted<SquaredError>, f64>;

/// A transcoder whose parameters are all drawn, those of the skip too.
fn model<E, R>(
    encoder: E,
    dictionary: TargetDictionary<Const<Y>>,
    regularizer: R,
) -> Transcoder<E, R>
where
    E: layer::Part<Input = Const<X>, Output = Const<UNITS>, Condition = layer::Unconditioned>,
    E: Layer<f64> + Clone + 'static,
    R: Regularizer<f64> + SuitedTo<E>,
{
    let mut model = AutoEncoder::builder()
        .encoder(encoder)
        .target_decoder(dictionary)
        .regularizer(regularizer)
        .build::<f64>()
        .unwrap();
    let mut rng = seeded(3);
    let mut parameters = model.parameters().to_vec();
    parameters.iter_mut().for_each(|p| *p += rng.random_range(-0.2..0.2));
    model.set_parameters(&parameters).unwrap();
    model
}

fn encoder(k: usize) -> SparseLayer<Const<X>, Const<UNITS>, TopK> {
    SparseEncoder::<X, UNITS>::new(TopK::new(k).unwrap())
}

fn plain() -> TargetDictionary<Const<Y>> {
    Dictionary::free(0.7).unwrap().to::<Y>()
}

#[test]
fn gradients_are_those_of_differences() {
    fn check<E, R>(name: &str, model: &Transcoder<E, R>)
    where
        E: layer::Part<Input = Const<X>, Condition = layer::Unconditioned>,
    {
        // Samples of which no two units are nearly equal where the last one is chosen.
        for seed in [1, 2, 4] {
            let (x, y) = pairs(seed);
            let weights: Vec<f64> = (0..SAMPLES).map(|sample| 0.5 + sample as f64).collect();
            for found in [
                gradcheck::model(model, (&x, &y), seed).unwrap(),
                gradcheck::model(model, Examples::of((&x, &y)).weights(&weights), seed).unwrap(),
            ] {
                assert!(found.passes(), "{name}, seed {seed}: {found}");
            }
        }
    }
    let none = NoRegularizer;
    check("TopK", &model(encoder(3), plain(), none));
    check("skip", &model(encoder(3), plain().with_skip(), none));
    check("without pre-bias", &model(encoder(3).without_pre_bias(), plain().with_skip(), none));
    let widths = || Matryoshka::new([3, 7]).unwrap();
    check("Matryoshka with a skip", &model(encoder(4), plain().with_skip(), widths()));
    let denoising = Denoising::new(corruption::Gaussian::new(0.3).unwrap());
    check("denoising with a skip", &model(encoder(3), plain().with_skip(), denoising));
}

/// The gates' own reconstruction has the skip too, and trains it, unless it leaves the dictionary alone.
#[test]
fn gates_reconstruct_with_the_skip() {
    let gated =
        |regularizer| model(GatedEncoder::<X, UNITS>::new(), plain().with_skip(), regularizer);
    let sparsity = || GateSparsity::new(0.3).unwrap();
    // Samples that are off the kinks.
    for seed in [2, 3, 4] {
        let (x, y) = pairs(seed);
        gradcheck::model(&gated(sparsity()), (&x, &y), seed).unwrap().assert();
    }
    let (x, y) = pairs(1);
    let skip = gated(sparsity()).layout().get("decoder.0.skip").unwrap().range.clone();
    assert_eq!(skip.len(), X * Y);
    let of_skip = |gradient: Vec<f64>| gradient[skip.clone()].to_vec();
    let of = |model: &Transcoder<_, GateSparsity>| {
        let mut gradient = vec![0.0; model.num_parameters()];
        model.objective((&x, &y), Some(Streams::new(1, 0, &[])), Some(&mut gradient)).unwrap();
        of_skip(gradient)
    };
    let left = of(&gated(sparsity().leaving_the_dictionary()));
    let alone = model(GatedEncoder::<X, UNITS>::new(), plain().with_skip(), NoRegularizer);
    let mut gradient = vec![0.0; alone.num_parameters()];
    alone.objective((&x, &y), Some(Streams::new(1, 0, &[])), Some(&mut gradient)).unwrap();
    assert_eq!(left, of_skip(gradient));
    assert_ne!(left, of(&gated(sparsity())));
}

/// What is as long as outputs is so where there are more of them than inputs.
#[test]
fn there_may_be_more_outputs_than_inputs() {
    // Samples that are off the kinks.
    let (x, y) = (drawn::<2, f64>(SAMPLES, 4), drawn::<6, f64>(SAMPLES, 2));
    macro_rules! check {
        ($encoder:expr, $regularizer:expr) => {{
            let model = AutoEncoder::builder()
                .encoder($encoder)
                .target_decoder(Dictionary::free(0.6).unwrap().to::<6>().with_skip())
                .regularizer($regularizer)
                .build::<f64>()
                .unwrap();
            gradcheck::model(&model, (&x, &y), 1).unwrap().assert();
            model
        }};
    }
    let top = || SparseEncoder::<2, 9>::new(TopK::new(3).unwrap());
    check!(top(), Matryoshka::new([2, 5]).unwrap());
    check!(GatedEncoder::<2, 9>::new(), GateSparsity::new(0.1).unwrap());
    let mut model = check!(top(), AuxK::new(2).unwrap().dead_after(SAMPLES).unwrap());
    Trainer::new(Adam::new(0.01).unwrap()).epochs(20).fit(&mut model, (&x, &y)).unwrap();
}

/// Dead units are to make what is left of the targets: the gradient of the auxiliary loss, with what is left held fixed, by
/// loops over all of it.
#[test]
fn dead_units_make_what_is_left_of_the_targets() {
    let (x, y) = pairs(2);
    let aux =
        |weight| AuxK::new(UNITS).unwrap().weight(weight).unwrap().dead_after(SAMPLES).unwrap();
    let mut trained = model(encoder(1), plain().with_skip(), aux(0.7));
    let mut without = model(encoder(1), plain().with_skip(), aux(0.0));
    let mut trainer = Trainer::new(Sgd::new(1e-13).unwrap()).epochs(1).batch_size(SAMPLES);
    trainer.fit(&mut trained, (&x, &y)).unwrap();
    trainer.fit(&mut without, (&x, &y)).unwrap();
    without.set_parameters(trained.parameters()).unwrap();
    let of = |model: &Transcoder<_, AuxK>| {
        let mut gradient = vec![0.0; model.num_parameters()];
        model.objective((&x, &y), Some(Streams::new(1, 0, &[])), Some(&mut gradient)).unwrap();
        gradient
    };
    let found: Vec<f64> = of(&trained).iter().zip(of(&without)).map(|(a, b)| a - b).collect();
    let codes = trained.encode(&x).unwrap();
    let dead: Vec<usize> =
        (0..UNITS).filter(|&unit| codes.iter().all(|f| f[unit] == 0.0)).collect();
    assert!(dead.len() > 3 && dead.len() < UNITS, "{dead:?}");
    let tensor = |name: &str| trained.layout().get(name).unwrap().range.clone();
    let (weights, atoms) = (tensor("encoder.0.weight"), tensor("decoder.0.weight"));
    let p = trained.parameters();
    let (biases, pre) = (&p[tensor("encoder.0.bias")], &p[tensor("encoder.0.pre_bias")]);
    let predicted = trained.predict(&x).unwrap();
    // Fewer are dead than are asked for: it counts as much less.
    let scale = 0.7 * dead.len() as f64 / UNITS as f64 / SAMPLES as f64;
    let mut expected = vec![0.0; UNITS * Y];
    for ((x, y), predicted) in x.iter().zip(y.iter()).zip(predicted.iter()) {
        let z = |unit: usize| -> f64 {
            let w = &p[weights.clone()][unit * X..][..X];
            (0..X).map(|at| w[at] * (x[at] - pre[at])).sum::<f64>() + biases[unit]
        };
        for at in 0..Y {
            let made: f64 = dead.iter().map(|&unit| z(unit) * p[atoms.start + unit * Y + at]).sum();
            let left = y[at] - predicted[at];
            dead.iter()
                .for_each(|&unit| expected[unit * Y + at] += scale * (made - left) * z(unit));
        }
    }
    for (found, expected) in found[atoms].iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    assert!(expected.iter().any(|d| d.abs() > 1e-3));
}

/// A skip takes the samples as the encoder does: behind the normalizer, with what stands for missing values.
#[test]
fn missing_inputs_are_filled_for_the_skip_too() {
    let (mut x, y) = (drawn::<X, f64>(40, 1), drawn::<Y, f64>(40, 2));
    x.as_mut_slice().iter_mut().for_each(|x| *x = 3.0 + 2.0 * *x);
    let mut filled = x.clone();
    x.as_mut_slice().iter_mut().skip(3).step_by(7).for_each(|x| *x = f64::NAN);
    for at in 0..X {
        let there: Vec<f64> = x.iter().map(|x| x[at]).filter(|x| !x.is_nan()).collect();
        let mean = there.iter().sum::<f64>() / there.len() as f64;
        let columns = filled.as_mut_slice().chunks_mut(X).zip(x.iter());
        columns.filter(|(_, x)| x[at].is_nan()).for_each(|(filled, _)| filled[at] = mean);
    }
    let normalizer = Normalizer::fit_with_missing(Normalization::Standardize, &x).unwrap();
    let mut model = AutoEncoder::builder()
        .encoder(encoder(3))
        .target_decoder(plain().with_skip())
        .normalizer(normalizer)
        .build::<f64>()
        .unwrap();
    let mut rng = seeded(3);
    let drawn = model.parameters().iter().map(|p| p + rng.random_range(-0.2..0.2));
    model.set_parameters(&drawn.collect::<Vec<f64>>()).unwrap();
    let (found, expected) = (model.predict(&x).unwrap(), model.predict(&filled).unwrap());
    for (found, expected) in found.as_slice().iter().zip(expected.as_slice()) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    let losses =
        (model.loss((&x, &y)).unwrap().total(), model.loss((&filled, &y)).unwrap().total());
    assert!((losses.0 - losses.1).abs() < 1e-12, "{losses:?}");
    // Samples that are off the kinks, with missing values among them.
    let (x, y) = (x.select(12..25), y.select(12..25));
    assert!(x.as_slice().iter().any(|x| x.is_nan()));
    gradcheck::model(&model, (&x, &y), 1).unwrap().assert();
}

#[test]
fn what_is_predicted_is_the_formula() {
    let (x, _) = pairs(1);
    let model = model(encoder(3), plain().with_skip(), NoRegularizer);
    let of = |name: &str| model.parameter(name).unwrap();
    let (atoms, bias, skip) = (of("decoder.0.weight"), of("decoder.0.bias"), of("decoder.0.skip"));
    let (codes, found) = (model.encode(&x).unwrap(), model.predict(&x).unwrap());
    for (sample, (x, code)) in x.iter().zip(codes.iter()).enumerate() {
        for at in 0..Y {
            let of_code: f64 = (0..UNITS).map(|unit| code[unit] * atoms[unit * Y + at]).sum();
            let skipped: f64 = (0..X).map(|input| x[input] * skip[input * Y + at]).sum();
            let expected = of_code + bias[at] + skipped;
            assert!((found.sample(sample)[at] - expected).abs() < 1e-14);
        }
    }
    // A code alone does not say what a decoder with a skip gives.
    let refused = [
        model.decode(&codes).err(),
        model.decode_sparse(&model.encode_sparse(&x).unwrap()).err(),
        model.decode_one(codes.sample(0)).err(),
    ];
    for error in refused {
        assert_eq!(
            error.unwrap().to_string(),
            "the decoder has a skip, so that a code alone says nothing of its output: take `predict`"
        );
    }
}

#[test]
fn the_contract_holds() {
    let (x, y) = (drawn::<X, f64>(12, 1), drawn::<Y, f64>(12, 2));
    contract::model(|| model(encoder(4), plain(), NoRegularizer), (&x, &y)).assert();
    contract::model(|| model(encoder(4), plain().with_skip(), NoRegularizer), (&x, &y)).assert();
    let unit_norm = || Dictionary::new().to::<Y>().with_skip();
    let widths = || Matryoshka::new([5, 10]).unwrap();
    contract::model(|| model(encoder(4), unit_norm(), widths()), (&x, &y)).assert();
    let dense = || {
        AutoEncoder::builder()
            .encoder(Dense::<X, 4>::new(Tanh))
            .target_decoder(Dense::<4, Y>::new(Identity))
            .loss(Targeted(Huber::new(0.3).unwrap()))
            .regularizer(CodeL1::new(0.01).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(dense, (&x, &y)).assert();
    let variational = || {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::<X, 4>::new(Tanh),
                Dense::<4, 2>::new(Identity),
                Dense::<4, 2>::new(Identity),
            ))
            .target_decoder(Dense::<2, Y>::new(Identity))
            .regularizer(Variational::new(1.0).unwrap())
            .build::<f64>()
            .unwrap()
    };
    contract::model(variational, (&x, &y)).assert();
}

/// y = A x + a few atoms: with a skip all of it is learned, without one the code has to say A x too.
#[test]
fn a_skip_takes_what_is_linear() {
    let (samples, mut rng) = (4000, seeded(5));
    let x = drawn::<X, f32>(samples, 4);
    let map: Vec<f32> = (0..X * Y).map(|_| rng.random_range(-2.0..2.0)).collect();
    let mut y = Batch::<f32, Const<Y>>::zeros(Const, samples);
    for (x, y) in x.iter().zip(y.as_mut_slice().chunks_mut(Y)) {
        for (at, y) in y.iter_mut().enumerate() {
            *y = (0..X).map(|input| map[input * Y + at] * x[input]).sum();
        }
        y[0] += (x[0] - 0.5).max(0.0); // one kink, for one unit
    }
    let trained = |dictionary: TargetDictionary<Const<Y>>| {
        let mut model = AutoEncoder::builder()
            .encoder(encoder(1).without_pre_bias())
            .target_decoder(dictionary)
            .build::<f32>()
            .unwrap();
        let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(30).batch_size(100);
        trainer.fit(&mut model, (&x, &y)).unwrap();
        model.loss((&x, &y)).unwrap().total()
    };
    let (with, without) = (trained(plain().with_skip()), trained(plain()));
    assert!(with < 0.005 && without > 0.1, "{with} with a skip, {without} without");
}

#[test]
fn a_stream_gives_the_bits_of_memory_and_missing_targets_are_refused() {
    let (x, y) = (drawn::<X, f64>(40, 1), drawn::<Y, f64>(40, 2));
    let fresh = || model(encoder(3), plain().with_skip(), NoRegularizer);
    let trainer = || Trainer::new(Adam::new(0.01).unwrap()).epochs(2).batch_size(8).shuffle(false);
    let (mut from_memory, mut from_stream) = (fresh(), fresh());
    trainer().fit(&mut from_memory, (&x, &y)).unwrap();
    let mut streams = (InMemory::from(&x), InMemory::from(&y));
    trainer().fit(&mut from_stream, (&mut streams.0, &mut streams.1)).unwrap();
    assert_eq!(from_memory.parameters(), from_stream.parameters());
    let expected = from_memory.score((&x, &y)).unwrap();
    assert_eq!(from_stream.score((&mut streams.0, &mut streams.1)).unwrap(), expected);
    assert_eq!(
        from_stream.encode_sparse(&mut streams.0).unwrap(),
        from_memory.encode_sparse(&x).unwrap()
    );

    let text = |result: Result<Report>| result.unwrap_err().to_string();
    let short = drawn::<Y, f64>(39, 2);
    let found = text(trainer().fit(&mut fresh(), (&x, &short)));
    assert_eq!(found, "the targets of fit: expected 40 targets, found 39");
    let found =
        text(trainer().fit(&mut fresh(), (&mut InMemory::from(&x), &mut InMemory::from(&short))));
    assert_eq!(found, "the targets of fit: expected 40 targets, found 39");
    let mut broken = y.clone();
    broken.as_mut_slice()[Y * 17 + 1] = f64::NAN;
    let found = text(trainer().fit(&mut fresh(), (&x, &broken)));
    assert!(found.starts_with("the targets of fit: ") && found.contains("sample 17"), "{found}");
    let found =
        text(trainer().fit(&mut fresh(), (&mut InMemory::from(&x), &mut InMemory::from(&broken))));
    assert!(found.contains("the targets of fit: ") && found.contains("sample 17"), "{found}");
    let held_out = Examples::of((&x, &y)).held_out((&x, &broken));
    let found = text(trainer().fit(&mut fresh(), held_out));
    assert!(found.starts_with("the targets of validation: "), "{found}");
    // One value that is no number does not hide another on which the loss is not defined.
    let mut both: Batch<f64, Const<Y>> = (0..40).map(|at| [at as f64, 1.0, 2.0]).collect();
    both.as_mut_slice()[0] = f64::NAN;
    both.as_mut_slice()[Y * 30] = -1.0;
    let mut counted = AutoEncoder::builder()
        .encoder(Dense::<X, 4>::new(Tanh))
        .target_decoder(Dense::<4, Y>::new(Identity))
        .loss(Targeted(PoissonLikelihood))
        .normalizer(Normalizer::fit(Normalization::Standardize, &x).unwrap())
        .build::<f64>()
        .unwrap();
    let skipping = trainer().on_divergence(OnDivergence::SkipBatch { limit: 9 });
    let streams = (&mut InMemory::from(&x), &mut InMemory::from(&both));
    let found = text({ skipping }.fit(&mut counted, streams));
    assert!(found.contains("sample 30") && found.contains("-1"), "{found}");
    assert!(!found.contains("normalizer"), "targets do not go through it: {found}");
    // What its loss is not defined on.
    let mut counts = AutoEncoder::builder()
        .encoder(Dense::<X, 4>::new(Tanh))
        .target_decoder(Dense::<4, Y>::new(Identity))
        .loss(Targeted(PoissonLikelihood))
        .build::<f64>()
        .unwrap();
    let found = text(trainer().fit(&mut counts, (&x, &y)));
    assert!(found.starts_with("the targets of fit: "), "{found}");
    let whole: Batch<f64, Const<Y>> = (0..40).map(|at| [at as f64, 1.0, 2.0]).collect();
    trainer().fit(&mut counts, (&x, &whole)).unwrap();
    assert!(
        counts.predict(&x).unwrap().as_slice().iter().all(|&rate| rate > 0.0),
        "rates, and not their logarithms"
    );
}

#[cfg(feature = "safetensors")]
#[test]
fn a_run_is_taken_up_with_the_same_targets_only() {
    use autoencoder::train::Checkpoints;
    let folder = std::env::temp_dir().join(format!("transcoder-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("checkpoint");
    let (x, y) = (drawn::<X, f64>(40, 1), drawn::<Y, f64>(40, 2));
    let aux = || AuxK::new(2).unwrap().dead_after(16).unwrap();
    let fresh = || model(encoder(1), plain().with_skip(), aux());
    let trainer = |epochs| Trainer::new(Adam::new(0.01).unwrap()).epochs(epochs).batch_size(8);
    let saved = || Checkpoints::new(&path).resume(true);
    let mut whole = fresh();
    trainer(6).fit(&mut whole, (&x, &y)).unwrap();
    trainer(3).checkpoints(saved()).fit(&mut fresh(), (&x, &y)).unwrap();
    let mut resumed = fresh();
    trainer(6).checkpoints(saved()).fit(&mut resumed, (&x, &y)).unwrap();
    assert_eq!(whole.parameters(), resumed.parameters());
    let other = drawn::<Y, f64>(40, 3);
    let refused = trainer(9).checkpoints(saved()).fit(&mut fresh(), (&x, &other));
    assert!(refused.unwrap_err().to_string().contains("targets with digest"));
    // Targets that are whole numbers are no labels, and may be large.
    let counts = |size: f64| Batch::<f64, Const<Y>>::from_iter([[size; Y]; 40]);
    let other = folder.join("counts");
    let to = || Checkpoints::new(&other).resume(true);
    let few = || Trainer::new(Sgd::new(1e-30).unwrap()).checkpoints(to());
    few().epochs(1).fit(&mut fresh(), (&x, &counts(1e20))).unwrap();
    let refused = few().epochs(2).fit(&mut fresh(), (&x, &counts(3e20))).unwrap_err().to_string();
    assert!(refused.contains("targets with digest"), "{refused}");

    // Files of a model say what they are of.
    let file = folder.join("model");
    whole.save(&file).unwrap();
    let mut loaded = fresh();
    loaded.load(&file).unwrap();
    assert_eq!(loaded.predict(&x).unwrap(), whole.predict(&x).unwrap());
    let square = |targeted: bool| -> Result<()> {
        if targeted {
            let builder = AutoEncoder::builder().encoder(Dense::<X, X>::new(Tanh));
            let mut of_targets = builder.target_decoder(Dense::<X, X>::new(Tanh)).build::<f64>()?;
            of_targets.load(folder.join("square"))
        } else {
            let builder = AutoEncoder::builder().encoder(Dense::<X, X>::new(Tanh));
            builder.decoder(Dense::<X, X>::new(Tanh)).build::<f64>()?.save(folder.join("square"))
        }
    };
    square(false).unwrap();
    assert!(matches!(square(true), Err(Error::DoesNotFit { .. })));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn plain_weights_say_what_the_transcoder_says() {
    let (x, y) = (drawn::<X, f64>(40, 1), drawn::<Y, f64>(40, 2));
    let x = Batch::new(Const::<X>, x.as_slice().iter().map(|x| 3.0 + 2.0 * x).collect()).unwrap();
    let normalizers = [
        Normalizer::fit(Normalization::Standardize, &x).unwrap(),
        Normalizer::fit_mean_norm(&mut InMemory::from(&x)).unwrap(),
    ];
    for normalizer in normalizers.into_iter().map(Some).chain([None]) {
        for dictionary in [plain(), plain().with_skip()] {
            let dictionary = || dictionary.clone();
            for pre_bias in [true, false] {
                let encoder = || if pre_bias { encoder(3) } else { encoder(3).without_pre_bias() };
                let builder =
                    AutoEncoder::builder().encoder(encoder()).target_decoder(dictionary());
                let builder = match &normalizer {
                    Some(normalizer) => builder.normalizer(normalizer.clone()),
                    None => builder,
                };
                let mut model = builder.build::<f64>().unwrap();
                let mut trainer = Trainer::new(Adam::new(0.02).unwrap()).epochs(4).batch_size(20);
                trainer.fit(&mut model, (&x, &y)).unwrap();
                let folded = model.sparse_dictionary().unwrap();
                let found = folded.reconstruct(x.view()).unwrap();
                let expected = model.predict(&x).unwrap();
                for (a, b) in found.as_slice().iter().zip(expected.as_slice()) {
                    assert!((a - b).abs() < 1e-10, "{a} {b}");
                }
                // And back.
                let other = AutoEncoder::builder().encoder(encoder()).target_decoder(dictionary());
                let mut other = other.seed(7).build::<f64>().unwrap();
                other.set_sparse_dictionary(&folded).unwrap();
                let taken = other.predict(&x).unwrap();
                for (a, b) in taken.as_slice().iter().zip(expected.as_slice()) {
                    assert!((a - b).abs() < 1e-10, "{a} {b}");
                }
                let units = |codes: SparseBatch<f64>| -> Vec<Vec<usize>> {
                    codes.iter().map(|code| code.iter().map(|(unit, _)| unit).collect()).collect()
                };
                let codes = folded.encode(x.view()).unwrap();
                assert_eq!(units(codes), units(model.encode_sparse(&x).unwrap()));
            }
        }
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let text = |error: Error| error.to_string();
    let (x, _) = pairs(1);
    // Directions of samples are none of targets.
    let revived = AutoEncoder::builder()
        .encoder(encoder(1))
        .target_decoder(plain())
        .regularizer(Resampling::new(1, 7).unwrap())
        .build::<f64>();
    assert_eq!(
        text(revived.unwrap_err()),
        "Resampling gives atoms the directions of samples, and this model makes something else of them: take AuxK"
    );
    // A skip in a chain, and behind a dense code.
    let trained = model(encoder(3), plain().with_skip(), NoRegularizer).trained_decoder();
    let chained = AutoEncoder::builder()
        .encoder(Dense::<X, UNITS>::new(Relu))
        .target_decoder(trained.clone().then(Dense::<Y, Y>::new(Identity)))
        .build::<f64>();
    assert!(text(chained.unwrap_err()).starts_with("a layer of a chain has a skip"));
    let dense = AutoEncoder::builder()
        .encoder(Dense::<X, UNITS>::new(Relu))
        .target_decoder(trained.clone())
        .build::<f64>();
    assert!(text(dense.unwrap_err()).starts_with("the decoder has a skip"));
    let wider = AutoEncoder::builder()
        .encoder(SparseEncoder::<4, UNITS>::new(TopK::new(3).unwrap()))
        .target_decoder(trained)
        .build::<f64>();
    assert_eq!(text(wider.unwrap_err()), "the skip of the decoder: expected 4 features, found 5");
    let square = SparseEncoder::<X, UNITS>::new(TopK::new(3).unwrap());
    let to_inputs = Dictionary::new().to::<X>().with_skip();
    let builder = AutoEncoder::builder().encoder(square.clone()).target_decoder(to_inputs);
    let skipping = builder.build::<f64>().unwrap().trained_decoder();
    let identity = AutoEncoder::builder().encoder(square).decoder(skipping).build::<f64>();
    assert!(
        text(identity.unwrap_err()).starts_with("the decoder has a skip, which is for a target")
    );
    // A loss in a box inside, and a box around.
    let inner: Box<dyn Loss<f64>> = Box::new(CrossEntropy);
    let classes = AutoEncoder::builder()
        .encoder(Dense::<X, 4>::new(Relu))
        .target_decoder(Dense::<4, Y>::new(Identity))
        .loss(Targeted(inner))
        .build::<f64>();
    assert!(text(classes.unwrap_err()).starts_with("Targeted has a loss that does not compare"));
    let outer: Box<dyn Loss<f64>> = Box::new(Targeted(SquaredError));
    let input = AutoEncoder::builder()
        .encoder(Dense::<X, 4>::new(Relu))
        .decoder(Dense::<4, X>::new(Identity))
        .loss(outer)
        .build::<f64>();
    assert!(text(input.unwrap_err()).starts_with("a loss in a box compares with a target"));
    // Sizes that only numbers tell.
    let boxed = AutoEncoder::builder()
        .encoder(SparseEncoder::dynamic(X, UNITS, TopK::new(3).unwrap()).boxed())
        .target_decoder(Dictionary::new().to_dynamic(Y).with_skip())
        .build::<f64>()
        .unwrap();
    let refused =
        boxed.loss((&x.clone().into_dynamic(), &drawn::<4, f64>(SAMPLES, 1).into_dynamic()));
    assert_eq!(text(refused.unwrap_err()), "the targets of loss: expected 3 features, found 4");
    let _: &Any<f64, Dyn, Dyn, _, _> = boxed.encoder();
}

#[test]
fn a_checkup_says_how_much_of_the_targets_is_explained() {
    let (x, y) = (drawn::<X, f64>(60, 1), drawn::<Y, f64>(60, 2));
    let model = model(encoder(3), plain().with_skip(), NoRegularizer);
    let checkup = Checkup::of(&model, (&x, &y)).unwrap();
    let predicted = model.predict(&x).unwrap();
    let (mut missed, mut spread) = (0.0, 0.0);
    for at in 0..Y {
        let mean = y.iter().map(|y| y[at]).sum::<f64>() / 60.0;
        spread += y.iter().map(|y| (y[at] - mean).powi(2)).sum::<f64>();
        missed += y.iter().zip(predicted.iter()).map(|(y, p)| (y[at] - p[at]).powi(2)).sum::<f64>();
    }
    let found = checkup.explained_variance.unwrap();
    assert!((found - (1.0 - missed / spread)).abs() < 1e-12, "{found}");
    // And its dictionary is judged by the same predictions.
    let of_dictionary = checkup.dictionary.unwrap().fidelity.explained_variance().unwrap();
    assert!((of_dictionary - found).abs() < 1e-12, "{of_dictionary}");
}

#[test]
fn nothing_of_a_step_is_drawn() {
    let (x, y) = pairs(1);
    let model = model(encoder(3), plain().with_skip(), NoRegularizer);
    let mut gradients = [vec![1.0; model.num_parameters()], vec![2.0; model.num_parameters()]];
    let [first, second] = &mut gradients;
    let one = model.objective((&x, &y), None, Some(first)).unwrap();
    let other = model.objective((&x, &y), Some(Streams::new(5, 1, &[])), Some(second)).unwrap();
    assert_eq!((one.total(), &gradients[0]), (other.total(), &gradients[1]));
}

#[test]
fn targets_that_no_output_comes_near_are_warned_of() {
    let (x, y) = (drawn::<X, f64>(40, 1), drawn::<Y, f64>(40, 2));
    let warned = |y: &Batch<f64, Const<Y>>| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<X, 4>::new(Tanh))
            .target_decoder(Dense::<4, Y>::new(Tanh))
            .build::<f64>()
            .unwrap();
        let report = Trainer::new(Adam::new(0.01).unwrap()).fit(&mut model, (&x, y)).unwrap();
        report.warnings.iter().any(|warning| matches!(warning, train::Warning::OutsideRange { .. }))
    };
    let far = Batch::new(Const::<Y>, y.as_slice().iter().map(|y| 50.0 + y).collect()).unwrap();
    assert!(warned(&far) && !warned(&y));
}

/// Targets far from 0 kill most units, unless the bias begins there.
#[test]
fn a_first_bias_takes_the_mean_of_targets() {
    let (x, y) = (drawn::<X, f64>(400, 1), drawn::<Y, f64>(400, 2));
    let y = Batch::new(Const::<Y>, y.as_slice().iter().map(|y| 50.0 + y).collect()).unwrap();
    let build = |dictionary: TargetDictionary<Const<Y>>| {
        AutoEncoder::builder().encoder(encoder(2)).target_decoder(dictionary).build::<f64>()
    };
    let alive = |dictionary| {
        let mut model = build(dictionary).unwrap();
        let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(10).batch_size(40);
        trainer.fit(&mut model, (&x, &y)).unwrap();
        let codes = model.encode(&x).unwrap();
        (0..UNITS).filter(|&unit| codes.iter().any(|code| code[unit] != 0.0)).count()
    };
    let mean = vec![50.0; Y];
    let first = build(plain().bias(&mean)).unwrap();
    assert_eq!(first.parameter("decoder.0.bias").unwrap(), mean);
    let (with, without) = (alive(plain().bias(&mean)), alive(plain()));
    assert!(with > without + 3, "{with} of {UNITS} are alive, and {without}");
    let text = |first: &[f64]| build(plain().bias(first)).unwrap_err().to_string();
    assert_eq!(text(&[1.0]), "the first bias of a Dictionary: expected 3 values, found 1");
    assert!(text(&[1.0, f64::NAN, 0.0]).starts_with("the first bias of a Dictionary"));
}
