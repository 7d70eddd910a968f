use std::ops::Range;

use crate::error::{Error, Number, Result, require, require_count};

/// Conformal p-values: how rare a score is among those of held-out normal samples.
///
/// If a sample is normal, exchangeable with the held-out ones, and neither the model nor the score was
/// fitted to any of them, then for any model and score, and any number of samples,
/// P(p ≤ α) ≤ α. The probability is over the held-out samples and the new one together; many
/// new samples judged by the same held-out ones share their luck, and the share of false alarms among them
/// lies around α with a standard deviation of about √(α(1−α)/n).
///
/// Exchangeable means: drawn alike, and in no order that matters. For rows of a table with missing cells it means that
/// cells are missing alike, too: new rows that lack other cells, or more of them, than the held-out ones are judged by
/// what these never show, and nothing is promised.
///
/// # Windows of a series
/// Windows that overlap are not exchangeable: each is almost the one before. With [`new`](Self::new) they are counted as
/// if each said something of its own, and the rate is exceeded, for two reasons: the held-out ones may all have come from
/// one quiet hour, and a stretch of new ones has many chances to be flagged. What can be exchangeable are *blocks* of windows in a
/// row, each as odd as its oddest window: [`of_blocks`](Self::of_blocks), with blocks of one length that share no step
/// ([`Windows::blocks`](crate::data::Windows::blocks)). The promise then is for a new block of that many windows:
///
/// | calibrated by | a normal block has any false alarm with a probability of |
/// |---|---|
/// | blocks that are exchangeable, as those are whose steps are independent of each other's | at most α |
/// | blocks of a stationary series that forgets | at most α + (n + 1) β, with β the series' mixing coefficient (absolute regularity) over the steps between blocks, and between them and training: how much of the past is left after so many |
/// | blocks of a series that drifts, or has a cycle longer than a block | no promise; a block as long as the cycle, such as a day, has all of it |
/// | single windows that overlap | no promise |
///
/// To make β small take every second block, `.step_by(2)`: the one between is then what the series forgets over. The
/// p-value of a window is that of a block whose oddest window it is; so it holds for the window too, and for all windows
/// of a block together. Blocks cost samples: a rate of α takes 1/α − 1 of them.
///
/// # Formula
/// p = (1 + #{i: sᵢ ≥ s}) / (n + 1), with sᵢ = max of the scores of block i where these are blocks
///
/// # Example
/// ```
/// use autoencoder::anomaly::Conformal;
/// let held_out = Conformal::new((1..=99).map(f64::from).collect())?;
/// assert_eq!(held_out.p_value(120.0), 0.01); // odder than all 99
/// assert_eq!(held_out.p_value(95.0), 0.06); // 95 to 99, and itself
/// assert_eq!(held_out.threshold(0.05)?, 95.0); // flagged is what lies above
///
/// // Four scores in a row are a block.
/// let blocks: Vec<_> = (0..24).map(|block| 4 * block..4 * block + 4).collect();
/// let scores: Vec<f64> = (1..=99).map(f64::from).collect();
/// let of_blocks = Conformal::of_blocks(&scores, &blocks)?;
/// assert_eq!(of_blocks.scores()[..3], [4.0, 8.0, 12.0]);
/// assert_eq!(of_blocks.p_value(95.0), 0.08); // 96, and itself, of 25
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// V. Vovk, A. Gammerman, G. Shafer (2005), Algorithmic Learning in a Random World.
/// V. Chernozhukov, K. Wüthrich, Y. Zhu (2018), Exact and robust conformal inference methods for predictive machine learning
/// with dependent data (blocks).
/// B. Yu (1994), Rates of convergence for empirical processes of stationary mixing sequences (blocks of such a series beside
/// independent ones).
/// R. F. Barber, E. J. Candès, A. Ramdas, R. J. Tibshirani (2023), Conformal prediction beyond exchangeability.
/// S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia (2023), Testing for outliers with conformal p-values.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformal {
    /// In ascending order: of samples, or the greatest of each block.
    scores: Vec<f64>,
    /// How many samples in a row each stands for.
    block: usize,
}

impl Conformal {
    /// From the scores of held-out normal samples.
    ///
    /// # Errors
    /// [`Error::NoSamples`]; [`Error::EntryNotFinite`] for a score that is not finite.
    pub fn new(mut scores: Vec<f64>) -> Result<Self> {
        check_entries("Conformal::new", "score", &scores)?;
        scores.sort_unstable_by(f64::total_cmp);
        Ok(Self { scores, block: 1 })
    }

    /// From the scores of normal samples that follow one another, as windows of a series do: of each block the greatest. See
    /// [above](Self#windows-of-a-series) for what that promises. Scores in no block count nothing.
    ///
    /// # Errors
    /// As [`new`](Self::new); and [`Error::InvalidParameter`] for no block, one that is empty, has another length than the
    /// first, begins before the end of the one before, or ends behind the scores.
    pub fn of_blocks(scores: &[f64], blocks: &[Range<usize>]) -> Result<Self> {
        check_entries("Conformal::of_blocks", "score", scores)?;
        let length = length_of(blocks, scores.len())?;
        let greatest =
            |block: &Range<usize>| scores[block.clone()].iter().copied().reduce(f64::max);
        Self::of_greatest(blocks.iter().filter_map(greatest).collect(), length)
    }

    /// From the greatest score of each block of so many samples.
    pub(super) fn of_greatest(scores: Vec<f64>, block: usize) -> Result<Self> {
        Ok(Self { block, ..Self::new(scores)? })
    }

    /// The held-out scores, in ascending order: one for each sample, or for each block.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// How many samples in a row a false-alarm rate is for: 1, or those of a [block](Self::of_blocks).
    pub fn block(&self) -> usize {
        self.block
    }

    /// The p-value of a score, from 1/(n + 1) to 1. A score that is NaN counts as the oddest.
    pub fn p_value(&self, score: f64) -> f64 {
        let is_below = |&held_out: &f64| held_out < score || score.is_nan();
        let below = self.scores.partition_point(is_below);
        (1 + self.scores.len() - below) as f64 / (self.scores.len() + 1) as f64
    }

    /// The threshold above which p ≤ α, and only there.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless α is above 0 and below 1; [`Error::TooFewForRate`], with how many samples or
    /// blocks it takes, unless it is at least 1/(n + 1): fewer false alarms take more held-out samples.
    pub fn threshold(&self, alpha: f64) -> Result<f64> {
        let n = self.scores.len();
        let p = |above: usize| (1 + above) as f64 / (n + 1) as f64;
        let (name, requirement) = ("Conformal false-alarm rate", "greater than 0 and less than 1");
        require(alpha > 0.0 && alpha < 1.0, name, alpha, requirement)?;
        if alpha < p(0) {
            let [rate, needed, least] = [alpha, samples_for(alpha), p(0)].map(Number);
            return Err(Error::TooFewForRate {
                rate,
                needed,
                samples: n,
                block: self.block,
                least,
            });
        }
        // The most held-out scores that may be as high. At the highest of those below, p exceeds α.
        let guess = (alpha * (n + 1) as f64) as usize;
        let most = (guess.saturating_sub(2)..=guess).rev().find(|&m| p(m) <= alpha).unwrap_or(0);
        Ok(self.scores[n - 1 - most.min(n - 1)])
    }
}

/// The least number of held-out samples that a rate of false alarms can be had with: the least n with 1/(n + 1) ≤ α.
fn samples_for(alpha: f64) -> f64 {
    let guess = (1.0 / alpha).ceil().min(f64::MAX);
    // 1/0.001 is rounded, and may have been a little more than 1000.
    let is_enough = |n: &f64| 1.0 / (n + 1.0) <= alpha;
    [guess - 2.0, guess - 1.0].into_iter().find(is_enough).unwrap_or(guess)
}

/// How many samples each of these blocks of so many samples has; refuses what are no blocks of them.
pub(super) fn length_of(blocks: &[Range<usize>], samples: usize) -> Result<usize> {
    require_count("blocks of Conformal::of_blocks", blocks.len())?;
    let (length, mut end) = (blocks[0].len(), 0);
    for block in blocks {
        let (name, requirement) = ("samples of a block", "at least 1, and as many in each");
        let is_alike = !block.is_empty() && block.len() == length;
        require(is_alike, name, block.len() as f64, requirement)?;
        let (name, requirement) = ("beginning of a block", "not before the end of the last");
        require(block.start >= end, name, block.start as f64, requirement)?;
        let (name, requirement) = ("end of a block", "not behind that of the scores");
        require(block.end <= samples, name, block.end as f64, requirement)?;
        end = block.end;
    }
    Ok(length)
}

/// Refuses an empty list, and entries that are not finite: scores, or whatever these are.
pub(super) fn check_entries(
    call: &'static str,
    entry: &'static str,
    entries: &[f64],
) -> Result<()> {
    if entries.is_empty() {
        return Err(Error::NoSamples { call });
    }
    match entries.iter().position(|entry| !entry.is_finite()) {
        None => Ok(()),
        Some(index) => {
            let value = Number(entries[index]);
            Err(Error::EntryNotFinite { call, entry, index, value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_called_what_it_is() {
        for (entry, value) in [("score", f64::NAN), ("median", f64::INFINITY)] {
            let found = check_entries("the file", entry, &[0.5, value]).unwrap_err();
            let value = Number(value);
            assert_eq!(found, Error::EntryNotFinite { call: "the file", entry, index: 1, value });
        }
        assert_eq!(check_entries("it", "score", &[]), Err(Error::NoSamples { call: "it" }));
    }
}
