//! The one model for all tables.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::corruption::{Absences, SwapNoise};
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::loss::{Categorical, LearnedGaussian, Mixed};
use autoencoder::nalgebra::Dyn;
use autoencoder::train::schedule::Cosine;
use autoencoder::{Adam, AutoEncoder, Batch, Denoising, Dense, Result, Then, Trainer, WeightDecay};

use crate::tables::{Holes, Table};

const STEPS: usize = 3000;
const BATCH: usize = 64;
const UNITS: usize = 64;
const CODE: usize = 16;

/// The rows without their holes.
pub fn imputed(table: &Table, holes: &Holes, seed: u64) -> Result<Vec<Vec<f64>>> {
    let features = table.features();
    let x = Batch::from_samples(Dyn(features), &holes.rows)?;
    let categories = table.categories();
    let normalizer = Normalizer::fit_with_missing(Normalization::Standardize, &x)?;
    let normalizer = normalizer.leaving(table.numbers..features)?;
    let mut loss = Mixed::new().columns(table.numbers, LearnedGaussian::per_feature());
    if !table.levels.is_empty() {
        loss = loss.columns(features - table.numbers, Categorical::new(&table.levels)?);
    }
    // Learned from the cells that are left, by removing more of them and by exchanging some.
    let absences = Absences::new(0.3)?.cells(categories.clone())?;
    let swaps = SwapNoise::new(0.1, &x)?.normalized_by(&normalizer)?.cells(categories)?;
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(features, UNITS, Tanh).then(Dense::dynamic(UNITS, CODE, Identity)))
        .decoder(Dense::dynamic(CODE, UNITS, Tanh).then(Dense::dynamic(UNITS, features, Identity)))
        .regularizer((Denoising::new((swaps, absences)), WeightDecay::new(1e-3)?))
        .loss(loss)
        .normalizer(normalizer)
        .seed(seed)
        .build::<f64>()?;
    let epochs = (STEPS * BATCH).div_ceil(x.samples());
    Trainer::new(Adam::new(3e-3)?)
        .schedule(Cosine::new(0.0)?)
        .epochs(epochs)
        .batch_size(BATCH)
        .seed(seed)
        .fit(&mut model, &x)?;
    let completed = model.impute(&x)?;
    Ok(completed.iter().map(<[f64]>::to_vec).collect())
}
