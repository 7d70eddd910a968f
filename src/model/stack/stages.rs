use std::fmt;

use nalgebra::Const;

use super::data::Data;
use super::levels::{Level, Levels, Stack, in_stage};
use super::report::StackReport;
use crate::batch::size::{SameSize, Size};
use crate::error::{Result, require};
use crate::layer::activation::Identity;
use crate::layer::trained::Trained;
use crate::layer::{DenseLayer, Detach, Layer, Part, Unconditioned};
use crate::loss::{Loss, LossFor, WithInput};
use crate::metrics::checked_labels;
use crate::model::{AutoEncoder, Classifier, Scalar};
use crate::numbers::scalar::Float;
use crate::optimizer::Method;
use crate::regularizer::NoRegularizer;
use crate::train::Trainer;
use crate::train::examples::{IntoExamples, SamplesAlone, Suits, WithLabels};

/// A stack and the joint training of all its layers. Made by [`Stack::fine_tune`](super::Stack::fine_tune).
#[derive(Debug)]
pub struct FineTune<'a, S, O> {
    levels: S,
    trainer: Trainer<'a, O>,
}

/// The same, or levels alone, with a classifier to come. Made by [`Stack::classify`](super::Stack::classify) or
/// [`FineTune::classify`].
#[derive(Debug)]
pub struct Classify<'a, S, const K: usize, O> {
    model: S,
    trainer: Trainer<'a, O>,
}

/// A trained stack.
pub struct Stacked<M> {
    /// The deep autoencoder.
    pub model: M,
    /// How each stage was trained.
    pub report: StackReport,
}

/// A trained stack with a classifier.
pub struct StackedClassifier<M, C> {
    /// The deep autoencoder, as it was before labels were seen.
    pub model: M,
    /// Its encoder with a softmax head, trained with labels.
    pub classifier: C,
    /// How each stage was trained.
    pub report: StackReport,
}

impl<M: fmt::Debug> fmt::Debug for Stacked<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stacked").field("model", &self.model).finish_non_exhaustive()
    }
}

impl<M: fmt::Debug, C: fmt::Debug> fmt::Debug for StackedClassifier<M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("StackedClassifier");
        text.field("model", &self.model).field("classifier", &self.classifier);
        text.finish_non_exhaustive()
    }
}

impl<'a, S, O> FineTune<'a, S, O> {
    pub(super) fn new(levels: S, trainer: Trainer<'a, O>) -> Self {
        Self { levels, trainer }
    }

    /// The last stage: a softmax classifier of `K` classes on the encoder, trained with it.
    pub fn classify<const K: usize>(
        self,
        trainer: Trainer<'_, impl Universal>,
    ) -> Classify<'_, Self, K, impl Universal> {
        Classify::new(self, trainer)
    }

    /// Trains the levels one by one, unrolls them, and trains all of it; on `&x`, with weights and samples held
    /// out as `pretrain` of [`Level`] has them.
    ///
    /// # Errors
    /// As `pretrain` of [`Level`] and [`Stack`]; settings of all stages are checked before the first one.
    pub fn fit<'e, T, X>(self, examples: X) -> Result<Stacked<Deep<T, Self>>>
    where
        T: Scalar,
        Self: DeepModel<T>,
        X: IntoExamples<'e, T>,
        X::Input: SameSize<<Self as DeepModel<T>>::Input>,
        X::Given: Suits<SamplesAlone>,
    {
        const { <X::Input as SameSize<<Self as DeepModel<T>>::Input>>::FITS };
        let (data, _) = Data::of(examples.into_examples())?;
        self.check()?;
        let mut report = StackReport::default();
        let model = self.deep(data, &mut report)?;
        Ok(Stacked { model, report })
    }
}

/// A method that computes in either number type, as all of this crate do, so that it need not be said which one a
/// stack will be trained in. One for a single type, such as a `Box<dyn Method<f32>>` that is chosen at run time, trains
/// levels and fine-tunes them, and then the [classifier](crate::AutoEncoder::classifier) by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not compute in both number types",
    label = "is for one number type, or no optimizer",
    note = "train the classifier by itself: `model.classifier::<10>().build()?`, then `Trainer::fit`"
)]
pub trait Universal: Method<f32> + Method<f64> {}
#[diagnostic::do_not_recommend]
impl<O: Method<f32> + Method<f64>> Universal for O {}

impl<'a, S, const K: usize, O> Classify<'a, S, K, O> {
    pub(super) fn new(model: S, trainer: Trainer<'a, O>) -> Self {
        Self { model, trainer }
    }

    /// Trains everything, on `(&x, &labels)`: the levels one by one, then, if that is wanted, all of them jointly,
    /// then the encoder with a softmax head on the labels, whole numbers from 0, below `K`. With
    /// [weights](crate::Examples::weights) samples count in each stage alike, and samples
    /// [held out](crate::Examples::held_out) validate each stage.
    ///
    /// # Errors
    /// As `pretrain` of [`Level`] and [`Stack`]; settings of all stages, labels and the number of classes are checked
    /// before the first stage.
    #[allow(clippy::type_complexity)]
    pub fn fit<'e, T, X>(
        mut self,
        examples: X,
    ) -> Result<StackedClassifier<Deep<T, S>, DeepClassifier<T, S, K>>>
    where
        T: Scalar,
        S: DeepModel<T>,
        O: Method<T>,
        X: IntoExamples<'e, T>,
        X::Input: SameSize<S::Input>,
        X::Given: Suits<WithLabels>,
    {
        const { <X::Input as SameSize<S::Input>>::FITS };
        let stage = "classifier";
        let (data, labels) = Data::of(examples.into_examples())?;
        self.model.check()?;
        in_stage(stage, self.trainer.check::<T>())?;
        in_stage(stage, require(K > 1, "Classifier classes", K as f64, "at least 2"))?;
        let ((x, held_out), (of_samples, others)) = (data.all(), labels.all());
        in_stage(stage, checked_labels("fit", K, of_samples, x.samples()))?;
        if let Some(held_out) = held_out {
            in_stage(stage, checked_labels("validation", K, others, held_out.samples()))?;
        }
        let mut report = StackReport::default();
        let model = self.model.deep(data, &mut report)?;
        report.goes_on()?;
        let mut classifier = in_stage(stage, model.classifier::<K>().build::<T>())?;
        #[cfg(feature = "safetensors")]
        self.trainer.within(stage, classifier.parameters());
        let size = classifier.encoder().input();
        let trained = self.trainer.fit(&mut classifier, data.labelled(labels, size));
        report.push(stage, in_stage(stage, trained)?, self.trainer.stopped_at());
        Ok(StackedClassifier { model, classifier, report })
    }
}

/// The deep autoencoder that `S` becomes in the number type `T`.
pub type Deep<T, S> = AutoEncoder<
    <S as DeepModel<T>>::Encoder,
    <S as DeepModel<T>>::Decoder,
    NoRegularizer,
    <S as DeepModel<T>>::Loss,
    T,
>;

/// The classifier of `K` classes on its encoder.
pub type DeepClassifier<T, S, const K: usize> = Classifier<
    Trained<<<S as DeepModel<T>>::Encoder as Detach<T>>::Detached, T>,
    DenseLayer<<<S as DeepModel<T>>::Encoder as Part>::Output, Const<K>, Identity>,
    NoRegularizer,
    T,
>;

/// What can become one deep autoencoder: levels, or levels that are then trained jointly.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no stack that can be trained in `{T}`",
    note = "each level needs an encoder that is a layer or a chain of layers (no `Gaussian`, nothing \
            conditional), a decoder that is one too or `Tied`, and above the first level a loss that \
            implements `Link`"
)]
pub trait DeepModel<T: Float> {
    /// The size of its inputs.
    type Input: Size + SameSize<Self::Input>;
    /// Its encoder.
    type Encoder: Part<Input = Self::Input, Condition = Unconditioned>
        + Detach<T, Detached: Part<Condition = Unconditioned>>;
    /// Its decoder.
    type Decoder: Part + Layer<T>;
    /// Its loss.
    type Loss: LossFor<Self::Decoder, Target = WithInput>;

    /// Refuses what would only be found after something was trained.
    #[doc(hidden)]
    fn check(&self) -> Result<()>;

    /// Trains it.
    #[doc(hidden)]
    fn deep(self, data: Data<'_, T>, report: &mut StackReport) -> Result<Deep<T, Self>>;
}

/// Levels, unrolled.
macro_rules! unrolls {
    (($($generics:tt)*) $stack:ty) => {
        impl<T, $($generics)*> DeepModel<T> for $stack
        where
            T: Scalar,
            Self: Levels<T>,
            <Self as Levels<T>>::Loss:
                LossFor<<Self as Levels<T>>::Decoder, Target = WithInput> + Loss<T>,
        {
            type Input = <Self as Levels<T>>::Input;
            type Encoder = <Self as Levels<T>>::Encoder;
            type Decoder = <Self as Levels<T>>::Decoder;
            type Loss = <Self as Levels<T>>::Loss;

            fn check(&self) -> Result<()> {
                Levels::<T>::check(self, 0, None).map(drop)
            }

            fn deep(self, data: Data<'_, T>, report: &mut StackReport) -> Result<Deep<T, Self>> {
                let (pretrained, _) = self.train(data, report)?;
                in_stage("all levels", pretrained.unroll().build())
            }
        }
    };
}
unrolls!((E, D, R, L, O) Level<'_, E, D, R, L, O>);
unrolls!((Below, Top) Stack<Below, Top>);

impl<T, S, O> DeepModel<T> for FineTune<'_, S, O>
where
    T: Scalar,
    S: DeepModel<T>,
    O: Method<T>,
{
    type Input = S::Input;
    type Encoder = S::Encoder;
    type Decoder = S::Decoder;
    type Loss = S::Loss;

    fn check(&self) -> Result<()> {
        self.levels.check()?;
        in_stage("fine-tuning", self.trainer.check::<T>())
    }

    fn deep(mut self, data: Data<'_, T>, report: &mut StackReport) -> Result<Deep<T, Self>> {
        let stage = "fine-tuning";
        let mut model = self.levels.deep(data, report)?;
        report.goes_on()?;
        #[cfg(feature = "safetensors")]
        self.trainer.within(stage, model.parameters());
        let examples = in_stage(stage, data.examples(&model))?;
        let trained = in_stage(stage, self.trainer.fit(&mut model, examples))?;
        report.push(stage, trained, self.trainer.stopped_at());
        Ok(model)
    }
}
