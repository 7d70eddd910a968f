//~ ERROR: this loss compares `WithTarget<
//~ ERROR: one with a `.target_decoder(…)` with what is given beside it, which takes a `Targeted(loss)`
//~ AT: .loss(Targeted(SquaredError))
use autoencoder::activation::Identity;
use autoencoder::loss::Targeted;
use autoencoder::{AutoEncoder, Dense, SquaredError};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .loss(Targeted(SquaredError))
        .build::<f32>();
}
