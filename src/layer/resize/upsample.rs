//! Layers that make images larger.

use std::marker::PhantomData;
use std::sync::Arc;

use super::fixed::{Fixed, FixedMap};
use super::frame::Frame;
use super::passes::{Planes, sums};
use super::side::Side;
use crate::batch::size::{ImageSize, KnownShape, Shape, WindowSize};
use crate::batch::{BatchView, BatchViewMut};
use crate::error::{Result, require_fit};
use crate::layer::Module;
use crate::layer::field::Steps;
use crate::numbers::scalar::Float;

/// What lies between the pixels of an image that is made larger.
///
/// | interpolation | an image, a window | PyTorch's `mode` |
/// |---|---|---|
/// | `Nearest` | each pixel becomes a block, each step a run of equal steps | `nearest` |
/// | `Linear` | straight lines from pixel to pixel, by rows and by columns | `bilinear`, of a window `linear`, with `align_corners=False` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// Each pixel becomes a block.
    Nearest,
    /// Straight lines from pixel to pixel.
    Linear,
}

/// The linear map of [`Upsample2d`] and [`Upsample1d`].
///
/// # Panics
/// Its maps do where [`check_sizes`](Module::check_sizes) refuses its sizes; no model is built with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Upsampling {
    frame: Frame,
    interpolation: Interpolation,
    /// There and back, if the sizes are multiples.
    plan: Option<Arc<(Planes, Planes)>>,
}

impl Upsampling {
    fn new(frame: Frame, interpolation: Interpolation) -> Self {
        let side = |inputs: usize, outputs: usize| match interpolation {
            Interpolation::Nearest => Side::nearest(inputs, outputs / inputs),
            Interpolation::Linear => Side::linear(inputs, outputs / inputs),
        };
        let Frame { input, output, .. } = frame;
        let plan = (frame.check().is_ok() && are_multiples(input, output)).then(|| {
            let rows = side(input.height, output.height);
            let there = frame.planes(rows, side(input.width, output.width));
            let back = there.transposed();
            Arc::new((there, back))
        });
        Self { frame, interpolation, plan }
    }

    /// The plan of sizes that were checked.
    fn checked(&self) -> &(Planes, Planes) {
        self.plan.as_deref().expect("sizes that `check_sizes` takes")
    }
}

/// Whether rows and columns are so many times those of another image.
const fn are_multiples(from: Shape, to: Shape) -> bool {
    is_multiple(from.height, to.height) && is_multiple(from.width, to.width)
}

const fn is_multiple(inputs: usize, outputs: usize) -> bool {
    inputs > 0 && outputs > 0 && outputs.is_multiple_of(inputs)
}

impl Module for Upsampling {
    fn num_inputs(&self) -> usize {
        self.frame.values().0
    }
    fn num_outputs(&self) -> usize {
        self.frame.values().1
    }
    fn check_sizes(&self) -> Result<()> {
        self.frame.check()?;
        let fault = "has outputs that are no whole multiple of its inputs, in rows and in columns";
        let remedy = "choose them so, such as 7 → 14, or go to any larger size by a `ConvTranspose2d` or `ConvTranspose1d`";
        require_fit(self.plan.is_some(), "an upsampling layer", fault, remedy)
    }
    fn steps(&self) -> Option<[Steps; 2]> {
        let along = |inputs: usize, outputs: usize| {
            let times = (outputs / inputs) as i64;
            match self.interpolation {
                Interpolation::Nearest => Steps { step: 1, per: times, first: 1 - times, last: 0 },
                // The inputs on both sides of (output + ½) / times − ½.
                Interpolation::Linear => {
                    Steps { step: 2, per: 2 * times, first: 2 - 3 * times, last: times }
                }
            }
        };
        self.plan.as_ref()?;
        let (from, to) = (self.frame.input, self.frame.output);
        Some([along(from.height, to.height), along(from.width, to.width)])
    }
}

impl<T: Float> FixedMap<T> for Upsampling {
    fn kind(&self) -> &'static str {
        if self.frame.is_window { "Upsample1d" } else { "Upsample2d" }
    }
    fn settings(&self) -> String {
        let interpolation = match self.interpolation {
            Interpolation::Nearest => "nearest",
            Interpolation::Linear => "linear",
        };
        format!("{}, {interpolation}", self.frame.describe())
    }
    fn apply(&self, x: BatchView<'_, T>, y: BatchViewMut<'_, T>) {
        sums(&self.checked().0, x, y);
    }
    fn pull_back(&self, dy: BatchView<'_, T>, dx: BatchViewMut<'_, T>) {
        sums(&self.checked().1, dy, dx);
    }
}

/// From the image `I` to an image `O` of so many times its rows and columns, channel by channel.
///
/// # Formula
/// With n times as many columns, and m times as many rows:
///
/// | made by | y(c, i, j) |
/// |---|---|
/// | [`nearest`](Upsample2d::nearest) | x(c, ⌊i / m⌋, ⌊j / n⌋) |
/// | [`bilinear`](Upsample2d::bilinear) | (1 − t) x(c, i, l) + t x(c, i, l + 1) along the columns, with l + t = (j + ½) / n − ½, and likewise along the rows; beyond the outermost pixels as these are |
///
/// # Errors
/// Sizes that are no whole multiples do not compile. For those of the running program, by
/// [`between`](Upsample2d::between), `build` gives [`Error::Unfit`](crate::Error::Unfit), and
/// [`Error::SizeMismatch`](crate::Error::SizeMismatch) where the channels differ.
///
/// # Range
/// The outputs lie where the inputs lie, but the layer does not know where that is: see [`Fixed`].
///
/// # Example
/// ```
/// use autoencoder::layer::{FixedMap, Upsampling};
/// use autoencoder::{Batch, Upsample2d, size::Image};
/// let layer = Upsample2d::<Image<1, 1, 2>, Image<1, 1, 4>>::bilinear();
/// let x = Batch::new(Image::<1, 1, 2>, vec![0.0, 1.0])?;
/// let mut y = Batch::zeros(Image::<1, 1, 4>, 1);
/// layer.map().apply(x.view(), y.view_mut());
/// assert_eq!(y.as_slice(), [0.0, 0.25, 0.75, 1.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Odena, V. Dumoulin, C. Olah (2016), Deconvolution and checkerboard artifacts: why upsampling and a convolution may
/// serve better than a transposed convolution.
#[derive(Debug)]
pub struct Upsample2d<I, O>(PhantomData<(I, O)>);

/// [`Upsample2d`] for windows of a series: so many times as many steps.
#[derive(Debug)]
pub struct Upsample1d<I, O>(PhantomData<(I, O)>);

/// What [`Upsample2d`] and [`Upsample1d`] make.
pub type UpsampleLayer<I, O> = Fixed<Upsampling, I, O>;

macro_rules! upsamples {
    ($upsample:ident, $size:ident, $is_window:literal, $linear:ident, $of_nearest:literal, $of_linear:literal, $images:literal, $sentence:literal) => {
        impl<I: $size + KnownShape, O: $size + KnownShape> $upsample<I, O> {
            #[doc = $of_nearest]
            pub fn nearest() -> UpsampleLayer<I, O> {
                Self::by(Interpolation::Nearest)
            }

            #[doc = $of_linear]
            pub fn $linear() -> UpsampleLayer<I, O> {
                Self::by(Interpolation::Linear)
            }

            fn by(interpolation: Interpolation) -> UpsampleLayer<I, O> {
                const {
                    assert!(
                        I::SHAPE.channels == O::SHAPE.channels,
                        concat!(
                            "these two ", $images, " differ in channels, which upsampling keeps: a convolution of kernel 1 \
                             leads to others"
                        )
                    );
                    assert!(are_multiples(I::SHAPE, O::SHAPE), $sentence);
                }
                $upsample::between(I::default(), O::default(), interpolation)
            }
        }

        impl $upsample<(), ()> {
            /// Between sizes of any kind; they are compared when the model is built.
            pub fn between<I: $size, O: $size>(
                input: I,
                output: O,
                interpolation: Interpolation,
            ) -> UpsampleLayer<I, O> {
                let (from, to) = (input.shape(), output.shape());
                let frame = Frame { input: from, output: to, is_window: $is_window };
                Fixed::new(Upsampling::new(frame, interpolation), input, output)
            }
        }
    };
}
upsamples!(
    Upsample2d,
    ImageSize,
    false,
    bilinear,
    "Each pixel becomes a block of equal ones.",
    "Straight lines from pixel to pixel, along rows and columns.",
    "images",
    "the second of these two images has no whole multiple of the first one's rows and columns: upsampling leads from 7 to \
     14, 21, and so on, and a `ConvTranspose2d` to other sizes"
);
upsamples!(
    Upsample1d,
    WindowSize,
    true,
    linear,
    "Each step becomes a run of equal ones.",
    "Straight lines from step to step.",
    "windows of a series",
    "the second of these two windows has no whole multiple of the first one's steps: upsampling leads from 7 steps to 14, \
     21, and so on, and a `ConvTranspose1d` to other sizes"
);
