//~ ERROR: a size known at run time stands beside one known to the compiler: `
//~ ERROR: give the batch the model's kind of size
//~ AT: let _ = model.encode(&batch);
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Batch, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let batch = Batch::from_iter([[0.5_f32; 64]]).into_dynamic();
    let _ = model.encode(&batch);
}
