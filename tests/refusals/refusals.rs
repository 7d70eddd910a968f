//! What only run time can tell is refused with a typed error that names place and requirement, and
//! changes nothing.

use autoencoder::activation::{Elu, Identity, LeakyRelu, Relu, Sigmoid, Tanh};
use autoencoder::corruption::{Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::layer::Part;
use autoencoder::loss::{LossFor, WithInput};
use autoencoder::optimizer::{Step, Trains};
use autoencoder::random::{Streams, seeded};
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::train::schedule::{Cosine, StepDecay, Warmup};
use autoencoder::*;
use nalgebra::{Const, Dyn};

type Encoder = layer::DenseLayer<Const<4>, Const<3>, Tanh>;
type Decoder = layer::DenseLayer<Const<3>, Const<4>, Identity>;
type Plain<L = SquaredError> = AutoEncoder<Encoder, Decoder, NoRegularizer, L, f64>;

fn plain() -> Plain {
    with_loss(SquaredError)
}

fn with_loss<L>(loss: L) -> Plain<L>
where
    L: Loss<f64> + LossFor<Decoder, Target = WithInput>,
{
    AutoEncoder::builder()
        .encoder(Dense::<4, 3>::new(Tanh))
        .decoder(Dense::<3, 4>::new(Identity))
        .loss(loss)
        .build()
        .unwrap()
}

fn good() -> Batch<f64, Const<4>> {
    Batch::from_iter([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 0.8, 0.7, 0.6]])
}

fn with(row: usize, column: usize, value: f64) -> Batch<f64, Const<4>> {
    let mut batch = good();
    batch.as_mut_slice()[4 * column + row] = value;
    batch
}

fn rms() -> RmsProp {
    RmsProp::new(0.1).unwrap()
}

fn sgd() -> Sgd {
    Sgd::new(0.1).unwrap()
}

#[test]
fn values_that_are_not_finite() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (bad, mut model) = (with(2, 1, value), plain());
        let before = model.parameters().to_vec();
        let error = |call, feature, sample| Error::NotFinite {
            call,
            feature,
            sample,
            value: Number(value),
        };
        assert_eq!(model.encode(&bad).unwrap_err(), error("encode", 2, 1));
        assert_eq!(model.reconstruct(&bad).unwrap_err(), error("reconstruct", 2, 1));
        assert_eq!(model.score(&bad).unwrap_err(), error("score", 2, 1));
        assert_eq!(model.loss(&bad).unwrap_err(), error("loss", 2, 1));
        assert_eq!(model.squared_jacobian(&bad).unwrap_err(), error("squared_jacobian", 2, 1));
        assert_eq!(model.objective(&bad, None, None).unwrap_err(), error("objective", 2, 1));
        let code = Batch::from_iter([[0.0, 0.0, 0.0], [0.0, value, 0.0]]);
        assert_eq!(model.decode(&code).unwrap_err(), error("decode", 1, 1));
        let one = [0.1, value, 0.3, 0.4];
        assert_eq!(model.encode_one(&one).unwrap_err(), error("encode_one", 1, 0));
        assert_eq!(model.reconstruct_one(&one).unwrap_err(), error("reconstruct_one", 1, 0));
        assert_eq!(model.score_one(&one).unwrap_err(), error("score_one", 1, 0));
        assert_eq!(model.decode_one(&[value, 0.0, 0.0]).unwrap_err(), error("decode_one", 0, 0));
        let fit = |model: &mut Plain| Trainer::new(sgd()).fit(model, &bad).unwrap_err();
        assert_eq!(fit(&mut model), error("fit", 2, 1));
        let mut trainer = Trainer::new(sgd());
        let validated = trainer.fit(&mut model, Examples::of(&good()).held_out(&bad)).unwrap_err();
        assert_eq!(validated, error("validation", 2, 1));
        let mut parameters = before.clone();
        parameters[5] = value;
        let (call, entry, value) = ("set_parameters", "parameter", Number(value));
        let expected = Error::EntryNotFinite { call, entry, index: 5, value };
        let refused = model.set_parameters(&parameters).unwrap_err();
        assert_eq!(refused, expected);
        assert_eq!(model.parameters(), before);
    }
    let text = plain().encode(&with(2, 1, f64::NAN)).unwrap_err().to_string();
    assert_eq!(
        text,
        "encode: feature 2 of sample 1 is NaN, but must be finite (features and samples are counted from 0); where NaN \
         stands for a missing value, fit the model's normalizer by `Normalizer::fit_with_missing`"
    );
}

#[test]
fn values_outside_the_domain_of_the_loss() {
    for value in [-0.001, 1.001, -1e300] {
        let (bad, mut model) = (with(3, 2, value), with_loss(BernoulliCrossEntropy));
        let error = |call| Error::OutsideDomain {
            call,
            loss: "bernoulli_cross_entropy",
            feature: 3,
            sample: 2,
            value: Number(value),
            is_normalized: false,
            requirement: "a value in [0, 1]",
        };
        assert_eq!(model.loss(&bad).unwrap_err(), error("loss"));
        assert_eq!(model.score(&bad).unwrap_err(), error("score"));
        let before = model.parameters().to_vec();
        assert_eq!(Trainer::new(sgd()).fit(&mut model, &bad).unwrap_err(), error("fit"));
        assert_eq!(model.parameters(), before);
        // The encoder does not care what the loss is defined on.
        assert!(model.encode(&bad).is_ok());
    }
    assert!(with_loss(BernoulliCrossEntropy).loss(&with(0, 0, 1.0)).is_ok());
    assert!(with_loss(BernoulliCrossEntropy).loss(&with(0, 0, 0.0)).is_ok());
}

#[test]
fn no_samples_and_another_width() {
    let (model, none) = (plain(), Batch::zeros(Const::<4>, 0));
    assert_eq!(model.encode(&none).unwrap_err(), Error::NoSamples { call: "encode" });
    assert_eq!(model.loss(&none).unwrap_err(), Error::NoSamples { call: "loss" });
    let fit = Trainer::new(sgd()).fit(&mut plain(), &none).unwrap_err();
    assert_eq!(fit, Error::NoSamples { call: "fit" });

    let mut dynamic = AutoEncoder::builder()
        .encoder(Dense::dynamic(4, 3, Tanh))
        .decoder(Dense::dynamic(3, 4, Identity))
        .build::<f64>()
        .unwrap();
    let wide = Batch::new(Dyn(5), vec![0.5; 10]).unwrap();
    let error =
        |place, expected, found| Error::SizeMismatch { place, unit: "features", expected, found };
    assert_eq!(dynamic.encode(&wide).unwrap_err(), error("encode", 4, 5));
    assert_eq!(dynamic.score(&wide).unwrap_err(), error("score", 4, 5));
    assert_eq!(dynamic.decode(&wide).unwrap_err(), error("decode", 3, 5));
    assert_eq!(Trainer::new(sgd()).fit(&mut dynamic, &wide).unwrap_err(), error("fit", 4, 5));
    assert_eq!(dynamic.encode_one(&[0.5; 3][..]).unwrap_err(), error("encode_one", 4, 3));
    assert_eq!(dynamic.encode_one(&vec![]).unwrap_err(), error("encode_one", 4, 0));
    let short =
        dynamic.objective(&Batch::new(Dyn(4), vec![0.5; 4]).unwrap(), None, Some(&mut [0.0]));
    let error =
        Error::SizeMismatch { place: "objective", unit: "gradients", expected: 31, found: 1 };
    assert_eq!(short.unwrap_err(), error);
    assert!(dynamic.set_parameters(&[0.0]).is_err());

    let ragged = Batch::from_samples(Dyn(2), [vec![1.0, 2.0], vec![3.0]]).unwrap_err();
    let error = Error::SizeMismatch {
        place: "Batch::from_samples",
        unit: "features",
        expected: 2,
        found: 1,
    };
    assert_eq!(ragged, error);
    assert!(Batch::new(Const::<2>, vec![1.0; 3]).is_err());
    assert!(Batch::new(Dyn(0), vec![1.0; 3]).is_err());
    assert!(Batch::<f64, Const<2>>::try_from(nalgebra::DMatrix::zeros(3, 2)).is_err());
}

#[test]
fn sizes_known_at_run_time_are_compared_when_a_model_is_built() {
    let build = |encoder: (usize, usize), decoder: (usize, usize)| {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(encoder.0, encoder.1, Tanh))
            .decoder(Dense::dynamic(decoder.0, decoder.1, Identity))
            .build::<f64>()
            .map(|_| ())
    };
    let error = |place, unit, expected, found| Error::SizeMismatch { place, unit, expected, found };
    assert_eq!(build((4, 3), (3, 4)), Ok(()));
    assert_eq!(build((4, 3), (2, 4)), Err(error("the decoder's input", "code units", 3, 2)));
    assert_eq!(build((4, 3), (3, 5)), Err(error("the decoder's output", "features", 4, 5)));
    for sizes in [((0, 3), (3, 0)), ((4, 0), (0, 4))] {
        assert!(matches!(build(sizes.0, sizes.1), Err(Error::InvalidParameter { .. })));
    }
    let chain = AutoEncoder::builder()
        .encoder(Dense::dynamic(4, 6, Tanh).then(Dense::dynamic(5, 3, Tanh)))
        .decoder(Dense::dynamic(3, 4, Identity))
        .build::<f64>();
    let place = "inputs of the next layer of a chain";
    assert_eq!(chain.map(|_| ()), Err(error(place, "units", 6, 5)));
    let heads = |mean: (usize, usize), log_variance: (usize, usize)| {
        let head = |sizes: (usize, usize)| Dense::dynamic(sizes.0, sizes.1, Identity);
        AutoEncoder::builder()
            .encoder(Gaussian::new(Dense::dynamic(4, 6, Relu), head(mean), head(log_variance)))
            .decoder(Dense::dynamic(3, 4, Identity))
            .build::<f64>()
            .map(|_| ())
    };
    assert_eq!(heads((6, 3), (6, 3)), Ok(()));
    let place = "inputs of the Gaussian's mean head";
    assert_eq!(heads((5, 3), (6, 3)), Err(error(place, "units", 6, 5)));
    let place = "inputs of the Gaussian's log-variance head";
    assert_eq!(heads((6, 3), (5, 3)), Err(error(place, "units", 6, 5)));
    let place = "outputs of the Gaussian's log-variance head";
    assert_eq!(heads((6, 3), (6, 2)), Err(error(place, "code units", 3, 2)));
}

/// What every parameter refuses; NaN and the infinities are added to each.
#[test]
fn parameters_out_of_range() {
    type Make = fn(f64) -> Result<()>;
    let table: &[(&str, Make, &[f64], &[f64])] = &[
        (
            "SparseKl target",
            |v| SparseKl::new(v, 1.0).map(drop),
            &[0.0, -0.0, 1.0, -0.1, 1.1],
            &[1e-9, 0.999],
        ),
        ("SparseKl weight", |v| SparseKl::new(0.1, v).map(drop), &[-0.0, -1.0], &[0.0, 3.0]),
        (
            "SparseKl running decay",
            |v| SparseKl::new(0.1, 1.0)?.running(v).map(drop),
            &[-0.0, -0.1, 1.0],
            &[0.0, 0.99],
        ),
        ("Contractive weight", |v| Contractive::new(v).map(drop), &[-0.0, -1.0], &[0.0, 0.1]),
        ("Variational beta", |v| Variational::new(v).map(drop), &[-0.0, -1.0], &[0.0, 4.0]),
        ("WeightDecay weight", |v| WeightDecay::new(v).map(drop), &[-0.0, -1.0], &[0.0, 0.1]),
        ("CodeL1 weight", |v| CodeL1::new(v).map(drop), &[-0.0, -1.0], &[0.0, 0.1]),
        ("Gaussian corruption sd", |v| GaussianNoise::new(v).map(drop), &[0.0, -0.0, -1.0], &[0.1]),
        ("Masking fraction", |v| Masking::new(v).map(drop), &[-0.0, -0.1, 1.1], &[0.0, 1.0]),
        (
            "SaltAndPepper fraction",
            |v| SaltAndPepper::new(v).map(drop),
            &[-0.0, -0.1, 1.1],
            &[0.0, 1.0],
        ),
        (
            "SaltAndPepper low",
            |v| SaltAndPepper::new(0.1)?.values(v, f64::MAX).map(drop),
            &[],
            &[-5.0],
        ),
        (
            "SaltAndPepper high",
            |v| SaltAndPepper::new(0.1)?.values(0.5, v).map(drop),
            &[0.5, 0.4],
            &[0.6],
        ),
        ("Huber delta", |v| Huber::new(v).map(drop), &[0.0, -0.0, -1.0], &[0.5]),
        ("LeakyRelu slope", |v| LeakyRelu::new(v).map(drop), &[0.0, -0.0, 1.0, -0.1], &[0.1]),
        ("Elu scale", |v| Elu::new(v).map(drop), &[0.0, -0.0, -1.0], &[2.0]),
        ("Sgd rate", |v| Sgd::new(v).map(drop), &[0.0, -0.0, -1.0], &[0.1]),
        ("Sgd momentum", |v| sgd().momentum(v).map(drop), &[-0.0, -0.1, 1.0], &[0.0, 0.9]),
        ("Sgd momentum", |v| sgd().nesterov(v).map(drop), &[-0.0, -0.1, 1.0], &[0.0, 0.9]),
        ("Sgd weight_decay", |v| sgd().weight_decay(v).map(drop), &[-0.0, -0.1], &[0.0, 0.1]),
        (
            "Sgd momentum",
            |v| sgd().momentum_schedule(v).map(drop),
            &[-0.0, -0.1, 1.0],
            &[0.0, 0.99],
        ),
        (
            "Sgd momentum",
            |v| sgd().nesterov_schedule(v).map(drop),
            &[-0.0, -0.1, 1.0],
            &[0.0, 0.99],
        ),
        (
            "Sgd late momentum",
            |v| sgd().at_most_from(9, v).map(drop),
            &[-0.0, -0.1, 1.0],
            &[0.0, 0.9],
        ),
        ("RmsProp rate", |v| RmsProp::new(v).map(drop), &[0.0, -0.0, -1.0], &[0.1]),
        ("RmsProp decay", |v| rms().decay(v).map(drop), &[-0.0, -0.1, 1.0], &[0.0, 0.9]),
        ("RmsProp epsilon", |v| rms().epsilon(v).map(drop), &[0.0, -0.0, -1.0], &[1e-8]),
        ("RmsProp momentum", |v| rms().momentum(v).map(drop), &[-0.0, -0.1, 1.0], &[0.0, 0.9]),
        ("RmsProp weight_decay", |v| rms().weight_decay(v).map(drop), &[-0.0, -0.1], &[0.0, 0.1]),
        (
            "Sparse scale",
            |v| init::Sparse::default().scale(v).map(drop),
            &[0.0, -0.0, -1.0],
            &[0.5],
        ),
        ("Adam rate", |v| Adam::new(v).map(drop), &[0.0, -0.0, -1.0], &[0.1]),
        (
            "Adam beta1",
            |v| Adam::new(0.1)?.betas(v, 0.9).map(drop),
            &[-0.0, -0.1, 1.0],
            &[0.0, 0.9],
        ),
        (
            "Adam beta2",
            |v| Adam::new(0.1)?.betas(0.9, v).map(drop),
            &[-0.0, -0.1, 1.0],
            &[0.0, 0.9],
        ),
        ("Adam epsilon", |v| Adam::new(0.1)?.epsilon(v).map(drop), &[0.0, -0.0, -1.0], &[1e-8]),
        ("AdamW rate", |v| AdamW::new(v, 0.1).map(drop), &[0.0, -0.0, -1.0], &[0.1]),
        ("AdamW decay", |v| AdamW::new(0.1, v).map(drop), &[-0.0, -1.0], &[0.0, 0.1]),
        (
            "StepDecay factor",
            |v| StepDecay::new(1, v).map(drop),
            &[0.0, -0.0, 1.1, -1.0],
            &[0.5, 1.0],
        ),
        ("Cosine floor", |v| Cosine::new(v).map(drop), &[-0.0, -0.1, 1.1], &[0.0, 1.0]),
        (
            "EarlyStopping min_delta",
            |v| EarlyStopping::new(1)?.min_delta(v).map(drop),
            &[-0.0, -1.0],
            &[0.0, 0.1],
        ),
        ("Gaussian clamp low", |v| heads().clamp(v, 20.0).map(drop), &[-81.0, 81.0], &[-30.0]),
        (
            "Gaussian clamp high",
            |v| heads().clamp(-30.0, v).map(drop),
            &[81.0, -30.0, -40.0],
            &[0.0],
        ),
        ("Trainer clip_norm", |v| fit(|trainer| trainer.clip_norm(v)), &[0.0, -0.0, -1.0], &[0.5]),
        (
            "Trainer validation_split",
            |v| fit(|trainer| trainer.validation_split(v)),
            &[0.0, -0.0, 1.0, -0.1],
            &[0.3],
        ),
    ];
    for &(name, make, refused, accepted) in table {
        for &value in refused.iter().chain(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]) {
            match make(value) {
                Err(Error::InvalidParameter { name: named, value: found, requirement }) => {
                    assert_eq!((named, found), (name, Number(value)));
                    assert!(!requirement.is_empty());
                }
                other => panic!("{name} = {value:?}: {other:?}"),
            }
        }
        for &value in accepted {
            assert_eq!(make(value), Ok(()), "{name} = {value:?}");
        }
    }
    let text = SparseKl::new(-0.0, 1.0).unwrap_err().to_string();
    assert_eq!(text, "SparseKl target is -0.0, but must be in (0, 1)");
}

type Head = layer::DenseLayer<Const<5>, Const<2>, Identity>;
fn heads() -> Gaussian<layer::DenseLayer<Const<4>, Const<5>, Tanh>, Head, Head> {
    Gaussian::new(
        Dense::<4, 5>::new(Tanh),
        Dense::<5, 2>::new(Identity),
        Dense::<5, 2>::new(Identity),
    )
}

/// Fits with one setting changed; a refusal must leave the model as it was.
fn fit(set: impl FnOnce(Trainer<'static, Sgd>) -> Trainer<'static, Sgd>) -> Result<()> {
    let mut model = plain();
    let before = model.parameters().to_vec();
    let result = set(Trainer::new(sgd())).fit(&mut model, &good()).map(drop);
    assert_eq!(result.is_err(), model.parameters() == before);
    result
}

#[test]
fn counts_of_zero() {
    let error =
        |name| Err(Error::InvalidParameter { name, value: Number(0.0), requirement: "at least 1" });
    assert_eq!(fit(|trainer| trainer.epochs(0)), error("Trainer epochs"));
    assert_eq!(fit(|trainer| trainer.batch_size(0)), error("Trainer batch_size"));
    assert_eq!(EarlyStopping::new(0).map(drop), error("EarlyStopping patience"));
    assert_eq!(StepDecay::new(0, 0.5).map(drop), error("StepDecay epochs"));
    let constant = train::schedule::Constant;
    assert_eq!(Warmup::new(0, constant).map(drop), error("Warmup steps"));
    let contractive = Contractive::new(0.1).unwrap();
    assert_eq!(contractive.hutchinson(0).map(drop), error("Contractive directions"));
    let model = AutoEncoder::builder()
        .encoder(heads())
        .decoder(Dense::<2, 4>::new(Identity))
        .build::<f64>()
        .unwrap();
    let rng = &mut seeded(1);
    assert_eq!(model.sample(0, rng).map(drop), error("number of samples to draw"));
    assert_eq!(model.elbo(&good(), 0, rng).map(drop), error("elbo draws"));
    let bad = with(1, 0, f64::NAN);
    assert!(matches!(
        model.elbo(&bad, 1, rng),
        Err(Error::NotFinite { call: "elbo", feature: 1, sample: 0, .. })
    ));
}

#[test]
fn validation_samples_and_a_split_at_once() {
    let mut model = plain();
    let mut trainer = Trainer::new(sgd()).validation_split(0.5);
    let error = trainer.fit(&mut model, Examples::of(&good()).held_out(&good())).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "Trainer validation_split", .. }));
    // A single sample cannot be split.
    let one = good().select([0]);
    let error = Trainer::new(sgd()).validation_split(0.5).fit(&mut model, &one).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "samples to split", .. }));
}

#[test]
fn a_diverging_training_stops_and_keeps_the_last_finite_parameters() {
    let run = |epochs: usize| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Identity))
            .decoder(Dense::<3, 4>::new(Identity))
            .build::<f64>()
            .unwrap();
        let mut steps = 0;
        let result = Trainer::new(Sgd::new(1e3).unwrap())
            .epochs(epochs)
            .batch_size(3)
            .observer(|event: &train::Event<'_>| {
                steps += usize::from(matches!(event, train::Event::Batch(_)));
            })
            .fit(&mut model, &good());
        (result, model.parameters().to_vec(), steps)
    };
    let (result, parameters, steps) = run(1000);
    let Err(Error::Diverged { epoch, batch, quantity, .. }) = result else {
        panic!("a rate of 1000 must diverge");
    };
    assert_eq!((epoch, batch), (steps + 1, 1), "one batch an epoch, all of them told before");
    assert!(!quantity.is_empty());
    assert!(parameters.iter().all(|p| p.is_finite()));
    // The same training that ends one step earlier gives the same parameters.
    let (result, expected, _) = run(epoch - 1);
    assert!(result.is_ok());
    assert_eq!(parameters, expected);
}

/// Gives back something that is not finite, after some good steps.
#[derive(Debug)]
struct Poisoned(f64);
impl Trains for Poisoned {}
impl Optimizer<f64> for Poisoned {
    fn describe(&self) -> String {
        format!("Poisoned({:?})", self.0)
    }
    fn rate(&self) -> f64 {
        0.1
    }
    fn states(&self) -> usize {
        0
    }
    fn step(&self, step: &Step, parameters: &[f64], _: &mut [f64], gradient: &mut [f64]) {
        for (g, p) in gradient.iter_mut().zip(parameters) {
            *g = p - step.rate * *g;
        }
        if step.number == 3 {
            gradient[0] = self.0;
        }
    }
}

#[test]
fn a_poisoned_step_is_caught_in_the_same_step() {
    for poison in [f64::NAN, f64::INFINITY] {
        let (mut model, mut expected) = (plain(), plain());
        let error = Trainer::new(Poisoned(poison)).batch_size(1).fit(&mut model, &good());
        let quantity = "the parameters after the step".to_owned();
        let outlier = None;
        assert_eq!(error.unwrap_err(), Error::Diverged { epoch: 1, batch: 3, quantity, outlier });
        // Two good steps were taken.
        let mut steps = Trainer::new(Poisoned(poison)).batch_size(1);
        let _ = steps.fit(&mut expected, &good());
        assert_eq!(model.parameters(), expected.parameters());
        assert!(model.parameters().iter().all(|p| p.is_finite()));
        assert_ne!(model.parameters(), plain().parameters());
    }
}

/// A loss or a penalty that is not a number.
#[derive(Debug, Clone)]
struct NotANumber;
impl<E: Part> SuitedTo<E> for NotANumber {}
impl<T: Float> Regularizer<T> for NotANumber {
    fn describe(&self) -> String {
        "NotANumber".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::nothing()
    }
    fn penalty(
        &self,
        _: &Encoded<'_, T>,
        _: Option<&mut PenaltyGradient<'_, T>>,
        _: &mut [T],
        terms: &mut Terms,
    ) {
        terms.add("not_a_number", f64::NAN);
    }
}

#[test]
fn a_term_that_is_not_finite_is_named() {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<4, 3>::new(Sigmoid))
        .decoder(Dense::<3, 4>::new(Identity))
        .regularizer((SparseKl::new(0.1, 1.0).unwrap(), NotANumber))
        .build::<f64>()
        .unwrap();
    let before = model.parameters().to_vec();
    let error = Trainer::new(sgd()).fit(&mut model, &good()).unwrap_err();
    let quantity = "the term `not_a_number`".to_owned();
    assert_eq!(error, Error::Diverged { epoch: 1, batch: 1, quantity, outlier: None });
    assert_eq!(model.parameters(), before);
    // Outside training it is a value like any other.
    assert!(
        model.objective(&good(), Some(Streams::new(0, 0, &[])), None).unwrap().total().is_nan()
    );
}

/// A loss whose type says that it compares with the input, and that then asks for a class.
#[derive(Debug, Clone)]
struct Undecided;
impl<D: Part> LossFor<D> for Undecided {
    type Target = WithInput;
}
impl Loss<f64> for Undecided {
    fn name(&self) -> &'static str {
        "undecided"
    }
    fn describe(&self) -> String {
        "Undecided".to_owned()
    }
    fn target(&self) -> loss::Target {
        loss::Target::Class
    }
    fn values(&self, _at: loss::Compared<'_, f64>, values: &mut [f64]) {
        values.fill(0.0);
    }
    fn gradient(
        &self,
        _at: loss::Compared<'_, f64>,
        _weights: &[f64],
        mut dy: BatchViewMut<'_, f64>,
    ) {
        dy.as_mut_slice().fill(0.0);
    }
}

#[test]
fn a_loss_that_names_two_targets() {
    let builder = AutoEncoder::builder().encoder(Dense::<4, 3>::new(Tanh));
    let builder = builder.decoder(Dense::<3, 4>::new(Identity)).loss(Undecided);
    let expected = "the number of targets that `Loss::target` and `LossFor::Target` name is 2, but must \
                    be 1: both say the same";
    assert_eq!(builder.build::<f64>().unwrap_err().to_string(), expected);
}

/// A regularizer around another that passes on everything but its parts.
#[derive(Debug, Clone)]
struct Around<R>(R);
impl<E, R: SuitedTo<E>> SuitedTo<E> for Around<R> {}
impl<R: Regularizer<f64> + Clone + 'static> Regularizer<f64> for Around<R> {
    fn describe(&self) -> String {
        self.0.describe()
    }
    fn needs(&self, facts: &Facts) -> Needs {
        self.0.needs(facts)
    }
    fn check(&self, facts: &Facts) -> Result<()> {
        self.0.check(facts)
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        gradient: Option<&mut PenaltyGradient<'_, f64>>,
        scratch: &mut [f64],
        terms: &mut Terms,
    ) {
        self.0.penalty(at, gradient, scratch, terms);
    }
}

#[test]
fn a_combination_whose_parts_are_not_passed_on() {
    let decay = WeightDecay::new(0.1).unwrap();
    let build = |regularizer: Box<dyn Regularizer<f64>>| {
        let builder = AutoEncoder::builder().encoder(Dense::<4, 3>::new(Tanh));
        let builder = builder.decoder(Dense::<3, 4>::new(Identity));
        builder.regularizer(regularizer).build::<f64>().map(|model| model.loss(&good()).unwrap())
    };
    assert!(build(Box::new(Around(decay))).unwrap().get("weight_decay").is_some());
    let expected = "a regularizer around others that does not say its `parts` would hide what they do: put \
                    what is added beside them, in a tuple";
    assert_eq!(build(Box::new(Around((decay,)))).unwrap_err().to_string(), expected);
    assert_eq!(build(Box::new(vec![Around(vec![decay])])).unwrap_err().to_string(), expected);
}
