use rand::Rng;

use super::{DualViewMut, Layer, Module, Pass, TangentPass};
use crate::builder::{Build, Describe};
use crate::error::{Result, require_size};
use crate::{BatchView, BatchViewMut, Layout, Scalar, size::SameSize};
use nalgebra::Dim;

/// Describes one layer after the other; written `first.then(second)`.
#[derive(Debug, Clone)]
pub struct Chain<A, B> {
    first: A,
    second: B,
}

impl<A: Describe, B: Describe> Describe for Chain<A, B> {
    type Input = A::Input;
    type Output = B::Output;
}

impl<T: Scalar, A: Build<T>, B: Build<T>> Build<T> for Chain<A, B> {
    type Built = ChainLayer<A::Built, B::Built>;
    fn build(self) -> Self::Built {
        ChainLayer { first: self.first.build(), second: self.second.build() }
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
