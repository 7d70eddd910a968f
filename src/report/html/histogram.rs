//! The scores of a batch in bars, of which none lies on both sides of the threshold.

use serde_json::{Value, json};

use crate::insight::anomaly::Threshold;

/// Bars, at least and at most.
const BARS: (usize, usize) = (8, 60);
/// From how many times the median on the greatest score asks for a logarithmic scale.
const FAR: f64 = 20.0;
/// A threshold that is farther from all scores than so many times their range is not drawn.
const NEAR: f64 = 3.0;
/// The least width of a bar, beside the farthest score: a few steps from a number to the next, so that no two edges are one.
const LEAST_WIDTH: f64 = 4.0 * f64::EPSILON;

/// Scores as the page draws them. Those that are beyond all numbers are counted beside.
pub(super) fn histogram(scores: &[f64], threshold: Option<Threshold>) -> Value {
    let mut finite: Vec<f64> = scores.iter().copied().filter(|score| score.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    let is_above = |threshold: Threshold| {
        scores.iter().filter(|&&score| threshold.is_exceeded_by(score)).count()
    };
    let above = threshold.map(is_above);
    let bars = bars(&finite, threshold);
    json!({
        // In full, and so the threshold, which is one of them: scores may differ in their last digits only.
        "edges": bars.as_ref().map(|bars| bars.edges.clone()),
        "counts": bars.as_ref().map(|bars| bars.counts.clone()),
        // The first bar beyond the threshold.
        "beyond": bars.as_ref().and_then(|bars| bars.beyond),
        "log": bars.as_ref().is_some_and(|bars| bars.is_log),
        "threshold": threshold.map(|threshold| threshold.value()),
        "isDrawn": bars.as_ref().is_some_and(|bars| bars.beyond.is_some()),
        "above": above,
        "samples": scores.len(),
        "infinite": scores.len() - finite.len(),
    })
}

struct Bars {
    edges: Vec<f64>,
    counts: Vec<usize>,
    beyond: Option<usize>,
    is_log: bool,
}

/// Nothing where no score is finite.
fn bars(sorted: &[f64], threshold: Option<Threshold>) -> Option<Bars> {
    let (&least, &greatest) = (sorted.first()?, sorted.last()?);
    let is_far = greatest > FAR * sorted[sorted.len() / 2];
    let is_log = is_far && least > 0.0 && threshold.is_none_or(|threshold| threshold.value() > 0.0);
    // Quarters, as the range of two numbers, and a bar more, may be beyond all.
    let to = |score: f64| if is_log { score.ln() / 4.0 } else { score / 4.0 };
    let from = |place: f64| match is_log {
        true => (4.0 * place).exp().min(f64::MAX),
        false => 4.0 * place.clamp(-f64::MAX / 4.0, f64::MAX / 4.0),
    };
    let (low, high) = (to(least), to(greatest));
    let range = if high > low { high - low } else { low.abs().max(0.25) / 8.0 };
    let is_near = |mark: &f64| (low - NEAR * range..=high + NEAR * range).contains(mark);
    let mark = threshold.map(|threshold| to(threshold.value())).filter(is_near);
    let (start, end) = mark.map_or((low, high), |mark| (low.min(mark), high.max(mark)));
    let count = ((sorted.len() as f64).sqrt().ceil() as usize).clamp(BARS.0, BARS.1);
    let least_width = (LEAST_WIDTH * start.abs().max(end.abs())).max(f64::MIN_POSITIVE);
    let width = ((end - start).max(range) / count as f64).max(least_width);
    // Bars lie on both sides of the threshold, or of the least score where it is not drawn: none is on both.
    let middle = mark.unwrap_or(low);
    let is_beyond = |score: f64| match (mark, threshold) {
        (Some(_), Some(threshold)) => threshold.is_exceeded_by(score),
        _ => true,
    };
    let within = |distance: f64| ((distance / width).ceil() as usize).max(1);
    let below = if is_beyond(least) { 0 } else { within(middle - low) };
    let above = if is_beyond(greatest) { within(high - middle) } else { 0 };
    let mut counts = vec![0; below + above];
    for &score in sorted {
        let bar = within((to(score) - middle).abs()) - 1;
        let at = match is_beyond(score) {
            true => below + bar.min(above - 1),
            false => below - 1 - bar.min(below - 1),
        };
        counts[at] += 1;
    }
    let edge = |at: usize| from(middle + (at as f64 - below as f64) * width);
    let edges = (0..=counts.len()).map(edge).collect();
    Some(Bars { edges, counts, beyond: mark.map(|_| below), is_log })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(value: f64) -> Option<Threshold> {
        Some(Threshold::at(value).unwrap())
    }

    #[test]
    fn no_bar_is_on_both_sides_of_the_threshold() {
        let scores: Vec<f64> = (0..100).map(|k| f64::from(k * k) / 100.0).collect();
        for threshold in [0.0, 0.01, 9.0, 40.0, 98.01, 120.0] {
            let bars = bars(&scores, at(threshold)).unwrap();
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
        // The last but one are the least numbers there are, the last are one number and the next.
        for scores in [
            vec![1.0],
            vec![0.0; 9],
            vec![-f64::MAX, f64::MAX],
            vec![1e-300, 1.0, 1e300],
            vec![0.0, 0.0, 2e-323],
            vec![1.0, 1.0_f64.next_up()],
            vec![f64::MAX.next_down(), f64::MAX],
        ] {
            for threshold in [None, Some(0.5), Some(1e-323), Some(-1e308), Some(f64::MAX)] {
                let bars = bars(&scores, threshold.and_then(at)).unwrap();
                assert_eq!(bars.counts.iter().sum::<usize>(), scores.len());
                assert!(
                    bars.edges.windows(2).all(|two| two[0] < two[1] && two[1].is_finite()),
                    "{scores:?} {:?}",
                    bars.edges
                );
            }
        }
        // Edges are sent with all digits that tell them apart.
        let near: Vec<f64> = (0..100).map(|k| 1000.001 + f64::from(k) * 8e-5).collect();
        let found = histogram(&near, at(1000.0085));
        let edges = found["edges"].as_array().unwrap();
        let edges: Vec<f64> = edges.iter().map(|edge| edge.as_f64().unwrap()).collect();
        assert!(edges.len() > 8 && edges.windows(2).all(|two| two[0] < two[1]), "{edges:?}");
        assert_eq!(found["threshold"], 1000.0085);
        let found = histogram(&[1.0, f64::INFINITY, f64::NAN], at(2.0));
        assert_eq!((&found["infinite"], &found["above"]), (&2.into(), &2.into()));
        assert!(histogram(&[f64::INFINITY], None)["counts"].is_null());
        let far: Vec<f64> =
            (0..50).map(|k| if k == 0 { 1e6 } else { 1.0 + f64::from(k) }).collect();
        assert_eq!(histogram(&far, at(60.0))["log"], true);
        assert_eq!(histogram(&far, at(-60.0))["log"], false);
    }
}
