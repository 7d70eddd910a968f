//! What the Rust peers share: their options, the data, the clock and the line they print.

use std::time::{Duration, Instant};

/// Minibatches that a training goes through, again and again.
pub const BATCHES: usize = 30;
pub const LEARNING_RATE: f64 = 1e-3;

pub struct Options {
    case: String,
    pub sizes: Vec<usize>,
    pub batch: usize,
    pub threads: usize,
    quick: bool,
}

impl Options {
    /// `--case 784-128-784 --batch 128 --threads 1 [--quick]`
    pub fn from_args() -> Self {
        let words: Vec<String> = std::env::args().collect();
        let option = |name: &str| {
            let at = words.iter().position(|word| word == name);
            at.and_then(|at| words.get(at + 1)).unwrap_or_else(|| panic!("{name} is missing"))
        };
        let number = |text: &str| -> usize { text.parse().expect("a whole number") };
        let case = option("--case").clone();
        Self {
            sizes: case.split('-').map(number).collect(),
            case,
            batch: number(option("--batch")),
            threads: number(option("--threads")),
            quick: words.iter().any(|word| word == "--quick"),
        }
    }

    /// All minibatches, one sample after the other.
    pub fn data(&self) -> Vec<f32> {
        let mut state = 1_u32;
        let draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0
        };
        std::iter::repeat_with(draw).take(BATCHES * self.batch * self.sizes[0]).collect()
    }

    /// Median microseconds of `step`, called with the number of a minibatch until the time is over.
    pub fn median_us(&self, mut step: impl FnMut(usize)) -> f64 {
        let (steps, time) = if self.quick { (5, 0.1) } else { (BATCHES, 1.0) };
        (0..5).for_each(&mut step); // warm up
        let begin = Instant::now();
        let mut times: Vec<Duration> = Vec::new();
        while times.len() < steps || begin.elapsed().as_secs_f64() < time {
            let start = Instant::now();
            step(times.len() % BATCHES);
            times.push(start.elapsed());
        }
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e6
    }

    /// Prints the result, and fails if nothing was learned.
    pub fn report(&self, library: &str, version: &str, step_us: f64, before: f32, after: f32) {
        assert!(after < before, "the loss went from {before} to {after}");
        self.print(library, version, step_us);
    }

    /// Prints the result.
    pub fn print(&self, library: &str, version: &str, step_us: f64) {
        let Self { case, batch, threads, .. } = self;
        println!(
            r#"{{"library":"{library}","version":"{version}","case":"{case}","batch":{batch},"threads":{threads},"step_us":{step_us:.2}}}"#
        );
    }
}

/// The version of a package, as its lock file says.
pub fn version(package: &str, lock: &'static str) -> &'static str {
    let entry = format!("name = \"{package}\"\nversion = \"");
    let rest = lock.split_once(&entry).expect("a dependency").1;
    rest.split_once('"').expect("a lock file").0
}
