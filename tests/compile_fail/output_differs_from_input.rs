//~ ERROR: sizes differ: one has `
//~ ERROR: Const<63>` where the other has `
//~ ERROR: Const<64>`
//~ AT: .decoder(Dense::<10, 63>::new(Identity))
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 63>::new(Identity))
        .build::<f32>();
}
