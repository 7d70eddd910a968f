//! Ten public sets: the ROC-AUC that the example `anomaly_sets` prints, the mean of three seeds.

#[path = "../../examples/anomaly_sets/sets.rs"]
pub mod sets;

use autoencoder::anomaly::{AnomalyDetector, NearestReconstruction, SquaredResidual};
use autoencoder::metrics::roc_auc;
use sets::{Rows, SETS, path, train};

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
