//~ ERROR: a `?` is missing: this is a `Result`, which may hold an error instead of the part
//~ ERROR: add `?` (or `.unwrap()`) here
//~ AT: .regularizer((WeightDecay::new(0.1).unwrap(), SparseKl::new(0.1, 0.2)))
use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::{Adam, AutoEncoder, Batch, Dense, SparseKl, WeightDecay, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Sigmoid))
        .decoder(Dense::<10, 64>::new(Identity))
        .regularizer((WeightDecay::new(0.1).unwrap(), SparseKl::new(0.1, 0.2)))
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.5_f32; 64]]);
    let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
}
