//~ ERROR: KL sparsity needs a bounded code, but the range of this code is `NonNegative`
use autoencoder::activation::{Identity, Relu, Sigmoid};
use autoencoder::{AutoEncoder, Contractive, Dense, SparseKl, Then};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 30>::new(Sigmoid).then(Dense::<30, 10>::new(Relu)))
        .decoder(Dense::<10, 64>::new(Identity))
        .regularizer((Contractive::new(0.1).unwrap(), SparseKl::new(0.1, 0.2).unwrap()))
        .build::<f32>();
}
