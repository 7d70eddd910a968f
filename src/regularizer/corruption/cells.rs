use std::ops::Range;

use crate::error::{Result, require, require_size};

/// The cells of a row: features that belong together, as those of a category do, and each of the others for itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cells {
    /// Those of several features, in ascending order.
    ranges: Vec<Range<usize>>,
}

impl Cells {
    /// With these ranges of features, in ascending order; refused if one is empty or begins in the one before.
    pub(super) fn new(ranges: impl IntoIterator<Item = Range<usize>>) -> Result<Self> {
        ranges.into_iter().try_fold(Self::default(), Self::with)
    }

    /// With one more, behind those before it.
    pub(super) fn with(mut self, range: Range<usize>) -> Result<Self> {
        let (start, requirement) = (range.start as f64, "behind the cells before it");
        require(range.start >= self.end(), "the first feature of a cell", start, requirement)?;
        let (last, requirement) = (range.end as f64, "behind its first feature");
        require(range.end > range.start, "the end of a cell", last, requirement)?;
        self.ranges.push(range);
        Ok(self)
    }

    fn end(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// Refuses cells beyond so many features.
    pub(super) fn check(&self, place: &'static str, features: usize) -> Result<()> {
        let end = self.end();
        if end > features { require_size(place, "features", features, end) } else { Ok(()) }
    }

    /// All cells of so many features, in their order.
    pub(super) fn of(&self, features: usize) -> impl Iterator<Item = Range<usize>> {
        let mut ranges = self.ranges.iter().peekable();
        let mut at = 0;
        std::iter::from_fn(move || {
            let cell = match ranges.next_if(|range| range.start <= at) {
                Some(range) => range.clone(),
                None => at..at + 1,
            };
            at = cell.end;
            (at <= features).then_some(cell)
        })
    }

    /// What tells them from others in files, behind a comma; nothing if each feature is one.
    pub(super) fn describe(&self) -> String {
        if self.ranges.is_empty() { String::new() } else { format!(", cells: {:?}", self.ranges) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init)] // cells, and not their features
    fn every_feature_is_in_one_cell() {
        let cells = |ranges: &[Range<usize>], features| {
            Vec::from_iter(Cells::new(ranges.iter().cloned()).unwrap().of(features))
        };
        assert_eq!(cells(&[], 3), [0..1, 1..2, 2..3]);
        assert_eq!(cells(&[1..3, 3..5], 6), [0..1, 1..3, 3..5, 5..6]);
        assert_eq!(cells(&[0..2], 2), [0..2]);
        for wrong in [&[2..2][..], &[0..2, 1..3], &[3..4, 0..1]] {
            assert!(Cells::new(wrong.iter().cloned()).is_err(), "{wrong:?}");
        }
        let two = Cells::new([0..1, 3..5]).unwrap();
        assert!(two.check("cells", 5).is_ok() && two.check("cells", 4).is_err());
    }
}
