//! The softmax classifier: gradients, labels, training, files.

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::corruption::Masking;
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::layer::{DenseLayer, Unconditioned};
use autoencoder::random::{StreamRng, Streams, seeded};
use autoencoder::regularizer::SuitedTo;
use autoencoder::*;
use nalgebra::{Const, Dyn};
use rand::RngExt;

fn data(rng: &mut StreamRng, features: usize, samples: usize) -> Batch<f64, Dyn> {
    let mut data = Batch::zeros(Dyn(features), samples);
    data.as_mut_slice().fill_with(|| rng.random_range(-1.0..1.0));
    data
}

fn check<E, R>(encoder: E, regularizer: R, classes: usize, rng: &mut StreamRng) -> GradientCheck
where
    E: Part<Input = Dyn, Output = Dyn, Condition = Unconditioned> + Layer<f64> + Clone + 'static,
    R: Regularizer<f64> + SuitedTo<E>,
{
    let mut classifier = AutoEncoder::builder()
        .encoder(encoder)
        .classes_dynamic(classes)
        .regularizer(regularizer)
        .seed(rng.random())
        .build::<f64>()
        .unwrap();
    let stirred: Vec<f64> =
        classifier.parameters().iter().map(|p| 2.0 * p + rng.random_range(-0.3..0.3)).collect();
    classifier.set_parameters(&stirred).unwrap();
    let samples = rng.random_range(1..=9);
    let x = data(rng, classifier.encoder().input().0, samples);
    let labels: Vec<usize> = (0..samples).map(|_| rng.random_range(0..classes)).collect();
    let streams = || Some(Streams::new(1, 0, &[]));
    let mut analytic = vec![0.0; classifier.num_parameters()];
    classifier.objective((&x, &labels), streams(), Some(&mut analytic)).unwrap();
    let at = classifier.parameters().to_vec();
    gradcheck::function(&at, &analytic, |parameters| {
        classifier.set_parameters(parameters).unwrap();
        classifier.objective((&x, &labels), streams(), None).unwrap().total()
    })
}

#[test]
fn gradients() {
    let mut rng = seeded(12);
    for number in 0..60 {
        let [a, b, c] = std::array::from_fn(|_| rng.random_range(1..=8));
        let classes = rng.random_range(2..=7);
        let decay = WeightDecay::new(0.3).unwrap();
        let dense = |i, o| Dense::dynamic(i, o, Tanh);
        let found = match number % 4 {
            0 => check(dense(a, b), NoRegularizer, classes, &mut rng),
            1 => check(dense(a, b).then(dense(b, c)), decay, classes, &mut rng),
            2 => {
                let masking = Denoising::new(Masking::new(0.4).unwrap());
                check(dense(a, b), (masking, decay), classes, &mut rng)
            }
            _ => {
                let gaussian = Gaussian::new(dense(a, b), dense(b, c), dense(b, c));
                check(gaussian, NoRegularizer, classes, &mut rng)
            }
        };
        assert!(found.passes(), "{number}: {found}");
    }
}

/// p − 1 at the label: without the − 1 the check must fail.
#[test]
fn a_wrong_gradient_of_the_cross_entropy_is_caught() {
    let logits = [0.3_f64, -1.0, 0.8];
    let loss = |a: &[f64]| a.iter().map(|a| a.exp()).sum::<f64>().ln() - a[1];
    let sum: f64 = logits.iter().map(|a| a.exp()).sum();
    let mut gradient = logits.map(|a| a.exp() / sum);
    assert!(!gradcheck::function(&logits, &gradient, loss).passes());
    gradient[1] -= 1.0;
    assert!(gradcheck::function(&logits, &gradient, loss).passes());
}

type Identities<const I: usize, const O: usize> = DenseLayer<Const<I>, Const<O>, Identity>;

fn three_classes() -> Classifier<Identities<2, 2>, Identities<2, 3>, NoRegularizer, f64> {
    let mut classifier = AutoEncoder::builder()
        .encoder(Dense::<2, 2>::new(Identity))
        .classes::<3>()
        .build::<f64>()
        .unwrap();
    // The code is the input; class 0 grows along the first feature, class 1 along the second, class 2
    // is where both are small.
    let encoder = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let head = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5];
    classifier.set_parameters(&[&encoder[..], &head].concat()).unwrap();
    classifier
}

#[test]
fn probabilities_are_the_softmax_of_the_logits() {
    let classifier = three_classes();
    let x = Batch::from_iter([[2.0, 1.0], [0.0, 1.0], [-1.0, -1.0], [800.0, -800.0]]);
    let probabilities = classifier.probabilities(&x).unwrap();
    let (a, b, c) = (2f64.exp(), 1f64.exp(), 0.5f64.exp());
    for (found, expected) in probabilities.sample(0).iter().zip([a, b, c]) {
        assert!((found - expected / (a + b + c)).abs() < 1e-15);
    }
    // Huge logits neither overflow nor lose the sum of 1.
    assert_eq!(probabilities.sample(3), [1.0, 0.0, 0.0]);
    for sample in probabilities.iter() {
        assert!((sample.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
    assert_eq!(classifier.predict(&x).unwrap(), [0, 1, 2, 0]);

    let labels = [0u8, 1, 1, 0];
    assert_eq!(classifier.accuracy(&x, &labels).unwrap(), 0.75);
    assert_eq!(classifier.confusion(&x, &labels).unwrap().count(1, 2), 1);
    let expected: f64 =
        probabilities.iter().zip(labels).map(|(p, k)| -p[usize::from(k)].ln()).sum::<f64>() / 4.0;
    let found = classifier.cross_entropy(&x, &labels).unwrap();
    assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    let objective = classifier.objective((&x, &labels), None, None).unwrap();
    assert!((objective.total() - expected).abs() < 1e-14);
    assert_eq!(objective.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["cross-entropy"]);
}

#[test]
fn ties_go_to_the_first_class() {
    let mut classifier = three_classes();
    classifier.set_parameters(&[0.0; 15]).unwrap();
    assert_eq!(classifier.predict(&Batch::from_iter([[1.0, 2.0]])).unwrap(), [0]);
}

#[test]
fn wrong_labels_and_sizes_are_refused() {
    let mut classifier = three_classes();
    let x = Batch::from_iter([[2.0, 1.0], [0.0, 1.0]]);
    let text = |error: Result<f64>| error.unwrap_err().to_string();
    assert_eq!(
        text(classifier.accuracy(&x, &[0u8, 3])),
        "accuracy: the label of sample 1 (counted from 0) is 3, but must be one of 3 classes, a \
         whole number from 0 to 2"
    );
    assert_eq!(text(classifier.accuracy(&x, &[0u8])), "accuracy: expected 2 labels, found 1");
    let nan = Batch::from_iter([[2.0, f64::NAN]]);
    assert!(text(classifier.accuracy(&nan, &[0u8])).starts_with("predict: feature 1 of sample 0"));
    let before = classifier.parameters().to_vec();
    let mut trainer = Trainer::new(Sgd::new(0.1).unwrap());
    let error = trainer.fit(&mut classifier, (&x, &[0u8, 7])).unwrap_err();
    assert_eq!(error, Error::Label { call: "fit", sample: 1, label: 7, classes: 3 });
    assert_eq!(classifier.parameters(), before);
    let one = AutoEncoder::builder().encoder(Dense::<2, 2>::new(Tanh)).classes::<1>();
    assert_eq!(
        one.build::<f64>().unwrap_err().to_string(),
        "Classifier classes is 1, but must be at least 2"
    );
}

/// Softmax regression on raw pixels with weight decay is convex: its minimum is scikit-learn's.
/// ```python
/// from sklearn.datasets import load_digits
/// from sklearn.linear_model import LogisticRegression
/// from sklearn.metrics import log_loss
/// d = load_digits(); X = d.data / 16; y = d.target
/// m = LogisticRegression(C=1/(0.01*1438), max_iter=100000, tol=1e-10).fit(X[:1438], y[:1438])
/// print(m.score(X[1438:], y[1438:]) * 359, log_loss(y[:1438], m.predict_proba(X[:1438])),
///       .005 * (m.coef_**2).sum(), log_loss(y[1438:], m.predict_proba(X[1438:])))
/// # 317.0 0.3924476068144666 0.319131343357962 0.5722830833359027
/// ```
#[test]
fn the_minimum_of_a_linear_classifier() {
    let digits = datasets::digits::<f64>();
    let mut classifier = AutoEncoder::builder()
        .encoder(layer::Elementwise::<64>::new(Identity))
        .classes::<10>()
        .regularizer(WeightDecay::new(0.01).unwrap())
        .build::<f64>()
        .unwrap();
    assert_eq!(classifier.num_parameters(), 650);
    let lbfgs = Lbfgs::new().objective_tolerance(0.0).unwrap().gradient_tolerance(1e-7).unwrap();
    let mut trainer = Trainer::new(lbfgs).epochs(2000);
    let report = trainer.fit(&mut classifier, (&digits.train, &digits.train_labels)).unwrap();
    assert!(matches!(report.stopped, train::StopReason::Converged(_)), "{report}");
    let terms = classifier.objective((&digits.train, &digits.train_labels), None, None).unwrap();
    let close = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    };
    close(terms.iter().next().unwrap().1, 0.3924476068);
    close(terms.total(), 0.3924476068 + 0.3191313434);
    let test = classifier.cross_entropy(&digits.test, &digits.test_labels).unwrap();
    close(test, 0.5722830833);
    let right = classifier.accuracy(&digits.test, &digits.test_labels).unwrap() * 359.0;
    assert_eq!(right.round(), 317.0);
}

#[test]
fn labels_follow_their_samples() {
    // Shuffled, with a held-out part, with weights: what is learned is only right if each sample
    // keeps its label.
    let mut rng = seeded(4);
    let sample = |_| -> [f64; 2] { std::array::from_fn(|_| rng.random_range(-1.0..1.0)) };
    let x: Batch<f64, Const<2>> = (0..300).map(sample).collect();
    let labels: Vec<u8> = x.iter().map(|x| u8::from(x[0] > x[1])).collect();
    let build = || {
        let builder = AutoEncoder::builder().encoder(Dense::<2, 4>::new(Tanh));
        builder.classes::<2>().build::<f64>().unwrap()
    };
    let mut classifier = build();
    let mut trainer = Trainer::new(Adam::new(0.05).unwrap()).epochs(30).batch_size(17);
    let report = trainer.fit(&mut classifier, (&x, &labels)).unwrap();
    assert!(classifier.accuracy(&x, &labels).unwrap() > 0.97);
    assert!(report.epochs[29].validation.is_none());

    let mut trainer = Trainer::new(Adam::new(0.05).unwrap()).epochs(30).validation_split(0.2);
    let mut split = build();
    let report = trainer.fit(&mut split, (&x, &labels)).unwrap();
    // The validation objective is that of the last 60 samples with their own labels.
    let held_out: Batch<f64, Const<2>> = x.iter().skip(240).map(|x| [x[0], x[1]]).collect();
    let expected = split.cross_entropy(&held_out, &labels[240..]).unwrap();
    let found = report.epochs[29].validation.as_ref().unwrap().total();
    assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");

    let first: Batch<f64, Const<2>> = x.iter().take(240).map(|x| [x[0], x[1]]).collect();
    let mut validated = build();
    let mut trainer = Trainer::new(Adam::new(0.05).unwrap()).epochs(30);
    let training = (&first, &labels[..240]);
    let examples = Examples::of(training).held_out((&held_out, &labels[240..]));
    let again = trainer.fit(&mut validated, examples).unwrap();
    assert_eq!(validated.parameters(), split.parameters());
    assert_eq!(again.epochs[29].validation, report.epochs[29].validation);
}

#[test]
fn a_frozen_encoder_leaves_training_to_the_head() {
    let digits = datasets::digits::<f32>();
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 20>::new(Sigmoid))
        .decoder(Dense::<20, 64>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    let mut classifier = model.classifier::<10>().build::<f32>().unwrap();
    classifier.set_encoder_frozen(true);
    let before = classifier.parameters().to_vec();
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(2);
    trainer.fit(&mut classifier, (&digits.train, &digits.train_labels)).unwrap();
    let encoder = 65 * 20;
    assert_eq!(classifier.parameters()[..encoder], before[..encoder]);
    assert_eq!(classifier.parameters()[..encoder], model.parameters()[..encoder]);
    assert_ne!(classifier.parameters()[encoder..], before[encoder..]);
}

#[test]
fn the_normalizer_of_the_model_goes_with_the_encoder() {
    let digits = datasets::digits::<f64>();
    let normalizer = Normalizer::fit(data::Normalization::Standardize, &digits.train).unwrap();
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 8>::new(Tanh))
        .decoder(Dense::<8, 64>::new(Identity))
        .normalizer(normalizer.clone())
        .build::<f64>()
        .unwrap();
    let classifier = model.classifier::<10>().build::<f64>().unwrap();
    assert_eq!(classifier.normalizer(), Some(&normalizer));
    let plain = AutoEncoder::builder().encoder(model.trained_encoder()).classes::<10>();
    let plain = plain.build::<f64>().unwrap();
    assert_eq!(plain.parameters(), classifier.parameters());
    let (a, b) = (classifier.predict(&digits.test), plain.predict(&digits.test));
    assert_ne!(a, b);
}

#[cfg(feature = "safetensors")]
#[test]
fn files_and_checkpoints() {
    use autoencoder::train::Checkpoints;
    let folder = common::Folder::new("classifier");
    let digits = datasets::digits::<f32>();
    let build = |seed| {
        let builder = AutoEncoder::builder().encoder(Dense::<64, 12>::new(Tanh)).classes::<10>();
        builder.seed(seed).build::<f32>().unwrap()
    };
    let checkpoint = folder.join("run.safetensors");
    let run = |epochs, resume| {
        let mut classifier = build(1);
        let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(epochs);
        if let Some(resume) = resume {
            trainer = trainer.checkpoints(Checkpoints::new(&checkpoint).resume(resume));
        }
        trainer.fit(&mut classifier, (&digits.train, &digits.train_labels)).unwrap();
        classifier
    };
    run(2, Some(false));
    let resumed = run(5, Some(true));
    assert_eq!(resumed.parameters(), run(5, None).parameters());

    // Other labels are another training.
    let mut other = digits.train_labels.clone();
    other.swap(0, 1);
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(6);
    trainer = trainer.checkpoints(Checkpoints::new(&checkpoint).resume(true));
    let error = trainer.fit(&mut build(1), (&digits.train, &other)).unwrap_err();
    assert!(error.to_string().contains("labels with digest"), "{error}");

    // And so are other samples, be it by one pixel.
    let mut samples = digits.train.clone();
    samples.as_mut_slice()[5] += 0.125;
    let error = trainer.fit(&mut build(1), (&samples, &digits.train_labels)).unwrap_err();
    assert!(error.to_string().contains("samples with digest"), "{error}");

    let file = folder.join("classifier.safetensors");
    resumed.save(&file).unwrap();
    assert_eq!(inspect(&file).unwrap().kind, "classifier");
    let mut loaded = build(2);
    loaded.load(&file).unwrap();
    assert_eq!(loaded.parameters(), resumed.parameters());
    let mut encoder = build(3);
    let head = encoder.parameters()[65 * 12..].to_vec();
    encoder.load_encoder(&file).unwrap();
    assert_eq!(encoder.parameters()[..65 * 12], resumed.parameters()[..65 * 12]);
    assert_eq!(encoder.parameters()[65 * 12..], head);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 12>::new(Tanh))
        .decoder(Dense::<12, 64>::new(Sigmoid))
        .build::<f32>()
        .unwrap();
    assert!(model.load(&file).is_err());
    model.load_encoder(&file).unwrap();
    assert_eq!(model.parameters()[..65 * 12], resumed.parameters()[..65 * 12]);
}
