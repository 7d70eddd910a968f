//! A log's file, which goes on with the training it is of.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::Begins;
use super::read::{is_log, lines, names_of};
use super::row::{END, EPOCH, WARNING};
use crate::error::{Error, Result};
use crate::train::Start;

/// The file of a [`Log`](super::Log).
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: BufWriter<File>,
}

/// What stays in a file when a training goes on in it.
pub(super) struct Kept {
    /// The names of the terms, as the header has them.
    pub(super) names: Option<Vec<String>>,
    /// The last epoch that has a line, 0 for none.
    pub(super) last_epoch: usize,
    /// The lines of its warnings.
    pub(super) warnings: Vec<String>,
}

impl Kept {
    /// Nothing stays.
    fn nothing() -> Self {
        Self { names: None, last_epoch: 0, warnings: Vec::new() }
    }
}

const CSV_BEGINS: &[u8] = b"event,epoch,batch,total";
const JSON_BEGINS: &[u8] = b"{\"event\":\"";

impl LogFile {
    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a file that holds anything else.
    pub(super) fn open(path: PathBuf, is_csv: bool) -> Result<Self> {
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(failed(&path, "open the log"))?;
        let begins = if is_csv { CSV_BEGINS } else { JSON_BEGINS };
        let mut found = Vec::new();
        let read = Read::by_ref(&mut file).take(begins.len() as u64).read_to_end(&mut found);
        read.map_err(failed(&path, "read the log"))?;
        // What is no log may be large: most of it is not read. A crash may have left less than this.
        if !begins.starts_with(&found) {
            return Err(Error::NotALog { path });
        }
        file.read_to_end(&mut found).map_err(failed(&path, "read the log"))?;
        if !is_log(&found, is_csv) {
            return Err(Error::NotALog { path });
        }
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// Cuts off what a training that begins here does again; what is there stays before it.
    pub(super) fn cut(&mut self, is_csv: bool, begins: Begins<'_>) -> Result<Kept> {
        let cut = self.try_cut(is_csv, begins);
        cut.map_err(failed(&self.path, "go on with the log"))
    }

    fn try_cut(&mut self, is_csv: bool, begins: Begins<'_>) -> io::Result<Kept> {
        self.file.flush()?;
        let (kept, length) = match begins {
            Begins::Anew => (Kept::nothing(), 0),
            Begins::At(start) => {
                let file = self.file.get_mut();
                file.seek(SeekFrom::Start(0))?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                kept(&bytes, is_csv, start)
            }
        };
        let file = self.file.get_mut();
        file.set_len(length as u64)?;
        file.seek(SeekFrom::Start(length as u64))?;
        Ok(kept)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn failed(path: &Path, action: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::File { path: path.to_owned(), action, reason: error.kind() }
}

/// What stays of these lines, and how many bytes that is.
fn kept(bytes: &[u8], is_csv: bool, start: &Start<'_>) -> (Kept, usize) {
    let mut lines = lines(bytes, is_csv);
    let mut kept = Kept::nothing();
    let mut length = 0;
    if is_csv && let Some(header) = lines.next() {
        kept.names = Some(names_of(header));
        length = header.len();
    }
    // The trainings before the last one in the file, each of which has its end, stay as they are.
    let (mut is_cut, mut has_ended) = (None, false);
    for line in lines {
        let (event, place) = if is_csv { csv_place(line) } else { json_place(line) };
        if has_ended {
            (is_cut, kept) = (None, Kept { names: kept.names, ..Kept::nothing() });
        }
        has_ended = event == END;
        let stays = match (&*event, place) {
            (END, _) => false,
            (EPOCH, (Some(epoch), _)) => epoch < start.epoch,
            (_, (Some(epoch), Some(batch))) => (epoch, batch) <= (start.epoch, start.batches_done),
            _ => true,
        };
        if !stays {
            is_cut.get_or_insert(length);
        }
        match &*event {
            EPOCH if is_cut.is_none() => kept.last_epoch = place.0.unwrap_or(kept.last_epoch),
            WARNING if is_cut.is_none() => {
                kept.warnings.push(String::from_utf8_lossy(line).into_owned());
            }
            _ => {}
        }
        length += line.len();
    }
    (kept, is_cut.unwrap_or(length))
}

/// The event of a line, its epoch and its batch.
type Place = (String, (Option<usize>, Option<usize>));

fn csv_place(line: &[u8]) -> Place {
    let mut cells = line.split(|&byte| byte == b',').map(String::from_utf8_lossy);
    let event = cells.next().unwrap_or_default().into_owned();
    let mut number = || cells.next().and_then(|cell| cell.parse().ok());
    (event, (number(), number()))
}

fn json_place(line: &[u8]) -> Place {
    let line = String::from_utf8_lossy(line);
    let after = |name: &str| {
        line.strip_prefix("{\"event\":\"").and_then(|rest| Some(rest.split_once(name)?.1))
    };
    let event = after("").map_or("", |rest| rest.split('"').next().unwrap_or_default());
    // The first of its name: what else is written comes after it.
    let number = |name: &str| {
        let digits: String = after(name)?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    (event.to_owned(), (number(",\"epoch\":"), number(",\"batch\":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(epoch: usize, batches_done: usize) -> Start<'static> {
        Start { epoch, batches_done, epochs: &[] }
    }

    #[test]
    fn what_comes_after_the_place_is_cut() {
        let note = "recovered,,,,,,,,,,\"two\nlines\"\n";
        let lines = ["event,epoch,batch,total\n", "batch,1,1,\n", "epoch,1,,\n", note];
        let more = ["batch,2,1,\n", "diverged,2,2,\n", "epoch,2,,\n", "end,2,,\n"];
        let text = [&lines[..], &more[..]].concat().concat();
        let cut = |epoch, batches_done| {
            let (kept, length) = kept(text.as_bytes(), true, &start(epoch, batches_done));
            (kept.last_epoch, text[..length].to_owned())
        };
        let first = lines.concat();
        assert_eq!(cut(2, 0), (1, first.clone()));
        assert_eq!(cut(2, 1), (1, first.clone() + more[0]));
        assert_eq!(cut(2, 2), (1, first.clone() + more[0] + more[1]));
        assert_eq!(cut(3, 0), (2, first + &more[..3].concat()));
    }

    /// Those of the training that goes on, as far as they stay.
    #[test]
    fn warnings_that_are_there_are_known() {
        let ended =
            "{\"event\":\"warning\",\"note\":\"of another\"}\n{\"event\":\"end\",\"epoch\":9}\n";
        let of = |note: &str| format!("{{\"event\":\"warning\",\"note\":\"{note}\"}}\n");
        let epoch = |epoch: usize| format!("{{\"event\":\"epoch\",\"epoch\":{epoch}}}\n");
        let text = [ended, &of("a"), &epoch(1), &of("b"), &epoch(2), &of("c")].concat();
        let (kept, length) = kept(text.as_bytes(), false, &start(2, 0));
        assert_eq!(kept.warnings, [of("a"), of("b")]);
        assert_eq!(length, text.find(&epoch(2)).unwrap());
    }
}
