//! What tells samples from others without keeping them: a number of eight bytes each.

use crate::batch::BatchView;
use crate::model::inference::InMemory;
use crate::numbers::scalar::Float;

/// A number for each sample and its condition, in ascending order: the same for the same bits, and by chance for two
/// others once in 9 · 10¹⁵. They are whole, and exact in double precision, as files hold them.
pub(super) fn fingerprints<T: Float>(given: &InMemory<'_, T>) -> Vec<f64> {
    let mut conditions = given.conditions.iter().flat_map(BatchView::iter);
    let mut all: Vec<f64> = given
        .x
        .iter()
        .map(|x| {
            let condition = conditions.next().unwrap_or_default();
            // NaN has many bits, and means one thing.
            let bits = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
            let values = x.iter().chain(condition).map(|x| bits(x.to_double()));
            (values.fold(0, mixed) >> 11) as f64
        })
        .collect();
    all.sort_unstable_by(f64::total_cmp);
    all
}

/// One more value, by the finalizer of SplitMix64: G. L. Steele, D. Lea, C. H. Flood (2014), Fast splittable
/// pseudorandom number generators.
fn mixed(state: u64, value: u64) -> u64 {
    let mut z = (state ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How many of the first samples are among the second ones, each of which stands for one.
pub(super) fn shared(first: &[f64], second: &[f64]) -> usize {
    let (mut second, mut count) = (second.iter().peekable(), 0);
    for one in first {
        while second.next_if(|other| *other < one).is_some() {}
        count += usize::from(second.next_if_eq(&one).is_some());
    }
    count
}

/// The samples of which there is one only.
pub(super) fn unrepeated(samples: &[f64]) -> Vec<f64> {
    let runs = samples.chunk_by(|one, next| one == next);
    runs.filter(|run| run.len() == 1).map(|run| run[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_shared_once_each() {
        assert_eq!(shared(&[1.0, 2.0, 2.0, 5.0], &[0.0, 2.0, 3.0, 5.0, 5.0]), 2);
        assert_eq!(shared(&[], &[1.0]), 0);
        assert_eq!(shared(&[1.0, 2.0], &[]), 0);
        assert_eq!(unrepeated(&[1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0]), [1.0, 3.0]);
    }

    #[test]
    fn a_sample_is_told_by_its_values_their_order_and_its_condition() {
        let of = |x: &[f64], condition: Option<&[f64]>| {
            let conditions = condition.map(|values| BatchView::new(values, 1));
            fingerprints(&InMemory { x: BatchView::new(x, 2), conditions, labels: None })
        };
        let one = of(&[1.0, 2.0], None);
        assert_eq!(one, of(&[1.0, 2.0], None));
        assert!(one[0].fract() == 0.0 && one[0] < 2.0_f64.powi(53));
        for other in [of(&[2.0, 1.0], None), of(&[1.0, 2.0], Some(&[0.0])), of(&[1.0, 2.5], None)] {
            assert_ne!(one, other);
        }
        let both = of(&[1.0, 2.0, 3.0, 4.0], None);
        assert!(both.contains(&one[0]) && both.is_sorted() && both.len() == 2);
    }
}
