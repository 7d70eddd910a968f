//~ OK
//~ BUILD
use autoencoder::activation::{Identity, Tanh};
use autoencoder::{AutoEncoder, Conditioned, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 16>::new(Tanh)))
        .decoder(Conditioned::<16, 10, _>::new(Dense::<26, 64>::new(Identity)))
        .build::<f32>();
}
