//! A linear variational autoencoder is probabilistic PCA: its greatest likelihood is known in closed form.
//!
//! References: M. Tipping, C. Bishop (1999), Probabilistic principal component analysis; J. Lucas, G. Tucker, R. Grosse,
//! M. Norouzi (2019), Don't blame the ELBO! A linear VAE perspective on posterior collapse (that the bound is
//! tight at the optimum).

use autoencoder::activation::Identity;
use autoencoder::loss::LearnedGaussian;
use autoencoder::random::seeded;
use autoencoder::train::schedule::Cosine;
use autoencoder::*;
use nalgebra::{Const, DMatrix, DVector};

const FEATURES: usize = 64;
const UNITS: usize = 8;
const LN_TAU: f64 = 1.837_877_066_409_345_3;

/// The mean and the covariance of samples.
fn moments(x: &Batch<f64, Const<FEATURES>>) -> (DVector<f64>, DMatrix<f64>) {
    let samples = x.samples() as f64;
    let x = DMatrix::from_column_slice(FEATURES, x.samples(), x.as_slice());
    let mean = x.column_mean();
    let centred = DMatrix::from_fn(FEATURES, x.ncols(), |row, column| x[(row, column)] - mean[row]);
    (mean, &centred * centred.transpose() / samples)
}

/// The least mean −ln p(x) of a Gaussian whose covariance is W Wᵀ + σ² I, with W of so many columns: with the
/// eigenvalues λ of the covariance in falling order, σ² is the mean of those left out, and twice it is
/// Σ ln λ of those kept + (d − q) ln σ² + d + d ln 2π.
fn least_negative_log_likelihood(covariance: &DMatrix<f64>) -> f64 {
    let mut eigenvalues = covariance.symmetric_eigenvalues().as_slice().to_vec();
    eigenvalues.sort_by(|a, b| b.total_cmp(a));
    let rest = (FEATURES - UNITS) as f64;
    let variance = eigenvalues[UNITS..].iter().sum::<f64>() / rest;
    let kept: f64 = eigenvalues[..UNITS].iter().map(|value| value.ln()).sum();
    0.5 * (kept + rest * variance.ln() + FEATURES as f64 * (1.0 + LN_TAU))
}

#[test]
fn a_linear_variational_autoencoder_comes_to_the_greatest_likelihood() {
    let digits = datasets::digits::<f64>().train.with_size(Const::<FEATURES>).unwrap();
    let (mean, covariance) = moments(&digits);
    let least = least_negative_log_likelihood(&covariance);

    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            layer::Elementwise::<FEATURES>::new(Identity),
            Dense::<FEATURES, UNITS>::new(Identity),
            Dense::<FEATURES, UNITS>::new(Identity),
        ))
        .decoder(Dense::<UNITS, FEATURES>::new(Identity))
        .regularizer(Variational::default())
        .loss(LearnedGaussian::shared())
        .seed(1)
        .build::<f64>()
        .unwrap();
    let schedule = Cosine::new(0.0).unwrap();
    let mut trainer =
        Trainer::new(Adam::new(5e-3).unwrap()).epochs(250).batch_size(64).schedule(schedule);
    trainer.fit(&mut model, &digits).unwrap();

    // −ELBO is an upper bound of −ln p, which no model of this family brings below the closed form.
    let elbo = model.elbo(&digits, 40, &mut seeded(2)).unwrap().value();
    println!("least −ln p {least:.4}, −ELBO {:.4}", -elbo);
    assert!(-elbo >= least - 0.02 && -elbo <= least + 0.1, "−ELBO {}, least {least}", -elbo);

    // The model's own likelihood, by its parameters and by importance sampling.
    let tensor = |name: &str| {
        let found = model.layout().tensors().iter().find(|tensor| tensor.name == name).unwrap();
        &model.parameters()[found.range.clone()]
    };
    let w = DMatrix::from_column_slice(FEATURES, UNITS, tensor("decoder.0.weight"));
    let b = DVector::from_column_slice(tensor("decoder.0.bias"));
    let variance = tensor("loss.log_variance")[0].exp();
    let own = &w * w.transpose() + DMatrix::identity(FEATURES, FEATURES) * variance;
    let cholesky = own.cholesky().unwrap();
    let ln_determinant = 2.0 * cholesky.l().diagonal().map(f64::ln).sum();
    let chosen = digits.select((0..digits.samples()).step_by(15));
    let exact: Vec<f64> = chosen
        .iter()
        .map(|x| {
            let away = DVector::from_column_slice(x) - &b;
            0.5 * (away.dot(&cholesky.solve(&away)) + ln_determinant + FEATURES as f64 * LN_TAU)
        })
        .collect();
    let sampled = model.negative_log_likelihood(&chosen, 500, &mut seeded(3)).unwrap();
    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    println!("−ln p of the model {:.5}, by sampling {:.5}", mean_of(&exact), mean_of(&sampled));
    assert!((mean_of(&sampled) - mean_of(&exact)).abs() <= 0.01);
    assert!((b - mean).amax() <= 0.1);
}
