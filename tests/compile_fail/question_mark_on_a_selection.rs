//~ ERROR: a `?` is missing
//~ ERROR: constructors that check their numbers return a `Result`
use autoencoder::AutoEncoder;
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(SparseEncoder::<64, 256>::new(TopK::new(8)))
        .decoder(Dictionary::new())
        .build::<f32>();
}
