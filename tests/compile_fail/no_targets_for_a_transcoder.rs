//~ ERROR: WithTargets<
//~ ERROR: and these examples are `SamplesAlone`
//~ ERROR: a model with a target decoder on `(&x, &targets)`
//~ AT: let _ = Trainer::new(Adam::new(0.1).unwrap()).fit(&mut model, &x);
use autoencoder::layer::sparse::{Dictionary, SparseEncoder, TopK};
use autoencoder::{Adam, AutoEncoder, Batch, Trainer};
fn main() {
    let mut model = AutoEncoder::builder()
        .encoder(SparseEncoder::<2, 16>::new(TopK::new(2).unwrap()))
        .target_decoder(Dictionary::new().to::<3>())
        .build::<f32>()
        .unwrap();
    let x = Batch::from_iter([[0.1, 0.2]]);
    let _ = Trainer::new(Adam::new(0.1).unwrap()).fit(&mut model, &x);
}
