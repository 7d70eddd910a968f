//~ ERROR: sizes differ
//~ AT: let _ = Residual::new(Dense::<64, 32>::new(Tanh));
use autoencoder::activation::Tanh;
use autoencoder::{Dense, Residual};
fn main() {
    let _ = Residual::new(Dense::<64, 32>::new(Tanh));
}
