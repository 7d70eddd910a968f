//! Row 22: a small SynthSAEBench beside sae-lens, which has the same samples in the same order, the same first weights and the
//! same settings.
//!
//! 512 features in 64 dimensions, as in the benchmark but for their number; 256 units, 5,000,000 samples seen once, batches of
//! 1,024, Adam at 3·10⁻⁴. What is measured comes from 200,000 further samples. Of the squared error ours takes half, so weights of
//! penalties and the greatest norm of a gradient are half of sae-lens'; Adam then makes the same steps.
//!
//! Atoms are free and begin, like the encoder, with a length of 0.1; TopK and BatchTopK rank units by pre-activation times the
//! length of the atom.
//!
//! `--export DIR` writes all that `benches/peers/sae_lens_dictionary.py` needs to make the recorded figures again.
//!
//! D. Chanin, A. Garriga-Alonso (2026), SynthSAEBench: evaluating sparse autoencoders on scalable realistic synthetic data.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use autoencoder::activation::Relu;
use autoencoder::datasets::{Hierarchy, KnownFeatures, SyntheticFeatures};
use autoencoder::layer::sparse::{BatchTopK, Dictionary, JumpRelu, SparseEncoder, TopK};
use autoencoder::metrics::dictionary::{Detection, Fidelity, Matching};
use autoencoder::nalgebra::Const;
use autoencoder::regularizer::{AuxK, DictionaryL1, JumpReluSparsity};
use autoencoder::{Adam, AutoEncoder, Batch, Error, SparseBatch};

use crate::Settings;
use crate::data::Stop;
use crate::report::{Line, Target};

const DIMENSIONS: usize = 64;
const FEATURES: usize = 512;
const UNITS: usize = 256;

const BATCH: usize = 1024;
const RATE: f64 = 3e-4;
/// Of the first atoms and of units' weights, as sae-lens has it.
const NORM: f64 = 0.1;
/// The mean number of features that are on in a sample, 4.68, rounded.
const K: usize = 5;
/// Weights against an error that is not halved, found on training samples: with L1 about as many units are active, with JumpReLU,
/// whose thresholds move by no more than the rate in a step, still 21.
const L1: f64 = 5.0;
const L0: f64 = 2.0;
/// As sae-lens: dead after more than 1,000 steps, of which half as many as there are dimensions help out.
const SILENT: usize = 1001 * BATCH;
const HELPERS: usize = DIMENSIONS / 2;

const KINDS: [&str; 4] = ["TopK", "BatchTopK", "JumpReLU", "L1"];
const MEASURES: [&str; 4] = ["MCC", "F1", "explained variance", "dead fraction"];

/// What sae-lens 6.54.12 reaches with the same seeds, 1 to 3, in the mean.
const SAE_LENS: [[f64; 4]; 4] = [
    [0.7083, 0.4568, 0.8729, 0.0052],
    [0.6139, 0.3609, 0.8699, 0.0677],
    [0.4826, 0.2223, 0.9404, 0.0],
    [0.5324, 0.5238, 0.7387, 0.0],
];
/// How near a mean has to come, unless it is better.
const NEAR: f64 = 0.01;

type Features = KnownFeatures<f32, Const<DIMENSIONS>>;

/// What is trained on, and what is measured on.
struct Samples {
    known: Features,
    train: Batch<f32, Const<DIMENSIONS>>,
    test: Batch<f32, Const<DIMENSIONS>>,
    on: SparseBatch<f32>,
}

/// MCC, F1, explained variance and dead fraction, then active units of a sample.
type Score = [f64; 5];

/// One pass over fewer samples, at a higher rate. The oracle is the start: where units are chosen by rank, atoms are to be much
/// nearer to the features than the random ones are that they begin as.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let samples = draw(0..400_000, 10_000)?;
    let (first, scores) = all_kinds(settings, &samples, 1, 1e-2)?;
    let first = Matching::new(samples.known.dictionary().view(), first.view())?.mean_correlation();
    let line = |(at, score): (usize, Score)| {
        let what = format!("{}: MCC (random atoms {first:.3})", KINDS[at]);
        match at {
            0 | 1 => Line::number(what, Target::AtLeast(round(first + 0.1)), &score[..1], 3),
            _ => Line::note(what, &score[..1], 3),
        }
    };
    Ok(scores.into_iter().enumerate().map(line).collect())
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let samples = draw(0..5_000_000, 200_000)?;
    if let Some(folder) = settings.export() {
        export(settings, &samples, folder)?;
    }
    let mut scores: [Vec<Score>; 4] = Default::default();
    for seed in settings.seeds() {
        let (_, of_seed) = all_kinds(settings, &samples, seed, RATE)?;
        scores.iter_mut().zip(of_seed).for_each(|(all, score)| all.push(score));
    }
    let mut lines = Vec::new();
    for ((kind, scores), theirs) in KINDS.into_iter().zip(&scores).zip(SAE_LENS) {
        let of = |at: usize| scores.iter().map(|score| score[at]).collect::<Vec<_>>();
        for (at, measure) in MEASURES.into_iter().enumerate() {
            let target = match measure {
                "dead fraction" => Target::AtMost(round(theirs[at] + NEAR)),
                _ => Target::AtLeast(round(theirs[at] - NEAR)),
            };
            lines.push(Line::number(format!("{kind}: {measure}"), target, &of(at), 4));
        }
        lines.push(Line::note(format!("{kind}: active units"), &of(4), 2));
    }
    Ok(lines)
}

fn round(bound: f64) -> f64 {
    (1e4 * bound).round() / 1e4
}

fn draw(train: Range<usize>, test: usize) -> Result<Samples, Stop> {
    let hierarchy = Hierarchy::new(4, 4, 3).exclusive(1.0).compensated().scaled_by_parent();
    let known = SyntheticFeatures::new(FEATURES, Const::<DIMENSIONS>)
        .seed(42)
        .hierarchy(hierarchy)
        .correlation(25, 0.1)
        .build::<f32>()?;
    let (x, on) = known.draw(train.end..train.end + test)?;
    Ok(Samples { train: known.samples(train)?, test: x, on, known })
}

/// One of each kind, with the atoms that all begin with.
fn all_kinds(
    settings: &Settings,
    samples: &Samples,
    seed: u64,
    rate: f64,
) -> Result<(Batch<f32, Const<DIMENSIONS>>, [Score; 4]), Stop> {
    // A selection and the regularizer that goes with it.
    macro_rules! trained {
        ($selection:expr, $regularizer:expr) => {{
            let mut model = AutoEncoder::builder()
                .encoder(SparseEncoder::<DIMENSIONS, UNITS>::new($selection).first_norm(NORM))
                .decoder(Dictionary::free(NORM)?)
                .regularizer($regularizer)
                .seed(seed)
                .build::<f32>()?;
            let first = model.atoms()?;
            let trainer = settings.trainer(Adam::new(rate)?, seed).epochs(1).batch_size(BATCH);
            trainer.shuffle(false).clip_norm(0.5).fit(&mut model, &samples.train)?;
            let codes = model.encode_sparse(&samples.test)?;
            let score = score(samples, &model.atoms()?, &codes, &model.decode_sparse(&codes)?)?;
            settings.say(&format!("  {seed} {score:.4?}"));
            (first, score)
        }};
    }
    let helpers = AuxK::new(HELPERS)?.dead_after(SILENT)?;
    let (first, top_k) = trained!(TopK::new(K)?.by_norm(), helpers);
    let (_, batch_top_k) = trained!(BatchTopK::new(K as f64)?.by_norm(), helpers);
    let (_, jump_relu) = trained!(JumpRelu::default(), JumpReluSparsity::step(L0 / 2.0)?);
    let (_, l1) = trained!(Relu, DictionaryL1::new(L1 / 2.0)?);
    Ok((first, [top_k, batch_top_k, jump_relu, l1]))
}

fn score(
    samples: &Samples,
    atoms: &Batch<f32, Const<DIMENSIONS>>,
    codes: &SparseBatch<f32>,
    y: &Batch<f32, Const<DIMENSIONS>>,
) -> Result<Score, Stop> {
    let matching = Matching::new(samples.known.dictionary().view(), atoms.view())?;
    let mut detection = Detection::new(&matching);
    detection.add(codes, &samples.on)?;
    let mut fidelity = Fidelity::new(DIMENSIONS, UNITS)?;
    fidelity.add(samples.test.view(), codes, y.view())?;
    Ok([
        matching.mean_correlation(),
        detection.mean()?.f1,
        fidelity.explained_variance()?,
        fidelity.densities()?.dead_fraction(),
        fidelity.l0()?,
    ])
}

/// Samples, features, which are on in test samples, the first directions of units, and the settings.
fn export(settings: &Settings, samples: &Samples, folder: &Path) -> Result<(), Stop> {
    let refused = |error: io::Error| {
        let (path, action) = (folder.to_owned(), "write to");
        Stop::Failed(Error::File { path, action, reason: error.kind() })
    };
    let write = |name: &str, batch: &Batch<f32, Const<DIMENSIONS>>| {
        let rows = batch.iter().map(|row| row.iter().flat_map(|x| x.to_le_bytes()).collect());
        npy(&folder.join(name), "<f4", (batch.samples(), DIMENSIONS), rows).map_err(refused)
    };
    std::fs::create_dir_all(folder).map_err(refused)?;
    write("train.npy", &samples.train)?;
    write("test.npy", &samples.test)?;
    write("features.npy", samples.known.dictionary())?;
    let rows = samples.on.iter().map(|code| {
        let mut row = vec![0; FEATURES];
        code.iter().for_each(|(feature, _)| row[feature] = 1);
        row
    });
    npy(&folder.join("on.npy"), "|u1", (samples.on.samples(), FEATURES), rows).map_err(refused)?;
    for seed in settings.seeds() {
        write(&format!("first-{seed}.npy"), &first_directions(seed)?)?;
    }
    let words = format!(
        "{{\"units\": {UNITS}, \"batch\": {BATCH}, \"rate\": {RATE:?}, \"k\": {K}, \"l1\": {L1:?}, \"l0\": {L0:?}}}\n"
    );
    std::fs::write(folder.join("settings.json"), words).map_err(refused)
}

/// What units of all kinds begin as, each of length 1.
fn first_directions(seed: u64) -> autoencoder::Result<Batch<f32, Const<DIMENSIONS>>> {
    AutoEncoder::builder()
        .encoder(SparseEncoder::<DIMENSIONS, UNITS>::new(Relu))
        .decoder(Dictionary::new())
        .seed(seed)
        .build::<f32>()?
        .atoms()
}

/// An array of two dimensions, row by row.
fn npy(
    path: &Path,
    kind: &str,
    (rows, columns): (usize, usize),
    of_rows: impl IntoIterator<Item = Vec<u8>>,
) -> io::Result<()> {
    let mut to = BufWriter::new(File::create(path)?);
    let header =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Magic, version and length take 10 bytes; all of it ends with a line, at a multiple of 64.
    let width = (10 + header.len() + 1).next_multiple_of(64) - 10;
    to.write_all(b"\x93NUMPY\x01\x00")?;
    to.write_all(&(width as u16).to_le_bytes())?;
    writeln!(to, "{header:<0$}", width - 1)?;
    for row in of_rows {
        to.write_all(&row)?;
    }
    to.flush()
}
