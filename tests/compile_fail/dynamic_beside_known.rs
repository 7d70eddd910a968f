//~ ERROR: a size known at run time stands beside one known to the compiler: `
//~ ERROR: make both `dynamic`, which `build` then compares
//~ AT: .decoder(Dense::<10, 64>::new(Identity))
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::dynamic(64, 10, Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>();
}
