//! Measures of sparse dictionaries, against numpy 2 and scipy 1 and against their definitions.
//!
//! Both sides make the same numbers, column by column:
//! ```python
//! import numpy as np
//! from scipy.optimize import linear_sum_assignment
//! def values(first, rows, columns):
//!     k = np.arange(first, first + rows * columns, dtype=np.int64)
//!     return (((k * k * 31 + k * 17 + 7) % 1009) / 1009 - 0.5).reshape(columns, rows).T
//! for rows, columns in [(7, 11), (11, 7), (40, 60)]:
//!     c = values(1, rows, columns)
//!     print(c[linear_sum_assignment(c)].sum())
//! unit = lambda a: a / np.linalg.norm(a, axis=0)
//! known, learned = values(1, 6, 20), values(5000, 6, 13)
//! cos = np.abs(unit(known).T @ unit(learned))
//! i, j = linear_sum_assignment(-cos)
//! print("mcc", cos[i, j].mean(), "mmcs", cos.max(1).mean(), cos.max(0).mean())
//! best = cos.argmax(0)
//! print("unique", len(set(best)), best)
//! print("found", sorted(i[cos[i, j] > 0.8]), "shared", [(f, [u for u in range(13) if best[u] == f and cos[f, u] > 0.7])
//!       for f in range(20) if ((best == f) & (cos[best, range(13)] > 0.7)).sum() > 1])
//! g = np.abs(unit(learned).T @ unit(learned)); np.fill_diagonal(g, -1)
//! print("coherence", g.max(0).mean(), g.max(), np.unravel_index(g.argmax(), g.shape))
//! ```

use autoencoder::metrics::dictionary::{Matching, assignment, coherence};
use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, Float};
use proptest::prelude::*;

/// What sums of tens of numbers may be off by.
pub(crate) const ROUNDING: f64 = 1e-13;

pub(crate) fn value(k: u64) -> f64 {
    ((k * k * 31 + k * 17 + 7) % 1009) as f64 / 1009.0 - 0.5
}

pub(crate) fn values(first: u64, rows: usize, columns: usize) -> Batch<f64, Dyn> {
    let all = (first..).take(rows * columns).map(value).collect();
    Batch::new(Dyn(rows), all).unwrap()
}

pub(crate) fn assert_near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < ROUNDING * expected.abs().max(1.0),
        "{found}, not {expected}"
    );
}

fn total(costs: &Batch<f64, Dyn>, pairs: &[(usize, usize)]) -> f64 {
    pairs.iter().map(|&(row, column)| costs.sample(column)[row]).sum()
}

/// Each row and each column at most once, as many pairs as fit.
fn check_pairs(costs: &Batch<f64, Dyn>, pairs: &[(usize, usize)]) {
    assert_eq!(pairs.len(), costs.features().min(costs.samples()));
    for side in [|pair: &(usize, usize)| pair.0, |pair: &(usize, usize)| pair.1] {
        let mut all: Vec<_> = pairs.iter().map(side).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), pairs.len());
    }
}

#[test]
fn assignments_cost_what_scipy_finds() {
    let cases =
        [(7, 11, -3.0421209117938552), (11, 7, -2.8795837462834486), (40, 60, -19.25569871159564)];
    for (rows, columns, expected) in cases {
        let costs = values(1, rows, columns);
        let pairs = assignment(costs.view()).unwrap();
        check_pairs(&costs, &pairs);
        assert_near(total(&costs, &pairs), expected);
    }
}

/// The least total over all ways to give rows, from `row` on, columns of their own.
fn by_trying(costs: &Batch<f64, Dyn>, row: usize, taken: &mut Vec<bool>) -> f64 {
    if row == costs.features() {
        return 0.0;
    }
    let mut least = f64::INFINITY;
    for column in 0..costs.samples() {
        if !taken[column] {
            taken[column] = true;
            least = least.min(costs.sample(column)[row] + by_trying(costs, row + 1, taken));
            taken[column] = false;
        }
    }
    least
}

fn transposed(costs: &Batch<f64, Dyn>) -> Batch<f64, Dyn> {
    let row = |row: usize| costs.iter().map(move |column| column[row]).collect::<Vec<_>>();
    Batch::from_samples(Dyn(costs.samples()), (0..costs.features()).map(row)).unwrap()
}

proptest! {
    #[test]
    fn no_assignment_costs_less(
        rows in 1..6_usize,
        more in 0..3_usize,
        // Few different costs, so that many are equal; or many.
        costs in prop_oneof![
            prop::collection::vec((-3..3_i8).prop_map(f64::from), 56),
            prop::collection::vec(-1e3..1e3_f64, 56),
        ],
    ) {
        let columns = rows + more;
        let costs = Batch::new(Dyn(rows), costs[..rows * columns].to_vec()).unwrap();
        let least = by_trying(&costs, 0, &mut vec![false; columns]);
        for costs in [transposed(&costs), costs] {
            let pairs = assignment(costs.view()).unwrap();
            check_pairs(&costs, &pairs);
            prop_assert!((total(&costs, &pairs) - least).abs() < 1e-9);
        }
    }

    #[test]
    fn a_dictionary_is_found_again_in_any_order_and_scale(
        seed in 0..1000_u64,
        scales in prop::collection::vec(prop_oneof![-1e3..-1e-3_f64, 1e-3..1e3_f64], 12),
        by in 0..12_usize,
    ) {
        let known = values(seed, 8, 12);
        let mut learned = known.select((0..12).map(|unit| (unit * 5 + by) % 12));
        for (atom, scale) in learned.as_mut_slice().chunks_exact_mut(8).zip(&scales) {
            atom.iter_mut().for_each(|x| *x *= scale);
        }
        let matching = Matching::new(known.view(), learned.view()).unwrap();
        for measure in [matching.mean_correlation(), matching.mean_max_cosine(), matching.mean_max_cosine_of_units()] {
            prop_assert!((measure - 1.0).abs() < ROUNDING);
        }
        // Two of these numbers may be alike up to a factor; then either is a match.
        if coherence(known.view()).unwrap().largest < 0.999 {
            prop_assert_eq!(matching.uniqueness(), 1.0);
            for partner in matching.partners() {
                prop_assert_eq!((partner.unit * 5 + by) % 12, partner.feature);
            }
        }
        let findings = matching.findings(0.999).unwrap();
        prop_assert_eq!(findings.found.len(), 12);
        prop_assert!(findings.missed.is_empty());
    }

    /// L. Welch (1974), Lower bounds on the maximum cross correlation of signals.
    #[test]
    fn coherence_is_above_the_bound_of_welch(seed in 0..1000_u64, dimensions in 1..7_usize, more in 1..9_usize) {
        let (d, n) = (dimensions as f64, (dimensions + more) as f64);
        let found = coherence(values(seed, dimensions, dimensions + more).view()).unwrap();
        prop_assert!(found.largest >= ((n - d) / (d * (n - 1.0))).sqrt() - ROUNDING);
        prop_assert!(found.mean <= found.largest + ROUNDING && found.largest <= 1.0);
    }

    #[test]
    fn partners_are_never_more_alike_than_best_matches(seed in 0..1000_u64, features in 1..9_usize, units in 1..9_usize) {
        let (known, learned) = (values(seed, 5, features), values(seed + 400, 5, units));
        let matching = Matching::new(known.view(), learned.view()).unwrap();
        prop_assert_eq!(matching.partners().len(), features.min(units));
        for partner in matching.partners() {
            prop_assert!(partner.cosine <= matching.best_units()[partner.feature].cosine);
            prop_assert!(partner.cosine <= matching.best_features()[partner.unit].cosine);
        }
        // Turned round, features are units.
        let turned = Matching::new(learned.view(), known.view()).unwrap();
        prop_assert!((turned.mean_correlation() - matching.mean_correlation()).abs() < ROUNDING);
        prop_assert!((turned.mean_max_cosine() - matching.mean_max_cosine_of_units()).abs() < ROUNDING);
    }
}

fn matching_is_that_of_numpy<T: Float>(tolerance: f64) {
    let [known, learned] = [values(1, 6, 20), values(5000, 6, 13)].map(|atoms| {
        Batch::new(Dyn(6), atoms.as_slice().iter().map(|&x| T::of(x)).collect()).unwrap()
    });
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < tolerance, "{found}, not {expected}");
    };
    let matching = Matching::new(known.view(), learned.view()).unwrap();
    near(matching.mean_correlation(), 0.8593061196497256);
    near(matching.mean_max_cosine(), 0.8047160055002441);
    near(matching.mean_max_cosine_of_units(), 0.8624685941020398);
    assert_eq!(matching.uniqueness(), 12.0 / 13.0);
    let best: Vec<_> = matching.best_features().iter().map(|best| best.feature).collect();
    assert_eq!(best, [14, 12, 7, 9, 17, 0, 6, 2, 3, 4, 5, 17, 18]);
    let findings = matching.findings(0.8).unwrap();
    assert_eq!(findings.found, [2, 3, 4, 5, 6, 9, 14, 17, 18]);
    assert_eq!(findings.missed, [0, 1, 7, 8, 10, 11, 12, 13, 15, 16, 19]);
    assert_eq!(matching.findings(0.7).unwrap().split, [(17, vec![4, 11])]);
    let found = coherence(learned.view()).unwrap();
    near(found.mean, 0.652352950412294);
    near(found.largest, 0.7891081586261514);
    assert_eq!(found.pair, (3, 11));
}

#[test]
fn dictionaries_match_as_numpy_and_scipy_say() {
    matching_is_that_of_numpy::<f64>(ROUNDING);
    matching_is_that_of_numpy::<f32>(1e-6);
}

#[test]
fn known_coherences() {
    // Three directions at 120 degrees.
    let frame = [0.0_f64, 1.0, 2.0].map(|third| {
        let (sin, cos) = (third * std::f64::consts::TAU / 3.0).sin_cos();
        [cos, sin]
    });
    let found = coherence(Batch::from_iter(frame).view()).unwrap();
    assert_near(found.mean, 0.5);
    assert_near(found.largest, 0.5);
    let axes = Batch::from_iter([[3.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1e-90]]);
    assert_eq!(coherence(axes.view()).unwrap().largest, 0.0);
    // An atom of norm 0 is like none; an opposite is a copy. More atoms than are taken together.
    let mut many = values(1, 40, 300);
    many.as_mut_slice()[40 * 250..][..40].fill(0.0);
    let copy: Vec<f64> = many.sample(7).iter().map(|x| -2.0 * x).collect();
    many.as_mut_slice()[40 * 299..].copy_from_slice(&copy);
    let found = coherence(many.view()).unwrap();
    assert_near(found.largest, 1.0);
    assert_eq!(found.pair, (7, 299));
}
