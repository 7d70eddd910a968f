//~ ERROR: KL sparsity needs a bounded code, but the range of this code is `NonNegative`
use autoencoder::activation::{Identity, Relu};
use autoencoder::regularizer::RegularizerFor;
use autoencoder::{AutoEncoder, Dense, SparseKl};
fn main() {
    let regularizer: Box<dyn RegularizerFor<_, f32>> = Box::new(SparseKl::new(0.1, 0.2).unwrap());
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Relu))
        .decoder(Dense::<10, 64>::new(Identity))
        .regularizer(regularizer)
        .build::<f32>();
}
