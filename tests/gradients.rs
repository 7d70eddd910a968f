//! Every gradient against finite differences of fourth order, in f64: every activation, loss and
//! regularizer with every other, over more than 500 random shapes.
//!
//! A step across a kink (of a rectifier, say) makes a finite difference invalid. Such a case is
//! found by comparing differences of two step lengths, never by looking at the analytic gradient,
//! and drawn anew. A case without a kink in any of its parts is never drawn anew.

mod common;

use std::collections::HashSet;
use std::fmt::Debug;

use autoencoder::activation::*;
use autoencoder::corruption::{Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::decoder::{BoxedDecoder, DynDecoder};
use autoencoder::encoder::{BoxedEncoder, Inference};
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::layer::jacobian::{self, Jacobian, JacobianGradient};
use autoencoder::layer::{
    DenseDescription, DualViewMut, ElementwiseDescription, Pass, TangentPass,
};
use autoencoder::loss::{Categorical, Compared, LearnedGaussian, Mixed};
use autoencoder::posterior::{DiagonalGaussian, Gaussianlike, Point, Posterior};
use autoencoder::random::{StreamRng, Streams, seeded};
use autoencoder::*;
use common::{CLOSED_FORM, MOST_REDRAWN, SMOOTH};
use nalgebra::{Const, Dyn};
use rand::RngExt;

/// The largest size of a layer, and number of samples.
const LARGEST: usize = 9;
/// A case with kinks is drawn anew at most this often.
const MOST_ATTEMPTS: u64 = 60;

type BoxedLayer<R> = Box<dyn Layer<Scalar = f64, Input = Dyn, Output = Dyn, Range = R>>;

/// An activation by number, boxed, whatever its range.
#[derive(Debug)]
struct Any(Box<dyn Scalars>);

/// What an activation is without its range.
trait Scalars: Debug + Send + Sync {
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
fn boxed_activation(number: usize) -> Any {
    Any(match number % ACTIVATIONS {
        0 => Box::new(Sigmoid) as Box<dyn Scalars>,
        1 => Box::new(Tanh),
        2 => Box::new(Identity),
        3 => Box::new(Relu),
        4 => Box::new(LeakyRelu::new(0.3).unwrap()),
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

/// A random case: what it draws from, and what it has drawn.
struct Case {
    rng: StreamRng,
    /// Whether all its parts are without kinks.
    smooth: bool,
    /// Sizes and number of samples, in the order they were drawn.
    shape: Vec<usize>,
}

impl Case {
    fn size(&mut self) -> usize {
        let size = self.rng.random_range(1..=LARGEST);
        self.shape.push(size);
        size
    }

    /// Sizes of a net of one to three layers.
    fn sizes(&mut self, from: usize, to: usize) -> Vec<usize> {
        let depth = self.rng.random_range(1..=3);
        self.shape.push(depth);
        let mut sizes = vec![from];
        sizes.extend((1..depth).map(|_| self.size()));
        sizes.push(to);
        sizes
    }

    fn activation(&mut self, number: usize) -> Any {
        self.smooth &= !matches!(number % ACTIVATIONS, 3..=5);
        boxed_activation(number)
    }

    /// A net through these sizes, of random activations, ending in `last`.
    fn net<A: Activation<f64> + 'static>(
        &mut self,
        sizes: &[usize],
        last: A,
    ) -> BoxedLayer<A::Range> {
        match sizes {
            [inputs, outputs] => dense(*inputs, *outputs, last),
            [inputs, later @ ..] => {
                let number = self.rng.random_range(0..ACTIVATIONS);
                let first = dense(*inputs, later[0], self.activation(number));
                Box::new(Build::<f64>::build(first.then(self.net(later, last))))
            }
            [] => unreachable!("a net has at least two sizes"),
        }
    }

    /// A net of random depth and activations, ending in `last`.
    fn random_net<A: Activation<f64> + 'static>(
        &mut self,
        from: usize,
        to: usize,
        last: A,
    ) -> BoxedLayer<A::Range> {
        let sizes = self.sizes(from, to);
        self.net(&sizes, last)
    }

    /// A number of samples, uniform in [0.05, 0.95], so that every loss accepts them.
    fn data(&mut self, features: usize) -> Batch<f64, Dyn> {
        let len = features * self.size();
        let values = (0..len).map(|_| 0.05 + 0.9 * self.rng.random::<f64>()).collect();
        Batch::new(Dyn(features), values).unwrap()
    }

    fn normal(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| f64::draw_normal(&mut self.rng)).collect()
    }

    /// Weights and biases, none of them zero.
    fn parameters(&mut self, len: usize) -> Vec<f64> {
        self.normal(len).iter().map(|p| 0.5 * p).collect()
    }

    fn loss<D>(&mut self, number: usize) -> Box<dyn Loss<D>>
    where
        D: Decoder<Scalar = f64, Range = range::Real>,
    {
        match number % LOSSES {
            0 => Box::new(SquaredError),
            1 => Box::new(BernoulliCrossEntropy),
            _ => {
                self.smooth = false;
                Box::new(Huber::new(0.4).unwrap())
            }
        }
    }

    fn code_l1(&mut self, weight: f64) -> CodeL1 {
        self.smooth = false;
        CodeL1::new(weight).unwrap()
    }
}

/// Step lengths of which at most one is near a kink without crossing it.
const COARSE: f64 = 1e-3;
const FINE: f64 = 2.3e-4;

/// As `gradcheck::finite_differences`, with a step of our own.
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

/// Whether differences with two step lengths agree.
fn agree(coarse: &[f64], fine: &[f64]) -> bool {
    GradientCheck::compare(coarse, fine).norm_error <= SMOOTH
}

fn is_smooth(at: &[f64], mut value: impl FnMut(&[f64]) -> f64) -> bool {
    agree(&differences(at, COARSE, &mut value), &differences(at, FINE, &mut value))
}

/// Checks a gradient; `None` if the function is not smooth there.
fn check(
    at: &[f64],
    analytic: &[f64],
    mut value: impl FnMut(&[f64]) -> f64,
) -> Option<GradientCheck> {
    let check = gradcheck::function(at, analytic, &mut value);
    // Only a failure needs an excuse; a wrong gradient of a smooth function has none.
    (check.passes() || is_smooth(at, value)).then_some(check)
}

/// Runs cases and counts them.
#[derive(Default)]
struct Sweep {
    checked: usize,
    redrawn: usize,
    shapes: HashSet<Vec<usize>>,
}

impl Sweep {
    /// Runs one case, anew where it meets a kink; the generator differs from attempt to attempt.
    fn run(
        &mut self,
        name: &dyn Debug,
        seed: u64,
        mut run: impl FnMut(&mut Case) -> Option<GradientCheck>,
    ) {
        for attempt in 0..MOST_ATTEMPTS {
            let rng = seeded(seed * MOST_ATTEMPTS + attempt);
            let mut case = Case { rng, smooth: true, shape: Vec::new() };
            let found = run(&mut case);
            if let Some(check) = found {
                assert!(check.passes(), "{name:?}, {:?}: {check}", case.shape);
                self.checked += 1;
                self.shapes.insert(case.shape);
                return;
            }
            assert!(!case.smooth, "{name:?}, {:?}: no kink, but not smooth", case.shape);
            self.redrawn += 1;
        }
        panic!("{name:?} was not smooth in {MOST_ATTEMPTS} attempts");
    }

    fn assert_at_least(&self, shapes: usize) {
        assert!(self.shapes.len() >= shapes, "only {} shapes", self.shapes.len());
        let all = (self.checked + self.redrawn) as f64;
        assert!((self.redrawn as f64) < MOST_REDRAWN * all, "{} of {all} redrawn", self.redrawn);
    }
}

/// The training objective of a model at random parameters, after a few steps that give the
/// regularizer's state, if it has any, values other than zero: its gradient for all parameters.
fn check_model<E, D, R, L>(
    case: &mut Case,
    mut model: AutoEncoder<E, D, R, L>,
    x: &Batch<f64, E::Input>,
) -> Option<GradientCheck>
where
    E: Encoder<Scalar = f64>,
    D: Decoder<Scalar = f64, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    model.set_parameters(&case.parameters(model.num_parameters())).unwrap();
    Trainer::new(Sgd::new(1e-3).unwrap()).epochs(3).batch_size(4).fit(&mut model, x).unwrap();
    let seed = case.rng.random();
    let check = gradcheck::model(&model, x, seed).unwrap();
    let streams = Some(Streams::new(seed, 0, &[]));
    let value = |parameters: &[f64]| model.objective_at(parameters, x, streams).unwrap().total();
    (check.passes() || is_smooth(model.parameters(), value)).then_some(check)
}

const LOSSES: usize = 3;

fn contractive(weight: f64) -> Contractive {
    Contractive::new(weight).unwrap()
}

fn sparse() -> SparseKl {
    SparseKl::new(0.2, 0.7).unwrap()
}

/// Two kinds of rate of the past, so that a mix-up of their states would show.
fn running(decay: f64) -> SparseKl {
    sparse().running(decay).unwrap()
}

fn decay() -> WeightDecay {
    WeightDecay::new(0.1).unwrap()
}

const CORRUPTIONS: usize = 4;
fn corruption(number: usize) -> Box<dyn Corruption<f64>> {
    match number % CORRUPTIONS {
        0 => Box::new(GaussianNoise::new(0.1).unwrap()),
        1 => Box::new(Masking::new(0.4).unwrap()),
        2 => Box::new(SaltAndPepper::new(0.3).unwrap()),
        _ => Box::new((Masking::new(0.2).unwrap(), GaussianNoise::new(0.1).unwrap())),
    }
}

/// Regularizers for every encoder.
const FOR_ALL: usize = 7 + CORRUPTIONS;
/// The exact and the estimated Jacobian among them.
const EXACT: usize = 1;
const HUTCHINSON: usize = 2;
fn for_all<E: Encoder<Scalar = f64> + 'static>(
    case: &mut Case,
    number: usize,
) -> Box<dyn Regularizer<E>> {
    match number {
        0 => Box::new(NoRegularizer),
        EXACT => Box::new(contractive(0.3)),
        HUTCHINSON => Box::new(contractive(0.3).hutchinson(2).unwrap()),
        3 => Box::new(decay()),
        4 => Box::new(case.code_l1(0.2)),
        5 => Box::new((contractive(0.2), Denoising::new(corruption(0)), decay())),
        6 => Box::new(vec![
            Box::new(case.code_l1(0.1)) as Box<dyn Regularizer<E>>,
            Box::new(contractive(0.1)),
        ]),
        _ => Box::new(Denoising::new(corruption(number))),
    }
}

/// Regularizers for bounded codes.
const FOR_BOUNDED: usize = 6;
fn for_bounded<E>(case: &mut Case, number: usize) -> Box<dyn Regularizer<E>>
where
    E: Encoder<Scalar = f64> + 'static,
    E::Range: range::Bounded,
{
    match number {
        0 => Box::new(sparse()),
        1 => Box::new(running(0.8)),
        2 => Box::new((contractive(0.2), sparse())),
        3 => Box::new((sparse(), Denoising::new(corruption(1)), decay(), case.code_l1(0.1))),
        // Each part reads its own share of the state.
        4 => Box::new((running(0.5), contractive(0.1), running(0.9))),
        _ => Box::new(vec![
            Box::new(decay()) as Box<dyn Regularizer<E>>,
            Box::new((running(0.7), Denoising::new(corruption(3)))),
        ]),
    }
}

/// How the Jacobian of these layers is found.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Route {
    ClosedForm,
    Tangents,
    Cotangents,
    Hutchinson,
}

#[test]
fn point_models() {
    let mut sweep = Sweep::default();
    let mut routes = Vec::new();
    let mut number = 0;
    for (regularizer, encoder_last, loss) in (0..FOR_ALL)
        .flat_map(|r| (0..ACTIVATIONS).map(move |a| (r, a)))
        .flat_map(|(r, a)| (0..LOSSES).map(move |l| (r, a, l)))
    {
        for repeat in 0..3 {
            number += 1;
            let mut route = Route::ClosedForm;
            let name = ("point", regularizer, encoder_last, loss, repeat);
            sweep.run(&name, number, |case| {
                let (inputs, code) = (case.size(), case.size());
                let last = case.activation(encoder_last);
                let encoder_sizes = case.sizes(inputs, code);
                let encoder = case.net(&encoder_sizes, last);
                let last = case.activation(encoder_last + repeat);
                let decoder = case.random_net(code, inputs, last);
                let x = case.data(inputs);
                route = match encoder_sizes.len() {
                    2 => Route::ClosedForm,
                    _ if regularizer == HUTCHINSON => Route::Hutchinson,
                    _ if inputs <= code => Route::Tangents,
                    _ => Route::Cotangents,
                };
                let regularizer = for_all(case, regularizer);
                let loss = case.loss(loss);
                let model = AutoEncoder::builder().encoder(encoder).decoder(decoder);
                let model = model.regularizer(regularizer).loss(loss).build::<f64>().unwrap();
                check_model(case, model, &x)
            });
            if regularizer == EXACT || regularizer == HUTCHINSON {
                routes.push(route);
            }
        }
    }
    sweep.assert_at_least(500);
    for route in [Route::ClosedForm, Route::Tangents, Route::Cotangents, Route::Hutchinson] {
        let cases = routes.iter().filter(|found| **found == route).count();
        assert!(cases >= 10, "{route:?}: only {cases} cases");
    }
}

#[test]
fn sparse_models() {
    let mut sweep = Sweep::default();
    for number in 0..2 * FOR_BOUNDED * LOSSES * 4 {
        let (tanh, rest) = (number % 2 == 1, number / 2);
        let (regularizer, rest) = (rest % FOR_BOUNDED, rest / FOR_BOUNDED);
        let (loss, gaussian) = (rest % LOSSES, rest / LOSSES == 3);
        let name = ("sparse", tanh, regularizer, loss, gaussian);
        sweep.run(&name, 10_000 + number as u64, |case| {
            let (inputs, hidden, code) = (case.size(), case.size(), case.size());
            let last = case.activation(number);
            let decoder = case.random_net(code, inputs, last);
            let x = case.data(inputs);
            let loss = case.loss(loss);
            macro_rules! check {
                ($encoder:expr, $regularizer:expr) => {{
                    let encoder = $encoder;
                    let model = AutoEncoder::builder().encoder(encoder).decoder(decoder);
                    let regularizer = $regularizer;
                    let model = model.regularizer(regularizer).loss(loss).build::<f64>().unwrap();
                    check_model(case, model, &x)
                }};
            }
            macro_rules! with_code {
                ($last:expr) => {
                    if gaussian {
                        let body = case.random_net(inputs, hidden, Tanh);
                        let mean = case.random_net(hidden, code, $last);
                        let log_variance = case.random_net(hidden, code, Identity);
                        let sparse = for_bounded(case, regularizer);
                        let variational = Variational::new(0.8).unwrap();
                        check!(Gaussian::new(body, mean, log_variance), (sparse, variational))
                    } else {
                        check!(case.random_net(inputs, code, $last), for_bounded(case, regularizer))
                    }
                };
            }
            if tanh { with_code!(Tanh) } else { with_code!(Sigmoid) }
        });
    }
    sweep.assert_at_least(100);
}

#[test]
fn variational_models() {
    let mut sweep = Sweep::default();
    for number in 0..ACTIVATIONS * LOSSES * (FOR_ALL + 1) {
        let (last, rest) = (number % ACTIVATIONS, number / ACTIVATIONS);
        let (loss, regularizer) = (rest % LOSSES, rest / LOSSES);
        let name = ("variational", last, loss, regularizer);
        sweep.run(&name, 20_000 + number as u64, |case| {
            let (inputs, hidden, code) = (case.size(), case.size(), case.size());
            let body_last = case.activation(last);
            let body = case.random_net(inputs, hidden, body_last);
            let mean_last = case.activation(last + 1);
            let mean = case.random_net(hidden, code, mean_last);
            let log_variance_last = case.activation(last + 2);
            let log_variance = case.random_net(hidden, code, log_variance_last);
            let decoder_last = case.activation(last + 3);
            let decoder = case.random_net(code, inputs, decoder_last);
            let x = case.data(inputs);
            let regularizer: Box<dyn Regularizer<_>> = if regularizer < FOR_ALL {
                Box::new((Variational::new(0.8).unwrap(), for_all(case, regularizer)))
            } else {
                // A Gaussian encoder whose mean is taken: the log-variance has no gradient.
                for_all(case, EXACT)
            };
            let loss = case.loss(loss);
            let encoder = Gaussian::new(body, mean, log_variance);
            let model = AutoEncoder::builder().encoder(encoder).decoder(decoder);
            let model = model.regularizer(regularizer).loss(loss).build::<f64>().unwrap();
            check_model(case, model, &x)
        });
    }
    sweep.assert_at_least(200);
}

/// ⟨u, y⟩ for parameters and inputs; ⟨u, y⟩ + ⟨w, J v⟩ for parameters, inputs and v; and J v as the
/// derivative of y along v.
#[test]
fn layers_for_parameters_inputs_and_directions() {
    let mut sweep = Sweep::default();
    for number in 0..240 {
        sweep.run(&("layer", number), 30_000 + number as u64, |case| {
            let (inputs, outputs, samples) = (case.size(), case.size(), case.size());
            let last = case.activation(number);
            let mut layer = case.random_net(inputs, outputs, last);
            if number % 3 == 0 {
                let second = ElementwiseDescription::new(Dyn(outputs), case.activation(number / 3));
                layer = Box::new(Build::<f64>::build(layer.then(second)));
            }
            let parameters = case.parameters(layer.num_parameters());
            let (x, v) = (case.normal(inputs * samples), case.normal(inputs * samples));
            let (u, w) = (case.normal(outputs * samples), case.normal(outputs * samples));
            let run = LayerRun { layer: &*layer, samples, before: 0.0 };
            let split = |at: &[f64]| {
                let (p, rest) = at.split_at(parameters.len());
                let (x, v) = rest.split_at(inputs * samples);
                [p, x, v].map(<[f64]>::to_vec)
            };

            let value = |at: &[f64]| {
                let (p, x) = at.split_at(parameters.len());
                dot(&u, &run.forward(p, x, &v).0)
            };
            let analytic = run.backward(&parameters, &x, &u);
            let backward = check(&[&parameters[..], &x].concat(), &analytic, value)?;

            let value = |at: &[f64]| {
                let [p, x, v] = split(at);
                let (y, jv, _, _) = run.forward(&p, &x, &v);
                dot(&u, &y) + dot(&w, &jv)
            };
            let analytic = run.tangent_backward(&parameters, &x, &v, &u, &w);
            let over_both = check(&[&parameters[..], &x, &v].concat(), &analytic, value)?;

            // J v, element by element, by moving x along v.
            let (_, jv, _, _) = run.forward(&parameters, &x, &v);
            let along = |t: f64, element: usize| {
                let moved: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + t * v).collect();
                run.forward(&parameters, &moved, &v).0[element]
            };
            let numeric = |step| -> Vec<f64> {
                let element = |k| differences(&[0.0], step, |t| along(t[0], k))[0];
                (0..jv.len()).map(element).collect()
            };
            let coarse = numeric(COARSE);
            let tangent = GradientCheck::compare(&jv, &coarse);
            if !tangent.passes() && !agree(&coarse, &numeric(FINE)) {
                return None;
            }
            [backward, over_both, tangent]
                .into_iter()
                .max_by(|a, b| a.norm_error.total_cmp(&b.norm_error))
        });
    }
    sweep.assert_at_least(200);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Runs the passes of a layer with memory of its own.
struct LayerRun<'a, L: Layer<Scalar = f64, Input = Dyn, Output = Dyn> + ?Sized> {
    layer: &'a L,
    samples: usize,
    /// What lies in the gradient of the parameters before a backward pass.
    before: f64,
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
        let mut gradient = vec![self.before; parameters.len()];
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
        let mut gradient = vec![self.before; parameters.len()];
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
            jacobian::by_passes(layer, pass, None, Jacobian::Exact, None, Some(to), &mut scratch)
        } else {
            layer.squared_jacobian(pass, None, Jacobian::Exact, None, Some(to), &mut scratch)
        };
        // What was left at the outputs goes on through the layer, as a model's step does it. Its
        // gradients are written over what was there.
        let mut scratch = vec![f64::NAN; layer.scratch_len(samples)];
        let mut rest = vec![f64::NAN; parameters.len()];
        let dy = BatchViewMut::new(&mut d_output, o);
        layer.backward(pass, dy, None, Some(&mut rest), &mut scratch);
        gradient.iter_mut().zip(rest).for_each(|(g, rest)| *g += rest);
        (value, gradient)
    }
}

#[test]
fn the_closed_form_of_one_layer_equals_the_general_passes() {
    for number in 0..80 {
        let rng = seeded(40_000 + number as u64);
        let case = &mut Case { rng, smooth: true, shape: Vec::new() };
        let (inputs, outputs, samples) = (case.size(), case.size(), case.size());
        let layer = dense(inputs, outputs, case.activation(number));
        let parameters = case.normal(layer.num_parameters());
        let x = case.normal(inputs * samples);
        let run = LayerRun { layer: &*layer, samples, before: 0.0 };
        let (closed, closed_gradient) = run.squared_jacobian(&parameters, &x, false);
        let (passes, passes_gradient) = run.squared_jacobian(&parameters, &x, true);
        assert!((closed - passes).abs() <= CLOSED_FORM * closed.abs(), "{closed} {passes}");
        let check = GradientCheck::compare(&closed_gradient, &passes_gradient);
        assert!(check.norm_error <= CLOSED_FORM, "case {number}: {check}");
    }
}

/// The third law of layers: `backward` writes, `tangent_backward` adds to the gradient of the
/// parameters and writes the others.
#[test]
fn what_was_in_a_gradient_is_written_over_or_added_to() {
    for number in 0..20 {
        let rng = seeded(80_000 + number as u64);
        let case = &mut Case { rng, smooth: true, shape: Vec::new() };
        let (inputs, outputs, samples) = (case.size(), case.size(), case.size());
        let last = case.activation(number);
        let layer = case.random_net(inputs, outputs, last);
        let own = layer.num_parameters();
        let parameters = case.parameters(own);
        let (x, v) = (case.normal(inputs * samples), case.normal(inputs * samples));
        let (u, w) = (case.normal(outputs * samples), case.normal(outputs * samples));
        let run = |before| LayerRun { layer: &*layer, samples, before };

        let written = run(f64::NAN).backward(&parameters, &x, &u);
        assert_eq!(written, run(0.0).backward(&parameters, &x, &u));

        let over_both = |before| run(before).tangent_backward(&parameters, &x, &v, &u, &w);
        let (plain, mut added) = (over_both(0.0), over_both(1.0));
        assert_eq!(added[own..], plain[own..]);
        added[..own].iter_mut().for_each(|g| *g -= 1.0);
        let check = GradientCheck::compare(&added, &plain);
        assert!(check.norm_error <= CLOSED_FORM, "case {number}: {check}");
    }
}

/// Gradients at the outputs of a decoder, with a weight of its own for each sample.
#[test]
fn losses() {
    let mut sweep = Sweep::default();
    // Beyond those of all models, those with parameters of their own or of a certain size.
    const ALL: usize = LOSSES + 4;
    for number in 0..40 * ALL {
        sweep.run(&("loss", number), 50_000 + number as u64, |case| {
            let rows = case.size();
            let x = case.data(rows);
            let y = case.normal(rows * x.samples());
            let weights = case.normal(x.samples());
            let groups = |case: &mut Case| {
                let first = case.rng.random_range(0..rows);
                if first == 0 { vec![rows] } else { vec![first, rows - first] }
            };
            let loss: Box<dyn Loss<BoxedLayer<range::Real>>> = match number % ALL {
                LOSSES => Box::new(LearnedGaussian::shared()),
                4 => Box::new(LearnedGaussian::per_feature()),
                5 => Box::new(Categorical::new(&groups(case)).unwrap()),
                6 => {
                    let groups = groups(case);
                    let mixed = Mixed::new().columns(groups[0], LearnedGaussian::per_feature());
                    Box::new(match groups.get(1) {
                        Some(&rest) => mixed.columns(rest, Categorical::new(&[rest]).unwrap()),
                        None => mixed,
                    })
                }
                number => case.loss(number),
            };
            // Outputs and the loss's own parameters, one after the other.
            let values_len = y.len();
            let mut y = y;
            y.extend(case.normal(loss.num_parameters(rows)));
            let compare = |at: &[f64], work: &mut dyn FnMut(Compared<'_, f64, Dyn>)| {
                let (y, parameters) = at.split_at(values_len);
                work(Compared { x: x.view(), y: BatchView::new(y, Dyn(rows)), parameters });
            };
            let mut d = vec![f64::NAN; values_len];
            d.resize(y.len(), 0.0);
            compare(&y, &mut |at| {
                let (dy, d_own) = d.split_at_mut(values_len);
                loss.gradient(at, &weights, BatchViewMut::new(dy, Dyn(rows)));
                loss.parameter_gradient(at, &weights, d_own);
            });
            check(&y, &d, |at| {
                let mut values = vec![0.0; weights.len()];
                compare(at, &mut |at| loss.values(at, &mut values));
                dot(&values, &weights)
            })
        });
    }
    sweep.assert_at_least(50);
}

/// A Gaussian encoder, for parameters and inputs, from a random gradient at its posterior. Its
/// log-variance is clamped so narrowly that about half of it has no gradient.
#[test]
fn gaussian_encoders_for_parameters_and_inputs() {
    let mut sweep = Sweep::default();
    let (mut clamped, mut free) = (0, 0);
    for number in 0..60 {
        sweep.run(&("gaussian", number), 60_000 + number as u64, |case| {
            let (inputs, hidden, code) = (case.size(), case.size(), case.size());
            let last = case.activation(number);
            let body = case.random_net(inputs, hidden, last);
            let mean_last = case.activation(number / 3);
            let mean = case.random_net(hidden, code, mean_last);
            let log_variance = case.random_net(hidden, code, Identity);
            let encoder = Gaussian::new(body, mean, log_variance).clamp(-0.4, 0.4).unwrap().build();
            // A log-variance at the end of its clamp has a kink.
            case.smooth = false;
            let x = case.data(inputs);
            let samples = x.samples();
            let parameters = case.parameters(encoder.num_parameters());
            let (u, w) = (case.normal(code * samples), case.normal(code * samples));
            let infer = |at: &[f64]| {
                let (p, x) = at.split_at(parameters.len());
                let mut posterior = encoder.posterior();
                posterior.resize(samples);
                let mut tape = vec![f64::NAN; encoder.tape_len(samples)];
                encoder.infer(p, BatchView::new(x, Dyn(inputs)), &mut posterior, &mut tape);
                (posterior, tape)
            };
            let at = [&parameters[..], x.as_slice()].concat();
            let (posterior, tape) = infer(&at);
            for lv in posterior.log_variance().as_slice() {
                *(if lv.abs() == 0.4 { &mut clamped } else { &mut free }) += 1;
            }
            let mut d = encoder.posterior();
            d.resize(samples);
            d.mean_mut().as_mut_slice().copy_from_slice(&u);
            d.log_variance_mut().as_mut_slice().copy_from_slice(&w);
            let mut gradient = vec![0.0; parameters.len()];
            let mut dx = vec![f64::NAN; x.as_slice().len()];
            let mut scratch = vec![f64::NAN; encoder.scratch_len(samples)];
            let (parameters, x) = (&parameters, x.view());
            let inference = Inference { parameters, x, posterior: &posterior, tape: &tape };
            let to = Some(BatchViewMut::new(&mut dx, Dyn(inputs)));
            encoder.backward(inference, &mut d, to, Some(&mut gradient), &mut scratch);
            let value = |at: &[f64]| {
                let (posterior, _) = infer(at);
                dot(&u, posterior.mean().as_slice()) + dot(&w, posterior.log_variance().as_slice())
            };
            check(&at, &[gradient, dx].concat(), value)
        });
    }
    sweep.assert_at_least(60);
    let share = clamped as f64 / (clamped + free) as f64;
    assert!((0.2..0.8).contains(&share), "{share} of the log-variances were clamped");
}

/// A decoder for its parameters and codes; its parameters are the last of a longer slice, and what
/// comes before them is neither read nor given a gradient.
#[test]
fn decoders_for_parameters_and_codes() {
    let mut sweep = Sweep::default();
    for number in 0..60 {
        sweep.run(&("decoder", number), 70_000 + number as u64, |case| {
            let (code, outputs, samples, others) =
                (case.size(), case.size(), case.size(), case.size());
            let last = case.activation(number);
            let decoder = case.random_net(code, outputs, last);
            let own = case.parameters(decoder.num_parameters());
            let (z, u) = (case.normal(code * samples), case.normal(outputs * samples));
            let with_others = |own: &[f64]| [&vec![f64::NAN; others][..], own].concat();
            let decode = |own: &[f64], z: &[f64]| {
                let mut y = vec![f64::NAN; outputs * samples];
                let mut tape = vec![f64::NAN; decoder.tape_len(samples)];
                let (z, to) =
                    (BatchView::new(z, Dyn(code)), BatchViewMut::new(&mut y, Dyn(outputs)));
                decoder.decode(&with_others(own), z, to, &mut tape);
                (y, tape)
            };
            let (y, tape) = decode(&own, &z);
            let parameters = &with_others(&own);
            let (x, y) = (BatchView::new(&z, Dyn(code)), BatchView::new(&y, Dyn(outputs)));
            let pass = Pass { parameters, x, y, tape: &tape };
            let mut gradient = vec![0.0; parameters.len()];
            let (mut dy, mut dz) = (u.clone(), vec![f64::NAN; z.len()]);
            let mut scratch = vec![f64::NAN; decoder.scratch_len(samples)];
            let (from, to) =
                (BatchViewMut::new(&mut dy, Dyn(outputs)), BatchViewMut::new(&mut dz, Dyn(code)));
            Decoder::backward(&decoder, pass, from, Some(to), Some(&mut gradient), &mut scratch);
            assert!(gradient[..others].iter().all(|&g| g == 0.0));
            let value = |at: &[f64]| {
                let (own, z) = at.split_at(own.len());
                dot(&u, &decode(own, z).0)
            };
            check(&[&own[..], &z].concat(), &[&gradient[others..], &dz].concat(), value)
        });
    }
    sweep.assert_at_least(60);
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
