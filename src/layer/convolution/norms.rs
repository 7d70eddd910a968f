//! ‖∂y/∂x‖² of each output of a convolution, in closed form: Σ w² over the taps that meet an input and no zero around it.
//!
//! So it is the same everywhere but near the borders. A tap of the kernel meets an input for the outputs of a rectangle,
//! whatever the channel: its weights are squared and summed once, and counted for the rectangle's outputs.

use std::ops::Range;

use super::Convolution;
use super::axis::Axis;
use crate::batch::size::Shape;
use crate::layer::field::Lies;
use crate::numbers::scalar::Float;

/// Inputs that count: some channels, of some rows and columns.
#[derive(Debug, Clone)]
struct Counted {
    channels: Range<usize>,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Axis {
    /// The outputs whose tap of this number meets one of these inputs: s o + d a − p lies among them.
    fn outputs_of(&self, tap: usize, inputs: &Range<usize>) -> Range<usize> {
        let moved = tap * self.dilation;
        let at_least = |input: usize| {
            (input + self.before).saturating_sub(moved).div_ceil(self.stride).min(self.outputs)
        };
        at_least(inputs.start)..at_least(inputs.end)
    }
}

impl Convolution {
    /// The inputs that come first, so many of them, as rectangles of channels: all of an image are one.
    fn first_inputs(&self, inputs: usize) -> [Counted; 3] {
        let Shape { channels, height, width } = self.input;
        let of = |channels, rows, columns| Counted { channels, rows, columns };
        let all = |sides: usize| 0..sides;
        if self.is_window {
            // Step by step: whole ones, then some channels of the next.
            let (steps, rest) = (inputs / channels, inputs % channels);
            let whole = of(all(channels), all(height), all(steps));
            return [whole, of(all(rest), all(height), steps..steps + 1), of(0..0, 0..0, 0..0)];
        }
        // Channel by channel: whole ones, then some rows of the next, then some columns of the next row.
        let (whole, rest) = (inputs / (height * width), inputs % (height * width));
        let (rows, rest) = (rest / width, rest % width);
        let next = whole..whole + 1;
        [
            of(all(whole), all(height), all(width)),
            of(if rows > 0 { next.clone() } else { 0..0 }, all(rows), all(width)),
            of(if rest > 0 { next } else { 0..0 }, rows..rows + 1, all(rest)),
        ]
    }

    /// Runs over output channels, taps and rectangles of inputs: the output channel, the weights of the tap whose inputs
    /// count, and the rows and columns of outputs for which it meets them.
    fn each_tap(
        &self,
        inputs: usize,
        mut each: impl FnMut(usize, &mut dyn Iterator<Item = usize>, Range<usize>, Range<usize>),
    ) {
        // There is no plan where sizes are refused, and no model either.
        let Some(plan) = self.plan.as_deref() else { return };
        let (rows, columns) = plan.axes;
        let (units, taps) = (self.output.channels, rows.kernel * columns.kernel);
        let (of_group, from_group) = (units / self.groups, self.input.channels / self.groups);
        for counted in self.first_inputs(inputs) {
            for unit in 0..units {
                // Those of the unit's group, counted within it.
                let first = unit / of_group * from_group;
                let within = |channel: usize| channel.saturating_sub(first).min(from_group);
                let channels = within(counted.channels.start)..within(counted.channels.end);
                if channels.is_empty() {
                    continue;
                }
                for tap in 0..taps {
                    let (a, b) = (tap / columns.kernel, tap % columns.kernel);
                    let of_rows = rows.outputs_of(a, &counted.rows);
                    let of_columns = columns.outputs_of(b, &counted.columns);
                    let place = |channel: usize| unit + units * (channel * taps + tap);
                    each(unit, &mut channels.clone().map(place), of_rows, of_columns);
                }
            }
        }
    }

    /// ‖∂yⱼ/∂x‖² of each output over the inputs that come first.
    pub(super) fn norms<T: Float>(&self, weights: &[T], inputs: usize, norms: &mut [T]) {
        norms.fill(T::ZERO);
        let lies = Lies { shape: self.output, is_interleaved: self.is_window };
        self.each_tap(inputs, |unit, places, rows, columns| {
            let squares = places.fold(T::ZERO, |sum, at| sum + weights[at] * weights[at]);
            for row in rows {
                for column in columns.clone() {
                    norms[lies.at(unit, row, column)] += squares;
                }
            }
        });
    }

    /// Adds the gradient of ½ Σⱼ scaleⱼ ‖∂yⱼ/∂x‖²: each weight times the scales of all outputs in which it meets an input.
    pub(super) fn add_norms_gradient<T: Float>(
        &self,
        weights: &[T],
        inputs: usize,
        scales: &[T],
        gradient: &mut [T],
    ) {
        let lies = Lies { shape: self.output, is_interleaved: self.is_window };
        self.each_tap(inputs, |unit, places, rows, columns| {
            let outputs = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
            let scale = outputs
                .fold(T::ZERO, |sum, (row, column)| sum + scales[lies.at(unit, row, column)]);
            places.for_each(|at| gradient[at] += scale * weights[at]);
        });
    }
}
