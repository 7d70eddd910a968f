use std::fmt;

use super::conformal::check_entries;
use crate::error::{Result, require, require_fraction, require_size};
use crate::metrics::BinaryConfusion;
use crate::numbers::scalar::quantile_of_sorted;
use crate::numbers::significant::short;

/// From where on a sample is flagged: its score is greater.
///
/// | by | from | says |
/// |---|---|---|
/// | [`quantile`](Self::quantile) | scores of normal samples | about so many of them are not flagged |
/// | [`contamination`](Self::contamination) | scores of unlabelled samples | at most this share is flagged |
/// | [`best_f1`](Self::best_f1) | scores of labelled samples | precision and recall are best together |
/// | [`Conformal::threshold`](super::Conformal::threshold) | scores of held-out normal samples | false alarms are at most so many, guaranteed |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    value: f64,
}

impl Threshold {
    /// This score itself.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite.
    pub fn at(value: f64) -> Result<Self> {
        require(value.is_finite(), "Threshold", value, "finite")?;
        Ok(Self { value })
    }

    /// The quantile of these scores, between two of them by straight interpolation, as numpy has it.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside \[0, 1\];
    /// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::EntryNotFinite`](crate::Error::EntryNotFinite)
    /// for the scores.
    ///
    /// # Example
    /// ```
    /// use autoencoder::anomaly::Threshold;
    /// assert_eq!(Threshold::quantile(&[4.0, 1.0, 2.0, 3.0], 0.9)?.value(), 3.7);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn quantile(scores: &[f64], q: f64) -> Result<Self> {
        check_entries("Threshold::quantile", "score", scores)?;
        require_fraction("Threshold quantile", q)?;
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Self::at(quantile_of_sorted(&sorted, q))
    }

    /// The threshold that flags this share of the scores, rounded down; fewer where scores are equal.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless the share is at least 0 and less
    /// than 1; for the scores as [`quantile`](Self::quantile).
    ///
    /// # Example
    /// ```
    /// use autoencoder::anomaly::Threshold;
    /// let threshold = Threshold::contamination(&[1.0, 2.0, 3.0, 4.0], 0.25)?;
    /// assert!(threshold.is_exceeded_by(4.0) && !threshold.is_exceeded_by(3.0));
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn contamination(scores: &[f64], share: f64) -> Result<Self> {
        check_entries("Threshold::contamination", "score", scores)?;
        let valid = (0.0..1.0).contains(&share) && share.is_sign_positive();
        require(valid, "Threshold contamination", share, "in [0, 1)")?;
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        // A share such as 0.29 of 100 is a little less than 29 in floating point.
        let flagged = (share * sorted.len() as f64 * (1.0 + f64::EPSILON)) as usize;
        Self::at(sorted[sorted.len() - 1 - flagged.min(sorted.len() - 1)])
    }

    /// The threshold of the best F1 on labelled samples, halfway between two scores; of equally good ones
    /// the highest.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) unless there is a label for each score;
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no anomaly; for the scores as
    /// [`quantile`](Self::quantile).
    ///
    /// # Example
    /// ```
    /// use autoencoder::anomaly::Threshold;
    /// let threshold = Threshold::best_f1(&[1.0, 3.0, 2.0, 5.0], &[false, true, false, true])?;
    /// assert_eq!(threshold.value(), 2.5);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn best_f1(scores: &[f64], is_anomaly: &[bool]) -> Result<Self> {
        let call = "Threshold::best_f1";
        check_entries(call, "score", scores)?;
        require_size(call, "labels", scores.len(), is_anomaly.len())?;
        let all = is_anomaly.iter().filter(|&&is| is).count();
        require(all > 0, "anomalies for Threshold::best_f1", 0.0, "at least 1")?;
        let mut sorted: Vec<(f64, bool)> =
            scores.iter().copied().zip(is_anomaly.iter().copied()).collect();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut found, mut best, mut value) = (0, 0.0, sorted[0].0);
        for (at, &(score, is_anomaly)) in sorted.iter().enumerate() {
            found += usize::from(is_anomaly);
            let below = sorted.get(at + 1).map(|next| next.0);
            // 2 TP / (2 TP + FP + FN), of all so far.
            let f1 = 2.0 * found as f64 / (at + 1 + all) as f64;
            if below == Some(score) || f1 <= best {
                continue;
            }
            best = f1;
            value = below.map_or(score.next_down(), |below| {
                let middle = below + (score - below) / 2.0;
                if middle < score { middle } else { below }
            });
        }
        Self::at(value)
    }

    /// The score itself.
    pub fn value(self) -> f64 {
        self.value
    }

    /// Whether a sample of this score is flagged. A score that is NaN is.
    pub fn is_exceeded_by(self, score: f64) -> bool {
        score > self.value || score.is_nan()
    }

    /// What is flagged right and wrong of labelled samples.
    ///
    /// # Errors
    /// As [`BinaryConfusion::at`].
    pub fn confusion(self, scores: &[f64], is_anomaly: &[bool]) -> Result<BinaryConfusion> {
        BinaryConfusion::at(self.value, scores, is_anomaly)
    }
}

/// The score, to four digits.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&short(self.value))
    }
}

/// The score itself.
impl From<Threshold> for f64 {
    fn from(threshold: Threshold) -> Self {
        threshold.value
    }
}
