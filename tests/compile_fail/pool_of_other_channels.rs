//~ BUILD
//~ ERROR: these two windows of a series do not tell the stride of a pooling window: they differ in channels
use autoencoder::AveragePool1d;
use autoencoder::size::Window;
fn main() {
    let _ = AveragePool1d::<Window<2, 8>, Window<3, 4>, 2>::new();
}
