//! Layers of a convolution and an activation.

use super::{Adjoint, Axis, Convolution, Moves};
use crate::batch::size::{ImageSize, KnownShape, Shape, WindowSize};
use crate::layer::Activated;
use crate::layer::told::Untold;

/// Two numbers of a kernel, for rows and for columns: of `3` both are 3, of `(3, 1)` these. The one row of a window does
/// not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// For rows.
    pub rows: usize,
    /// For columns, or steps.
    pub columns: usize,
}
impl From<usize> for Sides {
    fn from(both: usize) -> Self {
        Self { rows: both, columns: both }
    }
}
impl From<(usize, usize)> for Sides {
    fn from((rows, columns): (usize, usize)) -> Self {
        Self { rows, columns }
    }
}

/// A convolutional layer from the image `I` to the image `O` with a kernel of `K × K`.
///
/// # Formula
/// y = s(w ⋆ x + b), with the map of [`Convolution`] and one bias a channel.
///
/// # Shapes
/// x: `I` = `Image<C, H, W>`; y: `O` = `Image<D, h, w>`; w: `D × (C / groups · K · K)`, in files `weight` of
/// `[D, C / groups, K, K]`; b: `D`.
///
/// # Sizes
/// Stride and zeros are read off the two images, where these tell them: all of the input is read (unless the kernel is
/// 1 × 1) but for a rest that is less than another step, with fewer zeros around it than the kernel has taps, as PyTorch's
/// `padding` has them.
///
/// | images, kernel | stride | padding |
/// |---|---|---|
/// | 28 → 28, 3 | 1 | 1 |
/// | 28 → 26, 3 | 1 | 0 |
/// | 28 → 14, 3 | 2 | 1 |
/// | 7 → 4, 3 | 2 | 1 |
/// | 28 → 14, 2 | 2 | 0 |
/// | 4 → 2, 3 | 1 or 2: to be said | 0 or 1 |
///
/// Sizes that lead nowhere, or to more than one stride, do not compile once a program is made of them (`cargo check` does
/// not look that far). [`between`](Conv2d::between) takes what is said:
/// [`stride`](Activated::stride), [`padding`](Activated::padding), [`dilation`](Activated::dilation),
/// [`groups`](Activated::groups).
///
/// # Errors
/// `build` gives, for what `between` made, [`Error::ConvolutionSizes`](crate::Error::ConvolutionSizes) where sizes and
/// settings lead nowhere or to more than one stride, with what would do, and
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for a size of 0 or one that no memory holds.
///
/// # Speed
/// A training step in ms, and how many times ours: `f32`, batch 128, Adam, one core of an Intel Xeon of 2023 with
/// AVX-512, one round of `python3 benches/peers/run.py --kinds images` in the repository.
///
/// | net | ours | PyTorch 2.15 | compiled | JAX 0.10 |
/// |---|---:|---:|---:|---:|
/// | strided, 32-64 channels, code of 32 | 17.0 | 27.2 (1.6×) | 38.7 (2.3×) | 133 (7.8×) |
/// | the Keras blog's, 16-8-8 channels, pooling and upsampling | 13.2 | 27.2 (2.1×) | 53.5 (4.1×) | 93.5 (7.1×) |
/// | windows of 8 × 128, 16-32 channels | 2.4 | 5.0 (2.0×) | 5.0 (2.0×) | 13.6 (5.6×) |
///
/// On two cores 9.1 ms (PyTorch 15.0), 6.7 (14.9) and 1.5 (3.6).
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Relu, Sigmoid};
/// use autoencoder::{AutoEncoder, Conv2d, ConvTranspose2d, Dense, Then, size::Image};
/// let model = AutoEncoder::builder()
///     .encoder(
///         Conv2d::<Image<1, 28, 28>, Image<8, 14, 14>, 3>::new(Relu) // stride 2
///             .then(Conv2d::<Image<8, 14, 14>, Image<16, 7, 7>, 3>::new(Relu))
///             .then(Dense::<784, 32>::new(Identity)),
///     )
///     .decoder(
///         Dense::<32, 784>::new(Relu)
///             .then(ConvTranspose2d::<Image<16, 7, 7>, Image<8, 14, 14>, 3>::new(Relu))
///             .then(ConvTranspose2d::<Image<8, 14, 14>, Image<1, 28, 28>, 3>::new(Sigmoid)),
///     )
///     .build::<f32>()?;
/// # let _ = model;
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document recognition;
/// V. Dumoulin, F. Visin (2016), A guide to convolution arithmetic for deep learning.
#[derive(Debug)]
pub struct Conv2d<I, O, const K: usize>(std::marker::PhantomData<(I, O)>);

/// The layer that goes the other way than [`Conv2d`]: from the image `I` to a larger one, `O`, with a kernel of `K × K`.
///
/// # Formula
/// y = s(Wᵀ x + b), with the map W of the convolution from `O` to `I`, whose [sizes](Conv2d#sizes), settings and errors
/// it has, and one bias a channel of `O`.
///
/// # Shapes
/// x: `I` = `Image<C, H, W>`; y: `O` = `Image<D, h, w>`; in files `weight` is PyTorch's `[C, D / groups, K, K]`, and `bias`
/// is `[D]`. There is no `output_padding`, as the sizes tell it.
///
/// # References
/// M. Zeiler, D. Krishnan, G. Taylor, R. Fergus (2010), Deconvolutional networks.
#[derive(Debug)]
pub struct ConvTranspose2d<I, O, const K: usize>(std::marker::PhantomData<(I, O)>);

/// [`Conv2d`] for windows of a series, from `I` = `Window<C, T>` to `O` = `Window<D, t>`: a kernel of `K` steps. Its weights
/// are `[D, C / groups, K]` in files.
#[derive(Debug)]
pub struct Conv1d<I, O, const K: usize>(std::marker::PhantomData<(I, O)>);

/// [`ConvTranspose2d`] for windows of a series, from `I` = `Window<C, T>` to `O` = `Window<D, t>`. Its weights are
/// `[C, D / groups, K]` in files.
#[derive(Debug)]
pub struct ConvTranspose1d<I, O, const K: usize>(std::marker::PhantomData<(I, O)>);

/// What [`Conv2d`] and [`Conv1d`] make.
pub type ConvolutionLayer<I, O, A> = Activated<Convolution, A, I, O>;
/// What [`ConvTranspose2d`] and [`ConvTranspose1d`] make.
pub type TransposedLayer<I, O, A> = Activated<Adjoint<Convolution>, A, I, O>;

/// Why a convolution between sizes known to the compiler has no stride, if it has none.
const fn untold(from: Shape, to: Shape, (rows, columns): (usize, usize)) -> Untold {
    let rows = Axis::between(from.height, to.height, rows);
    Untold::of(from, to, rows, Axis::between(from.width, to.width, columns))
}

macro_rules! layers {
    (
        $there:ident, $back:ident, $size:ident, $is_window:literal, $rows:expr, $images:literal,
        $larger:literal by $upsample:literal, $smaller:literal by $pool:literal
    ) => {
        impl<I: $size + KnownShape, O: $size + KnownShape, const K: usize> $there<I, O, K> {
            /// Between sizes known to the compiler.
            #[allow(clippy::new_ret_no_self)] // As for `Dense`.
            pub fn new<A>(activation: A) -> ConvolutionLayer<I, O, A> {
                const {
                    let untold = untold(I::SHAPE, O::SHAPE, ($rows, K));
                    assert!(
                        !untold.is_larger,
                        concat!(
                            "the second of these two ", $images, " is ", $larger, " than a convolution makes the first: \
                             `", stringify!($back), "` or `", $upsample, "` leads to a ", $larger, " one, as from 14 to 28"
                        )
                    );
                    assert!(
                        !untold.is_nothing,
                        concat!(
                            "no stride leads from the first of these two ", $images, " to the second (outputs = (inputs + \
                             2 · padding − kernel) / stride + 1, along each side, with a stride and zeros that do not go \
                             beyond the kernel): a kernel of 3 leads from 28 to 28, 26, 14 or 13. `between` takes other \
                             strides and zeros, by `.stride(…)` and `.padding(…)`"
                        )
                    );
                    assert!(
                        !untold.is_several,
                        concat!(
                            "more than one stride leads from the first of these two ", $images, " to the second, as from 4 \
                             to 2 with a kernel of 3: `between` takes the one that is meant, by `.stride(2)`"
                        )
                    );
                }
                $there::between(I::default(), O::default(), K, activation)
            }
        }

        impl $there<(), (), 0> {
            /// Between sizes of any kind, with a kernel of so many rows and columns; they are compared when the model is
            /// built.
            pub fn between<I: $size, O: $size, A>(
                input: I,
                output: O,
                kernel: impl Into<Sides>,
                activation: A,
            ) -> ConvolutionLayer<I, O, A> {
                let (from, to) = (input.shape(), output.shape());
                let map = Convolution::new(from, to, $is_window, kernel.into());
                Activated::new(map, activation, input, output)
            }
        }

        impl<I: $size + KnownShape, O: $size + KnownShape, const K: usize> $back<I, O, K> {
            /// Between sizes known to the compiler.
            #[allow(clippy::new_ret_no_self)] // As for `Dense`.
            pub fn new<A>(activation: A) -> TransposedLayer<I, O, A> {
                const {
                    let untold = untold(O::SHAPE, I::SHAPE, ($rows, K));
                    assert!(
                        !untold.is_larger,
                        concat!(
                            "the second of these two ", $images, " is ", $smaller, " than a transposed convolution makes the \
                             first: `", stringify!($there), "` or `", $pool, "` leads to a ", $smaller, " one, as from 28 to \
                             14"
                        )
                    );
                    assert!(
                        !untold.is_nothing,
                        concat!(
                            "no stride leads from the second of these two ", $images, " back to the first (inputs = \
                             (outputs + 2 · padding − kernel) / stride + 1, along each side, with a stride and zeros that do \
                             not go beyond the kernel): a kernel of 3 leads from 14 to 28, 16 or 14. `between` takes other \
                             strides and zeros, by `.stride(…)` and `.padding(…)`"
                        )
                    );
                    assert!(
                        !untold.is_several,
                        concat!(
                            "more than one stride leads from the second of these two ", $images, " back to the first, as \
                             from 2 to 4 with a kernel of 3: `between` takes the one that is meant, by `.stride(2)`"
                        )
                    );
                }
                $back::between(I::default(), O::default(), K, activation)
            }
        }

        impl $back<(), (), 0> {
            /// Between sizes of any kind, with a kernel of so many rows and columns; they are compared when the model is
            /// built.
            pub fn between<I: $size, O: $size, A>(
                input: I,
                output: O,
                kernel: impl Into<Sides>,
                activation: A,
            ) -> TransposedLayer<I, O, A> {
                let (from, to) = (output.shape(), input.shape());
                let map = Convolution::new(from, to, $is_window, kernel.into());
                Activated::new(Adjoint(map.transposed()), activation, input, output)
            }
        }
    };
}
layers!(
    Conv2d, ConvTranspose2d, ImageSize, false, K, "images",
    "larger" by "Upsample2d", "smaller" by "MaxPool2d"
);
layers!(
    Conv1d, ConvTranspose1d, WindowSize, true, 1, "windows",
    "longer" by "Upsample1d", "shorter" by "MaxPool1d"
);

/// A map that is a convolution, or goes back over one.
pub trait Convolves: Sized {
    /// The same with other settings of the convolution.
    #[doc(hidden)]
    fn changed(self, change: impl FnOnce(Convolution) -> Convolution) -> Self;
}
impl Convolves for Convolution {
    fn changed(self, change: impl FnOnce(Convolution) -> Convolution) -> Self {
        change(self)
    }
}
impl Convolves for Adjoint<Convolution> {
    fn changed(self, change: impl FnOnce(Convolution) -> Convolution) -> Self {
        Adjoint(change(self.0))
    }
}

/// Settings of a convolution. What is not set the sizes tell, or `build` refuses them with
/// [`Error::ConvolutionSizes`](crate::Error::ConvolutionSizes); a setting that is 0 or beyond 2²⁰, but for `padding`, which
/// may be 0, with [`Error::InvalidParameter`](crate::Error::InvalidParameter). Of a transposed layer they are those of the convolution
/// from its outputs to its inputs. The rows of a window's setting do not count.
impl<M: Convolves, A, I, O> Activated<M, A, I, O> {
    /// Inputs from one place of the kernel to the next. Default: what the sizes tell. At least 1.
    pub fn stride(self, stride: impl Into<Sides>) -> Self {
        self.set(stride, |moves, stride| moves.stride = Some(stride))
    }

    /// Zeros before the first row and column, and as many behind the last ones, as far as they are read. Default: what
    /// the sizes tell.
    pub fn padding(self, padding: impl Into<Sides>) -> Self {
        self.set(padding, |moves, padding| moves.before = Some(padding))
    }

    /// Inputs from one tap of the kernel to the next. Default: 1, neighbours.
    pub fn dilation(self, dilation: impl Into<Sides>) -> Self {
        self.set(dilation, |moves, dilation| moves.dilation = dilation)
    }

    /// Into how many groups the channels are divided on both sides; each sees the channels of its own only. Default: 1.
    /// A divisor of the channels on both sides, or `build` refuses it with [`Error::Groups`](crate::Error::Groups). As many as there are channels: a depthwise
    /// convolution.
    pub fn groups(self, groups: usize) -> Self {
        self.with_map(|map| map.changed(|map| map.grouped(groups)))
    }

    fn set(self, sides: impl Into<Sides>, set: impl Fn(&mut Moves, usize)) -> Self {
        let sides = sides.into();
        self.with_map(|map| map.changed(|map| map.set(sides, set)))
    }
}
