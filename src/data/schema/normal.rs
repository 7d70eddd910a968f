//! The normalizer that suits the features of a schema.

use super::Schema;
use super::column::Part;
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::data::{Normalization, Normalizer};
use crate::error::{Error, Number, Result, require_size};
use crate::numbers::scalar::Float;

impl Schema {
    /// Brings numbers and elapsed times to mean 0 and standard deviation 1, as they are in these samples, and leaves all
    /// other features as they are: they lie between −1 and 1. Missing cells have no part in mean and deviation.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for samples of another number of features; [`Error::NoSamples`];
    /// [`Error::TableColumn`] for a number that is missing in all samples; [`Error::NotFinite`] for an infinite one.
    pub fn normalizer<T: Float, R: Size>(&self, samples: &Batch<T, R>) -> Result<Normalizer> {
        require_size("Schema::normalizer", "features", self.features(), samples.features())?;
        let mut normalizer = self.fit(samples)?;
        let mut start = 0;
        for part in self.parts() {
            let range = start..start + part.features();
            start = range.end;
            if !matches!(part, Part::Measure | Part::Constant) {
                normalizer = normalizer.leaving(range)?;
            }
        }
        Ok(normalizer)
    }

    /// All features by the values that are there. The one place that knows of NaN: a normalizer that is fitted with
    /// missing values takes this one's place.
    fn fit<T: Float, R: Size>(&self, samples: &Batch<T, R>) -> Result<Normalizer> {
        if !samples.as_slice().iter().any(|x| x.to_double().is_nan()) {
            return Normalizer::fit(Normalization::Standardize, samples);
        }
        let (mut means, mut scales) = (Vec::new(), Vec::new());
        for feature in 0..samples.features() {
            let present: Vec<f64> = samples
                .iter()
                .map(|sample| sample[feature].to_double())
                .filter(|x| !x.is_nan())
                .collect();
            if let Some(sample) =
                samples.iter().position(|sample| sample[feature].to_double().is_infinite())
            {
                let value = Number(samples.sample(sample)[feature].to_double());
                let call = "Schema::normalizer";
                return Err(Error::NotFinite { call, feature, sample, value });
            }
            if present.is_empty() {
                return Err(self.is_missing_throughout(feature));
            }
            // Fitted as a column of its own, so that huge numbers are as safe here as there.
            let column = Batch::new(nalgebra::Dyn(1), present)?;
            let fitted = Normalizer::fit(Normalization::Standardize, &column)?;
            let (mean, scale) = fitted.parts();
            means.extend_from_slice(mean);
            scales.extend_from_slice(scale);
        }
        Normalizer::from_parts(Normalization::Standardize, means, scales)
    }

    fn is_missing_throughout(&self, feature: usize) -> Error {
        let cells = self.cells();
        let cell = cells.iter().find(|(_, range)| range.contains(&feature));
        let column = cell.map_or_else(String::new, |(name, _)| (*name).to_owned());
        let fault = "is missing in all samples";
        let remedy = "give samples that have it, or leave it out (`Schema::leave_out`)";
        Error::TableColumn { column, fault, remedy }
    }
}
