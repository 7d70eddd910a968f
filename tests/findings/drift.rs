//! Drift, against SciPy 1 and against sums by hand.
//!
//! ```python
//! import numpy as np
//! from scipy.stats import ks_2samp
//! from scipy.special import kolmogorov
//! a = [(7*i*i + 3*i) % 101 / 10 for i in range(40)]
//! b = [(5*i*i + 11*i) % 97 / 9 for i in range(60)]
//! d = ks_2samp(a, b).statistic
//! print(d, kolmogorov(d * np.sqrt(40 * 60 / 100)))
//! ```

use autoencoder::metrics::*;
use autoencoder::*;
use proptest::prelude::*;

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} for {expected}");
}

fn values() -> (Vec<f64>, Vec<f64>) {
    let a = (0..40).map(|i| f64::from((7 * i * i + 3 * i) % 101) / 10.0);
    let b = (0..60).map(|i| f64::from((5 * i * i + 11 * i) % 97) / 9.0);
    (a.collect(), b.collect())
}

#[test]
fn the_test_is_that_of_scipy() {
    let (a, b) = values();
    let found = kolmogorov_smirnov(&a, &b).unwrap();
    assert_close(found.statistic, 0.19166666666666668, 1e-15);
    assert_close(found.p_value, 0.3412158828746125, 1e-12);
}

/// Distances whose λ is known, of `n` values each: the one set lies `shift` places above the other.
#[test]
fn the_probability_is_kolmogorovs_on_both_sides_of_the_middle() {
    // `scipy.special.kolmogorov(λ)`
    for (n, shift, expected) in [
        (200, 4, 0.999999999999495),
        (200, 10, 0.9639452436648751),
        (200, 16, 0.5441424115741981),
        (200, 20, 0.26999967167735456),
        (200, 24, 0.11224966667072497),
        (200, 40, 0.0006709252557796953),
        (200, 60, 3.045995948942526e-08),
    ] {
        let old: Vec<f64> = (0..n).map(f64::from).collect();
        let new: Vec<f64> = old.iter().map(|x| x + f64::from(shift)).collect();
        let found = kolmogorov_smirnov(&old, &new).unwrap();
        // λ = shift / n · √(n / 2), of 200 values shift / 20: 0.2, 0.5, 0.8, 1, 1.2, 2, 3.
        assert_eq!(found.statistic, f64::from(shift) / f64::from(n));
        assert_close(found.p_value, expected, 1e-11);
    }
}

#[test]
fn stability_is_the_sum_by_hand() {
    // Quartiles of 0 to 7 end at 1, 3, 5; the new values fall 0, 1, 2 and 5 times between.
    let old: Vec<f64> = (0..8).map(f64::from).collect();
    let new = [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 6.5];
    let p = 2.5 / 10.0;
    let terms = [0.5, 1.5, 2.5, 5.5].map(|n| (n / 10.0 - p) * f64::ln(n / 10.0 / p));
    let found = population_stability(&old, &new, 4).unwrap();
    assert_close(found, terms.iter().sum::<f64>(), 1e-14);
    // Absent values are a group more.
    let new = [3.0, 4.0, 5.0, 6.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN];
    let old_shares = [2.5, 2.5, 2.5, 2.5, 0.5].map(|n| n / 10.5);
    let shares = [0.5, 1.5, 2.5, 1.5, 4.5].map(|n| n / 10.5);
    let pairs = old_shares.iter().zip(shares);
    let expected: f64 = pairs.map(|(&p, q)| (q - p) * f64::ln(q / p)).sum();
    let found = population_stability(&old, &new, 4).unwrap();
    assert_close(found, expected, 1e-14);
    // Another number of groups is another index.
    assert_ne!(population_stability(&old, &new, 2).unwrap(), found);
}

#[test]
fn equal_values_stay_together() {
    // A yes-or-no column has two groups, however many are asked for: nothing lies beyond the ends 0 and 1.
    let column =
        |ones: usize| -> Vec<f64> { (0..100).map(|i| f64::from(u8::from(i < ones))).collect() };
    let (p, q) = ([50.5 / 101.0, 50.5 / 101.0], [80.5 / 101.0, 20.5 / 101.0]);
    let expected: f64 = p.iter().zip(q).map(|(&p, q)| (q - p) * f64::ln(q / p)).sum();
    let found = population_stability(&column(50), &column(20), 10).unwrap();
    assert_close(found, expected, 1e-14);
    // A constant that changes has moved, either way.
    for other in [6.0, 8.0] {
        assert!(population_stability(&[7.0; 50], &[other; 50], 10).unwrap() > 1.0);
    }
    assert_eq!(population_stability(&[7.0; 50], &[7.0; 30], 10).unwrap(), 0.0);
}

/// What makes up more than a group is one of its own, also where it holds one quantile only.
#[test]
fn a_spike_that_moves_below_is_seen() {
    let rest = || (0..13).chain(30..102).map(f64::from);
    let [old, new] = [20.0, 15.0].map(|spike| rest().chain([spike; 15]).collect::<Vec<f64>>());
    // Eleven groups: 0 to 9, 10 to 12, 20, 30 and 31, and seven more. The spike leaves its own for the one below.
    let found = population_stability(&old, &new, 10).unwrap();
    let shares =
        |ten: f64, spike: f64| [10.0, ten, spike].map(|n| (n + 0.5) / (100.0 + 0.5 * 11.0));
    let pairs = shares(3.0, 15.0).into_iter().zip(shares(18.0, 0.0));
    let expected: f64 = pairs.map(|(p, q)| (q - p) * f64::ln(q / p)).sum();
    assert_close(found, expected, 1e-12);
}

#[test]
fn drift_tells_of_each_column() {
    let old: Batch<f64, _> = Batch::from_iter((0..100).map(|i| [f64::from(i), 1.0, f64::NAN]));
    let new = Batch::from_iter(
        (0..50).map(|i| [f64::from(i) + 50.0, if i % 2 == 0 { 1.0 } else { f64::NAN }, f64::NAN]),
    );
    let drift = drift(&old, &new).unwrap();
    let of = |feature: usize| {
        let column = |batch: &Batch<f64, _>| -> Vec<f64> {
            batch.iter().map(|x: &[f64]| x[feature]).collect()
        };
        (column(&old), column(&new))
    };
    for (feature, column) in drift.columns().iter().enumerate() {
        let (old, new) = of(feature);
        assert_eq!(column.feature, feature);
        assert_eq!(column.stability, population_stability(&old, &new, 10).unwrap());
        assert_eq!(column.test, kolmogorov_smirnov(&old, &new).ok());
    }
    assert_eq!(drift.columns()[0].means, (49.5, 74.5));
    assert_eq!(drift.columns()[1].absent, (0.0, 0.5));
    assert_eq!(drift.columns()[2].test, None);
    let drift = drift.named(["load", "state", "never"]).unwrap();
    let table = drift.to_string();
    let rows: Vec<&str> = table.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(rows, ["column", "state", "load", "never"], "the most moved first");
    assert!(table.contains(" 49.5 ") && table.contains("0.0 → 50.0 %"), "{table}");
    let refused = drift.named(["load"]).unwrap_err();
    assert!(matches!(refused, Error::SizeMismatch { expected: 3, found: 1, .. }));
}

#[test]
fn what_has_no_answer_is_refused() {
    let one = [1.0];
    let refused = |result: Result<f64>| result.unwrap_err().to_string();
    for groups in [0, 1, 65_537, usize::MAX] {
        assert!(refused(population_stability(&one, &one, groups)).contains("at least 2"));
    }
    let size = |height, width| size::DynImage { channels: 1, height, width };
    let image = |height, width| Batch::<f64, _>::zeros(size(height, width), 2);
    for refused in [
        drift(&image(2, 3), &image(3, 2)).map(drop),
        unexplained_variance(&image(2, 3), &image(3, 2)).map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, Error::SizeMismatch { unit: "rows", .. }), "{refused}");
    }
    assert!(matches!(population_stability(&one, &[], 3), Err(Error::NoSamples { .. })));
    let infinite = population_stability(&one, &[1.0, f64::INFINITY], 3).unwrap_err();
    assert!(matches!(infinite, Error::EntryNotFinite { index: 1, .. }), "{infinite}");
    assert!(matches!(kolmogorov_smirnov(&one, &[f64::NAN]), Err(Error::NoSamples { .. })));
    let infinite = Batch::from_iter([[0.0, f64::NEG_INFINITY]]);
    let refused = drift(&Batch::from_iter([[0.0, 1.0]]), &infinite).unwrap_err();
    assert!(matches!(refused, Error::NotFinite { feature: 1, sample: 0, .. }), "{refused}");
}

proptest! {
    /// Symmetric in its two sides but for where the groups end, never negative, blind to order and to any rising map.
    #[test]
    fn drift_is_of_ranks(
        old in prop::collection::vec(-50_i32..50, 1..60),
        new in prop::collection::vec(-50_i32..50, 1..60),
        groups in 2_usize..12,
    ) {
        let plain = |x: &[i32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
        let mapped = |x: &[i32]| -> Vec<f64> { x.iter().rev().map(|&x| (f64::from(x) / 20.0).exp()).collect() };
        let stability = population_stability(&plain(&old), &plain(&new), groups).unwrap();
        prop_assert!(stability >= 0.0 && stability.is_finite());
        prop_assert_eq!(stability, population_stability(&mapped(&old), &mapped(&new), groups).unwrap());
        let test = kolmogorov_smirnov(&plain(&old), &plain(&new)).unwrap();
        prop_assert!((0.0..=1.0).contains(&test.p_value) && (0.0..=1.0).contains(&test.statistic));
        prop_assert_eq!(test, kolmogorov_smirnov(&mapped(&new), &mapped(&old)).unwrap());
        // The distance by its definition.
        let count = |all: &[i32], x: i32| all.iter().filter(|&&other| other <= x).count() as f64;
        let share = |all: &[i32], x: i32| count(all, x) / all.len() as f64;
        let farthest = (-50..50).map(|x| (share(&old, x) - share(&new, x)).abs()).fold(0.0, f64::max);
        prop_assert!((test.statistic - farthest).abs() < 1e-14);
    }
}
