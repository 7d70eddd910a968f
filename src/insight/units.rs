//! What the units of a code have learned: the inputs that excite them, what each of them draws, and which part
//! of an input one looks at.
//!
//! | call | gives |
//! |---|---|
//! | [`filters`] | the input of unit norm that most excites each unit of one [`Dense`](crate::Dense) layer, in closed form |
//! | [`preferred_inputs`] | the same for any encoder, by gradient ascent |
//! | [`decoder_columns`] | what the decoder adds for one unit of each code unit; of a classifier, what its head adds |
//! | [`saliency`] | ∂h/∂x of one code unit at one sample |
//!
//! Of a conditional model all of this is under a condition, which is held fixed: see [`preferred_inputs_under`] and
//! [`decoder_columns_under`].
//!
//! # Units of measure
//! All inputs and outputs here are as encoder and decoder have them: of a model with a
//! [normalizer](crate::Builder::normalizer), *normalized*. A norm of 1 is a norm of 1 there, and derivatives
//! are those by normalized inputs, as in [`squared_jacobian`](crate::AutoEncoder::squared_jacobian).
//! [`Normalizer::undo`](crate::Normalizer::undo) takes an input to the user's units.

use std::fmt::Debug;

use nalgebra::Dyn;

use crate::batch::size::Size;
use crate::batch::{Batch, BatchView, BatchViewMut, Sample};
use crate::code::posterior::Posterior;
use crate::error::{Result, require, require_count, require_size};
use crate::layer::activation::Ranged;
use crate::layer::trained::Trained;
use crate::layer::{ConditionedPart, DenseLayer, Part, Pass, Unconditioned};
use crate::model::network::Network;
use crate::model::{AutoEncoder, OneInput, Workspace};
use crate::numbers::scalar::Float;
use crate::random::{StreamRng, keyed};
use crate::train::examples::Rows;

/// An encoder of one [`Dense`](crate::Dense) layer, trained before or not, told a condition or not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an encoder of one dense layer",
    label = "not one dense layer, whose filters are its weights",
    note = "`preferred_inputs` serves any encoder"
)]
pub trait OneDense: Part {}
impl<I: Size, O: Size, A: Ranged + Debug + Send + Sync> OneDense for DenseLayer<I, O, A> {}
impl<P: OneDense, T: Float> OneDense for Trained<P, T> {}
impl<P: OneDense, N: Size, K: Size> OneDense for ConditionedPart<P, N, K> {}

/// The input of unit norm that most excites each unit of an encoder of one dense layer.
///
/// # Formula
/// x = Wⱼ / ‖Wⱼ‖: the activation rises with Wⱼ x + bⱼ, which is greatest there. 0 for a unit whose weights
/// are all 0, to which all inputs are alike.
///
/// # Shapes
/// Inputs × code units, one unit a column.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Sigmoid, units::filters};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 16>::new(Sigmoid))
///     .decoder(Dense::<16, 64>::new(Sigmoid))
///     .build::<f64>()?;
/// let filters = filters(&model);
/// assert_eq!((filters.features(), filters.samples()), (64, 16));
/// assert!((filters.sample(3).iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// A. Ng (2011), CS294A Lecture Notes: Sparse Autoencoder, section 4.
pub fn filters<E: OneDense, D, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
) -> Batch<T, E::Input> {
    let (size, units) = (model.encoder().input(), model.network().facts.units);
    let mut filters = Batch::zeros(size, units);
    for (unit, filter) in filters.as_mut_slice().chunks_exact_mut(size.value()).enumerate() {
        // Weights lie column by column, units beside units; those of a condition come after all inputs.
        let weights = model.parameters()[unit..].iter().step_by(units);
        filter.iter_mut().zip(weights).for_each(|(x, &w)| *x = w);
        normalize(filter);
    }
    filters
}

/// How [`preferred_inputs`] climbs.
///
/// | setting | purpose | default | range |
/// |---|---|---|---|
/// | [`steps`](Self::steps) | steps of each climb | 200 | at least 1 |
/// | [`starts`](Self::starts) | random places a climb begins at, besides the first | 4 | any |
/// | [`seed`](Self::seed) | of these places | 0 | any |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ascent {
    steps: usize,
    starts: usize,
    seed: u64,
}

impl Default for Ascent {
    fn default() -> Self {
        Self { steps: 200, starts: 4, seed: 0 }
    }
}

impl Ascent {
    /// Steps of each climb, at least 1. Default: 200.
    pub fn steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// Random places that a climb begins at, besides the first. Default: 4.
    pub fn starts(self, starts: usize) -> Self {
        Self { starts, ..self }
    }

    /// The seed of these places. Default: 0.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

/// The inputs that excite the units of a code. See [`preferred_inputs`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Preferred<T, I> {
    /// Inputs × code units, one unit a column, each of unit norm.
    pub inputs: Batch<T, I>,
    /// How active each unit is at its input.
    pub activations: Vec<T>,
}

/// An input of unit norm that excites each unit of the code more than its neighbours do, by projected
/// gradient ascent; of several climbs the highest.
///
/// The first climb begins in the direction of the unit's gradient at 0, the others at random places of
/// the sphere. A step goes along the sphere in the direction of the gradient; a step that does not
/// climb is halved. So a later place is never lower, but what is found may be a local maximum: more
/// starts make that rarer. Of a Gaussian posterior, the units are those of its mean. Where a unit has no
/// gradient (below a ReLU's threshold) a climb stays where it began; for one dense layer
/// [`filters`] has no such trouble.
///
/// # Formula
/// maximise hⱼ(x) subject to ‖x‖ = 1
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for 0 steps.
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::units::{Ascent, preferred_inputs};
/// use autoencoder::{AutoEncoder, Dense, Then};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<64, 20>::new(Tanh).then(Dense::<20, 8>::new(Tanh)))
///     .decoder(Dense::<8, 64>::new(Identity))
///     .build::<f64>()?;
/// let preferred = preferred_inputs(&model, Ascent::default())?;
/// let code = model.encode(&preferred.inputs)?;
/// assert!((code.sample(5)[5] - preferred.activations[5]).abs() < 1e-12);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// D. Erhan, Y. Bengio, A. Courville, P. Vincent (2009), Visualizing higher-layer features of a deep
/// network.
pub fn preferred_inputs<E, D, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
    ascent: Ascent,
) -> Result<Preferred<T, E::Input>>
where
    E: Part<Condition = Unconditioned>,
{
    preferred(model, None, ascent)
}

/// As [`preferred_inputs`], of a conditional model under a condition.
///
/// # Errors
/// As [`preferred_inputs`]; for the condition as in [`AutoEncoder`].
///
/// # Example
/// ```
/// use autoencoder::activation::{Identity, Tanh};
/// use autoencoder::units::{Ascent, preferred_inputs_under};
/// use autoencoder::{AutoEncoder, Conditioned, Dense};
/// let model = AutoEncoder::builder()
///     .encoder(Conditioned::<8, 3, _>::new(Dense::<11, 2>::new(Tanh)))
///     .decoder(Conditioned::<2, 3, _>::new(Dense::<5, 8>::new(Identity)))
///     .build::<f64>()?;
/// let condition = [0.0, 1.0, 0.0];
/// let preferred = preferred_inputs_under(&model, &condition, Ascent::default())?;
/// let code = model.encode_one((preferred.inputs.sample(1), &condition))?;
/// assert!((code[1] - preferred.activations[1]).abs() < 1e-12);
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn preferred_inputs_under<E: Part, D, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
    condition: &(impl Sample<T, E::Condition> + ?Sized),
    ascent: Ascent,
) -> Result<Preferred<T, E::Input>> {
    let (call, condition) = ("preferred_inputs_under", Some(condition.features()));
    preferred(model, checked(call, model.network(), condition)?, ascent)
}

fn preferred<E: Part, D, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
    condition: Option<BatchView<'_, T>>,
    ascent: Ascent,
) -> Result<Preferred<T, E::Input>> {
    let Preferred { inputs, activations } = ascend(model.network(), condition, ascent)?;
    Ok(Preferred { inputs: inputs.with_size(model.encoder().input())?, activations })
}

/// A condition as a batch of one, which goes with every column.
fn checked<'a, T: Float>(
    call: &'static str,
    network: &Network<T>,
    condition: Option<&'a [T]>,
) -> Result<Option<BatchView<'a, T>>> {
    let wanted = network.facts.condition;
    require_size(call, "numbers of the condition", wanted, condition.map_or(0, <[T]>::len))?;
    let condition = condition.filter(|_| wanted > 0).map(|numbers| BatchView::new(numbers, wanted));
    network.check_conditions(call, condition, 1)?;
    Ok(condition)
}

/// See [`preferred_inputs`].
fn ascend<T: Float>(
    network: &Network<T>,
    condition: Option<BatchView<'_, T>>,
    ascent: Ascent,
) -> Result<Preferred<T, Dyn>> {
    require_count("Ascent steps", ascent.steps)?;
    let (inputs, units) = (network.facts.features, network.facts.units);
    let mut slopes = Slopes::new(network, condition);
    let every: Vec<usize> = (0..units).collect();

    let mut best: Option<Preferred<T, Dyn>> = None;
    for start in 0..=ascent.starts {
        let mut x = Batch::zeros(Dyn(inputs), units);
        if start == 0 {
            slopes.at(x.view(), &every);
            x.as_mut_slice().copy_from_slice(&slopes.gradient);
        }
        for (unit, x) in x.as_mut_slice().chunks_exact_mut(inputs).enumerate() {
            if start > 0 || x.iter().all(|&x| x == T::ZERO) {
                let mut rng = keyed(ascent.seed, u64::MAX - 2, start as u64);
                rng.set_stream(unit as u64);
                draw_direction(x, &mut rng);
            }
            normalize(x);
        }
        let found = climb(&mut slopes, x, &every, ascent.steps);
        let Some(best) = &mut best else {
            best = Some(found);
            continue;
        };
        for unit in 0..units {
            if found.activations[unit] > best.activations[unit] {
                best.activations[unit] = found.activations[unit];
                let to = &mut best.inputs.as_mut_slice()[unit * inputs..][..inputs];
                to.copy_from_slice(found.inputs.sample(unit));
            }
        }
    }
    let none = || Preferred { inputs: Batch::zeros(Dyn(inputs), 0), activations: Vec::new() };
    Ok(best.unwrap_or_else(none))
}

/// Goes uphill on the sphere from each column, for the unit of the same number.
fn climb<T: Float>(
    slopes: &mut Slopes<'_, T>,
    mut x: Batch<T, Dyn>,
    every: &[usize],
    steps: usize,
) -> Preferred<T, Dyn> {
    let features = x.features();
    let mut angles = vec![0.5_f64; every.len()];
    slopes.at(x.view(), every);
    let (mut heights, mut gradient) = (slopes.heights.clone(), slopes.gradient.clone());
    for _ in 0..steps {
        let mut next = x.clone();
        let columns = next.as_mut_slice().chunks_exact_mut(features);
        let slopes_generic = gradient.chunks_exact(features);
        for ((x, g), angle) in columns.zip(slopes_generic).zip(&angles) {
            // Along the great circle that begins in the direction of the gradient.
            let along: T = dot(x, g);
            let mut tangent: Vec<_> = x.iter().zip(g).map(|(&x, &g)| g - along * x).collect();
            normalize(&mut tangent);
            let (sin, cos) = (T::of(libm::sin(*angle)), T::of(libm::cos(*angle)));
            x.iter_mut().zip(&tangent).for_each(|(x, &t)| *x = cos * *x + sin * t);
            normalize(x);
        }
        slopes.at(next.view(), every);
        for unit in 0..every.len() {
            let at = unit * features..(unit + 1) * features;
            if slopes.heights[unit] > heights[unit] {
                heights[unit] = slopes.heights[unit];
                x.as_mut_slice()[at.clone()].copy_from_slice(next.sample(unit));
                gradient[at.clone()].copy_from_slice(&slopes.gradient[at]);
                angles[unit] = (1.5 * angles[unit]).min(1.0);
            } else {
                angles[unit] /= 2.0;
            }
        }
    }
    Preferred { inputs: x, activations: heights }
}

/// What each unit of the code adds to the decoder's output: its response to a code of 1 in that unit and 0
/// elsewhere, minus that to a code of 0. Of a decoder of one dense layer without an activation, the
/// columns of its weights.
///
/// Outputs are as the loss compares them: logits for a Bernoulli loss.
///
/// # Formula
/// g(eⱼ) − g(0)
///
/// # Shapes
/// Outputs × code units, one unit a column.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Identity, units::decoder_columns};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<4, 2>::new(Identity))
///     .decoder(Dense::<2, 4>::new(Identity))
///     .build::<f64>()?;
/// let weights = model.parameter("decoder.0.weight").unwrap();
/// for (added, weight) in decoder_columns(&model).as_slice().iter().zip(weights) {
///     assert!((added - weight).abs() < 1e-15);
/// }
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn decoder_columns<E, D: Part, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
) -> Batch<T, D::Output>
where
    E: Part<Condition = Unconditioned>,
{
    columns(model.network(), None, model.decoder().output())
}

/// As [`decoder_columns`], of a conditional model under a condition.
///
/// # Errors
/// For the condition as in [`AutoEncoder`].
pub fn decoder_columns_under<E: Part, D: Part, R, L, T: Float>(
    model: &AutoEncoder<E, D, R, L, T>,
    condition: &(impl Sample<T, E::Condition> + ?Sized),
) -> Result<Batch<T, D::Output>> {
    let (network, condition) = (model.network(), Some(condition.features()));
    let condition = checked("decoder_columns_under", network, condition)?;
    Ok(columns(network, condition, model.decoder().output()))
}

/// See [`decoder_columns`].
fn columns<T: Float, O: Size>(
    network: &Network<T>,
    condition: Option<BatchView<'_, T>>,
    size: O,
) -> Batch<T, O> {
    let (units, outputs) = (network.facts.units, size.value());
    // One code a unit, then the code of 0.
    let mut codes = Batch::zeros(Dyn(units), units + 1);
    for unit in 0..units {
        codes.as_mut_slice()[unit * units + unit] = T::ONE;
    }
    let mut workspace = network.workspace();
    network.generate(&mut workspace, codes.view(), condition);
    let (responses, rest) = workspace.decoding.output.split_at(units * outputs);
    let mut columns = Batch::zeros(size, units);
    columns.as_mut_slice().copy_from_slice(responses);
    for column in columns.as_mut_slice().chunks_exact_mut(outputs.max(1)) {
        column.iter_mut().zip(rest).for_each(|(x, &at_rest)| *x -= at_rest);
    }
    columns
}

/// How one code unit changes with each value of one sample: ∂hⱼ/∂x. Of a Gaussian posterior, hⱼ is its
/// mean. A conditional model is given `(&x, &condition)`, and the condition is held fixed.
///
/// # Shapes
/// One value an input, in code units an (normalized) input unit.
///
/// # Errors
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such unit; for the sample as
/// in [`AutoEncoder`].
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Identity, units::saliency};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<3, 2>::new(Identity))
///     .decoder(Dense::<2, 3>::new(Identity))
///     .build::<f64>()?;
/// let weights = model.parameter("encoder.0.weight").unwrap();
/// let salient = saliency(&model, &[0.1, 0.2, 0.3], 1)?;
/// assert_eq!(salient, [weights[1], weights[3], weights[5]]);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # References
/// K. Simonyan, A. Vedaldi, A. Zisserman (2013), Deep inside convolutional networks: visualising image
/// classification models and saliency maps.
pub fn saliency<E, D, R, L, T, X>(
    model: &AutoEncoder<E, D, R, L, T>,
    sample: X,
    unit: usize,
) -> Result<Vec<T>>
where
    E: Part,
    T: Float,
    X: OneInput<T, E::Input, E::Condition>,
{
    let (call, network) = ("saliency", model.network());
    let is_there = unit < network.facts.units;
    require(is_there, "saliency unit", unit as f64, "less than the number of code units")?;
    let (x, condition) = sample.parts();
    require_size(call, "features", network.facts.features, x.len())?;
    let mut buffer = Vec::new();
    let x = network.taken(call, BatchView::new(x, x.len()), &mut buffer)?;
    let mut slopes = Slopes::new(network, checked(call, network, condition)?);
    slopes.at(x, &[unit]);
    Ok(slopes.gradient)
}

/// How active one unit a column is, and how that changes with the column.
struct Slopes<'a, T: Float> {
    network: &'a Network<T>,
    /// Of all columns, where there are conditions.
    condition: Option<BatchView<'a, T>>,
    heights: Vec<T>,
    gradient: Vec<T>,
    /// The gradient at inputs and condition, where there are conditions.
    joined: Vec<T>,
    d_posterior: Posterior<T>,
    workspace: Workspace<T>,
}

impl<'a, T: Float> Slopes<'a, T> {
    fn new(network: &'a Network<T>, condition: Option<BatchView<'a, T>>) -> Self {
        let (heights, gradient, joined) = Default::default();
        let d_posterior = Posterior::new(network.facts.units, network.facts.is_gaussian);
        let workspace = network.workspace();
        Self { network, condition, heights, gradient, joined, d_posterior, workspace }
    }

    /// For the unit given for each column.
    fn at(&mut self, x: BatchView<'_, T>, chosen: &[usize]) {
        let Self { network, condition, heights, gradient, joined, d_posterior, workspace } = self;
        let (encoder, units) = (&network.encoder, network.facts.units);
        network.infer(workspace, Rows { x, conditions: *condition, targets: None });
        let Workspace { encoding, scratch, .. } = workspace;
        let code = encoding.posterior.mean();
        heights.clear();
        heights.extend(chosen.iter().zip(code.iter()).map(|(&unit, code)| code[unit]));

        d_posterior.resize(x.samples());
        d_posterior.set_zero();
        let mut d_code = d_posterior.mean_mut();
        for (column, &unit) in chosen.iter().enumerate() {
            d_code.as_mut_slice()[column * units + unit] = T::ONE;
        }
        let inputs = encoder.num_inputs();
        let (seen, to) = match condition {
            Some(_) => (BatchView::new(&encoding.joined, inputs), &mut *joined),
            None => (x, &mut *gradient),
        };
        to.resize(seen.as_slice().len(), T::ZERO);
        let parameters = &network.parameters[network.places().encoder];
        let y = encoding.posterior.values();
        let pass = Pass { parameters, x: seen, y, tape: &encoding.tape };
        let dx = Some(BatchViewMut::new(to, inputs));
        encoder.backward(pass, d_posterior.values_mut(), dx, None, scratch);
        if condition.is_some() {
            gradient.clear();
            let columns = joined.chunks_exact(inputs);
            gradient.extend(columns.flat_map(|column| &column[..x.features()]));
        }
    }
}

fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + a * b)
}

/// To a norm of 1; what is 0 stays 0.
fn normalize<T: Float>(x: &mut [T]) {
    // By the largest value first, so that no square leaves the range.
    let largest = x.iter().fold(T::ZERO, |largest, x| largest.max(x.abs()));
    if largest > T::ZERO {
        x.iter_mut().for_each(|x| *x /= largest);
        let norm = dot(x, x).sqrt();
        x.iter_mut().for_each(|x| *x /= norm);
    }
}

/// A direction from N(0, 1), uniform on the sphere once it is normalized.
fn draw_direction<T: Float>(x: &mut [T], rng: &mut StreamRng) {
    x.iter_mut().for_each(|x| *x = T::draw_normal(rng));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Gaussian;
    use crate::code::prior::{GaussianMixture, VampPrior};
    use crate::layer::activation::{Identity, Tanh};
    use crate::layer::{Conditioned, Dense, Tied};
    use crate::loss::LearnedGaussian;
    use crate::regularizer::Variational;

    /// What a decoder adds is that of its own parameters, whatever parameters lie behind them: those of a loss and
    /// those of a prior.
    #[test]
    fn decoder_columns_do_not_depend_on_parameters_of_losses_and_priors() {
        macro_rules! begun {
            () => {
                AutoEncoder::builder()
                    .encoder(Gaussian::new(
                        Dense::<6, 5>::new(Tanh),
                        Dense::<5, 3>::new(Identity),
                        Dense::<5, 3>::new(Identity),
                    ))
                    .decoder(Dense::<3, 6>::new(Tanh))
                    .seed(7)
            };
        }
        let plain = begun!().build::<f64>().unwrap();
        let expected = decoder_columns(&plain);
        // By hand: the decoder's biases are 0 at first, so that g(0) = tanh 0.
        let weights = plain.parameter("decoder.0.weight").unwrap();
        for (found, w) in expected.as_slice().iter().zip(weights) {
            assert!((found - w.tanh()).abs() < 1e-15);
        }
        macro_rules! assert_same {
            ($model:expr) => {
                let model = $model.build::<f64>().unwrap();
                let (all, shared) = (model.num_parameters(), plain.num_parameters());
                assert!(all > shared);
                assert_eq!(model.parameters()[..shared], *plain.parameters());
                assert_eq!(decoder_columns(&model), expected);
            };
        }
        let mixture = || Variational::default().prior(GaussianMixture::new(4).unwrap());
        let vamp = || Variational::default().prior(VampPrior::new(3).unwrap());
        assert_same!(begun!().loss(LearnedGaussian::shared()));
        assert_same!(begun!().loss(LearnedGaussian::per_feature()));
        assert_same!(begun!().regularizer(mixture()));
        assert_same!(begun!().regularizer(vamp()));
        assert_same!(begun!().loss(LearnedGaussian::per_feature()).regularizer(vamp()));
    }

    /// A decoder that reads the encoder's weights is given both, and no more.
    #[test]
    fn decoder_columns_of_tied_weights_are_rows_of_the_encoders() {
        let model = AutoEncoder::builder()
            .encoder(Dense::<4, 3>::new(Tanh))
            .decoder(Tied::new(Identity))
            .loss(LearnedGaussian::per_feature())
            .build::<f64>()
            .unwrap();
        let weights = model.parameter("encoder.0.weight").unwrap();
        for (unit, column) in decoder_columns(&model).iter().enumerate() {
            for (input, found) in column.iter().enumerate() {
                assert!((found - weights[3 * input + unit]).abs() < 1e-15);
            }
        }
    }

    /// Under a condition c, one dense layer of the weights (W, V) is one of the weights W and the biases b + V c.
    #[test]
    fn a_condition_is_held_fixed() {
        let mut conditional = AutoEncoder::builder()
            .encoder(Conditioned::<3, 2, _>::new(Dense::<5, 2>::new(Tanh)))
            .decoder(Conditioned::<2, 2, _>::new(Dense::<4, 3>::new(Tanh)))
            .build::<f64>()
            .unwrap();
        let parameters: Vec<f64> = (0..27).map(|k| (1.7 * f64::from(k)).sin()).collect();
        conditional.set_parameters(&parameters).unwrap();
        let mut plain = AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new(Tanh))
            .decoder(Dense::<2, 3>::new(Tanh))
            .build::<f64>()
            .unwrap();
        let c = [0.5, -2.0];
        let moved = |weights: &[f64], outputs: usize, inputs: usize| -> Vec<f64> {
            let (w, rest) = weights.split_at(outputs * inputs);
            let (v, b) = rest.split_at(2 * outputs);
            let biases = (0..outputs).map(|k| b[k] + v[k] * c[0] + v[outputs + k] * c[1]);
            w.iter().copied().chain(biases).collect()
        };
        let (encoder, decoder) = parameters.split_at(12);
        plain.set_parameters(&[moved(encoder, 2, 3), moved(decoder, 3, 2)].concat()).unwrap();

        let near = |found: &[f64], expected: &[f64]| {
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
        };
        let found = decoder_columns_under(&conditional, &c).unwrap();
        near(found.as_slice(), decoder_columns(&plain).as_slice());
        let x = [0.3, -0.4, 0.9];
        let found = saliency(&conditional, (&x, &c), 1).unwrap();
        near(&found, &saliency(&plain, &x, 1).unwrap());
        near(filters(&conditional).as_slice(), filters(&plain).as_slice());
        let found = preferred_inputs_under(&conditional, &c, Ascent::default()).unwrap();
        let expected = preferred_inputs(&plain, Ascent::default()).unwrap();
        near(&found.activations, &expected.activations);
        let code = conditional.encode_one((found.inputs.sample(0), &c)).unwrap();
        near(&code[..1], &found.activations[..1]);

        assert!(decoder_columns_under(&conditional, &[f64::NAN, 0.0]).is_err());
        assert!(preferred_inputs_under(&conditional, &vec![0.0; 3], Ascent::default()).is_err());
    }
}
