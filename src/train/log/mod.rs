mod file;
mod read;
mod row;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use super::report::numbered;
use super::{Control, Event, Observer, Start};
use crate::error::{Error, Result};

use file::Kept;
pub use file::LogFile;
#[cfg(feature = "safetensors")]
use row::RECOVERED;
use row::{DIVERGED, END, Row, WARNING, csv, header, in_words, json};

/// Writes the course of a training, as CSV or as JSON, a line an epoch and, if asked for, a line a batch.
///
/// | constructor | writes |
/// |---|---|
/// | [`csv_file`](Log::csv_file), [`json_lines_file`](Log::json_lines_file) | a file, that goes on with a training that is [resumed](#a-resumed-training) |
/// | [`csv`](Self::csv), [`json_lines`](Self::json_lines) | to any writer, from where it stands |
///
/// CSV is that of RFC 4180, with lines that end in a line feed: a header, then rows with the columns
/// `event`, `epoch`, `batch`, `total`, each term, `validation_total`, `validation_…` of each term,
/// `gradient_norm`, `rate`, `seconds`, `samples_per_second`, `evaluations`, `note`; what does not apply is
/// empty. JSON comes as one object a line, with `terms` and `validation` as objects; a number that is not
/// finite, which JSON does not have, is `null`. Events are `batch`, `epoch`, `warning`, `diverged`, `recovered` and
/// `end`. Numbers read back to the same bits.
///
/// # A resumed training
/// A log made of a file's name holds a training once, however often it was broken off: as soon as the training goes on
/// from a [checkpoint](crate::train), what the file says of later epochs, batches and ends is cut off, and so is a line
/// that a crash left half-written; warnings that are there are not repeated; epochs that are missing are written from the report; then new lines follow, under
/// the header that is there. A training that begins anew replaces what is in the file. Several trainings one after the
/// other that have the same `Log` follow each other in the file; each of those that may be resumed needs a file of its
/// own.
///
/// # Errors
/// A training does not end because its log cannot be written: after the first error nothing more is
/// written, and [`finish`](Self::finish) returns it. To read it, lend the log to the trainer, or
/// [share](super::Shared) it with one that lives on.
///
/// # Example
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Trainer, activation::Sigmoid, datasets, train::Log};
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let mut log = Log::csv(Vec::new()); // or `Log::csv_file("run.csv")?`
/// let digits = datasets::digits();
/// Trainer::new(Adam::new(1e-2)?).epochs(2).observer(&mut log).fit(&mut model, &digits.train)?;
/// log.finish()?;
/// let text = String::from_utf8_lossy(log.writer());
/// assert!(text.starts_with("event,epoch,batch,total,squared_error,validation_total"));
/// assert_eq!(text.lines().count(), 1 + 2 + 1); // header, epochs, end
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct Log<W> {
    writer: W,
    is_csv: bool,
    has_batches: bool,
    /// The names of the terms, once they are known, which the header needs.
    names: Option<Vec<String>>,
    waiting: Vec<Row>,
    /// The lines of warnings that the file has of the training that goes on.
    warnings: Vec<String>,
    failed: Option<Error>,
    /// Where the writer is a file, cuts off what a training that begins here does again.
    cut: Option<Cut<W>>,
    has_started: bool,
}

type Cut<W> = fn(&mut W, bool, Begins<'_>) -> Result<Kept>;

/// Where in its file a log begins.
#[derive(Clone, Copy)]
enum Begins<'a> {
    /// With nothing before it.
    Anew,
    /// Where the training goes on.
    At(&'a Start<'a>),
}

impl<W: fmt::Debug> fmt::Debug for Log<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Log");
        text.field("writer", &self.writer).field("is_csv", &self.is_csv);
        text.field("has_batches", &self.has_batches).field("failed", &self.failed);
        text.finish_non_exhaustive()
    }
}

impl Log<LogFile> {
    /// Comma-separated values, to this file; see [what is in it](#a-resumed-training) afterwards.
    ///
    /// # Errors
    /// [`Error::NotALog`] if the file has a line that no log of this format writes, but for a last one that a crash left
    /// half-written, and is left as it is, [`Error::File`] if it cannot be
    /// opened.
    pub fn csv_file(path: impl Into<PathBuf>) -> Result<Self> {
        Self::in_file(path.into(), true)
    }

    /// One JSON object a line, to this file; see [what is in it](#a-resumed-training) afterwards.
    ///
    /// # Errors
    /// As [`csv_file`](Self::csv_file).
    pub fn json_lines_file(path: impl Into<PathBuf>) -> Result<Self> {
        Self::in_file(path.into(), false)
    }

    fn in_file(path: PathBuf, is_csv: bool) -> Result<Self> {
        let file = LogFile::open(path, is_csv)?;
        Ok(Self { cut: Some(LogFile::cut), ..Self::new(file, is_csv) })
    }
}

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
        let (names, waiting, warnings, failed) = (None, Vec::new(), Vec::new(), None);
        let (has_batches, cut, has_started) = (false, None, false);
        Self { writer, is_csv, has_batches, names, waiting, warnings, failed, cut, has_started }
    }

    /// Whether batches have lines too. Default: false.
    pub fn batches(self, has_batches: bool) -> Self {
        Self { has_batches, ..self }
    }

    /// Writes what is left, and says whether all could be written. What happens in a later training follows.
    ///
    /// # Errors
    /// [`Error::Log`] with the first error of the writer, [`Error::LogColumns`] if a training had other terms than the
    /// header names, [`Error::File`] if a file could not be read or cut.
    pub fn finish(&mut self) -> Result<()> {
        self.write_waiting();
        self.flush();
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// What is written to; after [`finish`](Self::finish), all is.
    pub fn writer(&self) -> &W {
        &self.writer
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.writer.flush().err().map(failure);
        }
    }

    fn write_line(&mut self, line: &str) {
        if self.failed.is_none() {
            self.failed = self.writer.write_all(line.as_bytes()).err().map(failure);
        }
    }

    /// Writes a row, but no warning that a resumed training was given before.
    fn write_row(&mut self, event: &str, line: &str) {
        if event != WARNING || !self.warnings.iter().any(|warning| warning == line) {
            self.write_line(line);
        }
    }

    /// Goes on where a training begins.
    fn start(&mut self, start: &Start<'_>) {
        let is_first = !std::mem::replace(&mut self.has_started, true);
        let is_resumed = (start.epoch, start.batches_done) > (1, 0);
        let begins = match (is_resumed, is_first) {
            (true, _) => Begins::At(start),
            (false, true) => Begins::Anew,
            // One training after the other.
            (false, false) => return self.warnings.clear(),
        };
        let Some(cut) = self.cut else { return };
        if self.failed.is_some() {
            return;
        }
        match cut(&mut self.writer, self.is_csv, begins) {
            Err(error) => self.failed = Some(error),
            Ok(Kept { names, last_epoch, warnings }) => {
                self.waiting.clear();
                (self.names, self.warnings) = (names, warnings);
                let missing = start.epochs.iter().filter(|epoch| epoch.epoch > last_epoch);
                missing.for_each(|epoch| self.add(Row::of_epoch(epoch)));
            }
        }
    }

    fn add(&mut self, row: Row) {
        if !self.is_csv {
            return self.write_row(row.event, &json(&row));
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
        self.write_line(&header(&names));
    }

    fn write_rows(&mut self) {
        let header = self.names.clone().unwrap_or_default();
        let names = header.len();
        for row in std::mem::take(&mut self.waiting) {
            let of_row = [&row.terms, &row.validation].into_iter().flatten().map(numbered);
            if let Some(found) = of_row.into_iter().find(|of_row| !header.starts_with(of_row)) {
                self.failed.get_or_insert(Error::LogColumns { header, found });
                return;
            }
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
            self.write_row(row.event, &csv(&cells));
        }
    }
}

impl<W: Write> Observer for Log<W> {
    fn observe(&mut self, event: &Event<'_>) -> Control {
        let row = match event {
            Event::Start(start) => {
                self.start(start);
                return Control::Continue;
            }
            Event::Batch(_) if !self.has_batches => return Control::Continue,
            Event::Batch(batch) => Row::of_batch(batch),
            Event::Epoch(epoch) => Row::of_epoch(epoch),
            Event::Diverged(divergence) => Row {
                event: DIVERGED,
                epoch: Some(divergence.epoch),
                batch: Some(divergence.batch),
                note: Some(divergence.to_string()),
                ..Row::default()
            },
            Event::Warning(warning) => {
                Row { event: WARNING, note: Some(warning.to_string()), ..Row::default() }
            }
            #[cfg(feature = "safetensors")]
            Event::Recovered(recovered) => Row {
                event: RECOVERED,
                note: Some(format!(
                    "{}; went on from {}",
                    recovered.error,
                    recovered.path.display()
                )),
                ..Row::default()
            },
            Event::End(report) => Row {
                event: END,
                epoch: Some(report.kept_epoch),
                note: Some(in_words(report.stopped)),
                ..Row::default()
            },
        };
        self.add(row);
        if !matches!(event, Event::Batch(_)) {
            self.flush();
        }
        Control::Continue
    }
}

/// So that the log can be [finished](Log::finish) after the training.
impl<W: Write> Observer for &mut Log<W> {
    fn observe(&mut self, event: &Event<'_>) -> Control {
        (**self).observe(event)
    }
}

fn failure(error: std::io::Error) -> Error {
    Error::Log { reason: error.kind() }
}
