//! The contract holds for every kind of encoder with every regularizer and every loss; and it catches
//! mistakes that are planted on purpose, each by the checks that are named for it and by no other.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use autoencoder::activation::{Gelu, Identity, Ranged, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::contract::{self, Contract, Outcome, Verdict};
use autoencoder::corruption::{Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::data::Normalization;
use autoencoder::layer::{Activated, DenseLayer, Gaussianlike, Unconditioned};
use autoencoder::loss::{
    Categorical, Compared, LearnedGaussian, LossFor, Mixed, Target, WithClass, WithInput,
};
use autoencoder::optimizer::{Step, Trains};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{
    Corrupts, Encoded, Kernel, Needs, PenaltyGradient, RegularizerFor, SuitedTo,
};
use autoencoder::train::schedule::{Constant, Cyclical, Warmup};
use autoencoder::*;
use nalgebra::{Const, Dyn};
use rand::Rng;

use super::filter::Filter;

fn data<T: Float>() -> Batch<T, Const<4>> {
    let rng = &mut seeded(11);
    let sample = |_| std::array::from_fn(|_| T::of(0.05 + 0.9 * f64::draw_uniform(rng)));
    (0..9).map(sample).collect()
}

fn for_any<T: Float>(number: usize) -> Box<dyn Regularizer<T>> {
    let contractive = Contractive::new(0.05).unwrap();
    let decay = WeightDecay::new(0.01).unwrap();
    let l1 = CodeL1::new(0.02).unwrap();
    match number {
        0 => Box::new(NoRegularizer),
        1 => Box::new(contractive),
        2 => Box::new(contractive.hutchinson(1).unwrap()),
        3 => Box::new(l1),
        4 => Box::new(decay),
        5 => Box::new(Denoising::new(GaussianNoise::new(0.1).unwrap())),
        6 => Box::new(Denoising::new(Masking::new(0.2).unwrap())),
        7 => Box::new(Denoising::new(SaltAndPepper::new(0.2).unwrap())),
        8 => Box::new((contractive, decay, Denoising::new(Masking::new(0.1).unwrap()), l1)),
        _ => Box::new(vec![Box::new(decay) as Box<dyn Regularizer<T>>, Box::new(contractive)]),
    }
}
const FOR_ANY: usize = 10;

fn for_bounded<E: Part + 'static, T: Float>(number: usize) -> Box<dyn RegularizerFor<E, T>>
where
    E::Range: range::Bounded,
{
    let sparse = SparseKl::new(0.2, 0.1).unwrap();
    match number {
        0 => Box::new(sparse),
        1 => Box::new(sparse.running(0.9).unwrap()),
        _ => Box::new((sparse.clone().running(0.5).unwrap(), CodeL1::new(0.01).unwrap(), sparse)),
    }
}
const FOR_BOUNDED: usize = 3;

fn loss<T: Float>(number: usize) -> Box<dyn Loss<T>> {
    match number {
        0 => Box::new(SquaredError),
        1 => Box::new(BernoulliCrossEntropy),
        _ => Box::new(Huber::new(0.3).unwrap()),
    }
}
const LOSSES: usize = 3;

#[track_caller]
fn assert_passes(outcome: &Outcome, applicable: &[&str]) {
    outcome.assert();
    for name in applicable {
        assert_eq!(outcome.verdict(name), Some(&Verdict::Passed), "{name}");
    }
}

/// Checks that apply to every model here, and those of `f64`.
const ALWAYS: [&str; 6] = [
    "fit_reduces_the_objective",
    "huge_values",
    "zeros",
    "subnormal_values",
    "scores_are_not_negative",
    "divergence_keeps_the_last_finite_parameters",
];

/// A model of this kind with each regularizer in the lists.
macro_rules! each {
    ($scalar:ty, $builder:expr, $examples:expr, $named:expr, $($list:ident $count:expr),+) => {
        $(for number in 0..$count {
            let build = || $builder.regularizer($list(number)).build::<$scalar>().unwrap();
            assert_passes(&contract::model(build, $examples), $named);
        })+
    };
}

/// An encoder of one kind with each regularizer in the list and each loss.
macro_rules! run {
    ($scalar:ty, $encoder:expr, $decoder:expr, $x:expr, $($list:ident $count:expr),+) => {{
        let x = $x;
        run!(@ $scalar, $encoder, $decoder, &x, $($list $count),+);
    }};
    (@ $scalar:ty, $encoder:expr, $decoder:expr, $examples:expr, $($list:ident $count:expr),+) => {
        for loss_number in 0..LOSSES {
            let builder = || {
                let builder = AutoEncoder::builder().encoder($encoder).decoder($decoder);
                builder.loss(loss::<$scalar>(loss_number))
            };
            each!($scalar, builder(), $examples, &ALWAYS, $($list $count),+);
        }
    };
    // Each regularizer with one of the losses in turn.
    (in turn $scalar:ty, $encoder:expr, $decoder:expr, $examples:expr, $($list:ident $count:expr),+) => {{
        let turn = std::cell::Cell::new(0);
        let builder = || {
            let builder = AutoEncoder::builder().encoder($encoder).decoder($decoder);
            builder.loss(loss::<$scalar>(turn.get()))
        };
        $(for number in 0..$count {
            turn.set((turn.get() + 1) % LOSSES);
            let regularizer = || $list(number);
            let build = || builder().regularizer(regularizer()).build::<$scalar>().unwrap();
            assert_passes(&contract::model(build, $examples), &ALWAYS);
        })+
    }};
}

#[test]
fn one_layer() {
    let decoder = || Dense::<3, 4>::new(Identity);
    run!(f64, Dense::<4, 3>::new(Sigmoid), decoder(), data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
    run!(f32, Dense::<4, 3>::new(Tanh), decoder(), data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
}

#[test]
fn chains() {
    let encoder = || Dense::<4, 6>::new(Gelu).then(Dense::<6, 3>::new(Tanh));
    let decoder = || Dense::<3, 5>::new(Softplus).then(Dense::<5, 4>::new(Identity));
    run!(f64, encoder(), decoder(), data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
}

#[test]
fn sizes_of_run_time() {
    let x: Batch<f64, Dyn> = data().into_dynamic();
    let decoder = || Dense::dynamic(5, 4, Identity);
    run!(f64, Dense::dynamic(4, 5, Sigmoid), decoder(), x, for_any FOR_ANY, for_bounded FOR_BOUNDED);
}

type Head<A> = DenseLayer<Const<5>, Const<2>, A>;
type GaussianEncoder = Gaussian<DenseLayer<Const<4>, Const<5>, Tanh>, Head<Tanh>, Head<Identity>>;

fn gaussian_encoder() -> GaussianEncoder {
    Gaussian::new(Dense::<4, 5>::new(Tanh), Dense::<5, 2>::new(Tanh), Dense::<5, 2>::new(Identity))
}

#[test]
fn gaussian_encoders() {
    let decoder = || Dense::<2, 4>::new(Identity);
    // Without a draw, the mean is the code; with one, together with each of the others.
    run!(f64, gaussian_encoder(), decoder(), data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
    macro_rules! variational {
        ($list:ident) => {
            |number| (Variational::new(0.05).unwrap(), $list(number))
        };
    }
    let (any, bounded) = (variational!(for_any), variational!(for_bounded));
    run!(f64, gaussian_encoder(), decoder(), data(), any FOR_ANY, bounded FOR_BOUNDED);
}

/// Numbers beside each sample.
fn conditions<T: Float>() -> Batch<T, Const<2>> {
    let rng = &mut seeded(13);
    (0..9).map(|_| std::array::from_fn(|_| T::of(f64::draw_uniform(rng) - 0.5))).collect()
}

const LABELS: [u8; 9] = [0, 1, 2, 0, 1, 2, 2, 1, 0];

#[test]
fn conditional_models() {
    let encoder = || Conditioned::<4, 2, _>::new(Dense::<6, 3>::new(Sigmoid));
    let decoder = || Conditioned::<3, 2, _>::new(Dense::<5, 4>::new(Identity));
    let (x, c) = (data(), conditions());
    run!(in turn f64, encoder(), decoder(), (&x, &c), for_any FOR_ANY, for_bounded FOR_BOUNDED);
    let (x, c) = (data(), conditions());
    run!(in turn f32, encoder(), decoder(), (&x, &c), for_any FOR_ANY, for_bounded FOR_BOUNDED);
    // Sizes of run time, and layers too.
    let encoder = || {
        let net = Dense::dynamic(6, 5, Gelu).then(Dense::dynamic(5, 3, Tanh));
        Conditioned::dynamic(2, net.boxed::<f64>())
    };
    let decoder = || Conditioned::dynamic(2, Dense::dynamic(5, 4, Identity));
    let (x, c) = (data().into_dynamic(), conditions().into_dynamic());
    run!(in turn f64, encoder(), decoder(), (&x, &c), for_any FOR_ANY, for_bounded FOR_BOUNDED);
}

#[test]
fn classifiers() {
    let (x, c) = (data(), conditions());
    let deep = || Dense::<4, 6>::new(Gelu).then(Dense::<6, 3>::new(Tanh));
    let builder = || AutoEncoder::builder().encoder(deep()).classes::<3>();
    let examples = (&x, &LABELS);
    each!(f64, builder(), examples, &ALWAYS, for_any FOR_ANY, for_bounded FOR_BOUNDED);
    let single = data();
    let builder = || AutoEncoder::builder().encoder(Dense::<4, 3>::new(Sigmoid)).classes::<3>();
    let examples = (&single, &LABELS);
    each!(f32, builder(), examples, &ALWAYS, for_any FOR_ANY, for_bounded FOR_BOUNDED);
    // A head of several layers on a code of sizes of run time.
    let wide = data().into_dynamic();
    let head = || Dense::dynamic(5, 4, Relu).then(Dense::dynamic(4, 3, Identity));
    let builder = || AutoEncoder::builder().encoder(Dense::dynamic(4, 5, Tanh)).head(head());
    let examples = (&wide, &LABELS);
    each!(f64, builder(), examples, &ALWAYS, for_any FOR_ANY, for_bounded FOR_BOUNDED);
    // Told a condition as well.
    let builder = || {
        AutoEncoder::builder()
            .encoder(Conditioned::<4, 2, _>::new(Dense::<6, 3>::new(Tanh)))
            .head(Conditioned::<3, 2, _>::new(Dense::<5, 3>::new(Identity)))
    };
    let examples = (&x, &c, &LABELS);
    each!(f64, builder(), examples, &ALWAYS, for_any FOR_ANY, for_bounded FOR_BOUNDED);
}

/// Every objective of a variational model, in a conditional one and in a classifier.
#[test]
fn objectives_of_conditional_models_and_classifiers() {
    let (x, c) = (wide(), conditions());
    let builder = || AutoEncoder::builder().encoder(wide_encoder()).classes::<3>();
    let named = named();
    each!(f64, builder(), (&x, &LABELS), &named, for_gaussian FOR_GAUSSIAN);
    let encoder = || {
        let head = || Dense::<4, 2>::new(Identity);
        let body = Dense::<{ WIDE + 2 }, 4>::new(Tanh);
        Conditioned::<WIDE, 2, _>::new(Gaussian::new(body, head(), head()))
    };
    // A pseudo-input has no condition.
    let without_pseudo_inputs = |number: usize| {
        let all = (0..FOR_GAUSSIAN).filter(|number| !WITH_PSEUDO_INPUTS.contains(number));
        for_gaussian(Vec::from_iter(all)[number])
    };
    let builder = || {
        let builder = AutoEncoder::builder().encoder(encoder());
        let decoder = Conditioned::<2, 2, _>::new(Dense::<4, WIDE>::new(Identity));
        builder.decoder(decoder).loss(LearnedGaussian::per_feature())
    };
    let count = FOR_GAUSSIAN - WITH_PSEUDO_INPUTS.len();
    each!(f64, builder(), (&x, &c), &named, without_pseudo_inputs count);
    for number in WITH_PSEUDO_INPUTS {
        let refused = builder().regularizer(for_gaussian(number)).build::<f64>().unwrap_err();
        assert!(refused.to_string().contains("pseudo-input"), "{refused}");
    }
}

/// Objectives with several draws, parameters of their own, and what they are with the others.
fn for_gaussian<E: Part + 'static>(number: usize) -> Box<dyn RegularizerFor<E, f64>>
where
    E::Posterior: Gaussianlike,
{
    let plain = || Variational::new(0.05).unwrap();
    let iw = |draws| ImportanceWeighted::new(draws).unwrap();
    let mixture = || GaussianMixture::new(3).unwrap();
    let vamp = || VampPrior::from_samples(&wide().select(0..4)).unwrap();
    let mmd = || Mmd::new(0.3).unwrap();
    let correlation = TotalCorrelation::new(0.1, 9).unwrap();
    match number {
        0 => Box::new(plain().draws(3).unwrap()),
        1 => Box::new(plain().schedule(Warmup::new(5, Constant).unwrap())),
        2 => Box::new(plain().schedule(Cyclical::new(4, 0.5).unwrap())),
        3 => Box::new(plain().capacity(1.0, Warmup::new(5, Constant).unwrap()).unwrap()),
        4 => Box::new(plain().free_bits(0.1).unwrap()),
        5 => Box::new(plain().prior(mixture())),
        6 => Box::new(plain().prior(vamp()).draws(2).unwrap()),
        7 => Box::new(iw(1)),
        8 => Box::new(iw(4)),
        9 => Box::new(iw(2).prior(mixture())),
        10 => Box::new(iw(2).prior(vamp())),
        11 => Box::new(mmd()),
        12 => Box::new((plain(), mmd().kernel(Kernel::Gaussian))),
        13 => Box::new((plain(), correlation)),
        14 => Box::new((plain().draws(2).unwrap(), correlation, mmd())),
        15 => Box::new((plain(), Binarize)),
        _ => Box::new(vec![
            Box::new(WeightDecay::new(0.01).unwrap()) as Box<dyn RegularizerFor<E, f64>>,
            Box::new((Contractive::new(0.05).unwrap(), iw(2).prior(vamp()))),
            Box::new(Denoising::new(GaussianNoise::new(0.1).unwrap())),
        ]),
    }
}
const FOR_GAUSSIAN: usize = 17;
const WITH_PSEUDO_INPUTS: [usize; 3] = [6, 10, 16];

fn likelihood(number: usize) -> Box<dyn Loss<f64>> {
    match number {
        0 => Box::new(BernoulliCrossEntropy),
        1 => Box::new(LearnedGaussian::shared()),
        2 => Box::new(LearnedGaussian::per_feature().starting_at(0.5).unwrap()),
        3 => Box::new(Categorical::new(&[1, 3, WIDE - 4]).unwrap()),
        _ => Box::new(
            Mixed::new()
                .columns(1, LearnedGaussian::shared())
                .columns(2, Categorical::new(&[2]).unwrap())
                .columns(WIDE - 3, LearnedGaussian::per_feature()),
        ),
    }
}
const LIKELIHOODS: usize = 5;

/// Features of the models below. Work is divided among threads from so many values on, of which a sample has more the
/// more features it has, and some objectives compare every sample with every other: with few features nearly all of
/// the time went to those pairs.
const WIDE: usize = 16;

fn wide() -> Batch<f64, Const<WIDE>> {
    let rng = &mut seeded(11);
    (0..9).map(|_| std::array::from_fn(|_| 0.05 + 0.9 * f64::draw_uniform(rng))).collect()
}

fn wide_encoder() -> impl Part<
    Input = Const<WIDE>,
    Output = Const<2>,
    Range = range::Symmetric,
    Posterior = DiagonalGaussian,
    Condition = Unconditioned,
> + Layer<f64>
+ Clone
+ 'static {
    let log_variance = Dense::<4, 2>::new(Identity);
    Gaussian::new(Dense::<WIDE, 4>::new(Tanh), Dense::<4, 2>::new(Tanh), log_variance)
}

/// What must apply to every model with a drawn code.
fn named() -> Vec<&'static str> {
    let mut named = vec![
        "same_seed_same_bits",
        "same_streams_same_objective",
        "randomness_follows_the_sample",
        "fit_reduces_the_objective",
        "huge_values",
        "zeros",
        "gradient",
        "weighted_gradient",
        "sample_weights_equal_repetition",
        "stream_equals_memory",
        "layout_covers_all",
        "parameters_round_trip",
    ];
    if cfg!(feature = "parallel") {
        named.push("threads_do_not_matter");
    }
    if cfg!(feature = "safetensors") {
        named.extend(["saved_and_loaded", "resumed_equals_uninterrupted"]);
    }
    named
}

#[test]
fn objectives_likelihoods_and_priors() {
    let (named, x) = (named(), wide());
    for number in 0..FOR_GAUSSIAN {
        for of_loss in 0..LIKELIHOODS {
            let build = || {
                AutoEncoder::builder()
                    .encoder(wide_encoder())
                    .decoder(Dense::<2, WIDE>::new(Identity))
                    .regularizer(for_gaussian(number))
                    .loss(likelihood(of_loss))
                    .build::<f64>()
                    .unwrap()
            };
            println!("objective {number}, likelihood {of_loss}");
            let with_shares = common::with_shares(&*likelihood(of_loss), &x);
            // Shares of a whole are not all 0.
            let is_for = |name: &&&str| with_shares == x || **name != "zeros";
            let named: Vec<&str> = named.iter().filter(is_for).copied().collect();
            assert_passes(&contract::model(build, &with_shares), &named);
        }
    }
}

#[test]
fn boxed_encoders() {
    type Typed = Any<f64, Const<4>, Const<3>, range::UnitInterval, Point>;
    let encoder = || -> Typed { Dense::<4, 3>::new(Sigmoid).boxed_as() };
    let decoder = || Dense::<3, 4>::new(Identity);
    run!(f64, encoder(), decoder(), data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
    // And nothing left of the types.
    let encoder = || Dense::<4, 3>::new(Sigmoid).boxed::<f64>();
    let decoder = || Dense::<3, 4>::new(Identity).boxed::<f64>();
    let x = data().into_dynamic();
    run!(in turn f64, encoder(), decoder(), &x, for_any FOR_ANY, for_bounded FOR_BOUNDED);
    let builder = || {
        let builder = AutoEncoder::builder().encoder(wide_encoder().boxed::<f64>());
        builder.decoder(Dense::<2, WIDE>::new(Identity).boxed::<f64>()).loss(loss(1))
    };
    let x = wide().into_dynamic();
    each!(f64, builder(), &x, &named(), for_gaussian FOR_GAUSSIAN);
}

#[test]
fn tied_decoders() {
    let tied = || Tied::new(Identity);
    run!(in turn f64, Dense::<4, 3>::new(Sigmoid), tied(), &data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
    let chain = || Dense::<4, 5>::new(Gelu).frozen().then(Dense::<5, 3>::new(Tanh));
    run!(in turn f64, chain(), tied(), &data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
    // A map of one's own, whose outputs share biases and whose adjoint has a single one.
    let filter = Filter { length: 4, channels: 2, taps: 3 };
    let encoder = || Activated::new(filter, Sigmoid, Const::<4>, Const::<8>);
    run!(in turn f64, encoder(), tied(), &data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
}

#[test]
fn trained_parts() {
    let x = data();
    let mut first = AutoEncoder::builder()
        .encoder(Dense::<4, 5>::new(Gelu).then(Dense::<5, 3>::new(Tanh)))
        .decoder(Tied::new(Identity))
        .build::<f64>()
        .unwrap();
    Trainer::new(Adam::new(0.01).unwrap()).epochs(3).fit(&mut first, &x).unwrap();
    let (encoder, decoder) = (|| first.trained_encoder(), || first.trained_decoder());
    run!(in turn f64, encoder(), decoder(), &x, for_any FOR_ANY, for_bounded FOR_BOUNDED);
    run!(in turn f64, encoder().frozen(), decoder(), &x, for_any FOR_ANY);
    let builder = || AutoEncoder::builder().encoder(encoder()).classes::<3>();
    each!(f64, builder(), (&x, &LABELS), &ALWAYS, for_any FOR_ANY, for_bounded FOR_BOUNDED);
}

#[test]
fn clones_normalizers_optimizers_and_one_feature() {
    let x = data::<f64>();
    let normalizer = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Relu))
            .decoder(Dense::<3, 4>::new(Identity))
            .regularizer(CodeL1::new(0.02).unwrap())
            .normalizer(normalizer.clone())
            .build::<f64>()
            .unwrap()
    };
    let named = [&ALWAYS[..], &["clones_are_independent"]].concat();
    let sgd = Sgd::new(0.02).unwrap();
    assert_passes(&Contract::new(build, &x).optimizer(move || sgd).check(), &named);
    let nesterov = || sgd.nesterov(0.9).unwrap();
    assert_passes(&Contract::new(build, &x).optimizer(nesterov).check(), &named);
    let rising = || sgd.nesterov_schedule(0.9).unwrap();
    assert_passes(&Contract::new(build, &x).optimizer(rising).check(), &named);
    let rms = || RmsProp::new(0.002).unwrap().momentum(0.5).unwrap();
    assert_passes(&Contract::new(build, &x).optimizer(rms).check(), &named);
    let adamw = || AdamW::new(0.01, 0.01).unwrap();
    assert_passes(&Contract::new(build, &x).optimizer(adamw).check(), &named);

    let tied = || {
        AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh).then(Dense::<3, 2>::new(Sigmoid).frozen()))
            .decoder(Tied::new(Identity))
            .regularizer(WeightDecay::new(0.02).unwrap())
            .build::<f64>()
            .unwrap()
    };
    assert_passes(&Contract::new(tied, &x).check(), &named);

    let narrow = || {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(1, 2, Tanh))
            .decoder(Dense::dynamic(2, 1, Identity))
            .build::<f64>()
            .unwrap()
    };
    let x = Batch::new(Dyn(1), vec![0.1, 0.7, 0.3, 0.9, 0.5]).unwrap();
    let outcome = contract::model(narrow, &x);
    let named = ["one_feature", "another_width_is_refused", "gradient", "weighted_gradient"];
    assert_passes(&outcome, &named);
    assert!(outcome.checks.len() >= 30);
    let text = outcome.to_string();
    assert!(text.contains("same_seed_same_bits                          passed\n"), "{text}");
    assert!(text.contains("clones_are_independent                       passed\n"), "{text}");
    let wide = contract::model(tied, &data()).to_string();
    assert!(
        wide.contains("one_feature                                  not applicable: "),
        "{wide}"
    );
}

#[test]
fn too_little_data_is_said() {
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Sigmoid))
            .decoder(Dense::<3, 4>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
    let one = contract::model(build, &data().select([0]));
    assert_eq!(
        one.verdict("seeds_matter"),
        Some(&Verdict::NotApplicable { why: "needs 4 samples".to_owned() })
    );
    let none = contract::model(build, &data().select([]));
    assert!(none.failures().count() > 20);
    let found = "refused: fit: there are no samples, but at least one is needed".to_owned();
    assert_eq!(none.verdict("same_seed_same_bits"), Some(&Verdict::Failed { found }));
}

type Layer4<A> = DenseLayer<Const<4>, Const<3>, A>;
type Output = DenseLayer<Const<3>, Const<4>, Identity>;

fn contract_of<E, R, L>(
    encoder: impl Fn() -> E,
    regularizer: impl Fn() -> R,
    loss: impl Fn() -> L,
) -> Outcome
where
    E: Part<Input = Const<4>, Output = Const<3>, Posterior = Point, Condition = Unconditioned>
        + Layer<f64>
        + Clone
        + 'static,
    R: Regularizer<f64> + SuitedTo<E>,
    L: Loss<f64> + LossFor<Output, Target = WithInput>,
{
    let build = || {
        AutoEncoder::builder()
            .encoder(encoder())
            .decoder(Dense::<3, 4>::new(Identity))
            .regularizer(regularizer())
            .loss(loss())
            .build::<f64>()
            .unwrap()
    };
    contract::model(build, &data())
}

fn with_regularizer<R>(regularizer: impl Fn() -> R) -> Outcome
where
    R: Regularizer<f64> + SuitedTo<Layer4<Tanh>>,
{
    contract_of(|| Dense::<4, 3>::new(Tanh), regularizer, || SquaredError)
}

fn with_loss<L>(loss: impl Fn() -> L) -> Outcome
where
    L: Loss<f64> + LossFor<Output, Target = WithInput>,
{
    contract_of(|| Dense::<4, 3>::new(Tanh), || NoRegularizer, loss)
}

/// Exactly these checks have failed.
#[track_caller]
fn assert_caught(outcome: &Outcome, expected: &[&str]) {
    let mut found: Vec<&str> = outcome.failures().map(|check| check.name).collect();
    let mut expected = expected.to_vec();
    // What needs a feature cannot fail without it.
    let needs = [
        ("threads_do_not_matter", cfg!(feature = "parallel")),
        ("saved_and_loaded", cfg!(feature = "safetensors")),
        ("resumed_equals_uninterrupted", cfg!(feature = "safetensors")),
    ];
    expected.retain(|name| needs.iter().all(|&(other, there)| other != *name || there));
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "\n{outcome}");
}

/// Corrupts by something that is no function of the streams.
#[derive(Debug, Clone)]
struct Drifting;
static DRIFT: AtomicU64 = AtomicU64::new(0);
impl Corruption<f64> for Drifting {
    fn describe(&self) -> String {
        "Drifting".to_owned()
    }
    fn corrupt(&self, sample: &mut [f64], _: &mut dyn Rng) {
        let visit = DRIFT.fetch_add(1, Ordering::Relaxed);
        sample.iter_mut().for_each(|x| *x += 0.01 * (visit % 7) as f64);
    }
}

#[test]
fn a_corruption_with_a_memory() {
    let outcome = with_regularizer(|| Denoising::new(Drifting));
    assert_caught(
        &outcome,
        &[
            "same_seed_same_bits",
            "same_streams_same_objective",
            "randomness_follows_the_sample",
            "sample_weights_equal_repetition",
            "threads_do_not_matter",
            "shards_do_not_matter",
            "resumed_equals_uninterrupted",
            "stream_equals_memory",
            "validation_is_not_trained_on",
            "divergence_keeps_the_last_finite_parameters",
        ],
    );
}

/// Corrupts each column by its place, or by the number of columns it is given.
#[derive(Debug, Clone)]
struct ByPlace {
    place: f64,
    count: f64,
}
impl<E: Part> SuitedTo<E> for ByPlace {}
impl Regularizer<f64> for ByPlace {
    fn describe(&self) -> String {
        format!("{self:?}")
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs { corrupts: Corrupts::Input, ..Needs::nothing() }
    }
    fn corrupt(&self, mut x: BatchViewMut<'_, f64>, _: Streams<'_>) {
        let (features, samples) = (x.features(), x.samples());
        for (at, x) in x.as_mut_slice().iter_mut().enumerate() {
            *x += self.place * (at / features) as f64 + self.count * samples as f64;
        }
    }
}

#[test]
fn a_corruption_by_the_place_in_the_batch() {
    let outcome = with_regularizer(|| ByPlace { place: 1e-3, count: 0.0 });
    let expected = [
        "randomness_follows_the_sample",
        "sample_weights_equal_repetition",
        "threads_do_not_matter",
    ];
    assert_caught(&outcome, &expected);
}

#[test]
fn a_corruption_by_the_size_of_the_part() {
    let outcome = with_regularizer(|| ByPlace { place: 0.0, count: 1e-3 });
    assert_caught(&outcome, &["sample_weights_equal_repetition", "threads_do_not_matter"]);
}

/// ½ λ · mean ‖h‖², with what is asked for left out.
#[derive(Debug, Clone)]
struct CodeL2 {
    lambda: f64,
    sees_shares: bool,
    /// Divides by samples − 1, as a variance does.
    unbiased: bool,
    gradient: f64,
}
const RIGHT: CodeL2 = CodeL2 { lambda: 0.3, sees_shares: true, unbiased: false, gradient: 1.0 };
impl<E: Part> SuitedTo<E> for CodeL2 {}
impl Regularizer<f64> for CodeL2 {
    fn describe(&self) -> String {
        format!("{self:?}")
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::default()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        gradient: Option<&mut PenaltyGradient<'_, f64>>,
        _: &mut [f64],
        terms: &mut Terms,
    ) {
        let code = at.posterior.mean();
        let samples = code.samples() as f64;
        let factor = if self.unbiased { samples / (samples - 1.0) } else { 1.0 };
        let share =
            |column| factor * if self.sees_shares { at.share(column) } else { 1.0 / samples };
        let sizes = code.iter().map(|h| h.iter().map(|h| h * h).sum::<f64>());
        let mean: f64 = sizes.enumerate().map(|(column, size)| share(column) * size).sum();
        terms.add("code_l2", 0.5 * self.lambda * mean);
        if let Some(gradient) = gradient {
            let (units, mut d_code) = (code.features(), gradient.posterior.mean_mut());
            for (at, (d, &h)) in d_code.as_mut_slice().iter_mut().zip(code.as_slice()).enumerate() {
                *d += self.gradient * self.lambda * share(at / units) * h;
            }
        }
    }
}

#[test]
fn a_penalty_that_does_not_see_the_weights() {
    with_regularizer(|| RIGHT).assert();
    let outcome = with_regularizer(|| CodeL2 { sees_shares: false, ..RIGHT });
    assert_caught(&outcome, &["sample_weights_equal_repetition"]);
}

#[test]
fn a_penalty_with_a_wrong_gradient() {
    let outcome = with_regularizer(|| CodeL2 { gradient: 0.9, ..RIGHT });
    assert_caught(&outcome, &["gradient", "weighted_gradient"]);
}

/// ½ λ ‖mean h‖², which is no mean over samples, and says of itself that it is one.
#[derive(Debug, Clone)]
struct OfMean(regularizer::Across);
impl<E: Part> SuitedTo<E> for OfMean {}
impl Regularizer<f64> for OfMean {
    fn describe(&self) -> String {
        format!("{self:?}")
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs { across: self.0, ..Needs::nothing() }
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        gradient: Option<&mut PenaltyGradient<'_, f64>>,
        _: &mut [f64],
        terms: &mut Terms,
    ) {
        let code = at.posterior.mean();
        let mut mean = vec![0.0; code.features()];
        for (column, h) in code.iter().enumerate() {
            mean.iter_mut().zip(h).for_each(|(mean, h)| *mean += at.share(column) * h);
        }
        terms.add("of_mean", 0.5 * mean.iter().map(|h| h * h).sum::<f64>());
        if let Some(gradient) = gradient {
            let (units, mut d_code) = (code.features(), gradient.posterior.mean_mut());
            for (column, d) in d_code.as_mut_slice().chunks_exact_mut(units).enumerate() {
                d.iter_mut().zip(&mean).for_each(|(d, mean)| *d += at.share(column) * mean);
            }
        }
    }
}

#[test]
fn a_penalty_that_does_not_say_that_it_looks_across_samples() {
    use regularizer::Across;
    let of = |across| with_regularizer(|| OfMean(across));
    assert_caught(&of(Across::Nothing), &["shards_do_not_matter"]);
    of(Across::Codes).assert();
    assert_eq!(of(Across::Codes).verdict("shards_do_not_matter"), Some(&contract::Verdict::Passed));
    let refused = of(Across::Batch);
    refused.assert();
    let verdict = refused.verdict("shards_do_not_matter");
    assert!(matches!(verdict, Some(contract::Verdict::NotApplicable { .. })), "{verdict:?}");
}

#[test]
fn a_penalty_that_needs_two_samples() {
    let outcome = with_regularizer(|| CodeL2 { unbiased: true, ..RIGHT });
    let expected = [
        "one_sample_trains",
        "panicking_observer", // trains on single samples
        "sample_weights_equal_repetition",
    ];
    assert_caught(&outcome, &expected);
}

/// A penalty that remembers in itself how often it was looked at, outside training too.
#[derive(Debug, Default)]
struct Remembering {
    calls: Mutex<f64>,
    /// Whether only training steps count.
    in_training: bool,
}
/// A copy remembers what the original did.
impl Clone for Remembering {
    fn clone(&self) -> Self {
        let calls = *self.calls.lock().unwrap();
        Self { calls: Mutex::new(calls), in_training: self.in_training }
    }
}
impl<E: Part> SuitedTo<E> for Remembering {}
impl Regularizer<f64> for Remembering {
    fn describe(&self) -> String {
        "Remembering".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::default()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        gradient: Option<&mut PenaltyGradient<'_, f64>>,
        _: &mut [f64],
        terms: &mut Terms,
    ) {
        let mut calls = self.calls.lock().unwrap();
        let counts = if self.in_training { gradient.is_some() } else { gradient.is_none() };
        *calls += f64::from(u8::from(counts));
        terms.add("remembering", *calls);
        let _ = at;
    }
}

#[test]
fn a_penalty_that_changes_as_it_is_looked_at() {
    let outcome = with_regularizer(Remembering::default);
    let expected = [
        "randomness_follows_the_sample",
        "fit_reduces_the_objective",
        "use_is_deterministic",
        "validation_is_not_trained_on",
    ];
    assert_caught(&outcome, &expected);
}

#[test]
fn a_penalty_that_keeps_its_state_to_itself() {
    let outcome = with_regularizer(|| Remembering { in_training: true, ..Remembering::default() });
    let expected = [
        "same_streams_same_objective",
        "fit_reduces_the_objective",
        "sample_weights_equal_repetition",
        "saved_and_loaded",
        "resumed_equals_uninterrupted",
    ];
    assert_caught(&outcome, &expected);
}

/// Prints as nothing.
#[derive(Clone)]
struct Silent;
impl fmt::Debug for Silent {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
impl<E: Part> SuitedTo<E> for Silent {}
impl Regularizer<f64> for Silent {
    fn describe(&self) -> String {
        "Silent".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::default()
    }
}

#[test]
fn a_plugin_that_prints_as_nothing() {
    assert_caught(&with_regularizer(|| Silent), &["debug_prints"]);
}

/// ½ Σ (x − y)², with mistakes.
#[derive(Debug, Clone)]
struct MySquares {
    gradient: fn(weight: f64, samples: usize) -> f64,
    /// What the first column has more.
    first: f64,
}
const SQUARES: MySquares = MySquares { gradient: |weight, _| weight, first: 0.0 };
impl<D: Part> LossFor<D> for MySquares {
    type Target = WithInput;
}
impl Loss<f64> for MySquares {
    fn name(&self) -> &'static str {
        "my_squares"
    }
    fn describe(&self) -> String {
        "MySquares".to_owned()
    }
    fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
        for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(&mut *values) {
            *value = x.iter().zip(y).map(|(x, y)| 0.5 * (x - y).powi(2)).sum();
        }
        values[0] += self.first;
    }
    fn gradient(
        &self,
        Compared { x, y, .. }: Compared<'_, f64>,
        weights: &[f64],
        mut dy: BatchViewMut<'_, f64>,
    ) {
        let features = x.features();
        let pairs = x.as_slice().iter().zip(y.as_slice()).enumerate();
        for (d, (at, (&x, &y))) in dy.as_mut_slice().iter_mut().zip(pairs) {
            *d = (self.gradient)(weights[at / features], weights.len()) * (y - x);
        }
    }
}

#[test]
fn a_loss_with_a_wrong_gradient() {
    with_loss(|| SQUARES).assert();
    let outcome = with_loss(|| MySquares { gradient: |weight, _| 2.0 * weight, ..SQUARES });
    let expected = ["gradient", "weighted_gradient"];
    assert_caught(&outcome, &expected);
}

#[test]
fn a_loss_that_climbs() {
    let outcome = with_loss(|| MySquares { gradient: |weight, _| -weight, ..SQUARES });
    assert_caught(&outcome, &["gradient", "weighted_gradient", "fit_reduces_the_objective"]);
}

#[test]
fn a_loss_whose_gradient_does_not_see_the_weights() {
    let alike = |_, samples: usize| 1.0 / samples as f64;
    let outcome = with_loss(|| MySquares { gradient: alike, ..SQUARES });
    // On threads and in blocks it sees a part of the samples only.
    let expected =
        ["weighted_gradient", "sample_weights_equal_repetition", "threads_do_not_matter"];
    assert_caught(&outcome, &expected);
}

#[test]
fn a_loss_that_singles_out_a_column() {
    let outcome = with_loss(|| MySquares { first: 0.5, ..SQUARES });
    let expected = [
        "subsets_do_not_matter",
        "order_does_not_matter",
        "one_agrees_with_many",
        "sample_weights_equal_repetition",
        "shards_do_not_matter",
    ];
    assert_caught(&outcome, &expected);
}

#[test]
fn a_loss_that_is_negative_is_none() {
    let outcome = with_loss(|| MySquares { first: -1e3, ..SQUARES });
    let why = "this loss has negative values".to_owned();
    let expected = Some(&Verdict::NotApplicable { why });
    assert_eq!(outcome.verdict("scores_are_not_negative"), expected);
}

/// −ln softmax(a) at the class of a sample, with a gradient of its own choice.
#[derive(Debug, Clone)]
struct MyClasses(fn(p: f64, is_class: bool) -> f64);
impl<D: Part> LossFor<D> for MyClasses {
    type Target = WithClass;
}
impl Loss<f64> for MyClasses {
    fn name(&self) -> &'static str {
        "my_classes"
    }
    fn describe(&self) -> String {
        "MyClasses".to_owned()
    }
    fn target(&self) -> Target {
        Target::Class
    }
    fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
        for ((class, a), value) in at.x.iter().zip(at.y.iter()).zip(values) {
            *value = -softmax(a)[class[0] as usize].max(f64::MIN_POSITIVE).ln();
        }
    }
    fn gradient(&self, at: Compared<'_, f64>, weights: &[f64], mut dy: BatchViewMut<'_, f64>) {
        let columns = dy.as_mut_slice().chunks_exact_mut(at.y.features());
        for (((class, a), dy), weight) in at.x.iter().zip(at.y.iter()).zip(columns).zip(weights) {
            for (k, (d, p)) in dy.iter_mut().zip(softmax(a)).enumerate() {
                *d = weight * (self.0)(p, k == class[0] as usize);
            }
        }
    }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|a| (a - largest).exp()).sum();
    logits.iter().map(|a| (a - largest).exp() / sum).collect()
}

#[test]
fn a_loss_of_classes_with_a_wrong_gradient() {
    let outcome = |gradient| {
        let build = || {
            AutoEncoder::builder()
                .encoder(Dense::<4, 3>::new(Tanh))
                .classes::<3>()
                .loss(MyClasses(gradient))
                .build::<f64>()
                .unwrap()
        };
        contract::model(build, (&data(), &LABELS))
    };
    outcome(|p, is_class| p - f64::from(u8::from(is_class))).assert();
    let expected = ["gradient", "weighted_gradient"];
    assert_caught(&outcome(|p, is_class| 2.0 * (p - f64::from(u8::from(is_class)))), &expected);
    let expected = ["gradient", "weighted_gradient", "fit_reduces_the_objective"];
    assert_caught(&outcome(|p, is_class| f64::from(u8::from(is_class)) - p), &expected);
}

/// tanh, but not everywhere.
#[derive(Debug, Clone, Copy)]
struct Fragile(fn(f64) -> f64);
impl Ranged for Fragile {
    type Range = range::Symmetric;
}
impl Activation<f64> for Fragile {
    fn describe(&self) -> String {
        "Fragile".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        (-1.0, 1.0)
    }
    fn value(&self, z: f64) -> f64 {
        (self.0)(z)
    }
    fn derivative(&self, _: f64, h: f64) -> f64 {
        1.0 - h * h
    }
    fn second_derivative(&self, _: f64, h: f64) -> f64 {
        -2.0 * h * (1.0 - h * h)
    }
}

fn with_activation(value: fn(f64) -> f64) -> Outcome {
    contract_of(move || Dense::<4, 3>::new(Fragile(value)), || NoRegularizer, || SquaredError)
}

#[test]
fn a_layer_that_panics_on_huge_values() {
    with_activation(f64::tanh).assert();
    let outcome = with_activation(|z| {
        // Without a word from the hook that tells of panics.
        if z.abs() > 1e20 {
            std::panic::resume_unwind(Box::new("too large"));
        }
        z.tanh()
    });
    assert_caught(&outcome, &["huge_values"]);
    let found = "panicked: too large".to_owned();
    assert_eq!(outcome.verdict("huge_values"), Some(&Verdict::Failed { found }));
}

#[test]
fn an_activation_that_overflows_to_nan() {
    let outcome = with_activation(|z| {
        let (up, down) = (z.exp(), (-z).exp());
        (up - down) / (up + down)
    });
    assert_caught(&outcome, &["huge_values"]);
}

#[test]
fn an_activation_that_is_nan_for_subnormals() {
    let outcome = with_activation(|z| {
        let is_subnormal = z != 0.0 && z.abs() < f64::MIN_POSITIVE;
        if is_subnormal { f64::NAN } else { z.tanh() }
    });
    assert_caught(&outcome, &["subnormal_values"]);
}

#[test]
fn an_activation_that_is_infinite_at_zero() {
    let outcome = with_activation(|z| if z == 0.0 { f64::INFINITY } else { z.tanh() });
    assert_caught(&outcome, &["zeros"]);
}

/// A dense layer that does one thing wrong.
#[derive(Debug, Clone)]
struct Wrong {
    layer: Layer4<Tanh>,
    mistake: Mistake,
}
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// The code depends on whether the number of samples is odd.
    Neighbours,
    /// Two tensors have the same name.
    Names,
    /// The tape keeps something for the next call.
    Draws,
}
impl Module for Wrong {
    fn num_inputs(&self) -> usize {
        self.layer.num_inputs()
    }
    fn num_outputs(&self) -> usize {
        self.layer.num_outputs()
    }
    fn num_parameters(&self) -> usize {
        self.layer.num_parameters()
    }
}
impl Part for Wrong {
    type Input = Const<4>;
    type Output = Const<3>;
    type Range = range::Real;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> Const<4> {
        Const
    }
    fn output(&self) -> Const<3> {
        Const
    }
}
impl Layer<f64> for Wrong {
    fn layout(&self, layout: &mut Layout) {
        if self.mistake == Mistake::Names {
            use autoencoder::parameters::Role;
            layout.layer("Wrong", |layer| {
                layer.tensor("weight", (3, 4), Role::Weight);
                layer.tensor("weight", (3, 1), Role::Bias);
            });
        } else {
            Layer::<f64>::layout(&self.layer, layout);
        }
    }
    fn draw_parameters(&self, parameters: &mut [f64], rng: &mut dyn Rng) {
        self.layer.draw_parameters(parameters, rng);
        if self.mistake == Mistake::Draws {
            // From a generator of its own.
            static NEXT: AtomicU64 = AtomicU64::new(0);
            parameters[0] += 1e-3 * NEXT.fetch_add(1, Ordering::Relaxed) as f64;
        }
    }
    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
    fn tape_len(&self, samples: usize) -> usize {
        Layer::<f64>::tape_len(&self.layer, samples)
    }
    fn scratch_len(&self, samples: usize) -> usize {
        Layer::<f64>::scratch_len(&self.layer, samples)
    }
    fn forward(
        &self,
        parameters: &[f64],
        x: BatchView<'_, f64>,
        mut y: BatchViewMut<'_, f64>,
        tape: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.layer.forward(parameters, x, y.reborrow(), tape, scratch);
        if self.mistake == Mistake::Neighbours && x.samples() % 2 == 1 {
            y.as_mut_slice().iter_mut().for_each(|y| *y *= 1.0 + 1e-6);
        }
    }
    fn backward(
        &self,
        pass: layer::Pass<'_, f64>,
        dy: BatchViewMut<'_, f64>,
        dx: Option<BatchViewMut<'_, f64>>,
        gradient: Option<&mut [f64]>,
        scratch: &mut [f64],
    ) {
        self.layer.backward(pass, dy, dx, gradient, scratch);
    }
    fn tangent_tape_len(&self, samples: usize) -> usize {
        Layer::<f64>::tangent_tape_len(&self.layer, samples)
    }
    fn tangent(
        &self,
        pass: layer::Pass<'_, f64>,
        v: BatchView<'_, f64>,
        jv: BatchViewMut<'_, f64>,
        tape: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.layer.tangent(pass, v, jv, tape, scratch);
    }
    fn tangent_backward(
        &self,
        pass: layer::Pass<'_, f64>,
        tangent: layer::TangentPass<'_, f64>,
        d: layer::DualViewMut<'_, f64>,
        d_input: Option<layer::DualViewMut<'_, f64>>,
        gradient: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.layer.tangent_backward(pass, tangent, d, d_input, gradient, scratch);
    }
}

fn with_layer(mistake: Mistake) -> Outcome {
    let encoder = || Wrong { layer: Dense::<4, 3>::new(Tanh), mistake };
    contract_of(encoder, || NoRegularizer, || SquaredError)
}

#[test]
fn a_layer_whose_code_depends_on_neighbours() {
    with_layer(Mistake::None).assert();
    let outcome = with_layer(Mistake::Neighbours);
    let expected = ["subsets_do_not_matter", "sample_weights_equal_repetition"];
    assert_caught(&outcome, &expected);
}

#[test]
fn a_layer_with_two_tensors_of_one_name() {
    let outcome = with_layer(Mistake::Names);
    let expected = ["layout_covers_all", "saved_and_loaded", "resumed_equals_uninterrupted"];
    assert_caught(&outcome, &expected);
}

#[test]
fn a_layer_that_draws_from_a_generator_of_its_own() {
    let outcome = with_layer(Mistake::Draws);
    let expected = [
        "same_seed_same_bits",
        "threads_do_not_matter",
        "shards_do_not_matter",
        "resumed_equals_uninterrupted",
        "stream_equals_memory",
        "validation_is_not_trained_on",
        "divergence_keeps_the_last_finite_parameters",
    ];
    assert_caught(&outcome, &expected);
}

/// An optimizer with a memory outside its state, or one that does not look at the gradient.
#[derive(Debug)]
struct BadOptimizer {
    remembers: bool,
}
static STEPS: AtomicU64 = AtomicU64::new(0);
impl Trains for BadOptimizer {}
impl Optimizer<f64> for BadOptimizer {
    fn describe(&self) -> String {
        format!("BadOptimizer {{ remembers: {} }}", self.remembers)
    }
    fn rate(&self) -> f64 {
        0.05
    }
    fn states(&self) -> usize {
        0
    }
    fn step(&self, step: &Step, parameters: &[f64], _: &mut [f64], gradient: &mut [f64]) {
        let factor = if self.remembers {
            step.rate / (1.0 + (STEPS.fetch_add(1, Ordering::Relaxed) % 5) as f64)
        } else {
            0.0
        };
        for (g, p) in gradient.iter_mut().zip(parameters) {
            *g = p - factor * *g;
        }
    }
}

fn with_optimizer(remembers: bool) -> Outcome {
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .decoder(Dense::<3, 4>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
    Contract::new(build, &data()).optimizer(move || BadOptimizer { remembers }).check()
}

#[test]
fn an_optimizer_with_a_memory_of_its_own() {
    let expected = [
        "same_seed_same_bits",
        "threads_do_not_matter",
        "resumed_equals_uninterrupted",
        "stream_equals_memory",
        "validation_is_not_trained_on",
        "divergence_keeps_the_last_finite_parameters",
    ];
    assert_caught(&with_optimizer(true), &expected);
}

#[test]
fn an_optimizer_that_does_not_look_at_the_gradient() {
    assert_caught(&with_optimizer(false), &["seeds_matter", "fit_reduces_the_objective"]);
}

/// Samples that are images are held against what goes over images, as a training would.
#[test]
fn images_stay_images() {
    let build = || {
        let flip =
            corruption::Flip::horizontal(size::DynImage { channels: 1, height: 2, width: 3 });
        AutoEncoder::builder()
            .encoder(Dense::dynamic(6, 2, Tanh))
            .decoder(Dense::dynamic(2, 6, Identity))
            .regularizer(Denoising::new(flip))
            .build::<f64>()
            .unwrap()
    };
    let images = |height, width| {
        let values = data::<f64>().as_slice()[..36].to_vec();
        Batch::new(size::DynImage { channels: 1, height, width }, values).unwrap()
    };
    contract::model(build, &images(2, 3)).assert();
    let upright = contract::model(build, &images(3, 2));
    let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(1);
    let refused = trainer.fit(&mut build(), &images(3, 2)).unwrap_err();
    let expected = Verdict::Failed { found: format!("refused: {refused}") };
    assert_eq!(upright.verdict("fit_reduces_the_objective"), Some(&expected));
}
