//! The rows of a text as samples, pass after pass: what tables of numbers and those of mixed columns have in common.

use crate::batch::BatchViewMut;
use crate::data::input::Input;
use crate::data::{Refusal, require_left};
use crate::error::{Error, Found, Place, Result, require_size};
use crate::numbers::scalar::Float;

/// What a row of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Row {
    /// A sample.
    Sample,
    /// A row that is left out, because a value is missing in it.
    Dropped,
    /// No row: the end.
    End,
}

/// What makes features of the rows of a text, one after the other.
pub(in crate::data) trait ReadRows {
    type Scalar: Float;

    fn input(&self) -> &Input;

    /// The number of features of a sample.
    fn features(&self) -> usize;

    /// Goes to the first row after the header.
    fn begin(&mut self) -> Result<()>;

    /// Reads and checks the next row, writes its features if wanted, and says what it is.
    fn row(&mut self, to: Option<&mut [Self::Scalar]>) -> Result<Row>;

    /// Passes over the next row, which was checked before, and says what it is: for rows that are never dropped it is
    /// enough to see where they end.
    fn pass_over(&mut self) -> Result<Row> {
        self.row(None)
    }
}

/// Passes over the samples of a text, which are counted and checked when it is opened.
#[derive(Debug)]
pub(in crate::data) struct Passes<R> {
    rows: R,
    samples: usize,
    dropped: usize,
    next: usize,
    refusal: Refusal,
}

impl<R: ReadRows> Passes<R> {
    /// Reads all rows once, and goes back to the first one.
    pub(in crate::data) fn new(mut rows: R) -> Result<Self> {
        let (mut samples, mut dropped) = (0, 0);
        rows.begin()?;
        loop {
            match rows.row(None)? {
                Row::Sample => samples += 1,
                Row::Dropped => dropped += 1,
                Row::End => break,
            }
        }
        if samples == 0 {
            let found = Found::Thing(match dropped {
                0 => "no samples",
                _ => "a missing value in every row, which was dropped for it",
            });
            return Err(rows.input().malformed(Place::File, found, "at least one sample"));
        }
        rows.begin()?;
        Ok(Self { rows, samples, dropped, next: 0, refusal: Refusal::default() })
    }

    pub(in crate::data) fn rows(&self) -> &R {
        &self.rows
    }

    pub(in crate::data) fn samples(&self) -> usize {
        self.samples
    }

    /// The rows that are left out.
    pub(in crate::data) fn dropped(&self) -> usize {
        self.dropped
    }

    pub(in crate::data) fn rewind(&mut self) -> Result<()> {
        self.refusal.forget();
        self.next = 0;
        let begun = self.rows.begin();
        self.refusal.note(begun)
    }

    pub(in crate::data) fn read(&mut self, mut to: BatchViewMut<'_, R::Scalar>) -> Result<usize> {
        let features = self.rows.features();
        require_size("Source::read", "features", features, to.features())?;
        self.refusal.check()?;
        let read = self.fill(to.as_mut_slice(), features);
        self.refusal.note(read)
    }

    pub(in crate::data) fn skip(&mut self, samples: usize) -> Result<()> {
        self.refusal.check()?;
        require_left(samples, self.samples - self.next)?;
        let skipped = (0..samples).try_for_each(|_| self.take(None));
        self.refusal.note(skipped)
    }

    /// What `take` finds in each row, in a pass of its own, and nothing of rows that are dropped. Whatever comes of it,
    /// the next pass begins at the first row.
    pub(in crate::data) fn collect<V>(
        &mut self,
        take: impl FnMut(&mut R) -> Result<(Row, V)>,
    ) -> Result<Vec<V>> {
        self.rewind()?;
        let all = self.take_all(take);
        self.rewind()?;
        let all = all?;
        if all.len() == self.samples { Ok(all) } else { Err(self.has_changed(all.len())) }
    }

    fn take_all<V>(&mut self, mut take: impl FnMut(&mut R) -> Result<(Row, V)>) -> Result<Vec<V>> {
        let mut all = Vec::new();
        loop {
            match take(&mut self.rows)? {
                (Row::Sample, value) => all.push(value),
                (Row::Dropped, _) => {}
                (Row::End, _) => return Ok(all),
            }
        }
    }

    /// The next samples, as many as fit, and with the last one the end.
    fn fill(&mut self, to: &mut [R::Scalar], features: usize) -> Result<usize> {
        let count = (to.len() / features).min(self.samples - self.next);
        for to in to.chunks_exact_mut(features).take(count) {
            self.take(Some(to))?;
        }
        if count > 0 && self.next == self.samples && self.sample(None)? {
            return Err(self.has_changed(self.next + 1));
        }
        Ok(count)
    }

    /// Takes the next sample, which was there when the file was opened.
    fn take(&mut self, to: Option<&mut [R::Scalar]>) -> Result<()> {
        if !self.sample(to)? {
            return Err(self.has_changed(self.next));
        }
        self.next += 1;
        Ok(())
    }

    /// Reads the next sample, or passes over it, and says whether there was one.
    fn sample(&mut self, mut to: Option<&mut [R::Scalar]>) -> Result<bool> {
        loop {
            let row = match to.as_deref_mut() {
                Some(to) => self.rows.row(Some(to)),
                None => self.rows.pass_over(),
            };
            match row? {
                Row::Sample => return Ok(true),
                Row::Dropped => {}
                Row::End => return Ok(false),
            }
        }
    }

    /// The file has another number of rows than when it was opened.
    fn has_changed(&self, rows: usize) -> Error {
        self.rows.input().mismatch(Place::File, "rows", self.samples as u64, rows as u64)
    }
}
