//! A named array of numbers, and how its numbers become bytes.

use std::borrow::Cow;

use safetensors::Dtype;

/// A named array: borrowed to be written, owned after it was read.
///
/// The format counts dimensions row by row, the last index fastest. Our matrices lie column by
/// column, so one of `rows × columns` has the shape `[columns, rows]` in the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor<'a> {
    pub name: Cow<'a, str>,
    pub shape: Vec<usize>,
    pub values: Values<'a>,
}

impl<'a> Tensor<'a> {
    pub fn new<T: Element>(
        name: impl Into<Cow<'a, str>>,
        shape: &[usize],
        values: &'a [T],
    ) -> Self {
        let values = T::wrap(Cow::Borrowed(values));
        Self { name: name.into(), shape: shape.to_vec(), values }
    }
}

/// A number type that a file can hold.
pub trait Element: Copy {
    /// Appends these values as bytes, little-endian.
    fn encode(values: &[Self], to: &mut Vec<u8>);
    /// Appends the values that these bytes are.
    fn decode(bytes: &[u8], to: &mut Vec<Self>);
    /// The value in double precision, to ask whether it is finite and to show it.
    fn as_double(self) -> f64;
    /// These values as those of some type.
    fn wrap(values: Cow<'_, [Self]>) -> Values<'_>;
    /// The values, if they are of this type.
    fn unwrap(values: Values<'_>) -> Option<Cow<'_, [Self]>>;
    /// The format's name of the type: `F32`.
    fn name() -> String {
        format!("{:?}", Self::wrap(Cow::Borrowed(&[])).dtype())
    }
}

macro_rules! elements {
    ($($t:ty => $dtype:ident),*) => {
        /// The numbers of a tensor, of one of the types that a file can hold.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Values<'a> {
            $($dtype(Cow<'a, [$t]>),)*
        }

        impl Values<'_> {
            /// An empty array of this type, and the bytes of one value; nothing for a type that no
            /// file of ours has.
            pub fn empty(dtype: Dtype) -> Option<(Self, usize)> {
                match dtype {
                    $(Dtype::$dtype => {
                        Some((Self::$dtype(Cow::Owned(Vec::new())), size_of::<$t>()))
                    })*
                    _ => None,
                }
            }

            pub fn dtype(&self) -> Dtype {
                match self { $(Self::$dtype(_) => Dtype::$dtype,)* }
            }

            /// How many there are.
            pub fn len(&self) -> usize {
                match self { $(Self::$dtype(values) => values.len(),)* }
            }

            /// Calls `take` with all bytes in order, at most [`CHUNK`] at a time.
            pub fn try_each_chunk<E>(
                &self,
                mut take: impl FnMut(&[u8]) -> Result<(), E>,
            ) -> Result<(), E> {
                let mut bytes = Vec::new();
                match self {
                    $(Self::$dtype(values) => {
                        for part in values.chunks(CHUNK / size_of::<$t>()) {
                            bytes.clear();
                            <$t>::encode(part, &mut bytes);
                            take(&bytes)?;
                        }
                    })*
                }
                Ok(())
            }

            /// Makes room for so many values; nothing when there is no memory for them.
            pub fn reserve(&mut self, count: usize) -> Option<()> {
                match self {
                    $(Self::$dtype(values) => values.to_mut().try_reserve_exact(count).ok(),)*
                }
            }

            /// Appends the values that these bytes are.
            pub fn extend(&mut self, bytes: &[u8]) {
                match self {
                    $(Self::$dtype(values) => <$t>::decode(bytes, values.to_mut()),)*
                }
            }

            /// The first value that is not finite, with its index.
            pub fn not_finite(&self) -> Option<(usize, f64)> {
                match self {
                    $(Self::$dtype(values) => {
                        let values = values.iter().map(|value| value.as_double());
                        values.enumerate().find(|(_, value)| !value.is_finite())
                    })*
                }
            }
        }

        $(impl Element for $t {
            fn encode(values: &[Self], to: &mut Vec<u8>) {
                let start = to.len();
                to.resize(start + size_of_val(values), 0);
                let (places, _) = to[start..].as_chunks_mut();
                for (place, value) in places.iter_mut().zip(values) {
                    *place = value.to_le_bytes();
                }
            }
            fn decode(bytes: &[u8], to: &mut Vec<Self>) {
                let (values, _) = bytes.as_chunks();
                to.extend(values.iter().map(|&value| <$t>::from_le_bytes(value)));
            }
            fn as_double(self) -> f64 {
                self as f64
            }
            fn wrap(values: Cow<'_, [Self]>) -> Values<'_> {
                Values::$dtype(values)
            }
            fn unwrap(values: Values<'_>) -> Option<Cow<'_, [Self]>> {
                match values {
                    Values::$dtype(values) => Some(values),
                    _ => None,
                }
            }
        })*
    };
}
elements!(f32 => F32, f64 => F64, u8 => U8, u64 => U64);

/// Bytes that are converted, hashed and written or read at a time; a multiple of every type's size.
pub(crate) const CHUNK: usize = 1 << 16;
