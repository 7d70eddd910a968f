//! Whether the processes of a training are alike: asked before the first step, as what is not alike would go wrong in
//! silence.

use super::blocks::{PASS, Share, Sources, fill};
use super::examples::{Rows, Stream};
use super::settings::Plan;
use super::team::Said;
use super::trainable::Trainee;
use crate::collective::{Collective, part_of};
use crate::error::{Error, Result, require_size};
use crate::numbers::scalar::{Float, digest_of_values};
use crate::numbers::vector::instructions;

/// What must be alike, each with a name; the name of what is compared first goes first.
pub(super) type Facts = Vec<(&'static str, String)>;

/// Refuses unless all processes say the same. The first process that does not is named, with what is different there.
pub(super) fn require_alike(all: &mut dyn Collective, facts: &Facts) -> Result<()> {
    if all.size() == 1 {
        return Ok(());
    }
    let mut said = Said::default();
    for (name, value) in facts {
        for text in [*name, value] {
            said.mine.extend((text.len() as u64).to_ne_bytes());
            said.mine.extend(text.as_bytes());
        }
    }
    said.gather(all)?;
    let mut each = said.of_each().map(texts);
    let first = each.next().unwrap_or_default();
    for (rank, found) in each.enumerate() {
        let mut pairs = first.chunks(2).zip(found.chunks(2));
        let different = pairs.find(|(expected, found)| expected != found);
        let (expected, found) = match different {
            Some(pair) => pair,
            None if first.len() == found.len() => continue,
            None => (&[][..], &[][..]),
        };
        let text = |texts: &[String], at: usize| texts.get(at).cloned().unwrap_or_default();
        return Err(Error::Process {
            rank: rank + 1,
            what: text(expected, 0),
            expected: text(expected, 1),
            found: text(found, 1),
        });
    }
    Ok(())
}

/// The texts that a process has said.
fn texts(mut said: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = said.split_first_chunk() {
        let Some((text, rest)) = rest.split_at_checked(u64::from_ne_bytes(*length) as usize) else {
            break;
        };
        texts.push(String::from_utf8_lossy(text).into_owned());
        said = rest;
    }
    texts
}

/// What settings and model must have in common.
pub(super) fn of_plan<T: Float>(plan: &Plan<'_, '_, T>, model: &dyn Trainee<T>) -> Facts {
    let Plan { settings, method } = plan;
    let optional = |value: Option<String>| value.unwrap_or_else(|| "the default".to_owned());
    let mut facts = vec![
        ("the version of autoencoder", env!("CARGO_PKG_VERSION").to_owned()),
        ("the number type", std::any::type_name::<T>().to_owned()),
        // Its kind decides the order of sums inside products, and so the last bits.
        ("the kind of processor", format!("{} {}", std::env::consts::ARCH, instructions())),
        ("the number of shards", settings.shards.to_string()),
        ("the number of epochs", settings.epochs.to_string()),
        ("the batch size", optional(settings.batch_size.map(|size| size.to_string()))),
        ("the seed", settings.seed.to_string()),
        ("shuffle", optional(settings.shuffle.map(|shuffle| shuffle.to_string()))),
        ("the shuffle buffer", settings.shuffle_buffer.to_string()),
        ("the share held out", optional(settings.validation_split.map(|share| share.to_string()))),
        ("early stopping", format!("{:?}", settings.early_stopping)),
        ("the schedule of the learning rate", format!("{:?}", settings.schedule)),
        ("clip_norm", format!("{:?}", settings.clip_norm)),
        ("what happens on divergence", format!("{:?}", settings.on_divergence)),
        ("the optimizer", method.describe()),
        ("the model", model.describe()),
        ("the first parameters", digest(model.parameters())),
        ("what regularizers remember", digest(model.state())),
        ("the normalizer", format!("{:?}", model.normalizer())),
    ];
    #[cfg(feature = "safetensors")]
    let checkpoints = settings.checkpoints.as_ref().map(super::Checkpoints::plan);
    #[cfg(not(feature = "safetensors"))]
    let checkpoints: Option<String> = None;
    let checkpoints = checkpoints.unwrap_or_else(|| "`never`".to_owned());
    facts.push(("when checkpoints are written, and whether they are resumed,", checkpoints));
    facts
}

/// What samples in memory must have in common, named as they are given.
pub(super) fn of_rows<T: Float>(name: Names, rows: Option<Rows<'_, T>>) -> Facts {
    let Some(Rows { x, conditions, targets }) = rows else {
        return vec![(name.samples, "none".to_owned())];
    };
    let beside = |view: Option<crate::batch::BatchView<'_, T>>| {
        view.map_or("none".to_owned(), |view| digest(view.as_slice()))
    };
    vec![
        (name.samples, format!("{} with digest {}", x.samples(), digest(x.as_slice()))),
        (name.conditions, beside(conditions)),
        (name.targets, beside(targets)),
    ]
}

/// Refuses streams that are not those of the other processes. Each process looks at what it will read and at what the next
/// one will, so that two have seen every sample, and reads no more than that.
pub(super) fn require_same_streams<T: Float>(
    all: &mut dyn Collective,
    sources: &mut Sources<'_, T>,
    block: usize,
) -> Result<()> {
    let (rank, size) = (all.rank(), all.size());
    if size == 1 {
        return Ok(());
    }
    let samples = sources.x.samples();
    let beside = sources.beside.iter().map(|(_, stream)| stream);
    let counts: Vec<_> = beside.map(|stream| (stream.samples(), stream.features())).collect();
    let facts = vec![
        ("the number of samples in the stream", samples.to_string()),
        ("the number of features in the stream", sources.x.features().to_string()),
        ("the number of samples and of values in the streams beside it", format!("{counts:?}")),
        ("the samples that are shuffled together", block.to_string()),
    ];
    require_alike(all, &facts)?;

    let next = (rank + 1) % size;
    let mut said = Said::default();
    let streams = sources.beside.iter_mut().map(|(_, stream)| stream);
    for stream in std::iter::once(&mut sources.x).chain(streams) {
        stream.rewind()?;
        let found = shares(&mut **stream, [(rank, size), (next, size)], block)?;
        said.mine.extend(found.into_iter().flat_map(u64::to_ne_bytes));
    }
    said.gather(all)?;
    let each: Vec<Vec<u64>> = said
        .of_each()
        .map(|said| said.as_chunks().0.iter().map(|&digest| u64::from_ne_bytes(digest)).collect())
        .collect();
    for (rank, found) in each.iter().enumerate() {
        let other = (rank + 1) % size;
        // What this process says of the next one's share, and that one of its own.
        let mut pairs = found.chunks(2).zip(each[other].chunks(2));
        if let Some((found, own)) = pairs.find(|(found, own)| found.get(1) != own.first()) {
            let text = |digest: Option<&u64>| format!("{:016x}", digest.copied().unwrap_or(0));
            let what =
                format!("the digest of the samples that process {other} reads, as both find it,");
            return Err(Error::Apart {
                ranks: (rank, other),
                what,
                found: (text(found.get(1)), text(own.first())),
            });
        }
    }
    Ok(())
}

/// Digests of two shares of a stream, whose samples are passed over but for those.
fn shares<T: Float>(
    stream: &mut dyn Stream<T>,
    shares: [Share; 2],
    block: usize,
) -> Result<[u64; 2]> {
    let (samples, features) = (stream.samples(), stream.features());
    let mut values = Vec::new();
    let mut digests = [0; 2];
    let mut before = 0;
    while before < samples {
        let length = block.min(samples - before);
        let mut parts = [0, 1].map(|index| {
            let (rank, size) = shares[index];
            (index, part_of(length, size, rank))
        });
        // Of two that begin at one place, one is empty, and is first.
        parts.sort_by_key(|(_, part)| (part.start, part.end));
        let mut at = 0;
        for (index, part) in parts {
            stream.skip(part.start - at)?;
            at = part.end;
            // In pieces, so that a block may be large.
            for piece in part.step_by(PIECE).map(|first| PIECE.min(at - first)) {
                fill(stream, piece, &mut values)?;
                require_size(PASS, "values", piece * features, values.len())?;
                let digest: u64 = digests[index];
                // So that the order of pieces counts, too.
                let mixed = digest.rotate_left(23) ^ digest_of_values(&values);
                digests[index] = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            }
        }
        stream.skip(length - at)?;
        before += length;
    }
    Ok(digests)
}

/// Samples that are looked at together.
const PIECE: usize = 256;

/// What samples are called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    samples: &'static str,
    conditions: &'static str,
    targets: &'static str,
}

pub(super) const TRAINED_ON: Names = Names {
    samples: "the number of samples, or a value in them,",
    conditions: "a condition",
    targets: "a label or target",
};

pub(super) const HELD_OUT: Names = Names {
    samples: "the number of samples held out, or a value in them,",
    conditions: "a condition of samples held out",
    targets: "a label or target of samples held out",
};

/// A number that other numbers would hardly have.
pub(super) fn digest<T: Float>(values: &[T]) -> String {
    format!("{:016x}", digest_of_values(values))
}
