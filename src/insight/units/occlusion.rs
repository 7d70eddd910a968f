use super::checked;
use super::maps::lies_of;
use super::saliency::require_unit;
use crate::batch::size::{DynImage, Shape, Size};
use crate::batch::{Batch, BatchView};
use crate::error::{Result, require, require_count, require_fit, require_size};
use crate::layer::field::Lies;
use crate::layer::{Part, Sides};
use crate::loss::{LossFor, WithInput};
use crate::model::blocks::BLOCK;
use crate::model::network::Network;
use crate::model::{AutoEncoder, OneInput, Workspace};
use crate::numbers::scalar::Float;
use crate::train::examples::Rows;

/// What is hidden of an image by [`occluded_unit`] and [`occluded_error`]: a rectangle that moves over it.
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`new`](Self::new) | rows and columns of the rectangle, of a window its steps | | at least 1, at most those of the image |
/// | [`stride`](Self::stride) | pixels from one place of it to the next | 1 | at least 1 |
/// | [`fill`](Self::fill) | what stands in its place | 0 | finite |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occlusion {
    window: Sides,
    stride: Sides,
    fill: f64,
}

impl Occlusion {
    /// Of a square of `window` pixels a side, or of `(rows, columns)`. At least 1 and at most as many as the image has; the
    /// one row of a window of a series does not count.
    pub fn new(window: impl Into<Sides>) -> Self {
        Self { window: window.into(), stride: 1.into(), fill: 0.0 }
    }

    /// Pixels from one place of the rectangle to the next, along rows and columns. Default: 1. At least 1.
    pub fn stride(self, stride: impl Into<Sides>) -> Self {
        Self { stride: stride.into(), ..self }
    }

    /// What stands in place of the hidden pixels, in all channels, as the encoder has them. Default: 0, which is black in
    /// images from 0 to 1, and behind a normalizer that standardizes the mean. Any finite number.
    pub fn fill(self, fill: f64) -> Self {
        Self { fill, ..self }
    }
}

/// How a model takes it that a part of an image is hidden. See [`occluded_unit`] and [`occluded_error`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Occluded<T> {
    /// One image of 1 × rows × columns: the value for each place of the rectangle.
    pub map: Batch<T, DynImage>,
    /// The value while nothing is hidden.
    pub unhidden: T,
}

/// How active a code unit is while a rectangle of the image is hidden, for all places of the rectangle. Where that is much
/// less than for the [whole image](Occluded::unhidden), there is what the unit looks for. Of a Gaussian posterior, the
/// unit is that of its mean. A conditional model is given `(&x, &condition)`.
///
/// # Shapes
/// The value in row i and column j of the map is that with the rectangle's upper left pixel in row i · stride and column
/// j · stride. There are (rows − window) / stride + 1 places along the rows, rounded up, so that a stride that is no longer
/// than the window leaves no pixel out; the last rectangle is cut at the border. Columns likewise; the map of a window of a
/// series has one row. Less the value of the whole image it is a picture of what each place adds.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such unit, and for a window, a stride or a
/// fill outside their [ranges](Occlusion); [`Error::Unfit`](crate::Error::Unfit) for a model whose inputs are plain
/// features, no images and no windows; for the sample as in [`AutoEncoder`].
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Identity, size::Image};
/// use autoencoder::nalgebra::Const;
/// use autoencoder::units::{Occlusion, occluded_unit};
/// let mut model = AutoEncoder::builder()
///     .encoder(Dense::between(Image::<1, 2, 4>, Const::<1>, Identity))
///     .decoder(Dense::<1, 8>::new(Identity))
///     .build::<f64>()?;
/// let mut parameters = vec![0.0; model.num_parameters()];
/// parameters[6] = 1.0; // the unit looks at row 1, column 2
/// model.set_parameters(&parameters)?;
/// let found = occluded_unit(&model, &[0.5; 8], 0, Occlusion::new(2))?;
/// assert_eq!(found.unhidden, 0.5);
/// assert_eq!(found.map.as_slice(), [0.5, 0.0, 0.0]); // three places of a square of two by two
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// M. Zeiler, R. Fergus (2014), Visualizing and understanding convolutional networks, section 4.2.
pub fn occluded_unit<E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    sample: X,
    unit: usize,
    occlusion: Occlusion,
) -> Result<Occluded<T>>
where
    E: Part,
    T: Float,
    X: OneInput<T, E::Input, E::Condition>,
{
    const { <X as OneInput<T, E::Input, E::Condition>>::FITS };
    let (call, network) = ("occluded_unit", model.network());
    require_unit("occluded_unit unit", unit, network)?;
    let (x, condition) = sample.parts();
    require_size(call, "features", network.facts.features, x.len())?;
    let mut buffer = Vec::new();
    let x = network.taken(call, BatchView::new(x, network.facts.features), &mut buffer)?;
    let condition = checked(call, network, condition)?;
    occlude(network, (x, condition), model.encoder().input(), occlusion, |workspace, _, values| {
        let codes = workspace.encoding.posterior.mean();
        values.extend(codes.iter().map(|code| code[unit]));
    })
}

/// The loss of the reconstruction while a rectangle of the image is hidden from the encoder, for all places of the
/// rectangle: high where the rest of the image does not tell what is there. The reconstruction is compared with the whole
/// image, what is hidden included. A conditional model is given `(&x, &condition)`.
///
/// # Shapes
/// As of [`occluded_unit`]; the values are those of [`score`](AutoEncoder::score).
///
/// # Errors
/// As [`occluded_unit`], and where the loss is not defined on the sample.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Conv2d, Dense, Then, activation::{Identity, Tanh}};
/// use autoencoder::{size::Image, units::{Occlusion, occluded_error}};
/// let model = AutoEncoder::builder()
///     .encoder(Conv2d::<Image<1, 6, 6>, Image<2, 6, 6>, 3>::new(Tanh).then(Dense::<72, 4>::new(Identity)))
///     .decoder(Dense::<4, 36>::new(Identity))
///     .build::<f64>()?;
/// let image = [0.5; 36];
/// let found = occluded_error(&model, &image, Occlusion::new(3).stride(2).fill(1.0))?;
/// assert_eq!((found.map.size().height, found.map.size().width), (3, 3)); // in rows and columns 0, 2 and 4
/// assert_eq!(found.unhidden, model.score_one(&image)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// M. Zeiler, R. Fergus (2014), Visualizing and understanding convolutional networks, section 4.2.
pub fn occluded_error<E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    sample: X,
    occlusion: Occlusion,
) -> Result<Occluded<T>>
where
    E: Part,
    D: Part,
    L: LossFor<D, Target = WithInput>,
    T: Float,
    X: OneInput<T, E::Input, E::Condition>,
{
    const { <X as OneInput<T, E::Input, E::Condition>>::FITS };
    let (call, network) = ("occluded_error", model.network());
    let (x, condition) = sample.parts();
    require_size(call, "features", network.facts.features, x.len())?;
    let mut buffer = Vec::new();
    let x = network.compared(call, BatchView::new(x, network.facts.features), &mut buffer)?;
    let condition = checked(call, network, condition)?;
    occlude(
        network,
        (x, condition),
        model.encoder().input(),
        occlusion,
        |workspace, rows, values| {
            network.generate_from_mean(workspace, rows);
            let y = BatchView::new(&workspace.decoding.output, network.outputs());
            let first = values.len();
            values.resize(first + y.samples(), T::ZERO);
            let whole = x.as_slice().repeat(y.samples());
            network.losses(BatchView::new(&whole, x.features()), y, &mut values[first..]);
        },
    )
}

/// The values of the encoder's passes, one for each place of the rectangle, of which those of each block are appended.
fn occlude<T: Float>(
    network: &Network<T>,
    (x, conditions): (BatchView<'_, T>, Option<BatchView<'_, T>>),
    size: impl Size,
    occlusion: Occlusion,
    mut look: impl FnMut(&mut Workspace<T>, Rows<'_, T>, &mut Vec<T>),
) -> Result<Occluded<T>> {
    let fault = "takes plain features, and no image of which a part could be hidden";
    let remedy = "say how they lie, as in `Dense::between(Image::<1, 28, 28>, Const::<32>, Relu)` for its first layer";
    require_fit(Lies::of(size).is_some(), "the encoder", fault, remedy)?;
    let lies = lies_of(size);
    let Occlusion { window, stride, fill } = occlusion;
    let requirement = "finite, in the model's number type too";
    require(T::of(fill).is_finite(), "Occlusion fill", fill, requirement)?;
    let Shape { channels, height, width } = lies.shape;
    // The one row of a window of a series.
    let rows = if lies.is_interleaved { (1, 1) } else { (window.rows, stride.rows) };
    let rows = places(height, rows)?;
    let columns = places(width, (window.columns, stride.columns))?;
    let mut all = rows.clone().flat_map(|row| columns.clone().map(move |column| (row, column)));

    let mut workspace = network.workspace();
    let (mut values, mut hidden) = (Vec::new(), Vec::new());
    let mut pass = |x: BatchView<'_, T>, values: &mut Vec<T>| {
        let rows = Rows { x, conditions, targets: None };
        network.infer(&mut workspace, rows);
        look(&mut workspace, rows, values);
    };
    pass(x, &mut values);
    loop {
        hidden.clear();
        for (row, column) in all.by_ref().take(BLOCK) {
            let first = hidden.len();
            hidden.extend_from_slice(x.as_slice());
            let image = &mut hidden[first..];
            let bottom = if lies.is_interleaved { 1 } else { height.min(row + window.rows) };
            for row in row..bottom {
                for column in column..width.min(column + window.columns) {
                    for channel in 0..channels {
                        image[lies.at(channel, row, column)] = T::of(fill);
                    }
                }
            }
        }
        if hidden.is_empty() {
            break;
        }
        pass(BatchView::new(&hidden, x.features()), &mut values);
    }
    let unhidden = values.remove(0);
    let size = DynImage { channels: 1, height: rows.count(), width: columns.count() };
    Ok(Occluded { map: Batch::new(size, values)?, unhidden })
}

/// Where the rectangle begins along a side.
fn places(
    side: usize,
    (window, stride): (usize, usize),
) -> Result<impl Iterator<Item = usize> + Clone> {
    require_count("Occlusion stride", stride)?;
    let is_valid = (1..=side).contains(&window);
    let requirement = "at least 1 and no longer than the side of the image";
    require(is_valid, "Occlusion window", window as f64, requirement)?;
    // With strides that leave gaps the next place may be behind the end.
    let count = ((side - window).div_ceil(stride) + 1).min(side.div_ceil(stride));
    Ok((0..count).map(move |place| place * stride))
}
