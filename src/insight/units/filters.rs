use std::fmt::Debug;

use super::normalize;
use crate::batch::Batch;
use crate::batch::size::{DynImage, Size};
use crate::error::{Error, Result};
use crate::layer::activation::Ranged;
use crate::layer::layout::{Role, Tensor};
use crate::layer::trained::Trained;
use crate::layer::{ConditionedPart, DenseLayer, Part};
use crate::model::AutoEncoder;
use crate::model::network::Network;
use crate::numbers::scalar::Float;

/// An encoder of one [`Dense`](crate::Dense) layer, trained before or not, told a condition or not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an encoder of one dense layer",
    label = "not one dense layer, whose filters are its weights",
    note = "`preferred_inputs` serves any encoder"
)]
pub trait OneDense: Part {}
impl<I: Size, O: Size, A: Ranged + Debug + Send + Sync> OneDense for DenseLayer<I, O, A> {}
impl<P: OneDense, T: Float> OneDense for Trained<P, T> {}
impl<P: OneDense, N: Size, K: Size> OneDense for ConditionedPart<P, N, K> {}

/// The input of unit norm that most excites each unit of an encoder of one dense layer.
///
/// # Formula
/// x = Wⱼ / ‖Wⱼ‖: the activation rises with Wⱼ x + bⱼ, which is greatest there. 0 for a unit whose weights
/// are all 0, to which all inputs are alike.
///
/// # Shapes
/// Inputs × code units, one unit a column.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Sigmoid, units::filters};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f64>()?;
/// let filters = filters(&model);
/// assert_eq!((filters.features(), filters.samples()), (64, 16));
/// assert!((filters.sample(3).iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Ng (2011), CS294A Lecture Notes: Sparse Autoencoder, section 4.
pub fn filters<E: OneDense, D, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
) -> Batch<T, E::Input> {
    let (size, units) = (model.encoder().input(), model.network().facts.units);
    let mut filters = Batch::zeros(size, units);
    for (unit, filter) in filters.as_mut_slice().chunks_exact_mut(size.value()).enumerate() {
        // Weights lie column by column, units beside units; those of a condition come after all inputs.
        let weights = model.parameters()[unit..].iter().step_by(units);
        filter.iter_mut().zip(weights).for_each(|(x, &w)| *x = w);
        normalize(filter);
    }
    filters
}

/// The filters of the first convolution of an encoder: of each channel the patch of unit norm that most excites it.
///
/// What stands before the convolution, such as a normalization or an activation, is not looked at; the weights
/// themselves are a [`parameter`](AutoEncoder::parameter) of the model. Boxed encoders have filters too.
///
/// # Formula
/// x = wₒ / ‖wₒ‖ for the output channel o, as in [`filters`]; 0 where all weights are 0.
///
/// # Shapes
/// One filter an output channel, each an image of (input channels / groups) × kernel rows × kernel columns; of a
/// convolution of windows, of one row. Behind [`ConditionPlanes`](crate::ConditionPlanes) the planes of the condition are
/// the last of the input channels.
///
/// # Errors
/// [`Error::Unfit`](crate::Error::Unfit) if the first layer of the encoder with weights is no convolution.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Conv2d, Dense, Then, activation::{Identity, Relu}};
/// use autoencoder::{size::Image, units::convolution_filters};
/// let model = AutoEncoder::builder()
///     .encoder(Conv2d::<Image<3, 8, 8>, Image<6, 8, 8>, 5>::new(Relu).then(Dense::<384, 4>::new(Identity)))
///     .decoder(Dense::<4, 192>::new(Identity))
///     .build::<f64>()?;
/// let filters = convolution_filters(&model)?;
/// assert_eq!(filters.size(), autoencoder::size::DynImage { channels: 3, height: 5, width: 5 });
/// assert_eq!(filters.samples(), 6);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Krizhevsky, I. Sutskever, G. Hinton (2012), ImageNet classification with deep convolutional neural networks.
pub fn convolution_filters<E, D, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
) -> Result<Batch<T, DynImage>> {
    let fault = "begins with no convolution, whose filters could be shown";
    let remedy =
        "`filters` serves an encoder of one dense layer, and `preferred_inputs` any encoder";
    let kernels = first_kernels(model.network());
    let (_, mut kernels) = kernels.ok_or(Error::Unfit { part: "the encoder", fault, remedy })?;
    let values = kernels.features();
    kernels.as_mut_slice().chunks_exact_mut(values.max(1)).for_each(normalize);
    Ok(kernels)
}

/// The tensor of the encoder's first weights, and these as images, one for each output channel, if they are of a
/// convolution.
pub(crate) fn first_kernels<T: Float>(
    network: &Network<T>,
) -> Option<(&Tensor, Batch<T, DynImage>)> {
    let mut tensors = network.layout.tensors().iter();
    let first = tensors.find(|t| t.role == Role::Weight && t.name.starts_with("encoder."))?;
    // Of a transposed one a row is an input channel, and no filter.
    let is_convolution = ["Conv1d(", "Conv2d("].iter().any(|kind| first.layer.starts_with(kind));
    let size = match (is_convolution, &first.columns[..]) {
        (true, &[channels, width]) => DynImage { channels, height: 1, width },
        (true, &[channels, height, width]) => DynImage { channels, height, width },
        _ => return None,
    };
    let weights = &network.parameters[first.range.clone()];
    let units = first.shape.0;
    let of_unit = |unit: usize| weights[unit..].iter().step_by(units).copied();
    let kernels = Batch::new(size, (0..units).flat_map(of_unit).collect()).ok()?;
    Some((first, kernels))
}
