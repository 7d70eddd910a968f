//! First weights, and biases, which start at zero unless the initialiser says otherwise.
//!
//! | initialiser | weights of a unit | for |
//! |---|---|---|
//! | [`Glorot`] | uniform in ±√(6 / (inputs + outputs)) | layers that are nearly linear at the start; the default, [measured](#which-by-activation) |
//! | [`He`] | normal with variance 2 / inputs | rectifiers |
//! | [`PyTorch`] | uniform in ±1 / √inputs, and biases too | results as with PyTorch's layers |
//! | [`Ufldl`] | uniform in ±√(6 / (inputs + outputs + 1)) | the sparse autoencoder of the exercise |
//! | [`Sparse`] | normal from a few inputs, 0 from all others | deep nets |
//! | [`Zeros`] | 0 | heads and tests |
//! | `Box<dyn Initializer>` | what was chosen at run time | |
//!
//! # Which by activation
//! Held-out loss after a fixed number of epochs, mean of three seeds (standard deviation), of nets
//! features-hidden-code-hidden-features with a linear code and linear outputs, by Adam at 1e-3:
//!
//! | | | Glorot | He | PyTorch |
//! |---|---|---:|---:|---:|
//! | digits 64-64-8, squared error | `Relu` | 0.692 (0.020) | 0.902 (0.038) | 0.670 (0.008) |
//! | | `Gelu` | 0.705 (0.022) | 0.912 (0.057) | 0.682 (0.005) |
//! | | `Elu` | 0.785 (0.021) | 1.006 (0.028) | 0.750 (0.022) |
//! | | `Softplus` | 0.905 (0.038) | 1.259 (0.148) | 0.826 (0.010) |
//! | | `Tanh` | 0.804 (0.015) | 0.971 (0.020) | 0.769 (0.009) |
//! | | `Sigmoid` | 0.990 (0.042) | 1.079 (0.046) | 1.013 (0.040) |
//! | digits 64-64-8, variational, −ELBO in nats | `Relu` | 25.02 (0.11) | 25.34 (0.15) | 25.01 (0.15) |
//! | | `Gelu` | 25.12 (0.14) | 25.46 (0.07) | 25.08 (0.11) |
//! | | `Elu` | 25.41 (0.19) | 26.17 (0.10) | 25.20 (0.11) |
//! | | `Softplus` | 25.47 (0.11) | 25.41 (0.03) | 25.38 (0.07) |
//! | | `Tanh` | 25.59 (0.12) | 26.32 (0.10) | 25.35 (0.03) |
//! | | `Sigmoid` | 26.37 (0.17) | 25.75 (0.10) | 26.50 (0.09) |
//! | sensors 8-32-3, squared error | `Relu` | 0.0759 (0.0013) | 0.148 (0.054) | 0.0722 (0.0006) |
//! | | `Gelu` | 0.0696 (0.0005) | 0.129 (0.035) | 0.0690 (0.0002) |
//! | | `Elu` | 0.0795 (0.0013) | 0.120 (0.004) | 0.0747 (0.0007) |
//! | | `Softplus` | 0.0729 (0.0008) | 0.110 (0.014) | 0.0700 (0.0002) |
//! | | `Tanh` | 0.0842 (0.0058) | 0.119 (0.009) | 0.0782 (0.0017) |
//! | | `Sigmoid` | 0.124 (0.007) | 0.135 (0.006) | 0.218 (0.156) |
//! | MNIST 784-400-20, squared error | `Relu` | 4.613 (0.033) | 6.032 (0.093) | 4.614 (0.023) |
//! | | `Gelu` | 4.543 (0.034) | 5.387 (0.022) | 4.548 (0.036) |
//! | | `Elu` | 5.418 (0.019) | 6.333 (0.051) | 5.367 (0.037) |
//! | MNIST 784-400-20, variational, −ELBO in nats | `Relu` | 105.80 (0.32) | 106.61 (0.23) | 105.67 (0.11) |
//!
//! The default would be another one for an activation where that is better on all sets by more than two standard
//! errors. None is: PyTorch's is better by up to 9 % on the small nets but for `Sigmoid`, where a training from it
//! stayed on a plateau, and hardly different on MNIST. So it is [`Glorot`] for every activation. He's suits deep nets of
//! rectifiers; here the linear code and outputs begin too large with it. `examples/first_weights` in the repository
//! measures them.
//!
//! # Write your own
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::{AutoEncoder, Dense, init::Initializer};
//!
//! /// All weights alike.
//! #[derive(Debug)]
//! struct Constant(f64);
//! impl Initializer for Constant {
//!     fn draw_unit(&self, weights: &mut [f64], _outputs: usize, _rng: &mut dyn rand::Rng) {
//!         weights.fill(self.0);
//!     }
//! }
//!
//! let model = AutoEncoder::builder()
//!     .encoder(Dense::<8, 3>::new(Tanh).init(Constant(0.1)))
//!     .decoder(Dense::<3, 8>::new(Identity))
//!     .build::<f64>()?;
//! assert_eq!(model.parameter("encoder.0.weight").unwrap(), [0.1; 24]);
//! # Ok::<(), autoencoder::Error>(())
//! ```

use std::fmt::Debug;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use crate::error::{Result, require_count, require_positive};

/// Draws the first weights of a layer, unit by unit.
pub trait Initializer: Debug + Send + Sync {
    /// Fills the weights from every input to one unit of a layer that has `outputs` units.
    fn draw_unit(&self, weights: &mut [f64], outputs: usize, rng: &mut dyn Rng);

    /// Fills the biases of a layer whose units have so many weights each; after the weights. By default they are
    /// zero.
    fn draw_biases(&self, biases: &mut [f64], inputs: usize, rng: &mut dyn Rng) {
        let _ = (inputs, rng);
        biases.fill(0.0);
    }
}

impl<I: Initializer + ?Sized> Initializer for std::sync::Arc<I> {
    fn draw_unit(&self, weights: &mut [f64], outputs: usize, rng: &mut dyn Rng) {
        (**self).draw_unit(weights, outputs, rng);
    }
    fn draw_biases(&self, biases: &mut [f64], inputs: usize, rng: &mut dyn Rng) {
        (**self).draw_biases(biases, inputs, rng);
    }
}

impl<I: Initializer + ?Sized> Initializer for Box<I> {
    fn draw_unit(&self, weights: &mut [f64], outputs: usize, rng: &mut dyn Rng) {
        (**self).draw_unit(weights, outputs, rng);
    }
    fn draw_biases(&self, biases: &mut [f64], inputs: usize, rng: &mut dyn Rng) {
        (**self).draw_biases(biases, inputs, rng);
    }
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

/// Weights and biases uniform in ±1 / √inputs, which is what PyTorch's `Linear` and its convolutions draw by default:
/// a third of the variance that keeps a signal's size. For results as they are there.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu};
/// use autoencoder::{AutoEncoder, Dense, init::PyTorch};
///
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 9>::new(Relu).init(PyTorch))
///     .decoder(Dense::<9, 64>::new(Identity).init(PyTorch))
///     .build::<f64>()?;
/// let largest = |name| model.parameter(name).unwrap().iter().fold(0.0, |a: f64, w| a.max(w.abs()));
/// assert!((0.12..0.125).contains(&largest("encoder.0.weight"))); // 1 / √64
/// assert!((0.28..0.334).contains(&largest("decoder.0.bias"))); // 1 / √9
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Paszke and others (2019), PyTorch: an imperative style, high-performance deep learning library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PyTorch;
impl PyTorch {
    fn limit(inputs: usize) -> f64 {
        (inputs as f64).sqrt().recip()
    }
}
impl Initializer for PyTorch {
    fn draw_unit(&self, weights: &mut [f64], _outputs: usize, rng: &mut dyn Rng) {
        let limit = Self::limit(weights.len());
        draw_uniform(weights, limit, rng);
    }
    fn draw_biases(&self, biases: &mut [f64], inputs: usize, rng: &mut dyn Rng) {
        draw_uniform(biases, Self::limit(inputs), rng);
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

/// Each unit gets a few inputs, drawn without repetition, with weights from N(0, scale²); all others
/// are zero. A unit's input then has the same size however many inputs the layer has, and units begin
/// different from each other.
///
/// A unit with fewer inputs than that gets all of them.
///
/// # Example
/// ```
/// use autoencoder::{Dense, activation::Tanh, init::Sparse};
/// let layer = Dense::<64, 30>::new(Tanh).init(Sparse::new(10)?);
/// # let _ = layer;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// J. Martens (2010), Deep learning via Hessian-free optimization. I. Sutskever, J. Martens, G. Dahl,
/// G. Hinton (2013), On the importance of initialization and momentum in deep learning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sparse {
    inputs: usize,
    scale: f64,
}

impl Sparse {
    /// With the number of inputs of a unit, at least 1; scale 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(inputs: usize) -> Result<Self> {
        require_count("Sparse inputs", inputs)?;
        Ok(Self { inputs, scale: 1.0 })
    }

    /// The standard deviation of the weights, greater than 0. Default: 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn scale(self, scale: f64) -> Result<Self> {
        require_positive("Sparse scale", scale)?;
        Ok(Self { scale, ..self })
    }
}

/// 15 inputs a unit, scale 1, as in the papers.
impl Default for Sparse {
    fn default() -> Self {
        Self { inputs: 15, scale: 1.0 }
    }
}

impl Initializer for Sparse {
    fn draw_unit(&self, weights: &mut [f64], _outputs: usize, rng: &mut dyn Rng) {
        let (mut wanted, mut left) = (self.inputs.min(weights.len()), weights.len());
        for weight in weights {
            // Of the inputs that are left every choice is as likely as any other.
            let is_chosen = rng.random::<f64>() * (left as f64) < wanted as f64;
            *weight = 0.0;
            if is_chosen {
                let normal: f64 = StandardNormal.sample(rng);
                *weight = self.scale * normal;
                wanted -= 1;
            }
            left -= 1;
        }
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
