use nalgebra::{Const, Dyn};
use rand::Rng;

use super::init::Initializer;
use super::{Activated, Channels, Finish, Linear, Module};
use crate::batch::size::Size;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require, require_count};
use crate::numbers::product::{self, multiply, multiply_then};
use crate::numbers::scalar::Float;

/// A fully connected layer of `I` inputs and `O` outputs.
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

/// What [`Dense`] makes. Its parameters are W (`O × I`, column by column), then b.
pub type DenseLayer<I, O, A> = Activated<Matrix, A, I, O>;

impl<const I: usize, const O: usize> Dense<I, O> {
    /// With sizes as types. The number type and the weights come when the model is built.
    #[allow(clippy::new_ret_no_self)] // `Dense` names the sizes; what it makes holds the activation too.
    pub fn new<A>(activation: A) -> DenseLayer<Const<I>, Const<O>, A> {
        Activated::new(Matrix { inputs: I, outputs: O }, activation, Const, Const)
    }
}

impl Dense<0, 0> {
    /// With sizes known at run time only, such as the columns of a file.
    pub fn dynamic<A>(inputs: usize, outputs: usize, activation: A) -> DenseLayer<Dyn, Dyn, A> {
        Activated::new(Matrix { inputs, outputs }, activation, Dyn(inputs), Dyn(outputs))
    }
}

impl Dense<0, 0> {
    /// Between sizes of any kind, such as from an image to a code:
    /// `Dense::between(Image::<1, 28, 28>, Const::<32>, Relu)`.
    pub fn between<I: Size, O: Size, A>(
        inputs: I,
        outputs: O,
        activation: A,
    ) -> DenseLayer<I, O, A> {
        let map = Matrix { inputs: inputs.value(), outputs: outputs.value() };
        Activated::new(map, activation, inputs, outputs)
    }
}

/// A matrix of weights, `outputs × inputs`, column by column: y = W x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrix {
    inputs: usize,
    outputs: usize,
}

impl Matrix {
    /// Of these sizes.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs }
    }

    fn of<'a, T: Float>(&self, weights: &'a [T]) -> product::Matrix<'a, T> {
        product::Matrix::new(weights, self.outputs, self.inputs)
    }
}

/// A batch as a matrix.
fn columns<'a, T: Float>(batch: &BatchView<'a, T>) -> product::Matrix<'a, T> {
    product::Matrix::new(batch.as_slice(), batch.features(), batch.samples())
}

impl Module for Matrix {
    fn num_inputs(&self) -> usize {
        self.inputs
    }

    fn num_outputs(&self) -> usize {
        self.outputs
    }

    fn num_parameters(&self) -> usize {
        self.inputs.saturating_mul(self.outputs)
    }

    fn check_sizes(&self) -> Result<()> {
        require_count("Dense inputs", self.inputs)?;
        require_count("Dense outputs", self.outputs)?;
        let weights = self.inputs as f64 * self.outputs as f64;
        let fits = self.inputs.checked_mul(self.outputs).is_some_and(|n| n <= MOST_WEIGHTS);
        require(fits, "the weights of a Dense layer (inputs × outputs)", weights, "at most 2⁴⁸")
    }
}

/// More weights than any machine holds: what is above is a mistake in the sizes.
const MOST_WEIGHTS: usize = 1 << 48;

impl Channels for Matrix {}

impl<T: Float> Linear<T> for Matrix {
    type Own = Self;
    type Transposed = Self;

    fn kind(&self) -> &'static str {
        "Dense"
    }

    fn weight_shape(&self) -> (usize, usize) {
        (self.outputs, self.inputs)
    }

    fn draw_weights(&self, initializer: &dyn Initializer, weights: &mut [T], rng: &mut dyn Rng) {
        let mut unit_weights = vec![0.0; self.inputs];
        for unit in 0..self.outputs {
            initializer.draw_unit(&mut unit_weights, self.outputs, rng);
            let places = weights[unit..].iter_mut().step_by(self.outputs);
            for (weight, &drawn) in places.zip(&unit_weights) {
                *weight = T::of(drawn);
            }
        }
    }

    fn apply(
        &self,
        weights: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        _scratch: &mut [T],
    ) {
        multiply(self.of(weights), columns(&x), T::ZERO, y.as_mut_slice());
    }

    fn apply_then(
        &self,
        weights: &[T],
        x: BatchView<'_, T>,
        mut y: BatchViewMut<'_, T>,
        _scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        multiply_then(self.of(weights), columns(&x), y.as_mut_slice(), finish);
    }

    fn pull_back(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        mut dx: BatchViewMut<'_, T>,
        _scratch: &mut [T],
    ) {
        multiply(self.of(weights).transposed(), columns(&dy), T::ZERO, dx.as_mut_slice());
    }

    fn pull_back_then(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        mut dx: BatchViewMut<'_, T>,
        _scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        multiply_then(self.of(weights).transposed(), columns(&dy), dx.as_mut_slice(), finish);
    }

    /// dW = dy xᵀ.
    fn add_weight_gradient(
        &self,
        x: BatchView<'_, T>,
        dy: BatchView<'_, T>,
        beta: T,
        gradient: &mut [T],
        _scratch: &mut [T],
    ) {
        multiply(columns(&dy), columns(&x).transposed(), beta, gradient);
    }

    fn has_squared_norms(&self) -> bool {
        true
    }

    /// ‖Wⱼ‖².
    fn squared_norms(&self, weights: &[T], inputs: usize, norms: &mut [T]) -> bool {
        norms.fill(T::ZERO);
        for column in weights[..inputs * self.outputs].chunks_exact(self.outputs) {
            for (norm, &w) in norms.iter_mut().zip(column) {
                *norm += w * w;
            }
        }
        true
    }

    fn add_squared_norms_gradient(
        &self,
        weights: &[T],
        inputs: usize,
        scales: &[T],
        gradient: &mut [T],
    ) {
        let counted = inputs * self.outputs;
        let weights = weights[..counted].chunks_exact(self.outputs);
        for (dw, w) in gradient[..counted].chunks_exact_mut(self.outputs).zip(weights) {
            for ((dw, &w), &scale) in dw.iter_mut().zip(w).zip(scales) {
                *dw += scale * w;
            }
        }
    }

    fn own(&self, weights: &[T], to: &mut Vec<T>) -> Self {
        to.extend_from_slice(weights);
        *self
    }

    fn transpose(&self, weights: &[T], to: &mut Vec<T>) -> Self {
        for unit in 0..self.outputs {
            to.extend(weights[unit..].iter().step_by(self.outputs));
        }
        Self { inputs: self.outputs, outputs: self.inputs }
    }
}
