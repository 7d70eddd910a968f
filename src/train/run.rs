use nalgebra::Dyn;

use super::report::Convergence;
use super::trainable::{Chosen, Trainee};
use crate::batch::sample_weights;
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::parallel::{Divide, ELEMENT, in_parts};
use crate::numbers::scalar::Scalar;
use crate::numbers::scalar::sum;
use crate::optimizer::Optimizer;
use crate::optimizer::{Iteration, Kind, Lbfgs, Point, Step};
use crate::random::Streams;
use crate::terms::Terms;

/// The buffers of one training.
pub(super) struct Run<T> {
    batch: Vec<T>,
    shares: Vec<T>,
    gradient: Vec<T>,
    pub(super) optimizer_state: Vec<T>,
    chunks: Vec<Chunk>,
    descent: Option<Descent<T>>,
    /// How often the last step evaluated the objective.
    pub(super) evaluations: usize,
}

/// What came out of a step.
pub(super) struct Stepped {
    /// The norm of the gradient before it.
    pub(super) norm: f64,
    pub(super) rate: f64,
    /// Whether a method that has such a criterion has converged on these samples.
    pub(super) converged: Option<Convergence>,
}

/// The buffers of a method that evaluates the objective by itself.
struct Descent<T> {
    point: Point<T>,
    /// The objective before the last step, and at the point.
    before: Terms,
    terms: Terms,
    known: Known,
}

/// Whether the point has the objective and the gradient that the next step begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    No,
    Yes,
    /// It had, before the training was resumed.
    BeforeResuming,
}

impl<T: Scalar> Run<T> {
    pub(super) fn new(model: &dyn Trainee<T>, method: &Kind<'_, T>) -> Self {
        let zeros = |len| vec![T::ZERO; len];
        let parameters = model.parameters().len();
        let tensors = model.layout().tensors().iter();
        let chunks = tensors.map(|tensor| tensor.range.len().div_ceil(CHUNK)).sum();
        Self {
            batch: Vec::new(),
            shares: Vec::new(),
            gradient: zeros(parameters),
            optimizer_state: zeros(method.states() * parameters),
            chunks: vec![Chunk::default(); chunks],
            descent: match method {
                Kind::Optimizer(_) => None,
                Kind::Lbfgs(lbfgs) => Some(Descent {
                    point: Point::new(lbfgs, parameters),
                    before: Terms::new(),
                    terms: Terms::new(),
                    known: Known::No,
                }),
            },
            evaluations: 0,
        }
    }

    /// One step on the chosen samples of a block whose first sample has the given number, with the
    /// weights of all samples if they do not count alike; `step` is the number of steps that the
    /// optimizer remembers, the learning rate, and the longest gradient. Returns the
    /// gradient's norm, or what stopped being finite; the model has changed only if all is well.
    pub(super) fn step(
        &mut self,
        model: &mut dyn Trainee<T>,
        optimizer: &dyn Optimizer<T>,
        (block, first): (BatchView<'_, T, Dyn>, usize),
        (chosen, weights): (&[usize], Option<&[f64]>),
        streams: Streams<'_>,
        ((steps, rate), clip_norm): ((u64, f64), Option<f64>),
    ) -> std::result::Result<Stepped, String> {
        self.evaluations = 1;
        gather(block, first, chosen, &mut self.batch);
        let x = BatchView::new(&self.batch, block.dim());
        let shares = weights.and_then(|all| sample_weights::shares(all, chosen, &mut self.shares));
        let samples = Chosen { x, numbers: chosen, shares, streams };
        model.pass(None, &samples, &mut self.gradient);
        if let Some(quantity) = not_finite_term(model.terms()) {
            return Err(quantity);
        }
        // With a limit the norm is needed before the first parameter moves; without one it is
        // found on the way, while the gradient is in the cache.
        let mut norm = 0.0;
        let mut factor = None;
        if let Some(longest) = clip_norm {
            norm = squares(&self.gradient).sqrt();
            factor = (norm > longest).then(|| T::of(longest / norm));
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
        model.update_state(shares);
        Ok(Stepped { norm, rate, converged: None })
    }

    /// One step of a method that evaluates the objective by itself, on the samples that [`step`](Self::step)
    /// takes; `is_alone` says that the next step has the same ones. The model moves only if all
    /// iterations were finite.
    pub(super) fn descend(
        &mut self,
        model: &mut dyn Trainee<T>,
        lbfgs: &Lbfgs,
        (block, first): (BatchView<'_, T, Dyn>, usize),
        (chosen, weights): (&[usize], Option<&[f64]>),
        streams: Streams<'_>,
        is_alone: bool,
    ) -> std::result::Result<Stepped, String> {
        self.evaluations = 0;
        let Some(Descent { point, before, terms, known }) = &mut self.descent else {
            return Err("the method".to_owned()); // made for another one
        };
        gather(block, first, chosen, &mut self.batch);
        let x = BatchView::new(&self.batch, block.dim());
        let shares = weights.and_then(|all| sample_weights::shares(all, chosen, &mut self.shares));
        let samples = Chosen { x, numbers: chosen, shares, streams };
        let evaluations = &mut self.evaluations;
        let mut objective = Objective { model, samples, evaluations, not_finite: None };

        let was_known = std::mem::replace(known, Known::No);
        if was_known != Known::Yes {
            point.parameters.copy_from_slice(objective.model.parameters());
            point.value = objective.evaluate(&point.parameters, &mut point.gradient);
            terms.copy_from(objective.model.terms());
            if let Some(quantity) = objective.not_finite {
                return Err(quantity);
            }
        }
        if was_known == Known::BeforeResuming {
            *objective.evaluations = 0;
        }
        before.copy_from(terms);
        let norm = squares(&point.gradient).sqrt();
        let mut rate = 0.0;
        let mut converged = lbfgs.is_flat(&point.gradient).then_some(Convergence::Gradient);
        let mut iterations = 0;
        while iterations < lbfgs.iterations() && converged.is_none() {
            iterations += 1;
            let value = point.value;
            let mut evaluate = |x: &[_], g: &mut [_]| objective.evaluate(x, g);
            match lbfgs.iterate(point, &mut self.optimizer_state, &mut evaluate) {
                Iteration::Moved { step } => {
                    rate = step;
                    terms.copy_from(objective.model.terms());
                    if lbfgs.is_flat(&point.gradient) {
                        converged = Some(Convergence::Gradient);
                    } else if lbfgs.is_settled::<T>(value, point.value) {
                        converged = Some(Convergence::Objective);
                    }
                }
                Iteration::Stuck => converged = Some(Convergence::LineSearch),
                Iteration::NotFinite => {
                    return Err(objective.not_finite.unwrap_or_else(|| OBJECTIVE.to_owned()));
                }
            }
        }
        if objective.model.state().is_empty() {
            *known = if is_alone { Known::Yes } else { Known::No };
        } else if converged == Some(Convergence::LineSearch) {
            // The state is to see what the model has come to, not where a search ended.
            objective.evaluate(&point.parameters, &mut point.gradient);
        }
        model.parameters_mut().copy_from_slice(&point.parameters);
        model.update_state(shares);
        Ok(Stepped { norm, rate, converged })
    }

    /// Whether the next step can do without the evaluation it would begin with; to be asked and told
    /// where a training is saved and resumed.
    #[cfg(feature = "safetensors")]
    pub(super) fn is_known(&self) -> bool {
        self.descent.as_ref().is_some_and(|descent| descent.known != Known::No)
    }

    /// As [`is_known`](Self::is_known) was. What was known is found again, and not counted.
    pub(super) fn set_known(&mut self, is_known: bool) {
        if let Some(descent) = &mut self.descent {
            descent.known = if is_known { Known::BeforeResuming } else { Known::No };
        }
    }

    /// The objective before the last step of this model.
    pub(super) fn terms<'a>(&'a self, model: &'a dyn Trainee<T>) -> &'a Terms {
        self.descent.as_ref().map_or_else(|| model.terms(), |descent| &descent.before)
    }

    /// Empties the optimizer's memory.
    pub(super) fn forget(&mut self) {
        self.optimizer_state.fill(T::ZERO);
        self.set_known(false);
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
    fn step(self, optimizer: &dyn Optimizer<T>, step: &Step, factor: Option<T>) {
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

/// The objective on some samples, as a method evaluates it.
struct Objective<'a, T: Scalar> {
    model: &'a mut dyn Trainee<T>,
    samples: Chosen<'a, T, Dyn>,
    evaluations: &'a mut usize,
    /// What the last evaluation found that is not finite.
    not_finite: Option<String>,
}

/// A sum of finite terms that is not.
const OBJECTIVE: &str = "the objective";

impl<T: Scalar> Objective<'_, T> {
    /// Its value, NaN if that or a gradient is not finite.
    fn evaluate(&mut self, parameters: &[T], gradient: &mut [T]) -> f64 {
        *self.evaluations += 1;
        self.model.pass(Some(parameters), &self.samples, gradient);
        let terms = self.model.terms();
        let value = terms.total();
        self.not_finite = not_finite_term(terms)
            .or_else(|| (!value.is_finite()).then(|| OBJECTIVE.to_owned()))
            .or_else(|| (!all_finite(gradient)).then(|| "the gradient".to_owned()));
        if self.not_finite.is_none() { value } else { f64::NAN }
    }
}

/// The first term that is not finite, as a divergence names it.
fn not_finite_term(terms: &Terms) -> Option<String> {
    let (name, _) = terms.iter().find(|(_, value)| !value.is_finite())?;
    Some(format!("the term `{name}`"))
}

/// Copies the chosen samples of a block, whose first sample has this number.
fn gather<T: Scalar>(
    block: BatchView<'_, T, Dyn>,
    first: usize,
    chosen: &[usize],
    to: &mut Vec<T>,
) {
    let features = block.features();
    to.resize(chosen.len() * features, T::ZERO);
    let gathered = BatchViewMut::new(to, block.dim());
    in_parts(chosen.len(), ELEMENT / 4 * features, (chosen, gathered), |(chosen, mut to)| {
        let samples = to.as_mut_slice().chunks_exact_mut(features);
        for (&number, to) in chosen.iter().zip(samples) {
            to.copy_from_slice(&block.as_slice()[(number - first) * features..][..features]);
        }
    });
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
