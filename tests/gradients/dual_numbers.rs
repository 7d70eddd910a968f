//! An independent implementation in dual numbers, which carry exact derivatives along: its gradients
//! and ours agree to rounding.

use autoencoder::activation::{Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::posterior::Posterior;
use autoencoder::random::{Streams, seeded};
use autoencoder::*;
use common::DUAL;
use nalgebra::Dyn;
use num_dual::{Dual64, DualNum, HyperDual64};
use rand::RngExt;

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

fn squared_error(theta: &[Dual64], x: &[f64], s: fn(Dual64) -> Dual64) -> Dual64 {
    mean_over_samples(theta, x, s, |x, y| (y - x).powi(2) * 0.5)
}

fn bernoulli(theta: &[Dual64], x: &[f64], s: fn(Dual64) -> Dual64) -> Dual64 {
    mean_over_samples(theta, x, s, |x, a| -(sigmoid(a).ln() * x + sigmoid(-a).ln() * (1.0 - x)))
}

/// δ = 0.5, so that some errors are on either side.
fn huber(theta: &[Dual64], x: &[f64], s: fn(Dual64) -> Dual64) -> Dual64 {
    mean_over_samples(theta, x, s, |x, y| {
        let error = y - x;
        if error.re.abs() <= 0.5 {
            error.powi(2) * 0.5
        } else {
            (error * error.re.signum() - 0.25) * 0.5
        }
    })
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
    assert!(error.norm_error <= DUAL, "{name}: {error}");
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
            run!($activation, $s, squared_error, SquaredError);
            run!($activation, $s, bernoulli, BernoulliCrossEntropy);
            run!($activation, $s, huber, Huber::new(0.5).unwrap());
        }};
        ($activation:expr, $s:expr, $objective:ident, $loss:expr) => {{
            let (found, parameters) = ours!($activation, NoRegularizer, $loss);
            let x = data();
            let expected = gradient(&parameters, |theta| $objective(theta, x.as_slice(), $s));
            check(stringify!($activation, $objective), &found, &expected);
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
    let (found, parameters) = ours!(Sigmoid, kl.clone(), SquaredError);
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

/// ∇ mean ‖∂h/∂x‖² of an encoder in second-order duals: ε₁ along a parameter, ε₂ along an input.
fn squared_jacobian_gradient(
    parameters: &[f64],
    x: &[f64],
    encoder: impl Fn(&[HyperDual64], &[HyperDual64]) -> Vec<HyperDual64>,
) -> Vec<f64> {
    let unit = |on: bool| if on { 1.0 } else { 0.0 };
    let derivative = |k: usize| {
        let theta: Vec<HyperDual64> = (parameters.iter().enumerate())
            .map(|(j, &p)| HyperDual64::new(p, unit(j == k), 0.0, 0.0))
            .collect();
        let mut sum = 0.0;
        for (sample, i) in x.chunks(INPUTS).flat_map(|x| (0..INPUTS).map(move |i| (x, i))) {
            let inputs: Vec<HyperDual64> = (sample.iter().enumerate())
                .map(|(j, &x)| HyperDual64::new(x, 0.0, unit(j == i), 0.0))
                .collect();
            // d/dθ (∂h/∂xᵢ)² = 2 ∂h/∂xᵢ · ∂²h/∂xᵢ∂θ
            sum += encoder(&theta, &inputs).iter().map(|h| 2.0 * h.eps2 * h.eps1eps2).sum::<f64>();
        }
        sum / SAMPLES as f64
    };
    (0..parameters.len()).map(derivative).collect()
}

/// z Φ(z), with the first two derivatives of the error function given by hand.
fn hyper_gelu(z: HyperDual64) -> HyperDual64 {
    let u = z * std::f64::consts::FRAC_1_SQRT_2;
    let first = (-u.re * u.re).exp() * std::f64::consts::FRAC_2_SQRT_PI;
    let second = -2.0 * u.re * first;
    let mixed = first * u.eps1eps2 + second * u.eps1 * u.eps2;
    let erf = HyperDual64::new(libm::erf(u.re), first * u.eps1, first * u.eps2, mixed);
    z * (erf + 1.0) * 0.5
}

/// The loss's part of the gradient is ours; the test above proves it.
#[test]
fn the_contractive_penalty_of_one_layer() {
    macro_rules! run {
        ($activation:expr, $s:expr) => {{
            let (with, parameters) =
                ours!($activation, Contractive::new(0.3).unwrap(), SquaredError);
            let (without, _) = ours!($activation, NoRegularizer, SquaredError);
            let x = data();
            let penalty = squared_jacobian_gradient(&parameters, x.as_slice(), |theta, x| {
                forward(theta, x, $s).0
            });
            let expected: Vec<f64> =
                without.iter().zip(penalty).map(|(loss, penalty)| loss + 0.3 * penalty).collect();
            check(stringify!($activation), &with, &expected);
        }};
    }
    run!(Identity, |z| z);
    run!(Sigmoid, sigmoid);
    run!(Tanh, tanh);
    run!(Softplus, |z| (z.exp() + 1.0).ln());
    run!(Relu, |z| if z.re > 0.0 { z } else { z * 0.0 });
    run!(LeakyRelu::new(0.2).unwrap(), |z| if z.re > 0.0 { z } else { z * 0.2 });
    run!(Elu::new(0.6).unwrap(), |z| if z.re > 0.0 { z } else { (z.exp() - 1.0) * 0.6 });
    run!(Gelu, hyper_gelu);
}

/// s(W x + b), and the parameters that are left.
fn dense<'a, D: DualNum<Primitive = f64> + Copy>(
    theta: &'a [D],
    x: &[D],
    outputs: usize,
    s: fn(D) -> D,
) -> (Vec<D>, &'a [D]) {
    let (w, rest) = theta.split_at(outputs * x.len());
    let (b, rest) = rest.split_at(outputs);
    let sums = (0..outputs)
        .map(|j| x.iter().enumerate().fold(b[j], |sum, (i, &x)| sum + w[j + outputs * i] * x));
    (sums.map(s).collect(), rest)
}

/// Two layers: by cotangents where the code is narrower than the input, by tangents where not.
#[test]
fn the_contractive_penalty_of_two_layers() {
    const HIDDEN: usize = 3;
    for code in [2, 6] {
        let run = |weight| {
            let encoder =
                Dense::dynamic(INPUTS, HIDDEN, Tanh).then(Dense::dynamic(HIDDEN, code, Sigmoid));
            let mut model = AutoEncoder::builder()
                .encoder(encoder)
                .decoder(Dense::dynamic(code, INPUTS, Identity))
                .regularizer(Contractive::new(weight).unwrap())
                .build::<f64>()
                .unwrap();
            let rng = &mut seeded(13);
            let parameters: Vec<f64> =
                (0..model.num_parameters()).map(|_| f64::draw_normal(rng)).collect();
            model.set_parameters(&parameters).unwrap();
            let mut gradient = vec![0.0; parameters.len()];
            model.objective(&data(), None, Some(&mut gradient)).unwrap();
            (gradient, parameters)
        };
        let ((with, parameters), (without, _)) = (run(0.3), run(0.0));
        let penalty = squared_jacobian_gradient(&parameters, data().as_slice(), |theta, x| {
            let (hidden, rest) = dense(theta, x, HIDDEN, tanh);
            dense(rest, &hidden, code, sigmoid).0
        });
        let expected: Vec<f64> =
            without.iter().zip(penalty).map(|(loss, penalty)| loss + 0.3 * penalty).collect();
        check(&format!("code of {code}"), &with, &expected);
    }
}

/// w (x − μ) / √(σ² + 0.1) + b of all values, and the parameters that are left.
fn layer_norm<'a, D: DualNum<Primitive = f64> + Copy>(
    theta: &'a [D],
    x: &[D],
) -> (Vec<D>, &'a [D]) {
    let (w, rest) = theta.split_at(x.len());
    let (b, rest) = rest.split_at(x.len());
    let mean =
        |of: &dyn Fn(D) -> D| x.iter().fold(D::from(0.0), |sum, &x| sum + of(x)) / x.len() as f64;
    let mu = mean(&|x| x);
    let scale = (mean(&|x| (x - mu) * (x - mu)) + 0.1).sqrt().recip();
    let values = x.iter().zip(w.iter().zip(b)).map(|(&x, (&w, &b))| w * (x - mu) * scale + b);
    (values.collect(), rest)
}

/// x + tanh(W norm(x) + b) inside an encoder: by cotangents where the code is narrower than the input, by tangents
/// where not.
#[test]
fn the_contractive_penalty_of_normalized_and_residual_layers() {
    const HIDDEN: usize = 3;
    for code in [2, 6] {
        let run = |weight| {
            let norm = LayerNorm::dynamic(HIDDEN).epsilon(0.1).unwrap();
            let body = norm.then(Dense::dynamic(HIDDEN, HIDDEN, Tanh));
            let encoder = Dense::dynamic(INPUTS, HIDDEN, Tanh).then(Residual::new(body));
            let mut model = AutoEncoder::builder()
                .encoder(encoder.then(Dense::dynamic(HIDDEN, code, Sigmoid)))
                .decoder(Dense::dynamic(code, INPUTS, Identity))
                .regularizer(Contractive::new(weight).unwrap())
                .build::<f64>()
                .unwrap();
            let rng = &mut seeded(13);
            let parameters: Vec<f64> =
                (0..model.num_parameters()).map(|_| f64::draw_normal(rng)).collect();
            model.set_parameters(&parameters).unwrap();
            let mut gradient = vec![0.0; parameters.len()];
            model.objective(&data(), None, Some(&mut gradient)).unwrap();
            (gradient, parameters)
        };
        let ((with, parameters), (without, _)) = (run(0.3), run(0.0));
        let penalty = squared_jacobian_gradient(&parameters, data().as_slice(), |theta, x| {
            let (hidden, rest) = dense(theta, x, HIDDEN, tanh);
            let (inside, rest) = layer_norm(rest, &hidden);
            let (inside, rest) = dense(rest, &inside, HIDDEN, tanh);
            let sums: Vec<_> = hidden.iter().zip(inside).map(|(&x, f)| x + f).collect();
            dense(rest, &sums, code, sigmoid).0
        });
        let expected: Vec<f64> =
            without.iter().zip(penalty).map(|(loss, penalty)| loss + 0.3 * penalty).collect();
        check(&format!("code of {code}"), &with, &expected);
    }
}

/// The whole objective of a variational model, as it is trained: a drawn code, the divergence,
/// the loss.
#[test]
fn the_variational_objective() {
    const HIDDEN: usize = 5;
    const LATENT: usize = 2;
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::dynamic(INPUTS, HIDDEN, Tanh),
            Dense::dynamic(HIDDEN, LATENT, Identity),
            Dense::dynamic(HIDDEN, LATENT, Identity),
        ))
        .decoder(Dense::dynamic(LATENT, INPUTS, Identity))
        .regularizer(Variational::new(0.8).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    let rng = &mut seeded(14);
    let parameters: Vec<f64> = (0..model.num_parameters()).map(|_| f64::draw_normal(rng)).collect();
    model.set_parameters(&parameters).unwrap();

    // A standard normal posterior shows the noise: z = 0 + 1 · ε. `at(1)` is the draw of a code.
    let streams = Streams::new(9, 0, &[]);
    let mut standard = Posterior::<f64>::new(LATENT, true);
    standard.resize(SAMPLES);
    standard.set_zero();
    let mut epsilon = Batch::zeros(Dyn(LATENT), SAMPLES);
    let mut kept = vec![0.0; standard.noise_len()];
    standard.draw_code(streams.at(1), epsilon.view_mut(), &mut kept);

    let x = data();
    let objective = |theta: &[Dual64], epsilon: &[f64]| {
        let mut total = Dual64::from(0.0);
        for (x, epsilon) in x.as_slice().chunks(INPUTS).zip(epsilon.chunks(LATENT)) {
            let inputs: Vec<Dual64> = x.iter().map(|&x| Dual64::from(x)).collect();
            let (hidden, rest) = dense(theta, &inputs, HIDDEN, tanh);
            let (mu, rest) = dense(rest, &hidden, LATENT, |z| z);
            let (lv, rest) = dense(rest, &hidden, LATENT, |z| z);
            let mut z = Vec::new();
            for ((&mu, &lv), &epsilon) in mu.iter().zip(&lv).zip(epsilon) {
                z.push(mu + (lv * 0.5).exp() * epsilon);
                total += (lv + 1.0 - mu * mu - lv.exp()) * -0.5 * 0.8;
            }
            for (&x, a) in x.iter().zip(dense(rest, &z, INPUTS, |a| a).0) {
                total += -(sigmoid(a).ln() * x + sigmoid(-a).ln() * (1.0 - x));
            }
        }
        total / SAMPLES as f64
    };
    let mut found = vec![0.0; parameters.len()];
    model.objective(&x, Some(streams), Some(&mut found)).unwrap();
    let expected = gradient(&parameters, |theta| objective(theta, epsilon.as_slice()));
    check("drawn code", &found, &expected);

    // Without streams nothing is drawn: the mean is the code.
    model.objective(&x, None, Some(&mut found)).unwrap();
    let expected = gradient(&parameters, |theta| objective(theta, &[0.0; LATENT * SAMPLES]));
    check("mean as code", &found, &expected);
}
