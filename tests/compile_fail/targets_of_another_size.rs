//~ ERROR: sizes differ: one has
//~ AT: let _ = Trainer::new(Adam::new(0.1).unwrap()).fit(&mut model, (&x, &y));
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::{Adam, AutoEncoder, Batch, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<2, 16>::new(TopK::new(2).unwrap()))
        .target_decoder(Dictionary::new().to::<3>())
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.1, 0.2]]);
    let y = Batch::from_iter([[0.1, 0.2, 0.3, 0.4]]);
    let _ = Trainer::new(Adam::new(0.1).unwrap()).fit(&mut model, (&x, &y));
}
