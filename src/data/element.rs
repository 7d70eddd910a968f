//! Numbers as binary files store them.

use super::long_double;
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

    /// The bits of numbers, whose least one is the last.
    pub(crate) fn bits(self, bytes: &[u8]) -> impl Iterator<Item = u128> {
        bytes.chunks_exact(self.size()).map(move |number| {
            let mut padded = [0; 16];
            let (of_number, _) = padded.split_at_mut(number.len());
            of_number.copy_from_slice(number);
            if self.is_big_endian {
                of_number.reverse();
            }
            u128::from_le_bytes(padded)
        })
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
            Kind::F80 { .. } => {
                for (to, bits) in to.zip(self.bits(bytes)) {
                    *to = T::of(long_double::nearest(bits) * scale);
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
}
