//! Expect: 45 MB of text trained on with 1.6 MB of samples in memory at a time, in a process of about 5 MB.

use std::fs::{File, remove_file};
use std::io::{BufWriter, Write};
use std::path::Path;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::{Csv, CsvOptions, Normalization, Source};
use autoencoder::nalgebra::Const;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::{Adam, AutoEncoder, Dense, Normalizer, Result, Trainer};

const SAMPLES: usize = 100_000;
const FEATURES: usize = 64;
/// Three blocks of so many samples are in memory.
const BUFFER: usize = 2048;

/// Writes sensors that see three hidden sources and some noise, a row a sample.
fn write_csv(path: &Path) -> std::io::Result<u64> {
    let rng = &mut seeded(1);
    let mut file = BufWriter::new(File::create(path)?);
    for _ in 0..SAMPLES {
        let sources: [f32; 3] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
        for sensor in 0..FEATURES {
            let angle = sensor as f32 * 0.3;
            let seen = sources[0] * angle.sin() + sources[1] * angle.cos() + sources[2] * 0.5;
            let end = if sensor + 1 < FEATURES { ',' } else { '\n' };
            write!(file, "{:.3}{end}", 20.0 + seen + rng.random_range(-0.1..0.1))?;
        }
    }
    file.flush()?;
    Ok(std::fs::metadata(path)?.len())
}

/// The most memory this process has had at once, where the system says it.
fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1e3)
}

fn train(path: &Path) -> Result<()> {
    let mut rows: Csv<f32, Const<FEATURES>> = CsvOptions::new().header(false).open(path)?;
    println!("{} samples of {FEATURES} features", rows.samples());
    let normalizer = Normalizer::fit_source(Normalization::Standardize, &mut rows)?;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<FEATURES, 3>::new(Tanh))
        .decoder(Dense::<3, FEATURES>::new(Identity))
        .normalizer(normalizer)
        .build::<f32>()?;
    let mut trainer = Trainer::new(Adam::new(2e-3)?).epochs(3).shuffle_buffer(BUFFER);
    let report = trainer.fit(&mut model, &mut rows)?;
    println!("{report}");
    Ok(())
}

fn main() -> Result<()> {
    let path = std::env::temp_dir().join(format!("autoencoder-stream-{}.csv", std::process::id()));
    match write_csv(&path) {
        Ok(bytes) => println!("a file of {:.1} MB", bytes as f64 / 1e6),
        Err(error) => {
            eprintln!("cannot write {}: {error}", path.display());
            std::process::exit(1);
        }
    }
    let trained = train(&path);
    let _ = remove_file(&path);
    trained?;
    let megabytes = |samples: usize| (samples * FEATURES * size_of::<f32>()) as f64 / 1e6;
    println!("samples in memory at a time: {:.1} MB", megabytes(3 * BUFFER));
    println!("all samples in memory would be: {:.1} MB", megabytes(SAMPLES));
    match peak_megabytes() {
        Some(peak) => println!("most memory of the whole process: {peak:.1} MB"),
        None => println!("this system does not say how much memory a process has had"),
    }
    Ok(())
}
