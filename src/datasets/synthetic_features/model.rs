use std::ops::Range;
use std::sync::Arc;

use super::firing::Core;
use super::source::{Code, FeatureSource, fill, fill_both, pack};
use crate::batch::size::Size;
use crate::batch::sparse::SparseBatch;
use crate::batch::{Batch, BatchViewMut};
use crate::error::{Result, require, reserved};
use crate::numbers::parallel;
use crate::numbers::scalar::Float;

/// Features that are known, and the samples that are made of them. Made by
/// [`SyntheticFeatures::build`](super::SyntheticFeatures::build).
///
/// Samples have numbers. Of one number there is one sample, whatever batch it is drawn in and on however many threads, to
/// the bit; so ranges that do not overlap are sets to train on and to test on. Everything is drawn in double precision and
/// rounded, so that `f32` are the rounded samples of `f64`.
#[derive(Debug, Clone)]
pub struct KnownFeatures<T, R> {
    core: Arc<Core>,
    dictionary: Batch<T, R>,
    bias: Vec<T>,
}

impl<T: Float, R: Size> KnownFeatures<T, R> {
    pub(super) fn new(core: Arc<Core>, size: R, dictionary: Vec<T>) -> Result<Self> {
        let bias = core.bias.iter().map(|&x| T::of(x)).collect();
        Ok(Self { core, dictionary: Batch::new(size, dictionary)?, bias })
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.core.features()
    }

    /// The direction of each feature, a unit vector: dimensions × features.
    pub fn dictionary(&self) -> &Batch<T, R> {
        &self.dictionary
    }

    /// What is added to every sample: one value a dimension.
    pub fn bias(&self) -> &[T] {
        &self.bias
    }

    /// How often each feature is wanted to be on, pᵢ. How often it is depends on its parents and siblings, also where they are
    /// [compensated](super::Hierarchy::compensated) for: count it in [`codes`](Self::codes).
    pub fn probabilities(&self) -> &[f64] {
        &self.core.wanted
    }

    /// How often each feature is drawn, before parents and siblings are looked at: more often than pᵢ where a hierarchy is
    /// [compensated](super::Hierarchy::compensated).
    pub fn drawn_probabilities(&self) -> &[f64] {
        &self.core.drawn
    }

    /// The mean μᵢ of each feature where it fires, before what is negative becomes 0 and before it is scaled by a parent.
    pub fn magnitudes(&self) -> &[f64] {
        &self.core.means
    }

    /// The standard deviation σᵢ of the same.
    pub fn deviations(&self) -> &[f64] {
        &self.core.deviations
    }

    /// The feature that must be on for this one to be.
    ///
    /// # Panics
    /// If there is no such feature, as indexing a slice does.
    pub fn parent(&self, feature: usize) -> Option<usize> {
        self.core.families.parent[feature]
    }

    /// The features that are only on where this one is.
    ///
    /// # Panics
    /// If there is no such feature, as indexing a slice does.
    pub fn children(&self, feature: usize) -> Range<usize> {
        self.core.families.children[feature].clone()
    }

    /// Whether at most one of its children is on.
    ///
    /// # Panics
    /// If there is no such feature, as indexing a slice does.
    pub fn has_exclusive_children(&self, feature: usize) -> bool {
        self.core.families.is_exclusive[feature]
    }

    /// The correlation, in the Gaussian copula, of two features' firing: 0 of independent ones. It has the sign of the
    /// correlation of firing itself, which is nearer to 0.
    ///
    /// # Panics
    /// If there is no such feature, as indexing a slice does.
    pub fn correlation(&self, i: usize, j: usize) -> f64 {
        assert!(i.max(j) < self.features(), "features {i} and {j} of {}", self.features());
        let independent = if i == j { 1.0 } else { 0.0 };
        self.core.copula.as_ref().map_or(independent, |copula| copula.correlation(i, j))
    }

    /// The samples of these numbers: dimensions × samples.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a range that ends before it begins, and for more values than
    /// memory holds.
    pub fn samples(&self, range: Range<usize>) -> Result<Batch<T, R>> {
        let mut values = self.values_room(&range)?;
        fill(&self.core, range.start, BatchViewMut::new(&mut values, self.core.dimensions));
        Batch::new(self.dictionary.size(), values)
    }

    /// The codes of the samples of these numbers, which is how much of each feature they have: features × samples.
    ///
    /// # Errors
    /// As [`samples`](Self::samples).
    pub fn codes(&self, range: Range<usize>) -> Result<SparseBatch<T>> {
        let mut drawn = drawn_room(&range)?;
        let parts = (range.start, &mut drawn[..]);
        parallel::in_parts(range.len(), self.core.cost(), parts, |(first, drawn)| {
            let mut room = self.core.room();
            for (index, code) in drawn.iter_mut().enumerate() {
                self.core.draw_code(first + index, &mut room);
                code.clone_from(&room.code);
            }
        });
        self.packed(&drawn)
    }

    /// Both the [`samples`](Self::samples) and the [`codes`](Self::codes) of these numbers, drawn once.
    ///
    /// # Errors
    /// As [`samples`](Self::samples).
    pub fn draw(&self, range: Range<usize>) -> Result<(Batch<T, R>, SparseBatch<T>)> {
        let mut drawn = drawn_room(&range)?;
        let mut values = self.values_room(&range)?;
        let samples = BatchViewMut::new(&mut values, self.core.dimensions);
        fill_both(&self.core, range.start, samples, &mut drawn);
        Ok((Batch::new(self.dictionary.size(), values)?, self.packed(&drawn)?))
    }

    /// Zeros for the values of these samples.
    fn values_room(&self, range: &Range<usize>) -> Result<Vec<T>> {
        let len = length(range)?.saturating_mul(self.core.dimensions);
        let mut values = reserved("the values of KnownFeatures::samples", len)?;
        values.resize(len, T::ZERO);
        Ok(values)
    }

    fn packed(&self, drawn: &[Code]) -> Result<SparseBatch<T>> {
        let mut codes = SparseBatch::new(self.features(), [([], []); 0])?;
        pack(drawn, &mut codes);
        Ok(codes)
    }

    /// A source of the samples of these numbers, which draws them as they are asked for, in every pass the same, and needs room
    /// for one.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a range that ends before it begins.
    pub fn source(&self, range: Range<usize>) -> Result<FeatureSource<T, R>> {
        length(&range)?;
        Ok(FeatureSource::new(self.core.clone(), self.dictionary.size(), range))
    }
}

/// A code for each of these numbers, empty so far.
fn drawn_room(range: &Range<usize>) -> Result<Vec<Code>> {
    let samples = length(range)?;
    let mut drawn = reserved("KnownFeatures::codes samples", samples)?;
    drawn.resize(samples, Code::new());
    Ok(drawn)
}

/// How many numbers there are.
fn length(range: &Range<usize>) -> Result<usize> {
    let (start, end) = (range.start, range.end);
    let requirement = "at least its beginning";
    require(start <= end, "the end of a range of samples", end as f64, requirement)?;
    Ok(end - start)
}
