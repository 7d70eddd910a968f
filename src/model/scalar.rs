use rand::Rng;

use super::network::{Network, Parts};
use super::step::{Seen, step};
use super::training;
use super::workspace::Workspace;
use crate::batch::BatchViewMut;
use crate::error::Result;
use crate::numbers::scalar::Float;
use crate::train::Report;
use crate::train::examples::{Rows, Samples};
use crate::train::settings::Plan;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number type that models compute in: `f32` or `f64`.
///
/// The trait is sealed; take `f32` for speed and `f64` for gradient checks. What plugins know of the two is in
/// [`Float`]; here is what a model does with them, which is compiled in this crate, once for each.
#[allow(private_interfaces)]
pub trait Scalar: Float + sealed::Sealed {
    #[doc(hidden)]
    fn build(parts: Parts<Self>, rng: &mut dyn Rng) -> Result<Network<Self>>;
    #[doc(hidden)]
    fn step(
        network: &Network<Self>,
        parameters: &[Self],
        workspace: &mut Workspace<Self>,
        seen: Seen<'_, Self>,
        gradient: Option<&mut [Self]>,
    );
    #[doc(hidden)]
    fn train(
        network: &mut Network<Self>,
        plan: Plan<'_, '_, Self>,
        samples: Samples<'_, Self>,
        weights: Option<&[f64]>,
        held_out: Option<Samples<'_, Self>>,
    ) -> Result<Report>;
    #[doc(hidden)]
    fn encode_rows(
        network: &Network<Self>,
        rows: Rows<'_, Self>,
        codes: BatchViewMut<'_, Self>,
        workspace: &mut Workspace<Self>,
    );
    #[doc(hidden)]
    fn decode_rows(
        network: &Network<Self>,
        rows: Rows<'_, Self>,
        outputs: BatchViewMut<'_, Self>,
        workspace: &mut Workspace<Self>,
    );
    #[doc(hidden)]
    fn pass_rows(
        network: &Network<Self>,
        rows: Rows<'_, Self>,
        outputs: BatchViewMut<'_, Self>,
        workspace: &mut Workspace<Self>,
    );
}

/// Written out, so that each is compiled here and not in every crate that uses it.
macro_rules! scalars {
    ($($t:ty),+) => {
        $(#[allow(private_interfaces)]
        impl Scalar for $t {
            fn build(parts: Parts<Self>, rng: &mut dyn Rng) -> Result<Network<Self>> {
                Network::new(parts, rng)
            }
            fn step(
                network: &Network<Self>,
                parameters: &[Self],
                workspace: &mut Workspace<Self>,
                seen: Seen<'_, Self>,
                gradient: Option<&mut [Self]>,
            ) {
                step(network, parameters, workspace, seen, gradient);
            }
            fn train(
                network: &mut Network<Self>,
                plan: Plan<'_, '_, Self>,
                samples: Samples<'_, Self>,
                weights: Option<&[f64]>,
                held_out: Option<Samples<'_, Self>>,
            ) -> Result<Report> {
                training::train(network, plan, samples, weights, held_out)
            }
            fn encode_rows(
                network: &Network<Self>,
                rows: Rows<'_, Self>,
                codes: BatchViewMut<'_, Self>,
                workspace: &mut Workspace<Self>,
            ) {
                network.encode(rows, codes, workspace);
            }
            fn decode_rows(
                network: &Network<Self>,
                rows: Rows<'_, Self>,
                outputs: BatchViewMut<'_, Self>,
                workspace: &mut Workspace<Self>,
            ) {
                network.decode(rows, outputs, workspace);
            }
            fn pass_rows(
                network: &Network<Self>,
                rows: Rows<'_, Self>,
                outputs: BatchViewMut<'_, Self>,
                workspace: &mut Workspace<Self>,
            ) {
                network.pass(rows, outputs, workspace);
            }
        })+
    };
}
scalars!(f32, f64);
