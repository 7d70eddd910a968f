use std::fmt;

use crate::error::{Error, Number, Result, require, require_size};
use crate::numbers::scalar::Float;

/// Refuses no scores, other lengths, and NaN; infinite scores have an order too.
fn check<T: Float>(call: &'static str, scores: &[T], is_positive: &[bool]) -> Result<()> {
    require_size(call, "labels", scores.len(), is_positive.len())?;
    if scores.is_empty() {
        return Err(Error::NoSamples { call });
    }
    match scores.iter().position(|score| score.to_double().is_nan()) {
        None => Ok(()),
        Some(index) => {
            let value = Number(scores[index].to_double());
            Err(Error::EntryNotFinite { call, entry: "score", index, value })
        }
    }
}

/// Groups of equal scores from the highest down: how many positives and negatives each has.
fn groups<T: Float>(scores: &[T], is_positive: &[bool]) -> Vec<(usize, usize)> {
    let mut sorted: Vec<(f64, bool)> =
        scores.iter().map(|score| score.to_double()).zip(is_positive.iter().copied()).collect();
    sorted.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let equal = sorted.chunk_by(|a, b| a.0 == b.0);
    let counts = equal.map(|group| {
        let positives = group.iter().filter(|(_, is_positive)| *is_positive).count();
        (positives, group.len() - positives)
    });
    counts.collect()
}

fn count_classes(
    call: &'static str,
    groups: &[(usize, usize)],
    needs_negatives: bool,
) -> Result<(f64, f64)> {
    let [positives, negatives] =
        [groups.iter().map(|g| g.0).sum::<usize>(), groups.iter().map(|g| g.1).sum()];
    if positives == 0 {
        return Err(Error::NoSamplesOfKind { call, kind: "positive" });
    }
    if needs_negatives && negatives == 0 {
        return Err(Error::NoSamplesOfKind { call, kind: "negative" });
    }
    Ok((positives as f64, negatives as f64))
}

/// The area under the receiver operating characteristic: the probability that a positive sample has a
/// higher score than a negative one, where a tie counts half. 1 is perfect, ½ is chance.
///
/// # Formula
/// (#{s₊ > s₋} + ½ #{s₊ = s₋}) / (n₊ n₋)
///
/// # Errors
/// [`Error::SizeMismatch`] unless there is a label for each score, [`Error::NoSamples`],
/// [`Error::EntryNotFinite`] for NaN, [`Error::NoSamplesOfKind`] unless there is a
/// sample of either kind.
///
/// # Example
/// ```
/// use autoencoder::metrics::roc_auc;
/// assert_eq!(roc_auc(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true])?, 0.875);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// J. Hanley, B. McNeil (1982), The meaning and use of the area under a receiver operating
/// characteristic (ROC) curve.
pub fn roc_auc<T: Float>(scores: &[T], is_positive: &[bool]) -> Result<f64> {
    check("roc_auc", scores, is_positive)?;
    let groups = groups(scores, is_positive);
    let (positives, negatives) = count_classes("roc_auc", &groups, true)?;
    let (mut above, mut pairs) = (0.0, 0.0);
    for (positive, negative) in groups {
        pairs += negative as f64 * (above + 0.5 * positive as f64);
        above += positive as f64;
    }
    Ok(pairs / (positives * negatives))
}

/// The average precision: the mean over positive samples of the precision at their score, samples of the
/// same score taken together. What chance gives is the share of positives.
///
/// # Formula
/// Σₙ (Rₙ − Rₙ₋₁) Pₙ over thresholds, without interpolation, as scikit-learn has it
///
/// # Errors
/// As [`roc_auc`], but there need be no negative sample.
///
/// # Example
/// ```
/// use autoencoder::metrics::average_precision;
/// let found = average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert_eq!(found, 0.5 + 0.5 * 2.0 / 3.0);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn average_precision<T: Float>(scores: &[T], is_positive: &[bool]) -> Result<f64> {
    check("average_precision", scores, is_positive)?;
    let groups = groups(scores, is_positive);
    let (positives, _) = count_classes("average_precision", &groups, false)?;
    let (mut found, mut seen, mut sum) = (0, 0, 0.0);
    for (positive, negative) in groups {
        found += positive;
        seen += positive + negative;
        sum += positive as f64 * (found as f64 / seen as f64);
    }
    Ok(sum / positives)
}

/// What a threshold on scores flags right and wrong.
///
/// # Example
/// ```
/// use autoencoder::metrics::BinaryConfusion;
/// let is_positive = [false, false, true, true, false];
/// let found = BinaryConfusion::at(0.3, &[0.1, 0.4, 0.3, 0.8, 0.2], &is_positive)?;
/// assert_eq!((found.true_positives, found.false_positives), (1, 1));
/// assert_eq!((found.precision(), found.recall(), found.f1()), (Some(0.5), Some(0.5), Some(0.5)));
/// assert_eq!(found.false_alarm_rate(), Some(1.0 / 3.0));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinaryConfusion {
    /// Positive samples that are flagged.
    pub true_positives: usize,
    /// Negative samples that are flagged: false alarms.
    pub false_positives: usize,
    /// Negative samples that are not flagged.
    pub true_negatives: usize,
    /// Positive samples that are not flagged: misses.
    pub false_negatives: usize,
}

impl BinaryConfusion {
    /// Counts what scores above the threshold flag.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] unless there is a label for each score, [`Error::NoSamples`],
    /// [`Error::EntryNotFinite`] for a score that is NaN, [`Error::InvalidParameter`] for such
    /// a threshold.
    pub fn at<T: Float>(threshold: f64, scores: &[T], is_positive: &[bool]) -> Result<Self> {
        check("BinaryConfusion::at", scores, is_positive)?;
        require(!threshold.is_nan(), "BinaryConfusion threshold", threshold, "a number")?;
        let count = |flagged: bool, positive: bool| {
            let pairs = scores.iter().zip(is_positive);
            let same = pairs.filter(|(score, is_positive)| {
                (score.to_double() > threshold) == flagged && **is_positive == positive
            });
            same.count()
        };
        Ok(Self {
            true_positives: count(true, true),
            false_positives: count(true, false),
            true_negatives: count(false, false),
            false_negatives: count(false, true),
        })
    }

    /// The share of flagged samples that are positive; `None` if none is flagged.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// The share of positive samples that are flagged; `None` if there is none.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// The share of negative samples that are flagged; `None` if there is none.
    pub fn false_alarm_rate(&self) -> Option<f64> {
        share(self.false_positives, self.false_positives + self.true_negatives)
    }

    /// The harmonic mean of precision and recall; `None` if nothing is positive and nothing flagged.
    pub fn f1(&self) -> Option<f64> {
        let wrong = self.false_positives + self.false_negatives;
        share(2 * self.true_positives, 2 * self.true_positives + wrong)
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// `found 8 of 10, 2 false alarms among 90, precision 0.800, recall 0.800, F1 0.800`
impl fmt::Display for BinaryConfusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text =
            |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{share:.3}"));
        write!(
            f,
            "found {} of {}, {} false alarms among {}, precision {}, recall {}, F1 {}",
            self.true_positives,
            self.true_positives + self.false_negatives,
            self.false_positives,
            self.false_positives + self.true_negatives,
            text(self.precision()),
            text(self.recall()),
            text(self.f1()),
        )
    }
}
