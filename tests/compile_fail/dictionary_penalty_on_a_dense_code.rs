//~ ERROR: this needs a sparse code and the dictionary that decodes it, but the posterior is `Point`
//~ ERROR: describe the encoder as `SparseEncoder::<64, 256>::new(TopK::new(8)?)` and the decoder as `Dictionary::new()`
use autoencoder::activation::Relu;
use autoencoder::layer::sparse::Dictionary;
use autoencoder::regularizer::DictionaryL1;
use autoencoder::{AutoEncoder, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 256>::new(Relu))
        .decoder(Dictionary::new())
        .regularizer(DictionaryL1::new(0.1).unwrap());
}
