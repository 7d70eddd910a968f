//! A network in use: from samples to posteriors, from codes to outputs, and what these are compared with.

use super::blocks::blocks;
use super::network::Network;
use super::workspace::{Workspace, fit};
use crate::batch::{BatchView, BatchViewMut};
use crate::code::posterior::Posterior;
use crate::error::{Result, require_fit};
use crate::layer::Pass;
use crate::layer::jacobian::{Asked, Jacobian};
use crate::layer::sparse::PairDecoder;
use crate::loss::{Compared, Target};
use crate::numbers::scalar::Float;
use crate::train::examples::Rows;

impl<T: Float> Network<T> {
    /// Takes the decoder's outputs to the user's units: what the loss compares, then what was
    /// normalized.
    pub(crate) fn restore(&self, mut outputs: BatchViewMut<'_, T>) -> Result<()> {
        self.loss.reconstruct(outputs.reborrow());
        match &self.normalizer {
            Some(normalizer) if self.loss.target() == Target::Input => {
                normalizer.undo_complete(outputs)
            }
            _ => Ok(()),
        }
    }

    /// Writes the posterior of these samples into the workspace.
    pub(crate) fn infer(&self, workspace: &mut Workspace<T>, rows: Rows<'_, T>) {
        let Workspace { encoding, scratch, .. } = workspace;
        let samples = rows.x.samples();
        let x = match self.fills() {
            Some(normalizer) => {
                let shown = fit(&mut encoding.corrupted, rows.x.as_slice().len());
                shown.copy_from_slice(rows.x.as_slice());
                normalizer.fill(BatchViewMut::new(shown, rows.x.features()));
                BatchView::new(shown, rows.x.features())
            }
            None => rows.x,
        };
        let x = match rows.conditions {
            Some(conditions) => joined(x, conditions, &mut encoding.joined),
            None => x,
        };
        encoding.posterior.resize(samples);
        let tape = fit(&mut encoding.tape, self.encoder.tape_len(samples));
        let scratch = fit(scratch, self.encoder.scratch_len(samples));
        let parameters = &self.parameters[self.places().encoder];
        self.encoder.forward(parameters, x, encoding.posterior.values_mut(), tape, scratch);
    }

    /// Writes what the decoder makes of these codes into the workspace.
    pub(crate) fn generate(
        &self,
        workspace: &mut Workspace<T>,
        codes: BatchView<'_, T>,
        conditions: Option<BatchView<'_, T>>,
    ) {
        let Workspace { decoding, scratch, .. } = workspace;
        let samples = codes.samples();
        let z = match conditions {
            Some(conditions) => joined(codes, conditions, &mut decoding.joined),
            None => codes,
        };
        let outputs = self.outputs();
        let tape = fit(&mut decoding.tape, self.decoder.tape_len(samples));
        let scratch = fit(scratch, self.decoder.scratch_len(samples));
        let y = BatchViewMut::new(fit(&mut decoding.output, outputs * samples), outputs);
        let parameters = &self.parameters[self.given_to_decoder()];
        self.decoder.forward(parameters, z, y, tape, scratch);
    }

    /// The same from the posterior's mean of these samples, which is in the workspace already.
    pub(crate) fn generate_from_mean(&self, workspace: &mut Workspace<T>, rows: Rows<'_, T>) {
        let units = self.facts.units;
        let posterior = std::mem::replace(
            &mut workspace.encoding.posterior,
            Posterior::new(units, self.facts.is_gaussian),
        );
        self.generate(workspace, posterior.mean(), rows.conditions);
        workspace.encoding.posterior = posterior;
        if let Some(decoder) = self.skipping() {
            let Workspace { encoding, decoding, .. } = workspace;
            let x = match self.fills() {
                Some(_) => BatchView::new(&encoding.corrupted, rows.x.features()),
                None => rows.x,
            };
            let y = BatchViewMut::new(&mut decoding.output, self.outputs());
            decoder.add_skip(&self.parameters[self.given_to_decoder()], x, y);
        }
    }

    /// The decoder, if its outputs depend on the inputs beside the code.
    pub(crate) fn skipping(&self) -> Option<&dyn PairDecoder<T>> {
        self.decoder.pair_decoder().filter(|_| self.decoder.skips().is_some())
    }

    /// Refuses a decoder that needs more than codes.
    pub(crate) fn require_decodes_alone(&self) -> Result<()> {
        let fault = "has a skip, so that a code alone says nothing of its output";
        require_fit(self.skipping().is_none(), "the decoder", fault, "take `predict`")
    }

    /// The loss of each output against its target.
    pub(crate) fn losses(&self, x: BatchView<'_, T>, y: BatchView<'_, T>, values: &mut [T]) {
        let parameters = &self.parameters[self.places().loss];
        self.loss.values(Compared { x, y, parameters }, values);
    }

    /// The mean over these samples of ‖∂ code / ∂x‖²_F, exact.
    pub(crate) fn squared_jacobian(&self, rows: Rows<'_, T>) -> T {
        let mut workspace = self.workspace();
        let mut total = T::ZERO;
        let all = rows.x.samples();
        for block in blocks(rows) {
            let samples = block.x.samples();
            self.infer(&mut workspace, block);
            fit(&mut workspace.scratch, self.encoder.jacobian_scratch_len(samples));
            let Workspace { encoding, scratch, .. } = &mut workspace;
            let x = match block.conditions {
                Some(_) => BatchView::new(&encoding.joined, self.encoder.num_inputs()),
                None if self.fills().is_some() => {
                    BatchView::new(&encoding.corrupted, block.x.features())
                }
                None => block.x,
            };
            let parameters = &self.parameters[self.places().encoder];
            let (y, tape) = (encoding.posterior.values(), &encoding.tape[..]);
            let inputs = self.facts.features;
            let asked = Asked { how: Jacobian::Exact, inputs, shares: None, streams: None };
            let pass = Pass { parameters, x, y, tape };
            let mean = self.encoder.squared_jacobian(pass, asked, None, scratch);
            total += mean * T::of(samples as f64);
        }
        total / T::of(all as f64)
    }
}

/// Each column with its condition under it. Where there are several columns for a sample, because several codes
/// are drawn, each has the sample's condition.
pub(crate) fn joined<'a, T: Float>(
    columns: BatchView<'_, T>,
    conditions: BatchView<'_, T>,
    to: &'a mut Vec<T>,
) -> BatchView<'a, T> {
    let (upper, lower) = (columns.features(), conditions.features());
    let rows = upper + lower;
    let places = fit(to, rows * columns.samples()).chunks_exact_mut(rows);
    for ((to, column), condition) in places.zip(columns.iter()).zip(conditions.iter().cycle()) {
        to[..upper].copy_from_slice(column);
        to[upper..].copy_from_slice(condition);
    }
    BatchView::new(to, rows)
}
