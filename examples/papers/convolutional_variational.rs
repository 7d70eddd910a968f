//! Row 15: row 2's variational autoencoder with convolutions: 32 and 64 channels of stride 2 around its code of 20.
//!
//! All else is as there: grey pixels, Adam at 1e-3, batches of 128, 10 epochs, −ELBO in nats with drawn codes. The
//! dense 784-400-20 of row 2 leaves 105.78 on test images, a mean over three seeds.
//!
//! D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.

use autoencoder::activation::Identity;
use autoencoder::random::seeded;
use autoencoder::size::Image;
use autoencoder::train::schedule::Cosine;
use autoencoder::{
    Adam, AutoEncoder, BernoulliCrossEntropy, Conv2d, ConvTranspose2d, Dense, Gaussian, Then,
    Variational,
};

use crate::Settings;
use crate::data::{Stop, mnist};
use crate::nets::Strided;
use crate::report::{Line, Target};
use crate::variational::linear_digits;

/// The oracle of row 2: convolutions without an activation are linear, and what a linear model with Gaussian pixels
/// reaches is known, as long as they can make every image.
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    type Halves = Image<8, 4, 4>;
    const K: usize = 4;
    let (data, least) = linear_digits(K)?;
    let mut bounds = Vec::new();
    for seed in settings.seeds() {
        let head = || Dense::<128, K>::new(Identity);
        let body = Conv2d::<Image<1, 8, 8>, Halves, 3>::new(Identity);
        let back = ConvTranspose2d::<Halves, Image<1, 8, 8>, 3>::new(Identity);
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(body, head(), head()))
            .decoder(Dense::<K, 128>::new(Identity).then(back))
            .regularizer(Variational::new(1.0)?)
            .seed(seed)
            .build::<f64>()?;
        let trainer = settings.trainer(Adam::new(3e-3)?, seed).schedule(Cosine::new(0.0)?);
        trainer.epochs(150).fit(&mut model, &data)?;
        bounds.push(-model.elbo(&data, 100, &mut seeded(seed))?.value());
    }
    let target = Target::Near(least, (10.0 * least).round() / 1e4 * 2.0);
    Ok(vec![Line::number("linear: −ELBO, nats", target, &bounds, 4)])
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    /// What row 2 leaves on test images.
    const DENSE: f64 = 105.78;
    const K: usize = 20;
    let data = mnist::<f32>(settings.data())?;
    let (images, unseen) = (data.train.into_dynamic(), data.test.into_dynamic());
    let net = Strided { side: 28, channels: (32, 64) };
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for seed in settings.seeds() {
        let head = || Dense::dynamic(net.features(), K, Identity);
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(net.convolutions()?, head(), head()))
            .decoder(net.decoder(K)?)
            .regularizer(Variational::new(1.0)?)
            .loss(BernoulliCrossEntropy)
            .seed(seed)
            .build::<f32>()?;
        let trainer = settings.trainer(Adam::new(1e-3)?, seed);
        let report = trainer.epochs(10).batch_size(128).fit(&mut model, &images)?;
        train.extend(report.last().map(|epoch| epoch.terms.total()));
        test.push(-model.elbo(&unseen, 1, &mut seeded(seed))?.value());
        settings.say(&format!("seed {seed}: test −ELBO {test:?}"));
    }
    Ok(vec![
        Line::note("train −ELBO, drawn, nats", &train, 2),
        Line::number("test −ELBO, drawn, nats", Target::AtMost(DENSE - 3.0), &test, 2),
        Line::note("784-400-20, row 2", &[DENSE], 2),
    ])
}
