//! A network's passes over samples, a block at a time, and the memory for them.

use super::novelty::nearest;
use super::seen::{Drawn, Draws, Seen};
use crate::batch::{BatchView, BatchViewMut};
use crate::loss::Loss;
use crate::model::Workspace;
use crate::model::network::Network;
use crate::model::workspace::fit;
use crate::numbers::scalar::{Float, is_nan};
use crate::random::Streams;
use crate::train::examples::Rows;

/// The memory of a detector's calls on one row; made by
/// [`AnomalyDetector::workspace`](super::AnomalyDetector::workspace), empty at first.
#[derive(Debug, Clone)]
pub struct AnomalyWorkspace<T> {
    pub(super) passes: Passes<T>,
    /// What each feature contributes to the score at hand.
    pub(super) features: Vec<f64>,
    /// The score's own.
    pub(super) scratch: Vec<f64>,
}

impl<T: Float> AnomalyWorkspace<T> {
    pub(super) fn new(network: &Network<T>) -> Self {
        let passes = Passes {
            model: network.workspace(),
            drawing: Drawing {
                streams: Vec::new(),
                compared: Vec::new(),
                losses: Vec::new(),
                squared_errors: Vec::new(),
            },
        };
        Self { passes, features: Vec::new(), scratch: Vec::new() }
    }
}

/// What a score looks at beside the sample and its code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) reconstruction: bool,
    pub(super) draws: Option<Draws>,
}

/// The memory of passes.
#[derive(Debug, Clone)]
pub(super) struct Passes<T> {
    pub(super) model: Workspace<T>,
    drawing: Drawing<T>,
}

impl<T: Float> Passes<T> {
    /// What the network makes of each sample of a block; they are normalized and checked.
    pub(super) fn over<'a>(
        &'a mut self,
        rows: Rows<'a, T>,
        network: &Network<T>,
        asked: Asked,
    ) -> impl Iterator<Item = Seen<'a, T>> + use<'a, T> {
        let Self { model, drawing } = self;
        network.infer(model, rows);
        if let Some(draws) = asked.draws {
            drawing.run(draws, rows, network, model);
        }
        if asked.reconstruction {
            network.generate_from_mean(model, rows);
            let outputs = BatchViewMut::new(&mut model.decoding.output, network.outputs());
            network.loss.reconstruct(outputs);
        }
        let (model, drawing) = (&*model, &*drawing);
        let samples = rows.x.iter().zip(model.encoding.posterior.mean().iter()).enumerate();
        samples.map(move |(at, (x, code))| {
            let of_features = at * x.len()..(at + 1) * x.len();
            let outputs = asked.reconstruction.then_some(&model.decoding.output);
            Seen {
                x,
                reconstruction: outputs.map_or(&[], |outputs| &outputs[of_features.clone()]),
                code,
                drawn: asked.draws.map(|_| Drawn {
                    loss: drawing.losses[at],
                    squared_errors: &drawing.squared_errors[of_features],
                }),
                place: None,
            }
        })
    }
}

/// What came of drawn codes.
#[derive(Debug, Clone)]
struct Drawing<T> {
    /// The stream of each sample.
    streams: Vec<usize>,
    /// The samples as the loss compares them.
    compared: Vec<T>,
    losses: Vec<f64>,
    squared_errors: Vec<f64>,
}

/// Samples as the loss compares them: with the nearest in place of values that it is not defined for, which the
/// [novelty](super::novelty) of a sample tells of.
fn accepted<'a, T: Float>(
    x: BatchView<'a, T>,
    loss: &dyn Loss<T>,
    to: &'a mut Vec<T>,
) -> BatchView<'a, T> {
    let features = x.features();
    to.clear();
    let values = x.as_slice().iter().enumerate();
    to.extend(values.map(|(at, &x)| nearest(loss, x, at % features)));
    BatchView::new(to, features)
}

impl<T: Float> Drawing<T> {
    /// Draws codes for each sample, and keeps the mean losses and squared errors of their reconstructions;
    /// the posterior is in the workspace already.
    fn run(
        &mut self,
        draws: Draws,
        rows: Rows<'_, T>,
        network: &Network<T>,
        workspace: &mut Workspace<T>,
    ) {
        let Rows { x, conditions, .. } = rows;
        let (samples, units) = (x.samples(), network.facts.units);
        let share = 1.0 / draws.count as f64;
        let compared = accepted(x, &*network.loss, &mut self.compared);
        let mut codes = std::mem::take(&mut workspace.drawing.codes);
        fit(&mut codes, units * samples);
        fit(&mut workspace.drawing.noise, workspace.encoding.posterior.noise_len());
        fit(&mut workspace.comparing.values, samples);
        self.losses.clear();
        self.losses.resize(samples, 0.0);
        self.squared_errors.clear();
        self.squared_errors.resize(x.as_slice().len(), 0.0);
        for number in 0..draws.count {
            // The same stream for every sample.
            self.streams.clear();
            self.streams.resize(samples, number);
            let streams = Streams::new(draws.seed, 0, &self.streams);
            let drawn = BatchViewMut::new(&mut codes, units);
            let Workspace { encoding, drawing, .. } = &mut *workspace;
            encoding.posterior.draw_code(streams, drawn, &mut drawing.noise);
            network.generate(workspace, BatchView::new(&codes, units), conditions);
            let Workspace { decoding, comparing, .. } = &mut *workspace;
            let (outputs, losses) = (network.outputs(), &mut comparing.values);
            network.losses(compared, BatchView::new(&decoding.output, outputs), losses);
            for (loss, value) in self.losses.iter_mut().zip(&*losses) {
                *loss += share * value.to_double();
            }
            network.loss.reconstruct(BatchViewMut::new(&mut decoding.output, outputs));
            let pairs = x.as_slice().iter().zip(&decoding.output);
            for (error, (x, y)) in self.squared_errors.iter_mut().zip(pairs) {
                let squared = (x.to_double() - y.to_double()).powi(2);
                *error += if is_nan(*x) { 0.0 } else { share * squared };
            }
        }
        workspace.drawing.codes = codes;
    }
}
