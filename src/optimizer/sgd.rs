use super::{Optimizer, Step};
use crate::error::{Result, require_decay_rate, require_positive, require_weight};
use crate::layer::layout::Role;
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// Stochastic gradient descent, with momentum if wanted.
///
/// # Formula
/// g ← g + decay · w (weights only); v ← μₜ v + g; p ← p − rate · v, or with Nesterov's momentum
/// p ← p − rate · (g + μₜ₊₁ v). The momentum is constant, or rises with the step t, counted from 0:
/// μₜ = min(1 − 2^(−1 − log₂(⌊t/250⌋ + 1)), greatest), which is ½, ¾, ⅚, ⅞, … for 250 steps each.
///
/// With Nesterov's momentum p is the point at which the gradient is taken, θ + μ v in the paper's
/// letters; it moves exactly as there, which is why the next μ stands in the formula.
///
/// # Example
/// The paper's best setting for autoencoders, in a training of 20,000 steps: momentum up to 0.999, and
/// 0.9 for the last 1,000 steps.
/// ```
/// use autoencoder::Sgd;
/// let optimizer = Sgd::new(0.001)?.nesterov_schedule(0.999)?.at_most_from(19_000, 0.9)?;
/// assert_eq!(optimizer.momentum_at(0), 0.5);
/// assert_eq!(optimizer.momentum_at(250), 0.75);
/// assert_eq!(optimizer.momentum_at(18_999), 1.0 - 1.0 / 152.0);
/// assert_eq!(optimizer.momentum_at(19_000), 0.9);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013), On the importance of initialization and
/// momentum in deep learning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    rate: f64,
    /// Its greatest value, if it is rising.
    momentum: f64,
    is_rising: bool,
    nesterov: bool,
    /// From this step on the momentum is at most so much.
    late: Option<(u64, f64)>,
    decay: f64,
}

impl Sgd {
    /// With the learning rate, greater than 0; no momentum, no decay.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("Sgd rate", rate)?;
        let (is_rising, nesterov) = (false, false);
        Ok(Self { rate, momentum: 0.0, is_rising, nesterov, late: None, decay: 0.0 })
    }

    /// Momentum μ in [0, 1). Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn momentum(self, momentum: f64) -> Result<Self> {
        require_decay_rate("Sgd momentum", momentum)?;
        Ok(Self { momentum, is_rising: false, nesterov: false, ..self })
    }

    /// Nesterov's momentum μ in [0, 1): looks ahead along the velocity.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn nesterov(self, momentum: f64) -> Result<Self> {
        Ok(Self { nesterov: true, ..self.momentum(momentum)? })
    }

    /// Momentum that rises by steps of 250 from ½ to `greatest`, in [0, 1). The paper tries 0.9, 0.99,
    /// 0.995 and 0.999.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn momentum_schedule(self, greatest: f64) -> Result<Self> {
        Ok(Self { is_rising: true, ..self.momentum(greatest)? })
    }

    /// Nesterov's momentum that rises as [`momentum_schedule`](Self::momentum_schedule) says.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn nesterov_schedule(self, greatest: f64) -> Result<Self> {
        Ok(Self { nesterov: true, ..self.momentum_schedule(greatest)? })
    }

    /// From step `first` on, counted from 0, the momentum is at most this, in [0, 1): a velocity that
    /// lasts long keeps the parameters from settling at the end. An optimizer does not know how many
    /// steps there will be; the paper takes 0.9 for the last 1,000. Default: never.
    ///
    /// Steps count anew when the optimizer has to [forget](crate::OnDivergence).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn at_most_from(self, first: u64, momentum: f64) -> Result<Self> {
        require_decay_rate("Sgd late momentum", momentum)?;
        Ok(Self { late: Some((first, momentum)), ..self })
    }

    /// The momentum μₜ of step t, counted from 0.
    pub fn momentum_at(&self, t: u64) -> f64 {
        // 2^(−1 − log₂ n) is 1/(2n).
        let risen = 1.0 - 0.5 / ((t / 250) as f64 + 1.0);
        let momentum = if self.is_rising { risen.min(self.momentum) } else { self.momentum };
        match self.late {
            Some((first, most)) if t >= first => momentum.min(most),
            _ => momentum,
        }
    }

    /// Adds `decay · w` to the gradient of weights, as the penalty ½ decay Σ w² would. Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite and not negative.
    pub fn weight_decay(self, decay: f64) -> Result<Self> {
        require_weight("Sgd weight_decay", decay)?;
        Ok(Self { decay, ..self })
    }

    /// One step.
    fn update<T: Float>(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        let decay = if step.role == Role::Weight { T::of(self.decay) } else { T::ZERO };
        let rate = T::of(step.rate);
        let pairs = gradient.iter_mut().zip(parameters);
        if state.is_empty() {
            vectorize(
                #[inline(always)]
                || {
                    for (g, &p) in pairs {
                        *g = p - rate * (*g + decay * p);
                    }
                },
            );
            return;
        }
        // Steps are numbered from 1, t from 0.
        let momentum = T::of(self.momentum_at(step.number.saturating_sub(1)));
        let (of_gradient, of_velocity) = if self.nesterov {
            (T::ONE, T::of(self.momentum_at(step.number)))
        } else {
            (T::ZERO, T::ONE)
        };
        vectorize(
            #[inline(always)]
            || {
                for ((g, &p), velocity) in pairs.zip(state) {
                    let slope = *g + decay * p;
                    *velocity = momentum * *velocity + slope;
                    *g = p - rate * (of_gradient * slope + of_velocity * *velocity);
                }
            },
        );
    }
}

once! {
    fn update(optimizer: &'a Sgd, step: &'a Step, parameters: &'a [T], state: &'a mut [T], gradient: &'a mut [T])
        = Sgd::update;
}

impl<T: Float> Optimizer<T> for Sgd {
    fn describe(&self) -> String {
        let Self { rate, momentum, is_rising, nesterov, late, decay } = self;
        format!(
            "Sgd {{ rate: {rate:?}, momentum: {momentum:?}, is_rising: {is_rising}, nesterov: {nesterov}, \
             late: {late:?}, decay: {decay:?} }}"
        )
    }
    fn rate(&self) -> f64 {
        self.rate
    }

    fn states(&self) -> usize {
        usize::from(self.momentum > 0.0)
    }

    fn step(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        update(self, step, parameters, state, gradient);
    }
}
