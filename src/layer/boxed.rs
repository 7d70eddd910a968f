use std::marker::PhantomData;

use nalgebra::Dyn;
use rand::Rng;

use super::field::{Lies, Span, Steps};
use super::jacobian::{Asked, JacobianGradient};
use super::layout::Layout;
use super::part::End;
use super::range::{AnyRange, Range};
use super::tied::Detach;
use super::{
    AnyPosterior, Chain, DualViewMut, Layer, Module, Part, Pass, TangentPass, Unconditioned,
    layer_by, module_by,
};
use crate::batch::size::Size;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, invalid};
use crate::numbers::scalar::Float;

/// Any layer, encoder or decoder, chosen at run time. `Any<f32>` is the short name of a part of any depth; what
/// types then no longer tell is asked when the model is built. The types that are kept are checked by the
/// compiler as ever: `Any<f32, Const<64>, Const<8>, UnitInterval, Point>`.
///
/// Made by [`AnyPart::boxed`] and [`AnyPart::boxed_as`].
///
/// # Example
/// ```
/// use autoencoder::activation::{Activation, Identity, Relu, Tanh};
/// use autoencoder::layer::{Any, AnyPart};
/// use autoencoder::{AutoEncoder, Dense};
///
/// let (widths, features) = ([16, 8, 3], 20); // from a file, say
/// let mut layers: Vec<Any<f32>> = Vec::new();
/// let mut inputs = features;
/// for (number, width) in widths.into_iter().enumerate() {
///     let activation: Box<dyn Activation<f32>> = if number < 2 { Box::new(Relu) } else { Box::new(Tanh) };
///     layers.push(Dense::dynamic(inputs, width, activation).boxed());
///     inputs = width;
/// }
/// let model = AutoEncoder::builder()
///     .encoder(Any::of(layers)?)
///     .decoder(Dense::dynamic(3, features, Identity).boxed::<f32>())
///     .build::<f32>()?;
/// assert_eq!(model.num_parameters(), 21 * 16 + 17 * 8 + 9 * 3 + 4 * 20);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub struct Any<T, I = Dyn, O = Dyn, R = AnyRange, P = AnyPosterior> {
    layer: Box<dyn Layer<T>>,
    input: I,
    output: O,
    /// How inputs and outputs lie, which sizes without a type do not say.
    lie: [Option<Lies>; 2],
    types: PhantomData<fn() -> (R, P)>,
}

impl<T, I, O, R, P> std::fmt::Debug for Any<T, I, O, R, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Any").field(&self.layer).finish()
    }
}

impl<T: Float, I: Clone, O: Clone, R, P> Clone for Any<T, I, O, R, P> {
    fn clone(&self) -> Self {
        let Self { layer, input, output, lie, types } = self;
        let (layer, input, output) = (layer.clone(), input.clone(), output.clone());
        Self { layer, input, output, lie: *lie, types: *types }
    }
}

/// Forgets the type of a part.
pub trait AnyPart: Part {
    /// The part without its types. What takes a condition keeps it: box what is inside.
    fn boxed<T: Float>(self) -> Any<T>
    where
        Self: Layer<T> + Clone + 'static,
    {
        let (input, output) = (Dyn(self.input().value()), Dyn(self.output().value()));
        Any { lie: lie(&self), layer: Box::new(self), input, output, types: PhantomData }
    }

    /// The part without its layers, but with its sizes, range and posterior as types.
    fn boxed_as<T: Float>(self) -> Any<T, Self::Input, Self::Output, Self::Range, Self::Posterior>
    where
        Self: Layer<T> + Clone + 'static,
    {
        let (input, output) = (self.input(), self.output());
        Any { lie: lie(&self), layer: Box::new(self), input, output, types: PhantomData }
    }
}
impl<P: Part<Condition = Unconditioned>> AnyPart for P {}

fn lie(part: &impl Part) -> [Option<Lies>; 2] {
    [End::input(part), End::output(part)].map(End::lies)
}

impl<T: Float> Any<T> {
    /// A layer in a box, as a part.
    pub(super) fn around(layer: Box<dyn Layer<T>>) -> Self {
        let (input, output) = (Dyn(layer.num_inputs()), Dyn(layer.num_outputs()));
        let lie = [None, layer.lies()];
        Self { layer, input, output, lie, types: PhantomData }
    }

    /// Layers one after the other, as one part.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for none. Whether they fit together is asked when
    /// the model is built.
    pub fn of(layers: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut layers = layers.into_iter();
        let Some(first) = layers.next() else {
            return Err(invalid("the number of layers", 0.0, "at least 1"));
        };
        Ok(layers.fold(first, |first, second| Chain::new(first, second).boxed()))
    }
}

impl<T: Float, I: Size, O: Size, R, P> Module for Any<T, I, O, R, P> {
    module_by!(layer);
    fn lies(&self) -> Option<Lies> {
        self.lie[1]
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        self.layer.steps()
    }
    fn keeps_places(&self) -> bool {
        self.layer.keeps_places()
    }
    fn field(&self, places: [Span; 2]) -> Option<[Span; 2]> {
        self.layer.field(places)
    }
    fn check_sizes(&self) -> Result<()> {
        self.layer.check_sizes()
    }
}

impl<T: Float, I: Size, O: Size, R: Range, P> Part for Any<T, I, O, R, P> {
    type Input = I;
    type Output = O;
    type Range = R;
    type Posterior = P;
    type Condition = Unconditioned;
    fn input(&self) -> I {
        self.input
    }
    fn output(&self) -> O {
        self.output
    }
    fn inputs_lie(&self) -> Option<Lies> {
        self.lie[0]
    }
}

impl<T: Float, I: Size, O: Size, R: 'static, P: 'static> Layer<T> for Any<T, I, O, R, P> {
    fn layout(&self, layout: &mut Layout) {
        self.layer.layout(layout);
    }
    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        self.layer.draw_parameters(parameters, rng);
    }
    fn begin_as(&self, encoder: &[T], own: &mut [T]) {
        self.layer.begin_as(encoder, own);
    }
    layer_by!(layer);
}

impl<T: Float, I: Size, O: Size, R: Range + 'static, P: 'static> Detach<T> for Any<T, I, O, R, P> {
    type Detached = Self;
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self {
        if let Some(layer) = self.layer.untied(parameters, to) {
            return Self { layer, ..self.clone() };
        }
        to.extend_from_slice(parameters);
        self.clone()
    }
}
