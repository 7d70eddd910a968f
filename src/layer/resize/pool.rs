//! Windows that move over an image, and the layers that keep one number of each.

use std::marker::PhantomData;
use std::sync::Arc;

use super::fixed::{Fixed, FixedMap};
use super::frame::Frame;
use super::max::MaxPoolLayer;
use super::passes::{Planes, sums};
use super::side::{Side, Windows};
use crate::batch::size::{ImageSize, KnownShape, Shape, WindowSize};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require, require_count, require_fit};
use crate::layer::Module;
use crate::layer::convolution::Sides;
use crate::layer::field::Steps;
use crate::layer::told::Untold;
use crate::numbers::scalar::Float;

/// Windows that move over images, and what the sizes come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooling {
    pub frame: Frame,
    kernel: Sides,
    stride: Option<Sides>,
    /// What the sizes come to, if they come to anything.
    plan: Option<Arc<Plan>>,
}

/// Means of windows, in both directions.
#[derive(Debug, PartialEq)]
pub struct Plan {
    windows: (Windows, Windows),
    pub there: Planes,
    back: Planes,
}

impl Pooling {
    fn new(frame: Frame, kernel: Sides) -> Self {
        // The one row of a window is not moved along.
        let rows = if frame.is_window { 1 } else { kernel.rows };
        let kernel = Sides { rows, ..kernel };
        Self { frame, kernel, stride: None, plan: None }.planned()
    }

    pub fn strided(self, stride: Sides) -> Self {
        let rows = if self.frame.is_window { 1 } else { stride.rows };
        Self { stride: Some(Sides { rows, ..stride }), ..self }.planned()
    }

    fn planned(mut self) -> Self {
        let Shape { height, width, .. } = self.frame.input;
        let (output, kernel, stride) = (self.frame.output, self.kernel, self.stride);
        let windows = || {
            let rows = stride.map(|stride| stride.rows);
            let rows = Windows::find(height, output.height, kernel.rows, rows)?;
            let columns = stride.map(|stride| stride.columns);
            Some((rows, Windows::find(width, output.width, kernel.columns, columns)?))
        };
        self.plan = self.check().ok().and_then(|()| windows()).map(|windows| {
            let there = self.frame.planes(Side::means(windows.0), Side::means(windows.1));
            Arc::new(Plan { windows, back: there.transposed(), there })
        });
        self
    }

    /// Refuses sizes for which there is no plan, whatever the stride.
    fn check(&self) -> Result<()> {
        self.frame.check()?;
        let Frame { input, output, .. } = self.frame;
        let (kernel, stride) = (self.kernel, self.stride.unwrap_or(1.into()));
        let sides = [
            (input.height, output.height, kernel.rows, stride.rows),
            (input.width, output.width, kernel.columns, stride.columns),
        ];
        for (inputs, outputs, kernel, stride) in sides {
            let name = "the window of a pooling layer";
            require_count(name, kernel)?;
            require_count("the stride of a pooling layer", stride)?;
            require(kernel <= inputs, name, kernel as f64, "no longer than the side of its image")?;
            let numbers = kernel.saturating_mul(outputs);
            let name = "the numbers in the windows along a side";
            require(numbers <= 1 << 24, name, numbers as f64, "at most 2²⁴")?;
        }
        Ok(())
    }

    pub fn check_sizes(&self) -> Result<()> {
        self.check()?;
        let fault = "has sizes that no stride leads to, or more than one: outputs = (inputs − window) / stride + 1, \
                     rounded down or up, in rows and in columns, with a stride that is not longer than the window";
        let remedy =
            "choose sizes that tell it, such as 28 → 14 with a window of 2, or give `stride`";
        require_fit(self.plan.is_some(), "a pooling layer", fault, remedy)
    }

    /// The plan of sizes that were checked.
    pub fn checked(&self) -> &Plan {
        self.plan.as_deref().expect("sizes that `check_sizes` takes")
    }

    /// How its windows look at the image.
    pub fn steps(&self) -> Option<[Steps; 2]> {
        let (rows, columns) = self.plan.as_ref()?.windows;
        Some([rows, columns].map(|along| Steps::windows(along.stride, along.kernel)))
    }

    /// For files: `16×28×28 → 16×14×14, window 2×2, stride 2×2`.
    pub fn describe(&self) -> String {
        let both = |sides: Sides| format!("{}×{}", sides.rows, sides.columns);
        let windows = self.plan.as_ref().map(|plan| plan.windows);
        let stride = windows.map(|(rows, columns)| both((rows.stride, columns.stride).into()));
        let (frame, window) = (self.frame.describe(), both(self.kernel));
        format!("{frame}, window {window}, stride {}", stride.unwrap_or_default())
    }
}

/// The linear map of [`AveragePool2d`] and [`AveragePool1d`]: the mean of each window.
///
/// # Panics
/// Its maps do where [`check_sizes`](Module::check_sizes) refuses its sizes; no model is built with it.
#[derive(Debug, Clone, PartialEq)]
pub struct AveragePool(Pooling);

impl Module for AveragePool {
    fn num_inputs(&self) -> usize {
        self.0.frame.values().0
    }
    fn num_outputs(&self) -> usize {
        self.0.frame.values().1
    }
    fn check_sizes(&self) -> Result<()> {
        self.0.check_sizes()
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        self.0.steps()
    }
}

impl<T: Float> FixedMap<T> for AveragePool {
    fn kind(&self) -> &'static str {
        if self.0.frame.is_window { "AveragePool1d" } else { "AveragePool2d" }
    }
    fn settings(&self) -> String {
        self.0.describe()
    }
    fn apply(&self, x: BatchView<'_, T>, y: BatchViewMut<'_, T>) {
        sums(&self.0.checked().there, x, y);
    }
    fn pull_back(&self, dy: BatchView<'_, T>, dx: BatchViewMut<'_, T>) {
        sums(&self.0.checked().back, dy, dx);
    }
}

/// The mean of each window of `K × K` pixels, from the image `I` to the smaller image `O`, channel by channel.
///
/// # Formula
/// y(c, i, j) = mean of x(c, s i + a, s j + b) over 0 ≤ a, b < K, with stride s, as far as there are pixels: a window that
/// is cut short by the edge is divided by what is in it.
///
/// # Sizes
/// The stride is read off the two images: it is the one that leads from the one to the other and is not longer than the
/// window.
///
/// | images, window | stride | windows |
/// |---|---|---|
/// | 28 → 14, 2 | 2 | as many as there is room for |
/// | 7 → 3, 2 | 2 | the last row and column are left out |
/// | 7 → 4, 2 | 2 | the last ones have one row or column: PyTorch's `ceil_mode=True` |
/// | 28 → 13, 3 | 2 | these overlap |
/// | 28 → 27, 2 | 1 | |
/// | 7 → 1, 7 | – | one: the mean of the image |
/// | 3 → 2, 2 | 1 or 2: to be said | whole ones, or one cut short |
///
/// Sizes that lead nowhere, or to more than one stride, do not compile. [`between`](AveragePool2d::between) takes the
/// stride that is said, [`stride`](Fixed::stride), windows that are not square, and sizes of the running program.
///
/// # Errors
/// `build` gives, for sizes of the running program, [`Error::Unfit`](crate::Error::Unfit) where they do not tell the
/// stride, [`Error::SizeMismatch`](crate::Error::SizeMismatch) where the channels differ, and
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a window or a stride of 0, and for a window that is
/// longer than a side of its image.
///
/// # Range
/// Means lie where the inputs lie, but the layer does not know where that is: see [`Fixed`].
///
/// # Tied decoders
/// It has no weights to share, so an encoder with it takes a decoder of its own, with [`Upsample2d`](crate::Upsample2d)
/// where this one has means.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu, Sigmoid};
/// use autoencoder::{AutoEncoder, AveragePool2d, Conv2d, Dense, Then, Upsample2d, size::Image};
/// let model = AutoEncoder::builder()
///     .encoder(
///         Conv2d::<Image<1, 28, 28>, Image<8, 28, 28>, 3>::new(Relu)
///             .then(AveragePool2d::<Image<8, 28, 28>, Image<8, 14, 14>, 2>::new())
///             .then(Dense::<1568, 32>::new(Identity)),
///     )
///     .decoder(
///         Dense::<32, 1568>::new(Relu)
///             .then(Upsample2d::<Image<8, 14, 14>, Image<8, 28, 28>>::nearest())
///             .then(Conv2d::<Image<8, 28, 28>, Image<1, 28, 28>, 3>::new(Sigmoid)),
///     )
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document recognition.
#[derive(Debug)]
pub struct AveragePool2d<I, O, const K: usize>(PhantomData<(I, O)>);

/// [`AveragePool2d`] for windows of a series: means of `K` steps.
#[derive(Debug)]
pub struct AveragePool1d<I, O, const K: usize>(PhantomData<(I, O)>);

/// The largest of each window of `K × K` pixels, from the image `I` to the smaller image `O`, channel by channel.
///
/// # Formula
/// y(c, i, j) = max of x(c, s i + a, s j + b) over 0 ≤ a, b < K, with stride s, as far as there are pixels.
///
/// Its gradient goes to the largest; of several that are equally large to the first, row by row. Where there is NaN, the
/// largest is NaN. The second derivative is 0.
///
/// # Sizes
/// As those of [`AveragePool2d`], with its errors; the stride that is said is [`stride`](MaxPoolLayer::stride).
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu};
/// use autoencoder::{AutoEncoder, Conv2d, Dense, MaxPool2d, Then, size::Image};
/// let model = AutoEncoder::builder()
///     .encoder(
///         Conv2d::<Image<1, 28, 28>, Image<8, 28, 28>, 3>::new(Relu)
///             .then(MaxPool2d::<Image<8, 28, 28>, Image<8, 14, 14>, 2>::new())
///             .then(Dense::<1568, 32>::new(Identity)),
///     )
///     .decoder(Dense::<32, 784>::new(Identity))
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// J. Masci, U. Meier, D. Cireşan, J. Schmidhuber (2011), Stacked convolutional auto-encoders for hierarchical feature
/// extraction.
#[derive(Debug)]
pub struct MaxPool2d<I, O, const K: usize>(PhantomData<(I, O)>);

/// [`MaxPool2d`] for windows of a series: the largest of `K` steps, channel by channel.
#[derive(Debug)]
pub struct MaxPool1d<I, O, const K: usize>(PhantomData<(I, O)>);

/// What [`AveragePool2d`] and [`AveragePool1d`] make.
pub type AveragePoolLayer<I, O> = Fixed<AveragePool, I, O>;

impl<I, O> AveragePoolLayer<I, O> {
    fn of(pooling: Pooling, input: I, output: O) -> Self {
        Self::new(AveragePool(pooling), input, output)
    }

    /// Steps from one window to the next; those of rows do not count for windows of a series. Default: what the sizes
    /// tell. At least 1.
    pub fn stride(self, stride: impl Into<Sides>) -> Self {
        self.with_map(|AveragePool(pooling)| AveragePool(pooling.strided(stride.into())))
    }
}

/// Why windows of so many rows and columns between sizes known to the compiler have no stride, if they have none.
const fn untold(from: Shape, to: Shape, (rows, columns): (usize, usize)) -> Untold {
    let rows = Windows::told(from.height, to.height, rows, None);
    Untold::of(from, to, rows, Windows::told(from.width, to.width, columns, None))
}

macro_rules! pools {
    (
        $($pool:ident makes $layer:ident),+; $size:ident, $is_window:literal, $rows:expr, $images:literal,
        $larger:literal by $upsample:literal
    ) => {$(
        impl<I: $size + KnownShape, O: $size + KnownShape, const K: usize> $pool<I, O, K> {
            /// Between sizes known to the compiler.
            #[allow(clippy::new_ret_no_self)] // As for `Dense`.
            pub fn new() -> $layer<I, O> {
                const {
                    let untold = untold(I::SHAPE, O::SHAPE, ($rows, K));
                    assert!(
                        I::SHAPE.channels == O::SHAPE.channels,
                        concat!(
                            "these two ", $images, " differ in channels, which pooling keeps: a convolution of kernel 1 leads \
                             to others"
                        )
                    );
                    assert!(
                        !untold.is_larger,
                        concat!(
                            "the second of these two ", $images, " is ", $larger, " than the first, which no pooling makes \
                             it: `", $upsample, "` leads to a ", $larger, " one, as from 14 to 28"
                        )
                    );
                    assert!(
                        !untold.is_nothing,
                        concat!(
                            "no stride of a pooling window leads from the first of these two ", $images, " to the second \
                             (outputs = (inputs − window) / stride + 1, rounded down or up, along each side, with stride ≤ \
                             window ≤ inputs): a window of 2 leads from 28 to 14, and from 7 to 3 or 4"
                        )
                    );
                    assert!(
                        !untold.is_several,
                        concat!(
                            "more than one stride of a pooling window leads from the first of these two ", $images, " to the \
                             second, as from 3 to 2 with a window of 2: `between` takes the one that is meant, by \
                             `.stride(2)`"
                        )
                    );
                }
                $pool::between(I::default(), O::default(), K)
            }
        }

        impl $pool<(), (), 0> {
            /// Between sizes of any kind, with windows of so many rows and columns; they are compared when the model is
            /// built.
            pub fn between<I: $size, O: $size>(
                input: I,
                output: O,
                window: impl Into<Sides>,
            ) -> $layer<I, O> {
                let (from, to) = (input.shape(), output.shape());
                let frame = Frame { input: from, output: to, is_window: $is_window };
                $layer::of(Pooling::new(frame, window.into()), input, output)
            }
        }
    )+};
}
pools!(
    AveragePool2d makes AveragePoolLayer, MaxPool2d makes MaxPoolLayer;
    ImageSize, false, K, "images", "larger" by "Upsample2d"
);
pools!(
    AveragePool1d makes AveragePoolLayer, MaxPool1d makes MaxPoolLayer;
    WindowSize, true, 1, "windows of a series", "longer" by "Upsample1d"
);
