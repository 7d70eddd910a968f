//~ ERROR: this model is trained on `WithConditions<
//~ ERROR: and these examples are `SamplesAlone`
//~ AT: let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
use autoencoder::activation::Identity;
use autoencoder::{Adam, AutoEncoder, Batch, Conditioned, Dense, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .encoder(Conditioned::<64, 10, _>::new(Dense::<74, 16>::new(Identity)))
        .decoder(Conditioned::<16, 10, _>::new(Dense::<26, 64>::new(Identity)))
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.5_f32; 64]]);
    let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
}
