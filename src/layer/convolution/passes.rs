//! The three maps of a convolution, as products of planes and weights.

use std::mem::take;

use super::Convolution;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::{Finish, Module};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::product::{Matrix, multiply_in};
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

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

/// The weights as the products of a way take them, one after the other.
fn arrange<'a, T: Float>(
    map: &Convolution,
    direction: Direction,
    weights: &[T],
    to: &'a mut [T],
) -> &'a [T] {
    let way = map.way(direction);
    let (units, taps) = (map.output.channels, map.moves.0.kernel * map.moves.1.kernel);
    let (of_group, channels) = (units / map.groups, map.input.channels / map.groups);
    let mut places = to.iter_mut();
    for group in 0..map.groups {
        for sweep in &way.sweeps {
            let mut put = |unit: usize, channel: usize| {
                let first = group * of_group + unit + units * channel * taps;
                let of_taps = sweep.taps.iter().map(|tap| weights[first + units * tap]);
                // The weights first: what comes first is asked first, and would be lost at the end.
                of_taps.zip(places.by_ref()).for_each(|(weight, place)| *place = weight);
            };
            match direction {
                Direction::There => {
                    (0..of_group)
                        .for_each(|unit| (0..channels).for_each(|channel| put(unit, channel)));
                }
                Direction::Back => {
                    (0..channels)
                        .for_each(|channel| (0..of_group).for_each(|unit| put(unit, channel)));
                }
            }
        }
    }
    to
}

/// Memory of a thread, of at least so many numbers.
fn fit<T: Float>(room: &mut Vec<T>, len: usize) -> &mut [T] {
    if room.len() < len {
        room.resize(len, T::ZERO);
    }
    &mut room[..len]
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
    let weights = arrange(map, direction, weights, scratch);
    let (way, groups) = (map.way(direction), map.groups);
    let (of_input, of_output) = map.lies();
    let (each, lies) = match direction {
        Direction::There => (map.output.channels / groups, (of_input, of_output)),
        Direction::Back => (map.input.channels / groups, (of_output, of_input)),
    };
    let features = y.features();
    let planes = &way.planes;
    let most = way.sweeps.iter().map(|sweep| sweep.rows(planes.images)).max().unwrap_or(0);
    let (of_planes, of_group) = (planes.len(), planes.of_group(groups));
    let cost = map.cost().saturating_add(ELEMENT * features);
    in_parts(x.samples(), cost, (x, y), |(x, mut y)| {
        let mut workspace = T::take_workspace();
        let mut room = take(&mut workspace.room);
        let (image, outputs) = fit(&mut room, of_planes + most * each).split_at_mut(of_planes);
        image.fill(T::ZERO);
        for (x, mut y) in x.chunks(planes.images).zip(y.chunks_mut(planes.images)) {
            let count = x.samples();
            for (number, x) in x.iter().enumerate() {
                vectorize(
                    #[inline(always)]
                    || planes.fill(number, x, lies.0, image),
                );
            }
            let mut rest = weights;
            for group in 0..groups {
                let image = &image[group * of_group..];
                for sweep in &way.sweeps {
                    let (depth, rows) = (sweep.offsets.len(), sweep.rows(count));
                    let (weights, behind) = rest.split_at(depth * each);
                    rest = behind;
                    let outputs = &mut outputs[..rows * each];
                    let image = Matrix::gathered(image, rows, &sweep.offsets);
                    let weights = Matrix::new(weights, depth, each);
                    multiply_in(&mut workspace, image, weights, T::ZERO, outputs);
                    let samples = y.as_mut_slice().chunks_exact_mut(features);
                    for (number, y) in samples.enumerate() {
                        for (result, outputs) in outputs.chunks_exact(rows).enumerate() {
                            sweep.place(outputs, number, group * each + result, lies.1, y);
                        }
                    }
                }
            }
            if let Some(finish) = finish {
                finish(0..features, y.as_mut_slice());
            }
        }
        workspace.room = room;
        T::return_workspace(workspace);
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
    let way = map.way(Direction::There);
    let (samples, size) = (x.samples(), map.num_parameters());
    let together = samples.div_ceil(map.shares(samples)).max(1);
    let shares = samples.div_ceil(together);
    let (sweep, depth) = (&way.sweeps[0], map.of_unit());
    let (units, groups) = (map.output.channels, map.groups);
    let each = units / groups;
    let planes = &way.planes;
    let (of_planes, of_group) = (planes.len(), planes.of_group(groups));
    let most = sweep.len(planes.images);
    let parts = &mut scratch[..shares * size];
    let data = (BatchViewMut::new(parts, size), 0);
    in_parts(shares, map.cost().saturating_mul(together), data, |(mut parts, first)| {
        let mut workspace = T::take_workspace();
        let mut room = take(&mut workspace.room);
        let (image, wide) = fit(&mut room, of_planes + most * units).split_at_mut(of_planes);
        image.fill(T::ZERO);
        wide.fill(T::ZERO);
        for (index, part) in parts.as_mut_slice().chunks_exact_mut(size).enumerate() {
            let first = (first + index) * together;
            let count = together.min(samples - first);
            let (_, x) = x.split_at(first);
            let (_, dy) = dy.split_at(first);
            let (x, dy) = (x.split_at(count).0, dy.split_at(count).0);
            let blocks = x.chunks(planes.images).zip(dy.chunks(planes.images));
            for (block, (x, dy)) in blocks.enumerate() {
                let len = sweep.len(x.samples());
                for (number, (x, dy)) in x.iter().zip(dy.iter()).enumerate() {
                    vectorize(
                        #[inline(always)]
                        || planes.fill(number, x, map.lies().0, image),
                    );
                    for (unit, wide) in wide.chunks_exact_mut(most).enumerate() {
                        sweep.widen(dy, number, unit, map.lies().1, wide);
                    }
                }
                let beta = if block == 0 { T::ZERO } else { T::ONE };
                let of_groups = part.chunks_exact_mut(depth * each);
                for (group, part) in of_groups.enumerate() {
                    let image = Matrix::gathered(&image[group * of_group..], len, &sweep.offsets);
                    let wide = &wide[group * each * most..][..each * most];
                    let dy = Matrix::new(wide, most, each).rows(0, len);
                    multiply_in(&mut workspace, image.transposed(), dy, beta, part);
                }
            }
        }
        workspace.room = room;
        T::return_workspace(workspace);
    });
    // The shares' sums in their order, from unit by unit to column by column.
    for (unit, first) in (0..size).step_by(depth).enumerate() {
        for (k, dw) in gradient[unit..].iter_mut().step_by(units).enumerate() {
            let shares = parts.iter().skip(first + k).step_by(size);
            let old = if beta == T::ZERO { T::ZERO } else { beta * *dw };
            *dw = shares.fold(old, |sum, &share| sum + share);
        }
    }
}
