//! Unusual data, and what must be refused.

use nalgebra::Dyn;

use super::super::Verdict;
use super::super::subject::{AsGiven, Data, Subject, target};
use super::usage::outputs;
use super::{Checked, EPOCHS, Finding, ensure, finite, is_double, same};
use crate::batch::Batch;
use crate::error::{Error, Number, Result};
use crate::loss::Target;
use crate::model::Scalar;
use crate::numbers::scalar::Float;

fn without_nan<T: Float>(what: &str, values: &[T]) -> Finding {
    let at = values.iter().position(|value| value.to_double().is_nan());
    at.map_or(Ok(()), |at| Err(Verdict::failed(format!("{what}: value {at} is NaN"))))
}

impl<T: Scalar> Checked<'_, T> {
    /// Samples like these with all values replaced, if model and loss take them.
    fn filled(&self, value: impl Fn(usize) -> T) -> Data<T> {
        let mut data = self.data.clone();
        data.x.as_mut_slice().iter_mut().enumerate().for_each(|(at, x)| *x = value(at));
        data
    }

    /// Whether the loss is defined on this value; with a normalizer, on what becomes of it.
    fn accepts(&self, data: &Data<T>) -> bool {
        let (mut buffer, mut targets) = (Vec::new(), Vec::new());
        let model = self.build();
        let buffers = (&mut buffer, &mut targets);
        data.in_memory().compared(model.network(), "contract", buffers).is_ok()
    }

    /// Training on this data ends well.
    fn trains(&self, data: &Data<T>) -> Finding {
        let (mut model, report) = self.fit(data, |trainer| trainer)?;
        ensure(report.epochs.len() == EPOCHS, || format!("{} epochs", report.epochs.len()))?;
        finite("codes", model.encode(data.examples())?.as_slice())?;
        finite("scores", &model.score(data.examples())?)?;
        self.usable("the trained model", &mut model)
    }

    pub(super) fn one_sample_trains(&self) -> Finding {
        self.trains(&self.data.select([0]))
    }

    pub(super) fn one_feature(&self) -> Finding {
        if self.data.features() == 1 {
            return self.trains(self.data);
        }
        let why = "the data has more features; give the contract a model of one feature as well";
        Err(Verdict::not_applicable(why))
    }

    pub(super) fn duplicate_samples(&self) -> Finding {
        let data = self.data.select([0; 12]);
        let codes = self.build().encode(data.examples())?;
        for code in codes.iter() {
            same("the code of a duplicate", code, codes.sample(0))?;
        }
        self.trains(&data)
    }

    pub(super) fn constant_feature(&self) -> Finding {
        let mut data = self.data.clone();
        let (features, value) = (data.features(), data.x.sample(0)[0]);
        data.x.as_mut_slice().iter_mut().step_by(features).for_each(|x| *x = value);
        if !self.accepts(&data) {
            return Err(Verdict::not_applicable("the loss takes the first feature with others"));
        }
        self.trains(&data)
    }

    pub(super) fn zeros(&self) -> Finding {
        let data = self.filled(|_| T::ZERO);
        if !self.accepts(&data) {
            return Err(Verdict::not_applicable("the loss does not take 0"));
        }
        self.trains(&data)
    }

    pub(super) fn huge_values(&self) -> Finding {
        let huge = if is_double::<T>() { 1e200 } else { 1e30 };
        let signed = self.filled(|at| T::of(if at % 3 == 1 { -huge } else { huge }));
        let mut model = self.build();
        without_nan("codes", model.encode(signed.examples())?.as_slice())?;
        without_nan("reconstructions", outputs(&model, &signed)?.as_slice())?;
        let mut data = signed;
        if !self.accepts(&data) {
            data = self.filled(|_| T::of(huge));
        }
        if !self.accepts(&data) {
            return Ok(()); // what the loss does not take cannot be trained on
        }
        without_nan("scores", &model.score(data.examples())?)?;
        match self.trainer(data.samples()).fit(&mut model, data.examples()) {
            Ok(_) | Err(Error::Diverged { .. }) => self.usable("after huge values", &mut model),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn subnormal_values(&self) -> Finding {
        let smallest = if is_double::<T>() { 5e-324 } else { 1e-45 };
        let data = self.filled(|at| T::of(smallest * (1 + at % 1000) as f64));
        if !self.accepts(&data) {
            return Err(Verdict::not_applicable("the loss does not take such small values"));
        }
        let model = self.build();
        finite("codes", model.encode(data.examples())?.as_slice())?;
        finite("reconstructions", outputs(&model, &data)?.as_slice())?;
        self.trains(&data)
    }

    /// Every call that takes data, on this data; those alone that look at targets, if only these are wrong.
    fn calls(
        &self,
        model: &mut Subject<T>,
        data: &Data<T>,
        are_targets: bool,
    ) -> Vec<(&'static str, Result<()>)> {
        let fit = self.trainer(data.samples()).fit(model, data.examples()).map(drop);
        let mut calls = vec![
            ("score", model.score(data.examples()).map(drop)),
            ("loss", model.loss(data.examples()).map(drop)),
            ("fit", fit),
        ];
        if !are_targets {
            calls.push(("encode", model.encode(data.examples()).map(drop)));
        }
        if target(model) == Target::Input {
            calls.push(("reconstruct", model.reconstruct(data.examples()).map(drop)));
        }
        calls
    }

    /// Each call that takes data refuses this data, by an error that is right.
    fn refuses(
        &self,
        data: &Data<T>,
        are_targets: bool,
        is_right: impl Fn(&str, &Error) -> bool,
    ) -> Finding {
        let mut model = self.build();
        let before = model.parameters().to_vec();
        for (call, found) in self.calls(&mut model, data, are_targets) {
            let is_refused = found.as_ref().is_err_and(|error| is_right(call, error));
            ensure(is_refused, || match found {
                Ok(()) => format!("{call} took it"),
                Err(error) => format!("{call} says: {error}"),
            })?;
        }
        same("parameters after refusals", model.parameters(), &before)
    }

    /// Each call refuses this value, at the first and at the last place of samples and conditions.
    fn refuses_value(&self, value: f64) -> Finding {
        let of_data = [("", Some(&self.data.x))];
        let are_targets = self.data.are_targets;
        let what = if are_targets { "the targets of " } else { "the conditions of " };
        let of_conditions = [(what, self.data.conditions.as_ref())];
        for (what, batch) in of_data.into_iter().chain(of_conditions) {
            let Some(batch) = batch else { continue };
            let (features, samples) = (batch.features(), batch.samples());
            for (feature, sample) in [(0, 0), (features - 1, samples - 1)] {
                let mut data = self.data.clone();
                let conditions = data.conditions.as_mut().filter(|_| !what.is_empty());
                let batch = conditions.unwrap_or(&mut data.x);
                batch.as_mut_slice()[sample * features + feature] = T::of(value);
                let at = (feature, sample, Number(value));
                let are_targets = are_targets && !what.is_empty();
                let found = self.refuses(&data, are_targets, |call, error| match error {
                    Error::NotFinite { call: found, feature, sample, value } => {
                        (*feature, *sample, *value) == at && *found == format!("{what}{call}")
                    }
                    _ => false,
                });
                found.map_err(|verdict| {
                    Verdict::failed(format!(
                        "{value} in feature {feature} of sample {sample} of {}: {}",
                        if what.is_empty() { "the samples" } else { what.trim_end_matches(" of ") },
                        verdict.found()
                    ))
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn nan_is_refused(&self) -> Finding {
        if self.build().network().fills().is_some() {
            let why = "the model takes missing values";
            return Err(Verdict::not_applicable(why));
        }
        self.refuses_value(f64::NAN)
    }

    pub(super) fn infinity_is_refused(&self) -> Finding {
        self.refuses_value(f64::INFINITY)?;
        self.refuses_value(f64::NEG_INFINITY)
    }

    /// Where sizes are types, the compiler refuses before; they are not looked at here.
    pub(super) fn another_width_is_refused(&self) -> Finding {
        let wider = |batch: &Batch<T, Dyn>| Batch::zeros(Dyn(batch.features() + 1), 2);
        let two = || Data {
            x: Batch::zeros(self.data.x.size(), 2),
            conditions: self.data.conditions.as_ref().map(|all| Batch::zeros(all.size(), 2)),
            labels: self.data.labels.as_ref().map(|_| vec![0; 2]),
            ..*self.data
        };
        let is_right = |width: usize| {
            move |call: &str, error: &Error| match *error {
                Error::SizeMismatch { place, expected, found, .. } => {
                    place.contains(call) && (expected, found) == (width, width + 1)
                }
                _ => false,
            }
        };
        let size = AsGiven::plain(self.data.features() + 1);
        let wide = Data { x: wider(&self.data.x), size, ..two() };
        self.refuses(&wide, false, is_right(self.data.features()))?;
        let Some(conditions) = &self.data.conditions else { return Ok(()) };
        let wide = Data { conditions: Some(wider(conditions)), ..two() };
        self.refuses(&wide, self.data.are_targets, is_right(conditions.features()))
    }

    pub(super) fn no_samples_are_refused(&self) -> Finding {
        self.refuses(
            &self.data.select([]),
            false,
            |call, error| matches!(error, Error::NoSamples { call: found } if *found == call),
        )
    }
}
