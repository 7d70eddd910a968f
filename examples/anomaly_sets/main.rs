//! Expect: ROC-AUC and average precision of one detector on ten tabular sets, beside what others reach; the mean of
//! the first above 0.955.
//!
//! ```sh
//! cargo run --release --example anomaly_sets --features npz -- --data DIR [--seeds N]
//! cargo run --release --example anomaly_sets --features npz -- --connections FILE [--seeds N]
//! cargo run --release --example anomaly_sets --features npz -- --quick
//! ```
//! DIR holds the sets of ADBench by their names there, such as `6_cardio.npz`. FILE is `KDDTrain+_20Percent.txt` of
//! NSL-KDD. `--quick` takes the embedded
//! digits, each digit in turn as the anomaly.

mod connections;
mod sets;
mod variational;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use autoencoder::anomaly::ScoreFor;
use autoencoder::anomaly::{
    AnomalyDetector, AnomalyScore, KernelDensity, NearestNeighbours, NearestReconstruction,
    ReconstructionProbability, ScaledResidual, SquaredResidual,
};
use autoencoder::layer::Unconditioned;
use autoencoder::loss::LossFor;
use autoencoder::metrics::{average_precision, roc_auc};
use autoencoder::nalgebra::Dyn;
use autoencoder::{AutoEncoder, Part, Result, datasets};
use sets::{Rows, SETS, path};

/// ROC-AUC and average precision.
type Found = [f64; 2];

fn rank<E, D, R, L, S>(model: &AutoEncoder<E, D, R, L>, score: S, rows: &Rows) -> Result<Found>
where
    E: Part<Input = Dyn, Condition = Unconditioned> + Clone,
    D: Part + Clone,
    R: Clone,
    L: LossFor<D> + Clone,
    S: AnomalyScore<f32> + ScoreFor<E, L::Target>,
{
    let detector = AnomalyDetector::fit(model.clone(), score, &rows.train)?;
    let scores = detector.scores(&rows.test)?;
    Ok([roc_auc(&scores, &rows.is_anomaly)?, average_precision(&scores, &rows.is_anomaly)?])
}

/// The scores' names in the table.
const SCORES: [&str; COUNT] =
    ["density", "nearest", "squared", "scaled", "vae", "vae-cols", "1-NN", "5-NN"];
const COUNT: usize = 8;

/// With the density of columns and residuals; the nearest reconstruction, and of the same model the squared and the
/// scaled residual; the reconstruction probability of a variational model, as its loss has it and by column; and
/// without a model the nearest neighbours.
fn run(rows: &Rows, seed: u64) -> Result<[Found; COUNT]> {
    let wide = sets::train_wide(&rows.train, None, seed)?;
    let model = sets::train(&rows.train, seed)?;
    let variational = variational::train(&rows.train, seed)?;
    let probability = ReconstructionProbability::new(20, seed)?;
    Ok([
        rank(&wide, KernelDensity::new(), rows)?,
        rank(&model, NearestReconstruction::new(1)?, rows)?,
        rank(&model, SquaredResidual, rows)?,
        rank(&model, ScaledResidual::new(), rows)?,
        rank(&variational, probability.clone(), rows)?,
        rank(&variational, probability.by_column(), rows)?,
        rank(&model, NearestNeighbours::new(1)?, rows)?,
        rank(&model, NearestNeighbours::new(5)?, rows)?,
    ])
}

/// The means over seeds, and each seed's ROC-AUC of the first.
fn over_seeds(rows: &Rows, seeds: u64) -> Result<([Found; COUNT], Vec<f64>)> {
    let (mut means, mut each) = ([[0.0; 2]; COUNT], Vec::new());
    for seed in 1..=seeds {
        let found = run(rows, seed)?;
        add(&mut means, found, seeds);
        each.push(found[0][0]);
    }
    Ok((means, each))
}

/// Adds a share of so many.
fn add(sums: &mut [Found; COUNT], found: [Found; COUNT], among: u64) {
    for (sum, found) in sums.as_flattened_mut().iter_mut().zip(found.as_flattened()) {
        *sum += found / among as f64;
    }
}

fn full(folder: PathBuf, seeds: u64) -> Result<bool> {
    print!("{:16}", "set");
    SCORES.iter().for_each(|score| print!(" {score:>8}"));
    println!(
        " | {:>6} {:>6} {:>6} {:>6} {:>6}   each seed of the first",
        "AE", "VAE", "forest", "norm", "PCA"
    );
    let (mut means, mut others, mut worst) = ([[0.0; 2]; COUNT], [0.0; 5], f64::INFINITY);
    let mut precisions = Vec::new();
    for (name, references) in SETS {
        let file = path(&folder, name);
        if !file.is_file() {
            println!("SKIPPED: {} is not there", file.display());
            return Ok(true);
        }
        let (mean, each) = over_seeds(&Rows::read(&file)?, seeds)?;
        line(name, mean, 0);
        references.iter().for_each(|auc| print!(" {auc:>6.3}"));
        println!("   {}", each.iter().map(|auc| format!("{auc:.4}")).collect::<Vec<_>>().join(" "));
        add(&mut means, mean, SETS.len() as u64);
        others.iter_mut().zip(references).for_each(|(sum, auc)| *sum += auc / SETS.len() as f64);
        worst = worst.min(mean[0][0] - references[0]);
        precisions.push((name, mean));
    }
    line("mean", means, 0);
    others.iter().for_each(|auc| print!(" {auc:>6.3}"));
    println!("\n\naverage precision");
    for (name, found) in precisions.into_iter().chain([("mean", means)]) {
        line(name, found, 1);
        println!();
    }
    println!("\nleast difference from PyOD's AutoEncoder on a set: {worst:+.3}");
    Ok(means[0][0] >= 0.955 && worst >= -0.03)
}

/// Of each score that of these two measures.
fn line(name: &str, found: [Found; COUNT], measure: usize) {
    print!("{name:16}");
    found.iter().for_each(|found| print!(" {:>8.4}", found[measure]));
    print!(" |");
}

/// Connections, ours beside the neighbours, with seconds to train and microseconds a row.
fn connections(file: PathBuf, seeds: u64) -> Result<bool> {
    let (rows, normalizer) = connections::read(&file)?;
    let mut is_ahead = true;
    for seed in 1..=seeds {
        let start = Instant::now();
        let model = sets::train_wide(&rows.train, Some(normalizer.clone()), seed)?;
        println!("seed {seed}: trained in {:.1} s", start.elapsed().as_secs_f64());
        let report = |name: &str, score: Box<dyn AnomalyScore<f32>>| -> Result<f64> {
            let start = Instant::now();
            let [auc, precision] = rank(&model, score, &rows)?;
            let micros = start.elapsed().as_secs_f64() * 1e6 / rows.test.samples() as f64;
            println!("{name:8} {auc:.4} {precision:.4} {micros:6.0} µs a row");
            Ok(auc)
        };
        let density = report("density", Box::new(KernelDensity::new()))?;
        let nearest = report("1-NN", Box::new(NearestNeighbours::new(1)?))?;
        report("5-NN", Box::new(NearestNeighbours::new(5)?))?;
        report("nearest", Box::new(NearestReconstruction::new(1)?))?;
        is_ahead &= density >= nearest;
    }
    Ok(is_ahead)
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
        SCORES.iter().zip(found).for_each(|(score, [auc, _])| print!(" {score} {auc:.4}"));
        println!();
        // The nearest reconstruction beside the squared residual.
        is_better &= found[1][0] > found[2][0];
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
        None if words.iter().any(|word| word == "--connections") => {
            connections(value("--connections").unwrap_or_default().into(), seeds)
        }
        None => {
            println!("SKIPPED: needs --data DIR, --connections FILE, or --quick");
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
