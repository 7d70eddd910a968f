//~ ERROR: beside each sample, and here it is told `SamplesAlone`
//~ AT: let _ = model.encode(&x);
use autoencoder::activation::Identity;
use autoencoder::{AutoEncoder, Batch, Conditioned, Dense};
fn main() {
    let model = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 16>::new(Identity)))
        .decoder(Conditioned::<16, 10, _>::new(Dense::<26, 64>::new(Identity)))
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.5_f32; 64]]);
    let _ = model.encode(&x);
}
