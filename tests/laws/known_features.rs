//! Data of known features, against what mathematics says of it and what is published of SynthSAEBench.

use std::collections::HashSet;
use std::f64::consts::{PI, SQRT_2};
use std::ops::Range;

use autoencoder::SparseBatch;
use autoencoder::datasets::{Hierarchy, KnownFeatures, SyntheticFeatures};
use autoencoder::nalgebra::Const;

/// Standard errors that a mean of many draws may be off by.
const SIGMAS: f64 = 5.0;

type Known<const D: usize> = KnownFeatures<f64, Const<D>>;

/// Without deviations and steps, so that a feature that fires is on.
fn plain<const D: usize>(features: usize) -> SyntheticFeatures<Const<D>> {
    SyntheticFeatures::new(features, Const).deviations(0.0, 0.0).orthogonalize(0, 1.0).seed(7)
}

/// P(N(0, 1) < x).
fn normal_below(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// On how many samples each feature is on.
fn counts(codes: &SparseBatch<f64>) -> Vec<usize> {
    let mut counts = vec![0; codes.features()];
    codes.iter().for_each(|code| code.iter().for_each(|(feature, _)| counts[feature] += 1));
    counts
}

/// A count of n draws of probability p lies within the bound of its binomial distribution.
fn assert_binomial(what: &str, count: usize, n: usize, p: f64) {
    let (n, off) = (n as f64, count as f64 - n as f64 * p);
    // One more, for rare features, whose distribution is a step of 1.
    let bound = SIGMAS * (n * p * (1.0 - p)).sqrt() + 1.0;
    assert!(off.abs() <= bound, "{what}: {count} of {n}, expected {}", n * p);
}

fn ends(range: Range<usize>) -> (usize, usize) {
    (range.start, range.end)
}

#[test]
fn features_fire_as_often_as_zipf_says() {
    let options = [
        plain::<3>(100).zipf(0.5, 5e-4..=0.4),
        plain::<3>(100).zipf(1.5, 0.01..=1.0),
        plain::<3>(100).zipf(0.5, 5e-4..=0.4).correlation(25, 0.1),
        plain::<3>(100).zipf(1.0, 0.2..=0.7).correlation(3, 10.0),
        plain::<3>(100).zipf(0.5, 5e-4..=0.4).deviations(4.0, 1.0),
    ];
    let limits =
        [(0.5, 5e-4, 0.4), (1.5, 0.01, 1.0), (0.5, 5e-4, 0.4), (1.0, 0.2, 0.7), (0.5, 5e-4, 0.4)];
    for (options, (exponent, least, greatest)) in options.into_iter().zip(limits) {
        let known: Known<3> = options.build().unwrap();
        let (n, of_last) = (20_000, 100_f64.powf(-exponent));
        let counts = counts(&known.codes(0..n).unwrap());
        for (i, count) in counts.into_iter().enumerate() {
            let share = ((1.0 + i as f64).powf(-exponent) - of_last) / (1.0 - of_last);
            let p = least + (greatest - least) * share;
            assert!((known.probabilities()[i] - p).abs() < 1e-12);
            // A magnitude below 0 becomes 0, and the feature is off.
            let (mean, deviation) = (known.magnitudes()[i], known.deviations()[i]);
            let is_positive = if deviation > 0.0 { normal_below(mean / deviation) } else { 1.0 };
            assert_binomial(&format!("{options:?}, {i}"), count, n, p * is_positive);
        }
    }
}

#[test]
fn families_are_given_places_level_by_level() {
    let of = |features: usize, hierarchy| -> Known<2> {
        plain::<2>(features).hierarchy(hierarchy).build().unwrap()
    };
    let two = of(20, Hierarchy::new(2, 3, 2));
    assert_eq!(ends(two.children(0)), (2, 5));
    assert_eq!(ends(two.children(1)), (5, 8));
    assert_eq!(ends(two.children(2)), (8, 11));
    assert_eq!(ends(two.children(5)), (17, 20)); // the features end with its children
    assert!((6..20).all(|feature| two.children(feature).is_empty()));
    let parents: Vec<_> = (0..20).map(|feature| two.parent(feature)).collect();
    let expected = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5].map(Some);
    assert_eq!(parents, [&[None, None][..], &expected].concat());
    // 128 (1 + 4 + 16 + 64) of 16,384 features belong to a tree.
    let many = of(16_384, Hierarchy::new(128, 4, 3));
    let children = (0..16_384).filter(|&feature| many.parent(feature).is_some()).count();
    assert_eq!(children, 128 * 84);
    // Half of the parents with two children or more, rounded down: 2 + 6 of them here.
    for (share, expected) in [(0.0, 0), (0.5, 4), (0.7, 5), (1.0, 8)] {
        let known = of(30, Hierarchy::new(2, 3, 2).exclusive(share));
        let exclusive = (0..30).filter(|&feature| known.has_exclusive_children(feature)).count();
        assert_eq!(exclusive, expected, "{share}");
    }
}

/// Children only with their parent, and siblings that exclude each other never together; whatever else is on.
fn check_order(known: &Known<2>, codes: &SparseBatch<f64>) {
    for code in codes.iter() {
        let on: HashSet<usize> = code.iter().map(|(feature, _)| feature).collect();
        for &feature in &on {
            assert!(known.parent(feature).is_none_or(|parent| on.contains(&parent)));
            let children = known.children(feature).filter(|child| on.contains(child)).count();
            assert!(children <= 1 || !known.has_exclusive_children(feature));
        }
    }
}

#[test]
fn children_are_on_with_their_parents_and_as_often_as_they_should() {
    // Children of the most frequent features, so that many are on.
    let n = 40_000;
    let base = plain::<2>(42).zipf(0.5, 0.05..=0.6);
    for is_compensated in [false, true] {
        let hierarchy = Hierarchy::new(2, 4, 2);
        let hierarchy = if is_compensated { hierarchy.compensated() } else { hierarchy };
        let known: Known<2> = base.clone().hierarchy(hierarchy).build().unwrap();
        let codes = known.codes(0..n).unwrap();
        check_order(&known, &codes);
        for (feature, count) in counts(&codes).into_iter().enumerate() {
            // What is not compensated has the product of all probabilities up to the root.
            let mut p = known.probabilities()[feature];
            let mut ancestor = known.parent(feature).filter(|_| !is_compensated);
            while let Some(parent) = ancestor {
                p *= known.probabilities()[parent];
                ancestor = known.parent(parent);
            }
            assert_binomial(&format!("{feature}, {is_compensated}"), count, n, p);
        }
    }
}

/// How often a sibling stays, by trying all sets of the others.
fn stays(drawn: &[f64], own: usize) -> f64 {
    let mut sum = 0.0;
    for set in 0..1_u32 << drawn.len() {
        if set & 1 << own != 0 {
            let is_in = |k: usize| set & 1 << k != 0;
            let factors =
                drawn.iter().enumerate().map(|(k, &p)| if is_in(k) { p } else { 1.0 - p });
            sum += factors.product::<f64>() / f64::from(set.count_ones());
        }
    }
    sum
}

#[test]
fn siblings_exclude_each_other() {
    let n = 40_000;
    let hierarchy = Hierarchy::new(2, 4, 2).exclusive(1.0).compensated();
    let base = plain::<2>(42).zipf(0.5, 0.05..=0.6).hierarchy(hierarchy);
    let known: Known<2> = base.clone().build().unwrap();
    let codes = known.codes(0..n).unwrap();
    check_order(&known, &codes);
    let counts = counts(&codes);
    let mut expected = known.probabilities().to_vec();
    for parent in 0..42 {
        let children = known.children(parent);
        let wanted: f64 = known.probabilities()[children.clone()].iter().sum();
        for child in children.clone() {
            // p/p′ (1 + Σ pⱼ/p′), 1 at most.
            let (p, of_parent) = (known.probabilities()[child], known.probabilities()[parent]);
            let drawn = (p / of_parent * (1.0 + (wanted - p) / of_parent)).min(1.0);
            assert!((known.drawn_probabilities()[child] - drawn).abs() < 1e-12);
            let drawn = &known.drawn_probabilities()[children.clone()];
            expected[child] = expected[parent] * stays(drawn, child - children.start);
        }
    }
    for (feature, &count) in counts.iter().enumerate() {
        assert_binomial(&format!("{feature}"), count, n, expected[feature]);
    }
    // With correlation and magnitudes below 0, too.
    let known = base.correlation(4, 0.4).magnitudes(1.0, 1.0).deviations(1.0, 0.0).build().unwrap();
    check_order(&known, &known.codes(0..5000).unwrap());
}

/// Codes of SynthSAEBench's 16,384 features have 34 that are on, 25 of them among the first 4,096 (D. Chanin, A. Garriga-Alonso
/// 2026). Dimensions do not matter for codes.
#[test]
fn as_many_features_are_on_as_in_synth_sae_bench() {
    let hierarchy = Hierarchy::new(128, 4, 3).exclusive(1.0).compensated().scaled_by_parent();
    let options =
        SyntheticFeatures::new(16_384, Const::<2>).hierarchy(hierarchy).correlation(25, 0.1);
    let known: Known<2> = options.orthogonalize(0, 1.0).seed(42).build().unwrap();
    let codes = known.codes(0..2000).unwrap();
    let on = codes.count() as f64 / 2000.0;
    let first: usize = counts(&codes)[..4096].iter().sum();
    let first = first as f64 / 2000.0;
    assert!((on - 34.0).abs() < 1.0 && (first - 25.0).abs() < 1.0, "{on}, {first}");
}

#[test]
fn features_are_on_together_as_the_copula_says() {
    let n = 40_000;
    let count = |codes: &SparseBatch<f64>, i: u32, j: u32| {
        let has = |code: &[u32], feature| code.binary_search(&feature).is_ok();
        codes.iter().filter(|code| has(code.indices(), i) && has(code.indices(), j)).count()
    };
    let base = plain::<2>(20).correlation(2, 0.6);
    // Both are on in ¼ + arcsin(ρ)/2π of samples if each is in half of them (W. Sheppard 1899).
    let known: Known<2> = base.clone().zipf(1.0, 0.5..=0.5).build().unwrap();
    let codes = known.codes(0..n).unwrap();
    let mut largest = 0.0_f64;
    for i in 0..20 {
        assert_eq!(known.correlation(i, i), 1.0);
        for j in 0..i {
            let rho = known.correlation(i, j);
            assert_eq!(rho, known.correlation(j, i));
            largest = largest.max(rho.abs());
            let p = 0.25 + rho.asin() / (2.0 * PI);
            assert_binomial(
                &format!("{i} and {j}, {rho}"),
                count(&codes, i as u32, j as u32),
                n,
                p,
            );
        }
    }
    assert!(largest > 0.5 && largest <= 0.99, "{largest}");
    // And at any other rates the sign is that of ρ.
    let known: Known<2> = base.zipf(0.5, 0.1..=0.4).build().unwrap();
    let codes = known.codes(0..n).unwrap();
    let single = counts(&codes);
    let mut signs = [0, 0];
    for i in 0..20 {
        for j in 0..i {
            let rho = known.correlation(i, j);
            let chance = single[i] as f64 * single[j] as f64 / n as f64;
            let together = count(&codes, i as u32, j as u32) as f64;
            if rho.abs() > 0.3 {
                assert_eq!(
                    together > chance,
                    rho > 0.0,
                    "{i} and {j}: {together}, {chance}, {rho}"
                );
                signs[usize::from(rho > 0.0)] += 1;
            }
        }
    }
    assert!(signs[0] > 5 && signs[1] > 5, "{signs:?}");
}

/// Mean and variance of values that should have these.
fn assert_moments(what: &str, values: &[f64], mean: f64, variance: f64) {
    let n = values.len() as f64;
    let found = values.iter().sum::<f64>() / n;
    let spread = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let bound = SIGMAS * (variance / n).sqrt();
    assert!((found - mean).abs() <= bound, "{what}: {found}, expected {mean}");
    // The fourth moment is below ten times the square of the variance here.
    assert!(
        (spread - variance).abs() <= SIGMAS * variance * (10.0 / n).sqrt(),
        "{what}: {spread}, expected {variance}"
    );
}

#[test]
fn magnitudes_have_the_moments_of_what_they_are_drawn_from() {
    // N(1, 1) above 0 has the mean 1 + λ and the variance 1 − λ − λ², λ = φ(1)/Φ(1).
    let lambda = (-0.5_f64).exp() / (2.0 * PI).sqrt() / normal_below(1.0);
    let base = plain::<2>(3).zipf(1.0, 0.5..=0.5).magnitudes(1.0, 1.0).deviations(1.0, 0.0);
    let known: Known<2> = base.build().unwrap();
    let codes = known.codes(0..20_000).unwrap();
    let all: Vec<f64> = codes.iter().flat_map(|code| code.values().to_vec()).collect();
    assert!(all.iter().all(|&value| value > 0.0));
    assert_moments("on", &all, 1.0 + lambda, 1.0 - lambda - lambda * lambda);

    let known: Known<2> = plain::<2>(5001).deviations(0.5, 0.5).build().unwrap();
    assert_eq!(
        (known.magnitudes()[0], known.magnitudes()[2500], known.magnitudes()[5000]),
        (5.0, 4.5, 4.0)
    );
    // |N(m, s²)| has the mean s √(2/π) e^(−m²/2s²) + m (1 − 2Φ(−m/s)), and the mean square m² + s².
    let mean = 0.5 * (2.0 / PI).sqrt() * (-0.5_f64).exp() + 0.5 * (1.0 - 2.0 * normal_below(-1.0));
    assert_moments("deviations", known.deviations(), mean, 0.5 - mean * mean);

    // A child is as strong as its parent is: what is left of it is its own.
    let hierarchy = Hierarchy::new(1, 2, 1).compensated().scaled_by_parent();
    let base = plain::<2>(3).zipf(1.0, 0.4..=0.8).magnitudes(8.0, 6.0).deviations(1.0, 0.0);
    let known: Known<2> = base.hierarchy(hierarchy).build().unwrap();
    let (mut own, mut scaled) = (Vec::new(), Vec::new());
    for code in known.codes(0..20_000).unwrap().iter() {
        let all: Vec<_> = code.iter().collect();
        if let [(0, parent), (1, child), ..] = all[..] {
            own.push(child * 8.0 / parent);
            scaled.push((parent - 8.0) * (child - 7.0));
        }
    }
    assert_moments("a child's own", &own, 7.0, 1.0);
    // Cov(parent, child) = μ_child σ²_parent / μ_parent = 7/8.
    let found = scaled.iter().sum::<f64>() / scaled.len() as f64;
    assert!((found - 0.875).abs() < 0.1, "{found}");
}
