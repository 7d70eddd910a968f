//! What the tables share: the clock, the data, a training step by step, and the words of the command line.
// Each program uses a part of it.
#![allow(dead_code)]

use std::time::Instant;

use autoencoder::layer::Unconditioned;
use autoencoder::loss::{LossFor, WithInput};
use autoencoder::size::SameSize;
use autoencoder::train::Event;
use autoencoder::*;

/// Steps of a round of each contestant.
pub const STEPS: usize = 32;
/// Rounds at least, and seconds at least, for each row.
pub const ROUNDS: usize = 5;
const SECONDS: f64 = 2.0;

/// Appends to the times, in microseconds, those of one round.
pub type Contestant = Box<dyn FnMut(&mut Vec<f64>)>;

/// All contestants in turns, so that a slow moment of the machine meets all alike; the times of each. If it is to be
/// quick, one round: it shows that all run.
pub fn in_turns(mut contestants: Vec<Contestant>, is_quick: bool) -> Vec<Vec<f64>> {
    let (least, seconds) = if is_quick { (1, 0.0) } else { (ROUNDS, SECONDS) };
    let mut times = vec![Vec::new(); contestants.len()];
    let begin = Instant::now();
    let mut rounds = 0;
    while rounds < least || begin.elapsed().as_secs_f64() < seconds * times.len() as f64 {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            contestant(times);
        }
        rounds += 1;
    }
    times
}

/// The median, and half the distance between the quartiles as a percentage of it.
pub fn median(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    (at(0.5), 50.0 * (at(0.75) - at(0.25)) / at(0.5))
}

/// Values from 0 to 1 without structure.
pub fn noise(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    std::iter::repeat_with(draw).take(len).collect()
}

/// Weights and biases of dense layers, by inputs and outputs: those of [`shared_kernels`] with one tap.
pub fn shared_parameters(layers: &[(usize, usize)]) -> Vec<f32> {
    shared_kernels(
        &layers.iter().map(|&(inputs, outputs)| (inputs, outputs, 1)).collect::<Vec<_>>(),
    )
}

/// Weights and biases of convolutions, by channels of inputs and outputs and taps of the kernel: `peers/common.py` makes
/// the same, so that results can be compared. They are uniform, weights as Glorot and Bengio draw them, biases within 0.1.
pub fn shared_kernels(layers: &[(usize, usize, usize)]) -> Vec<f32> {
    let count = layers.iter().map(|(inputs, outputs, taps)| (inputs * taps + 1) * outputs).sum();
    let (mut parameters, mut first) = (noise(count), 0);
    for (inputs, outputs, taps) in layers {
        let most = (6.0 / ((inputs + outputs) * taps) as f64).sqrt();
        for (len, width) in [(inputs * taps * outputs, 2.0 * most), (*outputs, 0.2)] {
            let tensor = &mut parameters[first..first + len];
            tensor.iter_mut().for_each(|value| *value = (*value - 0.5) * width as f32);
            first += len;
        }
    }
    parameters
}

/// So many samples for a model.
fn samples<E: Part, D, R, L>(
    model: &AutoEncoder<E, D, R, L>,
    count: usize,
) -> Batch<f32, E::Input> {
    let encoder = model.encoder();
    Batch::new(encoder.input(), noise(encoder.num_inputs() * count)).expect("whole samples")
}

/// Trains the model; a time is that between two steps, as an observer hears of them.
pub fn training<E, D, R, L>(
    mut model: AutoEncoder<E, D, R, L>,
    batch: usize,
    threads: usize,
) -> Contestant
where
    E: Part<Condition = Unconditioned> + 'static,
    E::Input: SameSize<E::Input>,
    D: Part + 'static,
    R: 'static,
    L: LossFor<D, Target = WithInput> + 'static,
{
    let data = samples(&model, batch * STEPS);
    Box::new(move |times| {
        let mut last: Option<Instant> = None;
        let observe = |event: &Event<'_>| {
            if let Event::Batch(_) = event {
                times.extend(last.map(|last| last.elapsed().as_secs_f64() * 1e6));
                last = Some(Instant::now());
            }
        };
        let adam = Adam::new(1e-3).expect("in range");
        let trainer = Trainer::new(adam).epochs(1).batch_size(batch).observer(observe);
        #[cfg(feature = "parallel")]
        let mut trainer = trainer.threads(threads);
        #[cfg(not(feature = "parallel"))]
        let mut trainer = trainer;
        #[cfg(not(feature = "parallel"))]
        assert_eq!(threads, 1, "more than one thread needs `--features parallel`");
        trainer.fit(&mut model, &data).expect("finite");
    })
}

/// Samples of a minibatch where libraries are compared by a loss.
pub const BATCH: usize = 128;

/// The loss on the first minibatch, and the training on each number of threads.
pub type Contest = (f64, Vec<Contestant>);

/// Makes both.
pub type Maker = fn(&[usize]) -> Contest;

/// The contest of a model with these parameters.
pub fn contest<E, D, R, L>(
    mut model: AutoEncoder<E, D, R, L>,
    parameters: &[f32],
    threads: &[usize],
) -> Contest
where
    AutoEncoder<E, D, R, L>: Clone,
    E: Part<Condition = Unconditioned> + 'static,
    E::Input: SameSize<E::Input>,
    D: Part + 'static,
    R: 'static,
    L: LossFor<D, Target = WithInput> + 'static,
{
    model.set_parameters(parameters).expect("as many");
    let loss = model.loss(&samples(&model, BATCH)).expect("finite").total();
    (loss, threads.iter().map(|&threads| training(model.clone(), BATCH, threads)).collect())
}

/// The table of the contests that are asked for after `--`.
pub fn contests(cases: &[(&str, Maker)]) {
    let mut words = Words::of_command_line();
    let (json, threads, is_quick) =
        (words.option("--json"), words.threads(), words.flag("--quick"));
    println!(
        "{:<40} {:>7} {:>10} {:>6} {:>10}",
        "net (f32, Adam, batch 128)", "threads", "step µs", "±", "loss"
    );
    let mut rows = Vec::new();
    for (case, contest) in cases.iter().filter(|(case, _)| words.want(case)) {
        let (loss, contestants) = contest(&threads);
        for (threads, times) in threads.iter().zip(&mut in_turns(contestants, is_quick)) {
            let (step, spread) = median(times);
            println!("{case:<40} {threads:>7} {step:>10.1} {spread:>5.1}% {loss:>10.4}");
            rows.push(format!(
                r#"{{"case":"{case}","batch":{BATCH},"threads":{threads},"step_us":{step},"spread_percent":{spread},"value":{loss}}}"#
            ));
        }
    }
    write_json(json, &rows);
}

/// What was asked for after `--`.
pub struct Words(Vec<String>);

impl Words {
    pub fn of_command_line() -> Self {
        Self(std::env::args().skip(1).filter(|word| word != "--bench").collect())
    }

    /// Takes the word away, if it is there.
    pub fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| word == name);
        at.map(|at| self.0.remove(at)).is_some()
    }

    /// Takes the word away, and the one behind it.
    pub fn option(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|word| word == name)?;
        self.0.remove(at);
        (at < self.0.len()).then(|| self.0.remove(at))
    }

    /// Numbers of threads: `--threads 1,2`.
    pub fn threads(&mut self) -> Vec<usize> {
        let counts = self.option("--threads").unwrap_or_else(|| "1".to_owned());
        let number = |count: &str| count.parse().expect("a number of threads");
        counts.split(',').map(number).collect()
    }

    /// Whether a case of this name is wanted: one that contains all words that are left.
    pub fn want(&self, name: &str) -> bool {
        self.0.iter().all(|word| name.contains(word.as_str()))
    }
}

/// The most memory that this process ever had, in MiB. Linux alone says it.
pub fn most_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(most.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}

/// Writes the rows, if a file was named.
pub fn write_json(file: Option<String>, rows: &[String]) {
    if let Some(file) = file
        && let Err(error) = std::fs::write(&file, format!("[{}]\n", rows.join(",\n")))
    {
        eprintln!("{file}: {error}");
    }
}
