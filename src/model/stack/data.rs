//! What the stages of a stack are trained on.

use std::marker::PhantomData;

use nalgebra::Dyn;

use crate::batch::size::Size;
use crate::batch::{Batch, BatchView};
use crate::error::Result;
use crate::layer::Part;
use crate::layer::part::End;
use crate::model::AutoEncoder;
use crate::model::inference::InMemory;
use crate::numbers::scalar::Float;
use crate::train::examples::{Examples, HeldOut, Samples, SamplesAlone, WithLabels};

/// Samples in memory, others to validate on, and how much each of the first counts.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a, T> {
    x: BatchView<'a, T>,
    held_out: Option<BatchView<'a, T>>,
    weights: Option<&'a [f64]>,
    /// The sizes of a sample, and of one that is held out; of codes none.
    sizes: Option<[End; 2]>,
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
    pub(super) fn of<I: Size, G>(examples: Examples<'a, T, I, G>) -> Result<(Self, LabelsOf)> {
        let Examples { samples, weights, held_out, size, .. } = examples;
        let given = InMemory::of("Stack::fit", samples)?;
        let held_out = held_out.map(HeldOut::alone).transpose()?;
        let size = End::of(size);
        let sizes = Some([size, held_out.as_ref().map_or(size, |(_, size)| *size)]);
        let held_out =
            held_out.map(|(samples, _)| InMemory::of("validation", samples)).transpose()?;
        let (held_out, labels) = held_out.map(|given| (given.x, given.labels)).unzip();
        let labels = LabelsOf {
            of_samples: given.labels.unwrap_or_default(),
            held_out: labels.flatten().unwrap_or_default(),
        };
        Ok((Self { x: given.x, held_out, weights, sizes }, labels))
    }

    /// The samples, and those that are held out.
    pub(super) fn all(&self) -> (BatchView<'a, T>, Option<BatchView<'a, T>>) {
        (self.x, self.held_out)
    }

    /// What this autoencoder is trained on; refuses samples of another shape.
    pub(super) fn examples<E: Part, D, R, L>(
        &self,
        model: &AutoEncoder<E, D, R, L, T>,
    ) -> Result<Examples<'a, T, E::Input, SamplesAlone>> {
        let (size, network) = (model.encoder().input(), model.network());
        let [of_sample, of_held_out] = self.sizes.unwrap_or([network.inputs(); 2]);
        network.require_trained_on("fit", of_sample)?;
        network.inputs().or(of_sample).require("validation", of_held_out)?;
        let held_out = self.held_out.map(|x| HeldOut::new(alone(x), of_held_out));
        let (samples, weights) = (alone(self.x), self.weights);
        Ok(Examples { samples, weights, held_out, size, given: PhantomData })
    }

    /// What a classifier is trained on.
    pub(super) fn labelled<I: Size>(
        &self,
        labels: LabelsOf,
        size: I,
    ) -> Examples<'a, T, I, WithLabels> {
        let with = |x, labels| Samples::Memory { x, conditions: None, labels: Some(labels) };
        let held_out = self.held_out.map(|x| HeldOut::new(with(x, labels.held_out), End::of(size)));
        let samples = with(self.x, labels.of_samples);
        let weights = self.weights;
        Examples { samples, weights, held_out, size, given: PhantomData }
    }

    /// Their codes, which `encode` finds.
    pub(super) fn encoded<C: Size>(
        &self,
        encode: impl Fn(Data<'a, T>) -> Result<Batch<T, C>>,
    ) -> Result<Codes<T>> {
        let codes = |x| encode(Self { x, held_out: None, weights: None, sizes: None });
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
        Data { x: codes.x.view(), held_out, weights: self.weights, sizes: None }
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
