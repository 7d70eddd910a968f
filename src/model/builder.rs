//! From parts to a model.

use nalgebra::{Const, Dyn};

use super::AutoEncoder;
use super::parts::Parts;
use super::scalar::{self, Scalar};
use crate::batch::size::{Refused, SameSize, Size};
use crate::batch::{BatchView, BatchViewMut};
use crate::data::Normalizer;
use crate::error::{Result, require};
use crate::layer::activation::{Identity, Ranged};
use crate::layer::layout::Layout;
use crate::layer::part::End;
use crate::layer::range::{AnyRange, Range};
use crate::layer::sparse::{DecodedBy, Dictionary, DictionaryLayer, TargetDictionary};
use crate::layer::{
    Activated, AnyPosterior, DenseLayer, DualViewMut, Layer, Matrix, Module, Part, Pass, Pointlike,
    SameCondition, Shareable, TangentPass, Tied, Unconditioned,
};
use crate::loss::{
    Compares, CrossEntropy, Loss, LossFor, SameTarget, SquaredError, Target, Targeted,
};
use crate::numbers::scalar::Float;
use crate::random::keyed;
use crate::regularizer::{Leaf, NoRegularizer, Regularizer, SuitedTo};

/// No encoder yet.
#[derive(Debug, Clone, Copy)]
pub struct NoEncoder;

/// No decoder yet.
#[derive(Debug, Clone, Copy)]
pub struct NoDecoder;

/// What stands where a part is missing has every size, so that nothing more is said of it than that it is missing.
macro_rules! missing {
    ($($part:ty),+) => {
        $(
            impl Module for $part {
                fn num_inputs(&self) -> usize {
                    0
                }
                fn num_outputs(&self) -> usize {
                    0
                }
            }
            /// Never used: a model is not built without it.
            impl<T: Float> Layer<T> for $part {
                fn layout(&self, _layout: &mut Layout) {}
                fn range(&self) -> (f64, f64) {
                    AnyRange::ENDS
                }
                fn forward(
                    &self,
                    _parameters: &[T],
                    _x: BatchView<'_, T>,
                    _y: BatchViewMut<'_, T>,
                    _tape: &mut [T],
                    _scratch: &mut [T],
                ) {
                }
                fn backward(
                    &self,
                    _pass: Pass<'_, T>,
                    _dy: BatchViewMut<'_, T>,
                    _dx: Option<BatchViewMut<'_, T>>,
                    _gradient: Option<&mut [T]>,
                    _scratch: &mut [T],
                ) {
                }
                fn tangent(
                    &self,
                    _pass: Pass<'_, T>,
                    _v: BatchView<'_, T>,
                    _jv: BatchViewMut<'_, T>,
                    _tangent_tape: &mut [T],
                    _scratch: &mut [T],
                ) {
                }
                fn tangent_backward(
                    &self,
                    _pass: Pass<'_, T>,
                    _tangent: TangentPass<'_, T>,
                    _d: DualViewMut<'_, T>,
                    _d_input: Option<DualViewMut<'_, T>>,
                    _gradient: &mut [T],
                    _scratch: &mut [T],
                ) {
                }
            }
            impl Part for $part {
                type Input = Refused;
                type Output = Refused;
                type Range = AnyRange;
                type Posterior = AnyPosterior;
                type Condition = Refused;
                fn input(&self) -> Refused {
                    Refused
                }
                fn output(&self) -> Refused {
                    Refused
                }
            }
        )+
    };
}
missing!(NoEncoder, NoDecoder);

/// An encoder that has been given.
#[diagnostic::on_unimplemented(
    message = "the encoder is missing",
    label = "give `.encoder(…)` before this",
    note = "the order is `.encoder(…)`, `.decoder(…)`, then the rest in any order, then `.build::<f32>()`"
)]
pub trait EncoderGiven {}
/// A decoder that has been given.
#[diagnostic::on_unimplemented(
    message = "the decoder is missing",
    label = "give `.decoder(…)` before this",
    note = "the order is `.encoder(…)`, `.decoder(…)`, then the rest in any order, then `.build::<f32>()`"
)]
pub trait DecoderGiven {}

/// The builder of a classifier of `K` classes.
pub type WithClasses<E, K, R> =
    Builder<Given<E>, Given<DenseLayer<<E as Part>::Output, K, Identity>>, R, CrossEntropy>;

/// The builder of a model with a decoder to a target.
pub type WithTargetDecoder<E, D, R> = Builder<Given<E>, Given<D>, R, Targeted<SquaredError>>;

/// What a builder holds of a part that was given.
#[derive(Debug, Clone)]
pub struct Given<P>(P);
impl<P> EncoderGiven for Given<P> {}
impl<P> DecoderGiven for Given<P> {}

/// What a builder holds of a part: given, or missing.
pub trait Slot {
    /// The part, or what stands for it.
    type Part: Part;
    /// The part.
    #[doc(hidden)]
    fn part(self) -> Self::Part;
    /// A look at the part.
    #[doc(hidden)]
    fn seen(&self) -> &Self::Part;
}
impl<P: Part> Slot for Given<P> {
    type Part = P;
    fn part(self) -> P {
        self.0
    }
    fn seen(&self) -> &P {
        &self.0
    }
}
impl Slot for NoEncoder {
    type Part = Self;
    fn part(self) -> Self {
        self
    }
    fn seen(&self) -> &Self {
        self
    }
}
impl Slot for NoDecoder {
    type Part = Self;
    fn part(self) -> Self {
        self
    }
    fn seen(&self) -> &Self {
        self
    }
}

/// A decoder for an encoder that is `E`: of sizes that fit it, or with [tied weights](Tied), which take theirs
/// from it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no decoder for this encoder",
    label = "not a decoder for this encoder",
    note = "a decoder is a `Dense` layer, a chain of layers, a trained or a boxed one, or `Tied`; tied \
            weights need an encoder of dense or convolutional layers, so that a `Gaussian` or a boxed encoder takes \
            another decoder; a `Result` needs a `?`"
)]
pub trait DecoderFor<E: Part> {
    /// What it becomes.
    type Made: Part;
    /// Stops the build where only arithmetic tells that sizes differ.
    #[doc(hidden)]
    const FITS: () = ();
    /// Makes it.
    #[doc(hidden)]
    fn made(self, encoder: &E) -> Self::Made;
}
impl<E: Part, D: Part> DecoderFor<E> for D
where
    D::Input: SameSize<E::Output>,
    D::Output: SameSize<<D::Input as SameSize<E::Output>>::Next<E::Input>>,
    D::Posterior: Pointlike,
    D::Condition: SameCondition<E::Condition>,
    E::Posterior: DecodedBy<D>,
{
    type Made = D;
    const FITS: () = {
        let () = <D::Input as SameSize<E::Output>>::FITS;
        let () = <D::Output as SameSize<<D::Input as SameSize<E::Output>>::Next<E::Input>>>::FITS;
    };
    fn made(self, _encoder: &E) -> D {
        self
    }
}
impl<E: Shareable, A: Ranged + Clone + std::fmt::Debug + Send + Sync + 'static> DecoderFor<E>
    for Tied<A>
{
    type Made = E::Mirror<A>;
    fn made(self, encoder: &E) -> E::Mirror<A> {
        self.mirror(encoder)
    }
}

/// A dictionary of the encoder's sizes.
impl<E: Part<Condition = Unconditioned>> DecoderFor<E> for Dictionary {
    type Made = DictionaryLayer<E::Output, E::Input>;
    fn made(self, encoder: &E) -> Self::Made {
        self.of(encoder)
    }
}

/// A decoder from an encoder's code to a target.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no decoder from this encoder's code to a target",
    label = "not a decoder of this encoder's code",
    note = "a decoder to a target is a layer or a chain of layers whose inputs are the encoder's code, or, of a sparse code, \
            `Dictionary::new().to::<64>()`"
)]
pub trait TargetDecoderFor<E: Part> {
    /// What it becomes.
    type Made: Part;
    /// Stops the build where only arithmetic tells that sizes differ.
    #[doc(hidden)]
    const FITS: () = ();
    /// Makes it.
    #[doc(hidden)]
    fn made(self, encoder: &E) -> Self::Made;
}
impl<E: Part, D: Part> TargetDecoderFor<E> for D
where
    D::Input: SameSize<E::Output>,
    D::Posterior: Pointlike,
    D::Condition: SameCondition<Unconditioned>,
    E::Posterior: DecodedBy<D>,
{
    type Made = D;
    const FITS: () = <D::Input as SameSize<E::Output>>::FITS;
    fn made(self, _encoder: &E) -> D {
        self
    }
}

/// A dictionary from the encoder's code to a target.
impl<E: Part<Condition = Unconditioned>, O: Size> TargetDecoderFor<E> for TargetDictionary<O> {
    type Made = DictionaryLayer<E::Output, O>;
    fn made(self, encoder: &E) -> Self::Made {
        self.of(encoder)
    }
}

/// Collects the parts of an [`AutoEncoder`]: first the encoder, then the decoder, then the rest.
///
/// | part | purpose | default |
/// |---|---|---|
/// | [`encoder`](Builder::encoder) | input → code | required |
/// | [`decoder`](Builder::decoder) | code → reconstruction | required, unless there is one of the next two |
/// | [`target_decoder`](Builder::target_decoder) | code → a target that is given beside the input: makes a transcoder | |
/// | [`head`](Builder::head), [`classes`](Builder::classes) | code → logits of classes: makes a classifier | |
/// | [`regularizer`](Builder::regularizer) | keeps the model from the identity | [`NoRegularizer`] |
/// | [`loss`](Builder::loss) | compares reconstruction and input | [`SquaredError`] |
/// | [`normalizer`](Builder::normalizer) | takes features to one scale and back | none |
/// | [`seed`](Builder::seed) | of the first weights | 0 |
///
/// Then [`build`](Builder::build).
#[derive(Debug, Clone)]
pub struct Builder<E = NoEncoder, D = NoDecoder, R = NoRegularizer, L = SquaredError> {
    pub(crate) encoder: E,
    pub(crate) decoder: D,
    pub(crate) regularizer: R,
    pub(crate) loss: L,
    /// What the loss's own parameters begin as, where they were trained before.
    pub(crate) loss_parameters: Vec<f64>,
    /// What the loss's type says that it compares with.
    pub(crate) target: Target,
    pub(crate) normalizer: Option<Normalizer>,
    pub(crate) seed: u64,
}

impl AutoEncoder<NoEncoder, NoDecoder> {
    /// Starts to collect the parts of a model of any type.
    pub fn builder() -> Builder {
        Builder {
            encoder: NoEncoder,
            decoder: NoDecoder,
            regularizer: NoRegularizer,
            loss: SquaredError,
            loss_parameters: Vec::new(),
            target: Target::Input,
            normalizer: None,
            seed: 0,
        }
    }
}

impl<E, D, L> Builder<Given<E>, Given<D>, NoRegularizer, L> {
    /// With parts whose sizes are known to fit.
    pub(crate) fn of(
        (encoder, decoder): (E, D),
        (loss, loss_parameters): (L, Vec<f64>),
        normalizer: Option<Normalizer>,
    ) -> Self {
        Self {
            encoder: Given(encoder),
            decoder: Given(decoder),
            regularizer: NoRegularizer,
            loss,
            loss_parameters,
            target: Target::Input,
            normalizer,
            seed: 0,
        }
    }
}

impl<R, L> Builder<NoEncoder, NoDecoder, R, L> {
    /// The encoder: a layer, a chain of layers, a [`Gaussian`](crate::Gaussian), or an [`Any`](crate::Any).
    pub fn encoder<E: Part>(self, encoder: E) -> Builder<Given<E>, NoDecoder, R, L> {
        let Self { decoder, regularizer, loss, loss_parameters, target, normalizer, seed, .. } =
            self;
        let encoder = Given(encoder);
        Builder { encoder, decoder, regularizer, loss, loss_parameters, target, normalizer, seed }
    }
}

impl<E: Slot, R, L> Builder<E, NoDecoder, R, L> {
    /// The decoder, from the encoder's code back to the encoder's input: a layer, a chain of layers, or
    /// [`Tied`].
    pub fn decoder<D>(self, decoder: D) -> Builder<Given<E::Part>, Given<D::Made>, R, L>
    where
        E: EncoderGiven,
        D: DecoderFor<E::Part>,
    {
        const { <D as DecoderFor<E::Part>>::FITS };
        let Self { encoder, regularizer, loss, loss_parameters, target, normalizer, seed, .. } =
            self;
        let decoder = Given(decoder.made(encoder.seen()));
        let encoder = Given(encoder.part());
        Builder { encoder, decoder, regularizer, loss, loss_parameters, target, normalizer, seed }
    }

    /// A decoder from the encoder's code to a target that is given beside each sample, and need not have its size: the
    /// model of a transcoder. It is trained on `(&x, &targets)`, compares by [`SquaredError`], or what is given to
    /// [`loss`](Self::loss) as [`Targeted`], and [predicts](AutoEncoder::predict) targets. Targets are compared as they are
    /// given: the normalizer is of the inputs alone.
    pub fn target_decoder<D>(self, decoder: D) -> WithTargetDecoder<E::Part, D::Made, R>
    where
        E: EncoderGiven,
        D: TargetDecoderFor<E::Part>,
        <E::Part as Part>::Condition: SameCondition<Unconditioned>,
        Targeted<SquaredError>: LossFor<D::Made>,
    {
        const { <D as TargetDecoderFor<E::Part>>::FITS };
        let Self { encoder, regularizer, normalizer, seed, .. } = self;
        let decoder = Given(decoder.made(encoder.seen()));
        let (loss, loss_parameters) = (Targeted(SquaredError), Vec::new());
        let (encoder, target) = (Given(encoder.part()), Target::Given);
        Builder { encoder, decoder, regularizer, loss, loss_parameters, target, normalizer, seed }
    }

    /// A head in place of a decoder, from the encoder's code to the logits of classes: the model is then a
    /// [`Classifier`](crate::Classifier), which is compared with the class of each sample by [`CrossEntropy`].
    pub fn head<D: Part>(self, head: D) -> Builder<Given<E::Part>, Given<D>, R, CrossEntropy>
    where
        E: EncoderGiven,
        D::Input: SameSize<<E::Part as Part>::Output>,
        D::Condition: SameCondition<<E::Part as Part>::Condition>,
        D::Posterior: Pointlike,
        CrossEntropy: LossFor<D>,
    {
        const { <D::Input as SameSize<<E::Part as Part>::Output>>::FITS };
        let Self { encoder, regularizer, normalizer, seed, .. } = self;
        let (decoder, loss, loss_parameters) = (Given(head), CrossEntropy, Vec::new());
        let target = Target::Class;
        let encoder = Given(encoder.part());
        Builder { encoder, decoder, regularizer, loss, loss_parameters, target, normalizer, seed }
    }

    /// A head of one dense layer for `K` classes, at least 2: softmax regression on the code.
    pub fn classes<const K: usize>(self) -> WithClasses<E::Part, Const<K>, R>
    where
        E: EncoderGiven,
        <E::Part as Part>::Condition: SameCondition<Unconditioned>,
    {
        self.softmax(Const)
    }

    /// As [`classes`](Self::classes), with a number of classes that is known at run time only.
    pub fn classes_dynamic(self, classes: usize) -> WithClasses<E::Part, Dyn, R>
    where
        E: EncoderGiven,
        <E::Part as Part>::Condition: SameCondition<Unconditioned>,
    {
        self.softmax(Dyn(classes))
    }

    fn softmax<K: Size>(self, classes: K) -> WithClasses<E::Part, K, R> {
        let Self { encoder, regularizer, normalizer, seed, .. } = self;
        let code = encoder.seen().output();
        let map = Matrix::new(code.value(), classes.value());
        let decoder = Given(Activated::new(map, Identity, code, classes));
        let (loss, loss_parameters, target) = (CrossEntropy, Vec::new(), Target::Class);
        let encoder = Given(encoder.part());
        Builder { encoder, decoder, regularizer, loss, loss_parameters, target, normalizer, seed }
    }
}

impl<E: Slot, D, R, L> Builder<E, D, R, L> {
    /// What keeps the model from learning the identity; a tuple for several.
    pub fn regularizer<R2: SuitedTo<E::Part>>(
        self,
        regularizer: R2,
    ) -> Builder<Given<E::Part>, D, R2, L>
    where
        E: EncoderGiven,
    {
        let Self { encoder, decoder, loss, loss_parameters, target, normalizer, seed, .. } = self;
        let encoder = Given(encoder.part());
        Builder { encoder, decoder, regularizer, loss, loss_parameters, target, normalizer, seed }
    }
}

impl<E, D: Slot, R, L: LossFor<D::Part>> Builder<E, D, R, L> {
    /// What compares the decoder's output with the clean input.
    pub fn loss<L2: LossFor<D::Part>>(self, loss: L2) -> Builder<E, Given<D::Part>, R, L2>
    where
        D: DecoderGiven,
        L2::Target: SameTarget<L::Target>,
    {
        let Self { encoder, decoder, regularizer, normalizer, seed, .. } = self;
        let (decoder, loss_parameters) = (Given(decoder.part()), Vec::new());
        let target = <L2::Target as Compares>::TARGET;
        Builder { encoder, decoder, regularizer, loss, loss_parameters, target, normalizer, seed }
    }
}

impl<E, D, R, L> Builder<E, D, R, L> {
    /// What was fitted to the training data, for features of different scale: inputs go through it
    /// before the encoder sees them, and reconstructions back through it, so that the user speaks in
    /// their own units. It is stored with the model.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{AutoEncoder, Batch, Dense, Normalizer, activation::{Identity, Tanh}, data::Normalization};
    ///
    /// let data = Batch::from_iter([[20.0, 1013.0], [24.0, 1009.0], [22.0, 1011.0]]); // °C, hPa
    /// let model = AutoEncoder::builder()
    ///     .encoder(Dense::<2, 1>::new(Tanh))
    ///     .decoder(Dense::<1, 2>::new(Identity))
    ///     .normalizer(Normalizer::fit(Normalization::Standardize, &data)?)
    ///     .build::<f64>()?;
    /// let pressure = model.reconstruct(&data)?.sample(0)[1];
    /// assert!((pressure - 1011.0).abs() < 10.0); // hPa, though nothing is trained yet
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn normalizer(self, normalizer: Normalizer) -> Self {
        Self { normalizer: Some(normalizer), ..self }
    }

    /// The seed of the first weights.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

impl<E: Slot, D: Slot, R, L> Builder<E, D, R, L> {
    /// Builds the model in the number type `T`, `f32` or `f64`, and draws its weights.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) where sizes known only at run time do
    /// not fit together, in number or as images or windows of other sides,
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a size of 0 or one beyond all memory, for what a
    /// regularizer [refuses](crate::Regularizer::check) or a [loss](crate::Loss::check_size), and for fewer than 2 classes,
    /// and [`Error::Unfit`](crate::Error::Unfit) where boxes hold what types would not let through: a loss on logits behind
    /// a decoder of bounded outputs, a Gaussian encoder as decoder or inside a chain, an image of several channels beside a
    /// window (of one channel they lie alike, and only the number of rows is compared), a loss on classes in a model that is
    /// compared with its inputs.
    #[allow(clippy::type_complexity)] // the model's own type, which is what one looks for here
    pub fn build<T: Scalar>(self) -> Result<AutoEncoder<E::Part, D::Part, R, L, T>>
    where
        D: DecoderGiven,
        E::Part: Layer<T> + Clone + 'static,
        D::Part: Layer<T> + Clone + 'static,
        R: Regularizer<T>,
        L: Loss<T>,
    {
        let network = scalar::build(self.parts(), &mut keyed(self.seed, 0, 0))?;
        self.require_one_target()?;
        let Self { encoder, decoder, regularizer, loss, .. } = self;
        let (encoder, decoder) = (encoder.part(), decoder.part());
        Ok(AutoEncoder { network, encoder, decoder, regularizer, loss })
    }

    /// Refuses what [`build`](Self::build) would, and draws nothing; and samples of this place that the model could not be
    /// trained on.
    pub(super) fn check<T: Scalar>(&self, samples: Option<(&'static str, End)>) -> Result<()>
    where
        E::Part: Layer<T> + Clone + 'static,
        D::Part: Layer<T> + Clone + 'static,
        R: Regularizer<T>,
        L: Loss<T>,
    {
        scalar::check(self.parts(), samples)?;
        self.require_one_target()
    }

    fn require_one_target<T: Float>(&self) -> Result<()>
    where
        L: Loss<T>,
    {
        let targets = "the number of targets that `Loss::target` and `LossFor::Target` name";
        require(self.loss.target() == self.target, targets, 2.0, "1: both say the same")
    }

    fn parts<T: Scalar>(&self) -> Parts<T>
    where
        E::Part: Layer<T> + Clone + 'static,
        D::Part: Layer<T> + Clone + 'static,
        R: Regularizer<T>,
        L: Loss<T>,
    {
        let Self { regularizer, loss, loss_parameters, normalizer, .. } = self;
        let (encoder, decoder) = (self.encoder.seen(), self.decoder.seen());
        Parts {
            encoder: Box::new(encoder.clone()),
            decoder: Box::new(decoder.clone()),
            loss: loss.boxed(),
            leaves: Leaf::all(regularizer),
            regularizer: regularizer.describe(),
            encoder_ends: [End::input(encoder), End::output(encoder)],
            decoder_ends: [End::input(decoder), End::output(decoder)],
            condition: encoder.num_inputs().saturating_sub(encoder.input().value()),
            normalizer: normalizer.clone(),
            loss_parameters: loss_parameters.clone(),
        }
    }
}
