//! Mistakes that are known from other implementations, planted on purpose: the gradient check must
//! catch every one of them, and let the right version pass.

use autoencoder::activation::{Identity, Ranged, Sigmoid, Tanh};
use autoencoder::gradcheck::{self, GradientCheck};
use autoencoder::layer::{DenseLayer, DualViewMut, Pass, TangentPass};
use autoencoder::loss::{
    Categorical, Compared, CrossEntropy, LearnedGaussian, LossFor, Mixed, Target, WithInput,
};
use autoencoder::parameters::Role;
use autoencoder::posterior::Posterior;
use autoencoder::prior::{GaussianMixture, Prior, VampPrior};
use autoencoder::random::Streams;
use autoencoder::regularizer::{Encoded, Needs, PenaltyGradient, SuitedTo};
use autoencoder::train::schedule::Constant;
use autoencoder::*;
use nalgebra::Const;
use rand::Rng;

fn data() -> Batch<f64, Const<4>> {
    Batch::from_iter([[0.1, 0.9, 0.4, 0.3], [0.8, 0.2, 0.6, 0.5], [0.3, 0.7, 0.2, 0.9]])
}

/// Checks a 4-3-4 model with this activation, regularizer and loss.
fn check<A, R, L>(activation: A, regularizer: R, loss: L) -> GradientCheck
where
    A: Activation<f64> + Ranged + Clone + 'static,
    R: Regularizer<f64> + SuitedTo<DenseLayer<Const<4>, Const<3>, A>>,
    L: Loss<f64> + LossFor<DenseLayer<Const<3>, Const<4>, Identity>, Target = WithInput>,
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
    /// The weights of a condition are given a gradient too.
    Conditions,
}

#[derive(Debug, Clone)]
struct Planted<R>(R, Mistake);

impl<E, R: SuitedTo<E>> SuitedTo<E> for Planted<R> {}
impl<R: Regularizer<f64> + Clone + 'static> Regularizer<f64> for Planted<R> {
    fn describe(&self) -> String {
        format!("Planted({}, {:?})", self.0.describe(), self.1)
    }
    fn needs(&self, facts: &Facts) -> Needs {
        Needs { adds_to_parameters: true, ..self.0.needs(facts) }
    }
    fn scratch_len(
        &self,
        encoder: &dyn Layer<f64>,
        facts: &Facts,
        samples: usize,
        draws: usize,
    ) -> usize {
        self.0.scratch_len(encoder, facts, samples, draws)
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        gradient: Option<&mut PenaltyGradient<'_, f64>>,
        scratch: &mut [f64],
        terms: &mut Terms,
    ) {
        let Some(gradient) = gradient else { return self.0.penalty(at, None, scratch, terms) };
        let mut posterior = empty(at, at.x.samples());
        let mut parameters = vec![0.0; at.parameters.len()];
        let mut own = PenaltyGradient {
            posterior: &mut posterior,
            codes: None,
            pairs: &mut [],
            auxiliary: &mut [],
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
            Mistake::Conditions => {
                let (units, features) = (at.facts.units, at.facts.features);
                let inputs = features + at.facts.condition;
                let weights = units * features..units * inputs;
                for (d, w) in parameters[weights.clone()].iter_mut().zip(&at.parameters[weights]) {
                    *d += 0.01 * w;
                }
            }
            Mistake::LogVariance(factor) => {
                let mut log_variances = posterior.log_variance_mut();
                log_variances.as_mut_slice().iter_mut().for_each(|d| *d *= factor);
            }
        }
        for (to, from) in gradient.parameters.iter_mut().zip(&parameters) {
            *to += from;
        }
        let (means, log_variances) = gradient.posterior.moments_mut();
        for (to, from) in means.iter_mut().zip(posterior.mean().as_slice()) {
            *to += code_factor * from;
        }
        for (to, from) in log_variances.iter_mut().zip(posterior.log_variance().as_slice()) {
            *to += from;
        }
    }
}

/// A gradient of 0 at what the encoder says of so many samples.
fn empty(at: &Encoded<'_, f64>, samples: usize) -> Posterior<f64> {
    let mut posterior = Posterior::new(at.facts.units, at.facts.is_gaussian);
    posterior.resize(samples);
    posterior.set_zero();
    posterior
}

fn planted_check<A, R>(activation: A, regularizer: R, mistake: Mistake)
where
    A: Activation<f64> + Ranged + Clone + 'static,
    R: Regularizer<f64> + SuitedTo<DenseLayer<Const<4>, Const<3>, A>> + Clone + 'static,
{
    let check =
        |mistake| check(activation.clone(), Planted(regularizer.clone(), mistake), SquaredError);
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
impl Ranged for MyTanh {
    type Range = range::Symmetric;
}
impl Activation<f64> for MyTanh {
    fn describe(&self) -> String {
        "MyTanh".to_owned()
    }
    fn range(&self) -> (f64, f64) {
        (-1.0, 1.0)
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
#[derive(Debug, Clone)]
struct MySquares(fn(f64, f64, f64) -> f64);
impl<D: Part> LossFor<D> for MySquares {
    type Target = WithInput;
}
impl Loss<f64> for MySquares {
    fn name(&self) -> &'static str {
        "my_squares"
    }
    fn describe(&self) -> String {
        "MySquares".to_owned()
    }
    fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
        for ((x, y), value) in at.x.iter().zip(at.y.iter()).zip(values) {
            *value = x.iter().zip(y).map(|(x, y)| 0.5 * (x - y).powi(2)).sum();
        }
    }
    fn gradient(
        &self,
        Compared { x, y, .. }: Compared<'_, f64>,
        weights: &[f64],
        mut dy: BatchViewMut<'_, f64>,
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

type Head = DenseLayer<Const<5>, Const<2>, Identity>;
type Drawn = Gaussian<DenseLayer<Const<4>, Const<5>, Tanh>, Head, Head>;
type Output = DenseLayer<Const<2>, Const<4>, Identity>;

/// What a penalty says about each part of the gradient.
struct Parts {
    means: Vec<f64>,
    log_variances: Vec<f64>,
    codes: Vec<f64>,
    own: Vec<f64>,
    pseudo_means: Vec<f64>,
    samples: usize,
}

/// A regularizer with its value, whose gradient is that of another one, and then changed.
#[derive(Debug, Clone)]
struct Swapped<R, G> {
    value: R,
    gradient: G,
    change: fn(&mut Parts),
    /// Changes the weights of the draws, given with the number of samples.
    weigh: fn(&mut [f64], usize),
}

fn swapped<R, G>(value: R, gradient: G) -> Swapped<R, G> {
    Swapped { value, gradient, change: |_| {}, weigh: |_, _| {} }
}

impl<E, R: SuitedTo<E>, G> SuitedTo<E> for Swapped<R, G> {}
impl<R, G> Regularizer<f64> for Swapped<R, G>
where
    R: Regularizer<f64> + Clone + 'static,
    G: Regularizer<f64> + Clone + 'static,
{
    fn describe(&self) -> String {
        format!("Swapped({}, {})", self.value.describe(), self.gradient.describe())
    }
    fn needs(&self, facts: &Facts) -> Needs {
        self.value.needs(facts)
    }
    fn check(&self, facts: &Facts) -> Result<()> {
        self.value.check(facts)
    }
    fn weigh_draws(&self, at: &Encoded<'_, f64>, weights: &mut [f64], scratch: &mut [f64]) {
        self.value.weigh_draws(at, weights, scratch);
        (self.weigh)(weights, at.x.samples());
    }
    fn prior(&self) -> Option<&dyn Prior<f64>> {
        self.value.prior()
    }
    fn layout(
        &self,
        facts: &Facts,
        layout: &mut Layout,
        parameters: &mut [f64],
        rng: &mut dyn Rng,
    ) {
        self.value.layout(facts, layout, parameters, rng);
    }
    fn scratch_len(
        &self,
        encoder: &dyn Layer<f64>,
        facts: &Facts,
        samples: usize,
        draws: usize,
    ) -> usize {
        let of = |regularizer: &dyn Regularizer<f64>| {
            regularizer.scratch_len(encoder, facts, samples, draws)
        };
        of(&self.value).max(of(&self.gradient))
    }
    fn penalty(
        &self,
        at: &Encoded<'_, f64>,
        gradient: Option<&mut PenaltyGradient<'_, f64>>,
        scratch: &mut [f64],
        terms: &mut Terms,
    ) {
        self.value.penalty(at, None, scratch, terms);
        let Some(gradient) = gradient else { return };
        let mut posterior = empty(at, at.x.samples());
        let mut pseudo = at.pseudo.map(|pseudo| empty(at, pseudo.mean().samples()));
        let mut codes = vec![0.0; at.codes.map_or(0, |codes| codes.as_slice().len())];
        let mut own = vec![0.0; gradient.own.len()];
        let mut parts = PenaltyGradient {
            posterior: &mut posterior,
            codes: at.codes.map(|_| BatchViewMut::new(&mut codes, at.facts.units)),
            pairs: &mut [],
            auxiliary: &mut [],
            parameters: &mut [],
            own: &mut own,
            pseudo: pseudo.as_mut(),
        };
        self.gradient.penalty(at, Some(&mut parts), scratch, &mut Terms::new());
        let (means, log_variances) = (posterior.mean(), posterior.log_variance());
        let means_of = |posterior: &Posterior<f64>| posterior.mean().as_slice().to_vec();
        let mut parts = Parts {
            means: means.as_slice().to_vec(),
            log_variances: log_variances.as_slice().to_vec(),
            codes,
            own,
            pseudo_means: pseudo.as_ref().map(means_of).unwrap_or_default(),
            samples: at.x.samples(),
        };
        (self.change)(&mut parts);
        let add = |to: &mut [f64], from: &[f64]| {
            assert_eq!(to.len(), from.len());
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        let (d_means, d_log_variances) = gradient.posterior.moments_mut();
        add(d_means, &parts.means);
        add(d_log_variances, &parts.log_variances);
        add(gradient.own, &parts.own);
        if let Some(codes) = &mut gradient.codes {
            add(codes.as_mut_slice(), &parts.codes);
        }
        if let (Some(to), Some(pseudo)) = (&mut gradient.pseudo, &pseudo) {
            add(to.moments_mut().0, &parts.pseudo_means);
            add(to.moments_mut().1, pseudo.log_variance().as_slice());
        }
    }
}

/// Checks a variational model at parameters of which none is 0, with and without weights of the samples.
#[track_caller]
fn check_drawn<R, L>(regularizer: R, loss: L) -> [GradientCheck; 2]
where
    R: Regularizer<f64> + SuitedTo<Drawn>,
    L: Loss<f64> + LossFor<Output, Target = WithInput>,
{
    let head = || Dense::<5, 2>::new(Identity);
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(Dense::<4, 5>::new(Tanh), head(), head()))
        .decoder(Dense::<2, 4>::new(Identity))
        .regularizer(regularizer)
        .loss(loss)
        .seed(3)
        .build::<f64>()
        .unwrap();
    let moved = model.parameters().iter().enumerate();
    let moved: Vec<f64> = moved.map(|(at, p)| p + 0.2 * (1.7 * at as f64).sin()).collect();
    model.set_parameters(&moved).unwrap();
    let x = data();
    let weighted = Examples::of(&x).weights(&[1.0, 0.3, 2.0]);
    let weighted = gradcheck::model(&model, weighted, 5).unwrap();
    [gradcheck::model(&model, &x, 5).unwrap(), weighted]
}

/// The right version passes with and without weights, the wrong one fails both.
#[track_caller]
fn assert_drawn_caught<R, W, L>(right: R, wrong: W, loss: L)
where
    R: Regularizer<f64> + SuitedTo<Drawn>,
    W: Regularizer<f64> + SuitedTo<Drawn>,
    L: Loss<f64> + LossFor<Output, Target = WithInput> + Copy,
{
    let (right, wrong) = (check_drawn(right, loss), check_drawn(wrong, loss));
    right.into_iter().zip(wrong).for_each(|(right, wrong)| assert_caught(right, wrong));
}

fn plain() -> Variational {
    Variational::default()
}

#[test]
fn importance_weights_that_are_not_normalized() {
    let iw = || ImportanceWeighted::new(3).unwrap();
    let caught = |weigh: fn(&mut [f64], usize)| {
        let wrong = Swapped { weigh, ..swapped(iw(), iw()) };
        assert_drawn_caught(swapped(iw(), iw()), wrong, BernoulliCrossEntropy);
    };
    // A factor K too large.
    caught(|weights, samples| {
        let draws = (weights.len() / samples) as f64;
        weights.iter_mut().for_each(|weight| *weight *= draws);
    });
    // All draws alike: the gradient of the mean of the bounds, not of the bound of the mean.
    caught(|weights, samples| {
        for sample in 0..samples {
            let of_sample = || (sample..weights.len()).step_by(samples);
            let mean = of_sample().map(|at| weights[at]).sum::<f64>() / of_sample().count() as f64;
            of_sample().for_each(|at| weights[at] = mean);
        }
    });
    // Over the samples of a draw instead of the draws of a sample.
    caught(|weights, samples| {
        for draw in weights.chunks_exact_mut(samples) {
            let sum: f64 = draw.iter().sum();
            draw.iter_mut().for_each(|weight| *weight /= sum);
        }
    });
}

#[test]
fn a_bound_without_the_entropy_of_its_draws() {
    let iw = || ImportanceWeighted::new(3).unwrap();
    let caught = |change: fn(&mut Parts)| {
        let wrong = Swapped { change, ..swapped(iw(), iw()) };
        assert_drawn_caught(swapped(iw(), iw()), wrong, BernoulliCrossEntropy);
    };
    // The −½ that ln q at fixed noise has at the log-variance.
    caught(|parts| parts.log_variances.fill(0.0));
    // ln p(z) without its gradient at the draws.
    caught(|parts| parts.codes.fill(0.0));
    // The closed form of one posterior in place of the draws.
    assert_drawn_caught(
        swapped(iw(), iw()),
        swapped(iw(), plain().draws(3).unwrap()),
        BernoulliCrossEntropy,
    );
}

#[test]
fn half_of_the_gradient_of_a_discrepancy() {
    // Both arguments of k(zᵢ, zⱼ) move with a code, and each pair counts twice.
    let mmd = |weight| Mmd::new(weight).unwrap();
    for draws in [1, 2] {
        let with = |weight| (plain().draws(draws).unwrap(), swapped(mmd(2.0), mmd(weight)));
        assert_drawn_caught(with(2.0), with(1.0), BernoulliCrossEntropy);
    }
    // The kernel's width left out of its slope.
    let gaussian = |width: f64| {
        let mmd = mmd(2.0).kernel(regularizer::Kernel::Gaussian);
        mmd.widths(&[width]).unwrap()
    };
    assert_drawn_caught(
        swapped(gaussian(0.5), gaussian(0.5)),
        swapped(gaussian(0.5), gaussian(0.25)),
        BernoulliCrossEntropy,
    );
}

#[test]
fn free_bits_that_still_push_and_a_capacity_that_pushes_down_only() {
    let free = |nats| plain().free_bits(nats).unwrap();
    assert_drawn_caught(swapped(free(9.0), free(9.0)), swapped(free(9.0), plain()), SquaredError);
    let right = free(1e-3);
    // And where no unit is free, all push.
    let none = swapped(right.clone(), free(9.0));
    assert_drawn_caught(swapped(right.clone(), right), none, SquaredError);
    let capacity = |nats| plain().capacity(nats, Constant).unwrap();
    assert_drawn_caught(
        swapped(capacity(50.0), capacity(50.0)),
        swapped(capacity(50.0), plain()),
        SquaredError,
    );
}

#[test]
fn a_total_correlation_that_sees_one_side_only() {
    let correlation = TotalCorrelation::new(2.0, 100).unwrap();
    let right = || (plain(), swapped(correlation, correlation));
    let without = (plain(), swapped(correlation, NoRegularizer));
    assert_drawn_caught(right(), without, BernoulliCrossEntropy);
    let caught = |change: fn(&mut Parts)| {
        let wrong = (plain(), Swapped { change, ..swapped(correlation, correlation) });
        assert_drawn_caught(right(), wrong, BernoulliCrossEntropy);
    };
    // The posteriors of the batch taken for constants.
    caught(|parts| {
        parts.means.fill(0.0);
        parts.log_variances.fill(0.0);
    });
    caught(|parts| parts.codes.fill(0.0));
}

#[test]
fn priors_that_are_not_trained() {
    let mixture = || plain().prior(GaussianMixture::new(3).unwrap());
    let vamp = || plain().prior(VampPrior::from_samples(&data()).unwrap());
    let of_mixture = |change: fn(&mut Parts)| {
        let wrong = Swapped { change, ..swapped(mixture(), mixture()) };
        assert_drawn_caught(swapped(mixture(), mixture()), wrong, BernoulliCrossEntropy);
    };
    of_mixture(|parts| parts.own.fill(0.0));
    // Logits, whose gradient adds up to 0 by the norm of the softmax: share alone, without π.
    of_mixture(|parts| {
        let samples = parts.samples as f64;
        parts.own[..3].iter_mut().for_each(|d| *d -= 1.0 / samples);
    });
    // The responsibilities' pull on the means with the other sign.
    of_mixture(|parts| parts.own[3..9].iter_mut().for_each(|d| *d = -*d));
    let wrong = Swapped {
        change: |parts: &mut Parts| parts.pseudo_means.fill(0.0),
        ..swapped(vamp(), vamp())
    };
    assert_drawn_caught(swapped(vamp(), vamp()), wrong, BernoulliCrossEntropy);
    // N(0, I) in the gradient, the prior in the value.
    assert_drawn_caught(
        swapped(mixture(), mixture()),
        swapped(mixture(), plain()),
        BernoulliCrossEntropy,
    );
}

/// A loss with its value, whose gradients are changed: at the output, and at its own parameters.
#[derive(Debug, Clone)]
struct ChangedLoss<L> {
    loss: L,
    output: fn(&mut [f64], &[f64]),
    own: fn(&mut [f64]),
}

impl<D, L: LossFor<D>> LossFor<D> for ChangedLoss<L> {
    type Target = L::Target;
}
impl<L: Loss<f64> + Clone + 'static> Loss<f64> for ChangedLoss<L> {
    fn name(&self) -> &'static str {
        "changed"
    }
    fn describe(&self) -> String {
        format!("Changed({})", self.loss.describe())
    }
    fn target(&self) -> Target {
        self.loss.target()
    }
    fn values(&self, at: Compared<'_, f64>, values: &mut [f64]) {
        self.loss.values(at, values);
    }
    fn gradient(&self, at: Compared<'_, f64>, weights: &[f64], mut dy: BatchViewMut<'_, f64>) {
        self.loss.gradient(at, weights, dy.reborrow());
        (self.output)(dy.as_mut_slice(), at.parameters);
    }
    fn num_parameters(&self, features: usize) -> usize {
        self.loss.num_parameters(features)
    }
    fn layout(&self, features: usize, layout: &mut Layout, parameters: &mut [f64]) {
        self.loss.layout(features, layout, parameters);
    }
    fn parameter_gradient(&self, at: Compared<'_, f64>, weights: &[f64], gradient: &mut [f64]) {
        let mut own = vec![0.0; gradient.len()];
        self.loss.parameter_gradient(at, weights, &mut own);
        (self.own)(&mut own);
        gradient.iter_mut().zip(own).for_each(|(to, from)| *to += from);
    }
}

/// With these changes, and with none.
fn loss_is_caught<L>(loss: impl Fn() -> L, output: fn(&mut [f64], &[f64]), own: fn(&mut [f64]))
where
    L: Loss<f64> + LossFor<Output, Target = WithInput> + Clone + 'static,
{
    for draws in [1, 3] {
        let regularizer = || plain().draws(draws).unwrap();
        let right = ChangedLoss { loss: loss(), output: |_, _| {}, own: |_| {} };
        let right = check_drawn(regularizer(), right);
        let wrong = check_drawn(regularizer(), ChangedLoss { loss: loss(), output, own });
        right.into_iter().zip(wrong).for_each(|(right, wrong)| assert_caught(right, wrong));
    }
}

#[test]
fn a_learned_variance() {
    for loss in [LearnedGaussian::shared(), LearnedGaussian::per_feature()] {
        let start = || loss.starting_at(0.6).unwrap();
        // Not trained; the ½ left out; without the norm it goes the other way.
        loss_is_caught(start, |_, _| {}, |own| own.fill(0.0));
        loss_is_caught(start, |_, _| {}, |own| own.iter_mut().for_each(|d| *d *= 2.0));
        loss_is_caught(start, |_, _| {}, |own| own.iter_mut().for_each(|d| *d -= 0.5));
        // x − y not divided by the variance.
        let unscaled = |dy: &mut [f64], lvs: &[f64]| {
            let lvs = lvs.iter().cycle();
            dy.iter_mut().zip(lvs).for_each(|(d, lv)| *d *= lv.exp());
        };
        loss_is_caught(start, unscaled, |_| {});
    }
}

#[test]
fn categories_and_mixed_columns() {
    let categorical = || Categorical::new(&[1, 3]).unwrap();
    // softmax(a) − x for shares that do not add up to 1 lacks the factor Σx: the gradient of a group no
    // longer adds up to 0.
    let off = |dy: &mut [f64], _: &[f64]| dy.iter_mut().skip(1).step_by(4).for_each(|d| *d += 0.1);
    loss_is_caught(categorical, off, |_| {});
    let mixed = || {
        let mixed = Mixed::new().columns(1, LearnedGaussian::shared());
        mixed.columns(2, categorical_of_two()).columns(1, LearnedGaussian::per_feature())
    };
    // The parameters of one group given to the other.
    loss_is_caught(mixed, |_, _| {}, |own| own.swap(0, 1));
    // The groups' columns in another order.
    let rotated = |dy: &mut [f64], _: &[f64]| {
        dy.chunks_exact_mut(4).for_each(|dy| dy.rotate_left(1));
    };
    loss_is_caught(mixed, rotated, |_| {});
}

fn categorical_of_two() -> Categorical {
    Categorical::new(&[2]).unwrap()
}

/// Of a classifier and of a conditional model, which take the same way back with other numbers beside each sample.
#[test]
fn classes_and_conditions() {
    let (x, labels) = (data(), [2, 0, 1]);
    let classifier = |output: fn(&mut [f64], &[f64])| {
        let model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .classes::<3>()
            .loss(ChangedLoss { loss: CrossEntropy, output, own: |_| {} })
            .build::<f64>()
            .unwrap();
        let weighted = Examples::of((&x, &labels)).weights(&[1.0, 0.3, 2.0]);
        [
            gradcheck::model(&model, (&x, &labels), 5).unwrap(),
            gradcheck::model(&model, weighted, 5).unwrap(),
        ]
    };
    let caught = |output| {
        let both = classifier(|_, _| {}).into_iter().zip(classifier(output));
        both.for_each(|(right, wrong)| assert_caught(right, wrong));
    };
    // softmax(a) without the 1 of the label: what is negative is the label's.
    caught(|dy, _| dy.iter_mut().for_each(|d| *d = d.max(0.0)));
    // Labels that count from 1.
    caught(|dy, _| dy.chunks_exact_mut(3).for_each(|dy| dy.rotate_right(1)));

    // The Jacobian by the condition too, in the gradient: the penalty is of the inputs alone.
    let conditions = Batch::from_iter([[0.4, 0.9], [-0.3, 0.2], [0.8, -0.7]]);
    let conditional = |mistake| {
        let mut model = AutoEncoder::builder()
            .encoder(Conditioned::<4, 2, _>::new(Dense::<6, 3>::new(Tanh)))
            .decoder(Conditioned::<3, 2, _>::new(Dense::<5, 4>::new(Identity)))
            .regularizer(Planted(Contractive::new(0.3).unwrap(), mistake))
            .build::<f64>()
            .unwrap();
        let mut trainer = Trainer::new(Sgd::new(0.1).unwrap()).epochs(5);
        trainer.fit(&mut model, (&x, &conditions)).unwrap();
        gradcheck::model(&model, (&x, &conditions), 5).unwrap()
    };
    for mistake in [Mistake::Posterior(0.0), Mistake::NoParameters, Mistake::Conditions] {
        assert_caught(conditional(Mistake::None), conditional(mistake));
    }
}

/// A decoder with the encoder's weights, whose gradient is changed: of what it shares, and of its own.
#[derive(Debug, Clone)]
struct ChangedMirror<D> {
    decoder: D,
    change: fn(&mut [f64], &mut [f64]),
}

impl<D: Module> Module for ChangedMirror<D> {
    fn num_inputs(&self) -> usize {
        self.decoder.num_inputs()
    }
    fn num_outputs(&self) -> usize {
        self.decoder.num_outputs()
    }
    fn num_parameters(&self) -> usize {
        self.decoder.num_parameters()
    }
    fn num_shared(&self) -> usize {
        self.decoder.num_shared()
    }
}

impl<D: Part> Part for ChangedMirror<D> {
    type Input = D::Input;
    type Output = D::Output;
    type Range = D::Range;
    type Posterior = D::Posterior;
    type Condition = D::Condition;
    fn input(&self) -> D::Input {
        self.decoder.input()
    }
    fn output(&self) -> D::Output {
        self.decoder.output()
    }
}

impl<D: Layer<f64> + Clone + 'static> Layer<f64> for ChangedMirror<D> {
    fn layout(&self, layout: &mut Layout) {
        self.decoder.layout(layout);
    }
    fn draw_parameters(&self, parameters: &mut [f64], rng: &mut dyn Rng) {
        self.decoder.draw_parameters(parameters, rng);
    }
    fn range(&self) -> (f64, f64) {
        self.decoder.range()
    }
    fn tape_len(&self, samples: usize) -> usize {
        self.decoder.tape_len(samples)
    }
    fn scratch_len(&self, samples: usize) -> usize {
        self.decoder.scratch_len(samples)
    }
    fn forward(
        &self,
        parameters: &[f64],
        x: BatchView<'_, f64>,
        y: BatchViewMut<'_, f64>,
        tape: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.decoder.forward(parameters, x, y, tape, scratch);
    }
    fn backward(
        &self,
        pass: Pass<'_, f64>,
        dy: BatchViewMut<'_, f64>,
        dx: Option<BatchViewMut<'_, f64>>,
        gradient: Option<&mut [f64]>,
        scratch: &mut [f64],
    ) {
        let Some(gradient) = gradient else {
            return self.decoder.backward(pass, dy, dx, None, scratch);
        };
        let mut changed = vec![0.0; gradient.len()];
        self.decoder.backward(pass, dy, dx, Some(&mut changed), scratch);
        let (shared, own) = changed.split_at_mut(self.num_shared());
        (self.change)(shared, own);
        let (to_shared, to_own) = gradient.split_at_mut(self.num_shared());
        to_shared.iter_mut().zip(shared).for_each(|(to, from)| *to += *from);
        to_own.copy_from_slice(own);
    }
    fn tangent(
        &self,
        pass: Pass<'_, f64>,
        v: BatchView<'_, f64>,
        jv: BatchViewMut<'_, f64>,
        tape: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.decoder.tangent(pass, v, jv, tape, scratch);
    }
    fn tangent_backward(
        &self,
        pass: Pass<'_, f64>,
        tangent: TangentPass<'_, f64>,
        d: DualViewMut<'_, f64>,
        d_input: Option<DualViewMut<'_, f64>>,
        gradient: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.decoder.tangent_backward(pass, tangent, d, d_input, gradient, scratch);
    }
}

#[test]
fn weights_that_two_layers_share() {
    let run = |change| {
        let encoder = || Dense::<4, 4>::new(Tanh).then(Dense::<4, 3>::new(Sigmoid));
        let tied = AutoEncoder::builder().encoder(encoder()).decoder(Tied::new(Identity));
        let decoder = tied.build::<f64>().unwrap().decoder().clone();
        let model = AutoEncoder::builder()
            .encoder(encoder())
            .decoder(ChangedMirror { decoder, change })
            .regularizer(Contractive::new(0.1).unwrap())
            .build::<f64>()
            .unwrap();
        gradcheck::model(&model, &data(), 5).unwrap()
    };
    let right = || run(|_, _| {});
    // The encoder's say alone, and the decoder's twice.
    assert_caught(right(), run(|shared, _| shared.fill(0.0)));
    assert_caught(right(), run(|shared, _| shared.iter_mut().for_each(|d| *d *= 2.0)));
    // dW = x dyᵀ instead of dy xᵀ, which fits where a layer has as many inputs as outputs.
    assert_caught(
        right(),
        run(|shared, _| {
            for (row, column) in (0..4).flat_map(|row| (0..row).map(move |column| (row, column))) {
                shared.swap(4 * row + column, 4 * column + row);
            }
        }),
    );
    // The biases of the mirror in the order of the encoder's layers.
    assert_caught(right(), run(|_, own| own.rotate_left(4)));
    assert_caught(right(), run(|_, own| own[..4].fill(0.0)));
}
