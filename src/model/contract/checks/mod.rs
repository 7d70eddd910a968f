//! The checks themselves, each a method that ends in a finding.
//!
//! | file | checks |
//! |---|---|
//! | `training` | what a training does and leaves behind |
//! | `ends` | what is left when a training is stopped, taken up or goes wrong |
//! | `usage` | codes, reconstructions, scores |
//! | `values` | unusual data, and what must be refused |
//! | `derivatives` | gradients of the objective |
//! | `encoder` | the encoder's tangents and its Jacobian |
//! | `parts` | model and parameters from outside, and files |

mod derivatives;
mod encoder;
mod ends;
mod parts;
mod training;
mod usage;
mod values;

use super::subject::{Data, Subject};
use super::{Contract, Verdict};
use crate::error::Result;
use crate::model::Scalar;
use crate::numbers::scalar::Float;
use crate::optimizer::Optimizer;
use crate::terms::Terms;
use crate::train::{Report, Trainer};

/// What a check finds: nothing against the model, or else a verdict.
pub(super) type Finding = std::result::Result<(), Verdict>;

/// What rounding may do to a sum that is taken in another order, relative to its size.
const ROUNDING: f64 = 1e-12;
const ROUNDING_F32: f64 = 1e-5;
/// Epochs of a training whose course does not matter.
const EPOCHS: usize = 3;

fn ensure(holds: bool, found: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(Verdict::failed(found())) }
}

/// Their bits, of either number type.
fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.to_double().to_bits()).collect()
}

fn same<T: Float>(what: &str, found: &[T], expected: &[T]) -> Finding {
    let (bits_found, bits_expected) = (bits(found), bits(expected));
    if bits_found == bits_expected {
        return Ok(());
    }
    if found.len() != expected.len() {
        let lens = (found.len(), expected.len());
        return Err(Verdict::failed(format!("{what}: {} values, not {}", lens.0, lens.1)));
    }
    let at = bits_found.iter().zip(&bits_expected).position(|(a, b)| a != b).unwrap_or(0);
    let (found, expected) = (found[at].to_double(), expected[at].to_double());
    Err(Verdict::failed(format!("{what}: value {at} is {found:e}, not {expected:e}")))
}

fn finite<T: Float>(what: &str, values: &[T]) -> Finding {
    let at = values.iter().position(|value| !value.is_finite());
    at.map_or(Ok(()), |at| {
        Err(Verdict::failed(format!("{what}: value {at} is {}", values[at].to_double())))
    })
}

fn is_double<T>() -> bool {
    size_of::<T>() == size_of::<f64>()
}

/// Equal to rounding, by their norm.
fn near<T: Float>(what: &str, found: &[f64], expected: &[f64]) -> Finding {
    let tolerance = if is_double::<T>() { ROUNDING } else { ROUNDING_F32 };
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied()).max(1.0);
    let apart = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    // Written so that NaN fails.
    let is_near = found.len() == expected.len() && apart <= tolerance * size;
    ensure(is_near, || format!("{what}: {apart:e} apart, where the size is {size:e}"))
}

fn doubles<T: Float>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.to_double()).collect()
}

fn values(terms: &Terms) -> Vec<f64> {
    terms.iter().map(|(_, value)| value).collect()
}

/// All of a report but the times.
fn timeless(mut report: Report) -> Report {
    for epoch in &mut report.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    report
}

type AnyTrainer<'t, T> = Trainer<'t, Box<dyn Optimizer<T>>>;

/// A model and its data, under a check.
pub(super) struct Checked<'c, T: Scalar> {
    contract: &'c Contract<'c, T>,
    data: &'c Data<T>,
}

/// A check of a contract.
pub(super) type Method<C> = fn(&C) -> Finding;

impl<'c, T: Scalar> Checked<'c, T> {
    /// All checks by their names.
    pub(super) const ALL: [(&'static str, Method<Self>); 43] = [
        ("same_seed_same_bits", Self::same_seed_same_bits),
        ("seeds_matter", Self::seeds_matter),
        ("same_streams_same_objective", Self::same_streams_same_objective),
        ("randomness_follows_the_sample", Self::randomness_follows_the_sample),
        ("fit_reduces_the_objective", Self::fit_reduces_the_objective),
        ("subsets_do_not_matter", Self::subsets_do_not_matter),
        ("order_does_not_matter", Self::order_does_not_matter),
        ("shapes", Self::shapes),
        ("one_sample_trains", Self::one_sample_trains),
        ("one_feature", Self::one_feature),
        ("duplicate_samples", Self::duplicate_samples),
        ("constant_feature", Self::constant_feature),
        ("zeros", Self::zeros),
        ("huge_values", Self::huge_values),
        ("subnormal_values", Self::subnormal_values),
        ("nan_is_refused", Self::nan_is_refused),
        ("infinity_is_refused", Self::infinity_is_refused),
        ("another_width_is_refused", Self::another_width_is_refused),
        ("no_samples_are_refused", Self::no_samples_are_refused),
        ("clones_are_independent", Self::clones_are_independent),
        ("use_changes_nothing", Self::use_changes_nothing),
        ("use_is_deterministic", Self::use_is_deterministic),
        ("calls_into_equal_allocating", Self::calls_into_equal_allocating),
        ("one_agrees_with_many", Self::one_agrees_with_many),
        ("loss_is_mean_score", Self::loss_is_mean_score),
        ("scores_are_not_negative", Self::scores_are_not_negative),
        ("gradient", Self::gradient),
        ("weighted_gradient", Self::weighted_gradient),
        ("tangent", Self::tangent),
        ("tangent_backward", Self::tangent_backward),
        ("squared_jacobian", Self::squared_jacobian),
        ("sample_weights_equal_repetition", Self::sample_weights_equal_repetition),
        ("threads_do_not_matter", Self::threads_do_not_matter),
        ("shards_do_not_matter", Self::shards_do_not_matter),
        ("saved_and_loaded", Self::saved_and_loaded),
        ("resumed_equals_uninterrupted", Self::resumed_equals_uninterrupted),
        ("stream_equals_memory", Self::stream_equals_memory),
        ("validation_is_not_trained_on", Self::validation_is_not_trained_on),
        ("panicking_observer", Self::panicking_observer),
        (
            "divergence_keeps_the_last_finite_parameters",
            Self::divergence_keeps_the_last_finite_parameters,
        ),
        ("debug_prints", Self::debug_prints),
        ("layout_covers_all", Self::layout_covers_all),
        ("parameters_round_trip", Self::parameters_round_trip),
    ];

    pub(super) fn new(contract: &'c Contract<'c, T>, data: &'c Data<T>) -> Self {
        Self { contract, data }
    }

    fn build(&self) -> Subject<T> {
        (self.contract.build)()
    }

    /// A trainer of small batches.
    fn trainer<'t>(&self, samples: usize) -> AnyTrainer<'t, T> {
        let batch_size = samples.div_ceil(3).max(1);
        Trainer::new((self.contract.optimizer)()).epochs(EPOCHS).batch_size(batch_size).seed(1)
    }

    /// A fresh model, trained on these samples.
    fn fit<'t>(
        &self,
        data: &Data<T>,
        set: impl FnOnce(AnyTrainer<'t, T>) -> AnyTrainer<'t, T>,
    ) -> Result<(Subject<T>, Report)> {
        let mut model = self.build();
        let report = set(self.trainer(data.samples())).fit(&mut model, data.examples())?;
        Ok((model, report))
    }

    fn same_model(&self, what: &str, found: &Subject<T>, expected: &Subject<T>) -> Finding {
        same(&format!("{what}, parameters"), found.parameters(), expected.parameters())?;
        let (found, expected) = (&found.network().state, &expected.network().state);
        same(&format!("{what}, the regularizer's state"), found, expected)
    }

    /// A model that training has ended in: finite, of use, and it can be trained on.
    fn usable(&self, what: &str, model: &mut Subject<T>) -> Finding {
        finite(&format!("{what}, parameters"), model.parameters())?;
        finite(&format!("{what}, the regularizer's state"), &model.network().state)?;
        finite(&format!("{what}, codes"), model.encode(self.data.examples())?.as_slice())?;
        self.trainer(self.data.samples()).fit(model, self.data.examples())?;
        finite(&format!("{what}, parameters after more training"), model.parameters())
    }

    fn at_least(&self, samples: usize) -> Finding {
        if self.data.samples() >= samples {
            return Ok(());
        }
        Err(Verdict::not_applicable(format!("needs {samples} samples")))
    }
}
