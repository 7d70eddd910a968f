//! Row 16: few labels. A convolutional autoencoder that has seen all images without labels is the start of a classifier.
//!
//! 16 and 32 channels of stride 2, whose 1,568 outputs are the code, trained for 3 epochs on all training images with
//! 30 % of their pixels masked, as in the paper; then a softmax on top and all of it trained for 100 epochs on the first
//! 1,000 labels in batches of 50, Adam at 1e-3, beside the same net from random weights. The paper's net is larger, pools
//! and is trained longer. On MNIST nothing was chosen; that there is no dense code, and that the training without labels
//! is short, was chosen on the training part of the embedded digits.
//!
//! J. Masci, U. Meier, D. Cireşan, J. Schmidhuber (2011), Stacked convolutional auto-encoders for hierarchical feature
//! extraction: 7.23 % of test images wrong with 1,000 labels, 7.63 % without pretraining.

use autoencoder::corruption::Masking;
use autoencoder::{Adam, AutoEncoder, BernoulliCrossEntropy, Denoising};

use crate::Settings;
use crate::data::{Labelled, Stop, mnist};
use crate::nets::Strided;
use crate::report::{Line, Target, mean};

/// How much there is of each.
struct Budget {
    labels: usize,
    batch: usize,
    pretraining: usize,
}

/// The oracle: with 100 labels, what was learned without labels does no harm beyond two points.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let digits = crate::data::digits::<f32>()?;
    let net = Strided { side: 8, channels: (16, 32) };
    let budget = Budget { labels: 100, batch: 20, pretraining: 15 };
    let (pretrained, random) = each_seed(settings, digits, net, &budget)?;
    let most = (mean(&random) + 2.0).ceil();
    Ok(vec![Line::number("test error, %", Target::AtMost(most), &pretrained, 2)])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let net = Strided { side: 28, channels: (16, 32) };
    let budget = Budget { labels: 1000, batch: 50, pretraining: 3 };
    let (pretrained, random) = each_seed(settings, data, net, &budget)?;
    let gap = mean(&random) - mean(&pretrained);
    let both = [("pretrained", pretrained), ("random", random)];
    Ok(vec![
        Line::order("test error, %", &both, 2),
        Line::note("points between them (0.40)", &[gap], 2),
    ])
}

/// Per cent of the test images that are wrong, of the pretrained net and of one from random weights.
fn each_seed<const N: usize>(
    settings: &Settings,
    data: Labelled<f32, N>,
    net: Strided,
    budget: &Budget,
) -> Result<(Vec<f64>, Vec<f64>), Stop> {
    let (train, test) = (data.train.into_dynamic(), data.test.into_dynamic());
    let few = train.select(0..budget.labels);
    let labels = &data.train_labels[..budget.labels];
    let trainer = |seed, epochs, batch| {
        Ok::<_, Stop>(settings.trainer(Adam::new(1e-3)?, seed).epochs(epochs).batch_size(batch))
    };
    let (mut pretrained, mut random) = (Vec::new(), Vec::new());
    for seed in settings.seeds() {
        let mut model = AutoEncoder::builder()
            .encoder(net.convolutions()?)
            .decoder(net.transposed()?)
            .regularizer(Denoising::new(Masking::new(0.3)?))
            .loss(BernoulliCrossEntropy)
            .seed(seed)
            .build::<f32>()?;
        trainer(seed, budget.pretraining, 128)?.fit(&mut model, &train)?;
        let wrong = |accuracy: f64| 100.0 * (1.0 - accuracy);

        let mut classifier = model.classifier::<10>().seed(seed).build::<f32>()?;
        trainer(seed, 100, budget.batch)?.fit(&mut classifier, (&few, labels))?;
        pretrained.push(wrong(classifier.accuracy(&test, &data.test_labels)?));

        let fresh = AutoEncoder::builder().encoder(net.convolutions()?).classes::<10>();
        let mut classifier = fresh.seed(seed).build::<f32>()?;
        trainer(seed, 100, budget.batch)?.fit(&mut classifier, (&few, labels))?;
        random.push(wrong(classifier.accuracy(&test, &data.test_labels)?));
        settings.say(&format!("seed {seed}: pretrained {pretrained:?}, random {random:?}"));
    }
    Ok((pretrained, random))
}
