//~ ERROR: this needs an encoder with a Gaussian posterior, but the posterior is `Point`
//~ AT: let _ = model.sample(3, &mut seeded(1));
use autoencoder::activation::Identity;
use autoencoder::random::seeded;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let _ = model.sample(3, &mut seeded(1));
}
