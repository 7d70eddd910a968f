//! Expect: 25 units that never saw a label look for edges, each at its own angle; `--features plot` draws them into target/.
//!
//! `-- --data DIR`: photographs, DIR/natural/natural8-300x300-idx3-ubyte. `--out DIR`: where pictures go.

use std::path::PathBuf;

use autoencoder::activation::Sigmoid;
use autoencoder::data::{Idx, Normalization, Source};
use autoencoder::init::Ufldl;
use autoencoder::nalgebra::Const;
use autoencoder::size::{DynImage, Image};
use autoencoder::{AutoEncoder, Batch, Dense, Lbfgs, Normalizer, SparseKl, Trainer, WeightDecay};
use autoencoder::{Report, Result, datasets, units::filters};

type Patches = Batch<f64, Image<1, 8, 8>>;

fn main() -> Result<()> {
    let photographs = |folder: PathBuf| -> Result<Batch<f64, DynImage>> {
        let file = folder.join("natural/natural8-300x300-idx3-ubyte");
        Idx::open(file)?.scale(1.0 / 255.0)?.load()
    };
    let images = match option("--data") {
        Some(folder) => photographs(folder)?,
        None => datasets::dead_leaves(10, 200, 1.0..=80.0, 1)?,
    };
    let patches: Patches = datasets::patches(&images, 5000, 1)?;
    let truncate = Normalization::Truncate { centre_samples: true };
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 25>::new(Sigmoid).init(Ufldl))
        .decoder(Dense::<25, 64>::new(Sigmoid).init(Ufldl))
        .regularizer((SparseKl::new(0.01, 3.0)?, WeightDecay::new(1e-4)?))
        .normalizer(Normalizer::fit(truncate, &patches)?)
        .seed(1)
        .build::<f64>()?;
    let at_first = filters(&model).with_size(Image)?;
    let report = Trainer::new(Lbfgs::new()).epochs(400).fit(&mut model, &patches)?;
    let codes = model.encode(&patches)?;
    let mean = codes.as_slice().iter().sum::<f64>() / codes.as_slice().len() as f64;
    println!("{report}\n\nmean activation {mean:.4}, where 0.01 was asked for");
    let learned = filters(&model).with_size(Image)?;
    let (first, last) = (smoothness(&at_first), smoothness(&learned));
    println!("neighbours in a filter: correlation {first:.2} at first, {last:.2} learned");
    draw(&learned, &report, &codes)
}

/// Σ of products of neighbours over Σ of squares: 0 for noise, near 1 for what is smooth.
fn smoothness(filters: &Patches) -> f64 {
    let products = |f: &[f64]| (0..56).map(|at| f[at] * f[at + 8]).sum::<f64>();
    // A filter has norm 1; of its 64 pixels 56 have one below.
    filters.iter().map(products).sum::<f64>() / filters.samples() as f64 * 64.0 / 56.0
}

#[cfg(feature = "plot")]
fn draw(filters: &Patches, report: &Report, codes: &Batch<f64, Const<25>>) -> Result<()> {
    use autoencoder::plot::{ActivationHistogram, FeatureGrid, LossCurves};
    let folder = option("--out").unwrap_or_else(|| "target".into());
    FeatureGrid::new(filters).title("What excites each unit").save(folder.join("features.png"))?;
    LossCurves::new(report).log_scale().save(folder.join("features-loss.png"))?;
    ActivationHistogram::new(codes).target(0.01).save(folder.join("features-active.svg"))?;
    println!("drawn: features*.png and features-active.svg in {}", folder.display());
    Ok(())
}

#[cfg(not(feature = "plot"))]
fn draw(filters: &Patches, _: &Report, _: &Batch<f64, Const<25>>) -> Result<()> {
    const SHADES: [&str; 6] = ["  ", "..", "::", "++", "**", "##"];
    let shade = |x: &f64| SHADES[(3.0 + 9.0 * x).clamp(0.0, 5.0) as usize];
    for row in 0..3 * 8 {
        let units = (row / 8 * 5..).take(5).map(|unit| &filters.sample(unit)[row % 8 * 8..][..8]);
        let line: Vec<String> = units.map(|row| row.iter().map(shade).collect()).collect();
        println!("{}{}", if row % 8 == 0 { "\n" } else { "" }, line.join("   "));
    }
    Ok(())
}

/// What follows this word on the command line.
fn option(name: &str) -> Option<PathBuf> {
    std::env::args().skip_while(|word| word != name).nth(1).map(PathBuf::from)
}
