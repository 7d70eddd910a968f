use super::points::{Points, square};
use super::{AnomalyScore, Numbers, Reconstructs, Reference, ScoreFor, Seen};
use crate::error::{Result, require};
use crate::layer::Part;
use crate::numbers::scalar::{Float, log_sum_exp_of};
use crate::numbers::vector::{exp, vectorize};

/// How thin normal samples lie where a sample is, by their columns and their residuals together.
///
/// It is a density: kernels of several widths around the samples of the reference, each at its columns and, with a
/// weight λ, its residual. So it is local, as the distance to the [nearest](super::NearestNeighbours) is, and sees what
/// a residual sees: where normal samples vary the residual of a denoising model is near 0, and across, in the
/// directions in which they do not, it is the way back to them; these are thus stretched by up to √(1 + λ²), as they
/// lie at each place. How far a neighbour counts is not for you to choose: each width has the share in the density that
/// makes the samples of the reference likeliest, each judged by the others. Where these lie in clean groups that
/// is a small width, and the score near that of the nearest neighbour; where they are noisy, many neighbours count; and of
/// heavy tails there is a wide one besides.
///
/// It is for a model with a code that is not narrow, trained by [`Denoising`](crate::Denoising): see
/// [one configuration for tables](crate::anomaly#one-configuration-for-tables). Reference samples can be those that the
/// model was trained on. They are kept twice, and a score looks at all of them.
///
/// | setting | meaning | default | range |
/// |---|---|---|---|
/// | [`residual_weight`](Self::residual_weight) | λ, how much a residual counts beside a column; with 0 it is the density of columns alone, which asks nothing of the model | 2 | ≥ 0 |
///
/// # Formula
/// −ln Σₘ πₘ (h₁/hₘ)ᵈ 1/n Σᵢ exp(−qᵢ/(2 hₘ²)), with qᵢ = ‖x − xᵢ‖² + λ² ‖r − rᵢ‖², r = x − x̂, and d columns that vary.
/// Widths h are those of s/2⁹, s/2⁸, … s that count for a thousandth or more, h₁ the least of them, and s the root mean
/// square distance of the reference from its mean. The shares π maximise Σⱼ ln of the sum for the
/// sample xⱼ with itself left out, over 250 to 500 samples of the reference, or all.
///
/// So the score is not negative. It is in nats. Of a sample with missing values only the others count in q, which is scaled
/// up to all of them; a missing value of the reference is its column's mean there.
///
/// # References
/// B. W. Silverman, 1986, *Density estimation for statistics and data analysis* (the likelihood with one left
/// out, section 3.4.4); P. Smyth, D. Wolpert, 1999, *Linearly combining density estimators via stacking* (the shares);
/// G. Alain, Y. Bengio, 2014, *What regularized auto-encoders learn from the data-generating distribution* (the residual).
#[derive(Debug, Clone, PartialEq)]
pub struct KernelDensity {
    residual_weight: f64,
    points: Points,
    /// The columns that vary.
    dimensions: f64,
    /// In ascending order.
    widths: Vec<f64>,
    /// Of each width, together 1.
    shares: Vec<f64>,
}

impl Default for KernelDensity {
    fn default() -> Self {
        Self {
            residual_weight: 2.0,
            points: Points::default(),
            dimensions: 0.0,
            widths: Vec::new(),
            shares: Vec::new(),
        }
    }
}

impl KernelDensity {
    /// With the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much residuals count beside columns, λ ≥ 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn residual_weight(self, weight: f64) -> Result<Self> {
        let valid = weight >= 0.0 && weight.is_finite();
        require(valid, "KernelDensity residual_weight", weight, "finite and not less than 0")?;
        Ok(Self { residual_weight: weight, ..self })
    }

    /// The widths of kernels in ascending order, after fitting.
    pub fn widths(&self) -> &[f64] {
        &self.widths
    }

    /// The share of each width, after fitting; they add up to 1.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    fn has_residual(&self) -> bool {
        self.residual_weight > 0.0
    }

    /// The coordinates of a point.
    fn coordinates(&self, features: usize) -> usize {
        if self.has_residual() { 2 * features } else { features }
    }

    /// The coordinates of a sample: its columns, then its weighted residuals.
    fn place<'a, T: Float>(&self, seen: &Seen<'a, T>) -> impl Iterator<Item = f64> + use<'a, T> {
        let weight = self.residual_weight;
        let residuals = if self.has_residual() { seen.reconstruction } else { &[] };
        let residuals = seen.x.iter().zip(residuals);
        let residuals = residuals.map(move |(x, y)| weight * (x.to_double() - y.to_double()));
        seen.x.iter().map(|x| x.to_double()).chain(residuals)
    }

    /// ln 1/n Σᵢ exp(−qᵢ/(2 h²)), without the least q, which is ∞ if there is none; and that sum.
    fn of_width(&self, width: f64, least: f64, squares: &[f64], samples: usize) -> (f64, f64) {
        let sum = kernels(squares, width, least);
        (-least / (2.0 * width * width) + (sum / samples as f64).ln(), sum)
    }
}

/// The narrowest width is the spread over 2 to the power of this.
const HALVINGS: i32 = 9;

/// Less is no spread, and no width.
const NARROWEST: f64 = 1e-100;

/// How many samples of the reference are looked at for the shares.
const LOOKED_AT: usize = 500;

/// Steps towards the shares.
const STEPS: usize = 200;

/// The least share that counts.
const LEAST: f64 = 1e-3;

/// What changes no contribution that anyone reads.
const NEGLIGIBLE: f64 = 1e-9;

/// Σ exp(−(q − least)/(2 h²)).
fn kernels(squares: &[f64], width: f64, least: f64) -> f64 {
    let scale = -0.5 / (width * width);
    vectorize(
        #[inline(always)]
        || {
            const LANES: usize = 16;
            let mut sums = [0.0; LANES];
            for squares in squares.as_chunks::<LANES>().0 {
                for (sum, q) in sums.iter_mut().zip(squares) {
                    *sum += exp((q - least) * scale);
                }
            }
            sums.iter().sum()
        },
    )
}

/// The shares that maximise Σ ln Σ πₘ exp(lₘ), of rows of logarithms, by expectation and maximisation.
fn stacked(logarithms: &[f64], widths: usize) -> Vec<f64> {
    let mut shares = vec![1.0 / widths as f64; widths];
    let rows = logarithms.chunks_exact(widths);
    let share = 1.0 / rows.len() as f64;
    for _ in 0..STEPS {
        let mut next = vec![0.0; widths];
        for row in rows.clone() {
            let all = log_sum_exp_of(row.iter().zip(&shares).map(|(l, share)| l + share.ln()));
            for ((to, l), old) in next.iter_mut().zip(row).zip(&shares) {
                *to += share * (l + old.ln() - all).exp();
            }
        }
        shares = next;
    }
    shares
}

impl<E: Part, M: Reconstructs> ScoreFor<E, M> for KernelDensity {}

impl<T: Float> AnomalyScore<T> for KernelDensity {
    fn describe(&self) -> String {
        format!("KernelDensity(residual weight {:?})", self.residual_weight)
    }

    fn needs_reconstruction(&self) -> bool {
        self.has_residual()
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        let (samples, features) = (reference.samples(), reference.features());
        let name = "reference samples of KernelDensity";
        require(samples >= 2, name, samples as f64, "at least 2")?;
        let d = self.coordinates(features);
        let points = reference.iter().flat_map(|seen| self.place(&seen)).collect();
        self.points = Points::new(points, d)?;
        let points = self.points.all();
        let mut mean = vec![0.0; d];
        for point in points.chunks_exact(d) {
            mean.iter_mut().zip(point).for_each(|(mean, x)| *mean += x / samples as f64);
        }
        let squares = points.chunks_exact(d).flat_map(|point| point.iter().zip(&mean));
        let spread = squares.map(|(x, mean)| (x - mean).powi(2)).sum::<f64>() / samples as f64;
        require(spread.is_finite(), "KernelDensity spread of the reference", spread, "finite")?;
        // Samples that are all the same have none; the square of the least width is a number too.
        let spread = if spread > NARROWEST * NARROWEST { spread.sqrt() } else { 1.0 };
        let varies = |&feature: &usize| {
            points.chunks_exact(d).any(|point| point[feature] != points[feature])
        };
        let dimensions = (0..features).filter(varies).count().max(1) as f64;
        let widths: Vec<f64> = (0..=HALVINGS).rev().map(|k| spread * 0.5_f64.powi(k)).collect();

        let step = samples.div_ceil(LOOKED_AT).max(1);
        let mut squares = vec![0.0; self.points.places(d)];
        let mut logarithms = Vec::new();
        for (place, x) in self.points.all().chunks_exact(d).enumerate().step_by(step) {
            self.points.squares(x, &mut squares);
            squares[place] = f64::INFINITY;
            let least = squares.iter().copied().fold(f64::INFINITY, f64::min);
            logarithms.extend(widths.iter().map(|&width| {
                let (of_width, _) = self.of_width(width, least, &squares, samples - 1);
                of_width - dimensions * (width / spread).ln()
            }));
        }
        let shares = stacked(&logarithms, widths.len());
        let kept = widths.into_iter().zip(shares).filter(|&(_, share)| share >= LEAST);
        (self.widths, self.shares) = kept.unzip();
        let all: f64 = self.shares.iter().sum();
        self.shares.iter_mut().for_each(|share| *share /= all);
        self.dimensions = dimensions;
        Ok(())
    }

    fn scratch_len(&self, features: usize) -> usize {
        let d = self.coordinates(features);
        d + 2 * self.points.places(d) + 2 * self.widths.len()
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], scratch: &mut [f64]) -> f64 {
        let d = self.coordinates(features.len());
        let places = self.points.places(d);
        let (x, scratch) = scratch.split_at_mut(d);
        let (squares, scratch) = scratch.split_at_mut(places);
        let (weights, scratch) = scratch.split_at_mut(places);
        let (parts, sums) = scratch.split_at_mut(self.widths.len());
        x.iter_mut().zip(self.place(seen)).for_each(|(to, x)| *to = x);
        self.points.squares(x, squares);
        let scale = seen.scale();
        if scale != 1.0 {
            squares.iter_mut().for_each(|q| *q *= scale);
        }
        let mut samples = self.points.all().len() / d;
        if let Some(place) = seen.place {
            squares[place] = f64::INFINITY;
            samples -= 1;
        }
        let least = squares.iter().copied().fold(f64::INFINITY, f64::min);
        let kinds = self.widths.iter().zip(&self.shares);
        for ((&width, share), (part, sum)) in kinds.zip(parts.iter_mut().zip(&mut *sums)) {
            let (of_width, kernels) = self.of_width(width, least, squares, samples);
            let narrower = self.dimensions * (self.widths[0] / width).ln();
            (*part, *sum) = (share.ln() + narrower + of_width, kernels);
        }
        let total = log_sum_exp_of(parts.iter().copied());

        // −ln Σ a exp(−u) is the mean of u, weighted by a exp(−u), and not less as the a are together at most 1: the
        // mean is what columns contribute.
        weights.fill(0.0);
        for ((&width, part), sum) in self.widths.iter().zip(&*parts).zip(&*sums) {
            let (share, scale) = ((part - total).exp() / sum, 0.5 / (width * width));
            if share > NEGLIGIBLE {
                vectorize(
                    #[inline(always)]
                    || {
                        for (weight, q) in weights.iter_mut().zip(&*squares) {
                            *weight += share * scale * exp((least - q) * scale);
                        }
                    },
                );
            }
        }
        features.fill(0.0);
        let points = self.points.all().chunks_exact(d);
        for ((weight, q), point) in weights.iter().zip(&*squares).zip(points) {
            if weight * q > NEGLIGIBLE {
                let halves = x.chunks_exact(features.len()).zip(point.chunks_exact(features.len()));
                for (x, y) in halves {
                    for ((to, &x), &y) in features.iter_mut().zip(x).zip(y) {
                        *to += weight * scale * square(x, y);
                    }
                }
            }
        }
        -total
    }

    fn numbers(&self) -> Numbers {
        Numbers::new()
            .with("points", self.points.all())
            .with("dimensions", [self.dimensions])
            .with("widths", &self.widths[..])
            .with("shares", &self.shares[..])
    }

    fn restore(&mut self, numbers: &Numbers, features: usize, _: usize) -> Result<()> {
        let d = self.coordinates(features);
        let points = Points::list(numbers, "points", d)?;
        let samples = points.len() / d.max(1);
        let name = "reference samples of KernelDensity";
        require(samples >= 2, name, samples as f64, "at least 2")?;
        let dimensions = numbers.exactly("dimensions", 1)?[0];
        let valid = dimensions.fract() == 0.0 && (1.0..=features as f64).contains(&dimensions);
        let requirement = "a number of columns";
        require(valid, "KernelDensity columns that vary", dimensions, requirement)?;
        let widths = numbers.list("widths");
        let name = "KernelDensity number of widths";
        require(!widths.is_empty(), name, 0.0, "at least 1")?;
        let shares = numbers.exactly("shares", widths.len())?;
        let mut last = 0.5_f64.powi(HALVINGS + 1) * NARROWEST;
        for &width in widths {
            let valid = width > last && width < f64::MAX.sqrt();
            let requirement = "greater than the one before, and with a finite square";
            require(valid, "KernelDensity width", width, requirement)?;
            last = width;
        }
        for &share in shares {
            require(share > 0.0 && share <= 1.0, "KernelDensity share", share, "in (0, 1]")?;
        }
        let all = shares.iter().sum::<f64>();
        require((all - 1.0).abs() < 1e-6, "KernelDensity sum of shares", all, "1")?;
        (self.widths, self.shares) = (widths.to_vec(), shares.to_vec());
        (self.points, self.dimensions) = (Points::new(points, d)?, dimensions);
        Ok(())
    }
}
