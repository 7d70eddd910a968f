//~ ERROR: is nothing that a model takes as examples
//~ AT: let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
use autoencoder::activation::Identity;
use autoencoder::{Adam, AutoEncoder, Dense, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Identity))
        .decoder(Dense::<10, 64>::new(Identity))
        .build::<f32>()
        .unwrap();
    let x = vec![vec![0.5_f32; 64]];
    let _ = Trainer::new(Adam::new(1e-3).unwrap()).fit(&mut model, &x);
}
