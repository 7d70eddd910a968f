//! Batch calls: samples in blocks, and shares of the blocks at the same time where there are threads for it.

use std::ops::Range;

use crate::error::Result;
use crate::numbers::parallel::{self, Divide};
use crate::numbers::scalar::Float;
use crate::train::examples::Rows;

/// Samples that are encoded or decoded at a time: enough for the products, few enough for the cache.
pub(crate) const BLOCK: usize = 256;
/// Of samples of few values as many more as have so many values together: what is done once a block costs less.
const VALUES: usize = 1 << 18;

/// Samples of so many values that are encoded or decoded at a time.
pub(crate) fn block_of(values: usize) -> usize {
    (VALUES / values.max(1)).clamp(BLOCK, 4 * BLOCK)
}

/// The samples, with what belongs to each.
impl<T: Float> Divide for Rows<'_, T> {
    fn divide(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}

/// The rows in blocks, the last one maybe smaller.
pub(crate) fn blocks<T: Float>(rows: Rows<'_, T>) -> impl Iterator<Item = Rows<'_, T>> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let samples = rest.x.samples().min(BLOCK);
        let (block, behind) = rest.split_at(samples);
        rest = behind;
        (samples > 0).then_some(block)
    })
}

/// In how many shares of whole blocks so many samples should be done here and now, if one costs as much as so many
/// multiply-adds.
pub(crate) fn shares(samples: usize, block: usize, cost: usize) -> usize {
    parallel::parts(samples.saturating_mul(cost)).min(samples.div_ceil(block)).max(1)
}

/// Does `work` on all samples of `data`, so many at a time; the blocks are shared out among the workspaces, of which
/// there is one at least. Of blocks that are refused the first one's error is given: where blocks are done at the same
/// time, others behind it may be done already.
pub(crate) fn in_blocks<W: Send, D: Divide>(
    workspaces: &mut [W],
    (samples, block): (usize, usize),
    data: D,
    work: impl Fn(&mut W, D) -> Result<()> + Sync,
) -> Result<()> {
    share_out(workspaces, (0..samples, block), data, &work)
}

fn share_out<W: Send, D: Divide>(
    workspaces: &mut [W],
    (samples, block): (Range<usize>, usize),
    data: D,
    work: &(dyn Fn(&mut W, D) -> Result<()> + Sync),
) -> Result<()> {
    let shares = workspaces.len();
    if shares > 1 {
        let (left, right) = workspaces.split_at_mut(shares / 2);
        let len = samples.len().div_ceil(block) * left.len() / shares * block;
        let at = samples.start + len;
        let (before, behind) = data.divide(len);
        let (mut first, mut second) = (Ok(()), Ok(()));
        parallel::both(
            || first = share_out(left, (samples.start..at, block), before, work),
            || second = share_out(right, (at..samples.end, block), behind, work),
        );
        return first.and(second);
    }
    let mut rest = data;
    for first in samples.clone().step_by(block) {
        let (data, behind) = rest.divide(block.min(samples.end - first));
        rest = behind;
        work(&mut workspaces[0], data).map_err(|error| error.in_samples_from(first))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Number};

    fn refused(sample: usize) -> Result<()> {
        Err(Error::NotFinite { call: "", feature: 0, sample, value: Number(0.0) })
    }

    /// Counts in `seen` how often each sample was in a block, and refuses some.
    fn run(seen: &mut [usize], shares: usize, refuses: &[usize]) -> Result<()> {
        seen.fill(0);
        let all: Vec<usize> = (0..seen.len()).collect();
        let (mut done, samples) = (vec![0; shares], seen.len());
        let data = (&all[..], &mut *seen);
        let result = in_blocks(&mut done, (samples, BLOCK), data, |done, (block, seen)| {
            assert!((1..=BLOCK).contains(&block.len()) && block.len() == seen.len());
            seen.iter_mut().for_each(|seen| *seen += 1);
            *done += block.len();
            block.iter().position(|sample| refuses.contains(sample)).map_or(Ok(()), refused)
        });
        assert_eq!(done.iter().sum::<usize>(), seen.iter().sum::<usize>());
        result
    }

    #[test]
    fn every_sample_is_in_one_block_and_the_first_refusal_is_told() {
        for samples in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 7] {
            for shares in [1, 2, 3, 8] {
                let mut seen = vec![0; samples];
                assert_eq!(run(&mut seen, shares, &[]), Ok(()));
                assert_eq!(seen, vec![1; samples]);
                let first = BLOCK + 3;
                let expected = if samples > first { refused(first) } else { Ok(()) };
                assert_eq!(run(&mut seen, shares, &[4 * BLOCK, first, first + 1]), expected);
            }
        }
    }

    #[test]
    fn short_samples_come_in_larger_blocks() {
        assert_eq!([60, 512, 1568, usize::MAX].map(block_of), [4 * BLOCK, 512, BLOCK, BLOCK]);
    }
}
