use std::fmt;

use crate::error::Outlier;

/// What a training goes on with, though it is hardly what was meant. [`Report::warnings`](super::Report::warnings) has
/// them, and observers are told by [`Event::Warning`](super::Event::Warning): of samples in memory before the first
/// epoch, of a stream and of parameters after it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// A value is a million times as large as others of its feature.
    Outlier {
        /// Which.
        outlier: Outlier,
        /// Whether its sample is one of those that are held out; it is then counted among these.
        is_held_out: bool,
    },
    /// Features whose sizes differ by a factor of a million or more: the small ones do not count.
    Scales {
        /// The feature of the largest values, counted from 0.
        large: usize,
        /// The feature of the smallest values, counted from 0; one whose values are all 0 is none.
        small: usize,
        /// How many times as large.
        ratio: f64,
    },
    /// All values are so large, or so small, that layers which begin with weights for values of about 1 hardly learn
    /// from them: the largest of all is above 10⁴, or below 10⁻⁴.
    Magnitude {
        /// The feature of the largest value, counted from 0.
        feature: usize,
        /// Its size.
        size: f64,
    },
    /// What no output can come near: a part of the values, or of the targets where there are some, is outside the range of the decoder's outputs.
    OutsideRange {
        /// Their squared distances from the range, as a share of the squared distances of all values from the means of
        /// their features; warned of from 0.1 on. Infinite if features are constant.
        share: f64,
        /// The ends of the outputs.
        range: (f64, f64),
    },
    /// Nothing has trained the log-variances of a Gaussian encoder in an epoch.
    UntrainedVariance,
    /// Nothing trains the gates of a [`GatedEncoder`](crate::layer::sparse::GatedEncoder) before its dictionary.
    UntrainedGates,
    /// The training was resumed with another setting than it was stopped with, which it goes on with from there.
    ResumedWith {
        /// What it is: `the optimizer`, `clip_norm`.
        what: String,
        /// How it was set before.
        before: String,
        /// How it is set now.
        now: String,
    },
    /// The training has ended while the weight of a regularizer, or the learning rate, was rising.
    UnfinishedWarmUp,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outlier { outlier, is_held_out: false } => write!(
                f,
                "{outlier}: it alone says what is learned; if it is a mistake, leave its sample out"
            ),
            Self::Outlier { outlier, is_held_out: true } => write!(
                f,
                "of the samples held out, {outlier}: it alone says how good the model is; if it is a mistake, leave its \
                 sample out"
            ),
            Self::Magnitude { feature, size } => write!(
                f,
                "the largest values have a size of {size:.0e} (feature {feature}, counted from 0), and layers begin with \
                 weights for values of about 1: give the builder a `normalizer`"
            ),
            Self::Scales { large, small, ratio } => write!(
                f,
                "feature {large} is {ratio:.0e} times as large as feature {small} (counted from 0), which will hardly \
                 count: give the builder a `normalizer`"
            ),
            Self::OutsideRange { share, range: (low, high) } => {
                if share.is_finite() {
                    write!(f, "values lie outside the decoder's outputs, ")?;
                } else {
                    write!(f, "values are constant and outside the decoder's outputs, ")?;
                }
                match (low.is_finite(), high.is_finite()) {
                    (true, true) => write!(f, "which are from {low} to {high}")?,
                    (true, false) => write!(f, "which are from {low} on")?,
                    (false, _) => write!(f, "which are up to {high}")?,
                }
                if share.is_finite() {
                    write!(f, ", by {:.0} % of all there is to learn", 100.0 * share)?;
                }
                write!(
                    f,
                    ": scale the data (`Normalization::MinMax`), or end the decoder in `Identity`"
                )
            }
            Self::ResumedWith { what, before, now } => {
                write!(
                    f,
                    "resumed with another setting of {what}: it was {before} before, and is {now} from here on"
                )
            }
            Self::UnfinishedWarmUp => write!(
                f,
                "the training ended while the weight of a regularizer or the learning rate was rising: its totals are not \
                 those of whole weights, which held-out samples are judged by; train for longer, or warm up faster"
            ),
            Self::UntrainedGates => write!(
                f,
                "nothing trains the gates of the encoder: give the model `GateSparsity`, or take a `SparseEncoder`"
            ),
            Self::UntrainedVariance => write!(
                f,
                "nothing trains the log-variances of the Gaussian encoder: give the model a regularizer such as \
                 `Variational`, or an encoder without them"
            ),
        }
    }
}
