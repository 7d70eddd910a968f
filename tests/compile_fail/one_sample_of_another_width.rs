//~ ERROR: a sample of this type does not have the features that are needed here: `&[f32; 63]` for `
//~ AT: let _ = model.encode_one(&[0.5_f32; 63]);
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let _ = model.encode_one(&[0.5_f32; 63]);
}
