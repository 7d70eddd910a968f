//! The same seed gives the same bits: twice in a process and, as CI compares, whatever features are on.

use autoencoder::activation::{Gelu, Identity, Sigmoid, Tanh};
use autoencoder::corruption::{Gaussian as GaussianNoise, Masking};
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::Dyn;

/// Parameters after a training on one thread, with every kind of noise.
fn trained() -> Vec<u32> {
    let rng = &mut seeded(1);
    let values = (0..301 * 300).map(|_| f32::draw_uniform(rng)).collect();
    let x = Batch::new(Dyn(301), values).unwrap();
    let noise = (Masking::new(0.3).unwrap(), GaussianNoise::new(0.1).unwrap());
    let head = || Dense::dynamic(203, 33, Identity);
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(Dense::dynamic(301, 203, Tanh), head(), head()))
        .decoder(Dense::dynamic(33, 203, Gelu).then(Dense::dynamic(203, 301, Sigmoid)))
        .regularizer((Variational::default(), Denoising::new(noise)))
        .build()
        .unwrap();
    Trainer::new(Adam::new(1e-3).unwrap()).epochs(2).batch_size(131).fit(&mut model, &x).unwrap();
    model.parameters().iter().map(|value| value.to_bits()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let bits = trained();
    assert_eq!(bits, trained());
    // The file of a run with other features, to be compared.
    if let Ok(file) = std::env::var("AUTOENCODER_BITS") {
        let lines: Vec<String> = bits.iter().map(|bits| format!("{bits:08x}\n")).collect();
        std::fs::write(file, lines.concat()).unwrap();
    }
}
