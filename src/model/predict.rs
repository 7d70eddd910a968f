//! What only a model with a target decoder can do: say which target belongs to a sample.

use super::inference::{InMemory, Unlabelled};
use super::scalar;
use super::{AutoEncoder, Scalar};
use crate::batch::Batch;
use crate::batch::size::SameSize;
use crate::error::Result;
use crate::layer::Part;
use crate::loss::Targeted;
use crate::train::examples::IntoExamples;

impl<E: Part, D: Part, R, L, T: Scalar> AutoEncoder<E, D, R, Targeted<L>, T> {
    /// What the model makes of each sample: the prediction of its target, `Target × samples`, in the domain of the targets.
    ///
    /// # Errors
    /// As [`AutoEncoder::encode`].
    pub fn predict<'a, X>(&self, x: X) -> Result<Batch<T, D::Output>>
    where
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Unlabelled<E::Condition>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (call, network) = ("predict", self.network());
        let given = InMemory::unweighted(call, network.inputs(), x.into_examples())?;
        let mut buffer = Vec::new();
        let rows = given.taken(network, call, &mut buffer)?;
        let mut outputs = Batch::zeros(self.decoder().output(), rows.x.samples());
        scalar::reconstruct_rows(network, rows, outputs.view_mut(), &mut self.workspace())?;
        Ok(outputs)
    }
}
