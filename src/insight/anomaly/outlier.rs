//! What cannot be normal in samples that a score is fitted to: one such value, and by its measure all others are nothing.

use crate::batch::BatchView;
use crate::error::{Error, Number, Result};
use crate::numbers::scalar::Float;
use crate::train::survey::outlier;

/// Refuses samples of which a value is a million times as large as the others of its feature.
pub(super) fn check_magnitudes<T: Float>(call: &'static str, x: BatchView<'_, T>) -> Result<()> {
    outlier(x).map_or(Ok(()), |outlier| Err(Error::Outlier { call, outlier }))
}

/// Refuses normalized samples with values that are the greatest of all numbers, as they would be greater.
pub(super) fn check_normalized<T: Float>(call: &'static str, x: BatchView<'_, T>) -> Result<()> {
    let most = T::max_value().map_or(f64::MAX, T::to_double);
    let is_beyond = |x: &T| x.to_double().abs() >= most;
    match x.as_slice().iter().position(is_beyond) {
        None => Ok(()),
        Some(at) => {
            let (feature, sample) = (at % x.features(), at / x.features());
            let value = Number(x.as_slice()[at].to_double().signum() * f64::INFINITY);
            Err(Error::NotFinite { call, feature, sample, value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(x: &[f64], features: usize) -> Result<()> {
        check_magnitudes("fit", BatchView::new(x, features))
    }

    /// −4, 0, 3, 3, 4 beside the outlier are √((4² + 3² + 3² + 4²)/4) in root mean square, 0 not counted, wherever the
    /// largest stands and whatever the unit is.
    #[test]
    fn the_largest_is_compared_with_the_others() {
        let typical = (50.0_f64 / 4.0).sqrt();
        for unit in [1.0, 1e-100, 1e100] {
            for at in 0..6 {
                let with = |times: f64| {
                    let mut x = [-4.0, 0.0, 3.0, 3.0, 4.0].map(|x| x * unit).to_vec();
                    x.insert(at, times * typical * unit);
                    x
                };
                assert_eq!(check(&with(0.999e6), 1), Ok(()));
                let Err(Error::Outlier { outlier, .. }) = check(&with(1.001e6), 1) else {
                    panic!("{at} {unit}")
                };
                assert_eq!((outlier.feature, outlier.sample), (0, at));
                assert_eq!(outlier.value.0, with(1.001e6)[at]);
                assert!((outlier.typical.0 / (typical * unit) - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn where_nothing_tells_nothing_is_refused() {
        for x in [&[1e20][..], &[0.0, 0.0, 1e20], &[0.0; 3], &[1e20, 1e20, 1.0], &[7.0; 4]] {
            assert_eq!(check(x, 1), Ok(()), "{x:?}");
        }
        // Of two the first feature's.
        let two = [1e9, 1.0, 1.0, 1.0, 1.0, -1e9, 1.0, 1.0];
        let Err(Error::Outlier { outlier, .. }) = check(&two, 2) else { panic!("two") };
        assert_eq!((outlier.feature, outlier.sample), (0, 0));
    }
}
