//! Sensor rows, and a variational model of them: for the tests of anomaly scores.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::layer::{Chain, DenseLayer};
use autoencoder::*;
use nalgebra::Dyn;

pub type Layer1<A> = DenseLayer<Dyn, Dyn, A>;
pub type Half = Chain<Layer1<Tanh>, Layer1<Identity>>;
pub type VariationalEncoder = Gaussian<Layer1<Tanh>, Layer1<Identity>, Layer1<Identity>>;
pub type Variational1 = AutoEncoder<VariationalEncoder, Half, Variational, GaussianLikelihood, f64>;

/// What two ways to the same number may differ by, relatively.
pub const CLOSE: f64 = 1e-9;

pub fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= CLOSE * a.abs().max(b.abs()).max(1.0)
}

pub fn sensors(samples: usize, seed: u64) -> (Batch<f64, Dyn>, datasets::Sensors<f64>) {
    let all = datasets::sensors::<f64>(samples, seed).unwrap();
    (all.normal().into_dynamic(), all)
}

pub fn variational(rows: &Batch<f64, Dyn>, epochs: usize) -> Variational1 {
    let features = rows.features();
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::dynamic(features, 12, Tanh),
            Dense::dynamic(12, 3, Identity),
            Dense::dynamic(12, 3, Identity),
        ))
        .decoder(Dense::dynamic(3, 12, Tanh).then(Dense::dynamic(12, features, Identity)))
        .regularizer(Variational::default())
        .loss(GaussianLikelihood::new(0.3).unwrap())
        .normalizer(Normalizer::fit(Normalization::Standardize, rows).unwrap())
        .seed(3)
        .build()
        .unwrap();
    let adam = Adam::new(1e-2).unwrap();
    Trainer::new(adam).epochs(epochs).batch_size(32).seed(3).fit(&mut model, rows).unwrap();
    model
}
