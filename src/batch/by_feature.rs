//! The pairs of sparse samples in the order of their features.

use super::sparse::SparseBatch;
use crate::numbers::scalar::Float;

/// For each feature of sparse samples the samples that have it, in their order: what is summed over samples for each
/// feature is summed in this order, on any number of threads.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByFeature {
    /// Where each feature begins among the pairs, and where the last one ends.
    starts: Vec<u32>,
    /// Of each pair its sample, and its number among the pairs of the batch.
    pairs: Vec<(u32, u32)>,
}

impl ByFeature {
    /// Sorts the pairs of a batch.
    pub(crate) fn sort<T: Float>(&mut self, batch: &SparseBatch<T>) {
        let indices = batch.indices();
        self.starts.clear();
        self.starts.resize(batch.features() + 2, 0);
        for &index in indices {
            self.starts[index as usize + 2] += 1;
        }
        for feature in 2..self.starts.len() {
            self.starts[feature] += self.starts[feature - 1];
        }
        self.pairs.clear();
        self.pairs.resize(indices.len(), (0, 0));
        // While pairs are placed, `starts[feature + 1]` is where the next one of the feature goes; behind them, where
        // it ends.
        for (sample, ends) in batch.starts().windows(2).enumerate() {
            for (pair, &index) in (ends[0]..).zip(&indices[ends[0]..ends[1]]) {
                let next = &mut self.starts[index as usize + 1];
                self.pairs[*next as usize] = (sample as u32, pair as u32);
                *next += 1;
            }
        }
        self.starts.truncate(batch.features() + 1);
    }

    /// Of each pair of a feature its sample, and its number among the pairs of the batch.
    pub(crate) fn of(&self, feature: usize) -> impl ExactSizeIterator<Item = (usize, usize)> {
        let range = self.starts[feature] as usize..self.starts[feature + 1] as usize;
        self.pairs[range].iter().map(|&(sample, pair)| (sample as usize, pair as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    #[test]
    fn features_have_their_samples_in_order() -> Result<()> {
        let batch = SparseBatch::new(
            4,
            [(vec![0, 3], vec![1.0, 2.0]), (vec![], vec![]), (vec![0, 2], vec![3.0, 4.0])],
        )?;
        let mut by_feature = ByFeature::default();
        for _ in 0..2 {
            by_feature.sort(&batch);
            let of = |feature| by_feature.of(feature).collect::<Vec<_>>();
            assert_eq!(of(0), [(0, 0), (2, 2)]);
            assert_eq!(of(1), []);
            assert_eq!(of(2), [(2, 3)]);
            assert_eq!(of(3), [(0, 1)]);
        }
        Ok(())
    }
}
