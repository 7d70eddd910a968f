//! Nothing large lies on the stack.

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::Const;
use rand::RngExt;

#[test]
fn a_deep_model_builds_trains_and_drops_on_256_kib() {
    let work = || {
        let mut model = AutoEncoder::builder()
            .encoder(
                Dense::<784, 1000>::new(Sigmoid)
                    .then(Dense::<1000, 500>::new(Sigmoid))
                    .then(Dense::<500, 250>::new(Sigmoid))
                    .then(Dense::<250, 30>::new(Identity)),
            )
            .decoder(
                Dense::<30, 250>::new(Sigmoid)
                    .then(Dense::<250, 500>::new(Sigmoid))
                    .then(Dense::<500, 1000>::new(Sigmoid))
                    .then(Dense::<1000, 784>::new(Sigmoid)),
            )
            .build::<f32>()?;
        let rng = &mut seeded(1);
        let mut x = Batch::zeros(Const::<784>, 24);
        x.as_mut_slice().fill_with(|| rng.random());
        let before = model.loss(&x)?.total();
        Trainer::new(Adam::new(1e-3)?).epochs(3).batch_size(12).fit(&mut model, &x)?;
        assert!(model.loss(&x)?.total() < before);
        assert_eq!(model.encode(&x)?.features(), 30);
        assert_eq!(model.reconstruct_one(x.sample(0))?.len(), 784);
        drop(model.clone());
        Ok::<usize, Error>(model.num_parameters())
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(work).unwrap();
    // 784·1000 + 1000·500 + 500·250 + 250·30 weights both ways, and a bias for each unit.
    let weights = 2 * (784_000 + 500_000 + 125_000 + 7_500);
    let biases = 1000 + 500 + 250 + 30 + 250 + 500 + 1000 + 784;
    assert_eq!(thread.join().unwrap(), Ok(weights + biases));
}
