//! Element-wise mathematics in plain arithmetic, so that the compiler can vectorise it.
//!
//! Each function is a polynomial, a few bit tricks and no branch, good to a few units in the last
//! place over its whole range, infinities and NaN included. A loop over them runs inside
//! [`vectorize`], which picks the widest instructions of the machine at run time.
//!
//! Every element takes the same operations wherever it lies in a slice, so its bits do not depend
//! on its neighbours.

use crate::Scalar;

/// Runs a loop compiled for the widest instructions that this machine has.
#[inline(always)]
pub(crate) fn vectorize<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// The bit tricks and constants that differ between the two number types.
pub trait Float: Copy {
    /// Beyond these eˣ is 0 or infinite.
    const EXP_RANGE: (Self, Self);
    /// 1.5 · 2^(mantissa bits): adding it rounds to an integer, which then lies in the last bits.
    const ROUND: Self;
    /// ln 2 in two parts; the first has so few bits that a multiple of it is exact.
    const LN_2: (Self, Self);
    /// Terms of the series of (eʳ − 1) / r on |r| ≤ ½ ln 2: 1/(k+1)!.
    const EXP_TERMS: usize;
    /// Terms of the series of artanh(s)/s in s², for s ≤ ⅓: 1/(2k+1).
    const ARTANH_TERMS: usize;
    /// 2ⁿ, where `rounded` is n + [`ROUND`](Float::ROUND); in two factors, as 2ⁿ may be subnormal.
    fn power_of_two(rounded: Self) -> (Self, Self);
}

impl Float for f32 {
    const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    const ROUND: f32 = 12_582_912.0;
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    const EXP_TERMS: usize = 7;
    const ARTANH_TERMS: usize = 8;

    #[inline(always)]
    fn power_of_two(rounded: f32) -> (f32, f32) {
        let n = rounded.to_bits().wrapping_sub(Self::ROUND.to_bits()) as i32;
        let half = n >> 1;
        let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
        (power(half), power(n.wrapping_sub(half)))
    }
}

impl Float for f64 {
    const EXP_RANGE: (f64, f64) = (-746.0, 710.0);
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2: (f64, f64) = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
    const EXP_TERMS: usize = 13;
    const ARTANH_TERMS: usize = 17;

    #[inline(always)]
    fn power_of_two(rounded: f64) -> (f64, f64) {
        let n = rounded.to_bits().wrapping_sub(Self::ROUND.to_bits()) as i64;
        let half = n >> 1;
        let power = |n: i64| f64::from_bits((n.wrapping_add(1023) as u64) << 52);
        (power(half), power(n.wrapping_sub(half)))
    }
}

/// 1 / (k + 1)!
const EXP_SERIES: [f64; 13] = {
    let mut series = [1.0; 13];
    let mut k = 1;
    while k < 13 {
        series[k] = series[k - 1] / (k + 1) as f64;
        k += 1;
    }
    series
};

/// eˣ = 2ⁿ (1 + m): both factors of 2ⁿ, and m = eʳ − 1 with |r| ≤ ½ ln 2.
#[inline(always)]
fn exp_parts<T: Scalar>(x: T) -> (T, T, T) {
    let (low, high) = T::EXP_RANGE;
    // Written so that NaN stays NaN.
    let x = if x < low { low } else { x };
    let x = if x > high { high } else { x };
    let rounded = x.mul_add(T::of(std::f64::consts::LOG2_E), T::ROUND);
    let n = rounded - T::ROUND;
    let r = (-n).mul_add(T::LN_2.1, (-n).mul_add(T::LN_2.0, x));
    let mut series = T::ZERO;
    for coefficient in EXP_SERIES[..T::EXP_TERMS].iter().rev() {
        series = series.mul_add(r, T::of(*coefficient));
    }
    let (a, b) = T::power_of_two(rounded);
    (a, b, series * r)
}

/// eˣ.
#[inline(always)]
pub(crate) fn exp<T: Scalar>(x: T) -> T {
    let (a, b, m) = exp_parts(x);
    (T::ONE + m) * a * b
}

/// eˣ − 1, without cancellation near 0.
#[inline(always)]
pub(crate) fn exp_m1<T: Scalar>(x: T) -> T {
    let (a, b, m) = exp_parts(x);
    // 2ⁿ m + (2ⁿ − 1); for x so large that 2ⁿ alone overflows, factor by factor.
    let power = a * b;
    let value = power.mul_add(m, power - T::ONE);
    if x > T::of(60.0) { (T::ONE + m) * a * b } else { value }
}

/// 1 / (1 + e⁻ᶻ).
#[inline(always)]
pub(crate) fn sigmoid<T: Scalar>(z: T) -> T {
    let e = exp(-z.abs());
    let numerator = if z < T::ZERO { e } else { T::ONE };
    numerator / (T::ONE + e)
}

/// tanh z = (e²ᶻ − 1) / (e²ᶻ + 1).
#[inline(always)]
pub(crate) fn tanh<T: Scalar>(z: T) -> T {
    let m = exp_m1(-T::of(2.0) * z.abs());
    let size = -m / (m + T::of(2.0));
    if z < T::ZERO { -size } else { size }
}

/// ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|).
#[inline(always)]
pub(crate) fn softplus<T: Scalar>(z: T) -> T {
    let e = exp(-z.abs());
    let positive = if z < T::ZERO { T::ZERO } else { z };
    positive + ln_1p_of_unit(e)
}

/// ln(1 + e) = 2 artanh(e / (2 + e)) for e in [0, 1].
#[inline(always)]
fn ln_1p_of_unit<T: Scalar>(e: T) -> T {
    let s = e / (T::of(2.0) + e);
    let s2 = s * s;
    let mut series = T::ZERO;
    for k in (0..T::ARTANH_TERMS).rev() {
        series = series.mul_add(s2, T::of(1.0 / (2 * k + 1) as f64));
    }
    (s + s) * series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error allowed, in units in the last place of the true value.
    const ULPS: f64 = 4.0;

    type Pair<T> = (&'static str, fn(T) -> T, fn(f64) -> f64);

    fn true_sigmoid(z: f64) -> f64 {
        let e = (-z.abs()).exp();
        if z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
    }

    fn true_softplus(z: f64) -> f64 {
        z.max(0.0) + (-z.abs()).exp().ln_1p()
    }

    /// The error of an f32 in units in the last place; infinite where one is special and the other not.
    fn ulps(found: f32, truth: f64) -> f64 {
        let rounded = truth as f32;
        if rounded.is_nan() || rounded.is_infinite() || !found.is_finite() {
            let same = found == rounded || (found.is_nan() && rounded.is_nan());
            // Just below the overflow, one more unit rounds to infinity.
            let next =
                f64::from(found.abs()).max(truth.abs()) >= f64::from(f32::MAX) * (1.0 - 1e-6);
            return if same || (next && !found.is_nan()) { 0.0 } else { f64::INFINITY };
        }
        let size = rounded.abs().to_bits();
        let ulp = f64::from(f32::from_bits(size + 1)) - f64::from(f32::from_bits(size));
        (f64::from(found) - truth).abs() / ulp
    }

    #[test]
    fn f32_is_good_to_four_units_over_its_whole_range() {
        // Double precision is a reference of 29 more bits. Every 251st of all 2³² numbers, NaN,
        // infinities and subnormals among them.
        let functions: [Pair<f32>; 5] = [
            ("exp", exp, f64::exp),
            ("exp_m1", exp_m1, f64::exp_m1),
            ("sigmoid", sigmoid, true_sigmoid),
            ("tanh", tanh, f64::tanh),
            ("softplus", softplus, true_softplus),
        ];
        for (name, ours, truth) in functions {
            let special = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 0.0, -0.0, 1e-45, -1e-45];
            let all = (0..u32::MAX).step_by(251).map(f32::from_bits).chain(special);
            for x in all {
                let error = ulps(ours(x), truth(f64::from(x)));
                assert!(error <= ULPS, "{name}({x:e}): {error} units");
            }
        }
    }

    #[test]
    fn f64_agrees_with_libm_to_four_units() {
        // libm is good to about one unit; the bound holds for the sum of both errors.
        let functions: [Pair<f64>; 5] = [
            ("exp", exp, libm::exp),
            ("exp_m1", exp_m1, libm::expm1),
            ("sigmoid", sigmoid, true_sigmoid),
            ("tanh", tanh, libm::tanh),
            ("softplus", softplus, true_softplus),
        ];
        for (name, ours, truth) in functions {
            let grid = (-800_000..=800_000).map(|k| f64::from(k) * 1.000_123e-3);
            let small = (1..=300).flat_map(|k| [10f64.powi(-k), -(10f64.powi(-k))]);
            let special = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, -0.0, 5e-324, -5e-324];
            for x in grid.chain(small).chain(special) {
                let (found, truth) = (ours(x), truth(x));
                let same = found == truth || (found.is_nan() && truth.is_nan());
                let size = truth.abs().to_bits();
                let ulp = f64::from_bits(size + 1) - f64::from_bits(size);
                let close = (found - truth).abs() <= ULPS * ulp;
                assert!(same || close, "{name}({x:e}) is {found:e}, not {truth:e}");
            }
        }
    }

    #[test]
    fn an_element_has_the_same_bits_alone_and_in_a_slice() {
        let mut slice: Vec<f32> = (0..67).map(|k| (k as f32 - 33.0) * 0.7).collect();
        let alone: Vec<u32> = slice.iter().map(|&z| sigmoid(z).to_bits()).collect();
        vectorize(|| slice.iter_mut().for_each(|z| *z = sigmoid(*z)));
        assert_eq!(slice.iter().map(|z| z.to_bits()).collect::<Vec<_>>(), alone);
    }
}
