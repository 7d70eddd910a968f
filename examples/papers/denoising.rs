//! Row 10: stacked denoising autoencoders, three levels of 1,000 units, then fine-tuned with labels.
//!
//! Masking .1, .2, .3; sigmoid units with tied weights, cross-entropy, 15 epochs a level. Validation are the
//! last 10,000 training images, as in the tutorial: the fine-tuning keeps the epoch at which fewest of them
//! are wrong. The tutorial goes image by image, at a rate of 0.001 a level and 0.1 in the end; here the levels
//! have batches of 100 at a rate of 0.1, which is the same step an image, and the fine-tuning has batches of 50
//! at 0.1 with momentum 0.9, a fifth of the tutorial's step an image, for 25 epochs.
//!
//! P. Vincent and others (2010), Stacked denoising autoencoders; LISA lab, Theano's Deep Learning Tutorials.

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::corruption::Masking;
use autoencoder::init::Initializer;
use autoencoder::layer::Unconditioned;
use autoencoder::nalgebra::Const;
use autoencoder::rand::{Rng, RngExt};
use autoencoder::range::Real;
use autoencoder::{
    AutoEncoder, BernoulliCrossEntropy, Classifier, Denoising, Dense, Part, Sgd, Stack, Then, Tied,
};

use crate::Settings;
use crate::data::{Labelled, Stop, mnist};
use crate::report::{Line, Target};

/// The oracle is the paper's point: levels that were trained without labels are a better start than
/// random weights.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let digits = crate::data::digits::<f32>()?;
    let data = digits;
    let budget = Budget { batch: 10, fine_tuning_batch: 10, level_epochs: 15, epochs: 15 };
    let stacked = each_seed::<64, 200>(settings, &data, &budget)?;
    let random = settings.seeds().map(|seed| {
        let layers = Dense::<64, 200>::new(Sigmoid)
            .then(Dense::<200, 200>::new(Sigmoid))
            .then(Dense::<200, 200>::new(Sigmoid));
        let classifier = AutoEncoder::builder().encoder(layers).classes::<10>();
        error(settings, classifier.seed(seed).build::<f32>()?, &data, &budget, seed)
    });
    let random = random.collect::<Result<Vec<_>, _>>()?;
    Ok(vec![Line::order("test error, %", &[("stacked", stacked), ("random", random)], 2)])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let budget = Budget { batch: 100, fine_tuning_batch: 50, level_epochs: 15, epochs: 25 };
    let errors = each_seed::<784, 1000>(settings, &data, &budget)?;
    Ok(vec![Line::number("test error, %", Target::Near(1.3, 0.3), &errors, 2)])
}

struct Budget {
    /// Of the levels.
    batch: usize,
    fine_tuning_batch: usize,
    level_epochs: usize,
    epochs: usize,
}

impl Budget {
    /// The tutorial's rate of a level, for the sum over a batch where the mean is taken here.
    fn rate(&self) -> f64 {
        1e-3 * self.batch as f64
    }
}

fn each_seed<const N: usize, const H: usize>(
    settings: &Settings,
    data: &Labelled<f32, N>,
    budget: &Budget,
) -> Result<Vec<f64>, Stop> {
    let one = |seed| {
        let level = || {
            let trainer = settings.trainer(Sgd::new(budget.rate())?, seed);
            Ok::<_, Stop>(trainer.epochs(budget.level_epochs).batch_size(budget.batch))
        };
        let first = AutoEncoder::builder()
            .encoder(Dense::<N, H>::new(Sigmoid).init(ForSigmoids))
            .decoder(Tied::new(Identity)) // logits
            .regularizer(Denoising::new(Masking::new(0.1)?))
            .loss(BernoulliCrossEntropy)
            .seed(seed);
        let next = |masked, seed| {
            let builder = AutoEncoder::builder()
                .encoder(Dense::<H, H>::new(Sigmoid).init(ForSigmoids))
                .decoder(Tied::new(Identity))
                .regularizer(Denoising::new(Masking::new(masked)?))
                .loss(BernoulliCrossEntropy)
                .seed(seed);
            Ok::<_, Stop>(builder)
        };
        // What validates has no part in any level either.
        let kept = data.train.samples() * 5 / 6;
        let pretrained = Stack::new(first, level()?)
            .then(next(0.2, seed + 100)?, level()?)
            .then(next(0.3, seed + 200)?, level()?)
            .pretrain(&data.train.select(0..kept))?;
        let model = pretrained.unroll().build::<f32>()?;
        error(settings, model.classifier::<10>().build::<f32>()?, data, budget, seed)
    };
    settings.seeds().map(one).collect()
}

/// Per cent of the test images that are wrong after fine-tuning, at the epoch that is best in validation.
fn error<E, D, const N: usize>(
    settings: &Settings,
    mut classifier: Classifier<E, D>,
    data: &Labelled<f32, N>,
    budget: &Budget,
    seed: u64,
) -> Result<f64, Stop>
where
    E: Part<Input = Const<N>, Condition = Unconditioned>,
    D: Part<Range = Real>,
{
    let (all, kept) = (data.train.samples(), data.train.samples() * 5 / 6);
    let (train, validation) = (data.train.select(0..kept), data.train.select(kept..all));
    let (train_labels, validation_labels) = data.train_labels.split_at(kept);
    let mut best = (0.0, classifier.parameters().to_vec());
    for epoch in 0..budget.epochs {
        // The momentum begins anew in every epoch.
        settings
            .trainer(Sgd::new(0.1)?.momentum(0.9)?, seed + 1000 * epoch as u64)
            .epochs(1)
            .batch_size(budget.fine_tuning_batch)
            .fit(&mut classifier, (&train, train_labels))?;
        let right = classifier.accuracy(&validation, validation_labels)?;
        settings.say(&format!(
            "epoch {}: validation error {:.2} %",
            epoch + 1,
            100.0 * (1.0 - right)
        ));
        if right > best.0 {
            best = (right, classifier.parameters().to_vec());
        }
    }
    classifier.set_parameters(&best.1)?;
    Ok(100.0 * (1.0 - classifier.accuracy(&data.test, &data.test_labels)?))
}

/// Uniform in ±4 √(6 / (inputs + outputs)): the tutorial's, for sigmoids.
#[derive(Debug)]
pub struct ForSigmoids;

impl Initializer for ForSigmoids {
    fn draw_unit(&self, weights: &mut [f64], outputs: usize, rng: &mut dyn Rng) {
        let limit = 4.0 * (6.0 / (weights.len() + outputs) as f64).sqrt();
        weights.fill_with(|| rng.random_range(-limit..limit));
    }
}
