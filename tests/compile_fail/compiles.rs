//~ OK
use autoencoder::activation::{Identity, Relu, Sigmoid};
use autoencoder::random::seeded;
use autoencoder::{AutoEncoder, BernoulliCrossEntropy, Dense, Gaussian, SparseKl, Then, Variational};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 30>::new(Relu).then(Dense::<30, 10>::new(Sigmoid)))
        .decoder(Dense::<10, 64>::new(Identity))
        .regularizer(SparseKl::new(0.1, 0.2).unwrap())
        .loss(BernoulliCrossEntropy)
        .build::<f32>();
    let generative = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<64, 30>::new(Relu),
            Dense::<30, 8>::new(Identity),
            Dense::<30, 8>::new(Identity),
        ))
        .decoder(Dense::<8, 64>::new(Identity))
        .regularizer(Variational::new(1.0).unwrap())
        .build::<f32>()
        .unwrap();
    let _ = generative.sample(3, &mut seeded(1));
}
