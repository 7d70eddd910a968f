use nalgebra::Dyn;

use super::checked;
use crate::batch::size::Size;
use crate::batch::{Batch, BatchView, Sample};
use crate::error::Result;
use crate::layer::{Part, Unconditioned};
use crate::model::AutoEncoder;
use crate::model::network::Network;
use crate::numbers::scalar::Float;

/// What each unit of the code adds to the decoder's output: its response to a code of 1 in that unit and 0
/// elsewhere, minus that to a code of 0. Of a decoder of one dense layer without an activation, the
/// columns of its weights.
///
/// Outputs are as the loss compares them: logits for a Bernoulli loss.
///
/// # Formula
/// g(eⱼ) − g(0)
///
/// # Shapes
/// Outputs × code units, one unit a column.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Identity, units::decoder_columns};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<4, 2>::new(Identity))
///     .decoder(Dense::<2, 4>::new(Identity))
///     .build::<f64>()?;
/// let weights = model.parameter("decoder.0.weight").unwrap();
/// for (added, weight) in decoder_columns(&model).as_slice().iter().zip(weights) {
///     assert!((added - weight).abs() < 1e-15);
/// }
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn decoder_columns<E, D: Part, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
) -> Batch<T, D::Output>
where
    E: Part<Condition = Unconditioned>,
{
    columns(model.network(), None, model.decoder().output())
}

/// As [`decoder_columns`], of a conditional model under a condition.
///
/// # Errors
/// For the condition as in [`AutoEncoder`].
pub fn decoder_columns_under<E: Part, D: Part, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
    condition: &(impl Sample<T, E::Condition> + ?Sized),
) -> Result<Batch<T, D::Output>> {
    let (network, condition) = (model.network(), Some(condition.features()));
    let condition = checked("decoder_columns_under", network, condition)?;
    Ok(columns(network, condition, model.decoder().output()))
}

/// See [`decoder_columns`].
fn columns<T: Float, O: Size>(
    network: &Network<T>,
    condition: Option<BatchView<'_, T>>,
    size: O,
) -> Batch<T, O> {
    let (units, outputs) = (network.facts.units, size.value());
    // One code a unit, then the code of 0.
    let mut codes = Batch::zeros(Dyn(units), units + 1);
    for unit in 0..units {
        codes.as_mut_slice()[unit * units + unit] = T::ONE;
    }
    let mut workspace = network.workspace();
    network.generate(&mut workspace, codes.view(), condition);
    let (responses, rest) = workspace.decoding.output.split_at(units * outputs);
    let mut columns = Batch::zeros(size, units);
    columns.as_mut_slice().copy_from_slice(responses);
    for column in columns.as_mut_slice().chunks_exact_mut(outputs.max(1)) {
        column.iter_mut().zip(rest).for_each(|(x, &at_rest)| *x -= at_rest);
    }
    columns
}
