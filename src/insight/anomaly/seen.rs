//! What a model makes of samples, as a score is shown it.

use crate::numbers::scalar::{Float, count_present, is_nan};

/// Codes drawn from each sample's posterior. The k-th draw has the same noise for every sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    /// How many for each sample.
    pub count: usize,
    /// What they are drawn from.
    pub seed: u64,
}

/// What came of a sample's drawn codes.
#[derive(Debug, Clone, Copy)]
pub struct Drawn<'a> {
    /// The mean loss over the draws.
    pub loss: f64,
    /// The mean over the draws of each feature's squared residual; 0 where the feature is missing.
    pub squared_errors: &'a [f64],
}

/// What a model makes of one sample.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a, T> {
    /// The features, as the encoder takes them: normalized, if the model has a normalizer. What is missing is NaN, which
    /// only a score that [skips it](super::AnomalyScore::skips_missing) is shown; one feature at least is there.
    pub x: &'a [T],
    /// Their reconstruction, in the same units; nothing for a score that
    /// [needs none](super::AnomalyScore::needs_reconstruction).
    pub reconstruction: &'a [T],
    /// The code.
    pub code: &'a [T],
    /// What came of drawn codes, if the score asks for draws.
    pub drawn: Option<Drawn<'a>>,
    /// The sample's place in the reference, if it is one of those.
    pub place: Option<usize>,
}

impl<T: Float> Seen<'_, T> {
    /// Whether a feature is missing.
    ///
    /// # Panics
    /// If there is no such feature, as indexing a slice does.
    pub fn is_missing(&self, feature: usize) -> bool {
        is_nan(self.x[feature])
    }

    /// What a sum over the features that are there is multiplied with, to be as large as one over all: features/present
    /// ones, and so 1 if none is missing.
    pub fn scale(&self) -> f64 {
        self.x.len() as f64 / count_present(self.x) as f64
    }
}

/// What a model makes of the normal samples that a score is fitted to.
#[derive(Debug, Clone)]
pub struct Reference<T> {
    features: usize,
    code_units: usize,
    x: Vec<T>,
    reconstructions: Vec<T>,
    codes: Vec<T>,
    losses: Vec<f64>,
    squared_errors: Vec<f64>,
}

impl<T: Float> Reference<T> {
    pub(super) fn new(features: usize, code_units: usize) -> Self {
        let (x, reconstructions, codes) = (Vec::new(), Vec::new(), Vec::new());
        let (losses, squared_errors) = (Vec::new(), Vec::new());
        Self { features, code_units, x, reconstructions, codes, losses, squared_errors }
    }

    pub(super) fn push(&mut self, seen: Seen<'_, T>) {
        self.x.extend_from_slice(seen.x);
        self.reconstructions.extend_from_slice(seen.reconstruction);
        self.codes.extend_from_slice(seen.code);
        if let Some(drawn) = seen.drawn {
            self.losses.push(drawn.loss);
            self.squared_errors.extend_from_slice(drawn.squared_errors);
        }
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of code units.
    pub fn code_units(&self) -> usize {
        self.code_units
    }

    /// The number of samples, at least 1.
    pub fn samples(&self) -> usize {
        self.x.len() / self.features
    }

    /// The samples one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Seen<'_, T>> {
        (0..self.samples()).map(|place| {
            let loss = self.losses.get(place);
            let of_features = place * self.features..(place + 1) * self.features;
            Seen {
                x: &self.x[of_features.clone()],
                // There are none for a score that needs none.
                reconstruction: self.reconstructions.get(of_features.clone()).unwrap_or_default(),
                code: &self.codes[place * self.code_units..][..self.code_units],
                drawn: loss
                    .map(|&loss| Drawn { loss, squared_errors: &self.squared_errors[of_features] }),
                place: Some(place),
            }
        })
    }
}
