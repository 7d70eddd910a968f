//~ ERROR: sizes differ: one has `
//~ ERROR: Const<9>` where the other has `
//~ ERROR: Const<8>`
//~ AT: Dense::<32, 9>::new(Identity),
use autoencoder::activation::{Identity, Relu};
use autoencoder::{Dense, Gaussian};
fn main() {
    let _ = Gaussian::new(
        Dense::<64, 32>::new(Relu),
        Dense::<32, 8>::new(Identity),
        Dense::<32, 9>::new(Identity),
    );
}
