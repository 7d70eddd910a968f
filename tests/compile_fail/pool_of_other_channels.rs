//~ BUILD
//~ ERROR: these two windows of a series differ in channels, which pooling keeps
use autoencoder::AveragePool1d;
use autoencoder::size::Window;
fn main() {
    let _ = AveragePool1d::<Window<2, 8>, Window<3, 4>, 2>::new();
}
