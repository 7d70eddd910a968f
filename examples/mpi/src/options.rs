//! What the program is told: names and values, by hand.

use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str = "\
autoencoder-mpi [options], under mpirun, or alone as one process

  --data DIR             with MNIST's file train-images-idx3-ubyte, plain or .gz (default: generated images)
  --samples N            generated images (default: 60000)
  --in-memory            each process loads all images (default: each reads its part of the files)
  --small                a net of 784-64-32-16-8 (default: 784-1000-500-250-30)
  --shards S             parts of a batch; the bits depend on it (default: 12)
  --batch N              samples of a step (default: 512)
  --buffer N             images that are read and shuffled together (default: 8192)
  --epochs N             passes over the data (default: 3)
  --rate R               learning rate of Adam (default: 0.001)
  --seed N               of weights, order and draws (default: 0)
  --threads N            threads of each process, with the feature parallel (default: 1)
  --early-stopping N     ends after so many epochs without an improvement on images that are held out, a sixth of all
  --checkpoint FILE      saves the training after each epoch
  --steps N              saves it after so many steps as well
  --resume               goes on from the checkpoint
  --log FILE             the course of the training as CSV
  --timeout SECONDS      a process that waits longer for the others ends all (default: 300)
  --check                puts the connection to the test, and trains nothing
";

#[derive(Debug, Clone)]
pub struct Options {
    pub data: Option<PathBuf>,
    pub samples: usize,
    pub in_memory: bool,
    pub small: bool,
    pub shards: usize,
    pub batch: usize,
    pub buffer: usize,
    pub epochs: usize,
    pub rate: f64,
    pub seed: u64,
    pub threads: usize,
    pub early_stopping: Option<usize>,
    pub checkpoint: Option<PathBuf>,
    pub steps: Option<u64>,
    pub resume: bool,
    pub log: Option<PathBuf>,
    pub timeout: Duration,
    pub check: bool,
    pub help: bool,
    pub faults: Faults,
}

/// What goes wrong on one process, in tests: its number, and for one the step.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    pub seed: Option<usize>,
    pub data: Option<usize>,
    pub sleep: Option<usize>,
    pub die: Option<(usize, u64)>,
}

impl Options {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            data: None,
            samples: 60_000,
            in_memory: false,
            small: false,
            shards: 12,
            batch: 512,
            buffer: 8192,
            epochs: 3,
            rate: 1e-3,
            seed: 0,
            threads: 1,
            early_stopping: None,
            checkpoint: None,
            steps: None,
            resume: false,
            log: None,
            timeout: Duration::from_secs(300),
            check: false,
            help: false,
            faults: Faults::default(),
        };
        while let Some(name) = words.next() {
            let words = &mut words;
            match name.as_str() {
                "--data" => options.data = Some(value(&name, words)?),
                "--samples" => options.samples = value(&name, words)?,
                "--in-memory" => options.in_memory = true,
                "--small" => options.small = true,
                "--shards" => options.shards = value(&name, words)?,
                "--batch" => options.batch = value(&name, words)?,
                "--buffer" => options.buffer = value(&name, words)?,
                "--epochs" => options.epochs = value(&name, words)?,
                "--rate" => options.rate = value(&name, words)?,
                "--seed" => options.seed = value(&name, words)?,
                "--threads" => options.threads = value(&name, words)?,
                "--early-stopping" => options.early_stopping = Some(value(&name, words)?),
                "--checkpoint" => options.checkpoint = Some(value(&name, words)?),
                "--steps" => options.steps = Some(value(&name, words)?),
                "--resume" => options.resume = true,
                "--log" => options.log = Some(value(&name, words)?),
                "--timeout" => options.timeout = Duration::from_secs(value(&name, words)?),
                "--check" => options.check = true,
                "--help" | "-h" => options.help = true,
                "--fault-seed" => options.faults.seed = Some(value(&name, words)?),
                "--fault-data" => options.faults.data = Some(value(&name, words)?),
                "--fault-sleep" => options.faults.sleep = Some(value(&name, words)?),
                "--fault-die" => {
                    options.faults.die = Some((value(&name, words)?, value(&name, words)?));
                }
                _ => return Err(format!("there is no option {name}; --help shows all")),
            }
        }
        let needs_file = options.resume || options.steps.is_some();
        if needs_file && options.checkpoint.is_none() {
            return Err("--resume and --steps need --checkpoint FILE".to_owned());
        }
        Ok(options)
    }
}

/// The next word, as the value of an option.
fn value<V: std::str::FromStr>(
    name: &str,
    words: &mut impl Iterator<Item = String>,
) -> Result<V, String> {
    let word = words.next().ok_or_else(|| format!("{name} needs a value"))?;
    word.parse().map_err(|_| format!("{name} cannot be {word}"))
}
