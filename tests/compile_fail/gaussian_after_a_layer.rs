//~ ERROR: what gives a `DiagonalGaussian` can be neither a decoder nor be followed by a layer
//~ ERROR: layers before a Gaussian are its body
//~ AT: .then(Gaussian::new(
use autoencoder::activation::{Identity, Relu};
use autoencoder::{Dense, Gaussian, Then};
fn main() {
    let _ = Dense::<64, 32>::new(Relu)
        .then(Gaussian::new(
            Dense::<32, 16>::new(Relu),
            Dense::<16, 8>::new(Identity),
            Dense::<16, 8>::new(Identity),
        ));
}
