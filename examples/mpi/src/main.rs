//! Trains one deep autoencoder on many machines: each process takes its part of every batch, and each ends with the
//! bits that one process alone would have.

mod data;
mod engine;
mod options;
mod watchdog;

use std::path::Path;
use std::process::ExitCode;

use autoencoder::activation::{Elu, Identity};
use autoencoder::collective::{Collective, check};
use autoencoder::init::He;
use autoencoder::train::{Checkpoints, Event, Log, Shared};
use autoencoder::{
    Adam, AutoEncoder, BernoulliCrossEntropy, Dense, EarlyStopping, Examples, Result, Source, Then,
    Trainer,
};
use mpi::Threading;
use mpi::traits::Communicator;

use data::{Images, Part, Spots, mnist};
use engine::Mpi;
use options::{Options, USAGE};

fn main() -> ExitCode {
    // The trainer may call from one of its threads, and one at a time.
    let started = mpi::initialize_with_threading(Threading::Serialized);
    let Some((universe, threading)) = started else {
        eprintln!("MPI has been started already");
        return ExitCode::FAILURE;
    };
    let world = universe.world();
    let result = match threading >= Threading::Serialized {
        true => run(),
        false => Err("this MPI allows calls from the first thread alone".to_owned()),
    };
    if let Err(text) = result {
        eprintln!("process {}: {text}", world.rank());
        world.abort(1);
    }
    ExitCode::SUCCESS
}

fn run() -> std::result::Result<(), String> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut mpi = Mpi::new(options.timeout);
    let (rank, size) = (mpi.rank(), mpi.size());
    while options.faults.sleep == Some(rank) {
        std::thread::sleep(options.timeout);
    }
    let done = if options.help {
        if rank == 0 {
            print!("{USAGE}");
        }
        Ok(())
    } else if options.check {
        check(&mut mpi).map(|()| {
            if rank == 0 {
                println!("{size} processes are well connected");
            }
        })
    } else if options.small {
        train::<64, 32, 16, 8>(&options, &mut mpi)
    } else {
        train::<1000, 500, 250, 30>(&options, &mut mpi)
    };
    done.map_err(|error| error.to_string())
}

/// What every process does alike. Only what is printed is the first one's.
fn train<const A: usize, const B: usize, const C: usize, const K: usize>(
    options: &Options,
    mpi: &mut Mpi,
) -> Result<()> {
    let (rank, size) = (mpi.rank(), mpi.size());
    let faults = &options.faults;
    let seed = options.seed + u64::from(faults.seed == Some(rank));
    let encoder = Dense::<784, A>::new(Elu::default())
        .init(He)
        .then(Dense::<A, B>::new(Elu::default()).init(He))
        .then(Dense::<B, C>::new(Elu::default()).init(He))
        .then(Dense::<C, K>::new(Identity));
    let decoder = Dense::<K, C>::new(Elu::default())
        .init(He)
        .then(Dense::<C, B>::new(Elu::default()).init(He))
        .then(Dense::<B, A>::new(Elu::default()).init(He))
        .then(Dense::<A, 784>::new(Identity)); // logits
    let mut model = AutoEncoder::builder()
        .encoder(encoder)
        .decoder(decoder)
        .loss(BernoulliCrossEntropy)
        .seed(seed)
        .build::<f32>()?;

    let mut trainer = Trainer::new(Adam::new(options.rate)?)
        .epochs(options.epochs)
        .batch_size(options.batch)
        .shuffle_buffer(options.buffer)
        .seed(seed)
        .threads(options.threads)
        .shards(options.shards)
        .collective(mpi);
    if let Some(file) = &options.checkpoint {
        // All processes are told of it; the first one writes it, and all read it.
        let checkpoints = Checkpoints::new(file).resume(options.resume);
        trainer = trainer.checkpoints(match options.steps {
            Some(steps) => checkpoints.every_steps(steps),
            None => checkpoints,
        });
    }
    if let Some(patience) = options.early_stopping {
        trainer = trainer.early_stopping(EarlyStopping::new(patience)?);
    }
    let mut log = None;
    if rank == 0 {
        println!("{size} processes, {} parameters", model.parameters().len());
        trainer = trainer.observer(show);
        if let Some(file) = &options.log {
            let file = Shared::new(Log::csv_file(file)?);
            log = Some(file.clone());
            trainer = trainer.observer(file);
        }
    }
    if let Some((_, last)) = faults.die.filter(|(process, _)| *process == rank) {
        let mut steps = 0;
        trainer = trainer.observer(move |event: &Event<'_>| {
            steps += u64::from(matches!(event, Event::Batch(_)));
            if steps == last {
                std::process::abort();
            }
        });
    }

    let (mut images, mut held_out) = images(options, rank)?;
    // Of the files each process reads its part, epoch after epoch; in memory each has all.
    let loaded = if options.in_memory { Some(images.load()?) } else { None };
    let examples = match &loaded {
        Some(batch) => Examples::of(batch),
        None => Examples::of(&mut images),
    };
    let report = match options.early_stopping {
        Some(_) => trainer.fit(&mut model, examples.held_out(&held_out.load()?))?,
        None => trainer.fit(&mut model, examples)?,
    };

    if rank == 0 {
        println!("{report}");
        let objective = report.last().map_or(f64::NAN, |epoch| epoch.terms.total());
        println!("objective {objective:?}, parameters {:016x}", digest(model.parameters()));
    }
    log.map_or(Ok(()), |log| log.with(Log::finish))
}

/// Images to train on, and others to know when to stop.
fn images(options: &Options, rank: usize) -> Result<(Images, Images)> {
    let folder: Option<&Path> = options.data.as_deref();
    if let Some(folder) = folder {
        let file = || mnist(folder, "train-images-idx3-ubyte");
        let all = file()?.samples();
        let samples = if options.early_stopping.is_some() { all - all / 6 } else { all };
        let part = |first, samples| Ok(Part { of: file()?, first, samples, next: 0 });
        return Ok((Box::new(part(0, samples)?), Box::new(part(samples, all - samples)?)));
    }
    let (samples, next) = (options.samples, 0);
    let odd = (options.faults.data == Some(rank)).then_some(samples / 2);
    let others = samples.div_ceil(6);
    let train = Spots { first: 0, samples, next, odd };
    let held_out = Spots { first: samples, samples: others, next, odd: None };
    Ok((Box::new(train), Box::new(held_out)))
}

/// Says how far the training is.
fn show(event: &Event<'_>) {
    match event {
        Event::Start(start) if start.epoch > 1 || start.batches_done > 0 => {
            println!("goes on in epoch {}, after {} batches", start.epoch, start.batches_done);
        }
        Event::Recovered(recovered) => {
            println!("goes on from the checkpoint before: {}", recovered.error);
        }
        Event::Epoch(epoch) => {
            let (total, speed) = (epoch.terms.total(), epoch.samples_per_second);
            println!("epoch {}: {total:.4}, {speed:.0} samples/s", epoch.epoch);
        }
        _ => {}
    }
}

/// A number that tells these bits from others (FNV-1a).
fn digest(values: &[f32]) -> u64 {
    let bytes = values.iter().flat_map(|value| value.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
