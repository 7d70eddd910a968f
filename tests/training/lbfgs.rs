//! L-BFGS: the course of SciPy's `L-BFGS-B`, and all that a `Trainer` does, with it.
//!
//! A sparse autoencoder on digits, by SciPy 1.17:
//! ```python
//! import numpy as np
//! from scipy.optimize import minimize
//! X = np.fromfile("src/datasets/digits.bin", np.uint8)[1438 * 64:1797 * 64].reshape(359, 64).T / 16
//! X = 0.1 + 0.8 * X; n, k = 64, 25; m = X.shape[1]; p, lam, beta = 0.01, 1e-4, 3.0
//! def sigmoid(z): return 1 / (1 + np.exp(-z))
//! def objective(t):
//!     W1 = t[:n * k].reshape(k, n, order="F"); b1 = t[n * k:n * k + k]
//!     W2 = t[n * k + k:2 * n * k + k].reshape(n, k, order="F"); b2 = t[2 * n * k + k:]
//!     H = sigmoid(W1 @ X + b1[:, None]); Y = sigmoid(W2 @ H + b2[:, None]); r = H.mean(axis=1)
//!     J = 0.5 * ((X - Y)**2).sum() / m + lam / 2 * ((W1**2).sum() + (W2**2).sum())
//!     J += beta * (p * np.log(p / r) + (1 - p) * np.log((1 - p) / (1 - r))).sum()
//!     dY = (Y - X) / m * Y * (1 - Y)
//!     dH = (W2.T @ dY + (beta / m * (-p / r + (1 - p) / (1 - r)))[:, None]) * H * (1 - H)
//!     return J, np.concatenate([(dH @ X.T + lam * W1).ravel("F"), dH.sum(axis=1),
//!                               (dY @ H.T + lam * W2).ravel("F"), dY.sum(axis=1)])
//! start = 0.25 * np.sin(np.arange(1, 2 * n * k + n + k + 1))
//! for iterations in [10, 50, 100, 200, 400, 15000]:
//!     r = minimize(objective, start, jac=True, method="L-BFGS-B",
//!                  options={"maxcor": 10, "maxiter": iterations, "maxfun": 10**6})
//!     print(f"    ({r.nit}, {r.nfev}, {float(r.fun)!r}), // {r.message}")
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::corruption::Gaussian as GaussianNoise;
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::train::{Convergence, Event, StopReason};
use autoencoder::*;
use nalgebra::{Const, Dyn};

/// Iterations, evaluations, and the objective, as the script prints them. The last one is where
/// the gradient is within its tolerance.
const SCIPY: [(usize, usize, f64); 6] = [
    (10, 11, 1.5181048108218655),
    (50, 51, 1.2681577148146814),
    (100, 103, 1.0160476336375692),
    (200, 206, 0.8668143904360048),
    (400, 412, 0.8448310302521445),
    (971, 1010, 0.8423311993636557),
];

type Half = layer::DenseLayer<Dyn, Dyn, Sigmoid>;
type Net<T, R> = AutoEncoder<Half, Half, R, SquaredError, T>;
type Sparse = (SparseKl, WeightDecay);

fn sparse() -> Sparse {
    (SparseKl::new(0.01, 3.0).unwrap(), WeightDecay::new(1e-4).unwrap())
}

fn net<T: Scalar, R: Regularizer<T> + SuitedTo<Half>>(
    (inputs, codes): (usize, usize),
    regularizer: R,
) -> Net<T, R> {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(inputs, codes, Sigmoid))
        .decoder(Dense::dynamic(codes, inputs, Sigmoid))
        .regularizer(regularizer)
        .build()
        .unwrap();
    let start = (1..=model.num_parameters()).map(|k| T::of(0.25 * (k as f64).sin()));
    model.set_parameters(&start.collect::<Vec<_>>()).unwrap();
    model
}

/// The digits of the script.
fn digits<T: Scalar>() -> Batch<T, Dyn> {
    let pixels = datasets::digits::<f64>().test;
    let values = pixels.as_slice().iter().map(|&pixel| T::of(0.1 + 0.8 * pixel));
    Batch::new(Dyn(64), values.collect()).unwrap()
}

/// A few small samples.
fn few(samples: usize) -> Batch<f64, Dyn> {
    let values = (0..5 * samples).map(|k| 0.5 + 0.4 * (0.7 * (k * k) as f64).sin());
    Batch::new(Dyn(5), values.collect()).unwrap()
}

fn evaluations(report: &Report) -> usize {
    report.epochs.iter().map(|epoch| epoch.evaluations).sum()
}

#[test]
fn takes_the_course_of_scipy() {
    let x = digits::<f64>();
    for (iterations, by_scipy, objective) in SCIPY {
        let mut model = net((64, 25), sparse());
        let report = Trainer::new(Lbfgs::new()).epochs(iterations).fit(&mut model, &x).unwrap();
        let (found, ours) = (model.loss(&x).unwrap().total(), evaluations(&report));
        // The course is the same but for rounding, which grows on the way and is gone at the end.
        let tolerance = match iterations {
            ..=50 => 1e-9,
            51..=400 => 2e-3,
            _ => 1e-5,
        };
        assert_eq!(report.epochs.len(), iterations);
        assert!((found / objective - 1.0).abs() < tolerance, "{found} {objective}");
        assert!(ours as f64 <= 1.1 * by_scipy as f64, "{ours} evaluations, SciPy {by_scipy}");
    }
}

#[test]
fn single_precision_comes_as_far() {
    let x = digits::<f32>();
    let mut model = net::<f32, _>((64, 25), sparse());
    let report = Trainer::new(Lbfgs::new()).epochs(400).fit(&mut model, &x).unwrap();
    let found = model.loss(&x).unwrap().total();
    assert!(found < 1.005 * SCIPY[4].2, "{found}");
    assert!(evaluations(&report) <= SCIPY[4].1 * 11 / 10);
}

#[test]
fn converges_and_says_why() {
    let x = few(12);
    let train = |lbfgs: Lbfgs| {
        let mut model = net((5, 3), sparse());
        let report = Trainer::new(lbfgs).epochs(5000).fit(&mut model, &x).unwrap();
        (report, model)
    };
    let strict = Lbfgs::new().objective_tolerance(0.0).unwrap().gradient_tolerance(1e-6).unwrap();
    let (report, model) = train(strict);
    assert_eq!(report.stopped, StopReason::Converged(Convergence::Gradient));
    let mut gradient = vec![0.0; model.num_parameters()];
    model.objective(&x, None, Some(&mut gradient)).unwrap();
    assert!(gradient.iter().all(|g| g.abs() <= 1e-6));
    let text = report.to_string();
    assert!(text.contains(&format!("converged in epoch {}: the gradient", report.epochs.len())));
    let (loose, _) = train(Lbfgs::new().objective_tolerance(1e-3).unwrap());
    assert_eq!(loose.stopped, StopReason::Converged(Convergence::Objective));
    assert!(loose.epochs.len() < report.epochs.len());
    let never = strict.gradient_tolerance(0.0).unwrap();
    let (at_rounding, _) = train(never);
    assert!(matches!(at_rounding.stopped, StopReason::Converged(_)));
    // A model that is there already takes one evaluation and no step.
    let mut there = model.clone();
    let report = Trainer::new(strict).epochs(5).fit(&mut there, &x).unwrap();
    assert_eq!(report.stopped, StopReason::Converged(Convergence::Gradient));
    assert_eq!((report.epochs.len(), evaluations(&report)), (1, 1));
    assert_eq!(there.parameters(), model.parameters());
}

/// Columns of 1e8 in single precision: a move of length 1 changes the objective by less than its rounding. Tanh
/// units are all saturated there, and what is left is to find the columns' means.
#[test]
fn columns_that_are_badly_scaled_are_descended() {
    let table = datasets::sensors::<f64>(200, 1).unwrap().normal();
    for scale in [1e6, 1e8, 1e10] {
        let large: Batch<f32, Const<8>> = Batch::from_iter(
            table.iter().map(|row| std::array::from_fn(|column| (scale * row[column]) as f32)),
        );
        let rows = || large.iter().map(|row| row.iter().map(|&x| f64::from(x)));
        let mut means = [0.0; 8];
        rows().for_each(|row| means.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / 200.0));
        let squares = |row: &[f64; 8]| row.iter().map(|x| x * x).sum::<f64>();
        let around = rows().map(|row| {
            let mut row = row.zip(means).map(|(x, mean)| x - mean);
            squares(&std::array::from_fn(|_| row.next().unwrap()))
        });
        let around_means = 0.5 * around.sum::<f64>() / 200.0;
        for code in [Box::new(Tanh) as Box<dyn Activation<f32>>, Box::new(Identity)] {
            let mut model = AutoEncoder::builder()
                .encoder(Dense::<8, 3>::new(code))
                .decoder(Dense::<3, 8>::new(Identity))
                .build::<f32>()
                .unwrap();
            Trainer::new(Lbfgs::new()).epochs(100).fit(&mut model, &large).unwrap();
            let after = model.loss(&large).unwrap().total();
            assert!(after < 1.001 * around_means, "{scale}: {after:.3e}, {around_means:.3e}");
        }
    }
}

/// A penalty with the gradient of its opposite, so that nothing is smaller down the gradient.
#[derive(Debug, Clone)]
struct Uphill;
impl<E: layer::Part> SuitedTo<E> for Uphill {}
impl<T: Float> Regularizer<T> for Uphill {
    fn describe(&self) -> String {
        "Uphill".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::nothing()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        _: &mut [T],
        terms: &mut Terms,
    ) {
        let code = at.posterior.mean();
        let sum = code.as_slice().iter().fold(T::ZERO, |sum, &h| sum + h);
        terms.add("uphill", T::of(1e3) * sum);
        if let Some(gradient) = gradient {
            gradient.posterior.mean_mut().as_mut_slice().fill(T::of(-1e3));
        }
    }
}

#[test]
fn a_line_search_that_finds_nothing_is_not_called_converged() {
    let x = few(20);
    let mut model = net::<f64, _>((5, 3), Uphill);
    let before = model.parameters().to_vec();
    let report = Trainer::new(Lbfgs::new()).epochs(5).fit(&mut model, &x).unwrap();
    assert_eq!((report.stopped, report.epochs.len()), (StopReason::LineSearchFailed, 1));
    assert_eq!(model.parameters(), before);
    let text = report.to_string();
    assert!(text.contains("no step down the gradient") && text.contains("normalize"), "{text}");
}

#[test]
fn draws_stay_the_same_so_that_the_objective_falls_at_each_step() {
    let x = few(12);
    let noise = Denoising::new(GaussianNoise::new(0.2).unwrap());
    let mut model = net((5, 3), noise);
    let report = Trainer::new(Lbfgs::new()).epochs(60).seed(3).fit(&mut model, &x).unwrap();
    let totals: Vec<f64> = report.epochs.iter().map(|epoch| epoch.terms.total()).collect();
    assert!(totals.len() > 20 && totals.windows(2).all(|pair| pair[1] < pair[0]), "{totals:?}");
    // One evaluation begins the first step, and each later step begins where the last one ended.
    assert!(evaluations(&report) < report.epochs.len() * 5 / 4);
    // Other draws have another objective.
    let mut other = net((5, 3), noise);
    Trainer::new(Lbfgs::new()).epochs(60).seed(4).fit(&mut other, &x).unwrap();
    assert_ne!(model.parameters(), other.parameters());
}

#[test]
fn options_change_the_result() {
    let x = few(12);
    type Set = fn(Trainer<'static, Lbfgs>) -> Trainer<'static, Lbfgs>;
    let run_on = |examples: Examples<'_, f64, _, _>, lbfgs: Lbfgs, set: Set| {
        let mut model = net((5, 3), sparse());
        let report = set(Trainer::new(lbfgs).epochs(12)).fit(&mut model, examples).unwrap();
        (model.parameters().to_vec(), report)
    };
    let run = |lbfgs: Lbfgs, set: Set| run_on(Examples::of(&x), lbfgs, set);
    let weights = [1., 2., 3., 1., 1., 1., 1., 1., 1., 1., 1., 1.];
    let plain = Lbfgs::new();
    let results = [
        run(plain, |trainer| trainer),
        run(plain.history(2).unwrap(), |trainer| trainer),
        run(plain.wolfe(1e-3, 0.01).unwrap(), |trainer| trainer),
        run(plain.wolfe(0.6, 0.9).unwrap(), |trainer| trainer),
        run(plain.wolfe(1e-3, 0.01).unwrap().max_evaluations(2).unwrap(), |trainer| trainer),
        run(plain.iterations_per_batch(2).unwrap(), |trainer| trainer),
        run(plain.gradient_tolerance(0.05).unwrap(), |trainer| trainer),
        run(plain.objective_tolerance(0.02).unwrap(), |trainer| trainer),
        run(plain, |trainer| trainer.batch_size(6)),
        run_on(Examples::of(&x).weights(&weights), plain, |trainer| trainer),
    ];
    for (index, (one, _)) in results.iter().enumerate() {
        assert!(results[..index].iter().all(|(other, _)| other != one), "{index} equals another");
    }
    // The settings that change nothing here.
    assert_eq!(run(plain, |trainer| trainer.shuffle(false).batch_size(12)).0, results[0].0);
    // Twice the iterations in half the steps, on one batch.
    let twice = run(plain.iterations_per_batch(2).unwrap(), |trainer| trainer.epochs(6)).0;
    assert_eq!(twice, results[0].0);
}

#[test]
fn refuses_what_has_no_meaning_for_it() {
    let x = few(4);
    let mut model = net((5, 3), NoRegularizer);
    let mut refusal = |trainer: Trainer<'_, Lbfgs>| {
        let mut trainer = trainer;
        trainer.fit(&mut model, &x).unwrap_err().to_string()
    };
    for trainer in [
        Trainer::new(Lbfgs::new()).shuffle(true),
        Trainer::new(Lbfgs::new()).clip_norm(1.0),
        Trainer::new(Lbfgs::new()).schedule(train::schedule::Constant),
    ] {
        let text = refusal(trainer);
        assert!(text.contains("for Lbfgs"), "{text}");
    }
    let lbfgs = Lbfgs::new();
    for refused in [
        lbfgs.history(0),
        lbfgs.iterations_per_batch(0),
        lbfgs.max_evaluations(0),
        lbfgs.gradient_tolerance(-1.0),
        lbfgs.gradient_tolerance(f64::NAN),
        lbfgs.objective_tolerance(f64::INFINITY),
        lbfgs.wolfe(0.0, 0.9),
        lbfgs.wolfe(0.5, 0.5),
        lbfgs.wolfe(0.1, 1.0),
        lbfgs.wolfe(f64::NAN, 0.9),
        lbfgs.wolfe(0.1, f64::NAN),
    ] {
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{refused:?}");
    }
}

#[test]
fn streams_are_trained_on_as_memory_is() {
    let x = few(12);
    for batch_size in [None, Some(4)] {
        let trainer = || {
            let trainer = Trainer::new(Lbfgs::new()).epochs(8).shuffle_buffer(5);
            batch_size.into_iter().fold(trainer, |trainer, size| trainer.batch_size(size))
        };
        let (mut one, mut other) = (net((5, 3), sparse()), net((5, 3), sparse()));
        trainer().fit(&mut one, &x).unwrap();
        trainer().fit(&mut other, &mut data::InMemory::from(&x)).unwrap();
        assert_eq!(one.parameters(), other.parameters());
    }
}

#[test]
fn early_stopping_keeps_the_best() {
    let x = few(16);
    let mut model = net((5, 4), NoRegularizer);
    let stopping = EarlyStopping::new(5).unwrap();
    let trainer = Trainer::new(Lbfgs::new()).epochs(500).validation_split(0.25);
    let report = trainer.early_stopping(stopping).fit(&mut model, &x).unwrap();
    let StopReason::NoImprovement { best_epoch } = report.stopped else { panic!("{report}") };
    let held_out: Batch<f64, Dyn> = Batch::new(Dyn(5), x.as_slice()[60..].to_vec()).unwrap();
    let best = report.epochs[best_epoch - 1].validation.as_ref().unwrap().total();
    assert_eq!(model.loss(&held_out).unwrap().total(), best);
}

#[cfg(feature = "parallel")]
#[test]
fn threads_change_no_bit() {
    let values = (0..784 * 600).map(|k| 0.5 + 0.4 * (0.7 * (k % 7919) as f32).sin());
    let x: Batch<f32, Dyn> = Batch::new(Dyn(784), values.collect()).unwrap();
    let train = |threads| {
        let mut model = net::<f32, _>((784, 64), sparse());
        Trainer::new(Lbfgs::new()).epochs(4).threads(threads).fit(&mut model, &x).unwrap();
        model.parameters().to_vec()
    };
    assert_eq!(train(1), train(2));
}

/// Not finite from this evaluation of a training on.
#[derive(Debug, Clone)]
struct Poison {
    from: usize,
    evaluations: Arc<AtomicUsize>,
}

impl<E> SuitedTo<E> for Poison {}
impl<T: Float> Regularizer<T> for Poison {
    fn describe(&self) -> String {
        "Poison".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::default()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        _: Option<&mut PenaltyGradient<'_, T>>,
        _: &mut [T],
        terms: &mut Terms,
    ) {
        if at.streams.is_none() {
            return terms.add("poison", 0.0);
        }
        let before = self.evaluations.fetch_add(1, Ordering::Relaxed);
        terms.add("poison", if before < self.from { 0.0 } else { f64::NAN });
    }
}

#[test]
fn what_is_not_finite_ends_with_the_last_finite_parameters() {
    let x = few(12);
    for from in [0, 1, 2, 9] {
        let mut seen = Vec::new();
        let poison = Poison { from, evaluations: Arc::default() };
        let mut model = net((5, 3), poison);
        seen.push(model.parameters().to_vec());
        let mut trainer = Trainer::new(Lbfgs::new()).epochs(30);
        let error = trainer.fit(&mut model, &x).unwrap_err();
        let Error::Diverged { epoch, quantity, .. } = &error else { panic!("{error}") };
        assert_eq!(quantity, "the term `poison`");
        // The same training as far as it went.
        let mut sound = net((5, 3), Poison { from: usize::MAX, evaluations: Arc::default() });
        if *epoch > 1 {
            Trainer::new(Lbfgs::new()).epochs(epoch - 1).fit(&mut sound, &x).unwrap();
        }
        assert_eq!(model.parameters(), sound.parameters(), "from {from}");
        assert!(model.parameters() != seen[0] || from < 2);
    }
}

#[test]
fn what_is_not_finite_for_a_while_is_skipped() {
    let x = few(12);
    /// Not finite at these evaluations only.
    #[derive(Debug, Clone)]
    struct Hiccup(std::ops::Range<usize>, Arc<AtomicUsize>);
    impl<E> SuitedTo<E> for Hiccup {}
    impl<T: Float> Regularizer<T> for Hiccup {
        fn describe(&self) -> String {
            "Hiccup".to_owned()
        }
        fn needs(&self, _: &Facts) -> Needs {
            Needs::default()
        }
        fn penalty(
            &self,
            _: &Encoded<'_, T>,
            _: Option<&mut PenaltyGradient<'_, T>>,
            _: &mut [T],
            terms: &mut Terms,
        ) {
            let before = self.1.fetch_add(1, Ordering::Relaxed);
            terms.add("hiccup", if self.0.contains(&before) { f64::INFINITY } else { 0.0 });
        }
    }
    // One trial that is not finite is one that went too far.
    let mut model = net((5, 3), Hiccup(3..4, Arc::default()));
    let report = Trainer::new(Lbfgs::new()).epochs(6).fit(&mut model, &x).unwrap();
    assert!(report.divergences.is_empty());
    assert!(report.epochs.windows(2).all(|pair| pair[1].terms.total() < pair[0].terms.total()));
    // A whole line search, from the direction and from the gradient, is a divergence.
    for policy in [OnDivergence::SkipBatch { limit: 3 }, OnDivergence::RestoreBest { limit: 3 }] {
        let mut model = net((5, 3), Hiccup(5..45, Arc::default()));
        let mut trainer = Trainer::new(Lbfgs::new()).epochs(40).on_divergence(policy);
        let report = trainer.fit(&mut model, &x).unwrap();
        assert_eq!(report.divergences.len(), 1, "{report}");
        assert_eq!(report.divergences[0].quantity, "the term `hiccup`");
        let (first, last) = (&report.epochs[0], report.last().unwrap());
        assert!(last.terms.total() < 0.9 * first.terms.total(), "{report}");
    }
}

#[test]
fn observers_see_evaluations_and_step_lengths() {
    let x = few(12);
    let (mut steps, mut rates) = (Vec::new(), Vec::new());
    let report = Trainer::new(Lbfgs::new())
        .epochs(10)
        .batch_size(4)
        .observer(|event: &Event<'_>| {
            if let Event::Batch(batch) = event {
                steps.push(batch.evaluations);
                rates.push(batch.rate);
            }
        })
        .fit(&mut net((5, 3), sparse()), &x)
        .unwrap();
    assert_eq!(steps.len(), 30);
    // Another batch than before: each step begins with an evaluation.
    assert!(steps.iter().all(|&count| count >= 2));
    assert!(rates.iter().all(|&rate| rate > 0.0));
    for (epoch, steps) in report.epochs.iter().zip(steps.chunks(3)) {
        assert_eq!(epoch.evaluations, steps.iter().sum::<usize>());
    }
    let adam = Trainer::new(Adam::new(0.01).unwrap()).epochs(1).batch_size(4);
    let mut adam = adam;
    let report = adam.fit(&mut net((5, 3), sparse()), &x).unwrap();
    assert_eq!(report.epochs[0].evaluations, 3);
}

#[test]
fn a_method_chosen_at_run_time() {
    use autoencoder::optimizer::{Method, Trains};
    fn trained<O: Method<f64> + Trains>(method: O) -> Vec<f64> {
        let mut model = net((5, 3), sparse());
        Trainer::new(method).epochs(3).fit(&mut model, &few(12)).unwrap();
        model.parameters().to_vec()
    }
    let adam = || Adam::new(0.01).unwrap();
    let chosen = |full_batches: bool| -> Box<dyn Method<f64>> {
        if full_batches { Box::new(Lbfgs::new()) } else { Box::new(adam()) }
    };
    assert_eq!(trained(chosen(true)), trained(Lbfgs::new()));
    assert_eq!(trained(chosen(false)), trained(adam()));
    assert_ne!(trained(chosen(true)), trained(chosen(false)));
}

#[test]
fn what_is_frozen_stays() {
    let x = few(12);
    let mut model = net((5, 3), sparse());
    model.set_encoder_frozen(true);
    let before = model.parameters().to_vec();
    let report = Trainer::new(Lbfgs::new()).epochs(500).fit(&mut model, &x).unwrap();
    assert!(matches!(report.stopped, StopReason::Converged(_)), "{report}");
    let encoder = 6 * 3;
    assert_eq!(model.parameters()[..encoder], before[..encoder]);
    assert!(model.parameters()[encoder..].iter().zip(&before[encoder..]).all(|(a, b)| a != b));
}

#[test]
fn classifiers_are_trained_as_well() {
    let digits = datasets::digits::<f64>();
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 20>::new(Sigmoid))
        .decoder(Dense::<20, 64>::new(Sigmoid))
        .build::<f64>()
        .unwrap();
    let mut classifier = model.classifier::<10>().build::<f64>().unwrap();
    let mut trainer = Trainer::new(Lbfgs::new()).epochs(60);
    let report = trainer.fit(&mut classifier, (&digits.train, &digits.train_labels)).unwrap();
    assert!(report.epochs.windows(2).all(|pair| pair[1].terms.total() < pair[0].terms.total()));
    assert!(evaluations(&report) < 75);
    assert!(classifier.accuracy(&digits.test, &digits.test_labels).unwrap() > 0.85);
}

#[test]
fn it_serves_sizes_in_types_too() {
    let x: Batch<f32, Const<64>> = datasets::digits().test.with_size(Const).unwrap();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 8>::new(Tanh))
        .decoder(Dense::<8, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let before = model.loss(&x).unwrap().total();
    Trainer::new(Lbfgs::new()).epochs(60).fit(&mut model, &x).unwrap();
    assert!(model.loss(&x).unwrap().total() < 0.5 * before);
}

#[cfg(feature = "safetensors")]
mod resumed {
    use super::*;
    use autoencoder::train::Checkpoints;
    use std::path::Path;

    fn without_time(mut report: Report) -> Report {
        for epoch in &mut report.epochs {
            (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
        }
        report
    }

    /// Trains to the end with a checkpoint at each step, and keeps the file as it was before this step of
    /// this epoch.
    fn train<R: Regularizer<f64> + SuitedTo<Half>>(
        trainer: impl Fn() -> Trainer<'static, Lbfgs>,
        weights: Option<&[f64]>,
        regularizer: impl Fn() -> R,
        folder: &Path,
        (epoch, batch): (usize, usize),
    ) {
        let x = few(12);
        let examples = || {
            let all = Examples::of(&x);
            weights.into_iter().fold(all, |examples, weights| examples.weights(weights))
        };
        let (file, kept) = (folder.join("run.safetensors"), folder.join("kept.safetensors"));
        let mut at_once = net((5, 3), regularizer());
        let (from, to) = (file.clone(), kept.clone());
        let report = trainer()
            .checkpoints(Checkpoints::new(&file).every_steps(1))
            .observer(move |event: &Event<'_>| {
                if let Event::Batch(report) = event
                    && (report.epoch, report.batch) == (epoch, batch)
                {
                    std::fs::copy(&from, &to).unwrap();
                }
            })
            .fit(&mut at_once, examples())
            .unwrap();
        let mut resumed = net((5, 3), regularizer());
        let again = trainer()
            .checkpoints(Checkpoints::new(&kept).resume(true))
            .fit(&mut resumed, examples())
            .unwrap();
        assert_eq!(at_once.parameters(), resumed.parameters());
        assert_eq!(without_time(report.clone()), without_time(again));
        // At the end there is nothing left to do, converged or not.
        let ended = trainer()
            .checkpoints(Checkpoints::new(&file).resume(true))
            .fit(&mut resumed, examples())
            .unwrap();
        assert_eq!(without_time(report), without_time(ended));
        assert_eq!(at_once.parameters(), resumed.parameters());
    }

    #[test]
    fn training_is_that_which_never_stopped() {
        let folder = std::env::temp_dir().join(format!("autoencoder-lbfgs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let running = || SparseKl::new(0.2, 0.5).unwrap().running(0.9).unwrap();
        let noise = || Denoising::new(GaussianNoise::new(0.2).unwrap());
        let short = Lbfgs::new().history(3).unwrap();
        let whole = move || Trainer::new(short).epochs(20);
        train(whole, None, sparse, &folder, (9, 1));
        train(whole, None, sparse, &folder, (2, 1));
        train(whole, None, running, &folder, (9, 1));
        train(whole, None, noise, &folder, (15, 1));
        let batches =
            move || Trainer::new(short.iterations_per_batch(2).unwrap()).epochs(8).batch_size(5);
        train(batches, None, sparse, &folder, (3, 2));
        train(batches, None, running, &folder, (3, 3));
        let weights = [0., 2., 3., 1., 0.5, 1., 1., 1., 0., 1., 1., 1.];
        train(whole, Some(&weights), sparse, &folder, (9, 1));
        let loose = Lbfgs::new().objective_tolerance(1e-2).unwrap();
        train(move || Trainer::new(loose).epochs(500), None, sparse, &folder, (4, 1));
        train(move || Trainer::new(loose).epochs(500).batch_size(6), None, sparse, &folder, (4, 2));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// What has converged is done, unless it is asked for more.
#[cfg(feature = "safetensors")]
#[test]
fn tighter_tolerances_take_a_converged_training_up_again() {
    use autoencoder::train::{Checkpoints, StopReason};
    let folder = std::env::temp_dir().join(format!("autoencoder-tighter-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let digits = datasets::digits::<f64>();
    let run = |tolerance: f64| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<64, 4>::new(autoencoder::activation::Tanh))
            .decoder(Dense::<4, 64>::new(autoencoder::activation::Identity))
            .build::<f64>()
            .unwrap();
        let lbfgs = Lbfgs::new().gradient_tolerance(tolerance).unwrap();
        let checkpoints = Checkpoints::new(folder.join("run")).resume(true);
        let mut trainer = Trainer::new(lbfgs).epochs(60).checkpoints(checkpoints);
        trainer.fit(&mut model, &digits.train).unwrap()
    };
    let loose = run(0.2);
    assert!(matches!(loose.stopped, StopReason::Converged(_)), "{loose}");
    assert_eq!(run(0.2).epochs, loose.epochs);
    let tight = run(1e-4);
    assert!(tight.epochs.len() > loose.epochs.len(), "{tight}");
    assert_eq!(tight.epochs[..loose.epochs.len()], loose.epochs);
    std::fs::remove_dir_all(&folder).unwrap();
}
