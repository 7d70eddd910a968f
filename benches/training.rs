//! Time of training steps and of encoding, by size of the net.

use std::hint::black_box;

use autoencoder::activation::Sigmoid;
use autoencoder::{Adam, AutoEncoder, Batch, Dense, Float, Trainer};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use nalgebra::Const;

/// Values between 0 and 1 without structure; the time does not depend on them.
fn noise<const N: usize>(samples: usize) -> Batch<f32, Const<N>> {
    let mut batch = Batch::zeros(Const::<N>, samples);
    let mut state = 1_u32;
    for value in batch.as_mut_slice() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = f32::of(f64::from(state >> 8) / f64::from(1 << 24));
    }
    batch
}

fn bench_size<const I: usize, const H: usize>(c: &mut Criterion) {
    const BATCH: usize = 128;
    const STEPS: usize = 8;
    let build = || {
        AutoEncoder::builder()
            .encoder(Dense::<I, H>::new(Sigmoid))
            .decoder(Dense::<H, I>::new(Sigmoid))
            .build::<f32>()
            .expect("sizes fit")
    };
    let data = noise::<I>(BATCH * STEPS);
    let mut group = c.benchmark_group(format!("{I}-{H}-{I}"));
    group.sample_size(20);
    group.throughput(Throughput::Elements((BATCH * STEPS) as u64));
    group.bench_function(format!("{STEPS} steps of {BATCH}"), |bencher| {
        bencher.iter_batched_ref(
            build,
            |model| {
                let adam = Adam::new(1e-3).expect("in range");
                Trainer::new(adam).epochs(1).batch_size(BATCH).fit(model, &data).expect("finite")
            },
            BatchSize::LargeInput,
        );
    });
    let model = build();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| model.encode(black_box(&data)).expect("finite"));
    });
    group.throughput(Throughput::Elements(1));
    let one = data.sample(0).to_vec();
    group.bench_function("encode one", |bencher| {
        bencher.iter(|| model.encode_one(black_box(&one)).expect("finite"));
    });
    group.throughput(Throughput::Elements(8));
    let eight = data.select(0..8);
    group.bench_function("encode 8", |bencher| {
        bencher.iter(|| model.encode(black_box(&eight)).expect("finite"));
    });
    group.finish();
}

criterion_group!(benches, bench_size::<64, 32>, bench_size::<784, 128>);
criterion_main!(benches);
