//~ BUILD
//~ ERROR: the second of these two images is larger than the first, which no pooling makes it: `Upsample2d`
use autoencoder::AveragePool2d;
use autoencoder::size::Image;
fn main() {
    let _ = AveragePool2d::<Image<1, 14, 14>, Image<1, 28, 28>, 2>::new();
}
