//! Time of a training step beside that of the same products by nalgebra, measured in turns in the same run.
//!
//! `cargo bench -p autoencoder-benches --bench throughput` prints the table. After `--`: `--json FILE` writes it as well,
//! `--growth` adds how the cost grows with batch and width, `--plugins` adds what each plugin costs
//! over the plain step, `--objectives` what each variational objective, prior and loss costs over the plain
//! variational step, `--epoch` times an epoch of MNIST's size and says what memory it takes,
//! `--threads 1,2` measures with one and with two threads (more than one need
//! the feature `parallel`), `--quick` makes one round, any other word takes only the cases whose name contains it.

use std::hint::black_box;
use std::time::Instant;

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::corruption::{Gaussian as GaussianNoise, Masking, SaltAndPepper};
use autoencoder::layer::AnyPart;
use autoencoder::prior::{GaussianMixture, VampPrior};
use autoencoder::regularizer::Kernel;
use autoencoder::*;
use nalgebra::{DMatrix, DMatrixView, Dyn};

mod common;
use common::{
    Contestant, ROUNDS, STEPS, Words, in_turns, median, most_memory, noise, training, write_json,
};

fn name(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

fn net(sizes: &[usize]) -> layer::Any<f32> {
    let layers = sizes.windows(2).map(|pair| Dense::dynamic(pair[0], pair[1], Sigmoid).boxed());
    layer::Any::of(layers).expect("at least one layer")
}

/// A plain autoencoder through these sizes, sigmoid everywhere.
fn plain(sizes: &[usize], batch: usize, threads: usize) -> Contestant {
    let middle = sizes.len() / 2;
    let model = AutoEncoder::builder().encoder(net(&sizes[..=middle]));
    let model = model.decoder(net(&sizes[middle..])).build().expect("sizes fit");
    training(model, batch, threads)
}

/// All products of one step, by nalgebra alone, on matrices of the same sizes.
fn bare_products(sizes: &[usize], batch: usize) -> Contestant {
    let matrix = |rows, columns| DMatrix::from_vec(rows, columns, noise(rows * columns));
    let weights: Vec<_> = sizes.windows(2).map(|pair| matrix(pair[1], pair[0])).collect();
    let mut gradients = weights.clone();
    let mut values: Vec<_> = sizes.iter().map(|&size| matrix(size, batch)).collect();
    Box::new(move |times| {
        for _ in 0..STEPS {
            let start = Instant::now();
            for (layer, weight) in weights.iter().enumerate() {
                let (inputs, outputs) = values.split_at_mut(layer + 1);
                outputs[0].gemm(1.0, weight, &inputs[layer], 0.0);
            }
            for (layer, weight) in weights.iter().enumerate().rev() {
                let (inputs, outputs) = values.split_at_mut(layer + 1);
                gradients[layer].gemm(1.0, &outputs[0], &transposed(&inputs[layer]), 0.0);
                if layer > 0 {
                    inputs[layer].gemm(1.0, &transposed(weight), &outputs[0], 0.0);
                }
            }
            times.push(start.elapsed().as_secs_f64() * 1e6);
            black_box(&gradients);
            values.iter_mut().for_each(|value| value.fill(0.5)); // so that nothing overflows
        }
    })
}

fn transposed(matrix: &DMatrix<f32>) -> DMatrixView<'_, f32, Dyn, Dyn> {
    let (rows, columns) = (Dyn(matrix.ncols()), Dyn(matrix.nrows()));
    DMatrixView::from_slice_with_strides_generic(matrix.as_slice(), rows, columns, columns, Dyn(1))
}

/// One case on each number of threads; a line each, as JSON.
fn steps(sizes: &[usize], batch: usize, threads: &[usize], is_quick: bool) -> Vec<String> {
    let case = name(sizes);
    let mut contestants = vec![bare_products(sizes, batch)];
    contestants.extend(threads.iter().map(|&threads| plain(sizes, batch, threads)));
    let mut times = in_turns(contestants, is_quick);
    let (products, _) = median(&mut times[0]);
    // Forward, weights' gradients and gradients passed down; the last is not needed for inputs.
    let weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let flop = (2 * batch * (3 * weights - sizes[0] * sizes[1])) as f64;
    let rows = threads.iter().zip(&mut times[1..]).map(|(threads, times)| {
        let (step, spread) = median(times);
        let (rate, speed, ratio) = (batch as f64 / step * 1e6, flop / step / 1e3, step / products);
        println!(
            "{case:<40} {batch:>5} {threads:>7} {step:>10.1} {spread:>5.1}% {rate:>10.0} {speed:>7.1} {products:>10.1} {ratio:>6.2}"
        );
        format!(
            r#"{{"case":"{case}","batch":{batch},"threads":{threads},"step_us":{step},"spread_percent":{spread},"flop":{flop},"products_us":{products}}}"#
        )
    });
    rows.collect()
}

/// What each plugin costs over a plain step through the same products.
fn plugins(is_quick: bool) {
    const BATCH: usize = 128;
    println!("\n{:<40} {:>10} {:>10} {:>7}", "plugin, 784-128-784", "plain µs", "step µs", "cost");
    let model = || {
        let builder = AutoEncoder::builder().encoder(Dense::dynamic(784, 128, Sigmoid));
        builder.decoder(Dense::dynamic(128, 784, Sigmoid))
    };
    macro_rules! with {
        ($regularizer:expr) => {
            training(model().regularizer($regularizer.unwrap()).build().unwrap(), BATCH, 1)
        };
    }
    let variational = || {
        let head = || Dense::dynamic(128, 20, Identity);
        let builder = AutoEncoder::builder()
            .encoder(Gaussian::new(Dense::dynamic(784, 128, Sigmoid), head(), head()))
            .decoder(Dense::dynamic(20, 128, Sigmoid).then(Dense::dynamic(128, 784, Identity)));
        builder.loss(BernoulliCrossEntropy)
    };
    let simple =
        |name: &'static str, with| (name, training(model().build().unwrap(), BATCH, 1), with);
    let contests = [
        simple("SparseKl", with!(SparseKl::new(0.1, 0.1))),
        simple("Contractive, closed form", with!(Contractive::new(0.1))),
        simple("Denoising, masking", with!(Masking::new(0.3).map(Denoising::new))),
        simple("Denoising, salt and pepper", with!(SaltAndPepper::new(0.3).map(Denoising::new))),
        simple("Denoising, Gaussian noise", with!(GaussianNoise::new(0.3).map(Denoising::new))),
        simple("CodeL1", with!(CodeL1::new(0.1))),
        simple("WeightDecay", with!(WeightDecay::new(0.1))),
        (
            "Variational, 784-128-2×20-128-784",
            training(variational().build().unwrap(), BATCH, 1),
            training(variational().regularizer(Variational::default()).build().unwrap(), BATCH, 1),
        ),
    ];
    for (plugin, without, with) in contests {
        let mut times = in_turns(vec![without, with], is_quick);
        let ((without, _), (with, _)) = (median(&mut times[0]), median(&mut times[1]));
        let cost = 100.0 * (with / without - 1.0);
        println!("{plugin:<40} {without:>10.1} {with:>10.1} {cost:>+6.1}%");
    }
}

type AnyObjective = Box<dyn Regularizer<f32>>;
type AnyLoss = Box<dyn Loss<f32>>;

/// A training of a variational model through these sizes: inputs, hidden units, code.
fn variational(sizes: [usize; 3], objective: AnyObjective, loss: AnyLoss) -> Contestant {
    let [inputs, hidden, code] = sizes;
    let head = || Dense::dynamic(hidden, code, Identity);
    let builder = AutoEncoder::builder()
        .encoder(Gaussian::new(Dense::dynamic(inputs, hidden, Sigmoid), head(), head()))
        .decoder(
            Dense::dynamic(code, hidden, Sigmoid).then(Dense::dynamic(hidden, inputs, Identity)),
        );
    training(builder.regularizer(objective).loss(loss).build().expect("sizes fit"), 128, 1)
}

/// The objectives beside the plain one, each with the samples of an epoch and a weight that keeps it tame.
fn objectives() -> Vec<(&'static str, AnyObjective)> {
    let plain = Variational::default;
    let iw = |draws| ImportanceWeighted::new(draws).expect("in range");
    let mmd = || Mmd::new(1.0).expect("in range");
    let mixture = || GaussianMixture::new(10).expect("in range");
    let vamp = |inputs| VampPrior::new(inputs).expect("in range");
    let correlation = TotalCorrelation::new(1.0, 128 * STEPS).expect("in range");
    vec![
        ("Variational", Box::new(plain())),
        ("free bits", Box::new(plain().free_bits(0.1).expect("in range"))),
        ("5 draws", Box::new(plain().draws(5).expect("in range"))),
        ("ImportanceWeighted, 1 draw", Box::new(iw(1))),
        ("ImportanceWeighted, 5 draws", Box::new(iw(5))),
        ("Mmd, inverse multiquadratic", Box::new((plain(), mmd()))),
        ("Mmd, Gaussian", Box::new((plain(), mmd().kernel(Kernel::Gaussian)))),
        ("TotalCorrelation", Box::new((plain(), correlation))),
        ("Binarize", Box::new((plain(), Binarize))),
        ("GaussianMixture of 10", Box::new(plain().prior(mixture()))),
        ("VampPrior of 10", Box::new(plain().prior(vamp(10)))),
        ("VampPrior of 500", Box::new(plain().prior(vamp(500)))),
    ]
}

/// What each variational objective, prior and loss costs over the plain variational step.
fn over_the_variational_step(is_quick: bool) {
    for sizes in [[784, 400, 20], [32, 64, 8]] {
        let [inputs, hidden, code] = sizes;
        let net = format!("over {inputs}-{hidden}-2×{code}-{hidden}-{inputs}, batch 128");
        println!("\n{net:<48} {:>10} {:>7}", "step µs", "ratio");
        let of = |objective| variational(sizes, objective, Box::new(BernoulliCrossEntropy));
        let (mut names, mut contestants): (Vec<_>, Vec<_>) =
            objectives().into_iter().map(|(name, objective)| (name, of(objective))).unzip();
        macro_rules! loss {
            ($name:literal, $loss:expr) => {
                names.push($name);
                let plain = Box::new(Variational::default());
                contestants.push(variational(sizes, plain, Box::new($loss)));
            };
        }
        let categorical = |groups: &[usize]| Categorical::new(groups).expect("in range");
        loss!("GaussianLikelihood", GaussianLikelihood::new(0.5).expect("in range"));
        loss!("LearnedGaussian, shared", LearnedGaussian::shared());
        loss!("LearnedGaussian, per feature", LearnedGaussian::per_feature());
        loss!("Categorical, groups of 4", categorical(&vec![4; inputs / 4]));
        let quarter = inputs / 4;
        let mixed = Mixed::new()
            .columns(quarter, LearnedGaussian::per_feature())
            .columns(quarter, BernoulliCrossEntropy)
            .columns(quarter, categorical(&[quarter]))
            .columns(quarter, LaplaceLikelihood::new(0.5).expect("in range"));
        loss!("Mixed, of four kinds", mixed);
        let mut times = in_turns(contestants, is_quick);
        let (plain, _) = median(&mut times[0]);
        for (name, times) in names.iter().zip(&mut times) {
            let (step, _) = median(times);
            println!("{name:<48} {step:>10.1} {:>6.2}×", step / plain);
        }
    }
}

/// One epoch over as much data as MNIST has, and the most memory it took beyond that data.
fn epoch() {
    const IMAGES: usize = 60_000;
    let data = Batch::new(Dyn(784), noise(784 * IMAGES)).expect("whole samples");
    let model = || {
        let builder = AutoEncoder::builder().encoder(Dense::dynamic(784, 128, Sigmoid));
        builder.decoder(Dense::dynamic(128, 784, Sigmoid)).build::<f32>().expect("sizes fit")
    };
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut model = model();
            let adam = Adam::new(1e-3).expect("in range");
            let start = Instant::now();
            let mut trainer = Trainer::new(adam).epochs(1).batch_size(128);
            trainer.fit(&mut model, &data).expect("finite");
            start.elapsed().as_secs_f64()
        })
        .collect();
    let (seconds, spread) = median(&mut times);
    println!("an epoch of 60,000 × 784, 784-128-784, batch 128: {seconds:.3} s ± {spread:.1}%");
    if let Some(most) = most_memory() {
        let beyond = most - (784 * IMAGES * 4) as f64 / f64::from(1 << 20);
        println!("most memory, beyond the data's: {beyond:.1} MiB\n");
    }
}

fn main() {
    let mut words = Words::of_command_line();
    let (with_growth, with_plugins) = (words.flag("--growth"), words.flag("--plugins"));
    let (with_epoch, with_objectives) = (words.flag("--epoch"), words.flag("--objectives"));
    let (json, threads, is_quick) =
        (words.option("--json"), words.threads(), words.flag("--quick"));
    let deep = [784, 1000, 500, 250, 30, 250, 500, 1000, 784];
    let mut cases: Vec<(Vec<usize>, usize)> = vec![
        (vec![64, 32, 64], 128),
        (vec![784, 128, 784], 128),
        (vec![784, 256, 64, 256, 784], 128),
        (deep.to_vec(), 128),
        (deep.to_vec(), 512),
    ];
    if with_growth {
        cases.extend((0..=10).map(|power| (vec![784, 128, 784], 1 << power)));
        cases.extend((6..=11).map(|power| (vec![1 << power, 128, 1 << power], 128)));
    }
    if with_epoch {
        epoch(); // first, so that the most memory is that of this alone
    }
    println!(
        "{:<40} {:>5} {:>7} {:>10} {:>6} {:>10} {:>7} {:>10} {:>6}",
        "net (f32, sigmoid, squared error, Adam)",
        "batch",
        "threads",
        "step µs",
        "±",
        "samples/s",
        "GFLOP/s",
        "products",
        "ratio"
    );
    let mut rows = Vec::new();
    for (sizes, batch) in cases {
        if words.want(&name(&sizes)) {
            rows.extend(steps(&sizes, batch, &threads, is_quick));
        }
    }
    if with_plugins {
        plugins(is_quick);
    }
    if with_objectives {
        over_the_variational_step(is_quick);
    }
    write_json(json, &rows);
}
