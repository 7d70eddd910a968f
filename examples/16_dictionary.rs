//! Expect: samples of 64 numbers are made of 128 features, a few on in each; a dictionary of 128 atoms finds most of them
//! again. Said is which were found, split and missed, which units are dead, and what the most used units stand for.
//!
//! `--features plot`: how often units fire, as a picture in target/.

use autoencoder::datasets::SyntheticFeatures;
use autoencoder::layer::sparse::{BatchTopK, Dictionary, SparseEncoder};
use autoencoder::metrics::dictionary::{Detection, Fidelity, Matching};
use autoencoder::metrics::geometric_median;
use autoencoder::nalgebra::Const;
use autoencoder::regularizer::AuxK;
use autoencoder::{Adam, AutoEncoder, Result, SparseBatch, Trainer};

const UNITS: usize = 128;
const SAMPLES: usize = 1_500_000;

fn main() -> Result<()> {
    let known =
        SyntheticFeatures::new(UNITS, Const::<64>).seed(1).zipf(0.5, 0.005..=0.2).build()?;
    let middle = geometric_median(known.samples(0..2000)?.view())?;
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<64, UNITS>::new(BatchTopK::new(3.0)?).pre_bias(middle))
        .decoder(Dictionary::new())
        .regularizer(AuxK::new(32)?.dead_after(20_000)?)
        .build::<f32>()?;
    let mut stream = known.source(0..SAMPLES)?; // drawn as they are asked for
    let mut trainer = Trainer::new(Adam::new(2e-3)?).epochs(1).batch_size(512).clip_norm(1.0);
    println!("{}\n", trainer.fit(&mut model, &mut stream)?);

    let (x, true_codes) = known.draw(SAMPLES..SAMPLES + 20_000)?;
    let (codes, atoms) = (model.encode_sparse(&x)?, model.atoms()?);
    let mut fidelity = Fidelity::new(64, UNITS)?;
    fidelity.add(x.view(), &codes, model.decode_sparse(&codes)?.view())?;
    let densities = fidelity.densities()?;
    let on = true_codes.count() as f64 / true_codes.samples() as f64;
    println!("{:.2} units are active in a sample, where {on:.2} features are on", fidelity.l0()?);
    println!("explained variance {:.4}", fidelity.explained_variance()?);

    let matching = Matching::new(known.dictionary().view(), atoms.view())?;
    let findings = matching.findings(0.9)?;
    println!("mean correlation with the true features {:.3}", matching.mean_correlation());
    println!("found {} of {UNITS}, not {:?}", findings.found.len(), findings.missed);
    println!("split {:?}, dead units {:?}", findings.split, densities.dead());
    let mut detection = Detection::new(&matching);
    detection.add(&codes, &true_codes)?;
    let mean = detection.mean()?;
    println!(
        "its feature is on where a unit fires: {:.2}, and it fires there: {:.2}",
        mean.precision, mean.recall
    );

    let mut units: Vec<usize> = (0..UNITS).collect();
    units.sort_by_key(|&unit| std::cmp::Reverse(densities.counts()[unit]));
    println!("\nunit  fires  feature  |cos|  most excited by samples (is the feature on?)");
    for &unit in &units[..8] {
        let best = &matching.best_features()[unit];
        let shown = most_excited(&codes, unit).into_iter().map(|sample| {
            let is_on =
                true_codes.sample(sample).iter().any(|(feature, _)| feature == best.feature);
            format!("{sample} {}", if is_on { "yes" } else { "no" })
        });
        let (fires, shown) =
            (100.0 * densities.shares()[unit], shown.collect::<Vec<_>>().join(", "));
        println!("{unit:>4} {fires:>5.1}% {:>8} {:>6.3}  {shown}", best.feature, best.cosine);
    }
    #[cfg(feature = "plot")]
    autoencoder::plot::DensityHistogram::new(&densities).save("target/dictionary-densities.svg")?;
    Ok(())
}

/// The four samples that excite a unit most.
fn most_excited(codes: &SparseBatch<f32>, unit: usize) -> Vec<usize> {
    let samples = codes.iter().enumerate().flat_map(|(sample, code)| {
        code.iter().filter(|&(found, _)| found == unit).map(move |(_, value)| (value, sample))
    });
    let mut samples: Vec<(f32, usize)> = samples.collect();
    samples.sort_by(|a, b| b.0.total_cmp(&a.0));
    samples.into_iter().take(4).map(|(_, sample)| sample).collect()
}
