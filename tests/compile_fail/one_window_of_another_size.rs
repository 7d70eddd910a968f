//~ BUILD
//~ ERROR: sizes differ: a window of T steps of C channels has C · T values, and this array has another number of them
use autoencoder::activation::Identity;
use autoencoder::nalgebra::Const;
use autoencoder::size::Window;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::between(Window::<2, 3>, Const::<2>, Identity))
        .decoder(Dense::between(Const::<2>, Window::<2, 3>, Identity))
        .build::<f32>()
        .unwrap();
    let _ = model.reconstruct_one(&[0.5_f32; 5]);
}
