use super::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::code::Facts;
use crate::code::prior::{LN_TAU, require_gaussian};
use crate::error::{Result, require_count, require_weight};
use crate::layer::{Gaussianlike, Layer, Part};
use crate::numbers::scalar::{self, Float};
use crate::numbers::vector::vectorize;
use crate::terms::Terms;

/// Penalises what the units of the code know of one another: the total correlation of the aggregated posterior,
/// estimated from each batch. Beside [`Variational`] with β = 1, which holds it once already, a weight of
/// β − 1 makes the objective of β-TCVAE.
///
/// # Formula
/// λ · mean over samples of [ ln q(z) − Σₖ ln q(zₖ) ] in nats, with q(z) ≈ 1/N Σⱼ wⱼ q(z∣xⱼ) and likewise each q(zₖ),
/// for the batch's samples j with their shares w and N samples in the data: the minibatch-weighted
/// estimate. Of d units, (d − 1) ln N is a constant, which moves no gradient; by as much it is too high where the
/// posteriors of a batch overlap.
///
/// The cost of a step grows with the square of the batch; outside training, where the code is the mean, the
/// mean over blocks of 256 samples is taken. Its term is `total_correlation`.
///
/// [`Variational`]: crate::Variational
///
/// # Example
/// ```
/// use autoencoder::{TotalCorrelation, Variational};
/// let samples = 3823; // of the training data
/// let beta_tc = (Variational::default(), TotalCorrelation::new(5.0, samples)?); // β = 6
/// # let _ = beta_tc;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// R. Chen, X. Li, R. Grosse, D. Duvenaud (2018), Isolating sources of disentanglement in variational
/// autoencoders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalCorrelation {
    weight: f64,
    samples: usize,
}

/// Samples that are compared with one another outside training.
const BLOCK: usize = 256;

impl TotalCorrelation {
    /// With the weight λ, finite and not negative, and the number N of samples in the training data, at least 1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside these ranges.
    pub fn new(weight: f64, samples: usize) -> Result<Self> {
        require_weight("TotalCorrelation weight", weight)?;
        require_count("TotalCorrelation samples", samples)?;
        Ok(Self { weight, samples })
    }

    /// Adds the term and, if wanted, its gradient.
    fn penalize<T: Float>(
        &self,
        at: &Encoded<'_, T>,
        mut gradient: Option<&mut PenaltyGradient<'_, T>>,
        scratch: &mut [T],
        terms: &mut Terms,
    ) {
        let codes = at.codes.unwrap_or_else(|| at.posterior.mean());
        let (means, lvs) = (at.posterior.mean(), at.posterior.log_variance());
        let (units, samples) = (codes.features(), at.samples());
        let of_draw = T::of(samples as f64 / codes.samples() as f64);
        let block = if at.streams.is_some() { samples } else { BLOCK };
        let (lambda, half) = (T::of(self.weight), T::of(0.5));
        let mut total = T::ZERO;
        for first in (0..samples).step_by(block) {
            let count = block.min(samples - first);
            let (moments, scratch) = scratch.split_at_mut(6 * count * units);
            let mut parts = moments.chunks_exact_mut(count * units);
            let mut part = || parts.next().unwrap_or_default();
            let (ln_shares, scratch) = scratch.split_at_mut(count);
            let (of_codes, scratch) = scratch.split_at_mut(count);
            let share =
                (first..first + count).fold(T::ZERO, |sum, at_sample| sum + at.share(at_sample));
            if share <= T::ZERO {
                continue;
            }
            for (sample, ln_share) in ln_shares.iter_mut().enumerate() {
                *ln_share = (at.share(first + sample) / share).ln();
            }
            let mut posteriors = Posteriors {
                means: part(),
                precisions: part(),
                ln_norms: part(),
                ln_shares,
                d_means: part(),
                d_log_variances: part(),
            };
            let place = first * units..(first + count) * units;
            let (means, lvs) = (&means.as_slice()[place.clone()], &lvs.as_slice()[place.clone()]);
            transposed(units, count, |from, to| {
                posteriors.means[to] = means[from];
                posteriors.precisions[to] = -lvs[from];
                posteriors.ln_norms[to] = -half * (lvs[from] + T::of(LN_TAU));
            });
            scalar::exponentials_of(posteriors.precisions);
            posteriors.d_means.fill(T::ZERO);
            posteriors.d_log_variances.fill(T::ZERO);
            let mut room = Room { of_units: part(), sums: &mut scratch[..units], of_codes };
            let columns = (0..codes.samples()).filter(|column| {
                let sample = column % samples;
                sample >= first && sample < first + count
            });
            for column in columns {
                let of_code = column * units..(column + 1) * units;
                let code = &codes.as_slice()[of_code.clone()];
                let scale = of_draw * at.share(column % samples);
                total += scale * posteriors.correlation(code, &mut room);
                let Some(gradient) = &mut gradient else { continue };
                let d_codes = match &mut gradient.codes {
                    Some(d_codes) => d_codes.as_mut_slice(),
                    None => gradient.posterior.moments_mut().0,
                };
                posteriors.backward(code, lambda * scale, &mut room, &mut d_codes[of_code]);
            }
            let Some(gradient) = &mut gradient else { continue };
            let (d_means, d_lvs) = gradient.posterior.moments_mut();
            let (d_means, d_lvs) = (&mut d_means[place.clone()], &mut d_lvs[place]);
            transposed(units, count, |to, from| {
                d_means[to] += posteriors.d_means[from];
                d_lvs[to] += posteriors.d_log_variances[from];
            });
        }
        let of_data = T::of((units as f64 - 1.0) * (self.samples as f64).ln());
        terms.add("total_correlation", lambda * (total + of_data));
    }
}

/// The posteriors of a block of samples, the first unit of every sample, then the second, and so on; and the
/// gradient at them.
struct Posteriors<'a, T> {
    means: &'a mut [T],
    precisions: &'a mut [T],
    /// −½ (lv + ln 2π).
    ln_norms: &'a mut [T],
    /// ln w of each sample.
    ln_shares: &'a mut [T],
    d_means: &'a mut [T],
    d_log_variances: &'a mut [T],
}

/// Room for one code against all posteriors.
struct Room<'a, T> {
    /// w q(zₖ∣xⱼ) over the greatest of the unit's, in the order of [`Posteriors`].
    of_units: &'a mut [T],
    /// Their sums.
    sums: &'a mut [T],
    /// w q(z∣xⱼ) over their sum.
    of_codes: &'a mut [T],
}

impl<T: Float> Posteriors<'_, T> {
    /// ln Σ w q(z|x) − Σₖ ln Σ w q(zₖ|x) of one code; leaves each sample's part in the sums in the room.
    fn correlation(&self, code: &[T], room: &mut Room<'_, T>) -> T {
        let (half, count) = (T::of(0.5), self.ln_shares.len());
        let Room { of_units, sums, of_codes } = room;
        of_codes.copy_from_slice(self.ln_shares);
        let mut marginals = T::ZERO;
        for (unit, (&z, sum)) in code.iter().zip(&mut **sums).enumerate() {
            let place = unit * count..(unit + 1) * count;
            let parts = &mut of_units[place.clone()];
            let moments = self.means[place.clone()].iter().zip(&self.precisions[place.clone()]);
            let moments = moments.zip(&self.ln_norms[place]).zip(&*self.ln_shares);
            vectorize(
                #[inline(always)]
                || {
                    let places = moments.zip(parts.iter_mut().zip(&mut **of_codes));
                    for ((((&mean, &precision), &ln_norm), &ln_share), (part, of_code)) in places {
                        let ln = ln_norm - half * (z - mean) * (z - mean) * precision;
                        *part = ln_share + ln;
                        *of_code += ln;
                    }
                },
            );
            let most = scalar::exponentials(parts);
            *sum = scalar::sum(parts, |part| part);
            marginals += most + sum.ln();
        }
        let most = scalar::exponentials(of_codes);
        let total = scalar::sum(of_codes, |part| part);
        of_codes.iter_mut().for_each(|part| *part /= total);
        most + total.ln() - marginals
    }

    /// Adds `factor` times the gradient at the posteriors, and that at the code, from what
    /// [`correlation`](Self::correlation) has left.
    fn backward(&mut self, code: &[T], factor: T, room: &mut Room<'_, T>, d_code: &mut [T]) {
        let (half, count) = (T::of(0.5), self.ln_shares.len());
        let Room { of_units, sums, of_codes } = room;
        for (unit, (&z, d_code)) in code.iter().zip(d_code).enumerate() {
            let place = unit * count..(unit + 1) * count;
            let (parts, norm) = (&mut of_units[place.clone()], T::ONE / sums[unit]);
            let moments = self.means[place.clone()].iter().zip(&self.precisions[place.clone()]);
            let d_means = self.d_means[place.clone()].iter_mut();
            let d = d_means.zip(&mut self.d_log_variances[place]);
            vectorize(
                #[inline(always)]
                || {
                    let places = moments.zip(d).zip(parts.iter_mut().zip(&**of_codes));
                    for (((&mean, &precision), (d_mean, d_lv)), (part, &of_code)) in places {
                        let pull = (z - mean) * precision;
                        let d = factor * (of_code - *part * norm);
                        *d_lv += half * d * ((z - mean) * pull - T::ONE);
                        *part = d * pull;
                        *d_mean += *part;
                    }
                },
            );
            *d_code -= scalar::sum(parts, |part| part);
        }
    }
}

/// Gives `work` each place of a code after the other beside its place unit after unit.
fn transposed(units: usize, samples: usize, mut work: impl FnMut(usize, usize)) {
    for sample in 0..samples {
        (0..units).for_each(|unit| work(sample * units + unit, unit * samples + sample));
    }
}

impl<E: Part> SuitedTo<E> for TotalCorrelation where E::Posterior: Gaussianlike {}

impl<T: Float> Regularizer<T> for TotalCorrelation {
    fn describe(&self) -> String {
        let Self { weight, samples } = self;
        format!("TotalCorrelation {{ weight: {weight:?}, samples: {samples} }}")
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs { across: Across::Codes, ..Needs::nothing() }
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_gaussian("TotalCorrelation", facts)
    }

    penalty!(TotalCorrelation);

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        _draws: usize,
    ) -> usize {
        let units = facts.units;
        6 * samples * units + 2 * samples + units
    }
}
