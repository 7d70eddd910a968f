//! Files of detectors: what comes back, and what is refused.

use std::fs;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::layer::DenseLayer;
use autoencoder::*;
use common::Folder;
use nalgebra::Const;

type Enc = DenseLayer<Const<8>, Const<3>, Tanh>;
type Dec = DenseLayer<Const<3>, Const<8>, Identity>;
type Model = AutoEncoder<Enc, Dec>;

fn build(seed: u64, normalizer: Option<Normalizer>) -> Model {
    let builder = AutoEncoder::builder()
        .encoder(Dense::<8, 3>::new(Tanh))
        .decoder(Dense::<3, 8>::new(Identity))
        .seed(seed);
    match normalizer {
        Some(normalizer) => builder.normalizer(normalizer).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn rows() -> Batch<f32, Const<8>> {
    datasets::sensors(120, 1).unwrap().normal()
}

fn model() -> Model {
    build(1, Some(Normalizer::fit(Normalization::Standardize, &rows()).unwrap()))
}

type Make = fn() -> Box<dyn AnomalyScore<f32>>;

fn scores_to_try() -> Vec<Make> {
    vec![
        || Box::new(SquaredResidual),
        || Box::new(ScaledResidual::new()),
        || Box::new(ScaledResidual::new().by_deviation().floor(0.5).unwrap()),
        || Box::new(CodeDistance::new()),
        || Box::new(NearestReconstruction::new(2).unwrap()),
        || Box::new(NearestNeighbours::new(2).unwrap()),
        || Box::new(NearestNeighbours::new(1).unwrap().by_sizes()),
        || Box::new(KernelDensity::new()),
        || Box::new(KernelDensity::new().residual_weight(0.0).unwrap()),
        || {
            let nearest = NearestReconstruction::new(1).unwrap();
            let inner = Both::new(ScaledResidual::new(), nearest).weights(2.0, 1.0).unwrap();
            Box::new(Both::new(inner, CodeDistance::new()))
        },
    ]
}

/// Blocks of single samples too, some of which the score was fitted to.
#[test]
fn blocks_that_share_samples_come_back() {
    let folder = Folder::new("anomaly-blocks");
    let path = folder.join("detector.safetensors");
    let x = rows();
    for length in [1, 2] {
        let mut detector =
            AnomalyDetector::fit(model(), SquaredResidual, &x.select(0..60)).unwrap();
        let blocks: Vec<_> = (0..20).map(|k| 50 + 2 * k..50 + 2 * k + length).collect();
        detector.calibrate_blocks(&x, &blocks).unwrap();
        assert_eq!(detector.shared_samples(), 5 * length);
        detector.save(&path).unwrap();
        let loaded = AnomalyDetector::load(build(2, None), SquaredResidual, &path).unwrap();
        assert_eq!(loaded.conformal(), detector.conformal());
        assert_eq!(loaded.to_string(), detector.to_string());
    }
}

#[test]
fn a_detector_comes_back_bit_for_bit() {
    let folder = Folder::new("anomaly-files");
    let (path, again) = (folder.join("detector.safetensors"), folder.join("again.safetensors"));
    let x = rows();
    for make in scores_to_try() {
        for (is_calibrated, has_threshold) in [(false, false), (true, false), (true, true)] {
            let mut detector = AnomalyDetector::fit(model(), make(), &x.select(0..60)).unwrap();
            if is_calibrated && has_threshold {
                let blocks: Vec<_> = (0..13).map(|block| 3 * block..3 * block + 3).collect();
                detector.calibrate_blocks(&x.select(60..100), &blocks).unwrap();
            } else if is_calibrated {
                detector.calibrate(&x.select(60..100)).unwrap();
            }
            if has_threshold {
                detector.set_false_alarm_rate(0.1).unwrap();
            }
            detector.save(&path).unwrap();
            let loaded = AnomalyDetector::load(build(2, None), make(), &path).unwrap();
            assert_eq!(loaded.scores(&x), detector.scores(&x));
            assert_eq!(loaded.conformal(), detector.conformal());
            assert_eq!(loaded.conformal().is_some(), is_calibrated);
            assert_eq!(loaded.to_string(), detector.to_string());
            assert_eq!(loaded.threshold(), detector.threshold());
            assert_eq!(loaded.explain(x.sample(3)), detector.explain(x.sample(3)));
            loaded.save(&again).unwrap();
            assert!(fs::read(&path).unwrap() == fs::read(&again).unwrap());

            let description = inspect(&path).unwrap();
            assert_eq!(description.kind, "detector");
            assert_eq!(description.score, Some(make().describe()));
            assert!(description.to_string().ends_with(&make().describe()));
        }
    }
    // The model alone.
    let mut alone = build(3, None);
    alone.load(&path).unwrap();
    assert_eq!(alone.encode(&x), model().encode(&x));
}

#[test]
fn deviations_of_columns_are_in_the_file() {
    let folder = Folder::new("anomaly-by-column");
    let path = folder.join("detector.safetensors");
    let x = rows();
    let build = |seed| {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::<8, 6>::new(Tanh),
                Dense::<6, 3>::new(Identity),
                Dense::<6, 3>::new(Identity),
            ))
            .decoder(Dense::<3, 8>::new(Identity))
            .normalizer(Normalizer::fit(Normalization::Standardize, &rows()).unwrap())
            .seed(seed)
            .build::<f32>()
            .unwrap()
    };
    let plain = || ReconstructionProbability::new(4, 9).unwrap();
    let fitted = AnomalyDetector::fit(build(1), plain().by_column(), &x.select(0..60)).unwrap();
    fitted.save(&path).unwrap();
    let loaded = AnomalyDetector::load(build(2), plain().by_column(), &path).unwrap();
    assert_eq!(loaded.score_function(), fitted.score_function());
    assert_eq!(loaded.scores(&x), fitted.scores(&x));
    assert_eq!(loaded.explain(x.sample(3)), fitted.explain(x.sample(3)));
    let refused = AnomalyDetector::load(build(2), plain(), &path).unwrap_err();
    let Error::DoesNotFit { expected, found, .. } = refused else { panic!("{refused}") };
    assert_eq!(expected, "ReconstructionProbability(4, seed 9)");
    assert_eq!(found, "ReconstructionProbability(4, seed 9, by column)");
    // Without, nothing of its own is in the file.
    AnomalyDetector::fit(build(1), plain(), &x).unwrap().save(&path).unwrap();
    let loaded = AnomalyDetector::load(build(2), plain(), &path).unwrap();
    assert!(loaded.score_function().variances().is_empty());
    for (variances, is_good) in [
        (vec![1.0; 8], true),
        (vec![1.0; 7], false),
        (vec![], false),
        ([vec![1.0; 7], vec![0.0]].concat(), false),
        ([vec![1.0; 7], vec![-1.0]].concat(), false),
    ] {
        let describe = AnomalyScore::<f32>::describe(&plain().by_column());
        let liar = Liar(describe, Numbers::new().with("variances", variances));
        AnomalyDetector::fit(build(1), liar, &x).unwrap().save(&path).unwrap();
        let loaded = AnomalyDetector::load(build(2), plain().by_column(), &path);
        assert_eq!(loaded.is_ok(), is_good);
    }
}

fn refusal(make: Make, path: &std::path::Path) -> Error {
    AnomalyDetector::load(build(2, None), make(), path).unwrap_err()
}

#[test]
fn a_file_without_that_detector_is_refused() {
    let folder = Folder::new("anomaly-refused");
    let path = folder.join("a.safetensors");
    let does_not_fit = |what: &str, expected: &str, found: &str| Error::DoesNotFit {
        path: folder.join("a.safetensors"),
        what: what.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
        remedy: None,
    };
    model().save(&path).unwrap();
    let refused = refusal(|| Box::new(SquaredResidual), &path);
    assert_eq!(refused, does_not_fit("the kind of file", "detector", "model"));
    assert_eq!(inspect(&path).unwrap().score, None);

    let fitted = AnomalyDetector::fit(model(), ScaledResidual::new(), &rows()).unwrap();
    fitted.save(&path).unwrap();
    let refused = refusal(|| Box::new(ScaledResidual::new().by_deviation()), &path);
    let (expected, found) =
        ("ScaledResidual(deviation, floor 0.05)", "ScaledResidual(robust, floor 0.05)");
    assert_eq!(refused, does_not_fit("the anomaly score", expected, found));
    let other = AutoEncoder::builder()
        .encoder(Dense::<8, 3>::new(Identity))
        .decoder(Dense::<3, 8>::new(Identity))
        .build::<f32>()
        .unwrap();
    let refused = AnomalyDetector::load(other, ScaledResidual::new(), &path).unwrap_err();
    assert!(matches!(refused, Error::DoesNotFit { what, .. } if what == "the architecture"));

    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let refused = refusal(|| Box::new(ScaledResidual::new()), &path);
    assert_eq!(refused, Error::Damaged { path: path.clone(), problem: Problem::Digest });
    fs::remove_file(&path).unwrap();
    assert!(matches!(refusal(|| Box::new(SquaredResidual), &path), Error::File { .. }));
}

/// Says to be another score, with numbers that one would not have fitted.
#[derive(Debug, Clone)]
struct Liar(String, Numbers);
impl<E: Part, M: Reconstructs> ScoreFor<E, M> for Liar {}
impl<T: Float> AnomalyScore<T> for Liar {
    fn describe(&self) -> String {
        self.0.clone()
    }
    fn score(&self, _: &Seen<'_, T>, features: &mut [f64], _: &mut [f64]) -> f64 {
        features.fill(0.0);
        1.0
    }
    fn numbers(&self) -> Numbers {
        self.1.clone()
    }
}

#[test]
fn numbers_that_no_score_has_fitted_are_refused() {
    let folder = Folder::new("anomaly-hostile");
    let path = folder.join("liar.safetensors");
    let numbers = Numbers::new;
    let (eight, nine) = ([1.0; 8], [1.0; 9]);
    let mut diagonal = nine;
    diagonal[4] = -1.0;
    let mut zero = eight;
    zero[7] = 0.0;
    let scaled: Make = || Box::new(ScaledResidual::new());
    let code: Make = || Box::new(CodeDistance::new());
    let nearest: Make = || Box::new(NearestReconstruction::new(1).unwrap());
    let neighbours: Make = || Box::new(NearestNeighbours::new(1).unwrap());
    let density: Make = || Box::new(KernelDensity::new());
    let of = |d: f64, widths: &[f64], shares: &[f64]| {
        let points: Vec<f64> = (0..32).map(f64::from).collect();
        let numbers = numbers().with("points", points).with("dimensions", [d]);
        numbers.with("widths", widths).with("shares", shares)
    };
    let both: Make = || Box::new(Both::new(SquaredResidual, ScaledResidual::new()));
    let good = numbers().with("centre", eight).with("spread", eight);
    let cases: Vec<(Make, Numbers, bool)> = vec![
        (scaled, good.clone(), true),
        (scaled, numbers(), false),
        (scaled, numbers().with("centre", eight).with("spread", [1.0; 7]), false),
        (scaled, numbers().with("centre", nine).with("spread", nine), false),
        (scaled, numbers().with("centre", eight).with("spread", zero), false),
        (code, numbers().with("mean", [1.0; 3]).with("factor", nine), true),
        (code, numbers().with("mean", [1.0; 3]).with("factor", diagonal), false),
        (code, numbers().with("mean", [1.0; 3]).with("factor", eight), false),
        (code, numbers().with("mean", [1.0; 4]).with("factor", [1.0; 16]), false),
        (nearest, numbers().with("reconstructions", [1.0; 16]), true),
        (nearest, numbers().with("reconstructions", eight), false),
        (nearest, numbers().with("reconstructions", [1.0; 17]), false),
        (nearest, numbers(), false),
        (neighbours, numbers().with("samples", [1.0; 16]), true),
        (neighbours, numbers().with("samples", eight), false),
        (neighbours, numbers().with("samples", [1.0; 17]), false),
        (neighbours, numbers(), false),
        (density, of(8.0, &[0.5, 1.0], &[0.25, 0.75]), true),
        (density, of(8.0, &[0.5, 1.0], &[0.25, 0.25]), false),
        (density, of(8.0, &[0.5, 1.0], &[1.0]), false),
        (density, of(8.0, &[0.5, 1.0], &[1.0, 0.0]), false),
        (density, of(8.0, &[1.0, 0.5], &[0.25, 0.75]), false),
        (density, of(8.0, &[0.0, 0.5], &[0.25, 0.75]), false),
        (density, of(8.0, &[1e200], &[1.0]), false),
        (density, of(8.0, &[], &[]), false),
        (density, of(9.0, &[1.0], &[1.0]), false),
        (density, of(0.5, &[1.0], &[1.0]), false),
        (density, of(8.0, &[1.0], &[1.0]).with("points", [1.0; 33]), false),
        (density, of(8.0, &[1.0], &[1.0]).with("points", [1.0; 16]), false),
        (density, numbers(), false),
        (both, numbers().with("means", [1.0; 2]).with_all("second", good.clone()), true),
        (both, numbers().with("means", [1.0, -1.0]).with_all("second", good.clone()), false),
        (both, numbers().with("means", [1.0; 3]).with_all("second", good.clone()), false),
        (both, numbers().with("means", [1.0; 2]).with_all("first", good), false),
    ];
    for (number, (make, numbers, is_good)) in cases.into_iter().enumerate() {
        let liar = Liar(make().describe(), numbers);
        AnomalyDetector::fit(model(), liar, &rows()).unwrap().save(&path).unwrap();
        let loaded = AnomalyDetector::load(build(2, None), make(), &path);
        match loaded {
            Ok(detector) => {
                assert!(is_good, "{number}");
                assert!(detector.scores(&rows()).unwrap().iter().all(|s| s.is_finite()));
            }
            Err(Error::SizeMismatch { .. } | Error::InvalidParameter { .. }) => {
                assert!(!is_good, "{number}");
            }
            Err(other) => panic!("{number}: {other}"),
        }
    }
    // A number that is not finite is not saved.
    let liar = Liar("a".to_owned(), numbers().with("b", [f64::NAN]));
    let refused = AnomalyDetector::fit(model(), liar, &rows()).unwrap().save(&path).unwrap_err();
    assert!(matches!(refused, Error::NotSaved { problem: Problem::NotFinite { .. }, .. }));
}
