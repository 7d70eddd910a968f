use nalgebra::Dim;

use super::{Gaussianlike, Posterior};
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::numbers::scalar::Scalar;
use crate::numbers::vector::{exp, fill_normal, vectorize};
use crate::random::Streams;

/// N(μ, diag e^lv): a mean and a log-variance for each code unit.
///
/// # References
/// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
#[derive(Debug, Clone)]
pub struct DiagonalGaussian<T, C> {
    mean: Batch<T, C>,
    log_variance: Batch<T, C>,
}

impl<T: Scalar, C: Dim> DiagonalGaussian<T, C> {
    /// For codes of this size, with no samples yet.
    pub fn new(code: C) -> Self {
        Self { mean: Batch::zeros(code, 0), log_variance: Batch::zeros(code, 0) }
    }
}

impl<T: Scalar, C: Dim> Posterior for DiagonalGaussian<T, C> {
    type Scalar = T;
    type Code = C;

    fn resize(&mut self, samples: usize) {
        self.mean.resize(samples);
        self.log_variance.resize(samples);
    }

    fn set_zero(&mut self) {
        self.mean.as_mut_slice().fill(T::ZERO);
        self.log_variance.as_mut_slice().fill(T::ZERO);
    }

    fn mean(&self) -> BatchView<'_, T, C> {
        self.mean.view()
    }

    fn mean_mut(&mut self) -> BatchViewMut<'_, T, C> {
        self.mean.view_mut()
    }

    fn spread(&self) -> Option<BatchView<'_, T, C>> {
        Some(self.log_variance.view())
    }

    fn noise_len(&self) -> usize {
        self.mean.as_slice().len()
    }

    /// z = μ + e^(lv/2) ε; the noise kept is e^(lv/2) ε.
    fn draw_code(&self, streams: Streams<'_>, mut code: BatchViewMut<'_, T, C>, noise: &mut [T]) {
        let features = self.mean.features();
        for (column, noise) in noise.chunks_exact_mut(features).enumerate() {
            fill_normal(noise, &mut streams.sample(column));
        }
        let posterior = self.mean.as_slice().iter().zip(self.log_variance.as_slice());
        let half = T::of(0.5);
        let code = code.as_mut_slice().iter_mut().zip(noise);
        vectorize(
            #[inline(always)]
            || {
                for ((z, noise), (&mu, &lv)) in code.zip(posterior) {
                    *noise *= exp(half * lv);
                    *z = mu + *noise;
                }
            },
        );
    }

    /// dμ = dz, dlv = ½ e^(lv/2) ε dz.
    fn draw_code_backward(&self, d_code: BatchView<'_, T, C>, noise: &[T], d: &mut Self) {
        let half = T::of(0.5);
        let gradients = d.mean.as_mut_slice().iter_mut().zip(d.log_variance.as_mut_slice());
        for ((d_mu, d_lv), (&dz, &noise)) in gradients.zip(d_code.as_slice().iter().zip(noise)) {
            *d_mu += dz;
            *d_lv += half * noise * dz;
        }
    }
}

impl<T: Scalar, C: Dim> Gaussianlike for DiagonalGaussian<T, C> {
    fn log_variance(&self) -> BatchView<'_, T, C> {
        self.log_variance.view()
    }

    fn log_variance_mut(&mut self) -> BatchViewMut<'_, T, C> {
        self.log_variance.view_mut()
    }

    fn moments_mut(&mut self) -> (&mut [T], &mut [T]) {
        (self.mean.as_mut_slice(), self.log_variance.as_mut_slice())
    }
}
