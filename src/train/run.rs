//! One step of a training, by an optimizer or by a method that evaluates the objective by itself.

use std::ops::Range;

use super::columns::{Columns, Gathered};
use super::moved::{Moved, forget_at, squares};
use super::report::{Convergence, StopReason};
use super::team::{Batch, Team};
use super::trainable::Trainee;
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::numbers::scalar::{Float, all_finite};
use crate::optimizer::Optimizer;
use crate::optimizer::{Iteration, Kind, Lbfgs, Point};
use crate::terms::Terms;

/// The buffers of one training.
pub(super) struct Run<T> {
    batch: Gathered<T>,
    pub(super) team: Team<T>,
    moved: Moved<T>,
    pub(super) optimizer_state: Vec<T>,
    shares: Vec<T>,
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

/// Why there was no step.
#[derive(Debug)]
pub(super) enum Halt {
    /// This stopped being finite.
    NotFinite(String),
    /// The processes are no longer together.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<String> for Halt {
    fn from(quantity: String) -> Self {
        Self::NotFinite(quantity)
    }
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
    pub(super) fn new(model: &dyn Trainee<T>, method: &Kind<'_, T>, team: Team<T>) -> Self {
        let parameters = model.parameters().len();
        Self {
            batch: Gathered::new(),
            team,
            moved: Moved::new(model),
            optimizer_state: vec![T::ZERO; method.states() * parameters],
            shares: Vec::new(),
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

    /// One step on a batch; `step` is the number of steps that the optimizer remembers, the learning rate, and the longest
    /// gradient. Returns the gradient's norm, or what stopped being finite; the model has changed only if all is well.
    pub(super) fn step(
        &mut self,
        all: &mut dyn Collective,
        model: &mut dyn Trainee<T>,
        optimizer: &dyn Optimizer<T>,
        batch: &Batch<'_, T>,
        (step, clip_norm): ((u64, f64), Option<f64>),
    ) -> std::result::Result<Stepped, Halt> {
        self.evaluations = 1;
        let Self { team, moved, optimizer_state: memory, .. } = self;
        let gradient = Some(&mut moved.gradient[..]);
        team.evaluate(all, model, None, batch, &mut self.batch, gradient)?;
        if let Some(quantity) = not_finite_term(&team.terms) {
            return Err(quantity.into());
        }
        let norm = moved.find((all, team), &*model, optimizer, memory, (step, clip_norm))?;
        std::mem::swap(model.parameters_mut(), &mut moved.gradient);
        let shares = batch.columns.shares(&mut self.shares);
        model.update_state(shares);
        self.revived.clear();
        // A part that revives looks at whole batches, so that there is one shard.
        if let Some(streams) = batch.streams {
            model.revive(streams, &mut self.revived);
        }
        for place in &self.revived {
            let states = optimizer.states();
            forget_at(model.layout(), place.clone(), states, &mut self.optimizer_state);
        }
        Ok(Stepped { norm, rate: step.1, ended: None })
    }

    /// One step of a method that evaluates the objective by itself, on a batch; `is_alone` says that the next step has the
    /// same one. The model moves only if all iterations were finite.
    pub(super) fn descend(
        &mut self,
        all: &mut dyn Collective,
        model: &mut dyn Trainee<T>,
        lbfgs: &Lbfgs,
        batch: &Batch<'_, T>,
        is_alone: bool,
    ) -> std::result::Result<Stepped, Halt> {
        self.evaluations = 0;
        let Some(descent) = &mut self.descent else {
            return Err("the method".to_owned().into()); // made for another one
        };
        // One shard is gathered once, and evaluated as often as it takes; of several each is gathered anew.
        let (team, mut none) = (&mut self.team, Gathered::new());
        let mut once = *batch;
        let gathered = if team.is_whole() {
            let all = 0..batch.columns.samples();
            let (rows, shares) = self.batch.take(&batch.columns, all, 0);
            once.columns = Columns::InOrder { rows, shares };
            &mut none
        } else {
            &mut self.batch
        };
        let evaluations = &mut self.evaluations;
        let mut objective = Objective {
            all,
            team,
            gathered,
            model,
            batch: &once,
            evaluations,
            not_finite: None,
            failed: None,
        };
        let memory = &mut self.optimizer_state;
        let ended = descent.step(lbfgs, memory, &mut objective, is_alone);
        if let Some(error) = objective.failed {
            return Err(error.into());
        }
        let stepped = ended?;
        model.parameters_mut().copy_from_slice(&descent.point.parameters);
        let shares = batch.columns.shares(&mut self.shares);
        model.update_state(shares);
        Ok(stepped)
    }

    /// The objective of samples that are held out.
    pub(super) fn validate(
        &mut self,
        all: &mut dyn Collective,
        model: &mut dyn Trainee<T>,
        batch: &Batch<'_, T>,
    ) -> Result<Terms> {
        self.team.evaluate(all, model, None, batch, &mut self.batch, None)?;
        Ok(self.team.terms.clone())
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

    /// The objective before the last step.
    pub(super) fn terms(&self) -> &Terms {
        self.descent.as_ref().map_or(&self.team.terms, |descent| &descent.before)
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
    /// One step, or what is not finite.
    fn step(
        &mut self,
        lbfgs: &Lbfgs,
        memory: &mut [T],
        objective: &mut Objective<'_, T>,
        is_alone: bool,
    ) -> std::result::Result<Stepped, String> {
        let norm = self.begin(objective)?;
        let (rate, ended) = self.iterate(lbfgs, memory, objective)?;
        self.end(objective, ended, is_alone);
        Ok(Stepped { norm, rate, ended })
    }

    /// Finds the objective and the gradient that a step begins with, if they are not known. Returns the
    /// gradient's norm, or what is not finite.
    fn begin(&mut self, objective: &mut Objective<'_, T>) -> std::result::Result<f64, String> {
        let Self { point, before, terms, known } = self;
        let was_known = std::mem::replace(known, Known::No);
        if was_known != Known::Yes {
            point.parameters.copy_from_slice(objective.model.parameters());
            point.value = objective.evaluate(&point.parameters, &mut point.gradient);
            terms.copy_from(&objective.team.terms);
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
                    terms.copy_from(&objective.team.terms);
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

/// The objective on some samples, as a method evaluates it.
struct Objective<'a, T: Float> {
    all: &'a mut dyn Collective,
    team: &'a mut Team<T>,
    gathered: &'a mut Gathered<T>,
    model: &'a mut dyn Trainee<T>,
    batch: &'a Batch<'a, T>,
    evaluations: &'a mut usize,
    /// What the last evaluation found that is not finite.
    not_finite: Option<String>,
    /// Why there can be no further evaluation.
    failed: Option<Error>,
}

/// A sum of finite terms that is not.
const OBJECTIVE: &str = "the objective";

impl<T: Float> Objective<'_, T> {
    /// Its value, NaN if that or a gradient is not finite.
    fn evaluate(&mut self, parameters: &[T], gradient: &mut [T]) -> f64 {
        *self.evaluations += 1;
        let Self { all, team, gathered, model, batch, .. } = self;
        let to = Some(&mut *gradient);
        let evaluated = team
            .evaluate(&mut **all, &mut **model, Some(parameters), batch, gathered, to)
            .and_then(|()| team.complete(&mut **all, gradient));
        if let Err(error) = evaluated {
            self.failed = Some(error);
            return f64::NAN;
        }
        let terms = &team.terms;
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
