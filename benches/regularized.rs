//! Time of a training step of the regularized autoencoders that other libraries are compared in: `peers/run.py`.
//!
//! `cargo bench -p autoencoder-benches --bench regularized` prints the table. After `--`: `--json FILE` writes it as well,
//! `--threads 1,2` measures with one and with two threads (more than one need the feature `parallel`), `--quick`
//! makes one round, any other word takes only the cases whose name contains it.
//!
//! The loss in it is that of the first minibatch, with parameters that the other libraries start from too, and without
//! any randomness: it shows that all have the same objective.

use autoencoder::activation::{Identity, Relu, Sigmoid};
use autoencoder::corruption::Masking;
use autoencoder::*;

mod common;
use common::{Contest, contest, contests, shared_parameters};

/// One hidden layer, sigmoid after both layers, squared error.
fn shallow(
    inputs: usize,
    code: usize,
    penalty: Box<dyn Regularizer<f32>>,
    on: &[usize],
) -> Contest {
    let model = AutoEncoder::builder()
        .encoder(Dense::dynamic(inputs, code, Sigmoid))
        .decoder(Dense::dynamic(code, inputs, Sigmoid))
        .regularizer(penalty)
        .build()
        .expect("sizes fit");
    contest(model, &shared_parameters(&[(inputs, code), (code, inputs)]), on)
}

/// As most first examples of a variational autoencoder have it.
fn variational(on: &[usize]) -> Contest {
    let head = || Dense::dynamic(400, 20, Identity);
    let model = AutoEncoder::builder()
        .encoder(Gaussian::new(Dense::dynamic(784, 400, Relu), head(), head()))
        .decoder(Dense::dynamic(20, 400, Relu).then(Dense::dynamic(400, 784, Identity)))
        .regularizer(Variational::default())
        .loss(BernoulliCrossEntropy)
        .build()
        .expect("sizes fit");
    let layers = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)];
    contest(model, &shared_parameters(&layers), on)
}

fn sparse(on: &[usize]) -> Contest {
    shallow(784, 1024, Box::new(SparseKl::new(0.05, 0.1).expect("in range")), on)
}

fn contractive(on: &[usize]) -> Contest {
    shallow(784, 128, Box::new(Contractive::new(0.1).expect("in range")), on)
}

fn denoising(on: &[usize]) -> Contest {
    shallow(784, 128, Box::new(Denoising::new(Masking::new(0.3).expect("in range"))), on)
}

fn main() {
    contests(&[
        ("variational 784-400-20-400-784", variational),
        ("sparse 784-1024-784", sparse),
        ("contractive 784-128-784", contractive),
        ("denoising 784-128-784", denoising),
    ]);
}
