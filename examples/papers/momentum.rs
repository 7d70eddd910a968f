//! Row 11: on a deep autoencoder Nesterov's momentum trains faster than momentum, and both than neither.
//!
//! The paper's weights and rising momentum (greatest 0.99, at most 0.9 for the last 1,000 steps): sigmoid
//! units, a linear code, 15 random inputs a unit, cross-entropy. A stated small part of its budget: 8,000
//! steps of 100 images from the first 20,000, where it has 750,000 steps, and 784-200-100-50-20, where it has
//! 784-1000-500-250-30. Every method has its best rate of a grid, found on the first seed by the training
//! error, which is what is compared; the test images have no part in it.
//!
//! I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013), On the importance of initialization and momentum in
//! deep learning.

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::init::Sparse;
use autoencoder::nalgebra::Const;
use autoencoder::{AutoEncoder, Batch, BernoulliCrossEntropy, Dense, Error, Sgd, Then};

use crate::Settings;
use crate::data::{Stop, mnist, squared_error};
use crate::report::Line;

/// On the embedded digits, where both momenta beat none; which of them is ahead is not certain there.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let train = crate::data::digits::<f32>()?.train;
    let rates = &[0.5, 0.2, 0.1];
    let budget = Budget { epochs: 70, settling: 0, rates: [rates; 3] };
    let [nesterov, momentum, plain] = compare::<64, 100, 50, 25, 8>(settings, &train, &budget)?;
    Ok(vec![
        Line::order("train SSE/img", &[nesterov, plain.clone()], 3),
        Line::order("train SSE/img", &[momentum, plain], 3),
    ])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let train = mnist::<f32>(settings.data())?.train.select(0..20_000);
    let (with, without) = (&[0.02, 0.015, 0.01, 0.005], &[0.2, 0.1, 0.05]);
    let budget = Budget { epochs: 40, settling: 1_000, rates: [with, with, without] };
    let errors = compare::<784, 200, 100, 50, 20>(settings, &train, &budget)?;
    Ok(vec![Line::order("train SSE/img", &errors, 3)])
}

const BATCH: usize = 100;

struct Budget {
    epochs: usize,
    /// Steps at the end with a momentum of at most 0.9.
    settling: u64,
    /// The grid of each method.
    rates: [&'static [f64]; 3],
}

type Method = fn(f64) -> autoencoder::Result<Sgd>;
const METHODS: [(&str, Method); 3] = [
    ("Nesterov", |rate| Sgd::new(rate)?.nesterov_schedule(0.99)),
    ("momentum", |rate| Sgd::new(rate)?.momentum_schedule(0.99)),
    ("SGD", |rate| Sgd::new(rate)),
];

/// The errors of each method at its best rate, for each seed.
fn compare<const N: usize, const A: usize, const B: usize, const C: usize, const K: usize>(
    settings: &Settings,
    train: &Batch<f32, Const<N>>,
    budget: &Budget,
) -> Result<[(&'static str, Vec<f64>); 3], Stop> {
    let steps = (budget.epochs * train.samples().div_ceil(BATCH)) as u64;
    let run = |optimizer: Sgd, seed| {
        let optimizer = optimizer.at_most_from(steps - budget.settling, 0.9)?;
        error::<N, A, B, C, K>(settings, optimizer, seed, train, budget.epochs)
    };
    let mut all = METHODS.map(|(name, _)| (name, Vec::new()));
    for (((name, errors), (_, of_rate)), rates) in all.iter_mut().zip(METHODS).zip(budget.rates) {
        let mut best = (f64::INFINITY, rates[0]);
        for &rate in rates {
            let error = run(of_rate(rate)?, 1)?;
            println!("  {name}, rate {rate}: {error:.3}");
            best = if error < best.0 { (error, rate) } else { best };
        }
        errors.push(best.0);
        for seed in settings.seeds().skip(1) {
            errors.push(run(of_rate(best.1)?, seed)?);
        }
    }
    Ok(all)
}

/// The training error after all steps; infinite if it diverged.
fn error<const N: usize, const A: usize, const B: usize, const C: usize, const K: usize>(
    settings: &Settings,
    optimizer: Sgd,
    seed: u64,
    train: &Batch<f32, Const<N>>,
    epochs: usize,
) -> Result<f64, Stop> {
    let init = Sparse::default;
    let encoder = Dense::<N, A>::new(Sigmoid)
        .init(init())
        .then(Dense::<A, B>::new(Sigmoid).init(init()))
        .then(Dense::<B, C>::new(Sigmoid).init(init()))
        .then(Dense::<C, K>::new(Identity).init(init()));
    let decoder = Dense::<K, C>::new(Sigmoid)
        .init(init())
        .then(Dense::<C, B>::new(Sigmoid).init(init()))
        .then(Dense::<B, A>::new(Sigmoid).init(init()))
        .then(Dense::<A, N>::new(Identity).init(init())); // logits
    let mut model = AutoEncoder::builder()
        .encoder(encoder)
        .decoder(decoder)
        .loss(BernoulliCrossEntropy)
        .seed(seed)
        .build::<f32>()?;
    let mut trainer = settings.trainer(optimizer, seed).epochs(epochs).batch_size(BATCH);
    match trainer.fit(&mut model, train) {
        Ok(_) => Ok(squared_error(train, &model.reconstruct(train)?)),
        Err(Error::Diverged { .. }) => Ok(f64::INFINITY),
        Err(error) => Err(error.into()),
    }
}
