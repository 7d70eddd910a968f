use crate::error::{Error, Number, Result, require, require_count, require_fraction};

/// On which share of the samples each unit of a code fires. [`Fidelity::densities`](super::Fidelity::densities) counts them;
/// `plot::DensityHistogram` draws them.
///
/// # Example
/// ```
/// use autoencoder::metrics::dictionary::Densities;
/// let densities = Densities::new([0, 5, 50, 1000], 1000)?;
/// assert_eq!(densities.shares(), [0.0, 0.005, 0.05, 1.0]);
/// assert_eq!((densities.dead(), densities.dead_fraction()), (vec![0], 0.25));
/// assert_eq!((densities.above(0.01)?, densities.above(0.1)?), (0.5, 0.25));
/// let histogram = densities.log10_histogram(&[-3.0, -2.0, -1.0, 0.0])?;
/// assert_eq!((histogram.dead, histogram.bins), (1, vec![1, 1, 1]));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Densities {
    fired: Vec<u64>,
    samples: u64,
}

/// How many units have a density between two edges, dead ones apart. Made by [`Densities::log10_histogram`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DensityCounts {
    /// Units from each edge to the next: that one excluded, except at the last.
    pub bins: Vec<usize>,
    /// Units that fire, but less than the first edge says.
    pub below: usize,
    /// Units that fire more than the last edge says.
    pub above: usize,
    /// Units that never fire.
    pub dead: usize,
}

impl Densities {
    /// From the number of samples on which each unit fires, and that of all.
    ///
    /// # Errors
    /// [`Error::NoSamples`] of 0 samples, [`Error::InvalidParameter`] without a unit or where one fires more often than there are
    /// samples.
    pub fn new(fired: impl Into<Vec<u64>>, samples: u64) -> Result<Self> {
        let fired = fired.into();
        if samples == 0 {
            return Err(Error::NoSamples { call: "Densities::new" });
        }
        require_count("the units of Densities", fired.len())?;
        let most = fired.iter().copied().max().unwrap_or(0);
        let requirement = "at most the number of samples";
        require(most <= samples, "how often a unit fires", most as f64, requirement)?;
        Ok(Self { fired, samples })
    }

    /// The number of units.
    pub fn units(&self) -> usize {
        self.fired.len()
    }

    /// The number of samples.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// On how many samples each unit fires.
    pub fn counts(&self) -> &[u64] {
        &self.fired
    }

    /// On which share of the samples each unit fires.
    pub fn shares(&self) -> Vec<f64> {
        self.fired.iter().map(|&fired| fired as f64 / self.samples as f64).collect()
    }

    /// The units that never fire.
    pub fn dead(&self) -> Vec<usize> {
        (0..self.units()).filter(|&unit| self.fired[unit] == 0).collect()
    }

    /// The share of units that never fire.
    pub fn dead_fraction(&self) -> f64 {
        self.fired.iter().filter(|&&fired| fired == 0).count() as f64 / self.units() as f64
    }

    /// The share of units that fire at least once.
    pub fn alive_fraction(&self) -> f64 {
        self.fired.iter().filter(|&&fired| fired > 0).count() as f64 / self.units() as f64
    }

    /// The share of units that fire on more than this share of the samples; usual are 0.01 and 0.1.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a share outside [0, 1].
    pub fn above(&self, share: f64) -> Result<f64> {
        require_fraction("Densities::above share", share)?;
        let dense = self.shares().into_iter().filter(|&density| density > share).count();
        Ok(dense as f64 / self.units() as f64)
    }

    /// So many and one edges of a [histogram](Self::log10_histogram) in which each unit that fires has its place: up to 0, and
    /// down to the whole tenth below the unit that fires least, a decade at least.
    #[cfg(any(feature = "html", feature = "plot"))]
    pub(crate) fn log10_edges(&self, bins: usize) -> Vec<f64> {
        let alive = self.shares().into_iter().filter(|&share| share > 0.0);
        let least = alive.map(f64::log10).fold(-1.0, f64::min);
        let least = (10.0 * least).floor() / 10.0;
        let width = -least / bins as f64;
        (0..bins).map(|bin| least + width * bin as f64).chain([0.0]).collect()
    }

    /// How many units have a log₁₀ density between two of these edges, which ascend: −3, −2, −1, 0, say. A unit that fires
    /// on one sample of a million has −6; dead units have none and are counted apart.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fewer than two edges, or edges that do not ascend, [`Error::EntryNotFinite`].
    pub fn log10_histogram(&self, edges: &[f64]) -> Result<DensityCounts> {
        let call = "Densities::log10_histogram";
        require(edges.len() >= 2, "the edges of a histogram", edges.len() as f64, "at least 2")?;
        if let Some(index) = edges.iter().position(|edge| !edge.is_finite()) {
            let value = Number(edges[index]);
            return Err(Error::EntryNotFinite { call, entry: "edge", index, value });
        }
        for pair in edges.windows(2) {
            let requirement = "greater than the one before it";
            require(pair[0] < pair[1], "an edge of a histogram", pair[1], requirement)?;
        }
        let bins = vec![0; edges.len() - 1];
        let mut counts = DensityCounts { bins, below: 0, above: 0, dead: 0 };
        for density in self.shares() {
            let log = density.log10();
            let passed = edges.partition_point(|&edge| edge <= log);
            match passed {
                _ if density == 0.0 => counts.dead += 1,
                0 => counts.below += 1,
                _ if passed < edges.len() => counts.bins[passed - 1] += 1,
                _ if log == edges[passed - 1] => counts.bins[passed - 2] += 1,
                _ => counts.above += 1,
            }
        }
        Ok(counts)
    }
}
