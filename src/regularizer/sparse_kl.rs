use super::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::batch::BatchView;
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::error::{Result, require, require_decay_rate, require_fit, require_weight};
use crate::layer::range::Bounded;
use crate::layer::{Layer, Part};
use crate::numbers::scalar::Float;
use crate::random::schedule::Schedule;
use crate::random::scheduled::Scheduled;
use crate::terms::Terms;

/// Pulls the mean activation p of each code unit to a target p′, so that few units are active at
/// a time and an overcomplete code still has something to learn.
///
/// # Formula
/// β Σⱼ KL(p′ ‖ pⱼ) = β Σⱼ [ p′ ln(p′/pⱼ) + (1 − p′) ln((1 − p′)/(1 − pⱼ)) ], in nats. It is zero at
/// p = p′, its only minimum. An activation with range (lo, hi) counts as a rate: p = (mean h − lo) / (hi − lo),
/// so a tanh unit at −1 is off. Very near p = 0 and p = 1 the penalty continues as a straight
/// line, so that a dead unit still feels it.
///
/// Its term is `sparse_kl`. The gradient at h is β / (m (hi − lo)) · (p − p′) / (p (1 − p)) for a
/// batch of m samples.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, SparseKl, activation::Sigmoid};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 100>::new(Sigmoid))
///     .decoder(Dense::<100, 64>::new(Sigmoid))
///     .regularizer(SparseKl::new(0.05, 0.1)?)
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Ng (2011), Sparse autoencoder, CS294A lecture notes.
#[derive(Debug, Clone)]
pub struct SparseKl {
    target: f64,
    weight: Scheduled,
    decay: f64,
}

/// How near to 0 or 1 a mean activation comes before the penalty goes on as a straight line.
const EDGE: f64 = 1e-6;

impl SparseKl {
    /// With the target p′, in (0, 1), and the weight β, finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn new(target: f64, weight: f64) -> Result<Self> {
        require(target > 0.0 && target < 1.0, "SparseKl target", target, "in (0, 1)")?;
        require_weight("SparseKl weight", weight)?;
        Ok(Self { target, weight: Scheduled::constant(weight), decay: 0.0 })
    }

    /// Multiplies β by a factor that changes in the course of the training, such as
    /// [`Warmup`](crate::train::schedule::Warmup). Outside training, and with [`Lbfgs`](crate::Lbfgs), it is 1.
    /// Default: none.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.weight.follow(schedule);
        self
    }

    /// Takes the mean activation not over the batch alone but over the training so far: a running
    /// mean that keeps this share, in [0, 1), of the past at each step, corrected for its start at
    /// zero. For batches that are small beside 1/p′. Default: 0, the batch alone.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn running(self, decay: f64) -> Result<Self> {
        require_decay_rate("SparseKl running decay", decay)?;
        Ok(Self { decay, ..self })
    }

    /// KL(p′ ‖ p) in nats, continued as a straight line near 0 and 1.
    ///
    /// # Example
    /// ```
    /// let sparse = autoencoder::SparseKl::new(0.05, 1.0)?;
    /// assert_eq!(sparse.divergence(0.05), 0.0);
    /// assert!((sparse.divergence(0.1) - 0.016707).abs() < 1e-6); // 0.05 ln ½ + 0.95 ln(0.95/0.9)
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn divergence(&self, mean_activation: f64) -> f64 {
        let inside = self.clamp(mean_activation);
        let target = self.target;
        // p′ ln(p′/p) + (1−p′) ln((1−p′)/(1−p)) in terms that are never negative, so that nothing
        // cancels near p = p′: with u = p/p′ − 1 and w = (p′−p)/(1−p′), u − ln(1+u) ≥ 0.
        let (u, w) = ((inside - target) / target, (target - inside) / (1.0 - target));
        let value = target * excess_of_log(u) + (1.0 - target) * excess_of_log(w);
        value + self.slope(inside) * (mean_activation - inside)
    }

    /// The derivative of [`divergence`](Self::divergence): (p − p′) / (p (1 − p)).
    pub fn slope(&self, mean_activation: f64) -> f64 {
        let p = self.clamp(mean_activation);
        (p - self.target) / (p * (1.0 - p))
    }

    fn clamp(&self, p: f64) -> f64 {
        let edge = EDGE.min(self.target / 2.0).min((1.0 - self.target) / 2.0);
        // Written so that NaN stays NaN.
        if p < edge {
            edge
        } else if p > 1.0 - edge {
            1.0 - edge
        } else {
            p
        }
    }

    /// The share of this batch in the mean activation, and the factor of the past before it.
    fn shares<T: Float>(&self, state: &[T]) -> (f64, f64) {
        match state.last() {
            None => (1.0, 0.0),
            Some(steps) => {
                let correction = 1.0 - self.decay.powf(steps.to_double() + 1.0);
                ((1.0 - self.decay) / correction, self.decay / correction)
            }
        }
    }

    /// Adds the term and, if wanted, its gradient.
    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let (low, high) = at.facts.range;
        let code = at.posterior.mean();
        let slopes = &mut scratch[..code.features()];
        mean_activations(code, at.shares, (low, high), slopes);

        let (share, past_share) = self.shares(at.state);
        let samples = at.shares.map_or(code.samples(), |_| 1) as f64;
        let weight = self.weight.at(at.progress());
        let scale = weight * share / (samples * (high - low));
        let mut divergence = 0.0;
        for (unit, slope) in slopes.iter_mut().enumerate() {
            let past = if at.state.is_empty() { 0.0 } else { at.state[unit].to_double() };
            let p = share * slope.to_double() + past_share * past;
            divergence += self.divergence(p);
            *slope = T::of(scale * self.slope(p));
        }
        terms.add("sparse_kl", T::of(weight * divergence));

        if let Some(gradient) = gradient {
            let features = slopes.len();
            let mut d_code = gradient.posterior.mean_mut();
            let columns = d_code.as_mut_slice().chunks_exact_mut(features);
            for (column, sample) in columns.enumerate() {
                match at.shares {
                    None => sample.iter_mut().zip(&*slopes).for_each(|(d, &slope)| *d += slope),
                    Some(shares) => {
                        let share = shares[column];
                        let slopes = sample.iter_mut().zip(&*slopes);
                        slopes.for_each(|(d, &slope)| *d += share * slope);
                    }
                }
            }
        }
    }
}

/// u − ln(1 + u), which is u²/2 for small u: by its series there, as the difference cancels.
fn excess_of_log(u: f64) -> f64 {
    if u.abs() > 1e-2 {
        return u - u.ln_1p();
    }
    // u²/2 − u³/3 + u⁴/4 − …, to the ninth power: the rest is below 1e-20.
    let series = (2..=9).rev().fold(0.0, |sum, power| 1.0 / f64::from(power) - u * sum);
    u * u * series
}

/// The mean of each unit over the batch, as a rate between 0 and 1.
fn mean_activations<T: Float>(
    code: BatchView<'_, T>,
    shares: Option<&[T]>,
    (low, high): (f64, f64),
    rates: &mut [T],
) {
    rates.fill(T::ZERO);
    add_activations(code, shares, T::ONE, rates);
    // What the sums are divided by; shares are divided already.
    let samples = shares.map_or(code.samples(), |_| 1) as f64;
    for rate in rates {
        *rate = T::of((rate.to_double() / samples - low) / (high - low));
    }
}

/// Adds `scale` times the code of each sample, times its share if there are shares.
fn add_activations<T: Float>(
    code: BatchView<'_, T>,
    shares: Option<&[T]>,
    scale: T,
    sums: &mut [T],
) {
    for (column, sample) in code.iter().enumerate() {
        let scale = shares.map_or(scale, |shares| scale * shares[column]);
        for (sum, &h) in sums.iter_mut().zip(sample) {
            *sum += scale * h;
        }
    }
}

impl<E: Part> SuitedTo<E> for SparseKl where E::Range: Bounded {}

impl<T: Float> Regularizer<T> for SparseKl {
    fn describe(&self) -> String {
        let Self { target, weight, decay } = self;
        let (weight, schedule) = (weight.value, weight.describe());
        format!("SparseKl {{ target: {target:?}, weight: {weight:?}, decay: {decay:?}{schedule} }}")
    }

    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        self.weight.schedule().into_iter().collect()
    }

    /// With a running mean it remembers the mean of each unit before its correction, then the number of steps.
    fn needs(&self, facts: &Facts) -> Needs {
        let state = if self.decay > 0.0 { facts.units + 1 } else { 0 };
        Needs { state, across: Across::Codes, ..Needs::nothing() }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        let (low, high) = facts.range;
        let is_bounded = low.is_finite() && high.is_finite();
        let fault = "needs a code that is bounded on both sides";
        let remedy = "end the encoder in a sigmoid or tanh, or use CodeL1";
        require_fit(is_bounded, "SparseKl", fault, remedy)
    }

    penalty!(SparseKl);

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        _samples: usize,
        _draws: usize,
    ) -> usize {
        facts.units
    }

    fn update_state(
        &self,
        facts: &Facts,
        posterior: &Posterior<T>,
        shares: Option<&[T]>,
        state: &mut [T],
    ) {
        let Some((steps, means)) = state.split_last_mut() else { return };
        let code = posterior.mean();
        let (low, high) = facts.range;
        let keep = T::of(self.decay);
        let samples = shares.map_or(code.samples(), |_| 1) as f64;
        let take = (1.0 - self.decay) / (samples * (high - low));
        let offset = T::of((1.0 - self.decay) * low / (high - low));
        for mean in &mut *means {
            *mean = keep * *mean - offset;
        }
        add_activations(code, shares, T::of(take), means);
        *steps += T::ONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also where the target is nearer to an end than the edge: a unit that is there is driven away.
    #[test]
    fn a_unit_at_an_end_is_driven_to_the_target() {
        for target in [EDGE / 4.0, EDGE, 0.3, 1.0 - EDGE, 1.0 - EDGE / 4.0] {
            let sparse = SparseKl::new(target, 1.0).unwrap();
            assert!(sparse.slope(0.0) < 0.0 && sparse.slope(1.0) > 0.0, "{target}");
            assert!(sparse.divergence(0.0) > 0.0 && sparse.divergence(1.0) > 0.0, "{target}");
            assert!(sparse.slope(0.0).is_finite() && sparse.slope(1.0).is_finite(), "{target}");
        }
    }
}
