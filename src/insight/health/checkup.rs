use std::fmt;

use nalgebra::Dyn;

use super::code::kl_of_rows;
use super::gradient::norms;
use super::{
    CodeRange, DictionaryCheckup, GradientNorm, Sparsity, UnitActivity, UnitState, dictionary,
    effective_dimension, sparsity, unit_activity,
};
use crate::batch::size::SameSize;
use crate::batch::{Batch, BatchView};
use crate::error::{Error, Result};
use crate::layer::Part;
use crate::layer::layout::Role;
use crate::loss::Target;
use crate::metrics::unexplained_variance;
use crate::model::classifier::most_probable;
use crate::model::inference::InMemory;
use crate::model::network::Network;
use crate::model::scalar;
use crate::model::step::Seen;
use crate::model::{AutoEncoder, Scalar};
use crate::numbers::scalar::{Float, is_nan};
use crate::train::Trainable;
use crate::train::examples::{IntoExamples, Rows, Suits};

/// How many samples the Jacobian and the gradients are computed on, at most.
const FEW: usize = 512;

/// All that [`health`](crate::health) has to say about a model on some samples; prints as a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Checkup {
    /// The number of samples.
    pub samples: usize,
    /// The number of inputs, without those of a condition.
    pub inputs: usize,
    /// Where the code lies.
    pub range: CodeRange,
    /// Each code unit.
    pub units: Vec<UnitActivity>,
    /// In how many directions the code varies; see [`effective_dimension`].
    pub effective_dimension: f64,
    /// How sparse the code is.
    pub sparsity: Sparsity,
    /// The share of the samples' variance that the reconstructions have, or of the targets' that predictions have: 1 minus
    /// [`unexplained_variance`]. None if the samples have no variance, or if it is beyond the numbers there are; and
    /// of a classifier, which has no reconstructions.
    pub explained_variance: Option<f64>,
    /// Of a classifier, the share of samples whose most probable class is their label.
    pub accuracy: Option<f64>,
    /// √ mean ‖∂ code / ∂x‖²_F over at most 512 samples, spread evenly: how far the code moves as the input
    /// moves. None if it is beyond the model's number type.
    pub jacobian: Option<f64>,
    /// The gradient at each tensor, on the same 512 samples.
    pub gradients: Vec<GradientNorm>,
    /// What each unit of a Gaussian code tells, in nats; see [`kl_per_unit`](super::kl_per_unit).
    pub kl: Option<Vec<f64>>,
    /// Of a model whose codes come as pairs and are decoded by a dictionary. None of any other; if each sample has a missing value;
    /// or if a value is beyond ±10¹⁰⁰.
    pub dictionary: Option<DictionaryCheckup>,
}

impl Checkup {
    /// Of a model on these samples; best on some it was not trained on. A classifier is given `(&x, &labels)`, a
    /// conditional model `(&x, &conditions)`, one with targets `(&x, &targets)`. All samples count alike: weights are refused.
    ///
    /// # Errors
    /// See [`AutoEncoder`].
    pub fn of<'a, E, D, R, L, T, X>(model: &AutoEncoder<E, D, R, L, T>, x: X) -> Result<Self>
    where
        E: Part,
        D: Part,
        T: Scalar,
        AutoEncoder<E, D, R, L, T>: Trainable,
        X: IntoExamples<'a, T>,
        X::Input: SameSize<E::Input>,
        X::Given: Suits<<AutoEncoder<E, D, R, L, T> as Trainable>::Wanted>,
    {
        const { <X::Input as SameSize<E::Input>>::FITS };
        let (call, network) = ("Checkup::of", model.network());
        of_network(network, InMemory::unweighted(call, network.inputs(), x.into_examples())?)
    }

    /// The units of a state, by their numbers.
    pub fn units_that_are(&self, state: UnitState) -> Vec<usize> {
        (0..self.units.len()).filter(|&unit| self.units[unit].state == state).collect()
    }
}

/// See [`Checkup::of`].
pub(crate) fn of_network<T: Scalar>(
    network: &Network<T>,
    given: InMemory<'_, T>,
) -> Result<Checkup> {
    let x = given.x;
    let (mut buffer, mut targets) = (Vec::new(), Vec::new());
    let rows = given.compared(network, "Checkup::of", (&mut buffer, &mut targets))?;
    let (samples, mut workspace) = (x.samples(), network.workspace());
    let mut codes = Batch::zeros(Dyn(network.facts.units), samples);
    scalar::encode_rows(network, rows, codes.view_mut(), &mut workspace)?;
    let mut outputs = Batch::zeros(Dyn(network.outputs()), samples);
    scalar::pass_rows(network, rows, outputs.view_mut(), &mut workspace)?;
    let targets_of_all = rows.targets;
    let (explained_variance, accuracy) = match (network.loss.target(), rows.targets) {
        (Target::Class, Some(classes)) => (None, Some(accuracy(&outputs, classes))),
        (_, targets) => {
            network.restore(outputs.view_mut())?;
            (explained_variance(targets.unwrap_or(x), outputs)?, None)
        }
    };

    let few = (
        spread_evenly(rows.x)?,
        rows.conditions.map(spread_evenly).transpose()?,
        rows.targets.map(spread_evenly).transpose()?,
    );
    let (conditions, targets) = (few.1.as_ref().map(Batch::view), few.2.as_ref().map(Batch::view));
    let few = Rows { x: few.0.view(), conditions, targets };
    let jacobian = network.squared_jacobian(few).to_double().sqrt();
    let mut gradient = vec![T::ZERO; network.parameters.len()];
    let seen = Seen { rows: few, shares: None, streams: None, within: None };
    scalar::step(network, &network.parameters, &mut workspace, seen, Some(&mut gradient));

    let range = CodeRange::of(network.facts.range);
    Ok(Checkup {
        samples,
        inputs: x.features(),
        range,
        units: unit_activity(&codes, range)?,
        effective_dimension: effective_dimension(&codes)?,
        sparsity: sparsity(&codes, range)?,
        explained_variance,
        accuracy,
        jacobian: Some(jacobian).filter(|norm| norm.is_finite()),
        gradients: norms(&network.layout, &gradient),
        kl: kl_of_rows(network, rows),
        dictionary: dictionary::of_network(network, x, targets_of_all)?,
    })
}

fn explained_variance<T: Float>(
    x: BatchView<'_, T>,
    mut reconstructions: Batch<T, Dyn>,
) -> Result<Option<f64>> {
    let mut x = Batch::new(Dyn(x.features()), x.as_slice().to_vec())?;
    leave_out_missing(&mut x, &mut reconstructions);
    match unexplained_variance(&x, &reconstructions) {
        Ok(missed) => Ok(Some(1.0 - missed).filter(|share| share.is_finite())),
        // No variance; or an output beyond the number type, which is no fault of the samples.
        Err(Error::InvalidParameter { .. } | Error::NotFinite { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives what is missing the mean of its feature, in both alike: so it has no variance, and nothing of it is missed.
fn leave_out_missing<T: Float>(x: &mut Batch<T, Dyn>, reconstructions: &mut Batch<T, Dyn>) {
    if !x.as_slice().iter().any(|&x| is_nan(x)) {
        return;
    }
    // Row by row: samples may be as wide as they are many.
    let features = x.features();
    let mut sums = vec![(0.0, 0.0); features];
    for x in x.iter() {
        let there = sums.iter_mut().zip(x).filter(|(_, x)| !is_nan(**x));
        there.for_each(|((count, sum), x)| (*count, *sum) = (*count + 1.0, *sum + x.to_double()));
    }
    let mean = |(count, sum): (f64, f64)| T::of(if count > 0.0 { sum / count } else { 0.0 });
    let means: Vec<T> = sums.into_iter().map(mean).collect();
    let both = x.as_mut_slice().iter_mut().zip(reconstructions.as_mut_slice());
    for ((x, y), &mean) in both.zip(means.iter().cycle()) {
        if is_nan(*x) {
            (*x, *y) = (mean, mean);
        }
    }
}

/// The share of samples whose greatest logit, of equals the first, is that of their class.
fn accuracy<T: Float>(logits: &Batch<T, Dyn>, classes: BatchView<'_, T>) -> f64 {
    let samples = most_probable(logits).into_iter().zip(classes.as_slice());
    let right = samples.filter(|&(found, &class)| T::of(found as f64) == class).count();
    right as f64 / logits.samples() as f64
}

/// At most [`FEW`] samples, spread evenly over all.
fn spread_evenly<T: Float>(x: BatchView<'_, T>) -> Result<Batch<T, Dyn>> {
    let sample = |index: usize| &x.as_slice()[index * x.features()..][..x.features()];
    Batch::from_samples(Dyn(x.features()), evenly(x.samples(), FEW).map(sample))
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
        match self.accuracy {
            Some(accuracy) => line("accuracy", format!("{:.1} %", 100.0 * accuracy))?,
            None => line("explained variance", optional(self.explained_variance))?,
        }
        line("norm of the Jacobian", optional(self.jacobian))?;
        if let Some(kl) = &self.kl {
            line("KL to the prior", format!("{:.3} nats", kl.iter().sum::<f64>()))?;
        }
        if let Some(dictionary) = &self.dictionary {
            let fidelity = &dictionary.fidelity;
            line("L0", optional(fidelity.l0().ok()))?;
            let bias = fidelity.relative_reconstruction_bias().ok();
            line("reconstruction bias", optional(bias))?;
            line("shrinkage", optional(fidelity.shrinkage().ok()))?;
            let dense = dictionary.dense_units().len();
            line("units on over 10 %", format!("{dense} of {count}"))?;
            line("coherence", optional(dictionary.coherence.map(|found| found.largest)))?;
        }
        // Norms are taken from the dictionary, and have no gradient.
        let is_trained =
            |gradient: &&GradientNorm| !gradient.is_frozen && gradient.role != Role::Norm;
        for gradient in self.gradients.iter().filter(is_trained) {
            writeln!(f, "gradient of {:<28} {:.3e}", gradient.name, gradient.norm)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::health::{gradient_norms, unit_activity};
    use crate::layer::activation::{Identity, Tanh};
    use crate::layer::{Conditioned, Dense};

    /// More samples than the Jacobian and the gradients are computed on.
    const SAMPLES: usize = 700;

    fn waves<const N: usize>(samples: usize) -> Batch<f64, nalgebra::Const<N>> {
        let value = |sample: usize, k: usize| ((sample * (2 * k + 3)) as f64 * 0.7).sin();
        (0..samples).map(|sample| std::array::from_fn(|k| value(sample, k))).collect()
    }

    #[test]
    fn a_classifier_is_checked_up_with_its_labels() {
        let model = AutoEncoder::builder()
            .encoder(Dense::<5, 3>::new(Tanh))
            .classes::<4>()
            .build::<f64>()
            .unwrap();
        let (x, labels) = (waves::<5>(SAMPLES), Vec::from_iter((0..SAMPLES).map(|k| k % 4)));
        let checkup = Checkup::of(&model, (&x, &labels)).unwrap();
        assert_eq!(checkup.accuracy, Some(model.accuracy(&x, &labels).unwrap()));
        assert_eq!(checkup.explained_variance, None);
        let few: Vec<usize> = evenly(SAMPLES, FEW).collect();
        let of_few = Vec::from_iter(few.iter().map(|&sample| labels[sample]));
        let few = x.select(few);
        assert_eq!(checkup.gradients, gradient_norms(&model, (&few, &of_few)).unwrap());
        let text = checkup.to_string();
        assert!(text.contains("accuracy") && !text.contains("explained"), "{text}");
        assert!(Checkup::of(&model, (&x, &labels[1..])).is_err());
    }

    #[test]
    fn a_conditional_model_is_checked_up_under_the_conditions() {
        let model = AutoEncoder::builder()
            .encoder(Conditioned::<5, 2, _>::new(Dense::<7, 3>::new(Tanh)))
            .decoder(Conditioned::<3, 2, _>::new(Dense::<5, 5>::new(Identity)))
            .build::<f64>()
            .unwrap();
        let (x, c) = (waves::<5>(SAMPLES), waves::<2>(SAMPLES));
        let checkup = Checkup::of(&model, (&x, &c)).unwrap();
        let codes = model.encode((&x, &c)).unwrap();
        assert_eq!(checkup.units, unit_activity(&codes, CodeRange::MinusOneToOne).unwrap());
        let missed = unexplained_variance(&x, &model.reconstruct((&x, &c)).unwrap()).unwrap();
        assert_eq!(checkup.explained_variance, Some(1.0 - missed));
        let few: Vec<usize> = evenly(SAMPLES, FEW).collect();
        let (x, c) = (x.select(few.iter().copied()), c.select(few));
        assert_eq!(checkup.gradients, gradient_norms(&model, (&x, &c)).unwrap());
        let jacobian = model.squared_jacobian((&x, &c)).unwrap();
        assert_eq!(checkup.jacobian, Some(jacobian.sqrt()));
        assert_eq!((checkup.inputs, checkup.accuracy), (5, None));
    }
}
