//! How a gradient becomes the next parameters: in chunks, so that memory is passed over once, of which each process moves
//! some.

use std::ops::Range;

use super::run::Halt;
use super::team::Team;
use super::trainable::Trainee;
use crate::collective::Collective;
use crate::layer::layout::Layout;
use crate::numbers::parallel::{Divide, ELEMENT, in_parts};
use crate::numbers::scalar::{Float, all_finite, sum};
use crate::optimizer::{Optimizer, Step};

/// Where a step moves the parameters.
pub(super) struct Moved<T> {
    /// The gradient, and once they are found the next parameters.
    pub(super) gradient: Vec<T>,
    chunks: Vec<Chunk>,
}

impl<T: Float> Moved<T> {
    pub(super) fn new(model: &dyn Trainee<T>) -> Self {
        let tensors = model.layout().tensors().iter();
        let chunks = tensors.map(|tensor| tensor.range.len().div_ceil(CHUNK)).sum();
        let gradient = vec![T::ZERO; model.parameters().len()];
        Self { gradient, chunks: vec![Chunk::default(); chunks] }
    }

    /// Writes the next parameters over the gradient, which is clipped before; of both each process has a part, and in the
    /// end all. Returns the gradient's norm, or what is not finite.
    pub(super) fn find(
        &mut self,
        (all, team): (&mut dyn Collective, &mut Team<T>),
        model: &dyn Trainee<T>,
        optimizer: &dyn Optimizer<T>,
        memory: &mut [T],
        (step, clip_norm): ((u64, f64), Option<f64>),
    ) -> std::result::Result<f64, Halt> {
        // With a limit the norm is needed before the first parameter moves; without one it is
        // found on the way, while the gradient is in the cache.
        let limited = match clip_norm {
            None => None,
            Some(longest) => {
                self.measure(model, team.chunks());
                team.share_chunks(all, &mut self.chunks)?;
                Some((self.norm(), longest))
            }
        };
        let factor = limited.and_then(|(norm, longest)| {
            let is_longer = norm > longest;
            is_longer.then(|| T::of(longest / norm))
        });
        let measures = limited.is_none();
        self.step_tensors(model, optimizer, memory, step, (factor, measures), team.chunks());
        team.share_chunks(all, &mut self.chunks)?;
        let norm = limited.map_or_else(|| self.norm(), |(norm, _)| norm);
        if !norm.is_finite() {
            return Err("the gradient".to_owned().into());
        }
        if !self.chunks.iter().all(|chunk| chunk.is_finite) {
            return Err("the parameters after the step".to_owned().into());
        }
        team.complete(all, &mut self.gradient)?;
        Ok(norm)
    }

    /// The length of the gradient, from what was found of its chunks.
    fn norm(&self) -> f64 {
        self.chunks.iter().map(|chunk| chunk.squares).sum::<f64>().sqrt()
    }

    /// Finds Σ g² of these chunks.
    fn measure(&mut self, model: &dyn Trainee<T>, own: Range<usize>) {
        let mut number = 0;
        for tensor in model.layout().tensors() {
            for part in self.gradient[tensor.range.clone()].chunks(CHUNK) {
                if own.contains(&number) {
                    self.chunks[number].squares = squares(part);
                }
                number += 1;
            }
        }
    }

    /// The optimizer's step of each tensor that is not frozen, on the gradient times the factor; of these chunks alone, whose
    /// length is measured on the way or is not.
    fn step_tensors(
        &mut self,
        model: &dyn Trainee<T>,
        optimizer: &dyn Optimizer<T>,
        memory: &mut [T],
        (steps, rate): (u64, f64),
        (factor, measures): (Option<T>, bool),
        own: Range<usize>,
    ) {
        let states = optimizer.states();
        let mut first = 0;
        for tensor in model.layout().tensors() {
            let step = Step::new(steps + 1, rate, tensor.role);
            let count = tensor.range.len().div_ceil(CHUNK);
            // The chunks of the tensor that are among those.
            let in_tensor = |chunk: usize| chunk.clamp(first, first + count) - first;
            let (start, end) = (in_tensor(own.start), in_tensor(own.end));
            let chunks = &mut self.chunks[first + start..first + end];
            first += count;
            let place = |chunk: usize| tensor.range.end.min(tensor.range.start + chunk * CHUNK);
            let range = place(start)..place(end);
            if tensor.is_frozen {
                self.gradient[range.clone()].copy_from_slice(&model.parameters()[range]);
                chunks.fill(Chunk { squares: 0.0, is_finite: true });
                continue;
            }
            let part = Part {
                parameters: &model.parameters()[range.clone()],
                gradient: &mut self.gradient[range.clone()],
                state: &mut memory[states * range.start..][..states * range.len()],
                chunks,
                states,
            };
            in_parts(part.chunks.len(), ELEMENT * CHUNK, part, |part| {
                part.step(optimizer, &step, (factor, measures));
            });
        }
    }
}

/// Forgets what an optimizer remembers of parameters that lie side by side in one tensor.
pub(super) fn forget_at<T: Float>(
    layout: &Layout,
    place: Range<usize>,
    states: usize,
    memory: &mut [T],
) {
    let mut tensors = layout.tensors().iter();
    let Some(tensor) = tensors.find(|tensor| tensor.range.contains(&place.start)) else { return };
    for parameter in place {
        // Of each chunk of a tensor there is all of one state, then all of the next.
        let (start, end) = (tensor.range.start, tensor.range.end);
        let first = start + (parameter - start) / CHUNK * CHUNK;
        let len = CHUNK.min(end - first);
        for state in 0..states {
            memory[states * first + state * len + (parameter - first)] = T::ZERO;
        }
    }
}

/// Parameters that are stepped at a time: few enough to stay in the nearest cache.
pub(super) const CHUNK: usize = 2048;

/// What came out of the step of one chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chunk {
    /// Σ g².
    pub(super) squares: f64,
    /// Whether all of its next parameters are finite.
    pub(super) is_finite: bool,
}

/// Chunks of one tensor, with all that an optimizer's step reads and writes.
struct Part<'a, T> {
    parameters: &'a [T],
    gradient: &'a mut [T],
    state: &'a mut [T],
    chunks: &'a mut [Chunk],
    states: usize,
}

impl<T: Float> Divide for Part<'_, T> {
    fn divide(self, at: usize) -> (Self, Self) {
        let states = self.states;
        let (parameters, right_parameters) = self.parameters.split_at(at * CHUNK);
        let (gradient, right_gradient) = self.gradient.split_at_mut(at * CHUNK);
        let (state, right_state) = self.state.split_at_mut(states * at * CHUNK);
        let (chunks, right_chunks) = self.chunks.split_at_mut(at);
        let right = Self {
            parameters: right_parameters,
            gradient: right_gradient,
            state: right_state,
            chunks: right_chunks,
            states,
        };
        (Self { parameters, gradient, state, chunks, states }, right)
    }
}

impl<T: Float> Part<'_, T> {
    /// Norm, optimizer and check chunk by chunk, so that memory is passed over once.
    fn step(
        self,
        optimizer: &dyn Optimizer<T>,
        step: &Step,
        (factor, measures): (Option<T>, bool),
    ) {
        let inputs = self.parameters.chunks(CHUNK).zip(self.gradient.chunks_mut(CHUNK));
        let mut state = self.state;
        for ((parameters, gradient), chunk) in inputs.zip(self.chunks) {
            let (memory, rest) = state.split_at_mut(self.states * gradient.len());
            state = rest;
            if let Some(factor) = factor {
                gradient.iter_mut().for_each(|g| *g *= factor);
            }
            if measures {
                chunk.squares = squares(gradient);
            }
            optimizer.step(step, parameters, memory, gradient);
            // The gradient now holds the next parameters.
            chunk.is_finite = all_finite(gradient) && all_finite(memory);
        }
    }
}

/// Σ g², in double precision: squares overflow f32 long before the gradient does.
pub(super) fn squares<T: Float>(gradient: &[T]) -> f64 {
    let squares = |chunk: &[T]| {
        let fast = sum(chunk, |g| g * g).to_double();
        if fast.is_finite() { fast } else { chunk.iter().map(|g| g.to_double().powi(2)).sum() }
    };
    gradient.chunks(CHUNK).map(squares).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::layout::Role;

    #[test]
    fn what_is_forgotten_is_what_belongs_to_the_place() {
        let mut layout = Layout::new();
        let sizes = [3000, 5000];
        sizes.iter().for_each(|&rows| layout.tensor("weight", (rows, 1), Role::Weight));
        let states = 2;
        // Each number of the memory is that of the parameter it belongs to, in the order in which steps go over them.
        let mut memory = Vec::new();
        for tensor in layout.tensors() {
            let parameters: Vec<f64> = tensor.range.clone().map(|at| at as f64 + 1.0).collect();
            for chunk in parameters.chunks(CHUNK) {
                (0..states).for_each(|_| memory.extend_from_slice(chunk));
            }
        }
        let place = 3000 + 2000..3000 + 2100;
        let mut found = memory.clone();
        forget_at(&layout, place.clone(), states, &mut found);
        for (found, owner) in found.into_iter().zip(memory) {
            let is_forgotten = place.contains(&(owner as usize - 1));
            assert_eq!(found, if is_forgotten { 0.0 } else { owner });
        }
    }
}
