//! Posteriors: what an encoder says about the code of a sample.
//!
//! | posterior | says | drawn in training |
//! |---|---|---|
//! | [`Point`] | the code itself | no |
//! | [`DiagonalGaussian`] | mean and log-variance of each code unit | `μ + e^(lv/2) ε`, if a regularizer asks for it |
//!
//! # Laws
//! 1. `mean` is the code in use: encoding never draws.
//! 2. `draw_code_backward` is the derivative of `draw_code` at fixed noise.

mod diagonal_gaussian;
mod point;

use std::fmt::Debug;

pub use diagonal_gaussian::DiagonalGaussian;
use nalgebra::Dim;
pub use point::Point;

use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::scalar::Scalar;
use crate::numbers::vector::{exp_m1, vectorize};
use crate::random::Streams;

/// What an encoder says about the codes of a batch; also the shape of a gradient at it.
pub trait Posterior: Debug + Send + Sync {
    /// The number type.
    type Scalar: Scalar;
    /// The number of code units.
    type Code: Dim;

    /// Makes room for this many samples, without giving memory back. Values are arbitrary after it.
    fn resize(&mut self, samples: usize);

    /// Sets everything to zero, as the start of a gradient.
    fn set_zero(&mut self);

    /// The code in use: the mean of the posterior.
    fn mean(&self) -> BatchView<'_, Self::Scalar, Self::Code>;

    /// The code in use, for writing; in a gradient, the gradient at it.
    fn mean_mut(&mut self) -> BatchViewMut<'_, Self::Scalar, Self::Code>;

    /// ln σ² of each code unit, already clamped, if the posterior has a spread.
    fn spread(&self) -> Option<BatchView<'_, Self::Scalar, Self::Code>> {
        None
    }

    /// The length of the noise that [`draw_code`](Posterior::draw_code) keeps.
    fn noise_len(&self) -> usize {
        0
    }

    /// Draws one code a sample into `code` and keeps what `draw_code_backward` needs in `noise`.
    /// Each sample draws from its own stream.
    fn draw_code(
        &self,
        streams: Streams<'_>,
        code: BatchViewMut<'_, Self::Scalar, Self::Code>,
        noise: &mut [Self::Scalar],
    );

    /// Adds to `d` the gradient at the posterior, given the gradient at the drawn code.
    fn draw_code_backward(
        &self,
        d_code: BatchView<'_, Self::Scalar, Self::Code>,
        noise: &[Self::Scalar],
        d: &mut Self,
    ) where
        Self: Sized;
}

/// A posterior with a spread: it can be compared with a prior, and codes drawn from that prior
/// can be decoded.
///
/// # Laws
/// What [`draw_code`](Posterior::draw_code) keeps is z − μ, before μ was added and the sum rounded: the density
/// of a draw follows from it.
#[diagnostic::on_unimplemented(
    message = "this needs an encoder with a Gaussian posterior, but the posterior is `{Self}`",
    label = "the encoder gives a point, not a distribution",
    note = "describe the encoder as `Gaussian::new(body, mean, log_variance)`: only such a model has \
            a prior, so only it can be variational and only it can `sample`"
)]
pub trait Gaussianlike: Posterior {
    /// ln σ² of each code unit, already clamped.
    fn log_variance(&self) -> BatchView<'_, Self::Scalar, Self::Code>;

    /// ln σ² of each code unit, for writing; in a gradient, the gradient at it.
    fn log_variance_mut(&mut self) -> BatchViewMut<'_, Self::Scalar, Self::Code>;

    /// The means and ln σ² of all samples, for writing to both at once.
    fn moments_mut(&mut self) -> (&mut [Self::Scalar], &mut [Self::Scalar]);

    /// KL(q ‖ N(0, I)) of each sample in nats: −½ Σ (1 + lv − μ² − e^lv).
    ///
    /// # References
    /// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes, appendix B.
    fn kl_to_prior(&self, per_sample: &mut [Self::Scalar]) {
        let half = Self::Scalar::of(0.5);
        let samples = self.mean().iter().zip(self.log_variance().iter());
        for ((mean, log_variance), kl) in samples.zip(per_sample) {
            // e^lv − 1 − lv is taken as one term: near lv = 0 its parts cancel.
            let sum = crate::numbers::scalar::sum_pairs(
                mean,
                log_variance,
                #[inline(always)]
                |mu, lv| mu * mu + (exp_m1(lv) - lv),
            );
            *kl = half * sum;
        }
    }

    /// Adds the gradient of Σᵢ scaleᵢ KLᵢ to `d`: μ at the mean, ½ (e^lv − 1) at lv, times the scale of
    /// the sample.
    fn kl_to_prior_backward(&self, scales: &[Self::Scalar], d: &mut Self) {
        let features = self.mean().features();
        let half = Self::Scalar::of(0.5);
        let means = self.mean();
        let mut d_mean = d.mean_mut();
        let columns = d_mean.as_mut_slice().chunks_exact_mut(features);
        for ((d, mean), &scale) in columns.zip(means.iter()).zip(scales) {
            d.iter_mut().zip(mean).for_each(|(d, &mu)| *d += scale * mu);
        }
        let log_variances = self.log_variance();
        let mut d_lv = d.log_variance_mut();
        let columns = d_lv.as_mut_slice().chunks_exact_mut(features);
        for ((d, lv), &scale) in columns.zip(log_variances.iter()).zip(scales) {
            d.iter_mut().zip(lv).for_each(|(d, &lv)| *d += half * scale * exp_m1(lv));
        }
    }

    /// As [`kl_to_prior_backward`](Gaussianlike::kl_to_prior_backward), with the same scale for all.
    fn kl_to_prior_backward_alike(&self, scale: Self::Scalar, d: &mut Self) {
        let means = self.mean().as_slice();
        vectorize(
            #[inline(always)]
            || {
                for (d, &mu) in d.mean_mut().as_mut_slice().iter_mut().zip(means) {
                    *d += scale * mu;
                }
            },
        );
        let half = scale * Self::Scalar::of(0.5);
        let lv = self.log_variance().as_slice();
        vectorize(
            #[inline(always)]
            || {
                for (d, &lv) in d.log_variance_mut().as_mut_slice().iter_mut().zip(lv) {
                    *d += half * exp_m1(lv);
                }
            },
        );
    }
}

/// A unit whose divergence from N(0, 1) is less than this has collapsed to the prior, in nats.
pub(crate) const COLLAPSED: f64 = 0.01;

/// The units that have collapsed to the prior N(0, 1), by their numbers.
pub(crate) fn collapsed_units<P: Gaussianlike>(posterior: &P) -> Vec<usize> {
    let (samples, units) = (posterior.mean().samples(), posterior.mean().features());
    if samples == 0 {
        return Vec::new();
    }
    let mut kl = vec![P::Scalar::ZERO; units];
    kl_of_units(posterior, |_| P::Scalar::of(1.0 / samples as f64), &mut kl);
    (0..units).filter(|&unit| kl[unit].to_double() < COLLAPSED).collect()
}

/// The divergence of each code unit from N(0, 1) in nats: its mean over samples, each by its share.
pub(crate) fn kl_of_units<P: Gaussianlike>(
    posterior: &P,
    share: impl Fn(usize) -> P::Scalar,
    of_units: &mut [P::Scalar],
) {
    let half = P::Scalar::of(0.5);
    of_units.fill(P::Scalar::ZERO);
    let samples = posterior.mean().iter().zip(posterior.log_variance().iter());
    for (sample, (mean, log_variance)) in samples.enumerate() {
        let (scale, of_units) = (half * share(sample), of_units.iter_mut());
        vectorize(
            #[inline(always)]
            || {
                for ((kl, &mu), &lv) in of_units.zip(mean).zip(log_variance) {
                    *kl += scale * (mu * mu + (exp_m1(lv) - lv));
                }
            },
        );
    }
}
