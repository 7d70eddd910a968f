//! What a code has learned, against closed forms, finite differences and random search.

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::data::Normalization;
use autoencoder::random::seeded;
use autoencoder::units::{Ascent, decoder_columns, filters, preferred_inputs, saliency};
use autoencoder::{
    AutoEncoder, Batch, BernoulliCrossEntropy, Conditioned, Dense, Error, Float, Gaussian,
    Normalizer, Then, Variational, nalgebra::Const,
};

/// A rule to go by for maxima: their place is known to the root of the precision.
const PLACE: f64 = 1e-6;

macro_rules! deep {
    ($seed:expr) => {
        AutoEncoder::builder()
            .encoder(Dense::<6, 12>::new(Tanh).then(Dense::<12, 4>::new(Sigmoid)))
            .decoder(Dense::<4, 12>::new(Tanh).then(Dense::<12, 6>::new(Identity)))
            .seed($seed)
    };
}

fn normals<const N: usize>(samples: usize, seed: u64) -> Batch<f64, Const<N>> {
    let rng = &mut seeded(seed);
    (0..samples).map(|_| std::array::from_fn(|_| f64::draw_normal(rng))).collect()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn ascent_finds_the_closed_form_of_one_layer() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<9, 5>::new(Sigmoid))
        .decoder(Dense::<5, 9>::new(Identity))
        .seed(1)
        .build::<f64>()
        .unwrap();
    let exact = filters(&model);
    let weights = model.parameter("encoder.0.weight").unwrap();
    for starts in [0, 3] {
        let found = preferred_inputs(&model, Ascent::default().starts(starts)).unwrap();
        for unit in 0..5 {
            let row: Vec<f64> = (0..9).map(|k| weights[k * 5 + unit]).collect();
            for (k, w) in row.iter().enumerate() {
                assert!((exact.sample(unit)[k] - w / norm(&row)).abs() < 1e-15);
                assert!((found.inputs.sample(unit)[k] - exact.sample(unit)[k]).abs() < PLACE);
            }
            // Biases are 0 at first.
            let greatest = 1.0 / (1.0 + (-norm(&row)).exp());
            assert!((found.activations[unit] - greatest).abs() < 1e-12);
        }
    }
}

#[test]
fn no_random_input_excites_a_deep_unit_more() {
    for seed in 0..5 {
        let mut model = deep!(seed).build::<f64>().unwrap();
        // Far from linear.
        let parameters: Vec<f64> = model.parameters().iter().map(|p| 3.0 * p).collect();
        model.set_parameters(&parameters).unwrap();
        let found = preferred_inputs(&model, Ascent::default().starts(8)).unwrap();
        let at = model.encode(&found.inputs).unwrap();
        for (unit, x) in found.inputs.iter().enumerate() {
            assert!((norm(x) - 1.0).abs() < 1e-12);
            assert!((at.sample(unit)[unit] - found.activations[unit]).abs() < 1e-12);
        }
        let mut random = normals::<6>(200_000, seed + 10);
        for x in random.as_mut_slice().chunks_exact_mut(6) {
            let norm = norm(x);
            x.iter_mut().for_each(|x| *x /= norm);
        }
        for code in model.encode(&random).unwrap().iter() {
            for (h, best) in code.iter().zip(&found.activations) {
                assert!(h <= best, "{h} {best}");
            }
        }
        // The gradient has no part along the sphere.
        for (unit, x) in found.inputs.iter().enumerate() {
            let g = saliency(&model, x, unit).unwrap();
            let along: f64 = x.iter().zip(&g).map(|(x, g)| x * g).sum();
            let across: Vec<f64> = x.iter().zip(&g).map(|(x, g)| g - along * x).collect();
            assert!(norm(&across) < 1e-5 * norm(&g), "{} {}", norm(&across), norm(&g));
        }
    }
}

#[test]
fn every_option_of_the_ascent_matters_and_it_is_reproducible() {
    let mut model = deep!(3).build::<f64>().unwrap();
    let parameters: Vec<f64> = model.parameters().iter().map(|p| 6.0 * p).collect();
    model.set_parameters(&parameters).unwrap();
    let of = |ascent| preferred_inputs(&model, ascent).unwrap();
    let one = of(Ascent::default().steps(3).starts(2));
    assert_eq!(one, of(Ascent::default().steps(3).starts(2)));
    assert_ne!(one, of(Ascent::default().steps(4).starts(2)));
    assert_ne!(one, of(Ascent::default().steps(3).starts(20)));
    assert_ne!(
        of(Ascent::default().steps(1).starts(9)),
        of(Ascent::default().steps(1).starts(9).seed(1))
    );
    // More starts, and more steps, are never worse.
    let better = of(Ascent::default().steps(30).starts(20));
    assert!(better.activations.iter().zip(&one.activations).all(|(a, b)| a >= b));
    let error = preferred_inputs(&model, Ascent::default().steps(0)).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "Ascent steps", .. }));
}

#[test]
fn units_without_weights_or_gradient_are_no_trouble() {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<4, 3>::new(Relu))
        .decoder(Dense::<3, 4>::new(Identity))
        .build::<f64>()
        .unwrap();
    let mut parameters = model.parameters().to_vec();
    for k in 0..4 {
        parameters[3 * k] = 0.0;
    }
    parameters[12..15].copy_from_slice(&[0.0, -100.0, 0.0]);
    model.set_parameters(&parameters).unwrap();
    let exact = filters(&model);
    assert_eq!(exact.sample(0), [0.0; 4]);
    assert!((norm(exact.sample(1)) - 1.0).abs() < 1e-15);
    let found = preferred_inputs(&model, Ascent::default()).unwrap();
    assert!(found.inputs.iter().all(|x| (norm(x) - 1.0).abs() < 1e-12));
    assert_eq!(found.activations[..2], [0.0, 0.0]);
}

#[test]
fn saliency_agrees_with_finite_differences_in_every_element() {
    let model = deep!(4).build::<f64>().unwrap();
    let gaussian = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<6, 8>::new(Tanh),
            Dense::<8, 3>::new(Identity),
            Dense::<8, 3>::new(Identity),
        ))
        .decoder(Dense::<3, 6>::new(Identity))
        .regularizer(Variational::new(1.0).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    let conditional = AutoEncoder::builder()
        .encoder(Conditioned::<6, 2, _>::new(Dense::<8, 5>::new(Tanh)))
        .decoder(Conditioned::<5, 2, _>::new(Dense::<7, 6>::new(Identity)))
        .build::<f64>()
        .unwrap();
    let classifier = AutoEncoder::builder()
        .encoder(Dense::<6, 8>::new(Tanh).then(Dense::<8, 4>::new(Sigmoid)))
        .classes::<3>()
        .build::<f64>()
        .unwrap();
    let c = [0.7, -0.4];
    for x in normals::<6>(10, 5).iter() {
        let salient = |x: &[f64], unit: usize| saliency(&conditional, (x, &c), unit).unwrap();
        check(x, 5, salient, |x| conditional.encode_one((x, &c)).unwrap());
        let salient = |x: &[f64], unit: usize| saliency(&classifier, x, unit).unwrap();
        check(x, 4, salient, |x| classifier.encode_one(x).unwrap());
        check(x, 4, |x, unit| saliency(&model, x, unit).unwrap(), |x| model.encode_one(x).unwrap());
        let salient = |x: &[f64], unit: usize| saliency(&gaussian, x, unit).unwrap();
        check(x, 3, salient, |x| gaussian.encode_one(x).unwrap());
    }
    fn check(
        x: &[f64],
        units: usize,
        salient: impl Fn(&[f64], usize) -> Vec<f64>,
        code: impl Fn(&[f64]) -> Vec<f64>,
    ) {
        const STEP: f64 = 1e-5;
        for unit in 0..units {
            for (k, &analytic) in salient(x, unit).iter().enumerate() {
                let moved = |by: f64| {
                    let mut x = x.to_vec();
                    x[k] += by;
                    code(&x)[unit]
                };
                let numeric = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                assert!((analytic - numeric).abs() < 1e-9, "{analytic} {numeric}");
            }
        }
    }
}

#[test]
fn with_a_normalizer_all_is_in_normalized_units() {
    let scales = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
    let normalizer = Normalizer::from_parts(Normalization::Standardize, [3.0; 6], scales).unwrap();
    let plain = deep!(5).build::<f64>().unwrap();
    let model = deep!(5).normalizer(normalizer.clone()).build::<f64>().unwrap();
    let ascent = Ascent::default().steps(20);
    assert_eq!(preferred_inputs(&model, ascent), preferred_inputs(&plain, ascent));
    assert_eq!(decoder_columns(&model), decoder_columns(&plain));
    let normalized = normals::<6>(1, 6);
    let mut raw = normalized.clone();
    normalizer.undo(raw.view_mut()).unwrap();
    let (a, b) = (saliency(&model, raw.sample(0), 2), saliency(&plain, normalized.sample(0), 2));
    for (a, b) in a.unwrap().iter().zip(b.unwrap()) {
        assert!((a - b).abs() < 1e-14);
    }
}

#[test]
fn decoder_columns_are_differences_of_reconstructions() {
    let model = deep!(6).build::<f64>().unwrap();
    let columns = decoder_columns(&model);
    assert_eq!((columns.features(), columns.samples()), (6, 4));
    let at_rest = model.decode_one(&[0.0; 4]).unwrap();
    for (unit, column) in columns.iter().enumerate() {
        let mut code = [0.0; 4];
        code[unit] = 1.0;
        let response = model.decode_one(&code).unwrap();
        for ((x, y), z) in column.iter().zip(&response).zip(&at_rest) {
            assert!((x - (y - z)).abs() < 1e-14);
        }
    }
}

#[test]
fn decoder_columns_of_a_classifier_are_those_of_its_head() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<6, 4>::new(Tanh))
        .classes::<3>()
        .build::<f64>()
        .unwrap();
    let head = model.layout().tensors().iter().find(|tensor| tensor.shape == (3, 4)).unwrap();
    let columns = decoder_columns(&model);
    assert_eq!((columns.features(), columns.samples()), (3, 4));
    for (added, weight) in columns.as_slice().iter().zip(&model.parameters()[head.range.clone()]) {
        assert!((added - weight).abs() < 1e-15);
    }
    // And the inputs that excite its code's units are those of any encoder.
    let found = preferred_inputs(&model, Ascent::default()).unwrap();
    for (found, exact) in found.inputs.as_slice().iter().zip(filters(&model).as_slice()) {
        assert!((found - exact).abs() < PLACE);
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let model = deep!(7).build::<f64>().unwrap();
    let error = saliency(&model, &[0.0; 6], 4).unwrap_err();
    assert!(matches!(error, Error::InvalidParameter { name: "saliency unit", .. }));
    let error = saliency(&model, &vec![0.0; 5], 0).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { place: "saliency", found: 5, .. }));
    let error = saliency(&model, &[0.0, 0.0, f64::NAN, 0.0, 0.0, 0.0], 0).unwrap_err();
    assert!(matches!(error, Error::NotFinite { call: "saliency", feature: 2, .. }));
}
