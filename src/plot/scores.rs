use super::activations::histogram;
use super::canvas::{check, short};
use super::{canvas::Plot, picture};
use crate::Scalar;
use crate::error::Result;

/// A histogram of anomaly scores, such as those of an
/// [`AnomalyDetector`](crate::anomaly::AnomalyDetector) or of
/// [`AutoEncoder::score`](crate::AutoEncoder::score), with the threshold marked and how many are above it.
#[derive(Debug, Clone)]
pub struct ScoreHistogram {
    title: String,
    scores: Vec<f64>,
    threshold: Option<f64>,
}
picture!(ScoreHistogram);

impl ScoreHistogram {
    /// Of these scores.
    pub fn new<T: Scalar>(scores: &[T]) -> Self {
        let scores = scores.iter().map(|x| x.to_double()).collect();
        Self { title: "Anomaly scores".to_owned(), scores, threshold: None }
    }

    /// Marks the score above which a sample is an anomaly.
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold: Some(threshold), ..self }
    }

    fn plot(&self) -> Result<impl Plot + use<>> {
        check("ScoreHistogram", &self.scores, 1)?;
        let mark = self.threshold.map(|threshold| {
            let above = self.scores.iter().filter(|&&score| score > threshold).count();
            let all = self.scores.len();
            (threshold, format!("threshold {}: {above} of {all} above", short(threshold)))
        });
        let axes = ("anomaly score", "samples");
        histogram("threshold of ScoreHistogram", &self.title, &self.scores, axes, mark)
    }
}
