//! Row 7: the single hidden layer of the Keras blog, 784-32-784 with rectified units and a sigmoid output.
//!
//! Cross-entropy, mean over pixels, of test images after 50 epochs of Adam in batches of 256. A grey pixel
//! has a cross-entropy with itself, which is shown beside it: no model can be below.
//!
//! F. Chollet (2016), Building autoencoders in Keras.

use autoencoder::activation::{Identity, Relu};
use autoencoder::layer::Unconditioned;
use autoencoder::nalgebra::Const;
use autoencoder::range::Real;
use autoencoder::size::SameSize;
use autoencoder::{Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Dense, NoRegularizer, Part};

use crate::Settings;
use crate::data::{Stop, mnist};
use crate::report::{Line, Target};

/// The oracle: without inputs the best reconstruction is the mean image, whose cross-entropy is a sum of
/// entropies; a code of 8 units leaves at most half of what lies between that and the images' own.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let digits = crate::data::digits::<f32>()?;
    let cross_entropy = each_seed::<64, 8>(settings, (&digits.train, &digits.test), (200, 256))?;
    let (own, constant) = (own_entropy(&digits.test), entropy_of_mean(&digits.test));
    Ok(vec![
        Line::number(
            "cross-entropy a pixel",
            Target::AtMost(((own + 0.5 * (constant - own)) * 1e4).round() / 1e4),
            &cross_entropy,
            4,
        ),
        Line::number(
            "more than the images' own",
            Target::AtLeast((own * 1e4).floor() / 1e4),
            &cross_entropy,
            4,
        ),
    ])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let cross_entropy = each_seed::<784, 32>(settings, (&data.train, &data.test), (50, 256))?;
    Ok(vec![
        Line::number("test cross-entropy a pixel", Target::Near(0.09, 0.005), &cross_entropy, 4),
        Line::note("the images' own", &[own_entropy(&data.test)], 4),
    ])
}

/// With a code of `K` rectified units, after so many epochs in batches of this size.
pub fn each_seed<const N: usize, const K: usize>(
    settings: &Settings,
    sets: (&Batch<f32, Const<N>>, &Batch<f32, Const<N>>),
    plan: (usize, usize),
) -> Result<Vec<f64>, Stop> {
    let dense = |seed| {
        AutoEncoder::builder()
            .encoder(Dense::<N, K>::new(Relu))
            .decoder(Dense::<K, N>::new(Identity)) // logits
            .loss(BernoulliCrossEntropy)
            .seed(seed)
            .build::<f32>()
    };
    cross_entropies(settings, sets, plan, dense)
}

/// The mean over pixels of the test images' cross-entropy for each seed, after so many epochs of Adam at 1e-3 in batches
/// of this size.
pub fn cross_entropies<const N: usize, E, D>(
    settings: &Settings,
    (train, test): (&Batch<f32, Const<N>>, &Batch<f32, Const<N>>),
    (epochs, batch): (usize, usize),
    build: impl Fn(u64) -> autoencoder::Result<Model<E, D>>,
) -> Result<Vec<f64>, Stop>
where
    E: Part<Condition = Unconditioned>,
    D: Part<Range = Real>,
    Const<N>: SameSize<E::Input>,
{
    let one = |seed| {
        let mut model = build(seed)?;
        let trainer = settings.trainer(Adam::new(1e-3)?, seed);
        trainer.epochs(epochs).batch_size(batch).fit(&mut model, train)?;
        let scores = model.score(test)?;
        let sum: f64 = scores.iter().map(|&score| f64::from(score)).sum();
        let cross_entropy = sum / (scores.len() * N) as f64;
        settings.say(&format!("seed {seed}: {cross_entropy:.5} a pixel"));
        Ok(cross_entropy)
    };
    settings.seeds().map(one).collect()
}

/// An autoencoder whose outputs are logits of pixels.
pub type Model<E, D> = AutoEncoder<E, D, NoRegularizer, BernoulliCrossEntropy>;

/// −x ln x − (1 − x) ln(1 − x), in nats.
fn entropy(x: f64) -> f64 {
    let part = |x: f64| if x > 0.0 { -x * x.ln() } else { 0.0 };
    part(x) + part(1.0 - x)
}

/// The mean over pixels of a pixel's cross-entropy with itself.
pub fn own_entropy<const N: usize>(x: &Batch<f32, Const<N>>) -> f64 {
    let sum: f64 = x.as_slice().iter().map(|&x| entropy(f64::from(x))).sum();
    sum / x.as_slice().len() as f64
}

/// The mean over pixels of the images' cross-entropy with their mean.
pub fn entropy_of_mean<const N: usize>(x: &Batch<f32, Const<N>>) -> f64 {
    let mean = |pixel: usize| x.iter().map(|image| f64::from(image[pixel])).sum::<f64>();
    let entropies = (0..N).map(|pixel| entropy(mean(pixel) / x.samples() as f64));
    entropies.sum::<f64>() / N as f64
}
