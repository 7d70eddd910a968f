//! The number types a model computes in.

use nalgebra::RealField;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use crate::numbers::once::{Once, once};
use crate::numbers::vector::{exp, vectorize};

mod sealed {
    /// A number type that model files can hold, where there are model files.
    #[cfg(feature = "safetensors")]
    pub trait Sealed: crate::numbers::bytes::Element {}
    #[cfg(not(feature = "safetensors"))]
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number type that models compute in: `f32` or `f64`.
///
/// The trait is sealed; take `f32` for speed and `f64` for gradient checks.
pub trait Float:
    RealField
    + Copy
    + Default
    + std::fmt::LowerExp
    + crate::numbers::vector::Bits
    + crate::numbers::product::Pack
    + crate::numbers::room::Room
    + sealed::Sealed
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
    /// This number in double precision, without loss.
    fn to_double(self) -> f64;
    /// The nearest number to a decimal text such as `-1.5e3`; `None` if it is no number.
    fn parse(text: &str) -> Option<Self>;
    /// The Gauss error function, 2/√π ∫₀ˣ e^(−t²) dt.
    fn erf(self) -> Self;
    /// Draws from N(0, 1).
    fn draw_normal(rng: &mut dyn Rng) -> Self;
    /// Draws uniformly from [0, 1).
    fn draw_uniform(rng: &mut dyn Rng) -> Self;
    /// Writes `scale` times these numbers as bytes, in the order of this machine.
    #[doc(hidden)]
    fn write_scaled(values: &[Self], scale: Self, to: &mut [u8]);
    /// Adds the numbers that these bytes are to others, or writes them over others.
    #[doc(hidden)]
    fn add_read(bytes: &[u8], is_new: bool, to: &mut [Self]);
    /// Calls what was compiled for this type.
    #[doc(hidden)]
    fn once<'a, 'b: 'a, F: Once>(arguments: F::Arguments<'a, 'b, Self>) -> F::Output<Self>;
}

macro_rules! scalar {
    ($t:ty, $erf:path, $compiled:ident) => {
        impl Float for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $t
            }
            #[inline(always)]
            fn to_double(self) -> f64 {
                f64::from(self)
            }
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
            fn erf(self) -> Self {
                $erf(self)
            }
            fn draw_normal(rng: &mut dyn Rng) -> Self {
                StandardNormal.sample(rng)
            }
            fn draw_uniform(rng: &mut dyn Rng) -> Self {
                rng.random()
            }
            fn write_scaled(values: &[Self], scale: Self, to: &mut [u8]) {
                let places = to.chunks_exact_mut(size_of::<$t>());
                for (place, value) in places.zip(values) {
                    place.copy_from_slice(&(scale * value).to_ne_bytes());
                }
            }
            fn add_read(bytes: &[u8], is_new: bool, to: &mut [Self]) {
                let read = |bytes: &[u8]| {
                    let mut value = [0; size_of::<$t>()];
                    value.copy_from_slice(bytes);
                    <$t>::from_ne_bytes(value)
                };
                let pairs = to.iter_mut().zip(bytes.chunks_exact(size_of::<$t>()));
                if is_new {
                    pairs.for_each(|(to, bytes)| *to = read(bytes));
                } else {
                    pairs.for_each(|(to, bytes)| *to += read(bytes));
                }
            }
            #[inline(always)]
            fn once<'a, 'b: 'a, F: Once>(arguments: F::Arguments<'a, 'b, Self>) -> F::Output<Self> {
                F::$compiled(arguments)
            }
        }
    };
}
scalar!(f32, libm::erff, single);
scalar!(f64, libm::erf, double);

/// Lanes of the running sums below: wide enough for the widest vector registers.
pub(crate) const LANES: usize = 16;

/// Σ f(aᵢ, bᵢ), summed in a fixed order that depends on the length alone.
#[inline]
pub(crate) fn sum_pairs<T: Float>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> T {
    assert_eq!(a.len(), b.len());
    vectorize(
        #[inline(always)]
        || {
            let mut lanes = [T::ZERO; LANES];
            let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
            let tail = a_chunks.remainder().iter().zip(b_chunks.remainder());
            let tail = tail.fold(T::ZERO, |sum, (&a, &b)| sum + f(a, b));
            for (a, b) in a_chunks.zip(b_chunks) {
                for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
                    *lane += f(a, b);
                }
            }
            lanes.iter().fold(tail, |sum, &lane| sum + lane)
        },
    )
}

/// A number that other values would hardly have: multiplied and rotated, value by value, so that order counts. NaN has
/// many bits, and means one thing.
pub(crate) fn digest_of_values<T: Float>(values: &[T]) -> u64 {
    let mix = |hash: u64, x: &T| {
        let x = x.to_double();
        let bits = if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
        (hash.rotate_left(23) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    values.iter().fold(0, mix)
}

/// Whether it is NaN: in samples, a value that is missing.
#[inline(always)]
#[allow(clippy::eq_op)] // what NaN alone is not
pub(crate) fn is_nan<T: Float>(x: T) -> bool {
    x != x
}

/// How many of these are there, and not NaN.
#[inline]
pub(crate) fn count_present<T: Float>(values: &[T]) -> usize {
    let missing = sum(
        values,
        #[inline(always)]
        |x| if is_nan(x) { T::ONE } else { T::ZERO },
    );
    values.len() - missing.to_double() as usize
}

/// Σ f(aᵢ), summed in a fixed order that depends on the length alone.
#[inline]
pub(crate) fn sum<T: Float>(a: &[T], f: impl Fn(T) -> T) -> T {
    sum_pairs(
        a,
        a,
        #[inline(always)]
        |a, _| f(a),
    )
}

/// Σ f(aᵢ, bᵢ, cᵢ), summed in a fixed order that depends on the length alone.
#[inline]
pub(crate) fn sum_triples<T: Float>(a: &[T], b: &[T], c: &[T], f: impl Fn(T, T, T) -> T) -> T {
    assert!(a.len() == b.len() && a.len() == c.len());
    vectorize(
        #[inline(always)]
        || {
            let mut lanes = [T::ZERO; LANES];
            let (a, b, c) = (a.chunks(LANES), b.chunks(LANES), c.chunks(LANES));
            for ((a, b), c) in a.zip(b).zip(c) {
                for (((lane, &a), &b), &c) in lanes.iter_mut().zip(a).zip(b).zip(c) {
                    *lane += f(a, b, c);
                }
            }
            lanes.iter().fold(T::ZERO, |sum, &lane| sum + lane)
        },
    )
}

once! {
    /// Whether none is infinite or NaN.
    pub(crate) fn all_finite(values: &'a [T]) -> bool = all_finite_generic;
    /// The greatest of these values; −∞ of none.
    pub(crate) fn greatest(values: &'a [T]) -> T = greatest_generic;
    /// Turns logarithms into their exponentials over the greatest, and gives that logarithm.
    pub(crate) fn exponentials(values: &'a mut [T]) -> T = exponentials_generic;
    /// Turns logarithms into their exponentials.
    pub(crate) fn exponentials_of(values: &'a mut [T]) = exponentials_of_generic;
}

/// Looks at all of them, whatever the first one is: so there is no branch, and no value waits for the one before.
fn all_finite_generic<T: Float>(values: &[T]) -> bool {
    vectorize(
        #[inline(always)]
        || values.iter().fold(true, |all, value| all & value.is_finite()),
    )
}

fn greatest_generic<T: Float>(values: &[T]) -> T {
    #[inline(always)]
    fn more<T: Float>(most: T, value: T) -> T {
        if value > most { value } else { most }
    }
    vectorize(
        #[inline(always)]
        || {
            let mut lanes = [T::of(f64::NEG_INFINITY); LANES];
            let chunks = values.chunks_exact(LANES);
            let tail = chunks.remainder().iter().fold(lanes[0], |most, &value| more(most, value));
            for values in chunks {
                for (lane, &value) in lanes.iter_mut().zip(values) {
                    *lane = more(*lane, value);
                }
            }
            lanes.iter().fold(tail, |most, &lane| more(most, lane))
        },
    )
}

fn exponentials_generic<T: Float>(values: &mut [T]) -> T {
    let most = greatest(values);
    vectorize(
        #[inline(always)]
        || values.iter_mut().for_each(|value| *value = exp(*value - most)),
    );
    most
}

fn exponentials_of_generic<T: Float>(values: &mut [T]) {
    vectorize(
        #[inline(always)]
        || values.iter_mut().for_each(|value| *value = exp(*value)),
    );
}

/// A quantile of values in ascending order, of which there is at least one: linear between two of them, as in
/// Hyndman and Fan's type 7.
pub(crate) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let below = (place as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    let part = place - below as f64;
    sorted[below] * (1.0 - part) + sorted[above] * part
}

/// ln Σ eᵃ, without overflow.
pub(crate) fn log_sum_exp<T: Float>(values: &[T]) -> T {
    log_sum_exp_of(values.iter().copied())
}

/// The same of values that come one by one.
pub(crate) fn log_sum_exp_of<T: Float>(values: impl Iterator<Item = T> + Clone) -> T {
    let lowest = T::of(f64::NEG_INFINITY);
    let most = values.clone().fold(lowest, |most, a| if a > most { a } else { most });
    if most == lowest {
        return most;
    }
    let sum = values.fold(T::ZERO, |sum, a| sum + (a - most).exp());
    most + sum.ln()
}
