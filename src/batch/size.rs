//! Sizes as types: how many values a sample has, and how they lie.
//!
//! | size | a sample | known to |
//! |---|---|---|
//! | [`Const<N>`](Const) | N values | the compiler |
//! | [`Image<C, H, W>`](Image) | C channels of H rows of W pixels | the compiler |
//! | [`Window<C, T>`](Window) | T steps of C channels | the compiler |
//! | [`Dyn`], [`DynImage`], [`DynWindow`] | the same | the running program |
//!
//! An image lies channel by channel, in each row by row, as PyTorch's do; a window step by step, as its rows lie
//! in a file. `Const` and `Dyn` are nalgebra's, so that a `Batch<T, Const<64>>` goes to an
//! `OMatrix<T, Const<64>, Dyn>` and back without a copy.

use std::fmt::Debug;

use nalgebra::{Const, Dyn};

use crate::error::{Result, require_size};

/// How many values a sample has, and how they lie.
pub trait Size: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// The number of values.
    fn value(&self) -> usize;

    /// How they lie.
    fn shape(&self) -> Shape {
        Shape { channels: self.value(), height: 1, width: 1 }
    }

    /// Whether the channels of one place lie side by side, as in a window, and not the places of one channel.
    fn is_interleaved(&self) -> bool {
        false
    }

    /// Whether they are plain features, which stand beside any image and any window of as many values. By default what has
    /// one place only is; an image of one pixel is an image all the same.
    fn is_plain(&self) -> bool {
        let Shape { height, width, .. } = self.shape();
        !self.is_interleaved() && (height, width) == (1, 1)
    }
}

/// How the values of a sample lie: `channels × height × width`. Plain features are channels of one pixel each; a
/// window has one row, as wide as it has steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Values at one place.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns, or steps.
    pub width: usize,
}

impl Shape {
    /// The number of values; one that is too large is the largest number there is, which nothing fits.
    pub const fn values(&self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }
}

/// `8×14×14`.
impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// An image of `C` channels, `H` rows and `W` columns: channel by channel, row by row.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Image<const C: usize, const H: usize, const W: usize>;

/// A window of a series: `T` steps of `C` channels, step by step.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Window<const C: usize, const T: usize>;

/// As in code: `Image<1, 28, 28>`.
impl<const C: usize, const H: usize, const W: usize> Debug for Image<C, H, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image<{C}, {H}, {W}>")
    }
}

/// As in code: `Window<4, 20>`.
impl<const C: usize, const T: usize> Debug for Window<C, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Window<{C}, {T}>")
    }
}

/// An [`Image`] of a size that only the running program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynImage {
    /// Values a pixel.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// A [`Window`] of a size that only the running program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynWindow {
    /// Values a step.
    pub channels: usize,
    /// Steps.
    pub steps: usize,
}

impl<const N: usize> Size for Const<N> {
    fn value(&self) -> usize {
        N
    }
}

impl Size for Dyn {
    fn value(&self) -> usize {
        self.0
    }
}

impl<const C: usize, const H: usize, const W: usize> Size for Image<C, H, W> {
    fn value(&self) -> usize {
        C.saturating_mul(H).saturating_mul(W)
    }
    fn shape(&self) -> Shape {
        Shape { channels: C, height: H, width: W }
    }
    fn is_plain(&self) -> bool {
        false
    }
}

impl<const C: usize, const T: usize> Size for Window<C, T> {
    fn value(&self) -> usize {
        C.saturating_mul(T)
    }
    fn shape(&self) -> Shape {
        Shape { channels: C, height: 1, width: T }
    }
    fn is_interleaved(&self) -> bool {
        true
    }
}

/// A product that is too large is the largest number there is, which nothing fits.
impl Size for DynImage {
    fn value(&self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }
    fn shape(&self) -> Shape {
        let Self { channels, height, width } = *self;
        Shape { channels, height, width }
    }
    fn is_plain(&self) -> bool {
        false
    }
}

/// As of a [`DynImage`].
impl Size for DynWindow {
    fn value(&self) -> usize {
        self.channels.saturating_mul(self.steps)
    }
    fn shape(&self) -> Shape {
        Shape { channels: self.channels, height: 1, width: self.steps }
    }
    fn is_interleaved(&self) -> bool {
        true
    }
}

/// Refuses another shape, by the first side that differs, each of which is called so.
pub(crate) fn require_sides(
    place: &'static str,
    [channels, rows, columns]: [&'static str; 3],
    expected: Shape,
    found: Shape,
) -> Result<()> {
    require_size(place, channels, expected.channels, found.channels)?;
    require_size(place, rows, expected.height, found.height)?;
    require_size(place, columns, expected.width, found.width)
}

/// Refuses an image or a window of other sides than another, where a metric pairs their values.
pub(crate) fn require_alike(
    call: &'static str,
    expected: impl Size,
    found: impl Size,
) -> Result<()> {
    if expected.is_plain() || found.is_plain() {
        return Ok(());
    }
    require_sides(call, ["channels", "rows", "columns"], expected.shape(), found.shape())
}

/// An image whose size may be known to either.
#[diagnostic::on_unimplemented(
    message = "an image is needed here, and `{Self}` is none",
    label = "neither `Image<C, H, W>` nor `DynImage`",
    note = "say how the values lie: `batch.with_size(Image::<C, H, W>)`, or ask for `Image<C, H, W>` where the samples come \
            from, as in `let x: Batch<f32, Image<1, 28, 28>> = …`"
)]
pub trait ImageSize: Size {}
impl<const C: usize, const H: usize, const W: usize> ImageSize for Image<C, H, W> {}
impl ImageSize for DynImage {}

/// A window whose size may be known to either.
#[diagnostic::on_unimplemented(
    message = "a window of a series is needed here, and `{Self}` is none",
    label = "neither `Window<C, T>` nor `DynWindow`",
    note = "say how the values lie: `batch.with_size(Window::<C, T>)`, or ask for `Window<C, T>` where the samples come from, \
            as in `let x: Batch<f32, Window<3, 128>> = …`"
)]
pub trait WindowSize: Size {}
impl<const C: usize, const T: usize> WindowSize for Window<C, T> {}
impl WindowSize for DynWindow {}

/// An image or a window whose shape the compiler knows.
#[diagnostic::on_unimplemented(
    message = "the compiler does not know the shape of `{Self}`",
    label = "no `Image<C, H, W>` and no `Window<C, T>`",
    note = "a layer between sizes of the running program is made by `between`, and one over such a size by `dynamic`"
)]
pub trait KnownShape: Size + Default {
    /// The shape.
    const SHAPE: Shape;
}
impl<const C: usize, const H: usize, const W: usize> KnownShape for Image<C, H, W> {
    const SHAPE: Shape = Shape { channels: C, height: H, width: W };
}
impl<const C: usize, const T: usize> KnownShape for Window<C, T> {
    const SHAPE: Shape = Shape { channels: C, height: 1, width: T };
}

/// Two sizes that fit together.
///
/// A size known to the compiler fits itself; an image and a window also fit a `Const` of as many values, which
/// [`FITS`](Self::FITS) asserts when the program is built. Sizes known at run time fit one another here, and their
/// numbers are compared when the model is built, of images and windows those along each side.
#[diagnostic::on_unimplemented(
    message = "sizes differ: one has `{Self}` where the other has `{Other}`",
    label = "of another size than what it meets here",
    note = "what meets must agree: samples have the size of the model's input, the outputs of one layer \
            are the inputs of the next, the encoder's code is the decoder's input, and the decoder's \
            output is the encoder's input"
)]
pub trait SameSize<Other> {
    /// Stops the build where only arithmetic tells that the sizes differ.
    const FITS: () = ();

    /// The second of two sizes that are compared: what has been refused once is not refused again.
    #[doc(hidden)]
    type Next<X: Size>: Size;
}

impl<const N: usize> SameSize<Const<N>> for Const<N> {
    type Next<X: Size> = X;
}
impl<const C: usize, const H: usize, const W: usize> SameSize<Image<C, H, W>> for Image<C, H, W> {
    type Next<X: Size> = X;
}
impl<const C: usize, const T: usize> SameSize<Window<C, T>> for Window<C, T> {
    type Next<X: Size> = X;
}

/// Sizes that hold the same number of values, found by arithmetic.
macro_rules! fits {
    (($($generics:tt)*) $a:ty, $values:expr, $sentence:literal) => {
        impl<$($generics)*, const N: usize> SameSize<Const<N>> for $a {
            type Next<X: Size> = X;
            const FITS: () = assert!($values == N, $sentence);
        }
        impl<$($generics)*, const N: usize> SameSize<$a> for Const<N> {
            type Next<X: Size> = X;
            const FITS: () = assert!($values == N, $sentence);
        }
    };
}
fits!((const C: usize, const H: usize, const W: usize) Image<C, H, W>, C * H * W,
    "sizes differ: an image of C × H × W has C · H · W values, and what it meets here has another number of them");
fits!((const C: usize, const T: usize) Window<C, T>, C * T,
    "sizes differ: a window of T steps of C channels has C · T values, and what it meets here has another number of them");

/// Sizes known at run time, of which the numbers are compared when the model is built.
macro_rules! at_run_time {
    ($($a:ty, $b:ty;)*) => {
        $(impl SameSize<$b> for $a {
            type Next<X: Size> = X;
        })*
    };
}
at_run_time!(
    Dyn, Dyn; DynImage, DynImage; DynWindow, DynWindow;
    Dyn, DynImage; DynImage, Dyn; Dyn, DynWindow; DynWindow, Dyn;
);

/// What two sizes are of which one is known to the compiler and the other is not: never fulfilled, so that
/// this sentence is said.
#[diagnostic::on_unimplemented(
    message = "a size known at run time stands beside one known to the compiler: `{Self}` beside `{Other}`",
    label = "one of the two is `dynamic`, the other is not",
    note = "of two layers, make both `dynamic`, which `build` then compares, or write both sizes into the types: \
            `Dense::<64, 32>::new(…)`",
    note = "of a batch and a model, give the batch the model's kind of size, which copies nothing: `batch.into_dynamic()` for \
            a `dynamic` model of plain features, else `batch.with_size(…)?`, such as `with_size(Const::<64>)`, \
            `with_size(Image::<3, 20, 30>)` or, of a `DynImage`, `with_size(model.encoder().input())`"
)]
pub trait KnownAlike<Other> {}

/// A size that fits all: what stands for one that was refused already.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;
impl Size for Refused {
    fn value(&self) -> usize {
        0
    }
}

macro_rules! mixed {
    ($($dynamic:ty),*) => {
        $(
            mixed!(@ (const N: usize) Const<N>, $dynamic);
            mixed!(@ (const C: usize, const H: usize, const W: usize) Image<C, H, W>, $dynamic);
            mixed!(@ (const C: usize, const T: usize) Window<C, T>, $dynamic);
        )*
    };
    (@ ($($generics:tt)*) $known:ty, $dynamic:ty) => {
        impl<$($generics)*> SameSize<$known> for $dynamic
        where
            $known: KnownAlike<$dynamic>,
        {
            type Next<X: Size> = Refused;
        }
        impl<$($generics)*> SameSize<$dynamic> for $known
        where
            $dynamic: KnownAlike<$known>,
        {
            type Next<X: Size> = Refused;
        }
    };
}
mixed!(Dyn, DynImage, DynWindow);

/// What was refused once fits everything, so that nothing is refused twice.
macro_rules! refused {
    ($(($($generics:tt)*) $size:ty;)*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<$($generics)*> SameSize<Refused> for $size {
                type Next<X: Size> = X;
            }
            #[diagnostic::do_not_recommend]
            impl<$($generics)*> SameSize<$size> for Refused {
                type Next<X: Size> = X;
            }
        )*
    };
}
refused!(
    (const N: usize) Const<N>;
    (const C: usize, const H: usize, const W: usize) Image<C, H, W>;
    (const C: usize, const T: usize) Window<C, T>;
    () Dyn; () DynImage; () DynWindow;
);
#[diagnostic::do_not_recommend]
impl SameSize<Self> for Refused {
    type Next<X: Size> = X;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_print_as_they_stand_in_code() {
        let printed = format!("{:?}, {:?}", Image::<1, 28, 28>, Window::<4, 20>);
        assert_eq!(printed, "Image<1, 28, 28>, Window<4, 20>");
    }
}
