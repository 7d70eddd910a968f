//! Expect: some seconds of training; press Ctrl-C meanwhile and it ends after its step, run it again and it goes on there.

use std::sync::atomic::{AtomicBool, Ordering};

use autoencoder::activation::Sigmoid;
use autoencoder::train::{Checkpoints, Control, Event, Log, Shared, StopReason};
use autoencoder::{Adam, AutoEncoder, Dense, Result, Trainer, datasets};

/// Set by Ctrl-C, read after each step.
static PRESSED: AtomicBool = AtomicBool::new(false);

fn main() -> Result<()> {
    let pressed = || {
        if PRESSED.swap(true, Ordering::Relaxed) {
            std::process::exit(130); // pressed twice: at once
        }
    };
    ctrlc::set_handler(pressed).expect("no other handler");

    // The model as it was trained so far, and its log: one header, each epoch once, however often it is stopped.
    let folder = std::env::temp_dir().join("autoencoder-example-stop");
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let log = Shared::new(Log::csv_file(folder.join("log.csv"))?);
    let checkpoints = Checkpoints::new(folder.join("run.safetensors")).every_epochs(200);

    let digits = datasets::digits::<f32>();
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 32>::new(Sigmoid))
        .decoder(Dense::<32, 64>::new(Sigmoid))
        .build::<f32>()?;
    let mut trainer = Trainer::new(Adam::new(3e-3)?)
        .epochs(3000)
        .batch_size(16)
        .checkpoints(checkpoints.resume(true))
        .observer(log.clone())
        .observer(|event: &Event<'_>| match event {
            Event::Start(start) if start.epochs.is_empty() => println!("Ctrl-C stops it."),
            Event::Start(start) => println!("Goes on in epoch {}.", start.epoch),
            _ => {}
        })
        .observer(|_: &Event<'_>| match PRESSED.load(Ordering::Relaxed) {
            true => Control::Stop,
            false => Control::Continue,
        });
    let report = trainer.fit(&mut model, &digits.train)?;
    println!("{report}");
    println!("on test digits: {}", model.loss(&digits.test)?);
    log.with(Log::finish)?;
    let lines = std::fs::read_to_string(folder.join("log.csv")).map(|text| text.lines().count());
    println!("{} lines in {}", lines.unwrap_or(0), folder.join("log.csv").display());
    if let StopReason::Asked { .. } = report.stopped {
        println!("Run it again: it ends with the bits of a training that was never stopped.");
    } else {
        std::fs::remove_dir_all(&folder).expect("the folder was ours");
    }
    Ok(())
}
