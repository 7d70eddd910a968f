//! Row 5: self-taught learning. Features of the digits 5 to 9, learned without labels, tell 0 to 4 apart.
//!
//! 784-200-784 sigmoid units, p′ 0.1, λ 3e-3, β 3, 400 iterations of L-BFGS on all training images of 5 to
//! 9; then softmax regression, λ 1e-4, 100 iterations, on the first half of the training images of 0 to 4,
//! tested on the second half.
//!
//! A. Ng, J. Ngiam, C. Y. Foo, Y. Mai, C. Suen (2011), UFLDL Tutorial, exercise: self-taught learning.

use autoencoder::activation::{Identity, Sigmoid};
use autoencoder::init::Ufldl;
use autoencoder::layer::Elementwise;
use autoencoder::nalgebra::Const;
use autoencoder::{AutoEncoder, Batch, Classifier, Dense, Lbfgs, SparseKl, WeightDecay};

use crate::Settings;
use crate::data::{Stop, mnist};
use crate::report::{Line, Target};

/// Features and labels of the two halves.
type Half<'a, const N: usize> = (&'a Batch<f32, Const<N>>, &'a [u8]);

/// The oracle: twice as many features as pixels do not do worse than the pixels by more than two points.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let digits = crate::data::digits::<f32>()?;
    let (pixels, features) =
        each_seed::<64, 128>(settings, (&digits.train, &digits.train_labels), (1e-4, 0.1), 100)?;
    let least = (pixels[0] - 2.0).floor();
    Ok(vec![Line::number("% right of 0-4", Target::AtLeast(least), &features, 2)])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let (pixels, features) =
        each_seed::<784, 200>(settings, (&data.train, &data.train_labels), (3e-3, 3.0), 400)?;
    Ok(vec![
        Line::number("% right of 0-4, by features", Target::AtLeast(98.0), &features, 2),
        Line::note("by pixels (about 96 is published)", &pixels, 2),
    ])
}

/// Per cent right by the pixels, and by the features of each seed.
fn each_seed<const N: usize, const K: usize>(
    settings: &Settings,
    (images, labels): Half<'_, N>,
    (decay, sparsity): (f64, f64),
    iterations: usize,
) -> Result<(Vec<f64>, Vec<f64>), Stop> {
    let (known, other): (Vec<_>, Vec<_>) = (0..labels.len()).partition(|&at| labels[at] < 5);
    let other = images.select(other);
    let halves = known.split_at(known.len() / 2);
    let halves = [halves.0, halves.1].map(|half| {
        let labels: Vec<u8> = half.iter().map(|&at| labels[at]).collect();
        (images.select(half.iter().copied()), labels)
    });
    let [(train, train_labels), (test, test_labels)] = &halves;
    let pixels = softmax::<N, 5>(settings, (train, train_labels))?.accuracy(test, test_labels)?;
    let mut by_features = Vec::new();
    for seed in settings.seeds() {
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<N, K>::new(Sigmoid).init(Ufldl))
            .decoder(Dense::<K, N>::new(Sigmoid).init(Ufldl))
            .regularizer((SparseKl::new(0.1, sparsity)?, WeightDecay::new(decay)?))
            .seed(seed)
            .build::<f32>()?;
        settings.trainer(Lbfgs::new(), seed).epochs(iterations).fit(&mut model, &other)?;
        let (train, test) = (model.encode(train)?, model.encode(test)?);
        let softmax = softmax::<K, 5>(settings, (&train, train_labels))?;
        by_features.push(100.0 * softmax.accuracy(&test, test_labels)?);
    }
    Ok((vec![100.0 * pixels], by_features))
}

/// The exercises' softmax regression.
pub fn softmax<const N: usize, const CLASSES: usize>(
    settings: &Settings,
    (features, labels): Half<'_, N>,
) -> Result<Softmax<N, CLASSES>, Stop> {
    let mut softmax = AutoEncoder::builder()
        .encoder(Elementwise::<N>::new(Identity))
        .classes::<CLASSES>()
        .regularizer(WeightDecay::new(1e-4)?)
        .build::<f32>()?;
    let mut trainer = settings.trainer(Lbfgs::new(), 0).epochs(100);
    trainer.fit(&mut softmax, (features, labels))?;
    Ok(softmax)
}

/// Softmax regression on N features.
pub type Softmax<const N: usize, const CLASSES: usize> = Classifier<
    autoencoder::layer::ElementwiseLayer<Const<N>, Identity>,
    autoencoder::layer::DenseLayer<Const<N>, Const<CLASSES>, Identity>,
    WeightDecay,
>;
