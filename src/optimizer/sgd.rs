use super::{Optimizer, Step};
use crate::Scalar;
use crate::error::{Result, require_decay_rate, require_positive, require_weight};
use crate::parameters::Role;
use crate::vector::vectorize;

/// Stochastic gradient descent, with momentum if wanted.
///
/// # Formula
/// g ← g + decay · w (weights only); v ← μ v + g; p ← p − rate · v, or with Nesterov's momentum
/// p ← p − rate · (g + μ v).
///
/// # References
/// I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013), On the importance of initialization and
/// momentum in deep learning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    rate: f64,
    momentum: f64,
    nesterov: bool,
    decay: f64,
}

impl Sgd {
    /// With the learning rate, greater than 0; no momentum, no decay.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("Sgd rate", rate)?;
        Ok(Self { rate, momentum: 0.0, nesterov: false, decay: 0.0 })
    }

    /// Momentum μ in [0, 1). Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn momentum(self, momentum: f64) -> Result<Self> {
        require_decay_rate("Sgd momentum", momentum)?;
        Ok(Self { momentum, ..self })
    }

    /// Nesterov's momentum μ in [0, 1): looks ahead along the velocity.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn nesterov(self, momentum: f64) -> Result<Self> {
        Ok(Self { nesterov: true, ..self.momentum(momentum)? })
    }

    /// Adds `decay · w` to the gradient of weights, as the penalty ½ decay Σ w² would. Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite and not negative.
    pub fn weight_decay(self, decay: f64) -> Result<Self> {
        require_weight("Sgd weight_decay", decay)?;
        Ok(Self { decay, ..self })
    }
}

impl<T: Scalar> Optimizer<T> for Sgd {
    fn rate(&self) -> f64 {
        self.rate
    }

    fn states(&self) -> usize {
        usize::from(self.momentum > 0.0)
    }

    fn step(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        let decay = if step.role == Role::Weight { T::of(self.decay) } else { T::ZERO };
        let (rate, momentum) = (T::of(step.rate), T::of(self.momentum));
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
        let (of_gradient, of_velocity) =
            if self.nesterov { (T::ONE, momentum) } else { (T::ZERO, T::ONE) };
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
