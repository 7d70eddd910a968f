use super::assignment::least;
use super::atoms::{Directions, greatest};
use crate::batch::BatchView;
use crate::error::{Result, require_fraction, require_size, reserved};
use crate::numbers::scalar::Float;

/// A feature of a known dictionary, a unit of a learned one, and how much their atoms are alike.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Match {
    /// Index of the atom in the known dictionary.
    pub feature: usize,
    /// Index of the atom in the learned one.
    pub unit: usize,
    /// |cos| of the two.
    pub cosine: f64,
}

/// What became of the features of a known dictionary. Made by [`Matching::findings`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// Features that were found: their partner is alike enough.
    pub found: Vec<usize>,
    /// Features that were not.
    pub missed: Vec<usize>,
    /// Features that are split, with the units that share each: several that have it as their best match, each alike
    /// enough. One of them may be its partner, so that it is found as well.
    pub split: Vec<(usize, Vec<usize>)>,
}

/// A learned dictionary beside a known one, atom by atom, by |cos|: the sign of an atom does not count, nor does its norm;
/// one of norm 0 has the cosine 0 with any.
///
/// Partners are one-to-one, and chosen so that the sum of their |cos| is the greatest (see [`assignment`](super::assignment), also
/// for the time it takes); a best match is the most alike of all, and several may have the same.
///
/// | measure | formula |
/// |---|---|
/// | [`mean_correlation`](Self::mean_correlation) | MCC: the mean \|cos\| of partners |
/// | [`mean_max_cosine`](Self::mean_max_cosine) | MMCS: mean over known features i of maxⱼ \|cos(i, j)\| |
/// | [`mean_max_cosine_of_units`](Self::mean_max_cosine_of_units) | the same over units j, of maxᵢ |
/// | [`uniqueness`](Self::uniqueness) | features that are the best match of a unit, in units |
///
/// # Shapes
/// `known`: dimensions × features, one atom a column; `learned`: dimensions × units.
///
/// # Example
/// ```
/// use autoencoder::{Batch, metrics::dictionary::Matching};
/// let known = Batch::from_iter([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
/// let learned = Batch::from_iter([[0.0, -2.0, 0.0], [1.0, 0.0, 0.0], [0.96, 0.28, 0.0]]);
/// let matching = Matching::new(known.view(), learned.view())?;
/// assert!((matching.mean_max_cosine() - 2.0 / 3.0).abs() < 1e-15); // 1, 1, and nothing like the third
/// assert_eq!(matching.uniqueness(), 2.0 / 3.0);
/// let findings = matching.findings(0.9)?;
/// assert_eq!((findings.found, findings.missed), (vec![0, 1], vec![2]));
/// assert_eq!(findings.split, [(0, vec![1, 2])]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// L. Sharkey, D. Braun, B. Millidge (2022), Taking features out of superposition with sparse autoencoders: MMCS. X. Song et
/// al. (2025), Mechanistic interpretability should prioritize feature consistency in SAEs: MCC.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    partners: Vec<Match>,
    of_features: Vec<Match>,
    of_units: Vec<Match>,
}

impl Matching {
    /// Compares two dictionaries.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) for atoms of different sizes,
    /// [`Error::NoSamples`](crate::Error::NoSamples) and [`Error::NotFinite`](crate::Error::NotFinite) for either, and
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for values beyond ±10¹⁰⁰ and for more cosines (features × units)
    /// than memory holds.
    pub fn new<T: Float>(known: BatchView<'_, T>, learned: BatchView<'_, T>) -> Result<Self> {
        let call = "Matching::new";
        Self::of(Directions::new(call, known)?, Directions::new(call, learned)?)
    }

    fn of(known: Directions, learned: Directions) -> Result<Self> {
        require_size("Matching::new", "features", known.features(), learned.features())?;
        // Of the two sides the smaller has partners for all, and lies outermost.
        let is_known_smaller = known.count <= learned.count;
        let (few, many) = if is_known_smaller { (&known, &learned) } else { (&learned, &known) };
        let of = |of_few: usize, of_many: usize, cosine: f64| {
            let (feature, unit) =
                if is_known_smaller { (of_few, of_many) } else { (of_many, of_few) };
            Match { feature, unit, cosine }
        };
        let all = few.count.saturating_mul(many.count);
        let mut costs: Vec<f64> = reserved("the cosines of two dictionaries", all)?;
        let mut best_of_few = Vec::with_capacity(few.count);
        let mut best_of_many: Vec<Match> = (0..many.count).map(|at| of(0, at, -1.0)).collect();
        many.cosines(few, |of_few, cosines| {
            let (of_many, most) = greatest(cosines.iter().enumerate());
            best_of_few.push(of(of_few, of_many, most));
            for (of_many, (best, cosine)) in best_of_many.iter_mut().zip(cosines).enumerate() {
                if cosine.abs() > best.cosine {
                    *best = of(of_few, of_many, cosine.abs());
                }
            }
            costs.extend(cosines.iter().map(|cosine| -cosine.abs()));
        })?;
        let partners = least(few.count, many.count, &costs)?.into_iter().enumerate();
        let cosine = |of_few: usize, of_many: usize| -costs[of_few * many.count + of_many];
        let mut partners: Vec<Match> =
            partners.map(|(few, many)| of(few, many, cosine(few, many))).collect();
        partners.sort_by_key(|partner| partner.feature);
        let (of_features, of_units) = match is_known_smaller {
            true => (best_of_few, best_of_many),
            false => (best_of_many, best_of_few),
        };
        Ok(Self { partners, of_features, of_units })
    }

    /// The mean |cos| of partners (MCC): as many as there are features or units, of whichever there are fewer.
    pub fn mean_correlation(&self) -> f64 {
        mean(&self.partners)
    }

    /// The mean over the known features of the largest |cos| with any unit (MMCS).
    pub fn mean_max_cosine(&self) -> f64 {
        mean(&self.of_features)
    }

    /// The mean over the units of the largest |cos| with any known feature.
    pub fn mean_max_cosine_of_units(&self) -> f64 {
        mean(&self.of_units)
    }

    /// The number of features that are the best match of at least one unit, in units: 1 where no two have the same. A unit whose
    /// atom has norm 0, or is orthogonal to all features, matches none.
    pub fn uniqueness(&self) -> f64 {
        let mut is_matched = vec![false; self.of_features.len()];
        for best in self.of_units.iter().filter(|best| best.cosine > 0.0) {
            is_matched[best.feature] = true;
        }
        is_matched.into_iter().filter(|&is_matched| is_matched).count() as f64
            / self.of_units.len() as f64
    }

    /// The partners, in the order of the known features.
    pub fn partners(&self) -> &[Match] {
        &self.partners
    }

    /// The best match of each known feature among the units; of equal ones the first.
    pub fn best_units(&self) -> &[Match] {
        &self.of_features
    }

    /// The best match of each unit among the known features; of equal ones the first, also where all have the cosine 0.
    pub fn best_features(&self) -> &[Match] {
        &self.of_units
    }

    /// Which features were found, missed and split, where atoms are alike enough if their |cos| is above this threshold.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a threshold outside [0, 1].
    pub fn findings(&self, threshold: f64) -> Result<Findings> {
        require_fraction("Matching::findings threshold", threshold)?;
        let features = self.of_features.len();
        let mut is_found = vec![false; features];
        for partner in self.partners.iter().filter(|partner| partner.cosine > threshold) {
            is_found[partner.feature] = true;
        }
        let mut sharing = vec![Vec::new(); features];
        for best in self.of_units.iter().filter(|best| best.cosine > threshold) {
            sharing[best.feature].push(best.unit);
        }
        let split = sharing.into_iter().enumerate().filter(|(_, units)| units.len() > 1).collect();
        let (found, missed) = (0..features).partition(|&feature| is_found[feature]);
        Ok(Findings { found, missed, split })
    }
}

fn mean(matches: &[Match]) -> f64 {
    matches.iter().map(|of| of.cosine).sum::<f64>() / matches.len() as f64
}
