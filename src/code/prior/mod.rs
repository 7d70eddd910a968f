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
//! no components is N(0, I). A `Box<dyn Prior<E>>` is a prior as well.
//!
//! # Laws
//! 1. A prior's density and what is [drawn](crate::AutoEncoder::sample) from it agree.
//! 2. Gradients at codes, parameters and pseudo-inputs are those of the density.

mod components;
pub(crate) mod divergence;
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

use crate::code::encoder::Encoder;
use crate::error::Result;
use crate::layer::layout::Layout;

/// A distribution of codes: a mixture of Gaussians whose components lie among its own parameters or are
/// what the encoder says about pseudo-inputs.
pub trait Prior<E: Encoder>: Debug + Send + Sync {
    /// The number of its components, 0 for N(0, I).
    fn num_components(&self) -> usize {
        0
    }

    /// How many parameters of its own are trained.
    fn num_parameters(&self, encoder: &E) -> usize {
        let _ = encoder;
        0
    }

    /// Names its parameters, in their order, and gives them their first values.
    fn layout(
        &self,
        encoder: &E,
        layout: &mut Layout,
        parameters: &mut [E::Scalar],
        rng: &mut dyn Rng,
    ) {
        let _ = (encoder, layout, parameters, rng);
    }

    /// Refuses an encoder that it was not made for; called once, when the model is built.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) then.
    fn check_size(&self, encoder: &E) -> Result<()> {
        let _ = encoder;
        Ok(())
    }

    /// Which of its parameters are pseudo-inputs, one after the other.
    fn pseudo_inputs(&self, encoder: &E) -> Range<usize> {
        let _ = encoder;
        0..0
    }

    /// Its components, out of its parameters or of what the encoder says about its pseudo-inputs.
    fn components<'a>(
        &self,
        parameters: &'a [E::Scalar],
        pseudo: Option<&'a E::Posterior>,
    ) -> Components<'a, E::Scalar>;

    /// Where the gradient of the components goes, in a gradient of the same shapes.
    fn components_mut<'a>(
        &self,
        parameters: &'a mut [E::Scalar],
        pseudo: Option<&'a mut E::Posterior>,
    ) -> ComponentsMut<'a, E::Scalar>;
}

impl<E: Encoder, P: Prior<E> + ?Sized> Prior<E> for Box<P> {
    fn num_components(&self) -> usize {
        (**self).num_components()
    }
    fn num_parameters(&self, encoder: &E) -> usize {
        (**self).num_parameters(encoder)
    }
    fn layout(
        &self,
        encoder: &E,
        layout: &mut Layout,
        parameters: &mut [E::Scalar],
        rng: &mut dyn Rng,
    ) {
        (**self).layout(encoder, layout, parameters, rng);
    }
    fn check_size(&self, encoder: &E) -> Result<()> {
        (**self).check_size(encoder)
    }
    fn pseudo_inputs(&self, encoder: &E) -> Range<usize> {
        (**self).pseudo_inputs(encoder)
    }
    fn components<'a>(
        &self,
        parameters: &'a [E::Scalar],
        pseudo: Option<&'a E::Posterior>,
    ) -> Components<'a, E::Scalar> {
        (**self).components(parameters, pseudo)
    }
    fn components_mut<'a>(
        &self,
        parameters: &'a mut [E::Scalar],
        pseudo: Option<&'a mut E::Posterior>,
    ) -> ComponentsMut<'a, E::Scalar> {
        (**self).components_mut(parameters, pseudo)
    }
}
