//! Models and detectors take a stream as they take a batch: the same bits, lot by lot.

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual, Threshold};
use autoencoder::data::InMemory;
use autoencoder::*;
use nalgebra::{Const, Dyn};

/// More than two lots.
const SAMPLES: usize = 9000;

fn samples() -> Batch<f64, Const<3>> {
    Batch::from_iter((0..SAMPLES).map(|k| [0.37, 0.61, 0.83].map(|by| (k as f64 * by).sin())))
}

type Narrow = layer::DenseLayer<Const<3>, Const<2>, Tanh>;
type Wide = layer::DenseLayer<Const<2>, Const<3>, Identity>;

fn model() -> AutoEncoder<Narrow, Wide, NoRegularizer, SquaredError, f64> {
    AutoEncoder::builder()
        .encoder(Dense::<3, 2>::new(Tanh))
        .decoder(Dense::<2, 3>::new(Identity))
        .build::<f64>()
        .unwrap()
}

#[test]
fn codes_and_losses_of_a_stream_are_those_of_a_batch() {
    let (x, model) = (samples(), model());
    let mut stream = InMemory::from(&x);
    assert_eq!(model.encode(&mut stream).unwrap(), model.encode(&x).unwrap());
    assert_eq!(model.score(&mut stream).unwrap(), model.score(&x).unwrap());
    // Read from its first sample on, wherever it stood; and written over what was there.
    stream.rewind().unwrap();
    stream.skip(5).unwrap();
    let mut codes = Batch::zeros(Const::<2>, SAMPLES + 1);
    model.encode_into(&mut stream, &mut codes, &mut model.workspace()).unwrap();
    assert_eq!(codes, model.encode(&x).unwrap());
}

#[test]
fn conditions_and_classes_are_streamed_in_step() {
    let x = samples();
    let conditions = Batch::from_iter((0..SAMPLES).map(|k| [(k % 3) as f64]));
    let conditional = AutoEncoder::builder()
        .encoder(Conditioned::<3, 1, _>::new(Dense::<4, 2>::new(Tanh)))
        .decoder(Conditioned::<2, 1, _>::new(Dense::<3, 3>::new(Identity)))
        .build::<f64>()
        .unwrap();
    let (mut stream, mut beside) = (InMemory::from(&x), InMemory::from(&conditions));
    let streamed = conditional.encode((&mut stream, &mut beside)).unwrap();
    assert_eq!(streamed, conditional.encode((&x, &conditions)).unwrap());

    let classifier = AutoEncoder::builder()
        .encoder(Dense::<3, 4>::new(Sigmoid))
        .classes::<3>()
        .build::<f64>()
        .unwrap();
    let labels: Vec<u8> = (0..SAMPLES).map(|k| (k % 3) as u8).collect();
    let streamed = classifier.score((&mut stream, &mut beside)).unwrap();
    assert_eq!(streamed, classifier.score((&x, &labels)).unwrap());
    // A class that is none, in the second lot.
    let wrong = Batch::from_iter((0..SAMPLES).map(|k| [if k == 5000 { 3.0 } else { 0.0 }]));
    let refused = classifier.score((&mut stream, &mut InMemory::from(&wrong))).unwrap_err();
    assert!(matches!(refused, Error::Label { sample: 5000, label: 3, .. }), "{refused}");
    let few = Batch::from_iter((0..SAMPLES - 1).map(|_| [0.0]));
    let refused = classifier.score((&mut stream, &mut InMemory::from(&few))).unwrap_err();
    assert_eq!(refused.to_string(), "score: expected 9000 labels, found 8999");
    let few = &mut InMemory::from(&few);
    let refused = conditional.encode((&mut stream, few)).unwrap_err();
    let expected = "the conditions of encode: expected 9000 conditions, found 8999";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn scores_of_a_detector_are_streamed() {
    let x = samples();
    let mut detector = AnomalyDetector::fit(model(), ScaledResidual::new(), &x).unwrap();
    let mut stream = InMemory::from(&x);
    let scores = detector.scores(&x).unwrap();
    assert_eq!(detector.scores(&mut stream).unwrap(), scores);
    detector.set_threshold(Threshold::at(scores[7]).unwrap());
    assert_eq!(detector.detect(&mut stream).unwrap(), detector.detect(&x).unwrap());
}

/// A stream that says one number of samples and gives another.
#[derive(Debug)]
struct Short(InMemory<'static, f64, Dyn>);
impl Source for Short {
    type Scalar = f64;
    type Features = Dyn;
    fn size(&self) -> Dyn {
        self.0.size()
    }
    fn samples(&self) -> usize {
        self.0.samples() + 1
    }
    fn rewind(&mut self) -> Result<()> {
        self.0.rewind()
    }
    fn read(&mut self, to: BatchViewMut<'_, f64>) -> Result<usize> {
        self.0.read(to)
    }
}

#[test]
fn what_is_wrong_in_a_stream_is_named_by_its_place() {
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(3, 2, Tanh))
        .decoder(Dense::dynamic(2, 3, Identity))
        .build::<f64>()
        .unwrap();
    let mut wrong = samples().into_vec();
    wrong[3 * 6000 + 2] = f64::NAN;
    let mut wrong = InMemory::from(Batch::new(Dyn(3), wrong).unwrap());
    for refused in [model.encode(&mut wrong).unwrap_err(), model.score(&mut wrong).unwrap_err()] {
        assert!(matches!(refused, Error::NotFinite { sample: 6000, feature: 2, .. }), "{refused}");
    }
    let mut short = Short(InMemory::from(samples().into_dynamic()));
    let refused = model.encode(&mut short).unwrap_err();
    assert!(
        matches!(refused, Error::SizeMismatch { expected: 9001, found: 9000, .. }),
        "{refused}"
    );
    let mut narrow = InMemory::from(Batch::<f64, _>::zeros(Dyn(2), 5));
    let refused = model.encode(&mut narrow).unwrap_err();
    assert!(matches!(refused, Error::SizeMismatch { expected: 3, found: 2, .. }), "{refused}");
    let mut none = InMemory::from(Batch::<f64, _>::zeros(Dyn(3), 0));
    assert_eq!(model.score(&mut none).unwrap_err(), Error::NoSamples { call: "score" });
    // What gives as much as it takes is for memory.
    let refused = model.reconstruct(&mut short).unwrap_err();
    assert_eq!(refused, Error::Stream { call: "reconstruct" });
}
