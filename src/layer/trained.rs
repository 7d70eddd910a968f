//! Parts with their parameters, to build other models of.

use rand::Rng;

use super::field::Lies;
use super::jacobian::{Asked, JacobianGradient};
use super::layout::Layout;
use super::sparse::InCommon;
use super::tied::{Detach, Place, Shareable};
use super::{
    DualViewMut, Layer, Module, Part, Pass, TangentPass, activation::Ranged, field_by, layer_by,
};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::numbers::scalar::Float;

/// A layer, encoder or decoder with the parameters it was trained to. A model of it starts with these
/// parameters instead of drawn ones.
///
/// Made by [`AutoEncoder::trained_encoder`](crate::AutoEncoder::trained_encoder) and its like. Parts can
/// be joined to others as any part can: as half of another model, or
/// [one after the other](crate::Then). What was frozen in the model stays frozen, until it is
/// [unfrozen](Trained::unfrozen). A model's normalizer is not a part of its encoder: another model of
/// the encoder needs the same one, by [`Builder::normalizer`](crate::Builder::normalizer).
///
/// # Of a classifier
/// The layers of a classifier can be an encoder too, but a label rewards them only for what tells classes apart, not for
/// the grey of a stroke or where it ends, and the later layers pass on less of that. Convolutions that were trained on
/// labels, and frozen, against the same net trained as an autoencoder from the start: squared error of an embedded test
/// digit (8 × 8), from a decoder trained on top, one seed, by `examples/17_recognition` in the repository.
///
/// | cut after | numbers | a classifier's | random weights | trained for it |
/// |---|---:|---:|---:|---:|
/// | the 1st convolution | 512 | 0.37 | 0.45 | 0.12 |
/// | the 2nd, stride 2 | 128 | 0.39 | 1.01 | 0.08 |
/// | the 3rd, stride 2 | 64 | 0.92 | 1.92 | 0.35 |
/// | a dense layer | 10 | 1.53 | 2.98 | 0.98 |
///
/// The mean digit of the class, which is all that a label says, leaves 2.96: how a digit is written is in the ten
/// numbers as well. A variational code of ten numbers above the frozen convolutions was as good as one trained
/// throughout (−ELBO of 24.78 and 24.71 nats above the third), but not above the dense layer (25.28 and 24.84). On
/// MNIST, after 3 epochs, reconstructions have the same order with wider gaps, and a frozen first layer costs a
/// variational code 8 of 119 nats: there the convolutions need to be trained too.
///
/// # Example
/// A recognition model, trained elsewhere, with a generative half on top:
/// ```
/// use autoencoder::{Adam, AutoEncoder, Dense, Then, Trainer, activation::{Relu, Sigmoid}, datasets};
///
/// let digits = datasets::digits();
/// let mut first = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// Trainer::new(Adam::new(1e-2)?).epochs(2).fit(&mut first, &digits.train)?;
///
/// let mut joined = AutoEncoder::builder()
///     .encoder(first.trained_encoder().frozen())
///     .decoder(Dense::<16, 40>::new(Relu).then(Dense::<40, 64>::new(Sigmoid)))
///     .build::<f32>()?;
/// Trainer::new(Adam::new(1e-2)?).epochs(2).fit(&mut joined, &digits.train)?;
/// assert_eq!(joined.encode(&digits.test)?, first.encode(&digits.test)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trained<P, T> {
    part: P,
    parameters: std::sync::Arc<[T]>,
    is_frozen: bool,
}

impl<P: Module, T> Trained<P, T> {
    pub(crate) fn new(part: P, parameters: Vec<T>) -> Self {
        assert_eq!(part.num_parameters(), parameters.len());
        Self { part, parameters: parameters.into(), is_frozen: false }
    }

    /// The part, without its parameters.
    pub fn part(&self) -> &P {
        &self.part
    }

    /// The parameters that were given with it, in the order of its layout. A model that is built with it begins
    /// with them; its training does not change them here.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// Keeps its parameters: training changes the other parts only.
    pub fn frozen(mut self) -> Self {
        self.part.set_frozen(true);
        self.is_frozen = true;
        self
    }

    /// Lets it be trained again.
    pub fn unfrozen(mut self) -> Self {
        self.part.set_frozen(false);
        self.is_frozen = false;
        self
    }
}

impl<P: Module, T: Float> Module for Trained<P, T> {
    fn num_inputs(&self) -> usize {
        self.part.num_inputs()
    }
    fn num_outputs(&self) -> usize {
        self.part.num_outputs()
    }
    fn num_parameters(&self) -> usize {
        self.part.num_parameters()
    }
    fn num_shared(&self) -> usize {
        self.part.num_shared()
    }
    fn is_gaussian(&self) -> bool {
        self.part.is_gaussian()
    }
    fn is_frozen(&self) -> bool {
        self.is_frozen || self.part.is_frozen()
    }
    /// Also what does not know of freezing.
    fn set_frozen(&mut self, is_frozen: bool) {
        self.part.set_frozen(is_frozen);
        self.is_frozen = is_frozen;
    }
    fn set_shared_frozen(&mut self, is_frozen: bool) {
        self.part.set_shared_frozen(is_frozen);
    }
    fn in_common(&self) -> Option<InCommon> {
        self.part.in_common()
    }
    fn skips(&self) -> Option<usize> {
        self.part.skips()
    }
    fn check_sizes(&self) -> Result<()> {
        self.part.check_sizes()
    }
    field_by!(part);
}

impl<P: Part, T: Float> Part for Trained<P, T> {
    type Input = P::Input;
    type Output = P::Output;
    type Range = P::Range;
    type Posterior = P::Posterior;
    type Condition = P::Condition;
    fn input(&self) -> P::Input {
        self.part.input()
    }
    fn output(&self) -> P::Output {
        self.part.output()
    }
    fn inputs_lie(&self) -> Option<Lies> {
        self.part.inputs_lie()
    }
}

impl<P: Layer<T> + Clone + 'static, T: Float> Layer<T> for Trained<P, T> {
    fn layout(&self, layout: &mut Layout) {
        layout.frozen(self.is_frozen, |layout| self.part.layout(layout));
    }
    fn draw_parameters(&self, parameters: &mut [T], _rng: &mut dyn Rng) {
        parameters.copy_from_slice(&self.parameters);
    }
    layer_by!(part);
}

impl<P: Shareable, T: Float> Shareable for Trained<P, T> {
    type Last = P::Last;
    type Mirror<S: Ranged + Clone + std::fmt::Debug + Send + Sync + 'static> = P::Mirror<S>;
    fn last(&self) -> &P::Last {
        self.part.last()
    }
    fn num_mirror_biases(&self) -> usize {
        self.part.num_mirror_biases()
    }
    fn mirror<S: Ranged + Clone + std::fmt::Debug + Send + Sync + 'static>(
        &self,
        activation: S,
        at: Place,
    ) -> P::Mirror<S> {
        self.part.mirror(activation, at)
    }
}

impl<P: Detach<T> + Clone + 'static, T: Float> Detach<T> for Trained<P, T> {
    type Detached = P::Detached;
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> P::Detached {
        self.part.detach(parameters, to)
    }
}
