//! What a training does and leaves behind.

use super::super::Verdict;
use super::super::subject::given;
use super::{AnyTrainer, Checked, Finding, bits, ensure, near, same, timeless, values};
use crate::batch::Batch;
use crate::data::InMemory;
use crate::error::{Error, Result};
use crate::model::Scalar;
use crate::numbers::parallel::ELEMENT;
use crate::random::Streams;
use crate::train::examples::IntoExamples;
use crate::train::{EpochReport, Report};

/// Epochs after which the objective must have fallen.
const LEARNING_EPOCHS: usize = 60;

impl<T: Scalar> Checked<'_, T> {
    pub(super) fn same_seed_same_bits(&self) -> Finding {
        let (first, first_report) = self.fit(self.data, |trainer| trainer)?;
        let (second, second_report) = self.fit(self.data, |trainer| trainer)?;
        self.same_model("the second training", &second, &first)?;
        let (first, second) = (timeless(first_report), timeless(second_report));
        ensure(first == second, || format!("the reports differ:\n{first}\n{second}"))
    }

    pub(super) fn seeds_matter(&self) -> Finding {
        self.at_least(4)?;
        let first = self.data.x.sample(0);
        if self.data.x.iter().all(|sample| sample == first) {
            return Err(Verdict::not_applicable("all samples are the same"));
        }
        let trained = |seed| self.fit(self.data, |trainer| trainer.seed(seed));
        let before = bits(trained(1)?.0.parameters());
        // Two seeds may shuffle a few samples into the same batches.
        for seed in 2..10 {
            if bits(trained(seed)?.0.parameters()) != before {
                return Ok(());
            }
        }
        Err(Verdict::failed("nine seeds gave the same parameters"))
    }

    pub(super) fn same_streams_same_objective(&self) -> Finding {
        let model = self.fit(self.data, |trainer| trainer)?.0;
        let objective = |streams| -> Result<_> {
            let mut gradient = vec![T::ZERO; model.num_parameters()];
            let terms = model.objective(self.data.examples(), streams, Some(&mut gradient))?;
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

    pub(super) fn randomness_follows_the_sample(&self) -> Finding {
        let model = self.build();
        let samples = self.data.samples();
        let backwards: Vec<usize> = (0..samples).rev().collect();
        let reversed = self.data.select(backwards.iter().copied());
        let streams = Streams::new(3, 1, &[]);
        let here = model.objective(self.data.examples(), Some(streams), None)?;
        let streams = Streams::new(3, 1, &backwards);
        let there = model.objective(reversed.examples(), Some(streams), None)?;
        near::<T>("the terms in reverse order", &values(&there), &values(&here))
    }

    pub(super) fn fit_reduces_the_objective(&self) -> Finding {
        let mut model = self.build();
        let before = model.loss(self.data.examples())?.total();
        let mut trainer = self.trainer(self.data.samples()).epochs(LEARNING_EPOCHS);
        trainer.fit(&mut model, self.data.examples())?;
        let after = model.loss(self.data.examples())?.total();
        let falls = after < before || (after == before && before == 0.0);
        ensure(falls, || format!("{before:e} before and {after:e} after {LEARNING_EPOCHS} epochs"))
    }

    pub(super) fn clones_are_independent(&self) -> Finding {
        let (model, _) = self.fit(self.data, |trainer| trainer)?;
        let (parameters, state) = (model.parameters().to_vec(), model.network().state.clone());
        let codes = model.encode(self.data.examples())?;
        let mut cloned = model.clone();
        self.same_model("the clone", &cloned, &model)?;
        self.trainer(self.data.samples()).fit(&mut cloned, self.data.examples())?;
        same("the original's parameters", model.parameters(), &parameters)?;
        same("the original's state", &model.network().state, &state)?;
        let after = model.encode(self.data.examples())?;
        same("the original's codes", after.as_slice(), codes.as_slice())
    }

    #[cfg(not(feature = "parallel"))]
    pub(super) fn threads_do_not_matter(&self) -> Finding {
        let _ = ELEMENT;
        Err(Verdict::not_applicable("needs the feature `parallel`"))
    }

    #[cfg(feature = "parallel")]
    pub(super) fn threads_do_not_matter(&self) -> Finding {
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
        let codes = threads.run(|| one.encode(x.examples()))?;
        same("codes on two threads", codes.as_slice(), one.encode(x.examples())?.as_slice())
    }

    pub(super) fn shards_do_not_matter(&self) -> Finding {
        self.at_least(4)?;
        let samples = self.data.samples();
        let step = |shards: usize| {
            self.fit(self.data, |trainer| trainer.epochs(1).batch_size(samples).shards(shards))
        };
        let whole = step(1)?.1;
        let in_shards = match step(3) {
            Err(Error::NotInShards { part }) => {
                let why = format!("{part} looks at a whole batch, and says so");
                return Err(Verdict::not_applicable(why));
            }
            stepped => stepped?.1,
        };
        let found = |report: &Report| -> Vec<f64> {
            let epochs = report.epochs.iter();
            let of_epoch = |epoch: &EpochReport| [values(&epoch.terms), vec![epoch.gradient_norm]];
            epochs.flat_map(of_epoch).flatten().collect()
        };
        let what = "terms and length of the gradient of a batch in 3 shards";
        near::<T>(what, &found(&in_shards), &found(&whole))
    }

    pub(super) fn stream_equals_memory(&self) -> Finding {
        let data = self.data;
        let classes = data.labels.as_ref().map(|labels| -> Result<_> {
            let classes = labels.iter().map(|&label| T::of(label as f64)).collect();
            Batch::new(nalgebra::Dyn(1), classes)
        });
        let beside = data.conditions.clone().into_iter().chain(classes.transpose()?);
        let (expected, _) = self.fit(data, |trainer| trainer.shuffle(false))?;
        let mut model = self.build();
        let mut trainer = self.trainer(data.samples()).shuffle(false).shuffle_buffer(1);
        let mut stream = InMemory::from(&data.x);
        let mut beside: Vec<_> = beside.map(InMemory::from).collect();
        let samples = match &mut beside[..] {
            [first, second, ..] => {
                IntoExamples::<T>::into_examples((&mut stream, first, second)).samples
            }
            [one] => IntoExamples::<T>::into_examples((&mut stream, one)).samples,
            [] => IntoExamples::<T>::into_examples(&mut stream).samples,
        };
        trainer.fit(&mut model, given(samples, data.size))?;
        self.same_model("from a stream", &model, &expected)
    }

    pub(super) fn validation_is_not_trained_on(&self) -> Finding {
        self.at_least(2)?;
        let samples = self.data.samples();
        let held_out = ((0.3 * samples as f64).round() as usize).clamp(1, samples - 1);
        let (first, last) = (samples - held_out, self.data.select(samples - held_out..samples));
        let first = self.data.select(0..first);
        let (expected, _) = self.fit(&first, |trainer| trainer)?;
        let batch_size = first.samples().div_ceil(3).max(1);
        let split =
            |trainer: AnyTrainer<'static, T>| trainer.batch_size(batch_size).validation_split(0.3);
        let (model, report) = self.fit(self.data, split)?;
        self.same_model("with samples held out", &model, &expected)?;
        let validation = report.last().and_then(|epoch| epoch.validation.clone());
        let loss = model.loss(last.examples())?;
        ensure(validation.as_ref() == Some(&loss), || {
            format!("the validation is {validation:?}, but the loss of its samples {loss:?}")
        })
    }
}
