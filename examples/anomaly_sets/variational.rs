//! The variational model, for comparison: the same shape, steps and level of noise as the other.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::layer::DenseLayer;
use autoencoder::nalgebra::Dyn;
use autoencoder::{
    AutoEncoder, Batch, Dense, Gaussian, GaussianLikelihood, Result, Then, Variational,
};

use crate::sets::{Half, trainer};

type Head = DenseLayer<Dyn, Dyn, Identity>;
type Encoder = Gaussian<DenseLayer<Dyn, Dyn, Tanh>, Head, Head>;

/// The variational model of all sets.
pub type Model = AutoEncoder<Encoder, Half, Variational, GaussianLikelihood>;

/// A code with mean and variance, a likelihood of 0.3 deviations, and β = 1.
pub fn train(rows: &Batch<f32, Dyn>, seed: u64) -> Result<Model> {
    let features = rows.features();
    let code = (features / 2).max(2);
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::dynamic(features, 64, Tanh),
            Dense::dynamic(64, code, Identity),
            Dense::dynamic(64, code, Identity),
        ))
        .decoder(Dense::dynamic(code, 64, Tanh).then(Dense::dynamic(64, features, Identity)))
        .regularizer(Variational::new(1.0)?)
        .loss(GaussianLikelihood::new(0.3)?)
        .normalizer(Normalizer::fit(Normalization::Standardize, rows)?)
        .seed(seed)
        .build::<f32>()?;
    trainer(rows, seed)?.fit(&mut model, rows)?;
    Ok(model)
}
