//! Element-wise mathematics in plain arithmetic, so that the compiler can vectorise it.
//!
//! Each function is a polynomial, a few bit tricks and no branch, good to a few units in the last
//! place over its whole range, infinities and NaN included. A loop over them runs inside
//! [`vectorize`], which picks the widest instructions of the machine at run time.
//!
//! Every element takes the same operations wherever it lies in a slice, so its bits do not depend
//! on its neighbours.

use rand::{Rng, RngExt};

use crate::numbers::once::once;
use crate::numbers::scalar::Float;

/// Runs a loop compiled for the widest instructions that this machine has.
#[inline(always)]
pub(crate) fn vectorize<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// The instructions that vectorized code uses on this processor: others add in another order.
pub(crate) fn instructions() -> String {
    format!("{:?}", pulp::Arch::new()).split('(').next().unwrap_or_default().to_owned()
}

/// The bit tricks and constants that differ between the two number types.
pub trait Bits: Copy {
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
    /// Terms of the series of sin and cos on |r| ≤ π/4.
    const SINE_TERMS: usize;
    /// A random word.
    type Word: Copy + Default;
    /// 2ⁿ, where `rounded` is n + [`ROUND`](Bits::ROUND); in two factors, as 2ⁿ may be subnormal.
    fn power_of_two(rounded: Self) -> (Self, Self);
    /// The last two bits of n, where `rounded` is n + [`ROUND`](Bits::ROUND).
    fn quadrant(rounded: Self) -> u32;
    /// x = m 2ᵉ with m in [√½, √2), for a normal x > 0.
    fn split(x: Self) -> (Self, Self);
    /// Draws a word for each place.
    fn fill_words(words: &mut [Self::Word], rng: &mut dyn Rng);
    /// Uniform in (0, 1].
    fn uniform(word: Self::Word) -> Self;
}

impl Bits for f32 {
    const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    const ROUND: f32 = 12_582_912.0;
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    const EXP_TERMS: usize = 7;
    const ARTANH_TERMS: usize = 8;
    const SINE_TERMS: usize = 5;
    type Word = u32;

    #[inline(always)]
    fn power_of_two(rounded: f32) -> (f32, f32) {
        let n = rounded.to_bits().wrapping_sub(Self::ROUND.to_bits()) as i32;
        let half = n >> 1;
        let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
        (power(half), power(n.wrapping_sub(half)))
    }

    #[inline(always)]
    fn quadrant(rounded: f32) -> u32 {
        rounded.to_bits() & 3
    }

    #[inline(always)]
    fn split(x: f32) -> (f32, f32) {
        const ROOT_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
        let exponent = (x.to_bits().wrapping_sub(ROOT_HALF) as i32) >> 23;
        let mantissa = f32::from_bits(x.to_bits().wrapping_sub((exponent as u32) << 23));
        let rounded = f32::from_bits((exponent as u32).wrapping_add(Self::ROUND.to_bits()));
        (mantissa, rounded - Self::ROUND)
    }

    fn fill_words(words: &mut [u32], rng: &mut dyn Rng) {
        rng.fill(words);
    }

    #[inline(always)]
    fn uniform(word: u32) -> f32 {
        (word as f32).mul_add(1.0 / 4_294_967_296.0, 0.5 / 4_294_967_296.0)
    }
}

impl Bits for f64 {
    const EXP_RANGE: (f64, f64) = (-746.0, 710.0);
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2: (f64, f64) = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
    const EXP_TERMS: usize = 13;
    const ARTANH_TERMS: usize = 17;
    const SINE_TERMS: usize = 9;
    type Word = u64;

    #[inline(always)]
    fn power_of_two(rounded: f64) -> (f64, f64) {
        let n = rounded.to_bits().wrapping_sub(Self::ROUND.to_bits()) as i64;
        let half = n >> 1;
        let power = |n: i64| f64::from_bits((n.wrapping_add(1023) as u64) << 52);
        (power(half), power(n.wrapping_sub(half)))
    }

    #[inline(always)]
    fn quadrant(rounded: f64) -> u32 {
        (rounded.to_bits() & 3) as u32
    }

    #[inline(always)]
    fn split(x: f64) -> (f64, f64) {
        const ROOT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
        let exponent = (x.to_bits().wrapping_sub(ROOT_HALF) as i64) >> 52;
        let mantissa = f64::from_bits(x.to_bits().wrapping_sub((exponent as u64) << 52));
        let rounded = f64::from_bits((exponent as u64).wrapping_add(Self::ROUND.to_bits()));
        (mantissa, rounded - Self::ROUND)
    }

    fn fill_words(words: &mut [u64], rng: &mut dyn Rng) {
        rng.fill(words);
    }

    #[inline(always)]
    fn uniform(word: u64) -> f64 {
        ((word >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
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
fn exp_parts<T: Float>(x: T) -> (T, T, T) {
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
pub(crate) fn exp<T: Float>(x: T) -> T {
    let (a, b, m) = exp_parts(x);
    (T::ONE + m) * a * b
}

/// eˣ − 1, without cancellation near 0.
#[inline(always)]
pub(crate) fn exp_m1<T: Float>(x: T) -> T {
    let (a, b, m) = exp_parts(x);
    // 2ⁿ m + (2ⁿ − 1); for x so large that 2ⁿ alone overflows, factor by factor.
    let power = a * b;
    let value = power.mul_add(m, power - T::ONE);
    if x > T::of(60.0) { (T::ONE + m) * a * b } else { value }
}

/// 1 / (1 + e⁻ᶻ).
#[inline(always)]
pub(crate) fn sigmoid<T: Float>(z: T) -> T {
    let e = exp(-z.abs());
    let numerator = if z < T::ZERO { e } else { T::ONE };
    numerator / (T::ONE + e)
}

/// tanh z = (e²ᶻ − 1) / (e²ᶻ + 1).
#[inline(always)]
pub(crate) fn tanh<T: Float>(z: T) -> T {
    let m = exp_m1(-T::of(2.0) * z.abs());
    let size = -m / (m + T::of(2.0));
    if z < T::ZERO { -size } else { size }
}

/// ln(1 + eᶻ) = max(z, 0) + ln(1 + e^−|z|).
#[inline(always)]
pub(crate) fn softplus<T: Float>(z: T) -> T {
    let e = exp(-z.abs());
    let positive = if z < T::ZERO { T::ZERO } else { z };
    positive + ln_1p_of_unit(e)
}

/// ln(1 + e) = 2 artanh(e / (2 + e)) for e in [0, 1].
#[inline(always)]
fn ln_1p_of_unit<T: Float>(e: T) -> T {
    twice_artanh(e / (T::of(2.0) + e))
}

/// 2 artanh s for |s| ≤ ⅓.
#[inline(always)]
fn twice_artanh<T: Float>(s: T) -> T {
    let s2 = s * s;
    let mut series = T::ZERO;
    for k in (0..T::ARTANH_TERMS).rev() {
        series = series.mul_add(s2, T::of(1.0 / (2 * k + 1) as f64));
    }
    (s + s) * series
}

/// ln x for a normal x > 0.
#[inline(always)]
fn ln<T: Float>(x: T) -> T {
    let (m, e) = T::split(x);
    let mantissa = twice_artanh((m - T::ONE) / (m + T::ONE));
    e.mul_add(T::LN_2.0, e.mul_add(T::LN_2.1, mantissa))
}

/// (−1)ᵏ / (2k + 1)! and (−1)ᵏ / (2k)!.
const SINE_SERIES: [(f64, f64); 10] = {
    let mut series = [(1.0, 1.0); 10];
    let mut k = 1;
    while k < 10 {
        let even = -series[k - 1].0 / (2 * k) as f64;
        series[k] = (even / (2 * k + 1) as f64, even);
        k += 1;
    }
    series
};

/// sin and cos of 2π `turn`, for turns from 0 to 1.
#[inline(always)]
fn sin_cos<T: Float>(turn: T) -> (T, T) {
    let rounded = T::of(4.0).mul_add(turn, T::ROUND);
    let r = T::of(4.0).mul_add(turn, T::ROUND - rounded) * T::of(std::f64::consts::FRAC_PI_2);
    let r2 = r * r;
    let (mut sin, mut cos) = (T::ZERO, T::ZERO);
    for &(odd, even) in SINE_SERIES[..=T::SINE_TERMS].iter().rev() {
        sin = sin.mul_add(r2, T::of(odd));
        cos = cos.mul_add(r2, T::of(even));
    }
    sin *= r;
    let quadrant = T::quadrant(rounded);
    let (sin, cos) = if quadrant & 1 == 0 { (sin, cos) } else { (cos, sin) };
    let sin = if quadrant & 2 == 0 { sin } else { -sin };
    let cos = if (quadrant + 1) & 2 == 0 { cos } else { -cos };
    (sin, cos)
}

once! {
    /// Draws each value from N(0, 1), by Box and Muller's transform: a pair of normals from a pair of
    /// uniforms.
    ///
    /// # References
    /// G. Box, M. Muller (1958), A note on the generation of random normal deviates.
    pub(crate) fn fill_normal(values: &'a mut [T], rng: &'a mut dyn Rng) = fill_normal_generic;
}

fn fill_normal_generic<T: Float>(values: &mut [T], rng: &mut dyn Rng) {
    /// Pairs that are drawn together.
    const PAIRS: usize = 64;
    let (mut radii, mut angles) = ([T::Word::default(); PAIRS], [T::Word::default(); PAIRS]);
    let (mut first, mut second) = ([T::ZERO; PAIRS], [T::ZERO; PAIRS]);
    for values in values.chunks_mut(2 * PAIRS) {
        let pairs = values.len().div_ceil(2);
        T::fill_words(&mut radii[..pairs], rng);
        T::fill_words(&mut angles[..pairs], rng);
        let words = radii[..pairs].iter().zip(&angles);
        let normals = first.iter_mut().zip(&mut second);
        vectorize(
            #[inline(always)]
            || {
                for ((cosine, sine), (&radius, &angle)) in normals.zip(words) {
                    let radius = (T::of(-2.0) * ln(T::uniform(radius))).sqrt();
                    let (sin, cos) = sin_cos(T::uniform(angle));
                    (*cosine, *sine) = (radius * cos, radius * sin);
                }
            },
        );
        let (left, right) = values.split_at_mut(pairs);
        left.copy_from_slice(&first[..pairs]);
        right.copy_from_slice(&second[..right.len()]);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

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

    /// Function, argument and value as the bits of doubles; values of 60 digits, rounded once, by
    ///
    /// ```text
    /// from mpmath import mp, mpf, exp, expm1, tanh, log1p
    /// import struct, random
    /// mp.dps = 60
    /// hexed = lambda v: struct.pack('>d', float(v)).hex()
    /// sigmoid = lambda z: 1 / (1 + exp(-z))
    /// softplus = lambda z: log1p(exp(z)) if z < 0 else z + log1p(exp(-z))
    /// functions = [('exp', exp), ('exp_m1', expm1), ('sigmoid', sigmoid), ('tanh', tanh), ('softplus', softplus)]
    /// random.seed(1)
    /// points = [s * random.uniform(1, 10) * 10.0 ** e for e in range(-20, 3) for s in (-1, 1) for _ in range(4)]
    /// points += [-744.4, -708.5, -708.3, -37.5, -36.8, 18.9, 36.8, 709.7, -0.34657359, 0.34657359, -1e-308, 5e-324]
    /// for name, f in functions:
    ///     for x in points:
    ///         if name in ('exp', 'exp_m1') and x > 709.78: continue
    ///         print(name, hexed(x), hexed(f(mpf(x))))
    /// ```
    const REFERENCE: &str = include_str!("vector/reference.txt");

    #[test]
    fn f64_is_good_to_four_units_of_the_true_value() {
        for line in REFERENCE.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let bits = |word| f64::from_bits(u64::from_str_radix(word, 16).unwrap());
            let (x, truth) = (bits(words[1]), bits(words[2]));
            let found = match words[0] {
                "exp" => exp(x),
                "exp_m1" => exp_m1(x),
                "sigmoid" => sigmoid(x),
                "tanh" => tanh(x),
                "softplus" => softplus(x),
                other => panic!("{other}"),
            };
            let error = if found == truth { 0.0 } else { ulps_f64(found, truth) };
            assert!(error <= ULPS, "{}({x:e}) is {found:e}, not {truth:e}", words[0]);
        }
    }

    #[test]
    fn f64_agrees_with_libm_to_four_units() {
        // A finer grid than the reference's; libm is good to about one unit, and the bound holds
        // for the sum of both errors.
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

    /// |found − truth| in units in the last place of the truth.
    fn ulps_f64(found: f64, truth: f64) -> f64 {
        let size = truth.abs().to_bits();
        (found - truth).abs() / (f64::from_bits(size + 1) - f64::from_bits(size))
    }

    #[test]
    fn logarithms_sines_and_cosines_are_good_to_four_units() {
        for k in 1..=200_000_u32 {
            let x = f64::from(k) / 200_000.0;
            for x in [x, x * 1e-3, x * 2f64.powi(-40)] {
                assert!(ulps_f64(ln(x), libm::log(x)) <= ULPS, "ln {x:e}");
                let x = x as f32;
                assert!(ulps(ln(x), f64::from(x).ln()) <= ULPS, "ln {x:e}");
            }
        }
        // Reduced before it is multiplied by 2π; near a zero of either only the absolute error counts.
        let truth = |turn: f64| {
            let quarter = (4.0 * turn).round();
            let (sin, cos) = libm::sincos((4.0 * turn - quarter) * std::f64::consts::FRAC_PI_2);
            [(sin, cos), (cos, -sin), (-sin, -cos), (-cos, sin), (sin, cos)][quarter as usize]
        };
        for k in 0..=200_000_u32 {
            let turn = f64::from(k) / 200_000.0;
            let ((sin, cos), (true_sin, true_cos)) = (sin_cos(turn), truth(turn));
            assert!((sin - true_sin).abs() <= ULPS * f64::EPSILON, "sin {turn}");
            assert!((cos - true_cos).abs() <= ULPS * f64::EPSILON, "cos {turn}");
            let turn = turn as f32;
            let ((sin, cos), (true_sin, true_cos)) = (sin_cos(turn), truth(f64::from(turn)));
            let bound = ULPS * f64::from(f32::EPSILON);
            assert!((f64::from(sin) - true_sin).abs() <= bound, "sin {turn}");
            assert!((f64::from(cos) - true_cos).abs() <= bound, "cos {turn}");
        }
    }

    /// Kolmogorov and Smirnov's distance of a sample to the standard normal, and its tails.
    fn check_normals<T: Float>(count: usize) {
        let mut values = vec![T::ZERO; count];
        fill_normal(&mut values, &mut ChaCha8Rng::seed_from_u64(3));
        let mut values: Vec<f64> = values.into_iter().map(|value| value.to_double()).collect();
        values.sort_by(f64::total_cmp);
        let below = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        let distances = values.iter().enumerate().map(|(rank, &x)| {
            let share = (rank as f64 + 0.5) / count as f64;
            (share - below(x)).abs()
        });
        let distance = distances.fold(0.0, f64::max);
        // 1.95 / √n is passed by one sample in a thousand.
        assert!(distance <= 1.95 / (count as f64).sqrt(), "{distance}");
        for bound in [2.0, 3.0, 4.0] {
            let expected = 2.0 * below(-bound) * count as f64;
            let found = values.iter().filter(|x| x.abs() > bound).count() as f64;
            assert!((found - expected).abs() <= 5.0 * expected.sqrt(), "{found} beyond {bound}");
        }
        // Neighbours, and the two of a pair, are not correlated.
        let mut values = vec![T::ZERO; count];
        fill_normal(&mut values, &mut ChaCha8Rng::seed_from_u64(4));
        for distance in [1, 63, 64] {
            let pairs = values.iter().zip(&values[distance..]);
            let sum: f64 = pairs.map(|(a, b)| a.to_double() * b.to_double()).sum();
            assert!(sum.abs() <= 5.0 * (count as f64).sqrt(), "{sum} at {distance}");
        }
    }

    #[test]
    fn normals_are_normal() {
        check_normals::<f32>(1_000_000);
        check_normals::<f64>(1_000_000);
    }

    #[test]
    fn an_element_has_the_same_bits_alone_and_in_a_slice() {
        let mut slice: Vec<f32> = (0..67).map(|k| (k as f32 - 33.0) * 0.7).collect();
        let alone: Vec<u32> = slice.iter().map(|&z| sigmoid(z).to_bits()).collect();
        vectorize(
            #[inline(always)]
            || slice.iter_mut().for_each(|z| *z = sigmoid(*z)),
        );
        assert_eq!(slice.iter().map(|z| z.to_bits()).collect::<Vec<_>>(), alone);
    }
}
