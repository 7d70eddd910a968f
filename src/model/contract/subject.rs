//! What is checked, without its types: the model, and its data.

use std::marker::PhantomData;

use nalgebra::Dyn;

use crate::batch::size::{Refused, SameSize, Shape, Size};
use crate::batch::{Batch, BatchView};
use crate::error::{Result, require_size};
use crate::layer::field::Lies;
use crate::layer::range::AnyRange;
use crate::layer::{AnyPosterior, Module, Part};
use crate::loss::{LossFor, Target, WithInput};
use crate::model::AutoEncoder;
use crate::model::inference::InMemory;
use crate::numbers::scalar::Float;
use crate::train::examples::{Examples, Samples};

/// A model of which only the number type is known, so that checks are compiled once and not for each model.
pub(super) type Subject<T> = AutoEncoder<Untyped, Untyped, (), Untyped, T>;

/// What stands for the types of a part: its sizes, as numbers. What the network inside takes beside a sample, and
/// compares outputs with, it says itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Untyped {
    inputs: usize,
    outputs: usize,
}

impl Module for Untyped {
    fn num_inputs(&self) -> usize {
        self.inputs
    }
    fn num_outputs(&self) -> usize {
        self.outputs
    }
}

impl Part for Untyped {
    type Input = Dyn;
    type Output = Dyn;
    type Range = AnyRange;
    type Posterior = AnyPosterior;
    type Condition = Refused;
    fn input(&self) -> Dyn {
        Dyn(self.inputs)
    }
    fn output(&self) -> Dyn {
        Dyn(self.outputs)
    }
}

impl LossFor<Self> for Untyped {
    type Target = WithInput;
}

/// The same model without its types.
pub(super) fn untyped<E, D, R, L, T: Float>(model: AutoEncoder<E, D, R, L, T>) -> Subject<T> {
    let network = model.network;
    let (inputs, units, outputs) =
        (network.facts.features, network.facts.units, network.decoder.num_outputs());
    AutoEncoder {
        encoder: Untyped { inputs, outputs: units },
        decoder: Untyped { inputs: units, outputs },
        regularizer: (),
        loss: Untyped { inputs: outputs, outputs },
        network,
    }
}

/// What its outputs are compared with.
pub(super) fn target<T: Float>(model: &Subject<T>) -> Target {
    model.network().loss.target()
}

/// The size of the samples as they were given: how many values, and how these lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AsGiven {
    values: usize,
    lies: Option<Lies>,
}

impl AsGiven {
    pub(super) fn plain(values: usize) -> Self {
        Self { values, lies: None }
    }
}

impl Size for AsGiven {
    fn value(&self) -> usize {
        self.values
    }
    fn shape(&self) -> Shape {
        self.lies.unwrap_or(Lies::plain(self.values)).shape
    }
    fn is_interleaved(&self) -> bool {
        self.lies.is_some_and(|lies| lies.is_interleaved)
    }
    fn is_plain(&self) -> bool {
        self.lies.is_none()
    }
}

impl SameSize<Dyn> for AsGiven {
    type Next<X: Size> = X;
}

/// Samples that are used, each with what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Data<T> {
    pub(super) size: AsGiven,
    pub(super) x: Batch<T, Dyn>,
    /// Conditions, or the targets of a model that has such.
    pub(super) conditions: Option<Batch<T, Dyn>>,
    pub(super) are_targets: bool,
    pub(super) labels: Option<Vec<i128>>,
}

/// Samples that are used of the data.
const MOST_SAMPLES: usize = 64;

impl<T: Float> Data<T> {
    /// A copy of the first of these samples, for a model that compares with this.
    pub(super) fn of<I: Size, G>(examples: Examples<'_, T, I, G>, target: Target) -> Result<Self> {
        let call = "contract";
        let size = AsGiven { values: examples.size.value(), lies: Lies::of(examples.size) };
        let InMemory { x, conditions, mut labels } = InMemory::of(call, examples.samples)?;
        if let Some(conditions) = conditions {
            require_size(call, "conditions", x.samples(), conditions.samples())?;
        }
        if let Some(labels) = &mut labels {
            require_size(call, "labels", x.samples(), labels.len())?;
            labels.truncate(MOST_SAMPLES);
        }
        let first = |all: BatchView<'_, T>| {
            let values = all.features() * all.samples().min(MOST_SAMPLES);
            Batch::new(Dyn(all.features()), all.as_slice()[..values].to_vec())
        };
        let (x, conditions) = (first(x)?, conditions.map(first).transpose()?);
        Ok(Self { size, x, conditions, are_targets: target == Target::Given, labels })
    }

    pub(super) fn samples(&self) -> usize {
        self.x.samples()
    }

    pub(super) fn features(&self) -> usize {
        self.x.features()
    }

    /// The samples with these indices, in this order.
    pub(super) fn select(&self, indices: impl IntoIterator<Item = usize>) -> Self {
        let indices = Vec::from_iter(indices);
        let chosen = |all: &Batch<T, Dyn>| all.select(indices.iter().copied());
        let labels =
            self.labels.as_ref().map(|labels| indices.iter().map(|&index| labels[index]).collect());
        let conditions = self.conditions.as_ref().map(chosen);
        Self { x: chosen(&self.x), conditions, labels, ..*self }
    }

    /// As calls take them.
    pub(super) fn examples(&self) -> Examples<'_, T, AsGiven, Refused> {
        given(self.in_memory().into(), self.size)
    }

    /// The conditions, if these are any.
    fn conditions(&self) -> Option<&Batch<T, Dyn>> {
        self.conditions.as_ref().filter(|_| !self.are_targets)
    }

    /// The same, each counting so much.
    pub(super) fn weighted<'a>(&'a self, weights: &'a [f64]) -> Examples<'a, T, AsGiven, Refused> {
        Examples { weights: Some(weights), ..self.examples() }
    }

    /// Codes in place of the samples, with what belongs to each.
    pub(super) fn beside<'a>(&'a self, codes: &'a Batch<T, Dyn>) -> Examples<'a, T, Dyn, Refused> {
        let (x, conditions) = (codes.view(), self.conditions().map(Batch::view));
        given(Samples::Memory { x, conditions, labels: self.labels.clone() }, codes.size())
    }

    /// The condition of a sample; nothing if there is none.
    pub(super) fn condition(&self, sample: usize) -> &[T] {
        self.conditions().map_or(&[], |conditions| conditions.sample(sample))
    }

    /// As a model inside takes them.
    pub(super) fn in_memory(&self) -> InMemory<'_, T> {
        let (conditions, labels) = (self.conditions.as_ref().map(Batch::view), self.labels.clone());
        InMemory { x: self.x.view(), conditions, labels }
    }
}

/// Examples of which it is known that they are what the model takes.
pub(super) fn given<T: Float, I: Size>(
    samples: Samples<'_, T>,
    size: I,
) -> Examples<'_, T, I, Refused> {
    let (weights, held_out, given) = (None, None, PhantomData);
    Examples { samples, weights, held_out, size, given }
}
