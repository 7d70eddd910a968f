//~ BUILD
//~ ERROR: more than one stride of a pooling window leads from the first of these two images to the second
use autoencoder::MaxPool2d;
use autoencoder::size::Image;
fn main() {
    let _ = MaxPool2d::<Image<1, 3, 3>, Image<1, 2, 2>, 2>::new();
}
