//! Where a training's samples come from: memory, or a stream that is read block by block.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use nalgebra::{Dim, Dyn};

use crate::batch::{BatchView, BatchViewMut};
use crate::data::Normalizer;
use crate::data::Source;
use crate::error::{Error, Result};
use crate::numbers::scalar::Scalar;

/// The samples of an epoch in blocks, each in memory as a whole; every block but the last holds
/// whole batches.
pub(super) trait Blocks<T> {
    /// Samples of an epoch.
    fn samples(&self) -> usize;

    /// Samples of a block, and so those that are shuffled together.
    fn block(&self) -> usize;

    /// Begins another epoch.
    fn rewind(&mut self) -> Result<()>;

    /// The next block, none after the last.
    fn next(&mut self) -> Result<Option<BatchView<'_, T, Dyn>>>;

    /// Whether the values were looked at before the training began.
    fn is_checked(&self) -> bool;

    /// A number that other samples would hardly have, where all can be looked at.
    #[cfg(feature = "safetensors")]
    fn fingerprint(&self) -> Option<u64> {
        None
    }
}

/// All samples as one block.
pub(super) struct Whole<'a, T> {
    data: BatchView<'a, T, Dyn>,
    is_taken: bool,
}

impl<'a, T> Whole<'a, T> {
    pub(super) fn new(data: BatchView<'a, T, Dyn>) -> Self {
        Self { data, is_taken: false }
    }
}

impl<T: Scalar> Blocks<T> for Whole<'_, T> {
    fn samples(&self) -> usize {
        self.data.samples()
    }

    fn block(&self) -> usize {
        self.data.samples()
    }

    fn rewind(&mut self) -> Result<()> {
        self.is_taken = false;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<BatchView<'_, T, Dyn>>> {
        let is_new = !std::mem::replace(&mut self.is_taken, true);
        Ok(is_new.then_some(self.data))
    }

    fn is_checked(&self) -> bool {
        true
    }

    #[cfg(feature = "safetensors")]
    fn fingerprint(&self) -> Option<u64> {
        // Multiplied and rotated, value by value, so that order counts.
        let mix = |hash: u64, x: &T| {
            (hash.rotate_left(23) ^ x.to_double().to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        Some(self.data.as_slice().iter().fold(0, mix))
    }
}

/// What the reading thread has to say.
enum Read<T> {
    Block(Vec<T>),
    End,
    Failed(crate::error::Error),
}

/// A stream, read ahead by one block on a thread of its own.
pub(super) struct Stream<T> {
    features: usize,
    samples: usize,
    block: usize,
    read: Receiver<Read<T>>,
    /// Blocks that are done go back to be filled again.
    empty: Sender<Vec<T>>,
    current: Vec<T>,
}

/// Runs `train` over a stream: blocks of so many samples, passed over once an epoch.
///
/// Three blocks are in memory: one that is trained on, one that waits, and one that is being read.
pub(super) fn streamed<S: Source + ?Sized, O>(
    source: &mut S,
    normalizer: Option<&Normalizer>,
    block: usize,
    epochs: usize,
    train: impl FnOnce(&mut Stream<S::Scalar>) -> O,
) -> O {
    std::thread::scope(|scope| {
        let (to_train, read) = sync_channel(1);
        let (empty, to_fill) = channel();
        let (features, samples) = (source.dim().value(), source.samples());
        scope.spawn(move || {
            for _ in 0..epochs {
                let pass = read_pass(source, normalizer, block, &to_train, &to_fill);
                let (last, goes_on) = match pass {
                    Ok(goes_on) => (Read::End, goes_on),
                    Err(error) => (Read::Failed(error), false),
                };
                // Sending fails once the training is over.
                if to_train.send(last).is_err() || !goes_on {
                    return;
                }
            }
        });
        // Dropped before the scope ends, which tells the thread that the training is over.
        let mut stream = Stream { features, samples, block, read, empty, current: Vec::new() };
        train(&mut stream)
    })
}

/// Reads one pass; whether anybody still wants more.
fn read_pass<S: Source + ?Sized>(
    source: &mut S,
    normalizer: Option<&Normalizer>,
    block: usize,
    to_train: &SyncSender<Read<S::Scalar>>,
    to_fill: &Receiver<Vec<S::Scalar>>,
) -> Result<bool> {
    let dim = source.dim();
    let features = dim.value();
    source.rewind()?;
    loop {
        let mut values = to_fill.try_recv().unwrap_or_default();
        values.resize(block * features, S::Scalar::ZERO);
        let mut count = 0;
        while count < block {
            let rest = BatchViewMut::new(&mut values[count * features..], dim);
            match source.read(rest)? {
                0 => break,
                read if read > block - count => {
                    let place = "Source::read";
                    let (unit, expected, found) = ("samples at most", block - count, read);
                    return Err(Error::SizeMismatch { place, unit, expected, found });
                }
                read => count += read,
            }
        }
        values.truncate(count * features);
        if let Some(normalizer) = normalizer {
            // What is not finite is found where the samples are counted.
            normalizer.apply_to_finite(BatchViewMut::new(&mut values, dim));
        }
        if count > 0 && to_train.send(Read::Block(values)).is_err() {
            return Ok(false);
        }
        if count < block {
            return Ok(true);
        }
    }
}

impl<T: Scalar> Blocks<T> for Stream<T> {
    fn samples(&self) -> usize {
        self.samples
    }

    fn block(&self) -> usize {
        self.block
    }

    /// The thread goes back by itself, once an epoch.
    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<Option<BatchView<'_, T, Dyn>>> {
        // Given back before another is taken, so that the thread never lacks one of the three.
        let done = std::mem::take(&mut self.current);
        if !done.is_empty() {
            let _ = self.empty.send(done); // the thread may have read all it will
        }
        let Ok(read) = self.read.recv() else { return Ok(None) };
        match read {
            Read::Block(block) => {
                self.current = block;
                Ok(Some(BatchView::new(&self.current, Dyn(self.features))))
            }
            Read::End => Ok(None),
            Read::Failed(error) => Err(error),
        }
    }

    fn is_checked(&self) -> bool {
        false
    }
}
