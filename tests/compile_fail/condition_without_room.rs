//~ BUILD
//~ ERROR: the part in `Conditioned::<N, K, _>` must have N + K inputs
//~ AT: let encoder = Conditioned::<64, 10, _>::new(Dense::<64, 16>::new(Tanh));
use autoencoder::activation::Tanh;
use autoencoder::{Conditioned, Dense};
fn main() {
    let encoder = Conditioned::<64, 10, _>::new(Dense::<64, 16>::new(Tanh));
    drop(encoder);
}
