//! How much each sample counts, in a batch and in a training.

use crate::error::{Error, Number, Result, require, require_size};
use crate::numbers::scalar::{Float, sum, sum_pairs};

/// Refuses weights that are not one a sample, finite and not negative, with a finite sum above 0.
pub(crate) fn check(place: &'static str, weights: &[f64], samples: usize) -> Result<()> {
    require_size(place, "weights (one a sample)", samples, weights.len())?;
    // Written so that NaN is found too.
    let is_valid = |weight: f64| weight >= 0.0 && weight.is_finite();
    if let Some(sample) = weights.iter().position(|&weight| !is_valid(weight)) {
        return Err(Error::SampleWeight { place, sample, value: Number(weights[sample]) });
    }
    let total = weights.iter().sum::<f64>();
    require(total > 0.0 && total.is_finite(), "the sum of all sample weights", total, SUM)
}

/// What the sum of all weights must be.
const SUM: &str = "finite and greater than 0: at least one sample must count";

/// The share of each chosen sample, written into `shares`; none if all count alike. The weights of the
/// chosen samples must have a sum above 0.
pub(crate) fn shares<'a, T: Float>(
    weights: &[f64],
    chosen: &[usize],
    shares: &'a mut Vec<T>,
) -> Option<&'a [T]> {
    let of_chosen = || chosen.iter().map(|&sample| weights[sample]);
    let first = of_chosen().next()?;
    if of_chosen().all(|weight| weight == first) {
        return None;
    }
    let total = of_chosen().sum::<f64>();
    shares.clear();
    shares.extend(of_chosen().map(|weight| T::of(weight / total)));
    Some(shares)
}

/// The shares of all samples of a call, whose weights are checked first.
pub(crate) fn shares_of_all<'a, T: Float>(
    call: &'static str,
    weights: Option<&[f64]>,
    samples: usize,
    into: &'a mut Vec<T>,
) -> Result<Option<&'a [T]>> {
    let Some(weights) = weights else { return Ok(None) };
    check(call, weights, samples)?;
    Ok(shares(weights, &Vec::from_iter(0..samples), into))
}

/// The mean of values, one a sample, by their shares or, without shares, alike.
pub(crate) fn mean<T: Float>(values: &[T], shares: Option<&[T]>) -> T {
    match shares {
        None => {
            let share = T::of(1.0 / values.len() as f64);
            sum(
                values,
                #[inline(always)]
                |value| value,
            ) * share
        }
        Some(shares) => sum_pairs(
            values,
            shares,
            #[inline(always)]
            |value, share| value * share,
        ),
    }
}
