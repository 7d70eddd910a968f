//! What cannot be normal in samples that a score is fitted to: one such value, and by its measure all others are nothing.

use crate::batch::BatchView;
use crate::error::{Error, Number, Result};
use crate::numbers::scalar::Float;

/// How many times as large as those of the others a value of a normal sample is at most.
const FAR: f64 = 1e6;

/// The largest value of a feature, and the squares of the others.
#[derive(Debug, Clone, Default)]
struct Magnitudes {
    largest: f64,
    sample: usize,
    /// The largest of the others, in units of which squares are added, so that they are finite.
    unit: f64,
    squares: f64,
}

impl Magnitudes {
    fn add(&mut self, sample: usize, x: f64) {
        let mut other = x.abs();
        if other > self.largest {
            std::mem::swap(&mut other, &mut self.largest);
            self.sample = sample;
        }
        if other > self.unit {
            self.squares = 1.0 + self.squares * (self.unit / other).powi(2);
            self.unit = other;
        } else if other > 0.0 {
            self.squares += (other / self.unit).powi(2);
        }
    }

    /// The root mean square of the others.
    fn typical(&self, samples: usize) -> f64 {
        self.unit * (self.squares / samples.saturating_sub(1).max(1) as f64).sqrt()
    }
}

/// Refuses samples of which a value is a million times as large as the others of its feature. Where these are all 0,
/// nothing tells how large one may be.
pub(super) fn check_magnitudes<T: Float>(call: &'static str, x: BatchView<'_, T>) -> Result<()> {
    let mut features = vec![Magnitudes::default(); x.features()];
    for (sample, values) in x.iter().enumerate() {
        let pairs = features.iter_mut().zip(values);
        pairs.for_each(|(magnitudes, x)| magnitudes.add(sample, x.to_double()));
    }
    let all = features.iter().enumerate().map(|(feature, of)| (of.sample, feature, of));
    let is_far = |of: &Magnitudes| {
        let typical = of.typical(x.samples());
        typical > 0.0 && of.largest / typical >= FAR
    };
    // The first sample is told of.
    let far =
        all.filter(|(.., of)| is_far(of)).min_by_key(|&(sample, feature, _)| (sample, feature));
    let Some((sample, feature, of)) = far else { return Ok(()) };
    let found = x.as_slice()[sample * x.features() + feature].to_double();
    let (value, typical) = (Number(found), Number(of.typical(x.samples())));
    Err(Error::Outlier { call, feature, sample, value, typical })
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

    fn check(x: &[f64]) -> Result<()> {
        check_magnitudes("fit", BatchView::new(x, 1))
    }

    /// √((3² + 4² + 0²)/3) = 5/√3 of the others, wherever the largest stands and whatever the unit is.
    #[test]
    fn the_largest_is_compared_with_the_others() {
        let typical = 5.0 / 3.0_f64.sqrt();
        for unit in [1.0, 1e-200, 1e200] {
            for at in 0..4 {
                let with = |times: f64| {
                    let mut x = vec![3.0 * unit, -4.0 * unit, 0.0];
                    x.insert(at, -times * typical * unit);
                    x
                };
                assert_eq!(check(&with(0.999e6)), Ok(()));
                let Err(Error::Outlier { feature: 0, sample, value, typical: found, .. }) =
                    check(&with(1.001e6))
                else {
                    panic!("{at} {unit}")
                };
                assert_eq!((sample, value.0), (at, with(1.001e6)[at]));
                assert!((found.0 / (typical * unit) - 1.0).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn where_nothing_tells_nothing_is_refused() {
        for x in [&[1e20][..], &[0.0, 0.0, 1e20], &[0.0; 3], &[1e20, 1e20, 1.0], &[7.0; 4]] {
            assert_eq!(check(x), Ok(()), "{x:?}");
        }
        // Of two the first sample.
        let two = [1e9, 1.0, 1.0, 1.0, 1.0, -1e9, 1.0, 1.0];
        let found = check_magnitudes("fit", BatchView::new(&two, 2)).unwrap_err();
        assert!(matches!(found, Error::Outlier { feature: 0, sample: 0, .. }), "{found}");
    }
}
