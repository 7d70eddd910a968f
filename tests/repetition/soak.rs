//! A training that goes on and on, saved and loaded in between, does not grow: after the first rounds
//! as much memory is given back as is taken.
//!
//! `AUTOENCODER_SOAK_STEPS` says how many steps are taken, by default 20,000. A million take less than a
//! minute:
//! ```sh
//! AUTOENCODER_SOAK_STEPS=1000000 cargo test -p autoencoder-tests --release --all-features --test repetition soak
//! ```

use std::process::Command;

use allocation_counter::{AllocationInfo, measure};
use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::corruption::Masking;
use autoencoder::data::InMemory;
use autoencoder::train::Checkpoints;
use autoencoder::*;
use common::Folder;
use nalgebra::Dyn;

const SAMPLES: usize = 64;
const BATCH: usize = 8;
const EPOCHS: usize = 125;
/// Of one round: three trainings.
const STEPS: usize = 3 * EPOCHS * SAMPLES / BATCH;
/// Rounds after which nothing is new any more.
const WARM_UP: usize = 2;
/// What the whole process may grow by: pages that the system's allocator keeps for its threads.
const SLACK: u64 = 8 << 20;

/// Bytes of the process that are in memory, where the system tells.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(4096 * pages.split(' ').nth(1)?.parse::<u64>().ok()?)
}

/// Set for the process in which the test runs alone: its memory is what is measured.
const ALONE: &str = "AUTOENCODER_SOAK_ALONE";

#[test]
fn a_long_training_with_reloads_does_not_grow() {
    if std::env::var_os(ALONE).is_none() {
        let test = ["--exact", "soak::a_long_training_with_reloads_does_not_grow", "--nocapture"];
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone.args(test).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{said}");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("bytes resident"), "the test did not run");
        return;
    }
    let steps = std::env::var("AUTOENCODER_SOAK_STEPS")
        .map_or(20_000, |steps| steps.parse().expect("AUTOENCODER_SOAK_STEPS is a number"));
    let folder = Folder::new("soak");
    let (file, run) = (folder.join("model.safetensors"), folder.join("run.safetensors"));
    let build = || {
        let noise = Denoising::new(Masking::new(0.2).unwrap());
        AutoEncoder::builder()
            .encoder(Dense::dynamic(5, 4, Sigmoid))
            .decoder(Dense::dynamic(4, 5, Identity))
            .regularizer((SparseKl::new(0.2, 0.1).unwrap().running(0.9).unwrap(), noise))
            .build::<f32>()
            .unwrap()
    };
    let values = (0..5 * SAMPLES).map(|k| (k % 17) as f32 / 17.0).collect();
    let x = Batch::new(Dyn(5), values).unwrap();
    let mut model = build();
    let trainer = |seed: usize| {
        let adam = Adam::new(1e-4).unwrap();
        Trainer::new(adam).epochs(EPOCHS).batch_size(BATCH).seed(seed as u64)
    };
    let round = |number: usize, model: &mut AutoEncoder<_, _, _>| {
        // In memory; saved, and taken up by a fresh model.
        trainer(number).fit(model, &x).unwrap();
        model.save(&file).unwrap();
        *model = build();
        model.load(&file).unwrap();
        // With checkpoints, from one of which a fresh model goes on.
        let checkpoints = |epochs| Checkpoints::new(&run).every_epochs(epochs);
        let mut half = trainer(number).epochs(EPOCHS / 2).checkpoints(checkpoints(EPOCHS / 2));
        half.fit(model, &x).unwrap();
        *model = build();
        let mut rest = trainer(number).checkpoints(checkpoints(50).resume(true));
        rest.fit(model, &x).unwrap();
    };
    let (mut done, mut rounds) = (0, 0);
    let mut resident_before = None;
    while done < steps || rounds <= WARM_UP {
        let AllocationInfo { count_current, .. } = measure(|| round(rounds, &mut model));
        // What its thread allocates is freed by another, so the count says nothing.
        trainer(rounds).fit(&mut model, &mut InMemory::from(&x)).unwrap();
        if rounds >= WARM_UP {
            assert_eq!(count_current, 0, "allocations that round {rounds} has left behind");
            resident_before = resident_before.or_else(resident);
        }
        done += STEPS;
        rounds += 1;
    }
    let [before, after] = [resident_before, resident()].map(Option::unwrap_or_default);
    println!("{done} steps in {rounds} rounds; {before} bytes resident, then {after}");
    assert!(after <= before + SLACK, "{before} bytes of the process became {after}");
    assert!(model.score(&x).unwrap().iter().all(|score| score.is_finite()));
}
