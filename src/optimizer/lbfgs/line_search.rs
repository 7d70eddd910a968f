//! How far to go along a direction: the line search of Moré and Thuente.

/// One step that was tried: how far, the objective there, and its slope along the direction.
#[derive(Debug, Clone, Copy)]
struct Trial {
    step: f64,
    value: f64,
    slope: f64,
}

/// What a trial came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Another step is to be tried.
    Continue,
    /// The strong Wolfe conditions hold, or, within rounding, nothing better is to be found.
    Accept,
    /// There is nothing smaller along this direction.
    Fail,
}

/// A width of the interval, as a share of its end, below which it holds no better step.
const NARROW: f64 = 0.1;
/// The interval must shrink to this share in two trials, else it is halved.
const SHRINKS: f64 = 0.66;
/// How far beyond the last step the next one may go, before an interval is known, in units of the
/// distance to the best: at least and at most.
const BEYOND: (f64, f64) = (1.1, 4.0);
/// After an objective that is not finite, the share of the way to there that is tried.
const RETREAT: f64 = 0.1;

/// A search for a step α with φ(α) ≤ φ(0) + c₁ α φ′(0) and |φ′(α)| ≤ c₂ |φ′(0)|, where φ is the
/// objective along a direction.
///
/// It keeps the best step so far and, once there is one, a step on the other side of a minimum, and
/// tries the minimum of a cubic or a parabola through them. Until a step falls far enough with a
/// rising slope, it looks at φ(α) − φ(0) − c₁ α φ′(0) instead, whose minimum has both properties.
#[derive(Debug)]
pub(super) struct LineSearch {
    start: Trial,
    /// c₁ φ′(0), and c₂.
    sufficient: f64,
    curvature: f64,
    best: Trial,
    other: Trial,
    /// Whether a minimum lies between the two.
    is_bracketed: bool,
    is_first_stage: bool,
    /// The bounds of the next step.
    low: f64,
    high: f64,
    /// The widths of the interval before the last trial and before the one before.
    widths: (f64, f64),
    /// The shortest step at which something was not finite.
    not_finite: f64,
    /// [`NARROW`], but for tests.
    narrow: f64,
    step: f64,
}

impl LineSearch {
    /// From an objective with a falling slope, with Wolfe's constants and the first step to try.
    pub(super) fn new(value: f64, slope: f64, wolfe: (f64, f64), step: f64) -> Self {
        let start = Trial { step: 0.0, value, slope };
        Self {
            start,
            sufficient: wolfe.0 * slope,
            curvature: wolfe.1,
            best: start,
            other: start,
            is_bracketed: false,
            is_first_stage: true,
            low: 0.0,
            high: step + BEYOND.1 * step,
            widths: (f64::MAX, f64::MAX),
            not_finite: f64::INFINITY,
            narrow: NARROW,
            step,
        }
    }

    /// The step to try.
    pub(super) fn step(&self) -> f64 {
        self.step
    }

    /// The best step so far, 0 if none is better than that.
    pub(super) fn best(&self) -> f64 {
        if self.best.value < self.start.value { self.best.step } else { 0.0 }
    }

    /// Takes the objective and its slope at the step that was to be tried.
    pub(super) fn tell(&mut self, value: f64, slope: f64) -> Verdict {
        if !(value.is_finite() && slope.is_finite()) {
            self.not_finite = self.step;
            self.step = self.best.step + RETREAT * (self.step - self.best.step);
            return Verdict::Continue;
        }
        let trial = Trial { step: self.step, value, slope };
        let is_low = value <= self.start.value + self.sufficient * trial.step;
        if is_low && slope.abs() <= self.curvature * -self.start.slope {
            return Verdict::Accept;
        }
        if self.is_narrow() {
            return if value < self.start.value { Verdict::Accept } else { Verdict::Fail };
        }
        if is_low && slope >= 0.0 {
            self.is_first_stage = false;
        }
        let is_tilted = self.is_first_stage && value <= self.best.value && !is_low;
        self.advance(trial, if is_tilted { self.sufficient } else { 0.0 });
        self.bound();
        if self.step == 0.0 { Verdict::Fail } else { Verdict::Continue }
    }

    /// Whether the last step was as good as the interval allows.
    fn is_narrow(&self) -> bool {
        let is_at_end = self.step <= self.low || self.step >= self.high;
        self.is_bracketed && (is_at_end || self.high - self.low <= self.narrow * self.high)
    }

    /// The next step and interval, from the objective less a line of this slope.
    fn advance(&mut self, trial: Trial, tilt: f64) {
        let tilted = |trial: Trial| Trial {
            value: trial.value - tilt * trial.step,
            slope: trial.slope - tilt,
            ..trial
        };
        let (best, other, new) = (tilted(self.best), tilted(self.other), tilted(trial));
        let is_opposite = new.slope * best.slope.signum() < 0.0;
        let end = if new.step > best.step { self.high } else { self.low };
        let nearer = |a: f64, b: f64, to: f64| if (a - to).abs() < (b - to).abs() { a } else { b };
        let farther = |a: f64, b: f64, to: f64| if (a - to).abs() > (b - to).abs() { a } else { b };
        self.step = if new.value > best.value {
            // A minimum lies between: the cubic's, if it is nearer to the best than the parabola's.
            self.is_bracketed = true;
            let (cubic, parabola) = (cubic(best, new).unwrap_or(new.step), parabola(best, new));
            if (cubic - best.step).abs() < (parabola - best.step).abs() {
                cubic
            } else {
                cubic + 0.5 * (parabola - cubic)
            }
        } else if is_opposite {
            self.is_bracketed = true;
            farther(cubic(best, new).unwrap_or(new.step), secant(best, new), new.step)
        } else if new.slope.abs() < best.slope.abs() {
            // The cubic may have its minimum behind, or none.
            let is_ahead = |at: &f64| (at - new.step) * (new.step - best.step) > 0.0;
            let cubic = cubic(best, new).filter(is_ahead).unwrap_or(end);
            let secant = secant(best, new);
            if self.is_bracketed {
                let limit = new.step + SHRINKS * (other.step - new.step);
                let step = nearer(cubic, secant, new.step);
                if new.step > best.step { step.min(limit) } else { step.max(limit) }
            } else {
                farther(cubic, secant, new.step).max(self.low).min(self.high)
            }
        } else if self.is_bracketed {
            cubic(other, new).unwrap_or(0.5 * (other.step + new.step))
        } else {
            end
        };
        if new.value > best.value {
            self.other = trial;
        } else {
            if is_opposite {
                self.other = self.best;
            }
            self.best = trial;
        }
    }

    /// Keeps the step between its bounds, which are set anew, and the interval shrinking.
    fn bound(&mut self) {
        let (best, other) = (self.best.step, self.other.step);
        if self.is_bracketed {
            let width = (other - best).abs();
            if width >= SHRINKS * self.widths.1 {
                self.step = best + 0.5 * (other - best);
            }
            self.widths = (width, self.widths.0);
            (self.low, self.high) = (best.min(other), best.max(other));
        } else {
            // The step just tried is the best: a worse one would have been the other end.
            let ahead = self.step - best;
            (self.low, self.high) = (self.step + BEYOND.0 * ahead, self.step + BEYOND.1 * ahead);
        }
        if self.step >= self.not_finite {
            self.step = best + 0.5 * (self.not_finite - best);
        }
        if self.is_narrow() || !self.step.is_finite() {
            self.step = best;
        }
    }
}

/// Where the cubic with these values and slopes has its minimum; none if it has none.
fn cubic(a: Trial, b: Trial) -> Option<f64> {
    let across = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    // Scaled, so that squares neither overflow nor vanish.
    let scale = across.abs().max(a.slope.abs()).max(b.slope.abs());
    let radicand = (across / scale).powi(2) - (a.slope / scale) * (b.slope / scale);
    // NaN has none either.
    (radicand > 0.0).then(|| {
        let root = scale * radicand.sqrt() * (b.step - a.step).signum();
        let share = (b.slope + root - across) / (b.slope - a.slope + 2.0 * root);
        b.step - (b.step - a.step) * share
    })
}

/// Where the parabola with both values and the first slope has its minimum.
fn parabola(a: Trial, b: Trial) -> f64 {
    let across = b.step - a.step;
    a.step + across * 0.5 * a.slope / ((a.value - b.value) / across + a.slope)
}

/// Where the parabola with these slopes has its minimum.
fn secant(a: Trial, b: Trial) -> f64 {
    b.step - b.slope * (b.step - a.step) / (b.slope - a.slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches along φ from 0; the accepted step and the number of trials.
    fn search(phi: impl Fn(f64) -> (f64, f64), wolfe: (f64, f64), first: f64) -> (f64, usize) {
        let (value, slope) = phi(0.0);
        let mut search = LineSearch::new(value, slope, wolfe, first);
        search.narrow = 1e-10;
        for trials in 1..=40 {
            let (at, slope_at) = phi(search.step());
            match search.tell(at, slope_at) {
                Verdict::Continue => {}
                Verdict::Accept => {
                    let step = search.step();
                    assert!(at <= value + wolfe.0 * step * slope, "sufficient decrease at {step}");
                    assert!(slope_at.abs() <= wolfe.1 * slope.abs(), "curvature at {step}");
                    return (step, trials);
                }
                Verdict::Fail => panic!("failed after {trials} trials"),
            }
        }
        panic!("no end");
    }

    /// The test functions 1 to 3 of Moré and Thuente, section 5, with the constants of their tables, from
    /// first steps over six decades: as many trials as the tables report.
    #[test]
    fn test_functions_of_the_paper() {
        // φ(α) = −α / (α² + β), β = 2.
        let first = |a: f64| (-a / (a * a + 2.0), (a * a - 2.0) / (a * a + 2.0).powi(2));
        // φ(α) = (α + β)⁵ − 2 (α + β)⁴, β = 0.004.
        let second = |a: f64| {
            let t = a + 0.004;
            (t.powi(5) - 2.0 * t.powi(4), 5.0 * t.powi(4) - 8.0 * t.powi(3))
        };
        // A V with its corner rounded at 1, and waves: β = 0.01, l = 39.
        let third = |a: f64| {
            let (beta, l) = (0.01, 39.0);
            let (v, dv) = if a <= 1.0 - beta {
                (1.0 - a, -1.0)
            } else if a >= 1.0 + beta {
                (a - 1.0, 1.0)
            } else {
                ((a - 1.0).powi(2) / (2.0 * beta) + beta / 2.0, (a - 1.0) / beta)
            };
            let wave = l * std::f64::consts::FRAC_PI_2;
            let (sin, cos) = (wave * a).sin_cos();
            (v + 2.0 * (1.0 - beta) / (l * std::f64::consts::PI) * sin, dv + (1.0 - beta) * cos)
        };
        let firsts = [1e-3, 1e-1, 10.0, 1e3];
        for (step, trials) in firsts.into_iter().zip([6, 3, 1, 4]) {
            assert_eq!(search(first, (1e-3, 0.1), step).1, trials, "first function from {step}");
        }
        for (step, trials) in firsts.into_iter().zip([12, 8, 8, 11]) {
            assert_eq!(search(second, (0.1, 0.1), step).1, trials, "second function from {step}");
        }
        for (step, trials) in firsts.into_iter().zip([12, 12, 10, 13]) {
            assert_eq!(search(third, (0.1, 0.1), step).1, trials, "third function from {step}");
        }
    }

    #[test]
    fn what_is_not_finite_is_too_far() {
        // −log(1 − α) − 2α has its minimum at ½ and does not exist from 1 on.
        let phi = |a: f64| (-(1.0 - a).ln() - 2.0 * a, 1.0 / (1.0 - a) - 2.0);
        let (step, trials) = search(phi, (1e-3, 0.1), 1e3);
        assert!((step - 0.5).abs() < 0.1, "{step}");
        assert!(trials < 12, "{trials}");
    }

    #[test]
    fn what_only_rises_fails() {
        let mut search = LineSearch::new(0.0, -1.0, (1e-3, 0.9), 1.0);
        let verdict = (0..40).map(|_| search.tell(1.0, 1.0)).find(|&v| v != Verdict::Continue);
        assert_eq!(verdict, Some(Verdict::Fail));
        assert_eq!(search.best(), 0.0);
    }
}
