//! Ten public sets: the mean ROC-AUC that the example `anomaly_sets` prints, for one seed.
#![cfg(feature = "npz")]

mod common;
#[path = "../examples/anomaly_sets/sets.rs"]
mod sets;

use autoencoder::anomaly::{AnomalyDetector, NearestReconstruction, SquaredResidual};
use autoencoder::metrics::roc_auc;
use sets::{Rows, SETS, path, train};

#[test]
fn one_configuration_ranks_the_rows_of_ten_sets() {
    let Some(first) = common::shared_data(&format!("anomaly/{}.npz", SETS[0].0)) else { return };
    let folder = first.parent().unwrap();
    let (mut mean, mut squared) = (0.0, 0.0);
    for (name, [of_pyod, ..]) in SETS {
        let rows = Rows::read(&path(folder, name)).unwrap();
        let model = train(&rows.train, 1).unwrap();
        let score = NearestReconstruction::new(1).unwrap();
        let detector = AnomalyDetector::fit(model.clone(), score, &rows.train).unwrap();
        let auc = roc_auc(&detector.scores(&rows.test).unwrap(), &rows.is_anomaly).unwrap();
        assert!(auc > of_pyod - 0.033, "{name}: {auc}");
        let plain = AnomalyDetector::fit(model, SquaredResidual, &rows.train).unwrap();
        squared += roc_auc(&plain.scores(&rows.test).unwrap(), &rows.is_anomaly).unwrap() / 10.0;
        mean += auc / 10.0;
    }
    assert!(mean >= 0.955 && mean > squared, "{mean} {squared}");
}
