use std::ops::Range;
use std::sync::Arc;

use rand::{Rng, RngExt};

use super::cells::Cells;
use super::{Corruption, below};
use crate::batch::size::Size;
use crate::batch::{Batch, check_present};
use crate::code::Facts;
use crate::data::Normalizer;
use crate::error::{Result, require_fit, require_fraction, require_size};
use crate::numbers::scalar::{Float, digest_of_values, is_nan};

/// Puts the value of another row into each cell with a given probability: noise that has every column's own distribution,
/// whatever its kind, so that the encoder cannot tell a wrong value by itself, but only by the others of its row.
///
/// The other rows are given when it is made, as a rule those of the training, and each is as likely for each cell. So what
/// a row is given depends on the seed and on the row alone, and not on the rows that come with it. Where either value is
/// missing, NaN, it stays as it is.
///
/// | setting | meaning | default | range |
/// |---|---|---|---|
/// | `rate` | the probability of each cell | 0.15 in the reference | \[0, 1\] |
/// | `rows` | where values come from | | at least one row |
/// | [`normalized_by`](Self::normalized_by) | the model's normalizer, which a model with one needs here | none | |
/// | [`cell`](Self::cell), [`cells`](Self::cells) | features that come from the same row | each for itself | |
///
/// # Formula
/// x̃_c = x⁽ʲ⁾_c with probability `rate`, j uniform among the rows, and x_c else; for each cell c
///
/// # Example
/// ```
/// use autoencoder::{Batch, Denoising, Normalizer, corruption::SwapNoise, data::Normalization};
/// let rows = Batch::from_iter([[20.0, 0.0, 1.0], [30.0, 1.0, 0.0]]); // °C, and one of two categories
/// let normalizer = Normalizer::fit(Normalization::Standardize, &rows)?.leaving(1..3)?;
/// let swaps = Denoising::new(SwapNoise::new(0.15, &rows)?.normalized_by(&normalizer)?.cell(1..3)?);
/// # let _ = swaps;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// M. Jahrer (2017), 1st place with representation learning, the solution of Kaggle's Porto Seguro's Safe Driver
/// Prediction.
#[derive(Debug, Clone, PartialEq)]
pub struct SwapNoise<T> {
    rate: f64,
    cells: Cells,
    /// The rows as the encoder takes them, one after the other.
    rows: Arc<[T]>,
    features: usize,
    /// What brought them there, if anything did.
    normalizer: Option<Normalizer>,
}

const PART: &str = "the rows of SwapNoise";

impl<T: Float> SwapNoise<T> {
    /// With the probability that a cell is swapped, in [0, 1], and the rows that values come from, of which a copy is kept.
    /// They are rows as the encoder takes them: of a model with a normalizer see [`normalized_by`](Self::normalized_by).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) outside that range;
    /// [`Error::NoSamples`](crate::Error::NoSamples) for no rows, and [`Error::NotFinite`](crate::Error::NotFinite) for
    /// infinity in them.
    pub fn new<R: Size>(rate: f64, rows: &Batch<T, R>) -> Result<Self> {
        require_fraction("SwapNoise rate", rate)?;
        let features = rows.features();
        check_present("SwapNoise::new", features, rows.view())?;
        let (cells, rows) = (Cells::default(), rows.as_slice().into());
        Ok(Self { rate, cells, rows, features, normalizer: None })
    }

    /// With the rows behind the model's normalizer. A model with another one, or with one where this was not called, is
    /// refused when it is built; without one, where this was called, when it is trained.
    ///
    /// # Errors
    /// As [`Normalizer::apply`], which refuses NaN unless the normalizer
    /// [takes missing values](Normalizer::fit_with_missing); [`Error::Unfit`](crate::Error::Unfit) if it was called before.
    pub fn normalized_by(self, normalizer: &Normalizer) -> Result<Self> {
        let is_first = self.normalizer.is_none();
        require_fit(
            is_first,
            PART,
            "are normalized already",
            "call `SwapNoise::normalized_by` once",
        )?;
        let mut rows = self.rows.to_vec();
        normalizer.apply(crate::batch::BatchViewMut::new(&mut rows, self.features))?;
        Ok(Self { rows: rows.into(), normalizer: Some(normalizer.clone()), ..self })
    }

    /// With ranges of features that come from the same row, in ascending order, as those of a category in one-hot features
    /// must; each other feature is a cell of its own.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a range that is empty or begins in the one before.
    pub fn cells(self, cells: impl IntoIterator<Item = Range<usize>>) -> Result<Self> {
        Ok(Self { cells: Cells::new(cells)?, ..self })
    }

    /// With one more range of features that come from the same row, as those of a category in one-hot features must, behind
    /// those before it.
    ///
    /// # Errors
    /// As [`cells`](Self::cells).
    pub fn cell(self, features: Range<usize>) -> Result<Self> {
        Ok(Self { cells: self.cells.with(features)?, ..self })
    }
}

impl<T: Float> Corruption<T> for SwapNoise<T> {
    fn describe(&self) -> String {
        let (rate, rows, digest) =
            (self.rate, self.rows.len() / self.features, digest_of_values(&self.rows));
        let cells = self.cells.describe();
        format!("SwapNoise {{ rate: {rate:?}, rows: {rows} of digest {digest}{cells} }}")
    }

    fn check(&self, facts: &Facts) -> Result<()> {
        require_size(PART, "features", facts.features, self.features)?;
        self.cells.check("the cells of SwapNoise", facts.features)
    }

    fn check_normalizer(&self, normalizer: Option<&Normalizer>) -> Result<()> {
        let is_same = match (&self.normalizer, normalizer) {
            (Some(own), of_model) => own.does_as(of_model),
            (None, of_model) => of_model.is_none_or(|normalizer| normalizer.does_as(None)),
        };
        let (fault, remedy) = match &self.normalizer {
            None => (
                "are not normalized, and the model has a normalizer",
                "call `SwapNoise::normalized_by` with the normalizer of the model",
            ),
            Some(_) => (
                "are not normalized as the model's samples are",
                "give `SwapNoise::normalized_by` and the model the same normalizer",
            ),
        };
        require_fit(is_same, PART, fault, remedy)
    }

    fn corrupt(&self, sample: &mut [T], rng: &mut dyn Rng) {
        for cell in self.cells.of(self.features) {
            if rng.random::<f64>() >= self.rate {
                continue;
            }
            let row = below(self.rows.len() / self.features, rng) * self.features;
            let other = &self.rows[row + cell.start..row + cell.end];
            let own = &mut sample[cell];
            if !own.iter().chain(other).any(|&x| is_nan(x)) {
                own.copy_from_slice(other);
            }
        }
    }
}
