use std::ops::Range;
use std::sync::Arc;

use rand::Rng;

use super::activation::{Activation, Ranged};
use super::biases::{add_bias_gradient, add_biases};
use super::field::{Lies, Steps};
use super::init::{Glorot, Initializer};
use super::jacobian::{self, Asked, JacobianGradient};
use super::layout::{Layout, Role};
use super::tied::{Detach, Place, Shareable};
use super::{
    Adjoint, Channels, DualViewMut, Layer, Linear, Module, Part, Pass, Point, TangentPass,
    Unconditioned,
};
use crate::batch::size::Size;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require, require_count, require_size};
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::scalar::Float;

/// The layer y = s(W x + b) of a [`Linear`] map W, with an activation s: a dense layer if the map is a
/// [`Matrix`](super::Matrix).
///
/// Its parameters are the map's weights, then the biases, one for each of the map's
/// [channels](Channels::channels).
#[derive(Debug, Clone)]
pub struct Activated<M, A, I, O> {
    map: M,
    activation: A,
    input: I,
    output: O,
    initializer: Arc<dyn Initializer>,
    is_frozen: bool,
    shared: Option<Shared>,
}

/// Where the weights lie that a layer has in common with one of the encoder's.
#[derive(Debug, Clone, Copy)]
struct Shared {
    /// Parameters of the whole encoder, which come first in what the layer is given.
    all: usize,
    /// The first of the weights among them.
    weights: usize,
    /// The first of its own biases, behind them all.
    bias: usize,
    /// Whether the weights are frozen in the encoder.
    is_frozen: bool,
}

impl<M, A, I, O> Activated<M, A, I, O> {
    /// Of a map between these sizes.
    pub fn new(map: M, activation: A, input: I, output: O) -> Self {
        Self {
            map,
            activation,
            input,
            output,
            initializer: Arc::new(Glorot),
            is_frozen: false,
            shared: None,
        }
    }

    /// How the first weights are drawn. Default: [`Glorot`].
    pub fn init(mut self, initializer: impl Initializer + 'static) -> Self {
        self.initializer = Arc::new(initializer);
        self
    }

    /// Keeps the first weights: training changes the other layers only.
    pub fn frozen(self) -> Self {
        Self { is_frozen: true, ..self }
    }

    /// With another map of the same sizes.
    pub(super) fn with_map(self, change: impl FnOnce(M) -> M) -> Self {
        Self { map: change(self.map), ..self }
    }

    /// Its activation.
    pub fn activation(&self) -> &A {
        &self.activation
    }

    /// Its linear map.
    pub fn map(&self) -> &M {
        &self.map
    }
}

impl<M: Channels, A, I, O> Activated<M, A, I, O> {
    /// The places of weights and biases in the parameters that it is given.
    fn places(&self) -> (Range<usize>, Range<usize>) {
        let (weights, biases) = (self.map.num_parameters(), self.map.channels());
        let (first, bias) =
            self.shared.map_or((0, weights), |shared| (shared.weights, shared.bias));
        (first..first + weights, bias..bias + biases)
    }

    /// The same layer with all its weights its own, and these appended, out of all that it is given.
    fn owned<T: Float>(&self, parameters: &[T], to: &mut Vec<T>) -> Activated<M::Own, A, I, O>
    where
        M: Linear<T>,
        A: Clone,
        I: Size,
        O: Size,
    {
        let (weights, biases) = self.places();
        let map = self.map.own(&parameters[weights], to);
        to.extend_from_slice(&parameters[biases]);
        let initializer = self.initializer.clone();
        let owned = Activated::new(map, self.activation.clone(), self.input, self.output);
        Activated { initializer, is_frozen: self.is_frozen, ..owned }
    }

    /// Whether the weights are trained.
    fn weights_are_trained(&self) -> bool {
        !self.shared.map_or(self.is_frozen, |shared| shared.is_frozen)
    }

    /// The pre-activations: from the tape or, if the activation does not read them, the outputs.
    fn preactivations<'a, T: Float>(&self, pass: &Pass<'a, T>) -> &'a [T]
    where
        A: Activation<T>,
    {
        if self.activation.reads_preactivation() { pass.tape } else { pass.y.as_slice() }
    }
}

impl<M: Channels, A: std::fmt::Debug + Send + Sync, I: Size, O: Size> Module
    for Activated<M, A, I, O>
{
    fn num_inputs(&self) -> usize {
        self.input.value()
    }
    fn num_outputs(&self) -> usize {
        self.output.value()
    }
    fn num_parameters(&self) -> usize {
        let weights = if self.shared.is_some() { 0 } else { self.map.num_parameters() };
        weights.saturating_add(self.map.channels())
    }
    fn num_shared(&self) -> usize {
        self.shared.map_or(0, |shared| shared.all)
    }
    fn is_frozen(&self) -> bool {
        self.is_frozen
    }
    fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }
    fn set_shared_frozen(&mut self, is_frozen: bool) {
        if let Some(shared) = &mut self.shared {
            shared.is_frozen = is_frozen;
        }
    }
    fn check_sizes(&self) -> Result<()> {
        self.map.check_sizes()?;
        let (inputs, outputs) = (self.input.value(), self.output.value());
        require_size("the map of a layer", "inputs", inputs, self.map.num_inputs())?;
        require_size("the map of a layer", "outputs", outputs, self.map.num_outputs())?;
        let channels = self.map.channels();
        require_count("the channels of a linear map", channels)?;
        let requirement = "a divisor of the number of its outputs";
        let divides = outputs.is_multiple_of(channels);
        require(divides, "the channels of a linear map", channels as f64, requirement)
    }
    fn lies(&self) -> Option<Lies> {
        Lies::of(self.output)
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        self.map.steps()
    }
}

impl<M, A, I, O> Part for Activated<M, A, I, O>
where
    M: Channels,
    A: Ranged + std::fmt::Debug + Send + Sync,
    I: Size,
    O: Size,
{
    type Input = I;
    type Output = O;
    type Range = A::Range;
    type Posterior = Point;
    type Condition = Unconditioned;
    fn input(&self) -> I {
        self.input
    }
    fn output(&self) -> O {
        self.output
    }
}

impl<T, M, A, I, O> Layer<T> for Activated<M, A, I, O>
where
    T: Float,
    M: Linear<T> + Clone + 'static,
    A: Activation<T> + Clone + 'static,
    I: Size,
    O: Size,
{
    fn layout(&self, layout: &mut Layout) {
        let kind = if self.shared.is_some() { "Tied" } else { self.map.kind() };
        layout.layer(format!("{kind}({})", self.activation.describe()), |layer| {
            layer.frozen(self.is_frozen, |layer| {
                if self.shared.is_none() {
                    let (units, columns) = (self.map.weight_shape().0, self.map.weight_columns());
                    layer.kernels("weight", units, &columns, Role::Weight);
                }
                if let Some(settings) = self.map.settings() {
                    layer.setting(settings);
                }
                layer.tensor("bias", (self.map.channels(), 1), Role::Bias);
            });
        });
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let (weights, bias) = parameters.split_at_mut(parameters.len() - self.map.channels());
        if self.shared.is_none() {
            self.map.draw_weights(&*self.initializer, weights, rng);
        }
        let (_, inputs) = self.map.weight_shape();
        let mut drawn = vec![0.0; bias.len()];
        self.initializer.draw_biases(&mut drawn, inputs, rng);
        bias.iter_mut().zip(&drawn).for_each(|(bias, &drawn)| *bias = T::of(drawn));
    }

    fn range(&self) -> (f64, f64) {
        self.activation.range()
    }

    fn tape_len(&self, samples: usize) -> usize {
        tape_len(&self.activation, self.num_outputs(), samples)
    }

    fn scratch_len(&self, samples: usize) -> usize {
        Linear::<T>::scratch_len(&self.map, samples)
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        tape: &mut [T],
        scratch: &mut [T],
    ) {
        let (weights, biases) = self.places();
        let (weights, biases) = (&parameters[weights], &parameters[biases]);
        let (outputs, run) = (self.num_outputs(), self.map.run());
        if !self.activation.reads_preactivation() {
            return self.map.apply_then(weights, x, y, scratch, &|rows, z| {
                // A few columns at a time, which are in the nearest cache for the activation.
                let together = TOGETHER.next_multiple_of(rows.len());
                for z in z.chunks_mut(together) {
                    add_biases(biases, run, rows.clone(), z);
                    self.activation.apply(z);
                }
            });
        }
        let mut z = BatchViewMut::new(tape, outputs);
        self.map.apply_then(weights, x, z.reborrow(), scratch, &|rows, z| {
            add_biases(biases, run, rows, z);
        });
        in_parts(y.samples(), ELEMENT * outputs, (z.as_view(), y), |(z, mut y)| {
            y.as_mut_slice().copy_from_slice(z.as_slice());
            self.activation.apply(y.as_mut_slice());
        });
    }

    fn backward(
        &self,
        pass: Pass<'_, T>,
        mut dy: BatchViewMut<'_, T>,
        dx: Option<BatchViewMut<'_, T>>,
        gradient: Option<&mut [T]>,
        scratch: &mut [T],
    ) {
        deactivate(&self.activation, pass.y, pass.tape, dy.reborrow());
        let dz = dy.as_view();
        let (weights, biases) = self.places();
        if let Some(gradient) = gradient {
            if self.weights_are_trained() {
                // What is shared is added to: the encoder has its say too.
                let beta = if self.shared.is_some() { T::ONE } else { T::ZERO };
                let dw = &mut gradient[weights.clone()];
                self.map.add_weight_gradient(pass.x, dz, beta, dw, scratch);
            }
            if !self.is_frozen {
                gradient[biases.clone()].fill(T::ZERO);
                add_bias_gradient(dz, self.map.run(), &mut gradient[biases]);
            }
        }
        if let Some(dx) = dx {
            self.map.pull_back(&pass.parameters[weights], dz, dx, scratch);
        }
    }

    fn untied(&self, parameters: &[T], to: &mut Vec<T>) -> Option<Box<dyn Layer<T>>> {
        self.shared?;
        Some(Box::new(self.owned(parameters, to)))
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        self.num_outputs() * samples
    }

    /// a = W v goes on the tape, J v = s′(z) a.
    fn tangent(
        &self,
        pass: Pass<'_, T>,
        v: BatchView<'_, T>,
        mut jv: BatchViewMut<'_, T>,
        a: &mut [T],
        scratch: &mut [T],
    ) {
        let weights = &pass.parameters[self.places().0];
        self.map.apply(weights, v, BatchViewMut::new(a, self.num_outputs()), scratch);
        let jv = jv.as_mut_slice();
        jv.copy_from_slice(a);
        self.activation.backward(self.preactivations(&pass), pass.y.as_slice(), jv);
    }

    /// With ẏ = s′(z) a: da = s′ dẏ and dz = s′ dy + s″ a dẏ.
    fn tangent_backward(
        &self,
        pass: Pass<'_, T>,
        tangent: TangentPass<'_, T>,
        mut d: DualViewMut<'_, T>,
        d_input: Option<DualViewMut<'_, T>>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let z = self.preactivations(&pass).iter().zip(pass.y.as_slice());
        let d_values = d.value.as_mut_slice().iter_mut().zip(d.tangent.as_mut_slice());
        for (((&z, &h), &a), (dz, da)) in z.zip(tangent.tape).zip(d_values) {
            let (first, second) =
                (self.activation.derivative(z, h), self.activation.second_derivative(z, h));
            *dz = first * *dz + second * a * *da;
            *da *= first;
        }
        let (dz, da) = (d.value.as_view(), d.tangent.as_view());
        let (weights, biases) = self.places();
        if self.weights_are_trained() {
            let dw = &mut gradient[weights.clone()];
            self.map.add_weight_gradient(pass.x, dz, T::ONE, dw, scratch);
            self.map.add_weight_gradient(tangent.v, da, T::ONE, dw, scratch);
        }
        if !self.is_frozen {
            add_bias_gradient(dz, self.map.run(), &mut gradient[biases]);
        }
        if let Some(d_input) = d_input {
            let weights = &pass.parameters[weights];
            self.map.pull_back(weights, dz, d_input.value, scratch);
            self.map.pull_back(weights, da, d_input.tangent, scratch);
        }
    }

    /// In closed form where the map has one (Rifai et al. 2011): Σⱼ s′(zⱼ)² ‖Wⱼ‖², for every way of computing it.
    fn squared_jacobian(
        &self,
        pass: Pass<'_, T>,
        asked: Asked<'_, T>,
        gradient: Option<JacobianGradient<'_, T>>,
        scratch: &mut [T],
    ) -> T {
        if !self.map.has_squared_norms() {
            return jacobian::by_passes(self, pass, asked, gradient, scratch);
        }
        let (outputs, shares) = (self.num_outputs(), asked.shares);
        // What the sums over samples are divided by; shares are divided already.
        let samples = T::of(shares.map_or(pass.y.samples(), |_| 1) as f64);
        let places = self.places().0;
        let weights = &pass.parameters[places.clone()];
        let (row_norms, slopes) = scratch[..2 * outputs].split_at_mut(outputs);

        // ‖Wⱼ‖², and Σ s′(zⱼ)² over samples
        self.map.squared_norms(weights, asked.inputs, row_norms);
        slopes.fill(T::ZERO);
        let z = self.preactivations(&pass);
        for (column, (z, h)) in z.chunks_exact(outputs).zip(pass.y.iter()).enumerate() {
            let share = shares.map(|shares| shares[column]);
            for ((slope, &z), &h) in slopes.iter_mut().zip(z).zip(h) {
                let first = self.activation.derivative(z, h);
                *slope += share.map_or(first * first, |share| share * first * first);
            }
        }
        let norms = row_norms.iter().zip(&*slopes);
        let total = norms.fold(T::ZERO, |total, (&norm, &slope)| total + norm * slope);

        if let Some(JacobianGradient { weight, mut d_output, parameters }) = gradient {
            let scale = (weight + weight) / samples;
            // The gradient at z is scale ‖Wⱼ‖² s′ s″; the backward pass still multiplies by s′.
            let columns = d_output.as_mut_slice().chunks_exact_mut(outputs).enumerate();
            for ((z, h), (column, dh)) in z.chunks_exact(outputs).zip(pass.y.iter()).zip(columns) {
                let scale = shares.map_or(scale, |shares| scale * shares[column]);
                for (((&z, &h), dh), &norm) in z.iter().zip(h).zip(dh).zip(&*row_norms) {
                    *dh += scale * norm * self.activation.second_derivative(z, h);
                }
            }
            if self.weights_are_trained() {
                slopes.iter_mut().for_each(|slope| *slope = scale * *slope);
                let dw = &mut parameters[places];
                self.map.add_squared_norms_gradient(weights, asked.inputs, slopes, dw);
            }
        }
        total / samples
    }

    fn jacobian_scratch_len(&self, samples: usize) -> usize {
        if self.map.has_squared_norms() {
            2 * self.num_outputs()
        } else {
            jacobian::scratch_len(self, samples)
        }
    }
}

/// Numbers that are activated together.
const TOGETHER: usize = 2048;

/// What an activation needs of the tape.
fn tape_len<T: Float>(activation: &impl Activation<T>, outputs: usize, samples: usize) -> usize {
    if activation.reads_preactivation() { outputs * samples } else { 0 }
}

/// dy ← s′(z) dy; z is on the tape if the activation reads it.
pub(super) fn deactivate<T: Float>(
    activation: &impl Activation<T>,
    y: BatchView<'_, T>,
    tape: &[T],
    dy: BatchViewMut<'_, T>,
) {
    let z = if activation.reads_preactivation() { BatchView::new(tape, y.features()) } else { y };
    in_parts(y.samples(), ELEMENT * y.features(), (z, y, dy), |(z, y, mut dy)| {
        activation.backward(z.as_slice(), y.as_slice(), dy.as_mut_slice());
    });
}

impl<M, A, I, O> Shareable for Activated<M, A, I, O>
where
    M: Channels + Clone + 'static,
    A: Ranged + Clone + std::fmt::Debug + Send + Sync + 'static,
    I: Size,
    O: Size,
{
    type Last = A;
    type Mirror<S: Ranged + Clone + std::fmt::Debug + Send + Sync + 'static> =
        Activated<Adjoint<M>, S, O, I>;

    fn last(&self) -> &A {
        &self.activation
    }

    fn num_mirror_biases(&self) -> usize {
        self.map.input_channels()
    }

    fn mirror<S: Ranged + Clone + std::fmt::Debug + Send + Sync + 'static>(
        &self,
        activation: S,
        at: Place,
    ) -> Self::Mirror<S> {
        let Place { all, parameters, biases } = at;
        let is_frozen = self.is_frozen;
        let shared = Shared { all, weights: parameters, bias: all + biases, is_frozen };
        let map = Adjoint(self.map.clone());
        let mirror = Activated::new(map, activation, self.output, self.input);
        Activated { shared: Some(shared), ..mirror }
    }
}

impl<T, M, A, I, O> Detach<T> for Activated<M, A, I, O>
where
    T: Float,
    M: Linear<T> + Clone + 'static,
    A: Activation<T> + Ranged + Clone + 'static,
    I: Size,
    O: Size,
{
    type Detached = Activated<M::Own, A, I, O>;

    fn detach(&self, parameters: &[T], to: &mut Vec<T>) -> Self::Detached {
        self.owned(parameters, to)
    }
}
