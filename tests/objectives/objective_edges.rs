//! Objectives, priors and likelihoods where they meet: in tuples, in a classifier, in single precision, and with
//! values at the edge of what they take.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::layer::DenseLayer;
use autoencoder::loss::{Categorical, LearnedGaussian};
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::random::{Streams, seeded};
use autoencoder::*;
use common::with_shares;
use nalgebra::Const;
use rand::RngExt;

type Layer1<const I: usize, const O: usize, A = Identity> = DenseLayer<Const<I>, Const<O>, A>;
type Net = Gaussian<Layer1<6, 5, Tanh>, Layer1<5, 3>, Layer1<5, 3>>;
type Objective<T = f64> = Box<dyn Regularizer<T>>;
type Likelihood<T = f64> = Box<dyn Loss<T>>;
type Model<T = f64> = AutoEncoder<Net, Layer1<3, 6>, Objective<T>, Likelihood<T>, T>;

fn build<T: Scalar>(regularizer: Objective<T>, loss: Likelihood<T>) -> Result<Model<T>> {
    let encoder = Gaussian::new(
        Dense::<6, 5>::new(Tanh),
        Dense::<5, 3>::new(Identity),
        Dense::<5, 3>::new(Identity),
    );
    let builder = AutoEncoder::builder().encoder(encoder).decoder(Dense::<3, 6>::new(Identity));
    builder.regularizer(regularizer).loss(loss).seed(2).build::<T>()
}

fn data<T: Scalar>(samples: usize) -> Batch<T, Const<6>> {
    let rng = &mut seeded(5);
    (0..samples).map(|_| std::array::from_fn(|_| T::of(rng.random_range(0.05..0.95)))).collect()
}

fn mixture(components: usize) -> GaussianMixture {
    GaussianMixture::new(components).unwrap()
}

/// A divergence from N(0, I) before it does not hide the prior of another part.
#[test]
fn a_combination_has_the_prior_that_one_of_its_parts_has() {
    let vamp = || VampPrior::from_samples(&data::<f64>(4)).unwrap();
    let iw = || ImportanceWeighted::new(3).unwrap();
    let nothing = || Variational::new(0.0).unwrap();
    let pairs: [[Objective; 2]; 2] = [
        [Box::new(iw().prior(vamp())), Box::new((nothing(), iw().prior(vamp())))],
        [Box::new(iw().prior(mixture(2))), Box::new((nothing(), iw().prior(mixture(2))))],
    ];
    let x = data::<f64>(5);
    for [alone, behind] in pairs {
        let name = format!("{alone:?}");
        let [alone, behind] =
            [alone, behind].map(|objective| build(objective, Box::new(SquaredError)).unwrap());
        gradcheck::model(&behind, &x, 3).unwrap().assert();
        assert_eq!(alone.parameters(), behind.parameters());
        let term = |model: &Model| {
            let terms = model.objective(&x, None, None).unwrap();
            terms.get("importance_weighted").unwrap()
        };
        assert_eq!(term(&alone), term(&behind), "{name}");
        let drawn = |model: &Model| model.sample_codes(10, &mut seeded(1)).unwrap();
        assert_eq!(drawn(&alone), drawn(&behind), "{name}");
    }
}

#[test]
fn what_no_model_can_have_is_refused_when_it_is_built() {
    let vamp = |samples| VampPrior::from_samples(&data::<f64>(samples)).unwrap();
    let of = |prior| Variational::default().prior(prior);
    let too_narrow = || VampPrior::from_samples(&Batch::from_iter([[0.5; 5]; 4])).unwrap();
    let cases: [(Objective, &str); 5] = [
        (Box::new((of(vamp(3)), of(vamp(4)))), "priors other than N(0, I)"),
        (Box::new((Variational::default().prior(mixture(2)), of(vamp(4)))), "priors other than"),
        (Box::new((Mmd::new(1.0).unwrap(), of(too_narrow()))), "VampPrior begins with"),
        (Box::new((Variational::default(), of(too_narrow()))), "VampPrior begins with"),
        (
            Box::new(Variational::default().free_bits(0.5).unwrap().prior(mixture(2))),
            "Variational free bits",
        ),
    ];
    for (objective, text) in cases {
        let name = format!("{objective:?}");
        let refused = build(objective, Box::new(SquaredError)).err();
        let text_of = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(text_of.contains(text), "{name}: {text_of}");
    }
    let encoder = || {
        Gaussian::new(
            Dense::<6, 5>::new(Tanh),
            Dense::<5, 3>::new(Identity),
            Dense::<5, 3>::new(Identity),
        )
    };
    let builder = AutoEncoder::builder().encoder(encoder()).classes::<2>();
    let refused = builder.regularizer(of(too_narrow())).build::<f64>().err();
    assert!(matches!(refused, Some(Error::SizeMismatch { .. })), "{refused:?}");
}

/// Each part adds to what the losses of the draws count, so that the gradient is that of all terms.
#[test]
fn two_bounds_in_one_objective() {
    let iw = |draws| ImportanceWeighted::new(draws).unwrap();
    let objective = Box::new((iw(3), Variational::new(0.3).unwrap(), iw(2)));
    let model = build(objective, Box::new(BernoulliCrossEntropy)).unwrap();
    let check =
        gradcheck::model(&model, Examples::of(&data(4)).weights(&[1.0, 0.5, 2.0, 3.0]), 1).unwrap();
    check.assert();
}

/// A classifier is trained on what is drawn black or white, as an autoencoder is.
#[test]
fn a_classifier_sees_binarised_samples() {
    let classifier = |binarizes: bool| {
        let encoder = Gaussian::new(
            Dense::<6, 5>::new(Tanh),
            Dense::<5, 3>::new(Identity),
            Dense::<5, 3>::new(Identity),
        );
        let parts: Vec<Box<dyn Regularizer<f64>>> =
            if binarizes { vec![Box::new(Binarize)] } else { Vec::new() };
        let builder = AutoEncoder::builder().encoder(encoder).classes::<2>();
        builder.regularizer(parts).seed(3).build::<f64>().unwrap()
    };
    let (x, labels) = (data::<f64>(8), [0, 1, 0, 1, 0, 1, 0, 1]);
    let of = |binarizes: bool, x: &Batch<f64, Const<6>>, streams| {
        classifier(binarizes).objective((x, &labels), streams, None).unwrap().total()
    };
    let streams = || Some(Streams::new(1, 0, &[]));
    assert_eq!(of(true, &x, None), of(false, &x, None));
    assert_ne!(of(true, &x, streams()), of(false, &x, streams()));
    // What is black or white stays as it is.
    let sharp: Batch<f64, Const<6>> =
        x.iter().map(|x| std::array::from_fn(|at| if x[at] < 0.5 { 0.0 } else { 1.0 })).collect();
    assert_eq!(of(true, &sharp, streams()), of(false, &sharp, None));
}

/// A variance beyond where it is held would have no gradient, and never be trained.
#[test]
fn a_learned_variance_begins_where_it_is_held() {
    for deviation in [1e-3, 0.0024, 404.0, f64::INFINITY, f64::NAN, -1.0] {
        let refused = LearnedGaussian::shared().starting_at(deviation);
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{deviation}");
    }
    for deviation in [(-6.0_f64).exp(), 6.0_f64.exp()] {
        let loss = LearnedGaussian::per_feature().starting_at(deviation).unwrap();
        let model = build::<f64>(Box::new(Variational::default()), Box::new(loss)).unwrap();
        let mut gradient = vec![0.0; model.num_parameters()];
        model.objective(&data(4), None, Some(&mut gradient)).unwrap();
        let own = model.layout().get("loss.log_variance").unwrap().range.clone();
        assert!(gradient[own].iter().all(|&d| d != 0.0), "{deviation}");
    }
}

/// A generator of the greatest numbers there are.
struct Greatest;
impl rand::rand_core::TryRng for Greatest {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> std::result::Result<u32, Self::Error> {
        Ok(u32::MAX)
    }
    fn try_next_u64(&mut self) -> std::result::Result<u64, Self::Error> {
        Ok(u64::MAX)
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Self::Error> {
        bytes.fill(u8::MAX);
        Ok(())
    }
}

/// White stays white, whatever is drawn, also where the draw is rounded to 1; and what is no number is not
/// made one, so that it is noticed.
#[test]
fn binarisation_of_what_is_certain_or_no_number() {
    let mut values = [1.0_f32, 0.0, 1.5];
    Binarize::apply(&mut values, &mut Greatest);
    assert_eq!(values, [1.0, 0.0, 1.0]);
    let mut values = [f64::NAN, f64::INFINITY, 0.0];
    Binarize::apply(&mut values, &mut seeded(1));
    assert!(values[0].is_nan() && values[1].is_infinite() && values[2] == 0.0, "{values:?}");
}

#[test]
fn pseudo_inputs_are_numbers_and_are_not_written_out() {
    let refused = VampPrior::from_samples(&Batch::from_iter([[0.1, f64::NAN]])).unwrap_err();
    assert!(matches!(refused, Error::NotFinite { feature: 1, sample: 0, .. }), "{refused:?}");
    let text = format!("{:?}", VampPrior::from_samples(&data::<f32>(500)).unwrap());
    assert_eq!(text, format!("{:?}", VampPrior::new(500).unwrap()));
    assert!(text.contains("500") && text.len() < 60, "{text}");
}

#[test]
fn a_prior_chosen_at_run_time() {
    let boxed = |vamp: bool| -> Box<dyn prior::Prior<f64>> {
        if vamp {
            Box::new(VampPrior::from_samples(&data::<f64>(4)).unwrap())
        } else {
            Box::new(mixture(3))
        }
    };
    let x = data::<f64>(5);
    let loss = |objective: Objective| {
        let model = build(objective, Box::new(SquaredError)).unwrap();
        gradcheck::model(&model, &x, 1).unwrap().assert();
        let codes = model.sample_codes(3, &mut seeded(1)).unwrap();
        (model.loss(&x).unwrap(), codes, model.parameters().to_vec())
    };
    let of = || Variational::default();
    let vamp = VampPrior::from_samples(&data::<f64>(4)).unwrap();
    assert_eq!(loss(Box::new(of().prior(boxed(true)))), loss(Box::new(of().prior(vamp))));
    assert_eq!(loss(Box::new(of().prior(boxed(false)))), loss(Box::new(of().prior(mixture(3)))));
}

/// Large logits take nothing from what is between them: −ln softmax in single precision is that in double.
#[test]
fn categories_of_large_logits() {
    let loss = Categorical::new(&[2, 2, 2]).unwrap();
    let y: [f32; 6] = [5000.0, 4990.0, -3000.0, -3000.0, 1e6, 1e6 + 1.0];
    // ln(1 + e⁻¹⁰), ln 2, ln(1 + e⁻¹)
    let expected = (-10.0_f64).exp().ln_1p() + 2.0_f64.ln() + (-1.0_f64).exp().ln_1p();
    let mut value = [f32::NAN];
    let at = loss::Compared {
        x: BatchView::new(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0], 6),
        y: BatchView::new(&y, 6),
        parameters: &[],
    };
    Loss::<f32>::values(&loss, at, &mut value);
    assert!((f64::from(value[0]) - expected).abs() < 1e-6, "{value:?}, {expected}");
    let mut shares = y;
    Loss::<f32>::reconstruct(&loss, BatchViewMut::new(&mut shares, 6));
    for pair in shares.chunks(2) {
        assert!((pair[0] + pair[1] - 1.0).abs() < 1e-6, "{shares:?}");
    }
}

/// Every objective with its priors.
fn objectives<T: Scalar>() -> Vec<Objective<T>> {
    let vae = || Variational::new(0.8).unwrap();
    let iw = |draws| ImportanceWeighted::new(draws).unwrap();
    let vamp = || VampPrior::from_samples(&data::<T>(4)).unwrap();
    let correlation = || TotalCorrelation::new(1.0, 100).unwrap();
    vec![
        Box::new(vae().draws(3).unwrap()),
        Box::new(vae().free_bits(0.4).unwrap()),
        Box::new(vae().prior(mixture(3)).draws(2).unwrap()),
        Box::new(vae().prior(vamp())),
        Box::new(iw(4)),
        Box::new(iw(3).prior(mixture(2))),
        Box::new(iw(3).prior(vamp())),
        Box::new((Binarize, vae().draws(2).unwrap(), correlation())),
        Box::new((vae(), Mmd::new(1.0).unwrap())),
    ]
}

fn likelihoods<T: Scalar>() -> Vec<Likelihood<T>> {
    vec![
        Box::new(BernoulliCrossEntropy),
        Box::new(LearnedGaussian::per_feature()),
        Box::new(Categorical::new(&[2, 4]).unwrap()),
    ]
}

/// In training too, where the same sample has the same noise wherever it stands; gradients as well.
#[test]
fn a_sample_of_weight_two_is_the_sample_twice_where_codes_are_drawn() {
    let (x, columns) = (data::<f64>(3), [0, 1, 1, 2]);
    let twice = x.select(columns);
    for objective in objectives::<f64>() {
        let name = format!("{objective:?}");
        // As many prior draws as codes: here not the same ones.
        if name.contains("Mmd") {
            continue;
        }
        let loss = LearnedGaussian::shared();
        let model = build(objective, Box::new(loss)).unwrap();
        let mut gradients = [(); 2].map(|()| vec![0.0; model.num_parameters()]);
        let [of_weighted, of_twice] = &mut gradients;
        let streams = Streams::new(4, 0, &[0, 1, 2]);
        let weights = [1.0, 2.0, 1.0];
        let weighted =
            model.objective(Examples::of(&x).weights(&weights), Some(streams), Some(of_weighted));
        let weighted = weighted.unwrap();
        let streams = Streams::new(4, 0, &columns);
        let repeated = model.objective(&twice, Some(streams), Some(of_twice)).unwrap();
        assert!((weighted.total() - repeated.total()).abs() < 1e-12, "{name}");
        let apart = gradients[0].iter().zip(&gradients[1]).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) < 1e-12, "{name}");
    }
}

/// Log-variances and logits far beyond what has a meaning, codes far from the prior, in single precision.
#[test]
fn nothing_is_infinite_in_single_precision() {
    let mut runs = 0;
    for number in 0..objectives::<f32>().len() {
        for of_loss in 0..likelihoods::<f32>().len() {
            let x = with_shares(&*likelihoods().swap_remove(of_loss), &data::<f32>(3));
            for (lv, mean, logit) in [(-1e4, 100.0, 1e4), (1e4, 0.0, -1e4), (-1e4, 0.0, -1e4)] {
                let objective = objectives().swap_remove(number);
                let name = format!("{objective:?}, {lv}, {mean}, {logit}");
                let mut model = build(objective, likelihoods().swap_remove(of_loss)).unwrap();
                let mut parameters = model.parameters().to_vec();
                for tensor in model.layout().tensors() {
                    let to = &mut parameters[tensor.range.clone()];
                    match tensor.name.as_str() {
                        "encoder.log_variance.0.bias" => to.fill(lv),
                        "encoder.mean.0.bias" => to.fill(mean),
                        "decoder.0.bias" => to.iter_mut().step_by(2).for_each(|b| *b = logit),
                        _ => {}
                    }
                }
                model.set_parameters(&parameters).unwrap();
                let mut gradient = vec![0.0; model.num_parameters()];
                let streams = Some(Streams::new(1, 0, &[]));
                let terms = model.objective(&x, streams, Some(&mut gradient)).unwrap();
                assert!(terms.total().is_finite(), "{name}: {terms:?}");
                assert!(gradient.iter().all(|d| d.is_finite()), "{name}");
                assert!(model.loss(&x).unwrap().total().is_finite(), "{name}");
                let nll = model.negative_log_likelihood(&x, 2, &mut seeded(1)).unwrap();
                assert!(nll.iter().all(|nll| nll.is_finite()), "{name}: {nll:?}");
                let elbo = model.elbo(&x, 1, &mut seeded(1)).unwrap();
                assert!(elbo.value().is_finite(), "{name}: {elbo:?}");
                runs += 1;
            }
        }
    }
    assert_eq!(runs, 9 * 3 * 3);
}

/// A posterior whose spread is below what single precision can tell apart at its mean: −ln q of a draw is still
/// on average the entropy, ½ Σ (1 + ln 2π + lv), which the rounded codes do not say.
#[test]
fn a_spread_below_the_precision_of_the_mean() {
    let (lv, mean, samples) = (-30.0_f32, 10.0_f32, 3_000);
    assert_eq!(mean + (lv / 2.0).exp(), mean);
    let objective = Box::new(ImportanceWeighted::new(1).unwrap());
    let mut model = build::<f32>(objective, Box::new(SquaredError)).unwrap();
    let mut parameters = model.parameters().to_vec();
    for tensor in model.layout().tensors() {
        let to = &mut parameters[tensor.range.clone()];
        match tensor.name.as_str() {
            "encoder.log_variance.0.weight" | "encoder.mean.0.weight" => to.fill(0.0),
            "encoder.log_variance.0.bias" => to.fill(lv),
            "encoder.mean.0.bias" => to.fill(mean),
            _ => {}
        }
    }
    model.set_parameters(&parameters).unwrap();
    let x = data::<f32>(samples);
    // −ln p(x|z) − ln p(z) at z = μ, and ln q(z|x) on average, of three units; ln 2π cancels.
    let (mean, lv) = (f64::from(mean), f64::from(lv));
    let decoder = |name| model.parameter(name).unwrap().iter().map(|&p| f64::from(p));
    let (w, b) = (Vec::from_iter(decoder("decoder.0.weight")), decoder("decoder.0.bias"));
    let y: Vec<f64> =
        b.enumerate().map(|(j, b)| b + mean * (w[j] + w[6 + j] + w[12 + j])).collect();
    let squared =
        |x: &[f32]| -> f64 { x.iter().zip(&y).map(|(&x, y)| (f64::from(x) - y).powi(2)).sum() };
    let of_loss = 0.5 * x.iter().map(squared).sum::<f64>() / samples as f64;
    let expected = of_loss + 3.0 * 0.5 * (mean * mean - 1.0 - lv);
    // Of ½ ε² the deviation is √½.
    let tolerance = 5.0 * (3.0 * 0.5 / samples as f64).sqrt();
    let nll = model.negative_log_likelihood(&x, 1, &mut seeded(1)).unwrap();
    let nll = nll.iter().sum::<f64>() / samples as f64;
    assert!((nll - expected).abs() < tolerance, "{nll}, {expected}");
    let numbers: Vec<usize> = (0..samples).collect();
    let terms = model.objective(&x, Some(Streams::new(2, 0, &numbers)), None).unwrap();
    assert!((terms.total() - expected).abs() < tolerance, "{terms}, {expected}");
}

/// What no draw explains has probability 0, and is not no number.
#[test]
fn a_likelihood_that_no_number_holds_is_infinite() {
    let model = build::<f32>(Box::new(Variational::default()), Box::new(SquaredError)).unwrap();
    let x = Batch::from_iter([[1e25_f32; 6], [0.5; 6]]);
    let nll = model.negative_log_likelihood(&x, 3, &mut seeded(1)).unwrap();
    assert!(nll[0] == f64::INFINITY && nll[1].is_finite(), "{nll:?}");
}

/// The deep model of a stack begins with the variance that its first level was trained to.
#[test]
fn a_stack_keeps_what_its_loss_has_learned() {
    let x = data::<f32>(40);
    let level = || {
        AutoEncoder::builder()
            .encoder(Dense::<6, 4>::new(Tanh))
            .decoder(Dense::<4, 6>::new(Identity))
            .loss(LearnedGaussian::per_feature())
    };
    let trainer = || Trainer::new(Adam::new(1e-2).unwrap()).epochs(5);
    let mut alone = level().build::<f32>().unwrap();
    trainer().fit(&mut alone, &x).unwrap();
    let pretrained = Stack::new(level(), trainer()).pretrain(&x).unwrap();
    let unrolled = pretrained.unroll().build::<f32>().unwrap();
    let name = "loss.log_variance";
    assert!(alone.parameter(name).unwrap().iter().all(|&lv| lv != 0.0));
    assert_eq!(unrolled.parameter(name), alone.parameter(name));
    assert_eq!(unrolled.loss(&x).unwrap(), alone.loss(&x).unwrap());
    let top = || {
        AutoEncoder::builder()
            .encoder(Dense::<4, 2>::new(Tanh))
            .decoder(Dense::<2, 4>::new(Identity))
    };
    let two = Stack::new(level(), trainer()).then(top(), trainer()).pretrain(&x).unwrap();
    let unrolled = two.unroll().build::<f32>().unwrap();
    assert_eq!(unrolled.parameter(name), alone.parameter(name));
    // Another loss begins as it says.
    let other = two.unroll().loss(LearnedGaussian::per_feature()).build::<f32>().unwrap();
    assert_eq!(other.parameter(name), Some(&[0.0; 6][..]));
}

/// Model files compare a loss by its text: where the variance began is no part of a trained model.
#[test]
fn where_a_learned_variance_began_is_not_in_its_text() {
    let text = |loss: loss::LearnedGaussian| format!("{loss:?}");
    let (shared, per_feature) =
        (loss::LearnedGaussian::shared(), loss::LearnedGaussian::per_feature());
    assert_eq!(text(shared), text(shared.starting_at(0.5).unwrap()));
    assert_ne!(text(shared), text(per_feature));
}

/// The squared error with a weight of its own, which it does not use.
#[derive(Debug, Clone)]
struct Weighted;
impl Loss<f64> for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }
    fn describe(&self) -> String {
        "Weighted".to_owned()
    }
    fn values(&self, at: loss::Compared<'_, f64>, values: &mut [f64]) {
        SquaredError.values(at, values);
    }
    fn gradient(&self, at: loss::Compared<'_, f64>, weights: &[f64], dy: BatchViewMut<'_, f64>) {
        SquaredError.gradient(at, weights, dy);
    }
    fn num_parameters(&self, _: usize) -> usize {
        1
    }
    fn layout(&self, _: usize, layout: &mut Layout, parameters: &mut [f64]) {
        layout.tensor("own", (1, 1), parameters::Role::Weight);
        parameters.fill(100.0);
    }
}

#[test]
fn weight_decay_is_of_the_weights_of_encoder_and_decoder() {
    let decay: Objective = Box::new(WeightDecay::new(0.5).unwrap());
    let model = build(decay, Box::new(Weighted)).unwrap();
    let x = Batch::from_samples(Const::<6>, [[0.3; 6], [-0.2; 6]]).unwrap();
    let of_weights = |name: &&parameters::Tensor| {
        name.role == parameters::Role::Weight && !name.name.starts_with("loss")
    };
    let weights = model.layout().tensors().iter().filter(of_weights);
    let squares = weights.flat_map(|tensor| &model.parameters()[tensor.range.clone()]);
    let expected = 0.25 * squares.map(|w| w * w).sum::<f64>();
    let found = model.objective(&x, None, None).unwrap().get("weight_decay").unwrap();
    assert!((found - expected).abs() < 1e-12 * expected, "{found} {expected}");
}
