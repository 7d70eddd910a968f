//! Checks an analytic gradient against finite differences, element by element.
//!
//! Run it on your own plugins: [`model`] checks a whole model with whatever it is composed of,
//! [`function`] anything that has a value and a gradient.

use std::fmt;

use super::AutoEncoder;
use super::inference::InMemory;
use super::network::Network;
use super::step::{Seen, step};
use crate::batch::sample_weights;
use crate::batch::size::SameSize;
use crate::error::Result;
use crate::layer::Part;
use crate::layer::part::End;
use crate::random::Streams;
use crate::train::Trainable;
use crate::train::examples::{IntoExamples, Suits};

/// The largest relative error of the whole gradient that [`GradientCheck::assert`] lets pass.
pub const NORM_TOLERANCE: f64 = 1e-9;
/// The largest error of one element, relative to the largest element, that it lets pass.
pub const ELEMENT_TOLERANCE: f64 = 1e-6;

/// Steps of the finite differences, relative to a parameter's size where that is above 1. The error
/// of the formula grows as h⁴ and that of rounding as 1/h; this is near the best for both.
const STEP: f64 = 1e-3;

/// How an analytic gradient compares with finite differences.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientCheck {
    /// ‖analytic − numeric‖ / (‖analytic‖ + ‖numeric‖); 0 where both are 0.
    pub norm_error: f64,
    /// The largest difference of one element, relative to the largest element or 1 if that is smaller.
    pub element_error: f64,
    /// The index of that element.
    pub worst: usize,
    /// Its analytic derivative.
    pub analytic: f64,
    /// Its numeric derivative.
    pub numeric: f64,
}

impl GradientCheck {
    /// Whether both errors are within [`NORM_TOLERANCE`] and [`ELEMENT_TOLERANCE`].
    pub fn passes(&self) -> bool {
        self.norm_error <= NORM_TOLERANCE && self.element_error <= ELEMENT_TOLERANCE
    }

    /// For tests.
    ///
    /// # Panics
    /// Unless it [`passes`](Self::passes).
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.passes(), "wrong gradient: {self}");
    }

    /// Compares two gradients.
    pub fn compare(analytic: &[f64], numeric: &[f64]) -> Self {
        let norm =
            |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let pairs = || analytic.iter().zip(numeric);
        let difference = norm(&mut pairs().map(|(a, n)| a - n));
        let size = norm(&mut analytic.iter().copied()) + norm(&mut numeric.iter().copied());
        let largest = pairs().map(|(a, n)| a.abs().max(n.abs())).fold(0.0, f64::max);
        let errors = pairs().map(|(a, n)| (a - n).abs()).enumerate();
        let (worst, error) = errors.fold((0, 0.0), |(worst, largest), (index, error)| {
            // Written so that NaN wins.
            if error <= largest { (worst, largest) } else { (index, error) }
        });
        let at = |values: &[f64]| values.get(worst).copied().unwrap_or(0.0);
        Self {
            norm_error: if difference == 0.0 { 0.0 } else { difference / size },
            element_error: error / largest.max(1.0),
            worst,
            analytic: at(analytic),
            numeric: at(numeric),
        }
    }
}

impl fmt::Display for GradientCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "norm error {:.2e}, element error {:.2e}, worst at {}: analytic {:e}, numeric {:e}",
            self.norm_error, self.element_error, self.worst, self.analytic, self.numeric
        )
    }
}

/// The gradient of `value` at `at`, by central differences of fourth order:
/// (8 (f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h.
pub fn finite_differences(at: &[f64], value: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    differences(at, STEP, value)
}

/// As [`finite_differences`], with steps of this length.
pub(crate) fn differences(at: &[f64], step: f64, mut value: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut x = at.to_vec();
    let mut gradient = Vec::with_capacity(at.len());
    for index in 0..at.len() {
        let step = step * at[index].abs().max(1.0);
        let mut shifted = |steps: f64| {
            x[index] = at[index] + steps * step;
            value(&x)
        };
        let (near, far) = (shifted(1.0) - shifted(-1.0), shifted(2.0) - shifted(-2.0));
        x[index] = at[index];
        gradient.push((8.0 * near - far) / (12.0 * step));
    }
    gradient
}

/// Checks the gradient of a function. `analytic` is its gradient at `at`.
///
/// # Example
/// ```
/// use autoencoder::gradcheck;
/// let at = [0.3_f64, -1.2];
/// let value = |x: &[f64]| x[0].sin() * x[1];
/// let right = [at[0].cos() * at[1], at[0].sin()];
/// gradcheck::function(&at, &right, value).assert();
/// let wrong = [at[0].cos() * at[1], 2.0 * at[0].sin()];
/// assert!(!gradcheck::function(&at, &wrong, value).passes());
/// ```
pub fn function(at: &[f64], analytic: &[f64], value: impl FnMut(&[f64]) -> f64) -> GradientCheck {
    GradientCheck::compare(analytic, &finite_differences(at, value))
}

/// Checks the gradient of a model's training objective for all its parameters, with the
/// randomness of `seed` held fixed.
///
/// The model is any: an autoencoder takes `&x`, a conditional one `(&x, &conditions)`, a classifier
/// `(&x, &labels)`; with [weights](crate::Examples::weights) it is the objective that has them.
///
/// Where a function has a kink (a rectifier, say), a parameter that moves a sample across it shows
/// as an error though the gradient is right; take other data then. The gradient of what is frozen
/// must be 0.
///
/// # Errors
/// As [`AutoEncoder::objective`].
///
/// # Example
/// ```
/// use autoencoder::{AutoEncoder, Batch, Dense, Examples, activation::{Identity, Tanh}, gradcheck};
/// let model = AutoEncoder::builder()
///     .encoder(Dense::<2, 1>::new(Tanh))
///     .decoder(Dense::<1, 2>::new(Identity))
///     .build::<f64>()?;
/// let x = Batch::from_iter([[0.1, 0.2], [0.9, 0.3]]);
/// gradcheck::model(&model, &x, 1)?.assert();
/// gradcheck::model(&model, Examples::of(&x).weights(&[1.0, 2.5]), 1)?.assert();
/// # Ok::<(), autoencoder::Error>(())
/// ```
pub fn model<'a, E, D, R, L, X>(
    model: &AutoEncoder<E, D, R, L, f64>,
    examples: X,
    seed: u64,
) -> Result<GradientCheck>
where
    E: Part,
    D: Part,
    AutoEncoder<E, D, R, L, f64>: Trainable,
    X: IntoExamples<'a, f64>,
    X::Input: SameSize<E::Input>,
    X::Given: Suits<<AutoEncoder<E, D, R, L, f64> as Trainable>::Wanted>,
{
    const { <X::Input as SameSize<E::Input>>::FITS };
    let (call, network, examples) = ("objective", model.network(), examples.into_examples());
    network.require_trained_on(call, End::of(examples.size))?;
    let (given, weights) = InMemory::weighted(call, network.inputs(), examples)?;
    of_network(network, given, weights, seed)
}

fn of_network(
    network: &Network<f64>,
    given: InMemory<'_, f64>,
    weights: Option<&[f64]>,
    seed: u64,
) -> Result<GradientCheck> {
    let call = "objective";
    let (mut buffer, mut targets) = (Vec::new(), Vec::new());
    let rows = given.compared(network, call, (&mut buffer, &mut targets))?;
    let mut shares = Vec::new();
    let shares = sample_weights::shares_of_all(call, weights, rows.x.samples(), &mut shares)?;
    let streams = Some(Streams::new(seed, 0, &[]));
    let seen = Seen { rows, shares, streams, within: None };
    let mut workspace = network.workspace();
    let mut analytic = vec![0.0; network.parameters.len()];
    step(network, &network.parameters, &mut workspace, seen, Some(&mut analytic));
    let mut numeric = finite_differences(&network.parameters, |parameters| {
        step(network, parameters, &mut workspace, seen, None);
        workspace.terms.total()
    });
    network.layout.frozen_ranges().for_each(|frozen| numeric[frozen].fill(0.0));
    Ok(GradientCheck::compare(&analytic, &numeric))
}
