use crate::error::{Error, Number, Result, require};

/// Conformal p-values: how rare a score is among those of held-out normal samples.
///
/// If a sample is normal, exchangeable with the held-out ones, and neither the model nor the score was
/// fitted to any of them, then for any model and score, and any number of samples,
/// P(p ≤ α) ≤ α. The probability is over the held-out samples and the new one together; many
/// new samples judged by the same held-out ones share their luck, and the share of false alarms among them
/// lies around α with a standard deviation of about √(α(1−α)/n).
///
/// # Formula
/// p = (1 + #{i: sᵢ ≥ s}) / (n + 1)
///
/// # Example
/// ```
/// use autoencoder::anomaly::Conformal;
/// let held_out = Conformal::new((1..=99).map(f64::from).collect())?;
/// assert_eq!(held_out.p_value(120.0), 0.01); // odder than all 99
/// assert_eq!(held_out.p_value(95.0), 0.06); // 95 to 99, and itself
/// assert_eq!(held_out.threshold(0.05)?, 95.0); // flagged is what lies above
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// V. Vovk, A. Gammerman, G. Shafer (2005), Algorithmic Learning in a Random World.
/// S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia (2023), Testing for outliers with conformal p-values.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformal {
    /// In ascending order.
    scores: Vec<f64>,
}

impl Conformal {
    /// From the scores of held-out normal samples.
    ///
    /// # Errors
    /// [`Error::NoSamples`]; [`Error::EntryNotFinite`] for a score that is not finite.
    pub fn new(mut scores: Vec<f64>) -> Result<Self> {
        check_entries("Conformal::new", "score", &scores)?;
        scores.sort_unstable_by(f64::total_cmp);
        Ok(Self { scores })
    }

    /// The held-out scores, in ascending order.
    pub fn scores(&self) -> &[f64] {
        &self.scores
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
    /// [`Error::InvalidParameter`] unless α is above 0 and below 1; [`Error::TooFewForRate`], with how many samples it
    /// takes, unless it is at least 1/(n + 1): fewer false alarms take more held-out samples.
    pub fn threshold(&self, alpha: f64) -> Result<f64> {
        let n = self.scores.len();
        let p = |above: usize| (1 + above) as f64 / (n + 1) as f64;
        let (name, requirement) = ("Conformal false-alarm rate", "greater than 0 and less than 1");
        require(alpha > 0.0 && alpha < 1.0, name, alpha, requirement)?;
        if alpha < p(0) {
            let [rate, needed, least] = [alpha, samples_for(alpha), p(0)].map(Number);
            return Err(Error::TooFewForRate { rate, needed, samples: n, least });
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
