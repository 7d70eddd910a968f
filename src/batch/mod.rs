//! Samples as columns: owned batches, views of them, and single samples.

pub(crate) mod by_feature;
pub(crate) mod sample_weights;
pub mod size;
pub(crate) mod sparse;
mod view;

use std::sync::atomic::{AtomicBool, Ordering};

use nalgebra::{
    Const, DMatrix, DefaultAllocator, Dim, Dyn, OMatrix, OVector, VecStorage, allocator::Allocator,
};

use crate::error::{Error, Number, Result, require_size};
use crate::numbers::parallel;
use crate::numbers::scalar::{Float, all_finite, count_present, is_nan};
use size::{Image, Size, Window};
pub use view::{BatchView, BatchViewMut};

/// Many samples: a `features × samples` matrix, stored column by column on the heap.
///
/// A sample is a column and so lies contiguous in memory. The number of features is a type: a [`Size`], such as
/// `Const<N>`, an [`Image<C, H, W>`](size::Image), or `Dyn` where only the data knows it. The number of samples is a
/// run-time number.
///
/// # Shapes
/// `R` features (rows) × [`samples`](Batch::samples) (columns).
///
/// # Example
/// ```
/// use autoencoder::{Batch, nalgebra::Const};
///
/// let batch = Batch::from_iter([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
/// assert_eq!((batch.features(), batch.samples()), (2, 3));
/// assert_eq!(batch.sample(1), [3.0, 4.0]);
///
/// let from_slice = Batch::new(Const::<2>, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(batch, from_slice);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<T, R> {
    data: Vec<T>,
    rows: R,
}

impl<T: Float, R: Size> Batch<T, R> {
    /// Takes over a buffer that holds one sample after the other.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] unless its length is a multiple of the features.
    pub fn new(rows: R, data: Vec<T>) -> Result<Self> {
        let features = rows.value();
        let whole = data.len().checked_div(features).unwrap_or(0) * features;
        require_size("Batch::new", "values (a whole number of samples)", whole, data.len())?;
        Ok(Self { data, rows })
    }

    /// Copies samples, each a slice of one value a feature.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if a sample has another number of features.
    pub fn from_samples<S: AsRef<[T]>>(
        rows: R,
        samples: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let mut data = Vec::new();
        for sample in samples {
            let sample = sample.as_ref();
            require_size("Batch::from_samples", "features", rows.value(), sample.len())?;
            data.extend_from_slice(sample);
        }
        Ok(Self { data, rows })
    }

    /// All zeros.
    pub fn zeros(rows: R, samples: usize) -> Self {
        Self { data: vec![T::ZERO; rows.value().saturating_mul(samples)], rows }
    }

    /// The number of features, as a size.
    pub fn size(&self) -> R {
        self.rows
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.rows.value()
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.data.len().checked_div(self.features()).unwrap_or(0)
    }

    /// The features of one sample.
    ///
    /// # Panics
    /// If there is no such sample, as indexing a slice does.
    pub fn sample(&self, index: usize) -> &[T] {
        &self.data[index * self.features()..][..self.features()]
    }

    /// The samples one after the other.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, T> {
        // A batch without features has no samples; chunks of zero would panic.
        self.data.chunks_exact(self.features().max(1))
    }

    /// All values, one sample after the other.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }

    /// All values, one sample after the other, for writing.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The buffer itself, without a copy.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// The samples with these indices, copied in this order.
    ///
    /// # Panics
    /// If there is no such sample, as indexing a slice does.
    pub fn select(&self, indices: impl IntoIterator<Item = usize>) -> Self {
        let mut data = Vec::new();
        for index in indices {
            data.extend_from_slice(self.sample(index));
        }
        Self { data, rows: self.rows }
    }

    /// A view of the whole batch.
    pub fn view(&self) -> BatchView<'_, T> {
        BatchView::new(&self.data, self.features())
    }

    /// A view of the whole batch, for writing.
    pub fn view_mut(&mut self) -> BatchViewMut<'_, T> {
        BatchViewMut::new(&mut self.data, self.rows.value())
    }

    /// The same values as samples of another size that has as many: a batch of 784 features as one of images of
    /// 1 × 28 × 28, say, without a copy.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if it has another number of values.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{Batch, nalgebra::Const, size::Image};
    /// let images = Batch::new(Const::<6>, vec![0.5; 12])?.with_size(Image::<1, 2, 3>)?;
    /// assert_eq!((images.features(), images.samples()), (6, 2));
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn with_size<S: Size>(self, size: S) -> Result<Batch<T, S>> {
        require_size("Batch::with_size", "features", size.value(), self.features())?;
        Ok(Batch { data: self.data, rows: size })
    }

    /// The same batch with its number of features as a run-time number, without a copy.
    pub fn into_dynamic(self) -> Batch<T, Dyn> {
        let rows = Dyn(self.features());
        Batch { data: self.data, rows }
    }

    /// Makes room for this many samples; memory once held is kept. Values are arbitrary after it.
    pub(crate) fn resize(&mut self, samples: usize) {
        self.data.resize(self.rows.value().saturating_mul(samples), T::ZERO);
    }
}

impl<T: Float> Batch<T, Dyn> {
    /// The same batch with its number of features as a type, without a copy.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if there are not `N` features.
    pub fn with_features<const N: usize>(self) -> Result<Batch<T, Const<N>>> {
        require_size("Batch::with_features", "features", N, self.features())?;
        Ok(Batch { data: self.data, rows: Const })
    }
}

impl<T: Float, const N: usize> FromIterator<[T; N]> for Batch<T, Const<N>> {
    fn from_iter<I: IntoIterator<Item = [T; N]>>(samples: I) -> Self {
        Self { data: samples.into_iter().flatten().collect(), rows: Const }
    }
}

/// Takes over the matrix's buffer, without a copy.
impl<T: Float, const N: usize> From<OMatrix<T, Const<N>, Dyn>> for Batch<T, Const<N>> {
    fn from(matrix: OMatrix<T, Const<N>, Dyn>) -> Self {
        Self { data: matrix.data.into(), rows: Const }
    }
}

/// Takes over the matrix's buffer, without a copy.
impl<T: Float> From<DMatrix<T>> for Batch<T, Dyn> {
    fn from(matrix: DMatrix<T>) -> Self {
        let rows = Dyn(matrix.nrows());
        Self { data: matrix.data.into(), rows }
    }
}

/// Takes over the matrix's buffer, without a copy, if it has `N` rows.
impl<T: Float, const N: usize> TryFrom<DMatrix<T>> for Batch<T, Const<N>> {
    type Error = Error;
    fn try_from(matrix: DMatrix<T>) -> Result<Self> {
        Batch::<T, Dyn>::from(matrix).with_features()
    }
}

/// Hands over the buffer, without a copy.
impl<T: Float, const N: usize> From<Batch<T, Const<N>>> for OMatrix<T, Const<N>, Dyn> {
    fn from(batch: Batch<T, Const<N>>) -> Self {
        let samples = Dyn(batch.samples());
        Self::from_data(VecStorage::new(Const, samples, batch.data))
    }
}

/// Hands over the buffer, without a copy.
impl<T: Float, R: Size> From<Batch<T, R>> for DMatrix<T> {
    fn from(batch: Batch<T, R>) -> Self {
        let shape = (Dyn(batch.features()), Dyn(batch.samples()));
        Self::from_data(VecStorage::new(shape.0, shape.1, batch.data))
    }
}

/// One sample of `R` features: an array or a nalgebra vector of that size, whose length the
/// compiler checks, or a slice, whose length is checked when it is used.
#[diagnostic::on_unimplemented(
    message = "a sample of this type does not have the features that are needed here: `{Self}` for `{R}`",
    label = "not a sample of that many features",
    note = "one value a feature is needed, in the model's number type: an array, a slice, a `Vec` or a \
            nalgebra vector"
)]
pub trait Sample<T, R> {
    /// Stops the build where only arithmetic tells that an array has another number of values.
    const FITS: () = ();

    /// The features.
    fn features(&self) -> &[T];
}
impl<T, const N: usize> Sample<T, Const<N>> for [T; N] {
    fn features(&self) -> &[T] {
        self
    }
}
impl<T, R: Size> Sample<T, R> for [T] {
    fn features(&self) -> &[T] {
        self
    }
}
impl<T, R: Size> Sample<T, R> for Vec<T> {
    fn features(&self) -> &[T] {
        self
    }
}
impl<T: Float, R: Size + Dim> Sample<T, R> for OVector<T, R>
where
    DefaultAllocator: Allocator<R>,
{
    fn features(&self) -> &[T] {
        self.as_slice()
    }
}

/// The length is compared when the program is built.
impl<T, const N: usize, const C: usize, const H: usize, const W: usize> Sample<T, Image<C, H, W>>
    for [T; N]
{
    const FITS: () = assert!(
        N == C * H * W,
        "sizes differ: an image of C × H × W has C · H · W values, and this array has another number of them"
    );
    fn features(&self) -> &[T] {
        self
    }
}
/// The length is compared when the program is built.
impl<T, const N: usize, const C: usize, const S: usize> Sample<T, Window<C, S>> for [T; N] {
    const FITS: () = assert!(
        N == C * S,
        "sizes differ: a window of T steps of C channels has C · T values, and this array has another number of them"
    );
    fn features(&self) -> &[T] {
        self
    }
}

/// Refuses samples of another width, and none at all; their values are not looked at.
pub(crate) fn check_shape<T: Float>(
    call: &'static str,
    expected: usize,
    x: BatchView<'_, T>,
) -> Result<()> {
    require_size(call, "features", expected, x.features())?;
    if x.samples() == 0 { Err(Error::NoSamples { call }) } else { Ok(()) }
}

/// As [`check_finite`], but takes NaN for a value that is missing.
pub(crate) fn check_present<T: Float>(
    call: &'static str,
    expected: usize,
    x: BatchView<'_, T>,
) -> Result<()> {
    match check_finite(call, expected, x) {
        Err(Error::NotFinite { .. }) => {}
        checked => return checked,
    }
    match x.as_slice().iter().position(|&x| !x.is_finite() && !is_nan(x)) {
        None => Ok(()),
        Some(at) => Err(not_finite(call, x, at)),
    }
}

/// Refuses samples of which nothing is there.
pub(crate) fn check_not_empty<T: Float>(call: &'static str, x: BatchView<'_, T>) -> Result<()> {
    match x.iter().position(|sample| count_present(sample) == 0) {
        None => Ok(()),
        Some(sample) => Err(Error::EmptySample { call, sample }),
    }
}

/// What refuses the value at this place.
fn not_finite<T: Float>(call: &'static str, x: BatchView<'_, T>, at: usize) -> Error {
    let (feature, sample) = (at % x.features(), at / x.features());
    Error::NotFinite { call, feature, sample, value: Number(x.as_slice()[at].to_double()) }
}

/// Refuses data without samples, of another width, or with a value that is not finite.
pub(crate) fn check_finite<T: Float>(
    call: &'static str,
    expected: usize,
    x: BatchView<'_, T>,
) -> Result<()> {
    check_shape(call, expected, x)?;
    let is_finite = AtomicBool::new(true);
    parallel::in_parts(x.samples(), x.features(), x, |x| {
        is_finite.fetch_and(all_finite(x.as_slice()), Ordering::Relaxed);
    });
    if is_finite.into_inner() {
        return Ok(());
    }
    match x.as_slice().iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(not_finite(call, x, at)),
    }
}
