//! Batch calls: samples in blocks, and shares of the blocks at the same time where there are threads for it.

use std::ops::Range;

use crate::error::Result;
use crate::numbers::parallel::{self, Divide};
use crate::numbers::scalar::Float;
use crate::train::examples::Rows;

/// Samples that are encoded or decoded at a time: enough for the products, few enough for the cache.
pub(crate) const BLOCK: usize = 256;
/// Where a sample has few values, as many more as have so many together: what is done once a block costs less.
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
    work: &(impl Fn(&mut W, D) -> Result<()> + Sync),
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

    #[test]
    fn every_sample_is_in_one_block_and_the_first_refusal_is_told() {
        for samples in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 7] {
            for shares in [1, 2, 3, 8] {
                let (mut seen, mut workspaces) = (vec![0; samples], vec![0; shares]);
                let all: Vec<usize> = (0..samples).collect();
                let refuses = |sample| [BLOCK + 3, 4 * BLOCK].contains(&sample);
                let mut run = |refuses: &(dyn Fn(usize) -> bool + Sync)| {
                    in_blocks(
                        &mut workspaces,
                        (samples, BLOCK),
                        (&all[..], &mut seen[..]),
                        |done, (all, seen)| {
                            assert!((1..=BLOCK).contains(&all.len()) && all.len() == seen.len());
                            seen.iter_mut().for_each(|seen| *seen += 1);
                            *done += all.len();
                            let Some(sample) = all.iter().position(|&at| refuses(at)) else {
                                return Ok(());
                            };
                            Err(Error::NotFinite {
                                call: "",
                                feature: 0,
                                sample,
                                value: Number(0.0),
                            })
                        },
                    )
                };
                assert_eq!(run(&|_| false), Ok(()));
                let found = run(&refuses);
                let sample = BLOCK + 3;
                let error = Error::NotFinite { call: "", feature: 0, sample, value: Number(0.0) };
                assert_eq!(found, if samples > sample { Err(error) } else { Ok(()) });
                assert!(seen.iter().all(|&times| (1..=2).contains(&times)));
                assert!(workspaces.iter().sum::<usize>() >= samples);
            }
        }
    }
}
