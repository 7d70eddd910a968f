use super::activations::{bins, histogram};
use super::canvas::{check, short};
use super::{canvas::Plot, picture};
use crate::error::{Result, require};
use crate::insight::anomaly::Threshold;
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

/// What [`ScoreHistogram::threshold`] marks: a [`Threshold`]; that of a detector, which may have none; a number.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no threshold: give `detector.threshold()`, a `Threshold` or a number such as `2.5`",
    label = "a `Threshold`, an `Option<Threshold>`, an `f64` or an `f32` is needed here"
)]
pub trait ThresholdMark {
    /// The score to be marked, if there is one.
    fn score(self) -> Option<f64>;
}

impl ThresholdMark for Threshold {
    fn score(self) -> Option<f64> {
        Some(self.value())
    }
}

impl ThresholdMark for Option<Threshold> {
    fn score(self) -> Option<f64> {
        self.map(Threshold::value)
    }
}

impl ThresholdMark for f64 {
    fn score(self) -> Option<f64> {
        Some(self)
    }
}

impl ThresholdMark for f32 {
    fn score(self) -> Option<f64> {
        Some(self.into())
    }
}

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
    /// [`Threshold`], if it has one, or a number. The axis goes by the scores: of a threshold that is
    /// farther from all of them than three times their range it is said at the edge on which side it lies.
    pub fn threshold(self, threshold: impl ThresholdMark) -> Self {
        Self { threshold: threshold.score(), ..self }
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
        let name = "ScoreHistogram threshold";
        let bins = bins("ScoreHistogram bins", self.bins, self.scores.len())?;
        if !self.is_log {
            return histogram(name, &self.title, (&self.scores, bins), axes, mark);
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
        let mut chart = histogram(name, &self.title, (&scores, bins), axes, mark)?;
        chart.is_log_x = true;
        Ok(chart)
    }
}
