mod em;
mod options;
mod start;

use nalgebra::{DMatrix, Dyn};
use rand::Rng;

pub use options::{Covariances, MixtureOptions};

use super::normal::{Normal, draw_codes, in_double};
use crate::batch::size::Size;
use crate::batch::{Batch, check_finite};
use crate::error::{Result, require_count};
use crate::numbers::scalar::Float;

/// A mixture of Gaussians, fitted to codes: a prior for any autoencoder whose codes lie in several heaps.
///
/// # Formula
/// p(z) = Σₖ wₖ N(z; μₖ, Σₖ), Σₖ wₖ = 1. The fit is expectation maximization (EM): every code is shared
/// among the components by rₖ = wₖ N(z; μₖ, Σₖ) / p(z), and weight, mean and covariance of each component
/// become those of its shares, until the log-likelihood rises no more. It never falls, but by rounding. What it ends in
/// depends on the start, which is the result of k-means after a draw of centres by k-means++.
///
/// Covariances are at least a variance floor, as those of [`CodeGaussian`](super::CodeGaussian) are, which
/// bounds the density of a component that shrinks to a point. The floored covariance is itself the most
/// likely one, so that the log-likelihood does not fall by it. A component that loses all its codes keeps
/// mean and covariance and has weight 0, or next to it.
///
/// # Example
/// ```
/// use autoencoder::{Batch, latent::{CodeGaussian, CodeMixture}, random::seeded};
///
/// // Two heaps.
/// let blob = CodeGaussian::fit(&Batch::from_iter([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))?;
/// let mut codes: Batch<f64, _> = blob.sample(300, &mut seeded(1))?;
/// codes.as_mut_slice()[..200].iter_mut().for_each(|value| *value += 10.0);
///
/// let bic = |components| CodeMixture::fit(&codes, components, 1)?.bic(&codes);
/// assert!(bic(2)? < bic(1)? && bic(2)? < bic(3)?); // two are enough
/// let mut weights = CodeMixture::fit(&codes, 2, 1)?.weights().to_vec();
/// weights.sort_by(f64::total_cmp);
/// assert!((weights[0] - 1.0 / 3.0).abs() < 1e-9); // 100 of 300
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Dempster, N. Laird, D. Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm.
/// D. Arthur, S. Vassilvitskii (2007), k-means++: the advantages of careful seeding. G. Schwarz (1978),
/// Estimating the dimension of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct CodeMixture<C> {
    size: C,
    parts: Parts,
    covariances: Covariances,
    log_likelihoods: Vec<f64>,
    has_converged: bool,
}

/// Weights and components.
#[derive(Debug, Clone, PartialEq)]
struct Parts {
    weights: Vec<f64>,
    components: Vec<Normal>,
}

impl<C: Size> CodeMixture<C> {
    /// Fits a mixture with the default [options](MixtureOptions). The seed is for the start.
    ///
    /// # Errors
    /// As [`MixtureOptions::fit`].
    pub fn fit<T: Float>(codes: &Batch<T, C>, components: usize, seed: u64) -> Result<Self> {
        MixtureOptions::new().fit(codes, components, seed)
    }

    /// The number of components.
    pub fn components(&self) -> usize {
        self.parts.weights.len()
    }

    /// The weight of each component; their sum is 1.
    pub fn weights(&self) -> &[f64] {
        &self.parts.weights
    }

    /// The mean of each component: code × components.
    pub fn means(&self) -> Batch<f64, C> {
        let mut means = Batch::zeros(self.size, self.components());
        let columns = means.as_mut_slice().chunks_exact_mut(self.size.value());
        for (column, component) in columns.zip(&self.parts.components) {
            column.copy_from_slice(&component.mean);
        }
        means
    }

    /// The covariance of each component: units × units.
    pub fn covariances(&self) -> Vec<DMatrix<f64>> {
        self.parts.components.iter().map(Normal::covariance).collect()
    }

    /// The mean of ln p(z) over the codes it was fitted to, in nats: of the start, and after each
    /// iteration. Of several restarts those of the best.
    pub fn log_likelihoods(&self) -> &[f64] {
        &self.log_likelihoods
    }

    /// Whether the last iteration gained no more than the tolerance. If not, the iterations ran out.
    pub fn has_converged(&self) -> bool {
        self.has_converged
    }

    /// Draws codes. The first ones are the same however many are drawn.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no samples,
    /// [`Error::NotFinite`](crate::Error::NotFinite) for a value that the number type cannot hold.
    pub fn sample<T: Float>(&self, samples: usize, rng: &mut impl Rng) -> Result<Batch<T, C>> {
        require_count("number of samples to draw", samples)?;
        let mut noise = vec![0.0; self.size.value()];
        draw_codes("CodeMixture::sample", self.size, samples, |code| {
            let component = draw_index(&self.parts.weights, 1.0, rng);
            self.parts.components[component].draw(code, &mut noise, rng);
        })
    }

    /// ln p(z) of each code, in nats.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite), [`Error::NoSamples`](crate::Error::NoSamples) and
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for the codes.
    pub fn log_density<T: Float>(&self, codes: &Batch<T, C>) -> Result<Vec<f64>> {
        Ok(self.expectation("CodeMixture::log_density", codes)?.1)
    }

    /// How each code is shared among the components, the r of the formula: components × samples, each
    /// column with the sum 1. A code too far from all for double precision is shared by the weights.
    ///
    /// # Errors
    /// As [`log_density`](Self::log_density).
    pub fn responsibilities<T: Float>(&self, codes: &Batch<T, C>) -> Result<Batch<f64, Dyn>> {
        Ok(self.expectation("CodeMixture::responsibilities", codes)?.0)
    }

    /// The number of free parameters p: of weights, means and covariances.
    pub fn num_parameters(&self) -> usize {
        let (k, d) = (self.components(), self.size.value());
        let of_covariance = match self.covariances {
            Covariances::Full => d * (d + 1) / 2,
            Covariances::Diagonal => d,
        };
        (k - 1) + k * (d + of_covariance)
    }

    /// Schwarz's Bayesian information criterion, −2 Σ ln p(z) + p ln n: of several mixtures, the one with
    /// the lowest has as many components as the codes support.
    ///
    /// # Errors
    /// As [`log_density`](Self::log_density).
    pub fn bic<T: Float>(&self, codes: &Batch<T, C>) -> Result<f64> {
        let all: f64 = self.expectation("CodeMixture::bic", codes)?.1.iter().sum();
        Ok(self.num_parameters() as f64 * (codes.samples() as f64).ln() - 2.0 * all)
    }

    fn expectation<T: Float>(
        &self,
        call: &'static str,
        codes: &Batch<T, C>,
    ) -> Result<(Batch<f64, Dyn>, Vec<f64>)> {
        check_finite(call, self.size.value(), codes.view())?;
        let mut r = Batch::zeros(Dyn(self.components()), codes.samples());
        let mut densities = vec![0.0; codes.samples()];
        em::expectation(&self.parts, in_double(codes).view(), r.view_mut(), &mut densities);
        Ok((r, densities))
    }
}

/// Draws an index with chances in proportion to the weights, whose sum is given.
fn draw_index(weights: &[f64], all: f64, rng: &mut dyn Rng) -> usize {
    let mut left = f64::draw_uniform(rng) * all;
    for (index, weight) in weights.iter().enumerate() {
        if left < *weight {
            return index;
        }
        left -= weight;
    }
    // The sum was rounded.
    weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0)
}
