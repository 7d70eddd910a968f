//! Logs that go on with the training they are of.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::train::{Checkpoints, Control, Event, Log, LogFile, Shared};
use autoencoder::*;
use common::Folder;
use nalgebra::Const;

const EPOCHS: usize = 4;
/// Of a training: its third feature is far larger than others.
const WARNINGS: usize = 1;
/// Of an epoch.
const BATCHES: usize = 3;

fn data() -> Batch<f64, Const<3>> {
    let size = |k: usize| if k % 3 == 2 { 1e9 } else { 1.0 };
    let value = |k: usize| ((k * 7919 + 11) % 1009) as f64 / 1009.0 * size(k);
    (0..22).map(|s| std::array::from_fn(|i| value(s * 3 + i))).collect()
}

/// Trains a fresh model, with so many penalties.
fn fit(trainer: &mut Trainer<'_, Adam>, penalties: usize) -> Report {
    let penalty = || Box::new(WeightDecay::new(1e-3).unwrap()) as Box<dyn Regularizer<f64>>;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<3, 2>::new(Tanh))
        .decoder(Dense::<2, 3>::new(Identity))
        .regularizer((0..penalties).map(|_| penalty()).collect::<Vec<_>>())
        .build::<f64>()
        .unwrap();
    trainer.fit(&mut model, Examples::of(&data()).held_out(&data())).unwrap()
}

fn trainer<'a>() -> Trainer<'a, Adam> {
    Trainer::new(Adam::new(0.01).unwrap()).epochs(EPOCHS).batch_size(8)
}

fn open(path: &Path, is_csv: bool) -> Log<LogFile> {
    if is_csv { Log::csv_file(path) } else { Log::json_lines_file(path) }.unwrap()
}

/// The lines of a file, without what the clock says.
fn lines(path: &Path, is_csv: bool) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let header = text.lines().next().unwrap_or_default();
    let seconds = header.split(',').position(|cell| cell == "seconds");
    let without = |line: &str| {
        if is_csv {
            let mut cells: Vec<&str> = line.split(',').collect();
            let seconds = seconds.unwrap();
            cells.drain(seconds..seconds + 2);
            return cells.join(",");
        }
        let mut object: serde_json::Value = serde_json::from_str(line).unwrap();
        for name in ["seconds", "samples_per_second"] {
            object.as_object_mut().unwrap().remove(name);
        }
        object.to_string()
    };
    text.lines().map(without).collect()
}

/// As it is when nothing ends the training.
fn at_once(folder: &Folder, is_csv: bool, has_batches: bool) -> Vec<String> {
    let path = folder.join(format!("at-once-{is_csv}"));
    let mut log = open(&path, is_csv).batches(has_batches);
    fit(&mut trainer().observer(&mut log), 1);
    log.finish().unwrap();
    lines(&path, is_csv)
}

#[test]
fn a_training_that_is_broken_off_anywhere_is_in_its_log_once() {
    let events = 1 + WARNINGS + EPOCHS * (BATCHES + 1) + 1;
    for (is_csv, has_batches) in [(true, false), (true, true), (false, false), (false, true)] {
        let folder = Folder::new("log-resumed");
        let expected = at_once(&folder, is_csv, has_batches);
        let rows = if has_batches { BATCHES + 1 } else { 1 };
        assert_eq!(expected.len(), usize::from(is_csv) + WARNINGS + EPOCHS * rows + 1);
        let half = if is_csv { "epoch,4,,0.1" } else { "{\"event\":\"epoch\",\"epoch\":4,\"to" };
        for (end, half_a_line) in (0..events).flat_map(|end| [(end, ""), (end, half)]) {
            for is_crash in [false, true] {
                let name = format!("{end}-{}-{is_crash}", half_a_line.len());
                let (path, run) = (folder.join(&name), folder.join(format!("{name}.run")));
                // Every second step: some of what was logged is done again.
                let checkpoints = Checkpoints::new(run).every_epochs(2).every_steps(2).resume(true);
                let broken_off = || {
                    let mut heard = 0;
                    let log = open(&path, is_csv).batches(has_batches);
                    let mut trainer = trainer().checkpoints(checkpoints.clone()).observer(log);
                    trainer = trainer.observer(move |_: &Event<'_>| {
                        heard += 1;
                        match heard == end + 1 {
                            true if is_crash => resume_unwind(Box::new("crash")),
                            true => Control::Stop,
                            false => Control::Continue,
                        }
                    });
                    fit(&mut trainer, 1);
                };
                assert_eq!(catch_unwind(AssertUnwindSafe(broken_off)).is_err(), is_crash);
                let mut text = fs::read(&path).unwrap();
                text.extend(half_a_line.bytes());
                fs::write(&path, text).unwrap();
                let mut log = open_or_new(&path, is_csv).batches(has_batches);
                fit(&mut trainer().checkpoints(checkpoints).observer(&mut log), 1);
                log.finish().unwrap();
                assert_eq!(lines(&path, is_csv), expected, "{name}");
            }
        }
    }
}

/// Half a line in an empty file is no log; whoever wrote it has to take it away.
fn open_or_new(path: &Path, is_csv: bool) -> Log<LogFile> {
    let begins: &[u8] = if is_csv { b"event," } else { b"{\"event" };
    if !fs::read(path).is_ok_and(|text| text.is_empty() || text.starts_with(begins)) {
        fs::write(path, "").unwrap();
    }
    open(path, is_csv)
}

#[test]
fn epochs_that_a_log_lacks_come_from_the_report() {
    let folder = Folder::new("log-gap");
    for is_csv in [true, false] {
        let expected = at_once(&folder, is_csv, false);
        let path = folder.join(format!("log-{is_csv}"));
        let checkpoints = Checkpoints::new(folder.join(format!("run-{is_csv}"))).resume(true);
        let log = open(&path, is_csv);
        fit(&mut trainer().epochs(3).checkpoints(checkpoints.clone()).observer(log), 1);
        // The system crashed before it had written the lines of the second and third epoch.
        let text = fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text.lines().take(1 + WARNINGS + usize::from(is_csv)).collect();
        fs::write(&path, kept.join("\n") + "\n").unwrap();
        let mut goes_on = trainer().checkpoints(checkpoints).observer(open(&path, is_csv));
        fit(&mut goes_on, 1);
        drop(goes_on);
        assert_eq!(lines(&path, is_csv), expected);
    }
}

#[test]
fn a_training_that_begins_anew_replaces_the_file_and_others_follow() {
    let folder = Folder::new("log-anew");
    let path = folder.join("log.csv");
    let once = at_once(&folder, true, false);
    let log = Shared::new(open(&path, true));
    let mut both = trainer().observer(log.clone());
    fit(&mut both, 1);
    fit(&mut both, 1);
    log.with(Log::finish).unwrap();
    let twice = [&once[..], &once[1..]].concat();
    assert_eq!(lines(&path, true), twice);

    // Only the last of them is cut.
    let checkpoints = Checkpoints::new(folder.join("run")).resume(true);
    let mut goes_on = trainer().epochs(2).checkpoints(checkpoints.clone());
    fit(&mut goes_on, 1);
    let mut resumed = trainer().checkpoints(checkpoints).observer(open(&path, true));
    fit(&mut resumed, 1);
    drop(resumed);
    assert_eq!(lines(&path, true), twice);

    let mut anew = trainer().observer(open(&path, true));
    fit(&mut anew, 1);
    drop(anew);
    assert_eq!(lines(&path, true), once);
}

#[test]
fn what_is_no_log_of_this_training_is_refused() {
    let folder = Folder::new("log-refused");
    let path = folder.join("notes.txt");
    fs::write(&path, "my notes").unwrap();
    for refused in [Log::csv_file(&path), Log::json_lines_file(&path)] {
        assert_eq!(refused.unwrap_err(), Error::NotALog { path: path.clone() });
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "my notes");
    fs::remove_file(&path).unwrap();
    let mut log = open(&path, true);
    fit(&mut trainer().observer(&mut log), 1);
    log.finish().unwrap();
    assert!(matches!(Log::json_lines_file(&path), Err(Error::NotALog { .. })));
    // Its second training has a penalty more.
    fit(&mut trainer().observer(&mut log), 2);
    let names = ["squared_error", "weight_decay", "weight_decay_2"].map(String::from);
    let expected = Error::LogColumns { header: names[..2].into(), found: names.into() };
    assert_eq!(
        expected.to_string(),
        "the header of the log names the terms squared_error, weight_decay, but the training has squared_error, \
         weight_decay, weight_decay_2; give each training a log of its own"
    );
    assert_eq!(log.finish(), Err(expected));
    let missing = folder.join("missing/log.csv");
    assert!(matches!(Log::csv_file(missing), Err(Error::File { .. })));
}

/// Another program's file may begin as ours do.
#[test]
fn files_of_other_programs_are_left_alone() {
    let folder = Folder::new("log-others");
    let path = folder.join("events");
    let full = folder.join("full");
    let mut log = open(&full, true);
    fit(&mut trainer().observer(&mut log), 1);
    log.finish().unwrap();
    let full = fs::read_to_string(full).unwrap();
    let header = full.lines().next().unwrap();
    let epoch = "{\"event\":\"epoch\",\"epoch\":1}";
    for (text, is_csv) in [
        ("{\"event\":\"login\",\"user\":\"a\"}\n{\"event\":\"logout\"}\n".to_owned(), false),
        ("{\"event\":\"login\",\"user\":\"a\"}\n{\"event\":\"logout\"}".to_owned(), false),
        ("{\"event\":\"end\",\"user\":\"a\"}\n".to_owned(), false),
        ("{\"event\":\"end\",\"user\":\"a\"}".to_owned(), false),
        (format!("{epoch}\n{{\"event\":\"logout\"}}\n"), false),
        (format!("{epoch}\nmy notes\n"), false),
        (format!("{epoch}\nmy notes"), false),
        (format!("{epoch}\r\n"), false),
        ("event,epoch,batch,total\nlogin,1,2,3\n".to_owned(), true),
        ("event,epoch,batch,total,note\nepoch,1,2,3,\n".to_owned(), true),
        (format!("{header},mine\n"), true),
        (format!("{header}\nlogin\n"), true),
        (format!("{header}\nmy notes"), true),
        (format!("{header}\nepoch,1\n"), true),
    ] {
        fs::write(&path, &text).unwrap();
        let refused = if is_csv { Log::csv_file(&path) } else { Log::json_lines_file(&path) };
        assert_eq!(refused.unwrap_err(), Error::NotALog { path: path.clone() }, "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
