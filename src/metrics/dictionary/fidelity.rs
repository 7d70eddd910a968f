use super::{Densities, check_codes, require_moderate};
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, check_finite};
use crate::error::{Error, Result, require, require_count, require_size, reserved};
use crate::numbers::once::once;
use crate::numbers::scalar::Float;

/// How sparse codes are and what their reconstructions keep of the samples, over as many batches as there are, in one pass and
/// in memory that does not grow with them.
///
/// Sums are in double precision; those of the variance are by Welford's updates, so that a mean that is far greater than the
/// spread costs no digits. The batches that samples come in change nothing, not a bit. Of a transcoder x is the target.
///
/// | measure | formula |
/// |---|---|
/// | [`l0`](Self::l0) | E #{i : fᵢ ≠ 0} |
/// | [`unexplained_variance`](Self::unexplained_variance) | FVU = E‖x − x̂‖² / (E‖x‖² − ‖E x‖²) |
/// | [`explained_variance`](Self::explained_variance) | 1 − FVU |
/// | [`relative_reconstruction_bias`](Self::relative_reconstruction_bias) | E‖x̂‖² / E[x·x̂] |
/// | [`shrinkage`](Self::shrinkage) | E ‖x̂‖/‖x‖ |
/// | [`mean_cosine`](Self::mean_cosine) | E cos(x, x̂) |
/// | [`densities`](Self::densities) | P(fᵢ ≠ 0) of each unit |
///
/// # Errors
/// Each measure is refused with [`Error::NoSamples`] before any sample was added, and with [`Error::InvalidParameter`] where it is
/// undefined.
///
/// # Example
/// See the [module](super).
///
/// # References
/// S. Rajamanoharan et al. (2024), Improving dictionary learning with gated sparse autoencoders: the bias. A. Karvonen et al.
/// (2025), SAEBench: a comprehensive benchmark for sparse autoencoders. B. Welford (1962), Note on a method for
/// calculating corrected sums of squares and products.
#[derive(Debug, Clone, PartialEq)]
pub struct Fidelity {
    sums: Sums,
    fired: Vec<u64>,
}

impl Fidelity {
    /// Of samples of so many features, and codes of so many units.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a count of 0, or one that is more than memory holds.
    pub fn new(features: usize, units: usize) -> Result<Self> {
        require_count("Fidelity features", features)?;
        require_count("Fidelity units", units)?;
        let mut sums = Sums { mean: reserved("Fidelity features", features)?, ..Sums::default() };
        sums.mean.resize(features, 0.0);
        sums.spread = reserved("Fidelity features", features)?;
        sums.spread.resize(features, 0.0);
        let mut fired = reserved("Fidelity units", units)?;
        fired.resize(units, 0);
        Ok(Self { sums, fired })
    }

    /// Takes more samples, with the code and the reconstruction of each.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] for another number of features, units or samples, [`Error::NoSamples`], [`Error::NotFinite`], and
    /// [`Error::InvalidParameter`] for values beyond ±10¹⁰⁰. What is refused is not counted.
    pub fn add<T: Float>(
        &mut self,
        x: BatchView<'_, T>,
        codes: &SparseBatch<T>,
        reconstruction: BatchView<'_, T>,
    ) -> Result<()> {
        const CALL: &str = "Fidelity::add";
        let features = self.sums.mean.len();
        check_finite(CALL, features, x)?;
        check_finite(CALL, features, reconstruction)?;
        require_size(CALL, "samples", x.samples(), reconstruction.samples())?;
        check_codes(CALL, "units", (self.fired.len(), x.samples()), codes)?;
        require_moderate(CALL, x)?;
        require_moderate(CALL, reconstruction)?;
        count_fired(&mut self.fired, codes);
        add_samples(&mut self.sums, x, reconstruction);
        Ok(())
    }

    /// The number of samples that were added.
    pub fn samples(&self) -> u64 {
        self.sums.samples
    }

    /// The mean number of units that fire on a sample.
    ///
    /// # Errors
    /// [`Error::NoSamples`].
    pub fn l0(&self) -> Result<f64> {
        let samples = self.counted("Fidelity::l0")?;
        Ok(self.fired.iter().map(|&fired| fired as f64).sum::<f64>() / samples)
    }

    /// The share of the variance that reconstructions keep, at most 1; below 0 they are worse than the mean of all samples.
    ///
    /// # Errors
    /// [`Error::NoSamples`], and [`Error::InvalidParameter`] if x does not vary.
    pub fn explained_variance(&self) -> Result<f64> {
        Ok(1.0 - self.unexplained_variance()?)
    }

    /// The share of the variance that reconstructions miss (FVU). Of samples in memory
    /// [`metrics::unexplained_variance`](crate::metrics::unexplained_variance) is the same.
    ///
    /// # Errors
    /// As [`explained_variance`](Self::explained_variance).
    pub fn unexplained_variance(&self) -> Result<f64> {
        self.counted("Fidelity::unexplained_variance")?;
        let spread: f64 = self.sums.spread.iter().sum();
        require(spread > 0.0, "the variance of x", spread, "greater than 0")?;
        Ok(self.sums.missed / spread)
    }

    /// How much longer reconstructions are than what is best of their direction: 1 without bias, below 1 where they are
    /// shrunk, as under an L1 penalty, and above 1 where they are too long.
    ///
    /// # Errors
    /// [`Error::NoSamples`], and [`Error::InvalidParameter`] unless E[x·x̂] is greater than 0.
    pub fn relative_reconstruction_bias(&self) -> Result<f64> {
        self.counted("Fidelity::relative_reconstruction_bias")?;
        let (along, squares) = (self.sums.along, self.sums.squares);
        require(along > 0.0, "Σ x·x̂ of samples and reconstructions", along, "greater than 0")?;
        Ok(squares / along)
    }

    /// The mean ratio of the norms of reconstruction and sample; samples of norm 0 are left out.
    ///
    /// # Errors
    /// [`Error::NoSamples`], and [`Error::InvalidParameter`] if all samples have norm 0.
    pub fn shrinkage(&self) -> Result<f64> {
        Ok(self.sums.ratios / self.counted_directions("Fidelity::shrinkage")?)
    }

    /// The mean cosine of reconstruction and sample; samples of norm 0 are left out, and a reconstruction of norm 0 has the
    /// cosine 0.
    ///
    /// # Errors
    /// As [`shrinkage`](Self::shrinkage).
    pub fn mean_cosine(&self) -> Result<f64> {
        Ok(self.sums.cosines / self.counted_directions("Fidelity::mean_cosine")?)
    }

    /// How often each unit fires.
    ///
    /// # Errors
    /// [`Error::NoSamples`].
    pub fn densities(&self) -> Result<Densities> {
        self.counted("Fidelity::densities")?;
        Densities::new(self.fired.clone(), self.sums.samples)
    }

    fn counted(&self, call: &'static str) -> Result<f64> {
        if self.sums.samples == 0 {
            return Err(Error::NoSamples { call });
        }
        Ok(self.sums.samples as f64)
    }

    fn counted_directions(&self, call: &'static str) -> Result<f64> {
        self.counted(call)?;
        let directed = self.sums.directed as f64;
        require(directed > 0.0, "the samples whose norm is not 0", directed, "at least 1")?;
        Ok(directed)
    }
}

/// What is summed over samples.
#[derive(Debug, Clone, Default, PartialEq)]
struct Sums {
    samples: u64,
    /// Those whose norm is not 0.
    directed: u64,
    /// Of each feature.
    mean: Vec<f64>,
    /// Σ (x − x̄)² of each feature.
    spread: Vec<f64>,
    /// Σ ‖x − x̂‖².
    missed: f64,
    /// Σ ‖x̂‖².
    squares: f64,
    /// Σ x·x̂.
    along: f64,
    /// Σ ‖x̂‖/‖x‖.
    ratios: f64,
    /// Σ cos(x, x̂).
    cosines: f64,
}

once! {
    fn add_samples(sums: &'a mut Sums, x: BatchView<'a, T>, y: BatchView<'a, T>) = add_samples_generic;
    fn count_fired(fired: &'a mut [u64], codes: &'a SparseBatch<T>) = count_fired_generic;
}

fn count_fired_generic<T: Float>(fired: &mut [u64], codes: &SparseBatch<T>) {
    for code in codes.iter() {
        code.iter().for_each(|(unit, _)| fired[unit] += 1);
    }
}

fn add_samples_generic<T: Float>(sums: &mut Sums, x: BatchView<'_, T>, y: BatchView<'_, T>) {
    for (x, y) in x.iter().zip(y.iter()) {
        sums.samples += 1;
        let share = 1.0 / sums.samples as f64;
        for ((x, mean), spread) in x.iter().zip(&mut sums.mean).zip(&mut sums.spread) {
            let off = x.to_double() - *mean;
            // (x − mean before)(x − mean after) = (1 − 1/n) (x − mean before)²
            *mean += share * off;
            *spread += (1.0 - share) * off * off;
        }
        let [mut missed, mut of_x, mut of_y, mut along] = [0.0; 4];
        for (x, y) in x.iter().zip(y) {
            let (x, y) = (x.to_double(), y.to_double());
            missed += (x - y) * (x - y);
            of_x += x * x;
            of_y += y * y;
            along += x * y;
        }
        sums.missed += missed;
        sums.squares += of_y;
        sums.along += along;
        if of_x > 0.0 {
            sums.directed += 1;
            // The ratio of the squares may be infinite.
            sums.ratios += of_y.sqrt() / of_x.sqrt();
            let norms = of_x.sqrt() * of_y.sqrt();
            sums.cosines += if norms > 0.0 { (along / norms).clamp(-1.0, 1.0) } else { 0.0 };
        }
    }
}
