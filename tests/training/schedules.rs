//! What schedules mean for a training as a whole: early stopping waits for the end of warm-ups.

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::random::seeded;
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::train::schedule::{Constant, Cyclical, Progress, Schedule, Warmup};
use autoencoder::train::{EarlyStopping, StopReason};
use autoencoder::*;

const PATIENCE: usize = 3;

type AnyRegularizer = Box<dyn Regularizer<f64>>;

/// The best epoch of a rule to which every epoch counts, and the one at which it would have stopped.
fn naively(report: &Report) -> Option<(usize, usize)> {
    let (mut best, mut lowest) = (0, f64::INFINITY);
    for epoch in &report.epochs {
        if epoch.monitored() < lowest {
            (best, lowest) = (epoch.epoch, epoch.monitored());
        } else if epoch.epoch - best >= PATIENCE {
            return Some((best, epoch.epoch));
        }
    }
    None
}

/// A variational model of digits whose β follows a schedule: the report, and nats per test digit, −ELBO.
fn variational(
    schedule: impl Schedule + 'static,
    stopping: Option<EarlyStopping>,
    is_validated: bool,
) -> (Report, f64) {
    let digits = datasets::digits::<f32>();
    let x = digits.train.select(0..800);
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 48>::new(Tanh),
            Dense::<48, 6>::new(Identity),
            Dense::<48, 6>::new(Identity),
        ))
        .decoder(Dense::<6, 48>::new(Tanh).then(Dense::<48, 64>::new(Identity)))
        .regularizer(Variational::new(1.0).unwrap().schedule(schedule))
        .loss(BernoulliCrossEntropy)
        .seed(1)
        .build::<f32>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(2e-3).unwrap()).epochs(50);
    if let Some(stopping) = stopping {
        trainer = trainer.early_stopping(stopping);
    }
    let train = Examples::of(&x);
    let report = match is_validated {
        true => trainer.fit(&mut model, train.held_out(&digits.test)),
        false => trainer.fit(&mut model, train),
    };
    let elbo = model.elbo(&digits.test, 10, &mut seeded(1)).unwrap();
    (report.unwrap(), -elbo.value())
}

fn patient() -> Option<EarlyStopping> {
    Some(EarlyStopping::new(PATIENCE).unwrap())
}

#[test]
fn early_stopping_waits_for_the_whole_weight_of_a_penalty() {
    const WARM_UP: usize = 30;
    let schedule = || Warmup::epochs(WARM_UP, Constant).unwrap();
    for is_validated in [false, true] {
        let (all, at_the_end) = variational(schedule(), None, is_validated);
        // The total rises with β, so that a rule to which every epoch counts keeps one of the first.
        let naive = naively(&all);
        assert!(is_validated || naive.is_some_and(|(_, stop)| stop < WARM_UP), "{naive:?}");
        let (report, nats) = variational(schedule(), patient(), is_validated);
        // The last step of the thirtieth epoch has the whole weight, the first of the next all have.
        let uncounted = if is_validated { WARM_UP - 1 } else { WARM_UP };
        assert_eq!(report.uncounted_epochs, uncounted);
        assert!(report.kept_epoch > uncounted && nats < 1.01 * at_the_end, "{nats} {at_the_end}");
        let text = report.to_string();
        assert!(
            text.contains(&format!("early stopping did not look at {uncounted} of ")),
            "{text}"
        );
    }
}

#[test]
fn cycles_count_where_their_weights_are_whole() {
    // Ten epochs of which five rise: without validation samples the other five are looked at.
    let (report, _) = variational(Cyclical::epochs(10, 0.5).unwrap(), patient(), false);
    let rising = (0..report.epochs.len()).filter(|epoch| epoch % 10 < 5).count();
    assert_eq!(report.uncounted_epochs, rising);
    assert!((report.kept_epoch - 1) % 10 >= 5, "{}", report.kept_epoch);

    // With them all are, once the first cycle has risen.
    let (report, _) = variational(Cyclical::epochs(10, 0.5).unwrap(), patient(), true);
    assert_eq!(report.uncounted_epochs, 5);

    // Cycles within an epoch: no epoch has the whole weight throughout.
    let (report, _) = variational(Cyclical::new(8, 0.5).unwrap(), patient(), false);
    assert_eq!((report.uncounted_epochs, report.kept_epoch), (50, 50));
    assert_eq!(report.stopped, StopReason::Completed);
    assert!(report.to_string().contains("did not look at 50 of 50 epochs"), "{report}");
}

#[test]
fn weights_that_fall_are_no_warm_up() {
    let cosine = || train::schedule::Cosine::new(0.1).unwrap();
    // Held-out samples are judged by whole weights at any time.
    let (report, _) = variational(cosine(), patient(), true);
    assert_eq!(report.uncounted_epochs, 0);
    // Without them totals of other weights cannot be compared: the newest is kept, and the report says why.
    let (report, _) = variational(cosine(), patient(), false);
    assert_eq!((report.uncounted_epochs, report.kept_epoch), (50, 50));
    assert!(report.to_string().contains("a weight changed in them"), "{report}");
    // Weights that stay for some epochs: compared with each other, and not with those before.
    let decay = train::schedule::StepDecay::new(20, 0.5).unwrap();
    let (report, _) = variational(decay, Some(EarlyStopping::new(25).unwrap()), false);
    assert_eq!(report.uncounted_epochs, 0);
    assert!(report.kept_epoch > 40, "{}", report.kept_epoch);
    // Of a rate as well.
    assert!(report.warnings.is_empty(), "{report}");
}

#[test]
fn a_training_that_ends_in_a_warm_up_says_so() {
    let long = || Warmup::epochs(100, Constant).unwrap();
    let (report, _) = variational(long(), None, true);
    assert_eq!(report.warnings, [train::Warning::UnfinishedWarmUp]);
    let rate = Some(Box::new(long()) as Box<dyn Schedule>);
    let stopping = EarlyStopping::new(PATIENCE).unwrap();
    let report = sparse(Vec::new(), rate, stopping);
    assert_eq!(report.warnings, [train::Warning::UnfinishedWarmUp]);
    assert_eq!((report.uncounted_epochs, report.epochs.len()), (12, 12));
    let (report, _) = variational(Warmup::epochs(50, Constant).unwrap(), None, true);
    assert_eq!(report.warnings, []);
}

/// A penalty on the code that follows a schedule of the user's own: λ mean |h|, from 0 in a straight line.
#[derive(Debug, Clone)]
struct Rising<S>(f64, S);
impl<E: layer::Part, S> SuitedTo<E> for Rising<S> {}
impl<T: Float, S: Schedule + Clone + 'static> Regularizer<T> for Rising<S> {
    fn describe(&self) -> String {
        format!("Rising {{ weight: {}, schedule: {} }}", self.0, self.1.describe())
    }
    fn needs(&self, _: &Facts) -> Needs {
        Needs::nothing()
    }
    fn schedules(&self) -> Vec<Box<dyn Schedule>> {
        vec![Box::new(self.1.clone())]
    }
    fn penalty(
        &self,
        at: &Encoded<'_, T>,
        gradient: Option<&mut PenaltyGradient<'_, T>>,
        _: &mut [T],
        terms: &mut Terms,
    ) {
        let weight = self.0 * at.progress().map_or(1.0, |at| self.1.factor(&at));
        let code = at.posterior.mean();
        let weight = T::of(weight / code.samples() as f64);
        terms.add("rising", code.as_slice().iter().fold(T::ZERO, |sum, &h| sum + weight * h));
        if let Some(gradient) = gradient {
            gradient.posterior.mean_mut().as_mut_slice().iter_mut().for_each(|d| *d += weight);
        }
    }
}

fn sparse(
    regularizer: Vec<AnyRegularizer>,
    schedule: Option<Box<dyn Schedule>>,
    stopping: EarlyStopping,
) -> Report {
    let digits = datasets::digits::<f64>().train.select(0..500);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 100>::new(Sigmoid))
        .decoder(Dense::<100, 64>::new(Sigmoid))
        .regularizer(regularizer)
        .build::<f64>()
        .unwrap();
    let mut trainer = Trainer::new(Adam::new(1e-2).unwrap()).epochs(12).early_stopping(stopping);
    if let Some(schedule) = schedule {
        trainer = trainer.schedule(schedule);
    }
    trainer.fit(&mut model, &digits).unwrap()
}

#[test]
fn a_penalty_of_the_users_own_and_the_rate_are_waited_for_too() {
    let warm_up = || Warmup::epochs(5, Constant).unwrap();
    let patient = || EarlyStopping::new(PATIENCE).unwrap();
    let rising = || vec![Box::new(Rising(3.0, warm_up())) as AnyRegularizer];
    assert_eq!(sparse(rising(), None, patient()).uncounted_epochs, 5);
    assert_eq!(sparse(Vec::new(), None, patient()).uncounted_epochs, 0);
    // The rate: the last step of the fifth epoch has the whole of it.
    let rate = || Some(Box::new(warm_up()) as Box<dyn Schedule>);
    assert_eq!(sparse(Vec::new(), rate(), patient()).uncounted_epochs, 4);
    // A rate that only falls is no warm-up.
    let cosine = Some(Box::new(train::schedule::Cosine::new(0.0).unwrap()) as Box<dyn Schedule>);
    assert_eq!(sparse(Vec::new(), cosine, patient()).uncounted_epochs, 0);
    // One that is asked for.
    let late = || patient().from_epoch(8).unwrap();
    let from_eight = sparse(Vec::new(), None, late());
    assert_eq!(from_eight.uncounted_epochs, 7);
    assert!(from_eight.kept_epoch >= 8);
    assert_eq!(sparse(rising(), rate(), late()).uncounted_epochs, 7);
    assert!(EarlyStopping::new(1).unwrap().from_epoch(0).is_err());
}

/// Of a step in the middle of a rise the penalty has that share, outside training the whole.
#[test]
fn weights_of_sparsity_follow_their_schedules() {
    let x = datasets::digits::<f64>().train.select(0..20);
    let model = |regularizer: Vec<AnyRegularizer>| {
        AutoEncoder::builder()
            .encoder(Dense::<64, 10>::new(Sigmoid))
            .decoder(Dense::<10, 64>::new(Sigmoid))
            .regularizer(regularizer)
            .build::<f64>()
            .unwrap()
    };
    let rise = || Warmup::new(4, Constant).unwrap();
    let order: Vec<usize> = (0..20).collect();
    let streams = random::Streams::new(0, 1, &order).with_progress(Progress::new(2, 1, 10));
    let kl = || SparseKl::new(0.05, 2.0).unwrap();
    let l1 = || CodeL1::new(0.3).unwrap();
    let pairs: [(&str, AnyRegularizer, AnyRegularizer); 2] = [
        ("sparse_kl", Box::new(kl()), Box::new(kl().schedule(rise()))),
        ("code_l1", Box::new(l1()), Box::new(l1().schedule(rise()))),
    ];
    for (term, plain, rising) in pairs {
        assert_eq!(Regularizer::schedules(&*plain).len(), 0);
        assert_eq!(Regularizer::schedules(&*rising).len(), 1);
        assert_ne!(plain.describe(), rising.describe());
        let (plain, rising) = (model(vec![plain]), model(vec![rising]));
        let (whole, part) = (plain.loss(&x).unwrap(), rising.objective(&x, Some(streams), None));
        let (whole, part) = (whole.get(term).unwrap(), part.unwrap().get(term).unwrap());
        assert!((part / whole - 0.75).abs() < 1e-12, "{term}: {part} of {whole}");
        assert_eq!(rising.loss(&x).unwrap().get(term), Some(whole));
        // And so has its gradient.
        let gradient = |model: &AutoEncoder<_, _, _, _, f64>, streams| {
            let mut gradient = vec![0.0; model.num_parameters()];
            model.objective(&x, streams, Some(&mut gradient)).unwrap();
            gradient
        };
        let none = gradient(&model(Vec::new()), None);
        let (whole, part) = (gradient(&plain, None), gradient(&rising, Some(streams)));
        for ((none, whole), part) in none.iter().zip(&whole).zip(&part) {
            assert!((part - none - 0.75 * (whole - none)).abs() < 1e-12, "{term}");
        }
    }
}

#[test]
fn a_late_beginning_changes_when_a_training_stops() {
    let never_better = |from: usize| {
        let stopping = EarlyStopping::new(2).unwrap().min_delta(1e9).unwrap();
        sparse(Vec::new(), None, stopping.from_epoch(from).unwrap())
    };
    // The first epoch that counts is the best, and two more go by.
    for from in [1, 4] {
        let report = never_better(from);
        assert_eq!(report.stopped, StopReason::NoImprovement { best_epoch: from });
        assert_eq!((report.epochs.len(), report.kept_epoch), (from + 2, from));
    }
}
