//! Whatever works for a plain model works for a conditional one and for a classifier: each capability by one test
//! that runs over the three of them.

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::anomaly::{AnomalyDetector, AnomalyScore, CodeDistance, ScaledResidual};
use autoencoder::corruption::Masking;
use autoencoder::health::Checkup;
use autoencoder::random::Streams;
use autoencoder::*;
use common::each_kind;
use common::kinds::{CLASSES, Data, K, X, Z};
use nalgebra::Const;

/// What two ways to the same number may differ by, for numbers of size 1.
const ROUNDING: f64 = 1e-13;

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= ROUNDING * expected.abs().max(1.0));
    }
}

fn adam() -> Trainer<'static, Adam> {
    Trainer::new(Adam::new(0.02).unwrap()).epochs(3).batch_size(8).seed(5)
}

/// Draws, remembers from step to step, and adds to the gradient of parameters.
fn all_sorts() -> (Denoising<Masking>, (SparseKl, WeightDecay), Contractive) {
    let sparse = SparseKl::new(0.2, 0.3).unwrap().running(0.9).unwrap();
    (
        Denoising::new(Masking::new(0.3).unwrap()),
        (sparse, WeightDecay::new(0.1).unwrap()),
        Contractive::new(0.05).unwrap(),
    )
}

/// The objective of each epoch, in training and on what is held out.
fn course(report: &Report) -> Vec<(Terms, Option<Terms>)> {
    report.epochs.iter().map(|epoch| (epoch.terms.clone(), epoch.validation.clone())).collect()
}

#[test]
fn calls_into_and_on_one_sample_give_what_plain_calls_give() {
    each_kind!(|kind| {
        let (model, data) = (kind::build(NoRegularizer), Data::new(21, 1));
        let codes = model.encode(kind::given(&data)).unwrap();
        let outputs = model.decode(kind::beside(&data, &codes)).unwrap();
        assert_eq!(kind::reconstructed(&model, &data), outputs, "{}", kind::NAME);
        // Into what had another number of samples, with a workspace that was used before.
        let mut workspace = model.workspace();
        let mut into = (Batch::zeros(Const::<Z>, 3), Batch::zeros(Const::<{ kind::OUTPUTS }>, 50));
        for _ in 0..2 {
            model.encode_into(kind::given(&data), &mut into.0, &mut workspace).unwrap();
            model.decode_into(kind::beside(&data, &into.0), &mut into.1, &mut workspace).unwrap();
            assert_eq!((&into.0, &into.1), (&codes, &outputs), "{}", kind::NAME);
        }
        for at in 0..data.x.samples() {
            let code = model.encode_one(kind::one(&data, at)).unwrap();
            near(&code, codes.sample(at));
            let mut again = [f64::NAN; Z];
            model.encode_one_into(kind::one(&data, at), &mut again, &mut workspace).unwrap();
            assert_eq!(again[..], code);
            let beside = kind::beside_one(&data, at, codes.sample(at));
            near(&model.decode_one(beside).unwrap(), outputs.sample(at));
            near(&model.reconstruct_one(kind::one(&data, at)).unwrap(), outputs.sample(at));
            // Alone in a batch, to the bit.
            let alone = data.select([at]);
            assert_eq!(model.encode(kind::given(&alone)).unwrap().sample(0), codes.sample(at));
            let scores = model.score(kind::examples(&data)).unwrap();
            assert_eq!(model.score(kind::examples(&alone)).unwrap(), scores[at..=at]);
        }
        let scores = model.score(kind::examples(&data)).unwrap();
        let loss = model.loss(kind::examples(&data)).unwrap();
        near(&[scores.iter().sum::<f64>() / 21.0], &[loss.total()]);
    });
}

/// What only those have that reconstruct.
#[test]
fn reconstructions_into_and_scores_of_one_sample() {
    let data = Data::new(9, 2);
    let (x, c) = (&data.x, &data.conditions);
    let plain = common::kinds::plain::build(NoRegularizer);
    let conditional = common::kinds::conditional::build(NoRegularizer);
    let mut into = Batch::zeros(Const::<X>, 2);
    plain.reconstruct_into(x, &mut into, &mut plain.workspace()).unwrap();
    assert_eq!(into, plain.reconstruct(x).unwrap());
    conditional.reconstruct_into((x, c), &mut into, &mut conditional.workspace()).unwrap();
    assert_eq!(into, conditional.reconstruct((x, c)).unwrap());
    let scores = (plain.score(x).unwrap(), conditional.score((x, c)).unwrap());
    for at in 0..9 {
        let (x, c) = (x.sample(at), c.sample(at));
        near(&[plain.score_one(x).unwrap()], &scores.0[at..=at]);
        near(&[conditional.score_one((x, c)).unwrap()], &scores.1[at..=at]);
    }
}

/// Training leaves a frozen half as it is and changes all else.
#[test]
fn a_half_can_be_frozen() {
    each_kind!(|kind| {
        let data = Data::new(40, 2);
        let streams = || Some(Streams::new(1, 0, &[]));
        let gradient_of = |model: &kind::Model<_>| {
            let mut gradient = vec![f64::NAN; model.num_parameters()];
            model.objective(kind::examples(&data), streams(), Some(&mut gradient)).unwrap();
            gradient
        };
        let whole = gradient_of(&kind::build(all_sorts()));
        for is_encoder in [true, false] {
            let mut model = kind::build(all_sorts());
            if is_encoder {
                model.set_encoder_frozen(true);
            } else {
                model.set_decoder_frozen(true);
            }
            assert_eq!(
                (model.encoder().is_frozen(), model.decoder().is_frozen()),
                (is_encoder, !is_encoder)
            );
            let (before, gradient) = (model.parameters().to_vec(), gradient_of(&model));
            adam().fit(&mut model, kind::examples(&data)).unwrap();
            for tensor in model.layout().tensors() {
                let (name, place) =
                    (format!("{} {}", kind::NAME, tensor.name), tensor.range.clone());
                let is_frozen = tensor.name.starts_with("encoder") == is_encoder;
                assert_eq!(tensor.is_frozen, is_frozen, "{name}");
                let now = &model.parameters()[place.clone()];
                let moved = now.iter().zip(&before[place.clone()]).filter(|(a, b)| a != b).count();
                assert_eq!(moved, if is_frozen { 0 } else { place.len() }, "{name}");
                for at in place {
                    let expected = if is_frozen { 0.0 } else { whole[at] };
                    assert_eq!(gradient[at], expected, "{name}");
                }
            }
            model.set_encoder_frozen(false);
            model.set_decoder_frozen(false);
            assert_eq!(model.layout().num_trained(), model.num_parameters());
            assert!(gradient_of(&model).iter().all(|&g| g != 0.0));
        }
    });
}

/// A copy of a model has parts of its own: to freeze one is not ignored because the other has it too, and leaves
/// the other as it was.
#[test]
fn freezing_a_part_that_a_copy_has_too_is_not_ignored() {
    each_kind!(|kind| {
        let data = Data::new(20, 3);
        let model = kind::build(NoRegularizer);
        let encoder = model.encoder().clone();
        let mut copy = model.clone();
        copy.set_encoder_frozen(true);
        assert!(copy.encoder().is_frozen() && !model.encoder().is_frozen(), "{}", kind::NAME);
        assert!(!encoder.is_frozen());
        let mut trained = (model.clone(), copy.clone());
        adam().fit(&mut trained.0, kind::examples(&data)).unwrap();
        adam().fit(&mut trained.1, kind::examples(&data)).unwrap();
        let place = model.layout().get("encoder.1.bias").unwrap().range.end;
        assert_ne!(trained.0.parameters()[..place], model.parameters()[..place]);
        assert_eq!(trained.1.parameters()[..place], model.parameters()[..place]);
        assert_ne!(trained.1.parameters()[place..], model.parameters()[place..]);
        // A trained part, of which a copy is kept, too.
        let part = model.trained_encoder();
        let frozen = part.clone().frozen();
        assert!(frozen.is_frozen() && !part.is_frozen());
        let held = kind::rebuilt(frozen, model.trained_decoder());
        let free = kind::rebuilt(part, model.trained_decoder());
        assert!(held.encoder().is_frozen() && !free.encoder().is_frozen());
        assert_eq!(held.layout().num_trained(), model.num_parameters() - place);
        assert_eq!(free.layout().num_trained(), model.num_parameters());
    });
}

/// Trained parts make another model that gives the same, in which what was frozen stays frozen.
#[test]
fn trained_parts_are_rebuilt_into_another_model() {
    each_kind!(|kind| {
        let data = Data::new(30, 4);
        let mut model = kind::build(NoRegularizer);
        adam().fit(&mut model, kind::examples(&data)).unwrap();
        let codes = model.encode(kind::given(&data)).unwrap();
        let outputs = kind::reconstructed(&model, &data);
        for (of_encoder, of_decoder) in [(false, false), (true, false), (false, true), (true, true)]
        {
            model.set_encoder_frozen(of_encoder);
            model.set_decoder_frozen(of_decoder);
            let (encoder, decoder) = (model.trained_encoder(), model.trained_decoder());
            assert_eq!((encoder.is_frozen(), decoder.is_frozen()), (of_encoder, of_decoder));
            let mut again = kind::rebuilt(encoder, decoder);
            // And of that one another.
            let third = kind::rebuilt(again.trained_encoder(), again.trained_decoder());
            for tensors in [again.layout().tensors(), third.layout().tensors()] {
                for tensor in tensors {
                    let is_encoder = tensor.name.starts_with("encoder");
                    let is_frozen = if is_encoder { of_encoder } else { of_decoder };
                    assert_eq!(tensor.is_frozen, is_frozen, "{} {}", kind::NAME, tensor.name);
                }
            }
            assert_eq!(again.parameters(), model.parameters());
            assert_eq!(third.parameters(), model.parameters());
            assert_eq!(again.encode(kind::given(&data)).unwrap(), codes);
            assert_eq!(again.decode(kind::beside(&data, &codes)).unwrap(), outputs);
            assert_eq!(kind::reconstructed(&third, &data), outputs);
            let trained = adam().fit(&mut again, kind::examples(&data));
            match of_encoder && of_decoder {
                true => assert_eq!(trained.unwrap_err(), Error::NothingToTrain),
                false => assert!(trained.is_ok()),
            }
            let still = again.encode(kind::given(&data)).unwrap() == codes;
            assert_eq!(still, of_encoder, "{}", kind::NAME);
            let still = again.decode(kind::beside(&data, &codes)).unwrap() == outputs;
            assert_eq!(still, of_decoder, "{}", kind::NAME);
            // Unfrozen, all is trained.
            let free = model.trained_encoder().unfrozen();
            let free = kind::rebuilt(free, model.trained_decoder().unfrozen());
            assert_eq!(free.layout().num_trained(), free.num_parameters());
        }
    });
}

/// A classifier on a frozen encoder trains its head only, be the encoder an autoencoder's or a classifier's, and be
/// all of it frozen or its first layer.
#[test]
fn a_classifier_does_not_forget_what_was_frozen() {
    let data = Data::new(30, 4);
    let labels = (&data.x, &data.labels);
    let mut plain = common::kinds::plain::build(NoRegularizer);
    let mut first = common::kinds::classifier::build(NoRegularizer);
    plain.set_encoder_frozen(true);
    first.set_encoder_frozen(true);
    let head = (Z + 1) * CLASSES;
    macro_rules! check {
        ($model:expr) => {
            let mut classifier = $model.classifier::<CLASSES>().build::<f64>().unwrap();
            assert_eq!(classifier.layout().num_trained(), head);
            let codes = $model.encode(&data.x).unwrap();
            assert_eq!(classifier.encode(&data.x).unwrap(), codes);
            adam().fit(&mut classifier, labels).unwrap();
            assert_eq!(classifier.encode(&data.x).unwrap(), codes);
        };
    }
    check!(plain);
    check!(first);
    let layers = Dense::<X, 5>::new(Tanh).frozen().then(Dense::<5, Z>::new(Sigmoid));
    let in_part = AutoEncoder::builder().encoder(layers).classes::<2>().build::<f64>().unwrap();
    let classifier = in_part.classifier::<CLASSES>().build::<f64>().unwrap();
    assert_eq!(classifier.layout().num_trained(), (5 + 1) * Z + head);
}

/// The bits of the same samples in memory, without shuffling and where all are shuffled together.
#[test]
fn streams_give_the_bits_of_memory() {
    each_kind!(|kind| {
        let (data, others) = (Data::new(53, 5), Data::new(20, 6));
        for shuffle in [false, true] {
            let trainer = || adam().shuffle(shuffle).shuffle_buffer(if shuffle { 56 } else { 16 });
            let mut memory = kind::build(all_sorts());
            let examples = Examples::of(kind::examples(&data)).held_out(kind::examples(&others));
            let report = trainer().fit(&mut memory, examples).unwrap();
            let mut streamed = kind::build(all_sorts());
            let mut sources = data.sources();
            let examples = Examples::of(kind::streams(&mut sources));
            let examples = examples.held_out(kind::examples(&others));
            let of_stream = trainer().fit(&mut streamed, examples).unwrap();
            assert_eq!(streamed.parameters(), memory.parameters(), "{} {shuffle}", kind::NAME);
            assert_eq!(course(&of_stream), course(&report));
            // Without samples held out: the same parameters, from the stream as it was left.
            let mut alone = kind::build(all_sorts());
            trainer().fit(&mut alone, kind::streams(&mut sources)).unwrap();
            assert_eq!(alone.parameters(), memory.parameters());
        }
    });
}

/// Conditions and classes at once, in three streams: the bits of memory, and each must be of the same length.
#[test]
fn a_conditional_classifier_is_trained_from_streams() {
    use autoencoder::layer::Conditioned;
    let build = || {
        AutoEncoder::builder()
            .encoder(Conditioned::<X, K, _>::new(Dense::<{ X + K }, Z>::new(Tanh)))
            .head(Conditioned::<Z, K, _>::new(Dense::<{ Z + K }, CLASSES>::new(Identity)))
            .seed(3)
            .build::<f64>()
            .unwrap()
    };
    let (data, others) = (Data::new(53, 5), Data::new(20, 6));
    let trainer = || adam().shuffle(true).shuffle_buffer(56);
    let held_out = || (&others.x, &others.conditions, &others.labels);
    let examples = Examples::of((&data.x, &data.conditions, &data.labels)).held_out(held_out());
    let (mut memory, mut streamed) = (build(), build());
    let of_memory = trainer().fit(&mut memory, examples).unwrap();
    let mut all = data.sources();
    let streams = (&mut all.x, &mut all.conditions, &mut all.classes);
    let of_stream =
        trainer().fit(&mut streamed, Examples::of(streams).held_out(held_out())).unwrap();
    assert_ne!(memory.parameters(), build().parameters());
    assert_eq!(streamed.parameters(), memory.parameters());
    assert_eq!(course(&of_stream), course(&of_memory));
    // Swapped conditions change the result: they are what the model is told.
    let turned = data.select((0..53).rev());
    let (mut swapped, mut turned) = (build(), turned.sources());
    let streams = (&mut all.x, &mut turned.conditions, &mut all.classes);
    trainer().fit(&mut swapped, streams).unwrap();
    assert_ne!(swapped.parameters(), memory.parameters());

    let fewer = data.select(0..17);
    let mut few = fewer.sources();
    let refused = |error: Error| {
        assert!(matches!(error, Error::SizeMismatch { expected: 53, found: 17, .. }), "{error:?}");
    };
    let streams = (&mut all.x, &mut few.conditions, &mut all.classes);
    refused(trainer().fit(&mut build(), streams).unwrap_err());
    let streams = (&mut all.x, &mut all.conditions, &mut few.classes);
    refused(trainer().fit(&mut build(), streams).unwrap_err());
}

/// Two streams in step must be of one length, and what comes beside the samples must be what the model takes.
#[test]
fn streams_that_do_not_go_together_are_refused() {
    use autoencoder::data::InMemory;
    let data = Data::new(20, 1);
    let fewer = data.select(0..17);
    let mut conditional = common::kinds::conditional::build(NoRegularizer);
    let mut classifier = common::kinds::classifier::build(NoRegularizer);
    let before = (conditional.parameters().to_vec(), classifier.parameters().to_vec());
    let (mut all, mut few) = (data.sources(), fewer.sources());
    let refused = adam().fit(&mut conditional, (&mut all.x, &mut few.conditions)).unwrap_err();
    assert!(matches!(refused, Error::SizeMismatch { expected: 20, found: 17, .. }), "{refused:?}");
    let refused = adam().fit(&mut classifier, (&mut few.x, &mut all.classes)).unwrap_err();
    assert!(matches!(refused, Error::SizeMismatch { expected: 17, found: 20, .. }), "{refused:?}");
    // Found where it lies, in the second block of eight; labels are whole numbers.
    let fit = "fit";
    let value = Number(1.5);
    let label = |label| Error::Label { call: fit, sample: 13, label, classes: CLASSES };
    let cases = [
        (4.0, label(4)),
        (-1.0, label(-1)),
        (1.5, Error::NoClass { call: fit, sample: 13, value, classes: CLASSES }),
    ];
    for (class, expected) in cases {
        let mut classes: Vec<f64> = data.labels.iter().map(|&label| f64::from(label)).collect();
        classes[13] = class;
        let mut classes = InMemory::from(Batch::new(Const::<1>, classes).unwrap());
        let mut trainer = adam().shuffle(false).shuffle_buffer(8);
        let refused = trainer.fit(&mut classifier, (&mut all.x, &mut classes));
        assert_eq!(refused.unwrap_err(), expected);
        classifier.set_parameters(&before.1).unwrap();
    }
    let mut conditions = data.conditions.clone();
    conditions.as_mut_slice()[K * 3] = f64::NAN;
    let mut conditions = InMemory::from(&conditions);
    let refused = adam().fit(&mut conditional, (&mut all.x, &mut conditions)).unwrap_err();
    assert!(matches!(refused, Error::NotFinite { feature: 0, .. }), "{refused:?}");
    assert_eq!(conditional.parameters(), before.0);
}

#[test]
fn gradients_agree_with_finite_differences() {
    each_kind!(|kind| {
        for samples in [1, 7] {
            let data = Data::new(samples, 8);
            let weights: Vec<f64> = (0..samples).map(|at| 0.5 + at as f64).collect();
            macro_rules! check {
                ($model:expr) => {
                    let model = $model;
                    gradcheck::model(&model, kind::examples(&data), 1).unwrap().assert();
                    let weighted = Examples::of(kind::examples(&data)).weights(&weights);
                    gradcheck::model(&model, weighted, 2).unwrap().assert();
                };
            }
            check!(kind::build(NoRegularizer));
            check!(kind::build(all_sorts()));
            check!(kind::gaussian(NoRegularizer));
            let variational = || Variational::new(0.3).unwrap().draws(2).unwrap();
            check!(kind::gaussian((variational(), Contractive::new(0.1).unwrap())));
            check!(kind::gaussian(ImportanceWeighted::new(3).unwrap()));
        }
    });
}

#[test]
fn all_of_the_contract_holds() {
    each_kind!(|kind| {
        let data = Data::new(16, 9);
        contract::model(|| kind::build(all_sorts()), kind::examples(&data)).assert();
        let variational = || (Variational::new(0.3).unwrap(), CodeL1::new(0.01).unwrap());
        contract::model(|| kind::gaussian(variational()), kind::examples(&data)).assert();
    });
}

/// By the sample alone, with the condition held fixed; by central differences of fourth order of `encode`.
#[test]
fn the_jacobian_is_that_of_the_code_by_the_sample() {
    each_kind!(|kind| {
        let data = Data::new(9, 10);
        macro_rules! check {
            ($model:expr) => {
                let model = $model;
                let found = model.squared_jacobian(kind::given(&data)).unwrap();
                let mut expected = 0.0;
                for feature in 0..X {
                    let h = 1e-3;
                    let moved = |by: f64| {
                        let mut moved = data.select(0..9);
                        let features = moved.x.as_mut_slice()[feature..].iter_mut().step_by(X);
                        features.for_each(|x| *x += by);
                        model.encode(kind::given(&moved)).unwrap().into_vec()
                    };
                    let [a, b, c, d] = [h, -h, 2.0 * h, -2.0 * h].map(moved);
                    for at in 0..a.len() {
                        let slope = (8.0 * (a[at] - b[at]) - (c[at] - d[at])) / (12.0 * h);
                        expected += slope * slope / 9.0;
                    }
                }
                assert!(found.is_finite() && found > 0.0, "{}: {found}", kind::NAME);
                assert!(
                    (found / expected - 1.0).abs() < 1e-9,
                    "{}: {found} {expected}",
                    kind::NAME
                );
            };
        }
        check!(kind::build(NoRegularizer));
        check!(kind::gaussian(NoRegularizer));
    });
}

#[test]
fn a_checkup_looks_at_all_of_it() {
    each_kind!(|kind| {
        let data = Data::new(60, 11);
        let mut model = kind::build(NoRegularizer);
        adam().epochs(20).fit(&mut model, kind::examples(&data)).unwrap();
        let checkup = Checkup::of(&model, kind::examples(&data)).unwrap();
        assert_eq!((checkup.samples, checkup.inputs, checkup.units.len()), (60, X, Z));
        let jacobian = model.squared_jacobian(kind::given(&data)).unwrap().sqrt();
        near(&[checkup.jacobian.unwrap()], &[jacobian]);
        assert!(checkup.effective_dimension > 1.0 && checkup.kl.is_none());
        let mut gradient = vec![0.0; model.num_parameters()];
        model.objective(kind::examples(&data), None, Some(&mut gradient)).unwrap();
        for (of, tensor) in checkup.gradients.iter().zip(model.layout().tensors()) {
            assert_eq!(of.name, tensor.name);
            let squares = gradient[tensor.range.clone()].iter().map(|g| g * g).sum::<f64>();
            near(&[of.norm], &[squares.sqrt()]);
        }
        assert_eq!(checkup.accuracy.is_some(), kind::NAME == "classifier");
        assert_eq!(checkup.explained_variance.is_some(), kind::NAME != "classifier");
        let share = checkup.accuracy.or(checkup.explained_variance).unwrap();
        assert!(share.is_finite() && share <= 1.0 && !checkup.to_string().is_empty());
        // Of a Gaussian code also what each unit tells.
        let gaussian = kind::gaussian(Variational::default());
        let checkup = Checkup::of(&gaussian, kind::examples(&data)).unwrap();
        let kl = checkup.kl.unwrap();
        near(&kl, &gaussian.aggregated_posterior(kind::given(&data)).unwrap().kl);
    });
}

#[cfg(feature = "html")]
#[test]
fn a_report_is_written_and_names_the_parts_of_the_model() {
    use autoencoder::html::HtmlReport;
    let folder = common::Folder::new("kinds-html");
    each_kind!(|kind| {
        let data = Data::new(40, 12);
        let mut model = kind::build(WeightDecay::new(0.01).unwrap());
        let examples = || Examples::of(kind::examples(&data));
        let fit = adam().fit(&mut model, examples().held_out(kind::examples(&data)));
        let report = fit.unwrap();
        let page = HtmlReport::new(&model, &report, kind::examples(&data));
        let page = page.columns(["one", "two", "three"]);
        let file = folder.join(kind::NAME);
        page.write_to(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, page.to_html().unwrap());
        let text = text.replace("<wbr>", "");
        for tensor in model.layout().tensors() {
            assert!(text.contains(&format!(">{}<", tensor.name)), "{} {}", kind::NAME, tensor.name);
            assert!(text.contains(&tensor.layer), "{} {}", kind::NAME, tensor.layer);
        }
        let described = Regularizer::<f64>::describe(model.regularizer());
        for part in [
            described.as_str(),
            model.loss(kind::examples(&data)).unwrap().iter().next().unwrap().0,
        ] {
            assert!(text.contains(part), "{} {part}", kind::NAME);
        }
        if kind::NAME == "conditional" {
            assert!(text.contains("encoder: given a condition of 2 numbers"));
        }
    });
}

#[test]
fn a_detector_is_fitted_and_scores() {
    each_kind!(|kind| {
        let data = Data::new(120, 13);
        let [fitted, calibration, test] = [0..40, 40..80, 80..120].map(|part| data.select(part));
        let mut model = kind::build(NoRegularizer);
        adam().fit(&mut model, kind::examples(&data)).unwrap();
        let score = CodeDistance::new();
        let mut detector = AnomalyDetector::fit(model, score, kind::given(&fitted)).unwrap();
        let scores = detector.scores(kind::given(&test)).unwrap();
        assert!(scores.iter().all(|score| score.is_finite() && *score >= 0.0), "{}", kind::NAME);
        // Of samples far out on all sides some are odder than any of these.
        let mut far = test.select(0..8);
        for (corner, x) in far.x.as_mut_slice().chunks_exact_mut(X).enumerate() {
            x.iter_mut()
                .enumerate()
                .for_each(|(k, x)| *x = 60.0 * ((corner >> k) & 1) as f64 - 30.0);
        }
        let greatest = |scores: &[f64]| scores.iter().copied().fold(0.0, f64::max);
        let of_far = detector.scores(kind::given(&far)).unwrap();
        let (far, most) = (greatest(&of_far), greatest(&scores));
        assert!(far > most, "{}: {far} {most}", kind::NAME);
        let oddest = (0..40).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
        detector.calibrate(kind::given(&calibration)).unwrap();
        let p_values = detector.p_values(kind::given(&test)).unwrap();
        assert!(p_values.iter().all(|p| *p > 0.0 && *p <= 1.0));
        detector.set_false_alarm_rate(0.1).unwrap();
        let flagged = detector.detect(kind::given(&test)).unwrap();
        assert_eq!(flagged[oddest], p_values[oddest] <= 0.1);
        let of_features = detector.feature_scores(kind::given(&test)).unwrap();
        assert_eq!((of_features.features(), of_features.samples()), (X, 40));
        let mut workspace = detector.workspace();
        for (at, score) in scores.iter().enumerate() {
            let one = detector.score_one(kind::one(&test, at)).unwrap();
            assert!((one - score).abs() <= 1e-9 * score.max(1.0));
            let mut features = [f64::NAN; X];
            let into = detector.score_one_into(kind::one(&test, at), &mut features, &mut workspace);
            assert_eq!(into.unwrap(), one);
        }
        let why = detector.explain(kind::one(&test, oddest)).unwrap();
        assert!(why.p_value == Some(p_values[oddest]) && !why.to_string().is_empty());
        // A score chosen at run time; one that needs reconstructions is refused by a classifier.
        let model = detector.into_model();
        let boxed: Box<dyn AnomalyScore<f64>> = Box::new(CodeDistance::new());
        let again = AnomalyDetector::fit(model.clone(), boxed, kind::given(&fitted)).unwrap();
        assert_eq!(again.scores(kind::given(&test)).unwrap(), scores);
        let boxed: Box<dyn AnomalyScore<f64>> = Box::new(ScaledResidual::new());
        let fitted = AnomalyDetector::fit(model, boxed, kind::given(&fitted));
        match fitted {
            Ok(detector) if kind::NAME != "classifier" => {
                assert!(detector.scores(kind::given(&test)).unwrap().iter().all(|s| s.is_finite()));
            }
            Err(Error::InvalidParameter { .. }) if kind::NAME == "classifier" => {}
            other => panic!("{}: {other:?}", kind::NAME),
        }
    });
}

/// In the objective, its gradient and in training; a weight of 0 leaves a sample out.
#[test]
fn a_weight_of_two_is_the_sample_twice() {
    each_kind!(|kind| {
        let data = Data::new(5, 14);
        let (weights, columns) = ([1.0, 2.0, 0.0, 1.0, 3.0], [0, 1, 1, 3, 4, 4, 4]);
        let repeated = data.select(columns);
        let weighted = || Examples::of(kind::examples(&data)).weights(&weights);
        macro_rules! check {
            ($build:expr) => {
                let (mut a, mut b) = ($build, $build);
                let mut gradients = [(); 2].map(|()| vec![f64::NAN; a.num_parameters()]);
                let [of_weighted, of_repeated] = &mut gradients;
                let streams = Some(Streams::new(4, 0, &[0, 1, 2, 3, 4]));
                let one = a.objective(weighted(), streams, Some(of_weighted)).unwrap();
                let streams = Some(Streams::new(4, 0, &columns));
                let examples = kind::examples(&repeated);
                let other = a.objective(examples, streams, Some(of_repeated)).unwrap();
                near(&[one.total()], &[other.total()]);
                near(&gradients[0], &gradients[1]);
                let one = a.objective(weighted(), None, None).unwrap();
                near(&[one.total()], &[a.loss(kind::examples(&repeated)).unwrap().total()]);
                // All samples in one batch, and nothing that is drawn.
                let mut trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(4).shuffle(false);
                trainer.fit(&mut a, weighted()).unwrap();
                trainer.fit(&mut b, kind::examples(&repeated)).unwrap();
                near(a.parameters(), b.parameters());
            };
        }
        let (sparse, decay) =
            (|| SparseKl::new(0.2, 0.3).unwrap(), || WeightDecay::new(0.1).unwrap());
        check!(kind::build((sparse(), decay(), Contractive::new(0.1).unwrap())));
        check!(kind::gaussian(decay()));
    });
}

#[cfg(feature = "parallel")]
#[test]
fn the_same_bits_on_one_two_and_three_threads() {
    let digits = common::kinds::Digits::new();
    each_kind!(|kind| {
        let run = |threads: usize| {
            let mut model = kind::large();
            Trainer::new(Adam::new(1e-3).unwrap())
                .epochs(1)
                .batch_size(512)
                .threads(threads)
                .fit(&mut model, kind::of_digits(&digits))
                .unwrap();
            let score = model.score(kind::of_digits(&digits)).unwrap();
            let on_threads = Threads::new(threads).unwrap();
            assert_eq!(on_threads.run(|| model.score(kind::of_digits(&digits)).unwrap()), score);
            (model.parameters().to_vec(), score)
        };
        let one = run(1);
        assert_eq!(run(2), one, "{}", kind::NAME);
        assert_eq!(run(3), one, "{}", kind::NAME);
    });
}

#[cfg(feature = "safetensors")]
mod files {
    use super::*;
    use autoencoder::train::{Checkpoints, Event};
    use common::Folder;

    /// Stopped at each step by a panic of an observer, from memory and from streams.
    #[test]
    fn a_resumed_training_has_the_bits_of_one_that_never_stopped() {
        let folder = Folder::new("kinds-resume");
        each_kind!(|kind| {
            let (data, others) = (Data::new(23, 15), Data::new(9, 16));
            let trainer = || {
                adam()
                    .epochs(4)
                    .batch_size(5)
                    .shuffle_buffer(10)
                    .early_stopping(EarlyStopping::new(9).unwrap())
            };
            // Twenty steps: five batches an epoch, of a stream in blocks of ten.
            for of_stream in [false, true] {
                let run = |trainer: &mut Trainer<'_, Adam>| {
                    let mut model = kind::build(all_sorts());
                    let mut sources = data.sources();
                    let report = if of_stream {
                        let examples = Examples::of(kind::streams(&mut sources));
                        trainer.fit(&mut model, examples.held_out(kind::examples(&others)))
                    } else {
                        let examples = Examples::of(kind::examples(&data));
                        trainer.fit(&mut model, examples.held_out(kind::examples(&others)))
                    };
                    (model.parameters().to_vec(), course(&report.unwrap()))
                };
                let whole = run(&mut trainer());
                for stop in [1, 4, 5, 7, 12, 19] {
                    let path = folder.join(format!("{}-{of_stream}-{stop}", kind::NAME));
                    let checkpoints = || Checkpoints::new(&path).every_steps(1).resume(true);
                    let stopped = std::panic::catch_unwind(|| {
                        let mut steps = 0;
                        let observer = |event: &Event<'_>| {
                            steps += usize::from(matches!(event, Event::Batch(_)));
                            if steps > stop {
                                std::panic::resume_unwind(Box::new("stop"));
                            }
                        };
                        run(&mut trainer().checkpoints(checkpoints()).observer(observer));
                    });
                    assert!(stopped.is_err());
                    let mut steps = 0;
                    let count = |event: &Event<'_>| {
                        steps += usize::from(matches!(event, Event::Batch(_)));
                    };
                    let resumed = run(&mut trainer().checkpoints(checkpoints()).observer(count));
                    let name = format!("{}, stream {of_stream}, step {stop}", kind::NAME);
                    assert_eq!(steps, 20 - stop, "{name}: it went on where it was");
                    assert_eq!(resumed, whole, "{name}");
                }
            }
        });
    }

    /// The file of each kind, with the state of its regularizer.
    #[test]
    fn what_is_saved_is_loaded() {
        let folder = Folder::new("kinds-files");
        each_kind!(|kind| {
            let data = Data::new(30, 17);
            let file = folder.join(kind::NAME);
            let mut model = kind::build(all_sorts());
            adam().fit(&mut model, kind::examples(&data)).unwrap();
            model.save(&file).unwrap();
            let is_classifier = kind::NAME == "classifier";
            let described = inspect(&file).unwrap();
            assert_eq!(described.kind, if is_classifier { "classifier" } else { "model" });
            let mut loaded = kind::build(all_sorts());
            assert_ne!(loaded.parameters(), model.parameters());
            loaded.load(&file).unwrap();
            assert_eq!(loaded.parameters(), model.parameters());
            let (given, examples) = (kind::given(&data), kind::examples(&data));
            assert_eq!(loaded.encode(given).unwrap(), model.encode(given).unwrap());
            // The running means too, which the objective depends on.
            assert_eq!(loaded.loss(examples).unwrap(), model.loss(examples).unwrap());
            // Halves of it.
            let place = model.layout().get("encoder.1.bias").unwrap().range.end;
            let fresh = kind::build(NoRegularizer);
            let (mut encoder, mut decoder) = (fresh.clone(), fresh.clone());
            encoder.load_encoder(&file).unwrap();
            assert_eq!(encoder.parameters()[..place], model.parameters()[..place]);
            assert_eq!(encoder.parameters()[place..], fresh.parameters()[place..]);
            decoder.load_decoder(&file).unwrap();
            assert_eq!(decoder.parameters()[..place], fresh.parameters()[..place]);
            assert_eq!(decoder.parameters()[place..], model.parameters()[place..]);
            // What was frozen is no part of a file, and stays as it was.
            loaded.set_encoder_frozen(true);
            loaded.load(&file).unwrap();
            assert!(loaded.encoder().is_frozen());
        });
        // One kind's file is not another's.
        let file = |name: &str| folder.join(name);
        let mut plain = common::kinds::plain::build(all_sorts());
        let mut conditional = common::kinds::conditional::build(all_sorts());
        let mut classifier = common::kinds::classifier::build(all_sorts());
        for refused in [
            plain.load(file("conditional")),
            plain.load(file("classifier")),
            conditional.load(file("plain")),
            conditional.load(file("classifier")),
            classifier.load(file("plain")),
            classifier.load(file("conditional")),
            conditional.load_encoder(file("plain")),
            classifier.load_encoder(file("conditional")),
            classifier.load_decoder(file("plain")),
        ] {
            assert!(matches!(refused, Err(Error::DoesNotFit { .. })), "{refused:?}");
        }
        // But an encoder is an encoder.
        classifier.load_encoder(file("plain")).unwrap();
        plain.load_encoder(file("classifier")).unwrap();
    }

    /// A detector with its model and what it has learned.
    #[test]
    fn a_detector_is_saved_and_loaded() {
        let folder = Folder::new("kinds-detector");
        each_kind!(|kind| {
            let data = Data::new(40, 18);
            let file = folder.join(kind::NAME);
            let mut model = kind::build(NoRegularizer);
            adam().fit(&mut model, kind::examples(&data)).unwrap();
            let detector = AnomalyDetector::fit(model, CodeDistance::new(), kind::given(&data));
            let detector = detector.unwrap();
            detector.save(&file).unwrap();
            let fresh = kind::build(NoRegularizer);
            let loaded = AnomalyDetector::load(fresh, CodeDistance::new(), &file).unwrap();
            let scores = detector.scores(kind::given(&data)).unwrap();
            assert_eq!(loaded.scores(kind::given(&data)).unwrap(), scores, "{}", kind::NAME);
        });
    }
}
