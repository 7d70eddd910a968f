use super::trainable::{Chosen, Trainable};
use crate::optimizer::Step;
use crate::parallel::{Divide, ELEMENT, in_parts};
use crate::random::Streams;
use crate::sample_weights;
use crate::scalar::sum;
use crate::{BatchView, BatchViewMut, Optimizer, Scalar, Terms};

/// The buffers of one training.
pub(super) struct Run<M: Trainable> {
    workspace: M::Workspace,
    batch: Vec<M::Scalar>,
    shares: Vec<M::Scalar>,
    gradient: Vec<M::Scalar>,
    pub(super) optimizer_state: Vec<M::Scalar>,
    chunks: Vec<Chunk>,
}

impl<M: Trainable> Run<M> {
    pub(super) fn new(model: &M, states: usize) -> Self {
        let zeros = |len| vec![M::Scalar::ZERO; len];
        let parameters = model.parameters().len();
        let tensors = model.layout().tensors().iter();
        let chunks = tensors.map(|tensor| tensor.range.len().div_ceil(CHUNK)).sum();
        Self {
            workspace: model.workspace(),
            batch: Vec::new(),
            shares: Vec::new(),
            gradient: zeros(parameters),
            optimizer_state: zeros(states * parameters),
            chunks: vec![Chunk::default(); chunks],
        }
    }

    /// One step on the chosen samples of a block whose first sample has the given number, with the
    /// weights of all samples if they do not count alike; `step` is the number of steps that the
    /// optimizer remembers, the learning rate, and the longest gradient. Returns the
    /// gradient's norm, or what stopped being finite; the model has changed only if all is well.
    pub(super) fn step(
        &mut self,
        model: &mut M,
        optimizer: &impl Optimizer<M::Scalar>,
        (block, first): (BatchView<'_, M::Scalar, M::Input>, usize),
        (chosen, weights): (&[usize], Option<&[f64]>),
        streams: Streams<'_>,
        (steps, rate, clip_norm): (u64, f64, Option<f64>),
    ) -> std::result::Result<f64, String> {
        let features = block.features();
        self.batch.resize(chosen.len() * features, M::Scalar::ZERO);
        let gathered = BatchViewMut::new(&mut self.batch, block.dim());
        in_parts(chosen.len(), ELEMENT / 4 * features, (chosen, gathered), |(chosen, mut to)| {
            let samples = to.as_mut_slice().chunks_exact_mut(features);
            for (&number, to) in chosen.iter().zip(samples) {
                to.copy_from_slice(&block.as_slice()[(number - first) * features..][..features]);
            }
        });
        let x = BatchView::new(&self.batch, block.dim());
        let shares = weights.and_then(|all| sample_weights::shares(all, chosen, &mut self.shares));
        let samples = Chosen { x, numbers: chosen, shares, streams };
        model.pass(model.parameters(), &mut self.workspace, &samples, Some(&mut self.gradient));
        for (name, value) in M::terms(&self.workspace).iter() {
            if !value.is_finite() {
                return Err(format!("the term `{name}`"));
            }
        }
        // With a limit the norm is needed before the first parameter moves; without one it is
        // found on the way, while the gradient is in the cache.
        let mut norm = 0.0;
        let mut factor = None;
        if let Some(longest) = clip_norm {
            norm = squares(&self.gradient).sqrt();
            factor = (norm > longest).then(|| M::Scalar::of(longest / norm));
        }
        let states = optimizer.states();
        let mut chunks = &mut self.chunks[..];
        for tensor in model.layout().tensors() {
            let step = Step::new(steps + 1, rate, tensor.role);
            let range = tensor.range.clone();
            let (own, rest) = chunks.split_at_mut(range.len().div_ceil(CHUNK));
            chunks = rest;
            if tensor.is_frozen {
                self.gradient[range.clone()].copy_from_slice(&model.parameters()[range]);
                own.fill(Chunk { squares: 0.0, is_finite: true });
                continue;
            }
            let part = Part {
                parameters: &model.parameters()[range.clone()],
                gradient: &mut self.gradient[range.clone()],
                state: &mut self.optimizer_state[states * range.start..][..states * range.len()],
                chunks: own,
                states,
            };
            in_parts(part.chunks.len(), ELEMENT * CHUNK, part, |part| {
                part.step(optimizer, &step, factor);
            });
        }
        if clip_norm.is_none() {
            norm = self.chunks.iter().map(|chunk| chunk.squares).sum::<f64>().sqrt();
        }
        if !norm.is_finite() {
            return Err("the gradient".to_owned());
        }
        if !self.chunks.iter().all(|chunk| chunk.is_finite) {
            return Err("the parameters after the step".to_owned());
        }
        std::mem::swap(model.parameters_mut(), &mut self.gradient);
        model.update_state(&self.workspace, shares);
        Ok(norm)
    }

    /// The objective on the validation samples.
    pub(super) fn validated(
        &mut self,
        model: &M,
        held_out: BatchView<'_, M::Scalar, M::Input>,
    ) -> Terms {
        model.validate(&mut self.workspace, held_out);
        M::terms(&self.workspace).clone()
    }

    /// The objective of the last step.
    pub(super) fn terms(&self) -> &Terms {
        M::terms(&self.workspace)
    }

    /// Empties the optimizer's memory.
    pub(super) fn forget(&mut self) {
        self.optimizer_state.fill(M::Scalar::ZERO);
    }

    /// Whether all numbers in the optimizer's memory are finite.
    pub(super) fn remembers_finite(&self) -> bool {
        all_finite(&self.optimizer_state)
    }
}

/// Parameters that are stepped at a time: few enough to stay in the nearest cache.
const CHUNK: usize = 2048;

/// What came out of the step of one chunk.
#[derive(Debug, Clone, Copy, Default)]
struct Chunk {
    /// Σ g².
    squares: f64,
    /// Whether all of its next parameters are finite.
    is_finite: bool,
}

/// Chunks of one tensor, with all that an optimizer's step reads and writes.
struct Part<'a, T> {
    parameters: &'a [T],
    gradient: &'a mut [T],
    state: &'a mut [T],
    chunks: &'a mut [Chunk],
    states: usize,
}

impl<T: Scalar> Divide for Part<'_, T> {
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

impl<T: Scalar> Part<'_, T> {
    /// Norm, optimizer and check chunk by chunk, so that memory is passed over once.
    fn step(self, optimizer: &impl Optimizer<T>, step: &Step, factor: Option<T>) {
        let inputs = self.parameters.chunks(CHUNK).zip(self.gradient.chunks_mut(CHUNK));
        let mut state = self.state;
        for ((parameters, gradient), chunk) in inputs.zip(self.chunks) {
            let (memory, rest) = state.split_at_mut(self.states * gradient.len());
            state = rest;
            if let Some(factor) = factor {
                gradient.iter_mut().for_each(|g| *g *= factor);
            } else {
                chunk.squares = squares(gradient);
            }
            optimizer.step(step, parameters, memory, gradient);
            // The gradient now holds the next parameters.
            chunk.is_finite = all_finite(gradient) && all_finite(memory);
        }
    }
}

/// x · 0 is 0 for every finite x, and NaN otherwise: a sum without a branch.
fn all_finite<T: Scalar>(values: &[T]) -> bool {
    let zero = sum(
        values,
        #[inline(always)]
        |x| x * T::ZERO,
    );
    zero == T::ZERO
}

/// Σ g², in double precision: squares overflow f32 long before the gradient does.
fn squares<T: Scalar>(gradient: &[T]) -> f64 {
    let squares = |chunk: &[T]| {
        let fast = sum(chunk, |g| g * g).to_double();
        if fast.is_finite() { fast } else { chunk.iter().map(|g| g.to_double().powi(2)).sum() }
    };
    gradient.chunks(CHUNK).map(squares).sum()
}
