//! The files of detectors: a model's file with what the score has fitted.

use std::borrow::Cow;
use std::path::Path;

use super::conformal::check_scores;
use super::detector::sizes;
use super::{AnomalyDetector, AnomalyScore, Conformal, Numbers, Threshold};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::{Result, require_size};
use crate::file::tensors::read;
use crate::loss::Loss;
use crate::model::AutoEncoder;
use crate::model::file::{Parts, save};
use crate::numbers::bytes::Element;
use crate::numbers::bytes::Tensor;
use crate::regularizer::Regularizer;

/// What the names of a detector's tensors begin with.
const PREFIX: &str = "anomaly.score.";

impl<E, D, R, L, S> AnomalyDetector<E, D, R, L, S>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
    S: AnomalyScore<E>,
{
    /// Saves model and detector in one file, as [`AutoEncoder::save`] writes it: what the score has fitted,
    /// the held-out scores and the threshold are tensors of their own, `anomaly.…`. The model alone can be
    /// loaded from it too.
    ///
    /// # Errors
    /// As [`AutoEncoder::save`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let stored = self.model().stored();
        let mut metadata = stored.metadata("detector");
        metadata.insert("score".to_owned(), self.score_function().describe());
        let mut tensors = stored.tensors();
        let mut add = |name: String, values: &[f64]| {
            if !values.is_empty() {
                let shape = vec![values.len()];
                let values = f64::wrap(Cow::Owned(values.to_vec()));
                tensors.push(Tensor { name: name.into(), shape, values });
            }
        };
        for (name, values) in self.score_function().numbers().iter() {
            add(format!("{PREFIX}{name}"), values);
        }
        add("anomaly.medians".to_owned(), &self.medians);
        if let Some(conformal) = self.conformal() {
            add("anomaly.calibration".to_owned(), conformal.scores());
        }
        if let Some(threshold) = self.threshold() {
            add("anomaly.threshold".to_owned(), &[threshold.value()]);
        }
        save(path.as_ref(), false, &metadata, &tensors)
    }

    /// Reads a detector's file, with a model that fits as for [`AutoEncoder::load`] and a score of the same
    /// kind and settings, fitted or not.
    ///
    /// # Errors
    /// As [`AutoEncoder::load`]; [`Error::DoesNotFit`](crate::Error::DoesNotFit) for a file without a detector
    /// or with another score; [`Error::SizeMismatch`](crate::Error::SizeMismatch),
    /// [`Error::NotFinite`](crate::Error::NotFinite) and
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for numbers that no detector has.
    pub fn load(
        mut model: AutoEncoder<E, D, R, L>,
        mut score: S,
        path: impl AsRef<Path>,
    ) -> Result<Self> {
        let path = path.as_ref();
        let mut file = Parts::new(path, read(path)?);
        file.require("the kind of file", "detector", file.text("kind")?)?;
        let saved = model.stored().fitting(&mut file)?;
        file.require("the anomaly score", &score.describe(), file.text("score")?)?;
        let (features, units) = sizes(&model);
        let mut numbers = Numbers::new();
        for name in file.names_from(PREFIX) {
            let values = file.take_list(&name)?;
            numbers = numbers.with(&name[PREFIX.len()..], values);
        }
        score.restore(&numbers, features, units)?;
        let medians = file.take_list("anomaly.medians")?;
        require_size("the medians of a detector's file", "values", features, medians.len())?;
        check_scores("the medians of a detector's file", &medians)?;
        let calibration: Vec<f64> = file.take_list("anomaly.calibration")?;
        let threshold: Vec<f64> = file.take_list("anomaly.threshold")?;
        let limit = threshold.len().min(1);
        require_size("the threshold of a detector's file", "values", limit, threshold.len())?;
        let conformal =
            if calibration.is_empty() { None } else { Some(Conformal::new(calibration)?) };
        let threshold = threshold.first().map(|&value| Threshold::at(value)).transpose()?;
        model.replace(saved);
        let mut detector = Self::from_parts(model, score);
        detector.medians = medians;
        (detector.conformal, detector.threshold) = (conformal, threshold);
        Ok(detector)
    }
}
