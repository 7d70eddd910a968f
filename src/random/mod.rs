//! Reproducible randomness: every draw in training has an address.

pub mod schedule;
pub(crate) mod scheduled;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::numbers::parallel::Divide;
use schedule::Progress;

/// The portable generator (ChaCha with 8 rounds) behind every draw of this crate.
pub type StreamRng = ChaCha8Rng;

/// Random streams for one batch, addressed by (seed, epoch, plugin position, draw, sample index).
///
/// The same address always gives the same numbers, whatever else was drawn, in whatever order or
/// on however many threads, so that a run can be repeated and resumed exactly.
#[derive(Debug, Clone, Copy)]
pub struct Streams<'a> {
    seed: u64,
    epoch: u64,
    position: u64,
    draw: u64,
    samples: &'a [usize],
    first_column: usize,
    progress: Option<Progress>,
}

impl<'a> Streams<'a> {
    /// Streams for a batch whose columns are the samples with these indices in the data set.
    pub fn new(seed: u64, epoch: u64, samples: &'a [usize]) -> Self {
        Self { seed, epoch, position: 1, draw: 0, samples, first_column: 0, progress: None }
    }

    /// Streams of a step at this point of a training: what changes with it, such as a rising weight, asks
    /// for it. Without, everything has its final value.
    pub fn with_progress(self, progress: Progress) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// How far the training has come, if it is known.
    pub fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// The streams of one of several draws; those of draw 0 are these.
    pub fn draw(self, number: usize) -> Self {
        Self { draw: number as u64, ..self }
    }

    /// The streams of the plugin at `index` inside this one (a part of a tuple, say).
    pub fn at(self, index: u64) -> Self {
        // A path in a tree with up to 15 children a node, read as a number in base 16.
        Self { position: self.position.wrapping_mul(16).wrapping_add(index + 1), ..self }
    }

    /// The streams of the part of the batch that begins at this column.
    pub(crate) fn starting_at(self, column: usize) -> Self {
        Self { first_column: self.first_column + column, ..self }
    }

    /// The generator of the sample in this column of the batch. Columns beyond the batch it was
    /// made for get streams of their own as well.
    pub fn sample(&self, column: usize) -> StreamRng {
        let column = self.first_column + column;
        let index = self.samples.get(column).copied().unwrap_or(column);
        let mut rng = self.keyed();
        rng.set_stream(index as u64);
        rng
    }

    /// A generator of the whole batch, apart from those of its samples; another one at every step, if the
    /// [progress](Self::with_progress) is known, and the same throughout an epoch if not.
    pub fn whole(&self) -> StreamRng {
        let mut rng = self.keyed();
        rng.set_stream(u64::MAX - self.progress.map_or(0, |progress| progress.step));
        rng
    }

    fn keyed(&self) -> StreamRng {
        numbered(self.seed, self.epoch, self.position, self.draw)
    }
}

impl Divide for Streams<'_> {
    fn divide(self, at: usize) -> (Self, Self) {
        (self, self.starting_at(at))
    }
}

/// A generator from a seed, for the calls that take one, such as
/// [`sample`](crate::AutoEncoder::sample). Any other `rand::Rng` serves as well.
pub fn seeded(seed: u64) -> StreamRng {
    keyed(seed, u64::MAX, 0)
}

/// A generator for one purpose, apart from those of all samples.
pub(crate) fn keyed(seed: u64, epoch: u64, position: u64) -> StreamRng {
    numbered(seed, epoch, position, 0)
}

fn numbered(seed: u64, epoch: u64, position: u64, draw: u64) -> StreamRng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&epoch.to_le_bytes());
    key[16..24].copy_from_slice(&position.to_le_bytes());
    key[24..].copy_from_slice(&draw.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}
