use rand::Rng;

use super::network::Network;
use super::parts::Parts;
use super::step::{self, Seen};
use super::training;
use super::workspace::Workspace;
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::layer::part::End;
use crate::numbers::once::once;
use crate::numbers::scalar::Float;
use crate::train::Report;
use crate::train::examples::{Rows, Samples};
use crate::train::settings::Plan;

/// A number type that models compute in: `f32` or `f64`.
///
/// The trait is sealed, as [`Float`] is, which is what plugins know of the two; take `f32` for speed and `f64` for
/// gradient checks.
pub trait Scalar: Float {}
impl Scalar for f32 {}
impl Scalar for f64 {}

// What a model does with its numbers.
once! {
    pub(crate) fn build(parts: Parts<T>, rng: &'a mut dyn Rng) -> Result<Network<T>> = Network::new;
    pub(crate) fn check(parts: Parts<T>, samples: Option<(&'static str, End)>) -> Result<()> = Network::check;
    pub(crate) fn step(
        network: &'a Network<T>,
        parameters: &'a [T],
        workspace: &'a mut Workspace<T>,
        seen: Seen<'a, T>,
        gradient: Option<&'a mut [T]>,
    ) = step::step;
    pub(crate) fn train(
        network: &'a mut Network<T>,
        plan: Plan<'a, 'b, T>,
        samples: Samples<'a, T>,
        weights: Option<&'a [f64]>,
        held_out: Option<Samples<'a, T>>,
    ) -> Result<Report> = training::train;
    pub(crate) fn encode_rows(
        network: &'a Network<T>,
        rows: Rows<'a, T>,
        codes: BatchViewMut<'a, T>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<()> = Network::encode;
    pub(crate) fn decode_rows(
        network: &'a Network<T>,
        rows: Rows<'a, T>,
        outputs: BatchViewMut<'a, T>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<()> = Network::decode;
    pub(crate) fn reconstruct_rows(
        network: &'a Network<T>,
        rows: Rows<'a, T>,
        outputs: BatchViewMut<'a, T>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<()> = Network::reconstruct;
    pub(crate) fn pass_rows(
        network: &'a Network<T>,
        rows: Rows<'a, T>,
        outputs: BatchViewMut<'a, T>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<()> = Network::pass;
    pub(crate) fn score_rows(
        network: &'a Network<T>,
        rows: Rows<'a, T>,
        scores: BatchViewMut<'a, T>,
        workspace: &'a mut Workspace<T>,
    ) -> Result<()> = Network::score;
    pub(crate) fn encode_pairs(
        network: &'a Network<T>,
        x: BatchView<'a, T>,
        codes: &'a mut SparseBatch<T>,
    ) -> Result<()> = Network::encode_pairs;
    pub(crate) fn decode_pairs(
        network: &'a Network<T>,
        codes: &'a SparseBatch<T>,
        x: Option<BatchView<'b, T>>,
        outputs: BatchViewMut<'a, T>,
    ) -> Result<()> = Network::decode_pairs;
}
