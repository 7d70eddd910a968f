//! Which units of a dictionary are active.

use super::{DictionaryParts, list};
use crate::error::{Result, require, require_fit};
use crate::layer::sparse::{By, Rule};
use crate::numbers::scalar::Float;

/// Which units are active, and how much.
///
/// π is what the encoder says of a unit, and ‖d‖ the norm of the unit's direction.
///
/// | rule | code f |
/// |---|---|
/// | `ReLU` | max(π, 0) |
/// | `TopK` | of the k largest π of a sample max(π, 0), else 0 |
/// | `AbsTopK` | of the k largest \|π\| of a sample π, which may be negative, else 0 |
/// | `JumpReLU` | max(π, 0) where π > θ, else 0 |
/// | `Gated` | max(π e^r + (b_m − b_e e^r), 0) where π > 0, else 0 |
/// | `GroupMax` | of the largest π of each group of units max(π, 0), else 0 |
/// | `MatchingPursuit` | of what is left of the sample, the unit that explains most of it, again and again |
///
/// Of units that rank the same the first is taken.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SparseActivation<T> {
    /// Every unit that is above 0.
    ReLU,
    /// The k largest of a sample, as far as they are above 0.
    TopK {
        /// How many, at least 1 and at most n.
        k: usize,
        /// Whether π ‖d‖ takes the place of π in rank and code, and each direction that of unit length.
        by_norm: bool,
    },
    /// The k of a sample that are farthest from 0, with their sign.
    AbsTopK {
        /// How many, at least 1 and at most n.
        k: usize,
        /// Whether π ‖d‖ takes the place of π in rank and code, and each direction that of unit length.
        by_norm: bool,
    },
    /// Every unit that is above its threshold and above 0.
    JumpReLU {
        /// θ, one a unit.
        thresholds: Vec<T>,
    },
    /// A gate says which units are active, and the same weights, scaled, how much.
    Gated {
        /// b_m, one a unit.
        magnitude_bias: Vec<T>,
        /// r, one a unit: the logarithm of what the gate's weights are scaled by.
        log_scale: Vec<T>,
    },
    /// The largest unit of each group, as far as it is above 0.
    GroupMax {
        /// How many groups of neighbours, which divide n.
        groups: usize,
    },
    /// Takes the unit whose direction d has the largest product with what is left, r = x̄ − p; adds max(d·r, 0) to its
    /// code, and takes that much of d off r; then the same again.
    MatchingPursuit {
        /// Ends where ‖r‖ is below this; 0 for never.
        residual: T,
        /// Ends after so many times, at most 2¹⁶; `None` for d.
        most: Option<usize>,
        /// Ends where a unit that was active before is taken again.
        ends_on_repetition: bool,
    },
}

impl<T: Float> SparseActivation<T> {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ReLU => "ReLU",
            Self::TopK { .. } => "TopK",
            Self::AbsTopK { .. } => "AbsTopK",
            Self::JumpReLU { .. } => "JumpReLU",
            Self::Gated { .. } => "Gated",
            Self::GroupMax { .. } => "GroupMax",
            Self::MatchingPursuit { .. } => "MatchingPursuit",
        }
    }

    /// The rule by which an encoder selects the same units, if one does; of gates, those that are open.
    pub(crate) fn rule(&self) -> Option<Rule<'_, T>> {
        match self {
            Self::ReLU | Self::Gated { .. } => Some(Rule::Above { threshold: T::ZERO }),
            &Self::TopK { k, .. } => Some(Rule::Largest { count: k, by: By::Value }),
            &Self::AbsTopK { k, .. } => Some(Rule::Largest { count: k, by: By::Size }),
            Self::JumpReLU { thresholds } => Some(Rule::AboveEach { thresholds, window: T::ZERO }),
            Self::GroupMax { .. } | Self::MatchingPursuit { .. } => None,
        }
    }

    /// Whether it looks at the norms of directions.
    pub(crate) fn is_by_norm(&self) -> bool {
        matches!(self, Self::TopK { by_norm: true, .. } | Self::AbsTopK { by_norm: true, .. })
    }

    pub(super) fn check(&self, parts: &DictionaryParts<T>) -> Result<()> {
        let units = parts.units;
        match self {
            Self::ReLU => Ok(()),
            Self::TopK { k, .. } | Self::AbsTopK { k, .. } => {
                let requirement = "at least 1 and at most the number of units";
                require((1..=units).contains(k), "SparseActivation k", *k as f64, requirement)
            }
            Self::JumpReLU { thresholds } => list("thresholds", units, thresholds),
            Self::Gated { magnitude_bias, log_scale } => {
                list("values of the magnitude's bias", units, magnitude_bias)?;
                list("logarithms of the magnitude's scale", units, log_scale)
            }
            Self::GroupMax { groups } => {
                let divides = *groups > 0 && units.is_multiple_of(*groups);
                let requirement = "at least 1 and a divisor of the number of units";
                require(divides, "SparseActivation groups", *groups as f64, requirement)
            }
            Self::MatchingPursuit { residual, most, .. } => {
                let most = most.unwrap_or(1);
                let requirement = "at most 65,536";
                require(most <= 1 << 16, "SparseActivation most", most as f64, requirement)?;
                let requirement = "finite and not negative";
                let is_valid = *residual >= T::ZERO && residual.is_finite();
                let value = residual.to_double();
                require(is_valid, "SparseActivation residual", value, requirement)?;
                let is_tied = parts.encoder == parts.decoder
                    && parts.encoder_bias.iter().all(|&bias| bias == T::ZERO);
                let fault = "has an encoder that is not its decoder";
                let remedy = "matching pursuit looks at the decoder alone: give its weights twice, and zeros as the \
                              encoder's bias";
                require_fit(is_tied, "MatchingPursuit", fault, remedy)?;
                // What is left of a sample is another thing than its reconstruction's error otherwise.
                let fault = "has a scale of its input that is not known";
                let remedy = "scale the samples, and take InputScale::Plain";
                let is_known = parts.input_scale != super::InputScale::Factor;
                require_fit(is_known, "MatchingPursuit", fault, remedy)
            }
        }
    }
}
