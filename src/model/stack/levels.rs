use nalgebra::Dim;

use super::report::StackReport;
use super::stages::{Classify, FineTune};
use crate::batch::Batch;
use crate::batch::size::SameSize;
use crate::code::decoder::{Decoder, Detach};
use crate::data::Normalizer;
use crate::error::{Error, Result, require, require_size};
use crate::layer::trained::Trained;
use crate::layer::{Chain, Layer, Module};
use crate::loss::{Link, Loss};
use crate::model::builder::{Build, BuildDecoder, Builder, Describe, Start};
use crate::numbers::scalar::Scalar;
use crate::optimizer::Method;
use crate::random::keyed;
use crate::regularizer::{NoRegularizer, Regularizer};
use crate::train::Trainer;

/// One autoencoder of a stack, with what trains it.
#[derive(Debug)]
pub struct Level<'a, E, D, R, L, O> {
    builder: Builder<E, D, R, L>,
    trainer: Trainer<'a, O>,
}

impl<E: Describe, D, R, L, O> Describe for Level<'_, E, D, R, L, O> {
    type Input = E::Input;
    type Output = E::Output;
}

/// Autoencoders one on the other: the levels below, and the one on top.
///
/// # Example
/// ```
/// use autoencoder::activation::Sigmoid;
/// use autoencoder::{Adam, AutoEncoder, Dense, SparseKl, Stack, Tied, Trainer, datasets};
///
/// let digits = datasets::digits::<f32>();
/// let trainer = || Ok::<_, autoencoder::Error>(Trainer::new(Adam::new(1e-2)?).epochs(5));
/// let stacked = Stack::new(
///     AutoEncoder::builder()
///         .encoder(Dense::<64, 40>::new(Sigmoid))
///         .decoder(Tied::new(Sigmoid))
///         .regularizer(SparseKl::new(0.1, 0.1)?),
///     trainer()?,
/// )
/// .then(
///     AutoEncoder::builder().encoder(Dense::<40, 20>::new(Sigmoid)).decoder(Dense::<20, 40>::new(Sigmoid)),
///     trainer()?,
/// )
/// .fine_tune(trainer()?)
/// .classify::<10, _>(trainer()?)
/// .fit(&digits.train, &digits.train_labels)?;
/// println!("{}", stacked.report);
/// assert!(stacked.classifier.accuracy(&digits.test, &digits.test_labels)? > 0.8);
/// let code = stacked.model.encode(&digits.test)?; // Batch<f32, Const<20>>
/// # let _ = code;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// G. Hinton, R. Salakhutdinov (2006), Reducing the dimensionality of data with neural networks;
/// Y. Bengio, P. Lamblin, D. Popovici, H. Larochelle (2007), Greedy layer-wise training of deep networks;
/// P. Vincent and others (2010), Stacked denoising autoencoders.
#[derive(Debug)]
pub struct Stack<Below, Top> {
    below: Below,
    top: Top,
}

impl Stack<(), ()> {
    /// A stack of one level; [`then`](Level::then) puts others on it.
    #[allow(clippy::new_ret_no_self)] // A stack of one is a level.
    pub fn new<E: Describe, D, R, L, O>(
        builder: Builder<E, D, R, L>,
        trainer: Trainer<'_, O>,
    ) -> Level<'_, E, D, R, L, O> {
        Level { builder, trainer }
    }
}

impl<Below, Top: Describe> Describe for Stack<Below, Top>
where
    Below: Describe,
{
    type Input = Below::Input;
    type Output = Top::Output;
}

/// What levels and stacks of them can do.
macro_rules! grows {
    (($($generics:tt)*) $stack:ty) => {
        impl<$($generics)*> $stack
        where
            Self: Describe,
        {
            /// Puts an autoencoder on top, which is trained on the codes of what is below.
            #[allow(clippy::type_complexity)]
            pub fn then<'b, E2, D2, R2, L2, O2>(
                self,
                builder: Builder<E2, D2, R2, L2>,
                trainer: Trainer<'b, O2>,
            ) -> Stack<Self, Level<'b, E2, D2, R2, L2, O2>>
            where
                E2: Describe,
                E2::Input: SameSize<<Self as Describe>::Output>,
            {
                Stack { below: self, top: Level { builder, trainer } }
            }

            /// Trains the levels one by one, each on the codes of the one before, and leaves them
            /// unrolled: nothing is trained jointly yet.
            ///
            /// # Errors
            /// [`Error::Stage`] with the stage and what is wrong in it, as [`Builder::build`] and
            /// [`Trainer::fit`] have it. Sizes, settings of trainers, and a normalizer above the first
            /// level (which the unrolled model has no place for) are refused before anything is
            /// trained; what a later stage finds in its data or its training ends all, and then only
            /// [checkpoints](crate::train) keep the stages before.
            #[allow(clippy::type_complexity)]
            pub fn pretrain<T: Scalar>(
                self,
                data: &Batch<T, <Self as Levels<T>>::Input>,
            ) -> Result<
                Pretrained<
                    <Self as Levels<T>>::Encoder,
                    <Self as Levels<T>>::Decoder,
                    <Self as Levels<T>>::Loss,
                >,
            >
            where
                Self: Levels<T>,
            {
                let mut report = StackReport::default();
                self.check(0, None)?;
                let (pretrained, _) = self.train(data, &mut report)?;
                Ok(Pretrained { report, ..pretrained })
            }

            /// The next stage: all layers are trained jointly.
            pub fn fine_tune<O2>(self, trainer: Trainer<'_, O2>) -> FineTune<'_, Self, O2> {
                FineTune::new(self, trainer)
            }

            /// The last stage: a softmax classifier of `K` classes on the encoder, trained with it.
            pub fn classify<const K: usize, O2>(
                self,
                trainer: Trainer<'_, O2>,
            ) -> Classify<'_, Self, K, O2> {
                Classify::new(self, trainer)
            }
        }
    };
}
grows!(('a, E, D, R, L, O) Level<'a, E, D, R, L, O>);
grows!((Below, Top) Stack<Below, Top>);

/// What was trained level by level: the parts of one deep autoencoder.
#[derive(Debug, Clone)]
pub struct Pretrained<E, D, L> {
    /// All encoders, one after the other.
    pub encoder: E,
    /// All decoders, the topmost first.
    pub decoder: D,
    /// The loss of the first level, which compares inputs.
    pub loss: L,
    /// What its own parameters were trained to, if it has some.
    pub loss_parameters: Vec<f64>,
    /// The normalizer of the first level.
    pub normalizer: Option<Normalizer>,
    /// How each level was trained.
    pub report: StackReport,
}

impl<E: Describe + Clone, D: Describe + Clone, L: Clone> Pretrained<E, D, L> {
    /// One deep autoencoder of all levels, to be built: with the parameters they were trained to, the
    /// first level's loss and normalizer, and no regularizer, unless one is set.
    pub fn unroll(&self) -> Builder<E, D, NoRegularizer, L> {
        let Self { encoder, decoder, loss, loss_parameters, normalizer, .. } = self.clone();
        Builder::of((encoder, decoder), (loss, loss_parameters), normalizer)
    }
}

/// A level, or levels one on the other, that can be trained in the number type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no stack that can be trained",
    note = "each level needs an encoder that is a layer or a chain of layers (no `Gaussian`), a decoder that \
            is one too or `Tied`, and above the first level a loss that implements `Link`"
)]
pub trait Levels<T: Scalar> {
    /// The number of inputs of the lowest level.
    type Input: Dim;
    /// The number of code units of the topmost one.
    type Code: Dim;
    /// All encoders, one after the other.
    type Encoder: Describe<Input = Self::Input, Output = Self::Code>;
    /// All decoders, the topmost first.
    type Decoder: Describe<Input = Self::Code, Output = Self::Input>;
    /// The loss of the lowest level.
    type Loss;

    /// Refuses what would only be found after levels below were trained. Given are the number of levels
    /// below and the code units of the uppermost of them; returned are both with these levels.
    #[doc(hidden)]
    fn check(&self, below: usize, inputs: Option<usize>) -> Result<(usize, usize)>;

    /// Trains the levels, and encodes the data by them.
    #[doc(hidden)]
    #[allow(clippy::type_complexity)]
    fn train(
        self,
        data: &Batch<T, Self::Input>,
        report: &mut StackReport,
    ) -> Result<(Pretrained<Self::Encoder, Self::Decoder, Self::Loss>, Batch<T, Self::Code>)>;
}

impl<T, E, D, R, L, O> Levels<T> for Level<'_, E, D, R, L, O>
where
    T: Scalar,
    E: Build<T> + Clone,
    E::Built: Layer<Scalar = T, Input = E::Input, Output = E::Output> + Clone,
    D: BuildDecoder<E::Built>,
    D::Built: Decoder<Scalar = T, Code = E::Output, Output = E::Input> + Detach,
    R: Regularizer<E::Built>,
    L: Loss<D::Built> + Clone,
    O: Method<T>,
{
    type Input = E::Input;
    type Code = E::Output;
    type Encoder = Trained<E::Built>;
    type Decoder = Trained<<D::Built as Detach>::Detached>;
    type Loss = L;

    fn check(&self, below: usize, inputs: Option<usize>) -> Result<(usize, usize)> {
        let encoder = self.builder.encoder.clone().build_into(&mut Start::new(&mut keyed(0, 0, 0)));
        let (from, to) = (Layer::input_dim(&encoder).value(), Layer::output_dim(&encoder).value());
        let checked = || {
            encoder.check_sizes()?;
            self.trainer.check::<T>()?;
            if let Some(inputs) = inputs {
                require_size("the code of the level below", "units", from, inputs)?;
                let (name, has) =
                    ("the number of its normalizers", self.builder.normalizer.is_some());
                require(!has, name, 1.0, "0: set it on the first level, which sees the data")?;
            }
            Ok((below + 1, to))
        };
        in_stage(&stage(below + 1, from, to), checked())
    }

    fn train(
        mut self,
        data: &Batch<T, E::Input>,
        report: &mut StackReport,
    ) -> Result<(Pretrained<Self::Encoder, Self::Decoder, L>, Batch<T, E::Output>)> {
        let number = report.stages.len() + 1;
        let mut model = self.builder.build::<T>()?;
        let from = Layer::input_dim(model.encoder()).value();
        let stage = stage(number, from, Layer::output_dim(model.encoder()).value());
        #[cfg(feature = "safetensors")]
        self.trainer.within(&stage, model.parameters());
        let trained = in_stage(&stage, self.trainer.fit(&mut model, data))?;
        report.push(stage, trained);
        let codes = model.encode(data)?;
        let of_loss = model.parameters()[model.loss_parameters()].iter();
        let pretrained = Pretrained {
            encoder: model.trained_encoder(),
            decoder: model.trained_decoder(),
            loss: model.loss_function().clone(),
            loss_parameters: of_loss.map(|value| value.to_double()).collect(),
            normalizer: model.normalizer().cloned(),
            report: StackReport::default(),
        };
        Ok((pretrained, codes))
    }
}

fn stage(number: usize, from: usize, to: usize) -> String {
    format!("level {number}: {from} → {to}")
}

/// Names the stage in an error.
pub(super) fn in_stage<V>(stage: &str, result: Result<V>) -> Result<V> {
    result.map_err(|error| Error::Stage { stage: stage.to_owned(), source: Box::new(error) })
}

impl<T, Below, Top> Levels<T> for Stack<Below, Top>
where
    T: Scalar,
    Below: Levels<T>,
    Top: Levels<T, Input = Below::Code>,
    Top::Loss: Link<Top::Decoder>,
{
    type Input = Below::Input;
    type Code = Top::Code;
    type Encoder = Chain<Below::Encoder, Top::Encoder>;
    type Decoder = Chain<<Top::Loss as Link<Top::Decoder>>::Linked, Below::Decoder>;
    type Loss = Below::Loss;

    fn check(&self, below: usize, inputs: Option<usize>) -> Result<(usize, usize)> {
        let (below, code) = self.below.check(below, inputs)?;
        self.top.check(below, Some(code))
    }

    fn train(
        self,
        data: &Batch<T, Below::Input>,
        report: &mut StackReport,
    ) -> Result<(Pretrained<Self::Encoder, Self::Decoder, Below::Loss>, Batch<T, Top::Code>)> {
        let (below, codes) = self.below.train(data, report)?;
        let (top, codes) = self.top.train(&codes, report)?;
        let Pretrained { encoder, decoder, loss, loss_parameters, normalizer, report } = below;
        let pretrained = Pretrained {
            encoder: Chain::new(encoder, top.encoder),
            decoder: Chain::new(top.loss.link(top.decoder), decoder),
            loss,
            loss_parameters,
            normalizer,
            report,
        };
        Ok((pretrained, codes))
    }
}
