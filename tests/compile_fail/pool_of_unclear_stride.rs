//~ BUILD
//~ ERROR: these two images do not tell the stride of a pooling window
use autoencoder::MaxPool2d;
use autoencoder::size::Image;
fn main() {
    let _ = MaxPool2d::<Image<1, 4, 4>, Image<1, 2, 2>, 3>::new();
}
