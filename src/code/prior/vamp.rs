use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use nalgebra::Dim;
use rand::{Rng, RngExt};

use super::{Components, ComponentsMut, Prior};
use crate::batch::Batch;
use crate::batch::check_finite;
use crate::code::encoder::Encoder;
use crate::code::posterior::{Gaussianlike, Posterior};
use crate::error::{Result, require_count, require_size};
use crate::layer::layout::Layout;
use crate::layer::layout::Role;
use crate::numbers::scalar::Scalar;

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
    pub fn from_samples<T: Scalar, R: Dim>(samples: &Batch<T, R>) -> Result<Self> {
        check_finite("VampPrior::from_samples", samples.dim(), samples.view())?;
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

impl<E: Encoder> Prior<E> for VampPrior
where
    E::Posterior: Gaussianlike,
{
    fn num_components(&self) -> usize {
        self.count
    }

    fn num_parameters(&self, encoder: &E) -> usize {
        self.count * encoder.input_dim().value()
    }

    fn check_size(&self, encoder: &E) -> Result<()> {
        let expected = self.count * encoder.input_dim().value();
        let found = self.start.as_ref().map_or(expected, |start| start.len());
        require_size("the samples that VampPrior begins with", "values", expected, found)
    }

    fn layout(
        &self,
        encoder: &E,
        layout: &mut Layout,
        parameters: &mut [E::Scalar],
        rng: &mut dyn Rng,
    ) {
        layout.kind("VampPrior");
        let shape = (encoder.input_dim().value(), self.count);
        layout.tensor("pseudo_inputs", shape, Role::Own);
        match &self.start {
            Some(start) => {
                parameters.iter_mut().zip(start.iter()).for_each(|(u, &x)| *u = E::Scalar::of(x));
            }
            None => parameters.fill_with(|| E::Scalar::of(rng.random())),
        }
    }

    fn pseudo_inputs(&self, encoder: &E) -> Range<usize> {
        0..self.count * encoder.input_dim().value()
    }

    fn components<'a>(
        &self,
        _parameters: &'a [E::Scalar],
        pseudo: Option<&'a E::Posterior>,
    ) -> Components<'a, E::Scalar> {
        pseudo.map_or(Components::standard_normal(), |pseudo| Components {
            logits: &[],
            means: pseudo.mean().as_slice(),
            log_variances: pseudo.log_variance().as_slice(),
        })
    }

    fn components_mut<'a>(
        &self,
        _parameters: &'a mut [E::Scalar],
        pseudo: Option<&'a mut E::Posterior>,
    ) -> ComponentsMut<'a, E::Scalar> {
        let (means, log_variances): (&mut [_], &mut [_]) = match pseudo {
            Some(pseudo) => pseudo.moments_mut(),
            None => (&mut [], &mut []),
        };
        ComponentsMut { logits: &mut [], means, log_variances }
    }
}
