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

/// As many numbers as the longest vectors have.
const VECTOR: usize = 16;
/// Rows of a matrix that are worth a product: images are taken together until they have as many.
const TOGETHER: usize = 192;
/// But no more images than these.
const MOST_IMAGES: usize = 16;

/// Planes with zeros around the numbers of some images, one image above the other.
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
    /// Numbers from one row to the next, from one image to the next, and from one plane to the next.
    row: usize,
    image: usize,
    plane: usize,
    /// How many images there are.
    pub images: usize,
}

impl Planes {
    /// Numbers of all planes, and those behind them that are read with the last.
    pub fn len(&self) -> usize {
        self.channels * self.of_channel() + VECTOR
    }

    /// Numbers of the planes of one of so many groups.
    pub fn of_group(&self, groups: usize) -> usize {
        self.channels / groups * self.of_channel()
    }

    /// Numbers of one channel's planes.
    fn of_channel(&self) -> usize {
        self.phases.0 * self.phases.1 * self.plane
    }

    /// Copies an image between zeros, which are there already, as one of several.
    #[inline(always)]
    pub fn fill<T: Copy>(&self, number: usize, image: &[T], lie: Lie, to: &mut [T]) {
        let (phases, before) = (self.phases, self.before);
        let channels = to.chunks_exact_mut(self.of_channel()).enumerate();
        for (channel, to) in channels.take(self.channels) {
            let planes = to.chunks_exact_mut(phases.1 * self.plane).enumerate();
            for (phase, planes) in planes {
                let rows = (phase..self.sides.0).step_by(phases.0).enumerate();
                for (row, h) in rows {
                    let first = number * self.image + (row + before.0) * self.row + before.1;
                    let from = &image[lie.at(channel, h, 0)..];
                    if (phases.1, lie.column) == (2, 1) {
                        let (even, odd) = planes.split_at_mut(self.plane);
                        divide(&from[..self.sides.1], &mut even[first..], &mut odd[first..]);
                        continue;
                    }
                    for phase in 0..phases.1.min(self.sides.1) {
                        let to = &mut planes[phase * self.plane + first..];
                        let count = (self.sides.1 - phase).div_ceil(phases.1);
                        copy(&from[phase * lie.column..], phases.1 * lie.column, to, 1, count);
                    }
                }
            }
        }
    }
}

/// Copies numbers to two places in turn.
#[inline(always)]
fn divide<T: Copy>(from: &[T], even: &mut [T], odd: &mut [T]) {
    let (pairs, last) = from.as_chunks::<2>();
    let (to, others) = (&mut even[..pairs.len()], &mut odd[..pairs.len()]);
    for ((to, other), pair) in to.iter_mut().zip(others).zip(pairs) {
        [*to, *other] = *pair;
    }
    if let [last] = last {
        even[pairs.len()] = *last;
    }
}

/// Copies every so-manyth number to every so-manyth place.
#[inline(always)]
fn copy<T: Copy>(from: &[T], step: usize, to: &mut [T], to_step: usize, count: usize) {
    if (step, to_step) == (1, 1) {
        return copy_row(&from[..count], &mut to[..count]);
    }
    let (mut at, mut place) = (0, 0);
    for _ in 0..count {
        to[place] = from[at];
        (at, place) = (at + step, place + to_step);
    }
}

/// Copies a row. Rows are short: two ends that overlap take less than a call.
#[inline(always)]
fn copy_row<T: Copy>(from: &[T], to: &mut [T]) {
    match from.len() {
        0..2 => copy_ends::<T, 1>(from, to),
        2..4 => copy_ends::<T, 2>(from, to),
        4..8 => copy_ends::<T, 4>(from, to),
        8..16 => copy_ends::<T, 8>(from, to),
        16..=32 => copy_ends::<T, 16>(from, to),
        _ => to.copy_from_slice(from),
    }
}

#[inline(always)]
fn copy_ends<T: Copy, const N: usize>(from: &[T], to: &mut [T]) {
    if let (Some(first), Some(to)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
        *to = *first;
    }
    if let (Some(last), Some(to)) = (from.last_chunk::<N>(), to.last_chunk_mut::<N>()) {
        *to = *last;
    }
}

/// One product: outputs of so many rows and columns, which lie in the target from a place on, some steps apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Where each column of the first matrix begins: for all channels of a group, for all taps.
    pub offsets: Vec<usize>,
    /// The number of each tap in the kernel.
    pub taps: Vec<usize>,
    sides: (usize, usize),
    first: (usize, usize),
    step: (usize, usize),
    /// Numbers from one row to the next, and from one image to the next.
    row: usize,
    image: usize,
}

impl Sweep {
    /// From the first to the last output of so many images.
    pub fn len(&self, images: usize) -> usize {
        (images - 1) * self.image + (self.sides.0 - 1) * self.row + self.sides.1
    }

    /// Rows of the matrix, which are whole vectors.
    pub fn rows(&self, images: usize) -> usize {
        self.len(images).next_multiple_of(VECTOR)
    }

    /// Copies the outputs of an image and a channel to where they belong.
    pub fn place<T: Copy>(
        &self,
        outputs: &[T],
        number: usize,
        channel: usize,
        lie: Lie,
        to: &mut [T],
    ) {
        for h in 0..self.sides.0 {
            let at = lie.at(channel, self.first.0 + h * self.step.0, self.first.1);
            let from = &outputs[number * self.image + h * self.row..];
            copy(from, 1, &mut to[at..], self.step.1 * lie.column, self.sides.1);
        }
    }

    /// The other way, over zeros.
    pub fn widen<T: Copy>(
        &self,
        values: &[T],
        number: usize,
        channel: usize,
        lie: Lie,
        to: &mut [T],
    ) {
        for h in 0..self.sides.0 {
            let at = lie.at(channel, self.first.0 + h * self.step.0, self.first.1);
            let to = &mut to[number * self.image + h * self.row..];
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
        // And so are rows before and behind an image those between it and the next one.
        let image = row * (of_phase.0 + before.0).max(heights.end);
        let images = TOGETHER.div_ceil(image).clamp(1, MOST_IMAGES);
        let plane = images * image + before.0 * row + before.1 + of_phase.1.max(widths.end);
        let planes = Planes { channels, phases, sides, before, row, image, plane, images };
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
                sides: part.sides,
                first: part.first,
                step,
                row,
                image,
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
