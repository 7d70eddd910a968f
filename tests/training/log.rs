//! Logs and progress of a training, read back by others.

use std::io::{Error as IoError, ErrorKind, Write};

use autoencoder::activation::{Identity, Tanh};
use autoencoder::train::{Control, Event, Log, Observer, OnDivergence, Shared};
use autoencoder::{
    Adam, AutoEncoder, Batch, Dense, Error, Report, Sgd, Trainer, WeightDecay, nalgebra::Const,
};

const SAMPLES: usize = 40;

fn data() -> Batch<f64, Const<3>> {
    (0..SAMPLES).map(|k| [0.1, 0.2, -0.3].map(|x| x * (k as f64 - 20.0) / 10.0)).collect()
}

macro_rules! model {
    () => {
        AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Tanh))
            .decoder(Dense::<2, 3>::new(Identity))
            .regularizer((WeightDecay::new(1e-3).unwrap(), WeightDecay::new(2e-3).unwrap()))
            .build::<f64>()
            .unwrap()
    };
}

fn trainer<'a>() -> Trainer<'a, Adam> {
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(3).batch_size(10).validation_split(0.25)
}

/// The text of a log and the report of the training it is of.
fn logged(log: Log<Vec<u8>>) -> (String, Report) {
    let mut log = log;
    let report = trainer().observer(&mut log).fit(&mut model!(), &data()).unwrap();
    log.finish().unwrap();
    (String::from_utf8(log.writer().clone()).unwrap(), report)
}

#[test]
fn csv_reads_back_to_the_report() {
    let (text, report) = logged(Log::csv(Vec::new()));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let names = ["squared_error", "weight_decay", "weight_decay_2"];
    assert_eq!(header[..3], ["event", "epoch", "batch"]);
    assert_eq!(header[4..7], names);
    assert_eq!(header[8..11], names.map(|name| format!("validation_{name}")));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3 + 1);
    let number = |row: &csv::StringRecord, name: &str| -> f64 {
        row[header.iter().position(|other| other == name).unwrap()].parse().unwrap()
    };
    for (row, epoch) in rows.iter().zip(&report.epochs) {
        assert_eq!((&row[0], number(row, "epoch") as usize), ("epoch", epoch.epoch));
        assert_eq!(number(row, "total"), epoch.terms.total());
        let validation = epoch.validation.as_ref().unwrap();
        assert_eq!(number(row, "validation_total"), validation.total());
        for (k, (_, value)) in epoch.terms.iter().enumerate() {
            assert_eq!(number(row, names[k]), value);
        }
        for (k, (_, value)) in validation.iter().enumerate() {
            assert_eq!(number(row, &format!("validation_{}", names[k])), value);
        }
        assert_eq!(number(row, "gradient_norm"), epoch.gradient_norm);
        assert_eq!(number(row, "rate"), epoch.rate);
        assert_eq!(number(row, "seconds"), epoch.seconds);
        assert_eq!(number(row, "samples_per_second"), epoch.samples_per_second);
        assert_eq!(number(row, "evaluations"), epoch.evaluations as f64);
    }
    assert_eq!((&rows[3][0], &rows[3][1], &rows[3][header.len() - 1]), ("end", "3", "completed"));
}

#[test]
fn json_lines_read_back_to_the_report() {
    let (text, report) = logged(Log::json_lines(Vec::new()));
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    for (line, epoch) in lines.iter().zip(&report.epochs) {
        assert_eq!(line["event"], "epoch");
        assert_eq!(line["epoch"], epoch.epoch);
        assert_eq!(line["total"], epoch.terms.total());
        assert_eq!(line["terms"]["weight_decay_2"], epoch.terms.iter().nth(2).unwrap().1);
        let validation = epoch.validation.as_ref().unwrap();
        assert_eq!(line["validation_total"], validation.total());
        assert_eq!(line["validation_terms"]["squared_error"], validation.reconstruction());
        assert_eq!(line["seconds"], epoch.seconds);
    }
    assert_eq!(lines[3]["note"], "completed");
}

#[test]
fn batches_have_lines_where_they_are_asked_for() {
    for (log, is_csv) in [(Log::csv(Vec::new()), true), (Log::json_lines(Vec::new()), false)] {
        let (text, _) = logged(log.batches(true));
        let begins =
            if is_csv { "batch,2,3," } else { "{\"event\":\"batch\",\"epoch\":2,\"batch\":3," };
        assert_eq!(text.lines().filter(|line| line.starts_with(begins)).count(), 1);
        // 30 samples in batches of 10, 3 epochs, and the end.
        assert_eq!(text.lines().count(), usize::from(is_csv) + 9 + 3 + 1);
    }
}

#[test]
fn what_diverged_is_quoted_and_the_columns_stay() {
    // A rate so large that the second batch is beyond all numbers, and so are all that follow.
    let run = |log: &mut Log<Vec<u8>>| {
        let report = Trainer::new(Sgd::new(1e300).unwrap())
            .epochs(2)
            .batch_size(10)
            .on_divergence(OnDivergence::SkipBatch { limit: 100 })
            .observer(log)
            .fit(&mut model!(), &data());
        report.unwrap()
    };
    let (mut csv_log, mut json_log) = (Log::csv(Vec::new()), Log::json_lines(Vec::new()));
    let report = run(&mut csv_log);
    assert_eq!(report.divergences, run(&mut json_log).divergences);
    assert!(!report.divergences.is_empty());
    csv_log.finish().unwrap();
    let mut reader = csv::Reader::from_reader(&csv_log.writer()[..]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let notes: Vec<&str> =
        rows.iter().filter(|row| &row[0] == "diverged").map(|row| &row[row.len() - 1]).collect();
    let said: Vec<String> = report.divergences.iter().map(ToString::to_string).collect();
    assert_eq!(notes, said);
    json_log.finish().unwrap();
    let json = String::from_utf8(json_log.writer().clone()).unwrap();
    let notes = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let notes: Vec<String> = notes
        .filter(|line| line["event"] == "diverged")
        .map(|line| line["note"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(notes, said);
}

/// Takes so many bytes, then none.
#[derive(Debug)]
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(IoError::from(ErrorKind::StorageFull));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_shared_log_is_read_while_its_trainer_lives() {
    let log = Shared::new(Log::csv(Vec::new()));
    let mut shared = trainer().observer(log.clone());
    let first = shared.fit(&mut model!(), &data()).unwrap();
    log.with(Log::finish).unwrap();
    let text = |log: &mut Log<Vec<u8>>| String::from_utf8(log.writer().clone()).unwrap();
    let after_one = log.with(text);
    assert_eq!(after_one.lines().count(), 1 + 3 + 1);
    for (line, epoch) in after_one.lines().skip(1).zip(&first.epochs) {
        assert!(line.starts_with(&format!("epoch,{},,{:?},", epoch.epoch, epoch.terms.total())));
    }
    // The trainer goes on writing to the same log.
    shared.fit(&mut model!(), &data()).unwrap();
    assert_eq!(log.with(text).lines().count(), 1 + 2 * (3 + 1));
    drop(shared);
    assert!(format!("{log:?}").contains("has_batches: false"));
}

#[test]
fn an_observer_that_panicked_can_still_be_read() {
    let steps = Shared::new(Steps(0));
    let mut shared = trainer().observer(steps.clone());
    let fit = || shared.fit(&mut model!(), &data());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(fit)).is_err());
    assert_eq!(steps.with(|steps| steps.0), 2);
}

/// Panics at the second step.
struct Steps(usize);

impl Observer for Steps {
    fn observe(&mut self, event: &Event<'_>) -> Control {
        if let Event::Batch(_) = event {
            self.0 += 1;
            if self.0 == 2 {
                std::panic::resume_unwind(Box::new("two"));
            }
        }
        Control::Continue
    }
}

#[test]
fn a_writer_that_fails_does_not_end_the_training_and_is_reported() {
    for room in [0, 200, 400] {
        let mut log = Log::csv(Full(room));
        let report = trainer().observer(&mut log).fit(&mut model!(), &data()).unwrap();
        assert_eq!(report.epochs.len(), 3);
        assert_eq!(log.finish().unwrap_err(), Error::Log { reason: ErrorKind::StorageFull });
    }
}

#[cfg(feature = "progress")]
mod progress {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use autoencoder::train::ProgressBar;
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;

    #[test]
    fn a_bar_shows_epoch_batch_terms_rate_and_time_left() {
        let terminal = InMemoryTerm::new(10, 240);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observed = (terminal.clone(), seen.clone());
        trainer()
            .observer(ProgressBar::on(target).every(Duration::ZERO))
            .observer(move |event: &Event<'_>| {
                if !matches!(event, Event::Start(_)) {
                    observed.1.lock().unwrap().push(observed.0.contents());
                }
            })
            .fit(&mut model!(), &data())
            .unwrap();
        let last = terminal.contents();
        for part in [
            "100 %",
            "epoch 3/3",
            "batch 3/3",
            "squared_error ",
            "weight_decay ",
            "validation ",
            "samples/s",
            "0:00 left",
        ] {
            assert!(last.contains(part), "{part} in {last}");
        }
        let seen = seen.lock().unwrap();
        assert!(seen.iter().any(|text| text.contains("epoch 1/3")));
        // The clock begins at the end of the first step, which tells no rate.
        assert!(seen[0].contains("batch 1/3") && !seen[0].contains("samples/s"), "{}", seen[0]);
        assert!(seen[1].contains("batch 2/3") && seen[1].contains("samples/s"), "{}", seen[1]);
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn without_a_terminal_there_are_plain_lines() {
        let lines = |every: Duration| {
            let written = Shared::default();
            let bar = ProgressBar::lines(written.clone()).every(every);
            trainer().observer(bar).fit(&mut model!(), &data()).unwrap();
            let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
            text.lines().map(String::from).collect::<Vec<_>>()
        };
        let all = lines(Duration::ZERO);
        assert_eq!(all.len(), 3);
        for (epoch, line) in all.iter().enumerate() {
            assert!(line.starts_with(&format!("epoch {}/3, batch 3/3, ", epoch + 1)), "{line}");
            for part in ["squared_error ", "validation ", "samples/s", " left"] {
                assert!(line.contains(part), "{part} in {line}");
            }
        }
        // The first and the last are always there.
        let few = lines(Duration::from_secs(3600));
        assert_eq!(few.len(), 2);
        assert!(few[0].starts_with("epoch 1/3") && few[1].starts_with("epoch 3/3"));
    }

    #[test]
    fn a_writer_that_fails_does_not_end_the_training() {
        let bar = ProgressBar::lines(Full(0));
        let report = trainer().observer(bar).fit(&mut model!(), &data()).unwrap();
        assert_eq!(report.epochs.len(), 3);
    }
}
