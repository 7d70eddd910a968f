use nalgebra::{ComplexField, Dim};

use super::{Encoded, PenaltyGradient, Regularizer};
use crate::encoder::Encoder;
use crate::error::{Result, require_count, require_weight};
use crate::posterior::{Gaussianlike, Posterior};
use crate::prior::LN_TAU;
use crate::vector::{exp, vectorize};
use crate::{Scalar, Terms};

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
}

/// The posteriors of a block of samples.
struct Posteriors<'a, T> {
    units: usize,
    means: &'a [T],
    log_variances: &'a [T],
    precisions: &'a [T],
    /// ln w of each.
    ln_shares: &'a [T],
}

/// Room for one code against all posteriors.
struct Room<'a, T> {
    /// ln w + ln q(zₖ∣xⱼ), unit by unit for each sample; its exponential over that of `of_units` after.
    ln_units: &'a mut [T],
    /// ln w + ln q(z∣xⱼ).
    ln_codes: &'a mut [T],
    /// ln Σⱼ of `ln_units`, and the greatest of each.
    of_units: &'a mut [T],
    most: &'a mut [T],
}

impl<T: Scalar> Posteriors<'_, T> {
    /// ln Σ w q(z|x) − Σₖ ln Σ w q(zₖ|x) of one code; leaves each sample's part in the sums, p and r, in the
    /// room.
    fn correlation(&self, code: &[T], room: &mut Room<'_, T>) -> T {
        let (units, half) = (self.units, T::of(0.5));
        let constant = T::of(0.5 * LN_TAU);
        let Room { ln_units, ln_codes, of_units, most } = room;
        most.fill(T::of(f64::NEG_INFINITY));
        let mut highest = T::of(f64::NEG_INFINITY);
        for (j, ln_q) in ln_units.chunks_exact_mut(units).enumerate() {
            let place = j * units..(j + 1) * units;
            let lvs = &self.log_variances[place.clone()];
            let (means, precisions) = (&self.means[place.clone()], &self.precisions[place]);
            let ln_share = self.ln_shares[j];
            let mut sum = T::ZERO;
            for (unit, ln_q) in ln_q.iter_mut().enumerate() {
                let away = code[unit] - means[unit];
                let ln = -half * (lvs[unit] + away * away * precisions[unit]) - constant;
                sum += ln;
                *ln_q = ln_share + ln;
                if *ln_q > most[unit] {
                    most[unit] = *ln_q;
                }
            }
            ln_codes[j] = ln_share + sum;
            if ln_codes[j] > highest {
                highest = ln_codes[j];
            }
        }
        of_units.fill(T::ZERO);
        for ln_q in ln_units.chunks_exact_mut(units) {
            vectorize(
                #[inline(always)]
                || {
                    for ((ln_q, sum), &most) in ln_q.iter_mut().zip(&mut **of_units).zip(&**most) {
                        *ln_q = exp(*ln_q - most);
                        *sum += *ln_q;
                    }
                },
            );
        }
        for ln_q in ln_units.chunks_exact_mut(units) {
            ln_q.iter_mut().zip(&**of_units).for_each(|(part, &sum)| *part /= sum);
        }
        let mut total = T::ZERO;
        for ln_code in ln_codes.iter_mut() {
            *ln_code = exp(*ln_code - highest);
            total += *ln_code;
        }
        ln_codes.iter_mut().for_each(|part| *part /= total);
        let marginals = most.iter().zip(&**of_units);
        let marginals = marginals.fold(T::ZERO, |sum, (&most, &of_unit)| sum + most + of_unit.ln());
        highest + total.ln() - marginals
    }
}

impl<E: Encoder> Regularizer<E> for TotalCorrelation
where
    E::Posterior: Gaussianlike,
{
    fn adds_to_parameters(&self) -> bool {
        false
    }

    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        mut gradient: Option<&mut PenaltyGradient<'_, E>>,
        scratch: &mut [E::Scalar],
        terms: &mut Terms,
    ) {
        let codes = at.codes.unwrap_or_else(|| at.posterior.mean());
        let (means, lvs) = (at.posterior.mean(), at.posterior.log_variance());
        let (units, samples) = (codes.features(), at.x.samples());
        let of_draw = E::Scalar::of(samples as f64 / codes.samples() as f64);
        let block = if at.streams.is_some() { samples } else { BLOCK };
        let (lambda, half) = (E::Scalar::of(self.weight), E::Scalar::of(0.5));
        let mut total = E::Scalar::ZERO;
        for first in (0..samples).step_by(block) {
            let count = block.min(samples - first);
            let (precisions, scratch) = scratch.split_at_mut(count * units);
            let (ln_units, scratch) = scratch.split_at_mut(count * units);
            let (ln_shares, scratch) = scratch.split_at_mut(count);
            let (ln_codes, scratch) = scratch.split_at_mut(count);
            let (of_units, scratch) = scratch.split_at_mut(units);
            let mut room = Room { ln_units, ln_codes, of_units, most: &mut scratch[..units] };
            let place = first * units..(first + count) * units;
            let (means, lvs) = (&means.as_slice()[place.clone()], &lvs.as_slice()[place.clone()]);
            precisions.iter_mut().zip(lvs).for_each(|(precision, &lv)| *precision = exp(-lv));
            let shares = (first..first + count).map(|sample| at.share(sample));
            let share = shares.clone().fold(E::Scalar::ZERO, |sum, share| sum + share);
            if share <= E::Scalar::ZERO {
                continue;
            }
            ln_shares
                .iter_mut()
                .zip(shares)
                .for_each(|(to, of_sample)| *to = (of_sample / share).ln());
            let posteriors = Posteriors { units, means, log_variances: lvs, precisions, ln_shares };
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
                let (d_means, d_lvs) = gradient.posterior.moments_mut();
                for j in 0..count {
                    for (unit, &z) in code.iter().enumerate() {
                        let of_block = j * units + unit;
                        let away = z - means[of_block];
                        let pull = away * precisions[of_block];
                        let part = room.ln_codes[j] - room.ln_units[of_block];
                        let d = lambda * scale * part;
                        d_means[place.start + of_block] += d * pull;
                        d_lvs[place.start + of_block] += half * d * (away * pull - E::Scalar::ONE);
                        match &mut gradient.codes {
                            Some(d_codes) => {
                                d_codes.as_mut_slice()[of_code.start + unit] -= d * pull
                            }
                            None => d_means[of_code.start + unit] -= d * pull,
                        }
                    }
                }
            }
        }
        let of_data = E::Scalar::of((units as f64 - 1.0) * (self.samples as f64).ln());
        terms.add("total_correlation", lambda * (total + of_data));
    }

    fn scratch_len(&self, encoder: &E, samples: usize, _draws: usize) -> usize {
        let units = encoder.code_dim().value();
        2 * samples * units + 2 * samples + 2 * units
    }
}
