//! Expect: published results beside what this crate reaches, a row each: target, measured, verdict, time.
//!
//! ```sh
//! cargo run --release --example papers --features gzip,table,parallel -- --data DIR \
//!     [--row N] [--from S] [--seeds N] [--threads N] [--verbose]
//! cargo run --release --example papers --features gzip,table -- --quick
//! ```
//! DIR holds `mnist`, `optdigits`, `natural`, `tables` and `series`. A row takes N seeds from S on, 1 to 3 if neither is
//! given. `--quick` runs small versions on the embedded digits, or generated textures, tables and series, each against an
//! oracle of its own, in less than two minutes. `--verbose` shows every training's course. Row 9 takes `--stages N` and, with the feature
//! `safetensors`, `--keep DIR`, from where it goes on if it was broken off. Row 22 takes `--export DIR`, row 23
//! `--pictures DIR`. What came out is in `RESULTS.md`.

mod connections;
mod convolutional_variational;
mod data;
mod deep;
mod denoising;
mod denoising_convolutional;
mod dictionary;
mod few_labels;
mod image_anomalies;
mod importance;
mod k_sparse;
mod keras;
mod keras_convolutional;
mod known_features;
mod momentum;
mod nets;
mod pca;
mod ranking;
mod report;
mod self_taught;
mod series;
mod series_generated;
mod sparse;
mod stacked;
mod strided;
mod superposition;
mod variational;
#[path = "../anomaly_sets/wide.rs"]
mod wide;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use autoencoder::Trainer;
use autoencoder::train::Event;

use data::Stop;
use report::{Line, table};

type Run = fn(&Settings) -> Result<Vec<Line>, Stop>;

/// Number, name, the run on the paper's data and the quick one.
const ROWS: &[(u32, &str, Run, Run)] = &[
    (1, "a linear autoencoder is PCA", pca::full, pca::quick),
    (3, "edges in natural images, UFLDL", sparse::full, sparse::quick),
    (7, "one hidden layer, Keras blog", keras::full, keras::quick),
    (5, "self-taught learning, UFLDL", self_taught::full, self_taught::quick),
    (6, "stacked sparse autoencoder, UFLDL", stacked::full, stacked::quick),
    (2, "variational autoencoder", variational::full, variational::quick),
    (9, "importance-weighted autoencoder", importance::full, importance::quick),
    (4, "deep autoencoder", deep::full, deep::quick),
    (11, "Nesterov's momentum", momentum::full, momentum::quick),
    (10, "stacked denoising autoencoders", denoising::full, denoising::quick),
    (8, "contractive, denoising, decay, plain", ranking::full, ranking::quick),
    (12, "convolutional, Keras blog", keras_convolutional::full, keras_convolutional::quick),
    (13, "strided convolutions beside dense layers", strided::full, strided::quick),
    (
        14,
        "denoising convolutions, Keras blog",
        denoising_convolutional::full,
        denoising_convolutional::quick,
    ),
    (
        15,
        "variational, with convolutions",
        convolutional_variational::full,
        convolutional_variational::quick,
    ),
    (16, "few labels, many images", few_labels::full, few_labels::quick),
    (17, "odd images and odd pixels", image_anomalies::full, image_anomalies::quick),
    (18, "connections through a schema", connections::full, connections::quick),
    (19, "odd steps of series", series::full, series::quick),
    (20, "a sparse dictionary finds its atoms", dictionary::full, dictionary::quick),
    (21, "k-sparse autoencoder", k_sparse::full, k_sparse::quick),
    (22, "a small SynthSAEBench", known_features::full, known_features::quick),
    (23, "toy models of superposition", superposition::full, superposition::quick),
];

/// What the command line says.
#[derive(Debug, Default)]
pub struct Settings {
    data: Option<PathBuf>,
    row: Option<u32>,
    from: u64,
    seeds: u64,
    threads: usize,
    stages: u32,
    export: Option<PathBuf>,
    pictures: Option<PathBuf>,
    #[cfg(feature = "safetensors")]
    keep: Option<PathBuf>,
    is_quick: bool,
    is_verbose: bool,
}

impl Settings {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self { from: 1, seeds: 3, threads: 1, stages: 5, ..Self::default() };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
            match word.as_str() {
                "--data" => settings.data = Some(value()?.into()),
                "--row" => settings.row = Some(number(value()?)?),
                "--from" => settings.from = u64::from(number(value()?)?),
                "--seeds" => settings.seeds = u64::from(number(value()?)?).max(1),
                "--threads" => settings.threads = number(value()?)?.max(1) as usize,
                "--export" => settings.export = Some(value()?.into()),
                "--pictures" => settings.pictures = Some(value()?.into()),
                "--stages" => settings.stages = number(value()?)?.clamp(1, 8),
                #[cfg(feature = "safetensors")]
                "--keep" => settings.keep = Some(value()?.into()),
                "--quick" => settings.is_quick = true,
                "--verbose" => settings.is_verbose = true,
                _ => return Err(format!("what is {word}?")),
            }
        }
        match settings.row {
            Some(row) if ROWS.iter().all(|(number, ..)| *number != row) => {
                Err(format!("there is no row {row}"))
            }
            _ => Ok(settings),
        }
    }

    /// The folder of the data sets.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Seeds of what is stochastic. A quick run takes the first alone, whatever was asked for.
    pub fn seeds(&self) -> std::ops::RangeInclusive<u64> {
        if self.is_quick { 1..=1 } else { self.from..=self.from + (self.seeds - 1) }
    }

    /// Where row 22 writes what its peer reads, if anywhere.
    pub fn export(&self) -> Option<&Path> {
        self.export.as_deref()
    }

    /// Where row 23 draws, if anywhere.
    pub fn pictures(&self) -> Option<&Path> {
        self.pictures.as_deref()
    }

    /// How many of the eight stages of row 9.
    pub fn stages(&self) -> u32 {
        self.stages
    }

    /// Shows a line of a training's course if that was asked for.
    pub fn say(&self, line: &str) {
        if self.is_verbose {
            eprintln!("{line}");
        }
    }

    /// A trainer on the threads that were asked for, which shows its course if that was.
    pub fn trainer<O: autoencoder::optimizer::Trains>(
        &self,
        optimizer: O,
        seed: u64,
    ) -> Trainer<'static, O> {
        let trainer = Trainer::new(optimizer).seed(seed);
        #[cfg(feature = "parallel")]
        let trainer = trainer.threads(self.threads);
        let is_verbose = self.is_verbose;
        trainer.observer(move |event: &Event<'_>| match event {
            Event::End(report) if is_verbose => eprintln!("{report}\n"),
            _ => {}
        })
    }

    /// Saves the training after each pass, by this name in the folder given as `--keep`, and goes on from
    /// what is there already.
    pub fn kept<'a, O>(&self, trainer: Trainer<'a, O>, name: &str) -> Trainer<'a, O> {
        #[cfg(feature = "safetensors")]
        if let Some(folder) = &self.keep {
            let path = folder.join(format!("{name}.safetensors"));
            return trainer.checkpoints(autoencoder::train::Checkpoints::new(path).resume(true));
        }
        let _ = name;
        trainer
    }
}

fn main() -> ExitCode {
    let settings = match Settings::parse(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut has_failed = false;
    for (number, name, full, quick) in ROWS {
        if settings.row.is_some_and(|row| row != *number) {
            continue;
        }
        println!("row {number}: {name}");
        let start = Instant::now();
        let run = if settings.is_quick { quick } else { full };
        match run(&settings) {
            Ok(lines) => {
                print!("{}", table(&lines));
                has_failed |= settings.is_quick && !lines.iter().all(Line::is_good);
            }
            Err(Stop::NoFolder) => println!("  SKIPPED: needs --data DIR"),
            Err(Stop::Missing(path)) => println!("  SKIPPED: {} is missing", path.display()),
            Err(Stop::Failed(error)) => {
                println!("  FAILED: {error}");
                has_failed = true;
            }
        }
        println!("  {:.1} s\n", start.elapsed().as_secs_f64());
    }
    if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
