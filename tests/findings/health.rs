//! Health, on models in which the illness is planted, and against its definitions.

use autoencoder::activation::{Identity, Relu, Sigmoid, Tanh};
use autoencoder::health::*;
use autoencoder::*;
use nalgebra::{Const, Dyn};

/// A model whose parameters of the code unit are replaced: all its weights and its bias.
fn planted<E, D, R, L>(
    mut model: AutoEncoder<E, D, R, L, f64>,
    layer: &str,
    unit: usize,
    weight: f64,
    bias: f64,
) -> AutoEncoder<E, D, R, L, f64> {
    let mut parameters = model.parameters().to_vec();
    let tensor = model.layout().get(&format!("{layer}.weight")).unwrap();
    let weights = &mut parameters[tensor.range.clone()];
    weights.iter_mut().skip(unit).step_by(tensor.shape.0).for_each(|w| *w = weight);
    let biases = model.layout().get(&format!("{layer}.bias")).unwrap().range.start;
    parameters[biases + unit] = bias;
    model.set_parameters(&parameters).unwrap();
    model
}

macro_rules! model {
    ($activation:expr) => {
        AutoEncoder::builder()
            .encoder(Dense::<64, 12>::new($activation))
            .decoder(Dense::<12, 64>::new(Identity))
            .build::<f64>()
            .unwrap()
    };
}

#[test]
fn a_planted_unit_is_found_and_named_whatever_the_range() {
    let x = datasets::digits::<f64>().test;
    let found = |checkup: Checkup| {
        let of = |state| checkup.units_that_are(state);
        (of(UnitState::Dead), of(UnitState::Saturated))
    };
    // Without anything planted all is well.
    assert_eq!(found(Checkup::of(&model!(Sigmoid), &x).unwrap()), (vec![], vec![]));
    assert_eq!(found(Checkup::of(&model!(Tanh), &x).unwrap()), (vec![], vec![]));
    assert_eq!(found(Checkup::of(&model!(Identity), &x).unwrap()), (vec![], vec![]));
    // Off: σ(−5) = 0.0067; tanh 0 = 0; tanh −3 = −0.995; max(−1, 0) = 0; a constant.
    for (checkup, words) in [
        (Checkup::of(&planted(model!(Sigmoid), "encoder.0", 7, 0.0, -5.0), &x), "exceeds 0.05"),
        (Checkup::of(&planted(model!(Tanh), "encoder.0", 7, 0.0, 0.0), &x), "±0.05"),
        (Checkup::of(&planted(model!(Tanh), "encoder.0", 7, 0.0, -3.0), &x), "−0.9"),
        (Checkup::of(&planted(model!(Relu), "encoder.0", 7, 0.0, -1.0), &x), "rises above 0"),
        (Checkup::of(&planted(model!(Identity), "encoder.0", 7, 0.0, 0.3), &x), "never varies"),
    ] {
        let checkup = checkup.unwrap();
        assert!(checkup.units_that_are(UnitState::Dead).contains(&7), "{words}");
        let advice = checkup.advice();
        let dead = advice.iter().find(|advice| matches!(advice, Advice::DeadUnits { .. }));
        let text = dead.unwrap().to_string();
        assert!(text.contains(" of 12 units") && text.contains(words), "{text}");
    }
    // On: σ(5) and tanh 3.
    for checkup in [
        Checkup::of(&planted(model!(Sigmoid), "encoder.0", 2, 0.0, 5.0), &x),
        Checkup::of(&planted(model!(Tanh), "encoder.0", 2, 0.0, 3.0), &x),
    ] {
        let checkup = checkup.unwrap();
        assert_eq!(found(checkup.clone()), (vec![], vec![2]));
        let advice = checkup.advice();
        assert!(
            advice.iter().any(
                |advice| matches!(advice, Advice::SaturatedUnits { units, .. } if *units == [2])
            )
        );
    }
}

#[test]
fn a_sparse_unit_is_not_saturated_and_one_that_is_on_or_off_is() {
    let unit = |on: usize, low: f64, range| {
        let codes = (0..100).map(|sample| [if sample < on { 1.0 } else { low }]);
        unit_activity(&codes.collect::<Batch<f64, Const<1>>>(), range).unwrap()[0]
    };
    assert_eq!(unit(4, 0.0, CodeRange::ZeroToOne).state, UnitState::Alive);
    assert_eq!(unit(40, 0.0, CodeRange::ZeroToOne).state, UnitState::Saturated);
    assert_eq!(unit(4, -1.0, CodeRange::MinusOneToOne).state, UnitState::Alive);
    assert_eq!(unit(40, -1.0, CodeRange::MinusOneToOne).state, UnitState::Saturated);
    assert_eq!(unit(94, 0.5, CodeRange::ZeroToOne).state, UnitState::Alive);
    assert_eq!(unit(95, 0.5, CodeRange::ZeroToOne).state, UnitState::Saturated);
    // A rectifier has no ends to sit at.
    assert_eq!(unit(100, 0.0, CodeRange::FromZero).state, UnitState::Alive);
}

#[test]
fn activity_is_that_of_the_definition() {
    let codes = Batch::from_iter([[0.0, -2.0], [0.0, 1.0], [3.0, 1.0], [1.0, 4.0]]);
    let units = unit_activity(&codes, CodeRange::Unbounded).unwrap();
    let [a, b] = units[..] else { panic!() };
    assert_eq!((a.min, a.mean, a.max, a.active), (0.0, 1.0, 3.0, 0.5));
    assert_eq!((b.min, b.mean, b.max, b.active), (-2.0, 1.0, 4.0, 1.0));
    assert!((a.variance() - 1.5).abs() < 1e-14); // (1 + 1 + 4 + 0) / 4
    assert!((b.variance() - 4.5).abs() < 1e-14); // (9 + 0 + 0 + 9) / 4
}

#[test]
fn the_effective_dimension_counts_directions() {
    // Two orthogonal directions of equal variance in seven units: u and v are orthogonal and of
    // length 2 (1 + 1 + 1 + 1).
    let (u, v) = ([1., 1., 1., 1., 0., 0., 0.], [1., -1., 0., 0., 1., 0., 1.]);
    let at = |a: f64, b: f64| -> [f64; 7] { std::array::from_fn(|k| 3.0 + a * u[k] + b * v[k]) };
    let circle = (0..12).map(|k| (k as f64 * std::f64::consts::TAU / 12.0).sin_cos());
    let codes: Batch<f64, Const<7>> = circle.map(|(a, b)| at(a, b)).collect();
    assert!((effective_dimension(&codes).unwrap() - 2.0).abs() < 1e-12);
    // With one direction stretched, fewer than two; as the definition has it, with λ = 4 and 1.
    let circle = (0..12).map(|k| (k as f64 * std::f64::consts::TAU / 12.0).sin_cos());
    let codes: Batch<f64, Const<7>> = circle.map(|(a, b)| at(2.0 * a, b)).collect();
    assert!((effective_dimension(&codes).unwrap() - 25.0 / 17.0).abs() < 1e-12);
    // Fewer samples than units take the other product, with the same result.
    let few = Batch::from_iter([at(1.0, 0.0), at(-1.0, 0.0), at(0.0, 1.0), at(0.0, -1.0)]);
    assert!((effective_dimension(&few).unwrap() - 2.0).abs() < 1e-12);
    // No direction at all.
    assert_eq!(effective_dimension(&Batch::from_iter([[0.3; 7]; 9])).unwrap(), 0.0);
    assert_eq!(effective_dimension(&Batch::from_iter([[0.0; 7]; 9])).unwrap(), 0.0);
}

#[test]
fn sparsity_is_hoyers() {
    // √4 = 2, Σ|h| = 4, √Σh² = √(1 + 9) → (2 − 4/√10) / (2 − 1).
    let codes = Batch::from_iter([[1.0, -3.0, 0.0, 0.0], [0.0; 4]]);
    let found = sparsity(&codes, CodeRange::Unbounded).unwrap();
    assert_eq!(found.active, 0.25);
    assert!((found.hoyer.unwrap() - (2.0 - 4.0 / 10.0_f64.sqrt())).abs() < 1e-15);
    let alike = sparsity(&Batch::from_iter([[0.2; 5]]), CodeRange::ZeroToOne).unwrap();
    assert!(alike.hoyer.unwrap() < 1e-15);
    assert_eq!(alike.active, 1.0);
    assert_eq!(sparsity(&Batch::from_iter([[0.0; 4]]), CodeRange::Unbounded).unwrap().hoyer, None);
    assert_eq!(sparsity(&Batch::from_iter([[1.0]]), CodeRange::Unbounded).unwrap().hoyer, None);
}

#[test]
fn a_collapsed_unit_of_a_gaussian_code_is_found_and_the_sum_is_the_divergence() {
    let x = datasets::digits::<f64>().test;
    let model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 20>::new(Tanh),
            Dense::<20, 3>::new(Identity),
            Dense::<20, 3>::new(Identity),
        ))
        .decoder(Dense::<3, 64>::new(Identity))
        .regularizer(Variational::new(1.0).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    // Mean 0 and log-variance 0: the prior itself.
    let model = planted(model, "encoder.mean.0", 1, 0.0, 0.0);
    let model = planted(model, "encoder.log_variance.0", 1, 0.0, 0.0);
    let checkup = Checkup::of(&model, &x).unwrap();
    let kl = checkup.kl.clone().unwrap();
    assert_eq!(kl[1], 0.0);
    let whole = model.loss(&x).unwrap().get("kl").unwrap();
    assert!((kl.iter().sum::<f64>() - whole).abs() < 1e-12 * whole);
    let collapsed = Advice::CollapsedUnits { units: vec![1], count: 3 };
    assert!(checkup.advice().contains(&collapsed), "{:?}", checkup.advice());
    assert_eq!(kl_per_unit(&model!(Tanh), &x).unwrap(), None);
}

/// The same, under conditions.
#[test]
fn units_of_a_conditional_code_tell_what_its_loss_says() {
    let x = datasets::digits::<f64>().test;
    let c: Batch<f64, Const<2>> = (0..359).map(|k| [f64::from(k % 3), 1.0]).collect();
    let model = AutoEncoder::builder()
        .encoder(Conditioned::<64, 2, _>::new(Gaussian::new(
            Dense::<66, 20>::new(Tanh),
            Dense::<20, 3>::new(Identity),
            Dense::<20, 3>::new(Identity),
        )))
        .decoder(Conditioned::<3, 2, _>::new(Dense::<5, 64>::new(Identity)))
        .regularizer(Variational::new(1.0).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    let kl = kl_per_unit(&model, (&x, &c)).unwrap().unwrap();
    assert_eq!(Checkup::of(&model, (&x, &c)).unwrap().kl.as_ref(), Some(&kl));
    let whole = model.loss((&x, &c)).unwrap().get("kl").unwrap();
    assert!((kl.iter().sum::<f64>() - whole).abs() < 1e-12 * whole);
    let others: Batch<f64, Const<2>> = (0..359).map(|_| [0.0, 1.0]).collect();
    assert_ne!(kl_per_unit(&model, (&x, &others)).unwrap().unwrap(), kl);
    // The norms of the parts make that of the whole gradient.
    let mut gradient = vec![0.0; model.num_parameters()];
    model.objective((&x, &c), None, Some(&mut gradient)).unwrap();
    let whole: f64 = gradient.iter().map(|g| g * g).sum();
    let norms = gradient_norms(&model, (&x, &c)).unwrap();
    let parts: f64 = norms.iter().map(|g| g.norm * g.norm).sum();
    assert!((parts - whole).abs() < 1e-12 * whole);
    let error = gradient_norms(&model, (&x, &others.select(0..9))).unwrap_err();
    assert!(matches!(error, Error::SizeMismatch { expected: 359, found: 9, .. }), "{error}");
}

#[test]
fn a_checkup_gathers_what_the_parts_say() {
    let x = datasets::digits::<f64>().test;
    let model = model!(Sigmoid);
    let checkup = Checkup::of(&model, &x).unwrap();
    let codes = model.encode(&x).unwrap();
    assert_eq!(checkup.units, unit_activity(&codes, CodeRange::ZeroToOne).unwrap());
    assert_eq!(checkup.effective_dimension, effective_dimension(&codes).unwrap());
    assert_eq!(checkup.sparsity, sparsity(&codes, CodeRange::ZeroToOne).unwrap());
    assert_eq!(checkup.gradients, gradient_norms(&model, &x).unwrap()); // 359 are fewer than 512
    let jacobian = model.squared_jacobian(&x).unwrap().sqrt();
    assert_eq!(checkup.jacobian, Some(jacobian));
    let missed = metrics::unexplained_variance(&x, &model.reconstruct(&x).unwrap()).unwrap();
    assert_eq!(checkup.explained_variance, Some(1.0 - missed));
    // The norms of the parts make that of the whole gradient.
    let mut gradient = vec![0.0; model.num_parameters()];
    model.objective(&x, None, Some(&mut gradient)).unwrap();
    let whole: f64 = gradient.iter().map(|g| g * g).sum();
    let parts: f64 = checkup.gradients.iter().map(|g| g.norm * g.norm).sum();
    assert!((parts - whole).abs() < 1e-12 * whole);
    let text = checkup.to_string();
    for words in ["effective dimension", "explained variance", "decoder.0.bias"] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_gradient_that_does_not_arrive_is_named() {
    // All units of the hidden layer are off, so that nothing reaches the layer before.
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 9>::new(Relu).then(Dense::<9, 4>::new(Identity)))
        .decoder(Dense::<4, 64>::new(Identity))
        .build::<f64>()
        .unwrap();
    for unit in 0..9 {
        model = planted(model, "encoder.0", unit, 0.0, -1.0);
    }
    let advice = Checkup::of(&model, &datasets::digits().test).unwrap().advice();
    assert!(
        advice.contains(&Advice::NoGradient { tensor: "encoder.0.weight".into() }),
        "{advice:?}"
    );
    // A layer of tiny slopes holds back nearly all.
    let mut model = model!(Tanh);
    let mut parameters = model.parameters().to_vec();
    let decoder = model.layout().get("decoder.0.weight").unwrap().range.clone();
    parameters[decoder].iter_mut().for_each(|w| *w *= 1e-8);
    model.set_parameters(&parameters).unwrap();
    let advice = Checkup::of(&model, &datasets::digits().test).unwrap().advice();
    assert!(advice.iter().any(|a| matches!(a, Advice::VanishingGradient { .. })), "{advice:?}");
}

#[test]
fn poor_reconstructions_and_narrow_codes_are_named() {
    let x = datasets::digits::<f64>().test;
    let mut model = model!(Identity);
    let mut parameters = model.parameters().to_vec();
    // All units say the same.
    let weights = model.layout().get("encoder.0.weight").unwrap().range.clone();
    parameters[weights].iter_mut().enumerate().for_each(|(k, w)| *w = (k / 12) as f64 / 64.0);
    model.set_parameters(&parameters).unwrap();
    let checkup = Checkup::of(&model, &x).unwrap();
    assert!((checkup.effective_dimension - 1.0).abs() < 1e-9);
    let advice = checkup.advice();
    assert!(advice.iter().any(|a| matches!(a, Advice::PoorReconstruction { .. })), "{advice:?}");
    assert!(advice.iter().any(|a| matches!(a, Advice::NarrowCode { .. })), "{advice:?}");
}

/// Values at the ends of the number type, and the parts of codes that overflow when squared.
#[test]
fn extreme_codes_give_finite_numbers() {
    fn check<T: Scalar>(values: &[f64]) {
        for range in [
            CodeRange::ZeroToOne,
            CodeRange::MinusOneToOne,
            CodeRange::FromZero,
            CodeRange::Unbounded,
        ] {
            let values: Vec<T> = values.iter().map(|&value| T::of(value)).collect();
            let codes = Batch::new(Dyn(2), values).unwrap();
            let dimension = effective_dimension(&codes).unwrap();
            assert!((0.0..=2.0 + 1e-9).contains(&dimension), "{dimension}");
            for unit in unit_activity(&codes, range).unwrap() {
                let finite = [unit.min, unit.mean, unit.max, unit.deviation, unit.variance()];
                assert!(finite.iter().all(|value| value.is_finite()), "{unit:?}");
                assert!(unit.min <= unit.mean && unit.mean <= unit.max, "{unit:?}");
            }
            let sparsity = sparsity(&codes, range).unwrap();
            assert!(sparsity.hoyer.is_none_or(|hoyer| (0.0..=1.0).contains(&hoyer)));
        }
    }
    check::<f32>(&[3.4e38, -3.4e38, -3.4e38, 3.4e38, 1e-45, 0.0]);
    check::<f64>(&[1.79e308, -1.79e308, -1.79e308, 1.79e308, 5e-324, 0.0]);
    check::<f64>(&[5e-324, 0.0, 0.0, 5e-324]);
    check::<f64>(&[0.0, 0.0]);
}

#[test]
fn extreme_samples_are_checked_up_and_bad_ones_refused() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<2, 3>::new(Sigmoid))
        .decoder(Dense::<3, 2>::new(Identity))
        .build::<f32>()
        .unwrap();
    let checkup = Checkup::of(&model, &Batch::from_iter([[3e38, -3e38], [-3e38, 1.0]])).unwrap();
    assert!(checkup.effective_dimension.is_finite());
    assert!(!checkup.advice().is_empty());
    // One sample has no variance, which is no error.
    let checkup = Checkup::of(&model, &Batch::from_iter([[0.1, 0.2]])).unwrap();
    assert_eq!((checkup.explained_variance, checkup.effective_dimension), (None, 0.0));
    let none = Batch::<f32, Const<2>>::zeros(Const, 0);
    assert!(matches!(Checkup::of(&model, &none), Err(Error::NoSamples { .. })));
    let bad = Batch::from_iter([[f32::NAN, 0.2]]);
    assert!(matches!(Checkup::of(&model, &bad), Err(Error::NotFinite { .. })));
    assert!(matches!(unit_activity(&bad, CodeRange::Unbounded), Err(Error::NotFinite { .. })));
    assert!(matches!(effective_dimension(&none), Err(Error::NoSamples { .. })));
    assert!(matches!(sparsity(&none, CodeRange::Unbounded), Err(Error::NoSamples { .. })));
}
