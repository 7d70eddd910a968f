//! What training together costs: measured with two processes, then extrapolated.
//!
//! `mpirun -n 2 target/release/scale`, each process on a core of its own, with one thread. Prints what was measured, and
//! what follows from that for more processes on a network, by the model that [`Cost`] is.

#[path = "../engine.rs"]
mod engine;
#[path = "../watchdog.rs"]
mod watchdog;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::collective::{Alone, Collective};
use autoencoder::data::{Npy, Source};
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::nalgebra::Const;
use autoencoder::optimizer::{Optimizer, Step};
use autoencoder::parameters::Role;
use autoencoder::random::seeded;
use autoencoder::train::{Control, Event};
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Error, Float, Report, Result, Then, Trainer};
use engine::Mpi;

/// A training by a trainer that is given.
type Fit<'a> = &'a dyn Fn(Trainer<'_, Adam>) -> Result<Report>;

/// Rounds of measurements, one after the other, so that what else the machine does hits all alike.
const ROUNDS: usize = 5;

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The time of a step in seconds, the median of all but the first of a training.
fn step(fit: Fit<'_>, batch: usize, shards: usize, process: &mut dyn Collective) -> Result<f64> {
    let mut steps = Vec::new();
    let mut before: Option<Instant> = None;
    let trainer = Trainer::new(Adam::new(1e-4)?)
        .epochs(1)
        .batch_size(batch)
        .shards(shards)
        .collective(process)
        .observer(|event: &Event<'_>| {
            if let Event::Batch(_) = event {
                let now = Instant::now();
                steps.extend(before.map(|before| (now - before).as_secs_f64()));
                before = Some(now);
            }
            Control::Continue
        });
    fit(trainer)?;
    Ok(median(steps))
}

/// Lets the second process sleep until the first one has worked alone: one that waits in MPI takes a core.
fn alone<O>(all: &mut Mpi, file: &Path, work: impl FnOnce() -> O) -> Result<Option<O>> {
    let failed = |error: std::io::Error| Error::File {
        path: file.to_owned(),
        action: "write or remove",
        reason: error.kind(),
    };
    all.broadcast(0, &mut [0])?;
    if all.rank() > 0 {
        while !file.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(file).map_err(failed)?;
        return Ok(None);
    }
    let outcome = work();
    std::fs::write(file, []).map_err(failed)?;
    Ok(Some(outcome))
}

/// What a training costs, in seconds.
struct Cost {
    name: &'static str,
    parameters: f64,
    /// Of a step: what does not depend on the number of samples but for the update, and for each sample.
    fixed: f64,
    sample: f64,
    /// The update of all parameters.
    update: f64,
    /// For each sample that is read.
    read: f64,
    batch: usize,
}

/// A network: seconds before the first byte, and for each.
struct Link {
    name: &'static str,
    latency: f64,
    byte: f64,
}

impl Cost {
    /// A step of so many processes with so many samples in all: computing, the update, and what is on its way. All to all
    /// and all gather each move (P − 1)/P of the numbers in and out of a process, in pieces of 256 KiB, or 16 KiB for each
    /// other process if that is more, with a message to each.
    fn step(&self, processes: f64, samples: f64, link: &Link) -> [f64; 3] {
        let bytes = 4.0 * self.parameters * (processes - 1.0) / processes;
        let piece = (262_144.0 / processes).max(16_384.0);
        let pieces = (4.0 * self.parameters / processes / piece).ceil();
        let one_way = bytes * link.byte + pieces * (processes - 1.0) * link.latency;
        let computing = self.fixed + self.sample * samples / processes;
        [computing, self.update / processes, 2.0 * one_way]
    }

    /// What would be won if the decoder's half of the gradient were on its way while the encoder's is computed, which is a
    /// third of the pass.
    fn overlap(&self, processes: f64, samples: f64, link: &Link) -> f64 {
        let [computing, _, moving] = self.step(processes, samples, link);
        (moving / 4.0).min(computing / 3.0)
    }
}

fn main() -> std::result::Result<(), String> {
    let threading = mpi::Threading::Serialized;
    let _universe = mpi::initialize_with_threading(threading).ok_or("no MPI")?;
    let mut all = Mpi::new(Duration::from_secs(3600));
    if all.size() != 2 {
        return Err("to be started with two processes: mpirun -n 2 …".to_owned());
    }
    run(&mut all).map_err(|error| error.to_string())
}

fn run(all: &mut Mpi) -> Result<()> {
    const PIXELS: usize = 784;
    const WIDTH: usize = 768;
    let rng = &mut seeded(1);
    let mut draw = || f32::draw_uniform(rng);
    let images: Batch<f32, Const<PIXELS>> =
        (0..512 * 13).map(|_| std::array::from_fn(|_| draw())).collect();
    let deep = |mut trainer: Trainer<'_, Adam>| {
        let encoder = Dense::<PIXELS, 1000>::new(Sigmoid)
            .then(Dense::<1000, 500>::new(Sigmoid))
            .then(Dense::<500, 250>::new(Sigmoid))
            .then(Dense::<250, 30>::new(Identity));
        let decoder = Dense::<30, 250>::new(Sigmoid)
            .then(Dense::<250, 500>::new(Sigmoid))
            .then(Dense::<500, 1000>::new(Sigmoid))
            .then(Dense::<1000, PIXELS>::new(Identity));
        let mut model = AutoEncoder::builder().encoder(encoder).decoder(decoder).build::<f32>()?;
        trainer.fit(&mut model, &images)
    };
    let rng = &mut seeded(2);
    let mut draw = || f32::draw_normal(rng);
    let activations: Batch<f32, Const<WIDTH>> =
        (0..1024 * 4).map(|_| std::array::from_fn(|_| draw())).collect();
    let dictionary = |mut trainer: Trainer<'_, Adam>| {
        let mut model = AutoEncoder::builder()
            .encoder(SparseEncoder::<WIDTH, 16_384>::new(TopK::new(32)?))
            .decoder(Dictionary::new())
            .build::<f32>()?;
        trainer.fit(&mut model, &activations)
    };
    let (of_image, of_activations) = (reading(&images)?, reading(&activations)?);
    let nets: [(&str, Fit<'_>, usize, usize, f64); 2] = [
        ("the deep net, 784-1000-500-250-30 and back", &deep, 512, 2_837_314, of_image),
        (
            "a dictionary, 768 in 16,384 units",
            &dictionary,
            1024,
            2 * WIDTH * 16_384,
            of_activations,
        ),
    ];
    let file = std::env::temp_dir().join(format!("scale-{}", std::process::id()));
    let mut path = file.to_string_lossy().into_owned().into_bytes();
    path.resize(200, 0);
    all.broadcast(0, &mut path)?;
    let path = String::from_utf8_lossy(&path);
    let file = PathBuf::from(path.trim_end_matches('\0'));
    let is_first = all.rank() == 0;

    let mut costs = Vec::new();
    for (name, fit, batch, parameters, read) in nets {
        let (mut one, mut two, mut ratios) = (vec![], vec![], vec![]);
        let (mut halves, mut wholes) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            let by_one = alone(all, &file, || {
                Ok::<_, Error>((
                    step(fit, batch, 2, &mut Alone)?,
                    step(fit, batch / 2, 1, &mut Alone)?,
                    step(fit, batch, 1, &mut Alone)?,
                ))
            })?;
            let by_two = step(fit, batch, 2, all)?;
            if let Some(by_one) = by_one {
                let (in_shards, half, whole) = by_one?;
                one.push(in_shards);
                halves.push(half);
                wholes.push(whole);
                two.push(by_two);
                ratios.push(in_shards / by_two);
            }
        }
        if !is_first {
            continue;
        }
        let (one, half, two) = (median(one), median(halves), median(two));
        println!("{name}, batches of {batch}, 2 shards:");
        println!(
            "  one process {:.1} ms, two {:.1} ms: {:.2} times as fast (median of {ROUNDS} rounds)",
            1e3 * one,
            1e3 * two,
            median(ratios)
        );
        println!("  one shard by itself {:.1} ms", 1e3 * half);
        // From the samples of one shard to those of two.
        let whole = median(wholes);
        let sample = (whole - half) / (batch as f64 / 2.0);
        let update = update(parameters)?;
        let fixed = (half - sample * batch as f64 / 2.0 - update).max(0.0);
        let parameters = parameters as f64;
        costs.push(Cost { name, parameters, fixed, sample, update, read, batch });
    }

    // What the sum and the exchange of so many numbers cost here.
    for count in [10_000, 100_000, 1_000_000, 2_842_000, 25_165_824] {
        let mut values = vec![1.0_f32; count];
        let mut times = Vec::new();
        for _ in 0..7 {
            values.fill(1.0);
            let all: &mut dyn Collective = all;
            all.broadcast(0, &mut [0])?;
            let start = Instant::now();
            all.add_up(&mut values)?;
            times.push(start.elapsed().as_secs_f64());
        }
        if is_first {
            let (time, rate) = (median(times.clone()), 4e-9 * count as f64 / median(times));
            println!(
                "{count:>10} numbers added up between two: {:.2} ms, {rate:.2} GB/s",
                1e3 * time
            );
        }
    }
    if is_first {
        costs.iter().for_each(extrapolate);
    }
    Ok(())
}

/// The seconds of an update of so many parameters by Adam, as a training makes it: a few at a time.
fn update(count: usize) -> Result<f64> {
    const CHUNK: usize = 2048;
    let adam = Adam::new(1e-4)?;
    let (parameters, mut gradient) = (vec![0.5_f32; count], vec![0.1_f32; count]);
    let mut memory = vec![0.0_f32; 2 * count];
    let mut times = Vec::new();
    for number in 1..8 {
        let start = Instant::now();
        let chunks = parameters.chunks(CHUNK).zip(memory.chunks_mut(2 * CHUNK));
        for ((parameters, memory), gradient) in chunks.zip(gradient.chunks_mut(CHUNK)) {
            adam.step(&Step::new(number, 1e-4, Role::Weight), parameters, memory, gradient);
        }
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(median(times))
}

/// The seconds of a sample of so many values that is read from an NPY file.
fn reading<const N: usize>(x: &Batch<f32, Const<N>>) -> Result<f64> {
    // Version 1.0 of the format: a magic, a header of 118 bytes, the values.
    let shape =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {N}), }}", x.samples());
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{shape:<117}\n").bytes());
    x.as_slice().iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    let path = std::env::temp_dir().join(format!("scale-{}.npy", std::process::id()));
    let failed = |action| {
        let path = path.clone();
        move |error: std::io::Error| Error::File { path, action, reason: error.kind() }
    };
    std::fs::write(&path, bytes).map_err(failed("write"))?;
    let mut file: Npy<f32, Const<N>> = Npy::open(&path)?;
    let mut to = Batch::zeros(Const::<N>, 256);
    let mut times = Vec::new();
    for _ in 0..5 {
        file.rewind()?;
        let start = Instant::now();
        while file.read(to.view_mut())? > 0 {}
        times.push(start.elapsed().as_secs_f64() / x.samples() as f64);
    }
    std::fs::remove_file(&path).map_err(failed("remove"))?;
    Ok(median(times))
}

/// Prints what follows for more processes, one a core, on two networks.
fn extrapolate(cost: &Cost) {
    println!(
        "\n{}: {} parameters, {:.1} ms + {:.3} ms a sample + {:.1} ms an update; {:.4} ms to read a sample",
        cost.name,
        cost.parameters,
        1e3 * cost.fixed,
        1e3 * cost.sample,
        1e3 * cost.update,
        1e3 * cost.read
    );
    println!(
        "| network | processes | samples of a step | computing | update | on its way | times as fast as one | with overlap |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let networks = [
        Link { name: "10 Gbit/s, 20 µs", latency: 2e-5, byte: 8e-10 },
        Link { name: "100 Gbit/s, 2 µs", latency: 2e-6, byte: 8e-11 },
    ];
    for link in &networks {
        for (processes, of_each) in
            [(8.0, 1.0), (64.0, 1.0), (512.0, 1.0), (8.0, 8.0), (64.0, 64.0)]
        {
            let samples = cost.batch as f64 * processes / of_each;
            let parts = cost.step(processes, samples, link);
            let alone: f64 = cost.step(1.0, samples, link).iter().sum();
            let together: f64 = parts.iter().sum();
            let overlapped = together - cost.overlap(processes, samples, link);
            let [computing, update, moving] = parts.map(|part| format!("{:.1} ms", 1e3 * part));
            println!(
                "| {} | {processes} | {samples} | {computing} | {update} | {moving} | {:.1} | {:.1} |",
                link.name,
                alone / together,
                alone / overlapped
            );
        }
    }
}
