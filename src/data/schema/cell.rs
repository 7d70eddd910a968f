use std::borrow::Cow;
use std::fmt;

/// A cell of a table in memory.
///
/// | from | is |
/// |---|---|
/// | `&str`, `String` | [`Text`](Cell::Text); an empty one and one such as `?` or `NA` is missing all the same |
/// | `f64`, `f32`, `i32`, `i64`, `u32`, … | [`Number`](Cell::Number); NaN is missing |
/// | `bool` | [`Text`](Cell::Text): `true` or `false` |
/// | `Option` | what is in it, or [`Missing`](Cell::Missing) |
///
/// # Example
/// ```
/// use autoencoder::data::Cell;
/// let row = [Cell::from("tcp"), 491.into(), None::<f64>.into()];
/// assert_eq!(row.map(|cell| cell.to_string()), ["tcp", "491", ""]);
/// assert_eq!(Cell::from("tcp"), "tcp");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// A text: a level, a date, also a number that is written out.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// Nothing.
    Missing,
}

/// As a file would have it; a missing cell is empty.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            // To a reader −0.0 is 0.
            Self::Number(number) => f.pad(&(number + 0.0).to_string()),
            Self::Missing => f.pad(""),
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}
impl<'a> From<&&'a str> for Cell<'a> {
    fn from(text: &&'a str) -> Self {
        Self::Text((*text).into())
    }
}
/// The same cell; its text is borrowed.
impl<'a> From<&'a Cell<'_>> for Cell<'a> {
    fn from(cell: &'a Cell<'_>) -> Self {
        match cell {
            Cell::Text(text) => Self::Text(Cow::Borrowed(text)),
            Cell::Number(number) => Self::Number(*number),
            Cell::Missing => Self::Missing,
        }
    }
}
impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text.into())
    }
}
impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}
impl From<bool> for Cell<'_> {
    fn from(is: bool) -> Self {
        Self::Text(if is { "true" } else { "false" }.into())
    }
}
impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        if number.is_nan() { Self::Missing } else { Self::Number(number) }
    }
}
/// The nearest number in double precision to what it is written as: 0.1 and not 0.10000000149.
impl From<f32> for Cell<'_> {
    fn from(number: f32) -> Self {
        Self::from(number.to_string().parse::<f64>().unwrap_or(f64::NAN))
    }
}
macro_rules! whole {
    ($($t:ty),+) => {
        $(impl From<$t> for Cell<'_> {
            fn from(number: $t) -> Self {
                Self::Number(number.into())
            }
        })+
    };
}
whole!(u8, i8, u16, i16, u32, i32);
/// Beyond 2⁵³ the nearest number in double precision.
impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number as f64)
    }
}
/// Beyond 2⁵³ the nearest number in double precision.
impl From<usize> for Cell<'_> {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}
impl<'a, C: Into<Cell<'a>>> From<Option<C>> for Cell<'a> {
    fn from(cell: Option<C>) -> Self {
        cell.map_or(Self::Missing, Into::into)
    }
}

impl PartialEq<&str> for Cell<'_> {
    fn eq(&self, text: &&str) -> bool {
        matches!(self, Self::Text(own) if own == text)
    }
}
impl PartialEq<f64> for Cell<'_> {
    fn eq(&self, number: &f64) -> bool {
        matches!(self, Self::Number(own) if own == number)
    }
}

/// A column of a table in memory, from a slice.
///
/// | from | missing |
/// |---|---|
/// | `&[f64]`, `&[f32]` | NaN |
/// | `&[&str]`, `&[String]` | empty, or a word such as `NA` |
/// | `&[Option<f64>]`, `&[Option<&str>]` | `None` |
/// | `&[Cell]` | [`Cell::Missing`] |
#[derive(Debug, Clone, Copy)]
pub struct Values<'a>(Slice<'a>);

#[derive(Debug, Clone, Copy)]
enum Slice<'a> {
    Doubles(&'a [f64]),
    Singles(&'a [f32]),
    Texts(&'a [&'a str]),
    Strings(&'a [String]),
    SomeNumbers(&'a [Option<f64>]),
    SomeTexts(&'a [Option<&'a str>]),
    Cells(&'a [Cell<'a>]),
}

macro_rules! slices {
    ($($t:ty => $slice:ident),+) => {
        $(impl<'a> From<&'a [$t]> for Values<'a> {
            fn from(slice: &'a [$t]) -> Self {
                Self(Slice::$slice(slice))
            }
        }
        impl<'a> From<&'a Vec<$t>> for Values<'a> {
            fn from(values: &'a Vec<$t>) -> Self {
                Self(Slice::$slice(values))
            }
        }
        impl<'a, const N: usize> From<&'a [$t; N]> for Values<'a> {
            fn from(values: &'a [$t; N]) -> Self {
                Self(Slice::$slice(values))
            }
        })+

        impl<'a> Values<'a> {
            /// How many cells there are.
            pub(super) fn len(self) -> usize {
                match self.0 {
                    $(Slice::$slice(slice) => slice.len(),)+
                }
            }

            /// A cell; missing if there are not so many.
            pub(super) fn cell(self, row: usize) -> Cell<'a> {
                match self.0 {
                    $(Slice::$slice(slice) => slice.get(row).map_or(Cell::Missing, Take::take),)+
                }
            }
        }
    };
}
slices!(
    f64 => Doubles,
    f32 => Singles,
    &'a str => Texts,
    String => Strings,
    Option<f64> => SomeNumbers,
    Option<&'a str> => SomeTexts,
    Cell<'a> => Cells
);

/// A cell of what lies in a slice, without a copy of its text.
trait Take<'a> {
    fn take(&'a self) -> Cell<'a>;
}
macro_rules! take {
    ($($t:ty),+) => {
        $(impl<'a> Take<'a> for $t {
            fn take(&'a self) -> Cell<'a> {
                Cell::from(*self)
            }
        })+
    };
}
take!(f64, f32, Option<f64>, &'a str, Option<&'a str>);
impl<'a> Take<'a> for String {
    fn take(&'a self) -> Cell<'a> {
        Cell::from(self)
    }
}
impl<'a> Take<'a> for Cell<'a> {
    fn take(&'a self) -> Cell<'a> {
        Cell::from(self)
    }
}
