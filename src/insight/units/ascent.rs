use nalgebra::Dyn;

use super::saliency::Slopes;
use super::{checked, dot, normalize};
use crate::batch::{Batch, BatchView, Sample};
use crate::error::{Result, require_count};
use crate::layer::{Part, Unconditioned};
use crate::model::AutoEncoder;
use crate::model::network::Network;
use crate::numbers::scalar::Float;
use crate::random::{StreamRng, keyed};

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
/// [`filters`](super::filters) has no such trouble.
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

/// A direction from N(0, 1), uniform on the sphere once it is normalized.
fn draw_direction<T: Float>(x: &mut [T], rng: &mut StreamRng) {
    x.iter_mut().for_each(|x| *x = T::draw_normal(rng));
}
