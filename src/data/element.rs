//! Numbers as binary files store them.

use crate::numbers::scalar::Float;

/// The number types of binary files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A byte that is 0 for no; anything else is yes, as NumPy has it.
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    /// Half precision.
    F16,
    F32,
    F64,
    /// The 80 bits of x86, in so many bytes: a `long double` of C.
    F80 {
        bytes: usize,
    },
}

/// A number type with its order of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) kind: Kind,
    pub(crate) is_big_endian: bool,
}

impl Element {
    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self.kind {
            Kind::Bool | Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 | Kind::F16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
            Kind::F80 { bytes } => bytes,
        }
    }

    /// Numbers times a scale, each the nearest of its type. What is too large becomes infinite.
    pub(crate) fn decode<'a, T: Float>(
        self,
        bytes: &[u8],
        scale: f64,
        to: impl Iterator<Item = &'a mut T>,
    ) {
        macro_rules! decode {
            ($t:ty) => {
                decode!($t, |number: $t| number as f64)
            };
            ($t:ty, $to_double:expr) => {{
                let (numbers, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                if self.is_big_endian {
                    for (to, &number) in to.zip(numbers) {
                        *to = T::of($to_double(<$t>::from_be_bytes(number)) * scale);
                    }
                } else {
                    for (to, &number) in to.zip(numbers) {
                        *to = T::of($to_double(<$t>::from_le_bytes(number)) * scale);
                    }
                }
            }};
        }
        match self.kind {
            Kind::Bool => decode!(u8, |byte| f64::from(u8::from(byte != 0))),
            Kind::F16 => decode!(u16, half),
            Kind::F80 { bytes: size } => {
                for (to, number) in to.zip(bytes.chunks_exact(size)) {
                    let mut padded = [0; 16];
                    padded[..size].copy_from_slice(number);
                    if self.is_big_endian {
                        padded[..size].reverse();
                    }
                    *to = T::of(extended(u128::from_le_bytes(padded)) * scale);
                }
            }
            Kind::U8 => decode!(u8),
            Kind::I8 => decode!(i8),
            Kind::U16 => decode!(u16),
            Kind::I16 => decode!(i16),
            Kind::U32 => decode!(u32),
            Kind::I32 => decode!(i32),
            Kind::U64 => decode!(u64),
            Kind::I64 => decode!(i64),
            Kind::F32 => decode!(f32),
            Kind::F64 => decode!(f64),
        }
    }
}

/// The value of a number in half precision: a sign, 5 bits of an exponent and 10 of a fraction (IEEE 754-2019, 3.4).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// The nearest number to one of x86's 80 bits: a sign, 15 bits of an exponent, and 64 of a significand whose first is
/// written too; of 16 bytes x86 leaves 6 as they were in memory. What it never writes is NaN, and so is what the long
/// doubles of other machines have there, whose sign and exponent are the last two bytes: they are 0 only of a number
/// that is nearly 0.
fn extended(bits: u128) -> f64 {
    let significand = bits as u64;
    let exponent = (bits >> 64 & 0x7fff) as i32;
    let is_normal = significand >> 63 == 1;
    let magnitude = match (exponent, is_normal) {
        // 0, and what is less than any number that f64 has.
        (0, _) if bits >> 112 & 0x7fff == 0 => 0.0,
        (0x7fff, true) if significand << 1 == 0 => f64::INFINITY,
        (1..0x7fff, true) => scaled(significand, exponent - 16_383 - 63),
        _ => f64::NAN,
    };
    if bits >> 79 & 1 == 1 { -magnitude } else { magnitude }
}

/// The nearest number to `significand · 2^exponent`, whose first bit is set, the even one of two.
fn scaled(significand: u64, exponent: i32) -> f64 {
    // What lies below the last bit of the result, whose least place is 2⁻¹⁰⁷⁴.
    let dropped = (-1074 - exponent).max(11);
    if dropped > 64 {
        return 0.0;
    }
    let kept = if dropped == 64 { 0 } else { significand >> dropped };
    let rest = u128::from(significand) & ((1 << dropped) - 1);
    let half = 1_u128 << (dropped - 1);
    let is_up = rest > half || rest == half && kept & 1 == 1;
    let rounded = (kept + u64::from(is_up)) as f64;
    let exponent = exponent + dropped;
    // In two steps, as 2^exponent alone may be less than any number that is not rounded.
    let first = exponent.clamp(-1000, 1000);
    rounded * 2f64.powi(first) * 2f64.powi((exponent - first).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of them, against single precision, which has each: bits moved to where it has them (IEEE 754-2019, 3.4).
    #[test]
    fn every_half() {
        for bits in 0..=u16::MAX {
            let sign = u32::from(bits >> 15) << 31;
            let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
            let single = match exponent {
                // A fraction of 2⁻¹⁴: the difference of two numbers that have a first bit.
                0 => {
                    let magnitude = f32::from_bits(113 << 23 | fraction << 13) - 2f32.powi(-14);
                    f32::from_bits(sign | magnitude.to_bits())
                }
                0x1f => f32::from_bits(sign | 0xff << 23 | fraction << 13),
                _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
            };
            let (expected, found) = (f64::from(single), half(bits));
            let is_same = expected.to_bits() == found.to_bits();
            assert!(is_same || expected.is_nan() && found.is_nan(), "{bits:#x}: {found}");
        }
    }

    /// Every double has a long double, and its bits are moved to where that has them; between two of them the nearest
    /// is meant.
    #[test]
    fn doubles_in_eighty_bits() {
        let extend = |x: f64| {
            let bits = x.to_bits();
            let (exponent, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
            let (exponent, significand) = match (exponent, fraction) {
                (0, 0) => (0, 0),
                (0, _) => {
                    let shift = fraction.leading_zeros();
                    (16_383 - 1011 - u64::from(shift), fraction << shift)
                }
                _ => (exponent + 16_383 - 1023, 1 << 63 | fraction << 11),
            };
            u128::from(bits >> 63) << 79 | u128::from(exponent) << 64 | u128::from(significand)
        };
        let least = f64::from_bits(1);
        for x in
            [0.0, 1.0, -1.5, 0.1, 1e300, f64::MAX, f64::MIN_POSITIVE, least, 3.0 * least, 1e-310]
        {
            for x in [x, -x] {
                assert_eq!(extended(extend(x)).to_bits(), x.to_bits(), "{x}");
            }
        }
        let one = extend(1.0);
        // The last place of a double is 2¹¹ of a long double's.
        for (more, expected) in [(1, 1.0), (1 << 10, 1.0), (1025, 1.0 + f64::EPSILON)] {
            assert_eq!(extended(one + more), expected);
        }
        let next = extend(1.0 + f64::EPSILON);
        assert_eq!(extended(next + (1 << 10)), 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(extended(extend(f64::MAX) + (1 << 10)), f64::INFINITY);
        // Half of the least number is between it and 0, which is even; a little more is not.
        let half = extend(least) - (1 << 64);
        assert_eq!((extended(half), extended(half + 1)), (0.0, least));
        assert_eq!(extended(half - (1 << 64)), 0.0);
        assert_eq!(extended(0x7fff << 64 | 1 << 63), f64::INFINITY);
        assert!(extended(0x7fff << 64 | 3 << 62).is_nan());
        // Its first bit is missing; 1.0 in the 128 bits of other machines.
        assert!(extended(0x3fff << 64 | 1).is_nan());
        assert!(extended(0x3fff << 112).is_nan());
    }
}
