//~ ERROR: this loss compares `WithClass`, and the model is made to be compared `WithInput`
//~ AT: .loss(CrossEntropy)
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, CrossEntropy, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .loss(CrossEntropy)
        .build::<f32>();
}
