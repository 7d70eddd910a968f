use std::marker::PhantomData;
use std::sync::Arc;

use nalgebra::{Const, Dim, Dyn};
use rand::Rng;

use super::jacobian::{Jacobian, JacobianGradient};
use super::{DualViewMut, Layer, Mirror, MirrorGradient, Module, Pass, TangentPass};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::layer::activation::Activation;
use crate::layer::init::{Glorot, Initializer};
use crate::layer::layout::Layout;
use crate::layer::layout::Role;
use crate::model::builder::{Build, Describe, Start};
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::product::{Matrix, multiply};
use crate::numbers::scalar::Scalar;
use crate::numbers::vector::vectorize;
use crate::random::Streams;

/// Describes a fully connected layer of `I` inputs and `O` outputs.
///
/// # Formula
/// y = s(W x + b), with the activation s applied element by element.
///
/// # Shapes
/// x: `I` features × samples; y: `O` features × samples; W: `O × I`; b: `O`.
///
/// # Example
/// ```
/// use autoencoder::{Dense, activation::{Relu, Tanh}};
/// let fixed = Dense::<64, 32>::new(Relu);          // sizes checked by the compiler
/// let from_data = Dense::dynamic(64, 32, Tanh);    // sizes checked when the model is built
/// # let _ = (fixed, from_data);
/// ```
#[derive(Debug)]
pub struct Dense<const I: usize, const O: usize>;

impl<const I: usize, const O: usize> Dense<I, O> {
    /// With sizes as types. The scalar type and the weights come when the model is built.
    #[allow(clippy::new_ret_no_self)] // `Dense` names the sizes; what it makes holds the activation too.
    pub fn new<A>(activation: A) -> DenseDescription<Const<I>, Const<O>, A> {
        DenseDescription::new(Const, Const, activation)
    }
}

impl Dense<0, 0> {
    /// With sizes known at run time only, such as the columns of a file.
    pub fn dynamic<A>(
        inputs: usize,
        outputs: usize,
        activation: A,
    ) -> DenseDescription<Dyn, Dyn, A> {
        DenseDescription::new(Dyn(inputs), Dyn(outputs), activation)
    }
}

/// A fully connected layer before it is built: sizes, activation, initialiser; no scalar type.
#[derive(Debug, Clone)]
pub struct DenseDescription<I, O, A> {
    inputs: I,
    outputs: O,
    activation: A,
    initializer: Arc<dyn Initializer>,
    is_frozen: bool,
}

impl<I: Dim, O: Dim, A> DenseDescription<I, O, A> {
    /// With sizes of any kind: `Const`, `Dyn`, or one of each.
    pub fn new(inputs: I, outputs: O, activation: A) -> Self {
        Self { inputs, outputs, activation, initializer: Arc::new(Glorot), is_frozen: false }
    }

    /// Keeps the first weights: training changes the other layers only.
    pub fn frozen(self) -> Self {
        Self { is_frozen: true, ..self }
    }

    /// How the first weights are drawn. Default: [`Glorot`].
    pub fn init(mut self, initializer: impl Initializer + 'static) -> Self {
        self.initializer = Arc::new(initializer);
        self
    }
}

impl<I: Dim, O: Dim, A> Describe for DenseDescription<I, O, A> {
    type Input = I;
    type Output = O;
}

impl<T: Scalar, I: Dim, O: Dim, A: Activation<T>> Build<T> for DenseDescription<I, O, A> {
    type Built = DenseLayer<T, I, O, A>;
    fn build_into(self, start: &mut Start<'_, T>) -> Self::Built {
        let Self { inputs, outputs, activation, initializer, is_frozen } = self;
        let layer =
            DenseLayer { inputs, outputs, activation, initializer, is_frozen, scalar: PhantomData };
        start.draw(&layer);
        layer
    }
}

/// A fully connected layer: y = s(W x + b). Described by [`Dense`].
///
/// Its parameters are W (`O × I`, column by column), then b.
#[derive(Debug, Clone)]
pub struct DenseLayer<T, I, O, A> {
    inputs: I,
    outputs: O,
    activation: A,
    initializer: Arc<dyn Initializer>,
    is_frozen: bool,
    scalar: PhantomData<fn() -> T>,
}

impl<T: Scalar, I: Dim, O: Dim, A: Activation<T>> DenseLayer<T, I, O, A> {
    /// Its activation.
    pub fn activation(&self) -> &A {
        &self.activation
    }

    fn num_weights(&self) -> usize {
        self.inputs.value() * self.outputs.value()
    }

    fn weights<'a>(&self, parameters: &'a [T]) -> Matrix<'a, T> {
        let weights = &parameters[..self.num_weights()];
        Matrix::new(weights, self.outputs.value(), self.inputs.value())
    }

    /// The pre-activations: from the tape or, if the activation does not read them, the outputs.
    fn preactivations<'a>(&self, pass: &Pass<'a, T, I, O>) -> &'a [T] {
        if self.activation.reads_preactivation() { pass.tape } else { pass.y.as_slice() }
    }

    /// dW ← β dW + dz xᵀ, with β = 0 or 1.
    fn weight_gradient(&self, dz: &[T], x: BatchView<'_, T, I>, beta: T, gradient: &mut [T]) {
        let (outputs, samples) = (self.outputs.value(), x.samples());
        let x = Matrix::new(x.as_slice(), self.inputs.value(), samples).transposed();
        multiply(Matrix::new(dz, outputs, samples), x, beta, &mut gradient[..self.num_weights()]);
    }

    /// db ← db + Σ dz.
    fn add_bias_gradient(&self, dz: &[T], gradient: &mut [T]) {
        add_columns(dz, &mut gradient[self.num_weights()..]);
    }

    /// dx = Wᵀ dz.
    fn pull_back(&self, parameters: &[T], dz: &[T], dx: &mut [T]) {
        let samples = dz.len() / self.outputs.value();
        let dz = Matrix::new(dz, self.outputs.value(), samples);
        multiply(self.weights(parameters).transposed(), dz, T::ZERO, dx);
    }
}

/// y ← s(y + b), column by column, so that bias, tape and activation are one pass over memory.
pub(super) fn activate<T: Scalar, O: Dim>(
    activation: &impl Activation<T>,
    bias: &[T],
    y: BatchViewMut<'_, T, O>,
    tape: &mut [T],
) {
    let (outputs, dim) = (y.features(), y.as_view().dim());
    let keeps = activation.reads_preactivation();
    let tape = keeps.then(|| BatchViewMut::new(tape, dim));
    in_parts(y.samples(), ELEMENT * outputs, (y, tape), |(mut y, mut tape)| {
        let mut tape = tape.as_mut().map(|tape| tape.as_mut_slice().chunks_exact_mut(outputs));
        for z in y.as_mut_slice().chunks_exact_mut(outputs) {
            vectorize(
                #[inline(always)]
                || z.iter_mut().zip(bias).for_each(|(z, &b)| *z += b),
            );
            if let Some(kept) = tape.as_mut().and_then(Iterator::next) {
                kept.copy_from_slice(z);
            }
            activation.apply(z);
        }
    });
}

/// dy ← s′(z) dy; z is on the tape if the activation reads it.
pub(super) fn deactivate<T: Scalar, O: Dim>(
    activation: &impl Activation<T>,
    y: BatchView<'_, T, O>,
    tape: &[T],
    dy: BatchViewMut<'_, T, O>,
) {
    let z = if activation.reads_preactivation() { BatchView::new(tape, y.dim()) } else { y };
    in_parts(y.samples(), ELEMENT * y.features(), (z, y, dy), |(z, y, mut dy)| {
        activation.backward(z.as_slice(), y.as_slice(), dy.as_mut_slice());
    });
}

/// Adds the sum of the columns.
pub(super) fn add_columns<T: Scalar>(columns: &[T], sum: &mut [T]) {
    let rows = sum.len();
    let cost = ELEMENT / 4 * (columns.len() / rows);
    in_parts(rows, cost, (sum, 0), |(sum, first)| {
        vectorize(
            #[inline(always)]
            || {
                for column in columns.chunks_exact(rows) {
                    for (sum, &value) in sum.iter_mut().zip(&column[first..]) {
                        *sum += value;
                    }
                }
            },
        );
    });
}

impl<T: Scalar, I: Dim, O: Dim, A: Activation<T>> Module for DenseLayer<T, I, O, A> {
    type Scalar = T;

    fn layout(&self, layout: &mut Layout) {
        let (inputs, outputs) = (self.inputs.value(), self.outputs.value());
        layout.layer(format!("Dense({:?})", self.activation), |layer| {
            layer.frozen(self.is_frozen, |layer| {
                layer.tensor("weight", (outputs, inputs), Role::Weight);
                layer.tensor("bias", (outputs, 1), Role::Bias);
            });
        });
    }

    fn num_parameters(&self) -> usize {
        self.num_weights() + self.outputs.value()
    }

    fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn Rng) {
        let outputs = self.outputs.value();
        let (weights, bias) = parameters.split_at_mut(self.num_weights());
        let mut unit_weights = vec![0.0; self.inputs.value()];
        for unit in 0..outputs {
            self.initializer.draw_unit(&mut unit_weights, outputs, rng);
            for (weight, &drawn) in weights[unit..].iter_mut().step_by(outputs).zip(&unit_weights) {
                *weight = T::of(drawn);
            }
        }
        bias.fill(T::ZERO);
    }

    fn tape_len(&self, samples: usize) -> usize {
        if self.activation.reads_preactivation() { self.outputs.value() * samples } else { 0 }
    }

    fn scratch_len(&self, _samples: usize) -> usize {
        0
    }

    fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    fn set_frozen(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }

    fn check_sizes(&self) -> Result<()> {
        crate::error::require_count("Dense inputs", self.inputs.value())?;
        crate::error::require_count("Dense outputs", self.outputs.value())
    }
}

impl<T, I, O, A> Mirror for DenseLayer<T, I, O, A>
where
    T: Scalar,
    I: Dim,
    O: Dim,
    A: Activation<T> + Clone,
{
    type Last = A;
    type Untied<S: Activation<T>> = DenseLayer<T, O, I, S>;

    fn last(&self) -> &A {
        &self.activation
    }

    fn mirror_layout<S: Activation<T>>(&self, activation: &S, layout: &mut Layout) {
        layout.layer(format!("Tied({activation:?})"), |layer| {
            layer.tensor("bias", (self.inputs.value(), 1), Role::Bias);
        });
    }

    fn num_biases(&self) -> usize {
        self.inputs.value()
    }

    fn mirror_tape_len<S: Activation<T>>(&self, activation: &S, samples: usize) -> usize {
        if activation.reads_preactivation() { self.inputs.value() * samples } else { 0 }
    }

    fn mirror_scratch_len(&self, _samples: usize) -> usize {
        0
    }

    fn mirror_forward<S: Activation<T>>(
        &self,
        activation: &S,
        (parameters, biases): (&[T], &[T]),
        h: BatchView<'_, T, O>,
        mut y: BatchViewMut<'_, T, I>,
        tape: &mut [T],
    ) {
        let h = Matrix::new(h.as_slice(), self.outputs.value(), h.samples());
        multiply(self.weights(parameters).transposed(), h, T::ZERO, y.as_mut_slice());
        activate(activation, biases, y, tape);
    }

    /// dW += h dzᵀ, dc = Σ dz, dh = W dz.
    fn mirror_backward<S: Activation<T>>(
        &self,
        activation: &S,
        pass: Pass<'_, T, O, I>,
        mut dy: BatchViewMut<'_, T, I>,
        dh: Option<BatchViewMut<'_, T, O>>,
        gradient: MirrorGradient<'_, T>,
        _scratch: &mut [T],
    ) {
        let (inputs, outputs, samples) =
            (self.inputs.value(), self.outputs.value(), pass.x.samples());
        deactivate(activation, pass.y, pass.tape, dy.reborrow());
        let dz = Matrix::new(dy.as_slice(), inputs, samples);
        if let Some(gradient) = gradient.0.filter(|_| !self.is_frozen) {
            let h = Matrix::new(pass.x.as_slice(), outputs, samples);
            multiply(h, dz.transposed(), T::ONE, &mut gradient[..self.num_weights()]);
        }
        if let Some(biases) = gradient.1 {
            biases.fill(T::ZERO);
            add_columns(dy.as_slice(), biases);
        }
        if let Some(mut dh) = dh {
            multiply(self.weights(pass.parameters), dz, T::ZERO, dh.as_mut_slice());
        }
    }

    fn untie<S: Activation<T>>(
        &self,
        activation: S,
        (parameters, biases): (&[T], &[T]),
        untied: &mut Vec<T>,
    ) -> DenseLayer<T, O, I, S> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let weights = &parameters[..self.num_weights()];
        for unit in 0..outputs.value() {
            untied.extend(weights[unit..].iter().step_by(outputs.value()));
        }
        untied.extend(biases);
        DenseLayer {
            inputs: outputs,
            outputs: inputs,
            activation,
            initializer: self.initializer.clone(),
            is_frozen: false,
            scalar: PhantomData,
        }
    }
}

impl<T: Scalar, I: Dim, O: Dim, A: Activation<T>> Layer for DenseLayer<T, I, O, A> {
    type Input = I;
    type Output = O;
    type Range = A::Range;

    fn input_dim(&self) -> I {
        self.inputs
    }

    fn output_dim(&self) -> O {
        self.outputs
    }

    fn forward(
        &self,
        parameters: &[T],
        x: BatchView<'_, T, I>,
        mut y: BatchViewMut<'_, T, O>,
        tape: &mut [T],
    ) {
        let bias = &parameters[self.num_weights()..];
        let x = Matrix::new(x.as_slice(), self.inputs.value(), x.samples());
        multiply(self.weights(parameters), x, T::ZERO, y.as_mut_slice());
        activate(&self.activation, bias, y, tape);
    }

    fn backward(
        &self,
        pass: Pass<'_, T, I, O>,
        mut dy: BatchViewMut<'_, T, O>,
        dx: Option<BatchViewMut<'_, T, I>>,
        gradient: Option<&mut [T]>,
        _scratch: &mut [T],
    ) {
        deactivate(&self.activation, pass.y, pass.tape, dy.reborrow());
        let dz = dy.as_slice();
        if let Some(gradient) = gradient.filter(|_| !self.is_frozen) {
            self.weight_gradient(dz, pass.x, T::ZERO, gradient);
            gradient[self.num_weights()..].fill(T::ZERO);
            self.add_bias_gradient(dz, gradient);
        }
        if let Some(mut dx) = dx {
            self.pull_back(pass.parameters, dz, dx.as_mut_slice());
        }
    }

    fn tangent_tape_len(&self, samples: usize) -> usize {
        self.outputs.value() * samples
    }

    /// a = W v goes on the tape, J v = s′(z) a.
    fn tangent(
        &self,
        pass: Pass<'_, T, I, O>,
        v: BatchView<'_, T, I>,
        mut jv: BatchViewMut<'_, T, O>,
        a: &mut [T],
    ) {
        let v = Matrix::new(v.as_slice(), self.inputs.value(), v.samples());
        multiply(self.weights(pass.parameters), v, T::ZERO, a);
        let jv = jv.as_mut_slice();
        jv.copy_from_slice(a);
        self.activation.backward(self.preactivations(&pass), pass.y.as_slice(), jv);
    }

    /// With ẏ = s′(z) a: da = s′ dẏ and dz = s′ dy + s″ a dẏ.
    fn tangent_backward(
        &self,
        pass: Pass<'_, T, I, O>,
        tangent: TangentPass<'_, T, I>,
        mut d: DualViewMut<'_, T, O>,
        d_input: Option<DualViewMut<'_, T, I>>,
        gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        let z = self.preactivations(&pass).iter().zip(pass.y.as_slice());
        let d_values = d.value.as_mut_slice().iter_mut().zip(d.tangent.as_mut_slice());
        for (((&z, &h), &a), (dz, da)) in z.zip(tangent.tape).zip(d_values) {
            let (first, second) =
                (self.activation.derivative(z, h), self.activation.second_derivative(z, h));
            *dz = first * *dz + second * a * *da;
            *da *= first;
        }
        if !self.is_frozen {
            self.weight_gradient(d.value.as_slice(), pass.x, T::ONE, gradient);
            self.weight_gradient(d.tangent.as_slice(), tangent.v, T::ONE, gradient);
            self.add_bias_gradient(d.value.as_slice(), gradient);
        }
        if let Some(mut d_input) = d_input {
            self.pull_back(pass.parameters, d.value.as_slice(), d_input.value.as_mut_slice());
            self.pull_back(pass.parameters, d.tangent.as_slice(), d_input.tangent.as_mut_slice());
        }
    }

    /// In closed form (Rifai et al. 2011): Σⱼ s′(zⱼ)² ‖Wⱼ‖², for every way of computing it.
    fn squared_jacobian(
        &self,
        pass: Pass<'_, T, I, O>,
        shares: Option<&[T]>,
        _jacobian: Jacobian,
        _streams: Option<Streams<'_>>,
        gradient: Option<JacobianGradient<'_, T, O>>,
        scratch: &mut [T],
    ) -> T {
        let outputs = self.outputs.value();
        // What the sums over samples are divided by; shares are divided already.
        let samples = T::of(shares.map_or(pass.y.samples(), |_| 1) as f64);
        let weights = &pass.parameters[..self.num_weights()];
        let (row_norms, slopes) = scratch[..2 * outputs].split_at_mut(outputs);

        // ‖Wⱼ‖², and Σ s′(zⱼ)² over samples
        row_norms.fill(T::ZERO);
        for column in weights.chunks_exact(outputs) {
            for (norm, &w) in row_norms.iter_mut().zip(column) {
                *norm += w * w;
            }
        }
        slopes.fill(T::ZERO);
        let z = self.preactivations(&pass);
        for (column, (z, h)) in z.chunks_exact(outputs).zip(pass.y.iter()).enumerate() {
            let share = shares.map(|shares| shares[column]);
            for ((slope, &z), &h) in slopes.iter_mut().zip(z).zip(h) {
                let first = self.activation.derivative(z, h);
                *slope += share.map_or(first * first, |share| share * first * first);
            }
        }

        if let Some(JacobianGradient { weight, mut d_output, parameters: dw }) = gradient {
            let scale = (weight + weight) / samples;
            let trained = if self.is_frozen { 0 } else { weights.len() };
            let weights = weights.chunks_exact(outputs);
            for (dw, w) in dw[..trained].chunks_exact_mut(outputs).zip(weights) {
                for ((dw, &w), &slope) in dw.iter_mut().zip(w).zip(&*slopes) {
                    *dw += scale * slope * w;
                }
            }
            // The gradient at z is scale ‖Wⱼ‖² s′ s″; the backward pass still multiplies by s′.
            let columns = d_output.as_mut_slice().chunks_exact_mut(outputs).enumerate();
            for ((z, h), (column, dh)) in z.chunks_exact(outputs).zip(pass.y.iter()).zip(columns) {
                let scale = shares.map_or(scale, |shares| scale * shares[column]);
                for (((&z, &h), dh), &norm) in z.iter().zip(h).zip(dh).zip(&*row_norms) {
                    *dh += scale * norm * self.activation.second_derivative(z, h);
                }
            }
        }
        let norms = row_norms.iter().zip(&*slopes);
        let total = norms.fold(T::ZERO, |total, (&norm, &slope)| total + norm * slope);
        total / samples
    }

    fn jacobian_scratch_len(&self, _samples: usize) -> usize {
        2 * self.outputs.value()
    }
}
