//~ ERROR: sizes differ: one has `
//~ ERROR: Const<30>` where the other has `
//~ ERROR: Const<40>`
use autoencoder::activation::Sigmoid;
use autoencoder::{Adam, AutoEncoder, Dense, Stack, Tied, Trainer};
fn main() {
    let trainer = || Trainer::new(Adam::new(1e-3).unwrap());
    let _ = Stack::new(
        AutoEncoder::builder().encoder(Dense::<64, 40>::new(Sigmoid)).decoder(Tied::new(Sigmoid)),
        trainer(),
    )
    .then(
        AutoEncoder::builder().encoder(Dense::<30, 10>::new(Sigmoid)).decoder(Tied::new(Sigmoid)),
        trainer(),
    );
}
