//~ ERROR: KL sparsity needs a bounded code, but the range of this code is `NonNegative`
//~ ERROR: end the encoder in `Sigmoid` or `Tanh`, or use `CodeL1`, which takes any code
use autoencoder::activation::{Identity, Relu};
use autoencoder::{AutoEncoder, Dense, SparseKl};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Relu))
        .decoder(Dense::<10, 64>::new(Identity))
        .regularizer(SparseKl::new(0.1, 0.2).unwrap())
        .build::<f32>();
}
