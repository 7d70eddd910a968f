mod line_search;
mod pairs;

use line_search::{LineSearch, Verdict};

use crate::error::{Result, require, require_count, require_weight};
use crate::numbers::scalar::Float;

/// L-BFGS: long steps along a direction that the last gradients have shaped, each as far as a line search
/// finds good.
///
/// It is for objectives that are the same at every step: give it all samples in one batch, which is
/// what a [`Trainer`](crate::Trainer) does with it by default, or few large ones. It has no learning
/// rate, and on models of some ten thousand parameters it often needs a tenth of the passes over the
/// data that [`Adam`](crate::Adam) needs.
///
/// A batch goes through the model as a whole: with all samples in one, a pass takes memory for what
/// every layer makes of every sample.
///
/// # Meaning
/// An epoch is one pass over fixed batches, which are not shuffled, and a batch is one step:
/// [`iterations_per_batch`](Self::iterations_per_batch) iterations, each of one evaluation of the objective
/// and its gradient or of a few. Noise, corruptions and drawn codes of a sample are the same at each
/// evaluation of the whole training, so that the objective of a batch is one function. The rate in
/// reports is the step length that the line search found, and
/// [`evaluations`](crate::EpochReport::evaluations) counts what it cost. With one batch and no state of
/// a regularizer, an iteration begins with the gradient that the last one ended with.
///
/// The training ends with [`StopReason::Converged`](crate::train::StopReason::Converged) when all
/// batches of an epoch meet a criterion, and with
/// [`StopReason::LineSearchFailed`](crate::train::StopReason::LineSearchFailed) when no step down the gradient makes
/// the objective smaller. `shuffle(true)`, `schedule` and `clip_norm` are refused.
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`history`](Self::history) | steps it remembers; 2 numbers a parameter each | 10 | at least 1 |
/// | [`gradient_tolerance`](Self::gradient_tolerance) | converged if no entry is larger | 1e-5 | not negative |
/// | [`objective_tolerance`](Self::objective_tolerance) | converged if it falls by no larger share | 2.2e-9 | not negative |
/// | [`iterations_per_batch`](Self::iterations_per_batch) | iterations of a step | 1 | at least 1 |
/// | [`max_evaluations`](Self::max_evaluations) | of one line search | 20 | at least 1 |
/// | [`wolfe`](Self::wolfe) | what a step must fulfil | 1e-3, 0.9 | 0 < c₁ < c₂ < 1 |
///
/// These are the defaults of SciPy's `L-BFGS-B`, and it takes the same course.
///
/// # Formula
/// p ← p + α d, d = −H g, with H from the last steps s and changes of the gradient y by the two-loop
/// recursion on H₀ = (sᵀy / yᵀy) I; α fulfils Wolfe's strong conditions
/// φ(α) ≤ φ(0) + c₁ α φ′(0) and |φ′(α)| ≤ c₂ |φ′(0)|. Dot products are in double precision.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, Lbfgs, Trainer, activation::Sigmoid, datasets};
///
/// let digits = datasets::digits();
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f32>()?;
/// let before = model.loss(&digits.train)?.total();
/// let report = Trainer::new(Lbfgs::new()).epochs(30).fit(&mut model, &digits.train)?;
/// assert!(model.loss(&digits.train)?.total() < 0.5 * before);
/// // Hardly more than one evaluation an iteration.
/// let evaluations: usize = report.epochs.iter().map(|epoch| epoch.evaluations).sum();
/// assert!((31..45).contains(&evaluations));
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// D. Liu, J. Nocedal (1989), On the limited memory BFGS method for large scale optimization.
/// J. Moré, D. Thuente (1994), Line search algorithms with guaranteed sufficient decrease.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    history: usize,
    gradient_tolerance: f64,
    objective_tolerance: f64,
    iterations_per_batch: usize,
    max_evaluations: usize,
    wolfe: (f64, f64),
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self::new()
    }
}

impl Lbfgs {
    /// Its name and its settings, as a checkpoint has them.
    pub(crate) fn describe(&self) -> String {
        let Self {
            history,
            gradient_tolerance,
            objective_tolerance,
            iterations_per_batch,
            max_evaluations,
            wolfe,
        } = self;
        format!(
            "Lbfgs {{ history: {history}, gradient_tolerance: {gradient_tolerance:?}, objective_tolerance: \
             {objective_tolerance:?}, iterations_per_batch: {iterations_per_batch}, max_evaluations: \
             {max_evaluations}, wolfe: {wolfe:?} }}"
        )
    }

    /// With the defaults of SciPy's `L-BFGS-B`.
    pub const fn new() -> Self {
        Self {
            history: 10,
            gradient_tolerance: 1e-5,
            // 10⁷ units in the last place of 1, as SciPy has it.
            objective_tolerance: 1e7 * f64::EPSILON,
            iterations_per_batch: 1,
            max_evaluations: 20,
            wolfe: (1e-3, 0.9),
        }
    }

    /// How many steps it remembers, at least 1. Default: 10.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn history(self, steps: usize) -> Result<Self> {
        require_count("Lbfgs history", steps)?;
        Ok(Self { history: steps, ..self })
    }

    /// Has converged if no entry of the gradient is larger, finite and not negative. Default: 1e-5.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn gradient_tolerance(self, tolerance: f64) -> Result<Self> {
        require_weight("Lbfgs gradient_tolerance", tolerance)?;
        Ok(Self { gradient_tolerance: tolerance, ..self })
    }

    /// Has converged if an iteration makes the objective f smaller by no larger share of max(|f|, 1),
    /// finite and not negative; in `f32` at least that type's precision, 1.2e-7. Default: 2.2e-9.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn objective_tolerance(self, tolerance: f64) -> Result<Self> {
        require_weight("Lbfgs objective_tolerance", tolerance)?;
        Ok(Self { objective_tolerance: tolerance, ..self })
    }

    /// Iterations on a batch before the next one comes, at least 1. Default: 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn iterations_per_batch(self, iterations: usize) -> Result<Self> {
        require_count("Lbfgs iterations_per_batch", iterations)?;
        Ok(Self { iterations_per_batch: iterations, ..self })
    }

    /// Evaluations after which a line search takes the best step it knows, at least 1. Default: 20.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn max_evaluations(self, evaluations: usize) -> Result<Self> {
        require_count("Lbfgs max_evaluations", evaluations)?;
        Ok(Self { max_evaluations: evaluations, ..self })
    }

    /// Wolfe's constants: c₁ of the sufficient decrease and c₂ of the curvature, 0 < c₁ < c₂ < 1.
    /// Default: 1e-3 and 0.9.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn wolfe(self, decrease: f64, curvature: f64) -> Result<Self> {
        let is_between = decrease > 0.0 && decrease < curvature;
        require(is_between, "Lbfgs wolfe decrease", decrease, "between 0 and the curvature's")?;
        let is_between = curvature > 0.0 && curvature < 1.0;
        require(is_between, "Lbfgs wolfe curvature", curvature, "in (0, 1)")?;
        Ok(Self { wolfe: (decrease, curvature), ..self })
    }

    /// How many numbers it remembers for each parameter.
    pub(crate) fn states(&self) -> usize {
        self.history.saturating_mul(2)
    }

    /// Iterations of a step.
    pub(crate) fn iterations(&self) -> usize {
        self.iterations_per_batch
    }

    /// Whether this gradient is as good as zero.
    pub(crate) fn is_flat<T: Float>(&self, gradient: &[T]) -> bool {
        gradient.iter().all(|g| g.to_double().abs() <= self.gradient_tolerance)
    }

    /// Whether the objective did not fall by more than the tolerance.
    pub(crate) fn is_settled<T: Float>(&self, before: f64, after: f64) -> bool {
        let tolerance = self.objective_tolerance.max(T::default_epsilon().to_double());
        before - after <= tolerance * before.abs().max(after.abs()).max(1.0)
    }

    /// One iteration: moves the point to where the objective is smaller, if that is found. `pairs` is its
    /// memory. `evaluate` gives the objective at some parameters and writes its gradient; either is not
    /// finite where it does not exist. It is called last at the parameters of the new point.
    pub(crate) fn iterate<T: Float>(
        &self,
        point: &mut Point<T>,
        pairs: &mut [T],
        evaluate: &mut dyn FnMut(&[T], &mut [T]) -> f64,
    ) -> Iteration {
        loop {
            let Point { value, parameters, gradient, direction, next, next_gradient, factors } =
                point;
            let has_pairs = pairs::direction(pairs, gradient, direction, factors);
            let slope = pairs::dot(gradient, direction);
            let first = if has_pairs { 1.0 } else { first_step::<T>(*value, slope) };
            let found = if slope < 0.0 {
                let search = LineSearch::new(*value, slope, self.wolfe, first);
                self.search(
                    search,
                    parameters,
                    direction,
                    (&mut *next, &mut *next_gradient),
                    evaluate,
                )
            } else {
                Found::Nothing
            };
            match found {
                Found::Step(step, found) => {
                    pairs::remember(pairs, (parameters, next), (gradient, next_gradient));
                    *value = found;
                    std::mem::swap(parameters, next);
                    std::mem::swap(gradient, next_gradient);
                    return Iteration::Moved { step };
                }
                // The memory may be what is wrong.
                _ if has_pairs => pairs.fill(T::ZERO),
                Found::Nothing => return Iteration::Stuck,
                Found::NotFinite => return Iteration::NotFinite,
            }
        }
    }

    /// Searches along the direction, and leaves the parameters and the gradient of what it finds.
    fn search<T: Float>(
        &self,
        mut search: LineSearch,
        parameters: &[T],
        direction: &[T],
        (next, next_gradient): (&mut [T], &mut [T]),
        evaluate: &mut dyn FnMut(&[T], &mut [T]) -> f64,
    ) -> Found {
        let mut try_step = |step: f64| {
            pairs::sum_into(next, parameters, step, direction);
            let value = evaluate(next, next_gradient);
            (value, pairs::dot(next_gradient, direction))
        };
        let mut is_ever_finite = false;
        let mut last = (0.0, 0.0);
        for _ in 0..self.max_evaluations {
            let (value, slope) = try_step(search.step());
            is_ever_finite |= value.is_finite() && slope.is_finite();
            last = (search.step(), value);
            match search.tell(value, slope) {
                Verdict::Continue => {}
                Verdict::Accept => return Found::Step(last.0, last.1),
                Verdict::Fail => return Found::Nothing,
            }
        }
        match search.best() {
            best if best > 0.0 && best == last.0 => Found::Step(best, last.1),
            best if best > 0.0 => Found::Step(best, try_step(best).0),
            _ if is_ever_finite => Found::Nothing,
            _ => Found::NotFinite,
        }
    }
}

/// The first step without any knowledge of the curvature: a move of length 1, or, where the objective is so large that
/// its rounding would hide what that changes, one that it shows.
fn first_step<T: Float>(value: f64, slope: f64) -> f64 {
    const SEEN: f64 = 64.0; // in units of rounding
    let shown = SEEN * T::default_epsilon().to_double() * value.abs();
    (1.0 / (-slope).sqrt()).max(shown / -slope)
}

/// What a line search found.
enum Found {
    /// A step, and the objective there.
    Step(f64, f64),
    Nothing,
    NotFinite,
}

/// Where a minimisation stands, with the buffers of an iteration.
#[derive(Debug)]
pub(crate) struct Point<T> {
    pub(crate) value: f64,
    pub(crate) parameters: Vec<T>,
    pub(crate) gradient: Vec<T>,
    direction: Vec<T>,
    next: Vec<T>,
    next_gradient: Vec<T>,
    factors: Vec<(f64, f64)>,
}

impl<T: Float> Point<T> {
    pub(crate) fn new(lbfgs: &Lbfgs, parameters: usize) -> Self {
        let zeros = || vec![T::ZERO; parameters];
        Self {
            value: 0.0,
            parameters: zeros(),
            gradient: zeros(),
            direction: zeros(),
            next: zeros(),
            next_gradient: zeros(),
            factors: vec![(0.0, 0.0); lbfgs.history],
        }
    }
}

/// What an iteration came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Iteration {
    /// The point moved by this multiple of the direction.
    Moved {
        /// The step length α.
        step: f64,
    },
    /// Nothing smaller was found down the gradient.
    Stuck,
    /// No step down the gradient had a finite objective.
    NotFinite,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How near a value is to that of SciPy, which sums in another order, as a share of it; both are nearly 0.
    const SAME: f64 = 1e-6;

    /// Minimises from a point; where it ends, its value, the iterations and the evaluations.
    fn minimise<T: Float>(
        lbfgs: &Lbfgs,
        start: &[T],
        objective: impl Fn(&[T], &mut [T]) -> f64,
    ) -> (Vec<T>, f64, usize, usize) {
        let mut evaluations = 1;
        let mut point = Point::new(lbfgs, start.len());
        let mut pairs = vec![T::ZERO; lbfgs.states() * start.len()];
        point.parameters.copy_from_slice(start);
        point.value = objective(&point.parameters, &mut point.gradient);
        for iterations in 1..=1000 {
            let before = point.value;
            let iteration = lbfgs.iterate(&mut point, &mut pairs, &mut |x, g| {
                evaluations += 1;
                objective(x, g)
            });
            let is_stuck = iteration == Iteration::Stuck;
            let after = point.value;
            assert!(iteration != Iteration::NotFinite && (is_stuck || after < before));
            let is_settled = lbfgs.is_settled::<T>(before, after);
            if is_stuck || lbfgs.is_flat(&point.gradient) || is_settled {
                return (point.parameters, after, iterations, evaluations);
            }
        }
        panic!("did not converge")
    }

    /// ½ Σ k (xₖ − k)²: condition number n.
    fn quadratic<T: Float>(x: &[T], gradient: &mut [T]) -> f64 {
        let mut value = 0.0;
        for (k, (g, x)) in (1..).zip(gradient.iter_mut().zip(x)) {
            let (k, x) = (f64::from(k), x.to_double());
            value += 0.5 * k * (x - k).powi(2);
            *g = T::of(k * (x - k));
        }
        value
    }

    /// Σ 100 (x₂ − x₁²)² + (1 − x₁)² over pairs.
    fn rosenbrock<T: Float>(x: &[T], gradient: &mut [T]) -> f64 {
        let mut value = 0.0;
        for (x, gradient) in x.chunks_exact(2).zip(gradient.chunks_exact_mut(2)) {
            let (a, b) = (x[0].to_double(), x[1].to_double());
            value += 100.0 * (b - a * a).powi(2) + (1.0 - a).powi(2);
            gradient[0] = T::of(-400.0 * a * (b - a * a) - 2.0 * (1.0 - a));
            gradient[1] = T::of(200.0 * (b - a * a));
        }
        value
    }

    // The values and counts of the next two are those of SciPy 1.17:
    // ```python
    // import numpy as np
    // from scipy.optimize import minimize
    // def rosenbrock(x):
    //     a, b = x[::2], x[1::2]
    //     return ((100 * (b - a * a)**2 + (1 - a)**2).sum(),
    //             np.stack([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)], 1).ravel())
    // def quadratic(x):
    //     k = np.arange(1, len(x) + 1.0); return (0.5 * k * (x - k)**2).sum(), k * (x - k)
    // for f, start in [(quadratic, np.zeros(20)), (rosenbrock, np.array([-1.2, 1.0] * 5))]:
    //     r = minimize(f, start, jac=True, method="L-BFGS-B"); print(r.nit, r.nfev, r.fun)
    // ```
    #[test]
    fn quadratic_has_its_minimum() {
        let (x, value, iterations, evaluations) =
            minimise(&Lbfgs::new(), &[0.0_f64; 20], quadratic);
        assert!((1..).zip(&x).all(|(k, x)| (x - f64::from(k)).abs() < 1e-4), "{x:?}");
        assert!((value / 1.4848377183830172e-10 - 1.0).abs() < SAME, "{value}");
        assert_eq!((iterations, evaluations), (23, 27));
    }

    #[test]
    fn rosenbrock_has_its_minimum() {
        let start = [-1.2, 1.0].repeat(5);
        let (x, value, iterations, evaluations) =
            minimise(&Lbfgs::new(), &start, rosenbrock::<f64>);
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-4), "{x:?}");
        assert!((value / 6.484841963196498e-19 - 1.0).abs() < SAME, "{value}");
        assert_eq!((iterations, evaluations), (37, 45));
    }

    #[test]
    fn single_precision_ends_at_its_rounding() {
        let start: Vec<f32> = [-1.2, 1.0].repeat(5);
        let (x, value, _, evaluations) = minimise(&Lbfgs::new(), &start, rosenbrock);
        assert!(value < 1e-5 && x.iter().all(|x| (x - 1.0).abs() < 1e-2), "{value} at {x:?}");
        assert!(evaluations < 100, "{evaluations}");
    }

    #[test]
    fn what_does_not_exist_ahead_is_not_finite_and_changes_nothing() {
        let lbfgs = Lbfgs::new();
        let mut point = Point::new(&lbfgs, 1);
        (point.value, point.parameters[0], point.gradient[0]) = (1.0, 2.0, 3.0);
        let mut pairs = vec![0.0; lbfgs.states()];
        let mut evaluations = 0;
        let nowhere = &mut |_: &[f64], _: &mut [f64]| {
            evaluations += 1;
            f64::NAN
        };
        assert_eq!(lbfgs.iterate(&mut point, &mut pairs, nowhere), Iteration::NotFinite);
        assert_eq!((point.value, point.parameters[0], point.gradient[0]), (1.0, 2.0, 3.0));
        assert_eq!(evaluations, 20);
    }
}
