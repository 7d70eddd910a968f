//~ ERROR: what gives a `Pairs` can be neither a decoder nor be followed by a layer
use autoencoder::activation::Relu;
use autoencoder::layer::sparse::{SparseEncoder, TopK};
use autoencoder::{Dense, Then};
fn main() {
    let _ = SparseEncoder::<64, 256>::new(TopK::new(8).unwrap()).then(Dense::<256, 9>::new(Relu));
}
