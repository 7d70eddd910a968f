//~ OK
//~ BUILD
use autoencoder::activation::{Identity, Relu};
use autoencoder::size::{Image, Window};
use autoencoder::*;
fn main() {
    let _ = MaxPool2d::<Image<3, 28, 28>, Image<3, 14, 14>, 2>::new();
    let _ = MaxPool2d::<Image<3, 7, 7>, Image<3, 4, 4>, 2>::new();
    let _ = AveragePool2d::<Image<3, 7, 7>, Image<3, 3, 3>, 2>::new();
    let _ = AveragePool2d::<Image<3, 28, 28>, Image<3, 27, 27>, 2>::new();
    let _ = AveragePool1d::<Window<3, 7>, Window<3, 4>, 2>::new();
    let _ = Upsample2d::<Image<3, 7, 5>, Image<3, 14, 5>>::bilinear();
    let _ = AutoEncoder::builder()
        .encoder(
            MaxPool1d::<Window<2, 8>, Window<2, 4>, 2>::new().then(Dense::<8, 2>::new(Identity)),
        )
        .decoder(
            Dense::<2, 8>::new(Relu).then(Upsample1d::<Window<2, 4>, Window<2, 8>>::nearest()),
        )
        .build::<f32>();
}
