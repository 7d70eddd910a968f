//! Conditional models: gradients with several draws, values against mathematics and against plain models,
//! conditions that go with their samples through everything a training does, digits of the class that is
//! asked for, and refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use autoencoder::activation::{Identity, Relu, Tanh};
use autoencoder::corruption::Masking;
use autoencoder::data::Normalization;
use autoencoder::init::Zeros;
use autoencoder::layer::{ConditionedPart, DenseLayer};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{Corrupts, Needs, SuitedTo};
use autoencoder::train::OnDivergence;
use autoencoder::*;
use nalgebra::Const;
use rand::RngExt;

const X: usize = 3;
const K: usize = 2;

type Layer1<const I: usize, const O: usize, A> = DenseLayer<Const<I>, Const<O>, A>;
/// Of 3 features and a condition of 2 numbers; 2 code units.
type Inner = Gaussian<Layer1<5, 4, Tanh>, Layer1<4, 2, Identity>, Layer1<4, 2, Identity>>;
type Whole = ConditionedPart<Inner, Const<X>, Const<K>>;
type Generator = ConditionedPart<Layer1<4, 3, Identity>, Const<2>, Const<K>>;
type Model<R, L = SquaredError> = AutoEncoder<Whole, Generator, R, L, f64>;

fn variational<R: Regularizer<f64> + SuitedTo<Whole>>(regularizer: R) -> Result<Model<R>> {
    let encoder = Gaussian::new(
        Dense::<5, 4>::new(Tanh),
        Dense::<4, 2>::new(Identity),
        Dense::<4, 2>::new(Identity),
    );
    AutoEncoder::builder()
        .encoder(Conditioned::<X, K, _>::new(encoder))
        .decoder(Conditioned::<2, K, _>::new(Dense::<4, 3>::new(Identity)))
        .regularizer(regularizer)
        .seed(3)
        .build()
}

fn batch<const N: usize>(samples: usize, seed: u64) -> Batch<f64, Const<N>> {
    let mut rng = seeded(seed);
    (0..samples).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..1.0))).collect()
}

#[test]
fn every_gradient_with_one_draw_several_and_none() {
    let regularizers: Vec<Box<dyn Regularizer<f64>>> = vec![
        Box::new(NoRegularizer),
        Box::new(Variational::default()),
        Box::new(Variational::new(0.7).unwrap().draws(3).unwrap()),
        Box::new(ImportanceWeighted::new(4).unwrap()),
        Box::new(Variational::default().prior(GaussianMixture::new(3).unwrap())),
        Box::new((
            Denoising::new(Masking::new(0.3).unwrap()),
            WeightDecay::new(0.2).unwrap(),
            Variational::default().draws(2).unwrap(),
        )),
        Box::new((Variational::default(), TotalCorrelation::new(0.5, 100).unwrap())),
        Box::new(CodeL1::new(0.3).unwrap()),
    ];
    for regularizer in regularizers {
        let name = format!("{regularizer:?}");
        let model = variational(regularizer).unwrap();
        for samples in [1, 2, 7] {
            let (x, c) = (batch::<X>(samples, 5), batch::<K>(samples, 6));
            let numbers: Vec<usize> = (0..samples).map(|sample| 3 * sample).collect();
            for streams in [Some(Streams::new(9, 2, &numbers)), None] {
                let mut gradient = vec![f64::NAN; model.num_parameters()];
                let terms = model.objective((&x, &c), streams, Some(&mut gradient)).unwrap();
                let check = gradcheck::function(model.parameters(), &gradient, |at| {
                    model.objective_at(at, (&x, &c), streams).unwrap().total()
                });
                assert!(check.passes(), "{name}, {samples} samples, {streams:?}: {check}");
                assert_eq!(terms, model.objective((&x, &c), streams, None).unwrap());
                if streams.is_none() {
                    assert_eq!(terms, model.loss((&x, &c)).unwrap());
                }
                // The weights of the condition learn as well: the first tensor's last two columns.
                assert!(gradient[4 * X..4 * (X + K)].iter().all(|&g| g != 0.0), "{name}");
            }
        }
    }
}

/// h = W x + V c + b and x̂ = U h + S c + d, by hand.
#[test]
fn a_linear_model_by_hand() {
    let mut model = AutoEncoder::builder()
        .encoder(Conditioned::<2, 1, _>::new(Dense::<3, 1>::new(Identity)))
        .decoder(Conditioned::<1, 1, _>::new(Dense::<2, 2>::new(Identity)))
        .build::<f64>()
        .unwrap();
    let encoder = [2.0, -1.0, 10.0, 0.5]; // W, V, b
    let decoder = [1.0, 3.0, 100.0, -200.0, 0.25, 0.75]; // U, S, d
    model.set_parameters(&[&encoder[..], &decoder].concat()).unwrap();
    let x = Batch::from_iter([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]);
    let c = Batch::from_iter([[1.0], [2.0], [0.0]]);
    let code = model.encode((&x, &c)).unwrap();
    assert_eq!(code, Batch::from_iter([[10.5], [22.5], [0.5]]));
    let expected = Batch::from_iter([
        [10.5 + 100.25, 31.5 - 199.25],
        [22.5 + 200.25, 67.5 - 399.25],
        [0.75, 2.25],
    ]);
    assert_eq!(model.decode((&code, &c)).unwrap(), expected);
    assert_eq!(model.reconstruct((&x, &c)).unwrap(), expected);
    let squares = |k: usize| {
        let parts = x.sample(k).iter().zip(expected.sample(k));
        0.5 * parts.map(|(x, y)| (x - y).powi(2)).sum::<f64>()
    };
    let losses = [squares(0), squares(1), squares(2)];
    assert_eq!(model.score((&x, &c)).unwrap(), losses);
    let mean = losses.iter().sum::<f64>() / 3.0;
    assert!((model.loss((&x, &c)).unwrap().total() - mean).abs() <= 1e-12 * mean);
}

/// The same condition everywhere is a change of the first biases, b + V c: a plain model with those has the
/// same codes, reconstructions, objective and gradient, and of V it is ∂/∂b cᵀ.
#[test]
fn a_constant_condition_is_a_shift_of_biases() {
    let regularizer = || (Variational::default().draws(3).unwrap(), CodeL1::new(0.2).unwrap());
    let model = variational(regularizer()).unwrap();
    let mut plain = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<3, 4>::new(Tanh),
            Dense::<4, 2>::new(Identity),
            Dense::<4, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 3>::new(Identity))
        .regularizer(regularizer())
        .build::<f64>()
        .unwrap();
    let c = [0.6, -1.3];
    // Of a layer with so many outputs and inputs: what comes before the condition, its weights, the bias.
    let shift = |parameters: &[f64], outputs: usize, inputs: usize| {
        let (w, rest) = parameters.split_at(outputs * inputs);
        let (v, b) = rest.split_at(outputs * K);
        let mut all = w.to_vec();
        all.extend((0..outputs).map(|at| b[at] + v[at] * c[0] + v[outputs + at] * c[1]));
        all
    };
    let (body, rest) = model.parameters().split_at(4 * 6);
    let (heads, decoder) = rest.split_at(2 * 10);
    let shifted = [shift(body, 4, X), heads.to_vec(), shift(decoder, 3, 2)].concat();
    plain.set_parameters(&shifted).unwrap();

    let x = batch::<X>(9, 1);
    let conditions = Batch::from_iter([c; 9]);
    let close = |a: &[f64], b: &[f64]| {
        assert_eq!(a.len(), b.len());
        let difference = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(difference < 1e-13, "{difference}");
    };
    let codes = plain.encode(&x).unwrap();
    close(model.encode((&x, &conditions)).unwrap().as_slice(), codes.as_slice());
    let decoded = plain.decode(&codes).unwrap();
    close(model.decode((&codes, &conditions)).unwrap().as_slice(), decoded.as_slice());
    close(&model.score((&x, &conditions)).unwrap(), &plain.score(&x).unwrap());
    let numbers: Vec<usize> = (0..9).collect();
    let streams = Some(Streams::new(1, 1, &numbers));
    let mut gradient = vec![0.0; model.num_parameters()];
    let mut of_plain = vec![0.0; plain.num_parameters()];
    let terms = model.objective((&x, &conditions), streams, Some(&mut gradient)).unwrap();
    let plains = plain.objective(&x, streams, Some(&mut of_plain)).unwrap();
    close(&[terms.total()], &[plains.total()]);
    let (body, rest) = gradient.split_at(4 * 6);
    let (heads, decoder) = rest.split_at(2 * 10);
    let (plain_body, rest) = of_plain.split_at(4 * 4);
    let (plain_heads, plain_decoder) = rest.split_at(2 * 10);
    close(heads, plain_heads);
    for (conditioned, plain, outputs, inputs) in
        [(body, plain_body, 4, X), (decoder, plain_decoder, 3, 2)]
    {
        let (w, rest) = conditioned.split_at(outputs * inputs);
        let (v, b) = rest.split_at(outputs * K);
        close(&[w, b].concat(), plain);
        let outer: Vec<f64> = c.iter().flat_map(|c| b.iter().map(move |b| b * c)).collect();
        close(v, &outer);
    }
    // And samples drawn from the prior, and what draws from the posterior.
    let rng = || seeded(4);
    let drawn = model.sample(&conditions, &mut rng()).unwrap();
    close(drawn.as_slice(), plain.sample(9, &mut rng()).unwrap().as_slice());
    let elbo = model.elbo((&x, &conditions), 3, &mut rng()).unwrap();
    let of_plain = plain.elbo(&x, 3, &mut rng()).unwrap();
    close(&[elbo.reconstruction, elbo.kl], &[of_plain.reconstruction, of_plain.kl]);
    let nll = model.negative_log_likelihood((&x, &conditions), 3, &mut rng()).unwrap();
    close(&nll, &plain.negative_log_likelihood(&x, 3, &mut rng()).unwrap());
    let aggregated = model.aggregated_posterior((&x, &conditions)).unwrap();
    let of_plain = plain.aggregated_posterior(&x).unwrap();
    close(&aggregated.variances(), &of_plain.variances());
    close(&aggregated.kl, &of_plain.kl);
}

/// x = U z + S c + σ ε with the exact posterior of z as its encoder: any draw gives ln p(x | c), that of
/// N(S c, U Uᵀ + σ² I), here with one code unit and two features. More samples than are decoded at a time,
/// each with a condition of its own.
#[test]
fn with_the_true_posterior_the_likelihood_is_that_of_the_gaussian() {
    let (sigma, u, shift) = (0.7_f64, [1.2, -0.5], [2.0, 0.8]);
    let mut model = AutoEncoder::builder()
        .encoder(Conditioned::<2, 1, _>::new(Gaussian::new(
            Dense::<3, 1>::new(Identity),
            Dense::<1, 1>::new(Identity),
            Dense::<1, 1>::new(Identity),
        )))
        .decoder(Conditioned::<1, 1, _>::new(Dense::<2, 2>::new(Identity)))
        .regularizer(Variational::default())
        .loss(GaussianLikelihood::new(sigma).unwrap())
        .build::<f64>()
        .unwrap();
    let square = u[0] * u[0] + u[1] * u[1];
    let variance = 1.0 / (1.0 + square / (sigma * sigma));
    // The mean is variance · uᵀ (x − S c) / σ²: of x and c in the body, passed on by the head.
    let [a, b] = u.map(|u| variance * u / (sigma * sigma));
    let encoder = [a, b, -(a * shift[0] + b * shift[1]), 0.0, 1.0, 0.0, 0.0, variance.ln()];
    let decoder = [u[0], u[1], shift[0], shift[1], 0.0, 0.0];
    model.set_parameters(&[&encoder[..], &decoder].concat()).unwrap();

    let (x, c) = (batch::<2>(600, 1), batch::<1>(600, 2));
    let determinant = (square + sigma * sigma) * sigma * sigma;
    // Of each sample −ln p(x | c), the variance of a reconstruction from a drawn code, the posterior's mean.
    let of_sample = |x: &[f64], c: f64| {
        let d = [x[0] - shift[0] * c, x[1] - shift[1] * c];
        let along = u[0] * d[0] + u[1] * d[1];
        // (U Uᵀ + σ² I)⁻¹ = (I − U Uᵀ / (σ² + uᵀu)) / σ²
        let form = d[0] * d[0] + d[1] * d[1] - along * along / (sigma * sigma + square);
        let ln_2pi = (2.0 * std::f64::consts::PI).ln();
        let nll = ln_2pi + 0.5 * determinant.ln() + 0.5 * form / (sigma * sigma);
        // ‖r − U δ‖² / 2σ² with δ from N(0, variance), where uᵀr = variance · along
        let linear = (variance * along / (sigma * sigma)).powi(2) * variance;
        let quadratic = 0.5 * (variance * square / (sigma * sigma)).powi(2);
        (nll, (linear + quadratic, variance * along / (sigma * sigma)))
    };
    let all = x.iter().zip(c.iter()).map(|(x, c)| of_sample(x, c[0]));
    let (exact, (variances, means)): (Vec<f64>, (Vec<f64>, Vec<f64>)) = all.unzip();
    for draws in [1, 2, 7] {
        let nll = model.negative_log_likelihood((&x, &c), draws, &mut seeded(3)).unwrap();
        for (nll, exact) in nll.iter().zip(&exact) {
            assert!((nll - exact).abs() < 1e-11, "{draws} draws: {nll}, {exact}");
        }
    }
    // With the true posterior the bound is the likelihood too, up to what is drawn.
    let elbo = model.elbo((&x, &c), 500, &mut seeded(4)).unwrap();
    let mean = exact.iter().sum::<f64>() / 600.0;
    let deviation = (variances.iter().sum::<f64>() / 500.0).sqrt() / 600.0;
    assert!((elbo.value() + mean).abs() < 5.0 * deviation, "{elbo:?} {mean} {deviation}");
    let aggregated = model.aggregated_posterior((&x, &c)).unwrap();
    let mean = means.iter().sum::<f64>() / 600.0;
    assert!((aggregated.means[0] - mean).abs() < 1e-13);
    assert!((aggregated.mean_variances[0] - variance).abs() < 1e-13);
}

/// Draws of few samples are decoded together, those of many one after the other: the first sample is drawn the same codes.
#[test]
fn a_likelihood_has_the_same_bits_among_few_samples_and_among_many() {
    for prior in [None, Some(3)] {
        let regularizer = match prior {
            None => Box::new(Variational::default()) as Box<dyn Regularizer<f64>>,
            Some(count) => {
                Box::new(Variational::default().prior(GaussianMixture::new(count).unwrap()))
            }
        };
        let model = variational(regularizer).unwrap();
        let (x, c) = (batch::<X>(600, 5), batch::<K>(600, 6));
        let of_first = |samples: usize| {
            let (x, c) = (x.select(0..samples), c.select(0..samples));
            let mut nll = model.negative_log_likelihood((&x, &c), 700, &mut seeded(3)).unwrap();
            nll.truncate(7);
            nll
        };
        let all = of_first(600);
        for samples in [7, 20, 100, 128, 256, 300] {
            assert_eq!(of_first(samples), all, "{samples} samples");
        }
        assert_eq!(of_first(1), all[..1]);
    }
}

/// Each draw is decoded under its sample's condition: with next to no spread all draws are the mean.
#[test]
fn every_draw_has_the_condition_of_its_sample() {
    let encoder = || {
        Gaussian::new(
            Dense::<5, 4>::new(Tanh),
            Dense::<4, 2>::new(Identity),
            Dense::<4, 2>::new(Identity),
        )
        .clamp(-80.0, -79.0)
        .unwrap()
    };
    let (x, c) = (batch::<X>(5, 1), batch::<K>(5, 2));
    let numbers = [0, 1, 2, 3, 4];
    for draws in [1, 2, 3, 7] {
        let model = AutoEncoder::builder()
            .encoder(Conditioned::<X, K, _>::new(encoder()))
            .decoder(Conditioned::<2, K, _>::new(Dense::<4, 3>::new(Identity)))
            .regularizer(Variational::default().draws(draws).unwrap())
            .build::<f64>()
            .unwrap();
        let drawn = model.objective((&x, &c), Some(Streams::new(1, 1, &numbers)), None).unwrap();
        let mean = model.loss((&x, &c)).unwrap();
        assert!((drawn.total() - mean.total()).abs() < 1e-12, "{draws}: {drawn}, {mean}");
        // It does matter which condition is whose.
        let other = c.select([1, 2, 3, 4, 0]);
        assert!((model.loss((&x, &other)).unwrap().total() - mean.total()).abs() > 1e-3);
    }
}

#[test]
fn the_condition_changes_codes_and_reconstructions() {
    let model = variational(Variational::default()).unwrap();
    let x = Batch::from_iter([[0.3, -0.2, 0.5]; 2]);
    let c = Batch::from_iter([[1.0, 0.0], [0.0, 1.0]]);
    let code = model.encode((&x, &c)).unwrap();
    assert_ne!(code.sample(0), code.sample(1));
    let alike = code.select([0, 0]);
    let decoded = model.decode((&alike, &c)).unwrap();
    assert_ne!(decoded.sample(0), decoded.sample(1));
    let same = c.select([1, 1]);
    let code = model.encode((&x, &same)).unwrap();
    assert_eq!(code.sample(0), code.sample(1));
}

#[test]
fn a_sample_has_the_same_bits_alone_and_in_any_batch() {
    let model = variational(Variational::default()).unwrap();
    // More than are done at a time.
    let (x, c) = (batch::<X>(600, 1), batch::<K>(600, 2));
    let (codes, outputs) = (model.encode((&x, &c)).unwrap(), model.reconstruct((&x, &c)).unwrap());
    assert_eq!(model.decode((&codes, &c)).unwrap(), outputs);
    let scores = model.score((&x, &c)).unwrap();
    for at in [0, 1, 255, 256, 511, 599] {
        let (x, c) = (x.select([at]), c.select([at]));
        let code = model.encode((&x, &c)).unwrap();
        assert_eq!(code.sample(0), codes.sample(at));
        assert_eq!(model.decode((&code, &c)).unwrap().sample(0), outputs.sample(at));
        assert_eq!(model.reconstruct((&x, &c)).unwrap().sample(0), outputs.sample(at));
        assert_eq!(model.score((&x, &c)).unwrap(), [scores[at]]);
    }
}

/// A corruption that wipes out all it is shown, and counts the features it was shown.
#[derive(Debug, Clone)]
struct Wipe(Arc<AtomicUsize>);
impl<E: Part> SuitedTo<E> for Wipe {}
impl<T: Float> Regularizer<T> for Wipe {
    fn describe(&self) -> String {
        "Wipe".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs { corrupts: Corrupts::Input, ..Needs::nothing() }
    }
    fn corrupt(&self, mut x: BatchViewMut<'_, T>, _: Streams<'_>) {
        self.0.fetch_max(x.features(), Ordering::Relaxed);
        x.as_mut_slice().fill(T::ZERO);
    }
}

#[test]
fn a_corruption_does_not_see_the_condition() {
    let seen = Arc::new(AtomicUsize::new(0));
    let model = variational(Wipe(Arc::clone(&seen))).unwrap();
    let (x, c) = (batch::<X>(4, 1), batch::<K>(4, 2));
    let terms = model.objective((&x, &c), Some(Streams::new(1, 1, &[0, 1, 2, 3])), None).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), X);
    // What is left is the reconstruction from the condition alone, compared with the clean sample.
    let y = model.reconstruct((&Batch::zeros(Const::<X>, 4), &c)).unwrap();
    let squares = x.as_slice().iter().zip(y.as_slice()).map(|(x, y)| (x - y).powi(2));
    assert!((terms.total() - squares.sum::<f64>() / 8.0).abs() < 1e-14);
}

/// Samples that their condition says all about, and an encoder that says nothing: only where each sample
/// keeps its condition is there no error left.
mod told_by_the_condition {
    use super::*;

    type Told<P, const N: usize> = ConditionedPart<P, Const<N>, Const<1>>;
    type Silent = AutoEncoder<
        Told<Layer1<4, 1, Identity>, 3>,
        Told<Layer1<2, 3, Identity>, 1>,
        NoRegularizer,
        SquaredError,
        f64,
    >;

    fn model() -> Silent {
        AutoEncoder::builder()
            .encoder(Conditioned::<3, 1, _>::new(Dense::<4, 1>::new(Identity).init(Zeros).frozen()))
            .decoder(Conditioned::<1, 1, _>::new(Dense::<2, 3>::new(Identity)))
            .build()
            .unwrap()
    }

    /// x = (2c, −c, 1 + c).
    fn data(samples: usize, seed: u64) -> (Batch<f64, Const<3>>, Batch<f64, Const<1>>) {
        let c = batch::<1>(samples, seed);
        let x = c.iter().map(|c| [2.0 * c[0], -c[0], 1.0 + c[0]]).collect();
        (x, c)
    }

    fn trainer() -> Trainer<'static, Adam> {
        Trainer::new(Adam::new(0.02).unwrap()).epochs(150).batch_size(7)
    }

    #[test]
    fn through_shuffling() {
        let (x, c) = data(60, 1);
        let mut model = model();
        let report = trainer().fit(&mut model, (&x, &c)).unwrap();
        let error = model.loss((&x, &c)).unwrap().total();
        assert!(error < 1e-12, "{error}");
        assert_eq!(report.epochs.len(), 150);
        let (x, c) = data(40, 2);
        assert!(model.loss((&x, &c)).unwrap().total() < 1e-12);
        // With conditions of others it cannot: what is left is about the variance, ½ · 6 · ⅓.
        let mut model = self::model();
        let other = c.select((0..40).map(|at| (at + 17) % 40));
        trainer().fit(&mut model, (&x, &other)).unwrap();
        let error = model.loss((&x, &other)).unwrap().total();
        assert!(error > 0.5, "{error}");
    }

    #[test]
    fn through_held_out_samples_and_early_stopping() {
        let (x, c) = data(60, 1);
        let mut model = model();
        let stopping = EarlyStopping::new(200).unwrap();
        let mut split = trainer().validation_split(0.3).early_stopping(stopping);
        let report = split.fit(&mut model, (&x, &c)).unwrap();
        let best = &report.epochs[report.kept_epoch - 1];
        let held_out = (x.select(42..60), c.select(42..60));
        let validation = best.validation.as_ref().unwrap().total();
        assert_eq!(validation, model.loss((&held_out.0, &held_out.1)).unwrap().total());
        assert!(validation < 1e-12, "{validation}");

        // The same samples given as such: the same training.
        let mut given = self::model();
        let train = (x.select(0..42), c.select(0..42));
        let report = trainer()
            .early_stopping(EarlyStopping::new(200).unwrap())
            .fit(
                &mut given,
                Examples::of((&train.0, &train.1)).held_out((&held_out.0, &held_out.1)),
            )
            .unwrap();
        assert_eq!(given.parameters(), model.parameters());
        assert_eq!(
            report.epochs[report.kept_epoch - 1].validation.as_ref().unwrap().total(),
            validation
        );
    }

    #[test]
    fn with_weights_of_samples() {
        let (mut x, c) = data(60, 1);
        // What does not count may be anything.
        x.as_mut_slice()[..3 * 20].fill(50.0);
        let weights: Vec<f64> =
            (0..60).map(|at| if at < 20 { 0.0 } else { 1.0 + at as f64 }).collect();
        let mut model = model();
        trainer().fit(&mut model, Examples::of((&x, &c)).weights(&weights)).unwrap();
        let counted = (x.select(20..60), c.select(20..60));
        let error = model.loss((&counted.0, &counted.1)).unwrap().total();
        assert!(error < 1e-12, "{error}");
    }

    #[test]
    fn by_lbfgs() {
        let (x, c) = data(60, 1);
        let mut model = model();
        Trainer::new(Lbfgs::new()).epochs(30).fit(&mut model, (&x, &c)).unwrap();
        let error = model.loss((&x, &c)).unwrap().total();
        assert!(error < 1e-9, "{error}");
    }
}

/// Training and use are in the user's units; the condition stays as it is.
#[test]
fn with_a_normalizer() {
    let raw: Batch<f64, Const<X>> =
        batch::<X>(40, 1).iter().map(|x| [1000.0 * x[0], 5.0 + x[1], x[2]]).collect();
    let c = batch::<K>(40, 2);
    let normalizer = Normalizer::fit(Normalization::Standardize, &raw).unwrap();
    let build = |normalizer: Option<&Normalizer>| {
        let builder = AutoEncoder::builder()
            .encoder(Conditioned::<X, K, _>::new(Dense::<5, 2>::new(Tanh)))
            .decoder(Conditioned::<2, K, _>::new(Dense::<4, 3>::new(Identity)))
            .seed(8);
        match normalizer {
            Some(normalizer) => builder.normalizer(normalizer.clone()),
            None => builder,
        }
        .build::<f64>()
        .unwrap()
    };
    let (mut model, mut plain) = (build(Some(&normalizer)), build(None));
    let mut x = raw.clone();
    normalizer.apply(x.view_mut()).unwrap();
    let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(3);
    trainer.fit(&mut model, (&raw, &c)).unwrap();
    trainer.fit(&mut plain, (&x, &c)).unwrap();
    assert_eq!(model.parameters(), plain.parameters());
    assert_eq!(model.encode((&raw, &c)).unwrap(), plain.encode((&x, &c)).unwrap());
    let mut expected = plain.reconstruct((&x, &c)).unwrap();
    normalizer.undo(expected.view_mut()).unwrap();
    assert_eq!(model.reconstruct((&raw, &c)).unwrap(), expected);
    assert_eq!(model.loss((&raw, &c)).unwrap(), plain.loss((&x, &c)).unwrap());
}

#[test]
fn boxed_parts_chosen_at_run_time() {
    type Boxed = Any<f64, Const<5>, Const<2>, range::Symmetric, Point>;
    let encoder: Boxed = Dense::<5, 2>::new(Tanh).boxed_as();
    let decoder = || Conditioned::<2, K, _>::new(Dense::<4, 3>::new(Identity));
    let mut boxed = AutoEncoder::builder()
        .encoder(Conditioned::<X, K, _>::new(encoder))
        .decoder(decoder())
        .build::<f64>()
        .unwrap();
    let mut plain = AutoEncoder::builder()
        .encoder(Conditioned::<X, K, _>::new(Dense::<5, 2>::new(Tanh)))
        .decoder(decoder())
        .build::<f64>()
        .unwrap();
    let (x, c) = (batch::<X>(9, 1), batch::<K>(9, 2));
    let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(2).batch_size(4);
    trainer.fit(&mut boxed, (&x, &c)).unwrap();
    trainer.fit(&mut plain, (&x, &c)).unwrap();
    assert_eq!(boxed.parameters(), plain.parameters());
    // A copy has parameters of its own.
    let copy = boxed.clone();
    trainer.fit(&mut boxed, (&x, &c)).unwrap();
    assert_eq!(copy.parameters(), plain.parameters());
    assert_ne!(copy.parameters(), boxed.parameters());
}

#[test]
fn labels_become_conditions() {
    let batch = Batch::<f64, Const<3>>::one_hot(&[1_u8, 0, 2, 1]).unwrap();
    let [a, b, c] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    assert_eq!(batch, Batch::from_iter([b, a, c, b]));
    let refused =
        |sample, label| Err(Error::Label { call: "Batch::one_hot", sample, label, classes: 3 });
    assert_eq!(Batch::<f64, Const<3>>::one_hot(&[0, 3]), refused(1, 3));
    assert_eq!(Batch::<f64, Const<3>>::one_hot(&[-1, 0]), refused(0, -1));
    assert_eq!(Batch::<f64, Const<3>>::one_hot::<u8>(&[]).unwrap().samples(), 0);
}

/// A call that takes conditions, and how it refuses them.
type Call<'a> = dyn FnMut(&mut Model<Variational>, &Batch<f64, Const<K>>) -> Option<Error> + 'a;

#[test]
fn conditions_that_are_too_few_too_many_none_or_not_finite() {
    let mut model = variational(Variational::default()).unwrap();
    let before = model.parameters().to_vec();
    let (x, c, z) = (batch::<X>(4, 1), batch::<K>(4, 2), batch::<2>(4, 3));
    let mut bad = c.clone();
    bad.as_mut_slice()[5] = f64::NAN; // row 1 of column 2
    let mut infinite = c.clone();
    infinite.as_mut_slice()[0] = f64::INFINITY;
    let (few, many) = (c.select(0..3), batch::<K>(5, 2));
    let trainer = || Trainer::new(Adam::new(0.01).unwrap()).epochs(1);
    let mut check = |call: &'static str, run: &mut Call<'_>| {
        let size =
            |found| Error::SizeMismatch { place: call, unit: "conditions", expected: 4, found };
        assert_eq!(run(&mut model, &c), None, "{call}");
        model.set_parameters(&before).unwrap();
        for (conditions, expected) in [
            (&few, size(3)),
            (&many, size(5)),
            (&c.select([]), size(0)),
            (&bad, Error::NotFinite { call, feature: 1, sample: 2, value: Number(f64::NAN) }),
            (
                &infinite,
                Error::NotFinite { call, feature: 0, sample: 0, value: Number(f64::INFINITY) },
            ),
        ] {
            assert_eq!(run(&mut model, conditions), Some(expected));
            assert_eq!(model.parameters(), before);
        }
    };
    check("the conditions of encode", &mut |model, c| model.encode((&x, c)).err());
    check("the conditions of decode", &mut |model, c| model.decode((&z, c)).err());
    check("the conditions of reconstruct", &mut |model, c| model.reconstruct((&x, c)).err());
    check("the conditions of score", &mut |model, c| model.score((&x, c)).err());
    check("the conditions of loss", &mut |model, c| model.loss((&x, c)).err());
    check("the conditions of objective", &mut |model, c| {
        model.objective((&x, c), None, None).err()
    });
    check("the conditions of objective_at", &mut |model, c| {
        model.objective_at(model.parameters(), (&x, c), None).err()
    });
    check("the conditions of elbo", &mut |model, c| model.elbo((&x, c), 2, &mut seeded(1)).err());
    check("the conditions of negative_log_likelihood", &mut |model, c| {
        model.negative_log_likelihood((&x, c), 2, &mut seeded(1)).err()
    });
    check("the conditions of aggregated_posterior", &mut |model, c| {
        model.aggregated_posterior((&x, c)).err()
    });
    check("the conditions of fit", &mut |model, c| trainer().fit(model, (&x, c)).err());
    check("the conditions of validation", &mut |model, bad| {
        trainer().fit(model, Examples::of((&x, &c)).held_out((&x, bad))).err()
    });
    // A policy for divergences is not one for what is given.
    let refused = Trainer::new(Adam::new(0.01).unwrap())
        .on_divergence(OnDivergence::SkipBatch { limit: 3 })
        .fit(&mut model, (&x, &bad));
    assert!(matches!(refused, Err(Error::NotFinite { feature: 1, sample: 2, .. })));

    let call = "the conditions of sample";
    let none = model.sample(&c.select([]), &mut seeded(1));
    assert_eq!(none, Err(Error::NoSamples { call }));
    let value = Number(f64::NAN);
    let refused = model.sample(&bad, &mut seeded(1));
    assert_eq!(refused, Err(Error::NotFinite { call, feature: 1, sample: 2, value }));
    let refused = model.elbo((&x, &c), 0, &mut seeded(1));
    assert!(matches!(refused, Err(Error::InvalidParameter { name: "elbo draws", .. })));
    // Samples are looked at as ever.
    let mut x = x;
    x.as_mut_slice()[4] = f64::NAN;
    let refused = model.encode((&x, &c));
    assert_eq!(refused, Err(Error::NotFinite { call: "encode", feature: 1, sample: 1, value }));
    let refused = model.encode((&x.select([]), &c.select([])));
    assert_eq!(refused, Err(Error::NoSamples { call: "encode" }));
    let refused = model.objective((&batch::<X>(4, 1), &c), None, Some(&mut [0.0]));
    assert!(matches!(refused, Err(Error::SizeMismatch { unit: "gradients", found: 1, .. })));
    let refused = model.objective_at(&[0.0], (&batch::<X>(4, 1), &c), None);
    assert!(matches!(refused, Err(Error::SizeMismatch { unit: "parameters", found: 1, .. })));
}

#[test]
fn regularizers_that_have_no_condition_are_refused() {
    let refused = |regularizer: Box<dyn Regularizer<f64>>| variational(regularizer).err();
    let pseudo = || {
        Some(Error::Unfit {
            part: "the prior",
            fault: "has pseudo-inputs, which have no condition, and this model is conditional",
            remedy: "take another prior",
        })
    };
    let vamp = |count| Variational::default().prior(VampPrior::new(count).unwrap());
    assert_eq!(refused(Box::new(vamp(1))), pseudo());
    assert_eq!(refused(Box::new((WeightDecay::new(0.1).unwrap(), vamp(4)))), pseudo());
    let weighted = ImportanceWeighted::new(2).unwrap().prior(VampPrior::new(3).unwrap());
    assert_eq!(refused(Box::new(weighted)), pseudo());
}

/// The contractive penalty is by the sample alone, the condition held fixed: in closed form, by tangents, by
/// cotangents and estimated, alone and in combinations, and for a wrapper that knows nothing of conditions.
#[test]
fn the_contractive_penalty_is_by_the_sample_alone() {
    #[derive(Debug, Clone)]
    struct Secretly(Contractive);
    impl<E: Part> SuitedTo<E> for Secretly {}
    impl<T: Float> Regularizer<T> for Secretly {
        fn describe(&self) -> String {
            "Secretly".to_owned()
        }
        fn needs(&self, _: &Facts) -> Needs {
            Needs::default()
        }
        fn penalty(
            &self,
            at: &regularizer::Encoded<'_, T>,
            gradient: Option<&mut regularizer::PenaltyGradient<'_, T>>,
            scratch: &mut [T],
            terms: &mut Terms,
        ) {
            self.0.penalty(at, gradient, scratch, terms);
        }
        fn scratch_len(
            &self,
            encoder: &dyn Layer<T>,
            facts: &Facts,
            samples: usize,
            draws: usize,
        ) -> usize {
            self.0.scratch_len(encoder, facts, samples, draws)
        }
    }
    let contractive = || Contractive::new(0.4).unwrap();
    let regularizers: Vec<Box<dyn Regularizer<f64>>> = vec![
        Box::new(contractive()),
        Box::new((Variational::default(), contractive())),
        Box::new(vec![
            Box::new(NoRegularizer) as Box<dyn Regularizer<f64>>,
            Box::new(contractive()),
        ]),
        Box::new(Secretly(contractive())),
        Box::new(contractive().hutchinson(2).unwrap()),
    ];
    let (x, c) = (batch::<X>(4, 1), batch::<K>(4, 2));
    for regularizer in regularizers {
        let name = format!("{regularizer:?}");
        let mut model = variational(regularizer).unwrap();
        gradcheck::model(&model, (&x, &c), 3).unwrap().assert();
        let exact = 0.4 * model.squared_jacobian((&x, &c)).unwrap();
        let term = model.loss((&x, &c)).unwrap().get("contractive").unwrap();
        assert!((term - exact).abs() < 1e-14, "{name}: {term}, {exact}");
        let by_hand = 0.4 * squared_jacobian_by_differences(&model, &x, &c);
        assert!((term - by_hand).abs() < 1e-8 * by_hand, "{name}: {term}, {by_hand}");
        Trainer::new(Adam::new(0.1).unwrap()).epochs(1).fit(&mut model, (&x, &c)).unwrap();
    }
    // One dense layer, of which the columns of the condition do not count.
    let dense = AutoEncoder::builder()
        .encoder(Conditioned::<X, K, _>::new(Dense::<5, 2>::new(Tanh)))
        .decoder(Conditioned::<2, K, _>::new(Dense::<4, 3>::new(Identity)))
        .regularizer(contractive())
        .build::<f64>()
        .unwrap();
    gradcheck::model(&dense, (&x, &c), 3).unwrap().assert();
    let found = dense.squared_jacobian((&x, &c)).unwrap();
    let by_hand = squared_jacobian_by_differences(&dense, &x, &c);
    assert!((found - by_hand).abs() < 1e-8 * by_hand, "{found}, {by_hand}");
    let term = dense.loss((&x, &c)).unwrap().get("contractive").unwrap();
    assert!((term - 0.4 * found).abs() < 1e-14);
}

/// The mean of ‖∂ code / ∂x‖² over samples, by central differences of fourth order.
fn squared_jacobian_by_differences<E, D, R, L>(
    model: &AutoEncoder<E, D, R, L, f64>,
    x: &Batch<f64, Const<X>>,
    c: &Batch<f64, Const<K>>,
) -> f64
where
    E: Part<Input = Const<X>, Condition = Const<K>>,
    D: Part,
{
    let mut sum = 0.0;
    for (x, c) in x.iter().zip(c.iter()) {
        for feature in 0..X {
            let moved = |by: f64| {
                let mut x: [f64; X] = x.try_into().unwrap();
                x[feature] += by;
                model.encode_one((&x, c)).unwrap()
            };
            let h = 1e-3;
            let [near, back, far, far_back] = [h, -h, 2.0 * h, -2.0 * h].map(moved);
            for unit in 0..near.len() {
                let (near, far) = (near[unit] - back[unit], far[unit] - far_back[unit]);
                sum += ((8.0 * near - far) / (12.0 * h)).powi(2);
            }
        }
    }
    sum / x.samples() as f64
}

/// An independent judge, trained on real digits, reads what is drawn.
#[test]
fn draws_the_digit_that_is_asked_for() {
    let digits = datasets::digits::<f32>();
    let train = digits.train.clone().with_size(Const::<64>).unwrap();
    let mut judge = AutoEncoder::builder()
        .encoder(Dense::<64, 64>::new(Relu))
        .classes::<10>()
        .build::<f32>()
        .unwrap();
    Trainer::new(Adam::new(3e-3).unwrap())
        .epochs(40)
        .fit(&mut judge, (&digits.train, &digits.train_labels))
        .unwrap();
    let accuracy = judge.accuracy(&digits.test, &digits.test_labels).unwrap();
    assert!(accuracy > 0.9, "{accuracy}");

    let mut conditional = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Gaussian::new(
            Dense::<74, 128>::new(Relu),
            Dense::<128, 8>::new(Identity),
            Dense::<128, 8>::new(Identity),
        )))
        .decoder(Conditioned::<8, 10, _>::new(
            Dense::<18, 128>::new(Relu).then(Dense::<128, 64>::new(Identity)),
        ))
        .regularizer(Variational::new(0.2).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .unwrap();
    let mut plain = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 128>::new(Relu),
            Dense::<128, 8>::new(Identity),
            Dense::<128, 8>::new(Identity),
        ))
        .decoder(Dense::<8, 128>::new(Relu).then(Dense::<128, 64>::new(Identity)))
        .regularizer(Variational::new(0.2).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .unwrap();
    let trainer = || Trainer::new(Adam::new(2e-3).unwrap()).epochs(40);
    let classes = Batch::<f32, Const<10>>::one_hot(&digits.train_labels).unwrap();
    trainer().fit(&mut conditional, (&digits.train, &classes)).unwrap();
    trainer().fit(&mut plain, &digits.train).unwrap();

    let wanted: Vec<usize> = (0..200).map(|at| at % 10).collect();
    let asked = Batch::<f32, Const<10>>::one_hot(&wanted).unwrap();
    let drawn = conditional.sample(&asked, &mut seeded(1)).unwrap();
    let right = judge.accuracy(&drawn, &wanted).unwrap();
    let unasked = plain.sample(200, &mut seeded(1)).unwrap();
    let by_chance = judge.accuracy(&unasked, &wanted).unwrap();
    println!("judge {accuracy:.3}; drawn as asked {right:.3}, unasked {by_chance:.3}");
    assert!(right >= 0.8, "{right}");
    assert!(by_chance < 0.2, "{by_chance}");
    // They are not one picture a class: the variance within classes is half of the real one or more.
    let within = |x: &Batch<f32, Const<64>>, labels: &[usize]| {
        let of_class = |class: usize| {
            let of_class = (0..labels.len()).filter(|&at| labels[at] == class);
            let samples: Vec<_> = of_class.map(|at| x.sample(at)).collect();
            let mean = |of: &dyn Fn(&[f32]) -> f32| {
                samples.iter().map(|sample| of(sample)).sum::<f32>() / samples.len() as f32
            };
            let variance = |pixel: usize| {
                let center = mean(&|sample| sample[pixel]);
                mean(&|sample| (sample[pixel] - center).powi(2))
            };
            (0..64).map(variance).sum::<f32>()
        };
        (0..10).map(of_class).sum::<f32>() / 10.0
    };
    let labels: Vec<usize> = digits.train_labels.iter().map(|&label| label.into()).collect();
    let (of_drawn, of_real) = (within(&drawn, &wanted), within(&train, &labels));
    println!("variance within classes: drawn {of_drawn:.2}, real {of_real:.2}");
    assert!(of_drawn > 0.5 * of_real, "{of_drawn}, {of_real}");

    // The code does not say the class: decoded under another one, it is another digit.
    let test = Batch::<f32, Const<10>>::one_hot(&digits.test_labels).unwrap();
    let codes = conditional.encode((&digits.test, &test)).unwrap();
    let next: Vec<u8> = digits.test_labels.iter().map(|label| (label + 1) % 10).collect();
    let next_class = Batch::<f32, Const<10>>::one_hot(&next).unwrap();
    let turned = conditional.decode((&codes, &next_class)).unwrap();
    let turned = judge.accuracy(&turned, &next).unwrap();
    println!("turned into the next digit {turned:.3}");
    assert!(turned >= 0.8, "{turned}");
}

#[cfg(feature = "parallel")]
#[test]
fn the_same_bits_on_any_number_of_threads() {
    let digits = datasets::digits::<f32>();
    let classes = Batch::<f32, Const<10>>::one_hot(&digits.train_labels).unwrap();
    let run = |threads| {
        let mut model = AutoEncoder::builder()
            .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 200>::new(Tanh)))
            .decoder(Conditioned::<200, 10, _>::new(Dense::<210, 64>::new(Identity)))
            .build::<f32>()
            .unwrap();
        Trainer::new(Adam::new(1e-3).unwrap())
            .epochs(1)
            .batch_size(512)
            .threads(threads)
            .fit(&mut model, (&digits.train, &classes))
            .unwrap();
        model.parameters().to_vec()
    };
    assert_eq!(run(1), run(3));
}

#[cfg(feature = "safetensors")]
mod files {
    use super::*;
    use autoencoder::train::{Checkpoints, Event};
    use common::Folder;

    #[test]
    fn a_resumed_training_has_the_bits_of_one_that_never_stopped() {
        let folder = Folder::new("conditional");
        let (x, c) = (batch::<X>(23, 1), batch::<K>(23, 2));
        let regularizer = || {
            let noise = Denoising::new(Masking::new(0.2).unwrap());
            (Variational::default().draws(2).unwrap(), noise)
        };
        let trainer = |epochs| {
            Trainer::new(Adam::new(0.01).unwrap())
                .epochs(epochs)
                .batch_size(4)
                .seed(5)
                .validation_split(0.2)
                .early_stopping(EarlyStopping::new(9).unwrap())
        };
        let whole = {
            let mut model = variational(regularizer()).unwrap();
            let report = trainer(4).fit(&mut model, (&x, &c)).unwrap();
            (model.parameters().to_vec(), report)
        };
        // Stopped by a panic of an observer at each step: five batches an epoch.
        for stop in 1..20 {
            let path = folder.join(format!("{stop}.safetensors"));
            let checkpoints = || Checkpoints::new(&path).every_steps(1).resume(true);
            let stopped = std::panic::catch_unwind(|| {
                let mut steps = 0;
                let mut model = variational(regularizer()).unwrap();
                let observer = |event: &Event<'_>| {
                    steps += usize::from(matches!(event, Event::Batch(_)));
                    if steps > stop {
                        std::panic::resume_unwind(Box::new("stop"));
                    }
                };
                let _ = trainer(4)
                    .checkpoints(checkpoints())
                    .observer(observer)
                    .fit(&mut model, (&x, &c));
            });
            assert!(stopped.is_err());
            let mut model = variational(regularizer()).unwrap();
            let mut steps = 0;
            let mut resumed =
                trainer(4).checkpoints(checkpoints()).observer(|event: &Event<'_>| {
                    steps += usize::from(matches!(event, Event::Batch(_)));
                });
            let report = resumed.fit(&mut model, (&x, &c)).unwrap();
            drop(resumed);
            assert_eq!(steps, 20 - stop, "it went on where it was");
            assert_eq!(model.parameters(), whole.0, "stopped after {stop} steps");
            let terms = |report: &Report| -> Vec<_> {
                let epochs = report.epochs.iter();
                epochs.map(|epoch| (epoch.terms.clone(), epoch.validation.clone())).collect()
            };
            assert_eq!(terms(&report), terms(&whole.1));
        }

        // Other conditions are another training.
        let path = folder.join("19.safetensors");
        let mut other = c.clone();
        other.as_mut_slice()[3] += 1e-9;
        let mut model = variational(regularizer()).unwrap();
        let refused = trainer(5)
            .checkpoints(Checkpoints::new(&path).resume(true))
            .fit(&mut model, (&x, &other));
        assert!(matches!(refused, Err(Error::DoesNotFit { .. })), "{refused:?}");
    }

    #[test]
    fn saved_and_loaded() {
        let folder = Folder::new("conditional-file");
        let path = folder.join("model.safetensors");
        let mut model = variational(Variational::default()).unwrap();
        let (x, c) = (batch::<X>(9, 1), batch::<K>(9, 2));
        let mut trainer = Trainer::new(Adam::new(0.01).unwrap()).epochs(1);
        let mut other = variational(Variational::default()).unwrap();
        trainer.fit(&mut model, (&x, &c)).unwrap();
        model.save(&path).unwrap();
        assert_ne!(other.parameters(), model.parameters());
        other.load(&path).unwrap();
        assert_eq!(other.parameters(), model.parameters());
        assert_eq!(other.encode((&x, &c)).unwrap(), model.encode((&x, &c)).unwrap());
        let description = inspect(&path).unwrap();
        let setting = "decoder: given a condition of 2 numbers".to_owned();
        assert!(description.architecture.contains(&setting), "{description}");

        // Of equal tensors in the encoder, but with one feature more and one number less.
        let encoder = Gaussian::new(
            Dense::<5, 4>::new(Tanh),
            Dense::<4, 2>::new(Identity),
            Dense::<4, 2>::new(Identity),
        );
        let mut wider = AutoEncoder::builder()
            .encoder(Conditioned::<4, 1, _>::new(encoder))
            .decoder(Conditioned::<2, 1, _>::new(Dense::<3, 4>::new(Identity)))
            .regularizer(Variational::default())
            .build::<f64>()
            .unwrap();
        assert!(matches!(wider.load(&path), Err(Error::DoesNotFit { .. })));
    }
}
