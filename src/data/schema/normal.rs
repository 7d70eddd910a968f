//! The normalizer that suits the features of a schema.

use super::Schema;
use super::column::Part;
use crate::batch::Batch;
use crate::batch::size::Size;
use crate::data::{Normalization, Normalizer};
use crate::error::{Error, Result, require_size};
use crate::numbers::scalar::Float;

impl Schema {
    /// Brings numbers and elapsed times to mean 0 and standard deviation 1, as they are in these samples, and leaves all
    /// other features as they are: they lie between −1 and 1. Missing cells have no part in mean and deviation; a model
    /// [takes](Normalizer::fit_with_missing) them, and its encoder sees the mean of the column in their place. The schema
    /// goes with the normalizer: into the model, and into its file.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for samples of another number of features; [`Error::NoSamples`];
    /// [`Error::TableColumn`] for a number that is missing in all samples; [`Error::NotFinite`] for an infinite one;
    /// [`Error::Unfit`] for a schema of more than 15 MiB of names and levels, which no model file has room for.
    pub fn normalizer<T: Float, R: Size>(&self, samples: &Batch<T, R>) -> Result<Normalizer> {
        require_size("Schema::normalizer", "features", self.features(), samples.features())?;
        let missing_throughout = (0..samples.features())
            .find(|&feature| samples.iter().all(|sample| sample[feature].to_double().is_nan()));
        if let Some(feature) = missing_throughout.filter(|_| samples.samples() > 0) {
            return Err(self.missing_throughout(feature));
        }
        let mut normalizer = Normalizer::fit_with_missing(Normalization::Standardize, samples)?;
        let mut start = 0;
        for part in self.parts() {
            let range = start..start + part.features();
            start = range.end;
            if !matches!(part, Part::Measure | Part::Constant) {
                normalizer = normalizer.leaving(range)?;
            }
        }
        // The table that it was inferred from stays behind.
        normalizer.with_schema(Self { source: None, ..self.clone() })
    }

    /// The refusal of samples none of which has this feature.
    pub(crate) fn missing_throughout(&self, feature: usize) -> Error {
        let fault = "is missing in all samples";
        let remedy = "give samples that have it, or leave it out (`Schema::leave_out`)";
        let mut end = 0;
        let own = self.columns.iter().find(|column| {
            end += column.features();
            feature < end
        });
        let unknown = Error::EmptyFeature { call: "Schema::normalizer", feature };
        own.map_or(unknown, |column| column.refuse(fault, remedy))
    }

    /// Refuses another schema whose features mean something else.
    pub(crate) fn require_the_same_features(&self, other: &Self) -> Result<()> {
        let part = "a table";
        let fault =
            "is read by another schema than that of the model, whose features have other meanings";
        let remedy = "open it by the model's own: `Normalizer::schema` of `AutoEncoder::normalizer`, or `score_rows`";
        let features = |schema: &Self| {
            let columns = schema.with_features().map(|at| {
                let column = &schema.columns[at];
                (column.kind(), column.levels().to_vec(), column.rare_levels().to_vec())
            });
            (schema.feature_names(), columns.collect::<Vec<_>>())
        };
        let is_same = features(self) == features(other);
        crate::error::require_fit(is_same, part, fault, remedy)
    }
}
