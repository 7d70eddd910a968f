//~ ERROR: what gives a `DiagonalGaussian` can be neither a decoder nor be followed by a layer
//~ AT: .then(Dense::<8, 4>::new(Relu));
use autoencoder::activation::{Identity, Relu};
use autoencoder::{Dense, Gaussian, Then};
fn main() {
    let _ = Gaussian::new(
        Dense::<64, 32>::new(Relu),
        Dense::<32, 8>::new(Identity),
        Dense::<32, 8>::new(Identity),
    )
    .then(Dense::<8, 4>::new(Relu));
}
