//! Numbers as binary files store them.

use super::long_double;
use crate::numbers::half::{from_bf16, from_f16};
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
    /// The first half of single precision, which networks are trained in.
    #[cfg_attr(not(feature = "safetensors"), allow(dead_code))]
    Bf16,
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
            Kind::U16 | Kind::I16 | Kind::F16 | Kind::Bf16 => 2,
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
            Kind::F16 => decode!(u16, |bits| f64::from(from_f16(bits))),
            Kind::Bf16 => decode!(u16, |bits| f64::from(from_bf16(bits))),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a sign, an exponent of so many bits and a fraction of the others, by IEEE 754-2019, 3.4.
    fn by_definition(bits: u16, exponent_bits: i32) -> f64 {
        let fraction_bits = 15 - exponent_bits;
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        let exponent = i32::from(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
        let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / 2f64.powi(fraction_bits);
        let bias = (1 << (exponent_bits - 1)) - 1;
        sign * match exponent {
            0 => fraction * 2f64.powi(1 - bias),
            _ if exponent < (1 << exponent_bits) - 1 => {
                (1.0 + fraction) * 2f64.powi(exponent - bias)
            }
            _ if fraction == 0.0 => f64::INFINITY,
            _ => f64::NAN,
        }
    }

    /// All of both, in both orders of bytes, read as either type.
    #[test]
    fn every_number_of_sixteen_bits() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        for (kind, exponent_bits) in [(Kind::F16, 5), (Kind::Bf16, 8)] {
            for is_big_endian in [false, true] {
                let to_bytes = if is_big_endian { u16::to_be_bytes } else { u16::to_le_bytes };
                let bytes: Vec<u8> = all.iter().flat_map(|&bits| to_bytes(bits)).collect();
                let element = Element { kind, is_big_endian };
                let (mut double, mut single) = (vec![0.0_f64; all.len()], vec![0.0_f32; all.len()]);
                element.decode(&bytes, 1.0, double.iter_mut());
                element.decode(&bytes, 1.0, single.iter_mut());
                for ((&bits, &double), &single) in all.iter().zip(&double).zip(&single) {
                    let expected = by_definition(bits, exponent_bits);
                    let is_same = expected.to_bits() == double.to_bits()
                        && double.to_bits() == f64::from(single).to_bits();
                    let are_none = expected.is_nan() && double.is_nan() && single.is_nan();
                    assert!(is_same || are_none, "{kind:?} {bits:#x}: {double} and {single}");
                }
            }
        }
    }
}
