//! Time of a training step beside that of its bare products, measured in the same run.
//!
//! `cargo bench --bench throughput` prints the table. After `--`: `--json FILE` writes it as well,
//! `--growth` adds how the cost grows with batch and width, `--threads 1,2` measures
//! with one and with two threads (more than one need the feature `parallel`), any other word takes
//! only the cases whose name contains it.

use std::hint::black_box;
use std::time::Instant;

use autoencoder::activation::Sigmoid;
use autoencoder::nalgebra::{DMatrix, DMatrixView, Dyn};
use autoencoder::train::Event;
use autoencoder::{Adam, AutoEncoder, Batch, Build, Dense, Layer, Then, Trainer, range};

/// Steps and seconds that are measured at the least, for each case.
const STEPS: usize = 30;
const SECONDS: f64 = 1.0;

/// One line of the table; times in microseconds.
struct Row {
    case: String,
    batch: usize,
    threads: usize,
    step: f64,
    spread: f64,
    products: f64,
    flop: f64,
}

impl Row {
    fn measure(sizes: &[usize], batch: usize, threads: usize) -> Self {
        let case = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let (step, spread) = median(training_steps(sizes, batch, threads));
        let (products, _) = median(bare_products(sizes, batch));
        // Forward, weights' gradients and gradients passed down; the last is not needed for inputs.
        let weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let flop = (2 * batch * (3 * weights - sizes[0] * sizes[1])) as f64;
        Self { case, batch, threads, step, spread, products, flop }
    }

    fn print(&self) {
        let Self { case, batch, threads, step, spread, products, flop } = self;
        let (rate, speed) = (*batch as f64 / step * 1e6, flop / step / 1e3);
        let ratio = step / products;
        println!(
            "{case:<40} {batch:>5} {threads:>7} {step:>10.1} {spread:>5.1}% {rate:>10.0} {speed:>7.1} {products:>10.1} {ratio:>6.2}"
        );
    }

    fn json(&self) -> String {
        let Self { case, batch, threads, step, spread, products, flop } = self;
        format!(
            r#"{{"case":"{case}","batch":{batch},"threads":{threads},"step_us":{step},"spread_percent":{spread},"flop":{flop},"products_us":{products}}}"#
        )
    }
}

/// The median, and half the distance between the quartiles as a percentage of it.
fn median(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    (at(0.5), 50.0 * (at(0.75) - at(0.25)) / at(0.5))
}

/// Values from 0 to 1 without structure.
fn noise(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    std::iter::repeat_with(draw).take(len).collect()
}

type Net = Box<dyn Layer<Scalar = f32, Input = Dyn, Output = Dyn, Range = range::UnitInterval>>;

fn net(sizes: &[usize]) -> Net {
    let first = Dense::dynamic(sizes[0], sizes[1], Sigmoid);
    if sizes.len() == 2 {
        return Box::new(Build::<f32>::build(first));
    }
    Box::new(Build::<f32>::build(first.then(net(&sizes[1..]))))
}

/// Times between the steps of a training, as its observer hears of them.
fn training_steps(sizes: &[usize], batch: usize, threads: usize) -> Vec<f64> {
    let middle = sizes.len() / 2;
    let mut model = AutoEncoder::builder()
        .encoder(net(&sizes[..=middle]))
        .decoder(net(&sizes[middle..]))
        .build::<f32>()
        .expect("sizes fit");
    let data = Batch::new(Dyn(sizes[0]), noise(sizes[0] * batch * STEPS)).expect("whole samples");
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < STEPS || begin.elapsed().as_secs_f64() < SECONDS {
        let mut last: Option<Instant> = None;
        let adam = Adam::new(1e-3).expect("in range");
        let observe = |event: &Event<'_>| {
            if let Event::Batch(_) = event {
                times.extend(last.map(|last| last.elapsed().as_secs_f64() * 1e6));
                last = Some(Instant::now());
            }
        };
        let trainer = Trainer::new(adam).epochs(2).batch_size(batch).observer(observe);
        #[cfg(feature = "parallel")]
        let mut trainer = trainer.threads(threads);
        #[cfg(not(feature = "parallel"))]
        let mut trainer = trainer;
        #[cfg(not(feature = "parallel"))]
        assert_eq!(threads, 1, "more than one thread needs `--features parallel`");
        trainer.fit(&mut model, &data).expect("finite");
    }
    times
}

/// All products of one step, by nalgebra alone, on matrices of the same sizes.
fn bare_products(sizes: &[usize], batch: usize) -> Vec<f64> {
    let matrix = |rows, columns| DMatrix::from_vec(rows, columns, noise(rows * columns));
    let weights: Vec<_> = sizes.windows(2).map(|pair| matrix(pair[1], pair[0])).collect();
    let mut gradients = weights.clone();
    let mut values: Vec<_> = sizes.iter().map(|&size| matrix(size, batch)).collect();
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < STEPS || begin.elapsed().as_secs_f64() < SECONDS {
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
    times
}

fn transposed(matrix: &DMatrix<f32>) -> DMatrixView<'_, f32, Dyn, Dyn> {
    let (rows, columns) = (Dyn(matrix.ncols()), Dyn(matrix.nrows()));
    DMatrixView::from_slice_with_strides_generic(matrix.as_slice(), rows, columns, columns, Dyn(1))
}

fn main() {
    let mut words: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let growth = words.iter().position(|word| word == "--growth").map(|at| words.remove(at));
    let mut option = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.remove(at);
        (at < words.len()).then(|| words.remove(at))
    };
    let json = option("--json");
    let threads: Vec<usize> = option("--threads")
        .as_deref()
        .unwrap_or("1")
        .split(',')
        .map(|count| count.parse().expect("a number of threads"))
        .collect();
    let deep = [784, 1000, 500, 250, 30, 250, 500, 1000, 784];
    let mut cases: Vec<(Vec<usize>, usize)> = vec![
        (vec![64, 32, 64], 128),
        (vec![784, 128, 784], 128),
        (vec![784, 256, 64, 256, 784], 128),
        (deep.to_vec(), 128),
        (deep.to_vec(), 512),
    ];
    if growth.is_some() {
        cases.extend((0..=10).map(|power| (vec![784, 128, 784], 1 << power)));
        cases.extend((6..=11).map(|power| (vec![1 << power, 128, 1 << power], 128)));
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
        let name = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        if words.iter().all(|word| name.contains(word.as_str())) {
            for &threads in &threads {
                let row = Row::measure(&sizes, batch, threads);
                row.print();
                rows.push(row);
            }
        }
    }
    if let Some(file) = json {
        let rows: Vec<String> = rows.iter().map(Row::json).collect();
        if let Err(error) = std::fs::write(&file, format!("[{}]\n", rows.join(",\n"))) {
            eprintln!("{file}: {error}");
        }
    }
}
