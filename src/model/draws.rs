//! Codes drawn from posteriors, and what the decoder makes of them.

use rand::Rng;

use super::blocks::{BLOCK, blocks, in_blocks, shares};
use super::network::Network;
use super::workspace::fit;
use crate::batch::{BatchView, BatchViewMut};
use crate::code::posterior::Posterior;
use crate::code::prior::scratch_len;
use crate::error::Result;
use crate::numbers::parallel::{self, ELEMENT};
use crate::numbers::scalar::Float;
use crate::random::Streams;
use crate::train::examples::Rows;

/// Draws codes of some samples at a time and decodes them: several draws together where samples are few, so that
/// products have columns enough, in the order of draws. `work` is also given the number of the first sample.
pub(super) fn each_draws<T: Float>(
    network: &Network<T>,
    rows: Rows<'_, T>,
    draws: usize,
    rng: &mut dyn Rng,
    mut work: impl FnMut(usize, Drawn<'_, T>),
) -> Result<()> {
    let mut workspace = network.workspace();
    let (units, outputs) = (network.facts.units, network.outputs());
    let all = rows.x.samples().saturating_mul(draws);
    let mut others = vec![workspace.clone(); shares(all, BLOCK, network.cost())];
    let (mut seeds, mut losses) = (Vec::new(), Vec::new());
    let (mut values, mut scratch) = (Vec::new(), Vec::new());
    let (mut codes, mut noise) = (Vec::new(), Vec::new());
    let of_prior =
        network.prior().map_or(0, |(_, prior)| scratch_len(prior.num_components(), units));
    for (index, block) in blocks(rows).enumerate() {
        let samples = block.x.samples();
        network.infer(&mut workspace, block);
        let posterior = &workspace.encoding.posterior;
        let together = (others.len() * BLOCK / samples).clamp(1, draws);
        let targets = block.targets.unwrap_or(block.x);
        let all_targets = targets.as_slice().repeat(together);
        let all_conditions = block.conditions.map(|given| given.as_slice().repeat(together));
        for first in (0..draws).step_by(together) {
            let count = together.min(draws - first);
            let columns = samples * count;
            seeds.clear();
            seeds.extend((0..count).map(|_| rng.next_u64()));
            let codes = fit(&mut codes, units * columns);
            let noise = fit(&mut noise, posterior.noise_len() * count);
            draw(posterior, &seeds, codes, noise);

            let codes = first_of(codes, units, columns);
            let targets = first_of(&all_targets, targets.features(), columns);
            let conditions = all_conditions.as_deref();
            let conditions = conditions.map(|all| first_of(all, network.facts.condition, columns));
            let losses = fit(&mut losses, columns);
            let data = (codes, conditions, targets, &mut *losses);
            in_blocks(&mut others, (columns, BLOCK), data, |workspace, data| {
                let (codes, conditions, targets, losses) = data;
                network.generate(workspace, codes, conditions);
                let y = BatchView::new(&workspace.decoding.output, outputs);
                network.losses(targets, y, losses);
                Ok(())
            })?;
            let drawn = Drawn {
                first,
                samples,
                posterior,
                codes,
                noise,
                losses,
                values: fit(&mut values, columns),
                scratch: fit(&mut scratch, columns + of_prior),
            };
            work(index * BLOCK, drawn);
        }
    }
    Ok(())
}

/// So many columns.
fn first_of<T: Float>(all: &[T], features: usize, columns: usize) -> BatchView<'_, T> {
    BatchView::new(&all[..features * columns], features)
}

/// Draws a code of each sample with each seed.
fn draw<T: Float>(posterior: &Posterior<T>, seeds: &[u64], codes: &mut [T], noise: &mut [T]) {
    let (of_codes, of_noise) = (codes.len() / seeds.len(), noise.len() / seeds.len());
    let (units, noise) = (posterior.units(), BatchViewMut::new(noise, of_noise));
    let data = (seeds, BatchViewMut::new(codes, of_codes), noise);
    parallel::in_parts(seeds.len(), ELEMENT * of_noise, data, |(seeds, mut codes, mut noise)| {
        let codes = codes.as_mut_slice().chunks_exact_mut(of_codes);
        let noise = noise.as_mut_slice().chunks_exact_mut(of_noise);
        for ((&seed, codes), noise) in seeds.iter().zip(codes).zip(noise) {
            let streams = Streams::new(seed, 0, &[]);
            posterior.draw_code(streams, BatchViewMut::new(codes, units), noise);
        }
    });
}

/// Codes of each sample of a block: all of the first draw, then all of the second, …
pub(super) struct Drawn<'a, T> {
    /// The number of the first draw.
    pub(super) first: usize,
    /// The number of samples.
    pub(super) samples: usize,
    pub(super) posterior: &'a Posterior<T>,
    pub(super) codes: BatchView<'a, T>,
    pub(super) noise: &'a [T],
    pub(super) losses: &'a [T],
    /// Room for a value a code, and for the prior's work.
    pub(super) values: &'a mut [T],
    pub(super) scratch: &'a mut [T],
}
