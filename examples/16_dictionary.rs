//! Expect: 64 numbers of a sample are made of 128 features, of which a few are on; a dictionary of 128 atoms finds most of
//! them again. Said is which were found, split and missed, what is dead, and what the most useful atoms stand for.
//!
//! With `--features plot` it draws how often units fire into target/. `--out DIR`: where the picture goes.

use autoencoder::datasets::SyntheticFeatures;
use autoencoder::layer::sparse::{BatchTopK, Dictionary, SparseEncoder};
use autoencoder::metrics::dictionary::{Densities, Detection, Fidelity, Matching, coherence};
use autoencoder::metrics::geometric_median;
use autoencoder::nalgebra::Const;
use autoencoder::regularizer::AuxK;
use autoencoder::train::schedule::{Constant, Warmup};
use autoencoder::{Adam, AutoEncoder, Result, SparseBatch, Trainer};

const FEATURES: usize = 128;
const SAMPLES: usize = 400_000;

fn main() -> Result<()> {
    let known = SyntheticFeatures::new(FEATURES, Const::<64>)
        .seed(1)
        .zipf(0.5, 0.005..=0.2)
        .build::<f32>()?;
    // The samples are drawn as they are asked for.
    let mut stream = known.source(0..SAMPLES)?;
    let first = known.samples(0..2000)?;
    let mut model = AutoEncoder::builder()
        .encoder(
            SparseEncoder::<64, FEATURES>::new(BatchTopK::new(4.0)?)
                .pre_bias(geometric_median(first.view())?),
        )
        .decoder(Dictionary::new())
        .regularizer(AuxK::new(32)?.dead_after(50_000)?)
        .build::<f32>()?;
    let report = Trainer::new(Adam::new(2e-3)?)
        .epochs(1)
        .batch_size(512)
        .schedule(Warmup::new(50, Constant)?)
        .clip_norm(1.0)
        .fit(&mut model, &mut stream)?;
    println!("{report}\n");

    let (x, true_codes) = known.draw(SAMPLES..SAMPLES + 20_000)?;
    let codes = model.encode_sparse(&x)?;
    let reconstruction = model.decode_sparse(&codes)?;
    let mut fidelity = Fidelity::new(64, FEATURES)?;
    fidelity.add(x.view(), &codes, reconstruction.view())?;
    let (densities, atoms) = (fidelity.densities()?, model.atoms()?);
    println!(
        "active units a sample {:.2}, true features {:.2}",
        fidelity.l0()?,
        mean_count(&true_codes)
    );
    println!("explained variance    {:.4}", fidelity.explained_variance()?);
    println!("length of reconstructions / of samples {:.3}", fidelity.shrinkage()?);
    println!("atoms most alike another: {:.2} in the mean", coherence(atoms.view())?.mean);

    let matching = Matching::new(known.dictionary().view(), atoms.view())?;
    let findings = matching.findings(0.9)?;
    let mut detection = Detection::new(&matching);
    detection.add(&codes, &true_codes)?;
    let told = detection.mean()?;
    println!("\nmean correlation with the true features {:.3}", matching.mean_correlation());
    println!("found {} of {FEATURES}, split {}", findings.found.len(), findings.split.len());
    println!("dead units {}", densities.dead().len());
    println!(
        "a unit tells its feature: precision {:.2}, recall {:.2}",
        told.precision, told.recall
    );
    show_most_used(&densities, &codes, &matching, &true_codes)?;
    draw(&densities)
}

fn mean_count(codes: &SparseBatch<f32>) -> f64 {
    codes.count() as f64 / codes.samples() as f64
}

/// The units that fire most often, each with the samples that excite it most and whether its feature is on in them.
fn show_most_used(
    densities: &Densities,
    codes: &SparseBatch<f32>,
    matching: &Matching,
    true_codes: &SparseBatch<f32>,
) -> Result<()> {
    let mut units: Vec<usize> = (0..FEATURES).collect();
    units.sort_by_key(|&unit| std::cmp::Reverse(densities.counts()[unit]));
    println!("\nunit  fires  feature  |cos|  most excited by samples (feature on?)");
    for &unit in units.iter().take(8) {
        let value = |sample: usize| {
            let mut pairs = codes.sample(sample).iter();
            pairs.find(|&(found, _)| found == unit).map_or(0.0, |(_, value)| value)
        };
        let mut samples: Vec<usize> = (0..codes.samples()).collect();
        samples.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
        let best = &matching.best_features()[unit];
        let is_on = |sample: usize| {
            let mut on = true_codes.sample(sample).iter();
            if on.any(|(feature, _)| feature == best.feature) { "yes" } else { "no" }
        };
        let shown = samples[..4].iter().map(|&sample| format!("{sample} {}", is_on(sample)));
        println!(
            "{unit:>4} {:>5.1}% {:>8} {:>6.3}  {}",
            100.0 * densities.shares()[unit],
            best.feature,
            best.cosine,
            shown.collect::<Vec<_>>().join(", ")
        );
    }
    Ok(())
}

#[cfg(feature = "plot")]
fn draw(densities: &Densities) -> Result<()> {
    let mut words = std::env::args().skip_while(|word| word != "--out");
    let folder = std::path::PathBuf::from(words.nth(1).unwrap_or_else(|| "target".to_owned()));
    autoencoder::plot::DensityHistogram::new(densities)
        .save(folder.join("dictionary-densities.svg"))?;
    println!("\ndrawn: dictionary-densities.svg in {}", folder.display());
    Ok(())
}

#[cfg(not(feature = "plot"))]
fn draw(_densities: &Densities) -> Result<()> {
    println!("\nwith --features plot: how often units fire, as a picture");
    Ok(())
}
