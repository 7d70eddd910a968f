//! Expect: of a pump's sensor rows most faulty ones are flagged, with the faulty channel named, at a
//! false-alarm rate of about 1 %, which was set beforehand.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::datasets::{Fault, SENSOR_CHANNELS, sensors};
use autoencoder::metrics::{BinaryConfusion, average_precision, roc_auc};
use autoencoder::{Adam, AutoEncoder, Dense, Result, Then, Trainer, train::schedule::Cosine};

/// The share of normal rows that may be flagged.
const FALSE_ALARMS: f64 = 0.01;

fn main() -> Result<()> {
    // Three sets of normal rows: for the model, for the score, for the guarantee.
    let normal = sensors::<f32>(4500, 1)?.normal();
    let (train, reference) = (normal.select(0..2000), normal.select(2000..3000));
    let held_out = normal.select(3000..4000);

    let mut model = AutoEncoder::builder()
        .encoder(Dense::<8, 32>::new(Tanh).then(Dense::<32, 3>::new(Identity)))
        .decoder(Dense::<3, 32>::new(Tanh).then(Dense::<32, 8>::new(Identity)))
        .normalizer(Normalizer::fit(Normalization::Standardize, &train)?)
        .build::<f32>()?;
    let trainer = Trainer::new(Adam::new(1e-2)?).schedule(Cosine::new(0.0)?);
    let report = trainer.epochs(100).fit(&mut model, &train)?;
    println!("{report}\n");

    let mut detector = AnomalyDetector::fit(model, ScaledResidual::new(), &reference)?;
    detector.calibrate(&held_out)?;
    let threshold = detector.set_false_alarm_rate(FALSE_ALARMS)?;
    println!("flagged are scores above {:.2}\n", threshold.value());

    // New rows, one at a time as they come: nothing is allocated.
    let new = sensors::<f32>(4000, 2)?;
    let (mut workspace, mut columns) = (detector.workspace(), [0.0; 8]);
    let (mut scores, mut found, mut named) = (Vec::new(), [(0, 0); 4], 0);
    const KINDS: [Fault; 4] = [Fault::Stuck, Fault::Spike, Fault::Drift, Fault::Broken];
    for (row, fault) in new.rows.iter().zip(&new.faults) {
        let score = detector.score_one_into(row, &mut columns, &mut workspace)?;
        let is_flagged = threshold.is_exceeded_by(score);
        if let Some((channel, kind)) = fault {
            let at = KINDS.iter().position(|other| other == kind).unwrap_or(0);
            found[at].0 += usize::from(is_flagged);
            found[at].1 += 1;
            let oddest = detector.explain(row)?.columns[0].feature;
            named += usize::from(is_flagged && oddest == *channel);
            if is_flagged && found[at].0 == 1 {
                println!("{kind:?} in the {}:", SENSOR_CHANNELS[*channel]);
                println!("{}\n", detector.explain(row)?.table(&SENSOR_CHANNELS)?);
            }
        }
        scores.push(score);
    }

    let is_faulty = new.is_faulty();
    let table = BinaryConfusion::at(threshold.value(), &scores, &is_faulty)?;
    println!("{table}");
    let rate = 100.0 * table.false_alarm_rate().unwrap_or(0.0);
    println!(
        "false alarms: {rate:.2} % of normal rows, {:.2} % were allowed",
        100.0 * FALSE_ALARMS
    );
    for (kind, (flagged, all)) in KINDS.iter().zip(found) {
        println!("  {kind:?}: {flagged} of {all} found");
    }
    println!("the faulty channel is named first in {named} of {} found", table.true_positives);
    let (auc, precision) = (roc_auc(&scores, &is_faulty)?, average_precision(&scores, &is_faulty)?);
    println!("ROC-AUC {auc:.3}, average precision {precision:.3}");
    Ok(())
}
