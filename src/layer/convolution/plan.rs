//! Where the numbers of an image lie for the sums that a convolution is.
//!
//! Images are copied, zeros around them, into planes, one for each channel, in which the same pixel of sixteen images
//! lies side by side. So a tap of the kernel is a distance from the place of an output, whatever stride and dilation
//! are, and sixteen outputs are summed together.
//!
//! A few images, or large ones, are copied one by one, and sixteen neighbours of a row are summed together. With a stride
//! there are as many planes as phases then, so that what a tap meets lies side by side. The rows of a plane have zeros
//! between them and are read as one long row; what comes out between two rows is left where it is.
//!
//! Going back, from outputs to inputs, is the same: each phase of the inputs is a convolution of the outputs.

use super::axis::{Axis, Tap};
use super::side::Side;
use super::table::Table;
use crate::batch::size::Shape;
use crate::layer::field::Lies;
use crate::numbers::correlation::{ABREAST, Places, padded};

/// Sums for outputs that lie in the target from a place on, some steps apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Where sixteen outputs have their place.
    pub places: Vec<usize>,
    /// How far from there what is summed lies: for all channels of a group, for all taps.
    pub offsets: Vec<usize>,
    /// The number of each tap in the kernel.
    pub taps: Vec<usize>,
    /// Where its results begin, among those of a group.
    pub begin: usize,
    sides: (usize, usize),
    first: (usize, usize),
}

/// One way through a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub sweeps: Vec<Sweep>,
    /// How many images lie side by side.
    pub abreast: usize,
    /// What is read, and what comes out.
    read: Image,
    target: Image,
    /// From one output to the next in the target.
    step: (usize, usize),
    sides: (Side, Side),
    /// Numbers of the planes, and of the results, of one group.
    pub of_group: (usize, usize),
    /// Where each number of what is read lies in the planes, and each number of the target among the results, if several
    /// images lie side by side.
    pub tables: (Table, Table),
}

/// The same way for many images and for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    many: Option<Way>,
    pub one: Way,
}

/// Numbers of planes and results that many images may have together: then they stay in the cache.
const MOST_TOGETHER: usize = 1 << 19;
/// So many images are worth going side by side.
const LEAST: usize = ABREAST / 2;

impl Ways {
    fn new(way: impl Fn(usize) -> Way) -> Self {
        let one = way(1);
        let (planes, results) = one.len();
        let is_small = planes.saturating_add(results) <= MOST_TOGETHER / ABREAST;
        Self { many: is_small.then(|| way(ABREAST)), one }
    }

    /// How many of so many images go side by side; those that are left go one by one.
    pub fn abreast(&self, samples: usize) -> usize {
        match (&self.many, samples % ABREAST) {
            (None, _) => 0,
            (_, LEAST..) => samples,
            (_, rest) => samples - rest,
        }
    }

    /// Images that are not parted between threads, or one of them would have some that go one by one.
    pub fn together(&self) -> usize {
        if self.many.is_some() { ABREAST } else { 1 }
    }

    /// For those that go side by side.
    pub fn many(&self) -> &Way {
        self.many.as_ref().unwrap_or(&self.one)
    }
}

/// An image of some groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Image {
    lies: Lies,
    /// Channels of one group.
    each: usize,
}

/// What a convolution leads from and to.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    pub input: Shape,
    pub output: Shape,
    pub is_window: bool,
    pub groups: usize,
    pub axes: (Axis, Axis),
}

impl Ends {
    fn images(&self) -> (Image, Image) {
        let image = |shape: Shape| Image {
            lies: Lies { shape, is_interleaved: self.is_window },
            each: shape.channels / self.groups,
        };
        (image(self.input), image(self.output))
    }

    /// From inputs to outputs.
    pub fn there(&self) -> Ways {
        Ways::new(|abreast| self.there_by(abreast))
    }

    /// From gradients at outputs to those at inputs.
    pub fn back(&self) -> Ways {
        Ways::new(|abreast| self.back_by(abreast))
    }

    /// So many images at a time.
    fn there_by(&self, abreast: usize) -> Way {
        let ((height, width), (read, target)) = (self.axes, self.images());
        let part = Part {
            taps: (height.taps(), width.taps()),
            sides: (height.outputs, width.outputs),
            first: (0, 0),
        };
        Way::new(read, target, (height.stride, width.stride), (1, 1), abreast, self, &[part])
    }

    /// The same: a part for each phase of the inputs.
    fn back_by(&self, abreast: usize) -> Way {
        let ((height, width), (target, read)) = (self.axes, self.images());
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
        Way::new(read, target, (1, 1), (height.stride, width.stride), abreast, self, &parts)
    }
}

impl Way {
    fn new(
        read: Image,
        target: Image,
        strides: (usize, usize),
        step: (usize, usize),
        abreast: usize,
        ends: &Ends,
        parts: &[Part],
    ) -> Self {
        // Outputs that lie side by side read what does.
        let phases = if abreast == 1 { strides } else { (1, 1) };
        let heights = parts.iter().map(|part| (&part.taps.0[..], part.sides.0));
        let widths = parts.iter().map(|part| (&part.taps.1[..], part.sides.1));
        let height = Side::new(read.lies.shape.height, (strides.0, phases.0), heights);
        let width = Side::new(read.lies.shape.width, (strides.1, phases.1), widths);
        let mut way = Self {
            sweeps: Vec::new(),
            abreast,
            read,
            target,
            step,
            sides: (height, width),
            of_group: (0, 0),
            tables: Default::default(),
        };
        way.of_group.0 = read.each * way.of_channel() * abreast;
        let kernel_width = ends.axes.1.kernel;
        parts.iter().for_each(|part| way.push(part, kernel_width));
        if abreast > 1 {
            let (planes, results) = way.len();
            way.tables = (
                Table::new(read.lies.shape.values(), planes, |each| way.for_each_input(each)),
                Table::new(target.lies.shape.values(), results, |each| way.for_each_output(each)),
            );
        }
        way
    }

    fn push(&mut self, part: &Part, kernel_width: usize) {
        let (height, width) = &self.sides;
        let row = width.pitch();
        let mut offsets = Vec::new();
        for channel in 0..self.read.each {
            for (h, w) in part.taps() {
                let ((h_phase, h), (w_phase, w)) = (height.of(h), width.of(w));
                let plane = h_phase * width.phases + w_phase;
                let (h, w) = (h + height.before as isize, w + width.before as isize);
                let place = plane * self.plane() + h as usize * row + w as usize;
                offsets.push((channel * self.of_channel() + place) * self.abreast);
            }
        }
        let (rows, columns) = part.sides;
        let places = if self.abreast == 1 {
            (0..(rows - 1) * row + columns).step_by(ABREAST).collect()
        } else {
            let place = |h, w| (h * height.step * row + w * width.step) * self.abreast;
            (0..rows).flat_map(|h| (0..columns).map(move |w| place(h, w))).collect()
        };
        let sweep = Sweep {
            places,
            offsets,
            taps: part.taps().map(|(h, w)| h.tap * kernel_width + w.tap).collect(),
            begin: self.of_group.1,
            sides: part.sides,
            first: part.first,
        };
        self.of_group.1 += sweep.len(self.target.each);
        self.sweeps.push(sweep);
    }

    /// Numbers of a plane.
    fn plane(&self) -> usize {
        let (height, width) = &self.sides;
        (height.before + height.len.max(height.end)) * width.pitch() + width.before
    }

    /// Numbers of one channel's planes.
    fn of_channel(&self) -> usize {
        self.sides.0.phases * self.sides.1.phases * self.plane()
    }

    /// Numbers of all planes, and those behind them that are read with the last; and of all results.
    pub fn len(&self) -> (usize, usize) {
        let groups = self.read.lies.shape.channels / self.read.each;
        ((groups * self.of_group.0 + ABREAST).next_multiple_of(ABREAST), groups * self.of_group.1)
    }

    /// For each number of what is read its place in the planes, that of the first image.
    #[inline(always)]
    pub fn for_each_input(&self, mut work: impl FnMut(usize, usize)) {
        let ((height, width), Lies { shape, .. }) = (&self.sides, self.read.lies);
        let row = width.pitch();
        for channel in 0..shape.channels {
            for h in 0..shape.height {
                let planes = channel * self.of_channel()
                    + h % height.phases * width.phases * self.plane()
                    + (h / height.phases + height.before) * row
                    + width.before;
                for phase in 0..width.phases {
                    let mut place = (planes + phase * self.plane()) * self.abreast;
                    for w in (phase..shape.width).step_by(width.phases) {
                        work(self.read.lies.at(channel, h, w), place);
                        place += self.abreast;
                    }
                }
            }
        }
    }

    /// For each number of the target its place among the results, that of the first image.
    #[inline(always)]
    pub fn for_each_output(&self, mut work: impl FnMut(usize, usize)) {
        let Image { lies, each } = self.target;
        let (units, row) = (padded(each), self.sides.1.pitch());
        for channel in 0..lies.shape.channels {
            let (group, unit) = (channel / each, channel % each);
            for sweep in &self.sweeps {
                let begin = group * self.of_group.1 + sweep.begin;
                for h in 0..sweep.sides.0 {
                    for w in 0..sweep.sides.1 {
                        let (place, lane) = if self.abreast == 1 {
                            let place = h * row + w;
                            (place / ABREAST, place % ABREAST)
                        } else {
                            (h * sweep.sides.1 + w, 0)
                        };
                        let place = begin + (place * units + unit) * ABREAST + lane;
                        let (h, w) = (h * self.step.0, w * self.step.1);
                        work(lies.at(channel, sweep.first.0 + h, sweep.first.1 + w), place);
                    }
                }
            }
        }
    }

    /// Channels of a group that come out.
    pub fn units(&self) -> usize {
        self.target.each
    }
}

impl Sweep {
    /// What it multiplies of the planes of a group.
    pub fn of<'a, T>(&'a self, data: &'a [T]) -> Places<'a, T> {
        Places { data, places: &self.places, offsets: &self.offsets }
    }

    /// How many weights so many units have.
    pub fn weights(&self, units: usize) -> usize {
        self.offsets.len() * padded(units)
    }

    /// How many results so many units have.
    pub fn len(&self, units: usize) -> usize {
        self.places.len() * padded(units) * ABREAST
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
