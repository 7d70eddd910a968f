use std::fmt::Write as _;
use std::io::Write;

use super::report::numbered;
use super::{BatchReport, Event, Observer, StopReason};
use crate::error::{Error, Result};
use crate::terms::Terms;
use crate::train::EpochReport;

/// Writes the course of a training, as CSV or as JSON, a line an epoch and, if asked for, a line a batch.
///
/// CSV is that of RFC 4180, with lines that end in a line feed: a header, then rows with the columns
/// `event`, `epoch`, `batch`, `total`, each term, `validation_total`, `validation_…` of each term,
/// `gradient_norm`, `rate`, `seconds`, `samples_per_second`, `evaluations`, `note`; what does not apply is
/// empty. JSON comes as one object a line, with `terms` and `validation` as objects; a number that is not
/// finite, which JSON does not have, is `null`. Events are `batch`, `epoch`, `warning`, `diverged`, `recovered` and
/// `end`. Numbers read back to the same bits.
///
/// # Errors
/// A training does not end because its log cannot be written: after the first error nothing more is
/// written, and [`finish`](Self::finish) returns it.
///
/// # Example
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets, train::Log};
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let mut log = Log::csv(Vec::new()); // or a file, behind a `BufWriter`
/// let digits = datasets::digits();
/// Trainer::new(Adam::new(1e-2)?).epochs(2).observer(&mut log).fit(&mut model, &digits.train)?;
/// let text = String::from_utf8(log.finish()?).unwrap();
/// assert!(text.starts_with("event,epoch,batch,total,squared_error,validation_total"));
/// assert_eq!(text.lines().count(), 1 + 2 + 1); // header, epochs, end
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug)]
pub struct Log<W> {
    writer: W,
    is_csv: bool,
    has_batches: bool,
    /// The names of the terms, once they are known, which the header needs.
    names: Option<Vec<String>>,
    waiting: Vec<Row>,
    failed: Option<std::io::ErrorKind>,
}

/// One line.
#[derive(Debug, Default)]
struct Row {
    event: &'static str,
    epoch: Option<usize>,
    batch: Option<usize>,
    terms: Option<Terms>,
    validation: Option<Terms>,
    /// The last numbers, in the order of [`NUMBERS`].
    numbers: [Option<f64>; 4],
    evaluations: Option<usize>,
    note: Option<String>,
}

const NUMBERS: [&str; 4] = ["gradient_norm", "rate", "seconds", "samples_per_second"];

impl<W: Write> Log<W> {
    /// Comma-separated values, to this writer.
    pub fn csv(writer: W) -> Self {
        Self::new(writer, true)
    }

    /// One JSON object a line, to this writer.
    pub fn json_lines(writer: W) -> Self {
        Self::new(writer, false)
    }

    fn new(writer: W, is_csv: bool) -> Self {
        let (names, waiting, failed) = (None, Vec::new(), None);
        Self { writer, is_csv, has_batches: false, names, waiting, failed }
    }

    /// Whether batches have lines too. Default: false.
    pub fn batches(self, has_batches: bool) -> Self {
        Self { has_batches, ..self }
    }

    /// The writer, to which all has been written.
    ///
    /// # Errors
    /// [`Error::Log`] with the first error of the writer.
    pub fn finish(mut self) -> Result<W> {
        self.write_waiting();
        if self.failed.is_none() {
            self.failed = self.writer.flush().err().map(|error| error.kind());
        }
        match self.failed {
            None => Ok(self.writer),
            Some(reason) => Err(Error::Log { reason }),
        }
    }

    fn write_line(&mut self, line: &str) {
        if self.failed.is_none() {
            self.failed = self.writer.write_all(line.as_bytes()).err().map(|error| error.kind());
        }
    }

    fn add(&mut self, row: Row) {
        if !self.is_csv {
            return self.write_line(&json(&row));
        }
        // A row without terms (all its batches were skipped) waits until the columns are known.
        let first = [&row.terms, &row.validation].into_iter().flatten().map(numbered);
        let names = first.max_by_key(Vec::len).filter(|names| !names.is_empty());
        let is_known = self.names.is_some() || names.is_some();
        self.waiting.push(row);
        if self.names.is_none() {
            self.names = names;
            if is_known {
                self.write_header();
            }
        }
        if is_known {
            self.write_rows();
        }
    }

    fn write_waiting(&mut self) {
        if self.names.is_none() && !self.waiting.is_empty() {
            self.names = Some(Vec::new());
            self.write_header();
        }
        self.write_rows();
    }

    fn write_header(&mut self) {
        let names = self.names.clone().unwrap_or_default();
        let mut header: Vec<String> = ["event", "epoch", "batch", "total"].map(String::from).into();
        header.extend(names.iter().cloned());
        header.push("validation_total".to_owned());
        header.extend(names.iter().map(|name| format!("validation_{name}")));
        header.extend(NUMBERS.map(String::from));
        header.extend(["evaluations", "note"].map(String::from));
        self.write_line(&csv(&header));
    }

    fn write_rows(&mut self) {
        let names = self.names.as_ref().map_or(0, Vec::len);
        for row in std::mem::take(&mut self.waiting) {
            let text = |count: Option<usize>| count.map_or(String::new(), |n| n.to_string());
            let mut cells = vec![row.event.to_owned(), text(row.epoch), text(row.batch)];
            for terms in [&row.terms, &row.validation] {
                let values: Vec<f64> =
                    terms.iter().flat_map(|terms| terms.iter().map(|(_, value)| value)).collect();
                let total = terms.as_ref().map(|terms| format!("{:?}", terms.total()));
                cells.push(total.unwrap_or_default());
                cells
                    .extend((0..names).map(|k| {
                        values.get(k).map_or(String::new(), |value| format!("{value:?}"))
                    }));
            }
            let number = |number: Option<f64>| number.map_or(String::new(), |x| format!("{x:?}"));
            cells.extend(row.numbers.map(number));
            cells.push(text(row.evaluations));
            cells.push(row.note.unwrap_or_default());
            self.write_line(&csv(&cells));
        }
    }
}

impl<W: Write> Observer for Log<W> {
    fn observe(&mut self, event: &Event<'_>) {
        let row = match event {
            Event::Batch(_) if !self.has_batches => return,
            Event::Batch(batch) => Row::of_batch(batch),
            Event::Epoch(epoch) => Row::of_epoch(epoch),
            Event::Diverged(divergence) => Row {
                event: "diverged",
                epoch: Some(divergence.epoch),
                batch: Some(divergence.batch),
                note: Some(divergence.to_string()),
                ..Row::default()
            },
            Event::Warning(warning) => {
                Row { event: "warning", note: Some(warning.to_string()), ..Row::default() }
            }
            #[cfg(feature = "safetensors")]
            Event::Recovered(recovered) => Row {
                event: "recovered",
                note: Some(format!(
                    "{}; went on from {}",
                    recovered.error,
                    recovered.path.display()
                )),
                ..Row::default()
            },
            Event::End(report) => Row {
                event: "end",
                epoch: Some(report.kept_epoch),
                note: Some(in_words(report.stopped)),
                ..Row::default()
            },
        };
        self.add(row);
        if !matches!(event, Event::Batch(_)) && self.failed.is_none() {
            self.failed = self.writer.flush().err().map(|error| error.kind());
        }
    }
}

/// So that the log can be [finished](Log::finish) after the training.
impl<W: Write> Observer for &mut Log<W> {
    fn observe(&mut self, event: &Event<'_>) {
        (**self).observe(event);
    }
}

impl Row {
    fn of_batch(batch: &BatchReport<'_>) -> Self {
        Self {
            event: "batch",
            epoch: Some(batch.epoch),
            batch: Some(batch.batch),
            terms: Some(batch.terms.clone()),
            numbers: [Some(batch.gradient_norm), Some(batch.rate), None, None],
            evaluations: Some(batch.evaluations),
            ..Self::default()
        }
    }

    fn of_epoch(epoch: &EpochReport) -> Self {
        let numbers = [epoch.gradient_norm, epoch.rate, epoch.seconds, epoch.samples_per_second];
        Self {
            event: "epoch",
            epoch: Some(epoch.epoch),
            terms: Some(epoch.terms.clone()),
            validation: epoch.validation.clone(),
            numbers: numbers.map(Some),
            evaluations: Some(epoch.evaluations),
            ..Self::default()
        }
    }
}

fn in_words(stopped: StopReason) -> String {
    match stopped {
        StopReason::Completed => "completed".to_owned(),
        StopReason::NoImprovement { best_epoch } => {
            format!("no improvement since epoch {best_epoch}")
        }
        StopReason::Converged(_) => "converged".to_owned(),
        StopReason::LineSearchFailed => "the line search failed".to_owned(),
        StopReason::Diverged => "diverged".to_owned(),
    }
}

/// A line of cells; those with a comma, a quote or a line's end are quoted.
fn csv(cells: &[String]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| match cell.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        })
        .collect();
    cells.join(",") + "\n"
}

fn json(row: &Row) -> String {
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
