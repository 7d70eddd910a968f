//! Receptive fields: the places of an image, or the steps of a window, that a place of a layer's output looks at.

use std::fmt;

use crate::batch::BatchView;
use crate::batch::size::{Shape, Size, require_sides};
use crate::error::{Result, require_fit};

/// Places along one side of an image, from the first to the last. Those below 0, and those behind the end, are the zeros
/// around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: i64,
    /// The last; less than the first where there are none.
    pub last: i64,
}

impl Span {
    /// One place.
    pub fn at(place: usize) -> Self {
        let place = place as i64;
        Self { first: place, last: place }
    }

    /// How many places there are.
    pub fn len(self) -> usize {
        self.last.saturating_sub(self.first).saturating_add(1).max(0) as usize
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// All from the first of both to the last of both.
    pub fn with(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// How the outputs along one side of an image look at its inputs.
///
/// # Formula
/// Output o looks at the inputs from ⌈(step · o + first) / per⌉ to ⌊(step · o + last) / per⌋.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Inputs from one output to the next, times `per`.
    pub step: i64,
    /// Outputs to a step; at least 1.
    pub per: i64,
    /// From an output's place to the first input.
    pub first: i64,
    /// From an output's place to the last input.
    pub last: i64,
}

impl Steps {
    /// Each output looks at the input in its place.
    pub const SAME: Self = Self { step: 1, per: 1, first: 0, last: 0 };

    /// Windows of so many inputs, so many from one to the next.
    pub(crate) fn windows(stride: usize, kernel: usize) -> Self {
        Self { step: stride as i64, per: 1, first: 0, last: kernel as i64 - 1 }
    }

    /// The way back: which outputs an input is in.
    pub fn back(self) -> Self {
        Self { step: self.per, per: self.step, first: -self.last, last: -self.first }
    }

    /// The inputs that some outputs look at.
    pub fn of(self, outputs: Span) -> Span {
        let Self { step, per, first, last } = self;
        let per = per.max(1);
        if outputs.is_empty() {
            return outputs;
        }
        let place = |output: i64, by: i64| output.saturating_mul(step).saturating_add(by);
        // ⌈a / b⌉ = −⌊−a / b⌋
        let first = -place(outputs.first, first).saturating_neg().div_euclid(per);
        Span { first, last: place(outputs.last, last).div_euclid(per) }
    }
}

/// How the values of an image or a window lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lies {
    /// Channels, rows and columns.
    pub shape: Shape,
    /// Whether the channels of each place lie side by side, as in a window.
    pub is_interleaved: bool,
}

impl Lies {
    /// As a size says it; nothing of plain features.
    pub fn of(size: impl Size) -> Option<Self> {
        let (shape, is_interleaved) = (size.shape(), size.is_interleaved());
        (!size.is_plain()).then_some(Self { shape, is_interleaved })
    }

    /// Plain features: each a channel of one pixel.
    pub fn plain(features: usize) -> Self {
        let shape = Shape { channels: features, height: 1, width: 1 };
        Self { shape, is_interleaved: false }
    }

    /// How the outputs of a layer lie that says so much of it, behind one whose outputs lie so: where it says nothing and
    /// keeps each value in its place, as an activation of plain features does, they stay as they were.
    pub(crate) fn behind(
        before: Option<Self>,
        says: Option<Self>,
        keeps_places: bool,
    ) -> Option<Self> {
        says.or_else(|| before.filter(|_| keeps_places))
    }

    /// Refuses what lies otherwise: an image or a window of other sides, and one beside the other. What is not known to be
    /// either is taken as it is; values are counted elsewhere.
    pub(crate) fn require(
        place: &'static str,
        expected: Option<Self>,
        found: Option<Self>,
    ) -> Result<()> {
        let (Some(expected), Some(found)) = (expected, found) else { return Ok(()) };
        if expected.shape.values() != found.shape.values() {
            return Ok(());
        }
        let fault = "cannot be an image on one side and a window on the other: an image lies channel by channel, a \
                     window step by step";
        let remedy = "make both images, or both windows";
        require_fit(expected.is_ordered_as(found), place, fault, remedy)?;
        require_sides(place, ["channels", "rows", "columns"], expected.shape, found.shape)
    }

    /// Whether both go channel by channel, or both step by step; of a single channel, or a single place, both ways are the
    /// same.
    pub(crate) fn is_ordered_as(self, other: Self) -> bool {
        let is_single = |lies: Self| {
            let Shape { channels, height, width } = lies.shape;
            channels == 1 || (height, width) == (1, 1)
        };
        self.is_interleaved == other.is_interleaved || (is_single(self) && is_single(other))
    }

    /// Where a value lies.
    pub fn at(&self, channel: usize, row: usize, column: usize) -> usize {
        let Shape { channels, height, width } = self.shape;
        if self.is_interleaved {
            (row * width + column) * channels + channel
        } else {
            (channel * height + row) * width + column
        }
    }
}

/// One layer of a chain after a forward pass.
#[derive(Clone, Copy)]
pub struct Link<'a, T> {
    /// Its outputs.
    pub y: BatchView<'a, T>,
    /// How they lie, if it says so: see [`Module::lies`](super::Module::lies).
    pub lies: Option<Lies>,
    /// Whether each lies where the input of the same number does: see
    /// [`Module::keeps_places`](super::Module::keeps_places).
    pub keeps_places: bool,
    /// What of its inputs some of them look at: see [`Module::field`](super::Module::field).
    pub field: &'a dyn Fn([Span; 2]) -> Option<[Span; 2]>,
}

impl<T: fmt::Debug> fmt::Debug for Link<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { y, lies, keeps_places, .. } = self;
        let mut debug = f.debug_struct("Link");
        debug.field("y", y).field("lies", lies).field("keeps_places", keeps_places);
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways, against all pairs of places: an output of a convolution looks at s o + d a − p.
    #[test]
    fn spans_are_those_of_the_definition() {
        for (kernel, stride, dilation, before) in
            [(3, 1, 1, 1), (3, 2, 1, 1), (2, 3, 1, 0), (4, 2, 3, 5), (1, 1, 1, 0), (1, 4, 1, 2)]
        {
            let last = (kernel - 1) * dilation - before;
            let steps = Steps { step: stride, per: 1, first: -before, last };
            let taps = |o: i64| (0..kernel).map(move |a| stride * o + dilation * a - before);
            for o in 0..20 {
                let span = steps.of(Span::at(o as usize));
                assert_eq!(
                    (span.first, span.last),
                    (taps(o).min().unwrap(), taps(o).max().unwrap())
                );
            }
            let back = steps.back();
            for i in 0..20 {
                // Between the first and the last tap.
                let hull =
                    |o: &i64| (taps(*o).min().unwrap()..=taps(*o).max().unwrap()).contains(&i);
                let outputs: Vec<i64> = (-30..60).filter(hull).collect();
                let span = back.of(Span::at(i as usize));
                assert_eq!(span.len(), outputs.len(), "{steps:?} {i}");
                if let (Some(&first), Some(&last)) = (outputs.first(), outputs.last()) {
                    assert_eq!((span.first, span.last), (first, last));
                }
            }
        }
    }

    #[test]
    fn sizes_beyond_all_numbers_do_not_overflow() {
        let steps = Steps { step: i64::MAX, per: 1, first: i64::MIN, last: i64::MAX };
        let span = steps.of(steps.of(Span::at(7)));
        assert_eq!(span.last, i64::MAX);
        assert!(span.first <= 0);
        assert_eq!(Steps::SAME.of(Span::at(3)), Span::at(3));
    }
}
