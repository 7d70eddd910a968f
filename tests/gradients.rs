//! Every gradient against finite differences of fourth order, in f64, and planted mistakes that
//! must be caught.

use autoencoder::activation::*;
use autoencoder::corruption::{Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::decoder::{BoxedDecoder, DynDecoder};
use autoencoder::encoder::{BoxedEncoder, Inference};
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::layer::jacobian::{self, Jacobian, JacobianGradient};
use autoencoder::layer::{DenseDescription, DualViewMut, Pass, TangentPass};
use autoencoder::posterior::{DiagonalGaussian, Gaussianlike, Point, Posterior};
use autoencoder::random::{Streams, seeded};
use autoencoder::*;
use nalgebra::{Const, Dyn};
use rand::{Rng, RngExt};

/// Where the steps of a finite difference cross a kink, differences with two step lengths disagree
/// by more than the tolerance; such a case says nothing and is drawn anew.
const SMOOTH: f64 = gradcheck::NORM_TOLERANCE / 4.0;
/// At most this share of the cases may be drawn anew.
const MOST_REDRAWN: f64 = 0.4;

type BoxedLayer<R> = Box<dyn Layer<Scalar = f64, Input = Dyn, Output = Dyn, Range = R>>;

/// An activation by number, boxed, whatever its range.
#[derive(Debug)]
struct Any(Box<dyn Scalars>);

/// What an activation is without its range.
trait Scalars: std::fmt::Debug + Send + Sync {
    fn v(&self, z: f64) -> f64;
    fn d(&self, z: f64, h: f64) -> f64;
    fn dd(&self, z: f64, h: f64) -> f64;
    fn reads(&self) -> bool;
}
impl<A: Activation<f64>> Scalars for A {
    fn v(&self, z: f64) -> f64 {
        self.value(z)
    }
    fn d(&self, z: f64, h: f64) -> f64 {
        self.derivative(z, h)
    }
    fn dd(&self, z: f64, h: f64) -> f64 {
        self.second_derivative(z, h)
    }
    fn reads(&self) -> bool {
        self.reads_preactivation()
    }
}
/// Claims to be real, so that it can end a decoder of logits too.
impl Activation<f64> for Any {
    type Range = range::Real;
    fn name(&self) -> &'static str {
        "any"
    }
    fn value(&self, z: f64) -> f64 {
        self.0.v(z)
    }
    fn derivative(&self, z: f64, h: f64) -> f64 {
        self.0.d(z, h)
    }
    fn second_derivative(&self, z: f64, h: f64) -> f64 {
        self.0.dd(z, h)
    }
    fn reads_preactivation(&self) -> bool {
        self.0.reads()
    }
}

const ACTIVATIONS: usize = 8;
fn activation(number: usize) -> Any {
    let slope = LeakyRelu::new(0.3).unwrap();
    Any(match number % ACTIVATIONS {
        0 => Box::new(Sigmoid) as Box<dyn Scalars>,
        1 => Box::new(Tanh),
        2 => Box::new(Identity),
        3 => Box::new(Relu),
        4 => Box::new(slope),
        5 => Box::new(Elu::new(0.7).unwrap()),
        6 => Box::new(Gelu),
        _ => Box::new(Softplus),
    })
}

fn dense<A: Activation<f64> + 'static>(
    inputs: usize,
    outputs: usize,
    a: A,
) -> BoxedLayer<A::Range> {
    Box::new(Build::<f64>::build(DenseDescription::new(Dyn(inputs), Dyn(outputs), a)))
}

/// A net through these sizes, of random activations, ending in `last`.
fn net<A: Activation<f64> + 'static>(
    sizes: &[usize],
    rng: &mut impl Rng,
    last: A,
) -> BoxedLayer<A::Range> {
    match sizes {
        [inputs, outputs] => dense(*inputs, *outputs, last),
        [inputs, next, rest @ ..] => {
            let first = dense(*inputs, *next, activation(rng.random_range(0..ACTIVATIONS)));
            let mut later = vec![*next];
            later.extend(rest);
            Box::new(Build::<f64>::build(first.then(net(&later, rng, last))))
        }
        _ => unreachable!("a net has at least two sizes"),
    }
}

fn sizes(from: usize, to: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut sizes = vec![from];
    for _ in 0..rng.random_range(0..3) {
        sizes.push(rng.random_range(1..=9));
    }
    sizes.push(to);
    sizes
}

/// Uniform in [0.05, 0.95], so that every loss accepts it.
fn data(features: usize, samples: usize, rng: &mut impl Rng) -> Batch<f64, Dyn> {
    let values = (0..features * samples).map(|_| 0.05 + 0.9 * rng.random::<f64>()).collect();
    Batch::new(Dyn(features), values).unwrap()
}

fn normal(len: usize, rng: &mut impl Rng) -> Vec<f64> {
    (0..len).map(|_| f64::draw_normal(rng)).collect()
}

/// Central differences of fourth order with a step of our own, to see whether a function is smooth.
fn differences(at: &[f64], step: f64, mut value: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut x = at.to_vec();
    let gradient = (0..at.len()).map(|index| {
        let step = step * at[index].abs().max(1.0);
        let mut shifted = |steps: f64| {
            x[index] = at[index] + steps * step;
            value(&x)
        };
        let (near, far) = (shifted(1.0) - shifted(-1.0), shifted(2.0) - shifted(-2.0));
        x[index] = at[index];
        (8.0 * near - far) / (12.0 * step)
    });
    gradient.collect()
}

/// Checks a gradient; `None` if the function is not smooth there.
fn check(
    at: &[f64],
    analytic: &[f64],
    mut value: impl FnMut(&[f64]) -> f64,
) -> Option<GradientCheck> {
    let check = gradcheck::function(at, analytic, &mut value);
    if check.passes() {
        return Some(check);
    }
    // Only now is it worth asking; a wrong gradient of a smooth function stays a failure.
    let (coarse, fine) = (differences(at, 1e-3, &mut value), differences(at, 2.3e-4, &mut value));
    let disagree = GradientCheck::compare(&coarse, &fine);
    (disagree.norm_error <= SMOOTH).then_some(check)
}

/// Counts cases: those checked, and those drawn anew because of a kink.
#[derive(Default)]
struct Count {
    checked: usize,
    redrawn: usize,
}
impl Count {
    fn add(&mut self, check: Option<GradientCheck>, case: &dyn std::fmt::Debug) {
        match check {
            Some(check) => {
                assert!(check.passes(), "{case:?}: {check}");
                self.checked += 1;
            }
            None => self.redrawn += 1,
        }
    }
    fn assert_at_least(&self, cases: usize) {
        assert!(self.checked >= cases, "only {} cases were smooth", self.checked);
        let all = (self.checked + self.redrawn) as f64;
        assert!((self.redrawn as f64) < MOST_REDRAWN * all, "{} of {all} redrawn", self.redrawn);
    }
}

/// A model's training objective, its gradient for all parameters.
fn check_model<E, D, R, L>(
    model: &AutoEncoder<E, D, R, L>,
    x: &Batch<f64, E::Input>,
    seed: u64,
) -> Option<GradientCheck>
where
    E: Encoder<Scalar = f64>,
    D: Decoder<Scalar = f64, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    let check = gradcheck::model(model, x, seed).unwrap();
    if check.passes() {
        return Some(check);
    }
    let streams = Some(Streams::new(seed, 0, &[]));
    let value = |parameters: &[f64]| model.objective_at(parameters, x, streams).unwrap().total();
    let numeric = |step| differences(model.parameters(), step, value);
    let disagree = GradientCheck::compare(&numeric(1e-3), &numeric(2.3e-4));
    (disagree.norm_error <= SMOOTH).then_some(check)
}

fn loss<D: Decoder<Scalar = f64, Range = range::Real>>(number: usize) -> Box<dyn Loss<D>> {
    match number % 4 {
        0 | 1 => Box::new(SquaredError),
        2 => Box::new(BernoulliCrossEntropy),
        _ => Box::new(Huber::new(0.4).unwrap()),
    }
}

fn corruption(number: usize) -> Box<dyn Corruption<f64>> {
    match number % 4 {
        0 => Box::new(GaussianNoise::new(0.1).unwrap()),
        1 => Box::new(Masking::new(0.4).unwrap()),
        2 => Box::new(SaltAndPepper::new(0.3).unwrap()),
        _ => Box::new((Masking::new(0.2).unwrap(), GaussianNoise::new(0.1).unwrap())),
    }
}

/// Regularizers for every encoder.
const FOR_ALL: usize = 8;
fn regularizer<E: Encoder<Scalar = f64> + 'static>(number: usize) -> Box<dyn Regularizer<E>> {
    match number % FOR_ALL {
        0 => Box::new(NoRegularizer),
        1 => Box::new(Contractive::new(0.3).unwrap()),
        2 => Box::new(Contractive::new(0.3).unwrap().hutchinson(2).unwrap()),
        3 => Box::new(Denoising::new(corruption(number / FOR_ALL))),
        4 => Box::new(WeightDecay::new(0.1).unwrap()),
        5 => Box::new(CodeL1::new(0.2).unwrap()),
        6 => Box::new((
            Contractive::new(0.2).unwrap(),
            Denoising::new(corruption(number)),
            WeightDecay::new(0.05).unwrap(),
        )),
        _ => Box::new(vec![
            Box::new(CodeL1::new(0.1).unwrap()) as Box<dyn Regularizer<E>>,
            Box::new(Contractive::new(0.1).unwrap()),
        ]),
    }
}

fn sparse<E: Encoder<Scalar = f64> + 'static>(number: usize) -> Box<dyn Regularizer<E>>
where
    E::Range: range::Bounded,
{
    let plain = SparseKl::new(0.2, 0.7).unwrap();
    match number % 4 {
        0 => Box::new(plain),
        1 => Box::new(plain.running(0.8).unwrap()),
        2 => Box::new((Contractive::new(0.2).unwrap(), plain)),
        _ => Box::new((plain, Denoising::new(corruption(number)), Nothing)),
    }
}

/// Stands for a part that does nothing, at the end of a tuple.
#[derive(Debug)]
struct Nothing;
impl<E: Encoder> Regularizer<E> for Nothing {}

/// Gives the regularizer's state, if it has any, values other than zero.
fn train_a_little<E, D, R, L>(model: &mut AutoEncoder<E, D, R, L>, x: &Batch<f64, E::Input>)
where
    E: Encoder<Scalar = f64>,
    D: Decoder<Scalar = f64, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    Trainer::new(Sgd::new(1e-3).unwrap()).epochs(3).batch_size(4).fit(model, x).unwrap();
}

#[test]
fn parameters_of_point_models_over_a_sweep_of_shapes() {
    let mut count = Count::default();
    for case in 0..520_usize {
        let rng = &mut seeded(case as u64);
        let (inputs, code, samples) =
            (rng.random_range(1..=9), rng.random_range(1..=9), rng.random_range(1..=9));
        let encoder_sizes = sizes(inputs, code, rng);
        let decoder_sizes = sizes(code, inputs, rng);
        let encoder = net(&encoder_sizes, rng, activation(case));
        let decoder: BoxedLayer<range::Real> =
            net(&decoder_sizes, rng, activation(case / ACTIVATIONS));
        let mut model = AutoEncoder::builder()
            .encoder(encoder)
            .decoder(decoder)
            .regularizer(regularizer(case / 3))
            .loss(loss(case / 5))
            .seed(case as u64)
            .build::<f64>()
            .unwrap();
        let x = data(inputs, samples, rng);
        train_a_little(&mut model, &x);
        count.add(check_model(&model, &x, case as u64), &(case, encoder_sizes, decoder_sizes));
    }
    count.assert_at_least(300);
}

#[test]
fn parameters_of_sparse_models() {
    let mut count = Count::default();
    for case in 0..120_usize {
        let rng = &mut seeded(1000 + case as u64);
        let (inputs, code, samples) =
            (rng.random_range(1..=9), rng.random_range(1..=9), rng.random_range(1..=9));
        let encoder_sizes = sizes(inputs, code, rng);
        let decoder = net(&[code, inputs], rng, activation(case));
        macro_rules! run {
            ($last:expr) => {{
                let mut model = AutoEncoder::builder()
                    .encoder(net(&encoder_sizes, rng, $last))
                    .decoder(decoder)
                    .regularizer(sparse(case / 2))
                    .loss(loss(case))
                    .build::<f64>()
                    .unwrap();
                let x = data(inputs, samples, rng);
                train_a_little(&mut model, &x);
                count.add(check_model(&model, &x, case as u64), &(case, encoder_sizes));
            }};
        }
        if case % 2 == 0 { run!(Sigmoid) } else { run!(Tanh) }
    }
    count.assert_at_least(100);
}

#[test]
fn parameters_of_variational_models() {
    let mut count = Count::default();
    for case in 0..220_usize {
        let rng = &mut seeded(2000 + case as u64);
        let (inputs, hidden, code) =
            (rng.random_range(1..=9), rng.random_range(1..=9), rng.random_range(1..=9));
        let body_sizes = sizes(inputs, hidden, rng);
        let encoder = Gaussian::new(
            net(&body_sizes, rng, activation(case)),
            net(&sizes(hidden, code, rng), rng, activation(case / 3)),
            net(&sizes(hidden, code, rng), rng, activation(case / 7)),
        );
        let variational = Variational::new(0.8).unwrap();
        let x = data(inputs, rng.random_range(1..=9), rng);
        let decoder_sizes = sizes(code, inputs, rng);
        let decoder = net(&decoder_sizes, rng, activation(case / 2));
        macro_rules! run {
            ($regularizer:expr) => {{
                let model = AutoEncoder::builder()
                    .encoder(encoder)
                    .decoder(decoder)
                    .regularizer($regularizer)
                    .loss(loss(case))
                    .seed(case as u64)
                    .build::<f64>()
                    .unwrap();
                count.add(check_model(&model, &x, case as u64), &(case, body_sizes));
            }};
        }
        match case % 4 {
            0 => run!(variational),
            1 => run!((variational, Contractive::new(0.2).unwrap())),
            2 => run!((
                Denoising::new(corruption(case)),
                variational,
                WeightDecay::new(0.1).unwrap()
            )),
            // A Gaussian encoder whose mean is taken: the log-variance has no gradient.
            _ => run!(CodeL1::new(0.1).unwrap()),
        }
    }
    count.assert_at_least(100);
}

/// Everything a layer computes: gradients for parameters and inputs, the tangent, and gradients
/// back over both; all of them from one scalar, ⟨u, y⟩ + ⟨w, J v⟩ + λ mean ‖J‖².
#[test]
fn layers_for_parameters_inputs_and_directions() {
    let mut count = Count::default();
    for case in 0..240_usize {
        let rng = &mut seeded(3000 + case as u64);
        let (inputs, outputs, samples) =
            (rng.random_range(1..=9), rng.random_range(1..=9), rng.random_range(1..=6));
        let layer_sizes = sizes(inputs, outputs, rng);
        let layer = net(&layer_sizes, rng, activation(case));
        let parameters: Vec<f64> =
            normal(layer.num_parameters(), rng).iter().map(|p| 0.7 * p).collect();
        let x = normal(inputs * samples, rng);
        let (v, u, w) = (
            normal(inputs * samples, rng),
            normal(outputs * samples, rng),
            normal(outputs * samples, rng),
        );
        let run = LayerRun { layer: &*layer, samples };

        // All of θ, x and v in one vector.
        let at: Vec<f64> = [&parameters[..], &x, &v].concat();
        let split = |at: &[f64]| -> (Vec<f64>, Vec<f64>, Vec<f64>) {
            let (p, rest) = at.split_at(parameters.len());
            let (x, v) = rest.split_at(x.len());
            (p.to_vec(), x.to_vec(), v.to_vec())
        };
        let value = |at: &[f64]| {
            let (p, x, v) = split(at);
            let (y, jv, _, _) = run.forward(&p, &x, &v);
            dot(&u, &y) + dot(&w, &jv)
        };
        let analytic = run.tangent_backward(&parameters, &x, &v, &u, &w);
        count.add(check(&at, &analytic, value), &("tangent", case, &layer_sizes));

        let at: Vec<f64> = [&parameters[..], &x].concat();
        let value = |at: &[f64]| {
            let (p, x) = at.split_at(parameters.len());
            dot(&u, &run.forward(p, x, &v).0)
        };
        let analytic = run.backward(&parameters, &x, &u);
        count.add(check(&at, &analytic, value), &("backward", case, &layer_sizes));

        // J v is the directional derivative of y.
        let (_, jv, _, _) = run.forward(&parameters, &x, &v);
        let along = |t: &[f64]| {
            let moved: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + t[0] * v).collect();
            dot(&w, &run.forward(&parameters, &moved, &v).0)
        };
        count.add(check(&[0.0], &[dot(&w, &jv)], along), &("J v", case, &layer_sizes));
    }
    count.assert_at_least(500);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Runs the passes of a layer with memory of its own.
struct LayerRun<'a, L: Layer<Scalar = f64, Input = Dyn, Output = Dyn> + ?Sized> {
    layer: &'a L,
    samples: usize,
}

impl<L: Layer<Scalar = f64, Input = Dyn, Output = Dyn> + ?Sized> LayerRun<'_, L> {
    fn forward(
        &self,
        parameters: &[f64],
        x: &[f64],
        v: &[f64],
    ) -> (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>) {
        let (layer, samples) = (self.layer, self.samples);
        let (i, o) = (layer.input_dim(), layer.output_dim());
        let (mut y, mut jv) = (vec![0.0; o.0 * samples], vec![0.0; o.0 * samples]);
        let mut tape = vec![0.0; layer.tape_len(samples)];
        let mut tangent_tape = vec![0.0; layer.tangent_tape_len(samples)];
        let x = BatchView::new(x, i);
        layer.forward(parameters, x, BatchViewMut::new(&mut y, o), &mut tape);
        let pass = Pass { parameters, x, y: BatchView::new(&y, o), tape: &tape };
        layer.tangent(pass, BatchView::new(v, i), BatchViewMut::new(&mut jv, o), &mut tangent_tape);
        (y, jv, tape, tangent_tape)
    }

    /// Gradients for θ and x, one after the other, of ⟨u, y⟩.
    fn backward(&self, parameters: &[f64], x: &[f64], u: &[f64]) -> Vec<f64> {
        let (layer, samples) = (self.layer, self.samples);
        let (i, o) = (layer.input_dim(), layer.output_dim());
        let (y, _, tape, _) = self.forward(parameters, x, &vec![0.0; x.len()]);
        let mut gradient = vec![0.0; parameters.len()];
        let mut dx = vec![f64::NAN; x.len()];
        let mut scratch = vec![f64::NAN; layer.scratch_len(samples)];
        let (mut dy, x) = (u.to_vec(), BatchView::new(x, i));
        let pass = Pass { parameters, x, y: BatchView::new(&y, o), tape: &tape };
        let (dy, to_x) = (BatchViewMut::new(&mut dy, o), BatchViewMut::new(&mut dx, i));
        layer.backward(pass, dy, Some(to_x), Some(&mut gradient), &mut scratch);
        [gradient, dx].concat()
    }

    /// Gradients for θ, x and v, one after the other, of ⟨u, y⟩ + ⟨w, J v⟩.
    fn tangent_backward(
        &self,
        parameters: &[f64],
        x: &[f64],
        v: &[f64],
        u: &[f64],
        w: &[f64],
    ) -> Vec<f64> {
        let (layer, samples) = (self.layer, self.samples);
        let (i, o) = (layer.input_dim(), layer.output_dim());
        let (y, _, tape, tangent_tape) = self.forward(parameters, x, v);
        let mut gradient = vec![0.0; parameters.len()];
        let (mut dx, mut dv) = (vec![f64::NAN; x.len()], vec![f64::NAN; v.len()]);
        let mut scratch = vec![f64::NAN; layer.scratch_len(samples)];
        let (mut dy, mut d_jv) = (u.to_vec(), w.to_vec());
        let pass =
            Pass { parameters, x: BatchView::new(x, i), y: BatchView::new(&y, o), tape: &tape };
        let tangent = TangentPass { v: BatchView::new(v, i), tape: &tangent_tape };
        let d = DualViewMut {
            value: BatchViewMut::new(&mut dy, o),
            tangent: BatchViewMut::new(&mut d_jv, o),
        };
        let d_input = DualViewMut {
            value: BatchViewMut::new(&mut dx, i),
            tangent: BatchViewMut::new(&mut dv, i),
        };
        layer.tangent_backward(pass, tangent, d, Some(d_input), &mut gradient, &mut scratch);
        [gradient, dx, dv].concat()
    }

    /// The squared Jacobian and its gradients for θ and at y, by closed form or by passes.
    fn squared_jacobian(&self, parameters: &[f64], x: &[f64], by_passes: bool) -> (f64, Vec<f64>) {
        let (layer, samples) = (self.layer, self.samples);
        let (i, o) = (layer.input_dim(), layer.output_dim());
        let (y, _, tape, _) = self.forward(parameters, x, &vec![0.0; x.len()]);
        let pass =
            Pass { parameters, x: BatchView::new(x, i), y: BatchView::new(&y, o), tape: &tape };
        let mut gradient = vec![0.0; parameters.len()];
        let mut d_output = vec![0.0; y.len()];
        let len = jacobian::scratch_len(layer, samples).max(layer.jacobian_scratch_len(samples));
        let mut scratch = vec![f64::NAN; len];
        let to = JacobianGradient {
            weight: 0.7,
            d_output: BatchViewMut::new(&mut d_output, o),
            parameters: &mut gradient,
        };
        let value = if by_passes {
            jacobian::by_passes(layer, pass, Jacobian::Exact, None, Some(to), &mut scratch)
        } else {
            layer.squared_jacobian(pass, Jacobian::Exact, None, Some(to), &mut scratch)
        };
        // What was left at the outputs goes on through the layer, as a model's step does it.
        let mut scratch = vec![f64::NAN; layer.scratch_len(samples)];
        let dy = BatchViewMut::new(&mut d_output, o);
        layer.backward(pass, dy, None, Some(&mut gradient), &mut scratch);
        (value, gradient)
    }
}

#[test]
fn the_closed_form_of_one_layer_equals_the_general_passes() {
    for case in 0..40_usize {
        let rng = &mut seeded(4000 + case as u64);
        let (inputs, outputs, samples) =
            (rng.random_range(1..=9), rng.random_range(1..=9), rng.random_range(1..=9));
        let layer = dense(inputs, outputs, activation(case));
        let parameters = normal(layer.num_parameters(), rng);
        let x = normal(inputs * samples, rng);
        let run = LayerRun { layer: &*layer, samples };
        let (closed, closed_gradient) = run.squared_jacobian(&parameters, &x, false);
        let (passes, passes_gradient) = run.squared_jacobian(&parameters, &x, true);
        assert!((closed - passes).abs() <= 1e-12 * closed.abs().max(1.0), "{closed} {passes}");
        let check = GradientCheck::compare(&closed_gradient, &passes_gradient);
        assert!(check.norm_error <= 1e-12, "case {case}: {check}");
    }
}

/// Gradients at the outputs of a decoder, at codes, and at inputs of an encoder.
#[test]
fn losses_codes_and_inputs() {
    let mut count = Count::default();
    for case in 0..60_usize {
        let rng = &mut seeded(5000 + case as u64);
        let (rows, samples) = (rng.random_range(1..=9), rng.random_range(1..=9));
        let x = data(rows, samples, rng);
        let y = normal(rows * samples, rng);
        let weights: Vec<f64> = (0..samples).map(|_| rng.random()).collect();
        let loss: Box<dyn Loss<BoxedLayer<range::Real>>> = loss(case);
        let value = |y: &[f64]| {
            let mut values = vec![0.0; samples];
            loss.values(x.view(), BatchView::new(y, Dyn(rows)), &mut values);
            dot(&values, &weights)
        };
        let mut dy = vec![f64::NAN; y.len()];
        let to = BatchViewMut::new(&mut dy, Dyn(rows));
        loss.gradient(x.view(), BatchView::new(&y, Dyn(rows)), &weights, to);
        count.add(check(&y, &dy, value), &(loss.name(), case));

        // A Gaussian encoder, for parameters and inputs, from a random gradient at its posterior.
        let (hidden, code) = (rng.random_range(1..=9), rng.random_range(1..=9));
        let description = Gaussian::new(
            net(&[rows, hidden], rng, activation(case)),
            net(&[hidden, code], rng, Identity),
            net(&[hidden, code], rng, Identity),
        );
        let encoder = description.build();
        let parameters = normal(encoder.num_parameters(), rng);
        let (u, w) = (normal(code * samples, rng), normal(code * samples, rng));
        let infer = |at: &[f64]| {
            let (p, x) = at.split_at(parameters.len());
            let mut posterior = encoder.posterior();
            posterior.resize(samples);
            let mut tape = vec![0.0; encoder.tape_len(samples)];
            encoder.infer(p, BatchView::new(x, Dyn(rows)), &mut posterior, &mut tape);
            (posterior, tape)
        };
        let at = [&parameters[..], x.as_slice()].concat();
        let (posterior, tape) = infer(&at);
        let mut d = encoder.posterior();
        d.resize(samples);
        d.mean_mut().as_mut_slice().copy_from_slice(&u);
        d.log_variance_mut().as_mut_slice().copy_from_slice(&w);
        let mut gradient = vec![0.0; parameters.len()];
        let mut dx = vec![f64::NAN; x.as_slice().len()];
        let mut scratch = vec![f64::NAN; encoder.scratch_len(samples)];
        let inference =
            Inference { parameters: &parameters, x: x.view(), posterior: &posterior, tape: &tape };
        let to = Some(BatchViewMut::new(&mut dx, Dyn(rows)));
        encoder.backward(inference, &mut d, to, Some(&mut gradient), &mut scratch);
        let value = |at: &[f64]| {
            let (posterior, _) = infer(at);
            dot(&u, posterior.mean().as_slice()) + dot(&w, posterior.log_variance().as_slice())
        };
        count.add(check(&at, &[gradient, dx].concat(), value), &("gaussian", case));
    }
    count.assert_at_least(100);
}

#[test]
fn boxed_encoders_and_decoders_have_the_same_gradients() {
    type E = BoxedEncoder<f64, Const<5>, Const<3>, Point<f64, Const<3>>, range::Symmetric>;
    type G = BoxedEncoder<f64, Const<5>, Const<3>, DiagonalGaussian<f64, Const<3>>, range::Real>;
    type D = BoxedDecoder<f64, Const<3>, Const<5>, range::Real>;
    let decoder = || -> D {
        let layer = Build::<f64>::build(Dense::<3, 5>::new(Identity));
        Box::new(layer) as Box<DynDecoder<f64, Const<3>, Const<5>, range::Real>>
    };
    let x: Batch<f64, Const<5>> =
        Batch::from_iter([[0.1, 0.5, 0.3, 0.9, 0.2], [0.7, 0.2, 0.6, 0.1, 0.8]]);
    let point: E = Box::new(Build::<f64>::build(Dense::<5, 3>::new(Tanh)));
    let model = AutoEncoder::builder()
        .encoder(point)
        .decoder(decoder())
        .regularizer((SparseKl::new(0.3, 0.5).unwrap(), Contractive::new(0.2).unwrap()))
        .build::<f64>()
        .unwrap();
    gradcheck::model(&model, &x, 1).unwrap().assert();
    let gaussian: G = Box::new(Build::<f64>::build(Gaussian::new(
        Dense::<5, 4>::new(Tanh),
        Dense::<4, 3>::new(Identity),
        Dense::<4, 3>::new(Identity),
    )));
    let model = AutoEncoder::builder()
        .encoder(gaussian)
        .decoder(decoder())
        .regularizer(Variational::new(0.5).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    gradcheck::model(&model, &x, 1).unwrap().assert();
}
