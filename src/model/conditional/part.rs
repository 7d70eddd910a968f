use std::fmt;
use std::sync::Arc;

use nalgebra::Dim;
use rand::Rng;

use crate::batch::{BatchView, BatchViewMut};
use crate::code::decoder::Decoder;
use crate::code::encoder::{Encoder, Inference};
use crate::error::Result;
use crate::layer::jacobian::{Jacobian, JacobianGradient};
use crate::layer::layout::Layout;
use crate::layer::{Module, Pass};
use crate::numbers::scalar::Scalar;
use crate::random::Streams;

/// An encoder or a decoder with the conditions of the samples of a pass. Described by
/// [`Conditioned`](super::Conditioned).
///
/// Where there are several columns for a sample, because several codes are drawn, each has its condition.
///
/// On the tape: inputs and conditions together, then the tape of the part inside.
pub struct ConditionedPart<P: Module, N, K> {
    /// Shared by all that is made of it: it holds no numbers.
    part: Arc<P>,
    inputs: N,
    numbers: K,
    /// Of each sample, one after the other; none but in a pass.
    conditions: Vec<P::Scalar>,
}

impl<P: Module, N: Dim, K: Dim> ConditionedPart<P, N, K> {
    pub(super) fn new(part: P, inputs: N, numbers: K) -> Self {
        Self { part: Arc::new(part), inputs, numbers, conditions: Vec::new() }
    }

    /// The part inside, with as many inputs as there are inputs and numbers of a condition.
    pub fn part(&self) -> &P {
        &self.part
    }

    /// The numbers of a condition.
    pub(super) fn condition_dim(&self) -> K {
        self.numbers
    }

    fn width(&self) -> usize {
        self.inputs.value() + self.numbers.value()
    }

    /// Writes each column of inputs with its condition under it.
    pub(super) fn join(
        &self,
        inputs: BatchView<'_, P::Scalar, N>,
        conditions: &[P::Scalar],
        to: &mut [P::Scalar],
    ) {
        let columns = to.chunks_exact_mut(self.width()).zip(inputs.iter());
        let conditions = conditions.chunks_exact(self.numbers.value());
        debug_assert!(conditions.len() > 0 && inputs.samples() % conditions.len() == 0);
        for ((to, inputs), condition) in columns.zip(conditions.cycle()) {
            let (upper, lower) = to.split_at_mut(inputs.len());
            upper.copy_from_slice(inputs);
            lower.copy_from_slice(condition);
        }
    }

    /// The part of a gradient at inputs and conditions that is one at the inputs.
    fn take_upper(&self, joined: &[P::Scalar], mut to: BatchViewMut<'_, P::Scalar, N>) {
        let inputs = self.inputs.value();
        let columns = to.as_mut_slice().chunks_exact_mut(inputs);
        for (to, joined) in columns.zip(joined.chunks_exact(self.width())) {
            to.copy_from_slice(&joined[..inputs]);
        }
    }
}

/// Encoder and decoder, to be given the conditions of the samples of a pass.
pub(super) struct Told<E, D, K>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
{
    pub(super) encoder: ConditionedPart<E, D::Output, K>,
    pub(super) decoder: ConditionedPart<D, E::Code, K>,
}

impl<E, D, K> Told<E, D, K>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar>,
    K: Dim,
{
    /// Gives both these conditions.
    pub(super) fn tell<'a>(&mut self, conditions: impl Iterator<Item = &'a [E::Scalar]>) {
        let Self { encoder, decoder } = self;
        encoder.conditions.clear();
        conditions.for_each(|condition| encoder.conditions.extend_from_slice(condition));
        decoder.conditions.clone_from(&encoder.conditions);
    }
}

impl<P: Module, N: Copy, K: Copy> Clone for ConditionedPart<P, N, K> {
    fn clone(&self) -> Self {
        let Self { part, inputs, numbers, conditions } = self;
        let (part, conditions) = (Arc::clone(part), conditions.clone());
        Self { part, inputs: *inputs, numbers: *numbers, conditions }
    }
}

/// The part inside and the size of a condition.
impl<P: Module, N, K: Dim> fmt::Debug for ConditionedPart<P, N, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConditionedPart")
            .field("part", &self.part)
            .field("numbers", &self.numbers.value())
            .finish()
    }
}

impl<P: Module, N: Dim, K: Dim> Module for ConditionedPart<P, N, K> {
    type Scalar = P::Scalar;

    fn layout(&self, layout: &mut Layout) {
        self.part.layout(layout);
        layout.setting(format_args!("given a condition of {} numbers", self.numbers.value()));
    }

    fn num_parameters(&self) -> usize {
        self.part.num_parameters()
    }

    fn draw_parameters(&self, parameters: &mut [P::Scalar], rng: &mut dyn Rng) {
        self.part.draw_parameters(parameters, rng);
    }

    fn tape_len(&self, samples: usize) -> usize {
        self.width() * samples + self.part.tape_len(samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        self.width() * samples + self.part.scratch_len(samples)
    }

    fn is_frozen(&self) -> bool {
        self.part.is_frozen()
    }

    /// A part that clones of this one have as well stays as it is.
    fn set_frozen(&mut self, is_frozen: bool) {
        if let Some(part) = Arc::get_mut(&mut self.part) {
            part.set_frozen(is_frozen);
        }
    }

    fn check_sizes(&self) -> Result<()> {
        self.part.check_sizes()
    }
}

impl<P: Encoder, N: Dim, K: Dim> Encoder for ConditionedPart<P, N, K> {
    type Input = N;
    type Code = P::Code;
    type Range = P::Range;
    type Posterior = P::Posterior;

    fn input_dim(&self) -> N {
        self.inputs
    }

    fn code_dim(&self) -> P::Code {
        self.part.code_dim()
    }

    fn posterior(&self) -> P::Posterior {
        self.part.posterior()
    }

    fn infer(
        &self,
        parameters: &[P::Scalar],
        x: BatchView<'_, P::Scalar, N>,
        posterior: &mut P::Posterior,
        tape: &mut [P::Scalar],
    ) {
        let (joined, tape) = tape.split_at_mut(self.width() * x.samples());
        self.join(x, &self.conditions, joined);
        let joined = BatchView::new(joined, self.part.input_dim());
        self.part.infer(parameters, joined, posterior, tape);
    }

    fn backward(
        &self,
        inference: Inference<'_, P::Scalar, N, P::Posterior>,
        d_posterior: &mut P::Posterior,
        dx: Option<BatchViewMut<'_, P::Scalar, N>>,
        gradient: Option<&mut [P::Scalar]>,
        scratch: &mut [P::Scalar],
    ) {
        let Inference { parameters, x, posterior, tape } = inference;
        let joined_len = self.width() * x.samples();
        let (joined, tape) = tape.split_at(joined_len);
        let (d_joined, scratch) = scratch.split_at_mut(joined_len);
        let joined = BatchView::new(joined, self.part.input_dim());
        let inference = Inference { parameters, x: joined, posterior, tape };
        let to = dx.is_some().then(|| BatchViewMut::new(&mut *d_joined, self.part.input_dim()));
        self.part.backward(inference, d_posterior, to, gradient, scratch);
        if let Some(dx) = dx {
            self.take_upper(d_joined, dx);
        }
    }

    /// Not a number: what the part inside can say counts the derivative by the condition too. A model with a
    /// regularizer that asks for it is not built.
    fn squared_jacobian(
        &self,
        _inference: Inference<'_, P::Scalar, N, P::Posterior>,
        _shares: Option<&[P::Scalar]>,
        _jacobian: Jacobian,
        _streams: Option<Streams<'_>>,
        _gradient: Option<JacobianGradient<'_, P::Scalar, P::Code>>,
        _scratch: &mut [P::Scalar],
    ) -> P::Scalar {
        P::Scalar::of(f64::NAN)
    }

    fn jacobian_scratch_len(&self, _samples: usize) -> usize {
        0
    }
}

impl<P: Decoder, N: Dim, K: Dim> Decoder for ConditionedPart<P, N, K> {
    type Code = N;
    type Output = P::Output;
    type Range = P::Range;

    fn code_dim(&self) -> N {
        self.inputs
    }

    fn output_dim(&self) -> P::Output {
        self.part.output_dim()
    }

    fn decode(
        &self,
        parameters: &[P::Scalar],
        code: BatchView<'_, P::Scalar, N>,
        y: BatchViewMut<'_, P::Scalar, P::Output>,
        tape: &mut [P::Scalar],
    ) {
        let (joined, tape) = tape.split_at_mut(self.width() * code.samples());
        self.join(code, &self.conditions, joined);
        self.part.decode(parameters, BatchView::new(joined, self.part.code_dim()), y, tape);
    }

    fn tied_to(&self) -> Option<usize> {
        self.part.tied_to()
    }

    fn backward(
        &self,
        pass: Pass<'_, P::Scalar, N, P::Output>,
        dy: BatchViewMut<'_, P::Scalar, P::Output>,
        d_code: Option<BatchViewMut<'_, P::Scalar, N>>,
        gradient: Option<&mut [P::Scalar]>,
        scratch: &mut [P::Scalar],
    ) {
        let Pass { parameters, x, y, tape } = pass;
        let joined_len = self.width() * x.samples();
        let (joined, tape) = tape.split_at(joined_len);
        let (d_joined, scratch) = scratch.split_at_mut(joined_len);
        let pass = Pass { parameters, x: BatchView::new(joined, self.part.code_dim()), y, tape };
        let to = d_code.is_some().then(|| BatchViewMut::new(&mut *d_joined, self.part.code_dim()));
        self.part.backward(pass, dy, to, gradient, scratch);
        if let Some(d_code) = d_code {
            self.take_upper(d_joined, d_code);
        }
    }
}
