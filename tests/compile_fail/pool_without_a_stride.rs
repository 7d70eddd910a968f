//~ BUILD
//~ ERROR: no stride of a pooling window leads from the first of these two images to the second
use autoencoder::MaxPool2d;
use autoencoder::size::Image;
fn main() {
    let _ = MaxPool2d::<Image<1, 28, 28>, Image<1, 10, 10>, 2>::new();
}
