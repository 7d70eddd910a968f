//! Calls that take samples from memory or from a stream: the one as a whole, the other lot by lot, in memory that does
//! not grow with it.

use super::blocks::BLOCK;
use super::inference::InMemory;
use super::network::Network;
use super::training::{beside, check_classes};
use crate::error::{Error, Result, require_size};
use crate::loss::Target;
use crate::numbers::scalar::Float;
use crate::train::blocks::{ALONE, Blocks, Sources, streamed};
use crate::train::examples::Samples;

/// Samples of a lot: enough to be shared out among threads, few enough to be read ahead.
const MOST: usize = 16 * BLOCK;
/// Values of a lot, of wide samples.
const VALUES: usize = 1 << 20;

/// Does `work` on all samples, a lot at a time, with the number of its first sample. The next lot of a stream is read
/// ahead on a thread meanwhile.
pub(crate) fn in_lots<T: Float>(
    call: &'static str,
    network: &Network<T>,
    samples: Samples<'_, T>,
    work: &mut dyn FnMut(usize, InMemory<'_, T>) -> Result<()>,
) -> Result<()> {
    let (x, streams) = match samples {
        Samples::Memory { .. } => return work(0, InMemory::of(call, samples)?),
        Samples::Stream { x, beside } => (x, beside),
    };
    let (features, samples) = (network.facts.features, x.samples());
    require_size(call, "features", features, x.features())?;
    x.check_schema(network.normalizer.as_ref())?;
    if samples == 0 {
        return Err(Error::NoSamples { call });
    }
    let lot = (VALUES / features.max(1)).clamp(1, MOST).min(samples);
    let sources = Sources { call, x, beside: beside(network, streams) };
    sources.check(samples)?;
    streamed(sources, None, (lot, ALONE), 1, |lots| {
        let mut first = 0;
        while let Some(rows) = lots.next()? {
            let classes = rows.targets.filter(|_| network.loss.target() == Target::Class);
            let targets = rows.targets.filter(|_| network.loss.target() == Target::Given);
            let labels = classes.map(|targets| {
                check_classes(call, network.outputs(), targets)?;
                let numbers = targets.as_slice().iter().map(|class| class.to_double() as i128);
                Ok(numbers.collect())
            });
            let count = rows.x.samples();
            let at_its_place = |error: Error| error.in_samples_from(first);
            let labels = labels.transpose().map_err(at_its_place)?;
            let conditions = rows.conditions.or(targets);
            let given = InMemory { x: rows.x, conditions, labels };
            work(first, given).map_err(at_its_place)?;
            first += count;
        }
        require_size(call, "samples of the stream", samples, first)
    })
}
