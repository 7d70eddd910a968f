//! One side of an image, and how a kernel moves along it.

use crate::layer::field::Steps;
use crate::layer::told::Told;

/// How a kernel moves along one side of an image: output o is made of the inputs o · stride + tap · dilation − before,
/// those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Zeros before the first input.
    pub before: usize,
}

/// What is said of how a kernel moves; the sizes tell the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moves {
    pub kernel: usize,
    pub dilation: usize,
    pub stride: Option<usize>,
    pub before: Option<usize>,
}

/// A tap of the kernel, and how far from a place it lies in the side that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    pub tap: usize,
    pub shift: isize,
}

impl Axis {
    /// The axis that these sizes have, if they have exactly one: all inputs are read, but for a rest that is less than
    /// another step, with fewer zeros around them than the kernel has taps, as many on both sides but for those that
    /// stay unread, as with PyTorch's `padding`. As many outputs as inputs may also have one zero more behind them, and
    /// kernels that reach out of the image as far as they can all their zeros.
    pub const fn between(inputs: usize, outputs: usize, kernel: usize) -> Told<Self> {
        Self::told(inputs, outputs, Moves { kernel, dilation: 1, stride: None, before: None })
    }

    /// The same where some of it is given.
    pub const fn find(inputs: usize, outputs: usize, moves: Moves) -> Option<Self> {
        Self::told(inputs, outputs, moves).one()
    }

    const fn told(inputs: usize, outputs: usize, moves: Moves) -> Told<Self> {
        let Moves { kernel, dilation, .. } = moves;
        if inputs == 0 || outputs == 0 || kernel == 0 || dilation == 0 {
            return Told::Nothing;
        }
        let reach = (kernel - 1).saturating_mul(dilation).saturating_add(1);
        // Beyond the last one inputs between two places of the kernel would not be read.
        let (mut stride, last) = match moves.stride {
            Some(stride) => (stride, stride),
            None if kernel > 1 => (1, if inputs < reach { inputs } else { reach }),
            None if outputs == 1 => (1, 1),
            None => (1, (inputs - 1) / (outputs - 1) + 1),
        };
        let mut found: Option<Self> = None;
        while stride <= last && stride > 0 {
            let read = (outputs - 1).saturating_mul(stride).saturating_add(reach);
            let zeros = read.saturating_sub(inputs);
            let before = match moves.before {
                Some(before) => before,
                None => zeros.div_ceil(2),
            };
            let axis = Self { inputs, outputs, kernel, stride, dilation, before };
            if (moves.before.is_some() || zeros < reach) && axis.outputs() == outputs {
                match found {
                    Some(other) if other.before != before || outputs > 1 => return Told::Several,
                    Some(_) => {}
                    None => found = Some(axis),
                }
            }
            stride = stride.wrapping_add(1);
        }
        if let Some(axis) = found {
            return Told::One(axis);
        }
        if inputs > outputs || outputs - inputs >= reach {
            return Told::Nothing;
        }
        // One zero more behind than before.
        let before = (outputs - inputs + reach - 1) / 2;
        match (moves.stride, moves.before) {
            (None | Some(1), None) => {}
            (None | Some(1), Some(given)) if given == before => {}
            _ => return Told::Nothing,
        }
        Told::One(Self { inputs, outputs, kernel, stride: 1, dilation, before })
    }

    /// How many outputs there are with so many zeros before and behind the inputs; 0 where the kernel does not fit.
    pub const fn outputs(&self) -> usize {
        let reach = (self.kernel - 1).saturating_mul(self.dilation).saturating_add(1);
        match self.inputs.saturating_add(2 * self.before).checked_sub(reach) {
            Some(room) => room / self.stride + 1,
            None => 0,
        }
    }

    /// How outputs look at inputs.
    pub fn steps(&self) -> Steps {
        let reach = ((self.kernel - 1) * self.dilation) as i64;
        let before = self.before as i64;
        Steps { step: self.stride as i64, per: 1, first: -before, last: reach - before }
    }

    /// The taps from outputs to inputs.
    pub fn taps(&self) -> Vec<Tap> {
        let shift = |tap: usize| (tap * self.dilation) as isize - self.before as isize;
        (0..self.kernel).map(|tap| Tap { tap, shift: shift(tap) }).collect()
    }

    /// The taps from the inputs of a phase, which are every `stride`-th, to outputs.
    pub fn taps_back(&self, phase: usize) -> Vec<Tap> {
        let stride = self.stride as isize;
        let of_tap = |tap: usize| {
            let place = (phase + self.before) as isize - (tap * self.dilation) as isize;
            (place % stride == 0).then_some(Tap { tap, shift: place / stride })
        };
        (0..self.kernel).filter_map(of_tap).collect()
    }

    /// How many inputs are in a phase.
    pub fn inputs_of(&self, phase: usize) -> usize {
        self.inputs.saturating_sub(phase).div_ceil(self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stride and zeros before, as PyTorch's layers have them whose output sizes these are.
    #[test]
    fn sizes_tell_stride_and_zeros() {
        let tell = |inputs, outputs, kernel| {
            Axis::between(inputs, outputs, kernel).one().map(|axis| (axis.stride, axis.before))
        };
        assert_eq!(tell(28, 28, 3), Some((1, 1)));
        assert_eq!(tell(28, 28, 5), Some((1, 2)));
        assert_eq!(tell(28, 28, 1), Some((1, 0)));
        assert_eq!(tell(28, 26, 3), Some((1, 0)));
        assert_eq!(tell(28, 14, 3), Some((2, 1)));
        assert_eq!(tell(28, 14, 4), Some((2, 1)));
        assert_eq!(tell(28, 14, 5), Some((2, 2)));
        assert_eq!(tell(28, 14, 2), Some((2, 0)));
        assert_eq!(tell(28, 14, 1), Some((2, 0)));
        assert_eq!(tell(28, 13, 3), Some((2, 0))); // one column is not read
        assert_eq!(tell(28, 10, 3), Some((3, 1)));
        assert_eq!(tell(7, 4, 3), Some((2, 1)));
        assert_eq!(tell(2, 1, 3), Some((2, 1)));
        assert_eq!(tell(7, 1, 7), Some((1, 0)));
        assert_eq!(tell(1, 1, 3), Some((1, 1)));
        assert_eq!(tell(28, 30, 3), Some((1, 2)));
        assert_eq!(tell(28, 28, 4), Some((1, 1))); // and two zeros behind
        assert_eq!(tell(4, 2, 3), None); // stride 1 without zeros, or 2 with one
        assert_eq!(tell(5, 3, 3), None);
        assert_eq!(tell(8, 4, 5), None);
        assert_eq!(tell(28, 40, 3), None); // zeros wider than the kernel
        assert_eq!(tell(28, 3, 3), None); // every tenth column would be read
        assert_eq!(tell(28, 0, 3), None);
    }

    #[test]
    fn it_is_told_why_sizes_tell_no_stride() {
        for (inputs, outputs) in [(4, 2), (5, 3)] {
            assert_eq!(Axis::between(inputs, outputs, 3), Told::Several);
        }
        for (inputs, outputs) in [(28, 40), (28, 3), (28, 12), (14, 28), (28, 0)] {
            assert_eq!(Axis::between(inputs, outputs, 3), Told::Nothing);
        }
    }

    #[test]
    fn what_is_given_is_taken() {
        let find = |inputs, outputs, stride, before| {
            let moves = Moves { kernel: 3, dilation: 1, stride, before };
            Axis::find(inputs, outputs, moves).map(|axis| (axis.stride, axis.before))
        };
        assert_eq!(find(4, 2, Some(2), None), Some((2, 1)));
        assert_eq!(find(4, 2, Some(1), None), Some((1, 0)));
        assert_eq!(find(28, 14, None, Some(1)), Some((2, 1)));
        assert_eq!(find(4, 2, None, Some(1)), None); // or stride 3
        assert_eq!(find(4, 2, None, Some(0)), Some((1, 0)));
        assert_eq!(find(4, 2, Some(2), Some(0)), None);
        assert_eq!(find(1, 9, Some(1), Some(5)), Some((1, 5)));
        assert_eq!(find(28, 3, Some(10), None), Some((10, 0)));
        assert_eq!(find(7, 14, Some(2), None), None); // zeros all around: the other way was meant
        assert_eq!(find(4, 28, Some(1), None), None);
        assert_eq!(find(8, 1, Some(usize::MAX), None), Some((usize::MAX, 0)));
        let even = |stride, before| {
            let moves = Moves { kernel: 4, dilation: 1, stride, before };
            Axis::find(28, 28, moves).map(|axis| (axis.stride, axis.before))
        };
        for (stride, before) in [(None, None), (Some(1), None), (None, Some(1)), (Some(1), Some(1))]
        {
            assert_eq!(even(stride, before), Some((1, 1)));
        }
        assert_eq!(even(None, Some(2)), None);
    }
}
