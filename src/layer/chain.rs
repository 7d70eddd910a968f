use rand::Rng;

use super::{DualViewMut, Layer, Mirror, MirrorGradient, Module, Pass, TangentPass};
use crate::batch::size::SameSize;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_size};
use crate::layer::activation::Activation;
use crate::layer::layout::Layout;
use crate::model::builder::{Build, Describe, Start};
use crate::numbers::scalar::Scalar;
use nalgebra::Dim;

/// Describes one layer after the other; written `first.then(second)`.
#[derive(Debug, Clone)]
pub struct Chain<A, B> {
    first: A,
    second: B,
}

impl<A, B> Chain<A, B> {
    /// Of parts whose sizes are known to fit.
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Describe, B: Describe> Describe for Chain<A, B> {
    type Input = A::Input;
    type Output = B::Output;
}

impl<T: Scalar, A: Build<T>, B: Build<T>> Build<T> for Chain<A, B> {
    type Built = ChainLayer<A::Built, B::Built>;
    fn build_into(self, start: &mut Start<'_, T>) -> Self::Built {
        let first = self.first.build_into(start);
        ChainLayer { first, second: self.second.build_into(start) }
    }
}

/// Appends a layer to a description.
///
/// # Example
/// ```
/// use autoencoder::{Dense, Then, activation::{Identity, Relu}};
/// let encoder = Dense::<784, 256>::new(Relu).then(Dense::<256, 32>::new(Identity));
/// # let _ = encoder;
/// ```
pub trait Then: Describe + Sized {
    /// This, followed by `next`, whose inputs are this one's outputs.
    fn then<B: Describe>(self, next: B) -> Chain<Self, B>
    where
        B::Input: SameSize<Self::Output>,
    {
        Chain { first: self, second: next }
    }
}
impl<D: Describe> Then for D {}

/// Two layers, one after the other. Described by [`Chain`]; chains of chains reach any length.
///
/// On the tape: the first one's tape, the values between the two, the second one's tape.
#[derive(Debug, Clone)]
pub struct ChainLayer<A, B> {
    first: A,
    second: B,
}

impl<A, B> ChainLayer<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Layer, B: Layer<Scalar = A::Scalar, Input = A::Output>> ChainLayer<A, B> {
    /// The two layers.
    pub fn layers(&self) -> (&A, &B) {
        (&self.first, &self.second)
    }

    fn hidden_len(&self, samples: usize) -> usize {
        self.first.output_dim().value() * samples
    }

    /// What the pass was for each of the two.
    #[allow(clippy::type_complexity)]
    fn passes<'a>(
        &self,
        pass: Pass<'a, A::Scalar, A::Input, B::Output>,
    ) -> (Pass<'a, A::Scalar, A::Input, A::Output>, Pass<'a, A::Scalar, B::Input, B::Output>) {
        let samples = pass.x.samples();
        let (first, second) = pass.parameters.split_at(self.first.num_parameters());
        let (tape, rest) = pass.tape.split_at(self.first.tape_len(samples));
        let (hidden, second_tape) = rest.split_at(self.hidden_len(samples));
        let hidden = BatchView::new(hidden, self.first.output_dim());
        (
            Pass { parameters: first, x: pass.x, y: hidden, tape },
            Pass { parameters: second, x: hidden, y: pass.y, tape: second_tape },
        )
    }
}

impl<A: Layer, B: Layer<Scalar = A::Scalar, Input = A::Output>> Module for ChainLayer<A, B> {
    type Scalar = A::Scalar;

    fn layout(&self, layout: &mut Layout) {
        self.first.layout(layout);
        self.second.layout(layout);
    }

    fn num_parameters(&self) -> usize {
        self.first.num_parameters() + self.second.num_parameters()
    }

    fn draw_parameters(&self, parameters: &mut [A::Scalar], rng: &mut dyn Rng) {
        let (first, second) = parameters.split_at_mut(self.first.num_parameters());
        self.first.draw_parameters(first, rng);
        self.second.draw_parameters(second, rng);
    }

    fn tape_len(&self, samples: usize) -> usize {
        let tapes = self.first.tape_len(samples) + self.second.tape_len(samples);
        tapes + self.hidden_len(samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        let parts = self.first.scratch_len(samples).max(self.second.scratch_len(samples));
        2 * self.hidden_len(samples) + parts
    }

    fn is_frozen(&self) -> bool {
        self.first.is_frozen() && self.second.is_frozen()
    }

    fn set_frozen(&mut self, is_frozen: bool) {
        self.first.set_frozen(is_frozen);
        self.second.set_frozen(is_frozen);
    }

    fn check_sizes(&self) -> Result<()> {
        self.first.check_sizes()?;
        self.second.check_sizes()?;
        let (given, taken) = (self.first.output_dim(), self.second.input_dim());
        require_size("inputs of the next layer of a chain", "units", given.value(), taken.value())
    }
}

impl<A: Layer, B: Layer<Scalar = A::Scalar, Input = A::Output>> Layer for ChainLayer<A, B> {
    type Input = A::Input;
    type Output = B::Output;
    type Range = B::Range;

    fn input_dim(&self) -> A::Input {
        self.first.input_dim()
    }

    fn output_dim(&self) -> B::Output {
        self.second.output_dim()
    }

    fn forward(
        &self,
        parameters: &[A::Scalar],
        x: BatchView<'_, A::Scalar, A::Input>,
        y: BatchViewMut<'_, A::Scalar, B::Output>,
        tape: &mut [A::Scalar],
    ) {
        let samples = x.samples();
        let (first, second) = parameters.split_at(self.first.num_parameters());
        let (first_tape, rest) = tape.split_at_mut(self.first.tape_len(samples));
        let (hidden, second_tape) = rest.split_at_mut(self.hidden_len(samples));
        let mut hidden = BatchViewMut::new(hidden, self.first.output_dim());
        self.first.forward(first, x, hidden.reborrow(), first_tape);
        self.second.forward(second, hidden.as_view(), y, second_tape);
    }

    fn backward(
        &self,
        pass: Pass<'_, A::Scalar, A::Input, B::Output>,
        dy: BatchViewMut<'_, A::Scalar, B::Output>,
        dx: Option<BatchViewMut<'_, A::Scalar, A::Input>>,
        gradient: Option<&mut [A::Scalar]>,
        scratch: &mut [A::Scalar],
    ) {
        let (first, second) = self.passes(pass);
        let (d_hidden, scratch) = scratch.split_at_mut(self.hidden_len(pass.x.samples()));
        let mut d_hidden = BatchViewMut::new(d_hidden, self.first.output_dim());
        let (first_gradient, second_gradient) =
            gradient.map(|g| g.split_at_mut(self.first.num_parameters())).unzip();
        if dx.is_none() && (self.first.is_frozen() || first_gradient.is_none()) {
            return self.second.backward(second, dy, None, second_gradient, scratch);
        }
        self.second.backward(second, dy, Some(d_hidden.reborrow()), second_gradient, scratch);
        self.first.backward(first, d_hidden, dx, first_gradient, scratch);
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        let tapes = self.first.tangent_tape_len(samples) + self.second.tangent_tape_len(samples);
        tapes + self.hidden_len(samples)
    }

    fn tangent(
        &self,
        pass: Pass<'_, A::Scalar, A::Input, B::Output>,
        v: BatchView<'_, A::Scalar, A::Input>,
        jv: BatchViewMut<'_, A::Scalar, B::Output>,
        tangent_tape: &mut [A::Scalar],
    ) {
        let samples = v.samples();
        let (first, second) = self.passes(pass);
        let (first_tape, rest) = tangent_tape.split_at_mut(self.first.tangent_tape_len(samples));
        let (hidden, second_tape) = rest.split_at_mut(self.hidden_len(samples));
        let mut hidden = BatchViewMut::new(hidden, self.first.output_dim());
        self.first.tangent(first, v, hidden.reborrow(), first_tape);
        self.second.tangent(second, hidden.as_view(), jv, second_tape);
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, A::Scalar, A::Input, B::Output>,
        tangent: TangentPass<'_, A::Scalar, A::Input>,
        d: DualViewMut<'_, A::Scalar, B::Output>,
        d_input: Option<DualViewMut<'_, A::Scalar, A::Input>>,
        gradient: &mut [A::Scalar],
        scratch: &mut [A::Scalar],
    ) {
        let samples = pass.x.samples();
        let (first, second) = self.passes(pass);
        let (first_tape, rest) = tangent.tape.split_at(self.first.tangent_tape_len(samples));
        let (hidden, second_tape) = rest.split_at(self.hidden_len(samples));
        let hidden = BatchView::new(hidden, self.first.output_dim());

        let (d_value, rest) = scratch.split_at_mut(self.hidden_len(samples));
        let (d_tangent, scratch) = rest.split_at_mut(self.hidden_len(samples));
        let mut d_hidden = DualViewMut {
            value: BatchViewMut::new(d_value, self.first.output_dim()),
            tangent: BatchViewMut::new(d_tangent, self.first.output_dim()),
        };
        let for_second =
            DualViewMut { value: d_hidden.value.reborrow(), tangent: d_hidden.tangent.reborrow() };
        let (first_gradient, second_gradient) = gradient.split_at_mut(self.first.num_parameters());
        let second_tangent = TangentPass { v: hidden, tape: second_tape };
        self.second.tangent_backward(
            second,
            second_tangent,
            d,
            Some(for_second),
            second_gradient,
            scratch,
        );
        let first_tangent = TangentPass { v: tangent.v, tape: first_tape };
        self.first.tangent_backward(
            first,
            first_tangent,
            d_hidden,
            d_input,
            first_gradient,
            scratch,
        );
    }
}

/// The second one's mirror, then the first one's, which lies before it in the parameters that are
/// shared and behind it in the biases.
///
/// On the tape: the tape of the second one's mirror, the values between the two, the other tape.
impl<A, B> Mirror for ChainLayer<A, B>
where
    A: Mirror,
    B: Mirror<Scalar = A::Scalar, Input = A::Output>,
{
    type Last = B::Last;
    type Untied<S: Activation<A::Scalar>> = ChainLayer<B::Untied<A::Last>, A::Untied<S>>;

    fn last(&self) -> &B::Last {
        self.second.last()
    }

    fn mirror_layout<S: Activation<A::Scalar>>(&self, activation: &S, layout: &mut Layout) {
        self.second.mirror_layout(self.first.last(), layout);
        self.first.mirror_layout(activation, layout);
    }

    fn num_biases(&self) -> usize {
        self.first.num_biases() + self.second.num_biases()
    }

    fn mirror_tape_len<S: Activation<A::Scalar>>(&self, activation: &S, samples: usize) -> usize {
        self.second.mirror_tape_len(self.first.last(), samples)
            + self.hidden_len(samples)
            + self.first.mirror_tape_len(activation, samples)
    }

    fn mirror_scratch_len(&self, samples: usize) -> usize {
        let (first, second) = (&self.first, &self.second);
        let parts = first.mirror_scratch_len(samples).max(second.mirror_scratch_len(samples));
        self.hidden_len(samples) + parts
    }

    fn mirror_forward<S: Activation<A::Scalar>>(
        &self,
        activation: &S,
        (parameters, biases): (&[A::Scalar], &[A::Scalar]),
        h: BatchView<'_, A::Scalar, B::Output>,
        y: BatchViewMut<'_, A::Scalar, A::Input>,
        tape: &mut [A::Scalar],
    ) {
        let samples = h.samples();
        let (first, second) = parameters.split_at(self.first.num_parameters());
        let (second_biases, first_biases) = biases.split_at(self.second.num_biases());
        let second_tape = self.second.mirror_tape_len(self.first.last(), samples);
        let (second_tape, rest) = tape.split_at_mut(second_tape);
        let (hidden, first_tape) = rest.split_at_mut(self.hidden_len(samples));
        let mut hidden = BatchViewMut::new(hidden, self.first.output_dim());
        let shared = (second, second_biases);
        self.second.mirror_forward(self.first.last(), shared, h, hidden.reborrow(), second_tape);
        let shared = (first, first_biases);
        self.first.mirror_forward(activation, shared, hidden.as_view(), y, first_tape);
    }

    fn mirror_backward<S: Activation<A::Scalar>>(
        &self,
        activation: &S,
        pass: Pass<'_, A::Scalar, B::Output, A::Input>,
        dy: BatchViewMut<'_, A::Scalar, A::Input>,
        dh: Option<BatchViewMut<'_, A::Scalar, B::Output>>,
        (weights, biases): MirrorGradient<'_, A::Scalar>,
        scratch: &mut [A::Scalar],
    ) {
        let samples = pass.x.samples();
        let (first, second) = pass.parameters.split_at(self.first.num_parameters());
        let second_tape = self.second.mirror_tape_len(self.first.last(), samples);
        let (second_tape, rest) = pass.tape.split_at(second_tape);
        let (hidden, first_tape) = rest.split_at(self.hidden_len(samples));
        let hidden = BatchView::new(hidden, self.first.output_dim());
        let (first_weights, second_weights) =
            weights.map(|g| g.split_at_mut(self.first.num_parameters())).unzip();
        let (second_biases, first_biases) =
            biases.map(|g| g.split_at_mut(self.second.num_biases())).unzip();
        let (d_hidden, scratch) = scratch.split_at_mut(self.hidden_len(samples));
        let mut d_hidden = BatchViewMut::new(d_hidden, self.first.output_dim());

        let of_first = Pass { parameters: first, x: hidden, y: pass.y, tape: first_tape };
        let gradient = (first_weights, first_biases);
        let reborrowed = Some(d_hidden.reborrow());
        self.first.mirror_backward(activation, of_first, dy, reborrowed, gradient, scratch);
        let of_second = Pass { parameters: second, x: pass.x, y: hidden, tape: second_tape };
        let gradient = (second_weights, second_biases);
        let last = self.first.last();
        self.second.mirror_backward(last, of_second, d_hidden, dh, gradient, scratch);
    }

    fn untie<S: Activation<A::Scalar>>(
        &self,
        activation: S,
        (parameters, biases): (&[A::Scalar], &[A::Scalar]),
        untied: &mut Vec<A::Scalar>,
    ) -> Self::Untied<S> {
        let (first, second) = parameters.split_at(self.first.num_parameters());
        let (second_biases, first_biases) = biases.split_at(self.second.num_biases());
        let last = self.first.last().clone();
        let outer = self.second.untie(last, (second, second_biases), untied);
        ChainLayer::new(outer, self.first.untie(activation, (first, first_biases), untied))
    }
}
