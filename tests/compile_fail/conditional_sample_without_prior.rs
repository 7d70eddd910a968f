//~ ERROR: this needs an encoder with a Gaussian posterior, but the posterior is `Point`
//~ AT: let _ = model.sample(&Batch::one_hot(&[3]).unwrap(), &mut seeded(1));
use autoencoder::activation::Identity;
use autoencoder::random::seeded;
use autoencoder::{AutoEncoder, Batch, Conditioned, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 16>::new(Identity)))
        .decoder(Conditioned::<16, 10, _>::new(Dense::<26, 64>::new(Identity)))
        .build::<f32>()
        .unwrap();
    let _ = model.sample(&Batch::one_hot(&[3]).unwrap(), &mut seeded(1));
}
