use super::activations::{bins, histogram};
use super::canvas::{check, short};
use super::{canvas::Plot, picture};
use crate::error::{Result, require};
use crate::numbers::scalar::Float;

/// A histogram of anomaly scores, such as those of an
/// [`AnomalyDetector`](crate::anomaly::AnomalyDetector) or of
/// [`AutoEncoder::score`](crate::AutoEncoder::score), with the threshold marked and how many are above it.
#[derive(Debug, Clone)]
pub struct ScoreHistogram {
    title: String,
    scores: Vec<f64>,
    threshold: Option<f64>,
    is_log: bool,
    bins: Option<usize>,
}
picture!(ScoreHistogram);

impl ScoreHistogram {
    /// Of these scores.
    pub fn new<T: Float>(scores: &[T]) -> Self {
        let scores = scores.iter().map(|x| x.to_double()).collect();
        Self {
            title: "Anomaly scores".to_owned(),
            scores,
            threshold: None,
            is_log: false,
            bins: None,
        }
    }

    /// Marks the score above which a sample is an anomaly: a detector's
    /// [`Threshold`](crate::anomaly::Threshold), or a number.
    pub fn threshold(self, threshold: impl Into<f64>) -> Self {
        Self { threshold: Some(threshold.into()), ..self }
    }

    /// A logarithmic scale of scores, for those of which a few are far above the others; then every score, and
    /// the threshold, must be greater than 0. Default: linear.
    pub fn log_scale(self) -> Self {
        Self { is_log: true, ..self }
    }

    /// How many bars there is room for, from 1 to 1000. Default: the square root of the number of scores, from 8 to 60.
    pub fn bins(self, bins: usize) -> Self {
        Self { bins: Some(bins), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        check("ScoreHistogram", &self.scores, 1)?;
        let mark = self.threshold.map(|threshold| {
            let above = self.scores.iter().filter(|&&score| score > threshold).count();
            let all = self.scores.len();
            (threshold, format!("threshold {}: {above} of {all} above", short(threshold)))
        });
        let axes = ("anomaly score", "samples");
        let call = "threshold of ScoreHistogram";
        let bins = bins("ScoreHistogram bins", self.bins, self.scores.len())?;
        if !self.is_log {
            return histogram(call, &self.title, (&self.scores, bins), axes, mark);
        }
        let log = |score: f64| {
            let requirement = "greater than 0; without log_scale any score can be drawn";
            require(score > 0.0, "a score on a logarithmic scale", score, requirement)?;
            Ok(score.log10())
        };
        let scores = self.scores.iter().map(|&score| log(score)).collect::<Result<Vec<f64>>>()?;
        let mark = match mark {
            Some((threshold, label)) => Some((log(threshold)?, label)),
            None => None,
        };
        let mut chart = histogram(call, &self.title, (&scores, bins), axes, mark)?;
        chart.is_log_x = true;
        Ok(chart)
    }
}
