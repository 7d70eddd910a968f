use rand::Rng;

use super::field::Steps;
use super::init::Initializer;
use super::{Channels, Finish, Linear, Module};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::numbers::scalar::Float;

/// The adjoint Wᵀ of a linear map: the same weights, from the map's outputs back to its inputs. What a decoder with
/// [tied weights](super::Tied) is made of.
#[derive(Debug, Clone, Copy)]
pub struct Adjoint<M>(pub M);

impl<M: Module> Module for Adjoint<M> {
    fn num_inputs(&self) -> usize {
        self.0.num_outputs()
    }
    fn num_outputs(&self) -> usize {
        self.0.num_inputs()
    }
    fn num_parameters(&self) -> usize {
        self.0.num_parameters()
    }
    fn check_sizes(&self) -> Result<()> {
        self.0.check_sizes()
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        self.0.steps().map(|steps| steps.map(Steps::back))
    }
}

impl<M: Channels> Channels for Adjoint<M> {
    fn channels(&self) -> usize {
        self.0.input_channels()
    }
    fn input_channels(&self) -> usize {
        self.0.channels()
    }
    fn is_interleaved(&self) -> bool {
        self.0.is_interleaved()
    }
}

impl<T: Float, M: Linear<T> + Clone + 'static> Linear<T> for Adjoint<M> {
    type Own = M::Transposed;
    type Transposed = M;

    fn kind(&self) -> &'static str {
        self.0.adjoint_kind()
    }
    fn adjoint_kind(&self) -> &'static str {
        self.0.kind()
    }
    fn weight_shape(&self) -> (usize, usize) {
        self.0.weight_shape()
    }
    fn weight_columns(&self) -> Vec<usize> {
        self.0.weight_columns()
    }
    fn settings(&self) -> Option<String> {
        self.0.settings().map(|settings| format!("back over {settings}"))
    }
    fn draw_weights(&self, initializer: &dyn Initializer, weights: &mut [T], rng: &mut dyn Rng) {
        self.0.draw_weights(initializer, weights, rng);
    }
    fn scratch_len(&self, samples: usize) -> usize {
        self.0.scratch_len(samples)
    }
    fn apply(&self, weights: &[T], x: BatchView<'_, T>, y: BatchViewMut<'_, T>, scratch: &mut [T]) {
        self.0.pull_back(weights, x, y, scratch);
    }
    fn pull_back(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        dx: BatchViewMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.0.apply(weights, dy, dx, scratch);
    }
    fn apply_then(
        &self,
        weights: &[T],
        x: BatchView<'_, T>,
        y: BatchViewMut<'_, T>,
        scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        self.0.pull_back_then(weights, x, y, scratch, finish);
    }
    fn pull_back_then(
        &self,
        weights: &[T],
        dy: BatchView<'_, T>,
        dx: BatchViewMut<'_, T>,
        scratch: &mut [T],
        finish: Finish<'_, T>,
    ) {
        self.0.apply_then(weights, dy, dx, scratch, finish);
    }
    /// ⟨Wᵀ x, dy⟩ = ⟨x, W dy⟩.
    fn add_weight_gradient(
        &self,
        x: BatchView<'_, T>,
        dy: BatchView<'_, T>,
        beta: T,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        self.0.add_weight_gradient(dy, x, beta, gradient, scratch);
    }
    fn own(&self, weights: &[T], to: &mut Vec<T>) -> M::Transposed {
        self.0.transpose(weights, to)
    }
    fn transpose(&self, weights: &[T], to: &mut Vec<T>) -> M {
        to.extend_from_slice(weights);
        self.0.clone()
    }
}
