//! Gradients of the objective, and what all checks of derivatives share.

use super::super::Verdict;
use super::super::subject::{Data, Subject};
use super::{Checked, Finding, doubles, is_double, near, values};
use crate::error::Result;
use crate::model::Scalar;
use crate::model::gradcheck::{self, GradientCheck};
use crate::random::Streams;

/// Parameters of a model that finite differences are taken for, and the samples they look at.
const MOST_DIFFERENCES: usize = 300;
const DIFFERENCE_SAMPLES: usize = 8;
/// Points at which a derivative is looked at, if there is a kink at the first.
const POINTS: u64 = 4;
/// Steps of differences: what two of them agree on is smooth.
const STEPS: [f64; 2] = [1e-3, 2.3e-4];

/// A derivative as it is claimed, and how it is found by differences of a step of any length.
pub(super) struct Claim<'a> {
    pub(super) claimed: Vec<f64>,
    pub(super) differences: Box<dyn FnMut(f64) -> Vec<f64> + 'a>,
}

/// A model at a point near its first parameters, and its data.
pub(super) struct Point<T: crate::numbers::scalar::Float> {
    pub(super) number: u64,
    pub(super) model: Subject<T>,
    pub(super) data: Data<T>,
}

/// At most so many of these, evenly spread.
pub(super) fn some_of(all: Vec<usize>) -> Vec<usize> {
    let stride = all.len().div_ceil(MOST_DIFFERENCES).max(1);
    all.into_iter().step_by(stride).collect()
}

/// The derivative at 0 of what has many values, by central differences of fourth order.
pub(super) fn derivative(step: f64, mut values: impl FnMut(f64) -> Vec<f64>) -> Vec<f64> {
    let [up, down, far_up, far_down] = [1.0, -1.0, 2.0, -2.0].map(|steps| values(steps * step));
    let of = |at: usize| 8.0 * (up[at] - down[at]) - (far_up[at] - far_down[at]);
    (0..up.len()).map(|at| of(at) / (12.0 * step)).collect()
}

impl<T: Scalar> Checked<'_, T> {
    /// What is claimed against finite differences, at points near the first parameters; a point with a kink
    /// nearby says nothing.
    pub(super) fn against_differences<'a>(
        &self,
        what: &str,
        claim: impl Fn(Point<T>) -> std::result::Result<Claim<'a>, Verdict>,
    ) -> Finding {
        if !is_double::<T>() {
            return Err(Verdict::not_applicable("finite differences need f64"));
        }
        let data = self.data.select(0..self.data.samples().min(DIFFERENCE_SAMPLES));
        for number in 0..POINTS {
            // Trained a little, so that biases and the regularizer's state are not zero.
            let few_epochs = 1 + number as usize;
            let (model, _) = self.fit(&data, |trainer| trainer.epochs(few_epochs))?;
            let point = Point { number, model, data: data.clone() };
            let Claim { claimed, mut differences } = claim(point)?;
            let coarse = differences(STEPS[0]);
            let check = GradientCheck::compare(&claimed, &coarse);
            if check.passes() {
                return Ok(());
            }
            let apart = GradientCheck::compare(&coarse, &differences(STEPS[1])).norm_error;
            if apart <= gradcheck::NORM_TOLERANCE / 4.0 {
                return Err(Verdict::failed(format!("{check}")));
            }
        }
        let why = format!("{what} is not smooth near the first parameters");
        Err(Verdict::not_applicable(why))
    }

    pub(super) fn gradient(&self) -> Finding {
        self.differentiates(|_| 1.0)
    }

    pub(super) fn weighted_gradient(&self) -> Finding {
        self.differentiates(|sample| [1.0, 0.3, 2.5, 0.0, 7.0][sample % 5])
    }

    /// The gradient of the objective with these weights.
    fn differentiates(&self, weight: fn(usize) -> f64) -> Finding {
        self.against_differences("the objective", |Point { number, mut model, data }| {
            let weights: Vec<f64> = (0..data.samples()).map(weight).collect();
            let mut gradient = vec![T::ZERO; model.num_parameters()];
            let objective = move |model: &Subject<T>, gradient: Option<&mut [T]>| -> Result<_> {
                let streams = Some(Streams::new(number, 1, &[]));
                Ok(model.objective(data.weighted(&weights), streams, gradient)?.total())
            };
            objective(&model, Some(&mut gradient))?;

            let mut is_trained = vec![true; gradient.len()];
            model.layout().frozen_ranges().for_each(|frozen| is_trained[frozen].fill(false));
            let stray = (0..gradient.len()).find(|&k| !is_trained[k] && gradient[k] != T::ZERO);
            if let Some(stray) = stray {
                return Err(Verdict::failed(format!(
                    "parameter {stray} is frozen, but has a gradient"
                )));
            }
            let picked = some_of((0..gradient.len()).filter(|&k| is_trained[k]).collect());
            let pick =
                |all: &[T]| -> Vec<f64> { picked.iter().map(|&k| all[k].to_double()).collect() };
            let (claimed, at) = (pick(&gradient), pick(model.parameters()));
            let differences = move |step: f64| {
                gradcheck::differences(&at, step, |at| {
                    for (&k, &at) in picked.iter().zip(at) {
                        model.network_mut().parameters[k] = T::of(at);
                    }
                    objective(&model, None).unwrap_or(f64::NAN)
                })
            };
            Ok(Claim { claimed, differences: Box::new(differences) })
        })
    }

    pub(super) fn sample_weights_equal_repetition(&self) -> Finding {
        let (model, _) = self.fit(self.data, |trainer| trainer)?;
        let samples = self.data.samples();
        let times = |sample: usize| [2, 1, 0, 3][sample % 4];
        let weights: Vec<f64> = (0..samples).map(|sample| times(sample) as f64).collect();
        let repeated: Vec<usize> =
            (0..samples).flat_map(|sample| vec![sample; times(sample)]).collect();
        let many = self.data.select(repeated.iter().copied());
        let zeros = || vec![T::ZERO; model.num_parameters()];
        // The same sample has the same randomness wherever it stands.
        let streams = Some((Streams::new(4, 1, &[]), Streams::new(4, 1, &repeated)));
        for streams in [None, streams] {
            let (by_weight, by_repetition) = streams.unzip();
            let (mut found, mut expected) = (zeros(), zeros());
            let examples = self.data.weighted(&weights);
            let weighted = model.objective(examples, by_weight, Some(&mut found))?;
            let plain = model.objective(many.examples(), by_repetition, Some(&mut expected))?;
            near::<T>("the terms", &values(&weighted), &values(&plain))?;
            near::<T>("the gradient", &doubles(&found), &doubles(&expected))?;
        }
        Ok(())
    }
}
