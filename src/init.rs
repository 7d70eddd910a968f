//! First weights. Biases always start at zero.

use std::fmt::Debug;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

/// Draws the first weights of a layer, unit by unit.
///
/// # Example
/// Write your own:
/// ```
/// use autoencoder::{Dense, activation::Tanh, init::Initializer};
///
/// #[derive(Debug)]
/// struct Constant(f64);
/// impl Initializer for Constant {
///     fn draw_unit(&self, weights: &mut [f64], _outputs: usize, _rng: &mut dyn rand::Rng) {
///         weights.fill(self.0);
///     }
/// }
/// let layer = Dense::<8, 3>::new(Tanh).init(Constant(0.1));
/// # let _ = layer;
/// ```
pub trait Initializer: Debug + Send + Sync {
    /// Fills the weights from every input to one unit of a layer that has `outputs` units.
    fn draw_unit(&self, weights: &mut [f64], outputs: usize, rng: &mut dyn Rng);
}

fn draw_uniform(weights: &mut [f64], limit: f64, rng: &mut dyn Rng) {
    for weight in weights {
        *weight = limit * (2.0 * rng.random::<f64>() - 1.0);
    }
}

/// Uniform in ±√(6 / (inputs + outputs)): for layers that are nearly linear at the start. The default.
///
/// # References
/// X. Glorot, Y. Bengio (2010), Understanding the difficulty of training deep feedforward neural networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glorot;
impl Initializer for Glorot {
    fn draw_unit(&self, weights: &mut [f64], outputs: usize, rng: &mut dyn Rng) {
        let limit = (6.0 / (weights.len() + outputs) as f64).sqrt();
        draw_uniform(weights, limit, rng);
    }
}

/// Normal with variance 2 / inputs: for rectifiers, which pass half of their inputs.
///
/// # References
/// K. He, X. Zhang, S. Ren, J. Sun (2015), Delving deep into rectifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct He;
impl Initializer for He {
    fn draw_unit(&self, weights: &mut [f64], _outputs: usize, rng: &mut dyn Rng) {
        let sd = (2.0 / weights.len() as f64).sqrt();
        for weight in weights {
            let normal: f64 = StandardNormal.sample(rng);
            *weight = sd * normal;
        }
    }
}

/// Uniform in ±√(6 / (inputs + outputs + 1)), as in the sparse autoencoder exercise.
///
/// # References
/// A. Ng, J. Ngiam and others (2011), UFLDL tutorial, exercise: sparse autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ufldl;
impl Initializer for Ufldl {
    fn draw_unit(&self, weights: &mut [f64], outputs: usize, rng: &mut dyn Rng) {
        let limit = (6.0 / (weights.len() + outputs + 1) as f64).sqrt();
        draw_uniform(weights, limit, rng);
    }
}

/// All zeros: every unit of a layer then learns the same, so this is for heads and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zeros;
impl Initializer for Zeros {
    fn draw_unit(&self, weights: &mut [f64], _outputs: usize, _rng: &mut dyn Rng) {
        weights.fill(0.0);
    }
}
