//~ ERROR: a size known at run time stands beside one known to the compiler: `
//~ AT: let _ = Dense::<64, 32>::new(Identity).then(Dense::dynamic(32, 10, Identity));
use autoencoder::activation::Identity;
use autoencoder::{Dense, Then};
fn main() {
    let _ = Dense::<64, 32>::new(Identity).then(Dense::dynamic(32, 10, Identity));
}
