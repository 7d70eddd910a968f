use super::{Normalizer, Source};
use crate::batch::BatchViewMut;
use crate::batch::size::Size;
use crate::error::{Result, require_size};

/// A source whose samples go through a normalizer.
///
/// A value that is not finite is an error of the source, and ends a training whatever its
/// [`OnDivergence`](crate::OnDivergence) says. Behind the model's own normalizer
/// ([`Builder::normalizer`](crate::Builder::normalizer)) its batch can be skipped.
#[derive(Debug, Clone)]
pub struct Normalized<S> {
    source: S,
    normalizer: Normalizer,
    /// Samples of this pass that are done: errors count samples from the start of the pass.
    next: usize,
}

impl<S: Source> Normalized<S> {
    /// Puts a normalizer behind a source.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if it was fitted on another number of features.
    pub fn new(source: S, normalizer: Normalizer) -> Result<Self> {
        let features = source.size().value();
        let expected = normalizer.features().unwrap_or(features);
        require_size("Normalized::new", "features", expected, features)?;
        Ok(Self { source, normalizer, next: 0 })
    }
}

impl<S: Source> Source for Normalized<S> {
    type Scalar = S::Scalar;
    type Features = S::Features;
    fn size(&self) -> S::Features {
        self.source.size()
    }
    fn samples(&self) -> usize {
        self.source.samples()
    }
    #[cfg(feature = "table")]
    fn schema(&self) -> Option<&crate::data::Schema> {
        self.source.schema()
    }
    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        self.source.rewind()
    }
    fn read(&mut self, mut to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
        let count = self.source.read(to.reborrow())?;
        let (filled, _) = to.split_at(count);
        self.normalizer.apply(filled).map_err(|error| error.in_samples_from(self.next))?;
        self.next += count;
        Ok(count)
    }
    fn skip(&mut self, samples: usize) -> Result<()> {
        self.source.skip(samples)?;
        self.next += samples;
        Ok(())
    }
}
