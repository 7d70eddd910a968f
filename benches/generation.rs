//! Time of calls on many samples: new samples, likelihoods, anomaly scores, nearest neighbours; `peers/run.py` compares
//! them with other libraries.
//!
//! `cargo bench -p autoencoder-benches --bench generation` prints the table. After `--`: `--json FILE` writes it as well,
//! `--threads 1,2` measures with one and with two threads (more than one need the feature `parallel`), `--quick` makes
//! one call of each, any other word takes only the cases whose name contains it.
//!
//! The value in it is a mean of what a call returns. Parameters and data are those that the other libraries have, so
//! that theirs is the same, up to the randomness of draws.

use std::hint::black_box;
use std::time::Instant;

use autoencoder::activation::{Identity, Relu, Tanh};
use autoencoder::anomaly::{AnomalyDetector, ScaledResidual};
use autoencoder::data::Normalization;
use autoencoder::metrics::nearest;
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::{Const, Dyn};

mod common;
use common::{Words, median, noise, shared_parameters, write_json};

/// Calls at least, and seconds at least, for each row, after one to warm up.
const CALLS: usize = 3;
const SECONDS: f64 = 2.0;

/// Makes the call; its microseconds and the mean of what it returned.
type Call = Box<dyn FnMut() -> (f64, f64) + Send>;

/// Makes ready what the call needs.
type Maker = fn() -> Call;

fn timed<O>(call: impl FnOnce() -> O, mean: impl FnOnce(O) -> f64) -> (f64, f64) {
    let start = Instant::now();
    let output = black_box(call());
    (start.elapsed().as_secs_f64() * 1e6, mean(output))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn data<const N: usize>(samples: usize) -> Batch<f32, Const<N>> {
    Batch::new(Const, noise(N * samples)).expect("whole samples")
}

/// Expands to a variational model of 784-400-2×20-400-784 with the shared parameters: its type has no name.
macro_rules! variational {
    () => {{
        let head = || Dense::<400, 20>::new(Identity);
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(Dense::<784, 400>::new(Relu), head(), head()))
            .decoder(Dense::<20, 400>::new(Relu).then(Dense::<400, 784>::new(Identity)))
            .regularizer(Variational::default())
            .loss(BernoulliCrossEntropy)
            .build::<f32>()
            .expect("sizes fit");
        let layers = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)];
        model.set_parameters(&shared_parameters(&layers)).expect("as many");
        model
    }};
}

fn sample() -> Call {
    let (model, mut rng) = (variational!(), seeded(1));
    Box::new(move || {
        timed(
            || model.sample(10_000, &mut rng).expect("a prior"),
            |samples| mean(samples.as_slice().iter().map(|&value| f64::from(value))),
        )
    })
}

fn likelihood() -> Call {
    let (model, x, mut rng) = (variational!(), data::<784>(20), seeded(1));
    Box::new(move || {
        timed(
            || model.negative_log_likelihood(&x, 5_000, &mut rng).expect("finite"),
            |nats| mean(nats.into_iter()),
        )
    })
}

/// A table of a million rows, of which the first 10,000 are what the score is fitted to.
fn scores() -> Call {
    let rows = data::<30>(1_000_000);
    let reference = rows.select(0..10_000);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<30, 16>::new(Tanh).then(Dense::<16, 4>::new(Identity)))
        .decoder(Dense::<4, 16>::new(Tanh).then(Dense::<16, 30>::new(Identity)))
        .normalizer(Normalizer::fit(Normalization::Standardize, &reference).expect("finite"))
        .build::<f32>()
        .expect("sizes fit");
    let layers = [(30, 16), (16, 4), (4, 16), (16, 30)];
    model.set_parameters(&shared_parameters(&layers)).expect("as many");
    let detector = AnomalyDetector::fit(model, ScaledResidual::new(), &reference).expect("finite");
    Box::new(move || {
        timed(|| detector.scores(&rows).expect("finite"), |scores| mean(scores.into_iter()))
    })
}

/// The five nearest of 20,000 samples, for so many queries, which are the values behind the samples'.
fn neighbors(queries: usize, features: usize) -> Call {
    const SAMPLES: usize = 20_000;
    let mut all = noise((SAMPLES + queries) * features);
    let behind = all.split_off(SAMPLES * features);
    let of = |values| Batch::new(Dyn(features), values).expect("whole samples");
    let (samples, queries) = (of(all), of(behind));
    Box::new(move || {
        timed(
            || nearest(&samples, &queries, 5).expect("finite"),
            |found| {
                mean((0..found.queries()).map(|query| mean(found.distances(query).iter().copied())))
            },
        )
    })
}

/// The same call, on so many threads.
fn on_threads(call: Call, threads: usize) -> Call {
    #[cfg(feature = "parallel")]
    if threads > 1 {
        let (mut call, threads) = (call, Threads::new(threads).expect("threads"));
        return Box::new(move || threads.run(&mut call));
    }
    assert_eq!(threads, 1, "more than one thread needs `--features parallel`");
    call
}

fn main() {
    let mut words = Words::of_command_line();
    let (json, threads, is_quick) =
        (words.option("--json"), words.threads(), words.flag("--quick"));
    let (calls, seconds) = if is_quick { (1, 0.0) } else { (CALLS, SECONDS) };
    let cases: [(&str, Maker); 5] = [
        ("sample", sample),
        ("likelihood", likelihood),
        ("scores", scores),
        ("nearest-20", || neighbors(10_000, 20)),
        ("nearest-784", || neighbors(2_000, 784)),
    ];
    println!("{:<20} {:>7} {:>10} {:>6} {:>12}", "call", "threads", "ms", "±", "value");
    let mut rows = Vec::new();
    for (case, call) in cases.into_iter().filter(|(case, _)| words.want(case)) {
        for &threads in &threads {
            let mut call = on_threads(call(), threads);
            let (begin, mut times) = (Instant::now(), Vec::new());
            let (_, value) = call();
            while times.len() < calls || begin.elapsed().as_secs_f64() < seconds {
                times.push(call().0);
            }
            let (time, spread) = median(&mut times);
            println!("{case:<20} {threads:>7} {:>10.1} {spread:>5.1}% {value:>12.6}", time / 1e3);
            rows.push(format!(
                r#"{{"case":"{case}","threads":{threads},"step_us":{time},"spread_percent":{spread},"value":{value}}}"#
            ));
        }
    }
    write_json(json, &rows);
}
