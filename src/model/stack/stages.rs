use std::fmt;

use nalgebra::Const;

use super::levels::{Level, Levels, Pretrained, Stack, in_stage};
use super::report::StackReport;
use crate::batch::Batch;
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::Result;
use crate::loss::Loss;
use crate::metrics::{Label, checked_labels};
use crate::model::AutoEncoder;
use crate::model::builder::{Build, Describe};
use crate::model::classifier::Classifier;
use crate::numbers::scalar::Scalar;
use crate::optimizer::Method;
use crate::regularizer::NoRegularizer;
use crate::train::Trainer;

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
    pub fn classify<const K: usize, O2>(
        self,
        trainer: Trainer<'_, O2>,
    ) -> Classify<'_, Self, K, O2> {
        Classify::new(self, trainer)
    }

    /// Trains the levels one by one, unrolls them, and trains all of it.
    ///
    /// # Errors
    /// As `pretrain` of [`Level`] and [`Stack`]; settings of all stages are checked before the first one.
    pub fn fit<T: Scalar>(
        self,
        data: &Batch<T, <Self as DeepModel<T>>::Input>,
    ) -> Result<Stacked<Deep<T, Self>>>
    where
        Self: DeepModel<T>,
    {
        self.check()?;
        let mut report = StackReport::default();
        let model = self.deep(data, &mut report)?;
        Ok(Stacked { model, report })
    }
}

impl<'a, S, const K: usize, O> Classify<'a, S, K, O> {
    pub(super) fn new(model: S, trainer: Trainer<'a, O>) -> Self {
        Self { model, trainer }
    }

    /// Trains everything: the levels one by one, then, if that is wanted, all of them jointly, then the
    /// encoder with a softmax head on the labels, whole numbers from 0, below `K`.
    ///
    /// # Errors
    /// As `pretrain` of [`Level`] and [`Stack`]; settings of all stages and labels are checked before the
    /// first stage.
    #[allow(clippy::type_complexity)]
    pub fn fit<T: Scalar>(
        mut self,
        data: &Batch<T, S::Input>,
        labels: &[impl Label],
    ) -> Result<StackedClassifier<Deep<T, S>, Classifier<S::Encoder, Const<K>>>>
    where
        S: DeepModel<T>,
        O: Method<T>,
    {
        let stage = "classifier";
        self.model.check()?;
        in_stage(stage, self.trainer.check::<T>())?;
        in_stage(stage, checked_labels("fit", K, labels, data.samples()))?;
        let mut report = StackReport::default();
        let model = self.model.deep(data, &mut report)?;
        let mut classifier = in_stage(stage, model.classifier::<K>().build::<T>())?;
        #[cfg(feature = "safetensors")]
        self.trainer.within(stage, classifier.parameters());
        let trained = self.trainer.fit_classifier(&mut classifier, data, labels);
        report.push(stage, in_stage(stage, trained)?);
        Ok(StackedClassifier { model, classifier, report })
    }
}

/// The deep autoencoder that `S` becomes in the number type `T`.
pub type Deep<T, S> = AutoEncoder<
    <S as DeepModel<T>>::Encoder,
    <S as DeepModel<T>>::Decoder,
    NoRegularizer,
    <S as DeepModel<T>>::Loss,
>;

/// What can become one deep autoencoder: levels, or levels that are then trained jointly.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no stack that can be trained",
    note = "each level needs an encoder that is a layer or a chain of layers (no `Gaussian`), a decoder that \
            is one too or `Tied`, and above the first level a loss that implements `Link`"
)]
pub trait DeepModel<T: Scalar> {
    /// The number of inputs.
    type Input: nalgebra::Dim;
    /// Its encoder.
    type Encoder: Encoder<Scalar = T, Input = Self::Input>
        + Clone
        + Describe<Input = Self::Input, Output = <Self::Encoder as Encoder>::Code>;
    /// Its decoder.
    type Decoder: Decoder<Scalar = T, Code = <Self::Encoder as Encoder>::Code, Output = Self::Input>;
    /// Its loss.
    type Loss: Loss<Self::Decoder>;

    /// Refuses what would only be found after something was trained.
    #[doc(hidden)]
    fn check(&self) -> Result<()>;

    /// Trains it.
    #[doc(hidden)]
    fn deep(self, data: &Batch<T, Self::Input>, report: &mut StackReport) -> Result<Deep<T, Self>>;
}

/// Levels, unrolled.
macro_rules! unrolls {
    (($($generics:tt)*) $stack:ty) => {
        impl<T, E2, D2, $($generics)*> DeepModel<T> for $stack
        where
            T: Scalar,
            Self: Levels<T>,
            <Self as Levels<T>>::Encoder: Build<T, Built = E2> + Clone,
            <Self as Levels<T>>::Decoder: Build<T, Built = D2> + Clone,
            <Self as Levels<T>>::Loss: Loss<D2> + Clone,
            E2: Encoder<
                    Scalar = T,
                    Input = <Self as Levels<T>>::Input,
                    Code = <Self as Levels<T>>::Code,
                > + Describe<
                    Input = <Self as Levels<T>>::Input,
                    Output = <Self as Levels<T>>::Code,
                > + Clone,
            D2: Decoder<
                Scalar = T,
                Code = <Self as Levels<T>>::Code,
                Output = <Self as Levels<T>>::Input,
            >,
        {
            type Input = <Self as Levels<T>>::Input;
            type Encoder = E2;
            type Decoder = D2;
            type Loss = <Self as Levels<T>>::Loss;

            fn check(&self) -> Result<()> {
                Levels::<T>::check(self, 0, None).map(drop)
            }

            fn deep(
                self,
                data: &Batch<T, <Self as Levels<T>>::Input>,
                report: &mut StackReport,
            ) -> Result<Deep<T, Self>> {
                let (pretrained, _): (Pretrained<_, _, _>, _) = self.train(data, report)?;
                pretrained.unroll().build::<T>()
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

    fn deep(
        mut self,
        data: &Batch<T, S::Input>,
        report: &mut StackReport,
    ) -> Result<Deep<T, Self>> {
        let stage = "fine-tuning";
        let mut model = self.levels.deep(data, report)?;
        #[cfg(feature = "safetensors")]
        self.trainer.within(stage, model.parameters());
        report.push(stage, in_stage(stage, self.trainer.fit(&mut model, data))?);
        Ok(model)
    }
}
