//! What only a model with a prior can do: bound the evidence, estimate the likelihood, and draw new samples.

use std::ops::Range;

use nalgebra::Dim;
use rand::Rng;

use super::AutoEncoder;
use crate::batch::{Batch, BatchView};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::code::posterior::{Gaussianlike, Posterior};
use crate::code::prior::{Codes, Components, divergence, scratch_len};
use crate::error::{Result, require_count};
use crate::loss::Loss;
use crate::model::pass::{BLOCK, generate, infer};
use crate::model::workspace::Workspace;
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use crate::regularizer::Regularizer;

/// The evidence lower bound and its parts, in nats per sample (mean over samples and draws).
#[derive(Debug, Clone, PartialEq)]
pub struct Elbo {
    /// The mean loss of the reconstruction from a drawn code: −E ln p(x|z), if the loss is a
    /// likelihood.
    pub reconstruction: f64,
    /// KL(q(z|x) ‖ p(z)).
    pub kl: f64,
}

impl Elbo {
    /// The bound itself: −(reconstruction + KL). Higher is better.
    pub fn value(&self) -> f64 {
        -(self.reconstruction + self.kl)
    }
}

/// What the encoder says about the codes of a data set as a whole, unit by unit.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregatedPosterior {
    /// The mean over samples of the posterior's mean.
    pub means: Vec<f64>,
    /// The variance over samples of the posterior's mean: how much a unit says about the sample.
    pub variances_of_means: Vec<f64>,
    /// The mean over samples of the posterior's variance. With
    /// [`variances_of_means`](Self::variances_of_means) it adds up to the variance of the aggregated
    /// posterior, 1 where that is as the prior N(0, I).
    pub mean_variances: Vec<f64>,
    /// The mean divergence of the posterior from N(0, 1), in nats.
    pub kl: Vec<f64>,
}

impl AggregatedPosterior {
    /// The units whose mean varies from sample to sample by more than 0.01.
    ///
    /// # References
    /// Y. Burda, R. Grosse, R. Salakhutdinov (2015), Importance weighted autoencoders (there Aᵤ).
    pub fn active_units(&self) -> Vec<usize> {
        let active =
            self.variances_of_means.iter().enumerate().filter(|&(_, &variance)| variance > 0.01);
        active.map(|(unit, _)| unit).collect()
    }

    /// The variance of each unit under the aggregated posterior.
    pub fn variances(&self) -> Vec<f64> {
        let parts = self.variances_of_means.iter().zip(&self.mean_variances);
        parts.map(|(of_means, mean)| of_means + mean).collect()
    }
}

impl<E, D, R, L> AutoEncoder<E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    /// The evidence lower bound on these samples with `draws` codes drawn for each, in nats per
    /// sample if the loss is a likelihood. The bound is of the model alone, with the regularizer's
    /// [prior](crate::prior): β and other regularizers play no part. With a normalizer it is that of the
    /// normalized samples. Validation uses [`loss`](Self::loss), which does not draw.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no draws.
    ///
    /// # References
    /// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
    pub fn elbo(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Elbo>
    where
        E::Posterior: Gaussianlike,
    {
        let mut buffer = Vec::new();
        let x = self.compared("elbo", x.view(), &mut buffer)?;
        self.elbo_by(&mut self.own_parts(), x, draws, rng)
    }

    /// The same by encoders and decoders of the same structure, of samples as the encoder takes them.
    pub(crate) fn elbo_by(
        &self,
        parts: &mut impl Parts<E, D>,
        x: BatchView<'_, E::Scalar, E::Input>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Elbo>
    where
        E::Posterior: Gaussianlike,
    {
        require_count("elbo draws", draws)?;
        let (mut kl, mut reconstruction) = (0.0, 0.0);
        let sum = |values: &[E::Scalar]| values.iter().map(|v| v.to_double()).sum::<f64>();
        self.with_prior(|prior| {
            self.each_draw(parts, x, draws, rng, |_, draw| {
                reconstruction += sum(draw.losses);
                let is_closed = prior.is_standard_normal();
                if !is_closed || draw.number == 0 {
                    let (posterior, codes) = (draw.posterior, Some(draw.codes.view()));
                    divergence::values::<E>(*prior, posterior, codes, draw.values, draw.scratch);
                    let repeats = if is_closed { draws } else { 1 };
                    kl += repeats as f64 * sum(draw.values);
                }
            });
        });
        let all = (x.samples() * draws) as f64;
        Ok(Elbo { reconstruction: reconstruction / all, kl: kl / all })
    }

    /// −ln p(x) of each sample in nats, if the loss is a likelihood: estimated by importance sampling with
    /// `draws` codes drawn from the posterior. It is too large by less and less as there are more draws,
    /// which take no more memory. With a normalizer p is the density of the normalized samples.
    ///
    /// # Formula
    /// ln K − ln Σₖ exp(ln p(x|zₖ) + ln p(zₖ) − ln q(zₖ|x)).
    ///
    /// # Errors
    /// As [`elbo`](Self::elbo).
    ///
    /// # References
    /// Y. Burda, R. Grosse, R. Salakhutdinov (2015), Importance weighted autoencoders.
    pub fn negative_log_likelihood(
        &self,
        x: &Batch<E::Scalar, E::Input>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<f64>>
    where
        E::Posterior: Gaussianlike,
    {
        let mut buffer = Vec::new();
        let x = self.compared("negative_log_likelihood", x.view(), &mut buffer)?;
        self.negative_log_likelihood_by(&mut self.own_parts(), x, draws, rng)
    }

    /// As [`elbo_by`](Self::elbo_by).
    pub(crate) fn negative_log_likelihood_by(
        &self,
        parts: &mut impl Parts<E, D>,
        x: BatchView<'_, E::Scalar, E::Input>,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<f64>>
    where
        E::Posterior: Gaussianlike,
    {
        require_count("negative_log_likelihood draws", draws)?;
        // The greatest ln w so far, and the sum of the weights over it.
        let mut sums = vec![(f64::NEG_INFINITY, 0.0); x.samples()];
        self.with_prior(|prior| {
            self.each_draw(parts, x, draws, rng, |first, draw| {
                prior.log_density(Codes::drawn(draw.codes.view()), draw.values, draw.scratch);
                divergence::log_posterior(draw.posterior, draw.noise, draw.scratch);
                let parts = draw.values.iter().zip(&*draw.scratch).zip(draw.losses);
                for (sample, ((ln_p, ln_q), loss)) in parts.enumerate() {
                    let ln_w = ln_p.to_double() - ln_q.to_double() - loss.to_double();
                    let (most, sum) = &mut sums[first + sample];
                    if ln_w == f64::NEG_INFINITY {
                        continue; // adds nothing, where −∞ − (−∞) would be no number
                    }
                    if ln_w > *most {
                        *sum = *sum * (*most - ln_w).exp() + 1.0;
                        *most = ln_w;
                    } else {
                        *sum += (ln_w - *most).exp();
                    }
                }
            });
        });
        let of_mean = (draws as f64).ln();
        Ok(sums.into_iter().map(|(most, sum)| of_mean - most - sum.ln()).collect())
    }

    /// Moments of what the encoder says about these samples as a whole, and the divergence of each code
    /// unit; which units are in use, and whether codes drawn from N(0, I) are like those of data.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    ///
    /// # Example
    /// ```
    /// # use autoencoder::{AutoEncoder, BernoulliCrossEntropy, Dense, Gaussian, Variational, activation::Identity, datasets};
    /// let digits = datasets::digits::<f32>();
    /// let model = AutoEncoder::builder()
    ///     .encoder(Gaussian::new(
    ///         Dense::<64, 64>::new(Identity),
    ///         Dense::<64, 4>::new(Identity),
    ///         Dense::<64, 4>::new(Identity),
    ///     ))
    ///     .decoder(Dense::<4, 64>::new(Identity))
    ///     .regularizer(Variational::default())
    ///     .loss(BernoulliCrossEntropy)
    ///     .build::<f32>()?;
    /// let aggregated = model.aggregated_posterior(&digits.test)?;
    /// assert_eq!(aggregated.active_units(), [0, 1, 2, 3]);
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn aggregated_posterior(
        &self,
        x: &Batch<E::Scalar, E::Input>,
    ) -> Result<AggregatedPosterior>
    where
        E::Posterior: Gaussianlike,
    {
        let mut buffer = Vec::new();
        let x = self.taken("aggregated_posterior", x.view(), &mut buffer)?;
        Ok(self.aggregated_posterior_by(&mut self.own_parts(), x))
    }

    /// As [`elbo_by`](Self::elbo_by).
    pub(crate) fn aggregated_posterior_by(
        &self,
        parts: &mut impl Parts<E, D>,
        x: BatchView<'_, E::Scalar, E::Input>,
    ) -> AggregatedPosterior
    where
        E::Posterior: Gaussianlike,
    {
        let (units, samples) = (self.encoder.code_dim().value(), x.samples() as f64);
        let mut workspace = self.workspace();
        let zeros = || vec![0.0; units];
        let (mut means, mut squares, mut variances, mut kl) = (zeros(), zeros(), zeros(), zeros());
        // Around the first sample's, so that the variance of values far from 0 does not cancel.
        let mut origin: Vec<f64> = Vec::new();
        for (index, block) in x.chunks(BLOCK).enumerate() {
            let (encoder, _) = parts.of(index * BLOCK..index * BLOCK + block.samples());
            infer(encoder, self.encoder_parameters(), block, &mut workspace);
            let posterior = &workspace.posterior;
            let all = posterior.mean().iter().zip(posterior.log_variance().iter());
            for (mean, lv) in all {
                if origin.is_empty() {
                    origin.extend(mean.iter().map(|mean| mean.to_double()));
                }
                for (unit, (mean, lv)) in mean.iter().zip(lv).enumerate() {
                    let (mean, lv) = (mean.to_double(), lv.to_double());
                    means[unit] += (mean - origin[unit]) / samples;
                    squares[unit] += (mean - origin[unit]).powi(2) / samples;
                    variances[unit] += lv.exp() / samples;
                    kl[unit] += 0.5 * (mean * mean + lv.exp_m1() - lv) / samples;
                }
            }
        }
        let moments = squares.iter().zip(&means);
        let variances_of_means = moments.map(|(sq, mean)| (sq - mean * mean).max(0.0)).collect();
        means.iter_mut().zip(&origin).for_each(|(mean, origin)| *mean += origin);
        AggregatedPosterior { means, variances_of_means, mean_variances: variances, kl }
    }

    /// Decodes `samples` codes drawn from the prior (that of the regularizer; N(0, I) if it has none): new
    /// data like that it was trained on.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no samples.
    pub fn sample(&self, samples: usize, rng: &mut impl Rng) -> Result<Batch<E::Scalar, E::Input>>
    where
        E::Posterior: Gaussianlike,
    {
        self.decode(&self.sample_codes(samples, rng)?)
    }

    /// Draws codes from the prior: `Code × samples`.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn sample_codes(
        &self,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Result<Batch<E::Scalar, E::Code>>
    where
        E::Posterior: Gaussianlike,
    {
        require_count("number of samples to draw", samples)?;
        let mut codes = Batch::zeros(self.encoder.code_dim(), samples);
        let units = codes.features();
        self.with_prior(|prior| prior.draw(units, codes.as_mut_slice(), rng));
        Ok(codes)
    }

    fn own_parts(&self) -> (&E, &D) {
        (&self.encoder, &self.decoder)
    }

    /// The prior as it is now.
    fn with_prior<T>(&self, work: impl FnOnce(&Components<'_, E::Scalar>) -> T) -> T {
        let encoder = &self.encoder;
        let Some((first, prior)) = self.regularizer.prior(encoder) else {
            return work(&Components::standard_normal());
        };
        let own = self.parameters.len() - self.regularizer.num_parameters(encoder);
        let own = &self.parameters[own + first..][..prior.num_parameters(encoder)];
        let inputs = prior.pseudo_inputs(encoder);
        if inputs.is_empty() {
            return work(&prior.components(own, None));
        }
        let mut workspace = self.workspace();
        let inputs = BatchView::new(&own[inputs], encoder.input_dim());
        infer(encoder, self.encoder_parameters(), inputs, &mut workspace);
        work(&prior.components(own, Some(&workspace.posterior)))
    }

    /// Draws codes of some samples at a time and decodes them; `work` is also given the number of the
    /// first sample of a block.
    fn each_draw(
        &self,
        parts: &mut impl Parts<E, D>,
        x: BatchView<'_, E::Scalar, E::Input>,
        draws: usize,
        rng: &mut impl Rng,
        mut work: impl FnMut(usize, Draw<'_, E>),
    ) where
        E::Posterior: Gaussianlike,
    {
        let mut workspace = self.workspace();
        let mut codes = Batch::zeros(self.encoder.code_dim(), 0);
        let (mut losses, mut values, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        let prior = self.regularizer.prior(&self.encoder);
        for (index, block) in x.chunks(BLOCK).enumerate() {
            let samples = block.samples();
            let (encoder, decoder) = parts.of(index * BLOCK..index * BLOCK + samples);
            infer(encoder, self.encoder_parameters(), block, &mut workspace);
            codes.resize(samples);
            workspace.noise.resize(workspace.posterior.noise_len(), E::Scalar::ZERO);
            losses.resize(samples, E::Scalar::ZERO);
            values.resize(samples, E::Scalar::ZERO);
            let units = codes.features();
            let of_prior = prior.map_or(0, |(_, prior)| scratch_len(prior.num_components(), units));
            scratch.resize(samples + of_prior, E::Scalar::ZERO);
            for number in 0..draws {
                let streams = Streams::new(rng.next_u64(), 0, &[]);
                let Workspace { posterior, noise, .. } = &mut workspace;
                posterior.draw_code(streams, codes.view_mut(), noise);
                let Workspace { output, decoder_tape, .. } = &mut workspace;
                let parameters = self.decoder_parameters();
                generate(decoder, parameters, codes.view(), output, decoder_tape);
                let y = BatchView::new(&workspace.output, x.dim());
                self.compare_values(block, y, &mut losses);
                let draw = Draw {
                    number,
                    posterior: &workspace.posterior,
                    codes: &codes,
                    noise: &workspace.noise,
                    losses: &losses,
                    values: &mut values,
                    scratch: &mut scratch,
                };
                work(index * BLOCK, draw);
            }
        }
    }
}

/// Encoder and decoder for some samples of a data set.
pub(crate) trait Parts<E, D> {
    /// Those for the samples with these numbers.
    fn of(&mut self, samples: Range<usize>) -> (&E, &D);
}

/// The same for all samples.
impl<E, D> Parts<E, D> for (&E, &D) {
    fn of(&mut self, _samples: Range<usize>) -> (&E, &D) {
        *self
    }
}

/// One code of each sample of a block.
struct Draw<'a, E: Encoder> {
    number: usize,
    posterior: &'a E::Posterior,
    codes: &'a Batch<E::Scalar, E::Code>,
    noise: &'a [E::Scalar],
    losses: &'a [E::Scalar],
    /// Room for a value a sample, and for the prior's work.
    values: &'a mut [E::Scalar],
    scratch: &'a mut [E::Scalar],
}
