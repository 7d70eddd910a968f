//! The contract of a model: what holds for every model of this crate, checked on yours.
//!
//! Run it on a model with a plugin of your own; [`model`] is the whole of it, [`Contract`] also takes an
//! optimizer of your own. Each check has a name, and is passed, failed with what was found, or not
//! applicable with the reason. A plugin that panics fails the check it panics in.
//!
//! | check | holds |
//! |---|---|
//! | `same_seed_same_bits` | two fresh models that are trained alike are alike, report included |
//! | `seeds_matter` | another seed of the training gives other parameters |
//! | `same_streams_same_objective` | an objective at the same streams of randomness is the same, to the bit |
//! | `randomness_follows_the_sample` | in another order the same samples draw the same |
//! | `fit_reduces_the_objective` | training on samples makes their objective smaller |
//! | `subsets_do_not_matter` | a sample's code, reconstruction and score do not depend on its neighbours |
//! | `order_does_not_matter` | nor on its place |
//! | `shapes` | code units × samples, features × samples, a score a sample |
//! | `one_sample_trains`, `one_feature` | the smallest data |
//! | `duplicate_samples` | train, and are encoded alike |
//! | `constant_feature`, `zeros` | train |
//! | `huge_values` | no NaN in use; training ends well or with [`Error::Diverged`], in a finite model |
//! | `subnormal_values` | finite in use and in training |
//! | `nan_is_refused`, `infinity_is_refused` | naming row and column; nothing changes |
//! | `another_width_is_refused`, `no_samples_are_refused` | nothing changes |
//! | `clones_are_independent` | training a clone leaves the model as it was |
//! | `use_changes_nothing`, `use_is_deterministic` | encode, decode, reconstruct, score, loss, Jacobian |
//! | `calls_into_equal_allocating` | to the bit, with a used workspace |
//! | `one_agrees_with_many` | to rounding |
//! | `loss_is_mean_score` | the first term of the loss is the mean score, the total the sum of all terms |
//! | `scores_are_not_negative` | where the loss is not |
//! | `gradient`, `weighted_gradient` | of the objective, with weights of the samples, against finite differences |
//! | `sample_weights_equal_repetition` | a weight of 2 is the same sample twice |
//! | `threads_do_not_matter` | the same bits on two threads |
//! | `saved_and_loaded` | the same bits |
//! | `resumed_equals_uninterrupted` | the same bits |
//! | `stream_equals_memory` | the same bits |
//! | `validation_is_not_trained_on` | the same bits with and without samples held out |
//! | `panicking_observer` | leaves a finite model that can be used and trained on |
//! | `divergence_keeps_the_last_finite_parameters` | those of a training that ended one step before |
//! | `debug_prints`, `layout_covers_all`, `parameters_round_trip` | model and parameters from outside |
//!
//! The names stay; there may be more of them.
//!
//! # Example
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::contract::{self, Verdict};
//! use autoencoder::{AutoEncoder, Batch, CodeL1, Dense};
//!
//! let build = || {
//!     AutoEncoder::builder()
//!         .encoder(Dense::<3, 2>::new(Tanh))
//!         .decoder(Dense::<2, 3>::new(Identity))
//!         .regularizer(CodeL1::new(0.01).unwrap()) // in place of yours
//!         .build::<f64>()
//!         .unwrap()
//! };
//! let data = Batch::from_iter([[0.1, 0.5, 0.9], [0.4, 0.3, 0.2], [0.8, 0.6, 0.7], [0.2, 0.9, 0.4]]);
//! let outcome = contract::model(build, &data);
//! println!("{outcome}");
//! outcome.assert();
//! assert_eq!(outcome.verdict("gradient"), Some(&Verdict::Passed));
//! ```

mod checks;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::batch::Batch;
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::Error;
use crate::loss::Loss;
use crate::model::AutoEncoder;
use crate::optimizer::{Adam, Optimizer};
use crate::regularizer::Regularizer;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What it checks holds.
    Passed,
    /// It does not.
    Failed {
        /// What was found instead.
        found: String,
    },
    /// It says nothing about this model, or here.
    NotApplicable {
        /// The reason.
        why: String,
    },
}

impl Verdict {
    fn failed(found: impl Into<String>) -> Self {
        Self::Failed { found: found.into() }
    }

    fn not_applicable(why: impl Into<String>) -> Self {
        Self::NotApplicable { why: why.into() }
    }
}

/// A refusal where there should be none.
impl From<Error> for Verdict {
    fn from(error: Error) -> Self {
        Self::failed(format!("refused: {error}"))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed { found } => write!(f, "FAILED: {found}"),
            Self::NotApplicable { why } => write!(f, "not applicable: {why}"),
        }
    }
}

/// One check of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Its name in the table of [`contract`](self).
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
}

/// How all checks ended; prints as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The checks, in order.
    pub checks: Vec<Check>,
}

impl Outcome {
    /// Whether none has failed.
    pub fn passes(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that have failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| matches!(check.verdict, Verdict::Failed { .. }))
    }

    /// How the check of this name ended.
    pub fn verdict(&self, name: &str) -> Option<&Verdict> {
        self.checks.iter().find(|check| check.name == name).map(|check| &check.verdict)
    }

    /// For tests.
    ///
    /// # Panics
    /// Unless it [`passes`](Self::passes); with all that has failed.
    #[track_caller]
    pub fn assert(&self) {
        let failures: Vec<String> =
            self.failures().map(|check| format!("{}: {}", check.name, check.verdict)).collect();
        assert!(failures.is_empty(), "the contract is broken:\n{}", failures.join("\n"));
    }
}

/// A line a check: `same_seed_same_bits  passed`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for (index, check) in self.checks.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{:width$}  {}", check.name, check.verdict)?;
        }
        Ok(())
    }
}

/// Checks all that can be checked of a model made by `build`, anew for each check, on this data.
///
/// Small models and a few samples do: each check trains or computes on the first
/// 64 samples. There should be at least 4, all different.
pub fn model<E, D, R, L>(
    build: impl Fn() -> AutoEncoder<E, D, R, L>,
    data: &Batch<E::Scalar, E::Input>,
) -> Outcome
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    Contract::new(build, data).check()
}

/// Makes an optimizer, anew for each training.
type MakeOptimizer<'a, T> = Box<dyn Fn() -> Box<dyn Optimizer<T>> + 'a>;
/// Makes a model, anew for each check.
type MakeModel<'a, E, D, R, L> = Box<dyn Fn() -> AutoEncoder<E, D, R, L> + 'a>;
/// Clones a model.
type CloneModel<E, D, R, L> = fn(&AutoEncoder<E, D, R, L>) -> AutoEncoder<E, D, R, L>;

/// The contract with more than a model and its data.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::contract::Contract;
/// use autoencoder::{AutoEncoder, Batch, Dense, Sgd};
///
/// let build = || {
///     AutoEncoder::builder()
///         .encoder(Dense::<3, 2>::new(Tanh))
///         .decoder(Dense::<2, 3>::new(Identity))
///         .build::<f32>()
///         .unwrap()
/// };
/// let data = Batch::from_iter([[0.1, 0.5, 0.9], [0.4, 0.3, 0.2], [0.8, 0.6, 0.7], [0.2, 0.9, 0.4]]);
/// let optimizer = || Sgd::new(0.05).unwrap(); // in place of yours
/// Contract::new(build, &data).optimizer(optimizer).clones().check().assert();
/// ```
pub struct Contract<'a, E: Encoder, D, R, L> {
    build: MakeModel<'a, E, D, R, L>,
    data: Batch<E::Scalar, E::Input>,
    optimizer: MakeOptimizer<'a, E::Scalar>,
    clone: Option<CloneModel<E, D, R, L>>,
}

impl<E: Encoder, D, R, L> fmt::Debug for Contract<'_, E, D, R, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract")
            .field("samples", &self.data.samples())
            .field("clones", &self.clone.is_some())
            .finish_non_exhaustive()
    }
}

/// Samples that are used of the data.
const MOST_SAMPLES: usize = 64;

impl<'a, E, D, R, L> Contract<'a, E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    /// As [`model`], trained with [`Adam`] at a rate of 0.01.
    pub fn new(
        build: impl Fn() -> AutoEncoder<E, D, R, L> + 'a,
        data: &Batch<E::Scalar, E::Input>,
    ) -> Self {
        Self {
            build: Box::new(build),
            data: data.select(0..data.samples().min(MOST_SAMPLES)),
            optimizer: Box::new(|| Box::new(Adam::at_rate(0.01))),
            clone: None,
        }
    }

    /// Trains with an optimizer of the caller's, made anew for each training.
    pub fn optimizer<O: Optimizer<E::Scalar> + 'static>(self, make: impl Fn() -> O + 'a) -> Self {
        Self { optimizer: Box::new(move || Box::new(make())), ..self }
    }

    /// Checks clones of the model as well.
    pub fn clones(self) -> Self
    where
        AutoEncoder<E, D, R, L>: Clone,
    {
        Self { clone: Some(Clone::clone), ..self }
    }

    /// Runs all checks.
    pub fn check(&self) -> Outcome {
        let run = |&(name, check): &(&'static str, checks::Method<Self>)| {
            let verdict = match catch_unwind(AssertUnwindSafe(|| check(self))) {
                Ok(Ok(())) => Verdict::Passed,
                Ok(Err(verdict)) => verdict,
                Err(panic) => {
                    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                    Verdict::failed(format!("panicked: {}", text.unwrap_or_default()))
                }
            };
            Check { name, verdict }
        };
        Outcome { checks: Self::CHECKS.iter().map(run).collect() }
    }
}
