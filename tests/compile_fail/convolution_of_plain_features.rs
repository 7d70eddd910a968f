//~ ERROR: an image is needed here
//~ ERROR: or ask for `Image<C, H, W>`
use autoencoder::Conv2d;
use autoencoder::activation::Relu;
use autoencoder::nalgebra::Const;
use autoencoder::size::Image;
fn main() {
    let _ = Conv2d::between(Const::<784>, Image::<8, 14, 14>, 3, Relu);
}
