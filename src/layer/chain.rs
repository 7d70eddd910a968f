use std::fmt::Debug;

use rand::Rng;

use super::activation::Ranged;
use super::field::{Lies, Link, Span, Steps};
use super::layout::Layout;
use super::part::End;
use super::tied::{Detach, Place, Shareable};
use super::{
    Any, DualViewMut, Layer, Module, Part, Pass, Pointlike, SameCondition, TangentPass,
    Unconditioned, require_link,
};
use crate::batch::size::SameSize;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_fit, require_size};
use crate::numbers::scalar::Float;

/// Two layers, one after the other, written `first.then(second)`; chains of chains reach any length.
///
/// # Errors
/// Sizes that differ do not compile; of run-time sizes, and of parts in boxes, `build` refuses with
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) outputs that are not the next layer's inputs in number or, where both
/// are images or both windows, along a side, also where an activation or a residual layer of plain features stands
/// between, and with [`Error::Unfit`](crate::Error::Unfit) an image beside a window. Of one channel these lie alike: an
/// image of one row fits a window of as many steps, and one of more rows is refused by their number.
///
/// On the tape: the first one's tape, the values between the two, the second one's tape.
#[derive(Debug, Clone)]
pub struct Chain<A, B> {
    pub(crate) first: A,
    pub(crate) second: B,
}

impl<A, B> Chain<A, B> {
    /// Of parts whose sizes are known to fit.
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }

    /// The two layers.
    pub fn layers(&self) -> (&A, &B) {
        (&self.first, &self.second)
    }
}

/// Appends a layer.
///
/// # Example
/// ```
/// use autoencoder::{Dense, Then, activation::{Identity, Relu}};
/// let encoder = Dense::<784, 256>::new(Relu).then(Dense::<256, 32>::new(Identity));
/// # let _ = encoder;
/// ```
pub trait Then: Part {
    /// This, followed by `next`, whose inputs are this one's outputs.
    fn then<B: Part>(self, next: B) -> Chain<Self, B>
    where
        B::Input: SameSize<Self::Output>,
        Self::Posterior: Pointlike,
        B::Posterior: Pointlike,
        Self::Condition: SameCondition<Unconditioned>,
        B::Condition: SameCondition<Unconditioned>,
    {
        const { <B::Input as SameSize<Self::Output>>::FITS };
        Chain { first: self, second: next }
    }
}
impl<P: Part> Then for P {}

impl<A: Part, B: Part> Chain<A, B> {
    fn hidden_len(&self, samples: usize) -> usize {
        self.first.num_outputs() * samples
    }

    /// The parameters of each. Where they are shared with the encoder, each knows its place among all.
    fn split<'a, T>(&self, parameters: &'a [T]) -> (&'a [T], &'a [T]) {
        if self.num_shared() > 0 {
            (parameters, parameters)
        } else {
            parameters.split_at(self.first.num_parameters())
        }
    }

    /// The parts of a tangent tape: the first one's, the values between the two, the second one's.
    pub(crate) fn tangent_tapes<'a, T: Float>(
        &self,
        tape: &'a [T],
        samples: usize,
    ) -> (&'a [T], BatchView<'a, T>, &'a [T])
    where
        A: Layer<T>,
    {
        let (first, rest) = tape.split_at(self.first.tangent_tape_len(samples));
        let (hidden, second) = rest.split_at(self.hidden_len(samples));
        (first, BatchView::new(hidden, self.first.num_outputs()), second)
    }

    /// What the pass was for each of the two.
    pub(crate) fn passes<'a, T: Float>(&self, pass: Pass<'a, T>) -> (Pass<'a, T>, Pass<'a, T>)
    where
        A: Layer<T>,
    {
        let samples = pass.x.samples();
        let (first, second) = self.split(pass.parameters);
        let (tape, rest) = pass.tape.split_at(self.first.tape_len(samples));
        let (hidden, second_tape) = rest.split_at(self.hidden_len(samples));
        let hidden = BatchView::new(hidden, self.first.num_outputs());
        (
            Pass { parameters: first, x: pass.x, y: hidden, tape },
            Pass { parameters: second, x: hidden, y: pass.y, tape: second_tape },
        )
    }
}

impl<A: Part, B: Part> Module for Chain<A, B> {
    fn num_inputs(&self) -> usize {
        self.first.num_inputs()
    }

    fn num_outputs(&self) -> usize {
        self.second.num_outputs()
    }

    fn num_parameters(&self) -> usize {
        self.first.num_parameters().saturating_add(self.second.num_parameters())
    }

    fn num_shared(&self) -> usize {
        self.first.num_shared().max(self.second.num_shared())
    }

    fn is_frozen(&self) -> bool {
        self.first.is_frozen() && self.second.is_frozen()
    }

    fn set_frozen(&mut self, is_frozen: bool) {
        self.first.set_frozen(is_frozen);
        self.second.set_frozen(is_frozen);
    }

    fn set_shared_frozen(&mut self, is_frozen: bool) {
        self.first.set_shared_frozen(is_frozen);
        self.second.set_shared_frozen(is_frozen);
    }

    fn check_sizes(&self) -> Result<()> {
        self.first.check_sizes()?;
        self.second.check_sizes()?;
        require_link("a layer of a chain", &self.first)?;
        require_link("a layer of a chain", &self.second)?;
        let (first, second) = (self.first.num_shared(), self.second.num_shared());
        let fault = "shares other weights with an encoder than the next";
        let remedy = "tie all layers of a chain to one encoder, or none";
        require_fit(first == second, "a layer of a chain", fault, remedy)?;
        let place = "inputs of the next layer of a chain";
        let (given, taken) = (self.first.num_outputs(), self.second.num_inputs());
        require_size(place, "units", given, taken)?;
        End::output(&self.first).require(place, End::input(&self.second))
    }

    fn lies(&self) -> Option<Lies> {
        let (first, second) = (End::output(&self.first), End::output(&self.second));
        second.behind(first, &self.second).lies()
    }

    /// Of two layers that leave all in its place, that they do; else their steps are not those of one layer.
    fn steps(&self) -> Option<[Steps; 2]> {
        let stay = Some([Steps::SAME; 2]);
        if self.first.steps() == stay && self.second.steps() == stay { stay } else { None }
    }

    fn keeps_places(&self) -> bool {
        self.first.keeps_places() && self.second.keeps_places()
    }

    fn field(&self, places: [Span; 2]) -> Option<[Span; 2]> {
        self.first.field(self.second.field(places)?)
    }
}

impl<A: Part, B: Part> Part for Chain<A, B> {
    type Input = A::Input;
    type Output = B::Output;
    type Range = B::Range;
    type Posterior = B::Posterior;
    type Condition = Unconditioned;
    fn input(&self) -> A::Input {
        self.first.input()
    }
    fn output(&self) -> B::Output {
        self.second.output()
    }

    /// Behind what looks at each input in its place, as the next takes them.
    fn inputs_lie(&self) -> Option<Lies> {
        End::input(&self.first).behind(End::input(&self.second), &self.first).lies()
    }
}

impl<T, A, B> Layer<T> for Chain<A, B>
where
    T: Float,
    A: Layer<T> + Part + Clone + 'static,
    B: Layer<T> + Part + Clone + 'static,
{
    fn layout(&self, layout: &mut Layout) {
        self.first.layout(layout);
        self.second.layout(layout);
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let (first, second) = parameters.split_at_mut(self.first.num_parameters());
        self.first.draw_parameters(first, rng);
        self.second.draw_parameters(second, rng);
    }

    fn range(&self) -> (f64, f64) {
        self.second.range()
    }

    fn tape_len(&self, samples: usize) -> usize {
        let tapes = self.first.tape_len(samples) + self.second.tape_len(samples);
        tapes + self.hidden_len(samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        let parts = self.first.scratch_len(samples).max(self.second.scratch_len(samples));
        2 * self.hidden_len(samples) + parts
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        tape: &mut [T],
        scratch: &mut [T],
    ) {
        let samples = x.samples();
        let (first, second) = self.split(parameters);
        let (first_tape, rest) = tape.split_at_mut(self.first.tape_len(samples));
        let (hidden, second_tape) = rest.split_at_mut(self.hidden_len(samples));
        let mut hidden = BatchViewMut::new(hidden, self.first.num_outputs());
        self.first.forward(first, x, hidden.reborrow(), first_tape, scratch);
        self.second.forward(second, hidden.as_view(), y, second_tape, scratch);
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        let (first, second) = self.passes(pass);
        let (d_hidden, scratch) = scratch.split_at_mut(self.hidden_len(pass.x.samples()));
        let mut d_hidden = BatchViewMut::new(d_hidden, self.first.num_outputs());
        if self.num_shared() > 0 {
            // Each adds to its own places among all.
            let mut gradient = gradient;
            let to = gradient.as_deref_mut();
            self.second.backward(second, dy, Some(d_hidden.reborrow()), to, scratch);
            return self.first.backward(first, d_hidden, dx, gradient, scratch);
        }
        let (first_gradient, second_gradient) =
            gradient.map(|g| g.split_at_mut(self.first.num_parameters())).unzip();
        if dx.is_none() && (self.first.is_frozen() || first_gradient.is_none()) {
            return self.second.backward(second, dy, None, second_gradient, scratch);
        }
        self.second.backward(second, dy, Some(d_hidden.reborrow()), second_gradient, scratch);
        self.first.backward(first, d_hidden, dx, first_gradient, scratch);
    }

    fn links(&self, pass: Pass<'_, T>, visit: &mut dyn FnMut(Link<'_, T>)) {
        let (first, second) = self.passes(pass);
        self.second.links(second, visit);
        self.first.links(first, visit);
    }

    fn untied(&self, parameters: &[T], to: &mut Vec<T>) -> Option<Box<dyn Layer<T>>> {
        // Of what shares weights each part knows its place among all.
        let first = Any::around(self.first.untied(parameters, to)?);
        let second = Any::around(self.second.untied(parameters, to)?);
        Some(Box::new(Chain { first, second }))
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        let tapes = self.first.tangent_tape_len(samples) + self.second.tangent_tape_len(samples);
        tapes + self.hidden_len(samples)
    }

    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        jv: BatchViewMut<'_, T>,
        tangent_tape: &mut [T],
        scratch: &mut [T],
    ) {
        let samples = v.samples();
        let (first, second) = self.passes(pass);
        let (first_tape, rest) = tangent_tape.split_at_mut(self.first.tangent_tape_len(samples));
        let (hidden, second_tape) = rest.split_at_mut(self.hidden_len(samples));
        let mut hidden = BatchViewMut::new(hidden, self.first.num_outputs());
        self.first.tangent(first, v, hidden.reborrow(), first_tape, scratch);
        self.second.tangent(second, hidden.as_view(), jv, second_tape, scratch);
    }

    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let samples = pass.x.samples();
        let (first, second) = self.passes(pass);
        let (first_tape, rest) = tangent.tape.split_at(self.first.tangent_tape_len(samples));
        let (hidden, second_tape) = rest.split_at(self.hidden_len(samples));
        let hidden = BatchView::new(hidden, self.first.num_outputs());

        let (d_value, rest) = scratch.split_at_mut(self.hidden_len(samples));
        let (d_tangent, scratch) = rest.split_at_mut(self.hidden_len(samples));
        let mut d_hidden = DualViewMut {
            value: BatchViewMut::new(d_value, self.first.num_outputs()),
            tangent: BatchViewMut::new(d_tangent, self.first.num_outputs()),
        };
        let tangents = (
            TangentPass { v: tangent.v, tape: first_tape },
            TangentPass { v: hidden, tape: second_tape },
        );
        let own = if self.num_shared() > 0 { 0 } else { self.first.num_parameters() };
        let to = &mut gradient[own..];
        let d_second = Some(d_hidden.reborrow());
        self.second.tangent_backward(second, tangents.1, d, d_second, to, scratch);
        let to = if own == 0 { gradient } else { &mut gradient[..own] };
        self.first.tangent_backward(first, tangents.0, d_hidden, d_input, to, scratch);
    }
}

/// The second one's mirror, then the first one's, which lies before it in the parameters that are
/// shared and behind it in the biases.
impl<A: Shareable, B: Shareable> Shareable for Chain<A, B> {
    type Last = B::Last;
    type Mirror<S: Ranged + Clone + Debug + Send + Sync + 'static> =
        Chain<B::Mirror<A::Last>, A::Mirror<S>>;

    fn last(&self) -> &B::Last {
        self.second.last()
    }

    fn num_mirror_biases(&self) -> usize {
        self.first.num_mirror_biases() + self.second.num_mirror_biases()
    }

    fn mirror<S: Ranged + Clone + Debug + Send + Sync + 'static>(
        &self,
        activation: S,
        at: Place,
    ) -> Self::Mirror<S> {
        let of_second = Place { parameters: at.parameters + self.first.num_parameters(), ..at };
        let of_first = Place { biases: at.biases + self.second.num_mirror_biases(), ..at };
        Chain {
            first: self.second.mirror(self.first.last().clone(), of_second),
            second: self.first.mirror(activation, of_first),
        }
    }
}

impl<T: Float, A, B> Detach<T> for Chain<A, B>
where
    A: Detach<T> + Clone + 'static,
    B: Detach<T> + Clone + 'static,
{
    type Detached = Chain<A::Detached, B::Detached>;

    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self::Detached {
        let (first, second) = self.split(parameters);
        let first = self.first.detach(first, to);
        Chain { first, second: self.second.detach(second, to) }
    }
}
