//~ OK
//~ BUILD
use autoencoder::activation::Identity;
use autoencoder::nalgebra::Const;
use autoencoder::size::{Image, Window};
use autoencoder::{AutoEncoder, Batch, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let image = Batch::new(Image::<1, 8, 8>, vec![0.5_f32; 64]).unwrap();
    let _: Batch<f32, Image<1, 8, 8>> = model.reconstruct(&image).unwrap();
    let window = Batch::new(Window::<4, 16>, vec![0.5_f32; 64]).unwrap();
    let _ = model.encode(&window);
    let of_images = AutoEncoder::builder()
        .encoder(Dense::between(Image::<1, 8, 8>, Const::<10>, Identity))
        .decoder(Dense::between(Const::<10>, Image::<1, 8, 8>, Identity))
        .build::<f32>()
        .unwrap();
    let _ = of_images.encode_one(&[0.5_f32; 64]);
}
