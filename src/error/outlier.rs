use std::fmt;

use super::Number;

/// A value that is far larger than others of its feature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outlier {
    /// Its sample, counted from 0.
    pub sample: usize,
    /// Its feature, counted from 0.
    pub feature: usize,
    /// The value, before any normalizer.
    pub value: Number,
    /// The size of others of that feature, or of other features if it has none.
    pub typical: Number,
}

impl fmt::Display for Outlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sample, feature, value, typical } = self;
        write!(
            f,
            "feature {feature} of sample {sample} (counted from 0) is {value}, where others have a size \
             of about {:.3e}",
            typical.0
        )
    }
}
