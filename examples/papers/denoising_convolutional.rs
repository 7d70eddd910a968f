//! Row 14: the denoising autoencoder of the Keras blog, beside a dense one that sees the same noise for as many epochs.
//!
//! Noise N(0, 0.5²) on every pixel, cut off at 0 and 1; two convolutions of 32 channels with pooling to a code of
//! 7 × 7 × 32, as many with upsampling back; Adam at 1e-3 in batches of 128, 10 epochs for both. The dense one is
//! 784-1000-784. On test images with noise of a fixed seed: cross-entropy a pixel with the clean ones. The blog shows
//! pictures, and gives no number.
//!
//! F. Chollet (2016), Building autoencoders in Keras.

use autoencoder::activation::{Identity, Relu};
use autoencoder::corruption::{Corruption, Gaussian};
use autoencoder::layer::{Any, AnyPart, Interpolation};
use autoencoder::nalgebra::{DMatrix, Dyn};
use autoencoder::random::seeded;
use autoencoder::size::DynImage;
use autoencoder::{
    Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Conv2d, Denoising, Dense, Float, MaxPool2d,
    Upsample2d, rand,
};

use crate::Settings;
use crate::data::{Stop, all_digits, mnist};
use crate::report::{Line, Target};

/// The oracle: what the best linear denoiser that sees one pixel at a time leaves of Gaussian noise, Σ λ σ² / (λ + σ²)
/// with the pixels' variances λ. Convolutions see the neighbours and leave less. The same sum over the eigenvalues of
/// the covariance is what the best linear denoiser of all leaves: it is shown.
///
/// N. Wiener (1949), Extrapolation, interpolation, and smoothing of stationary time series.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    const NOISE: f64 = 0.25;
    let digits = all_digits::<f32>()?;
    let x = DMatrix::from(all_digits::<f64>()?);
    let mean = x.column_mean();
    let mut centred = x;
    centred.column_iter_mut().for_each(|mut column| column -= &mean);
    let covariance = &centred * centred.transpose() / centred.ncols() as f64;
    let left = |&variance: &f64| variance * NOISE * NOISE / (variance + NOISE * NOISE);
    let by_pixel: f64 = covariance.diagonal().iter().map(left).sum();
    let wiener: f64 = covariance.symmetric_eigenvalues().iter().map(left).sum();

    let images = digits.into_dynamic();
    let noise = Gaussian::new(NOISE)?;
    let noisy = corrupted(&images, &noise);
    let one = |seed| {
        let (encoder, decoder) = pooling(8, 16)?;
        let builder = AutoEncoder::builder().encoder(encoder).decoder(decoder);
        let mut model = builder.regularizer(Denoising::new(noise)).seed(seed).build::<f32>()?;
        settings
            .trainer(Adam::new(2e-3)?, seed)
            .epochs(60)
            .batch_size(32)
            .fit(&mut model, &images)?;
        let pairs = model.reconstruct(&noisy)?.into_vec().into_iter().zip(images.as_slice());
        let sum: f64 = pairs.map(|(y, x)| f64::from(y - x).powi(2)).sum();
        Ok(sum / images.samples() as f64)
    };
    let errors = settings.seeds().map(one).collect::<Result<Vec<f64>, Stop>>()?;
    let target = Target::AtMost((by_pixel * 1e4).round() / 1e4);
    Ok(vec![
        Line::number("SSE/img of denoised digits", target, &errors, 4),
        Line::note("of the best linear denoiser", &[wiener], 4),
    ])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let (train, test) = (data.train.into_dynamic(), data.test.into_dynamic());
    let noise = (Gaussian::new(0.5)?, Clipped);
    let noisy = corrupted(&test, &noise);
    let one = |(encoder, decoder): Pair, seed| {
        let builder = AutoEncoder::builder().encoder(encoder).decoder(decoder);
        let builder = builder.regularizer(Denoising::new(noise)).loss(BernoulliCrossEntropy);
        let mut model = builder.seed(seed).build::<f32>()?;
        let trainer = settings.trainer(Adam::new(1e-3)?, seed);
        trainer.epochs(10).batch_size(128).fit(&mut model, &train)?;
        let cross_entropy = cross_entropy(&model.reconstruct(&noisy)?, &test);
        settings.say(&format!("seed {seed}: {cross_entropy:.5} a pixel"));
        Ok::<_, Stop>(cross_entropy)
    };
    let (mut convolutional, mut dense) = (Vec::new(), Vec::new());
    for seed in settings.seeds() {
        let layers = (Dense::dynamic(784, 1000, Relu), Dense::dynamic(1000, 784, Identity));
        dense.push(one((layers.0.boxed(), layers.1.boxed()), seed)?);
        convolutional.push(one(pooling(28, 32)?, seed)?);
    }
    let both = [("convolutional", convolutional), ("dense", dense)];
    Ok(vec![Line::order("denoised, cross-entropy a pixel", &both, 4)])
}

/// An encoder and a decoder.
type Pair = (Any<f32>, Any<f32>);

/// Two convolutions of so many channels, each followed by pooling, and the way back.
fn pooling(side: usize, channels: usize) -> Result<Pair, Stop> {
    let of = |channels, side| DynImage { channels, height: side, width: side };
    let [whole, half, quarter] = [1, 2, 4].map(|parts| of(channels, side / parts));
    let pixels = of(1, side);
    let pool = |from, to| MaxPool2d::between(from, to, 2).boxed();
    let encoder = Any::of([
        Conv2d::between(pixels, whole, 3, Relu).stride(1).boxed(),
        pool(whole, half),
        Conv2d::between(half, half, 3, Relu).stride(1).boxed(),
        pool(half, quarter),
    ])?;
    let decoder = Any::of([
        Conv2d::between(quarter, quarter, 3, Relu).stride(1).boxed(),
        Upsample2d::between(quarter, half, Interpolation::Nearest).boxed(),
        Conv2d::between(half, half, 3, Relu).stride(1).boxed(),
        Upsample2d::between(half, whole, Interpolation::Nearest).boxed(),
        Conv2d::between(whole, pixels, 3, Identity).stride(1).boxed(),
    ])?;
    Ok((encoder, decoder))
}

/// Cut off at 0 and 1.
#[derive(Debug, Clone, Copy)]
struct Clipped;

impl<T: Float> Corruption<T> for Clipped {
    fn describe(&self) -> String {
        "Clipped".to_owned()
    }
    fn corrupt(&self, sample: &mut [T], _rng: &mut dyn rand::Rng) {
        sample.iter_mut().for_each(|x| *x = T::of(x.to_double().clamp(0.0, 1.0)));
    }
}

/// These images with noise.
fn corrupted(images: &Batch<f32, Dyn>, noise: &impl Corruption<f32>) -> Batch<f32, Dyn> {
    let (mut noisy, rng) = (images.clone(), &mut seeded(9));
    let samples = noisy.as_mut_slice().chunks_exact_mut(images.features());
    samples.for_each(|image| noise.corrupt(image, rng));
    noisy
}

/// The mean over pixels of −x ln y − (1 − x) ln(1 − y).
fn cross_entropy(y: &Batch<f32, Dyn>, x: &Batch<f32, Dyn>) -> f64 {
    let of = |(&y, &x): (&f32, &f32)| {
        let (y, x) = (f64::from(y).clamp(1e-7, 1.0 - 1e-7), f64::from(x));
        -x * y.ln() - (1.0 - x) * (1.0 - y).ln()
    };
    let pairs = y.as_slice().iter().zip(x.as_slice());
    pairs.map(of).sum::<f64>() / x.as_slice().len() as f64
}
