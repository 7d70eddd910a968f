use super::{Matching, check_codes};
use crate::batch::sparse::SparseBatch;
use crate::error::{Error, Result};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;

/// How well each unit of a code tells when its best match in a known dictionary is on, over as many batches as there are, in
/// memory that does not grow with them.
///
/// A unit says so where its code is not 0, and is right where the feature's value is not 0.
///
/// # Formula
/// precision = TP / (TP + FP), recall = TP / (TP + FN), F1 = 2 precision · recall / (precision + recall); 0 where the denominator
/// is. Means are over all units. A unit whose atom has norm 0, or is orthogonal to all features, has no match and detects
/// nothing: all three are 0.
///
/// # Example
/// ```
/// use autoencoder::metrics::dictionary::{Detection, Matching};
/// use autoencoder::{Batch, SparseBatch};
/// let known = Batch::from_iter([[1.0, 0.0], [0.0, 1.0]]);
/// let learned = Batch::from_iter([[0.0, 1.0], [1.0, 0.1]]);
/// let mut detection = Detection::new(&Matching::new(known.view(), learned.view())?);
/// let codes = SparseBatch::new(2, [([0, 1], [1.0, 1.0]), ([0, 1], [1.0, 1.0])])?; // both units, twice
/// let truth = SparseBatch::new(2, [(vec![0, 1], vec![2.0, 2.0]), (vec![0], vec![3.0])])?;
/// detection.add(&codes, &truth)?;
/// let units = detection.units()?;
/// assert_eq!((units[0].precision, units[0].recall), (0.5, 1.0)); // for feature 1, which is on once
/// assert_eq!((units[1].precision, units[1].recall), (1.0, 1.0)); // for feature 0
/// assert_eq!(detection.mean()?.precision, 0.75);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The feature of each unit, if it has one.
    feature_of: Vec<Option<usize>>,
    samples: u64,
    /// On how many samples each unit fires.
    fired: Vec<u64>,
    /// On how many samples each feature is on.
    on: Vec<u64>,
    /// On how many samples a unit fires and its feature is on.
    both: Vec<u64>,
}

/// How well one unit tells when its feature is on, or all units in the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct UnitDetection {
    /// The share of the samples it fires on, on which the feature is on.
    pub precision: f64,
    /// The share of the samples the feature is on, on which it fires.
    pub recall: f64,
    /// The harmonic mean of both; over all units the mean of theirs.
    pub f1: f64,
}

impl Detection {
    /// Each unit is to detect its best match.
    pub fn new(matching: &Matching) -> Self {
        let matches = matching.best_features().iter();
        let feature_of: Vec<Option<usize>> =
            matches.map(|best| (best.cosine > 0.0).then_some(best.feature)).collect();
        let (units, features) = (feature_of.len(), matching.best_units().len());
        let [fired, both] = [(); 2].map(|()| vec![0; units]);
        Self { feature_of, samples: 0, fired, on: vec![0; features], both }
    }

    /// Takes more samples: the code of each, and its values in the known dictionary.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of units, features or samples, [`Error::NoSamples`] and [`Error::NotFinite`]. What is
    /// refused is not counted.
    pub fn add<T: Float>(&mut self, codes: &SparseBatch<T>, known: &SparseBatch<T>) -> Result<()> {
        let call = "Detection::add";
        let samples = codes.samples();
        check_codes(call, "units", (self.fired.len(), samples), codes)?;
        check_codes(call, "features", (self.on.len(), samples), known)?;
        if samples == 0 {
            return Err(Error::NoSamples { call });
        }
        count(self, codes, known);
        self.samples += samples as u64;
        Ok(())
    }

    /// The number of samples that were added.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// How well each unit does.
    ///
    /// # Errors
    /// [`Error::NoSamples`] before any sample was added.
    pub fn units(&self) -> Result<Vec<UnitDetection>> {
        if self.samples == 0 {
            return Err(Error::NoSamples { call: "Detection::units" });
        }
        let share = |part: f64, all: f64| if all > 0.0 { part / all } else { 0.0 };
        let of_unit = |unit: usize| {
            let both = self.both[unit] as f64;
            let precision = share(both, self.fired[unit] as f64);
            let on = self.feature_of[unit].map_or(0, |feature| self.on[feature]);
            let recall = share(both, on as f64);
            let f1 = share(2.0 * precision * recall, precision + recall);
            UnitDetection { precision, recall, f1 }
        };
        Ok((0..self.fired.len()).map(of_unit).collect())
    }

    /// How well the units do in the mean.
    ///
    /// # Errors
    /// [`Error::NoSamples`] before any sample was added.
    pub fn mean(&self) -> Result<UnitDetection> {
        let units = self.units()?;
        let mean =
            |of: fn(&UnitDetection) -> f64| units.iter().map(of).sum::<f64>() / units.len() as f64;
        let (precision, recall, f1) = (mean(|u| u.precision), mean(|u| u.recall), mean(|u| u.f1));
        Ok(UnitDetection { precision, recall, f1 })
    }
}

once! {
    fn count(to: &'a mut Detection, codes: &'a SparseBatch<T>, known: &'a SparseBatch<T>) = count_generic;
}

fn count_generic<T: Float>(to: &mut Detection, codes: &SparseBatch<T>, known: &SparseBatch<T>) {
    let mut is_on = vec![false; to.on.len()];
    for (code, known) in codes.iter().zip(known.iter()) {
        for (feature, _) in known.iter() {
            is_on[feature] = true;
            to.on[feature] += 1;
        }
        for (unit, _) in code.iter() {
            to.fired[unit] += 1;
            to.both[unit] += u64::from(to.feature_of[unit].is_some_and(|feature| is_on[feature]));
        }
        known.iter().for_each(|(feature, _)| is_on[feature] = false);
    }
}
