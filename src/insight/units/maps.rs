use super::each_pass;
use crate::batch::size::{DynImage, SameSize, Shape, Size};
use crate::batch::{Batch, BatchView};
use crate::error::{Result, require};
use crate::layer::field::{Lies, Span};
use crate::layer::{Part, Pass};
use crate::model::AutoEncoder;
use crate::model::inference::{InMemory, Unlabelled};
use crate::model::network::Network;
use crate::numbers::scalar::Float;
use crate::train::examples::IntoExamples;

/// What a layer of the encoder makes of given samples: its activations, as an image of as many channels for each sample.
///
/// Layers are counted from 0 along the chain, as in the names of their parameters: behind `encoder.0.weight` is layer 0.
/// Layers without weights count too, and so do those in a box; what is inside a [`Residual`](crate::Residual) is part of
/// that layer. Of a [`Gaussian`](crate::Gaussian) encoder they are those of its body, then those of its mean.
///
/// # Shapes
/// channels × rows × columns for each sample, channel by channel; of a layer of windows, channels × 1 × steps; of plain
/// features, features × 1 × 1. [`channels`] makes an image of its own of each channel, and a `FeatureGrid` of `plot` draws
/// those of a [`Relu`](crate::activation::Relu) or a [`Sigmoid`](crate::activation::Sigmoid) by `.range(0.0..=1.0)`, with
/// the largest value in place of 1.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the encoder does not have so many layers; for the
/// samples as in [`AutoEncoder`].
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Batch, Conv2d, Dense, Then, activation::{Identity, Relu}};
/// use autoencoder::{size::Image, units::{channels, feature_maps}};
/// let model = AutoEncoder::builder()
///     .encoder(Conv2d::<Image<1, 8, 8>, Image<6, 4, 4>, 3>::new(Relu).then(Dense::<96, 4>::new(Identity)))
///     .decoder(Dense::<4, 64>::new(Identity))
///     .build::<f64>()?;
/// let images = Batch::new(Image::<1, 8, 8>, (0..128).map(|k| (k as f64).sin()).collect())?;
/// let maps = feature_maps(&model, &images, 0)?;
/// assert_eq!((maps.size().channels, maps.size().height, maps.samples()), (6, 4, 2));
/// assert_eq!(channels(&maps).samples(), 12); // the six of the first image, then those of the second
/// assert_eq!(feature_maps(&model, &images, 1)?.as_slice(), model.encode(&images)?.as_slice());
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// M. Zeiler, R. Fergus (2014), Visualizing and understanding convolutional networks.
pub fn feature_maps<'a, E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    x: X,
    layer: usize,
) -> Result<Batch<T, DynImage>>
where
    E: Part,
    T: Float,
    X: IntoExamples<'a, T>,
    X::Input: SameSize<E::Input>,
    X::Given: Unlabelled<E::Condition>,
{
    const { <X::Input as SameSize<E::Input>>::FITS };
    let (call, network) = ("feature_maps", model.network());
    let mut buffer = Vec::new();
    let given = InMemory::unweighted(call, network.inputs(), x.into_examples())?;
    let rows = given.taken(network, call, &mut buffer)?;
    let (mut lies, mut values) = (Lies::plain(0), Vec::new());
    each_pass(network, rows, |_, pass| {
        let watched = Watched::of("feature_maps layer", network, pass, layer)?;
        lies = watched.lies;
        watched.outputs(network, pass, |y| {
            y.iter().for_each(|y| by_channels(lies, y, &mut values));
        });
        Ok(())
    })?;
    let Shape { channels, height, width } = lies.shape;
    Batch::new(DynImage { channels, height, width }, values)
}

/// Each channel of each sample as an image of its own, for a picture: those of the first sample, then those of the next.
///
/// # Shapes
/// From channels × rows × columns to 1 × rows × columns, channels times as many.
///
/// # Example
/// ```
/// use autoencoder::{Batch, size::{DynImage, Image}, units::channels};
/// let images = Batch::new(Image::<2, 1, 3>, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let channels = channels(&images);
/// assert_eq!(channels.size(), DynImage { channels: 1, height: 1, width: 3 });
/// assert_eq!(channels.sample(1), [4.0, 5.0, 6.0]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn channels<T: Float, S: Size>(images: &Batch<T, S>) -> Batch<T, DynImage> {
    let lies = lies_of(images.size());
    let Shape { height, width, .. } = lies.shape;
    let mut values = Vec::with_capacity(images.as_slice().len());
    images.iter().for_each(|image| by_channels(lies, image, &mut values));
    let count = values.len().checked_div(height.saturating_mul(width)).unwrap_or(0);
    let mut channels = Batch::zeros(DynImage { channels: 1, height, width }, count);
    channels.as_mut_slice().copy_from_slice(&values);
    channels
}

/// How samples of a size lie.
pub(super) fn lies_of(size: impl Size) -> Lies {
    Lies::of(size).unwrap_or(Lies::plain(size.value()))
}

/// Appends the values of an image or a window, channel by channel and row by row.
fn by_channels<T: Float>(lies: Lies, values: &[T], to: &mut Vec<T>) {
    let Shape { channels, height, width } = lies.shape;
    for channel in 0..channels {
        for row in 0..height {
            to.extend((0..width).map(|column| values[lies.at(channel, row, column)]));
        }
    }
}

/// A layer of the encoder that is looked at.
#[derive(Clone, Copy)]
pub(super) struct Watched {
    /// How its outputs lie.
    pub(super) lies: Lies,
    /// How many layers there are behind it.
    behind: usize,
}

impl Watched {
    /// The layer of this number.
    pub(super) fn of<T: Float>(
        name: &'static str,
        network: &Network<T>,
        pass: Pass<'_, T>,
        layer: usize,
    ) -> Result<Self> {
        let mut links = Vec::new();
        network.encoder.links(pass, &mut |link| {
            links.push((link.y.features(), link.lies, link.keeps_places));
        });
        let requirement = "less than the number of layers of the encoder, which are counted from 0";
        require(layer < links.len(), name, layer as f64, requirement)?;
        let behind = links.len() - 1 - layer;
        let before = links[behind..].iter().rev();
        let lies = before.fold(None, |before, &(features, lies, keeps_places)| {
            let lies = Lies::behind(before, lies, keeps_places);
            lies.filter(|lies| lies.shape.values() == features)
        });
        Ok(Self { lies: lies.unwrap_or(Lies::plain(links[behind].0)), behind })
    }

    /// Its outputs of a pass.
    pub(super) fn outputs<T: Float>(
        &self,
        network: &Network<T>,
        pass: Pass<'_, T>,
        mut take: impl FnMut(BatchView<'_, T>),
    ) {
        let mut number = 0;
        network.encoder.links(pass, &mut |link| {
            if number == self.behind {
                take(link.y);
            }
            number += 1;
        });
    }

    /// The rows and columns of an input that its first, second, … row and column looks at, as far as there are any; nothing
    /// where that is all of it.
    pub(super) fn fields<T: Float>(
        &self,
        network: &Network<T>,
        pass: Pass<'_, T>,
    ) -> Option<Vec<[Span; 2]>> {
        let places = self.lies.shape.height.max(self.lies.shape.width);
        let mut fields = Some((0..places).map(|place| [Span::at(place); 2]).collect::<Vec<_>>());
        let mut number = 0;
        network.encoder.links(pass, &mut |link| {
            if number >= self.behind {
                let through = |fields: Vec<_>| fields.into_iter().map(link.field).collect();
                fields = fields.take().and_then(through);
            }
            number += 1;
        });
        fields
    }
}
