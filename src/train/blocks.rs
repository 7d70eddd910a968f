//! Where a training's samples come from: memory, or a stream that is read block by block.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

#[cfg(feature = "safetensors")]
use super::checkpoint::{digest, digest_of};
use super::examples::{Rows, Stream};
use crate::batch::{BatchView, BatchViewMut};
use crate::collective::part_of;
use crate::data::{Normalizer, require_wanted};
use crate::error::{Error, Result, require_size};
use crate::loss::Target;
use crate::numbers::scalar::Float;
#[cfg(feature = "safetensors")]
use crate::numbers::scalar::digest_of_values;

/// The samples of an epoch in blocks, each in memory as a whole; every block but the last holds
/// whole batches.
pub(crate) trait Blocks<T> {
    /// Samples of an epoch.
    fn samples(&self) -> usize;

    /// Samples of a block, and so those that are shuffled together.
    fn block(&self) -> usize;

    /// Begins another epoch.
    fn rewind(&mut self) -> Result<()>;

    /// The next block, none after the last.
    fn next(&mut self) -> Result<Option<Rows<'_, T>>>;

    /// Whether the values were looked at before the training began.
    fn is_checked(&self) -> bool;

    /// Whether a block has only the samples that are this process's part of it.
    fn is_shared(&self) -> bool {
        false
    }

    /// A number that other samples would hardly have, where all can be looked at.
    #[cfg(feature = "safetensors")]
    fn fingerprint(&self) -> Option<u64> {
        None
    }

    /// What a resumed training must have in common beside its samples, where that can be looked at; begins with
    /// a comma.
    #[cfg(feature = "safetensors")]
    fn beside(&self) -> String {
        String::new()
    }
}

/// All samples as one block.
pub(super) struct Whole<'a, T> {
    rows: Rows<'a, T>,
    /// What is compared.
    #[cfg_attr(not(feature = "safetensors"), allow(dead_code))]
    target: Target,
    is_taken: bool,
}

impl<'a, T> Whole<'a, T> {
    pub(super) fn new(rows: Rows<'a, T>, target: Target) -> Self {
        Self { rows, target, is_taken: false }
    }
}

impl<T: Float> Blocks<T> for Whole<'_, T> {
    fn samples(&self) -> usize {
        self.rows.x.samples()
    }

    fn block(&self) -> usize {
        self.rows.x.samples()
    }

    fn rewind(&mut self) -> Result<()> {
        self.is_taken = false;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Rows<'_, T>>> {
        let is_new = !std::mem::replace(&mut self.is_taken, true);
        Ok(is_new.then_some(self.rows))
    }

    fn is_checked(&self) -> bool {
        true
    }

    #[cfg(feature = "safetensors")]
    fn fingerprint(&self) -> Option<u64> {
        Some(digest_of_values(self.rows.x.as_slice()))
    }

    #[cfg(feature = "safetensors")]
    fn beside(&self) -> String {
        let mut text = String::new();
        match self.rows.targets.map(|targets| targets.as_slice()) {
            Some(labels) if self.target == Target::Class => {
                let bytes = labels.iter().map(|label| label.to_double() as u64);
                let bytes: Vec<u8> = bytes.flat_map(u64::to_le_bytes).collect();
                text += &format!(", labels with digest {}", digest(&bytes));
            }
            Some(targets) => text += &format!(", targets with digest {}", digest_of(&[targets])),
            None => {}
        }
        if let Some(conditions) = self.rows.conditions {
            text += &format!(", conditions with digest {}", digest_of(&[conditions.as_slice()]));
        }
        text
    }
}

/// What a stream in step with another gives for each of its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The condition.
    Conditions,
    /// The class that the outputs are compared with.
    Classes,
    /// What the outputs are compared with.
    Targets,
}

impl Beside {
    /// Refuses unless there is one for each of so many samples.
    fn require_one_each(self, call: &'static str, samples: usize, found: usize) -> Result<()> {
        let (place, unit) = match self {
            Self::Conditions => (conditions_of(call), "conditions"),
            Self::Classes => (call, "labels"),
            Self::Targets => (targets_of(call), "targets"),
        };
        require_size(place, unit, samples, found)
    }
}

/// The place of an error in the targets of a call.
pub(crate) fn targets_of(call: &'static str) -> &'static str {
    match call {
        "fit" => "the targets of fit",
        "validation" => "the targets of validation",
        "score" => "the targets of score",
        "loss" => "the targets of loss",
        "objective" => "the targets of objective",
        "objective_at" => "the targets of objective_at",
        _ => "the targets",
    }
}

/// The place of an error in the conditions of a call.
pub(crate) fn conditions_of(call: &'static str) -> &'static str {
    match call {
        "p_values" => "the conditions of p_values",
        "detect" => "the conditions of detect",
        "calibrate" => "the conditions of calibrate",
        "score_rows" => "the conditions of score_rows",
        "encode" => "the conditions of encode",
        "decode" => "the conditions of decode",
        "reconstruct" => "the conditions of reconstruct",
        "score" => "the conditions of score",
        "loss" => "the conditions of loss",
        "objective" => "the conditions of objective",
        "objective_at" => "the conditions of objective_at",
        "elbo" => "the conditions of elbo",
        "negative_log_likelihood" => "the conditions of negative_log_likelihood",
        "aggregated_posterior" => "the conditions of aggregated_posterior",
        "sample" => "the conditions of sample",
        "squared_jacobian" => "the conditions of squared_jacobian",
        "encode_one" => "the conditions of encode_one",
        "decode_one" => "the conditions of decode_one",
        "reconstruct_one" => "the conditions of reconstruct_one",
        "score_one" => "the conditions of score_one",
        "probabilities" => "the conditions of probabilities",
        "predict" => "the conditions of predict",
        "cross_entropy" => "the conditions of cross_entropy",
        "scores" => "the conditions of scores",
        "feature_scores" => "the conditions of feature_scores",
        "explain" => "the conditions of explain",
        "kl_per_unit" => "the conditions of kl_per_unit",
        "saliency" => "the conditions of saliency",
        "saliency_maps" => "the conditions of saliency_maps",
        "feature_maps" => "the conditions of feature_maps",
        "top_patches" => "the conditions of top_patches",
        "occluded_unit" => "the conditions of occluded_unit",
        "occluded_error" => "the conditions of occluded_error",
        "checkup" => "the conditions of checkup",
        "impute" => "the conditions of impute",
        "fit" => "the conditions of fit",
        "validation" => "the conditions of validation",
        _ => "the conditions",
    }
}

/// Samples that are streamed, and what is streamed in step with them.
pub(crate) struct Sources<'a, T: Float> {
    pub(crate) call: &'static str,
    pub(crate) x: Box<dyn Stream<T> + 'a>,
    pub(crate) beside: Vec<(Beside, Box<dyn Stream<T> + 'a>)>,
}

impl<T: Float> Sources<'_, T> {
    /// Refuses unless each stream has as many as there are samples.
    pub(crate) fn check(&self, samples: usize) -> Result<()> {
        let mut beside = self.beside.iter();
        beside.try_for_each(|(what, stream)| {
            what.require_one_each(self.call, samples, stream.samples())
        })
    }
}

/// A block as it was read: samples, and what belongs to them, from one stream after the other.
struct Block<T> {
    x: Vec<T>,
    beside: Vec<Vec<T>>,
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self { x: Vec::new(), beside: Vec::new() }
    }
}

/// Blocks to be filled.
type Empty<T> = Arc<Mutex<Vec<Block<T>>>>;

/// What the reading thread has to say.
enum Read<T> {
    Block(Block<T>),
    End,
    Failed(Error),
}

/// A stream, read ahead by one block on a thread of its own.
pub(crate) struct Streamed<T> {
    is_shared: bool,
    features: usize,
    /// What there is beside the samples, and the numbers of it for each.
    beside: Vec<(Beside, usize)>,
    samples: usize,
    block: usize,
    read: Receiver<Read<T>>,
    /// Blocks that are done go back to be filled again.
    empty: Empty<T>,
    current: Block<T>,
}

/// The number of this process, and how many there are.
pub(crate) type Share = (usize, usize);

/// That of a process that reads all.
pub(crate) const ALONE: Share = (0, 1);

/// Runs `work` over a stream: blocks of so many samples, of which this process reads its share, passed over once an epoch.
///
/// Three blocks are in memory: one that is worked on, one that waits, and one that is being read.
pub(crate) fn streamed<T: Float, O>(
    mut sources: Sources<'_, T>,
    normalizer: Option<&Normalizer>,
    (block, share): (usize, Share),
    epochs: usize,
    work: impl FnOnce(&mut Streamed<T>) -> O,
) -> O {
    std::thread::scope(|scope| {
        let (to_train, read) = sync_channel(1);
        let empty = Empty::default();
        let to_fill = Arc::clone(&empty);
        let (features, samples) = (sources.x.features(), sources.x.samples());
        let numbers =
            |(what, stream): &(Beside, Box<dyn Stream<T> + '_>)| (*what, stream.features());
        let beside = sources.beside.iter().map(numbers).collect();
        scope.spawn(move || {
            for _ in 0..epochs {
                let pass = read_pass(&mut sources, normalizer, (block, share), &to_train, &to_fill);
                let (last, goes_on) = match pass {
                    Ok(goes_on) => (Read::End, goes_on),
                    Err(error) => (Read::Failed(error), false),
                };
                // Sending fails once the training is over.
                if to_train.send(last).is_err() || !goes_on {
                    return;
                }
            }
        });
        // Dropped before the scope ends, which tells the thread that the training is over.
        let current = Block::default();
        let is_shared = share.1 > 1;
        let mut stream =
            Streamed { is_shared, features, beside, samples, block, read, empty, current };
        work(&mut stream)
    })
}

/// Reads one pass; whether anybody still wants more.
fn read_pass<T: Float>(
    Sources { call, x: source, beside }: &mut Sources<'_, T>,
    normalizer: Option<&Normalizer>,
    (block, (rank, size)): (usize, Share),
    to_train: &SyncSender<Read<T>>,
    to_fill: &Empty<T>,
) -> Result<bool> {
    source.rewind()?;
    beside.iter_mut().try_for_each(|(_, stream)| stream.rewind())?;
    let mut before = 0;
    let samples = source.samples();
    loop {
        // Of a stream that keeps its word this is all; of another one the part that it says it has.
        let in_block = if size > 1 { block.min(samples - before) } else { block };
        let part = part_of(in_block, size, rank);
        pass_over(&mut **source, beside, part.start)?;
        let empty = to_fill.lock().ok().and_then(|mut blocks| blocks.pop());
        let mut values = empty.unwrap_or_default();
        let count = fill(&mut **source, part.len(), &mut values.x)?;
        if size > 1 && count < part.len() {
            require_size(PASS, "samples", samples, before + part.start + count)?;
        }
        values.beside.resize_with(beside.len(), Vec::new);
        for ((what, stream), values) in beside.iter_mut().zip(&mut values.beside) {
            let found = fill(&mut **stream, count, values)?;
            if found < count {
                let samples = source.samples().max(before + count);
                what.require_one_each(call, samples, before + part.start + found)?;
            }
        }
        pass_over(&mut **source, beside, in_block - part.end)?;
        before += if size > 1 { in_block } else { count };
        if let Some(normalizer) = normalizer {
            // What is not finite is found where the samples are counted.
            normalizer.apply_to_finite(BatchViewMut::new(&mut values.x, source.features()));
        }
        if (count > 0 || size > 1) && to_train.send(Read::Block(values)).is_err() {
            return Ok(false);
        }
        let is_over = if size > 1 { before == samples } else { count < block };
        if is_over {
            if size > 1 {
                let more = fill(&mut **source, 1, &mut Vec::new())?;
                require_size(PASS, "samples", samples, samples + more)?;
            }
            for (what, stream) in beside {
                let more = fill(&mut **stream, 1, &mut Vec::new())?;
                what.require_one_each(call, before, before + more)?;
            }
            return Ok(true);
        }
    }
}

/// Passes over so many samples, and what belongs to them.
fn pass_over<T: Float>(
    source: &mut dyn Stream<T>,
    beside: &mut [(Beside, Box<dyn Stream<T> + '_>)],
    samples: usize,
) -> Result<()> {
    if samples == 0 {
        return Ok(());
    }
    source.skip(samples)?;
    beside.iter_mut().try_for_each(|(_, stream)| stream.skip(samples))
}

/// Where a stream gives another number of samples than it says.
pub(super) const PASS: &str = "the pass of a stream";

/// Reads the next samples, so many if there are; how many there were.
pub(super) fn fill<T: Float>(
    source: &mut dyn Stream<T>,
    wanted: usize,
    values: &mut Vec<T>,
) -> Result<usize> {
    let features = source.features();
    values.resize(wanted * features, T::ZERO);
    let mut count = 0;
    while count < wanted {
        let rest = BatchViewMut::new(&mut values[count * features..], features);
        match require_wanted(wanted - count, source.read(rest)?)? {
            0 => break,
            read => count += read,
        }
    }
    values.truncate(count * features);
    Ok(count)
}

impl<T: Float> Blocks<T> for Streamed<T> {
    fn samples(&self) -> usize {
        self.samples
    }

    fn block(&self) -> usize {
        self.block
    }

    /// The thread goes back by itself, once an epoch.
    fn rewind(&mut self) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Rows<'_, T>>> {
        // Given back before another is taken, so that the thread never lacks one of the three.
        let done = std::mem::take(&mut self.current);
        if !done.x.is_empty()
            && let Ok(mut blocks) = self.empty.lock()
        {
            blocks.push(done);
        }
        let Ok(read) = self.read.recv() else { return Ok(None) };
        match read {
            Read::Block(block) => {
                self.current = block;
                let mut rows = Rows::alone(BatchView::new(&self.current.x, self.features));
                for (&(what, numbers), values) in self.beside.iter().zip(&self.current.beside) {
                    let view = Some(BatchView::new(values, numbers));
                    match what {
                        Beside::Conditions => rows.conditions = view,
                        Beside::Classes | Beside::Targets => rows.targets = view,
                    }
                }
                Ok(Some(rows))
            }
            Read::End => Ok(None),
            Read::Failed(error) => Err(error),
        }
    }

    fn is_checked(&self) -> bool {
        false
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }
}
