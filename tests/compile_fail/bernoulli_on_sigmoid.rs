//~ ERROR: a Bernoulli loss takes logits, but the range of this decoder's output is `UnitInterval`
//~ ERROR: end the decoder in `Identity`: the loss applies the sigmoid itself
use autoencoder::activation::{Relu, Sigmoid};
use autoencoder::{AutoEncoder, BernoulliCrossEntropy, Dense};
fn main() {
    let _ = AutoEncoder::builder()
        .encoder(Dense::<64, 10>::new(Relu))
        .decoder(Dense::<10, 64>::new(Sigmoid))
        .loss(BernoulliCrossEntropy)
        .build::<f32>();
}
