//~ BUILD
//~ ERROR: more than one stride leads from the first of these two images to the second
use autoencoder::activation::Relu;
use autoencoder::size::Image;
use autoencoder::{Conv2d, ConvTranspose2d};
fn main() {
    let fits = Conv2d::<Image<1, 28, 28>, Image<8, 14, 14>, 3>::new(Relu);
    let _ = (fits, ConvTranspose2d::<Image<8, 14, 14>, Image<1, 28, 28>, 3>::new(Relu));
    // With stride 1 and no zeros, or with stride 2 and one.
    let _ = Conv2d::<Image<1, 4, 4>, Image<8, 2, 2>, 3>::new(Relu);
}
