//! Row 21: a k-sparse autoencoder, and a linear classifier on its codes.
//!
//! 784-1000-784, linear units of which the 25 largest are active, on all training images of MNIST; in the first half of the
//! training their number falls from 100. Then softmax regression on the codes, of which eight times as many units are
//! active. Unlike in the paper, encoder and atoms have weights of their own, which begin as equals, active units are above
//! 0, what is added to the outputs is taken off the inputs, and there are 10 epochs.
//!
//! A. Makhzani, B. Frey (2013), k-sparse autoencoders.

use autoencoder::activation::Identity;
use autoencoder::layer::Elementwise;
use autoencoder::layer::sparse::{Dictionary, DictionaryLayer, SparseEncoder, SparseLayer, TopK};
use autoencoder::nalgebra::Const;
use autoencoder::train::schedule::{Cosine, Progress, Schedule};
use autoencoder::{Adam, AutoEncoder, Batch, NoRegularizer, Sgd, SquaredError, WeightDecay};

use crate::Settings;
use crate::data::{Labelled, Stop, mnist};
use crate::report::{Line, Target};

/// Of each unit's weights and of its atom.
const FIRST_NORM: f64 = 0.3;

/// How an autoencoder is trained, and a classifier on its codes.
struct Plan {
    /// Active units, at first and from the half on.
    active: (usize, usize),
    /// Active units for the classifier.
    used: usize,
    /// Of the autoencoder, and of the classifier.
    epochs: (usize, usize),
    rate: f64,
}

/// The oracle: the codes are not worse than the pixels for a linear classifier.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let digits = crate::data::digits::<f32>()?;
    let plan = Plan { active: (40, 10), used: 30, epochs: (50, 200), rate: 1e-2 };
    let pixels = error(settings, plan.epochs.1, (&digits.train, &digits.test), &digits)?;
    let codes = each_seed::<64, 256>(settings, &plan, &digits)?;
    Ok(vec![Line::order("error, %", &[("codes", codes), ("pixels", vec![pixels])], 2)])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let plan = Plan { active: (100, 25), used: 200, epochs: (10, 15), rate: 0.02 };
    let pixels = error(settings, plan.epochs.1, (&data.train, &data.test), &data)?;
    let codes = each_seed::<784, 1000>(settings, &plan, &data)?;
    Ok(vec![
        Line::number("test error by codes, %", Target::Near(1.35, 0.2), &codes, 2),
        Line::note("by pixels (7.20 is published)", &[pixels], 2),
    ])
}

type KSparse<const N: usize, const UNITS: usize> = AutoEncoder<
    SparseLayer<Const<N>, Const<UNITS>, TopK>,
    DictionaryLayer<Const<UNITS>, Const<N>>,
    NoRegularizer,
    SquaredError,
>;

fn model<const N: usize, const UNITS: usize>(
    selection: TopK,
    seed: u64,
) -> autoencoder::Result<KSparse<N, UNITS>> {
    AutoEncoder::builder()
        .encoder(SparseEncoder::<N, UNITS>::new(selection))
        .decoder(Dictionary::free(FIRST_NORM)?)
        .seed(seed)
        .build()
}

/// The classifier's test error for each seed, in per cent.
fn each_seed<const N: usize, const UNITS: usize>(
    settings: &Settings,
    plan: &Plan,
    data: &Labelled<f32, N>,
) -> Result<Vec<f64>, Stop> {
    let mut errors = Vec::new();
    for seed in settings.seeds() {
        let (first, last) = plan.active;
        let falling = Falling(first as f64 / last as f64);
        let mut trained = model::<N, UNITS>(TopK::new(last)?.schedule(falling), seed)?;
        // Large first weights may stay what they are where pixels are seldom lit.
        let mut parameters = trained.parameters().to_vec();
        parameters[..N * UNITS].iter_mut().for_each(|weight| *weight *= FIRST_NORM as f32);
        trained.set_parameters(&parameters)?;
        let sgd = Sgd::new(plan.rate)?.momentum(0.9)?;
        let trainer = settings.trainer(sgd, seed).epochs(plan.epochs.0);
        trainer.batch_size(100).fit(&mut trained, &data.train)?;

        let mut used = model::<N, UNITS>(TopK::new(plan.used)?, seed)?;
        used.set_parameters(trained.parameters())?;
        let (train, test) = (used.encode(&data.train)?, used.encode(&data.test)?);
        errors.push(error(settings, plan.epochs.1, (&train, &test), data)?);
        settings.say(&format!("seed {seed}: {:.2} %", errors[errors.len() - 1]));
    }
    Ok(errors)
}

/// The test error of softmax regression on these features, in per cent.
fn error<const N: usize, const PIXELS: usize>(
    settings: &Settings,
    epochs: usize,
    (train, test): (&Batch<f32, Const<N>>, &Batch<f32, Const<N>>),
    labels: &Labelled<f32, PIXELS>,
) -> Result<f64, Stop> {
    let mut softmax = AutoEncoder::builder()
        .encoder(Elementwise::<N>::new(Identity))
        .classes::<10>()
        .regularizer(WeightDecay::new(1e-5)?)
        .build::<f32>()?;
    let trainer = settings.trainer(Adam::new(5e-3)?, 1).schedule(Cosine::new(0.0)?);
    let mut trainer = trainer.epochs(epochs).batch_size(50);
    trainer.fit(&mut softmax, (train, &labels.train_labels))?;
    Ok(100.0 * (1.0 - softmax.accuracy(test, &labels.test_labels)?))
}

/// From so many times as much to 1, in a straight line through the first half of the training.
#[derive(Debug, Clone)]
pub struct Falling(pub f64);

impl Schedule for Falling {
    fn describe(&self) -> String {
        format!("{self:?}")
    }
    fn factor(&self, progress: &Progress) -> f64 {
        1.0 + (self.0 - 1.0) * (1.0 - 2.0 * progress.fraction()).max(0.0)
    }
}
