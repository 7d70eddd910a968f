//! A process that saves without end is killed again and again, each time at a random moment. After
//! each time the newest file and the previous one are whole, and nothing that was reported as saved is
//! lost. (That what was saved survives a loss of power is `sync_all`'s promise, and not tested.)

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::RngExt;

use super::folder::Folder;
use super::*;
use crate::file::atomic::replace;
use crate::file::tensors::{Image, read};
use crate::numbers::bytes::Element;
use crate::random::seeded;

const FOLDER: &str = "AUTOENCODER_CRASH_FOLDER";
const KILLS: usize = 200;
const SEED: u64 = 9;

/// The file number `number`, whose every value depends on it.
fn save(path: &Path, number: u64) {
    let values: Vec<f64> = (0..20_000).map(|k| (number * 20_000 + k) as f64).collect();
    let tensors = [
        Tensor::new("number", &[1], std::slice::from_ref(&number)),
        Tensor::new("values", &[20_000], &values),
    ];
    let image = Image::new(&BTreeMap::new(), &tensors).unwrap();
    replace(path, true, |to| image.write(to)).unwrap();
}

/// The number of a file, which must be what [`save`] wrote.
fn number(path: &Path) -> u64 {
    let contents = read(path).unwrap();
    let number = u64::unwrap(contents.tensors[0].values.clone()).unwrap()[0];
    let values = f64::unwrap(contents.tensors[1].values.clone()).unwrap();
    assert_eq!(values.len(), 20_000);
    assert!((number * 20_000..).zip(values.iter()).all(|(k, &value)| value == k as f64));
    number
}

/// Does nothing by itself: the child of the test below.
#[test]
fn child_that_saves_without_end() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let path = Path::new(&folder).join("model");
    // A parent that died early must not leave a child behind for ever.
    let start = Instant::now();
    for next in number(&path) + 1.. {
        if start.elapsed() > Duration::from_secs(30) {
            break;
        }
        save(&path, next);
        println!("saved {next}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn killed_at_any_moment() {
    let (folder, mut rng) = (Folder::new("crash"), seeded(SEED));
    let (path, previous) = (folder.join("model"), folder.join("model.previous"));
    save(&path, 0);
    save(&path, 1);
    let (mut midway, mut behind) = (0, 0);
    let child = test_name(module_path!(), "child_that_saves_without_end");
    for _ in 0..KILLS {
        let before = folder.names().len();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &child, "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines =
            BufReader::new(child.stdout.take().unwrap()).lines().map_while(|line| line.ok());
        let mut said = lines.filter_map(|line| line.split_once("saved ")?.1.parse::<u64>().ok());
        let first = said.next().expect("the child saves");
        std::thread::sleep(Duration::from_micros(rng.random_range(0..20_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let last = said.last().unwrap_or(first);
        let (newest, kept) = (number(&path), number(&previous));
        assert!(newest == last || newest == last + 1, "{newest} was found, {last} was saved");
        assert!(kept + 1 == newest || kept + 2 == newest, "{kept} is kept of {newest}");
        midway += usize::from(folder.names().len() > before);
        behind += usize::from(kept + 2 == newest);
    }
    let newest = number(&path);
    println!("{newest} saves, {KILLS} kills: {midway} amid a save, {behind} between its renames");
    assert!(midway > 0, "no kill came amid a save");
    // What they left is young, and stays; nothing else is there.
    let ours = |name: &String| name.starts_with(".model.") && name.ends_with(".tmp");
    assert!(folder.names().iter().all(|name| ours(name) || name.starts_with("model")));
}
