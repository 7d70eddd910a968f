//! What the stages of a stack are trained on.

use std::marker::PhantomData;

use nalgebra::Dyn;

use crate::batch::size::Size;
use crate::batch::{Batch, BatchView};
use crate::error::Result;
use crate::model::inference::InMemory;
use crate::numbers::scalar::Float;
use crate::train::examples::{Examples, Samples, SamplesAlone, WithLabels};

/// Samples in memory, others to validate on, and how much each of the first counts.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a, T> {
    x: BatchView<'a, T>,
    held_out: Option<BatchView<'a, T>>,
    weights: Option<&'a [f64]>,
    /// Whether those held out came with what they must not have, which the first stage refuses.
    nested: bool,
}

/// The labels of samples, and of those that are held out.
#[derive(Debug)]
pub(super) struct LabelsOf {
    of_samples: Vec<i128>,
    held_out: Vec<i128>,
}

/// The codes of such samples.
#[derive(Debug)]
pub struct Codes<T> {
    x: Batch<T, Dyn>,
    held_out: Option<Batch<T, Dyn>>,
}

impl<'a, T: Float> Data<'a, T> {
    /// Refuses a stream: all levels but the first see codes, which are in memory.
    pub(super) fn of<I, G>(examples: Examples<'a, T, I, G>) -> Result<(Self, LabelsOf)> {
        let Examples { samples, weights, held_out, nested, .. } = examples;
        let given = InMemory::of(samples)?;
        let held_out = held_out.map(InMemory::of).transpose()?;
        let (held_out, labels) = held_out.map(|given| (given.x, given.labels)).unzip();
        let labels = LabelsOf {
            of_samples: given.labels.unwrap_or_default(),
            held_out: labels.flatten().unwrap_or_default(),
        };
        Ok((Self { x: given.x, held_out, weights, nested }, labels))
    }

    /// The samples, and those that are held out.
    pub(super) fn all(&self) -> (BatchView<'a, T>, Option<BatchView<'a, T>>) {
        (self.x, self.held_out)
    }

    /// What an autoencoder with inputs of this size is trained on.
    pub(super) fn examples<I: Size>(&self, size: I) -> Examples<'a, T, I, SamplesAlone> {
        let (samples, held_out) = (alone(self.x), self.held_out.map(alone));
        let Self { weights, nested, .. } = *self;
        Examples { samples, weights, held_out, nested, size, given: PhantomData }
    }

    /// What a classifier is trained on.
    pub(super) fn labelled<I: Size>(
        &self,
        labels: LabelsOf,
        size: I,
    ) -> Examples<'a, T, I, WithLabels> {
        let with = |x, labels| Samples::Memory { x, conditions: None, labels: Some(labels) };
        let held_out = self.held_out.map(|x| with(x, labels.held_out));
        let samples = with(self.x, labels.of_samples);
        let Self { weights, nested, .. } = *self;
        Examples { samples, weights, held_out, nested, size, given: PhantomData }
    }

    /// Their codes, which `encode` finds.
    pub(super) fn encoded<C: Size>(
        &self,
        encode: impl Fn(Data<'a, T>) -> Result<Batch<T, C>>,
    ) -> Result<Codes<T>> {
        let codes = |x| encode(Self { x, held_out: None, weights: None, nested: false });
        let x = codes(self.x)?.into_dynamic();
        let held_out = self.held_out.map(codes).transpose()?.map(Batch::into_dynamic);
        Ok(Codes { x, held_out })
    }

    /// These codes in place of the samples, each of which counts as much.
    pub(super) fn replaced<'c>(&self, codes: &'c Codes<T>) -> Data<'c, T>
    where
        'a: 'c,
    {
        let held_out = codes.held_out.as_ref().map(Batch::view);
        Data { x: codes.x.view(), held_out, ..*self }
    }
}

impl LabelsOf {
    /// Those of the samples, and of those that are held out.
    pub(super) fn all(&self) -> (&[i128], &[i128]) {
        (&self.of_samples, &self.held_out)
    }
}

fn alone<T: Float>(x: BatchView<'_, T>) -> Samples<'_, T> {
    Samples::Memory { x, conditions: None, labels: None }
}
