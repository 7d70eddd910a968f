//! Samples as columns: owned batches, views of them, and single samples.

pub(crate) mod sample_weights;
pub mod size;

use nalgebra::{
    Const, DMatrix, DefaultAllocator, Dim, Dyn, MatrixView, MatrixViewMut, OMatrix, OVector,
    VecStorage, allocator::Allocator,
};

use crate::code::decoder::Decoder;
use crate::data::Normalizer;
use crate::error::{Error, Number, Result, require_size};
use crate::loss::Loss;
use crate::metrics::{Label, checked_labels};
use crate::numbers::scalar::Scalar;

/// Many samples: a `features × samples` matrix, stored column by column on the heap.
///
/// A sample is a column and so lies contiguous in memory. The number of features is a type
/// (`Const<N>`, or `Dyn` where only the data knows it), the number of samples a run-time number.
///
/// # Shapes
/// `R` features (rows) × [`samples`](Batch::samples) (columns).
///
/// # Example
/// ```
/// use autoencoder::Batch;
/// use nalgebra::Const;
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

impl<T: Scalar, R: Dim> Batch<T, R> {
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
        Self { data: vec![T::ZERO; rows.value() * samples], rows }
    }

    /// The number of features, as a size.
    pub fn dim(&self) -> R {
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
    pub fn view(&self) -> BatchView<'_, T, R> {
        BatchView { data: &self.data, rows: self.rows }
    }

    /// A view of the whole batch, for writing.
    pub fn view_mut(&mut self) -> BatchViewMut<'_, T, R> {
        BatchViewMut { data: &mut self.data, rows: self.rows }
    }

    /// Makes room for this many samples; memory once held is kept. Values are arbitrary after it.
    pub(crate) fn resize(&mut self, samples: usize) {
        self.data.resize(self.rows.value() * samples, T::ZERO);
    }
}

impl<T: Scalar> Batch<T, Dyn> {
    /// The same batch with its number of features as a type, without a copy.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if there are not `N` features.
    pub fn with_features<const N: usize>(self) -> Result<Batch<T, Const<N>>> {
        require_size("Batch::with_features", "features", N, self.features())?;
        Ok(Batch { data: self.data, rows: Const })
    }
}

impl<T: Scalar, const N: usize> Batch<T, Const<N>> {
    /// The same batch with its number of features as a run-time number, without a copy.
    pub fn into_dynamic(self) -> Batch<T, Dyn> {
        Batch { data: self.data, rows: Dyn(N) }
    }
}

impl<T: Scalar, const N: usize> Batch<T, Const<N>> {
    /// A column for each label: 1 in the row of the label, 0 elsewhere. So that a label can be a condition of
    /// a [`ConditionalAutoEncoder`](crate::ConditionalAutoEncoder).
    ///
    /// # Shapes
    /// `N` classes × labels.
    ///
    /// # Errors
    /// [`Error::Label`] for a label that is not below `N`.
    ///
    /// # Example
    /// ```
    /// use autoencoder::{Batch, nalgebra::Const};
    /// let classes = Batch::<f32, Const<3>>::one_hot(&[2, 0])?;
    /// assert_eq!(classes, Batch::from_iter([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]));
    /// # Ok::<(), autoencoder::Error>(())
    /// ```
    pub fn one_hot<L: Label>(labels: &[L]) -> Result<Self> {
        let classes = checked_labels("Batch::one_hot", N, labels, labels.len())?;
        let mut batch = Self::zeros(Const, classes.len());
        for (column, class) in classes.into_iter().enumerate() {
            batch.data[column * N + class] = T::ONE;
        }
        Ok(batch)
    }
}

impl<T: Scalar, const N: usize> FromIterator<[T; N]> for Batch<T, Const<N>> {
    fn from_iter<I: IntoIterator<Item = [T; N]>>(samples: I) -> Self {
        Self { data: samples.into_iter().flatten().collect(), rows: Const }
    }
}

/// Takes over the matrix's buffer, without a copy.
impl<T: Scalar, const N: usize> From<OMatrix<T, Const<N>, Dyn>> for Batch<T, Const<N>> {
    fn from(matrix: OMatrix<T, Const<N>, Dyn>) -> Self {
        Self { data: matrix.data.into(), rows: Const }
    }
}

/// Takes over the matrix's buffer, without a copy.
impl<T: Scalar> From<DMatrix<T>> for Batch<T, Dyn> {
    fn from(matrix: DMatrix<T>) -> Self {
        let rows = Dyn(matrix.nrows());
        Self { data: matrix.data.into(), rows }
    }
}

/// Takes over the matrix's buffer, without a copy, if it has `N` rows.
impl<T: Scalar, const N: usize> TryFrom<DMatrix<T>> for Batch<T, Const<N>> {
    type Error = Error;
    fn try_from(matrix: DMatrix<T>) -> Result<Self> {
        Batch::<T, Dyn>::from(matrix).with_features()
    }
}

/// Hands over the buffer, without a copy.
impl<T: Scalar, const N: usize> From<Batch<T, Const<N>>> for OMatrix<T, Const<N>, Dyn> {
    fn from(batch: Batch<T, Const<N>>) -> Self {
        let samples = Dyn(batch.samples());
        Self::from_data(VecStorage::new(Const, samples, batch.data))
    }
}

/// Hands over the buffer, without a copy.
impl<T: Scalar, R: Dim> From<Batch<T, R>> for DMatrix<T> {
    fn from(batch: Batch<T, R>) -> Self {
        let shape = (Dyn(batch.features()), Dyn(batch.samples()));
        Self::from_data(VecStorage::new(shape.0, shape.1, batch.data))
    }
}

/// A borrowed batch: a slice with typed rows.
#[derive(Debug, Clone, Copy)]
pub struct BatchView<'a, T, R> {
    data: &'a [T],
    rows: R,
}

impl<'a, T: Scalar, R: Dim> BatchView<'a, T, R> {
    /// Views a slice that holds one sample after the other.
    ///
    /// # Panics
    /// In debug builds, if its length is no multiple of the rows.
    pub fn new(data: &'a [T], rows: R) -> Self {
        debug_assert!(data.len().is_multiple_of(rows.value()));
        Self { data, rows }
    }

    /// The number of features, as a size.
    pub fn dim(&self) -> R {
        self.rows
    }

    /// The same with a number of features that is no type.
    pub(crate) fn dynamic(&self) -> BatchView<'a, T, Dyn> {
        BatchView { data: self.data, rows: Dyn(self.features()) }
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.rows.value()
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.data.len().checked_div(self.features()).unwrap_or(0)
    }

    /// All values, one sample after the other.
    pub fn as_slice(&self) -> &'a [T] {
        self.data
    }

    /// The samples one after the other.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, T> {
        self.data.chunks_exact(self.features().max(1))
    }

    /// The samples before `at`, and those from there on.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let rows = self.rows;
        let (left, right) = self.data.split_at(at * rows.value());
        (Self { data: left, rows }, Self { data: right, rows })
    }

    /// The samples in blocks of so many, the last one maybe smaller.
    pub(crate) fn chunks(&self, samples: usize) -> impl Iterator<Item = Self> + use<'a, T, R> {
        let rows = self.rows;
        self.data.chunks(samples * rows.value()).map(move |data| Self { data, rows })
    }

    /// The same memory as a nalgebra view.
    pub fn matrix(&self) -> MatrixView<'a, T, R, Dyn> {
        MatrixView::from_slice_generic(self.data, self.rows, Dyn(self.samples()))
    }
}

/// A borrowed batch for writing: a mutable slice with typed rows.
#[derive(Debug)]
pub struct BatchViewMut<'a, T, R> {
    data: &'a mut [T],
    rows: R,
}

impl<'a, T: Scalar, R: Dim> BatchViewMut<'a, T, R> {
    /// Views a slice that holds one sample after the other.
    ///
    /// # Panics
    /// In debug builds, if its length is no multiple of the rows.
    pub fn new(data: &'a mut [T], rows: R) -> Self {
        debug_assert!(data.len().is_multiple_of(rows.value()));
        Self { data, rows }
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.rows.value()
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.data.len().checked_div(self.features()).unwrap_or(0)
    }

    /// All values, one sample after the other.
    pub fn as_slice(&self) -> &[T] {
        self.data
    }

    /// All values, one sample after the other, for writing.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.data
    }

    /// The same view for a shorter time, so that it can be used again.
    pub fn reborrow(&mut self) -> BatchViewMut<'_, T, R> {
        BatchViewMut { data: self.data, rows: self.rows }
    }

    /// The samples in blocks of so many, the last one maybe smaller.
    pub(crate) fn chunks_mut(
        &mut self,
        samples: usize,
    ) -> impl Iterator<Item = BatchViewMut<'_, T, R>> {
        let rows = self.rows;
        self.data.chunks_mut(samples * rows.value()).map(move |data| BatchViewMut { data, rows })
    }

    /// The samples before `at`, and those from there on.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let rows = self.rows;
        let (left, right) = self.data.split_at_mut(at * rows.value());
        (Self { data: left, rows }, Self { data: right, rows })
    }

    /// The same memory, for reading.
    pub fn as_view(&self) -> BatchView<'_, T, R> {
        BatchView { data: self.data, rows: self.rows }
    }

    /// The same memory as a nalgebra view.
    pub fn matrix_mut(&mut self) -> MatrixViewMut<'_, T, R, Dyn> {
        let samples = Dyn(self.samples());
        MatrixViewMut::from_slice_generic(self.data, self.rows, samples)
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
    /// The features.
    fn features(&self) -> &[T];
}
impl<T, const N: usize> Sample<T, Const<N>> for [T; N] {
    fn features(&self) -> &[T] {
        self
    }
}
impl<T, R: Dim> Sample<T, R> for [T] {
    fn features(&self) -> &[T] {
        self
    }
}
impl<T, R: Dim> Sample<T, R> for Vec<T> {
    fn features(&self) -> &[T] {
        self
    }
}
impl<T: Scalar, R: Dim> Sample<T, R> for OVector<T, R>
where
    DefaultAllocator: Allocator<R>,
{
    fn features(&self) -> &[T] {
        self.as_slice()
    }
}

/// The samples as an encoder takes them: checked, and normalized into the buffer if there is a
/// normalizer.
pub(crate) fn taken<'a, T: Scalar, R: Dim>(
    call: &'static str,
    dim: R,
    normalizer: Option<&Normalizer>,
    x: BatchView<'a, T, R>,
    buffer: &'a mut Vec<T>,
) -> Result<BatchView<'a, T, R>> {
    check_finite(call, dim, x)?;
    let Some(normalizer) = normalizer else { return Ok(x) };
    buffer.clear();
    buffer.extend_from_slice(x.as_slice());
    normalizer.apply(BatchViewMut::new(buffer, x.dim()))?;
    Ok(BatchView::new(buffer, x.dim()))
}

/// Refuses data without samples, of another width, or with a value that is not finite.
pub(crate) fn check_finite<T: Scalar, R: Dim>(
    call: &'static str,
    expected: R,
    x: BatchView<'_, T, R>,
) -> Result<()> {
    require_size(call, "features", expected.value(), x.features())?;
    if x.samples() == 0 {
        return Err(Error::NoSamples { call });
    }
    // x · 0 is 0 for every finite x, and NaN otherwise: a sum without a branch.
    let all_finite = crate::numbers::scalar::sum(
        x.as_slice(),
        #[inline(always)]
        |x| x * T::ZERO,
    ) == T::ZERO;
    if all_finite {
        return Ok(());
    }
    match x.as_slice().iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::NotFinite {
            call,
            row: at % x.features(),
            column: at / x.features(),
            value: Number(x.as_slice()[at].to_double()),
        }),
    }
}

/// Refuses values on which the loss is not defined, but for those that are left out.
pub(crate) fn check_domain<D: Decoder, L: Loss<D> + ?Sized>(
    call: &'static str,
    loss: &L,
    x: BatchView<'_, D::Scalar, D::Output>,
    is_left_out: impl Fn(D::Scalar) -> bool,
) -> Result<()> {
    let features = x.features();
    let mut values = x.as_slice().iter().enumerate();
    match values.position(|(at, &x)| !loss.accepts(x, at % features) && !is_left_out(x)) {
        None => Ok(()),
        Some(at) => Err(Error::OutsideDomain {
            call,
            loss: loss.name(),
            row: at % x.features(),
            column: at / x.features(),
            value: Number(x.as_slice()[at].to_double()),
            requirement: loss.domain(at % features),
        }),
    }
}
