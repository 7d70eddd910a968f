//~ ERROR: one half of this model is told `Unconditioned` and the other `
//~ ERROR: wrap both halves
//~ AT: .decoder(Dense::<16, 64>::new(Identity))
use autoencoder::activation::{Identity, Tanh};
use autoencoder::{AutoEncoder, Conditioned, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 16>::new(Tanh)))
        .decoder(Dense::<16, 64>::new(Identity))
        .build::<f32>();
}
