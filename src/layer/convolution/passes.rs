//! The three maps of a convolution, as products of planes and weights.

use std::mem::take;

use super::Convolution;
use super::lie::Lie;
use super::plan::Way;
use crate::batch::{BatchView, BatchViewMut};
use crate::layer::{Finish, Module};
use crate::numbers::once::once;
use crate::numbers::parallel::{ELEMENT, in_parts};
use crate::numbers::product::{Matrix, multiply_in};
use crate::numbers::scalar::Float;
use crate::numbers::vector::vectorize;

once! {
    /// y ← W x, and what is done to each part of it.
    pub fn there(map: &'a Convolution, weights: &'a [T], x: BatchView<'a, T>, y: BatchViewMut<'a, T>, scratch: &'a mut [T], finish: Option<Finish<'a, T>>)
        = there_generic;
    /// dx ← Wᵀ dy, and what is done to each part of it.
    pub fn back(map: &'a Convolution, weights: &'a [T], dy: BatchView<'a, T>, dx: BatchViewMut<'a, T>, scratch: &'a mut [T], finish: Option<Finish<'a, T>>)
        = back_generic;
    /// dw ← ∂⟨W x, dy⟩/∂w + β dw.
    pub fn add_gradient(map: &'a Convolution, x: BatchView<'a, T>, dy: BatchView<'a, T>, beta: T, gradient: &'a mut [T], scratch: &'a mut [T])
        = add_gradient_generic;
}

fn there_generic<T: Float>(
    map: &Convolution,
    weights: &[T],
    x: BatchView<'_, T>,
    y: BatchViewMut<'_, T>,
    scratch: &mut [T],
    finish: Option<Finish<'_, T>>,
) {
    let plan = map.checked();
    let (units, each) = (map.output.channels, map.output.channels / map.groups);
    let taps = map.moves.0.kernel * map.moves.1.kernel;
    let channels = map.input.channels / map.groups;
    let number = |group: usize, unit: usize, channel: usize, tap: usize| {
        group * each + unit + units * (channel * taps + tap)
    };
    let weights = arrange(&plan.there, map.groups, (each, channels), weights, number, scratch);
    run(&plan.there, (map.groups, each), weights, map.lies(), map.cost(), (x, y), finish);
}

fn back_generic<T: Float>(
    map: &Convolution,
    weights: &[T],
    dy: BatchView<'_, T>,
    dx: BatchViewMut<'_, T>,
    scratch: &mut [T],
    finish: Option<Finish<'_, T>>,
) {
    let plan = map.checked();
    let (units, channels) = (map.output.channels, map.output.channels / map.groups);
    let taps = map.moves.0.kernel * map.moves.1.kernel;
    let each = map.input.channels / map.groups;
    let number = |group: usize, channel: usize, unit: usize, tap: usize| {
        group * channels + unit + units * (channel * taps + tap)
    };
    let weights = arrange(&plan.back, map.groups, (each, channels), weights, number, scratch);
    let (to, from) = map.lies();
    run(&plan.back, (map.groups, each), weights, (from, to), map.cost(), (dy, dx), finish);
}

/// The weights as the products of a way take them, one after the other.
fn arrange<'a, T: Float>(
    way: &Way,
    groups: usize,
    (each, channels): (usize, usize),
    weights: &[T],
    number: impl Fn(usize, usize, usize, usize) -> usize,
    to: &'a mut [T],
) -> &'a [T] {
    let mut places = to.iter_mut();
    for group in 0..groups {
        for sweep in &way.sweeps {
            for result in 0..each {
                for channel in 0..channels {
                    let of_taps = sweep.taps.iter().map(|&tap| number(group, result, channel, tap));
                    // The weights first: what comes first is asked first, and would be lost at the end.
                    of_taps
                        .zip(places.by_ref())
                        .for_each(|(number, place)| *place = weights[number]);
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

/// The products of a way, sample by sample.
fn run<T: Float>(
    way: &Way,
    (groups, each): (usize, usize),
    weights: &[T],
    lies: (Lie, Lie),
    cost: usize,
    (x, y): (BatchView<'_, T>, BatchViewMut<'_, T>),
    finish: Option<Finish<'_, T>>,
) {
    let features = y.features();
    let planes = &way.planes;
    let most = way.sweeps.iter().map(|sweep| sweep.rows(planes.images)).max().unwrap_or(0);
    let (of_planes, of_group) = (planes.len(), planes.of_group(groups));
    in_parts(x.samples(), cost.saturating_add(ELEMENT * features), (x, y), |(x, mut y)| {
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
    let plan = map.checked();
    let (samples, size) = (x.samples(), map.num_parameters());
    let together = samples.div_ceil(map.shares(samples)).max(1);
    let shares = samples.div_ceil(together);
    let (sweep, depth) = (&plan.there.sweeps[0], map.of_unit());
    let (units, groups) = (map.output.channels, map.groups);
    let each = units / groups;
    let planes = &plan.there.planes;
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
