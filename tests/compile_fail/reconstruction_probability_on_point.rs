//~ ERROR: this needs an encoder with a Gaussian posterior, but the posterior is `Point`
use autoencoder::activation::Identity;
use autoencoder::anomaly::{AnomalyDetector, ReconstructionProbability};
use autoencoder::{AutoEncoder, Batch, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let score = ReconstructionProbability::new(10, 1).unwrap();
    let _ = AnomalyDetector::fit(model, score, &Batch::from_iter([[0.5; 64]]));
}
