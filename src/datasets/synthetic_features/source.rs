use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::firing::Core;
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::batch::sparse::SparseBatch;
use crate::data::Source;
use crate::error::{Result, require_size};
use crate::numbers::once::once;
use crate::numbers::parallel;
use crate::numbers::scalar::Float;

/// Samples of [`KnownFeatures`](super::KnownFeatures), drawn as they are asked for. Made by
/// [`KnownFeatures::source`](super::KnownFeatures::source).
#[derive(Debug, Clone)]
pub struct FeatureSource<T, R> {
    core: Arc<Core>,
    size: R,
    range: Range<usize>,
    next: usize,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Float, R: Size> FeatureSource<T, R> {
    pub(super) fn new(core: Arc<Core>, size: R, range: Range<usize>) -> Self {
        Self { core, size, next: range.start, range, scalar: PhantomData }
    }
}

impl<T: Float, R: Size> Source for FeatureSource<T, R> {
    type Scalar = T;
    type Features = R;

    fn size(&self) -> R {
        self.size
    }

    fn samples(&self) -> usize {
        self.range.len()
    }

    fn rewind(&mut self) -> Result<()> {
        self.next = self.range.start;
        Ok(())
    }

    fn read(&mut self, mut to: BatchViewMut<'_, T>) -> Result<usize> {
        require_size("Source::read", "features", self.core.dimensions, to.features())?;
        let count = to.samples().min(self.range.end - self.next);
        fill(&self.core, self.next, to.reborrow().split_at(count).0);
        self.next += count;
        Ok(count)
    }

    fn skip(&mut self, samples: usize) -> Result<()> {
        let left = self.range.end - self.next;
        require_size("Source::skip", "samples left", samples, left.min(samples))?;
        self.next += samples;
        Ok(())
    }
}

once! {
    /// Draws samples, the first of this number.
    pub(super) fn fill(core: &'a Core, first: usize, samples: BatchViewMut<'a, T>) = fill_generic;
    /// The same, with the code of each.
    pub(super) fn fill_both(
        core: &'a Core,
        first: usize,
        samples: BatchViewMut<'a, T>,
        codes: &'a mut [Code],
    ) = fill_both_generic;
    /// Appends these codes.
    pub(super) fn pack(drawn: &'a [Code], to: &'a mut SparseBatch<T>) = pack_generic;
}

/// Features that are on, with their values.
pub(super) type Code = Vec<(usize, f64)>;

fn fill_both_generic<T: Float>(
    core: &Core,
    first: usize,
    samples: BatchViewMut<'_, T>,
    codes: &mut [Code],
) {
    let (count, data) = (samples.samples(), (first, samples, codes));
    parallel::in_parts(count, core.cost(), data, |(first, mut samples, codes)| {
        let mut room = core.room();
        let samples = samples.as_mut_slice().chunks_exact_mut(core.dimensions);
        for ((index, sample), code) in samples.enumerate().zip(codes) {
            core.draw_code(first + index, &mut room);
            code.clone_from(&room.code);
            core.mix(&mut room);
            sample.iter_mut().zip(&room.sample).for_each(|(to, &x)| *to = T::of(x));
        }
    });
}

fn pack_generic<T: Float>(drawn: &[Code], to: &mut SparseBatch<T>) {
    for code in drawn {
        code.iter().for_each(|&(feature, value)| to.push_value(feature, T::of(value)));
        to.end_sample();
    }
}

fn fill_generic<T: Float>(core: &Core, first: usize, samples: BatchViewMut<'_, T>) {
    let count = samples.samples();
    parallel::in_parts(count, core.cost(), (first, samples), |(first, mut samples)| {
        let mut room = core.room();
        let samples = samples.as_mut_slice().chunks_exact_mut(core.dimensions);
        for (index, sample) in samples.enumerate() {
            core.draw_code(first + index, &mut room);
            core.mix(&mut room);
            sample.iter_mut().zip(&room.sample).for_each(|(to, &x)| *to = T::of(x));
        }
    });
}
