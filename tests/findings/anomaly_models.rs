//! Anomaly detection with models of other kinds: conditional ones, classifiers, and those whose parts are chosen
//! at run time.

use allocation_counter::measure;
use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::*;
use common::sensors::close;
use nalgebra::{Const, Dyn};

fn rows() -> Batch<f64, Const<8>> {
    datasets::sensors::<f64>(640, 3).unwrap().rows
}

fn standardize() -> Normalizer {
    Normalizer::fit(Normalization::Standardize, &rows()).unwrap()
}

/// One of two kinds, in turn; 1 says of a sample that it is of the other kind.
fn kinds(samples: usize, other: usize) -> Batch<f64, Const<2>> {
    (0..samples).map(|k| if k % 2 == other { [1.0, 0.0] } else { [0.0, 1.0] }).collect()
}

/// A conditional model with a Gaussian code, which takes all scores.
macro_rules! conditional {
    () => {
        AutoEncoder::builder()
            .encoder(Conditioned::<8, 2, _>::new(Gaussian::new(
                Dense::<10, 6>::new(Tanh),
                Dense::<6, 3>::new(Identity),
                Dense::<6, 3>::new(Identity),
            )))
            .decoder(Conditioned::<3, 2, _>::new(Dense::<5, 8>::new(Identity)))
            .loss(GaussianLikelihood::new(0.3).unwrap())
            .regularizer(Variational::default())
            .normalizer(standardize())
            .build::<f64>()
            .unwrap()
    };
}

macro_rules! classifier {
    () => {
        AutoEncoder::builder()
            .encoder(Dense::<8, 3>::new(Tanh))
            .classes::<4>()
            .normalizer(standardize())
            .build::<f64>()
            .unwrap()
    };
}

type Boxed = Box<dyn AnomalyScore<f64>>;

/// Each score, whether it is for a code of one point, and whether it compares a sample with its own reconstruction
/// or that of others.
fn scores() -> Vec<(Boxed, bool, bool)> {
    let drawn = || ReconstructionProbability::new(3, 1).unwrap();
    let boxed: Boxed = Box::new(SquaredResidual);
    vec![
        (Box::new(SquaredResidual), true, true),
        (Box::new(ScaledResidual::new()), true, true),
        (Box::new(CodeDistance::new()), true, false),
        (Box::new(NearestReconstruction::new(2).unwrap()), true, true),
        (Box::new(NearestNeighbours::new(2).unwrap()), true, false),
        (Box::new(KernelDensity::new()), true, true),
        (Box::new(drawn()), false, true),
        (Box::new(Both::new(drawn().by_column(), CodeDistance::new())), false, true),
        (Box::new(Both::new(boxed, CodeDistance::new())), true, true),
    ]
}

#[test]
fn a_conditional_model_is_judged_under_the_conditions() {
    let (x, c, swapped) = (rows(), kinds(640, 0), kinds(640, 1));
    let model = conditional!();
    for (score, ..) in scores() {
        let name = score.describe();
        let reference = (&x.select(0..300), &c.select(0..300));
        let mut detector = AnomalyDetector::fit(model.clone(), score, reference).unwrap();
        detector.calibrate((&x.select(300..500), &c.select(300..500))).unwrap();
        detector.set_false_alarm_rate(0.1).unwrap();
        let all = detector.scores((&x, &c)).unwrap();
        // The condition matters to all but the distance of a row from reconstructions of other rows.
        let under_others = detector.scores((&x, &swapped)).unwrap();
        assert_eq!(all == under_others, name.starts_with("Nearest"), "{name}");
        // The same bits in other batches.
        for range in [0..1, 3..8, 100..600] {
            let few = (&x.select(range.clone()), &c.select(range.clone()));
            assert_eq!(detector.scores(few).unwrap(), all[range], "{name}");
        }
        // One row: nearly the same, without allocation.
        let (mut features, mut workspace) = ([0.0; 8], detector.workspace());
        let one = (x.sample(5), c.sample(5));
        let mut call = || detector.score_one_into(one, &mut features, &mut workspace).unwrap();
        let first = call();
        assert!(close(first, all[5]), "{name}");
        assert_eq!(measure(|| assert_eq!(call(), first)).count_total, 0, "{name}");
        assert_eq!(detector.score_one(one), Ok(first), "{name}");
        let parts = detector.feature_scores((&x, &c)).unwrap();
        assert!(features.iter().zip(parts.sample(5)).all(|(&a, &b)| close(a, b)), "{name}");

        let why = detector.explain(one).unwrap();
        assert_eq!(why.score, all[5], "{name}");
        let y = detector.model().reconstruct_one(one).unwrap();
        assert!(why.columns.iter().all(|column| column.reconstruction == y[column.feature]));
        let flags = detector.detect((&x, &c)).unwrap();
        let p_values = detector.p_values((&x, &c)).unwrap();
        assert!(flags.iter().zip(&p_values).all(|(&flag, &p)| flag == (p <= 0.1)), "{name}");

        // Too few conditions, and one of another length.
        let error = detector.scores((&x, &c.select(0..3))).unwrap_err();
        assert!(matches!(error, Error::SizeMismatch { expected: 640, found: 3, .. }), "{error}");
        let error = detector.score_one((x.sample(5), &[1.0][..])).unwrap_err();
        assert!(matches!(error, Error::SizeMismatch { expected: 2, found: 1, .. }), "{error}");
        let error = detector.score_one((x.sample(5), &[1.0, f64::NAN])).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
        assert_eq!(detector.clone().scores((&x, &c)).unwrap(), all);
    }
}

/// Distances between columns ask nothing of a model but its normalizer.
#[test]
fn a_classifier_takes_the_nearest_neighbours() {
    let (x, mut plain) = (rows(), Vec::new());
    for boxed in [false, true] {
        let score = NearestNeighbours::new(3).unwrap();
        let reference = x.select(0..300);
        plain.push(if boxed {
            let score: Boxed = Box::new(score);
            AnomalyDetector::fit(classifier!(), score, &reference).unwrap().scores(&x).unwrap()
        } else {
            AnomalyDetector::fit(classifier!(), score, &reference).unwrap().scores(&x).unwrap()
        });
    }
    let same = AutoEncoder::builder()
        .encoder(Dense::<8, 3>::new(Tanh))
        .decoder(Dense::<3, 8>::new(Identity))
        .normalizer(standardize())
        .build::<f64>()
        .unwrap();
    let score = NearestNeighbours::new(3).unwrap();
    plain.push(AnomalyDetector::fit(same, score, &x.select(0..300)).unwrap().scores(&x).unwrap());
    assert!(plain[0] == plain[1] && plain[0] == plain[2]);
}

#[test]
fn a_classifier_is_judged_by_its_code_alone() {
    let x = rows();
    let (model, reference) = (classifier!(), x.select(0..300));
    let score = CodeDistance::new();
    let mut detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
    detector.calibrate(&x.select(300..500)).unwrap();
    let all = detector.scores(&x).unwrap();
    assert!(all.iter().all(|score| score.is_finite() && *score >= 0.0));
    // That of an autoencoder with the same encoder.
    let mut same = AutoEncoder::builder()
        .encoder(Dense::<8, 3>::new(Tanh))
        .decoder(Dense::<3, 8>::new(Identity))
        .normalizer(standardize())
        .build::<f64>()
        .unwrap();
    let mut parameters = same.parameters().to_vec();
    parameters[..27].copy_from_slice(&model.parameters()[..27]);
    same.set_parameters(&parameters).unwrap();
    let other = AnomalyDetector::fit(same, CodeDistance::new(), &reference).unwrap();
    assert_eq!(other.scores(&x).unwrap(), all);
    // What is expected are medians, in the user's units.
    let mut odd = x.sample(5).to_vec();
    odd[2] += 100.0;
    let why = detector.explain(&odd).unwrap();
    assert_eq!(why.columns[0].feature, 2);
    for column in &why.columns {
        let mut values: Vec<f64> = reference.iter().map(|x| x[column.feature]).collect();
        values.sort_by(f64::total_cmp);
        assert!(close(column.reconstruction, (values[149] + values[150]) / 2.0));
    }
    // Scores that are chosen at run time are refused then, unless they look at nothing but the code.
    for (score, _, needs_reconstruction) in scores() {
        let name = score.describe();
        let fitted = AnomalyDetector::fit(model.clone(), score, &reference);
        assert_eq!(fitted.is_ok(), !needs_reconstruction, "{name}");
        if let Err(error) = fitted {
            let Error::InvalidParameter { value, .. } = error else { panic!("{error}") };
            assert_eq!(value, Number(4.0));
            assert!(error.to_string().contains("a classifier makes none"), "{error}");
        }
    }
}

#[test]
fn parts_chosen_at_run_time_are_judged_alike() {
    let x = rows().into_dynamic();
    let encoder = || Dense::dynamic(8, 3, Tanh);
    let decoder = || Dense::dynamic(3, 8, Identity);
    let typed = AutoEncoder::builder().encoder(encoder()).decoder(decoder()).build().unwrap();
    let boxed: AnyAutoEncoder<f64> = AutoEncoder::builder()
        .encoder(encoder().boxed())
        .decoder(decoder().boxed())
        .regularizer(Box::new(NoRegularizer) as Box<dyn Regularizer<f64>>)
        .loss(Box::new(SquaredError) as Box<dyn Loss<f64>>)
        .build()
        .unwrap();
    assert_eq!(typed.parameters(), boxed.parameters());
    for (score, is_for_points, _) in scores() {
        let name = score.describe();
        let of_typed = AnomalyDetector::fit(typed.clone(), score.clone(), &x).map(|d| d.scores(&x));
        let of_boxed = AnomalyDetector::fit(boxed.clone(), score, &x).map(|d| d.scores(&x));
        assert_eq!(of_typed, of_boxed, "{name}");
        assert_eq!(of_typed.is_ok(), is_for_points, "{name}");
        if let Err(error) = of_typed {
            assert!(matches!(error, Error::Unfit { .. }), "{error}");
            assert!(error.to_string().contains("ReconstructionProbability"), "{error}");
        }
    }
    // A score that types would refuse for an encoder of one point is refused when it is fitted.
    let drawn = || ReconstructionProbability::new(2, 1).unwrap();
    let error = AnomalyDetector::fit(boxed.clone(), drawn(), &x).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Unfit { .. }), "{error}");
    let detector = AnomalyDetector::fit(boxed, CodeDistance::new(), &x).unwrap();
    let error = detector.scores(&Batch::zeros(Dyn(7), 2)).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { expected: 8, found: 7, .. }), "{error}");
}

#[cfg(feature = "safetensors")]
#[test]
fn their_detectors_come_back_from_files() {
    let folder = common::Folder::new("anomaly-models");
    let path = folder.join("detector.safetensors");
    let (x, c) = (rows(), kinds(640, 0));
    let reference = x.select(0..300);
    for (score, ..) in scores() {
        let few = (&reference, &c.select(0..300));
        let detector = AnomalyDetector::fit(conditional!(), score.clone(), few).unwrap();
        detector.save(&path).unwrap();
        let loaded = AnomalyDetector::load(conditional!(), score, &path).unwrap();
        assert_eq!(loaded.scores((&x, &c)), detector.scores((&x, &c)));
    }
    let detector = AnomalyDetector::fit(classifier!(), CodeDistance::new(), &reference).unwrap();
    detector.save(&path).unwrap();
    let loaded = AnomalyDetector::load(classifier!(), CodeDistance::new(), &path).unwrap();
    assert_eq!(loaded.scores(&x), detector.scores(&x));
    assert_eq!(inspect(&path).unwrap().score, Some("CodeDistance".to_owned()));
}
