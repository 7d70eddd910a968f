//~ ERROR: sizes differ: one has
//~ AT: .target_decoder(Dense::<8, 3>::new(Identity));
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<5, 4>::new(Identity))
        .target_decoder(Dense::<8, 3>::new(Identity));
}
