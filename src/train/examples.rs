//! What a model is trained on: samples, alone or with what belongs to each.

use std::marker::PhantomData;

use nalgebra::Const;

use crate::batch::size::{Refused, SameSize, Size};
use crate::batch::{Batch, BatchView};
use crate::data::{Normalizer, Source};
use crate::error::{Forgotten, Result, Unwrapped, require_fit};
use crate::layer::part::End;
use crate::metrics::Label;
use crate::numbers::scalar::Float;

/// Samples, each with what belongs to it, as columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    /// The samples.
    pub(crate) x: BatchView<'a, T>,
    /// The condition of each, where there are conditions.
    pub(crate) conditions: Option<BatchView<'a, T>>,
    /// What the outputs are compared with, where that is not the sample itself.
    pub(crate) targets: Option<BatchView<'a, T>>,
}

impl<'a, T: Float> Rows<'a, T> {
    /// Samples alone.
    pub(crate) fn alone(x: BatchView<'a, T>) -> Self {
        Self { x, conditions: None, targets: None }
    }

    /// The rows before `at`, and those from there on.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let (x, rest) = self.x.split_at(at);
        let (conditions, other) = self.conditions.map(|view| view.split_at(at)).unzip();
        let (targets, others) = self.targets.map(|view| view.split_at(at)).unzip();
        (Self { x, conditions, targets }, Self { x: rest, conditions: other, targets: others })
    }
}

/// Where samples come from.
pub(crate) enum Samples<'a, T: Float> {
    /// All in memory; conditions are the targets of a model that has such.
    Memory { x: BatchView<'a, T>, conditions: Option<BatchView<'a, T>>, labels: Option<Vec<i128>> },
    /// A stream, and others in step with it that give a condition or a target, a class, or both in this order for each
    /// sample.
    Stream { x: Box<dyn Stream<T> + 'a>, beside: Vec<Box<dyn Stream<T> + 'a>> },
}

/// Samples that are held out, not checked yet.
pub(crate) struct HeldOut<'a, T: Float> {
    samples: Samples<'a, T>,
    size: End,
    /// The weights and held-out samples that came with them.
    more: usize,
}

impl<'a, T: Float> HeldOut<'a, T> {
    /// Samples that came alone.
    pub(crate) fn new(samples: Samples<'a, T>, size: End) -> Self {
        Self { samples, size, more: 0 }
    }

    /// The samples; refused if they are of another shape than a sample of the model, or came with more.
    pub(crate) fn checked(self, expected: End) -> Result<Samples<'a, T>> {
        let (samples, size) = self.alone()?;
        expected.require("validation", size)?;
        Ok(samples)
    }

    /// The samples and their size; refused if they came with more.
    pub(crate) fn alone(self) -> Result<(Samples<'a, T>, End)> {
        let fault = "takes samples alone, which all count alike";
        let remedy = "leave out their weights, and samples held out from them";
        require_fit(self.more == 0, "Examples::held_out", fault, remedy)?;
        Ok((self.samples, self.size))
    }

    pub(crate) fn samples(&self) -> &Samples<'a, T> {
        &self.samples
    }
}

/// A [`Source`] of which only the number type is known.
pub(crate) trait Stream<T>: Send {
    fn features(&self) -> usize;
    fn samples(&self) -> usize;
    /// Refuses a table that is read by another schema than that of a model with this normalizer.
    fn check_schema(&self, normalizer: Option<&Normalizer>) -> Result<()>;
    fn rewind(&mut self) -> Result<()>;
    fn read(&mut self, to: crate::batch::BatchViewMut<'_, T>) -> Result<usize>;
    fn skip(&mut self, samples: usize) -> Result<()>;
}
impl<T: Float, S: Source<Scalar = T> + ?Sized> Stream<T> for &mut S {
    fn features(&self) -> usize {
        self.size().value()
    }
    fn samples(&self) -> usize {
        Source::samples(&**self)
    }
    fn check_schema(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        #[cfg(feature = "table")]
        if let (Some(own), Some(of_model)) =
            (Source::schema(&**self), normalizer.and_then(Normalizer::schema))
        {
            return of_model.require_the_same_features(own);
        }
        let _ = normalizer;
        Ok(())
    }
    fn rewind(&mut self) -> Result<()> {
        Source::rewind(&mut **self)
    }
    fn read(&mut self, to: crate::batch::BatchViewMut<'_, T>) -> Result<usize> {
        Source::read(&mut **self, to)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        Source::skip(&mut **self, samples)
    }
}

/// Samples alone: what an autoencoder is trained on.
#[derive(Debug, Clone, Copy)]
pub struct SamplesAlone;
/// A class with each sample: what a classifier is trained on.
#[derive(Debug, Clone, Copy)]
pub struct WithLabels;
/// A condition of size `K` with each sample: what a conditional model is trained on.
#[derive(Debug, Clone, Copy)]
pub struct WithConditions<K>(PhantomData<K>);
/// A target of size `K` with each sample: what a model with a target decoder is trained on.
#[derive(Debug, Clone, Copy)]
pub struct WithTargets<K>(PhantomData<K>);
/// A condition and a class with each sample.
#[derive(Debug, Clone, Copy)]
pub struct WithConditionsAndLabels<K>(PhantomData<K>);

/// Samples in memory or in a stream, each with what belongs to it; with weights, and with others that are held out.
///
/// | written | trains |
/// |---|---|
/// | `&x` | an autoencoder |
/// | `(&x, &labels)` | a classifier |
/// | `(&x, &conditions)` | a conditional model |
/// | `(&x, &targets)` | a model with a [target decoder](crate::Builder::target_decoder), such as a transcoder |
/// | `(&x, &conditions, &labels)` | a classifier whose encoder is conditional |
/// | `&mut x`, `(&mut x, &mut classes)`, `(&mut x, &mut conditions)`, `(&mut x, &mut targets)`, `(&mut x, &mut conditions, &mut classes)` | the same from streams in step, which need not fit into memory |
/// | `Examples::of(…).weights(&w).held_out(…)` | any, with [weights](Self::weights) and [validation](Self::held_out) |
///
/// # Example
/// ```
/// use autoencoder::{Batch, train::Examples};
/// let x = Batch::from_iter([[0.1, 0.2], [0.3, 0.4]]);
/// let examples = Examples::of(&x).weights(&[1.0, 2.0]).held_out(&x);
/// # let _: Examples<'_, f64, _, _> = examples;
/// ```
pub struct Examples<'a, T: Float, I, G> {
    pub(crate) samples: Samples<'a, T>,
    pub(crate) weights: Option<&'a [f64]>,
    pub(crate) held_out: Option<HeldOut<'a, T>>,
    pub(crate) size: I,
    pub(crate) given: PhantomData<G>,
}

impl<T: Float, I: std::fmt::Debug, G> std::fmt::Debug for Examples<'_, T, I, G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Examples").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<'a, T: Float, I: Size, G> Examples<'a, T, I, G> {
    /// Of samples as [`fit`](crate::Trainer::fit) takes them, to say more about them.
    pub fn of<X>(examples: X) -> Self
    where
        X: IntoExamples<'a, T, Input = I, Given = G>,
    {
        examples.into_examples()
    }

    fn new(samples: Samples<'a, T>, size: I) -> Self {
        Self { samples, weights: None, held_out: None, size, given: PhantomData }
    }

    /// How much each sample counts, in their order: one weight a sample, finite and not
    /// negative, not all 0. Default: all alike.
    ///
    /// The objective of a batch is Σᵢ wᵢ lossᵢ / Σᵢ wᵢ, and whatever else is a mean over samples (in
    /// penalties too) counts them alike, so that in one batch of all samples a weight of 2 does what
    /// the same sample twice does. A sample of weight 0 is left out. Weights count for training only:
    /// validation samples, held out or given, count alike. Not for streams.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Dense, Sgd, Trainer, activation::{Identity, Tanh}, train::Examples};
    ///
    /// let train = |samples: &[[f64; 2]], weights: Option<&[f64]>| -> autoencoder::Result<_> {
    ///     let mut model = AutoEncoder::builder()
    ///         .encoder(Dense::<2, 1>::new(Tanh))
    ///         .decoder(Dense::<1, 2>::new(Identity))
    ///         .build::<f64>()?;
    ///     let samples = samples.iter().copied().collect();
    ///     let mut examples = Examples::of(&samples);
    ///     if let Some(weights) = weights {
    ///         examples = examples.weights(weights);
    ///     }
    ///     Trainer::new(Sgd::new(0.1)?).fit(&mut model, examples)?;
    ///     Ok(model.parameters()[0])
    /// };
    /// let (one, other) = ([0.1, 0.2], [0.9, 0.3]);
    /// let weighted = train(&[one, other], Some(&[1.0, 2.0]))?;
    /// let repeated = train(&[one, other, other], None)?;
    /// assert!((weighted - repeated).abs() < 1e-14);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn weights(self, weights: &'a [f64]) -> Self {
        Self { weights: Some(weights), ..self }
    }

    /// Samples on which the model is validated after each epoch: of the same kind, in memory, all counting alike. Said
    /// twice, the last ones hold.
    pub fn held_out<X>(self, held_out: X) -> Self
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<I>,
        X::Given: GoesWith<G>,
    {
        const { <X::Input as SameSize<I>>::FITS };
        let Examples { samples, weights, held_out, size, .. } = held_out.into_examples();
        let more = usize::from(weights.is_some()) + usize::from(held_out.is_some());
        let held_out = HeldOut { samples, size: End::of(size), more };
        Self { held_out: Some(held_out), ..self }
    }
}

/// What can be trained on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a model takes as examples",
    label = "not examples",
    note = "examples are `&x`, `(&x, &labels)`, `(&x, &conditions)` or `(&x, &conditions, &labels)` with \
            `x: Batch<{T}, _>`, `&mut` sources in place of these, or `Examples::of(…)` of one of these, with \
            `.weights(…)` and `.held_out(…)`; one sample goes to `encode_one` and its like"
)]
pub trait IntoExamples<'a, T: Float>: Sized {
    /// The size of a sample.
    type Input: Size;
    /// What is given with each sample.
    type Given;

    /// The examples.
    fn into_examples(self) -> Examples<'a, T, Self::Input, Self::Given>;
}

impl<'a, T: Float, I: Size, G> IntoExamples<'a, T> for Examples<'a, T, I, G> {
    type Input = I;
    type Given = G;
    fn into_examples(self) -> Self {
        self
    }
}

impl<'a, T: Float, I: Size> IntoExamples<'a, T> for &'a Batch<T, I> {
    type Input = I;
    type Given = SamplesAlone;
    fn into_examples(self) -> Examples<'a, T, I, SamplesAlone> {
        let samples = Samples::Memory { x: self.view(), conditions: None, labels: None };
        Examples::new(samples, self.size())
    }
}

/// Labels that are a list.
pub trait Labels {
    /// The labels as numbers.
    #[doc(hidden)]
    fn numbers(&self) -> Vec<i128>;
}
impl<L: Label> Labels for [L] {
    fn numbers(&self) -> Vec<i128> {
        self.iter().map(|label| label.number()).collect()
    }
}
impl<L: Label> Labels for Vec<L> {
    fn numbers(&self) -> Vec<i128> {
        self.as_slice().numbers()
    }
}
impl<L: Label, const N: usize> Labels for [L; N] {
    fn numbers(&self) -> Vec<i128> {
        self.as_slice().numbers()
    }
}

impl<'a, T: Float, I: Size, Y: Labels + ?Sized> IntoExamples<'a, T> for (&'a Batch<T, I>, &'a Y) {
    type Input = I;
    type Given = WithLabels;
    fn into_examples(self) -> Examples<'a, T, I, WithLabels> {
        let labels = Some(self.1.numbers());
        let samples = Samples::Memory { x: self.0.view(), conditions: None, labels };
        Examples::new(samples, self.0.size())
    }
}

impl<'a, T: Float, I: Size, K: Size> IntoExamples<'a, T> for (&'a Batch<T, I>, &'a Batch<T, K>) {
    type Input = I;
    type Given = WithConditions<K>;
    fn into_examples(self) -> Examples<'a, T, I, WithConditions<K>> {
        let conditions = Some(self.1.view());
        let samples = Samples::Memory { x: self.0.view(), conditions, labels: None };
        Examples::new(samples, self.0.size())
    }
}

impl<'a, T: Float, I: Size, K: Size, Y: Labels + ?Sized> IntoExamples<'a, T>
    for (&'a Batch<T, I>, &'a Batch<T, K>, &'a Y)
{
    type Input = I;
    type Given = WithConditionsAndLabels<K>;
    fn into_examples(self) -> Examples<'a, T, I, WithConditionsAndLabels<K>> {
        let (conditions, labels) = (Some(self.1.view()), Some(self.2.numbers()));
        let samples = Samples::Memory { x: self.0.view(), conditions, labels };
        Examples::new(samples, self.0.size())
    }
}

impl<'a, T: Float, S: Source<Scalar = T> + ?Sized> IntoExamples<'a, T> for &'a mut S {
    type Input = S::Features;
    type Given = SamplesAlone;
    fn into_examples(self) -> Examples<'a, T, S::Features, SamplesAlone> {
        let size = self.size();
        Examples::new(Samples::Stream { x: Box::new(self), beside: Vec::new() }, size)
    }
}

/// A stream beside another: of conditions, or of classes as numbers.
impl<'a, T, S, C> IntoExamples<'a, T> for (&'a mut S, &'a mut C)
where
    T: Float,
    S: Source<Scalar = T> + ?Sized,
    C: Source<Scalar = T> + ?Sized,
{
    type Input = S::Features;
    type Given = WithConditions<C::Features>;
    fn into_examples(self) -> Examples<'a, T, S::Features, WithConditions<C::Features>> {
        let (size, beside) = (self.0.size(), vec![Box::new(self.1) as Box<dyn Stream<T>>]);
        Examples::new(Samples::Stream { x: Box::new(self.0), beside }, size)
    }
}

/// Streams of conditions and of classes as numbers beside that of the samples.
impl<'a, T, S, C, Y> IntoExamples<'a, T> for (&'a mut S, &'a mut C, &'a mut Y)
where
    T: Float,
    S: Source<Scalar = T> + ?Sized,
    C: Source<Scalar = T> + ?Sized,
    Y: Source<Scalar = T> + ?Sized,
{
    type Input = S::Features;
    type Given = WithConditionsAndLabels<C::Features>;
    fn into_examples(self) -> Examples<'a, T, S::Features, WithConditionsAndLabels<C::Features>> {
        let (size, conditions) = (self.0.size(), Box::new(self.1) as Box<dyn Stream<T>>);
        let beside = vec![conditions, Box::new(self.2)];
        Examples::new(Samples::Stream { x: Box::new(self.0), beside }, size)
    }
}

/// A forgotten `?`.
impl<'a, T: Float, R, X> IntoExamples<'a, T> for std::result::Result<R, X>
where
    Forgotten<X>: Unwrapped,
{
    type Input = Refused;
    type Given = Refused;
    fn into_examples(self) -> Examples<'a, T, Refused, Refused> {
        let x = BatchView::new(&[], 1);
        Examples::new(Samples::Memory { x, conditions: None, labels: None }, Refused)
    }
}

/// What is given with held-out samples, beside what is given with the others: the same. Of labels that come from a
/// stream as numbers, those of the held-out samples are labels in memory.
#[diagnostic::on_unimplemented(
    message = "these held-out samples are `{Self}`, and the others are `{Given}`",
    label = "held out are samples of another kind",
    note = "held-out samples come with what the others come with: `Examples::of((&x, &labels)).held_out((&y, &others))`"
)]
pub trait GoesWith<Given> {}
impl GoesWith<Self> for SamplesAlone {}
impl GoesWith<Self> for WithLabels {}
impl GoesWith<WithConditions<Const<1>>> for WithLabels {}
impl GoesWith<WithConditions<nalgebra::Dyn>> for WithLabels {}
impl<K: SameSize<W>, W> GoesWith<WithConditions<W>> for WithConditions<K> {}
impl<K: SameSize<W>, W> GoesWith<WithConditionsAndLabels<W>> for WithConditionsAndLabels<K> {}
#[diagnostic::do_not_recommend]
impl GoesWith<Refused> for SamplesAlone {}
#[diagnostic::do_not_recommend]
impl GoesWith<Refused> for WithLabels {}
#[diagnostic::do_not_recommend]
impl<G> GoesWith<G> for Refused {}

/// What is given with each sample, as a model wants it.
#[diagnostic::on_unimplemented(
    message = "this model is trained on `{Wanted}`, and these examples are `{Self}`",
    label = "the wrong kind of examples for this model",
    note = "an autoencoder is trained on `&x`, a classifier on `(&x, &labels)`, a conditional model on \
            `(&x, &conditions)`, a conditional classifier on `(&x, &conditions, &labels)`, a model with a target decoder \
            on `(&x, &targets)`; `Batch::one_hot` makes conditions of classes"
)]
pub trait Suits<Wanted> {}
impl Suits<Self> for SamplesAlone {}
impl Suits<Self> for WithLabels {}
impl<K: SameSize<W>, W> Suits<WithConditions<W>> for WithConditions<K> {}
impl<K: SameSize<W>, W> Suits<WithConditionsAndLabels<W>> for WithConditionsAndLabels<K> {}
/// What comes beside the samples is then what outputs are compared with.
impl<K: SameSize<W>, W> Suits<WithTargets<W>> for WithConditions<K> {}
/// Classes that come from a stream, as numbers.
impl Suits<WithLabels> for WithConditions<Const<1>> {}
impl Suits<WithLabels> for WithConditions<nalgebra::Dyn> {}
#[diagnostic::do_not_recommend]
impl Suits<Refused> for SamplesAlone {}
#[diagnostic::do_not_recommend]
impl Suits<Refused> for WithLabels {}
#[diagnostic::do_not_recommend]
impl<W> Suits<W> for Refused {}
