use crate::batch::size::{SameSize, Size};
use crate::batch::{Batch, check_finite};
use crate::error::{Result, require};
use crate::insight::health::evenly;
use crate::metrics::{Neighbors, nearest};
use crate::numbers::scalar::{Float, quantile_of_sorted};

/// Training samples whose own neighbours tell what distance is typical.
const ASKED: usize = 2000;

/// The nearest training sample of each generated one. Made by [`nearest_training`].
#[derive(Debug, Clone, PartialEq)]
pub struct NearestTraining {
    neighbors: Neighbors,
    typical: f64,
}

impl NearestTraining {
    /// How many generated samples there are.
    pub fn samples(&self) -> usize {
        self.neighbors.queries()
    }

    /// Which training sample is nearest to each generated one.
    pub fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.samples()).map(|sample| self.neighbors.indices(sample)[0])
    }

    /// How far it is.
    pub fn distances(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.samples()).map(|sample| self.neighbors.distances(sample)[0])
    }

    /// The distance that is typical between a training sample and its nearest other: the median.
    pub fn typical(&self) -> f64 {
        self.typical
    }

    /// How far it is in parts of the typical distance: 0 for a copy, about 1 for a sample that is as new
    /// as training samples are to each other.
    ///
    /// Where the typical distance is 0 (most training samples are there twice), it is 0 for a copy and
    /// infinite for all others.
    pub fn ratios(&self) -> impl Iterator<Item = f64> + '_ {
        self.distances().map(|distance| if distance == 0.0 { 0.0 } else { distance / self.typical })
    }

    /// The generated samples whose ratio is at most this: those to be suspected of being copies.
    pub fn copies(&self, ratio: f64) -> Vec<usize> {
        let ratios = self.ratios().enumerate();
        ratios.filter(|&(_, found)| found <= ratio).map(|(sample, _)| sample).collect()
    }
}

/// The nearest training sample of each generated one, and whether it is nearer than training samples are
/// to each other: is it a copy?
///
/// # Meaning
/// Distances are Euclidean, between samples as they are given: compare normalized ones where features are
/// of different scale. What is typical is the median distance between a training sample and its nearest
/// other one, over at most 2,000 training samples spread evenly over the batch. Autoencoders blur, and a
/// blurred image is nearer to all others than a sharp one: held-out samples that were reconstructed are a
/// fair comparison.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for less than two training samples;
/// [`Error::NotFinite`](crate::Error::NotFinite) and [`Error::NoSamples`](crate::Error::NoSamples) for either
/// batch, [`Error::SizeMismatch`](crate::Error::SizeMismatch) if they differ in their features.
///
/// # Example
/// ```
/// use autoencoder::{Batch, latent::nearest_training};
/// let train = Batch::from_iter([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [5.0, 5.0]]);
/// let found = nearest_training(&train, &Batch::from_iter([[1.0, 1.0], [5.0, 3.0]]))?;
/// assert_eq!(found.indices().collect::<Vec<_>>(), [2, 3]);
/// assert_eq!(found.typical(), 1.0); // the median of 1, 1, 1 and √32
/// assert_eq!(found.ratios().collect::<Vec<_>>(), [0.0, 2.0]);
/// assert_eq!(found.copies(0.1), [0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// C. Meehan, K. Chaudhuri, S. Dasgupta (2020), A non-parametric test to detect data-copying in generative
/// models.
pub fn nearest_training<T: Float, R: Size, S: Size + SameSize<R>>(
    train: &Batch<T, R>,
    samples: &Batch<T, S>,
) -> Result<NearestTraining> {
    const { <S as SameSize<R>>::FITS };
    check_finite("nearest_training", train.features(), train.view())?;
    check_finite("nearest_training", train.features(), samples.view())?;
    let count = train.samples();
    require(count >= 2, "nearest_training training samples", count as f64, "at least 2")?;
    let neighbors = nearest(train, &samples.clone().with_size(train.size())?, 1)?;
    let others = nearest(train, &train.select(evenly(count, ASKED)), 2)?;
    // The first is the sample itself, or one that is the same.
    let to_other = |query| others.distances(query)[1];
    let mut distances: Vec<f64> = (0..others.queries()).map(to_other).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let typical = quantile_of_sorted(&distances, 0.5);
    Ok(NearestTraining { neighbors, typical })
}
