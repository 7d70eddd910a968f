//! Properties that hold for all inputs.

use autoencoder::activation::*;
use autoencoder::corruption::{Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::loss::{Compared, LossFor, WithInput};
use autoencoder::posterior::Posterior;
use autoencoder::random::{Streams, seeded};
use autoencoder::*;
use nalgebra::{Const, DVector, Dyn};
use proptest::prelude::*;
use rand::RngExt;

/// How near the mean activation must come to its target.
const REACHED: f64 = 1e-3;
/// A draw's mean and variance lie within so many standard errors.
const STANDARD_ERRORS: f64 = 5.0;
/// What rounding may do to a value that is 0 in exact arithmetic.
const ROUNDING: f64 = 1e-12;

fn config() -> ProptestConfig {
    // A fixed seed and no file of failures: the same cases everywhere.
    ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sparse_kl_is_positive_and_zero_only_at_its_target(target in 0.001..0.999_f64, p in 0.0..=1.0_f64) {
        let kl = SparseKl::new(target, 1.0).unwrap();
        prop_assert_eq!(kl.divergence(target), 0.0);
        prop_assert_eq!(kl.slope(target), 0.0);
        let value = kl.divergence(p);
        if p == target {
            prop_assert_eq!(value, 0.0);
        } else {
            // By Pinsker's inequality, KL ≥ 2 (p − p′)²: an independent bound, and more than 0.
            prop_assert!(value >= 2.0 * (p - target).powi(2) * (1.0 - 1e-9));
        }
    }

    #[test]
    fn sparse_kl_is_the_textbook_formula(target in 0.001..0.999_f64, p in 0.001..0.999_f64) {
        let kl = SparseKl::new(target, 1.0).unwrap();
        let textbook = target * (target / p).ln() + (1.0 - target) * ((1.0 - target) / (1.0 - p)).ln();
        prop_assert!((kl.divergence(p) - textbook).abs() <= 1e-13 * textbook.abs().max(1.0));
    }

    #[test]
    fn sparse_kl_falls_before_its_target_and_rises_after(target in 0.001..0.999_f64, p in 0.0..=1.0_f64) {
        let slope = SparseKl::new(target, 1.0).unwrap().slope(p);
        prop_assert_eq!(slope.partial_cmp(&0.0), p.partial_cmp(&target));
    }

    #[test]
    fn sparse_kl_is_convex(target in 0.001..0.999_f64, a in 0.0..=1.0_f64, b in 0.0..=1.0_f64, t in 0.0..=1.0_f64) {
        let kl = SparseKl::new(target, 1.0).unwrap();
        let (between, chord) = (kl.divergence(t * a + (1.0 - t) * b), t * kl.divergence(a) + (1.0 - t) * kl.divergence(b));
        prop_assert!(between <= chord + ROUNDING * chord.max(1.0));
    }

    #[test]
    fn sparse_kl_is_symmetric(target in 0.001..0.999_f64, p in 0.0..=1.0_f64) {
        let here = SparseKl::new(target, 1.0).unwrap().divergence(p);
        let mirrored = SparseKl::new(1.0 - target, 1.0).unwrap().divergence(1.0 - p);
        // 1 − p is rounded, which near the ends moves the divergence.
        prop_assert!((here - mirrored).abs() <= 1e-9 * here.max(1.0), "{} {}", here, mirrored);
    }

    #[test]
    fn gaussian_kl_is_zero_only_at_the_prior(mean in -5.0..5.0_f64, lv in -8.0..8.0_f64) {
        let mut posterior = Posterior::new(1, true);
        posterior.resize(1);
        let kl = |posterior: &mut Posterior<f64>, mean: f64, lv: f64| {
            posterior.mean_mut().as_mut_slice()[0] = mean;
            posterior.log_variance_mut().as_mut_slice()[0] = lv;
            let mut value = [f64::NAN];
            posterior.kl_to_prior(&mut value);
            value[0]
        };
        prop_assert_eq!(kl(&mut posterior, 0.0, 0.0), 0.0);
        let value = kl(&mut posterior, mean, lv);
        prop_assert!(value > 0.0);
        // ½ (σ² + μ² − 1 − ln σ²), as in every textbook.
        let textbook = 0.5 * (lv.exp() + mean * mean - 1.0 - lv);
        prop_assert!((value - textbook).abs() <= ROUNDING * textbook.max(1.0));
    }
}

/// A loss that asks for nothing, so that a penalty acts alone.
#[derive(Debug, Clone)]
struct NoLoss;
impl<D: Part> LossFor<D> for NoLoss {
    type Target = WithInput;
}
impl<T: Float> Loss<T> for NoLoss {
    fn name(&self) -> &'static str {
        "no_loss"
    }
    fn describe(&self) -> String {
        "NoLoss".to_owned()
    }
    fn values(&self, _: Compared<'_, T>, values: &mut [T]) {
        values.fill(T::ZERO);
    }
    fn gradient(&self, _: Compared<'_, T>, _: &[T], mut dy: BatchViewMut<'_, T>) {
        dy.as_mut_slice().fill(T::ZERO);
    }
}

#[test]
fn training_on_sparse_kl_alone_drives_the_mean_activation_to_the_target() {
    let rng = &mut seeded(3);
    let x: Batch<f64, Const<6>> = (0..50).map(|_| std::array::from_fn(|_| rng.random())).collect();
    macro_rules! run {
        ($activation:expr, $low:expr, $kl:expr, $target:expr) => {{
            let mut model = AutoEncoder::builder()
                .encoder(Dense::<6, 5>::new($activation))
                .decoder(Dense::<5, 6>::new(Identity))
                .regularizer($kl)
                .loss(NoLoss)
                .build::<f64>()
                .unwrap();
            let adam = Adam::new(0.02).unwrap();
            let cosine = train::schedule::Cosine::new(0.0).unwrap();
            Trainer::new(adam)
                .epochs(1500)
                .batch_size(50)
                .schedule(cosine)
                .fit(&mut model, &x)
                .unwrap();
            let code = model.encode(&x).unwrap();
            for unit in 0..5 {
                let mean: f64 = code.iter().map(|h| h[unit]).sum::<f64>() / 50.0;
                let rate = (mean - $low) / (1.0 - $low);
                assert!((rate - $target).abs() <= REACHED, "unit {unit}: {rate}, not {}", $target);
            }
        }};
    }
    for target in [0.05, 0.3, 0.8] {
        let kl = SparseKl::new(target, 1.0).unwrap();
        run!(Sigmoid, 0.0, kl.clone(), target);
        run!(Tanh, -1.0, kl.clone(), target);
        run!(Sigmoid, 0.0, kl.clone().running(0.9).unwrap(), target);
        run!(Tanh, -1.0, kl.running(0.9).unwrap(), target);
    }
}

/// The share of hits lies within so many standard errors of the rate.
fn assert_rate(hits: usize, all: usize, rate: f64) {
    let error = (rate * (1.0 - rate) / all as f64).sqrt();
    let found = hits as f64 / all as f64;
    assert!((found - rate).abs() <= STANDARD_ERRORS * error, "{found}, not {rate}");
}

#[test]
fn corruptions_keep_their_rate_and_leave_the_rest_untouched() {
    const LEN: usize = 100_003; // no multiple of any block
    let clean: Vec<f32> = (0..LEN).map(|index| 0.25 + (index % 7) as f32 / 16.0).collect();
    for rate in [0.0, 0.1, 0.5, 1.0] {
        let mut masked = clean.clone();
        Masking::new(rate).unwrap().corrupt(&mut masked, &mut seeded(1));
        let hits = masked.iter().filter(|&&x| x == 0.0).count();
        assert_rate(hits, LEN, rate);
        let kept = clean.iter().zip(&masked).filter(|(x, y)| x.to_bits() == y.to_bits()).count();
        assert_eq!(hits + kept, LEN);

        let mut salted = clean.clone();
        let salt = SaltAndPepper::new(rate).unwrap().values(-3.0, 5.0).unwrap();
        salt.corrupt(&mut salted, &mut seeded(2));
        let low = salted.iter().filter(|&&x| x == -3.0).count();
        let high = salted.iter().filter(|&&x| x == 5.0).count();
        assert_rate(low + high, LEN, rate);
        if rate > 0.0 {
            assert_rate(low, low + high, 0.5);
        }
        let kept = clean.iter().zip(&salted).filter(|(x, y)| x.to_bits() == y.to_bits()).count();
        assert_eq!(low + high + kept, LEN);
    }
    let mut noisy = clean.clone();
    GaussianNoise::new(0.2).unwrap().corrupt(&mut noisy, &mut seeded(3));
    let noise: Vec<f64> = clean.iter().zip(&noisy).map(|(x, y)| f64::from(y - x)).collect();
    assert_moments(&noise, 0.0, 0.04);
}

/// The mean and the variance of normal draws, within their standard errors.
fn assert_moments(draws: &[f64], mean: f64, variance: f64) {
    let n = draws.len() as f64;
    let found = draws.iter().sum::<f64>() / n;
    assert!(
        (found - mean).abs() <= STANDARD_ERRORS * (variance / n).sqrt(),
        "mean {found}, not {mean}"
    );
    let found = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let error = variance * (2.0 / n).sqrt();
    assert!(
        (found - variance).abs() <= STANDARD_ERRORS * error,
        "variance {found}, not {variance}"
    );
}

#[test]
fn a_drawn_code_has_the_stated_mean_and_variance() {
    const DRAWS: usize = 40_000;
    for (mean, lv) in [(0.0, 0.0), (1.5, -2.0), (-3.0, 1.0)] {
        let mut posterior = Posterior::<f64>::new(2, true);
        posterior.resize(DRAWS);
        posterior.mean_mut().as_mut_slice().fill(mean);
        posterior.log_variance_mut().as_mut_slice().fill(lv);
        let mut code = Batch::zeros(Const::<2>, DRAWS);
        let mut noise = vec![0.0; posterior.noise_len()];
        posterior.draw_code(Streams::new(9, 0, &[]), code.view_mut(), &mut noise);
        assert_moments(code.as_slice(), mean, lv.exp());
        // The two units of a sample are independent.
        let products: Vec<f64> = code.iter().map(|z| (z[0] - mean) * (z[1] - mean)).collect();
        let covariance = products.iter().sum::<f64>() / DRAWS as f64;
        assert!(covariance.abs() <= STANDARD_ERRORS * lv.exp() / (DRAWS as f64).sqrt());
    }
}

#[test]
fn randomness_is_a_function_of_its_address_alone() {
    let draw = |seed, epoch, position, samples: &[usize], column| -> f64 {
        Streams::new(seed, epoch, samples).at(position).sample(column).random()
    };
    let here = draw(1, 2, 3, &[4, 5], 1);
    assert_eq!(here, draw(1, 2, 3, &[9, 8, 7, 5], 3), "the sample counts, not its column");
    for other in [
        draw(2, 2, 3, &[4, 5], 1),
        draw(1, 3, 3, &[4, 5], 1),
        draw(1, 2, 4, &[4, 5], 1),
        draw(1, 2, 3, &[4, 5], 0),
    ] {
        assert_ne!(here, other);
    }
}

#[test]
fn the_jacobian_penalty_is_the_norm_of_a_finite_difference_jacobian() {
    macro_rules! run {
        ($encoder:expr) => {{
            let model = AutoEncoder::builder()
                .encoder($encoder)
                .decoder(Dense::<3, 5>::new(Identity))
                .regularizer(Contractive::new(0.7).unwrap())
                .seed(4)
                .build::<f64>()
                .unwrap();
            let x: Batch<f64, Const<5>> =
                Batch::from_iter([[0.3, -0.2, 0.5, 0.9, -0.7], [1.1, 0.4, -0.6, 0.2, 0.8]]);
            let mut squared = 0.0;
            for sample in x.iter() {
                for unit in 0..3 {
                    let code = |x: &[f64]| model.encode_one(x).unwrap()[unit];
                    let row = gradcheck::finite_differences(sample, code);
                    squared += row.iter().map(|d| d * d).sum::<f64>() / 2.0;
                }
            }
            let found = model.squared_jacobian(&x).unwrap();
            assert!((found - squared).abs() <= 1e-9 * squared, "{found}, not {squared}");
            let term = model.loss(&x).unwrap().get("contractive").unwrap();
            assert!((term - 0.7 * squared).abs() <= 1e-9 * squared);
        }};
    }
    run!(Dense::<5, 3>::new(Sigmoid));
    run!(Dense::<5, 3>::new(Tanh));
    run!(Dense::<5, 3>::new(Softplus));
    run!(Dense::<5, 3>::new(Gelu));
    run!(Dense::<5, 3>::new(Relu));
    run!(Dense::<5, 3>::new(Elu::default()));
    run!(Dense::<5, 3>::new(LeakyRelu::default()));
    run!(Dense::<5, 3>::new(Identity));
    run!(Dense::<5, 4>::new(Tanh).then(Dense::<4, 3>::new(Sigmoid))); // by cotangents
    run!(Dense::<5, 2>::new(Gelu).then(Dense::<2, 7>::new(Tanh)).then(Dense::<7, 3>::new(Tanh)));
    run!(Gaussian::new(
        Dense::<5, 4>::new(Tanh),
        Dense::<4, 3>::new(Identity),
        Dense::<4, 3>::new(Identity)
    ));
}

#[test]
fn hutchinsons_estimate_is_unbiased() {
    let build = |contractive| {
        AutoEncoder::builder()
            .encoder(Dense::<5, 4>::new(Tanh).then(Dense::<4, 3>::new(Sigmoid)))
            .decoder(Dense::<3, 5>::new(Identity))
            .regularizer(contractive)
            .build::<f64>()
            .unwrap()
    };
    let exact = Contractive::new(1.0).unwrap();
    let x: Batch<f64, Const<5>> = Batch::from_iter([[0.3, -0.2, 0.5, 0.9, -0.7]]);
    let truth = build(exact).loss(&x).unwrap().get("contractive").unwrap();
    for directions in [1, 3] {
        let model = build(exact.hutchinson(directions).unwrap());
        // Outside training nothing is drawn, and the estimate is exact.
        assert_eq!(model.loss(&x).unwrap().get("contractive"), Some(truth));
        let draws: Vec<f64> = (0..4000)
            .map(|seed| model.objective(&x, Some(Streams::new(seed, 0, &[])), None).unwrap())
            .map(|terms| terms.get("contractive").unwrap())
            .collect();
        let mean = draws.iter().sum::<f64>() / 4000.0;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 3999.0;
        assert!(variance > 0.0);
        assert!(
            (mean - truth).abs() <= STANDARD_ERRORS * (variance / 4000.0).sqrt(),
            "{mean}, not {truth}"
        );
    }
}

/// Codes, reconstructions and scores of every batch size and order against one large batch.
fn assert_independent_of_the_batch<T: Scalar>(inputs: usize, hidden: usize, code: usize) {
    const SAMPLES: usize = 64;
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(inputs, hidden, Gelu).then(Dense::dynamic(hidden, code, Tanh)))
        .decoder(
            Dense::dynamic(code, hidden, Softplus).then(Dense::dynamic(hidden, inputs, Identity)),
        )
        .loss(BernoulliCrossEntropy)
        .seed(5)
        .build::<T>()
        .unwrap();
    let rng = &mut seeded(6);
    let values = (0..inputs * SAMPLES).map(|_| T::draw_uniform(rng)).collect();
    let x = Batch::new(Dyn(inputs), values).unwrap();
    let (codes, outputs, scores) =
        (model.encode(&x).unwrap(), model.reconstruct(&x).unwrap(), model.score(&x).unwrap());
    for size in 1..=SAMPLES {
        // Some samples, in an order of their own.
        let order: Vec<usize> = (0..size).map(|k| (k * 37 + size * 11) % SAMPLES).collect();
        let batch = x.select(order.iter().copied());
        assert_eq!(model.encode(&batch).unwrap(), codes.select(order.iter().copied()), "{size}");
        assert_eq!(model.reconstruct(&batch).unwrap(), outputs.select(order.iter().copied()));
        let expected: Vec<T> = order.iter().map(|&index| scores[index]).collect();
        assert_eq!(model.score(&batch).unwrap(), expected);
    }
    for (index, sample) in x.iter().enumerate() {
        let code = model.encode_one(sample).unwrap();
        assert_eq!(code, codes.sample(index));
        assert_eq!(model.encode_one(&DVector::from_column_slice(sample)).unwrap(), code);
        assert_eq!(model.reconstruct_one(sample).unwrap(), outputs.sample(index));
        assert_eq!(model.decode_one(codes.sample(index)).unwrap(), outputs.sample(index));
        assert_eq!(model.score_one(sample).unwrap(), scores[index]);
    }
}

#[test]
fn a_sample_does_not_depend_on_its_neighbours() {
    for (inputs, hidden, code) in
        [(64, 32, 8), (9, 7, 3), (3, 12, 2), (1, 1, 1), (5, 6, 6), (784, 40, 30)]
    {
        assert_independent_of_the_batch::<f32>(inputs, hidden, code);
        assert_independent_of_the_batch::<f64>(inputs, hidden, code);
    }
}

#[test]
fn use_draws_nothing_and_changes_nothing() {
    let model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<6, 5>::new(Tanh),
            Dense::<5, 2>::new(Identity),
            Dense::<5, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 6>::new(Identity))
        .regularizer((Variational::new(1.0).unwrap(), Denoising::new(Masking::new(0.5).unwrap())))
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]]);
    let before = model.parameters().to_vec();
    assert_eq!(model.encode(&x), model.encode(&x));
    assert_eq!(model.loss(&x), model.loss(&x));
    assert_eq!(model.score(&x), model.score(&x));
    let training = |seed| model.objective(&x, Some(Streams::new(seed, 0, &[])), None).unwrap();
    assert_eq!(training(1), training(1));
    assert_ne!(training(1), training(2));
    assert_ne!(training(1), model.loss(&x).unwrap());
    assert_eq!(model.parameters(), before);
    // The bound draws; the loss at the mean does not, and is the smaller of the two on average.
    let elbo = model.elbo(&x, 400, &mut seeded(1)).unwrap();
    let loss = model.loss(&x).unwrap();
    assert!((elbo.kl - loss.get("kl").unwrap()).abs() < 1e-6);
    assert!(elbo.reconstruction > loss.reconstruction());
    assert_eq!(elbo.value(), -(elbo.reconstruction + elbo.kl));
    assert_eq!(elbo, model.elbo(&x, 400, &mut seeded(1)).unwrap());
    assert_eq!(model.sample(5, &mut seeded(1)), model.sample(5, &mut seeded(1)));
    assert_ne!(model.sample(5, &mut seeded(1)), model.sample(5, &mut seeded(2)));
}
