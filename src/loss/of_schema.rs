//! The loss that suits the features of a table's schema.

use super::{BernoulliCrossEntropy, Categorical, GaussianLikelihood, LearnedGaussian, Mixed};
use crate::data::Schema;
use crate::data::schema::Part;
use crate::error::Result;
use crate::numbers::scalar::Float;

impl Schema {
    /// A likelihood for each column, in nats throughout, so that their sum is one as well: columns of numbers and of
    /// categories weigh what they tell, and no column outweighs others by its unit.
    ///
    /// | feature | loss |
    /// |---|---|
    /// | number, elapsed time | [`LearnedGaussian::per_feature`] |
    /// | one that was the same throughout the table | [`GaussianLikelihood`] of deviation 1: a learned one would go to 0 |
    /// | rank of an ordinal column, sine and cosine of a date | [`LearnedGaussian::per_feature`], at first of deviation 0.3 |
    /// | boolean, “unknown” of these, “is missing” | [`BernoulliCrossEntropy`] |
    /// | category | [`Categorical`] |
    ///
    /// The decoder's outputs must be able to take any value: it ends with [`Identity`](crate::activation::Identity). The
    /// numbers must be normalized, as by [`normalizer`](Schema::normalizer).
    ///
    /// # Errors
    /// [`Error::Unfit`](crate::Error::Unfit) if no column is a feature.
    pub fn loss<T: Float>(&self) -> Result<Mixed<T>> {
        self.require_features()?;
        let mut mixed = Mixed::new();
        let parts = self.parts();
        // Neighbours of one kind are compared together.
        for run in parts.chunk_by(|a, b| std::mem::discriminant(a) == std::mem::discriminant(b)) {
            let features = run.iter().map(|part| part.features()).sum();
            mixed = match run[0] {
                Part::Measure => mixed.columns(features, LearnedGaussian::per_feature()),
                Part::Constant => mixed.columns(features, GaussianLikelihood::new(1.0)?),
                Part::Bounded => {
                    let loss = LearnedGaussian::per_feature().starting_at(0.3)?;
                    mixed.columns(features, loss)
                }
                Part::YesNo => mixed.columns(features, BernoulliCrossEntropy),
                Part::OneOf(_) => {
                    let groups: Vec<usize> = run.iter().map(|part| part.features()).collect();
                    mixed.columns(features, Categorical::new(&groups)?)
                }
            };
        }
        Ok(mixed)
    }
}
