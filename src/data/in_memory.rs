use nalgebra::Dyn;

use super::Source;
use crate::batch::size::Size;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::error::{Result, require_size};
use crate::numbers::scalar::Float;

#[derive(Debug, Clone)]
enum Values<'a, T> {
    Owned(Vec<T>),
    Borrowed(&'a [T]),
}

/// A batch in memory, sample by sample: an own one, or a borrowed one or a view of one, whose size is known to the
/// running program only.
///
/// # Example
/// ```
/// use autoencoder::data::{InMemory, Source};
/// use autoencoder::Batch;
///
/// let batch = Batch::from_iter([[1.0_f32, 2.0], [3.0, 4.0]]);
/// let mut source = InMemory::from(&batch);
/// source.skip(1)?;
/// let mut next = Batch::zeros(source.size(), 2);
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

impl<'a, T: Float, R: Size> From<&'a Batch<T, R>> for InMemory<'a, T, R> {
    fn from(batch: &'a Batch<T, R>) -> Self {
        Self { values: Values::Borrowed(batch.as_slice()), rows: batch.size(), next: 0 }
    }
}

impl<'a, T: Float> From<BatchView<'a, T>> for InMemory<'a, T, Dyn> {
    fn from(batch: BatchView<'a, T>) -> Self {
        let rows = Dyn(batch.features());
        Self { values: Values::Borrowed(batch.as_slice()), rows, next: 0 }
    }
}

impl<T: Float, R: Size> From<Batch<T, R>> for InMemory<'_, T, R> {
    fn from(batch: Batch<T, R>) -> Self {
        Self { rows: batch.size(), values: Values::Owned(batch.into_vec()), next: 0 }
    }
}

impl<T: Float, R: Size> InMemory<'_, T, R> {
    fn view(&self) -> BatchView<'_, T> {
        match &self.values {
            Values::Owned(values) => BatchView::new(values, self.rows.value()),
            Values::Borrowed(values) => BatchView::new(values, self.rows.value()),
        }
    }
}

impl<T: Float, R: Size> Source for InMemory<'_, T, R> {
    type Scalar = T;
    type Features = R;

    fn size(&self) -> R {
        self.rows
    }

    fn samples(&self) -> usize {
        self.view().samples()
    }

    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        Ok(())
    }

    fn read(&mut self, mut to: BatchViewMut<'_, T>) -> Result<usize> {
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
