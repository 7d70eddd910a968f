use std::ops::Range;

use super::examples::Rows;
use super::report::{Convergence, StopReason};
use super::trainable::{Chosen, Trainee};
use crate::batch::sample_weights;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::layout::Layout;
use crate::numbers::parallel::{Divide, ELEMENT, in_parts};
use crate::numbers::scalar::{Float, all_finite, sum};
use crate::optimizer::Optimizer;
use crate::optimizer::{Iteration, Kind, Lbfgs, Point, Step};
use crate::random::Streams;
use crate::terms::Terms;

/// The buffers of one training.
pub(super) struct Run<T> {
    batch: Gathered<T>,
    moved: Moved<T>,
    pub(super) optimizer_state: Vec<T>,
    /// The places of parameters that begin anew.
    revived: Vec<Range<usize>>,
    descent: Option<Descent<T>>,
    /// How often the last step evaluated the objective.
    pub(super) evaluations: usize,
}

/// What came out of a step.
pub(super) struct Stepped {
    /// The norm of the gradient before it.
    pub(super) norm: f64,
    pub(super) rate: f64,
    /// Why a method that has such a criterion needs no further step on these samples.
    pub(super) ended: Option<Ended>,
}

/// Why a method that evaluates the objective by itself takes no further step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Converged(Convergence),
    /// The line search found nothing smaller.
    Stuck,
}

impl From<Ended> for StopReason {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Converged(convergence) => Self::Converged(convergence),
            Ended::Stuck => Self::LineSearchFailed,
        }
    }
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

impl<T: Float> Run<T> {
    pub(super) fn new(model: &dyn Trainee<T>, method: &Kind<'_, T>) -> Self {
        let parameters = model.parameters().len();
        Self {
            batch: Gathered::new(),
            moved: Moved::new(model),
            optimizer_state: vec![T::ZERO; method.states() * parameters],
            revived: Vec::new(),
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
        block: (Rows<'_, T>, usize),
        (chosen, weights): (&[usize], Option<&[f64]>),
        streams: Streams<'_>,
        (step, clip_norm): ((u64, f64), Option<f64>),
    ) -> std::result::Result<Stepped, String> {
        self.evaluations = 1;
        let samples = self.batch.choose(block, (chosen, weights), streams);
        model.pass(None, &samples, &mut self.moved.gradient);
        if let Some(quantity) = not_finite_term(model.terms()) {
            return Err(quantity);
        }
        let memory = &mut self.optimizer_state;
        let norm = self.moved.find(&*model, optimizer, memory, step, clip_norm)?;
        std::mem::swap(model.parameters_mut(), &mut self.moved.gradient);
        model.update_state(samples.shares);
        self.revived.clear();
        model.revive(streams, &mut self.revived);
        for place in &self.revived {
            let states = optimizer.states();
            forget_at(model.layout(), place.clone(), states, &mut self.optimizer_state);
        }
        Ok(Stepped { norm, rate: step.1, ended: None })
    }

    /// One step of a method that evaluates the objective by itself, on the samples that [`step`](Self::step)
    /// takes; `is_alone` says that the next step has the same ones. The model moves only if all
    /// iterations were finite.
    pub(super) fn descend(
        &mut self,
        model: &mut dyn Trainee<T>,
        lbfgs: &Lbfgs,
        block: (Rows<'_, T>, usize),
        (chosen, weights): (&[usize], Option<&[f64]>),
        streams: Streams<'_>,
        is_alone: bool,
    ) -> std::result::Result<Stepped, String> {
        self.evaluations = 0;
        let Some(descent) = &mut self.descent else {
            return Err("the method".to_owned()); // made for another one
        };
        let samples = self.batch.choose(block, (chosen, weights), streams);
        let evaluations = &mut self.evaluations;
        let mut objective = Objective { model, samples, evaluations, not_finite: None };
        let norm = descent.begin(&mut objective)?;
        let memory = &mut self.optimizer_state;
        let (rate, ended) = descent.iterate(lbfgs, memory, &mut objective)?;
        descent.end(&mut objective, ended, is_alone);
        model.parameters_mut().copy_from_slice(&descent.point.parameters);
        model.update_state(samples.shares);
        Ok(Stepped { norm, rate, ended })
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

impl<T: Float> Descent<T> {
    /// Finds the objective and the gradient that a step begins with, if they are not known. Returns the
    /// gradient's norm, or what is not finite.
    fn begin(&mut self, objective: &mut Objective<'_, T>) -> std::result::Result<f64, String> {
        let Self { point, before, terms, known } = self;
        let was_known = std::mem::replace(known, Known::No);
        if was_known != Known::Yes {
            point.parameters.copy_from_slice(objective.model.parameters());
            point.value = objective.evaluate(&point.parameters, &mut point.gradient);
            terms.copy_from(objective.model.terms());
            if let Some(quantity) = objective.not_finite.take() {
                return Err(quantity);
            }
        }
        if was_known == Known::BeforeResuming {
            *objective.evaluations = 0;
        }
        before.copy_from(terms);
        Ok(squares(&point.gradient).sqrt())
    }

    /// The iterations of a step, until they end. Returns the length of the last one's step and why no
    /// further one is needed, or what is not finite.
    fn iterate(
        &mut self,
        lbfgs: &Lbfgs,
        memory: &mut [T],
        objective: &mut Objective<'_, T>,
    ) -> std::result::Result<(f64, Option<Ended>), String> {
        let Self { point, terms, .. } = self;
        let mut rate = 0.0;
        let flat = Ended::Converged(Convergence::Gradient);
        let mut ended = lbfgs.is_flat(&point.gradient).then_some(flat);
        let mut iterations = 0;
        while iterations < lbfgs.iterations() && ended.is_none() {
            iterations += 1;
            let value = point.value;
            match lbfgs.iterate(point, memory, &mut |x, g| objective.evaluate(x, g)) {
                Iteration::Moved { step } => {
                    rate = step;
                    terms.copy_from(objective.model.terms());
                    if lbfgs.is_flat(&point.gradient) {
                        ended = Some(flat);
                    } else if lbfgs.is_settled::<T>(value, point.value) {
                        ended = Some(Ended::Converged(Convergence::Objective));
                    }
                }
                Iteration::Stuck => ended = Some(Ended::Stuck),
                Iteration::NotFinite => {
                    let found = objective.not_finite.take();
                    return Err(found.unwrap_or_else(|| OBJECTIVE.to_owned()));
                }
            }
        }
        Ok((rate, ended))
    }

    /// Keeps what the next step begins with, where it has the same samples and nothing else changes, or makes
    /// the point the last one that the model has seen.
    fn end(&mut self, objective: &mut Objective<'_, T>, ended: Option<Ended>, is_alone: bool) {
        let Self { point, known, .. } = self;
        if objective.model.state().is_empty() {
            *known = if is_alone { Known::Yes } else { Known::No };
        } else if ended == Some(Ended::Stuck) {
            // The state is to see what the model has come to, not where a search ended.
            objective.evaluate(&point.parameters, &mut point.gradient);
        }
    }
}

/// Where a step moves the parameters.
struct Moved<T> {
    /// The gradient, and once they are found the next parameters.
    gradient: Vec<T>,
    chunks: Vec<Chunk>,
}

impl<T: Float> Moved<T> {
    fn new(model: &dyn Trainee<T>) -> Self {
        let tensors = model.layout().tensors().iter();
        let chunks = tensors.map(|tensor| tensor.range.len().div_ceil(CHUNK)).sum();
        let gradient = vec![T::ZERO; model.parameters().len()];
        Self { gradient, chunks: vec![Chunk::default(); chunks] }
    }

    /// Writes the next parameters over the gradient, which is clipped before. Returns the gradient's norm, or
    /// what is not finite.
    fn find(
        &mut self,
        model: &dyn Trainee<T>,
        optimizer: &dyn Optimizer<T>,
        memory: &mut [T],
        step: (u64, f64),
        clip_norm: Option<f64>,
    ) -> std::result::Result<f64, String> {
        // With a limit the norm is needed before the first parameter moves; without one it is
        // found on the way, while the gradient is in the cache.
        let limited = clip_norm.map(|longest| (squares(&self.gradient).sqrt(), longest));
        let factor = limited.and_then(|(norm, longest)| {
            let is_longer = norm > longest;
            is_longer.then(|| T::of(longest / norm))
        });
        self.step_tensors(model, optimizer, memory, step, factor);
        let norm = limited.map_or_else(
            || self.chunks.iter().map(|chunk| chunk.squares).sum::<f64>().sqrt(),
            |(norm, _)| norm,
        );
        if !norm.is_finite() {
            return Err("the gradient".to_owned());
        }
        if !self.chunks.iter().all(|chunk| chunk.is_finite) {
            return Err("the parameters after the step".to_owned());
        }
        Ok(norm)
    }

    /// The optimizer's step of each tensor that is not frozen, on the gradient times the factor.
    fn step_tensors(
        &mut self,
        model: &dyn Trainee<T>,
        optimizer: &dyn Optimizer<T>,
        memory: &mut [T],
        (steps, rate): (u64, f64),
        factor: Option<T>,
    ) {
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
                state: &mut memory[states * range.start..][..states * range.len()],
                chunks: own,
                states,
            };
            in_parts(part.chunks.len(), ELEMENT * CHUNK, part, |part| {
                part.step(optimizer, &step, factor);
            });
        }
    }
}

/// Forgets what an optimizer remembers of parameters that lie side by side in one tensor.
fn forget_at<T: Float>(layout: &Layout, place: Range<usize>, states: usize, memory: &mut [T]) {
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
struct Objective<'a, T: Float> {
    model: &'a mut dyn Trainee<T>,
    samples: Chosen<'a, T>,
    evaluations: &'a mut usize,
    /// What the last evaluation found that is not finite.
    not_finite: Option<String>,
}

/// A sum of finite terms that is not.
const OBJECTIVE: &str = "the objective";

impl<T: Float> Objective<'_, T> {
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

/// The samples of a batch, one buffer for each kind of columns and one for their shares.
struct Gathered<T> {
    x: Vec<T>,
    conditions: Vec<T>,
    targets: Vec<T>,
    shares: Vec<T>,
}

impl<T: Float> Gathered<T> {
    fn new() -> Self {
        Self { x: Vec::new(), conditions: Vec::new(), targets: Vec::new(), shares: Vec::new() }
    }

    /// Copies the chosen samples of a block, whose first sample has this number, with what belongs to them;
    /// the weights are those of all samples.
    fn choose<'a>(
        &'a mut self,
        (block, first): (Rows<'_, T>, usize),
        (chosen, weights): (&[usize], Option<&[f64]>),
        streams: Streams<'a>,
    ) -> Chosen<'a, T> {
        let Self { x, conditions, targets, shares } = self;
        let rows = Rows {
            x: gather(block.x, first, chosen, x),
            conditions: block.conditions.map(|view| gather(view, first, chosen, conditions)),
            targets: block.targets.map(|view| gather(view, first, chosen, targets)),
        };
        let shares = weights.and_then(|all| sample_weights::shares(all, chosen, shares));
        Chosen { rows, shares, streams }
    }
}

/// Copies the chosen columns of a block, whose first column has this number.
fn gather<'a, T: Float>(
    block: BatchView<'_, T>,
    first: usize,
    chosen: &[usize],
    to: &'a mut Vec<T>,
) -> BatchView<'a, T> {
    let features = block.features();
    to.resize(chosen.len() * features, T::ZERO);
    let gathered = BatchViewMut::new(to, features);
    in_parts(chosen.len(), ELEMENT / 4 * features, (chosen, gathered), |(chosen, mut to)| {
        let samples = to.as_mut_slice().chunks_exact_mut(features);
        for (&number, to) in chosen.iter().zip(samples) {
            to.copy_from_slice(&block.as_slice()[(number - first) * features..][..features]);
        }
    });
    BatchView::new(to, features)
}

/// Σ g², in double precision: squares overflow f32 long before the gradient does.
fn squares<T: Float>(gradient: &[T]) -> f64 {
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
