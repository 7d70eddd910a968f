//~ BUILD
//~ ERROR: the number of groups must divide the channels
use autoencoder::GroupNorm;
use autoencoder::size::Image;
fn main() {
    let _ = GroupNorm::<Image<8, 7, 7>, 3>::new();
}
