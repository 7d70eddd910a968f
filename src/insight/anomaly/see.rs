//! What the model makes of samples, and the memory for it.

use super::AnomalyScore;
use crate::batch::{Batch, BatchView, BatchViewMut};
use crate::code::decoder::Decoder;
use crate::code::encoder::Encoder;
use crate::code::posterior::Posterior;
use crate::loss::{Compared, Loss};
use crate::model::AutoEncoder;
use crate::model::pass::{BLOCK, FEWEST_COLUMNS};
use crate::model::workspace::Workspace;
use crate::numbers::scalar::Scalar;
use crate::random::Streams;
use crate::regularizer::Regularizer;

/// Codes drawn from each sample's posterior. The k-th draw has the same noise for every sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    /// How many for each sample.
    pub count: usize,
    /// What they are drawn from.
    pub seed: u64,
}

/// What came of a sample's drawn codes.
#[derive(Debug, Clone, Copy)]
pub struct Drawn<'a> {
    /// The mean loss over the draws.
    pub loss: f64,
    /// The mean over the draws of each feature's squared residual.
    pub squared_errors: &'a [f64],
}

/// What a model makes of one sample.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a, T> {
    /// The features, as the encoder takes them: normalized, if the model has a normalizer.
    pub x: &'a [T],
    /// Their reconstruction, in the same units.
    pub reconstruction: &'a [T],
    /// The code.
    pub code: &'a [T],
    /// What came of drawn codes, if the score asks for draws.
    pub drawn: Option<Drawn<'a>>,
    /// The sample's place in the reference, if it is one of those.
    pub place: Option<usize>,
}

/// What a model makes of the normal samples that a score is fitted to.
#[derive(Debug, Clone)]
pub struct Reference<T> {
    features: usize,
    code_units: usize,
    x: Vec<T>,
    reconstructions: Vec<T>,
    codes: Vec<T>,
    losses: Vec<f64>,
    squared_errors: Vec<f64>,
}

impl<T: Scalar> Reference<T> {
    pub(super) fn new(features: usize, code_units: usize) -> Self {
        let (x, reconstructions, codes) = (Vec::new(), Vec::new(), Vec::new());
        let (losses, squared_errors) = (Vec::new(), Vec::new());
        Self { features, code_units, x, reconstructions, codes, losses, squared_errors }
    }

    pub(super) fn push(&mut self, seen: Seen<'_, T>) {
        self.x.extend_from_slice(seen.x);
        self.reconstructions.extend_from_slice(seen.reconstruction);
        self.codes.extend_from_slice(seen.code);
        if let Some(drawn) = seen.drawn {
            self.losses.push(drawn.loss);
            self.squared_errors.extend_from_slice(drawn.squared_errors);
        }
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The number of code units.
    pub fn code_units(&self) -> usize {
        self.code_units
    }

    /// The number of samples, at least 1.
    pub fn samples(&self) -> usize {
        self.x.len() / self.features
    }

    /// The samples one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Seen<'_, T>> {
        (0..self.samples()).map(|place| Seen {
            x: &self.x[place * self.features..][..self.features],
            reconstruction: &self.reconstructions[place * self.features..][..self.features],
            code: &self.codes[place * self.code_units..][..self.code_units],
            drawn: self.losses.get(place).map(|&loss| Drawn {
                loss,
                squared_errors: &self.squared_errors[place * self.features..][..self.features],
            }),
            place: Some(place),
        })
    }
}

/// The memory of a detector's calls on one row; made by
/// [`AnomalyDetector::workspace`](super::AnomalyDetector::workspace), empty at first.
#[derive(Debug)]
pub struct AnomalyWorkspace<E: Encoder> {
    pub(super) model: Workspace<E>,
    pub(super) features: Vec<f64>,
    pub(super) scratch: Vec<f64>,
    padded: Vec<E::Scalar>,
    codes: Batch<E::Scalar, E::Code>,
    draw: Vec<usize>,
    losses: Vec<f64>,
    squared_errors: Vec<f64>,
}

impl<E: Encoder> AnomalyWorkspace<E> {
    pub(super) fn new(encoder: &E) -> Self {
        Self {
            model: Workspace::new(encoder),
            features: Vec::new(),
            scratch: Vec::new(),
            padded: Vec::new(),
            codes: Batch::zeros(encoder.code_dim(), 0),
            draw: Vec::new(),
            losses: Vec::new(),
            squared_errors: Vec::new(),
        }
    }
}

/// What is called with each sample in turn: its number, what was seen, and a score's memory.
type Each<'a, T> = &'a mut dyn FnMut(usize, Seen<'_, T>, &mut Vec<f64>, &mut Vec<f64>);

/// Shows each of these samples, which are normalized and checked, as the model sees it.
///
/// With `is_padded`, a sample's bits do not depend on how many there are; without, one sample is fast.
pub(super) fn see<E, D, R, L>(
    model: &AutoEncoder<E, D, R, L>,
    draws: Option<Draws>,
    x: BatchView<'_, E::Scalar, E::Input>,
    is_padded: bool,
    workspace: &mut AnomalyWorkspace<E>,
    each: Each<'_, E::Scalar>,
) where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    let features = x.features();
    let mut padded = std::mem::take(&mut workspace.padded);
    for (number, real) in x.chunks(BLOCK).enumerate() {
        let block = if is_padded && real.samples() < FEWEST_COLUMNS {
            padded.clear();
            padded.extend_from_slice(real.as_slice());
            // With a copy of the first sample: a value that the loss accepts.
            for at in real.as_slice().len()..FEWEST_COLUMNS * features {
                padded.push(real.as_slice()[at % features]);
            }
            BatchView::new(&padded, x.dim())
        } else {
            real
        };
        model.infer(&mut workspace.model, block);
        if let Some(draws) = draws {
            draw(model, draws, block, workspace);
        }
        model.generate_from_mean(&mut workspace.model);
        let AnomalyWorkspace { model: passed, features: of_features, scratch, .. } = workspace;
        model.loss_function().reconstruct(BatchViewMut::new(&mut passed.output, x.dim()));
        let codes = passed.posterior.mean();
        let outputs = passed.output.chunks_exact(features);
        for (at, ((x, reconstruction), code)) in
            real.iter().zip(outputs).zip(codes.iter()).enumerate()
        {
            let drawn = draws.map(|_| Drawn {
                loss: workspace.losses[at],
                squared_errors: &workspace.squared_errors[at * features..][..features],
            });
            let seen = Seen { x, reconstruction, code, drawn, place: None };
            each(number * BLOCK + at, seen, of_features, scratch);
        }
    }
    workspace.padded = padded;
}

/// Draws codes for each sample, and leaves the mean losses and squared errors of their
/// reconstructions; the posterior is in the workspace already.
fn draw<E, D, R, L>(
    model: &AutoEncoder<E, D, R, L>,
    draws: Draws,
    x: BatchView<'_, E::Scalar, E::Input>,
    workspace: &mut AnomalyWorkspace<E>,
) where
    E: Encoder,
    D: Decoder<Scalar = E::Scalar, Code = E::Code, Output = E::Input>,
    R: Regularizer<E>,
    L: Loss<D>,
{
    let AnomalyWorkspace { model: passed, codes, draw, losses, squared_errors, .. } = workspace;
    let samples = x.samples();
    let share = 1.0 / draws.count as f64;
    codes.resize(samples);
    passed.noise.resize(passed.posterior.noise_len(), E::Scalar::ZERO);
    passed.values.resize(samples, E::Scalar::ZERO);
    losses.clear();
    losses.resize(samples, 0.0);
    squared_errors.clear();
    squared_errors.resize(x.as_slice().len(), 0.0);
    for number in 0..draws.count {
        // The same stream for every sample.
        draw.clear();
        draw.resize(samples, number);
        let Workspace { posterior, noise, .. } = &mut *passed;
        posterior.draw_code(Streams::new(draws.seed, 0, draw), codes.view_mut(), noise);
        model.generate(passed, codes.view());
        let Workspace { output, values, .. } = &mut *passed;
        let parameters = &model.parameters()[model.loss_parameters()];
        model
            .loss_function()
            .values(Compared { x, y: BatchView::new(output, x.dim()), parameters }, values);
        for (loss, value) in losses.iter_mut().zip(&*values) {
            *loss += share * value.to_double();
        }
        model.loss_function().reconstruct(BatchViewMut::new(output, x.dim()));
        for ((error, x), y) in squared_errors.iter_mut().zip(x.as_slice()).zip(&*output) {
            *error += share * (x.to_double() - y.to_double()).powi(2);
        }
    }
}

/// A score of a sample, with its memory made to fit. What is no number is as odd as can be.
pub(super) fn rate<E: Encoder, S: AnomalyScore<E>>(
    score: &S,
    seen: &Seen<'_, E::Scalar>,
    features: &mut Vec<f64>,
    scratch: &mut Vec<f64>,
) -> f64 {
    features.resize(seen.x.len(), 0.0);
    scratch.resize(score.scratch_len(seen.x.len()), 0.0);
    let score = score.score(seen, features, scratch);
    if score.is_nan() { f64::INFINITY } else { score }
}
