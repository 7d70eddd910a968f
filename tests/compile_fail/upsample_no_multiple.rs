//~ BUILD
//~ ERROR: the second of these two images has no whole multiple of the first one's rows and columns
use autoencoder::Upsample2d;
use autoencoder::size::Image;
fn main() {
    let _ = Upsample2d::<Image<1, 4, 4>, Image<1, 8, 9>>::nearest();
}
