use super::{Across, Encoded, Needs, PenaltyGradient, Regularizer, SuitedTo, penalty};
use crate::code::Facts;
use crate::error::{Result, require_count, require_positive, require_weight};
use crate::layer::{Layer, Part};
use crate::numbers::scalar::{Float, sum_pairs};
use crate::numbers::vector::{exp, fill_normal, vectorize};
use crate::random::seeded;
use crate::terms::Terms;

/// Pulls the codes of a batch, as a whole, to the prior N(0, I): the maximum mean discrepancy between them and
/// as many draws from it. With [`Variational`] of weight 0, or none where the encoder gives points, it is the
/// objective of the Wasserstein autoencoder; beside a divergence of its own weight that of InfoVAE.
///
/// # Formula
/// λ [ Σᵢⱼ wᵢ wⱼ k(zᵢ, zⱼ) − 2 Σᵢⱼ wᵢ vⱼ k(zᵢ, pⱼ) + Σᵢⱼ vᵢ vⱼ k(pᵢ, pⱼ) ] with the samples' shares w, a draw p
/// from the prior for each code, and v = w: the V-statistic, which is at least 0. The kernel is a sum over
/// widths s:
///
/// | kernel | k(a, b), c = 2 d s for d code units |
/// |---|---|
/// | [`InverseMultiquadratic`](Kernel::InverseMultiquadratic) | c / (c + ‖a − b‖²) |
/// | [`Gaussian`](Kernel::Gaussian) | exp(−‖a − b‖² / c) |
///
/// so that width 1 is the mean squared distance of two draws from the prior. The cost of a step grows with
/// the square of the batch; outside training the mean over blocks of 256 samples is taken, each compared with
/// the same 256 draws. In training each sample has draws of its own, so that one of weight 2 does what the same
/// sample twice does. Its term is `mmd`.
///
/// [`Variational`]: crate::Variational
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, Mmd, Then, activation::{Identity, Tanh}};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 30>::new(Tanh).then(Dense::<30, 4>::new(Identity)))
///     .decoder(Dense::<4, 64>::new(Identity))
///     .regularizer(Mmd::new(10.0)?)
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Gretton and others (2012), A kernel two-sample test. I. Tolstikhin and others (2018), Wasserstein
/// auto-encoders (the default kernel and widths). S. Zhao, J. Song, S. Ermon (2019), InfoVAE.
#[derive(Debug, Clone, PartialEq)]
pub struct Mmd {
    weight: f64,
    kernel: Kernel,
    widths: Vec<f64>,
}

/// How alike two codes are for [`Mmd`], which has the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernel {
    /// With heavy tails: codes far from the prior feel it too.
    #[default]
    InverseMultiquadratic,
    /// That of radial basis functions.
    Gaussian,
}

/// Samples that are compared with one another outside training.
const BLOCK: usize = 256;

impl Mmd {
    /// With the weight λ, finite and not negative, the inverse multiquadratic kernel and the widths 0.1, 0.2,
    /// 0.5, 1, 2, 5 and 10.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(weight: f64) -> Result<Self> {
        require_weight("Mmd weight", weight)?;
        let widths = vec![0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
        Ok(Self { weight, kernel: Kernel::default(), widths })
    }

    /// With another kernel.
    pub fn kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }

    /// With other widths, at least one, each above 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn widths(self, widths: &[f64]) -> Result<Self> {
        require_count("Mmd number of widths", widths.len())?;
        widths.iter().try_for_each(|&width| require_positive("Mmd width", width))?;
        Ok(Self { widths: widths.to_vec(), ..self })
    }

    /// The kernel at these squared distances, and its derivative there.
    fn evaluate<T: Float>(&self, units: usize, squares: &[T], values: &mut [T], slopes: &mut [T]) {
        values.fill(T::ZERO);
        slopes.fill(T::ZERO);
        for width in &self.widths {
            let c = T::of(2.0 * units as f64 * width);
            let of_c = T::ONE / c;
            let pairs = squares.iter().zip(values.iter_mut().zip(slopes.iter_mut()));
            match self.kernel {
                Kernel::InverseMultiquadratic => vectorize(
                    #[inline(always)]
                    || {
                        for (&square, (value, slope)) in pairs {
                            let k = c / (c + square);
                            *value += k;
                            *slope -= k * k * of_c;
                        }
                    },
                ),
                Kernel::Gaussian => vectorize(
                    #[inline(always)]
                    || {
                        for (&square, (value, slope)) in pairs {
                            let k = exp(-square * of_c);
                            *value += k;
                            *slope -= k * of_c;
                        }
                    },
                ),
            }
        }
    }

    /// Σ wᵢ vⱼ k(aᵢ, bⱼ) and, if wanted, `factor` times its gradient at the a, a code after the other.
    fn mean<T: Float>(
        &self,
        [a, b]: [Weighed<'_, T>; 2],
        mut gradient: Option<(&mut [T], T)>,
        rows: &mut [T],
    ) -> T {
        let (count, units) = (b.weights.len(), b.units.len() / b.weights.len());
        let (squares, rows) = rows.split_at_mut(count);
        let (values, rows) = rows.split_at_mut(count);
        let slopes = &mut rows[..count];
        let mut total = T::ZERO;
        for (at, &weight) in a.weights.iter().enumerate() {
            let of_units = || a.units[at..].iter().step_by(a.weights.len()).copied();
            squares.fill(T::ZERO);
            vectorize(
                #[inline(always)]
                || {
                    for (a, others) in of_units().zip(b.units.chunks_exact(count)) {
                        for (square, &b) in squares.iter_mut().zip(others) {
                            *square += (a - b) * (a - b);
                        }
                    }
                },
            );
            self.evaluate(units, squares, values, slopes);
            total += weight * sum_pairs(values, b.weights, |k, v| v * k);
            let Some((d, factor)) = &mut gradient else { continue };
            slopes.iter_mut().zip(b.weights).for_each(|(slope, &v)| *slope *= v);
            let factor = T::of(2.0) * *factor * weight;
            let others = b.units.chunks_exact(count);
            let d = d[at * units..][..units].iter_mut();
            for ((d, a), others) in d.zip(of_units()).zip(others) {
                *d += factor * sum_pairs(slopes, others, |slope, b| slope * (a - b));
            }
        }
        total
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
        let (units, samples, columns) = (codes.features(), at.samples(), codes.samples());
        let of_draw = T::of(samples as f64 / columns as f64);
        let block = if at.streams.is_some() { columns } else { BLOCK };
        let (two, lambda) = (T::of(2.0), T::of(self.weight));
        let mut total = T::ZERO;
        for (number, codes) in codes.chunks(block).enumerate() {
            let count = codes.samples();
            let draws = if at.streams.is_some() { count } else { BLOCK };
            let (drawn, scratch) = scratch.split_at_mut(units * draws);
            let (of_prior, scratch) = scratch.split_at_mut(units * draws);
            let (of_codes, scratch) = scratch.split_at_mut(units * count);
            let (alike, scratch) = scratch.split_at_mut(BLOCK);
            let (weights, rows) = scratch.split_at_mut(count);
            let mut share = T::ZERO;
            for (column, weight) in weights.iter_mut().enumerate() {
                *weight = of_draw * at.share((number * block + column) % samples);
                share += *weight;
            }
            if share <= T::ZERO {
                continue;
            }
            weights.iter_mut().for_each(|weight| *weight /= share);
            alike.fill(T::of(1.0 / BLOCK as f64));
            match at.streams {
                Some(streams) => {
                    for (column, drawn) in drawn.chunks_exact_mut(units).enumerate() {
                        let of_draw = streams.draw(column / samples);
                        fill_normal(drawn, &mut of_draw.sample(column % samples));
                    }
                }
                None => fill_normal(drawn, &mut seeded(0)),
            }
            by_unit(units, drawn, of_prior);
            by_unit(units, codes.as_slice(), of_codes);
            let z = Weighed { units: of_codes, weights };
            let weights = if at.streams.is_some() { z.weights } else { alike };
            let p = Weighed { units: of_prior, weights };
            let place = number * block * units..(number * block + count) * units;
            let mut compare = |mut d: Option<&mut [T]>| {
                let scale = lambda * share * two;
                let alike = self.mean([z, z], d.as_deref_mut().map(|d| (d, scale)), rows);
                let across = self.mean([z, p], d.map(|d| (d, -scale)), rows);
                alike - two * across + self.mean([p, p], None, rows)
            };
            total += share
                * match &mut gradient {
                    None => compare(None),
                    Some(PenaltyGradient { codes: Some(d), .. }) => {
                        compare(Some(&mut d.as_mut_slice()[place]))
                    }
                    Some(gradient) => {
                        compare(Some(&mut gradient.posterior.mean_mut().as_mut_slice()[place]))
                    }
                };
        }
        terms.add("mmd", lambda * total);
    }
}

/// Codes with their weights.
#[derive(Clone, Copy)]
struct Weighed<'a, T> {
    /// The first unit of every code, then the second, and so on: pairs of codes lie side by side.
    units: &'a [T],
    weights: &'a [T],
}

/// Puts the units of codes one after the other.
fn by_unit<T: Float>(units: usize, codes: &[T], to: &mut [T]) {
    let count = codes.len() / units;
    for (column, code) in codes.chunks_exact(units).enumerate() {
        to[column..].iter_mut().step_by(count).zip(code).for_each(|(to, &z)| *to = z);
    }
}

impl<E: Part> SuitedTo<E> for Mmd {}

impl<T: Float> Regularizer<T> for Mmd {
    fn describe(&self) -> String {
        let Self { weight, kernel, widths } = self;
        let kernel = match kernel {
            Kernel::InverseMultiquadratic => "InverseMultiquadratic",
            Kernel::Gaussian => "Gaussian",
        };
        format!("Mmd {{ weight: {weight:?}, kernel: {kernel}, widths: {widths:?} }}")
    }

    fn needs(&self, _facts: &Facts) -> Needs {
        Needs { across: Across::Codes, ..Needs::nothing() }
    }

    penalty!(Mmd);

    fn scratch_len(
        &self,
        _encoder: &dyn Layer<T>,
        facts: &Facts,
        samples: usize,
        draws: usize,
    ) -> usize {
        let (columns, units) = (samples * draws.max(1), facts.units);
        let of_draws = columns.max(BLOCK);
        (2 * units + 3) * of_draws + (units + 1) * columns + BLOCK
    }
}
