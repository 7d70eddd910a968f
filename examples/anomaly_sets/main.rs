//! Expect: the ROC-AUC of one detector on ten tabular sets, beside what others reach; the mean above 0.955.
//!
//! ```sh
//! cargo run --release --example anomaly_sets --features npz -- --data DIR [--seeds N]
//! cargo run --release --example anomaly_sets --features npz -- --quick
//! ```
//! DIR holds the sets of ADBench by their names there, such as `6_cardio.npz`. `--quick` takes the embedded
//! digits, each digit in turn as the anomaly.

mod sets;
mod variational;

use std::path::PathBuf;
use std::process::ExitCode;

use autoencoder::anomaly::ScoreFor;
use autoencoder::anomaly::{
    AnomalyDetector, AnomalyScore, NearestReconstruction, ReconstructionProbability,
    ScaledResidual, SquaredResidual,
};
use autoencoder::layer::Unconditioned;
use autoencoder::loss::LossFor;
use autoencoder::metrics::roc_auc;
use autoencoder::nalgebra::Dyn;
use autoencoder::{AutoEncoder, Part, Result, datasets};
use sets::{Rows, SETS, path};

fn auc<E, D, R, L, S>(model: &AutoEncoder<E, D, R, L>, score: S, rows: &Rows) -> Result<f64>
where
    E: Part<Input = Dyn, Condition = Unconditioned> + Clone,
    D: Part + Clone,
    R: Clone,
    L: LossFor<D> + Clone,
    S: AnomalyScore<f32> + ScoreFor<E, L::Target>,
{
    let detector = AnomalyDetector::fit(model.clone(), score, &rows.train)?;
    roc_auc(&detector.scores(&rows.test)?, &rows.is_anomaly)
}

/// The scores' names in the table.
const SCORES: [&str; 5] = ["nearest", "squared", "scaled", "vae", "vae-cols"];

/// With the nearest reconstruction; of the same model the squared and the scaled residual; and the
/// reconstruction probability of a variational model, as its loss has it and by column.
fn run(rows: &Rows, seed: u64) -> Result<[f64; 5]> {
    let model = sets::train(&rows.train, seed)?;
    let variational = variational::train(&rows.train, seed)?;
    let probability = ReconstructionProbability::new(20, seed)?;
    Ok([
        auc(&model, NearestReconstruction::new(1)?, rows)?,
        auc(&model, SquaredResidual, rows)?,
        auc(&model, ScaledResidual::new(), rows)?,
        auc(&variational, probability.clone(), rows)?,
        auc(&variational, probability.by_column(), rows)?,
    ])
}

/// The mean over seeds of each score, and each seed's of the first.
fn over_seeds(rows: &Rows, seeds: u64) -> Result<([f64; 5], Vec<f64>)> {
    let (mut mean, mut each) = ([0.0; 5], Vec::new());
    for seed in 1..=seeds {
        let found = run(rows, seed)?;
        mean.iter_mut().zip(found).for_each(|(mean, auc)| *mean += auc / seeds as f64);
        each.push(found[0]);
    }
    Ok((mean, each))
}

fn full(folder: PathBuf, seeds: u64) -> Result<bool> {
    print!("{:16}", "set");
    SCORES.iter().for_each(|score| print!(" {score:>8}"));
    println!(
        " | {:>6} {:>6} {:>6} {:>6} {:>6}   each seed of the first",
        "AE", "VAE", "forest", "norm", "PCA"
    );
    let (mut means, mut others, mut worst) = ([0.0; 5], [0.0; 5], f64::INFINITY);
    for (name, references) in SETS {
        let file = path(&folder, name);
        if !file.is_file() {
            println!("SKIPPED: {} is not there", file.display());
            return Ok(true);
        }
        let (mean, each) = over_seeds(&Rows::read(&file)?, seeds)?;
        line(name, mean, references);
        println!("   {}", each.iter().map(|auc| format!("{auc:.4}")).collect::<Vec<_>>().join(" "));
        means.iter_mut().zip(mean).for_each(|(sum, auc)| *sum += auc / SETS.len() as f64);
        others.iter_mut().zip(references).for_each(|(sum, auc)| *sum += auc / SETS.len() as f64);
        worst = worst.min(mean[0] - references[0]);
    }
    line("mean", means, others);
    println!("\nleast difference from PyOD's AutoEncoder on a set: {worst:+.3}");
    Ok(means[0] >= 0.955 && worst >= -0.03)
}

fn line(name: &str, ours: [f64; 5], others: [f64; 5]) {
    print!("{name:16}");
    ours.iter().for_each(|auc| print!(" {auc:>8.4}"));
    print!(" |");
    others.iter().for_each(|auc| print!(" {auc:>6.3}"));
}

/// Digits; one of them is the anomaly and is not trained on.
fn quick() -> Result<bool> {
    let digits = datasets::digits::<f32>();
    let labels: Vec<u8> = [&digits.train_labels[..], &digits.test_labels[..]].concat();
    let all = digits.all().into_dynamic();
    let mut is_better = true;
    for odd in [0, 3, 8] {
        let is_anomaly: Vec<bool> = labels.iter().map(|&label| label == odd).collect();
        let found = run(&Rows::divide(&all, &is_anomaly), 1)?;
        print!("digit {odd} is odd:");
        SCORES.iter().zip(found).for_each(|(score, auc)| print!(" {score} {auc:.4}"));
        println!();
        is_better &= found[0] > found[1];
    }
    Ok(is_better)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let seeds = value("--seeds").and_then(|text| text.parse().ok()).unwrap_or(3);
    let result = match value("--data") {
        _ if words.iter().any(|word| word == "--quick") => quick(),
        Some(folder) => full(folder.into(), seeds),
        None => {
            println!("SKIPPED: needs --data DIR, or --quick");
            Ok(true)
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("not reached");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
