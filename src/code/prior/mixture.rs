use rand::Rng;

use super::{Components, ComponentsMut, Prior};
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::error::{Result, require_count};
use crate::layer::layout::{Layout, Role};
use crate::numbers::scalar::Float;
use crate::numbers::vector::fill_normal;

/// A mixture of Gaussians whose weights, means and variances are trained with the model.
///
/// # Formula
/// p(z) = Σᵢ πᵢ N(mᵢ, diag e^lvᵢ), π the softmax of its logits. At first the weights are equal, the
/// variances 1, and the means drawn from N(0, I).
///
/// # References
/// N. Dilokthanakul and others (2016), Deep unsupervised clustering with Gaussian mixture variational
/// autoencoders; J. Tomczak, M. Welling (2018), VAE with a VampPrior (as a baseline).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaussianMixture {
    components: usize,
}

impl GaussianMixture {
    /// With this number of components, at least 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(components: usize) -> Result<Self> {
        require_count("GaussianMixture components", components)?;
        Ok(Self { components })
    }

    /// Where logits end and means end.
    fn places(&self, parameters: usize) -> (usize, usize) {
        (self.components, self.components + (parameters - self.components) / 2)
    }
}

impl<T: Float> Prior<T> for GaussianMixture {
    fn describe(&self) -> String {
        format!("GaussianMixture {{ components: {} }}", self.components)
    }

    fn num_components(&self) -> usize {
        self.components
    }

    fn num_parameters(&self, facts: &Facts) -> usize {
        self.components.saturating_mul(1 + 2 * facts.units)
    }

    fn layout(&self, facts: &Facts, layout: &mut Layout, parameters: &mut [T], rng: &mut dyn Rng) {
        let units = facts.units;
        layout.kind("GaussianMixture");
        layout.tensor("logits", (self.components, 1), Role::Own);
        layout.tensor("means", (units, self.components), Role::Own);
        layout.tensor("log_variances", (units, self.components), Role::Own);
        let (logits, means) = self.places(parameters.len());
        parameters.fill(T::ZERO);
        fill_normal(&mut parameters[logits..means], rng);
    }

    fn components<'a>(
        &self,
        parameters: &'a [T],
        _pseudo: Option<&'a Posterior<T>>,
    ) -> Components<'a, T> {
        let (logits, means) = self.places(parameters.len());
        Components {
            logits: &parameters[..logits],
            means: &parameters[logits..means],
            log_variances: &parameters[means..],
        }
    }

    fn components_mut<'a>(
        &self,
        parameters: &'a mut [T],
        _pseudo: Option<&'a mut Posterior<T>>,
    ) -> ComponentsMut<'a, T> {
        let (logits, means) = self.places(parameters.len());
        let (first, log_variances) = parameters.split_at_mut(means);
        let (logits, means) = first.split_at_mut(logits);
        ComponentsMut { logits, means, log_variances }
    }
}
