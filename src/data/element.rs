//! Numbers as binary files store them.

use crate::numbers::scalar::Float;

/// The number types of binary files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
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
            Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
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
            ($t:ty) => {{
                let (numbers, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                if self.is_big_endian {
                    for (to, &number) in to.zip(numbers) {
                        *to = T::of(<$t>::from_be_bytes(number) as f64 * scale);
                    }
                } else {
                    for (to, &number) in to.zip(numbers) {
                        *to = T::of(<$t>::from_le_bytes(number) as f64 * scale);
                    }
                }
            }};
        }
        match self.kind {
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
