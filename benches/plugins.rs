//! Time of each plugin alone and of each call of a model, on one thread.
//!
//! Element-wise plugins work on 100,352 elements, the outputs of 784 units for a batch of 128, so
//! that 100 µs are about 1 ns an element.

use std::hint::black_box;

use autoencoder::activation::*;
use autoencoder::corruption::{self, Corruption, Masking, SaltAndPepper};
use autoencoder::layer::Pass;
use autoencoder::loss::Compared;
use autoencoder::optimizer::Step;
use autoencoder::parameters::Role;
use autoencoder::random::{Streams, seeded};
use autoencoder::*;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nalgebra::Const;

const FEATURES: usize = 784;
const SAMPLES: usize = 128;
const ELEMENTS: usize = FEATURES * SAMPLES;

type Images = Batch<f32, Const<FEATURES>>;

/// Values between 0 and 1 without structure.
fn noise(len: usize) -> Vec<f32> {
    let mut rng = seeded(1);
    (0..len).map(|_| f32::draw_uniform(&mut rng)).collect()
}

fn images() -> Images {
    Batch::new(Const, noise(ELEMENTS)).expect("whole samples")
}

fn activations(c: &mut Criterion) {
    let mut group = c.benchmark_group("activation");
    group.throughput(Throughput::Elements(ELEMENTS as u64));
    let z = noise(ELEMENTS);
    let all: [(&str, Box<dyn Activation<f32>>); 8] = [
        ("Identity", Box::new(Identity)),
        ("Relu", Box::new(Relu)),
        ("LeakyRelu", Box::new(LeakyRelu::default())),
        ("Elu", Box::new(Elu::default())),
        ("Gelu", Box::new(Gelu)),
        ("Sigmoid", Box::new(Sigmoid)),
        ("Tanh", Box::new(Tanh)),
        ("Softplus", Box::new(Softplus)),
    ];
    for (name, activation) in all {
        let mut h = z.clone();
        group.bench_function(format!("{name} value"), |b| {
            b.iter(|| {
                h.copy_from_slice(black_box(&z));
                activation.apply(&mut h);
            });
        });
        let mut dh = z.clone();
        group.bench_function(format!("{name} derivative"), |b| {
            b.iter(|| {
                dh.copy_from_slice(black_box(&z));
                activation.backward(&z, &h, &mut dh);
            });
        });
    }
}

fn losses(c: &mut Criterion) {
    let mut group = c.benchmark_group("loss");
    group.throughput(Throughput::Elements(ELEMENTS as u64));
    let (x, y) = (images(), images());
    let all: [(&str, Box<dyn Loss<f32>>); 6] = [
        ("SquaredError", Box::new(SquaredError)),
        ("BernoulliCrossEntropy", Box::new(BernoulliCrossEntropy)),
        ("Huber", Box::new(Huber::default())),
        ("ContinuousBernoulli", Box::new(ContinuousBernoulli)),
        ("GaussianLikelihood", Box::new(GaussianLikelihood::new(0.5).unwrap())),
        ("LaplaceLikelihood", Box::new(LaplaceLikelihood::new(0.5).unwrap())),
    ];
    let (mut values, weights, mut dy) = ([0.0; SAMPLES], [1.0; SAMPLES], images());
    let at = Compared { x: x.view(), y: y.view(), parameters: &[] };
    for (name, loss) in all {
        group.bench_function(format!("{name} value"), |b| {
            b.iter(|| loss.values(black_box(at), &mut values));
        });
        group.bench_function(format!("{name} gradient"), |b| {
            b.iter(|| loss.gradient(black_box(at), &weights, dy.view_mut()));
        });
    }
}

fn corruptions(c: &mut Criterion) {
    let mut group = c.benchmark_group("corruption");
    group.throughput(Throughput::Elements(ELEMENTS as u64));
    let all: [(&str, Box<dyn Corruption<f32>>); 3] = [
        ("Masking", Box::new(Masking::new(0.3).expect("in range"))),
        ("SaltAndPepper", Box::new(SaltAndPepper::new(0.3).expect("in range"))),
        ("Gaussian", Box::new(corruption::Gaussian::new(0.3).expect("in range"))),
    ];
    let samples: Vec<usize> = (0..SAMPLES).collect();
    for (name, corruption) in all {
        let mut x = images();
        group.bench_function(name, |b| {
            b.iter(|| {
                let streams = Streams::new(1, 1, &samples);
                let columns = x.as_mut_slice().chunks_exact_mut(FEATURES);
                for (column, sample) in columns.enumerate() {
                    corruption.corrupt(sample, &mut streams.sample(column));
                }
            });
        });
    }
}

fn optimizers(c: &mut Criterion) {
    let mut group = c.benchmark_group("optimizer");
    group.throughput(Throughput::Elements(ELEMENTS as u64));
    let sgd = Sgd::new(1e-3).expect("in range");
    let rms = RmsProp::new(1e-3).expect("in range");
    let all: [(&str, Box<dyn Optimizer<f32>>); 7] = [
        ("Sgd", Box::new(sgd)),
        ("Sgd with momentum", Box::new(sgd.momentum(0.9).expect("in range"))),
        ("Sgd, Nesterov", Box::new(sgd.nesterov(0.9).expect("in range"))),
        ("RmsProp", Box::new(rms)),
        ("RmsProp with momentum", Box::new(rms.momentum(0.9).expect("in range"))),
        ("Adam", Box::new(Adam::new(1e-3).expect("in range"))),
        ("AdamW", Box::new(AdamW::new(1e-3, 0.01).expect("in range"))),
    ];
    let (parameters, mut gradient) = (noise(ELEMENTS), noise(ELEMENTS));
    for (name, optimizer) in all {
        let mut state = vec![0.0; optimizer.states() * ELEMENTS];
        let step = Step::new(1, optimizer.rate(), Role::Weight);
        group.bench_function(name, |b| {
            b.iter(|| optimizer.step(&step, &parameters, &mut state, black_box(&mut gradient)));
        });
    }
}

fn metrics(c: &mut Criterion) {
    const CODE: usize = 64;
    let mut group = c.benchmark_group("metrics");
    group.sample_size(10);
    let codes = Batch::<f32, Const<CODE>>::new(Const, noise(CODE * 10_000)).expect("whole samples");
    group.bench_function("nearest 10 of 10,000 codes of 64 for 10,000", |b| {
        b.iter(|| autoencoder::metrics::nearest(black_box(&codes), &codes, 10).expect("finite"));
    });
}

fn layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("layer");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    let layer: Box<dyn Layer<f32>> = Box::new(Dense::<FEATURES, 128>::new(Sigmoid));
    let mut parameters = vec![0.0; layer.num_parameters()];
    layer.draw_parameters(&mut parameters, &mut seeded(1));
    let (x, mut dx) = (images(), images());
    let mut y = Batch::<f32, Const<128>>::zeros(Const, SAMPLES);
    let mut tape = vec![0.0; layer.tape_len(SAMPLES)];
    let mut scratch = vec![0.0; layer.scratch_len(SAMPLES)];
    group.bench_function("Dense 784→128 forward", |b| {
        b.iter(|| {
            let (x, y) = (black_box(x.view()), y.view_mut());
            layer.forward(&parameters, x, y, &mut tape, &mut scratch);
        });
    });
    let mut dy = y.clone();
    let mut gradient = parameters.clone();
    group.bench_function("Dense 784→128 backward", |b| {
        b.iter(|| {
            dy.as_mut_slice().copy_from_slice(y.as_slice());
            let (x, y) = (x.view(), y.view());
            let pass = Pass { parameters: &parameters, x, y, tape: &tape };
            let (dx, gradient) = (Some(dx.view_mut()), Some(&mut gradient[..]));
            layer.backward(pass, dy.view_mut(), dx, gradient, &mut scratch);
        });
    });
}

/// A whole objective with its gradient, by regularizer.
fn regularizers(c: &mut Criterion) {
    let mut group = c.benchmark_group("objective and gradient, 784-128-784");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    let x = images();
    macro_rules! with {
        ($name:literal, $regularizer:expr) => {
            let model = AutoEncoder::builder()
                .encoder(Dense::<FEATURES, 128>::new(Sigmoid))
                .decoder(Dense::<128, FEATURES>::new(Sigmoid))
                .regularizer($regularizer)
                .build::<f32>()
                .expect("sizes fit");
            let mut gradient = model.parameters().to_vec();
            let samples: Vec<usize> = (0..SAMPLES).collect();
            group.bench_function($name, |b| {
                b.iter(|| {
                    let streams = Some(Streams::new(1, 1, &samples));
                    model.objective(&x, streams, Some(&mut gradient)).expect("finite")
                });
            });
        };
    }
    with!("none", NoRegularizer);
    with!("SparseKl", SparseKl::new(0.1, 0.1).expect("in range"));
    with!("Contractive", Contractive::new(0.1).expect("in range"));
    with!("WeightDecay", WeightDecay::new(0.1).expect("in range"));
    with!("CodeL1", CodeL1::new(0.1).expect("in range"));
    with!("Denoising", Denoising::new(Masking::new(0.3).expect("in range")));
}

fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("call, 784-128-20-128-784, 128 samples");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    let model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<FEATURES, 128>::new(Sigmoid),
            Dense::<128, 20>::new(Identity),
            Dense::<128, 20>::new(Identity),
        ))
        .decoder(Dense::<20, 128>::new(Sigmoid).then(Dense::<128, FEATURES>::new(Identity)))
        .regularizer(Variational::default())
        .loss(BernoulliCrossEntropy)
        .build::<f32>()
        .expect("sizes fit");
    let x = images();
    let (mut codes, mut outputs) = (model.encode(&x).expect("finite"), images());
    let mut workspace = model.workspace();
    macro_rules! time {
        ($($name:literal: $call:expr),+ $(,)?) => {
            $(group.bench_function($name, |b| b.iter(|| black_box($call).expect("finite")));)+
        };
    }
    let mut rng = seeded(1);
    time!(
        "encode": model.encode(black_box(&x)),
        "decode": model.decode(black_box(&codes)),
        "reconstruct": model.reconstruct(black_box(&x)),
        "score": model.score(black_box(&x)),
        "loss": model.loss(black_box(&x)),
        "elbo": model.elbo(black_box(&x), 1, &mut rng),
        "sample": model.sample(SAMPLES, &mut rng),
        "squared_jacobian": model.squared_jacobian(black_box(&x)),
        "encode_into": model.encode_into(black_box(&x), &mut codes, &mut workspace),
        "reconstruct_into": model.reconstruct_into(black_box(&x), &mut outputs, &mut workspace),
    );
    let one = x.sample(0).to_vec();
    let code = model.encode_one(&one).expect("finite");
    let mut code_out = code.clone();
    group.throughput(Throughput::Elements(1));
    time!(
        "encode_one": model.encode_one(black_box(&one)),
        "encode_one_into": model.encode_one_into(black_box(&one), &mut code_out, &mut workspace),
        "decode_one": model.decode_one(black_box(&code)),
        "reconstruct_one": model.reconstruct_one(black_box(&one)),
        "score_one": model.score_one(black_box(&one)),
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = activations, losses, corruptions, optimizers, layers, regularizers, calls, metrics
}
criterion_main!(benches);
