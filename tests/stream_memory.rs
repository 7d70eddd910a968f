//! A stream ten times the memory it is given trains in that memory. Alone in its process, because what
//! is measured is the process.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::*;
use nalgebra::Const;

const FEATURES: usize = 64;
const MEGABYTE: usize = 1 << 20;
/// Three blocks of 8192 samples of 64 features of 4 bytes.
const BUDGET: usize = 6 * MEGABYTE;
/// What threads, stacks, the allocator and the order of a block may take besides.
const SLACK: usize = 4 * MEGABYTE;

/// Samples that are made as they are asked for.
#[derive(Debug)]
struct Generated {
    samples: usize,
    next: usize,
}
impl Source for Generated {
    type Scalar = f32;
    type Features = Const<FEATURES>;
    fn dim(&self) -> Const<FEATURES> {
        Const
    }
    fn samples(&self) -> usize {
        self.samples
    }
    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        Ok(())
    }
    fn read(&mut self, mut to: BatchViewMut<'_, f32, Const<FEATURES>>) -> Result<usize> {
        let count = to.samples().min(self.samples - self.next);
        let first = self.next * FEATURES;
        for (at, x) in to.as_mut_slice()[..count * FEATURES].iter_mut().enumerate() {
            *x = ((first + at).wrapping_mul(2_654_435_761) >> 7 & 1023) as f32 / 1024.0;
        }
        self.next += count;
        Ok(count)
    }
}

/// The most memory this process has had at once, where the system says it.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024 * kilobytes)
}

/// What training on so many bytes adds to the peak.
fn added(bytes: usize) -> Option<usize> {
    let before = peak()?;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<FEATURES, 4>::new(Tanh))
        .decoder(Dense::<4, FEATURES>::new(Identity))
        .build::<f32>()
        .unwrap();
    let mut source = Generated { samples: bytes / 4 / FEATURES, next: 0 };
    let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1).shuffle_buffer(8192);
    let report = trainer.fit_stream(&mut model, &mut source).unwrap();
    assert!(report.epochs[0].terms.total().is_finite());
    Some(peak()?.saturating_sub(before))
}

#[test]
fn a_stream_ten_times_its_memory_trains_in_fixed_memory() {
    let Some(first) = added(64 * MEGABYTE) else {
        println!("SKIPPED: the system does not say how much memory a process has had");
        return;
    };
    assert!(first <= BUDGET + SLACK, "64 MB took {first} bytes");
    // Twice as much takes no more than has been there already.
    let second = added(128 * MEGABYTE).unwrap();
    assert!(second <= MEGABYTE, "128 MB took {second} bytes more than 64 MB");
}
