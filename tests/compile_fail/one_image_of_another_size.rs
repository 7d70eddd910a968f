//~ BUILD
//~ ERROR: sizes differ: an image of C × H × W has C · H · W values, and this array has another number of them
use autoencoder::activation::Identity;
use autoencoder::nalgebra::Const;
use autoencoder::size::Image;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::between(Image::<1, 2, 3>, Const::<2>, Identity))
        .decoder(Dense::between(Const::<2>, Image::<1, 2, 3>, Identity))
        .build::<f32>()
        .unwrap();
    let _ = model.encode_one(&[0.5_f32; 10]);
}
