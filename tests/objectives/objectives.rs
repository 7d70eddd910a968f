//! Variational objectives, priors and likelihoods: every gradient, at fixed noise, and every value against
//! mathematics.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::layer::DenseLayer;
use autoencoder::loss::{Categorical, Compared, LearnedGaussian, Mixed, PoissonLikelihood};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{Kernel, SuitedTo};
use autoencoder::train::SamplesAlone;
use autoencoder::train::schedule::{Constant, Cyclical, Progress, Warmup};
use autoencoder::*;
use common::with_shares;
use nalgebra::{Const, DMatrix, DVector};
use rand::RngExt;

const LN_TAU: f64 = 1.837_877_066_409_345_3;

type Layer1<const I: usize, const O: usize, A = Identity> = DenseLayer<Const<I>, Const<O>, A>;
type Net = Gaussian<Layer1<6, 5, Tanh>, Layer1<5, 3>, Layer1<5, 3>>;
type Objective = Box<dyn Regularizer<f64>>;
type Likelihood = Box<dyn Loss<f64>>;
type Model = AutoEncoder<Net, Layer1<3, 6>, Objective, Likelihood, f64>;

/// A model with a code of three units, all of whose parameters are drawn.
fn model(regularizer: Objective, loss: Likelihood, seed: u64) -> Model {
    let encoder = Gaussian::new(
        Dense::<6, 5>::new(Tanh),
        Dense::<5, 3>::new(Identity),
        Dense::<5, 3>::new(Identity),
    );
    let builder = AutoEncoder::builder().encoder(encoder).decoder(Dense::<3, 6>::new(Identity));
    let mut model = builder.regularizer(regularizer).loss(loss).seed(seed).build::<f64>().unwrap();
    let rng = &mut seeded(seed);
    let drawn: Vec<_> =
        model.parameters().iter().map(|p| p + rng.random_range(-0.6..0.6)).collect();
    model.set_parameters(&drawn).unwrap();
    model
}

fn weighted<'a>(
    x: &'a Batch<f64, Const<6>>,
    weights: &'a [f64],
) -> Examples<'a, f64, Const<6>, SamplesAlone> {
    Examples::of(x).weights(weights)
}

/// Within [0, 1] and, for a count, one feature that is whole.
fn data(samples: usize, seed: u64) -> Batch<f64, Const<6>> {
    let rng = &mut seeded(seed);
    let mut feature = |number| {
        let x: f64 = rng.random_range(0.05..0.95);
        if number == 4 { x.round() } else { x }
    };
    (0..samples).map(|_| std::array::from_fn(&mut feature)).collect()
}

fn variational() -> Variational {
    Variational::new(0.8).unwrap()
}

/// Every objective, its options and priors, alone and together.
fn objectives() -> Vec<Objective> {
    let iw = |draws| ImportanceWeighted::new(draws).unwrap();
    let mixture = || GaussianMixture::new(3).unwrap();
    let vamp = || VampPrior::from_samples(&data(4, 9)).unwrap();
    let mmd = || Mmd::new(1.3).unwrap();
    vec![
        Box::new(variational().draws(3).unwrap()),
        Box::new(variational().schedule(Warmup::new(10, Constant).unwrap())),
        Box::new(variational().capacity(0.1, Constant).unwrap()),
        Box::new(variational().capacity(30.0, Constant).unwrap()),
        Box::new(variational().free_bits(0.4).unwrap()),
        Box::new(variational().free_bits(0.2).unwrap().capacity(30.0, Constant).unwrap()),
        Box::new(variational().prior(mixture())),
        Box::new(variational().prior(mixture()).draws(2).unwrap()),
        Box::new(variational().prior(vamp())),
        Box::new(variational().prior(vamp()).capacity(20.0, Constant).unwrap().draws(3).unwrap()),
        Box::new(iw(1)),
        Box::new(iw(4)),
        Box::new(iw(3).prior(mixture())),
        Box::new(iw(3).prior(vamp())),
        Box::new(mmd()),
        Box::new(mmd().kernel(Kernel::Gaussian).widths(&[0.3, 2.0]).unwrap()),
        Box::new((mmd(), variational().draws(2).unwrap())),
        Box::new(TotalCorrelation::new(1.7, 100).unwrap()),
        Box::new((variational(), TotalCorrelation::new(1.7, 100).unwrap())),
        Box::new((
            variational().draws(2).unwrap(),
            mmd(),
            TotalCorrelation::new(0.7, 50).unwrap(),
            Binarize,
        )),
        Box::new((
            WeightDecay::new(0.1).unwrap(),
            iw(2).prior(mixture()),
            Contractive::new(0.2).unwrap(),
        )),
        Box::new(vec![
            Box::new(CodeL1::new(0.1).unwrap()) as Objective,
            Box::new(variational().prior(vamp())),
        ]),
    ]
}

fn likelihoods() -> Vec<Likelihood> {
    vec![
        Box::new(BernoulliCrossEntropy),
        Box::new(LearnedGaussian::shared().starting_at(0.4).unwrap()),
        Box::new(LearnedGaussian::per_feature()),
        Box::new(Categorical::new(&[2, 4]).unwrap()),
        Box::new(mixed()),
    ]
}

fn mixed() -> Mixed<f64> {
    Mixed::new()
        .columns(1, LearnedGaussian::shared())
        .columns(3, Categorical::new(&[3]).unwrap())
        .columns(1, PoissonLikelihood)
        .columns(1, LearnedGaussian::per_feature())
}

#[test]
fn every_gradient_of_every_objective_and_likelihood() {
    let mut checked = 0;
    for (number, _) in objectives().iter().enumerate() {
        for (of_loss, _) in likelihoods().iter().enumerate() {
            for (samples, seed) in [(1, 1), (5, 2)] {
                let (objective, loss) =
                    (objectives().swap_remove(number), likelihoods().swap_remove(of_loss));
                let name = format!("{objective:?}, {loss:?}, {samples} samples");
                let x = with_shares(&*loss, &data(samples, seed));
                let model = model(objective, loss, seed);
                let weights: Vec<_> = (0..samples).map(|at| 0.5 + at as f64).collect();
                let check = gradcheck::model(&model, weighted(&x, &weights), seed).unwrap();
                assert!(check.passes(), "{name}: {check}");
                // As in validation: nothing is drawn.
                let mut gradient = vec![0.0; model.num_parameters()];
                model.objective(weighted(&x, &weights), None, Some(&mut gradient)).unwrap();
                let mut moved = model;
                let at = moved.parameters().to_vec();
                let check = gradcheck::function(&at, &gradient, |at| {
                    moved.set_parameters(at).unwrap();
                    moved.objective(weighted(&x, &weights), None, None).unwrap().total()
                });
                assert!(check.passes(), "{name}, without draws: {check}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 22 * 5 * 2);
}

#[test]
fn a_sample_of_weight_two_is_the_sample_twice() {
    for objective in objectives() {
        let name = format!("{objective:?}");
        let model = model(objective, Box::new(BernoulliCrossEntropy), 4);
        let x = data(3, 5);
        let twice: Batch<f64, Const<6>> = [0, 1, 1, 2]
            .map(|at| x.sample(at).to_vec())
            .iter()
            .collect::<Vec<_>>()
            .into_iter()
            .map(|x| -> [f64; 6] { x.as_slice().try_into().unwrap() })
            .collect();
        let weighted = model.objective(weighted(&x, &[1.0, 2.0, 1.0]), None, None).unwrap().total();
        let repeated = model.loss(&twice).unwrap().total();
        assert!(
            (weighted - repeated).abs() <= 1e-12 * repeated.abs().max(1.0),
            "{name}: {weighted}, {repeated}"
        );
    }
}

/// A linear Gaussian model, x = W z + b + σ ε, with the exact posterior of z as its encoder, where W has
/// orthogonal columns so that the posterior is diagonal.
fn probabilistic_pca<R: Regularizer<f64> + SuitedTo<Net2>>(
    regularizer: R,
) -> (Linear<R>, DMatrix<f64>, DVector<f64>) {
    let sigma = 0.7_f64;
    let w = DMatrix::from_row_slice(3, 2, &[1.2, 0.4, -0.8, 0.6, 0.5, 0.0]);
    let across: f64 = w.column(0).dot(&w.column(1));
    assert!(across.abs() < 1e-12);
    let b = DVector::from_row_slice(&[0.3, -0.1, 0.8]);
    let encoder = Gaussian::new(
        Dense::<3, 3>::new(Identity),
        Dense::<3, 2>::new(Identity),
        Dense::<3, 2>::new(Identity),
    );
    let mut model = AutoEncoder::builder()
        .encoder(encoder)
        .decoder(Dense::<2, 3>::new(Identity))
        .regularizer(regularizer)
        .loss(GaussianLikelihood::new(sigma).unwrap())
        .build::<f64>()
        .unwrap();
    // Posterior: variance 1 / (1 + wᵀw/σ²), mean variance · wᵀ (x − b)/σ².
    let variances: Vec<f64> =
        (0..2).map(|k| 1.0 / (1.0 + w.column(k).norm_squared() / sigma.powi(2))).collect();
    let mean = DMatrix::from_fn(2, 3, |k, j| variances[k] * w[(j, k)] / sigma.powi(2));
    let mean_bias = -&mean * &b;
    let tensors: Vec<(&str, Vec<f64>)> = vec![
        ("encoder.body.0.weight", DMatrix::<f64>::identity(3, 3).as_slice().to_vec()),
        ("encoder.body.0.bias", vec![0.0; 3]),
        ("encoder.mean.0.weight", mean.as_slice().to_vec()),
        ("encoder.mean.0.bias", mean_bias.as_slice().to_vec()),
        ("encoder.log_variance.0.weight", vec![0.0; 6]),
        ("encoder.log_variance.0.bias", variances.iter().map(|v| v.ln()).collect()),
        ("decoder.0.weight", w.as_slice().to_vec()),
        ("decoder.0.bias", b.as_slice().to_vec()),
    ];
    let mut parameters = model.parameters().to_vec();
    let layout = model.layout().clone();
    for (name, values) in tensors {
        let names: Vec<_> = layout.tensors().iter().map(|t| t.name.clone()).collect();
        let tensor =
            layout.tensors().iter().find(|t| t.name == name).unwrap_or_else(|| panic!("{names:?}"));
        parameters[tensor.range.clone()].copy_from_slice(&values);
    }
    model.set_parameters(&parameters).unwrap();
    let covariance = &w * w.transpose() + DMatrix::identity(3, 3) * sigma.powi(2);
    (model, covariance, b)
}
type Net2 = Gaussian<Layer1<3, 3>, Layer1<3, 2>, Layer1<3, 2>>;
type Linear<R> = AutoEncoder<Net2, Layer1<2, 3>, R, GaussianLikelihood, f64>;

fn exact_nll(covariance: &DMatrix<f64>, b: &DVector<f64>, x: &[f64]) -> f64 {
    let away = DVector::from_row_slice(x) - b;
    let squared = away.dot(&(covariance.clone().try_inverse().unwrap() * &away));
    0.5 * (squared + covariance.determinant().ln() + 3.0 * LN_TAU)
}

/// With the true posterior every importance weight is p(x) itself: the bound is exact for any number of
/// draws, whatever is drawn.
#[test]
fn with_the_true_posterior_the_importance_weighted_bound_is_the_likelihood() {
    let x = Batch::from_iter([[0.4, 0.9, -1.3], [2.0, -0.5, 0.1], [0.3, -0.1, 0.8]]);
    for draws in [1, 2, 7] {
        let (model, covariance, b) = probabilistic_pca(ImportanceWeighted::new(draws).unwrap());
        let exact: Vec<_> = x.iter().map(|x| exact_nll(&covariance, &b, x)).collect();
        let expected = exact.iter().sum::<f64>() / 3.0;
        let terms = model.objective(&x, Some(Streams::new(3, 0, &[])), None).unwrap();
        assert!((terms.total() - expected).abs() <= 1e-11, "{draws} draws: {terms:?}, {expected}");
        let nll = model.negative_log_likelihood(&x, draws, &mut seeded(1)).unwrap();
        for (nll, exact) in nll.iter().zip(&exact) {
            assert!((nll - exact).abs() <= 1e-11, "{draws} draws: {nll}, {exact}");
        }
    }
}

/// With another posterior the bound lies above, and comes nearer with every draw.
#[test]
fn more_draws_come_nearer_to_the_likelihood() {
    let (model, covariance, b) = probabilistic_pca(NoRegularizer);
    let mut wrong = model.clone();
    let mut parameters = wrong.parameters().to_vec();
    let bias = model
        .layout()
        .tensors()
        .iter()
        .find(|t| t.name == "encoder.mean.0.bias")
        .unwrap()
        .range
        .clone();
    parameters[bias].iter_mut().for_each(|p| *p += 0.5);
    wrong.set_parameters(&parameters).unwrap();
    let samples = 4_000;
    let x: Batch<f64, Const<3>> = std::iter::repeat_n([0.4, 0.9, -1.3], samples).collect();
    let exact = exact_nll(&covariance, &b, x.sample(0));
    let mean = |draws| {
        let nll = wrong.negative_log_likelihood(&x, draws, &mut seeded(2)).unwrap();
        nll.iter().sum::<f64>() / samples as f64 - exact
    };
    let gaps = [1, 5, 50].map(mean);
    assert!(gaps[0] > 2.0 * gaps[1] && gaps[1] > 2.0 * gaps[2] && gaps[2] > 0.0, "{gaps:?}");
    // With one draw the gap is KL(q ‖ p(z|x)) = Σ ½ 0.5²/variance.
    let layout = model.layout();
    let lv = layout
        .tensors()
        .iter()
        .find(|t| t.name == "encoder.log_variance.0.bias")
        .unwrap()
        .range
        .clone();
    let kl: f64 = model.parameters()[lv].iter().map(|lv| 0.125 * (-lv).exp()).sum();
    assert!((gaps[0] - kl).abs() <= 5.0 * (2.0 * kl / samples as f64).sqrt(), "{gaps:?}, {kl}");
}

/// A model whose codes are the inputs themselves, with variance e^lv.
fn codes_are_inputs<R: Regularizer<f64> + SuitedTo<Net2>>(
    regularizer: R,
    lv: f64,
) -> AutoEncoder<Net2, Layer1<2, 3>, R, SquaredError, f64> {
    let encoder = Gaussian::new(
        Dense::<3, 3>::new(Identity),
        Dense::<3, 2>::new(Identity),
        Dense::<3, 2>::new(Identity),
    );
    let builder = AutoEncoder::builder().encoder(encoder).decoder(Dense::<2, 3>::new(Identity));
    let mut model = builder.regularizer(regularizer).build::<f64>().unwrap();
    let mut parameters = model.parameters().to_vec();
    for tensor in model.layout().tensors().to_vec() {
        let (rows, _) = tensor.shape;
        let to = &mut parameters[tensor.range.clone()];
        if !tensor.name.starts_with("encoder") {
            continue;
        }
        to.fill(0.0);
        if tensor.name == "encoder.log_variance.0.bias" {
            to.fill(lv);
        } else if tensor.name.ends_with("weight") && !tensor.name.contains("log_variance") {
            (0..rows).for_each(|row| to[row * rows + row] = 1.0);
        }
    }
    model.set_parameters(&parameters).unwrap();
    model
}

fn term(terms: &Terms, name: &str) -> f64 {
    terms.get(name).unwrap_or_else(|| panic!("no {name} among {terms:?}"))
}

/// Four codes at the corners of a square, far apart, say nothing of one unit by the other: 0. Two at opposite
/// corners say all: (d − 1) ln 2. And one alone is independent.
#[test]
fn total_correlation_of_corners() {
    let samples = 1000;
    let model = codes_are_inputs(TotalCorrelation::new(1.0, samples).unwrap(), -8.0);
    let constant = (samples as f64).ln();
    let of = |x: &[[f64; 3]]| {
        let terms = model.loss(&x.iter().copied().collect()).unwrap();
        term(&terms, "total_correlation") - constant
    };
    let square = of(&[[5.0, 5.0, 0.0], [5.0, -5.0, 0.0], [-5.0, 5.0, 0.0], [-5.0, -5.0, 0.0]]);
    assert!(square.abs() <= 1e-12, "{square}");
    let diagonal = of(&[[5.0, 5.0, 0.0], [-5.0, -5.0, 0.0]]);
    assert!((diagonal - 2.0_f64.ln()).abs() <= 1e-12, "{diagonal}");
    let alone = of(&[[0.3, -1.0, 0.0]]);
    assert!(alone.abs() <= 1e-12, "{alone}");
}

/// All codes at c: E k(c, p) and E k(p, p′) of the Gaussian kernel have closed forms.
#[test]
fn discrepancy_of_one_point() {
    let widths = [0.5, 3.0];
    let mmd = Mmd::new(2.0).unwrap().kernel(Kernel::Gaussian).widths(&widths).unwrap();
    let model = codes_are_inputs(mmd, 0.0);
    let samples = 2_000;
    let c = [1.0, -0.5];
    let x: Batch<f64, Const<3>> = std::iter::repeat_n([c[0], c[1], 0.0], samples).collect();
    let terms = model.objective(&x, Some(Streams::new(3, 0, &[])), None).unwrap();
    let squared = c[0] * c[0] + c[1] * c[1];
    let (mut expected, d) = (0.0, 2.0);
    for width in widths {
        let k = 2.0 * d * width;
        let across = (k / (k + 2.0)).powf(d / 2.0) * (-squared / (k + 2.0)).exp();
        // Of the pairs of draws, 1/n are of a draw with itself.
        let apart = (k / (k + 4.0)).powf(d / 2.0);
        let among = apart + (1.0 - apart) / samples as f64;
        expected += 2.0 * (1.0 - 2.0 * across + among);
    }
    // Each mean of kernels in [0, 1] over 2000 draws has a standard error of at most 0.5/√2000 = 0.011.
    let found = term(&terms, "mmd");
    assert!((found - expected).abs() <= 0.1, "{found}, {expected}");
    // Codes that are draws of the prior are much nearer to it than that; and the kernels differ.
    let rng = &mut seeded(8);
    let normal: Batch<f64, Const<3>> =
        (0..samples).map(|_| [f64::draw_normal(rng), f64::draw_normal(rng), 0.0]).collect();
    let near = term(&model.objective(&normal, Some(Streams::new(3, 0, &[])), None).unwrap(), "mmd");
    assert!(near >= 0.0 && near <= 0.02 * found, "{near}, {found}");
}

/// KL of N(μ, e^lv) and N(0, 1), by hand.
fn kl(mean: f64, lv: f64) -> f64 {
    0.5 * (mean * mean + lv.exp() - 1.0 - lv)
}

#[test]
fn options_of_the_divergence() {
    let x = Batch::from_iter([[1.0, 0.1, 0.0], [2.0, -0.1, 0.0]]);
    let lv = -0.3;
    let units = [(kl(1.0, lv) + kl(2.0, lv)) / 2.0, kl(0.1, lv)];
    let total = units[0] + units[1];
    let found = |regularizer: Variational| {
        let model = codes_are_inputs(regularizer, lv);
        let progress = |step| Streams::new(1, 0, &[]).with_progress(Progress::new(step, 10, 100));
        let at = |step| term(&model.objective(&x, Some(progress(step)), None).unwrap(), "kl");
        (at(0), at(4), term(&model.loss(&x).unwrap(), "kl"))
    };
    let near = |found: (f64, f64, f64), expected: (f64, f64, f64)| {
        let away = (found.0 - expected.0)
            .abs()
            .max((found.1 - expected.1).abs())
            .max((found.2 - expected.2).abs());
        assert!(away <= 1e-12, "{found:?}, {expected:?}");
    };
    let beta = || Variational::new(0.5).unwrap();
    near(found(beta()), (0.5 * total, 0.5 * total, 0.5 * total));
    near(
        found(beta().schedule(Warmup::new(10, Constant).unwrap())),
        (0.05 * total, 0.25 * total, 0.5 * total),
    );
    near(
        found(beta().schedule(Warmup::epochs(2, Constant).unwrap())),
        (0.025 * total, 0.125 * total, 0.5 * total),
    );
    near(found(beta().schedule(Cyclical::new(16, 0.5).unwrap())), (0.0, 0.25 * total, 0.5 * total));
    near(
        found(beta().schedule(Cyclical::epochs(2, 0.8).unwrap())),
        (0.0, 0.125 * total, 0.5 * total),
    );
    let to = |capacity: f64| 0.5 * (total - capacity).abs();
    near(found(beta().capacity(9.0, Constant).unwrap()), (to(9.0), to(9.0), to(9.0)));
    let rising = Warmup::new(10, Constant).unwrap();
    near(found(beta().capacity(9.0, rising).unwrap()), (to(0.9), to(4.5), to(9.0)));
    let free = 0.5 * (units[0] + 0.2);
    assert!(units[1] < 0.2 && units[0] > 0.2);
    near(found(beta().free_bits(0.2).unwrap()), (free, free, free));
}

/// A mixture of one component N(0, I) is the standard normal, and a VampPrior whose only pseudo-input is the
/// sample is its posterior.
#[test]
fn priors_that_are_known() {
    let (lv, x) = (-0.7, Batch::from_iter([[1.0, 0.4, 0.0]]));
    let mixture = Variational::default().prior(GaussianMixture::new(1).unwrap());
    let mut model = codes_are_inputs(mixture, lv);
    let mut parameters = model.parameters().to_vec();
    let own = model.layout().tensors().iter().filter(|t| t.name.starts_with("regularizer"));
    own.for_each(|tensor| parameters[tensor.range.clone()].fill(0.0));
    model.set_parameters(&parameters).unwrap();
    let found = term(&model.loss(&x).unwrap(), "kl");
    assert!((found - kl(1.0, lv) - kl(0.4, lv)).abs() <= 1e-12, "{found}");

    let vamp = VampPrior::from_samples(&x).unwrap();
    let model = codes_are_inputs(Variational::default().prior(vamp), lv);
    let found = term(&model.loss(&x).unwrap(), "kl");
    assert!(found.abs() <= 1e-12, "{found}");
    // And is what is drawn from: mean and variance of the codes are those of the sample's posterior.
    let codes = model.sample_codes(20_000, &mut seeded(5)).unwrap();
    for (unit, mean) in [1.0, 0.4].into_iter().enumerate() {
        let values: Vec<f64> = codes.iter().map(|z| z[unit]).collect();
        let of = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|z| (z - of).powi(2)).sum::<f64>() / 20_000.0;
        // Five standard errors.
        assert!((of - mean).abs() <= 5.0 * (lv / 2.0).exp() / 20_000f64.sqrt(), "{of}");
        assert!((variance / lv.exp() - 1.0).abs() <= 5.0 * (2.0 / 20_000f64).sqrt(), "{variance}");
    }
}

/// Law 1 of priors: what is drawn has the density. −ln q at a draw, averaged, is the entropy; and the
/// expectation of p/q under q is 1, for a q that covers p.
#[test]
fn what_is_drawn_from_a_mixture_has_its_density() {
    let mixture = Variational::default().prior(GaussianMixture::new(3).unwrap());
    let mut model = codes_are_inputs(mixture, -1.0);
    let mut parameters = model.parameters().to_vec();
    let own = model.layout().tensors().to_vec();
    let place = |name: &str| {
        own.iter().find(|t| t.name == format!("regularizer.{name}")).unwrap().range.clone()
    };
    let logits = [0.0, 1.0, -0.5];
    let means = [[1.0, 2.0], [-2.0, 0.0], [0.0, -1.5]];
    let lvs = [[-1.0, 0.3], [-0.5, -2.0], [0.2, 0.0]];
    parameters[place("logits")].copy_from_slice(&logits);
    parameters[place("means")].copy_from_slice(means.as_flattened());
    parameters[place("log_variances")].copy_from_slice(lvs.as_flattened());
    model.set_parameters(&parameters).unwrap();
    let norm: f64 = logits.iter().map(|l: &f64| l.exp()).sum();
    let weights = logits.map(|l| l.exp() / norm);
    let count = 40_000;
    let codes = model.sample_codes(count, &mut seeded(6)).unwrap();
    for unit in 0..2 {
        let mean: f64 = (0..3).map(|i| weights[i] * means[i][unit]).sum();
        let square: f64 =
            (0..3).map(|i| weights[i] * (means[i][unit].powi(2) + lvs[i][unit].exp())).sum();
        let variance = square - mean * mean;
        let found = codes.iter().map(|z| z[unit]).sum::<f64>() / count as f64;
        assert!((found - mean).abs() <= 5.0 * (variance / count as f64).sqrt(), "{found}, {mean}");
        let found = codes.iter().map(|z| z[unit] * z[unit]).sum::<f64>() / count as f64;
        assert!((found / square - 1.0).abs() <= 0.05, "{found}, {square}");
    }
    // The density itself, through the importance weight of one draw: with lv → −∞ the code is the mean, and
    // ln p(z) is what the bound has beside the loss and the known ln q.
    let z = [0.7, -0.2];
    let terms = {
        let mut sharp = model.clone();
        let mut parameters = sharp.parameters().to_vec();
        let lv =
            own.iter().find(|t| t.name == "encoder.log_variance.0.bias").unwrap().range.clone();
        parameters[lv].fill(-29.0);
        sharp.set_parameters(&parameters).unwrap();
        sharp.loss(&Batch::from_iter([[z[0], z[1], 0.0]])).unwrap()
    };
    let density: f64 = (0..3)
        .map(|i| {
            let of = |unit: usize| -> f64 {
                let lv: f64 = lvs[i][unit];
                let away = z[unit] - means[i][unit];
                (-0.5 * (lv + away * away * (-lv).exp() + LN_TAU)).exp()
            };
            weights[i] * of(0) * of(1)
        })
        .sum();
    let negative_entropy = -0.5 * 2.0 * (1.0 + LN_TAU - 29.0);
    let found = negative_entropy - term(&terms, "kl");
    assert!((found - density.ln()).abs() <= 1e-9, "{found}, {}", density.ln());
}

fn value<const F: usize>(
    loss: &dyn Loss<f64>,
    x: [f64; F],
    y: [f64; F],
    parameters: &[f64],
) -> f64 {
    let mut value = [f64::NAN];
    let (x, y) = (BatchView::new(&x, F), BatchView::new(&y, F));
    loss.values(Compared { x, y, parameters }, &mut value);
    value[0]
}

#[test]
fn values_of_likelihoods() {
    // −ln of densities and probabilities, by hand.
    let gaussian = |x: f64, y: f64, lv: f64| 0.5 * ((x - y).powi(2) * (-lv).exp() + lv + LN_TAU);
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() <= 1e-13, "{found}, {expected}")
    };
    near(
        value(&LearnedGaussian::shared(), [0.3, 0.9], [0.1, -0.4], &[-0.7]),
        gaussian(0.3, 0.1, -0.7) + gaussian(0.9, -0.4, -0.7),
    );
    near(
        value(&LearnedGaussian::per_feature(), [0.3, 0.9], [0.1, -0.4], &[-0.7, 0.4]),
        gaussian(0.3, 0.1, -0.7) + gaussian(0.9, -0.4, 0.4),
    );
    let a: [f64; 5] = [0.2, -1.0, 3.0, 0.5, 0.5];
    let norm = (a[0].exp() + a[1].exp() + a[2].exp()).ln();
    let categorical = Categorical::new(&[3, 2]).unwrap();
    near(value(&categorical, [0.0, 1.0, 0.0, 0.0, 1.0], a, &[]), norm - a[1] + 2.0_f64.ln());
    // The mean over categories of their shares.
    near(
        value(&categorical, [0.5, 0.5, 0.0, 1.0, 0.0], a, &[]),
        norm - 0.5 * (a[0] + a[1]) + 2.0_f64.ln(),
    );
    let mixed = Mixed::new()
        .columns(1, LearnedGaussian::shared())
        .columns(2, Categorical::new(&[2]).unwrap())
        .columns(1, PoissonLikelihood);
    // Poisson: e^a − a x + ln x!.
    let poisson = 0.5_f64.exp() - 0.5 * 3.0 + 6.0_f64.ln();
    near(
        value(&mixed, [0.3, 1.0, 0.0, 3.0], [0.1, 0.0, 0.0, 0.5], &[0.2]),
        gaussian(0.3, 0.1, 0.2) + 2.0_f64.ln() + poisson,
    );
    let mut y = [0.1, 0.0, 3.0_f64.ln(), 0.5];
    Loss::<f64>::reconstruct(&mixed, BatchViewMut::new(&mut y, 4));
    for (found, expected) in y.into_iter().zip([0.1, 0.25, 0.75, 0.5_f64.exp()]) {
        near(found, expected);
    }
    // Probabilities add up to 1 over all outcomes.
    let all: f64 = (0..3)
        .flat_map(|i| (0..2).map(move |j| (i, j)))
        .map(|(i, j)| {
            let mut x = [0.0; 5];
            (x[i], x[3 + j]) = (1.0, 1.0);
            (-value(&categorical, x, a, &[])).exp()
        })
        .sum();
    near(all, 1.0);
}

/// Trained alone, ln σ² comes to the mean squared error: the decoder is frozen at 0.
#[test]
fn a_learned_variance_is_the_mean_squared_error() {
    let x = Batch::from_iter([[1.0, 0.1], [-3.0, 0.3], [2.0, -0.2]]);
    for (loss, expected) in [
        (LearnedGaussian::per_feature(), vec![14.0 / 3.0, 0.14 / 3.0]),
        (LearnedGaussian::shared(), vec![14.14 / 6.0]),
    ] {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<2, 1>::new(Identity))
            .decoder(Dense::<1, 2>::new(Identity))
            .loss(loss)
            .build::<f64>()
            .unwrap();
        let zeros = vec![0.0; model.num_parameters()];
        model.set_parameters(&zeros).unwrap();
        model.set_encoder_frozen(true);
        model.set_decoder_frozen(true);
        let method =
            Lbfgs::new().gradient_tolerance(1e-9).unwrap().objective_tolerance(0.0).unwrap();
        Trainer::new(method).epochs(60).fit(&mut model, &x).unwrap();
        let start = model.num_parameters() - expected.len();
        for (lv, expected) in model.parameters()[start..].iter().zip(&expected) {
            assert!((lv.exp() - expected).abs() <= 1e-5, "{}, {expected}", lv.exp());
        }
        assert!(model.parameters()[..start].iter().all(|&p| p == 0.0));
    }
}

#[test]
fn mixed_checks_sizes_and_domains() {
    let build = |loss: Mixed<f64>| {
        let builder = AutoEncoder::builder()
            .encoder(Dense::<6, 2>::new(Tanh))
            .decoder(Dense::<2, 6>::new(Identity));
        builder.loss(loss).build::<f64>()
    };
    let categorical = |of: &[usize]| Categorical::new(of).unwrap();
    for (loss, text) in [
        (Mixed::new(), "columns of Mixed"),
        (Mixed::new().columns(5, LearnedGaussian::shared()), "columns of Mixed"),
        (Mixed::new().columns(7, LearnedGaussian::shared()), "columns of Mixed"),
        (
            Mixed::new().columns(0, LearnedGaussian::shared()).columns(6, SquaredError),
            "Mixed columns of a group",
        ),
        (Mixed::new().columns(6, categorical(&[2, 3])), "groups of Categorical"),
    ] {
        let error = build(loss).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    let model = build(Mixed::new().columns(3, SquaredError).columns(3, categorical(&[3]))).unwrap();
    assert!(model.loss(&Batch::from_iter([[-7.0, 2.0, 9.0, 0.0, 1.0, 0.0]])).is_ok());
    let error = model.loss(&Batch::from_iter([[-7.0, 2.0, 9.0, 0.0, 2.0, 0.0]])).unwrap_err();
    assert!(matches!(error, Error::OutsideDomain { feature: 4, .. }), "{error:?}");
}

/// Encoder and loss see what was drawn: a model that gives its input back has no error, and an image drawn
/// often has the grey mean.
#[test]
fn binarisation_is_of_the_target() {
    let builder = AutoEncoder::builder()
        .encoder(Dense::<2, 2>::new(Identity))
        .decoder(Dense::<2, 2>::new(Identity));
    let mut model = builder.regularizer(Binarize).build::<f64>().unwrap();
    model.set_parameters(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
    let x: Batch<f64, Const<2>> = std::iter::repeat_n([0.2, 0.7], 10).collect();
    let streams = |seed| Some(Streams::new(seed, 0, &[]));
    assert_eq!(model.objective(&x, streams(1), None).unwrap().total(), 0.0);
    // A model that says 0 has an error of ½ x² summed, x black or white: half their number.
    model.set_parameters(&[0.0; 12]).unwrap();
    let half_white = |seed| model.objective(&x, streams(seed), None).unwrap().total();
    let found: Vec<_> = (0..2000).map(half_white).collect();
    assert!(
        found.iter().all(|half| (half * 20.0).fract() == 0.0
            || ((half * 20.0).round() - half * 20.0).abs() < 1e-9)
    );
    let mean = found.iter().sum::<f64>() / 2000.0;
    // 20,000 draws each; five standard errors of ½ (x₁ + x₂).
    let error = 0.5 * ((0.16 + 0.21) / 20_000f64).sqrt();
    assert!((mean - 0.45).abs() <= 5.0 * error, "{mean}");
    assert_eq!(half_white(7), half_white(7));
    assert!((model.loss(&x).unwrap().total() - 0.265).abs() < 1e-15);
    let mut values = [0.0_f32, 1.0, 2.0, -1.0];
    Binarize::apply(&mut values, &mut seeded(1));
    assert_eq!(values, [0.0, 1.0, 1.0, 0.0]);
}

/// Several draws are that many codes of one posterior; where it has no spread, all are one.
#[test]
fn several_draws() {
    let x = data(5, 3);
    let with = |draws| {
        let regularizer = Box::new(variational().draws(draws).unwrap());
        model(regularizer, Box::new(BernoulliCrossEntropy), 2)
    };
    let mut spread = Vec::new();
    for draws in [1, 20] {
        let model = with(draws);
        let values: Vec<f64> = (0..200)
            .map(|seed| {
                model.objective(&x, Some(Streams::new(seed, 0, &[])), None).unwrap().total()
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 200.0;
        spread.push((mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 199.0));
    }
    let [(mean, variance), (mean_of_20, variance_of_20)] = spread[..] else { unreachable!() };
    assert!((mean - mean_of_20).abs() <= 5.0 * (variance / 200.0).sqrt(), "{spread:?}");
    // F(199, 199) is within [0.6, 1.7] but for 1 in 2000.
    let ratio = variance / variance_of_20 / 20.0;
    assert!((0.6..1.7).contains(&ratio), "{spread:?}");
}

/// Log-variances far beyond what has a meaning, logits that leave no doubt, one draw, one sample.
#[test]
fn nothing_is_infinite() {
    fn run(model: &Model, x: &Batch<f64, Const<6>>) {
        let mut gradient = vec![0.0; model.num_parameters()];
        let terms = model.objective(x, Some(Streams::new(1, 0, &[])), Some(&mut gradient)).unwrap();
        assert!(terms.total().is_finite(), "{model:?}: {terms:?}");
        assert!(gradient.iter().all(|d| d.is_finite()), "{model:?}");
        assert!(model.loss(x).unwrap().total().is_finite(), "{model:?}");
        let nll = model.negative_log_likelihood(x, 1, &mut seeded(1)).unwrap();
        assert!(nll.iter().all(|nll| nll.is_finite()), "{model:?}: {nll:?}");
        assert!(model.elbo(x, 1, &mut seeded(1)).unwrap().value().is_finite(), "{model:?}");
    }
    let mut runs = 0;
    for (number, _) in objectives().iter().enumerate() {
        for bernoulli in [true, false] {
            for lv in [-1e4, 1e4] {
                for logit in [-1e4, 1e4] {
                    let loss: Likelihood = if bernoulli {
                        Box::new(BernoulliCrossEntropy)
                    } else {
                        Box::new(Categorical::new(&[6]).unwrap())
                    };
                    let shares = |x| with_shares(&*loss, &Batch::from_iter([x]));
                    let samples = [[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.5, 0.0, 1.0, 0.0]];
                    let samples = samples.map(shares);
                    let mut model = model(objectives().swap_remove(number), loss, 3);
                    let mut parameters = model.parameters().to_vec();
                    for tensor in model.layout().tensors() {
                        let to = &mut parameters[tensor.range.clone()];
                        match tensor.name.as_str() {
                            "encoder.log_variance.0.bias" => to.fill(lv),
                            "decoder.0.bias" => to.iter_mut().step_by(2).for_each(|b| *b = logit),
                            _ => {}
                        }
                    }
                    model.set_parameters(&parameters).unwrap();
                    for x in samples {
                        run(&model, &x);
                        runs += 1;
                    }
                }
            }
        }
    }
    assert_eq!(runs, 22 * 16);
}

/// Weights of zero change no bit of a training.
#[test]
fn without_weight_nothing_changes() {
    let x = data(40, 6);
    let trained = |regularizer: Objective| {
        let mut model = model(regularizer, Box::new(BernoulliCrossEntropy), 5);
        Trainer::new(Adam::new(1e-2).unwrap()).epochs(3).batch_size(8).fit(&mut model, &x).unwrap();
        model.parameters().to_vec()
    };
    let plain = trained(Box::<Variational>::default());
    let parts: [Objective; 2] =
        [Box::new(Mmd::new(0.0).unwrap()), Box::new(TotalCorrelation::new(0.0, 40).unwrap())];
    for part in parts {
        assert_eq!(
            trained(Box::new(vec![Box::new(Variational::default()) as Objective, part])),
            plain
        );
    }
    let with: [Objective; 3] = [
        Box::new((Variational::default(), Mmd::new(1.0).unwrap())),
        Box::new((Variational::default(), TotalCorrelation::new(1.0, 40).unwrap())),
        Box::new((Variational::default(), Binarize)),
    ];
    for with in with {
        assert_ne!(trained(with), plain);
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    fn refused<T>(made: Result<T>, name: &str) {
        let error = made.err().unwrap_or_else(|| panic!("{name} is taken"));
        assert!(matches!(error, Error::InvalidParameter { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
    refused(ImportanceWeighted::new(0), "ImportanceWeighted draws");
    refused(Variational::default().draws(0), "Variational draws");
    refused(Variational::default().free_bits(-0.1), "Variational free bits");
    refused(Variational::default().capacity(f64::NAN, Constant), "Variational capacity");
    refused(Mmd::new(-1.0), "Mmd weight");
    refused(Mmd::new(1.0).unwrap().widths(&[]), "Mmd number of widths");
    refused(Mmd::new(1.0).unwrap().widths(&[1.0, 0.0]), "Mmd width");
    refused(TotalCorrelation::new(f64::INFINITY, 3), "TotalCorrelation weight");
    refused(TotalCorrelation::new(1.0, 0), "TotalCorrelation samples");
    refused(GaussianMixture::new(0), "GaussianMixture components");
    refused(VampPrior::new(0), "VampPrior pseudo-inputs");
    refused(LearnedGaussian::shared().starting_at(0.0), "LearnedGaussian deviation");
    refused(Categorical::new(&[]), "Categorical number of groups");
    refused(Categorical::new(&[2, 0]), "Categorical categories");
    refused(Cyclical::new(0, 0.5), "Cyclical steps");
    refused(Cyclical::epochs(3, 0.0), "Cyclical rising");
    refused(Warmup::epochs(0, Constant), "Warmup epochs");
}
