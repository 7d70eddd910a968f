//! Time of a training step of the convolutional autoencoders that other libraries are compared in: `peers/run.py`.
//!
//! `cargo bench -p autoencoder-benches --bench images` prints the table; what may follow `--`, and what the loss in it
//! shows, is as in `regularized.rs`.

use autoencoder::activation::{Identity, Relu, Sigmoid};
use autoencoder::size::{Image, Window};
use autoencoder::*;

mod common;
use common::{Contest, contest, contests, shared_kernels};

/// Strided convolutions around a dense code, sigmoid outputs, squared error.
fn strided(on: &[usize]) -> Contest {
    type Pixels = Image<1, 28, 28>;
    type Halves = Image<32, 14, 14>;
    type Quarters = Image<64, 7, 7>;
    let model = AutoEncoder::builder()
        .encoder(
            Conv2d::<Pixels, Halves, 3>::new(Relu)
                .then(Conv2d::<Halves, Quarters, 3>::new(Relu))
                .then(Dense::<3136, 32>::new(Identity)),
        )
        .decoder(
            Dense::<32, 3136>::new(Relu)
                .then(ConvTranspose2d::<Quarters, Halves, 3>::new(Relu))
                .then(ConvTranspose2d::<Halves, Pixels, 3>::new(Sigmoid)),
        )
        .build()
        .expect("sizes fit");
    let layers = [(1, 32, 9), (32, 64, 9), (3136, 32, 1), (32, 3136, 1), (64, 32, 9), (32, 1, 9)];
    contest(model, &shared_kernels(&layers), on)
}

/// The same for windows of a series, without a dense layer, linear outputs.
fn series(on: &[usize]) -> Contest {
    type Steps = Window<8, 128>;
    type Halves = Window<16, 64>;
    type Quarters = Window<32, 32>;
    let model = AutoEncoder::builder()
        .encoder(
            Conv1d::<Steps, Halves, 5>::new(Relu).then(Conv1d::<Halves, Quarters, 5>::new(Relu)),
        )
        .decoder(ConvTranspose1d::<Quarters, Halves, 5>::new(Relu).then(ConvTranspose1d::<
            Halves,
            Steps,
            5,
        >::new(Identity)))
        .build()
        .expect("sizes fit");
    contest(model, &shared_kernels(&[(8, 16, 5), (16, 32, 5), (32, 16, 5), (16, 8, 5)]), on)
}

/// The convolutional autoencoder of the Keras blog: pooling, upsampling, and logits as outputs.
fn keras(on: &[usize]) -> Contest {
    let model = AutoEncoder::builder()
        .encoder(
            Conv2d::<Image<1, 28, 28>, Image<16, 28, 28>, 3>::new(Relu)
                .then(MaxPool2d::<Image<16, 28, 28>, Image<16, 14, 14>, 2>::new())
                .then(Conv2d::<Image<16, 14, 14>, Image<8, 14, 14>, 3>::new(Relu))
                .then(MaxPool2d::<Image<8, 14, 14>, Image<8, 7, 7>, 2>::new())
                .then(Conv2d::<Image<8, 7, 7>, Image<8, 7, 7>, 3>::new(Relu))
                .then(MaxPool2d::<Image<8, 7, 7>, Image<8, 4, 4>, 2>::new()),
        )
        .decoder(
            Conv2d::<Image<8, 4, 4>, Image<8, 4, 4>, 3>::new(Relu)
                .then(Upsample2d::<Image<8, 4, 4>, Image<8, 8, 8>>::nearest())
                .then(Conv2d::<Image<8, 8, 8>, Image<8, 8, 8>, 3>::new(Relu))
                .then(Upsample2d::<Image<8, 8, 8>, Image<8, 16, 16>>::nearest())
                .then(Conv2d::<Image<8, 16, 16>, Image<16, 14, 14>, 3>::new(Relu))
                .then(Upsample2d::<Image<16, 14, 14>, Image<16, 28, 28>>::nearest())
                .then(Conv2d::<Image<16, 28, 28>, Image<1, 28, 28>, 3>::new(Identity)),
        )
        .loss(BernoulliCrossEntropy)
        .build()
        .expect("sizes fit");
    let channels = [1, 16, 8, 8, 8, 8, 16, 1];
    let layers: Vec<_> = channels.windows(2).map(|pair| (pair[0], pair[1], 9)).collect();
    contest(model, &shared_kernels(&layers), on)
}

fn main() {
    contests(&[("strided 784", strided), ("series 1024", series), ("keras 784", keras)]);
}
