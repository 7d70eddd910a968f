//~ BUILD
//~ ERROR: sizes differ: an image of C × H × W has C · H · W values, and what it meets here has another number of them
use autoencoder::activation::Identity;
use autoencoder::size::Image;
use autoencoder::{AutoEncoder, Batch, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let x = Batch::new(Image::<1, 8, 9>, vec![0.5_f32; 72]).unwrap();
    let _ = model.encode(&x);
}
