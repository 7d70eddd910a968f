//! The program under `mpirun`: the same bits for any number of processes, and what happens when one of them fails.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_autoencoder-mpi");

/// One run at a time: a small machine has few cores.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program on so many processes, with these options.
fn run(processes: usize, options: &str) -> Output {
    let count = processes.to_string();
    Command::new("mpirun")
        .args(["--oversubscribe", "--timeout", "120", "-n", &count, PROGRAM])
        .args(options.split_whitespace())
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .output()
        .unwrap()
}

/// What it has said on both ways.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// The last line of a run that has ended well: objective and digest of all parameters.
fn result(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("objective "));
    line.unwrap_or_else(|| panic!("no result: {text}")).to_owned()
}

/// A small training: the last batch of an epoch has 35 images, and blocks and shards are not equal.
const SMALL: &str = "--small --samples 611 --batch 64 --epochs 2 --early-stopping 3";

/// How long the others may go on where a process has failed, on a machine that does other things too.
const LIMIT: Duration = Duration::from_secs(30);

/// A file in a folder of its own.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("run.safetensors")
}

#[test]
fn the_connection_gives_what_it_is_to_give() {
    let _one = one_at_a_time();
    for processes in [1, 2, 3, 4, 6, 12] {
        let output = run(processes, "--check");
        assert!(output.status.success(), "{}", said(&output));
        let text = format!("{processes} processes are well connected");
        assert!(said(&output).contains(&text), "{}", said(&output));
    }
}

#[test]
fn the_bits_depend_on_the_shards_alone() {
    let _one = one_at_a_time();
    let without = Command::new(PROGRAM).args(SMALL.split_whitespace()).output().unwrap();
    let expected = result(&without);
    // Blocks of 192, 192, 192 and 35 images, each of which is read in parts.
    let in_blocks = format!("{SMALL} --buffer 150");
    let of_blocks = result(&run(1, &in_blocks));
    assert_ne!(of_blocks, expected);
    for processes in [1, 2, 3, 4, 6, 12] {
        assert_eq!(result(&run(processes, SMALL)), expected, "{processes} processes");
        // All of that stream fits into one block, so that memory gives the same order.
        let in_memory = run(processes, &format!("{SMALL} --in-memory"));
        assert_eq!(result(&in_memory), expected, "{processes} processes, in memory");
        let found = result(&run(processes, &in_blocks));
        assert_eq!(found, of_blocks, "{processes} processes, in blocks");
    }
    assert_ne!(result(&run(4, &format!("{SMALL} --shards 4"))), expected);
    assert_ne!(result(&run(4, &format!("{SMALL} --seed 1"))), expected);
}

/// Also with an error that a process cannot tell of: it is gone, in the middle of an epoch.
#[test]
fn a_process_that_dies_ends_the_others_and_the_run_goes_on_with_another_number() {
    let _one = one_at_a_time();
    let expected = result(&run(3, SMALL));
    for (name, step, then) in [("dies-in-a-step", 13, 3), ("dies-at-a-checkpoint", 14, 12)] {
        let path = file(name);
        let options = format!("{SMALL} --checkpoint {} --steps 2", path.display());
        let start = Instant::now();
        let output = run(4, &format!("{options} --fault-die 2 {step}"));
        assert!(!output.status.success(), "{}", said(&output));
        assert!(start.elapsed() < LIMIT, "after {:?}", start.elapsed());
        assert!(said(&output).contains("rank 2"), "{}", said(&output));

        let resumed = run(then, &format!("{options} --resume"));
        assert!(said(&resumed).contains("goes on in epoch 2"), "{}", said(&resumed));
        assert!(!said(&resumed).contains("checkpoint before"), "{}", said(&resumed));
        assert_eq!(result(&resumed), expected, "{name}");
        let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        let is_whole = |name: &std::ffi::OsString| {
            name == "run.safetensors" || name == "run.safetensors.previous"
        };
        assert!(names.iter().all(is_whole), "{names:?}");
    }
}

/// Before the first step, with the number of the process and with what is different.
#[test]
fn a_process_that_is_not_like_the_others_is_named() {
    let _one = one_at_a_time();
    for (options, texts) in [
        ("--fault-seed 2", ["process 2 is not like process 0", "the seed is 1 there and 0 here"]),
        (
            "--fault-data 1 --in-memory",
            ["process 1 is not like process 0", "the number of samples, or a value in them,"],
        ),
        // The value in the middle is one that process 2 of 4 reads.
        ("--fault-data 2", ["process 1 and process 2", "do not have the same data"]),
    ] {
        let output = run(4, &format!("{SMALL} {options}"));
        assert!(!output.status.success(), "{}", said(&output));
        for text in texts {
            assert!(said(&output).contains(text), "{text}: {}", said(&output));
        }
        assert!(!said(&output).contains("epoch 1"), "{}", said(&output));
    }
}

#[test]
fn a_process_that_does_not_answer_is_not_waited_for_for_ever() {
    let _one = one_at_a_time();
    let start = Instant::now();
    let output = run(3, &format!("{SMALL} --fault-sleep 1 --timeout 2"));
    assert!(!output.status.success(), "{}", said(&output));
    assert!(start.elapsed() < LIMIT, "after {:?}", start.elapsed());
    assert!(said(&output).contains("has waited for more than 2s in `gather`"), "{}", said(&output));
}

#[test]
fn an_option_that_is_none_is_refused() {
    let output = Command::new(PROGRAM).arg("--shard").output().unwrap();
    assert!(
        said(&output).contains("there is no option --shard; --help shows all"),
        "{}",
        said(&output)
    );
    assert!(!output.status.success());
}
