//! Stacks: what one call does is what its stages do one by one.

use std::sync::atomic::{AtomicUsize, Ordering};

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::corruption::Masking;
use autoencoder::data::Normalization;
use autoencoder::train::Event;
use autoencoder::*;

fn trainer(epochs: usize) -> Trainer<'static, Adam> {
    Trainer::new(Adam::new(1e-2).unwrap()).epochs(epochs)
}

macro_rules! level {
    ($inputs:literal, $outputs:literal, $decoder:expr) => {
        AutoEncoder::builder()
            .encoder(Dense::<$inputs, $outputs>::new(Sigmoid))
            .decoder($decoder)
            .seed($outputs)
    };
}

/// Every stage by hand, against one call.
#[test]
fn one_call_is_the_stages_one_by_one() {
    let digits = datasets::digits::<f32>();
    let masking = || Denoising::new(Masking::new(0.2).unwrap());
    let sparse = || SparseKl::new(0.1, 0.1).unwrap();
    let first = || level!(64, 40, Tied::new(Sigmoid)).regularizer(masking());
    let second = || level!(40, 20, Dense::<20, 40>::new(Sigmoid)).regularizer(sparse());
    let third = || level!(20, 10, Dense::<10, 20>::new(Identity)).loss(Huber::new(0.5).unwrap());

    let stacked = Stack::new(first(), trainer(3))
        .then(second(), trainer(2).batch_size(32))
        .then(third(), Trainer::new(Sgd::new(0.1).unwrap()).epochs(1))
        .fine_tune(trainer(2).seed(5))
        .classify::<10>(trainer(3).seed(6))
        .fit((&digits.train, &digits.train_labels))
        .unwrap();

    let (mut one, mut two, mut three) = (
        first().build::<f32>().unwrap(),
        second().build::<f32>().unwrap(),
        third().build::<f32>().unwrap(),
    );
    trainer(3).fit(&mut one, &digits.train).unwrap();
    let codes = one.encode(&digits.train).unwrap();
    trainer(2).batch_size(32).fit(&mut two, &codes).unwrap();
    let codes = two.encode(&codes).unwrap();
    Trainer::new(Sgd::new(0.1).unwrap()).epochs(1).fit(&mut three, &codes).unwrap();
    let encoder = one.trained_encoder().then(two.trained_encoder()).then(three.trained_encoder());
    let decoder = three.trained_decoder().then(two.trained_decoder().then(one.trained_decoder()));
    let mut deep = AutoEncoder::builder().encoder(encoder).decoder(decoder).build::<f32>().unwrap();
    trainer(2).seed(5).fit(&mut deep, &digits.train).unwrap();
    assert_eq!(stacked.model.parameters(), deep.parameters());
    let mut classifier = deep.classifier::<10>().build::<f32>().unwrap();
    let mut last = trainer(3).seed(6);
    last.fit(&mut classifier, (&digits.train, &digits.train_labels)).unwrap();
    assert_eq!(stacked.classifier.parameters(), classifier.parameters());

    let names: Vec<_> = stacked.report.stages.iter().map(|stage| stage.name.as_str()).collect();
    let levels = ["level 1: 64 → 40", "level 2: 40 → 20", "level 3: 20 → 10"];
    assert_eq!(names, [&levels[..], &["fine-tuning", "classifier"]].concat());
    let epochs: Vec<_> =
        stacked.report.stages.iter().map(|stage| stage.report.epochs.len()).collect();
    assert_eq!(epochs, [3, 2, 1, 2, 3]);
    let text = stacked.report.to_string();
    assert!(text.starts_with("level 1: 64 → 40\nepoch "), "{text}");
    assert!(text.contains("\n\nfine-tuning\nepoch "), "{text}");
}

/// Stages are optional: unrolled and no more, or classified without joint training.
#[test]
fn stages_can_be_left_out() {
    let digits = datasets::digits::<f32>();
    let stack = || {
        Stack::new(level!(64, 30, Dense::<30, 64>::new(Sigmoid)), trainer(2))
            .then(level!(30, 10, Tied::new(Sigmoid)), trainer(2))
    };
    let pretrained = stack().pretrain(&digits.train).unwrap();
    let unrolled = pretrained.unroll().build::<f32>().unwrap();
    assert_eq!(pretrained.report.stages.len(), 2);
    let classified = stack().classify::<10>(trainer(2));
    let classified = classified.fit((&digits.train, &digits.train_labels)).unwrap();
    assert_eq!(classified.model.parameters(), unrolled.parameters());
    assert_eq!(classified.report.stages.len(), 3);

    let one = Stack::new(level!(64, 30, Dense::<30, 64>::new(Sigmoid)), trainer(2));
    let mut alone = level!(64, 30, Dense::<30, 64>::new(Sigmoid)).build::<f32>().unwrap();
    trainer(2).fit(&mut alone, &digits.train).unwrap();
    let single = one.pretrain(&digits.train).unwrap().unroll().build::<f32>().unwrap();
    assert_eq!(single.parameters(), alone.parameters());
    let deep = stack().fine_tune(trainer(1)).fit(&digits.train).unwrap();
    assert_ne!(deep.model.parameters(), unrolled.parameters());
}

/// Joint training improves what levels alone have reached.
#[test]
fn fine_tuning_improves_the_unrolled_model() {
    let digits = datasets::digits::<f32>();
    let stack = || {
        Stack::new(level!(64, 40, Dense::<40, 64>::new(Sigmoid)), trainer(10))
            .then(level!(40, 8, Dense::<8, 40>::new(Sigmoid)), trainer(10))
    };
    let pretrained = stack().pretrain(&digits.train).unwrap();
    let before = pretrained.unroll().build::<f32>().unwrap().loss(&digits.test).unwrap().total();
    let tuned = stack().fine_tune(trainer(10)).fit(&digits.train).unwrap();
    let after = tuned.model.loss(&digits.test).unwrap().total();
    assert!(after < before, "{before} {after}");
}

/// A level on a Bernoulli loss gives logits; behind it comes the sigmoid before the next decoder.
#[test]
fn logits_above_the_first_level_become_probabilities() {
    let digits = datasets::digits::<f64>();
    let bernoulli = || level!(40, 20, Dense::<20, 40>::new(Identity)).loss(BernoulliCrossEntropy);
    let first = || level!(64, 40, Dense::<40, 64>::new(Identity)).loss(BernoulliCrossEntropy);
    let stack = Stack::new(first(), trainer(1)).then(bernoulli(), trainer(1));
    let model = stack.pretrain(&digits.train).unwrap().unroll().build::<f64>().unwrap();
    let (mut one, mut two) = (first().build::<f64>().unwrap(), bernoulli().build::<f64>().unwrap());
    trainer(1).fit(&mut one, &digits.train).unwrap();
    let codes = one.encode(&digits.train).unwrap();
    trainer(1).fit(&mut two, &codes).unwrap();
    let codes = one.encode(&digits.test).unwrap();
    // `reconstruct` gives probabilities, and so does the unrolled model inside.
    let expected = one.decode(&two.reconstruct(&codes).unwrap()).unwrap();
    let found = model.reconstruct(&digits.test).unwrap();
    for (found, expected) in found.as_slice().iter().zip(expected.as_slice()) {
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }
}

#[test]
fn the_first_levels_normalizer_is_the_models() {
    let digits = datasets::digits::<f64>();
    let normalizer = || Normalizer::fit(Normalization::Standardize, &digits.train).unwrap();
    let first = || {
        let decoder = Dense::<20, 64>::new(Identity);
        AutoEncoder::builder()
            .encoder(Dense::<64, 20>::new(Tanh))
            .decoder(decoder)
            .normalizer(normalizer())
    };
    let second = || level!(20, 5, Dense::<5, 20>::new(Tanh));
    let stacked = Stack::new(first(), trainer(2))
        .then(second(), trainer(2))
        .classify::<10>(trainer(1))
        .fit((&digits.train, &digits.train_labels))
        .unwrap();
    assert_eq!(stacked.model.normalizer(), Some(&normalizer()));
    assert_eq!(stacked.classifier.normalizer(), Some(&normalizer()));

    let plain = AutoEncoder::builder()
        .encoder(Dense::<64, 20>::new(Relu))
        .decoder(Dense::<20, 64>::new(Identity));
    let error = Stack::new(plain, trainer(1))
        .then(
            AutoEncoder::builder()
                .encoder(Dense::<20, 5>::new(Tanh))
                .decoder(Dense::<5, 20>::new(Identity))
                .normalizer(Normalizer::fit(Normalization::None, &digits.train).unwrap()),
            trainer(1),
        )
        .pretrain(&digits.train)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "level 2: 20 → 5: the level has a normalizer, and sees no data but codes: set the normalizer on \
         the first level, which sees the data"
    );
}

#[test]
fn every_stage_can_be_observed() {
    let digits = datasets::digits::<f32>();
    let seen: [AtomicUsize; 3] = Default::default();
    let count = |stage: usize| {
        let seen = &seen[stage];
        move |event: &Event<'_>| {
            if let Event::Epoch(_) = event {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    Stack::new(level!(64, 10, Dense::<10, 64>::new(Sigmoid)), trainer(3).observer(count(0)))
        .fine_tune(trainer(2).observer(count(1)))
        .classify::<10>(trainer(4).observer(count(2)))
        .fit((&digits.train, &digits.train_labels))
        .unwrap();
    assert_eq!(seen.map(AtomicUsize::into_inner), [3, 2, 4]);
}

#[test]
fn l_bfgs_serves_every_stage() {
    let digits = datasets::digits::<f64>();
    let trainer = |epochs| Trainer::new(Lbfgs::new()).epochs(epochs);
    let stacked = Stack::new(level!(64, 20, Dense::<20, 64>::new(Sigmoid)), trainer(20))
        .then(level!(20, 10, Dense::<10, 20>::new(Sigmoid)), trainer(20))
        .fine_tune(trainer(20))
        .classify::<10>(trainer(60))
        .fit((&digits.train, &digits.train_labels))
        .unwrap();
    assert!(stacked.classifier.accuracy(&digits.train, &digits.train_labels).unwrap() > 0.9);
}

/// A stack that was stopped goes on where it was: trainers that resume take up their level.
#[cfg(feature = "safetensors")]
#[test]
fn a_stopped_stack_is_resumed() {
    use autoencoder::train::Checkpoints;
    let folder = common::Folder::new("stack");
    let digits = datasets::digits::<f32>();
    let run = |second: usize, resume: Option<bool>| {
        let trainer = |epochs, name: &str| {
            let trainer = trainer(epochs);
            match resume {
                Some(resume) => {
                    trainer.checkpoints(Checkpoints::new(folder.join(name)).resume(resume))
                }
                None => trainer,
            }
        };
        Stack::new(level!(64, 20, Tied::new(Sigmoid)), trainer(3, "1"))
            .then(level!(20, 10, Dense::<10, 20>::new(Sigmoid)), trainer(second, "2"))
    };
    run(1, Some(false)).pretrain(&digits.train).unwrap();
    let finish = |resume| {
        let stack = run(4, resume).fine_tune(trainer(1));
        stack.fit(&digits.train).unwrap().model.parameters().to_vec()
    };
    assert_eq!(finish(Some(true)), finish(None));
}

/// An observer that stops one stage ends the stack, and the same call goes on; the last stage ends as any training.
#[cfg(feature = "safetensors")]
#[test]
fn a_stack_that_an_observer_stops_ends_and_goes_on() {
    use autoencoder::train::{Checkpoints, Control, StopReason};
    let folder = common::Folder::new("stack-asked");
    let digits = datasets::digits::<f32>();
    // At the first step of the second epoch of this stage, or at the end of its last one.
    let ask = |asks: Option<usize>, saves: bool, is_late: bool| {
        let stage = |stage: usize| {
            let trainer = trainer(3).observer(move |event: &Event<'_>| match event {
                Event::Batch(step) if asks == Some(stage) && step.epoch == 2 && !is_late => {
                    Control::Stop
                }
                Event::Epoch(epoch) if asks == Some(stage) && epoch.epoch == 3 => Control::Stop,
                _ => Control::Continue,
            });
            let file = folder.join(format!("{stage}"));
            if saves { trainer.checkpoints(Checkpoints::new(file).resume(true)) } else { trainer }
        };
        Stack::new(level!(64, 20, Tied::new(Sigmoid)), stage(1))
            .then(level!(20, 10, Dense::<10, 20>::new(Sigmoid)), stage(2))
            .fine_tune(stage(3))
            .classify::<10>(stage(4))
            .fit((&digits.train, &digits.train_labels))
    };
    let run = |asks: Option<usize>, saves: bool| ask(asks, saves, false);
    let names = ["level 1: 64 → 20", "level 2: 20 → 10", "fine-tuning"];
    for (stage, name) in (1..).zip(names) {
        let stopped = ask(Some(stage), false, true).unwrap_err();
        let Error::Stage { stage, source } = stopped else { panic!("{stopped}") };
        assert_eq!(stage, name);
        assert!(matches!(*source, Error::Stopped { epoch: 3, .. }), "{source}");
    }
    for (stage, name) in (1..).zip(names) {
        let stopped = run(Some(stage), true).unwrap_err();
        let source = Box::new(Error::Stopped { epoch: 2, batch: 1 });
        assert_eq!(stopped, Error::Stage { stage: name.to_owned(), source });
    }
    let last = run(Some(4), true).unwrap();
    assert_eq!(last.report.stages[3].report.stopped, StopReason::Asked { epoch: 2, batch: 1 });
    let (resumed, at_once) = (run(None, true).unwrap(), run(None, false).unwrap());
    assert_eq!(resumed.classifier.parameters(), at_once.classifier.parameters());
    assert_eq!(resumed.model.parameters(), at_once.model.parameters());
}

/// What a later stage would refuse is refused before the first one is trained, by the name of the stage.
#[test]
fn mistakes_of_later_stages_are_found_first() {
    let digits = datasets::digits::<f32>();
    let steps = AtomicUsize::new(0);
    let watched = || {
        trainer(2).observer(|_: &Event<'_>| {
            steps.fetch_add(1, Ordering::Relaxed);
        })
    };
    let first = || level!(64, 20, Tied::new(Sigmoid));
    let stack = || Stack::new(first(), watched());
    let refused = |error: Error| {
        assert_eq!(steps.load(Ordering::Relaxed), 0);
        error.to_string()
    };

    let clipped = Trainer::new(Lbfgs::new()).clip_norm(1.0);
    let second = level!(20, 5, Tied::new(Sigmoid));
    let error = stack().then(second, clipped).pretrain(&digits.train).unwrap_err();
    let text = refused(error);
    assert!(text.starts_with("level 2: 20 → 5: ") && text.contains("clip_norm"), "{text}");

    let data = Batch::new(nalgebra::Dyn(64), digits.train.as_slice().to_vec()).unwrap();
    let dynamic = |inputs, units| {
        AutoEncoder::builder()
            .encoder(Dense::dynamic(inputs, units, Sigmoid))
            .decoder(Tied::new(Sigmoid))
    };
    let stack_of = |second| Stack::new(dynamic(64, 20), watched()).then(second, watched());
    let error = stack_of(dynamic(21, 5)).pretrain(&data).unwrap_err();
    let expected = "level 2: 21 → 5: the code of the level below: expected 21 units, found 20";
    assert_eq!(refused(error), expected);

    let error = stack().fine_tune(watched().epochs(0)).fit(&digits.train).unwrap_err();
    assert_eq!(refused(error), "fine-tuning: Trainer epochs is 0, but must be at least 1");

    let (mut labels, train) = (digits.train_labels.clone(), &digits.train);
    labels[7] = 10;
    let error = stack().classify::<10>(watched()).fit((train, &labels)).unwrap_err();
    let expected = "classifier: fit: the label of sample 7 (counted from 0) is 10, but must be \
                    one of 10 classes, a whole number from 0 to 9";
    assert_eq!(refused(error), expected);
}

/// A checkpoint of another stage, or of a stage that started elsewhere, is not taken for this one's.
#[cfg(feature = "safetensors")]
#[test]
fn checkpoints_know_their_stage() {
    use autoencoder::train::Checkpoints;
    let folder = common::Folder::new("stages");
    let digits = datasets::digits::<f32>();
    let train = |first: usize, second: &str, tuned: &str| {
        let at = |epochs, name: &str| {
            trainer(epochs).checkpoints(Checkpoints::new(folder.join(name)).resume(true))
        };
        Stack::new(level!(64, 20, Dense::<20, 64>::new(Sigmoid)), at(first, "1"))
            .then(level!(20, 10, Dense::<10, 20>::new(Sigmoid)), at(1, second))
            .fine_tune(at(1, tuned))
            .fit(&digits.train)
    };
    let once = train(1, "2", "3").unwrap();
    // All is done already.
    assert_eq!(train(1, "2", "3").unwrap().model.parameters(), once.model.parameters());
    // The first level learns more, so that the second one's codes are others.
    let error = train(2, "2", "3").unwrap_err().to_string();
    assert!(error.starts_with("level 2: 20 → 10: ") && error.contains("with digest"), "{error}");
    let error = train(2, "other", "3").unwrap_err().to_string();
    assert!(error.starts_with("fine-tuning: "), "{error}");

    // One file for two stages of one shape.
    let one = || trainer(1).checkpoints(Checkpoints::new(folder.join("one")).resume(true));
    let stack = Stack::new(level!(64, 20, Dense::<20, 64>::new(Sigmoid)), one()).fine_tune(one());
    let error = stack.fit(&digits.train).unwrap_err().to_string();
    assert!(error.starts_with("fine-tuning: "), "{error}");
}

/// Weights and held-out samples go through every stage.
#[test]
fn weights_and_held_out_samples_are_those_of_every_stage() {
    let digits = datasets::digits::<f64>();
    let x = digits.train.select(0..60);
    let labels = &digits.train_labels[..60];
    let weights: Vec<f64> = (0..60).map(|i| [1.0, 2.0, 0.5][i % 3]).collect();
    let other = digits.test.select(0..20);
    let first = || level!(64, 30, Tied::new(Sigmoid));
    let second = || level!(30, 10, Dense::<10, 30>::new(Sigmoid));
    let classes = || Trainer::new(Lbfgs::new()).epochs(2);
    let stack = || {
        let levels = Stack::new(first(), trainer(2)).then(second(), trainer(2));
        levels.fine_tune(trainer(1)).classify::<10>(classes())
    };
    let held_out = (&other, &digits.test_labels[..20]);
    let got = stack().fit(Examples::of((&x, labels)).weights(&weights).held_out(held_out)).unwrap();
    assert_eq!(got.report.stages.len(), 4);
    for stage in &got.report.stages {
        assert!(stage.report.last().unwrap().validation.is_some());
    }

    let mut one = first().build::<f64>().unwrap();
    trainer(2).fit(&mut one, Examples::of(&x).weights(&weights)).unwrap();
    let codes = one.encode(&x).unwrap();
    let mut two = second().build::<f64>().unwrap();
    trainer(2).fit(&mut two, Examples::of(&codes).weights(&weights)).unwrap();
    let mut deep = AutoEncoder::builder()
        .encoder(one.trained_encoder().then(two.trained_encoder()))
        .decoder(two.trained_decoder().then(one.trained_decoder()))
        .build::<f64>()
        .unwrap();
    trainer(1).fit(&mut deep, Examples::of(&x).weights(&weights)).unwrap();
    assert_eq!(got.model.parameters(), deep.parameters());
    let mut classifier = deep.classifier::<10>().build::<f64>().unwrap();
    classes().fit(&mut classifier, Examples::of((&x, labels)).weights(&weights)).unwrap();
    assert_eq!(got.classifier.parameters(), classifier.parameters());
    let unweighted = stack().fit((&x, labels)).unwrap();
    assert_ne!(unweighted.classifier.parameters(), classifier.parameters());

    let mut wrong = digits.test_labels[..20].to_vec();
    wrong[3] = 11;
    let error = stack().fit(Examples::of((&x, labels)).held_out((&other, &wrong))).unwrap_err();
    let expected = "classifier: validation: the label of sample 3 (counted from 0) is 11, but must be one of \
         10 classes, a whole number from 0 to 9";
    assert_eq!(error.to_string(), expected);
}

/// As many values in another order, which only the running program can tell.
#[test]
fn samples_of_another_shape_are_refused() {
    use autoencoder::size::DynImage;
    use nalgebra::Dyn;
    let image = |height, width| DynImage { channels: 1, height, width };
    let of = |size| Batch::<f64, DynImage>::new(size, vec![0.5; 24]).unwrap();
    let (right, turned) = (of(image(2, 3)), of(image(3, 2)));
    let fit = |x: &Batch<f64, DynImage>, held_out| {
        let lower = AutoEncoder::builder()
            .encoder(Dense::between(image(2, 3), Dyn(4), Tanh))
            .decoder(Dense::between(Dyn(4), image(2, 3), Identity));
        let upper = AutoEncoder::builder()
            .encoder(Dense::dynamic(4, 2, Tanh))
            .decoder(Dense::dynamic(2, 4, Identity));
        let stack = Stack::new(lower, trainer(1)).then(upper, trainer(1)).fine_tune(trainer(1));
        let fitted = stack.fit(Examples::of(x).held_out(held_out));
        fitted.map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(fit(&right, &right), Ok(()));
    let refused = |place: &str| Err(format!("level 1: 6 → 4: {place}: expected 2 rows, found 3"));
    assert_eq!(fit(&turned, &right), refused("fit"));
    assert_eq!(fit(&right, &turned), refused("validation"));
}
