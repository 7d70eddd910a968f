//! The three maps of a convolution, as correlations of planes and weights.

use super::Convolution;
use super::plan::Way;
use super::table::Table;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::Finish;
use crate::numbers::correlation::{add_products, at, correlate, turn};
use crate::numbers::once::once;
use crate::numbers::parallel::{Divide, ELEMENT, in_parts};
use crate::numbers::room::with_room;
use crate::numbers::scalar::Float;

/// From inputs to outputs of a convolution, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    There,
    Back,
}

once! {
    /// y ← W x, or Wᵀ x, and what is done to each part of it.
    pub fn pass(map: &'a Convolution, direction: Direction, weights: &'a [T], x: BatchView<'a, T>, y: BatchViewMut<'a, T>, scratch: &'a mut [T], finish: Option<Finish<'a, T>>)
        = pass_generic;
    /// dw ← ∂⟨W x, dy⟩/∂w + β dw.
    pub fn add_gradient(map: &'a Convolution, x: BatchView<'a, T>, dy: BatchView<'a, T>, beta: T, gradient: &'a mut [T], scratch: &'a mut [T])
        = add_gradient_generic;
}

/// For each weight its place among those of a way's correlations, which come one after the other.
#[inline(always)]
fn for_each_weight(map: &Convolution, direction: Direction, mut work: impl FnMut(usize, usize)) {
    let (units, taps) = (map.output.channels, map.moves.0.kernel * map.moves.1.kernel);
    let (of_group, channels) = (units / map.groups, map.input.channels / map.groups);
    let way = &map.ways(direction).one;
    let mut begin = 0;
    for group in 0..map.groups {
        for sweep in &way.sweeps {
            // From one offset to the next.
            let step = at(way.units(), sweep.offsets.len(), 0, 1);
            for (unit, channel) in
                (0..of_group).flat_map(|unit| (0..channels).map(move |channel| (unit, channel)))
            {
                let (target, read) = match direction {
                    Direction::There => (unit, channel),
                    Direction::Back => (channel, unit),
                };
                let first = at(way.units(), sweep.offsets.len(), target, read * sweep.taps.len());
                let of_channel = group * of_group + unit + units * channel * taps;
                for (index, tap) in sweep.taps.iter().enumerate() {
                    work(of_channel + units * tap, begin + first + index * step);
                }
            }
            begin += sweep.weights(way.units());
        }
    }
}

/// So many samples that are not parted.
struct Together<D>(D, usize);

impl<D: Divide> Divide for Together<D> {
    fn divide(self, at: usize) -> (Self, Self) {
        let (left, right) = self.0.divide(at * self.1);
        (Self(left, self.1), Self(right, self.1))
    }
}

impl Way {
    /// Zeros where no image has numbers.
    fn clear_planes<T: Float>(&self, planes: &mut [T]) {
        if self.abreast == 1 { planes.fill(T::ZERO) } else { self.tables.0.clear_gaps(planes) }
    }

    /// The same of results.
    fn clear_results<T: Float>(&self, results: &mut [T]) {
        if self.abreast == 1 { results.fill(T::ZERO) } else { self.tables.1.clear_gaps(results) }
    }

    /// Copies images into the planes.
    fn spread<T: Float>(&self, x: BatchView<'_, T>, planes: &mut [T]) {
        if self.abreast == 1 {
            return self.for_each_input(|number, place| planes[place] = x.as_slice()[number]);
        }
        lay_abreast(x, &self.tables.0, planes);
    }

    /// Copies results to where they belong.
    fn collect<T: Float>(&self, results: &[T], mut y: BatchViewMut<'_, T>) {
        let (samples, features) = (y.samples(), y.features());
        let y = y.as_mut_slice();
        if self.abreast == 1 {
            return self.for_each_output(|number, place| y[number] = results[place]);
        }
        let row = |number: usize| &results[self.tables.1.places[number] as usize..];
        turn((features, samples), row, y, |sample| sample * features);
    }

    /// The other way.
    fn disperse<T: Float>(&self, dy: BatchView<'_, T>, results: &mut [T]) {
        if self.abreast == 1 {
            return self.for_each_output(|number, place| results[place] = dy.as_slice()[number]);
        }
        lay_abreast(dy, &self.tables.1, results);
    }
}

/// Copies samples side by side.
fn lay_abreast<T: Float>(samples: BatchView<'_, T>, table: &Table, to: &mut [T]) {
    let (sizes, numbers) = ((samples.samples(), samples.features()), samples.as_slice());
    turn(sizes, |sample| &numbers[sample * sizes.1..], to, |number| table.places[number] as usize);
}

fn pass_generic<T: Float>(
    map: &Convolution,
    direction: Direction,
    weights: &[T],
    x: BatchView<'_, T>,
    y: BatchViewMut<'_, T>,
    scratch: &mut [T],
    finish: Option<Finish<'_, T>>,
) {
    let ways = map.ways(direction);
    let arranged = &mut scratch[..map.arranged_len(direction)];
    arranged.fill(T::ZERO);
    for_each_weight(map, direction, |weight, place| arranged[place] = weights[weight]);
    let arranged = &*arranged;
    let features = y.features();
    let cost = map.cost().saturating_add(ELEMENT * features);
    let together = ways.together();
    let data = (Together(x, together), Together(y, together));
    in_parts(x.samples().div_ceil(together), cost.saturating_mul(together), data, |(x, y)| {
        let (Together(x, _), Together(y, _)) = (x, y);
        let many = ways.abreast(x.samples());
        let (x, y) = (x.split_at(many), y.split_at(many));
        for (way, x, y) in [(ways.many(), x.0, y.0), (&ways.one, x.1, y.1)] {
            if x.samples() > 0 {
                sum_up(way, arranged, x, y, finish);
            }
        }
    });
}

/// y ← W x, by one way.
fn sum_up<T: Float>(
    way: &Way,
    weights: &[T],
    x: BatchView<'_, T>,
    mut y: BatchViewMut<'_, T>,
    finish: Option<Finish<'_, T>>,
) {
    let (features, units, (len, results)) = (y.features(), way.units(), way.len());
    with_room(len + results, |room| {
        let (planes, results) = room.split_at_mut(len);
        way.clear_planes(planes);
        for (x, mut y) in x.chunks(way.abreast).zip(y.chunks_mut(way.abreast)) {
            way.spread(x, planes);
            let mut rest = weights;
            let of_groups = results.chunks_exact_mut(way.of_group.1).enumerate();
            for (group, results) in of_groups {
                let planes = &planes[group * way.of_group.0..];
                for sweep in &way.sweeps {
                    let (weights, behind) = rest.split_at(sweep.weights(units));
                    rest = behind;
                    let results = &mut results[sweep.begin..][..sweep.len(units)];
                    correlate(sweep.of(planes), weights, units, results);
                }
            }
            way.collect(results, y.reborrow());
            if let Some(finish) = finish {
                finish(0..features, y.as_mut_slice());
            }
        }
    });
}

fn add_gradient_generic<T: Float>(
    map: &Convolution,
    x: BatchView<'_, T>,
    dy: BatchView<'_, T>,
    beta: T,
    gradient: &mut [T],
    scratch: &mut [T],
) {
    let ways = map.ways(Direction::There);
    let (samples, size) = (x.samples(), map.arranged_len(Direction::There));
    let together = map.together(samples);
    let shares = samples.div_ceil(together);
    let parts = &mut scratch[..shares * size];
    let data = (BatchViewMut::new(parts, size), 0);
    in_parts(shares, map.cost().saturating_mul(together), data, |(mut parts, first)| {
        for (index, part) in parts.as_mut_slice().chunks_exact_mut(size).enumerate() {
            let first = (first + index) * together;
            let count = together.min(samples - first);
            let (x, dy) = (x.split_at(first).1, dy.split_at(first).1);
            let (x, dy) = (x.split_at(count).0, dy.split_at(count).0);
            let many = ways.abreast(count);
            let (x, dy) = (x.split_at(many), dy.split_at(many));
            part.fill(T::ZERO);
            for (way, x, dy) in [(ways.many(), x.0, dy.0), (&ways.one, x.1, dy.1)] {
                if x.samples() > 0 {
                    add_share(way, x, dy, part);
                }
            }
        }
    });
    // The shares' sums in their order.
    for_each_weight(map, Direction::There, |weight, place| {
        let dw = &mut gradient[weight];
        let old = if beta == T::ZERO { T::ZERO } else { beta * *dw };
        *dw = parts.iter().skip(place).step_by(size).fold(old, |sum, &share| sum + share);
    });
}

/// dw ← dw + ∂⟨W x, dy⟩/∂w, by one way.
fn add_share<T: Float>(way: &Way, x: BatchView<'_, T>, dy: BatchView<'_, T>, dw: &mut [T]) {
    let (sweep, units, (len, results)) = (&way.sweeps[0], way.units(), way.len());
    with_room(len + results, |room| {
        let (planes, results) = room.split_at_mut(len);
        way.clear_planes(planes);
        way.clear_results(results);
        for (x, dy) in x.chunks(way.abreast).zip(dy.chunks(way.abreast)) {
            if x.samples() < way.abreast {
                // Nothing is left of those before.
                planes.fill(T::ZERO);
                results.fill(T::ZERO);
            }
            way.spread(x, planes);
            way.disperse(dy, results);
            let of_groups = dw.chunks_exact_mut(sweep.weights(units));
            for ((group, dw), dy) in of_groups.enumerate().zip(results.chunks_exact(way.of_group.1))
            {
                add_products(sweep.of(&planes[group * way.of_group.0..]), dy, units, dw);
            }
        }
    });
}
