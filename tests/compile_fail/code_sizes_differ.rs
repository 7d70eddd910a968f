//~ ERROR: sizes differ: one has `
//~ ERROR: Const<20>` where the other has `
//~ ERROR: Const<10>`
//~ AT: .decoder(Dense::<20, 64>::new(Identity))
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<20, 64>::new(Identity))
        .build::<f32>();
}
