//! Measures of sparse dictionaries, against numpy 2 and scipy 1 and against their definitions.
//!
//! Both sides make the same numbers, column by column:
//! ```python
//! import numpy as np
//! from scipy.optimize import linear_sum_assignment, minimize
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
//! x = values(1, 6, 50)
//! y = 0.8 * x + 0.2 * values(9000, 6, 50)
//! f = values(20000, 13, 50); f = np.where(f > 0.25, f, 0)
//! f[5] = 0
//! t = values(30000, 20, 50); t = np.where(t > 0.1, t, 0)
//! print("l0", (f != 0).sum(0).mean())
//! print("ev", 1 - ((x - y) ** 2).sum(0).mean() / ((x ** 2).sum(0).mean() - (x.mean(1) ** 2).sum()))
//! print("bias", (y ** 2).sum(0).mean() / (x * y).sum(0).mean())
//! nx, ny = np.linalg.norm(x, axis=0), np.linalg.norm(y, axis=0)
//! print("shrinkage", (ny / nx).mean(), "cosine", ((x * y).sum(0) / nx / ny).mean())
//! print("fired", (f != 0).sum(1))
//! on, of = f != 0, (t != 0)[best]
//! tp = (on & of).sum(1)
//! p, r = tp / np.maximum(on.sum(1), 1), tp / np.maximum(of.sum(1), 1)
//! print("detection", p.mean(), r.mean(), np.where(p + r > 0, 2 * p * r / np.maximum(p + r, 1e-300), 0).mean())
//! for s in values(1, 3, 15), np.concatenate([values(1, 3, 15), np.full((3, 4), 1e3)], 1):
//!     sum_of = lambda m: np.linalg.norm(s - m[:, None], axis=0).sum()
//!     grad = lambda m: ((m[:, None] - s) / np.linalg.norm(s - m[:, None], axis=0)).sum(1)
//!     print(minimize(sum_of, s.mean(1), jac=grad, method="BFGS", options=dict(gtol=1e-13, maxiter=1000)).x)
//! ```

use autoencoder::metrics::dictionary::*;
use autoencoder::metrics::{geometric_median, unexplained_variance};
use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, BatchView, Error, Float, Number, SparseBatch};
use proptest::prelude::*;

/// What sums of tens of numbers may be off by.
const ROUNDING: f64 = 1e-13;

fn value(k: u64) -> f64 {
    ((k * k * 31 + k * 17 + 7) % 1009) as f64 / 1009.0 - 0.5
}

fn values(first: u64, rows: usize, columns: usize) -> Batch<f64, Dyn> {
    let all = (first..).take(rows * columns).map(value).collect();
    Batch::new(Dyn(rows), all).unwrap()
}

/// The same, with those at most `least` left out.
fn sparse(first: u64, rows: usize, columns: usize, least: f64, silent: usize) -> SparseBatch<f64> {
    let mut dense = values(first, rows, columns);
    for sample in dense.as_mut_slice().chunks_exact_mut(rows) {
        sample.iter_mut().filter(|x| **x <= least).for_each(|x| *x = 0.0);
        sample.iter_mut().skip(silent).take(1).for_each(|x| *x = 0.0);
    }
    SparseBatch::from_dense(&dense).unwrap()
}

fn assert_near(found: f64, expected: f64) {
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

/// The fidelity of samples that come in batches of so many.
fn fidelity<T: Float>(
    x: &Batch<T, Dyn>,
    f: &SparseBatch<T>,
    y: &Batch<T, Dyn>,
    batch: usize,
) -> Fidelity {
    let mut fidelity = Fidelity::new(x.features(), f.features()).unwrap();
    for first in (0..x.samples()).step_by(batch) {
        let range = first..x.samples().min(first + batch);
        let codes = range.clone().map(|at| (f.sample(at).indices(), f.sample(at).values()));
        let codes = SparseBatch::new(f.features(), codes).unwrap();
        let [x, y] = [x, y].map(|all| all.select(range.clone()));
        fidelity.add(x.view(), &codes, y.view()).unwrap();
    }
    fidelity
}

#[test]
fn codes_and_reconstructions_are_measured_as_numpy_does() {
    let (x, of_y) = (values(1, 6, 50), values(9000, 6, 50));
    let y = x.as_slice().iter().zip(of_y.as_slice()).map(|(x, y)| 0.8 * x + 0.2 * y).collect();
    let (y, f) = (Batch::new(Dyn(6), y).unwrap(), sparse(20000, 13, 50, 0.25, 5));
    let whole = fidelity(&x, &f, &y, 50);
    assert_near(whole.l0().unwrap(), 2.78);
    assert_near(whole.explained_variance().unwrap(), 0.9120786160764349);
    assert_near(whole.unexplained_variance().unwrap(), unexplained_variance(&x, &y).unwrap());
    assert_near(whole.relative_reconstruction_bias().unwrap(), 0.8460788516076704);
    assert_near(whole.shrinkage().unwrap(), 0.8270989174691432);
    assert_near(whole.mean_cosine().unwrap(), 0.9682322549869445);
    let densities = whole.densities().unwrap();
    assert_eq!(densities.counts(), [6, 16, 11, 13, 11, 0, 9, 10, 11, 12, 15, 11, 14]);
    assert_eq!((densities.samples(), densities.dead()), (50, vec![5]));
    assert_eq!((densities.dead_fraction(), densities.alive_fraction()), (1.0 / 13.0, 12.0 / 13.0));
    assert_eq!(densities.above(0.24).unwrap(), 4.0 / 13.0); // 12 of 50 are not more
    // The batches change no bit.
    for batch in [1, 7, 49] {
        assert_eq!(fidelity(&x, &f, &y, batch), whole);
    }
    let matching = Matching::new(values(1, 6, 20).view(), values(5000, 6, 13).view()).unwrap();
    let mut detection = Detection::new(&matching);
    detection.add(&f, &sparse(30000, 20, 50, 0.1, 20)).unwrap();
    let mean = detection.mean().unwrap();
    assert_near(mean.precision, 0.36844587036894727);
    assert_near(mean.recall, 0.2070684253851571);
    assert_near(mean.f1, 0.26279536485320687);
    assert_eq!(detection.units().unwrap()[5].f1, 0.0); // which never fires
}

/// A mean far from 0 costs no digits: what is added is a power of two, so that differences stay exact.
#[test]
fn a_mean_far_above_the_spread_changes_nothing() {
    fn check<T: Float>(far: f64, tolerance: f64) {
        let moved = |first: u64, by: f64| {
            let all = (first..first + 4000).map(|k| T::of((value(k) * 256.0).round() / 256.0 + by));
            Batch::new(Dyn(4), all.collect()).unwrap()
        };
        let f = sparse(1, 3, 1000, 0.0, 3);
        let codes = f
            .iter()
            .map(|f| (f.indices(), f.values().iter().map(|&x| T::of(x)).collect::<Vec<_>>()));
        let f = SparseBatch::new(3, codes).unwrap();
        let near =
            fidelity(&moved(1, 0.0), &f, &moved(9000, 0.0), 100).unexplained_variance().unwrap();
        let far =
            fidelity(&moved(1, far), &f, &moved(9000, far), 100).unexplained_variance().unwrap();
        assert!((near - far).abs() < tolerance * near, "{near}, {far}");
    }
    // The spread is 0.3, so these means are 5 · 10⁴ and 3 · 10⁹ times it.
    check::<f32>(16384.0, 1e-9);
    check::<f64>(16384.0, 1e-9);
    check::<f64>(1e9_f64.log2().exp2().round(), 1e-5);
}

#[test]
fn directions_are_of_samples_that_have_one() {
    let x = Batch::from_iter([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]).into_dynamic();
    let y = Batch::from_iter([[1.0, 1.0], [0.0, 0.0], [-3.0, -4.0]]).into_dynamic();
    let found = fidelity(&x, &SparseBatch::new(1, vec![([], []); 3]).unwrap(), &y, 2);
    assert_eq!(found.shrinkage().unwrap(), 0.25); // 0 and ½
    assert_eq!(found.mean_cosine().unwrap(), -0.5); // 0 and −1
    assert_eq!((found.l0().unwrap(), found.densities().unwrap().dead_fraction()), (0.0, 1.0));
    // They point away: there is no length that is best.
    let refused = found.relative_reconstruction_bias();
    assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{refused:?}");
}

/// As `np.histogram(np.log10([1e-6, 5e-4, 0.01, 0.02, 0.5, 1]), [-4, -3, -2, -1, 0])` has it: [1, 0, 2, 2], of which 1e-6
/// is outside.
#[test]
fn densities_are_counted_between_edges() {
    let densities =
        Densities::new([0, 1, 500, 10_000, 20_000, 500_000, 1_000_000, 0], 1_000_000).unwrap();
    let found = densities.log10_histogram(&[-4.0, -3.0, -2.0, -1.0, 0.0]).unwrap();
    assert_eq!((found.dead, found.below, found.above), (2, 1, 0));
    assert_eq!(found.bins, [1, 0, 2, 2]);
    let found = densities.log10_histogram(&[-7.0, -1.0]).unwrap();
    assert_eq!((found.dead, found.below, found.above, found.bins), (2, 0, 2, vec![4]));
}

fn refused<R>(result: Result<R, Error>) -> Error {
    result.err().expect("a refusal")
}

#[test]
fn what_cannot_be_measured_is_refused_and_changes_nothing() {
    let invalid =
        |error: Error| assert!(matches!(error, Error::InvalidParameter { .. }), "{error}");
    let none = |error: Error| assert!(matches!(error, Error::NoSamples { .. }), "{error}");
    let size = |error: Error| assert!(matches!(error, Error::SizeMismatch { .. }), "{error}");
    let not_finite = |error: Error| assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    invalid(refused(Fidelity::new(0, 3)));
    invalid(refused(Fidelity::new(3, 0)));
    invalid(refused(Fidelity::new(3, usize::MAX)));
    let mut fidelity = Fidelity::new(2, 3).unwrap();
    for measure in [
        Fidelity::l0,
        Fidelity::explained_variance,
        Fidelity::unexplained_variance,
        Fidelity::shrinkage,
        Fidelity::relative_reconstruction_bias,
        Fidelity::mean_cosine,
    ] {
        none(refused(measure(&fidelity)));
    }
    none(refused(fidelity.densities()));
    let one = Batch::from_iter([[1.0, 2.0]]);
    let (wide, two) =
        (Batch::from_iter([[1.0, 2.0, 3.0]]), Batch::from_iter([[1.0, 2.0], [0.0, 0.0]]));
    let code = |value| SparseBatch::new(3, [([1], [value])]).unwrap();
    let mut add = |x: BatchView<'_, f64>, f: &SparseBatch<f64>, y: BatchView<'_, f64>| {
        let before = fidelity.clone();
        let error = refused(fidelity.add(x, f, y));
        assert_eq!(fidelity, before);
        error
    };
    size(add(wide.view(), &code(1.0), one.view()));
    size(add(one.view(), &code(1.0), wide.view()));
    size(add(two.view(), &code(1.0), two.view()));
    size(add(one.view(), &code(1.0), two.view()));
    size(add(one.view(), &SparseBatch::new(4, [([1], [1.0])]).unwrap(), one.view()));
    none(add(
        BatchView::new(&[], 2),
        &SparseBatch::new(3, [([], []); 0]).unwrap(),
        BatchView::new(&[], 2),
    ));
    not_finite(add(Batch::from_iter([[1.0, f64::NAN]]).view(), &code(1.0), one.view()));
    not_finite(add(one.view(), &code(1.0), Batch::from_iter([[1.0, f64::INFINITY]]).view()));
    let error = add(one.view(), &code(f64::NAN), one.view());
    assert_eq!(
        error,
        Error::NotFinite { call: "Fidelity::add", feature: 1, sample: 0, value: Number(f64::NAN) }
    );
    invalid(add(Batch::from_iter([[1.0, -1e101]]).view(), &code(1.0), one.view()));
    fidelity.add(one.view(), &code(1.0), one.view()).unwrap();
    invalid(refused(fidelity.explained_variance())); // one sample does not vary
    let mut zeros = Fidelity::new(2, 3).unwrap();
    zeros.add(Batch::from_iter([[0.0, 0.0]]).view(), &code(1.0), one.view()).unwrap();
    invalid(refused(zeros.shrinkage()));
    invalid(refused(zeros.mean_cosine()));

    none(refused(Densities::new([1], 0)));
    invalid(refused(Densities::new([], 1)));
    invalid(refused(Densities::new([2], 1)));
    let densities = Densities::new([1], 1).unwrap();
    for edges in [&[][..], &[0.0], &[0.0, 0.0], &[1.0, 0.0]] {
        invalid(refused(densities.log10_histogram(edges)));
    }
    let error = refused(densities.log10_histogram(&[0.0, f64::NAN]));
    assert!(matches!(error, Error::EntryNotFinite { index: 1, .. }), "{error}");
    for share in [-0.1, 1.1, f64::NAN] {
        invalid(refused(densities.above(share)));
    }

    invalid(refused(coherence(one.view())));
    none(refused(coherence(BatchView::<f64>::new(&[], 2))));
    size(refused(Matching::new(one.view(), wide.view())));
    none(refused(Matching::new(BatchView::<f64>::new(&[], 2), one.view())));
    not_finite(refused(Matching::new(one.view(), Batch::from_iter([[f64::NAN, 0.0]]).view())));
    invalid(refused(Matching::new(one.view(), Batch::from_iter([[1e200, 0.0]]).view())));
    let matching = Matching::new(two.view(), one.view()).unwrap();
    for threshold in [-0.1, 1.1, f64::NAN] {
        invalid(refused(matching.findings(threshold)));
    }
    // The second known atom has norm 0: nothing is like it.
    assert_near(matching.mean_max_cosine(), 0.5);
    assert_near(matching.mean_correlation(), 1.0);
    let mut detection = Detection::new(&matching);
    none(refused(detection.mean()));
    let (codes, truth) = (
        SparseBatch::new(1, [([0], [1.0])]).unwrap(),
        SparseBatch::new(2, [([0], [1.0])]).unwrap(),
    );
    size(refused(detection.add(&truth, &truth)));
    size(refused(detection.add(&codes, &codes)));
    not_finite(refused(detection.add(&SparseBatch::new(1, [([0], [f64::NAN])]).unwrap(), &truth)));
    none(refused(detection.add(
        &SparseBatch::<f64>::new(1, [([], []); 0]).unwrap(),
        &SparseBatch::new(2, [([], []); 0]).unwrap(),
    )));
    assert_eq!(detection.samples(), 0);
    detection.add(&codes, &truth).unwrap();
    assert_eq!(detection.mean().unwrap().f1, 1.0);

    none(refused(assignment(BatchView::new(&[], 3))));
    not_finite(refused(assignment(BatchView::new(&[1.0, f64::INFINITY], 2))));
    invalid(refused(assignment(BatchView::new(&[1.0, 1e300], 2))));
    none(refused(geometric_median(BatchView::<f64>::new(&[], 3))));
    not_finite(refused(geometric_median(BatchView::new(&[f64::NAN], 1))));
    invalid(refused(geometric_median(BatchView::new(&[1.5e308, -1.5e308], 1))));
}

/// ‖Σ (x − y)/‖x − y‖‖ over the samples elsewhere, and how many are at y: the first is at most the second at the median, and
/// only there (Vardi & Zhang 2000, theorem 1).
fn pull(samples: &Batch<f64, Dyn>, y: &[f64]) -> (f64, f64) {
    let (mut sum, mut here) = (vec![0.0; y.len()], 0.0);
    for x in samples.iter() {
        let off: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).collect();
        let distance = off.iter().map(|off| off * off).sum::<f64>().sqrt();
        match distance > 0.0 {
            true => sum.iter_mut().zip(&off).for_each(|(sum, off)| *sum += off / distance),
            false => here += 1.0,
        }
    }
    (sum.iter().map(|sum| sum * sum).sum::<f64>().sqrt(), here)
}

#[test]
fn geometric_medians_are_those_of_scipy() {
    let plain = values(1, 3, 15);
    let mut far = plain.as_slice().to_vec();
    far.extend([1e3; 12]);
    let cases = [
        (plain, [-0.10720103991914179, -0.19368094711044784, -0.07348308514873676]),
        (
            Batch::new(Dyn(3), far).unwrap(),
            [0.017107838633762033, -0.09826593192981821, 0.08609492359193502],
        ),
    ];
    for (samples, expected) in cases {
        let found = geometric_median(samples.view()).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-8, "{found}, not {expected}");
        }
    }
}

proptest! {
    #[test]
    fn a_geometric_median_is_where_nothing_pulls(seed in 0..1000_u64, dimensions in 2..6_usize, samples in 1..30_usize, copies in 0..20_usize) {
        let all = values(seed, dimensions, samples);
        let all = all.select((0..samples).chain(std::iter::repeat_n(0, copies)));
        let median = geometric_median(all.view()).unwrap();
        let (norm, here) = pull(&all, &median);
        prop_assert!(norm <= here + 1e-6, "{norm} beside {here}");
        // More copies than others: theirs, to the bit.
        if copies + 1 > samples {
            prop_assert_eq!(&median[..], all.sample(0));
        }
    }

    #[test]
    fn on_a_line_it_is_a_median(values in prop::collection::vec(-1e3..1e3_f64, 1..40), copies in 0..3_usize) {
        let values: Vec<f64> = values.iter().copied().chain(values.iter().copied().take(copies)).collect();
        let found = geometric_median(BatchView::new(&values, 1)).unwrap()[0];
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = [sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]];
        prop_assert!(middle[0] <= found && found <= middle[1], "{found} of {sorted:?}");
    }
}

#[test]
fn a_median_beside_many_copies_is_reached() {
    // 19 copies of one sample are nearly the median, but not quite: steps of the plain iteration shrink slowly.
    let all = values(543, 3, 27);
    let all = all.select((0..27).chain(std::iter::repeat_n(0, 18)));
    let (at_copies, copies) = pull(&all, all.sample(0));
    assert!(at_copies > copies && at_copies < copies + 1.0, "{at_copies}");
    let (norm, here) = pull(&all, &geometric_median(all.view()).unwrap());
    assert!(norm < 1e-7 && here == 0.0, "{norm} beside {here}");
}

#[test]
fn the_iteration_goes_on_from_a_sample_that_is_not_the_median() {
    // The mean of these, where it begins, is the sample (0, 0), and the median is elsewhere: for Weiszfeld's own step there
    // is none from here. One coordinate of the pull on the rest decides, by symmetry.
    let samples = Batch::from_iter([
        [0.0, 0.0],
        [4.0, 0.0],
        [-1.0, 0.5],
        [-1.0, -0.5],
        [-1.0, 0.25],
        [-1.0, -0.25],
    ]);
    let samples = samples.into_dynamic();
    assert!(pull(&samples, &[0.0, 0.0]).0 > 1.0);
    let found = geometric_median(samples.view()).unwrap();
    let (norm, here) = pull(&samples, &found);
    assert!(norm <= here + 1e-8, "{norm} at {found:?}");
    assert!(found[0] < -0.5 && found[1].abs() < 1e-12);
    // In single precision, and of samples that are all the same.
    assert_eq!(geometric_median(BatchView::new(&[0.1_f32; 6], 2)).unwrap(), [0.1, 0.1]);
}
