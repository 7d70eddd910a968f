//~ BUILD
//~ ERROR: the second of these two images is larger than a convolution makes the first: `ConvTranspose2d` or `Upsample2d` leads to a larger one
use autoencoder::Conv2d;
use autoencoder::activation::Relu;
use autoencoder::size::Image;
fn main() {
    let _ = Conv2d::<Image<8, 14, 14>, Image<1, 28, 28>, 3>::new(Relu);
}
