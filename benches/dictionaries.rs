//! Training steps of sparse dictionaries beside those of a dense model of the same size, in turns in the same run, and how
//! the time of a sparse step grows with units and active units.
//!
//! `cargo bench -p autoencoder-benches --bench dictionaries` prints the tables: 768 inputs, batches of 1,024, f32, Adam.
//! After `--`: `--json FILE` writes them as well, `--threads N` takes so many (with `--features parallel`), `--quick` makes
//! one round of few sizes, words pick cases that contain them. Pin the command to as many cores.

use std::time::Instant;

use autoencoder::activation::{Identity, Relu};
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::train::Event;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Report, Result, Trainer};
use nalgebra::Dyn;

mod common;
use common::{Contestant, Words, in_turns, median, most_memory, noise, write_json};

const INPUTS: usize = 768;
const BATCH: usize = 1024;
/// Steps of a round; the first is not counted.
const STEPS: usize = 4;

/// Trains on the same few batches; a time in milliseconds is that between two steps.
fn contestant(
    threads: usize,
    mut train: impl FnMut(&mut Trainer<'_, Adam>, &Batch<f32, Dyn>) -> Result<Report> + 'static,
) -> Contestant {
    let values = noise(INPUTS * BATCH * STEPS).into_iter().map(|x| x - 0.5).collect();
    let data = Batch::new(Dyn(INPUTS), values).expect("whole samples");
    Box::new(move |times| {
        let mut last: Option<Instant> = None;
        let observe = |event: &Event<'_>| {
            if let Event::Batch(_) = event {
                times.extend(last.map(|last| last.elapsed().as_secs_f64() * 1e3));
                last = Some(Instant::now());
            }
        };
        let adam = Adam::new(1e-4).expect("in range");
        let trainer = Trainer::new(adam).epochs(1).batch_size(BATCH).observer(observe);
        #[cfg(feature = "parallel")]
        let mut trainer = trainer.threads(threads);
        #[cfg(not(feature = "parallel"))]
        let mut trainer = trainer;
        #[cfg(not(feature = "parallel"))]
        assert_eq!(threads, 1, "more than one thread needs `--features parallel`");
        train(&mut trainer, &data).expect("finite");
    })
}

fn sparse((units, k): (usize, usize), threads: usize) -> Result<Contestant> {
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::dynamic(INPUTS, units, TopK::new(k)?))
        .decoder(Dictionary::new())
        .build::<f32>()?;
    Ok(contestant(threads, move |trainer, data| trainer.fit(&mut model, data)))
}

fn dense(units: usize, threads: usize) -> Result<Contestant> {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(INPUTS, units, Relu))
        .decoder(Dense::dynamic(units, INPUTS, Identity))
        .build::<f32>()?;
    Ok(contestant(threads, move |trainer, data| trainer.fit(&mut model, data)))
}

fn main() -> Result<()> {
    let mut words = Words::of_command_line();
    let (json, is_quick) = (words.option("--json"), words.flag("--quick"));
    let threads = words.threads()[0];
    let mut rows = Vec::new();
    let sizes = if is_quick { vec![2048] } else { vec![16_384] };
    for units in sizes.into_iter().filter(|units| words.want(&format!("beside {units}"))) {
        println!("{INPUTS} inputs, {units} units, k 32, batches of {BATCH}: ms a step");
        let mut times =
            in_turns(vec![sparse((units, 32), threads)?, dense(units, threads)?], is_quick);
        let [ours, other] = [0, 1].map(|of| median(&mut times[of]));
        println!("  sparse {:8.1} ± {:.1} %", ours.0, ours.1);
        println!(
            "  dense  {:8.1} ± {:.1} %, {:.2} times as long",
            other.0,
            other.1,
            other.0 / ours.0
        );
        let (ours, other) = (ours.0, other.0);
        rows.push(format!(
            r#"{{"case":"beside {units}","threads":{threads},"sparse_ms":{ours},"dense_ms":{other}}}"#
        ));
    }
    let all = [
        (11..=16).map(|power| (1 << power, 32)).collect::<Vec<_>>(),
        [8, 64, 128, 256].map(|k| (16_384, k)).into(),
    ];
    let cases = if is_quick { vec![(2048, 32), (16_384, 32)] } else { all.concat() };
    println!("{:>7} {:>5} {:>10} {:>6}", "units", "k", "step ms", "±");
    for (units, k) in cases {
        let case = format!("growth {units} {k}");
        if !words.want(&case) {
            continue;
        }
        let mut times = in_turns(vec![sparse((units, k), threads)?], is_quick);
        let (step, spread) = median(&mut times[0]);
        println!("{units:>7} {k:>5} {step:>10.1} {spread:>5.1}%");
        let step_us = 1e3 * step;
        rows.push(format!(
            r#"{{"case":"{case}","batch":{BATCH},"threads":{threads},"step_us":{step_us},"spread_percent":{spread}}}"#
        ));
    }
    if let Some(most) = most_memory() {
        println!("most memory of all: {most:.0} MiB");
    }
    write_json(json, &rows);
    Ok(())
}
