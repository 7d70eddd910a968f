//~ ERROR: this loss compares `WithInput`, and the model is made to be compared `WithTarget<
//~ ERROR: one with a `.target_decoder(…)` with what is given beside it, which takes a `Targeted(loss)`
//~ AT: .loss(SquaredError)
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense, SquaredError};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .target_decoder(Dense::<10, 3>::new(Identity))
        .loss(SquaredError)
        .build::<f32>();
}
