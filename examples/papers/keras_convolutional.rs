//! Row 12: the convolutional autoencoder of the Keras blog, 16-8-8 channels around a code of 8 × 4 × 4.
//!
//! Rectified units, kernels of 3 × 3, pooling by two that keeps the last row and column (7 to 4), upsampling by
//! repetition; one convolution has no zeros around its image (16 to 14). 4,385 parameters, as Keras counts them.
//! Cross-entropy, mean over pixels, of test images after 50 epochs in batches of 128. The blog has Adadelta, whose
//! steps need no rate; here it is Adam at 1e-3, in the rows beside this one as well.
//!
//! F. Chollet (2016), Building autoencoders in Keras.

use autoencoder::activation::{Identity, Relu};
use autoencoder::size::Image;
use autoencoder::{AutoEncoder, BernoulliCrossEntropy, Conv2d, MaxPool2d, Then, Upsample2d};

use crate::Settings;
use crate::data::{Stop, mnist};
use crate::keras::{cross_entropies, entropy_of_mean, own_entropy};
use crate::report::{Line, Target};

/// The oracle of row 7: a code of 32 numbers leaves at most half of what lies between the mean image, which is what is
/// known without one, and the images' own entropy.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    type Pixels = Image<1, 8, 8>;
    type Halves = Image<8, 4, 4>;
    let digits = crate::data::digits::<f32>()?;
    let encoder = || {
        Conv2d::<Pixels, Image<16, 8, 8>, 3>::new(Relu)
            .then(MaxPool2d::<Image<16, 8, 8>, Image<16, 4, 4>, 2>::new())
            .then(Conv2d::<Image<16, 4, 4>, Halves, 3>::new(Relu))
            .then(MaxPool2d::<Halves, Image<8, 2, 2>, 2>::new())
    };
    let decoder = || {
        Conv2d::<Image<8, 2, 2>, Image<8, 2, 2>, 3>::new(Relu)
            .then(Upsample2d::<Image<8, 2, 2>, Halves>::nearest())
            .then(Conv2d::<Halves, Image<16, 4, 4>, 3>::new(Relu))
            .then(Upsample2d::<Image<16, 4, 4>, Image<16, 8, 8>>::nearest())
            .then(Conv2d::<Image<16, 8, 8>, Pixels, 3>::new(Identity))
    };
    let build = |seed| {
        let builder = AutoEncoder::builder().encoder(encoder()).decoder(decoder());
        builder.loss(BernoulliCrossEntropy).seed(seed).build::<f32>()
    };
    let sets = (&digits.train, &digits.test);
    let cross_entropy = cross_entropies(settings, sets, (60, 32), build)?;
    let (own, constant) = (own_entropy(&digits.test), entropy_of_mean(&digits.test));
    let half_way = ((own + 0.5 * (constant - own)) * 1e4).round() / 1e4;
    let own = (own * 1e4).floor() / 1e4;
    Ok(vec![
        Line::number("cross-entropy a pixel", Target::AtMost(half_way), &cross_entropy, 4),
        Line::number("more than the images' own", Target::AtLeast(own), &cross_entropy, 4),
    ])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let encoder = || {
        Conv2d::<Image<1, 28, 28>, Image<16, 28, 28>, 3>::new(Relu)
            .then(MaxPool2d::<Image<16, 28, 28>, Image<16, 14, 14>, 2>::new())
            .then(Conv2d::<Image<16, 14, 14>, Image<8, 14, 14>, 3>::new(Relu))
            .then(MaxPool2d::<Image<8, 14, 14>, Image<8, 7, 7>, 2>::new())
            .then(Conv2d::<Image<8, 7, 7>, Image<8, 7, 7>, 3>::new(Relu))
            .then(MaxPool2d::<Image<8, 7, 7>, Image<8, 4, 4>, 2>::new())
    };
    let decoder = || {
        Conv2d::<Image<8, 4, 4>, Image<8, 4, 4>, 3>::new(Relu)
            .then(Upsample2d::<Image<8, 4, 4>, Image<8, 8, 8>>::nearest())
            .then(Conv2d::<Image<8, 8, 8>, Image<8, 8, 8>, 3>::new(Relu))
            .then(Upsample2d::<Image<8, 8, 8>, Image<8, 16, 16>>::nearest())
            .then(Conv2d::<Image<8, 16, 16>, Image<16, 14, 14>, 3>::new(Relu))
            .then(Upsample2d::<Image<16, 14, 14>, Image<16, 28, 28>>::nearest())
            .then(Conv2d::<Image<16, 28, 28>, Image<1, 28, 28>, 3>::new(Identity))
    };
    let build = |seed| {
        let builder = AutoEncoder::builder().encoder(encoder()).decoder(decoder());
        builder.loss(BernoulliCrossEntropy).seed(seed).build::<f32>()
    };
    let parameters = build(0)?.num_parameters();
    let sets = (&data.train, &data.test);
    let cross_entropy = cross_entropies(settings, sets, (50, 128), build)?;
    Ok(vec![
        Line::number("parameters", Target::Near(4385.0, 0.0), &[parameters as f64], 0),
        Line::number("test cross-entropy a pixel", Target::AtMost(0.094), &cross_entropy, 4),
        Line::note("the images' own", &[own_entropy(&data.test)], 4),
    ])
}
