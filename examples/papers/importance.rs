//! Row 9: the variational autoencoder 784-200-200-50 and its importance-weighted kin with 5 draws.
//!
//! Pixels are drawn black or white at every visit, with the grey value as the probability. The paper has
//! eight stages of Adam, stage i of 3^i passes over the training images at the rate 1e-3 · 10^(−i/7), in
//! batches of 20; `--stages` takes the first of them. From the authors' code: output biases start at the
//! logits of the pixels' means, and the gradient is the sum over a batch, to which Adam's ε of 1e-4 belongs;
//! of the mean it is a twentieth. Here all 60,000 images are trained on, in a new order each pass, and Adam
//! starts anew with each stage.
//!
//! −ln p(x) is that of all test images, binarised once: by 50 draws, and by 5,000 of every tenth image.
//! Both models are trained at the same time, each by itself. With `--keep DIR` and the feature `safetensors`
//! a training that was broken off goes on from its last pass.
//!
//! Y. Burda, R. Grosse, R. Salakhutdinov (2015), Importance weighted autoencoders; their code, `yburda/iwae`.

use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use autoencoder::activation::{Identity, Tanh};
use autoencoder::layer::{Chain, DenseLayer, Elementwise};
use autoencoder::nalgebra::Const;
use autoencoder::random::seeded;
use autoencoder::regularizer::SuitedTo;
use autoencoder::train::schedule::Cosine;
use autoencoder::{
    Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Binarize, Dense, Gaussian, ImportanceWeighted,
    Regularizer, Then, Variational,
};

use crate::Settings;
use crate::data::{Stop, mnist};
use crate::report::{Line, Target, mean};
use crate::variational::linear_digits;

const BATCH: usize = 20;

type Layer<const I: usize, const O: usize, A> = DenseLayer<Const<I>, Const<O>, A>;
type Body = Chain<Layer<784, 200, Tanh>, Layer<200, 200, Tanh>>;
type Net = Gaussian<Body, Layer<200, 50, Identity>, Layer<200, 50, Identity>>;

/// Grey images, to be drawn anew at every visit, and tested ones, drawn once.
struct Images {
    train: Batch<f32, Const<784>>,
    test: Batch<f32, Const<784>>,
}

/// What is measured of one model, once for each seed.
#[derive(Default)]
struct Measured {
    /// The mean of −ln p(x) over all test images, and its standard error by chance of draws and of the tenth.
    likelihoods: Vec<f64>,
    errors: Vec<f64>,
    /// The mean over every tenth test image alone.
    of_tenth: Vec<f64>,
    active_units: Vec<f64>,
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let mut test = data.test;
    Binarize::apply(test.as_mut_slice(), &mut seeded(9));
    let images = Images { train: data.train, test };
    let (one, five) = thread::scope(|scope| {
        let images = &images;
        let one = scope.spawn(move || {
            each_seed(settings, "k1", || Ok((Binarize, Variational::default())), images)
        });
        let five = scope.spawn(move || {
            each_seed(settings, "k5", || Ok((Binarize, ImportanceWeighted::new(5)?)), images)
        });
        (joined(one), joined(five))
    });
    let (one, five) = (one?, five?);
    let pairs = one.likelihoods.iter().zip(&five.likelihoods);
    let gain = Vec::from_iter(pairs.map(|(one, five)| one - five));
    let mut lines = vec![Line::number("K=1: NLL, nats", Target::AtMost(88.0), &one.likelihoods, 2)];
    lines.extend(one.notes());
    lines.push(Line::note("K=5: NLL, nats", &five.likelihoods, 2));
    lines.extend(five.notes());
    lines.push(Line::number("gain of K=5, nats", Target::AtLeast(0.6), &gain, 2));
    Ok(lines)
}

impl Measured {
    fn notes(&self) -> [Line; 3] {
        [
            Line::note("  its standard error", &self.errors, 3),
            Line::note("  of every tenth image", &self.of_tenth, 2),
            Line::note("  active units", &self.active_units, 0),
        ]
    }
}

fn joined<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn each_seed<R: SuitedTo<Net> + Regularizer<f32>>(
    settings: &Settings,
    name: &str,
    regularizer: impl Fn() -> Result<R, Stop>,
    images: &Images,
) -> Result<Measured, Stop> {
    let mut measured = Measured::default();
    for seed in settings.seeds() {
        let hidden = Dense::<50, 200>::new(Tanh).then(Dense::<200, 200>::new(Tanh));
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::<784, 200>::new(Tanh).then(Dense::<200, 200>::new(Tanh)),
                Dense::<200, 50>::new(Identity),
                Dense::<200, 50>::new(Identity),
            ))
            .decoder(hidden.then(Dense::<200, 784>::new(Identity)))
            .regularizer(regularizer()?)
            .loss(BernoulliCrossEntropy)
            .seed(seed)
            .build::<f32>()?;
        // The output's biases are the last parameters.
        let mut parameters = model.parameters().to_vec();
        let biases = parameters.len() - 784;
        parameters[biases..].copy_from_slice(&logits_of_means(&images.train));
        model.set_parameters(&parameters)?;

        let every = |nth| images.test.select((0..images.test.samples()).step_by(nth));
        let (tenth, few) = (every(10), every(50));
        for stage in 0..settings.stages() {
            let start = Instant::now();
            let adam = Adam::new(1e-3 * 10_f64.powf(f64::from(stage) / -7.0))?;
            let adam = adam.epsilon(1e-4 / BATCH as f64)?;
            let trainer = settings.trainer(adam, 100 * seed + u64::from(stage));
            let mut trainer =
                settings.kept(trainer, &format!("iwae-{name}-seed{seed}-stage{stage}"));
            trainer = trainer.epochs(3_usize.pow(stage)).batch_size(BATCH);
            trainer.fit(&mut model, &images.train)?;
            let seconds = start.elapsed().as_secs_f64();
            let nll = mean(&model.negative_log_likelihood(&few, 200, &mut seeded(seed))?);
            let parts = format!("stage {stage} in {seconds:.0} s, {} images", few.samples());
            settings.say(&format!("{name}, seed {seed}: {parts}, 200 draws: {nll:.2} nats"));
        }
        // Few draws of all images, less by what many say of a tenth of them: that is as good as many of all.
        let start = Instant::now();
        let rng = &mut seeded(seed);
        let roughly = model.negative_log_likelihood(&images.test, 50, rng)?;
        let of_tenth = model.negative_log_likelihood(&tenth, 5000, rng)?;
        let excess = roughly.iter().step_by(10).zip(&of_tenth).map(|(few, many)| few - many);
        let excess = Vec::from_iter(excess);
        let (all, error) = (mean(&roughly) - mean(&excess), standard_error(&excess));
        let units = model.aggregated_posterior(&images.test)?.active_units().len();
        let seconds = start.elapsed().as_secs_f64();
        settings.say(&format!(
            "{name}, seed {seed}: {all:.3} ± {error:.3} nats; 50 draws {:.3}, every tenth {:.3} ± {:.3}; \
             {units} active units; in {seconds:.0} s",
            mean(&roughly),
            mean(&of_tenth),
            standard_error(&of_tenth)
        ));
        measured.likelihoods.push(all);
        measured.errors.push(error);
        measured.of_tenth.push(mean(&of_tenth));
        measured.active_units.push(units as f64);
    }
    Ok(measured)
}

fn standard_error(values: &[f64]) -> f64 {
    let (mean, n) = (mean(values), values.len() as f64);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (n - 1.0) / n).sqrt()
}

/// ln(p / (1 − p)) of each pixel's mean p, kept within 0.001 and 0.999.
fn logits_of_means(images: &Batch<f32, Const<784>>) -> Vec<f32> {
    let mut means = vec![0.0; 784];
    for image in images.iter() {
        means.iter_mut().zip(image).for_each(|(mean, &x)| *mean += f64::from(x));
    }
    let logit = |sum: f64| {
        let mean = (sum / images.samples() as f64).clamp(1e-3, 1.0 - 1e-3);
        (mean / (1.0 - mean)).ln() as f32
    };
    means.into_iter().map(logit).collect()
}

/// Two oracles. A linear model with Gaussian pixels is probabilistic PCA: the bound is tight for any number
/// of draws, so that training with 5 comes to the likelihood of the closed form in row 2. And of any model
/// the bound with more draws is nearer to ln p(x) in expectation (theorem 1 of the paper), so that the
/// estimates of −ln p(x) fall; here on binarised digits.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    const K: usize = 4;
    let (data, least) = linear_digits(K)?;
    let mut digits = crate::data::digits::<f64>()?;
    Binarize::apply(digits.test.as_mut_slice(), &mut seeded(9));
    let draws = [("500 draws", 500), ("50", 50), ("5", 5), ("1", 1)];
    let (mut linear, mut falling) = (Vec::new(), draws.map(|(name, _)| (name, Vec::new())));
    for seed in settings.seeds() {
        let body = Elementwise::<64>::new(Identity);
        let head = || Dense::<64, K>::new(Identity);
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(body, head(), head()))
            .decoder(Dense::<K, 64>::new(Identity))
            .regularizer(ImportanceWeighted::new(5)?)
            .seed(seed)
            .build::<f64>()?;
        let trainer = settings.trainer(Adam::new(1e-2)?, seed).schedule(Cosine::new(0.0)?);
        trainer.epochs(300).fit(&mut model, &data)?;
        linear.push(mean(&model.negative_log_likelihood(&data, 100, &mut seeded(seed))?));

        let head = || Dense::<50, 10>::new(Identity);
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(Dense::<64, 50>::new(Tanh), head(), head()))
            .decoder(Dense::<10, 50>::new(Tanh).then(Dense::<50, 64>::new(Identity)))
            .regularizer((Binarize, ImportanceWeighted::new(5)?))
            .loss(BernoulliCrossEntropy)
            .seed(seed)
            .build::<f64>()?;
        let mut trainer = settings.trainer(Adam::new(3e-3)?, seed);
        trainer = trainer.epochs(20).batch_size(BATCH);
        trainer.fit(&mut model, &digits.train)?;
        for ((_, values), (_, draws)) in falling.iter_mut().zip(draws) {
            let rng = &mut seeded(seed);
            values.push(mean(&model.negative_log_likelihood(&digits.test, draws, rng)?));
        }
    }
    Ok(vec![
        Line::number("linear, K=5: NLL, nats", Target::Near(least, 0.05), &linear, 4),
        Line::order("binarised: NLL, nats, by", &falling, 2),
    ])
}
