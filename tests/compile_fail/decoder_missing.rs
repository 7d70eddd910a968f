//~ ERROR: the decoder is missing
//~ ERROR: give `.decoder(…)` before this
//~ AT: .build::<f32>()
use autoencoder::activation::Sigmoid;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, SparseKl, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Sigmoid))
        .regularizer(SparseKl::new(0.1, 0.2).unwrap())
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.5_f32; 64]]);
    let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
    let _ = model.encode(&x);
}
