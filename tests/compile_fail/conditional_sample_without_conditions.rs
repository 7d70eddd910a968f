//~ ERROR: `usize` does not tell this model how many samples to draw
//~ ERROR: a conditional model needs a batch with a condition for each sample
//~ AT: let _ = model.sample(samples, &mut seeded(1));
use autoencoder::activation::{Identity, Tanh};
use autoencoder::random::seeded;
use autoencoder::{AutoEncoder, Conditioned, Dense, Gaussian};
fn main() {
    let heads = Gaussian::new(
        Dense::<74, 32>::new(Tanh),
        Dense::<32, 16>::new(Identity),
        Dense::<32, 16>::new(Identity),
    );
    let model = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(heads))
        .decoder(Conditioned::<16, 10, _>::new(Dense::<26, 64>::new(Identity)))
        .build::<f32>()
        .unwrap();
    let samples: usize = 3;
    let _ = model.sample(samples, &mut seeded(1));
}
