use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rand::{Rng, RngExt};

use super::{Components, ComponentsMut, Prior, require_gaussian};
use crate::batch::size::Size;
use crate::batch::{Batch, check_finite};
use crate::code::Facts;
use crate::code::posterior::Posterior;
use crate::error::{Result, require_count, require_size};
use crate::layer::layout::{Layout, Role};
use crate::numbers::scalar::Float;

/// The mean of what the encoder says about pseudo-inputs, which are trained with the model: a prior that
/// comes near the aggregated posterior.
///
/// # Formula
/// p(z) = 1/K Σₖ q(z | uₖ). The log-variances are held in [−30, 20], as those of a [`Gaussian`](crate::Gaussian)
/// encoder are by default.
///
/// # References
/// J. Tomczak, M. Welling (2018), VAE with a VampPrior.
#[derive(Clone)]
pub struct VampPrior {
    count: usize,
    start: Option<Arc<[f64]>>,
}

impl VampPrior {
    /// With this number of pseudo-inputs, at least 1, that begin uniform in [0, 1].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn new(pseudo_inputs: usize) -> Result<Self> {
        require_count("VampPrior pseudo-inputs", pseudo_inputs)?;
        Ok(Self { count: pseudo_inputs, start: None })
    }

    /// With pseudo-inputs that begin as these samples, in the units that the encoder sees: normalized, if
    /// the model has a normalizer.
    ///
    /// # Errors
    /// [`Error::NoSamples`](crate::Error::NoSamples), [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn from_samples<T: Float, R: Size>(samples: &Batch<T, R>) -> Result<Self> {
        check_finite("VampPrior::from_samples", samples.features(), samples.view())?;
        let start = samples.as_slice().iter().map(|x| x.to_double()).collect();
        Ok(Self { count: samples.samples(), start: Some(start) })
    }
}

/// The number of pseudo-inputs, and not where they began, which are many numbers.
impl fmt::Debug for VampPrior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VampPrior").field("pseudo_inputs", &self.count).finish()
    }
}

impl<T: Float> Prior<T> for VampPrior {
    fn describe(&self) -> String {
        format!("VampPrior {{ pseudo_inputs: {} }}", self.count)
    }

    fn num_components(&self) -> usize {
        self.count
    }

    fn num_parameters(&self, facts: &Facts) -> usize {
        self.count.saturating_mul(facts.features)
    }

    fn check_size(&self, facts: &Facts) -> Result<()> {
        require_gaussian("VampPrior", facts)?;
        let expected = self.count.saturating_mul(facts.features);
        let found = self.start.as_ref().map_or(expected, |start| start.len());
        require_size("the samples that VampPrior begins with", "values", expected, found)
    }

    fn layout(&self, facts: &Facts, layout: &mut Layout, parameters: &mut [T], rng: &mut dyn Rng) {
        layout.kind("VampPrior");
        let shape = (facts.features, self.count);
        layout.tensor("pseudo_inputs", shape, Role::Own);
        match &self.start {
            Some(start) => {
                parameters.iter_mut().zip(start.iter()).for_each(|(u, &x)| *u = T::of(x));
            }
            None => parameters.fill_with(|| T::of(rng.random())),
        }
    }

    fn pseudo_inputs(&self, facts: &Facts) -> Range<usize> {
        0..self.count.saturating_mul(facts.features)
    }

    fn components<'a>(
        &self,
        _parameters: &'a [T],
        pseudo: Option<&'a Posterior<T>>,
    ) -> Components<'a, T> {
        pseudo.map_or(Components::standard_normal(), |pseudo| Components {
            logits: &[],
            means: pseudo.mean().as_slice(),
            log_variances: pseudo.log_variance().as_slice(),
        })
    }

    fn components_mut<'a>(
        &self,
        _parameters: &'a mut [T],
        pseudo: Option<&'a mut Posterior<T>>,
    ) -> ComponentsMut<'a, T> {
        let (means, log_variances): (&mut [_], &mut [_]) = match pseudo {
            Some(pseudo) => pseudo.moments_mut(),
            None => (&mut [], &mut []),
        };
        ComponentsMut { logits: &mut [], means, log_variances }
    }
}
