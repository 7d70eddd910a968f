//~ ERROR: what gives a `DiagonalGaussian` can be neither a decoder nor be followed by a layer
use autoencoder::activation::{Identity, Tanh};
use autoencoder::{Dense, Gaussian, Residual};
fn main() {
    let head = || Dense::<8, 4>::new(Identity);
    let _ = Residual::new(Gaussian::new(Dense::<4, 8>::new(Tanh), head(), head()));
}
