//! Every gradient against finite differences of fourth order, in f64: every activation, loss and
//! regularizer with every other, over more than 500 random shapes.
//!
//! A step across a kink (of a rectifier, say) makes a finite difference invalid. Such a case is
//! found by comparing differences of two step lengths, never by looking at the analytic gradient,
//! and drawn anew. A case without a kink in any of its parts is never drawn anew.

use std::collections::HashSet;
use std::fmt::Debug;

use autoencoder::activation::*;
use autoencoder::corruption::{Corruption, Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::layer::{Activated, Adjoint, Elementwise, Matrix, Pass};
use autoencoder::loss::{Categorical, Compared, LearnedGaussian, Mixed};
use autoencoder::random::{StreamRng, Streams, seeded};
use autoencoder::size::SameSize;
use autoencoder::train::{IntoExamples, Suits, Trainable};
use autoencoder::*;
use common::passes::Passes;
use common::{CLOSED_FORM, MOST_REDRAWN, SMOOTH};
use nalgebra::{Const, Dyn};
use rand::RngExt;

/// The largest size of a layer, and number of samples.
const LARGEST: usize = 9;
/// A case with kinks is drawn anew at most this often.
const MOST_ATTEMPTS: u64 = 60;

/// A layer of any depth that ends in this range.
type Net<R> = Any<f64, Dyn, Dyn, R, Point>;

/// An activation by number that claims to be real, so that it can end a decoder of logits too.
#[derive(Debug, Clone)]
struct Claimed(Box<dyn Activation<f64>>);
impl Ranged for Claimed {
    type Range = range::Real;
}
impl Activation<f64> for Claimed {
    fn describe(&self) -> String {
        self.0.describe()
    }
    fn range(&self) -> (f64, f64) {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
    fn value(&self, z: f64) -> f64 {
        self.0.value(z)
    }
    fn derivative(&self, z: f64, h: f64) -> f64 {
        self.0.derivative(z, h)
    }
    fn second_derivative(&self, z: f64, h: f64) -> f64 {
        self.0.second_derivative(z, h)
    }
    fn reads_preactivation(&self) -> bool {
        self.0.reads_preactivation()
    }
    fn apply(&self, z: &mut [f64]) {
        self.0.apply(z);
    }
    fn backward(&self, z: &[f64], h: &[f64], dh: &mut [f64]) {
        self.0.backward(z, h, dh);
    }
}

const ACTIVATIONS: usize = 8;
fn boxed_activation(number: usize) -> Claimed {
    Claimed(match number % ACTIVATIONS {
        0 => Box::new(Sigmoid),
        1 => Box::new(Tanh),
        2 => Box::new(Identity),
        3 => Box::new(Relu),
        4 => Box::new(LeakyRelu::new(0.3).unwrap()),
        5 => Box::new(Elu::new(0.7).unwrap()),
        6 => Box::new(Gelu),
        _ => Box::new(Softplus),
    })
}

fn dense<A: Activation<f64> + Ranged + Clone + 'static>(
    inputs: usize,
    outputs: usize,
    a: A,
) -> Net<A::Range> {
    Dense::dynamic(inputs, outputs, a).boxed_as()
}

/// A model whose decoder has this encoder's weights.
macro_rules! mirror {
    ($encoder:expr, $last:expr) => {
        AutoEncoder::builder().encoder($encoder).decoder(Tied::new($last)).build::<f64>().unwrap()
    };
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

    fn activation(&mut self, number: usize) -> Claimed {
        self.smooth &= !matches!(number % ACTIVATIONS, 3..=5);
        boxed_activation(number)
    }

    /// A net through these sizes, of random activations, ending in `last`.
    fn net<A: Activation<f64> + Ranged + Clone + 'static>(
        &mut self,
        sizes: &[usize],
        last: A,
    ) -> Net<A::Range> {
        match sizes {
            [inputs, outputs] => dense(*inputs, *outputs, last),
            [inputs, later @ ..] => {
                let number = self.rng.random_range(0..ACTIVATIONS);
                let first = dense(*inputs, later[0], self.activation(number));
                first.then(self.net(later, last)).boxed_as()
            }
            [] => unreachable!("a net has at least two sizes"),
        }
    }

    /// A net of random depth and activations, ending in `last`.
    fn random_net<A: Activation<f64> + Ranged + Clone + 'static>(
        &mut self,
        from: usize,
        to: usize,
        last: A,
    ) -> Net<A::Range> {
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

    fn loss(&mut self, number: usize) -> Box<dyn Loss<f64>> {
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
fn check_model<'x, E, D, R, L, X>(
    case: &mut Case,
    mut model: AutoEncoder<E, D, R, L, f64>,
    examples: X,
) -> Option<GradientCheck>
where
    E: Part,
    D: Part,
    AutoEncoder<E, D, R, L, f64>: Trainable<Scalar = f64, Input = E::Input>,
    X: IntoExamples<'x, f64> + Copy,
    X::Input: SameSize<E::Input>,
    X::Given: Suits<<AutoEncoder<E, D, R, L, f64> as Trainable>::Wanted>,
{
    model.set_parameters(&case.parameters(model.num_parameters())).unwrap();
    let mut trainer = Trainer::new(Sgd::new(1e-3).unwrap()).epochs(3).batch_size(4);
    trainer.fit(&mut model, examples).unwrap();
    let seed = case.rng.random();
    let check = gradcheck::model(&model, examples, seed).unwrap();
    let streams = Some(Streams::new(seed, 0, &[]));
    let value =
        |parameters: &[f64]| model.objective_at(parameters, examples, streams).unwrap().total();
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
fn for_all(case: &mut Case, number: usize) -> Box<dyn Regularizer<f64>> {
    match number {
        0 => Box::new(NoRegularizer),
        EXACT => Box::new(contractive(0.3)),
        HUTCHINSON => Box::new(contractive(0.3).hutchinson(2).unwrap()),
        3 => Box::new(decay()),
        4 => Box::new(case.code_l1(0.2)),
        5 => Box::new((contractive(0.2), Denoising::new(corruption(0)), decay())),
        6 => Box::new(vec![
            Box::new(case.code_l1(0.1)) as Box<dyn Regularizer<f64>>,
            Box::new(contractive(0.1)),
        ]),
        _ => Box::new(Denoising::new(corruption(number))),
    }
}

/// Regularizers for bounded codes.
const FOR_BOUNDED: usize = 6;
fn for_bounded(case: &mut Case, number: usize) -> Box<dyn Regularizer<f64>> {
    match number {
        0 => Box::new(sparse()),
        1 => Box::new(running(0.8)),
        2 => Box::new((contractive(0.2), sparse())),
        3 => Box::new((sparse(), Denoising::new(corruption(1)), decay(), case.code_l1(0.1))),
        // Each part reads its own share of the state.
        4 => Box::new((running(0.5), contractive(0.1), running(0.9))),
        _ => Box::new(vec![
            Box::new(decay()) as Box<dyn Regularizer<f64>>,
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
            let regularizer: Box<dyn Regularizer<f64>> = if regularizer < FOR_ALL {
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

/// What a model is told beside each sample.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Conditions,
    Labels,
    Both,
}

#[test]
fn conditional_models_and_classifiers() {
    let mut sweep = Sweep::default();
    let mut number = 0;
    for (regularizer, gaussian) in (0..FOR_ALL).flat_map(|r| [(r, false), (r, true)]) {
        for told in [Told::Conditions, Told::Labels, Told::Both] {
            for repeat in 0..2 {
                number += 1;
                let name = ("told", told, regularizer, gaussian, repeat);
                sweep.run(&name, 100_000 + number, |case| {
                    let (inputs, code) = (case.size(), case.size());
                    let numbers = if told == Told::Labels { 0 } else { case.size() };
                    let classes = 1 + case.size();
                    let x = case.data(inputs);
                    let conditions = case.normal(numbers * x.samples());
                    let conditions = Batch::new(Dyn(numbers.max(1)), conditions).unwrap();
                    let label = |case: &mut Case| case.rng.random_range(0..classes);
                    let labels: Vec<usize> = (0..x.samples()).map(|_| label(case)).collect();
                    let outputs = if told == Told::Conditions { inputs } else { classes };
                    let activations = [number as usize, repeat, regularizer];
                    let [last, mean_last, of_decoder] = activations.map(|a| case.activation(a));
                    let decoder = case.random_net(code + numbers, outputs, of_decoder);
                    let of_draws = gaussian.then(|| Variational::new(0.8).unwrap());
                    let regularizer = for_all(case, regularizer);
                    let loss = case.loss(number as usize);
                    // Each half as it is, or told the condition.
                    macro_rules! check {
                        ($encoder:expr) => {
                            match told {
                                Told::Labels => check!($encoder, decoder, head, (&x, &labels)),
                                Told::Conditions => check!(
                                    Conditioned::dynamic(numbers, $encoder),
                                    Conditioned::dynamic(numbers, decoder),
                                    decoder,
                                    (&x, &conditions),
                                    loss
                                ),
                                Told::Both => check!(
                                    Conditioned::dynamic(numbers, $encoder),
                                    Conditioned::dynamic(numbers, decoder),
                                    head,
                                    (&x, &conditions, &labels)
                                ),
                            }
                        };
                        ($encoder:expr, $decoder:expr, $of:ident, $examples:expr $(, $loss:ident)?) => {{
                            let model = AutoEncoder::builder().encoder($encoder).$of($decoder);
                            let parts: Vec<Box<dyn Regularizer<f64>>> =
                                match of_draws {
                                    Some(of_draws) => vec![Box::new(of_draws), regularizer],
                                    None => vec![regularizer],
                                };
                            let model = model.regularizer(parts)$(.loss($loss))?;
                            check_model(case, model.build::<f64>().unwrap(), $examples)
                        }};
                    }
                    if gaussian {
                        let hidden = case.size();
                        let body = case.random_net(inputs + numbers, hidden, last);
                        let mean = case.random_net(hidden, code, mean_last);
                        let log_variance = case.random_net(hidden, code, Identity);
                        check!(Gaussian::new(body, mean, log_variance))
                    } else {
                        check!(case.random_net(inputs + numbers, code, last))
                    }
                });
            }
        }
    }
    sweep.assert_at_least(120);
}

/// ⟨u, y⟩ for parameters and inputs; ⟨u, y⟩ + ⟨w, J v⟩ for parameters, inputs and v; and J v as the
/// derivative of y along v.
fn check_layer(case: &mut Case, layer: &dyn Layer<f64>, samples: usize) -> Option<GradientCheck> {
    let run = Passes { layer, samples, before: 0.0 };
    let (inputs, outputs) = (layer.num_inputs() * samples, layer.num_outputs() * samples);
    let parameters = case.parameters(run.num_parameters());
    let (x, v) = (case.normal(inputs), case.normal(inputs));
    let (u, w) = (case.normal(outputs), case.normal(outputs));
    let split = |at: &[f64]| {
        let (p, rest) = at.split_at(parameters.len());
        let (x, v) = rest.split_at(inputs);
        [p, x, v].map(<[f64]>::to_vec)
    };

    let value = |at: &[f64]| {
        let (p, x) = at.split_at(parameters.len());
        dot(&u, &run.forward(p, x))
    };
    let analytic = run.backward(&parameters, &x, &u);
    let backward = check(&[&parameters[..], &x].concat(), &analytic, value)?;

    let value = |at: &[f64]| {
        let [p, x, v] = split(at);
        let (y, jv) = run.along(&p, &x, &v);
        dot(&u, &y) + dot(&w, &jv)
    };
    let analytic = run.tangent_backward(&parameters, (&x, &v), (&u, &w));
    let over_both = check(&[&parameters[..], &x, &v].concat(), &analytic, value)?;

    // J v, element by element, by moving x along v.
    let (_, jv) = run.along(&parameters, &x, &v);
    let along = |t: f64, element: usize| {
        let moved: Vec<f64> = x.iter().zip(&v).map(|(x, v)| x + t * v).collect();
        run.forward(&parameters, &moved)[element]
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
    [backward, over_both, tangent].into_iter().max_by(|a, b| a.norm_error.total_cmp(&b.norm_error))
}

#[test]
fn layers_for_parameters_inputs_and_directions() {
    let mut sweep = Sweep::default();
    for number in 0..240 {
        sweep.run(&("layer", number), 30_000 + number as u64, |case| {
            let (inputs, outputs, samples) = (case.size(), case.size(), case.size());
            let last = case.activation(number);
            let mut layer = case.random_net(inputs, outputs, last);
            if number % 3 == 0 {
                let second = Elementwise::dynamic(outputs, case.activation(number / 3));
                layer = layer.then(second).boxed_as();
            }
            check_layer(case, &layer, samples)
        });
    }
    sweep.assert_at_least(200);
}

/// What can stand in a model as a layer, beside the nets of the test above.
const KINDS: usize = 9;
fn kind(case: &mut Case, number: usize, (inputs, outputs): (usize, usize)) -> Box<dyn Layer<f64>> {
    let random = |case: &mut Case| {
        let number = case.rng.random_range(0..ACTIVATIONS);
        case.activation(number)
    };
    let last = random(case);
    match number % KINDS {
        // Clamped so narrowly that some log-variances have a kink nearby.
        0 => {
            case.smooth = false;
            let hidden = case.size();
            let body = case.random_net(inputs, hidden, last);
            let mean_last = random(case);
            let mean = case.random_net(hidden, outputs, mean_last);
            let log_variance = case.random_net(hidden, outputs, Identity);
            Box::new(Gaussian::new(body, mean, log_variance).clamp(-0.8, 0.8).unwrap())
        }
        1 => {
            let numbers = case.size();
            let net = case.random_net(inputs + numbers, outputs, last);
            Box::new(Conditioned::dynamic(numbers, net))
        }
        2 => Box::new(case.random_net(inputs, outputs, last).boxed::<f64>().boxed_as::<f64>()),
        3 => Box::new(Elementwise::dynamic(inputs, last)),
        // The weights of a map that goes the other way, as its own.
        4 => {
            let map = Adjoint(Matrix::new(outputs, inputs));
            Box::new(Activated::new(map, last, Dyn(inputs), Dyn(outputs)))
        }
        // Those of an encoder, which come first in what the layer is given; then the same map on its own.
        5 => {
            let encoder = Dense::dynamic(outputs, inputs, random(case));
            Box::new(mirror!(encoder, last).decoder().clone())
        }
        6 => {
            let (first, second) = (case.size(), case.size());
            let encoder = Dense::dynamic(outputs, first, random(case));
            let encoder = encoder.then(Dense::dynamic(first, second, random(case)));
            let encoder = encoder.then(Dense::dynamic(second, inputs, random(case)));
            Box::new(mirror!(encoder, last).decoder().clone())
        }
        7 => {
            let hidden = case.size();
            let encoder = Dense::dynamic(outputs, hidden, random(case));
            let encoder = encoder.then(Dense::dynamic(hidden, inputs, random(case)));
            Box::new(mirror!(encoder, last).trained_decoder())
        }
        // One Gaussian head behind another part: the Jacobian of the mean is by passes over both.
        _ => {
            let hidden = case.size();
            let body = case.random_net(inputs, hidden, last);
            let heads = || Dense::dynamic(hidden, outputs, Identity);
            let numbers = inputs - 1;
            let encoder = Gaussian::new(body, heads(), heads());
            if numbers == 0 {
                Box::new(encoder)
            } else {
                Box::new(Conditioned::dynamic(numbers, encoder))
            }
        }
    }
}

#[test]
fn layers_of_every_kind() {
    let mut sweep = Sweep::default();
    for number in 0..20 * KINDS {
        sweep.run(&("kind", number % KINDS), 90_000 + number as u64, |case| {
            let (inputs, outputs, samples) = (case.size(), case.size(), case.size());
            let layer = kind(case, number, (inputs, outputs));
            check_layer(case, &*layer, samples)
        });
    }
    sweep.assert_at_least(150);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
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
        let run = Passes { layer: &layer, samples, before: 0.0 };
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
        let run = |before| Passes { layer: &layer, samples, before };

        let written = run(f64::NAN).backward(&parameters, &x, &u);
        assert_eq!(written, run(0.0).backward(&parameters, &x, &u));

        let over_both = |before| run(before).tangent_backward(&parameters, (&x, &v), (&u, &w));
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
            let loss: Box<dyn Loss<f64>> = match number % ALL {
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
            let compare = |at: &[f64], work: &mut dyn FnMut(Compared<'_, f64>)| {
                let (y, parameters) = at.split_at(values_len);
                work(Compared { x: x.view(), y: BatchView::new(y, rows), parameters });
            };
            let mut d = vec![f64::NAN; values_len];
            d.resize(y.len(), 0.0);
            compare(&y, &mut |at| {
                let (dy, d_own) = d.split_at_mut(values_len);
                loss.gradient(at, &weights, BatchViewMut::new(dy, rows));
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
            let encoder = Gaussian::new(body, mean, log_variance).clamp(-0.4, 0.4).unwrap();
            let encoder: &dyn Layer<f64> = &encoder;
            // A log-variance at the end of its clamp has a kink.
            case.smooth = false;
            let x = case.data(inputs);
            let samples = x.samples();
            let parameters = case.parameters(encoder.num_parameters());
            let (u, w) = (case.normal(code * samples), case.normal(code * samples));
            let run = Passes { layer: encoder, samples, before: 0.0 };
            // All means, and behind them all log-variances.
            let infer = |at: &[f64]| {
                let (p, x) = at.split_at(parameters.len());
                run.forward(p, x)
            };
            let at = [&parameters[..], x.as_slice()].concat();
            for lv in &infer(&at)[code * samples..] {
                *(if lv.abs() == 0.4 { &mut clamped } else { &mut free }) += 1;
            }
            let both = [u, w].concat();
            let gradient = run.backward(&parameters, x.as_slice(), &both);
            check(&at, &gradient, |at| dot(&both, &infer(at)))
        });
    }
    sweep.assert_at_least(60);
    let share = clamped as f64 / (clamped + free) as f64;
    assert!((0.2..0.8).contains(&share), "{share} of the log-variances were clamped");
}

/// A decoder for its parameters and codes; its parameters are the last of a longer slice where it shares those of an
/// encoder, and what it does not share of them is neither read nor given a gradient.
#[test]
fn decoders_for_parameters_and_codes() {
    let mut sweep = Sweep::default();
    for number in 0..64 {
        sweep.run(&("decoder", number), 70_000 + number as u64, |case| {
            let (code, outputs, samples, hidden) =
                (case.size(), case.size(), case.size(), case.size());
            let number = |case: &mut Case| case.rng.random_range(0..ACTIVATIONS);
            let (first, second, last) = (number(case), number(case), number(case));
            let encoder = Dense::dynamic(outputs, hidden, case.activation(first));
            let encoder = encoder.then(Dense::dynamic(hidden, code, case.activation(second)));
            let last = case.activation(last);
            let decoder = mirror!(encoder, last).decoder().clone();
            let decoder: &dyn Layer<f64> = &decoder;
            let others = decoder.num_shared();
            let all = case.parameters(others + decoder.num_parameters());
            // The encoder's biases are not shared.
            let weights = outputs * hidden;
            let biases = [weights..weights + hidden, weights + hidden + hidden * code..others];
            let mut shown = all.clone();
            biases.iter().for_each(|biases| shown[biases.clone()].fill(f64::NAN));
            let (z, u) = (case.normal(code * samples), case.normal(outputs * samples));
            let decode = |given: &[f64], z: &[f64]| {
                let mut y = vec![f64::NAN; outputs * samples];
                let mut tape = vec![f64::NAN; decoder.tape_len(samples)];
                let mut scratch = vec![f64::NAN; decoder.scratch_len(samples)];
                let (z, to) = (BatchView::new(z, code), BatchViewMut::new(&mut y, outputs));
                decoder.forward(given, z, to, &mut tape, &mut scratch);
                (y, tape)
            };
            let (y, tape) = decode(&shown, &z);
            let (x, y) = (BatchView::new(&z, code), BatchView::new(&y, outputs));
            let pass = Pass { parameters: &shown, x, y, tape: &tape };
            let mut gradient = vec![0.0; shown.len()];
            let (mut dy, mut dz) = (u.clone(), vec![f64::NAN; z.len()]);
            let mut scratch = vec![f64::NAN; decoder.scratch_len(samples)];
            let (from, to) =
                (BatchViewMut::new(&mut dy, outputs), BatchViewMut::new(&mut dz, code));
            decoder.backward(pass, from, Some(to), Some(&mut gradient), &mut scratch);
            for biases in biases {
                assert!(gradient[biases].iter().all(|&g| g == 0.0));
            }
            let value = |at: &[f64]| {
                let (given, z) = at.split_at(all.len());
                dot(&u, &decode(given, z).0)
            };
            check(&[&all[..], &z].concat(), &[&gradient[..], &dz].concat(), value)
        });
    }
    sweep.assert_at_least(60);
}

#[test]
fn boxed_encoders_and_decoders_have_the_same_gradients() {
    type E = Any<f64, Const<5>, Const<3>, range::Symmetric, Point>;
    type G = Any<f64, Const<5>, Const<3>, range::Real, DiagonalGaussian>;
    type D = Any<f64, Const<3>, Const<5>, range::Real, Point>;
    let decoder = || -> D { Dense::<3, 5>::new(Identity).boxed_as() };
    let x: Batch<f64, Const<5>> =
        Batch::from_iter([[0.1, 0.5, 0.3, 0.9, 0.2], [0.7, 0.2, 0.6, 0.1, 0.8]]);
    let point: E = Dense::<5, 3>::new(Tanh).boxed_as();
    let model = AutoEncoder::builder()
        .encoder(point)
        .decoder(decoder())
        .regularizer((SparseKl::new(0.3, 0.5).unwrap(), Contractive::new(0.2).unwrap()))
        .build::<f64>()
        .unwrap();
    gradcheck::model(&model, &x, 1).unwrap().assert();
    let gaussian = || {
        Gaussian::new(
            Dense::<5, 4>::new(Tanh),
            Dense::<4, 3>::new(Identity),
            Dense::<4, 3>::new(Identity),
        )
    };
    let boxed: G = gaussian().boxed_as();
    let model = AutoEncoder::builder()
        .encoder(boxed)
        .decoder(decoder())
        .regularizer(Variational::new(0.5).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    gradcheck::model(&model, &x, 1).unwrap().assert();

    // The same bits as without boxes, and without any types.
    let plain = AutoEncoder::builder()
        .encoder(gaussian())
        .decoder(Dense::<3, 5>::new(Identity))
        .regularizer(Variational::new(0.5).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f64>()
        .unwrap();
    let untyped: AnyAutoEncoder<f64> = AutoEncoder::builder()
        .encoder(gaussian().boxed())
        .decoder(Dense::<3, 5>::new(Identity).boxed())
        .regularizer(Box::new(Variational::new(0.5).unwrap()) as Box<dyn Regularizer<f64>>)
        .loss(Box::new(BernoulliCrossEntropy) as Box<dyn Loss<f64>>)
        .build()
        .unwrap();
    let streams = Some(Streams::new(3, 0, &[]));
    let [mut of_model, mut of_plain, mut of_untyped] =
        [(); 3].map(|()| vec![0.0; plain.num_parameters()]);
    let terms = model.objective(&x, streams, Some(&mut of_model)).unwrap();
    assert_eq!(plain.objective(&x, streams, Some(&mut of_plain)).unwrap(), terms);
    let dynamic = x.clone().into_dynamic();
    assert_eq!(untyped.objective(&dynamic, streams, Some(&mut of_untyped)).unwrap(), terms);
    assert_eq!([&of_plain, &of_untyped], [&of_model; 2]);
}
