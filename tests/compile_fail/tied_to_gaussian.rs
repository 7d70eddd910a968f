//~ ERROR: is no decoder for this encoder
//~ ERROR: tied weights need an encoder of dense or convolutional layers
//~ AT: .decoder(Tied::new(Sigmoid))
use autoencoder::activation::{Identity, Relu, Sigmoid};
use autoencoder::{AutoEncoder, Dense, Gaussian, Tied};

fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<784, 400>::new(Relu),
            Dense::<400, 20>::new(Identity),
            Dense::<400, 20>::new(Identity),
        ))
        .decoder(Tied::new(Sigmoid))
        .build::<f32>();
}
