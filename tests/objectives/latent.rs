//! Densities of codes, paths between codes, and copies: against other programs and against mathematics.
//!
//! The numbers are from scikit-learn 1.9, SciPy 1.17 and numpy 2.4:
//! ```python
//! import numpy as np
//! from scipy.stats import multivariate_normal
//! from sklearn.datasets import load_digits
//! from sklearn.mixture import GaussianMixture
//! d = load_digits().data[:1438].reshape(-1, 8, 8) / 16
//! x = np.stack([d[:, :, :4].sum((1, 2)), d[:, :, 4:].sum((1, 2)), d[:, :4].sum((1, 2))], 1)
//! mean, covariance = x.mean(0), np.cov(x.T, bias=True)
//! print(mean, covariance, multivariate_normal(mean, covariance).logpdf(x[:3]))
//! for kind in ("full", "diag"):
//!     for k in (1, 2, 3):
//!         m = GaussianMixture(k, covariance_type=kind, reg_covar=0, tol=1e-9, max_iter=10000, n_init=30,
//!                             random_state=0).fit(x)
//!         o = np.argsort(m.weights_)
//!         print(kind, k, m.score(x), m.bic(x), m.weights_[o], m.means_[o].tolist())
//!         if k == 2: print(m.covariances_[o].tolist(), m.score_samples(x[:3]), m.predict_proba(x[:3])[:, o])
//! def slerp(t, a, b): # T. White's
//!     omega = np.arccos(np.dot(a / np.linalg.norm(a), b / np.linalg.norm(b)))
//!     return np.sin((1 - t) * omega) / np.sin(omega) * a + np.sin(t * omega) / np.sin(omega) * b
//! a, b = np.array([3.0, 0.0, 4.0]), np.array([-1.0, 4.0, 2 * np.sqrt(2)]) # both of norm 5
//! print([slerp(t, a, b).tolist() for t in (0.25, 0.5, 0.75)])
//! print([((1 - t) * 5 + t * 2.5) * slerp(t, a / 5, b / 5) for t in (0.25, 0.5, 0.75)])
//! print(np.quantile(np.sin(np.arange(1, 12)), (np.arange(4) + 0.5) / 4).tolist())
//! x = load_digits().data / 16
//! train, test = x[:1438], x[1438:]
//! others = np.sqrt(((train[:, None, :] - train[None]) ** 2).sum(2)); np.fill_diagonal(others, np.inf)
//! typical = np.median(others.min(1))
//! nearest = np.sqrt(((test[:, None, :] - train[None]) ** 2).sum(2)).min(1)
//! print(typical, np.median(nearest), (nearest / typical <= 0.5).sum(), (nearest / typical <= 0.75).sum())
//! ```

use std::f64::consts::TAU;

use autoencoder::latent::*;
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::{Const, DMatrix, Dyn};
use proptest::prelude::*;
use rand::RngExt;

/// Half a unit of the eighth decimal, as numpy prints.
const PRINTED: f64 = 5e-9;
/// What numbers of size 1 to 10 from two programs in double precision may differ by.
const ROUNDING: f64 = 1e-12;
/// What is left of the way to the optimum when scikit-learn and we end, both at tiny gains.
const OPTIMUM: f64 = 2e-3;
/// A moment of draws lies within so many standard errors.
const STANDARD_ERRORS: f64 = 5.0;

/// How much ink is in the left half, the right half and the upper half of each digit.
fn ink<T: Scalar>() -> Batch<T, Const<3>> {
    let digits = datasets::digits::<f64>().train;
    let sum = |image: &[f64], is_in: &dyn Fn(usize, usize) -> bool| {
        let pixels = image.iter().enumerate();
        T::of(pixels.filter(|(at, _)| is_in(at / 8, at % 8)).map(|(_, x)| x).sum())
    };
    let image = |image: &[f64]| {
        [sum(image, &|_, x| x < 4), sum(image, &|_, x| x >= 4), sum(image, &|y, _| y < 4)]
    };
    digits.iter().map(image).collect()
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }
}

fn exact(options: MixtureOptions) -> MixtureOptions {
    options.tolerance(1e-9).unwrap().max_iterations(10_000).unwrap().restarts(10).unwrap()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn normals(seed: u64, units: usize, samples: usize) -> Batch<f64, Dyn> {
    let rng = &mut seeded(seed);
    let values = (0..units * samples).map(|_| f64::draw_normal(rng));
    Batch::new(Dyn(units), values.collect()).unwrap()
}

#[test]
fn a_gaussian_is_that_of_numpy_and_scipy() {
    let x = ink::<f64>();
    let gaussian = CodeGaussian::fit(&x).unwrap();
    assert_near(gaussian.mean(), &[9.45827538, 10.08792594, 9.86374305], PRINTED);
    let expected = [
        [4.91308759, -2.58688135, 0.26884153],
        [-2.58688135, 4.88232629, 1.98543269],
        [0.26884153, 1.98543269, 4.01327894],
    ];
    let found = gaussian.covariance();
    assert_near(found.as_slice(), expected.as_flattened(), PRINTED);
    assert_eq!(found, found.transpose());
    let densities = gaussian.log_density(&x.select(0..3)).unwrap();
    assert_near(&densities, &[-4.93858318, -4.7402278, -5.55957577], PRINTED);
}

#[test]
fn one_component_is_the_gaussian() {
    let x = ink::<f64>();
    let gaussian = CodeGaussian::fit(&x).unwrap();
    let mixture = CodeMixture::fit(&x, 1, 5).unwrap();
    assert!(mixture.has_converged());
    assert_eq!(mixture.weights(), [1.0]);
    assert_near(mixture.means().as_slice(), gaussian.mean(), ROUNDING);
    assert_near(mixture.covariances()[0].as_slice(), gaussian.covariance().as_slice(), ROUNDING);
    let (of_mixture, of_gaussian) =
        (mixture.log_density(&x).unwrap(), gaussian.log_density(&x).unwrap());
    assert_near(&of_mixture, &of_gaussian, ROUNDING);
    assert_near(&[mean(&of_gaussian)], &[-6.181138441918994], ROUNDING);
}

/// Covariances, components, mean log-likelihood, BIC, and the weights from the smallest on.
type Expected = (Covariances, usize, f64, f64, &'static [f64]);

const OF_SCIKIT_LEARN: [Expected; 6] = [
    (Covariances::Full, 1, -6.181138441918994, 17842.393235803556, &[1.0]),
    (Covariances::Full, 2, -6.106732708719403, 17701.112432504342, &[0.09815292, 0.90184708]),
    (
        Covariances::Full,
        3,
        -6.05541074451488,
        17626.220548834943,
        &[0.10081003, 0.14111146, 0.75807851],
    ),
    (Covariances::Diagonal, 1, -6.540382092897242, 18853.764950402154, &[1.0]),
    (Covariances::Diagonal, 2, -6.368141449012485, 18409.29791835756, &[0.41225086, 0.58774914]),
    (
        Covariances::Diagonal,
        3,
        -6.297385659160506,
        18256.701326511236,
        &[0.26574754, 0.33313789, 0.40111457],
    ),
];

#[test]
fn mixtures_are_as_likely_as_those_of_scikit_learn() {
    let x = ink::<f64>();
    for (covariances, components, likelihood, bic, weights) in OF_SCIKIT_LEARN {
        let options = exact(MixtureOptions::new().covariances(covariances));
        let mixture = options.fit(&x, components, 3).unwrap();
        assert!(mixture.has_converged());
        let found = mean(&mixture.log_density(&x).unwrap());
        assert!((found - likelihood).abs() <= 1e-6, "{covariances:?} {components}: {found}");
        assert_eq!(*mixture.log_likelihoods().last().unwrap(), found);
        // 2 n times the difference of the means.
        assert!((mixture.bic(&x).unwrap() - bic).abs() <= 2.0 * 1438.0 * 1e-6);
        let mut sorted = mixture.weights().to_vec();
        sorted.sort_by(f64::total_cmp);
        assert_near(&sorted, weights, OPTIMUM);
    }
}

/// For two components: means and covariances, of the one with the lesser weight first; then densities and
/// shares of three digits.
#[test]
fn two_components_are_those_of_scikit_learn() {
    let x = ink::<f64>();
    let check =
        |covariances, means: [f64; 6], spread: &[&[f64]; 2], densities, shares: [f64; 3]| {
            let options = exact(MixtureOptions::new().covariances(covariances));
            let mixture = options.fit(&x, 2, 3).unwrap();
            let first = usize::from(mixture.weights()[0] > mixture.weights()[1]);
            let order = [first, 1 - first];
            assert_near(mixture.means().select(order).as_slice(), &means, OPTIMUM);
            for (component, expected) in order.into_iter().zip(spread) {
                let found = &mixture.covariances()[component];
                assert_near(found.as_slice(), expected, 5.0 * OPTIMUM);
            }
            let three = x.select(0..3);
            assert_near(&mixture.log_density(&three).unwrap(), densities, OPTIMUM);
            let found = mixture.responsibilities(&three).unwrap();
            assert_eq!((found.features(), found.samples()), (2, 3));
            let of_first: Vec<f64> = found.iter().map(|shares| shares[first]).collect();
            assert_near(&of_first, &shares, OPTIMUM);
            found.iter().for_each(|shares| assert_near(&[shares[0] + shares[1]], &[1.0], ROUNDING));
        };
    check(
        Covariances::Full,
        [10.67961137, 8.60137464, 6.42045978, 9.32535075, 10.24971539, 10.23849427],
        &[
            &[
                1.70486428, 0.13777708, 0.83259722, 0.13777708, 1.87591186, 1.2779447, 0.83259722,
                1.2779447, 1.5937865,
            ],
            &[
                5.08224137,
                -2.66431564,
                0.71499575,
                -2.66431564,
                4.94284656,
                1.44471474,
                0.71499575,
                1.44471474,
                2.84579237,
            ],
        ],
        &[-4.82488758, -4.64352671, -5.68068956],
        [1.49e-8, 2.62e-7, 7.736e-4],
    );
    check(
        Covariances::Diagonal,
        [8.05363418, 11.92658448, 10.71989207, 10.44349934, 8.79827955, 9.26323486],
        &[
            &[3.80538208, 0.0, 0.0, 0.0, 2.64669966, 0.0, 0.0, 0.0, 2.66405524],
            &[3.33548662, 0.0, 0.0, 0.0, 2.41600137, 0.0, 0.0, 0.0, 4.0848982],
        ],
        &[-5.12929569, -5.2615717, -5.53375095],
        [0.11527779, 0.65066026, 0.87845236],
    );
}

#[test]
fn parameters_are_counted() {
    let x = ink::<f64>();
    let count = |covariances| {
        let options = MixtureOptions::new().covariances(covariances);
        options.fit(&x, 4, 1).unwrap().num_parameters()
    };
    assert_eq!(count(Covariances::Full), 3 + 4 * (3 + 6));
    assert_eq!(count(Covariances::Diagonal), 3 + 4 * (3 + 3));
}

/// Draws of N(μ, Σ): means and covariances within their standard errors, √(Σᵢᵢ / n) and
/// √((Σᵢᵢ Σⱼⱼ + Σᵢⱼ²) / n).
fn assert_drawn_from<'a>(
    draws: impl Iterator<Item = &'a [f64]> + Clone,
    mu: &[f64],
    sigma: &DMatrix<f64>,
) {
    let n = draws.clone().count() as f64;
    for i in 0..mu.len() {
        let found = draws.clone().map(|z| z[i]).sum::<f64>() / n;
        let error = (sigma[(i, i)] / n).sqrt();
        assert!((found - mu[i]).abs() <= STANDARD_ERRORS * error, "mean {i}: {found} {}", mu[i]);
        for j in 0..mu.len() {
            let product = |z: &[f64]| (z[i] - mu[i]) * (z[j] - mu[j]);
            let found = draws.clone().map(product).sum::<f64>() / n;
            let expected = sigma[(i, j)];
            let error = ((sigma[(i, i)] * sigma[(j, j)] + expected.powi(2)) / n).sqrt();
            assert!((found - expected).abs() <= STANDARD_ERRORS * error, "{i} {j}: {found}");
        }
    }
}

#[test]
fn draws_of_a_gaussian_have_its_moments() {
    let gaussian = CodeGaussian::fit(&ink::<f64>()).unwrap();
    let draws: Batch<f64, _> = gaussian.sample(50_000, &mut seeded(1)).unwrap();
    assert_drawn_from(draws.iter(), gaussian.mean(), &gaussian.covariance());
    // The mean of −ln p is the entropy, ½ ln |2πe Σ|, and −ln p has the variance d/2.
    let found = -mean(&gaussian.log_density(&draws).unwrap());
    let determinant = gaussian.covariance().determinant();
    let entropy = 0.5 * (3.0 * (TAU.ln() + 1.0) + determinant.ln());
    assert!((found - entropy).abs() <= STANDARD_ERRORS * (1.5 / 50_000.0_f64).sqrt());
}

/// Three heaps far apart, of 100, 300 and 600 codes.
fn heaps() -> Batch<f64, Dyn> {
    let mut codes = normals(2, 2, 1000);
    for (index, code) in codes.as_mut_slice().chunks_exact_mut(2).enumerate() {
        match index {
            0..100 => code[0] += 40.0,
            100..400 => code[1] = 3.0 * code[1] - 50.0 + code[0],
            _ => code[0] *= 0.1,
        }
    }
    codes
}

#[test]
fn draws_of_a_mixture_have_the_moments_of_its_components() {
    for covariances in [Covariances::Full, Covariances::Diagonal] {
        let options = MixtureOptions::new().covariances(covariances);
        let mixture = options.fit(&heaps(), 3, 1).unwrap();
        let draws: Batch<f64, _> = mixture.sample(30_000, &mut seeded(4)).unwrap();
        let shares = mixture.responsibilities(&draws).unwrap();
        for k in 0..3 {
            let is_of = |shares: &[f64]| shares[k] > 0.5;
            let of = draws.iter().zip(shares.iter()).filter(|(_, shares)| is_of(shares));
            let of = of.map(|(z, _)| z);
            let (n, weight) = (30_000.0, mixture.weights()[k]);
            let error = (weight * (1.0 - weight) / n).sqrt();
            let found = of.clone().count() as f64 / n;
            assert!((found - weight).abs() <= STANDARD_ERRORS * error, "{found} {weight}");
            assert_drawn_from(of, mixture.means().sample(k), &mixture.covariances()[k]);
        }
        // Which are the heaps' own.
        let mut weights = mixture.weights().to_vec();
        weights.sort_by(f64::total_cmp);
        assert_near(&weights, &[0.1, 0.3, 0.6], 1e-9);
    }
}

#[test]
fn as_many_components_as_there_are_heaps_have_the_lowest_bic() {
    let codes = heaps();
    let options = MixtureOptions::new().restarts(5).unwrap();
    let bic = |components| options.fit(&codes, components, 1).unwrap().bic(&codes).unwrap();
    let best = (1..=6).min_by(|&a, &b| bic(a).total_cmp(&bic(b))).unwrap();
    assert_eq!(best, 3);
}

#[test]
fn densities_integrate_to_one() {
    let codes = Batch::from_iter([[0.0, 0.0], [1.0, 0.5], [0.3, 2.0], [4.0, 3.0], [5.0, 3.5]]);
    let gaussian = CodeGaussian::fit(&codes).unwrap();
    let options = MixtureOptions::new().variance_floor(0.05).unwrap();
    let mixture = options.fit(&codes, 2, 1).unwrap();
    // Of a smooth function on a fine grid that reaches beyond it, the sum is nearly exact.
    let step = 0.05;
    let axis = || (-400..500).map(move |i| f64::from(i) * step);
    let grid: Batch<f64, Const<2>> = axis().flat_map(|x| axis().map(move |y| [x, y])).collect();
    for densities in [gaussian.log_density(&grid), mixture.log_density(&grid)] {
        let all: f64 = densities.unwrap().iter().map(|density| density.exp()).sum();
        assert!((all * step * step - 1.0).abs() < 1e-9, "{}", all * step * step);
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_one_others() {
    let x = ink::<f32>();
    let gaussian = CodeGaussian::fit(&x).unwrap();
    let mixture = CodeMixture::fit(&x, 4, 7).unwrap();
    assert_eq!(mixture, CodeMixture::fit(&x, 4, 7).unwrap());
    assert_ne!(mixture, CodeMixture::fit(&x, 4, 8).unwrap());
    let of_gaussian = |n, seed| gaussian.sample::<f32>(n, &mut seeded(seed)).unwrap();
    let of_mixture = |n, seed| mixture.sample::<f32>(n, &mut seeded(seed)).unwrap();
    let draws: [&dyn Fn(usize, u64) -> Batch<f32, Const<3>>; 2] = [&of_gaussian, &of_mixture];
    for draw in draws {
        assert_eq!(draw(20, 1), draw(20, 1));
        assert_ne!(draw(20, 1), draw(20, 2));
        // The first ones do not depend on how many there are.
        assert_eq!(draw(20, 1).select(0..5), draw(5, 1));
    }
}

#[test]
fn number_type_and_size_type_change_nothing() {
    // These codes are the same numbers in both types.
    let (x, single) = (ink::<f64>(), ink::<f32>());
    let dynamic = x.clone().into_dynamic();
    let of = CodeMixture::fit(&x, 3, 1).unwrap();
    let of_dynamic = CodeMixture::fit(&dynamic, 3, 1).unwrap();
    assert_eq!(of, CodeMixture::fit(&single, 3, 1).unwrap());
    assert_eq!(of.covariances(), of_dynamic.covariances());
    assert_eq!(of.log_density(&x).unwrap(), of_dynamic.log_density(&dynamic).unwrap());
    let drawn: Batch<f64, _> = of.sample(9, &mut seeded(1)).unwrap();
    assert_eq!(drawn.clone().into_dynamic(), of_dynamic.sample(9, &mut seeded(1)).unwrap());
    let in_single: Batch<f32, _> = of.sample(9, &mut seeded(1)).unwrap();
    let rounded: Vec<f32> = drawn.as_slice().iter().map(|&z| z as f32).collect();
    assert_eq!(in_single.as_slice(), rounded);
    assert_eq!(CodeGaussian::fit(&x), CodeGaussian::fit(&single));
    let gaussian = CodeGaussian::fit(&dynamic).unwrap();
    assert_eq!(gaussian.covariance(), CodeGaussian::fit(&x).unwrap().covariance());
    // A code's density has the same bits in whatever batch it comes.
    let densities = of.log_density(&x).unwrap();
    assert_eq!(of.log_density(&x.select([17])).unwrap(), densities[17..18]);
}

#[test]
#[cfg(feature = "parallel")]
fn threads_change_nothing() {
    let x = normals(3, 12, 4000);
    let of = CodeMixture::fit(&x, 5, 1).unwrap();
    let threads = Threads::new(3).unwrap();
    assert_eq!(threads.run(|| CodeMixture::fit(&x, 5, 1).unwrap()), of);
}

/// Four units: one free, one that is its double, one that is dead, one free and small.
fn singular(samples: usize) -> Batch<f64, Const<4>> {
    let z = normals(5, 2, samples);
    z.iter().map(|z| [z[0], 2.0 * z[0], 0.7, 1e-3 * z[1]]).collect()
}

#[test]
fn a_singular_covariance_is_raised_to_the_floor_and_nowhere_else() {
    let x = singular(500);
    for floor in [1e-6, 1e-3] {
        let gaussian = CodeGaussian::fit_with_floor(&x, floor).unwrap();
        let found = gaussian.covariance();
        let variance = |unit: usize| {
            let mean = gaussian.mean()[unit];
            x.iter().map(|z| (z[unit] - mean).powi(2)).sum::<f64>() / 500.0
        };
        // The dead unit counts as one of mean variance.
        let average = (variance(0) + variance(1) + variance(3)) / 4.0;
        let d = [variance(0), variance(1), average, variance(3)];
        let scaled = DMatrix::from_fn(4, 4, |i, j| found[(i, j)] / (d[i] * d[j]).sqrt());
        let mut eigenvalues: Vec<f64> = scaled.symmetric_eigenvalues().iter().copied().collect();
        eigenvalues.sort_by(f64::total_cmp);
        // Of the correlations [[1, 1], [1, 1]], 0 and 1, with zeros between the pair and the small one
        // but for the chance correlation of 500 draws.
        assert_near(&eigenvalues[..2], &[floor, floor], 1e-12);
        assert_near(&[eigenvalues[2] + eigenvalues[3]], &[3.0], 1e-12);
        assert!(gaussian.log_density(&x).unwrap().iter().all(|density| density.is_finite()));
        let draws: Batch<f64, _> = gaussian.sample(20_000, &mut seeded(1)).unwrap();
        assert_drawn_from(draws.iter(), gaussian.mean(), &found);
    }
    assert_eq!(CodeGaussian::fit(&x), CodeGaussian::fit_with_floor(&x, 1e-6));
}

#[test]
fn no_covariance_above_the_floor_is_likelier() {
    // Three codes of four units; a floor of a tenth binds.
    let x = normals(9, 4, 3);
    let gaussian = CodeGaussian::fit_with_floor(&x, 0.1).unwrap();
    let sigma = gaussian.covariance();
    let mean_of = |unit: usize| gaussian.mean()[unit];
    let s = DMatrix::from_fn(4, 4, |i, j| {
        x.iter().map(|z| (z[i] - mean_of(i)) * (z[j] - mean_of(j))).sum::<f64>() / 3.0
    });
    let floor = DMatrix::from_fn(4, 4, |i, j| if i == j { 0.1 * s[(i, i)] } else { 0.0 });
    let likelihood = |sigma: &DMatrix<f64>| {
        let cholesky = sigma.clone().cholesky().unwrap();
        -cholesky.determinant().ln() - cholesky.solve(&s).trace()
    };
    let is_above = |sigma: &DMatrix<f64>| (sigma - &floor).symmetric_eigenvalues().min() > -1e-12;
    assert!(is_above(&sigma));
    let (rng, mut tried) = (&mut seeded(1), 0);
    for _ in 0..2000 {
        let size = 10.0_f64.powf(rng.random_range(-4.0..0.0));
        let root = DMatrix::from_fn(4, 4, |_, _| f64::draw_normal(rng));
        let step = (&root + root.transpose()) * size;
        let other = &sigma + step;
        if is_above(&other) {
            tried += 1;
            assert!(likelihood(&other) <= likelihood(&sigma) + ROUNDING);
        }
        // And one that is surely above it.
        let other = &floor + &root * root.transpose() * size;
        assert!(likelihood(&other) <= likelihood(&sigma) + ROUNDING);
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn options_change_the_result() {
    let x = ink::<f64>();
    let options = MixtureOptions::new();
    let fit = |options: MixtureOptions| options.fit(&x, 5, 2).unwrap();
    let plain = fit(options);
    assert_eq!(plain, CodeMixture::fit(&x, 5, 2).unwrap());
    assert_eq!(options, MixtureOptions::default());

    let short = fit(options.tolerance(0.0).unwrap().max_iterations(3).unwrap());
    assert_eq!((short.log_likelihoods().len(), short.has_converged()), (4, false));
    assert_eq!(short.log_likelihoods()[..4], plain.log_likelihoods()[..4]);

    let long = fit(options.tolerance(1e-7).unwrap().max_iterations(1000).unwrap());
    assert!(long.log_likelihoods().len() > plain.log_likelihoods().len());
    assert!(plain.has_converged() && long.has_converged());
    for (fitted, tolerance) in [(&plain, 1e-3), (&long, 1e-7)] {
        let gains: Vec<f64> =
            fitted.log_likelihoods().windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (last, before) = gains.split_last().unwrap();
        assert!(*last <= tolerance && before.iter().all(|gain| *gain > tolerance));
    }

    let diagonal = fit(options.covariances(Covariances::Diagonal));
    let off_diagonal = |mixture: &CodeMixture<_>| mixture.covariances()[0][(0, 1)];
    assert!(off_diagonal(&diagonal) == 0.0 && off_diagonal(&plain) != 0.0);

    let floored = fit(options.variance_floor(0.5).unwrap());
    let least = |mixture: &CodeMixture<_>| {
        let variances = mixture.covariances().into_iter().map(|c| c[(2, 2)]);
        variances.fold(f64::INFINITY, f64::min)
    };
    // Of a variance of 4.01.
    assert!(least(&floored) >= 2.0 && least(&plain) < 2.0);
}

#[test]
fn restarts_take_the_likeliest_of_several_starts() {
    // One heap, which six components can divide in many ways.
    let x = normals(11, 2, 80);
    let last = |restarts: usize, seed: u64| {
        let options = MixtureOptions::new().restarts(restarts).unwrap();
        let fitted = options.fit(&x, 6, seed).unwrap();
        *fitted.log_likelihoods().last().unwrap()
    };
    let mut is_better_once = false;
    for seed in 0..10 {
        let (one, five) = (last(1, seed), last(5, seed));
        assert!(five >= one);
        is_better_once |= five > one + 1e-3;
    }
    assert!(is_better_once);
}

#[test]
fn fewer_distinct_codes_than_components() {
    let codes: Batch<f64, Const<2>> =
        (0..12).map(|i| if i % 3 == 0 { [1.0, 2.0] } else { [4.0, 0.0] }).collect();
    for covariances in [Covariances::Full, Covariances::Diagonal] {
        for components in [2, 5, 12] {
            let options = MixtureOptions::new().covariances(covariances);
            let mixture = options.fit(&codes, components, 1).unwrap();
            // Components of the same place share its codes.
            let means = mixture.means();
            let at = |place: [f64; 2]| {
                let is_there = |mean: &[f64]| (mean[0] - place[0]).abs() < 1e-6;
                let pairs = means.iter().zip(mixture.weights());
                pairs.filter(|(mean, _)| is_there(mean)).map(|(_, weight)| weight).sum::<f64>()
            };
            assert_near(&[at([1.0, 2.0]), at([4.0, 0.0])], &[1.0 / 3.0, 2.0 / 3.0], 1e-9);
            let draws: Batch<f64, _> = mixture.sample(50, &mut seeded(1)).unwrap();
            assert!(draws.iter().all(|z| (z[0] - 1.0).abs() < 0.1 || (z[0] - 4.0).abs() < 0.1));
        }
    }
}

#[test]
fn codes_of_any_size_are_fitted_alike() {
    let x = heaps();
    let plain = CodeMixture::fit(&x, 3, 1).unwrap();
    // Powers of two change no digit.
    for size in [2.0_f64.powi(-120), 2.0_f64.powi(400)] {
        let mut scaled = x.clone();
        scaled.as_mut_slice().iter_mut().for_each(|z| *z *= size);
        let found = CodeMixture::fit(&scaled, 3, 1).unwrap();
        assert_near(found.weights(), plain.weights(), ROUNDING);
        let means: Vec<f64> = found.means().as_slice().iter().map(|mean| mean / size).collect();
        assert_near(&means, plain.means().as_slice(), 1e-10);
        // ln p(z s) = ln p(z) − 2 ln s for two units.
        let shift = 2.0 * size.ln();
        let found = found.log_density(&scaled).unwrap();
        let found: Vec<f64> = found.iter().map(|density| density + shift).collect();
        assert_near(&found, &plain.log_density(&x).unwrap(), 1e-9);
    }
    // Farther away than numbers go.
    let far = Batch::new(Dyn(2), vec![1e300, -1e300]).unwrap();
    assert_eq!(plain.log_density(&far).unwrap(), [f64::NEG_INFINITY]);
    assert_eq!(plain.responsibilities(&far).unwrap().as_slice(), plain.weights());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_log_likelihood_never_falls(
        seed in 0..1000_u64,
        units in 1..6_usize,
        samples in 2..60_usize,
        share in 0.0..1.0_f64,
        floor in -8.0..-0.5_f64,
        is_full in any::<bool>(),
        is_coarse in any::<bool>(),
    ) {
        let mut codes = normals(seed, units, samples);
        for (index, code) in codes.as_mut_slice().chunks_exact_mut(units).enumerate() {
            code[0] += (index % 3) as f64 * 2.0;
            if is_coarse {
                // Many that are the same, and singular covariances.
                code.iter_mut().for_each(|z| *z = z.round());
                code[units - 1] = code[0];
            }
        }
        if codes.iter().all(|code| code == codes.sample(0)) {
            return Ok(());
        }
        let components = 1 + (share * samples as f64) as usize;
        let covariances = if is_full { Covariances::Full } else { Covariances::Diagonal };
        let options = MixtureOptions::new()
            .covariances(covariances)
            .variance_floor(10.0_f64.powf(floor)).unwrap()
            .tolerance(0.0).unwrap()
            .max_iterations(40).unwrap();
        let mixture = options.fit(&codes, components, seed).unwrap();
        // Eigenvalues are rounded by ε times the largest, and the least is the floor; ½ Σ ln of them.
        let rounding = units as f64 * f64::EPSILON / 10.0_f64.powf(floor);
        for pair in mixture.log_likelihoods().windows(2) {
            prop_assert!(pair[1] >= pair[0] - rounding - ROUNDING * pair[0].abs(), "{pair:?}");
        }
        prop_assert!((mixture.weights().iter().sum::<f64>() - 1.0).abs() < ROUNDING);
        prop_assert!(mixture.weights().iter().all(|weight| *weight >= 0.0));
        let densities = mixture.log_density(&codes).unwrap();
        prop_assert!(densities.iter().all(|density| density.is_finite()));
    }

    #[test]
    fn ends_are_exact_and_norms_lie_between(
        a in prop::collection::vec(-1e3..1e3_f64, 4),
        b in prop::collection::vec(-1e3..1e3_f64, 4),
        steps in 2..9_usize,
    ) {
        for path in [
            interpolate::<f64, Dyn>(&a, &b, steps).unwrap(),
            interpolate_spherically::<f64, Dyn>(&a, &b, steps).unwrap(),
        ] {
            prop_assert_eq!(path.samples(), steps);
            prop_assert_eq!(path.sample(0), &a[..]);
            prop_assert_eq!(path.sample(steps - 1), &b[..]);
        }
        let norm = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>().sqrt();
        let arc = interpolate_spherically::<f64, Dyn>(&a, &b, steps).unwrap();
        let back = interpolate_spherically::<f64, Dyn>(&b, &a, steps).unwrap();
        for (step, z) in arc.iter().enumerate() {
            let t = step as f64 / (steps - 1) as f64;
            let expected = (1.0 - t) * norm(&a) + t * norm(&b);
            prop_assert!((norm(z) - expected).abs() <= 1e-9 * expected.max(1.0));
            for (there, back) in z.iter().zip(back.sample(steps - 1 - step)) {
                prop_assert!((there - back).abs() <= 1e-9 * expected.max(1.0));
            }
        }
    }
}

#[test]
fn an_arc_is_that_of_white() {
    let a = [3.0, 0.0, 4.0];
    let b = [-1.0, 4.0, 2.0 * 2.0_f64.sqrt()];
    let arc = interpolate_spherically(&a, &b, 5).unwrap();
    // At 1/4, 1/2 and 3/4.
    let expected = [
        [2.216838280748959, 1.2855825104389897, 4.293355988717844],
        [1.2251055618937658, 2.4502111237875313, 4.182772024756406],
        [0.11810891337634022, 3.3843118778116086, 3.6786523888897564],
    ];
    for (step, expected) in expected.iter().enumerate() {
        assert_near(arc.sample(step + 1), expected, 1e-12);
    }
    // Of another norm: the same directions, and norms in equal steps.
    let half = b.map(|b| b / 2.0);
    let arc = interpolate_spherically(&a, &half, 5).unwrap();
    let of_numpy = [
        [1.9397335, 1.1248847, 3.75668649],
        [0.91882917, 1.83765834, 3.13707902],
        [0.07381807, 2.11519492, 2.29915774],
    ];
    for (step, expected) in of_numpy.iter().enumerate() {
        assert_near(arc.sample(step + 1), expected, PRINTED);
    }
    // In single precision, to its rounding.
    let single = interpolate_spherically(&a.map(|a| a as f32), &half.map(|b| b as f32), 5).unwrap();
    for (single, double) in single.as_slice().iter().zip(arc.as_slice()) {
        assert!((f64::from(*single) - double).abs() <= 1e-6);
    }
}

#[test]
fn where_there_is_no_arc_it_is_a_line() {
    let a = [1.0, 2.0, -2.0];
    let cases = [
        a,
        a.map(|a| 3.0 * a),
        a.map(|a| -a),
        a.map(|a| -2.5 * a),
        [0.0; 3],
        [1.0 + 1e-8, 2.0, -2.0],
        [-1.0 - 1e-8, -2.0, 2.0],
    ];
    for b in cases {
        assert_eq!(interpolate_spherically(&a, &b, 6), interpolate(&a, &b, 6));
        assert_eq!(interpolate_spherically(&b, &a, 6), interpolate(&b, &a, 6));
    }
    assert_ne!(
        interpolate_spherically(&a, &[1.0, 2.0, 2.0], 6),
        interpolate(&a, &[1.0, 2.0, 2.0], 6)
    );
    // The largest and the least numbers have an angle too.
    for size in [1e308, 1e-300] {
        let arc = interpolate_spherically(&[size, 0.0], &[0.0, size], 3).unwrap();
        let expected = 0.5_f64.sqrt();
        assert_near(&[arc.sample(1)[0] / size, arc.sample(1)[1] / size], &[expected; 2], ROUNDING);
        assert_eq!(interpolate(&[size], &[-size], 3).unwrap().as_slice(), [size, 0.0, -size]);
    }
}

#[test]
fn arcs_keep_the_norm_of_gaussian_codes_and_lines_do_not() {
    // Of 256 units: the norm is √256 on the arc, and √128 in the middle of the line.
    let z = normals(1, 256, 2);
    let norm = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>().sqrt();
    let line: Batch<f64, Const<256>> = interpolate(z.sample(0), z.sample(1), 3).unwrap();
    let arc: Batch<f64, Const<256>> = interpolate_spherically(z.sample(0), z.sample(1), 3).unwrap();
    assert!((norm(line.sample(1)) / 128.0_f64.sqrt() - 1.0).abs() < 0.15);
    assert!((norm(arc.sample(1)) / 16.0 - 1.0).abs() < 0.15);
}

#[test]
fn quantiles_are_those_of_numpy() {
    let codes: Batch<f64, Const<2>> = (1..12).map(|i| [7.0, f64::from(i).sin()]).collect();
    let expected =
        [-0.9083938298243359, -0.34556690137153684, 0.4733355136110147, 0.8923408163212354];
    let found = unit_quantiles(&codes, 1, 4).unwrap();
    assert_near(&found, &expected, 1e-14);
    assert_eq!(unit_quantiles(&codes, 0, 3).unwrap(), [7.0; 3]);
    let along = traverse_quantiles(&[5.0, 5.0], 1, &codes, 4).unwrap();
    assert_eq!(along, traverse(&[5.0, 5.0], 1, &found).unwrap());
    assert!(along.iter().zip(&found).all(|(code, value)| code == [5.0, *value]));
    // Of one code, and of the largest numbers.
    assert_eq!(unit_quantiles(&Batch::from_iter([[3.0]]), 0, 2).unwrap(), [3.0; 2]);
    let large = Batch::from_iter([[f64::MAX], [-f64::MAX]]);
    assert_eq!(unit_quantiles(&large, 0, 1).unwrap(), [0.0]);
}

#[test]
fn a_copy_is_told_from_what_is_new() {
    let digits = datasets::digits::<f64>();
    let of_test = nearest_training(&digits.train, &digits.test).unwrap();
    assert_eq!(of_test.samples(), 359);
    assert_near(&[of_test.typical()], &[1.0135796712641785], ROUNDING);
    let mut distances: Vec<f64> = of_test.distances().collect();
    distances.sort_by(f64::total_cmp);
    assert_near(&[distances[179]], &[1.1232625472257143], ROUNDING);
    assert_eq!((of_test.copies(0.5).len(), of_test.copies(0.75).len()), (0, 16));

    // A copy, one that is nearly a copy, and one that is new.
    let mut samples = digits.train.select([70, 3]).into_vec();
    samples[64 + 20] += 0.05;
    samples.extend(digits.test.sample(0));
    let samples = Batch::new(Const::<64>, samples).unwrap();
    let found = nearest_training(&digits.train, &samples).unwrap();
    assert_eq!(found.indices().collect::<Vec<_>>(), [70, 3, 865]);
    let ratios: Vec<f64> = found.ratios().collect();
    let expected = [0.0, 0.05 / found.typical(), (217.0_f64 / 256.0).sqrt() / found.typical()];
    assert_near(&ratios, &expected, ROUNDING);
    assert_eq!(found.copies(0.1), [0, 1]);
    assert_eq!(found.copies(0.0), [0]);
}

#[test]
fn training_samples_that_are_there_several_times() {
    // Three times the same, and one other: the nearest other of the three is at no distance.
    let train = Batch::from_iter([[1.0], [1.0], [1.0], [4.0]]);
    let found = nearest_training(&train, &Batch::from_iter([[1.0], [3.0]])).unwrap();
    assert_eq!(found.typical(), 0.0);
    assert_eq!(found.ratios().collect::<Vec<_>>(), [0.0, f64::INFINITY]);
    assert_eq!(found.copies(10.0), [0]);
}

#[test]
fn what_is_typical_of_many_is_asked_of_two_thousand() {
    // Pairs whose distances grow with their place: the median is that of the middle of the batch.
    let train: Batch<f64, Const<1>> =
        (0..5000).map(|i| [f64::from(i / 2) * 100.0 + f64::from(i % 2 * i) * 1e-3]).collect();
    let found = nearest_training(&train, &Batch::from_iter([[0.0]])).unwrap();
    assert!((found.typical() / 2.5 - 1.0).abs() < 0.01, "{}", found.typical());
}

fn parameter(name: &'static str, value: f64, requirement: &'static str) -> Error {
    Error::InvalidParameter { name, value: Number(value), requirement }
}

#[test]
fn refusals_of_fits() {
    let good = ink::<f64>();
    let none = Batch::<f64, Const<3>>::zeros(Const, 0);
    let mut bad = good.clone();
    bad.as_mut_slice()[3 * 4 + 1] = f64::NAN;
    let not_finite =
        |call| Error::NotFinite { call, feature: 1, sample: 4, value: Number(f64::NAN) };
    let call = "CodeGaussian::fit";
    assert_eq!(CodeGaussian::fit(&none).unwrap_err(), Error::NoSamples { call });
    assert_eq!(CodeGaussian::fit(&bad).unwrap_err(), not_finite(call));
    let call = "CodeMixture::fit";
    assert_eq!(CodeMixture::fit(&none, 1, 0).unwrap_err(), Error::NoSamples { call });
    assert_eq!(CodeMixture::fit(&bad, 1, 0).unwrap_err(), not_finite(call));
    let call = "CodeMixture::fit";
    let no_units = Batch::<f64, Dyn>::zeros(Dyn(0), 5);
    assert_eq!(CodeMixture::fit(&no_units, 1, 0).unwrap_err(), Error::NoSamples { call });

    let name = "CodeMixture components";
    let few = |k| CodeMixture::fit(&good.select(0..4), k, 0);
    assert_eq!(few(5).unwrap_err(), parameter(name, 5.0, "at most the number of samples"));
    assert_eq!(few(0).unwrap_err(), parameter(name, 0.0, "at least 1"));
    assert!(few(4).is_ok());

    // No variance, none that numbers can hold, and one that they just can.
    let varies = "at least 1e-100 (codes that differ), and not near overflow";
    let flat: Batch<f64, Const<2>> = (0..7).map(|_| [0.1, 0.7]).collect();
    let names = ["CodeGaussian variance of the codes", "CodeMixture variance of the codes"];
    let error = parameter(names[0], 0.0, varies);
    assert_eq!(CodeGaussian::fit(&flat).unwrap_err(), error);
    assert_eq!(CodeGaussian::fit(&flat.select([0])).unwrap_err(), error);
    assert_eq!(CodeMixture::fit(&flat, 2, 0).unwrap_err(), parameter(names[1], 0.0, varies));
    for size in [1e154, 1e160, 1e308, f64::MAX] {
        let large = Batch::from_iter([[size], [-size], [0.5 * size]]);
        let is_refused = |error: Error| matches!(error, Error::InvalidParameter { requirement, .. } if requirement == varies);
        assert!(is_refused(CodeGaussian::fit(&large).unwrap_err()), "{size}");
        assert!(is_refused(CodeMixture::fit(&large, 2, 0).unwrap_err()), "{size}");
    }
    assert!(CodeMixture::fit(&Batch::from_iter([[1e150], [-1e150], [2e149]]), 2, 0).is_ok());

    let (name, range) = ("CodeGaussian variance_floor", "from 1e-12 to 1");
    for floor in [0.0, -1e-3, 1.1, 1e-13, f64::NAN, f64::INFINITY] {
        let found = CodeGaussian::fit_with_floor(&good, floor).unwrap_err();
        assert_eq!(found, parameter(name, floor, range));
        let found = MixtureOptions::new().variance_floor(floor).unwrap_err();
        assert_eq!(found, parameter("MixtureOptions variance_floor", floor, range));
    }
    let options = MixtureOptions::new();
    for tolerance in [-1e-9, f64::NAN, f64::INFINITY] {
        let error = parameter("MixtureOptions tolerance", tolerance, "finite and not negative");
        assert_eq!(options.tolerance(tolerance).unwrap_err(), error);
    }
    let error = |name| parameter(name, 0.0, "at least 1");
    assert_eq!(options.restarts(0).unwrap_err(), error("MixtureOptions restarts"));
    assert_eq!(options.max_iterations(0).unwrap_err(), error("MixtureOptions max_iterations"));
}

#[test]
fn refusals_of_what_is_fitted() {
    let x = ink::<f64>().into_dynamic();
    let gaussian = CodeGaussian::fit(&x).unwrap();
    let mixture = CodeMixture::fit(&x, 2, 0).unwrap();
    let narrow = Batch::new(Dyn(2), vec![0.0; 4]).unwrap();
    let place = |place| Error::SizeMismatch { place, unit: "features", expected: 3, found: 2 };
    let call = "CodeGaussian::log_density";
    assert_eq!(gaussian.log_density(&narrow).unwrap_err(), place(call));
    let call = "CodeMixture::log_density";
    assert_eq!(mixture.log_density(&narrow).unwrap_err(), place(call));
    let call = "CodeMixture::responsibilities";
    assert_eq!(mixture.responsibilities(&narrow).unwrap_err(), place(call));
    assert_eq!(mixture.bic(&narrow).unwrap_err(), place("CodeMixture::bic"));
    let bad = Batch::new(Dyn(3), vec![0.0, 0.0, f32::INFINITY]).unwrap();
    let value = Number(f64::INFINITY);
    let error = |call| Error::NotFinite { call, feature: 2, sample: 0, value };
    assert_eq!(gaussian.log_density(&bad).unwrap_err(), error("CodeGaussian::log_density"));
    assert_eq!(mixture.bic(&bad).unwrap_err(), error("CodeMixture::bic"));

    let error = parameter("number of samples to draw", 0.0, "at least 1");
    assert_eq!(gaussian.sample::<f32>(0, &mut seeded(1)).unwrap_err(), error);
    assert_eq!(mixture.sample::<f32>(0, &mut seeded(1)).unwrap_err(), error);

    // Codes that single precision does not hold.
    let large = Batch::from_iter([[1e60], [2e60], [3e60]]);
    let is_refused = |found: Result<Batch<f32, Const<1>>>| {
        matches!(found, Err(Error::NotFinite { feature: 0, sample: 0, .. }))
    };
    assert!(is_refused(CodeGaussian::fit(&large).unwrap().sample(2, &mut seeded(1))));
    assert!(is_refused(CodeMixture::fit(&large, 1, 0).unwrap().sample(2, &mut seeded(1))));
}

#[test]
fn refusals_of_paths() {
    for is_spherical in [false, true] {
        let call = if is_spherical { "interpolate_spherically" } else { "interpolate" };
        let go = |a: &[f64], b: &[f64], steps| -> Result<Batch<f64, Const<2>>> {
            if is_spherical {
                interpolate_spherically(a, b, steps)
            } else {
                interpolate(a, b, steps)
            }
        };
        let name = if is_spherical { "interpolate_spherically steps" } else { "interpolate steps" };
        for steps in [0, 1] {
            let error = parameter(name, steps as f64, "at least 2");
            assert_eq!(go(&[1.0, 2.0], &[3.0, 4.0], steps).unwrap_err(), error);
        }
        let size = |expected, found| Error::SizeMismatch {
            place: call,
            unit: "code units",
            expected,
            found,
        };
        assert_eq!(go(&[1.0], &[3.0, 4.0], 3).unwrap_err(), size(2, 1));
        assert_eq!(go(&[1.0, 2.0], &[3.0], 3).unwrap_err(), size(2, 1));
        for value in [f64::NAN, f64::INFINITY] {
            let error =
                |feature, sample| Error::NotFinite { call, feature, sample, value: Number(value) };
            assert_eq!(go(&[1.0, value], &[3.0, 4.0], 3).unwrap_err(), error(1, 0));
            assert_eq!(go(&[1.0, 2.0], &[value, 4.0], 3).unwrap_err(), error(0, 1));
        }
    }
    let dynamic = interpolate::<f64, Dyn>(&vec![1.0, 2.0, 3.0], &vec![1.0], 3).unwrap_err();
    let place = "interpolate";
    let error = Error::SizeMismatch { place, unit: "code units", expected: 3, found: 1 };
    assert_eq!(dynamic, error);
    let call = "interpolate_spherically";
    let empty = interpolate_spherically::<f64, Dyn>(&vec![], &vec![], 3).unwrap_err();
    assert_eq!(empty, Error::NoSamples { call });
}

#[test]
fn refusals_of_traversals() {
    let unit = "less than the number of code units";
    let code = [1.0, 2.0];
    let error = parameter("traverse unit", 2.0, unit);
    assert_eq!(traverse(&code, 2, &[0.0]).unwrap_err(), error);
    let call = "traverse";
    assert_eq!(traverse(&code, 0, &[]).unwrap_err(), Error::NoSamples { call });
    let nan = Number(f64::NAN);
    let of_values = Error::EntryNotFinite { call, entry: "value", index: 1, value: nan };
    assert_eq!(traverse(&code, 1, &[0.0, f64::NAN]).unwrap_err(), of_values);
    let of_code = Error::NotFinite { call, feature: 0, sample: 0, value: nan };
    assert_eq!(traverse(&[f64::NAN, 0.0], 1, &[0.0]).unwrap_err(), of_code);
    let slice = traverse::<f64, Const<3>>(&code[..], 1, &[0.0]).unwrap_err();
    let expected = Error::SizeMismatch { place: call, unit: "code units", expected: 3, found: 2 };
    assert_eq!(slice, expected);

    let codes = Batch::from_iter([[1.0, 2.0], [3.0, f64::NAN]]);
    let good = codes.select([0]);
    let call = "unit_quantiles";
    let error = parameter("unit_quantiles unit", 2.0, unit);
    assert_eq!(unit_quantiles(&good, 2, 3).unwrap_err(), error);
    let error = parameter("unit_quantiles steps", 0.0, "at least 1");
    assert_eq!(unit_quantiles(&good, 0, 0).unwrap_err(), error);
    let error = Error::NotFinite { call, feature: 1, sample: 1, value: nan };
    assert_eq!(unit_quantiles(&codes, 0, 3).unwrap_err(), error);
    assert_eq!(traverse_quantiles(&code, 0, &codes, 3).unwrap_err(), error);
    let none = Batch::<f64, Const<2>>::zeros(Const, 0);
    assert_eq!(unit_quantiles(&none, 0, 3).unwrap_err(), Error::NoSamples { call });
}

#[test]
fn refusals_of_the_check_for_copies() {
    let train = Batch::from_iter([[1.0], [2.0]]);
    let error = parameter("nearest_training training samples", 1.0, "at least 2");
    assert_eq!(nearest_training(&train.select([0]), &train).unwrap_err(), error);
    let none = Batch::<f64, Const<1>>::zeros(Const, 0);
    let call = "nearest_training";
    assert_eq!(nearest_training(&none, &train).unwrap_err(), Error::NoSamples { call });
    assert_eq!(nearest_training(&train, &none).unwrap_err(), Error::NoSamples { call });
    let bad = Batch::from_iter([[0.0], [f64::NAN]]);
    let error = Error::NotFinite { call, feature: 0, sample: 1, value: Number(f64::NAN) };
    assert_eq!(nearest_training(&train, &bad).unwrap_err(), error);
    assert_eq!(nearest_training(&bad, &train).unwrap_err(), error);
    let (one, two) = (Batch::new(Dyn(1), vec![0.0; 2]), Batch::new(Dyn(2), vec![0.0; 4]));
    let found = nearest_training(&one.unwrap(), &two.unwrap()).unwrap_err();
    let error = Error::SizeMismatch { place: call, unit: "features", expected: 1, found: 2 };
    assert_eq!(found, error);
}
