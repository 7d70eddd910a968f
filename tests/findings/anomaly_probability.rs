//! The reconstruction probability of variational models: by its definition, and by column.

use allocation_counter::measure;
use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::metrics::roc_auc;
use autoencoder::random::seeded;
use autoencoder::*;
use common::sensors::{Variational1, close, sensors, variational};
use nalgebra::Dyn;

#[test]
fn the_reconstruction_probability_is_the_mean_loss_of_drawn_codes() {
    let (normal, all) = sensors(900, 4);
    let model = variational(&normal.select(0..400), 100);
    let test = all.rows.clone().into_dynamic();
    let detector = |draws, seed| {
        let score = ReconstructionProbability::new(draws, seed).unwrap();
        AnomalyDetector::fit(model.clone(), score, &normal.select(0..10)).unwrap()
    };
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    // The evidence lower bound has the same term, from other draws; within five standard errors, which the
    // means of several seeds tell, as all samples of a seed share their noise.
    let few = normal.select(500..600);
    let elbo = model.elbo(&few, 2000, &mut seeded(8)).unwrap();
    let means: Vec<f64> = (0..10).map(|s| mean(&detector(200, s).scores(&few).unwrap())).collect();
    let found = mean(&means);
    let squares: f64 = means.iter().map(|m| (m - found).powi(2)).sum();
    let error = (squares / 9.0 / 10.0).sqrt();
    assert!((found - elbo.reconstruction).abs() < 5.0 * error, "{found} ± {error}, {elbo:?}");
    // It costs more than the mean code does, by the encoder's doubt.
    let of_mean = mean(&model.score(&few).unwrap());
    assert!(found > of_mean + 5.0 * error, "{found} ± {error} {of_mean}");
    let scores = detector(50, 1).scores(&test).unwrap();
    // Reproducible, and each option makes a difference.
    assert_eq!(detector(5, 1).scores(&test), detector(5, 1).scores(&test));
    assert_ne!(detector(5, 1).scores(&test), detector(5, 2).scores(&test));
    assert_ne!(detector(5, 1).scores(&test), detector(6, 1).scores(&test));
    let auc = roc_auc(&scores, &all.is_faulty()).unwrap();
    assert!(auc > 0.9, "{auc}");
    // For a Gaussian likelihood columns add up to the score.
    let parts = detector(5, 1).feature_scores(&test).unwrap();
    for (score, parts) in detector(5, 1).scores(&test).unwrap().into_iter().zip(parts.iter()) {
        assert!(close(score.max(0.0), parts.iter().sum()));
    }
}

/// Shows what the drawn codes' reconstructions miss.
#[derive(Debug, Clone)]
struct SquaredErrors(Draws);
impl<E: layer::Part, M: Reconstructs> ScoreFor<E, M> for SquaredErrors {}
impl<T: Float> AnomalyScore<T> for SquaredErrors {
    fn describe(&self) -> String {
        "SquaredErrors".to_owned()
    }
    fn draws(&self) -> Option<Draws> {
        Some(self.0)
    }
    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], _: &mut [f64]) -> f64 {
        features.copy_from_slice(seen.drawn.unwrap().squared_errors);
        features.iter().sum()
    }
}

#[test]
fn by_column_each_has_its_own_deviation() {
    let (normal, all) = sensors(900, 4);
    let mut model = variational(&normal.select(0..400), 30);
    let (reference, test) = (normal.select(400..700), all.rows.clone().into_dynamic());
    let by_column = || ReconstructionProbability::new(6, 3).unwrap().by_column();
    let check = |model: &Variational1, floor: f64| {
        let draws = SquaredErrors(Draws { count: 6, seed: 3 });
        let squares = AnomalyDetector::fit(model.clone(), draws, &reference).unwrap();
        let of_reference = squares.feature_scores(&reference).unwrap();
        let mut variances = [0.0; 8];
        for errors in of_reference.iter() {
            variances.iter_mut().zip(errors).for_each(|(v, error)| *v += error / 300.0);
        }
        let mean_square = variances.iter().sum::<f64>() / 8.0;
        let floored = variances.iter().filter(|&&v| v < floor * floor * mean_square).count();
        variances.iter_mut().for_each(|v| *v = v.max(floor * floor * mean_square));
        let detector = AnomalyDetector::fit(model.clone(), by_column(), &reference).unwrap();
        let fitted = detector.score_function().variances();
        assert!(fitted.iter().zip(&variances).all(|(&a, &b)| close(a, b)));
        let parts = detector.feature_scores(&test).unwrap();
        let errors = squares.feature_scores(&test).unwrap();
        for (k, score) in detector.scores(&test).unwrap().into_iter().enumerate() {
            let expected = |j: usize| 0.5 * errors.sample(k)[j] / variances[j];
            assert!((0..8).all(|j| close(parts.sample(k)[j], expected(j))));
            assert!(close(score, (0..8).map(expected).sum()));
        }
        // The most likely variance makes the mean of each column ½, unless it is floored.
        let parts = detector.feature_scores(&reference).unwrap();
        let half = |j: usize| parts.iter().map(|parts| parts[j] / 300.0).sum::<f64>();
        assert_eq!((0..8).filter(|&j| !close(half(j), 0.5)).count(), floored);
        let auc = roc_auc(&detector.scores(&test).unwrap(), &all.is_faulty()).unwrap();
        (floored, auc)
    };
    let (floored, auc) = check(&model, 0.05);
    assert!(floored == 0 && auc > 0.9, "{auc}");
    // A column that the model is made to miss by far: others are floored by it.
    let bias = model.layout().get("decoder.1.bias").unwrap().range.clone();
    let mut parameters = model.parameters().to_vec();
    parameters[bias.start + 2] = 100.0;
    model.set_parameters(&parameters).unwrap();
    assert_eq!(check(&model, 0.05).0, 7);
}

/// A column in other units, with a model that takes and gives it in these, moves the model's loss but not
/// the score by column.
#[test]
fn by_column_scores_do_not_depend_on_the_scale_of_a_column() {
    let (mut normal, mut test) = (sensors(900, 5).0, sensors(900, 6).0);
    let normalizer = Normalizer::fit(Normalization::Standardize, &normal).unwrap();
    normalizer.apply(normal.view_mut()).unwrap();
    normalizer.apply(test.view_mut()).unwrap();
    let model = {
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::dynamic(8, 12, Tanh),
                Dense::dynamic(12, 3, Identity),
                Dense::dynamic(12, 3, Identity),
            ))
            .decoder(Dense::dynamic(3, 12, Tanh).then(Dense::dynamic(12, 8, Identity)))
            .regularizer(Variational::default())
            .loss(GaussianLikelihood::new(0.3).unwrap())
            .seed(3)
            .build()
            .unwrap();
        let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(20).batch_size(32);
        trainer.fit(&mut model, &normal.select(0..400)).unwrap();
        model
    };
    const COLUMN: usize = 5;
    let scale = |rows: &Batch<f64, Dyn>| {
        let mut rows = rows.clone();
        rows.as_mut_slice().iter_mut().skip(COLUMN).step_by(8).for_each(|x| *x *= 4.0);
        rows
    };
    let mut scaled = model.clone();
    let mut parameters = model.parameters().to_vec();
    let tensors = model.layout().tensors();
    // The first weights are 12 × 8, the last ones 8 × 12 and a bias of 8; all lie column by column.
    let (first, last, bias) =
        (&tensors[0], &tensors[tensors.len() - 2], &tensors[tensors.len() - 1]);
    assert_eq!([first.shape, last.shape, bias.shape], [(12, 8), (8, 12), (8, 1)]);
    parameters[first.range.clone()][12 * COLUMN..][..12].iter_mut().for_each(|w| *w /= 4.0);
    let of_column =
        |values: &mut [f64]| values.iter_mut().skip(COLUMN).step_by(8).for_each(|w| *w *= 4.0);
    of_column(&mut parameters[last.range.clone()]);
    of_column(&mut parameters[bias.range.clone()]);
    scaled.set_parameters(&parameters).unwrap();

    let scores = |model: &Variational1, score: ReconstructionProbability, is_scaled: bool| {
        let rows = |rows: &Batch<f64, Dyn>| if is_scaled { scale(rows) } else { rows.clone() };
        let reference = rows(&normal.select(400..700));
        AnomalyDetector::fit(model.clone(), score, &reference)
            .unwrap()
            .scores(&rows(&test))
            .unwrap()
    };
    let plain = || ReconstructionProbability::new(5, 1).unwrap();
    let (one, two) =
        (scores(&model, plain().by_column(), false), scores(&scaled, plain().by_column(), true));
    assert!(one.iter().zip(&two).all(|(&a, &b)| close(a, b)));
    let (one, two) = (scores(&model, plain(), false), scores(&scaled, plain(), true));
    assert!(one.iter().zip(&two).all(|(&a, &b)| !close(a, b)));
}

#[test]
fn drawn_codes_are_scored_without_allocation() {
    let (normal, _) = sensors(300, 11);
    let model = variational(&normal.select(0..200), 2);
    let score = Both::new(ReconstructionProbability::new(7, 1).unwrap(), CodeDistance::new());
    let detector = AnomalyDetector::fit(model, score, &normal.select(0..200)).unwrap();
    let (mut features, mut workspace) = ([0.0; 8], detector.workspace());
    let row = normal.sample(210).to_vec();
    let mut call = || detector.score_one_into(&row, &mut features, &mut workspace).unwrap();
    let first = call();
    assert_eq!(measure(|| assert_eq!(call(), first)).count_total, 0);
    let all = detector.scores(&normal.select(210..211)).unwrap();
    assert!(close(all[0], first));
}
