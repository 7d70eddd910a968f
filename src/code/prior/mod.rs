//! Priors: how codes are distributed before a sample is seen.
//!
//! | prior | density | parameters |
//! |---|---|---|
//! | [`StandardNormal`] | N(0, I) | none |
//! | [`GaussianMixture`] | Σ πᵢ N(mᵢ, diag e^lvᵢ) | weights, means, log-variances, all trained |
//! | [`VampPrior`] | the mean over pseudo-inputs u of the encoder's q(z∣u) | the pseudo-inputs, trained |
//!
//! A regularizer has the prior: [`Variational::prior`](crate::Variational::prior),
//! [`ImportanceWeighted::prior`](crate::ImportanceWeighted::prior). All are mixtures of Gaussians; that of
//! no components is N(0, I). A `Box<dyn Prior<T>>` is a prior as well.
//!
//! The calls of a model that need a prior know the regularizer's, whatever else is in the objective: draws, β and other
//! penalties play no part in them.
//!
//! | call | gives |
//! |---|---|
//! | [`sample`](crate::AutoEncoder::sample), [`sample_codes`](crate::AutoEncoder::sample_codes) | new samples, or their codes |
//! | [`elbo`](crate::AutoEncoder::elbo) | the evidence lower bound and its parts, in nats if the loss is a likelihood |
//! | [`negative_log_likelihood`](crate::AutoEncoder::negative_log_likelihood) | −ln p(x) of each sample, nearer the more codes are drawn |
//! | [`aggregated_posterior`](crate::AutoEncoder::aggregated_posterior) | whether codes lie where the prior says, and which units are in use |
//!
//! # Example
//! ```
//! use autoencoder::activation::{Identity, Relu};
//! use autoencoder::prior::GaussianMixture;
//! use autoencoder::random::seeded;
//! use autoencoder::train::schedule::{Constant, Warmup};
//! use autoencoder::{Adam, AutoEncoder, BernoulliCrossEntropy, Dense, Gaussian, Trainer};
//! use autoencoder::{Variational, datasets};
//!
//! let digits = datasets::digits::<f32>();
//! let mut model = AutoEncoder::builder()
//!     .encoder(Gaussian::new(
//!         Dense::<64, 64>::new(Relu),
//!         Dense::<64, 8>::new(Identity), // mean
//!         Dense::<64, 8>::new(Identity), // log-variance
//!     ))
//!     .decoder(Dense::<8, 64>::new(Identity)) // logits
//!     .regularizer(
//!         Variational::new(1.0)?
//!             .schedule(Warmup::epochs(5, Constant)?)
//!             .prior(GaussianMixture::new(10)?),
//!     )
//!     .loss(BernoulliCrossEntropy)
//!     .build::<f32>()?;
//! Trainer::new(Adam::new(5e-3)?).epochs(10).fit(&mut model, &digits.train)?;
//!
//! let mut rng = seeded(1); // what draws takes one
//! let drawn = model.sample(20, &mut rng)?; // 64 pixels × 20 new digits
//! assert_eq!((drawn.features(), drawn.samples()), (64, 20));
//! let elbo = model.elbo(&digits.test, 10, &mut rng)?;
//! let nll = model.negative_log_likelihood(&digits.test, 100, &mut rng)?; // memory does not grow with draws
//! let nll = nll.iter().sum::<f64>() / nll.len() as f64;
//! println!("{} + {} ≥ {nll} nats a digit", elbo.reconstruction, elbo.kl);
//! assert!(nll < -elbo.value());
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! # Laws
//! 1. A prior's density and what is [drawn](crate::AutoEncoder::sample) from it agree.
//! 2. Gradients at codes, parameters and pseudo-inputs are those of the density.
//!
//! # Write your own
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::layer::layout::{Layout, Role};
//! use autoencoder::posterior::Posterior;
//! use autoencoder::prior::{Components, ComponentsMut, Prior};
//! use autoencoder::{AutoEncoder, Dense, Facts, Float, Gaussian, Variational};
//!
//! /// ½ N(−m, I) + ½ N(m, I): two hills that stay where they are.
//! #[derive(Debug, Clone)]
//! struct TwoHills(f64);
//! impl<T: Float> Prior<T> for TwoHills {
//!     fn describe(&self) -> String {
//!         format!("TwoHills {{ mean: {:?} }}", self.0)
//!     }
//!     fn num_components(&self) -> usize {
//!         2
//!     }
//!     fn num_parameters(&self, facts: &Facts) -> usize {
//!         4 * facts.units // of both hills a mean and a log-variance for each unit
//!     }
//!     fn layout(
//!         &self,
//!         facts: &Facts,
//!         layout: &mut Layout,
//!         parameters: &mut [T],
//!         _rng: &mut dyn rand::Rng,
//!     ) {
//!         layout.frozen(true, |layout| {
//!             layout.tensor("means", (facts.units, 2), Role::Own);
//!             layout.tensor("log_variances", (facts.units, 2), Role::Own);
//!         });
//!         parameters.fill(T::ZERO);
//!         parameters[..facts.units].fill(T::of(-self.0));
//!         parameters[facts.units..2 * facts.units].fill(T::of(self.0));
//!     }
//!     fn components<'a>(
//!         &self,
//!         parameters: &'a [T],
//!         _pseudo: Option<&'a Posterior<T>>,
//!     ) -> Components<'a, T> {
//!         let (means, log_variances) = parameters.split_at(parameters.len() / 2);
//!         Components { logits: &[], means, log_variances } // without logits, equal weights
//!     }
//!     fn components_mut<'a>(
//!         &self,
//!         parameters: &'a mut [T],
//!         _pseudo: Option<&'a mut Posterior<T>>,
//!     ) -> ComponentsMut<'a, T> {
//!         let (means, log_variances) = parameters.split_at_mut(parameters.len() / 2);
//!         ComponentsMut { logits: &mut [], means, log_variances }
//!     }
//! }
//!
//! let model = AutoEncoder::builder()
//!     .encoder(Gaussian::new(
//!         Dense::<8, 5>::new(Tanh),
//!         Dense::<5, 2>::new(Identity),
//!         Dense::<5, 2>::new(Identity),
//!     ))
//!     .decoder(Dense::<2, 8>::new(Identity))
//!     .regularizer(Variational::default().prior(TwoHills(2.0)))
//!     .build::<f64>()?;
//! let data = autoencoder::Batch::from_iter([[0.5; 8], [-0.5; 8]]);
//! autoencoder::gradcheck::model(&model, &data, 1)?.assert();
//! # Ok::<(), autoencoder::Error>(())
//! ```

mod components;
mod mixture;
mod standard_normal;
mod vamp;

use std::fmt::Debug;
use std::ops::Range;

use rand::Rng;

pub(crate) use components::{Codes, CodesMut, LN_TAU, scratch_len};
pub use components::{Components, ComponentsMut};
pub use mixture::GaussianMixture;
pub use standard_normal::StandardNormal;
pub use vamp::VampPrior;

use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::error::{Result, require_fit};
use crate::layer::layout::Layout;
use crate::numbers::scalar::Float;

/// A distribution of codes: a mixture of Gaussians whose components lie among its own parameters or are
/// what the encoder says about pseudo-inputs.
pub trait Prior<T: Float>: Debug + Send + Sync + PriorClone<T> {
    /// What tells it from others in files and checkpoints: `GaussianMixture { components: 10 }`.
    fn describe(&self) -> String;

    /// The number of its components, 0 for N(0, I).
    fn num_components(&self) -> usize {
        0
    }

    /// How many parameters of its own are trained.
    fn num_parameters(&self, facts: &Facts) -> usize {
        let _ = facts;
        0
    }

    /// Names its parameters, in their order, and gives them their first values.
    fn layout(&self, facts: &Facts, layout: &mut Layout, parameters: &mut [T], rng: &mut dyn Rng) {
        let _ = (facts, layout, parameters, rng);
    }

    /// Refuses an encoder that it was not made for; called once, when the model is built.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) or
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) then.
    fn check_size(&self, facts: &Facts) -> Result<()> {
        let _ = facts;
        Ok(())
    }

    /// Which of its parameters are pseudo-inputs, one after the other.
    fn pseudo_inputs(&self, facts: &Facts) -> Range<usize> {
        let _ = facts;
        0..0
    }

    /// Its components, out of its parameters or of what the encoder says about its pseudo-inputs.
    fn components<'a>(
        &self,
        parameters: &'a [T],
        pseudo: Option<&'a Posterior<T>>,
    ) -> Components<'a, T>;

    /// Where the gradient of the components goes, in a gradient of the same shapes.
    fn components_mut<'a>(
        &self,
        parameters: &'a mut [T],
        pseudo: Option<&'a mut Posterior<T>>,
    ) -> ComponentsMut<'a, T>;
}

/// Refuses an encoder that gives points, where types could not tell.
pub(crate) fn require_gaussian(part: &'static str, facts: &Facts) -> Result<()> {
    let fault = "needs an encoder that gives a distribution, and this one gives a point";
    let remedy = "describe the encoder as `Gaussian::new(body, mean, log_variance)`";
    require_fit(facts.is_gaussian, part, fault, remedy)
}

/// A copy in a box, which every prior that is `Clone` can give.
pub trait PriorClone<T> {
    /// The copy.
    fn boxed(&self) -> Box<dyn Prior<T>>;
}
impl<T: Float, P: Prior<T> + Clone + 'static> PriorClone<T> for P {
    fn boxed(&self) -> Box<dyn Prior<T>> {
        Box::new(self.clone())
    }
}
impl<T: Float> Clone for Box<dyn Prior<T>> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// Chosen at run time.
impl<T: Float> Prior<T> for Box<dyn Prior<T>> {
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn num_components(&self) -> usize {
        (**self).num_components()
    }
    fn num_parameters(&self, facts: &Facts) -> usize {
        (**self).num_parameters(facts)
    }
    fn layout(&self, facts: &Facts, layout: &mut Layout, parameters: &mut [T], rng: &mut dyn Rng) {
        (**self).layout(facts, layout, parameters, rng);
    }
    fn check_size(&self, facts: &Facts) -> Result<()> {
        (**self).check_size(facts)
    }
    fn pseudo_inputs(&self, facts: &Facts) -> Range<usize> {
        (**self).pseudo_inputs(facts)
    }
    fn components<'a>(
        &self,
        parameters: &'a [T],
        pseudo: Option<&'a Posterior<T>>,
    ) -> Components<'a, T> {
        (**self).components(parameters, pseudo)
    }
    fn components_mut<'a>(
        &self,
        parameters: &'a mut [T],
        pseudo: Option<&'a mut Posterior<T>>,
    ) -> ComponentsMut<'a, T> {
        (**self).components_mut(parameters, pseudo)
    }
}
