//! Nearest neighbours and kernel densities: their numbers by other programs, and what each finds.

use autoencoder::activation::{Identity, Tanh};
use autoencoder::anomaly::*;
use autoencoder::data::{Normalization, Normalizer};
use autoencoder::layer::DenseLayer;
use autoencoder::metrics::roc_auc;
use autoencoder::random::seeded;
use autoencoder::*;
use common::sensors::close;
use nalgebra::{Const, Dyn};

type Boxed = Box<dyn AnomalyScore<f64>>;

/// By scikit-learn 1.9 and numpy:
/// ```python
/// import numpy as np
/// from sklearn.neighbors import NearestNeighbors
/// i = np.arange(40)
/// first = (i*i * 37 % 301) / 64
/// x = np.stack([first, first + (i * 61 % 101) / 128], 1)
/// new = np.array([[2., 2.5], [2., 4.], [-3., 9.]])
/// for k, metric in [(1, 'euclidean'), (3, 'euclidean'), (3, 'manhattan')]:
///     print(NearestNeighbors(n_neighbors=k, metric=metric).fit(x).kneighbors(new)[0].mean(1))
///
/// def density(x, new, weight):
///     joint = lambda x: np.hstack([x, weight * (x - x.mean(1, keepdims=True))])
///     a, b, d = joint(x), joint(new), 2
///     s = np.sqrt(((a - a.mean(0))**2).sum(1).mean())
///     h = s * 2.0**np.arange(-9, 1)
///     q = lambda a, b: ((a[:, None] - b)**2).sum(2)
///     own = q(a, a); np.fill_diagonal(own, np.inf)
///     def logs(q, n):
///         l = -q[:, :, None] / (2*h**2)
///         m = l.max(1, keepdims=True)
///         return (m[:, 0] + np.log(np.exp(l - m).sum(1))) - np.log(n) - d*np.log(h)
///     l, p = logs(own, len(x) - 1), np.full(10, 0.1)
///     for _ in range(200):
///         m = l + np.log(p); r = np.exp(m - m.max(1, keepdims=True))
///         p = (r / r.sum(1, keepdims=True)).mean(0)
///     p[p < 1e-3] = 0; p /= p.sum()
///     l, h, p = logs(q(b, a), len(x))[:, p > 0], h[p > 0], p[p > 0]
///     m = l.max(1, keepdims=True)
///     return h, p, -(m[:, 0] + np.log((np.exp(l - m) * p).sum(1))) - d*np.log(h[0])
/// print(density(x, new, 0.0), density(x, new, 2.0))
/// ```
#[test]
fn the_numbers_are_those_of_other_programs() {
    let (x, new) = (rows(), Batch::new(Const::<2>, NEW.to_vec()).unwrap());
    let scores = |score: Boxed| {
        let detector = AnomalyDetector::fit(means(), score, &x).unwrap();
        detector.scores(&new).unwrap()
    };
    let neighbours = |k| NearestNeighbours::new(k).unwrap();
    let cases: [(Boxed, [f64; 3]); 5] = [
        (Box::new(neighbours(1)), [0.007_812_5, 0.960_397_460_039_331_8, 7.963_815_874_394_008]),
        (
            Box::new(neighbours(3)),
            [0.188_014_883_285_143, 1.164_302_257_621_754, 8.056_022_898_230_644],
        ),
        (
            Box::new(neighbours(3).by_sizes()),
            [0.208_333_333_333_333, 1.411_458_333_333_333, 11.265_625],
        ),
        (
            Box::new(KernelDensity::new().residual_weight(0.0).unwrap()),
            [4.998_554_132_415_73, 13.597_140_346_566_574, 476.098_246_796_828_9],
        ),
        (
            Box::new(KernelDensity::new()),
            [2.794_485_528_464_737, 13.711_955_649_297_254, 578.316_668_225_895_1],
        ),
    ];
    for (score, expected) in cases {
        let name = score.describe();
        for (found, expected) in scores(score).into_iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-9 * expected, "{name}: {found} {expected}");
        }
    }
    let detector = AnomalyDetector::fit(means(), KernelDensity::new(), &x).unwrap();
    let fitted = detector.score_function();
    let found: Vec<f64> = fitted.widths().iter().chain(fitted.shares()).copied().collect();
    let expected = [
        0.263_055_232_351_181,
        0.526_110_464_702_363,
        0.760_853_698_138_313,
        0.239_146_301_861_687,
    ];
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
}

const NEW: [f64; 6] = [2.0, 2.5, 2.0, 4.0, -3.0, 9.0];

fn rows() -> Batch<f64, Const<2>> {
    let values = (0..40_u32).flat_map(|i| {
        let first = f64::from(i * i * 37 % 301) / 64.0;
        [first, first + f64::from(i * 61 % 101) / 128.0]
    });
    Batch::new(Const::<2>, values.collect()).unwrap()
}

type Linear<const I: usize, const O: usize> = DenseLayer<Const<I>, Const<O>, Identity>;

/// A model that reconstructs both columns as their mean.
fn means() -> AutoEncoder<Linear<2, 1>, Linear<1, 2>, NoRegularizer, SquaredError, f64> {
    let mut model = AutoEncoder::builder()
        .encoder(Dense::<2, 1>::new(Identity))
        .decoder(Dense::<1, 2>::new(Identity))
        .build::<f64>()
        .unwrap();
    model.set_parameters(&[0.5, 0.5, 0.0, 1.0, 1.0, 0.0, 0.0]).unwrap();
    model
}

/// Two columns that are noisy and one that is their sum but for a little: its breach is within all ranges.
#[test]
fn a_density_with_residuals_finds_what_breaks_a_correlation() {
    let rng = &mut seeded(4);
    let mut draw = |samples: usize, fault: f64| {
        let rows = (0..samples).flat_map(|row| {
            let [a, b, noise] = [0; 3].map(|_| f64::draw_normal(rng));
            let sign = if row % 2 == 0 { 1.0 } else { -1.0 };
            [a, b, a + b + 0.02 * noise + sign * fault]
        });
        Batch::new(Dyn(3), rows.collect()).unwrap()
    };
    let (train, normal, faulty) = (draw(400, 0.0), draw(200, 0.0), draw(200, 0.3));
    let mut model = AutoEncoder::builder()
        .encoder(Dense::dynamic(3, 64, Tanh).then(Dense::dynamic(64, 64, Tanh)))
        .decoder(Dense::dynamic(64, 3, Identity))
        .regularizer(Denoising::new(corruption::Gaussian::new(0.3).unwrap()))
        .normalizer(Normalizer::fit(Normalization::Standardize, &train).unwrap())
        .build::<f64>()
        .unwrap();
    let adam = Adam::new(2e-3).unwrap();
    Trainer::new(adam).epochs(200).batch_size(64).fit(&mut model, &train).unwrap();
    let auc = |score: Boxed| {
        let detector = AnomalyDetector::fit(model.clone(), score, &train).unwrap();
        let scores =
            [detector.scores(&normal).unwrap(), detector.scores(&faulty).unwrap()].concat();
        let labels: Vec<bool> = (0..scores.len()).map(|row| row >= normal.samples()).collect();
        roc_auc(&scores, &labels).unwrap()
    };
    let nearest = auc(Box::new(NearestNeighbours::new(1).unwrap()));
    let columns = auc(Box::new(KernelDensity::new().residual_weight(0.0).unwrap()));
    let both = auc(Box::new(KernelDensity::new()));
    assert!(both > nearest + 0.02 && both > columns, "{nearest} {columns} {both}");
}

/// In clean groups with gaps between them kernels are narrow, of one noisy cloud wide; so the choice of k is made by
/// the data.
#[test]
fn widths_follow_the_samples() {
    let rng = &mut seeded(5);
    let mut draw = |samples: usize, groups: usize, spread: f64| {
        let rows = (0..samples).flat_map(|row| {
            let group = (row % groups) as f64;
            [0.0, 1.0].map(|column| 7.0 * group * (1.0 - column) + spread * f64::draw_normal(rng))
        });
        Batch::new(Const::<2>, rows.collect()).unwrap()
    };
    // The mean width, in deviations of a group.
    let mut width = |groups: usize, spread: f64| {
        let score = KernelDensity::new().residual_weight(0.0).unwrap();
        let detector = AnomalyDetector::fit(means(), score, &draw(600, groups, spread)).unwrap();
        let fitted = detector.score_function();
        let all = fitted.widths().iter().zip(fitted.shares());
        assert!(close(fitted.shares().iter().sum(), 1.0));
        all.map(|(width, share)| width * share).sum::<f64>()
    };
    let (narrow, wide) = (width(3, 0.05), width(3, 1.0));
    assert!(narrow < 0.05 && wide > 4.0 * narrow && wide < 1.0, "{narrow} {wide}");
    // Of samples that are all the same, any width would do.
    let same = Batch::new(Const::<2>, vec![3.0; 8]).unwrap();
    let detector = AnomalyDetector::fit(means(), KernelDensity::new(), &same).unwrap();
    let far = detector.score_one(&[3.0, 9.0]).unwrap();
    assert!(detector.score_one(&[3.0, 3.0]).unwrap() < far && far.is_finite());
}

/// Of what is in the reference the nearest is itself where it is given again, and another one where a score is fitted.
#[test]
fn a_sample_is_not_its_own_neighbour_in_the_reference() {
    let x = rows();
    let nearest = || NearestNeighbours::new(1).unwrap();
    let of = |score: Boxed| {
        let detector = AnomalyDetector::fit(means(), score, &x).unwrap();
        (detector.scores(&x).unwrap(), detector.score_one(&NEW[..2]).unwrap())
    };
    let (own, one) = of(Box::new(nearest()));
    assert!(own.iter().all(|&score| score == 0.0));
    // `Both` divides by the mean over the reference.
    let (_, two) = of(Box::new(Both::new(nearest(), nearest())));
    let mean = (0..40).map(|row| {
        let others = (0..40).filter(|&other| other != row);
        let of = |other| {
            let pairs = x.sample(row).iter().zip(x.sample(other));
            pairs.map(|(a, b): (&f64, &f64)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        others.map(of).fold(f64::INFINITY, f64::min) / 40.0
    });
    assert!(close(two, 2.0 * one / mean.sum::<f64>()));
}
