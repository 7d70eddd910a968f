//! The configuration for tables of the documentation of anomaly scores, and the training of all models here.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::corruption::Gaussian;
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::layer::{Chain, DenseLayer};
use autoencoder::nalgebra::Dyn;
use autoencoder::train::schedule::Cosine;
use autoencoder::{Adam, AutoEncoder, Batch, Denoising, Dense, Result, Then, Trainer};

/// Steps of training, of 64 rows each.
const STEPS: usize = 3000;

/// The model for a [`KernelDensity`](autoencoder::anomaly::KernelDensity): a code that is not narrow, of tanh units.
pub type Wide = AutoEncoder<
    Chain<DenseLayer<Dyn, Dyn, Tanh>, DenseLayer<Dyn, Dyn, Tanh>>,
    DenseLayer<Dyn, Dyn, Identity>,
    Denoising<Gaussian>,
>;

/// The configuration for tables of the documentation: features, units twice, and back; at least 64 units. Columns
/// are standardized where no normalizer is given.
pub fn train_wide(
    rows: &Batch<f32, Dyn>,
    normalizer: Option<Normalizer>,
    seed: u64,
) -> Result<Wide> {
    let features = rows.features();
    let units = (2 * features).max(64);
    let normalizer = match normalizer {
        Some(normalizer) => normalizer,
        None => Normalizer::fit(Normalization::Standardize, rows)?,
    };
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, units, Tanh).then(Dense::dynamic(units, units, Tanh)))
        .decoder(Dense::dynamic(units, features, Identity))
        .regularizer(Denoising::new(Gaussian::new(0.3)?))
        .normalizer(normalizer)
        .seed(seed)
        .build::<f32>()?;
    trainer(rows, seed)?.fit(&mut model, rows)?;
    Ok(model)
}

/// The training for all sets.
pub fn trainer(rows: &Batch<f32, Dyn>, seed: u64) -> Result<Trainer<'static, Adam>> {
    let trainer = Trainer::new(Adam::new(2e-3)?)
        .epochs((STEPS * 64).div_ceil(rows.samples()))
        .batch_size(64)
        .schedule(Cosine::new(0.0)?)
        .seed(seed);
    Ok(trainer)
}
