use std::fmt;

use super::{
    CodeRange, GradientNorm, Sparsity, UnitActivity, UnitState, effective_dimension,
    gradient_norms, kl_per_unit, sparsity, unit_activity,
};
use crate::batch::Batch;
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::error::{Error, Result};
use crate::loss::Loss;
use crate::metrics::unexplained_variance;
use crate::model::AutoEncoder;
use crate::numbers::scalar::Scalar;
use crate::regularizer::Regularizer;

/// How many samples the Jacobian and the gradients are computed on, at most.
const FEW: usize = 512;

/// All that [`health`](crate::health) has to say about a model on some samples; prints as a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Checkup {
    /// The number of samples.
    pub samples: usize,
    /// The number of inputs.
    pub inputs: usize,
    /// Where the code lies.
    pub range: CodeRange,
    /// Each code unit.
    pub units: Vec<UnitActivity>,
    /// In how many directions the code varies; see [`effective_dimension`].
    pub effective_dimension: f64,
    /// How sparse the code is.
    pub sparsity: Sparsity,
    /// The share of the samples' variance that the reconstructions have: 1 minus
    /// [`unexplained_variance`]. None if the samples have no variance, or if it is beyond the numbers there are.
    pub explained_variance: Option<f64>,
    /// √ mean ‖∂ code / ∂x‖²_F over at most 512 samples, spread evenly: how far the code moves as the input
    /// moves. None if it is beyond the model's number type.
    pub jacobian: Option<f64>,
    /// The gradient at each tensor, on the same 512 samples.
    pub gradients: Vec<GradientNorm>,
    /// What each unit of a Gaussian code tells, in nats; see [`kl_per_unit`].
    pub kl: Option<Vec<f64>>,
}

impl Checkup {
    /// Of a model on these samples; best on some it was not trained on.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn of<E, D, R, L>(
        model: &AutoEncoder<E, D, R, L>,
        x: &Batch<E::Scalar, E::Input>,
    ) -> Result<Self>
    where
        E: Encoder,
        E::Range: 'static,
        D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
        R: Regularizer<E>,
        L: Loss<D>,
    {
        let range = CodeRange::of::<E::Range>();
        let codes = model.encode(x)?;
        let few = spread_evenly(x, FEW);
        let explained = match unexplained_variance(x, &model.reconstruct(x)?) {
            Ok(missed) => Some(1.0 - missed),
            // No variance; or an output beyond the number type, which is no fault of the samples.
            Err(Error::InvalidParameter { .. } | Error::NotFinite { .. }) => None,
            Err(error) => return Err(error),
        };
        let jacobian = model.squared_jacobian(&few)?.to_double().sqrt();
        Ok(Self {
            samples: x.samples(),
            inputs: x.features(),
            range,
            units: unit_activity(&codes, range)?,
            effective_dimension: effective_dimension(&codes)?,
            sparsity: sparsity(&codes, range)?,
            explained_variance: explained.filter(|share| share.is_finite()),
            jacobian: Some(jacobian).filter(|norm| norm.is_finite()),
            gradients: gradient_norms(model, &few)?,
            kl: kl_per_unit(model, x)?,
        })
    }

    /// The units of a state, by their numbers.
    pub fn units_that_are(&self, state: UnitState) -> Vec<usize> {
        (0..self.units.len()).filter(|&unit| self.units[unit].state == state).collect()
    }
}

/// At most so many samples, spread evenly over all.
pub(crate) fn spread_evenly<T: Scalar, R: nalgebra::Dim>(
    x: &Batch<T, R>,
    most: usize,
) -> Batch<T, R> {
    x.select(evenly(x.samples(), most))
}

/// At most `most` of `count` indices, spread evenly, in order.
pub(crate) fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> + Clone {
    let taken = count.min(most);
    (0..taken).map(move |index| (index as u128 * count as u128 / taken as u128) as usize)
}

/// A line for each quantity, and one for each tensor's gradient.
impl fmt::Display for Checkup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.units.len();
        let mut line = |what: &str, value: String| writeln!(f, "{what:<24} {value}");
        let optional = |value: Option<f64>| value.map_or("unknown".into(), |v| format!("{v:.4}"));
        line("samples", self.samples.to_string())?;
        let dead = self.units_that_are(UnitState::Dead).len();
        line("dead units", format!("{dead} of {count}"))?;
        let saturated = self.units_that_are(UnitState::Saturated).len();
        line("saturated units", format!("{saturated} of {count}"))?;
        line("effective dimension", format!("{:.2} of {count}", self.effective_dimension))?;
        line("active at once", format!("{:.1} %", 100.0 * self.sparsity.active))?;
        line("Hoyer's sparsity", optional(self.sparsity.hoyer))?;
        line("explained variance", optional(self.explained_variance))?;
        line("norm of the Jacobian", optional(self.jacobian))?;
        if let Some(kl) = &self.kl {
            line("KL to the prior", format!("{:.3} nats", kl.iter().sum::<f64>()))?;
        }
        for gradient in self.gradients.iter().filter(|gradient| !gradient.is_frozen) {
            writeln!(f, "gradient of {:<28} {:.3e}", gradient.name, gradient.norm)?;
        }
        Ok(())
    }
}
