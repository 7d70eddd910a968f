//! The lines of a log.

use std::fmt::Write as _;

use crate::terms::Terms;
use crate::train::report::{asked_in_words, numbered};
use crate::train::{BatchReport, EpochReport, StopReason};

/// One line.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) event: &'static str,
    pub(super) epoch: Option<usize>,
    pub(super) batch: Option<usize>,
    pub(super) terms: Option<Terms>,
    pub(super) validation: Option<Terms>,
    /// The last numbers, in the order of [`NUMBERS`].
    pub(super) numbers: [Option<f64>; 4],
    pub(super) evaluations: Option<usize>,
    pub(super) note: Option<String>,
}

pub(super) const BATCH: &str = "batch";
pub(super) const EPOCH: &str = "epoch";
pub(super) const WARNING: &str = "warning";
pub(super) const DIVERGED: &str = "diverged";
pub(super) const RECOVERED: &str = "recovered";
pub(super) const END: &str = "end";

/// The events that have a line, with all features of the crate.
pub(super) const EVENTS: [&str; 6] = [BATCH, EPOCH, WARNING, DIVERGED, RECOVERED, END];

pub(super) const NUMBERS: [&str; 4] = ["gradient_norm", "rate", "seconds", "samples_per_second"];

impl Row {
    pub(super) fn of_batch(batch: &BatchReport<'_>) -> Self {
        Self {
            event: BATCH,
            epoch: Some(batch.epoch),
            batch: Some(batch.batch),
            terms: Some(batch.terms.clone()),
            numbers: [Some(batch.gradient_norm), Some(batch.rate), None, None],
            evaluations: Some(batch.evaluations),
            ..Self::default()
        }
    }

    pub(super) fn of_epoch(epoch: &EpochReport) -> Self {
        let numbers = [epoch.gradient_norm, epoch.rate, epoch.seconds, epoch.samples_per_second];
        Self {
            event: EPOCH,
            epoch: Some(epoch.epoch),
            terms: Some(epoch.terms.clone()),
            validation: epoch.validation.clone(),
            numbers: numbers.map(Some),
            evaluations: Some(epoch.evaluations),
            ..Self::default()
        }
    }
}

pub(super) fn in_words(stopped: StopReason) -> String {
    match stopped {
        StopReason::Completed => "completed".to_owned(),
        StopReason::NoImprovement { best_epoch } => {
            format!("no improvement since epoch {best_epoch}")
        }
        StopReason::Converged(_) => "converged".to_owned(),
        StopReason::LineSearchFailed => "the line search failed".to_owned(),
        StopReason::Asked { epoch, batch } => asked_in_words(epoch, batch),
        StopReason::Diverged => "diverged".to_owned(),
    }
}

/// The first line of CSV, where terms have these names.
pub(super) fn header(names: &[String]) -> String {
    let mut header: Vec<String> = ["event", "epoch", "batch", "total"].map(String::from).into();
    header.extend(names.iter().cloned());
    header.push("validation_total".to_owned());
    header.extend(names.iter().map(|name| format!("validation_{name}")));
    header.extend(NUMBERS.map(String::from));
    header.extend(["evaluations", "note"].map(String::from));
    csv(&header)
}

/// A line of cells; those with a comma, a quote or a line's end are quoted.
pub(super) fn csv(cells: &[String]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| match cell.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        })
        .collect();
    cells.join(",") + "\n"
}

pub(super) fn json(row: &Row) -> String {
    let mut line = format!("{{\"event\":{}", quoted(row.event));
    // Writing to a string cannot fail.
    let count = |line: &mut String, name: &str, count: Option<usize>| {
        if let Some(count) = count {
            let _ = write!(line, ",\"{name}\":{count}");
        }
    };
    count(&mut line, "epoch", row.epoch);
    count(&mut line, "batch", row.batch);
    for (name, terms) in [("", &row.terms), ("validation_", &row.validation)] {
        let Some(terms) = terms else { continue };
        let _ = write!(line, ",\"{name}total\":{}", number(terms.total()));
        let values = numbered(terms).into_iter().zip(terms.iter());
        let values: Vec<String> = values
            .map(|(name, (_, value))| format!("{}:{}", quoted(&name), number(value)))
            .collect();
        let _ = write!(line, ",\"{name}terms\":{{{}}}", values.join(","));
    }
    for (name, value) in NUMBERS.iter().zip(row.numbers) {
        if let Some(value) = value {
            let _ = write!(line, ",\"{name}\":{}", number(value));
        }
    }
    count(&mut line, "evaluations", row.evaluations);
    if let Some(note) = &row.note {
        let _ = write!(line, ",\"note\":{}", quoted(note));
    }
    line + "}\n"
}

fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { "null".to_owned() }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
