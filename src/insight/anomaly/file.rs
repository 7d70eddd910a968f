//! The files of detectors: a model's file with what score and detector have learned.

use std::borrow::Cow;
use std::path::Path;

use super::conformal::check_entries;
use super::judge::{Judge, Learned};
use super::novelty::Novelty;
use super::{AnomalyDetector, AnomalyScore, Conformal, Numbers, ScoreFor, Threshold};
use crate::error::{Result, require, require_size};
use crate::file::stored::{Parts, Saved, save};
use crate::file::tensors::read;
use crate::layer::Part;
use crate::loss::LossFor;
use crate::model::network::Network;
use crate::model::{AutoEncoder, Scalar};
use crate::numbers::bytes::{Element, Tensor};
use crate::numbers::scalar::Float;

/// What the names of a detector's tensors begin with.
const PREFIX: &str = "anomaly.score.";

/// A file's numbers are exact so far.
const MOST_SAMPLES: f64 = 9_007_199_254_740_992.0;

impl<E: Part, D, R, L, S, T: Scalar> AnomalyDetector<E, D, R, L, S, T>
where
    S: AnomalyScore<T>,
{
    /// Saves model and detector in one file, as [`AutoEncoder::save`] writes it: what the score has fitted,
    /// the held-out scores, the threshold, the constant columns, and a number of eight bytes for each sample of the
    /// reference, by which it is told from others, are tensors of their own, `anomaly.…`. The model alone can be loaded
    /// from it too.
    ///
    /// # Errors
    /// As [`AutoEncoder::save`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write(&self.judge(), self.learned(), path.as_ref())
    }

    /// Reads a detector's file, with a model that fits as for [`AutoEncoder::load`] and a score of the same
    /// kind and settings, fitted or not. A file that was written before detectors knew of constant columns and of the
    /// samples they were fitted to knows of none.
    ///
    /// # Errors
    /// As [`AutoEncoder::load`]; [`Error::DoesNotFit`](crate::Error::DoesNotFit) for a file without a detector
    /// or with another score; [`Error::SizeMismatch`](crate::Error::SizeMismatch),
    /// [`Error::EntryNotFinite`](crate::Error::EntryNotFinite) and
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for numbers that no detector has, and for a model
    /// that a score chosen at run time is not for.
    pub fn load(
        mut model: AutoEncoder<E, D, R, L, T>,
        mut score: S,
        path: impl AsRef<Path>,
    ) -> Result<Self>
    where
        L: LossFor<D>,
        S: ScoreFor<E, L::Target>,
    {
        let (saved, learned) = restore(model.network(), &mut score, path.as_ref())?;
        model.network().check_normalizer(saved.normalizer.as_ref())?;
        model.network_mut().replace(saved);
        Ok(Self::from_parts(model, score, learned))
    }
}

fn write<T: Float>(judge: &Judge<'_, T>, learned: &Learned, path: &Path) -> Result<()> {
    let stored = judge.network.stored();
    let mut metadata = stored.metadata("detector");
    metadata.insert("score".to_owned(), judge.score.describe());
    let mut tensors = stored.tensors();
    let mut add = |name: String, values: &[f64]| {
        if !values.is_empty() {
            let shape = vec![values.len()];
            let values = f64::wrap(Cow::Owned(values.to_vec()));
            tensors.push(Tensor { name: name.into(), shape, values });
        }
    };
    for (name, values) in judge.score.numbers().iter() {
        add(format!("{PREFIX}{name}"), values);
    }
    add("anomaly.medians".to_owned(), &learned.medians);
    let (constants, greatest) = learned.novelty.numbers();
    add("anomaly.constants".to_owned(), &constants);
    add("anomaly.greatest".to_owned(), &greatest);
    add("anomaly.reference".to_owned(), &learned.reference);
    if let Some(conformal) = &learned.conformal {
        add("anomaly.calibration".to_owned(), conformal.scores());
        add("anomaly.shared".to_owned(), &[learned.shared as f64]);
        add("anomaly.block".to_owned(), &[conformal.block() as f64]);
    }
    if let Some(threshold) = learned.threshold {
        add("anomaly.threshold".to_owned(), &[threshold.value()]);
    }
    save(path, false, &metadata, &tensors)
}

/// What is in a file that fits; the score takes back its part.
fn restore<T: Float>(
    network: &Network<T>,
    score: &mut dyn AnomalyScore<T>,
    path: &Path,
) -> Result<(Saved<T>, Learned)> {
    Judge { network, score: &*score, novelty: &Novelty::default() }.check()?;
    let mut file = Parts::new(path, read(path)?);
    file.require("the kind of file", "detector", file.text("kind")?)?;
    let saved = network.stored().fitting(&mut file)?;
    file.require("the anomaly score", &score.describe(), file.text("score")?)?;
    let (features, units) = (network.facts.features, network.facts.units);
    let mut numbers = Numbers::new();
    for name in file.names_from(PREFIX) {
        let values = file.take_list(&name)?;
        numbers = numbers.with(&name[PREFIX.len()..], values);
    }
    score.restore(&numbers, features, units)?;
    let medians = file.take_list("anomaly.medians")?;
    require_size("the medians of a detector's file", "values", features, medians.len())?;
    check_entries("the medians of a detector's file", "median", &medians)?;
    let calibration: Vec<f64> = file.take_list("anomaly.calibration")?;
    let mut one = |name: &str, place| {
        let values: Vec<f64> = file.take_list(name)?;
        require_size(place, "values", values.len().min(1), values.len())?;
        Ok(values.first().copied())
    };
    let threshold = one("anomaly.threshold", "the threshold of a detector's file")?;
    // The rest is in no file that was written before there was any of it.
    let shared = one("anomaly.shared", "the shared samples of a detector's file")?.unwrap_or(0.0);
    let block = one("anomaly.block", "the length of a detector's blocks")?.unwrap_or(1.0);
    let valid = block.fract() == 0.0 && (1.0..=MOST_SAMPLES).contains(&block);
    require(valid, "the length of a detector's blocks", block, "a number of samples, at least 1")?;
    let limit = block * calibration.len() as f64;
    let valid = shared.fract() == 0.0 && (0.0..=limit).contains(&shared);
    let requirement = "a number of the calibrating samples";
    require(valid, "a detector's shared samples", shared, requirement)?;
    let constants: Vec<f64> = file.take_list("anomaly.constants")?;
    let greatest: Vec<f64> = file.take_list("anomaly.greatest")?;
    let count = if greatest.is_empty() { 0 } else { 2 };
    let place = "the greatest scores of a detector's file";
    require_size(place, "values", count, greatest.len())?;
    let novelty = match greatest[..] {
        [fitted, greatest] => Novelty::from_numbers::<T>(&constants, [fitted, greatest], features)?,
        _ => Novelty::default().weighed(calibration.iter().copied()),
    };
    let mut reference: Vec<f64> = file.take_list("anomaly.reference")?;
    reference.sort_unstable_by(f64::total_cmp);
    let conformal = (!calibration.is_empty())
        .then(|| Conformal::of_greatest(calibration, block as usize))
        .transpose()?;
    let threshold = threshold.map(Threshold::at).transpose()?;
    let shared = shared as usize;
    let mut learned = Learned { medians, conformal, novelty, reference, shared, threshold: None };
    if let Some(threshold) = threshold {
        learned.set_threshold(threshold);
    }
    Ok((saved, learned))
}
