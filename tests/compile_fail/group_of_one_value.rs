//~ BUILD
//~ ERROR: a group needs at least 2 values
use autoencoder::GroupNorm;
use autoencoder::size::Image;
fn main() {
    let _ = GroupNorm::<Image<8, 1, 1>, 8>::new();
}
