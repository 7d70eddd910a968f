use std::ops::Range;

use rand::{Rng, RngExt};

use super::Corruption;
use super::cells::Cells;
use crate::code::Facts;
use crate::error::{Result, require_fraction};
use crate::numbers::scalar::Float;

/// Makes values of a row missing, each with a given probability: masking for tables. The encoder sees in their place what
/// it sees where a value is missing in the data, so that a model learns to do without it, whatever it is.
///
/// It is for models whose normalizer [takes missing values](crate::Normalizer::fit_with_missing), also where the data lacks
/// none; others are refused when they are built, with [`Error::Unfit`](crate::Error::Unfit). What is compared with the
/// outputs are the values themselves, where they are there.
///
/// | setting | meaning | default | range |
/// |---|---|---|---|
/// | `rate` | the probability of each cell | | \[0, 1\] |
/// | [`cell`](Self::cell), [`cells`](Self::cells) | features that are missing together | each for itself | |
///
/// # Example
/// ```
/// use autoencoder::{Denoising, corruption::Absences};
/// let measures_and_a_category = Denoising::new(Absences::new(0.2)?.cell(3..7)?); // features 3 to 6 are one-hot
/// # let _ = measures_and_a_category;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol (2010), Stacked denoising autoencoders: learning useful
/// representations in a deep network with a local denoising criterion, section 3.3, masking noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Absences {
    rate: f64,
    cells: Cells,
}

impl Absences {
    /// With the probability that a cell is made missing, in [0, 1].
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range.
    pub fn new(rate: f64) -> Result<Self> {
        require_fraction("Absences rate", rate)?;
        Ok(Self { rate, cells: Cells::default() })
    }

    /// With ranges of features that are missing together, in ascending order, as those of a category in one-hot features
    /// are; each other feature is a cell of its own.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a range that is empty or begins in the one before.
    pub fn cells(self, cells: impl IntoIterator<Item = Range<usize>>) -> Result<Self> {
        Ok(Self { cells: Cells::new(cells)?, ..self })
    }

    /// With one more range of features that are missing together, as those of a category in one-hot features are, behind
    /// those before it.
    ///
    /// # Errors
    /// As [`cells`](Self::cells).
    pub fn cell(self, features: Range<usize>) -> Result<Self> {
        Ok(Self { cells: self.cells.with(features)?, ..self })
    }
}

impl<T: Float> Corruption<T> for Absences {
    fn describe(&self) -> String {
        format!("Absences {{ rate: {:?}{} }}", self.rate, self.cells.describe())
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        self.cells.check("the cells of Absences", facts.features)
    }

    fn makes_missing(&self) -> bool {
        true
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        for cell in self.cells.of(sample.len()) {
            if rng.random::<f64>() < self.rate {
                sample[cell].fill(T::of(f64::NAN));
            }
        }
    }
}
