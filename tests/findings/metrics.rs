//! Metrics, against other programs and against their definitions.
//!
//! Neighbours of the built-in digits, by scikit-learn 1 and numpy 2. Pixels are whole numbers there, so
//! that distances are exact. scikit-learn lets the lowest of equally voted classes win, which is why its
//! own numbers are the same only for 1 and 7 neighbours:
//! ```python
//! import numpy as np
//! from sklearn.datasets import load_digits
//! from sklearn.neighbors import KNeighborsClassifier
//! x, y = load_digits(return_X_y=True)
//! d = ((x[1438:, None, :] - x[None, :1438, :]) ** 2).sum(2)
//! for k in (1, 2, 3, 5, 7, 10):
//!     model = KNeighborsClassifier(k, algorithm="brute").fit(x[:1438], y[:1438])
//!     order = np.argsort(d, axis=1, kind="stable")[:, :k]
//!     def vote(row):
//!         labels = list(y[row]); return max(labels, key=lambda l: (labels.count(l), -labels.index(l)))
//!     own = sum(vote(row) == label for row, label in zip(order, y[1438:]))
//!     print(k, (model.predict(x[1438:]) == y[1438:]).sum(), own, order[0][:5], d[0][order[0][:5]])
//! ```

use autoencoder::metrics::*;
use autoencoder::probe::linear_probe;
use autoencoder::random::seeded;
use autoencoder::*;
use nalgebra::{Const, Dyn};

/// Neighbours, what scikit-learn gets right of 359, and what our rule for equal votes gets right.
const RIGHT: [(usize, usize, usize); 6] =
    [(1, 343, 343), (2, 346, 343), (3, 347, 345), (5, 346, 345), (7, 342, 342), (10, 341, 342)];

fn digits_have_their_neighbours<T: Scalar>() {
    let d = datasets::digits::<T>();
    for (k, of_scikit_learn, of_ours) in RIGHT {
        let found = knn_accuracy(&d.train, &d.train_labels, &d.test, &d.test_labels, k).unwrap();
        assert_eq!(found, of_ours as f64 / 359.0, "{k}");
        // Fewer than five of 359 are decided by equal votes.
        assert!(of_ours.abs_diff(of_scikit_learn) < 5);
        if k == 1 {
            assert_eq!(of_ours, of_scikit_learn);
        }
    }
    let nearest = nearest(&d.train, &d.test, 5).unwrap();
    assert_eq!((nearest.k(), nearest.queries()), (5, 359));
    assert_eq!(nearest.indices(0), [865, 259, 1418, 347, 484]);
    let squares = [217.0_f64, 266.0, 316.0, 333.0, 362.0];
    assert_eq!(nearest.distances(0), squares.map(|square| (square / 256.0).sqrt()));
}

#[test]
fn digits_have_the_neighbours_that_scikit_learn_finds() {
    digits_have_their_neighbours::<f32>();
    digits_have_their_neighbours::<f64>();
}

/// All samples in the order of their distances, by the definition.
fn by_definition<T: Scalar>(samples: &Batch<T, Dyn>, query: &[T]) -> Vec<(f64, usize)> {
    let distance = |sample: &[T]| {
        let difference = |(q, s): (&T, &T)| (q.to_double() - s.to_double()).powi(2);
        query.iter().zip(sample).map(difference).sum::<f64>().sqrt()
    };
    let mut all: Vec<_> = samples.iter().map(distance).zip(0..).collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all
}

fn check_neighbours<T: Scalar>(case: &str, samples: &Batch<T, Dyn>, queries: &Batch<T, Dyn>) {
    let expected: Vec<_> = queries.iter().map(|query| by_definition(samples, query)).collect();
    for k in [1, 2, 7, samples.samples() / 2, samples.samples()] {
        let k = k.clamp(1, samples.samples());
        let found = nearest(samples, queries, k).unwrap();
        for (query, expected) in expected.iter().enumerate() {
            let found =
                found.distances(query).iter().copied().zip(found.indices(query).iter().copied());
            let found: Vec<_> = found.collect();
            assert!(found == expected[..k], "{case}, {k} of query {query}");
        }
    }
}

fn hard_cases<T: Scalar>(sizes: &[f64]) {
    let rng = &mut seeded(3);
    let mut draw = |features: usize, samples: usize, value: &mut dyn FnMut(f64) -> f64| {
        let values = (0..features * samples).map(|_| T::of(value(f64::draw_normal(rng))));
        Batch::<T, Dyn>::new(Dyn(features), values.collect()).unwrap()
    };
    for (features, samples, queries) in
        [(1, 1, 1), (2, 40, 3), (3, 5000, 9), (64, 700, 130), (5, 2049, 70)]
    {
        let mut case = |name: &str, value: &mut dyn FnMut(f64) -> f64| {
            let (x, mut q) = (draw(features, samples, value), draw(features, queries, value));
            // The first query is a copy of the last sample.
            q.as_mut_slice()[..features].copy_from_slice(x.sample(samples - 1));
            check_neighbours(&format!("{name}, {features} × {samples}"), &x, &q);
        };
        case("normal", &mut |z| z);
        case("equal distances", &mut |z| z.round());
        case("all the same", &mut |_| 0.3);
        case("far from the origin", &mut |z| 1e4 + z * 1e-2);
        for &size in sizes {
            case(&format!("of size {size:e}"), &mut |z| size * z);
        }
    }
}

#[test]
fn neighbours_are_those_of_the_definition_whatever_the_rounding() {
    // Squares of these overflow, vanish, or keep a digit or two.
    hard_cases::<f32>(&[1e25, 1e19, 1e-19, 1e-22, 1e-30]);
    hard_cases::<f64>(&[1e150, 1e-150, 1e-161]);
}

#[test]
fn one_very_long_sample_among_short_ones() {
    let mut samples: Vec<f32> = (0..300).map(|i| (i % 17) as f32 * 1e-3).collect();
    samples[120] = 3e38;
    samples[121] = -3e38;
    let samples = Batch::new(Dyn(2), samples).unwrap();
    let queries = Batch::new(Dyn(2), vec![1e-3, 2e-3, 3e38, -3e38, -3e38, -3e38]).unwrap();
    check_neighbours("a long one", &samples, &queries);
}

#[cfg(feature = "parallel")]
#[test]
fn neighbours_do_not_depend_on_threads() {
    let d = datasets::digits::<f32>();
    let alone = nearest(&d.train, &d.test, 3).unwrap();
    let threads = Threads::new(3).unwrap();
    assert_eq!(threads.run(|| nearest(&d.train, &d.test, 3)).unwrap(), alone);
}

#[test]
fn equal_votes_go_to_the_class_of_the_nearest() {
    let train = Batch::from_iter([[0.0], [1.0], [2.0], [3.0], [4.0]]);
    let labels = ["a", "b", "b", "a", "a"];
    let classify =
        |query: f64, k| knn_classify(&train, &labels, &Batch::from_iter([[query]]), k).unwrap()[0];
    assert_eq!([1, 2, 3, 4, 5].map(|k| classify(0.1, k)), ["a", "a", "b", "a", "a"]);
    assert_eq!([1, 2, 3, 4, 5].map(|k| classify(2.9, k)), ["a", "a", "a", "a", "a"]);
    assert_eq!([1, 2, 3, 4, 5].map(|k| classify(1.6, k)), ["b", "b", "b", "b", "a"]);
    // Two samples at the same distance: the first.
    assert_eq!([classify(0.5, 1), classify(2.5, 1)], ["a", "b"]);
}

#[test]
fn confusion() {
    let actual = [0_u8, 0, 0, 0, 1, 1, 2, 2, 2, 2];
    let predicted = [0_u8, 0, 1, 2, 1, 0, 2, 2, 2, 0];
    let table = ConfusionMatrix::new(4, &predicted, &actual).unwrap();
    let rows: Vec<_> = (0..4).map(|a| [0, 1, 2, 3].map(|p| table.count(a, p))).collect();
    assert_eq!(rows, [[2, 1, 1, 0], [1, 1, 0, 0], [1, 0, 3, 0], [0; 4]]);
    assert_eq!((table.classes(), table.samples(), table.accuracy()), (4, 10, 0.6));
    assert_eq!(table.accuracy(), accuracy(&predicted, &actual).unwrap());
    let recalls: Vec<_> = (0..4).map(|class| table.recall(class)).collect();
    assert_eq!(recalls, [Some(0.5), Some(0.5), Some(0.75), None]);
    let precisions: Vec<_> = (0..4).map(|class| table.precision(class)).collect();
    assert_eq!(precisions, [Some(0.5), Some(0.5), Some(0.75), None]);
    // Swapped, recall and precision change places.
    let other = ConfusionMatrix::new(4, &[1_usize, 1, 0, 2], &[0, 1, 0, 0]).unwrap();
    let swapped = ConfusionMatrix::new(4, &[0_usize, 1, 0, 0], &[1, 1, 0, 2]).unwrap();
    for class in 0..4 {
        assert_eq!(
            (other.recall(class), other.precision(class)),
            (swapped.precision(class), swapped.recall(class))
        );
    }
    assert_eq!((other.recall(0), other.precision(0)), (Some(1.0 / 3.0), Some(1.0)));
    // All lines have the same width, also where counts are wider than labels.
    let many =
        ConfusionMatrix::new(12, &[11_usize; 1_234_567], &[3; 1_234_567]).unwrap().to_string();
    let widths: Vec<_> = many.lines().map(|line| line.chars().count()).collect();
    assert!(widths.len() == 14 && widths.iter().all(|&width| width == widths[0]), "{many}");
    assert!(many.contains("  1234567   0.000\n"), "{many}");
}

#[test]
fn unexplained_variance_is_a_ratio_of_sums() {
    let d = datasets::digits::<f64>();
    let of = |f: &dyn Fn(usize, f64) -> f64| {
        let mut y = d.train.clone();
        y.as_mut_slice().iter_mut().enumerate().for_each(|(at, y)| *y = f(at % 64, *y));
        unexplained_variance(&d.train, &y).unwrap()
    };
    let samples = d.train.samples() as f64;
    let mut mean = [0.0; 64];
    d.train.iter().for_each(|x| mean.iter_mut().zip(x).for_each(|(mean, x)| *mean += x / samples));
    assert_eq!(of(&|_, x| x), 0.0);
    let near = |found: f64, expected: f64| assert!((found - expected).abs() <= 1e-12, "{found}");
    near(of(&|row, _| mean[row]), 1.0);
    near(of(&|row, x| x + 0.3 * (mean[row] - x)), 0.09);
    near(of(&|row, x| 2.0 * mean[row] - x), 4.0);
    // By numpy, x of 1438 × 64 values in [0, 1]: ((x - 0.5) ** 2).sum() / ((x - x.mean(0)) ** 2).sum().
    // A mean of ratios would be infinite: some pixels are always 0.
    near(of(&|_, _| 0.5), 2.440936803450964);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let batch = |samples: usize| Batch::<f64, Const<2>>::zeros(Const, samples);
    let labels = [0_u8, 1, 0];
    let size = |place, unit, expected, found| Error::SizeMismatch { place, unit, expected, found };
    let parameter = |name, value: usize, requirement| Error::InvalidParameter {
        name,
        value: Number(value as f64),
        requirement,
    };
    let none = |call| Error::NoSamples { call };

    assert_eq!(accuracy(&labels, &labels[1..]).unwrap_err(), size("accuracy", "labels", 2, 3));
    assert_eq!(accuracy::<u8>(&[], &[]).unwrap_err(), none("accuracy"));
    let confusion = |classes, predicted: &[u8], actual: &[u8]| {
        ConfusionMatrix::new(classes, predicted, actual).unwrap_err()
    };
    assert_eq!(confusion(2, &labels[2..], &labels), size("ConfusionMatrix", "labels", 3, 1));
    assert_eq!(confusion(2, &[], &[]), none("ConfusionMatrix"));
    for classes in [0, 4097, usize::MAX] {
        let expected = parameter("ConfusionMatrix classes", classes, "in [1, 4096]");
        assert_eq!(confusion(classes, &labels, &labels), expected);
    }
    let label = |sample, label| Error::Label { call: "ConfusionMatrix", sample, label, classes: 1 };
    let expected = label(labels.iter().position(|&label| label > 0).unwrap(), 1);
    assert_eq!(confusion(1, &labels, &[0; 3]), expected);
    assert_eq!(confusion(1, &[0; 3], &labels), expected);
    let signed = ConfusionMatrix::new(1, &[0_i64, 0, -7], &[0_u32; 3]).unwrap_err();
    assert_eq!(signed, label(2, -7));

    let find = |samples, queries, k| nearest(&batch(samples), &batch(queries), k).unwrap_err();
    assert_eq!(find(3, 1, 0), parameter("nearest k", 0, "at least 1"));
    assert_eq!(find(3, 1, 4), parameter("nearest k", 4, "at most the number of samples"));
    assert_eq!(find(0, 1, 1), none("nearest"));
    assert_eq!(find(3, 0, 1), none("nearest"));
    for value in [f64::NAN, f64::INFINITY] {
        let mut bad = batch(3);
        bad.as_mut_slice()[3] = value;
        let expected =
            Error::NotFinite { call: "nearest", feature: 1, sample: 1, value: Number(value) };
        assert_eq!(nearest(&bad, &batch(1), 1).unwrap_err(), expected);
        assert_eq!(nearest(&batch(3), &bad, 1).unwrap_err(), expected);
        let expected = Error::NotFinite {
            call: "unexplained_variance",
            feature: 1,
            sample: 1,
            value: Number(value),
        };
        assert_eq!(unexplained_variance(&bad, &batch(3)).unwrap_err(), expected);
        assert_eq!(unexplained_variance(&batch(3), &bad).unwrap_err(), expected);
    }
    let (narrow, wide) = (Batch::zeros(Dyn(2), 3), Batch::zeros(Dyn(3), 3));
    assert_eq!(
        nearest::<f64, _>(&narrow, &wide, 1).unwrap_err(),
        size("nearest", "features", 2, 3)
    );
    let place = "labels for nearest neighbours";
    let knn = |of_train: usize, of_test: usize| {
        knn_accuracy(&batch(3), &labels[..of_train], &batch(2), &labels[..of_test], 1).unwrap_err()
    };
    assert_eq!(knn(2, 2), size(place, "labels", 3, 2));
    assert_eq!(knn(3, 1), size(place, "labels", 2, 1));

    let fvu = |x: &Batch<f64, Dyn>, y: &Batch<f64, Dyn>| unexplained_variance(x, y).unwrap_err();
    const CALL: &str = "unexplained_variance";
    assert_eq!(fvu(&narrow, &wide), size(CALL, "features", 2, 3));
    assert_eq!(fvu(&narrow, &Batch::zeros(Dyn(2), 2)), size(CALL, "samples", 3, 2));
    assert_eq!(fvu(&Batch::zeros(Dyn(2), 0), &Batch::zeros(Dyn(2), 0)), none(CALL));
    // 0.1 three times does not sum to 0.3; there is no variance all the same.
    let same = Batch::new(Dyn(1), vec![0.1; 3]).unwrap();
    let expected = parameter("unexplained_variance variance of x", 0, "finite and greater than 0");
    assert_eq!(fvu(&same, &same), expected);
    assert_eq!(fvu(&same.select([0]), &same.select([1])), expected);
}

/// ```python
/// from sklearn.datasets import load_digits
/// from sklearn.linear_model import LogisticRegression
/// from sklearn.preprocessing import StandardScaler
/// d = load_digits(); X = d.data / 16; y = d.target
/// s = StandardScaler().fit(X[:1438])
/// m = LogisticRegression(max_iter=100000, tol=1e-10).fit(s.transform(X[:1438]), y[:1438])
/// print(m.score(s.transform(X[1438:]), y[1438:]) * 359)  # 322.0
/// ```
#[test]
fn a_linear_probe_is_scikit_learns_logistic_regression() {
    let digits = datasets::digits::<f64>();
    let (train, test) =
        ((&digits.train, &digits.train_labels[..]), (&digits.test, &digits.test_labels[..]));
    let right = linear_probe(10, train, test).unwrap() * 359.0;
    assert_eq!(right.round(), 322.0);
    let error = linear_probe(5, train, test).unwrap_err();
    let sample = digits.test_labels.iter().position(|&label| label >= 5).unwrap();
    let label = i128::from(digits.test_labels[sample]);
    assert_eq!(error, Error::Label { call: "linear_probe", sample, label, classes: 5 });
    let short = (&digits.train, &digits.train_labels[1..]);
    assert!(matches!(linear_probe(10, short, test), Err(Error::SizeMismatch { .. })));
}
