use rand::Rng;

use super::field::{Lies, Span, Steps};
use super::layout::Layout;
use super::part::End;
use super::tied::Detach;
use super::{
    Any, DualViewMut, Layer, Module, Part, Pass, Pointlike, SameCondition, TangentPass,
    Unconditioned, module_by, range, require_link,
};
use crate::batch::size::SameSize;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_size};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// What goes in is added to what comes out: the body, a layer or a chain of layers, learns the difference only.
///
/// Gradients go past the body unchanged, so that networks of many such layers can be trained. Outputs have no bounds,
/// whatever the body's; an activation behind is an [`Elementwise`](super::Elementwise) layer.
///
/// # Formula
/// y = x + f(x), with the body f.
///
/// # Shapes
/// x, y: as many features as the body has in- and outputs. Parameters are the body's, in files numbered within the
/// layer: `encoder.1.0.weight` is of the first layer in the body that is the encoder's second.
///
/// # Errors
/// A body whose outputs are not its inputs in number does not compile; of run-time sizes `build` refuses it with
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch), and so where they are another image or window. Around plain
/// features it stands in a chain as an activation does: what goes in as an image comes out as one of the same sides.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu};
/// use autoencoder::{AutoEncoder, Dense, LayerNorm, Residual, Then};
/// let body = || LayerNorm::<32>::new().then(Dense::<32, 64>::new(Relu)).then(Dense::<64, 32>::new(Identity));
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 32>::new(Relu).then(Residual::new(body())).then(Dense::<32, 8>::new(Identity)))
///     .decoder(Dense::<8, 32>::new(Relu).then(Residual::new(body())).then(Dense::<32, 64>::new(Identity)))
///     .build::<f32>()?;
/// assert_eq!(model.parameter("encoder.1.2.bias").map(<[f32]>::len), Some(32));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// K. He, X. Zhang, S. Ren, J. Sun (2016), Deep residual learning for image recognition.
#[derive(Debug, Clone)]
pub struct Residual<B> {
    body: B,
}

impl<B: Part> Residual<B> {
    /// Around a body whose outputs are its inputs in number.
    pub fn new(body: B) -> Self
    where
        B::Output: SameSize<B::Input>,
        B::Posterior: Pointlike,
        B::Condition: SameCondition<Unconditioned>,
    {
        const { <B::Output as SameSize<B::Input>>::FITS };
        Self { body }
    }
}

impl<B> Residual<B> {
    /// What is added to the inputs.
    pub fn body(&self) -> &B {
        &self.body
    }
}

impl<B: Part> Module for Residual<B> {
    module_by!(body);

    /// As what is added to them does.
    fn lies(&self) -> Option<Lies> {
        End::output(&self.body).or(End::input(&self.body)).lies()
    }

    /// What goes in is added place by place.
    fn keeps_places(&self) -> bool {
        true
    }

    fn steps(&self) -> Option<[Steps; 2]> {
        self.body.steps().filter(|steps| *steps == [Steps::SAME; 2])
    }

    /// What the body looks at, and the places themselves.
    fn field(&self, places: [Span; 2]) -> Option<[Span; 2]> {
        let [rows, columns] = self.body.field(places)?;
        Some([rows.with(places[0]), columns.with(places[1])])
    }

    fn check_sizes(&self) -> Result<()> {
        self.body.check_sizes()?;
        let place = "the body of a residual layer";
        require_link(place, &self.body)?;
        require_size(place, "outputs", self.num_inputs(), self.num_outputs())?;
        End::input(&self.body).require(place, End::output(&self.body))
    }
}

impl<B: Part> Part for Residual<B> {
    type Input = B::Input;
    type Output = B::Output;
    type Range = range::Real;
    type Posterior = B::Posterior;
    type Condition = Unconditioned;
    fn input(&self) -> B::Input {
        self.body.input()
    }
    fn output(&self) -> B::Output {
        self.body.output()
    }
    /// Inputs lie as the outputs do, to which they are added.
    fn inputs_lie(&self) -> Option<Lies> {
        End::input(&self.body).or(End::output(&self.body)).lies()
    }
}

/// On the tape: f(x), which is the body's output to its own passes, then the body's tape.
impl<B: Part> Residual<B> {
    /// What the pass was for the body.
    fn pass<'a, T: Float>(&self, pass: Pass<'a, T>) -> Pass<'a, T> {
        let (outputs, tape) = pass.tape.split_at(pass.x.as_slice().len());
        Pass { y: BatchView::new(outputs, self.num_outputs()), tape, ..pass }
    }
}

impl<T: Float, B: Layer<T> + Part + Clone + 'static> Layer<T> for Residual<B> {
    fn layout(&self, layout: &mut Layout) {
        layout.layer("Residual", |layout| {
            layout.setting(format_args!("Residual of {}", self.num_inputs()));
            self.body.layout(layout);
        });
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        self.body.draw_parameters(parameters, rng);
    }

    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }

    fn tape_len(&self, samples: usize) -> usize {
        self.num_outputs() * samples + self.body.tape_len(samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        2 * self.num_outputs() * samples + self.body.scratch_len(samples)
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        tape: &mut [T],
        scratch: &mut [T],
    ) {
        let (outputs, tape) = tape.split_at_mut(x.as_slice().len());
        let mut outputs = BatchViewMut::new(outputs, self.num_outputs());
        self.body.forward(parameters, x, outputs.reborrow(), tape, scratch);
        y.as_mut_slice().copy_from_slice(x.as_slice());
        add(outputs.as_view(), y);
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        let pass = self.pass(pass);
        let Some(mut dx) = dx else { return self.body.backward(pass, dy, None, gradient, scratch) };
        // The body uses up dy.
        let (kept, scratch) = scratch.split_at_mut(dy.as_slice().len());
        kept.copy_from_slice(dy.as_slice());
        self.body.backward(pass, dy, Some(dx.reborrow()), gradient, scratch);
        add(BatchView::new(kept, self.num_outputs()), dx);
    }

    fn untied(&self, parameters: &[T], to: &mut Vec<T>) -> Option<Box<dyn Layer<T>>> {
        let body = Any::around(self.body.untied(parameters, to)?);
        Some(Box::new(Residual { body }))
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        self.body.tangent_tape_len(samples)
    }

    /// J v = v + J_f v.
    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        mut jv: BatchViewMut<'_, T>,
        tangent_tape: &mut [T],
        scratch: &mut [T],
    ) {
        self.body.tangent(self.pass(pass), v, jv.reborrow(), tangent_tape, scratch);
        add(v, jv);
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
        let pass = self.pass(pass);
        let Some(mut d_input) = d_input else {
            return self.body.tangent_backward(pass, tangent, d, None, gradient, scratch);
        };
        let len = d.value.as_slice().len();
        let (of_value, rest) = scratch.split_at_mut(len);
        let (of_tangent, scratch) = rest.split_at_mut(len);
        of_value.copy_from_slice(d.value.as_slice());
        of_tangent.copy_from_slice(d.tangent.as_slice());
        let to = Some(d_input.reborrow());
        self.body.tangent_backward(pass, tangent, d, to, gradient, scratch);
        add(BatchView::new(of_value, self.num_outputs()), d_input.value);
        add(BatchView::new(of_tangent, self.num_outputs()), d_input.tangent);
    }
}

impl<T: Float, B: Detach<T> + Clone + 'static> Detach<T> for Residual<B> {
    type Detached = Residual<B::Detached>;
    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self::Detached {
        Residual { body: self.body.detach(parameters, to) }
    }
}

once! {
    /// to ← to + from.
    fn add(from: BatchView<'a, T>, to: BatchViewMut<'a, T>) = add_generic;
}

fn add_generic<T: Float>(from: BatchView<'_, T>, to: BatchViewMut<'_, T>) {
    in_parts(to.samples(), ELEMENT / 4 * to.features(), (from, to), |(from, mut to)| {
        vectorize(
            #[inline(always)]
            || {
                to.as_mut_slice()
                    .iter_mut()
                    .zip(from.as_slice())
                    .for_each(|(to, &from)| *to += from)
            },
        );
    });
}
