use std::fmt;

use super::{Checkup, CodeRange, UnitState};
use crate::code::posterior::COLLAPSED;
use crate::layer::layout::Role;

/// A code that varies in less than this share of its directions is called narrow.
const NARROW: f64 = 0.1;
/// The least number of directions a code could have for that.
const FEW_DIRECTIONS: usize = 8;
/// A reconstruction that explains less of the variance is poor.
const POOR: f64 = 0.5;
/// A first layer whose gradient is so much smaller than the last one's learns next to nothing.
const VANISHING: f64 = 1e-4;

/// Something worth a look, with what to try; prints as one or two sentences.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Advice {
    /// Units that say nothing, whatever the sample.
    DeadUnits {
        /// Which.
        units: Vec<usize>,
        /// Of how many.
        count: usize,
        /// Where the code lies.
        range: CodeRange,
    },
    /// More than a tenth of the units of a sparse dictionary never fire. (A few are usual: 7 % of 16 million, all means against them
    /// taken, in Gao et al. 2024; the tenth is this crate's.)
    SilentUnits {
        /// Which.
        units: Vec<usize>,
        /// Of how many.
        count: usize,
        /// On how many samples.
        samples: u64,
        /// On how many of these a unit fires that fires at all, in the mean, if that is less than ten (this crate's mark): then
        /// chance makes units seem dead.
        mean_firings: Option<f64>,
    },
    /// Units of a sparse dictionary that are active on more than half of the samples, this crate's mark.
    DenseUnits {
        /// Which.
        units: Vec<usize>,
        /// Of how many.
        count: usize,
    },
    /// Reconstructions by a sparse dictionary are more than a tenth too short or too long; the tenth is this crate's.
    BiasedReconstruction {
        /// The [relative reconstruction bias](crate::metrics::dictionary::Fidelity::relative_reconstruction_bias).
        bias: f64,
        /// Whether a penalty takes off all activations alike.
        is_penalised: bool,
    },
    /// At least a hundredth of a dictionary's atoms are nearly the same as another, with a cosine of at least 0.95 (both are this
    /// crate's marks). Of more than 4,096 atoms it is estimated from so many.
    TwinAtoms {
        /// How many.
        atoms: usize,
        /// Of how many.
        count: usize,
        /// Two that are nearest, and their cosine.
        nearest: (usize, usize, f64),
    },
    /// Units that sit at the ends of their range.
    SaturatedUnits {
        /// Which.
        units: Vec<usize>,
        /// Of how many.
        count: usize,
        /// Where the code lies.
        range: CodeRange,
    },
    /// Units of a Gaussian code that equal the prior, whatever the sample: less than 0.01 nats.
    CollapsedUnits {
        /// Which.
        units: Vec<usize>,
        /// Of how many.
        count: usize,
    },
    /// The code varies in less than a tenth of the directions it could vary in.
    NarrowCode {
        /// In how many it does.
        effective_dimension: f64,
        /// In how many it could.
        directions: usize,
    },
    /// The reconstructions have less than half of the samples' variance.
    PoorReconstruction {
        /// The share they have; negative if they are worse than the mean of all samples.
        explained_variance: f64,
    },
    /// A trained weight tensor gets no gradient at all.
    NoGradient {
        /// The tensor's name.
        tensor: String,
    },
    /// The gradient of the encoder's first weights is less than a ten-thousandth of that of the decoder's
    /// last, entry by entry (root mean square).
    VanishingGradient {
        /// The first weights.
        first: String,
        /// The last weights.
        last: String,
        /// The one over the other.
        ratio: f64,
    },
    /// A quantity is beyond the model's number type.
    Overflow {
        /// What it is.
        quantity: String,
    },
}

impl Checkup {
    /// What is worth a look; nothing if all is well. What is beyond all numbers comes first, then what units are, then what the
    /// model makes of samples, then gradients.
    pub fn advice(&self) -> Vec<Advice> {
        let mut advice = Vec::new();
        let count = self.units.len();
        if self.jacobian.is_none() {
            advice.push(Advice::Overflow { quantity: "the Jacobian".into() });
        }
        let broken = self.gradients.iter().filter(|gradient| !gradient.norm.is_finite());
        advice.extend(broken.map(|gradient| Advice::Overflow {
            quantity: format!("the gradient of {}", gradient.name),
        }));
        let units = self.units_that_are(UnitState::Dead);
        if let Some(dictionary) = &self.dictionary {
            advice.extend(dictionary.advice());
        } else if !units.is_empty() {
            advice.push(Advice::DeadUnits { units, count, range: self.range });
        }
        let units = self.collapsed_units();
        if !units.is_empty() {
            advice.push(Advice::CollapsedUnits { units, count });
        }
        let units = self.units_that_are(UnitState::Saturated);
        if !units.is_empty() {
            advice.push(Advice::SaturatedUnits { units, count, range: self.range });
        }
        if let Some(explained_variance) = self.explained_variance.filter(|&share| share < POOR) {
            advice.push(Advice::PoorReconstruction { explained_variance });
        }
        advice.extend(self.gradient_advice());
        let directions = count.min(self.inputs).min(self.samples.saturating_sub(1));
        let effective_dimension = self.effective_dimension;
        if directions >= FEW_DIRECTIONS && effective_dimension < NARROW * directions as f64 {
            advice.push(Advice::NarrowCode { effective_dimension, directions });
        }
        advice
    }

    /// The units of a Gaussian code that tell less than 0.01 nats, by their numbers.
    pub fn collapsed_units(&self) -> Vec<usize> {
        let kl = self.kl.iter().flatten().enumerate();
        kl.filter(|&(_, &kl)| kl < COLLAPSED).map(|(unit, _)| unit).collect()
    }

    fn gradient_advice(&self) -> Vec<Advice> {
        let trained = self.gradients.iter().filter(|g| g.role == Role::Weight && !g.is_frozen);
        let weights: Vec<_> = trained.filter(|gradient| gradient.count > 0).collect();
        let silent = weights.iter().filter(|gradient| gradient.norm == 0.0);
        let advice: Vec<_> =
            silent.map(|gradient| Advice::NoGradient { tensor: gradient.name.clone() }).collect();
        let (true, [first, .., last]) = (advice.is_empty(), &weights[..]) else { return advice };
        let ratio = first.root_mean_square() / last.root_mean_square();
        if ratio < VANISHING {
            let (first, last) = (first.name.clone(), last.name.clone());
            return vec![Advice::VanishingGradient { first, last, ratio }];
        }
        advice
    }
}

impl Advice {
    /// What it is about, in two or three words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::DeadUnits { .. } | Self::SilentUnits { .. } => "Dead units",
            Self::DenseUnits { .. } => "Dense units",
            Self::BiasedReconstruction { bias, .. } if *bias < 1.0 => "Shrunk reconstructions",
            Self::BiasedReconstruction { .. } => "Long reconstructions",
            Self::TwinAtoms { .. } => "Atoms nearly the same",
            Self::SaturatedUnits { .. } => "Saturated units",
            Self::CollapsedUnits { .. } => "Collapsed units",
            Self::NarrowCode { .. } => "Narrow code",
            Self::PoorReconstruction { .. } => "Poor reconstruction",
            Self::NoGradient { .. } => "No gradient",
            Self::VanishingGradient { .. } => "Vanishing gradient",
            Self::Overflow { .. } => "Overflow",
        }
    }
}

/// `17 of 100 units`
fn some_of(f: &mut fmt::Formatter<'_>, units: &[usize], count: usize) -> fmt::Result {
    write!(f, "{} of {count} {}", units.len(), if count == 1 { "unit" } else { "units" })
}

/// ` (3, 8, 12, …)`
fn which(f: &mut fmt::Formatter<'_>, units: &[usize]) -> fmt::Result {
    const SHOWN: usize = 6;
    let shown: Vec<_> = units.iter().take(SHOWN).map(usize::to_string).collect();
    let more = if units.len() > SHOWN { ", …" } else { "" };
    write!(f, " ({}{more})", shown.join(", "))
}

/// `17 of 100 units never exceed 0.05 (3, 8, …): they say nothing. …`
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |units: &[usize], one, more| if units.len() == 1 { one } else { more };
        match self {
            Self::DeadUnits { units, count, range } => {
                some_of(f, units, *count)?;
                f.write_str(match range {
                    CodeRange::ZeroToOne => plural(units, " never exceeds 0.05", " never exceed 0.05"),
                    CodeRange::MinusOneToOne => plural(
                        units,
                        " never leaves ±0.05, or stays below −0.9,",
                        " never leave ±0.05, or stay below −0.9,",
                    ),
                    CodeRange::FromZero => {
                        plural(units, " never rises above 0", " never rise above 0")
                    }
                    CodeRange::Unbounded => plural(units, " never varies", " never vary"),
                })?;
                which(f, units)?;
                f.write_str(": whatever the sample, nothing is said there. Try ")?;
                f.write_str(match range {
                    CodeRange::ZeroToOne | CodeRange::MinusOneToOne => {
                        "a weaker or less strict sparsity, fewer units, or a smaller learning rate."
                    }
                    CodeRange::FromZero => {
                        "a smaller learning rate, `He` initialisation, `LeakyRelu`, or fewer units."
                    }
                    CodeRange::Unbounded => "fewer units, a weaker regularizer, or a look at the data.",
                })
            }
            Self::SilentUnits { units, count, samples, mean_firings } => {
                some_of(f, units, *count)?;
                write!(f, "{} on {samples} samples", plural(units, " never fires", " never fire"))?;
                which(f, units)?;
                if let Some(mean) = mean_firings {
                    write!(
                        f,
                        ". A unit fires on {mean:.1} of these in the mean, so some may only seem dead: look at more samples \
                         first"
                    )?;
                }
                f.write_str(
                    ". Try `AuxK`, or `Resampling` of an autoencoder, first weights as long as the atoms (`first_norm`), a \
                     smaller learning rate, or fewer units.",
                )
            }
            Self::DenseUnits { units, count } => {
                some_of(f, units, *count)?;
                f.write_str(plural(units, " is", " are"))?;
                f.write_str(" active on more than half of the samples")?;
                which(f, units)?;
                f.write_str(
                    ": that tells little of a sample. Try fewer active units (a smaller k, or a stronger penalty), and a pre-bias \
                     at the samples' geometric median, so that no unit has to stand for their mean.",
                )
            }
            Self::BiasedReconstruction { bias, is_penalised: true } if *bias < 1.0 => write!(
                f,
                "Reconstructions have {:.0} % of the length that is best in their direction (relative reconstruction bias \
                 {bias:.2}): an L1 penalty takes off all activations alike. Try `TopK`, `BatchTopK`, `JumpRelu` or `GatedEncoder`, \
                 or a weaker penalty.",
                100.0 * bias
            ),
            Self::BiasedReconstruction { bias, .. } => write!(
                f,
                "Reconstructions have {:.0} % of the length that is best in their direction (relative reconstruction bias \
                 {bias:.2}). Try more epochs, or another learning rate.",
                100.0 * bias
            ),
            Self::TwinAtoms { atoms, count, nearest: (one, other, cosine) } => write!(
                f,
                "{atoms} of {count} atoms are nearly the same as another (those of {one} and {other} have a cosine of \
                 {cosine:.2}), so their units share a feature. Try fewer units, `Matryoshka`, or a smaller learning rate."
            ),
            Self::SaturatedUnits { units, count, range } => {
                some_of(f, units, *count)?;
                f.write_str(plural(units, " sits", " sit"))?;
                f.write_str(match range {
                    CodeRange::MinusOneToOne => " beyond ±0.9 on at least 95 % of the samples",
                    _ => " below 0.05 or above 0.95 on at least 95 % of the samples",
                })?;
                which(f, units)?;
                f.write_str(
                    ": the slope there is small, and learning slow. Try normalized inputs, smaller \
                     first weights, weight decay, or a smaller learning rate.",
                )
            }
            Self::CollapsedUnits { units, count } => {
                some_of(f, units, *count)?;
                f.write_str(plural(units, " tells", " tell"))?;
                write!(f, " less than {COLLAPSED} nats about a sample")?;
                which(f, units)?;
                f.write_str(
                    ": the posterior has collapsed to the prior there. Try a smaller β, or fewer units \
                     if the reconstruction is good enough.",
                )
            }
            Self::NarrowCode { effective_dimension, directions } => write!(
                f,
                "The code varies in about {effective_dimension:.1} of {directions} possible directions. \
                 A smaller code may do as well; or try normalized inputs, if a few large features \
                 outweigh the others."
            ),
            Self::PoorReconstruction { explained_variance } if *explained_variance <= 0.0 => f
                .write_str(
                    "The reconstructions are no better than the mean of all samples. Try more epochs, \
                     another learning rate, a weaker regularizer, or normalized inputs that the \
                     decoder's range can reach.",
                ),
            Self::PoorReconstruction { explained_variance } => write!(
                f,
                "The reconstructions have {:.0} % of the samples' variance. Try more epochs, a larger \
                 code, or a weaker regularizer.",
                100.0 * explained_variance
            ),
            Self::NoGradient { tensor } => write!(
                f,
                "No gradient reaches {tensor}: it is not learning. Dead or saturated units after it may \
                 hold the gradient back."
            ),
            Self::VanishingGradient { first, last, ratio } => write!(
                f,
                "The gradient of {first} is {ratio:.0e} of that of {last}: the first layer learns next to \
                 nothing. Try another activation, another initialisation, or training layer by layer \
                 (`Stack`)."
            ),
            Self::Overflow { quantity } => write!(
                f,
                "A number in {quantity} is beyond the model's number type. Try normalized inputs, weight \
                 decay, or `clip_norm`."
            ),
        }
    }
}
