//! Nothing is allocated in a training step after the first, nor in the calls that end in `_into`. A thread's first
//! product allocates the workspace of all its products.

use allocation_counter::AllocationInfo;
use autoencoder::activation::*;
use autoencoder::corruption::{
    Absences, Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper, SwapNoise,
};
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::layer::{AnyPart, ConditionedPart, DenseLayer, Interpolation, Unconditioned};
use autoencoder::loss::{Categorical, LearnedGaussian, LossFor, Mixed, WithInput};
use autoencoder::optimizer::{Method, Trains};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::regularizer::{AuxK, DictionaryL1, Kernel, Matryoshka, RegularizerFor, SuitedTo};
use autoencoder::size::Image;
use autoencoder::train::schedule::{Constant, Cyclical, Warmup};
use autoencoder::*;
use common::with_shares;
use nalgebra::{Const, Dyn};

/// What the work allocates on a thread that has its products' workspace.
fn measure(work: impl FnOnce()) -> AllocationInfo {
    small(NoRegularizer).encode(&data(5, 40)).unwrap();
    allocation_counter::measure(work)
}

fn data(features: usize, samples: usize) -> Batch<f32, Dyn> {
    let values = (0..features * samples).map(|k| (k % 17) as f32 / 17.0).collect();
    Batch::new(Dyn(features), values).unwrap()
}

/// Allocations of so many further training steps.
fn of_steps<E, D, R, L, O>(
    build: impl Fn() -> AutoEncoder<E, D, R, L>,
    optimizer: O,
    steps: u64,
    batch: usize,
) -> u64
where
    E: Part<Input = Dyn, Condition = Unconditioned>,
    D: Part<Output = Dyn>,
    L: LossFor<D, Target = WithInput> + Loss<f32>,
    O: Method<f32> + Trains + Clone,
{
    let count = |batches: u64| {
        let mut model = build();
        let x = data(model.encoder().num_inputs(), batches as usize * batch);
        let x = with_shares(model.loss_function(), &x);
        let mut trainer = Trainer::new(optimizer.clone()).epochs(1).batch_size(batch);
        measure(|| {
            trainer.fit(&mut model, &x).unwrap();
        })
        .count_total
    };
    // Both trainings allocate the same for their first step, their report, and their order.
    let few = 3;
    count(few + steps) - count(few)
}

const STEPS: u64 = 10;

type Small<A> = DenseLayer<Dyn, Dyn, A>;

fn small<R: Regularizer<f32> + SuitedTo<Small<Sigmoid>>>(
    regularizer: R,
) -> AutoEncoder<Small<Sigmoid>, Small<Identity>, R> {
    AutoEncoder::builder()
        .encoder(Dense::dynamic(5, 4, Sigmoid))
        .decoder(Dense::dynamic(4, 5, Identity))
        .regularizer(regularizer)
        .build()
        .unwrap()
}

#[test]
#[allow(clippy::single_range_in_vec_init)] // cells, and not their features
fn regularizers_and_corruptions() {
    let adam = Adam::new(1e-3).unwrap();
    let kl = SparseKl::new(0.1, 0.5).unwrap();
    let mask = Masking::new(0.3).unwrap();
    type Make = fn() -> Box<dyn RegularizerFor<Small<Sigmoid>, f32>>;
    let regularizers: [(&str, Make); 9] = [
        ("none", || Box::new(NoRegularizer)),
        ("sparse", || Box::new(SparseKl::new(0.1, 0.5).unwrap())),
        ("running", || Box::new(SparseKl::new(0.1, 0.5).unwrap().running(0.9).unwrap())),
        ("contractive", || Box::new(Contractive::new(0.1).unwrap())),
        ("weight decay", || Box::new(WeightDecay::new(0.1).unwrap())),
        ("code L1", || Box::new(CodeL1::new(0.1).unwrap())),
        ("gaussian noise", || Box::new(Denoising::new(GaussianNoise::new(0.1).unwrap()))),
        ("salt and pepper", || Box::new(Denoising::new(SaltAndPepper::new(0.1).unwrap()))),
        ("list", || {
            Box::new(vec![Box::new(CodeL1::new(0.1).unwrap()) as Box<dyn Regularizer<f32>>])
        }),
    ];
    for (name, make) in regularizers {
        assert_eq!(of_steps(|| small(make()), adam, STEPS, 3), 0, "{name}");
    }
    let all = || {
        small((
            kl.clone(),
            Denoising::new((mask, Box::new(mask) as Box<dyn Corruption<f32>>)),
            WeightDecay::new(0.1).unwrap(),
        ))
    };
    assert_eq!(of_steps(all, adam, STEPS, 3), 0);
    // Codes as pairs of a unit and a value, and a second code of units that are dead.
    let sparse = || {
        let dead = AuxK::new(2).unwrap().dead_after(1).unwrap();
        AutoEncoder::builder()
            .encoder(SparseEncoder::dynamic(5, 30, TopK::new(3).unwrap()))
            .decoder(Dictionary::new())
            .regularizer((dead, Matryoshka::new([7, 20]).unwrap(), DictionaryL1::new(0.1).unwrap()))
            .build()
            .unwrap()
    };
    assert_eq!(of_steps(sparse, adam, STEPS, 3), 0, "pairs");
    // With values that are made missing, filled and swapped.
    let missing = || {
        let absences = Absences::new(0.3).unwrap().cells(std::iter::once(1..3)).unwrap();
        let swaps = SwapNoise::new(0.2, &data(5, 9)).unwrap();
        let none = Normalizer::from_parts(Normalization::None, [], []).unwrap();
        AutoEncoder::builder()
            .encoder(Dense::dynamic(5, 4, Sigmoid))
            .decoder(Dense::dynamic(4, 5, Identity))
            .regularizer(Denoising::new((absences, swaps)))
            .normalizer(none.with_fills([0.5; 5]).unwrap())
            .build()
            .unwrap()
    };
    assert_eq!(of_steps(missing, adam, STEPS, 3), 0);
}

#[test]
fn activations_losses_and_optimizers() {
    macro_rules! run {
        ($activation:expr, $loss:expr, $optimizer:expr) => {{
            let build = || {
                AutoEncoder::builder()
                    .encoder(Dense::dynamic(5, 3, $activation).then(Dense::dynamic(
                        3,
                        4,
                        $activation,
                    )))
                    .decoder(Dense::dynamic(4, 3, $activation).then(Dense::dynamic(3, 5, Identity)))
                    .regularizer(Contractive::new(0.1).unwrap().hutchinson(1).unwrap())
                    .loss($loss)
                    .build()
                    .unwrap()
            };
            assert_eq!(of_steps(build, $optimizer, STEPS, 4), 0);
        }};
    }
    let sgd = Sgd::new(1e-3).unwrap();
    run!(Identity, SquaredError, sgd);
    run!(Sigmoid, BernoulliCrossEntropy, sgd.momentum(0.9).unwrap());
    run!(Tanh, Huber::default(), sgd.nesterov(0.9).unwrap());
    run!(Relu, SquaredError, AdamW::new(1e-3, 0.1).unwrap());
    run!(LeakyRelu::default(), SquaredError, sgd.nesterov_schedule(0.99).unwrap());
    run!(Elu::default(), SquaredError, RmsProp::new(1e-3).unwrap().momentum(0.9).unwrap());
    run!(Gelu, SquaredError, sgd);
    run!(Softplus, SquaredError, sgd);
    run!(Tanh, SquaredError, Lbfgs::new().history(3).unwrap());
    run!(Sigmoid, Huber::default(), Lbfgs::new().iterations_per_batch(2).unwrap());
}

#[test]
fn tied_and_frozen_parts() {
    let tied = || {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(5, 4, Gelu).then(Dense::dynamic(4, 3, Sigmoid)))
            .decoder(Tied::new(Softplus))
            .regularizer(Contractive::new(0.1).unwrap())
            .build()
            .unwrap()
    };
    assert_eq!(of_steps(tied, Adam::new(1e-3).unwrap(), STEPS, 4), 0);
    let frozen = || {
        let first = Dense::dynamic(5, 4, Tanh).frozen();
        AutoEncoder::builder()
            .encoder(first.then(Dense::dynamic(4, 3, Sigmoid)))
            .decoder(Dense::dynamic(3, 5, Identity).frozen())
            .build()
            .unwrap()
    };
    assert_eq!(of_steps(frozen, Adam::new(1e-3).unwrap(), STEPS, 4), 0);
    assert_eq!(of_steps(frozen, Lbfgs::new(), STEPS, 4), 0);
}

#[test]
fn normalized_and_residual_parts() {
    let build = || {
        let body = LayerNorm::dynamic(5).then(Dense::dynamic(5, 5, Tanh));
        AutoEncoder::builder()
            .encoder(Residual::new(body).then(Dense::dynamic(5, 4, Sigmoid)))
            .decoder(GroupNorm::dynamic(Dyn(4), 2).then(Dense::dynamic(4, 5, Identity)))
            .regularizer(Contractive::new(0.1).unwrap())
            .build()
            .unwrap()
    };
    assert_eq!(of_steps(build, Adam::new(1e-3).unwrap(), STEPS, 4), 0);
}

#[test]
fn convolutions() {
    let build = || {
        let (whole, half) = (Image::<1, 6, 5>, Image::<3, 3, 3>);
        AutoEncoder::builder()
            .encoder(Conv2d::between(whole, half, 3, Tanh).stride(2).boxed())
            .decoder(ConvTranspose2d::between(half, whole, 3, Identity).stride(2).boxed())
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f32>()
            .unwrap()
    };
    // This thread's memory for what lies between zeros.
    build().reconstruct(&data(30, 4)).unwrap();
    assert_eq!(of_steps(build, Adam::new(1e-3).unwrap(), STEPS, 4), 0);
}

#[test]
fn layers_that_resize() {
    let resizing = || {
        let maps = Image::<2, 6, 5>;
        let pooled = MaxPool2d::between(maps, Image::<2, 3, 3>, 2).boxed();
        let mean = AveragePool2d::between(Image::<2, 3, 3>, Image::<2, 1, 1>, 3).boxed();
        let larger =
            Upsample2d::between(Image::<2, 1, 1>, Image::<2, 3, 5>, Interpolation::Linear).boxed();
        let ends = [Dense::dynamic(7, 60, Tanh).boxed(), Dense::dynamic(30, 7, Identity).boxed()];
        let [first, last] = ends;
        AutoEncoder::builder()
            .encoder(Any::of([first, pooled, mean]).unwrap())
            .decoder(Any::of([larger, last]).unwrap())
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f32>()
            .unwrap()
    };
    // This thread's memory between rows and columns.
    resizing().reconstruct(&data(7, 4)).unwrap();
    assert_eq!(of_steps(resizing, Adam::new(1e-3).unwrap(), STEPS, 4), 0);
}

/// A dense layer that is given two numbers beside its inputs.
type Told<const N: usize, const INPUTS: usize, const O: usize, A> =
    ConditionedPart<DenseLayer<Const<INPUTS>, Const<O>, A>, Const<N>, Const<2>>;

fn conditional_classifier() -> Classifier<Told<5, 7, 4, Tanh>, Told<4, 6, 3, Identity>> {
    AutoEncoder::builder()
        .encoder(Conditioned::<5, 2, _>::new(Dense::<7, 4>::new(Tanh)))
        .head(Conditioned::<4, 2, _>::new(Dense::<6, 3>::new(Identity)))
        .build()
        .unwrap()
}

#[test]
fn classifiers() {
    let count = |batches: usize| {
        let builder = AutoEncoder::builder().encoder(Dense::dynamic(5, 4, Tanh)).classes::<3>();
        let mut classifier = builder.build::<f32>().unwrap();
        let x = data(5, batches * 4);
        let labels: Vec<usize> = (0..x.samples()).map(|sample| sample % 3).collect();
        let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).batch_size(4);
        measure(|| {
            trainer.fit(&mut classifier, (&x, &labels)).unwrap();
        })
        .count_total
    };
    assert_eq!(count(13), count(3));
    let of_conditional = |batches: usize| {
        let mut classifier = conditional_classifier();
        let x = data(5, batches * 4).with_features::<5>().unwrap();
        let c = data(2, batches * 4).with_features::<2>().unwrap();
        let labels: Vec<usize> = (0..x.samples()).map(|sample| sample % 3).collect();
        let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).batch_size(4);
        measure(|| {
            trainer.fit(&mut classifier, (&x, &c, &labels)).unwrap();
        })
        .count_total
    };
    assert_eq!(of_conditional(13), of_conditional(3));
}

#[test]
fn conditional_steps() {
    let count = |batches: usize, epochs: usize, validated: bool| {
        let encoder = Gaussian::new(
            Dense::<5, 4>::new(Tanh),
            Dense::<4, 2>::new(Identity),
            Dense::<4, 2>::new(Identity),
        );
        let mut model = AutoEncoder::builder()
            .encoder(Conditioned::<3, 2, _>::new(encoder))
            .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 3>::new(Identity)))
            .regularizer(Variational::default().draws(3).unwrap())
            .build::<f32>()
            .unwrap();
        let x = data(3, batches * 4).with_features::<3>().unwrap();
        let c = data(2, batches * 4).with_features::<2>().unwrap();
        let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(epochs).batch_size(4);
        if validated {
            trainer = trainer.validation_split(0.25);
        }
        measure(|| {
            trainer.fit(&mut model, (&x, &c)).unwrap();
        })
        .count_total
    };
    assert_eq!(count(13, 1, false), count(3, 1, false));
    // Validation takes more conditions than a step; neither makes room anew.
    let of_epochs = |epochs| count(8, epochs, true) - count(8, 2, true);
    assert_eq!(of_epochs(4), 2 * of_epochs(3));
    assert_eq!(count(16, 3, true) - count(16, 2, true), of_epochs(3));
}

#[test]
fn weighted_steps() {
    let count = |batches: usize| {
        let mut model = small((SparseKl::new(0.1, 0.5).unwrap(), CodeL1::new(0.1).unwrap()));
        let x = data(5, batches * 4);
        let weights: Vec<f64> = (0..x.samples()).map(|sample| (sample % 3) as f64).collect();
        let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).batch_size(4);
        measure(|| {
            trainer.fit(&mut model, Examples::of(&x).weights(&weights)).unwrap();
        })
        .count_total
    };
    assert_eq!(count(13), count(3));
}

#[test]
fn variational_steps() {
    let build = || {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::dynamic(5, 4, Tanh),
                Dense::dynamic(4, 2, Identity),
                Dense::dynamic(4, 2, Identity),
            ))
            .decoder(Dense::dynamic(2, 5, Identity))
            .regularizer((Variational::default(), Contractive::new(0.1).unwrap()))
            .loss(BernoulliCrossEntropy)
            .build()
            .unwrap()
    };
    assert_eq!(of_steps(build, Adam::new(1e-3).unwrap(), STEPS, 4), 0);
}

type Heads = Small<Identity>;
type Posterior = Gaussian<Small<Tanh>, Heads, Heads>;
type Objective = Box<dyn RegularizerFor<Posterior, f32>>;
type Likelihood = Box<dyn Loss<f32>>;

fn generative(
    objective: Objective,
    likelihood: Likelihood,
) -> AutoEncoder<Posterior, Heads, Objective, Likelihood> {
    let head = || Dense::dynamic(4, 2, Identity);
    AutoEncoder::builder()
        .encoder(Gaussian::new(Dense::dynamic(5, 4, Tanh), head(), head()))
        .decoder(Dense::dynamic(2, 5, Identity))
        .regularizer(objective)
        .loss(likelihood)
        .build()
        .unwrap()
}

/// Allocations of so many further epochs, each of one step and one validation; those of the report are some
/// doublings of its length.
fn of_validations(build: impl Fn() -> AutoEncoder<Posterior, Heads, Objective, Likelihood>) -> u64 {
    let count = |epochs: usize| {
        let mut model = build();
        let x = with_shares(model.loss_function(), &data(5, 4));
        let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(epochs).batch_size(4);
        measure(|| {
            trainer.fit(&mut model, Examples::of(&x).held_out(&x)).unwrap();
        })
        .count_total
    };
    count(13) - count(3)
}

#[test]
fn objectives_and_priors() {
    let plain = Variational::default;
    let of_report = of_validations(|| generative(Box::new(plain()), Box::new(SquaredError)));
    type Make = fn() -> Objective;
    fn iw(draws: usize) -> ImportanceWeighted {
        ImportanceWeighted::new(draws).unwrap()
    }
    fn vamp() -> VampPrior {
        VampPrior::new(3).unwrap()
    }
    fn mixture() -> GaussianMixture {
        GaussianMixture::new(3).unwrap()
    }
    let objectives: [(&str, Make); 14] = [
        ("warm-up", || {
            Box::new(Variational::default().schedule(Warmup::new(20, Constant).unwrap()))
        }),
        ("cyclical", || Box::new(Variational::default().schedule(Cyclical::new(5, 0.5).unwrap()))),
        ("capacity", || Box::new(Variational::default().capacity(3.0, Constant).unwrap())),
        ("free bits", || Box::new(Variational::default().free_bits(0.1).unwrap())),
        ("draws", || Box::new(Variational::default().draws(3).unwrap())),
        ("mixture", || Box::new(Variational::default().prior(mixture()).draws(2).unwrap())),
        ("VampPrior", || Box::new(Variational::default().prior(vamp()))),
        ("importance-weighted", || Box::new(iw(3))),
        ("importance-weighted, mixture", || Box::new(iw(3).prior(mixture()))),
        ("importance-weighted, VampPrior", || Box::new(iw(1).prior(vamp()))),
        ("discrepancy", || Box::new(Mmd::new(1.0).unwrap())),
        ("discrepancy, Gaussian", || {
            let mmd = Mmd::new(1.0).unwrap().kernel(Kernel::Gaussian);
            Box::new((Variational::default().draws(2).unwrap(), mmd))
        }),
        ("total correlation", || {
            Box::new((Variational::default(), TotalCorrelation::new(1.0, 9).unwrap()))
        }),
        ("binarised", || Box::new((Variational::default(), Binarize))),
    ];
    for (name, make) in objectives {
        let build = || generative(make(), Box::new(BernoulliCrossEntropy));
        assert_eq!(of_steps(build, Adam::new(1e-3).unwrap(), STEPS, 4), 0, "{name}");
        assert_eq!(of_validations(build), of_report, "{name}, validated");
    }
}

#[test]
fn likelihoods() {
    type Make = fn() -> Likelihood;
    let likelihoods: [(&str, Make); 6] = [
        ("Bernoulli", || Box::new(BernoulliCrossEntropy)),
        ("continuous Bernoulli", || Box::new(ContinuousBernoulli)),
        ("learned, shared", || Box::new(LearnedGaussian::shared())),
        ("learned, per feature", || Box::new(LearnedGaussian::per_feature())),
        ("categorical", || Box::new(Categorical::new(&[2, 3]).unwrap())),
        ("mixed", || {
            let mixed = Mixed::new().columns(2, LearnedGaussian::per_feature());
            let mixed = mixed.columns(1, BernoulliCrossEntropy);
            Box::new(mixed.columns(2, Categorical::new(&[2]).unwrap()))
        }),
    ];
    let plain = || generative(Box::new(Variational::default()), Box::new(SquaredError));
    let of_report = of_validations(plain);
    for (name, make) in likelihoods {
        let objectives: [fn() -> Objective; 2] =
            [|| Box::new(Variational::default()), || Box::new(ImportanceWeighted::new(3).unwrap())];
        for objective in objectives {
            let build = || generative(objective(), make());
            assert_eq!(of_steps(build, Adam::new(1e-3).unwrap(), STEPS, 4), 0, "{name}");
            assert_eq!(of_validations(build), of_report, "{name}, validated");
        }
    }
}

#[test]
fn products_of_every_size() {
    for sizes in [[64, 32], [300, 70], [5, 1], [1, 3]] {
        let [inputs, code] = sizes;
        let build = || {
            AutoEncoder::builder()
                .encoder(Dense::dynamic(inputs, code, Sigmoid))
                .decoder(Dense::dynamic(code, inputs, Sigmoid))
                .build()
                .unwrap()
        };
        for batch in [1, 2, 16, 40] {
            let found = of_steps(build, Adam::new(1e-3).unwrap(), STEPS, batch);
            assert_eq!(found, 0, "{inputs}-{code}, batch {batch}");
        }
    }
}

/// Where blocks are shared out among threads, each has memory of its own, which is kept in the caller's workspace.
#[test]
#[cfg(feature = "parallel")]
fn calls_into_memory_of_the_callers_on_threads() {
    let model = small(NoRegularizer);
    let x = data(5, 4000);
    let mut workspace = model.workspace();
    let (mut codes, mut outputs) = (Batch::zeros(Dyn(4), 0), Batch::zeros(Dyn(5), 0));
    let mut call = || {
        model.encode_into(&x, &mut codes, &mut workspace).unwrap();
        model.decode_into(&codes, &mut outputs, &mut workspace).unwrap();
        model.reconstruct_into(&x, &mut outputs, &mut workspace).unwrap();
    };
    let threads = Threads::new(2).unwrap();
    // Either thread may do either share.
    (0..3).for_each(|_| threads.run(&mut call));
    assert_eq!(threads.run(|| measure(&mut call)).count_total, 0);
    assert_eq!(threads.run(|| model.encode(&x).unwrap()), codes);
}

#[test]
fn calls_into_memory_of_the_callers() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<5, 4>::new(Gelu))
        .decoder(Dense::<4, 5>::new(Identity))
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .unwrap();
    let x = data(5, 600).with_features::<5>().unwrap();
    let mut workspace = model.workspace();
    let (mut codes, mut outputs) = (Batch::zeros(Const::<4>, 0), Batch::zeros(Const::<5>, 0));
    let mut one = [0.0; 4];
    let mut call = || {
        model.encode_into(&x, &mut codes, &mut workspace).unwrap();
        model.decode_into(&codes, &mut outputs, &mut workspace).unwrap();
        model.reconstruct_into(&x, &mut outputs, &mut workspace).unwrap();
        model.encode_one_into(x.sample(3), &mut one, &mut workspace).unwrap();
    };
    call(); // makes room
    assert_eq!(measure(call).count_total, 0);
    assert_eq!((&codes, &outputs), (&model.encode(&x).unwrap(), &model.reconstruct(&x).unwrap()));
    assert_eq!(one.to_vec(), model.encode_one(x.sample(3)).unwrap());
    // A smaller batch, in memory that was larger.
    let few = x.select(0..2);
    let mut small_call = || model.encode_into(&few, &mut codes, &mut workspace).unwrap();
    small_call();
    assert_eq!(measure(small_call).count_total, 0);
    assert_eq!(codes, model.encode(&few).unwrap());

    // Under conditions, through a normalizer; of a classifier, probabilities.
    let c = data(2, 600).with_features::<2>().unwrap();
    let conditional = AutoEncoder::builder()
        .encoder(Conditioned::<5, 2, _>::new(Dense::<7, 4>::new(Tanh)))
        .decoder(Conditioned::<4, 2, _>::new(Dense::<6, 5>::new(Identity)))
        .normalizer(Normalizer::fit(Normalization::Standardize, &x).unwrap())
        .build::<f32>()
        .unwrap();
    let classifier = conditional_classifier();
    let (mut workspace, mut other) = (conditional.workspace(), classifier.workspace());
    let mut classes = Batch::zeros(Const::<3>, 0);
    let mut call = || {
        conditional.encode_into((&x, &c), &mut codes, &mut workspace).unwrap();
        conditional.decode_into((&codes, &c), &mut outputs, &mut workspace).unwrap();
        conditional.reconstruct_into((&x, &c), &mut outputs, &mut workspace).unwrap();
        let sample = (x.sample(3), c.sample(3));
        conditional.encode_one_into(sample, &mut one, &mut workspace).unwrap();
        classifier.decode_into((&codes, &c), &mut classes, &mut other).unwrap();
    };
    call();
    assert_eq!(measure(call).count_total, 0);
    assert_eq!(codes, conditional.encode((&x, &c)).unwrap());
    assert_eq!(outputs, conditional.reconstruct((&x, &c)).unwrap());
    assert_eq!(one.to_vec(), conditional.encode_one((x.sample(3), c.sample(3))).unwrap());
    assert_eq!(classes, classifier.decode((&codes, &c)).unwrap());
    let few = (x.select(0..2), c.select(0..2));
    let mut small_call =
        || conditional.encode_into((&few.0, &few.1), &mut codes, &mut workspace).unwrap();
    small_call();
    assert_eq!(measure(small_call).count_total, 0);

    // Memory of another size is refused.
    let other = |code: usize| {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(5, code, Tanh))
            .decoder(Dense::dynamic(code, 5, Identity))
            .build::<f32>()
            .unwrap()
    };
    let (three, four) = (other(3), other(4));
    let x = data(5, 2);
    let mut codes = Batch::zeros(Dyn(3), 0);
    let mismatch =
        |place, unit, expected, found| Err(Error::SizeMismatch { place, unit, expected, found });
    let refused = three.encode_into(&x, &mut codes, &mut four.workspace());
    assert_eq!(refused, mismatch("the workspace, which another model made", "code units", 3, 4));
    let refused = four.encode_into(&x, &mut codes, &mut four.workspace());
    assert_eq!(refused, mismatch("the codes of encode_into", "features", 4, 3));
    let refused = four.encode_one_into(x.sample(0), &mut [0.0; 3], &mut four.workspace());
    assert_eq!(refused, mismatch("the code of encode_one_into", "code units", 4, 3));
}
