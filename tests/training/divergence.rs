//! A hundred faults, each under the three policies: every training ends as its policy says, with a
//! finite model, and tells what happened in its report and to its observers.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::InMemory;
use autoencoder::layer::DenseLayer;
use autoencoder::loss::{Compared, LossFor, WithInput};
use autoencoder::optimizer::Trains;
use autoencoder::random::seeded;
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::train::schedule::{Progress, Schedule};
use autoencoder::train::{Divergence, DivergenceAction, Event, StopReason};
use autoencoder::*;
use nalgebra::Const;
use rand::RngExt;

type Data = Batch<f64, Const<4>>;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A penalty is NaN, or infinite.
    TermNan,
    TermInfinite,
    /// A penalty's gradient is NaN at the code, or infinite at a parameter.
    CodeGradient,
    ParameterGradient,
    /// A loss has a gradient that is NaN.
    LossGradient,
    /// The optimizer makes a parameter NaN, or remembers infinity.
    Step,
    Memory,
    /// The objective of the validation samples is NaN.
    Validation,
    /// A sample so large that its loss overflows, in every epoch.
    HugeSample,
    /// Parameters so large that everything overflows, because of one step at a huge rate.
    HugeStep,
    /// A sample of a stream that is NaN, in every epoch.
    Stream,
}
use Kind::{
    CodeGradient, HugeSample, HugeStep, LossGradient, Memory, ParameterGradient, Stream,
    TermInfinite, TermNan, Validation,
};
/// Those that happen once, at a known step.
const ONCE: [Kind; 7] =
    [TermNan, TermInfinite, CodeGradient, ParameterGradient, LossGradient, Kind::Step, Memory];
const ALL: [Kind; 11] = [
    TermNan,
    TermInfinite,
    CodeGradient,
    ParameterGradient,
    LossGradient,
    Kind::Step,
    Memory,
    Validation,
    HugeSample,
    HugeStep,
    Stream,
];

impl Kind {
    /// What the training calls it.
    fn quantity(self) -> Option<&'static str> {
        match self {
            TermNan | TermInfinite => Some("the term `fault`"),
            CodeGradient | ParameterGradient | LossGradient => Some("the gradient"),
            Kind::Step | Memory => Some("the parameters after the step"),
            Validation => Some("the validation objective"),
            HugeSample | Stream => Some("the term `faulty_squares`"),
            HugeStep => None,
        }
    }
}

/// Counts the attempts at a step, and knows at which the fault happens.
#[derive(Debug)]
struct Clock {
    kind: Kind,
    /// Steps that were begun.
    attempts: AtomicU64,
    validations: AtomicU64,
    /// From this attempt on (for a validation: from this one on), and how often.
    first: u64,
    times: u64,
}
impl Clock {
    /// Whether it is this kind's time, at a step that comes after so many.
    fn strikes(&self, kind: Kind, before: u64) -> bool {
        self.kind == kind && (self.first..self.first + self.times).contains(&before)
    }
    fn now(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone)]
struct FaultyPenalty(Arc<Clock>);
impl<E: Part> SuitedTo<E> for FaultyPenalty {}
impl Regularizer<f64> for FaultyPenalty {
    fn describe(&self) -> String {
        "FaultyPenalty".to_owned()
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::default()
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        gradient: Option<&mut PenaltyGradient<'_, f64>>,
        _: &mut [f64],
        terms: &mut Terms,
    ) {
        let clock = &self.0;
        if at.streams.is_none() {
            let before = clock.validations.fetch_add(1, Ordering::Relaxed);
            let value = if clock.strikes(Validation, before) { f64::NAN } else { 0.0 };
            return terms.add("fault", value);
        }
        let before = clock.attempts.fetch_add(1, Ordering::Relaxed);
        let value = if clock.strikes(TermNan, before) {
            f64::NAN
        } else if clock.strikes(TermInfinite, before) {
            f64::INFINITY
        } else {
            0.0
        };
        terms.add("fault", value);
        let Some(gradient) = gradient else { return };
        if clock.strikes(CodeGradient, before) {
            gradient.posterior.mean_mut().as_mut_slice()[0] = f64::NAN;
        }
        if clock.strikes(ParameterGradient, before) {
            gradient.parameters[7] = f64::INFINITY;
        }
    }
}

#[derive(Debug, Clone)]
struct FaultySquares(Arc<Clock>);
impl<D: Part> LossFor<D> for FaultySquares {
    type Target = WithInput;
}
impl Loss<f64> for FaultySquares {
    fn name(&self) -> &'static str {
        "faulty_squares"
    }
    fn describe(&self) -> String {
        "FaultySquares".to_owned()
    }
    fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
        SquaredError.values(at, values);
    }
    fn gradient(&self, at: Compared<'_, f64>, weights: &[f64], mut dy: BatchViewMut<'_, f64>) {
        SquaredError.gradient(at, weights, dy.reborrow());
        // The penalty, which counts, comes later in the same step.
        if self.0.strikes(LossGradient, self.0.now()) {
            dy.as_mut_slice()[1] = f64::NAN;
        }
    }
}

#[derive(Debug)]
struct FaultyAdam(Adam, Arc<Clock>);
impl Trains for FaultyAdam {}
impl Optimizer<f64> for FaultyAdam {
    fn describe(&self) -> String {
        format!("FaultyAdam({})", Optimizer::<f64>::describe(&self.0))
    }
    fn rate(&self) -> f64 {
        Optimizer::<f64>::rate(&self.0)
    }
    fn states(&self) -> usize {
        2
    }
    fn step(
        &self,
        step: &optimizer::Step,
        parameters: &[f64],
        state: &mut [f64],
        gradient: &mut [f64],
    ) {
        self.0.step(step, parameters, state, gradient);
        let before = self.1.now() - 1;
        if self.1.strikes(Kind::Step, before) {
            gradient[0] = f64::NAN;
        }
        if self.1.strikes(Memory, before) {
            state[0] = f64::INFINITY;
        }
    }
}

#[derive(Debug, Clone)]
struct FaultyRate(Arc<Clock>);
impl Schedule for FaultyRate {
    fn describe(&self) -> String {
        "FaultyRate".to_owned()
    }
    fn factor(&self, _: &Progress) -> f64 {
        if self.0.strikes(HugeStep, self.0.now()) { 1e160 } else { 1.0 }
    }
}

/// A training and where it goes wrong.
#[derive(Debug, Clone, Copy)]
struct Fault {
    kind: Kind,
    epochs: usize,
    batch_size: usize,
    /// The attempt, or for a validation the epoch, from 0.
    first: u64,
    times: u64,
    is_validated: bool,
    shuffle: bool,
    clip: bool,
}

const SAMPLES: usize = 22;

impl Fault {
    fn batches(&self) -> usize {
        SAMPLES.div_ceil(self.batch_size)
    }

    /// Epoch and batch of an attempt, from 1.
    fn place(&self, attempt: u64) -> (usize, usize) {
        let attempt = attempt as usize;
        (attempt / self.batches() + 1, attempt % self.batches() + 1)
    }

    fn data(&self) -> Data {
        let rng = &mut seeded(4);
        let draw = |_| std::array::from_fn(|_| f64::draw_uniform(rng));
        let mut x: Data = (0..SAMPLES).map(draw).collect();
        let sample = self.first as usize % SAMPLES;
        match self.kind {
            HugeSample => x.as_mut_slice()[4 * sample..4 * sample + 4].fill(1e200),
            Stream => x.as_mut_slice()[4 * sample + 2] = f64::NAN,
            _ => {}
        }
        x
    }
}

type Model = AutoEncoder<
    DenseLayer<Const<4>, Const<3>, Tanh>,
    DenseLayer<Const<3>, Const<4>, Identity>,
    FaultyPenalty,
    FaultySquares,
    f64,
>;

/// How a training ended, and what was heard of it.
struct Ended {
    model: Model,
    result: Result<Report>,
    heard: Vec<Divergence>,
    end: Option<Report>,
    steps: usize,
}

impl Fault {
    fn run(&self, policy: OnDivergence, leave_after: Option<usize>) -> Ended {
        let clock = Arc::new(Clock {
            kind: self.kind,
            attempts: AtomicU64::new(0),
            validations: AtomicU64::new(0),
            first: self.first,
            times: self.times,
        });
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .decoder(Dense::<3, 4>::new(Identity))
            .regularizer(FaultyPenalty(clock.clone()))
            .loss(FaultySquares(clock.clone()))
            .seed(3)
            .build()
            .unwrap();
        let (mut heard, mut end, mut steps) = (Vec::new(), None, 0);
        let x = self.data();
        let held_out = self.data_held_out();
        let adam = FaultyAdam(Adam::new(0.01).unwrap(), clock.clone());
        let mut trainer = Trainer::new(adam)
            .epochs(self.epochs)
            .batch_size(self.batch_size)
            .shuffle(self.shuffle)
            .shuffle_buffer(8)
            .on_divergence(policy)
            .schedule(FaultyRate(clock))
            .observer(|event: &Event<'_>| match event {
                Event::Batch(_) => {
                    steps += 1;
                    if leave_after == Some(steps) {
                        resume_unwind(Box::new("enough"));
                    }
                }
                Event::Diverged(divergence) => heard.push((*divergence).clone()),
                Event::End(report) => end = Some((*report).clone()),
                _ => {}
            });
        if self.clip {
            trainer = trainer.clip_norm(1.0);
        }
        let mut run = || match (self.kind, self.is_validated) {
            (Stream, false) => trainer.fit(&mut model, &mut InMemory::from(&x)),
            (Stream, true) => {
                let mut stream = InMemory::from(&x);
                trainer.fit(&mut model, Examples::of(&mut stream).held_out(&held_out))
            }
            (_, false) => trainer.fit(&mut model, &x),
            (_, true) => trainer.fit(&mut model, Examples::of(&x).held_out(&held_out)),
        };
        let result = if leave_after.is_some() {
            let left = catch_unwind(AssertUnwindSafe(run));
            assert!(left.is_err(), "there are fewer steps");
            Err(Error::NoSamples { call: "left" })
        } else {
            run()
        };
        drop(trainer);
        Ended { model, result, heard, end, steps }
    }

    fn data_held_out(&self) -> Data {
        let rng = &mut seeded(9);
        (0..5).map(|_| std::array::from_fn(|_| f64::draw_uniform(rng))).collect()
    }

    /// The parameters of the same training after so many steps, which are those before the fault.
    fn after(&self, steps: usize) -> Vec<f64> {
        if steps == 0 {
            return self.untrained();
        }
        let ended = self.run(OnDivergence::Stop, Some(steps));
        ended.model.parameters().to_vec()
    }

    fn untrained(&self) -> Vec<f64> {
        let model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .decoder(Dense::<3, 4>::new(Identity))
            .seed(3)
            .build::<f64>()
            .unwrap();
        model.parameters().to_vec()
    }
}

/// What holds however a training ended.
fn assert_sound(fault: &Fault, policy: OnDivergence, ended: &Ended) {
    let name = format!("{fault:?}, {policy:?}");
    assert!(ended.model.parameters().iter().all(|p| p.is_finite()), "{name}");
    let end = ended.end.as_ref().unwrap_or_else(|| panic!("{name}: no end was heard of"));
    assert_eq!(end.divergences, ended.heard, "{name}");
    let limit = match policy {
        OnDivergence::SkipBatch { limit } | OnDivergence::RestoreBest { limit } => limit,
        _ => 0,
    };
    let stops = ended.heard.iter().filter(|d| d.action == DivergenceAction::Stopped).count();
    match &ended.result {
        Ok(report) => {
            assert_eq!(&report.divergences, &ended.heard, "{name}");
            assert_eq!(report.stopped, StopReason::Completed, "{name}");
            assert_eq!(report.epochs.len(), fault.epochs, "{name}");
            assert!(ended.heard.len() <= limit, "{name}");
            assert_eq!(stops, 0, "{name}");
        }
        Err(Error::Diverged { epoch, batch, quantity, .. }) => {
            let last = ended.heard.last().unwrap();
            assert_eq!((last.epoch, last.batch, &last.quantity), (*epoch, *batch, quantity));
            assert_eq!(last.action, DivergenceAction::Stopped, "{name}");
            assert_eq!((ended.heard.len(), stops), (limit + 1, 1), "{name}");
            assert_eq!(end.stopped, StopReason::Diverged, "{name}");
            // Whole epochs only; that of a validation is one.
            let whole = if fault.kind == Validation { *epoch } else { epoch - 1 };
            assert_eq!((end.epochs.len(), end.kept_epoch), (whole, whole), "{name}");
        }
        Err(error) => panic!("{name}: {error}"),
    }
    for divergence in &ended.heard {
        match (divergence.action, policy) {
            (DivergenceAction::Stopped, _) => {}
            (DivergenceAction::SkippedBatch, OnDivergence::SkipBatch { .. }) => {
                assert_ne!(divergence.quantity, "the validation objective", "{name}");
            }
            (DivergenceAction::Continued, OnDivergence::SkipBatch { .. }) => {
                assert_eq!(divergence.quantity, "the validation objective", "{name}");
            }
            (DivergenceAction::Restored { epoch }, OnDivergence::RestoreBest { .. }) => {
                // The best of the epochs that were whole by then.
                let monitored = |number: usize| end.epochs[number - 1].monitored();
                let before = divergence.epoch;
                assert!(epoch < before, "{name}");
                let all = (1..before).filter(|&e| monitored(e).is_finite());
                let best = all.min_by(|&a, &b| monitored(a).total_cmp(&monitored(b)));
                // An epoch without a step, in which nothing is learnt, is not the best.
                if end.epochs.iter().all(|e| e.gradient_norm > 0.0) {
                    assert_eq!(epoch, best.unwrap_or(0), "{name}");
                }
            }
            other => panic!("{name}: {other:?}"),
        }
        let text = divergence.to_string();
        let start = format!("epoch {}, batch {}: ", divergence.epoch, divergence.batch);
        assert!(text.starts_with(&start), "{text}");
        assert!(end.to_string().contains(&text), "the report prints it");
        if let Some(quantity) = fault.kind.quantity() {
            assert_eq!(divergence.quantity, quantity, "{name}");
        }
    }
    let columns: Vec<usize> = end.to_csv().lines().map(|line| line.split(',').count()).collect();
    assert!(columns.iter().all(|&count| count == columns[0]), "{name}: {columns:?}");
}

fn draw(number: usize) -> Fault {
    let rng = &mut seeded(1000 + number as u64);
    let kind = ALL[number % ALL.len()];
    let (epochs, batch_size) = (rng.random_range(2..6), rng.random_range(3..9));
    let batches = SAMPLES.div_ceil(batch_size) as u64;
    let attempts = match kind {
        Validation => epochs as u64,
        _ => epochs as u64 * batches,
    };
    Fault {
        kind,
        epochs,
        batch_size,
        first: rng.random_range(0..attempts),
        times: 1,
        is_validated: kind == Validation || rng.random(),
        shuffle: rng.random(),
        clip: rng.random(),
    }
}

#[test]
fn a_hundred_faults_under_three_policies() {
    let (mut completed, mut ended_early) = (0, 0);
    for number in 0..100 {
        let fault = draw(number);
        let limit = 1 + number % 7;
        for policy in [
            OnDivergence::Stop,
            OnDivergence::SkipBatch { limit },
            OnDivergence::RestoreBest { limit },
        ] {
            let ended = fault.run(policy, None);
            let name = format!("{number}: {fault:?}, {policy:?}");
            if fault.kind == Stream && policy == OnDivergence::Stop {
                // Found before it is trained on.
                let sample = fault.first as usize % SAMPLES;
                let error = ended.result.unwrap_err();
                let call = "fit";
                let value = Number(f64::NAN);
                assert_eq!(error, Error::NotFinite { call, feature: 2, sample, value });
                assert!(ended.model.parameters().iter().all(|p| p.is_finite()));
                assert!(ended.heard.is_empty());
                continue;
            }
            assert_sound(&fault, policy, &ended);
            *(if ended.result.is_ok() { &mut completed } else { &mut ended_early }) += 1;

            let all_steps = fault.epochs * fault.batches();
            if ONCE.contains(&fault.kind) {
                let first = ended.heard.first().unwrap();
                assert_eq!((first.epoch, first.batch), fault.place(fault.first), "{name}");
                assert_eq!(ended.heard.len(), 1, "{name}");
                if policy == OnDivergence::Stop {
                    assert_eq!(ended.steps as u64, fault.first, "{name}");
                    let expected = fault.after(fault.first as usize);
                    assert_eq!(ended.model.parameters(), expected, "{name}");
                } else {
                    assert_eq!(ended.steps, all_steps - 1, "{name}: all other batches are steps");
                }
            }
            if fault.kind == Validation {
                let first = ended.heard.first().unwrap();
                let place = (fault.first as usize + 1, fault.batches());
                assert_eq!((first.epoch, first.batch), place, "{name}");
            }
            if matches!(fault.kind, HugeSample | Stream) && !fault.shuffle {
                let sample = fault.first as usize % SAMPLES;
                for (index, divergence) in ended.heard.iter().enumerate() {
                    let place = (index + 1, sample / fault.batch_size + 1);
                    assert_eq!((divergence.epoch, divergence.batch), place, "{name}");
                }
            }
        }
    }
    assert!(completed > 80 && ended_early > 80, "{completed} completed, {ended_early} did not");
}

fn plain(kind: Kind) -> Fault {
    Fault {
        kind,
        epochs: 4,
        batch_size: 4,
        first: 0,
        times: 1,
        is_validated: false,
        shuffle: true,
        clip: false,
    }
}

#[test]
fn a_fault_at_every_step_reaches_the_limit() {
    for kind in ONCE {
        for limit in [1, 2, 5] {
            // Six batches an epoch; from the eighth on.
            let fault = Fault { first: 7, times: 1000, ..plain(kind) };
            for policy in [OnDivergence::SkipBatch { limit }, OnDivergence::RestoreBest { limit }] {
                let ended = fault.run(policy, None);
                assert_sound(&fault, policy, &ended);
                let places: Vec<_> = ended.heard.iter().map(|d| (d.epoch, d.batch)).collect();
                let expected: Vec<_> = (7..=7 + limit as u64).map(|at| fault.place(at)).collect();
                assert_eq!(places, expected, "{kind:?} {limit}");
                assert!(ended.result.is_err());
                // Skipped: the parameters of the seven good steps; restored: those of the first epoch.
                let steps = if matches!(policy, OnDivergence::SkipBatch { .. }) { 7 } else { 6 };
                assert_eq!(ended.model.parameters(), fault.after(steps), "{kind:?} {policy:?}");
            }
        }
    }
}

#[test]
fn what_is_restored_are_the_parameters_of_the_best_epoch() {
    for kind in ONCE {
        // At the last batch of all: what is left are the restored parameters.
        let fault = Fault { first: 23, ..plain(kind) };
        let policy = OnDivergence::RestoreBest { limit: 1 };
        let ended = fault.run(policy, None);
        assert_sound(&fault, policy, &ended);
        let DivergenceAction::Restored { epoch } = ended.heard[0].action else { panic!() };
        assert_eq!(epoch, 3, "the objective falls");
        assert_eq!(ended.model.parameters(), fault.after(18));
        // In the first epoch: those it began with.
        let fault = Fault { first: 5, epochs: 1, ..plain(kind) };
        let ended = fault.run(policy, None);
        assert_eq!(ended.heard[0].action, DivergenceAction::Restored { epoch: 0 });
        assert_eq!(ended.model.parameters(), fault.untrained());
    }
}

#[test]
fn what_is_skipped_is_as_if_it_were_not_there() {
    // A term that is not finite is seen before the optimizer is, so that the rest of the training is
    // that of the other batches.
    let fault = Fault { first: 5, shuffle: false, epochs: 1, ..plain(TermNan) };
    let skipped = fault.run(OnDivergence::SkipBatch { limit: 1 }, None);
    let without_last = fault.after(5);
    assert_eq!(skipped.model.parameters(), without_last);
    let report = skipped.result.unwrap();
    // The mean is that of the samples that were trained on.
    let stopped = Fault { kind: HugeStep, first: 1000, ..fault }.run(OnDivergence::Stop, None);
    assert!(report.epochs[0].terms.total() > 0.5 * stopped.result.unwrap().epochs[0].terms.total());
}

/// Steps by their numbers, which are those since its memory was empty.
#[derive(Debug)]
struct Numbers(std::sync::Mutex<Vec<u64>>);
impl Trains for &Numbers {}
impl Optimizer<f64> for &Numbers {
    fn describe(&self) -> String {
        "Numbers".to_owned()
    }
    fn rate(&self) -> f64 {
        0.01
    }
    fn states(&self) -> usize {
        1
    }
    fn step(&self, step: &optimizer::Step, p: &[f64], state: &mut [f64], gradient: &mut [f64]) {
        if p.len() == 12 {
            self.0.lock().unwrap().push(step.number);
        }
        for ((g, p), s) in gradient.iter_mut().zip(p).zip(state) {
            *s += *g;
            *g = p - 0.01 * *g;
        }
    }
}

#[test]
fn an_optimizer_that_forgets_counts_from_one_again() {
    // The correction of Adam's moments for their start at zero depends on it.
    for (kind, policy, restarts) in [
        (TermNan, OnDivergence::SkipBatch { limit: 1 }, false),
        (CodeGradient, OnDivergence::SkipBatch { limit: 1 }, true),
        (TermNan, OnDivergence::RestoreBest { limit: 1 }, true),
    ] {
        let clock = Arc::new(Clock {
            kind,
            attempts: AtomicU64::new(0),
            validations: AtomicU64::new(0),
            first: 3,
            times: 1,
        });
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .decoder(Dense::<3, 4>::new(Identity))
            .regularizer(FaultyPenalty(clock.clone()))
            .build::<f64>()
            .unwrap();
        let numbers = Numbers(std::sync::Mutex::new(Vec::new()));
        let mut trainer = Trainer::new(&numbers).epochs(1).batch_size(3).on_divergence(policy);
        trainer.fit(&mut model, &plain(kind).data()).unwrap();
        let mut found = numbers.0.into_inner().unwrap();
        found.dedup(); // encoder and decoder have tensors of the same size
        let expected: &[u64] = match (kind, restarts) {
            (CodeGradient, _) => &[1, 2, 3, 4, 1, 2, 3, 4], // the fourth one is found in its gradient
            (_, true) => &[1, 2, 3, 1, 2, 3, 4],
            (_, false) => &[1, 2, 3, 4, 5, 6, 7],
        };
        assert_eq!(found, expected, "{kind:?} {policy:?}");
    }
}

#[test]
fn an_epoch_of_nothing_but_skipped_batches_is_no_epoch_to_keep() {
    let fault = Fault { times: 6, ..plain(TermNan) };
    let policy = OnDivergence::SkipBatch { limit: 6 };
    let ended = fault.run(policy, None);
    assert_sound(&fault, policy, &ended);
    let report = ended.result.unwrap();
    assert_eq!(report.epochs[0].terms, Terms::new());
    assert_eq!(report.epochs[0].gradient_norm, 0.0);
    let csv = report.to_csv();
    let mut lines = csv.lines();
    let header = "epoch,total,faulty_squares,fault,gradient_norm,rate,seconds,samples_per_second,evaluations";
    assert_eq!(lines.next(), Some(header));
    assert!(lines.next().unwrap().starts_with("1,0.0,,,0.0,"), "{csv}");

    // It is not the best one either, though nothing is less than nothing.
    let fault = Fault { times: 6, epochs: 3, ..plain(TermNan) };
    let fault = Fault { first: 6, ..fault };
    let policy = OnDivergence::RestoreBest { limit: 6 };
    let ended = fault.run(policy, None);
    assert!(ended.result.is_ok());
    let restored = DivergenceAction::Restored { epoch: 1 };
    assert!(ended.heard.iter().all(|d| d.action == restored), "{:?}", ended.heard);
}
