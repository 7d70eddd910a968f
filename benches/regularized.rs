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
use autoencoder::layer::Unconditioned;
use autoencoder::loss::{LossFor, WithInput};
use autoencoder::*;
use nalgebra::Dyn;

mod common;
use common::{Contestant, Words, in_turns, median, noise, shared_parameters, training, write_json};

const BATCH: usize = 128;

/// The loss, and the training on each number of threads.
type Contest = (f64, Vec<Contestant>);

/// Makes both.
type Maker = fn(&[usize]) -> Contest;

/// A model with the shared parameters of these layers, by inputs and outputs.
fn contest<E, D, R, L>(
    mut model: AutoEncoder<E, D, R, L>,
    layers: &[(usize, usize)],
    threads: &[usize],
) -> Contest
where
    AutoEncoder<E, D, R, L>: Clone,
    E: Part<Input = Dyn, Condition = Unconditioned> + 'static,
    D: Part + 'static,
    R: 'static,
    L: LossFor<D, Target = WithInput> + 'static,
{
    model.set_parameters(&shared_parameters(layers)).expect("as many");
    let features = model.encoder().num_inputs();
    let first = Batch::new(Dyn(features), noise(features * BATCH)).expect("whole samples");
    let loss = model.loss(&first).expect("finite").total();
    (loss, threads.iter().map(|&threads| training(model.clone(), BATCH, threads)).collect())
}

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
    contest(model, &[(inputs, code), (code, inputs)], on)
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
    contest(model, &[(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)], on)
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
    let mut words = Words::of_command_line();
    let (json, threads, is_quick) =
        (words.option("--json"), words.threads(), words.flag("--quick"));
    let cases: [(&str, Maker); 4] = [
        ("variational 784-400-20-400-784", variational),
        ("sparse 784-1024-784", sparse),
        ("contractive 784-128-784", contractive),
        ("denoising 784-128-784", denoising),
    ];
    println!(
        "{:<40} {:>7} {:>10} {:>6} {:>10}",
        "net (f32, Adam, batch 128)", "threads", "step µs", "±", "loss"
    );
    let mut rows = Vec::new();
    for (case, contest) in cases.into_iter().filter(|(case, _)| words.want(case)) {
        let (loss, contestants) = contest(&threads);
        for (threads, times) in threads.iter().zip(&mut in_turns(contestants, is_quick)) {
            let (step, spread) = median(times);
            println!("{case:<40} {threads:>7} {step:>10.1} {spread:>5.1}% {loss:>10.4}");
            rows.push(format!(
                r#"{{"case":"{case}","batch":{BATCH},"threads":{threads},"step_us":{step},"spread_percent":{spread},"value":{loss}}}"#
            ));
        }
    }
    write_json(json, &rows);
}
