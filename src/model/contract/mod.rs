//! The contract of a model: what holds for every model of this crate, checked on yours.
//!
//! Run it on a model with a plugin of your own: an autoencoder, a conditional model or a classifier. [`model`] is the
//! whole of it, [`Contract`] also takes an optimizer of your own. Each check has a name, and is passed, failed with
//! what was found, or not applicable with the reason. A plugin that panics fails the check it panics in.
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
//! | `tangent` | of the encoder: every element of its Jacobian, against finite differences |
//! | `tangent_backward` | of the encoder: gradients at parameters, inputs and directions, against finite differences |
//! | `squared_jacobian` | of the encoder: the value and its gradient, against finite differences |
//! | `sample_weights_equal_repetition` | a weight of 2 is the same sample twice |
//! | `threads_do_not_matter` | the same bits on two threads |
//! | `shards_do_not_matter` | a batch in [shards](crate::Trainer::shards) has the same objective, but for rounding |
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
mod subject;
#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::{AutoEncoder, Scalar};
use crate::batch::size::SameSize;
use crate::error::{Error, Result};
use crate::layer::Part;
use crate::optimizer::{Adam, Optimizer};
use crate::train::Trainable;
use crate::train::examples::{IntoExamples, Suits};
use checks::{Checked, Finding};
use subject::{Data, Subject, untyped};

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

    /// What was found, or the reason.
    fn found(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Failed { found } => found,
            Self::NotApplicable { why } => why,
        }
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

/// Checks all that can be checked of a model made by `build`, anew for each check, on these examples: `&x`, for a
/// conditional model `(&x, &conditions)`, for a classifier `(&x, &labels)`, for a transcoder `(&x, &targets)`. Weights of them, and samples held out, play
/// no part: there are checks of both.
///
/// Small models and a few samples do: each check trains or computes on the first
/// 64 samples. There should be at least 4, all different.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Batch, Contractive, Dense, activation::Tanh, contract};
///
/// let build = || {
///     AutoEncoder::builder()
///         .encoder(Dense::<3, 2>::new(Tanh))
///         .classes::<2>()
///         .regularizer(Contractive::new(0.1).unwrap()) // in place of yours
///         .build::<f64>()
///         .unwrap()
/// };
/// let x = Batch::from_iter([[0.1, 0.5, 0.9], [0.4, 0.3, 0.2], [0.8, 0.6, 0.7], [0.2, 0.9, 0.4]]);
/// contract::model(build, (&x, &[0, 1, 1, 0])).assert();
/// ```
pub fn model<'e, E, D, R, L, T, X>(
    build: impl Fn() -> AutoEncoder<E, D, R, L, T>,
    examples: X,
) -> Outcome
where
    E: Part,
    D: Part,
    R: fmt::Debug,
    L: fmt::Debug,
    T: Scalar,
    AutoEncoder<E, D, R, L, T>: Trainable,
    X: IntoExamples<'e, T>,
    X::Input: SameSize<E::Input>,
    X::Given: Suits<<AutoEncoder<E, D, R, L, T> as Trainable>::Wanted>,
{
    Contract::new(build, examples).check()
}

/// Makes an optimizer, anew for each training.
type MakeOptimizer<'a, T> = Box<dyn Fn() -> Box<dyn Optimizer<T>> + 'a>;
/// Makes a model, anew for each check.
type MakeModel<'a, T> = Box<dyn Fn() -> Subject<T> + 'a>;
/// How parts print.
type Prints = Vec<(&'static str, String)>;

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
/// Contract::new(build, &data).optimizer(optimizer).check().assert();
/// ```
pub struct Contract<'a, T: Scalar> {
    build: MakeModel<'a, T>,
    prints: Box<dyn Fn() -> Prints + 'a>,
    /// What the checks use of the data, or why they cannot.
    data: Result<Data<T>>,
    optimizer: MakeOptimizer<'a, T>,
}

impl<T: Scalar> fmt::Debug for Contract<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let samples = self.data.as_ref().map_or(0, Data::samples);
        f.debug_struct("Contract").field("samples", &samples).finish_non_exhaustive()
    }
}

impl<'a, T: Scalar> Contract<'a, T> {
    /// As [`model`], trained with [`Adam`] at a rate of 0.01.
    pub fn new<'e, E, D, R, L, X>(
        build: impl Fn() -> AutoEncoder<E, D, R, L, T> + 'a,
        examples: X,
    ) -> Self
    where
        E: Part,
        D: Part,
        R: fmt::Debug,
        L: fmt::Debug,
        AutoEncoder<E, D, R, L, T>: Trainable,
        X: IntoExamples<'e, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<AutoEncoder<E, D, R, L, T> as Trainable>::Wanted>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let build = Rc::new(build);
        let printed = build.clone();
        let target = build().network().loss.target();
        let prints = move || {
            let model = printed();
            vec![
                ("model", format!("{model:?}")),
                ("encoder", format!("{:?}", model.encoder())),
                ("decoder", format!("{:?}", model.decoder())),
                ("regularizer", format!("{:?}", model.regularizer())),
                ("loss", format!("{:?}", model.loss_function())),
            ]
        };
        Self {
            build: Box::new(move || untyped(build())),
            prints: Box::new(prints),
            data: Data::of(examples.into_examples(), target),
            optimizer: Box::new(|| Box::new(Adam::at_rate(0.01))),
        }
    }

    /// Trains with an optimizer of the caller's, made anew for each training.
    pub fn optimizer<O: Optimizer<T> + 'static>(self, make: impl Fn() -> O + 'a) -> Self {
        Self { optimizer: Box::new(move || Box::new(make())), ..self }
    }

    /// Runs all checks.
    pub fn check(&self) -> Outcome {
        let verdict = |check: &dyn Fn() -> Finding| match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(())) => Verdict::Passed,
            Ok(Err(verdict)) => verdict,
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                Verdict::failed(format!("panicked: {}", text.unwrap_or_default()))
            }
        };
        let checks = Checked::ALL.into_iter().map(|(name, check)| {
            let verdict = match &self.data {
                Ok(data) => verdict(&|| check(&Checked::new(self, data))),
                Err(error) => error.clone().into(),
            };
            Check { name, verdict }
        });
        Outcome { checks: checks.collect() }
    }
}
