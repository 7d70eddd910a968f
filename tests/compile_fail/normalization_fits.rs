//~ OK
//~ BUILD
use autoencoder::activation::{Identity, Relu};
use autoencoder::size::{DynImage, Image, Window};
use autoencoder::{AutoEncoder, Conv2d, Dense, GroupNorm, LayerNorm, Residual, Then};
fn main() {
    type Inside = Image<8, 7, 7>;
    let body = GroupNorm::<Inside, 4>::new().then(Conv2d::<Inside, Inside, 3>::new(Relu));
    let _ = AutoEncoder::builder()
        .encoder(
            Conv2d::<Image<1, 14, 14>, Inside, 3>::new(Relu)
                .then(Residual::new(body))
                .then(LayerNorm::<392>::new())
                .then(Dense::<392, 10>::new(Identity)),
        )
        .decoder(Dense::<10, 196>::new(Identity))
        .build::<f32>();
    let _ = GroupNorm::<Window<4, 16>, 2>::new();
    let _ = GroupNorm::dynamic(DynImage { channels: 8, height: 7, width: 7 }, 4);
    let _ = Residual::new(Dense::<64, 9>::new(Relu).then(Dense::<9, 64>::new(Relu)));
}
