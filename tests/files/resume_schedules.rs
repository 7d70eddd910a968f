//! Trainings with schedules that are taken up again: what early stopping has looked at, and how many epochs there are.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use autoencoder::activation::{Identity, Tanh};
use autoencoder::train::schedule::{Constant, Cosine, Schedule, StepDecay, Warmup};
use autoencoder::train::{Checkpoints, EarlyStopping, Event};
use autoencoder::*;
use common::Folder;

fn model(beta: impl Schedule + 'static) -> impl Fn() -> Model {
    weighted(0.5, beta)
}

fn weighted(weight: f64, beta: impl Schedule + 'static) -> impl Fn() -> Model {
    let regularizer = Variational::new(weight).unwrap().schedule(beta);
    move || {
        AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::<8, 6>::new(Tanh),
                Dense::<6, 3>::new(Identity),
                Dense::<6, 3>::new(Identity),
            ))
            .decoder(Dense::<3, 8>::new(Identity))
            .regularizer(regularizer.clone())
            .loss(GaussianLikelihood::new(0.5).unwrap())
            .build::<f64>()
            .unwrap()
    }
}

type Layer<const I: usize, const O: usize, A> =
    layer::DenseLayer<nalgebra::Const<I>, nalgebra::Const<O>, A>;
type Encoder = Gaussian<Layer<8, 6, Tanh>, Layer<6, 3, Identity>, Layer<6, 3, Identity>>;
type Model = AutoEncoder<Encoder, Layer<3, 8, Identity>, Variational, GaussianLikelihood, f64>;

fn samples() -> Batch<f64, nalgebra::Const<8>> {
    let rows = datasets::sensors::<f64>(60, 1).unwrap().normal();
    let mut rows = rows.select(0..40);
    let range = data::Normalization::Standardize;
    data::Normalizer::fit(range, &rows.clone()).unwrap().apply(rows.view_mut()).unwrap();
    rows
}

fn trainer<'a>(epochs: usize) -> Trainer<'a, Adam> {
    Trainer::new(Adam::new(5e-3).unwrap()).epochs(epochs).batch_size(8)
}

#[test]
fn what_early_stopping_has_looked_at_is_known_again() {
    let folder = Folder::new("resume-warm-up");
    let build = model(Warmup::epochs(6, Constant).unwrap());
    let x = samples();
    let patient = || EarlyStopping::new(2).unwrap().min_delta(0.05).unwrap();
    let mut at_once = build();
    let report = trainer(40).early_stopping(patient()).fit(&mut at_once, &x).unwrap();
    assert_eq!(report.uncounted_epochs, 6);
    assert!((8..40).contains(&report.epochs.len()), "{report}");
    // Within the warm-up, in the epoch in which its last step is, in the next one, and later.
    for stop in [3, 12, 28, 29, 31, 36, 5 * report.epochs.len() - 1] {
        let file = folder.join(format!("{stop}.safetensors"));
        let checkpoints = Checkpoints::new(&file).every_steps(1).resume(true);
        let (mut steps, mut interrupted) = (0, build());
        let observer = |event: &Event<'_>| {
            if let Event::Batch(_) = event {
                steps += 1;
                if steps == stop {
                    resume_unwind(Box::new("stopped")); // a panic that is not printed
                }
            }
        };
        let mut stopped = trainer(40).early_stopping(patient()).checkpoints(checkpoints.clone());
        stopped = stopped.observer(observer);
        let run = AssertUnwindSafe(|| stopped.fit(&mut interrupted, &x));
        assert!(catch_unwind(run).is_err());
        drop(stopped);
        let mut resumed = build();
        let again =
            trainer(40).early_stopping(patient()).checkpoints(checkpoints).fit(&mut resumed, &x);
        let again = again.unwrap();
        assert_eq!(resumed.parameters(), at_once.parameters(), "stopped at {stop}");
        assert_eq!(
            (again.uncounted_epochs, again.kept_epoch, again.stopped, again.epochs.len()),
            (6, report.kept_epoch, report.stopped, report.epochs.len())
        );
    }
}

/// Trains for two epochs, and then goes on to as many.
fn resumed(
    folder: &Folder,
    name: &str,
    (build, rate): (impl Fn() -> Model, impl Schedule + Clone + 'static),
    epochs: usize,
) -> (Result<Report>, Vec<f64>, Vec<f64>) {
    let checkpoints = || Checkpoints::new(folder.join(format!("{name}.safetensors"))).resume(true);
    let x = samples();
    let mut two = build();
    trainer(2).schedule(rate.clone()).checkpoints(checkpoints()).fit(&mut two, &x).unwrap();
    let mut more = build();
    let before = more.parameters().to_vec();
    let report = trainer(epochs).schedule(rate).checkpoints(checkpoints()).fit(&mut more, &x);
    (report, before, more.parameters().to_vec())
}

#[test]
fn more_epochs_are_refused_where_a_schedule_would_have_been_another() {
    let folder = Folder::new("resume-cosine");
    let plain = || model(Constant);
    let cosine = Cosine::new(0.0).unwrap();
    let refused = |(report, before, after): (Result<Report>, Vec<f64>, Vec<f64>)| {
        let error = report.unwrap_err();
        let Error::DoesNotFit { what, expected, found, .. } = &error else { panic!("{error}") };
        assert!(what.contains("Cosine { floor: 0.0 }"), "{what}");
        assert_eq!((expected.as_str(), found.as_str()), ("3 epochs", "2 epochs"));
        assert_eq!(before, after, "nothing has changed");
        error.to_string()
    };
    let text = refused(resumed(&folder, "rate", (plain(), cosine), 3));
    assert!(text.contains("resume with as many as the file has"), "{text}");
    // A warm-up around it, and the weight of a penalty, go by it too.
    refused(resumed(&folder, "around", (plain(), Warmup::new(3, cosine).unwrap()), 3));
    refused(resumed(&folder, "weight", (model(cosine), Constant), 3));
    // As many epochs as before, and schedules that know nothing of the end.
    assert!(resumed(&folder, "as-many", (plain(), cosine), 2).0.is_ok());
    let decay = StepDecay::new(1, 0.5).unwrap();
    for (name, report) in [
        ("decay", resumed(&folder, "decay", (plain(), decay), 3).0),
        (
            "rising",
            resumed(&folder, "rising", (plain(), Warmup::epochs(4, Constant).unwrap()), 3).0,
        ),
        ("beta", resumed(&folder, "beta", (model(Warmup::new(7, decay).unwrap()), Constant), 3).0),
    ] {
        assert_eq!(report.unwrap().epochs.len(), 3, "{name}");
    }
}

#[test]
fn fewer_epochs_than_were_begun_are_refused() {
    let folder = Folder::new("resume-fewer");
    let file = folder.join("run.safetensors");
    let (x, build) = (samples(), model(Constant));
    let resume = || Checkpoints::new(&file).every_steps(1).resume(true);
    let mut four = build();
    trainer(4).checkpoints(resume()).fit(&mut four, &x).unwrap();
    let refused = |epochs: usize, begun: &str| {
        let mut model = build();
        let before = model.parameters().to_vec();
        let error = trainer(epochs).checkpoints(resume()).fit(&mut model, &x).unwrap_err();
        let Error::DoesNotFit { what, expected, found, .. } = &error else { panic!("{error}") };
        assert!(what.starts_with("the number of epochs"), "{what}");
        assert_eq!((expected.as_str(), found.as_str()), (&*format!("{epochs} at most"), begun));
        assert_eq!(model.parameters(), before);
    };
    refused(3, "4");
    // As many are done already.
    let mut again = build();
    let report = trainer(4).checkpoints(resume()).fit(&mut again, &x).unwrap();
    assert_eq!((report.epochs.len(), again.parameters()), (4, four.parameters()));
    // In the middle of the fifth, five are begun.
    let asks = |event: &Event<'_>| match event {
        Event::Batch(step) if step.batch == 2 => train::Control::Stop,
        _ => train::Control::Continue,
    };
    trainer(6).checkpoints(resume()).observer(asks).fit(&mut build(), &x).unwrap();
    refused(4, "5");
    assert_eq!(trainer(5).checkpoints(resume()).fit(&mut build(), &x).unwrap().epochs.len(), 5);
}

#[test]
fn other_settings_than_before_are_told_of() {
    let folder = Folder::new("resume-other");
    let (x, build) = (samples(), model(Constant));
    let resumed =
        |name: &str, change: &dyn Fn(Trainer<'static, Adam>) -> Trainer<'static, Adam>| {
            let file = folder.join(format!("{name}.safetensors"));
            let resume = || Checkpoints::new(&file).resume(true);
            trainer(2).checkpoints(resume()).fit(&mut build(), &x).unwrap();
            let report = change(trainer(3)).checkpoints(resume()).fit(&mut build(), &x).unwrap();
            let told = report.warnings.into_iter().map(|warning| match warning {
                train::Warning::ResumedWith { what, before, now } => (what, before, now),
                other => panic!("{other}"),
            });
            told.collect::<Vec<_>>()
        };
    assert_eq!(resumed("same", &|trainer| trainer), []);
    assert_eq!(resumed("constant", &|trainer| trainer.schedule(Constant)), []);
    let changed = |what: &str, before: &str, now: &str| {
        vec![(what.to_owned(), before.to_owned(), now.to_owned())]
    };
    assert_eq!(
        resumed("decay", &|trainer| trainer.schedule(StepDecay::new(2, 0.5).unwrap())),
        changed(
            "the schedule of the learning rate",
            "Constant",
            "StepDecay { epochs: 2, factor: 0.5 }"
        )
    );
    assert_eq!(
        resumed("clip", &|trainer| trainer.clip_norm(3.0)),
        changed("clip_norm", "none", "3.0")
    );
    let rate = |_| Trainer::new(Adam::new(1e-4).unwrap()).epochs(3).batch_size(8);
    let told = resumed("rate", &rate);
    assert!(told.len() == 1 && told[0].0 == "the optimizer" && told[0].2.contains("0.0001"));
    let stopping =
        |trainer: Trainer<'static, Adam>| trainer.early_stopping(EarlyStopping::new(3).unwrap());
    assert_eq!(resumed("stopping", &stopping)[0].0, "early stopping");
    // And another weight of the regularizer.
    let file = folder.join("weight.safetensors");
    let resume = || Checkpoints::new(&file).resume(true);
    trainer(2).checkpoints(resume()).fit(&mut build(), &x).unwrap();
    let mut heavier = weighted(0.7, Constant)();
    let report = trainer(3).checkpoints(resume()).fit(&mut heavier, &x).unwrap();
    let [train::Warning::ResumedWith { what, before, now }] = &report.warnings[..] else {
        panic!("{report}")
    };
    assert_eq!(what, "the regularizer");
    assert!(before.contains("beta: 0.5") && now.contains("beta: 0.7"), "{before}, {now}");
}
