//! Row 13: convolutions of stride 2 against dense layers with a code as large.
//!
//! 32 and 64 channels, 28 to 14 to 7, a dense layer to the code, and transposed convolutions back; kernels of 3 × 3,
//! rectified units. The code of 32 numbers, after 10 epochs in batches of 128, stands beside row 7's 784-32-784 after
//! 50 in batches of 256, which are two and a half times as many steps; that of 128 beside 784-128-784 after as many
//! epochs, 5, in batches of 128 for both. Cross-entropy, mean over pixels, of test images.
//!
//! F. Chollet (2016), Building autoencoders in Keras, for the dense net.

use autoencoder::activation::{Identity, Relu};
use autoencoder::size::Image;
use autoencoder::{AutoEncoder, BernoulliCrossEntropy, Conv2d, ConvTranspose2d, Dense, Then};

use crate::Settings;
use crate::data::{Stop, all_digits, mnist, squared_error};
use crate::keras::{cross_entropies, each_seed as dense, own_entropy};
use crate::report::{Line, Target, mean};

/// The oracle: a code of eight numbers leaves less than the best linear one, eight principal components.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    type Halves = Image<16, 4, 4>;
    type Quarters = Image<32, 2, 2>;
    let digits = all_digits::<f32>()?;
    let one = |seed| {
        let mut model = AutoEncoder::builder()
            .encoder(
                Conv2d::<Image<1, 8, 8>, Halves, 3>::new(Relu)
                    .then(
                        Conv2d::between(Halves::default(), Quarters::default(), 3, Relu).stride(2),
                    )
                    .then(Dense::<128, 8>::new(Identity)),
            )
            .decoder(
                Dense::<8, 128>::new(Relu)
                    .then(
                        ConvTranspose2d::between(Quarters::default(), Halves::default(), 3, Relu)
                            .stride(2),
                    )
                    .then(ConvTranspose2d::<Halves, Image<1, 8, 8>, 3>::new(Identity)),
            )
            .seed(seed)
            .build::<f32>()?;
        let trainer = settings.trainer(autoencoder::Adam::new(2e-3)?, seed);
        trainer.epochs(60).batch_size(32).fit(&mut model, &digits)?;
        Ok(squared_error(&digits, &model.reconstruct(&digits)?))
    };
    let errors = settings.seeds().map(one).collect::<Result<Vec<f64>, Stop>>()?;
    Ok(vec![Line::number("SSE/img, code of 8", Target::AtMost(1.530448), &errors, 4)])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let (train, test) = (&data.train, &data.test);
    let small = each_seed::<32>(settings, (train, test), 10)?;
    let large = each_seed::<128>(settings, (train, test), 5)?;
    let large_dense = dense::<784, 128>(settings, (train, test), (5, 128))?;
    let fixed = Target::AtMost(DENSE - 0.005);
    Ok(vec![
        Line::number("test cross-entropy a pixel, code of 32", fixed, &small, 4),
        Line::note("784-32-784, row 7", &[DENSE], 4),
        Line::order(
            "code of 128, beside 784-128-784",
            &[("convolutional", large.clone()), ("dense", large_dense.clone())],
            4,
        ),
        Line::note("less than the dense one", &[mean(&large_dense) - mean(&large)], 4),
        Line::note("the images' own", &[own_entropy(&data.test)], 4),
    ])
}

/// What row 7 leaves, as a mean over three seeds.
const DENSE: f64 = 0.0915;

type Pair<'a> = (
    &'a autoencoder::Batch<f32, autoencoder::nalgebra::Const<784>>,
    &'a autoencoder::Batch<f32, autoencoder::nalgebra::Const<784>>,
);

fn each_seed<const K: usize>(
    settings: &Settings,
    sets: Pair<'_>,
    epochs: usize,
) -> Result<Vec<f64>, Stop> {
    type Pixels = Image<1, 28, 28>;
    type Halves = Image<32, 14, 14>;
    type Quarters = Image<64, 7, 7>;
    let build = |seed| {
        AutoEncoder::builder()
            .encoder(
                Conv2d::<Pixels, Halves, 3>::new(Relu)
                    .then(Conv2d::<Halves, Quarters, 3>::new(Relu))
                    .then(Dense::<3136, K>::new(Identity)),
            )
            .decoder(
                Dense::<K, 3136>::new(Relu)
                    .then(ConvTranspose2d::<Quarters, Halves, 3>::new(Relu))
                    .then(ConvTranspose2d::<Halves, Pixels, 3>::new(Identity)), // logits
            )
            .loss(BernoulliCrossEntropy)
            .seed(seed)
            .build::<f32>()
    };
    cross_entropies(settings, sets, (epochs, 128), build)
}
