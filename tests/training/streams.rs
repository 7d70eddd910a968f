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
use common::{each_kind, kinds};
use nalgebra::{Const, Dyn};

type Data = Batch<f64, Const<4>>;
type Model<L = SquaredError> = AutoEncoder<
    DenseLayer<Const<4>, Const<3>, Sigmoid>,
    DenseLayer<Const<3>, Const<4>, Identity>,
    (SparseKl, Denoising<Masking>),
    L,
    f64,
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

fn trained<E, D, R, L>(model: &AutoEncoder<E, D, R, L, f64>, mut report: Report) -> Trained {
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
    fn size(&self) -> Const<4> {
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
    fn read(&mut self, mut to: BatchViewMut<'_, f64>) -> Result<usize> {
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
            self.samples.read(BatchViewMut::new(&mut to.as_mut_slice()[..4 * most], 4))?;
        if read == 0 && self.never_ends {
            self.samples.rewind()?;
            read = self.samples.read(BatchViewMut::new(&mut to.as_mut_slice()[..4 * most], 4))?;
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
                        trainer.fit(&mut model, Examples::of(&x).held_out(&held_out))
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
                            trainer.fit(&mut model, Examples::of(&mut source).held_out(&held_out))
                        } else {
                            trainer.fit(&mut model, &mut source)
                        };
                        let found = trained(&model, report.unwrap());
                        assert_eq!(found, in_memory, "a buffer of {buffer}, {at_a_time} at a time");
                    }
                }
            }
        }
    }
}

/// So they are with what belongs to each sample.
#[test]
fn of_every_kind_the_bits_are_those_of_memory() {
    let regularizer = || {
        let noise = Denoising::new(Masking::new(0.2).unwrap());
        (SparseKl::new(0.2, 0.1).unwrap().running(0.9).unwrap(), noise)
    };
    let (data, held_out) = (kinds::Data::new(23, 5), kinds::Data::new(7, 6));
    each_kind!(|kind| {
        for (shuffle, buffers) in [(true, &[23, usize::MAX][..]), (false, &[1, 5, 23][..])] {
            for is_validated in [false, true] {
                let mut model = kind::build(regularizer());
                let mut in_memory = Examples::of(kind::examples(&data));
                if is_validated {
                    in_memory = in_memory.held_out(kind::examples(&held_out));
                }
                let report = trainer().shuffle(shuffle).fit(&mut model, in_memory).unwrap();
                assert_eq!(report.epochs[3].validation.is_some(), is_validated);
                let expected = trained(&model, report);
                for &buffer in buffers {
                    let (mut model, mut sources) = (kind::build(regularizer()), data.sources());
                    let mut streams = Examples::of(kind::streams(&mut sources));
                    if is_validated {
                        streams = streams.held_out(kind::examples(&held_out));
                    }
                    let mut trainer = trainer().shuffle(shuffle).shuffle_buffer(buffer);
                    let report = trainer.fit(&mut model, streams).unwrap();
                    assert_eq!(trained(&model, report), expected, "{} {buffer}", kind::NAME);
                }
            }
        }
    });
}

/// A source that says it has so many samples.
#[derive(Debug)]
struct Says<S>(S, usize);
impl<S: Source> Source for Says<S> {
    type Scalar = S::Scalar;
    type Features = S::Features;
    fn size(&self) -> S::Features {
        self.0.size()
    }
    fn samples(&self) -> usize {
        self.1
    }
    fn rewind(&mut self) -> Result<()> {
        self.0.rewind()
    }
    fn read(&mut self, to: BatchViewMut<'_, S::Scalar>) -> Result<usize> {
        self.0.read(to)
    }
}

#[test]
fn what_comes_beside_the_samples_is_of_their_number() {
    let more = kinds::Data::new(26, 5);
    let data = more.select(0..20);
    let trainer = |buffer| trainer().shuffle(false).shuffle_buffer(buffer);
    macro_rules! check {
        ($kind:ident, $beside:ident, $place:expr, $unit:expr) => {
            let after = |samples: usize| {
                let mut model = kinds::$kind::build(NoRegularizer);
                if samples > 0 {
                    let data = data.select(0..samples);
                    let examples = kinds::$kind::examples(&data);
                    trainer(4).epochs(1).fit(&mut model, examples).unwrap();
                }
                model.parameters().to_vec()
            };
            for (has, says, buffer, found, steps) in [
                (17, 17, 4, 17, 0), // before anything
                (26, 26, 4, 26, 0),
                (17, 20, 4, 17, 4), // where it ends too soon
                (17, 20, 8, 17, 4),
                (17, 20, 100, 17, 0),
                (26, 20, 4, 21, 5), // at the end of the first epoch
                (26, 20, 100, 21, 5),
            ] {
                let (mut samples, beside) = (data.sources(), more.select(0..has));
                let mut beside = Says(beside.sources().$beside, says);
                let mut model = kinds::$kind::build(NoRegularizer);
                let streams = (&mut samples.x, &mut beside);
                let refused = trainer(buffer).fit(&mut model, streams).unwrap_err();
                let (place, unit, expected) = ($place, $unit, 20);
                assert_eq!(refused, Error::SizeMismatch { place, unit, expected, found });
                assert_eq!(model.parameters(), after(4 * steps), "{has} {says} {buffer}");
            }
        };
    }
    check!(conditional, conditions, "the conditions of fit", "conditions");
    check!(classifier, classes, "fit", "labels");
}

/// Whatever happens to batches that diverge: it is not the samples that are at fault.
#[test]
fn what_comes_beside_the_samples_is_named_by_its_place() {
    let data = kinds::Data::new(20, 5);
    for policy in [OnDivergence::Stop, OnDivergence::SkipBatch { limit: 100 }] {
        let trainer = || trainer().shuffle(false).shuffle_buffer(4).on_divergence(policy);
        for (value, is_label) in
            [(4.0, true), (-1.0, true), (1e300, false), (1.5, false), (f64::NAN, false)]
        {
            let mut classes = Batch::from_iter(data.labels.iter().map(|&class| [f64::from(class)]));
            classes.as_mut_slice()[13] = value;
            let (mut samples, mut classes) = (data.sources(), InMemory::from(&classes));
            let mut model = kinds::classifier::build(NoRegularizer);
            let refused = trainer().fit(&mut model, (&mut samples.x, &mut classes)).unwrap_err();
            let expected = if is_label {
                let (call, label) = ("fit", value as i128);
                Error::Label { call, sample: 13, label, classes: kinds::CLASSES }
            } else {
                Error::NoClass {
                    call: "fit",
                    sample: 13,
                    value: Number(value),
                    classes: kinds::CLASSES,
                }
            };
            assert_eq!(refused, expected);
        }
        let mut conditions = data.conditions.clone();
        conditions.as_mut_slice()[kinds::K * 13 + 1] = f64::NAN;
        let (mut samples, mut conditions) = (data.sources(), InMemory::from(&conditions));
        let mut model = kinds::conditional::build(NoRegularizer);
        let refused = trainer().fit(&mut model, (&mut samples.x, &mut conditions)).unwrap_err();
        let (call, value) = ("the conditions of fit", Number(f64::NAN));
        assert_eq!(refused, Error::NotFinite { call, feature: 1, sample: 13, value });
    }
    // Two numbers are no class.
    let (mut samples, mut pairs) = (data.sources(), InMemory::from(data.conditions.view()));
    let mut model = kinds::classifier::build(NoRegularizer);
    let refused = trainer().fit(&mut model, (&mut samples.x, &mut pairs)).unwrap_err();
    let text = "the classes of a stream: expected 1 number a sample, found 2";
    assert_eq!(refused.to_string(), text);
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
        let report = trainer().fit(&mut model, source).unwrap();
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
            trainer.fit(&mut model, &mut InMemory::from(&x)).unwrap();
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
        let error = trainer.fit(&mut model, &mut source).unwrap_err();
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
    let caught = catch_unwind(AssertUnwindSafe(|| trainer.fit(&mut model, &mut source)));
    assert!(caught.is_err());
    assert_eq!(model.parameters(), after_steps(&x, 6));
}

#[test]
fn a_stream_that_is_left_early_does_not_hang() {
    let x = data(400);
    let mut model = model(None);
    let stopping = EarlyStopping::new(1).unwrap().min_delta(1e9).unwrap();
    let mut trainer = trainer().epochs(usize::MAX).early_stopping(stopping).shuffle_buffer(4);
    let report = trainer.fit(&mut model, &mut InMemory::from(&x)).unwrap();
    assert_eq!(report.epochs.len(), 2);
}

#[test]
fn a_stream_of_another_length_than_it_says() {
    let x = data(20);
    let run = |source: &mut Wayward<'_>, buffer| {
        let mut model = model(None);
        let mut trainer = trainer().shuffle(false).shuffle_buffer(buffer);
        (trainer.fit(&mut model, source).unwrap_err(), model.parameters().to_vec())
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
    assert_eq!(none, (Error::NoSamples { call: "fit" }, after_steps(&x, 0)));

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
    let refused = trainer().fit(&mut dynamic, &mut InMemory::from(&wide)).unwrap_err();
    assert_eq!(refused.to_string(), "fit: expected 4 features, found 5");
}

#[test]
fn a_value_that_is_not_finite_is_named_by_its_place_in_the_stream() {
    let good = data(20);
    let standardize = Normalizer::fit(Normalization::Standardize, &good).unwrap();
    let cut = Normalizer::fit(Normalization::Truncate { centre_samples: true }, &good).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (feature, sample, buffer, steps) in
            [(2, 0, 4, 0), (0, 7, 4, 1), (3, 14, 8, 2), (1, 19, 4, 4), (1, 13, 100, 0)]
        {
            let mut x = good.clone();
            x.as_mut_slice()[4 * sample + feature] = value;
            let not_finite =
                |call| Error::NotFinite { call, feature, sample, value: Number(value) };
            let expected = not_finite("fit");
            for normalizer in [None, Some(standardize.clone()), Some(cut.clone())] {
                let has_none = normalizer.is_none();
                let mut model = model(normalizer);
                let mut trainer = trainer().shuffle(false).shuffle_buffer(buffer);
                let found = trainer.fit(&mut model, &mut InMemory::from(&x)).unwrap_err();
                assert_eq!(found, expected);
                if has_none {
                    assert_eq!(model.parameters(), after_steps(&good, steps));
                }
            }
            // Behind a normalized source its own call is named.
            let mut source = Normalized::new(InMemory::from(&x), standardize.clone()).unwrap();
            let mut trainer = trainer().shuffle(false).shuffle_buffer(buffer);
            let found = trainer.fit(&mut model(None), &mut source).unwrap_err();
            let call = "Normalizer::apply";
            assert_eq!(found, not_finite(call));
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
        trainer.fit(&mut build(), &mut InMemory::from(x)).unwrap_err()
    };
    let expected = Error::OutsideDomain {
        call: "fit",
        loss: "bernoulli_cross_entropy",
        feature: 2,
        sample: 13,
        value: Number(1.5),
        is_normalized: false,
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
        let report = trainer.fit(&mut model, &mut InMemory::from(&x)).unwrap();
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
