use nalgebra::Dim;

use super::Source;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::error::Result;
use crate::error::require_size;
use crate::numbers::scalar::Scalar;

#[derive(Debug, Clone)]
enum Values<'a, T> {
    Owned(Vec<T>),
    Borrowed(&'a [T]),
}

/// A batch in memory, sample by sample: an own one, or a borrowed one or its view.
///
/// # Example
/// ```
/// use autoencoder::data::{InMemory, Source};
/// use autoencoder::Batch;
///
/// let batch = Batch::from_iter([[1.0_f32, 2.0], [3.0, 4.0]]);
/// let mut source = InMemory::from(&batch);
/// source.skip(1)?;
/// let mut next = Batch::zeros(source.dim(), 2);
/// assert_eq!(source.read(next.view_mut())?, 1);
/// assert_eq!(next.sample(0), [3.0, 4.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct InMemory<'a, T, R> {
    values: Values<'a, T>,
    rows: R,
    next: usize,
}

impl<'a, T: Scalar, R: Dim> From<&'a Batch<T, R>> for InMemory<'a, T, R> {
    fn from(batch: &'a Batch<T, R>) -> Self {
        batch.view().into()
    }
}

impl<'a, T: Scalar, R: Dim> From<BatchView<'a, T, R>> for InMemory<'a, T, R> {
    fn from(batch: BatchView<'a, T, R>) -> Self {
        Self { values: Values::Borrowed(batch.as_slice()), rows: batch.dim(), next: 0 }
    }
}

impl<T: Scalar, R: Dim> From<Batch<T, R>> for InMemory<'_, T, R> {
    fn from(batch: Batch<T, R>) -> Self {
        Self { rows: batch.dim(), values: Values::Owned(batch.into_vec()), next: 0 }
    }
}

impl<T: Scalar, R: Dim> InMemory<'_, T, R> {
    fn view(&self) -> BatchView<'_, T, R> {
        match &self.values {
            Values::Owned(values) => BatchView::new(values, self.rows),
            Values::Borrowed(values) => BatchView::new(values, self.rows),
        }
    }
}

impl<T: Scalar, R: Dim> Source for InMemory<'_, T, R> {
    type Scalar = T;
    type Features = R;

    fn dim(&self) -> R {
        self.rows
    }

    fn samples(&self) -> usize {
        self.view().samples()
    }

    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        Ok(())
    }

    fn read(&mut self, mut to: BatchViewMut<'_, T, R>) -> Result<usize> {
        let features = self.rows.value();
        require_size("Source::read", "features", features, to.features())?;
        let count = to.samples().min(self.samples() - self.next);
        let values = &self.view().as_slice()[self.next * features..][..count * features];
        to.as_mut_slice()[..count * features].copy_from_slice(values);
        self.next += count;
        Ok(count)
    }

    fn skip(&mut self, samples: usize) -> Result<()> {
        super::require_left(samples, self.samples() - self.next)?;
        self.next += samples;
        Ok(())
    }
}
