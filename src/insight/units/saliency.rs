use super::checked;
use crate::batch::size::SameSize;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::code::posterior::Posterior;
use crate::error::{Result, require, require_size};
use crate::layer::{Part, Pass};
use crate::model::blocks::blocks;
use crate::model::inference::{InMemory, Unlabelled};
use crate::model::network::Network;
use crate::model::{AutoEncoder, OneInput, Workspace};
use crate::numbers::scalar::Float;
use crate::train::examples::{IntoExamples, Rows};

/// How one code unit changes with each value of one sample: ∂hⱼ/∂x. Of a Gaussian posterior, hⱼ is its
/// mean. A conditional model is given `(&x, &condition)`, and the condition is held fixed.
///
/// # Shapes
/// One value an input, in code units an (normalized) input unit.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such unit; for the sample as
/// in [`AutoEncoder`].
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Identity, units::saliency};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<3, 2>::new(Identity))
///     .decoder(Dense::<2, 3>::new(Identity))
///     .build::<f64>()?;
/// let weights = model.parameter("encoder.0.weight").unwrap();
/// let salient = saliency(&model, &[0.1, 0.2, 0.3], 1)?;
/// assert_eq!(salient, [weights[1], weights[3], weights[5]]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// K. Simonyan, A. Vedaldi, A. Zisserman (2013), Deep inside convolutional networks: visualising image
/// classification models and saliency maps.
pub fn saliency<E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    sample: X,
    unit: usize,
) -> Result<Vec<T>>
where
    E: Part,
    T: Float,
    X: OneInput<T, E::Input, E::Condition>,
{
    let (call, network) = ("saliency", model.network());
    require_unit("saliency unit", unit, network)?;
    let (x, condition) = sample.parts();
    require_size(call, "features", network.facts.features, x.len())?;
    let mut buffer = Vec::new();
    let x = network.taken(call, BatchView::new(x, x.len()), &mut buffer)?;
    let mut slopes = Slopes::new(network, checked(call, network, condition)?);
    slopes.at(x, &[unit]);
    Ok(slopes.gradient)
}

/// As [`saliency`], for many samples at once and in the size of an input: the saliency map of each image.
///
/// A map is drawn by its absolute values, where only the place matters, or as it is: what is positive should be brighter
/// for the unit to be more active.
///
/// # Shapes
/// One map a sample, each of the size of the model's input.
///
/// # Errors
/// As [`saliency`].
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Batch, Conv2d, Dense, Then, activation::{Identity, Tanh}};
/// use autoencoder::{size::Image, units::{saliency, saliency_maps}};
/// type Picture = Image<1, 6, 6>;
/// let model = AutoEncoder::builder()
///     .encoder(Conv2d::<Picture, Image<4, 6, 6>, 3>::new(Tanh).then(Dense::<144, 2>::new(Identity)))
///     .decoder(Dense::<2, 36>::new(Identity))
///     .build::<f64>()?;
/// let images = Batch::new(Image::<1, 6, 6>, (0..72).map(|k| (k as f64).sin()).collect())?;
/// let maps: Batch<f64, Picture> = saliency_maps(&model, &images, 1)?;
/// assert_eq!(maps.sample(1), saliency(&model, images.sample(1), 1)?);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// K. Simonyan, A. Vedaldi, A. Zisserman (2013), Deep inside convolutional networks: visualising image
/// classification models and saliency maps.
pub fn saliency_maps<'a, E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    x: X,
    unit: usize,
) -> Result<Batch<T, E::Input>>
where
    E: Part,
    T: Float,
    X: IntoExamples<'a, T>,
    X::Input: SameSize<E::Input>,
    X::Given: Unlabelled<E::Condition>,
{
    const { <X::Input as SameSize<E::Input>>::FITS };
    let (call, network, size) = ("saliency_maps", model.network(), model.encoder().input());
    require_unit("saliency_maps unit", unit, network)?;
    let mut buffer = Vec::new();
    let given = InMemory::unweighted(call, network.inputs(), x.into_examples())?;
    let rows = given.taken(network, call, &mut buffer)?;
    let mut maps = Vec::with_capacity(rows.x.as_slice().len());
    for block in blocks(rows) {
        let mut slopes = Slopes::new(network, block.conditions);
        slopes.at(block.x, &vec![unit; block.x.samples()]);
        maps.append(&mut slopes.gradient);
    }
    Batch::new(size, maps)
}

/// Refuses a code unit that is not there.
pub(super) fn require_unit<T: Float>(
    name: &'static str,
    unit: usize,
    network: &Network<T>,
) -> Result<()> {
    let is_there = unit < network.facts.units;
    require(is_there, name, unit as f64, "less than the number of code units")
}

/// How active one unit a column is, and how that changes with the column.
pub(super) struct Slopes<'a, T: Float> {
    network: &'a Network<T>,
    /// Of all columns, where there are conditions.
    condition: Option<BatchView<'a, T>>,
    pub(super) heights: Vec<T>,
    pub(super) gradient: Vec<T>,
    /// The gradient at inputs and condition, where there are conditions.
    joined: Vec<T>,
    d_posterior: Posterior<T>,
    workspace: Workspace<T>,
}

impl<'a, T: Float> Slopes<'a, T> {
    pub(super) fn new(network: &'a Network<T>, condition: Option<BatchView<'a, T>>) -> Self {
        let (heights, gradient, joined) = Default::default();
        let d_posterior = Posterior::new(network.facts.units, network.facts.is_gaussian);
        let workspace = network.workspace();
        Self { network, condition, heights, gradient, joined, d_posterior, workspace }
    }

    /// For the unit given for each column.
    pub(super) fn at(&mut self, x: BatchView<'_, T>, chosen: &[usize]) {
        let Self { network, condition, heights, gradient, joined, d_posterior, workspace } = self;
        let (encoder, units) = (&network.encoder, network.facts.units);
        network.infer(workspace, Rows { x, conditions: *condition, targets: None });
        let Workspace { encoding, scratch, .. } = workspace;
        let code = encoding.posterior.mean();
        heights.clear();
        heights.extend(chosen.iter().zip(code.iter()).map(|(&unit, code)| code[unit]));

        d_posterior.resize(x.samples());
        d_posterior.set_zero();
        let mut d_code = d_posterior.mean_mut();
        for (column, &unit) in chosen.iter().enumerate() {
            d_code.as_mut_slice()[column * units + unit] = T::ONE;
        }
        let inputs = encoder.num_inputs();
        let (seen, to) = match condition {
            Some(_) => (BatchView::new(&encoding.joined, inputs), &mut *joined),
            None => (x, &mut *gradient),
        };
        to.resize(seen.as_slice().len(), T::ZERO);
        let parameters = &network.parameters[network.places().encoder];
        let y = encoding.posterior.values();
        let pass = Pass { parameters, x: seen, y, tape: &encoding.tape };
        let dx = Some(BatchViewMut::new(to, inputs));
        encoder.backward(pass, d_posterior.values_mut(), dx, None, scratch);
        if condition.is_some() {
            gradient.clear();
            let columns = joined.chunks_exact(inputs);
            gradient.extend(columns.flat_map(|column| &column[..x.features()]));
        }
    }
}
