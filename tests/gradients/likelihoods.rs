//! Likelihoods: densities that integrate to 1, in nats, with their gradients.
//!
//! The numbers in the tables are from mpmath with 60 digits:
//! ```python
//! from mpmath import mp, mpf, exp, log, pi, factorial
//! mp.dps = 60
//! def cb(x, a):
//!     return (mpf(0) if a == 0 else log(exp(a) - 1) - log(a) if a > 0 else log(1 - exp(a)) - log(-a)) - a * x
//! def cb_mean(a): return mpf(1) / 2 if a == 0 else 1 / (1 - exp(-a)) - 1 / a
//! for a in map(mpf, [0.0, 1e-9, 0.125, -0.125, 0.24, 0.26, -0.5, 2.0, -7.0, 40.0, -300.0]):
//!     print(mp.nstr(cb(mpf(0.3), a), 20), mp.nstr(cb_mean(a), 20))
//! for y in (0.3, -1.5):
//!     print(((mpf(0.3) - mpf(y)) / mpf(0.4))**2 / 2 + log(mpf(0.4)) + log(2 * pi) / 2)
//!     print(abs(mpf(0.3) - mpf(y)) / mpf(0.4) + log(2 * mpf(0.4)))
//! for a, x in ((0.5, 0), (-1.25, 3), (2.0, 11)):
//!     print(exp(mpf(a)) - mpf(a) * x + log(factorial(x)))
//! ```

#![allow(clippy::excessive_precision)] // As they were printed.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::gradcheck;
use autoencoder::layer::DenseLayer;
use autoencoder::loss::{Compared, LossFor, WithInput};
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::{Const, Dyn};
use rand::RngExt;

fn pair<'a, T: Float>(x: &'a [T], y: &'a [T]) -> Compared<'a, T> {
    Compared { x: BatchView::new(x, 1), y: BatchView::new(y, 1), parameters: &[] }
}

/// The loss of one value.
fn value<T: Float>(loss: &dyn Loss<T>, x: f64, y: f64) -> f64 {
    let mut values = [T::of(f64::NAN)];
    let (x, y) = ([T::of(x)], [T::of(y)]);
    loss.values(pair(&x, &y), &mut values);
    values[0].to_double()
}

fn slope<T: Float>(loss: &dyn Loss<T>, x: f64, y: f64) -> f64 {
    let mut dy = [T::of(f64::NAN)];
    let (x, y) = ([T::of(x)], [T::of(y)]);
    let to = BatchViewMut::new(&mut dy, 1);
    loss.gradient(pair(&x, &y), &[T::ONE], to);
    dy[0].to_double()
}

fn reconstruction<T: Float>(loss: &dyn Loss<T>, y: f64) -> f64 {
    let mut y = [T::of(y)];
    loss.reconstruct(BatchViewMut::new(&mut y, 1));
    y[0].to_double()
}

/// Logit, loss at x = 0.3, mean.
const CONTINUOUS_BERNOULLI: [(f64, f64, f64); 11] = [
    (0.0, 0.0, 0.5),
    (1e-9, 2.0000000004166669023e-10, 0.50000000008333333333),
    (0.125, 0.025650956916634729293, 0.51041395500184067122),
    (-0.125, -0.024349043083365273482, 0.48958604499815932878),
    (0.24, 0.050398849052120947904, 0.51998082629356638563),
    (0.26, 0.054815081644867504946, 0.52164229477953271628),
    (-0.5, -0.089604949007243268029, 0.45850591746320171587),
    (2.0, 0.56143936157119565581, 0.65651764274966565182),
    (-7.0, 0.15317755296184754872, 0.14194442860392112348),
    (40.0, 24.311120545886064137, 0.97500000000000000425),
    (-300.0, 84.29621752534379561, 0.0033333333333333333333),
];

#[test]
fn continuous_bernoulli_against_sixty_digits() {
    let loss: &dyn Loss<f64> = &ContinuousBernoulli;
    let single: &dyn Loss<f32> = &ContinuousBernoulli;
    for (a, expected, mean) in CONTINUOUS_BERNOULLI {
        let found = value(loss, 0.3, a);
        // Near 0 the loss is a difference of numbers of the size of a.
        let size = expected.abs().max(0.1 * a.abs()).max(1e-300);
        assert!((found - expected).abs() <= 4e-15 * size, "{a}: {found} {expected}");
        let found = reconstruction(loss, a);
        assert!((found - mean).abs() <= 4e-15 * mean, "{a}: {found} {mean}");
        assert!((slope(loss, 0.3, a) - (mean - 0.3)).abs() <= 4e-15);
        let found = value(single, 0.3, a);
        assert!((found - expected).abs() <= 2e-6 * size.max(1e-3), "{a}: {found} {expected}");
        let found = reconstruction(single, a);
        assert!((found - mean).abs() <= 2e-6, "{a}: {found} {mean}");
    }
}

#[test]
fn gaussian_laplace_and_poisson_against_sixty_digits() {
    let close = |found: f64, expected: f64| {
        assert!((found - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{found} {expected}");
    };
    let gaussian = GaussianLikelihood::new(0.4).unwrap();
    close(value::<f64>(&gaussian, 0.3, 0.3), 0.002647801330517732108);
    close(value::<f64>(&gaussian, 0.3, -1.5), 10.127647801330516483);
    let laplace = LaplaceLikelihood::new(0.4).unwrap();
    close(value::<f64>(&laplace, 0.3, 0.3), -0.22314355131420970026);
    close(value::<f64>(&laplace, 0.3, -1.5), 4.2768564486857900222);
    close(value::<f64>(&PoissonLikelihood, 0.0, 0.5), 1.6487212707001281468);
    close(value::<f64>(&PoissonLikelihood, 3.0, -1.25), 5.8282642660882451011);
    close(value::<f64>(&PoissonLikelihood, 11.0, 2.0), 2.8913639448045360665);
    close(reconstruction::<f64>(&PoissonLikelihood, 1.0), std::f64::consts::E);
}

/// ∫ f from low to high, by Simpson's rule.
fn integral(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (pieces, step) = (20_000, (high - low) / 20_000.0);
    let weight = |k: usize| if k == 0 || k == pieces { 1.0 } else { 2.0 + 2.0 * (k % 2) as f64 };
    (0..=pieces).map(|k| weight(k) * f(low + k as f64 * step)).sum::<f64>() * step / 3.0
}

/// e^−loss is a density: it integrates to 1, and the reconstruction is its mean.
#[test]
fn probabilities_add_up_to_one() {
    let check = |loss: &dyn Loss<f64>, y: f64, low: f64, high: f64| {
        let density = |x: f64| (-value(loss, x, y)).exp();
        let total = integral(low, high, density);
        assert!((total - 1.0).abs() < 1e-9, "{loss:?} at {y}: {total}");
        let mean = integral(low, high, |x| x * density(x));
        let expected = reconstruction(loss, y);
        assert!((mean - expected).abs() < 1e-9, "{loss:?} at {y}: {mean} {expected}");
    };
    for y in [-20.0, -3.0, -0.3, -0.2, -1e-3, 0.0, 0.1, 0.3, 2.0, 15.0] {
        check(&ContinuousBernoulli, y, 0.0, 1.0);
    }
    for (y, deviation) in [(-1.0, 0.1), (0.3, 1.0), (2.0, 3.0)] {
        let around = 12.0 * deviation;
        let gaussian = GaussianLikelihood::new(deviation).unwrap();
        check(&gaussian, y, y - around, y + around);
        let laplace = LaplaceLikelihood::new(deviation).unwrap();
        check(&laplace, y, y - 3.0 * around, y + 3.0 * around);
    }
    for a in [-3.0, 0.0, 1.5, 3.0] {
        let probability = |x: usize| (-value::<f64>(&PoissonLikelihood, x as f64, a)).exp();
        let total: f64 = (0..150).map(probability).sum();
        let mean: f64 = (0..150).map(|x| x as f64 * probability(x)).sum();
        assert!((total - 1.0).abs() < 1e-12, "{a}: {total}");
        assert!((mean - reconstruction::<f64>(&PoissonLikelihood, a)).abs() < 1e-11, "{a}: {mean}");
    }
}

#[test]
fn gradients() {
    fn check<L>(loss: L, seed: u64)
    where
        L: Loss<f64> + LossFor<DenseLayer<Dyn, Dyn, Identity>, Target = WithInput> + Copy + 'static,
    {
        let mut rng = seeded(seed);
        for _ in 0..40 {
            let features = rng.random_range(1..=9);
            let mut x = Batch::zeros(Dyn(features), rng.random_range(1..=9));
            let is_count = loss.name() == "poisson_likelihood";
            x.as_mut_slice().fill_with(|| {
                let x: f64 = rng.random();
                if is_count { (6.0 * x).floor() } else { x }
            });
            let mut model = AutoEncoder::builder()
                .encoder(Dense::dynamic(features, 3, Tanh))
                .decoder(Dense::dynamic(3, features, Identity))
                .loss(loss)
                .seed(rng.random())
                .build::<f64>()
                .unwrap();
            let wide: Vec<f64> = model.parameters().iter().map(|p| p + 0.1).collect();
            model.set_parameters(&wide).unwrap();
            let check = gradcheck::model(&model, &x, 1).unwrap();
            assert!(check.passes(), "{loss:?}: {check}");
        }
    }
    check(ContinuousBernoulli, 1);
    check(GaussianLikelihood::new(0.3).unwrap(), 2);
    check(PoissonLikelihood, 3);
    // Laplace's has a kink where x = y: on either side of it, and there.
    let laplace = LaplaceLikelihood::new(0.3).unwrap();
    for (x, y) in [(2.0, 0.7), (-2.0, 0.4), (0.5, -0.25)] {
        let slope = [slope::<f64>(&laplace, x, y)];
        gradcheck::function(&[y], &slope, |y| value::<f64>(&laplace, x, y[0])).assert();
    }
    assert_eq!(slope::<f64>(&LaplaceLikelihood::new(0.5).unwrap(), 0.25, 0.25), 0.0);
}

#[test]
fn huge_outputs_and_wrong_data() {
    for a in [-1e30, -1e4, -100.0, 100.0, 1e4, 1e30] {
        for x in [0.0, 0.5, 1.0] {
            let (double, single) = (
                value::<f64>(&ContinuousBernoulli, x, a),
                value::<f32>(&ContinuousBernoulli, x, a),
            );
            assert!(double.is_finite() && single.is_finite(), "{x} at {a}: {double} {single}");
            let mean = reconstruction::<f32>(&ContinuousBernoulli, a);
            assert!((0.0..=1.0).contains(&mean), "{a}: {mean}");
        }
    }
    // Where the series and the formula meet there is no step.
    let at = |a: f64| reconstruction::<f64>(&ContinuousBernoulli, a);
    let (below, above) = (at(0.25 - 1e-12), at(0.25 + 1e-12));
    assert!((above - below).abs() < 1e-12, "{below} {above}");

    let data = Batch::from_iter([[0.5, 2.0]]);
    let model = |data: &Batch<f64, Const<2>>| {
        let build = AutoEncoder::builder()
            .encoder(Dense::<2, 1>::new(Tanh))
            .decoder(Dense::<1, 2>::new(Identity));
        let continuous = build.clone().loss(ContinuousBernoulli).build::<f64>().unwrap();
        let counts = build.loss(PoissonLikelihood).build::<f64>().unwrap();
        let text = |refused: Result<Terms>| refused.unwrap_err().to_string();
        (text(continuous.loss(data)), text(counts.loss(data)))
    };
    let (continuous, counts) = model(&data);
    assert!(continuous.contains("feature 1 of sample 0 is 2") && continuous.contains("in [0, 1]"));
    assert!(
        counts.contains("feature 0 of sample 0 is 0.5") && counts.contains("a whole number from 0")
    );
    for deviation in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(GaussianLikelihood::new(deviation).is_err());
        assert!(LaplaceLikelihood::new(deviation).is_err());
    }
}
