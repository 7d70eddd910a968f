//! What a network makes of many samples: block by block, and on threads.

use super::blocks::{block_of, in_blocks, shares};
use super::network::Network;
use super::workspace::Workspace;
use crate::batch::{BatchView, BatchViewMut};
use crate::error::Result;
use crate::numbers::parallel::ELEMENT;
use crate::numbers::scalar::Float;
use crate::train::examples::Rows;

impl<T: Float> Network<T> {
    /// Writes the code of each sample.
    pub(crate) fn encode(
        &self,
        rows: Rows<'_, T>,
        codes: BatchViewMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        self.each_block(rows, codes, workspace, |workspace, rows, mut codes| {
            self.infer(workspace, rows);
            codes.as_mut_slice().copy_from_slice(workspace.encoding.posterior.mean().as_slice());
            Ok(())
        })
    }

    /// Writes the reconstruction of each code, in the user's units.
    pub(crate) fn decode(
        &self,
        rows: Rows<'_, T>,
        outputs: BatchViewMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        self.each_block(rows, outputs, workspace, |workspace, rows, outputs| {
            self.generate(workspace, rows.x, rows.conditions);
            self.restored(workspace, outputs)
        })
    }

    /// Writes the reconstruction of each sample, in the user's units.
    pub(crate) fn reconstruct(
        &self,
        rows: Rows<'_, T>,
        outputs: BatchViewMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        self.each_block(rows, outputs, workspace, |workspace, rows, outputs| {
            self.infer(workspace, rows);
            self.generate_from_mean(workspace, rows);
            self.restored(workspace, outputs)
        })
    }

    /// Writes the decoder's outputs for each sample, before the loss makes reconstructions of them.
    pub(crate) fn pass(
        &self,
        rows: Rows<'_, T>,
        outputs: BatchViewMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        self.each_block(rows, outputs, workspace, |workspace, rows, mut outputs| {
            self.infer(workspace, rows);
            self.generate_from_mean(workspace, rows);
            outputs.as_mut_slice().copy_from_slice(&workspace.decoding.output);
            Ok(())
        })
    }

    /// Takes the decoder's outputs in the workspace to the user's units. They are copied when they are done: what is
    /// computed in the workspace stays in the cache, and the user's memory is written once.
    fn restored(&self, workspace: &mut Workspace<T>, mut to: BatchViewMut<'_, T>) -> Result<()> {
        let outputs = &mut workspace.decoding.output;
        self.restore(BatchViewMut::new(outputs, to.features()))?;
        to.as_mut_slice().copy_from_slice(outputs);
        Ok(())
    }

    /// Writes the loss of each sample's reconstruction.
    pub(crate) fn score(
        &self,
        rows: Rows<'_, T>,
        scores: BatchViewMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<()> {
        self.each_block(rows, scores, workspace, |workspace, rows, mut scores| {
            self.infer(workspace, rows);
            self.generate_from_mean(workspace, rows);
            let y = BatchView::new(&workspace.decoding.output, self.outputs());
            self.losses(rows.targets.unwrap_or(rows.x), y, scores.as_mut_slice());
            Ok(())
        })
    }

    /// How many samples are passed at a time.
    pub(crate) fn block(&self) -> usize {
        block_of(self.encoder.num_inputs().saturating_add(self.outputs()))
    }

    /// What a pass of one sample costs, about, in multiply-adds.
    pub(crate) fn cost(&self) -> usize {
        let elements = self.facts.features.saturating_add(self.outputs());
        self.facts.parameters.saturating_add(ELEMENT.saturating_mul(elements))
    }

    /// Does `work` on blocks of samples and their outputs, on threads with workspaces that are kept in this one.
    fn each_block(
        &self,
        rows: Rows<'_, T>,
        outputs: BatchViewMut<'_, T>,
        workspace: &mut Workspace<T>,
        work: impl Fn(&mut Workspace<T>, Rows<'_, T>, BatchViewMut<'_, T>) -> Result<()> + Sync,
    ) -> Result<()> {
        let samples = rows.x.samples();
        let mut others = std::mem::take(&mut workspace.others);
        let workspaces = match shares(samples, self.block(), self.cost()) {
            1 => std::slice::from_mut(workspace),
            shares => {
                others.resize_with(shares.max(others.len()), || self.workspace());
                &mut others[..shares]
            }
        };
        let done = in_blocks(
            workspaces,
            (samples, self.block()),
            (rows, outputs),
            |workspace, (rows, outputs)| work(workspace, rows, outputs),
        );
        workspace.others = others;
        done
    }
}
