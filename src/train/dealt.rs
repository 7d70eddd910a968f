//! A block of a stream that several processes have read, each a part of it, dealt out: each gets the samples of the shards
//! that it takes, in the order in which it takes them.

use std::ops::Range;

use super::examples::Rows;
use super::team::Team;
use crate::batch::BatchView;
use crate::collective::{Collective, part_of};
use crate::error::Result;
use crate::numbers::scalar::Float;

/// Bytes that are dealt out at a time, if a batch has no more.
const TOGETHER: usize = 1 << 24;

/// The samples of this process's shards in all batches of a block.
#[derive(Debug, Default)]
pub(super) struct Dealt<T> {
    /// Samples, conditions and targets, one after the other.
    kinds: [Vec<T>; 3],
    /// How many values each has of a sample; 0 of what there is not.
    widths: [usize; 3],
    /// How many samples the batches so far had.
    taken: usize,
    mine: Vec<u8>,
    theirs: Vec<u8>,
    to: Vec<usize>,
    from: Vec<usize>,
    /// The next byte of each process.
    next: Vec<usize>,
}

impl<T: Float> Dealt<T> {
    /// Deals out a block, of which this process has read its part. Its samples are those of these numbers, in their order,
    /// and each batch has so many.
    pub(super) fn deal(
        &mut self,
        (all, team): (&mut dyn Collective, &Team<T>),
        read: Rows<'_, T>,
        block: Range<usize>,
        order: &[usize],
        batch_size: usize,
    ) -> Result<()> {
        let views = [Some(read.x), read.conditions, read.targets];
        self.widths = views.map(|view| view.map_or(0, |view| view.features()));
        self.kinds.iter_mut().for_each(Vec::clear);
        self.taken = 0;
        let of_sample = self.widths.iter().sum::<usize>() * size_of::<T>();
        let batches = (TOGETHER / of_sample.saturating_mul(batch_size).max(1)).max(1);
        for order in order.chunks(batches.saturating_mul(batch_size)) {
            self.deal_some(&mut *all, team, views, block.clone(), order, batch_size)?;
        }
        Ok(())
    }

    fn deal_some(
        &mut self,
        all: &mut dyn Collective,
        team: &Team<T>,
        views: [Option<BatchView<'_, T>>; 3],
        block: Range<usize>,
        order: &[usize],
        batch_size: usize,
    ) -> Result<()> {
        let (rank, size) = (all.rank(), all.size());
        let part = |rank: usize| part_of(block.len(), size, rank);
        let own = part(rank);
        let of_sample = self.widths.iter().sum::<usize>() * size_of::<T>();
        self.mine.clear();
        self.to.clear();
        for other in 0..size {
            let before = self.mine.len();
            for number in of_process(order, batch_size, team, other) {
                let Some(place) = (number - block.start).checked_sub(own.start) else { continue };
                if place >= own.len() {
                    continue;
                }
                for (view, width) in views.iter().zip(self.widths) {
                    let Some(view) = view else { continue };
                    let values = &view.as_slice()[place * width..][..width];
                    let first = self.mine.len();
                    self.mine.resize(first + size_of_val(values), 0);
                    T::write_scaled(values, T::ONE, &mut self.mine[first..]);
                }
            }
            self.to.push(self.mine.len() - before);
        }
        // Who has read a sample: parts follow one another.
        let reader = |number: usize| {
            let place = number - block.start;
            let guess = place * size / block.len().max(1);
            let is_in = |rank: &usize| part(*rank).contains(&place);
            (guess.saturating_sub(1)..size).find(is_in).unwrap_or(size - 1)
        };
        self.from.clear();
        self.from.resize(size, 0);
        for number in of_process(order, batch_size, team, rank) {
            self.from[reader(number)] += of_sample;
        }
        self.theirs.resize(self.from.iter().sum(), 0);
        all.exchange(&self.mine, &self.to, &mut self.theirs, &self.from)?;

        self.next.clear();
        let mut first = 0;
        for &length in &self.from {
            self.next.push(first);
            first += length;
        }
        for number in of_process(order, batch_size, team, rank) {
            let next = &mut self.next[reader(number)];
            for (values, width) in self.kinds.iter_mut().zip(self.widths) {
                let (before, bytes) = (values.len(), width * size_of::<T>());
                values.resize(before + width, T::ZERO);
                T::add_read(&self.theirs[*next..*next + bytes], true, &mut values[before..]);
                *next += bytes;
            }
        }
        Ok(())
    }

    /// The samples of this process's shards in the next batch, which has so many in all.
    pub(super) fn next_batch(&mut self, team: &Team<T>, samples: usize) -> Rows<'_, T> {
        let count = team.own_samples(samples);
        let first = self.taken;
        self.taken += count;
        let [x, conditions, targets] = &self.kinds;
        let [of_x, of_conditions, of_targets] = self.widths;
        let view = |values, width| {
            let view = BatchView::new(values, width);
            view.split_at(first).1.split_at(count).0
        };
        Rows {
            x: view(x, of_x),
            conditions: (of_conditions > 0).then(|| view(conditions, of_conditions)),
            targets: (of_targets > 0).then(|| view(targets, of_targets)),
        }
    }
}

/// The numbers of the samples in the shards that a process takes, batch after batch.
fn of_process<T: Float>(
    order: &[usize],
    batch_size: usize,
    team: &Team<T>,
    rank: usize,
) -> impl Iterator<Item = usize> {
    let batches = order.chunks(batch_size);
    batches.flat_map(move |batch| {
        let shards = team.shards_of(rank, batch.len());
        shards.flat_map(|shard| batch[shard].iter().copied())
    })
}
