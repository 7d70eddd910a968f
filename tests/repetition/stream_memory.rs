//! A stream ten times the memory it is given trains in that memory: counted are the blocks the reading
//! thread fills and the bytes the training thread holds at once.

use std::collections::BTreeSet;

use allocation_counter::measure;
use autoencoder::activation::{Identity, Tanh};
use autoencoder::*;
use nalgebra::Const;

const FEATURES: usize = 64;
const MEGABYTE: usize = 1 << 20;
const BLOCK: usize = 8192;

/// Samples that are made as they are asked for.
#[derive(Debug)]
struct Generated {
    samples: usize,
    next: usize,
    /// Where the blocks lie that it was given to fill.
    blocks: BTreeSet<usize>,
}
impl Source for Generated {
    type Scalar = f32;
    type Features = Const<FEATURES>;
    fn size(&self) -> Const<FEATURES> {
        Const
    }
    fn samples(&self) -> usize {
        self.samples
    }
    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        Ok(())
    }
    fn read(&mut self, mut to: BatchViewMut<'_, f32>) -> Result<usize> {
        assert!(to.samples() <= BLOCK);
        self.blocks.insert(to.as_mut_slice().as_ptr().addr());
        let count = to.samples().min(self.samples - self.next);
        let first = self.next * FEATURES;
        for (at, x) in to.as_mut_slice()[..count * FEATURES].iter_mut().enumerate() {
            *x = ((first + at).wrapping_mul(2_654_435_761) >> 7 & 1023) as f32 / 1024.0;
        }
        self.next += count;
        Ok(count)
    }
}

/// Trains on so many bytes; the blocks that were filled and the most bytes the training thread held.
fn held(bytes: usize) -> (usize, u64) {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<FEATURES, 4>::new(Tanh))
        .decoder(Dense::<4, FEATURES>::new(Identity))
        .build::<f32>()
        .unwrap();
    let samples = bytes / size_of::<f32>() / FEATURES;
    let mut source = Generated { samples, next: 0, blocks: BTreeSet::new() };
    let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).shuffle_buffer(BLOCK);
    let mut report = None;
    let held = measure(|| report = Some(trainer.fit(&mut model, &mut source).unwrap()));
    assert!(report.unwrap().epochs[0].terms.total().is_finite());
    (source.blocks.len(), held.bytes_max)
}

#[test]
fn a_stream_ten_times_its_memory_trains_in_fixed_memory() {
    // 32 and 64 blocks of two megabytes pass through the same three.
    for bytes in [64 * MEGABYTE, 128 * MEGABYTE] {
        let (blocks, held) = held(bytes);
        assert!((1..=3).contains(&blocks), "{bytes} bytes passed through {blocks} blocks");
        // The parameters, a batch and the order of a block, or the count says nothing; but no block.
        assert!(
            (BLOCK * size_of::<usize>()..=MEGABYTE).contains(&(held as usize)),
            "{bytes} bytes: {held}"
        );
    }
}

#[test]
fn a_stream_is_scored_in_fixed_memory() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<FEATURES, 4>::new(Tanh))
        .decoder(Dense::<4, FEATURES>::new(Identity))
        .build::<f32>()
        .unwrap();
    let mut all = [64 * MEGABYTE, 128 * MEGABYTE].map(|bytes| {
        let samples = bytes / size_of::<f32>() / FEATURES;
        let mut source = Generated { samples, next: 0, blocks: BTreeSet::new() };
        let mut scores = Vec::new();
        let held = measure(|| scores = model.score(&mut source).unwrap());
        assert_eq!(scores.len(), samples);
        assert!((1..=3).contains(&source.blocks.len()), "{bytes}: {} blocks", source.blocks.len());
        // But for the scores themselves, which grow to the next power of two beside what they were.
        held.bytes_max.saturating_sub((3 * samples.next_power_of_two() * size_of::<f32>()) as u64)
    });
    all.sort_unstable();
    assert!(all[1] <= MEGABYTE as u64, "{all:?}");
}
