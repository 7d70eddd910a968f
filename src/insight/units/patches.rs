use super::each_pass;
use super::maps::{Watched, lies_of};
use crate::batch::Batch;
use crate::batch::size::{DynImage, SameSize, Shape};
use crate::error::{Result, require, require_count};
use crate::layer::Part;
use crate::layer::field::{Lies, Span};
use crate::model::AutoEncoder;
use crate::model::inference::{InMemory, Unlabelled};
use crate::numbers::scalar::Float;
use crate::train::examples::IntoExamples;

/// The patches that excite a channel most. See [`top_patches`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Patches<T> {
    /// channels × rows × columns of the receptive field, one patch after the other, the most exciting first.
    pub patches: Batch<T, DynImage>,
    /// How active the channel is there.
    pub activations: Vec<T>,
    /// Which sample each patch is of.
    pub samples: Vec<usize>,
    /// Row and column of the activation among the layer's.
    pub places: Vec<(usize, usize)>,
    /// Row and column of the patch's upper left pixel in the sample; negative where the patch begins in the zeros around it.
    pub corners: Vec<(i64, i64)>,
}

/// The patches of given samples that excite a channel of a layer of the encoder most: what its unit looks at there, its
/// receptive field.
///
/// Of each sample only the place where the channel is most active counts (of equal ones the first, row by row), so that
/// neighbours that see nearly the same do not crowd out the rest. Layers are counted as in
/// [`feature_maps`](super::feature_maps). The receptive field goes through all layers up to that one; what all of a layer's
/// outputs look at, as behind a dense layer, is the whole sample. Mean and variance of a normalization, in which all of an
/// image has a share, do not count as looking at it.
///
/// # Shapes
/// One patch for each of the `count` most exciting samples, or for each sample if there are fewer:
/// channels × rows × columns of the receptive field, channel by channel; along a side on which it is as long as the sample
/// or longer, the whole side. Beyond the sample's border patches are 0. They are as the encoder has them: of a model with
/// a normalizer, normalized. A `FeatureGrid` of `plot` draws patches of pictures by `.range(0.0..=1.0)`.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such layer or channel, and for a count of 0;
/// for the samples as in [`AutoEncoder`].
///
/// # Example
/// A pixel that is bright is found, with its neighbours:
/// ```
/// use autoencoder::{AutoEncoder, Batch, Conv2d, Dense, Then, activation::Identity};
/// use autoencoder::{size::Image, units::top_patches};
/// let mut model = AutoEncoder::builder()
///     .encoder(Conv2d::<Image<1, 5, 5>, Image<1, 5, 5>, 3>::new(Identity).then(Dense::<25, 2>::new(Identity)))
///     .decoder(Dense::<2, 25>::new(Identity))
///     .build::<f64>()?;
/// let mut parameters = model.parameters().to_vec();
/// parameters[..10].copy_from_slice(&[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]); // the pixel in the middle
/// model.set_parameters(&parameters)?;
/// let mut images = Batch::zeros(Image::<1, 5, 5>, 3);
/// images.as_mut_slice()[25 + 5 * 2 + 4] = 7.0; // of image 1, row 2, column 4
/// let top = top_patches(&model, &images, 0, 0, 1)?;
/// assert_eq!((top.samples[0], top.places[0], top.activations[0]), (1, (2, 4), 7.0));
/// assert_eq!(top.corners[0], (1, 3)); // rows 1 to 3, columns 3 to 5, of which the last is beyond the border
/// assert_eq!(top.patches.sample(0), [0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// M. Zeiler, R. Fergus (2014), Visualizing and understanding convolutional networks.
pub fn top_patches<'a, E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    x: X,
    layer: usize,
    channel: usize,
    count: usize,
) -> Result<Patches<T>>
where
    E: Part,
    T: Float,
    X: IntoExamples<'a, T>,
    X::Input: SameSize<E::Input>,
    X::Given: Unlabelled<E::Condition>,
{
    const { <X::Input as SameSize<E::Input>>::FITS };
    let (call, network, size) = ("top_patches", model.network(), model.encoder().input());
    require_count("top_patches count", count)?;
    let mut buffer = Vec::new();
    let given = InMemory::unweighted(call, network.inputs(), x.into_examples())?;
    let rows = given.taken(network, call, &mut buffer)?;
    let (mut found, mut fields) = (Vec::new(), None);
    each_pass(network, rows, |first, pass| {
        let watched = Watched::of("top_patches layer", network, pass, layer)?;
        let is_there = channel < watched.lies.shape.channels;
        let requirement = "less than the number of the layer's channels, which are counted from 0";
        require(is_there, "top_patches channel", channel as f64, requirement)?;
        watched.outputs(network, pass, |y| {
            for (sample, y) in y.iter().enumerate() {
                found.push(Found {
                    sample: first + sample,
                    ..most_active(watched.lies, channel, y)
                });
            }
        });
        fields = watched.fields(network, pass);
        Ok(())
    })?;
    // Of equal ones the first sample stays first.
    found.sort_by(|a, b| b.activation.to_double().total_cmp(&a.activation.to_double()));
    found.truncate(count);

    let lies = lies_of(size);
    let frame = Frame::new(lies, fields);
    let mut values = Vec::new();
    let sample = |found: &Found<T>| &rows.x.as_slice()[found.sample * rows.x.features()..];
    for found in &found {
        frame.cut(lies, sample(found), found.place, &mut values);
    }
    Ok(Patches {
        patches: Batch::new(frame.size(), values)?,
        activations: found.iter().map(|found| found.activation).collect(),
        samples: found.iter().map(|found| found.sample).collect(),
        places: found.iter().map(|found| found.place).collect(),
        corners: found.iter().map(|found| frame.corner(found.place)).collect(),
    })
}

/// Where a channel is most active.
struct Found<T> {
    activation: T,
    sample: usize,
    place: (usize, usize),
}

fn most_active<T: Float>(lies: Lies, channel: usize, y: &[T]) -> Found<T> {
    let Shape { height, width, .. } = lies.shape;
    let mut best = Found { activation: y[lies.at(channel, 0, 0)], sample: 0, place: (0, 0) };
    for place in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
        let activation = y[lies.at(channel, place.0, place.1)];
        if activation > best.activation {
            best = Found { activation, place, ..best };
        }
    }
    best
}

/// What is cut out of samples: as many rows and columns whatever the place.
struct Frame {
    channels: usize,
    sides: [Side; 2],
}

/// Along rows or columns: how long the frame is, and where it begins for each place; nothing where it is the whole side.
struct Side {
    len: usize,
    first: Option<Vec<i64>>,
}

impl Side {
    fn new(len: usize, fields: Option<impl Iterator<Item = Span> + Clone>) -> Self {
        let whole = Self { len, first: None };
        let Some(fields) = fields else { return whole };
        // Places of a transposed layer do not all look at as many.
        let longest = fields.clone().map(Span::len).max().unwrap_or(1).max(1);
        if longest >= len {
            return whole;
        }
        Self { len: longest, first: Some(fields.map(|field| field.first).collect()) }
    }

    fn first(&self, place: usize) -> i64 {
        self.first.as_ref().map_or(0, |first| first[place])
    }
}

impl Frame {
    fn new(lies: Lies, fields: Option<Vec<[Span; 2]>>) -> Self {
        let Shape { channels, height, width } = lies.shape;
        let along = |side: usize| fields.as_ref().map(|all| all.iter().map(move |of| of[side]));
        Self { channels, sides: [Side::new(height, along(0)), Side::new(width, along(1))] }
    }

    fn size(&self) -> DynImage {
        let [rows, columns] = &self.sides;
        DynImage { channels: self.channels, height: rows.len, width: columns.len }
    }

    fn corner(&self, (row, column): (usize, usize)) -> (i64, i64) {
        (self.sides[0].first(row), self.sides[1].first(column))
    }

    fn cut<T: Float>(&self, lies: Lies, x: &[T], place: (usize, usize), to: &mut Vec<T>) {
        let (first_row, first_column) = self.corner(place);
        let inside = |first: i64, by: usize, len: usize| {
            let at = usize::try_from(first.saturating_add(by as i64)).ok();
            at.filter(|&at| at < len)
        };
        for channel in 0..self.channels {
            for row in 0..self.sides[0].len {
                let row = inside(first_row, row, lies.shape.height);
                to.extend((0..self.sides[1].len).map(|column| {
                    let column = inside(first_column, column, lies.shape.width);
                    row.zip(column)
                        .map_or(T::ZERO, |(row, column)| x[lies.at(channel, row, column)])
                }));
            }
        }
    }
}
