use super::{AnomalyScore, Numbers, Reconstructs, Reference, ScoreFor, Seen};
use crate::error::{Result, require};
use crate::layer::Part;
use crate::numbers::scalar::{Float, is_nan};
use crate::numbers::vector::vectorize;

/// The least spread of a column's residuals, as a share of the root mean square of all residuals.
pub(super) const FLOOR: f64 = 0.05;

/// Writes the square of each residual, moved by the first and over the second of what its feature has, and returns
/// their sum; what is missing counts as the others do on average.
fn squares<'a, T: Float>(
    seen: &Seen<'_, T>,
    features: &mut [f64],
    scales: impl Iterator<Item = (&'a f64, &'a f64)>,
) -> f64 {
    let pairs = seen.x.iter().zip(seen.reconstruction);
    let all = features.iter_mut().zip(pairs).zip(scales);
    vectorize(
        #[inline(always)]
        || {
            for ((to, (x, y)), (centre, spread)) in all {
                let residual = (x.to_double() - y.to_double() - centre) / spread;
                *to = if is_nan(*x) { 0.0 } else { residual * residual };
            }
        },
    );
    let scale = seen.scale();
    features.iter_mut().for_each(|part| *part *= scale);
    features.iter().sum()
}

/// The squared residual, as the model sees features: what [`AutoEncoder::score`](crate::AutoEncoder::score)
/// gives for a squared error, times two. Columns that the model reconstructs badly outweigh the others.
///
/// # Formula
/// Σ (x − x̂)²
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SquaredResidual;

impl<E: Part, M: Reconstructs> ScoreFor<E, M> for SquaredResidual {}

impl<T: Float> AnomalyScore<T> for SquaredResidual {
    fn describe(&self) -> String {
        "SquaredResidual".to_owned()
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], _: &mut [f64]) -> f64 {
        squares(seen, features, std::iter::repeat((&0.0, &1.0)))
    }
}

/// The residual of each column in units of its spread on normal samples, squared and summed: columns of
/// different scale, and columns that are reconstructed well or badly, count alike.
///
/// Fit it to samples that the model was not trained on: residuals of training samples are too small.
///
/// A fault of one column drags the reconstructions of others along through the code, so that its terms blame these too,
/// the quieter they are the more. [`explain`](super::AnomalyDetector::explain) asks what would have to be different, and
/// says how far to trust that.
///
/// | setting | meaning | default | range |
/// |---|---|---|---|
/// | [`by_deviation`](Self::by_deviation) | the spread is the standard deviation; else robust, half the distance between the quartiles over 0.6745 | robust | |
/// | [`floor`](Self::floor) | the least spread, as a share of the root mean square of all residuals | 0.05 | \[0, 1\] |
///
/// The floor keeps columns that are reconstructed almost exactly, constant ones among them, from
/// deciding alone. Where all residuals are 0 the spread is 1.
///
/// # Formula
/// Σ ((x − x̂ − m) / s)², with each column's median (or mean) m and spread s
#[derive(Debug, Clone, PartialEq)]
pub struct ScaledResidual {
    is_robust: bool,
    floor: f64,
    centre: Vec<f64>,
    spread: Vec<f64>,
}

impl Default for ScaledResidual {
    fn default() -> Self {
        Self { is_robust: true, floor: FLOOR, centre: Vec::new(), spread: Vec::new() }
    }
}

impl ScaledResidual {
    /// With the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mean and standard deviation in place of median and quartiles.
    pub fn by_deviation(self) -> Self {
        Self { is_robust: false, ..self }
    }

    /// The least spread, as a share of the root mean square of all residuals.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside \[0, 1\].
    pub fn floor(self, floor: f64) -> Result<Self> {
        crate::error::require_fraction("ScaledResidual floor", floor)?;
        Ok(Self { floor, ..self })
    }

    /// The spread of each column's residuals, after fitting.
    pub fn spread(&self) -> &[f64] {
        &self.spread
    }
}

impl<E: Part, M: Reconstructs> ScoreFor<E, M> for ScaledResidual {}

impl<T: Float> AnomalyScore<T> for ScaledResidual {
    fn describe(&self) -> String {
        let spread = if self.is_robust { "robust" } else { "deviation" };
        format!("ScaledResidual({spread}, floor {:?})", self.floor)
    }

    fn skips_missing(&self) -> bool {
        true
    }

    fn fit(&mut self, reference: &Reference<T>) -> Result<()> {
        let samples = reference.samples();
        // One sample has no spread.
        let name = "reference samples of ScaledResidual";
        require(samples >= 2, name, samples as f64, "at least 2")?;
        let features = reference.features();
        let mut column = Vec::with_capacity(samples);
        let (mut centre, mut spread) = (Vec::new(), Vec::new());
        let mut squares = 0.0;
        for feature in 0..features {
            column.clear();
            column.extend(reference.iter().filter(|seen| !seen.is_missing(feature)).map(|seen| {
                seen.x[feature].to_double() - seen.reconstruction[feature].to_double()
            }));
            if column.is_empty() {
                // Nothing is known of it, and the least spread is given to it below.
                centre.push(0.0);
                spread.push(0.0);
                continue;
            }
            let samples = column.len();
            squares += column.iter().map(|r| r * r).sum::<f64>() / samples as f64;
            let (m, s) = if self.is_robust {
                column.sort_unstable_by(f64::total_cmp);
                let at = |q| crate::numbers::scalar::quantile_of_sorted(&column, q);
                (at(0.5), (at(0.75) - at(0.25)) / (2.0 * QUARTILE))
            } else {
                let mean = column.iter().sum::<f64>() / samples as f64;
                let square = column.iter().map(|r| (r - mean).powi(2)).sum::<f64>();
                (mean, (square / samples as f64).sqrt())
            };
            centre.push(m);
            spread.push(s);
        }
        let root_mean_square = (squares / features as f64).sqrt();
        let valid = root_mean_square.is_finite();
        require(valid, "ScaledResidual residuals of the reference", root_mean_square, "finite")?;
        let least = self.floor * root_mean_square;
        for s in &mut spread {
            *s = s.max(least);
            // Nothing is known of a column without any residual.
            if *s <= f64::MIN_POSITIVE || s.is_nan() {
                *s = 1.0;
            }
        }
        (self.centre, self.spread) = (centre, spread);
        Ok(())
    }

    fn score(&self, seen: &Seen<'_, T>, features: &mut [f64], _: &mut [f64]) -> f64 {
        squares(seen, features, self.centre.iter().zip(&self.spread))
    }

    fn numbers(&self) -> Numbers {
        Numbers::new().with("centre", &self.centre[..]).with("spread", &self.spread[..])
    }

    fn restore(&mut self, numbers: &Numbers, features: usize, _: usize) -> Result<()> {
        let centre = numbers.exactly("centre", features)?;
        let spread = numbers.exactly("spread", features)?;
        for &s in spread {
            let valid = s > 0.0 && s.is_finite();
            require(valid, "ScaledResidual spread", s, "finite and greater than 0")?;
        }
        (self.centre, self.spread) = (centre.to_vec(), spread.to_vec());
        Ok(())
    }
}

/// The upper quartile of N(0, 1).
const QUARTILE: f64 = 0.674_489_750_196_081_7;
