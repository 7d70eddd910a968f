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

/// So many files of half a megabyte in half precision, shuffled and trained on; the most bytes that reading a pass of them
/// took, and that the training thread held.
#[cfg(feature = "safetensors")]
fn held_by_shards(files: usize) -> (u64, u64) {
    use autoencoder::data::{Safetensors, Shards, Shuffled};

    const ROWS: usize = 4096;
    let folder = common::Folder::new("shards-memory");
    for file in 0..files {
        let bytes = 2 * ROWS * FEATURES;
        let header = format!(
            r#"{{"x":{{"dtype":"BF16","shape":[{ROWS},{FEATURES}],"data_offsets":[0,{bytes}]}}}}"#
        );
        let mut contents = (header.len() as u64).to_le_bytes().to_vec();
        contents.extend(header.as_bytes());
        let value = |at: usize| (at.wrapping_mul(2_654_435_761) >> 7 & 1023) as f32 / 1024.0;
        let values =
            (0..ROWS * FEATURES).flat_map(|at| value(at + file).to_le_bytes()[2..].to_vec());
        contents.extend(values);
        std::fs::write(folder.join(format!("{file}.safetensors")), contents).unwrap();
    }
    type File = Safetensors<f32, Const<FEATURES>>;
    let open = || {
        let shards: Shards<File> =
            Shards::folder(folder.path(), "safetensors", |path| Safetensors::open(path)).unwrap();
        Shuffled::new(shards, BLOCK, 1).unwrap()
    };
    let mut count = 0;
    let reading = measure(|| {
        let mut source = open();
        let mut batch = Batch::zeros(Const::<FEATURES>, 100);
        loop {
            match source.read(batch.view_mut()).unwrap() {
                0 => break,
                read => count += read,
            }
        }
    });
    assert_eq!(count, files * ROWS);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<FEATURES, 4>::new(Tanh))
        .decoder(Dense::<4, FEATURES>::new(Identity))
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).shuffle_buffer(BLOCK);
    let mut source = open();
    let training = measure(|| assert!(trainer.fit(&mut model, &mut source).is_ok()));
    (reading.bytes_max, training.bytes_max)
}

#[test]
#[cfg(feature = "safetensors")]
fn shards_are_shuffled_and_trained_on_in_fixed_memory() {
    let buffer = (BLOCK * FEATURES * size_of::<f32>()) as u64;
    for files in [8, 32] {
        let (reading, training) = held_by_shards(files);
        // The buffer, which counts or the measure says nothing; what is read ahead; two open files and their names.
        assert!((buffer..=buffer + 300_000).contains(&reading), "{files} files: {reading}");
        assert!(training <= MEGABYTE as u64, "{files} files: {training}");
    }
}
