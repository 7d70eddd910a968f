//~ ERROR: is no layer, encoder or decoder
//~ ERROR: and a `Result` needs a `?`
//~ AT: let _ = AutoEncoder::builder().encoder(encoder);
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense, Gaussian};
fn main() {
    let encoder = Gaussian::new(
        Dense::<64, 32>::new(Identity),
        Dense::<32, 8>::new(Identity),
        Dense::<32, 8>::new(Identity),
    )
    .clamp(-5.0, 5.0);
    let _ = AutoEncoder::builder().encoder(encoder);
}
