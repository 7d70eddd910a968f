//~ ERROR: sizes differ: one has `
//~ ERROR: Const<63>` where the other has `
//~ ERROR: Const<64>`
//~ AT: let _ = model.encode(&batch);
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Batch, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let batch = Batch::from_iter([[0.5_f32; 63]]);
    let _ = model.encode(&batch);
}
