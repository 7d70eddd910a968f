//~ ERROR: KL sparsity needs a bounded code, but the range of this code is `NonNegative`
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::{AutoEncoder, SparseKl};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(SparseEncoder::<64, 256>::new(TopK::new(8).unwrap()))
        .decoder(Dictionary::new())
        .regularizer(SparseKl::new(0.1, 0.2).unwrap());
}
