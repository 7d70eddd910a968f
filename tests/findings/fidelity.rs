//! What sparse codes keep and how often their units fire, against numpy 2 and by definition; and what cannot be measured.
//!
//! With the numbers of the script in `dictionaries.rs`, and `best` from it:
//! ```python
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
//! ```

use autoencoder::metrics::dictionary::*;
use autoencoder::metrics::{geometric_median, unexplained_variance};
use autoencoder::nalgebra::Dyn;
use autoencoder::{Batch, BatchView, Error, Float, Number, SparseBatch};

use crate::dictionaries::{assert_near, value, values};

/// The same, with those at most `least` left out.
fn sparse(first: u64, rows: usize, columns: usize, least: f64, silent: usize) -> SparseBatch<f64> {
    let mut dense = values(first, rows, columns);
    for sample in dense.as_mut_slice().chunks_exact_mut(rows) {
        sample.iter_mut().filter(|x| **x <= least).for_each(|x| *x = 0.0);
        sample.iter_mut().skip(silent).take(1).for_each(|x| *x = 0.0);
    }
    SparseBatch::from_dense(&dense).unwrap()
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
    // 10⁵ over 10⁻¹⁵⁵: its square is more than a number holds.
    let mut tiny = Fidelity::new(1, 3).unwrap();
    tiny.add(Batch::from_iter([[1e-155]]).view(), &code(1.0), Batch::from_iter([[1e5]]).view())
        .unwrap();
    assert!((tiny.shrinkage().unwrap() / 1e160 - 1.0).abs() < 1e-9);
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

/// A unit without direction is none of the first feature.
#[test]
fn an_atom_of_norm_0_matches_nothing() {
    let known = Batch::from_iter([[0.0, 1.0], [1.0, 0.0]]);
    let learned = Batch::from_iter([[0.0, 0.0], [2.0, 0.0]]);
    let matching = Matching::new(known.view(), learned.view()).unwrap();
    assert_eq!(matching.uniqueness(), 0.5);
    let mut detection = Detection::new(&matching);
    let both = SparseBatch::new(2, [([0, 1], [1.0, 1.0])]).unwrap();
    detection.add(&both, &both).unwrap();
    let of = |unit: usize| {
        let found = detection.units().unwrap()[unit];
        (found.precision, found.recall, found.f1)
    };
    assert_eq!((of(0), of(1)), ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)));
}
