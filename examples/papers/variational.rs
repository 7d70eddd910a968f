//! Row 2: the variational autoencoder of PyTorch's examples, 784-400-20 with rectified units.
//!
//! Grey pixels as they are, Adam at 1e-3, batches of 128, 10 epochs. −ELBO in nats with drawn codes, one a
//! sample: of the training images as they were met in the last epoch, of the test images after it. The
//! published figures are those of three reruns; first weights are Glorot's here.
//!
//! D. Kingma, M. Welling (2013), Auto-encoding variational Bayes.

use autoencoder::activation::{Identity, Relu};
use autoencoder::layer::Elementwise;
use autoencoder::nalgebra::{Const, DMatrix};
use autoencoder::random::seeded;
use autoencoder::train::schedule::Cosine;
use autoencoder::{
    Adam, AutoEncoder, Batch, BernoulliCrossEntropy, Dense, Gaussian, Then, Variational,
};

use crate::Settings;
use crate::data::{Stop, mnist};
use crate::report::{Line, Target};

/// The oracle: a linear model with Gaussian pixels of variance 1 is probabilistic PCA, with a tight bound.
///
/// J. Lucas, G. Tucker, R. Grosse, M. Norouzi (2019), Don't blame the ELBO!
pub fn quick(settings: &Settings) -> Result<Vec<Line>, Stop> {
    const K: usize = 4;
    let (data, least) = linear_digits(K)?;
    let mut bounds = Vec::new();
    for seed in settings.seeds() {
        let body = Elementwise::<64>::new(Identity);
        let head = || Dense::<64, K>::new(Identity);
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(body, head(), head()))
            .decoder(Dense::<K, 64>::new(Identity))
            .regularizer(Variational::new(1.0)?)
            .seed(seed)
            .build::<f64>()?;
        let trainer = settings.trainer(Adam::new(1e-2)?, seed).schedule(Cosine::new(0.0)?);
        trainer.epochs(300).fit(&mut model, &data)?;
        bounds.push(-model.elbo(&data, 100, &mut seeded(seed))?.value());
    }
    let target = Target::Near(least, (10.0 * least).round() / 1e4 * 2.0);
    Ok(vec![Line::number("linear: −ELBO, nats", target, &bounds, 4)])
}

/// Digits with pixels from 0 to 4, and the least −ln p(x) of a linear model with k codes on them.
///
/// In nats without the constant, with the eigenvalues λ of the covariance, the largest k of them above 1:
/// ½ [Σ_{i≤k} (1 + ln λᵢ) + Σ_{i>k} λᵢ].
pub fn linear_digits(k: usize) -> Result<(Batch<f64, Const<64>>, f64), Stop> {
    let mut data = crate::data::all_digits::<f64>()?;
    data.as_mut_slice().iter_mut().for_each(|x| *x *= 4.0);
    let mut x = DMatrix::from(data.clone());
    let mean = x.column_mean();
    x.column_iter_mut().for_each(|mut column| column -= &mean);
    let variances = (&x * x.transpose() / x.ncols() as f64).symmetric_eigenvalues();
    let mut variances: Vec<f64> = variances.iter().copied().collect();
    variances.sort_by(|a, b| b.total_cmp(a));
    let (kept, lost) = variances.split_at(k);
    let least = kept.iter().map(|v| 1.0 + v.ln()).sum::<f64>() + lost.iter().sum::<f64>();
    Ok((data, (0.5e4 * least).round() / 1e4))
}

pub fn full(settings: &Settings) -> Result<Vec<Line>, Stop> {
    let data = mnist::<f32>(settings.data())?;
    let (mut train, mut test, mut at_mean) = (Vec::new(), Vec::new(), Vec::new());
    for seed in settings.seeds() {
        let mut model = AutoEncoder::builder()
            .encoder(Gaussian::new(
                Dense::<784, 400>::new(Relu),
                Dense::<400, 20>::new(Identity),
                Dense::<400, 20>::new(Identity),
            ))
            .decoder(Dense::<20, 400>::new(Relu).then(Dense::<400, 784>::new(Identity)))
            .regularizer(Variational::new(1.0)?)
            .loss(BernoulliCrossEntropy)
            .seed(seed)
            .build::<f32>()?;
        let trainer = settings.trainer(Adam::new(1e-3)?, seed);
        let report = trainer.epochs(10).batch_size(128).fit(&mut model, &data.train)?;
        train.extend(report.last().map(|epoch| epoch.terms.total()));
        test.push(-model.elbo(&data.test, 1, &mut seeded(seed))?.value());
        at_mean.push(model.loss(&data.test)?.total());
    }
    Ok(vec![
        Line::number("train −ELBO, drawn, nats", Target::Near(106.3, 0.6), &train, 2),
        Line::number("test −ELBO, drawn, nats", Target::Near(105.6, 0.6), &test, 2),
        Line::note("test, code at the mean", &at_mean, 2),
    ])
}
