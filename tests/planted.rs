//! Mistakes that are known from other implementations, planted on purpose: the gradient check must
//! catch every one of them, and let the right version pass.

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::decoder::Decoder;
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::loss::Compared;
use autoencoder::parameters::Role;
use autoencoder::posterior::{Gaussianlike, Posterior};
use autoencoder::random::Streams;
use autoencoder::regularizer::{Encoded, PenaltyGradient};
use autoencoder::*;
use nalgebra::Const;

fn data() -> Batch<f64, Const<4>> {
    Batch::from_iter([[0.1, 0.9, 0.4, 0.3], [0.8, 0.2, 0.6, 0.5], [0.3, 0.7, 0.2, 0.9]])
}

/// Checks a 4-3-4 model with this activation, regularizer and loss.
fn check<A, R, L>(activation: A, regularizer: R, loss: L) -> GradientCheck
where
    A: Activation<f64>,
    R: Regularizer<layer::DenseLayer<f64, Const<4>, Const<3>, A>>,
    L: Loss<layer::DenseLayer<f64, Const<3>, Const<4>, Identity>>,
{
    let model = AutoEncoder::builder()
        .encoder(Dense::<4, 3>::new(activation))
        .decoder(Dense::<3, 4>::new(Identity))
        .regularizer(regularizer)
        .loss(loss)
        .seed(3)
        .build::<f64>()
        .unwrap();
    gradcheck::model(&model, &data(), 5).unwrap()
}

#[track_caller]
fn assert_caught(right: GradientCheck, wrong: GradientCheck) {
    right.assert();
    assert!(!wrong.passes(), "the planted mistake was not caught: {wrong}");
}

/// What is done to the gradient of a regularizer; the value stays as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// The gradient at the code is this many times too large.
    Posterior(f64),
    /// The gradient of the parameters is left out.
    NoParameters,
    /// Biases are decayed too.
    Biases,
    /// The gradient is that of λ‖h‖² instead.
    NormOfCode,
    /// The gradient at the log-variance is this many times too large.
    LogVariance(f64),
}

#[derive(Debug)]
struct Planted<R>(R, Mistake);

impl<R, E> Regularizer<E> for Planted<R>
where
    E: Encoder<Scalar = f64>,
    E::Posterior: MaybeGaussian,
    R: Regularizer<E>,
{
    fn draws(&self) -> usize {
        self.0.draws()
    }
    fn scratch_len(&self, encoder: &E, samples: usize, draws: usize) -> usize {
        self.0.scratch_len(encoder, samples, draws)
    }
    fn penalty(
        &self,
        at: &Encoded<'_, E>,
        gradient: Option<&mut PenaltyGradient<'_, E>>,
        scratch: &mut [f64],
        terms: &mut Terms,
    ) {
        let Some(gradient) = gradient else { return self.0.penalty(at, None, scratch, terms) };
        let mut posterior = at.encoder.posterior();
        posterior.resize(at.x.samples());
        posterior.set_zero();
        let mut parameters = vec![0.0; at.parameters.len()];
        let mut own = PenaltyGradient {
            posterior: &mut posterior,
            codes: None,
            parameters: &mut parameters,
            own: &mut [],
            pseudo: None,
        };
        self.0.penalty(at, Some(&mut own), scratch, terms);
        let mut code_factor = 1.0;
        match self.1 {
            Mistake::None => {}
            Mistake::Posterior(factor) => code_factor = factor,
            Mistake::NoParameters => parameters.fill(0.0),
            Mistake::Biases => {
                for tensor in at.layout.tensors().iter().filter(|t| t.role == Role::Bias) {
                    for index in tensor.range.clone() {
                        parameters[index] += 0.3 * at.parameters[index];
                    }
                }
            }
            Mistake::NormOfCode => {
                parameters.fill(0.0);
                let code = at.posterior.mean().as_slice().to_vec();
                for (d, h) in posterior.mean_mut().as_mut_slice().iter_mut().zip(code) {
                    *d = 2.0 * 0.3 * h / at.x.samples() as f64;
                }
            }
            Mistake::LogVariance(factor) => posterior.scale_log_variance(factor),
        }
        for (to, from) in gradient.parameters.iter_mut().zip(&parameters) {
            *to += from;
        }
        let from = posterior.mean().as_slice().to_vec();
        for (to, from) in gradient.posterior.mean_mut().as_mut_slice().iter_mut().zip(from) {
            *to += code_factor * from;
        }
        gradient.posterior.add_log_variance(&posterior);
    }
}

/// The log-variance where there is one.
trait MaybeGaussian: Posterior<Scalar = f64> {
    fn scale_log_variance(&mut self, _factor: f64) {}
    fn add_log_variance(&mut self, _other: &Self) {}
}
impl<C: nalgebra::Dim> MaybeGaussian for posterior::Point<f64, C> {}
impl<C: nalgebra::Dim> MaybeGaussian for posterior::DiagonalGaussian<f64, C> {
    fn scale_log_variance(&mut self, factor: f64) {
        self.log_variance_mut().as_mut_slice().iter_mut().for_each(|d| *d *= factor);
    }
    fn add_log_variance(&mut self, other: &Self) {
        let other = other.log_variance().as_slice();
        for (to, from) in self.log_variance_mut().as_mut_slice().iter_mut().zip(other) {
            *to += from;
        }
    }
}

fn planted_check<A: Activation<f64> + Clone, R: Copy>(
    activation: A,
    regularizer: R,
    mistake: Mistake,
) where
    Planted<R>: Regularizer<layer::DenseLayer<f64, Const<4>, Const<3>, A>>,
{
    let check = |mistake| check(activation.clone(), Planted(regularizer, mistake), SquaredError);
    assert_caught(check(Mistake::None), check(mistake));
}

#[test]
fn the_factor_of_two_for_tanh_in_the_sparse_penalty() {
    // Leaving out 1 / (hi − lo) makes the gradient twice too large for tanh.
    planted_check(Tanh, SparseKl::new(0.2, 0.5).unwrap(), Mistake::Posterior(2.0));
}

#[test]
fn the_number_of_samples_left_out() {
    let samples = data().samples() as f64;
    planted_check(Sigmoid, SparseKl::new(0.2, 0.5).unwrap(), Mistake::Posterior(samples));
    planted_check(Tanh, CodeL1::new(0.5).unwrap(), Mistake::Posterior(samples));
}

#[test]
fn the_sign_of_a_penalty() {
    planted_check(Sigmoid, SparseKl::new(0.2, 0.5).unwrap(), Mistake::Posterior(-1.0));
}

#[test]
fn a_jacobian_penalty_without_its_second_derivative() {
    // Without s″ the bias has no gradient from the penalty at all: the missing db.
    planted_check(Sigmoid, Contractive::new(0.3).unwrap(), Mistake::Posterior(0.0));
}

#[test]
fn a_jacobian_penalty_without_its_weights() {
    planted_check(Sigmoid, Contractive::new(0.3).unwrap(), Mistake::NoParameters);
}

#[test]
fn a_penalty_on_the_code_instead_of_its_jacobian() {
    planted_check(Sigmoid, Contractive::new(0.3).unwrap(), Mistake::NormOfCode);
}

#[test]
fn weight_decay_on_biases() {
    // Biases start at zero, where the mistake has no effect: train first.
    let run = |mistake| {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .decoder(Dense::<3, 4>::new(Identity))
            .regularizer(Planted(WeightDecay::new(0.3).unwrap(), mistake))
            .build::<f64>()
            .unwrap();
        Trainer::new(Sgd::new(0.1).unwrap()).epochs(5).fit(&mut model, &data()).unwrap();
        gradcheck::model(&model, &data(), 5).unwrap()
    };
    assert_caught(run(Mistake::None), run(Mistake::Biases));
}

#[test]
fn the_half_of_the_log_variance() {
    let run = |mistake| {
        let model = AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::<4, 5>::new(Tanh),
                Dense::<5, 2>::new(Identity),
                Dense::<5, 2>::new(Identity),
            ))
            .decoder(Dense::<2, 4>::new(Identity))
            .regularizer(Planted(Variational::new(1.0).unwrap(), mistake))
            .loss(BernoulliCrossEntropy)
            .build::<f64>()
            .unwrap();
        gradcheck::model(&model, &data(), 5).unwrap()
    };
    assert_caught(run(Mistake::None), run(Mistake::LogVariance(2.0)));
    assert_caught(run(Mistake::None), run(Mistake::Posterior(0.5)));
}

/// tanh, with derivatives of its own choice.
#[derive(Debug, Clone, Copy)]
struct MyTanh {
    first: fn(f64) -> f64,
    second: fn(f64) -> f64,
}
const RIGHT_TANH: MyTanh = MyTanh { first: |h| 1.0 - h * h, second: |h| -2.0 * h * (1.0 - h * h) };
impl Activation<f64> for MyTanh {
    type Range = range::Symmetric;
    fn name(&self) -> &'static str {
        "my_tanh"
    }
    fn value(&self, z: f64) -> f64 {
        z.tanh()
    }
    fn derivative(&self, _z: f64, h: f64) -> f64 {
        (self.first)(h)
    }
    fn second_derivative(&self, _z: f64, h: f64) -> f64 {
        (self.second)(h)
    }
}

#[test]
fn the_derivative_of_the_sigmoid_for_every_activation() {
    let wrong = MyTanh { first: |h| h * (1.0 - h), ..RIGHT_TANH };
    let run = |tanh| check(tanh, NoRegularizer, SquaredError);
    assert_caught(run(RIGHT_TANH), run(wrong));
}

#[test]
fn the_second_derivative_of_an_activation() {
    // Only the contractive penalty reads it, so only with that penalty can it be seen.
    let run = |tanh| check(tanh, Contractive::new(0.5).unwrap(), SquaredError);
    for second in [
        |h: f64| -2.0 * h,
        |h: f64| h * (1.0 - h) * (1.0 - 2.0 * h),
        |h: f64| 2.0 * h * (1.0 - h * h),
    ] {
        assert_caught(run(RIGHT_TANH), run(MyTanh { second, ..RIGHT_TANH }));
    }
}

/// ½ Σ (x − y)² with a gradient of its own choice.
#[derive(Debug)]
struct MySquares(fn(f64, f64, f64) -> f64);
impl<D: Decoder<Scalar = f64>> Loss<D> for MySquares {
    fn name(&self) -> &'static str {
        "my_squares"
    }
    fn values(&self, at: Compared<'_, f64, D::Output>, values: &mut [f64]) {
        for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(values) {
            *value = x.iter().zip(y).map(|(x, y)| 0.5 * (x - y).powi(2)).sum();
        }
    }
    fn gradient(
        &self,
        Compared { x, y, .. }: Compared<'_, f64, D::Output>,
        weights: &[f64],
        mut dy: BatchViewMut<'_, f64, D::Output>,
    ) {
        let features = x.features();
        let pairs = x.as_slice().iter().zip(y.as_slice()).enumerate();
        for (d, (index, (&x, &y))) in dy.as_mut_slice().iter_mut().zip(pairs) {
            *d = (self.0)(x, y, weights[index / features]);
        }
    }
}

#[test]
fn the_gradient_of_a_loss() {
    let run = |gradient| check(Tanh, NoRegularizer, MySquares(gradient));
    let right = || run(|x, y, weight| weight * (y - x));
    assert_caught(right(), run(|x, y, weight| 2.0 * weight * (y - x)));
    assert_caught(right(), run(|x, y, weight| weight * (x - y)));
    assert_caught(right(), run(|x, y, _| y - x)); // 1/m left out
}

#[test]
fn a_bias_without_a_gradient() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<4, 3>::new(Tanh))
        .decoder(Dense::<3, 4>::new(Identity))
        .build::<f64>()
        .unwrap();
    let streams = Some(Streams::new(1, 0, &[]));
    let mut gradient = vec![0.0; model.num_parameters()];
    model.objective(&data(), streams, Some(&mut gradient)).unwrap();
    let value =
        |parameters: &[f64]| model.objective_at(parameters, &data(), streams).unwrap().total();
    let right = gradcheck::function(model.parameters(), &gradient, value);
    let bias = model.layout().get("encoder.0.bias").unwrap().range.clone();
    gradient[bias].fill(0.0);
    assert_caught(right, gradcheck::function(model.parameters(), &gradient, value));
}

#[test]
fn a_single_wrong_element_and_one_that_is_not_a_number() {
    let at: [f64; 3] = [0.3, -0.7, 1.1];
    let value = |x: &[f64]| x[0].sin() + x[1].exp() + x[2] * x[0];
    let right = [at[0].cos() + at[2], at[1].exp(), at[0]];
    let nudged = [right[0], right[1] * (1.0 + 1e-7), right[2]];
    let nan = [right[0], f64::NAN, right[2]];
    let check = |gradient: &[f64]| gradcheck::function(&at, gradient, value);
    assert_caught(check(&right), check(&nudged));
    assert_caught(check(&right), check(&nan));
}
