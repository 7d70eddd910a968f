//! The scores of a batch in bars, of which none lies on both sides of the threshold.

use serde_json::{Value, json};

use super::encode::{number, numbers};

/// Bars, at least and at most.
const BARS: (usize, usize) = (8, 60);
/// From how many times the median on the greatest score asks for a logarithmic scale.
const FAR: f64 = 20.0;
/// A threshold that is farther from all scores than so many times their range is not drawn.
const NEAR: f64 = 3.0;

/// Scores as the page draws them. Those that are beyond all numbers are counted beside.
pub(super) fn histogram(scores: &[f64], threshold: Option<f64>) -> Value {
    let mut finite: Vec<f64> = scores.iter().copied().filter(|score| score.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    let above = threshold
        .map(|threshold| scores.iter().filter(|&&score| is_above(score, threshold)).count());
    let bars = bars(&finite, threshold);
    json!({
        "edges": bars.as_ref().map(|bars| numbers(bars.edges.iter().copied())),
        "counts": bars.as_ref().map(|bars| bars.counts.clone()),
        // The first bar beyond the threshold.
        "beyond": bars.as_ref().and_then(|bars| bars.beyond),
        "log": bars.as_ref().is_some_and(|bars| bars.is_log),
        "threshold": threshold.map(number),
        "isDrawn": bars.as_ref().is_some_and(|bars| bars.beyond.is_some()),
        "above": above,
        "samples": scores.len(),
        "infinite": scores.len() - finite.len(),
    })
}

/// Whether a score is flagged.
pub(super) fn is_above(score: f64, threshold: f64) -> bool {
    score > threshold || score.is_nan()
}

struct Bars {
    edges: Vec<f64>,
    counts: Vec<usize>,
    beyond: Option<usize>,
    is_log: bool,
}

/// Nothing where no score is finite.
fn bars(sorted: &[f64], threshold: Option<f64>) -> Option<Bars> {
    let (&least, &greatest) = (sorted.first()?, sorted.last()?);
    let is_log = least > 0.0
        && greatest > FAR * sorted[sorted.len() / 2]
        && threshold.is_none_or(|t| t > 0.0);
    let (to, from): (fn(f64) -> f64, fn(f64) -> f64) =
        if is_log { (f64::ln, f64::exp) } else { (|x| x, |x| x) };
    // Halves, as the range of two numbers may be beyond all.
    let (low, high) = (to(least) / 2.0, to(greatest) / 2.0);
    let range = if high > low { high - low } else { low.abs().max(0.5) / 8.0 };
    let mark = threshold.map(|threshold| to(threshold) / 2.0);
    let mark = mark.filter(|mark| (low - NEAR * range..=high + NEAR * range).contains(mark));
    let (start, end) = mark.map_or((low, high), |mark| (low.min(mark), high.max(mark)));
    let count = ((sorted.len() as f64).sqrt().ceil() as usize).clamp(BARS.0, BARS.1);
    let width = (end - start).max(range) / count as f64;
    // The threshold is an edge: bars begin below all by a whole number of them.
    let (start, below) = match mark {
        Some(mark) => {
            let below = ((mark - start) / width).ceil().max(0.0);
            (mark - below * width, Some(below as usize))
        }
        None => (start, None),
    };
    let count = ((end - start) / width).ceil().max(1.0) as usize;
    let count = count
        .max(below.map_or(1, |below| below + usize::from(high > start + below as f64 * width)));
    let mut counts = vec![0; count];
    for &score in sorted {
        let at =
            (((to(score) / 2.0 - start) / width).ceil() as usize).saturating_sub(1).min(count - 1);
        // Rounding puts none on the other side.
        let at = match (below, threshold) {
            (Some(below), Some(threshold)) if is_above(score, threshold) => {
                at.max(below.min(count - 1))
            }
            (Some(below), Some(_)) => at.min(below.saturating_sub(1)),
            _ => at,
        };
        counts[at] += 1;
    }
    let edge =
        |at: usize| from(2.0 * (start + at as f64 * width).clamp(-f64::MAX / 2.0, f64::MAX / 2.0));
    Some(Bars { edges: (0..=count).map(edge).collect(), counts, beyond: below, is_log })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bar_is_on_both_sides_of_the_threshold() {
        let scores: Vec<f64> = (0..100).map(|k| f64::from(k * k) / 100.0).collect();
        for threshold in [0.0, 0.01, 9.0, 40.0, 98.01, 120.0] {
            let bars = bars(&scores, Some(threshold)).unwrap();
            let beyond = bars.beyond.unwrap();
            let above = scores.iter().filter(|&&score| score > threshold).count();
            assert_eq!(bars.counts.iter().sum::<usize>(), 100);
            assert_eq!(
                bars.counts[beyond.min(bars.counts.len())..].iter().sum::<usize>(),
                above,
                "{threshold}"
            );
            assert_eq!(bars.counts.len() + 1, bars.edges.len());
            assert!((bars.edges[beyond] - threshold).abs() < 1e-9);
            assert!(bars.edges[0] <= 1e-9 && bars.edges[bars.counts.len()] >= 98.01 - 1e-9);
        }
        // Ten scores a bar are even ones.
        let even: Vec<f64> = (1..=100).map(f64::from).collect();
        let found = bars(&even, None).unwrap();
        assert_eq!((found.counts.len(), found.beyond), (10, None));
        assert!(found.counts.iter().all(|count| (9..=11).contains(count)));
    }

    #[test]
    fn extreme_scores_have_bars() {
        for scores in [vec![1.0], vec![0.0; 9], vec![-f64::MAX, f64::MAX], vec![1e-300, 1.0, 1e300]]
        {
            for threshold in [None, Some(0.5), Some(-1e308), Some(f64::MAX)] {
                let bars = bars(&scores, threshold).unwrap();
                assert_eq!(bars.counts.iter().sum::<usize>(), scores.len());
                assert!(
                    bars.edges.iter().all(|edge| edge.is_finite()),
                    "{scores:?} {:?}",
                    bars.edges
                );
            }
        }
        let found = histogram(&[1.0, f64::INFINITY, f64::NAN], Some(2.0));
        assert_eq!((&found["infinite"], &found["above"]), (&2.into(), &2.into()));
        assert!(histogram(&[f64::INFINITY], None)["counts"].is_null());
        let far: Vec<f64> =
            (0..50).map(|k| if k == 0 { 1e6 } else { 1.0 + f64::from(k) }).collect();
        assert_eq!(histogram(&far, Some(60.0))["log"], true);
        assert_eq!(histogram(&far, Some(-60.0))["log"], false);
    }
}
