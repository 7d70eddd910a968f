//! Laws that every layer and every linear map keeps; a new one is one line in a list.

use autoencoder::activation::{Activation, Gelu, Identity, Sigmoid, Softplus, Tanh};
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::layer::{Activated, Adjoint, Channels, Elementwise, Linear, Matrix};
use autoencoder::parameters::Role;
use autoencoder::random::seeded;
use autoencoder::size::{Image, Window};
use autoencoder::*;
use common::CLOSED_FORM;
use common::passes::Passes;
use nalgebra::{Const, Dyn};

use super::filter::Filter;

/// Enough for the kernels of products, with some left over.
const SAMPLES: usize = 11;

fn filter() -> Filter {
    Filter { length: 4, channels: 2, taps: 3 }
}

/// A layer and what it is called.
struct Case {
    name: &'static str,
    layer: Box<dyn Layer<f64>>,
}

/// The decoder with the weights of this encoder, and the same on its own.
macro_rules! mirrors {
    ($name:literal, $encoder:expr) => {{
        let model =
            AutoEncoder::builder().encoder($encoder).decoder(Tied::new(Softplus)).build::<f64>();
        let model = model.unwrap();
        let (shared, own) = (model.decoder().clone(), model.trained_decoder());
        [
            case(concat!($name, ", shared"), shared),
            case(concat!($name, ", its own"), own),
            case(concat!($name, ", trained"), model.trained_encoder()),
        ]
    }};
}

fn case(name: &'static str, layer: impl Layer<f64> + 'static) -> Case {
    Case { name, layer: Box::new(layer) }
}

/// All layers, each in all the clothes that it can wear.
fn layers() -> Vec<Case> {
    let boxed = |activation: Box<dyn Activation<f64>>| Dense::dynamic(4, 4, activation).boxed();
    let chain = || Dense::<4, 5>::new(Gelu).then(Dense::<5, 3>::new(Tanh));
    let bottle = || Dense::<4, 2>::new(Gelu).then(Dense::<2, 4>::new(Tanh));
    let square = AutoEncoder::builder().encoder(bottle()).decoder(Tied::new(Softplus));
    let square = square.build::<f64>().unwrap();
    let gaussian = || {
        let head = || Dense::<5, 2>::new(Identity);
        Gaussian::new(Dense::<4, 5>::new(Tanh), head(), head()).clamp(-9.0, 9.0).unwrap()
    };
    let mut all = vec![
        case("dense", Dense::<4, 3>::new(Sigmoid)),
        case("dense that keeps z", Dense::dynamic(4, 3, Gelu)),
        case("frozen", Dense::<4, 3>::new(Tanh).frozen()),
        case("elementwise", Elementwise::<4>::new(Softplus)),
        case("chain", chain().then(Elementwise::<3>::new(Sigmoid))),
        case("in part frozen", Dense::<4, 5>::new(Gelu).frozen().then(Dense::<5, 3>::new(Tanh))),
        case("adjoint", Activated::new(Adjoint(Matrix::new(3, 4)), Tanh, Dyn(4), Dyn(3))),
        case("adjoint of an adjoint", {
            Activated::new(Adjoint(Adjoint(Matrix::new(4, 3))), Tanh, Dyn(4), Dyn(3))
        }),
        case("filter", Activated::new(filter(), Tanh, Const::<4>, Const::<8>)),
        case("adjoint filter", {
            Activated::new(Adjoint(filter()), Softplus, Const::<8>, Const::<4>)
        }),
        case("mean of windows", AveragePool2d::<Image<1, 2, 5>, Image<1, 1, 3>, 2>::new()),
        // Of these inputs no two of a window are so close that a finite difference would go from one to the other.
        case("largest of windows", MaxPool2d::<Image<1, 2, 5>, Image<1, 1, 3>, 2>::new()),
        case("mean of steps", AveragePool1d::<Window<2, 3>, Window<2, 1>, 3>::new()),
        case("largest of steps", MaxPool1d::<Window<3, 4>, Window<3, 2>, 2>::new()),
        case("nearest", Upsample2d::<Image<2, 1, 2>, Image<2, 2, 4>>::nearest()),
        case("straight lines", Upsample1d::<Window<2, 2>, Window<2, 6>>::linear()),
        case("any", chain().boxed::<f64>()),
        case("any, with its types", chain().boxed_as::<f64>()),
        case("any of any", Any::of([boxed(Box::new(Gelu)), boxed(Box::new(Tanh))]).unwrap()),
        case("conditioned", Conditioned::<3, 1, _>::new(chain())),
        case("conditioned any", Conditioned::dynamic(2, chain().boxed::<f64>())),
        case("condition planes", {
            let inside = Conv2d::<Image<3, 2, 2>, Image<2, 2, 2>, 3>::new(Softplus);
            ConditionPlanes::<Image<1, 2, 2>, 2, _>::new(inside.then(Dense::<8, 3>::new(Tanh)))
        }),
        case("convolution", Conv2d::<Image<2, 3, 2>, Image<2, 2, 1>, 3>::new(Tanh)),
        case("transposed convolution", {
            ConvTranspose2d::<Image<2, 2, 1>, Image<2, 3, 2>, 3>::new(Softplus)
        }),
        case("convolution of a window", Conv1d::<Window<2, 3>, Window<3, 3>, 3>::new(Gelu)),
        case("layer norm", LayerNorm::<4>::new().epsilon(0.1).unwrap()),
        case("frozen layer norm", LayerNorm::dynamic(4).epsilon(0.1).unwrap().frozen()),
        case("group norm", GroupNorm::<Image<4, 3, 1>, 2>::new().epsilon(0.1).unwrap()),
        case("group norm of a window", {
            GroupNorm::<Window<4, 3>, 2>::new().epsilon(0.1).unwrap()
        }),
        case("group norm of one group", GroupNorm::<Window<2, 3>, 1>::new().epsilon(0.1).unwrap()),
        case("residual", Residual::new(bottle())),
        case("residual, boxed", Residual::new(bottle().boxed::<f64>())),
        case("residual in part frozen", {
            let inside = Residual::new(Dense::<4, 4>::new(Tanh).frozen());
            Residual::new(LayerNorm::<4>::new().epsilon(0.1).unwrap().then(inside))
        }),
        case("residual, shared", Residual::new(square.decoder().clone())),
        case("gaussian", gaussian()),
        case("any gaussian", gaussian().boxed::<f64>()),
        case("conditioned gaussian", Conditioned::<1, 3, _>::new(gaussian())),
    ];
    all.extend(mirrors!("dense", Dense::<3, 4>::new(Tanh)));
    all.extend(mirrors!("frozen", Dense::<3, 4>::new(Tanh).frozen()));
    let deep = Dense::<3, 5>::new(Gelu).then(Dense::<5, 6>::new(Sigmoid));
    all.extend(mirrors!("chain", deep.then(Dense::<6, 4>::new(Tanh))));
    all.extend(mirrors!("filter", {
        Activated::new(filter(), Sigmoid, Const::<4>, Const::<8>).then(Dense::<8, 3>::new(Tanh))
    }));
    all
}

/// Parameters, inputs, a direction and gradients at y and J v.
struct Numbers {
    parameters: Vec<f64>,
    x: Vec<f64>,
    v: Vec<f64>,
    u: Vec<f64>,
    w: Vec<f64>,
}

impl Numbers {
    fn new(layer: &dyn Layer<f64>, samples: usize) -> Self {
        let rng = &mut seeded(5);
        let mut normal =
            |len: usize| -> Vec<f64> { (0..len).map(|_| 0.6 * f64::draw_normal(rng)).collect() };
        let (inputs, outputs) = (layer.num_inputs() * samples, layer.num_outputs() * samples);
        Self {
            parameters: normal(layer.num_shared() + layer.num_parameters()),
            x: normal(inputs),
            v: normal(inputs),
            u: normal(outputs),
            w: normal(outputs),
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn passes(layer: &dyn Layer<f64>, before: f64) -> Passes<'_> {
    Passes { layer, samples: SAMPLES, before }
}

#[track_caller]
fn assert_equal(name: &str, found: &[f64], expected: &[f64]) {
    let check = GradientCheck::compare(found, expected);
    assert!(found.len() == expected.len() && check.norm_error <= CLOSED_FORM, "{name}: {check}");
}

/// The tensors of a layer cover its parameters, which it draws all; where it lies in a frame, they are the same.
#[test]
fn layouts_and_first_parameters() {
    for Case { name, layer } in layers() {
        layer.check_sizes().unwrap();
        let mut layout = Layout::new();
        layer.layout(&mut layout);
        assert_eq!(layout.num_parameters(), layer.num_parameters(), "{name}");
        let ends = layout.tensors().iter().scan(0, |end, tensor| {
            let begins = tensor.range.start == *end;
            *end = tensor.range.end;
            Some(begins && tensor.range.len() == tensor.shape.0 * tensor.shape.1)
        });
        assert!(ends.into_iter().all(|fits| fits), "{name}");
        assert_eq!(layer.is_frozen(), layout.num_trained() == 0, "{name}");
        let draw = |seed| {
            let mut drawn = vec![f64::NAN; layer.num_parameters()];
            layer.draw_parameters(&mut drawn, &mut seeded(seed));
            drawn
        };
        assert!(draw(1).iter().all(|p| p.is_finite()), "{name}");
        assert_eq!(draw(1), draw(1), "{name}");
        let draws = layout.tensors().iter().any(|tensor| tensor.role == Role::Weight);
        let is_trained = name.ends_with("its own") || name.ends_with("trained");
        assert_eq!(draw(1) != draw(2), draws && !is_trained, "{name}");
    }
}

#[test]
fn outputs_lie_in_the_range() {
    for Case { name, layer } in layers() {
        let (numbers, (low, high)) = (Numbers::new(&*layer, SAMPLES), layer.range());
        for size in [1.0, 1e3, 1e200] {
            let x: Vec<f64> = numbers.x.iter().map(|x| size * x).collect();
            let y = passes(&*layer, 0.0).forward(&numbers.parameters, &x);
            let means = &y[..layer.num_units() * SAMPLES];
            assert!(means.iter().all(|y| (low..=high).contains(y)), "{name}: {low} {high}");
        }
    }
}

/// The first two laws of layers.
#[test]
fn passes_are_derivatives() {
    for Case { name, layer } in layers() {
        let Numbers { parameters, x, v, u, w } = Numbers::new(&*layer, SAMPLES);
        let run = passes(&*layer, 0.0);
        // What is frozen has no gradient; of what is shared the encoder says whether it is.
        let mut is_trained = vec![name != "frozen, shared"; layer.num_shared()];
        is_trained.extend(run.is_trained());
        let check = |analytic: &[f64], at: &[f64], value: &dyn Fn(&[f64]) -> f64| {
            let mut numeric = gradcheck::finite_differences(at, value);
            for (d, is_trained) in numeric.iter_mut().zip(&is_trained) {
                *d = if *is_trained { *d } else { 0.0 };
            }
            let check = GradientCheck::compare(analytic, &numeric);
            assert!(check.passes(), "{name}: {check}");
        };
        let (own, inputs) = (parameters.len(), x.len());
        check(&run.backward(&parameters, &x, &u), &[&parameters[..], &x].concat(), &|at| {
            let (parameters, x) = at.split_at(own);
            dot(&u, &run.forward(parameters, x))
        });
        let analytic = run.tangent_backward(&parameters, (&x, &v), (&u, &w));
        check(&analytic, &[&parameters[..], &x, &v].concat(), &|at| {
            let (parameters, rest) = at.split_at(own);
            let (x, v) = rest.split_at(inputs);
            let (y, jv) = run.along(parameters, x, v);
            dot(&u, &y) + dot(&w, &jv)
        });
        let (y, jv) = run.along(&parameters, &x, &v);
        assert_eq!(y, run.forward(&parameters, &x), "{name}");
        for (element, jv) in jv.iter().enumerate() {
            let slope = gradcheck::finite_differences(&[0.0], |at| {
                let moved: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + at[0] * v).collect();
                run.forward(&parameters, &moved)[element]
            });
            assert!((slope[0] - jv).abs() <= 1e-9, "{name}: {} {jv}", slope[0]);
        }
    }
}

/// The third: `backward` writes gradients of what is its own and adds those of what it shares, `tangent_backward`
/// adds both; and what is frozen they leave alone.
#[test]
fn gradients_are_written_or_added() {
    const BEFORE: f64 = 3.0;
    for Case { name, layer } in layers() {
        let Numbers { parameters, x, v, u, w } = Numbers::new(&*layer, SAMPLES);
        let (clean, used) = (passes(&*layer, 0.0), passes(&*layer, BEFORE));
        let shared = layer.num_shared();
        let mut is_frozen = vec![false; shared];
        is_frozen.extend(clean.is_trained().iter().map(|is_trained| !is_trained));
        let (expected, found) =
            (clean.backward(&parameters, &x, &u), used.backward(&parameters, &x, &u));
        assert_eq!(found[parameters.len()..], expected[parameters.len()..], "{name}: dx");
        for (at, &is_frozen) in is_frozen.iter().enumerate() {
            if is_frozen {
                assert_eq!((found[at], expected[at]), (BEFORE, 0.0), "{name}: {at}");
            } else if at < shared {
                assert!((found[at] - BEFORE - expected[at]).abs() < 1e-13, "{name}: {at}");
            } else {
                assert_eq!(found[at], expected[at], "{name}: {at}");
            }
        }
        let both = |run: &Passes<'_>| run.tangent_backward(&parameters, (&x, &v), (&u, &w));
        let (expected, found) = (both(&clean), both(&used));
        assert_eq!(found[parameters.len()..], expected[parameters.len()..], "{name}: dx, dv");
        for (at, &is_frozen) in is_frozen.iter().enumerate() {
            assert!((found[at] - BEFORE - expected[at]).abs() < 1e-13, "{name}: {at}");
            assert!(!is_frozen || found[at] == BEFORE, "{name}: {at}");
        }
        // Frozen as a whole, nothing of its own is written; what it shares is the encoder's to freeze.
        let mut other = layer.clone();
        other.set_frozen(true);
        assert!(other.is_frozen(), "{name}");
        let (own, end) = (shared..parameters.len(), parameters.len());
        let as_before = |gradient: &[f64]| gradient.iter().all(|&g| g == BEFORE);
        let backward =
            |layer: &dyn Layer<f64>, before| passes(layer, before).backward(&parameters, &x, &u);
        let found = backward(&*other, BEFORE);
        assert!(as_before(&found[own.clone()]), "{name}");
        assert!(as_before(&both(&passes(&*other, BEFORE))[own.clone()]), "{name}");
        assert_eq!(found[end..], used.backward(&parameters, &x, &u)[end..], "{name}");
        other.set_shared_frozen(true);
        assert!(as_before(&backward(&*other, BEFORE)[..end]), "{name}");
        // And back, all of it.
        other.set_frozen(false);
        other.set_shared_frozen(false);
        assert_eq!(other.is_frozen(), other.num_parameters() == 0, "{name}");
        assert!(passes(&*other, 0.0).is_trained().iter().all(|&is_trained| is_trained), "{name}");
        let (found, expected) = (backward(&*other, 0.0), backward(&*layer, 0.0));
        for (at, is_frozen) in is_frozen.iter().enumerate() {
            let is_shared_frozen = at < shared && name == "frozen, shared";
            assert!(*is_frozen || is_shared_frozen || found[at] == expected[at], "{name}: {at}");
        }
    }
}

/// The fourth: a column of any output depends on the same column of the inputs only, and not on its place.
#[test]
fn columns_are_independent() {
    for Case { name, layer } in layers() {
        let Numbers { parameters, x, v, u, w } = Numbers::new(&*layer, SAMPLES);
        let (inputs, outputs) = (layer.num_inputs(), layer.num_outputs());
        let run = passes(&*layer, 0.0);
        let own = parameters.len();
        // Of a Gaussian: all means, then all log-variances.
        let halves = if layer.is_gaussian() { 2 } else { 1 };
        let rows = outputs / halves;
        let of_sample = |all: &[f64], samples: usize, at: usize| -> Vec<f64> {
            let half = |half: usize| &all[half * rows * samples..][at * rows..][..rows];
            (0..halves).flat_map(half).copied().collect()
        };
        let column = |all: &[f64], at: usize| all[at * inputs..][..inputs].to_vec();
        let (y, jv) = run.along(&parameters, &x, &v);
        let dx = run.backward(&parameters, &x, &u)[own..].to_vec();
        let both = run.tangent_backward(&parameters, (&x, &v), (&u, &w));
        let (d_value, d_tangent) = both[own..].split_at(x.len());
        let alone = Passes { layer: &*layer, samples: 1, before: 0.0 };
        let mut sums = vec![0.0; own];
        for at in 0..SAMPLES {
            let (x, v) = (column(&x, at), column(&v, at));
            let (u, w) = (of_sample(&u, SAMPLES, at), of_sample(&w, SAMPLES, at));
            let (y_alone, jv_alone) = alone.along(&parameters, &x, &v);
            assert_equal(name, &y_alone, &of_sample(&y, SAMPLES, at));
            assert_equal(name, &jv_alone, &of_sample(&jv, SAMPLES, at));
            let backward = alone.backward(&parameters, &x, &u);
            assert_equal(name, &backward[own..], &column(&dx, at));
            sums.iter_mut().zip(&backward).for_each(|(sum, d)| *sum += d);
            let both = alone.tangent_backward(&parameters, (&x, &v), (&u, &w));
            let (value, tangent) = both[own..].split_at(inputs);
            assert_equal(name, value, &column(d_value, at));
            assert_equal(name, tangent, &column(d_tangent, at));
        }
        // The gradient of parameters is the sum over columns.
        assert_equal(name, &sums, &run.backward(&parameters, &x, &u)[..own]);
    }
}

/// However a layer finds the norm of its Jacobian, it is what passes find; of a Gaussian, that of the means.
#[test]
fn squared_jacobians_are_those_of_passes() {
    for Case { name, layer } in layers() {
        let Numbers { parameters, x, .. } = Numbers::new(&*layer, SAMPLES);
        let run = passes(&*layer, 0.0);
        let (value, gradient) = run.squared_jacobian(&parameters, &x, false);
        if !layer.is_gaussian() {
            let (expected, of_passes) = run.squared_jacobian(&parameters, &x, true);
            assert!((value - expected).abs() <= CLOSED_FORM * expected, "{name}");
            assert_equal(name, &gradient, &of_passes);
        }
        let (inputs, units) = (layer.num_inputs(), layer.num_units() * SAMPLES);
        let squares = (0..inputs).map(|input| {
            let mut v = vec![0.0; x.len()];
            v[input..].iter_mut().step_by(inputs).for_each(|v| *v = 1.0);
            let jv = run.along(&parameters, &x, &v).1;
            jv[..units].iter().map(|j| j * j).sum::<f64>()
        });
        let expected = squares.sum::<f64>() / SAMPLES as f64;
        assert!((value - expected).abs() <= CLOSED_FORM * expected, "{name}: {value} {expected}");
        let found = gradcheck::function(&parameters, &gradient, |parameters| {
            0.7 * run.squared_jacobian(parameters, &x, false).0
        });
        let is_frozen = name.contains("frozen");
        assert!(is_frozen || found.passes(), "{name}: {found}");
    }
}

/// A box, a frame and a copy with weights of its own change nothing.
#[test]
fn other_clothes_have_the_same_bits() {
    let chain = || Dense::<4, 5>::new(Gelu).then(Dense::<5, 3>::new(Tanh));
    let head = || Dense::<5, 2>::new(Identity);
    let gaussian = || Gaussian::new(Dense::<4, 5>::new(Tanh), head(), head());
    let all = |layer: &dyn Layer<f64>| {
        let run = passes(layer, 0.5);
        let Numbers { parameters, x, v, u, w } = Numbers::new(layer, SAMPLES);
        let (y, jv) = run.along(&parameters, &x, &v);
        let (value, gradient) = run.squared_jacobian(&parameters, &x, false);
        let of_both = run.tangent_backward(&parameters, (&x, &v), (&u, &w));
        [y, jv, run.backward(&parameters, &x, &u), of_both, vec![value], gradient]
    };
    let same = |name: &str, one: &dyn Layer<f64>, other: &dyn Layer<f64>| {
        assert_eq!(all(one), all(other), "{name}");
    };
    same("any", &chain(), &chain().boxed::<f64>());
    same("any, typed", &chain(), &chain().boxed_as::<f64>());
    same("conditioned", &chain(), &Conditioned::<3, 1, _>::new(chain()));
    same("gaussian", &gaussian(), &gaussian().boxed::<f64>());
    same("conditioned gaussian", &gaussian(), &Conditioned::<3, 1, _>::new(gaussian()));
    let twice = Activated::new(Adjoint(Adjoint(Matrix::new(4, 3))), Tanh, Dyn(4), Dyn(3));
    let (dense, twice) = (all(&Dense::dynamic(4, 3, Tanh)), all(&twice));
    assert_eq!(dense[..4], twice[..4]);
    // Without a closed form, by passes.
    dense[4..].iter().zip(&twice[4..]).for_each(|(a, b)| assert_equal("Jacobian", b, a));
}

/// What is shared is read where the encoder has it: a mirror is its detached copy with the weights transposed.
#[test]
fn a_mirror_gives_what_its_detached_copy_gives() {
    macro_rules! check {
        ($encoder:expr) => {
            let model = AutoEncoder::builder()
                .encoder($encoder)
                .decoder(Tied::new(Softplus))
                .build::<f64>();
            let model = model.unwrap();
            let (shared, own) = (model.decoder(), model.trained_decoder());
            let (shared, own): (&dyn Layer<f64>, &dyn Layer<f64>) = (shared, &own);
            let numbers = Numbers::new(own, SAMPLES);
            let mut copied = vec![f64::NAN; own.num_parameters()];
            own.draw_parameters(&mut copied, &mut seeded(1));
            let found = passes(shared, 0.0).along(model.parameters(), &numbers.x, &numbers.v);
            let expected = passes(own, 0.0).along(&copied, &numbers.x, &numbers.v);
            assert_equal("y", &found.0, &expected.0);
            assert_equal("J v", &found.1, &expected.1);
            let found = passes(shared, 0.0).squared_jacobian(model.parameters(), &numbers.x, false);
            let expected = passes(own, 0.0).squared_jacobian(&copied, &numbers.x, false);
            assert!((found.0 - expected.0).abs() <= CLOSED_FORM * expected.0);
        };
    }
    check!(Dense::<3, 4>::new(Tanh));
    check!(Dense::<3, 5>::new(Gelu).then(Dense::<5, 4>::new(Tanh)));
    check!(Activated::new(filter(), Sigmoid, Const::<4>, Const::<8>));
}

/// The laws of linear maps: the adjoint, the derivative by the weights, what was in a gradient, the norms, and
/// copies with weights of their own.
fn linear<M: Linear<f64>>(name: &str, map: &M) {
    let (inputs, outputs, own) = (map.num_inputs(), map.num_outputs(), map.num_parameters());
    assert_eq!((outputs % map.channels(), inputs % map.input_channels()), (0, 0), "{name}");
    let (rows, columns) = map.weight_shape();
    assert_eq!(rows * columns, own, "{name}");
    let rng = &mut seeded(7);
    let mut normal = |len| -> Vec<f64> { (0..len).map(|_| f64::draw_normal(rng)).collect() };
    let weights = normal(own);
    let (x, dy) = (normal(inputs * SAMPLES), normal(outputs * SAMPLES));

    let y = applied(map, &weights, &x);
    let dx = pulled_back(map, &weights, &dy);
    assert!(
        (dot(&y, &dy) - dot(&x, &dx)).abs() <= 1e-12,
        "{name}: {}",
        dot(&y, &dy) - dot(&x, &dx)
    );

    let gradient = |beta: f64, before: f64| {
        let mut gradient = vec![before; own];
        let mut scratch = vec![f64::NAN; map.scratch_len(SAMPLES)];
        let (x, dy) = (BatchView::new(&x, inputs), BatchView::new(&dy, outputs));
        map.add_weight_gradient(x, dy, beta, &mut gradient, &mut scratch);
        gradient
    };
    // What was there is not read where it does not count.
    let written = gradient(0.0, f64::NAN);
    gradcheck::function(&weights, &written, |weights| dot(&applied(map, weights, &x), &dy))
        .assert();
    let added: Vec<f64> = gradient(1.0, 2.0).iter().map(|g| g - 2.0).collect();
    assert_equal(name, &added, &written);

    for counted in 1..=inputs {
        let mut norms = vec![f64::NAN; outputs];
        assert_eq!(
            map.squared_norms(&weights, counted, &mut norms),
            map.has_squared_norms(),
            "{name}"
        );
        if map.has_squared_norms() {
            let squares = |weights: &[f64]| {
                let mut sums = vec![0.0; outputs];
                for input in 0..counted {
                    let mut unit = vec![0.0; inputs];
                    unit[input] = 1.0;
                    let mut y = vec![f64::NAN; outputs];
                    let mut scratch = vec![f64::NAN; map.scratch_len(1)];
                    let to = BatchViewMut::new(&mut y, outputs);
                    map.apply(weights, BatchView::new(&unit, inputs), to, &mut scratch);
                    sums.iter_mut().zip(&y).for_each(|(sum, y)| *sum += y * y);
                }
                sums
            };
            assert_equal(name, &norms, &squares(&weights));
            let scales: Vec<f64> = (0..outputs).map(|at| 0.3 + at as f64).collect();
            let mut gradient = vec![1.0; own];
            map.add_squared_norms_gradient(&weights, counted, &scales, &mut gradient);
            let gradient: Vec<f64> = gradient.iter().map(|g| g - 1.0).collect();
            let value = |weights: &[f64]| 0.5 * dot(&squares(weights), &scales);
            gradcheck::function(&weights, &gradient, value).assert();
        }
    }

    let mut to = vec![1.0, 2.0];
    let own_map = map.own(&weights, &mut to);
    assert_eq!((to.len(), &to[..2]), (own_map.num_parameters() + 2, &[1.0, 2.0][..]), "{name}");
    assert_equal(name, &applied(&own_map, &to[2..], &x), &y);
    assert_equal(name, &pulled_back(&own_map, &to[2..], &dy), &dx);
    let mut to = vec![1.0, 2.0];
    let back = map.transpose(&weights, &mut to);
    assert_eq!((to.len(), &to[..2]), (back.num_parameters() + 2, &[1.0, 2.0][..]), "{name}");
    assert_equal(name, &applied(&back, &to[2..], &dy), &dx);
    assert_equal(name, &pulled_back(&back, &to[2..], &x), &y);
}

fn applied<M: Linear<f64>>(map: &M, weights: &[f64], x: &[f64]) -> Vec<f64> {
    let mut y = vec![f64::NAN; map.num_outputs() * SAMPLES];
    let mut scratch = vec![f64::NAN; map.scratch_len(SAMPLES)];
    let (x, to) =
        (BatchView::new(x, map.num_inputs()), BatchViewMut::new(&mut y, map.num_outputs()));
    map.apply(weights, x, to, &mut scratch);
    y
}

fn pulled_back<M: Linear<f64>>(map: &M, weights: &[f64], dy: &[f64]) -> Vec<f64> {
    let mut dx = vec![f64::NAN; map.num_inputs() * SAMPLES];
    let mut scratch = vec![f64::NAN; map.scratch_len(SAMPLES)];
    let (dy, to) =
        (BatchView::new(dy, map.num_outputs()), BatchViewMut::new(&mut dx, map.num_inputs()));
    map.pull_back(weights, dy, to, &mut scratch);
    dx
}

#[test]
fn linear_maps() {
    linear("matrix", &Matrix::new(4, 3));
    linear("adjoint matrix", &Adjoint(Matrix::new(3, 4)));
    linear("adjoint of an adjoint", &Adjoint(Adjoint(Matrix::new(4, 3))));
    linear("filter", &filter());
    linear("filter of even length", &Filter { length: 5, channels: 3, taps: 4 });
    linear("adjoint filter", &Adjoint(filter()));
    linear("adjoint of an adjoint filter", &Adjoint(Adjoint(filter())));
    let convolution = || Conv2d::between(Image::<2, 4, 3>, Image::<4, 2, 2>, 3, Identity).groups(2);
    let convolution = convolution().stride(2).map().clone();
    linear("convolution", &convolution);
    linear("transposed convolution", &Adjoint(convolution));
    let window = Conv1d::<Window<2, 7>, Window<3, 4>, 3>::new(Identity).map().clone();
    linear("convolution of a window", &window);
    linear("transposed convolution of a window", &Adjoint(window));
    // Biases go by channel: of a filter's outputs two, of what goes back to its single series one.
    let back = Adjoint(filter());
    assert_eq!((back.channels(), back.input_channels()), (1, 2));
    let encoder = Activated::new(filter(), Tanh, Const::<4>, Const::<8>);
    let model = AutoEncoder::builder().encoder(encoder).decoder(Tied::new(Identity));
    let model = model.build::<f64>().unwrap();
    assert_eq!(
        (model.encoder().num_parameters(), model.decoder().num_parameters()),
        (2 * 3 + 2, 1)
    );
}

/// Every output is finished once, and all at last, whatever it is divided by.
#[cfg(feature = "parallel")]
fn finished<M: Linear<f64>>(name: &str, map: &M, samples: usize) {
    let rng = &mut seeded(7);
    let (inputs, outputs) = (map.num_inputs(), map.num_outputs());
    let mut drawn = |len: usize| -> Vec<f64> { (0..len).map(|_| f64::draw_normal(rng)).collect() };
    let (weights, x) = (drawn(map.num_parameters()), drawn(inputs * samples));
    let x = BatchView::new(&x, inputs);
    let mut scratch = vec![0.0; map.scratch_len(samples)];
    let mut expected = vec![0.0; outputs * samples];
    map.apply(&weights, x, BatchViewMut::new(&mut expected, outputs), &mut scratch);
    for (at, y) in expected.iter_mut().enumerate() {
        *y = 2.0 * *y + (at % outputs) as f64;
    }
    for threads in [1, 2, 3, 5] {
        let mut y = vec![f64::NAN; outputs * samples];
        let finish = |rows: std::ops::Range<usize>, part: &mut [f64]| {
            assert_eq!(part.len() % rows.len(), 0);
            part.iter_mut().zip(rows.cycle()).for_each(|(y, row)| *y = 2.0 * *y + row as f64);
        };
        let view = BatchViewMut::new(&mut y, outputs);
        let threads = Threads::new(threads).unwrap();
        threads.run(|| map.apply_then(&weights, x, view, &mut scratch, &finish));
        assert_eq!(y, expected, "{name}: {samples} samples, {threads:?}");
    }
}

#[cfg(feature = "parallel")]
#[test]
fn every_output_of_a_linear_map_is_finished_once() {
    for samples in [1, 7, 300] {
        finished("filter", &filter(), samples);
        let convolution = Conv2d::<Image<2, 28, 28>, Image<3, 14, 14>, 3>::new(Identity);
        finished("convolution", convolution.map(), samples);
        finished("transposed convolution", &Adjoint(convolution.map().clone()), samples);
        for (inputs, outputs) in [(1, 1), (300, 70), (70, 300), (40, 700)] {
            finished("matrix", &Matrix::new(inputs, outputs), samples);
            finished("adjoint", &Adjoint(Matrix::new(inputs, outputs)), samples);
        }
    }
}
