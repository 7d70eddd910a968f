//! What a training goes on with, and what it says of it; what is odd in the data is named before the rate is blamed.

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::data::{InMemory, Normalization, Normalizer};
use autoencoder::train::{Event, Warning};
use autoencoder::*;
use nalgebra::Const;

type Rows = Batch<f32, Const<4>>;

/// Rows around (0.2, 0.4, 0.6, 0.8), times a scale.
fn rows(scales: [f64; 4]) -> Rows {
    Batch::from_iter((0..100).map(|row| {
        std::array::from_fn(|column| {
            let wave = 0.1 * (0.7 * (row * (column + 2)) as f64).sin();
            (scales[column] * (0.2 * (column + 1) as f64 + wave)) as f32
        })
    }))
}

type Model<A> = AutoEncoder<
    layer::DenseLayer<Const<4>, Const<2>, Tanh>,
    layer::DenseLayer<Const<2>, Const<4>, A>,
    NoRegularizer,
    SquaredError,
>;

fn net<A: Activation<f32> + activation::Ranged + Clone + Copy + 'static>(output: A) -> Model<A> {
    AutoEncoder::builder()
        .encoder(Dense::<4, 2>::new(Tanh))
        .decoder(Dense::<2, 4>::new(output))
        .build::<f32>()
        .unwrap()
}

fn train<'a>(epochs: usize) -> Trainer<'a, Adam> {
    Trainer::new(Adam::new(1e-3).unwrap()).epochs(epochs)
}

/// The warnings of a training on these rows, in memory and from a stream, and with what is heard of them.
fn warnings<A>(model: &Model<A>, x: &Rows) -> Vec<Warning>
where
    A: Activation<f32> + activation::Ranged + Clone + Copy + 'static,
{
    let mut heard = Vec::new();
    let observer = |event: &Event<'_>| {
        if let Event::Warning(warning) = event {
            heard.push((*warning).clone());
        }
    };
    let report = train(2).observer(observer).fit(&mut model.clone(), x).unwrap();
    assert_eq!(heard, report.warnings);
    let streamed = train(2).shuffle_buffer(30).fit(&mut model.clone(), &mut InMemory::from(x));
    assert_eq!(streamed.unwrap().warnings, report.warnings);
    for warning in &report.warnings {
        assert!(report.to_string().contains(&format!("\nwarning: {warning}")), "{report}");
    }
    report.warnings
}

#[test]
fn good_data_is_not_warned_of() {
    assert_eq!(warnings(&net(Identity), &rows([1.0; 4])), []);
    assert_eq!(warnings(&net(Sigmoid), &rows([1.0; 4])), []);
    assert_eq!(warnings(&net(Tanh), &rows([1.0, -1.0, 1.0, -1.0])), []);
    assert_eq!(warnings(&net(Relu), &rows([1.0, 1e3, 1.0, 10.0])), []);
    // A hair beyond the ends.
    assert_eq!(warnings(&net(Sigmoid), &rows([1.0, 1.0, 1.0, 1.15])), []);
    // A feature of zeros has no size.
    assert_eq!(warnings(&net(Identity), &rows([1.0, 0.0, 1.0, 1.0])), []);
}

#[test]
fn values_that_no_output_comes_near() {
    let outside = |model: &[Warning]| match model {
        [Warning::OutsideRange { share, range }] => (*share, *range),
        other => panic!("{other:?}"),
    };
    // Σ (x − 1)² over Σ (x − mean)², in each of four columns of pixels from 0 to 255.
    let pixels = rows([255.0; 4]);
    let columns = || (0..4).map(|column| pixels.iter().map(move |row| f64::from(row[column])));
    let beyond: f64 = columns().flatten().map(|x| (x - 1.0).max(0.0).powi(2)).sum();
    let around: f64 = columns()
        .map(|column| {
            let mean = column.clone().sum::<f64>() / 100.0;
            column.map(|x| (x - mean).powi(2)).sum::<f64>()
        })
        .sum();
    let (share, range) = outside(&warnings(&net(Sigmoid), &pixels));
    assert!((share / (beyond / around) - 1.0).abs() < 1e-9, "{share} {}", beyond / around);
    assert_eq!(range, (0.0, 1.0));
    // Values from −3 to 3 and tanh; negative ones and a rectifier.
    let mut wide = pixels.clone();
    let range = Normalization::MinMax { low: -3.0, high: 3.0 };
    Normalizer::fit(range, &wide.clone()).unwrap().apply(wide.view_mut()).unwrap();
    assert_eq!(outside(&warnings(&net(Tanh), &wide)).1, (-1.0, 1.0));
    let (share, range) = outside(&warnings(&net(Relu), &rows([-1.0; 4])));
    assert!(share > 1.0 && range == (0.0, f64::INFINITY));
    assert_eq!(warnings(&net(Identity), &pixels), []);
    // What a normalizer has scaled is judged as it is scaled.
    let range = Normalization::MinMax { low: 0.0, high: 1.0 };
    let normalizer = Normalizer::fit(range, &pixels).unwrap();
    let mut scaled = AutoEncoder::builder()
        .encoder(Dense::<4, 2>::new(Tanh))
        .decoder(Dense::<2, 4>::new(Sigmoid))
        .normalizer(normalizer)
        .build::<f32>()
        .unwrap();
    assert_eq!(train(1).fit(&mut scaled, &pixels).unwrap().warnings, []);
    // Constant, and outside.
    let constant: Rows = Batch::from_iter([[7.0; 4]; 10]);
    let (share, _) = outside(&warnings(&net(Sigmoid), &constant));
    assert_eq!(share, f64::INFINITY);
    // A loss that takes logits has no such range; one that has a domain refuses.
    let mut logits = AutoEncoder::builder()
        .encoder(Dense::<4, 2>::new(Tanh))
        .decoder(Dense::<2, 4>::new(Identity))
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .unwrap();
    assert_eq!(train(1).fit(&mut logits, &rows([1.0; 4])).unwrap().warnings, []);
}

#[test]
fn columns_of_very_different_sizes() {
    let found = warnings(&net(Identity), &rows([1.0, 1e9, 1.0, 1.0]));
    let [Warning::Scales { large: 1, small: 0, ratio }] = found[..] else { panic!("{found:?}") };
    // (0.4 + 0.1) · 1e9 beside 0.2 + 0.1.
    assert!((1.6e9..1.7e9).contains(&ratio), "{ratio}");
    assert!(found[0].to_string().contains("`normalizer`"), "{}", found[0]);
    assert_eq!(warnings(&net(Identity), &rows([1.0, 1e4, 1.0, 1.0])), []);
    let x = rows([1.0, 1e9, 1.0, 1.0]);
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<4, 2>::new(Tanh))
        .decoder(Dense::<2, 4>::new(Identity))
        .normalizer(Normalizer::fit(Normalization::Standardize, &x).unwrap())
        .build::<f32>()
        .unwrap();
    assert_eq!(train(1).fit(&mut model, &x).unwrap().warnings, []);
}

#[test]
fn one_absurd_cell_is_named() {
    let mut x = rows([1.0; 4]);
    x.as_mut_slice()[4 * 37 + 2] = 1e20;
    // It diverges: its square is no number of single precision.
    let mut model = net(Identity);
    let error = Trainer::new(Sgd::new(0.1).unwrap()).fit(&mut model, &x).unwrap_err();
    let Error::Diverged { outlier: Some(outlier), .. } = &error else { panic!("{error}") };
    assert_eq!((outlier.sample, outlier.feature), (37, 2));
    assert_eq!(outlier.value, Number(f64::from(1e20_f32)));
    let others = x.iter().enumerate().filter(|(sample, _)| *sample != 37);
    let squares: f64 = others.map(|(_, row)| f64::from(row[2]).powi(2)).sum();
    let typical = (squares / 99.0).sqrt();
    assert!((outlier.typical.0 / typical - 1.0).abs() < 1e-12, "{outlier}, {typical}");
    let text = error.to_string();
    let named = "feature 2 of sample 37 (counted from 0) is 1.0000000200408773e20";
    let (cell, rate) = (text.find(named).unwrap(), text.find("smaller learning rate").unwrap());
    assert!(cell < rate, "{text}");
    // From a stream as well, and one that is only large enough to diverge.
    let streamed = Trainer::new(Sgd::new(0.1).unwrap()).fit(&mut model, &mut InMemory::from(&x));
    assert_eq!(streamed.unwrap_err(), error);
    x.as_mut_slice()[4 * 37 + 2] = -1e5;
    let error = Trainer::new(Sgd::new(2.0).unwrap()).epochs(200).fit(&mut net(Identity), &x);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("feature 2 of sample 37 (counted from 0) is -100000.0"), "{text}");
    // What is no outlier is not blamed.
    let error = Trainer::new(Sgd::new(1e30).unwrap()).fit(&mut net(Identity), &rows([1.0; 4]));
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Diverged { outlier: None, .. }), "{error}");

    // Where it does not diverge it is warned of, and others are judged without it.
    x.as_mut_slice()[4 * 37 + 2] = 1e9;
    let found = warnings(&net(Identity), &x);
    let [Warning::Outlier { outlier, is_held_out: false }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((outlier.sample, outlier.feature, outlier.value), (37, 2, Number(1e9)));
}

/// A normalizer that was fitted to it makes room for it, and others shrink to nothing.
#[test]
fn a_normalizer_does_not_hide_a_cell_that_it_was_fitted_to() {
    let least_to_greatest = Normalization::MinMax { low: -1.0, high: 1.0 };
    for normalization in [Normalization::Standardize, least_to_greatest] {
        let train = |x: &Rows, held_out: Option<&Rows>| {
            let mut model = AutoEncoder::builder()
                .encoder(Dense::<4, 2>::new(Tanh))
                .decoder(Dense::<2, 4>::new(Identity))
                .normalizer(Normalizer::fit(normalization, x).unwrap())
                .build::<f32>()
                .unwrap();
            let examples = Examples::of(x);
            let examples = match held_out {
                Some(held_out) => examples.held_out(held_out),
                None => examples,
            };
            train(2).fit(&mut model, examples).map(|report| report.warnings)
        };
        // Also features that are rarely anything but 0, or constant, or of other sizes: no outliers.
        let mut rare = rows([1.0, 1e3, 10.0, 1.0]);
        rare.as_mut_slice().chunks_exact_mut(4).for_each(|row| (row[0], row[3]) = (0.0, 7.0));
        rare.as_mut_slice()[4 * 61] = 1.0;
        assert_eq!(train(&rare, None).unwrap(), [], "{normalization:?}");
        for value in [1e7, 1e12, -1e20] {
            let mut x = rows([1.0, 1e3, 10.0, 1.0]);
            x.as_mut_slice()[4 * 61 + 2] = value;
            let found = train(&x, None).unwrap();
            let [Warning::Outlier { outlier, is_held_out: false }] = &found[..] else {
                panic!("{normalization:?}, {value}: {found:?}")
            };
            assert_eq!((outlier.sample, outlier.feature), (61, 2));
            assert!((outlier.value.0 / f64::from(value) - 1.0).abs() < 1e-5, "{outlier}");
            // In samples held out it says how good the model is.
            let good = rows([1.0, 1e3, 10.0, 1.0]);
            let outlier = match train(&good, Some(&x)) {
                Ok(found) => match &found[..] {
                    [Warning::Outlier { outlier, is_held_out: true }] => outlier.clone(),
                    other => panic!("{normalization:?}, {value}: {other:?}"),
                },
                Err(Error::Diverged { outlier: Some(outlier), .. }) => outlier,
                Err(error) => panic!("{error}"),
            };
            assert_eq!((outlier.sample, outlier.feature), (61, 2));
        }
    }
}

#[test]
fn sparse_data_is_not_blamed_for_a_rate() {
    let mut x: Rows = Batch::from_iter([[0.0; 4]; 3000]);
    for sample in (0..3000).step_by(601) {
        x.as_mut_slice()[4 * sample + sample % 3] = 1.0;
    }
    let error = Trainer::new(Sgd::new(1e30).unwrap()).fit(&mut net(Identity), &x).unwrap_err();
    assert!(matches!(error, Error::Diverged { outlier: None, .. }), "{error}");
    assert_eq!(warnings(&net(Identity), &x), []);
}

#[test]
fn values_of_a_size_that_layers_do_not_begin_with() {
    let found = warnings(&net(Identity), &rows([1e8, 1e8, 1e8, 1e8]));
    let [Warning::Magnitude { feature: 3, size }] = found[..] else { panic!("{found:?}") };
    assert!((8e7..9.1e7).contains(&size), "{size}");
    let found = warnings(&net(Identity), &rows([1e-6, 1e-6, 1e-6, 1e-6]));
    let [Warning::Magnitude { size, .. }] = found[..] else { panic!("{found:?}") };
    assert!((8e-7..9.1e-7).contains(&size), "{size}");
}

#[test]
fn an_outlier_is_told_in_the_users_units() {
    let mut x = rows([10.0; 4]);
    let normalizer = Normalizer::fit(Normalization::Standardize, &x).unwrap();
    x.as_mut_slice()[4 * 5 + 1] = 1e9;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<4, 2>::new(Tanh))
        .decoder(Dense::<2, 4>::new(Identity))
        .normalizer(normalizer)
        .build::<f32>()
        .unwrap();
    let found = train(1).fit(&mut model, &x).unwrap().warnings;
    let [Warning::Outlier { outlier, is_held_out: false }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((outlier.sample, outlier.feature), (5, 1));
    assert!((outlier.value.0 / 1e9 - 1.0).abs() < 1e-5, "{outlier}");
}

/// With a Gaussian encoder.
fn gaussian<R>(regularizer: R, x: &Rows) -> Vec<Warning>
where
    R: Regularizer<f32> + 'static,
{
    let regularizer: Box<dyn Regularizer<f32>> = Box::new(regularizer);
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<4, 3>::new(Tanh),
            Dense::<3, 2>::new(Identity),
            Dense::<3, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 4>::new(Identity))
        .regularizer(regularizer)
        .build::<f32>()
        .unwrap();
    train(2).fit(&mut model, x).unwrap().warnings
}

#[test]
fn log_variances_that_nothing_trains() {
    let x = rows([1.0; 4]);
    assert_eq!(gaussian(NoRegularizer, &x), [Warning::UntrainedVariance]);
    assert_eq!(gaussian(WeightDecay::new(1e-3).unwrap(), &x), [Warning::UntrainedVariance]);
    assert_eq!(gaussian(CodeL1::new(1e-3).unwrap(), &x), [Warning::UntrainedVariance]);
    assert_eq!(gaussian(Variational::new(1.0).unwrap(), &x), []);
    assert_eq!(gaussian(Variational::new(0.0).unwrap(), &x), [], "the draw is enough");
    assert_eq!(gaussian(ImportanceWeighted::new(3).unwrap(), &x), []);
    let text = Warning::UntrainedVariance.to_string();
    assert!(text.contains("`Variational`"), "{text}");
}

#[test]
fn what_is_frozen_as_a_whole_is_refused() {
    let x = rows([1.0; 4]);
    let mut model = net(Identity);
    model.set_encoder_frozen(true);
    assert!(train(1).fit(&mut model, &x).is_ok());
    model.set_decoder_frozen(true);
    let before = model.parameters().to_vec();
    assert_eq!(train(1).fit(&mut model, &x).unwrap_err(), Error::NothingToTrain);
    assert_eq!(
        train(1).fit(&mut model, &mut InMemory::from(&x)).unwrap_err(),
        Error::NothingToTrain
    );
    assert_eq!(model.parameters(), before);
    model.set_encoder_frozen(false);
    assert!(train(1).fit(&mut model, &x).is_ok());
}
