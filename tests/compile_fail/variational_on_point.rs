//~ ERROR: this needs an encoder with a Gaussian posterior, but the posterior is `Point`
//~ ERROR: describe the encoder as `Gaussian::new(body, mean, log_variance)`
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense, Variational};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .regularizer(Variational::new(1.0).unwrap())
        .build::<f32>();
}
