//! Training on a stream: the same bits as on the same samples in memory, and what happens when the
//! stream does not keep its word.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::corruption::Masking;
use autoencoder::data::{CsvOptions, InMemory, Normalization, Normalized};
use autoencoder::layer::DenseLayer;
use autoencoder::random::seeded;
use autoencoder::train::{DivergenceAction, Event};
use autoencoder::*;
use nalgebra::{Const, Dyn};

type Data = Batch<f64, Const<4>>;
type Model<L = SquaredError> = AutoEncoder<
    DenseLayer<f64, Const<4>, Const<3>, Sigmoid>,
    DenseLayer<f64, Const<3>, Const<4>, Identity>,
    (SparseKl, Denoising<Masking>),
    L,
>;

fn data(samples: usize) -> Data {
    let rng = &mut seeded(5);
    (0..samples).map(|_| std::array::from_fn(|_| f64::draw_uniform(rng))).collect()
}

fn model(normalizer: Option<Normalizer>) -> Model {
    let builder = AutoEncoder::builder()
        .encoder(Dense::<4, 3>::new(Sigmoid))
        .decoder(Dense::<3, 4>::new(Identity))
        .regularizer((
            SparseKl::new(0.2, 0.1).unwrap().running(0.9).unwrap(),
            Denoising::new(Masking::new(0.2).unwrap()),
        ));
    match normalizer {
        Some(normalizer) => builder.normalizer(normalizer).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn trainer<'a>() -> Trainer<'a, Adam> {
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(4).batch_size(4).seed(3)
}

/// Parameters and all of a report but the times.
type Trained = (Vec<f64>, Report);

fn trained(model: &Model, mut report: Report) -> Trained {
    for epoch in &mut report.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    (model.parameters().to_vec(), report)
}

/// Gives so many samples at a time at most, says it has so many, and then does what it should not.
#[derive(Debug)]
struct Wayward<'a> {
    samples: InMemory<'a, f64, Const<4>>,
    /// The most samples a call reads.
    at_a_time: usize,
    /// What it says it has, if that is not true.
    says: Option<usize>,
    /// Begins again instead of ending.
    never_ends: bool,
    /// Fails when this many samples are read, in this pass from 0 on.
    fails: Option<(usize, usize)>,
    /// Panics there instead.
    panics: bool,
    /// Says it read this many more than it did.
    boasts: usize,
    pass: usize,
    read: usize,
}

fn wayward(x: &Data) -> Wayward<'_> {
    Wayward {
        samples: InMemory::from(x),
        at_a_time: usize::MAX,
        says: None,
        never_ends: false,
        fails: None,
        panics: false,
        boasts: 0,
        pass: 0,
        read: 0,
    }
}

fn failure() -> Error {
    Error::File { path: PathBuf::from("tape"), action: "read", reason: ErrorKind::TimedOut }
}

impl Source for Wayward<'_> {
    type Scalar = f64;
    type Features = Const<4>;
    fn dim(&self) -> Const<4> {
        Const
    }
    fn samples(&self) -> usize {
        self.says.unwrap_or_else(|| self.samples.samples())
    }
    fn rewind(&mut self) -> Result<()> {
        self.pass += usize::from(self.read > 0);
        self.read = 0;
        self.samples.rewind()
    }
    fn read(&mut self, mut to: BatchViewMut<'_, f64, Const<4>>) -> Result<usize> {
        if self.fails == Some((self.pass, self.read)) {
            if self.panics {
                // Without a word from the hook that tells of panics.
                resume_unwind(Box::new("the tape is torn"));
            }
            return Err(failure());
        }
        let mut most = to.samples().min(self.at_a_time);
        if let Some((pass, sample)) = self.fails
            && pass == self.pass
        {
            most = most.min(sample - self.read);
        }
        let mut read =
            self.samples.read(BatchViewMut::new(&mut to.as_mut_slice()[..4 * most], Const))?;
        if read == 0 && self.never_ends {
            self.samples.rewind()?;
            read =
                self.samples.read(BatchViewMut::new(&mut to.as_mut_slice()[..4 * most], Const))?;
        }
        self.read += read;
        Ok(read + self.boasts)
    }
}

#[test]
fn in_the_same_order_the_bits_are_those_of_memory() {
    let x = data(23);
    let held_out = data(30).select(23..30);
    let standardize = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    for normalizer in [None, Some(standardize)] {
        for is_validated in [false, true] {
            for shuffle in [false, true] {
                let in_memory = {
                    let mut model = model(normalizer.clone());
                    let mut trainer = trainer().shuffle(shuffle);
                    let report = if is_validated {
                        trainer.fit_validated(&mut model, &x, &held_out)
                    } else {
                        trainer.fit(&mut model, &x)
                    };
                    trained(&model, report.unwrap())
                };
                // Shuffled, only a buffer for all samples gives the same order.
                let buffers: &[usize] = if shuffle {
                    &[23, 24, 8192, usize::MAX]
                } else {
                    &[1, 4, 5, 9, 23, usize::MAX]
                };
                for &buffer in buffers {
                    for at_a_time in [1, 3, usize::MAX] {
                        let mut source = Wayward { at_a_time, ..wayward(&x) };
                        let mut model = model(normalizer.clone());
                        let mut trainer = trainer().shuffle(shuffle).shuffle_buffer(buffer);
                        let report = if is_validated {
                            trainer.fit_stream_validated(&mut model, &mut source, &held_out)
                        } else {
                            trainer.fit_stream(&mut model, &mut source)
                        };
                        let found = trained(&model, report.unwrap());
                        assert_eq!(found, in_memory, "a buffer of {buffer}, {at_a_time} at a time");
                    }
                }
            }
        }
    }
}

#[test]
fn from_a_file_and_through_a_normalized_source() {
    let x = data(13);
    let mut rows = String::new();
    for sample in x.iter() {
        let cells: Vec<String> = sample.iter().map(|x| format!("{x:?}")).collect();
        rows.push_str(&(cells.join(",") + "\n"));
    }
    let run = |source: &mut dyn Source<Scalar = f64, Features = Const<4>>| {
        let mut model = model(None);
        let report = trainer().fit_stream(&mut model, source).unwrap();
        trained(&model, report)
    };
    let mut csv = CsvOptions::new().header(false).from_bytes(rows).unwrap();
    assert_eq!(run(&mut csv), run(&mut InMemory::from(&x)));

    let normalizer = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    let mut normalized = x.clone();
    normalizer.apply(normalized.view_mut()).unwrap();
    let mut source = Normalized::new(InMemory::from(&x), normalizer).unwrap();
    assert_eq!(run(&mut source), run(&mut InMemory::from(&normalized)));
}

#[cfg(feature = "parallel")]
#[test]
fn on_threads() {
    let features = 128;
    let values = (0..features * 700).map(|k| ((k * 7919) % 1000) as f32 / 1000.0).collect();
    let x = Batch::new(Dyn(features), values).unwrap();
    let run = |threads: usize, streams: bool| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::dynamic(features, 100, Tanh))
            .decoder(Dense::dynamic(100, features, Identity))
            .build::<f32>()
            .unwrap();
        let trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(2).batch_size(256);
        let mut trainer = trainer.threads(threads).shuffle(false).shuffle_buffer(300);
        if streams {
            trainer.fit_stream(&mut model, &mut InMemory::from(&x)).unwrap();
        } else {
            trainer.fit(&mut model, &x).unwrap();
        }
        model.parameters().to_vec()
    };
    let expected = run(1, false);
    for threads in [1, 2, 3] {
        assert_eq!(run(threads, true), expected, "{threads} threads");
    }
}

/// A training without shuffling that goes on for so many steps, and is then left.
fn after_steps(x: &Data, wanted: usize) -> Vec<f64> {
    let mut model = model(None);
    if wanted > 0 {
        let mut steps = 0;
        let mut trainer = trainer().shuffle(false).observer(|event: &Event<'_>| {
            steps += usize::from(matches!(event, Event::Batch(_)));
            if steps == wanted {
                resume_unwind(Box::new("enough"));
            }
        });
        let left = catch_unwind(AssertUnwindSafe(|| trainer.fit(&mut model, x)));
        assert!(left.is_err(), "{wanted} steps are more than there are");
    }
    model.parameters().to_vec()
}

#[test]
fn a_stream_that_fails_leaves_the_parameters_of_the_last_step() {
    let x = data(20);
    // Five steps an epoch; a block is read as a whole before any of it is trained on.
    for (fails, buffer, steps) in [
        ((0, 0), 4, 0),
        ((0, 3), 4, 0),
        ((0, 4), 4, 1),
        ((0, 10), 4, 2),
        ((0, 10), 8, 2),
        ((0, 10), 100, 0),
        ((0, 20), 4, 5), // where the end should be
        ((1, 0), 4, 5),
        ((1, 17), 4, 9),
        ((3, 12), 12, 18),
    ] {
        let mut model = model(None);
        let mut source = Wayward { fails: Some(fails), ..wayward(&x) };
        let mut trainer = trainer().shuffle(false).shuffle_buffer(buffer);
        let error = trainer.fit_stream(&mut model, &mut source).unwrap_err();
        assert_eq!(error, failure());
        assert_eq!(model.parameters(), after_steps(&x, steps), "{fails:?}, a buffer of {buffer}");
    }
}

#[test]
fn a_stream_that_panics_does_not_hang() {
    let x = data(20);
    let mut model = model(None);
    let mut source = Wayward { fails: Some((1, 5)), panics: true, ..wayward(&x) };
    let mut trainer = trainer().shuffle(false).shuffle_buffer(4);
    let caught = catch_unwind(AssertUnwindSafe(|| trainer.fit_stream(&mut model, &mut source)));
    assert!(caught.is_err());
    assert_eq!(model.parameters(), after_steps(&x, 6));
}

#[test]
fn a_stream_that_is_left_early_does_not_hang() {
    let x = data(400);
    let mut model = model(None);
    let stopping = EarlyStopping::new(1).unwrap().min_delta(1e9).unwrap();
    let mut trainer = trainer().epochs(usize::MAX).early_stopping(stopping).shuffle_buffer(4);
    let report = trainer.fit_stream(&mut model, &mut InMemory::from(&x)).unwrap();
    assert_eq!(report.epochs.len(), 2);
}

#[test]
fn a_stream_of_another_length_than_it_says() {
    let x = data(20);
    let run = |source: &mut Wayward<'_>, buffer| {
        let mut model = model(None);
        let mut trainer = trainer().shuffle(false).shuffle_buffer(buffer);
        (trainer.fit_stream(&mut model, source).unwrap_err(), model.parameters().to_vec())
    };
    let place = "the pass of a stream";
    let error = |expected, found| Error::SizeMismatch { place, unit: "samples", expected, found };
    // Fewer: all that came was trained on.
    for (buffer, steps) in [(4, 5), (8, 5), (100, 5)] {
        let found = run(&mut Wayward { says: Some(24), ..wayward(&x) }, buffer);
        assert_eq!(found, (error(24, 20), after_steps(&x, steps)));
    }
    // More: the block with the surplus is not trained on.
    for (says, buffer, noticed, steps) in
        [(12, 4, 16, 3), (10, 4, 12, 2), (12, 8, 16, 2), (12, 100, 20, 3), (19, 4, 20, 4)]
    {
        let found = run(&mut Wayward { says: Some(says), ..wayward(&x) }, buffer);
        assert_eq!(found, (error(says, noticed), after_steps(&x, steps)), "{says}, {buffer}");
    }
    let (found, _) = run(&mut Wayward { never_ends: true, ..wayward(&x) }, 4);
    assert_eq!(found, error(20, 24));
    let none = run(&mut Wayward { says: Some(0), ..wayward(&x) }, 4);
    assert_eq!(none, (Error::NoSamples { call: "fit_stream" }, after_steps(&x, 0)));

    let found = run(&mut Wayward { boasts: 3, ..wayward(&x) }, 4);
    let error = Error::SizeMismatch {
        place: "Source::read",
        unit: "samples at most",
        expected: 4,
        found: 7,
    };
    assert_eq!(found, (error, after_steps(&x, 0)));

    let mut dynamic = AutoEncoder::builder()
        .encoder(Dense::dynamic(4, 3, Tanh))
        .decoder(Dense::dynamic(3, 4, Identity))
        .build::<f64>()
        .unwrap();
    let wide = Batch::new(Dyn(5), vec![0.5; 10]).unwrap();
    let refused = trainer().fit_stream(&mut dynamic, &mut InMemory::from(&wide)).unwrap_err();
    assert_eq!(refused.to_string(), "fit_stream: expected 4 features, found 5");
}

#[test]
fn a_value_that_is_not_finite_is_named_by_its_place_in_the_stream() {
    let good = data(20);
    let standardize = Normalizer::fit(Normalization::Standardize, &good).unwrap();
    let cut = Normalizer::fit(Normalization::Truncate { centre_samples: true }, &good).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (row, column, buffer, steps) in
            [(2, 0, 4, 0), (0, 7, 4, 1), (3, 14, 8, 2), (1, 19, 4, 4), (1, 13, 100, 0)]
        {
            let mut x = good.clone();
            x.as_mut_slice()[4 * column + row] = value;
            let expected =
                Error::NotFinite { call: "fit_stream", row, column, value: Number(value) };
            for normalizer in [None, Some(standardize.clone()), Some(cut.clone())] {
                let has_none = normalizer.is_none();
                let mut model = model(normalizer);
                let mut trainer = trainer().shuffle(false).shuffle_buffer(buffer);
                let found = trainer.fit_stream(&mut model, &mut InMemory::from(&x)).unwrap_err();
                assert_eq!(found, expected);
                if has_none {
                    assert_eq!(model.parameters(), after_steps(&good, steps));
                }
            }
            // Behind a normalized source its own call is named.
            let mut source = Normalized::new(InMemory::from(&x), standardize.clone()).unwrap();
            let mut trainer = trainer().shuffle(false).shuffle_buffer(buffer);
            let found = trainer.fit_stream(&mut model(None), &mut source).unwrap_err();
            let call = "Normalizer::apply";
            assert_eq!(found, Error::NotFinite { call, row, column, value: Number(value) });
        }
    }
}

#[test]
fn a_value_outside_the_domain_is_named_by_its_place_in_the_stream() {
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Sigmoid))
            .decoder(Dense::<3, 4>::new(Identity))
            .loss(BernoulliCrossEntropy)
            .build::<f64>()
            .unwrap()
    };
    let mut x = data(20);
    x.as_mut_slice()[4 * 13 + 2] = 1.5;
    let refused = |x: &Data, policy| {
        let mut trainer = trainer().shuffle_buffer(8).on_divergence(policy);
        trainer.fit_stream(&mut build(), &mut InMemory::from(x)).unwrap_err()
    };
    let expected = Error::OutsideDomain {
        call: "fit_stream",
        loss: "bernoulli_cross_entropy",
        row: 2,
        column: 13,
        value: Number(1.5),
        requirement: "a value in [0, 1]",
    };
    assert_eq!(refused(&x, OnDivergence::Stop), expected);
    // Beside a value that may be skipped it is refused as well.
    x.as_mut_slice()[4 * 12] = f64::NAN;
    assert_eq!(refused(&x, OnDivergence::SkipBatch { limit: 100 }), expected);
}

#[test]
fn a_poisoned_sample_is_skipped_with_its_batch() {
    let good = data(20);
    let standardize = Normalizer::fit(Normalization::Standardize, &good).unwrap();
    for normalizer in [None, Some(standardize)] {
        let mut x = good.clone();
        x.as_mut_slice()[4 * 9 + 1] = f64::NAN;
        let mut model = model(normalizer);
        let policy = OnDivergence::SkipBatch { limit: 4 };
        let mut trainer = trainer().shuffle(false).shuffle_buffer(8).on_divergence(policy);
        let report = trainer.fit_stream(&mut model, &mut InMemory::from(&x)).unwrap();
        let places: Vec<_> = report
            .divergences
            .iter()
            .map(|found| (found.epoch, found.batch, found.action))
            .collect();
        let skipped = DivergenceAction::SkippedBatch;
        assert_eq!(places, [1, 2, 3, 4].map(|epoch| (epoch, 3, skipped)));
        assert!(model.parameters().iter().all(|p| p.is_finite()));
        assert!(report.epochs.iter().all(|epoch| epoch.terms.total() > 0.0));
    }
}
