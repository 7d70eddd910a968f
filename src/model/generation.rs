//! What only a model with a prior can do: bound the evidence, estimate the likelihood, and draw new samples.

use rand::Rng;

use super::blocks::blocks;
use super::draws::{Drawn, each_draws};
use super::inference::{InMemory, Unlabelled};
use super::network::Network;
use super::scalar;
use super::{AutoEncoder, Scalar};
use crate::batch::size::{SameSize, Size};
use crate::batch::{Batch, BatchView};
use crate::code::prior::{Codes, Components, require_gaussian};
use crate::error::{Result, require_count};
use crate::layer::{Gaussianlike, Part, Unconditioned};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::regularizer::divergence;
use crate::train::Trainable;
use crate::train::examples::{IntoExamples, Rows, Suits};

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

/// How many samples to draw: a number or, of a conditional model, a condition for each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell this model how many samples to draw",
    label = "not what this model is asked with",
    note = "a conditional model needs a batch with a condition for each sample, `&conditions`; any other a number"
)]
pub trait HowMany<T: Float, C> {
    /// How many, and the conditions.
    #[doc(hidden)]
    fn how_many(&self) -> (usize, Option<BatchView<'_, T>>);
}
impl<T: Float> HowMany<T, Unconditioned> for usize {
    fn how_many(&self) -> (usize, Option<BatchView<'_, T>>) {
        (*self, None)
    }
}
impl<T: Float, K: Size + SameSize<C>, C> HowMany<T, C> for &Batch<T, K> {
    fn how_many(&self) -> (usize, Option<BatchView<'_, T>>) {
        (self.samples(), Some(self.view()))
    }
}

// The bounds are the methods' own, so that the compiler says in our words what is missing.
impl<E: Part, D: Part, R, L, T: Scalar> AutoEncoder<E, D, R, L, T> {
    /// The evidence lower bound on these samples with `draws` codes drawn for each, in nats per
    /// sample if the loss is a likelihood. The bound is of the model alone, with the regularizer's
    /// [prior](crate::prior): β and other regularizers play no part. With a normalizer it is that of the
    /// normalized samples. Validation uses [`loss`](Self::loss), which does not draw.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no draws, and
    /// [`Error::Unfit`](crate::Error::Unfit) for a code without spread, where the types could not tell.
    ///
    /// # References
    /// D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.
    pub fn elbo<'a, X>(&self, x: X, draws: usize, rng: &mut impl Rng) -> Result<Elbo>
    where
        E::Posterior: Gaussianlike,
        Self: Trainable,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<Self as Trainable>::Wanted>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        require_gaussian("elbo", self.facts())?;
        let (mut buffer, mut targets) = (Vec::new(), Vec::new());
        let given = InMemory::unweighted("elbo", self.network().inputs(), x.into_examples())?;
        let rows = given.compared(self.network(), "elbo", (&mut buffer, &mut targets))?;
        require_count("elbo draws", draws)?;
        elbo(self.network(), rows, draws, rng)
    }

    /// −ln p(x) of each sample in nats, if the loss is a likelihood: estimated by importance sampling with
    /// `draws` codes drawn from the posterior. It is too large by less and less as there are more draws,
    /// which take no more memory than some hundred samples. With a normalizer p is the density of the normalized samples.
    ///
    /// # Formula
    /// ln K − ln Σₖ exp(ln p(x|zₖ) + ln p(zₖ) − ln q(zₖ|x)).
    ///
    /// # Errors
    /// As [`elbo`](Self::elbo).
    ///
    /// # References
    /// Y. Burda, R. Grosse, R. Salakhutdinov (2015), Importance weighted autoencoders.
    pub fn negative_log_likelihood<'a, X>(
        &self,
        x: X,
        draws: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<f64>>
    where
        E::Posterior: Gaussianlike,
        Self: Trainable,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<Self as Trainable>::Wanted>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let call = "negative_log_likelihood";
        let name = "negative_log_likelihood";
        require_gaussian(name, self.facts())?;
        let (mut buffer, mut targets) = (Vec::new(), Vec::new());
        let given = InMemory::unweighted(call, self.network().inputs(), x.into_examples())?;
        let rows = given.compared(self.network(), call, (&mut buffer, &mut targets))?;
        require_count("negative_log_likelihood draws", draws)?;
        negative_log_likelihood(self.network(), rows, draws, rng)
    }

    /// Moments of what the encoder says about these samples as a whole, and the divergence of each code
    /// unit; which units are in use, and whether codes drawn from N(0, I) are like those of data.
    ///
    /// # Errors
    /// See [`AutoEncoder`]; and as [`elbo`](Self::elbo) for a code without spread.
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
    pub fn aggregated_posterior<'a, X>(&self, x: X) -> Result<AggregatedPosterior>
    where
        E::Posterior: Gaussianlike,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let name = "aggregated_posterior";
        require_gaussian(name, self.facts())?;
        let (call, mut buffer) = ("aggregated_posterior", Vec::new());
        let given = InMemory::unweighted(call, self.network().inputs(), x.into_examples())?;
        let rows = given.taken(self.network(), call, &mut buffer)?;
        Ok(aggregated_posterior(self.network(), rows))
    }

    /// Decodes codes drawn from the prior (that of the regularizer; N(0, I) if it has none): new
    /// data like that it was trained on.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for no samples, and
    /// [`Error::Unfit`](crate::Error::Unfit) for a code without spread, where the types could not tell.
    pub fn sample(
        &self,
        wanted: impl HowMany<T, E::Condition>,
        rng: &mut impl Rng,
    ) -> Result<Batch<T, D::Output>>
    where
        E::Posterior: Gaussianlike,
    {
        require_gaussian("sample", self.facts())?;
        let (samples, conditions) = wanted.how_many();
        let network = self.network();
        network.check_conditions("sample", conditions, samples)?;
        let codes = self.sample_codes(samples, rng)?;
        let mut outputs = Batch::zeros(self.decoder().output(), samples);
        let rows = Rows { x: codes.view(), conditions, targets: None };
        scalar::decode_rows(network, rows, outputs.view_mut(), &mut self.workspace())?;
        Ok(outputs)
    }

    /// Draws codes from the prior: `Code × samples`.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn sample_codes(&self, samples: usize, rng: &mut impl Rng) -> Result<Batch<T, E::Output>>
    where
        E::Posterior: Gaussianlike,
    {
        let name = "sample_codes";
        require_gaussian(name, self.facts())?;
        require_count("number of samples to draw", samples)?;
        let mut codes = Batch::zeros(self.code_size(), samples);
        let units = codes.features();
        with_prior(self.network(), |prior| prior.draw(units, codes.as_mut_slice(), rng));
        Ok(codes)
    }
}

once! {
    /// See [`AutoEncoder::elbo`].
    fn elbo(network: &'a Network<T>, rows: Rows<'a, T>, draws: usize, rng: &'a mut dyn Rng) -> Result<Elbo> = elbo_generic;
    /// See [`AutoEncoder::negative_log_likelihood`].
    fn negative_log_likelihood(
        network: &'a Network<T>,
        rows: Rows<'a, T>,
        draws: usize,
        rng: &'a mut dyn Rng,
    ) -> Result<Vec<f64>> = negative_log_likelihood_generic;
}

fn elbo_generic<T: Float>(
    network: &Network<T>,
    rows: Rows<'_, T>,
    draws: usize,
    rng: &mut dyn Rng,
) -> Result<Elbo> {
    let (mut kl, mut reconstruction) = (0.0, 0.0);
    let sum = |values: &[T]| values.iter().map(|v| v.to_double()).sum::<f64>();
    with_prior(network, |prior| {
        each_draws(network, rows, draws, rng, |_, drawn| {
            let Drawn { posterior, samples, .. } = drawn;
            let each = drawn.losses.chunks_exact(samples).zip(drawn.codes.chunks(samples));
            for (number, (losses, codes)) in (drawn.first..).zip(each) {
                reconstruction += sum(losses);
                let is_closed = prior.is_standard_normal();
                if !is_closed || number == 0 {
                    let values = &mut drawn.values[..samples];
                    divergence::values(*prior, posterior, Some(codes), values, drawn.scratch);
                    let repeats = if is_closed { draws } else { 1 };
                    kl += repeats as f64 * sum(values);
                }
            }
        })
    })?;
    let all = (rows.x.samples() * draws) as f64;
    Ok(Elbo { reconstruction: reconstruction / all, kl: kl / all })
}

fn negative_log_likelihood_generic<T: Float>(
    network: &Network<T>,
    rows: Rows<'_, T>,
    draws: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<f64>> {
    // The greatest ln w so far, and the sum of the weights over it.
    let mut sums = vec![(f64::NEG_INFINITY, 0.0); rows.x.samples()];
    with_prior(network, |prior| {
        each_draws(network, rows, draws, rng, |first, drawn| {
            prior.log_density(Codes::drawn(drawn.codes), drawn.values, drawn.scratch);
            divergence::log_posterior(drawn.posterior, drawn.noise, drawn.scratch);
            let parts = drawn.values.iter().zip(&*drawn.scratch).zip(drawn.losses);
            for (column, ((ln_p, ln_q), loss)) in parts.enumerate() {
                let ln_w = ln_p.to_double() - ln_q.to_double() - loss.to_double();
                let (most, sum) = &mut sums[first + column % drawn.samples];
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
        })
    })?;
    let of_mean = (draws as f64).ln();
    Ok(sums.into_iter().map(|(most, sum)| of_mean - most - sum.ln()).collect())
}

/// See [`AutoEncoder::aggregated_posterior`].
fn aggregated_posterior<T: Float>(network: &Network<T>, rows: Rows<'_, T>) -> AggregatedPosterior {
    let (units, samples) = (network.facts.units, rows.x.samples() as f64);
    let mut workspace = network.workspace();
    let zeros = || vec![0.0; units];
    let (mut means, mut squares, mut variances, mut kl) = (zeros(), zeros(), zeros(), zeros());
    // Around the first sample's, so that the variance of values far from 0 does not cancel.
    let mut origin: Vec<f64> = Vec::new();
    for block in blocks(rows) {
        network.infer(&mut workspace, block);
        let posterior = &workspace.encoding.posterior;
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

/// The prior as it is now.
fn with_prior<T: Float, O>(network: &Network<T>, work: impl FnOnce(&Components<'_, T>) -> O) -> O {
    let Some((place, prior)) = network.prior() else {
        return work(&Components::standard_normal());
    };
    let own = &network.parameters[network.places().regularizer][place];
    let inputs = prior.pseudo_inputs(&network.facts);
    if inputs.is_empty() {
        return work(&prior.components(own, None));
    }
    let mut workspace = network.workspace();
    let inputs = BatchView::new(&own[inputs], network.facts.features);
    network.infer(&mut workspace, Rows::alone(inputs));
    work(&prior.components(own, Some(&workspace.encoding.posterior)))
}
