//! Losses: how far a reconstruction is from the clean input.
//!
//! | loss | of a sample | decoder's output | unit |
//! |---|---|---|---|
//! | [`SquaredError`] | ½ Σ (x − y)² | the reconstruction | squared units of the data |
//! | [`BernoulliCrossEntropy`] | −Σ x ln σ(a) + (1 − x) ln(1 − σ(a)) | logits a | nats |
//! | [`ContinuousBernoulli`] | Σ ln((eᵃ − 1)/a) − a x | logits a | nats |
//! | [`GaussianLikelihood`] | Σ ½ ((x − y)/σ)² + ln σ + ½ ln 2π | the reconstruction | nats |
//! | [`LaplaceLikelihood`] | Σ ∣x − y∣/b + ln 2b | the reconstruction | nats |
//! | [`LearnedGaussian`] | the same, with σ trained: one, or one a feature | the reconstruction | nats |
//! | [`PoissonLikelihood`] | Σ eᵃ − a x + ln x! | log-rates a | nats |
//! | [`Categorical`] | over groups, −Σ x ln softmax(a) | logits a | nats |
//! | [`Mixed`] | a loss for each group of columns | what each takes | theirs |
//! | [`Huber`] | Σ of ½ e² near 0 and δ(∣e∣ − δ/2) beyond δ | the reconstruction | squared units |
//!
//! There is one reduction: the *sum over features* and the *mean over samples*.
//!
//! # Laws
//! 1. The gradient is that of the value, column by column.
//! 2. A value is finite for all finite inputs whose true value can be represented.
//! 3. A column's value depends on that column only.
//!
//! # Write your own
//! ```
//! use autoencoder::{AutoEncoder, BatchViewMut, Dense, Loss, activation::{Identity, Tanh}};
//! use autoencoder::{decoder::Decoder, loss::Compared};
//!
//! /// Σ ln cosh(y − x): squared near 0, absolute far away, smooth everywhere.
//! #[derive(Debug)]
//! struct LogCosh;
//! impl<D: Decoder<Scalar = f64>> Loss<D> for LogCosh {
//!     fn name(&self) -> &'static str {
//!         "log_cosh"
//!     }
//!     fn values(&self, at: Compared<'_, f64, D::Output>, values: &mut [f64]) {
//!         for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(values) {
//!             *value = x.iter().zip(y).map(|(x, y)| (y - x).cosh().ln()).sum();
//!         }
//!     }
//!     fn gradient(&self, at: Compared<'_, f64, D::Output>, weights: &[f64], mut dy: BatchViewMut<'_, f64, D::Output>) {
//!         let features = at.x.features();
//!         let pairs = at.x.as_slice().iter().zip(at.y.as_slice());
//!         for (at, (d, (x, y))) in dy.as_mut_slice().iter_mut().zip(pairs).enumerate() {
//!             *d = weights[at / features] * (y - x).tanh();
//!         }
//!     }
//! }
//! let model = AutoEncoder::builder()
//!     .encoder(Dense::<8, 3>::new(Tanh))
//!     .decoder(Dense::<3, 8>::new(Identity))
//!     .loss(LogCosh)
//!     .build::<f64>()?;
//! let data = autoencoder::Batch::from_iter([[0.5; 8], [-0.5; 8]]);
//! autoencoder::gradcheck::model(&model, &data, 1)?.assert();
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod bernoulli;
mod categorical;
mod continuous_bernoulli;
mod gaussian;
mod huber;
mod laplace;
mod learned_gaussian;
mod link;
mod mixed;
mod poisson;
mod squared_error;

use std::fmt::Debug;

pub use bernoulli::BernoulliCrossEntropy;
pub use categorical::Categorical;
pub use continuous_bernoulli::ContinuousBernoulli;
pub use gaussian::GaussianLikelihood;
pub use huber::Huber;
pub use laplace::LaplaceLikelihood;
pub use learned_gaussian::LearnedGaussian;
pub use link::Link;
pub use mixed::{Columns, Mixed};
pub use poisson::PoissonLikelihood;
pub use squared_error::SquaredError;

use crate::batch::{BatchView, BatchViewMut};
use crate::code::decoder::Decoder;
use crate::error::Result;
use crate::layer::layout::Layout;
use crate::numbers::scalar::{Scalar, sum_pairs};
use crate::numbers::vector::vectorize;

/// Clean inputs and the decoder's outputs for them, a column a sample.
#[derive(Debug)]
pub struct Compared<'a, T, R> {
    /// The clean inputs.
    pub x: BatchView<'a, T, R>,
    /// The decoder's outputs.
    pub y: BatchView<'a, T, R>,
    /// The loss's own parameters.
    pub parameters: &'a [T],
}

impl<T: Copy, R: Copy> Copy for Compared<'_, T, R> {}
impl<T: Copy, R: Copy> Clone for Compared<'_, T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Compares the output of a decoder with the clean input.
pub trait Loss<D: Decoder>: Debug + Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// The loss of each sample.
    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]);

    /// The gradient at `y` of Σⱼ weightⱼ · valueⱼ, written into `dy`; a weight a sample.
    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        dy: BatchViewMut<'_, D::Scalar, D::Output>,
    );

    /// How many parameters of its own are trained, for inputs of this many features.
    fn num_parameters(&self, features: usize) -> usize {
        let _ = features;
        0
    }

    /// Names its parameters, in their order, and gives them their first values.
    fn layout(&self, features: usize, layout: &mut Layout, parameters: &mut [D::Scalar]) {
        let _ = (features, layout, parameters);
    }

    /// Adds the gradient of Σⱼ weightⱼ · valueⱼ at its own parameters, if it has any.
    fn parameter_gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        gradient: &mut [D::Scalar],
    ) {
        let _ = (at, weights, gradient);
    }

    /// Turns outputs into reconstructions in the domain of the inputs, in place: for logits, their
    /// sigmoid. By default they are reconstructions already.
    fn reconstruct(&self, y: BatchViewMut<'_, D::Scalar, D::Output>) {
        let _ = y;
    }

    /// Whether the loss is defined for this input value of a feature.
    fn accepts(&self, x: D::Scalar, feature: usize) -> bool {
        let _ = (x, feature);
        true
    }

    /// In words, what [`accepts`](Loss::accepts) accepts.
    fn domain(&self, feature: usize) -> &'static str {
        let _ = feature;
        "a finite number"
    }

    /// Refuses a number of features that it was not made for; called once, when the model is built.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) then.
    fn check_size(&self, features: usize) -> Result<()> {
        let _ = features;
        Ok(())
    }
}

impl<D: Decoder, L: Loss<D> + ?Sized> Loss<D> for Box<L> {
    fn name(&self) -> &'static str {
        (**self).name()
    }
    fn values(&self, at: Compared<'_, D::Scalar, D::Output>, values: &mut [D::Scalar]) {
        (**self).values(at, values);
    }
    fn gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        dy: BatchViewMut<'_, D::Scalar, D::Output>,
    ) {
        (**self).gradient(at, weights, dy);
    }
    fn num_parameters(&self, features: usize) -> usize {
        (**self).num_parameters(features)
    }
    fn layout(&self, features: usize, layout: &mut Layout, parameters: &mut [D::Scalar]) {
        (**self).layout(features, layout, parameters);
    }
    fn parameter_gradient(
        &self,
        at: Compared<'_, D::Scalar, D::Output>,
        weights: &[D::Scalar],
        gradient: &mut [D::Scalar],
    ) {
        (**self).parameter_gradient(at, weights, gradient);
    }
    fn reconstruct(&self, y: BatchViewMut<'_, D::Scalar, D::Output>) {
        (**self).reconstruct(y);
    }
    fn accepts(&self, x: D::Scalar, feature: usize) -> bool {
        (**self).accepts(x, feature)
    }
    fn domain(&self, feature: usize) -> &'static str {
        (**self).domain(feature)
    }
    fn check_size(&self, features: usize) -> Result<()> {
        (**self).check_size(features)
    }
}

/// Sums an element-wise loss over the features of each sample.
#[inline(always)]
fn sum_features<T: Scalar, R: nalgebra::Dim>(
    Compared { x, y, .. }: Compared<'_, T, R>,
    values: &mut [T],
    element: impl Fn(T, T) -> T,
) {
    for ((x, y), value) in x.iter().zip(y.iter()).zip(values) {
        *value = sum_pairs(x, y, &element);
    }
}

/// Writes the derivative of an element-wise loss, times each sample's weight.
#[inline(always)]
fn weigh_features<T: Scalar, R: nalgebra::Dim>(
    Compared { x, y, .. }: Compared<'_, T, R>,
    weights: &[T],
    mut dy: BatchViewMut<'_, T, R>,
    derivative: impl Fn(T, T) -> T,
) {
    let columns = dy.as_mut_slice().chunks_exact_mut(x.features());
    for (((x, y), &weight), dy) in x.iter().zip(y.iter()).zip(weights).zip(columns) {
        vectorize(
            #[inline(always)]
            || {
                for ((&x, &y), dy) in x.iter().zip(y).zip(dy) {
                    *dy = weight * derivative(x, y);
                }
            },
        );
    }
}
