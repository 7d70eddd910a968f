//! Expect: held-out losses of small nets by activation and by how their first weights are drawn.
//!
//! ```sh
//! cargo run --release --example first_weights --features gzip -- --data DIR [--seeds N] [--set S] [--model M] [--activation A]
//! cargo run --release --example first_weights -- --quick
//! ```
//! DIR holds MNIST's files in `mnist`; the embedded digits and generated sensors need none. `--quick` takes these two,
//! for two epochs. A set is `digits`, `sensors` or `mnist`, a model `plain` or `variational`, an
//! activation `Relu` and its like.

use std::path::{Path, PathBuf};

use autoencoder::activation::{Elu, Gelu, Identity, LeakyRelu, Relu, Sigmoid, Softplus, Tanh};
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::init::{Glorot, He, Initializer, PyTorch};
use autoencoder::nalgebra::Dyn;
use autoencoder::{
    Activation, Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Dense, Gaussian, Result, Then,
    Trainer, Variational, datasets,
};

type Chosen = Box<dyn Activation<f32>>;
/// Trains one of an activation, an initialiser and a seed, and gives its held-out loss.
type Run = fn(&Task, &Chosen, usize, u64) -> Result<f64>;

/// Samples to train on and to look at afterwards, and how long.
struct Task {
    name: &'static str,
    train: Batch<f32, Dyn>,
    test: Batch<f32, Dyn>,
    hidden: usize,
    code: usize,
    epochs: usize,
}

fn initializer(index: usize) -> Box<dyn Initializer> {
    match index {
        0 => Box::new(Glorot),
        1 => Box::new(He),
        _ => Box::new(PyTorch),
    }
}

const INITIALIZERS: [&str; 3] = ["Glorot", "He", "PyTorch"];

fn layer(
    inputs: usize,
    outputs: usize,
    activation: Chosen,
    init: usize,
) -> autoencoder::layer::DenseLayer<Dyn, Dyn, Chosen> {
    Dense::dynamic(inputs, outputs, activation).init(initializer(init))
}

fn trainer(task: &Task, seed: u64) -> Result<Trainer<'static, Adam>> {
    Ok(Trainer::new(Adam::new(1e-3)?).epochs(task.epochs).batch_size(128).seed(seed))
}

/// features-hidden-code-hidden-features, squared error.
fn plain(task: &Task, activation: &Chosen, init: usize, seed: u64) -> Result<f64> {
    let Task { hidden, code, .. } = *task;
    let features = task.train.features();
    let linear = || -> Chosen { Box::new(Identity) };
    let mut model = AutoEncoder::builder()
        .encoder(layer(features, hidden, activation.clone(), init).then(layer(
            hidden,
            code,
            linear(),
            init,
        )))
        .decoder(layer(code, hidden, activation.clone(), init).then(layer(
            hidden,
            features,
            linear(),
            init,
        )))
        .seed(seed)
        .build::<f32>()?;
    trainer(task, seed)?.fit(&mut model, &task.train)?;
    Ok(model.loss(&task.test)?.total())
}

/// The same with a Gaussian code of the same size and a Bernoulli likelihood: −ELBO with one drawn code, in nats.
fn variational(task: &Task, activation: &Chosen, init: usize, seed: u64) -> Result<f64> {
    let Task { hidden, code, .. } = *task;
    let features = task.train.features();
    let linear = || -> Chosen { Box::new(Identity) };
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            layer(features, hidden, activation.clone(), init),
            layer(hidden, code, linear(), init),
            layer(hidden, code, linear(), init),
        ))
        .decoder(layer(code, hidden, activation.clone(), init).then(layer(
            hidden,
            features,
            linear(),
            init,
        )))
        .regularizer(Variational::new(1.0)?)
        .loss(BernoulliCrossEntropy)
        .seed(seed)
        .build::<f32>()?;
    trainer(task, seed)?.fit(&mut model, &task.train)?;
    let mut rng = autoencoder::random::seeded(seed);
    Ok(-model.elbo(&task.test, 1, &mut rng)?.value())
}

fn tasks(data: Option<&Path>, is_quick: bool) -> Result<Vec<Task>> {
    let digits = datasets::digits::<f32>();
    let epochs = |many: usize| if is_quick { 2 } else { many };
    let mut tasks = vec![Task {
        name: "digits",
        train: dynamic(digits.train.iter()),
        test: dynamic(digits.test.iter()),
        hidden: 64,
        code: 8,
        epochs: epochs(60),
    }];
    let mut sensors = datasets::sensors::<f32>(6000, 1)?.normal();
    Normalizer::fit(Normalization::Standardize, &sensors)?.apply(sensors.view_mut())?;
    let half = sensors.samples() / 2;
    tasks.push(Task {
        name: "sensors",
        train: dynamic(sensors.iter().take(half)),
        test: dynamic(sensors.iter().skip(half)),
        hidden: 32,
        code: 3,
        epochs: epochs(60),
    });
    if let Some(folder) = data {
        let (train, test) = mnist(folder)?;
        tasks.push(Task { name: "mnist", train, test, hidden: 400, code: 20, epochs: epochs(10) });
    }
    Ok(tasks)
}

fn dynamic<'a>(samples: impl Iterator<Item = &'a [f32]>) -> Batch<f32, Dyn> {
    let samples: Vec<&[f32]> = samples.collect();
    let features = samples[0].len();
    Batch::new(Dyn(features), samples.concat()).expect("samples of one size")
}

#[cfg(feature = "gzip")]
fn mnist(folder: &Path) -> Result<(Batch<f32, Dyn>, Batch<f32, Dyn>)> {
    use autoencoder::data::{Idx, Source};
    let open = |part: &str| {
        let path = folder.join(format!("mnist/{part}-images-idx3-ubyte.gz"));
        Idx::<f32, Dyn>::open(path)?.scale(1.0 / 255.0)?.load()
    };
    Ok((open("train")?, open("t10k")?))
}

#[cfg(not(feature = "gzip"))]
fn mnist(_: &Path) -> Result<(Batch<f32, Dyn>, Batch<f32, Dyn>)> {
    panic!("MNIST is packed: `--features gzip`")
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        arguments.iter().position(|argument| argument == name).map(|at| arguments[at + 1].clone())
    };
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let seeds = after("--seeds").map_or(if is_quick { 1 } else { 3 }, |n| n.parse().unwrap());
    let data = after("--data").map(PathBuf::from);
    let activations: [Chosen; 7] = [
        Box::new(Relu),
        Box::new(LeakyRelu::new(0.01)?),
        Box::new(Elu::new(1.0)?),
        Box::new(Gelu),
        Box::new(Softplus),
        Box::new(Tanh),
        Box::new(Sigmoid),
    ];
    println!("held-out loss, mean of {seeds} seeds (standard deviation)\n");
    print!("{:<10} {:<12} {:<26}", "set", "model", "activation");
    INITIALIZERS.iter().for_each(|name| print!(" {name:>20}"));
    println!();
    for task in tasks(data.as_deref(), is_quick)? {
        if after("--set").is_some_and(|name| name != task.name) {
            continue;
        }
        let models: [(&str, Run); 2] = [("plain", plain), ("variational", variational)];
        for (name, run) in models {
            // Sensors have values that no Bernoulli variable has.
            let is_possible = name == "plain" || task.name != "sensors";
            if !is_possible || after("--model").is_some_and(|model| model != name) {
                continue;
            }
            for activation in &activations {
                let description = activation.describe();
                if after("--activation").is_some_and(|name| !description.starts_with(&name)) {
                    continue;
                }
                print!("{:<10} {name:<12} {description:<26}", task.name);
                for init in 0..INITIALIZERS.len() {
                    let losses: Result<Vec<f64>> =
                        (0..seeds).map(|seed| run(&task, activation, init, seed)).collect();
                    let losses = losses?;
                    let mean = losses.iter().sum::<f64>() / seeds as f64;
                    let variance = losses.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
                    let sd = (variance / (seeds.max(2) - 1) as f64).sqrt();
                    print!(" {:>20}", format!("{mean:.4} ({sd:.4})"));
                    std::io::Write::flush(&mut std::io::stdout()).expect("standard output");
                }
                println!();
            }
        }
    }
    Ok(())
}
