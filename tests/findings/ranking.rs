//! Ranking metrics, thresholds and the conformal guarantee, on bare scores.
//!
//! Numbers of the ranking metrics by scikit-learn 1.9 and numpy 2:
//! ```python
//! import numpy as np
//! from sklearn.metrics import *
//! i = np.arange(40); s = (i*i*7 + 3*i) % 11 / 4; y = ((i*5 + i*i) % 7 < 2) | (s > 2.2) & (i % 3 == 0)
//! print(y.sum(), roc_auc_score(y, s), average_precision_score(y, s), np.quantile(s, [.1, .5, .77, .95]))
//! f = s > 1.5
//! print(precision_score(y, f), recall_score(y, f), f1_score(y, f), (f & ~y).sum() / (~y).sum())
//! ```

use autoencoder::anomaly::{Conformal, Threshold};
use autoencoder::metrics::{BinaryConfusion, average_precision, roc_auc};
use autoencoder::random::seeded;
use autoencoder::{Error, Float, Number};
use proptest::prelude::*;

/// By scikit-learn and numpy, as above.
const POSITIVES: usize = 23;
const ROC_AUC: f64 = 0.487_212_276_214_833_76;
const AVERAGE_PRECISION: f64 = 0.565_991_496_426_279;
const CONFUSION: [f64; 4] =
    [0.571_428_571_428_571_4, 0.173_913_043_478_260_86, 0.266_666_666_666_666_66, 3.0 / 17.0];
const QUANTILES: [f64; 4] = [0.0, 0.75, 1.5, 2.5];

/// What two ways to the same number may differ by, relatively.
const CLOSE: f64 = 1e-12;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= CLOSE * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn ranking_metrics_are_those_of_scikit_learn() {
    let scores: Vec<f64> = (0..40).map(|i| f64::from((i * i * 7 + 3 * i) % 11) / 4.0).collect();
    let labels: Vec<bool> =
        (0..40_usize).map(|i| (i * 5 + i * i) % 7 < 2 || (scores[i] > 2.2 && i % 3 == 0)).collect();
    assert_eq!(labels.iter().filter(|&&is| is).count(), POSITIVES);
    assert!(close(roc_auc(&scores, &labels).unwrap(), ROC_AUC));
    assert!(close(average_precision(&scores, &labels).unwrap(), AVERAGE_PRECISION));
    let found = Threshold::at(1.5).unwrap().confusion(&scores, &labels).unwrap();
    let all = [found.precision(), found.recall(), found.f1(), found.false_alarm_rate()];
    for (found, expected) in all.into_iter().zip(CONFUSION) {
        assert!(close(found.unwrap(), expected), "{found:?} {expected}");
    }
    for (q, expected) in [0.1, 0.5, 0.77, 0.95].into_iter().zip(QUANTILES) {
        assert!(close(Threshold::quantile(&scores, q).unwrap().value(), expected));
    }
}

#[test]
fn metrics_refuse_what_has_no_answer() {
    let mismatch = |place| Error::SizeMismatch { place, unit: "labels", expected: 2, found: 1 };
    assert_eq!(roc_auc(&[1.0, 2.0], &[true]), Err(mismatch("roc_auc")));
    assert_eq!(
        average_precision::<f64>(&[], &[]).unwrap_err(),
        Error::NoSamples { call: "average_precision" }
    );
    let (call, entry, value) = ("roc_auc", "score", Number(f64::NAN));
    let nan = Error::EntryNotFinite { call, entry, index: 1, value };
    assert_eq!(roc_auc(&[1.0, f64::NAN], &[true, false]), Err(nan));
    let none = |kind| Err(Error::NoSamplesOfKind { call, kind });
    assert_eq!(roc_auc(&[1.0, 2.0], &[true, true]), none("negative"));
    assert_eq!(roc_auc(&[1.0], &[false]), none("positive"));
    assert_eq!(
        roc_auc(&[1.0], &[false]).unwrap_err().to_string(),
        "roc_auc: there are no positive samples, but at least one is needed"
    );
    assert_eq!(average_precision(&[1.0, 2.0], &[true, true]), Ok(1.0));
    // Infinite scores have an order.
    assert_eq!(roc_auc(&[f64::INFINITY, 2.0], &[true, false]), Ok(1.0));
    assert!(BinaryConfusion::at(f64::NAN, &[1.0], &[true]).is_err());
    let none = BinaryConfusion::at(9.0, &[1.0], &[false]).unwrap();
    assert_eq!((none.precision(), none.recall(), none.f1()), (None, None, None));
    assert_eq!(
        none.to_string(),
        "found 0 of 0, 0 false alarms among 1, precision –, recall –, F1 –"
    );
}

proptest! {
    #[test]
    fn roc_auc_counts_pairs(pairs in prop::collection::vec((0_u8..6, any::<bool>()), 2..60)) {
        let scores: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
        let labels: Vec<bool> = pairs.iter().map(|p| p.1).collect();
        let of = |label| scores.iter().zip(&labels).filter(move |p| *p.1 == label).map(|p| *p.0);
        let (mut sum, mut count) = (0.0, 0.0);
        for positive in of(true) {
            for negative in of(false) {
                count += 1.0;
                sum += if positive > negative { 1.0 } else if positive == negative { 0.5 } else { 0.0 };
            }
        }
        match roc_auc(&scores, &labels) {
            Ok(auc) => prop_assert!(close(auc, sum / count)),
            Err(_) => prop_assert_eq!(count, 0.0),
        }
    }

    #[test]
    fn the_best_f1_is_the_best(pairs in prop::collection::vec((0_u8..9, any::<bool>()), 1..40)) {
        let scores: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
        let labels: Vec<bool> = pairs.iter().map(|p| p.1).collect();
        prop_assume!(labels.contains(&true));
        let f1 = |t: f64| BinaryConfusion::at(t, &scores, &labels).unwrap().f1().unwrap();
        let best = (-1..10).map(|t| f1(f64::from(t) + 0.5)).fold(0.0, f64::max);
        let found = Threshold::best_f1(&scores, &labels).unwrap();
        prop_assert_eq!(f1(found.value()), best);
    }

    #[test]
    fn contamination_flags_at_most_its_share(
        scores in prop::collection::vec(-50_i8..50, 1..200), share in 0.0..0.999_f64,
    ) {
        let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
        let threshold = Threshold::contamination(&scores, share).unwrap();
        let flagged = |t: f64| scores.iter().filter(|&&s| s > t).count();
        let most = share * scores.len() as f64 * (1.0 + 1e-12);
        prop_assert!(flagged(threshold.value()) as f64 <= most);
        // A lower threshold would flag more than that.
        let lower = threshold.value().next_down();
        prop_assert!(flagged(lower) as f64 > most || flagged(lower) == flagged(threshold.value())
            || flagged(lower) == scores.len());
    }

    /// Of each p-value and threshold the definition.
    #[test]
    fn p_values_and_the_threshold_agree(
        held_out in prop::collection::vec(-20_i8..20, 1..120), alpha in 0.001..0.999_f64,
        score in -25_i8..25,
    ) {
        let n = held_out.len();
        let conformal = Conformal::new(held_out.iter().copied().map(f64::from).collect()).unwrap();
        let not_below = held_out.iter().filter(|&&s| s >= score).count();
        let p = (1 + not_below) as f64 / (n + 1) as f64;
        prop_assert_eq!(conformal.p_value(f64::from(score)), p);
        for alpha in [alpha, (alpha * n as f64).ceil().min(n as f64) / (n + 1) as f64] {
            match conformal.threshold(alpha) {
                Ok(threshold) => prop_assert_eq!(f64::from(score) > threshold, p <= alpha),
                Err(_) => prop_assert!(alpha < 1.0 / (n + 1) as f64 && p > alpha),
            }
        }
    }

    /// The finite-sample guarantee: over held-out samples and a new one from the same distribution, whatever
    /// it is, ties included, P(p ≤ α) ≤ α. The bound is five deviations of the binomial count.
    #[test]
    fn false_alarms_are_at_most_alpha(
        n in 1_usize..60, alpha in 0.02..0.6_f64, seed in any::<u64>(), kind in 0..4,
    ) {
        const TRIALS: usize = 2000;
        let rng = &mut seeded(seed);
        let mut false_alarms = 0;
        for _ in 0..TRIALS {
            let mut draw = || match kind {
                0 => f64::draw_normal(rng),
                1 => f64::draw_normal(rng).exp().powi(3),
                2 => (4.0 * f64::draw_uniform(rng)).floor(),
                _ => 1.0 / f64::draw_normal(rng),
            };
            let new = draw();
            let held_out = Conformal::new((0..n).map(|_| draw()).collect()).unwrap();
            false_alarms += usize::from(held_out.p_value(new) <= alpha);
        }
        let mean = alpha * TRIALS as f64;
        let bound = mean + 5.0 * (mean * (1.0 - alpha)).sqrt();
        prop_assert!(false_alarms as f64 <= bound, "{false_alarms} > {bound}");
    }
}
