use super::{Optimizer, Step};
use crate::error::{Result, require_decay_rate, require_positive, require_weight};
use crate::layer::layout::Role;
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// Adam: every parameter moves by about the learning rate, whatever the scale of its gradient.
///
/// # Formula
/// m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
/// p ← p − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε).
///
/// # References
/// D. Kingma, J. Ba (2014), Adam: a method for stochastic optimization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl Adam {
    /// With the learning rate, greater than 0; β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("Adam rate", rate)?;
        Ok(Self::at_rate(rate))
    }

    /// With a learning rate that is known to be in its range.
    pub(crate) fn at_rate(rate: f64) -> Self {
        Self { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }

    /// The decay rates of the two moments, each in [0, 1). Default: 0.9 and 0.999.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn betas(self, beta1: f64, beta2: f64) -> Result<Self> {
        require_decay_rate("Adam beta1", beta1)?;
        require_decay_rate("Adam beta2", beta2)?;
        Ok(Self { beta1, beta2, ..self })
    }

    /// What is added to the root of the second moment, greater than 0. Default: 1e-8.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn epsilon(self, epsilon: f64) -> Result<Self> {
        require_positive("Adam epsilon", epsilon)?;
        Ok(Self { epsilon, ..self })
    }

    /// One step; `keep` is the share of a parameter that stays, 1 without decay.
    fn update<T: Float>(
        self,
        step: &Step,
        keep: f64,
        parameters: &[T],
        state: &mut [T],
        gradient: &mut [T],
    ) {
        let (m, v) = state.split_at_mut(parameters.len());
        // Both corrections for the start at zero are the same for all parameters.
        let power = |beta: f64| 1.0 - beta.powf(step.number as f64);
        let rate = T::of(step.rate / power(self.beta1));
        let spread = T::of(1.0 / power(self.beta2));
        let (beta1, beta2) = (T::of(self.beta1), T::of(self.beta2));
        let (rest1, rest2) = (T::of(1.0 - self.beta1), T::of(1.0 - self.beta2));
        let (epsilon, keep) = (T::of(self.epsilon), T::of(keep));
        let moments = m.iter_mut().zip(v);
        let moments = parameters.iter().zip(moments);
        vectorize(
            #[inline(always)]
            || {
                for (g, (&p, (m, v))) in gradient.iter_mut().zip(moments) {
                    *m = beta1 * *m + rest1 * *g;
                    *v = beta2 * *v + rest2 * *g * *g;
                    *g = keep * p - rate * *m / ((*v * spread).sqrt() + epsilon);
                }
            },
        );
    }
}

once! {
    fn update(
        adam: Adam, step: &'a Step, keep: f64, parameters: &'a [T], state: &'a mut [T], gradient: &'a mut [T],
    ) = Adam::update;
}

impl<T: Float> Optimizer<T> for Adam {
    fn describe(&self) -> String {
        let Self { rate, beta1, beta2, epsilon } = self;
        format!(
            "Adam {{ rate: {rate:?}, beta1: {beta1:?}, beta2: {beta2:?}, epsilon: {epsilon:?} }}"
        )
    }
    fn rate(&self) -> f64 {
        self.rate
    }

    fn states(&self) -> usize {
        2
    }

    fn step(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        update(*self, step, 1.0, parameters, state, gradient);
    }
}

/// Adam with decoupled weight decay: weights (not biases) shrink by `rate · decay` a step, apart
/// from what the gradient says.
///
/// # Formula
/// w ← (1 − rate · decay) w, then as [`Adam`].
///
/// # References
/// I. Loshchilov, F. Hutter (2017), Decoupled weight decay regularization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    adam: Adam,
    decay: f64,
}

impl AdamW {
    /// With the learning rate, greater than 0, and the decay, finite and not negative.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn new(rate: f64, decay: f64) -> Result<Self> {
        require_positive("AdamW rate", rate)?;
        require_weight("AdamW decay", decay)?;
        Ok(Self { adam: Adam::new(rate)?, decay })
    }

    /// As [`Adam::betas`].
    ///
    /// # Errors
    /// As [`Adam::betas`].
    pub fn betas(self, beta1: f64, beta2: f64) -> Result<Self> {
        Ok(Self { adam: self.adam.betas(beta1, beta2)?, ..self })
    }

    /// As [`Adam::epsilon`].
    ///
    /// # Errors
    /// As [`Adam::epsilon`].
    pub fn epsilon(self, epsilon: f64) -> Result<Self> {
        Ok(Self { adam: self.adam.epsilon(epsilon)?, ..self })
    }
}

impl<T: Float> Optimizer<T> for AdamW {
    fn describe(&self) -> String {
        let adam = Optimizer::<T>::describe(&self.adam);
        format!("AdamW {{ adam: {adam}, decay: {:?} }}", self.decay)
    }
    fn rate(&self) -> f64 {
        self.adam.rate
    }

    fn states(&self) -> usize {
        2
    }

    fn step(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        let decays = step.role == Role::Weight;
        let keep = if decays { 1.0 - step.rate * self.decay } else { 1.0 };
        update(self.adam, step, keep, parameters, state, gradient);
    }
}
