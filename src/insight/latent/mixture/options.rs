use super::super::normal::{Spread, VARIANCE_FLOOR, in_double, require_floor};
use super::CodeMixture;
use super::em::Fit;
use crate::batch::size::Size;
use crate::batch::{Batch, check_finite};
use crate::error::{Result, require, require_count, require_weight};
use crate::numbers::scalar::Float;
use crate::random::seeded;

/// What the covariances of a mixture's components may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Covariances {
    /// Any. A component has d (d + 1) / 2 numbers for a code of d units.
    Full,
    /// Without correlations: d numbers. For wide codes and few samples.
    Diagonal,
}

/// How a [`CodeMixture`] is fitted.
///
/// | option | purpose | default | range |
/// |---|---|---|---|
/// | [`covariances`](Self::covariances) | full or diagonal | full | |
/// | [`restarts`](Self::restarts) | fits from so many starts, of which the likeliest is taken | 1 | at least 1 |
/// | [`tolerance`](Self::tolerance) | ends when an iteration gains no more, in nats per sample | 1e-3 | not negative |
/// | [`max_iterations`](Self::max_iterations) | ends after so many at the latest | 100 | at least 1 |
/// | [`variance_floor`](Self::variance_floor) | least variance, in shares of the units' own | 1e-6 | from 1e-12 to 1 |
///
/// # Example
/// ```
/// use autoencoder::{Batch, latent::{Covariances, MixtureOptions}};
/// let codes = Batch::from_iter([[0.0, 0.0], [1.0, 1.0], [9.0, 8.0], [8.0, 9.0]]);
/// let options = MixtureOptions::new().covariances(Covariances::Diagonal).restarts(3)?;
/// let mixture = options.fit(&codes, 2, 1)?;
/// assert_eq!(mixture.weights(), [0.5, 0.5]);
/// assert_eq!(mixture.covariances()[0].as_slice(), [0.25, 0.0, 0.0, 0.25]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureOptions {
    pub(super) covariances: Covariances,
    restarts: usize,
    pub(super) tolerance: f64,
    pub(super) max_iterations: usize,
    pub(super) variance_floor: f64,
}

impl Default for MixtureOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl MixtureOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            covariances: Covariances::Full,
            restarts: 1,
            tolerance: 1e-3,
            max_iterations: 100,
            variance_floor: VARIANCE_FLOOR,
        }
    }

    /// Full or diagonal covariances. Default: full.
    pub fn covariances(self, covariances: Covariances) -> Self {
        Self { covariances, ..self }
    }

    /// Fits from so many starts, of which the one that ends with the highest log-likelihood is taken.
    /// Default: 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn restarts(self, restarts: usize) -> Result<Self> {
        require_count("MixtureOptions restarts", restarts)?;
        Ok(Self { restarts, ..self })
    }

    /// Ends when an iteration gains no more than this, in nats per sample. Default: 1e-3.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) unless finite and not negative.
    pub fn tolerance(self, tolerance: f64) -> Result<Self> {
        require_weight("MixtureOptions tolerance", tolerance)?;
        Ok(Self { tolerance, ..self })
    }

    /// Ends after so many iterations at the latest. Default: 100.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0.
    pub fn max_iterations(self, iterations: usize) -> Result<Self> {
        require_count("MixtureOptions max_iterations", iterations)?;
        Ok(Self { max_iterations: iterations, ..self })
    }

    /// The least variance of a component in any direction, as a share of the units' variances over all
    /// codes, from 1e-12 to 1. Default: 1e-6.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn variance_floor(self, share: f64) -> Result<Self> {
        require_floor("MixtureOptions variance_floor", share)?;
        Ok(Self { variance_floor: share, ..self })
    }

    /// Fits a mixture of so many components to codes. The seed is for the starts; the first of several is
    /// that of a single one.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) and [`Error::NoSamples`](crate::Error::NoSamples) for
    /// the codes, [`Error::InvalidParameter`](crate::Error::InvalidParameter) if they have no variance, for
    /// no components, and for more components than codes.
    pub fn fit<T: Float, C: Size>(
        &self,
        codes: &Batch<T, C>,
        components: usize,
        seed: u64,
    ) -> Result<CodeMixture<C>> {
        check_finite("CodeMixture::fit", codes.features(), codes.view())?;
        require_count("CodeMixture components", components)?;
        let is_enough = components <= codes.samples();
        let name = "CodeMixture components";
        require(is_enough, name, components as f64, "at most the number of samples")?;
        let codes = in_double(codes);
        let spread = Spread::of("CodeMixture variance of the codes", &codes)?;
        let rng = &mut seeded(seed);
        let mut run = || {
            let fit = Fit { codes: codes.view(), spread: &spread, options: self };
            fit.run(components, rng)
        };
        let mut best = run();
        for _ in 1..self.restarts {
            let found = run();
            if found.1.last() > best.1.last() {
                best = found;
            }
        }
        let (parts, log_likelihoods, has_converged) = best;
        let covariances = self.covariances;
        Ok(CodeMixture { size: codes.size(), parts, covariances, log_likelihoods, has_converged })
    }
}
