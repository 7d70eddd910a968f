//! Posteriors: what an encoder says about the codes of a batch.
//!
//! | posterior | says | drawn in training |
//! |---|---|---|
//! | [`Point`](crate::layer::Point) | the code itself | no |
//! | [`DiagonalGaussian`](crate::layer::DiagonalGaussian) | mean and log-variance of each code unit | `μ + e^(lv/2) ε`, if a regularizer asks for it |
//!
//! Types say which of the two an encoder gives; here are the numbers.
//!
//! # Laws
//! 1. `mean` is the code in use: encoding never draws.
//! 2. `draw_code_backward` is the derivative of `draw_code` at fixed noise.
//! 3. What `draw_code` keeps is z − μ, before μ was added and the sum rounded: the density of a draw follows from it.
//!
//! # Write your own
//! An encoder of your own has a Gaussian posterior if it says so in [`Module::is_gaussian`](crate::Module::is_gaussian)
//! and in [`Part::Posterior`](crate::Part::Posterior). Its outputs are then all means of a batch, and behind them all
//! log-variances; its Jacobian is that of the means.
//! ```
//! use autoencoder::activation::{Identity, Tanh};
//! use autoencoder::layer::jacobian::{Asked, JacobianGradient};
//! use autoencoder::layer::{DualViewMut, Pass, TangentPass, Unconditioned};
//! use autoencoder::parameters::{Layout, Role};
//! use autoencoder::{AutoEncoder, Batch, BatchView, BatchViewMut, Dense, DiagonalGaussian, Float};
//! use autoencoder::{Layer, Module, Part, Variational, contract};
//!
//! /// Means from a layer, and for each unit one log-variance, the same for all samples, which is trained.
//! #[derive(Debug, Clone)]
//! struct Steady<M>(M);
//!
//! impl<M: Module> Module for Steady<M> {
//!     fn num_inputs(&self) -> usize {
//!         self.0.num_inputs()
//!     }
//!     fn num_outputs(&self) -> usize {
//!         2 * self.0.num_outputs()
//!     }
//!     fn num_parameters(&self) -> usize {
//!         self.0.num_parameters() + self.0.num_outputs()
//!     }
//!     fn is_gaussian(&self) -> bool {
//!         true
//!     }
//! }
//! impl<M: Part> Part for Steady<M> {
//!     type Input = M::Input;
//!     type Output = M::Output; // the size of a code
//!     type Range = M::Range;
//!     type Posterior = DiagonalGaussian;
//!     type Condition = Unconditioned;
//!     fn input(&self) -> M::Input {
//!         self.0.input()
//!     }
//!     fn output(&self) -> M::Output {
//!         self.0.output()
//!     }
//! }
//! impl<M: Module> Steady<M> {
//!     /// What the pass was for the layer of the means.
//!     fn of_means<'a, T: Float>(&self, Pass { parameters, x, y, tape }: Pass<'a, T>) -> Pass<'a, T> {
//!         let units = self.0.num_outputs();
//!         let y = BatchView::new(&y.as_slice()[..units * x.samples()], units);
//!         Pass { parameters: &parameters[..self.0.num_parameters()], x, y, tape }
//!     }
//! }
//! /// Means and log-variances, which lie one behind the other.
//! fn halves<'a, T: Float>(y: &'a mut BatchViewMut<'_, T>) -> (BatchViewMut<'a, T>, &'a mut [T]) {
//!     let units = y.features() / 2;
//!     let half = y.as_slice().len() / 2;
//!     let (means, log_variances) = y.as_mut_slice().split_at_mut(half);
//!     (BatchViewMut::new(means, units), log_variances)
//! }
//! impl<T: Float, M: Layer<T> + Clone + 'static> Layer<T> for Steady<M> {
//!     fn layout(&self, layout: &mut Layout) {
//!         layout.scope("mean", |layout| self.0.layout(layout));
//!         layout.scope("log_variance", |layout| {
//!             layout.layer("Steady", |layer| layer.tensor("bias", (self.0.num_outputs(), 1), Role::Bias));
//!         });
//!     }
//!     fn draw_parameters(&self, parameters: &mut [T], rng: &mut dyn rand::Rng) {
//!         let (means, log_variances) = parameters.split_at_mut(self.0.num_parameters());
//!         self.0.draw_parameters(means, rng);
//!         log_variances.fill(T::of(-2.0));
//!     }
//!     fn range(&self) -> (f64, f64) {
//!         self.0.range()
//!     }
//!     fn tape_len(&self, samples: usize) -> usize {
//!         self.0.tape_len(samples)
//!     }
//!     fn scratch_len(&self, samples: usize) -> usize {
//!         self.0.scratch_len(samples)
//!     }
//!     fn forward(
//!         &self,
//!         parameters: &[T],
//!         x: BatchView<'_, T>,
//!         mut y: BatchViewMut<'_, T>,
//!         tape: &mut [T],
//!         scratch: &mut [T],
//!     ) {
//!         let (of_means, own) = parameters.split_at(self.0.num_parameters());
//!         let (means, log_variances) = halves(&mut y);
//!         self.0.forward(of_means, x, means, tape, scratch);
//!         log_variances.chunks_exact_mut(own.len()).for_each(|lv| lv.copy_from_slice(own));
//!     }
//!     fn backward(
//!         &self,
//!         pass: Pass<'_, T>,
//!         mut dy: BatchViewMut<'_, T>,
//!         dx: Option<BatchViewMut<'_, T>>,
//!         gradient: Option<&mut [T]>,
//!         scratch: &mut [T],
//!     ) {
//!         let (d_means, d_lv) = halves(&mut dy);
//!         let mut to_means = None;
//!         if let Some(gradient) = gradient {
//!             let (of_means, own) = gradient.split_at_mut(self.0.num_parameters());
//!             own.fill(T::ZERO);
//!             add_columns(d_lv, own);
//!             to_means = Some(of_means);
//!         }
//!         self.0.backward(self.of_means(pass), d_means, dx, to_means, scratch);
//!     }
//!     fn tangent_tape_len(&self, samples: usize) -> usize {
//!         self.0.tangent_tape_len(samples)
//!     }
//!     fn tangent(
//!         &self,
//!         pass: Pass<'_, T>,
//!         v: BatchView<'_, T>,
//!         mut jv: BatchViewMut<'_, T>,
//!         tangent_tape: &mut [T],
//!         scratch: &mut [T],
//!     ) {
//!         let (of_means, of_lv) = halves(&mut jv);
//!         self.0.tangent(self.of_means(pass), v, of_means, tangent_tape, scratch);
//!         of_lv.fill(T::ZERO);
//!     }
//!     fn tangent_backward(
//!         &self,
//!         pass: Pass<'_, T>,
//!         tangent: TangentPass<'_, T>,
//!         mut d: DualViewMut<'_, T>,
//!         d_input: Option<DualViewMut<'_, T>>,
//!         gradient: &mut [T],
//!         scratch: &mut [T],
//!     ) {
//!         let (value, d_lv) = halves(&mut d.value);
//!         let (of_means, own) = gradient.split_at_mut(self.0.num_parameters());
//!         add_columns(d_lv, own);
//!         let d = DualViewMut { value, tangent: halves(&mut d.tangent).0 };
//!         self.0.tangent_backward(self.of_means(pass), tangent, d, d_input, of_means, scratch);
//!     }
//!     fn squared_jacobian(
//!         &self,
//!         pass: Pass<'_, T>,
//!         asked: Asked<'_, T>,
//!         gradient: Option<JacobianGradient<'_, T>>,
//!         scratch: &mut [T],
//!     ) -> T {
//!         self.0.squared_jacobian(self.of_means(pass), asked, gradient, scratch)
//!     }
//!     fn jacobian_scratch_len(&self, samples: usize) -> usize {
//!         self.0.jacobian_scratch_len(samples)
//!     }
//! }
//! /// Adds the sum of the columns.
//! fn add_columns<T: Float>(columns: &[T], sum: &mut [T]) {
//!     for column in columns.chunks_exact(sum.len()) {
//!         sum.iter_mut().zip(column).for_each(|(sum, &value)| *sum += value);
//!     }
//! }
//!
//! let build = || {
//!     AutoEncoder::builder()
//!         .encoder(Steady(Dense::<4, 2>::new(Tanh)))
//!         .decoder(Dense::<2, 4>::new(Identity))
//!         .regularizer(Variational::default()) // for any encoder whose posterior has a spread
//!         .build::<f64>()
//!         .unwrap()
//! };
//! let data = [[0.1, 0.5, 0.9, 0.3], [0.4, 0.3, 0.2, 0.8], [0.8, 0.6, 0.7, 0.1], [0.2, 0.9, 0.4, 0.6]];
//! contract::model(build, &Batch::from_iter(data)).assert();
//! ```

use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::once::once;
use crate::numbers::scalar::{Float, sum_pairs};
use crate::numbers::vector::{exp, exp_m1, fill_normal, vectorize};
use crate::random::Streams;

/// What an encoder says about the codes of a batch; also the shape of a gradient at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior<T> {
    /// All means and, of a Gaussian, behind them all log-variances.
    values: Vec<T>,
    units: usize,
    is_gaussian: bool,
}

impl<T: Float> Posterior<T> {
    /// For codes of so many units, with no samples yet.
    pub fn new(units: usize, is_gaussian: bool) -> Self {
        Self { values: Vec::new(), units, is_gaussian }
    }

    /// Makes room for this many samples, without giving memory back. Values are arbitrary after it.
    pub fn resize(&mut self, samples: usize) {
        let each = if self.is_gaussian { 2 * self.units } else { self.units };
        self.values.resize(each * samples, T::ZERO);
    }

    /// Sets everything to zero, as the start of a gradient.
    pub fn set_zero(&mut self) {
        self.values.fill(T::ZERO);
    }

    /// The number of code units.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Whether it has a spread.
    pub fn is_gaussian(&self) -> bool {
        self.is_gaussian
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.means_len().checked_div(self.units).unwrap_or(0)
    }

    fn means_len(&self) -> usize {
        if self.is_gaussian { self.values.len() / 2 } else { self.values.len() }
    }

    /// All that the encoder gives, as its pass writes it.
    pub(crate) fn values(&self) -> BatchView<'_, T> {
        BatchView::new(&self.values, if self.is_gaussian { 2 * self.units } else { self.units })
    }

    /// The same for writing.
    pub(crate) fn values_mut(&mut self) -> BatchViewMut<'_, T> {
        let rows = if self.is_gaussian { 2 * self.units } else { self.units };
        BatchViewMut::new(&mut self.values, rows)
    }

    /// The code in use: the mean of the posterior.
    pub fn mean(&self) -> BatchView<'_, T> {
        BatchView::new(&self.values[..self.means_len()], self.units)
    }

    /// The code in use, for writing; in a gradient, the gradient at it.
    pub fn mean_mut(&mut self) -> BatchViewMut<'_, T> {
        let means = self.means_len();
        BatchViewMut::new(&mut self.values[..means], self.units)
    }

    /// ln σ² of each code unit, already clamped; nothing of a posterior without spread.
    pub fn log_variance(&self) -> BatchView<'_, T> {
        BatchView::new(&self.values[self.means_len()..], self.units)
    }

    /// ln σ² of each code unit, for writing; in a gradient, the gradient at it.
    pub fn log_variance_mut(&mut self) -> BatchViewMut<'_, T> {
        let means = self.means_len();
        BatchViewMut::new(&mut self.values[means..], self.units)
    }

    /// ln σ² of each code unit, if the posterior has a spread.
    pub fn spread(&self) -> Option<BatchView<'_, T>> {
        self.is_gaussian.then(|| self.log_variance())
    }

    /// The means and ln σ² of all samples, for writing to both at once.
    pub fn moments_mut(&mut self) -> (&mut [T], &mut [T]) {
        let means = self.means_len();
        self.values.split_at_mut(means)
    }

    /// The length of the noise that [`draw_code`](Self::draw_code) keeps.
    pub fn noise_len(&self) -> usize {
        if self.is_gaussian { self.means_len() } else { 0 }
    }

    /// Draws one code a sample into `code` and keeps what `draw_code_backward` needs in `noise`.
    /// Each sample draws from its own stream: z = μ + e^(lv/2) ε; the noise kept is e^(lv/2) ε. Without a spread
    /// the code is μ.
    pub fn draw_code(&self, streams: Streams<'_>, code: BatchViewMut<'_, T>, noise: &mut [T]) {
        draw_code(self, streams, code, noise);
    }

    fn draw_code_generic(
        &self,
        streams: Streams<'_>,
        mut code: BatchViewMut<'_, T>,
        noise: &mut [T],
    ) {
        if !self.is_gaussian {
            return code.as_mut_slice().copy_from_slice(&self.values);
        }
        for (column, noise) in noise.chunks_exact_mut(self.units).enumerate() {
            fill_normal(noise, &mut streams.sample(column));
        }
        let (means, lvs) = self.values.split_at(self.means_len());
        let posterior = means.iter().zip(lvs);
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

    /// Adds to `d` the gradient at the posterior, given the gradient at the drawn code: dμ = dz,
    /// dlv = ½ e^(lv/2) ε dz.
    pub fn draw_code_backward(&self, d_code: BatchView<'_, T>, noise: &[T], d: &mut Self) {
        draw_code_backward(self, d_code, noise, d);
    }

    fn draw_code_backward_generic(&self, d_code: BatchView<'_, T>, noise: &[T], d: &mut Self) {
        let (d_means, d_lvs) = d.moments_mut();
        if !self.is_gaussian {
            let places = d_means.iter_mut().zip(d_code.as_slice());
            return places.for_each(|(d, &d_code)| *d += d_code);
        }
        let half = T::of(0.5);
        let gradients = d_means.iter_mut().zip(d_lvs);
        for ((d_mu, d_lv), (&dz, &noise)) in gradients.zip(d_code.as_slice().iter().zip(noise)) {
            *d_mu += dz;
            *d_lv += half * noise * dz;
        }
    }

    /// KL(q ‖ N(0, I)) of each sample in nats: −½ Σ (1 + lv − μ² − e^lv).
    ///
    /// # References
    /// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes, appendix B.
    pub fn kl_to_prior(&self, per_sample: &mut [T]) {
        kl_to_prior(self, per_sample);
    }

    fn kl_to_prior_generic(&self, per_sample: &mut [T]) {
        let half = T::of(0.5);
        let samples = self.mean().iter().zip(self.log_variance().iter());
        for ((mean, log_variance), kl) in samples.zip(per_sample) {
            // e^lv − 1 − lv is taken as one term: near lv = 0 its parts cancel.
            let sum = sum_pairs(
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
    pub fn kl_to_prior_backward(&self, scales: &[T], d: &mut Self) {
        kl_to_prior_backward(self, scales, d);
    }

    fn kl_to_prior_backward_generic(&self, scales: &[T], d: &mut Self) {
        let (features, half) = (self.units, T::of(0.5));
        let (d_means, d_lvs) = d.moments_mut();
        let columns = d_means.chunks_exact_mut(features);
        for ((d, mean), &scale) in columns.zip(self.mean().iter()).zip(scales) {
            d.iter_mut().zip(mean).for_each(|(d, &mu)| *d += scale * mu);
        }
        let columns = d_lvs.chunks_exact_mut(features);
        for ((d, lv), &scale) in columns.zip(self.log_variance().iter()).zip(scales) {
            d.iter_mut().zip(lv).for_each(|(d, &lv)| *d += half * scale * exp_m1(lv));
        }
    }

    /// As [`kl_to_prior_backward`](Self::kl_to_prior_backward), with the same scale for all.
    pub fn kl_to_prior_backward_alike(&self, scale: T, d: &mut Self) {
        kl_to_prior_backward_alike(self, scale, d);
    }

    fn kl_to_prior_backward_alike_generic(&self, scale: T, d: &mut Self) {
        let (means, lvs) = self.values.split_at(self.means_len());
        let (d_means, d_lvs) = d.moments_mut();
        vectorize(
            #[inline(always)]
            || d_means.iter_mut().zip(means).for_each(|(d, &mu)| *d += scale * mu),
        );
        let half = scale * T::of(0.5);
        vectorize(
            #[inline(always)]
            || d_lvs.iter_mut().zip(lvs).for_each(|(d, &lv)| *d += half * exp_m1(lv)),
        );
    }

    /// The units that have collapsed to the prior N(0, 1), by their numbers: those that tell hardly anything about
    /// these samples, so that the decoder does without them. None of a posterior without spread.
    pub fn collapsed_units(&self) -> Vec<usize> {
        let (samples, units) = (self.samples(), self.units);
        if samples == 0 || !self.is_gaussian {
            return Vec::new();
        }
        let mut kl = vec![T::ZERO; units];
        self.kl_of_units(|_| T::of(1.0 / samples as f64), &mut kl);
        (0..units).filter(|&unit| kl[unit].to_double() < COLLAPSED).collect()
    }

    /// The divergence of each code unit from N(0, 1) in nats: its mean over samples, each by its share.
    pub(crate) fn kl_of_units(&self, share: impl Fn(usize) -> T, of_units: &mut [T]) {
        let half = T::of(0.5);
        of_units.fill(T::ZERO);
        let samples = self.mean().iter().zip(self.log_variance().iter());
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
}

once! {
    fn draw_code(posterior: &'a Posterior<T>, streams: Streams<'a>, code: BatchViewMut<'a, T>, noise: &'a mut [T]) = Posterior::draw_code_generic;
    fn draw_code_backward(posterior: &'a Posterior<T>, d_code: BatchView<'a, T>, noise: &'a [T], d: &'a mut Posterior<T>) = Posterior::draw_code_backward_generic;
    fn kl_to_prior(posterior: &'a Posterior<T>, per_sample: &'a mut [T]) = Posterior::kl_to_prior_generic;
    fn kl_to_prior_backward(posterior: &'a Posterior<T>, scales: &'a [T], d: &'a mut Posterior<T>) = Posterior::kl_to_prior_backward_generic;
    fn kl_to_prior_backward_alike(posterior: &'a Posterior<T>, scale: T, d: &'a mut Posterior<T>) = Posterior::kl_to_prior_backward_alike_generic;
}

/// A unit whose divergence from N(0, 1) is less than this has collapsed to the prior, in nats.
pub(crate) const COLLAPSED: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_of_a_point_is_the_code() {
        let mut point = Posterior::<f64>::new(2, false);
        point.resize(2);
        point.mean_mut().as_mut_slice().copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        let mut code = vec![0.0; 4];
        point.draw_code(Streams::new(0, 0, &[]), BatchViewMut::new(&mut code, 2), &mut []);
        assert_eq!(code, [1.0, 2.0, 3.0, 4.0]);
        let mut d = Posterior::new(2, false);
        d.resize(2);
        d.set_zero();
        point.draw_code_backward(BatchView::new(&[1.0; 4], 2), &[], &mut d);
        assert_eq!(d.mean().as_slice(), [1.0; 4]);
    }
}
