//! Where the numbers of an image lie for the product that a convolution is.
//!
//! An image is copied, zeros around it, into planes: one for each channel, and with a stride one for each of its phases,
//! so that what a tap of the kernel meets lies one beside the other. The rows of a plane have zeros between them, and
//! are read as one long row: then each tap of each channel is a column of a matrix, from an offset on, and the outputs
//! are that matrix times the weights. Between two rows there are results that nobody asked for; they are left out when
//! the result is copied to where it belongs.
//!
//! Going back, from outputs to inputs, is the same: each phase of the inputs is a convolution of the outputs.

use super::axis::{Axis, Tap};
use super::lie::Lie;

/// Planes with zeros around the numbers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planes {
    /// Channels of the whole image.
    channels: usize,
    /// Into how many phases rows and columns are divided.
    phases: (usize, usize),
    /// Rows and columns of the image.
    sides: (usize, usize),
    /// Zeros before the first row and column.
    before: (usize, usize),
    /// Numbers from one row to the next, and from one plane to the next.
    row: usize,
    plane: usize,
}

impl Planes {
    /// Numbers of all planes.
    pub fn len(&self) -> usize {
        self.channels * self.of_channel()
    }

    /// Numbers of one channel's planes.
    pub fn of_channel(&self) -> usize {
        self.phases.0 * self.phases.1 * self.plane
    }

    /// Copies an image between zeros, which are there already.
    pub fn fill<T: Copy>(&self, image: &[T], lie: Lie, to: &mut [T]) {
        let (phases, before) = (self.phases, self.before);
        for (channel, to) in to.chunks_exact_mut(self.of_channel()).enumerate() {
            for h in 0..self.sides.0 {
                let planes = &mut to[h % phases.0 * phases.1 * self.plane..];
                let first = (h / phases.0 + before.0) * self.row + before.1;
                let from = &image[lie.at(channel, h, 0)..];
                for phase in 0..phases.1.min(self.sides.1) {
                    let to = &mut planes[phase * self.plane + first..];
                    let count = (self.sides.1 - phase).div_ceil(phases.1);
                    copy(&from[phase * lie.column..], phases.1 * lie.column, to, 1, count);
                }
            }
        }
    }
}

/// Copies every so-manyth number to every so-manyth place.
#[inline]
fn copy<T: Copy>(from: &[T], step: usize, to: &mut [T], to_step: usize, count: usize) {
    if (step, to_step) == (1, 1) {
        to[..count].copy_from_slice(&from[..count]);
        return;
    }
    let places = to.iter_mut().step_by(to_step).zip(from.iter().step_by(step));
    places.take(count).for_each(|(to, &from)| *to = from);
}

/// One product: outputs of so many rows and columns, which lie in the target from a place on, some steps apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Where each column of the first matrix begins: for all channels of a group, for all taps.
    pub offsets: Vec<usize>,
    /// The number of each tap in the kernel.
    pub taps: Vec<usize>,
    /// Rows of the matrix.
    pub len: usize,
    sides: (usize, usize),
    first: (usize, usize),
    step: (usize, usize),
    row: usize,
}

impl Sweep {
    /// Copies the outputs of a channel to where they belong.
    pub fn place<T: Copy>(&self, outputs: &[T], channel: usize, lie: Lie, to: &mut [T]) {
        for h in 0..self.sides.0 {
            let at = lie.at(channel, self.first.0 + h * self.step.0, self.first.1);
            let from = &outputs[h * self.row..];
            copy(from, 1, &mut to[at..], self.step.1 * lie.column, self.sides.1);
        }
    }

    /// The other way, over zeros.
    pub fn widen<T: Copy>(&self, values: &[T], channel: usize, lie: Lie, to: &mut [T]) {
        for h in 0..self.sides.0 {
            let at = lie.at(channel, self.first.0 + h * self.step.0, self.first.1);
            let to = &mut to[h * self.row..];
            copy(&values[at..], self.step.1 * lie.column, to, 1, self.sides.1);
        }
    }
}

/// One way through a convolution: the image that is read, and the products.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    pub planes: Planes,
    pub sweeps: Vec<Sweep>,
}

impl Way {
    /// From inputs to outputs.
    pub fn there(channels: (usize, usize), (height, width): (Axis, Axis)) -> Self {
        let part = Part {
            taps: (height.taps(), width.taps()),
            sides: (height.outputs, width.outputs),
            first: (0, 0),
        };
        let of_image = ((height.inputs, width.inputs), (height.stride, width.stride));
        Self::new(channels, of_image, (1, 1), width.kernel, &[part])
    }

    /// From gradients at outputs to those at inputs: a part for each phase of the inputs.
    pub fn back(channels: (usize, usize), (height, width): (Axis, Axis)) -> Self {
        let mut parts = Vec::new();
        for h in 0..height.stride.min(height.inputs) {
            for w in 0..width.stride.min(width.inputs) {
                parts.push(Part {
                    taps: (height.taps_back(h), width.taps_back(w)),
                    sides: (height.inputs_of(h), width.inputs_of(w)),
                    first: (h, w),
                });
            }
        }
        let of_image = ((height.outputs, width.outputs), (1, 1));
        Self::new(channels, of_image, (height.stride, width.stride), width.kernel, &parts)
    }

    /// Of an image of so many channels, of which so many are multiplied together.
    fn new(
        (channels, together): (usize, usize),
        (sides, phases): ((usize, usize), (usize, usize)),
        step: (usize, usize),
        kernel_width: usize,
        parts: &[Part],
    ) -> Self {
        let heights = Reach::of(parts.iter().map(|part| (&part.taps.0[..], part.sides.0)));
        let widths = Reach::of(parts.iter().map(|part| (&part.taps.1[..], part.sides.1)));
        let before = (heights.before, widths.before);
        let of_phase = (sides.0.div_ceil(phases.0), sides.1.div_ceil(phases.1));
        // What is read before or behind a row is the zeros between it and the next one.
        let row = (of_phase.1 + before.1).max(widths.end);
        let rows = of_phase.0.max(heights.end) + before.0;
        let plane = rows * row + before.1 + of_phase.1.max(widths.end);
        let planes = Planes { channels, phases, sides, before, row, plane };
        let sweep = |part: &Part| {
            let mut offsets = Vec::new();
            for channel in 0..together {
                for (h, w) in part.taps() {
                    let phase = h.phase * phases.1 + w.phase;
                    let first = channel * planes.of_channel() + phase * plane;
                    let place = |tap: Tap, before: usize| (tap.shift + before as isize) as usize;
                    offsets.push(first + place(h, before.0) * row + place(w, before.1));
                }
            }
            Sweep {
                offsets,
                taps: part.taps().map(|(h, w)| h.tap * kernel_width + w.tap).collect(),
                len: (part.sides.0 - 1) * row + part.sides.1,
                sides: part.sides,
                first: part.first,
                step,
                row,
            }
        };
        let sweeps = parts.iter().map(sweep).collect();
        Self { planes, sweeps }
    }
}

/// What a sweep is made of.
struct Part {
    taps: (Vec<Tap>, Vec<Tap>),
    sides: (usize, usize),
    first: (usize, usize),
}

impl Part {
    /// Rows and columns of the kernel together.
    fn taps(&self) -> impl Iterator<Item = (Tap, Tap)> {
        self.taps.0.iter().flat_map(|&h| self.taps.1.iter().map(move |&w| (h, w)))
    }
}

/// How far taps reach beyond the places of outputs.
#[derive(Default)]
struct Reach {
    before: usize,
    /// Behind the last place that is read.
    end: usize,
}

impl Reach {
    fn of<'a>(parts: impl Iterator<Item = (&'a [Tap], usize)>) -> Self {
        parts.flat_map(|(taps, side)| taps.iter().map(move |tap| (tap.shift, side))).fold(
            Self::default(),
            |reach, (shift, side)| Self {
                before: reach.before.max(shift.min(0).unsigned_abs()),
                end: reach.end.max((shift + side as isize).max(0) as usize),
            },
        )
    }
}
