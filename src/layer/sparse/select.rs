//! From pre-activations to the few units that are active, without ever holding all of them: tile by tile of units, of
//! each sample only what may still be among the largest is kept.

use super::selection::{By, Rule};
use crate::batch::sparse::SparseBatch;
use crate::batch::{BatchView, BatchViewMut};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::product::{Matrix, multiply_then};
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

/// Units whose pre-activations are looked at together: their weights are packed once for all samples, and what comes
/// out stays near.
const TILE: usize = 512;

/// Values that are passed over together, where none of them is large enough.
const TOGETHER: usize = 32;

/// The pre-activations of a batch, before they are computed: W x + b. Where there are norms, they are multiplied by them
/// to be ranked, and what is kept is divided by them again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preactivations<'a, T> {
    /// A column for each unit, of as many values as a sample.
    pub(crate) weights: BatchView<'a, T>,
    pub(crate) biases: &'a [T],
    pub(crate) x: BatchView<'a, T>,
    /// The units that are looked at, in ascending order; without it all of them.
    pub(crate) units: Option<&'a [u32]>,
    /// One for each unit, or none at all. A unit of norm 0 is never active.
    pub(crate) norms: &'a [T],
}

/// The memory of a selection: made once, and kept.
#[derive(Debug, Clone, Default)]
pub struct Room<T> {
    /// The samples without what is taken off before the encoder.
    pub(super) centred: Vec<T>,
    /// A number for each unit.
    pub(super) sums: Vec<T>,
    /// A number for each pair: the pre-activation of its gate, and a gradient.
    pub(super) gates: Vec<T>,
    pub(super) gradient: Vec<T>,
    /// Pre-activations of a tile, and weights and biases where its units are not neighbours.
    tile: Vec<T>,
    gathered: Vec<T>,
    best: Vec<Best<T>>,
    together: Vec<(T, u64)>,
}

impl<T> Room<T> {
    /// The samples that were encoded last, without what is taken off before the encoder.
    pub(crate) fn samples(&self) -> &[T] {
        &self.centred
    }

    /// Nothing yet.
    pub fn new() -> Self {
        let (centred, sums, gates, gradient, tile, gathered) = Default::default();
        let (best, together) = Default::default();
        Self { centred, sums, gates, gradient, tile, gathered, best, together }
    }
}

/// What may be active in one sample.
#[derive(Debug, Clone)]
struct Best<T> {
    /// What a value has to be above.
    bound: T,
    pairs: Vec<(T, u32)>,
}

once! {
    /// Writes the active units of each sample and their values.
    pub(crate) fn select(
        of: Preactivations<'a, T>,
        rule: Rule<'a, T>,
        codes: &'a mut SparseBatch<T>,
        room: &'a mut Room<T>,
    ) = select_generic;
    /// Leaves of the pre-activations of each sample the active ones, and 0 elsewhere; norms as in [`Preactivations`].
    pub(super) fn select_dense(z: BatchViewMut<'a, T>, norms: &'a [T], rule: Rule<'a, T>)
        = select_dense_generic;
}

fn select_generic<T: Float>(
    of: Preactivations<'_, T>,
    rule: Rule<'_, T>,
    codes: &mut SparseBatch<T>,
    room: &mut Room<T>,
) {
    let Room { tile, gathered, best, together, .. } = room;
    let (samples, all) = (of.x.samples(), of.biases.len());
    // What once was more samples is kept for when there are as many again.
    if best.len() < samples {
        best.resize_with(samples, || Best { bound: T::ZERO, pairs: Vec::new() });
    }
    let best = &mut best[..samples];
    for best in &mut *best {
        best.bound = rule.bound();
        best.pairs.clear();
    }
    let looked_at = of.units.map_or(all, <[u32]>::len);
    for first in (0..looked_at).step_by(TILE) {
        let count = TILE.min(looked_at - first);
        let names = match of.units {
            None => Names::From(first),
            Some(units) => Names::Are(&units[first..][..count]),
        };
        tile.resize(count * samples, T::ZERO);
        of.compute((names, count), rule.never(), gathered, tile);
        let column = ELEMENT / 8 * count;
        in_parts(samples, column, (BatchView::new(tile, count), &mut best[..]), |(z, best)| {
            for (z, best) in z.iter().zip(best) {
                best.offer(z, names, rule);
            }
        });
        if let Rule::LargestTogether { count, by } = rule {
            bound_together(best, (count * samples as f64) as usize, by, together);
        }
    }
    match rule {
        Rule::Largest { count, by } => best.iter_mut().for_each(|best| best.cut(count, by)),
        Rule::LargestTogether { count, by } => {
            cut_together(best, (count * samples as f64) as usize, by, (all, together));
        }
        Rule::Above { .. } | Rule::AboveEach { .. } => {}
    }
    codes.clear(all);
    if let Rule::Largest { count, .. } = rule {
        // As many as there can be, so that no later batch needs more room.
        codes.reserve(count.min(all) * samples);
    }
    for best in best {
        best.pairs.sort_unstable_by_key(|&(_, unit)| unit);
        best.each_active(of.norms, |unit, value| codes.push_value(unit, value));
        codes.end_sample();
    }
}

/// What the units of a tile are called.
#[derive(Debug, Clone, Copy)]
enum Names<'a> {
    /// By their numbers, from this one on.
    From(usize),
    /// These.
    Are(&'a [u32]),
}

impl Names<'_> {
    fn unit(self, at: usize) -> u32 {
        match self {
            Self::From(first) => (first + at) as u32,
            Self::Are(units) => units[at],
        }
    }
}

impl<T: Float> Preactivations<'_, T> {
    /// Those of some units, of all samples: `count × samples`; of a unit of norm 0 what never is active.
    fn compute(
        &self,
        (names, count): (Names<'_>, usize),
        never: T,
        gathered: &mut Vec<T>,
        tile: &mut [T],
    ) {
        let inputs = self.weights.features();
        let has_norms = !self.norms.is_empty();
        let (weights, biases, norms) = match names {
            Names::From(first) => {
                let weights = &self.weights.as_slice()[first * inputs..][..count * inputs];
                let norms = if has_norms { &self.norms[first..][..count] } else { self.norms };
                (weights, &self.biases[first..][..count], norms)
            }
            Names::Are(units) => {
                gathered.clear();
                for &unit in units {
                    let weights = &self.weights.as_slice()[unit as usize * inputs..][..inputs];
                    gathered.extend_from_slice(weights);
                }
                gathered.extend(units.iter().map(|&unit| self.biases[unit as usize]));
                if has_norms {
                    gathered.extend(units.iter().map(|&unit| self.norms[unit as usize]));
                }
                let (weights, rest) = gathered.split_at(count * inputs);
                let (biases, norms) = rest.split_at(count);
                (weights, biases, norms)
            }
        };
        let weights = Matrix::new(weights, inputs, count).transposed();
        let x = Matrix::new(self.x.as_slice(), inputs, self.x.samples());
        multiply_then(weights, x, tile, &|rows, z| {
            let biases = &biases[rows.clone()];
            for z in z.chunks_exact_mut(rows.len()) {
                z.iter_mut().zip(biases).for_each(|(z, &bias)| *z += bias);
            }
            if has_norms {
                let norms = &norms[rows.clone()];
                z.chunks_exact_mut(rows.len()).for_each(|z| multiply_each(z, norms, never));
            }
        });
    }
}

impl<T: Float> Rule<'_, T> {
    /// What a value has to be above from the start.
    fn bound(&self) -> T {
        match self {
            Self::Above { threshold } => *threshold,
            Self::Largest { by: By::Any, .. } | Self::LargestTogether { by: By::Any, .. } => {
                T::of(f64::NEG_INFINITY)
            }
            _ => T::ZERO,
        }
    }

    /// A value that is never active.
    fn never(&self) -> T {
        match self {
            Self::Largest { by: By::Size, .. } | Self::LargestTogether { by: By::Size, .. } => {
                T::ZERO
            }
            _ => T::of(f64::NEG_INFINITY),
        }
    }
}

impl By {
    /// What a value is ranked by.
    #[inline(always)]
    fn key<T: Float>(self, value: T) -> T {
        match self {
            Self::Value | Self::Any => value,
            Self::Size => value.abs(),
        }
    }

    /// The larger first, of equals the one with the smaller number; what is not a number comes before all, so that it
    /// is not passed over.
    fn order<T: Float, N: Ord>(self, a: &(T, N), b: &(T, N)) -> std::cmp::Ordering {
        let (left, right) = (self.key(a.0), self.key(b.0));
        let by_value = right.partial_cmp(&left);
        let by_nan =
            || crate::numbers::scalar::is_nan(right).cmp(&crate::numbers::scalar::is_nan(left));
        by_value.unwrap_or_else(by_nan).then_with(|| a.1.cmp(&b.1))
    }
}

impl<T: Float> Best<T> {
    /// Takes those of these pre-activations that may be active.
    fn offer(&mut self, z: &[T], names: Names<'_>, rule: Rule<'_, T>) {
        match rule {
            Rule::Largest { count, by } => {
                // Kept are up to twice as many as are wanted, before the bound rises.
                self.offer_above(z, names, by, |best| {
                    if best.pairs.len() >= count.saturating_mul(2) {
                        best.cut(count, by);
                    }
                });
            }
            Rule::LargestTogether { by, .. } => self.offer_above(z, names, by, |_| {}),
            Rule::Above { .. } => self.offer_above(z, names, By::Value, |_| {}),
            Rule::AboveEach { thresholds, window } => {
                for (at, &value) in z.iter().enumerate() {
                    let unit = names.unit(at);
                    let threshold = thresholds[unit as usize];
                    if is_above(value, threshold - window) {
                        let value = if value <= threshold { T::ZERO } else { value };
                        self.pairs.push((value, unit));
                    }
                }
            }
        }
    }

    /// Takes what is above the bound.
    fn offer_above(&mut self, z: &[T], names: Names<'_>, by: By, after: impl Fn(&mut Self)) {
        for (block, values) in z.chunks(TOGETHER).enumerate() {
            let bound = self.bound;
            if count_above(values, bound, by) == 0 {
                continue;
            }
            for (at, &value) in values.iter().enumerate() {
                if is_above(by.key(value), bound) {
                    self.pairs.push((value, names.unit(block * TOGETHER + at)));
                }
            }
            after(self);
        }
    }

    /// What is left: each unit and its pre-activation.
    fn each_active(&self, norms: &[T], mut to: impl FnMut(usize, T)) {
        for &(value, unit) in &self.pairs {
            let unit = unit as usize;
            to(unit, norms.get(unit).map_or(value, |&norm| value / norm));
        }
    }

    /// Leaves the largest, so many of them.
    fn cut(&mut self, count: usize, by: By) {
        let count = count.max(1);
        if self.pairs.len() > count {
            let (_, last, _) = self.pairs.select_nth_unstable_by(count - 1, |a, b| by.order(a, b));
            self.bound = by.key(last.0);
            self.pairs.truncate(count);
        }
    }
}

/// z ← z times the norm, where that is not 0.
fn multiply_each<T: Float>(z: &mut [T], norms: &[T], never: T) {
    for (z, &norm) in z.iter_mut().zip(norms) {
        *z = if norm > T::ZERO { *z * norm } else { never };
    }
}

/// Whether it is above the bound, or no number: that is not to be passed over.
#[inline(always)]
#[allow(clippy::neg_cmp_op_on_partial_ord)]
fn is_above<T: Float>(value: T, bound: T) -> bool {
    !(value <= bound)
}

/// How many are above the bound, or no numbers.
fn count_above<T: Float>(values: &[T], bound: T, by: By) -> u32 {
    vectorize(
        #[inline(always)]
        || match by {
            By::Value | By::Any => {
                values.iter().map(|&value| u32::from(is_above(value, bound))).sum()
            }
            By::Size => values.iter().map(|&value| u32::from(is_above(value.abs(), bound))).sum(),
        },
    )
}

/// Raises the bound of all samples to what so many of them together are not below, where many more are kept.
fn bound_together<T: Float>(
    best: &mut [Best<T>],
    count: usize,
    by: By,
    together: &mut Vec<(T, u64)>,
) {
    let kept: usize = best.iter().map(|best| best.pairs.len()).sum();
    if count == 0 || kept <= count.saturating_mul(2) {
        return;
    }
    together.clear();
    together.extend(best.iter().flat_map(|best| &best.pairs).map(|&(value, _)| (value, 0)));
    let (_, last, _) = together.select_nth_unstable_by(count - 1, |a, b| by.order(a, b));
    let bound = by.key(last.0);
    for best in best {
        // Of those that are as large as the bound, which are kept is settled in the end.
        best.pairs.retain(|&(value, _)| is_above(by.key(value), bound) || by.key(value) == bound);
        best.bound = below(bound);
    }
}

/// A number a little less, so that what equals the bound is not passed over.
fn below<T: Float>(bound: T) -> T {
    bound - bound.abs() * T::default_epsilon()
}

/// Leaves the largest of all samples together, so many of them.
fn cut_together<T: Float>(
    best: &mut [Best<T>],
    count: usize,
    by: By,
    (units, together): (usize, &mut Vec<(T, u64)>),
) {
    together.clear();
    let name = |sample: usize, unit: u32| sample as u64 * units as u64 + u64::from(unit);
    for (sample, best) in best.iter().enumerate() {
        together.extend(best.pairs.iter().map(|&(value, unit)| (value, name(sample, unit))));
    }
    if together.len() <= count {
        return;
    }
    let Some(place) = count.checked_sub(1) else {
        return best.iter_mut().for_each(|best| best.pairs.clear());
    };
    let (_, last, _) = together.select_nth_unstable_by(place, |a, b| by.order(a, b));
    let last = *last;
    for (sample, best) in best.iter_mut().enumerate() {
        best.pairs.retain(|&(value, unit)| by.order(&(value, name(sample, unit)), &last).is_le());
    }
}

fn select_dense_generic<T: Float>(mut z: BatchViewMut<'_, T>, norms: &[T], rule: Rule<'_, T>) {
    let mut best = Best { bound: T::ZERO, pairs: Vec::new() };
    let units = z.features();
    for z in z.as_mut_slice().chunks_exact_mut(units) {
        best.bound = rule.bound();
        best.pairs.clear();
        multiply_each(z, norms, rule.never());
        best.offer(z, Names::From(0), rule);
        match rule {
            Rule::Largest { count, by } => best.cut(count, by),
            // Of one sample alone.
            Rule::LargestTogether { count, by } => best.cut((count as usize).max(1), by),
            Rule::Above { .. } | Rule::AboveEach { .. } => {}
        }
        z.fill(T::ZERO);
        best.each_active(norms, |unit, value| z[unit] = value);
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::batch::sparse::SparseSample;
    use crate::random::seeded;

    /// What a rule leaves, by sorting all pre-activations, which are W itself: each sample is a unit vector.
    fn by_sorting(z: &[Vec<f64>], rule: Rule<'_, f64>) -> Vec<Vec<(usize, f64)>> {
        let key = |by: By, value: f64| if by == By::Size { value.abs() } else { value };
        let may_be = |by: By, value: f64| by == By::Any || key(by, value) > 0.0;
        let all = |by: By| -> Vec<(usize, usize, f64)> {
            let columns = z.iter().enumerate();
            let all = columns.flat_map(|(sample, z)| {
                z.iter().enumerate().map(move |(unit, &value)| (sample, unit, value))
            });
            let mut all: Vec<_> = all.filter(|&(_, _, value)| may_be(by, value)).collect();
            all.sort_by(|a, b| {
                key(by, b.2).total_cmp(&key(by, a.2)).then((a.0, a.1).cmp(&(b.0, b.1)))
            });
            all
        };
        let kept: Vec<(usize, usize, f64)> = match rule {
            Rule::Largest { count, by } => {
                let of = |sample| {
                    all(by).into_iter().filter(move |&(found, ..)| found == sample).take(count)
                };
                (0..z.len()).flat_map(of).collect()
            }
            Rule::LargestTogether { count, by } => {
                all(by).into_iter().take((count * z.len() as f64) as usize).collect()
            }
            Rule::Above { threshold } => {
                all(By::Any).into_iter().filter(|&(_, _, value)| value > threshold).collect()
            }
            Rule::AboveEach { thresholds, window } => {
                let near = all(By::Any)
                    .into_iter()
                    .filter(|&(_, unit, value)| value > thresholds[unit] - window);
                near.map(|(sample, unit, value)| {
                    (sample, unit, if value > thresholds[unit] { value } else { 0.0 })
                })
                .collect()
            }
        };
        let mut codes = vec![Vec::new(); z.len()];
        kept.into_iter().for_each(|(sample, unit, value)| codes[sample].push((unit, value)));
        codes.iter_mut().for_each(|code| code.sort_by_key(|&(unit, _)| unit));
        codes
    }

    fn pairs(codes: &SparseBatch<f64>) -> Vec<Vec<(usize, f64)>> {
        let of = |code: SparseSample<'_, f64>| {
            let units = code.indices().iter().map(|&unit| unit as usize);
            units.zip(code.values().iter().copied()).collect()
        };
        codes.iter().map(of).collect()
    }

    #[test]
    fn what_is_kept_is_what_sorting_finds() {
        let mut rng = seeded(7);
        let (mut codes, mut room) = (SparseBatch::empty(0), Room::new());
        for (units, samples) in [(3, 1), (512, 4), (513, 5), (1203, 9), (40, 2)] {
            // Few different values, so that many are equal.
            let draw =
                |rng: &mut crate::random::StreamRng| f64::from(rng.random_range(-9..10)) / 4.0;
            let z: Vec<Vec<f64>> =
                (0..samples).map(|_| (0..units).map(|_| draw(&mut rng)).collect()).collect();
            // A weight for each unit and sample, and samples that pick their own.
            let weights: Vec<f64> =
                (0..units).flat_map(|unit| z.iter().map(move |z| z[unit])).collect();
            let mut x = vec![0.0; samples * samples];
            (0..samples).for_each(|sample| x[sample * (samples + 1)] = 1.0);
            let biases = vec![0.0; units];
            let thresholds: Vec<f64> = (0..units).map(|_| draw(&mut rng).abs()).collect();
            let of = Preactivations {
                weights: BatchView::new(&weights, samples),
                biases: &biases,
                x: BatchView::new(&x, samples),
                units: None,
                norms: &[],
            };
            let kinds = [By::Value, By::Size, By::Any].into_iter().flat_map(|by| {
                [1, 2, 30].into_iter().flat_map(move |count| {
                    let together = Rule::LargestTogether { count: count as f64 + 0.5, by };
                    [Rule::Largest { count, by }, together]
                })
            });
            let above = [
                Rule::Above { threshold: 0.0 },
                Rule::Above { threshold: 1.3 },
                Rule::AboveEach { thresholds: &thresholds, window: 0.6 },
            ];
            // Powers of 2, so that nothing is rounded, and 0, with which a unit is never active.
            let norms: Vec<f64> = (0..units).map(|unit| [0.5, 4.0, 1.0, 0.0][unit % 4]).collect();
            // What has no norm takes nobody's place. No 0 is negative, as sorting would put it behind others.
            let times = |rule: Rule<'_, f64>| -> Vec<Vec<f64>> {
                let is_by_size = matches!(
                    rule,
                    Rule::Largest { by: By::Size, .. } | Rule::LargestTogether { by: By::Size, .. }
                );
                let last = if is_by_size { 0.0 } else { f64::NEG_INFINITY };
                let of = |(z, &norm): (&f64, &f64)| if norm > 0.0 { z * norm + 0.0 } else { last };
                z.iter().map(|z| z.iter().zip(&norms).map(of).collect()).collect()
            };
            let may_be = |&(unit, _): &(usize, f64)| norms[unit] > 0.0;
            let divided = |code: Vec<(usize, f64)>| -> Vec<(usize, f64)> {
                let active = code.into_iter().filter(may_be);
                active.map(|(unit, value)| (unit, value / norms[unit])).collect()
            };
            for rule in kinds.chain(above) {
                select(of, rule, &mut codes, &mut room);
                assert_eq!(pairs(&codes), by_sorting(&z, rule), "{units} units, {rule:?}");
                let by_norm = Preactivations { norms: &norms, ..of };
                select(by_norm, rule, &mut codes, &mut room);
                let expected: Vec<_> =
                    by_sorting(&times(rule), rule).into_iter().map(divided).collect();
                assert_eq!(pairs(&codes), expected, "{units} units by norm, {rule:?}");
                if matches!(rule, Rule::LargestTogether { .. }) {
                    continue;
                }
                let mut dense = z.concat();
                select_dense(BatchViewMut::new(&mut dense, units), &norms, rule);
                assert_eq!(codes.to_dense().as_slice(), dense, "{units} dense units, {rule:?}");
            }
            // Of some units alone.
            let some: Vec<u32> = (0..units as u32).filter(|unit| unit % 2 == 0).collect();
            select(
                Preactivations { units: Some(&some), ..of },
                Rule::Largest { count: 2, by: By::Any },
                &mut codes,
                &mut room,
            );
            let even: Vec<Vec<f64>> =
                z.iter().map(|z| z.iter().step_by(2).copied().collect()).collect();
            let largest = Rule::Largest { count: 2, by: By::Any };
            for (code, expected) in codes.iter().zip(by_sorting(&even, largest)) {
                let found: Vec<_> = code.indices().iter().map(|&unit| unit as usize).collect();
                let expected: Vec<_> = expected.iter().map(|&(unit, _)| 2 * unit).collect();
                assert_eq!(found, expected, "every second of {units}");
            }
            let by_norm = Preactivations { units: Some(&some), norms: &norms, ..of };
            select(by_norm, largest, &mut codes, &mut room);
            let even: Vec<Vec<f64>> =
                times(largest).iter().map(|z| z.iter().step_by(2).copied().collect()).collect();
            let expected = by_sorting(&even, largest).into_iter().map(|code| {
                divided(code.into_iter().map(|(unit, value)| (2 * unit, value)).collect())
            });
            assert_eq!(pairs(&codes), expected.collect::<Vec<_>>(), "every second of {units}");
        }
    }
}
