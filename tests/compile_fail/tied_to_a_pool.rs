//~ ERROR: is no decoder for this encoder
//~ AT: .decoder(Tied::new(Identity))
use autoencoder::activation::{Identity, Relu};
use autoencoder::size::Image;
use autoencoder::{AutoEncoder, AveragePool2d, Conv2d, Then, Tied};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(
            Conv2d::<Image<1, 8, 8>, Image<2, 8, 8>, 3>::new(Relu)
                .then(AveragePool2d::<Image<2, 8, 8>, Image<2, 4, 4>, 2>::new()),
        )
        .decoder(Tied::new(Identity))
        .build::<f32>();
}
