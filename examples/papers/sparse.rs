//! Row 3: the sparse autoencoder of the UFLDL exercise finds edges in natural images.
//!
//! 10,000 patches, 64-25-64 sigmoid units, p′ 0.01, λ 1e-4, β 3, 400 iterations of L-BFGS. Each patch
//! loses its own mean, is cut off at three standard deviations and taken to [0.1, 0.9]. The exercise's own
//! photographs are whitened; these are not.
//!
//! A. Ng, J. Ngiam, C. Y. Foo, Y. Mai, C. Suen (2011), UFLDL Tutorial, exercise: sparse autoencoder.

use autoencoder::activation::Sigmoid;
use autoencoder::data::Normalization;
use autoencoder::init::Ufldl;
use autoencoder::nalgebra::Const;
use autoencoder::rand::RngExt;
use autoencoder::random::seeded;
use autoencoder::{AutoEncoder, Batch, Dense, Lbfgs, Normalizer, SparseKl, WeightDecay, gradcheck};

use crate::Settings;
use crate::data::{Stop, natural_patches};
use crate::report::{Line, Target};

const UNITS: usize = 25;
/// A unit is oriented if so much of its filter's power lies in one pair of lobes.
const ORIENTED: f64 = 0.6;

/// The exercise's model on these patches.
macro_rules! model {
    ($patches:expr, $seed:expr) => {{
        let pooled = Normalization::Truncate { centre_samples: true };
        AutoEncoder::builder()
            .encoder(Dense::<64, UNITS>::new(Sigmoid).init(Ufldl))
            .decoder(Dense::<UNITS, 64>::new(Sigmoid).init(Ufldl))
            .regularizer((SparseKl::new(0.01, 3.0)?, WeightDecay::new(1e-4)?))
            .normalizer(Normalizer::fit(pooled, $patches)?)
            .seed($seed)
            .build::<f64>()
    }};
}
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    // The measure, on filters of which is known what they are.
    let at = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        orientation(&std::array::from_fn(|k| of((k / 8) as f64 - 3.5, (k % 8) as f64 - 3.5)))
    };
    let blob = |y: f64, x: f64| (-(x * x + y * y) / 8.0).exp();
    let edge = at(&|y, x| f64::from(x + 0.4 * y > 0.0));
    let wave = at(&|y, x| (1.5 * (0.8 * x - 0.6 * y)).sin() * blob(y, x));
    let mut lines = vec![
        Line::number("share in lobes: an edge", Target::AtLeast(ORIENTED), &[edge], 3),
        Line::number("share in lobes: a wave", Target::AtLeast(ORIENTED), &[wave], 3),
        Line::number("share in lobes: a blob", Target::AtMost(0.5), &[at(&blob)], 3),
    ];
    let rng = &mut seeded(1);
    let noise = (0..1000).map(|_| orientation(&std::array::from_fn(|_| rng.random::<f64>())));
    let chance = noise.filter(|&share| share >= ORIENTED).count() as f64 / 1000.0;
    lines.push(Line::number("filters of noise that pass", Target::AtMost(0.05), &[chance], 3));
    let patches = crate::data::digits()?.train;
    lines.push(check(settings, &patches)?);
    Ok(lines)
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let (mut oriented, mut activations, mut before) = (Vec::new(), Vec::new(), Vec::new());
    let patches = natural_patches(settings.data(), 10_000, 1)?;
    let mut lines = vec![check(settings, &patches)?];
    for seed in settings.seeds() {
        let patches = natural_patches(settings.data(), 10_000, seed)?;
        let mut model = model!(&patches, seed)?;
        let count = |parameters: &[f64]| {
            let shares = filters(parameters).map(|filter| orientation(&filter));
            shares.filter(|&share| share >= ORIENTED).count() as f64
        };
        before.push(count(model.parameters()));
        settings.trainer(Lbfgs::new(), seed).epochs(400).fit(&mut model, &patches)?;
        oriented.push(count(model.parameters()));
        let codes = model.encode(&patches)?;
        activations.push(codes.as_slice().iter().sum::<f64>() / codes.as_slice().len() as f64);
    }
    lines.push(Line::number("oriented units of 25", Target::AtLeast(20.0), &oriented, 1));
    lines.push(Line::note("before training", &before, 1));
    lines.push(Line::note("mean activation, where p′ is 0.01", &activations, 4));
    Ok(lines)
}

/// The exercise's first step: analytic against numeric gradient, ‖a − n‖ / ‖a + n‖, on 100 patches.
fn check(settings: &Settings, patches: &Batch<f64, Const<64>>) -> Result<Line, Stop> {
    let few = patches.select(0..100);
    let mut errors = Vec::new();
    for seed in settings.seeds() {
        errors.push(gradcheck::model(&model!(patches, seed)?, &few, seed)?.norm_error);
    }
    Ok(Line::number("error of the gradient", Target::AtMost(1e-9), &errors, 3))
}

/// The weights from the inputs to each unit, which lie first, unit beside unit.
fn filters(parameters: &[f64]) -> impl Iterator<Item = [f64; 64]> {
    (0..UNITS).map(|unit| std::array::from_fn(|pixel| parameters[pixel * UNITS + unit]))
}

/// How oriented an 8×8 filter is: the share of its spectral power in one pair of lobes, from about 0.4
/// for a round spot to 1 for a plane wave.
///
/// The filter loses its mean, and its power |F(u, v)|² is computed at the frequencies u, v = −16 … 15
/// thirty-seconds of a cycle a pixel, that is of the filter among zeros. A pair of lobes is all
/// frequencies within 30° of a line through the origin, on both sides of it: what has one orientation, at
/// whatever frequency, as an edge has all of them. Of 180 lines, one a degree, the best one counts.
fn orientation(filter: &[f64; 64]) -> f64 {
    const SIDE: i32 = 32;
    let mean = filter.iter().sum::<f64>() / 64.0;
    let mut by_degree = [0.0; 180];
    for (u, v) in (0..SIDE * SIDE).map(|k| (k / SIDE - SIDE / 2, k % SIDE - SIDE / 2)) {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (at, weight) in (0..).zip(filter) {
            let turn = f64::from(u * (at / 8) + v * (at % 8)) / f64::from(SIDE);
            let (sine, cosine) = (std::f64::consts::TAU * turn).sin_cos();
            real += (weight - mean) * cosine;
            imaginary += (weight - mean) * sine;
        }
        let degrees = f64::from(u).atan2(f64::from(v)).to_degrees().rem_euclid(180.0);
        by_degree[degrees.round() as usize % 180] += real * real + imaginary * imaginary;
    }
    let pair = |line: usize| (line + 150..=line + 210).map(|degree| by_degree[degree % 180]);
    let best = (0..180).map(|line| pair(line).sum()).fold(0.0, f64::max);
    best / by_degree.iter().sum::<f64>()
}
