//! Anomaly detection: scores by their definitions, their laws, explanations, what is refused.

use allocation_counter::measure;
use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::layer::{Part, Unconditioned};
use autoencoder::metrics::roc_auc;
use autoencoder::rand::seq::SliceRandom;
use autoencoder::random::seeded;
use autoencoder::*;
use common::sensors::{CLOSE, Half, close, sensors, variational};
use nalgebra::{DMatrix, DVector, Dyn};

type Model = AutoEncoder<Half, Half, NoRegularizer, SquaredError, f64>;

fn train(rows: &Batch<f64, Dyn>, code: usize, epochs: usize) -> Model {
    let features = rows.features();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, 12, Tanh).then(Dense::dynamic(12, code, Identity)))
        .decoder(Dense::dynamic(code, 12, Tanh).then(Dense::dynamic(12, features, Identity)))
        .normalizer(Normalizer::fit(Normalization::Standardize, rows).unwrap())
        .seed(3)
        .build()
        .unwrap();
    let adam = Adam::new(1e-2).unwrap();
    Trainer::new(adam).epochs(epochs).batch_size(32).seed(3).fit(&mut model, rows).unwrap();
    model
}

/// A model's x, reconstruction and code, all as the encoder sees them, by its public calls.
fn by_public_calls(model: &Model, x: &Batch<f64, Dyn>) -> [Batch<f64, Dyn>; 3] {
    let normalized = |batch: &Batch<f64, Dyn>| {
        let mut batch = batch.clone();
        model.normalizer().unwrap().apply(batch.view_mut()).unwrap();
        batch
    };
    [normalized(x), normalized(&model.reconstruct(x).unwrap()), model.encode(x).unwrap()]
}

/// The same of a trained detector on rows that it has not seen, divided anew in each trial. Without ties
/// the rate is not only at most ⌊α(n+1)⌋/(n+1) but exactly that.
#[test]
fn a_trained_detector_keeps_its_false_alarm_rate() {
    let (normal, _) = sensors(4400, 5);
    let model = train(&normal.select(0..300), 3, 20);
    let reference = normal.select(300..400);
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &reference).unwrap();
    let scores = detector.scores(&normal.select(400..4000)).unwrap();
    let rng = &mut seeded(9);
    for (n, alpha) in [(19, 0.05), (99, 0.05), (50, 0.2), (10, 0.1)] {
        const TRIALS: usize = 4000;
        let mut pool = scores.clone();
        let mut false_alarms = 0;
        for _ in 0..TRIALS {
            let (chosen, _) = pool.partial_shuffle(rng, n + 1);
            let held_out = Conformal::new(chosen[1..].to_vec()).unwrap();
            false_alarms += usize::from(held_out.p_value(chosen[0]) <= alpha);
        }
        let exact = (alpha * (n + 1) as f64 + 1e-9).floor() / (n + 1) as f64;
        let mean = exact * TRIALS as f64;
        let bound = 5.0 * (mean * (1.0 - exact)).sqrt();
        assert!((false_alarms as f64 - mean).abs() <= bound, "{n}, {alpha}: {false_alarms}");
        assert!(exact <= alpha + 1e-12);
    }
}

#[test]
fn residual_scores_are_their_formulas() {
    let (normal, all) = sensors(900, 1);
    let model = train(&normal.select(0..300), 3, 10);
    let reference = normal.select(300..500);
    let test = all.rows.clone().into_dynamic();
    let [x, y, _] = by_public_calls(&model, &test);
    let residual = |k: usize, j: usize| x.sample(k)[j] - y.sample(k)[j];

    let squared = AnomalyDetector::fit(model.clone(), SquaredResidual, &reference).unwrap();
    let (scores, parts) = (squared.scores(&test).unwrap(), squared.feature_scores(&test).unwrap());
    for (k, &score) in scores.iter().enumerate() {
        let expected: f64 = (0..8).map(|j| residual(k, j).powi(2)).sum();
        assert!(close(score, expected));
        assert!((0..8).all(|j| close(parts.sample(k)[j], residual(k, j).powi(2))));
    }

    // Median, and quartiles over those of N(0, 1), by their definitions.
    let [rx, ry, _] = by_public_calls(&model, &reference);
    let column = |j: usize| -> Vec<f64> {
        let mut column: Vec<f64> = (0..200).map(|k| rx.sample(k)[j] - ry.sample(k)[j]).collect();
        column.sort_by(f64::total_cmp);
        column
    };
    let robust = |column: &[f64]| {
        let at = |q: f64| {
            let place = q * 199.0;
            let low = place.floor() as usize;
            column[low] + (place - low as f64) * (column[low + 1] - column[low])
        };
        (at(0.5), (at(0.75) - at(0.25)) / 1.348_979_500_392_163_5)
    };
    let deviation = |column: &[f64]| {
        let mean = column.iter().sum::<f64>() / 200.0;
        let square = column.iter().map(|r| (r - mean).powi(2)).sum::<f64>();
        (mean, (square / 200.0).sqrt())
    };
    let all_squares: f64 = (0..8).flat_map(column).map(|r| r * r).sum();
    let root_mean_square = (all_squares / 1600.0).sqrt();
    type Spread<'a> = &'a dyn Fn(&[f64]) -> (f64, f64);
    let cases: [(ScaledResidual, Spread, f64); 3] = [
        (ScaledResidual::new(), &robust, 0.05),
        (ScaledResidual::new().by_deviation(), &deviation, 0.05),
        (ScaledResidual::new().floor(1.0).unwrap(), &robust, 1.0),
    ];
    let mut different = Vec::new();
    for (score, spread, floor) in cases {
        let detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
        let scores = detector.scores(&test).unwrap();
        let spreads: Vec<(f64, f64)> = (0..8).map(|j| spread(&column(j))).collect();
        for (k, &score) in scores.iter().enumerate() {
            let standardized = |j: usize| {
                let (centre, spread) = spreads[j];
                (residual(k, j) - centre) / spread.max(floor * root_mean_square)
            };
            let expected: f64 = (0..8).map(|j| standardized(j).powi(2)).sum();
            assert!(close(score, expected), "{score} {expected}");
        }
        different.push(scores);
    }
    // Each option makes a difference.
    assert!(different[0] != different[1] && different[0] != different[2]);
}

#[test]
fn the_code_distance_is_that_of_the_shrunk_covariance() {
    let (normal, _) = sensors(700, 2);
    let model = train(&normal.select(0..300), 3, 10);
    // So many that shrinkage is less than one part in fifty, and the plain covariance nearly right.
    let reference = normal.select(0..650);
    let codes: DMatrix<f64> = model.encode(&reference).unwrap().into();
    let mean = codes.column_mean();
    let centred = DMatrix::from_fn(3, 650, |i, k| codes[(i, k)] - mean[i]);
    let inverse = (&centred * centred.transpose() / 650.0).try_inverse().unwrap();
    let detector = AnomalyDetector::fit(model, CodeDistance::new(), &reference).unwrap();
    let scores = detector.scores(&reference).unwrap();
    for (k, score) in scores.iter().enumerate() {
        let z: DVector<f64> = centred.column(k).into();
        let expected = (z.transpose() * &inverse * &z)[0];
        assert!((score - expected).abs() < 0.1 * expected + 0.1, "{score} {expected}");
    }
    // Mahalanobis distances have the dimension as their mean.
    let mean = scores.iter().sum::<f64>() / 650.0;
    assert!((mean - 3.0).abs() < 0.1, "{mean}");
    assert!(detector.feature_scores(&reference).unwrap().as_slice().iter().all(|&f| f == 0.0));
}

#[test]
fn the_nearest_reconstruction_is_the_nearest() {
    let (normal, all) = sensors(500, 3);
    let model = train(&normal.select(0..200), 3, 10);
    let reference = normal.select(0..200);
    let test = all.rows.into_dynamic();
    let [x, ..] = by_public_calls(&model, &test);
    let [_, y, _] = by_public_calls(&model, &reference);
    let square =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum() };
    let mut all_scores = Vec::new();
    for k in [1, 3, 199] {
        let score = NearestReconstruction::new(k).unwrap();
        let detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
        let scores = detector.scores(&test).unwrap();
        let parts = detector.feature_scores(&test).unwrap();
        for (row, &score) in scores.iter().enumerate() {
            let mut squares: Vec<f64> = y.iter().map(|y| square(x.sample(row), y)).collect();
            squares.sort_by(f64::total_cmp);
            assert!(close(score, squares[..k].iter().sum::<f64>() / k as f64));
            assert!(close(score, parts.sample(row).iter().sum()));
        }
        all_scores.push(scores);
    }
    assert!(all_scores[0] != all_scores[1]);
}

#[test]
fn both_scores_are_added_in_units_of_their_means() {
    let (normal, _) = sensors(700, 6);
    let model = train(&normal.select(0..300), 3, 10);
    let (reference, test) = (normal.select(300..500), normal.select(500..600));
    let scores = |score: Box<dyn AnomalyScore<f64>>| {
        let detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
        (detector.scores(&reference).unwrap(), detector.scores(&test).unwrap())
    };
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let both = || Both::new(ScaledResidual::new(), CodeDistance::new());
    let (residuals, of_residual) = scores(Box::new(ScaledResidual::new()));
    let (distances, of_code) = scores(Box::new(CodeDistance::new()));
    for (a, b) in [(1.0, 1.0), (3.0, 0.5)] {
        let (_, found) = scores(Box::new(both().weights(a, b).unwrap()));
        for (k, found) in found.into_iter().enumerate() {
            let expected =
                a * of_residual[k] / mean(&residuals) + b * of_code[k] / mean(&distances);
            assert!(close(found, expected));
        }
    }
    // On its own reference a row's own reconstruction is passed over: the mean is that of other rows.
    let nearest = || NearestReconstruction::new(1).unwrap();
    let (_, one) = scores(Box::new(nearest()));
    let (_, two) = scores(Box::new(Both::new(nearest(), nearest())));
    assert!(close(one[0] / one[1], two[0] / two[1]));
}

/// A column that is reconstructed badly hides a fault in one that is reconstructed well, unless residuals
/// are compared with their spread.
#[test]
fn scaled_residuals_find_a_fault_in_a_quiet_column() {
    let rng = &mut seeded(2);
    let mut rows = |fault: f64, samples: usize| {
        let mut values = Vec::new();
        for _ in 0..samples {
            let z = f64::draw_normal(rng);
            // Two columns that tell each other, and one of pure noise.
            let quiet =
                [z + 0.02 * f64::draw_normal(rng), z + fault + 0.02 * f64::draw_normal(rng)];
            values.extend([quiet[0], quiet[1], 3.0 * f64::draw_normal(rng)]);
        }
        Batch::new(Dyn(3), values).unwrap()
    };
    let (normal, faulty) = (rows(0.0, 600), rows(0.3, 100));
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(3, 12, Tanh).then(Dense::dynamic(12, 1, Identity)))
        .decoder(Dense::dynamic(1, 12, Tanh).then(Dense::dynamic(12, 3, Identity)))
        .build::<f64>()
        .unwrap();
    // The noise, which has most of the variance, is not to be learned: it is made quiet for the encoder.
    let mut clean = normal.select(0..300);
    clean.as_mut_slice().iter_mut().skip(2).step_by(3).for_each(|x| *x = 0.0);
    let adam = Adam::new(1e-2).unwrap();
    Trainer::new(adam).epochs(100).batch_size(32).fit(&mut model, &clean).unwrap();
    let weight = model.layout().get("encoder.0.weight").unwrap().range.clone();
    let mut parameters = model.parameters().to_vec();
    // The third column's weights, as they lie column by column.
    parameters[weight.end - 12..weight.end].fill(0.0);
    model.set_parameters(&parameters).unwrap();

    let (held_out, test) = (normal.select(300..500), normal.select(500..600));
    let labels: Vec<bool> = (0..200).map(|k| k >= 100).collect();
    let auc = |score: Box<dyn AnomalyScore<f64>>| {
        let detector = AnomalyDetector::fit(model.clone(), score, &held_out).unwrap();
        let all = [detector.scores(&test).unwrap(), detector.scores(&faulty).unwrap()].concat();
        roc_auc(&all, &labels).unwrap()
    };
    let (squared, scaled) =
        (auc(Box::new(SquaredResidual)), auc(Box::new(ScaledResidual::new().floor(0.0).unwrap())));
    assert!(squared < 0.65 && scaled > 0.95, "{squared} {scaled}");
}

/// Whatever units a column has, behind a normalizer scores are the same.
#[test]
fn scores_do_not_depend_on_units() {
    let (normal, all) = sensors(600, 8);
    let scale = |batch: &Batch<f64, Dyn>| {
        let mut batch = batch.clone();
        for row in batch.as_mut_slice().chunks_exact_mut(8) {
            row[0] *= 1024.0;
            row[5] /= 4096.0;
        }
        batch
    };
    let test = all.rows.into_dynamic();
    let scores = |rows: &Batch<f64, Dyn>, test: &Batch<f64, Dyn>| {
        let model = train(&rows.select(0..300), 3, 5);
        let score = Both::new(ScaledResidual::new(), CodeDistance::new());
        let detector = AnomalyDetector::fit(model, score, &rows.select(300..500)).unwrap();
        detector.scores(test).unwrap()
    };
    let (one, two) = (scores(&normal, &test), scores(&scale(&normal), &scale(&test)));
    for (one, two) in one.into_iter().zip(two) {
        assert!((one - two).abs() <= 1e-6 * one, "{one} {two}");
    }
}

fn scores_to_try() -> Vec<(&'static str, Box<dyn AnomalyScore<f64>>)> {
    let nearest = || NearestReconstruction::new(2).unwrap();
    vec![
        ("squared", Box::new(SquaredResidual)),
        ("scaled", Box::new(ScaledResidual::new())),
        ("code", Box::new(CodeDistance::new())),
        ("nearest", Box::new(nearest())),
        ("neighbours", Box::new(NearestNeighbours::new(3).unwrap())),
        ("neighbours by sizes", Box::new(NearestNeighbours::new(2).unwrap().by_sizes())),
        ("density", Box::new(KernelDensity::new())),
        ("density of columns", Box::new(KernelDensity::new().residual_weight(0.0).unwrap())),
        ("both", Box::new(Both::new(ScaledResidual::new(), CodeDistance::new()))),
        ("nested", Box::new(Both::new(Both::new(nearest(), SquaredResidual), CodeDistance::new()))),
    ]
}

/// Those that draw codes.
fn drawn_scores_to_try() -> Vec<(&'static str, Box<dyn AnomalyScore<f64>>)> {
    let probability = || ReconstructionProbability::new(5, 1).unwrap();
    vec![
        ("probability", Box::new(probability())),
        ("probability by column", Box::new(probability().by_column())),
        ("with code", Box::new(Both::new(probability().by_column(), CodeDistance::new()))),
    ]
}

fn check_laws<E, D, R, L, S>(
    name: &str,
    detector: &AnomalyDetector<E, D, R, L, S, f64>,
    test: &Batch<f64, Dyn>,
) where
    E: Part<Input = Dyn, Condition = Unconditioned>,
    S: AnomalyScore<f64>,
{
    let scores = detector.scores(test).unwrap();
    let parts = detector.feature_scores(test).unwrap();
    let mut workspace = detector.workspace();
    let mut features = [0.0; 8];
    for (k, &score) in scores.iter().enumerate() {
        let sum: f64 = parts.sample(k).iter().sum();
        assert!(parts.sample(k).iter().all(|&part| part >= 0.0), "{name}");
        assert!(sum <= score.max(0.0) * (1.0 + CLOSE), "{name}: {sum} {score}");
        // One row: the same bits, in whatever workspace.
        let row = test.sample(k);
        let one = detector.score_one_into(row, &mut features, &mut workspace).unwrap();
        assert_eq!(one, score, "{name}");
        assert_eq!(detector.score_one(row), Ok(one), "{name}");
        assert_eq!(features[..], *parts.sample(k), "{name}");
    }
    // The same bits in other batches.
    for range in [0..1, 3..8, 100..600] {
        let few = test.select(range.clone());
        assert_eq!(detector.scores(&few).unwrap(), scores[range], "{name}");
    }
    // Nothing is allocated.
    let row = test.sample(5);
    let mut call = || detector.score_one_into(row, &mut features, &mut workspace).unwrap();
    call();
    let allocations = measure(|| {
        call();
    });
    assert_eq!(allocations.count_total, 0, "{name}");
}

#[test]
fn laws_of_scores() {
    let (normal, all) = sensors(700, 10);
    let model = train(&normal.select(0..300), 3, 10);
    let reference = normal.select(300..500);
    let test = all.rows.into_dynamic();
    for (name, score) in scores_to_try() {
        let detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
        check_laws(name, &detector, &test);
    }
    let model = variational(&normal.select(0..300), 10);
    for (name, score) in drawn_scores_to_try() {
        let detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
        check_laws(name, &detector, &test);
    }
}

#[test]
fn explanations_name_the_faulty_column() {
    let (normal, _) = sensors(1500, 12);
    let model = train(&normal.select(0..800), 3, 40);
    let deviations =
        Normalizer::fit(Normalization::Standardize, &normal).unwrap().parts().1.to_vec();
    for (name, score) in scores_to_try() {
        let mut detector =
            AnomalyDetector::fit(model.clone(), score, &normal.select(800..1100)).unwrap();
        detector.calibrate(&normal.select(1100..1300)).unwrap();
        let mut right = 0;
        for column in 0..8 {
            let mut row = normal.sample(1300 + column).to_vec();
            row[column] += 8.0 * deviations[column];
            let why = detector.explain(&row).unwrap();
            right += usize::from(why.columns[0].feature == column);
            let sum: f64 = why.columns.iter().map(|column| column.share).sum();
            assert!(close(sum + why.code_share, 1.0), "{name}: {sum} {}", why.code_share);
            assert!(close(
                why.score,
                detector.scores(&Batch::new(Dyn(8), row.clone()).unwrap()).unwrap()[0]
            ));
            assert_eq!(why.p_value, Some(detector.conformal().unwrap().p_value(why.score)));
            // A code alone need not be odd.
            assert!(why.p_value == Some(1.0 / 201.0) || name == "code", "{name}");
            let first = why.columns[0];
            assert_eq!(first.value, row[first.feature]);
            let reconstruction = detector.model().reconstruct_one(&row).unwrap();
            assert_eq!(first.residual(), first.value - reconstruction[first.feature]);
            assert!(why.columns.is_sorted_by(|a, b| a.contribution >= b.contribution));
        }
        // Columns that go together move the code alike, so that the code alone cannot tell all apart.
        let least = if name == "code" { 4 } else { 7 };
        assert!(right >= least, "{name}: {right} of 8");
    }
}

#[test]
fn an_explanation_is_a_table() {
    let (normal, _) = sensors(500, 12);
    let model = train(&normal.select(0..200), 3, 10);
    let mut detector = AnomalyDetector::fit(model, SquaredResidual, &normal.select(0..9)).unwrap();
    detector.set_threshold(Threshold::at(4.0).unwrap());
    let mut row = normal.sample(300).to_vec();
    row[3] += 1e5;
    let why = detector.explain(&row).unwrap();
    let text = why.table(&datasets::SENSOR_CHANNELS).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3 + 5);
    assert_eq!(lines[0], format!("score {:.0}, above the threshold 4", why.score));
    assert!(lines[3].starts_with("speed (1/min)"), "{text}");
    assert!(why.to_string().lines().nth(3).unwrap().starts_with("column 3 "), "{why}");
}

/// Numbers far from 1 have an exponent, in a table of the same width.
#[test]
fn an_explanation_is_short_of_numbers_of_every_size() {
    let (normal, _) = sensors(500, 12);
    let model = train(&normal.select(0..200), 3, 10);
    let mut detector = AnomalyDetector::fit(model, SquaredResidual, &normal.select(0..9)).unwrap();
    detector.set_threshold(Threshold::at(3e-7).unwrap());
    let mut row = normal.sample(300).to_vec();
    for value in [1e20, 1e-20] {
        row[3] = value;
        let why = detector.explain(&row).unwrap();
        let score = format!("score {:.3e}, above the threshold 3e-7", why.score);
        let why = why.to_string();
        assert!(why.contains(", above the threshold 3e-7\n"), "{why}");
        assert!(value < 1.0 || why.contains(" 1e20 ") && why.starts_with(&score), "{why}");
        assert!(why.lines().all(|line| line.len() <= 70), "{why}");
    }
    assert_eq!(Threshold::at(3e-7).unwrap().to_string(), "3e-7");
    assert_eq!(format!("{:>6}", Threshold::at(2.0 / 3.0).unwrap()), "0.6667");
    // What is above reads as more.
    let mut why = detector.explain(&row).unwrap();
    (why.score, why.threshold) = (8.860_41, Some(8.860_4));
    assert!(why.to_string().starts_with("score 8.86041, above the threshold 8.8604\n"), "{why}");
}

#[test]
fn what_cannot_be_right_is_refused() {
    let (normal, _) = sensors(300, 13);
    let model = train(&normal.select(0..100), 3, 1);
    let fit = |score: Box<dyn AnomalyScore<f64>>, rows: &Batch<f64, Dyn>| {
        AnomalyDetector::fit(model.clone(), score, rows).map(|_| ())
    };
    let parameter = |result: Result<()>| match result {
        Err(Error::InvalidParameter { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let nearest = |k| Box::new(NearestReconstruction::new(k).unwrap());
    assert_eq!(parameter(fit(nearest(5), &normal.select(0..5))), "NearestReconstruction k");
    assert!(fit(nearest(4), &normal.select(0..5)).is_ok());
    let code = || Box::new(CodeDistance::new());
    assert_eq!(parameter(fit(code(), &normal.select(0..1))), "reference samples of CodeDistance");
    let scaled = || Box::new(ScaledResidual::new());
    let name = "reference samples of ScaledResidual";
    assert_eq!(parameter(fit(scaled(), &normal.select(0..1))), name);
    assert!(fit(scaled(), &normal.select(0..2)).is_ok());
    let neighbours = |k| Box::new(NearestNeighbours::new(k).unwrap());
    assert_eq!(parameter(fit(neighbours(5), &normal.select(0..5))), "NearestNeighbours k");
    assert!(fit(neighbours(4), &normal.select(0..5)).is_ok());
    let density = || Box::new(KernelDensity::new());
    assert_eq!(
        parameter(fit(density(), &normal.select(0..1))),
        "reference samples of KernelDensity"
    );
    assert!(fit(density(), &normal.select(0..2)).is_ok());
    for wrong in [f64::NAN, -0.1, f64::INFINITY] {
        assert!(KernelDensity::new().residual_weight(wrong).is_err());
    }
    assert!(NearestReconstruction::new(0).is_err() && NearestNeighbours::new(0).is_err());
    assert!(ReconstructionProbability::new(0, 1).is_err());
    for wrong in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        assert!(ScaledResidual::new().floor(wrong).is_err());
        assert!(Threshold::quantile(&[1.0], wrong).is_err());
        assert!(Threshold::contamination(&[1.0], wrong).is_err());
        assert!(Conformal::new(vec![1.0, 2.0]).unwrap().threshold(wrong).is_err());
    }
    for wrong in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        let both = || Both::new(SquaredResidual, CodeDistance::new());
        assert!(both().weights(wrong, 1.0).is_err() && both().weights(1.0, wrong).is_err());
    }
    assert!(Conformal::new(vec![1.0; 18]).unwrap().threshold(0.05).is_err());
    // So many samples as a rate needs are enough, and so is the least rate.
    for (rate, needed) in [(0.001, 999.0), (0.01, 99.0), (0.05, 19.0), (0.3, 3.0), (0.4, 2.0)] {
        let few = Conformal::new(vec![1.0]).unwrap().threshold(rate).unwrap_err();
        let [rate, needed, least] = [rate, needed, 0.5].map(Number);
        assert_eq!(few, Error::TooFewForRate { rate, needed, samples: 1, block: 1, least });
        let of = |count: f64| Conformal::new(vec![1.0; count as usize]).unwrap().threshold(rate.0);
        assert!(of(needed.0).is_ok() && of(needed.0 - 1.0).is_err());
    }
    let of_600 = Conformal::new(vec![1.0; 600]).unwrap();
    let few = of_600.threshold(0.001).unwrap_err();
    assert_eq!(
        few.to_string(),
        "a false-alarm rate of 0.001 needs 999 held-out samples, and there are 600 (the least rate with them is \
         1/601, about 0.00167): calibrate with more, or take a greater rate"
    );
    let Error::TooFewForRate { least, .. } = few else { panic!("{few}") };
    assert!(of_600.threshold(least.0).is_ok() && of_600.threshold(0.00167).is_ok());
    for tiny in [1e-300, f64::from_bits(1)] {
        let Error::TooFewForRate { needed, .. } = of_600.threshold(tiny).unwrap_err() else {
            panic!("{tiny}")
        };
        assert!(needed.0 >= 1e299 && needed.0.is_finite());
    }
    assert!(Conformal::new(vec![1.0; 19]).unwrap().threshold(0.05).is_ok());
    assert_eq!(Conformal::new(vec![]), Err(Error::NoSamples { call: "Conformal::new" }));
    assert!(matches!(
        Conformal::new(vec![0.0, f64::NAN]),
        Err(Error::EntryNotFinite { index: 1, .. })
    ));
    // What is no number is the oddest.
    assert_eq!(Conformal::new(vec![1.0; 9]).unwrap().p_value(f64::NAN), 0.1);
    assert!(Threshold::at(1.0).unwrap().is_exceeded_by(f64::NAN));
    for wrong in [f64::NAN, f64::INFINITY] {
        assert!(Threshold::at(wrong).is_err());
        assert!(Threshold::quantile(&[wrong], 0.5).is_err());
        assert!(Threshold::best_f1(&[wrong], &[true]).is_err());
    }
    assert!(Threshold::best_f1(&[1.0], &[false]).is_err());
    assert!(Threshold::best_f1(&[1.0], &[true, false]).is_err());

    let (held_out, few) = (normal.select(100..280), normal.select(0..100));
    let mut detector = AnomalyDetector::fit(model.clone(), SquaredResidual, &few).unwrap();
    let mut bad = normal.select(0..3);
    bad.as_mut_slice()[8 + 2] = f64::NAN;
    let nan = |call| Error::NotFinite { call, feature: 2, sample: 1, value: Number(f64::NAN) };
    assert_eq!(detector.scores(&bad), Err(nan("scores")));
    assert_eq!(detector.feature_scores(&bad).unwrap_err(), nan("feature_scores"));
    assert_eq!(detector.calibrate(&bad).unwrap_err(), nan("calibrate"));
    assert!(detector.conformal().is_none());
    let refused = AnomalyDetector::fit(model.clone(), SquaredResidual, &bad).unwrap_err();
    assert_eq!(refused, nan("AnomalyDetector::fit"));
    assert!(matches!(detector.score_one(bad.sample(1)), Err(Error::NotFinite { feature: 2, .. })));
    assert!(matches!(detector.explain(bad.sample(1)), Err(Error::NotFinite { feature: 2, .. })));
    assert_eq!(detector.scores(&Batch::zeros(Dyn(8), 0)), Err(Error::NoSamples { call: "scores" }));
    assert!(matches!(detector.scores(&Batch::zeros(Dyn(7), 2)), Err(Error::SizeMismatch { .. })));
    assert!(matches!(detector.score_one(&[0.0; 7][..]), Err(Error::SizeMismatch { .. })));
    let row = normal.sample(0);
    let mut workspace = detector.workspace();
    let refused = detector.score_one_into(row, &mut [0.0; 7], &mut workspace);
    assert!(matches!(refused, Err(Error::SizeMismatch { expected: 8, found: 7, .. })));
    let other = AnomalyDetector::fit(train(&normal, 4, 1), SquaredResidual, &normal).unwrap();
    assert!(other.score_one_into(row, &mut [0.0; 8], &mut workspace).is_err());

    // Before it is calibrated.
    assert!(detector.p_values(&normal).is_err() && detector.set_false_alarm_rate(0.1).is_err());
    assert!(detector.detect(&normal).is_err());
    detector.calibrate(&held_out).unwrap();
    assert!(detector.p_values(&normal).is_ok());
    let threshold = detector.set_false_alarm_rate(0.1).unwrap();
    let flags = detector.detect(&normal).unwrap();
    let p_values = detector.p_values(&normal).unwrap();
    assert!(flags.iter().zip(&p_values).all(|(&flag, &p)| flag == (p <= 0.1)));
    let scores = detector.scores(&normal).unwrap();
    assert!(flags.iter().zip(&scores).all(|(&flag, &s)| flag == threshold.is_exceeded_by(s)));
    assert!(flags.contains(&true) && flags.contains(&false));
}

#[test]
fn squares_beyond_the_largest_number_are_refused_or_odd() {
    let huge = Batch::new(Dyn(2), vec![1e200, -1e200, 3e200, 1e200, -2e200, 1e150]).unwrap();
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(2, 12, Identity).then(Dense::dynamic(12, 2, Identity)))
        .decoder(Dense::dynamic(2, 12, Identity).then(Dense::dynamic(12, 2, Identity)))
        .build::<f64>()
        .unwrap();
    let refused = |result: Result<()>| {
        let Err(Error::InvalidParameter { value, .. }) = result else { panic!("{result:?}") };
        assert!(!value.0.is_finite());
    };
    let fit = AnomalyDetector::fit(model.clone(), ScaledResidual::new(), &huge);
    refused(fit.map(|_| ()));
    refused(AnomalyDetector::fit(model.clone(), CodeDistance::new(), &huge).map(|_| ()));
    let drawn = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::dynamic(2, 12, Identity),
            Dense::dynamic(12, 2, Identity),
            Dense::dynamic(12, 2, Identity).init(init::Zeros),
        ))
        .decoder(Dense::dynamic(2, 2, Identity))
        .build::<f64>()
        .unwrap();
    let by_column = ReconstructionProbability::new(2, 1).unwrap().by_column();
    refused(AnomalyDetector::fit(drawn, by_column, &huge).map(|_| ()));
    let both = Both::new(SquaredResidual, SquaredResidual);
    refused(AnomalyDetector::fit(model.clone(), both, &huge).map(|_| ()));
    let nearest = NearestReconstruction::new(1).unwrap();
    let detector = AnomalyDetector::fit(model, nearest, &huge).unwrap();
    assert!(detector.scores(&huge).unwrap().iter().all(|&score| score == f64::INFINITY));
    let why = detector.explain(huge.sample(0)).unwrap();
    assert_eq!(why.score, f64::INFINITY);
    assert_eq!([why.columns[0].share, why.columns[1].share, why.code_share], [0.5, 0.5, 0.0]);
}

/// Fewer samples than columns and code units, columns and codes without any variance.
#[test]
fn few_samples_and_constant_columns() {
    let rng = &mut seeded(1);
    let mut values: Vec<f64> = (0..40 * 30).map(|_| f64::draw_normal(rng)).collect();
    values.iter_mut().skip(4).step_by(40).for_each(|x| *x = 7.0);
    let rows = Batch::new(Dyn(40), values).unwrap();
    let model = train(&rows, 25, 5);
    for reference in [rows.select(0..6), rows.select([3, 3, 3, 3])] {
        for (name, score) in scores_to_try() {
            let detector = AnomalyDetector::fit(model.clone(), score, &reference).unwrap();
            let scores = detector.scores(&rows).unwrap();
            assert!(scores.iter().all(|s| s.is_finite() && *s >= 0.0), "{name}: {scores:?}");
            assert!(scores.iter().any(|s| *s > 0.0), "{name}");
        }
    }
    let model_with_draws = variational(&rows, 5);
    for (name, score) in drawn_scores_to_try() {
        let detector =
            AnomalyDetector::fit(model_with_draws.clone(), score, &rows.select([3, 3, 3, 3]))
                .unwrap();
        assert!(detector.scores(&rows).unwrap().iter().all(|s| s.is_finite()), "{name}");
    }
    // A constant column that moves is found.
    let score = ScaledResidual::new();
    let detector = AnomalyDetector::fit(model, score, &rows).unwrap();
    let mut row = rows.sample(0).to_vec();
    row[4] = 60.0;
    assert_eq!(detector.explain(&row).unwrap().columns[0].feature, 4);
    assert!(detector.score_function().spread().iter().all(|&s| s > 0.0));
}

#[test]
fn sensor_rows_are_reproducible_and_labelled() {
    let one = datasets::sensors::<f64>(3000, 1).unwrap();
    assert_eq!(one, datasets::sensors(3000, 1).unwrap());
    assert_ne!(one, datasets::sensors(3000, 2).unwrap());
    assert!(matches!(datasets::sensors::<f64>(0, 1), Err(Error::InvalidParameter { .. })));
    // The beginning of a longer one.
    assert_eq!(
        datasets::sensors::<f64>(10, 1).unwrap().rows,
        one.rows.clone().into_dynamic().select(0..10).with_features().unwrap()
    );
    // A twentieth, within four deviations; all kinds and channels.
    let faults: Vec<_> = one.faults.iter().flatten().collect();
    assert!((faults.len() as f64 - 150.0).abs() < 4.0 * (150.0 * 0.95_f64).sqrt());
    for kind in [
        datasets::Fault::Stuck,
        datasets::Fault::Spike,
        datasets::Fault::Drift,
        datasets::Fault::Broken,
    ] {
        assert!(faults.iter().filter(|fault| fault.1 == kind).count() > 15);
    }
    assert!((0..8).all(|channel| faults.iter().any(|fault| fault.0 == channel)));
    // Channels are correlated, but no two are the same.
    let normal: DMatrix<f64> = one.normal().into();
    let n = normal.ncols() as f64;
    let mean = normal.column_mean();
    let covariance = |i: usize, j: usize| {
        normal.column_iter().map(|x| (x[i] - mean[i]) * (x[j] - mean[j])).sum::<f64>() / n
    };
    let strongest = |i: usize| {
        let with = (0..8).filter(|&j| j != i);
        let correlation =
            |j| (covariance(i, j) / (covariance(i, i) * covariance(j, j)).sqrt()).abs();
        with.map(correlation).fold(0.0, f64::max)
    };
    assert!(
        (0..8).all(|i| (0.7..0.999).contains(&strongest(i))),
        "{:?}",
        (0..8).map(strongest).collect::<Vec<_>>()
    );
}
