//! What a code has learned: the inputs that excite its units, what each unit draws, and which part of an
//! input a unit looks at.
//!
//! | call | gives |
//! |---|---|
//! | [`filters`] | the input of unit norm that most excites each unit of one [`Dense`](crate::Dense) layer, in closed form |
//! | [`preferred_inputs`] | the same for any encoder, by gradient ascent |
//! | [`decoder_columns`] | what the decoder adds for one unit of each code unit |
//! | [`saliency`] | ∂h/∂x of one code unit at one sample |
//!
//! # Units
//! All inputs and outputs here are as encoder and decoder have them: of a model with a
//! [normalizer](crate::Builder::normalizer), *normalized*. A norm of 1 is a norm of 1 there, and derivatives
//! are those by normalized inputs, as in [`squared_jacobian`](crate::AutoEncoder::squared_jacobian).
//! [`Normalizer::undo`](crate::Normalizer::undo) takes an input to the user's units.

use nalgebra::Dim;

use crate::batch::{Batch, BatchView, BatchViewMut, Sample};
use crate::code::decoder::Decoder;
use crate::code::encoder::{Encoder, Inference};
use crate::code::posterior::Posterior;
use crate::error::{Result, require, require_count, require_size};
use crate::layer::DenseLayer;
use crate::layer::activation::Activation;
use crate::model::{AutoEncoder, pass};
use crate::numbers::scalar::Scalar;
use crate::random::{StreamRng, keyed};

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
/// use autoencoder::{AutoEncoder, Dense, activation::Sigmoid, features::filters};
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
pub fn filters<T: Scalar, I: Dim, O: Dim, A: Activation<T>, D, R, L>(
    model: &AutoEncoder<DenseLayer<T, I, O, A>, D, R, L>,
) -> Batch<T, I> {
    let dim = Encoder::input_dim(model.encoder());
    let units = Encoder::code_dim(model.encoder()).value();
    let mut filters = Batch::zeros(dim, units);
    for (unit, filter) in filters.as_mut_slice().chunks_exact_mut(dim.value()).enumerate() {
        // Weights lie column by column, units beside units.
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
/// use autoencoder::features::{Ascent, preferred_inputs};
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
pub fn preferred_inputs<E: Encoder, D, R, L>(
    model: &AutoEncoder<E, D, R, L>,
    ascent: Ascent,
) -> Result<Preferred<E::Scalar, E::Input>> {
    require_count("Ascent steps", ascent.steps)?;
    let encoder = model.encoder();
    let (inputs, units) = (encoder.input_dim().value(), encoder.code_dim().value());
    let mut slopes = Slopes::new(model);
    let every: Vec<usize> = (0..units).collect();

    let mut best: Option<Preferred<E::Scalar, E::Input>> = None;
    for start in 0..=ascent.starts {
        let mut x = Batch::zeros(encoder.input_dim(), units);
        if start == 0 {
            slopes.at(x.view(), &every);
            x.as_mut_slice().copy_from_slice(&slopes.gradient);
        }
        for (unit, x) in x.as_mut_slice().chunks_exact_mut(inputs).enumerate() {
            if start > 0 || x.iter().all(|&x| x == E::Scalar::ZERO) {
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
    let none =
        || Preferred { inputs: Batch::zeros(encoder.input_dim(), 0), activations: Vec::new() };
    Ok(best.unwrap_or_else(none))
}

/// Goes uphill on the sphere from each column, for the unit of the same number.
fn climb<E: Encoder, D, R, L>(
    slopes: &mut Slopes<'_, E, D, R, L>,
    mut x: Batch<E::Scalar, E::Input>,
    every: &[usize],
    steps: usize,
) -> Preferred<E::Scalar, E::Input> {
    let features = x.features();
    let mut angles = vec![0.5_f64; every.len()];
    slopes.at(x.view(), every);
    let (mut heights, mut gradient) = (slopes.heights.clone(), slopes.gradient.clone());
    for _ in 0..steps {
        let mut next = x.clone();
        let columns = next.as_mut_slice().chunks_exact_mut(features);
        let slopes_here = gradient.chunks_exact(features);
        for ((x, g), angle) in columns.zip(slopes_here).zip(&angles) {
            // Along the great circle that begins in the direction of the gradient.
            let along: E::Scalar = dot(x, g);
            let mut tangent: Vec<_> = x.iter().zip(g).map(|(&x, &g)| g - along * x).collect();
            normalize(&mut tangent);
            let (sin, cos) = (E::Scalar::of(libm::sin(*angle)), E::Scalar::of(libm::cos(*angle)));
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
/// Inputs × code units, one unit a column.
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Dense, activation::Identity, features::decoder_columns};
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
pub fn decoder_columns<E, D, R, L>(model: &AutoEncoder<E, D, R, L>) -> Batch<E::Scalar, D::Output>
where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
{
    let decoder = model.decoder();
    let (units, outputs) = (decoder.code_dim().value(), decoder.output_dim().value());
    // One code a unit, then the code of 0.
    let mut codes = Batch::zeros(decoder.code_dim(), units + 1);
    for unit in 0..units {
        codes.as_mut_slice()[unit * units + unit] = E::Scalar::ONE;
    }
    let (mut output, mut tape) = (Vec::new(), Vec::new());
    pass::generate(decoder, model.parameters(), codes.view(), &mut output, &mut tape);
    let (responses, rest) = output.split_at(units * outputs);
    let mut columns = Batch::zeros(decoder.output_dim(), units);
    columns.as_mut_slice().copy_from_slice(responses);
    for column in columns.as_mut_slice().chunks_exact_mut(outputs.max(1)) {
        column.iter_mut().zip(rest).for_each(|(x, &at_rest)| *x -= at_rest);
    }
    columns
}

/// How one code unit changes with each value of one sample: ∂hⱼ/∂x. Of a Gaussian posterior, hⱼ is its
/// mean.
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
/// use autoencoder::{AutoEncoder, Dense, activation::Identity, features::saliency};
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
pub fn saliency<E, D, R, L, S>(
    model: &AutoEncoder<E, D, R, L>,
    sample: &S,
    unit: usize,
) -> Result<Vec<E::Scalar>>
where
    E: Encoder,
    S: Sample<E::Scalar, E::Input> + ?Sized,
{
    let encoder = model.encoder();
    let (call, dim) = ("saliency", encoder.input_dim());
    let is_there = unit < encoder.code_dim().value();
    require(is_there, "saliency unit", unit as f64, "less than the number of code units")?;
    let x = sample.features();
    require_size(call, "features", dim.value(), x.len())?;
    let mut buffer = Vec::new();
    let normalizer = model.normalizer.as_ref();
    let x = crate::batch::taken(call, dim, normalizer, BatchView::new(x, dim), &mut buffer)?;
    let mut slopes = Slopes::new(model);
    slopes.at(x, &[unit]);
    Ok(slopes.gradient)
}

/// How active one unit a column is, and how that changes with the column.
struct Slopes<'a, E: Encoder, D, R, L> {
    model: &'a AutoEncoder<E, D, R, L>,
    heights: Vec<E::Scalar>,
    gradient: Vec<E::Scalar>,
    posterior: E::Posterior,
    d_posterior: E::Posterior,
    tape: Vec<E::Scalar>,
    scratch: Vec<E::Scalar>,
}

impl<'a, E: Encoder, D, R, L> Slopes<'a, E, D, R, L> {
    fn new(model: &'a AutoEncoder<E, D, R, L>) -> Self {
        let encoder = model.encoder();
        let (posterior, d_posterior) = (encoder.posterior(), encoder.posterior());
        let (heights, gradient, tape, scratch) = Default::default();
        Self { model, heights, gradient, posterior, d_posterior, tape, scratch }
    }

    /// For the unit given for each column.
    fn at(&mut self, x: BatchView<'_, E::Scalar, E::Input>, chosen: &[usize]) {
        let (encoder, samples) = (self.model.encoder(), x.samples());
        let units = encoder.code_dim().value();
        let parameters = &self.model.parameters()[..encoder.num_parameters()];
        self.posterior.resize(samples);
        self.d_posterior.resize(samples);
        self.tape.resize(encoder.tape_len(samples), E::Scalar::ZERO);
        self.scratch.resize(encoder.scratch_len(samples), E::Scalar::ZERO);
        encoder.infer(parameters, x, &mut self.posterior, &mut self.tape);
        let code = self.posterior.mean();
        self.heights.clear();
        let heights = chosen.iter().zip(code.iter()).map(|(&unit, code)| code[unit]);
        self.heights.extend(heights);

        self.d_posterior.set_zero();
        let mut d_code = self.d_posterior.mean_mut();
        for (column, &unit) in chosen.iter().enumerate() {
            d_code.as_mut_slice()[column * units + unit] = E::Scalar::ONE;
        }
        self.gradient.resize(x.as_slice().len(), E::Scalar::ZERO);
        let dx = BatchViewMut::new(&mut self.gradient, x.dim());
        let inference = Inference { parameters, x, posterior: &self.posterior, tape: &self.tape };
        encoder.backward(inference, &mut self.d_posterior, Some(dx), None, &mut self.scratch);
    }
}

fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + a * b)
}

/// To a norm of 1; what is 0 stays 0.
fn normalize<T: Scalar>(x: &mut [T]) {
    // By the largest value first, so that no square leaves the range.
    let largest = x.iter().fold(T::ZERO, |largest, x| largest.max(x.abs()));
    if largest > T::ZERO {
        x.iter_mut().for_each(|x| *x /= largest);
        let norm = dot(x, x).sqrt();
        x.iter_mut().for_each(|x| *x /= norm);
    }
}

/// A direction from N(0, 1), uniform on the sphere once it is normalized.
fn draw_direction<T: Scalar>(x: &mut [T], rng: &mut StreamRng) {
    x.iter_mut().for_each(|x| *x = T::draw_normal(rng));
}
