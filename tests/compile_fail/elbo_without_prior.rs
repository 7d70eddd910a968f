//~ ERROR: this needs an encoder with a Gaussian posterior, but the posterior is `Point`
use autoencoder::activation::Identity;
use autoencoder::random::seeded;
use autoencoder::{AutoEncoder, Batch, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let _ = model.elbo(&Batch::from_iter([[0.5; 64]]), 1, &mut seeded(1));
}
