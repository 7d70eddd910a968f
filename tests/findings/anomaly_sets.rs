//! Ten public sets: the ROC-AUC that the example `anomaly_sets` prints, the mean of three seeds.

#[path = "../../examples/anomaly_sets/sets.rs"]
pub mod sets;

use autoencoder::anomaly::{
    AnomalyDetector, KernelDensity, NearestNeighbours, NearestReconstruction, SquaredResidual,
};
use autoencoder::metrics::roc_auc;
use sets::{Rows, SETS, path, train, train_wide};

/// What is claimed is claimed of their mean.
const SEEDS: u64 = 3;

#[test]
fn one_configuration_ranks_the_rows_of_ten_sets() {
    let Some(first) = common::shared_data(&format!("anomaly/{}.npz", SETS[0].0)) else { return };
    let folder = first.parent().unwrap();
    let (mut mean, mut squared) = (0.0, 0.0);
    for (name, [of_pyod, ..]) in SETS {
        let rows = Rows::read(&path(folder, name)).unwrap();
        let auc = |scores: &[f64]| roc_auc(scores, &rows.is_anomaly).unwrap() / SEEDS as f64;
        let (mut nearest, mut plain) = (0.0, 0.0);
        for seed in 1..=SEEDS {
            let model = train(&rows.train, seed).unwrap();
            let score = NearestReconstruction::new(1).unwrap();
            let detector = AnomalyDetector::fit(model.clone(), score, &rows.train).unwrap();
            nearest += auc(&detector.scores(&rows.test).unwrap());
            let detector = AnomalyDetector::fit(model, SquaredResidual, &rows.train).unwrap();
            plain += auc(&detector.scores(&rows.test).unwrap());
        }
        assert!(nearest >= of_pyod - 0.03, "{name}: {nearest}");
        mean += nearest / SETS.len() as f64;
        squared += plain / SETS.len() as f64;
    }
    assert!(mean >= 0.955 && mean > squared, "{mean} {squared}");
}

/// The numbers of scikit-learn for the nearest neighbour, in the order of the sets, and a density that is not far from
/// them on any; of the sets that take seconds. The example `anomaly_sets` goes over all.
#[test]
fn a_density_is_as_good_as_the_nearest_neighbour() {
    const NEAREST: [f64; 10] =
        [0.958, 0.979, 0.886, 0.9985, 0.9995, 0.9993, 0.876, 0.992, 0.992, 0.975];
    const MOST_ROWS: usize = 2000;
    let Some(first) = common::shared_data(&format!("anomaly/{}.npz", SETS[0].0)) else { return };
    let (folder, mut differences) = (first.parent().unwrap(), Vec::new());
    for ((name, _), expected) in SETS.into_iter().zip(NEAREST) {
        let rows = Rows::read(&path(folder, name)).unwrap();
        if rows.train.samples() > MOST_ROWS {
            continue;
        }
        let model = train_wide(&rows.train, None, 1).unwrap();
        let score = NearestNeighbours::new(1).unwrap();
        let detector = AnomalyDetector::fit(model.clone(), score, &rows.train).unwrap();
        let nearest = roc_auc(&detector.scores(&rows.test).unwrap(), &rows.is_anomaly).unwrap();
        assert!((nearest - expected).abs() <= 6e-4, "{name}: {nearest}");
        let score = KernelDensity::new();
        let detector = AnomalyDetector::fit(model, score, &rows.train).unwrap();
        let density = roc_auc(&detector.scores(&rows.test).unwrap(), &rows.is_anomaly).unwrap();
        assert!(density >= nearest - 0.03, "{name}: {density} {nearest}");
        differences.push(density - nearest);
    }
    assert!(differences.len() >= 4, "{differences:?}");
    assert!(differences.iter().sum::<f64>() >= 0.0, "{differences:?}");
}
