//! Codes, reconstructions, scores: nothing of it draws or changes anything.

use nalgebra::Dyn;

use super::super::Verdict;
use super::super::subject::{Data, Subject, target};
use super::{Checked, Finding, doubles, ensure, finite, near, same, values};
use crate::batch::Batch;
use crate::error::Result;
use crate::layer::Part;
use crate::loss::Target;
use crate::model::{Scalar, scalar};
use crate::random::Streams;

/// What the model makes of these samples; of a classifier, the probabilities of classes.
pub(super) fn outputs<T: Scalar>(model: &Subject<T>, data: &Data<T>) -> Result<Batch<T, Dyn>> {
    match target(model) {
        Target::Class => model.decode(data.beside(&model.encode(data.examples())?)),
        Target::Input => model.reconstruct(data.examples()).map(Batch::into_dynamic),
        Target::Given => {
            let (network, mut buffer) = (model.network(), Vec::new());
            let rows = data.in_memory().taken(network, "predict", &mut buffer)?;
            let mut outputs = Batch::zeros(Dyn(network.outputs()), rows.x.samples());
            let mut workspace = model.workspace();
            scalar::reconstruct_rows(network, rows, outputs.view_mut(), &mut workspace)?;
            Ok(outputs)
        }
    }
}

/// Whether a code is all that the decoder needs.
fn decodes_alone<T: Scalar>(model: &Subject<T>) -> bool {
    model.network().decoder.skips().is_none()
}

impl<T: Scalar> Checked<'_, T> {
    /// Codes, reconstructions and scores of the chosen samples, alone and among all.
    fn independent(&self, chosen: &[usize]) -> Finding {
        let model = self.build();
        let x = self.data.select(chosen.iter().copied());
        let among = |all: Batch<T, Dyn>| all.select(chosen.iter().copied());
        let codes = among(model.encode(self.data.examples())?);
        let what = format!("of samples {chosen:?}");
        let found = model.encode(x.examples())?;
        same(&format!("codes {what}"), found.as_slice(), codes.as_slice())?;
        let expected = among(outputs(&model, self.data)?);
        let found = outputs(&model, &x)?;
        same(&format!("reconstructions {what}"), found.as_slice(), expected.as_slice())?;
        let scores = model.score(self.data.examples())?;
        let scores: Vec<_> = chosen.iter().map(|&sample| scores[sample]).collect();
        same(&format!("scores {what}"), &model.score(x.examples())?, &scores)
    }

    pub(super) fn subsets_do_not_matter(&self) -> Finding {
        let samples = self.data.samples();
        for size in 1..samples {
            let first = samples - size;
            self.independent(&Vec::from_iter(first..samples))?;
            self.independent(&Vec::from_iter((0..samples).step_by(size)))?;
        }
        Ok(())
    }

    pub(super) fn order_does_not_matter(&self) -> Finding {
        let samples = self.data.samples();
        self.independent(&Vec::from_iter((0..samples).rev()))?;
        self.independent(&Vec::from_iter((0..samples).map(|sample| (sample + 1) % samples)))
    }

    pub(super) fn shapes(&self) -> Finding {
        let (model, samples) = (self.build(), self.data.samples());
        let (code, width) = (model.network().facts.units, model.network().outputs());
        let codes = model.encode(self.data.examples())?;
        let outputs = outputs(&model, self.data)?;
        let shapes = [
            ("codes", codes.features(), codes.samples(), code),
            ("reconstructions", outputs.features(), outputs.samples(), width),
            ("scores", 1, model.score(self.data.examples())?.len(), 1),
        ];
        for (what, rows, columns, expected) in shapes {
            ensure((rows, columns) == (expected, samples), || {
                format!("{what}: {rows} × {columns}, not {expected} × {samples}")
            })?;
        }
        Ok(())
    }

    /// What every call that only uses a model gives.
    pub(super) fn used(&self, model: &Subject<T>) -> Result<Vec<T>> {
        let data = self.data;
        let codes = model.encode(data.examples())?;
        let mut all = codes.as_slice().to_vec();
        if decodes_alone(model) {
            all.extend(model.decode(data.beside(&codes))?.as_slice());
        }
        all.extend(outputs(model, data)?.as_slice());
        all.extend(model.score(data.examples())?);
        let terms = values(&model.loss(data.examples())?);
        all.extend(terms.into_iter().map(T::of));
        all.push(model.squared_jacobian(data.examples())?);
        all.extend(model.encode_one((data.x.sample(0), data.condition(0)))?);
        Ok(all)
    }

    pub(super) fn use_changes_nothing(&self) -> Finding {
        let (model, _) = self.fit(self.data, |trainer| trainer)?;
        let (parameters, state) = (model.parameters().to_vec(), model.network().state.clone());
        self.used(&model)?;
        model.objective(self.data.examples(), Some(Streams::new(5, 1, &[])), None)?;
        same("parameters after use", model.parameters(), &parameters)?;
        same("the regularizer's state after use", &model.network().state, &state)
    }

    pub(super) fn use_is_deterministic(&self) -> Finding {
        let (model, _) = self.fit(self.data, |trainer| trainer)?;
        let first = self.used(&model)?;
        same("the second use", &self.used(&model)?, &first)
    }

    pub(super) fn calls_into_equal_allocating(&self) -> Finding {
        let (model, samples) = (self.build(), self.data.samples());
        let mut workspace = model.workspace();
        let mut codes = Batch::zeros(model.encoder().output(), 1);
        let mut outputs = Batch::zeros(model.decoder().output(), 1);
        let mut reconstructions = Batch::zeros(self.data.size, 1);
        // Used with more and with fewer samples before.
        for samples in [samples, 1, samples] {
            let data = self.data.select(0..samples);
            model.encode_into(data.examples(), &mut codes, &mut workspace)?;
            let expected = model.encode(data.examples())?;
            same("encode_into", codes.as_slice(), expected.as_slice())?;
            if decodes_alone(&model) {
                model.decode_into(data.beside(&expected), &mut outputs, &mut workspace)?;
                let decoded = model.decode(data.beside(&expected))?;
                same("decode_into", outputs.as_slice(), decoded.as_slice())?;
            }
            if target(&model) == Target::Input {
                model.reconstruct_into(data.examples(), &mut reconstructions, &mut workspace)?;
                let expected = model.reconstruct(data.examples())?;
                same("reconstruct_into", reconstructions.as_slice(), expected.as_slice())?;
            }
            let mut code = vec![T::ZERO; codes.features()];
            let one = (data.x.sample(0), data.condition(0));
            model.encode_one_into(one, &mut code, &mut workspace)?;
            same("encode_one_into", &code, &model.encode_one(one)?)?;
        }
        Ok(())
    }

    pub(super) fn one_agrees_with_many(&self) -> Finding {
        let (model, data) = (self.build(), self.data);
        let codes = model.encode(data.examples())?;
        let alone = decodes_alone(&model);
        let decoded = alone.then(|| model.decode(data.beside(&codes))).transpose()?;
        let outputs = outputs(&model, data)?;
        let scores = model.score(data.examples())?;
        let near = |what, one: &[T], many: &[T]| near::<T>(what, &doubles(one), &doubles(many));
        for (index, sample) in data.x.iter().enumerate() {
            let (x, code) = ((sample, data.condition(index)), codes.sample(index));
            near("encode_one", &model.encode_one(x)?, code)?;
            if let Some(decoded) = &decoded {
                let code = (code, data.condition(index));
                near("decode_one", &model.decode_one(code)?, decoded.sample(index))?;
            }
            near("reconstruct_one", &model.reconstruct_one(x)?, outputs.sample(index))?;
            if target(&model) == Target::Input {
                near("score_one", &[model.score_one(x)?], &[scores[index]])?;
            }
        }
        Ok(())
    }

    pub(super) fn loss_is_mean_score(&self) -> Finding {
        let (model, _) = self.fit(self.data, |trainer| trainer)?;
        let scores = doubles(&model.score(self.data.examples())?);
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let terms = model.loss(self.data.examples())?;
        let name = model.network().loss.name();
        let first = terms.iter().next().map(|(name, _)| name.to_owned());
        ensure(first.as_deref() == Some(name), || format!("the first term is {first:?}"))?;
        near::<T>("the first term", &[terms.reconstruction()], &[mean])?;
        let sum: f64 = terms.iter().map(|(_, value)| value).sum();
        near::<T>("the sum of all terms", &[sum], &[terms.total()])
    }

    pub(super) fn scores_are_not_negative(&self) -> Finding {
        let scores = self.build().score(self.data.examples())?;
        finite("scores", &scores)?;
        if scores.iter().all(|&score| score >= T::ZERO) {
            return Ok(());
        }
        Err(Verdict::not_applicable("this loss has negative values"))
    }
}
