//! The checks themselves, each a method that ends in a finding.

use nalgebra::Dim;

use super::{Contract, Verdict};
use crate::batch::Batch;
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::data::InMemory;
use crate::error::{Error, Number, Result};
use crate::loss::Loss;
use crate::model::AutoEncoder;
use crate::model::gradcheck;
use crate::model::gradcheck::GradientCheck;
use crate::numbers::parallel::ELEMENT;
use crate::numbers::scalar::Scalar;
use crate::optimizer::Optimizer;
use crate::random::Streams;
use crate::random::schedule::{Progress, Schedule};
use crate::regularizer::Regularizer;
use crate::terms::Terms;
use crate::train::Event;
use crate::train::{Report, Trainer};

/// What a check finds: nothing against the model, or else a verdict.
pub(super) type Finding = std::result::Result<(), Verdict>;
/// A check of a contract.
pub(super) type Method<C> = fn(&C) -> Finding;

/// What rounding may do to a sum that is taken in another order, relative to its size.
const ROUNDING: f64 = 1e-12;
const ROUNDING_F32: f64 = 1e-5;
/// Epochs of a training whose course does not matter.
const EPOCHS: usize = 3;
/// Epochs after which the objective must have fallen.
const LEARNING_EPOCHS: usize = 60;
/// Parameters of a model that finite differences are taken for, and the samples they look at.
const MOST_DIFFERENCES: usize = 300;
const DIFFERENCE_SAMPLES: usize = 8;
/// Points at which a gradient is looked at, if there is a kink at the first.
const POINTS: u64 = 4;

fn ensure(holds: bool, found: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(Verdict::failed(found())) }
}

/// Their bits, of either number type.
fn bits<T: Scalar>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.to_double().to_bits()).collect()
}

fn same<T: Scalar>(what: &str, found: &[T], expected: &[T]) -> Finding {
    let (bits_found, bits_expected) = (bits(found), bits(expected));
    if bits_found == bits_expected {
        return Ok(());
    }
    if found.len() != expected.len() {
        let lens = (found.len(), expected.len());
        return Err(Verdict::failed(format!("{what}: {} values, not {}", lens.0, lens.1)));
    }
    let at = bits_found.iter().zip(&bits_expected).position(|(a, b)| a != b).unwrap_or(0);
    let (found, expected) = (found[at].to_double(), expected[at].to_double());
    Err(Verdict::failed(format!("{what}: value {at} is {found:e}, not {expected:e}")))
}

fn finite<T: Scalar>(what: &str, values: &[T]) -> Finding {
    let at = values.iter().position(|value| !value.is_finite());
    at.map_or(Ok(()), |at| {
        Err(Verdict::failed(format!("{what}: value {at} is {}", values[at].to_double())))
    })
}

fn without_nan<T: Scalar>(what: &str, values: &[T]) -> Finding {
    let at = values.iter().position(|value| value.to_double().is_nan());
    at.map_or(Ok(()), |at| Err(Verdict::failed(format!("{what}: value {at} is NaN"))))
}

fn is_double<T>() -> bool {
    size_of::<T>() == size_of::<f64>()
}

/// Equal to rounding, by their norm.
fn near<T: Scalar>(what: &str, found: &[f64], expected: &[f64]) -> Finding {
    let tolerance = if is_double::<T>() { ROUNDING } else { ROUNDING_F32 };
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    let size = norm(&mut expected.iter().copied()).max(1.0);
    let apart = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    // Written so that NaN fails.
    let is_near = found.len() == expected.len() && apart <= tolerance * size;
    ensure(is_near, || format!("{what}: {apart:e} apart, where the size is {size:e}"))
}

fn doubles<T: Scalar>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.to_double()).collect()
}

fn values(terms: &Terms) -> Vec<f64> {
    terms.iter().map(|(_, value)| value).collect()
}

/// All of a report but the times.
fn timeless(mut report: Report) -> Report {
    for epoch in &mut report.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    report
}

/// The rate becomes infinite at one step.
#[derive(Debug)]
struct InfiniteAt(u64);
impl Schedule for InfiniteAt {
    fn factor(&self, progress: &Progress) -> f64 {
        if progress.step == self.0 { f64::INFINITY } else { 1.0 }
    }
}

type AnyOptimizer<T> = Box<dyn Optimizer<T>>;
type AnyTrainer<'t, E> = Trainer<'t, AnyOptimizer<<E as crate::layer::Module>::Scalar>>;
type Samples<E> = Batch<<E as crate::layer::Module>::Scalar, <E as Encoder>::Input>;

impl<E, D, R, L> Contract<'_, E, D, R, L>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    /// All checks by their names.
    pub(super) const CHECKS: [(&'static str, Method<Self>); 39] = [
        ("same_seed_same_bits", Self::same_seed_same_bits),
        ("seeds_matter", Self::seeds_matter),
        ("same_streams_same_objective", Self::same_streams_same_objective),
        ("randomness_follows_the_sample", Self::randomness_follows_the_sample),
        ("fit_reduces_the_objective", Self::fit_reduces_the_objective),
        ("subsets_do_not_matter", Self::subsets_do_not_matter),
        ("order_does_not_matter", Self::order_does_not_matter),
        ("shapes", Self::shapes),
        ("one_sample_trains", Self::one_sample_trains),
        ("one_feature", Self::one_feature),
        ("duplicate_samples", Self::duplicate_samples),
        ("constant_feature", Self::constant_feature),
        ("zeros", Self::zeros),
        ("huge_values", Self::huge_values),
        ("subnormal_values", Self::subnormal_values),
        ("nan_is_refused", Self::nan_is_refused),
        ("infinity_is_refused", Self::infinity_is_refused),
        ("another_width_is_refused", Self::another_width_is_refused),
        ("no_samples_are_refused", Self::no_samples_are_refused),
        ("clones_are_independent", Self::clones_are_independent),
        ("use_changes_nothing", Self::use_changes_nothing),
        ("use_is_deterministic", Self::use_is_deterministic),
        ("calls_into_equal_allocating", Self::calls_into_equal_allocating),
        ("one_agrees_with_many", Self::one_agrees_with_many),
        ("loss_is_mean_score", Self::loss_is_mean_score),
        ("scores_are_not_negative", Self::scores_are_not_negative),
        ("gradient", Self::gradient),
        ("weighted_gradient", Self::weighted_gradient),
        ("sample_weights_equal_repetition", Self::sample_weights_equal_repetition),
        ("threads_do_not_matter", Self::threads_do_not_matter),
        ("saved_and_loaded", Self::saved_and_loaded),
        ("resumed_equals_uninterrupted", Self::resumed_equals_uninterrupted),
        ("stream_equals_memory", Self::stream_equals_memory),
        ("validation_is_not_trained_on", Self::validation_is_not_trained_on),
        ("panicking_observer", Self::panicking_observer),
        (
            "divergence_keeps_the_last_finite_parameters",
            Self::divergence_keeps_the_last_finite_parameters,
        ),
        ("debug_prints", Self::debug_prints),
        ("layout_covers_all", Self::layout_covers_all),
        ("parameters_round_trip", Self::parameters_round_trip),
    ];

    fn build(&self) -> AutoEncoder<E, D, R, L> {
        (self.build)()
    }

    /// A trainer of small batches.
    fn trainer<'t>(&self, samples: usize) -> AnyTrainer<'t, E> {
        let batch_size = samples.div_ceil(3).max(1);
        Trainer::new((self.optimizer)()).epochs(EPOCHS).batch_size(batch_size).seed(1)
    }

    /// A fresh model, trained on these samples.
    #[allow(clippy::type_complexity)]
    fn fit<'t>(
        &self,
        x: &Samples<E>,
        set: impl FnOnce(AnyTrainer<'t, E>) -> AnyTrainer<'t, E>,
    ) -> Result<(AutoEncoder<E, D, R, L>, Report)> {
        let mut model = self.build();
        let report = set(self.trainer(x.samples())).fit(&mut model, x)?;
        Ok((model, report))
    }

    fn same_model(
        &self,
        what: &str,
        found: &AutoEncoder<E, D, R, L>,
        expected: &AutoEncoder<E, D, R, L>,
    ) -> Finding {
        same(&format!("{what}, parameters"), found.parameters(), expected.parameters())?;
        same(&format!("{what}, the regularizer's state"), &found.state, &expected.state)
    }

    /// A model that training has ended in: finite, of use, and it can be trained on.
    fn usable(&self, what: &str, model: &mut AutoEncoder<E, D, R, L>) -> Finding {
        finite(&format!("{what}, parameters"), model.parameters())?;
        finite(&format!("{what}, the regularizer's state"), &model.state)?;
        finite(&format!("{what}, codes"), model.encode(&self.data)?.as_slice())?;
        self.trainer(self.data.samples()).fit(model, &self.data)?;
        finite(&format!("{what}, parameters after more training"), model.parameters())
    }

    fn at_least(&self, samples: usize) -> Finding {
        if self.data.samples() >= samples {
            return Ok(());
        }
        Err(Verdict::not_applicable(format!("needs {samples} samples")))
    }

    /// Samples like these with all values replaced, if model and loss take them.
    fn filled(&self, value: impl Fn(usize) -> E::Scalar) -> Samples<E> {
        let mut x = self.data.clone();
        x.as_mut_slice().iter_mut().enumerate().for_each(|(at, x)| *x = value(at));
        x
    }

    /// Whether the loss is defined on this value; with a normalizer, on what becomes of it.
    fn accepts(&self, x: &Samples<E>) -> bool {
        self.build().compared("contract", x.view(), &mut Vec::new()).is_ok()
    }

    fn same_seed_same_bits(&self) -> Finding {
        let (first, first_report) = self.fit(&self.data, |trainer| trainer)?;
        let (second, second_report) = self.fit(&self.data, |trainer| trainer)?;
        self.same_model("the second training", &second, &first)?;
        let (first, second) = (timeless(first_report), timeless(second_report));
        ensure(first == second, || format!("the reports differ:\n{first}\n{second}"))
    }

    fn seeds_matter(&self) -> Finding {
        self.at_least(4)?;
        let first = self.data.sample(0);
        if self.data.iter().all(|sample| sample == first) {
            return Err(Verdict::not_applicable("all samples are the same"));
        }
        let trained = |seed| self.fit(&self.data, |trainer| trainer.seed(seed));
        let before = bits(trained(1)?.0.parameters());
        // Two seeds may shuffle a few samples into the same batches.
        for seed in 2..10 {
            if bits(trained(seed)?.0.parameters()) != before {
                return Ok(());
            }
        }
        Err(Verdict::failed("nine seeds gave the same parameters"))
    }

    fn same_streams_same_objective(&self) -> Finding {
        let model = self.fit(&self.data, |trainer| trainer)?.0;
        let objective = |streams| -> Result<_> {
            let mut gradient = vec![E::Scalar::ZERO; model.num_parameters()];
            let terms = model.objective(&self.data, streams, Some(&mut gradient))?;
            Ok((values(&terms), gradient))
        };
        for streams in [None, Some(Streams::new(3, 1, &[]))] {
            let ((first, first_gradient), (second, second_gradient)) =
                (objective(streams)?, objective(streams)?);
            same("the terms the second time", &second, &first)?;
            same("the gradient the second time", &second_gradient, &first_gradient)?;
        }
        Ok(())
    }

    fn randomness_follows_the_sample(&self) -> Finding {
        let model = self.build();
        let samples = self.data.samples();
        let backwards: Vec<usize> = (0..samples).rev().collect();
        let reversed = self.data.select(backwards.iter().copied());
        let here = model.objective(&self.data, Some(Streams::new(3, 1, &[])), None)?;
        let there = model.objective(&reversed, Some(Streams::new(3, 1, &backwards)), None)?;
        near::<E::Scalar>("the terms in reverse order", &values(&there), &values(&here))
    }

    fn fit_reduces_the_objective(&self) -> Finding {
        let mut model = self.build();
        let before = model.loss(&self.data)?.total();
        let mut trainer = self.trainer(self.data.samples()).epochs(LEARNING_EPOCHS);
        trainer.fit(&mut model, &self.data)?;
        let after = model.loss(&self.data)?.total();
        let falls = after < before || (after == before && before == 0.0);
        ensure(falls, || format!("{before:e} before and {after:e} after {LEARNING_EPOCHS} epochs"))
    }

    /// Codes, reconstructions and scores of the chosen samples, alone and among all.
    fn independent(&self, chosen: &[usize]) -> Finding {
        let model = self.build();
        let x = self.data.select(chosen.iter().copied());
        let among = |all: Samples<E>| all.select(chosen.iter().copied());
        let codes = model.encode(&self.data)?.select(chosen.iter().copied());
        let what = format!("of samples {chosen:?}");
        same(&format!("codes {what}"), model.encode(&x)?.as_slice(), codes.as_slice())?;
        let outputs = among(model.reconstruct(&self.data)?);
        let found = model.reconstruct(&x)?;
        same(&format!("reconstructions {what}"), found.as_slice(), outputs.as_slice())?;
        let scores = model.score(&self.data)?;
        let scores: Vec<_> = chosen.iter().map(|&sample| scores[sample]).collect();
        same(&format!("scores {what}"), &model.score(&x)?, &scores)
    }

    fn subsets_do_not_matter(&self) -> Finding {
        let samples = self.data.samples();
        for size in 1..samples {
            let first = samples - size;
            self.independent(&Vec::from_iter(first..samples))?;
            self.independent(&Vec::from_iter((0..samples).step_by(size)))?;
        }
        Ok(())
    }

    fn order_does_not_matter(&self) -> Finding {
        let samples = self.data.samples();
        self.independent(&Vec::from_iter((0..samples).rev()))?;
        self.independent(&Vec::from_iter((0..samples).map(|sample| (sample + 1) % samples)))
    }

    fn shapes(&self) -> Finding {
        let (model, samples) = (self.build(), self.data.samples());
        let (code, input) = (model.encoder().code_dim().value(), self.data.features());
        let codes = model.encode(&self.data)?;
        let outputs = model.reconstruct(&self.data)?;
        let shapes = [
            ("codes", codes.features(), codes.samples(), code),
            ("reconstructions", outputs.features(), outputs.samples(), input),
            ("scores", 1, model.score(&self.data)?.len(), 1),
        ];
        for (what, rows, columns, expected) in shapes {
            ensure((rows, columns) == (expected, samples), || {
                format!("{what}: {rows} × {columns}, not {expected} × {samples}")
            })?;
        }
        Ok(())
    }

    /// Training on this data ends well.
    fn trains(&self, x: &Samples<E>) -> Finding {
        let (mut model, report) = self.fit(x, |trainer| trainer)?;
        ensure(report.epochs.len() == EPOCHS, || format!("{} epochs", report.epochs.len()))?;
        finite("codes", model.encode(x)?.as_slice())?;
        finite("scores", &model.score(x)?)?;
        self.usable("the trained model", &mut model)
    }

    fn one_sample_trains(&self) -> Finding {
        self.trains(&self.data.select([0]))
    }

    fn one_feature(&self) -> Finding {
        if self.data.features() == 1 {
            return self.trains(&self.data);
        }
        let why = "the data has more features; give the contract a model of one feature as well";
        Err(Verdict::not_applicable(why))
    }

    fn duplicate_samples(&self) -> Finding {
        let x = self.data.select([0; 12]);
        let codes = self.build().encode(&x)?;
        for code in codes.iter() {
            same("the code of a duplicate", code, codes.sample(0))?;
        }
        self.trains(&x)
    }

    fn constant_feature(&self) -> Finding {
        let mut x = self.data.clone();
        let (features, value) = (x.features(), x.sample(0)[0]);
        x.as_mut_slice().iter_mut().step_by(features).for_each(|x| *x = value);
        self.trains(&x)
    }

    fn zeros(&self) -> Finding {
        let x = self.filled(|_| E::Scalar::ZERO);
        if !self.accepts(&x) {
            return Err(Verdict::not_applicable("the loss does not take 0"));
        }
        self.trains(&x)
    }

    fn huge_values(&self) -> Finding {
        let huge = if is_double::<E::Scalar>() { 1e200 } else { 1e30 };
        let signed = self.filled(|at| E::Scalar::of(if at % 3 == 1 { -huge } else { huge }));
        let model = self.build();
        without_nan("codes", model.encode(&signed)?.as_slice())?;
        without_nan("reconstructions", model.reconstruct(&signed)?.as_slice())?;
        let mut x = signed;
        if !self.accepts(&x) {
            x = self.filled(|_| E::Scalar::of(huge));
        }
        if !self.accepts(&x) {
            return Ok(()); // what the loss does not take cannot be trained on
        }
        without_nan("scores", &model.score(&x)?)?;
        let mut model = model;
        match self.trainer(x.samples()).fit(&mut model, &x) {
            Ok(_) | Err(Error::Diverged { .. }) => self.usable("after huge values", &mut model),
            Err(error) => Err(error.into()),
        }
    }

    fn subnormal_values(&self) -> Finding {
        let smallest = if is_double::<E::Scalar>() { 5e-324 } else { 1e-45 };
        let x = self.filled(|at| E::Scalar::of(smallest * (1 + at % 1000) as f64));
        if !self.accepts(&x) {
            return Err(Verdict::not_applicable("the loss does not take such small values"));
        }
        let model = self.build();
        finite("codes", model.encode(&x)?.as_slice())?;
        finite("reconstructions", model.reconstruct(&x)?.as_slice())?;
        self.trains(&x)
    }

    /// Each call that takes data refuses this value, at the first and at the last place.
    fn refuses(&self, value: f64) -> Finding {
        let mut model = self.build();
        let before = model.parameters().to_vec();
        let (features, samples) = (self.data.features(), self.data.samples());
        for (row, column) in [(0, 0), (features - 1, samples - 1)] {
            let mut x = self.data.clone();
            x.as_mut_slice()[column * features + row] = E::Scalar::of(value);
            let fit = self.trainer(samples).fit(&mut model, &x).map(drop);
            let calls = [
                ("encode", model.encode(&x).map(drop)),
                ("reconstruct", model.reconstruct(&x).map(drop)),
                ("score", model.score(&x).map(drop)),
                ("loss", model.loss(&x).map(drop)),
                ("fit", fit),
            ];
            for (call, found) in calls {
                let expected = Error::NotFinite { call, row, column, value: Number(value) };
                ensure(found.as_ref() == Err(&expected), || match found {
                    Ok(()) => format!("{call} took {value} at row {row}, column {column}"),
                    Err(error) => format!("{call} says: {error}"),
                })?;
            }
        }
        same("parameters after refusals", model.parameters(), &before)
    }

    fn nan_is_refused(&self) -> Finding {
        self.refuses(f64::NAN)
    }

    fn infinity_is_refused(&self) -> Finding {
        self.refuses(f64::INFINITY)?;
        self.refuses(f64::NEG_INFINITY)
    }

    /// Each call that takes data refuses this data with this error.
    fn refuses_all(&self, x: &Samples<E>, error: impl Fn(&'static str) -> Error) -> Finding {
        let mut model = self.build();
        let before = model.parameters().to_vec();
        let calls = [
            ("encode", model.encode(x).map(drop)),
            ("reconstruct", model.reconstruct(x).map(drop)),
            ("score", model.score(x).map(drop)),
            ("loss", model.loss(x).map(drop)),
            ("fit", self.trainer(x.samples()).fit(&mut model, x).map(drop)),
        ];
        for (call, found) in calls {
            ensure(found == Err(error(call)), || match found {
                Ok(()) => format!("{call} took it"),
                Err(error) => format!("{call} says: {error}"),
            })?;
        }
        same("parameters after refusals", model.parameters(), &before)
    }

    fn another_width_is_refused(&self) -> Finding {
        if E::Input::try_to_usize().is_some() {
            return Err(Verdict::not_applicable("the width is a type; the compiler refuses"));
        }
        let expected = self.data.features();
        let found = expected + 1;
        let wide = Batch::zeros(E::Input::from_usize(found), 2);
        self.refuses_all(&wide, |place| Error::SizeMismatch {
            place,
            unit: "features",
            expected,
            found,
        })
    }

    fn no_samples_are_refused(&self) -> Finding {
        self.refuses_all(&self.data.select([]), |call| Error::NoSamples { call })
    }

    fn clones_are_independent(&self) -> Finding {
        let Some(clone) = self.clone else {
            let why = "not asked for; see `Contract::clones`";
            return Err(Verdict::not_applicable(why));
        };
        let (model, _) = self.fit(&self.data, |trainer| trainer)?;
        let (parameters, state) = (model.parameters().to_vec(), model.state.clone());
        let codes = model.encode(&self.data)?;
        let mut cloned = clone(&model);
        self.same_model("the clone", &cloned, &model)?;
        self.trainer(self.data.samples()).fit(&mut cloned, &self.data)?;
        same("the original's parameters", model.parameters(), &parameters)?;
        same("the original's state", &model.state, &state)?;
        same("the original's codes", model.encode(&self.data)?.as_slice(), codes.as_slice())
    }

    /// What every call that only uses a model gives.
    fn used(&self, model: &AutoEncoder<E, D, R, L>) -> Result<Vec<E::Scalar>> {
        let codes = model.encode(&self.data)?;
        let mut all = codes.as_slice().to_vec();
        all.extend(model.decode(&codes)?.as_slice());
        all.extend(model.reconstruct(&self.data)?.as_slice());
        all.extend(model.score(&self.data)?);
        let terms = values(&model.loss(&self.data)?);
        all.extend(terms.into_iter().map(E::Scalar::of));
        all.push(model.squared_jacobian(&self.data)?);
        all.extend(model.encode_one(self.data.sample(0))?);
        Ok(all)
    }

    fn use_changes_nothing(&self) -> Finding {
        let (model, _) = self.fit(&self.data, |trainer| trainer)?;
        let (parameters, state) = (model.parameters().to_vec(), model.state.clone());
        self.used(&model)?;
        model.objective(&self.data, Some(Streams::new(5, 1, &[])), None)?;
        same("parameters after use", model.parameters(), &parameters)?;
        same("the regularizer's state after use", &model.state, &state)
    }

    fn use_is_deterministic(&self) -> Finding {
        let (model, _) = self.fit(&self.data, |trainer| trainer)?;
        let first = self.used(&model)?;
        same("the second use", &self.used(&model)?, &first)
    }

    fn calls_into_equal_allocating(&self) -> Finding {
        let (model, x) = (self.build(), &self.data);
        let mut workspace = model.workspace();
        let mut codes = Batch::zeros(model.encoder().code_dim(), 1);
        let mut outputs = Batch::zeros(x.dim(), 1);
        // Used with more and with fewer samples before.
        for samples in [x.samples(), 1, x.samples()] {
            let x = x.select(0..samples);
            model.encode_into(&x, &mut codes, &mut workspace)?;
            let expected = model.encode(&x)?;
            same("encode_into", codes.as_slice(), expected.as_slice())?;
            model.decode_into(&expected, &mut outputs, &mut workspace)?;
            same("decode_into", outputs.as_slice(), model.decode(&expected)?.as_slice())?;
            model.reconstruct_into(&x, &mut outputs, &mut workspace)?;
            same("reconstruct_into", outputs.as_slice(), model.reconstruct(&x)?.as_slice())?;
            let mut code = vec![E::Scalar::ZERO; codes.features()];
            model.encode_one_into(x.sample(0), &mut code, &mut workspace)?;
            same("encode_one_into", &code, &model.encode_one(x.sample(0))?)?;
        }
        Ok(())
    }

    fn one_agrees_with_many(&self) -> Finding {
        let model = self.build();
        let codes = model.encode(&self.data)?;
        let (decoded, outputs) = (model.decode(&codes)?, model.reconstruct(&self.data)?);
        let scores = model.score(&self.data)?;
        let near = |what, one: &[E::Scalar], many: &[E::Scalar]| {
            near::<E::Scalar>(what, &doubles(one), &doubles(many))
        };
        for (index, sample) in self.data.iter().enumerate() {
            near("encode_one", &model.encode_one(sample)?, codes.sample(index))?;
            near("decode_one", &model.decode_one(codes.sample(index))?, decoded.sample(index))?;
            near("reconstruct_one", &model.reconstruct_one(sample)?, outputs.sample(index))?;
            near("score_one", &[model.score_one(sample)?], &[scores[index]])?;
        }
        Ok(())
    }

    fn loss_is_mean_score(&self) -> Finding {
        let (model, _) = self.fit(&self.data, |trainer| trainer)?;
        let scores = doubles(&model.score(&self.data)?);
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let terms = model.loss(&self.data)?;
        let name = model.loss_function().name();
        let first = terms.iter().next().map(|(name, _)| name.to_owned());
        ensure(first.as_deref() == Some(name), || format!("the first term is {first:?}"))?;
        near::<E::Scalar>("the first term", &[terms.reconstruction()], &[mean])?;
        let sum: f64 = terms.iter().map(|(_, value)| value).sum();
        near::<E::Scalar>("the sum of all terms", &[sum], &[terms.total()])
    }

    fn scores_are_not_negative(&self) -> Finding {
        let scores = self.build().score(&self.data)?;
        finite("scores", &scores)?;
        if scores.iter().all(|&score| score >= E::Scalar::ZERO) {
            return Ok(());
        }
        Err(Verdict::not_applicable("this loss has negative values"))
    }

    fn gradient(&self) -> Finding {
        self.differentiates(|_| 1.0)
    }

    fn weighted_gradient(&self) -> Finding {
        self.differentiates(|sample| [1.0, 0.3, 2.5, 0.0, 7.0][sample % 5])
    }

    /// The gradient of the objective with these weights against finite differences, at points near
    /// the first parameters; a point with a kink nearby says nothing.
    fn differentiates(&self, weight: fn(usize) -> f64) -> Finding {
        if !is_double::<E::Scalar>() {
            return Err(Verdict::not_applicable("finite differences need f64"));
        }
        let x = self.data.select(0..self.data.samples().min(DIFFERENCE_SAMPLES));
        let weights: Vec<f64> = (0..x.samples()).map(weight).collect();
        for point in 0..POINTS {
            // Trained a little, so that biases and the regularizer's state are not zero.
            let few_epochs = 1 + point as usize;
            let (mut model, _) = self.fit(&x, |trainer| trainer.epochs(few_epochs))?;
            let streams = Some(Streams::new(point, 1, &[]));
            let mut gradient = vec![E::Scalar::ZERO; model.num_parameters()];
            model.weighted_objective(&x, &weights, streams, Some(&mut gradient))?;

            let mut is_trained = vec![true; gradient.len()];
            model.layout().frozen_ranges().for_each(|frozen| is_trained[frozen].fill(false));
            let stray =
                (0..gradient.len()).find(|&k| !is_trained[k] && gradient[k] != E::Scalar::ZERO);
            if let Some(stray) = stray {
                return Err(Verdict::failed(format!(
                    "parameter {stray} is frozen, but has a gradient"
                )));
            }
            let trained: Vec<usize> = (0..gradient.len()).filter(|&k| is_trained[k]).collect();
            let stride = trained.len().div_ceil(MOST_DIFFERENCES).max(1);
            let picked: Vec<usize> = trained.into_iter().step_by(stride).collect();
            let pick = |all: &[E::Scalar]| -> Vec<f64> {
                picked.iter().map(|&k| all[k].to_double()).collect()
            };
            let (analytic, at) = (pick(&gradient), pick(model.parameters()));
            let mut value = |at: &[f64]| {
                for (&k, &at) in picked.iter().zip(at) {
                    model.parameters[k] = E::Scalar::of(at);
                }
                let terms = model.weighted_objective(&x, &weights, streams, None);
                terms.map_or(f64::NAN, |terms| terms.total())
            };
            let check = gradcheck::function(&at, &analytic, &mut value);
            if check.passes() {
                return Ok(());
            }
            let [coarse, fine] =
                [1e-3, 2.3e-4].map(|step| gradcheck::differences(&at, step, &mut value));
            let apart = GradientCheck::compare(&coarse, &fine).norm_error;
            if apart <= gradcheck::NORM_TOLERANCE / 4.0 {
                return Err(Verdict::failed(format!("{check}")));
            }
        }
        let why = "the objective is not smooth near the first parameters";
        Err(Verdict::not_applicable(why))
    }

    fn sample_weights_equal_repetition(&self) -> Finding {
        let (model, _) = self.fit(&self.data, |trainer| trainer)?;
        let samples = self.data.samples();
        let times = |sample: usize| [2, 1, 0, 3][sample % 4];
        let weights: Vec<f64> = (0..samples).map(|sample| times(sample) as f64).collect();
        let repeated: Vec<usize> =
            (0..samples).flat_map(|sample| vec![sample; times(sample)]).collect();
        let many = self.data.select(repeated.iter().copied());
        let zeros = || vec![E::Scalar::ZERO; model.num_parameters()];
        // The same sample has the same randomness wherever it stands.
        let streams = Some((Streams::new(4, 1, &[]), Streams::new(4, 1, &repeated)));
        for streams in [None, streams] {
            let (by_weight, by_repetition) = streams.unzip();
            let (mut found, mut expected) = (zeros(), zeros());
            let x = &self.data;
            let weighted = model.weighted_objective(x, &weights, by_weight, Some(&mut found))?;
            let plain = model.objective(&many, by_repetition, Some(&mut expected))?;
            near::<E::Scalar>("the terms", &values(&weighted), &values(&plain))?;
            near::<E::Scalar>("the gradient", &doubles(&found), &doubles(&expected))?;
        }
        Ok(())
    }

    #[cfg(not(feature = "parallel"))]
    fn threads_do_not_matter(&self) -> Finding {
        let _ = ELEMENT;
        Err(Verdict::not_applicable("needs the feature `parallel`"))
    }

    #[cfg(feature = "parallel")]
    fn threads_do_not_matter(&self) -> Finding {
        // So many samples that work is divided at all.
        let features = self.data.features();
        let enough = (1 << 19) / (ELEMENT * features) + 2;
        let x = self.data.select((0..enough).map(|sample| sample % self.data.samples()));
        let trained = |threads: usize| {
            self.fit(&x, |trainer| trainer.epochs(1).batch_size(enough).threads(threads))
        };
        let (one, two) = (trained(1)?.0, trained(2)?.0);
        self.same_model("on two threads", &two, &one)?;
        let threads = crate::numbers::parallel::Threads::new(2)?;
        let codes = threads.run(|| one.encode(&x))?;
        same("codes on two threads", codes.as_slice(), one.encode(&x)?.as_slice())
    }

    #[cfg(not(feature = "safetensors"))]
    fn saved_and_loaded(&self) -> Finding {
        Err(Verdict::not_applicable("needs the feature `safetensors`"))
    }

    #[cfg(feature = "safetensors")]
    fn saved_and_loaded(&self) -> Finding {
        let folder = Folder::new()?;
        let file = folder.0.join("model.safetensors");
        let (model, _) = self.fit(&self.data, |trainer| trainer)?;
        model.save(&file)?;
        let mut loaded = self.build();
        loaded.load(&file)?;
        self.same_model("the loaded model", &loaded, &model)?;
        same("what it gives", &self.used(&loaded)?, &self.used(&model)?)
    }

    #[cfg(not(feature = "safetensors"))]
    fn resumed_equals_uninterrupted(&self) -> Finding {
        Err(Verdict::not_applicable("needs the feature `safetensors`"))
    }

    #[cfg(feature = "safetensors")]
    fn resumed_equals_uninterrupted(&self) -> Finding {
        use crate::train::Checkpoints;
        let folder = Folder::new()?;
        let checkpoints = Checkpoints::new(folder.0.join("training.safetensors"));
        let checkpoints = checkpoints.every_epochs(EPOCHS);
        self.fit(&self.data, |trainer| trainer.checkpoints(checkpoints.clone()))?;
        let resume = |trainer: AnyTrainer<'static, E>| {
            trainer.epochs(2 * EPOCHS).checkpoints(checkpoints.resume(true))
        };
        let (resumed, resumed_report) = self.fit(&self.data, resume)?;
        let (at_once, report) = self.fit(&self.data, |trainer| trainer.epochs(2 * EPOCHS))?;
        self.same_model("the resumed training", &resumed, &at_once)?;
        let (found, expected) = (timeless(resumed_report), timeless(report));
        ensure(found == expected, || format!("the reports differ:\n{found}\n{expected}"))
    }

    fn stream_equals_memory(&self) -> Finding {
        let (expected, _) = self.fit(&self.data, |trainer| trainer.shuffle(false))?;
        let mut model = self.build();
        let mut trainer = self.trainer(self.data.samples()).shuffle(false).shuffle_buffer(1);
        trainer.fit_stream(&mut model, &mut InMemory::from(&self.data))?;
        self.same_model("from a stream", &model, &expected)
    }

    fn validation_is_not_trained_on(&self) -> Finding {
        self.at_least(2)?;
        let samples = self.data.samples();
        let held_out = ((0.3 * samples as f64).round() as usize).clamp(1, samples - 1);
        let (first, last) = (samples - held_out, self.data.select(samples - held_out..samples));
        let first = self.data.select(0..first);
        let (expected, _) = self.fit(&first, |trainer| trainer)?;
        let batch_size = first.samples().div_ceil(3).max(1);
        let split =
            |trainer: AnyTrainer<'static, E>| trainer.batch_size(batch_size).validation_split(0.3);
        let (model, report) = self.fit(&self.data, split)?;
        self.same_model("with samples held out", &model, &expected)?;
        let validation = report.last().and_then(|epoch| epoch.validation.clone());
        let loss = model.loss(&last)?;
        ensure(validation.as_ref() == Some(&loss), || {
            format!("the validation is {validation:?}, but the loss of its samples {loss:?}")
        })
    }

    fn panicking_observer(&self) -> Finding {
        use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
        let mut model = self.build();
        let mut steps = 0;
        let mut trainer =
            self.trainer(self.data.samples()).batch_size(1).observer(|event: &Event<'_>| {
                steps += usize::from(matches!(event, Event::Batch(_)));
                if steps == 2 {
                    // Without a word from the hook that tells of panics.
                    resume_unwind(Box::new("an observer"));
                }
            });
        let caught = catch_unwind(AssertUnwindSafe(|| trainer.fit(&mut model, &self.data)));
        ensure(caught.is_err(), || "the observer's panic did not come through".to_owned())?;
        drop(trainer);
        self.usable("after a panic", &mut model)
    }

    fn divergence_keeps_the_last_finite_parameters(&self) -> Finding {
        let mut model = self.build();
        let mut trainer = self.trainer(self.data.samples()).batch_size(1).schedule(InfiniteAt(2));
        match trainer.fit(&mut model, &self.data) {
            Err(Error::Diverged { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let why = "an infinite learning rate does not matter to this optimizer";
                return Err(Verdict::not_applicable(why));
            }
        }
        // The same training, ended from outside one step before.
        use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
        let mut expected = self.build();
        let mut steps = 0;
        let mut trainer =
            self.trainer(self.data.samples()).batch_size(1).observer(|event: &Event<'_>| {
                steps += usize::from(matches!(event, Event::Batch(_)));
                if steps == 2 {
                    resume_unwind(Box::new("an observer"));
                }
            });
        let _ = catch_unwind(AssertUnwindSafe(|| trainer.fit(&mut expected, &self.data)));
        drop(trainer);
        self.same_model("after divergence", &model, &expected)?;
        self.usable("after divergence", &mut model)
    }

    fn debug_prints(&self) -> Finding {
        let model = self.build();
        let text = format!("{model:?}");
        ensure(text.contains("AutoEncoder"), || format!("the model prints as {text:?}"))?;
        let parts = [
            ("encoder", format!("{:?}", model.encoder())),
            ("decoder", format!("{:?}", model.decoder())),
            ("regularizer", format!("{:?}", model.regularizer())),
            ("loss", format!("{:?}", model.loss_function())),
            ("layout", model.layout().to_string()),
        ];
        for (part, text) in parts {
            ensure(!text.is_empty(), || format!("the {part} prints as nothing"))?;
        }
        Ok(())
    }

    fn layout_covers_all(&self) -> Finding {
        let model = self.build();
        let mut end = 0;
        let mut names = std::collections::HashSet::new();
        for tensor in model.layout().tensors() {
            let (name, range) = (&tensor.name, &tensor.range);
            ensure(range.start == end, || format!("{name} begins at {}, not {end}", range.start))?;
            let area = tensor.shape.0 * tensor.shape.1;
            ensure(range.len() == area, || format!("{name} is {} long, not {area}", range.len()))?;
            ensure(names.insert(name), || format!("there are two tensors {name}"))?;
            end = range.end;
        }
        let (encoder, decoder) =
            (model.encoder().num_parameters(), model.decoder().num_parameters());
        let of_loss = model.loss_function().num_parameters(self.data.features());
        let of_regularizer = model.regularizer().num_parameters(model.encoder());
        ensure(end == encoder + decoder + of_loss + of_regularizer, || {
            format!(
                "the layout has {end} parameters, encoder, decoder, loss and regularizer \
                 {encoder}, {decoder}, {of_loss} and {of_regularizer}"
            )
        })?;
        let found = model.num_parameters();
        ensure(end == found, || format!("the layout has {end} parameters, the model {found}"))
    }

    fn parameters_round_trip(&self) -> Finding {
        let (trained, _) = self.fit(&self.data, |trainer| trainer)?;
        let mut model = self.build();
        model.set_parameters(trained.parameters())?;
        same("parameters", model.parameters(), trained.parameters())?;
        let (found, expected) = (model.encode(&self.data)?, trained.encode(&self.data)?);
        same("codes", found.as_slice(), expected.as_slice())?;
        let mut bad = trained.parameters().to_vec();
        if let Some(last) = bad.last_mut() {
            *last = E::Scalar::of(f64::NAN);
            ensure(model.set_parameters(&bad).is_err(), || "NaN was taken".to_owned())?;
            let short = &trained.parameters()[1..];
            ensure(model.set_parameters(short).is_err(), || "one too few was taken".to_owned())?;
        }
        same("parameters after refusals", model.parameters(), trained.parameters())
    }
}

/// A folder of its own for temporary files, which goes with it.
#[cfg(feature = "safetensors")]
struct Folder(std::path::PathBuf);

#[cfg(feature = "safetensors")]
impl Folder {
    fn new() -> std::result::Result<Self, Verdict> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("autoencoder-contract-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|error| {
            Verdict::not_applicable(format!("no folder for temporary files: {error}"))
        })?;
        Ok(Self(path))
    }
}

#[cfg(feature = "safetensors")]
impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
