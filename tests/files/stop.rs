//! Trainings that an observer stops, and that go on.

use std::sync::atomic::{AtomicUsize, Ordering};

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::InMemory;
use autoencoder::optimizer::Method;
use autoencoder::train::{Checkpoints, Control, EarlyStopping, Event, StopReason};
use autoencoder::*;
use common::Folder;
use nalgebra::Const;

const SAMPLES: usize = 22;
const BATCH: usize = 8;
/// Of an epoch: 8, 8 and 6 samples.
const BATCHES: usize = 3;
const EPOCHS: usize = 4;

type Net = AutoEncoder<
    DenseLayer<3, 2, Tanh>,
    DenseLayer<2, 3, Identity>,
    Denoising<corruption::Masking>,
    SquaredError,
    f64,
>;
type DenseLayer<const I: usize, const O: usize, A> =
    autoencoder::layer::DenseLayer<Const<I>, Const<O>, A>;

fn data() -> Batch<f64, Const<3>> {
    let value = |k: usize| ((k * 7919 + 11) % 1009) as f64 / 1009.0;
    (0..SAMPLES).map(|s| std::array::from_fn(|i| value(s * 3 + i))).collect()
}

fn net() -> Net {
    AutoEncoder::builder()
        .encoder(Dense::<3, 2>::new(Tanh))
        .decoder(Dense::<2, 3>::new(Identity))
        .regularizer(Denoising::new(corruption::Masking::new(0.2).unwrap()))
        .build::<f64>()
        .unwrap()
}

fn trainer<'a, O: Method<f64> + optimizer::Trains>(method: O) -> Trainer<'a, O> {
    Trainer::new(method).epochs(EPOCHS).batch_size(BATCH).seed(3)
}

type Fit<O> = fn(&mut Trainer<'_, O>, &mut Net) -> Result<Report>;

fn ways<O: Method<f64>>() -> [Fit<O>; 2] {
    [
        |trainer, net| trainer.fit(net, &data()),
        |trainer, net| trainer.fit(net, &mut InMemory::from(data())),
    ]
}

/// The report without the clock.
fn without_clock(mut report: Report) -> Report {
    for epoch in &mut report.epochs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    report
}

/// Stops at each event in turn, and goes on in a fresh model. A checkpoint is written by the stop alone.
fn stops_anywhere<O: Method<f64> + optimizer::Trains>(name: &str, method: impl Fn() -> O) -> usize {
    let folder = Folder::new(&format!("stop-{name}"));
    let mut stops = 0;
    for (way, fit) in ways::<O>().into_iter().enumerate() {
        // A buffer of two batches: the epoch of the stream has two blocks.
        let trainer = || trainer(method()).shuffle_buffer(2 * BATCH);
        let mut at_once = net();
        let whole = without_clock(fit(&mut trainer(), &mut at_once).unwrap());
        for stop in 0.. {
            let file = folder.join(format!("{way}-{stop}"));
            let checkpoints = Checkpoints::new(&file).every_epochs(1000);
            let mut events = 0;
            let observer = |_: &Event<'_>| {
                events += 1;
                if events == stop + 1 { Control::Stop } else { Control::Continue }
            };
            let mut stopped = net();
            let mut ended = trainer().checkpoints(checkpoints.clone()).observer(observer);
            let report = fit(&mut ended, &mut stopped).unwrap();
            drop(ended);
            let StopReason::Asked { epoch, batch } = report.stopped else {
                // The last step of all, and what comes after it.
                assert!(events <= stop + 3, "{name}, event {stop} of {events}");
                assert_eq!(report.stopped, whole.stopped);
                break;
            };
            stops += 1;
            let whole_epochs = if batch == BATCHES { epoch } else { epoch - 1 };
            assert_eq!((report.epochs.len(), report.kept_epoch), (whole_epochs, whole_epochs));
            if stop > 0 {
                // The file has the parameters that the model has.
                let mut saved = net();
                saved.load(&file).unwrap();
                assert_eq!(saved.parameters(), stopped.parameters(), "{name}, event {stop}");
            } else {
                assert!(!file.exists() && stopped.parameters() == net().parameters());
            }
            let mut resumed = net();
            let mut goes_on = trainer().checkpoints(checkpoints.resume(true));
            let report = fit(&mut goes_on, &mut resumed).unwrap();
            assert_eq!(resumed.parameters(), at_once.parameters(), "{name}, event {stop}");
            assert_eq!(without_clock(report), whole, "{name}, event {stop}");
        }
    }
    stops
}

#[test]
fn stopped_anywhere_it_goes_on_with_the_same_bits() {
    let events = 1 + EPOCHS * (BATCHES + 1);
    // Asked for after the last step of all, nothing is left to stop.
    let expected = 2 * (events - 2);
    assert_eq!(stops_anywhere("adam", || Adam::new(0.01).unwrap()), expected);
    let momentum = || Sgd::new(0.05).unwrap().momentum(0.9).unwrap();
    assert_eq!(stops_anywhere("sgd", momentum), expected);
    assert_eq!(stops_anywhere("lbfgs", || Lbfgs::new().iterations_per_batch(2).unwrap()), expected);
}

/// Stops at the end of the first epoch, or at a batch.
fn asks(epoch: usize, batch: Option<usize>) -> impl FnMut(&Event<'_>) -> Control + Send {
    move |event| match (event, batch) {
        (Event::Epoch(report), None) if report.epoch == epoch => Control::Stop,
        (Event::Batch(step), Some(batch)) if (step.epoch, step.batch) == (epoch, batch) => {
            Control::Stop
        }
        _ => Control::Continue,
    }
}

#[test]
fn it_stops_after_the_step_or_the_epoch_and_says_so() {
    let run = |epoch, batch| {
        let mut model = net();
        let mut trainer = trainer(Adam::new(0.01).unwrap()).observer(asks(epoch, batch));
        let report = trainer.fit(&mut model, &data()).unwrap();
        (report, model.parameters().to_vec())
    };
    let (report, in_the_middle) = run(2, Some(2));
    assert_eq!(
        (report.stopped, report.epochs.len()),
        (StopReason::Asked { epoch: 2, batch: 2 }, 1)
    );
    let text = report.to_string();
    assert!(text.ends_with("stopped by an observer in epoch 2, after batch 2"), "{text}");
    // After the last batch the epoch is ended, as if its end had been waited for.
    let (report, at_last) = run(2, Some(BATCHES));
    assert_eq!(report.epochs.len(), 2);
    let (at_the_end, after_epoch) = run(2, None);
    assert_eq!(without_clock(report), without_clock(at_the_end));
    assert_eq!(at_last, after_epoch);
    assert_ne!(in_the_middle, after_epoch);
    // A constant rate: two epochs of four are two epochs.
    let mut two = net();
    trainer(Adam::new(0.01).unwrap()).epochs(2).fit(&mut two, &data()).unwrap();
    assert_eq!(two.parameters(), after_epoch);
    let mut at_first = trainer(Adam::new(0.01).unwrap()).observer(|_: &Event<'_>| Control::Stop);
    let report = at_first.fit(&mut net(), &data()).unwrap();
    assert_eq!(report.stopped, StopReason::Asked { epoch: 1, batch: 0 });
    assert!(report.to_string().ends_with("stopped by an observer before the first step"));
    // What is done anyway was not stopped.
    assert_eq!(run(EPOCHS, Some(BATCHES)).0.stopped, StopReason::Completed);
}

#[test]
fn early_stopping_keeps_the_best_of_a_stopped_training_too() {
    let run = |epochs, observer: fn() -> Box<dyn train::Observer + Send>| {
        let mut model = net();
        // So large a rate that the last epoch is worse.
        let mut trainer = trainer(Sgd::new(1.2).unwrap())
            .epochs(epochs)
            .early_stopping(EarlyStopping::new(50).unwrap())
            .observer(observer());
        let report = trainer.fit(&mut model, &data()).unwrap();
        (report, model.parameters().to_vec())
    };
    let (whole, best) = run(8, || Box::new(|_: &Event<'_>| {}));
    assert!(whole.kept_epoch < 8, "{whole}");
    let (report, kept) = run(50, || Box::new(asks(9, Some(1))));
    assert_eq!((report.kept_epoch, kept), (whole.kept_epoch, best));
    let end = format!("epoch 9, after batch 1; kept the parameters of epoch {}", whole.kept_epoch);
    assert!(report.to_string().ends_with(&end), "{report}");
}

#[test]
fn all_observers_hear_of_the_last_event_and_the_next_training_is_another() {
    let heard = AtomicUsize::new(0);
    let mut first = true;
    let mut trainer = trainer(Adam::new(0.01).unwrap())
        .observer(|event: &Event<'_>| match event {
            Event::Epoch(_) if std::mem::take(&mut first) => Control::Stop,
            _ => Control::Continue,
        })
        .observer(|event: &Event<'_>| {
            if let Event::Epoch(_) | Event::End(_) = event {
                heard.fetch_add(1, Ordering::Relaxed);
            }
        });
    let asked = trainer.fit(&mut net(), &data()).unwrap();
    assert_eq!(asked.stopped, StopReason::Asked { epoch: 1, batch: BATCHES });
    assert_eq!(heard.load(Ordering::Relaxed), 2);
    assert_eq!(trainer.fit(&mut net(), &data()).unwrap().stopped, StopReason::Completed);
    assert_eq!(heard.load(Ordering::Relaxed), 2 + EPOCHS + 1);
}

/// Before a step there is nothing to save; a warning of samples is told before a step, which is still taken.
#[test]
fn what_a_stop_at_the_first_events_leaves() {
    let folder = Folder::new("stop-first-events");
    let far: Batch<f64, Const<3>> =
        [[0.1, 0.2, 1e9], [0.3, 0.1, 2e9], [0.2, 0.4, 1e9]].into_iter().collect();
    let mut whole = net();
    trainer(Adam::new(0.01).unwrap()).batch_size(1).fit(&mut whole, &far).unwrap();
    for (name, steps) in [("start", 0), ("warning", 1)] {
        let file = folder.join(name);
        let checkpoints = Checkpoints::new(&file).resume(true);
        let trainer =
            || trainer(Adam::new(0.01).unwrap()).batch_size(1).checkpoints(checkpoints.clone());
        let mut stopped = trainer().observer(|event: &Event<'_>| match event {
            Event::Start(_) if steps == 0 => Control::Stop,
            Event::Warning(_) => Control::Stop,
            _ => Control::Continue,
        });
        let report = stopped.fit(&mut net(), &far).unwrap();
        assert_eq!(report.stopped, StopReason::Asked { epoch: 1, batch: steps }, "{name}");
        assert_eq!(file.exists(), steps > 0, "{name}");
        let mut resumed = net();
        trainer().fit(&mut resumed, &far).unwrap();
        assert_eq!(resumed.parameters(), whole.parameters(), "{name}");
    }
}
