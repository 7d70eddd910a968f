//! Optimizers: from a gradient to the next parameters.
//!
//! | optimizer | keeps | in one line |
//! |---|---|---|
//! | [`Sgd`] | velocity, if it has momentum | down the gradient; momentum classical or Nesterov, constant or rising |
//! | [`RmsProp`] | mean square; velocity, if it has momentum | the gradient over its recent size |
//! | [`Adam`] | two moments | a step of about `rate` in every direction |
//! | [`AdamW`] | two moments | Adam, and weights decay by themselves |
//! | [`Lbfgs`] | the last steps and changes of the gradient | full batches; long steps, found by a line search |
//!
//! All but the last are [`Optimizer`]s: one gradient a step, tensor by tensor. [`Lbfgs`] evaluates the
//! objective as often as it needs, for all parameters together; a [`Trainer`](crate::Trainer) takes either, as
//! a [`Method`].
//!
//! An optimizer holds its settings only; what it remembers lies in a flat slice beside the
//! parameters, so that a checkpoint is a copy of slices. It reads the parameters and writes the
//! next ones over the gradient, which is used up: a step that fails has left the parameters alone,
//! and no memory is passed over twice.
//!
//! # Laws
//! 1. With a gradient of zero from the start and no decay, parameters stay.
//! 2. Tensors are independent of each other; weight decay takes weights, not biases.
//!
//! # Write your own
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::optimizer::{Step, Trains};
//! use autoencoder::{AutoEncoder, Batch, Dense, Float, Optimizer, Trainer, contract::Contract};
//!
//! /// Steps of equal size down the sign of the gradient.
//! #[derive(Debug)]
//! struct SignDescent(f64);
//! impl Trains for SignDescent {}
//! impl<T: Float> Optimizer<T> for SignDescent {
//!     fn describe(&self) -> String {
//!         format!("SignDescent {{ rate: {:?} }}", self.0)
//!     }
//!     fn rate(&self) -> f64 {
//!         self.0
//!     }
//!     fn states(&self) -> usize {
//!         0
//!     }
//!     fn step(&self, step: &Step, parameters: &[T], _state: &mut [T], gradient: &mut [T]) {
//!         for (g, &p) in gradient.iter_mut().zip(parameters) {
//!             *g = if *g == T::ZERO { p } else { p - T::of(step.rate) * g.signum() };
//!         }
//!     }
//! }
//!
//! let build = || {
//!     AutoEncoder::builder()
//!         .encoder(Dense::<3, 2>::new(Tanh))
//!         .decoder(Dense::<2, 3>::new(Identity))
//!         .build::<f64>()
//!         .unwrap()
//! };
//! let x = Batch::from_iter([[0.1, 0.5, 0.9], [0.4, 0.3, 0.2], [0.8, 0.6, 0.7], [0.2, 0.9, 0.4]]);
//! Trainer::new(SignDescent(0.01)).fit(&mut build(), &x)?;
//! Contract::new(build, &x).optimizer(|| SignDescent(0.01)).check().assert();
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod adam;
mod lbfgs;
mod method;
mod rms_prop;
mod sgd;

use std::fmt::Debug;

pub use adam::{Adam, AdamW};
pub use lbfgs::Lbfgs;
pub(crate) use lbfgs::{Iteration, Point};
pub(crate) use method::Kind;
pub use method::{Method, Trains};
pub use rms_prop::RmsProp;
pub use sgd::Sgd;

use crate::layer::layout::Role;
use crate::numbers::scalar::Float;

/// What an optimizer is told about one step of one tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The number of this step since the optimizer's memory was empty, from 1: since training began, or
    /// since it last had to [forget](crate::OnDivergence).
    pub number: u64,
    /// The learning rate of this step: the optimizer's own times the schedule's factor.
    pub rate: f64,
    /// What the tensor is for.
    pub role: Role,
}

impl Step {
    /// For tests of optimizers.
    pub fn new(number: u64, rate: f64, role: Role) -> Self {
        Self { number, rate, role }
    }
}

/// Turns a gradient into the next parameters.
pub trait Optimizer<T: Float>: Debug + Send + Sync {
    /// Its name and its settings, as a checkpoint has them, such as `Sgd { rate: 0.1 }`: a training that is
    /// resumed with other settings is told apart by them, and the name has to be the same.
    fn describe(&self) -> String;

    /// Its learning rate, before any schedule.
    fn rate(&self) -> f64;

    /// How many numbers it remembers for each parameter.
    fn states(&self) -> usize;

    /// One step of one tensor, or of a part of it: writes the next parameters over `gradient` and
    /// updates `state`, which holds [`states`](Optimizer::states) slices of the same length, one
    /// after the other, zero at first.
    /// A large tensor comes in parts, the same ones at each step; they do not depend on each other.
    fn step(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]);
}

impl<T: Float, O: Optimizer<T> + ?Sized> Optimizer<T> for Box<O> {
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn rate(&self) -> f64 {
        (**self).rate()
    }
    fn states(&self) -> usize {
        (**self).states()
    }
    fn step(&self, step: &Step, parameters: &[T], state: &mut [T], gradient: &mut [T]) {
        (**self).step(step, parameters, state, gradient);
    }
}
