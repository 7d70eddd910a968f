//~ ERROR: this model is trained on `WithLabels`, and these examples are `SamplesAlone`
//~ AT: let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
use autoencoder::activation::Identity;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .classes::<3>()
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.5_f32; 64]]);
    let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
}
