//~ ERROR: this moves thresholds that are trained, and `SparseLayer<
//~ ERROR: describe the encoder as `SparseEncoder::<64, 256>::new(JumpRelu::default())`
use autoencoder::AutoEncoder;
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::regularizer::JumpReluSparsity;
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(SparseEncoder::<64, 256>::new(TopK::new(8).unwrap()))
        .decoder(Dictionary::new())
        .regularizer(JumpReluSparsity::step(0.1).unwrap());
}
