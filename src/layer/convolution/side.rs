//! One side of the planes that an image is copied into.

use super::axis::Tap;

/// A side of an image, and its taps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Into how many planes what is read is divided.
    pub phases: usize,
    /// From one output's place to the next.
    pub step: usize,
    /// Zeros before what is read.
    pub before: usize,
    /// What is read, of the phase that has most.
    pub len: usize,
    /// Behind the last place that is read.
    pub end: usize,
}

impl Side {
    /// Of so many numbers, with taps and places that are `stride` apart, which phases take apart or not.
    pub fn new<'a>(
        read: usize,
        (stride, phases): (usize, usize),
        parts: impl Iterator<Item = (&'a [Tap], usize)>,
    ) -> Self {
        let len = read.div_ceil(phases);
        let mut side = Self { phases, step: stride / phases, before: 0, len, end: 0 };
        for (taps, outputs) in parts {
            for tap in taps {
                let (_, shift) = side.of(*tap);
                let last = shift + (outputs.saturating_sub(1) * side.step) as isize;
                side.before = side.before.max(shift.min(0).unsigned_abs());
                side.end = side.end.max((last + 1).max(0) as usize);
            }
        }
        side
    }

    /// The phase that a tap reads, and how far from an output's place.
    pub fn of(&self, tap: Tap) -> (usize, isize) {
        let phases = self.phases as isize;
        (tap.shift.rem_euclid(phases) as usize, tap.shift.div_euclid(phases))
    }

    /// Numbers from one row to the next: what is read before or behind a row is the zeros between it and its neighbour.
    pub fn pitch(&self) -> usize {
        (self.len + self.before).max(self.end)
    }
}
