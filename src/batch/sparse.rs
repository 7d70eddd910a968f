//! Samples of which most values are zero, as pairs of a place and a value.

use nalgebra::Dyn;

use super::size::Size;
use super::{Batch, BatchView};
use crate::error::{Error, Result, require, require_size};
use crate::numbers::scalar::Float;

/// Many samples of which most values are zero: of each sample the values that are not, with their places.
///
/// It is what a sparse code is: of 16,384 units, say, the 32 that are active. Sample after sample lies behind one
/// another, in each the places ascend; a value that is stored may be 0, and then counts as if it were not.
///
/// # Shapes
/// [`features`](Self::features) rows (of a code: units) × [`samples`](Self::samples) columns.
///
/// # Example
/// ```
/// use autoencoder::SparseBatch;
///
/// let codes = SparseBatch::new(5, [([1, 4], [0.5, 2.0]), ([0, 2], [1.0, 3.0])])?;
/// assert_eq!((codes.features(), codes.samples()), (5, 2));
/// assert_eq!(codes.sample(1).indices(), [0, 2]);
/// assert_eq!(codes.to_dense().sample(0), [0.0, 0.5, 0.0, 0.0, 2.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SparseBatch<T> {
    features: usize,
    /// Where each sample begins, and where the last one ends.
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<T>,
}

/// One sample of a [`SparseBatch`].
#[derive(Debug, Clone, Copy)]
pub struct SparseSample<'a, T> {
    indices: &'a [u32],
    values: &'a [T],
}

impl<'a, T: Float> SparseSample<'a, T> {
    /// The places, which ascend.
    pub fn indices(&self) -> &'a [u32] {
        self.indices
    }

    /// The value at each of these places.
    pub fn values(&self) -> &'a [T] {
        self.values
    }

    /// Places and values, those that are 0 left out.
    pub fn iter(&self) -> impl Iterator<Item = (usize, T)> + use<'a, T> {
        let pairs = self.indices.iter().zip(self.values);
        pairs.map(|(&index, &value)| (index as usize, value)).filter(|&(_, value)| value != T::ZERO)
    }

    /// The number of values that are not 0.
    pub fn count(&self) -> usize {
        self.values.iter().filter(|&&value| value != T::ZERO).count()
    }
}

impl<T: Float> SparseBatch<T> {
    /// From places and values of each sample; places ascend and are below `features`.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] where a sample has another number of places than of values,
    /// [`Error::InvalidParameter`] for a place that is not above the one before it or not below `features`, and for
    /// more than 2³² features.
    pub fn new<I, V>(features: usize, samples: impl IntoIterator<Item = (I, V)>) -> Result<Self>
    where
        I: AsRef<[u32]>,
        V: AsRef<[T]>,
    {
        let mut batch = Self::checked(features)?;
        for (indices, values) in samples {
            let (indices, values) = (indices.as_ref(), values.as_ref());
            require_size("SparseBatch::new", "values", indices.len(), values.len())?;
            let mut least = 0;
            for &index in indices {
                let is_next = index as usize >= least && (index as usize) < features;
                let requirement = "above the one before it, and below the number of features";
                require(is_next, "a place of a sparse sample", f64::from(index), requirement)?;
                least = index as usize + 1;
            }
            batch.indices.extend_from_slice(indices);
            batch.values.extend_from_slice(values);
            batch.starts.push(batch.values.len());
        }
        Ok(batch)
    }

    /// The values of dense samples that are not 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for more than 2³² features.
    pub fn from_dense<R: Size>(dense: &Batch<T, R>) -> Result<Self> {
        let mut batch = Self::checked(dense.features())?;
        dense.iter().for_each(|sample| batch.push_dense(sample));
        Ok(batch)
    }

    /// Without samples.
    pub(crate) fn empty(features: usize) -> Self {
        Self { features, starts: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    fn checked(features: usize) -> Result<Self> {
        let requirement = "at most 2³²";
        let fits = u32::try_from(features.saturating_sub(1)).is_ok();
        require(fits, "the features of a sparse batch", features as f64, requirement)?;
        Ok(Self::empty(features))
    }

    /// The number of features, zeros included.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.starts.len() - 1
    }

    /// One sample.
    ///
    /// # Panics
    /// If there is no such sample, as indexing a slice does.
    pub fn sample(&self, index: usize) -> SparseSample<'_, T> {
        let range = self.starts[index]..self.starts[index + 1];
        SparseSample { indices: &self.indices[range.clone()], values: &self.values[range] }
    }

    /// The samples one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SparseSample<'_, T>> {
        (0..self.samples()).map(|index| self.sample(index))
    }

    /// The number of values that are not 0, of all samples together.
    pub fn count(&self) -> usize {
        self.values.iter().filter(|&&value| value != T::ZERO).count()
    }

    /// With the zeros: `features × samples` values.
    pub fn to_dense(&self) -> Batch<T, Dyn> {
        let mut dense = Batch::zeros(Dyn(self.features), self.samples());
        let columns = dense.as_mut_slice().chunks_exact_mut(self.features.max(1));
        for (column, sample) in columns.zip(self.iter()) {
            sample.iter().for_each(|(index, value)| column[index] = value);
        }
        dense
    }

    /// Appends samples with as many features.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if they have another number of features.
    pub fn append(&mut self, other: &Self) -> Result<()> {
        require_size("SparseBatch::append", "features", self.features, other.features)?;
        let first = self.values.len();
        self.indices.extend_from_slice(&other.indices);
        self.values.extend_from_slice(&other.values);
        self.starts.extend(other.starts[1..].iter().map(|&start| first + start));
        Ok(())
    }

    /// Forgets all samples and keeps the memory.
    pub(crate) fn clear(&mut self, features: usize) {
        self.features = features;
        self.starts.truncate(1);
        self.indices.clear();
        self.values.clear();
    }

    /// Makes room for so many values.
    pub(crate) fn reserve(&mut self, values: usize) {
        self.indices.reserve(values);
        self.values.reserve(values);
    }

    /// Appends a value to the sample that is being written; its place is above those before it.
    pub(crate) fn push_value(&mut self, index: usize, value: T) {
        self.indices.push(index as u32);
        self.values.push(value);
    }

    /// Ends the sample that is being written.
    pub(crate) fn end_sample(&mut self) {
        self.starts.push(self.values.len());
    }

    /// Appends a sample with its zeros.
    pub(crate) fn push_dense(&mut self, sample: &[T]) {
        for (index, &value) in sample.iter().enumerate().filter(|&(_, &value)| value != T::ZERO) {
            self.push_value(index, value);
        }
        self.end_sample();
    }

    /// All values that are stored, sample after sample.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// Changes each value, given its place.
    pub(crate) fn change_values(&mut self, change: impl Fn(usize, T) -> T) {
        for (&index, value) in self.indices.iter().zip(&mut self.values) {
            *value = change(index as usize, *value);
        }
    }

    /// Becomes samples with the same places and these values.
    pub(crate) fn copy_places(&mut self, other: &Self, values: &[T]) {
        self.features = other.features;
        self.starts.clone_from(&other.starts);
        self.indices.clone_from(&other.indices);
        self.values.clear();
        self.values.extend_from_slice(values);
    }

    /// The place of each of them.
    pub(crate) fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Where each sample begins among them, and where the last one ends.
    pub(crate) fn starts(&self) -> &[usize] {
        &self.starts
    }
}

/// The same values at the same places, zeros left out.
impl<T: Float> PartialEq for SparseBatch<T> {
    fn eq(&self, other: &Self) -> bool {
        self.features == other.features && self.iter().eq(other.iter())
    }
}

/// The same values at the same places, zeros left out.
impl<T: Float> PartialEq for SparseSample<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Float> TryFrom<BatchView<'_, T>> for SparseBatch<T> {
    type Error = Error;
    fn try_from(dense: BatchView<'_, T>) -> Result<Self> {
        let mut batch = Self::checked(dense.features())?;
        dense.iter().for_each(|sample| batch.push_dense(sample));
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Const;

    use super::*;

    #[test]
    fn there_and_back() -> Result<()> {
        let dense = Batch::from_iter([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 3.0]]);
        let sparse = SparseBatch::from_dense(&dense)?;
        assert_eq!((sparse.features(), sparse.samples(), sparse.count()), (3, 3, 3));
        let counts: Vec<_> = sparse.iter().map(|sample| sample.count()).collect();
        assert_eq!(counts, [1, 0, 2]);
        assert_eq!(sparse.to_dense().with_features::<3>()?, dense);
        assert_eq!(SparseBatch::try_from(dense.view())?, sparse);
        Ok(())
    }

    #[test]
    fn a_stored_zero_counts_as_none() -> Result<()> {
        let sparse = SparseBatch::new(4, [([0, 3], [0.0, 1.0])])?;
        assert_eq!((sparse.count(), sparse.sample(0).count()), (1, 1));
        assert_eq!(sparse, SparseBatch::new(4, [([3], [1.0])])?);
        assert_eq!(sparse.sample(0).iter().collect::<Vec<_>>(), [(3, 1.0)]);
        Ok(())
    }

    #[test]
    fn appended_samples_stand_behind() -> Result<()> {
        let mut all = SparseBatch::from_dense(&Batch::new(Const::<2>, vec![1.0, 0.0])?)?;
        all.append(&SparseBatch::new(2, [([0, 1], [2.0, 3.0])])?)?;
        assert_eq!(all.to_dense().as_slice(), [1.0, 0.0, 2.0, 3.0]);
        assert!(matches!(all.append(&SparseBatch::empty(3)), Err(Error::SizeMismatch { .. })));
        Ok(())
    }

    #[test]
    fn wrong_places_are_refused() {
        for indices in [[1, 1], [2, 1], [0, 3]] {
            let refused = SparseBatch::new(3, [(indices, [1.0, 2.0])]);
            assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{indices:?}");
        }
        let refused = SparseBatch::new(3, [(vec![0], vec![1.0, 2.0])]);
        assert!(matches!(refused, Err(Error::SizeMismatch { .. })));
        assert!(matches!(
            SparseBatch::<f32>::checked((1 << 32) + 1),
            Err(Error::InvalidParameter { .. })
        ));
    }
}
