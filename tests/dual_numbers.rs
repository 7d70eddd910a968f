//! An independent implementation in dual numbers, which carry exact derivatives along: its gradients
//! and ours agree to rounding.

use autoencoder::activation::{Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::Dyn;
use num_dual::{Dual64, DualNum, HyperDual64};
use rand::RngExt;

/// The relative error of a gradient, by its norm.
const TOLERANCE: f64 = 1e-11;

const INPUTS: usize = 4;
const CODE: usize = 3;
const SAMPLES: usize = 3;

fn sigmoid<D: DualNum<Primitive = f64> + Copy>(z: D) -> D {
    ((-z).exp() + 1.0).recip()
}

/// tanh by its exponentials, so that nothing is taken from a library's own tanh.
fn tanh<D: DualNum<Primitive = f64> + Copy>(z: D) -> D {
    sigmoid(z * 2.0) * 2.0 - 1.0
}

/// A net of one hidden layer: (values of the code, outputs), column by column.
fn forward<D: DualNum<Primitive = f64> + Copy>(
    theta: &[D],
    x: &[D],
    s: fn(D) -> D,
) -> (Vec<D>, Vec<D>) {
    let (w1, rest) = theta.split_at(CODE * INPUTS);
    let (b1, rest) = rest.split_at(CODE);
    let (w2, b2) = rest.split_at(INPUTS * CODE);
    let code: Vec<D> = (0..CODE)
        .map(|j| s((0..INPUTS).fold(b1[j], |sum, i| sum + w1[j + CODE * i] * x[i])))
        .collect();
    let output = (0..INPUTS)
        .map(|i| (0..CODE).fold(b2[i], |sum, j| sum + w2[i + INPUTS * j] * code[j]))
        .collect();
    (code, output)
}

/// What a regularizer or a loss adds, written for any number type.
type Objective = fn(theta: &[Dual64], x: &[f64], s: fn(Dual64) -> Dual64) -> Dual64;

fn squared_error(theta: &[Dual64], x: &[f64], s: fn(Dual64) -> Dual64) -> Dual64 {
    mean_over_samples(theta, x, s, |x, y| (y - x).powi(2) * 0.5)
}

fn bernoulli(theta: &[Dual64], x: &[f64], s: fn(Dual64) -> Dual64) -> Dual64 {
    mean_over_samples(theta, x, s, |x, a| -(sigmoid(a).ln() * x + sigmoid(-a).ln() * (1.0 - x)))
}

fn mean_over_samples(
    theta: &[Dual64],
    x: &[f64],
    s: fn(Dual64) -> Dual64,
    element: fn(f64, Dual64) -> Dual64,
) -> Dual64 {
    let mut total = Dual64::from(0.0);
    for x in x.chunks(INPUTS) {
        let inputs: Vec<Dual64> = x.iter().map(|&x| Dual64::from(x)).collect();
        let (_, y) = forward(theta, &inputs, s);
        for (&x, y) in x.iter().zip(y) {
            total += element(x, y);
        }
    }
    total / SAMPLES as f64
}

/// 0.7 · KL(0.2 ‖ p) of each unit, for a code between `low` and 1.
fn sparse(theta: &[Dual64], x: &[f64], s: fn(Dual64) -> Dual64, low: f64) -> Dual64 {
    let mut means = [Dual64::from(0.0); CODE];
    for x in x.chunks(INPUTS) {
        let inputs: Vec<Dual64> = x.iter().map(|&x| Dual64::from(x)).collect();
        for (mean, h) in means.iter_mut().zip(forward(theta, &inputs, s).0) {
            *mean += h / SAMPLES as f64;
        }
    }
    means.iter().fold(Dual64::from(0.0), |sum, &mean| {
        let p = (mean - low) / (1.0 - low);
        sum + ((p / 0.2).ln() * -0.2 + ((-p + 1.0) / 0.8).ln() * -0.8) * 0.7
    })
}

fn check(name: &str, found: &[f64], expected: &[f64]) {
    let error = gradcheck::GradientCheck::compare(found, expected);
    assert!(error.norm_error <= TOLERANCE, "{name}: {error}");
}

/// Exact gradient of an objective by one dual pass a parameter.
fn gradient(parameters: &[f64], objective: impl Fn(&[Dual64]) -> Dual64) -> Vec<f64> {
    (0..parameters.len())
        .map(|index| {
            let seed = |k: usize| if k == index { 1.0 } else { 0.0 };
            let theta: Vec<Dual64> =
                parameters.iter().enumerate().map(|(k, &p)| Dual64::new(p, seed(k))).collect();
            objective(&theta).eps
        })
        .collect()
}

fn data() -> Batch<f64, Dyn> {
    let rng = &mut seeded(11);
    let values = (0..INPUTS * SAMPLES).map(|_| 0.05 + 0.9 * rng.random::<f64>()).collect();
    Batch::new(Dyn(INPUTS), values).unwrap()
}

/// Our gradient of a model with parameters drawn at random, biases too; and those parameters.
macro_rules! ours {
    ($activation:expr, $regularizer:expr, $loss:expr) => {{
        let mut model = AutoEncoder::builder()
            .encoder(Dense::dynamic(INPUTS, CODE, $activation))
            .decoder(Dense::dynamic(CODE, INPUTS, Identity))
            .regularizer($regularizer)
            .loss($loss)
            .build::<f64>()
            .unwrap();
        let rng = &mut seeded(12);
        let parameters: Vec<f64> =
            (0..model.num_parameters()).map(|_| f64::draw_normal(rng)).collect();
        model.set_parameters(&parameters).unwrap();
        let mut gradient = vec![0.0; parameters.len()];
        model.objective(&data(), None, Some(&mut gradient)).unwrap();
        (gradient, parameters)
    }};
}

#[test]
fn activations_and_losses() {
    macro_rules! run {
        ($activation:expr, $s:expr) => {{
            let objectives: [(&str, Objective); 2] =
                [("squared_error", squared_error), ("bernoulli", bernoulli)];
            for (name, objective) in objectives {
                let (found, parameters) = if name == "bernoulli" {
                    ours!($activation, NoRegularizer, BernoulliCrossEntropy)
                } else {
                    ours!($activation, NoRegularizer, SquaredError)
                };
                let x = data();
                let expected = gradient(&parameters, |theta| objective(theta, x.as_slice(), $s));
                check(stringify!($activation), &found, &expected);
            }
        }};
    }
    run!(Identity, |z| z);
    run!(Sigmoid, sigmoid);
    run!(Tanh, tanh);
    run!(Softplus, |z| (z.exp() + 1.0).ln());
    run!(Relu, |z| if z.re > 0.0 { z } else { z * 0.0 });
    run!(LeakyRelu::new(0.2).unwrap(), |z| if z.re > 0.0 { z } else { z * 0.2 });
    run!(Elu::new(0.6).unwrap(), |z| if z.re > 0.0 { z } else { (z.exp() - 1.0) * 0.6 });
    // z Φ(z), with the derivative of the error function given by hand.
    run!(Gelu, |z: Dual64| {
        let argument = z.re / 2.0_f64.sqrt();
        let slope = (-argument * argument).exp() / std::f64::consts::PI.sqrt() * 2.0;
        let erf = Dual64::new(libm::erf(argument), slope * z.eps / 2.0_f64.sqrt());
        z * (erf + 1.0) * 0.5
    });
}

#[test]
fn penalties() {
    let x = data();
    let kl = SparseKl::new(0.2, 0.7).unwrap();
    let (found, parameters) = ours!(Sigmoid, kl, SquaredError);
    let expected = gradient(&parameters, |theta| {
        squared_error(theta, x.as_slice(), sigmoid) + sparse(theta, x.as_slice(), sigmoid, 0.0)
    });
    check("sparse sigmoid", &found, &expected);

    let (found, parameters) = ours!(Tanh, kl, SquaredError);
    let expected = gradient(&parameters, |theta| {
        squared_error(theta, x.as_slice(), tanh) + sparse(theta, x.as_slice(), tanh, -1.0)
    });
    check("sparse tanh", &found, &expected);

    let (found, parameters) = ours!(Tanh, WeightDecay::new(0.3).unwrap(), SquaredError);
    let expected = gradient(&parameters, |theta| {
        let weights = theta[..12].iter().chain(&theta[15..27]);
        let squares = weights.fold(Dual64::from(0.0), |sum, &w| sum + w * w);
        squared_error(theta, x.as_slice(), tanh) + squares * 0.15
    });
    check("weight decay", &found, &expected);
}

/// ‖J‖² and its gradient in second-order duals: ∂h/∂xᵢ is the first part, ∂²h/∂xᵢ∂θ the mixed one.
#[test]
fn the_contractive_penalty() {
    type Case = (&'static str, fn(HyperDual64) -> HyperDual64, fn(Dual64) -> Dual64);
    let cases: [Case; 2] = [("sigmoid", sigmoid, sigmoid), ("tanh", tanh, tanh)];
    for (name, s, first_order) in cases {
        let contractive = Contractive::new(0.3).unwrap();
        let (found, parameters) = if name == "sigmoid" {
            ours!(Sigmoid, contractive, SquaredError)
        } else {
            ours!(Tanh, contractive, SquaredError)
        };
        let x = data();
        let mut expected =
            gradient(&parameters, |theta| squared_error(theta, x.as_slice(), first_order));
        for (k, expected) in expected.iter_mut().enumerate() {
            for (sample, i) in x.iter().flat_map(|x| (0..INPUTS).map(move |i| (x, i))) {
                let unit = |on: bool| if on { 1.0 } else { 0.0 };
                let theta: Vec<HyperDual64> = (parameters.iter().enumerate())
                    .map(|(j, &p)| HyperDual64::new(p, unit(j == k), 0.0, 0.0))
                    .collect();
                let inputs: Vec<HyperDual64> = (sample.iter().enumerate())
                    .map(|(j, &x)| HyperDual64::new(x, 0.0, unit(j == i), 0.0))
                    .collect();
                for h in forward(&theta, &inputs, s).0 {
                    // d/dθ (∂h/∂xᵢ)² = 2 ∂h/∂xᵢ · ∂²h/∂xᵢ∂θ
                    *expected += 0.3 / SAMPLES as f64 * 2.0 * h.eps2 * h.eps1eps2;
                }
            }
        }
        check(name, &found, &expected);
    }
}
