use super::data::{Codes, Data};
use super::report::StackReport;
use super::stages::{Classify, FineTune, Universal};
use crate::batch::size::{SameSize, Size};
use crate::data::Normalizer;
use crate::error::{Error, Result, require_fit, require_size};
use crate::layer::part::End;
use crate::layer::trained::Trained;
use crate::layer::{Chain, Detach, Layer, Part, Pointlike, SameCondition, Unconditioned};
use crate::loss::{Link, Loss, LossFor, SameTarget, WithInput};
use crate::model::Scalar;
use crate::model::builder::{Builder, Given, Slot};
use crate::numbers::scalar::Float;
use crate::optimizer::Method;
use crate::regularizer::{NoRegularizer, Regularizer};
use crate::train::Trainer;
use crate::train::examples::{IntoExamples, SamplesAlone, Suits};

/// One autoencoder of a stack, with what trains it.
#[derive(Debug)]
pub struct Level<'a, E, D, R, L, O> {
    builder: Builder<Given<E>, Given<D>, R, L>,
    trainer: Trainer<'a, O>,
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
/// .classify::<10>(trainer()?)
/// .fit((&digits.train, &digits.train_labels))?;
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
    pub fn new<E: Part, D: Part, R, L: LossFor<D>, O>(
        builder: Builder<Given<E>, Given<D>, R, L>,
        trainer: Trainer<'_, O>,
    ) -> Level<'_, E, D, R, L, O>
    where
        E::Posterior: Pointlike,
        E::Condition: SameCondition<Unconditioned>,
        L::Target: SameTarget<WithInput>,
    {
        Level { builder, trainer }
    }
}

/// What levels and stacks of them can do; `E` is the topmost encoder.
macro_rules! grows {
    (($($below:ident)?) $stack:ty) => {
        impl<'a, $($below,)? E: Part, D, R, L, O> $stack {
            /// Puts an autoencoder on top, which is trained on the codes of what is below.
            #[allow(clippy::type_complexity)]
            pub fn then<'b, E2: Part, D2: Part, R2, L2: LossFor<D2> + Link<D2>, O2>(
                self,
                builder: Builder<Given<E2>, Given<D2>, R2, L2>,
                trainer: Trainer<'b, O2>,
            ) -> Stack<Self, Level<'b, E2, D2, R2, L2, O2>>
            where
                E2::Input: SameSize<E::Output>,
                E2::Posterior: Pointlike,
                E2::Condition: SameCondition<Unconditioned>,
                L2::Target: SameTarget<WithInput>,
            {
                const { <E2::Input as SameSize<E::Output>>::FITS };
                Stack { below: self, top: Level { builder, trainer } }
            }

            /// Trains the levels one by one, each on the codes of the one before, and leaves them
            /// unrolled: nothing is trained jointly yet. Samples are `&x`; with
            /// [weights](crate::Examples::weights) they count in each level alike, and samples
            /// [held out](crate::Examples::held_out) validate each level by their codes.
            ///
            /// # Errors
            /// [`Error::Stage`] with the stage and what is wrong in it, as [`Builder::build`] and
            /// [`Trainer::fit`] have it. What [`Builder::build`] refuses of a level, a level that does not
            /// go with the one below, settings of trainers, and a normalizer above the first level (which
            /// the unrolled model has no place for) are refused before anything is trained; what a later
            /// stage finds in its data or its training ends all, and then only
            /// [checkpoints](crate::train) keep the stages before. The same if an observer
            /// [stops](crate::train::Control::Stop) a stage that is not the last:
            /// [`Error::Stopped`](crate::Error::Stopped).
            /// [`Error::Stream`] for a stream.
            #[allow(clippy::type_complexity)]
            pub fn pretrain<'e, T, X>(
                self,
                examples: X,
            ) -> Result<
                Pretrained<
                    <Self as Levels<T>>::Encoder,
                    <Self as Levels<T>>::Decoder,
                    <Self as Levels<T>>::Loss,
                >,
            >
            where
                T: Scalar,
                Self: Levels<T>,
                X: IntoExamples<'e, T>,
                X::Input: SameSize<<Self as Levels<T>>::Input>,
                X::Given: Suits<SamplesAlone>,
            {
                const { <X::Input as SameSize<<Self as Levels<T>>::Input>>::FITS };
                let (data, _) = Data::of(examples.into_examples())?;
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
            pub fn classify<const K: usize>(
                self,
                trainer: Trainer<'_, impl Universal>,
            ) -> Classify<'_, Self, K, impl Universal> {
                Classify::new(self, trainer)
            }
        }
    };
}
grows!(() Level<'a, E, D, R, L, O>);
grows!((Below) Stack<Below, Level<'a, E, D, R, L, O>>);

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

impl<E: Clone, D: Clone, L: Clone> Pretrained<E, D, L> {
    /// One deep autoencoder of all levels, to be built: with the parameters they were trained to, the
    /// first level's loss and normalizer, and no regularizer, unless one is set.
    pub fn unroll(&self) -> Builder<Given<E>, Given<D>, NoRegularizer, L> {
        let Self { encoder, decoder, loss, loss_parameters, normalizer, .. } = self.clone();
        Builder::of((encoder, decoder), (loss, loss_parameters), normalizer)
    }
}

/// A level, or levels one on the other, that can be trained in the number type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no stack that can be trained in `{T}`",
    note = "each level needs an encoder that is a layer or a chain of layers (no `Gaussian`, nothing \
            conditional), a decoder that is one too or `Tied`, and above the first level a loss that \
            implements `Link`"
)]
pub trait Levels<T: Float> {
    /// The size of the lowest level's inputs.
    type Input: Size + SameSize<Self::Input>;
    /// All encoders, one after the other.
    type Encoder: Part<Input = Self::Input, Condition = Unconditioned>
        + Detach<T, Detached: Part<Condition = Unconditioned>>
        + Clone
        + 'static;
    /// All decoders, the topmost first.
    type Decoder: Part + Layer<T> + Clone + 'static;
    /// The loss of the lowest level.
    type Loss: Clone;

    /// Refuses what would only be found after levels below were trained. Given are the number of levels
    /// below and the code of the uppermost of them; returned are both with these levels.
    #[doc(hidden)]
    fn check(&self, below: usize, inputs: Option<Code>) -> Result<(usize, Code)>;

    /// Trains the levels, and encodes the data by them.
    #[doc(hidden)]
    fn train(self, data: Data<'_, T>, report: &mut StackReport) -> Result<Trainings<T, Self>>;
}

/// The code of levels, on which the next one stands: as their encoders give it, and as their decoders take it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Code {
    given: End,
    taken: End,
}

/// What a stack has become, and the codes of what it was trained on.
#[doc(hidden)]
pub type Trainings<T, S> = (
    Pretrained<<S as Levels<T>>::Encoder, <S as Levels<T>>::Decoder, <S as Levels<T>>::Loss>,
    Codes<T>,
);

impl<T, E, D, R, L, O> Levels<T> for Level<'_, E, D, R, L, O>
where
    T: Scalar,
    E: Part<Input: SameSize<E::Input>, Posterior: Pointlike, Condition = Unconditioned>
        + Detach<T>
        + Clone
        + 'static,
    E::Detached:
        Part<Condition = Unconditioned> + Detach<T, Detached: Part<Condition = Unconditioned>>,
    D: Detach<T> + Clone + 'static,
    R: Regularizer<T>,
    L: LossFor<D, Target = WithInput> + Loss<T> + Clone,
    O: Method<T>,
{
    type Input = E::Input;
    type Encoder = Trained<E::Detached, T>;
    type Decoder = Trained<D::Detached, T>;
    type Loss = L;

    fn check(&self, below: usize, inputs: Option<Code>) -> Result<(usize, Code)> {
        let (encoder, decoder) = (self.builder.encoder.seen(), self.builder.decoder.seen());
        let (input, output) = (End::input(encoder), End::output(decoder));
        let below_it = inputs.unwrap_or(Code { given: input, taken: output });
        let code = Code {
            given: End::output(encoder).behind(below_it.given, encoder),
            taken: End::input(decoder).behind(below_it.taken, decoder),
        };
        let checked = || {
            let fault = "gives a distribution, which no level can stand on";
            let remedy = "make it of layers, without a `Gaussian`";
            require_fit(!encoder.is_gaussian(), "the encoder", fault, remedy)?;
            let place = "the code of the level below";
            self.builder.check::<T>(inputs.map(|code| (place, code.given)))?;
            self.trainer.check::<T>()?;
            if let Some(Code { given, taken }) = inputs {
                require_size(place, "units", input.values(), given.values())?;
                taken.require("what the decoder of the level below is given", output)?;
                let has_none = self.builder.normalizer.is_none();
                let fault = "has a normalizer, and sees no data but codes";
                let remedy = "set the normalizer on the first level, which sees the data";
                require_fit(has_none, "the level", fault, remedy)?;
            }
            Ok((below + 1, code))
        };
        in_stage(&stage(below + 1, input.values(), code.given.values()), checked())
    }

    fn train(mut self, data: Data<'_, T>, report: &mut StackReport) -> Result<Trainings<T, Self>> {
        report.goes_on()?;
        let number = report.stages.len() + 1;
        let encoder = self.builder.encoder.seen();
        let stage = stage(number, encoder.input().value(), encoder.output().value());
        let mut model = in_stage(&stage, self.builder.build::<T>())?;
        #[cfg(feature = "safetensors")]
        self.trainer.within(&stage, model.parameters());
        let examples = in_stage(&stage, data.examples(&model))?;
        let trained = in_stage(&stage, self.trainer.fit(&mut model, examples))?;
        let codes = data.encoded(|data| model.encode(data.examples(&model)?));
        let codes = in_stage(&stage, codes)?;
        report.push(stage, trained, self.trainer.stopped_at());
        let of_loss = model.parameters()[model.network().places().loss].iter();
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
    Top: Levels<T>,
    Top::Loss: Link<Top::Decoder, Linked: Layer<T> + Clone + 'static>,
{
    type Input = Below::Input;
    type Encoder = Chain<Below::Encoder, Top::Encoder>;
    type Decoder = Chain<<Top::Loss as Link<Top::Decoder>>::Linked, Below::Decoder>;
    type Loss = Below::Loss;

    fn check(&self, below: usize, inputs: Option<Code>) -> Result<(usize, Code)> {
        let (below, code) = self.below.check(below, inputs)?;
        self.top.check(below, Some(code))
    }

    fn train(self, data: Data<'_, T>, report: &mut StackReport) -> Result<Trainings<T, Self>> {
        let (below, codes) = self.below.train(data, report)?;
        let (top, codes) = self.top.train(data.replaced(&codes), report)?;
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
