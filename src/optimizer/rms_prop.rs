use super::{Optimizer, Step};
use crate::error::{Result, require_decay_rate, require_positive, require_weight};
use crate::layer::layout::Role;
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// RMSProp: every parameter's gradient is divided by its recent size.
///
/// # Formula
/// g ← g + decay · w (weights only); r ← ρ r + (1 − ρ) g²; p ← p − rate · g / (√r + ε), or with
/// momentum v ← μ v + g / (√r + ε); p ← p − rate · v.
///
/// The mean square r begins at 0 and is not corrected for it, so that the first steps are up to
/// 1/√(1 − ρ) times as long as the rate. The lecture has no ε; it stands beside the root here, as in
/// PyTorch, and not in it, as in TensorFlow.
///
/// # Example
/// ```
/// use autoencoder::{Optimizer, RmsProp, optimizer::Step, parameters::Role};
/// let optimizer = RmsProp::new(0.1)?.decay(0.75)?;
/// let (mut state, mut next) = ([0.0], [4.0]); // the gradient, first
/// optimizer.step(&Step::new(1, 0.1, Role::Weight), &[1.0], &mut state, &mut next);
/// assert_eq!(state, [4.0]); // ¼ · 4²
/// assert!((next[0] - 0.8_f64).abs() < 1e-8); // 1 − 0.1 · 4 / √4
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// T. Tieleman, G. Hinton (2012), Lecture 6.5, RMSProp: divide the gradient by a running average of
/// its recent magnitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    rate: f64,
    decay: f64,
    epsilon: f64,
    momentum: f64,
    weight_decay: f64,
}

impl RmsProp {
    /// With the learning rate, greater than 0; ρ = 0.9, ε = 1e-8, no momentum, no weight decay.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(rate: f64) -> Result<Self> {
        require_positive("RmsProp rate", rate)?;
        Ok(Self { rate, decay: 0.9, epsilon: 1e-8, momentum: 0.0, weight_decay: 0.0 })
    }

    /// The decay rate ρ of the mean square, in [0, 1). Default: 0.9.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn decay(self, decay: f64) -> Result<Self> {
        require_decay_rate("RmsProp decay", decay)?;
        Ok(Self { decay, ..self })
    }

    /// What is added to the root of the mean square, greater than 0. Default: 1e-8.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn epsilon(self, epsilon: f64) -> Result<Self> {
        require_positive("RmsProp epsilon", epsilon)?;
        Ok(Self { epsilon, ..self })
    }

    /// Momentum μ in [0, 1) of the divided gradients. Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn momentum(self, momentum: f64) -> Result<Self> {
        require_decay_rate("RmsProp momentum", momentum)?;
        Ok(Self { momentum, ..self })
    }

    /// Adds `decay · w` to the gradient of weights, as the penalty ½ decay Σ w² would. Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless it is finite and not negative.
    pub fn weight_decay(self, decay: f64) -> Result<Self> {
        require_weight("RmsProp weight_decay", decay)?;
        Ok(Self { weight_decay: decay, ..self })
    }

    /// One step.
    fn update<T: Float>(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        let weight_decay =
            if step.role == Role::Weight { T::of(self.weight_decay) } else { T::ZERO };
        let (decay, rest) = (T::of(self.decay), T::of(1.0 - self.decay));
        let (rate, momentum) = (T::of(step.rate), T::of(self.momentum));
        let epsilon = T::of(self.epsilon);
        let (square, velocity) = state.split_at_mut(parameters.len());
        let elements = gradient.iter_mut().zip(parameters).zip(square);
        if velocity.is_empty() {
            vectorize(
                #[inline(always)]
                || {
                    for ((g, &p), r) in elements {
                        let slope = *g + weight_decay * p;
                        *r = decay * *r + rest * slope * slope;
                        *g = p - rate * slope / (r.sqrt() + epsilon);
                    }
                },
            );
            return;
        }
        vectorize(
            #[inline(always)]
            || {
                for (((g, &p), r), v) in elements.zip(velocity) {
                    let slope = *g + weight_decay * p;
                    *r = decay * *r + rest * slope * slope;
                    *v = momentum * *v + slope / (r.sqrt() + epsilon);
                    *g = p - rate * *v;
                }
            },
        );
    }
}

once! {
    fn update(optimizer: &'a RmsProp, step: &'a Step, parameters: &'a [T], state: &'a mut [T], gradient: &'a mut [T])
        = RmsProp::update;
}

impl<T: Float> Optimizer<T> for RmsProp {
    fn describe(&self) -> String {
        let Self { rate, decay, epsilon, momentum, weight_decay } = self;
        format!(
            "RmsProp {{ rate: {rate:?}, decay: {decay:?}, epsilon: {epsilon:?}, momentum: {momentum:?}, \
             weight_decay: {weight_decay:?} }}"
        )
    }
    fn rate(&self) -> f64 {
        self.rate
    }

    fn states(&self) -> usize {
        1 + usize::from(self.momentum > 0.0)
    }

    fn step(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        update(self, step, parameters, state, gradient);
    }
}
