//~ ERROR: a sparse code is decoded by a dictionary, which is linear
//~ ERROR: give `.decoder(Dictionary::new())`
use autoencoder::activation::Identity;
use autoencoder::layer::sparse::{SparseEncoder, TopK};
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(SparseEncoder::<64, 256>::new(TopK::new(8).unwrap()))
        .decoder(Dense::<256, 64>::new(Identity));
}
