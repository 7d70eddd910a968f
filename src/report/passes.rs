//! A model's passes over samples, for those who look at what comes out and not at its types.

use nalgebra::Dyn;

#[cfg(feature = "html")]
use crate::batch::BatchViewMut;
use crate::batch::size::{Shape, Size};
use crate::batch::{Batch, BatchView, check_finite};
use crate::error::Result;
use crate::model::Scalar;
#[cfg(feature = "html")]
use crate::model::inference::InMemory;
use crate::model::network::Network;
use crate::model::scalar;
use crate::train::examples::Rows;

/// How samples lie, of two sizes that they have: as the first says, unless that is a mere number.
pub(super) fn shape_of(size: impl Size, other: impl Size) -> Shape {
    let shape = size.shape();
    if (shape.height, shape.width) == (1, 1) { other.shape() } else { shape }
}

/// What [`decode`](crate::AutoEncoder::decode) gives for codes that lie one after the other, all under one
/// condition, if there is one.
pub(super) fn decode<T: Scalar>(
    network: &Network<T>,
    codes: &[T],
    condition: Option<&[T]>,
) -> Result<Batch<T, Dyn>> {
    let codes = BatchView::new(codes, network.facts.units);
    let repeated = condition.map(|condition| condition.repeat(codes.samples()));
    let numbers = condition.map_or(0, <[T]>::len);
    let conditions = repeated.as_ref().map(|values| BatchView::new(values, numbers));
    check_finite("decode", network.facts.units, codes)?;
    network.check_conditions("decode", conditions, codes.samples())?;
    let rows = Rows { x: codes, conditions, targets: None };
    let mut outputs = Batch::zeros(Dyn(network.outputs()), codes.samples());
    scalar::decode_rows(network, rows, outputs.view_mut(), &mut network.workspace())?;
    Ok(outputs)
}

/// What [`encode`](crate::AutoEncoder::encode) gives.
#[cfg(feature = "html")]
pub(super) fn encode<T: Scalar>(
    network: &Network<T>,
    given: InMemory<'_, T>,
) -> Result<Batch<T, Dyn>> {
    let mut buffer = Vec::new();
    let rows = given.taken(network, "encode", &mut buffer)?;
    let mut codes = Batch::zeros(Dyn(network.facts.units), rows.x.samples());
    scalar::encode_rows(network, rows, codes.view_mut(), &mut network.workspace())?;
    Ok(codes)
}

/// What [`reconstruct`](crate::AutoEncoder::reconstruct) gives.
#[cfg(feature = "html")]
pub(super) fn reconstruct<T: Scalar>(
    network: &Network<T>,
    given: InMemory<'_, T>,
) -> Result<Batch<T, Dyn>> {
    let mut buffer = Vec::new();
    let rows = given.taken(network, "reconstruct", &mut buffer)?;
    let mut outputs = Batch::zeros(Dyn(network.outputs()), rows.x.samples());
    scalar::reconstruct_rows(network, rows, outputs.view_mut(), &mut network.workspace())?;
    Ok(outputs)
}

/// What [`score`](crate::AutoEncoder::score) gives.
#[cfg(feature = "html")]
pub(super) fn score<T: Scalar>(network: &Network<T>, given: InMemory<'_, T>) -> Result<Vec<T>> {
    let (mut buffer, mut targets) = (Vec::new(), Vec::new());
    let rows = given.compared(network, "score", (&mut buffer, &mut targets))?;
    let mut scores = vec![T::ZERO; rows.x.samples()];
    let to = BatchViewMut::new(&mut scores, 1);
    scalar::score_rows(network, rows, to, &mut network.workspace())?;
    Ok(scores)
}
