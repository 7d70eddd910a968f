//~ BUILD
//~ ERROR: no stride leads from the first of these two images to the second
use autoencoder::Conv2d;
use autoencoder::activation::Relu;
use autoencoder::size::Image;
fn main() {
    let _ = Conv2d::<Image<1, 28, 28>, Image<8, 14, 12>, 3>::new(Relu);
}
