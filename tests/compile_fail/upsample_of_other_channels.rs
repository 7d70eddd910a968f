//~ BUILD
//~ ERROR: these two images differ in channels, which upsampling keeps
use autoencoder::Upsample2d;
use autoencoder::size::Image;
fn main() {
    let _ = Upsample2d::<Image<1, 4, 4>, Image<2, 8, 8>>::nearest();
}
