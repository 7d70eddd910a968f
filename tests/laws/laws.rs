//! Laws that every plugin keeps; a new plugin is one line in a list.

use std::iter::once;

use autoencoder::activation::*;
use autoencoder::corruption::{
    Absences, Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper, SwapNoise,
};
use autoencoder::loss::{Categorical, Compared, LearnedGaussian, Mixed, Target};
use autoencoder::optimizer::Step;
use autoencoder::parameters::Role;
use autoencoder::random::{Streams, seeded};
use autoencoder::train::schedule::{Constant, Cosine, Progress, Schedule, StepDecay, Warmup};
use autoencoder::*;
use nalgebra::Const;

/// Numbers over the whole range of a double, and those where things change.
fn probes() -> Vec<f64> {
    let sizes =
        [0.0, 5e-324, 1e-300, 1e-9, 1e-3, 0.1, 0.5, 1.0, 2.0, 7.5, 30.0, 100.0, 710.0, 1e4, 1e300];
    sizes.iter().flat_map(|&size| [size, -size]).collect()
}

/// Runs a check on each activation, in both number types, with the ends of its range.
macro_rules! for_each_activation {
    ($check:ident) => {
        $check!(Identity, f64::NEG_INFINITY, f64::INFINITY);
        $check!(Sigmoid, 0.0, 1.0);
        $check!(Tanh, -1.0, 1.0);
        $check!(Relu, 0.0, f64::INFINITY);
        $check!(LeakyRelu::new(0.2).unwrap(), f64::NEG_INFINITY, f64::INFINITY);
        $check!(Elu::new(1.5).unwrap(), -1.5, f64::INFINITY);
        $check!(Gelu, -0.17, f64::INFINITY);
        $check!(Softplus, 0.0, f64::INFINITY);
    };
}

#[test]
fn activations_are_called_what_they_are() {
    let mut names = Vec::new();
    macro_rules! check {
        ($activation:expr, $low:expr, $high:expr) => {
            names.push(Activation::<f64>::describe(&$activation))
        };
    }
    for_each_activation!(check);
    let expected = [
        "Identity",
        "Sigmoid",
        "Tanh",
        "Relu",
        "LeakyRelu { slope: 0.2 }",
        "Elu { scale: 1.5 }",
        "Gelu",
        "Softplus",
    ];
    assert_eq!(names, expected);
}

#[test]
fn activations_stay_in_their_range_and_let_nan_through() {
    macro_rules! check {
        ($activation:expr, $low:expr, $high:expr) => {{
            let a = $activation;
            for z in probes() {
                let h: f64 = a.value(z);
                assert!((($low)..=($high)).contains(&h), "{a:?}({z:e}) = {h:e}");
                assert!(h.is_finite());
                assert!(Activation::<f64>::derivative(&a, z, h).is_finite(), "{a:?}′({z:e})");
                assert!(
                    Activation::<f64>::second_derivative(&a, z, h).is_finite(),
                    "{a:?}″({z:e})"
                );
                let single: f32 = a.value((z as f32).clamp(f32::MIN, f32::MAX));
                assert!(
                    (($low as f32)..=($high as f32)).contains(&single),
                    "{a:?}({z:e}) = {single:e}"
                );
            }
            assert!(Activation::<f64>::value(&a, f64::NAN).is_nan());
            assert!(Activation::<f32>::value(&a, f32::NAN).is_nan());
        }};
    }
    for_each_activation!(check);
}

#[test]
fn derivatives_are_those_of_the_value() {
    macro_rules! check {
        ($activation:expr, $low:expr, $high:expr) => {{
            let a = $activation;
            // No probe so near 0 that the step crosses a kink.
            for z in [-6.0, -2.5, -1.0, -0.3, -0.05, 0.05, 0.3, 1.0, 2.5, 6.0_f64] {
                let h = a.value(z);
                let first = gradcheck::finite_differences(&[z], |z| a.value(z[0]))[0];
                assert!((a.derivative(z, h) - first).abs() <= 1e-10, "{a:?}′({z})");
                let slope = |z: &[f64]| a.derivative(z[0], a.value(z[0]));
                let second = gradcheck::finite_differences(&[z], slope)[0];
                assert!((a.second_derivative(z, h) - second).abs() <= 1e-10, "{a:?}″({z})");
                // Where z is not kept, h stands in its place.
                if !Activation::<f64>::reads_preactivation(&a) {
                    assert_eq!(a.derivative(h, h), a.derivative(z, h));
                    assert_eq!(a.second_derivative(h, h), a.second_derivative(z, h));
                }
            }
        }};
    }
    for_each_activation!(check);
}

#[test]
fn slices_have_the_bits_of_single_elements() {
    macro_rules! check {
        ($activation:expr, $low:expr, $high:expr) => {{
            let a = $activation;
            for len in [1, 7, 16, 67] {
                let z: Vec<f32> = (0..len).map(|k| 0.37 * k as f32 - 9.0).collect();
                let (mut h, mut d) = (z.clone(), vec![0.3_f32; len]);
                a.apply(&mut h);
                a.backward(&z, &h, &mut d);
                for ((&z, &h), &d) in z.iter().zip(&h).zip(&d) {
                    let value: f32 = a.value(z);
                    assert_eq!(value.to_bits(), h.to_bits(), "{a:?}({z})");
                    assert_eq!((0.3 * a.derivative(z, h)).to_bits(), d.to_bits(), "{a:?}′({z})");
                }
            }
        }};
    }
    for_each_activation!(check);
}

fn losses<T: Float>() -> Vec<Box<dyn Loss<T>>> {
    vec![
        Box::new(SquaredError),
        Box::new(BernoulliCrossEntropy),
        Box::new(Huber::default()),
        Box::new(Huber::new(0.01).unwrap()),
        Box::new(GaussianLikelihood::new(1.5).unwrap()),
        Box::new(LaplaceLikelihood::new(0.7).unwrap()),
        Box::new(LearnedGaussian::shared()),
        Box::new(LearnedGaussian::per_feature()),
        Box::new(Categorical::new(&[3]).unwrap()),
        Box::new(
            Mixed::new()
                .columns(1, LearnedGaussian::per_feature())
                .columns(2, BernoulliCrossEntropy),
        ),
    ]
}

fn evaluate<T: Float>(loss: &dyn Loss<T>, x: &[T], y: &[T]) -> (Vec<T>, Vec<T>) {
    let samples = x.len() / 3;
    let (mut values, mut dy) = (vec![T::of(f64::NAN); samples], vec![T::of(f64::NAN); x.len()]);
    let own: Vec<T> = (0..loss.num_parameters(3)).map(|at| T::of(0.4 - 0.3 * at as f64)).collect();
    let (x, y) = (BatchView::new(x, 3), BatchView::new(y, 3));
    let at = Compared { x, y, parameters: &own };
    loss.values(at, &mut values);
    loss.gradient(at, &vec![T::ONE; samples], BatchViewMut::new(&mut dy, 3));
    (values, dy)
}

#[test]
fn losses_are_finite_at_huge_outputs() {
    fn check<T: Float>(tolerance: f64) {
        for loss in losses::<T>() {
            for y in [-1e4, -88.0, -17.0, -1.0, 0.0, 1.0, 17.0, 88.0, 1e4] {
                for x in [0.0, 0.25, 1.0] {
                    let (value, dy) = evaluate(&*loss, &[T::of(x); 3], &[T::of(y); 3]);
                    assert!(value[0].is_finite() && value[0] >= T::ZERO, "{loss:?} at {y}");
                    assert!(dy.iter().all(|d| d.is_finite()), "{loss:?} at {y}");
                    if loss.name() == "bernoulli_cross_entropy" {
                        // Where σ(a) is 0 or 1 to rounding: max(a, 0) − a x, and e^−|a| beside it.
                        let truth = 3.0 * (f64::max(y, 0.0) - y * x + (-y.abs()).exp().ln_1p());
                        let found = value[0].to_double();
                        assert!(
                            (found - truth).abs() <= tolerance * truth.max(1e-30),
                            "{found} {truth}"
                        );
                        let slope = 1.0 / (1.0 + (-y).exp()) - x;
                        assert!((dy[0].to_double() - slope).abs() <= tolerance);
                    }
                }
            }
        }
    }
    check::<f32>(1e-6);
    check::<f64>(1e-14);
}

#[test]
fn losses_take_each_sample_for_itself() {
    let (x, y) = ([0.1, 0.5, 0.9, 0.3, 0.2, 0.8], [0.4, -0.6, 2.0, -3.0, 0.1, 0.0]);
    for loss in losses::<f64>() {
        let (both, d_both) = evaluate(&*loss, &x, &y);
        for (sample, &value) in both.iter().enumerate() {
            let range = 3 * sample..3 * sample + 3;
            let (alone, d_alone) = evaluate(&*loss, &x[range.clone()], &y[range.clone()]);
            assert_eq!((alone[0], &d_alone[..]), (value, &d_both[range]));
        }
        // A perfect reconstruction is the minimum: no gradient, and more loss on either side of any feature.
        let logit = |x: f64| (x / (1.0 - x)).ln();
        let perfect: Vec<f64> = match loss.name() {
            "bernoulli_cross_entropy" => x.map(logit).to_vec(),
            "categorical" => x.map(f64::ln).to_vec(),
            "mixed" => (0..6).map(|at| if at % 3 == 0 { x[at] } else { logit(x[at]) }).collect(),
            _ => x.to_vec(),
        };
        let (least, flat) = evaluate(&*loss, &x, &perfect);
        assert!(flat.iter().all(|d| d.abs() <= 1e-15), "{loss:?}: {flat:?}");
        for (feature, shift) in (0..3).flat_map(|feature| [(feature, -0.3), (feature, 0.3)]) {
            let mut moved = perfect.clone();
            moved.iter_mut().skip(feature).step_by(3).for_each(|y| *y += shift);
            let (more, _) = evaluate(&*loss, &x, &moved);
            assert!(more[0] > least[0] && more[1] > least[1], "{loss:?}");
        }
        let mut reconstruction = perfect;
        loss.reconstruct(BatchViewMut::new(&mut reconstruction, 3));
        // Of categories the shares, which add up to 1.
        let total = |sample: usize| match loss.name() {
            "categorical" => x[3 * sample..][..3].iter().sum(),
            _ => 1.0,
        };
        for (at, (y, x)) in reconstruction.iter().zip(x).enumerate() {
            assert!((y - x / total(at / 3)).abs() <= 1e-15, "{loss:?}");
        }
    }
}

#[test]
fn losses_and_their_gradients_are_the_same_together() {
    fn check<T: Float>() {
        let mixed = Mixed::new().columns(17, LearnedGaussian::per_feature());
        let others: [Box<dyn Loss<T>>; 3] = [
            Box::new(ContinuousBernoulli),
            Box::new(PoissonLikelihood),
            Box::new(mixed.columns(20, Box::new(BernoulliCrossEntropy) as Box<dyn Loss<T>>)),
        ];
        for loss in losses::<T>().into_iter().chain(others) {
            // With and without whole vectors.
            for features in
                [3, 37].into_iter().filter(|&features| loss.check_size(features).is_ok())
            {
                let (samples, len) = (5, 5 * features);
                let x: Vec<T> = (0..len).map(|at| T::of([1.0, 0.0, 0.0][at % 3])).collect();
                let y: Vec<T> =
                    (0..len).map(|at| T::of((at * 29 % 41) as f64 / 4.0 - 5.0)).collect();
                let weights: Vec<T> = (1..=samples).map(|at| T::of(1.0 / at as f64)).collect();
                let own = loss.num_parameters(features);
                let own: Vec<T> = (0..own).map(|at| T::of(0.4 - 0.03 * at as f64)).collect();
                let (x, y) = (BatchView::new(&x, features), BatchView::new(&y, features));
                let at = Compared { x, y, parameters: &own };
                let unwritten = || (vec![T::of(f64::NAN); samples], vec![T::of(f64::NAN); len]);
                let (mut values, mut dy) = unwritten();
                loss.values(at, &mut values);
                loss.gradient(at, &weights, BatchViewMut::new(&mut dy, features));
                let mut both = unwritten();
                let d = BatchViewMut::new(&mut both.1, features);
                loss.values_and_gradient(at, &weights, &mut both.0, d);
                let bits =
                    |of: &[T]| of.iter().map(|x| x.to_double().to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&values), bits(&both.0), "{loss:?} of {features}");
                assert_eq!(bits(&dy), bits(&both.1), "{loss:?} of {features}");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// What compares with the class of a sample.
fn class_losses<T: Float>() -> Vec<Box<dyn Loss<T>>> {
    vec![Box::new(CrossEntropy), Box::new(Box::new(CrossEntropy) as Box<dyn Loss<T>>)]
}

/// Of logits of three classes.
fn evaluate_classes<T: Float>(loss: &dyn Loss<T>, classes: &[T], y: &[T]) -> (Vec<T>, Vec<T>) {
    let samples = classes.len();
    let (mut values, mut dy) = (vec![T::of(f64::NAN); samples], vec![T::of(f64::NAN); y.len()]);
    let at = Compared { x: BatchView::new(classes, 1), y: BatchView::new(y, 3), parameters: &[] };
    loss.values(at, &mut values);
    loss.gradient(at, &vec![T::ONE; samples], BatchViewMut::new(&mut dy, 3));
    (values, dy)
}

#[test]
fn losses_of_classes_keep_the_laws_of_losses() {
    fn finite<T: Float>() {
        for loss in class_losses::<T>() {
            assert_eq!((loss.target(), loss.takes_logits()), (Target::Class, true));
            let sizes = [-1e30, -1e4, -88.0, -1.0, 0.0, 1.0, 88.0, 1e4, 1e30];
            for (y, other) in sizes.into_iter().flat_map(|y| sizes.map(|other| (y, other))) {
                let logits = [y, other, -y].map(T::of);
                for class in [0.0, 1.0, 2.0] {
                    let (value, dy) = evaluate_classes(&*loss, &[T::of(class)], &logits);
                    assert!(value[0].is_finite() && value[0] >= T::ZERO, "{loss:?} at {y} {other}");
                    assert!(dy.iter().all(|d| d.is_finite()), "{loss:?} at {y} {other}");
                }
            }
        }
    }
    finite::<f32>();
    finite::<f64>();
    let (classes, y) = ([2.0, 0.0, 1.0], [0.4, -0.6, 2.0, -3.0, 0.1, 0.0, 0.2, 0.2, 0.2]);
    for loss in class_losses::<f64>() {
        let (all, d_all) = evaluate_classes(&*loss, &classes, &y);
        let analytic = gradcheck::function(&y, &d_all, |y| {
            evaluate_classes(&*loss, &classes, y).0.iter().sum()
        });
        analytic.assert();
        let mut probabilities = y;
        loss.reconstruct(BatchViewMut::new(&mut probabilities, 3));
        for (sample, &class) in classes.iter().enumerate() {
            let range = 3 * sample..3 * sample + 3;
            let (alone, d_alone) = evaluate_classes(&*loss, &[class], &y[range.clone()]);
            assert_eq!((alone[0], &d_alone[..]), (all[sample], &d_all[range.clone()]));
            // −ln p, the probabilities are those of the softmax, and moving all logits alike does nothing.
            let p = &probabilities[range];
            assert!((p.iter().sum::<f64>() - 1.0).abs() <= 1e-15, "{p:?}");
            assert!((alone[0] + p[class as usize].ln()).abs() <= 1e-14, "{loss:?}");
            assert!(d_alone.iter().sum::<f64>().abs() <= 1e-15, "{d_alone:?}");
        }
    }
}

/// A combination is its parts, whatever it is written as: to the bit, in the objective and in training.
#[test]
fn combinations_are_their_parts() {
    type Boxed = Box<dyn Regularizer<f64>>;
    let sparse = || SparseKl::new(0.2, 0.3).unwrap().running(0.9).unwrap();
    let noise = || Denoising::new(GaussianNoise::new(0.1).unwrap());
    let (decay, contractive) = (WeightDecay::new(0.1).unwrap(), Contractive::new(0.1).unwrap());
    let x: Batch<f64, Const<4>> = {
        let rng = &mut seeded(2);
        (0..9).map(|_| std::array::from_fn(|_| f64::draw_uniform(rng))).collect()
    };
    let run = |regularizer: Boxed| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Sigmoid))
            .decoder(Dense::<3, 4>::new(Identity))
            .regularizer(regularizer)
            .build::<f64>()
            .unwrap();
        Trainer::new(Adam::new(0.01).unwrap()).epochs(3).batch_size(4).fit(&mut model, &x).unwrap();
        let mut gradient = vec![0.0; model.num_parameters()];
        let streams = Some(Streams::new(3, 1, &[]));
        let terms = model.objective(&x, streams, Some(&mut gradient)).unwrap();
        (terms, gradient, model.parameters().to_vec())
    };
    let flat = run(Box::new((sparse(), noise(), decay, contractive)));
    let parts = || -> [Boxed; 4] {
        [Box::new(sparse()), Box::new(noise()), Box::new(decay), Box::new(contractive)]
    };
    assert_eq!(run(Box::new(Vec::from(parts()))), flat);
    let [first, second, third, fourth] = parts();
    assert_eq!(run(Box::new((first, second, third, fourth))), flat);
    // One in the other draws from other streams, but as the other such.
    let nested = run(Box::new(((sparse(), noise()), (decay, (contractive,)))));
    assert_ne!(nested, flat);
    let [first, second, third, fourth] = parts();
    let inner: Boxed = Box::new(vec![fourth]);
    let lists: Vec<Vec<Boxed>> = vec![vec![first, second], vec![third, inner]];
    assert_eq!(run(Box::new(lists)), nested);
    // A part that asks for nothing changes nothing, nor does none at all.
    assert_eq!(run(Box::<Vec<Boxed>>::default()), run(Box::new(NoRegularizer)));
    assert_eq!(run(Box::new((noise(), NoRegularizer))), run(Box::new((noise(),))));
}

#[test]
fn optimizers_rest_where_there_is_no_gradient_and_decay_weights_only() {
    let adam = Adam::new(0.1).unwrap();
    let sgd = Sgd::new(0.1).unwrap();
    let rms = RmsProp::new(0.1).unwrap();
    let optimizers: [(Box<dyn Optimizer<f64>>, f64); 13] = [
        (Box::new(sgd), 0.0),
        (Box::new(sgd.momentum(0.9).unwrap()), 0.0),
        (Box::new(sgd.nesterov(0.9).unwrap()), 0.0),
        (Box::new(sgd.momentum_schedule(0.99).unwrap()), 0.0),
        (Box::new(sgd.nesterov_schedule(0.99).unwrap().at_most_from(0, 0.3).unwrap()), 0.0),
        (Box::new(sgd.weight_decay(0.5).unwrap()), 0.5),
        (Box::new(rms), 0.0),
        (Box::new(rms.momentum(0.9).unwrap()), 0.0),
        (Box::new(rms.decay(0.0).unwrap()), 0.0),
        (Box::new(adam), 0.0),
        (Box::new(adam.betas(0.0, 0.0).unwrap()), 0.0),
        (Box::new(AdamW::new(0.1, 0.0).unwrap()), 0.0),
        (Box::new(AdamW::new(0.1, 0.5).unwrap()), 0.5),
    ];
    for (optimizer, decay) in optimizers {
        for role in [Role::Weight, Role::Bias, Role::Gain] {
            let parameters = [1.0, -2.0, 0.0];
            let mut next = [0.0; 3]; // the gradient, first
            let mut state = vec![0.0; 3 * optimizer.states()];
            let step = Step::new(1, optimizer.rate(), role);
            optimizer.step(&step, &parameters, &mut state, &mut next);
            let keep = if role == Role::Weight { 1.0 - 0.1 * decay } else { 1.0 };
            for (next, p) in next.iter().zip(parameters) {
                assert!((next - keep * p).abs() <= 1e-15, "{optimizer:?} {role:?}");
            }
            // Downhill on the first step, each element by itself.
            next = [1.0, -1.0, 0.0];
            optimizer.step(&step, &[0.0; 3], &mut state, &mut next);
            assert!(next[0] < 0.0 && next[1] > 0.0 && next[2] == 0.0, "{optimizer:?}");
        }
    }
}

#[test]
fn corruptions_are_reproducible_and_change_something() {
    let rows: Batch<f32, _> = (0..9).map(|row| [row as f32; 200]).collect();
    let corruptions: [Box<dyn Corruption<f32>>; 9] = [
        Box::new(GaussianNoise::new(0.3).unwrap()),
        Box::new(Masking::new(0.4).unwrap()),
        Box::new(SaltAndPepper::new(0.4).unwrap()),
        Box::new((
            Masking::new(0.2).unwrap(),
            GaussianNoise::new(0.1).unwrap(),
            Masking::new(0.1).unwrap(),
        )),
        Box::new(vec![Box::new(Masking::new(0.4).unwrap()) as Box<dyn Corruption<f32>>]),
        Box::new(Absences::new(0.4).unwrap()),
        Box::new((Masking::new(0.2).unwrap(), Absences::new(0.2).unwrap())),
        Box::new(SwapNoise::new(0.4, &rows).unwrap()),
        Box::new(SwapNoise::new(0.4, &rows).unwrap().cells([3..5, 100..150]).unwrap()),
    ];
    let clean = [0.5; 200];
    let run = |corruption: &dyn Corruption<f32>, seed| {
        let mut sample = clean;
        corruption.corrupt(&mut sample, &mut seeded(seed));
        sample
    };
    let bits = |sample: [f32; 200]| sample.map(f32::to_bits);
    for corruption in corruptions {
        let corruption = &*corruption;
        assert_eq!(bits(run(corruption, 1)), bits(run(corruption, 1)), "{corruption:?}");
        assert_ne!(bits(run(corruption, 1)), bits(run(corruption, 2)), "{corruption:?}");
        assert_ne!(run(corruption, 1), clean);
        let found = run(corruption, 1);
        assert_eq!(found.iter().any(|x| x.is_nan()), corruption.makes_missing(), "{corruption:?}");
        assert!(!found.iter().any(|x| x.is_infinite()));
    }
    // In a sequence the later one sees what the earlier one has left: all masked, then some noise.
    let sequence = (Masking::new(1.0).unwrap(), GaussianNoise::new(0.1).unwrap());
    let found = run(&sequence, 3);
    assert!(found.iter().all(|x| x.abs() < 0.6) && found.iter().any(|&x| x != 0.0));
    assert_eq!(run(&(sequence, Masking::new(1.0).unwrap()), 3), [0.0; 200]);
}

/// A cell is missing or swapped as a whole, so often as its rate says, and what is missing in either row stays.
#[test]
#[allow(clippy::single_range_in_vec_init)] // cells, and not their features
fn cells_of_rows_are_corrupted_whole() {
    const ROWS: usize = 4000;
    let nan = f64::NAN;
    let others = Batch::from_iter([[10.0, 11.0, 12.0, 13.0, nan], [20.0, 21.0, 22.0, 23.0, nan]]);
    let absences = Absences::new(0.25).unwrap().cells(once(1..4)).unwrap();
    let swaps = SwapNoise::new(0.25, &others).unwrap().cells(once(1..4)).unwrap();
    let (mut missing, mut swapped, mut from) = ([0; 5], [0; 5], [0; 2]);
    for row in 0..ROWS {
        let clean: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];
        let mut x = clean;
        absences.corrupt(&mut x, &mut seeded(row as u64));
        assert!(x[1].is_nan() == x[2].is_nan() && x[1].is_nan() == x[3].is_nan());
        for feature in 0..5 {
            assert!(x[feature].is_nan() || x[feature] == clean[feature]);
            missing[feature] += usize::from(x[feature].is_nan());
        }
        let mut x = clean;
        swaps.corrupt(&mut x, &mut seeded(row as u64));
        let of_cell = [[2.0, 3.0, 4.0], [11.0, 12.0, 13.0], [21.0, 22.0, 23.0]];
        assert!(of_cell.contains(&[x[1], x[2], x[3]]), "{x:?}");
        assert_eq!(x[4], 5.0); // the others lack it
        for feature in 0..4 {
            swapped[feature] += usize::from(x[feature] != clean[feature]);
        }
        for (count, value) in from.iter_mut().zip([10.0, 20.0]) {
            *count += usize::from(x[0] == value);
        }
        let mut x = [nan; 5];
        swaps.corrupt(&mut x, &mut seeded(row as u64));
        assert!(x.iter().all(|x| x.is_nan()));
    }
    // Four deviations of a binomial with 4000 rows, √(4000 · ¼ · ¾) = 27.4; half of the swaps from each row.
    let is_near = |count: usize, expected: f64| (count as f64 - expected).abs() < 110.0;
    assert!(missing.iter().all(|&count| is_near(count, 1000.0)), "{missing:?}");
    assert!(swapped[..4].iter().all(|&count| is_near(count, 1000.0)), "{swapped:?}");
    assert!(from.iter().all(|&count| is_near(count, 500.0)), "{from:?}");
}

#[test]
#[allow(clippy::single_range_in_vec_init)] // cells, and not their features
fn cells_and_rows_that_do_not_fit_are_refused() {
    let model_of = |features: usize| Facts {
        features,
        outputs: features,
        lies: None,
        units: 2,
        is_gaussian: false,
        has_pairs: false,
        takes_logits: false,
        trains_thresholds: false,
        has_gates: false,
        range: (0.0, 1.0),
        condition: 0,
        parameters: 9,
    };
    let rows = Batch::from_iter([[1.0, 2.0, 3.0]]);
    assert!(Absences::new(1.5).is_err() && Absences::new(f64::NAN).is_err());
    assert!(SwapNoise::new(-0.1, &rows).is_err());
    assert!(SwapNoise::new(0.1, &Batch::<f64, Const<3>>::from_iter([])).is_err());
    assert!(SwapNoise::new(0.1, &Batch::from_iter([[1.0, f64::INFINITY]])).is_err());
    let absences = Absences::new(0.1).unwrap();
    assert!(
        absences.clone().cells([0..2, 1..3]).is_err()
            && absences.clone().cells(once(2..2)).is_err()
    );
    let beyond: &dyn Corruption<f64> = &absences.cells(once(1..4)).unwrap();
    assert!(beyond.check(&model_of(4)).is_ok());
    assert_eq!(
        beyond.check(&model_of(3)).unwrap_err().to_string(),
        "the cells of Absences: expected 3 features, found 4"
    );
    let swaps = SwapNoise::new(0.1, &rows).unwrap();
    assert!(swaps.check(&model_of(3)).is_ok() && swaps.check(&model_of(4)).is_err());
    // Rows are told apart in checkpoints, by their values.
    let other = SwapNoise::new(0.1, &Batch::from_iter([[1.0, 2.0, 4.0]])).unwrap();
    assert_ne!(swaps.describe(), other.describe());
    // Behind a normalizer the rows are the encoder's.
    let doubled =
        Normalizer::from_parts(data::Normalization::Standardize, [1.0; 3], [0.5; 3]).unwrap();
    let all = SwapNoise::new(1.0, &rows).unwrap().normalized_by(&doubled).unwrap();
    let mut x = [9.0; 3];
    all.corrupt(&mut x, &mut seeded(1));
    assert_eq!(x, [0.0, 2.0, 4.0]);
    // One after the other, they are the same cells.
    let cells = |absences: Absences| Corruption::<f64>::describe(&absences);
    let absences = || Absences::new(0.1).unwrap();
    let two = absences().cell(0..2).unwrap().cell(3..4).unwrap();
    assert_eq!(cells(two), cells(absences().cells([0..2, 3..4]).unwrap()));
    assert!(absences().cell(0..2).unwrap().cell(1..3).is_err() && absences().cell(2..2).is_err());
    let one = swaps.clone().cell(1..3).unwrap();
    assert_eq!(one, swaps.cells(once(1..3)).unwrap());
}

/// Rows that are swapped in are those of the model's encoder: behind its normalizer, once, or as they are without one.
#[test]
fn swapped_rows_are_normalized_as_the_model_is() {
    let rows: Batch<f64, Const<3>> =
        Batch::from_iter([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0], [4.0, 0.0, 5.0]]);
    let fit = |normalization| Normalizer::fit(normalization, &rows).unwrap();
    let standard = fit(data::Normalization::Standardize);
    let other = fit(data::Normalization::MinMax { low: 0.0, high: 1.0 });
    let none = Normalizer::fit_with_missing(data::Normalization::None, &rows).unwrap();
    let swaps = || SwapNoise::new(0.3, &rows).unwrap();
    let by = |normalizer: &Normalizer| swaps().normalized_by(normalizer).unwrap();
    let build = |swaps: SwapNoise<f64>, normalizer: Option<&Normalizer>| {
        let noise: (Masking, Box<dyn Corruption<f64>>) =
            (Masking::new(0.1).unwrap(), Box::new(swaps));
        let builder = AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Tanh))
            .decoder(Dense::<2, 3>::new(Identity))
            .regularizer((CodeL1::new(0.1).unwrap(), Denoising::new(vec![noise])));
        match normalizer {
            Some(normalizer) => builder.normalizer(normalizer.clone()).build::<f64>(),
            None => builder.build::<f64>(),
        }
    };
    let fit = |swaps, normalizer| {
        let mut trainer = Trainer::new(Adam::new(1e-3).unwrap()).epochs(1);
        build(swaps, normalizer).and_then(|mut model| trainer.fit(&mut model, &rows).map(drop))
    };
    for (swaps, normalizer) in [
        (swaps(), None),
        (by(&standard), Some(&standard)),
        (swaps(), Some(&none)),
        (by(&none), None),
    ] {
        assert_eq!(fit(swaps, normalizer), Ok(()));
    }
    let refused = |fault, remedy| Error::Unfit { part: "the rows of SwapNoise", fault, remedy };
    let never = refused(
        "are not normalized, and the model has a normalizer",
        "call `SwapNoise::normalized_by` with the normalizer of the model",
    );
    assert_eq!(build(swaps(), Some(&standard)).unwrap_err(), never);
    let otherwise = refused(
        "are not normalized as the model's samples are",
        "give `SwapNoise::normalized_by` and the model the same normalizer",
    );
    assert_eq!(build(by(&other), Some(&standard)).unwrap_err(), otherwise);
    // A file may bring the normalizer, so it is noticed in training.
    assert!(build(by(&standard), None).is_ok());
    assert_eq!(fit(by(&standard), None).unwrap_err(), otherwise);
    let twice = by(&standard).normalized_by(&standard).unwrap_err();
    assert_eq!(twice, refused("are normalized already", "call `SwapNoise::normalized_by` once"));
}

#[test]
fn schedules_stay_between_zero_and_one() {
    let decay = StepDecay::new(2, 0.3).unwrap();
    let schedules: [Box<dyn Schedule>; 5] = [
        Box::new(Constant),
        Box::new(decay),
        Box::new(Cosine::new(0.1).unwrap()),
        Box::new(Warmup::new(7, Constant).unwrap()),
        Box::new(Warmup::new(7, decay).unwrap()),
    ];
    for schedule in schedules {
        for step in 0..100 {
            let factor = schedule.factor(&Progress::new(step, 10, 100));
            assert!(factor > 0.0 && factor <= 1.0, "{schedule:?} at {step}: {factor}");
        }
    }
}
