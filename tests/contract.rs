//! The contract holds for every kind of encoder with every regularizer and every loss; and it catches
//! mistakes that are planted on purpose, each by the checks that are named for it and by no other.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use autoencoder::activation::{Gelu, Identity, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::contract::{self, Contract, Outcome, Verdict};
use autoencoder::corruption::{Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::data::Normalization;
use autoencoder::decoder::Decoder;
use autoencoder::encoder::BoxedEncoder;
use autoencoder::layer::DenseLayer;
use autoencoder::loss::{Categorical, Compared, LearnedGaussian, Mixed};
use autoencoder::optimizer::Step;
use autoencoder::posterior::{Gaussianlike, Point, Posterior};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{Encoded, Kernel, PenaltyGradient};
use autoencoder::train::schedule::{Constant, Cyclical, Warmup};
use autoencoder::*;
use nalgebra::{Const, Dyn};
use rand::Rng;

fn data<T: Scalar>() -> Batch<T, Const<4>> {
    let rng = &mut seeded(11);
    let sample = |_| std::array::from_fn(|_| T::of(0.05 + 0.9 * f64::draw_uniform(rng)));
    (0..9).map(sample).collect()
}

fn for_any<E: Encoder<Scalar = T> + 'static, T: Scalar>(number: usize) -> Box<dyn Regularizer<E>> {
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
        _ => Box::new(vec![Box::new(decay) as Box<dyn Regularizer<E>>, Box::new(contractive)]),
    }
}
const FOR_ANY: usize = 10;

fn for_bounded<E: Encoder + 'static>(number: usize) -> Box<dyn Regularizer<E>>
where
    E::Range: range::Bounded,
{
    let sparse = SparseKl::new(0.2, 0.1).unwrap();
    match number {
        0 => Box::new(sparse),
        1 => Box::new(sparse.running(0.9).unwrap()),
        _ => Box::new((sparse.running(0.5).unwrap(), CodeL1::new(0.01).unwrap(), sparse)),
    }
}
const FOR_BOUNDED: usize = 3;

fn loss<D>(number: usize) -> Box<dyn Loss<D>>
where
    D: Decoder<Range = range::Real> + 'static,
{
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

/// An encoder of one kind with each regularizer in the list and each loss.
macro_rules! run {
    ($scalar:ty, $encoder:expr, $decoder:expr, $x:expr, $($list:ident $count:expr),+) => {{
        let x = $x;
        $(for number in 0..$count {
            for loss_number in 0..LOSSES {
                let build = || {
                    AutoEncoder::builder()
                        .encoder($encoder)
                        .decoder($decoder)
                        .regularizer($list(number))
                        .loss(loss(loss_number))
                        .build::<$scalar>()
                        .unwrap()
                };
                assert_passes(&contract::model(build, &x), &ALWAYS);
            }
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

fn gaussian_encoder() -> impl Build<
    f64,
    Input = Const<4>,
    Output = Const<2>,
    Built = impl Encoder<
        Scalar = f64,
        Input = Const<4>,
        Code = Const<2>,
        Range = range::Symmetric,
        Posterior = posterior::DiagonalGaussian<f64, Const<2>>,
    > + Clone
            + 'static,
> {
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

/// Objectives with several draws, parameters of their own, and what they are with the others.
fn for_gaussian<E: Encoder<Scalar = f64> + 'static>(number: usize) -> Box<dyn Regularizer<E>>
where
    E::Posterior: Gaussianlike,
{
    let plain = || Variational::new(0.05).unwrap();
    let iw = |draws| ImportanceWeighted::new(draws).unwrap();
    let mixture = || GaussianMixture::new(3).unwrap();
    let vamp = || VampPrior::from_samples(&data::<f64>().select(0..4)).unwrap();
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
            Box::new(WeightDecay::new(0.01).unwrap()) as Box<dyn Regularizer<E>>,
            Box::new((Contractive::new(0.05).unwrap(), iw(2).prior(vamp()))),
            Box::new(Denoising::new(GaussianNoise::new(0.1).unwrap())),
        ]),
    }
}
const FOR_GAUSSIAN: usize = 17;

fn likelihood<D>(number: usize) -> Box<dyn Loss<D>>
where
    D: Decoder<Scalar = f64, Range = range::Real> + 'static,
{
    match number {
        0 => Box::new(BernoulliCrossEntropy),
        1 => Box::new(LearnedGaussian::shared()),
        2 => Box::new(LearnedGaussian::per_feature().starting_at(0.5).unwrap()),
        3 => Box::new(Categorical::new(&[1, 3]).unwrap()),
        _ => Box::new(
            Mixed::new()
                .columns(1, LearnedGaussian::shared())
                .columns(2, Categorical::new(&[2]).unwrap())
                .columns(1, LearnedGaussian::per_feature()),
        ),
    }
}
const LIKELIHOODS: usize = 5;

#[test]
fn objectives_likelihoods_and_priors() {
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
    for number in 0..FOR_GAUSSIAN {
        for of_loss in 0..LIKELIHOODS {
            let build = || {
                AutoEncoder::builder()
                    .encoder(gaussian_encoder())
                    .decoder(Dense::<2, 4>::new(Identity))
                    .regularizer(for_gaussian(number))
                    .loss(likelihood(of_loss))
                    .build::<f64>()
                    .unwrap()
            };
            println!("objective {number}, likelihood {of_loss}");
            assert_passes(&contract::model(build, &data()), &named);
        }
    }
}

#[test]
fn boxed_encoders() {
    type Any = BoxedEncoder<f64, Const<4>, Const<3>, Point<f64, Const<3>>, range::UnitInterval>;
    let encoder = || -> Any { Box::new(Build::<f64>::build(Dense::<4, 3>::new(Sigmoid))) };
    let decoder = || Dense::<3, 4>::new(Identity);
    run!(f64, encoder(), decoder(), data(), for_any FOR_ANY, for_bounded FOR_BOUNDED);
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
    assert_passes(&Contract::new(build, &x).clones().optimizer(move || sgd).check(), &named);
    let nesterov = || sgd.nesterov(0.9).unwrap();
    assert_passes(&Contract::new(build, &x).clones().optimizer(nesterov).check(), &named);
    let rising = || sgd.nesterov_schedule(0.9).unwrap();
    assert_passes(&Contract::new(build, &x).clones().optimizer(rising).check(), &named);
    let rms = || RmsProp::new(0.002).unwrap().momentum(0.5).unwrap();
    assert_passes(&Contract::new(build, &x).clones().optimizer(rms).check(), &named);
    let adamw = || AdamW::new(0.01, 0.01).unwrap();
    assert_passes(&Contract::new(build, &x).clones().optimizer(adamw).check(), &named);

    let tied = || {
        AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh).then(Dense::<3, 2>::new(Sigmoid).frozen()))
            .decoder(Tied::new(Identity))
            .regularizer(WeightDecay::new(0.02).unwrap())
            .build::<f64>()
            .unwrap()
    };
    assert_passes(&Contract::new(tied, &x).clones().check(), &named);

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
    assert!(
        text.contains("clones_are_independent                       not applicable: "),
        "{text}"
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

type Layer4<A> = DenseLayer<f64, Const<4>, Const<3>, A>;
type Output = DenseLayer<f64, Const<3>, Const<4>, Identity>;

fn contract_of<E, R, L>(
    encoder: impl Fn() -> E,
    regularizer: impl Fn() -> R,
    loss: impl Fn() -> L,
) -> Outcome
where
    E: Build<f64, Input = Const<4>, Output = Const<3>>,
    E::Built: Encoder<Scalar = f64, Input = Const<4>, Code = Const<3>>,
    R: Regularizer<E::Built>,
    L: Loss<Output>,
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

fn with_regularizer<R: Regularizer<Layer4<Tanh>>>(regularizer: impl Fn() -> R) -> Outcome {
    contract_of(|| Dense::<4, 3>::new(Tanh), regularizer, || SquaredError)
}

fn with_loss<L: Loss<Output>>(loss: impl Fn() -> L) -> Outcome {
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
#[derive(Debug)]
struct Drifting;
static DRIFT: AtomicU64 = AtomicU64::new(0);
impl Corruption<f64> for Drifting {
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
            "resumed_equals_uninterrupted",
            "stream_equals_memory",
            "validation_is_not_trained_on",
            "divergence_keeps_the_last_finite_parameters",
        ],
    );
}

/// Corrupts each column by its place, or by the number of columns it is given.
#[derive(Debug)]
struct ByPlace {
    place: f64,
    count: f64,
}
impl<E: Encoder<Scalar = f64>> Regularizer<E> for ByPlace {
    fn corrupts(&self) -> bool {
        true
    }
    fn corrupt(&self, mut x: BatchViewMut<'_, f64, E::Input>, _: Streams<'_>) {
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
#[derive(Debug)]
struct CodeL2 {
    lambda: f64,
    sees_shares: bool,
    /// Divides by samples − 1, as a variance does.
    unbiased: bool,
    gradient: f64,
}
const RIGHT: CodeL2 = CodeL2 { lambda: 0.3, sees_shares: true, unbiased: false, gradient: 1.0 };
impl<E: Encoder<Scalar = f64>> Regularizer<E> for CodeL2 {
    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
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
impl<E: Encoder<Scalar = f64>> Regularizer<E> for Remembering {
    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
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
struct Silent;
impl fmt::Debug for Silent {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
impl<E: Encoder> Regularizer<E> for Silent {}

#[test]
fn a_plugin_that_prints_as_nothing() {
    assert_caught(&with_regularizer(|| Silent), &["debug_prints"]);
}

/// ½ Σ (x − y)², with mistakes.
#[derive(Debug)]
struct MySquares {
    gradient: fn(weight: f64, samples: usize) -> f64,
    /// What the first column has more.
    first: f64,
}
const SQUARES: MySquares = MySquares { gradient: |weight, _| weight, first: 0.0 };
impl<D: Decoder<Scalar = f64>> Loss<D> for MySquares {
    fn name(&self) -> &'static str {
        "my_squares"
    }
    fn values(&self, at: Compared<'_, f64, D::Output>, values: &mut [f64]) {
        for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(&mut *values) {
            *value = x.iter().zip(y).map(|(x, y)| 0.5 * (x - y).powi(2)).sum();
        }
        values[0] += self.first;
    }
    fn gradient(
        &self,
        Compared { x, y, .. }: Compared<'_, f64, D::Output>,
        weights: &[f64],
        mut dy: BatchViewMut<'_, f64, D::Output>,
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

/// tanh, but not everywhere.
#[derive(Debug, Clone, Copy)]
struct Fragile(fn(f64) -> f64);
impl Activation<f64> for Fragile {
    type Range = range::Symmetric;
    fn name(&self) -> &'static str {
        "fragile"
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
#[derive(Debug)]
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
    type Scalar = f64;
    fn layout(&self, layout: &mut Layout) {
        if self.mistake == Mistake::Names {
            use autoencoder::parameters::Role;
            layout.layer("Wrong", |layer| {
                layer.tensor("weight", (3, 4), Role::Weight);
                layer.tensor("weight", (3, 1), Role::Bias);
            });
        } else {
            self.layer.layout(layout);
        }
    }
    fn num_parameters(&self) -> usize {
        self.layer.num_parameters()
    }
    fn draw_parameters(&self, parameters: &mut [f64], rng: &mut dyn Rng) {
        self.layer.draw_parameters(parameters, rng);
        if self.mistake == Mistake::Draws {
            // From a generator of its own.
            static NEXT: AtomicU64 = AtomicU64::new(0);
            parameters[0] += 1e-3 * NEXT.fetch_add(1, Ordering::Relaxed) as f64;
        }
    }
    fn tape_len(&self, samples: usize) -> usize {
        self.layer.tape_len(samples)
    }
    fn scratch_len(&self, samples: usize) -> usize {
        self.layer.scratch_len(samples)
    }
}
impl Layer for Wrong {
    type Input = Const<4>;
    type Output = Const<3>;
    type Range = range::Real;
    fn input_dim(&self) -> Const<4> {
        Const
    }
    fn output_dim(&self) -> Const<3> {
        Const
    }
    fn forward(
        &self,
        parameters: &[f64],
        x: BatchView<'_, f64, Const<4>>,
        mut y: BatchViewMut<'_, f64, Const<3>>,
        tape: &mut [f64],
    ) {
        self.layer.forward(parameters, x, y.reborrow(), tape);
        if self.mistake == Mistake::Neighbours && x.samples() % 2 == 1 {
            y.as_mut_slice().iter_mut().for_each(|y| *y *= 1.0 + 1e-6);
        }
    }
    fn backward(
        &self,
        pass: layer::Pass<'_, f64, Const<4>, Const<3>>,
        dy: BatchViewMut<'_, f64, Const<3>>,
        dx: Option<BatchViewMut<'_, f64, Const<4>>>,
        gradient: Option<&mut [f64]>,
        scratch: &mut [f64],
    ) {
        Layer::backward(&self.layer, pass, dy, dx, gradient, scratch);
    }
    fn tangent_tape_len(&self, samples: usize) -> usize {
        self.layer.tangent_tape_len(samples)
    }
    fn tangent(
        &self,
        pass: layer::Pass<'_, f64, Const<4>, Const<3>>,
        v: BatchView<'_, f64, Const<4>>,
        jv: BatchViewMut<'_, f64, Const<3>>,
        tape: &mut [f64],
    ) {
        self.layer.tangent(pass, v, jv, tape);
    }
    fn tangent_backward(
        &self,
        pass: layer::Pass<'_, f64, Const<4>, Const<3>>,
        tangent: layer::TangentPass<'_, f64, Const<4>>,
        d: layer::DualViewMut<'_, f64, Const<3>>,
        d_input: Option<layer::DualViewMut<'_, f64, Const<4>>>,
        gradient: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.layer.tangent_backward(pass, tangent, d, d_input, gradient, scratch);
    }
}

fn with_layer(mistake: Mistake) -> Outcome {
    let encoder = || Wrong { layer: Build::build(Dense::<4, 3>::new(Tanh)), mistake };
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
impl Optimizer<f64> for BadOptimizer {
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
    Contract::new(build, &data()).optimizer(move || BadOptimizer { remembers }).clones().check()
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
