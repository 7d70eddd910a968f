//~ ERROR: `Relu` is no layer, encoder or decoder
//~ ERROR: an activation belongs into a layer
//~ AT: let _ = AutoEncoder::builder().encoder(Relu);
use autoencoder::AutoEncoder;
use autoencoder::activation::Relu;
fn main() {
    let _ = AutoEncoder::builder().encoder(Relu);
}
