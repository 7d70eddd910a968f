//~ ERROR: the encoder is missing
//~ ERROR: give `.encoder(…)` before this
//~ AT: .decoder(Dense::<10, 64>::new(Identity))
use autoencoder::activation::Identity;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, SparseKl, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .decoder(Dense::<10, 64>::new(Identity))
        .regularizer(SparseKl::new(0.1, 0.2).unwrap())
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.5_f32; 64]]);
    let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
    let _ = model.encode(&x);
}
