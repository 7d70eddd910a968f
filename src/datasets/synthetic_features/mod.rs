//! Data that is made of known features, as activations of networks are thought to be.

mod directions;
mod firing;
mod hierarchy;
mod model;
mod source;

use std::ops::RangeInclusive;
use std::sync::Arc;

pub use hierarchy::Hierarchy;
pub use model::KnownFeatures;
pub use source::FeatureSource;

use super::Generator;
use crate::batch::size::Size;
use crate::error::{Result, require, require_count, require_positive, require_weight, reserved};
use crate::numbers::scalar::Float;
use crate::random::StreamRng;
use firing::{Copula, Core, zipf};
use hierarchy::Families;

/// Options of data with known features: more of them than dimensions, of which few are on in a sample, after SynthSAEBench. Its
/// [`build`](Self::build) draws a [`KnownFeatures`], which makes samples and knows their dictionary and codes.
///
/// | option | default | meaning |
/// |---|---|---|
/// | [`seed`](Self::seed) | 0 | what all is drawn from |
/// | [`zipf`](Self::zipf) | 0.5, 5·10⁻⁴ to 0.4 | how often each feature is on |
/// | [`hierarchy`](Self::hierarchy) | none | features that are only on where another is |
/// | [`correlation`](Self::correlation) | none | features that are on together, or not, more often than by chance |
/// | [`magnitudes`](Self::magnitudes) | 5 to 4 | the mean of each feature where it is on |
/// | [`deviations`](Self::deviations) | 0.5, 0.5 | the standard deviation of each |
/// | [`bias`](Self::bias) | 0.5 | the norm of what is added to all samples |
/// | [`orthogonalize`](Self::orthogonalize) | 100, 3·10⁻⁴ | steps that move directions apart |
///
/// # Formula
/// x = b + Σᵢ cᵢ dᵢ, with cᵢ = max(0, N(μᵢ, σᵢ²)) where feature i fires and 0 where not. dᵢ are unit vectors, b has a uniform
/// direction.
///
/// # Shapes
/// x, b, dᵢ: the size that is given; c: features.
///
/// # Example
/// The settings of SynthSAEBench, which are for 16,384 features in 768 dimensions and 128 roots, at a fraction of the size:
/// ```
/// use autoencoder::datasets::{Hierarchy, SyntheticFeatures};
/// use autoencoder::nalgebra::Const;
///
/// let hierarchy = Hierarchy::new(4, 4, 3).exclusive(1.0).compensated().scaled_by_parent();
/// let features = SyntheticFeatures::new(512, Const::<64>)
///     .seed(42)
///     .hierarchy(hierarchy)
///     .correlation(25, 0.1)
///     .build::<f32>()?;
/// let (samples, codes) = features.draw(0..1000)?;
/// assert_eq!((samples.features(), codes.features(), samples.samples()), (64, 512, 1000));
/// assert_eq!(features.dictionary().samples(), 512); // a column for each feature
/// assert_eq!(features.parent(4), Some(0));
/// // Five million samples to train on need no room: a `Source` draws them as they are asked for.
/// let stream = features.source(1000..5_001_000)?;
/// # let _ = stream;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// D. Chanin, A. Garriga-Alonso (2026), SynthSAEBench: evaluating sparse autoencoders on scalable realistic synthetic data, for
/// the model and its numbers; drawn otherwise, so that samples differ. N. Elhage et al. (2022), Toy models of superposition.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticFeatures<R> {
    features: usize,
    size: R,
    seed: u64,
    exponent: f64,
    probabilities: (f64, f64),
    hierarchy: Option<Hierarchy>,
    correlation: Option<(usize, f64)>,
    magnitudes: (f64, f64),
    deviations: (f64, f64),
    bias: f64,
    orthogonalization: (usize, f64),
}

/// What all samples share, each drawn with randomness of its own: so an option changes nothing but what it is of.
#[derive(Debug, Clone, Copy)]
enum Shared {
    Directions,
    Bias,
    Deviations,
    Correlation,
    Hierarchy,
}

impl<R: Size> SyntheticFeatures<R> {
    /// So many features in samples of this size: `Const::<64>`, `Dyn(64)`.
    pub fn new(features: usize, size: R) -> Self {
        Self {
            features,
            size,
            seed: 0,
            exponent: 0.5,
            probabilities: (5e-4, 0.4),
            hierarchy: None,
            correlation: None,
            magnitudes: (5.0, 4.0),
            deviations: (0.5, 0.5),
            bias: 0.5,
            orthogonalization: (100, 3e-4),
        }
    }

    /// What everything is drawn from.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// How often features fire: from the greatest of these probabilities, for the first feature, to the least, falling as
    /// i^−exponent between. The exponent is finite and greater than 0; probabilities are above 0 and at most 1, and may
    /// be the same.
    ///
    /// # Formula
    /// pᵢ = p_min + (p_max − p_min) (i^−a − n^−a) / (1 − n^−a), i from 1 to n
    pub fn zipf(self, exponent: f64, probabilities: RangeInclusive<f64>) -> Self {
        Self { exponent, probabilities: probabilities.into_inner(), ..self }
    }

    /// Features that are only on where their parent is.
    pub fn hierarchy(self, hierarchy: Hierarchy) -> Self {
        Self { hierarchy: Some(hierarchy), ..self }
    }

    /// Correlates the firing of features by a Gaussian copula, whose correlations are Fᵀ F off the diagonal with F of `rank` rows,
    /// at least 1, and entries from N(0, scale²), scale finite and not negative. A column of F whose squares add up to more
    /// than 0.99 is made as short as that. How often a feature is drawn stays the same; how often one of a hierarchy is on does
    /// not, as there its parent and siblings are looked at, for which compensation takes all as independent.
    pub fn correlation(self, rank: usize, scale: f64) -> Self {
        Self { correlation: Some((rank, scale)), ..self }
    }

    /// The mean μᵢ of each feature where it fires, before what is negative becomes 0: from that of the first feature evenly to
    /// that of the last. Both from 10⁻⁶ to 10⁶.
    pub fn magnitudes(self, first: f64, last: f64) -> Self {
        Self { magnitudes: (first, last), ..self }
    }

    /// The standard deviation σᵢ of each feature, drawn once as |N(mean, deviation²)|; both finite and not negative. Of (0, 0)
    /// values are always the mean.
    pub fn deviations(self, mean: f64, deviation: f64) -> Self {
        Self { deviations: (mean, deviation), ..self }
    }

    /// The norm of the bias, finite and not negative.
    pub fn bias(self, norm: f64) -> Self {
        Self { bias: norm, ..self }
    }

    /// So many steps of Adam at this rate on Σᵢ≠ⱼ (dᵢ·dⱼ)² + n Σᵢ (‖dᵢ‖² − 1)² move the directions, which are uniform at
    /// first, apart; the time is that of as many products of features × features × dimensions, twice. 0 steps leave them. The
    /// rate is greater than 0 and at most 1.
    pub fn orthogonalize(self, steps: usize, rate: f64) -> Self {
        Self { orthogonalization: (steps, rate), ..self }
    }

    fn rng(&self, of: Shared) -> StreamRng {
        let mut rng = Generator::SyntheticFeatures.shared(self.seed);
        // Samples count from below.
        rng.set_stream(u64::MAX - of as u64);
        rng
    }

    fn check(&self) -> Result<()> {
        require_count("SyntheticFeatures features", self.features)?;
        require_count("SyntheticFeatures dimensions", self.size.value())?;
        require_positive("SyntheticFeatures zipf exponent", self.exponent)?;
        let (least, greatest) = self.probabilities;
        let is_least = least > 0.0 && least <= 1.0;
        require(is_least, "SyntheticFeatures zipf least probability", least, "in (0, 1]")?;
        let is_greatest = greatest >= least && greatest <= 1.0;
        let requirement = "from the least probability to 1";
        require(is_greatest, "SyntheticFeatures zipf greatest probability", greatest, requirement)?;
        for (name, mean) in [
            ("SyntheticFeatures magnitudes first", self.magnitudes.0),
            ("SyntheticFeatures magnitudes last", self.magnitudes.1),
        ] {
            // A parent's value is divided by its mean.
            require(mean >= 1e-6, name, mean, "at least 1e-6")?;
        }
        require_weight("SyntheticFeatures deviations mean", self.deviations.0)?;
        require_weight("SyntheticFeatures deviations deviation", self.deviations.1)?;
        require_weight("SyntheticFeatures bias", self.bias)?;
        let rate = self.orthogonalization.1;
        let is_rate = rate > 0.0 && rate <= 1.0;
        require(is_rate, "SyntheticFeatures orthogonalize rate", rate, "in (0, 1]")?;
        if let Some((rank, scale)) = self.correlation {
            require_count("SyntheticFeatures correlation rank", rank)?;
            require_weight("SyntheticFeatures correlation scale", scale)?;
        }
        // So that no sample can be beyond what its number type holds.
        for (name, value) in [
            ("SyntheticFeatures magnitudes first", self.magnitudes.0),
            ("SyntheticFeatures magnitudes last", self.magnitudes.1),
            ("SyntheticFeatures deviations mean", self.deviations.0),
            ("SyntheticFeatures deviations deviation", self.deviations.1),
            ("SyntheticFeatures bias", self.bias),
            (
                "SyntheticFeatures correlation scale",
                self.correlation.map_or(0.0, |(_, scale)| scale),
            ),
        ] {
            require(value <= 1e6, name, value, "at most 1e6")?;
        }
        Ok(())
    }

    /// Draws the features.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for an option that is out of its range (or, where it is a magnitude,
    /// above 10⁶), for features [scaled by their parents](Hierarchy::scaled_by_parent) whose values might be more than the number
    /// type holds, and for more values than memory holds.
    pub fn build<T: Float>(&self) -> Result<KnownFeatures<T, R>> {
        self.check()?;
        let (features, dimensions) = (self.features, self.size.value());
        // What is made of each feature is little beside its direction, which is asked for first.
        let shape = (dimensions, features);
        let mut rng = self.rng(Shared::Directions);
        let directions = directions::directions(shape, self.orthogonalization, &mut rng)?;
        let mut families = Families::none(features);
        if let Some(hierarchy) = self.hierarchy {
            families = hierarchy.families(features, &mut self.rng(Shared::Hierarchy))?;
        }
        let wanted = zipf(features, self.exponent, self.probabilities.0, self.probabilities.1);
        let is = |of: fn(&Hierarchy) -> bool| self.hierarchy.as_ref().is_some_and(of);
        let drawn = match is(|hierarchy| hierarchy.is_compensated) {
            true => families.compensated(&wanted),
            false => wanted.clone(),
        };
        let copula = match self.correlation {
            Some((rank, scale)) => {
                Some(Copula::new(rank, scale, &drawn, &mut self.rng(Shared::Correlation))?)
            }
            None => None,
        };
        let mut rng = self.rng(Shared::Deviations);
        let (mean, deviation) = self.deviations;
        let deviations =
            (0..features).map(|_| (mean + deviation * f64::draw_normal(&mut rng)).abs());
        let last = features.saturating_sub(1).max(1) as f64;
        let (from, to) = self.magnitudes;
        let core = Core {
            seed: self.seed,
            dimensions,
            directions,
            bias: self.drawn_bias(),
            wanted,
            drawn,
            means: (0..features).map(|i| from + (to - from) * i as f64 / last).collect(),
            deviations: deviations.collect(),
            families,
            is_scaled: is(|hierarchy| hierarchy.is_scaled),
            copula,
        };
        // Of a million samples of a million features not one has a normal draw as far out as ten deviations.
        let largest = core.largest(10.0);
        require(
            T::of(largest).is_finite(),
            "the sum of all values that SyntheticFeatures might draw",
            largest,
            "what the number type holds: take smaller deviations, or do not scale by parents",
        )?;
        let mut dictionary = reserved("the values of a dictionary", core.directions.len())?;
        dictionary.extend(core.directions.iter().map(|&x| T::of(x)));
        KnownFeatures::new(Arc::new(core), self.size, dictionary)
    }

    fn drawn_bias(&self) -> Vec<f64> {
        let mut rng = self.rng(Shared::Bias);
        let bias: Vec<f64> = (0..self.size.value()).map(|_| f64::draw_normal(&mut rng)).collect();
        let norm = bias.iter().map(|x| x * x).sum::<f64>().sqrt();
        bias.into_iter().map(|x| self.bias * x / norm).collect()
    }
}
