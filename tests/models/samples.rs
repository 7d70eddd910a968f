//! Samples that are another image, or a window for an image, of as many values as the model takes: boxes hide its own from
//! the compiler, and plain features have none.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual, Threshold};
use autoencoder::corruption::Flip;
use autoencoder::data::{InMemory, Source};
use autoencoder::health::{Checkup, kl_per_unit};
use autoencoder::layer::DenseLayer;
use autoencoder::random::{Streams, seeded};
use autoencoder::size::{DynImage, DynWindow, SameSize, Size};
use autoencoder::train::Examples;
use autoencoder::units::{feature_maps, saliency_maps, top_patches};
use autoencoder::*;
use nalgebra::Dyn;

const TALL: DynImage = DynImage { channels: 3, height: 6, width: 4 };
const WIDE: DynImage = DynImage { channels: 3, height: 4, width: 6 };
const STEPS: DynWindow = DynWindow { channels: 3, steps: 24 };
const VALUES: usize = 72;

fn layer<I: Size, O: Size>(input: I, output: O) -> DenseLayer<I, O, Identity> {
    Dense::between(input, output, Identity)
}

fn samples<S: Size>(size: S) -> Batch<f64, S> {
    let values = (0..8 * VALUES).map(|k| (k as f64 * 0.37).sin());
    Batch::new(size, values.collect()).unwrap()
}

fn rows(place: &'static str) -> Error {
    Error::SizeMismatch { place, unit: "rows", expected: 4, found: 6 }
}

fn unlike(part: &'static str) -> Error {
    Error::Unfit {
        part,
        fault: "cannot be an image on one side and a window on the other: an image lies channel by channel, a window \
                step by step",
        remedy: "make both images, or both windows",
    }
}

fn trainer() -> Trainer<'static, Sgd> {
    Trainer::new(Sgd::new(0.01).unwrap()).epochs(1)
}

type Boxed = AutoEncoder<Any<f64>, Any<f64>, NoRegularizer, SquaredError, f64>;

/// A convolution of wide images in front, in a box.
fn boxed() -> Boxed {
    let planes = DynImage { channels: 2, ..WIDE };
    let body = Conv2d::between(WIDE, planes, 3, Tanh);
    let heads = || Dense::between(planes, Dyn(3), Identity);
    AutoEncoder::builder()
        .encoder(Gaussian::new(body, heads(), heads()).boxed())
        .decoder(layer(Dyn(3), WIDE).boxed())
        .build()
        .unwrap()
}

/// Each call with its name in errors, and what it refuses.
type Outcomes = Vec<(&'static str, Option<Error>)>;

fn calls_of_a_model<S: Size + SameSize<Dyn>>(x: &Batch<f64, S>) -> Outcomes {
    let (model, mut rng) = (boxed(), seeded(1));
    let (normal, plain) = (samples(WIDE), samples(Dyn(VALUES)));
    let streams = || Some(Streams::new(1, 0, &[]));
    let mut calibrated = AnomalyDetector::fit(boxed(), ScaledResidual::new(), &normal).unwrap();
    calibrated.set_threshold(Threshold::at(0.5).unwrap());
    let others: Vec<f64> = normal.as_slice().iter().map(|x| x + 0.1).collect();
    calibrated.calibrate(&Batch::new(WIDE, others).unwrap()).unwrap();
    let held_out = || Examples::of(&plain).held_out(x);
    let level = || {
        AutoEncoder::builder()
            .encoder(layer(WIDE, Dyn(2)).boxed::<f64>())
            .decoder(layer(Dyn(2), WIDE).boxed::<f64>())
    };
    let in_a_stage = |result: Result<()>| match result {
        Err(Error::Stage { stage, source }) if stage == "level 1: 72 → 2" => Some(*source),
        other => other.err(),
    };
    let stack = Stack::new(level(), trainer());
    let tuned = Stack::new(level(), trainer()).fine_tune(trainer());
    vec![
        ("fit", trainer().fit(&mut boxed(), x).err()),
        ("validation", trainer().fit(&mut boxed(), held_out()).err()),
        ("fit", in_a_stage(stack.pretrain::<f64, _>(x).map(drop))),
        ("validation", in_a_stage(tuned.fit(held_out()).map(drop))),
        ("encode", model.encode(x).err()),
        ("score", model.score(x).err()),
        ("reconstruct", model.reconstruct(x).err()),
        ("squared_jacobian", model.squared_jacobian(x).err()),
        ("loss", model.loss(x).err()),
        ("objective", model.objective(x, streams(), None).err()),
        ("objective_at", model.objective_at(model.parameters(), x, None).err()),
        ("objective", gradcheck::model(&model, x, 1).err()),
        ("elbo", model.elbo(x, 2, &mut rng).err()),
        ("negative_log_likelihood", model.negative_log_likelihood(x, 2, &mut rng).err()),
        ("aggregated_posterior", model.aggregated_posterior(x).err()),
        (
            "AnomalyDetector::fit",
            AnomalyDetector::fit(boxed(), ScaledResidual::new(), x).map(drop).err(),
        ),
        ("scores", calibrated.scores(x).err()),
        ("feature_scores", calibrated.feature_scores(x).err()),
        ("p_values", calibrated.p_values(x).err()),
        ("detect", calibrated.detect(x).err()),
        ("kl_per_unit", kl_per_unit(&model, x).err()),
        ("Checkup::of", Checkup::of(&model, x).err()),
        ("feature_maps", feature_maps(&model, x, 0).err()),
        ("top_patches", top_patches(&model, x, 0, 0, 1).map(drop).err()),
        ("saliency_maps", saliency_maps(&model, x, 0).err()),
    ]
}

fn calls_of_a_classifier<S: Size + SameSize<Dyn>>(x: &Batch<f64, S>) -> Outcomes {
    let build = || {
        let encoder = layer(WIDE, Dyn(2)).boxed::<f64>();
        AutoEncoder::builder().encoder(encoder).classes_dynamic(2).build::<f64>().unwrap()
    };
    let (classifier, labels) = (build(), [0, 1, 0, 1, 0, 1, 0, 1]);
    vec![
        ("fit", trainer().fit(&mut build(), (x, &labels)).err()),
        ("loss", classifier.loss((x, &labels)).err()),
        ("predict", classifier.predict(x).err()),
        ("probabilities", classifier.probabilities(x).err()),
        ("accuracy", classifier.accuracy(x, &labels).err()),
        ("confusion", classifier.confusion(x, &labels).err()),
        ("cross_entropy", classifier.cross_entropy(x, &labels).err()),
    ]
}

#[test]
fn other_images_are_refused_by_models_in_boxes() {
    fn all<S: Size + SameSize<Dyn>>(size: S) -> Outcomes {
        let x = samples(size);
        let mut found = calls_of_a_model(&x);
        found.extend(calls_of_a_classifier(&x));
        found
    }
    for (call, found) in all(TALL) {
        assert_eq!(found, Some(rows(call)));
    }
    for (call, found) in all(STEPS) {
        assert_eq!(found, Some(unlike(call)));
    }
    // As they are, and as plain features, of which nothing else is known.
    for (call, found) in all(WIDE).into_iter().chain(all(Dyn(VALUES))) {
        assert_eq!(found, None, "{call}");
    }
}

#[test]
fn streams_of_other_images_are_refused() {
    let (x, model) = (samples(TALL), boxed());
    let mut stream = InMemory::from(&x);
    assert_eq!(model.encode(&mut stream).unwrap_err(), rows("encode"));
    assert_eq!(trainer().fit(&mut boxed(), &mut stream).unwrap_err(), rows("fit"));
    // It is left unread.
    assert_eq!(stream.load().unwrap(), x);
}

/// Features of which only the decoder says that they are images.
#[test]
fn images_that_a_decoder_makes_are_held_against_samples() {
    let build = || {
        AutoEncoder::builder()
            .encoder(layer(Dyn(VALUES), Dyn(2)))
            .decoder(layer(Dyn(2), WIDE))
            .build::<f64>()
            .unwrap()
    };
    assert_eq!(trainer().fit(&mut build(), &samples(TALL)).unwrap_err(), rows("fit"));
    assert_eq!(build().encode(&samples(TALL)).unwrap_err(), rows("encode"));
    assert!(trainer().fit(&mut build(), &samples(WIDE)).is_ok());
}

/// A regularizer goes over images, the layers say only how many values there are, and the samples say the rest.
#[test]
fn samples_are_the_images_that_a_corruption_is_made_for() {
    let level = || {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(VALUES, 2, Identity))
            .decoder(Dense::dynamic(2, VALUES, Identity))
            .regularizer((CodeL1::new(0.1).unwrap(), Augment::new(Flip::horizontal(WIDE))))
    };
    let build = || level().build::<f64>().unwrap();
    let unit = "rows of a sample, for its images";
    let refused = Error::SizeMismatch { place: "Flip", unit, expected: 4, found: 6 };
    let (tall, wide, plain) = (samples(TALL), samples(WIDE), samples(Dyn(VALUES)));
    assert_eq!(trainer().fit(&mut build(), &tall).unwrap_err(), refused);
    let error = trainer().fit(&mut build(), &samples(STEPS)).unwrap_err();
    assert!(matches!(error, Error::Unfit { part: "Flip", .. }), "{error}");
    assert!(trainer().fit(&mut build(), &wide).is_ok());
    assert!(trainer().fit(&mut build(), &plain).is_ok());
    // Those held out are what the others are, though the model does not know it.
    let error = trainer().fit(&mut build(), Examples::of(&wide).held_out(&tall)).unwrap_err();
    assert_eq!(error, rows("validation"));
    // Where it is not corrupted, any image will do.
    let streams = || Some(Streams::new(1, 0, &[]));
    assert_eq!(build().objective(&tall, streams(), None).unwrap_err(), refused);
    assert_eq!(gradcheck::model(&build(), &tall, 1).unwrap_err(), refused);
    assert!(build().loss(&tall).is_ok());
    assert!(build().encode(&tall).is_ok());
    // In a stack.
    let stage = "level 1: 72 → 2".to_owned();
    let error = Stack::new(level(), trainer()).pretrain(&tall).unwrap_err();
    assert_eq!(error, Error::Stage { stage: stage.clone(), source: Box::new(refused) });
    let examples = Examples::of(&wide).held_out(&tall);
    let error = Stack::new(level(), trainer()).pretrain(examples).unwrap_err();
    assert_eq!(error, Error::Stage { stage, source: Box::new(rows("validation")) });
    // Another number of features is told as that.
    let few = Batch::new(DynImage { height: 5, ..TALL }, vec![0.5; 60]).unwrap();
    let error = trainer().fit(&mut build(), &few).unwrap_err();
    let features = Error::SizeMismatch { place: "fit", unit: "features", expected: 72, found: 60 };
    assert_eq!(error, features);
}
